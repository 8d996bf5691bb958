"""Blocks of large graphs, against the whole graph and against PyG's."""

from __future__ import annotations

import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch_geometric.typing
from hypothesis import given, settings
from hypothesis import strategies as st

from kgzsl.data.neighbors import Block, LoadedNeighborhoods, Neighborhoods, _draw, sampler
from kgzsl.errors import ConfigError, DataError
from kgzsl.model.graph_encoder import KINDS, GraphConfig, GraphEncoder

NODES, EDGES, RELATIONS = 60, 200, 4


def graph(seed: int = 0, nodes: int = NODES, edges: int = EDGES) -> tuple[np.ndarray, np.ndarray]:
    """Edges and their types, each edge once; into node 0 lead many."""
    random = np.random.default_rng(seed)
    table = random.integers(0, [nodes, nodes, RELATIONS], (edges, 3))
    table[: edges // 4, 1] = 0
    table = random.permutation(np.unique(table, axis=0))
    return table[:, :2].T, table[:, 2]


def as_edges(block: Block) -> set[tuple[int, int, int]]:
    """A block's edges by numbers of the graph."""
    start, end = block.nodes[block.edge_index]
    return set(zip(start.tolist(), end.tolist(), block.edge_type.tolist(), strict=True))


def reached(edge_index: np.ndarray, edge_type: np.ndarray, seeds: list[int], hops: int) -> set[tuple[int, int, int]]:
    """All edges that end at seeds, at their neighbors, and so on, found one by one."""
    edges = list(zip(*edge_index.tolist(), edge_type.tolist(), strict=True))
    found: set[tuple[int, int, int]] = set()
    ends = set(seeds)
    for _ in range(hops):
        found |= {edge for edge in edges if edge[1] in ends}
        ends |= {edge[0] for edge in found}
    return found


@given(st.integers(0, 50), st.lists(st.integers(0, NODES - 1), min_size=1, max_size=5), st.integers(1, 3))
@settings(deadline=None)
def test_a_full_block_holds_all_edges_of_so_many_steps(number: int, seeds: list[int], hops: int) -> None:
    edge_index, edge_type = graph(number)
    block = Neighborhoods.of(edge_index, edge_type, NODES).block(seeds, (-1,) * hops)
    wanted = reached(edge_index, edge_type, seeds, hops)
    assert as_edges(block) == wanted
    assert len(block.edge_type) == len(wanted)
    assert block.nodes[block.seeds].tolist() == seeds
    rings = np.split(block.nodes, block.within)
    for steps, ring in enumerate(rings[:-1]):
        near = {edge[0] for edge in reached(edge_index, edge_type, seeds, steps)} | set(seeds)
        closer = {edge[0] for edge in reached(edge_index, edge_type, seeds, steps - 1)} | set(seeds) if steps else set()
        assert ring.tolist() == sorted(near - closer)
    assert (len(rings), len(rings[-1])) == (hops + 2, 0)


@given(st.integers(0, 20), st.integers(1, 4), st.integers(1, 4))
@settings(deadline=None)
def test_a_drawn_block_has_so_many_different_edges_at_each_node(number: int, first: int, second: int) -> None:
    edge_index, edge_type = graph(number)
    seeds = [0, 7, 9]
    block = Neighborhoods.of(edge_index, edge_type, NODES).block(seeds, (first, second), seed=number)
    edges = as_edges(block)
    assert len(edges) == len(block.edge_type)
    assert edges <= reached(edge_index, edge_type, seeds, 2)
    degree = np.bincount(edge_index[1], minlength=NODES)
    drawn = np.bincount([end for _, end, _ in edges], minlength=NODES)
    starts = {start for start, end, _ in edges if end in seeds} - set(seeds)
    for node in range(NODES):
        most = first if node in seeds else second if node in starts else 0
        assert drawn[node] == min(degree[node], most)


def test_the_seed_alone_decides_what_is_drawn() -> None:
    edge_index, edge_type = graph()
    order = np.random.default_rng(1).permutation(len(edge_type))
    rows = Neighborhoods.of(edge_index, edge_type, NODES)
    again = Neighborhoods.of(edge_index[:, order], edge_type[order], NODES)
    one, other = rows.block([3, 0, 5], (2, 2), seed=4), again.block([5, 3, 0], (2, 2), seed=4)
    assert np.array_equal(one.edge_index, other.edge_index)
    assert np.array_equal(one.edge_type, other.edge_type)
    assert len({frozenset(as_edges(rows.block([0], (2,), seed=k))) for k in range(20)}) > 5


def test_every_set_of_edges_is_drawn_as_often() -> None:
    drawn = np.sort(_draw(np.full(20_000, 4), 2, np.random.default_rng(0)), axis=1)
    sets, count = np.unique(drawn, axis=0, return_counts=True)
    assert sets.tolist() == [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]
    assert abs(count / 20_000 - 1 / 6).max() < 0.015


@pytest.mark.parametrize("kind", KINDS)
def test_states_of_the_seeds_are_those_of_the_whole_graph(kind: str) -> None:
    edge_index, edge_type = graph()
    features = torch.randn(NODES, 6, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    encoder = GraphEncoder(GraphConfig(kind=kind, dim=8), width=6, relations=RELATIONS)
    whole = encoder(features, torch.from_numpy(edge_index.copy()), torch.from_numpy(edge_type.copy()))
    seeds = [5, 0, 33]
    block = Neighborhoods.of(edge_index, edge_type, NODES).block(seeds, (-1, -1))
    assert len(block.nodes) < NODES
    inputs = features[block.nodes], torch.from_numpy(block.edge_index), torch.from_numpy(block.edge_type)
    assert torch.allclose(encoder(*inputs)[block.seeds], whole[seeds], atol=1e-5)
    alone = encoder(*inputs, within=block.within)
    assert len(alone) == len(seeds) < len(block.nodes)
    assert torch.allclose(alone[block.seeds], whole[seeds], atol=1e-5)


def test_a_block_takes_no_memory_for_the_rest_of_the_graph() -> None:
    nodes = 200_000
    chain = np.stack([np.arange(nodes - 1), np.arange(1, nodes)])
    rows = Neighborhoods.of(chain, np.zeros(nodes - 1, dtype=np.int64), nodes)
    tracemalloc.start()
    block = rows.block([100_000], (3, 3))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert block.nodes.tolist() == [100_000, 99_999, 99_998]
    assert peak < nodes / 4  # not even a byte for each node


def test_nodes_without_edges_and_no_seeds() -> None:
    rows = Neighborhoods.of(np.empty((2, 0)), np.empty(0), 3)
    block = rows.block([2, 2])
    assert (block.nodes.tolist(), block.edge_index.shape, block.seeds.tolist()) == ([2], (2, 0), [0, 0])
    assert rows.block([]).nodes.shape == (0,)


@pytest.mark.parametrize("kind", [Neighborhoods, LoadedNeighborhoods])
def test_what_is_wrong_is_said(kind: type[Neighborhoods]) -> None:
    with pytest.raises(DataError, match="edges name the node 3; expected nodes from 0 to 2"):
        kind.of(np.array([[0], [3]]), np.array([0]), 3)
    rows = kind.of(np.array([[0], [1]]), np.array([0]), 3)
    with pytest.raises(DataError, match="seeds name the node -1"):
        rows.block([0, -1])
    for fanout in ((), (5, 0), (-2,)):
        with pytest.raises(ConfigError, match="expected for each step how many edges"):
            rows.block([0], fanout)


# ---- PyG's NeighborLoader ------------------------------------------------------------


def same_full_blocks() -> None:
    for number in range(5):
        edge_index, edge_type = graph(number)
        own = Neighborhoods.of(edge_index, edge_type, NODES)
        other = sampler(edge_index, edge_type, NODES)
        assert isinstance(other, LoadedNeighborhoods)
        for fanout in ((-1,), (-1, -1), (-1, -1, -1)):
            seeds = edge_index[:, [4, 9]].ravel()  # the ends of two edges
            a, b = own.block(seeds, fanout), other.block(seeds, fanout)
            for name in ("nodes", "edge_index", "edge_type", "seeds", "within"):
                assert np.array_equal(getattr(a, name), getattr(b, name)), name


def test_both_samplers_give_the_same_full_blocks() -> None:
    if not torch_geometric.typing.WITH_PYG_LIB:
        pytest.skip("pyg-lib is not installed: it is not on the package index")
    same_full_blocks()
    edge_index, edge_type = graph()
    block = sampler(edge_index, edge_type, NODES).block([0, 7], (3, 2), seed=1)
    assert np.bincount(block.edge_index[1]).max() <= 3
    assert as_edges(block) == as_edges(sampler(edge_index, edge_type, NODES).block([7, 0], (3, 2), seed=1))


@pytest.mark.filterwarnings("ignore:Using 'NeighborSampler' without")
def test_the_loader_is_read_right_whatever_samples_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyG's own code around a stand-in for the one operator of pyg-lib that it calls."""

    def neighbor_sample(colptr: torch.Tensor, row: torch.Tensor, seed: torch.Tensor, fanout: list[int], *_: object):
        nodes, rows, columns, edges = seed.tolist(), [], [], []
        todo = list(nodes)
        for _step in fanout:
            fresh = []
            for node in todo:
                for edge in range(int(colptr[node]), int(colptr[node + 1])):
                    if (start := int(row[edge])) not in nodes:
                        nodes.append(start)
                        fresh.append(start)
                    rows.append(nodes.index(start))
                    columns.append(nodes.index(node))
                    edges.append(edge)
            todo = fresh
        return tuple(torch.tensor(x, dtype=torch.int64) for x in (rows, columns, nodes, edges))

    monkeypatch.setattr(torch_geometric.typing, "WITH_PYG_LIB", True)
    monkeypatch.setattr(torch.ops, "pyg", SimpleNamespace(neighbor_sample=neighbor_sample), raising=False)
    same_full_blocks()


def test_without_pyg_lib_the_own_sampler_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_geometric.typing, "WITH_PYG_LIB", False)
    assert isinstance(sampler(*graph(), NODES), Neighborhoods)
