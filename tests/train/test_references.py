"""References of attribute-level contrast: the graph decides who is a positive and who a negative."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kgzsl.train.references import ReferenceTables, class_distances

# Colors (0, 1, 2) and patterns (3, 4) of five classes; the last class's color is unknown.
VALUE = torch.tensor(
    [[1, 0, 0, 1, 0], [1, 0, 0, 0, 1], [0, 1, 0, 1, 0], [0, 1, 0, 0, 1], [0, 0, 0, 1, 0]], dtype=torch.float32
)
KNOWN = torch.tensor([[True] * 5] * 4 + [[False] * 3 + [True] * 2])
PROPERTIES = torch.tensor([0, 0, 0, 1, 1])


def tables(value: torch.Tensor = VALUE, known: torch.Tensor = KNOWN) -> ReferenceTables:
    return ReferenceTables.of(value, known, present=known & (value > 0.5), properties=PROPERTIES)


def test_distances_by_hand() -> None:
    found = class_distances(VALUE, KNOWN)
    assert found[0].tolist() == pytest.approx([0, 0.4, 0.4, 0.8, 0])
    assert torch.equal(found, found.T)
    nothing = torch.zeros(2, 5, dtype=torch.bool)
    assert class_distances(VALUE[:2], nothing).tolist() == [[1, 1], [1, 1]]


def test_who_can_be_asked() -> None:
    # Class 0's color: class 1 shares it, classes 2 and 3 lack it. Its pattern: 2 and 4 share it, 1 and 3 lack it.
    everyone = torch.arange(5)
    assert tables().able(torch.tensor([0]), everyone).tolist() == [[True, False, False, True, False]]
    assert tables().able(torch.tensor([0]), torch.tensor([0, 2, 3])).tolist() == [[False, False, False, True, False]]
    # What is unknown of class 4 is not asked, and class 4 is no reference for it.
    assert tables().able(torch.tensor([4]), everyone).tolist() == [[False, False, False, True, False]]
    assert tables().able(torch.tensor([1]), torch.tensor([0, 1, 4])).tolist() == [[False] * 5]


def draw(labels: list[int], attributes: list[int], batch: list[int], *, negatives: int = 2, seed: int = 0):
    generator = torch.Generator().manual_seed(seed)
    return tables().draw(
        torch.tensor(labels),
        torch.tensor(attributes),
        batch=torch.tensor(batch),
        negatives=negatives,
        generator=generator,
    )


def test_distant_classes_are_positives_more_often_and_near_ones_negatives() -> None:
    count = 4000
    drawn = draw([0] * count, [3] * count, [0, 1, 2, 3, 4], negatives=1)
    positives = drawn.positives.bincount(minlength=5) / count
    # D^2 of class 2 is 0.16; class 4 is like class 0 in all that is known of both.
    assert positives.tolist() == pytest.approx([0, 0, 1, 0, 0], abs=0.01)
    negatives = drawn.negatives[:, 0].bincount(minlength=5) / count
    assert negatives.tolist() == pytest.approx([0, 0.8, 0, 0.2, 0], abs=0.03)
    assert drawn.usable.all()
    assert (drawn.rivals == 4).all()


@settings(max_examples=80)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=6),
    st.lists(st.integers(0, 4), min_size=1, max_size=9),
    st.integers(1, 4),
    st.integers(0, 999),
)
def test_a_reference_is_what_the_graph_says(
    asked: list[tuple[int, int]], batch: list[int], negatives: int, seed: int
) -> None:
    labels, attributes = [c for c, _ in asked], [a for _, a in asked]
    drawn = draw(labels, attributes, batch, negatives=negatives, seed=seed)
    there = tables()
    for number, place in enumerate(drawn.anchors.tolist()):
        label, attribute = asked[place]
        positive = batch[drawn.positives[number]]
        assert positive != label
        assert there.present[positive, attribute]
        assert drawn.usable[number].any()
        for row, rival, usable in zip(
            drawn.negatives[number].tolist(), drawn.rivals[number].tolist(), drawn.usable[number], strict=True
        ):
            if usable:
                negative = batch[row]
                assert negative != label
                assert there.lacking[negative, attribute]
                assert there.present[negative, rival]
                assert there.lacking[label, rival]
                assert PROPERTIES[rival] == PROPERTIES[attribute]
        rows = drawn.negatives[number][drawn.usable[number]].tolist()
        assert len(rows) == len(set(rows))
    # Whoever is able, and has a rival it is known to lack, is drawn.
    able = there.able(torch.tensor(labels), torch.tensor(batch))
    for place in range(len(asked)):
        if place in drawn.anchors.tolist():
            continue
        label, attribute = asked[place]
        shared = any(b != label and there.present[b, attribute] for b in batch)
        rivaled = any(
            b != label
            and there.lacking[b, attribute]
            and (there.present[b] & there.lacking[label] & (PROPERTIES[attribute] == PROPERTIES)).any()
            for b in batch
        )
        assert not (shared and rivaled)
        assert not (able[place, attribute] and rivaled)


def test_a_draw_repeats_with_its_seed() -> None:
    one, two = (draw([0, 3], [3, 1], [0, 1, 2, 3, 4], seed=7) for _ in range(2))
    assert torch.equal(one.positives, two.positives)
    assert torch.equal(one.negatives, two.negatives)
    assert torch.equal(one.rivals, two.rivals)
