"""What a model saw in a whole set of images, and what each fact adds to each of their margins."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

import numpy as np

from kgzsl.explain.margin import Cell, cell_of, decisive
from kgzsl.ontology import Fact, Ontology
from kgzsl.ontology.vocabulary import OWL
from kgzsl.semantics import Attribute, ClassAttributes

__all__ = ["Apart", "Contributions", "PairShares", "Survey", "contributions", "shares_by_pair"]


@dataclass(frozen=True, eq=False)
class Apart:
    """What sets one class apart from another, whatever the image.

    Args:
        difference: float64 ``(attribute + dim,)``: vector of the one less that of the other.
        columns: the attributes in which they differ.
        facts: the facts that say so.
        own: bool ``(fact,)``: whether a fact was told of the one; the others were told of the other.
        division: float64 ``(column, fact)``: which part of a column's share is a fact's. Rows sum to 1, or to 0 where
            strengths alone set the classes apart.
    """

    difference: np.ndarray
    columns: np.ndarray
    facts: tuple[Fact, ...]
    own: np.ndarray
    division: np.ndarray


@dataclass(frozen=True, eq=False)
class Survey:
    """A set of images as a model sees it, and the classes as :class:`~kgzsl.explain.question.Question` has them.

    Args:
        source: what images they are, in words: "test images".
        images: their names.
        labels: row of each one's class; -1 where nobody says.
        evidence: float64 ``(image, attribute + dim)``, scaled so that ``scores = evidence @ vectors.T``.
        vectors: float64 ``(class, attribute + dim)``.
        offsets: float64 ``(class,)``: what calibration takes off each score.
        gates: float64 ``(attribute,)``.
        attributes: cells and the facts behind them.
        ontology: entailed.
        verbalize: a fact as a phrase without its subject.
        blocks: source of states -> its columns, behind the attributes.
        unseen: classes without training images.
        notes: what to know of these images before one draws conclusions.
        picture: pixels of an image, uint8 ``(height, width, 3)``, or None where there are none.
        look: of some images and an attribute for each: the evidence's shares by patch, float64 ``(image, patch)``.
    """

    source: str
    images: tuple[str, ...]
    labels: np.ndarray
    evidence: np.ndarray
    vectors: np.ndarray
    offsets: np.ndarray
    gates: np.ndarray
    attributes: ClassAttributes
    ontology: Ontology
    verbalize: Callable[[Fact], str]
    blocks: Mapping[str, slice] = field(default_factory=lambda: MappingProxyType({}))
    unseen: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    picture: Callable[[int], np.ndarray | None] = lambda row: None
    look: Callable[[Sequence[int], Sequence[int]], np.ndarray] | None = None

    @cached_property
    def scores(self) -> np.ndarray:
        """Calibrated scores, float64 ``(image, class)``."""
        # Without BLAS: classes of one description get one score, to the bit, as where a single image is explained.
        return np.einsum("ea,ca->ec", self.evidence, self.vectors) - self.offsets

    @cached_property
    def predicted(self) -> np.ndarray:
        """Row of the predicted class of each image; of equal scores the first."""
        return self.scores.argmax(1)

    @cached_property
    def explained(self) -> np.ndarray:
        """Row of the class that is explained: the image's own, or the predicted one where nobody says."""
        return np.where(self.labels >= 0, self.labels, self.predicted)

    @cached_property
    def rivals(self) -> np.ndarray:
        """Row of the class that it is held against: of all others the one with the best score."""
        scores = self.scores.copy()
        scores[np.arange(len(scores)), self.explained] = -np.inf
        return scores.argmax(1)

    def label(self, row: int) -> str:
        """What the class in a row is called."""
        return self.ontology.label(self.attributes.classes[row])

    def phrase(self, fact: Fact) -> str:
        """A fact in words, without its subject."""
        said = fact.key[1:]  # whoever it is said of
        if said not in self._phrases:
            self._phrases[said] = self.verbalize(fact)
        return self._phrases[said]

    def cell(self, row: int, column: int) -> Cell:
        """What is known of a class in an attribute."""
        if (row, column) not in self._cells:
            self._cells[row, column] = cell_of(self.attributes, row, column)
        return self._cells[row, column]

    def column_of(self, fact: Fact) -> int | None:
        """The attribute that a fact is about; None where it has no column."""
        column = self._columns.get((fact.predicate, fact.object))
        if column is None and fact.subject in self._rows:
            row = self._rows[fact.subject]
            column = next(
                (k for k in self._of_numbers.get(fact.predicate, ()) if fact in self.cell(row, k).facts), None
            )
        return column

    def is_told_of(self, property: str) -> bool:
        """Whether a property, or one below it, has attributes."""
        if property not in self._told_of:
            below: Iterable[str] = (property,)
            if property in self.ontology.index:
                _, properties = self.ontology.links
                found = properties.paths(self.ontology.index[property], upwards=False)
                below = (self.ontology.terms[k] for k in found)
            self._told_of[property] = not self._properties.isdisjoint(below)
        return self._told_of[property]

    @cached_property
    def alike(self) -> np.ndarray:
        """Bool ``(attribute,)``: whether all classes are known to agree in it."""
        return self.attributes.known.all(0) & (np.ptp(self.attributes.degree, axis=0) == 0)

    def facts_of(self, row: int) -> tuple[Fact, ...]:
        """All that the ontology says of a class; that it is a thing says nothing."""
        if row not in self._facts:
            said = self.ontology.facts(self.attributes.classes[row])
            self._facts[row] = tuple(fact for fact in said if fact.object not in (OWL.Thing, fact.subject))
        return self._facts[row]

    def apart(self, one: int, other: int) -> Apart:
        """What sets the class in one row apart from that in another."""
        if (one, other) not in self._pairs:
            self._pairs[one, other] = self._compared(one, other)
        return self._pairs[one, other]

    def _compared(self, one: int, other: int) -> Apart:
        """The same, worked out."""
        difference = self.vectors[one] - self.vectors[other]
        columns = np.flatnonzero(difference[: len(self.attributes.attributes)])
        place: dict[Fact, int] = {}
        own: list[bool] = []
        parts: list[tuple[int, int, float]] = []
        for number, column in enumerate(columns.tolist()):
            cell = decisive(first := self.cell(one, column), self.cell(other, column))
            for fact in cell.facts if cell else ():
                if fact not in place:
                    place[fact] = len(place)
                    own.append(cell is first)
                parts.append((number, place[fact], 1 / len(cell.facts)))  # type: ignore[union-attr]
        division = np.zeros((len(columns), len(place)))
        for number, k, part in parts:
            division[number, k] = part
        return Apart(difference, columns, tuple(place), np.array(own, dtype=bool), division)

    @cached_property
    def _phrases(self) -> dict[tuple[str, ...], str]:
        return {}

    @cached_property
    def _told_of(self) -> dict[str, bool]:
        return {}

    @cached_property
    def _facts(self) -> dict[int, tuple[Fact, ...]]:
        return {}

    @cached_property
    def _properties(self) -> frozenset[str]:
        return frozenset(self.attributes.properties)

    @cached_property
    def _cells(self) -> dict[tuple[int, int], Cell]:
        return {}

    @cached_property
    def _pairs(self) -> dict[tuple[int, int], Apart]:
        return {}

    @cached_property
    def _columns(self) -> dict[tuple[str, str], int]:
        return {(a.property, a.filler): k for k, a in enumerate(self.attributes.attributes) if a.unit is None}

    @cached_property
    def _of_numbers(self) -> dict[str, list[int]]:
        """Columns of numbers by property."""
        found: dict[str, list[int]] = {}
        attributes: Sequence[Attribute] = self.attributes.attributes
        for k, attribute in enumerate(attributes):
            if attribute.unit is not None:
                found.setdefault(attribute.property, []).append(k)
        return found

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {iri: row for row, iri in enumerate(self.attributes.classes)}


@dataclass(frozen=True, eq=False)
class PairShares:
    """What facts add to the margins of the images in which one class is held against another.

    Args:
        one: row of the class that is explained.
        other: row of the class that it is held against.
        places: where the images are among those that were asked for.
        apart: what sets the two classes apart.
        shares: float64 ``(image, attribute + dim)``: shares of the margins.
        values: float64 ``(image, fact)``: those of the facts of ``apart``.
    """

    one: int
    other: int
    places: np.ndarray
    apart: Apart
    shares: np.ndarray
    values: np.ndarray


def shares_by_pair(survey: Survey, rows: np.ndarray, explained: np.ndarray, rivals: np.ndarray) -> Iterator[PairShares]:
    """The margins' shares of some images, of all images with the same two classes at once.

    Args:
        survey: the images.
        rows: which of them.
        explained: row of the class to explain, for each.
        rivals: row of the class that it is held against.
    """
    pairs, which = np.unique(np.stack((explained, rivals), axis=1), axis=0, return_inverse=True)
    order = np.argsort(which, kind="stable")
    ends = np.cumsum(np.bincount(which, minlength=len(pairs)))[:-1]
    for (one, other), places in zip(pairs.tolist(), np.split(order, ends), strict=True):
        apart = survey.apart(one, other)
        shares = survey.evidence[rows[places]] * apart.difference
        yield PairShares(one, other, places, apart, shares, shares[:, apart.columns] @ apart.division)


@dataclass(frozen=True, eq=False)
class Contributions:
    """Exact contributions of facts to the margins of several images.

    Args:
        facts: all that contribute to some of the margins.
        own: bool ``(fact,)``: whether a fact was told of the class that is explained, in some image.
        values: float64 ``(image, fact)``; 0 where a fact does not set the image's two classes apart.
        margins: float64 ``(image,)``: score of the explained class less that of its rival.
        parts: what no fact accounts for, float64 ``(image,)`` each: "calibration", a source of states, or "strengths".
    """

    facts: tuple[Fact, ...]
    own: np.ndarray
    values: np.ndarray
    margins: np.ndarray
    parts: dict[str, np.ndarray]

    @property
    def remainder(self) -> np.ndarray:
        """The sum of the parts, float64 ``(image,)``."""
        return np.sum([np.zeros(len(self.margins)), *self.parts.values()], axis=0)


def contributions(survey: Survey, rows: np.ndarray, explained: np.ndarray, rivals: np.ndarray) -> Contributions:
    """What :class:`~kgzsl.explain.margin.MarginMethod` says of single images, of many at once.

    ``margins = values.sum(1) + remainder``.

    Args:
        survey: the images.
        rows: which of them.
        explained: row of the class to explain, for each.
        rivals: row of the class that it is held against.
    """
    found = list(shares_by_pair(survey, rows, explained, rivals))
    place: dict[Fact, int] = {}
    for pair in found:
        for fact in pair.apart.facts:
            place.setdefault(fact, len(place))
    own, values = np.zeros(len(place), dtype=bool), np.zeros((len(rows), len(place)))
    parts = {name: np.zeros(len(rows)) for name in ("calibration", *survey.blocks, "strengths")}
    parts["calibration"] = survey.offsets[rivals] - survey.offsets[explained]
    for pair in found:
        columns = np.array([place[fact] for fact in pair.apart.facts], dtype=np.intp)
        values[np.ix_(pair.places, columns)] = pair.values
        own[columns] |= pair.apart.own
        for source, block in survey.blocks.items():
            parts[source][pair.places] = pair.shares[:, block].sum(1)
        told_by_none = pair.apart.columns[pair.apart.division.sum(1) == 0]
        parts["strengths"][pair.places] = pair.shares[:, told_by_none].sum(1)
    margins = survey.scores[rows, explained] - survey.scores[rows, rivals]
    return Contributions(tuple(place), own, values, margins, {name: part for name, part in parts.items() if part.any()})
