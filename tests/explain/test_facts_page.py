"""The page about a whole set of images: self-contained, whole, and safe whatever labels hold."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kgzsl.explain import facts_page
from kgzsl.explain.facts_page import render_facts_page, write_facts_page
from kgzsl.explain.findings import Overview
from kgzsl.explain.summary import class_facts, confusion, overview
from kgzsl.explain.survey import Survey
from kgzsl.ontology import parse_ontology
from kgzsl.semantics import class_attributes, verbalize

EX = "http://example.org/#"
VOID = {"meta", "img", "br", "link", "input", "hr"}
CLASSES = ("Zebra", "Horse", "Okapi")
TEXT = """
@prefix : <http://example.org/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
:pattern a owl:ObjectProperty . :part a owl:ObjectProperty .
:Animal a owl:Class .
:Zebra a owl:Class ; rdfs:subClassOf :Animal ; rdfs:label "LABEL" ; :pattern :Stripes ; :part :Mane .
:Horse a owl:Class ; rdfs:subClassOf :Animal ; :pattern :Plain ; :part :Mane .
:Okapi a owl:Class ; rdfs:subClassOf :Animal ; :pattern :Stripes ; :part :Horns .
"""


class Reader(HTMLParser):
    """Checks that elements nest, and keeps tags, text and the data for the script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.scripts: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)
        elif self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))

    @property
    def data(self) -> dict[str, Any]:
        return json.loads(self.scripts[0])


@pytest.fixture
def make() -> Callable[..., Survey]:
    """Nine images, of which three zebras are taken for okapis; with pictures and places of facts in them."""

    def survey(label: str = "zebra", *, labeled: bool = True, wrong: bool = True, pictured: bool = True) -> Survey:
        ontology = parse_ontology(TEXT.replace("LABEL", label)).entail()
        table = class_attributes(ontology, [EX + name for name in CLASSES])
        vectors = np.where(table.known, table.degree, 0).astype(float)
        labels = np.repeat([0, 1, 2], 3)
        evidence = vectors[labels] * 2 - 0.5 + np.linspace(0, 0.2, 9)[:, None]
        if wrong:
            evidence[:3] = vectors[2] * 2 - 0.5
        random = np.random.default_rng(0)
        more: dict[str, Any] = {}
        if pictured:
            pixels = random.integers(0, 256, (9, 40, 60, 3), dtype=np.uint8)
            more = {
                "picture": lambda row: pixels[row],
                "look": lambda rows, columns: random.random((len(rows), 16)) ** 8,
            }
        return Survey(
            source="test images",
            images=tuple(f"/pictures/{row}.png" for row in range(9)),
            labels=labels if labeled else np.full(9, -1),
            evidence=evidence,
            vectors=vectors,
            offsets=np.array([0.0, 0.0, -0.25]),
            gates=np.ones(len(table.attributes)),
            attributes=table,
            ontology=ontology,
            verbalize=lambda fact: verbalize(fact, ontology),
            unseen=frozenset({EX + "Zebra"}),
            notes=("These are test images.",),
            **more,
        )

    return survey


@pytest.fixture
def found(make: Callable[..., Survey]) -> Overview:
    return overview(make())


def test_it_says_what_matters(found: Overview) -> None:
    page = Reader(render_facts_page(found, name="creatures"))
    assert "The facts behind 9 predictions of creatures" in page.text
    assert "66.7 % of 9 test images of 3 classes are predicted right" in page.text
    assert "These are test images." in page.text
    buttons = [a for tag, a in page.tags if tag == "button" and "data-confusion" in a]
    assert buttons[0]["aria-label"] == "3 of 3 images of zebra are taken for okapi"
    (zebra,) = (one for one in page.data["classes"] if one["label"] == "zebra")
    assert zebra["facts"]["rows"][0]["mean"] == pytest.approx(next(iter(found.classes[0].facts)).contribution, abs=1e-4)
    (pair,) = page.data["confusions"]
    assert (pair["labels"], pair["count"], pair["of"], pair["uncalibrated"]) == (["zebra", "okapi"], 3, 3, 0)
    facts = [row["mean"] for group in pair["facts"] for row in group["rows"]]
    assert sum(facts) + sum(value for _, value in pair["parts"]) == pytest.approx(pair["margin"], abs=1e-3)
    assert {fact["reason"] for fact in page.data["unused"]} == {"not told", "rivals alike"}


def test_elements_nest_and_ids_are_unique_and_found(found: Overview) -> None:
    page = Reader(render_facts_page(found, name="creatures"))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in page.tags:
        for name in ("aria-labelledby", "aria-controls", "data-filter"):
            assert attributes.get(name) is None or attributes[name] in ids
        if (attributes.get("href") or "").startswith("#"):
            assert attributes["href"].removeprefix("#") in ids
    # What the script looks for by its id is there.
    for name in re.findall(r'getElementById\("([\w-]+)"\)', page.scripts[1]):
        assert name in ids


def test_nothing_comes_from_outside(found: Overview) -> None:
    html = render_facts_page(found, name="creatures")
    assert "http:" not in html
    assert "https:" not in html
    assert "url(" not in html
    assert "innerHTML" not in html
    assert "default-src 'none'" in html
    for tag, attributes in Reader(html).tags:
        assert tag not in ("link", "iframe", "object", "embed", "form", "img")
        assert (attributes.get("href") or "#").startswith("#")


def test_thumbnails_are_small_few_and_boxed(found: Overview, monkeypatch: pytest.MonkeyPatch) -> None:
    data = Reader(render_facts_page(found, name="creatures")).data
    assert 0 < len(data["pictures"]) <= 9
    for uri in data["pictures"]:
        with Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))) as picture:
            assert picture.size == (60, 40)
    shown = data["confusions"][0]["pictures"]
    assert [picture["name"] for picture in shown] == ["0.png", "1.png", "2.png"]
    left, top, width, height = shown[0]["box"]
    assert 0 <= left < left + width <= 100
    assert 0 <= top < top + height <= 100
    monkeypatch.setattr(facts_page, "THUMBNAILS", 2)
    data = Reader(render_facts_page(found, name="creatures")).data
    assert len(data["pictures"]) == 2
    assert len(data["confusions"][0]["pictures"]) == 2


def test_images_without_pixels(make: Callable[..., Survey]) -> None:
    data = Reader(render_facts_page(overview(make(pictured=False)), name="creatures")).data
    assert data["pictures"] == []
    assert data["confusions"][0]["pictures"] == []


def test_labels_are_text_whatever_they_hold(make: Callable[..., Survey]) -> None:
    evil = "</script><script>alert(1)</script>'"
    html = render_facts_page(overview(make(evil)), name=evil)
    page = Reader(html)
    assert "<script>alert" not in html
    assert [tag for tag, _ in page.tags].count("script") == 2
    assert "alert(1)" in page.text
    assert page.data["classes"][0]["label"] == evil


def test_what_is_open_at_first(found: Overview) -> None:
    survey = found.survey
    assert Reader(render_facts_page(found, name="x")).data["open"] == {"class": None, "confusion": 0, "chosen": False}
    horse = class_facts(survey, EX + "Horse")
    data = Reader(render_facts_page(found, name="x", chosen=horse)).data
    assert data["classes"][data["open"]["class"]]["label"] == "horse"
    pair = confusion(survey, EX + "Zebra", EX + "Okapi")
    assert Reader(render_facts_page(found, name="x", chosen=pair)).data["open"]["chosen"] is True


def test_a_confusion_that_never_happens_is_on_the_page_where_it_is_asked_for(make: Callable[..., Survey]) -> None:
    survey = make(wrong=False)
    found = overview(survey)
    page = Reader(render_facts_page(found, name="x"))
    assert "What is confused" not in page.text
    pair = confusion(survey, EX + "Horse", EX + "Okapi")
    page = Reader(render_facts_page(found, name="x", chosen=pair))
    assert "None of these images is taken for another class" in page.text
    assert page.data["open"]["confusion"] == 0
    assert page.data["confusions"][0]["happened"] is False
    assert page.data["confusions"][0]["closest"] == pytest.approx(pair.closest, abs=1e-3)


def test_images_of_which_nobody_says_what_they_show(make: Callable[..., Survey]) -> None:
    page = Reader(render_facts_page(overview(make(labeled=False)), name="x"))
    assert "of 9 test images" not in page.text
    assert "9 test images, predicted as" in page.text
    assert page.data["confusions"] == []
    assert sum(tag == "button" and "data-sort" in a for tag, a in page.tags) == 5 + 4


def test_the_same_survey_gives_the_same_page(make: Callable[..., Survey]) -> None:
    one, other = (render_facts_page(overview(make()), name="x") for _ in range(2))
    assert one == other


def test_many_confusions_are_cut_and_counted(make: Callable[..., Survey], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts_page, "SIDE", 0)
    page = Reader(render_facts_page(overview(make()), name="x"))
    assert "All pairs as a list (1)" in page.text
    assert len(page.data["confusions"]) == 1


def test_it_is_written_as_a_whole(found: Overview, tmp_path: Path, full_disk: Callable[[], Any]) -> None:
    target = tmp_path / "facts.html"
    target.write_text("old", encoding="utf-8")
    with full_disk(), pytest.raises(OSError, match="disk full"):
        write_facts_page(target, found, name="x")
    assert target.read_text(encoding="utf-8") == "old"
    assert write_facts_page(target, found, name="x") == target
    assert target.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
