from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgzsl.errors import DataError
from kgzsl.evaluate.metrics import (
    ausuc,
    best_h,
    calibrated_predictions,
    czsl_accuracy,
    gzsl,
    harmonic_mean,
    mean_accuracy,
    per_class_accuracy,
    pointing_game,
    seen_unseen_curve,
    top_k,
)

share = st.floats(0, 1)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores with many ties, labels of both kinds, and a mask."""
    seen, unseen = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    extra = draw(st.integers(0, 20))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    mask = rng.permutation(np.r_[np.ones(seen, bool), np.zeros(unseen, bool)])
    labels = np.r_[
        rng.choice(np.flatnonzero(mask)), rng.choice(np.flatnonzero(~mask)), rng.integers(0, mask.size, extra)
    ]
    scores = rng.normal(size=(labels.size, mask.size)) + 1.5 * (labels[:, None] == np.arange(mask.size))
    if draw(st.booleans()):
        scores = np.round(scores)
    return scores, labels, mask


@given(share, share)
def test_harmonic_mean_lies_between(seen: float, unseen: float) -> None:
    h = harmonic_mean(seen, unseen)
    assert min(seen, unseen) - 1e-12 <= h <= max(seen, unseen) + 1e-12
    assert h == harmonic_mean(unseen, seen)


def test_harmonic_mean_of_zeros_is_zero() -> None:
    assert harmonic_mean(0.0, 0.0) == 0.0


def test_per_class_accuracy_weighs_classes_equally() -> None:
    true = np.array([0] * 9 + [1])
    predicted = np.zeros(10, dtype=int)
    per_class = per_class_accuracy(predicted, true, np.array([0, 1, 2]))
    assert per_class == {0: 1.0, 1: 0.0}
    assert mean_accuracy(per_class) == 0.5


def test_per_class_accuracy_refuses_lengths_that_differ() -> None:
    with pytest.raises(ValueError, match="one length"):
        per_class_accuracy(np.array([0]), np.array([0, 1]), np.array([0]))


def test_mean_of_nothing_is_an_error() -> None:
    with pytest.raises(DataError, match="no image"):
        mean_accuracy({})


def test_czsl_ignores_seen_columns_and_seen_images() -> None:
    scores = np.array([[9.0, 2.0, 1.0], [9.0, 1.0, 2.0], [0.0, 5.0, 5.0]])
    labels = np.array([1, 1, 0])
    assert czsl_accuracy(scores, labels, np.array([1, 2])) == 0.5
    assert czsl_accuracy(scores, labels, np.array([False, True, True])) == 0.5
    assert czsl_accuracy(scores, labels, np.array([2, 1])) == 0.5


def test_czsl_without_an_unseen_image_is_an_error() -> None:
    with pytest.raises(DataError):
        czsl_accuracy(np.zeros((1, 3)), np.array([0]), np.array([1, 2]))


@given(worlds(), st.floats(-6, 6))
def test_gzsl_is_what_counting_gives(world: tuple[np.ndarray, ...], gamma: float) -> None:
    scores, labels, mask = world
    result = gzsl(scores, labels, mask, gamma=gamma)
    shares: dict[bool, list[float]] = {True: [], False: []}
    for c in sorted(set(labels.tolist())):
        hits = []
        for row in np.flatnonzero(labels == c):
            seen_best = max(scores[row, j] for j in np.flatnonzero(mask))
            unseen_best = max(scores[row, j] for j in np.flatnonzero(~mask))
            wins_seen = seen_best - unseen_best > gamma
            pool = np.flatnonzero(mask if wins_seen else ~mask)
            hits.append(pool[scores[row, pool].argmax()] == c)
        shares[bool(mask[c])].append(float(np.mean(hits)))
    assert pytest.approx(np.mean(shares[True])) == result.S
    assert pytest.approx(np.mean(shares[False])) == result.U
    assert min(result.S, result.U) - 1e-12 <= result.H <= max(result.S, result.U) + 1e-12


@given(worlds())
def test_calibration_agrees_with_subtracting_gamma(world: tuple[np.ndarray, ...]) -> None:
    scores, _, mask = world
    gamma = 0.123456789  # no tie, even with rounded scores
    expected = (scores - gamma * mask).argmax(axis=1)
    assert np.array_equal(calibrated_predictions(scores, mask, gamma=gamma), expected)


@given(worlds())
def test_extreme_gammas_silence_one_side(world: tuple[np.ndarray, ...]) -> None:
    scores, labels, mask = world
    assert gzsl(scores, labels, mask, gamma=-np.inf).U == 0
    assert gzsl(scores, labels, mask, gamma=np.inf).S == 0
    curve = seen_unseen_curve(scores, labels, mask)
    assert curve.unseen[0] == 0
    assert curve.seen[-1] == 0


@settings(deadline=None)
@given(worlds())
def test_exact_sweep_equals_brute_force(world: tuple[np.ndarray, ...]) -> None:
    scores, labels, mask = world
    curve = seen_unseen_curve(scores, labels, mask)
    assert curve.gamma[0] == -np.inf
    assert (np.diff(curve.gamma[1:]) > 0).all()
    grid = np.r_[curve.gamma, (curve.gamma[1:-1] + curve.gamma[2:]) / 2, np.linspace(-8, 8, 41)]
    for gamma in grid:
        interval = np.searchsorted(curve.gamma, gamma, side="right") - 1
        result = gzsl(scores, labels, mask, gamma=gamma)
        assert curve.seen[interval] == pytest.approx(result.S, abs=1e-12)
        assert curve.unseen[interval] == pytest.approx(result.U, abs=1e-12)
        assert curve.H[interval] == pytest.approx(result.H, abs=1e-12)
        assert best_h(curve) >= result.H - 1e-12


@given(worlds())
def test_ausuc_is_a_share_and_bounded_by_both_ends(world: tuple[np.ndarray, ...]) -> None:
    curve = seen_unseen_curve(*world)
    assert 0 <= ausuc(curve) <= curve.seen[0] * curve.unseen[-1] + 1e-12
    assert (np.diff(curve.seen) <= 1e-12).all()
    assert (np.diff(curve.unseen) >= -1e-12).all()


@given(worlds())
def test_column_order_changes_nothing(world: tuple[np.ndarray, ...]) -> None:
    scores, labels, mask = world
    scores = scores + np.arange(mask.size) * 1e-7  # no ties within a kind
    order = np.random.default_rng(0).permutation(mask.size)
    one = seen_unseen_curve(scores, labels, mask)
    other = seen_unseen_curve(scores[:, order], np.argsort(order)[labels], mask[order])
    assert ausuc(one) == pytest.approx(ausuc(other))


def test_perfect_scores_give_one() -> None:
    labels = np.arange(6).repeat(3)
    mask = np.arange(6) < 4
    scores = np.eye(6)[labels] * 10
    curve = seen_unseen_curve(scores, labels, mask)
    assert ausuc(curve) == pytest.approx(1.0)
    assert best_h(curve) == pytest.approx(1.0)
    assert pytest.approx(1.0) == gzsl(scores, labels, mask).H
    assert czsl_accuracy(scores, labels, ~mask) == 1.0
    assert top_k(scores, labels, k=1) == 1.0


def test_no_worse_than_a_known_curve() -> None:
    # Two seen images lead by 3 and 1, two unseen ones trail their seen rival by 2 and 4; all best-of-kind right.
    scores = np.array([[3.0, 0.0], [1.0, 0.0], [2.0, 0.0], [4.0, 0.0]])
    curve = seen_unseen_curve(scores, np.array([0, 0, 1, 1]), np.array([True, False]))
    assert curve.gamma[1:].tolist() == [1, 2, 3, 4]
    assert curve.seen.tolist() == [1.0, 0.5, 0.5, 0.0, 0.0]
    assert curve.unseen.tolist() == [0.0, 0.0, 0.5, 0.5, 1.0]
    assert ausuc(curve) == 0.25
    assert best_h(curve) == 0.5


@pytest.mark.parametrize(
    ("scores", "labels", "mask", "error", "words"),
    [
        (np.zeros((2, 2)), np.array([0, 0]), np.array([True, False]), DataError, "unseen"),
        (np.zeros((2, 2)), np.array([1, 1]), np.array([True, False]), DataError, "no image of a seen"),
        (np.zeros((2, 2)), np.array([0, 1]), np.array([True, True]), DataError, "no unseen class"),
        (np.zeros((2, 2)), np.array([0, 1]), np.array([1, 0]), ValueError, "boolean"),
        (np.zeros((2, 2)), np.array([0, 1]), np.array([True]), ValueError, "seen_mask"),
        (np.zeros((2, 2)), np.array([0]), np.array([True, False]), ValueError, "one label per image"),
        (np.zeros((2, 2)), np.array([0, 2]), np.array([True, False]), ValueError, "labels span"),
        (np.zeros((2, 2)), np.array([0.0, 1.0]), np.array([True, False]), ValueError, "integers"),
        (np.full((2, 2), np.nan), np.array([0, 1]), np.array([True, False]), ValueError, "finite"),
    ],
)
def test_bad_input_is_named(
    scores: np.ndarray, labels: np.ndarray, mask: np.ndarray, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        gzsl(scores, labels, mask)
    with pytest.raises(error, match=words):
        seen_unseen_curve(scores, labels, mask)


@given(worlds())
def test_top_k_grows_to_one(world: tuple[np.ndarray, ...]) -> None:
    scores, labels, mask = world
    values = [top_k(scores, labels, k=k) for k in range(1, mask.size + 1)]
    assert values == sorted(values)
    assert values[-1] == 1.0


def test_top_k_counts_ties_against() -> None:
    assert top_k(np.zeros((2, 4)), np.array([0, 3]), k=3) == 0.0
    with pytest.raises(ValueError, match="k = 5"):
        top_k(np.zeros((2, 4)), np.array([0, 3]), k=5)


def test_pointing_game() -> None:
    peaked = np.zeros((4, 4))
    peaked[0, 3] = 1
    assert pointing_game(peaked, (0.75, 0.0, 1.0, 0.25))
    assert not pointing_game(peaked, (0.0, 0.75, 0.25, 1.0))
    assert not pointing_game(np.ones((4, 4)), (0.0, 0.0, 0.5, 0.5))
    with pytest.raises(ValueError, match="rows, columns"):
        pointing_game(np.ones(4), (0, 0, 1, 1))
