"""A typed graph under one numbering of its nodes, and graph networks that tell its relations apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kgzsl.errors import ConfigError, DataError, Problem, nearest
from kgzsl.model.edge_weights import weighted_gat, weighted_mean, weighted_rgcn

if TYPE_CHECKING:
    from torch_geometric.data import HeteroData

__all__ = ["KINDS", "CompGCNConv", "GraphConfig", "GraphEncoder", "TypedGraph"]

KINDS = ("rgcn", "gat", "compgcn")
"""Kinds of graph networks."""
COMPOSITIONS = ("sub", "mult")
"""How CompGCN joins a node with a relation: by difference or by product."""
HEADS = 4
"""Attention heads of ``gat``."""
REVERSE = "rev "
"""What a relation's reverse is called in a graph of :func:`~kgzsl.data.graph.to_hetero_data`, before its name."""


@dataclass(frozen=True, eq=False)
class TypedGraph:
    """Nodes and relations as numbers; every relation has its reverse.

    Args:
        edge_index: int64 ``(2, edge)``: from, to.
        edge_type: int64 ``(edge,)``; types ``r`` and ``r + relations / 2`` are each other's reverse.
        nodes: how many.
        relations: how many types of edges, reverses included.
        names: of the relations, without their reverses.
        numbers: node type -> IRI -> number of the node.

    Raises:
        DataError: edges between nodes, or of types, that there are not, or relations without their reverses.
    """

    edge_index: Tensor
    edge_type: Tensor
    nodes: int
    relations: int
    names: tuple[str, ...] = ()
    numbers: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        problems = []
        if self.edge_index.shape != (2, len(self.edge_type)):
            got, expected = f"edges are {tuple(self.edge_index.shape)}", f"(2, {len(self.edge_type)}), as many as types"
            problems.append(Problem(got, expected=expected))
        for what, values, count in (("nodes", self.edge_index, self.nodes), ("types", self.edge_type, self.relations)):
            if values.numel() and not 0 <= int(values.min()) <= int(values.max()) < count:
                got = f"edges name {what} from {int(values.min())} to {int(values.max())}"
                problems.append(Problem(got, expected=f"{what} from 0 to {count - 1}"))
        if self.relations % 2:
            problems.append(Problem(f"{self.relations} relations", expected="each with its reverse, so an even number"))
        if problems:
            raise DataError(problems)

    @classmethod
    def of(cls, graph: HeteroData) -> TypedGraph:
        """One numbering for a graph of node types that each have ``iri``.

        Nodes are numbered type after type, in the graph's order. Relations are those names of edge types that are no
        reverses, sorted; a relation is one whatever types of nodes it joins. Edges are sorted, each once.

        Example:
            >>> from kgzsl.data.graph import to_hetero_data
            >>> from kgzsl.ontology import parse_ontology
            >>> graph = TypedGraph.of(to_hetero_data(parse_ontology('''
            ...     @prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
            ...     @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
            ...     :hasPattern a owl:ObjectProperty . :Stripes a owl:Class . :Zebra a owl:Class ; rdfs:subClassOf
            ...         [ a owl:Restriction ; owl:onProperty :hasPattern ; owl:someValuesFrom :Stripes ] .''')))
            >>> graph.number("http://e/#Stripes"), graph.names, graph.edge_index.tolist(), graph.edge_type.tolist()
            (1, ('has pattern',), [[0, 1], [1, 0]], [0, 1])
        """
        numbers: dict[str, dict[str, int]] = {}
        nodes = 0
        for kind in graph.node_types:
            numbers[kind] = {iri: nodes + row for row, iri in enumerate(graph[kind].iri)}
            nodes += graph[kind].num_nodes
        called = {name for _, name, _ in graph.edge_types}
        # A relation may itself be called so ("rev counter"): its reverse is then there as well.
        forward = [e for e in graph.edge_types if not e[1].startswith(REVERSE) or REVERSE + e[1] in called]
        names = tuple(sorted({name for _, name, _ in forward}))
        first = {kind: min(iris.values(), default=0) for kind, iris in numbers.items()}
        rows = [torch.empty(3, 0, dtype=torch.int64)]
        for one, name, other in forward:
            start, end = graph[one, name, other].edge_index + torch.tensor([[first[one]], [first[other]]])
            relation = torch.full_like(start, names.index(name))
            rows += [torch.stack([relation, start, end]), torch.stack([relation + len(names), end, start])]
        types, *ends = torch.cat(rows, 1).unique(dim=1)
        return cls(torch.stack(ends), types, nodes, 2 * len(names), names, numbers)

    def number(self, iri: str) -> int:
        """The node of an IRI: as a class, else as an attribute, else as an entity.

        Raises:
            DataError: the graph has no such node.
        """
        number = self._number.get(iri)
        if number is None:
            fix = nearest(iri, list(self._number), otherwise="") or None
            raise DataError(Problem(f"the graph has no node {iri}", fix=fix))
        return number

    @cached_property
    def _number(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for iris in self.numbers.values():
            found = {**iris, **found}
        return found


@dataclass(frozen=True)
class GraphConfig:
    """Sizes of a graph encoder.

    Args:
        kind: one of :data:`KINDS`.
        dim: width of the states; of ``gat`` a multiple of 4, which is how many heads it has.
        layers: how many steps along edges a node sees.
        bases: what the relations share: each is a mixture of so many matrices (``rgcn``) or vectors.
        dropout: on what a layer adds, in [0, 1).
        composition: of ``compgcn``: one of :data:`COMPOSITIONS`.

    Raises:
        ConfigError: every value that is not possible.
    """

    kind: str = "compgcn"
    dim: int = 64
    layers: int = 2
    bases: int = 8
    dropout: float = 0.0
    composition: str = "sub"

    def __post_init__(self) -> None:
        problems = []
        for name, known in (("kind", KINDS), ("composition", COMPOSITIONS)):
            if (value := getattr(self, name)) not in known:
                expected = f"one of {', '.join(known)}"
                problems.append(Problem(f"there is no {name} of graph encoders {value!r}", expected=expected))
        for name in ("dim", "layers", "bases"):
            if (value := getattr(self, name)) < 1:
                problems.append(Problem(f"{name} is {value}", expected="1 or more"))
        if not 0 <= self.dropout < 1:
            problems.append(Problem(f"dropout is {self.dropout}", expected="a number from 0 to below 1"))
        if self.kind == "gat" and self.dim % HEADS:
            problems.append(Problem(f"dim is {self.dim}", expected=f"a multiple of the {HEADS} heads of gat"))
        if problems:
            raise ConfigError(problems)


class GraphEncoder(nn.Module):
    """Node features to states that know their surroundings, whatever the kind of network.

    Each layer adds to a node's state what comes along the edges that end at it: ``x + f(norm(x))``, so that a node
    without edges keeps its own text. Nothing but those edges is looked at: a block with all edges that end at seeds
    and at their neighbors up to one step less than there are layers gives the seeds the states of the whole graph.

    - ``rgcn``: a matrix for each relation, mixed of shared ones; mean over the neighbors by each relation.
    - ``gat``: attention by both nodes and the relation. The relation decides how much is passed on, not what.
    - ``compgcn``: see :class:`CompGCNConv`.

    Source: Schlichtkrull et al., "Modeling Relational Data with Graph Convolutional Networks", ESWC 2018 (``rgcn``,
    eq. 2 and 3); Brody et al., "How Attentive are Graph Attention Networks?", ICLR 2022 (``gat``, eq. 7);
    Vashishth et al., "Composition-based Multi-Relational Graph Convolutional Networks", ICLR 2020 (``compgcn``). Order
    of the residual layers: He et al., "Identity Mappings in Deep Residual Networks", ECCV 2016.

    Args:
        config: kind and sizes.
        width: of the node features.
        relations: types of edges, reverses included.

    Example:
        >>> encoder = GraphEncoder(GraphConfig(dim=8), width=5, relations=2)
        >>> encoder(torch.randn(3, 5), torch.tensor([[0, 1], [1, 0]]), torch.tensor([0, 1])).shape
        torch.Size([3, 8])
    """

    def __init__(self, config: GraphConfig, *, width: int, relations: int) -> None:
        super().__init__()
        self.config = config
        relations = max(relations, 1)  # a graph without facts
        bases = min(config.bases, relations)
        self.input = nn.Linear(width, config.dim)
        if config.kind != "rgcn":
            self.relations = _SharedBasis(relations, config.dim, bases)
        self.norms = nn.ModuleList(nn.LayerNorm(config.dim) for _ in range(config.layers))
        self.layers = nn.ModuleList(_layer(config, relations, bases) for _ in range(config.layers))
        updates = config.layers - 1 if config.kind == "compgcn" else 0
        self.updates = nn.ModuleList(nn.Linear(config.dim, config.dim, bias=False) for _ in range(updates))

    def forward(
        self,
        features: Tensor,
        edge_index: Tensor,
        edge_type: Tensor,
        *,
        within: Sequence[int] = (),
        edge_weight: Tensor | None = None,
    ) -> Tensor:
        """Features ``(node, width)`` and edges ``(2, edge)`` with types ``(edge,)`` to states ``(node, dim)``.

        Args:
            features: of every node.
            edge_index: from, to.
            edge_type: below ``relations``.
            within: of a :class:`~kgzsl.data.neighbors.Block`: how many nodes are so many steps away from the seeds at
                most, which come first, their edges too. The seeds alone get states, ``(within[0], dim)``, and no layer
                computes what they do not need.
            edge_weight: in [0, 1], ``(edge,)``: 1 an edge as it is, 0 as if it were not there, between them as
                :mod:`~kgzsl.model.edge_weights` says; None: all are as they are.

        Raises:
            ConfigError: a block of another number of steps than there are layers.
        """
        if within and len(within) != len(self.layers) + 1:
            got, expected = f"a block of {len(within) - 1} steps", f"as many as layers, {len(self.layers)}"
            raise ConfigError(Problem(got, expected=expected, fix="give a fanout for each layer"))
        states = self.input(features)
        relations: Tensor | None = self.relations() if self.config.kind != "rgcn" else None
        for number, (norm, layer) in enumerate(zip(self.norms, self.layers, strict=True)):
            if number and self.updates:
                relations = self.updates[number - 1](relations)
            signal = F.gelu(norm(states))
            if within:
                states = states[: within[-2 - number]]
                edges = int((edge_index[1] < len(states)).sum())
                edge_index, edge_type = edge_index[:, :edges], edge_type[:edges]
                edge_weight = None if edge_weight is None else edge_weight[:edges]
            ends = (signal, signal[: len(states)])
            if self.config.kind == "compgcn":
                change = layer(ends, edge_index, edge_type, relations, edge_weight)
            elif relations is None:
                told = (ends, edge_index, edge_type)
                change = layer(*told) if edge_weight is None else weighted_rgcn(layer, *told, edge_weight)
            else:
                told = (ends, edge_index, relations.index_select(0, edge_type))
                change = layer(*told) if edge_weight is None else weighted_gat(layer, *told, edge_weight)
            states = states + F.dropout(change, self.config.dropout, training=self.training)
        return states


def _layer(config: GraphConfig, relations: int, bases: int) -> nn.Module:
    """One layer of a kind."""
    from torch_geometric.nn import GATv2Conv, RGCNConv

    dim = config.dim
    if config.kind == "rgcn":
        return RGCNConv(dim, dim, relations, num_bases=bases)
    if config.kind == "gat":
        # The state itself is added to what the layer gives: a loop would say it twice.
        return GATv2Conv(dim, dim // HEADS, HEADS, edge_dim=dim, add_self_loops=False)
    return CompGCNConv(dim, composition=config.composition)


class _SharedBasis(nn.Module):
    """Vectors of relations as mixtures of shared ones (Vashishth et al., section 4)."""

    def __init__(self, relations: int, dim: int, bases: int) -> None:
        super().__init__()
        self.basis = nn.Parameter(nn.init.xavier_normal_(torch.empty(bases, dim)))
        self.mixture = nn.Parameter(nn.init.xavier_normal_(torch.empty(relations, bases)))

    def forward(self) -> Tensor:
        """``(relation, dim)``."""
        return self.mixture @ self.basis


class CompGCNConv(nn.Module):
    """A layer in which a neighbor is joined with the relation that leads from it before it is passed on.

    ``x'_v = W_o mean_o(x_u * z_r) + W_i mean_i(x_u * z_r) + W_s (x_v * z_s) + b``, where ``*`` is the composition, the
    means are over the edges from ``u`` to ``v`` by relations (o) and by reverses (i), and ``z_s`` stands for the node
    itself. The paper sums over the edges; a mean keeps hubs from drowning out the rest. That relations change from
    layer to layer, ``z'_r = W_z z_r``, is up to :class:`GraphEncoder`.

    Source: Vashishth et al., "Composition-based Multi-Relational Graph Convolutional Networks", ICLR 2020, section 4.

    Args:
        dim: width of states and relations.
        composition: ``sub``: difference; ``mult``: product.
    """

    def __init__(self, dim: int, *, composition: str = "sub") -> None:
        super().__init__()
        self.composition = composition
        self.along = nn.Linear(dim, dim, bias=False)
        self.against = nn.Linear(dim, dim, bias=False)
        self.own = nn.Linear(dim, dim)
        self.own_relation = nn.Parameter(nn.init.xavier_normal_(torch.empty(1, dim)))

    def forward(
        self,
        states: tuple[Tensor, Tensor],
        edge_index: Tensor,
        edge_type: Tensor,
        relations: Tensor,
        edge_weight: Tensor | None = None,
    ) -> Tensor:
        """What nodes are told, ``(to, dim)``.

        Args:
            states: of the nodes that edges lead from, ``(from, dim)``, and to, ``(to, dim)``: those who are told.
            edge_index: rows of both, ``(2, edge)``.
            edge_type: ``(edge,)``.
            relations: ``(relation, dim)``, the second half the reverses.
            edge_weight: in [0, 1], ``(edge,)``; None: all 1.
        """
        source, target = edge_index
        start, end = states
        # index_select and index_add: their gradients add in a fixed order on a CPU, those of x[source] do not.
        message = self._compose(start.index_select(0, source), relations.index_select(0, edge_type))
        place = 2 * target + (edge_type >= len(relations) // 2)
        if edge_weight is None:
            total = message.new_zeros(2 * len(end), message.shape[1]).index_add(0, place, message)
            mean = total / torch.bincount(place, minlength=2 * len(end)).clamp(min=1)[:, None]
        else:
            mean = weighted_mean(message, place, 2 * len(end), edge_weight)
        along, against = mean.view(len(end), 2, -1).unbind(1)
        own = self.own(self._compose(end, self.own_relation))
        return self.along(along) + self.against(against) + own

    def _compose(self, states: Tensor, relations: Tensor) -> Tensor:
        """Join states with relations."""
        return states - relations if self.composition == "sub" else states * relations
