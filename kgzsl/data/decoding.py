"""From an image file to upright RGB of 8 bits a channel: the one place that decides what a file shows.

Training, predicting, explaining and the pictures of an explanation all see an image as it is read here:

- turned upright, as its EXIF orientation says;
- gray of 16 bits by its higher byte, as color of 16 bits is read anyway: scaled, and not clipped;
- what is transparent on white;
- of an animation, or of several pages, the first;
- any other color model (CMYK, palettes, gray) as RGB.

Ordinary RGB, gray and palette images have the bits that they always had.
"""

from __future__ import annotations

import io
import logging
import struct
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from kgzsl.errors import ImageError, Problem, nearest

__all__ = ["as_rgb", "decode", "is_plain", "read_picture"]

log = logging.getLogger(__name__)

RUN_PROGRAMS = frozenset({"EPS"})
"""Formats that PIL reads by running another program on the file: they are not read."""
UNREADABLE = (
    *(UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError),
    # Of damaged files, some decoders let these through.
    *(EOFError, IndexError, KeyError, TypeError, OverflowError, RuntimeError, struct.error, zlib.error),
)
TURNED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation -> what turns the image upright."""
NEAREST_OF = 10
"""Of so many missing files the nearest names are looked for."""
_animations_told: set[str] = set()


def decode(paths: Sequence[str | Path], take: Callable[[int, Image.Image], None]) -> list[Problem]:
    """Give each image file, as RGB, to a function of its position and the image.

    Args:
        paths: the files.
        take: is called in their order; not for files that cannot be read.

    Returns:
        A problem for each file that cannot be read; of one that is missing, with the nearest names in its folder.
    """
    problems: list[Problem] = []
    missing = 0
    for row, path in enumerate(paths):
        try:
            with _opened(path) as image:
                rgb, moves = as_rgb(image), _moves(image)
        except FileNotFoundError:
            missing += 1
            problems.append(Problem("no such image", file=path, fix=_near(Path(path), missing <= NEAREST_OF)))
        except IsADirectoryError:
            problems.append(Problem("is a folder", file=path, expected="an image file"))
        except UNREADABLE as error:
            problems.append(Problem(f"not an image that can be read ({error})", file=path, expected="JPEG, PNG, ..."))
        else:
            if moves:
                _tell_animated(path)
            take(row, rgb)
    return problems


def read_picture(path: str | Path) -> Image.Image:
    """One image file as upright RGB, whole.

    Raises:
        ImageError: not an image.
    """
    found: list[Image.Image] = []
    problems = decode([path], lambda row, rgb: found.append(rgb))
    if problems:
        raise ImageError(problems)
    return found[0]


def as_rgb(image: Image.Image) -> Image.Image:
    """An image of any mode as upright RGB of 8 bits a channel.

    Raises:
        ValueError: pixels of 32 bits: nothing says which of their values is white.

    Example:
        >>> gray = Image.fromarray(np.full((1, 1), 0x80FF, dtype=np.uint16))
        >>> as_rgb(gray).getpixel((0, 0)), as_rgb(Image.new("RGBA", (1, 1), (255, 0, 0, 0))).getpixel((0, 0))
        ((128, 128, 128), (255, 255, 255))
    """
    image.load()
    turn = TURNED.get(_orientation(image))
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM"):
        image = Image.fromarray((np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8))
    elif image.mode in ("I", "F"):
        raise ValueError("pixels of 32 bits, and nothing says which value is white: save it with 8 or 16 bits")
    elif image.has_transparency_data:
        layer = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    rgb = image.convert("RGB")
    return rgb if turn is None else rgb.transpose(turn)


def is_plain(content: bytes) -> bool:
    """Whether an image file shows no more and no less than its pixels as RGB: not turned, without transparency, 8 bits.

    What is computed from such files alone does not depend on how the others are read.
    """
    try:
        with _opened(io.BytesIO(content)) as image:
            if image.mode[0] in "IF" or image.has_transparency_data:
                return False
            # A PNG may have its EXIF behind the pixels: they are not decoded to look for what is not there.
            return (image.format == "PNG" and b"eXIf" not in content) or _orientation(image) not in TURNED
    except UNREADABLE:
        return True  # whoever decodes it says what is wrong


def _opened(file: str | Path | IO[bytes]) -> Image.Image:
    """An image that is not decoded yet."""
    Image.init()
    return Image.open(file, formats=[name for name in Image.ID if name not in RUN_PROGRAMS])


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation; 1, upright, where there is none that can be read."""
    try:
        found = image.getexif().get(ExifTags.Base.Orientation, 1)
    except UNREADABLE:
        return 1
    return found if isinstance(found, int) else 1


def _near(path: Path, look: bool) -> str:
    """What to do about a missing file."""
    if not path.parent.is_dir():
        return f"there is no folder {path.parent}: check the path"
    names = [p.name for p in path.parent.iterdir() if p.is_file()] if look else []
    return nearest(path.name, names, otherwise="check the path")


def _moves(image: Image.Image) -> bool:
    """Whether an image has several frames or pages; the second image of a photograph (MPO) is but its preview."""
    return bool(getattr(image, "is_animated", False)) and image.format != "MPO"


def _tell_animated(path: str | Path) -> None:
    """Say once that of animations one frame is read."""
    if not _animations_told:
        log.warning("%s: has several frames; of all such images the first is read", path)
    _animations_told.add(str(path))
