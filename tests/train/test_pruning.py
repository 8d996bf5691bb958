"""Which attributes stay in a prompt that is too long."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kgzsl.train.pruning import priorities, within_budget


def test_without_a_generator_the_rare_come_first_and_ties_go_by_column() -> None:
    weights = torch.tensor([[0.1, 0.4, 0.0, 0.1, 0.4]])
    order = priorities(weights).argsort(dim=1, descending=True, stable=True)
    assert order.tolist() == [[1, 4, 0, 3, 2]]
    assert torch.equal(priorities(weights), priorities(weights))


def test_the_first_is_drawn_by_its_weight_between_the_lowest_and_the_highest() -> None:
    weights = torch.tensor([0.1, 0.4, 0.0, 0.2, 0.3]).expand(6000, -1)
    drawn = priorities(weights, generator=torch.Generator().manual_seed(0))
    share = drawn.argmax(1).bincount(minlength=5) / 6000
    assert share.tolist() == pytest.approx([0, 1 / 2, 0, 1 / 6, 1 / 3], abs=0.02)
    second = drawn.scatter(1, drawn.argmax(1, keepdim=True), -torch.inf).argmax(1)[drawn.argmax(1) == 1]
    assert (second.bincount(minlength=5) / len(second)).tolist() == pytest.approx([0, 0, 0, 1 / 3, 2 / 3], abs=0.03)


def test_all_alike_are_drawn_alike() -> None:
    drawn = priorities(torch.full((4000, 4), 0.25), generator=torch.Generator().manual_seed(0))
    assert (drawn.argmax(1).bincount() / 4000).tolist() == pytest.approx([0.25] * 4, abs=0.03)


@given(
    parts=st.lists(st.integers(-1, 4), min_size=1, max_size=20),
    heavy=st.lists(st.integers(0, 9), min_size=5, max_size=5),
    budget=st.integers(0, 20),
)
def test_attributes_stay_whole_and_in_their_order(parts: list[int], heavy: list[int], budget: int) -> None:
    owner, priority = torch.tensor([parts]), torch.tensor([heavy]).float()
    stays = within_budget(owner >= -1, owner, priority, budget=budget)[0]
    assert stays[owner[0] < 0].all()
    cost = [parts.count(column) for column in range(5)]
    left = budget - parts.count(-1)
    ended = False
    for column in sorted(range(5), key=lambda c: -heavy[c]):
        left -= cost[column]
        ended |= left < 0
        assert stays[owner[0] == column].tolist() == [not ended] * cost[column]
