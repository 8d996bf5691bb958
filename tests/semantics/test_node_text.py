"""Terms in words, for an encoder of texts."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from kgzsl.ontology import Ontology, parse_ontology
from kgzsl.ontology.profile import PROFILES
from kgzsl.ontology.vocabulary import OWL, RDFS, SKOS
from kgzsl.semantics import node_text

HEAD = """
@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . @prefix skos: <http://www.w3.org/2004/02/skos/core#> .
:hasPattern a owl:ObjectProperty . :Stripes a owl:Class .
"""
STATEMENTS = [
    ":Zebra a owl:Class .",
    ':Zebra skos:prefLabel "zebra"@en .',
    ':Zebra skos:altLabel "striped horse" .',
    ':Zebra skos:altLabel "hippotigris" .',
    ':Zebra rdfs:comment "To be looked at again." .',
    ':Zebra skos:definition "Ein gestreiftes Pferd."@de .',
    ':Zebra skos:definition "An equid\\n  with stripes."@en .',
    ':HornedHorse a owl:Class ; rdfs:comment "A zebra\'s cousin." .',
    ":Zebra rdfs:subClassOf [ a owl:Restriction ; owl:onProperty :hasPattern ; owl:someValuesFrom :Stripes ] .",
]
FACTS = (SKOS.definition, RDFS.comment)


def zoo(*, annotations: tuple[str, ...] = FACTS, language: str = "en", seed: int = 0) -> Ontology:
    statements = Random(seed).sample(STATEMENTS, len(STATEMENTS))
    profile = replace(PROFILES["owl"], annotations_as_facts=annotations, language=language)
    return parse_ontology(HEAD + "\n".join(statements), profile=profile)


@pytest.mark.parametrize("seed", range(4))
def test_names_and_the_first_definition_in_the_language_whatever_the_order(seed: int) -> None:
    text = node_text("http://e/#Zebra", zoo(seed=seed))
    assert text == "zebra, also called hippotigris, striped horse: An equid with stripes."


def test_a_comment_stands_in_for_a_definition() -> None:
    assert node_text("http://e/#HornedHorse", zoo()) == "horned horse: A zebra's cousin."


def test_the_profile_says_the_language_and_what_annotations_are_facts() -> None:
    assert node_text("http://e/#Zebra", zoo(language="de")).endswith(": Ein gestreiftes Pferd.")
    assert node_text("http://e/#Zebra", zoo(annotations=())) == "zebra, also called hippotigris, striped horse"


def test_terms_of_other_vocabularies_have_their_local_name_in_words() -> None:
    ontology = zoo()
    assert node_text(OWL.Thing, ontology) == "thing"
    assert node_text("http://elsewhere/aquatic_mammal", ontology) == "aquatic mammal"
