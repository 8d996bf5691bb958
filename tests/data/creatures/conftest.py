"""The table that the ontology is written from, and a small drawn benchmark."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from kgzsl.data.creatures import generate

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def maker() -> ModuleType:
    """``ontologies/make_creatures.py`` as a module."""
    spec = importlib.util.spec_from_file_location("make_creatures", ROOT / "ontologies" / "make_creatures.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two training images and one test image of each class, 32 pixels wide."""
    return generate(tmp_path_factory.mktemp("creatures") / "data", size=32, train_per_class=2, test_per_class=1)
