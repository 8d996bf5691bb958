"""Writing files whole or not at all, and never over another file unasked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kgzsl.errors import ConfigError, Problem

__all__ = ["check_place", "whole_file"]


def check_place(path: str | Path, *, force: bool = False) -> None:
    """Raise what :func:`whole_file` would, before the work whose result is to be written.

    Args:
        path: where the file is to be.
        force: whether to replace a file that is there.

    Raises:
        ConfigError: there is such a file already, the path is a folder, or its folder is missing.
    """
    path = Path(path)
    if path.is_dir():
        raise ConfigError(Problem("is a folder", expected="a file to write", fix="name a file in it", file=path))
    if path.exists() and not force:
        raise ConfigError(Problem("is there already", fix="give another --out, or --force to replace it", file=path))
    if not path.parent.is_dir():
        raise ConfigError(Problem("its folder is not there", fix=f"make {path.parent} first", file=path))


@contextmanager
def whole_file(path: str | Path, *, force: bool = False) -> Iterator[Path]:
    """A temporary name beside the path, which becomes the path once all is written to it.

    If the writing fails, nothing stays of it, and an older file is untouched.

    Args:
        path: where the file is to be.
        force: whether to replace a file that is there.

    Raises:
        ConfigError: there is such a file already, the path is a folder, or its folder is missing.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     with whole_file(Path(folder) / "a.txt") as working:
        ...         _ = working.write_text("all of it")
        ...     print((Path(folder) / "a.txt").read_text())
        all of it
    """
    path = Path(path)
    check_place(path, force=force)
    working = path.with_name(f".{path.stem}.part{path.suffix}")  # some writers go by the suffix
    try:
        yield working
        working.replace(path)
    finally:
        working.unlink(missing_ok=True)
