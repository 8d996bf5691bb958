"""Steps drawn from the tables: what is masked, dropped and contrasted is what the tables allow."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from kgzsl.model.departures import Departures
from kgzsl.model.text_encoder import build_tokenizer
from kgzsl.train.compat_drawing import StepDrawer
from kgzsl.train.compat_objectives import GroundingBatch
from kgzsl.train.compat_sampling import attribute_frequency, class_distances, sampling_tables
from kgzsl.train.compat_texts import text_pieces

NAMES = ("red", "blue", "green", "round", "square")
GROUPS = {"color": [0, 1, 2], "shape": [3, 4]}
PRESENT = np.array([[1, 0, 0, 1, 0], [0, 1, 0, 0, 1], [0, 0, 1, 1, 0], [1, 0, 0, 0, 1]], dtype=bool)
LABELS = np.repeat(np.arange(4), 3)


def drawer(dropping: float = 0.5, **departures: bool) -> StepDrawer:
    tokenizer = build_tokenizer(["color : red,blue,green | shape : round,square."])
    numbers = np.array([0, 0, 0, 1, 1])
    options = Departures(**departures)
    strength = PRESENT * np.linspace(0.5, 1.0, 5)
    tables = sampling_tables(
        PRESENT, class_distances(strength, departures=options), groups=numbers, frequency=attribute_frequency(PRESENT)
    )
    return StepDrawer(
        tables=tables,
        pieces=text_pieces(tokenizer, GROUPS, names=NAMES),
        present=PRESENT,
        strength=strength,
        groups=numbers,
        labels=LABELS,
        # An image is its row, so that a test can tell which was drawn.
        load=lambda rows: torch.from_numpy(rows).float()[:, None, None, None].expand(-1, 3, 2, 2),
        dropping=dropping,
        departures=options,
    )


def rows_of(images: torch.Tensor) -> np.ndarray:
    return images[:, 0, 0, 0].long().numpy()


def pair_rows(batch: GroundingBatch) -> np.ndarray:
    return rows_of(batch.pairs.images[batch.pairs.image])


def pair_tokens(batch: GroundingBatch) -> torch.Tensor:
    return batch.pairs.tokens[batch.pairs.text]


@pytest.mark.parametrize("dropping", [0.0, 0.5, 1.0])
def test_a_grounding_step(dropping: float) -> None:
    rows = np.array([0, 4, 8, 11])
    made = drawer(dropping, index_in_word=False)
    random = np.random.default_rng(0)
    for _ in range(20):
        batch = made.grounding(rows, random)
        assert np.array_equal(pair_rows(batch)[:4], rows)
        assert np.array_equal(batch.labels.numpy(), LABELS[rows])
        # One masked word each, of an attribute of the class; all else is as it was.
        assert (batch.masked.sum(1) == 1).all()
        own = pair_tokens(batch)[:4, : batch.words.shape[1]]
        assert (own[batch.masked] == made.pieces.mask).all()
        assert torch.equal(own[~batch.masked], batch.words[~batch.masked])
        masked = [made.pieces.names.index((int(word),)) for word in batch.words[batch.masked]]
        assert all(PRESENT[label, a] for label, a in zip(LABELS[rows], masked, strict=True))
        values = {made.pieces.names[a][0]: a for a in range(5)}
        for words, label in zip(batch.words, LABELS[rows], strict=True):
            said = {values[int(word)] for word in words if int(word) in values}
            assert said <= set(np.flatnonzero(PRESENT[label]))
            if dropping == 0.0:
                assert said == set(np.flatnonzero(PRESENT[label]))
            if dropping == 1.0:
                assert len(said) == 1
        groups = len(batch.contrast_strength)
        assert len(batch.pairs.text) - 4 == len(batch.positions) == 6 * groups
        assert (batch.positions.sum(1) == 1).all()
        drawn = LABELS[pair_rows(batch)[4:]].reshape(groups, 6)
        said_words = pair_tokens(batch)[4:][batch.positions].reshape(groups, 6)
        assert (said_words[:, 0] == made.pieces.mask).all()
        for label, words in zip(drawn, said_words, strict=True):
            attribute = values[int(words[1])]
            assert PRESENT[label[0], attribute]
            assert PRESENT[label[1], attribute]
            for negative, word in zip(label[2:], words[2:], strict=True):
                assert not PRESENT[negative, attribute]
                assert PRESENT[negative, values[int(word)]]
                assert made.groups[values[int(word)]] == made.groups[attribute]


def test_numbers_before_words_are_in_anchor_and_positive_alone() -> None:
    made = drawer(index_in_word=True)
    batch = made.grounding(np.array([0, 4]), np.random.default_rng(0))
    counts = batch.positions.sum(1).reshape(-1, 6)
    assert (counts[:, :2] > 1).all()
    assert (counts[:, 2:] == 1).all()
    assert (batch.masked.sum(1) == 1).all()


def test_a_class_without_attributes_has_nothing_to_mask() -> None:
    made = drawer()
    made.tables.masking[0] = 0.0
    batch = made.grounding(np.array([0]), np.random.default_rng(0))
    assert len(batch.positions) == len(batch.contrast_strength) == 0
    assert not batch.masked.any()
    assert batch.strength.tolist() == [0.0]


def test_a_contrast_step_has_another_image_of_each_class_or_none() -> None:
    made: Any = drawer()
    template = (torch.ones(1, 3, dtype=torch.long), torch.ones(1, 3, dtype=torch.long))
    batch = made.contrast(np.array([0, 4]), np.random.default_rng(0), template=template)
    assert LABELS[rows_of(batch.others)].tolist() == [0, 1]
    assert made.contrast(np.array([0]), np.random.default_rng(0), template=template, whole=False).others is None


def test_draws_repeat_with_the_seed() -> None:
    one, other = (drawer().grounding(np.arange(12), np.random.default_rng(3)) for _ in range(2))
    assert torch.equal(one.words, other.words)
    assert torch.equal(one.pairs.images, other.pairs.images)
    assert torch.equal(pair_tokens(one), pair_tokens(other))


@pytest.mark.parametrize("numbered", [True, False])
def test_an_image_or_a_text_of_several_pairs_is_there_once(numbered: bool) -> None:
    rows = np.array([0, 4, 8, 11])
    batch = drawer(index_in_word=numbered).grounding(rows, np.random.default_rng(0))
    assert len(set(rows_of(batch.pairs.images))) == len(batch.pairs.images)
    anchors = slice(4, None, 6)
    assert np.array_equal(pair_rows(batch)[anchors], rows)
    # A text with a number in it is another one.
    assert torch.equal(batch.pairs.text[anchors], batch.pairs.text[:4]) is not numbered


def test_what_is_read_ends_with_the_longest_text_of_its_group() -> None:
    made = drawer(index_in_word=False)
    batch = made.grounding(np.array([0, 4, 8]), np.random.default_rng(0))
    real = batch.pairs.mask[batch.pairs.text].sum(1)
    longest = [real[:3].max(), *real[3:].view(-1, 6).amax(1)]
    assert batch.pairs.read.sum(1).tolist() == np.repeat(longest, [3, 6, 6, 6]).tolist()
    paper = drawer(padding_is_read=False).grounding(np.array([0, 4, 8]), np.random.default_rng(0)).pairs
    assert torch.equal(paper.read, paper.mask[paper.text])
