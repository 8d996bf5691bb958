"""Reading OWL: class axioms and their restrictions become facts about named classes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations

from kgzsl.ontology.extraction import Extraction, collect_names
from kgzsl.ontology.profile import Profile
from kgzsl.ontology.roles import divide_terms
from kgzsl.ontology.triples import Triples
from kgzsl.ontology.vocabulary import ANNOTATION, BUILT_IN, OWL, RDF, RDFS, XSD, is_literal, lexical_form

__all__ = ["extract_owl"]

_AT_LEAST = (OWL.minCardinality, OWL.minQualifiedCardinality)
_AT_MOST = (OWL.maxCardinality, OWL.maxQualifiedCardinality)
_EXACTLY = (OWL.cardinality, OWL.qualifiedCardinality)
_CLASS_TYPES = (OWL.Class, RDFS.Class)
_PROPERTY_TYPES = (OWL.ObjectProperty, OWL.DatatypeProperty, RDF.Property)


def extract_owl(triples: Triples, profile: Profile) -> Extraction:
    """Facts of an OWL ontology, from its class axioms.

    ``C subClassOf (or equivalentClass) R`` gives facts of C for each R that says what every
    C has, or lacks: ``some``, ``value``, ``min 1`` and ``exactly n``; conjunctions of them;
    and negative facts for ``not``, ``max 0`` and ``only Nothing``. Of an equivalence with an
    expression only the direction "every C is ..." is used. What is not used is counted.
    """
    return _OwlReader(triples, profile).read()


class _OwlReader:
    """One pass over the triples, with the anonymous class expressions at hand."""

    def __init__(self, triples: Triples, profile: Profile) -> None:
        self.triples = triples
        self.out = Extraction()
        self.profile = profile
        self.names = collect_names(triples, profile)
        self.below = triples.id(RDFS.subClassOf)
        self.thing, self.nothing = triples.id(OWL.Thing), triples.id(OWL.Nothing)
        self.terms = triples.terms
        self.anonymous: dict[int, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        self.types: dict[int, set[str]] = defaultdict(set)
        self.open: set[int] = set()  # expressions being read, so that one that contains itself ends

    def read(self) -> Extraction:
        """Index, then read axiom by axiom, then tell classes from attributes."""
        terms, out = self.terms, self.out
        for subject, predicate, object, _ in self.triples:
            if terms[predicate] == RDF.type:
                self.types[subject].add(terms[object])
            if terms[subject].startswith("_:"):
                self.anonymous[subject][terms[predicate]].append(object)
        declared = {t for t, kinds in self.types.items() if self._named(t) and not kinds.isdisjoint(_CLASS_TYPES)}
        out.classes = declared - {self.thing, self.nothing}
        if not out.classes:
            return out
        out.properties = {
            t for t, kinds in self.types.items() if self._named(t) and not kinds.isdisjoint(_PROPERTY_TYPES)
        }
        for subject, predicate, object, file in self.triples:
            self._read_triple(subject, terms[predicate], object, file)
        self._type_individuals()
        mentioned = {t for s, p, o, _ in out.facts for t in (s, p, o)}
        out.classes |= {
            t for s, p, o, _ in out.facts for t in (s, o) if terms[p] in (RDFS.subClassOf, OWL.equivalentClass)
        } - {self.thing, self.nothing}
        out.properties |= {p for _, p, _, _ in out.facts if not terms[p].startswith(BUILT_IN)}
        out.classes, out.attributes = divide_terms(out, self.triples)
        known = out.classes | out.attributes | out.properties | mentioned
        out.labels = {term: names for term, names in self.names.items() if term in known}
        return out

    def _named(self, term: int) -> bool:
        """Whether the term is an IRI (not a blank node or a literal)."""
        return not self.terms[term].startswith(("_:", '"'))

    def _miss(self, construct: str) -> None:
        """Count an axiom that is not used."""
        self.out.not_understood[construct] += 1

    def _read_triple(self, subject: int, predicate: str, object: int, file: int) -> None:
        """One triple whose subject is named; anonymous ones are read where they are used."""
        if not self._named(subject):
            if predicate == RDF.type and self.terms[object] == OWL.AllDisjointClasses:
                self._all_disjoint(subject, file)
            elif predicate in (RDFS.subClassOf, OWL.equivalentClass):
                self._miss("general class axiom")
            return
        if predicate in self.profile.label or predicate in self.profile.alternative or predicate == RDF.type:
            return
        if predicate in (RDFS.subClassOf, OWL.equivalentClass):
            self._read_expression(subject, object, file, negative=False, axiom=predicate)
        elif predicate == OWL.disjointWith:
            self._read_expression(subject, object, file, negative=True, axiom=predicate)
        elif predicate in (OWL.intersectionOf, OWL.unionOf, OWL.complementOf, OWL.oneOf):
            self._read_node(subject, {predicate: [object]}, file, negative=False)
        elif self._is_link(subject, predicate, object):
            self.out.add(subject, self.triples.id(predicate), object, file)
        elif predicate.startswith(ANNOTATION) or predicate in (RDFS.comment, RDFS.seeAlso, RDFS.isDefinedBy):
            self.out.annotations += 1
        elif predicate.startswith(BUILT_IN):
            self._miss(predicate.rpartition("#")[2])
        else:
            self._plain_triple(subject, predicate, object, file)

    def _is_link(self, subject: int, predicate: str, object: int) -> bool:
        """Whether a triple orders two properties, or makes two classes the same."""
        if predicate == OWL.sameAs:
            return {subject, object} <= self.out.classes
        return predicate in (RDFS.subPropertyOf, OWL.equivalentProperty) and self._named(object)

    def _plain_triple(self, subject: int, predicate: str, object: int, file: int) -> None:
        """A class joined to a term directly ("punning"): a fact, if the property is one."""
        property = self.triples.id(predicate)
        declared = property in self.out.properties
        linked = self._named(object) and OWL.AnnotationProperty not in self.types[property] and object in self.types
        if subject in self.out.classes and (declared or linked) and not self.terms[object].startswith("_:"):
            self.out.add(subject, property, object, file)
        elif subject in self.out.classes or not declared:
            self.out.annotations += 1
        else:
            self.out.external += 1

    def _read_expression(self, subject: int, node: int, file: int, *, negative: bool, axiom: str) -> None:
        """What ``every subject is node`` (or, negative, ``no subject is node``) says."""
        if is_literal(self.terms[node]):
            self._miss("a literal in place of a class")
        elif self._named(node):
            if node == self.thing or (node == subject and not negative):
                return
            symmetric = axiom == OWL.equivalentClass and not negative
            self.out.add(subject, self.triples.id(axiom) if symmetric else self.below, node, file, negative=negative)
        elif node in self.open:
            self._miss("an expression that contains itself")
        else:
            if axiom == OWL.equivalentClass:
                self._miss("equivalentClass with an expression, direction towards the class")
            self.open.add(node)
            self._read_node(subject, self.anonymous[node], file, negative=negative)
            self.open.discard(node)

    def _read_node(self, subject: int, node: dict[str, list[int]], file: int, *, negative: bool) -> None:
        """An anonymous class expression."""
        if OWL.onProperty in node:
            self._read_restriction(subject, node, file, negative=negative)
        elif OWL.intersectionOf in node and not negative:
            for part in self._list(node[OWL.intersectionOf][0]):
                self._read_expression(subject, part, file, negative=False, axiom=RDFS.subClassOf)
        elif OWL.unionOf in node and negative:
            for part in self._list(node[OWL.unionOf][0]):
                self._read_expression(subject, part, file, negative=True, axiom=RDFS.subClassOf)
        elif OWL.complementOf in node:
            inner = node[OWL.complementOf][0]
            self._read_expression(subject, inner, file, negative=not negative, axiom=RDFS.subClassOf)
        else:
            kinds = (OWL.unionOf, OWL.intersectionOf, OWL.oneOf, OWL.onDatatype)
            kind = next((k for k in kinds if k in node), "anonymous class#unknown")
            self._miss(("complementOf " if negative else "") + kind.rpartition("#")[2])

    def _read_restriction(self, subject: int, node: dict[str, list[int]], file: int, *, negative: bool) -> None:
        """A restriction: one fact, or one count among the not understood."""
        property = node[OWL.onProperty][0]
        if not self._named(property):
            return self._miss("restriction on an inverse property")
        kind, filler, says_absent = self._restriction(node, negative=negative)
        if filler is None:
            return self._miss(("complementOf " if negative else "") + kind)
        if not self._named(filler) and not is_literal(self.terms[filler]):
            return self._miss(f"{kind} with an anonymous filler")
        if self.terms[filler].startswith((str(XSD), RDFS.Literal)):
            return self._miss(f"{kind} with a datatype")
        return self.out.add(subject, property, filler, file, negative=negative != says_absent)

    def _restriction(self, node: dict[str, list[int]], *, negative: bool) -> tuple[str, int | None, bool]:
        """Its kind; the filler, or None if it says nothing of use; whether it denies the filler."""
        for kind in (OWL.someValuesFrom, OWL.hasValue):
            if kind in node:
                return kind.rpartition("#")[2], node[kind][0], False
        if OWL.allValuesFrom in node:
            nothing = self.terms[node[OWL.allValuesFrom][0]] == OWL.Nothing
            return "allValuesFrom", self.thing if nothing else None, True
        kind = next((k for k in (*_AT_LEAST, *_AT_MOST, *_EXACTLY) if k in node), "")
        if not kind:
            known = sorted(k for k in node if k.startswith(str(OWL)) and k != OWL.onProperty)
            return (known[0].rpartition("#")[2] if known else "restriction without a filler"), None, False
        number = lexical_form(self.terms[node[kind][0]])
        count = int(number) if number.isdecimal() else -1
        none = kind not in _AT_LEAST and count == 0
        # Not "at least 2" may still be one: only the complement of "at least 1" denies.
        some = kind not in _AT_MOST and count >= 1 and (not negative or (kind in _AT_LEAST and count == 1))
        filler = node[OWL.onClass][0] if OWL.onClass in node else self.thing
        return kind.rpartition("#")[2], filler if some or none else None, none

    def _list(self, head: int) -> Iterator[int]:
        """The members of an RDF list; a list that is broken or bites its tail just ends."""
        seen = set()
        while self.terms[head] != RDF.nil and head not in seen and head in self.anonymous:
            seen.add(head)
            yield from self.anonymous[head][RDF.first][:1]
            rest = self.anonymous[head][RDF.rest]
            if not rest:
                return
            head = rest[0]

    def _all_disjoint(self, node: int, file: int) -> None:
        """The pairs of an ``AllDisjointClasses`` axiom."""
        for members in self.anonymous[node][OWL.members]:
            named = [m for m in self._list(members) if self._named(m)]
            for one, other in combinations(named, 2):
                self.out.add(one, self.below, other, file, negative=True)

    def _type_individuals(self) -> None:
        """The classes of individuals that stand as fillers: what has them has something of that class."""
        fillers = {o for _, p, o, _ in self.out.facts if p in self.out.properties} - self.out.classes
        type_id = self.triples.id(RDF.type)
        for subject, predicate, object, file in self.triples:
            if predicate == type_id and subject in fillers and object in self.out.classes:
                self.out.add(subject, type_id, object, file)
