"""Edges that are there to a degree: what graph networks make of weights in [0, 1].

Every network here takes a mean, or a mean by attention, over the edges that end at a node. A weight ``w`` counts twice:
it is how much an edge counts among the others, and how much of its message is passed on,

``sum_e w_e * w_e a_e m_e / sum_e w_e a_e``

with messages ``m`` and attention ``a`` (1 for a plain mean). With weights of 0 and 1 this is the mean over the edges
of weight 1. Between them it is smooth, and with all weights alike it is ``w`` times the mean, so that what comes along
edges can be followed from nothing to all of it. Were it weighed once, a node's only edge would be passed on whole at
every weight above 0, and gradients with respect to weights would not see it at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

if TYPE_CHECKING:
    from torch_geometric.nn import GATv2Conv, RGCNConv

__all__ = ["weighted_gat", "weighted_mean", "weighted_rgcn"]


def weighted_mean(message: Tensor, place: Tensor, count: int, weight: Tensor) -> Tensor:
    """Weighted messages ``(edge, dim)``, averaged at the places ``(edge,)`` where they end: ``(count, dim)``.

    A place without messages, or with none of a weight above 0, gets 0.

    Example:
        >>> message, place = torch.tensor([[2.0], [4.0], [8.0]]), torch.tensor([0, 0, 1])
        >>> weighted_mean(message, place, 2, torch.tensor([1.0, 0.0, 0.5])).tolist()
        [[2.0], [4.0]]
    """
    total = message.new_zeros(count, message.shape[1]).index_add(0, place, weight.square()[:, None] * message)
    return total / _sums(weight[:, None], place, count)


def weighted_rgcn(
    layer: RGCNConv, states: tuple[Tensor, Tensor], edge_index: Tensor, edge_type: Tensor, weight: Tensor
) -> Tensor:
    """What PyG's RGCNConv with shared bases tells nodes, ``(to, dim)``, by edges of some weight.

    Args:
        layer: its weights are read.
        states: of the nodes that edges lead from, and to.
        edge_index: rows of both, ``(2, edge)``.
        edge_type: ``(edge,)``.
        weight: in [0, 1], ``(edge,)``.
    """
    start, end = states
    matrices = torch.einsum("rb,bio->rio", layer.comp, layer.weight)
    told = end @ layer.root + layer.bias
    for relation in range(len(matrices)):
        own = (edge_type == relation).nonzero()[:, 0]
        message = start.index_select(0, edge_index[0].index_select(0, own))
        place = edge_index[1].index_select(0, own)
        told = told + weighted_mean(message, place, len(end), weight.index_select(0, own)) @ matrices[relation]
    return told


def weighted_gat(
    layer: GATv2Conv, states: tuple[Tensor, Tensor], edge_index: Tensor, relations: Tensor, weight: Tensor
) -> Tensor:
    """What PyG's GATv2Conv tells nodes, ``(to, dim)``, by edges of some weight; without dropout.

    Args:
        layer: its weights are read.
        states: of the nodes that edges lead from, and to.
        edge_index: rows of both, ``(2, edge)``.
        relations: of each edge, ``(edge, dim)``.
        weight: in [0, 1], ``(edge,)``.
    """
    shape = (-1, layer.heads, layer.out_channels)
    source, target = edge_index
    message = layer.lin_l(states[0]).index_select(0, source).view(shape)
    asking = layer.lin_r(states[1]).index_select(0, target).view(shape)
    seen = F.leaky_relu(asking + message + layer.lin_edge(relations).view(shape), layer.negative_slope)
    heat = (seen * layer.att).sum(-1)
    # The largest of each node is taken off first: so much that no exponential is too large.
    where, lowest = target[:, None].expand_as(heat), heat.new_full((len(states[1]), layer.heads), -torch.inf)
    top = lowest.scatter_reduce(0, where, heat.detach(), "amax")
    attention = (heat - top.index_select(0, target)).exp() * weight[:, None]
    share = attention / _sums(attention, target, len(states[1])).index_select(0, target) * weight[:, None]
    told = message.new_zeros(len(states[1]), *shape[1:]).index_add(0, target, share[..., None] * message)
    return told.flatten(1) + layer.bias


def _sums(values: Tensor, place: Tensor, count: int) -> Tensor:
    """Sums ``(count, column)`` of values ``(edge, column)`` by place; where there is nothing, no zero to divide by."""
    return values.new_zeros(count, values.shape[1]).index_add(0, place, values).clamp(min=1e-30)
