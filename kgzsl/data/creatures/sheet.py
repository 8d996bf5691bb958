"""A contact sheet: every class at a glance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kgzsl.data.creatures.dataset import load

__all__ = ["contact_sheet"]

_PAPER, _TEXT, _SEEN, _UNSEEN = (250, 249, 245), (30, 30, 34), (70, 120, 90), (190, 80, 40)
_GAP, _LINE = 10, 24


def contact_sheet(path: Path, out: Path, *, columns: int = 4, per_class: int = 3, cell: int = 112) -> Path:
    """Draw some images of every class with its label, and whether it is seen or unseen.

    Args:
        path: a folder that :func:`~kgzsl.data.creatures.dataset.generate` made.
        out: the PNG file to write.
        columns: classes side by side.
        per_class: images of each class.
        cell: width and height of an image on the sheet, in pixels.

    Returns:
        ``out``.
    """
    data, out = load(path), Path(out)
    rows = -(-len(data.class_iris) // columns)
    width, height = per_class * cell + _GAP, cell + _LINE + _GAP
    sheet = Image.new("RGB", (columns * width + _GAP, rows * height + _GAP), _PAPER)
    draw, font, small = ImageDraw.Draw(sheet), ImageFont.load_default(15), ImageFont.load_default(12)
    for n, (iri, label) in enumerate(zip(data.class_iris, data.class_labels, strict=True)):
        x, y = _GAP + n % columns * width, _GAP + n // columns * height
        kind, color = ("seen", _SEEN) if iri in data.seen else ("unseen", _UNSEEN)
        draw.rectangle((x, y + 1, x + 4, y + _LINE - 4), fill=color)
        draw.text((x + 10, y + 1), label, fill=_TEXT, font=font)
        draw.text((x + width - _GAP - 4, y + 3), kind, fill=color, font=small, anchor="ra")
        for k, index in enumerate(np.flatnonzero(data.labels == n)[:per_class].tolist()):
            image = Image.fromarray(np.array(data.images[index])).resize((cell, cell), Image.Resampling.BICUBIC)
            sheet.paste(image, (x + k * cell, y + _LINE))
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = out.with_name(f".{out.name}.part")
    sheet.save(temporary, format="PNG")
    return temporary.replace(out)
