"""The numbers that an ontology states of its classes: whose number is whose, and where each stands among all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain

import numpy as np

from kgzsl.ontology import Ontology
from kgzsl.ontology.vocabulary import lexical_form
from kgzsl.semantics.quantity import Quantity, filler_of, parse_quantity, rounded, unit_of

__all__ = ["LeftOut", "Numbers", "ranks", "read_numbers"]

Column = tuple[str, str]  # property, filler: see ``filler_of``
Stated = dict[float, list[int]]  # number in the base unit -> rows of the facts that say it


@dataclass(frozen=True, order=True, slots=True)
class LeftOut:
    """Facts of one property whose literal is in no column.

    Args:
        property: IRI of the property.
        why: ``"no number"`` (text, a date, an unknown unit) or ``"denied"`` (not to have one number says
            nothing of the others).
        count: how many facts.
        example: the literal of one of them.
    """

    property: str
    why: str
    count: int
    example: str


@dataclass(frozen=True, eq=False)
class Numbers:
    """What classes state in numbers.

    Args:
        number: column -> class -> its number, in the base unit.
        rows: column -> class -> rows of the ontology's facts that the number is the mean of.
        left_out: what was not read, sorted.
        read: how many facts were.
    """

    number: Mapping[Column, Mapping[str, float]] = field(default_factory=dict)
    rows: Mapping[Column, Mapping[str, tuple[int, ...]]] = field(default_factory=dict)
    left_out: tuple[LeftOut, ...] = ()
    read: int = 0

    def quantity(self, class_iri: str, column: Column) -> Quantity:
        """The number of a class, with its unit."""
        return Quantity(self.number[column][class_iri], unit_of(column[1]) or "")


def read_numbers(ontology: Ontology, rows: np.ndarray) -> Numbers:
    """The number of each class in each column.

    A number is that of the most specific class that states any: what a class states itself overrules what it
    inherits, and of its ancestors those overrule that are below the others. (In OWL both values hold. As a
    description "a bird is 0.2 m long, an ostrich 2 m" has one reading: the first is meant where nothing better
    is known.) Several numbers of equal right are averaged, each weighted by the strength of its fact.

    Args:
        ontology: entailed, so that inherited facts are among its facts.
        rows: the rows of facts of classes with a literal.
    """
    c, terms = ontology.columns, ontology.terms
    literals = {k: parse_quantity(terms[k]) for k in np.unique(c.object[rows]).tolist()}
    found: dict[Column, dict[str, Stated]] = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    left: dict[tuple[str, str], list[str]] = defaultdict(list)
    read = 0
    for row in rows.tolist():
        property, quantity = terms[c.predicate[row]], literals[int(c.object[row])]
        if quantity is None or c.negative[row]:
            left[property, "denied" if quantity else "no number"].append(lexical_form(terms[c.object[row]]))
        else:
            read += 1
            found[property, filler_of(quantity.unit)][terms[c.subject[row]]][quantity.number].append(row)
    above = _Above(ontology)
    number: dict[Column, dict[str, float]] = {}
    chosen: dict[Column, dict[str, tuple[int, ...]]] = {}
    for column, stated in found.items():
        picked = _most_specific(ontology, stated, above)
        means = {iri: _mean(ontology, numbers) for iri, numbers in picked.items()}
        number[column] = {iri: mean for iri, mean in means.items() if mean is not None}
        chosen[column] = {iri: tuple(sorted(chain.from_iterable(picked[iri].values()))) for iri in number[column]}
    left_out = (LeftOut(p, why, len(texts), min(texts)) for (p, why), texts in left.items())
    held = {column: classes for column, classes in number.items() if classes}
    return Numbers(held, {column: chosen[column] for column in held}, tuple(sorted(left_out)), read)


def ranks(number: Mapping[str, float]) -> dict[str, float]:
    """Where each number stands among the different ones: 0 the smallest, 1 the largest, 0.5 if all are one.

    Ranks and not shares of the range: of animals one whale would press all others to 0. They are the same in
    every unit and on every scale (also a logarithmic one), need no parameter, and a number that many classes
    have (or inherit) counts once.

    Example:
        >>> ranks({"mouse": 0.02, "rat": 0.3, "cat": 4.0, "lynx": 4.0, "whale": 1e5})
        {'mouse': 0.0, 'rat': 0.3333333333333333, 'cat': 0.6666666666666666, 'lynx': 0.6666666666666666, 'whale': 1.0}
    """
    different = sorted(set(number.values()))
    if len(different) == 1:
        return dict.fromkeys(number, 0.5)
    place = {n: k / (len(different) - 1) for k, n in enumerate(different)}
    return {iri: place[n] for iri, n in number.items()}


class _Above:
    """Strictly above what each class is; looked up once."""

    def __init__(self, ontology: Ontology) -> None:
        self.ontology = ontology
        self.all: dict[str, frozenset[str]] = {}

    def __call__(self, iri: str) -> frozenset[str]:
        if iri not in self.all:
            hierarchy, start = self.ontology.hierarchy, int(self.ontology.index[iri])
            found: set[int] = set()
            todo = [int(hierarchy.component[start])]
            while todo:
                new = set(hierarchy.parents[todo.pop()].tolist()) - found
                found |= new
                todo += new
            terms = (k for component in found for k in hierarchy.members[component].tolist())
            self.all[iri] = frozenset(self.ontology.terms[k] for k in terms)
        return self.all[iri]


def _most_specific(ontology: Ontology, stated: Mapping[str, Stated], above: _Above) -> dict[str, Stated]:
    """Of all numbers that each class states or inherits, those that overrule the others."""
    source = ontology.columns.source
    own: dict[str, set[float]] = {}
    for iri, numbers in stated.items():
        inherited: set[float] = set().union(*(stated[u] for u in above(iri) if u in stated))
        asserted = {n for n, rows in numbers.items() if any(source[row] >= 0 for row in rows)}
        mine = asserted | (numbers.keys() - inherited)
        if mine:
            own[iri] = mine
    picked = {}
    for iri, numbers in stated.items():
        origins = {iri} if iri in own else above(iri) & own.keys()
        nearest = origins - set().union(*(above(o) for o in origins))
        kept: Iterable[float] = set().union(*(own[o] for o in nearest)) & numbers.keys() or numbers
        picked[iri] = {n: numbers[n] for n in sorted(kept)}
    return picked


def _mean(ontology: Ontology, numbers: Stated) -> float | None:
    """The mean of different numbers, each weighted by its strength; None if none has any."""
    strength = ontology.columns.strength
    weights = [max(float(strength[row]) for row in rows) for rows in numbers.values()]
    total = sum(weights)
    return rounded(sum(n * w for n, w in zip(numbers, weights, strict=True)) / total) if total else None
