"""Preprocessing in every spelling that transformers has for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from kgzsl.data.preprocessing import Preprocessing, read_preprocessing
from kgzsl.errors import ConfigError

HALF = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}


def stated(folder: Path, content: dict[str, Any] | None, *, image_size: int = 64) -> Preprocessing:
    from transformers import ViTConfig

    ViTConfig(image_size=image_size).save_pretrained(folder)
    if content is not None:
        (folder / "preprocessor_config.json").write_text(json.dumps(content))
    return read_preprocessing(folder)


@pytest.mark.parametrize(
    ("content", "size", "resize"),
    [
        (None, 64, 64),
        ({"size": 32}, 32, 32),
        ({"size": {"height": 32, "width": 32}}, 32, 32),
        ({"size": {"shortest_edge": 40}, "crop_size": 32, "do_center_crop": True}, 32, 40),
        ({"size": 40, "crop_size": {"height": 32, "width": 32}, "do_center_crop": True}, 32, 40),
        ({"size": {"shortest_edge": 40}, "crop_size": 32, "do_center_crop": False}, 40, 40),
        # ConvNeXt: 224 cut out of 256 below 384, the whole from there on.
        ({"size": {"shortest_edge": 224}, "crop_pct": 0.875}, 224, 256),
        ({"size": {"shortest_edge": 384}, "crop_pct": 0.875}, 384, 384),
    ],
)
def test_sizes(tmp_path: Path, content: Any, size: int, resize: int) -> None:
    found = stated(tmp_path, content)
    assert (found.size, found.resize) == (size, resize)


def test_normalization(tmp_path: Path) -> None:
    assert stated(tmp_path, {"image_mean": [0.1, 0.2, 0.3], "image_std": [0.4] * 3}).mean == (0.1, 0.2, 0.3)
    plain = stated(tmp_path, HALF | {"do_normalize": False})
    assert (plain.mean, plain.std) == ((0.0,) * 3, (1.0,) * 3)
    values = Preprocessing(1, 1, (0.5, 0.0, 0.0), (0.5, 1.0, 2.0)).normalize(torch.tensor([[[[255, 0, 102]]]]))
    assert values.flatten().tolist() == pytest.approx([1.0, 0.0, 0.2])


def test_written_and_read_back(tmp_path: Path) -> None:
    one = Preprocessing(24, 28, (0.1, 0.2, 0.3), (0.4, 0.5, 0.6))
    assert stated(tmp_path, json.loads(one.to_json())) == one


def test_the_middle_is_cut_out(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (28, 28, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    read = Preprocessing(24, 28, (0.5,) * 3, (0.5,) * 3).read([tmp_path / "a.png"])
    assert np.array_equal(read, pixels[None, 2:26, 2:26])


@pytest.mark.parametrize("content", [{"size": {"height": 32, "width": 24}}, {"size": [32, 24]}])
def test_images_that_are_not_square(tmp_path: Path, content: Any) -> None:
    with pytest.raises(ConfigError, match="reads images of 32 x 24 pixels; expected square images"):
        stated(tmp_path, content)
