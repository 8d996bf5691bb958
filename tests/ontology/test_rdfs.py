"""The regime "rdfs" against owlrl's closure under RDFS semantics, on random small ontologies.

Compared, over all named classes, individuals and properties: ``rdfs:subClassOf``, ``rdfs:subPropertyOf``, ``rdf:type``,
and the triples of individuals that follow by a sub-property (p x y and p below q: so q x y). Constructs: declarations,
subClassOf and subPropertyOf (with cycles, which RDFS makes each below the other), types, and triples of individuals.

Not compared, since one of the two has no such thing: what is reflexive and axiomatic in RDFS (every class below
itself and below rdfs:Resource); domains and ranges, which we count and do not use; and what classes inherit from
restrictions, which is OWL and not RDFS. An individual is "of" the classes above its class: there we say rdf:type, too.
"""

from __future__ import annotations

import random

import owlrl
import pytest
import rdflib

from kgzsl.ontology import parse_ontology, replay
from kgzsl.ontology.vocabulary import OWL, RDF, RDFS

E = "http://e/#"
CLASSES = tuple(f"C{k}" for k in range(8))
PROPERTIES = tuple(f"p{k}" for k in range(5))
INDIVIDUALS = ("i", "j", "k")
PREFIXES = """@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
"""
Triple = tuple[str, str, str]


def axioms(seed: int) -> str:
    dice = random.Random(seed)
    lines = [f":{c} a owl:Class ." for c in CLASSES] + [f":{p} a owl:ObjectProperty ." for p in PROPERTIES]
    lines += [f":{i} a owl:NamedIndividual , :{dice.choice(CLASSES)} ." for i in INDIVIDUALS]
    # Individuals are read where a class is described by them.
    value = "[ a owl:Restriction ; owl:onProperty :p0 ; owl:hasValue :{} ]"
    lines += [f":K a owl:Class ; rdfs:subClassOf {value.format(i)} ." for i in INDIVIDUALS]
    for _ in range(14):
        one, other = dice.choice(CLASSES), dice.choice(CLASSES)
        lines.append(f":{one} rdfs:subClassOf :{other} .")
    for _ in range(5):
        lines.append(f":{dice.choice(PROPERTIES)} rdfs:subPropertyOf :{dice.choice(PROPERTIES)} .")
    for _ in range(4):
        lines.append(f":{dice.choice(INDIVIDUALS)} :{dice.choice(PROPERTIES)} :{dice.choice(INDIVIDUALS)} .")
    return PREFIXES + "\n".join(lines)


def compared(triples: set[Triple]) -> set[Triple]:
    """What both can say, without what is below itself."""
    ours = {E + name for name in (*CLASSES, *PROPERTIES, *INDIVIDUALS)}
    predicates = {RDFS.subClassOf, RDFS.subPropertyOf, RDF.type} | {E + p for p in PROPERTIES}
    order = {RDFS.subClassOf, RDFS.subPropertyOf}
    return {(s, p, o) for s, p, o in triples if p in predicates and {s, o} <= ours and not (s == o and p in order)}


@pytest.mark.parametrize("seed", range(25))
def test_the_same_as_owlrl(seed: int) -> None:
    text = axioms(seed)
    graph = rdflib.Graph().parse(data=text, format="turtle")
    owlrl.DeductiveClosure(owlrl.RDFS_Semantics).expand(graph)
    theirs = compared({(str(s), str(p), str(o)) for s, p, o in graph})
    closed = parse_ontology(text, profile="owl").entail("rdfs")
    assert compared({(f.subject, f.predicate, f.object) for f in closed.facts(polarity="positive")}) == theirs
    assert any(f.status == "entailed" for f in closed.facts())
    for fact in closed.facts(status="entailed"):
        assert replay(closed.prove(fact), closed)


def test_what_owl_says_is_not_derived_under_rdfs() -> None:
    text = f"{PREFIXES}:A a owl:Class ; owl:equivalentClass :B . :B a owl:Class ; rdfs:subClassOf :C . :C a owl:Class ."
    assert parse_ontology(text).entail("rdfs").facts(status="entailed") == []
    assert [f.object for f in parse_ontology(text).entail("el").facts(E + "A", RDFS.subClassOf)] == [E + "B", E + "C"]
    assert OWL.equivalentClass in parse_ontology(text).report.asserted
