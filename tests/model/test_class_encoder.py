"""Class vectors: centered, weighted, gated; and what they may not depend on."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kgzsl.model.class_encoder import ClassEncoder
from kgzsl.model.class_states import GivenStates

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
def test_a_gate_scales_its_attribute_and_no_other(gates: list[float]) -> None:
    encoder = ClassEncoder(VALUE, KNOWN, PROPERTIES)
    before, own = encoder(VALUE, KNOWN), torch.tensor(gates)[PROPERTIES]
    encoder.set_gates(own, torch.tensor([0, 1, 2, 3, torch.inf]))
    torch.testing.assert_close(encoder(VALUE, KNOWN), before * own)
    assert encoder.bearing.tolist() == [0, 1, 2, 3, 0]
    assert encoder.judged.tolist() == [True] * 4 + [False]


def test_states_stand_behind_the_attributes_and_weigh_as_much() -> None:
    states = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    states = (states - states.mean(0)) / (states - states.mean(0)).norm(dim=1).square().mean().sqrt()
    encoder = ClassEncoder(VALUE, KNOWN, PROPERTIES, states={"prompt": GivenStates(4)})
    assert encoder.blocks == (slice(0, 5), slice(5, 9))
    vectors = encoder(VALUE, KNOWN, {"prompt": states})
    assert torch.equal(vectors[:, :5], ClassEncoder(VALUE, KNOWN, PROPERTIES)(VALUE, KNOWN))
    assert vectors[:, 5:].square().sum(1).mean().sqrt() == pytest.approx(float(encoder.length))
    encoder.states["prompt"].gate.zero_()
    assert not encoder(VALUE, KNOWN, {"prompt": states})[:, 5:].any()


def test_states_alone() -> None:
    encoder = ClassEncoder(VALUE, KNOWN, PROPERTIES, states={"kge": GivenStates(2)}, silent=True)
    states = torch.tensor([[1.0, 0], [-1.0, 0], [0, 1.0]])
    encoder.set_gates(torch.ones(5), torch.ones(5))
    vectors = encoder(VALUE, KNOWN, {"kge": states})
    assert not vectors[:, :5].any()
    assert torch.equal(vectors[:, 5:], encoder.length * states)


def test_a_class_is_encoded_alone() -> None:
    encoder = ClassEncoder(VALUE, KNOWN, PROPERTIES, unit=True)
    together = encoder(VALUE, KNOWN)
    for row in range(3):
        assert torch.equal(encoder(VALUE[row : row + 1], KNOWN[row : row + 1])[0], together[row])


def test_nothing_of_it_is_learned_and_all_of_it_is_saved() -> None:
    encoder = ClassEncoder(VALUE, KNOWN, PROPERTIES)
    assert not list(encoder.parameters())
    assert set(encoder.state_dict()) == {
        "properties",
        "weight",
        "prior",
        "center",
        "gate",
        "bearing",
        "judged",
        "length",
    }


def test_an_attribute_that_no_training_class_is_known_in_makes_no_difference() -> None:
    known = KNOWN.clone()
    known[:, 4] = False
    encoder = ClassEncoder(VALUE, known, PROPERTIES)
    assert encoder.prior[4] == encoder.center[4] == 0
    assert encoder(VALUE, known).isfinite().all()
