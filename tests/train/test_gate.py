"""The gate: open for what is seen in classes that were not trained on, closed for what was learned by heart."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgzsl.train.gate import _chances, fit_gate

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
    assert fit_gate(**world(seed, truth=1.0)).attribute.max() > 0.9
    assert fit_gate(**world(seed, truth=0.0)).attribute.max() == 0


@pytest.mark.parametrize("seed", range(5))
def test_evidence_that_is_right_as_often_as_wrong_is_not_believed(seed: int) -> None:
    assert fit_gate(**world(seed, truth=0.5)).attribute.max() == 0


def test_noise_is_closed_nearly_always() -> None:
    random = np.random.default_rng(0)
    gates = np.array(
        [
            fit_gate(
                **{**world(seed, truth=0.5), "evidence": random.normal(0, 2, (CLASSES, 4)).repeat(IMAGES, axis=0)}
            ).attribute
            for seed in range(40)
        ]
    )
    # There are too few attributes here to learn what noise is like; it passes now and then.
    assert (gates == 0).mean() > 0.8
    assert gates.mean() < 0.1


def test_the_better_images_bear_it_out_the_more_it_counts() -> None:
    """Evidence of every class is the truth and noise: between sure and hopeless, gates are between 1 and 0."""

    def gate(noise: float, seed: int) -> float:
        data, random = world(seed, truth=1.0), np.random.default_rng(seed)
        blur = random.normal(0, noise, (CLASSES, 4)).repeat(IMAGES, axis=0)
        return float(fit_gate(**{**data, "evidence": data["value"] - 0.5 + blur}).attribute.mean())

    means = [np.mean([gate(noise, seed) for seed in range(20)]) for noise in (0.1, 1.0, 2.0, 100.0)]
    assert means == sorted(means, reverse=True)
    assert means[0] > 0.9 > means[1] > means[2] > 0.1 > means[3]


def test_a_property_of_too_few_held_out_classes_stays_open() -> None:
    data = world(0, truth=0.0)
    data["known"][data["labels"] > 0] = False
    assert fit_gate(**data).attribute.tolist() == [1.0] * 4
    data["known"][:] = False
    assert fit_gate(**data).attribute.tolist() == [1.0] * 4
    nothing = {k: v[:0] if k not in ("prior", "properties") else v for k, v in data.items()}
    assert fit_gate(**nothing).attribute.tolist() == [1.0] * 4


def test_properties_are_judged_apart_and_unknown_cells_are_not_looked_at() -> None:
    good, bad = world(0, truth=1.0), world(1, truth=0.0)
    both = side_by_side(good, bad, properties=[0] * 4 + [1] * 4)
    gates = fit_gate(**both)
    assert gates.attribute[:4] == pytest.approx(fit_gate(**good).attribute, abs=1e-3)
    assert gates.attribute[4:].tolist() == [0] * 4
    both["known"][:, 4:6] = False
    spoiled = {**both, "value": np.where(both["known"], both["value"], 1 - both["value"])}
    for part in ("attribute", "bearing", "chance"):
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
def test_an_attribute_that_images_do_not_bear_out_is_closed_beside_others_that_they_do(seed: int) -> None:
    good, bad = world(seed, truth=1.0), world(seed + 10, truth=0.0)
    bad = {k: v[..., :1] if k != "labels" else v for k, v in bad.items()}
    gates = fit_gate(**side_by_side(good, bad, properties=[0] * 5))
    assert gates.attribute[:4].min() > 0.9
    assert gates.attribute[4] == 0
    assert gates.bearing[:4].min() > 2
    assert gates.bearing[4] < -2
    # And the other way round.
    gates = fit_gate(
        **side_by_side(
            *[{k: v[..., :1] if k != "labels" else v for k, v in good.items()}, world(seed + 10, truth=0.0)],
            properties=[0] * 5,
        )
    )
    assert gates.attribute[0] > 0.9
    assert gates.attribute[1:].tolist() == [0] * 4


def test_an_attribute_that_no_held_out_class_has_goes_with_its_property() -> None:
    good, bad = world(0, truth=1.0), world(1, truth=0.0)
    rare = {k: v[..., :1] if k != "labels" else v for k, v in bad.items()}
    rare["value"] = np.zeros_like(rare["value"])
    gates = fit_gate(**side_by_side(good, rare, bad, rare, properties=[0] * 5 + [1] * 5))
    assert np.isinf(gates.bearing[[4, 9]]).all()
    assert gates.attribute[4] > 0.5
    assert gates.attribute[9] < 0.3


def test_a_weak_bearing_counts_for_more_in_good_company() -> None:
    """The same bearing, beside attributes that are shown and beside attributes that are not."""
    good, bad = (np.full(8, 5.0), np.linspace(-1, 1, 8))
    chances = _chances(np.concatenate([good, bad, [1.6, 1.6]]), np.array([0] * 8 + [1] * 8 + [0, 1]))
    assert chances[-2] > 0.6 > 0.3 > chances[-1]


def test_noise_among_many_is_closed() -> None:
    """Two of a hundred are shown: what lies above two standard errors by chance is not taken for them."""
    random = np.random.default_rng(0)
    chances = _chances(np.concatenate([random.normal(size=100), [9.0, 9.0]]), np.arange(102) // 10)
    assert (chances[:100] >= 0.2).sum() <= 2
    assert chances[100:].min() > 0.99
