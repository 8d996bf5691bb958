"""Images to patch tokens."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kgzsl.data.backbone import patch_tokens, patches_and_channels, tokens_in_front, vision_tower
from kgzsl.data.preprocessing import read_preprocessing
from kgzsl.data.pretrained import load_pretrained, untrained
from kgzsl.model.config import ModelConfig
from kgzsl.model.tuning import rest, tune

__all__ = ["FeatureEncoder", "PixelEncoder", "PretrainedEncoder", "grid_positions"]


def grid_positions(patches: int, dim: int) -> Tensor:
    """Fixed 2-D sine-cosine position codes of a square grid, ``(patch, dim)``.

    Source: Vaswani et al., "Attention Is All You Need", NeurIPS 2017, section 3.5, for rows and columns apart.

    Example:
        >>> grid_positions(49, 32).shape
        torch.Size([49, 32])
    """
    side = round(patches**0.5)
    if side * side != patches or dim % 4:
        raise ValueError(f"{patches} patches are not a square grid, or {dim} channels are not a multiple of 4")
    frequency = torch.exp(torch.arange(0, dim // 4) * (-torch.log(torch.tensor(100.0)) / (dim // 4)))
    angle = torch.arange(side)[:, None] * frequency
    axis = torch.cat([angle.sin(), angle.cos()], dim=1)
    rows = axis[:, None].expand(side, side, -1)
    columns = axis[None].expand(side, side, -1)
    return torch.cat([rows, columns], dim=-1).reshape(patches, dim)


class PixelEncoder(nn.Module):
    """A small residual network, trained from nothing: pixels to one token per 8 x 8 pixels.

    Source: He et al., "Deep Residual Learning", CVPR 2016, with basic blocks, as in transformers' ResNet.

    Args:
        config: stem, stages and depths.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        from transformers import ResNetConfig, ResNetModel

        shape = ResNetConfig(
            embedding_size=config.stem,
            hidden_sizes=list(config.stages),
            depths=list(config.depths),
            layer_type="basic",
        )
        self.backbone: nn.Module = ResNetModel(shape)
        self.backbone.to(memory_format=torch.channels_last)  # type: ignore
        self.norm = nn.LayerNorm(config.stages[-1])
        self.channels = config.stages[-1]
        # The stem halves the image twice, every stage but the first once more.
        self.stride = 2 ** (len(config.stages) + 1)

    def forward(self, pixels: Tensor) -> Tensor:
        """uint8 or float [0, 255] ``(image, height, width, 3)`` to tokens ``(image, patch, channel)``."""
        values = pixels.permute(0, 3, 1, 2).float().div(127.5).sub(1)
        # Padded on both sides, strided convolutions center a token on the corner of its square; half a
        # square further, they center it in the middle, where grounding maps show it.
        half = self.stride // 2
        values = F.pad(values[:, :, half:, half:], (0, half, 0, half), mode="replicate")
        hidden = self.backbone(values.contiguous(memory_format=torch.channels_last)).last_hidden_state
        return self.norm(patch_tokens(hidden))


class FeatureEncoder(nn.Module):
    """Patch features of a frozen backbone, brought to one scale.

    Args:
        channels: width of the features.
        config: dropout.
    """

    def __init__(self, channels: int, config: ModelConfig) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels, elementwise_affine=False)
        self.dropout = nn.Dropout(config.dropout)
        self.channels = channels

    def forward(self, features: Tensor) -> Tensor:
        """Features ``(image, patch, channel)`` to tokens of the same shape.

        Dropout takes a channel from all patches of an image, which another patch cannot make up for.
        """
        tokens = self.norm(features.float())
        return tokens * self.dropout(tokens.new_ones(len(tokens), 1, self.channels))


class PretrainedEncoder(nn.Module):
    """A transformers vision model: pixels to its patch states, brought to one scale. All of it may learn, or the end.

    Args:
        config: ``image_encoder``, ``tuned_blocks`` and ``dropout``.
        weights: False leaves its weights random, where a checkpoint's are loaded over them: config.json is enough.

    Raises:
        ConfigError: no such model, one that reads no pixels, not those of its preprocessing, or has no square grid, or
            fewer blocks than are tuned.
    """

    def __init__(self, config: ModelConfig, *, weights: bool = True) -> None:
        super().__init__()
        source, what = config.image_encoder, "image encoder"
        network = load_pretrained(source, what=what)[0] if weights else untrained(source, what=what)
        self.preprocessing = read_preprocessing(source)
        self.backbone = vision_tower(network, source)
        self.in_front = tokens_in_front(self.backbone)
        tune(self.backbone, config.tuned_blocks, key="model.tuned_blocks")
        self.eval()
        self.patches, self.channels = patches_and_channels(self.backbone, self.preprocessing, source)
        self.head = FeatureEncoder(self.channels, config)

    def train(self, mode: bool = True) -> PretrainedEncoder:
        """As for any module; but what is frozen stays in evaluation mode."""
        super().train(mode)
        rest(self.backbone)
        return self

    def forward(self, pixels: Tensor) -> Tensor:
        """uint8 or float [0, 255] ``(image, height, width, 3)`` to tokens ``(image, patch, channel)``."""
        return self.head(self._patches(pixels))

    def _patches(self, pixels: Tensor) -> Tensor:
        """States of the patches as the network gives them."""
        hidden = self.backbone(pixel_values=self.preprocessing.normalize(pixels)).last_hidden_state
        return patch_tokens(hidden, in_front=self.in_front)
