"""Test images: the protocol, and baselines under it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from kgzsl.api.building import is_frozen
from kgzsl.api.records import Dataset, Listener, Run
from kgzsl.api.scoring import held_out_images, scores_of
from kgzsl.api.sources import dataset_name, load_dataset, semantics_name
from kgzsl.data.images import ImageSet
from kgzsl.data.rows import Rows
from kgzsl.errors import (
    ConfigError,
    MismatchError,
    Problem,
)
from kgzsl.semantics import ClassAttributes

if TYPE_CHECKING:
    from kgzsl.evaluate import ZeroShotReport

__all__ = ["BASELINES", "baseline", "evaluate"]

BASELINES = ("ESZSL", "ridge", "pixel ridge")
"""Names of the baselines of :func:`baseline`."""


def _dataset_of(run: Run, listener: Listener | None) -> Dataset:
    """The dataset that a run was trained on.

    Raises:
        MismatchError: the split, or the classes that have images, changed.
    """
    data = load_dataset(run.config, listener)
    if data.split.digest != run.split.digest:
        fix = "restore the split file and the folders of images, or train again"
        raise MismatchError(Problem("not the split that the run was trained on", fix=fix, file=run.folder.path))
    return data


def evaluate(run: Run, *, listener: Listener | None = None) -> ZeroShotReport:
    """Measure a run on its test images by the proposed protocol; written to ``report.json`` as well.

    Source: Xian et al., "Zero-Shot Learning - A Comprehensive Evaluation", TPAMI 2019: per-class
    accuracy, proposed split, T1, U, S, H. AUSUC: Chao et al., ECCV 2016.
    """
    from kgzsl.train.checkpoint import write_json

    data = _dataset_of(run, listener)
    test = data.images.take(data.images.parts != "trainval")
    scores = scores_of(run.model, test.array, run.attributes)
    report = _report(
        run, scores, test.labels, gamma=run.gamma, backbone=run.facts["backbone"], seconds=run.facts["seconds"]
    )
    write_json(run.folder.path / "report.json", report.to_dict())
    return report


def _report(
    run: Run, scores: np.ndarray, labels: np.ndarray, *, gamma: float, backbone: str, seconds: float
) -> ZeroShotReport:
    """All measures of scores on the test images of a run."""
    from kgzsl.evaluate import ZeroShotReport, ausuc, best_h, czsl_accuracy, gzsl, per_class_accuracy, seen_unseen_curve

    seen = run.space.mask(run.split.seen)
    unseen_rows = ~seen[labels]
    result = gzsl(scores, labels, seen, gamma=gamma)
    curve = seen_unseen_curve(scores, labels, seen)
    accuracies = per_class_accuracy((scores - gamma * seen).argmax(1), labels, labels)
    return ZeroShotReport(
        dataset=dataset_name(run.config),
        backbone=backbone,
        semantics=semantics_name(run.config),
        selection_rule=run.facts["calibration"]["rule"],
        seed=run.config.train.seed,
        T1=czsl_accuracy(scores[unseen_rows], labels[unseen_rows], np.flatnonzero(~seen)),
        U=result.U,
        S=result.S,
        H=result.H,
        AUSUC=ausuc(curve),
        best_H=best_h(curve),
        gamma=gamma,
        gamma_unit=run.facts["calibration"]["unit"],
        per_class={run.ontology.label(run.space.classes[column]): a for column, a in accuracies.items()},
        seconds=seconds,
    )


def baseline(run: Run, name: str, *, listener: Listener | None = None) -> ZeroShotReport:
    """Measure a baseline on the images, split and class attributes of a run.

    ``ESZSL`` and ``ridge`` (regression of the class attributes) work on the mean patch token of the run's own image
    encoder (of the frozen backbone, where there is one); ``pixel ridge`` on pixels scaled down to 32 x 32: what is to
    be had without seeing shapes.
    Their hyperparameters and gamma are chosen on the run's validation classes.

    Source: Romera-Paredes and Torr, "An embarrassingly simple approach to zero-shot learning", ICML 2015.

    Raises:
        ConfigError: no such baseline, or pixels of a run on cached features.
    """
    from kgzsl.evaluate import ESZSL, RidgeToAttributes, choose_gamma

    if name not in BASELINES:
        raise ConfigError(Problem(f"no baseline {name!r}", expected=f"one of {', '.join(BASELINES)}"))
    started = time.perf_counter()
    data = _dataset_of(run, listener)
    features = _small_pixels(data.images) if name == "pixel ridge" else _pooled(run, data.images)
    table = _unit_rows(run.attributes)
    if name == "ridge":  # what sets a class apart from the mean seen class, as in the model
        table -= table[run.space.mask(run.split.seen)].mean(0)
    train = np.flatnonzero(data.images.parts == "trainval")
    test = np.flatnonzero(data.images.parts != "trainval")
    labels = data.images.labels
    validation = run.space.mask(run.split.validation)
    seen = run.space.mask(run.split.seen)
    # Twice: without the validation classes for gamma, then with all seen classes.
    kind = ESZSL if name == "ESZSL" else RidgeToAttributes
    chosen = kind().fit_best(features[train], labels[train], table, validation_classes=np.flatnonzero(validation))
    strengths: dict[str, Any] = {"lam": chosen.lam}
    if isinstance(chosen, ESZSL):
        strengths["gamma"] = chosen.gamma
    fold = held_out_images(labels[train], seen & ~validation)
    fitted = train[~fold & ~validation[labels[train]]]
    judged = train[fold | validation[labels[train]]]
    columns = np.flatnonzero(seen)
    trial = kind().fit(features[fitted], labels[fitted], table, **strengths).scores(features[judged], table)[:, columns]
    calibration = choose_gamma(trial, np.searchsorted(columns, labels[judged]), validation[columns])
    scores = chosen.scores(features[test], table)
    ratio = chosen.scores(features[train[fold]], table)[:, columns].std() / trial[~validation[labels[judged]]].std()
    return _report(
        run,
        scores,
        labels[test],
        gamma=calibration.gamma * float(ratio),
        backbone=run.facts["backbone"] if is_frozen(run.config) or name == "pixel ridge" else "encoder of the run",
        seconds=time.perf_counter() - started,
    )


def _pooled(run: Run, images: ImageSet, *, batch: int = 256) -> np.ndarray:
    """Mean patch token of every image, unit length: of the backbone, or of the run's own encoder."""
    import torch

    rows = []
    with torch.inference_mode():
        for start in range(0, len(images), batch):
            part = np.array(images.array[start : start + batch])
            tokens = (
                part.astype(np.float32)
                if images.array.ndim == 3
                else run.model.image_encoder(torch.from_numpy(part).to(run.model.log_scale.device)).cpu().numpy()
            )
            rows.append(tokens.mean(1))
    pooled = np.concatenate(rows).astype(np.float64)
    return pooled / np.linalg.norm(pooled, axis=1, keepdims=True)


def _small_pixels(images: ImageSet) -> np.ndarray:
    """Pixels in [-1, 1] at 32 x 32 as one row an image."""
    if isinstance(images.array, Rows) or images.array.dtype != np.uint8:
        raise ConfigError(Problem("a run on cached features has no pixels", fix="run `pixel ridge` on a run on pixels"))
    step = max(1, images.array.shape[1] // 32)
    size = images.array.shape[1] // step * step
    blocks = images.array[:, :size, :size].reshape(len(images), size // step, step, size // step, step, 3)
    return blocks.mean((2, 4)).reshape(len(images), -1) / 127.5 - 1


def _unit_rows(attributes: ClassAttributes) -> np.ndarray:
    """Class attributes of unit length, what is unknown being 0."""
    table = np.where(attributes.known, attributes.value, 0).astype(np.float64)
    return table / np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-12)
