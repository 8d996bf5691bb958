"""Runs of several models on one data set, in one table."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from kgzsl.errors import MismatchError, Problem
from kgzsl.evaluate.report import Summary, ZeroShotReport, percent, summarize

__all__ = ["Compared", "Table", "compare", "comparison_records", "comparison_table"]

_CONDITIONS = {
    "model": "model",
    "dataset": "data set",
    "backbone": "backbone",
    "overlap": "pretraining overlap",
    "semantics": "semantics",
    "selection_rule": "selection",
}
_MEASURES = ("T1", "U", "S", "H", "AUSUC")


@dataclass(frozen=True)
class Compared:
    """A row of the comparison: the runs of one setting.

    Args:
        name: the run's folder, or the folder that the runs of several seeds share.
        summary: what they achieved.
    """

    name: str
    summary: Summary

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"run": self.name, **self.summary.to_dict()}


@dataclass(frozen=True)
class Table:
    """Text in rows and columns.

    Args:
        columns: their titles; ``>`` before one: its cells are aligned to the right.
        rows: cells as text.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def without_shared(self) -> tuple[Table, tuple[tuple[str, str], ...]]:
        """The columns that differ or hold figures, and (title, cell) of the others, where all rows have one cell.

        Example:
            >>> Table(("run", "model", ">H"), (("a", "duet", "1"), ("b", "duet", "2"))).without_shared()
            (Table(columns=('run', '>H'), rows=(('a', '1'), ('b', '2'))), (('model', 'duet'),))
        """
        cells = list(zip(*self.rows, strict=True))
        shared = [i for i, t in enumerate(self.columns) if i and not t.startswith(">") and len(set(cells[i])) == 1]
        kept = [i for i in range(len(self.columns)) if i not in shared]
        table = Table(tuple(self.columns[i] for i in kept), tuple(tuple(row[i] for i in kept) for row in self.rows))
        return table, tuple((self.columns[i], cells[i][0]) for i in shared)

    def to_markdown(self) -> str:
        """As a table of Markdown.

        Example:
            >>> print(Table(("run", ">H"), (("a|b", "61.2"),)).to_markdown())
            | run | H |
            |---|--:|
            | a\\|b | 61.2 |
        """
        titles = [title.removeprefix(">") for title in self.columns]
        rule = "|".join("--:" if title.startswith(">") else "---" for title in self.columns)
        lines = [" | ".join(cell.replace("|", "\\|") for cell in row) for row in (titles, *self.rows)]
        head, *rest = (f"| {line} |" for line in lines)
        return "\n".join([head, f"|{rule}|", *rest])


def compare(reports: Mapping[str, ZeroShotReport]) -> list[Compared]:
    """One row for each setting, in the order of the runs; runs that differ in their seed alone are joined.

    Args:
        reports: folder of a run to its report.

    Raises:
        MismatchError: the runs were not all measured on the same test images; says which on what.
        DataError: no reports, or a setting that has a seed twice.
    """
    groups: dict[str, list[str]] = {}
    for folder, report in reports.items():
        groups.setdefault(report.test_images, []).append(folder)
    if len(groups) > 1:
        fix = "compare the runs of one data set and split at a time"
        raise MismatchError(
            Problem(
                f"{', '.join(folders)} on the test images {digest[:12]}... of {reports[folders[0]].dataset}", fix=fix
            )
            for digest, folders in groups.items()
        )
    rows = []
    for summary in summarize(reports.values()):
        folders = [folder for folder, report in reports.items() if report in summary.reports]
        rows.append(Compared(_name(folders), summary))
    return rows


def _name(folders: Sequence[str]) -> str:
    """The folder, or the one that several lie in; they are named themselves where they lie in several."""
    parents = {Path(folder).parent for folder in folders}
    if len(folders) > 1 and len(parents) == 1:
        return os.fspath(parents.pop())
    return ", ".join(folders)


def comparison_table(rows: Sequence[Compared]) -> Table:
    """The rows as text: conditions, measures in percent (mean ± standard deviation over seeds), and costs.

    Where all runs have one, ``H on test`` is what selection on the test images would report.
    """
    ways = min(len(report.on_test) for row in rows for report in row.summary.reports)
    titles = ["run", *_CONDITIONS.values(), ">seeds", *(f">{name}" for name in _MEASURES)]
    titles += [">H SELECTED ON TEST", ">U and S as published, H SELECTED ON TEST"][:ways]
    titles += [">parameters", ">trainable", ">minutes", ">GiB"]
    cells = []
    for row in rows:
        reports = row.summary.reports
        measured = [percent([getattr(report, name) for report in reports]) for name in _MEASURES]
        on_test = [percent([report.on_test[way].H for report in reports]) for way in range(ways)]
        peak = row.summary.peak_memory
        costs = [f"{reports[0].parameters:,}", f"{reports[0].trainable:,}", f"{row.summary.seconds / 60:.1f}"]
        conditions = [row.summary.shared[name] for name in _CONDITIONS]
        figures = [str(len(reports)), *measured, *on_test, *costs, "?" if peak is None else f"{peak:.2f}"]
        cells.append((row.name, *conditions, *figures))
    return Table(tuple(titles), tuple(cells))


def comparison_records(rows: Sequence[Compared]) -> list[dict[str, Any]]:
    """The rows as numbers, for programs: shares, sample standard deviations (empty for one seed), seconds, GiB."""
    return [_record(row) for row in rows]


def _record(row: Compared) -> dict[str, Any]:
    """One row as numbers."""
    summary = row.summary
    record: dict[str, Any] = {"run": row.name, **{name: summary.shared[name] for name in _CONDITIONS}}
    record["seeds"] = " ".join(map(str, summary.seeds))
    for name in _MEASURES:
        record |= {name: summary.mean[name], f"{name}_std": summary.std[name]}
    on_test = [report.on_test[0].H for report in summary.reports if report.on_test]
    record["H_selected_on_test"] = fmean(on_test) if len(on_test) == len(summary.reports) else None
    record |= {"parameters": summary.reports[0].parameters, "trainable": summary.reports[0].trainable}
    return record | {"seconds": summary.seconds, "peak_memory": summary.peak_memory}
