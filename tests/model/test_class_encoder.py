"""Class vectors: centered, weighted, gated; and what they may not depend on."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kgzsl.model.class_encoder import ClassEncoder

VALUE = torch.tensor([[1.0, 0, 1, 0, 1], [0, 1, 0, 1, 0], [1, 0, 0, 1, 0]])
KNOWN = torch.tensor([[True] * 5, [True, True, True, True, False], [True] * 5])
PROPERTIES = torch.tensor([0, 0, 0, 0, 1])


@pytest.mark.parametrize("unit", [False, True])
def test_vectors_of_the_training_classes_have_mean_0_where_known(unit: bool) -> None:
    vectors = ClassEncoder(VALUE, KNOWN, PROPERTIES, unit=unit)(VALUE, KNOWN)
    torch.testing.assert_close(vectors.sum(0), torch.zeros(5), atol=1e-6, rtol=0)
    assert vectors[1, 4] == 0


@pytest.mark.parametrize("unit", [False, True])
def test_what_stands_in_an_unknown_cell_is_not_looked_at(unit: bool) -> None:
    encoder = ClassEncoder(VALUE, KNOWN, PROPERTIES, unit=unit)
    changed = torch.where(KNOWN, VALUE, torch.full_like(VALUE, 7.0))
    assert torch.equal(encoder(changed, KNOWN), encoder(VALUE, KNOWN))
    same = ClassEncoder(changed, KNOWN, PROPERTIES, unit=unit)
    assert torch.equal(same(VALUE, KNOWN), encoder(VALUE, KNOWN))


def test_every_property_speaks_with_the_same_voice() -> None:
    """A property of four attributes and one of one: a difference in all of its values weighs the same."""
    encoder = ClassEncoder(VALUE, KNOWN, PROPERTIES)
    weight = encoder.weight
    assert weight[:4].square().sum() == pytest.approx(float(weight[4].square()))
    assert weight.square().mean() == pytest.approx(1.0)


def test_classes_with_many_facts_do_not_outshout_those_with_few() -> None:
    many, few = torch.ones(1, 5), torch.tensor([[1.0, 0, 0, 0, 0]])
    known = torch.ones(1, 5, dtype=torch.bool)
    encoder = ClassEncoder(VALUE, KNOWN, PROPERTIES, unit=True)
    for value in (many, few):
        assert (encoder(value, known) + encoder.center).norm() == pytest.approx(1.0)


@given(st.lists(st.floats(0, 1, width=32), min_size=2, max_size=2))
def test_a_gate_scales_its_property_and_no_other(gates: list[float]) -> None:
    encoder = ClassEncoder(VALUE, KNOWN, PROPERTIES)
    before = encoder(VALUE, KNOWN)
    encoder.open_properties(torch.tensor(gates))
    torch.testing.assert_close(encoder(VALUE, KNOWN), before * torch.tensor(gates)[PROPERTIES])


def test_a_class_is_encoded_alone() -> None:
    encoder = ClassEncoder(VALUE, KNOWN, PROPERTIES, unit=True)
    together = encoder(VALUE, KNOWN)
    for row in range(3):
        assert torch.equal(encoder(VALUE[row : row + 1], KNOWN[row : row + 1])[0], together[row])


def test_nothing_of_it_is_learned_and_all_of_it_is_saved() -> None:
    encoder = ClassEncoder(VALUE, KNOWN, PROPERTIES)
    assert not list(encoder.parameters())
    assert set(encoder.state_dict()) == {"properties", "weight", "prior", "center", "gate", "length"}


def test_an_attribute_that_no_training_class_is_known_in_makes_no_difference() -> None:
    known = KNOWN.clone()
    known[:, 4] = False
    encoder = ClassEncoder(VALUE, known, PROPERTIES)
    assert encoder.prior[4] == encoder.center[4] == 0
    assert encoder(VALUE, known).isfinite().all()
