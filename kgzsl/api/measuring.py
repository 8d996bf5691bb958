"""Test images: the protocol, and baselines under it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from kgzsl.api.building import is_frozen
from kgzsl.api.records import Dataset, Listener, Run
from kgzsl.api.scoring import held_out_images, scores_of
from kgzsl.api.sources import dataset_name, load_dataset, overlap_of, semantics_name
from kgzsl.data.images import ImageSet
from kgzsl.errors import (
    ConfigError,
    MismatchError,
    Problem,
)
from kgzsl.semantics import ClassAttributes

if TYPE_CHECKING:
    from kgzsl.evaluate import SelectedOnTest, ZeroShotReport
    from kgzsl.evaluate.metrics import Counted

__all__ = ["BASELINES", "baseline", "evaluate"]

BASELINES = ("ESZSL", "pixel ridge")
"""Names of the baselines of :func:`baseline`."""
OVER_IMAGES = ("AWA2", "SUN")
"""Data sets on which the published code of DUET counts U and S over images."""


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


def evaluate(run: Run, *, paper_protocol: bool = False, listener: Listener | None = None) -> ZeroShotReport:
    """Measure a run on its test images by the proposed protocol; written to ``report.json`` as well.

    Source: Xian et al., "Zero-Shot Learning - A Comprehensive Evaluation", TPAMI 2019: per-class
    accuracy, proposed split, T1, U, S, H. AUSUC: Chao et al., ECCV 2016.

    Args:
        run: a trained run.
        paper_protocol: also say, in ``on_test``, what selection on the test images would report: over gamma, and
            over the epochs that a run with ``train.keep_epochs`` kept. Nothing else depends on it.
        listener: is called while backbone features are computed.
    """
    from kgzsl.train.checkpoint import write_json

    data = _dataset_of(run, listener)
    test = data.images.take(data.images.parts != "trainval")
    scores = scores_of(run.model, test.array, run.attributes)
    facts = {key: run.facts[key] for key in ("backbone", "seconds", "parameters", "trainable", "peak_memory")}
    report = _report(run, test, scores, gamma=run.gamma, model=run.config.model.kind, **facts)
    if paper_protocol:
        report = replace(report, on_test=_selected_on_test(run, test, scores))
    write_json(run.folder.path / "report.json", report.to_dict())
    return report


def _selected_on_test(run: Run, test: ImageSet, scores: np.ndarray) -> tuple[SelectedOnTest, ...]:
    """Selection on test, counted as everywhere; for ``duet-compat`` also as the published code of DUET counts."""
    from scipy.special import softmax

    from kgzsl.evaluate import select_on_test

    candidates = [("checkpoint", scores), *_scores_of_epochs(run, test)]
    seen = run.space.mask(run.split.seen)
    columns = [select_on_test(candidates, test.labels, seen)]
    if run.config.model.kind == "duet-compat":
        probabilities = [(name, softmax(each, axis=1)) for name, each in candidates]
        over: Counted = "images" if dataset_name(run.config) in OVER_IMAGES else "classes"
        columns.append(select_on_test(probabilities, test.labels, seen, over=over, gamma_unit="probabilities"))
    return tuple(columns)


def _scores_of_epochs(run: Run, test: ImageSet) -> Iterator[tuple[str, np.ndarray]]:
    """The test images' scores by the weights of every epoch that was kept."""
    from kgzsl.train.checkpoint import load_weights

    model = deepcopy(run.model)
    for file in run.folder.epochs:
        load_weights(file, model)
        yield file.stem, scores_of(model.eval(), test.array, run.attributes)


def _report(run: Run, test: ImageSet, scores: np.ndarray, *, gamma: float, **facts: Any) -> ZeroShotReport:
    """All measures of scores on the test images of a run; ``facts`` are entries of the report."""
    from kgzsl.evaluate import ZeroShotReport, ausuc, best_h, czsl_accuracy, gzsl, per_class_accuracy, seen_unseen_curve

    labels = test.labels
    seen = run.space.mask(run.split.seen)
    unseen_rows = ~seen[labels]
    result = gzsl(scores, labels, seen, gamma=gamma)
    curve = seen_unseen_curve(scores, labels, seen)
    accuracies = per_class_accuracy((scores - gamma * seen).argmax(1), labels, labels)
    return ZeroShotReport(
        dataset=dataset_name(run.config),
        test_images=test.test_digest,
        overlap=overlap_of(run.config),
        setting=run.config.setting,
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
        **facts,
    )


def baseline(run: Run, name: str, *, listener: Listener | None = None) -> ZeroShotReport:
    """Measure a baseline on the images, split and class attributes of a run.

    ``ESZSL`` works on the mean patch token of the run's own image encoder (of the frozen backbone,
    where there is one); ``pixel ridge`` on pixels scaled down to 32 x 32: what is to be had without seeing shapes.
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
    features = _pooled(run, data.images) if name == "ESZSL" else _small_pixels(data.images)
    table = _unit_rows(run.attributes)
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
        data.images.take(test),
        scores,
        gamma=calibration.gamma * float(ratio),
        model=name,
        backbone=run.facts["backbone"] if is_frozen(run.config) or name != "ESZSL" else "encoder of the run",
        seconds=time.perf_counter() - started,
        parameters=np.asarray(chosen.weights).size,
        trainable=np.asarray(chosen.weights).size,
        peak_memory=None,
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
    if images.array.dtype != np.uint8:
        raise ConfigError(Problem("a run on cached features has no pixels", fix="run `pixel ridge` on a run on pixels"))
    step = max(1, images.array.shape[1] // 32)
    size = images.array.shape[1] // step * step
    blocks = images.array[:, :size, :size].reshape(len(images), size // step, step, size // step, step, 3)
    return blocks.mean((2, 4)).reshape(len(images), -1) / 127.5 - 1


def _unit_rows(attributes: ClassAttributes) -> np.ndarray:
    """Class attributes of unit length, what is unknown being 0."""
    table = np.where(attributes.known, attributes.value, 0).astype(np.float64)
    return table / np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-12)
