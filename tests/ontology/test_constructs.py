"""The table of OWL constructs, row by row: what each becomes, and that what is not used is counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from kgzsl.ontology import Fact, parse_ontology, replay
from kgzsl.ontology.extract.constructs import CONSTRUCTS, Construct, as_markdown

PREFIXES = """@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
:C a owl:Class . :D a owl:Class . :E a owl:Class . :G a owl:Class .
:p a owl:ObjectProperty . :q a owl:ObjectProperty . :r a owl:ObjectProperty .
"""


def local(iri: str) -> str:
    return iri.rpartition("#")[2] or iri


@pytest.mark.parametrize("row", CONSTRUCTS, ids=lambda row: row.construct)
def test_each_construct_becomes_what_the_table_says(row: Construct) -> None:
    ontology = parse_ontology(PREFIXES + row.example, profile="owl").entail()
    found = {(local(f.subject), local(f.predicate), local(f.object), f.polarity): f for f in ontology.facts()}
    assert set(row.facts) <= set(found)
    for key in row.facts:
        assert replay(ontology.prove(found[key]), ontology)
    if row.counted:
        assert any(row.counted in name for name in ontology.report.not_understood), ontology.report.not_understood
    else:
        assert ontology.report.not_understood == {}
    if not row.facts:
        assert not [key for key in found if key[0] == "C"]


def test_every_row_is_another() -> None:
    assert len({row.construct for row in CONSTRUCTS}) == len(CONSTRUCTS) > 30


def test_the_documentation_has_the_table() -> None:
    text = (Path(__file__).parents[2] / "docs" / "constructs.md").read_text(encoding="utf-8")
    assert as_markdown() in text


DEGREES = {
    "reified statement": """:C :p :F . :F a owl:NamedIndividual .
        [] a rdf:Statement ; rdf:subject :C ; rdf:predicate :p ; rdf:object :F ; :strength 0.7 .""",
    "annotated axiom": """:C rdfs:subClassOf _:r . _:r a owl:Restriction ; owl:onProperty :p ; owl:someValuesFrom :F .
        [] a owl:Axiom ; owl:annotatedSource :C ; owl:annotatedProperty rdfs:subClassOf ; owl:annotatedTarget _:r ;
            :confidence "0.7" .""",
    "quoted triple": ":C :p :F {| :weight 0.7 |} . :F a owl:NamedIndividual .",
}


@pytest.mark.parametrize("text", DEGREES.values(), ids=DEGREES)
def test_degrees_are_read_inherited_and_generalized(text: str) -> None:
    rdf = "@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> .\n"
    more = ":E rdfs:subClassOf :C . :p rdfs:subPropertyOf :q . :F rdfs:subClassOf :H ."
    if "NamedIndividual" in text:
        more = ":E rdfs:subClassOf :C . :p rdfs:subPropertyOf :q . :F a :H . :H a owl:Class ."
    ontology = parse_ontology(rdf + PREFIXES + text + more).entail()
    (stated,) = ontology.facts("http://e/#C", "http://e/#p", "http://e/#F")
    assert (stated.status, stated.strength) == ("asserted", 0.7)
    for subject, predicate, object in (("C", "q", "F"), ("E", "p", "F"), ("E", "q", "H")):
        (fact,) = ontology.facts(*(f"http://e/#{t}" for t in (subject, predicate, object)))
        assert (fact.status, fact.strength) == ("entailed", 0.7)
        assert replay(ontology.prove(fact), ontology)
    assert ontology.digest != parse_ontology(rdf + PREFIXES + text.replace("0.7", "0.6") + more).digest


def test_a_degree_that_is_none_is_counted() -> None:
    ontology = parse_ontology(PREFIXES + ':C :p :F {| :strength "much" |} . :F a owl:NamedIndividual .')
    assert ontology.report.not_understood["strength that is no number from 0 to 1"] == 1
    assert ontology.facts("http://e/#C", "http://e/#p")[0].strength == 1


def test_a_crisp_way_makes_a_fact_crisp() -> None:
    some = "[ a owl:Restriction ; owl:onProperty :p ; owl:someValuesFrom :F ]"
    text = f":C :p :F {{| :strength 0.3 |}} . :E rdfs:subClassOf :C , :D . :D rdfs:subClassOf {some} ."
    (fact,) = parse_ontology(PREFIXES + text + " :F a owl:Class .").entail().facts("http://e/#E", "http://e/#p")
    assert fact.strength == 1


def test_alternatives_are_kept() -> None:
    ontology = parse_ontology(PREFIXES + ":C rdfs:subClassOf [ owl:unionOf ( :D :E ) ] .")
    (alternative,) = ontology.axioms.alternatives
    assert [local(ontology.terms[t]) for t in alternative.options] == ["D", "E"]


def test_an_unsatisfiable_class_is_found_with_its_reason_and_nothing_else_is_lost() -> None:
    some = "[ a owl:Restriction ; owl:onProperty :p ; owl:someValuesFrom :C ]"
    text = f":C rdfs:subClassOf :D , :E . :D owl:disjointWith :E . :G rdfs:subClassOf {some} , :D ."
    ontology = parse_ontology(PREFIXES + text).entail()
    assert [local(iri) for iri in ontology.report.unsatisfiable] == ["C", "G"]
    rules = {}
    for iri in ontology.report.unsatisfiable:
        nothing = Fact(iri, "http://www.w3.org/2000/01/rdf-schema#subClassOf", "http://www.w3.org/2002/07/owl#Nothing")
        proof = ontology.prove(nothing)
        assert replay(proof, ontology)
        rules[local(iri)] = proof.rule
    assert rules == {"C": "contradiction", "G": "impossible filler"}
    assert ontology.facts("http://e/#G", "http://e/#p", "http://e/#D")


def test_kg_awa_as_plain_owl_has_128_unsatisfiable_classes(shared_data: Path) -> None:
    from kgzsl.ontology import read_ontology

    ontology = read_ontology(shared_data / "kzsl" / "AwA" / "KG-AwA.ttl", profile="owl").entail()
    assert len(ontology.report.unsatisfiable) == 128
    assert any(iri.endswith("n02374451") for iri in ontology.report.unsatisfiable)  # the horse, a stripe by way of band
    for iri in ontology.report.unsatisfiable[::16]:
        nothing = Fact(iri, "http://www.w3.org/2000/01/rdf-schema#subClassOf", "http://www.w3.org/2002/07/owl#Nothing")
        assert replay(ontology.prove(nothing), ontology)
