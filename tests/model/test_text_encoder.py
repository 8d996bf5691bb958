"""Tokenizers from an ontology's words, and the text encoder."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kgzsl.errors import ConfigError
from kgzsl.model.config import ModelConfig
from kgzsl.model.text_encoder import TextEncoder, build_tokenizer, load_tokenizer, tokenize

SMALL = ModelConfig(dim=16, heads=2, text_layers=1)
TEXTS = ["body color : scarlet", "pattern : zig-zag", "has part : sulfur_bottom's café", "Ünï × 3"]


@given(st.permutations(TEXTS))
def test_the_vocabulary_does_not_depend_on_order_or_repetition(texts: list[str]) -> None:
    expected = build_tokenizer(TEXTS).get_vocab()
    assert build_tokenizer(texts).get_vocab() == expected
    assert build_tokenizer([*texts, texts[0]]).get_vocab() == expected


def test_every_word_of_the_texts_is_one_token() -> None:
    tokenizer = build_tokenizer(TEXTS)
    for text in TEXTS:
        pieces = tokenizer.tokenize(text)
        assert "[UNK]" not in pieces
        assert not [p for p in pieces if p.startswith("##")], pieces


def test_unknown_words_fall_into_letters_and_come_back_whole() -> None:
    tokenizer = build_tokenizer(TEXTS)
    pieces = tokenizer.tokenize("Aardvark7")
    assert pieces == ["a", *(f"##{letter}" for letter in "ardvark7")]
    assert tokenizer.convert_tokens_to_string(pieces).replace(" ##", "") == "aardvark7"
    assert tokenizer.tokenize("語") == ["[UNK]"]


def test_special_tokens() -> None:
    tokenizer = build_tokenizer(TEXTS)
    assert tokenizer.mask_token == "[MASK]"
    assert tokenizer.pad_token_id == 0
    tokens, mask = tokenize(tokenizer, ["scarlet", "body color : scarlet"])
    assert mask.tolist() == [[1, 1, 1, 0, 0, 0], [1] * 6]
    assert tokenizer.convert_ids_to_tokens(tokens[0]) == ["[CLS]", "scarlet", "[SEP]", *["[PAD]"] * 3]


def test_long_texts_are_cut() -> None:
    tokens, mask = tokenize(build_tokenizer(TEXTS), ["scarlet " * 50], limit=10)
    assert tokens.shape == mask.shape == (1, 10)


def test_a_saved_tokenizer_is_the_same(tmp_path: Path) -> None:
    tokenizer = build_tokenizer(TEXTS)
    tokenizer.backend_tokenizer.save(str(tmp_path / "tokenizer.json"))
    loaded = load_tokenizer(tmp_path / "tokenizer.json")
    assert loaded.get_vocab() == tokenizer.get_vocab()
    assert loaded("body scarletish [MASK]")["input_ids"] == tokenizer("body scarletish [MASK]")["input_ids"]
    assert loaded.mask_token_id == tokenizer.mask_token_id


def test_no_tokenizer_there(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text('{"version": ')
    with pytest.raises(ConfigError, match="no tokenizer at"):
        load_tokenizer(tmp_path / "tokenizer.json")
    with pytest.raises(ConfigError, match="no tokenizer at"):
        load_tokenizer(tmp_path / "none")


def test_padding_does_not_change_text_states() -> None:
    torch.manual_seed(0)
    tokenizer = build_tokenizer(TEXTS)
    encoder = TextEncoder(SMALL, vocabulary=len(tokenizer)).eval()
    alone, alone_mask = tokenize(tokenizer, ["scarlet"])
    padded, padded_mask = tokenize(tokenizer, ["scarlet", TEXTS[2]])
    assert padded.shape[1] > alone.shape[1]
    with torch.inference_mode():
        one = encoder(alone, alone_mask)
        two = encoder(padded, padded_mask)
        torch.testing.assert_close(two[0, : alone.shape[1]], one[0])
        torch.testing.assert_close(encoder.mean(two, padded_mask)[0], encoder.mean(one, alone_mask)[0])
        # Whatever stands in the padding, it is not looked at.
        padded[0, alone.shape[1] :] = random.Random(0).randrange(len(tokenizer))
        torch.testing.assert_close(
            encoder.mean(encoder(padded, padded_mask), padded_mask)[0], encoder.mean(one, alone_mask)[0]
        )


def test_the_mean_is_over_real_tokens() -> None:
    states = torch.tensor([[[1.0], [3.0], [100.0]], [[5.0], [7.0], [9.0]]])
    assert TextEncoder.mean(states, torch.tensor([[1, 1, 0], [1, 1, 1]])).flatten().tolist() == [2.0, 7.0]
    assert TextEncoder.mean(states, torch.zeros(2, 3, dtype=torch.long)).flatten().tolist() == [0.0, 0.0]


@pytest.fixture(scope="module")
def bert_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("bert")
    tokenizer = build_tokenizer(TEXTS)
    torch.manual_seed(0)
    shape = {"hidden_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    BertModel(BertConfig(vocab_size=len(tokenizer), **shape)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_a_transformers_folder_is_projected_to_the_width(bert_folder: Path) -> None:
    tokenizer = load_tokenizer(bert_folder)
    encoder = TextEncoder(ModelConfig(dim=16, heads=2, text_encoder=str(bert_folder)), vocabulary=0).eval()
    assert encoder.vocabulary == len(tokenizer)
    assert encoder(*tokenize(tokenizer, TEXTS)).shape == (4, tokenize(tokenizer, TEXTS)[0].shape[1], 16)


@pytest.mark.parametrize("cut", ["config.json", "model.safetensors"])
def test_a_truncated_text_encoder(bert_folder: Path, tmp_path: Path, cut: str) -> None:
    for file in bert_folder.iterdir():
        content = file.read_bytes()
        (tmp_path / file.name).write_bytes(content[: len(content) // 2] if file.name == cut else content)
    with pytest.raises(ConfigError, match="no text encoder at"):
        TextEncoder(ModelConfig(dim=16, heads=2, text_encoder=str(tmp_path)), vocabulary=0)
