"""What the checks look at: questions with the answers of one method, and what was measured about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from kgzsl.explain.explanation import Explanation
from kgzsl.explain.faithfulness import Box
from kgzsl.explain.question import Question
from kgzsl.ontology import Fact

__all__ = ["Case", "Counted", "Erased", "Material", "Moved", "Retrained", "contributions"]


@dataclass(frozen=True, eq=False)
class Case:
    """One image: what was asked, what a method answered, and what the image is of.

    Args:
        question: why the predicted class and not the runner-up.
        explanation: the answer.
        label: IRI of the class that the image is labeled with.
        boxes: property -> where the renderer drew what a class has of it; empty where nobody knows.
    """

    question: Question
    explanation: Explanation
    label: str
    boxes: Mapping[str, Box] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, eq=False)
class Erased:
    """Margins of one question without some of the facts; ``k`` is how many of those ranked first.

    Args:
        margin: with all of them.
        bare: without all listed facts.
        without: k -> without the first k.
        without_random: k -> without k matched facts at random, the mean of several draws.
        alone: k -> without all listed facts but the first k.
        alone_random: k -> without all listed facts but k matched ones at random.
        deletion: order -> area under the deletion curve; ``"own"`` is the explanation's.
        insertion: order -> area under the insertion curve.
    """

    margin: float
    bare: float
    without: Mapping[int, float]
    without_random: Mapping[int, float]
    alone: Mapping[int, float]
    alone_random: Mapping[int, float]
    deletion: Mapping[str, float]
    insertion: Mapping[str, float]


@dataclass(frozen=True)
class Moved:
    """What an edit of the ontology was predicted to do to a margin, and what it did."""

    fact: Fact
    added: bool
    predicted: float
    found: float


@dataclass(frozen=True)
class Retrained:
    """How far the accuracy of some classes fell when the model was trained afresh, over one seed.

    Args:
        seed: of all these trainings.
        without: without the facts that explanations of each class rank first.
        without_random: without matched facts at random.
        grafted: with those ranked first given to another class.
        grafted_random: with matched facts at random given to it.
    """

    seed: int
    without: float
    without_random: float
    grafted: float
    grafted_random: float


@dataclass(frozen=True)
class Counted:
    """Test images of unseen classes: how many were recognized among these classes.

    Args:
        right: images.
        images: in all.
        classes: candidates.
    """

    right: int
    images: int
    classes: int

    @property
    def p(self) -> float:
        """How likely chance is to be right as often: one-sided binomial test.

        Example:
            >>> round(Counted(right=3, images=3, classes=2).p, 3)
            0.125
        """
        from scipy.stats import binomtest

        return float(binomtest(self.right, self.images, 1 / self.classes, alternative="greater").pvalue)


@dataclass(frozen=True, eq=False)
class Material:
    """All that was measured of one method on one run.

    Args:
        cases: the images.
        erased: of each case.
        moved: of each case, what edits did.
        again: what explanations were made again under (``"weights"``, ``"names"``, ``"order"``, ``"seeds"``) -> each
            time, those of some of the cases by their number.
        pool: of each case, the facts that the method could have named.
        drawn: whether a fact is one that pictures are drawn from; None where nobody knows.
        usual: property -> mean box of what a class has of it, over the training images.
        retrained: for each seed; empty where nothing was trained.
        counted: accuracy on unseen classes.
        shuffled: whether the run was trained with facts of other classes.
        missing: what a check needs -> why it is not there.
        seed: of bootstrap draws.
    """

    cases: tuple[Case, ...]
    erased: tuple[Erased, ...] = ()
    moved: tuple[tuple[Moved, ...], ...] = ()
    again: Mapping[str, tuple[Mapping[int, Explanation], ...]] = field(default_factory=lambda: MappingProxyType({}))
    pool: tuple[tuple[Fact, ...], ...] = ()
    drawn: Callable[[Fact], bool] | None = None
    usual: Mapping[str, Box] = field(default_factory=lambda: MappingProxyType({}))
    retrained: tuple[Retrained, ...] = ()
    counted: Counted | None = None
    shuffled: bool = False
    missing: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    seed: int = 0

    @property
    def labels(self) -> list[str]:
        """The class of each image: those of one class share its facts."""
        return [case.label for case in self.cases]


def contributions(one: Explanation, other: Explanation) -> tuple[np.ndarray, np.ndarray]:
    """Contributions in two explanations of all facts that either lists, 0 where one does not; two of ``(fact,)``."""
    tables = [{found.fact.key: found.contribution for found in each.every} for each in (one, other)]
    keys = sorted(tables[0].keys() | tables[1].keys())
    first, second = (np.array([table.get(key, 0.0) for key in keys]) for table in tables)
    return first, second
