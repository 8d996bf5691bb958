"""What one thing among several is worth: a measure with it less the measure without it, seed by seed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

from kgzsl.errors import MismatchError, Problem
from kgzsl.evaluate.report import Summary

__all__ = ["Worth", "worth"]

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Worth:
    """A paired difference over seeds.

    Args:
        mean: of the differences, in the measure's unit; above 0 it helps.
        low: lower end of the 95 % interval of the mean (Student's t); None for a single seed.
        high: its upper end.
    """

    mean: float
    low: float | None
    high: float | None

    def __str__(self) -> str:
        """In percent points: ``+3.1 [+1.0, +5.2]``."""
        if self.low is None or self.high is None:
            return f"{100 * self.mean:+.1f}"
        return f"{100 * self.mean:+.1f} [{100 * self.low:+.1f}, {100 * self.high:+.1f}]"

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"mean": self.mean, "low": self.low, "high": self.high}


def worth(full: Summary, without: Summary, *, measure: str = "H") -> Worth:
    """How much more of a measure there is in the full runs, each seed against itself.

    The interval is over seeds alone: it says how the difference varies with initialization and validation classes, and
    nothing of other splits.

    Args:
        full: runs with everything.
        without: runs of the same seeds, without one thing.
        measure: one of :data:`~kgzsl.evaluate.report.MEASURES`.

    Raises:
        MismatchError: the seeds differ.

    Example:
        >>> str(Worth(0.031, 0.01, 0.052)), str(Worth(-0.002, None, None))
        ('+3.1 [+1.0, +5.2]', '-0.2')
    """
    if full.seeds != without.seeds:
        raise MismatchError(Problem(f"seeds {without.seeds}", expected=f"{full.seeds}, as the full runs"))
    pairs = zip(full.reports, without.reports, strict=True)
    differences = [getattr(one, measure) - getattr(other, measure) for one, other in pairs]
    mean = fmean(differences)
    if len(differences) < 2:
        return Worth(mean, None, None)
    from scipy.stats import t

    half = float(t.ppf(0.5 + CONFIDENCE / 2, len(differences) - 1)) * stdev(differences) / math.sqrt(len(differences))
    return Worth(mean, mean - half, mean + half)
