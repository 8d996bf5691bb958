"""What an edit changed, against the facts of both ontologies as sets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgzsl.ontology import Edit, Fact, Ontology, edited, parse_ontology
from kgzsl.ontology.change import change_of

TURTLE = """@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
:p a owl:ObjectProperty ; rdfs:subPropertyOf :q . :q a owl:ObjectProperty .
:A a owl:Class ; rdfs:subClassOf :B ; :p :f . :B a owl:Class ; rdfs:subClassOf :C ; :q :g , :h .
:C a owl:Class ; :p :g ; :weight 12 . :D a owl:Class ; owl:disjointWith :C . :f rdfs:subClassOf :h .
"""
ONTOLOGY = parse_ontology(TURTLE).entail()
ASSERTED = ONTOLOGY.facts(status="asserted")
NEW = [Fact(f"http://e/#{c}", f"http://e/#{p}", f"http://e/#{f}") for c in "AD" for p in "pq" for f in "fh"]


def keys(ontology: Ontology, rows: np.ndarray | None = None) -> set[tuple[str, ...]]:
    return {ontology.fact(row).key for row in (range(len(ontology.columns)) if rows is None else rows.tolist())}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(ASSERTED), unique=True), st.lists(st.sampled_from(NEW), unique=True))
def test_facts_are_found_again_or_are_gone_or_new(remove: list[Fact], add: list[Fact]) -> None:
    changed = edited(ONTOLOGY, Edit(tuple(remove), tuple(add)))
    change = change_of(ONTOLOGY, changed)
    assert keys(ONTOLOGY, change.gone) == keys(ONTOLOGY) - keys(changed)
    assert keys(changed, change.new) == keys(changed) - keys(ONTOLOGY)
    for row, before in enumerate(change.before.tolist()):
        if before >= 0:
            assert ONTOLOGY.fact(before).key == changed.fact(row).key


def test_another_ontology_is_no_edit() -> None:
    with pytest.raises(ValueError, match="has the terms of the one that it was made of"):
        change_of(ONTOLOGY, parse_ontology(TURTLE.replace(":f", ":other")).entail())
