"""What other vocabularies say of an ontology's terms, kept apart from what it says itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from kgzsl.errors import ConfigError, NoFactsError, Problem, nearest
from kgzsl.ontology.ontology import Ontology
from kgzsl.ontology.vocabulary import OWL

__all__ = ["BEYOND", "rows_of", "with_external"]

BEYOND = np.int8(-1)


def with_external(core: Ontology, everything: Ontology, *, hops: int = 1, predicates: Sequence[str] = ()) -> Ontology:
    """An ontology that knows of each of its facts how many hops away from its own terms it is.

    Own facts (0 hops) are those of ``core`` about classes, and its taxonomy. One hop away is what is stated of a class,
    an attribute or a term that is the same as one of them (``sameAs``), and is no own fact; two hops away what is
    stated of the fillers found there, and so on. A fact that follows only with terms of other vocabularies at hand, or
    that is farther away, is at no distance: nothing describes classes by it. So own facts are the same with and without
    other vocabularies, whatever those get wrong.

    Args:
        core: entailed, without other vocabularies (a profile of scope ``core``).
        everything: entailed, with them (scope ``all``); may be the same.
        hops: how far to go, at least 1.
        predicates: names of the external predicates to keep; none: all.

    Returns:
        ``everything`` with :attr:`~kgzsl.ontology.ontology.Ontology.reach` and ``core``.

    Raises:
        ConfigError: a predicate that no external fact has; says the nearest.
        NoFactsError: there is no external fact.
    """
    c, terms = everything.columns, everything.terms
    own = rows_of(core, everything)
    described = np.isin(np.arange(len(terms)), _indices(everything, everything.classes))
    taxonomy = np.array([everything.is_taxonomy(t) for t in terms], dtype=bool)[c.predicate]
    own &= described[c.subject] | taxonomy
    terms_of_its_own = _indices(everything, (*everything.classes, *everything.attributes))
    twins = _twins(everything)
    distance = _distances(everything, terms_of_its_own, twins, hops=hops)
    stated = (c.source >= 0) | _of_twins(everything, terms_of_its_own, twins)
    near = stated & ~own & ~c.negative & ~everything.literals[c.object] & (distance[c.subject] < hops)
    near &= np.array([t not in everything.profile.identity for t in terms], dtype=bool)[c.predicate]
    if not near.any():
        fix = "leave out the group 'external', or give files that say more of the ontology's terms"
        got = "nothing is said of terms by other vocabularies"
        raise NoFactsError(Problem(got, expected="external facts", fix=fix))
    near &= np.isin(c.predicate, _wanted(everything, predicates, among=np.unique(c.predicate[near])))
    reach = np.full(len(c), BEYOND)
    reach[near] = distance[c.subject[near]] + 1
    reach[own] = 0
    return replace(everything, reach=reach, core=core)


def rows_of(core: Ontology, everything: Ontology) -> np.ndarray:
    """Bool (fact of everything,): which facts the core has."""
    if core is everything:
        return np.ones(len(core.columns), dtype=bool)
    place = np.array([everything.index.get(term, -1) for term in core.terms], dtype=np.int64)
    c, found = core.columns, np.zeros(len(everything.columns), dtype=bool)
    keys = (place[c.subject].tolist(), place[c.predicate].tolist(), place[c.object].tolist(), c.negative.tolist())
    for subject, predicate, object, negative in zip(*keys, strict=True):
        row = everything.row(subject, predicate, object, negative=negative)
        if row is not None:
            found[row] = True
    return found


def _indices(ontology: Ontology, iris: Sequence[str]) -> np.ndarray:
    """Indices of terms, of those that some fact mentions."""
    return np.array([ontology.index[iri] for iri in iris if iri in ontology.index], dtype=np.int64)


def _twins(ontology: Ontology) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of terms that are stated to be the same, both ways."""
    c = ontology.columns
    identity = np.isin(c.predicate, _indices(ontology, (OWL.sameAs, *ontology.profile.identity)))
    identity &= (c.source >= 0) & ~c.negative
    return (
        np.concatenate([c.subject[identity], c.object[identity]]),
        np.concatenate([c.object[identity], c.subject[identity]]),
    )


def _distances(ontology: Ontology, own: np.ndarray, twins: tuple[np.ndarray, np.ndarray], *, hops: int) -> np.ndarray:
    """Hops from the ontology's own terms to each term by stated facts, int8 (term,); ``hops`` for what is farther."""
    c = ontology.columns
    distance = np.full(len(ontology.terms), hops, dtype=np.int8)
    distance[own] = 0
    one, other = twins
    stated = (c.source >= 0) & ~c.negative
    for hop in range(hops):
        np.minimum.at(distance, other, distance[one])  # a twin is as near as its twin
        fillers = c.object[stated & (distance[c.subject] == hop)]
        distance[fillers] = np.minimum(distance[fillers], hop + 1)
    return distance


def _of_twins(ontology: Ontology, own: np.ndarray, twins: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Bool (fact,): facts about own terms that are stated of a term that is the same."""
    found, mine = np.zeros(len(ontology.columns), dtype=bool), set(own.tolist())
    for one, other in zip(*(side.tolist() for side in twins), strict=True):
        if one in mine:
            for predicate, object in ontology.described_by(other, negative=False):
                row = ontology.row(one, predicate, object, negative=False)
                if row is not None:
                    found[row] = True
    return found


def _wanted(ontology: Ontology, names: Sequence[str], *, among: np.ndarray) -> np.ndarray:
    """Indices of the predicates that some names mean, of those that external facts have."""
    if not names:
        return among
    there = {ontology.terms[k]: k for k in among.tolist()}
    called = {ontology.label(iri).lower(): iri for iri in there}
    found, problems = [], []
    for name in names:
        iri = name if name in there else called.get(name.replace("_", " ").lower())
        if iri is not None:
            found.append(there[iri])
            continue
        fix = nearest(name, sorted(called), otherwise="")
        problems.append(
            Problem(f"no external fact has the predicate {name!r}", expected="one that some has", fix=fix or None)
        )
    if problems:
        raise ConfigError(problems)
    return np.array(found, dtype=np.int64)
