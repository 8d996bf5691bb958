"""How sure a mean over images is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Interval", "paired_interval"]

CONFIDENCE = 0.95
RESAMPLES = 2000


@dataclass(frozen=True)
class Interval:
    """A mean and its 95% interval.

    Example:
        >>> str(Interval(0.52, 0.41, 0.6341))
        '+0.52 [+0.41, +0.634]'
    """

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:+.3g} [{self.low:+.3g}, {self.high:+.3g}]"


def paired_interval(
    differences: Sequence[float] | np.ndarray, groups: Sequence[object] | None = None, *, seed: int = 0
) -> Interval:
    """The mean of paired differences with its 95% percentile bootstrap interval.

    Images of one class share the class's facts, so that they are no independent cases: given their classes, whole
    classes are drawn (the cluster bootstrap), which gives the wider interval that is due.

    Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13; clusters: Davison and Hinkley,
    "Bootstrap Methods and their Application", 1997, section 3.8.

    Args:
        differences: one for each image, of two measurements of that image.
        groups: the class of each image; None, or all of one class: images are drawn one by one.
        seed: of the draws.

    Raises:
        ValueError: no differences.

    Example:
        >>> paired_interval([1.0, 1.0, 1.0])
        Interval(mean=1.0, low=1.0, high=1.0)
        >>> alone, shared = (paired_interval([0.0, 0.0, 1.0, 1.0] * 5, g) for g in (None, list("aabb") * 5))
        >>> alone.low > shared.low == 0
        True
    """
    values = np.asarray(differences, dtype=np.float64)
    if not values.size:
        raise ValueError("an interval needs differences, got none")
    names = list(groups) if groups is not None else []
    places = {name: k for k, name in enumerate(dict.fromkeys(names))}
    of = np.array([places[name] for name in names]) if len(places) > 1 else np.arange(len(values))
    totals, counts = np.bincount(of, values), np.bincount(of)
    drawn = np.random.default_rng(seed).integers(0, len(counts), (RESAMPLES, len(counts)))
    means = totals[drawn].sum(1) / counts[drawn].sum(1)
    low, high = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]).tolist()
    return Interval(float(values.mean()), low, high)
