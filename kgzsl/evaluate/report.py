"""The result of a zero-shot run, with all that a reader needs to judge the numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from statistics import fmean, stdev
from typing import Any

from kgzsl.errors import DataError, Problem

__all__ = ["MEASURES", "Summary", "ZeroShotReport", "summarize"]

MEASURES = ("T1", "U", "S", "H", "AUSUC", "best_H")
"""Names of the measures, in the order in which tables show them."""

_TITLES = {"best_H": "best H (gamma chosen on test: an upper bound)"}


@dataclass(frozen=True)
class ZeroShotReport:
    """What one run achieved. Shares in [0, 1]; percent only where :meth:`rows` prints them.

    Args:
        dataset: name of the dataset and split.
        backbone: what made the features (or ``pixels``).
        semantics: what described the classes: attributes, KG, or both.
        selection_rule: how checkpoint and gamma were chosen.
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
        seconds: wall time of the run.

    Raises:
        DataError: a measure is not in [0, 1], or gamma or seconds is not finite.
    """

    dataset: str
    backbone: str
    semantics: str
    selection_rule: str
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
        return asdict(self) | {"per_class": dict(self.per_class)}

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
        return cls(**content)

    def rows(self) -> list[tuple[str, str]]:
        """Name and value, as text: measures in percent, the conditions below them."""
        measured = [(_TITLES.get(name, name), f"{100 * getattr(self, name):.1f} %") for name in MEASURES]
        conditions = [
            ("gamma", f"{self.gamma:.4g} ({self.gamma_unit})"),
            ("selection", self.selection_rule),
            ("dataset", self.dataset),
            ("backbone", self.backbone),
            ("semantics", self.semantics),
            ("seed", str(self.seed)),
            ("time", f"{self.seconds:.1f} s"),
        ]
        return measured + conditions


@dataclass(frozen=True)
class Summary:
    """Runs that differ in nothing but their seed, as one row of a table.

    Args:
        dataset: as in the reports, like the next three.
        backbone: see :class:`ZeroShotReport`.
        semantics: see :class:`ZeroShotReport`.
        selection_rule: see :class:`ZeroShotReport`.
        seeds: the seeds, ascending.
        mean: measure to its mean over seeds, in [0, 1].
        std: measure to its sample standard deviation (n - 1); None for a single seed.
    """

    dataset: str
    backbone: str
    semantics: str
    selection_rule: str
    seeds: tuple[int, ...]
    mean: Mapping[str, float]
    std: Mapping[str, float | None]

    def rows(self) -> list[tuple[str, str]]:
        """Name and value, as text: ``61.2 ± 0.8 %``, the conditions below."""
        measured = []
        for name in MEASURES:
            std = self.std[name]
            spread = "" if std is None else f" ± {100 * std:.1f}"
            measured.append((_TITLES.get(name, name), f"{100 * self.mean[name]:.1f}{spread} %"))
        conditions = [
            ("selection", self.selection_rule),
            ("dataset", self.dataset),
            ("backbone", self.backbone),
            ("semantics", self.semantics),
            ("seeds", ", ".join(map(str, self.seeds))),
        ]
        return measured + conditions


def summarize(reports: Iterable[ZeroShotReport]) -> list[Summary]:
    """Mean and standard deviation over seeds, one row per dataset, backbone, semantics and selection rule.

    Rows come in the order in which their first report does.

    Raises:
        DataError: no reports, or a seed twice in one row (it would count twice).
    """
    groups: dict[tuple[str, str, str, str], list[ZeroShotReport]] = {}
    for report in reports:
        key = (report.dataset, report.backbone, report.semantics, report.selection_rule)
        groups.setdefault(key, []).append(report)
    if not groups:
        raise DataError(Problem("no reports to summarize", expected="at least one"))
    problems = []
    for key, group in groups.items():
        seeds = [report.seed for report in group]
        for seed in sorted({s for s in seeds if seeds.count(s) > 1}):
            problems.append(Problem(f"seed {seed} more than once for {', '.join(key)}", fix="give each run once"))
    if problems:
        raise DataError(problems)
    return [_summary(key, group) for key, group in groups.items()]


def _summary(key: tuple[str, str, str, str], group: list[ZeroShotReport]) -> Summary:
    """One row."""
    values = {name: [getattr(report, name) for report in group] for name in MEASURES}
    std = {name: stdev(v) if len(v) > 1 else None for name, v in values.items()}
    seeds = tuple(sorted(report.seed for report in group))
    return Summary(*key, seeds=seeds, mean={name: fmean(v) for name, v in values.items()}, std=std)
