"""An explanation as one self-contained HTML page."""

from __future__ import annotations

import base64
import io
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image, ImageOps

from kgzsl.explain.explanation import Explanation, FactContribution
from kgzsl.explain.overlay import as_picture, heat_layer, strongest
from kgzsl.explain.text import UNSEEN_NOTE, label_of, origin
from kgzsl.ontology.facts import Fact, Proof
from kgzsl.ontology.whole import whole_file

__all__ = ["render_page", "write_page"]

Verbalize = Callable[[Fact], str]

_SHOWN = 8  # facts of each class in full; the weaker ones are folded away
_PAGE_SIDE = 960  # pixels on the longer side of the embedded picture, at most
_LAYER_SIDE = 96  # a map has few patches: the browser enlarges its layer as smoothly


def render_page(explanation: Explanation, image: Image.Image | np.ndarray, *, verbalize: Verbalize) -> str:
    """One HTML file that needs no network: picture, ranked facts, proofs and the sum.

    Pointing at a fact, focusing it or pressing it shows where in the picture it was found.
    All text is escaped, whatever labels hold; the page forbids itself to load anything.

    Args:
        explanation: what to render.
        image: the image that was explained; a PIL image or uint8 ``(height, width, 3)``.
        verbalize: a fact as a phrase without its subject, for facts in proofs.

    Returns:
        The HTML text.
    """
    loader = PackageLoader("kgzsl.explain")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.get_template("explanation.html.j2")
    return template.render(_view(explanation, as_picture(image), verbalize))


def write_page(
    path: str | Path, explanation: Explanation, image: Image.Image | np.ndarray, *, verbalize: Verbalize
) -> Path:
    """Write the page of :func:`render_page`; the file is replaced as a whole or not at all.

    Returns:
        The path that was written.
    """
    path = Path(path)
    text = render_page(explanation, image, verbalize=verbalize)
    with whole_file(path, force=True) as working:
        working.write_text(text, encoding="utf-8")
    return path


def _view(explanation: Explanation, picture: Image.Image, verbalize: Verbalize) -> dict[str, Any]:
    """Everything that the template shows, as plain values."""
    everything = (*explanation.facts, *explanation.rival_facts)
    largest = max((abs(f.contribution) for f in everything), default=0.0) or 1.0
    numbers = itertools.count(1)

    def view(fact: FactContribution, under: Image.Image | None) -> dict[str, Any]:
        one = _fact_view(explanation, fact, under, verbalize=verbalize, largest=largest)
        return one | {"id": f"fact-{next(numbers)}"}

    groups = []
    for iri, facts in ((explanation.predicted, explanation.facts), (explanation.rival, explanation.rival_facts)):
        shown = strongest(list(facts), _SHOWN)
        weaker = [f for f in facts if not any(f is one for one in shown)]
        groups.append(
            {
                "label": label_of(explanation, iri),
                "is_rival": iri == explanation.rival,
                "shown": [view(f, picture) for f in shown],
                "weaker": [view(f, None) for f in weaker],
                "weaker_sum": _signed(sum(f.contribution for f in weaker)),
                "total": _signed(sum(f.contribution for f in facts)),
            }
        )
    gap = explanation.completeness_gap
    pair = (explanation.predicted, explanation.rival)
    return {
        "image_name": PurePath(explanation.image).name,
        "picture": _data_uri(picture),
        "picture_size": picture.size,
        "predicted": label_of(explanation, explanation.predicted),
        "rival": label_of(explanation, explanation.rival),
        "unseen": [label_of(explanation, iri) for iri in pair if iri in explanation.unseen],
        "unseen_note": UNSEEN_NOTE,
        "margin": _signed(explanation.margin),
        "remainder": _signed(explanation.remainder),
        "gap": _signed(gap) if abs(gap) > 5e-4 else None,
        "method": explanation.method,
        "groups": groups,
        "ranking": _ranking(explanation),
    }


def _fact_view(
    explanation: Explanation,
    contribution: FactContribution,
    picture: Image.Image | None,
    *,
    verbalize: Verbalize,
    largest: float,
) -> dict[str, Any]:
    """One fact; with its layer where there is a map and a picture to lay it over."""
    value = contribution.contribution
    layer = box = None
    if picture is not None and contribution.grounding is not None:
        scale = _LAYER_SIDE / max(picture.size)
        size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
        layer = _data_uri(heat_layer(contribution.grounding, size))
        if contribution.box is not None:
            left, top, right, bottom = (100 * edge for edge in contribution.box)
            box = f"left:{left:.2f}%;top:{top:.2f}%;width:{right - left:.2f}%;height:{bottom - top:.2f}%"
    return {
        "phrase": contribution.verbalization or verbalize(contribution.fact),
        "value": _signed(value),
        "speaks_for": value >= 0,
        "length": f"{50 * abs(value) / largest:.2f}%",
        "evidence": _signed(contribution.evidence, digits=2),
        "shown": contribution.evidence > 0,
        "origin": origin(explanation, contribution.proof),
        "proof": _proof_view(explanation, contribution.proof, verbalize),
        "layer": layer,
        "box": box,
    }


def _proof_view(explanation: Explanation, proof: Proof, verbalize: Verbalize) -> dict[str, Any]:
    """A proof as nested dicts: statement, how it is known, premises."""
    return {
        "statement": f"{label_of(explanation, proof.fact.subject)} {verbalize(proof.fact)}",
        "rule": proof.rule if proof.premises else origin(explanation, proof),
        "premises": [_proof_view(explanation, premise, verbalize) for premise in proof.premises],
    }


def _ranking(explanation: Explanation) -> Sequence[dict[str, Any]]:
    """The best five classes; the rival is added where it is not among them."""
    best = list(explanation.top[:5])
    best += [pair for pair in explanation.top[5:] if pair[0] == explanation.rival]
    scores = [score for _, score in best]
    low, high = (min(scores), max(scores)) if scores else (0.0, 0.0)
    span = (high - low) or 1.0
    return [
        {
            "label": label_of(explanation, iri),
            "score": _signed(score, digits=2),
            # Scores have no zero of their own: the bar shows the place between worst and best listed.
            "length": f"{8 + 92 * (score - low) / span:.1f}%",
            "unseen": iri in explanation.unseen,
            "role": {explanation.predicted: "predicted", explanation.rival: "rival"}.get(iri, ""),
        }
        for iri, score in best
    ]


def _signed(value: float, *, digits: int = 3) -> str:
    """A sign that is as wide as the other (U+2212 for minus) and fixed decimals; never a negative zero."""
    return f"{round(value, digits) + 0.0:+.{digits}f}".replace("-", "\u2212")


def _data_uri(picture: Image.Image) -> str:
    """The picture inside a data URI: PNG with transparency, else JPEG."""
    buffer = io.BytesIO()
    if picture.mode == "RGBA":
        picture.save(buffer, format="PNG", optimize=True)
        kind = "png"
    else:
        picture = ImageOps.contain(picture, (_PAGE_SIDE, _PAGE_SIDE)) if max(picture.size) > _PAGE_SIDE else picture
        picture.save(buffer, format="JPEG", quality=90)
        kind = "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
