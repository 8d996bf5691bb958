"""What the page shows, as plain values: every number a string, every picture a data URI."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from pathlib import PurePath
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from kgzsl.explain.explanation import Explanation, FactContribution
from kgzsl.explain.overlay import heat_layer, strongest
from kgzsl.explain.words import (
    UNIT,
    UNSEEN_NOTE,
    Verbalize,
    answer_of,
    assumed_of,
    group_name,
    known_as,
    label_of,
    notes_of,
    origin,
    sums,
    title_of,
    would_be,
)
from kgzsl.ontology.facts import Fact, FactKey, Proof

__all__ = ["Gallery", "page_view"]

_MAPS = 100  # at most, of the strongest facts: a page stays below a megabyte
_SHOWN = 8  # facts of each class in full; the weaker ones are folded away
_PAGE_SIDE = 720  # pixels on the longer side of the embedded picture, at most: it is shown at 320
_LAYER_SIDE = 96  # a map has few patches: the browser enlarges its layer as smoothly
_LAYER_COLORS = 96  # as many as a smooth layer of that size needs; a third of the bytes of all colors
_THUMB_SIDE = 56


class Gallery:
    """The pictures of a page, each once, however many facts show it.

    Args:
        picture: the image that is explained, as it is shown.
        find: gives training images by name, or None.
    """

    def __init__(self, picture: Image.Image, find: Callable[[str], Image.Image | None]) -> None:
        self.picture = picture
        self._find = find
        self.layers: dict[tuple[str, str], str] = {}
        self.thumbs: dict[str, dict[str, Any] | None] = {}

    def layer(self, found: FactContribution) -> str | None:
        """Name of the layer that shows where a fact was found; None where there is no map."""
        if found.grounding is None:
            return None
        scale = _LAYER_SIDE / max(self.picture.size)
        size = (max(1, round(self.picture.width * scale)), max(1, round(self.picture.height * scale)))
        heat = heat_layer(found.grounding, size).quantize(_LAYER_COLORS, method=Image.Quantize.FASTOCTREE)
        box = ""
        if found.box is not None:
            left, top, right, bottom = (100 * edge for edge in found.box)
            box = f"left:{left:.2f}%;top:{top:.2f}%;width:{right - left:.2f}%;height:{bottom - top:.2f}%"
        return self.layers.setdefault((_data_uri(heat, "PNG"), box), f"layer-{len(self.layers) + 1}")

    def thumb(self, name: str) -> str | None:
        """Name of the thumbnail of a training image; None where there is no such image."""
        if name not in self.thumbs:
            picture = self._find(name)
            if picture is None:
                self.thumbs[name] = None
            else:
                small = ImageOps.contain(picture.convert("RGB"), (_THUMB_SIDE, _THUMB_SIDE), Image.Resampling.BICUBIC)
                number = f"thumb-{len(self.thumbs) + 1}"
                self.thumbs[name] = {"id": number, "size": small.size, "uri": _data_uri(small, "JPEG", quality=72)}
        thumb = self.thumbs[name]
        return thumb["id"] if thumb else None

    def view(self) -> dict[str, Any]:
        """All of them."""
        shown = ImageOps.contain(self.picture, (_PAGE_SIDE, _PAGE_SIDE))
        shown = shown if max(self.picture.size) > _PAGE_SIDE else self.picture
        return {
            "picture": _data_uri(shown, "JPEG", quality=86),
            "picture_size": self.picture.size,
            "ratio": f"{self.picture.width / self.picture.height:.4f}",
            "layers": [{"id": number, "uri": uri, "box": box} for (uri, box), number in self.layers.items()],
            "thumbs": [thumb for thumb in self.thumbs.values() if thumb],
        }


def page_view(explanations: Sequence[Explanation], gallery: Gallery, verbalize: Verbalize) -> dict[str, Any]:
    """All that the template shows, of one class against some rivals; bars have one scale for all of them."""
    every = [f for e in explanations for f in e.every]
    ends = [abs(end) for f in every for end in (f.contribution, *(f.interval or ()))]
    weights = sorted((abs(f.contribution) for f in every if f.grounding is not None), reverse=True)
    least = weights[_MAPS - 1] if len(weights) >= _MAPS else 0.0
    rows = _Rows(gallery, verbalize, largest=max(ends, default=0.0) or 1.0, least=least)
    first = explanations[0]
    rivals = [_rival_view(e, rows) | {"number": number} for number, e in enumerate(explanations)]
    return {
        "image_name": PurePath(first.image).name,
        "predicted": label_of(first, first.predicted),
        "rivals": rivals,
        "unit": UNIT,
        "unseen_note": UNSEEN_NOTE,
        "terms": {
            "gate": any(f.gate is not None for f in every),
            "renormalized": any(f.renormalized is not None for f in every),
            "interval": any(f.interval is not None for f in every),
            "learned": any(f.learned_from for f in every),
        },
        **gallery.view(),
    }


class _Rows:
    """Facts as rows: numbered alike for every rival, and with bars of one scale.

    Args:
        gallery: takes their maps and the images that they were learned from.
        verbalize: a fact as a phrase.
        largest: what a bar of full length stands for.
        least: what a fact has to add to be shown in the image.
    """

    def __init__(self, gallery: Gallery, verbalize: Verbalize, *, largest: float, least: float) -> None:
        self.gallery, self.verbalize, self.largest, self.least = gallery, verbalize, largest, least
        self.numbers: dict[FactKey, int] = {}

    def view(self, explanation: Explanation, found: FactContribution, owner: str) -> dict[str, Any]:
        """One fact among those of a class."""
        fact, value = found.fact, found.contribution
        phrase = found.verbalization or self.verbalize(fact)
        return {
            "number": self.numbers.setdefault(fact.key, len(self.numbers) + 1),
            "subject": label_of(explanation, fact.subject) if fact.subject != owner else "",
            "phrase": phrase,
            "value": _signed(value),
            "speaks_for": value >= 0,
            "length": f"{50 * abs(value) / self.largest:.2f}%",
            "whisker": self._whisker(found),
            "tags": _tags(found),
            "evidence": _signed(found.evidence, digits=2),
            "borne_out": _borne_out(found),
            "where": f"{label_of(explanation, fact.subject)} {phrase}: {_where(found)}",
            "layer": self.gallery.layer(found) if abs(value) >= self.least else None,
            "origin": known_as(explanation, found),
            "premise": found.proof.fact.key != fact.key,
            "status": fact.status,
            "proof": self.proof(explanation, found.proof),
            "other": found.other and self.proof(explanation, found.other),
            "other_origin": found.other and origin(explanation, found.other),
            "gate": None if found.gate is None else f"{found.gate:.2f}",
            "renormalized": None if found.renormalized is None else _signed(found.renormalized),
            "assumed": None if (assumed := assumed_of(found)) is None else _signed(assumed),
            "interval": found.interval and "{} to {}".format(*map(_signed, found.interval)),
            "denies": fact.polarity == "negative",
            "learned": [
                {
                    "label": label_of(explanation, told.iri),
                    "thumbs": [thumb for name in told.images if (thumb := self.gallery.thumb(name))],
                }
                for told in found.learned_from
            ],
        }

    def proof(self, explanation: Explanation, proof: Proof) -> dict[str, Any]:
        """A proof as nested dicts: statement, how it is known, premises."""
        return {
            "statement": f"{label_of(explanation, proof.fact.subject)} {self.verbalize(proof.fact)}",
            "rule": proof.rule if proof.premises else origin(explanation, proof),
            "premises": [self.proof(explanation, premise) for premise in proof.premises],
        }

    def sentences(self, explanation: Explanation, facts: Sequence[Fact]) -> list[str]:
        """Facts with their subjects."""
        return [f"{label_of(explanation, fact.subject)} {self.verbalize(fact)}" for fact in facts]

    def _whisker(self, found: FactContribution) -> str | None:
        """Where the interval stands along the bar."""
        if found.interval is None:
            return None
        low, high = (50 + 50 * end / self.largest for end in found.interval)
        return f"left:{low:.2f}%;width:{high - low:.2f}%"


def _rival_view(explanation: Explanation, rows: _Rows) -> dict[str, Any]:
    """All that changes with the rival."""
    predicted, rival = (label_of(explanation, iri) for iri in (explanation.predicted, explanation.rival))
    sections = []
    for iri, facts in ((explanation.predicted, explanation.facts), (explanation.rival, explanation.rival_facts)):
        strong = strongest(list(facts), _SHOWN)
        weak = [f for f in facts if not any(f is one for one in strong)]
        sections.append(
            {
                "label": label_of(explanation, iri),
                "is_rival": iri == explanation.rival,
                "shown": [rows.view(explanation, f, iri) for f in strong],
                "weaker": [rows.view(explanation, f, iri) for f in weak],
                # What need not sum has no sum.
                "weaker_sum": _signed(sum(f.contribution for f in weak)) if explanation.additive else "",
            }
        )
    subject, against = title_of(explanation)
    change = explanation.counterfactual
    return {
        "label": rival,
        "subject": subject,
        "against": against,
        "title": f"{subject} {against}",
        "margin": _signed(explanation.margin),
        "short_margin": _signed(explanation.margin, digits=2),
        "ahead": explanation.margin >= 0,
        "answer": answer_of(explanation),
        "unseen": [
            name
            for iri, name in ((explanation.predicted, predicted), (explanation.rival, rival))
            if iri in explanation.unseen
        ],
        "warnings": explanation.warnings,
        "would_be": would_be(explanation, verbalize=rows.verbalize),
        "would_margin": change and _signed(change.margin),
        "smallest": bool(change and change.smallest),
        "method": explanation.method,
        "exact_for": explanation.exact_for,
        "sections": [section for section in sections if section["shown"]],
        "together": _together(explanation, rows),
        "sum": _cascade([*sums(explanation)], explanation.margin),
        "remainder": [(name, _signed(value)) for name, value in explanation.parts.items()],
        "additive": explanation.additive,
        "notes": notes_of(explanation),
        "ranking": _ranking(explanation),
    }


def _tags(found: FactContribution) -> list[str]:
    """What sets a fact apart from a plain positive one."""
    tags = ["negative fact"] if found.fact.polarity == "negative" else []
    if found.fact.strength != 1:
        tags.append(f"to a degree of {found.fact.strength:.2g}")
    if found.other is not None:
        tags.append("follows twice")
    return tags


def _borne_out(found: FactContribution) -> str:
    """What the image says of a fact; nothing where it says nothing of it."""
    if not found.evidence:
        return ""
    shown = found.evidence > 0
    if found.fact.polarity == "negative":
        return "image contradicts it" if shown else "image bears it out"
    return "image shows it" if shown else "image lacks it"


def _where(found: FactContribution) -> str:
    """What a fact's grounding shows."""
    if not found.evidence:
        return "nothing of it was found"
    shown = found.evidence > 0
    if found.fact.polarity == "negative":
        return "what it denies was found here" if shown else "looked for here and not found, as it says"
    return "found here" if shown else "looked for here and not found"


def _together(explanation: Explanation, rows: _Rows) -> dict[str, list[dict[str, Any]]]:
    """Groups of several facts, on a scale of their own, the weaker ones apart."""
    groups = sorted((g for g in explanation.groups if len(g.facts) > 1), key=lambda g: -abs(g.contribution))
    largest = max((abs(group.contribution) for group in groups), default=0.0) or 1.0
    told = [
        {
            "name": group_name(explanation, group),
            "value": _signed(group.contribution),
            "speaks_for": group.contribution >= 0,
            "length": f"{50 * abs(group.contribution) / largest:.2f}%",
            "facts": rows.sentences(explanation, group.facts),
        }
        for shown in (groups[:_SHOWN], groups[_SHOWN:])
        for group in sorted(shown, key=lambda g: -g.contribution)
    ]
    return {"shown": told[:_SHOWN], "weaker": told[_SHOWN:]}


def _cascade(parts: Sequence[tuple[str, float]], margin: float) -> list[dict[str, Any]]:
    """The parts of a sum with bars that begin where the one before ends; where they arrive is the margin."""
    ends = np.cumsum([0.0, *(value for _, value in parts)])
    low, high = min(0.0, margin, *ends), max(0.0, margin, *ends)
    span = (high - low) or 1.0

    def row(name: str, value: float, start: float) -> dict[str, Any]:
        left = (min(start, start + value) - low) / span
        place = f"left:{100 * left:.2f}%;width:{100 * abs(value) / span:.2f}%"
        return {
            "name": name,
            "value": _signed(value),
            "speaks_for": value >= 0,
            "place": place,
            "zero": f"left:{-100 * low / span:.2f}%",
        }

    rows = [row(name, value, float(start)) for (name, value), start in zip(parts, ends[:-1], strict=True)]
    return [*rows, row("", margin, 0.0)]


def _ranking(explanation: Explanation) -> list[dict[str, Any]]:
    """The best five classes; the explained class and the rival are added where they are not among them."""
    best = list(explanation.top[:5])
    asked = (explanation.predicted, explanation.rival)
    best += [pair for pair in explanation.top[5:] if pair[0] in asked]
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
            "role": _role(explanation, iri, place),
            "side": {explanation.predicted: "for", explanation.rival: "against"}.get(iri, ""),
        }
        for place, (iri, score) in enumerate(best)
    ]


def _role(explanation: Explanation, iri: str, place: int) -> str:
    """What a class of the ranking is to the explanation."""
    explained = "explained" if iri == explanation.predicted and place else ""
    rival = "rival" if iri == explanation.rival else ""
    return ", ".join(filter(None, ("" if place else "answer", explained, rival)))


def _signed(value: float, *, digits: int = 3) -> str:
    """A sign that is as wide as the other (U+2212 for minus) and fixed decimals; never a negative zero."""
    return f"{round(value, digits) + 0.0:+.{digits}f}".replace("-", "\u2212")


def _data_uri(picture: Image.Image, format: str, **options: int) -> str:
    """The picture inside a data URI."""
    buffer = io.BytesIO()
    picture.save(buffer, format=format, optimize=True, **options)
    return f"data:image/{format.lower()};base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
