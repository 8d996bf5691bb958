"""Differences: of one edit exactly that, and the reverse when read backwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from kgzsl.ontology import Ontology, parse_ontology, read_ontology
from kgzsl.semantics.attributes import Attribute
from kgzsl.semantics.diff import OntologyDiff, diff

ZOO = Path(__file__).resolve().parents[1] / "golden" / "zoo.ttl"
E = "http://zoo.example/#"


def edited(*edits: tuple[str, str]) -> Ontology:
    text = ZOO.read_text()
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    return parse_ontology(text).entail()


@pytest.fixture(scope="module")
def zoo() -> Ontology:
    return read_ontology(ZOO).entail()


TAIL = (
    "owl:someValuesFrom :Hooves ] .",
    "owl:someValuesFrom :Hooves ] , [ a owl:Restriction ; owl:onProperty :hasPart ; owl:someValuesFrom :Tail ] .",
)
BROWN = ("owl:someValuesFrom :Brown", "owl:someValuesFrom :White")
CRYPTID = (":Cryptid a owl:Class", ":Yeti a owl:Class")
NAME = (":Savanna a owl:Class .", ":Savanna a owl:Class ; <http://www.w3.org/2000/01/rdf-schema#label> 'grassland' .")
NO_STRIPES = (
    "[ owl:complementOf [ a owl:Restriction ; owl:onProperty :hasPattern ; owl:someValuesFrom :Stripes ] ]",
    ":Animal",
)


def test_the_same_is_the_same(zoo: Ontology) -> None:
    assert diff(zoo, edited()).same
    assert diff(zoo, zoo) == OntologyDiff()


def test_what_classes_gain_and_lose(zoo: Ontology) -> None:
    found = diff(zoo, edited(TAIL, BROWN))
    changes = {change.iri.removeprefix(E): change for change in found.changes}
    tail = Attribute(f"{E}hasPart", f"{E}Tail")
    assert set(changes) == {"Equine", "Horse", "Zebra"}
    assert all(tail in change.gained for change in changes.values())
    assert [a.filler for a in changes["Horse"].lost] == [f"{E}Brown"]
    assert found.attributes_added == (tail,)
    assert [(f.object, f.status) for f in found.added if f.predicate == f"{E}hasPart" and f.subject == f"{E}Zebra"] == [
        (f"{E}Tail", "entailed")
    ]


def test_what_becomes_unknown_and_known(zoo: Ontology) -> None:
    changes = diff(zoo, edited(NO_STRIPES)).changes
    assert [(c.iri, [a.filler for a in c.became_unknown]) for c in changes] == [(f"{E}Horse", [f"{E}Stripes"])]
    changes = diff(edited(NO_STRIPES), zoo).changes
    assert [(c.iri, [a.filler for a in c.became_known]) for c in changes] == [(f"{E}Horse", [f"{E}Stripes"])]


def test_an_entailed_fact_that_is_now_asserted_is_restated(zoo: Ontology) -> None:
    found = diff(
        zoo, edited((":Zebra a owl:Class ; rdfs:subClassOf", ":Zebra a owl:Class ; rdfs:subClassOf :Animal ,"))
    )
    assert [(f.object, f.status) for f in found.restated] == [(f"{E}Animal", "asserted")]
    assert (found.added, found.removed, found.changes) == ((), (), ())
    assert not found.same


def test_backwards_is_the_reverse(zoo: Ontology) -> None:
    other = edited(TAIL, BROWN, CRYPTID, NAME)
    there, back = diff(zoo, other), diff(other, zoo)
    assert (there.classes_added, there.classes_removed) == ((f"{E}Yeti",), (f"{E}Cryptid",))
    assert (there.added, there.removed) == (back.removed, back.added)
    assert [(c.gained, c.lost) for c in there.changes] == [(c.lost, c.gained) for c in back.changes]
    assert (
        [(n.before, n.after) for n in there.names]
        == [((), ("grassland",))]
        == [(n.after, n.before) for n in back.names]
    )


def test_without_facts_there_are_no_columns() -> None:
    bare = parse_ontology("@prefix : <http://e/#> . :A a <http://www.w3.org/2002/07/owl#Class> .")
    assert diff(bare, bare).same
