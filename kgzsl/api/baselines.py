"""Baselines by the protocol of every run: chosen on validation classes, then fitted to all seen ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from kgzsl.api.building import build_model, promise_of, save_inputs
from kgzsl.api.records import Dataset, Listener
from kgzsl.api.scoring import Selection, calibrate, class_vectors, metrics_of
from kgzsl.data.labels import LabelSpace
from kgzsl.data.rows import Rows, in_batches
from kgzsl.semantics import ClassAttributes

if TYPE_CHECKING:
    import torch

    from kgzsl.model.baselines import BaselineClassifier, MeanToken
    from kgzsl.train.baselines.fitting import Method
    from kgzsl.train.loop import EpochRecord
    from kgzsl.train.run import RunConfig, RunFolder

__all__ = ["features_of", "fit_baseline", "fit_protocol", "semantics_of"]


def fit_baseline(
    config: RunConfig, data: Dataset, folder: RunFolder, *, knowledge: Mapping[str, Any], listener: Listener
) -> None:
    """Train a baseline into a run folder; one that was killed begins anew, and ends with the same bits."""
    from kgzsl.train.checkpoint import save_weights, write_text
    from kgzsl.train.footprint import footprint

    started = time.perf_counter()
    promise = promise_of(data.ontology, data.attributes, data.split)
    model, _ = build_model(config, data.attributes, data.ontology, split=data.split, array=data.images.array)
    method = _method(config, data)
    folder.start(config, promise)
    save_inputs(data, folder.path)
    lines: list[str] = []

    def record(tried: EpochRecord) -> None:
        lines.append(tried.line())
        listener.epoch(tried)

    with folder.timed(started):
        facts = fit_protocol(model, config, data, method=method, listener=listener, record=record)
    write_text(folder.path / "metrics.jsonl", "".join(lines))
    save_weights(folder.checkpoint, model, {"promise": promise})
    source = config.baseline.dual_encoder if config.model.kind.startswith("clip") else ""
    folder.finish(
        **facts,
        knowledge=knowledge,
        gate={},
        backbone=source.rstrip("/").rpartition("/")[2] or data.images.backbone,
        channels=data.images.array.shape[2] if data.images.array.ndim == 3 else None,
        **asdict(footprint(model, frozen=data.images.frozen)),
    )


def fit_protocol(
    model: BaselineClassifier,
    config: RunConfig,
    data: Dataset,
    *,
    method: Method,
    listener: Listener | None = None,
    record: Callable[[EpochRecord], None] = lambda epoch: None,
) -> dict[str, Any]:
    """Both phases of a baseline on the images of seen classes, and its calibration.

    Args:
        model: fitted in place; a :class:`~kgzsl.model.image_encoder.PixelEncoder` that it was built with is trained
            first, in each phase.
        config: settings.
        data: images and class attributes.
        method: how it is fitted.
        listener: hears of the encoder's steps.
        record: is given every candidate.

    Returns:
        ``validation``, ``chosen`` (number of the candidate) and ``calibration``.
    """
    import torch

    from kgzsl.train.baselines.encoder import fit_encoder
    from kgzsl.train.baselines.fitting import Lesson, refit, select

    split, trainval = data.split, data.images.part("trainval")
    selection = Selection.of(split, trainval)
    labels, held_out, judged = selection.labels, selection.held_out, selection.judged
    # Seen classes stand first among all, so that their positions are the same.
    space = LabelSpace((*split.seen, *split.unseen))
    seen, training = space.mask(split.seen), space.mask(split.training)
    learn = partial(fit_encoder, model.images, config=config.train, on_step=(listener or Listener()).step)
    semantics = torch.from_numpy(semantics_of(data.attributes.subset(space.classes)).astype(np.float32))
    table = data.attributes.subset(split.seen)

    def lesson(features: torch.Tensor, rows: np.ndarray, shown: np.ndarray, asked: np.ndarray) -> Lesson:
        told = (semantics, torch.from_numpy(shown), torch.from_numpy(asked))
        own = (config.baseline, config.train.batch_size, config.train.seed)
        return Lesson(features[rows], torch.from_numpy(labels[rows]), *told, *own)

    first = np.flatnonzero(training[labels] & ~held_out)
    if trained := _learns(model.images):
        learn(trainval.array[first], labels[first], phase="select")
    features = features_of(model.images, trainval.array)

    def validate() -> dict[str, float]:
        with torch.inference_mode():
            scores = model.scores(model.evidence(features[judged]), class_vectors(model, table)).numpy()
        return metrics_of(scores, labels[judged], selection.training)

    shown = lesson(features, first, training, seen & ~training)
    chosen, best = select(model, shown, method, validate=validate, record=record)
    everything = np.arange(len(labels))
    if trained and config.train.refit_epochs:
        learn(trainval.array, labels, phase="refit")
        features = features_of(model.images, trainval.array)
    refit(model, lesson(features, everything, seen, ~seen), method, chosen=chosen, record=record)
    model.eval()
    calibration = calibrate(model, best, images=trainval.array[held_out], table=table, validation=data.validation)
    return {"validation": best, "chosen": chosen, "calibration": calibration}


def features_of(images: MeanToken, array: np.ndarray | Rows) -> torch.Tensor:
    """Mean token of every image, of unit length, ``(image, channel)``."""
    import torch

    images.eval()
    with torch.no_grad():
        return torch.cat([images(torch.from_numpy(part)) for part in in_batches(array, size=256)])


def semantics_of(attributes: ClassAttributes) -> np.ndarray:
    """Class attributes of unit length, what is unknown being 0, and the classes' other states behind them."""
    table = np.where(attributes.known, attributes.degree, 0).astype(np.float64)
    table /= np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-12)
    return np.hstack([table * (not attributes.silent), *attributes.states.values()])


def _learns(images: MeanToken) -> bool:
    """Whether there is an encoder to train."""
    return any(parameter.requires_grad for parameter in images.parameters())


def _method(config: RunConfig, data: Dataset) -> Method:
    """How the kind is fitted, with the graph or the texts that it needs."""
    from kgzsl.train.baselines.methods import METHODS

    kind = config.model.kind
    attributes = data.attributes.subset((*data.split.seen, *data.split.unseen))
    if kind in ("gcnz", "dgp"):
        from kgzsl.model.baselines.class_graph import DensePropagation, GraphConvolution, class_graph

        network = GraphConvolution if kind == "gcnz" else DensePropagation
        return partial(
            METHODS[kind], graph=class_graph(data.ontology.core or data.ontology, attributes), network=network
        )
    if kind.startswith("clip"):
        from kgzsl.model.baselines.dual_encoder import class_texts, text_vectors

        texts = class_texts(attributes, facts=kind == "clip-facts")
        return partial(METHODS[kind], vectors=text_vectors(config.baseline.dual_encoder, texts))
    return METHODS[kind]
