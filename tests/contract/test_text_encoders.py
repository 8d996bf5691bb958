"""Every family of masked language models, tiny and random, with the kind of tokenizer that it is published with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kgzsl.errors import ConfigError
from kgzsl.model.config import ModelConfig
from kgzsl.model.text_encoder import TextEncoder, load_tokenizer, tokenize
from kgzsl.ontology import Fact
from kgzsl.semantics import Attribute, Prompt, Span
from kgzsl.train.masking import PromptTokens, tokenize_prompts

BERT: dict[str, Any] = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 32}
BERT["max_position_embeddings"] = 80
DISTILBERT = {"dim": 32, "n_layers": 3, "n_heads": 2, "hidden_dim": 32, "max_position_embeddings": 80}
DEBERTA = BERT | {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_biased_input": False}
ASPECTS = {"color": ("red", "dark blue", "café brown"), "has pattern": ("zigzag-striped",), "tail": ("bushy tail", "x")}
ATTRIBUTES = tuple(Attribute(aspect, value) for aspect, values in ASPECTS.items() for value in values)
COLUMNS = {attribute: column for column, attribute in enumerate(ATTRIBUTES)}


@dataclass(frozen=True)
class Family:
    """What is known of a family.

    Args:
        config: class of transformers.
        arguments: of the class.
        pieces: kind of its tokenizer.
        blocks: the list that holds its layers.
        last: what a tuned last layer brings along: prefixes of parameters.
        limit: the longest text.
    """

    config: str
    arguments: dict[str, Any]
    pieces: str
    blocks: str = "encoder.layer"
    last: tuple[str, ...] = ()
    limit: int = 80


FAMILIES = {
    "bert": Family("BertConfig", BERT, "wordpiece"),
    "roberta": Family("RobertaConfig", BERT, "bytes", limit=78),
    "distilbert": Family("DistilBertConfig", DISTILBERT, "wordpiece", blocks="transformer.layer"),
    "mpnet": Family("MPNetConfig", BERT, "wordpiece", limit=78),
    "deberta": Family("DebertaV2Config", DEBERTA, "unigram"),
    "modernbert": Family("ModernBertConfig", BERT, "bytes", blocks="layers", last=("final_norm",)),
    # Word embeddings of another width than the states.
    "electra": Family("ElectraConfig", BERT | {"embedding_size": 16}, "wordpiece"),
}
families = pytest.mark.parametrize("name", FAMILIES)
Saved = Callable[[str], Path]


def prompt(chosen: set[Attribute]) -> Prompt:
    """``color : red,dark blue | has pattern :  | tail : x.`` with spans for the values."""
    text, spans = "", []
    for aspect, values in ASPECTS.items():
        text += f"{' | ' if text else ''}{aspect} : "
        comma = ""
        for value in values:
            attribute = Attribute(aspect, value)
            if attribute in chosen:
                text += comma
                spans.append(Span(len(text), len(text) + len(value), Fact("ex:c", aspect, value), attribute))
                text, comma = text + value, ","
    return Prompt(text + ".", tuple(spans))


WHOLE = prompt(set(ATTRIBUTES))
TEXTS = [WHOLE.text, prompt(set()).text, "color : red,dark", "abcdefghijklmnopqrstuvwxyz"]


def trained_tokenizer(pieces: str) -> Any:
    """A small tokenizer of a kind, trained on the prompts: words in pieces, and no word whole but the shortest."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    rounded = pieces == "wordpiece"
    names = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]") if rounded else ("<pad>", "<unk>", "<s>", "</s>", "<mask>")
    # RoBERTa's padding has the number 1, and places are counted from there.
    special = list(names) if rounded else [names[2], names[0], names[3], names[1], names[4]]
    if rounded:
        tokenizer = Tokenizer(models.WordPiece(unk_token=names[1]))
        tokenizer.normalizer, tokenizer.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
        trainer: Any = trainers.WordPieceTrainer(vocab_size=70, special_tokens=special)
    elif pieces == "bytes":
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(vocab_size=290, special_tokens=special, initial_alphabet=alphabet)
    else:
        tokenizer = Tokenizer(models.Unigram())
        tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
        trainer = trainers.UnigramTrainer(vocab_size=60, special_tokens=special, unk_token=names[1])
    tokenizer.train_from_iterator(TEXTS, trainer)
    ends = [(name, tokenizer.token_to_id(name)) for name in names[2:4]]
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{names[2]} $A {names[3]}", special_tokens=ends)
    roles = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), names, strict=True))
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **roles)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Saved:
    """The folder of a family's masked language model, with random weights and a tokenizer."""
    import transformers

    folders: dict[str, Path] = {}

    def folder(name: str) -> Path:
        if name not in folders:
            torch.manual_seed(0)
            family, tokenizer = FAMILIES[name], trained_tokenizer(FAMILIES[name].pieces)
            ends = {"bos_token_id": tokenizer.cls_token_id, "eos_token_id": tokenizer.sep_token_id}
            ends |= {"pad_token_id": tokenizer.pad_token_id, "vocab_size": len(tokenizer)}
            ends |= {"cls_token_id": tokenizer.cls_token_id, "sep_token_id": tokenizer.sep_token_id}
            config = getattr(transformers, family.config)(**family.arguments, **ends)
            folders[name] = tmp_path_factory.mktemp("model")
            transformers.AutoModelForMaskedLM.from_config(config).save_pretrained(folders[name])
            tokenizer.save_pretrained(folders[name])
        return folders[name]

    return folder


def encoder(folder: Path, **changes: Any) -> TextEncoder:
    torch.manual_seed(0)
    return TextEncoder(ModelConfig(dim=16, heads=2, text_encoder=str(folder), **changes), vocabulary=0)


@families
def test_texts_become_states_of_the_width(saved: Saved, name: str) -> None:
    tokenizer, model = load_tokenizer(saved(name)), encoder(saved(name)).eval()
    tokens, mask = tokenize(tokenizer, TEXTS)
    with torch.inference_mode():
        states = model(tokens, mask)
        assert states.shape == (*tokens.shape, 16)
        alone = model(*tokenize(tokenizer, TEXTS[2:3]))[0]
    torch.testing.assert_close(states[2, : len(alone)], alone, atol=1e-5, rtol=1e-4)


@families
def test_the_longest_text(saved: Saved, name: str) -> None:
    model = encoder(saved(name)).eval()
    assert model.limit == FAMILIES[name].limit
    tokens = torch.full((1, model.limit), 5)
    with torch.inference_mode():
        assert model(tokens, torch.ones_like(tokens)).isfinite().all()


@families
def test_frozen_by_default_or_its_last_layers_learn(saved: Saved, name: str) -> None:
    family = FAMILIES[name]
    frozen, last, every = (encoder(saved(name), **c).train() for c in ({}, tuned(1), tuned(-1)))
    assert not any(p.requires_grad for p in frozen.transformer.parameters())
    assert not any(module.training for module in frozen.transformer.modules())
    wanted = tuple(f"{prefix}." for prefix in (f"{family.blocks}.2", *family.last))
    names = {key for key, _ in last.transformer.named_parameters()}
    found = {key for key, p in last.transformer.named_parameters() if p.requires_grad}
    after = {key for key in names if key.startswith(wanted)}
    # DeBERTa shares a normalization of relative places, beside its layers.
    assert found - {key for key in names if key.startswith("encoder.LayerNorm")} == after
    assert after
    assert all(p.requires_grad for key, p in every.transformer.named_parameters() if not key.startswith("pooler"))
    with pytest.raises(ConfigError, match=r"model.tuned_text_blocks = 9; expected at most 3"):
        encoder(saved(name), **tuned(9))


def tuned(blocks: int) -> dict[str, Any]:
    return {"tuned_text_blocks": blocks}


@families
def test_words_are_scored_by_the_models_own(saved: Saved, name: str) -> None:
    model = encoder(saved(name))
    head = model.word_head(16)
    words: Any = model.transformer.get_input_embeddings()
    states = torch.randn(3, 16)
    assert head(states).shape == (3, model.vocabulary)
    assert {key for key, _ in head.named_parameters() if "bias" not in key} == {
        "transform.0.weight",
        "transform.2.weight",
    }
    with torch.no_grad():
        before = head(states)
        words.weight[7] *= 2
        torch.testing.assert_close(head(states)[:, 7], 2 * before[:, 7])


@families
def test_a_frozen_model_reads_fixed_texts_once(saved: Saved, name: str) -> None:
    model, (tokens, mask) = encoder(saved(name)).train(), tokenize(load_tokenizer(saved(name)), TEXTS)
    calls: list[int] = []
    model.transformer.register_forward_hook(lambda *_: calls.append(1))
    with torch.inference_mode():
        first = model.fixed(tokens, mask)
    again = model.fixed(tokens, mask)
    again.sum().backward()  # what comes after it learns
    assert len(calls) == 1
    assert torch.equal(first, again)
    assert torch.equal(model(tokens, mask), again)
    other = encoder(saved(name), **tuned(1))
    with torch.no_grad():
        other.transformer.get_input_embeddings().weight.mul_(2)
    model.load_state_dict(other.state_dict())
    calls.clear()
    assert torch.equal(model.fixed(tokens, mask), model(tokens, mask))
    assert not torch.equal(model.fixed(tokens, mask), again)
    assert len(calls) == 2
    tokens[0, 1] = 6
    assert torch.equal(model.fixed(tokens, mask), model(tokens, mask))
    for length in (4, 3):  # texts that come and go
        text, real = tokens[:, :length].clone(), mask[:, :length].clone()
        assert torch.equal(model.fixed(text, real), model(text, real))


@families
def test_a_saved_shape_and_tokenizer_are_enough(saved: Saved, name: str, tmp_path: Path) -> None:
    tokenizer, model = load_tokenizer(saved(name)), encoder(saved(name)).eval()
    tokenizer.save_pretrained(tmp_path)
    model.transformer.config.save_pretrained(tmp_path)
    config = ModelConfig(dim=16, heads=2, text_encoder=str(tmp_path))
    again = TextEncoder(config, vocabulary=0, weights=False).eval()
    again.load_state_dict(model.state_dict())
    kept = load_tokenizer(tmp_path)
    assert kept.mask_token_id == tokenizer.mask_token_id
    with torch.inference_mode():
        expected = model(*tokenize(tokenizer, TEXTS))
        assert torch.equal(again(*tokenize(kept, TEXTS)), expected)


@families
def test_a_value_of_many_pieces_is_as_many_masks(saved: Saved, name: str) -> None:
    tokenizer = load_tokenizer(saved(name))
    table = tokenize_prompts([WHOLE], tokenizer, columns=COLUMNS, budget=500)
    generator = torch.Generator().manual_seed(0)
    longest = 0
    for span in WHOLE.spans:
        column = COLUMNS[span.attribute]
        written = table.write(
            torch.tensor([0]), torch.tensor([column]), dropping=0, generator=generator, hidden=torch.tensor([True])
        )
        own = table.tokens[0][table.owner[0] == column]
        assert (written.tokens[written.places] == tokenizer.mask_token_id).all()
        assert written.words[written.places].tolist() == own.tolist()
        said = tokenizer.decode(own.tolist()).replace(" ", "").replace("#", "")
        value = span.attribute.filler.replace(" ", "")
        assert said == (value.replace("é", "e") if FAMILIES[name].pieces == "wordpiece" else value)
        # What is left are the others' words, and not a letter of its own.
        rest = written.tokens[0][(written.mask[0] > 0) & ~written.places[0]]
        assert len(rest) + len(own) == int(table.mask[0].sum())
        longest = max(longest, len(own))
    assert longest > 2
    assert table.owner[0].unique().tolist() == [-1, *range(len(ATTRIBUTES))]


@settings(max_examples=40, deadline=None)
@given(
    pieces=st.sampled_from(["wordpiece", "bytes", "unigram"]),
    classes=st.lists(st.sets(st.sampled_from(ATTRIBUTES), min_size=1), min_size=1, max_size=4),
    room=st.integers(0, 30),
    dropping=st.sampled_from([0.0, 0.5]),
    seed=st.integers(0, 1000),
)
def test_no_prompt_is_over_its_budget(
    tables: Any, pieces: str, classes: list[set[Attribute]], room: int, dropping: float, seed: int
) -> None:
    tokenizer = tables(pieces)
    prompts = [prompt(chosen) for chosen in classes]
    whole = tokenize_prompts(prompts, tokenizer, columns=COLUMNS, budget=500)
    least = max(shortest(whole, row) for row in range(len(prompts)))
    budget = least + room
    table = tokenize_prompts(prompts, tokenizer, columns=COLUMNS, budget=budget)
    generator = torch.Generator().manual_seed(seed)
    rows = torch.arange(len(prompts)).repeat(3)
    asked = table.choose(rows, generator=generator)
    written = table.write(
        rows, asked, dropping=dropping, generator=generator, hidden=torch.ones(len(rows), dtype=torch.bool)
    )
    assert written.tokens.shape[1] <= budget
    for place, row in enumerate(rows.tolist()):
        own = table.tokens[row][table.owner[row] == asked[place]]
        assert written.words[place][written.places[place]].tolist() == own.tolist()
        assert len(own)
        # What stays is in its order, nothing of an attribute is left alone, and properties are all there.
        left = written.words[place][written.mask[place] > 0].tolist()
        assert subsequence(left, table.tokens[row].tolist())
        structure = (table.mask[row] > 0) & (table.parts[row] < 0)
        assert subsequence(table.tokens[row][structure].tolist(), left)
        if not dropping and int(whole.mask[row].sum()) <= budget:
            assert left == whole.tokens[row][whole.mask[row] > 0].tolist()
    with pytest.raises(ConfigError, match=rf"a prompt of all properties and one value has {least} tokens"):
        tokenize_prompts(prompts, tokenizer, columns=COLUMNS, budget=least - 1)


@pytest.fixture(scope="module")
def tables() -> Callable[[str], Any]:
    made = {pieces: trained_tokenizer(pieces) for pieces in ("wordpiece", "bytes", "unigram")}
    return made.__getitem__


def shortest(table: PromptTokens, row: int) -> int:
    """Tokens of a prompt with the longest of its values alone."""
    real = table.mask[row] > 0
    values = [int((table.parts[row] == column).sum()) for column in table.owner[row][table.owner[row] >= 0].unique()]
    return int((real & (table.parts[row] < 0)).sum()) + max(values)


def subsequence(part: list[int], whole: list[int]) -> bool:
    """Whether a list is another with items left out."""
    rest = iter(whole)
    return all(item in rest for item in part)


def test_a_tokenizer_without_a_mask(saved: Saved, tmp_path: Path) -> None:
    tokenizer = trained_tokenizer("wordpiece")
    tokenizer.mask_token = None
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(ConfigError, match="has no mask token; expected a masked language model"):
        load_tokenizer(tmp_path)
