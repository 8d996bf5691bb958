"""The ontology as a typed graph for graph networks, in memory and on disk."""

from __future__ import annotations

import json
from collections import defaultdict
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kgzsl.errors import DataError, Problem
from kgzsl.ontology import Ontology
from kgzsl.ontology.axioms import is_anonymous
from kgzsl.ontology.whole import whole_file

if TYPE_CHECKING:
    from torch_geometric.data import HeteroData

__all__ = ["load_hetero_data", "save_hetero_data", "to_hetero_data"]


def to_hetero_data(ontology: Ontology, *, rows: np.ndarray | None = None) -> HeteroData:
    """Classes, attributes and what else facts are about as nodes, facts as typed edges, both ways.

    Node types are ``class`` and ``attribute`` (all there are, whatever the facts) and, where there are some,
    ``entity``: further terms of the facts. Literals, properties and class expressions without a name are no
    nodes. Each type has ``iri`` (list of str, sorted). An edge type is ``(type, relation, type)`` with the relation
    named by the property's label; negative facts have relations of their own (``not ...``), and every relation has
    its reverse (``rev ...``). Edges carry ``entailed`` (bool, one for each edge).

    Args:
        ontology: asserted or entailed.
        rows: bool (fact,), which facts to take, as of :func:`kgzsl.semantics.groups.chosen`; by default all.

    Raises:
        DataError: ``rows`` is no mask over the ontology's facts.

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

    taken, entities = _between_nodes(ontology, rows)
    graph = HeteroData()
    place: dict[str, tuple[str, int]] = {}
    for kind, iris in (("class", ontology.classes), ("attribute", ontology.attributes), ("entity", entities)):
        if iris or kind != "entity":
            graph[kind].iri = list(iris)
            graph[kind].num_nodes = len(iris)
            place |= {iri: (kind, row) for row, iri in enumerate(iris)}
    edges: dict[tuple[str, str, str], list[tuple[int, int, bool]]] = defaultdict(list)
    terms = ontology.terms
    label = lru_cache(maxsize=None)(ontology.label)
    subject, predicate, object, negative, source, *_ = (column.tolist() for column in ontology.columns.take(taken))
    for s, p, o, lacked, file in zip(subject, predicate, object, negative, source, strict=True):
        (one, start), (other, end) = place[terms[s]], place[terms[o]]
        relation = f"not {label(terms[p])}" if lacked else label(terms[p])
        edges[one, relation, other].append((start, end, file < 0))
        edges[other, f"rev {relation}", one].append((end, start, file < 0))
    for edge, listed in edges.items():
        graph[edge].edge_index = torch.tensor([row[:2] for row in listed]).T.contiguous()
        graph[edge].entailed = torch.tensor([row[2] for row in listed])
    return graph


def _between_nodes(ontology: Ontology, rows: np.ndarray | None) -> tuple[np.ndarray, tuple[str, ...]]:
    """The facts (row numbers) among some whose both ends are nodes, and those ends that are entities, sorted."""
    c, terms = ontology.columns, ontology.terms
    keep = np.ones(len(c), dtype=bool) if rows is None else np.asarray(rows)
    if keep.dtype != bool or keep.shape != (len(c),):
        got = f"rows are {keep.dtype} {keep.shape}"
        fix = "choose facts of the same ontology, entailed alike"
        raise DataError(Problem(got, expected=f"bool ({len(c)},), one for each fact", fix=fix))
    told, properties = {*ontology.classes, *ontology.attributes}, set(ontology.properties)
    own = np.array([term in told for term in terms], dtype=bool)
    none = np.array([term in properties or is_anonymous(term) for term in terms], dtype=bool) | ontology.literals
    able = own | ~none
    taken = np.flatnonzero(keep & able[c.subject] & able[c.object])
    ends = np.union1d(c.subject[taken], c.object[taken])
    return taken, tuple(terms[k] for k in ends[~own[ends]].tolist())


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
