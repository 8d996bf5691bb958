"""Images or patch features with their classes and parts, as one array."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from kgzsl.data.decoding import decode
from kgzsl.data.labels import LabelSpace
from kgzsl.data.rows import Rows, take_rows
from kgzsl.data.split import TEST_EVERY, ZeroShotSplit
from kgzsl.errors import DataError, ImageError, KgzslError, Problem

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["ImageSet", "Part", "cut_parts", "find_images", "middle_of", "read_pixels", "unreadable"]

Part = Literal["trainval", "test_seen", "test_unseen"]
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff"})


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images of known classes.

    Args:
        array: pixels, uint8 ``(image, height, width, 3)``, or patch features, float
            ``(image, patch, channel)`` with the patches row by row over a square grid; or the choice of
            some that are read from disk when they are asked for.
        labels: column of each image's class in ``space``.
        parts: ``trainval``, ``test_seen`` or ``test_unseen`` for each image.
        names: path or name of each image.
        space: the classes.
        backbone: what made the array: ``pixels``, or the backbone's name.
        frozen: parameters of the backbone; 0 for pixels, and for features that were read from a file.
    """

    array: np.ndarray | Rows
    labels: np.ndarray
    parts: np.ndarray
    names: tuple[str, ...]
    space: LabelSpace
    backbone: str = "pixels"
    frozen: int = 0

    def __post_init__(self) -> None:
        count = len(self.array)
        if not len(self.labels) == len(self.parts) == len(self.names) == count:
            raise ValueError(
                f"{count} images, {len(self.labels)} labels, {len(self.parts)} parts, {len(self.names)} names"
            )

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: np.ndarray) -> ImageSet:
        """The images of the given rows (indices or a boolean mask); pixels are copied, what is on disk stays there."""
        rows = np.flatnonzero(rows) if np.asarray(rows).dtype == bool else np.asarray(rows)
        names = tuple(self.names[i] for i in rows)
        return replace(
            self, array=take_rows(self.array, rows), labels=self.labels[rows], parts=self.parts[rows], names=names
        )

    @property
    def test_digest(self) -> str:
        """sha256 over part, folder and name of the test images, whatever their order and wherever they are."""
        parts = self.parts.tolist()
        names = ["/".join(Path(name).parts[-2:]) for name in self.names]
        test = sorted(f"{part} {name}" for part, name in zip(parts, names, strict=True) if part != "trainval")
        return hashlib.sha256("\n".join(test).encode()).hexdigest()

    def part(self, part: Part) -> ImageSet:
        """The images of one part."""
        return self.take(self.parts == part)

    def of_classes(self, iris: Iterable[str]) -> ImageSet:
        """The images of the given classes."""
        return self.take(np.isin(self.labels, self.space.columns(iris)))


def find_images(folder: str | Path, *, resolve: Callable[[str], str]) -> dict[str, list[Path]]:
    """Images in a folder by class: ``FOLDER/<class>/.../*.jpg``, where ``<class>`` is an IRI's local name or a label.

    Returns:
        Class IRI to its files, sorted by name.

    Raises:
        DataError: no such folder, no images in it, or folders that name no class.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(Problem("no such folder of images", file=folder, expected="FOLDER/<class>/<image files>"))
    found: dict[str, list[Path]] = {}
    problems: list[Problem] = []
    for child in sorted(p for p in folder.iterdir() if p.is_dir()):
        files = sorted(p for p in child.rglob("*") if p.suffix.lower() in SUFFIXES)
        if not files:
            continue
        try:
            found.setdefault(resolve(child.name), []).extend(files)
        except KgzslError as error:
            problems += [replace(p, file=child) for p in error.problems]
    if problems:
        raise DataError(problems)
    if not found:
        raise DataError(Problem("no images", file=folder, expected="FOLDER/<class>/<image files>"))
    return found


def cut_parts(files: dict[str, list[Path]], split: ZeroShotSplit) -> tuple[list[Path], list[str], list[Part]]:
    """Files, their classes and their parts, by the split's rule.

    Every fifth image of a seen class, sorted by name, is ``test_seen``; all images of an unseen
    class are ``test_unseen``; classes outside the split are left out.
    """
    missing = sorted(set(split.seen) - set(files))
    if missing:
        raise DataError(
            Problem(f"seen class {iri} has no image", fix="add a folder for it, or take it out of `seen`")
            for iri in missing
        )
    paths: list[Path] = []
    classes: list[str] = []
    parts: list[Part] = []
    for iri in (*split.seen, *split.unseen):
        for index, path in enumerate(sorted(files.get(iri, []), key=lambda p: p.name)):
            paths.append(path)
            classes.append(iri)
            if iri in split.unseen:
                parts.append("test_unseen")
            else:
                parts.append("test_seen" if index % TEST_EVERY == TEST_EVERY - 1 else "trainval")
    return paths, classes, parts


def read_pixels(
    paths: Sequence[str | Path], *, size: int, fit: Callable[[Image.Image], Image.Image] | None = None
) -> np.ndarray:
    """Decode images to upright RGB of ``size`` x ``size``, uint8 ``(image, size, size, 3)``.

    What a file shows is said in :mod:`kgzsl.data.decoding`.

    Args:
        paths: the files.
        size: side of the square.
        fit: what makes a square of that size of an image; by default the shorter side is scaled to ``size`` and the
            middle is cut out.

    Raises:
        ImageError: every file that is not an image.
    """
    from PIL import Image, ImageOps

    pixels = np.empty((len(paths), size, size, 3), dtype=np.uint8)

    def middle(rgb: Image.Image) -> Image.Image:
        return rgb if rgb.size == (size, size) else ImageOps.fit(rgb, (size, size), Image.Resampling.BICUBIC)

    def fill(row: int, rgb: Image.Image) -> None:
        pixels[row] = np.asarray((fit or middle)(rgb))

    problems = decode(paths, fill)
    if problems:
        raise ImageError(problems)
    return pixels


def middle_of(rgb: Image.Image, *, share: float = 1.0) -> Image.Image:
    """The square in the middle of an image, at the image's own resolution.

    Args:
        rgb: the image.
        share: side of the square, as a share of the image's shorter side.

    Example:
        >>> from PIL import Image
        >>> middle_of(Image.new("RGB", (30, 20))).size, middle_of(Image.new("RGB", (30, 20)), share=0.5).size
        ((20, 20), (10, 10))
    """
    side = max(1, round(share * min(rgb.size)))
    left, top = ((length - side) // 2 for length in rgb.size)
    return rgb if rgb.size == (side, side) else rgb.crop((left, top, left + side, top + side))


def unreadable(paths: Sequence[str | Path]) -> list[Problem]:
    """Every file that is missing or not an image, found by decoding all of them."""
    return decode(paths, lambda row, rgb: None)
