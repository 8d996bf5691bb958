"""MATLAB files of version 7 and below, read whole; nothing in them is executed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from kgzsl.errors import DataError, Problem

__all__ = ["read_matlab", "strings"]

_HDF5 = b"\x89HDF\r\n\x1a\n"


def read_matlab(path: str | Path, *, needed: Iterable[str], optional: Iterable[str] = ()) -> dict[str, np.ndarray]:
    """Variables of a ``.mat`` file.

    Args:
        path: the file.
        needed: variables that must be there.
        optional: variables that are read where they are there.

    Returns:
        Variable to array, as MATLAB shapes it.

    Raises:
        DataError: no such file, not MATLAB's format or its version 7.3, or variables that are missing.
    """
    import scipy.io

    path, needed, optional = Path(path), tuple(needed), tuple(optional)
    try:
        with path.open("rb") as file:
            head = file.read(520)
    except OSError as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
        raise DataError(Problem(reason, expected=f"a MATLAB file with {', '.join(needed)}", file=path)) from None
    if head.startswith((b"MATLAB 7.3", _HDF5)) or head[512:].startswith(_HDF5):
        fix = (
            'convert it: in MATLAB load it and save("NEW.mat", "-v7"); in Python read it with h5py, transpose every '
            "array, and write it with scipy.io.savemat"
        )
        raise DataError(Problem("a MATLAB 7.3 file (HDF5)", expected="version 7 or below", fix=fix, file=path))
    try:
        there = [name for name, _, _ in scipy.io.whosmat(path)]
        missing = [name for name in needed if name not in there]
        if missing:
            raise DataError(
                Problem(
                    f"has no {', '.join(missing)}",
                    expected=f"the variables {', '.join(needed)}",
                    fix=f"there are {', '.join(there) or 'none'}; if it should have more, download it again",
                    file=path,
                )
            )
        wanted = [name for name in (*needed, *optional) if name in there]
        content: dict[str, Any] = scipy.io.loadmat(path, variable_names=wanted)
    except DataError:
        raise
    except Exception as error:  # scipy raises whatever its reader stumbles over
        fix = "download it again; it may be truncated"
        raise DataError(
            Problem(f"not a MATLAB file that can be read ({error})", expected="version 7 or below", fix=fix, file=path)
        ) from None
    return {name: content[name] for name in wanted}


def strings(cells: np.ndarray) -> tuple[str, ...]:
    """The strings of a cell array or character array, in order."""
    found = []
    for cell in np.asarray(cells).ravel():
        while isinstance(cell, np.ndarray):
            cell = cell.ravel()[0] if cell.size else ""
        found.append(str(cell).strip())
    return tuple(found)
