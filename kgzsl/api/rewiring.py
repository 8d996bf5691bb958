"""Which edges of a run's graph its facts are, and which there are when the ontology changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from kgzsl.api.reading import typed_graph
from kgzsl.api.records import Run
from kgzsl.api.sources import ontology_of
from kgzsl.ontology import Ontology
from kgzsl.ontology.change import Change
from kgzsl.semantics.groups import chosen

if TYPE_CHECKING:
    from torch import Tensor

    from kgzsl.data.neighbors import Block
    from kgzsl.model.graph_encoder import TypedGraph
    from kgzsl.model.graph_states import GraphStates

__all__ = ["Rewired", "Wiring"]


@dataclass(frozen=True, eq=False)
class Rewired:
    """Edges of a graph that stay, and edges that come.

    Args:
        kept: bool (edge,), over the edges of the graph.
        index: int64 ``(2, edge)``, of those that come.
        kind: int64 ``(edge,)``, their types.
    """

    kept: np.ndarray
    index: np.ndarray
    kind: np.ndarray


@dataclass(frozen=True, eq=False)
class Wiring:
    """The graph of a run's graph network, and the facts that its edges are.

    Nodes have the numbers that they have in the network; classes that came after training stand behind them. An edge
    and its reverse are one fact, and facts whose properties are called alike may be one edge.

    Args:
        run: whose classes have states of a graph network.
    """

    run: Run

    @cached_property
    def states(self) -> GraphStates:
        """The network."""
        from kgzsl.model.graph_states import GraphStates

        return next(module for module in self.run.model.modules() if isinstance(module, GraphStates))

    @cached_property
    def features(self) -> Tensor:
        """What all nodes are called, ``(node, width)``."""
        import torch

        return torch.cat([self.states.features, *([self.states.more[0]] if self.states.more else [])])

    @cached_property
    def edges(self) -> tuple[np.ndarray, np.ndarray]:
        """All edges, int64 ``(2, edge)``, and their types ``(edge,)``, sorted by type, start and end."""
        parts = [(self.states.edge_index, self.states.edge_type), *([self.states.more[1:]] if self.states.more else [])]
        index, kind = (np.concatenate([part[k].cpu().numpy() for part in parts], axis=-1) for k in (0, 1))
        return self._unpacked(np.unique(self._packed(index, kind)))

    def rewired(self, changed: Ontology, change: Change) -> Rewired:
        """The edges under an edited ontology.

        Edges of facts that are gone are gone, unless another fact is the same edge. Facts that are new bring edges
        where the graph has their ends and their relation; those from classes that came after training lead nowhere.

        Args:
            changed: the edited ontology.
            change: what sets it apart from the run's.
        """
        count = len(self.edges[1])
        lost = np.bincount(self._place[change.gone].ravel() + 1, minlength=count + 1)[1:]
        kept = (lost == 0) | (lost < self._backing)
        came = np.empty((0, 2), dtype=np.int64)
        if len(change.new):
            new = np.zeros(len(changed.columns), dtype=bool)
            new[change.new] = True
            came = self._edges_of(changed, new & chosen(changed, self.run.config.semantics.facts))
        edges = np.unique(came[came >= 0])
        (start, end), _ = self._unpacked(edges)
        first = len(self.states.features)
        edges = edges[(start < first) | (end >= first)]
        place = self._places(edges)
        kept[place[place >= 0]] = True
        return Rewired(kept, *self._unpacked(edges[place < 0]))

    @cached_property
    def _place(self) -> np.ndarray:
        """Which of the edges each fact is, and its reverse, int64 ``(fact, 2)``; -1: none."""
        return self._places(self.of_facts.ravel()).reshape(-1, 2)

    @cached_property
    def _backing(self) -> np.ndarray:
        """How many facts each edge is."""
        return np.bincount(self._place.ravel() + 1, minlength=len(self.edges[1]) + 1)[1:]

    def _places(self, edges: np.ndarray) -> np.ndarray:
        """Where edges, as numbers, stand among all; -1 for those that are not there."""
        own = self._packed(*self.edges)
        place = np.searchsorted(own, edges)
        return np.where(np.append(own, -2)[place] == edges, place, -1)

    @cached_property
    def of_facts(self) -> np.ndarray:
        """The edge of every fact of the run's ontology and its reverse, as numbers, int64 ``(fact, 2)``; -1: none."""
        return self._edges_of(self.run.ontology, chosen(self.run.ontology, self.run.config.semantics.facts))

    def facts_of(self, index: np.ndarray, kind: np.ndarray) -> list[list[int]]:
        """For each of some edges the facts that it is, as rows of the run's ontology."""
        rows: dict[int, list[int]] = {}
        for row, pair in enumerate(self.of_facts.tolist()):
            for edge in pair:
                rows.setdefault(edge, []).append(row)
        return [rows.get(edge, []) for edge in self._packed(index, kind).tolist()]

    def affected(self, other: Rewired, texts: Sequence[int]) -> np.ndarray:
        """Whose states may be others, bool (node,), with other edges in the place of the graph's, and new texts.

        A layer tells a node what the nodes knew whose edges end at it: what changed goes one step a layer.

        Args:
            other: the edges.
            texts: nodes that are called otherwise.
        """
        start, end = np.hstack([self.edges[0], other.index])
        told = np.concatenate([self.edges[0][1, ~other.kept], other.index[1]])
        found = np.zeros(self._count, dtype=bool)
        found[list(texts)] = True
        for _ in range(self.states.encoder.config.layers):
            found[np.concatenate([end[found[start]], told])] = True
        return found

    def under(self, other: Rewired) -> tuple[np.ndarray, np.ndarray]:
        """Other edges in the place of the graph's, int64 ``(2, edge)``, and their types."""
        index, kind = self.edges
        return np.hstack([index[:, other.kept], other.index]), np.concatenate([kind[other.kept], other.kind])

    def block(self, nodes: np.ndarray, edges: tuple[np.ndarray, np.ndarray]) -> Block:
        """Some nodes with all that the network looks at for their states, of given edges."""
        from kgzsl.data.neighbors import Neighborhoods

        steps = (-1,) * self.states.encoder.config.layers
        return Neighborhoods.of(*edges, self._count).block(nodes, steps)

    @property
    def half(self) -> int:
        """How many relations there are without their reverses, which are numbered on from there."""
        return self._graph.relations // 2

    @cached_property
    def numbers(self) -> dict[str, int]:
        """Term -> the node that its edges end at."""
        found: dict[str, int] = {}
        for iris in self._graph.numbers.values():
            found |= iris
        first = len(self.states.features)
        return found | {iri: first + k for k, iri in enumerate(self.run.added)}

    @cached_property
    def _graph(self) -> TypedGraph:
        """The graph as it was when the run was trained, by name."""
        # The ontology of a run with added classes has more nodes than its graph.
        trained_on = ontology_of(self.run.config) if self.run.added else self.run.ontology
        return typed_graph(self.run.config, trained_on)

    @property
    def _count(self) -> int:
        """How many nodes there are, those of added classes included."""
        return len(self.states.features) + len(self.run.added)

    def _edges_of(self, ontology: Ontology, rows: np.ndarray) -> np.ndarray:
        """The edges of facts in some rows (a mask) and their reverses, as :attr:`of_facts`."""
        c, (node, relation) = ontology.columns, self._terms
        ends = np.stack([node[c.subject], node[c.object]])
        kind = relation[c.negative.astype(int), c.predicate]
        there = rows & (ends >= 0).all(0) & (kind >= 0)
        pair = np.stack([self._packed(ends, kind), self._packed(ends[::-1], kind + self.half)], axis=1)
        return np.where(there[:, None], pair, -1)

    @cached_property
    def _terms(self) -> tuple[np.ndarray, np.ndarray]:
        """The node of each term, and the relation that it is as a property, positive and negative; -1 for none."""
        ontology, names = self.run.ontology, {name: k for k, name in enumerate(self._graph.names)}
        node = np.array([self.numbers.get(term, -1) for term in ontology.terms], dtype=np.int64)
        relation = np.full((2, len(node)), -1, dtype=np.int64)
        of_facts = {ontology.terms[k] for k in np.unique(ontology.columns.predicate).tolist()}
        for term in of_facts.union(ontology.properties).intersection(ontology.index):
            label = ontology.label(term)
            relation[:, ontology.index[term]] = names.get(label, -1), names.get(f"not {label}", -1)
        return node, relation

    def _packed(self, index: np.ndarray, kind: np.ndarray) -> np.ndarray:
        """Edges ``(2, edge)`` and their types as numbers."""
        start, end = index
        packed: np.ndarray = (kind.astype(np.int64) * self._count + start) * self._count + end
        return packed

    def _unpacked(self, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Numbers as edges and their types."""
        rest, end = np.divmod(edges, self._count)
        kind, start = np.divmod(rest, self._count)
        return np.stack([start, end]), kind
