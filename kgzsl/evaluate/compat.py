"""U, S and H as the published code of DUET counts them."""

from __future__ import annotations

import numpy as np
from scipy.special import softmax

from kgzsl.evaluate.metrics import (
    GzslAccuracy,
    calibrated_predictions,
    harmonic_mean,
    mean_accuracy,
    per_class_accuracy,
)
from kgzsl.model.departures import Departures

__all__ = ["compat_gzsl", "compat_predictions"]


def compat_predictions(
    scores: np.ndarray, seen_mask: np.ndarray, *, gamma: float, departures: Departures
) -> np.ndarray:
    """The best class after calibrated stacking, of probabilities (published) or of scores (paper).

    Args:
        scores: logits ``(image, class)`` over all classes.
        seen_mask: True for the columns of seen classes.
        gamma: taken off seen classes, in the unit of what it is taken off; published: 0.8 AwA2, 0.7 CUB, 0.4 SUN.
        departures: of what.

    Example:
        >>> scores, seen = np.array([[9.0, 7.0]]), np.array([True, False])
        >>> both = Departures(), Departures.none()
        >>> [compat_predictions(scores, seen, gamma=0.8, departures=made).item() for made in both]
        [1, 0]
    """
    values = softmax(scores, axis=1) if departures.gamma_on_probabilities else scores
    return calibrated_predictions(values, seen_mask, gamma=gamma)


def compat_gzsl(
    scores: np.ndarray, labels: np.ndarray, seen_mask: np.ndarray, *, gamma: float, departures: Departures
) -> GzslAccuracy:
    """U, S and H over images (published for AwA2 and SUN) or over classes (paper; :func:`kgzsl.evaluate.gzsl`).

    Args:
        scores: logits ``(image, class)`` over all classes.
        labels: column of each image's class.
        seen_mask: True for the columns of seen classes.
        gamma: see :func:`compat_predictions`.
        departures: how to count.

    Example:
        >>> scores, labels = np.eye(3)[[0, 1, 0, 2]], np.array([0, 1, 1, 2])
        >>> [round(compat_gzsl(scores, labels, np.array([True, True, False]), gamma=0.0, departures=d).S, 3)
        ...  for d in (Departures(), Departures.none())]
        [0.667, 0.75]
    """
    predicted = compat_predictions(scores, seen_mask, gamma=gamma, departures=departures)
    shares = []
    for wanted in (~seen_mask, seen_mask):
        rows = wanted[labels]
        over_classes = per_class_accuracy(predicted, labels, np.flatnonzero(wanted))
        over_images = float((predicted == labels)[rows].mean()) if rows.any() else 0.0
        shares.append(over_images if departures.accuracy_over_images else mean_accuracy(over_classes))
    unseen, seen = shares
    return GzslAccuracy(U=unseen, S=seen, H=harmonic_mean(seen, unseen))
