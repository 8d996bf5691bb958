"""Deletion and insertion curves: what the margin does while facts are taken away, or given, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

__all__ = ["curve_area", "prefixes"]

Thing = TypeVar("Thing")


def prefixes(order: Sequence[Thing], *, steps: int) -> tuple[tuple[Thing, ...], ...]:
    """None, the first few, and so on to all of an order, in about equal steps.

    What is deleted at each step of a deletion curve is a prefix of the order; what is *left* at each step of an
    insertion curve is one, so that the insertion curve of an order is the deletion curve of its reverse, backwards.

    Args:
        order: first what is taken away first.
        steps: at most so many beside the empty one.

    Example:
        >>> prefixes("abc", steps=9)
        ((), ('a',), ('a', 'b'), ('a', 'b', 'c'))
        >>> [len(p) for p in prefixes(range(100), steps=4)]
        [0, 25, 50, 75, 100]
    """
    sizes = np.unique(np.linspace(0, len(order), min(steps, len(order)) + 1).round().astype(int))
    return tuple(tuple(order[:size]) for size in sizes.tolist())


def curve_area(margins: Sequence[float] | np.ndarray) -> float:
    """Area under a curve over the share of the facts that are deleted (inserted), in the unit of the margin.

    Of deletion a small area is good: the margin falls at once. Of insertion a large one is.

    Source: Petsiuk et al., "RISE: Randomized Input Sampling for Explanation of Black-box Models", BMVC 2018,
    section 4.3, with facts in the place of pixels and the margin in the place of the probability.

    Args:
        margins: at evenly spaced shares from 0 to 1.

    Example:
        >>> curve_area([2.0, 0.0, 0.0]), curve_area([2.0, 2.0, 0.0])
        (0.5, 1.5)
    """
    values = np.asarray(margins, dtype=np.float64)
    return float(np.trapezoid(values, dx=1 / (len(values) - 1))) if len(values) > 1 else float(values[0])
