"""Chosen facts as integer triples, which KG embeddings are trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kgzsl.data.vectors import some_of
from kgzsl.errors import NoFactsError, Problem
from kgzsl.ontology import Ontology
from kgzsl.ontology.axioms import is_anonymous
from kgzsl.ontology.vocabulary import OWL
from kgzsl.semantics.groups import chosen

__all__ = ["Triples", "triples_of"]


@dataclass(frozen=True, eq=False)
class Triples:
    """A graph as KG embeddings see it.

    Args:
        entities: IRIs of the terms that stand in a fact, sorted.
        relations: IRIs of the predicates, sorted; that of negative facts is the predicate with ``not`` before it.
        table: int64 ``(fact, 3)``: head, relation and tail, sorted, each once.
    """

    entities: tuple[str, ...]
    relations: tuple[str, ...]
    table: np.ndarray


def triples_of(ontology: Ontology, facts: Sequence[str]) -> Triples:
    """The graph of some groups of facts.

    What a class lacks is a relation of its own beside what it has. Facts about literals, about class expressions
    without a name and about ``owl:Thing`` and ``owl:Nothing`` are left out: these are no entities to be told from
    others. Degrees of facts are not looked at: a fact holds or is not there.

    Args:
        ontology: entailed, where what follows is to be embedded too.
        facts: names of groups and presets (:mod:`kgzsl.semantics.groups`), each with a fact at least.

    Raises:
        ConfigError: names that no group has.
        NoFactsError: groups without a fact, no fact at all, and classes that no fact is about.

    Example:
        >>> from kgzsl import api
        >>> graph = triples_of(api.load_ontology(api.creatures_ontology()), ["hierarchy"])
        >>> len(graph.entities), graph.relations, graph.table.shape
        (127, ('http://www.w3.org/2000/01/rdf-schema#subClassOf',), (346, 3))
    """
    terms, c = ontology.terms, ontology.columns
    entity = np.array([not is_anonymous(t) and t not in (OWL.Thing, OWL.Nothing) for t in terms], dtype=bool)
    entity &= ~ontology.literals
    usable = entity[c.subject] & entity[c.object]
    keep = chosen(ontology, facts) & usable
    _need_edges(ontology, facts, usable, any_chosen=bool(keep.any()))
    entities, ends = np.unique(np.stack([c.subject[keep], c.object[keep]]), return_inverse=True)
    pairs, relation = np.unique(c.predicate[keep].astype(np.int64) * 2 + c.negative[keep], return_inverse=True)
    names = [f"not {terms[pair // 2]}" if pair % 2 else terms[pair // 2] for pair in pairs.tolist()]
    order = np.argsort(np.array(names))
    heads, tails = ends.reshape(2, -1)
    table = np.stack([heads, np.argsort(order)[relation.ravel()], tails], axis=1).astype(np.int64)
    graph = Triples(tuple(terms[k] for k in entities.tolist()), tuple(sorted(names)), np.unique(table, axis=0))
    _need_classes(ontology, graph, facts)
    return graph


def _need_edges(ontology: Ontology, facts: Sequence[str], usable: np.ndarray, *, any_chosen: bool) -> None:
    """Raise which groups have no fact."""
    empty = [name for name in facts if not (chosen(ontology, [name]) & usable).any()]
    if not any_chosen:
        got = f"{len(ontology.classes):,} classes, and no fact of {', '.join(facts)} that joins two terms"
        raise NoFactsError(Problem(got, expected="a graph with edges", fix="choose other facts, or add some"))
    if empty:
        others = ",".join(name for name in facts if name not in empty)
        raise NoFactsError(
            Problem(f"the ontology has no fact of the group {name!r}", fix=f"leave it out: --facts {others}")
            for name in empty
        )


def _need_classes(ontology: Ontology, graph: Triples, facts: Sequence[str]) -> None:
    """Raise which classes would be without a vector."""
    there = set(graph.entities)
    missing = [iri for iri in ontology.classes if iri not in there]
    if missing:
        got = f"{len(missing):,} of {len(ontology.classes):,} classes are in no fact of {', '.join(facts)}: "
        fix = "choose more facts, state some about them, or take them out of the ontology"
        raise NoFactsError(Problem(got + some_of(missing), expected="a fact about every class", fix=fix))
