"""The measures of faithfulness against closed forms."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kgzsl.explain.faithfulness import (
    auroc,
    box_iou,
    comprehensiveness,
    curve_area,
    kendall_tau,
    map_around,
    matched_facts,
    paired_interval,
    precision_at_k,
    prefixes,
    rank_correlation,
    ratio,
    sufficiency,
)
from kgzsl.ontology import Fact

NUMBERS = st.floats(-5, 5, allow_nan=False).map(lambda value: round(value, 3))
SHARES = st.lists(NUMBERS, min_size=1, max_size=5)
BOXES = st.tuples(*[st.floats(0, 0.5), st.floats(0, 0.5), st.floats(0.51, 1), st.floats(0.51, 1)])


def deleted(shares: tuple[float, ...]) -> float:
    """Area of an additive model's deletion curve in an order of its facts."""
    return curve_area([sum(shares[k:]) for k in range(len(shares) + 1)])


@settings(deadline=None)
@given(SHARES)
def test_where_facts_add_up_what_goes_and_what_stays_is_the_margin(shares: list[float]) -> None:
    margin = np.array([sum(shares)])
    for k in range(len(shares) + 1):
        without, alone = np.array([sum(shares[k:])]), np.array([sum(shares[:k])])
        np.testing.assert_allclose(comprehensiveness(margin, without), alone, atol=1e-9)
        np.testing.assert_allclose(comprehensiveness(margin, without) + sufficiency(margin, alone), margin, atol=1e-9)


@settings(deadline=None)
@given(SHARES)
def test_no_order_deletes_faster_or_inserts_slower_than_that_of_the_shares(shares: list[float]) -> None:
    best = deleted(tuple(sorted(shares, reverse=True)))
    for order in itertools.permutations(shares):
        assert best <= deleted(order) + 1e-9
        # Inserted in an order is deleted in its reverse, seen from the end.
        inserted = curve_area([sum(order[:k]) for k in range(len(order) + 1)])
        assert inserted == pytest.approx(deleted(order[::-1]), abs=1e-9)
        # Of both areas of one order, one gains what the other loses.
        assert inserted + deleted(order) == pytest.approx(sum(shares), abs=1e-9)


def test_the_area_of_equal_shares_is_half_the_margin() -> None:
    assert deleted((0.25,) * 4) == pytest.approx(0.5)
    assert curve_area([3.0]) == 3.0


@settings(deadline=None)
@given(st.integers(0, 60), st.integers(1, 20))
def test_prefixes_grow_from_none_to_all(count: int, steps: int) -> None:
    found = prefixes(range(count), steps=steps)
    assert found[0] == ()
    assert found[-1] == tuple(range(count))
    assert len(found) == min(count, steps) + 1
    sizes = [len(prefix) for prefix in found]
    assert sizes == sorted(set(sizes))
    assert all(prefix == tuple(range(len(prefix))) for prefix in found)


@settings(deadline=None)
@given(st.lists(NUMBERS, min_size=2, max_size=30), NUMBERS)
def test_an_interval_moves_with_the_differences(differences: list[float], shift: float) -> None:
    one, other = (paired_interval(np.array(differences) + by) for by in (0.0, shift))
    assert min(differences) - 1e-9 <= one.low <= one.high <= max(differences) + 1e-9
    assert other.low == pytest.approx(one.low + shift, abs=1e-6)
    assert paired_interval(differences) == one


def test_an_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(0)
    found = [paired_interval(random.normal(1.0, 1.0, 60), seed=k) for k in range(200)]
    assert 0.9 <= np.mean([one.low <= 1.0 <= one.high for one in found]) <= 0.99


def test_images_of_one_class_are_no_independent_cases() -> None:
    """The class decides: over 4 classes, 100 images say no more than 4 do."""
    values, groups = np.repeat([0.0, 1.0, 2.0, 3.0], 25), np.repeat(list("abcd"), 25).tolist()
    alone, together = paired_interval(values), paired_interval(values, groups)
    assert together.high - together.low > 3 * (alone.high - alone.low)
    assert paired_interval(values, ["a"] * 100) == alone
    with pytest.raises(ValueError, match="differences"):
        paired_interval([])


FACTS = [Fact(f"#c{c}", f"#p{p}", f"#f{f}") for c, p, f in itertools.product(range(2), range(3), range(2))]


@settings(deadline=None)
@given(st.sets(st.integers(0, len(FACTS) - 1), min_size=1), st.integers(0, 99))
def test_matched_facts_are_others_of_the_same_kind(chosen: set[int], seed: int) -> None:
    own = [FACTS[k] for k in sorted(chosen)]
    random = np.random.default_rng(seed)
    drawn = matched_facts(own, FACTS, degree=lambda fact: int(fact.object[-1]), random=random)
    assert len(drawn) == len(set(drawn)) == min(len(own), len(FACTS) - len(own))
    assert not set(drawn) & set(own)
    left = [f for f in FACTS if f not in own]
    if own and any(f.predicate == own[0].predicate for f in left):
        assert drawn[0].predicate == own[0].predicate


def test_matched_facts_are_about_as_common() -> None:
    pool = [Fact("#a", "#p", f"#f{k}") for k in range(20)]
    degree = {fact: k for k, fact in enumerate(pool)}
    drawn = {
        matched_facts(pool[10:11], pool, degree=degree.__getitem__, random=np.random.default_rng(seed))[0]
        for seed in range(40)
    }
    assert {9, 11} < {degree[fact] for fact in drawn} <= {8, 9, 11, 12}


@settings(deadline=None)
@given(st.lists(st.tuples(NUMBERS, st.booleans()), min_size=2, max_size=30))
def test_auroc_is_the_share_of_pairs_in_order(pairs: list[tuple[float, bool]]) -> None:
    scores, truth = map(list, zip(*pairs, strict=True))
    assume(any(truth) and not all(truth))
    ours, others = [s for s, t in pairs if t], [s for s, t in pairs if not t]
    expected = np.mean([(one > other) + (one == other) / 2 for one in ours for other in others])
    assert auroc(scores, truth) == pytest.approx(expected)
    assert auroc([-s for s in scores], truth) == pytest.approx(1 - expected)


def test_auroc_of_one_kind_alone_is_no_number() -> None:
    with pytest.raises(ValueError, match="got 2 and 0"):
        auroc([1.0, 2.0], [True, True])


@settings(deadline=None)
@given(st.lists(NUMBERS, min_size=2, max_size=12, unique=True), st.randoms(use_true_random=False))
def test_correlations_look_at_ranks_alone(values: list[float], random) -> None:  # type: ignore[no-untyped-def]
    other = values[:]
    random.shuffle(other)
    for measure in (rank_correlation, kendall_tau):
        assert measure(values, values) == 1.0
        assert measure(values, [-v for v in values]) == pytest.approx(-1.0)
        assert measure(values, other) == pytest.approx(measure(values, [v**3 for v in other]))
        assert -1 - 1e-9 <= measure(values, other) <= 1 + 1e-9
    pairs = list(itertools.combinations(range(len(values)), 2))
    signs = [np.sign((values[i] - values[j]) * (other[i] - other[j])) for i, j in pairs]
    assert kendall_tau(values, other) == pytest.approx(np.mean(signs))


def test_precision_counts_the_first_alone() -> None:
    assert precision_at_k([3, 2, 1], [True, False, False], k=1) == 1.0
    assert precision_at_k([3, 2, 1], [True, False, False], k=5) == pytest.approx(1 / 3)
    assert precision_at_k([], [], k=5) == 0.0


def test_a_ratio_to_nothing() -> None:
    assert ratio(np.zeros(2), np.zeros(2)) == 0.0
    assert ratio(np.ones(2), np.array([0.5, -0.5])) == float("inf")


@settings(deadline=None)
@given(BOXES, BOXES)
def test_overlap_is_symmetric_and_full_for_a_box_itself(one: tuple, other: tuple) -> None:
    assert box_iou(one, one) == pytest.approx(1.0)
    assert box_iou(one, other) == pytest.approx(box_iou(other, one))
    assert 0 < box_iou(one, other) <= 1 + 1e-9
    assert box_iou(one, (1.0, 1.0, 1.5, 1.5)) == 0.0
    assert box_iou((0.2, 0.2, 0.2, 0.2), (0.2, 0.2, 0.2, 0.2)) == 0.0


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 1), st.floats(0, 1), st.integers(1, 9), st.integers(1, 9))
def test_a_hill_is_highest_where_it_stands(x: float, y: float, rows: int, columns: int) -> None:
    hill = map_around(x, y, shape=(rows, columns))
    assert hill.sum() == pytest.approx(1.0)
    row, column = np.unravel_index(hill.argmax(), hill.shape)
    assert abs((column + 0.5) / columns - x) <= 0.5 / columns + 1e-6
    assert abs((row + 0.5) / rows - y) <= 0.5 / rows + 1e-6
