"""Classes, what stands above them, and two graph networks that carry semantics from node to node."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_geometric.nn import GCNConv, MessagePassing

from kgzsl.ontology import Ontology
from kgzsl.semantics import ClassAttributes

__all__ = ["ClassGraph", "DensePropagation", "GraphConvolution", "class_graph"]

FARTHEST = 4
"""Nodes this many steps away or more share one weight (Kampffmeyer et al., section 3.3)."""
SLOPE = 0.2
DROPOUT = 0.5


@dataclass(frozen=True, eq=False)
class ClassGraph:
    """Classes and what stands above them.

    Args:
        names: of the nodes; the classes come first.
        features: ``(node, attribute)``, rows of unit length.
        below: ``(pair,)``, node that stands below ...
        above: ``(pair,)``, ... this one, directly or not; every node stands below itself.
        distance: ``(pair,)``, fewest steps between both.
    """

    names: tuple[str, ...]
    features: Tensor
    below: Tensor
    above: Tensor
    distance: Tensor


def class_graph(ontology: Ontology, attributes: ClassAttributes) -> ClassGraph:
    """The graph over the classes of a run.

    Nodes are the classes and what is above them in the asserted taxonomy. Where the taxonomy is flat (it gives no two
    classes different ancestors), the attributes that classes are stated to have are nodes above them. A class has its
    class attributes (their strengths, where there are some) as features, an attribute itself alone, and an ancestor the
    mean of the classes below it.

    Args:
        ontology: whose taxonomy.
        attributes: one row for each class.
    """
    import networkx

    edges = ontology.class_graph()
    if len({frozenset(networkx.descendants(edges, iri)) for iri in attributes.classes}) == 1:
        edges = networkx.DiGraph(_stated(attributes))
        edges.add_nodes_from(attributes.classes)
    reach: dict[Any, dict[Any, int]] = {
        iri: networkx.single_source_shortest_path_length(edges, iri) for iri in attributes.classes
    }
    higher = dict.fromkeys(node for found in reach.values() for node in found if node not in reach)
    reach |= {node: networkx.single_source_shortest_path_length(edges, node) for node in higher}
    place = {node: k for k, node in enumerate(reach)}
    pairs = np.array([(place[a], place[b], steps) for a, found in reach.items() for b, steps in found.items()])
    below, above, distance = torch.from_numpy(pairs.T.astype(np.int64))
    own = torch.from_numpy(np.where(attributes.known, attributes.degree, 0).astype(np.float32))
    features = torch.zeros(len(place), own.shape[1])
    from_class = below < len(own)
    features.index_add_(0, above[from_class], own[below[from_class]])
    features[: len(own)] = own
    for column, attribute in enumerate(attributes.attributes):
        if attribute in place:
            features[place[attribute]] = F.one_hot(torch.tensor(column), own.shape[1]).float()
    return ClassGraph(tuple(map(str, place)), F.normalize(features, dim=1), below, above, distance)


def _stated(attributes: ClassAttributes) -> list[tuple[Any, Any]]:
    """From every class to the attributes that it is stated to have."""
    cells = np.argwhere((attributes.value > 0.5) & attributes.known & ~attributes.assumed)
    return [(attributes.classes[row], attributes.attributes[column]) for row, column in cells.tolist()]


class GraphConvolution(nn.Module):
    """Graph convolutions over direct neighbors, up and down alike.

    Source: Wang et al., "Zero-shot Recognition via Semantic Embeddings and Knowledge Graphs", CVPR 2018, section 3.2,
    with the layer of Kipf and Welling, ICLR 2017.

    Args:
        graph: the nodes and their distances.
        widths: of the features, the hidden layers and the output.
    """

    def __init__(self, graph: ClassGraph, widths: Sequence[int]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(GCNConv(a, b) for a, b in pairwise(widths))
        direct = graph.distance == 1
        up = torch.stack([graph.below[direct], graph.above[direct]])
        self.edges: Tensor
        # Where two nodes stand above each other, both directions are there already.
        self.register_buffer("edges", torch.cat([up, up.flip(0)], 1).unique(dim=1))

    def forward(self, features: Tensor) -> Tensor:
        """Features ``(node, attribute)`` to vectors ``(node, width)`` of unit length."""
        return _through(self.layers, features, [self.edges] * len(self.layers))


class DensePropagation(nn.Module):
    """Two layers that reach all descendants at once, then all ancestors, with a learned weight for each distance.

    ``H = s(sum_k a_k D_k^-1 A_k s(sum_k d_k E_k^-1 B_k X V) W)``: ``A_k`` joins a node with its ancestors ``k`` steps
    away, ``B_k`` with its descendants, ``D_k`` and ``E_k`` count them, and ``a`` and ``d`` are softmaxes of weights.

    Source: Kampffmeyer et al., "Rethinking Knowledge Graph Propagation for Zero-Shot Learning", CVPR 2019, eq. 4.

    Args:
        graph: the nodes and their distances.
        widths: of the features, the hidden layer and the output.
    """

    def __init__(self, graph: ClassGraph, widths: Sequence[int]) -> None:
        super().__init__()
        first, hidden, last = widths
        self.layers = nn.ModuleList([_ByDistance(first, hidden), _ByDistance(hidden, last)])
        self.pairs: Tensor
        self.register_buffer("pairs", torch.stack([graph.above, graph.below, graph.distance.clamp(max=FARTHEST)]))

    def forward(self, features: Tensor) -> Tensor:
        """Features ``(node, attribute)`` to vectors ``(node, width)`` of unit length."""
        ancestors = self.pairs
        descendants = self.pairs[[1, 0, 2]]
        return _through(self.layers, features, [descendants, ancestors])


def _through(layers: nn.ModuleList, states: Tensor, edges: Sequence[Tensor]) -> Tensor:
    """Dropout, layer, leaky ReLU, as often as there are layers; unit length at the end."""
    for number, (layer, own) in enumerate(zip(layers, edges, strict=True)):
        if number:
            states = F.dropout(F.leaky_relu(states, SLOPE), DROPOUT, training=layers.training)
        states = layer(states, own)
    return F.normalize(states, dim=1)


class _ByDistance(MessagePassing):
    """A linear layer, and the mean over the nodes of each distance, weighted by the distance."""

    def __init__(self, width: int, out: int) -> None:
        super().__init__(aggr="add")
        self.linear = nn.Linear(width, out)
        self.weight = nn.Parameter(torch.zeros(FARTHEST + 1))

    def forward(self, states: Tensor, triples: Tensor) -> Tensor:
        """States ``(node, width)`` and triples (from, to, distance), ``(3, pair)``."""
        _, to, distance = triples
        cell = to * (FARTHEST + 1) + distance
        share = 1 / cell.bincount()[cell]
        return self.propagate(triples[:2], states=self.linear(states), share=share * self.weight.softmax(0)[distance])

    def message(self, states_j: Tensor, share: Tensor) -> Tensor:
        """What one node gives another."""
        return share[:, None] * states_j
