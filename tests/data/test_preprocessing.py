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
    for squash in (False, True):
        one = Preprocessing(24, 28, (0.1, 0.2, 0.3), (0.4, 0.5, 0.6), squash=squash, resample=2, rescale=0.01)
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


SIZES = {"shortest": {"shortest_edge": 40}, "squashed": {"height": 40, "width": 40}}


@pytest.mark.parametrize("resample", [2, 3])
@pytest.mark.parametrize("shape", [(61, 90), (120, 33), (40, 40), (24, 30)])
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("ViT", {"size": SIZES["squashed"]}),
        ("Siglip", {"size": SIZES["squashed"], "rescale_factor": 1 / 127.5, "image_mean": [1.0] * 3}),
        ("DeiT", {"size": SIZES["squashed"], "crop_size": {"height": 32, "width": 32}}),
        ("CLIP", {"size": SIZES["shortest"], "crop_size": {"height": 32, "width": 32}}),
        ("MobileNetV2", {"size": SIZES["shortest"], "crop_size": {"height": 32, "width": 32}}),
        ("Bit", {"size": SIZES["shortest"], "crop_size": {"height": 40, "width": 40}, "do_rescale": True}),
        ("ConvNext", {"size": {"shortest_edge": 32}, "crop_pct": 0.8}),
        ("ConvNext", {"size": {"shortest_edge": 384}, "crop_pct": 0.8}),
    ],
)
def test_the_input_is_that_of_transformers(
    tmp_path: Path, kind: str, options: dict[str, Any], shape: tuple[int, int], resample: int
) -> None:
    import transformers

    processor = getattr(transformers, f"{kind}ImageProcessorPil")(**HALF | options, resample=resample)
    processor.save_pretrained(tmp_path)
    content = json.loads((tmp_path / "preprocessor_config.json").read_text())
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)).save(tmp_path / "a.png")
    ours = stated(tmp_path, content)
    with Image.open(tmp_path / "a.png") as image:
        expected = processor(image, return_tensors="pt")["pixel_values"]
    found = ours.normalize(torch.from_numpy(ours.read([tmp_path / "a.png"])))
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)
