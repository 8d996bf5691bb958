"""Exports: what is written is read back, and it is written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import networkx
import pytest

from kgzsl.errors import ConfigError, OntologyError
from kgzsl.ontology import Ontology, parse_ontology, read_ontology
from kgzsl.ontology.export import fact_graph, to_kzsl_table, to_turtle, write_graphml, write_kzsl_table, write_turtle
from kgzsl.ontology.whole import whole_file

ROOT = Path(__file__).resolve().parents[2]
ZOO, CREATURES = ROOT / "tests" / "golden" / "zoo.ttl", ROOT / "ontologies" / "creatures.ttl"


def keys(ontology: Ontology) -> set[tuple[str, str, str, str]]:
    return {fact.key for fact in ontology.facts()}


@pytest.mark.parametrize("file", [ZOO, CREATURES], ids=lambda f: f.stem)
@pytest.mark.parametrize("regime", ["none", "el"])
def test_turtle_is_read_back_to_the_same_ontology(file: Path, regime: str) -> None:
    ontology = read_ontology(file).entail(regime)  # type: ignore[arg-type]
    again = parse_ontology(to_turtle(ontology))
    assert keys(again) == keys(ontology)
    assert (again.classes, again.attributes, again.properties) == (
        ontology.classes,
        ontology.attributes,
        ontology.properties,
    )
    assert again.labels == ontology.labels
    assert again.report.not_understood == {}
    if regime == "none":
        assert again.digest == ontology.digest


def test_turtle_of_texts_and_iris_that_need_escapes() -> None:
    text = """@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
        @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . :p a owl:DatatypeProperty .
        :A a owl:Class ; rdfs:label "say \\"hi\\" \\\\ there"@de ; :p "a\\nb\\t\\"c\\""@en, "1.5"^^<http://e/#kind> .
        <http://e/#B.1> a owl:Class ; rdfs:subClassOf :A, <http://e/#a/b(c)> . <http://e/#a/b(c)> a owl:Class ."""
    ontology = parse_ontology(text)
    again = parse_ontology(to_turtle(ontology))
    assert (keys(again), again.labels, again.terms) == (keys(ontology), ontology.labels, ontology.terms)


def test_turtle_marks_what_is_entailed() -> None:
    ontology = read_ontology(ZOO).entail()
    assert to_turtle(ontology).count("# entailed") == len(ontology.facts(status="entailed"))


def test_k_zsl_round_trip(shared_data: Path, tmp_path: Path) -> None:
    ontology = read_ontology(shared_data / "kzsl" / "AwA" / "KG-AwA.ttl").entail()
    write_kzsl_table(ontology, tmp_path / "awa.csv")
    again = read_ontology(tmp_path / "awa.csv")
    assert again.report.profile == "kzsl"
    assert again.digest == ontology.digest


def test_what_a_k_zsl_table_cannot_hold_is_said_at_once() -> None:
    with pytest.raises(OntologyError) as caught:
        to_kzsl_table(read_ontology(ZOO))
    text = str(caught.value)
    for piece in ("http://zoo.example/#", "value '1758'", "lacks http://www.w3.org/2002/07/owl#Thing", "turtle"):
        assert piece in text


def test_graphml_is_read_back(tmp_path: Path) -> None:
    ontology = read_ontology(ZOO).entail()
    write_graphml(ontology, tmp_path / "zoo.graphml")
    graph, expected = networkx.read_graphml(tmp_path / "zoo.graphml"), fact_graph(ontology)
    assert dict(graph.nodes(data=True)) == dict(expected.nodes(data=True))
    edges = sorted((s, o, d["predicate"], d["polarity"], d["status"]) for s, o, d in graph.edges(data=True))
    assert edges == sorted((s, o, d["predicate"], d["polarity"], d["status"]) for s, o, d in expected.edges(data=True))
    assert ("http://zoo.example/#Horse", "http://zoo.example/#Stripes") in {e[:2] for e in edges if e[3] == "negative"}


def test_graphml_of_labels_with_control_characters(tmp_path: Path) -> None:
    text = """<http://e/#A> a <http://www.w3.org/2002/07/owl#Class> ;
        <http://www.w3.org/2000/01/rdf-schema#label> "a\\u0007<&b" ."""
    write_graphml(parse_ontology(text), tmp_path / "a.graphml")
    assert networkx.read_graphml(tmp_path / "a.graphml").nodes["http://e/#A"]["label"] == "a <&b"


def test_no_file_is_replaced_unasked_or_half_written(tmp_path: Path) -> None:
    file = tmp_path / "zoo.ttl"
    file.write_text("mine")
    ontology = read_ontology(ZOO)
    with pytest.raises(ConfigError, match="--force"):
        write_turtle(ontology, file)
    assert file.read_text() == "mine"
    with pytest.raises(RuntimeError), whole_file(file, force=True) as working:  # noqa: PT012 - the block is the test
        working.write_text("half")
        raise RuntimeError
    assert [f.name for f in tmp_path.iterdir()] == ["zoo.ttl"]
    assert file.read_text() == "mine"
    write_turtle(ontology, file, force=True)
    assert file.read_text().startswith("@prefix")
    for path in (tmp_path, tmp_path / "none" / "a.ttl"):
        with pytest.raises(ConfigError, match="folder"):
            write_turtle(ontology, path)
