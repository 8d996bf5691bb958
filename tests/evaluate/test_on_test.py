"""What selection on test would report: the best of everything, and labelled as such."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgzsl.errors import DataError
from kgzsl.evaluate import ausuc, czsl_accuracy, gzsl, harmonic_mean, seen_unseen_curve, select_on_test

SEEN = np.array([True, True, False, False])


def world(seed: int, *, images: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Scores that are right half of the time, on classes of very different size."""
    random = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(4), random.choice(4, images - 4, p=[0.6, 0.1, 0.2, 0.1])])
    return random.normal(size=(images, 4)) + 1.5 * np.eye(4)[labels], labels


@given(st.integers(0, 10_000), st.floats(-3, 3))
@settings(max_examples=40, deadline=None)
def test_no_gamma_and_no_candidate_is_better(seed: int, gamma: float) -> None:
    scores, labels = world(seed)
    other = np.random.default_rng(seed).normal(size=scores.shape)
    chosen = select_on_test([("a", other), ("b", scores)], labels, SEEN)
    for each in (scores, other):
        assert chosen.H >= gzsl(each, labels, SEEN, gamma=gamma).H - 1e-12
        assert chosen.H >= select_on_test([("x", each)], labels, SEEN).H
    # What it says of the chosen weights is what they give at the chosen gamma.
    own = {"a": other, "b": scores}[chosen.epoch]
    again = gzsl(own, labels, SEEN, gamma=chosen.gamma)
    assert pytest.approx((chosen.U, chosen.S, chosen.H)) == (again.U, again.S, again.H)
    assert czsl_accuracy(own, labels, ~SEEN) == chosen.T1
    assert ausuc(seen_unseen_curve(own, labels, SEEN)) == chosen.AUSUC


def test_over_images_large_classes_count_more() -> None:
    scores, labels = world(3)
    chosen = select_on_test([("a", scores)], labels, SEEN, over="images")
    predicted = (scores - chosen.gamma * SEEN).argmax(1)
    shares = [(predicted == labels)[wanted[labels]].mean() for wanted in (SEEN, ~SEEN)]
    assert pytest.approx(shares) == (chosen.S, chosen.U)
    assert pytest.approx(harmonic_mean(*shares)) == chosen.H
    assert pytest.approx(select_on_test([("a", scores)], labels, SEEN).H) != chosen.H


def test_its_name_says_what_it_is() -> None:
    scores, labels = world(0)
    one = select_on_test([("a", scores)], labels, SEEN)
    assert one.rule == "SELECTED ON TEST IMAGES: best H over gamma alone, for no epochs were kept"
    several = select_on_test([("a", scores), ("b", scores)], labels, SEEN, over="images", gamma_unit="probabilities")
    assert several.rule == (
        "SELECTED ON TEST IMAGES: best H over 2 checkpoints and gamma, gamma off probabilities, "
        "U and S counted over images"
    )
    assert several.epoch == "a"  # of equal ones the first
    assert several.gamma_unit == "probabilities"


def test_without_anything_to_select_from() -> None:
    with pytest.raises(DataError, match="no weights to select from"):
        select_on_test([], np.array([0, 2]), SEEN)
    scores, labels = world(0)
    with pytest.raises(DataError, match="no image of a seen class"):
        select_on_test([("a", scores[labels > 1])], labels[labels > 1], SEEN)


def test_where_nothing_is_right_h_is_zero() -> None:
    labels = np.array([0, 2])
    scores = np.eye(4)[[1, 3]]
    chosen = select_on_test([("a", scores)], labels, SEEN)
    assert (chosen.H, chosen.gamma, chosen.U, chosen.S) == (0.0, 0.0, 0.0, 0.0)
