"""K-ZSL's graph of AwA2, Tiny-ImageNet's WordNet closure, and our own creatures."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from kgzsl.ontology import PROFILES, Profile, read_ontology, replay

CREATURES = Path(__file__).resolve().parents[2] / "ontologies" / "creatures.ttl"


@pytest.fixture(scope="module")
def awa(shared_data: Path) -> Path:
    return shared_data / "kzsl" / "AwA"


def test_three_serializations_of_kg_awa_are_one_ontology(awa: Path) -> None:
    turtle, xml, table = (read_ontology(awa / f"KG-AwA.{suffix}") for suffix in ("ttl", "rdf", "csv"))
    assert turtle.digest == xml.digest == table.digest
    assert turtle.report.triples == xml.report.triples == table.report.triples == 14112
    assert turtle.report.profile == "kzsl"
    assert "rdf:type" in turtle.report.reason
    assert (len(turtle.classes), len(turtle.attributes)) == (100, 102)
    assert turtle.report.external == 10546
    assert turtle.report.not_understood == {}


def test_kg_awa_names(awa: Path) -> None:
    ontology = read_ontology(awa / "KG-AwA.ttl")
    for part in json.loads((awa / "class.json").read_text()).values():
        for identifier, name in part.items():
            assert ontology.resolve(name).endswith(f"#{identifier}")
    blue_whale = ontology.resolve("blue+whale")
    assert ontology.label(blue_whale) == "blue whale"
    assert ontology.alternative_labels(blue_whale) == ("sulfur bottom", "Balaenoptera musculus")


def test_kg_awa_is_coherent_in_its_core_and_its_proofs_replay(awa: Path) -> None:
    ontology = read_ontology(awa / "KG-AwA.ttl").entail()
    assert ontology.report.contradictions == ()
    for fact in ontology.facts(status="entailed")[::7]:
        assert replay(ontology.prove(fact), ontology)


def test_inheritance_would_contradict_what_k_zsl_publishes(awa: Path) -> None:
    inheriting = Profile("inheriting", "numbered", synonyms=True, inherits=True)
    found = read_ontology(awa / "KG-AwA.ttl", profile=inheriting).entail()
    assert not PROFILES["kzsl"].inherits
    assert {found.label(c.subject) for c in found.report.contradictions} == {"killer whale", "elk"}


def test_imagenet_a_reads_alike(shared_data: Path) -> None:
    folder = shared_data / "kzsl" / "ImNet-A"
    turtle, table = (read_ontology(folder / f"KG-ImNet-A.{suffix}") for suffix in ("ttl", "csv"))
    assert turtle.digest == table.digest
    assert len(turtle.classes) > 80


def test_wordnet_reads_under_owl(shared_data: Path) -> None:
    ontology = read_ontology(shared_data / "tiny-imagenet" / "wordnet.ttl").entail()
    assert ontology.report.profile == "owl"
    assert len(ontology.leaves) == 200
    assert ontology.attributes == ()
    assert ontology.report.not_understood == {}


def test_creatures_are_complete() -> None:
    if not CREATURES.exists():
        pytest.skip("ontologies/creatures.ttl is not there")
    ontology = read_ontology(CREATURES).entail()
    assert len(ontology.leaves) == 100
    assert ontology.report.contradictions == ()
    entailed = ontology.facts(status="entailed")
    assert entailed
    for fact in entailed[::11]:
        assert replay(ontology.prove(fact), ontology)


def test_scope_all_takes_conceptnet_in(awa: Path) -> None:
    everything = replace(PROFILES["kzsl"], scope="all")
    ontology = read_ontology(awa / "KG-AwA.ttl", profile=everything)
    core = read_ontology(awa / "KG-AwA.ttl")
    assert ontology.report.external == 0
    assert (ontology.classes, ontology.attributes) == (core.classes, core.attributes)
    assert {f.key for f in core.facts()} < {f.key for f in ontology.facts()}
