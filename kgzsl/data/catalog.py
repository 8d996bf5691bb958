"""The table of the field's data sets: what each holds, and where users get it (``catalog.toml``)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from kgzsl.errors import ConfigError, Problem

__all__ = ["LAYOUTS", "ExpectedFile", "Published", "catalog", "layout_of", "published_as"]

LAYOUTS = ("folder", "hf", "kzsl", "xlsa17")
"""How the files of a data set lie."""


@dataclass(frozen=True)
class ExpectedFile:
    """A file or folder under a data set's root.

    Args:
        name: below the root.
        what: what it holds.
        source: where users get it.
        needed: False where only something else does not work without it.
    """

    name: str
    what: str
    source: str
    needed: bool = True


@dataclass(frozen=True)
class Published:
    """A data set as it was published: a row of the table.

    Args:
        name: what it is called in run files.
        title: in words.
        layout: one of :data:`LAYOUTS`.
        classes: number of classes.
        seen: number of seen classes.
        unseen: number of unseen classes.
        attributes: number of attributes.
        images: number of images.
        source: where these numbers are from.
        files: what is expected under the root.
        pretraining: training set of a backbone -> unseen classes in it: ``none``, ``all``, ``unknown``, or names.
        validation: number of the published validation classes; 0: none were published.
        folders: what the published image lists have in front of a file's place below the images.
        names: file with the attributes' names.
        unchecked: which of these numbers were not compared with published files.
        threshold: an attribute is present where it is above the mean over the whole matrix or over its own values.
    """

    name: str
    title: str
    layout: str
    classes: int
    seen: int
    unseen: int
    attributes: int
    images: int
    source: str
    files: tuple[ExpectedFile, ...]
    pretraining: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    validation: int = 0
    folders: tuple[str, ...] = ()
    names: str = ""
    unchecked: tuple[str, ...] = ()
    threshold: Literal["matrix", "attribute"] = "attribute"


@cache
def catalog() -> Mapping[str, Published]:
    """All rows by name.

    Example:
        >>> row = catalog()["AWA2"]
        >>> row.seen, row.unseen, row.attributes, row.images
        (40, 10, 85, 37322)
    """
    content = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    rows = {}
    for name, row in content.items():
        files = tuple(
            ExpectedFile(f["name"], what=f["what"], source=f["from"], needed=f.get("needed", True))
            for f in row.pop("files")
        )
        overlap = {k: tuple(v) if isinstance(v, list) else v for k, v in row.pop("pretraining").items()}
        row |= {key: tuple(row.get(key, ())) for key in ("folders", "unchecked")}
        rows[name] = Published(name=name, files=files, pretraining=overlap, **row)
    return MappingProxyType(rows)


def layout_of(dataset: str) -> str:
    """The layout that a data set's name, or a layout's own name, stands for.

    Raises:
        ConfigError: neither.

    Example:
        >>> layout_of("CUB"), layout_of("folder")
        ('xlsa17', 'folder')
    """
    if dataset in LAYOUTS:
        return dataset
    rows = {name.lower(): row for name, row in catalog().items()}
    if dataset.lower() not in rows:
        expected = f"a data set ({', '.join(catalog())}) or a layout ({', '.join(LAYOUTS)})"
        raise ConfigError(Problem(f"no data set {dataset!r}", expected=expected))
    return rows[dataset.lower()].layout


def published_as(dataset: str, *, classes: int = -1, attributes: int = -1) -> Published | None:
    """The row of a name, or else the one row with these numbers of classes and attributes.

    Example:
        >>> published_as("xlsa17", classes=717, attributes=102).name
        'SUN'
    """
    rows = {name.lower(): row for name, row in catalog().items()}
    if dataset.lower() in rows:
        return rows[dataset.lower()]
    found = [row for row in rows.values() if (row.classes, row.attributes) == (classes, attributes)]
    return found[0] if len(found) == 1 else None
