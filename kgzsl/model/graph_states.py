"""Class states of a graph network that is trained with the classifier."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kgzsl.data.neighbors import FANOUT, Sampler, sampler
from kgzsl.model.class_states import ClassStates
from kgzsl.model.graph_encoder import GraphConfig, GraphEncoder

__all__ = ["GraphInputs", "GraphStates", "Measure"]

WHOLE = 20_000
"""Graphs of so many nodes or fewer are encoded whole; of larger ones, what surrounds the nodes that are asked for."""


@dataclass(frozen=True, eq=False)
class GraphInputs:
    """A graph with what its nodes are called, in numbers.

    Args:
        features: of the nodes, from a language model, float32 ``(node, width)``.
        edge_index: int64 ``(2, edge)``.
        edge_type: int64 ``(edge,)``.
        relations: types of edges, reverses included.
        training: nodes of the training classes, int64.
        attributes: nodes of the attributes' fillers, int64, each once: image patches attend to their states.
    """

    features: np.ndarray
    edge_index: np.ndarray
    edge_type: np.ndarray
    relations: int
    training: np.ndarray
    attributes: np.ndarray


@dataclass(frozen=True, eq=False)
class Measure:
    """How states are standardized: less ``center`` ``(dim,)``, by ``length``."""

    center: Tensor
    length: Tensor

    @classmethod
    def of(cls, training: Tensor) -> Measure:
        """The mean of the training classes' states ``(class, dim)``, and their root mean square length about it."""
        center = training.mean(0)
        return cls(center, (training - center).square().sum(1).mean().sqrt().clamp(min=1e-6))


class GraphStates(ClassStates):
    """States of classes as nodes of a graph, centered over the training classes and of mean square length 1.

    Args:
        inputs: the graph.
        config: kind and sizes of the network.
    """

    def __init__(self, inputs: GraphInputs, config: GraphConfig) -> None:
        super().__init__(config.dim)
        self.encoder = GraphEncoder(config, width=inputs.features.shape[1], relations=inputs.relations)
        self.features: Tensor
        self.edge_index: Tensor
        self.edge_type: Tensor
        self.training_nodes: Tensor
        self.attribute_nodes: Tensor
        tables = {"features": inputs.features, "edge_index": inputs.edge_index, "edge_type": inputs.edge_type}
        tables |= {"training_nodes": inputs.training, "attribute_nodes": inputs.attributes}
        for name, table in tables.items():
            # A copy of the graph lies in the run folder; the checkpoint holds what was learned.
            self.register_buffer(name, torch.from_numpy(np.ascontiguousarray(table)), persistent=False)
        self.more: tuple[Tensor, Tensor, Tensor] | None = None
        self.sampler: Sampler | None = None
        if len(inputs.features) > WHOLE:
            self.sampler = sampler(inputs.edge_index, inputs.edge_type, len(inputs.features))

    def forward(self, states: Tensor) -> Tensor:
        """Vectors ``(class, dim)`` of classes that are given as numbers of nodes, ``(class, 1)``."""
        return self.gate * self.standardized(states)

    def standardized(self, states: Tensor) -> Tensor:
        """The same without the gate."""
        asked = states[:, 0].long()
        old = asked < len(self.features)
        found = self.encode(torch.cat([asked[old], self.training_nodes]))
        own, training = found[: int(old.sum())], found[int(old.sum()) :]
        if not old.all():
            own = own.new_zeros(len(asked), self.dim).masked_scatter(old[:, None], own)
            own = torch.where(old[:, None], own, self._added()[(asked - len(self.features)).clamp(min=0)])
        measure = Measure.of(training)
        return (own - measure.center) / measure.length

    def add(self, features: Tensor, edge_index: Tensor, edge_type: Tensor) -> None:
        """Nodes that came after training: their features, and the edges that end at them, from any node.

        They are numbered on from the graph's own, whose states do not change.
        """
        place = self.features.device
        self.more = (features.to(place), edge_index.to(place), edge_type.to(place))

    def _added(self) -> Tensor:
        """States of the nodes that came after training, ``(node, dim)``."""
        if self.more is None:
            raise ValueError("a node that the graph does not have")
        features, edge_index, edge_type = self.more
        states = self.encoder(
            torch.cat([self.features, features]),
            torch.cat([self.edge_index, edge_index], dim=1),
            torch.cat([self.edge_type, edge_type]),
        )
        return states[len(self.features) :]

    def measure(self) -> Measure:
        """How states of nodes are standardized."""
        return Measure.of(self.encode(self.training_nodes))

    def attributes(self) -> Tensor:
        """States of the attributes' fillers, each once, ``(filler, dim)``."""
        return self.encode(self.attribute_nodes)

    def encode(self, nodes: Tensor) -> Tensor:
        """States ``(node, dim)`` of some nodes; of a large graph while training, by a draw of their neighbors."""
        if self.sampler is None:
            return self.encoder(self.features, self.edge_index, self.edge_type)[nodes]
        steps = self.encoder.config.layers
        fanout = (FANOUT[:steps] + FANOUT[-1:] * (steps - len(FANOUT))) if self.training else (-1,) * steps
        draw = int(torch.randint(2**31, ())) if self.training else 0
        block = self.sampler.block(nodes.cpu().numpy(), fanout, seed=draw)
        place = self.features.device
        told = (block.nodes, block.edge_index, block.edge_type, block.seeds)
        rows, edge_index, edge_type, seeds = (torch.from_numpy(table).to(place) for table in told)
        return self.encoder(self.features[rows], edge_index, edge_type, within=block.within)[seeds]
