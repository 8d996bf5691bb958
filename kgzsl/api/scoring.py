"""Scores of a model, its validation metrics, its gate and its calibration."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kgzsl.data.images import ImageSet
from kgzsl.data.labels import LabelSpace
from kgzsl.data.rows import Rows, in_batches
from kgzsl.data.split import ZeroShotSplit
from kgzsl.semantics import ClassAttributes

if TYPE_CHECKING:
    import torch

    from kgzsl.model.baselines import BaselineClassifier
    from kgzsl.model.classifier import ZeroShotClassifier

    Model = ZeroShotClassifier | BaselineClassifier

__all__ = [
    "Selection",
    "blocks_of",
    "calibrate",
    "class_vectors",
    "evidence_in_turn",
    "evidence_of",
    "gates_of",
    "held_out_images",
    "metrics_of",
    "scores_in_turn",
    "scores_of",
    "settle_gate",
    "validation_metrics",
]

FOLDS = 10
"""Parts of the validation classes: of each, how far to close gates is judged under gates that the others set."""
HELD_OUT_EVERY = 10
"""Every tenth training image of a training class is held out while selecting: it plays the seen test images."""


def evidence_of(model: Model, images: np.ndarray | Rows) -> np.ndarray:
    """Evidence ``(image, attribute)`` of images, that of states behind it."""
    found = [evidence.cpu().numpy() for evidence in evidence_in_turn(model, in_batches(images))]
    return np.concatenate(found) if found else np.zeros((0, len(model.phrases)), dtype=np.float32)


def scores_of(model: Model, images: np.ndarray | Rows, table: ClassAttributes) -> np.ndarray:
    """Scores ``(image, class)`` of images for the rows of a table."""
    none = np.zeros((0, len(table.classes)), dtype=np.float32)
    return np.concatenate([none, *scores_in_turn(model, in_batches(images), table)])


def _scores(model: ZeroShotClassifier, evidence: np.ndarray, table: ClassAttributes) -> np.ndarray:
    """The same from evidence ``(image, attribute + dim)``."""
    import torch

    with torch.inference_mode():
        classes = class_vectors(model, table)
        scores: np.ndarray = model.scores(torch.from_numpy(evidence).to(classes.device), classes).cpu().numpy()
    return scores


def scores_in_turn(
    model: Model, batches: Iterable[np.ndarray], table: ClassAttributes, *, added: int = 0
) -> Iterator[np.ndarray]:
    """Scores ``(image, class)`` of one batch of images after the other; texts and classes are encoded once.

    The last ``added`` rows of the table are scored apart, so that the others have the bits that they have alone.
    """
    import torch

    with torch.inference_mode():
        classes = class_vectors(model, table)
        parts = classes.split([len(classes) - added, added]) if added else (classes,)
    for evidence in evidence_in_turn(model, batches):
        with torch.inference_mode():
            yield torch.cat([model.scores(evidence, part) for part in parts], dim=1).cpu().numpy()


def class_vectors(model: Model, table: ClassAttributes) -> torch.Tensor:
    """Vectors of the rows of a table, where the model is: from what it says of them or, of names learned, by IRI."""
    import torch

    from kgzsl.model.baselines import NamedClassifier

    if isinstance(model, NamedClassifier):
        return model.encode_names(table.classes)
    value, known = (torch.from_numpy(cells).to(model.log_scale.device) for cells in (table.degree, table.known))
    states = {source: torch.from_numpy(rows).to(value.device) for source, rows in table.states.items()}
    return model.encode_classes(value, known, states)


def blocks_of(model: Model, table: ClassAttributes) -> dict[str, slice]:
    """Where each source of states stands in class vectors, behind the attributes."""
    from kgzsl.model.class_encoder import ClassEncoder

    own = getattr(model, "classes", None)
    if isinstance(own, ClassEncoder):
        return dict(zip(own.states, own.blocks[1:], strict=True))
    ends = np.cumsum([len(table.attributes), *(states.shape[1] for states in table.states.values())]).tolist()
    return {source: slice(*ends[k : k + 2]) for k, source in enumerate(table.states)}


def evidence_in_turn(model: Model, batches: Iterable[np.ndarray]) -> Iterator[torch.Tensor]:
    """Evidence ``(image, attribute)`` of one batch of images after the other, where the model is."""
    import torch

    model.eval()
    with torch.inference_mode():
        text = model.encode_text()
    for images in batches:
        with torch.inference_mode():
            array = torch.from_numpy(np.ascontiguousarray(images)).to(model.log_scale.device)
            yield model.encode_images(array, text).evidence


def held_out_images(labels: np.ndarray, training: np.ndarray) -> np.ndarray:
    """Mask over images: every tenth of a training class, at least one of each, plays the seen test images."""
    held_out = np.zeros(len(labels), dtype=bool)
    for label in np.flatnonzero(training):
        held_out[np.flatnonzero(labels == label)[::HELD_OUT_EVERY]] = True
    return held_out


@dataclass(frozen=True, eq=False)
class Selection:
    """The images of seen classes, and which of them train and judge while something is selected.

    Args:
        labels: position of each image's class among the seen ones.
        training: mask over the seen classes: those that are not held out for validation.
        held_out: mask over the images: see :func:`held_out_images`.
    """

    labels: np.ndarray
    training: np.ndarray
    held_out: np.ndarray

    @classmethod
    def of(cls, split: ZeroShotSplit, trainval: ImageSet) -> Selection:
        """The selection that a split asks for among the images for training."""
        seen = LabelSpace(split.seen)
        labels = seen.columns(trainval.space.classes[i] for i in trainval.labels)
        training = seen.mask(split.training)
        return cls(labels, training, held_out_images(labels, training))

    @property
    def judged(self) -> np.ndarray:
        """Rows of the images that judge: of validation classes, and the held-out ones."""
        return np.flatnonzero(self.held_out | ~self.training[self.labels])


def validation_metrics(
    model: ZeroShotClassifier, *, images: np.ndarray, labels: np.ndarray, table: ClassAttributes, training: np.ndarray
) -> dict[str, float]:
    """Metrics with the validation classes in the place of the unseen ones."""
    return metrics_of(scores_of(model, images, table), labels, training)


def metrics_of(scores: np.ndarray, labels: np.ndarray, training: np.ndarray) -> dict[str, float]:
    """The same of scores ``(image, seen class)``; the classes that are not for training play the unseen ones."""
    from kgzsl.evaluate import ausuc, choose_gamma, czsl_accuracy, seen_unseen_curve

    calibration = choose_gamma(scores, labels, ~training)
    return {
        "H": calibration.H,
        "T1": czsl_accuracy(scores[~training[labels]], labels[~training[labels]], np.flatnonzero(~training)),
        "AUSUC": ausuc(seen_unseen_curve(scores, labels, training)),
        "gamma": calibration.gamma,
        "spread": float(scores[training[labels]].std()),
    }


def settle_gate(
    model: ZeroShotClassifier,
    *,
    images: np.ndarray,
    labels: np.ndarray,
    table: ClassAttributes,
    training: np.ndarray,
    gate: bool,
) -> dict[str, float]:
    """Set the gates of the selected model by the validation classes.

    Returns:
        Their metrics under the gates, and ``gated``: how many attributes count for less than all of it.
    """
    import torch

    from kgzsl.train.gate import Gates, fit_gate

    def validate() -> dict[str, float]:
        return validation_metrics(model, images=images, labels=labels, table=table, training=training)

    if not gate:
        return {**validate(), "gated": 0.0}
    seen, judges = evidence_of(model, images), np.flatnonzero(~training[labels])

    def fitted(rows: np.ndarray) -> Gates:
        return fit_gate(
            seen[rows, : len(model.classes.prior)],
            table.degree[labels[rows]],
            table.known[labels[rows]],
            prior=model.classes.prior.cpu().numpy(),
            properties=model.classes.properties.cpu().numpy(),
            labels=labels[rows],
        )

    def scored(gates: np.ndarray, bearing: np.ndarray, rows: np.ndarray) -> np.ndarray:
        model.classes.set_gates(torch.from_numpy(gates).float(), torch.from_numpy(bearing).float())
        return _scores(model, seen[rows], table)

    found, of_class = fitted(judges), np.flatnonzero(~training)
    open_ = np.ones_like(found.chance)
    under = scored(found.attribute, found.bearing, judges)
    # Gates that were fitted to a class look better on it than they are: its images are scored under those of others.
    for classes in (of_class[k::FOLDS] for k in range(FOLDS)):
        own = np.isin(labels[judges], classes)
        if own.any() and not own.all():
            others = fitted(judges[~own])
            under[own] = scored(others.attribute, others.bearing, judges[own])
    without = scored(open_, found.bearing, judges)
    choice = (found.attribute, open_)[_sparsest([under, without], labels[judges], of_class)]
    model.classes.set_gates(torch.from_numpy(choice).float(), torch.from_numpy(found.bearing).float())
    _settle_sources(model, images[judges], labels[judges], table=table, candidates=of_class)
    return {**validate(), "gated": float((model.classes.gate < 1).sum())}


def _sparsest(scores: Sequence[np.ndarray], labels: np.ndarray, classes: np.ndarray) -> int:
    """The first of several score matrices that is as good as the best of them, for all that can be told.

    As good is what is right of validation images less often by one standard error at most, of the difference over the
    classes. They are told from each other alone: from the classes that it was trained on, a model tells them by what
    it knows of those by heart, too, which closing takes away, and which training under the gates makes up for.

    Source: the one-standard-error rule, Hastie et al., "The Elements of Statistical Learning", 2009, section 7.10.

    Args:
        scores: ``(image, seen class)`` each, the ones that are to be preferred first.
        labels: column of each image's class, one of ``classes``.
        classes: columns of the validation classes.
    """
    from kgzsl.evaluate import per_class_accuracy

    found = [per_class_accuracy(classes[each[:, classes].argmax(1)], labels, classes) for each in scores]
    right = np.array([[*of.values()] for of in found])
    behind = right[right.mean(1).argmax()] - right
    count = right.shape[1]
    error = behind.std(1, ddof=1) / np.sqrt(count) if count > 1 else np.zeros(len(scores))
    return int(np.flatnonzero(behind.mean(1) <= error)[0])


def _settle_sources(
    model: ZeroShotClassifier,
    images: np.ndarray | Rows,
    labels: np.ndarray,
    *,
    table: ClassAttributes,
    candidates: np.ndarray,
) -> None:
    """Close each source of states that does not help to tell the validation classes, the last ones first.

    It stays open where the log-probability of an image's class among them grows by it, by more than one standard error
    over the classes, as the gate of a property does. The only thing that describes classes stays open.
    """
    import torch

    blocks = model.classes.blocks
    if len(blocks) - model.classes.silent < 2:
        return
    with torch.inference_mode():
        classes = class_vectors(model, table)[candidates].cpu()
    evidence = torch.from_numpy(evidence_of(model, images))
    scale = model.log_scale.exp().detach().cpu()
    scores = [(scale * evidence[:, block] @ classes[:, block].T).double() for block in blocks]
    own = torch.from_numpy(np.searchsorted(candidates, labels))
    present, place = np.unique(labels, return_inverse=True)
    for number in range(len(blocks) - 1, int(model.classes.silent), -1):
        rest = [scores[k] for k in range(len(scores)) if k != number]
        chances = [torch.stack(parts).sum(0).log_softmax(1).gather(1, own[:, None])[:, 0] for parts in (scores, rest)]
        gain = np.bincount(place, (chances[0] - chances[1]).numpy()) / np.bincount(place)
        if len(present) < 2 or gain.mean() <= gain.std(ddof=1) / np.sqrt(len(present)):
            list(model.classes.states.values())[number - 1].gate.zero_()
            scores[number] = torch.zeros_like(scores[number])


def gates_of(model: ZeroShotClassifier, attributes: ClassAttributes) -> dict[str, Any]:
    """How much a model uses of what it was told.

    Returns:
        ``gate``: the mean gate of every property, by IRI; ``facts``: of every attribute its property, filler, gate and
        bearing (None where held-out classes could not tell); ``sources``: the gate of every source of states.
    """
    own = model.classes
    gate, bearing, judged = (tensor.cpu().numpy() for tensor in (own.gate, own.bearing, own.judged))
    columns: dict[str, list[int]] = {}
    for column, attribute in enumerate(attributes.attributes):
        columns.setdefault(attribute.property, []).append(column)
    return {
        "gate": {iri: round(float(gate[places].mean()), 4) for iri, places in columns.items()},
        "facts": [
            {
                "property": a.property,
                "filler": a.filler,
                "gate": round(float(gate[column]), 4),
                "bearing": round(float(bearing[column]), 2) if judged[column] else None,
            }
            for column, a in enumerate(attributes.attributes)
        ],
        "sources": {source: round(float(states.gate), 4) for source, states in own.states.items()},
    }


def calibrate(
    model: Model,
    best: Mapping[str, float],
    *,
    images: np.ndarray,
    table: ClassAttributes,
    validation: str,
) -> dict[str, Any]:
    """Gamma for the final model.

    Gamma is chosen for the selected checkpoint; training on with all seen classes widens the scores, so it
    is carried over in units of their spread over the held-out images. The rule names the validation classes.
    """
    spread = float(scores_of(model, images, table).std()) if len(images) else best["spread"]
    ratio = spread / best["spread"] if best["spread"] > 0 else 1.0
    return {
        "gamma": best["gamma"] * ratio,
        "unit": "scores",
        "rule": f"best AUSUC on validation classes {validation}; gamma of the best H there, by the scores' spread",
        "gamma_at_selection": best["gamma"],
        "spread_ratio": ratio,
    }
