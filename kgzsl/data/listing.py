"""What a data set's files say of its images before one of them is read."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kgzsl.data.images import Part
from kgzsl.data.split import TEST_EVERY, ZeroShotSplit
from kgzsl.errors import DataError, KgzslError, Problem

__all__ = [
    "Findings",
    "Listing",
    "Request",
    "cut_rows",
    "inside",
    "is_test_name",
    "match_classes",
    "read_table",
    "summarize",
]

SHOWN = 20
"""Of many alike problems, so many are named."""

_TEST = re.compile(r"(ILSVRC2012_)?(val|test)[_-]", re.IGNORECASE)


@dataclass(frozen=True)
class Request:
    """Where a data set is and how its classes are called in the ontology.

    Args:
        root: its folder.
        resolve: name to IRI, usually ``ontology.resolve``.
        known: IRIs of the ontology's classes.
        dataset: its name in the catalog, or its layout.
        images: folder of the images, where it is not where the layout has it.
        split: another split file than the layout's own.
        features: file of features below the root; empty: the images are read.
        classes: file from the data set's names of classes to IRIs, below the root.
        skip_bad: leave out images that are missing, and features that are no numbers.
    """

    root: Path
    resolve: Callable[[str], str]
    known: Collection[str]
    dataset: str = ""
    images: str = ""
    split: str = ""
    features: str = ""
    classes: str = ""
    skip_bad: bool = False


@dataclass(frozen=True)
class Findings:
    """What a check of a data set found.

    Args:
        counts: classes, seen, unseen, validation, attributes, images: those that its files tell.
        problems: what is wrong with it.
        notes: what is to be known of it.
        files: the images that are there.
    """

    counts: Mapping[str, int]
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()


@dataclass(frozen=True, eq=False)
class Listing:
    """The images of a data set.

    Args:
        names: what each image is called.
        classes: IRI of each image's class.
        parts: trainval, test_seen or test_unseen for each.
        split: seen and unseen classes.
        files: where each image is; empty where there are features.
        features: ``(image, 1, channel)``, float32, or None.
        made_by: what made the features.
        validation: IRIs of the published validation classes, if any were published.
        skipped: images that were left out, and why.
    """

    names: tuple[str, ...]
    classes: tuple[str, ...]
    parts: tuple[Part, ...]
    split: ZeroShotSplit
    files: tuple[Path, ...] = ()
    features: np.ndarray | None = None
    made_by: str = "pixels"
    validation: tuple[str, ...] = ()
    skipped: tuple[Problem, ...] = ()

    def take(self, rows: np.ndarray) -> Listing:
        """The images of the given rows."""
        pick = np.asarray(rows).tolist()
        return replace(
            self,
            names=tuple(self.names[i] for i in pick),
            classes=tuple(self.classes[i] for i in pick),
            parts=tuple(self.parts[i] for i in pick),
            files=tuple(self.files[i] for i in pick) if self.files else (),
            features=None if self.features is None else self.features[rows],
        )


def inside(root: Path, name: str) -> Path:
    """A path below the root, or one that holds as it stands."""
    below = root / name
    return below if below.exists() or not Path(name).exists() else Path(name)


def is_test_name(path: Path, below: Path) -> bool:
    """Whether an image's own name or a folder on the way to it says that it is for testing.

    Example:
        >>> is_test_name(Path("a/n01443537/val_12.JPEG"), Path("a")), is_test_name(Path("a/x/7.png"), Path("a"))
        (True, False)
    """
    parts = path.relative_to(below).parts
    return bool(_TEST.match(parts[-1])) or any(part.lower() in ("val", "test") for part in parts[:-1])


def match_classes(
    names: Sequence[str], request: Request, *, table: Mapping[str, str] | None = None, file: Path | None = None
) -> dict[str, str]:
    """The ontology's class for every class of a data set.

    A name is matched as the table says, else as it is, else without the number in front of it
    (``002.Laysan_Albatross``); the ontology takes ``_``, ``+``, ``-`` and space for alike.

    Raises:
        DataError: all names that match no class, with the nearest names, and classes that two names mean.
    """
    table = table or {}
    problems: list[Problem] = []
    found: dict[str, str] = {}
    fix = "correct the name or state its IRI: [data] classes = FILE.csv with the columns name and iri"
    for name in names:
        spellings = [table[name]] if name in table else list(dict.fromkeys((name, re.sub(r"^\d+\.", "", name))))
        wrong: tuple[Problem, ...] = ()
        for spelling in spellings:
            try:
                iri = request.resolve(spelling)
            except KgzslError as error:
                wrong = error.problems
                continue
            if iri in request.known:
                found[name] = iri
                break
            wrong = (Problem(f"the ontology's {spelling!r} is not a class", fix=fix),)
        if name not in found:
            problems += [
                replace(p, got=f"class {name!r}: {p.got}", fix="; ".join(filter(None, (p.fix, fix)))) for p in wrong
            ]
    named: dict[str, str] = {}
    for name, iri in found.items():
        if named.setdefault(iri, name) != name:
            problems.append(Problem(f"{named[iri]!r} and {name!r} are one class of the ontology, {iri}", fix=fix))
    if problems:
        raise DataError(replace(p, file=p.file or file) for p in problems)
    return found


def cut_rows(names: Sequence[str], classes: Sequence[str], split: ZeroShotSplit) -> dict[int, Part]:
    """The part of every image whose class is in a split: of a seen class, every fifth by name is for testing."""
    rows: dict[str, list[int]] = defaultdict(list)
    for row, iri in enumerate(classes):
        rows[iri].append(row)
    parts: dict[int, Part] = dict.fromkeys((row for iri in split.unseen for row in rows[iri]), "test_unseen")
    for iri in split.seen:
        for index, row in enumerate(sorted(rows[iri], key=lambda row: names[row])):
            parts[row] = "test_seen" if index % TEST_EVERY == TEST_EVERY - 1 else "trainval"
    return parts


def read_table(path: Path) -> dict[str, str]:
    """A data set's names of classes to the ontology's: CSV with ``name`` and ``iri``, or K-ZSL's ``class.json``.

    Raises:
        DataError: neither, or a name that stands there twice.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix == ".json":
            groups = json.loads(text)
            pairs = [(name, iri) for group in groups.values() for iri, name in group.items()]
        else:
            pairs = [(row["name"].strip(), row["iri"].strip()) for row in csv.DictReader(text.splitlines())]
    except OSError as error:
        raise DataError(Problem(f"cannot be read ({error.strerror})", file=path, fix="check data.classes")) from None
    except (ValueError, KeyError, AttributeError, TypeError):
        expected = "CSV with the columns name and iri, or K-ZSL's class.json"
        raise DataError(Problem("not a table of classes", expected=expected, file=path)) from None
    twice = sorted(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
    if twice:
        raise DataError(Problem(f"{name!r} stands there more than once", file=path) for name in twice)
    return dict(pairs)


def summarize(problems: Sequence[Problem], head: str, *, of: int, fix: str | None = None) -> list[Problem]:
    """Many alike problems as a count and the first of them.

    Example:
        >>> [str(p) for p in summarize([Problem("a.png is missing")], "cannot be read", of=3)]
        ['1 of 3 images cannot be read', 'a.png is missing']
    """
    if not problems:
        return []
    count = Problem(f"{len(problems):,} of {of:,} images {head}", fix=fix)
    rest = [Problem(f"and {len(problems) - SHOWN:,} more")] if len(problems) > SHOWN else []
    return [count, *problems[:SHOWN], *rest]
