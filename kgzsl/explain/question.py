"""What is asked of a model: why this class and not that one, for one image; and what changes if the ontology does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

import numpy as np

from kgzsl.explain.explanation import LearnedFrom
from kgzsl.ontology import Edit, Fact, Ontology
from kgzsl.semantics import ClassAttributes

if TYPE_CHECKING:
    from torch import Tensor

    from kgzsl.explain.explanation import Explanation

__all__ = ["Method", "Path", "Question", "Worlds"]


class Worlds(Protocol):
    """A trained model under changed ontologies: nothing is trained, classes are described again.

    Scores are those of ``scores`` without calibration; all arrays are float64.
    """

    def basis(self, classes: Sequence[str]) -> tuple[Fact, ...]:
        """The asserted facts that anything said of some classes may rest on, sorted."""

    def vectors(self, edits: Sequence[Edit], classes: Sequence[str]) -> np.ndarray:
        """Vectors of classes under each edit, ``(edit, class, attribute + dim)``."""

    def scores(self, evidence: np.ndarray, edits: Sequence[Edit], classes: Sequence[str]) -> np.ndarray:
        """Scores of classes under each edit for each image, ``(image, edit, class)``.

        Args:
            evidence: of images, ``(image, attribute + dim)``, scaled as :class:`Question` has it.
            edits: changes of the ontology, each by itself; an empty one is the ontology as it is.
            classes: IRIs.
        """

    def ontology(self, edit: Edit) -> Ontology:
        """The entailed ontology under an edit."""


@dataclass(frozen=True, eq=False)
class Path:
    """How facts reach a margin through states of the two classes, piece by piece.

    Every piece (a span of a prompt, an edge of a graph) has a presence in [0, 1]: 1 as it is, 0 as if nothing were
    said. What one source of states adds to the margin is a differentiable function of them.

    Args:
        source: of the states, as in :attr:`Question.blocks`.
        facts: what each piece says; several facts may be one piece, and a piece may be of none.
        share: presences ``(point, piece)`` to shares of the margin ``(point,)``, in the unit of scores. At presences of
            1 it is the share that the source has in the margin.
    """

    source: str
    facts: tuple[tuple[Fact, ...], ...]
    share: Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Question:
    """Why one class and not a rival, for one image, with all that methods may look at.

    Args:
        image: name of the image.
        evidence: float64 ``(attribute + dim,)``, scaled so that ``scores = vectors @ evidence``; that of other states
            of the classes (prompts, embeddings, graphs) stands behind that of the attributes, in vectors too.
        shares: float64 ``(attribute, patch)``: the evidence's exact shares by patch (they sum to it).
        vectors: float64 ``(class, attribute + dim)`` of all classes of the run, in the order of ``attributes.classes``.
        offsets: float64 ``(class,)``: what calibration takes off each score.
        explained: row of the class that is explained.
        rival: row of the class that it is held against.
        attributes: cells and the facts behind them.
        ontology: entailed.
        worlds: the model under changed ontologies.
        verbalize: a fact as a phrase without its subject.
        gates: float64 ``(attribute,)``.
        blocks: source of states -> its columns, behind the attributes.
        unseen: classes without training images.
        scaled: float64 ``(class, attribute)``: weighted values before each class was brought to length 1, and
        centers: float64 ``(attribute,)``: what was taken off afterwards, under the gates; None where the model brings
            no class to a length.
        learned_from: what a fact may have been learned from.
        paths: of evidence, and the rows of the explained class and the rival, the ways on which facts reach the margin
            beside the attributes; not called before it is needed.
    """

    image: str
    evidence: np.ndarray
    shares: np.ndarray
    vectors: np.ndarray
    offsets: np.ndarray
    explained: int
    rival: int
    attributes: ClassAttributes
    ontology: Ontology
    worlds: Worlds
    verbalize: Callable[[Fact], str]
    gates: np.ndarray
    blocks: Mapping[str, slice] = field(default_factory=lambda: MappingProxyType({}))
    unseen: frozenset[str] = frozenset()
    scaled: np.ndarray | None = None
    centers: np.ndarray | None = None
    learned_from: Callable[[Fact], tuple[LearnedFrom, ...]] = lambda fact: ()
    paths: Callable[[np.ndarray, int, int], tuple[Path, ...]] = lambda evidence, explained, rival: ()

    @property
    def classes(self) -> tuple[str, str]:
        """IRIs of the explained class and of the rival."""
        return self.attributes.classes[self.explained], self.attributes.classes[self.rival]

    @property
    def scores(self) -> np.ndarray:
        """Calibrated scores of all classes, float64 ``(class,)``."""
        # One sum a row: the bits of a score are the same whatever classes there are beside it.
        return (self.vectors * self.evidence).sum(1) - self.offsets

    @property
    def offset(self) -> float:
        """What calibration adds to the margin."""
        return float(self.offsets[self.rival] - self.offsets[self.explained])

    @property
    def margin(self) -> float:
        """Calibrated score of the explained class minus that of the rival."""
        return float((self.vectors[self.explained] - self.vectors[self.rival]) @ self.evidence) + self.offset


class Method(Protocol):
    """A way to say what each fact adds."""

    @property
    def name(self) -> str:
        """What it is chosen by."""

    @property
    def exact_for(self) -> str:
        """What its numbers are exact for, in words that follow "exact for"."""

    def explain(self, question: Question) -> Explanation:
        """The facts with their contributions, ranked."""
