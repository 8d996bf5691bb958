"""The ontology as networkx graphs and as an rdflib graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kgzsl.ontology.ontology import Ontology
from kgzsl.ontology.vocabulary import BUILT_IN, OWL, RDF, RDFS, is_literal

if TYPE_CHECKING:
    import networkx
    import rdflib

__all__ = ["attribute_graph", "class_graph", "to_rdflib"]


def class_graph(ontology: Ontology) -> networkx.DiGraph:
    """Classes as nodes (``label``), their asserted positive taxonomy as edges (``predicate``), upwards."""
    import networkx

    graph = networkx.DiGraph()
    graph.add_nodes_from((iri, {"label": ontology.label(iri)}) for iri in ontology.classes)
    for fact in ontology.facts(polarity="positive", status="asserted"):
        if fact.subject in graph and fact.object in graph and fact.predicate.startswith(BUILT_IN):
            graph.add_edge(fact.subject, fact.object, predicate=fact.predicate)
    return graph


def attribute_graph(ontology: Ontology) -> networkx.MultiDiGraph:
    """Classes and attributes as nodes (``label``, ``kind``), joined by the positive facts.

    Edges run from class to attribute, and from attribute to the attribute above it, with
    ``predicate``, which is the edge's key too: two properties may join the same two nodes.
    """
    import networkx

    graph = networkx.MultiDiGraph()
    graph.add_nodes_from((c, {"label": ontology.label(c), "kind": "class"}) for c in ontology.classes)
    graph.add_nodes_from((a, {"label": ontology.label(a), "kind": "attribute"}) for a in ontology.attributes)
    attributes = set(ontology.attributes)
    for fact in ontology.facts(polarity="positive"):
        if fact.subject in graph and fact.object in attributes:
            graph.add_edge(fact.subject, fact.object, key=fact.predicate, predicate=fact.predicate)
    return graph


def to_rdflib(ontology: Ontology) -> rdflib.Graph:
    """All facts as OWL: the taxonomy as it is, facts about classes as restrictions.

    A positive fact becomes ``subClassOf [some]`` (``[value]`` for a literal or an
    individual), a negative one ``subClassOf [complementOf ...]``. Reading the graph back
    under the owl profile gives the same facts.
    """
    from rdflib import BNode, Graph, Literal, URIRef

    graph = Graph()
    individuals = {f.subject for f in ontology.facts(predicate=RDF.type)}

    def node(term: str) -> URIRef | Literal:
        if not is_literal(term):
            return URIRef(term)
        text, mark = term[1 : term.rindex('"')], term[term.rindex('"') + 1 :]
        return Literal(text, lang=mark[1:]) if mark.startswith("@") else Literal(text, datatype=URIRef(mark[2:]))

    for kind, iris in ((OWL.Class, ontology.classes), (OWL.Class, ontology.attributes)):
        for iri in iris:
            graph.add((URIRef(iri), URIRef(RDF.type), URIRef(OWL.NamedIndividual if iri in individuals else kind)))
    c, terms = ontology.columns, ontology.terms
    literal_properties = {terms[p] for p, o in zip(c.predicate, c.object, strict=True) if is_literal(terms[o])}
    for iri in ontology.properties:
        kind = OWL.DatatypeProperty if iri in literal_properties else OWL.ObjectProperty
        graph.add((URIRef(iri), URIRef(RDF.type), URIRef(kind)))
    for iri, names in ontology.labels.items():
        for k, name in enumerate(names):
            predicate = RDFS.label if k == 0 else "http://www.w3.org/2004/02/skos/core#altLabel"
            graph.add((URIRef(iri), URIRef(predicate), Literal(name)))
    for row in range(len(c)):
        subject, predicate, object = (URIRef(terms[c.subject[row]]), terms[c.predicate[row]], terms[c.object[row]])
        target: URIRef | Literal | BNode = node(object)
        if not predicate.startswith(BUILT_IN):
            kind = OWL.hasValue if is_literal(object) or object in individuals else OWL.someValuesFrom
            restriction = BNode(f"r{row}")
            graph.add((restriction, URIRef(RDF.type), URIRef(OWL.Restriction)))
            graph.add((restriction, URIRef(OWL.onProperty), URIRef(predicate)))
            graph.add((restriction, URIRef(kind), target))
            target, predicate = restriction, RDFS.subClassOf
            if c.negative[row]:
                target = BNode(f"n{row}")
                graph.add((target, URIRef(RDF.type), URIRef(OWL.Class)))
                graph.add((target, URIRef(OWL.complementOf), restriction))
        elif c.negative[row]:
            predicate = OWL.disjointWith
        graph.add((subject, URIRef(predicate), target))
    return graph
