"""Comprehensiveness and sufficiency: what the margin loses without the facts that are said to matter."""

from __future__ import annotations

import numpy as np

__all__ = ["comprehensiveness", "ratio", "sufficiency"]


def comprehensiveness(margin: np.ndarray, without: np.ndarray) -> np.ndarray:
    """How much of each margin goes with the facts that were ranked first; the more, the better they were chosen.

    Source: DeYoung et al., "ERASER: A Benchmark to Evaluate Rationalized NLP Models", ACL 2020, equation 1, with the
    margin between two classes in the place of one class's probability, and facts in the place of tokens.

    Args:
        margin: of each image, ``(image,)``.
        without: the same with those facts taken away.

    Example:
        >>> comprehensiveness(np.array([2.0]), np.array([0.5])).tolist()
        [1.5]
    """
    return np.asarray(margin, dtype=np.float64) - np.asarray(without, dtype=np.float64)


def sufficiency(margin: np.ndarray, alone: np.ndarray) -> np.ndarray:
    """How much of each margin is missing with nothing but the facts that were ranked first; the less, the better.

    Below 0 the others speak for the rival.

    Source: DeYoung et al., ACL 2020, equation 2, read as :func:`comprehensiveness`.

    Args:
        margin: of each image, ``(image,)``.
        alone: the same with all other facts taken away.

    Example:
        >>> sufficiency(np.array([2.0]), np.array([1.75])).tolist()
        [0.25]
    """
    return np.asarray(margin, dtype=np.float64) - np.asarray(alone, dtype=np.float64)


def ratio(one: np.ndarray, other: np.ndarray) -> float:
    """Mean of one over the mean of the other; infinite where the other's is not above 0 and the first's is.

    Example:
        >>> ratio(np.array([1.0, 3.0]), np.array([1.0, 0.0])), ratio(np.array([1.0]), np.array([-1.0]))
        (4.0, inf)
    """
    above, below = float(np.mean(one)), float(np.mean(other))
    if below > 0:
        return above / below
    return float("inf") if above > 0 else 0.0
