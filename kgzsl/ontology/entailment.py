"""What follows from the asserted facts, in closed form.

With ``<=`` for "is below or is" in the taxonomy, and p <= q for sub-properties:

- C <= D if a chain of ``subClassOf``, ``equivalentClass`` or ``sameAs`` leads from C to D;
- C has (q, g) iff some D with C <= D is asserted to have (p, f) with p <= q and f <= g;
- C lacks (p, f) iff some D with C <= D is asserted to lack (q, g) with p <= q and f <= g;
- a class that lacks (p, Thing) lacks (p, f) for every f that p is used with anywhere.

A profile whose classes do not inherit has C = D in the second and third line.
No fixpoint is needed, because facts never add to the taxonomy. Proofs are not stored:
:mod:`kgzsl.ontology.proofs` finds them again from the same links.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace

from kgzsl.ontology.links import Links
from kgzsl.ontology.ontology import FactColumns, Ontology, Regime
from kgzsl.ontology.report import Contradiction
from kgzsl.ontology.vocabulary import BUILT_IN, OWL, RDF, RDFS, is_literal

__all__ = ["asserted_facts", "asserted_links", "entail"]

Pair = tuple[int, int]  # a property and a filler
Key = tuple[int, int, int, bool]

_CLASS_LINKS = (RDFS.subClassOf, RDF.type, OWL.equivalentClass, OWL.sameAs)
_PROPERTY_LINKS = (RDFS.subPropertyOf, OWL.equivalentProperty)
_MUTUAL = (OWL.equivalentClass, OWL.sameAs, OWL.equivalentProperty)


def asserted_facts(ontology: Ontology) -> dict[Key, int]:
    """The asserted facts as keys, each with its source."""
    c = ontology.columns
    rows = zip(
        c.subject.tolist(), c.predicate.tolist(), c.object.tolist(), c.negative.tolist(), c.source.tolist(), strict=True
    )
    return {(s, p, o, n): source for s, p, o, n, source in rows if source >= 0}


def asserted_links(ontology: Ontology, regime: Regime) -> tuple[Links, Links]:
    """The links among classes, attributes and individuals, and those among properties.

    Identity counts only between terms that the ontology describes, so that a link out to
    another vocabulary is kept as information without pulling that vocabulary in.
    """
    terms, taxonomy, properties = ontology.terms, Links(), Links()
    described = {ontology.index[t] for t in (*ontology.classes, *ontology.attributes)}
    everything = ontology.profile.scope == "all"
    mutual = []
    for subject, predicate, object, negative in asserted_facts(ontology):
        name = terms[predicate]
        links = taxonomy if name in _CLASS_LINKS else properties if name in _PROPERTY_LINKS else None
        if links is None or negative or is_literal(terms[object]):
            continue
        if name not in _MUTUAL:
            links.add(subject, object, predicate)
        elif regime == "el" and (everything or links is properties or {subject, object} <= described):
            mutual.append((links, subject, object, predicate))
    # Last, because of two reasons for a link the first stays, and a plain one proves it in fewer steps.
    for links, subject, object, predicate in mutual:
        links.add(subject, object, predicate)
        links.add(object, subject, predicate, reverse=True)
    return taxonomy, properties


def entail(ontology: Ontology, regime: Regime) -> Ontology:
    """The ontology with the entailed facts of a regime beside its asserted ones."""
    asserted = asserted_facts(ontology)
    taxonomy, properties = asserted_links(ontology, regime)
    above, cycles = taxonomy.closure()
    super_properties, property_cycles = properties.closure()
    facts = dict(asserted)
    if regime != "none":
        closed = _Closure(ontology, asserted, above, super_properties, generalize=regime == "el")
        for key in closed.facts():
            facts.setdefault(key, -1)
    columns = FactColumns.of(facts)
    names = ontology.terms
    report = replace(
        ontology.report,
        entailed=_count(ontology, [key for key, source in facts.items() if source < 0]),
        cycles=tuple(tuple(names[k] for k in cycle) for cycle in (*cycles, *property_cycles)),
        contradictions=_contradictions(ontology, facts, above),
    )
    return ontology.with_facts(columns, report, regime)


class _Closure:
    """The closed form of the module's head, over sets of (property, filler) pairs."""

    def __init__(
        self,
        ontology: Ontology,
        asserted: dict[Key, int],
        above: dict[int, set[int]],
        super_properties: dict[int, set[int]],
        *,
        generalize: bool,
    ) -> None:
        self.ontology, self.above, self.super_properties = ontology, above, super_properties
        self.index = ontology.index
        self.below = _inverse(above) if generalize else {}
        self.sub_properties = _inverse(super_properties)
        self.fillers_above = above if generalize else {}
        self.positive: dict[int, set[Pair]] = defaultdict(set)
        self.negative: dict[int, set[Pair]] = defaultdict(set)
        for subject, predicate, object, negative in asserted:
            if not ontology.terms[predicate].startswith(BUILT_IN):
                (self.negative if negative else self.positive)[subject].add((predicate, object))

    def facts(self) -> list[Key]:
        """All facts of the closure, asserted ones among them."""
        thing = self.index.get(OWL.Thing, -1)
        has = {c: _spread(pairs, self.super_properties, self.fillers_above) for c, pairs in self.positive.items()}
        lacks = {c: _spread(pairs, self.sub_properties, self.below) for c, pairs in self.negative.items()}
        if any(filler == thing for pairs in lacks.values() for _, filler in pairs):
            used = set().union(*has.values(), *lacks.values())
            used = _spread(used, self.sub_properties, self.below)
            for pairs in lacks.values():
                empty = {p for p, filler in pairs if filler == thing}
                pairs |= {(p, f) for p, f in used if p in empty}
        found = self._hierarchy()
        for subjects, negative in ((has, False), (lacks, True)):
            heirs = self.above if self.ontology.profile.inherits else ()
            for subject in {*subjects, *heirs}:
                pairs = set(subjects.get(subject, ()))
                for upper in self.above[subject] if subject in heirs else ():
                    pairs |= subjects.get(upper, set())
                found += [(subject, p, f, negative) for p, f in pairs]
        return found

    def _hierarchy(self) -> list[Key]:
        """What is below what, among terms and among properties."""
        terms = self.ontology.terms
        below, sub_property, is_a = (self.index.get(t, -1) for t in (RDFS.subClassOf, RDFS.subPropertyOf, RDF.type))
        individuals = {s for s, p, *_ in asserted_facts(self.ontology) if terms[p] == RDF.type}
        found = [
            (lower, is_a if lower in individuals else below, upper, False)
            for lower, uppers in self.above.items()
            for upper in uppers
        ]
        return found + [(p, sub_property, q, False) for p, qs in self.super_properties.items() for q in qs]


def _inverse(above: dict[int, set[int]]) -> dict[int, set[int]]:
    """The relation read the other way round."""
    below: dict[int, set[int]] = defaultdict(set)
    for lower, uppers in above.items():
        for upper in uppers:
            below[upper].add(lower)
    return below


def _spread(pairs: set[Pair], properties: dict[int, set[int]], fillers: dict[int, set[int]]) -> set[Pair]:
    """All pairs to which these lead along the two hierarchies."""
    return {(q, g) for p, f in pairs for q in (p, *properties.get(p, ())) for g in (f, *fillers.get(f, ()))}


def _count(ontology: Ontology, keys: list[Key]) -> dict[str, int]:
    """Number of facts by predicate IRI."""
    counts = Counter(predicate for _, predicate, _, _ in keys)
    return {ontology.terms[p]: n for p, n in sorted(counts.items())}


def _contradictions(ontology: Ontology, facts: dict[Key, int], above: dict[int, set[int]]) -> tuple[Contradiction, ...]:
    """What is both stated and denied, and classes below two disjoint ones."""
    terms, below = ontology.terms, ontology.index.get(RDFS.subClassOf, -1)
    found = {(s, p, o) for s, p, o, negative in facts if negative and (s, p, o, False) in facts}
    lower = _inverse(above)
    for one, p, other, negative in facts:
        if negative and p == below:
            both = ({one} | lower.get(one, set())) & ({other} | lower.get(other, set()))
            found |= {(c, below, one if c == other else other) for c in both}
    return tuple(Contradiction(terms[s], terms[p], terms[o]) for s, p, o in sorted(found))
