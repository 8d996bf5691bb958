"""How images become the input of a pretrained vision model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kgzsl.data.images import middle_of, read_pixels
from kgzsl.data.pretrained import read_model_config
from kgzsl.errors import ConfigError, Problem

if TYPE_CHECKING:
    import torch
    from PIL import Image

__all__ = ["Preprocessing", "read_preprocessing"]


BICUBIC = 3
"""What PIL and transformers call it."""
LONG = 32
"""Of an image that is longer than so many times its width, the ends are cut off before it is scaled."""


@dataclass(frozen=True)
class Preprocessing:
    """Scaling, cutting and normalizing, in this order: to the bit what transformers' processors do with PIL.

    Args:
        size: side of the square input in pixels.
        resize: the shorter side is first scaled to this many pixels, at least ``size``.
        mean: per channel, subtracted after values were multiplied by ``rescale``.
        std: per channel, divided by.
        squash: scale both sides to ``resize``, whatever the image's shape.
        resample: how to interpolate, by PIL's number: 2 bilinear, 3 bicubic.
        rescale: what values from 0 to 255 are multiplied by.
    """

    size: int
    resize: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    squash: bool = False
    resample: int = BICUBIC
    rescale: float = 1 / 255

    def read(self, paths: Sequence[str | Path]) -> np.ndarray:
        """Image files to uint8 ``(image, size, size, 3)``.

        Raises:
            ImageError: every file that is not an image.
        """
        return read_pixels(paths, size=self.size, fit=self.fit)

    def fit(self, image: Image.Image) -> Image.Image:
        """An image scaled and cut to ``size`` x ``size``."""
        if not self.squash:
            image = _middle_of_long(image)
        sides = image.size
        shorter = min(sides)
        wanted = [self.resize if self.squash or side == shorter else self.resize * side // shorter for side in sides]
        if sides != tuple(wanted):
            image = image.resize((wanted[0], wanted[1]), resample=self.resample)
        left, top = ((side - self.size) // 2 for side in wanted)
        return image.crop((left, top, left + self.size, top + self.size))

    def view(self, image: Image.Image) -> Image.Image:
        """What of an image is in the input, at the image's own resolution."""
        return image if self.squash else middle_of(image, share=self.size / self.resize)

    def normalize(self, pixels: torch.Tensor) -> torch.Tensor:
        """Values 0 to 255 ``(image, height, width, 3)`` to normalized float ``(image, 3, height, width)``."""
        values = pixels.permute(0, 3, 1, 2).float() * self.rescale
        mean, std = (values.new_tensor(v).view(1, -1, 1, 1) for v in (self.mean, self.std))
        return (values - mean) / std

    def to_json(self) -> str:
        """As a preprocessor_config.json that :func:`read_preprocessing` (and transformers) reads back."""
        resized = {"height": self.resize, "width": self.resize} if self.squash else {"shortest_edge": self.resize}
        stated = {
            "size": resized,
            "crop_size": {"height": self.size, "width": self.size},
            "do_center_crop": True,
            "resample": self.resample,
            "rescale_factor": self.rescale,
            "image_mean": self.mean,
            "image_std": self.std,
        }
        return json.dumps(stated, indent=1)


def _middle_of_long(image: Image.Image) -> Image.Image:
    """An image without ends that are cut off anyway: a line of pixels, scaled whole, would fill the memory."""
    width, height = image.size
    most = LONG * min(width, height)
    across, down = ((side - most) // 2 if side > most else 0 for side in image.size)
    return image.crop((across, down, width - across, height - down)) if across or down else image


def read_preprocessing(source: str | Path) -> Preprocessing:
    """The preprocessing of a transformers vision model: its preprocessor_config.json, or its config.json alone.

    Raises:
        ConfigError: no such model, or one for images that are not square.
    """
    from transformers.image_processing_base import ImageProcessingMixin

    config = read_model_config(source, what="image encoder")
    side = getattr(getattr(config, "vision_config", config), "image_size", 224)
    try:
        stated, _ = ImageProcessingMixin.get_image_processor_dict(source)
    except OSError:
        stated = {}
    return _preprocessing(stated, _side(side, source), source)


def _preprocessing(stated: Mapping[str, Any], image_size: int, source: str | Path) -> Preprocessing:
    """From what is stated, in transformers' several spellings."""
    size = stated.get("size", image_size)
    resize = side = _side(size, source)
    squash = isinstance(size, Mapping) and "shortest_edge" not in size
    if stated.get("do_center_crop", False) and stated.get("crop_size") is not None:
        side = _side(stated["crop_size"], source)
    elif stated.get("crop_pct"):
        # ConvNeXt's processor enlarges by the cut, below 384 pixels; from there on it squashes.
        squash = resize >= 384
        resize = resize if squash else int(resize / stated["crop_pct"])
    mean, std = stated.get("image_mean", [0.5] * 3), stated.get("image_std", [0.5] * 3)
    if not stated.get("do_normalize", True):
        mean, std = [0.0] * 3, [1.0] * 3
    return Preprocessing(
        size=side,
        resize=max(resize, side),
        mean=tuple(mean),
        std=tuple(std),
        squash=squash,
        resample=stated.get("resample", BICUBIC),
        rescale=stated.get("rescale_factor", 1 / 255) if stated.get("do_rescale", True) else 1.0,
    )


def _side(stated: int | Sequence[int] | Mapping[str, int], source: str | Path) -> int:
    """The side of a square, in transformers' spellings."""
    if isinstance(stated, int):
        return stated
    if isinstance(stated, Mapping):
        stated = [stated["shortest_edge"]] if "shortest_edge" in stated else [stated["height"], stated["width"]]
    if len(set(stated)) != 1:
        got = f"{source} reads images of {stated[0]} x {stated[1]} pixels"
        raise ConfigError(Problem(got, expected="square images", fix="take another model"))
    return stated[0]
