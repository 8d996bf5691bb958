"""Shapley values of small games against their definition and their axioms; estimates against exact values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgzsl.explain.games import Coalition, Estimate, every_coalition, exact_values, marginal_range, sampled_values

PLAYERS = st.integers(1, 6)
SEEDS = st.integers(0, 10_000)


def game(players: int, seed: int) -> np.ndarray:
    """What every coalition is worth, at random."""
    return np.random.default_rng(seed).normal(size=2**players)


def number(coalition: Sequence[int] | Coalition) -> int:
    return sum(1 << k for k in coalition)


def valued(worth: np.ndarray) -> Callable[[Sequence[Coalition]], np.ndarray]:
    return lambda coalitions: np.array([worth[number(one)] for one in coalitions])


def sampled(worth: np.ndarray, **changes: Any) -> Estimate:
    players = len(worth).bit_length() - 1
    # Of three players, the first few draws may be the same pair of orders, whose intervals are of no width.
    told: dict[str, Any] = {"most": 64, "least": 64, "width": 0.0, "seed": 0} | changes
    return sampled_values(valued(worth), players, ends=(worth[0], worth[-1]), **told)


@settings(max_examples=40, deadline=None)
@given(PLAYERS, SEEDS)
def test_it_is_the_mean_gain_over_all_orders(players: int, seed: int) -> None:
    worth = game(players, seed)
    gains = np.zeros(players)
    orders = list(permutations(range(players)))
    for order in orders:
        for place, player in enumerate(order):
            gains[player] += worth[number(order[: place + 1])] - worth[number(order[:place])]
    np.testing.assert_allclose(exact_values(worth), gains / len(orders), atol=1e-12)


def test_coalitions_are_numbered_by_who_takes_part() -> None:
    assert [number(one) for one in every_coalition(5)] == list(range(32))


@settings(max_examples=60, deadline=None)
@given(PLAYERS, SEEDS, SEEDS)
def test_efficiency_and_additivity(players: int, one: int, other: int) -> None:
    a, b = game(players, one), game(players, other)
    assert exact_values(a).sum() == pytest.approx(a[-1] - a[0])
    np.testing.assert_allclose(exact_values(a + 2 * b), exact_values(a) + 2 * exact_values(b), atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 6), SEEDS, st.data())
def test_symmetry(players: int, seed: int, data: st.DataObject) -> None:
    """Two players that every coalition gains alike from have the same value."""
    first, second = data.draw(st.permutations(range(players)))[:2]
    worth = game(players, seed)
    for coalition in every_coalition(players):
        if first in coalition and second not in coalition:
            swapped = coalition - {first} | {second}
            worth[number(swapped)] = worth[number(coalition)]
    values = exact_values(worth)
    assert values[first] == pytest.approx(values[second])


@settings(max_examples=60, deadline=None)
@given(PLAYERS, SEEDS, st.data())
def test_a_null_player_has_nothing(players: int, seed: int, data: st.DataObject) -> None:
    null = data.draw(st.integers(0, players - 1))
    worth = game(players, seed)
    for coalition in every_coalition(players):
        worth[number(coalition)] = worth[number(coalition - {null})]
    assert exact_values(worth)[null] == 0
    change = marginal_range(worth)
    assert change[null] == 0
    assert (np.delete(change, null) > 0).all()
    assert sampled(worth).values[null] == 0


@settings(max_examples=40, deadline=None)
@given(st.integers(3, 6), SEEDS, SEEDS)
def test_estimates_sum_to_the_whole_and_depend_on_the_seed_alone(players: int, seed: int, draw: int) -> None:
    worth = game(players, seed)
    found, again = sampled(worth, seed=draw), sampled(worth, seed=draw)
    assert found.values.sum() == pytest.approx(worth[-1] - worth[0])
    assert found.permutations == 64
    np.testing.assert_array_equal(found.values, again.values)
    np.testing.assert_array_equal(found.intervals, again.intervals)
    assert (found.intervals[:, 0] <= found.values).all()
    assert (found.values <= found.intervals[:, 1]).all()


def test_intervals_cover_the_exact_values() -> None:
    """Of 95% intervals in 100 random games of five players, 5% may miss; so far from it no chance leads."""
    hit = []
    for seed in range(100):
        worth = game(5, seed)
        exact, found = exact_values(worth), sampled(worth, seed=seed)
        hit += [low - 1e-12 <= value <= high + 1e-12 for value, (low, high) in zip(exact, found.intervals, strict=True)]
    assert 0.92 <= np.mean(hit) <= 0.98


def test_reverses_cancel_the_errors_of_a_quadratic_game() -> None:
    """A coalition that is worth the square of its size: of an order and its reverse everyone has the mean gain."""
    worth = np.array([float(len(one)) ** 2 for one in every_coalition(6)])
    found = sampled(worth, most=4)
    np.testing.assert_allclose(found.values, exact_values(worth))
    np.testing.assert_allclose(found.intervals[:, 0], found.intervals[:, 1])


def test_it_stops_when_every_interval_is_narrow() -> None:
    worth = game(4, 3)
    found = sampled(worth, least=8, most=10_000, width=0.5)
    assert 8 <= found.permutations < 10_000
    assert np.diff(found.intervals).max() <= 0.5
    assert sampled(worth, least=8, most=10_000, width=0.25).permutations > found.permutations
    # One that is additive is known after the first look.
    additive = np.array([sum(one) for one in every_coalition(4)], dtype=float)
    assert sampled(additive, least=20, most=10_000, width=0.01).permutations == 24


def test_one_pair_is_no_interval() -> None:
    found = sampled(game(3, 0), most=2)
    assert found.permutations == 2
    assert np.isinf(found.intervals).all()


def test_of_one_permutation_gains_are_differences_along_it() -> None:
    worth = game(3, 1)
    order = np.random.default_rng(7).permutation(3)
    expected = np.zeros(3)
    for one in (order, order[::-1]):
        for place, player in enumerate(one):
            expected[player] += (worth[number(one[: place + 1])] - worth[number(one[:place])]) / 2
    np.testing.assert_allclose(sampled(worth, most=2, seed=7).values, expected)
