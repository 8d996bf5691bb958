"""Grounding maps as pictures: heat over the image, a box around the peak, a strip of the top facts."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from kgzsl.explain.explanation import Explanation, FactContribution
from kgzsl.ontology.whole import whole_file

__all__ = ["DISPLAY_SIDE", "as_picture", "grounding_box", "heat_layer", "heat_overlay", "overlay_strip", "strongest"]

DISPLAY_SIDE = 320
"""Images are scaled so that their longer side has at least this many pixels."""
CUT = 0.05
"""Of a map's peak: where it is lower, it is not of the same thing."""

# Nine steps from indigo over magenta to pale yellow: lightness rises evenly (OKLCH L 0.30 to
# 0.94), so that order survives in gray and for color-blind readers.
_COLORS = np.array(
    [
        (43, 35, 93),
        (84, 42, 119),
        (132, 46, 132),
        (178, 56, 126),
        (217, 77, 113),
        (249, 107, 93),
        (255, 149, 78),
        (255, 195, 93),
        (249, 237, 167),
    ],
    dtype=np.float64,
)
_OPAQUE = 0.7  # opacity of the hottest point: the image stays visible below it
_FINER = 5  # times: odd, so that the middle of each cell stays a point
_GAP, _CAPTION = 12, 58  # pixels between the strip's pictures, and for the text below them


def as_picture(image: Image.Image | np.ndarray) -> Image.Image:
    """The image as RGB, at least :data:`DISPLAY_SIDE` on its longer side.

    Args:
        image: a PIL image, or uint8 ``(height, width, 3)`` or ``(height, width)``.
    """
    if isinstance(image, np.ndarray):
        if image.dtype != np.uint8 or not (image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)):
            raise ValueError(f"expected uint8 (height, width, 3), got {image.dtype} {image.shape}")
        image = Image.fromarray(image)
    image = image.convert("RGB")
    scale = DISPLAY_SIDE / max(image.size)
    if scale <= 1:
        return image
    return image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC)


def heat_layer(grounding: np.ndarray, size: tuple[int, int]) -> Image.Image:
    """A map as a layer to lay over an image: colored where it is high, transparent where it is low.

    The map is scaled to its own range, so layers tell where, not how much; a flat map, which
    points nowhere, gives an empty layer.

    Args:
        grounding: ``(rows, columns)``, finite.
        size: ``(width, height)`` of the layer in pixels.

    Returns:
        An RGBA image.
    """
    grounding = _checked(grounding)
    span = grounding.max() - grounding.min()
    heat = (grounding - grounding.min()) / span if span > 1e-12 * abs(grounding).max() else np.zeros_like(grounding)
    smooth = Image.fromarray(heat.astype(np.float32)).resize(size, Image.Resampling.BICUBIC)
    heat = np.clip(np.asarray(smooth, dtype=np.float64), 0, 1)
    steps = np.linspace(0, 1, len(_COLORS))
    color = np.stack([np.interp(heat, steps, _COLORS[:, channel]) for channel in range(3)], axis=-1)
    # Opacity rises late: what is below a fifth of the range is background and stays clear.
    alpha = 255 * _OPAQUE * np.clip((heat - 0.2) / 0.5, 0, 1)
    return Image.fromarray(np.dstack([color, alpha]).round().astype(np.uint8))


def heat_overlay(image: Image.Image | np.ndarray, grounding: np.ndarray) -> Image.Image:
    """The image, dimmed and nearly gray, with the map's heat over it.

    Args:
        image: a PIL image, or uint8 ``(height, width, 3)``; small ones are enlarged.
        grounding: ``(rows, columns)`` over the image's patches.

    Returns:
        An RGB image, at least 320 pixels on its longer side.

    Example:
        >>> heat_overlay(np.zeros((64, 64, 3), dtype=np.uint8), np.eye(4) / 4).size
        (320, 320)
    """
    picture = as_picture(image)
    gray = picture.convert("L").convert("RGB")
    dimmed = Image.blend(gray, picture, 0.25).point(lambda value: round(0.78 * value))
    return Image.alpha_composite(dimmed.convert("RGBA"), heat_layer(grounding, picture.size)).convert("RGB")


def grounding_box(grounding: np.ndarray, *, cut: float = CUT) -> tuple[float, float, float, float]:
    """The box around the map's peak: what touches it and is at least some part as high, on the map as it is shown.

    Source: Zhou et al., "Learning Deep Features for Discriminative Localization", CVPR 2016, section 3.2.

    Args:
        grounding: ``(rows, columns)``, not negative.
        cut: share of the peak's height that is still part of the thing. By default what gives the best boxes on
            training images (``python benchmarks/explain.py RUN --boxes``).

    Returns:
        ``(left, top, right, bottom)`` as fractions of the image, each in [0, 1].

    Example:
        >>> grounding_box(np.array([[0.0, 0.4, 0.0, 0.0, 0.3], [0.0, 0.3, 0.0, 0.0, 0.0]]))
        (0.12, 0.0, 0.48, 1.0)
    """
    grounding = _checked(grounding)
    down, across = map(_finer, grounding.shape)
    fine = down @ grounding @ across.T
    regions, _ = ndimage.label(fine >= (1 - 1e-9) * cut * grounding.max())  # equal heights, however they are rounded
    row, column = (int(at) * _FINER + _FINER // 2 for at in np.unravel_index(grounding.argmax(), grounding.shape))
    rows, columns = np.nonzero(regions == regions[row, column])
    height, width = fine.shape
    box = (columns.min() / width, rows.min() / height, (columns.max() + 1) / width, (rows.max() + 1) / height)
    left, top, right, bottom = map(float, box)
    return left, top, right, bottom


@cache
def _finer(side: int) -> np.ndarray:
    """What makes of the cells of one side so many points between their middles, linearly: ``(point, cell)``."""
    points = np.clip((np.arange(side * _FINER) + 0.5) / _FINER - 0.5, 0, side - 1)
    return np.clip(1 - abs(points[:, None] - np.arange(side)), 0, 1)


def overlay_strip(
    explanation: Explanation, image: Image.Image | np.ndarray, out_png: str | Path, *, top: int = 4
) -> Path:
    """Write one PNG: the image, then the overlays of the strongest facts side by side, with captions.

    Args:
        explanation: whose facts with a grounding map are shown.
        image: the image that was explained.
        out_png: where to write; replaced as a whole or not at all.
        top: how many facts at most.

    Returns:
        The path that was written.
    """
    picture = as_picture(image)
    label = explanation.labels.get(explanation.predicted, explanation.predicted)
    rival = explanation.labels.get(explanation.rival, explanation.rival)
    panels = [(picture, f"{label}, not {rival}", f"margin {explanation.margin:+.2f}")]
    grounded = [f for f in (*explanation.facts, *explanation.rival_facts) if f.grounding is not None]
    for fact in strongest(grounded, top):
        whose = explanation.labels.get(fact.fact.subject, fact.fact.subject)
        overlay = heat_overlay(picture, np.asarray(fact.grounding))
        panels.append((overlay, f"{whose} {fact.verbalization}", f"{fact.contribution:+.2f}"))
    width, height = picture.size
    strip = Image.new("RGB", (len(panels) * (width + _GAP) + _GAP, height + 2 * _GAP + _CAPTION), (250, 249, 246))
    draw = ImageDraw.Draw(strip)
    font, small = ImageFont.load_default(17), ImageFont.load_default(15)
    for position, (panel, caption, figure) in enumerate(panels):
        left = _GAP + position * (width + _GAP)
        strip.paste(panel, (left, _GAP))
        below = height + _GAP + 8
        draw.text((left, below), _fitted(caption, font, width), fill=(28, 29, 31), font=font)
        draw.text((left, below + 25), figure, fill=(96, 98, 102), font=small)
    return _write(strip, Path(out_png))


def strongest(facts: list[FactContribution], count: int) -> list[FactContribution]:
    """The ``count`` facts of the largest contribution for or against, largest first for before against."""
    chosen = sorted(facts, key=lambda f: -abs(f.contribution))[:count]
    return sorted(chosen, key=lambda f: -f.contribution)


def _fitted(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    """The text, cut with dots where it is wider than the picture."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "...") > width:
        text = text[:-1]
    return text.rstrip() + "..."


def _write(picture: Image.Image, path: Path) -> Path:
    """Save under a temporary name, then rename."""
    with whole_file(path, force=True) as working:
        picture.save(working, format="PNG", optimize=True)
    return path


def _checked(grounding: np.ndarray) -> np.ndarray:
    """The map in double precision, or an error."""
    grounding = np.asarray(grounding, dtype=np.float64)
    if grounding.ndim != 2 or not grounding.size or not np.isfinite(grounding).all():
        raise ValueError(f"a grounding map must be finite and (rows, columns), got shape {grounding.shape}")
    return grounding
