"""HermiT as a reasoner beside our own, and what is said where it cannot run."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from kgzsl.errors import ConfigError, UnknownTermError
from kgzsl.ontology import PROFILES, Fact, Ontology, Proof, parse_ontology, read_ontology, replay

E = "http://e/#"
BELOW = "http://www.w3.org/2000/01/rdf-schema#subClassOf"
NOTHING = "http://www.w3.org/2002/07/owl#Nothing"
ROOT = Path(__file__).resolve().parents[2]
PREFIXES = """@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
:C a owl:Class . :D a owl:Class . :E a owl:Class . :F a owl:Class . :B a owl:Class . :p a owl:ObjectProperty .
"""
UNION = """:C owl:equivalentClass [ a owl:Class ; owl:unionOf ( :D :E ) ] . :E rdfs:subClassOf :D .
:D rdfs:subClassOf [ a owl:Restriction ; owl:onProperty :p ; owl:someValuesFrom :F ] . :B rdfs:subClassOf :E .
"""
STRICT = replace(PROFILES["owl"], inherits=False)

needs_java = pytest.mark.skipif(shutil.which("java") is None, reason="HermiT needs a Java, and there is none")


@pytest.fixture(scope="module")
def both() -> tuple[Ontology, Ontology]:
    """By our own rules, and by HermiT."""
    ontology = parse_ontology(PREFIXES + UNION)
    return ontology.entail(), ontology.entail(reasoner="hermit")


@needs_java
def test_hermit_finds_what_needs_a_case_distinction(both: tuple[Ontology, Ontology]) -> None:
    own, hermit = both
    link, fact = Fact(E + "C", BELOW, E + "D"), Fact(E + "C", E + "p", E + "F")
    assert own.find(link) is None
    assert {f.key for f in hermit.facts()} == {f.key for f in own.facts()} | {link.key, fact.key}
    assert E + "D" in hermit.superclasses(E + "C")
    assert E + "C" in hermit.subclasses(E + "D")
    assert hermit.report.entailed[BELOW] == own.report.entailed[BELOW] + 1
    assert hermit.digest == own.digest
    for goal in (link, fact):
        proof = hermit.prove(goal)
        assert (proof.rule, proof.premises, proof.fact.status) == ("hermit", (), "entailed")
        assert replay(proof, hermit)
        assert not replay(proof, own)
        with pytest.raises(UnknownTermError):
            own.prove(goal)


@needs_java
def test_what_our_own_rules_derive_keeps_its_proof(both: tuple[Ontology, Ontology]) -> None:
    own, hermit = both
    for fact in own.facts():
        proof = hermit.prove(fact)
        assert proof == own.prove(fact)
        assert replay(proof, own)
        if fact.status == "entailed":
            assert not replay(Proof(fact, "hermit"), hermit)
    assert not replay(Proof(Fact(E + "F", BELOW, E + "D", status="entailed"), "hermit"), hermit)


@needs_java
def test_unsatisfiable_classes_that_need_a_case_distinction() -> None:
    text = """:C rdfs:subClassOf [ a owl:Class ; owl:unionOf ( :D :E ) ] . :C owl:disjointWith :D , :E .
        :B rdfs:subClassOf [ a owl:Restriction ; owl:onProperty :p ; owl:someValuesFrom :C ] ."""
    ontology = parse_ontology(PREFIXES + text)
    assert ontology.entail().report.unsatisfiable == ()
    hermit = ontology.entail(reasoner="hermit")
    assert hermit.report.unsatisfiable == (E + "B", E + "C")
    for iri in hermit.report.unsatisfiable:
        proof = hermit.prove(Fact(iri, BELOW, NOTHING))
        assert proof.rule == "hermit"
        assert replay(proof, hermit)
    # All follows from what cannot be; none of that is told.
    assert hermit.facts(E + "C", E + "p") == []


@needs_java
def test_hermit_adds_nothing_to_an_el_ontology() -> None:
    ontology = read_ontology(ROOT / "ontologies" / "creatures.ttl")
    own, hermit = ontology.entail(), ontology.entail(reasoner="hermit")
    assert {f.key for f in own.facts()} == {f.key for f in hermit.facts()}
    assert hermit.report.entailed == own.report.entailed


@needs_java
@pytest.mark.slow
def test_kg_awa(shared_data: Path) -> None:
    ontology = read_ontology(shared_data / "kzsl" / "AwA" / "KG-AwA.ttl", profile="owl")
    hermit = ontology.entail(reasoner="hermit")
    assert len(hermit.report.unsatisfiable) == 128
    assert hermit.derived is not None
    assert hermit.derived.by_hermit == frozenset()


@needs_java
def test_too_little_time_or_memory_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    ontology = parse_ontology(PREFIXES + UNION)
    with pytest.raises(ConfigError, match="did not end within"):
        ontology.entail(reasoner="hermit", timeout=0.001)
    monkeypatch.setenv("KGZSL_JAVA_MEMORY", "much")
    with pytest.raises(ConfigError, match="number of MiB"):
        ontology.entail(reasoner="hermit")


@needs_java
def test_what_hermit_refuses_is_said() -> None:
    # Not regular: each of two properties is below a chain that holds the other.
    text = ":q a owl:ObjectProperty . :p owl:propertyChainAxiom ( :q :p :q ) . :q owl:propertyChainAxiom ( :p :q :p ) ."
    with pytest.raises(ConfigError, match=r"HermiT failed: .*egular"):
        parse_ontology(PREFIXES + text).entail(reasoner="hermit")


def test_without_java_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(ConfigError, match="apt install default-jre-headless"):
        parse_ontology(PREFIXES + UNION).entail(reasoner="hermit")


def test_what_does_not_go_together() -> None:
    ontology = parse_ontology(PREFIXES + UNION)
    with pytest.raises(ConfigError, match="pellet"):
        ontology.entail(reasoner="pellet")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="rdfs"):
        ontology.entail("rdfs", reasoner="hermit")
    with pytest.raises(ConfigError, match="do not inherit"):
        read_ontology(ROOT / "tests" / "golden" / "zoo.ttl", profile=STRICT).entail(reasoner="hermit")


@needs_java
def test_on_the_command_line(tmp_path: Path) -> None:
    path = tmp_path / "union.ttl"
    path.write_text(PREFIXES + UNION, encoding="utf-8")
    command = [sys.executable, "cli.py", "ontology", "prove", str(path), "C is a D"]
    assert subprocess.run(command, cwd=ROOT, capture_output=True).returncode == 1
    done = subprocess.run([*command, "--reasoner", "hermit"], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "every c is a kind of d (entailed by HermiT; no proof)\n"
    as_json = subprocess.run([*command, "--reasoner", "hermit", "--json"], cwd=ROOT, capture_output=True, text=True)
    assert json.loads(as_json.stdout)["proof"]["rule"] == "hermit"
