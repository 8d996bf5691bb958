"""Test images: the protocol, and baselines under it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from kgzsl.api.baselines import features_of, fit_protocol, semantics_of
from kgzsl.api.building import attribute_classifier, is_frozen
from kgzsl.api.knowledge import attributes_used, facts_used
from kgzsl.api.records import Dataset, Listener, Run
from kgzsl.api.scoring import held_out_images, metrics_of, scores_of
from kgzsl.api.sources import dataset_name, load_dataset, overlap_of, semantics_name
from kgzsl.data.images import ImageSet
from kgzsl.data.rows import Rows
from kgzsl.errors import (
    ConfigError,
    MismatchError,
    Problem,
)
from kgzsl.model.config import BASELINES as KINDS_OF_BASELINES

if TYPE_CHECKING:
    import torch

    from kgzsl.evaluate import SelectedOnTest, ZeroShotReport
    from kgzsl.evaluate.metrics import Counted
    from kgzsl.model.baselines import MeanToken

__all__ = ["BASELINES", "as_trained", "baseline", "dataset_of", "evaluate"]

BASELINES = ("ESZSL", "ridge", "pixel ridge")
"""Names of the baselines of :func:`baseline`."""
OVER_IMAGES = ("AWA2", "SUN")
"""Data sets on which the published code of DUET counts U and S over images."""


def as_trained(run: Run) -> Run:
    """A run without the classes that came after training: its data set has no image of them."""
    if not run.added:
        return run
    split = replace(run.split, unseen=tuple(iri for iri in run.split.unseen if iri not in run.added))
    return replace(run, split=split, attributes=run.attributes.subset((*split.seen, *split.unseen)), added=())


def dataset_of(run: Run, listener: Listener | None) -> Dataset:
    """The dataset that a run was trained on.

    Raises:
        MismatchError: the split, the classes that have images, or their attributes changed.
    """
    data = load_dataset(run.config, listener)
    if data.split.digest != run.split.digest:
        fix = "restore the split file and the folders of images, or train again"
        raise MismatchError(Problem("not the split that the run was trained on", fix=fix, file=run.folder.path))
    told = {"facts": facts_used(run)}
    attributes = attributes_used(run.config, data.ontology, data.images.space, told, strengths=data.strengths)
    if replace(attributes, states=run.attributes.states).digest != run.attributes.digest:
        fix = "restore the file of strengths, or train again"
        raise MismatchError(Problem("not the attributes that the run was trained on", fix=fix, file=run.folder.path))
    return replace(data, attributes=run.attributes)


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

    data = dataset_of(run, listener)
    test = data.images.take(data.images.parts != "trainval")
    scores = scores_of(run.model, test.array, run.attributes)
    facts = {key: run.facts[key] for key in ("backbone", "seconds", "parameters", "trainable", "peak_memory")}
    report = _report(run, test, scores, gamma=run.gamma, model=run.config.model.kind, **facts)
    if paper_protocol:
        report = replace(report, on_test=_selected_on_test(run, test, scores))
    write_json(run.folder.path / "report.json", report.to_dict())
    return report


def _selected_on_test(run: Run, test: ImageSet, scores: np.ndarray) -> tuple[SelectedOnTest, ...]:
    """Selection on test, counted as everywhere; for ``duet-compat`` also as the published code of DUET counts.

    Of the latter, departures that a run does without are left out.
    """
    from scipy.special import softmax

    from kgzsl.evaluate import select_on_test

    candidates = [("checkpoint", scores), *_scores_of_epochs(run, test)]
    seen = run.space.mask(run.split.seen)
    columns = [select_on_test(candidates, test.labels, seen)]
    if run.config.model.kind == "duet-compat":
        network: Any = run.model.network
        departures = network.departures
        over_images = departures.accuracy_over_images and dataset_name(run.config) in OVER_IMAGES
        over: Counted = "images" if over_images else "classes"
        if departures.gamma_on_probabilities:
            probabilities = [(name, softmax(each, axis=1)) for name, each in candidates]
            columns.append(select_on_test(probabilities, test.labels, seen, over=over, gamma_unit="probabilities"))
        elif over_images:
            columns.append(select_on_test(candidates, test.labels, seen, over=over))
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
        setting=f"{run.config.setting[:16]}-{run.facts['promise']['ontology'][:16]}",
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

    ``ESZSL`` and ``ridge`` (regression of the class attributes) work on the mean token of the run's own image encoder
    (of the frozen backbone, where there is one, as ``model.kind = "eszsl"`` does); ``pixel ridge`` on pixels scaled
    down to 32 x 32: what is to be had without seeing shapes. Their strengths and gamma are chosen on the run's
    validation classes.

    Source: Romera-Paredes and Torr, "An embarrassingly simple approach to zero-shot learning", ICML 2015; ridge onto
    attributes: Lampert et al., TPAMI 2014.

    Raises:
        ConfigError: no such baseline, or pixels of a run on cached features.
    """
    if name not in BASELINES:
        raise ConfigError(Problem(f"no baseline {name!r}", expected=f"one of {', '.join(BASELINES)}"))
    started = time.perf_counter()
    # Of a graph network, which only the run's model has, the states are the numbers of nodes.
    states = {source: table for source, table in run.attributes.states.items() if source != "gnn"}
    run = replace(run, attributes=replace(run.attributes, states=states))
    data = dataset_of(run, listener)
    fitted = _eszsl(run, data) if name == "ESZSL" else _ridge(run, data, pixels=name == "pixel ridge")
    return _report(
        run,
        data.images.take(data.images.parts != "trainval"),
        fitted.scores,
        gamma=fitted.gamma,
        model=name,
        backbone=run.facts["backbone"] if is_frozen(run.config) or name == "pixel ridge" else "encoder of the run",
        seconds=time.perf_counter() - started,
        parameters=fitted.parameters,
        trainable=fitted.parameters,
        peak_memory=None,
    )


@dataclass(frozen=True, eq=False)
class _Fitted:
    """A baseline's scores of the test images, its gamma, and its size."""

    scores: np.ndarray
    gamma: float
    parameters: int


def _eszsl(run: Run, data: Dataset) -> _Fitted:
    """ESZSL on a run's image encoder as it is."""
    from kgzsl.train.baselines.closed_form import fit_eszsl

    array = data.images.array
    model = attribute_classifier(_mean_token(run, array), run.attributes)
    facts = fit_protocol(model, run.config, data, method=fit_eszsl)
    test = array[data.images.parts != "trainval"]
    count = sum(p.numel() for p in model.parameters())
    return _Fitted(scores_of(model, test, run.attributes), facts["calibration"]["gamma"], count)


def _mean_token(run: Run, array: np.ndarray | Rows) -> MeanToken:
    """Mean tokens of a run's image encoder, or of the patch features that it is given."""
    import torch

    from kgzsl.model.baselines import GivenTokens, MeanToken

    own: Any = run.model.images if run.config.model.kind in KINDS_OF_BASELINES else run.model
    place = run.model.log_scale.device

    # A function: the encoder stays as it is, and is no part of what is fitted.
    def encoder(pixels: torch.Tensor) -> torch.Tensor:
        return own.image_encoder(pixels.to(place)).cpu()

    given = GivenTokens() if array.ndim == 3 else encoder
    with torch.inference_mode():
        width = given(torch.from_numpy(np.array(array[:1]))).shape[2]
    return MeanToken(given, width=width)


def _ridge(run: Run, data: Dataset, *, pixels: bool) -> _Fitted:
    """Ridge regression to class attributes, from small pixels or mean tokens; scores are cosines."""
    from kgzsl.train.baselines.closed_form import GRID, RidgePath
    from kgzsl.train.loop import SELECTED_BY

    array, labels, table = data.images.array, data.images.labels, semantics_of(run.attributes)
    if pixels:
        features = _small_pixels(data.images)
    else:
        features = features_of(_mean_token(run, array), array).numpy().astype(np.float64)
        table = table - table[run.space.mask(run.split.seen)].mean(0)  # what sets a class apart, as in the model
    columns = run.space.columns(run.split.seen)
    train, seen = data.images.parts == "trainval", run.space.mask(run.split.training)
    fold = np.zeros_like(train)
    fold[train] = held_out_images(labels[train], seen)
    first = train & seen[labels] & ~fold
    judged = train & ~first

    def cosines(path: RidgePath, lam: float, asked: np.ndarray) -> np.ndarray:
        weights, intercept = path.solve(lam)
        found = features[asked] @ weights + intercept
        return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12) @ table.T

    path = RidgePath(features[first], table[labels[first]])
    places = np.searchsorted(columns, labels[judged])
    tried = [(metrics_of(cosines(path, lam, judged)[:, columns], places, seen[columns]), lam) for lam in GRID]
    best, lam = max(tried, key=lambda trial: (trial[0][SELECTED_BY], trial[1]))
    final = RidgePath(features[train], table[labels[train]])
    ratio = cosines(final, lam, fold)[:, columns].std() / best["spread"]
    return _Fitted(cosines(final, lam, ~train), best["gamma"] * float(ratio), (features.shape[1] + 1) * table.shape[1])


def _small_pixels(images: ImageSet) -> np.ndarray:
    """Pixels in [-1, 1] at 32 x 32 as one row an image."""
    if isinstance(images.array, Rows) or images.array.dtype != np.uint8:
        raise ConfigError(Problem("a run on cached features has no pixels", fix="run `pixel ridge` on a run on pixels"))
    step = max(1, images.array.shape[1] // 32)
    size = images.array.shape[1] // step * step
    blocks = images.array[:, :size, :size].reshape(len(images), size // step, step, size // step, step, 3)
    return blocks.mean((2, 4)).reshape(len(images), -1) / 127.5 - 1
