"""Explanations of one image as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from kgzsl.explain.explanation import Explanation
from kgzsl.explain.overlay import as_picture
from kgzsl.explain.view import Gallery, page_view
from kgzsl.explain.words import Verbalize
from kgzsl.ontology.whole import whole_file

__all__ = ["Pictures", "render_page", "write_page"]

Pictures = Callable[[str], Image.Image | None] | Mapping[str, Image.Image]
"""Training images by name, for facts that say what they were learned from."""


def render_page(
    explanations: Explanation | Sequence[Explanation],
    image: Image.Image | np.ndarray,
    *,
    verbalize: Verbalize,
    pictures: Pictures | None = None,
) -> str:
    """One HTML file that needs no network: picture, ranked facts, proofs and the sum.

    Pointing at a fact, focusing it or tapping it lights up where in the picture it was found. Of several rivals one is
    shown at a time, and chosen without loading anything. All text is escaped, whatever labels hold; the page forbids
    itself to load anything. Every picture is in it once, however many facts show it.

    Args:
        explanations: one, or several of the same image and class against different rivals, the first one shown first.
        image: the image that was explained; a PIL image or uint8 ``(height, width, 3)``.
        verbalize: a fact as a phrase without its subject, for facts in proofs.
        pictures: gives the images of :class:`~kgzsl.explain.explanation.LearnedFrom`, or None for one that it has
            not; asked only for those that the page shows, each once. Without it, classes are named alone.

    Returns:
        The HTML text.

    Raises:
        ValueError: no explanation, or some of other images or classes, or two against one rival.
    """
    held = (explanations,) if isinstance(explanations, Explanation) else tuple(explanations)
    if len({(e.image, e.predicted) for e in held}) != 1 or len({e.rival for e in held}) != len(held):
        told = ", ".join(f"{e.predicted} over {e.rival} in {e.image}" for e in held) or "none"
        raise ValueError(f"expected explanations of one image and class against different rivals, got {told}")
    loader = PackageLoader("kgzsl.explain")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    find = pictures.get if isinstance(pictures, Mapping) else pictures
    gallery = Gallery(as_picture(image), find or (lambda name: None))
    text = environment.get_template("page.html.j2").render(page_view(held, gallery, verbalize))
    # The template's indentation would be a sixth of the page.
    return "\n".join(line for found in text.splitlines() if (line := found.strip())) + "\n"


def write_page(
    path: str | Path,
    explanations: Explanation | Sequence[Explanation],
    image: Image.Image | np.ndarray,
    *,
    verbalize: Verbalize,
    pictures: Pictures | None = None,
) -> Path:
    """Write the page of :func:`render_page`; the file is replaced as a whole or not at all.

    Returns:
        The path that was written.
    """
    path = Path(path)
    text = render_page(explanations, image, verbalize=verbalize, pictures=pictures)
    with whole_file(path, force=True) as working:
        working.write_text(text, encoding="utf-8")
    return path
