"""Choosing gamma of calibrated stacking on validation classes, never on test images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from kgzsl.evaluate.metrics import Curve, seen_unseen_curve

__all__ = ["Calibration", "best_gamma", "choose_gamma"]

RULE = "middle of the widest gamma interval with the best H on validation classes"


@dataclass(frozen=True)
class Calibration:
    """The gamma that is taken off the scores of seen classes, and how it was chosen.

    Args:
        gamma: in the unit of ``scores``.
        H: harmonic mean on validation at that gamma, in [0, 1].
        rule: the selection rule in words.
        unit: the unit of gamma.
    """

    gamma: float
    H: float
    rule: str = RULE
    unit: Literal["scores"] = "scores"


def choose_gamma(scores: np.ndarray, labels: np.ndarray, pseudo_unseen_mask: np.ndarray) -> Calibration:
    """Gamma with the best H where validation classes play the unseen ones.

    Images of the validation classes play the unseen images; held-out images of the training
    classes, not those that were trained on, play the seen ones. H is constant between two
    gammas at which a prediction flips. Among the widest stretches of gamma that have the best
    H the lowest is taken, and its middle is returned: the choice is exact, deterministic and
    farthest from any flip. Where no gamma has H above 0, gamma is 0.

    Args:
        scores: ``(image, class)`` over the seen classes, training and validation ones.
        labels: column of each image's class.
        pseudo_unseen_mask: True for the columns of validation classes.

    Raises:
        DataError: images or classes of one of both kinds are missing.

    Source: Chao et al., ECCV 2016, section 3.2 (calibrated stacking).

    Example:
        >>> scores = np.array([[2.0, 1.0], [1.5, 1.0]])
        >>> calibration = choose_gamma(scores, np.array([0, 1]), np.array([False, True]))
        >>> calibration.gamma, calibration.H
        (0.75, 1.0)
    """
    return best_gamma(seen_unseen_curve(scores, labels, ~np.asarray(pseudo_unseen_mask, dtype=bool)))


def best_gamma(curve: Curve) -> Calibration:
    """The gamma that :func:`choose_gamma` chooses, from the curve of the images that choose.

    Example:
        >>> curve = Curve(np.array([-np.inf, 0.5, 1.0]), np.array([1.0, 1.0, 0.0]), np.array([0.0, 1.0, 1.0]))
        >>> best_gamma(curve).gamma
        0.75
    """
    best = curve.H.max()
    if best == 0:
        return Calibration(gamma=0.0, H=0.0)
    # H is 0 at both infinite ends, so a stretch with the best H has two finite edges. The
    # tolerance only joins intervals that differ by the rounding of sums.
    is_best = np.r_[0, (best - 1e-12 <= curve.H).astype(int), 0]
    start, stop = np.flatnonzero(np.diff(is_best) == 1), np.flatnonzero(np.diff(is_best) == -1)
    low, high = curve.gamma[start], curve.gamma[stop]
    widest = int(np.argmax(high - low))
    return Calibration(gamma=float((low[widest] + high[widest]) / 2), H=float(best))
