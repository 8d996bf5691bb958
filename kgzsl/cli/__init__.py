"""Floor 7: the command line, one file for each command."""

from __future__ import annotations

from kgzsl.cli.main import main

__all__ = ["main"]
