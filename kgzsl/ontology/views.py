"""The ontology as networkx graphs and as an rdflib graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kgzsl.ontology.axioms import is_anonymous
from kgzsl.ontology.ontology import Ontology
from kgzsl.ontology.vocabulary import BUILT_IN, OWL, RDF, RDFS, SKOS, is_literal

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
    """All facts and axioms as OWL: the taxonomy as it is, facts about classes as restrictions.

    A positive fact becomes ``subClassOf [some]`` (``[value]`` for a literal or an
    individual), a negative one ``subClassOf [complementOf ...]``; a degree annotates its axiom. Reading the
    graph back under the owl profile gives the same facts.
    """
    return _Writer(ontology).graph


class _Writer:
    """An ontology as an rdflib graph."""

    def __init__(self, ontology: Ontology) -> None:
        from rdflib import Graph

        self.ontology, self.terms = ontology, ontology.terms
        self.graph = Graph()
        self.individuals = {f.subject for f in ontology.facts(predicate=RDF.type)}
        self.expressions = {d.then: d for d in ontology.axioms.definitions if is_anonymous(ontology.terms[d.then])}
        self._declare()
        c = ontology.columns
        for row in range(len(c)):
            if not is_anonymous(self.terms[c.subject[row]]):
                self._fact(row)
        self._axioms()

    def _add(self, subject: Any, predicate: str, object: Any) -> None:
        from rdflib import URIRef

        self.graph.add((subject, URIRef(predicate), object))

    def node(self, term: int) -> Any:
        """A term as an rdflib term; an expression without a name as a blank node with its parts."""
        from rdflib import Literal, URIRef

        name = self.terms[term]
        if is_anonymous(name):
            definition = self.expressions[term]
            return self._conjunction(definition.named, definition.has)
        if not is_literal(name):
            return URIRef(name)
        text, mark = name[1 : name.rindex('"')], name[name.rindex('"') + 1 :]
        return Literal(text, lang=mark[1:]) if mark.startswith("@") else Literal(text, datatype=URIRef(mark[2:]))

    def _declare(self) -> None:
        """Types and labels."""
        from rdflib import Literal, URIRef

        c, ontology = self.ontology.columns, self.ontology
        for iri in (*ontology.classes, *ontology.attributes):
            kind = OWL.NamedIndividual if iri in self.individuals else OWL.Class
            self._add(URIRef(iri), RDF.type, URIRef(kind))
        numbers = {self.terms[p] for p in set(c.predicate[self.ontology.literals[c.object]].tolist())}
        for iri in ontology.properties:
            kind = OWL.DatatypeProperty if iri in numbers else OWL.ObjectProperty
            self._add(URIRef(iri), RDF.type, URIRef(kind))
        for iri, names in ontology.labels.items():
            for k, name in enumerate(names):
                self._add(URIRef(iri), RDFS.label if k == 0 else SKOS.altLabel, Literal(name))

    def _restriction(self, property: int, filler: int) -> Any:
        """``property some filler``, or ``value``."""
        from rdflib import BNode, URIRef

        name, restriction = self.terms[filler], BNode()
        kind = OWL.hasValue if is_literal(name) or name in self.individuals else OWL.someValuesFrom
        self._add(restriction, RDF.type, URIRef(OWL.Restriction))
        self._add(restriction, OWL.onProperty, URIRef(self.terms[property]))
        self._add(restriction, kind, self.node(filler))
        return restriction

    def _conjunction(self, named: tuple[int, ...], has: tuple[tuple[int, int], ...]) -> Any:
        """All of these together."""
        from rdflib import BNode, URIRef
        from rdflib.collection import Collection

        parts = [*(self.node(n) for n in named), *(self._restriction(p, f) for p, f in has)]
        if len(parts) == 1:
            return parts[0]
        whole, head = BNode(), BNode()
        Collection(self.graph, head, parts)
        self._add(whole, RDF.type, URIRef(OWL.Class))
        self._add(whole, OWL.intersectionOf, head)
        return whole

    def _fact(self, row: int) -> None:
        """One fact."""
        from rdflib import BNode, Literal, URIRef

        c, terms = self.ontology.columns, self.terms
        subject, predicate = URIRef(terms[c.subject[row]]), terms[c.predicate[row]]
        individual = terms[c.subject[row]] in self.individuals
        if predicate.startswith(BUILT_IN):
            target: Any = self.node(int(c.object[row]))
            predicate = OWL.disjointWith if c.negative[row] else predicate
        elif individual and not c.negative[row]:
            target = self.node(int(c.object[row]))
        else:
            target = self._restriction(int(c.predicate[row]), int(c.object[row]))
            predicate = RDFS.subClassOf
            if c.negative[row]:
                restriction, target = target, BNode()
                self._add(target, RDF.type, URIRef(OWL.Class))
                self._add(target, OWL.complementOf, restriction)
        self._add(subject, predicate, target)
        if c.strength[row] < 1:
            axiom = BNode()
            self._add(axiom, RDF.type, URIRef(OWL.Axiom))
            self._add(axiom, OWL.annotatedSource, subject)
            self._add(axiom, OWL.annotatedProperty, URIRef(predicate))
            self._add(axiom, OWL.annotatedTarget, target)
            self._add(axiom, "https://kgzsl.github.io/vocabulary#strength", Literal(round(float(c.strength[row]), 6)))

    def _axioms(self) -> None:
        """Definitions, chains, inverse properties."""
        from rdflib import BNode, URIRef
        from rdflib.collection import Collection

        axioms = self.ontology.axioms
        for d in axioms.definitions:
            if not is_anonymous(self.terms[d.then]):
                self._add(self._conjunction(d.named, d.has), RDFS.subClassOf, URIRef(self.terms[d.then]))
        parts = {c.then: c for c in axioms.chains if is_anonymous(self.terms[c.then])}

        def flat(property: int) -> list[Any]:
            if property not in parts:
                return [URIRef(self.terms[property])]
            return [*flat(parts[property].first), *flat(parts[property].second)]

        for c in axioms.chains:
            then = URIRef(self.terms[c.then])
            if c.first == c.second == c.then:
                self._add(then, RDF.type, URIRef(OWL.TransitiveProperty))
            elif not is_anonymous(self.terms[c.then]):
                head = BNode()
                Collection(self.graph, head, [*flat(c.first), *flat(c.second)])
                self._add(then, OWL.propertyChainAxiom, head)
        for m in axioms.mirrors:
            property = URIRef(self.terms[m.property])
            if m.property == m.inverse:
                self._add(property, RDF.type, URIRef(OWL.SymmetricProperty))
            else:
                self._add(property, OWL.inverseOf, URIRef(self.terms[m.inverse]))
