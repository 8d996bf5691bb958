"""Every error that kgzsl raises on purpose.

The tree::

    KgzslError
    ├── InputError                 the user's input is wrong: exit status 2
    │   ├── ConfigError            a run file or an option
    │   ├── OntologyError          an ontology that cannot be used
    │   │   ├── FormatError        not the format that its suffix (or option) names
    │   │   ├── ParseError         malformed text; says the file and the line
    │   │   ├── NoClassesError     parsed, but not one class was found
    │   │   ├── NoFactsError       classes that no fact describes
    │   │   └── UnknownTermError   a name that the ontology lacks; says the nearest
    │   ├── DataError              images, labels, splits
    │   │   ├── ImageError         a file that is not an image
    │   │   └── SplitError         overlapping, empty or unknown classes
    │   └── RunError               a run folder
    │       ├── CheckpointError    truncated or foreign weights
    │       └── MismatchError      an ontology or split other than the one trained on
    └── FailureError               sound input, but the work failed: exit status 1
        └── TrainingError          the loss is not finite

An error carries one or more :class:`Problem`: all that is wrong with one input is
reported at once.
"""

from __future__ import annotations

import difflib
import errno
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

__all__ = [
    "CheckpointError",
    "ConfigError",
    "DataError",
    "FailureError",
    "FormatError",
    "ImageError",
    "InputError",
    "KgzslError",
    "MismatchError",
    "NoClassesError",
    "NoFactsError",
    "OntologyError",
    "ParseError",
    "Problem",
    "RunError",
    "SplitError",
    "TrainingError",
    "UnknownTermError",
    "full_disk_said",
    "nearest",
]


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Args:
        got: what was found, as a sentence without its full stop.
        expected: what would have been right.
        fix: what the user can do.
        file: the file concerned.
        line: its line, counted from 1.

    Example:
        >>> print(Problem("the file is empty", expected="Turtle", fix="check the path", file="a.ttl"))
        a.ttl: the file is empty; expected Turtle; check the path
    """

    got: str
    expected: str | None = None
    fix: str | None = None
    file: str | Path | None = None
    line: int | None = None

    def __str__(self) -> str:
        """The problem on one line: place, got, expected, what to do."""
        where = "" if self.file is None else f"{self.file}" + (f":{self.line}" if self.line else "") + ": "
        expected = f"; expected {self.expected}" if self.expected else ""
        fix = f"; {self.fix}" if self.fix else ""
        return f"{where}{self.got}{expected}{fix}"


class KgzslError(Exception):
    """Root of the tree; holds every problem that was found.

    Args:
        problems: one problem or several; a plain string becomes a problem of its own.
    """

    exit_status: ClassVar[int] = 1

    def __init__(self, problems: str | Problem | Iterable[Problem | str]) -> None:
        if isinstance(problems, (str, Problem)):
            problems = [problems]
        self.problems: tuple[Problem, ...] = tuple(Problem(p) if isinstance(p, str) else p for p in problems)
        super().__init__("\n".join(map(str, self.problems)))


class InputError(KgzslError):
    """The user's input is wrong; nothing was written."""

    exit_status = 2


class ConfigError(InputError):
    """A run file or an option is wrong."""


class OntologyError(InputError):
    """An ontology cannot be used."""


class FormatError(OntologyError):
    """The content is not in the format that the suffix or the option names."""


class ParseError(OntologyError):
    """Malformed text; the problem names the line where the parser knows it."""


class NoClassesError(OntologyError):
    """The file was parsed, but no class was found under the profile."""


class NoFactsError(OntologyError):
    """Classes that no fact describes cannot be told apart."""


class UnknownTermError(OntologyError):
    """A name that the ontology does not have."""


class DataError(InputError):
    """Images, labels or splits are wrong."""


class ImageError(DataError):
    """A file that cannot be read as an image."""


class SplitError(DataError):
    """Seen and unseen classes overlap, are empty, or are not in the ontology."""


class RunError(InputError):
    """A run folder cannot be used."""


class CheckpointError(RunError):
    """The weights are missing, truncated, or belong to another model."""


class MismatchError(RunError):
    """The ontology or split differs from the one that the run was trained on."""


class FailureError(KgzslError):
    """The input was sound, but the work failed."""


class TrainingError(FailureError):
    """Training went wrong, for instance a loss that is not finite."""


@contextmanager
def full_disk_said(place: str | Path, *, fix: str) -> Iterator[None]:
    """Around what writes: a full disk, or a quota that is used up, becomes a FailureError.

    Args:
        place: what was written, or its folder.
        fix: what the user can do.

    Example:
        >>> try:
        ...     with full_disk_said("runs", fix="make room"):
        ...         raise OSError(errno.ENOSPC, "No space left on device")
        ... except FailureError as error:
        ...     print(error)
        runs: no space is left on the disk; make room
    """
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise FailureError(Problem("no space is left on the disk", fix=fix, file=place)) from None


def nearest(
    name: str,
    known: Sequence[str],
    *,
    count: int = 3,
    otherwise: str = "`kgzsl ontology inspect FILE` lists the names there are",
) -> str:
    """The known names that are closest in spelling, for an error's last words.

    Returns:
        ``"did you mean a, b or c?"``, or ``otherwise`` where none is close.

    Example:
        >>> nearest("zebar", ["zebra", "horse"])
        'did you mean zebra?'
    """
    lower = {k.lower(): k for k in known}
    close = [lower[k] for k in difflib.get_close_matches(name.lower(), list(lower), n=count, cutoff=0.6)]
    if not close:
        return otherwise
    if len(close) == 1:
        return f"did you mean {close[0]}?"
    return f"did you mean {', '.join(close[:-1])} or {close[-1]}?"
