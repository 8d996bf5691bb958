"""Graphs as numbers, and the graph networks over them."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from kgzsl import api
from kgzsl.data.graph import to_hetero_data
from kgzsl.data.neighbors import Neighborhoods
from kgzsl.errors import ConfigError, DataError
from kgzsl.model.graph_encoder import COMPOSITIONS, KINDS, CompGCNConv, GraphConfig, GraphEncoder, TypedGraph

NODES, RELATIONS, WIDTH = 7, 4, 5
CONFIGS = [
    GraphConfig(kind=kind, dim=8, bases=2, composition=composition)
    for kind in KINDS
    for composition in (COMPOSITIONS if kind == "compgcn" else ("sub",))
]
every_kind = pytest.mark.parametrize("config", CONFIGS, ids=lambda c: f"{c.kind}-{c.composition}")


def encoder(config: GraphConfig, relations: int = RELATIONS) -> GraphEncoder:
    torch.manual_seed(0)
    return GraphEncoder(config, width=WIDTH, relations=relations).double()


def edges() -> tuple[Tensor, Tensor]:
    """Six facts and their reverses; node 6 has none."""
    start, end, kind = torch.tensor([[0, 0, 1, 2, 4, 1], [1, 2, 3, 3, 0, 5], [0, 1, 0, 1, 1, 0]])
    back = torch.stack([end, start])
    return torch.cat([torch.stack([start, end]), back], 1), torch.cat([kind, kind + RELATIONS // 2])


def features(nodes: int = NODES) -> Tensor:
    return torch.randn(nodes, WIDTH, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


# ---- the graph -----------------------------------------------------------------------


def test_nodes_and_relations_of_an_ontology_are_numbered() -> None:
    hetero = to_hetero_data(api.load_ontology(api.creatures_ontology()))
    graph = TypedGraph.of(hetero)
    assert graph.nodes == sum(hetero[kind].num_nodes for kind in hetero.node_types)
    assert graph.relations == 2 * len(graph.names)
    assert list(graph.names) == sorted({e[1] for e in hetero.edge_types if not e[1].startswith("rev ")})
    found = {tuple(row) for row in torch.cat([graph.edge_index, graph.edge_type[None]]).T.tolist()}
    wanted = set()
    for one, name, other in hetero.edge_types:
        if name.startswith("rev "):
            relation = graph.names.index(name.removeprefix("rev ")) + len(graph.names)
        else:
            relation = graph.names.index(name)
        for start, end in hetero[one, name, other].edge_index.T.tolist():
            wanted.add((graph.number(hetero[one].iri[start]), graph.number(hetero[other].iri[end]), relation))
    assert found == wanted
    assert graph.edge_index.shape[1] == len(found)


def test_a_relation_that_is_called_like_a_reverse_is_a_relation() -> None:
    from torch_geometric.data import HeteroData

    hetero = HeteroData()
    hetero["class"].iri, hetero["class"].num_nodes = ["a", "b"], 2
    hetero["class", "rev counter", "class"].edge_index = torch.tensor([[0], [1]])
    hetero["class", "rev rev counter", "class"].edge_index = torch.tensor([[1], [0]])
    graph = TypedGraph.of(hetero)
    assert graph.names == ("rev counter",)
    assert (graph.edge_index.tolist(), graph.edge_type.tolist()) == ([[0, 1], [1, 0]], [0, 1])


def test_a_graph_without_facts_has_nodes_all_the_same() -> None:
    from torch_geometric.data import HeteroData

    hetero = HeteroData()
    hetero["class"].iri, hetero["class"].num_nodes = ["a", "b"], 2
    hetero["attribute"].iri, hetero["attribute"].num_nodes = [], 0
    graph = TypedGraph.of(hetero)
    assert (graph.nodes, graph.relations, graph.edge_index.shape) == (2, 0, (2, 0))
    assert graph.number("b") == 1
    with pytest.raises(DataError, match="no node http://e/#c"):
        graph.number("http://e/#c")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"nodes": 2}, "nodes from 0 to 2; expected nodes from 0 to 1"),
        ({"edge_type": torch.tensor([0, 2])}, "types from 0 to 2; expected types from 0 to 1"),
        ({"edge_type": torch.tensor([0])}, r"edges are \(2, 2\); expected \(2, 1\)"),
        ({"relations": 3}, "3 relations; expected each with its reverse"),
    ],
)
def test_what_is_no_graph_is_refused(changes: dict[str, object], said: str) -> None:
    graph = TypedGraph(torch.tensor([[0, 2], [2, 0]]), torch.tensor([0, 1]), 3, 2)
    with pytest.raises(DataError, match=said):
        dataclasses.replace(graph, **changes)


# ---- the networks --------------------------------------------------------------------


@every_kind
def test_states_follow_their_nodes_when_nodes_are_renumbered(config: GraphConfig) -> None:
    network, (edge_index, edge_type), x = encoder(config), edges(), features()
    order = torch.randperm(NODES, generator=torch.Generator().manual_seed(2))
    shuffle = torch.randperm(len(edge_type), generator=torch.Generator().manual_seed(3))
    renumbered = order.argsort()[edge_index][:, shuffle]
    assert torch.allclose(network(x[order], renumbered, edge_type[shuffle]), network(x, edge_index, edge_type)[order])


@every_kind
def test_a_node_without_edges_keeps_its_own_text(config: GraphConfig) -> None:
    """It has the state that it has in a graph without edges, whatever the others are; two such nodes differ."""
    network, (edge_index, edge_type), x = encoder(config), edges(), features()
    none = torch.empty(2, 0, dtype=torch.int64), torch.empty(0, dtype=torch.int64)
    alone = network(x, *none)
    assert torch.allclose(network(x, edge_index, edge_type)[6], alone[6])
    assert not torch.allclose(network(x, edge_index, edge_type)[0], alone[0])
    assert torch.pdist(alone).min() > 0.1
    assert encoder(config, relations=0)(x, *none).isfinite().all()


@every_kind
def test_what_a_relation_is_matters(config: GraphConfig) -> None:
    network, (edge_index, edge_type), x = encoder(config), edges(), features()
    other = edge_type.clone()
    other[0] = 1  # of node 1, which has another neighbor too
    change = (network(x, edge_index, other) - network(x, edge_index, edge_type)).abs().amax(1)
    assert change[1] > 1e-6


@every_kind
def test_the_same_seed_trains_to_the_same_bits_and_everything_learns(config: GraphConfig) -> None:
    def trained() -> Tensor:
        network = encoder(dataclasses.replace(config, dropout=0.2)).train()
        optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            network(features(), *edges()).square().mean().backward()
            assert all(p.grad is not None for p in network.parameters())
            optimizer.step()
        return network.eval()(features(), *edges())

    assert torch.equal(trained(), trained())


@pytest.mark.parametrize("composition", COMPOSITIONS)
def test_compgcn_is_the_dense_formula(composition: str) -> None:
    torch.manual_seed(0)
    layer = CompGCNConv(3, composition=composition).double()
    relations = torch.randn(RELATIONS, 3, dtype=torch.float64)
    (edge_index, edge_type), x = edges(), torch.randn(NODES, 3, dtype=torch.float64)

    def joined(a: Tensor, b: Tensor) -> Tensor:
        return a - b if composition == "sub" else a * b

    expected = []
    for node in range(NODES):
        state = layer.own.weight @ joined(x[node], layer.own_relation[0]) + layer.own.bias
        for reverse, weight in ((False, layer.along.weight), (True, layer.against.weight)):
            found = [
                joined(x[u], relations[r])
                for u, v, r in zip(*edge_index.tolist(), edge_type.tolist(), strict=True)
                if v == node and (r >= RELATIONS // 2) == reverse
            ]
            if found:
                state = state + weight @ torch.stack(found).mean(0)
        expected.append(state)
    assert torch.allclose(layer((x, x), edge_index, edge_type, relations), torch.stack(expected))


def test_a_block_has_as_many_steps_as_there_are_layers() -> None:
    with pytest.raises(ConfigError, match="a block of 1 steps; expected as many as layers, 2"):
        encoder(CONFIGS[0])(features(), *edges(), within=(2, 7))


def test_relations_share_a_basis() -> None:
    rank = {}
    for bases in (1, 2, 50):
        network = encoder(GraphConfig(kind="compgcn", dim=8, bases=bases))
        rank[bases] = int(torch.linalg.matrix_rank(network.relations()))
    assert rank == {1: 1, 2: 2, 50: RELATIONS}


def test_all_that_is_wrong_with_the_sizes_is_said_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        GraphConfig(kind="gcn", dim=0, layers=0, bases=-1, dropout=1.0, composition="corr")
    assert len(caught.value.problems) == 6
    assert "'gcn'; expected one of rgcn, gat, compgcn" in str(caught.value)
    with pytest.raises(ConfigError, match="dim is 6; expected a multiple of the 4 heads"):
        GraphConfig(kind="gat", dim=6)


# ---- edges that are there to a degree ------------------------------------------------


@every_kind
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(0, 14))
def test_a_weight_of_one_is_an_edge_and_of_zero_none(config: GraphConfig, seed: int, count: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    edge_index = torch.randint(NODES, (2, count), generator=draw)
    edge_type = torch.randint(RELATIONS, (count,), generator=draw)
    network, x = encoder(config), features()
    whole = network(x, edge_index, edge_type)
    ones = torch.ones(count, dtype=torch.float64)
    assert torch.allclose(network(x, edge_index, edge_type, edge_weight=ones), whole, atol=1e-9)
    kept = torch.rand(count, generator=draw) < 0.5
    cut = network(x, edge_index[:, kept], edge_type[kept])
    assert torch.allclose(network(x, edge_index, edge_type, edge_weight=kept.double()), cut, atol=1e-9)


@every_kind
def test_weights_are_cut_with_the_edges_of_a_block(config: GraphConfig) -> None:
    (edge_index, edge_type), x = edges(), features()
    weight = torch.linspace(0.1, 1, len(edge_type), dtype=torch.float64)
    block = Neighborhoods.of(edge_index.numpy(), edge_type.numpy(), NODES).block([3], (-1, -1))
    whole = encoder(config)(x, edge_index, edge_type, edge_weight=weight)
    own = {tuple(row): k for k, row in enumerate(torch.cat([edge_index, edge_type[None]]).T.tolist())}
    ends = zip(*block.nodes[block.edge_index].tolist(), block.edge_type.tolist(), strict=True)
    told = encoder(config)(
        x[block.nodes],
        torch.from_numpy(block.edge_index),
        torch.from_numpy(block.edge_type),
        within=block.within,
        edge_weight=weight[[own[edge] for edge in ends]],
    )
    assert torch.allclose(told[0], whole[3])


@every_kind
def test_between_nothing_and_all_of_an_edge_states_go_smoothly(config: GraphConfig) -> None:
    """Of a node with a single edge, too, a small weight passes on little: else its gradient would say nothing."""
    network, (edge_index, edge_type), x = encoder(config), edges(), features()
    none = torch.empty(2, 0, dtype=torch.int64), torch.empty(0, dtype=torch.int64)
    tiny = torch.full((len(edge_type),), 1e-6, dtype=torch.float64)
    assert torch.allclose(network(x, edge_index, edge_type, edge_weight=tiny), network(x, *none), atol=1e-4)
    weight = torch.full((len(edge_type),), 0.5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda w: network(x, edge_index, edge_type, edge_weight=w), weight)
