"""Facts are taken away and the classes described again: what the margin of a question is then."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from kgzsl.explain.question import Question
from kgzsl.ontology import Edit, Fact
from kgzsl.ontology.facts import FactKey
from kgzsl.semantics import ClassAttributes

__all__ = ["CellRemoval", "EditRemoval", "Encode", "Removal"]

Encode = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Rows ``(n,)`` of a run's classes and what is known of each, bool ``(n, attribute)``, to vectors
float64 ``(n, attribute + dim)``: values are the run's own, and so are all other states."""


class Removal(Protocol):
    """A way to take facts away through the model: never by subtracting what an explanation says of them."""

    @property
    def what(self) -> str:
        """What is taken away, and how, in words."""

    def pool(self, question: Question) -> tuple[Fact, ...]:
        """All facts that could be taken away and may matter."""

    def margins(self, question: Question, gone: Sequence[Collection[Fact]]) -> np.ndarray:
        """The margin without each of some sets of facts, float64 ``(set,)``."""


@dataclass(frozen=True, eq=False)
class EditRemoval:
    """Asserted facts are taken out of the ontology, and all is entailed again.

    For methods that rank asserted facts, of whatever class they are asserted.
    """

    what: str = "asserted facts, out of the ontology; what follows from the others is entailed again"

    def pool(self, question: Question) -> tuple[Fact, ...]:
        """The asserted facts that anything said of the two classes may rest on."""
        return question.worlds.basis(question.classes)

    def margins(self, question: Question, gone: Sequence[Collection[Fact]]) -> np.ndarray:
        """The margin under the ontology without each set."""
        edits = [Edit(remove=tuple(facts)) for facts in gone]
        scores = question.worlds.scores(question.evidence[None], edits, question.classes)[0]
        margins: np.ndarray = scores[:, 0] - scores[:, 1] + question.offset
        return margins


@dataclass(frozen=True, eq=False)
class CellRemoval:
    """Facts of the two classes themselves, asserted or entailed, are taken out of what follows.

    For methods that rank what is said of the two classes. What else follows from the same asserted facts stays, so that
    each fact is judged by itself. A cell of the matrix is unknown once no fact is left that it came from: what a class
    states, when that is gone; what it is only assumed to lack, when nothing is left of what made the assumption.

    Args:
        encode: describes classes again.
    """

    encode: Encode
    what: str = "facts of the two classes, out of the closure; cells that no fact is left for become unknown"
    _sources: dict[str, _Sources] = field(default_factory=dict, repr=False)

    def pool(self, question: Question) -> tuple[Fact, ...]:
        """All facts that cells of the two classes come from."""
        facts = [fact for iri in question.classes for fact in self._of(question.attributes, iri).facts]
        return tuple(dict.fromkeys(facts))

    def margins(self, question: Question, gone: Sequence[Collection[Fact]]) -> np.ndarray:
        """The margin with the cells of each set unknown."""
        keys = [frozenset(fact.key for fact in facts) for facts in gone]
        rows, known = [], []
        for row, iri in zip((question.explained, question.rival), question.classes, strict=True):
            taken = self._of(question.attributes, iri).emptied(keys)
            rows.append(np.full(len(keys), row))
            known.append(question.attributes.known[row] & ~taken)
        one, other = np.split(self.encode(np.concatenate(rows), np.concatenate(known)), 2)
        margins: np.ndarray = (one - other) @ question.evidence + question.offset
        return margins

    def _of(self, table: ClassAttributes, iri: str) -> _Sources:
        """The facts behind a class's cells; looked up once."""
        if iri not in self._sources:
            self._sources[iri] = _Sources.of(table, iri)
        return self._sources[iri]


@dataclass(frozen=True, eq=False)
class _Sources:
    """Which facts each cell of a class came from: bool ``(fact, attribute)``."""

    facts: tuple[Fact, ...]
    behind: np.ndarray
    place: dict[FactKey, int]

    @classmethod
    def of(cls, table: ClassAttributes, iri: str) -> _Sources:
        """Of one class."""
        cells = [table.sources(iri, attribute) for attribute in table.attributes]
        facts = tuple(dict.fromkeys(fact for cell in cells for fact in cell))
        place = {fact.key: k for k, fact in enumerate(facts)}
        behind = np.zeros((len(facts), len(cells)), dtype=bool)
        for column, cell in enumerate(cells):
            behind[[place[fact.key] for fact in cell], column] = True
        return cls(facts, behind, place)

    def emptied(self, gone: Sequence[Collection[FactKey]]) -> np.ndarray:
        """The cells that no fact is left for, without each of some sets, bool ``(set, attribute)``."""
        taken = np.zeros((len(gone), len(self.facts)), dtype=np.int64)
        for row, keys in enumerate(gone):
            taken[row, [self.place[key] for key in keys if key in self.place]] = 1
        emptied: np.ndarray = self.behind.any(0) & (taken @ self.behind == self.behind.sum(0))
        return emptied
