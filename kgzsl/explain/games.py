"""Shapley values of cooperative games: exactly, and from permutations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import factorial

import numpy as np

__all__ = ["Coalition", "Estimate", "Value", "every_coalition", "exact_values", "marginal_range", "sampled_values"]

Coalition = frozenset[int]
"""Numbers of the players that take part."""
Value = Callable[[Sequence[Coalition]], np.ndarray]
"""Coalitions to what each is worth, float64 ``(coalition,)``."""
TOGETHER = 4
"""Pairs of permutations that are asked for at once."""


@dataclass(frozen=True, eq=False)
class Estimate:
    """Shapley values that were estimated.

    Args:
        values: float64 ``(player,)``; they sum exactly to what all are worth beyond none.
        intervals: float64 ``(player, 2)``: from where to where the true value lies in 95% of all estimates.
        permutations: how many were drawn, reverses included.
    """

    values: np.ndarray
    intervals: np.ndarray
    permutations: int


def every_coalition(players: int) -> list[Coalition]:
    """All coalitions of some players, in the order of the binary numbers whose digits say who takes part.

    Example:
        >>> [sorted(coalition) for coalition in every_coalition(2)]
        [[], [0], [1], [0, 1]]
    """
    return [frozenset(k for k in range(players) if number >> k & 1) for number in range(2**players)]


def exact_values(worth: np.ndarray) -> np.ndarray:
    r"""Shapley values of a game whose every coalition was valued.

    .. math:: \phi_i = \sum_{S \not\ni i} \frac{|S|! \, (n - |S| - 1)!}{n!} \, (v(S \cup \{i\}) - v(S))

    Source: Shapley, "A value for n-person games", Contributions to the Theory of Games II, 1953.

    Args:
        worth: float64 ``(2 ** player,)``, in the order of :func:`every_coalition`.

    Returns:
        float64 ``(player,)``.

    Example:
        >>> exact_values(np.array([0.0, 1.0, 2.0, 5.0])).tolist()
        [2.0, 3.0]
    """
    players = len(worth).bit_length() - 1
    number = np.arange(len(worth))
    weights = np.array(
        [factorial(size) * factorial(players - size - 1) / factorial(players) for size in range(players)]
    )
    return np.array(
        [
            ((worth[without | 1 << k] - worth[without]) * weights[np.bitwise_count(without)]).sum()
            for k in range(players)
            for without in [number[number >> k & 1 == 0]]
        ]
    )


def marginal_range(worth: np.ndarray) -> np.ndarray:
    """The largest change that each player makes to any coalition, float64 ``(player,)``: 0 for a null player.

    Args:
        worth: as of :func:`exact_values`.
    """
    players, number = len(worth).bit_length() - 1, np.arange(len(worth))
    rest = [number[number >> k & 1 == 0] for k in range(players)]
    return np.array([np.abs(worth[without | 1 << k] - worth[without]).max() for k, without in enumerate(rest)])


def sampled_values(
    value: Value, players: int, *, ends: tuple[float, float], most: int, least: int, width: float, seed: int
) -> Estimate:
    """Shapley values from random permutations: what each player adds when they come one after the other.

    Permutations are drawn in antithetic pairs, one and its reverse: who comes early in one comes late in the other, and
    where gains shrink or grow with the coalition the errors of both cancel. Of each permutation gains sum to what all
    are worth beyond none, so their means do too. Intervals are Student's, over the means of pairs.

    Source: Castro, Gomez and Tejada, "Polynomial calculation of the Shapley value based on sampling", Computers &
    Operations Research 2009; Mitchell, Cooper, Frank and Holmes, "Sampling Permutations for Shapley Value Estimation",
    JMLR 2022, section 2.3 (antithetic sampling).

    Args:
        value: what coalitions are worth; asked for many at once, some of them repeatedly.
        players: how many.
        ends: what no player and what all are worth.
        most: permutations at most.
        least: permutations at least, before intervals are looked at.
        width: of intervals, at which to stop: once all of them are so narrow.
        seed: of the draw.
    """
    from scipy.special import stdtrit

    random = np.random.default_rng(seed)
    gains = np.empty((0, players))
    while True:
        orders = [random.permutation(players) for _ in range(min(TOGETHER, max(most // 2 - len(gains), 1)))]
        both = [order for one in orders for order in (one, one[::-1])]
        inner = [frozenset(order[:k].tolist()) for order in both for k in range(1, players)]
        worth = value(inner).reshape(len(both), players - 1)
        path = np.hstack([np.full((len(both), 1), ends[0]), worth, np.full((len(both), 1), ends[1])])
        gained = np.empty((len(both), players))
        for row, order in enumerate(both):
            gained[row, order] = np.diff(path[row])
        gains = np.concatenate([gains, (gained[::2] + gained[1::2]) / 2])
        pairs = len(gains)
        error = gains.std(0, ddof=1) / np.sqrt(pairs) if pairs > 1 else np.full(players, np.inf)
        half = stdtrit(max(pairs - 1, 1), 0.975) * error
        narrow = 2 * pairs >= least and bool((2 * half <= width).all())
        if narrow or 2 * (pairs + 1) > most:
            mean = gains.mean(0)
            return Estimate(mean, np.stack([mean - half, mean + half], axis=1), 2 * pairs)
