"""The features of the baselines: the mean token of an image, at unit length."""

from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["GivenTokens", "MeanToken"]


class GivenTokens(nn.Module):
    """Patch features of a frozen backbone, as they are."""

    def forward(self, features: Tensor) -> Tensor:
        """Features ``(image, patch, channel)`` in single precision."""
        return features.float()


class MeanToken(nn.Module):
    """An image as the mean of its tokens, at unit length.

    Args:
        image_encoder: images to tokens ``(image, patch, channel)``: a
            :class:`~kgzsl.model.image_encoder.PixelEncoder`, :class:`GivenTokens`, or
            :class:`~kgzsl.model.baselines.dual_encoder.DualImages`.
        width: number of channels.
    """

    def __init__(self, image_encoder: Callable[[Tensor], Tensor], *, width: int) -> None:
        super().__init__()
        self.image_encoder = image_encoder
        self.width = width

    def patches(self, images: Tensor) -> Tensor:
        """Each patch's part of the feature, ``(image, patch, channel)``: they sum to what ``forward`` gives."""
        tokens = self.image_encoder(images)
        return tokens / tokens.shape[1] / tokens.mean(1, keepdim=True).norm(dim=2, keepdim=True).clamp(min=1e-12)

    def forward(self, images: Tensor) -> Tensor:
        """Features ``(image, channel)`` of length 1.

        Example:
            >>> import torch
            >>> MeanToken(GivenTokens(), width=2)(torch.tensor([[[6.0, 0.0], [0.0, 8.0]]])).tolist()
            [[0.6000000238418579, 0.800000011920929]]
        """
        return F.normalize(self.image_encoder(images).mean(1), dim=1)
