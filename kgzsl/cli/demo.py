"""``kgzsl demo``."""

from __future__ import annotations


def demo() -> None:
    """All of it on creatures."""
