"""The compat model against what the published code computed, number by number.

Tolerance 1e-10 in double precision: both compute the same sums in another order, which differ by 1e-15 or so;
1e-10 leaves room for other machines. Single precision has 1e-7, and 1e-5 leaves the same room for sums of many.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from kgzsl.model.departures import Departures
from kgzsl.train.compat_objectives import contrast_losses, grounding_losses
from kgzsl.train.compat_sampling import sampling_tables
from kgzsl.train.compat_texts import template_tokens, text_pieces

MODELS = ("awa_tiny_deit", "awa_tiny_swin", "cub_tiny_deit")
STEPS = ("csg", "cls")
DOUBLE = 1e-10
SINGLE = 1e-5
STORED_IN_SINGLE = 1e-6


@pytest.fixture(params=MODELS)
def reference(request: pytest.FixtureRequest, parity: Any, stored: Path) -> Any:
    return parity.Reference(stored / request.param)


@pytest.mark.parametrize("step", STEPS)
def test_every_stored_tensor(parity: Any, reference: Any, step: str) -> None:
    wanted = {k: v for k, v in reference.arrays(step).items() if k.rpartition("/")[2] not in parity.INPUTS}
    computed = parity.computed_tensors(reference, step)
    assert computed.keys() == wanted.keys()
    off = {key: parity.relative(computed[key], value) for key, value in wanted.items()}
    assert max(off.values()) <= DOUBLE, off


@pytest.mark.parametrize("step", STEPS)
def test_every_loss_term(parity: Any, reference: Any, step: str) -> None:
    wanted, computed = parity.stored_terms(reference, step), parity.computed_terms(reference, step)
    assert computed.keys() == wanted.keys()
    off = {key: parity.relative(computed[key], value) for key, value in wanted.items()}
    assert max(off.values()) <= DOUBLE, off


@pytest.mark.parametrize("step", STEPS)
def test_every_gradient(parity: Any, reference: Any, step: str) -> None:
    wanted = reference.arrays(f"{step}_grads")
    computed = parity.computed_gradients(reference, reference.model(), step)
    # Neither has a gradient where the other has none.
    assert computed.keys() == wanted.keys()
    largest = max(np.abs(value).max() for value in wanted.values())
    off = {key: parity.relative(computed[key], value, scale=largest) for key, value in wanted.items()}
    assert max(off.values()) <= DOUBLE, off
    # Relative to the parameter's own largest gradient, where that is not rounding itself.
    own = {k: parity.relative(computed[k], v) for k, v in wanted.items() if np.abs(v).max() > 1e-6 * largest}
    assert max(own.values()) <= DOUBLE, own


def test_every_parameter_after_a_step_of_adam(parity: Any, reference: Any) -> None:
    before, after = reference.published_weights, reference.arrays("csg_after_adam")
    computed = parity.stepped(reference)
    assert max(parity.relative(value, after[key], scale=1.0) for key, value in computed.items()) <= DOUBLE
    without_part = after.keys() - computed.keys() - {"cls.predictions.decoder.bias"}
    assert all(np.array_equal(before[key], after[key]) for key in without_part)
    moved = [key for key in computed if not np.array_equal(before[key], after[key])]
    assert len(moved) > 100


def test_evaluation(parity: Any, reference: Any) -> None:
    wanted, computed = reference.arrays("eval"), parity.evaluated(reference)
    missing = wanted.keys() - computed.keys()
    assert {key.rpartition("/")[2] for key in missing} == {"images", "label"}
    for part in ("seen", "unseen"):
        assert np.array_equal(computed[f"{part}/pred"], wanted[f"{part}/pred"])
    off = {key: parity.relative(value, wanted[key], scale=1.0) for key, value in computed.items()}
    assert max(off.values()) <= DOUBLE, off


@pytest.mark.parametrize("name", MODELS)
def test_single_precision(parity: Any, stored: Path, name: str) -> None:
    reference = parity.Reference(stored / name, torch.float32)
    for step in STEPS:
        wanted, computed = reference.arrays(step), parity.computed_tensors(reference, step)
        assert max(parity.relative(value, wanted[key]) for key, value in computed.items()) <= SINGLE


@pytest.mark.parametrize("name", ["awa2_real", "cub_synth"])
def test_sampler_tables(parity: Any, stored: Path, name: str) -> None:
    tables, wanted = parity.sampler(stored, name)
    assert np.array_equal(tables.candidates, wanted["n_neg_candidates_SxA"])
    assert parity.relative(tables.masking, wanted["P_mask_SxA"], scale=1.0) <= DOUBLE
    # Positives and negatives were stored in single precision, and so were the strengths that they follow from.
    assert parity.relative(tables.positive, wanted["P_pos_SxAxS"], scale=1.0) <= STORED_IN_SINGLE
    assert parity.relative(tables.negative, wanted["P_neg_SxAxS"], scale=1.0) <= STORED_IN_SINGLE
    for ours, theirs in ((tables.positive, "P_pos_SxAxS"), (tables.negative, "P_neg_SxAxS")):
        assert np.array_equal(ours > 0, wanted[theirs] > 0)
    # From the stored distances themselves, only the rounding of the stored chances is left.
    again = sampling_tables(
        wanted["binary_seen"],
        wanted["manhattan_sq"].astype(float),
        groups=wanted["group_id"],
        frequency=wanted["tfidf"],
    )
    spacing = float(np.spacing(np.float32(1.0)))
    assert parity.relative(again.positive, wanted["P_pos_SxAxS"], scale=1.0) <= spacing
    assert parity.relative(again.negative, wanted["P_neg_SxAxS"], scale=1.0) <= spacing


def test_the_stored_draws_are_possible(parity: Any, reference: Any) -> None:
    tables, seen = parity.sampler_of(reference), reference.tables["seenclasses"]
    labels = reference.arrays("csg")["labels_mapped"]
    for label, sample in zip(labels, reference.json("csg")["samples"], strict=True):
        attribute = sample["mask_index"]
        assert tables.masking[label, attribute] > 0
        assert tables.positive[label, attribute, sample["pos_seen_index"]] > 0
        negatives = np.searchsorted(seen, sample["neg_classes"])
        assert (tables.negative[label, attribute, negatives] > 0).all()
        assert len(set(negatives)) == min(2, (tables.negative[label, attribute] > 0).sum())


def losses(reference: Any, departures: Departures) -> dict[str, float]:
    """Weighted terms of both steps under other departures; only those of the losses, whose weights fit."""
    model = reference.model(departures)
    steps = (
        grounding_losses(model, reference.grounding(departures), reference.classes, weights=reference.weights),
        contrast_losses(model, reference.contrast(), reference.classes, weights=reference.weights),
    )
    return {f"{i} {name}": value.item() for i, step in enumerate(steps) for name, value in step.items()}


@pytest.mark.parametrize(
    ("departure", "changed"),
    [
        ("probabilities_as_logits", {"0 classification", "1 classification"}),
        ("every_word_reconstructed", {"0 word_reconstruction"}),
        ("plain_contrast", {"0 attribute_contrast"}),
    ],
)
def test_a_departure_changes_its_own_term_alone(parity: Any, stored: Path, departure: str, changed: set[str]) -> None:
    reference = parity.Reference(stored / "awa_tiny_deit")
    published, other = losses(reference, Departures()), losses(reference, Departures(**{departure: False}))
    assert {key for key in published if published[key] != other[key]} == changed


def test_without_padding_a_text_does_not_depend_on_its_batch_mates(parity: Any, stored: Path) -> None:
    reference = parity.Reference(stored / "awa_tiny_deit")
    for departures, same in ((Departures(), False), (Departures(padding_is_read=False), True)):
        model, pairs = reference.model(departures), reference.pairs(reference.arrays("csg"), "main", departures)
        row = int(pairs.mask.sum(1).argmin())
        length = int(pairs.mask[row].sum())
        words, tokens = model.encode_text(pairs.tokens, pairs.mask), model.encode_images(pairs.images)
        together = model.ground_tokens(words, tokens, pairs.read)[row]
        alone = model.ground_tokens(words[row, None, :length], tokens[row, None], pairs.read[row, None, :length])[0]
        assert torch.allclose(together, alone, atol=1e-10) is same


def test_the_template_is_encoded_once_or_for_every_image_alike(parity: Any, reference: Any) -> None:
    model, batch = reference.model(), reference.contrast()
    count = len(batch.images)
    once = model.predicted_attributes(batch.images, batch.template, batch.template_mask)
    words = model.encode_text(batch.template.expand(count, -1), batch.template_mask.expand(count, -1))
    read = torch.ones(words.shape[:2])
    each = model.attributes(model.ground_tokens(words, model.encode_images(batch.images), read))
    assert torch.allclose(once, each, atol=1e-12)


def published_tokenizer(vocabulary: list[str]) -> Any:
    """The tokenizer that the published code ran with, from its vocabulary."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = {word: index for index, word in enumerate(vocabulary) if word}
    tokenizer = Tokenizer(models.WordPiece(words, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    roles = {"cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]", "unk_token": "[UNK]"}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", **roles)


def said(text: str, groups: dict[str, list[int]], names: list[str]) -> np.ndarray:
    """Which attributes a stored text says."""
    present = np.zeros(len(names), dtype=bool)
    for part, members in zip(text.rstrip(".").split(" | "), groups.values(), strict=True):
        for word in filter(None, part.partition(" : ")[2].split(",")):
            present[[a for a in members if names[a] == word]] = True
    return present


BIRD_WORDS = {
    "iridescent": "rainbow",
    "rufous": "auburn",
    "about the same as head": "same as head",
    "rounded wings": "round",
    "tapered wings": "conical",
    "upright perching water like": "water upright perching",
    "chicken like marsh": "marsh chicken",
}


def bird_word(name: str) -> str:
    """A CUB attribute's name as the published code says it; of its table of replacements, those that occur here."""
    name = name.partition("::")[2].replace("-", " ").replace("_", " ").partition("(")[0].strip()
    return BIRD_WORDS.get(name, name.removesuffix(" like").removesuffix(" tail").removesuffix(" wings"))


@pytest.mark.parametrize("name", ["awa_tiny_deit", "cub_tiny_deit"])
def test_texts_are_the_published_token_ids(parity: Any, stored: Path, name: str) -> None:
    reference = parity.Reference(stored / name)
    config, arrays = reference.json("config"), reference.arrays("csg")
    samples, indexed = reference.json("csg")["samples"], name.startswith("cub")
    groups = config["groups"]
    names = [attribute.strip() for attribute in config["attri_name"]]
    if indexed:
        names = [bird_word(name) for name in names]
    pieces = text_pieces(published_tokenizer(config["vocab"]), groups, names=names, limit=250 if indexed else 150)
    for row, sample in enumerate(samples):
        attribute = sample["mask_index"]
        present = said(sample["now_text"], groups, names)
        text = pieces.write(present, attribute, masked=True)
        length = int(arrays["main/attention_mask"][row].sum())
        assert text.tokens == tuple(arrays["main/input_ids"][row, :length])
        assert text.words == tuple(arrays["mlm_label_ids"][row, :length])
        for pair, stored_text in enumerate(sample["acl_texts_with_mask"]):
            before, _, after = stored_text.partition("[MASK]")
            group = list(groups)[before.count(" | ")]
            word = sample["acl_words"][pair]
            plain = word.lstrip("0123456789")
            other = next(a for a in groups[group] if names[a] == plain)
            present = said(before + plain + after, groups, names)
            text = pieces.write(present, other, masked=pair == 0, numbered=indexed and pair < 2)
            length = int(arrays[f"acl{row}/attention_mask"][pair].sum())
            assert text.tokens == tuple(arrays[f"acl{row}/input_ids"][pair, :length])
            assert np.array_equal(np.arange(*text.place), np.flatnonzero(arrays[f"acl{row}/mask_positions"][pair]))


@pytest.mark.parametrize("name", MODELS)
def test_the_template_is_the_published_token_ids(parity: Any, stored: Path, name: str) -> None:
    reference = parity.Reference(stored / name)
    config, arrays = reference.json("config"), reference.arrays("cls")
    tokenizer = published_tokenizer(config["vocab"])
    pieces = text_pieces(tokenizer, config["groups"], names=config["attri_name"], limit=250)
    published, paper = (
        template_tokens(pieces, tokenizer, wording=config["fixed_prompt"], departures=departures)
        for departures in (Departures(), Departures.none())
    )
    assert published == tuple(arrays["main/input_ids"][0])
    assert paper == pieces.write(np.zeros(len(pieces.names), dtype=bool)).tokens
