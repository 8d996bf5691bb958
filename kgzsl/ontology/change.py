"""What an edit changed: facts that are gone, and facts that are new."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kgzsl.ontology.columns import FactColumns
from kgzsl.ontology.ontology import Ontology

__all__ = ["Change", "change_of"]


@dataclass(frozen=True, eq=False)
class Change:
    """What sets an edited ontology apart from the one that it was made of.

    Args:
        before: int64 (fact,), over the facts of the edited one: their rows in the other, -1 for new facts.
        gone: rows of the other that the edited one no longer has.
    """

    before: np.ndarray
    gone: np.ndarray

    @property
    def new(self) -> np.ndarray:
        """Rows of the edited one that the other does not have."""
        return np.flatnonzero(self.before < 0)


def change_of(ontology: Ontology, changed: Ontology) -> Change:
    """What sets an ontology that was made by :func:`~kgzsl.ontology.edited` apart from the one that it was made of.

    Example:
        >>> from kgzsl.ontology import Edit, Fact, edited, parse_ontology
        >>> o = parse_ontology('''@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
        ... :Zebra a owl:Class ; :has :Mane , :Tail . :has a owl:ObjectProperty .''').entail()
        >>> change = change_of(o, edited(o, Edit(remove=(Fact("http://e/#Zebra", "http://e/#has", "http://e/#Mane"),))))
        >>> change.before.tolist(), change.gone.tolist(), change.new.tolist()
        ([1], [0], [])
    """
    if changed.terms is not ontology.terms and changed.terms != ontology.terms:
        raise ValueError("an edited ontology has the terms of the one that it was made of")
    old, new = ontology.columns, changed.columns
    used = np.flatnonzero(np.bincount(np.concatenate([old.predicate, new.predicate])))
    shape = len(used), len(ontology.terms)
    keys, own = (
        FactColumns.pack(
            c.subject.astype(np.int64), np.searchsorted(used, c.predicate), c.object, c.negative, shape=shape
        )
        for c in (old, new)
    )
    place = np.searchsorted(keys, own)
    found = np.append(keys, -1)[place] == own
    kept = np.zeros(len(old), dtype=bool)
    kept[place[found]] = True
    return Change(np.where(found, place, -1), np.flatnonzero(~kept))
