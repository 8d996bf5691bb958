"""The gate: open for what is seen in classes that were not trained on, closed for what was learned by heart."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgzsl.train.gate import fit_gate

CLASSES, IMAGES = 12, 6


def world(seed: int, *, truth: float, strength: float = 3.0) -> dict[str, np.ndarray]:
    """Twelve held-out classes and one property; the evidence of a share ``truth`` of them is right."""
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(CLASSES), IMAGES)
    value = (random.random((CLASSES, 4)) < 0.5).astype(float)
    right = random.permutation(CLASSES)[:, None] < round(truth * CLASSES)
    sign = np.where(value > 0, 1.0, -1.0) * np.where(right, 1.0, -1.0)
    evidence = strength * sign[labels] + random.normal(0, 0.5, (len(labels), 4))
    return {
        "evidence": evidence,
        "value": value[labels],
        "known": np.ones((len(labels), 4), dtype=bool),
        "prior": np.full(4, 0.5),
        "properties": np.zeros(4, dtype=int),
        "labels": labels,
    }


@pytest.mark.parametrize("seed", range(5))
def test_evidence_that_is_right_is_believed_and_evidence_that_is_not_is_not(seed: int) -> None:
    assert fit_gate(**world(seed, truth=1.0)).property[0] > 0.9
    assert fit_gate(**world(seed, truth=0.0)).property[0] == 0


@pytest.mark.parametrize("seed", range(5))
def test_evidence_that_is_right_as_often_as_wrong_is_not_believed(seed: int) -> None:
    assert fit_gate(**world(seed, truth=0.5)).property[0] == 0


def test_noise_is_closed_nearly_always() -> None:
    random = np.random.default_rng(0)
    gates = np.array(
        [
            fit_gate(
                **{**world(seed, truth=0.5), "evidence": random.normal(0, 2, (CLASSES, 4)).repeat(IMAGES, axis=0)}
            ).property[0]
            for seed in range(40)
        ]
    )
    # One standard error: noise passes in about one case of six.
    assert (gates == 0).mean() > 0.7
    assert gates.mean() < 0.1


def test_overconfident_evidence_is_turned_down_not_off() -> None:
    gate = fit_gate(**world(1, truth=0.85, strength=8.0)).property[0]
    assert 0.02 < gate < 0.6


def test_a_property_of_too_few_held_out_classes_stays_open() -> None:
    data = world(0, truth=0.0)
    data["known"][data["labels"] > 0] = False
    assert fit_gate(**data).property.tolist() == [1.0]
    data["known"][:] = False
    assert fit_gate(**data).property.tolist() == [1.0]
    nothing = {k: v[:0] if k not in ("prior", "properties") else v for k, v in data.items()}
    assert fit_gate(**nothing).property.tolist() == [1.0]


def test_properties_are_judged_apart_and_unknown_cells_are_not_looked_at() -> None:
    good, bad = world(0, truth=1.0), world(1, truth=0.0)
    both = {k: np.concatenate([good[k], bad[k]], axis=-1) for k in ("evidence", "value", "known", "prior")}
    both |= {"properties": np.array([0] * 4 + [1] * 4), "labels": good["labels"]}
    gates = fit_gate(**both).property
    assert gates[0] == pytest.approx(fit_gate(**good).property[0], abs=1e-3)
    assert gates[1] == 0
    both["known"][:, 4:6] = False
    spoiled = {**both, "value": np.where(both["known"], both["value"], 1 - both["value"])}
    for part in ("property", "attribute", "bearing"):
        np.testing.assert_array_equal(getattr(fit_gate(**spoiled), part), getattr(fit_gate(**both), part))


@given(st.integers(0, 2**31), st.floats(0, 1), st.floats(0, 30))
def test_a_gate_is_a_share(seed: int, truth: float, strength: float) -> None:
    gates = fit_gate(**world(seed, truth=truth, strength=strength)).attribute
    assert ((gates >= 0) & (gates <= 1)).all()


def side_by_side(*worlds: dict[str, np.ndarray], properties: list[int]) -> dict[str, np.ndarray]:
    """The attributes of several worlds, of the same classes."""
    both = {k: np.concatenate([w[k] for w in worlds], axis=-1) for k in ("evidence", "value", "known", "prior")}
    return {**both, "properties": np.array(properties), "labels": worlds[0]["labels"]}


@pytest.mark.parametrize("seed", range(5))
def test_an_attribute_that_images_do_not_bear_out_is_closed_in_an_open_property(seed: int) -> None:
    good, bad = world(seed, truth=1.0), world(seed + 10, truth=0.0)
    # One wrong attribute beside four that are seen: as a whole the property carries over.
    bad = {k: v[..., :1] if k != "labels" else v for k, v in bad.items()}
    gates = fit_gate(**side_by_side(good, bad, properties=[0] * 5))
    assert gates.property[0] > 0.1
    assert gates.attribute[:4] == pytest.approx([gates.property[0]] * 4)
    assert gates.attribute[4] == 0
    assert gates.bearing[:4].min() > 2
    assert gates.bearing[4] < -2


@pytest.mark.parametrize("seed", range(5))
def test_an_attribute_that_images_bear_out_is_open_in_a_closed_property(seed: int) -> None:
    good, bad = world(seed, truth=1.0), world(seed + 10, truth=0.0)
    good = {k: v[..., :1] if k != "labels" else v for k, v in good.items()}
    gates = fit_gate(**side_by_side(bad, good, properties=[0] * 5))
    assert gates.property[0] == 0
    assert gates.attribute[:4].tolist() == [0] * 4
    assert gates.attribute[4] > 0


def test_an_attribute_that_no_held_out_class_has_goes_with_its_property() -> None:
    good, bad = world(0, truth=1.0), world(1, truth=0.0)
    bad = {k: v[..., :1] if k != "labels" else v for k, v in bad.items()}
    bad["value"] = np.zeros_like(bad["value"])
    gates = fit_gate(**side_by_side(good, bad, properties=[0] * 5))
    assert np.isnan(gates.bearing[4])
    assert gates.attribute[4] == gates.property[0] > 0
