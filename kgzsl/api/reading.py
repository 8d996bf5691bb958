"""What a language model makes of an ontology: texts as states, and the graph whose nodes are such states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from kgzsl.api.records import Dataset, Run
from kgzsl.errors import NoFactsError, Problem
from kgzsl.ontology import Ontology
from kgzsl.semantics import node_text
from kgzsl.semantics.groups import chosen
from kgzsl.semantics.hashing import word_states

if TYPE_CHECKING:
    from kgzsl.data.texts import TextModel
    from kgzsl.model.graph_encoder import TypedGraph
    from kgzsl.model.graph_states import GraphInputs
    from kgzsl.train.run import RunConfig

__all__ = ["WORDS", "edges_of_added", "graph_of", "read_texts", "typed_graph"]

WORDS = "words"
"""In the place of a language model: which words a text has."""


def read_texts(texts: Sequence[str], config: RunConfig, *, model: TextModel | None = None) -> np.ndarray:
    """Texts as states of the run's language model, or as the words in them, float32 ``(text, dim)``.

    Args:
        texts: in any order, with repetitions.
        config: names the model.
        model: what :func:`~kgzsl.data.texts.load_text_model` made of that name, where it is at hand.
    """
    if config.semantics.language_model == WORDS:
        return word_states(texts)
    from kgzsl.data.texts import text_states

    return text_states(texts, model or config.semantics.language_model)


def graph_of(config: RunConfig, data: Dataset) -> tuple[GraphInputs, np.ndarray]:
    """The graph of the chosen facts, its nodes read by the language model, and the numbers of the classes' nodes.

    Raises:
        NoFactsError: the facts join no terms.
    """
    from kgzsl.model.graph_states import GraphInputs

    ontology, classes = data.ontology, data.images.space.classes
    graph = typed_graph(config, ontology)
    if not len(graph.edge_type):
        fix = "choose more groups with semantics.facts, or leave gnn out of semantics.source"
        got = "the graph of the chosen facts has no edges"
        raise NoFactsError(Problem(got, expected="facts that join terms", fix=fix))
    nodes = [iri for iris in graph.numbers.values() for iri in iris]
    fillers = dict.fromkeys(a.filler for a in data.attributes.attributes if a.unit is None)
    inputs = GraphInputs(
        features=read_texts([node_text(iri, ontology) for iri in nodes], config),
        edge_index=graph.edge_index.numpy(),
        edge_type=graph.edge_type.numpy(),
        relations=graph.relations,
        training=np.array([graph.number(iri) for iri in data.split.training]),
        attributes=np.array([graph.number(iri) for iri in fillers]),
    )
    return inputs, np.array([graph.number(iri) for iri in classes])


def edges_of_added(run: Run, extended: Ontology, added: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nodes of classes that came after training, and the edges that end at them.

    Nothing leads from them to other nodes, whose states stay as they were. Relations that the run's graph does not have
    are left out.

    Returns:
        Features of the new nodes, which are numbered on from those of the graph, their edges ``(2, edge)`` and types.
    """
    own, whole = typed_graph(run.config, run.ontology), typed_graph(run.config, extended)
    number = {iri: own.nodes + k for k, iri in enumerate(added)}
    terms = {row: iri for iris in whole.numbers.values() for iri, row in iris.items()}
    there = {iri for iris in own.numbers.values() for iri in iris}
    edges = []
    half = whole.relations // 2
    for (start, end), kind in zip(whole.edge_index.T.tolist(), whole.edge_type.tolist(), strict=True):
        one, other, name = terms[start], terms[end], whole.names[kind % half]
        if other in number and (one in there or one in number) and name in own.names:
            place = number[one] if one in number else own.number(one)
            edges.append((place, number[other], own.names.index(name) + (kind >= half) * (own.relations // 2)))
    table = np.array(edges, dtype=np.int64).reshape(-1, 3)
    features = read_texts([node_text(iri, extended) for iri in added], run.config)
    return features, np.ascontiguousarray(table[:, :2].T), np.ascontiguousarray(table[:, 2])


def typed_graph(config: RunConfig, ontology: Ontology) -> TypedGraph:
    """The graph of the facts that a run chooses."""
    from kgzsl.data.graph import to_hetero_data
    from kgzsl.model.graph_encoder import TypedGraph

    return TypedGraph.of(to_hetero_data(ontology, rows=chosen(ontology, config.semantics.facts)))
