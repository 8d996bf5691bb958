"""A beginning in closed form: with frozen features, the detectors of attributes start where ridge regression ends."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor

from kgzsl.data.rows import Rows, in_batches
from kgzsl.model.classifier import ZeroShotClassifier
from kgzsl.train.baselines.closed_form import EszslPath

__all__ = ["STRENGTHS", "warm_start"]

STRENGTHS = (0.1, 1.0, 10.0)
"""Regularization that is tried on both sides: of images by their mean square, of classes as they are."""

NAMES = ("ridge_images", "ridge_classes")


@torch.no_grad()
def warm_start(
    model: ZeroShotClassifier,
    images: np.ndarray | Rows,
    labels: np.ndarray,
    *,
    classes: Tensor,
    judge: Callable[[], float] | None = None,
    chosen: Mapping[str, float] = MappingProxyType({}),
) -> dict[str, float]:
    """Set what the model sees in a patch so that its mean over the patches gives ESZSL's scores.

    The heads that look and detect are random at first, and what they detect is 0 everywhere; gradients then have to
    find, of a few classes, what a closed form gives at once. Training goes on from there: where to look, and what the
    texts of attributes share.

    Source: the scores are those of Romera-Paredes and Torr, "An embarrassingly simple approach to zero-shot learning",
    ICML 2015, with the class vectors of the model in the place of attributes.

    Args:
        model: changed in place; its image encoder has no weights of its own.
        images: patch features of training images, ``(image, patch, channel)``.
        labels: row of each image's class in ``classes``.
        classes: their vectors, ``(class, attribute + dim)``.
        judge: how good the model is now, on validation classes; it chooses the strengths.
        chosen: the strengths, where nothing judges.

    Returns:
        The strengths, as ``ridge_images`` and ``ridge_classes``.
    """
    pooled = torch.cat([model.image_encoder(torch.from_numpy(part)).mean(1) for part in in_batches(images, size=256)])
    # The statistics of the attributes' texts, which are otherwise gathered while training.
    model.spread.reset_running_stats()
    model.spread.momentum, momentum = 1.0, model.spread.momentum
    model.spread.train()
    model.encode_text()
    model.spread.eval().momentum = momentum
    size = float(pooled.square().sum(1).mean().sqrt())
    path = EszslPath(pooled.double().numpy() / size, labels, classes.double().cpu().numpy())
    texts, own = model.encode_text().attributes, model.classes.blocks
    # The solver that takes a deficient rank is one of the CPU.
    detectors = (model.grounding.detector(texts) * model.grounding.scale).double().cpu()
    scale = model.log_scale.double().exp().cpu()
    tried = []

    def begin(value: Tensor, sights: Sequence[Tensor]) -> None:
        model.grounding.value.weight.copy_(value)
        for sight, weight in zip(model.sights.values(), sights, strict=True):
            sight.weight.copy_(weight)

    pairs = list(itertools.product(STRENGTHS, STRENGTHS)) if judge else [tuple(chosen[name] for name in NAMES)]
    for pair in pairs:
        weights = torch.from_numpy(path.solve(*pair)).T / size / scale
        value = torch.linalg.lstsq(detectors, weights[own[0]], driver="gelsd").solution
        begin(value, [weights[block] for block in own[1:]])
        tried.append((judge() if judge else 0.0, pair, value, [weights[block] for block in own[1:]]))
    _, pair, value, sights = max(tried, key=lambda trial: trial[:2])
    begin(value, sights)
    return dict(zip(NAMES, pair, strict=True))
