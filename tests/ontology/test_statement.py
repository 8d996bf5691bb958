"""Statements as users type them."""

from __future__ import annotations

from pathlib import Path

import pytest

from kgzsl.errors import ConfigError, UnknownTermError
from kgzsl.ontology import Ontology, parse_ontology, read_ontology
from kgzsl.ontology.statement import parse_statement
from kgzsl.ontology.vocabulary import OWL, RDFS

ZOO = Path(__file__).resolve().parents[1] / "golden" / "zoo.ttl"


@pytest.fixture(scope="module")
def zoo() -> Ontology:
    return read_ontology(ZOO).entail()


def short(text: str, ontology: Ontology) -> tuple[str, ...]:
    fact = parse_statement(text, ontology)
    return (*(t.rpartition("#")[2] for t in (fact.subject, fact.predicate, fact.object)), fact.polarity)


@pytest.mark.parametrize(
    "text",
    [
        "zebra hasPart hooves",
        "Zebra 'has part' Hooves",
        "zebra has part hooves",
        ":Zebra :hasPart :Hooves",
        "http://zoo.example/#Zebra <http://zoo.example/#hasPart> has_part:x",
    ],
)
def test_names_of_all_kinds(zoo: Ontology, text: str) -> None:
    if text.endswith(":x"):
        text = text.replace("has_part:x", "http://zoo.example/#Hooves")
    assert short(text, zoo) == ("Zebra", "hasPart", "Hooves", "positive")


def test_negative_literal_taxonomy_and_anything(zoo: Ontology) -> None:
    expected = ("Zebra", "hasHorns", "SpiralHorns", "negative")
    assert {short(t, zoo) for t in ("zebra not hasHorns spiral horns", "not zebra has horns 'spiral horns'")} == {
        expected
    }
    assert short("zebra discoveredIn 1758", zoo)[2] == "1758"
    assert parse_statement("zebra is a animal", zoo).predicate == RDFS.subClassOf
    assert parse_statement("zebra rdfs:subClassOf animal", zoo).predicate == RDFS.subClassOf
    assert parse_statement("zebra not hasHorns something", zoo).object == OWL.Thing


@pytest.mark.parametrize("text", ["zebra hasPart", "zebra", "", "zebra 'hasPart hooves", "a " * 40])
def test_what_is_no_statement(zoo: Ontology, text: str) -> None:
    with pytest.raises(ConfigError):
        parse_statement(text, zoo)


def test_all_unknown_names_at_once(zoo: Ontology) -> None:
    with pytest.raises(UnknownTermError) as caught:
        parse_statement("zebbra hazPart huves", zoo)
    assert [p.fix for p in caught.value.problems] == [
        "did you mean zebra?",
        "did you mean has part?",
        "did you mean hooves?",
    ]
    with pytest.raises(UnknownTermError, match="expected a property in this place"):
        parse_statement("zebra horse hooves", zoo)


def test_two_readings_are_no_reading() -> None:
    ontology = parse_ontology("""@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
        @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
        :p a owl:ObjectProperty ; rdfs:label "has big" . :q a owl:ObjectProperty ; rdfs:label "has" .
        :c a owl:Class ; :p :f ; :q :g . :f rdfs:label "ears" . :g rdfs:label "big ears" .""")
    with pytest.raises(UnknownTermError, match=r"2 ways .*quote"):
        parse_statement("c has big ears", ontology)
    assert short("c has 'big ears'", ontology)[1] == "q"
