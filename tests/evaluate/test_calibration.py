from __future__ import annotations

import numpy as np
import pytest

from kgzsl.errors import DataError
from kgzsl.evaluate.calibration import choose_gamma
from kgzsl.evaluate.metrics import best_h, gzsl, seen_unseen_curve


def biased_world(seed: int, *, bias: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores whose seen (training) columns are too high by ``bias``."""
    rng = np.random.default_rng(seed)
    pseudo_unseen = np.arange(8) >= 6
    labels = np.arange(8).repeat(25)
    scores = rng.normal(size=(200, 8)) + 3 * np.eye(8)[labels] + bias * ~pseudo_unseen
    return scores, labels, pseudo_unseen


@pytest.mark.parametrize("seed", range(5))
def test_gamma_reaches_the_best_h_of_validation_and_undoes_the_bias(seed: int) -> None:
    scores, labels, pseudo_unseen = biased_world(seed, bias=4.0)
    calibration = choose_gamma(scores, labels, pseudo_unseen)
    result = gzsl(scores, labels, ~pseudo_unseen, gamma=calibration.gamma)
    assert pytest.approx(calibration.H) == result.H
    assert pytest.approx(best_h(seen_unseen_curve(scores, labels, ~pseudo_unseen))) == result.H
    assert result.H > gzsl(scores, labels, ~pseudo_unseen).H + 0.3
    assert 2.5 < calibration.gamma < 6.5
    assert calibration.unit == "scores"


def test_gamma_is_the_middle_of_the_widest_plateau() -> None:
    # H is 2/3 on [1, 2) and on [3, 7) (one side perfect, the other half), and lower elsewhere.
    scores = np.array([[1.0, 0.0], [7.0, 0.0], [2.0, 0.0], [3.0, 0.0]])
    labels = np.array([1, 0, 0, 1])
    calibration = choose_gamma(scores, labels, np.array([False, True]))
    assert pytest.approx(2 / 3) == calibration.H
    assert calibration.gamma == 5.0


def test_gamma_does_not_depend_on_the_order_of_images_or_classes() -> None:
    scores, labels, mask = biased_world(3, bias=2.0)
    rows, columns = np.random.default_rng(1).permutation(200), np.random.default_rng(2).permutation(8)
    shuffled = choose_gamma(scores[rows][:, columns], np.argsort(columns)[labels[rows]], mask[columns])
    assert shuffled.gamma == choose_gamma(scores, labels, mask).gamma


def test_gamma_shifts_with_the_bias() -> None:
    scores, labels, mask = biased_world(0, bias=1.0)
    shifted = choose_gamma(scores + 2.5 * ~mask, labels, mask)
    assert shifted.gamma == pytest.approx(choose_gamma(scores, labels, mask).gamma + 2.5)


def test_hopeless_scores_leave_gamma_at_zero() -> None:
    scores = np.array([[0.0, 5.0, 1.0, 2.0], [0.0, 5.0, 1.0, 2.0]])
    calibration = choose_gamma(scores, np.array([0, 2]), np.array([False, False, True, True]))
    assert (calibration.gamma, calibration.H) == (0.0, 0.0)


def test_validation_without_pseudo_unseen_images_is_an_error() -> None:
    with pytest.raises(DataError, match="unseen"):
        choose_gamma(np.zeros((1, 2)), np.array([0]), np.array([False, True]))
