"""Where computed data is kept."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["cache_folder"]


def cache_folder() -> Path:
    """The cache: ``$KGZSL_CACHE``, else ``$XDG_CACHE_HOME/kgzsl``, else ``~/.cache/kgzsl``; empty counts as not set."""
    if own := os.environ.get("KGZSL_CACHE"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kgzsl"
