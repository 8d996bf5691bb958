"""What an ontology tells of the classes of a survey: what sets them apart, and by which facts; looked up once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kgzsl.explain.margin import Cell, cell_of, divided, of_owners
from kgzsl.ontology import Fact, Ontology
from kgzsl.ontology.vocabulary import OWL
from kgzsl.semantics import ClassAttributes

__all__ = ["Apart", "Told"]


@dataclass(frozen=True, eq=False)
class Apart:
    """What sets one class apart from another, whatever the image.

    Args:
        difference: float64 ``(attribute + dim,)``: vector of the one less that of the other.
        columns: the attributes that facts set them apart by, or what was assumed because of facts.
        facts: these facts, by their numbers in :attr:`Told.facts`.
        own: bool ``(fact,)``: whether a fact was told of the one; the others were told of the other.
        weights: float64 ``(column, fact)``: what a fact adds for each unit of a column's evidence. Rows sum to the
            difference but for what strengths alone say.
    """

    difference: np.ndarray
    columns: np.ndarray
    facts: np.ndarray
    own: np.ndarray
    weights: np.ndarray


class Told:
    """What is said of classes, kept once it was asked for: a survey asks for the same again and again.

    Args:
        attributes: cells and the facts behind them.
        vectors: float64 ``(class, attribute + dim)``.
        ontology: entailed.
        verbalize: a fact as a phrase without its subject.
    """

    def __init__(
        self, attributes: ClassAttributes, vectors: np.ndarray, *, ontology: Ontology, verbalize: Callable[[Fact], str]
    ) -> None:
        self.attributes, self.vectors, self.ontology, self.verbalize = attributes, vectors, ontology, verbalize
        self.facts: list[Fact] = []
        self._numbers: dict[Fact, int] = {}
        self._cells: dict[tuple[int, int], Cell] = {}
        self._pairs: dict[tuple[int, int], Apart] = {}
        self._of: dict[int, tuple[Fact, ...]] = {}
        self._has: dict[str, bool] = {}

    def of(self, row: int) -> tuple[Fact, ...]:
        """All that the ontology says of a class; that it is a thing says nothing."""
        if row not in self._of:
            said = self.ontology.facts(self.attributes.classes[row])
            self._of[row] = tuple(fact for fact in said if fact.object not in (OWL.Thing, fact.subject))
        return self._of[row]

    def number(self, fact: Fact) -> int:
        """What a fact is counted as."""
        if fact not in self._numbers:
            self._numbers[fact] = len(self.facts)
            self.facts.append(fact)
        return self._numbers[fact]

    def column_of(self, fact: Fact) -> int | None:
        """The attribute that a fact is about; None where it has no column."""
        column = self._columns.get((fact.predicate, fact.object))
        if column is None and fact.predicate in self._of_numbers and fact.subject in self._rows:
            row = self._rows[fact.subject]
            column = next((k for k in self._of_numbers[fact.predicate] if fact in self._cell(row, k).facts), None)
        return column

    def has(self, property: str) -> bool:
        """Whether a property, or one below it, has attributes."""
        if property not in self._has:
            below: Iterable[str] = (property,)
            if property in self.ontology.index:
                _, properties = self.ontology.links
                found = properties.paths(self.ontology.index[property], upwards=False)
                below = (self.ontology.terms[k] for k in found)
            self._has[property] = not set(self.attributes.properties).isdisjoint(below)
        return self._has[property]

    @cached_property
    def alike(self) -> np.ndarray:
        """Bool ``(attribute,)``: whether all classes are known to agree in it."""
        same: np.ndarray = self.attributes.known.all(0) & (np.ptp(self.attributes.degree, axis=0) == 0)
        return same

    def apart(self, one: int, other: int) -> Apart:
        """What sets the class in one row apart from that in another."""
        if (one, other) not in self._pairs:
            self._pairs[one, other] = self._compared(one, other)
        return self._pairs[one, other]

    def _compared(self, one: int, other: int) -> Apart:
        """The same, worked out."""
        count = len(self.attributes.attributes)
        terms = self.vectors[[one, other], :count] * np.array([[1.0], [-1.0]])
        place: dict[Fact, int] = {}
        own: list[bool] = []
        parts: list[tuple[int, int, float]] = []
        for column in np.flatnonzero(terms.any(0)).tolist():
            cells = self._cell(one, column), self._cell(other, column)
            for term, owner in of_owners(terms[:, column], divided(*cells)):
                for fact in owner.facts:
                    if fact not in place:
                        place[fact] = len(place)
                        own.append(owner.facts is cells[0].facts)
                    parts.append((column, place[fact], term / len(owner.facts)))
        weights = np.zeros((count, len(place)))
        for column, number, part in parts:
            weights[column, number] += part
        columns, kept = np.flatnonzero(weights.any(1)), np.flatnonzero(weights.any(0))
        facts = np.array([self.number(fact) for fact in place], dtype=np.intp)[kept]
        mine = np.array(own, dtype=bool)[kept]
        return Apart(self.vectors[one] - self.vectors[other], columns, facts, mine, weights[np.ix_(columns, kept)])

    def _cell(self, row: int, column: int) -> Cell:
        """What is known of a class in an attribute."""
        if (row, column) not in self._cells:
            self._cells[row, column] = cell_of(self.attributes, row, column)
        return self._cells[row, column]

    @cached_property
    def _columns(self) -> dict[tuple[str, str], int]:
        return {(a.property, a.filler): k for k, a in enumerate(self.attributes.attributes) if a.unit is None}

    @cached_property
    def _of_numbers(self) -> dict[str, list[int]]:
        """Columns of numbers by property."""
        found: dict[str, list[int]] = {}
        for k, attribute in enumerate(self.attributes.attributes):
            if attribute.unit is not None:
                found.setdefault(attribute.property, []).append(k)
        return found

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {iri: row for row, iri in enumerate(self.attributes.classes)}
