"""Which facts drive predictions over a whole set of images, as one self-contained HTML page."""

from __future__ import annotations

import base64
import io
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from kgzsl.explain.findings import REASONS, ClassFacts, Confusion, FactMean, Overview
from kgzsl.explain.margin import grounding_of
from kgzsl.explain.survey import Survey
from kgzsl.ontology.whole import whole_file

__all__ = ["render_facts_page", "write_facts_page"]

FACTS, RIVAL_FACTS = 14, 6
"""So many facts of a class and of its rivals are on the page; what the weaker ones add is one line."""
BEHIND = 10
"""So many facts behind a confusion."""
SIDE = 40
"""So many rows and columns the table of confusions has at most, the most frequent first."""
THUMBNAIL, THUMBNAILS = 88, 360
"""Pixels on the longer side of a thumbnail, and how many there are at most."""
PICTURES = 3
"""So many thumbnails for each question."""


def render_facts_page(found: Overview, *, name: str, chosen: ClassFacts | Confusion | None = None) -> str:
    """One HTML file that needs no network: properties, confusions, classes, facts that are never used.

    Tables can be sorted and filtered; a press on a class or a confusion shows the facts behind it. Thumbnails, of
    which there are few, are drawn when they are asked for. All text is escaped, whatever labels hold; the page forbids
    itself to load anything.

    Args:
        found: what to render.
        name: what to call the run.
        chosen: the class or the confusion that is open at first.

    Returns:
        The HTML text.
    """
    loader = PackageLoader("kgzsl.explain")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    view = _view(found, name, chosen)
    # Inside a script, text is not escaped as elsewhere: nothing in it may look like the script's end.
    data = json.dumps(view.pop("data"), ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return environment.get_template("facts.html.j2").render(view | {"data": data})


def write_facts_page(
    path: str | Path, found: Overview, *, name: str, chosen: ClassFacts | Confusion | None = None
) -> Path:
    """Write the page of :func:`render_facts_page`; the file is replaced as a whole or not at all.

    Returns:
        The path that was written.
    """
    path = Path(path)
    text = render_facts_page(found, name=name, chosen=chosen)
    with whole_file(path, force=True) as working:
        working.write_text(text, encoding="utf-8")
    return path


def _view(found: Overview, name: str, chosen: ClassFacts | Confusion | None) -> dict[str, Any]:
    """Everything that the template shows, as plain values; what is shown on demand is in ``data``."""
    survey = found.survey
    classes = sorted(found.classes, key=lambda c: c.margin)
    confusions = list(found.confusions)
    if isinstance(chosen, Confusion) and not chosen.happened:
        confusions.append(chosen)
    pictures = _Pictures.of(survey, _wanted(survey, found, confusions))
    widest = max((p.total for p in found.properties), default=0.0) or 1.0
    opened: dict[str, int | None] = {"class": None, "confusion": 0 if confusions else None}
    if isinstance(chosen, ClassFacts):
        opened["class"] = [one.iri for one in classes].index(chosen.iri)
    elif chosen is not None:
        opened["confusion"] = [c.labels for c in confusions].index(chosen.labels)
    mentioned = sorted({f.fact.subject for f in found.unused})
    return {
        "name": name,
        "count": len(survey.images),
        "source": survey.source,
        "accuracy": None if found.accuracy is None else f"{100 * found.accuracy:.1f} %",
        "notes": survey.notes,
        "properties": [
            {
                "label": p.label,
                "for": f"{25 * (p.total + p.contribution) / widest:.2f}%",
                "against": f"{25 * (p.total - p.contribution) / widest:.2f}%",
                "share": f"{100 * p.share:.1f} %",
                "total": p.total,
                "signed": _signed(p.contribution, 3),
                "contribution": p.contribution,
                "facts": p.facts,
                "gate": p.gate,
            }
            for p in found.properties
        ],
        "classes": [_class_row(one) for one in classes],
        "confusions": [_confusion_row(survey, one) for one in found.confusions],
        "heat": _heat(survey, found),
        "behind": bool(confusions),
        "reasons": [
            {"code": code, "because": because, "count": count}
            for code, because in REASONS.items()
            if (count := sum(f.reason == code for f in found.unused))
        ],
        "data": {
            "classes": [_class_data(survey, one, pictures) for one in classes],
            "confusions": [_confusion_data(survey, one, pictures) for one in confusions],
            "unused": _unused_data(found, mentioned),
            "names": [survey.ontology.label(iri) for iri in mentioned],
            "pictures": pictures.uris,
            "open": opened | {"chosen": isinstance(chosen, Confusion)},
        },
    }


def _class_row(one: ClassFacts) -> dict[str, Any]:
    """A class in the table."""
    leading = one.facts[0] if one.facts else None
    return {
        "label": one.label,
        "unseen": one.unseen,
        "images": len(one.rows),
        "right": one.right,
        "margin": one.margin,
        "signed": _signed(one.margin),
        "leading": None if leading is None else (_signed(leading.contribution), leading.verbalization),
    }


def _confusion_row(survey: Survey, one: Confusion) -> dict[str, Any]:
    """A confusion in the table."""
    culprit = one.culprit
    return {
        "labels": one.labels,
        "count": len(one.rows),
        "of": one.of,
        "margin": one.margin,
        "signed": _signed(one.margin),
        "culprit": None if culprit is None else (_signed(culprit.contribution), _whose(survey, culprit)),
    }


def _heat(survey: Survey, found: Overview) -> dict[str, Any]:
    """The table of confusions: true classes with the most errors first, beside each the classes it is taken for."""
    place = {(c.true, c.predicted): k for k, c in enumerate(found.confusions)}
    errors: dict[str, int] = defaultdict(int)
    for one in found.confusions:
        errors[one.true] += len(one.rows)
    rows = sorted(errors, key=lambda iri: -errors[iri])[:SIDE]
    taken = dict.fromkeys(c.predicted for iri in rows for c in found.confusions if c.true == iri)
    columns = list(taken)[:SIDE]
    label = survey.ontology.label
    listed = []
    for iri in rows:
        cells: list[dict[str, Any] | None] = []
        for other in columns:
            k = place.get((iri, other))
            cells.append(None if k is None else _heat_cell(found.confusions[k], at=k))
        if not any(cells):
            continue
        of = sum(count for (true, _), count in found.counts.items() if true == iri)
        listed.append({"label": label(iri), "right": found.counts.get((iri, iri), 0), "of": of, "cells": cells})
    shown = sum((iri, other) in place for iri in rows for other in columns)
    return {"columns": [label(iri) for iri in columns], "rows": listed, "left_out": len(found.confusions) - shown}


def _heat_cell(one: Confusion, *, at: int) -> dict[str, Any]:
    """One cell of that table that is not empty."""
    return {"at": at, "count": len(one.rows), "of": one.of, "heat": len(one.rows) / one.of}


def _class_data(survey: Survey, one: ClassFacts, pictures: _Pictures) -> dict[str, Any]:
    """What carries a class, for its row when it is opened."""
    leading = one.facts[0] if one.facts else None
    label = survey.ontology.label
    return {
        "label": one.label,
        "leading": "" if leading is None else leading.verbalization,
        "facts": _fact_data(survey, one.facts, count=FACTS),
        "rivals": _fact_data(survey, one.rival_facts, count=RIVAL_FACTS, whose=True),
        "parts": _parts(one.parts),
        "sum": round(one.margin - one.remainder, 3),
        "margin": round(one.margin, 3),
        "against": [(label(iri), count) for iri, count in one.rivals[:PICTURES]],
        "pictures": {} if leading is None else pictures.of_fact(leading),
        "unused": sum(f.reason != "more specific" for f in one.unused),
    }


def _confusion_data(survey: Survey, one: Confusion, pictures: _Pictures) -> dict[str, Any]:
    """What is behind a confusion, for the panel."""
    column = _column(survey, one)
    return {
        "labels": one.labels,
        "happened": one.happened,
        "count": len(one.rows),
        "of": one.of,
        "close": len(one.close),
        "margin": round(one.margin, 3),
        "closest": round(one.closest, 3),
        "uncalibrated": one.uncalibrated,
        "parts": _parts(one.parts),
        "sum": round(one.margin - one.remainder, 3),
        "facts": [
            _fact_data(
                survey, [f for f in one.facts if (f.fact.subject == one.true) == own], count=BEHIND, compared=True
            )
            for own in (False, True)
        ],
        "pictures": [p for row in one.rows[:PICTURES] if (p := pictures.at(row, column)) is not None],
        "blind": [
            {
                "phrase": f"{survey.ontology.label(f.fact.subject)} {f.verbalization}",
                "why": REASONS[f.reason],
                "shown": f.shown,
            }
            for f in one.blind[:BEHIND]
        ],
    }


def _fact_data(
    survey: Survey, facts: Sequence[FactMean], *, count: int, whose: bool = False, compared: bool = False
) -> dict[str, Any]:
    """The strongest facts, in their order, and what the others add together."""
    strong = sorted(facts, key=lambda f: -abs(f.contribution))[:count]
    shown = [fact for fact in facts if any(fact is one for one in strong)]
    rest = sum(f.contribution for f in facts) - sum(f.contribution for f in shown)
    rows = []
    for fact in shown:
        ends = None if fact.interval is None else [round(end, 3) for end in fact.interval]
        row = {"phrase": fact.verbalization, "mean": round(fact.contribution, 4), "interval": ends, "shown": fact.shown}
        row |= {"work": fact.at_work, "gate": fact.gate}
        if whose:
            row["whose"] = survey.ontology.label(fact.fact.subject)
        if compared:
            row["usual"] = fact.usual
        rows.append(row)
    return {"rows": rows, "weaker": len(facts) - len(shown), "rest": round(rest, 3)}


def _unused_data(found: Overview, names: Sequence[str]) -> list[dict[str, Any]]:
    """Facts that are never used, those that say the same of several classes as one."""
    groups: dict[tuple[int, str, str], list[int]] = defaultdict(list)
    order, place = list(REASONS), {iri: k for k, iri in enumerate(names)}
    for one in found.unused:
        groups[order.index(one.reason), one.verbalization, one.fact.predicate].append(place[one.fact.subject])
    label = found.survey.ontology.label
    return [
        {"reason": order[reason], "phrase": phrase, "property": label(predicate), "all": classes}
        for (reason, phrase, predicate), classes in sorted(groups.items(), key=lambda g: (g[0][0], -len(g[1]), g[0]))
    ]


def _wanted(survey: Survey, found: Overview, confusions: Sequence[Confusion]) -> dict[tuple[int, int | None], None]:
    """Images to show and the attribute to look for in each, the most telling first."""
    wanted: dict[tuple[int, int | None], None] = {}
    for pair in confusions:
        wanted |= dict.fromkeys((row, _column(survey, pair)) for row in pair.rows[:PICTURES])
    # One for each class before a second one of any.
    for number in range(PICTURES):
        for one in found.classes:
            if one.facts:
                column = survey.told.column_of(one.facts[0].fact)
                sides = (one.facts[0].most, one.facts[0].least)
                wanted |= dict.fromkeys((side[number].row, column) for side in sides if len(side) > number)
    return dict.fromkeys(list(wanted)[:THUMBNAILS])


def _column(survey: Survey, one: Confusion) -> int | None:
    """The attribute of the fact most responsible for a confusion."""
    return None if one.culprit is None else survey.told.column_of(one.culprit.fact)


@dataclass(frozen=True, eq=False)
class _Pictures:
    """Thumbnails, and where in each a fact was found.

    Args:
        survey: the images.
        uris: thumbnails as data URIs.
        places: row of an image -> its thumbnail.
        boxes: ``(row, attribute)`` -> a box in percent: left, top, width, height.
    """

    survey: Survey
    uris: list[str]
    places: Mapping[int, int]
    boxes: Mapping[tuple[int, int], tuple[float, ...]]

    @classmethod
    def of(cls, survey: Survey, wanted: Mapping[tuple[int, int | None], None]) -> _Pictures:
        """Thumbnails of the images that can be shown, and boxes in them."""
        uris: list[str] = []
        places: dict[int, int] = {}
        for row, _ in wanted:
            if row not in places and (pixels := survey.picture(row)) is not None:
                places[row] = len(uris)
                uris.append(_thumbnail(pixels))
        found = {}
        asked = [(row, column) for row, column in wanted if row in places and column is not None]
        if asked and survey.look is not None:
            rows, columns = zip(*asked, strict=True)
            for place, shares in zip(asked, survey.look(rows, columns), strict=True):
                box = grounding_of(shares[None]).get("box")
                # A box around all of it says nothing.
                if box is not None and box != (0.0, 0.0, 1.0, 1.0):
                    left, top, right, bottom = (100 * edge for edge in box)
                    found[place] = tuple(round(e, 1) for e in (left, top, right - left, bottom - top))
        return cls(survey, uris, places, found)

    def at(self, row: int, column: int | None) -> dict[str, Any] | None:
        """A thumbnail with its box; None where there is none."""
        if row not in self.places:
            return None
        box = None if column is None else self.boxes.get((row, column))
        return {"at": self.places[row], "name": Path(self.survey.images[row]).name, "box": box}

    def of_fact(self, fact: FactMean) -> dict[str, list[dict[str, Any]]]:
        """Thumbnails of the images that show a fact most and least."""
        column = self.survey.told.column_of(fact.fact)
        told = {}
        for side, examples in (("most", fact.most), ("least", fact.least)):
            there = [(self.at(e.row, column), e.evidence) for e in examples[:PICTURES]]
            told[side] = [picture | {"evidence": round(evidence, 2)} for picture, evidence in there if picture]
        return told


def _thumbnail(pixels: np.ndarray) -> str:
    """A small picture inside a data URI."""
    picture = Image.fromarray(pixels).convert("RGB")
    picture.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    picture.save(buffer, format="JPEG", quality=82)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"


def _parts(parts: Mapping[str, float]) -> list[tuple[str, float]]:
    """What no fact accounts for, by where it comes from."""
    return [(source, round(value, 3)) for source, value in parts.items()]


def _whose(survey: Survey, fact: FactMean) -> str:
    """A fact in words, with its subject."""
    return f"{survey.ontology.label(fact.fact.subject)} {fact.verbalization}"


def _signed(value: float, digits: int = 2) -> str:
    """A sign that is as wide as the other (U+2212 for minus) and fixed decimals; never a negative zero."""
    return f"{round(value, digits) + 0.0:+.{digits}f}".replace("-", "\u2212")
