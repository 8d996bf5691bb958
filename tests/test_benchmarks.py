"""The benchmarks run: their figures are measured by hand, and what they call changes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted((ROOT / "benchmarks").glob("*.py"))
SCRIPTS = [path.name for path in FILES if "__main__" in path.read_text(encoding="utf-8")]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False)


def test_the_quick_comparison_of_speed() -> None:
    """It compares losses and gradients of both roads before it times them, and ends with an error if they differ."""
    done = run("benchmarks/speed.py", "--size", "tiny", "--quick", "--worlds", "AwA2")
    assert done.returncode == 0, done.stderr
    assert "AwA2, CSG: gradients of both roads are" in done.stdout
    assert "evaluation" in done.stdout.splitlines()[-1]


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS)
def test_every_benchmark_says_what_it_takes(script: str) -> None:
    done = run(f"benchmarks/{script}", "--help")
    assert done.returncode == 0, done.stderr
    assert "usage" in done.stdout
