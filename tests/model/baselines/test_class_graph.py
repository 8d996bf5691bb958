from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from kgzsl.model.baselines.class_graph import ClassGraph, DensePropagation, GraphConvolution, class_graph
from kgzsl.ontology import parse_ontology
from kgzsl.semantics import class_attributes

CHAIN = ClassGraph(
    ("leaf", "middle", "root"),
    torch.eye(3),
    below=torch.tensor([0, 0, 0, 1, 1, 2]),
    above=torch.tensor([0, 1, 2, 1, 2, 2]),
    distance=torch.tensor([0, 1, 2, 0, 1, 0]),
)


def plain(layers: Any) -> None:
    """Layers that only propagate: the identity for weights, no bias."""
    for layer in layers:
        linear = getattr(layer, "linear", None) or layer.lin
        torch.nn.init.eye_(linear.weight)
        for bias in (linear.bias, getattr(layer, "bias", None)):
            if isinstance(bias, torch.Tensor):
                torch.nn.init.zeros_(bias)


def test_dense_propagation_on_a_chain_by_hand() -> None:
    """Leaf < middle < root, features a, b, c: first from descendants, then from ancestors.

    With weights w0, w1, w2 of the distances 0, 1, 2, the first layer gives the leaf w0 a, the middle w0 b + w1 a, the
    root w0 c + w1 b + w2 a. With v0, v1, v2 the second gives the leaf v0 of its own, v1 of the middle's and v2 of the
    root's.
    """
    model = DensePropagation(CHAIN, (3, 3, 3)).eval()
    plain(model.layers)
    raw = torch.tensor([[1.0, 2.0, 4.0, 0.0, 0.0], [3.0, 1.0, 2.0, 0.0, 0.0]])
    for layer, weight in zip(model.layers, raw.log(), strict=True):
        layer.weight.data.copy_(weight.clamp(min=-60))
    w, v = [1 / 7, 2 / 7, 4 / 7], [3 / 6, 1 / 6, 2 / 6]
    leaf, middle, root = (torch.tensor(row) for row in ([w[0], 0, 0], [w[1], w[0], 0], [w[2], w[1], w[0]]))
    expected = torch.stack([v[0] * leaf + v[1] * middle + v[2] * root, v[0] * middle + v[1] * root, v[0] * root])
    with torch.no_grad():
        assert torch.allclose(model(CHAIN.features), F.normalize(expected, dim=1), atol=1e-6)


def test_several_nodes_at_one_distance_are_averaged() -> None:
    """A root over two leaves: from its descendants one step away it takes their mean."""
    graph = ClassGraph(
        ("one", "two", "root"),
        torch.eye(3),
        below=torch.tensor([0, 0, 1, 1, 2]),
        above=torch.tensor([0, 2, 1, 2, 2]),
        distance=torch.tensor([0, 1, 0, 1, 0]),
    )
    model = DensePropagation(graph, (3, 3, 3)).eval()
    plain(model.layers)
    model.layers[0].weight.data.copy_(torch.tensor([0.0, math.log(3.0), -60, -60, -60]))
    model.layers[1].weight.data.copy_(torch.tensor([0.0, -60, -60, -60, -60]))  # each keeps what it has
    with torch.no_grad():
        root = model(graph.features)[2]
    # w0 = 1/4, w1 = 3/4: (3/8, 3/8, 1/4)
    assert torch.allclose(root, F.normalize(torch.tensor([3 / 8, 3 / 8, 1 / 4]), dim=0), atol=1e-6)


def test_graph_convolution_on_a_chain_by_hand() -> None:
    """``D^-1/2 (A + I) D^-1/2`` twice; with loops, the ends have degree 2 and the middle 3."""
    model = GraphConvolution(CHAIN, (3, 3, 3)).eval()
    plain(model.layers)
    end, side = 1 / 2, 1 / math.sqrt(6)
    step = torch.tensor([[end, side, 0], [side, 1 / 3, side], [0, side, end]])
    with torch.no_grad():
        assert torch.allclose(model(CHAIN.features), F.normalize(step @ step, dim=1), atol=1e-6)


PREFIXES = """@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . :has a owl:ObjectProperty .\n"""


def graph_of(text: str, classes: str) -> ClassGraph:
    ontology = parse_ontology(PREFIXES + text).entail("el")
    return class_graph(ontology, class_attributes(ontology, [f"http://e/#{name}" for name in classes.split()]))


def steps(graph: ClassGraph) -> dict[tuple[str, str], int]:
    """Fewest steps from each node to each above it, by local names."""
    names = [name.split("#")[-1].split("'")[0] for name in graph.names]
    pairs = zip(graph.below.tolist(), graph.above.tolist(), graph.distance.tolist(), strict=True)
    return {(names[a], names[b]): d for a, b, d in pairs}


def test_ancestors_are_nodes_and_take_the_mean_of_what_is_below() -> None:
    text = """:Animal a owl:Class . :Tree a owl:Class .
    :Cat a owl:Class ; rdfs:subClassOf :Animal . :Fish a owl:Class ; rdfs:subClassOf :Animal .
    :Lion a owl:Class ; rdfs:subClassOf :Cat ; :has :Mane . :Lynx a owl:Class ; rdfs:subClassOf :Cat ; :has :Tufts .
    :Carp a owl:Class ; rdfs:subClassOf :Fish ; :has :Fins ."""
    graph = graph_of(text, "Lion Lynx Carp")
    assert len(graph.names) == 6
    own = {(a, b): d for (a, b), d in steps(graph).items() if a != b}
    assert own == {
        **{(leaf, "Cat"): 1 for leaf in ("Lion", "Lynx")},
        ("Carp", "Fish"): 1,
        **{(leaf, "Animal"): 2 for leaf in ("Lion", "Lynx", "Carp")},
        **{(middle, "Animal"): 1 for middle in ("Cat", "Fish")},
    }
    cat = [name.endswith("#Cat") for name in graph.names].index(True)
    assert torch.allclose(graph.features[cat], F.normalize(graph.features[0] + graph.features[1], dim=0))


def test_where_the_taxonomy_is_flat_attributes_are_nodes() -> None:
    text = """:Animal a owl:Class .
    :Lion a owl:Class ; rdfs:subClassOf :Animal ; :has :Mane , :Fur .
    :Lynx a owl:Class ; rdfs:subClassOf :Animal ; :has :Fur ."""
    graph = graph_of(text, "Lion Lynx")
    assert len(graph.names) == 4  # two classes, fur and mane; the animal says nothing
    assert sorted(d for (a, b), d in steps(graph).items() if a != b) == [1, 1, 1]
    assert graph.features[2:].sum(1).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("network", [GraphConvolution, DensePropagation])
def test_the_order_of_classes_does_not_matter(toys: Any, network: Any) -> None:
    from kgzsl import api

    data = api.load_dataset(toys.config())
    classes = list(data.attributes.classes)
    vectors = []
    for order in (classes, classes[::-1]):
        graph = class_graph(data.ontology, data.attributes.subset(order))
        torch.manual_seed(0)
        with torch.no_grad():
            vectors.append(network(graph, (graph.features.shape[1], 8, 5)).eval()(graph.features)[: len(classes)])
    assert torch.allclose(vectors[0], vectors[1].flip(0), atol=1e-5)
