"""The benchmarks run: their figures are measured by hand, and what they call changes."""

from __future__ import annotations

import importlib
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


def test_verifications_of_several_seeds_are_summed_up(monkeypatch: pytest.MonkeyPatch) -> None:
    from kgzsl.api import Verification
    from kgzsl.explain.checks import Outcome

    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    explain = importlib.import_module("explain")
    names = (("deletion", "passed", 1.0), ("deletion", "failed", 2.0))
    runs = [
        Verification(
            run=f"seed-{seed}",
            method="margin",
            images=2,
            classes=2,
            seed=0,
            seconds=1.0,
            removal="",
            use="",
            outcomes=(
                Outcome(name, "?", "more", verdict, figure="f", numbers={"own": own}),
                Outcome("pointing game", "?", "more", "not applicable", reason="no boxes"),
            ),
        )
        for seed, (name, verdict, own) in enumerate(names)
    ]
    one, other = explain.summary(runs)
    assert (one["check"], one["passed"], one["figure"], one["mean"]) == ("deletion", "1 of 2", "own", 1.5)
    assert one["std"] == pytest.approx(0.5**0.5)
    assert (other["check"], other["passed"], other["figure"], other["mean"]) == ("pointing game", "no boxes", "", "")


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS)
def test_every_benchmark_says_what_it_takes(script: str) -> None:
    done = run(f"benchmarks/{script}", "--help")
    assert done.returncode == 0, done.stderr
    assert "usage" in done.stdout


@pytest.mark.slow
def test_what_an_explanation_costs() -> None:
    done = run("benchmarks/explain.py", "--facts", "8")
    assert done.returncode == 0, done.stderr
    figures = dict(line.rsplit("  ", 1) for line in done.stdout.splitlines() if "  " in line)
    told = {what.strip(): figure.strip() for what, figure in figures.items()}
    assert told["facts that margin lists"] == "8"
    assert float(told["largest difference of the two"]) < 1e-5
