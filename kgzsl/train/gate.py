"""The gate of a fact: how far what was learned of it carries over to classes that were not trained on.

A network that is asked for the diet of the training classes learns to tell it, if only by telling the classes.
Whether it learned to *see* it shows in classes that it was not trained on: what was learned from looks is right of
them more often than chance, and what was learned by heart is not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

__all__ = ["Gates", "fit_gate"]

JUDGED_BY = 5
"""Fewest held-out classes that can judge an attribute: four of one mind could be chance (sign test, p = 1/16)."""
SHOWN_MEAN, SHOWN_SPREAD, WORTH = 3.0, 2.0, 10
"""What bearings of attributes that images show are like before any was looked at, and as many attributes that is worth.
"""
SHARE_WORTH = 2.0
"""As many attributes of a property the share of all attributes is worth, where the property's own is estimated."""
CLOSED_BELOW = 0.05
"""An attribute that is less likely than this to be shown is closed."""


@dataclass(frozen=True, eq=False)
class Gates:
    """How much to believe of what an image shows of each attribute.

    Args:
        bearing: float64 (attribute,): how well images of held-out classes bear the attribute out, in standard errors
            over the classes; infinite where they cannot tell.
        chance: float64 (attribute,): how likely it is that images show the attribute, by its own bearing and those of
            the others of its property; 1 where nothing can tell.
    """

    bearing: np.ndarray
    chance: np.ndarray

    @property
    def attribute(self) -> np.ndarray:
        """Float64 (attribute,), in [0, 1]: what a class vector is multiplied by.

        That is the chance: what an attribute says, times how likely it is to say anything. Held-out classes are few,
        and an attribute that images do show may well look as if by chance: it counts for less, and is not shut out.
        """
        return np.where(self.chance < CLOSED_BELOW, 0.0, self.chance)


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

    - **Bearing**: the score statistic ``mean_c u_c / SE(u)``, with ``u_c`` the mean of ``evidence_a * (value_a -
      prior_a)`` over the images of class ``c``: images of one class share their values, so it is the classes that
      count. Five of them must be known in the attribute, some having it and some not.
    - **Chance**: bearings are a mixture of two kinds of attributes: of those that no image shows, which have a standard
      normal, and of those that images show, which lie higher. The share of the second kind is the property's own,
      drawn towards that of all; an attribute that cannot be judged has the chance of its property, and a property of
      which none can has 1, since nothing speaks against it.

    The gate is the chance, and 0 where that is below one in twenty.

    Source: the two-groups model of Efron, "Microarrays, empirical Bayes and the two-groups model", Statistical Science
    2008, section 2, fitted by expectation maximization.

    Args:
        evidence: ``(image, attribute)``.
        value: attribute values in [0, 1] of each image's class, ``(image, attribute)``.
        known: which of them are known.
        prior: mean of each attribute over the training classes, ``(attribute,)``.
        properties: number of each attribute's property, ``(attribute,)``.
        labels: class of each image, ``(image,)``.

    Example:
        >>> value = np.repeat(np.eye(6), 2, axis=0)             # six classes, two images each
        >>> right, wrong = np.where(value, 4.0, -3.0), np.where(value, -4.0, 3.0)
        >>> gates = fit_gate(
        ...     np.hstack([right, wrong]), np.hstack([value, value]), np.ones((12, 12), dtype=bool),
        ...     prior=np.full(12, 1 / 6), properties=np.repeat([0, 1], 6), labels=np.arange(12) // 2)
        >>> gates.attribute.round(1).tolist()[5:7]
        [1.0, 0.0]
    """
    prior = np.clip(prior, 0.01, 0.99)
    bearing = _bearing(evidence, value, known, prior=prior, labels=labels)
    return Gates(bearing, _chances(bearing, properties))


def _bearing(
    evidence: np.ndarray, value: np.ndarray, known: np.ndarray, *, prior: np.ndarray, labels: np.ndarray
) -> np.ndarray:
    """Bearing of each attribute; infinite where too few held-out classes are known in it, or none has it, or all do."""
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
    return np.where(told, mean / np.maximum(spread / np.sqrt(np.maximum(number, 1)), 1e-12), np.inf)


def _chances(bearing: np.ndarray, properties: np.ndarray) -> np.ndarray:
    """How likely each attribute is to be shown by images, ``(attribute,)``."""
    judged = np.isfinite(bearing)
    if not judged.any():
        return np.ones(len(bearing))
    # Far out, both densities vanish; there it is the side that tells.
    z, own, count = np.clip(bearing[judged], -4.0, 8.0), properties[judged], int(properties.max()) + 1
    many = np.bincount(own, minlength=count)
    mean, spread, share = SHOWN_MEAN, SHOWN_SPREAD, np.full(count, 0.5)
    for _ in range(200):
        shown, not_shown = norm.pdf(z, mean, spread), norm.pdf(z)
        shown = np.where(z < 0, np.minimum(shown, 1e-3 * not_shown), shown)  # what is borne out backwards is not shown
        found = share[own] * shown / (share[own] * shown + (1 - share[own]) * not_shown)
        mean = max(1.5, (found @ z + WORTH * SHOWN_MEAN) / (found.sum() + WORTH))
        spread = max(1.0, np.sqrt((found @ (z - mean) ** 2 + WORTH * SHOWN_SPREAD**2) / (found.sum() + WORTH)))
        share = (np.bincount(own, found, count) + SHARE_WORTH * found.mean()) / (many + SHARE_WORTH)
    chance = np.where(many > 0, share, 1.0)[properties]
    chance[judged] = found
    return chance
