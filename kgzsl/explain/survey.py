"""What a model saw in a whole set of images, and what each fact adds to each of their margins."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

import numpy as np

from kgzsl.explain.told import Apart, Told
from kgzsl.ontology import Fact, Ontology
from kgzsl.semantics import ClassAttributes

__all__ = ["Contributions", "PairShares", "Survey", "contributions", "shares_by_pair"]


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

    @cached_property
    def told(self) -> Told:
        """What is said of the classes."""
        return Told(self.attributes, self.vectors, ontology=self.ontology, verbalize=self.verbalize)


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
        apart = survey.told.apart(one, other)
        evidence = survey.evidence[rows[places]]
        values = evidence[:, apart.columns] @ apart.weights
        yield PairShares(one, other, places, apart, evidence * apart.difference, values)


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
    numbers = np.unique(np.concatenate([np.zeros(0, dtype=np.intp), *(pair.apart.facts for pair in found)]))
    own, values = np.zeros(len(numbers), dtype=bool), np.zeros((len(rows), len(numbers)))
    parts = {name: np.zeros(len(rows)) for name in ("calibration", *survey.blocks, "strengths")}
    parts["calibration"] = survey.offsets[rivals] - survey.offsets[explained]
    for pair in found:
        columns = np.searchsorted(numbers, pair.apart.facts)
        values[np.ix_(pair.places, columns)] = pair.values
        own[columns] |= pair.apart.own
        for source, block in survey.blocks.items():
            parts[source][pair.places] = pair.shares[:, block].sum(1)
        if survey.attributes.strength is not None:
            told = pair.shares[:, : len(survey.attributes.attributes)].sum(1)
            parts["strengths"][pair.places] = told - pair.values.sum(1)
    margins = survey.scores[rows, explained] - survey.scores[rows, rivals]
    facts = tuple(survey.told.facts[k] for k in numbers.tolist())
    return Contributions(facts, own, values, margins, {name: part for name, part in parts.items() if part.any()})
