"""The ontology as a typed graph for graph networks, in memory and on disk."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from kgzsl.errors import DataError, Problem
from kgzsl.ontology import Ontology
from kgzsl.ontology.whole import whole_file

if TYPE_CHECKING:
    from torch_geometric.data import HeteroData

__all__ = ["load_hetero_data", "save_hetero_data", "to_hetero_data"]


def to_hetero_data(ontology: Ontology) -> HeteroData:
    """Classes and attributes as nodes, facts as typed edges, both ways.

    Node types are ``class`` and ``attribute``; each has ``iri`` (list of str). An edge type is
    ``(type, relation, type)`` with the relation named by the property's label; negative facts
    have relations of their own (``not ...``), and every relation has its reverse (``rev ...``).
    Edges carry ``entailed`` (bool, one for each edge).

    Args:
        ontology: asserted or entailed.

    Example:
        >>> from kgzsl.ontology import parse_ontology
        >>> graph = to_hetero_data(parse_ontology('''
        ...     @prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
        ...     @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
        ...     :hasPattern a owl:ObjectProperty . :Stripes a owl:Class . :Zebra a owl:Class ; rdfs:subClassOf
        ...         [ a owl:Restriction ; owl:onProperty :hasPattern ; owl:someValuesFrom :Stripes ] .'''))
        >>> graph["class", "has pattern", "attribute"].edge_index.tolist()
        [[0], [0]]
    """
    import torch
    from torch_geometric.data import HeteroData

    graph = HeteroData()
    place: dict[str, tuple[str, int]] = {}
    for kind, iris in (("class", ontology.classes), ("attribute", ontology.attributes)):
        graph[kind].iri = list(iris)
        graph[kind].num_nodes = len(iris)
        place |= {iri: (kind, row) for row, iri in enumerate(iris)}
    edges: dict[tuple[str, str, str], list[tuple[int, int, bool]]] = defaultdict(list)
    for fact in ontology.facts():
        if fact.subject not in place or fact.object not in place:
            continue
        (one, start), (other, end) = place[fact.subject], place[fact.object]
        relation = ontology.label(fact.predicate)
        relation = f"not {relation}" if fact.polarity == "negative" else relation
        entailed = fact.status == "entailed"
        edges[one, relation, other].append((start, end, entailed))
        edges[other, f"rev {relation}", one].append((end, start, entailed))
    for edge, rows in edges.items():
        graph[edge].edge_index = torch.tensor([row[:2] for row in rows]).T.contiguous()
        graph[edge].entailed = torch.tensor([row[2] for row in rows])
    return graph


def save_hetero_data(graph: HeteroData, path: str | Path, *, force: bool = False) -> None:
    """Write a graph of :func:`to_hetero_data` as one safetensors file: no pickle, nothing is executed on loading.

    Tensors are ``edge_index.0`` (int64, 2 x edges: row 0 the source nodes, row 1 the targets) and
    ``entailed.0`` (bool, edges), and so on for every edge type. The file's metadata has one
    entry, ``kgzsl``, with JSON: ``nodes`` (node type -> IRIs, in the order of the node numbers)
    and ``edges`` (the edge types as triples of strings, in the order of the tensors' numbers).

    Raises:
        ConfigError: the file is there already, and ``force`` is not given.
    """
    from safetensors.torch import save_file

    tensors = {}
    for number, edge in enumerate(graph.edge_types):
        tensors[f"edge_index.{number}"] = graph[edge].edge_index.contiguous()
        tensors[f"entailed.{number}"] = graph[edge].entailed.contiguous()
    names = {"nodes": {kind: graph[kind].iri for kind in graph.node_types}, "edges": list(graph.edge_types)}
    with whole_file(path, force=force) as working:
        save_file(tensors, working, {"kgzsl": json.dumps(names, ensure_ascii=False)})


def load_hetero_data(path: str | Path) -> HeteroData:
    """Read a graph that :func:`save_hetero_data` wrote.

    Raises:
        DataError: the file is missing, damaged, or something else.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from kgzsl.ontology import parse_ontology
        >>> o = parse_ontology("@prefix : <http://e/#> . :Zebra a <http://www.w3.org/2002/07/owl#Class> .")
        >>> with TemporaryDirectory() as folder:
        ...     save_hetero_data(to_hetero_data(o), f"{folder}/zoo.safetensors")
        ...     load_hetero_data(f"{folder}/zoo.safetensors")["class"].iri
        ['http://e/#Zebra']
    """
    from safetensors import SafetensorError, safe_open
    from torch_geometric.data import HeteroData

    graph = HeteroData()
    try:
        with safe_open(path, framework="pt") as file:
            names = json.loads((file.metadata() or {})["kgzsl"])
            for kind, iris in names["nodes"].items():
                graph[kind].iri, graph[kind].num_nodes = list(iris), len(iris)
            for number, edge in enumerate(names["edges"]):
                graph[tuple(edge)].edge_index = file.get_tensor(f"edge_index.{number}")
                graph[tuple(edge)].entailed = file.get_tensor(f"entailed.{number}")
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, AttributeError) as error:
        expected = "a file of `kgzsl ontology export --to pyg`"
        raise DataError(Problem(f"cannot be read as a graph ({error})", expected=expected, file=path)) from None
    return graph
