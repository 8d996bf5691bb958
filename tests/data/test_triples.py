"""Chosen facts as integer triples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kgzsl import api
from kgzsl.data.triples import Triples, triples_of
from kgzsl.errors import ConfigError, NoFactsError
from kgzsl.ontology import parse_ontology
from kgzsl.ontology.vocabulary import local_name

PREFIXES = """
@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
"""
ANIMALS = (
    PREFIXES
    + """
:has a owl:ObjectProperty . :weighs a owl:DatatypeProperty .
:Animal a owl:Class . :Zebra a owl:Class ; rdfs:subClassOf :Animal , owl:Thing ,
    [ a owl:Restriction ; owl:onProperty :has ; owl:someValuesFrom :Stripes ] ,
    [ a owl:Restriction ; owl:onProperty :weighs ; owl:hasValue 300 ] .
:Horse a owl:Class ; rdfs:subClassOf :Animal , [ a owl:Class ; owl:complementOf
    [ a owl:Restriction ; owl:onProperty :has ; owl:someValuesFrom :Stripes ] ] .
"""
)


def said(triples: Triples) -> set[tuple[str, str, str]]:
    """The facts by local names."""
    entity = [local_name(iri) for iri in triples.entities]
    relation = [("not " if r.startswith("not ") else "") + local_name(r) for r in triples.relations]
    return {(entity[h], relation[r], entity[t]) for h, r, t in triples.table.tolist()}


def test_what_is_lacked_is_a_relation_of_its_own_and_literals_are_no_entities() -> None:
    triples = triples_of(parse_ontology(ANIMALS), ["logics"])
    assert said(triples) == {
        ("Zebra", "has", "Stripes"),
        ("Horse", "not has", "Stripes"),
        ("Zebra", "subClassOf", "Animal"),
        ("Horse", "subClassOf", "Animal"),
    }
    assert list(triples.entities) == sorted(triples.entities)
    assert list(triples.relations) == sorted(triples.relations)
    assert triples.table.tolist() == sorted(triples.table.tolist())


def test_what_follows_is_there_when_it_is_asked_for(toys: Any) -> None:
    ontology = api.load_ontology(toys.ontology, entail="none")
    triples = triples_of(ontology, ["logics"])
    assert ("RedDisc", "hasShape", "Round") not in said(triples)
    entailed = triples_of(ontology.entail("el"), ["logics"])
    assert ("RedDisc", "hasShape", "Round") in said(entailed) > said(triples)


def test_groups_without_facts_and_graphs_without_edges() -> None:
    taxonomy = parse_ontology(PREFIXES + ":A a owl:Class . :B a owl:Class ; rdfs:subClassOf :A .")
    with pytest.raises(NoFactsError) as told:
        triples_of(taxonomy, ["negative", "att", "hierarchy"])
    assert [str(problem) for problem in told.value.problems] == [
        "the ontology has no fact of the group 'negative'; leave it out: --facts hierarchy",
        "the ontology has no fact of the group 'att'; leave it out: --facts hierarchy",
    ]
    message = "2 classes, and no fact of properties that joins two terms; expected a graph with edges"
    with pytest.raises(NoFactsError, match=message):
        triples_of(taxonomy, ["properties"])
    with pytest.raises(NoFactsError, match="1 classes, and no fact of properties, hierarchy"):
        triples_of(
            parse_ontology(PREFIXES + ":A a owl:Class ; rdfs:subClassOf owl:Thing ."), ["properties", "hierarchy"]
        )
    with pytest.raises(ConfigError, match="there is no group of facts 'colors'"):
        triples_of(taxonomy, ["colors"])


def test_classes_that_no_chosen_fact_is_about() -> None:
    lonely = "".join(f":C{k} a owl:Class ." for k in range(7))
    message = (
        r"7 of 10 classes are in no fact of logics: http://e/#C0, http://e/#C1, http://e/#C2, http://e/#C3, "
        r"http://e/#C4 and 2 others; expected a fact about every class"
    )
    with pytest.raises(NoFactsError, match=message):
        triples_of(parse_ontology(ANIMALS + lonely), ["logics"])


def test_the_core_of_k_zsl(shared_data: Path) -> None:
    ontology = api.load_ontology(shared_data / "kzsl" / "AwA" / "KG-AwA.ttl", entail="none")
    triples = triples_of(ontology, ["logics"])
    assert (len(triples.entities), triples.table.shape) == (302, (3282, 3))
    assert len(np.unique(triples.table[:, 1])) == len(triples.relations) == 33
