"""The gate of a fact: how far what was learned of it carries over to classes that were not trained on.

A network that is asked for the diet of the training classes learns to tell it, if only by telling the classes.
Whether it learned to *see* it shows in classes that it was not trained on: what was learned from looks is right of
them more often than chance, and what was learned by heart is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_expit, logit

__all__ = ["Gates", "fit_gate"]

JUDGED_BY = 5
"""Fewest held-out classes that can judge a property: four of one mind could be chance (sign test, p = 1/16)."""
AGAINST_ITS_PROPERTY = 2.0
"""Standard errors that an attribute's own bearing needs where its property as a whole carries nothing over."""


@dataclass(frozen=True, eq=False)
class Gates:
    """How much to believe of what an image shows.

    Args:
        property: float64 (property,), of each property as a whole.
        attribute: float64 (attribute,), of each attribute: what a class vector is multiplied by.
        bearing: float64 (attribute,): how well images of held-out classes bear an attribute out, in standard errors
            over the classes; NaN where they cannot tell.
    """

    property: np.ndarray
    attribute: np.ndarray
    bearing: np.ndarray


def fit_gate(
    evidence: np.ndarray,
    value: np.ndarray,
    known: np.ndarray,
    *,
    prior: np.ndarray,
    properties: np.ndarray,
    labels: np.ndarray,
) -> Gates:
    """How much of each attribute's evidence to believe, in [0, 1], by images of classes held out of training.

    The gate ``g`` of a property maximizes the likelihood of the held-out classes' attribute values under
    ``p(a | image) = sigmoid(logit(prior_a) + g * evidence_a)``, which is concave in ``g``. It is closed (0)
    unless the gain in log-likelihood over ``g = 0`` exceeds its standard error over the classes: images of one
    class share their values, so it is the classes that count. A property of which fewer than five held-out
    classes say anything cannot be judged and stays open (1).

    An attribute has the gate of its property as long as it is borne out itself. Its bearing is the score statistic of
    its own gate at 0, ``mean_c u_c / SE(u)`` with ``u_c`` the mean of ``evidence_a * (value_a - prior_a)`` over the
    images of class ``c``. One that some held-out class has, and that has not even one standard error, is closed. In a
    closed property one with two standard errors is open all the same, as far as the property's likelihood would open
    it, or wholly where that opens nothing.

    Source: the one-standard-error rule, Breiman et al., "Classification and Regression Trees", 1984, section 3.4.3.

    Args:
        evidence: ``(image, attribute)``.
        value: attribute values in [0, 1] of each image's class, ``(image, attribute)``.
        known: which of them are known.
        prior: mean of each attribute over the training classes, ``(attribute,)``.
        properties: number of each attribute's property, ``(attribute,)``.
        labels: class of each image, ``(image,)``.

    Example:
        >>> value = np.eye(6)                                   # six classes, an image each
        >>> right, wrong = np.where(value, 4.0, -4.0), np.where(value, -4.0, 4.0)
        >>> gates = fit_gate(
        ...     np.hstack([right, wrong]), np.hstack([value, value]), np.ones((6, 12), dtype=bool),
        ...     prior=np.full(12, 1 / 6), properties=np.repeat([0, 1], 6), labels=np.arange(6))
        >>> gates.property.round(2).tolist(), gates.attribute.round(2).tolist()[5:7]
        ([1.0, 0.0], [1.0, 0.0])
    """
    prior = np.clip(prior, 0.01, 0.99)
    count = int(properties.max()) + 1
    whole, best = np.ones(count), np.ones(count)
    for number in range(count):
        columns = properties == number
        rows = known[:, columns].any(1)
        classes, place = np.unique(labels[rows], return_inverse=True)
        if len(classes) < JUDGED_BY:
            continue
        likelihood = partial(
            _likelihood,
            evidence[rows][:, columns],
            value[rows][:, columns],
            known[rows][:, columns],
            logit(prior[columns]),
        )
        gate = float(minimize_scalar(lambda g, f=likelihood: -f(g).mean(), bounds=(0, 1), method="bounded").x)
        gain = np.bincount(place, likelihood(gate) - likelihood(0.0)) / np.bincount(place)
        best[number] = gate
        whole[number] = gate if gain.mean() > gain.std(ddof=1) / np.sqrt(len(classes)) else 0.0
    bearing = _bearing(evidence, value, known, prior=prior, labels=labels)
    own = whole[properties]
    silent = own == 0
    # A property whose likelihood opens nothing says nothing of how far to open one attribute of it.
    alone = np.where(best[properties] > 0.01, best[properties], 1.0)
    gates = np.where(silent & (bearing > AGAINST_ITS_PROPERTY), alone, own)
    return Gates(whole, np.where(~silent & (bearing < 1), 0.0, gates), bearing)


def _bearing(
    evidence: np.ndarray, value: np.ndarray, known: np.ndarray, *, prior: np.ndarray, labels: np.ndarray
) -> np.ndarray:
    """Bearing of each attribute; NaN where too few held-out classes are known in it, or none has it, or all do."""
    classes, place = np.unique(labels, return_inverse=True)
    own = np.zeros((len(classes), len(labels)))
    own[place, np.arange(len(labels))] = 1.0
    images = own @ known
    score = own @ (evidence * (value - prior) * known) / np.maximum(images, 1)
    there = images > 0
    has = (own @ (value * known) / np.maximum(images, 1) > 0.5) & there
    number = there.sum(0)
    mean = np.where(there, score, 0).sum(0) / np.maximum(number, 1)
    spread = np.sqrt((np.where(there, score - mean, 0) ** 2).sum(0) / np.maximum(number - 1, 1))
    told = (number >= JUDGED_BY) & has.any(0) & (there & ~has).any(0)
    return np.where(told, mean / np.maximum(spread / np.sqrt(np.maximum(number, 1)), 1e-12), np.nan)


def _likelihood(
    evidence: np.ndarray, value: np.ndarray, known: np.ndarray, base: np.ndarray, gate: float
) -> np.ndarray:
    """Log-likelihood of the known cells of each image, ``(image,)``."""
    logits = base + gate * evidence
    return ((value * log_expit(logits) + (1 - value) * log_expit(-logits)) * known).sum(1)
