"""Degrees of facts: numbers that annotate a statement or an axiom."""

from __future__ import annotations

from collections.abc import Mapping

from kgzsl.ontology.columns import Key
from kgzsl.ontology.profile import Profile
from kgzsl.ontology.reading.triples import Triples
from kgzsl.ontology.vocabulary import OWL, RDF, is_literal, lexical_form, local_name

__all__ = ["collect_strengths", "strength_predicates"]

_WORDS = ("strength", "degree", "confidence", "certainty", "probability", "weight")
_STATEMENTS = (
    (RDF.subject, RDF.predicate, RDF.object),
    (OWL.annotatedSource, OWL.annotatedProperty, OWL.annotatedTarget),
)

Statement = tuple[int, int, int]


def strength_predicates(triples: Triples, profile: Profile) -> set[int]:
    """The predicates that give a degree: those of the profile, or else those called so (strength, confidence, ...)."""
    if profile.strength:
        return {k for p in profile.strength if (k := triples.find(p)) >= 0}
    return {p for p in set(triples.predicate) if local_name(triples.terms[p]).lower() in _WORDS}


def collect_strengths(
    triples: Triples, profile: Profile, made: Mapping[Statement, list[Key]]
) -> tuple[dict[Key, float], int]:
    """The degrees of facts, and how many annotations were no number in [0, 1].

    A degree stands on a reified statement (``rdf:Statement``), on an annotated axiom (``owl:Axiom``), or on a
    quoted triple (RDF-star).

    Args:
        triples: all triples.
        profile: names the predicates.
        made: the facts that each triple became.
    """
    predicates = strength_predicates(triples, profile)
    if not predicates:
        return {}, 0
    degrees: dict[int, str] = {}
    parts: dict[int, dict[int, int]] = {}
    names = {triples.find(p): (kind, place) for kind, ps in enumerate(_STATEMENTS) for place, p in enumerate(ps)}
    names.pop(-1, None)
    for subject, predicate, object, _ in triples:
        if predicate in predicates and is_literal(triples.terms[object]):
            degrees[subject] = lexical_form(triples.terms[object])
        elif predicate in names:
            parts.setdefault(subject, {})[names[predicate][1]] = object
    statements: dict[int, Statement] = dict(getattr(triples, "reifiers", {}))
    statements |= {node: (p[0], p[1], p[2]) for node, p in parts.items() if len(p) == 3}
    found: dict[Key, float] = {}
    wrong = 0
    for node, text in degrees.items():
        if node not in statements:
            continue
        degree = _number(text)
        if degree is None:
            wrong += 1
            continue
        for key in made.get(statements[node], ()):
            found[key] = degree
    return found, wrong


def _number(text: str) -> float | None:
    """A number in [0, 1], or None."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if 0 <= number <= 1 else None
