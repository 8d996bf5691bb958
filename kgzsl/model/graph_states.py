"""Class states of a graph network that is trained with the classifier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from kgzsl.data.neighbors import Sampler, sampler
from kgzsl.model.class_states import ClassStates
from kgzsl.model.graph_encoder import GraphConfig, GraphEncoder

__all__ = ["GraphInputs", "GraphStates"]

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
        attributes: nodes of the attributes' fillers, int64: image patches attend to their states.
    """

    features: np.ndarray
    edge_index: np.ndarray
    edge_type: np.ndarray
    relations: int
    training: np.ndarray
    attributes: np.ndarray


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
        self.sampler: Sampler | None = None
        if len(inputs.features) > WHOLE:
            self.sampler = sampler(inputs.edge_index, inputs.edge_type, len(inputs.features))
