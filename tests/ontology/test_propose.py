"""Proposed profiles: what each predicate looks like, and that the proposal reads what a built-in profile reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from kgzsl.ontology import PROFILES, read_ontology
from kgzsl.ontology.propose import ProposedProfile, propose, propose_for_files
from kgzsl.ontology.reading.triples import Triples
from kgzsl.ontology.vocabulary import local_name

ZOO = Path(__file__).resolve().parents[1] / "golden" / "zoo.ttl"
PREFIXES = """@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . @prefix skos: <http://www.w3.org/2004/02/skos/core#> .
"""


def proposed(text: str) -> ProposedProfile:
    triples = Triples()
    triples.parse((PREFIXES + text).encode(), "Turtle", Path("text"))
    return propose(triples)


def roles(found: ProposedProfile) -> dict[str, str]:
    return {local_name(use.predicate): use.role for use in found.predicates}


@pytest.mark.parametrize(
    ("text", "role"),
    [
        (":a :p :b .", "attribute"),
        (":a :isA :b .", "taxonomy"),
        (":a :hasParent :b .", "taxonomy"),
        (":a :subclassOf :b .", "taxonomy"),
        (":a :lacks :b .", "negative"),
        (":a :hasNoPart :b .", "negative"),
        (":a :doesNotHave :b .", "negative"),
        (":a :sameThingAs :b .", "identity"),
        (":a :commonName 'x' .", "label"),
        (":a :otherName 'x' .", "alternative label"),
        (":a :hasSynonym 'x' .", "alternative label"),
        (":a :definition 'x' .", "annotation"),
        (":a :weight 12, 13 .", "attribute"),
        (f":a :about '{'long text ' * 9}' .", "annotation"),
        (":a :color 'red' . :b :color 'red' . :c :color 'red' .", "attribute"),
        (":a :code 'x1' . :b :code 'x2' .", "annotation"),
        (":a skos:narrower :b .", "none"),
        (":a skos:altLabel 'x' .", "alternative label"),
        (":a skos:note 'x' .", "annotation"),
        (":a rdfs:domain :b .", "none"),
        (":p a owl:ObjectProperty ; :shown 'yes' .", "annotation"),
    ],
)
def test_role_of_one_predicate(text: str, role: str) -> None:
    found = [use for use in proposed(text).predicates if not use.predicate.endswith("#type")]
    assert [use.role for use in found] == [role]
    assert found[0].reason


def test_a_tree_is_a_taxonomy_and_a_cycle_is_none() -> None:
    tree = ":a :p :b . :b :p :c . :c :p :d . :e :p :b ."
    assert roles(proposed(tree)) == {"p": "taxonomy"}
    assert roles(proposed(tree + " :d :p :a .")) == {"p": "attribute"}
    # Where there is a published taxonomy, shape alone makes no second one.
    assert roles(proposed(tree + " :a rdfs:subClassOf :b ."))["p"] == "attribute"


def test_labels_decide_synonyms_and_language() -> None:
    found = proposed(
        ":a a owl:Class ; rdfs:label 'blauer_wal, riesenwal'@de . :b a owl:Class ; rdfs:label 'pferd'@de ."
    )
    assert (found.profile.synonyms, found.profile.language) == (True, "de")
    assert any("@de" in note for note in found.notes)


def test_annotation_properties_between_terms_are_named() -> None:
    found = proposed(":p a owl:AnnotationProperty . :a a owl:Class ; :p :b .")
    assert found.profile.annotations_as_facts == ("http://e/#p",)


def test_joins_and_uses_are_counted() -> None:
    use = next(u for u in propose_for_files(ZOO).predicates if u.predicate.endswith("#subClassOf"))
    assert use.uses == sum(count for _, count in use.joins)
    assert dict(use.joins)["class -> expression"] == 12


def test_what_it_proposes_reads_as_the_built_in_profile(shared_data: Path) -> None:
    assert propose_for_files(ZOO, name="owl").profile == PROFILES["owl"]
    file = shared_data / "kzsl" / "AwA" / "KG-AwA.ttl"
    found = propose_for_files(file)
    assert read_ontology(file, profile=found.profile).digest == read_ontology(file, profile="kzsl").digest
    assert roles(found)["hasHabitat"] == "attribute"
    assert roles(found)["disjointWith"] == "negative"
