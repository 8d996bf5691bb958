"""Draw a creature: a picture that is caused by its looks, and by chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops

from kgzsl.data.creatures.appearance import Appearance
from kgzsl.data.creatures.backdrop import draw_backdrop, draw_clutter, draw_occluders
from kgzsl.data.creatures.body import BODIES, COLORS, HEAD, Body, draw_pattern
from kgzsl.data.creatures.parts import (
    draw_ears,
    draw_eyes,
    draw_horns,
    draw_legs,
    draw_snout,
    draw_tail,
    draw_wings,
)
from kgzsl.data.creatures.pen import Color, Pen, ellipse, hsv, shade

__all__ = ["RENDERER_VERSION", "Box", "Rendered", "render"]

#: Changes whenever the same seed would give another picture.
RENDERER_VERSION = 2

#: Left, top, right, bottom, as fractions of the picture in [0, 1].
Box = tuple[float, float, float, float]

_FACE = 1.2  # a large head: what is on a face must be visible in a small picture
_FINER = 2  # drawn this many times larger, then averaged: smooth edges


@dataclass(frozen=True)
class Rendered:
    """A picture and where its parts are.

    Args:
        image: uint8, height x width x 3.
        boxes: local name of a visual property -> its box; absent parts have none. Shape,
            color and pattern have the box of the trunk, the habitat that of the picture.
    """

    image: NDArray[np.uint8]
    boxes: Mapping[str, Box]


def render(appearance: Appearance, *, seed: int | Sequence[int], size: int = 64) -> Rendered:
    """Draw a creature in a random pose, in random light, before its habitat.

    All that is left to chance depends on the seed alone: two looks drawn with one seed
    differ only in what their features change, which makes counterfactual pictures.

    Args:
        appearance: the looks.
        seed: any non-negative integers; (seed, class, image) is usual.
        size: width and height in pixels, at least 16.

    Example:
        >>> from kgzsl.data.creatures.appearance import FEATURES
        >>> looks = Appearance({p: f.fillers[0] for p, f in FEATURES.items()})
        >>> picture = render(looks, seed=(0, 7, 3), size=32)
        >>> picture.image.shape, sorted(picture.boxes)[:3]
        ((32, 32, 3), ['hasBodyColor', 'hasBodyShape', 'hasEars'])
        >>> bool((picture.image == render(looks, seed=(0, 7, 3), size=32).image).all())
        True
    """
    entropy = [seed] if isinstance(seed, int) else list(seed)
    scene, litter, pose, front, light = (np.random.Generator(np.random.PCG64([*entropy, k])) for k in range(5))
    pixels = size * _FINER
    image = Image.new("RGB", (pixels, pixels))
    draw_backdrop(image, appearance["livesIn"] or "", scene)
    draw_clutter(image, litter)
    boxes = _draw_creature(image, appearance, pose)
    draw_occluders(image, front)
    shares = {name: _clip(box, pixels) for name, box in boxes.items()}
    return Rendered(_develop(image.reduce(_FINER), light), {**shares, "livesIn": (0.0, 0.0, 1.0, 1.0)})


def _draw_creature(image: Image.Image, look: Appearance, rng: np.random.Generator) -> dict[str, Box]:
    """The creature itself, from the parts at the back to those in front; boxes in pixels."""
    body = BODIES[look["hasBodyShape"] or ""]
    matrix, origin = _pose(body, rng, image.width)
    skin, dye = _color(look["hasBodyColor"], rng), _color(look["hasPatternColor"] or "Ivory", rng)
    wing, jitter = hsv(rng.uniform(0, 360), rng.uniform(0.1, 0.5), rng.uniform(0.6, 0.95)), rng.random()
    pen = Pen(image, matrix=matrix, origin=origin, ink=shade(skin, 0.22))

    def joint(name: str, point: tuple[float, float], grow: float) -> Pen:
        return pen.at(point, grow=grow, part=name)

    if wings := look["hasWings"]:
        draw_wings(joint("hasWings", body.back, 1.1), wings, wing)
    if tail := look["hasTail"]:
        draw_tail(joint("hasTail", body.tail, 1.15), tail, skin)
    if legs := look["hasLegs"]:
        draw_legs(joint("hasLegs", (0, 0), 1), legs, body, skin)
    joint("hasBodyShape", (0, 0), 1).shape(body.outline, skin)
    trunk = pen.boxes["hasBodyShape"]
    if pattern := look["hasPattern"]:
        _paint_pattern(pen, pattern, body, dye, jitter)
        pen.boxes |= {"hasPattern": trunk, "hasPatternColor": trunk}
    if ears := look["hasEars"]:
        draw_ears(joint("hasEars", body.head, _FACE), ears, skin)
    if horns := look["hasHorns"]:
        draw_horns(joint("hasHorns", body.head, _FACE), horns)
    pen.at(body.head, grow=_FACE).shape(ellipse(0, 0, HEAD, HEAD), skin)
    snout = look["hasSnout"]
    draw_snout(pen.at(body.head, grow=_FACE, part="hasSnout" if snout else None), snout, skin)
    draw_eyes(joint("hasEyes", body.head, _FACE), look["hasEyes"] or "")
    return {**pen.boxes, "hasBodyColor": trunk}


def _paint_pattern(pen: Pen, kind: str, body: Body, dye: Color, jitter: float) -> None:
    """Paint a pattern inside the outline of the trunk."""
    size = pen.image.size
    pattern, trunk = (Pen(Image.new("L", size), matrix=pen.matrix, origin=pen.origin) for _ in range(2))
    draw_pattern(pattern, kind, body, jitter)
    trunk.shape(body.outline * 0.95, 255, line=0)
    pen.image.paste(dye, mask=ImageChops.multiply(pattern.image, trunk.image))


def _pose(body: Body, rng: np.random.Generator, pixels: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A map from creature units to pixels: size, proportions, turn, mirror; and where it stands."""
    scale = pixels * rng.uniform(0.6, 0.95) / body.extent
    turn, wide = np.deg2rad(rng.uniform(-20, 20)), rng.uniform(0.85, 1.18)
    mirror = rng.choice((-1.0, 1.0))
    cos, sin = np.cos(turn), np.sin(turn)
    matrix = np.array([[cos, -sin], [sin, cos]]) @ np.diag([mirror * wide, 1 / wide]) * scale
    middle = matrix @ np.array([(body.head[0] + body.tail[0]) / 2 - 0.05, -0.2 if body.head[1] < -0.6 else -0.1])
    return matrix, pixels * (0.5 + rng.uniform(-0.18, 0.18, 2)) - middle


def _color(name: str | None, rng: np.random.Generator) -> Color:
    """One of the many colors that a name covers."""
    hue, saturation, value = COLORS[name or ""]
    return hsv(hue + rng.uniform(-7, 7), saturation + rng.uniform(-0.08, 0.08), value + rng.uniform(-0.06, 0.06))


def _develop(image: Image.Image, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Light that is uneven, tinted, strong or weak; and a noisy sensor."""
    pixels = np.asarray(image, dtype=np.float32)
    size = pixels.shape[0]
    ramp = np.linspace(-1, 1, size, dtype=np.float32)
    across, down, gain = rng.uniform(-0.3, 0.3), rng.uniform(-0.3, 0.3), rng.uniform(0.65, 1.2)
    light = (gain * (1 + across * ramp[None, :] + down * ramp[:, None])).astype(np.float32)
    tint = rng.uniform(0.87, 1.13, 3).astype(np.float32)
    noise = rng.standard_normal(pixels.shape, dtype=np.float32) * np.float32(rng.uniform(2, 9))
    return np.clip(pixels * light[..., None] * tint + noise, 0, 255).astype(np.uint8)


def _clip(box: Box, pixels: int) -> Box:
    """A box in pixels as fractions, cut at the edges of the picture."""
    left, top, right, bottom = (min(max(c / pixels, 0.0), 1.0) for c in box)
    return left, top, right, bottom
