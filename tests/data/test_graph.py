"""The ontology as a PyG graph."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from kgzsl import api
from kgzsl.data.graph import load_hetero_data, save_hetero_data, to_hetero_data
from kgzsl.errors import ConfigError, DataError


def test_graph_holds_every_fact_between_its_nodes_both_ways() -> None:
    ontology = api.load_ontology(api.creatures_ontology())
    graph = to_hetero_data(ontology)
    nodes = {*ontology.classes, *ontology.attributes}
    facts = [f for f in ontology.facts() if f.subject in nodes and f.object in nodes]
    assert sum(graph[kind].edge_index.shape[1] for kind in graph.edge_types) == 2 * len(facts)
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
