"""The field's measures, as pure functions of scores: CZSL and GZSL accuracy, the seen-unseen curve, pointing.

Everywhere, ``scores`` is ``(image, class)``, labels are columns of it, ``seen_mask`` is True
for the columns of seen classes, and accuracies are shares in [0, 1].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from kgzsl.errors import DataError, Problem

__all__ = [
    "Counted",
    "Curve",
    "GzslAccuracy",
    "ausuc",
    "best_h",
    "calibrated_predictions",
    "czsl_accuracy",
    "gzsl",
    "harmonic_mean",
    "mean_accuracy",
    "per_class_accuracy",
    "pointing_game",
    "seen_unseen_curve",
    "top_k",
]

Counted = Literal["classes", "images"]
"""What accuracies are a mean over: classes, each counting once, or images."""


@dataclass(frozen=True)
class GzslAccuracy:
    """Accuracy on unseen images, on seen images, and their harmonic mean, candidates being all classes.

    Args:
        U: mean over unseen classes of within-class top-1, in [0, 1].
        S: the same over seen classes.
        H: harmonic mean of both.
    """

    U: float
    S: float
    H: float


@dataclass(frozen=True, eq=False)
class Curve:
    """Seen and unseen accuracy for every gamma: one step per interval on which no prediction flips.

    Args:
        gamma: lower edges of the intervals, ascending, the first ``-inf``; interval ``i`` is
            ``[gamma[i], gamma[i + 1])``, the last one has no upper edge.
        seen: S on each interval, never rising.
        unseen: U on each interval, never falling.
    """

    gamma: np.ndarray
    seen: np.ndarray
    unseen: np.ndarray

    @property
    def H(self) -> np.ndarray:
        """Harmonic mean on each interval."""
        total = self.seen + self.unseen
        return np.divide(2 * self.seen * self.unseen, total, out=np.zeros_like(total), where=total > 0)


def per_class_accuracy(predicted: np.ndarray, true: np.ndarray, classes: np.ndarray) -> dict[int, float]:
    """Within-class top-1: for each class, the share of its images that were given that class.

    Args:
        predicted: predicted label of each image.
        true: true label of each image.
        classes: labels of the classes to report; one without images is left out.

    Returns:
        Class to accuracy in [0, 1].

    Example:
        >>> per_class_accuracy(np.array([0, 1, 1]), np.array([0, 0, 1]), np.array([0, 1, 2]))
        {0: 0.5, 1: 1.0}
    """
    predicted, true = np.asarray(predicted), np.asarray(true)
    if predicted.shape != true.shape or true.ndim != 1:
        raise ValueError(f"predicted {predicted.shape} and true {true.shape} must be two vectors of one length")
    hit = predicted == true
    return {int(c): float(hit[true == c].mean()) for c in np.unique(classes) if (true == c).any()}


def mean_accuracy(per_class: Mapping[int, float]) -> float:
    """Mean over classes: each class counts once, however many images it has.

    Raises:
        DataError: there is no class to average over.
    """
    if not per_class:
        raise DataError(Problem("no image of any class to be measured", expected="at least one image of one class"))
    return float(np.mean(list(per_class.values())))


def harmonic_mean(seen: float, unseen: float) -> float:
    """``2 S U / (S + U)``, 0 where both are 0: low as soon as one of both is low.

    Source: Xian et al., "Zero-Shot Learning - A Comprehensive Evaluation of the Good, the Bad
    and the Ugly", TPAMI 2019, eq. 17.

    Example:
        >>> round(harmonic_mean(0.9, 0.3), 2)
        0.45
    """
    return 0.0 if seen + unseen == 0 else 2 * seen * unseen / (seen + unseen)


def czsl_accuracy(scores: np.ndarray, labels: np.ndarray, unseen: np.ndarray) -> float:
    """T1: per-class accuracy with the unseen classes alone as candidates (CZSL).

    Args:
        scores: ``(image, class)``.
        labels: column of each image's class; images of other classes are left out.
        unseen: columns of the unseen classes, or a boolean mask over columns.

    Example:
        >>> czsl_accuracy(np.array([[9.0, 1.0, 0.0], [9.0, 0.0, 1.0]]), np.array([1, 2]), np.array([1, 2]))
        1.0
    """
    scores, labels = _checked(scores, labels)
    unseen = np.asarray(unseen)
    columns = np.flatnonzero(unseen) if unseen.dtype == bool else unseen
    rows = np.isin(labels, columns)
    predicted = columns[scores[np.ix_(rows, columns)].argmax(axis=1)] if rows.any() else labels[rows]
    return mean_accuracy(per_class_accuracy(predicted, labels[rows], columns))


def calibrated_predictions(scores: np.ndarray, seen_mask: np.ndarray, *, gamma: float) -> np.ndarray:
    """The best class after gamma was taken off the scores of seen classes; on a tie the unseen class wins.

    Source: Chao et al., "An Empirical Study and Analysis of Generalized Zero-Shot Learning for
    Object Recognition in the Wild", ECCV 2016, eq. 3 (calibrated stacking).
    """
    seen_best, unseen_best, gap = _contest(np.asarray(scores), seen_mask)
    return np.where(gap > gamma, seen_best, unseen_best)


def gzsl(scores: np.ndarray, labels: np.ndarray, seen_mask: np.ndarray, *, gamma: float = 0.0) -> GzslAccuracy:
    """U, S and H with all classes as candidates (GZSL) and gamma taken off the scores of seen classes.

    Args:
        scores: ``(image, class)``.
        labels: column of each image's class; images of both kinds are needed.
        seen_mask: True for the columns of seen classes.
        gamma: in the unit of ``scores``; chosen on validation, see :func:`kgzsl.evaluate.calibration.choose_gamma`.

    Raises:
        DataError: no image of a seen class, or none of an unseen one.

    Example:
        >>> scores = np.array([[2.0, 1.0], [1.5, 1.0]])
        >>> gzsl(scores, np.array([0, 1]), np.array([True, False]), gamma=0.7)
        GzslAccuracy(U=1.0, S=1.0, H=1.0)
    """
    scores, labels = _checked(scores, labels)
    predicted = calibrated_predictions(scores, seen_mask, gamma=gamma)
    is_seen = np.asarray(seen_mask)[labels]
    _need_both(is_seen)
    seen = mean_accuracy(per_class_accuracy(predicted, labels, labels[is_seen]))
    unseen = mean_accuracy(per_class_accuracy(predicted, labels, labels[~is_seen]))
    return GzslAccuracy(U=unseen, S=seen, H=harmonic_mean(seen, unseen))


def seen_unseen_curve(
    scores: np.ndarray, labels: np.ndarray, seen_mask: np.ndarray, *, over: Counted = "classes"
) -> Curve:
    """S and U for every gamma at which a prediction flips: exact, no grid.

    An image goes to its best seen class while gamma is below the gap between its best seen
    and its best unseen score, and to its best unseen class from there on. So the gaps, sorted,
    are all the gammas at which anything changes.

    Source: Chao et al., ECCV 2016, section 3.3 (seen-unseen accuracy curve).

    Args:
        scores: ``(image, class)``.
        labels: column of each image's class; images of both kinds are needed.
        seen_mask: True for the columns of seen classes.
        over: what S and U are means over; ``images`` only to compare with code that counts so.

    Raises:
        DataError: no image of a seen class, or none of an unseen one.

    Example:
        >>> curve = seen_unseen_curve(np.array([[2.0, 1.0], [1.5, 1.0]]), np.array([0, 1]), np.array([True, False]))
        >>> curve.gamma.tolist(), curve.seen.tolist(), curve.unseen.tolist()
        ([-inf, 0.5, 1.0], [1.0, 1.0, 0.0], [0.0, 1.0, 1.0])
    """
    scores, labels = _checked(scores, labels)
    seen_best, unseen_best, gap = _contest(scores, seen_mask)
    is_seen = np.asarray(seen_mask)[labels]
    _need_both(is_seen)
    # Each image weighs so that every class with images sums to the same, and all seen (unseen) ones to 1.
    unit = labels if over == "classes" else np.arange(len(labels))
    weight = 1.0 / np.bincount(unit)[unit]
    weight /= np.where(is_seen, np.unique(unit[is_seen]).size, np.unique(unit[~is_seen]).size)
    edges, interval = np.unique(gap, return_inverse=True)
    lost = np.bincount(interval, weight * (is_seen & (seen_best == labels)), minlength=edges.size)
    won = np.bincount(interval, weight * (~is_seen & (unseen_best == labels)), minlength=edges.size)
    return Curve(
        gamma=np.r_[-np.inf, edges],
        seen=np.clip(np.r_[lost[::-1].cumsum()[::-1], 0.0], 0.0, 1.0),
        unseen=np.clip(np.r_[0.0, won.cumsum()], 0.0, 1.0),
    )


def ausuc(curve: Curve) -> float:
    """Area under the seen-unseen curve, in [0, 1]: one number that needs no gamma.

    Source: Chao et al., ECCV 2016, section 3.3.

    Example:
        >>> ausuc(Curve(np.array([-np.inf, 0.5, 1.0]), np.array([1.0, 1.0, 0.0]), np.array([0.0, 1.0, 1.0])))
        1.0
    """
    return float(np.clip(np.trapezoid(curve.seen, curve.unseen), 0.0, 1.0))


def best_h(curve: Curve) -> float:
    """The highest H on the curve: an upper bound, with gamma chosen on the very images it is measured on.

    Never a result: print it only under a label that says so, beside the H at the gamma from validation.
    """
    return float(curve.H.max())


def top_k(scores: np.ndarray, labels: np.ndarray, *, k: int) -> float:
    """Mean over classes of the share of images whose class is among the k best; ties count against it.

    Example:
        >>> top_k(np.array([[3.0, 2.0, 1.0], [3.0, 2.0, 1.0]]), np.array([1, 2]), k=2)
        0.5
    """
    scores, labels = _checked(scores, labels)
    if not 1 <= k <= scores.shape[1]:
        raise ValueError(f"k = {k}; expected 1 to {scores.shape[1]}, the number of classes")
    own = np.take_along_axis(scores, labels[:, None], axis=1)
    hit = (scores >= own).sum(axis=1) <= k
    return mean_accuracy({int(c): float(hit[labels == c].mean()) for c in np.unique(labels)})


def pointing_game(grounding: np.ndarray, box: tuple[float, float, float, float]) -> bool:
    """Whether a map's peak lies inside a box.

    The peak is the center of the largest cell; where several are equally large, all of them
    must lie inside, so that a flat map does not score by luck.

    Args:
        grounding: ``(rows, columns)``.
        box: ``(left, top, right, bottom)`` as fractions of the image.

    Source: Zhang et al., "Top-down Neural Attention by Excitation Backprop", ECCV 2016, section 4.2.

    Example:
        >>> pointing_game(np.array([[0.1, 0.7], [0.1, 0.1]]), (0.5, 0.0, 1.0, 0.5))
        True
    """
    grounding = np.asarray(grounding)
    if grounding.ndim != 2 or not grounding.size or not np.isfinite(grounding).all():
        raise ValueError(f"a grounding map must be finite and (rows, columns), got shape {grounding.shape}")
    left, top, right, bottom = box
    rows, columns = np.nonzero(grounding == grounding.max())
    y, x = (rows + 0.5) / grounding.shape[0], (columns + 0.5) / grounding.shape[1]
    return bool(((left <= x) & (x <= right) & (top <= y) & (y <= bottom)).all())


def _contest(scores: np.ndarray, seen_mask: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each image: best seen column, best unseen column, and by how much the seen one leads."""
    seen_mask = np.asarray(seen_mask)
    if seen_mask.dtype != bool or seen_mask.shape != scores.shape[1:]:
        got = f"{seen_mask.dtype} {seen_mask.shape}"
        raise ValueError(f"seen_mask must be boolean of shape {scores.shape[1:]}, got {got}")
    seen, unseen = np.flatnonzero(seen_mask), np.flatnonzero(~seen_mask)
    missing = [kind for kind, columns in (("seen", seen), ("unseen", unseen)) if not columns.size]
    if missing:
        raise DataError(Problem(f"no {missing[0]} class among the candidates", expected="classes of both kinds"))
    seen_best = seen[scores[:, seen].argmax(axis=1)]
    unseen_best = unseen[scores[:, unseen].argmax(axis=1)]
    rows = np.arange(len(scores))
    return seen_best, unseen_best, scores[rows, seen_best].astype(np.float64) - scores[rows, unseen_best]


def _checked(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scores and labels as arrays that fit one another."""
    scores, labels = np.asarray(scores), np.asarray(labels)
    if scores.ndim != 2 or labels.shape != scores.shape[:1]:
        raise ValueError(f"expected scores (image, class) and one label per image, got {scores.shape}, {labels.shape}")
    if not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"labels must be integers, columns of scores; got {labels.dtype}")
    if labels.size and not (labels.min() >= 0 and labels.max() < scores.shape[1]):
        raise ValueError(f"labels span {labels.min()} to {labels.max()}; expected columns 0 to {scores.shape[1] - 1}")
    if not np.isfinite(scores).all():
        raise ValueError("scores must be finite: NaN or infinity found")
    return scores, labels


def _need_both(is_seen: np.ndarray) -> None:
    """GZSL is undefined without images of both kinds."""
    missing = [kind for kind, some in (("seen", is_seen.any()), ("unseen", (~is_seen).any())) if not some]
    if missing:
        expected = "images of both kinds"
        raise DataError(Problem(f"no image of a {kind} class", expected=expected) for kind in missing)
