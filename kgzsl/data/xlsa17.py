"""The layout of the proposed splits: ``att_splits.mat`` beside ``res101.mat``.

Indices in these files are MATLAB's, from 1. The published ``train_loc`` and ``val_loc`` hold images of
``test_seen_loc`` as well, so they only tell which classes are for validation; images to train on are
those of ``trainval_loc``.

Source: Xian et al., "Zero-Shot Learning - A Comprehensive Evaluation of the Good, the Bad and the Ugly", TPAMI 2019.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path

import numpy as np

from kgzsl.data.catalog import Published, published_as
from kgzsl.data.images import Part
from kgzsl.data.listing import Findings, Listing, Request, cut_rows, inside, match_classes, read_table, summarize
from kgzsl.data.matlab import read_matlab, strings
from kgzsl.data.split import ZeroShotSplit, read_split
from kgzsl.errors import DataError, Problem

__all__ = ["Contents", "examine", "list_images", "read_contents", "read_splits"]

SPLITS, FEATURES, VALIDATION = "att_splits.mat", "res101.mat", "valclasses1.txt"
PARTS: Mapping[str, Part] = {"trainval_loc": "trainval", "test_seen_loc": "test_seen", "test_unseen_loc": "test_unseen"}
DISJOINT = (*combinations(PARTS, 2), ("train_loc", "val_loc"), ("train_loc", "test_unseen_loc"))
DISJOINT += (("val_loc", "test_unseen_loc"),)


@dataclass(frozen=True, eq=False)
class Contents:
    """What the two files hold; rows and classes count from 0.

    Args:
        names: classes as the data set calls them.
        strengths: ``(class, attribute)``.
        attributes: names of the attributes, or none.
        present: 0 or 1 for each cell of ``strengths``, where the data set says so itself.
        locs: rows of ``trainval_loc``, ``test_seen_loc``, ``test_unseen_loc`` and, if published, ``train_loc`` and
            ``val_loc``.
        labels: class of every image.
        images: where every image was on its authors' machine.
        features: ``(image, 1, channel)``, float32, or None.
        validation: published validation classes.
        bad: a problem for each image whose features are no numbers.
        problems: all else that is wrong with it.
    """

    names: tuple[str, ...] = ()
    strengths: np.ndarray | None = None
    attributes: tuple[str, ...] = ()
    present: np.ndarray | None = None
    locs: Mapping[str, np.ndarray] | None = None
    labels: np.ndarray | None = None
    images: tuple[str, ...] = ()
    features: np.ndarray | None = None
    validation: tuple[str, ...] = ()
    bad: Mapping[int, Problem] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def classes_of(self, loc: str) -> tuple[int, ...]:
        """Columns of the classes that have an image in a part."""
        if self.labels is None or self.locs is None or loc not in self.locs:
            return ()
        rows = self.locs[loc]
        rows = rows[(rows >= 0) & (rows < len(self.labels))]
        return tuple(np.unique(self.labels[rows]).tolist())


def read_splits(root: Path, *, split: str = "", dataset: str = "") -> Contents:
    """Classes, attributes and parts; whatever is wrong is among ``problems``."""
    file = inside(root, split or SPLITS)
    problems: list[Problem] = []
    try:
        needed = ("allclasses_names", "att", *PARTS)
        read = read_matlab(
            file, needed=needed, optional=("original_att", "binary_att", "attri_name", "train_loc", "val_loc")
        )
    except DataError as error:
        return Contents(problems=error.problems)
    names = strings(read["allclasses_names"])
    strengths = np.asarray(read.get("original_att", read["att"]), dtype=np.float64)
    for name, count in Counter(names).items():
        if count > 1:
            problems.append(Problem(f"class {name!r} stands {count} times in allclasses_names", file=file))
    if strengths.ndim != 2 or strengths.shape[1] != len(names):
        shape = " x ".join(map(str, strengths.shape))
        problems.append(Problem(f"attributes of {shape}", expected=f"attributes x {len(names)} classes", file=file))
    elif not np.isfinite(strengths).all():
        count = int((~np.isfinite(strengths)).sum())
        problems.append(Problem(f"{count} attributes of classes are NaN or infinite", expected="numbers", file=file))
    locs = {}
    for key in (*PARTS, "train_loc", "val_loc"):
        if key in read:
            rows, found = _from_one(read[key], key, file=file, what="image")
            problems += found
            locs[key] = rows
    problems += _overlaps(locs, file)
    present = read.get("binary_att")
    if present is not None and (present.shape != strengths.shape or not np.isin(present, (0, 1)).all()):
        shape = " x ".join(map(str, strengths.shape))
        problems.append(Problem("binary_att is not binary or of another shape", expected=f"0 or 1, {shape}", file=file))
    attributes = strings(read["attri_name"]) if "attri_name" in read else ()
    row = published_as(dataset, classes=len(names), attributes=len(strengths))
    if not attributes:
        attributes, found = _attribute_names(root, row, count=len(strengths))
        problems += found
    return Contents(
        names, strengths.T, attributes, None if present is None else present.T, locs, problems=tuple(problems)
    )


def read_contents(root: Path, *, split: str = "", features: str = "", dataset: str = "") -> Contents:
    """All of a data set but its images; whatever is wrong is among ``problems``.

    Args:
        root: the folder.
        split: another file than ``att_splits.mat``.
        features: the file with features; empty: only labels and the list of images are read, from ``res101.mat``.
        dataset: its name in the catalog.
    """
    cut = read_splits(root, split=split, dataset=dataset)
    file = inside(root, features or FEATURES)
    problems = list(cut.problems)
    try:
        needed = ("labels", "image_files") + (("features",) if features else ())
        read = read_matlab(file, needed=needed)
    except DataError as error:
        return replace(cut, problems=(*problems, *error.problems))
    bad: dict[int, Problem] = {}
    labels, found = _from_one(read["labels"], "labels", file=file, what="class", limit=len(cut.names) or None)
    problems += found
    images = strings(read["image_files"])
    array = read.get("features")
    lengths = {"labels": len(labels), "image_files": len(images)}
    if array is not None:
        lengths["features"] = array.shape[1] if array.ndim == 2 else -1
    if len(set(lengths.values())) > 1:
        got = ", ".join(f"{count:,} {name}" for name, count in lengths.items())
        shape = f" (features are {' x '.join(map(str, array.shape))})" if array is not None else ""
        expected = "as many of each, and features as channels x images"
        problems.append(Problem(f"{got}{shape}", expected=expected, fix="download it again", file=file))
    elif array is not None:
        array = np.ascontiguousarray(array.T, dtype=np.float32)[:, None]
        rows_bad = np.flatnonzero(~np.isfinite(array).all((1, 2))).tolist()
        bad = {row: Problem(f"image {row + 1}, {images[row]}: NaN or infinite", file=file) for row in rows_bad}
    for key, rows in (cut.locs or {}).items():
        beyond = rows[rows >= len(labels)]
        if len(beyond):
            got = f"{len(beyond):,} of {key} are beyond the {len(labels):,} images (up to {beyond.max() + 1:,})"
            problems.append(Problem(got, expected=f"indices from 1 to {len(labels):,}", file=file))
    contents = replace(cut, labels=labels, images=images, features=array, bad=bad, problems=tuple(problems))
    if problems:
        return contents
    problems += _class_problems(contents, inside(root, split or SPLITS))
    validation, found = _validation(contents, root)
    return replace(contents, validation=validation, problems=(*problems, *found))


def _from_one(
    array: np.ndarray, key: str, *, file: Path, what: str, limit: int | None = None
) -> tuple[np.ndarray, list[Problem]]:
    """MATLAB's indices as rows from 0, and what is wrong with them."""
    flat = np.asarray(array).ravel()
    if flat.dtype.kind not in "iuf" or not np.array_equal(flat, np.floor(flat)):
        wrong = Problem(f"{key} holds no whole numbers", expected=f"{what} indices from 1", file=file)
        return np.zeros(len(flat), np.int64), [wrong]
    rows = flat.astype(np.int64) - 1
    problems = []
    if len(rows) and rows.min() < 0:
        fix = "add 1 to all of them" if rows.min() == -1 else "write them again"
        got = f"{key} begins at {rows.min() + 1}"
        problems.append(Problem(got, expected=f"{what} indices from 1, as MATLAB counts", fix=fix, file=file))
    if limit is not None and len(rows) and rows.max() >= limit:
        beyond = int((rows >= limit).sum())
        got = f"{beyond:,} {key} are beyond the {limit} classes (up to {rows.max() + 1})"
        problems.append(Problem(got, expected=f"1 to {limit}", fix="use the two files of one data set", file=file))
    return rows, problems


def _overlaps(locs: Mapping[str, np.ndarray], file: Path) -> list[Problem]:
    """Images that stand in a part twice, or in two parts."""
    problems = []
    for key, rows in locs.items():
        twice = len(rows) - len(np.unique(rows))
        if twice:
            problems.append(Problem(f"{twice:,} images stand in {key} more than once", expected="each once", file=file))
    for one, other in DISJOINT:
        both = np.intersect1d(locs.get(one, ()), locs.get(other, ()))
        if len(both):
            got = f"{len(both):,} images are in both {one} and {other}, image {int(both[0]) + 1} for one"
            problems.append(Problem(got, expected="parts without a common image", file=file))
    return problems


def _class_problems(contents: Contents, file: Path) -> list[Problem]:
    """Classes that are on both sides, on none, or for testing only."""
    seen, tested, unseen = (set(contents.classes_of(key)) for key in PARTS)
    problems = []

    def say(classes: set[int], got: str, expected: str) -> None:
        if classes:
            named = ", ".join(contents.names[c] for c in sorted(classes))
            problems.append(Problem(f"{got}: {named}", expected=expected, file=file))

    say((seen | tested) & unseen, "classes both seen and unseen", "test_unseen_loc with classes of its own")
    say(tested - seen, "classes in test_seen_loc, but not in trainval_loc", "seen classes with training images")
    say(set(range(len(contents.names))) - seen - unseen - tested, "classes without an image", "images of every class")
    say(
        set(contents.classes_of("train_loc")) & set(contents.classes_of("val_loc")),
        "classes in both train_loc and val_loc",
        "val_loc with classes of its own",
    )
    return problems


def _validation(contents: Contents, root: Path) -> tuple[tuple[str, ...], list[Problem]]:
    """Published validation classes: those of ``val_loc``, else of ``valclasses1.txt``."""
    file = root / VALIDATION
    if contents.locs is not None and "val_loc" in contents.locs:
        names = [contents.names[c] for c in contents.classes_of("val_loc")]
    elif file.is_file():
        names = list(filter(None, map(str.strip, file.read_text(encoding="utf-8").splitlines())))
    else:
        return (), []
    seen = {contents.names[c] for c in contents.classes_of("trainval_loc")}
    stray = [name for name in dict.fromkeys(names) if name not in seen]
    twice = [name for name, count in Counter(names).items() if count > 1]
    problems = [
        Problem(f"validation class {name!r} is not seen", expected="a subset of seen", file=file) for name in stray
    ]
    problems += [Problem(f"validation class {name!r} stands there twice", file=file) for name in twice]
    return tuple(names), problems


def _attribute_names(root: Path, row: Published | None, *, count: int) -> tuple[tuple[str, ...], list[Problem]]:
    """Names of the attributes from the data set's own file, one a line, with or without a number in front."""
    file = root / row.names if row and row.names else root / "attributes.txt"
    if not file.is_file():
        return (), []
    lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
    names = tuple(re.sub(r"^\d+\s+", "", line) for line in lines if line)
    if len(names) != count:
        got = f"names of {len(names)} attributes"
        return (), [Problem(got, expected=f"{count}, as many as att_splits.mat has", file=file)]
    return names, []


def _locate(images: tuple[str, ...], bases: tuple[Path, ...]) -> tuple[list[Path | None], list[Problem]]:
    """Where every image of the published list is: its longest ending that is there below a folder."""
    found: list[Path | None] = []
    missing: list[Problem] = []
    last: tuple[Path, list[str]] | None = None
    for image in images:
        parts = [p for p in re.split(r"[/\\]", image) if p not in ("", ".", "..") and not p.endswith(":")]
        tries = [(base, start) for base in bases for start in range(len(parts))]
        if last and parts[: len(last[1])] == last[1]:  # the whole list has one prefix, or a few
            tries.insert(0, (last[0], len(last[1])))
        path = None
        for base, start in tries:
            if base.joinpath(*parts[start:]).is_file():
                path, last = base.joinpath(*parts[start:]), (base, parts[:start])
                break
        found.append(path)
        if path is None:
            missing.append(Problem("no such image", file="/".join(parts[-3:])))
    return found, missing


def _bases(root: Path, images: str) -> tuple[Path, ...]:
    """Folders below which images are looked for."""
    return (inside(root, images),) if images else (root, root / "images")


def _files(request: Request, contents: Contents) -> tuple[list[Path | None], list[Problem]]:
    """Where every image is, and those that are to be left out; a DataError names what is missing otherwise."""
    files, missing = _locate(contents.images, _bases(request.root, request.images))
    if missing and not request.skip_bad:
        fix = "check data.images, or set data.skip_bad = true to go on without them"
        head = f"are not below {inside(request.root, request.images) if request.images else request.root}"
        raise DataError(summarize(missing, head, of=len(files), fix=fix))
    return files, missing


def list_images(request: Request, *, table: Mapping[str, str] | None = None) -> Listing:
    """The images of a data set in this layout, by its own split or a split file in JSON.

    Args:
        request: where it is.
        table: its names of classes to IRIs, if known.

    Raises:
        DataError: all that is wrong with its files.
        SplitError: all that is wrong with a split file in JSON.
    """
    own = "" if ".json" in request.split else request.split
    contents = read_contents(request.root, split=own, features=request.features, dataset=request.dataset)
    problems = [*contents.problems]
    skipped: list[Problem] = []
    if request.skip_bad:
        skipped += contents.bad.values()
    else:
        problems += _bad_features(contents)
    if problems or contents.labels is None or contents.locs is None:
        raise DataError(problems)
    keep = np.ones(len(contents.labels), dtype=bool)
    keep[list(contents.bad)] = False
    files: list[Path | None] = []
    if not request.features:
        files, missing = _files(request, contents)
        skipped += missing
        keep &= np.array([path is not None for path in files])
    if table is None and request.classes:
        table = read_table(inside(request.root, request.classes))
    iris = match_classes(contents.names, request, table=table, file=request.root)
    classes = tuple(iris[contents.names[c]] for c in contents.labels)
    names = tuple(map(str, files)) if files else contents.images
    if own == request.split:
        split, parts, validation = _own_split(contents, iris)
    else:
        path, _, name = request.split.partition(":")
        file = inside(request.root, path)
        split = read_split(file, resolve=request.resolve, pictured=tuple(iris.values()), name=name or None)
        parts, validation = cut_rows(names, classes, split), split.validation
    rows = [row for row in sorted(parts) if keep[row]]
    if not rows:
        raise DataError(Problem("not one image is left", file=request.root))
    return Listing(
        names=tuple(names[row] for row in rows),
        classes=tuple(classes[row] for row in rows),
        parts=tuple(parts[row] for row in rows),
        split=split,
        files=tuple(at for row in rows if files and (at := files[row]) is not None),
        features=None if contents.features is None else contents.features[rows],
        made_by=Path(request.features).stem if request.features else "pixels",
        validation=validation,
        skipped=tuple(skipped),
    )


def _own_split(contents: Contents, iris: Mapping[str, str]) -> tuple[ZeroShotSplit, dict[int, Part], tuple[str, ...]]:
    """The published split, the part of every image, and the published validation classes."""
    groups = [tuple(iris[contents.names[c]] for c in contents.classes_of(key)) for key in PARTS]
    parts = {int(row): part for key, part in PARTS.items() for row in (contents.locs or {})[key]}
    validation = tuple(iris[name] for name in contents.validation)
    return ZeroShotSplit(seen=groups[0], unseen=groups[2]), parts, validation


def _bad_features(contents: Contents) -> list[Problem]:
    """Images whose features are no numbers, counted and named."""
    fix = "extract them again, or set data.skip_bad = true to go on without these images"
    bad = list(contents.bad.values())
    return summarize(bad, "have features that are no numbers", of=len(contents.images), fix=fix)


def examine(root: Path, dataset: str) -> tuple[Findings, Published | None]:
    """All that is wrong with a data set in this layout, and the row of the catalog that it is."""
    features = FEATURES if (root / FEATURES).is_file() else ""
    contents = read_contents(root, features=features, dataset=dataset)
    shape = (0, 0) if contents.strengths is None else contents.strengths.shape
    row = published_as(dataset, classes=len(contents.names), attributes=shape[1])
    counts = {"classes": len(contents.names), "attributes": shape[1]}
    problems = [*contents.problems, *_bad_features(contents)]
    if not features:  # its absence is told with the other files
        problems = [p for p in problems if p.file is None or Path(p.file).name != FEATURES]
    notes = []
    files: list[Path | None] = []
    locs = contents.locs or {}
    for key, part in PARTS.items():
        if key in locs:
            counts[part] = len(locs[key])
    if contents.labels is not None:
        counts["seen"] = len(contents.classes_of("trainval_loc"))
        counts["unseen"] = len(contents.classes_of("test_unseen_loc"))
        counts["validation"] = len(contents.validation)
        counts["images"] = len(contents.images)
        bases = _bases(root, "")
        files, missing = _locate(contents.images, bases)
        if len(missing) < len(files):
            fix = "data.skip_bad = true goes on without them"
            problems += summarize(missing, "are in the list, but not in the folder", of=len(files), fix=fix)
            counts["files"] = len(files) - len(missing)
        else:
            notes.append("no image of the list is there: features can be used, a backbone cannot")
    elif all(key in locs for key in PARTS):
        counts["images"] = sum(len(locs[key]) for key in PARTS)
        notes.append("labels and images are unchecked without res101.mat")
    mixed = np.union1d(locs.get("train_loc", ()), locs.get("val_loc", ()))
    leak = len(np.intersect1d(mixed, locs.get("test_seen_loc", ())))
    if leak:
        notes.append(
            f"train_loc and val_loc hold {leak:,} images of test_seen_loc: they only tell the validation classes, and "
            "training takes images of trainval_loc alone"
        )
    images = tuple(file for file in files if file)
    return Findings(counts, tuple(problems), tuple(notes), images), row
