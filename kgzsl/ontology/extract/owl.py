"""Reading OWL: class axioms become facts about classes, and axioms that entailment works with.

:mod:`kgzsl.ontology.extract.constructs` has the table of what each construct becomes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations

from kgzsl.ontology.axioms import Alternative, Chain, Definition, Mirror
from kgzsl.ontology.extract.extraction import Extraction, collect_names
from kgzsl.ontology.extract.roles import divide_terms
from kgzsl.ontology.extract.strength import collect_strengths, strength_predicates
from kgzsl.ontology.profile import Profile
from kgzsl.ontology.reading.triples import Triples
from kgzsl.ontology.vocabulary import ANNOTATION, BUILT_IN, OWL, RDF, RDFS, SKOS, XSD, is_literal, lexical_form

__all__ = ["extract_owl"]

_AT_LEAST = (OWL.minCardinality, OWL.minQualifiedCardinality)
_AT_MOST = (OWL.maxCardinality, OWL.maxQualifiedCardinality)
_EXACTLY = (OWL.cardinality, OWL.qualifiedCardinality)
_CLASS_TYPES = (OWL.Class, RDFS.Class)
_PROPERTY_TYPES = (OWL.ObjectProperty, OWL.DatatypeProperty, RDF.Property)
_CHARACTERISTICS = (
    OWL.FunctionalProperty,
    OWL.InverseFunctionalProperty,
    OWL.AsymmetricProperty,
    OWL.ReflexiveProperty,
    OWL.IrreflexiveProperty,
)
# Triples of these are read with the axiom that they belong to, or say nothing about a class.
_PARTS = (
    OWL.members,
    OWL.distinctMembers,
    OWL.onProperty,
    OWL.annotatedSource,
    OWL.imports,
    OWL.versionIRI,
    OWL.versionInfo,
    OWL.deprecated,
)

Pair = tuple[int, int]


def extract_owl(triples: Triples, profile: Profile) -> Extraction:
    """Facts and axioms of an OWL ontology.

    ``C subClassOf R`` gives facts of C for each R that says what every C has, or lacks. ``C equivalentClass R``
    gives the same facts, and a definition, by which other classes are found to be below C. What is not used is
    counted by construct.
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
        self.named_expressions: dict[int, int] = {}
        self.taxonomy = {RDFS.subClassOf, *profile.taxonomy}
        if SKOS.related in profile.annotations_as_facts:
            related = triples.id(SKOS.related)
            self.out.mirrors.append(Mirror(related, related))
        self.identity = {OWL.equivalentClass, OWL.sameAs, *profile.identity}

    def read(self) -> Extraction:
        """Index, then read axiom by axiom, then tell classes from attributes."""
        terms, out = self.terms, self.out
        for subject, predicate, object, _ in list(self.triples):
            if terms[predicate] == RDF.type:
                self.types[subject].add(terms[object])
            if terms[subject].startswith("_:"):
                self.anonymous[subject][terms[predicate]].append(object)
        out.classes = self._declared() - {self.thing, self.nothing}
        if not out.classes:
            return out
        out.properties = {
            t for t, kinds in self.types.items() if self._named(t) and not kinds.isdisjoint(_PROPERTY_TYPES)
        }
        degrees = strength_predicates(self.triples, self.profile)
        for subject, predicate, object, file in list(self.triples):
            if degrees:
                out.origin = (subject, predicate, object)
            self._read_triple(subject, terms[predicate], object, file)
        out.origin = None
        self._type_individuals()
        mentioned = {t for s, p, o, _ in out.facts for t in (s, p, o)}
        out.classes |= {
            t for s, p, o, _ in out.facts for t in (s, o) if terms[p] in (RDFS.subClassOf, OWL.equivalentClass)
        } - {self.thing, self.nothing}
        out.classes |= {d.then for d in out.definitions}
        out.properties |= {p for _, p, _, _ in out.facts if not terms[p].startswith(BUILT_IN)}
        out.classes, out.attributes = divide_terms(out, self.triples)
        known = out.classes | out.attributes | out.properties | mentioned
        out.labels = {term: names for term, names in self.names.items() if term in known}
        out.strength, wrong = collect_strengths(self.triples, self.profile, out.made)
        if wrong:
            out.not_understood["strength that is no number from 0 to 1"] += wrong
        return out

    def _declared(self) -> set[int]:
        """Classes by type; where none is declared, what stands in the taxonomy is a class all the same."""
        kinds_of_class = {*_CLASS_TYPES, *((SKOS.Concept,) if SKOS.broader in self.taxonomy else ())}
        declared = {t for t, kinds in self.types.items() if self._named(t) and not kinds.isdisjoint(kinds_of_class)}
        if declared:
            return declared
        ordering = {self.triples.find(p) for p in (*self.taxonomy, OWL.equivalentClass, OWL.disjointWith)}
        ends = {t for s, p, o, _ in self.triples if p in ordering for t in (s, o)}
        return {t for t in ends if self._named(t)}

    def _named(self, term: int) -> bool:
        """Whether the term is an IRI (not a blank node or a literal)."""
        return not self.terms[term].startswith(("_:", '"'))

    def _miss(self, construct: str) -> None:
        """Count an axiom that is not used, or not wholly."""
        self.out.not_understood[construct] += 1

    # ---- triples ---------------------------------------------------------------------

    def _read_triple(self, subject: int, predicate: str, object: int, file: int) -> None:
        """One triple; those of anonymous expressions are read where the expressions are used."""
        if not self._named(subject):
            return self._read_anonymous(subject, predicate, object, file)
        if predicate in self.profile.label or predicate in self.profile.alternative:
            return None
        if predicate == RDF.type:
            return self._read_type(subject, object, file)
        if predicate in self.profile.annotations_as_facts:
            return self.out.add(subject, self.triples.id(predicate), object, file, plain=True)
        if predicate == SKOS.narrower and SKOS.broader in self.taxonomy:
            subject, predicate, object = object, SKOS.broader, subject
        if predicate in self.taxonomy or predicate == OWL.equivalentClass:
            self._read_expression(subject, object, file, negative=False, axiom=predicate)
        elif predicate in self.identity:
            self._same(subject, object, file)
        elif predicate == OWL.disjointWith:
            self._read_expression(subject, object, file, negative=True, axiom=predicate)
        elif predicate == OWL.disjointUnionOf:
            self._disjoint_union(subject, object, file)
        elif predicate in (OWL.intersectionOf, OWL.unionOf, OWL.complementOf, OWL.oneOf):
            self._read_node(subject, {predicate: [object]}, file, negative=False)
            self._define(subject, {predicate: [object]}, file)
        elif predicate in (RDFS.subPropertyOf, OWL.equivalentProperty):
            self._order_properties(subject, predicate, object, file)
        elif predicate == OWL.propertyChainAxiom:
            self._chain(subject, list(self._list(object)), file)
        elif predicate == OWL.inverseOf:
            if self._named(object):
                self.out.mirrors.append(Mirror(subject, object, file))
            else:
                self._miss("inverseOf an anonymous property")
        elif (
            predicate in _PARTS
            or predicate.startswith(ANNOTATION)
            or predicate in (RDFS.comment, RDFS.seeAlso, RDFS.isDefinedBy)
        ):
            self.out.annotations += 1
        elif predicate.startswith(BUILT_IN):
            self._miss(predicate.rpartition("#")[2])
        else:
            self._plain_triple(subject, predicate, object, file)
        return None

    def _read_anonymous(self, subject: int, predicate: str, object: int, file: int) -> None:
        """Axioms that stand on a blank node."""
        kind = self.terms[object] if predicate == RDF.type else ""
        if kind == OWL.AllDisjointClasses:
            for members in self.anonymous[subject][OWL.members]:
                named = [m for m in self._list(members) if self._named(m)]
                for one, other in combinations(named, 2):
                    self.out.add(one, self.below, other, file, negative=True)
        elif kind == OWL.NegativePropertyAssertion:
            self._negative_assertion(self.anonymous[subject], file)
        elif predicate in (RDFS.subClassOf, OWL.equivalentClass):
            self._general_axiom(subject, object, file)
            if predicate == OWL.equivalentClass:
                self._read_expression(object, subject, file, negative=False, axiom=RDFS.subClassOf)

    def _read_type(self, subject: int, object: int, file: int) -> None:
        """Characteristics of properties; types of individuals are read at the end."""
        kind = self.terms[object]
        if kind == OWL.TransitiveProperty:
            self.out.chains.append(Chain(subject, subject, subject, file))
        elif kind == OWL.SymmetricProperty:
            self.out.mirrors.append(Mirror(subject, subject, file))
        elif kind in _CHARACTERISTICS:
            self._miss(kind.rpartition("#")[2])

    def _same(self, subject: int, object: int, file: int) -> None:
        """Identity of two named terms."""
        if not self._named(object):
            return self._miss("identity with an anonymous term")
        return self.out.add(subject, self.triples.id(OWL.sameAs), object, file)

    def _order_properties(self, subject: int, predicate: str, object: int, file: int) -> None:
        """A property below (or the same as) another."""
        if self._named(object):
            self.out.add(subject, self.triples.id(predicate), object, file)
        else:
            self._miss(f"{predicate.rpartition('#')[2]} an anonymous property")

    def _chain(self, subject: int, parts: list[int], file: int) -> None:
        """A property chain, long ones in pairs by way of properties without a name."""
        if len(parts) < 2 or not all(map(self._named, parts)):
            return self._miss("propertyChainAxiom")
        first = parts[0]
        for k, second in enumerate(parts[1:], start=1):
            name = "_: o ".join([self.terms[p] for p in parts[: k + 1]])
            then = subject if k == len(parts) - 1 else self.triples.id(f"_:{name}")
            self.out.chains.append(Chain(first, second, then, file))
            first = then
        return None

    def _plain_triple(self, subject: int, predicate: str, object: int, file: int) -> None:
        """A class joined to a term directly ("punning"): a fact, if the property is one."""
        property = self.triples.id(predicate)
        declared = property in self.out.properties
        annotation = OWL.AnnotationProperty in self.types[property] if property in self.types else False
        linked = self._named(object) and not annotation and (object in self.types or object in self.out.classes)
        if subject in self.out.classes and (declared or linked) and not self.terms[object].startswith("_:"):
            self.out.add(subject, property, object, file, plain=True)
        elif subject in self.out.classes or not declared:
            self.out.annotations += 1
        elif self._named(subject) and not self.terms[object].startswith("_:"):
            self.out.individual_facts.append((subject, property, object, file))
        else:
            self.out.external += 1

    def _negative_assertion(self, node: dict[str, list[int]], file: int) -> None:
        """What an individual (or a class as one) is said not to have."""
        target = node[OWL.targetIndividual] or node[OWL.targetValue]
        if node[OWL.sourceIndividual] and node[OWL.assertionProperty] and target:
            source, property = node[OWL.sourceIndividual][0], node[OWL.assertionProperty][0]
            if source in self.out.classes and self._named(property):
                self.out.add(source, property, target[0], file, negative=True, plain=True)
                return
        self._miss("NegativePropertyAssertion")

    # ---- class expressions above a class ---------------------------------------------

    def _read_expression(self, subject: int, node: int, file: int, *, negative: bool, axiom: str) -> None:
        """What ``every subject is node`` (or, negative, ``no subject is node``) says."""
        if is_literal(self.terms[node]):
            self._miss("a literal in place of a class")
        elif self._named(node):
            if node == self.thing or (node == subject and not negative):
                return
            symmetric = axiom == OWL.equivalentClass and not negative
            predicate = self.triples.id(axiom) if symmetric else self.below
            self.out.add(subject, predicate, node, file, negative=negative)
        elif node in self.open:
            self._miss("an expression that contains itself")
        else:
            self.open.add(node)
            self._read_node(subject, self.anonymous[node], file, negative=negative)
            if axiom == OWL.equivalentClass:
                self._define(subject, self.anonymous[node], file)
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
        elif OWL.unionOf in node:
            self._alternatives(subject, self.below, list(self._list(node[OWL.unionOf][0])), file, "unionOf")
        elif OWL.oneOf in node and not negative:
            self._alternatives(subject, self.below, list(self._list(node[OWL.oneOf][0])), file, "oneOf")
        else:
            kinds = (OWL.intersectionOf, OWL.oneOf, OWL.onDatatype)
            kind = next((k for k in kinds if k in node), "anonymous class#unknown")
            self._miss(("complementOf " if negative else "") + kind.rpartition("#")[2])

    def _alternatives(self, subject: int, predicate: int, options: list[int], file: int, construct: str) -> None:
        """One of several is true: no fact, but kept."""
        self._miss(construct)
        if options and all(map(self._named, options)):
            self.out.alternatives.append(Alternative(subject, predicate, tuple(options), file))

    def _read_restriction(self, subject: int, node: dict[str, list[int]], file: int, *, negative: bool) -> None:
        """A restriction: one fact, or one count among the not understood."""
        property = node[OWL.onProperty][0]
        if not self._named(property):
            return self._miss("restriction on an inverse property")
        kind, filler, says_absent = self._restriction(node, negative=negative)
        if filler is None:
            return self._miss(("complementOf " if negative else "") + kind)
        if self.terms[filler].startswith((str(XSD), RDFS.Literal)):
            return self._miss(f"{kind} with a datatype")
        absent = negative != says_absent
        if not self._named(filler) and not is_literal(self.terms[filler]):
            return self._read_filler(subject, property, filler, file, negative=absent, kind=kind)
        return self.out.add(subject, property, filler, file, negative=absent)

    def _read_filler(self, subject: int, property: int, node: int, file: int, *, negative: bool, kind: str) -> None:
        """A restriction whose filler is an expression: it gets a name that is not shown."""
        content = self.anonymous[node]
        union = content.get(OWL.unionOf) or content.get(OWL.oneOf)
        options = list(self._list(union[0])) if union else []
        if len(options) > 1 and not negative:
            return self._alternatives(subject, property, options, file, f"{kind} with unionOf")
        if options and negative:
            for option in options:
                if self._named(option):
                    self.out.add(subject, property, option, file, negative=True)
                else:
                    self._read_filler(subject, property, option, file, negative=True, kind=kind)
            return None
        if len(options) == 1 and self._named(options[0]):
            return self.out.add(subject, property, options[0], file)
        name = self._name(node, file)
        if name is None:
            return self._miss(f"{kind} with an anonymous filler")
        return self.out.add(subject, property, name, file, negative=negative)

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

    # ---- class expressions below a class ---------------------------------------------

    def _general_axiom(self, subject: int, object: int, file: int) -> None:
        """``every expression is object``."""
        if self._named(object) and object != self.nothing:
            self._define(object, self.anonymous[subject], file, axiom="general class axiom")
        else:
            self._miss("general class axiom")

    def _define(self, then: int, node: dict[str, list[int]], file: int, *, axiom: str = "equivalentClass") -> None:
        """What suffices to be of a class: a definition, or links where the expression is a union."""
        if OWL.unionOf in node:
            for part in self._list(node[OWL.unionOf][0]):
                if self._named(part):
                    if part != then:
                        self.out.add(part, self.below, then, file)
                else:
                    self._define(then, self.anonymous[part], file, axiom=axiom)
        elif OWL.oneOf in node:
            for part in self._list(node[OWL.oneOf][0]):
                self.out.add(part, self.triples.id(RDF.type), then, file)
        else:
            conditions = self._conditions(node, file)
            if conditions is None:
                towards = ", direction towards the class" if axiom == "equivalentClass" else ""
                self._miss(f"{axiom}{towards}")
            else:
                named, has = conditions
                self.out.definitions.append(Definition(then, tuple(sorted(named)), tuple(sorted(has)), file))

    def _conditions(self, node: dict[str, list[int]], file: int) -> tuple[set[int], set[Pair]] | None:
        """An expression as classes to be of and pairs to have, or None if it is more than that."""
        if OWL.onProperty in node:
            property = node[OWL.onProperty][0]
            kind, filler, absent = self._restriction(node, negative=False)
            more = kind in ("minCardinality", "minQualifiedCardinality") and self._count(node) > 1
            if filler is None or absent or more or kind in ("cardinality", "qualifiedCardinality"):
                return None
            if not self._named(property) or self.terms[filler].startswith(str(XSD)):
                return None
            if not self._named(filler) and not is_literal(self.terms[filler]):
                name = self._name(filler, file)
                return None if name is None else (set(), {(property, name)})
            return set(), {(property, filler)}
        if OWL.intersectionOf not in node:
            return None
        named: set[int] = set()
        has: set[Pair] = set()
        for part in self._list(node[OWL.intersectionOf][0]):
            if self._named(part):
                named |= {part} - {self.thing}
                continue
            inner = None if is_literal(self.terms[part]) else self._conditions(self.anonymous[part], file)
            if inner is None:
                return None
            named |= inner[0]
            has |= inner[1]
        return named, has

    def _count(self, node: dict[str, list[int]]) -> int:
        """The number of a minimum cardinality."""
        number = next(lexical_form(self.terms[node[k][0]]) for k in _AT_LEAST if k in node)
        return int(number) if number.isdecimal() else -1

    def _name(self, node: int, file: int) -> int | None:
        """A name for an expression, the same for equal ones, that equals it; None for what is not a conjunction."""
        if node in self.named_expressions:
            return self.named_expressions[node]
        if node in self.open:
            return None
        self.open.add(node)
        conditions = self._conditions(self.anonymous[node], file)
        self.open.discard(node)
        if conditions is None:
            return None
        named, has = conditions
        parts = [f"<{self.terms[n]}>" for n in named] + [f"<{self.terms[p]}> some <{self.terms[f]}>" for p, f in has]
        name = self.triples.id("_:(" + " and ".join(sorted(parts)) + ")")
        self.named_expressions[node] = name
        for term in named:
            self.out.add(name, self.below, term, file)
        for p, f in has:
            self.out.add(name, p, f, file)
        self.out.definitions.append(Definition(name, tuple(sorted(named)), tuple(sorted(has)), file))
        return name

    # ---- the rest --------------------------------------------------------------------

    def _disjoint_union(self, subject: int, head: int, file: int) -> None:
        """Each member is below the class, no two share an instance, and there are no others."""
        members = [m for m in self._list(head) if self._named(m)]
        for member in members:
            self.out.add(member, self.below, subject, file)
        for one, other in combinations(members, 2):
            self.out.add(one, self.below, other, file, negative=True)
        self._alternatives(subject, self.below, members, file, "disjointUnionOf")

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

    def _type_individuals(self) -> None:
        """What is said of individuals that stand as fillers: their classes, and what they have."""
        out = self.out
        is_a = self.triples.id(RDF.type)
        said: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
        for subject, property, object, file in out.individual_facts:
            said[subject].append((property, object, file))
        typed: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for subject, predicate, object, file in self.triples:
            if predicate == is_a and object in out.classes:
                typed[subject].append((object, file))
        same: dict[int, list[int]] = defaultdict(list)
        for s, p, o, _ in list(out.facts):
            if self.terms[p] == OWL.sameAs:
                same[s].append(o)
                same[o].append(s)
        fillers = {o for _, p, o, _ in out.facts if p in out.properties or not self.terms[p].startswith(BUILT_IN)}
        todo = list(fillers - out.classes)
        seen = set(todo)
        for filler in todo:  # grows while it is walked
            for kind, file in typed[filler]:
                out.add(filler, is_a, kind, file)
            for property, object, file in said[filler]:
                out.add(filler, property, object, file, plain=True)
                todo += [object] if object not in seen and object not in out.classes else []
                seen.add(object)
            todo += [t for t in same[filler] if t not in seen]
            seen.update(same[filler])
        used = {(s, p, o) for s, p, o, _ in out.facts}
        out.external += sum((s, p, o) not in used for s, p, o, _ in out.individual_facts)
