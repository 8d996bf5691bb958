"""The commands on a small trained run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest


def test_inspect(toys: Any, kgzsl: Any) -> None:
    content = json.loads(kgzsl("ontology", "inspect", toys.ontology, "--class", "red disc", "--json").out)
    assert content["leaves"] == 8
    assert content["profile"] == "owl"
    round_ = next(f for f in content["facts"] if f["object"].endswith("#Round") and f["polarity"] == "positive")
    assert round_["status"] == "entailed"
    assert "disc shaped toy" in round_["proof"]


def test_train_evaluate_predict_explain(toys: Any, tmp_path: Path, kgzsl: Any) -> None:
    run, picture = tmp_path / "run", toys.images / "YellowDisc" / "0.png"
    trained = kgzsl(*toys.arguments(run), "--json")
    assert trained.status == 0
    assert json.loads(trained.out)["run"] == str(run)
    report = json.loads(kgzsl("evaluate", run, "--json").out)
    assert 0 <= report["H"] <= report["best_H"] <= 1
    assert json.loads((run / "report.json").read_text()) == report
    (prediction,) = json.loads(kgzsl("predict", run, picture, "--top", 3, "--json").out)
    assert len(prediction["top"]) == 3
    page, overlay = tmp_path / "page.html", tmp_path / "overlay.png"
    explained = kgzsl("explain", run, picture, "--html", page, "--overlay", overlay, "--json")
    assert json.loads(explained.out)["html"] == str(page)
    assert "<html" in page.read_text()
    assert overlay.stat().st_size > 0
    assert kgzsl("explain", run, picture).out.strip()


ONTOLOGY = ("inspect", "diff", "query", "prove", "export", "verbalize", "prompt", "draw", "profile", "lint")


@pytest.mark.parametrize(
    "command",
    [
        "train",
        "evaluate",
        "predict",
        "explain",
        "facts",
        "query",
        "embed",
        "verify",
        "demo",
        "data creatures",
        *(f"ontology {c}" for c in ONTOLOGY),
    ],
)
def test_help_has_an_example(command: str, kgzsl: Any) -> None:
    done = kgzsl(*command.split(), "--help")
    assert done.status == 0
    assert f"kgzsl {command}" in done.out.split("Example")[1]


def test_creatures(tmp_path: Path, kgzsl: Any) -> None:
    arguments = ("--size", 16, "--train-per-class", 1, "--test-per-class", 1, "--json")
    done = kgzsl("data", "creatures", "--out", tmp_path / "c", "--sheet", tmp_path / "s.png", *arguments)
    assert json.loads(done.out)["images"] == 180
    assert (tmp_path / "s.png").stat().st_size > 0
