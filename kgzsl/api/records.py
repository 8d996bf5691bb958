"""What passes through the api: listeners, data sets, runs, predictions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from kgzsl.data.images import ImageSet
from kgzsl.data.labels import LabelSpace
from kgzsl.data.split import ZeroShotSplit
from kgzsl.errors import (
    Problem,
)
from kgzsl.ontology import Ontology
from kgzsl.semantics import ClassAttributes, Strengths

if TYPE_CHECKING:
    from kgzsl.model.baselines import BaselineClassifier
    from kgzsl.model.classifier import ZeroShotClassifier
    from kgzsl.model.graph_states import GraphInputs
    from kgzsl.train.loop import EpochRecord
    from kgzsl.train.run import RunConfig, RunFolder

__all__ = ["Dataset", "Listener", "Prediction", "Run", "States"]


def _nothing(*arguments: Any) -> None:
    """What a listener does by default."""


@dataclass(frozen=True)
class Listener:
    """What is called while long work goes on.

    Args:
        drawing: images of the benchmark: (done, all).
        features: images through the frozen backbone: (done, all).
        reading: images that are read to look whether they can be: (done, all).
        step: phase of training, step, steps of the phase.
        epoch: the record of an epoch.
        skipped: images that are left out, counted and named.
        notice: what looks like a mistake of the input and is none that stops the work.
    """

    drawing: Callable[[int, int], None] = _nothing
    features: Callable[[int, int], None] = _nothing
    reading: Callable[[int, int], None] = _nothing
    step: Callable[[str, int, int], None] = _nothing
    epoch: Callable[[EpochRecord], None] = _nothing
    skipped: Callable[[Sequence[Problem]], None] = _nothing
    notice: Callable[[Sequence[Problem]], None] = _nothing


@dataclass(frozen=True, eq=False)
class States:
    """Raw states of classes from one source, and how they are standardized.

    Args:
        table: float32 ``(class, dim)``, standardized.
        center: float32 ``(dim,)``: mean of the raw ones over the training classes.
        length: root mean square length of these, centered.
    """

    table: np.ndarray
    center: np.ndarray
    length: float

    def standardized(self, raw: np.ndarray) -> np.ndarray:
        """Raw states of other classes, as those of the table."""
        table: np.ndarray = ((raw - self.center) / self.length).astype(np.float32)
        return table

    @classmethod
    def of(cls, raw: np.ndarray, training: np.ndarray) -> States:
        """Centered over the rows of training classes and scaled to mean square length 1 over them."""
        center = raw[training].mean(0, dtype=np.float64).astype(np.float32)
        length = float(np.sqrt(np.square(raw[training] - center).sum(1).mean())) or 1.0
        own = cls(raw, center, length)
        return replace(own, table=own.standardized(raw))


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images, split and semantics of the classes.

    Args:
        images: all images of the split's classes, with their parts.
        split: seen, unseen and validation classes.
        ontology: entailed.
        attributes: one row for each class of ``images.space``.
        validation: where the validation classes are from, in words that follow "validation classes".
        strengths: of attributes, where there are some.
        states: of the classes, by source, as ``attributes.states``.
        graph: what a graph network reads, where one does.
    """

    images: ImageSet
    split: ZeroShotSplit
    ontology: Ontology
    attributes: ClassAttributes
    validation: str
    strengths: Strengths | None = None
    states: Mapping[str, States] = field(default_factory=dict)
    graph: GraphInputs | None = None


@dataclass(frozen=True, eq=False)
class Run:
    """A trained model with all that it needs to predict and explain.

    Args:
        config: what made it.
        ontology: entailed.
        attributes: one row for each class of ``space``.
        split: seen, unseen and validation classes.
        space: the classes in the order of the score columns, seen ones first.
        model: the classifier.
        gamma: taken off the scores of seen classes.
        facts: the content of ``run.json``.
        folder: where it is.
        added: classes that came after training, the last ones of ``space``.
    """

    config: RunConfig
    ontology: Ontology
    attributes: ClassAttributes
    split: ZeroShotSplit
    space: LabelSpace
    model: ZeroShotClassifier | BaselineClassifier
    gamma: float
    facts: Mapping[str, Any]
    folder: RunFolder
    added: tuple[str, ...] = ()


@dataclass(frozen=True)
class Prediction:
    """The best classes for one image.

    Args:
        image: its path.
        top: ``(IRI, label, score, unseen)``, best first; scores are calibrated logits.
    """

    image: str
    top: tuple[tuple[str, str, float, bool], ...] = field(default=())
