"""Prompts that are too long: which attributes stay."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["priorities", "within_budget"]


def priorities(weights: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
    """In which order attributes are kept, ``(prompt, attribute)``: the highest first, ties by column.

    With a generator it is an order of drawing without replacement, each attribute with a chance in proportion to
    its weight between the lowest (0) and the highest (1) of the prompt, so that the rare ones stay more often. Without
    one the heavier stay.

    Source: DUET (Chen et al., AAAI 2023), pruning of prompts; the published code draws so. Drawing by keys: Efraimidis
    and Spirakis, "Weighted random sampling with a reservoir", Information Processing Letters 2006, algorithm A.

    Args:
        weights: one by number of classes that have the attribute, ``(prompt, attribute)``; 0 for those not there.
        generator: source of randomness.

    Example:
        >>> priorities(torch.tensor([[0.5, 0.0, 0.25, 0.25]])).argsort(dim=1, descending=True, stable=True).tolist()
        [[0, 2, 3, 1]]
    """
    if generator is None:
        return weights
    there = weights > 0
    low = weights.masked_fill(~there, torch.inf).amin(1, keepdim=True)
    width = weights.amax(1, keepdim=True) - low
    chance = torch.where(width > 0, (weights - low) / width, 1.0).where(there, 0.0)
    drawn = torch.rand(weights.shape, generator=generator).to(weights.device).clamp(min=1e-30)
    return drawn.log() / chance  # -inf where the chance is 0: last


def within_budget(kept: Tensor, parts: Tensor, priority: Tensor, *, budget: int) -> Tensor:
    """Which tokens stay, so that no prompt has more than its budget: those of whole attributes, by priority.

    Tokens that belong to no attribute stay. Attributes are kept in their order until the first that does not fit.

    Args:
        kept: boolean ``(prompt, token)``: what there is.
        parts: column of the attribute that a token stays or goes with, or -1, ``(prompt, token)``.
        priority: ``(prompt, attribute)``, the highest first.
        budget: tokens of a prompt.

    Example:
        >>> parts = torch.tensor([[-1, 0, 0, 1, 2]])
        >>> within_budget(parts > -2, parts, torch.tensor([[1.0, 3.0, 2.0]]), budget=4).tolist()
        [[True, False, False, True, True]]
    """
    owned = kept & (parts >= 0)
    place = parts.clamp(min=0)
    cost = torch.zeros(priority.shape, dtype=torch.long, device=kept.device).scatter_add(1, place, owned.long())
    room = budget - (kept & ~owned).sum(1, keepdim=True)
    order = priority.argsort(dim=1, descending=True, stable=True)
    fits = cost.gather(1, order).cumsum(1) <= room
    stays = torch.zeros_like(fits).scatter(1, order, fits)
    return kept & (~owned | stays.gather(1, place))
