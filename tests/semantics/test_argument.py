"""Arguments: every rule has its words, every entailed fact a tree down to what is stated."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kgzsl.ontology import Fact, Ontology, read_ontology
from kgzsl.ontology.proofs import RULES
from kgzsl.ontology.vocabulary import RDFS
from kgzsl.semantics.argument import RULES_IN_WORDS, argument_lines, argument_to_json, nearby

ZOO = Path(__file__).resolve().parents[1] / "golden" / "zoo.ttl"
E = "http://zoo.example/#"


@pytest.fixture(scope="module")
def zoo() -> Ontology:
    return read_ontology(ZOO).entail()


def test_every_rule_has_words() -> None:
    assert set(RULES) <= set(RULES_IN_WORDS)


def test_every_fact_has_an_argument(zoo: Ontology) -> None:
    for fact in zoo.facts():
        proof = zoo.prove(fact)
        lines = argument_lines(proof, zoo)
        stated = [line for line in lines if "(stated in zoo.ttl)" in line]
        rules = [line for line in lines if any(f"│  {rule}: " in line or f"   {rule}: " in line for rule in RULES)]
        steps = list(proof.walk())
        assert len(stated) == sum(not step.premises for step in steps)
        assert len(rules) == sum(bool(step.premises) for step in steps)
        json.dumps(argument_to_json(proof, zoo))


def test_a_rule_without_words_is_named(zoo: Ontology) -> None:
    from dataclasses import replace

    proof = zoo.prove(Fact(f"{E}Zebra", f"{E}hasPart", f"{E}Hooves"))
    assert argument_lines(replace(proof, rule="magic"), zoo)[1] == "│  magic"


def test_nearby(zoo: Ontology) -> None:
    found = nearby(Fact(f"{E}Zebra", f"{E}hasHorns", f"{E}SpiralHorns"), zoo)
    assert found.opposite is not None
    assert found.opposite.status == "entailed"
    assert found.holders == (f"{E}Antelope",)
    assert found.superclasses == (f"{E}Animal", f"{E}Equine")
    assert {f.polarity for f in found.same_property} == {"negative"}
    unknown = nearby(Fact(f"{E}Cryptid", f"{E}hasPart", f"{E}Hooves"), zoo)
    assert (unknown.opposite, unknown.same_property, unknown.same_filler) == (None, (), ())
    other = nearby(Fact(f"{E}Antelope", f"{E}hasDiet", f"{E}Hooves"), zoo)
    assert [f.predicate for f in other.same_filler] == [f"{E}hasPart"]
    assert nearby(Fact(f"{E}Zebra", RDFS.subClassOf, f"{E}Antelope"), zoo).same_filler == ()
