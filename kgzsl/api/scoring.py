"""Scores of a model, its validation metrics, its gate and its calibration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from kgzsl.semantics import ClassAttributes

if TYPE_CHECKING:
    import torch

    from kgzsl.model.classifier import ZeroShotClassifier

__all__ = ["calibrate", "evidence_of", "gates_of", "held_out_images", "scores_of", "settle_gate", "validation_metrics"]

HELD_OUT_EVERY = 10
"""Every tenth training image of a training class is held out while selecting: it plays the seen test images."""


def evidence_of(model: ZeroShotClassifier, images: np.ndarray, *, batch: int = 128) -> np.ndarray:
    """Evidence ``(image, attribute)`` of images."""
    import torch

    model.eval()
    rows = [np.zeros((0, len(model.phrases)), dtype=np.float32)]
    with torch.inference_mode():
        text = model.encode_text()
        for start in range(0, len(images), batch):
            array = torch.from_numpy(np.ascontiguousarray(images[start : start + batch]))
            rows.append(model.encode_images(array.to(model.log_scale.device), text).evidence.cpu().numpy())
    return np.concatenate(rows)


def scores_of(model: ZeroShotClassifier, images: np.ndarray, table: ClassAttributes) -> np.ndarray:
    """Scores ``(image, class)`` of images for the rows of a table."""
    import torch

    with torch.inference_mode():
        classes = class_vectors(model, table)
        evidence = torch.from_numpy(evidence_of(model, images)).to(classes.device)
        return model.scores(evidence, classes).cpu().numpy()


def class_vectors(model: ZeroShotClassifier, table: ClassAttributes) -> torch.Tensor:
    """Vectors ``(class, attribute)`` of the rows of a table, where the model is."""
    import torch

    value, known = (torch.from_numpy(cells).to(model.log_scale.device) for cells in (table.value, table.known))
    return model.encode_classes(value, known)


def held_out_images(labels: np.ndarray, training: np.ndarray) -> np.ndarray:
    """Mask over images: every tenth of a training class, at least one of each, plays the seen test images."""
    held_out = np.zeros(len(labels), dtype=bool)
    for label in np.flatnonzero(training):
        held_out[np.flatnonzero(labels == label)[::HELD_OUT_EVERY]] = True
    return held_out


def validation_metrics(
    model: ZeroShotClassifier, *, images: np.ndarray, labels: np.ndarray, table: ClassAttributes, training: np.ndarray
) -> dict[str, float]:
    """Metrics with the validation classes in the place of the unseen ones."""
    from kgzsl.evaluate import ausuc, choose_gamma, czsl_accuracy, seen_unseen_curve

    scores = scores_of(model, images, table)
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
    """Set the gate of the selected model by the validation classes; their metrics under it."""
    import torch

    from kgzsl.train.gate import fit_gate

    if gate:
        chosen = np.flatnonzero(~training[labels])
        gates = fit_gate(
            evidence_of(model, images[chosen]),
            table.value[labels[chosen]],
            table.known[labels[chosen]],
            prior=model.classes.prior.cpu().numpy(),
            properties=model.classes.properties.cpu().numpy(),
            labels=labels[chosen],
        )
        model.classes.open_properties(torch.from_numpy(gates).float())
    return validation_metrics(model, images=images, labels=labels, table=table, training=training)


def gates_of(model: ZeroShotClassifier, attributes: ClassAttributes) -> dict[str, float]:
    """The gate of every property, by IRI."""
    columns = {attribute.property: column for column, attribute in enumerate(attributes.attributes)}
    return {iri: round(float(model.classes.gate[column]), 4) for iri, column in columns.items()}


def calibrate(
    model: ZeroShotClassifier,
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
        "rule": f"best H on validation classes {validation}, gamma carried over by the spread of the scores",
        "gamma_at_selection": best["gamma"],
        "spread_ratio": ratio,
    }
