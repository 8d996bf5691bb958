"""A run's classes as methods of explaining look at them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kgzsl.api.records import Run
from kgzsl.api.scoring import blocks_of, class_vectors

__all__ = ["Description", "describe"]


@dataclass(frozen=True, eq=False)
class Description:
    """A run's classes, as :class:`~kgzsl.explain.question.Question` has them; the same for every image."""

    vectors: np.ndarray
    offsets: np.ndarray
    gates: np.ndarray
    blocks: dict[str, slice]
    scaled: np.ndarray | None
    centers: np.ndarray | None


def describe(run: Run) -> Description:
    """A run's classes as methods of explaining look at them."""
    import torch

    from kgzsl.model.baselines import AttributeClassifier
    from kgzsl.model.class_encoder import ClassEncoder
    from kgzsl.model.compat_classifier import UnitClasses

    model, count = run.model, len(run.attributes.attributes)
    with torch.inference_mode():
        vectors = class_vectors(model, run.attributes).double().cpu().numpy()
    own, table = getattr(model, "classes", None), run.attributes
    gates, scaled, centers = np.ones(count), None, None
    if isinstance(own, ClassEncoder):
        gates = own.gate.double().cpu().numpy()
    alone = isinstance(model, AttributeClassifier) and not model.silent
    if getattr(own, "unit", alone or isinstance(own, UnitClasses)):
        weight, center = (getattr(own, part, None) for part in ("weight", "center"))
        scaled = np.where(table.known, table.degree, 0.0) * (1.0 if weight is None else weight.double().cpu().numpy())
        centers = np.zeros(count) if center is None else gates * center.double().cpu().numpy()
    offsets = run.gamma * run.space.mask(run.split.seen)
    return Description(vectors, offsets, gates, blocks_of(model, table), scaled, centers)
