"""What of a data set is there, what is missing and where users get it, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kgzsl.data import folder, xlsa17
from kgzsl.data.catalog import Published, layout_of, published_as
from kgzsl.data.images import unreadable
from kgzsl.data.listing import Findings, summarize
from kgzsl.errors import ConfigError, Problem

__all__ = ["CheckReport", "FileState", "check", "detect"]


TOGETHER = 64
"""Images between two reports of progress."""


@dataclass(frozen=True)
class FileState:
    """A file that a data set has.

    Args:
        name: below its root.
        there: whether it is there.
        needed: whether nothing works without it.
        what: what it holds.
        source: where users get it.
    """

    name: str
    there: bool
    needed: bool
    what: str
    source: str


@dataclass(frozen=True)
class CheckReport:
    """What a check found.

    Args:
        root: the folder.
        dataset: its name in the catalog, or its layout.
        layout: how its files lie.
        files: what is expected of it.
        counts: classes, images and so on, as its files have them.
        problems: all that is wrong.
        notes: what is to be known.
        pretraining: training set of a backbone -> unseen classes in it.
    """

    root: str
    dataset: str
    layout: str
    files: tuple[FileState, ...]
    counts: Mapping[str, int]
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]
    pretraining: Mapping[str, str | tuple[str, ...]]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "root": self.root,
            "dataset": self.dataset,
            "layout": self.layout,
            "files": [vars(file) for file in self.files],
            "counts": dict(self.counts),
            "problems": [vars(p) | {"file": None if p.file is None else str(p.file)} for p in self.problems],
            "notes": list(self.notes),
            "pretraining": {k: list(v) if isinstance(v, tuple) else v for k, v in self.pretraining.items()},
            "failed": bool(self.problems),
        }


def detect(root: Path) -> str:
    """The layout of a folder, by the files that are in it.

    Raises:
        ConfigError: none that is known.
    """
    signs = {
        "xlsa17": (xlsa17.SPLITS, xlsa17.FEATURES),
        "folder": (folder.TABLE,),
        "kzsl": ("seen.txt", "unseen.txt", "class.json"),
        "hf": ("dataset_info.json", "dataset_dict.json", "state.json"),
    }
    for layout, names in signs.items():
        if any((root / name).is_file() for name in names):
            return layout
    expected = ", ".join(f"{names[0]} ({layout})" for layout, names in signs.items())
    fix = "give --dataset to be told what is missing"
    raise ConfigError(Problem("no data set of a known layout", expected=f"one of {expected}", fix=fix, file=root))


def check(
    root: str | Path,
    *,
    dataset: str = "",
    decode: bool = True,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> CheckReport:
    """Look at a data set without training on it.

    Verified are: the files that are expected; indices that count from 1; parts without common images; classes on one
    side of the split; labels within the classes; features, labels and images of one number; features that are
    numbers; the images of the list, and that they can be read; classes that stand there once; and the published
    numbers.

    Args:
        root: its folder.
        dataset: its name in the catalog or its layout; told from its files when not given.
        decode: read every image.
        progress: called with (images read, images in all).

    Raises:
        ConfigError: no such folder, no such data set, or none of a known layout.
    """
    root = Path(root)
    if not root.is_dir():
        raise ConfigError(Problem("no such folder", fix="check the path", file=root))
    dataset = dataset or detect(root)
    layout = layout_of(dataset)
    row = published_as(dataset)
    if layout == "xlsa17":
        findings, row = xlsa17.examine(root, dataset)
    elif layout == "hf":
        from kgzsl.data.hugging_face import examine as examine_hugging_face

        findings = examine_hugging_face(root)
    else:
        findings = folder.examine(root, layout)
        if row is None and layout == "kzsl":
            row = _by_counts(findings)
    files = tuple(
        FileState(f.name, there=(root / f.name).exists(), needed=f.needed, what=f.what, source=f.source)
        for f in (row.files if row else ())
    )
    problems = [
        Problem("not there", expected=f.what, fix=f"get it from {f.source}", file=root / f.name)
        for f in files
        if f.needed and not f.there
    ]
    absent = {str(p.file) for p in problems}
    problems += [p for p in findings.problems if str(p.file) not in absent]
    notes = list(findings.notes)
    for key, problem in _other_numbers(row, findings) if row else ():
        if row and key in row.unchecked:
            notes.append(f"{problem.got}; {problem.expected}, which was not checked")
        else:
            problems.append(problem)
    problems += _undecodable(findings, progress) if decode else []
    return CheckReport(
        root=str(root),
        dataset=row.name if row else dataset,
        layout=layout,
        files=files,
        counts=findings.counts,
        problems=tuple(problems),
        notes=tuple(notes),
        pretraining=row.pretraining if row else {},
    )


def _by_counts(findings: Findings) -> Published | None:
    """The row of the catalog with these numbers of seen and unseen classes."""
    from kgzsl.data.catalog import catalog

    wanted = (findings.counts.get("seen"), findings.counts.get("unseen"))
    return next((row for row in catalog().values() if row.layout == "kzsl" and (row.seen, row.unseen) == wanted), None)


def _undecodable(findings: Findings, progress: Callable[[int, int], None]) -> list[Problem]:
    """Images that are there and are none."""
    bad: list[Problem] = []
    files = findings.files
    for start in range(0, len(files), TOGETHER):
        bad += unreadable(files[start : start + TOGETHER])
        progress(min(start + TOGETHER, len(files)), len(files))
    fix = "download them again, or go on without them: data.skip_bad = true"
    return summarize(bad, "cannot be read", of=len(files), fix=fix) if bad else []


def _other_numbers(row: Published, findings: Findings) -> list[tuple[str, Problem]]:
    """Numbers that are not the published ones, by what they count."""
    return [
        (key, Problem(f"{found:,} {key}", expected=f"{wanted:,}, as published for {row.name}"))
        for key in ("classes", "seen", "unseen", "validation", "attributes", "images")
        for found, wanted in [(findings.counts.get(key, 0), getattr(row, key))]
        if found and wanted and found != wanted
    ]
