"""Data sets of the Hugging Face library ``datasets``: folders of ``save_to_disk`` or of parquet files.

The library is an extra (``pip install kgzsl[hf]``) and is imported here alone. Images are written to the cache as the
files that they are, so that all else goes on as with folders of images.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from kgzsl.data.cache import cache_folder
from kgzsl.data.folder import list_by_split_file
from kgzsl.data.listing import Findings, Listing, Request
from kgzsl.errors import ConfigError, DataError, Problem, full_disk_said

__all__ = ["HUB", "examine", "hub_name", "list_images"]

HUB = "hf://"
SUFFIX = {b"\x89PNG": ".png", b"\xff\xd8\xff": ".jpg", b"GIF8": ".gif", b"RIFF": ".webp", b"BM": ".bmp"}


def hub_name(root: Path) -> str:
    """The name on the hub that a root ``hf://OWNER/NAME`` stands for, or empty for a folder.

    Example:
        >>> hub_name(Path("hf://owner/name")), hub_name(Path("photos"))
        ('owner/name', '')
    """
    text = root.as_posix()
    return text.removeprefix("hf:").strip("/") if text.startswith("hf:/") else ""


def _open(root: Path) -> Mapping[str, Any]:
    """Split to table.

    Raises:
        ConfigError: the library is not installed.
        DataError: not a data set that it reads.
    """
    try:
        import datasets
    except ImportError:
        got = "data sets of Hugging Face need the library datasets"
        raise ConfigError(Problem(got, fix="pip install kgzsl[hf]")) from None
    datasets.disable_progress_bars()
    name = hub_name(root)
    try:
        if name:
            read = datasets.load_dataset(name)
        elif any((root / state).is_file() for state in ("dataset_dict.json", "state.json")):
            read = datasets.load_from_disk(str(root))
        else:
            read = datasets.load_dataset(str(root.resolve()), cache_dir=str(cache_folder() / "hf-tables"))
    except Exception as error:  # the library raises whatever its readers stumble over
        expected = "a folder of save_to_disk or of parquet files, or hf://OWNER/NAME for one on the hub"
        raise DataError(Problem(f"not a data set that can be read ({error})", expected=expected, file=root)) from None
    return read if isinstance(read, dict) else {"train": read}


def _columns(tables: Mapping[str, Any], root: Path) -> tuple[str, str, tuple[str, ...]]:
    """The column of images, the column of classes, and the classes' names.

    Raises:
        DataError: there is none, or there are several.
    """
    features = next(iter(tables.values())).features
    problems = []
    found = []
    for kind, what in (("Image", "images"), ("ClassLabel", "classes")):
        columns = [name for name, feature in features.items() if type(feature).__name__ == kind]
        if len(columns) != 1:
            there = ", ".join(f"{name} ({type(feature).__name__})" for name, feature in features.items())
            got = f"{len(columns)} columns of {what}; there are {there}"
            problems.append(Problem(got, expected=f"one column of the type {kind}", file=root))
        found.append(columns[0] if columns else "")
    if problems:
        raise DataError(problems)
    names = tuple(features[found[1]].names)
    for split, table in tables.items():
        stray = sum(not 0 <= (-1 if label is None else label) < len(names) for label in table[found[1]])
        if stray:
            got = f"{stray:,} labels of the split {split} are beyond the {len(names)} classes, or missing"
            problems.append(Problem(got, expected=f"0 to {len(names) - 1}", fix="leave out that split", file=root))
    if len(set(names)) < len(names):
        problems.append(Problem("a class stands twice in the names of the labels", expected="each once", file=root))
    if problems:
        raise DataError(problems)
    return found[0], found[1], names


def list_images(request: Request) -> Listing:
    """The images of a data set; which classes are unseen is said by a split file.

    Images of a seen class in the splits ``test`` and ``validation`` are for testing; where there are none, every fifth.

    Raises:
        ConfigError: no split file, or the library is not installed.
        DataError: all that is wrong with the data set.
        FailureError: the disk is full; nothing is kept.
    """
    if not request.split:
        fix = 'give data.split, a file with {"unseen": [class names]}'
        raise ConfigError(Problem("no data.split", expected="which classes are unseen", fix=fix))
    tables = _open(request.root)
    image, label, names = _columns(tables, request.root)
    key = "-".join(table._fingerprint for table in tables.values())
    target = cache_folder() / "hf" / f"{request.root.name}-{key}"
    folders = [quote(name, safe=" ") for name in names]
    if not target.is_dir():
        with full_disk_said(target.parent, fix="make room, or set KGZSL_CACHE to a folder on another disk"):
            target.parent.mkdir(parents=True, exist_ok=True)
            working = Path(tempfile.mkdtemp(dir=target.parent, prefix=".part-"))
            try:
                for split, table in tables.items():
                    _write(table, image, label, folder=working / _part(split), folders=folders)
                if not target.exists():
                    working.rename(target)
            finally:
                shutil.rmtree(working, ignore_errors=True)
    return list_by_split_file(request, target, names=dict(zip(folders, names, strict=True)))


def _part(split: str) -> str:
    """The folder for a split: train, val or test."""
    return {"test": "test", "validation": "val", "valid": "val", "val": "val", "dev": "val"}.get(split, "train")


def _write(table: Any, image: str, label: str, *, folder: Path, folders: list[str]) -> None:
    """Write the images of a split, each as the bytes that it is stored as."""
    import datasets

    raw = table.cast_column(image, datasets.Image(decode=False))
    for row, entry in enumerate(raw):
        content, path = entry[image]["bytes"], entry[image]["path"]
        if content is None:
            content = Path(os.fspath(path)).read_bytes()
        place = folder / folders[entry[label]]
        place.mkdir(parents=True, exist_ok=True)
        suffix = next((suffix for magic, suffix in SUFFIX.items() if content.startswith(magic)), ".jpg")
        (place / f"{table._fingerprint[:4]}-{row:07}{suffix}").write_bytes(content)


def examine(root: Path) -> Findings:
    """All that is wrong with a data set in this layout."""
    try:
        tables = _open(root)
        _, _, names = _columns(tables, root)
    except DataError as error:
        return Findings({}, error.problems)
    counts = {"classes": len(names), "images": sum(map(len, tables.values()))}
    return Findings(counts, notes=("which classes are unseen is said by data.split",))
