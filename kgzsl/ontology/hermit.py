"""HermiT beside our own entailment: what follows in OWL 2 DL, of which our rules derive the EL part.

HermiT is told what the ontology holds: links, positive and negative facts, definitions, chains, mirrors, and
alternatives, which are what it adds most by ("C is a D or an E, and every E is a D: so every C is a D"). It is not told
what reading left out (see the report), graded facts, and facts with literals. Individuals are told as classes of one
thing, so that an impossible one is unsatisfiable and does not make everything follow.

It names no reasons. A fact that our own rules derive keeps its proof; one that HermiT alone finds has a proof
without premises, whose rule is ``"hermit"``.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from kgzsl.errors import ConfigError, Problem
from kgzsl.ontology.axioms import Mirror, is_anonymous
from kgzsl.ontology.columns import FactColumns
from kgzsl.ontology.entailment import MOST_FACTS, Derived
from kgzsl.ontology.hierarchy import Hierarchy
from kgzsl.ontology.ontology import Ontology
from kgzsl.ontology.vocabulary import BUILT_IN, OWL, RDF, RDFS

__all__ = ["add_hermit"]

_LINE = re.compile(r"^(SubClassOf|EquivalentClasses)\( ((?:<[^>]+>\s*)+) \)\s*$", re.MULTILINE)
_SPACE = "urn:kgzsl:"


@dataclass(frozen=True)
class _Found:
    """What HermiT derives.

    Args:
        above: int (found, 2): a term and what is above it: a term, or beyond all terms the number of a pair.
        impossible: terms that cannot have an instance.
    """

    above: np.ndarray
    impossible: set[int]


def add_hermit(ontology: Ontology, *, timeout: float) -> Ontology:
    """An entailed ontology with what HermiT derives besides: subsumption, existential facts, unsatisfiable classes.

    Existential facts are asked for every pair of a property and a filler that some class has (by our own entailment,
    or as an alternative).

    Raises:
        ConfigError: there is no Java; HermiT fails; or classes do not inherit under the profile.
    """
    from kgzsl.ontology.owlready2_adapter import classify_with_hermit

    if not ontology.profile.inherits:
        got = f"under profile {ontology.profile.name!r} classes do not inherit"
        raise ConfigError(
            Problem(got, expected="OWL's semantics", fix="give --profile owl, or leave out --reasoner hermit")
        )
    pairs = _pairs(ontology)
    text = "\n".join(_functional(ontology, pairs))
    found = _read(ontology, classify_with_hermit(text, timeout=timeout, memory=_memory()), pairs)
    return _with(ontology, found, pairs)


def _memory() -> int:
    """MiB that Java may use."""
    text = os.environ.get("KGZSL_JAVA_MEMORY", "2000")
    if not text.isdecimal() or int(text) < 16:
        raise ConfigError(Problem(f"KGZSL_JAVA_MEMORY is {text!r}", expected="a number of MiB, 16 or more"))
    return int(text)


def _pairs(ontology: Ontology) -> list[tuple[int, int]]:
    """What is asked for: (property, filler)."""
    c, terms = ontology.columns, ontology.terms
    rows = np.flatnonzero(~c.negative & ~ontology.literals[c.object] & (c.strength == 1))
    pairs = set(zip(c.predicate[rows].tolist(), c.object[rows].tolist(), strict=True))
    for a in ontology.axioms.alternatives:
        pairs |= {(a.predicate, option) for option in a.options if not ontology.literals[option]}
    return sorted((p, f) for p, f in pairs if not terms[p].startswith(BUILT_IN) and not is_anonymous(terms[f]))


def _functional(ontology: Ontology, pairs: list[tuple[int, int]]) -> Iterator[str]:
    """The ontology in functional syntax; terms are numbers, so that no IRI can be misread."""
    c, literal = ontology.columns, ontology.literals
    thing = ontology.index.get(OWL.Thing, -1)
    nothing = ontology.index.get(OWL.Nothing, -1)

    def name(term: int) -> str:
        return {thing: f"<{OWL.Thing}>", nothing: f"<{OWL.Nothing}>"}.get(term, f"<{_SPACE}t{term}>")

    def some(property: int, filler: int) -> str:
        return f"ObjectSomeValuesFrom({name(property)} {name(filler)})"

    def joined(kind: str, parts: Iterable[str]) -> str:
        parts = list(dict.fromkeys(parts))
        return parts[0] if len(parts) == 1 else f"{kind}({' '.join(parts)})"

    yield f"Ontology(<{_SPACE}ontology>"
    facts = _facts(ontology)
    properties = {p for _, p, _, _ in facts} | {p for p, _ in pairs} | _axiom_properties(ontology)
    yield from (f"Declaration(ObjectProperty({name(p)}))" for p in sorted(properties))
    classes = {ontology.index[iri] for iri in (*ontology.classes, *ontology.attributes) if iri in ontology.index}
    yield from (f"Declaration(Class({name(k)}))" for k in sorted(classes))
    taxonomy, order = ontology.links
    for lower, uppers in taxonomy.up.items():
        for upper, (predicate, _) in uppers.items():
            if predicate >= 0 and not literal[lower] and not literal[upper]:
                yield f"SubClassOf({name(lower)} {name(upper)})"
    for lower, uppers in order.up.items():
        yield from (f"SubObjectPropertyOf({name(lower)} {name(upper)})" for upper in uppers)
    for s, p, f, negative in facts:
        yield f"SubClassOf({name(s)} {f'ObjectComplementOf({some(p, f)})' if negative else some(p, f)})"
    below = ontology.index.get(RDFS.subClassOf, -1)
    for row in np.flatnonzero(c.negative & (c.source >= 0) & (c.predicate == below)).tolist():
        yield f"DisjointClasses({name(int(c.subject[row]))} {name(int(c.object[row]))})"
    axioms = ontology.axioms
    for d in axioms.definitions:
        if not any(literal[f] for _, f in d.has):
            parts = (*(name(n) for n in d.named), *(some(p, f) for p, f in d.has))
            yield f"SubClassOf({joined('ObjectIntersectionOf', parts)} {name(d.then)})"
    for a in axioms.alternatives:
        if not any(literal[o] for o in a.options):
            options = (name(o) if a.predicate == below else some(a.predicate, o) for o in a.options)
            yield f"SubClassOf({name(a.subject)} {joined('ObjectUnionOf', options)})"
    for chain in axioms.chains:
        if chain.first == chain.second == chain.then:
            yield f"TransitiveObjectProperty({name(chain.then)})"
        else:
            first, second, then = map(name, (chain.first, chain.second, chain.then))
            yield f"SubObjectPropertyOf(ObjectPropertyChain({first} {second}) {then})"
    for mirror in axioms.mirrors:
        if mirror.property == mirror.inverse:
            yield f"SymmetricObjectProperty({name(mirror.property)})"
        else:
            yield f"InverseObjectProperties({name(mirror.property)} {name(mirror.inverse)})"
    yield from (f"EquivalentClasses(<{_SPACE}p{k}> {some(p, f)})" for k, (p, f) in enumerate(pairs))
    yield ")"


def _facts(ontology: Ontology) -> list[tuple[int, int, int, bool]]:
    """Crisp asserted facts that are no links, and mirrored ones: subject, property, filler, negative."""
    c, derived = ontology.columns, ontology.derived or Derived()
    built_in = np.array([t.startswith(BUILT_IN) for t in ontology.terms], dtype=bool)
    kept = (c.source >= 0) & ~built_in[c.predicate] & ~ontology.literals[c.object] & (c.strength == 1)
    # That a class is related, by a plain triple, to the idea of a thing that cannot be does not keep it from being.
    empty = np.zeros(len(ontology.terms), dtype=bool)
    empty[list(derived.impossible)] = True
    rows = np.flatnonzero(kept & ~(c.plain & empty[c.object]))
    columns = (c.subject[rows], c.predicate[rows], c.object[rows], c.negative[rows])
    facts = list(zip(*(column.tolist() for column in columns), strict=True))
    mirrored = [key for key, (axiom, _, _) in derived.facts.items() if isinstance(axiom, Mirror)]
    return facts + [(*key, False) for key in mirrored if not empty[key[2]]]


def _axiom_properties(ontology: Ontology) -> set[int]:
    """Properties that only axioms mention."""
    axioms = ontology.axioms
    found = {p for d in axioms.definitions for p, _ in d.has}
    found |= {p for c in axioms.chains for p in (c.first, c.second, c.then)}
    found |= {p for m in axioms.mirrors for p in (m.property, m.inverse)}
    found |= {p for lower, uppers in ontology.links[1].up.items() for p in (lower, *uppers)}
    return found | {a.predicate for a in axioms.alternatives if not ontology.terms[a.predicate].startswith(BUILT_IN)}


def _read(ontology: Ontology, output: str, pairs: list[tuple[int, int]]) -> _Found:
    """HermiT's direct subsumptions, closed."""
    terms = len(ontology.terms)
    top, bottom = (ontology.index.get(t, terms + len(pairs) + k) for k, t in enumerate((OWL.Thing, OWL.Nothing)))
    size = terms + len(pairs) + 2

    def number(iri: str) -> int:
        if not iri.startswith(_SPACE):
            return top if iri == OWL.Thing else bottom
        kind, place = iri[len(_SPACE)], int(iri[len(_SPACE) + 1 :])
        return place if kind == "t" else terms + place

    lower: list[int] = []
    upper: list[int] = []
    for relation, said in _LINE.findall(output):
        nodes = [number(iri) for iri in re.findall(r"<([^>]+)>", said)]
        for one, other in pairwise(nodes):
            lower.append(one)
            upper.append(other)
            if relation == "EquivalentClasses":
                lower.append(other)
                upper.append(one)
    hierarchy = Hierarchy(np.array(lower, dtype=np.int64), np.array(upper, dtype=np.int64), size)
    impossible = hierarchy.reach([bottom], upwards=False)
    named = np.array([ontology.index[t] for t in (*ontology.classes, *ontology.attributes) if t in ontology.index])
    alive = np.setdiff1d(named, impossible)
    table = hierarchy.closure(alive, limit=MOST_FACTS)
    position, above = table.expand(alive)
    # What equals Thing is above everything.
    always = hierarchy.reach([top])
    below = np.concatenate([alive[position], np.repeat(alive, len(always))])
    above = np.concatenate([above, np.tile(always, len(alive))])
    kept = (below != above) & (above != top) & ~np.isin(above, impossible) & (above < terms + len(pairs))
    found = np.unique(np.stack([below[kept], above[kept]], axis=1), axis=0)
    return _Found(found, {t for t in impossible.tolist() if t < terms and t != bottom})


def _with(ontology: Ontology, found: _Found, pairs: list[tuple[int, int]]) -> Ontology:
    """The ontology with those facts that it does not hold yet."""
    c, index, terms = ontology.columns, ontology.index, ontology.terms
    below, is_a, nothing = (index.get(t, -1) for t in (RDFS.subClassOf, RDF.type, OWL.Nothing))
    individual = np.zeros(len(terms), dtype=bool)
    individual[c.subject[(c.predicate == is_a) & (c.source >= 0)]] = True
    # The term or pair above, as property and object.
    property = np.concatenate([np.full(len(terms), below), np.array([p for p, _ in pairs], dtype=np.int64)])
    object = np.concatenate([np.arange(len(terms)), np.array([f for _, f in pairs], dtype=np.int64)])
    s, p, o = found.above[:, 0], property[found.above[:, 1]], object[found.above[:, 1]]
    p = np.where(individual[s] & (found.above[:, 1] < len(terms)), is_a, p)
    empty = np.array(sorted(t for t in found.impossible if not is_anonymous(terms[t])), dtype=np.int64)
    s, o = np.concatenate([s, empty]), np.concatenate([o, np.full(len(empty), nothing)])
    p = np.concatenate([p, np.full(len(empty), below)])
    hidden = np.array([is_anonymous(t) for t in terms], dtype=bool)
    shape = (len(terms), len(terms))
    held = ~c.negative
    known = FactColumns.pack(
        c.subject[held].astype(np.int64), c.predicate[held].astype(np.int64), c.object[held], 0, shape=shape
    )
    # As single numbers: they would not fit only with millions of terms, for which HermiT is no match.
    fresh = ~np.isin(FactColumns.pack(s, p, o, 0, shape=shape), known) & ~hidden[o]
    new = sorted(zip(s[fresh].tolist(), p[fresh].tolist(), o[fresh].tolist(), strict=True))
    if ontology.report.unlisted:  # there are too many links to be listed: they are found when asked for
        new = [key for key in new if key[1] not in (below, is_a) or key[2] not in ontology.hierarchy.reach([key[0]])]
    table = np.array(new, dtype=np.int32).reshape(-1, 3)
    no = np.zeros(len(table), dtype=bool)
    added = (*table.T, no, np.full(len(table), -1, np.int32), np.ones(len(table), np.float32), no)
    both = [np.concatenate(columns) for columns in zip(c.take(np.arange(len(c))), added, strict=True)]
    derived = ontology.derived or Derived()
    impossible = derived.impossible | found.impossible
    counts = Counter(ontology.report.entailed) + Counter(terms[p] for _, p, _ in new)
    report = replace(
        ontology.report,
        entailed=dict(sorted(counts.items())),
        unsatisfiable=tuple(sorted(terms[t] for t in impossible if t != nothing and not is_anonymous(terms[t]))),
    )
    derived = replace(derived, impossible=impossible, by_hermit=frozenset(new))
    return replace(ontology, columns=FactColumns.sorted(*both), report=report, derived=derived, reasoner="hermit")
