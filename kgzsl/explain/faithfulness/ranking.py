"""How a ranking compares with the truth, or with another ranking of the same things."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["auroc", "kendall_tau", "precision_at_k", "rank_correlation"]

Numbers = Sequence[float] | np.ndarray


def precision_at_k(scores: Numbers, relevant: Sequence[bool] | np.ndarray, *, k: int) -> float:
    """The share of relevant ones among the ``k`` of the highest scores (or among all, where there are fewer).

    Example:
        >>> precision_at_k([0.9, 0.1, 0.5], [True, True, False], k=2)
        0.5
    """
    order = np.argsort(-np.asarray(scores, dtype=np.float64), kind="stable")[:k]
    return float(np.asarray(relevant, dtype=bool)[order].mean()) if len(order) else 0.0


def auroc(scores: Numbers, relevant: Sequence[bool] | np.ndarray) -> float:
    """How often a relevant one has a higher score than one that is not, ties counting half: 0.5 is chance.

    Source: Hanley and McNeil, "The meaning and use of the area under a ROC curve", Radiology 1982.

    Raises:
        ValueError: all are relevant, or none is.

    Example:
        >>> auroc([0.9, 0.5, 0.5], [True, True, False])
        0.75
    """
    from scipy.stats import rankdata

    truth = np.asarray(relevant, dtype=bool)
    ours, others = int(truth.sum()), int((~truth).sum())
    if not ours or not others:
        raise ValueError(f"AUROC needs relevant and other ones, got {ours} and {others}")
    ranks = rankdata(scores)
    return float((ranks[truth].sum() - ours * (ours + 1) / 2) / (ours * others))


def rank_correlation(one: Numbers, other: Numbers) -> float:
    """Spearman's rank correlation, in [-1, 1]; of a constant, 1 with itself and 0 with all else.

    Source: Spearman, "The proof and measurement of association between two things", 1904; of explanations with those
    of a randomized model: Adebayo et al., "Sanity Checks for Saliency Maps", NeurIPS 2018, section 3.

    Example:
        >>> rank_correlation([1, 2, 3], [10, 20, 300]), rank_correlation([1, 2, 3], [3, 2, 1])
        (1.0, -1.0)
        >>> rank_correlation([1, 1], [1, 1]), rank_correlation([1, 1], [1, 2])
        (1.0, 0.0)
    """
    from scipy.stats import spearmanr

    known = _known(one, other)
    return float(spearmanr(one, other).statistic) if known is None else known


def kendall_tau(one: Numbers, other: Numbers) -> float:
    """Kendall's tau-b: concordant less discordant pairs, in [-1, 1]; of a constant, 1 with itself and 0 with all else.

    Source: Kendall, "The treatment of ties in ranking problems", Biometrika 1945.

    Example:
        >>> kendall_tau([1, 2, 3], [1, 3, 2])
        0.333...
    """
    from scipy.stats import kendalltau

    known = _known(one, other)
    return float(kendalltau(one, other).statistic) if known is None else known


def _known(one: Numbers, other: Numbers) -> float | None:
    """A correlation that no formula is needed for, or has: of equals, or where one side does not vary."""
    if np.array_equal(one, other):
        return 1.0
    constant = any(np.ptp(np.asarray(side, dtype=np.float64)) == 0 for side in (one, other))
    return 0.0 if constant else None
