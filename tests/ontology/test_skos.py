"""Concept schemes: broader is the taxonomy, related a symmetric property."""

from __future__ import annotations

from kgzsl.ontology import parse_ontology, replay

SCHEME = """@prefix : <http://e/#> . @prefix skos: <http://www.w3.org/2004/02/skos/core#> .
:Zebra a skos:Concept ; skos:prefLabel "Zebra"@de , "zebra"@en ; skos:broader :Equid ; skos:related :Savanna .
:Equid a skos:Concept ; skos:prefLabel "equid"@en ; skos:narrower :Donkey ; skos:exactMatch :Horse_family .
:Donkey a skos:Concept ; skos:altLabel "ass"@en . :Savanna a skos:Concept . :Horse_family a skos:Concept .
"""
E = "http://e/#"


def test_a_concept_scheme_is_read_without_being_asked() -> None:
    ontology = parse_ontology(SCHEME).entail()
    assert ontology.report.profile == "skos"
    assert "skos:Concept" in ontology.report.reason
    assert set(ontology.superclasses(E + "Donkey")) == {E + "Equid", E + "Horse_family"}
    assert ontology.label(E + "Zebra") == "zebra"
    assert ontology.resolve("ass") == E + "Donkey"
    (back,) = ontology.facts(E + "Savanna", object=E + "Zebra")
    assert back.status == "entailed"
    proof = ontology.prove(back)
    assert proof.rule == "inverse"
    assert replay(proof, ontology)
    assert not ontology.report.not_understood


def test_labels_in_the_language_of_the_profile() -> None:
    from dataclasses import replace

    from kgzsl.ontology import PROFILES

    german = parse_ontology(SCHEME, profile=replace(PROFILES["skos"], language="de"))
    assert german.label(E + "Zebra") == "Zebra"
    assert german.label(E + "Equid") == "equid"
