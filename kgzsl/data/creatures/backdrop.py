"""Habitats, clutter and occluders: everything in a picture that is not the creature.

Habitats differ by structure (waves, dunes, trunks, flakes, reeds, stars); their colors
overlap widely, so that the mean color of a picture says little about where it was taken.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from kgzsl.data.creatures.pen import Color, hsv, shade

__all__ = ["HABITATS", "draw_backdrop", "draw_clutter", "draw_occluders"]

Rng = np.random.Generator


def _curve(rng: Rng, y: float, *, height: float, waves: float) -> list[tuple[float, float]]:
    """A wavy line from the left to the right edge, in fractions of the picture."""
    x = np.linspace(0, 1, 17)
    curve = y + height * np.sin(2 * np.pi * (waves * x + rng.random()))
    return list(zip(x.tolist(), curve.tolist(), strict=True))


def _reef(brush: _Brush, rng: Rng, color: Color) -> None:
    """Rows of waves, bubbles."""
    for y in np.arange(0.06, 1, 0.15) + 0.08 * rng.random():
        brush.line(_curve(rng, y, height=0.03, waves=rng.uniform(3, 4.5)), 0.025, shade(color, 1.6))
    for x, y, r in rng.random((9, 3)).tolist():
        brush.ring(x, y, 0.02 + 0.035 * r, 0.014, shade(color, 1.85))


def _dunes(brush: _Brush, rng: Rng, color: Color) -> None:
    """Broad overlapping hills, each with its crest."""
    for n, y in enumerate(np.linspace(0.2, 0.9, 4) + 0.1 * rng.random()):
        crest = _curve(rng, y, height=rng.uniform(0.05, 0.1), waves=rng.uniform(0.6, 1.2))
        brush.shape([*crest, (1, 1), (0, 1)], shade(color, (1.35, 0.85, 1.2, 0.7)[n]))
        brush.line(crest, 0.02, shade(color, 0.5))


def _forest(brush: _Brush, rng: Rng, color: Color) -> None:
    """Upright trunks from edge to edge, jagged branches."""
    for x in np.linspace(0.03, 0.97, 6) + rng.uniform(-0.05, 0.05, 6):
        w, dark = rng.uniform(0.025, 0.05), shade(color, rng.uniform(0.3, 0.6))
        brush.shape([(x - w, 0), (x + w, 0), (x + w, 1), (x - w, 1)], dark)
        for y in rng.uniform(0, 0.8, 2):
            brush.shape([(x - 0.1, y + 0.12), (x, y), (x + 0.1, y + 0.12)], shade(dark, 0.8))


def _snow(brush: _Brush, rng: Rng, color: Color) -> None:
    """Many white flakes, a rounded drift."""
    brush.shape([*_curve(rng, 0.85, height=0.05, waves=1), (1, 1), (0, 1)], shade(color, 1.75))
    for x, y, r in rng.random((48, 3)).tolist():
        brush.disc(x, y, 0.012 + 0.016 * r, (250, 250, 252))


def _marsh(brush: _Brush, rng: Rng, color: Color) -> None:
    """Thin leaning blades, some with a cattail."""
    for n, (x, top, lean) in enumerate(rng.random((22, 3)).tolist()):
        tip = (x + 0.3 * (lean - 0.5), 0.65 * top)
        brush.line([(x, 1), tip], 0.022, shade(color, 0.45 if n % 2 else 1.4))
        if n % 3 == 0:
            brush.line([tip, (tip[0] - 0.03 * (lean - 0.5), tip[1] + 0.13)], 0.05, (96, 58, 30))


def _stars(brush: _Brush, rng: Rng, color: Color) -> None:
    """Four-pointed stars, large and small."""
    for x, y, r in rng.random((15, 3)).tolist():
        r = 0.03 + 0.06 * r**2
        notch = 0.25 * r
        spikes = [(r, 0), (notch, notch), (0, r), (-notch, notch)]
        points = [(x + sign * dx, y + sign * dy) for sign in (1, -1) for dx, dy in spikes]
        brush.shape(points, shade(color, 1.85))


#: Name of a habitat -> the hue around which its own scatters, and what draws it.
HABITATS: dict[str, tuple[float, Callable[[_Brush, Rng, Color], None]]] = {
    "CoralReef": (190, _reef),
    "DuneSea": (40, _dunes),
    "PineForest": (120, _forest),
    "SnowField": (220, _snow),
    "ReedMarsh": (80, _marsh),
    "StarPlain": (260, _stars),
}


class _Brush:
    """Draws in fractions of the picture."""

    def __init__(self, image: Image.Image) -> None:
        self._draw, self._size = ImageDraw.Draw(image), image.width

    def _flat(self, points: list[tuple[float, float]]) -> list[float]:
        return [c * self._size for point in points for c in point]

    def shape(self, points: list[tuple[float, float]], color: Color) -> None:
        self._draw.polygon(self._flat(points), fill=color)

    def line(self, points: list[tuple[float, float]], width: float, color: Color) -> None:
        self._draw.line(self._flat(points), fill=color, width=max(1, round(width * self._size)))

    def disc(self, x: float, y: float, r: float, color: Color) -> None:
        self._draw.ellipse(self._flat([(x - r, y - r), (x + r, y + r)]), fill=color)

    def ring(self, x: float, y: float, r: float, width: float, color: Color) -> None:
        box = self._flat([(x - r, y - r), (x + r, y + r)])
        self._draw.ellipse(box, outline=color, width=max(1, round(width * self._size)))


def draw_backdrop(image: Image.Image, habitat: str, rng: Rng) -> None:
    """Fill the picture with a habitat."""
    hue, draw = HABITATS[habitat]
    color = hsv(hue + rng.uniform(-180, 180), rng.uniform(0.2, 0.9), rng.uniform(0.3, 0.95))
    brush = _Brush(image)
    brush.shape([(0, 0), (1, 0), (1, 1), (0, 1)], color)
    far = shade(color, rng.uniform(0.75, 1.3))
    brush.shape([*_curve(rng, rng.uniform(0.3, 0.7), height=0.02, waves=1), (1, 1), (0, 1)], far)
    draw(brush, rng, color)


def draw_clutter(image: Image.Image, rng: Rng) -> None:
    """Things of any color that lie about: stones, tufts, leaves."""
    brush = _Brush(image)
    for _ in range(int(rng.integers(4, 10))):
        _thing(brush, rng, rng.uniform(0.06, 0.17))


def draw_occluders(image: Image.Image, rng: Rng) -> None:
    """Up to two things in front of the creature."""
    brush = _Brush(image)
    for _ in range(int(rng.integers(0, 3))):
        _thing(brush, rng, rng.uniform(0.05, 0.1))


def _thing(brush: _Brush, rng: Rng, r: float) -> None:
    """A stone, a tuft of grass or a leaf, of any color."""
    kind, x, y, turn, hue, saturation, value = rng.random(7).tolist()
    color = hsv(360 * hue, 0.3 + 0.65 * saturation, 0.3 + 0.68 * value)
    if kind < 1 / 3:
        brush.disc(x, y, r, color)
    elif kind < 2 / 3:
        for lean in (-0.8, -0.25, 0.25, 0.8):
            brush.shape([(x - 0.25 * r, y + r), (x + lean * r, y - r), (x + 0.25 * r, y + r)], color)
    else:
        long, wide = 1.4 * r, 0.6 * r
        c, s = math.cos(math.tau * turn), math.sin(math.tau * turn)
        ends = [(long * c, long * s), (-wide * s, wide * c)]
        brush.shape([(x + dx, y + dy) for dx, dy in (*ends, *((-dx, -dy) for dx, dy in ends))], color)
