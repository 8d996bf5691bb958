"""Which value of a property may stand in the place of the true one, so that what is said is false."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kgzsl.ontology import Ontology
from kgzsl.semantics.attributes import ClassAttributes

__all__ = ["Swaps", "fact_swaps"]


@dataclass(frozen=True, eq=False)
class Swaps:
    """False values for true ones, sorted by class, then by the true attribute, then by the false one.

    Args:
        rows: row of the class, int64 ``(swap,)``.
        stated: column of the attribute that the class has, int64 ``(swap,)``.
        others: column of the attribute of the same property that it lacks, int64 ``(swap,)``.
        weights: float64 ``(swap,)``, above 0; those of one class and one true attribute sum to 1.
    """

    rows: np.ndarray
    stated: np.ndarray
    others: np.ndarray
    weights: np.ndarray


def fact_swaps(table: ClassAttributes) -> Swaps:
    """What each class is known to lack, for each thing of the same property that it has.

    The swap respects entailment. A value may stand in the place of a true one if the class is *known* to lack it (and
    has none of it where strengths are given): never if it is true, follows, or is unknown. The assumption of a world
    does not suffice for what is below a most specific value of the class: a red creature may well be scarlet, although
    only red is said of it. What is above or below the true value, or the same, is never put in its place.

    Values of near classes weigh more, ``sum_d 1 / D(c, d)^2`` over the classes d of the table that have the value, with
    D the mean difference over what is known of both: siblings differ from the class in little else. A value that no
    class of the table has is none.

    Source: negatives by swapping what a graph says, Structure-CLIP (Huang et al., AAAI 2024).

    Args:
        table: of the classes whose facts are swapped; they alone give values.

    Example:
        >>> from kgzsl.ontology import parse_ontology
        >>> from kgzsl.semantics import class_attributes
        >>> o = parse_ontology('''@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
        ... @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . :coat a owl:ObjectProperty .
        ... :Zebra a owl:Class ; rdfs:subClassOf [ owl:onProperty :coat ; owl:someValuesFrom :Stripes ] .
        ... :Wolf a owl:Class ; rdfs:subClassOf [ owl:onProperty :coat ; owl:someValuesFrom :Fur ] .''').entail()
        >>> table = class_attributes(o, ["http://e/#Zebra", "http://e/#Wolf"])
        >>> swaps = fact_swaps(table)
        >>> [table.attributes[k].filler[10:] for k in (*swaps.stated, *swaps.others)]
        ['Stripes', 'Fur', 'Fur', 'Stripes']
    """
    has = table.known & (table.value > 0.5) & ~_numbers(table)
    lacks = table.known & (table.value == 0) & (table.degree == 0) & ~_numbers(table)
    # What follows is true, whatever the table was made of.
    closed = table.ontology if table.ontology.regime == "el" else table.ontology.entail("el")
    true = has | _stated_in(closed, table)
    nearness = _nearness(table, has)
    properties = np.array([table.properties.index(a.property) for a in table.attributes])
    found: list[np.ndarray] = []
    for number in range(len(table.properties)):
        columns = np.flatnonzero(properties == number)
        below = _below([table.attributes[k].filler for k in columns], closed)
        strictly = below & ~below.T
        for row in range(len(table.classes)):
            own = true[row, columns]
            special = own & ~(strictly & own[:, None]).any(0)
            doubtful = table.assumed[row, columns] & below[:, special].any(1)
            free = lacks[row, columns] & ~own & ~doubtful & (nearness[row, columns] > 0)
            stated, others = np.nonzero(has[row, columns][:, None] & free & ~(below | below.T))
            found.append(np.stack([np.full(len(stated), row), columns[stated], columns[others]]))
    rows, stated, others = (np.concatenate(found, axis=1) if found else np.zeros((3, 0))).astype(np.int64)
    order = np.lexsort((others, stated, rows))
    rows, stated, others = rows[order], stated[order], others[order]
    weights = nearness[rows, others]
    _, cell = np.unique(rows * len(table.attributes) + stated, return_inverse=True)
    return Swaps(rows, stated, others, weights / np.bincount(cell, weights=weights)[cell])


def _numbers(table: ClassAttributes) -> np.ndarray:
    """Bool (attribute,): which columns are of numbers."""
    return np.array([a.unit is not None for a in table.attributes], dtype=bool)


def _stated_in(closed: Ontology, table: ClassAttributes) -> np.ndarray:
    """Bool (class, attribute): what an entailed ontology says that the classes have."""
    column = {(a.property, a.filler): k for k, a in enumerate(table.attributes)}
    true = np.zeros(table.known.shape, dtype=bool)
    for row, iri in enumerate(table.classes):
        said = (column.get((f.predicate, f.object)) for f in closed.facts(iri, polarity="positive"))
        true[row, [k for k in said if k is not None]] = True
    return true


def _nearness(table: ClassAttributes, has: np.ndarray) -> np.ndarray:
    """Float64 (class, attribute): how near the classes are that have it; 0 without any."""
    value, known = table.degree.astype(np.float64), table.known
    near = np.zeros((len(value), len(value)))
    for row in range(len(value)):  # one row at a time: a class at a time of memory
        both = known[row] & known
        difference = (np.abs(value[row] - value) * both).sum(1)
        distance = np.where(both.any(1), difference / both.sum(1).clip(min=1), 1.0)
        near[row] = 1 / distance.clip(min=1e-3) ** 2
    return near @ has


def _below(fillers: list[str], ontology: Ontology) -> np.ndarray:
    """Bool (filler, filler): whether the first is below the second, or equals it."""
    place = {iri: k for k, iri in enumerate(fillers)}
    below = np.eye(len(fillers), dtype=bool)
    for iri, k in place.items():
        below[k, [place[upper] for upper in ontology.superclasses(iri) if upper in place]] = True
    return below
