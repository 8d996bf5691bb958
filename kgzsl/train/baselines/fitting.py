"""The two phases of a baseline: choose by validation classes, then the same with all seen classes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from kgzsl.errors import FailureError, Problem, TrainingError
from kgzsl.model.baselines import BaselineClassifier, NamedClassifier
from kgzsl.train.baselines.config import BaselineConfig
from kgzsl.train.loop import SELECTED_BY, EpochRecord

__all__ = ["Candidate", "Lesson", "Method", "need_finite", "refit", "select", "take"]


@dataclass(frozen=True, eq=False)
class Lesson:
    """What a baseline is shown in one phase: features of some classes' images, and the semantics of all.

    Args:
        features: of images, ``(image, channel)``, of unit length.
        labels: row of each image's class in ``semantics``, ``(image,)``.
        semantics: class attributes of unit length, ``(class, attribute)``.
        shown: mask over the classes: those with images here.
        asked: mask over the classes: those that are to be told without an image.
        config: settings.
        batch_size: images in a step.
        seed: of all that is random.
    """

    features: Tensor
    labels: Tensor
    semantics: Tensor
    shown: Tensor
    asked: Tensor
    config: BaselineConfig
    batch_size: int = 32
    seed: int = 0

    @property
    def columns(self) -> Tensor:
        """Each image's class counted among the shown ones, ``(image,)``."""
        return (self.shown.cumsum(0) - 1)[self.labels]

    def batches(self, generator: torch.Generator) -> Iterator[Tensor]:
        """Rows of images in random order, in batches."""
        return iter(torch.randperm(len(self.labels), generator=generator).split(self.batch_size))


@dataclass(frozen=True)
class Candidate:
    """One candidate: the model holds its weights when it is yielded.

    Args:
        figures: its strengths or losses, by name.
    """

    figures: Mapping[str, float]


Method = Callable[[BaselineClassifier, Lesson], Iterator[Candidate]]
"""A way to fit a baseline: candidate after candidate (strengths, or epochs), always the same ones in the same order."""


def select(
    model: BaselineClassifier,
    lesson: Lesson,
    method: Method,
    *,
    validate: Callable[[], Mapping[str, float]],
    record: Callable[[EpochRecord], None],
) -> tuple[int, dict[str, float]]:
    """First phase: the candidate that is best by ``SELECTED_BY`` on validation classes; of equals the last.

    Returns:
        Its number, from 1, and its validation metrics.
    """
    best: tuple[int, dict[str, float]] = (0, {})
    for number, candidate in enumerate(method(model, lesson), start=1):
        metrics = dict(validate())
        if metrics[SELECTED_BY] >= best[1].get(SELECTED_BY, -1.0):
            best = number, metrics
        record(EpochRecord("select", number, candidate.figures, metrics))
    return best


def refit(
    model: BaselineClassifier, lesson: Lesson, method: Method, *, chosen: int, record: Callable[[EpochRecord], None]
) -> None:
    """Second phase: anew on the images of all seen classes, up to the candidate that was chosen."""
    for number, candidate in enumerate(method(model, lesson), start=1):
        if number == chosen:
            record(EpochRecord("refit", number, candidate.figures))
            return
    raise FailureError(f"the method has no candidate {chosen} on all seen classes")


def take(model: BaselineClassifier, lesson: Lesson, *, vectors: Tensor) -> Iterator[Candidate]:
    """Class vectors that need no training are the one candidate."""
    if not isinstance(model, NamedClassifier):
        raise TypeError(f"class vectors are those of a NamedClassifier, not of a {type(model).__name__}")
    model.vectors.copy_(vectors)
    yield Candidate({})


def need_finite(loss: Tensor) -> Tensor:
    """The loss, or an error where it is not finite."""
    if not torch.isfinite(loss):
        raise TrainingError(Problem(f"the loss is {loss.item()}", fix="lower baseline.lr"))
    return loss
