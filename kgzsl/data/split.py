"""Seen, unseen and validation classes, and the rule that cuts the seen images into train and test."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kgzsl.errors import KgzslError, Problem, SplitError

__all__ = ["ZeroShotSplit", "read_split"]

TEST_EVERY = 5
"""Of a seen class's images, sorted by name, every fifth (index % 5 == 4) is test_seen."""


@dataclass(frozen=True)
class ZeroShotSplit:
    """Which classes have training images (seen) and which have not one (unseen).

    Args:
        seen: IRIs of the classes with training images.
        unseen: IRIs of the classes that are recognised without any.
        validation: classes of ``seen`` that play the unseen ones while the checkpoint and
            the calibration are chosen.

    Raises:
        SplitError: the sets overlap, are empty, repeat a class, or validation is not in seen.

    Example:
        >>> split = ZeroShotSplit(seen=("a", "b", "c", "d"), unseen=("z",)).cut_validation(seed=0)
        >>> len(split.validation), len(split.training)
        (1, 3)
    """

    seen: tuple[str, ...]
    unseen: tuple[str, ...]
    validation: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        problems = []
        for name, group in (("seen", self.seen), ("unseen", self.unseen), ("validation", self.validation)):
            repeated = sorted({c for c in group if group.count(c) > 1})
            if repeated:
                problems.append(Problem(f"{name} names {', '.join(repeated)} more than once", fix="name each once"))
        both = sorted(set(self.seen) & set(self.unseen))
        if both:
            fix = "a class with training images is not unseen: keep it on one side"
            problems.append(Problem(f"{', '.join(both)} both seen and unseen", expected="disjoint sets", fix=fix))
        if not self.seen:
            problems.append(Problem("no seen class", expected="at least 2 classes with images"))
        elif not self.training:
            problems.append(Problem("every seen class is held out for validation, none is left for training"))
        stray = sorted(set(self.validation) - set(self.seen))
        if stray:
            problems.append(Problem(f"validation classes {', '.join(stray)} are not seen", expected="a subset of seen"))
        if problems:
            raise SplitError(problems)

    @property
    def training(self) -> tuple[str, ...]:
        """Seen classes that are not held out for validation."""
        held_out = set(self.validation)
        return tuple(c for c in self.seen if c not in held_out)

    @property
    def digest(self) -> str:
        """sha256 over the sets, whatever their order."""
        content = json.dumps([sorted(self.seen), sorted(self.unseen), sorted(self.validation)])
        return hashlib.sha256(content.encode()).hexdigest()

    def cut_validation(self, *, fraction: float = 0.2, seed: int = 0) -> ZeroShotSplit:
        """Hold out a part of the seen classes (at least one, at least two stay) for selection.

        Args:
            fraction: share of the seen classes, in (0, 1).
            seed: which classes; the draw does not depend on the order of ``seen``.
        """
        if len(self.seen) < 3:
            raise SplitError(
                Problem(
                    f"{len(self.seen)} seen classes",
                    expected="3 or more, so that validation classes can be held out",
                    fix="add images of more classes",
                )
            )
        count = min(max(1, round(fraction * len(self.seen))), len(self.seen) - 2)
        order = np.random.default_rng(seed).permutation(len(self.seen))
        chosen = [sorted(self.seen)[i] for i in order[:count]]
        return replace(self, validation=tuple(sorted(chosen)))

    def to_dict(self) -> dict[str, list[str]]:
        """For JSON."""
        return {"seen": list(self.seen), "unseen": list(self.unseen), "validation": list(self.validation)}


def read_split(
    path: str | Path, *, resolve: Callable[[str], str], pictured: Sequence[str] = (), name: str | None = None
) -> ZeroShotSplit:
    """Read a split file.

    JSON: ``{"seen": [...], "unseen": [...]}``, where ``seen`` may be left out (every other class
    that has images), or several splits by name under ``"splits"``. Classes by IRI, local name or label.

    Args:
        path: the file.
        resolve: name to IRI, usually ``ontology.resolve``.
        pictured: IRIs of the classes that have images.
        name: which of several splits.

    Raises:
        SplitError: everything that is wrong with it, at once.
    """
    path = Path(path)
    content = _named(_json(path), name, path)
    problems: list[Problem] = []
    groups: dict[str, tuple[str, ...]] = {}
    for group in ("seen", "unseen", "validation"):
        resolved = []
        entries = content.get(group, [])
        if not isinstance(entries, list) or not all(isinstance(e, str) for e in entries):
            problems.append(Problem(f"{group!r} is not a list of class names", file=path, expected='["zebra", ...]'))
            continue
        for entry in entries:
            try:
                resolved.append(resolve(entry))
            except KgzslError as error:
                lines = _lines_of(path, entry)
                problems += [
                    replace(p, file=path, line=lines, got=f"{group} class {entry!r}: {p.got}") for p in error.problems
                ]
        groups[group] = tuple(resolved)
    if not content.get("unseen"):
        problems.append(Problem("no unseen class", file=path, expected='"unseen": [class names]'))
    if problems:
        raise SplitError(problems)
    unseen = set(groups["unseen"])
    seen = groups["seen"] or tuple(sorted(c for c in pictured if c not in unseen))
    try:
        return ZeroShotSplit(seen=seen, unseen=groups["unseen"], validation=groups["validation"])
    except SplitError as error:
        raise SplitError(replace(problem, file=path) for problem in error.problems) from None


def _named(content: dict, name: str | None, path: Path) -> dict:
    """The split itself: the content, or one of those under ``"splits"``."""
    if "splits" not in content and not name:
        return content
    named = content.get("splits", {})
    if not isinstance(named, dict) or not all(isinstance(split, dict) for split in named.values()):
        raise SplitError(Problem("'splits' holds no splits by name", file=path, expected='{"easy": {"unseen": [...]}}'))
    if name not in named:
        got = f"no split named {name!r}" if name else "several splits and no name"
        expected = f"one of {', '.join(named)}" if named else "a file with several splits"
        raise SplitError(Problem(got, file=path, expected=expected, fix="name it: --split FILE:NAME"))
    return named[name]


def _json(path: Path) -> dict:
    """The JSON object in a file, or a SplitError with the line."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        raise SplitError(Problem("no such split file", file=path, fix="check the path")) from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        line = getattr(error, "lineno", None)
        raise SplitError(
            Problem(f"not JSON ({error})", file=path, line=line, expected='{"seen": [...], "unseen": [...]}')
        ) from None
    if not isinstance(content, dict):
        raise SplitError(Problem("a JSON list", file=path, expected='{"seen": [...], "unseen": [...]}'))
    return content


def _lines_of(path: Path, entry: str) -> int | None:
    """The first line that holds the entry as a JSON string."""
    pattern = re.compile(re.escape(json.dumps(entry)))
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if pattern.search(line):
            return number
    return None
