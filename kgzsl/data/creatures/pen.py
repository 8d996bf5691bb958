"""A pen that draws in a creature's own coordinates and remembers where each part lies."""

from __future__ import annotations

import colorsys
import math
from collections.abc import Sequence
from copy import copy

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

__all__ = ["Color", "Path2D", "Pen", "arc", "ellipse", "hsv", "shade", "spiral"]

Color = tuple[int, int, int]
Path2D = NDArray[np.float64]

_UNIT = np.stack(
    [np.cos(np.linspace(0, 2 * np.pi, 20, endpoint=False)), np.sin(np.linspace(0, 2 * np.pi, 20, endpoint=False))],
    axis=1,
)


def hsv(hue: float, saturation: float, value: float) -> Color:
    """A color from hue in degrees, saturation and value in [0, 1]; out of range is clipped."""
    r, g, b = colorsys.hsv_to_rgb(hue / 360 % 1, min(max(saturation, 0), 1), min(max(value, 0), 1))
    return int(255 * r), int(255 * g), int(255 * b)


def shade(color: Color, factor: float) -> Color:
    """A color made darker (factor below 1) or lighter (above 1: toward white)."""
    if factor <= 1:
        r, g, b = (int(c * factor) for c in color)
    else:
        r, g, b = (int(c + (255 - c) * min(factor - 1, 1)) for c in color)
    return r, g, b


def ellipse(x: float, y: float, rx: float, ry: float, *, turn: float = 0.0) -> Path2D:
    """An ellipse as a path; ``turn`` in degrees, clockwise on the screen."""
    if not turn:
        return _UNIT * (rx, ry) + (x, y)
    cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    return _UNIT @ np.array([[rx * cos, rx * sin], [-ry * sin, ry * cos]]) + (x, y)


def arc(x: float, y: float, radius: float, *, start: float, stop: float, count: int = 9) -> Path2D:
    """Points on a circle from one angle to another, in degrees, clockwise from the right."""
    a = np.deg2rad(np.linspace(start, stop, count))
    return np.stack([x + radius * np.cos(a), y + radius * np.sin(a)], axis=1)


def spiral(x: float, y: float, radius: float, *, start: float, turns: float, inner: float, count: int = 16) -> Path2D:
    """Points that wind from ``radius`` into ``inner``; negative turns wind counterclockwise."""
    t = np.linspace(0, 1, count)
    a, r = np.deg2rad(start) + 2 * np.pi * turns * t, radius + (inner - radius) * t
    return np.stack([x + r * np.cos(a), y + r * np.sin(a)], axis=1)


class Pen:
    """Draws paths through an affine map and keeps a bounding box for each named part.

    Args:
        image: the RGB or L image to draw on.
        matrix: 2 x 2 map from creature units to pixels, acting on column vectors.
        origin: the pixel where the creature's origin lies.
        ink: color of outlines.
    """

    def __init__(self, image: Image.Image, *, matrix: Path2D, origin: Path2D, ink: Color = (0, 0, 0)) -> None:
        self.image, self.matrix, self.origin, self.ink = image, matrix, origin, ink
        self.boxes: dict[str, tuple[float, float, float, float]] = {}
        self._part: str | None = None
        self._draw = ImageDraw.Draw(image)
        self._across = matrix.T  # acts on paths, whose points are rows
        self._unit = float(np.sqrt(abs(np.linalg.det(matrix))))

    def at(self, point: tuple[float, float], *, grow: float = 1.0, part: str | None = None) -> Pen:
        """A pen on the same image whose origin is at a point, ``grow`` times larger, for one part."""
        pen = copy(self)
        pen.origin = self._across.T @ np.asarray(point) + self.origin
        pen.matrix, pen._across, pen._unit, pen._part = self.matrix * grow, self._across * grow, self._unit * grow, part
        return pen

    def shape(self, path: Path2D | Sequence[Sequence[float]], fill: Color | int, *, line: float = 0.045) -> None:
        """A filled path, outlined in ink when ``line``, its width in units, is not 0."""
        flat = self._pixels(path)
        self._draw.polygon(flat, fill=fill)
        if line:
            self._draw.line(flat + flat[:4], fill=self.ink, width=max(1, round(line * self._unit)))

    def stroke(
        self, path: Path2D | Sequence[Sequence[float]], width: float, fill: Color | int, *, line: float = 0.04
    ) -> None:
        """An open path of a width, outlined in ink unless ``line`` is 0."""
        flat = self._pixels(path)
        if line:
            self._draw.line(flat, fill=self.ink, width=max(1, round((width + 2 * line) * self._unit)), joint="curve")
        self._draw.line(flat, fill=fill, width=max(1, round(width * self._unit)), joint="curve")

    def _pixels(self, path: Path2D | Sequence[Sequence[float]]) -> list[float]:
        """A path in pixels, flat; the box of the pen's part grows around it."""
        flat: list[float] = (np.asarray(path) @ self._across + self.origin).ravel().tolist()
        if self._part is not None:
            across, down = flat[::2], flat[1::2]
            left, top, right, bottom = min(across), min(down), max(across), max(down)
            a, b, c, d = self.boxes.get(self._part, (left, top, right, bottom))
            self.boxes[self._part] = (min(left, a), min(top, b), max(right, c), max(bottom, d))
        return flat
