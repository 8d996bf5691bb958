"""The floors below the model stay light: importing them loads none of the heavy libraries."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "transformers", "rdflib", "networkx", "scipy", "owlready2", "pyoxigraph")


@pytest.mark.parametrize("module", ["kgzsl.ontology", "kgzsl.semantics"])
def test_import_is_light(module: str) -> None:
    code = f"import sys, {module}; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
