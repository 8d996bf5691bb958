"""The parts that a creature has or lacks: tail, wings, legs, ears, horns, eyes, snout.

Every function draws one kind of part around its joint; x points to the head, y down, and a
head has the radius :data:`~kgzsl.data.creatures.body.HEAD`.
"""

from __future__ import annotations

import numpy as np

from kgzsl.data.creatures.body import HEAD, Body
from kgzsl.data.creatures.pen import Color, Pen, arc, ellipse, shade, spiral

__all__ = ["draw_ears", "draw_eyes", "draw_horns", "draw_legs", "draw_snout", "draw_tail", "draw_wings"]

_BONE: Color = (238, 226, 190)
_WHITE: Color = (250, 250, 246)
_BLACK: Color = (18, 16, 20)
_BOTH = (-1, 1)


def draw_tail(pen: Pen, kind: str, body: Body, color: Color) -> None:
    """A tail at the rear of the body."""
    x, y = body.tail
    if kind == "BushyTail":
        pen.stroke([(x + 0.1, y), (x - 0.15, y - 0.1)], 0.2, color)
        pen.shape(ellipse(x - 0.38, y - 0.3, 0.45, 0.25, turn=50), color)
        pen.shape(ellipse(x - 0.55, y - 0.52, 0.18, 0.16, turn=50), shade(color, 1.75), line=0)
    elif kind == "FanTail":
        for turn in np.linspace(-75, 55, 5):
            a = np.deg2rad(180 + turn)
            pen.shape(ellipse(x + 0.36 * np.cos(a), y + 0.36 * np.sin(a), 0.38, 0.11, turn=turn), color)
            pen.shape(ellipse(x + 0.58 * np.cos(a), y + 0.58 * np.sin(a), 0.09, 0.07), shade(color, 0.45), line=0)
    elif kind == "WhipTail":
        t = np.linspace(0, 1, 12)
        pen.stroke(np.stack([x + 0.1 - 0.75 * t, y - 0.15 * np.sin(6 * t) - 0.35 * t], axis=1), 0.08, color)
        pen.shape([(x - 0.5, y - 0.45), (x - 0.9, y - 0.48), (x - 0.66, y - 0.1)], shade(color, 0.6))
    elif kind == "CurledTail":
        pen.stroke([(x + 0.1, y + 0.1), (x - 0.15, y + 0.12)], 0.11, color)
        pen.stroke(spiral(x - 0.3, y - 0.16, 0.31, start=60, turns=1.6, inner=0.04, count=22), 0.11, color)
    elif kind == "ClubTail":
        pen.stroke([(x + 0.1, y), (x - 0.25, y - 0.08), (x - 0.45, y - 0.3)], 0.1, color)
        a = np.linspace(0, 2 * np.pi, 14, endpoint=False)
        r = np.where(np.arange(14) % 2, 0.19, 0.34)
        pen.shape(np.stack([x - 0.52 + r * np.cos(a), y - 0.42 + r * np.sin(a)], axis=1), shade(color, 0.45))


def draw_wings(pen: Pen, kind: str, body: Body, color: Color) -> None:
    """Wings raised from the back."""
    x, y = body.back
    if kind == "FeatherWings":
        for turn, length in ((172, 0.5), (148, 0.6), (124, 0.62), (100, 0.56)):
            a = np.deg2rad(-turn)
            pen.shape(ellipse(x + length * np.cos(a), y + length * np.sin(a), length, 0.13, turn=-turn), color)
        pen.shape(ellipse(x - 0.06, y - 0.1, 0.22, 0.2), shade(color, 1.5))
    elif kind == "BatWings":
        tips = [(x - 0.95, y - 0.3), (x - 0.78, y - 0.95), (x - 0.2, y - 1.15)]
        notches = [(x - 0.62, y - 0.42), (x - 0.38, y - 0.72)]
        pen.shape([(x - 0.2, y + 0.15), tips[0], notches[0], tips[1], notches[1], tips[2], (x + 0.25, y)],
                  shade(color, 0.45))
        for tip in tips:
            pen.stroke([(x, y), tip], 0.05, shade(color, 0.9), line=0)
    elif kind == "InsectWings":
        for turn, length in ((150, 0.48), (105, 0.58)):
            a = np.deg2rad(-turn)
            cx, cy = x + length * np.cos(a), y + length * np.sin(a)
            pen.shape(ellipse(cx, cy, length, 0.25, turn=-turn), shade(color, 1.7))
            pen.stroke([(x, y), (cx + 0.7 * (cx - x), cy + 0.7 * (cy - y))], 0.03, pen.ink, line=0)
            for at in (-0.25, 0.2):
                rib = ellipse(cx + at * np.cos(a), cy + at * np.sin(a), 0.03, 0.2, turn=-turn)
                pen.stroke(rib[[5, 15]], 0.03, pen.ink, line=0)


def draw_legs(pen: Pen, kind: str, body: Body, color: Color) -> None:
    """Legs or flippers under the belly."""
    (left, right), y = body.feet, body.belly
    if kind == "TwoLegs":
        for x in (left + 0.12, right - 0.12):
            pen.stroke([(x, y - 0.1), (x, y + 0.55)], 0.07, (232, 150, 40))
            for toe in (-0.14, 0.02, 0.2):
                pen.stroke([(x, y + 0.52), (x + toe, y + 0.63)], 0.06, (232, 150, 40), line=0.03)
    elif kind == "FourLegs":
        for n, x in enumerate(np.linspace(left, right, 4)):
            w, foot = 0.095, y + (0.36 if n % 2 else 0.42)
            pen.shape([(x - w, y - 0.2), (x + w, y - 0.2), (x + w, foot), (x - w, foot)], shade(color, (0.85, 0.65)[n % 2]))
            pen.shape([(x - w, foot - 0.09), (x + w + 0.05, foot - 0.09), (x + w + 0.05, foot), (x - w, foot)],
                      shade(color, 0.3), line=0)
    elif kind == "SixLegs":
        for x, lean in zip(np.linspace(left, right, 6), (-0.42, -0.3, -0.14, 0.14, 0.3, 0.42), strict=True):
            knee = (x + 0.8 * lean, y - 0.02)
            pen.stroke([(x, y - 0.12), knee, (x + lean, y + 0.45)], 0.055, shade(color, 0.5), line=0.025)
    elif kind == "Flippers":
        for x, turn in ((left, 145), (right, 40)):
            a = np.deg2rad(turn)
            pen.shape(ellipse(x + 0.28 * np.cos(a), y + 0.28 * np.sin(a), 0.42, 0.16, turn=turn), shade(color, 0.7))


def draw_ears(pen: Pen, kind: str, body: Body, color: Color) -> None:
    """Ears at both sides of the head; to be drawn before the head."""
    x, y = body.head
    inner: Color = (240, 170, 170)
    for side in _BOTH:
        if kind == "PointedEars":
            pen.shape([(x + side * 0.1, y - 0.3), (x + side * 0.5, y - 0.72), (x + side * 0.4, y - 0.05)], color)
            pen.shape([(x + side * 0.22, y - 0.33), (x + side * 0.45, y - 0.6), (x + side * 0.38, y - 0.2)], inner, line=0)
        elif kind == "RoundEars":
            pen.shape(ellipse(x + side * 0.4, y - 0.32, 0.23, 0.23), color)
            pen.shape(ellipse(x + side * 0.41, y - 0.33, 0.13, 0.13), inner, line=0)
        elif kind == "LongEars":
            pen.shape(ellipse(x + side * 0.25, y - 0.65, 0.13, 0.42, turn=side * 10), color)
            pen.shape(ellipse(x + side * 0.26, y - 0.68, 0.06, 0.3, turn=side * 10), inner, line=0)
        elif kind == "LopEars":
            pen.shape(ellipse(x + side * 0.47, y + 0.12, 0.15, 0.42, turn=side * -14), shade(color, 0.8))


def draw_horns(pen: Pen, kind: str, body: Body) -> None:
    """Horns on top of the head; to be drawn before the head."""
    x, y = body.head
    if kind == "SpikeHorn":
        pen.shape([(x - 0.13, y - 0.28), (x + 0.04, y - 1.0), (x + 0.15, y - 0.28)], _BONE)
        for low, width in ((0.5, 0.1), (0.68, 0.06)):
            pen.stroke([(x - width + 0.02, y - low), (x + width + 0.02, y - low - 0.05)], 0.04, pen.ink, line=0)
        return
    for side in _BOTH:
        if kind == "Antlers":
            stem = [(x + side * 0.12, y - 0.28), (x + side * 0.2, y - 0.62), (x + side * 0.5, y - 0.95)]
            pen.stroke(stem, 0.08, _BONE)
            pen.stroke([stem[1], (x + side * 0.12, y - 0.95)], 0.07, _BONE, line=0.03)
            pen.stroke([(x + side * 0.35, y - 0.78), (x + side * 0.58, y - 0.72)], 0.07, _BONE, line=0.03)
        elif kind == "RamHorns":
            start, turns = (-130, -1.15) if side < 0 else (-50, 1.15)
            pen.stroke(spiral(x + side * 0.38, y - 0.2, 0.27, start=start, turns=turns, inner=0.06), 0.13, _BONE)
        elif kind == "BullHorns":
            tip = [(x + side * 0.68, y - 0.78), (x + side * 0.72, y - 0.4), (x + side * 0.5, y - 0.2)]
            pen.shape([(x + side * 0.22, y - 0.24), (x + side * 0.52, y - 0.44), *tip, (x + side * 0.28, y - 0.1)], _BONE)


def draw_eyes(pen: Pen, kind: str, body: Body) -> None:
    """Eyes on the face."""
    x, y = body.head[0], body.head[1] - 0.07
    if kind == "SlitEyes":
        for side in _BOTH:
            pen.shape(ellipse(x + side * 0.19, y, 0.16, 0.1, turn=side * 22), (248, 226, 60), line=0.03)
            pen.stroke([(x + side * 0.19, y - 0.09), (x + side * 0.19, y + 0.09)], 0.05, _BLACK, line=0)
        return
    places = {
        "OneEye": [(0.0, 0.0, 0.23)],
        "RoundEyes": [(-0.17, 0.0, 0.14), (0.17, 0.0, 0.14)],
        "ThreeEyes": [(-0.22, 0.06, 0.11), (0.0, -0.16, 0.11), (0.22, 0.06, 0.11)],
    }[kind]
    for dx, dy, r in places:
        pen.shape(ellipse(x + dx, y + dy, r, r), _WHITE, line=0.03)
        pen.shape(ellipse(x + dx + 0.2 * r, y + dy + 0.1 * r, 0.55 * r, 0.55 * r), _BLACK, line=0)


def draw_snout(pen: Pen, kind: str | None, body: Body, color: Color) -> None:
    """What lies in the middle of the face; without a snout, a smile."""
    x, y = body.head
    if kind == "Beak":
        pen.shape([(x - 0.17, y + 0.1), (x + 0.17, y + 0.1), (x + 0.04, y + 0.5)], (245, 150, 30))
        pen.stroke([(x - 0.13, y + 0.18), (x + 0.13, y + 0.18)], 0.03, pen.ink, line=0)
    elif kind == "Trunk":
        path = [(x, y + 0.1), (x + 0.02, y + 0.4), (x + 0.1, y + 0.62), (x + 0.28, y + 0.7), (x + 0.42, y + 0.58)]
        pen.stroke(path, 0.15, shade(color, 0.85))
    elif kind == "Muzzle":
        pen.shape(ellipse(x, y + 0.24, 0.28, 0.18), shade(color, 1.65), line=0.04)
        for side in _BOTH:
            pen.shape(ellipse(x + side * 0.1, y + 0.2, 0.05, 0.06), _BLACK, line=0)
    elif kind == "Tusks":
        for side in _BOTH:
            pen.shape([(x + side * 0.08, y + 0.18), (x + side * 0.24, y + 0.14), (x + side * 0.3, y + 0.68)], _WHITE)
    if kind in (None, "Tusks"):
        pen.stroke(arc(x, y + 0.08, 0.17, start=150, stop=30), 0.045, _BLACK, line=0)


