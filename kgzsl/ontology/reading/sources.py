"""Which files make up an ontology: files, standard input, and all that is in a folder."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from kgzsl.errors import FormatError, Problem
from kgzsl.ontology.reading.content import STANDARD_INPUT
from kgzsl.ontology.reading.formats import FORMATS, has_ontology_suffix

__all__ = ["OASIS_CATALOG", "files_of", "ontologies_in"]

OASIS_CATALOG = "catalog-v001.xml"


def files_of(paths: Iterable[str | Path]) -> tuple[list[Path], list[Problem]]:
    """The files to read, each once, in the order given; a folder stands for the ontologies in it.

    Returns:
        The files, and what is wrong with the folders.

    Example:
        >>> files_of(["-", "zoo.ttl", "zoo.ttl"])[0] == [Path("-"), Path("zoo.ttl")]
        True
    """
    files: dict[Path, Path] = {}
    problems: list[Problem] = []
    for path in map(Path, paths):
        if path == STANDARD_INPUT or not path.is_dir():
            files.setdefault(path if path == STANDARD_INPUT else path.resolve(), path)
            continue
        try:
            for file in ontologies_in(path):
                files.setdefault(file.resolve(), file)
        except FormatError as error:
            problems += error.problems
    return list(files.values()), problems


def ontologies_in(folder: Path) -> list[Path]:
    """All files in a folder, and in the folders inside it, that have an ontology's suffix; sorted.

    Hidden files and folders are passed over, and so are catalogs, and files with a suffix that
    many kinds of files have (.json, .xml, .csv, .tsv) if their head is not an ontology's.

    Raises:
        FormatError: there is none.
    """
    found: list[Path] = []

    def refuse(error: OSError) -> None:
        got = f"it cannot be looked into ({error.strerror})"
        raise FormatError(Problem(got, fix="check its permissions", file=error.filename)) from error

    for place, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        files = (Path(place, n) for n in names if not n.startswith(".") and n != OASIS_CATALOG)
        # A link that leads nowhere is kept, and then said to be missing; pipes and sockets are not files to read.
        found += (file for file in files if (file.is_file() or not file.exists()) and has_ontology_suffix(file))
    if not found:
        expected = ", ".join(s for known in FORMATS.values() for s in known)
        got = "no ontology in this folder"
        raise FormatError(Problem(got, expected=f"files in one of {expected}", fix="check the path", file=folder))
    return sorted(found)
