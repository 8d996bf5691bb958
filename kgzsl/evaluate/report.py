"""The result of a zero-shot run, with all that a reader needs to judge the numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from statistics import fmean, stdev
from typing import Any

from kgzsl.errors import DataError, Problem
from kgzsl.evaluate.on_test import SelectedOnTest

__all__ = ["CONDITIONS", "MEASURES", "Summary", "ZeroShotReport", "percent", "summarize"]

MEASURES = ("T1", "U", "S", "H", "AUSUC", "best_H")
"""Names of the measures, in the order in which tables show them."""

CONDITIONS = ("dataset", "test_images", "model", "backbone", "overlap", "semantics", "selection_rule", "setting")
"""What runs that differ in their seed alone have in common."""

_TITLES = {"best_H": "best H (gamma chosen on test: an upper bound)"}


@dataclass(frozen=True)
class ZeroShotReport:
    """What one run achieved. Shares in [0, 1]; percent only where :meth:`rows` prints them.

    Args:
        dataset: name of the dataset and split.
        test_images: sha256 over the names and parts of the test images: only reports that agree in it compare.
        model: its kind.
        backbone: what made the features (or ``pixels``).
        overlap: which unseen classes the backbone was pretrained on.
        semantics: what described the classes: attributes, KG, or both.
        selection_rule: how checkpoint and gamma were chosen.
        setting: sha256 over the run file without its seed.
        seed: seed of the run.
        T1: CZSL accuracy.
        U: GZSL accuracy on unseen classes, at ``gamma``.
        S: GZSL accuracy on seen classes, at ``gamma``.
        H: harmonic mean of S and U.
        AUSUC: area under the seen-unseen curve.
        best_H: the highest H of any gamma on the test images: an upper bound, not a result.
        gamma: taken off the scores of seen classes; chosen on validation.
        gamma_unit: unit of gamma.
        per_class: GZSL accuracy of each class at ``gamma``.
        seconds: wall time of training.
        parameters: of model and frozen backbone together.
        trainable: of them, those that were trained.
        peak_memory: of the training process in GiB, or of its CUDA device; None where the system does not tell.
        on_test: what selection on the test images would report: to compare with papers, not a result.

    Raises:
        DataError: a measure is not in [0, 1], or gamma or seconds is not finite.
    """

    dataset: str
    test_images: str
    model: str
    backbone: str
    overlap: str
    semantics: str
    selection_rule: str
    setting: str
    seed: int
    T1: float
    U: float
    S: float
    H: float
    AUSUC: float
    best_H: float
    gamma: float
    gamma_unit: str
    per_class: Mapping[str, float]
    seconds: float
    parameters: int
    trainable: int
    peak_memory: float | None
    on_test: tuple[SelectedOnTest, ...] = ()

    def __post_init__(self) -> None:
        shares = {name: getattr(self, name) for name in MEASURES} | dict(self.per_class)
        problems = [
            Problem(f"{name} is {value}", expected="a share in [0, 1]")
            for name, value in shares.items()
            if not 0 <= value <= 1
        ]
        for name in ("gamma", "seconds"):
            if not math.isfinite(getattr(self, name)):
                problems.append(Problem(f"{name} is {getattr(self, name)}", expected="a finite number"))
        if problems:
            raise DataError(problems)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        content = asdict(self)
        return content | {"per_class": dict(self.per_class), "on_test": list(content["on_test"])}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> ZeroShotReport:
        """From what :meth:`to_dict` gave.

        Raises:
            DataError: keys are missing or unknown, or a value is out of range.
        """
        expected = [f.name for f in fields(cls)]
        problems = [Problem(f"no {name!r} in the report") for name in expected if name not in content]
        problems += [Problem(f"{name!r} is no entry of a report") for name in content if name not in expected]
        if problems:
            raise DataError(problems)
        return cls(**{**content, "on_test": tuple(SelectedOnTest(**column) for column in content["on_test"])})

    def rows(self) -> list[tuple[str, ...]]:
        """Name, value, and one value for each way of selecting on test: measures in percent, conditions below."""
        return [
            *_measured([self]),
            ("gamma", *(f"{gamma:.4g} ({unit})" for gamma, unit in self._gammas())),
            *_conditions([self]),
            ("seed", str(self.seed), *("" for _ in self.on_test)),
            ("time", f"{self.seconds:.1f} s", *("" for _ in self.on_test)),
        ]

    def _gammas(self) -> list[tuple[float, str]]:
        """Gamma and its unit, here and as selected on test."""
        return [(self.gamma, self.gamma_unit), *((c.gamma, c.gamma_unit) for c in self.on_test)]


@dataclass(frozen=True)
class Summary:
    """Runs that differ in nothing but their seed, as one row of a table.

    Args:
        reports: theirs, by ascending seed.
    """

    reports: tuple[ZeroShotReport, ...]

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds, ascending."""
        return tuple(report.seed for report in self.reports)

    @property
    def shared(self) -> dict[str, str]:
        """Condition to what all of them have."""
        return {name: getattr(self.reports[0], name) for name in CONDITIONS}

    @property
    def mean(self) -> dict[str, float]:
        """Measure to its mean over seeds, in [0, 1]."""
        return {name: fmean(getattr(report, name) for report in self.reports) for name in MEASURES}

    @property
    def std(self) -> dict[str, float | None]:
        """Measure to its sample standard deviation (n - 1); None for a single seed."""
        values = {name: [getattr(report, name) for report in self.reports] for name in MEASURES}
        return {name: stdev(v) if len(v) > 1 else None for name, v in values.items()}

    @property
    def seconds(self) -> float:
        """Mean wall time of training."""
        return fmean(report.seconds for report in self.reports)

    @property
    def peak_memory(self) -> float | None:
        """The highest of the peaks in GiB, where the system tells."""
        return max((r.peak_memory for r in self.reports if r.peak_memory is not None), default=None)

    def to_dict(self) -> dict[str, Any]:
        """For JSON: conditions, mean, standard deviation, and the report of every seed."""
        costs = {"parameters": self.reports[0].parameters, "trainable": self.reports[0].trainable}
        return {
            **self.shared,
            "seeds": list(self.seeds),
            "mean": self.mean,
            "std": self.std,
            **costs,
            "seconds": self.seconds,
            "peak_memory": self.peak_memory,
            "reports": [report.to_dict() for report in self.reports],
        }

    def rows(self) -> list[tuple[str, ...]]:
        """Like :meth:`ZeroShotReport.rows`, with ``61.2 ± 0.8 %``: mean and standard deviation over seeds."""
        seeds = ", ".join(map(str, self.seeds))
        return [
            *_measured(self.reports),
            *_conditions(self.reports),
            ("seeds", seeds, *("" for _ in self.reports[0].on_test)),
        ]


def percent(values: Sequence[float]) -> str:
    """Mean of shares in percent, with the standard deviation (n - 1) where there are several.

    Example:
        >>> percent([0.5, 0.6, 0.7]), percent([0.5])
        ('60.0 ± 10.0', '50.0')
    """
    spread = f" ± {100 * stdev(values):.1f}" if len(values) > 1 else ""
    return f"{100 * fmean(values):.1f}{spread}"


def _measured(reports: Sequence[ZeroShotReport]) -> list[tuple[str, ...]]:
    """The measures, and beside them what selection on test would report."""
    rows = []
    ways = list(zip(*(report.on_test for report in reports), strict=True))
    for name in MEASURES:
        # The best H of a column that is selected by it is its H.
        beside = ["" if name == "best_H" else f"{percent([getattr(c, name) for c in way])} %" for way in ways]
        rows.append((_TITLES.get(name, name), f"{percent([getattr(r, name) for r in reports])} %", *beside))
    return rows


def _conditions(reports: Sequence[ZeroShotReport]) -> list[tuple[str, ...]]:
    """What the numbers hold under."""
    first = reports[0]
    # Not every run may have kept its epochs.
    ways = zip(*(report.on_test for report in reports), strict=True)
    rules = ("; ".join(dict.fromkeys(column.rule for column in way)) for way in ways)
    rows = [("selection", first.selection_rule, *rules)]
    for name in ("dataset", "model", "backbone", "overlap", "semantics"):
        rows.append((name, getattr(first, name), *("" for _ in first.on_test)))
    return rows


def summarize(reports: Iterable[ZeroShotReport]) -> list[Summary]:
    """Mean and standard deviation over seeds, one row for all reports that agree in their :data:`CONDITIONS`.

    Rows come in the order in which their first report does.

    Raises:
        DataError: no reports, or a seed twice in one row (it would count twice).
    """
    groups: dict[tuple[str, ...], list[ZeroShotReport]] = {}
    for report in reports:
        groups.setdefault(tuple(getattr(report, name) for name in CONDITIONS), []).append(report)
    if not groups:
        raise DataError(Problem("no reports to summarize", expected="at least one"))
    problems = []
    for group in groups.values():
        seeds = [report.seed for report in group]
        for seed in sorted({s for s in seeds if seeds.count(s) > 1}):
            named = ", ".join(getattr(group[0], name) for name in ("dataset", "model", "backbone", "semantics"))
            problems.append(Problem(f"seed {seed} more than once for {named}", fix="give each run once"))
    if problems:
        raise DataError(problems)
    return [Summary(tuple(sorted(group, key=lambda report: report.seed))) for group in groups.values()]
