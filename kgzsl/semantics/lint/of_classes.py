"""Checks of the classes and their attributes, whichever are seen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from math import ceil, log2

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from kgzsl.errors import UnknownTermError
from kgzsl.ontology import Fact, Ontology
from kgzsl.ontology.vocabulary import OWL, RDFS
from kgzsl.semantics.attributes import Attribute
from kgzsl.semantics.lint.case import Case, Groups, number
from kgzsl.semantics.lint.found import Found

__all__ = [
    "alike",
    "contradicted",
    "cycles",
    "same",
    "too_few",
    "true_of_all",
    "true_of_none",
    "undescribed",
    "unsatisfiable",
]


def undescribed(case: Case) -> Iterator[Found]:
    """Classes without a fact about any attribute."""
    bare = case.row_classes(np.flatnonzero(~case.described).tolist())
    if bare:
        share = f"{len(bare):,} of {len(case.classes):,} classes have no fact about any attribute"
        yield Found(f"{share}: {case.names(bare)}", classes=bare)


def alike(case: Case) -> Iterator[Found]:
    """Groups of classes that no attribute tells apart; those with an unseen class are another check's."""
    for rows in alike_groups(case, case.groups):
        classes = case.row_classes(rows.tolist())
        if not set(classes) & set(case.unseen):
            yield Found(alike_message(case, classes), classes=classes)


def alike_groups(case: Case, groups: Groups) -> Iterator[np.ndarray]:
    """Rows of two or more classes of one description; those that nothing describes are left out."""
    for rows in groups.rows():
        if len(rows) > 1 and case.described[rows].any():
            yield rows


def alike_message(case: Case, classes: tuple[str, ...]) -> str:
    """What is said of such a group."""
    return f"{case.names(classes)}: the same attributes; at most 1 of these {len(classes):,} classes can be right"


def true_of_all(case: Case) -> Iterator[Found]:
    """Attributes that every class has."""
    everywhere = (case.count == len(case.classes)) & ~case.cells.graded
    columns = np.flatnonzero(everywhere).tolist() if len(case.classes) > 1 else []
    attributes = case.column_attributes(columns)
    if attributes:
        message = f"all {len(case.classes):,} classes have {case.attribute_names(attributes)}"
        yield Found(message, attributes=attributes)


def true_of_none(case: Case) -> Iterator[Found]:
    """Attributes that none of the classes examined has, though others of the ontology have them."""
    attributes = case.column_attributes(np.flatnonzero(case.count == 0).tolist())
    if attributes:
        message = f"none of the {len(case.classes):,} classes has {case.attribute_names(attributes)}"
        yield Found(message, attributes=attributes)


def too_few(case: Case) -> Iterator[Found]:
    """Fewer attributes that differ than twice the number of yes-no questions that name a class."""
    if not case.cells.attributes or len(case.classes) < 2:
        return
    informative = int(case.differs(np.arange(len(case.classes))).sum())
    needed = 2 * ceil(log2(len(case.classes)))
    if informative < needed:
        message = (
            f"{informative:,} attributes tell {len(case.classes):,} classes apart, {needed:,} are the least to ask"
        )
        yield Found(message)


def contradicted(case: Case) -> Iterator[Found]:
    """Attributes that a class both has and lacks."""
    known, found = set(case.ontology.classes), defaultdict(list)
    for c in case.ontology.report.contradictions:
        if c.predicate != RDFS.subClassOf:
            found[Attribute(c.predicate, c.object)].append(c.subject)
    for attribute, subjects in sorted(found.items()):
        facts = [f for s in sorted(subjects) for f in case.ontology.facts(s, attribute.property, attribute.filler)]
        message = f"{case.attribute_name(attribute)}, both stated and denied of {case.names(subjects)}"
        classes, terms = (tuple(s for s in sorted(subjects) if (s in known) == yes) for yes in (True, False))
        yield Found(message, classes=classes, attributes=(attribute,), facts=tuple(facts), terms=terms)


def unsatisfiable(case: Case) -> Iterator[Found]:
    """Terms that nothing can be, together by what excludes it; what they both have and lack is another check's."""
    known, ontology = set(case.ontology.classes), case.ontology
    told = {c.subject for c in ontology.report.contradictions if c.predicate == RDFS.subClassOf}
    clashes: dict[tuple[Fact, ...], list[str]] = defaultdict(list)
    words: dict[tuple[Fact, ...], str] = {}
    for subject in sorted({*ontology.report.unsatisfiable, *told}):
        cause, said = _clash(case, subject)
        if cause:
            clashes[cause].append(subject)
            words[cause] = said
    for cause, subjects in clashes.items():
        message = f"{number(len(subjects), 'term')} ({case.names(subjects)}): {words[cause]}"
        classes, terms = (tuple(s for s in subjects if (s in known) == yes) for yes in (True, False))
        own = [f for f in ontology.facts(subjects[0], RDFS.subClassOf) if f.object in {t for c in cause for t in c.key}]
        yield Found(message, classes=classes, facts=(*own, *cause), terms=terms)


def _clash(case: Case, subject: str) -> tuple[tuple[Fact, ...], str]:
    """The fact that excludes all that a term could be, and what is said of it; none where it has and lacks the same."""
    ontology = case.ontology
    label = ontology.label
    try:
        proof = ontology.prove(Fact(subject, RDFS.subClassOf, OWL.Nothing))
    except UnknownTermError:  # such facts are derived only where classes inherit
        above = sorted(c.object for c in ontology.report.contradictions if c.subject == subject)
        facts = [f for o in above for f in ontology.facts(subject, RDFS.subClassOf, o)]
        return tuple(facts), f"below {case.names(above)} and below what excludes it"
    last = proof.premises[-1].fact if proof.premises else proof.fact
    if proof.rule == "contradiction" and last.predicate == RDFS.subClassOf:
        return (last,), f"below both {label(last.subject)} and {label(last.object)}, which exclude each other"
    if proof.rule == "impossible filler":
        return (last,), f"has some {label(last.subject)}, and nothing can be one"
    if proof.rule == "contradiction":
        return (), ""
    return (last,), f"stated to be below what nothing can be ({proof.rule})"


def cycles(case: Case) -> Iterator[Found]:
    """Terms that are each below the other by subclass (or subproperty) facts alone."""
    known = set(case.ontology.classes)
    for members in _circles(case.ontology, mutual=False):
        message = f"{case.names(members)}: each is below the others, so that all are one"
        classes = tuple(m for m in members if m in known)
        yield Found(message, classes=classes, terms=tuple(m for m in members if m not in known))


def same(case: Case) -> Iterator[Found]:
    """Classes to be told apart that the ontology says are one class."""
    circular = {m for members in _circles(case.ontology, mutual=False) for m in members}
    for members in _circles(case.ontology, mutual=True):
        classes = tuple(m for m in members if m in case.rows)
        if len(classes) > 1 and not circular >= set(classes):
            yield Found(f"{case.names(classes)} are stated to be the same class", classes=classes)


def _circles(ontology: Ontology, *, mutual: bool) -> list[tuple[str, ...]]:
    """Strongly connected terms of the asserted hierarchies, without or with identity between described terms."""
    c, size = ontology.columns, len(ontology.terms)
    asserted = ~c.negative & (c.source >= 0)
    index = ontology.index
    plain = asserted & np.isin(c.predicate, [index.get(p, -1) for p in (RDFS.subClassOf, RDFS.subPropertyOf)])
    lower, upper = c.subject[plain], c.object[plain]
    if mutual:
        own = [index[t] for t in (*ontology.classes, *ontology.attributes) if t in index]
        both = asserted & np.isin(c.predicate, [index.get(p, -1) for p in (OWL.equivalentClass, OWL.sameAs)])
        both &= np.isin(c.subject, own) & np.isin(c.object, own)
        one, other = c.subject[both], c.object[both]
        lower, upper = np.concatenate([lower, one, other]), np.concatenate([upper, other, one])
    links = sparse.csr_matrix((np.ones(len(lower), dtype=bool), (lower, upper)), shape=(size, size))
    count, component = connected_components(links, connection="strong")
    large = np.flatnonzero(np.bincount(component, minlength=count) > 1)
    rows = np.flatnonzero(np.isin(component, large))
    members: dict[int, list[str]] = defaultdict(list)
    for row in rows.tolist():
        members[int(component[row])].append(ontology.terms[row])
    return sorted(tuple(sorted(group)) for group in members.values())
