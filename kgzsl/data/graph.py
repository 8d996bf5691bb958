"""The ontology as a typed graph for graph networks."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from kgzsl.ontology import Ontology

if TYPE_CHECKING:
    from torch_geometric.data import HeteroData

__all__ = ["to_hetero_data"]


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
