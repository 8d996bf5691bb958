"""What selection on the test images would report: beside the result, to compare with papers that select so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from kgzsl.errors import DataError, Problem
from kgzsl.evaluate.calibration import best_gamma
from kgzsl.evaluate.metrics import Counted, ausuc, czsl_accuracy, seen_unseen_curve

__all__ = ["SelectedOnTest", "select_on_test"]


@dataclass(frozen=True)
class SelectedOnTest:
    """The measures of the epoch and the gamma that are best on the very images they are measured on.

    Never a result: many papers report such numbers, so that a comparison with them needs one.

    Args:
        rule: how it was selected and counted, in words.
        epoch: name of the weights that were best.
        T1: CZSL accuracy of these weights, over classes.
        U: accuracy on images of unseen classes, candidates being all classes, at ``gamma``.
        S: the same on images of seen classes.
        H: harmonic mean of S and U: the highest of any epoch and gamma.
        AUSUC: area under the seen-unseen curve of these weights.
        gamma: taken off seen classes.
        gamma_unit: what it is taken off: ``scores`` or ``probabilities``.
    """

    rule: str
    epoch: str
    T1: float
    U: float
    S: float
    H: float
    AUSUC: float
    gamma: float
    gamma_unit: str = "scores"


def select_on_test(
    candidates: Iterable[tuple[str, np.ndarray]],
    labels: np.ndarray,
    seen_mask: np.ndarray,
    *,
    over: Counted = "classes",
    gamma_unit: str = "scores",
) -> SelectedOnTest:
    """The best H on test images over weights and gammas; of equal ones the first.

    Published code selects so (DUET's keeps the best test H over all evaluations, and lists gammas tried on test).
    Over classes, with the weights and the unit of a report among the candidates, its H is never above this one.

    Args:
        candidates: name of the weights (an epoch), and the test images' scores (or probabilities) ``(image, class)``.
        labels: column of each test image's class.
        seen_mask: True for the columns of seen classes.
        over: ``classes``: mean over classes of within-class top-1; ``images``: share of the images, as the code of
            DUET counts U and S on AwA2 and SUN.
        gamma_unit: what the candidates hold.

    Raises:
        DataError: no candidates, or no image of a seen class, or none of an unseen one.

    Example:
        >>> scores, labels, seen = np.array([[2.0, 1.0], [1.5, 1.0]]), np.array([0, 1]), np.array([True, False])
        >>> chosen = select_on_test([("1", -scores), ("2", scores)], labels, seen)
        >>> chosen.epoch, chosen.H, chosen.gamma, chosen.rule
        ('2', 1.0, 0.75, 'SELECTED ON TEST IMAGES: best H over 2 checkpoints and gamma')
    """
    best: SelectedOnTest | None = None
    count = 0
    for count, (name, scores) in enumerate(candidates, start=1):  # noqa: B007 - the count is of all
        curve = seen_unseen_curve(scores, labels, seen_mask, over=over)
        chosen = best_gamma(curve)
        if best is None or chosen.H > best.H:
            at = int(np.searchsorted(curve.gamma, chosen.gamma, side="right")) - 1
            unseen, seen = float(curve.unseen[at]), float(curve.seen[at])
            one = czsl_accuracy(scores, labels, ~np.asarray(seen_mask))
            best = SelectedOnTest("", name, one, unseen, seen, chosen.H, ausuc(curve), chosen.gamma, gamma_unit)
    if best is None:
        raise DataError(Problem("no weights to select from", expected="at least one"))
    weights = f"{count} checkpoints and gamma" if count > 1 else "gamma alone, for no epochs were kept"
    counted = "" if over == "classes" else ", U and S counted over images"
    unit = "" if gamma_unit == "scores" else f", gamma off {gamma_unit}"
    return SelectedOnTest(**{**vars(best), "rule": f"SELECTED ON TEST IMAGES: best H over {weights}{unit}{counted}"})
