"""Mirror and shift, for images given as pixels."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["mirror_and_shift"]


def mirror_and_shift(images: Tensor, *, generator: torch.Generator, reach: int = 4) -> Tensor:
    """Each image mirrored with chance 1/2 and moved by up to ``reach`` pixels, edges repeated.

    Args:
        images: ``(image, height, width, channel)``, any dtype.
        generator: source of randomness.
        reach: pixels.

    Example:
        >>> generator = torch.Generator().manual_seed(0)
        >>> mirror_and_shift(torch.zeros(2, 8, 8, 3), generator=generator).shape
        torch.Size([2, 8, 8, 3])
    """
    count, height, width, _ = images.shape
    down, right = torch.randint(-reach, reach + 1, (2, count, 1), generator=generator)
    flipped = torch.rand(count, 1, generator=generator) < 0.5
    rows = (torch.arange(height) + down).clamp(0, height - 1)
    columns = (torch.arange(width) + right).clamp(0, width - 1)
    columns = torch.where(flipped, width - 1 - columns, columns)
    return images[torch.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]
