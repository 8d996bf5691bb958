"""Which fact of an image's class is swapped for a false one."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from kgzsl.semantics.swaps import Swaps

__all__ = ["SwapTable"]


@dataclass(frozen=True, eq=False)
class SwapTable:
    """Swaps of classes to draw from, sorted by class.

    A swap has the chance that its true attribute is masked (rare ones more often), times its weight among those of
    the attribute.

    Args:
        stated: column of the attribute that the class has, ``(swap,)``.
        others: column of the attribute that stands in its place, ``(swap,)``.
        bounds: running sum of the chances, float64 ``(swap + 1,)``, from 0.
        starts: where the swaps of each class begin, ``(class + 1,)``.
    """

    stated: Tensor
    others: Tensor
    bounds: Tensor
    starts: Tensor

    @classmethod
    def of(cls, swaps: Swaps, chances: Tensor) -> SwapTable:
        """Swaps of attributes that prompts name.

        Args:
            swaps: false values for true ones.
            chances: of each attribute to be masked, ``(class, attribute)``; 0 where a class's prompt does not name it.
        """
        rows, stated, others = (torch.from_numpy(t) for t in (swaps.rows, swaps.stated, swaps.others))
        written = (chances[rows, stated] > 0) & (chances > 0).any(0)[others]
        rows, stated, others = rows[written], stated[written], others[written]
        chance = chances[rows, stated].double() * torch.from_numpy(swaps.weights)[written]
        starts = torch.searchsorted(rows, torch.arange(len(chances) + 1))
        return cls(stated, others, torch.cat([chance.new_zeros(1), chance.cumsum(0)]), starts)

    def draw(self, labels: Tensor, *, generator: torch.Generator) -> Tensor:
        """A swap for each image, ``(image,)``; -1 for classes without any.

        Args:
            labels: class of each image.
            generator: source of randomness.

        Example:
            >>> import numpy as np
            >>> one = np.array([1])
            >>> table = SwapTable.of(Swaps(one, one, 0 * one, np.ones(1)), torch.ones(3, 2))
            >>> table.draw(torch.tensor([0, 1, 2]), generator=torch.Generator().manual_seed(0)).tolist()
            [-1, 0, -1]
        """
        first, last = self.starts[labels], self.starts[labels + 1]
        low, high = self.bounds[first], self.bounds[last]
        point = low + torch.rand(len(labels), generator=generator, dtype=torch.float64) * (high - low)
        drawn = torch.searchsorted(self.bounds, point, right=True) - 1
        # Rounding may lead over the last one.
        return torch.minimum(drawn, last - 1).masked_fill(first == last, -1)
