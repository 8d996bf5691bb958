"""Pictures: no two texts overlap, every fact is shown or follows from one that is."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
from PIL import Image

from kgzsl.errors import ConfigError
from kgzsl.ontology import Ontology, parse_ontology, read_ontology
from kgzsl.semantics.draw import Box, Picture, draw, lay_out, shown_facts

ROOT = Path(__file__).resolve().parents[2]
HEAD = """@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . :A a owl:Class .
"""
E = "http://zoo.example/#"


def measure(text: str, size: float, bold: bool) -> tuple[float, float]:
    """Wide letters: 0.1 inch each at 11 points."""
    lines = text.split("\n")
    return max(map(len, lines)) * (0.11 if bold else 0.1) * size / 11, 0.18 * len(lines) * size / 11


def check(picture: Picture) -> None:
    """Nothing overlaps but a frame and what is in it, nothing stands out of the picture."""

    def inside(inner: Box, outer: Box) -> bool:
        return (
            outer.style == "group"
            and inner.style in ("asserted", "entailed", "negative")
            and outer.x <= inner.x
            and inner.x + inner.width <= outer.x + outer.width
            and outer.y <= inner.y
            and inner.y + inner.height <= outer.y + outer.height
        )

    for one, other in combinations(picture.boxes, 2):
        assert not one.overlaps(other) or inside(one, other) or inside(other, one), (one, other)
    assert all(
        b.x >= 0 and b.x + b.width <= 12 and b.y >= 0 and b.y + b.height <= picture.height for b in picture.boxes
    )
    assert all(0 <= x <= 12 and 0 <= y <= picture.height for line in picture.lines for x, y in line.points)


@pytest.fixture(scope="module")
def zoo() -> Ontology:
    return read_ontology(ROOT / "tests" / "golden" / "zoo.ttl").entail()


@pytest.mark.parametrize("everything", [False, True])
def test_nothing_overlaps_in_creatures(everything: bool) -> None:
    ontology = read_ontology(ROOT / "ontologies" / "creatures.ttl").entail()
    for iri in (*ontology.leaves[::25], *(c for c in ontology.classes if c not in ontology.leaves)):
        check(lay_out(iri, ontology, measure, everything=everything))


@pytest.mark.parametrize("count", [0, 1, 30, 120])
def test_nothing_overlaps_with_many_attributes_superclasses_and_long_names(count: int) -> None:
    text = HEAD
    for k in range(count):
        text += f':p{k % 9} a owl:ObjectProperty ; rdfs:label "has {"very " * (k % 9)} part" . :A :p{k % 9} :f{k} .\n'
        text += f':f{k} a owl:Class ; rdfs:label "filler {k} {"supercalifragilisticexpialidocious" * (k % 4)}" .\n'
        text += f":A rdfs:subClassOf :S{k % 40} . :S{k % 40} a owl:Class ; rdfs:subClassOf :S{(k + 7) % 40 + 40} .\n"
    check(lay_out("http://e/#A", parse_ontology(text).entail(), measure))


def test_a_cycle_and_links_that_skip_a_level() -> None:
    text = (
        HEAD
        + ":A :p :x ; rdfs:subClassOf :B, :C . :B rdfs:subClassOf :D . :D rdfs:subClassOf :T . :C rdfs:subClassOf :T ."
    )
    picture = lay_out("http://e/#A", parse_ontology(text).entail(), measure)
    check(picture)
    assert len([b for b in picture.boxes if b.style == "superclass"]) == 4
    picture = lay_out("http://e/#A", parse_ontology(text + ":T rdfs:subClassOf :A .").entail(), measure)
    check(picture)
    assert len([b for b in picture.boxes if b.style == "superclass"]) == 4


def test_what_is_left_out_follows_from_what_is_shown(zoo: Ontology) -> None:
    shown, left_out = shown_facts(f"{E}Antelope", zoo)
    assert {(f.predicate.removeprefix(E), f.object.removeprefix(E)) for f in shown} == {
        ("hasDiet", "Grass"), ("hasHorns", "SpiralHorns"), ("hasPart", "Hooves"), ("livesIn", "Savanna"),
    }  # fmt: skip
    assert left_out == 3
    shown, _ = shown_facts(f"{E}Horse", zoo)
    assert [f.object.rpartition("#")[2] for f in shown if f.polarity == "negative"] == ["Thing", "Stripes"]
    assert shown_facts(f"{E}Horse", zoo, everything=True)[1] == 0


def test_styles_say_how_a_fact_is_known(zoo: Ontology) -> None:
    boxes = {b.text: b for b in lay_out(f"{E}Horse", zoo, measure).boxes}
    assert (boxes["brown"].style, boxes["hooves"].style) == ("asserted", "entailed")
    assert [(boxes[t].style, boxes[t].entailed) for t in ("stripes", "any at all")] == [
        ("negative", False),
        ("negative", True),
    ]


def test_pictures_are_written_whole_and_alike(zoo: Ontology, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    for name in ("a.png", "b.png", "a.svg", "b.svg"):
        draw(f"{E}Zebra", zoo, tmp_path / name)
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.width == 1200
    assert (tmp_path / "a.svg").read_text().lstrip().startswith("<?xml")
    for suffix in ("png", "svg"):
        assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()
    with pytest.raises(ConfigError, match="there already"):
        draw(f"{E}Zebra", zoo, tmp_path / "a.png")
    assert sorted(f.name for f in tmp_path.iterdir()) == ["a.png", "a.svg", "b.png", "b.svg"]


def test_what_cannot_be_drawn(zoo: Ontology, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\.svg or \.png"):
        draw(f"{E}Zebra", zoo, tmp_path / "a.gif")
    with pytest.raises(ConfigError, match="no class"):
        draw(f"{E}Hooves", zoo, tmp_path / "a.png")
