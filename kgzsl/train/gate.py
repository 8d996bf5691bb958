"""The gate of a property: how far what was learned of it carries over to classes that were not trained on.

A network that is asked for the diet of the training classes learns to tell it, if only by telling the classes.
Whether it learned to *see* it shows in classes that it was not trained on: what was learned from looks is right of
them more often than chance, and what was learned by heart is not.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_expit, logit

__all__ = ["fit_gate"]

JUDGED_BY = 5
"""Fewest held-out classes that can judge a property: four of one mind could be chance (sign test, p = 1/16)."""


def fit_gate(
    evidence: np.ndarray,
    value: np.ndarray,
    known: np.ndarray,
    *,
    prior: np.ndarray,
    properties: np.ndarray,
    labels: np.ndarray,
) -> np.ndarray:
    """How much of a property's evidence to believe, in [0, 1], by images of classes held out of training.

    The gate ``g`` of a property maximizes the likelihood of the held-out classes' attribute values under
    ``p(a | image) = sigmoid(logit(prior_a) + g * evidence_a)``, which is concave in ``g``. It is closed (0)
    unless the gain in log-likelihood over ``g = 0`` exceeds its standard error over the classes: images of one
    class share their values, so it is the classes that count. A property of which fewer than five held-out
    classes say anything cannot be judged and stays open (1).

    Source: the one-standard-error rule, Breiman et al., "Classification and Regression Trees", 1984, section 3.4.3.

    Args:
        evidence: ``(image, attribute)``.
        value: attribute values in [0, 1] of each image's class, ``(image, attribute)``.
        known: which of them are known.
        prior: mean of each attribute over the training classes, ``(attribute,)``.
        properties: number of each attribute's property, ``(attribute,)``.
        labels: class of each image, ``(image,)``.

    Returns:
        Float64 ``(property,)``.

    Example:
        >>> value = np.eye(6)                                   # six classes, an image each
        >>> right, wrong = np.where(value, 4.0, -4.0), np.where(value, -4.0, 4.0)
        >>> gates = fit_gate(
        ...     np.hstack([right, wrong]), np.hstack([value, value]), np.ones((6, 12), dtype=bool),
        ...     prior=np.full(12, 1 / 6), properties=np.repeat([0, 1], 6), labels=np.arange(6))
        >>> gates.round(2).tolist()
        [1.0, 0.0]
    """
    base = logit(np.clip(prior, 0.01, 0.99))
    gates = np.ones(int(properties.max()) + 1)
    for number in range(len(gates)):
        columns = properties == number
        rows = known[:, columns].any(1)
        classes, place = np.unique(labels[rows], return_inverse=True)
        if len(classes) < JUDGED_BY:
            continue
        likelihood = partial(
            _likelihood, evidence[rows][:, columns], value[rows][:, columns], known[rows][:, columns], base[columns]
        )
        gate = float(minimize_scalar(lambda g, f=likelihood: -f(g).mean(), bounds=(0, 1), method="bounded").x)
        gain = np.bincount(place, likelihood(gate) - likelihood(0.0)) / np.bincount(place)
        gates[number] = gate if gain.mean() > gain.std(ddof=1) / np.sqrt(len(classes)) else 0.0
    return gates


def _likelihood(
    evidence: np.ndarray, value: np.ndarray, known: np.ndarray, base: np.ndarray, gate: float
) -> np.ndarray:
    """Log-likelihood of the known cells of each image, ``(image,)``."""
    logits = base + gate * evidence
    return ((value * log_expit(logits) + (1 - value) * log_expit(-logits)) * known).sum(1)
