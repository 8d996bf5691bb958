"""Which attribute is masked, and which classes are positives and negatives: DUET's draws as tables of chances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kgzsl.model.departures import Departures

__all__ = ["SamplingTables", "attribute_frequency", "class_distances", "masking_chances", "sampling_tables"]

COMMON_BY_NATURE = 3
"""Attributes of groups that no picture shows (diet, role ...) count as if three more classes had them."""


@dataclass(frozen=True, eq=False)
class SamplingTables:
    """Chances of each draw; a row sums to 1, or to 0 where there is nothing to draw.

    Args:
        masking: of each attribute of a class to be masked, ``(class, attribute)``.
        positive: of each class to be the positive of an attribute in a class, ``(class, attribute, class)``.
        negative: of each class to be the first negative; the second is drawn from the others.
        candidates: how many classes could be negatives, ``(class, attribute)``; 0: no attribute-level contrast.
    """

    masking: np.ndarray
    positive: np.ndarray
    negative: np.ndarray
    candidates: np.ndarray


def attribute_frequency(present: np.ndarray, *, invisible: np.ndarray | None = None) -> np.ndarray:
    """One over the number of seen classes that have an attribute, ``(attribute,)``; 0 where none has.

    Args:
        present: boolean ``(class, attribute)``, seen classes only.
        invisible: attributes of groups that no picture shows: published: habit, diet, behaviour and role.

    Example:
        >>> present = np.array([[1, 1, 0], [1, 0, 0]], dtype=bool)
        >>> attribute_frequency(present, invisible=np.array([False, True, False])).tolist()
        [0.5, 0.25, 0.0]
    """
    times = present.sum(0).astype(np.float64)
    if invisible is not None:
        times = times + COMMON_BY_NATURE * np.asarray(invisible)
    return np.divide(1.0, times, out=np.zeros_like(times), where=times > 0)


def masking_chances(present: np.ndarray, frequency: np.ndarray) -> np.ndarray:
    """How likely each attribute of a class is masked, ``(class, attribute)``: rare ones more, the commonest never.

    ``P(a | c)`` is proportional to ``(f_a - min f) / (max f - min f)`` over the attributes of the class. A class whose
    attributes are all equally rare has equal chances (the published code divides by 0 there).

    Source: DUET (Chen et al., AAAI 2023), linguistic weighted random sampling (LWRS).

    Example:
        >>> masking_chances(np.ones((1, 3), dtype=bool), np.array([0.1, 0.2, 0.4])).round(2).tolist()
        [[0.0, 0.25, 0.75]]
    """
    present = np.asarray(present, dtype=bool)
    low = np.where(present, frequency, np.inf).min(1, keepdims=True, initial=np.inf)
    high = np.where(present, frequency, -np.inf).max(1, keepdims=True, initial=-np.inf)
    flat = ~(high > low)
    with np.errstate(invalid="ignore"):
        chances = np.where(present, np.where(flat, 1.0, (frequency - low) / np.where(flat, 1.0, high - low)), 0.0)
    return _rows_to_one(chances)


def class_distances(strength: np.ndarray, *, departures: Departures) -> np.ndarray:
    """Squared Manhattan distance of the seen classes' attribute strengths, ``(class, class)``.

    Args:
        strength: ``(class, attribute)``, in [0, 1]: published: ``att`` of the seen classes between its one smallest
            and one largest entry.
        departures: whether a class is at distance 1 from itself (published) or 0.

    Example:
        >>> class_distances(np.array([[0.0, 1.0], [1.0, 1.0], [0.0, 0.5]]), departures=Departures.none()).tolist()
        [[0.0, 1.0, 0.25], [1.0, 0.0, 2.25], [0.25, 2.25, 0.0]]
    """
    strength = np.asarray(strength, dtype=np.float64)
    distances = np.stack([np.abs(strength - row).sum(1) for row in strength]) ** 2
    np.fill_diagonal(distances, 1.0 if departures.own_class_at_distance_one else 0.0)
    return distances


def sampling_tables(
    present: np.ndarray, distances: np.ndarray, *, groups: np.ndarray, frequency: np.ndarray
) -> SamplingTables:
    """All chances of a data set.

    - The positive of (class, attribute): of the seen classes that have the attribute, the farther half
      (``n // 2 + 1``), in proportion to their distance.
    - The negative: of the seen classes that have another attribute of the same group and none of the
      class's own in it, the nearer half, in proportion to one over their distance.

    Source: DUET (Chen et al., AAAI 2023), attribute-level contrastive learning; which half and what weights, from
    the published code.

    Args:
        present: boolean ``(class, attribute)``, seen classes only.
        distances: from :func:`class_distances`.
        groups: number of each attribute's group, ``(attribute,)``.
        frequency: from :func:`attribute_frequency`.

    Example:
        >>> present = np.array([[1, 0], [1, 0], [0, 1]], dtype=bool)
        >>> distances = np.array([[1.0, 4.0, 2.0], [4.0, 1.0, 9.0], [2.0, 9.0, 1.0]])
        >>> tables = sampling_tables(present, distances, groups=np.array([0, 0]), frequency=np.array([0.5, 1.0]))
        >>> tables.positive[0, 0].tolist(), tables.negative[0, 0].tolist()
        ([0.2, 0.8, 0.0], [0.0, 0.0, 1.0])
    """
    present = np.asarray(present, dtype=bool)
    shape = (*present.shape, len(present))
    positive, negative = np.zeros(shape), np.zeros(shape)
    candidates = np.zeros(present.shape, dtype=np.int64)
    members = groups == groups[:, None]
    for row, column in zip(*np.nonzero(present), strict=True):
        own = members[column] & present[row]
        others = members[column] & ~present[row]
        near = np.flatnonzero(~present[:, own].any(1) & present[:, others].any(1))
        candidates[row, column] = len(near)
        far = np.flatnonzero(present[:, column])
        _fill(positive[row, column], far, distances[row, far])
        if len(near):
            _fill(negative[row, column], near, _closeness(distances[row, near]))
    return SamplingTables(masking_chances(present, frequency), positive, negative, candidates)


def _fill(chances: np.ndarray, classes: np.ndarray, weights: np.ndarray) -> None:
    """Chances in proportion to the weights, among the larger half of them."""
    kept = np.argsort(-weights, kind="stable")[: len(classes) // 2 + 1]
    total = weights[kept].sum()
    chances[classes[kept]] = weights[kept] / total if total else 1.0 / len(kept)


def _closeness(distances: np.ndarray) -> np.ndarray:
    """One over the distance; classes at distance 0, which are alike in all attributes, have the whole chance."""
    alike = distances == 0
    return alike.astype(np.float64) if alike.any() else 1.0 / distances


def _rows_to_one(table: np.ndarray) -> np.ndarray:
    """Rows that sum to 1; empty ones stay 0."""
    total = table.sum(1, keepdims=True)
    return np.divide(table, total, out=np.zeros_like(table), where=total > 0)
