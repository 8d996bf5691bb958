"""Images of every mode, turned, transparent, animated, thin or damaged: one place decides what they show."""

from __future__ import annotations

import io
import logging
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from kgzsl.data import decoding
from kgzsl.data.decoding import as_rgb, decode, is_plain, read_picture
from kgzsl.data.images import read_pixels
from kgzsl.data.preprocessing import Preprocessing
from kgzsl.errors import ImageError

NOISE = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def test_what_is_plain_has_the_bits_that_it_always_had(tmp_path: Path) -> None:
    opaque = np.dstack([NOISE, np.full((20, 30), 255, dtype=np.uint8)])
    picture = Image.fromarray(NOISE)
    for name, image in {
        "rgb.png": picture,
        "rgb.jpg": picture,
        "gray.png": picture.convert("L"),
        "palette.png": picture.convert("P"),
        "bits.png": picture.convert("1"),
        "cmyk.tif": picture.convert("CMYK"),
        "opaque.png": Image.fromarray(opaque),
    }.items():
        image.save(tmp_path / name)
        with Image.open(tmp_path / name) as opened:
            assert np.array_equal(np.asarray(read_picture(tmp_path / name)), np.asarray(opened.convert("RGB"))), name
        assert is_plain((tmp_path / name).read_bytes()) == (name != "opaque.png")


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tif"])
def test_photographs_are_turned_upright_once(tmp_path: Path, name: str, orientation: int) -> None:
    file = tmp_path / name
    how: dict[str, Any] = {"lossless": True} if name.endswith("webp") else {}
    Image.fromarray(NOISE).save(file, exif=turned(orientation), **how)
    with Image.open(file) as opened:
        wanted = ImageOps.exif_transpose(opened).convert("RGB")
    seen = read_picture(file)
    assert seen.size == ((30, 20) if orientation < 5 else (20, 30))
    assert np.array_equal(np.asarray(seen), np.asarray(wanted))
    assert is_plain(file.read_bytes()) == (orientation == 1)


@pytest.mark.filterwarnings("ignore::UserWarning")  # PIL's, of EXIF that is damaged
def test_an_orientation_that_is_none_leaves_an_image_as_it_is(tmp_path: Path) -> None:
    for value in (0, 9, 77):
        Image.fromarray(NOISE).save(tmp_path / "a.png", exif=turned(value))
        assert np.array_equal(np.asarray(read_picture(tmp_path / "a.png")), NOISE)
    Image.fromarray(NOISE).save(tmp_path / "a.png", exif=b"Exif\x00\x00II*\x00garbage that is no directory")
    assert np.array_equal(np.asarray(read_picture(tmp_path / "a.png")), NOISE)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_gray_of_16_bits_is_scaled_and_not_clipped(tmp_path: Path, suffix: str) -> None:
    ramp = np.linspace(0, 65535, 600).round().astype(np.uint16).reshape(20, 30)
    file = tmp_path / f"deep.{suffix}"
    Image.fromarray(ramp).save(file)
    seen = np.asarray(read_picture(file))
    assert np.array_equal(seen, np.dstack([(ramp >> 8).astype(np.uint8)] * 3))
    assert (seen.min(), seen.max(), len(np.unique(seen))) == (0, 255, 256)
    assert not is_plain(file.read_bytes())
    # An image of 8 bits that was saved with 16 is the same image.
    gray = NOISE[:, :, 0]
    Image.fromarray(gray.astype(np.uint16) * 257).save(file)
    assert np.array_equal(np.asarray(read_picture(file))[:, :, 0], gray)


def test_32_bits_without_a_white_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.linspace(0, 1, 600, dtype=np.float32).reshape(20, 30)).save(tmp_path / "float.tif")
    Image.fromarray(np.arange(600, dtype=np.int32).reshape(20, 30)).save(tmp_path / "int.tif")
    with pytest.raises(ImageError) as caught:
        read_pixels([tmp_path / "float.tif", tmp_path / "int.tif"], size=16)
    assert ["32 bits" in p.got and "8 or 16" in p.got for p in caught.value.problems] == [True, True]


def test_transparent_is_white(tmp_path: Path) -> None:
    # Below what cannot be seen there is often black, or anything.
    layer = Image.new("RGBA", (4, 1), (200, 0, 0, 255))
    for x, alpha in enumerate((255, 128, 1, 0)):
        layer.putpixel((x, 0), (200, 0, 0, alpha))
    layer.save(tmp_path / "rgba.png")
    assert [p[1] for p in np.asarray(read_picture(tmp_path / "rgba.png"))[0].tolist()] == [0, 127, 254, 255]
    gray = Image.new("LA", (1, 1), (10, 0))
    gray.save(tmp_path / "la.png")
    palette = Image.new("P", (1, 1), 0)
    palette.putpalette([10, 20, 30, 40, 50, 60])
    palette.save(tmp_path / "p.png", transparency=0)
    palette.save(tmp_path / "p.gif", transparency=0)
    Image.new("RGB", (1, 1), (1, 2, 3)).save(tmp_path / "key.png", transparency=(1, 2, 3))
    for name in ("la.png", "p.png", "p.gif", "key.png"):
        assert read_picture(tmp_path / name).getpixel((0, 0)) == (255, 255, 255), name
        assert not is_plain((tmp_path / name).read_bytes())


def test_inks_are_converted(tmp_path: Path) -> None:
    cyan = Image.merge("CMYK", [Image.new("L", (8, 8), v) for v in (255, 0, 0, 0)])
    for name in ("a.jpg", "a.tif"):
        cyan.save(tmp_path / name)
        assert np.abs(np.asarray(read_picture(tmp_path / name)).astype(int) - (0, 255, 255)).max() <= 3


@pytest.mark.parametrize("suffix", ["gif", "png", "webp", "tif"])
def test_of_what_moves_the_first_is_read_and_that_is_said_once(
    tmp_path: Path, suffix: str, monkeypatch: Any, caplog: Any
) -> None:
    monkeypatch.setattr(decoding, "_animations_told", set())
    frames = [Image.new("RGB", (16, 16), color) for color in ("red", "lime", "blue")]
    files = [tmp_path / f"{k}.{suffix}" for k in range(3)]
    for file in files:
        frames[0].save(file, save_all=True, append_images=frames[1:])
    with caplog.at_level(logging.WARNING):
        pixels = read_pixels(files, size=16)
        read_pixels(files, size=16)
    assert np.abs(pixels.astype(int) - (255, 0, 0)).max() <= 2
    (told,) = [record.getMessage() for record in caplog.records]
    assert f"0.{suffix}" in told
    assert "the first is read" in told


def test_a_photograph_with_its_preview_is_no_animation(tmp_path: Path, monkeypatch: Any, caplog: Any) -> None:
    monkeypatch.setattr(decoding, "_animations_told", set())
    Image.fromarray(NOISE).save(tmp_path / "a.mpo", save_all=True, append_images=[Image.new("RGB", (3, 2))])
    (tmp_path / "a.mpo").rename(tmp_path / "a.jpg")
    assert read_picture(tmp_path / "a.jpg").size == (30, 20)
    assert not caplog.records


@pytest.mark.parametrize("size", [(1, 1), (1, 20000), (20000, 1), (2, 300), (3, 3)])
def test_thin_and_tiny_images_fill_the_square(tmp_path: Path, size: tuple[int, int]) -> None:
    Image.new("RGB", size, (7, 77, 177)).save(tmp_path / "a.png")
    squared = Preprocessing(24, 28, (0.0,) * 3, (1.0,) * 3)
    for fit in (None, squared.fit, Preprocessing(24, 28, (0.0,) * 3, (1.0,) * 3, squash=True).fit):
        pixels = read_pixels([tmp_path / "a.png"], size=24, fit=fit)
        assert pixels.shape == (1, 24, 24, 3)
        assert (pixels == (7, 77, 177)).all()


def test_the_picture_below_a_map_is_what_the_input_has_of_it() -> None:
    wide = np.zeros((40, 100, 3), dtype=np.uint8)
    wide[10:30, 40:60] = 255  # the middle half of the middle square
    for preprocessing in (Preprocessing(20, 20, (0.0,) * 3, (1.0,) * 3), Preprocessing(16, 32, (0.0,) * 3, (1.0,) * 3)):
        image = Image.fromarray(wide)
        small = np.asarray(preprocessing.fit(image), dtype=float)
        side = preprocessing.size
        view = np.asarray(preprocessing.view(image).resize((side, side), Image.Resampling.BOX), dtype=float)
        assert np.abs(small - view).mean() < 12
    squashed = Preprocessing(20, 20, (0.0,) * 3, (1.0,) * 3, squash=True)
    assert squashed.view(Image.fromarray(wide)).size == (100, 40)


def test_of_a_thin_image_the_middle_is_seen() -> None:
    strip = np.zeros((1, 2001, 3), dtype=np.uint8)
    strip[:, 1000] = 255
    seen = np.asarray(Preprocessing(9, 9, (0.0,) * 3, (1.0,) * 3).fit(Image.fromarray(strip)))
    assert seen[4, 4].min() > 200


@pytest.mark.filterwarnings("ignore::UserWarning")  # PIL's, of what is damaged
def test_damaged_files_of_every_format_are_named(tmp_path: Path) -> None:
    chance = random.Random(0)
    picture, other = Image.fromarray(NOISE), Image.fromarray(NOISE[::-1].copy())
    contents = {}
    for name, how in {
        "a.jpg": {"format": "JPEG", "exif": turned(6)},
        "b.jpg": {"format": "JPEG", "progressive": True},
        "a.png": {"format": "PNG", "exif": turned(6)},
        "a.gif": {"format": "GIF", "save_all": True, "append_images": [other]},
        "a.webp": {"format": "WEBP", "exif": turned(3), "save_all": True, "append_images": [other]},
        "a.tif": {"format": "TIFF"},
        "a.bmp": {"format": "BMP"},
    }.items():
        stream = io.BytesIO()
        picture.save(stream, **how)
        contents[name] = stream.getvalue()
    named = 0
    for name, content in contents.items():
        for number in range(40):
            spoiled = bytearray(content)
            if number % 2:
                del spoiled[chance.randrange(len(spoiled)) :]
            else:
                for _ in range(8):
                    spoiled[chance.randrange(len(spoiled))] = chance.randrange(256)
            (tmp_path / name).write_bytes(spoiled)
            is_plain(bytes(spoiled))
            for problem in decode([tmp_path / name], lambda row, rgb: None):
                assert "not an image that can be read" in problem.got
                named += 1
    assert named > 100


def test_formats_that_run_programs_are_not_read(tmp_path: Path) -> None:
    Image.fromarray(NOISE).save(tmp_path / "a.eps")
    (tmp_path / "a.eps").rename(tmp_path / "a.jpg")
    with pytest.raises(ImageError, match="cannot identify"):
        read_picture(tmp_path / "a.jpg")


def test_of_a_missing_file_the_nearest_names_are_told(tmp_path: Path) -> None:
    (tmp_path / "zebra-01.jpg").touch()
    (tmp_path / "folder").mkdir()
    names = ("zebra-1.jpg", "quagga.jpg", "none/zebra.jpg", "folder")
    problems = decode([tmp_path / name for name in names], lambda row, rgb: None)
    assert [p.got for p in problems] == ["no such image"] * 3 + ["is a folder"]
    assert problems[0].fix == "did you mean zebra-01.jpg?"
    assert problems[1].fix == "check the path"
    assert problems[2].fix == f"there is no folder {tmp_path / 'none'}: check the path"


def test_pixels_in_memory_are_decoded_alike() -> None:
    assert as_rgb(Image.fromarray(NOISE)).tobytes() == NOISE.tobytes()
    with pytest.raises(ValueError, match="32 bits"):
        as_rgb(Image.new("F", (1, 1)))
