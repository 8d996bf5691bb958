"""The parts that a creature has or lacks: tail, wings, legs, ears, horns, eyes, snout.

The origin of the pen is where the part is joined to the body (legs: the middle of the body;
ears, horns, eyes and snout: the middle of the head, whose radius is
:data:`~kgzsl.data.creatures.body.HEAD`). x points to the head's side, y down.
"""

from __future__ import annotations

import numpy as np

from kgzsl.data.creatures.body import Body
from kgzsl.data.creatures.pen import Color, Pen, arc, ellipse, shade, spiral

__all__ = ["draw_ears", "draw_eyes", "draw_horns", "draw_legs", "draw_snout", "draw_tail", "draw_wings"]

_BONE: Color = (238, 226, 190)
_WHITE: Color = (250, 250, 246)
_BLACK: Color = (18, 16, 20)
_BOTH = (-1, 1)


def draw_tail(pen: Pen, kind: str, color: Color) -> None:
    """A tail at the rear of the body."""
    if kind == "BushyTail":
        pen.stroke([(0.1, 0), (-0.15, -0.1)], 0.2, color)
        pen.shape(ellipse(-0.38, -0.3, 0.45, 0.25, turn=50), color)
        pen.shape(ellipse(-0.55, -0.52, 0.18, 0.16, turn=50), shade(color, 1.75), line=0)
    elif kind == "FanTail":
        for turn in np.linspace(-75, 55, 5):
            a = np.deg2rad(180 + turn)
            pen.shape(ellipse(0.36 * np.cos(a), 0.36 * np.sin(a), 0.38, 0.11, turn=turn), color)
            pen.shape(ellipse(0.58 * np.cos(a), 0.58 * np.sin(a), 0.09, 0.07), shade(color, 0.45), line=0)
    elif kind == "CurledTail":
        pen.stroke([(0.1, 0.1), (-0.15, 0.12)], 0.11, color)
        pen.stroke(spiral(-0.3, -0.16, 0.31, start=60, turns=1.6, inner=0.04, count=22), 0.11, color)
    elif kind == "ClubTail":
        pen.stroke([(0.1, 0), (-0.25, -0.08), (-0.45, -0.3)], 0.1, color)
        a = np.linspace(0, 2 * np.pi, 14, endpoint=False)
        r = np.where(np.arange(14) % 2, 0.19, 0.34)
        pen.shape(np.stack([-0.52 + r * np.cos(a), -0.42 + r * np.sin(a)], axis=1), shade(color, 0.45))


def draw_wings(pen: Pen, kind: str, color: Color) -> None:
    """Wings raised from the back."""
    if kind == "FeatherWings":
        for turn, length in ((172, 0.5), (148, 0.6), (124, 0.62), (100, 0.56)):
            a = np.deg2rad(-turn)
            pen.shape(ellipse(length * np.cos(a), length * np.sin(a), length, 0.13, turn=-turn), color)
        pen.shape(ellipse(-0.06, -0.1, 0.22, 0.2), shade(color, 1.5))
    elif kind == "BatWings":
        tips = [(-0.95, -0.3), (-0.78, -0.95), (-0.2, -1.15)]
        notches = [(-0.62, -0.42), (-0.38, -0.72)]
        pen.shape([(-0.2, 0.15), tips[0], notches[0], tips[1], notches[1], tips[2], (0.25, 0)], shade(color, 0.45))
        for tip in tips:
            pen.stroke([(0, 0), tip], 0.05, shade(color, 0.9), line=0)
    elif kind == "InsectWings":
        for turn, length in ((150, 0.48), (105, 0.58)):
            a = np.deg2rad(-turn)
            cx, cy = length * np.cos(a), length * np.sin(a)
            pen.shape(ellipse(cx, cy, length, 0.25, turn=-turn), shade(color, 1.7))
            pen.stroke([(0, 0), (1.7 * cx, 1.7 * cy)], 0.03, pen.ink, line=0)
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
            leg = [(x - w, y - 0.2), (x + w, y - 0.2), (x + w, foot), (x - w, foot)]
            paw = [(x - w, foot - 0.09), (x + w + 0.05, foot - 0.09), (x + w + 0.05, foot), (x - w, foot)]
            pen.shape(leg, shade(color, (0.85, 0.65)[n % 2]))
            pen.shape(paw, shade(color, 0.3), line=0)
    elif kind == "SixLegs":
        for x, lean in zip(np.linspace(left, right, 6), (-0.42, -0.3, -0.14, 0.14, 0.3, 0.42), strict=True):
            knee = (x + 0.8 * lean, y - 0.02)
            pen.stroke([(x, y - 0.12), knee, (x + lean, y + 0.45)], 0.07, shade(color, 0.5), line=0.03)
    elif kind == "Flippers":
        for x, turn in ((left, 145), (right, 40)):
            a = np.deg2rad(turn)
            pen.shape(ellipse(x + 0.28 * np.cos(a), y + 0.28 * np.sin(a), 0.45, 0.19, turn=turn), shade(color, 0.7))


def draw_ears(pen: Pen, kind: str, color: Color) -> None:
    """Ears at both sides of the head; to be drawn before the head."""
    inner: Color = (240, 170, 170)
    for side in _BOTH:
        if kind == "RoundEars":
            pen.shape(ellipse(side * 0.4, -0.32, 0.23, 0.23), color)
            pen.shape(ellipse(side * 0.41, -0.33, 0.13, 0.13), inner, line=0)
        elif kind == "LongEars":
            pen.shape(ellipse(side * 0.25, -0.65, 0.13, 0.42, turn=side * 10), color)
            pen.shape(ellipse(side * 0.26, -0.68, 0.06, 0.3, turn=side * 10), inner, line=0)
        elif kind == "LopEars":
            pen.shape(ellipse(side * 0.47, 0.12, 0.15, 0.42, turn=side * -14), shade(color, 0.8))


def draw_horns(pen: Pen, kind: str) -> None:
    """Horns on top of the head; to be drawn before the head."""
    if kind == "SpikeHorn":
        pen.shape([(-0.13, -0.28), (0.04, -1.0), (0.15, -0.28)], _BONE)
        for low, width in ((0.5, 0.1), (0.68, 0.06)):
            pen.stroke([(0.02 - width, -low), (0.02 + width, -low - 0.05)], 0.04, pen.ink, line=0)
        return
    for side in _BOTH:
        if kind == "Antlers":
            stem = [(side * 0.12, -0.28), (side * 0.2, -0.62), (side * 0.5, -0.95)]
            pen.stroke(stem, 0.08, _BONE)
            pen.stroke([stem[1], (side * 0.12, -0.95)], 0.07, _BONE, line=0.03)
            pen.stroke([(side * 0.35, -0.78), (side * 0.58, -0.72)], 0.07, _BONE, line=0.03)
        elif kind == "BullHorns":
            tip = [(side * 0.68, -0.78), (side * 0.72, -0.4), (side * 0.5, -0.2)]
            pen.shape([(side * 0.22, -0.24), (side * 0.52, -0.44), *tip, (side * 0.28, -0.1)], _BONE)


def draw_eyes(pen: Pen, kind: str) -> None:
    """Eyes on the face."""
    if kind == "SlitEyes":
        for side in _BOTH:
            pen.shape(ellipse(side * 0.19, -0.07, 0.17, 0.11, turn=side * 22), (248, 226, 60), line=0.03)
            pen.stroke([(side * 0.19, -0.16), (side * 0.19, 0.02)], 0.05, _BLACK, line=0)
        return
    places = {
        "OneEye": [(0.0, -0.07, 0.23)],
        "RoundEyes": [(-0.17, -0.07, 0.15), (0.17, -0.07, 0.15)],
        "ThreeEyes": [(-0.23, 0.0, 0.12), (0.0, -0.23, 0.12), (0.23, 0.0, 0.12)],
    }[kind]
    for dx, dy, r in places:
        pen.shape(ellipse(dx, dy, r, r), _WHITE, line=0.03)
        pen.shape(ellipse(dx + 0.2 * r, dy + 0.1 * r, 0.55 * r, 0.55 * r), _BLACK, line=0)


def draw_snout(pen: Pen, kind: str | None, color: Color) -> None:
    """What lies in the middle of the face; without a snout, a smile."""
    if kind == "Beak":
        pen.shape([(-0.17, 0.1), (0.17, 0.1), (0.04, 0.5)], (245, 150, 30))
        pen.stroke([(-0.13, 0.18), (0.13, 0.18)], 0.03, pen.ink, line=0)
    elif kind == "Trunk":
        path = [(0, 0.1), (0.02, 0.4), (0.1, 0.62), (0.28, 0.7), (0.42, 0.58)]
        pen.stroke(path, 0.15, shade(color, 0.85))
    elif kind == "Muzzle":
        pen.shape(ellipse(0, 0.24, 0.28, 0.18), shade(color, 1.65), line=0.04)
        for side in _BOTH:
            pen.shape(ellipse(side * 0.1, 0.2, 0.05, 0.06), _BLACK, line=0)
    elif kind == "Tusks":
        for side in _BOTH:
            pen.shape([(side * 0.08, 0.18), (side * 0.24, 0.14), (side * 0.3, 0.68)], _WHITE)
    if kind in (None, "Tusks"):
        pen.stroke(arc(0, 0.08, 0.17, start=150, stop=30), 0.045, _BLACK, line=0)
