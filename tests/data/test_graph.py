"""The ontology as a PyG graph."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from kgzsl import api
from kgzsl.data.graph import load_hetero_data, save_hetero_data, to_hetero_data
from kgzsl.errors import ConfigError, DataError
from kgzsl.ontology import parse_ontology
from kgzsl.ontology.vocabulary import OWL

ZOO = """
@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
:hasPattern a owl:ObjectProperty ; rdfs:subPropertyOf :hasLook . :hasLook a owl:ObjectProperty .
:hasEars a owl:ObjectProperty . :foundIn a owl:DatatypeProperty .
:Stripes a owl:Class . :Spots a owl:Class .
:Zebra a owl:Class ; rdfs:subClassOf
    [ a owl:Restriction ; owl:onProperty :hasPattern ; owl:someValuesFrom :Stripes ] ,
    [ a owl:Restriction ; owl:onProperty :hasEars ; owl:someValuesFrom owl:Thing ] ,
    [ a owl:Restriction ; owl:onProperty :foundIn ; owl:hasValue 1758 ] .
:Newt a owl:Class ; rdfs:subClassOf
    [ a owl:Restriction ; owl:onProperty :hasPattern ; owl:someValuesFrom :Spots ] .
"""
"""Two classes, two attributes; :Thing is further, the year a literal, and properties order each other."""


def test_graph_holds_every_fact_between_its_nodes_both_ways() -> None:
    ontology = api.load_ontology(api.creatures_ontology())
    graph = to_hetero_data(ontology)
    nodes = {*ontology.classes, *ontology.attributes, OWL.Thing}
    facts = [f for f in ontology.facts() if f.subject in nodes and f.object in nodes]
    assert sum(graph[kind].edge_index.shape[1] for kind in graph.edge_types) == 2 * len(facts)
    assert graph["entity"].iri == [OWL.Thing]
    assert graph.validate()
    color = graph["class", "has body color", "attribute"]
    pairs = {
        (graph["class"].iri[i], graph["attribute"].iri[j]): bool(e)
        for i, j, e in zip(*color.edge_index.tolist(), color.entailed.tolist(), strict=True)
    }
    wanted = {
        f.key[0::2][:2]: f.status == "entailed"
        for f in facts
        if f.predicate.endswith("hasBodyColor") and f.polarity == "positive"
    }
    assert pairs == wanted


def test_what_is_neither_class_nor_attribute_is_an_entity_but_literals_and_properties_are_no_nodes() -> None:
    graph = to_hetero_data(parse_ontology(ZOO))
    assert {kind: graph[kind].iri for kind in graph.node_types} == {
        "class": ["http://e/#Newt", "http://e/#Zebra"],
        "attribute": ["http://e/#Spots", "http://e/#Stripes"],
        "entity": [OWL.Thing],
    }
    assert {edge: graph[edge].edge_index.tolist() for edge in graph.edge_types if not edge[1].startswith("rev ")} == {
        ("class", "has pattern", "attribute"): [[0, 1], [0, 1]],
        ("class", "has ears", "entity"): [[1], [0]],
    }


def test_a_mask_limits_the_facts_and_leaves_classes_and_attributes() -> None:
    ontology = parse_ontology(ZOO)
    some = ontology.columns.object == ontology.index["http://e/#Spots"]
    graph = to_hetero_data(ontology, rows=some)
    assert graph.node_types == ["class", "attribute"]
    assert (graph["class"].num_nodes, graph["attribute"].num_nodes) == (2, 2)
    assert graph["class", "has pattern", "attribute"].edge_index.tolist() == [[0], [0]]
    assert len(graph.edge_types) == 2
    nothing = to_hetero_data(ontology, rows=np.zeros_like(some))
    assert (nothing.node_types, nothing.edge_types) == (["class", "attribute"], [])


@pytest.mark.parametrize("rows", [np.zeros(1, dtype=bool), np.zeros(5), np.arange(2)])
def test_what_is_no_mask_over_the_facts_is_refused(rows: np.ndarray) -> None:
    with pytest.raises(DataError, match=r"expected bool \(\d+,\), one for each fact"):
        to_hetero_data(parse_ontology(ZOO), rows=rows)


def test_all_external_concepts_of_a_published_graph_are_entities(shared_data: Path) -> None:
    ontology = api.load_ontology(shared_data / "kzsl" / "AwA" / "KG-AwA.ttl")
    entities = to_hetero_data(ontology)["entity"].iri
    told = {*ontology.classes, *ontology.attributes, *ontology.properties}
    ends = {term for f in ontology.facts() for term in (f.subject, f.object)} - told
    assert entities == sorted(e for e in ends if "://" in e)
    assert entities


def test_a_saved_graph_is_loaded_without_pickle(tmp_path: Path) -> None:
    graph = to_hetero_data(api.load_ontology(api.creatures_ontology()))
    file = tmp_path / "creatures.safetensors"
    save_hetero_data(graph, file)
    again = load_hetero_data(file)
    assert (again.node_types, again.edge_types) == (graph.node_types, graph.edge_types)
    for kind in graph.node_types:
        assert (again[kind].iri, again[kind].num_nodes) == (graph[kind].iri, graph[kind].num_nodes)
    for kind in graph.edge_types:
        assert torch.equal(again[kind].edge_index, graph[kind].edge_index)
        assert torch.equal(again[kind].entailed, graph[kind].entailed)
    with safe_open(file, framework="np") as content:
        assert set(json.loads(content.metadata()["kgzsl"])) == {"nodes", "edges"}
    with pytest.raises(ConfigError, match="there already"):
        save_hetero_data(graph, file)


def test_what_is_no_graph_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.safetensors"
    with pytest.raises(DataError, match="cannot be read"):
        load_hetero_data(file)
    file.write_bytes(b"something else")
    with pytest.raises(DataError, match="cannot be read"):
        load_hetero_data(file)
    for metadata in ({}, {"kgzsl": "{"}, {"kgzsl": "[]"}, {"kgzsl": '{"nodes": {}, "edges": [["a", "b", "c"]]}'}):
        save_file({"x": torch.zeros(1)}, file, metadata)
        with pytest.raises(DataError, match="cannot be read"):
            load_hetero_data(file)
