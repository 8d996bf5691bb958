"""The stored run of the published code, read by the script that prints the table of deviations."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def parity() -> ModuleType:
    """``benchmarks/parity.py`` as a module."""
    path = Path(__file__).resolve().parents[2] / "benchmarks" / "parity.py"
    spec = importlib.util.spec_from_file_location("parity", path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["parity"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def stored(shared_data: Path) -> Path:
    """The folder of stored numbers; the test skips where it is not."""
    folder = shared_data / "duet-reference"
    if not folder.is_dir():
        pytest.skip("the stored numbers of the published code (duet-reference) are not on this machine")
    return folder
