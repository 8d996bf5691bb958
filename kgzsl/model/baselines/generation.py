"""Generator and critic of image features."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["ConditionalMLP"]

SLOPE = 0.2


class ConditionalMLP(nn.Module):
    """A network of one hidden layer that reads something together with class attributes.

    With noise to read and features to give it is the generator, with features to read and one number to give the
    critic.

    Source: Xian et al., "Feature Generating Networks for Zero-Shot Learning", CVPR 2018, section 4.1.

    Args:
        given: width of what it reads.
        attributes: number of attributes.
        hidden: width of the hidden layer.
        out: width of what it gives.

    Example:
        >>> generator = ConditionalMLP(3, attributes=3, hidden=8, out=5)
        >>> generator(torch.randn(2, 3), torch.rand(2, 3)).shape
        torch.Size([2, 5])
    """

    def __init__(self, given: int, *, attributes: int, hidden: int, out: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(given + attributes, hidden), nn.LeakyReLU(SLOPE), nn.Linear(hidden, out))

    def forward(self, given: Tensor, classes: Tensor) -> Tensor:
        """``(row, given)`` and class attributes ``(row, attribute)`` to ``(row, out)``."""
        return self.layers(torch.cat([given, classes], dim=1))
