"""Which classes of an OWL ontology are classes to recognize, and which are attributes of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from kgzsl.ontology.axioms import is_anonymous
from kgzsl.ontology.extract.extraction import Extraction
from kgzsl.ontology.reading.triples import Triples
from kgzsl.ontology.vocabulary import BUILT_IN, OWL, RDF, RDFS, is_literal

__all__ = ["divide_terms"]


def divide_terms(extraction: Extraction, triples: Triples) -> tuple[set[int], set[int]]:
    """Classes and attributes among the named classes (and individuals) of an OWL ontology.

    In OWL a color is an ``owl:Class`` as much as a zebra is, so the roles follow from use:

    1. A term that has property facts of its own is described: it, all above it and all
       below it in the taxonomy are **classes** ("Creature" above, a foal below a horse).
    2. Of the rest, every filler of a property fact is an **attribute**, with all that is
       above or below it ("Color" above "red", and "crimson" below, though nothing is crimson).
    3. What is left (no facts, no tie to a filler) is a **class**.

    So a filler that is itself described, as prey in "lions eat zebras", stays a class.
    Asserted facts decide, so entailment never changes a role.
    """
    up: dict[int, set[int]] = defaultdict(set)
    down: dict[int, set[int]] = defaultdict(set)
    described, fillers = set(), set()
    both_ways = {OWL.equivalentClass, OWL.sameAs}
    for subject, predicate, object, negative in extraction.facts:
        name = triples.terms[predicate]
        if name in both_ways or (name in (RDFS.subClassOf, RDF.type) and not negative):
            for one, other in ((subject, object), (object, subject))[: 2 if name in both_ways else 1]:
                up[one].add(other)
                down[other].add(one)
        elif not name.startswith(BUILT_IN):
            plain = (subject, predicate, object, negative) in extraction.plain
            individual = plain and subject not in extraction.classes
            if not individual and not is_anonymous(triples.terms[subject]):
                described.add(subject)
            if triples.terms[object] != OWL.Thing and not is_literal(triples.terms[object]):
                fillers.add(object)
    fillers |= {f for d in extraction.definitions for _, f in d.has if not is_literal(triples.terms[f])}
    classes = _reach(described, up) | _reach(described, down)
    free = fillers - classes
    above_or_below = _reach(free, up)
    above_or_below |= _reach(above_or_below - classes, down)
    attributes = above_or_below - classes
    unnamed = {t for t in classes | attributes | extraction.classes if is_anonymous(triples.terms[t])}
    no_term = unnamed | {triples.find(OWL.Thing), triples.find(OWL.Nothing)}
    return (extraction.classes | classes) - attributes - no_term, attributes - no_term


def _reach(start: Iterable[int], edges: dict[int, set[int]]) -> set[int]:
    """All that can be reached from the start, itself included."""
    seen, todo = set(start), list(start)
    while todo:
        for other in edges.get(todo.pop(), ()):
            if other not in seen:
                seen.add(other)
                todo.append(other)
    return seen
