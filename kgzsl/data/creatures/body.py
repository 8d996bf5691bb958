"""The trunk of a creature: its shape, its color and the pattern on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kgzsl.data.creatures.pen import Path2D, Pen, ellipse

__all__ = ["BODIES", "COLORS", "HEAD", "Body", "draw_pattern"]

HEAD = 0.4  # radius of every head, in creature units

#: Name of a color -> hue in degrees, saturation, value.
COLORS = {
    "Scarlet": (4, 0.86, 0.90),
    "Crimson": (344, 0.90, 0.50),
    "Lemon": (56, 0.80, 0.96),
    "Emerald": (142, 0.75, 0.62),
    "Azure": (196, 0.66, 0.95),
    "Violet": (284, 0.58, 0.74),
    "Ivory": (46, 0.10, 0.96),
    "Charcoal": (220, 0.12, 0.17),
}


@dataclass(frozen=True)
class Body:
    """An outline in creature units (x to the head, y down) and where the parts are joined to it."""

    outline: Path2D
    head: tuple[float, float]
    tail: tuple[float, float]
    back: tuple[float, float]
    feet: tuple[float, float]
    belly: float
    extent: float


def _block(width: float, height: float) -> Path2D:
    """A square with round corners: a superellipse."""
    a = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    c, s = np.cos(a), np.sin(a)
    return np.stack([width * np.sign(c) * np.abs(c) ** 0.4, height * np.sign(s) * np.abs(s) ** 0.4], axis=1)


def _humps() -> Path2D:
    """A flat belly under two humps."""
    x = np.linspace(-0.85, 0.85, 24)
    back = -0.1 - 0.3 * (1 - (x / 0.85) ** 2) - 0.42 * sum(np.exp(-(((x - m) / 0.17) ** 2)) for m in (-0.48, 0.1))
    under = np.stack([x[::-2], 0.36 * np.sqrt(1 - (x[::-2] / 0.86) ** 2)], axis=1)
    return np.concatenate([np.stack([x, back], axis=1), under])


def _egg() -> Path2D:
    """An upright egg, wider below."""
    egg = ellipse(0, 0, 0.42, 0.82)
    egg[:, 0] *= 1 + 0.28 * egg[:, 1]
    return egg


BODIES = {
    "RoundBody": Body(ellipse(0, 0, 0.68, 0.64), (0.58, -0.5), (-0.58, 0.05), (-0.2, -0.45), (-0.38, 0.38), 0.42, 2.6),
    "LongBody": Body(_block(1.0, 0.33), (0.92, -0.42), (-0.94, -0.08), (-0.3, -0.25), (-0.75, 0.62), 0.24, 3.0),
    "TallBody": Body(_egg(), (0.12, -0.92), (-0.4, 0.5), (-0.28, -0.3), (-0.25, 0.25), 0.68, 3.0),
    "BlockyBody": Body(_block(0.72, 0.58), (0.68, -0.5), (-0.68, 0.0), (-0.2, -0.5), (-0.5, 0.5), 0.5, 2.7),
    "HumpedBody": Body(_humps(), (0.86, -0.4), (-0.8, -0.05), (-0.2, -0.45), (-0.55, 0.55), 0.25, 2.8),
}


def draw_pattern(pen: Pen, kind: str, body: Body, jitter: float) -> None:
    """Draw a pattern in white over the box of the trunk, to be cut to its outline; jitter in [0, 1) shifts it."""
    (left, top), (right, bottom) = body.outline.min(axis=0).tolist(), body.outline.max(axis=0).tolist()

    def steps(start: float, stop: float, step: float) -> list[float]:
        return np.arange(start - step * jitter, stop, step).tolist()

    if kind == "Stripes":
        for x in steps(left, right, 0.3):
            pen.shape([(x, top), (x + 0.15, top), (x + 0.15, bottom), (x, bottom)], 255, line=0)
    elif kind == "Bands":
        for y in steps(top, bottom, 0.3):
            pen.shape([(left, y), (right, y), (right, y + 0.15), (left, y + 0.15)], 255, line=0)
    elif kind == "Spots":
        for row, y in enumerate(steps(top, bottom + 0.1, 0.29)):
            for x in steps(left - 0.18 * (row % 2), right + 0.1, 0.36):
                pen.shape(ellipse(x, y, 0.1, 0.1), 255, line=0)
    elif kind == "Checks":
        for row, y in enumerate(steps(top, bottom, 0.24)):
            for x in steps(left - 0.24 * (row % 2), right, 0.48):
                pen.shape([(x, y), (x + 0.24, y), (x + 0.24, y + 0.24), (x, y + 0.24)], 255, line=0)
