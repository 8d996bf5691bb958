"""How much of a file is read before it is refused, and reading sizes as people write them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kgzsl.errors import ConfigError, Problem

__all__ = ["GIB", "MIB", "Limits", "parse_size", "show_size"]

MIB, GIB = 2**20, 2**30
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?", re.IGNORECASE)


@dataclass(frozen=True)
class Limits:
    """What one file may ask of the machine. Beyond it, reading stops with an error.

    Args:
        max_bytes: bytes of a file after unpacking. What XML entities expand to counts as well.
        max_held: the same for formats that are read as a whole: JSON-LD, and those of py-horned-owl.
        max_line: bytes without a line break: what is one line must be held in memory.
        max_depth: elements, brackets or quoted triples inside one another: parsers recurse,
            or take time that is quadratic in it.
        timeout: seconds to wait for a server.
    """

    max_bytes: int = 8 * GIB
    max_held: int = GIB
    max_line: int = 64 * MIB
    max_depth: int = 10_000
    timeout: float = 30.0


def parse_size(text: str) -> int:
    """A number of bytes, with k, M, G or T for powers of 1024.

    Raises:
        ConfigError: it is not a size.

    Example:
        >>> parse_size("8G"), parse_size("500 MiB"), parse_size("12")
        (8589934592, 524288000, 12)
    """
    found = _SIZE.fullmatch(text.strip())
    if not found:
        raise ConfigError(Problem(f"{text!r} is not a size", expected="a number of bytes such as 500M or 8G"))
    return int(float(found[1]) * 1024 ** " kmgt".index(found[2].lower() or " "))


def show_size(size: int) -> str:
    """A number of bytes as people read it.

    Example:
        >>> show_size(8 * GIB), show_size(1536), show_size(20)
        ('8 GiB', '1.5 KiB', '20 bytes')
    """
    for unit, name in ((GIB, "GiB"), (MIB, "MiB"), (1024, "KiB")):
        if size >= unit:
            return f"{size / unit:.3g} {name}"
    return f"{size} bytes"
