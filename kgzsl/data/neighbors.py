"""What surrounds some nodes of a large graph: blocks that cost what they hold, whatever the size of the graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from kgzsl.errors import ConfigError, DataError, Problem

if TYPE_CHECKING:
    from torch_geometric.loader import NeighborLoader

__all__ = ["FANOUT", "Block", "LoadedNeighborhoods", "Neighborhoods", "Sampler", "sampler"]

FANOUT = (15, 10)
"""Edges into each seed, into each of their neighbors, and so on (Hamilton et al., NeurIPS 2017, halved)."""


@dataclass(frozen=True, eq=False)
class Block:
    """Seeds and what surrounds them, under numbers of its own.

    Args:
        nodes: int64 ``(node,)``, their numbers in the graph: the seeds, their neighbors, and so on, each ring sorted.
        edge_index: int64 ``(2, edge)``, from and to, as rows of ``nodes``; sorted by end, type and start.
        edge_type: int64 ``(edge,)``.
        seeds: int64 ``(seed,)``, the rows of the seeds, as they were given.
        within: how many nodes are at most 0, 1, 2 ... steps away from the seeds.
    """

    nodes: np.ndarray
    edge_index: np.ndarray
    edge_type: np.ndarray
    seeds: np.ndarray
    within: tuple[int, ...]

    @classmethod
    def of(cls, seeds: np.ndarray, rings: Sequence[np.ndarray], edges: np.ndarray, edge_type: np.ndarray) -> Block:
        """A block by numbers of the graph.

        Args:
            seeds: int64 ``(seed,)``.
            rings: nodes that are 0, 1, 2 ... steps away from the seeds, each once, sorted.
            edges: int64 ``(2, edge)``.
            edge_type: int64 ``(edge,)``.
        """
        nodes = np.concatenate(rings)
        order = nodes.argsort()
        start, end, rows = (order[np.searchsorted(nodes, numbers, sorter=order)] for numbers in (*edges, seeds))
        by_end = np.lexsort([start, edge_type, end])
        within = tuple(np.cumsum([len(ring) for ring in rings]).tolist())
        return cls(nodes, np.stack([start, end])[:, by_end], edge_type[by_end], rows, within)


class Sampler(Protocol):
    """What cuts blocks out of a graph."""

    def block(self, seeds: Sequence[int] | np.ndarray, fanout: Sequence[int] = FANOUT, *, seed: int = 0) -> Block:
        """Seeds with edges that end at them, at their neighbors, and so on: as many steps as ``fanout`` is long.

        Args:
            seeds: numbers of nodes, in any order.
            fanout: for each step, how many of the edges into a node are drawn, without replacement; -1: all.
            seed: of the draw, which the order of the seeds does not change.

        Raises:
            DataError: seeds that are no nodes.
            ConfigError: no step, or one of no edges.
        """


def sampler(edge_index: np.ndarray, edge_type: np.ndarray, nodes: int) -> Sampler:
    """What cuts blocks out of a graph: PyG's NeighborLoader where pyg-lib is there, else :class:`Neighborhoods`.

    With all edges (-1) both give the same blocks; with fewer, each draws others.

    Args:
        edge_index: int64 ``(2, edge)``: from, to.
        edge_type: int64 ``(edge,)``.
        nodes: how many.
    """
    from torch_geometric.typing import WITH_PYG_LIB

    return (LoadedNeighborhoods if WITH_PYG_LIB else Neighborhoods).of(edge_index, edge_type, nodes)


@dataclass(frozen=True, eq=False)
class Neighborhoods:
    """The edges of a graph as compressed sparse rows: those that end at node ``v`` are ``first[v]`` to ``first[v+1]``.

    Source of the sampling of neighbors: Hamilton et al., "Inductive Representation Learning on Large Graphs",
    NeurIPS 2017.

    Args:
        first: int64 ``(node + 1,)``.
        source: int64 ``(edge,)``, where an edge starts; sorted by end, type and start.
        edge_type: int64 ``(edge,)``.
    """

    first: np.ndarray
    source: np.ndarray
    edge_type: np.ndarray

    @classmethod
    def of(cls, edge_index: np.ndarray, edge_type: np.ndarray, nodes: int) -> Neighborhoods:
        """The rows of a graph, whatever the order of its edges.

        Example:
            >>> rows = Neighborhoods.of(np.array([[0, 1, 2], [1, 2, 3]]), np.array([0, 0, 1]), nodes=4)
            >>> block = rows.block([3], fanout=(-1, -1))
            >>> block.nodes.tolist(), block.edge_index.tolist(), block.edge_type.tolist(), block.seeds.tolist()
            ([3, 2, 1], [[1, 2], [0, 1]], [1, 0], [0])
        """
        source, target = np.asarray(edge_index, dtype=np.int64)
        edge_type = np.asarray(edge_type, dtype=np.int64)
        _check_nodes(np.concatenate([source, target]), nodes, what="edges")
        order = np.lexsort([source, edge_type, target])
        first = np.concatenate([[0], np.bincount(target, minlength=nodes).cumsum()])
        return cls(first, source[order], edge_type[order])

    def block(self, seeds: Sequence[int] | np.ndarray, fanout: Sequence[int] = FANOUT, *, seed: int = 0) -> Block:
        """See :meth:`Sampler.block`."""
        seeds = _checked(seeds, fanout, len(self.first) - 1)
        random = np.random.default_rng(seed)
        frontier = np.unique(seeds)
        seen = frontier[:0]
        rings, rows, ends = [frontier], [], []
        for most in fanout:
            seen = np.union1d(seen, frontier)
            row, end = self._edges_into(frontier, most, random)
            rows.append(row)
            ends.append(end)
            frontier = np.setdiff1d(self.source[row], seen)
            rings.append(frontier)
        found = np.concatenate(rows)
        edges = np.stack([self.source[found], np.concatenate(ends)])
        return Block.of(seeds, rings, edges, self.edge_type[found])

    def _edges_into(self, nodes: np.ndarray, most: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Rows of edges that end at some nodes, at most so many at each (-1: all), and their ends."""
        first, count = self.first[nodes], self.first[nodes + 1] - self.first[nodes]
        many = count > most if most >= 0 else np.zeros(len(nodes), dtype=bool)
        few = np.where(many, 0, count)
        within = np.arange(few.sum()) - np.repeat(few.cumsum() - few, few)
        drawn = _draw(count[many], most, random)
        rows = np.concatenate([np.repeat(first, few) + within, (first[many, None] + drawn).ravel()])
        return rows, np.concatenate([np.repeat(nodes, few), np.repeat(nodes[many], drawn.shape[1])])


def _draw(count: np.ndarray, size: int, random: np.random.Generator) -> np.ndarray:
    """For each count ``size`` different numbers below it, int64 ``(count, size)``; every set is as likely.

    It takes as long for a node of a million edges as for one of twenty.

    Source: Robert Floyd's algorithm, in Bentley, "Programming Pearls: a sample of brilliance", CACM 30(9), 1987.
    """
    drawn = np.empty((len(count), size if len(count) else 0), dtype=np.int64)
    for column in range(drawn.shape[1]):
        last = count - size + column
        number = random.integers(0, last + 1)
        taken = (drawn[:, :column] == number[:, None]).any(1)
        drawn[:, column] = np.where(taken, last, number)
    return drawn


@dataclass(frozen=True, eq=False)
class LoadedNeighborhoods:
    """Blocks by PyG's NeighborLoader, which samples in C++ and needs pyg-lib.

    Args:
        edge_index: int64 ``(2, edge)``: from, to.
        edge_type: int64 ``(edge,)``.
        nodes: how many.
    """

    edge_index: np.ndarray
    edge_type: np.ndarray
    nodes: int
    _loaders: dict[tuple[int, ...], NeighborLoader] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def of(cls, edge_index: np.ndarray, edge_type: np.ndarray, nodes: int) -> LoadedNeighborhoods:
        """As :meth:`Neighborhoods.of`."""
        edge_index, edge_type = np.asarray(edge_index, dtype=np.int64), np.asarray(edge_type, dtype=np.int64)
        _check_nodes(edge_index.ravel(), nodes, what="edges")
        return cls(edge_index, edge_type, nodes)

    def block(self, seeds: Sequence[int] | np.ndarray, fanout: Sequence[int] = FANOUT, *, seed: int = 0) -> Block:
        """See :meth:`Sampler.block`."""
        import torch

        seeds = _checked(seeds, fanout, self.nodes)
        with torch.random.fork_rng(devices=[]):  # it draws by torch's own generator
            torch.manual_seed(seed)
            found = self._loader(tuple(fanout))(torch.from_numpy(np.unique(seeds))).e_id.numpy()
        edges = self.edge_index[:, found]
        rings = [np.unique(seeds)]
        for _ in fanout:
            near = edges[0, np.isin(edges[1], rings[-1])]
            rings.append(np.setdiff1d(near, np.concatenate(rings)))
        return Block.of(seeds, rings, edges, self.edge_type[found])

    def _loader(self, fanout: tuple[int, ...]) -> NeighborLoader:
        """The loader for a fanout: each one sorts all edges once."""
        if fanout not in self._loaders:
            import torch
            from torch_geometric.data import Data
            from torch_geometric.loader import NeighborLoader

            graph = Data(edge_index=torch.from_numpy(self.edge_index), num_nodes=self.nodes)
            self._loaders[fanout] = NeighborLoader(graph, num_neighbors=list(fanout))
        return self._loaders[fanout]


def _checked(seeds: Sequence[int] | np.ndarray, fanout: Sequence[int], nodes: int) -> np.ndarray:
    """Seeds as an array.

    Raises:
        DataError: seeds that are no nodes.
        ConfigError: no step, or one of no edges.
    """
    if not len(fanout) or any(most == 0 or most < -1 for most in fanout):
        expected = "for each step how many edges, 1 or more, or -1 for all"
        raise ConfigError(Problem(f"the fanout is {tuple(fanout)}", expected=expected))
    seeds = np.asarray(seeds, dtype=np.int64)
    _check_nodes(seeds, nodes, what="seeds")
    return seeds


def _check_nodes(numbers: np.ndarray, nodes: int, *, what: str) -> None:
    """Raise a DataError where numbers are not of nodes."""
    wrong = numbers[(numbers < 0) | (numbers >= nodes)]
    if len(wrong):
        got = f"{what} name the node {wrong[0]}"
        raise DataError(Problem(got, expected=f"nodes from 0 to {nodes - 1}"))
