"""Folders of images by class, with a table that says which class each folder is, and on which side of the split."""

from __future__ import annotations

import csv
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kgzsl.data.images import SUFFIXES, Part
from kgzsl.data.listing import Findings, Listing, Request, cut_rows, inside, is_test_name, match_classes
from kgzsl.data.split import ZeroShotSplit, read_split
from kgzsl.errors import DataError, Problem, SplitError

__all__ = ["Entry", "examine", "list_by_split_file", "list_images", "read_classes", "read_wnids"]

TABLE = "classes.csv"
SIDES = ("seen", "unseen", "validation")
Read = Callable[[Path, str], tuple["list[Entry]", list[Problem]]]


@dataclass(frozen=True)
class Entry:
    """A folder of images.

    Args:
        folder: its name.
        name: the class, by IRI, local name or label.
        side: ``seen``, ``unseen``, or ``validation`` for a seen class that was published for validation.
        file: where this is said.
        line: its line there.
    """

    folder: str
    name: str
    side: str
    file: Path
    line: int | None = None


def read_classes(root: Path, name: str = "") -> tuple[list[Entry], list[Problem]]:
    """The table ``classes.csv``: columns ``folder``, ``iri``, ``split`` (seen, unseen or validation)."""
    file = inside(root, name or TABLE)
    expected = "CSV with the columns folder, iri, split"
    try:
        reader = csv.DictReader(file.read_text(encoding="utf-8-sig").splitlines())
        missing = {"folder", "iri", "split"} - set(reader.fieldnames or ())
        rows = [] if missing else [(reader.line_num, row) for row in reader]
    except OSError as error:
        fix = "write it, or name another with data.classes, or give data.split"
        return [], [Problem(f"cannot be read ({error.strerror})", expected=expected, fix=fix, file=file)]
    except (UnicodeDecodeError, csv.Error) as error:
        return [], [Problem(f"not a table ({error})", expected=expected, file=file)]
    if missing:
        there = ", ".join(reader.fieldnames or ()) or "none"
        got = f"no column {', '.join(sorted(missing))} (there are: {there})"
        return [], [Problem(got, expected=expected, file=file)]
    entries, problems = [], []
    for line, row in rows:
        folder, iri, side = ((row[key] or "").strip() for key in ("folder", "iri", "split"))
        if not folder or not iri or side not in SIDES:
            got = f"folder {folder!r}, iri {iri!r}, split {side!r}"
            problems.append(
                Problem(got, expected=f"a folder, a class, and one of {', '.join(SIDES)}", file=file, line=line)
            )
        else:
            entries.append(Entry(folder, iri, side, file, line))
    return entries, problems


def read_wnids(root: Path, name: str = "") -> tuple[list[Entry], list[Problem]]:
    """K-ZSL's ``seen.txt`` and ``unseen.txt``, a wnid a line, or ``class.json`` in their place."""
    entries: list[Entry] = []
    problems: list[Problem] = []
    for side in SIDES[:2]:
        file = root / f"{side}.txt"
        if file.is_file():
            lines = enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
            entries += [Entry(wnid, wnid, side, file, line) for line, text in lines if (wnid := text.strip())]
            continue
        file = root / (name or "class.json")
        try:
            group = json.loads(file.read_text(encoding="utf-8"))[side]
            entries += [Entry(wnid, wnid, side, file) for wnid in group]
        except OSError:
            problems.append(Problem("no such file", expected="a wnid on each line", file=root / f"{side}.txt"))
        except (ValueError, KeyError, TypeError):
            expected = 'JSON: {"seen": {wnid: name}, "unseen": {...}}'
            problems.append(Problem(f"no {side} classes", expected=expected, file=file))
    return entries, problems


READERS: dict[str, Read] = {"folder": read_classes, "kzsl": read_wnids}


def _repeated(entries: Sequence[Entry]) -> list[Problem]:
    """Folders and classes that stand in the table twice."""
    problems = []
    for key in ("folder", "name"):
        first: dict[str, Entry] = {}
        for entry in entries:
            value = getattr(entry, key)
            before = first.setdefault(value, entry)
            if before is entry or (key == "name" and before.folder == entry.folder):
                continue
            sides = f"both {before.side} and {entry.side}" if before.side != entry.side else f"twice {entry.side}"
            got = f"{'folder' if key == 'folder' else 'class'} {value!r} is {sides}"
            problems.append(Problem(got, expected="each class once", file=entry.file, line=entry.line))
    return problems


def _images_of(base: Path, folder: str) -> list[Path]:
    """Images of a class: in its folder, or in the folders of that name in ``train`` and ``val``."""
    places = [base / folder, *(base / part / folder for part in ("train", "val", "test"))]
    return sorted(p for place in places if place.is_dir() for p in place.rglob("*") if p.suffix.lower() in SUFFIXES)


def _base(root: Path, images: str) -> Path:
    """The folder of the images."""
    if images:
        return inside(root, images)
    return root / "images" if (root / "images").is_dir() else root


def list_images(request: Request) -> Listing:
    """The images of a data set in folders by class.

    Images of an unseen class are all for testing. Of a seen class, those whose name begins with ``val_``,
    ``test_`` or ``ILSVRC2012_val_``, or that lie in a folder ``val`` or ``test``, are for testing; where there are
    none, every fifth by name.

    Raises:
        DataError: all that is wrong with table, classes and folders.
    """
    base = _base(request.root, request.images)
    if request.split:
        return list_by_split_file(request, base)
    entries, problems = READERS[request.dataset](request.root, request.classes)
    problems += _repeated(entries)
    iris: dict[str, str] = {}
    try:
        iris = match_classes(list(dict.fromkeys(e.name for e in entries)), request)
    except DataError as error:
        problems += error.problems
    found = {entry.folder: _images_of(base, entry.folder) for entry in entries}
    problems += _empty(entries, found, base)
    if problems:
        raise DataError(problems)
    seen = tuple(iris[e.name] for e in entries if e.side != "unseen")
    split = ZeroShotSplit(seen=seen, unseen=tuple(iris[e.name] for e in entries if e.side == "unseen"))
    validation = tuple(iris[e.name] for e in entries if e.side == "validation")
    return _listing([(iris[e.name], path) for e in entries for path in found[e.folder]], split, validation, base)


def list_by_split_file(request: Request, base: Path, *, names: Mapping[str, str] | None = None) -> Listing:
    """The images in folders by class, on the sides that a split file in JSON puts the classes on.

    Args:
        request: where the data set is, with ``split``.
        base: the folder of the images.
        names: folder to class; by default each is named by its class.

    Raises:
        DataError: folders without a class, seen classes without a folder.
        SplitError: all that is wrong with the split file.
    """
    file, _, name = request.split.partition(":")
    if names is None:
        names = {p.name: p.name for p in sorted(base.iterdir()) if p.is_dir()} if base.is_dir() else {}
    files = {folder: found for folder in names if (found := _images_of(base, folder))}
    if not files:
        raise DataError(Problem("no images", expected="FOLDER/<class>/<image files>", file=base))
    iris = match_classes([names[folder] for folder in files], request, file=base)
    pictured = tuple(iris.values())
    split = read_split(inside(request.root, file), resolve=request.resolve, pictured=pictured, name=name or None)
    missing = sorted(set(split.seen) - set(pictured))
    if missing:
        fix = "add a folder for it, or take it out of `seen`"
        raise DataError(Problem(f"seen class {iri} has no image", fix=fix, file=base) for iri in missing)
    rows = [(iris[names[folder]], path) for folder, paths in files.items() for path in paths]
    return _listing(rows, split, split.validation, base)


def _listing(rows: list[tuple[str, Path]], split: ZeroShotSplit, validation: tuple[str, ...], base: Path) -> Listing:
    """A listing of images with the parts that their names, or else the rule, give them."""
    classes, paths = [iri for iri, _ in rows], [path for _, path in rows]
    parts = cut_rows([str(path) for path in paths], classes, split)
    told: dict[str, list[int]] = defaultdict(list)
    for row, path in enumerate(paths):
        if row in parts and is_test_name(path, base):
            told[classes[row]].append(row)
    for iri in set(split.seen) & set(told):
        parts |= {row: "trainval" for row in parts if classes[row] == iri}
        parts |= dict.fromkeys(told[iri], "test_seen")
    order = sorted(parts)
    final: list[Part] = [parts[row] for row in order]
    return Listing(
        names=tuple(str(paths[row]) for row in order),
        classes=tuple(classes[row] for row in order),
        parts=tuple(final),
        split=split,
        files=tuple(paths[row] for row in order),
        validation=validation,
    )


def _empty(entries: Sequence[Entry], found: dict[str, list[Path]], base: Path) -> list[Problem]:
    """Folders that are missing or hold no image."""
    fix = "add its images, or take it out of the table"
    return [
        Problem(f"no images of {e.side} class {e.name!r} in {base / e.folder}", fix=fix, file=e.file, line=e.line)
        for e in entries
        if not found[e.folder]
    ]


def examine(root: Path, dataset: str) -> Findings:
    """All that is wrong with a data set in this layout."""
    entries, problems = READERS[dataset](root, "")
    problems += _repeated(entries)
    base = _base(root, "")
    found = {entry.folder: _images_of(base, entry.folder) for entry in entries}
    notes = []
    if entries and not any(found.values()):
        problems.append(
            Problem("no image of any class is there", expected="<folder>/<image files>", file=root / "images")
        )
    else:
        problems += _empty(entries, found, base)
    sides = Counter(entry.side for entry in entries)
    counts = {
        "classes": len({e.name for e in entries}),
        "seen": sides["seen"] + sides["validation"],
        "unseen": sides["unseen"],
        "validation": sides["validation"],
        "images": sum(map(len, found.values())),
    }
    if entries and not problems:
        try:
            request = Request(root, resolve=str, known={e.name for e in entries}, dataset=dataset)
            counts |= Counter(list_images(request).parts)
        except (DataError, SplitError) as error:
            problems += error.problems
    if base.is_dir() and dataset == "folder":
        others = {p.name for p in base.iterdir() if p.is_dir()} - set(found) - {"train", "val", "test"}
        if others and entries:
            notes.append(f"{len(others)} folders are not in the table, {sorted(others)[0]} for one: they are not used")
    images = tuple(path for paths in found.values() for path in paths)
    return Findings(counts, tuple(problems), tuple(notes), images)
