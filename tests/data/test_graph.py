"""The ontology as a PyG graph."""

from __future__ import annotations

from kgzsl import api
from kgzsl.data.graph import to_hetero_data


def test_graph_holds_every_fact_between_its_nodes_both_ways() -> None:
    ontology = api.load_ontology(api.creatures_ontology())
    graph = to_hetero_data(ontology)
    nodes = {*ontology.classes, *ontology.attributes}
    facts = [f for f in ontology.facts() if f.subject in nodes and f.object in nodes]
    assert sum(graph[kind].edge_index.shape[1] for kind in graph.edge_types) == 2 * len(facts)
    assert graph.validate()
    color = graph["class", "has body color", "attribute"]
    pairs = {
        (graph["class"].iri[i], graph["attribute"].iri[j]): bool(e)
        for i, j, e in zip(*color.edge_index.tolist(), color.entailed.tolist(), strict=True)
    }
    wanted = {
        f.key[0::2][:2]: f.status == "entailed"
        for f in facts
        if f.predicate.endswith("hasBodyColor") and f.polarity == "positive"
    }
    assert pairs == wanted
