"""The entry point: the same from everywhere, help as it was agreed, tracebacks only on request."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden" / "help.txt"
ENTRIES = {
    "launcher": [sys.executable, "cli.py"],
    "console script": [sys.executable, "-c", "from kgzsl.cli import main; main()"],
}


def entered(entry: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [*ENTRIES[entry], *map(str, arguments)]
    env = os.environ | {"COLUMNS": "100", "TERM": "dumb", "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=env, check=False)


def plain(text: str) -> str:
    """Without colors and trailing space."""
    return "\n".join(line.rstrip() for line in re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()).strip() + "\n"


@pytest.mark.parametrize("entry", ENTRIES)
def test_help_is_as_agreed_from_everywhere(entry: str) -> None:
    done = entered(entry, "--help")
    assert done.returncode == 0
    if os.environ.get("KGZSL_UPDATE_GOLDEN"):
        GOLDEN.write_text(plain(done.stdout), encoding="utf-8")
    assert plain(done.stdout) == GOLDEN.read_text(encoding="utf-8")


@pytest.mark.parametrize("entry", ENTRIES)
def test_mistakes_end_alike_everywhere(entry: str, tmp_path: Path) -> None:
    done = entered(entry, "ontology", "inspect", tmp_path / "none.ttl")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {tmp_path / 'none.ttl'}: there is no such file")
    assert "Traceback" not in done.stderr


def test_without_a_command_the_help_is_shown(kgzsl: Any) -> None:
    done = kgzsl()
    assert done.status == 2
    assert "Commands" in done.out + done.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nosuch"], "No such command"),
        (["predict", "run"], "Missing argument"),
        (["explain", "run", "a.png", "--top", "0"], "--top"),
        (["predict", "run", "a.png", "--nosuch"], "No such option"),
    ],
)
def test_usage_mistakes(kgzsl: Any, arguments: list[str], message: str) -> None:
    done = kgzsl(*arguments)
    assert (done.status, done.out) == (2, "")
    assert message in done.err


def test_a_traceback_only_on_request_and_the_same_status(kgzsl: Any, tmp_path: Path, monkeypatch: Any) -> None:
    from kgzsl import api

    quiet, loud = (kgzsl(*flag, "ontology", "inspect", tmp_path / "none.ttl") for flag in ([], ["--debug"]))
    assert (quiet.status, loud.status) == (2, 2)
    assert "Traceback" not in quiet.err
    assert "Traceback" in loud.err
    assert "there is no such file" in loud.err

    def fails(*arguments: object, **named: object) -> None:
        raise ZeroDivisionError("oh [/no] markup")

    monkeypatch.setattr(api, "load_ontology", fails)
    quiet, loud = (kgzsl(*flag, "ontology", "inspect", "a.ttl") for flag in ([], ["--debug"]))
    assert (quiet.status, loud.status) == (1, 1)
    assert quiet.err == "failed: ZeroDivisionError: oh [/no] markup (kgzsl --debug ... shows where)\n"
    assert "Traceback" in loud.err


def test_an_interrupted_training_says_so_and_goes_on(kgzsl: Any, toys: Any, tmp_path: Path, monkeypatch: Any) -> None:
    from kgzsl.train import loop

    honest, calls = loop._append, []

    def interrupted(*arguments: Any) -> None:
        honest(*arguments)
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(loop, "_append", interrupted)
    done = kgzsl(*toys.arguments(tmp_path / "run"))
    assert done.status == 130
    assert "interrupted" in done.err
    assert "Traceback" not in done.err
    done = kgzsl("evaluate", tmp_path / "run")
    assert done.status == 2
    assert "not trained to its end" in done.err
    assert kgzsl(*toys.arguments(tmp_path / "run"), "--json").status == 0
    again = kgzsl(*toys.arguments(tmp_path / "run"))
    assert again.status == 2
    assert "holds a complete run" in again.err


def test_what_json_prints_is_json_alone(kgzsl: Any, toys: Any, toy_run: Any, tmp_path: Path) -> None:
    run = shutil.copytree(toy_run.folder.path, tmp_path / "run")
    picture = toys.images / "BlueBox" / "0.png"
    content = {}
    for name, arguments in {
        "inspect": ("ontology", "inspect", toys.ontology),
        "evaluate": ("evaluate", run),
        "predict": ("predict", run, picture, picture),
        "explain": ("explain", run, picture),
    }.items():
        done = kgzsl(*arguments, "--json")
        assert done.status == 0
        content[name] = json.loads(done.out)
    assert content["inspect"]["classes"] == 11
    assert set(content["evaluate"]) >= {"T1", "U", "S", "H", "AUSUC", "gamma", "seed", "backbone", "semantics"}
    assert [p["image"] for p in content["predict"]] == [str(picture)] * 2
    assert set(content["predict"][0]["top"][0]) == {"iri", "label", "score", "unseen"}
    assert content["explain"]["predicted"]["iri"] if isinstance(content["explain"]["predicted"], dict) else True


def test_explaining_against_a_class_that_is_no_rival(kgzsl: Any, toys: Any, toy_run: Any, tmp_path: Path) -> None:
    picture = toys.images / "BlueBox" / "0.png"
    best = json.loads(kgzsl("predict", toy_run.folder.path, picture, "--json").out)[0]["top"][0]["label"]
    for rival, message in (
        ("bleu box", "did you mean blue box"),
        ("toy", "not a class of this run"),
        (best, "is the predicted class itself"),
    ):
        page = tmp_path / "page.html"
        done = kgzsl("explain", toy_run.folder.path, picture, "--against", rival, "--html", page)
        assert (done.status, done.out) == (2, "")
        assert message in done.err
        assert not page.exists()


def test_a_damaged_or_mismatched_run_is_no_traceback(kgzsl: Any, toys: Any, toy_run: Any, tmp_path: Path) -> None:
    picture = toys.images / "BlueBox" / "0.png"
    edited = toys.copy(tmp_path / "world").edit('"blue disc"', '"azure disc"')
    done = kgzsl("predict", toy_run.folder.path, picture, "--ontology", edited.ontology)
    assert done.status == 2
    assert "not the ontology that the run was trained on" in done.err
    assert "--ontology" in done.err


def test_names_in_brackets_are_no_markup(kgzsl: Any, toys: Any, tmp_path: Path) -> None:
    world = toys.copy(tmp_path / "[/world]").edit('"blue disc"', '"blue [/disc] [red]x"')
    done = kgzsl("ontology", "inspect", world.ontology, "--class", "BlueDisc")
    assert done.status == 0
    assert "[/world]" in done.out.replace("\n", "")
    run = kgzsl(*world.arguments(tmp_path / "run [bold]"), "--set", "train.epochs=1", "--set", "train.refit_epochs=0")
    assert run.status == 0
    assert "run [bold]" in run.out.replace("\n", "")
    table = kgzsl("predict", tmp_path / "run [bold]", world.images / "BlueDisc" / "0.png", "--top", 8)
    assert "blue [/disc] [red]x" in table.out


def test_the_command_to_go_on_with_can_be_copied(kgzsl: Any, toys: Any, tmp_path: Path) -> None:
    out = tmp_path / ("a-long-name-" * 8) / "run"
    done = kgzsl(*toys.arguments(out), "--set", "train.epochs=1", "--set", "train.refit_epochs=0")
    assert f"kgzsl evaluate {out}" in done.out


def test_the_demo_deletes_nothing_but_demos(kgzsl: Any, tmp_path: Path) -> None:
    work = tmp_path / "work"
    (work / "kg").mkdir(parents=True)
    (work / "thesis.txt").write_text("years of work")
    done = kgzsl("demo", "--out", work)
    assert (done.status, (work / "thesis.txt").read_text()) == (2, "years of work")
    assert "thesis.txt" in done.err
    assert kgzsl("demo", "--out", work / "thesis.txt").status == 2
    # A mistake in the options is found while the last demo is still there.
    (work / "thesis.txt").unlink()
    assert kgzsl("demo", "--out", work, "--set", "train.epochs=many").status == 2
    assert (work / "kg").is_dir()


def test_paths_on_the_command_line_hold_from_elsewhere(kgzsl: Any, toys: Any, tmp_path: Path, monkeypatch: Any) -> None:
    toys.copy(tmp_path / "world")
    (tmp_path / "inside").mkdir()
    monkeypatch.chdir(tmp_path / "inside")
    arguments = ["--ontology", "../world/toys.ttl", "--images", "../world/images", "--split", "../world/split.json"]
    small = toys.arguments(Path("../run"))[7:]
    done = kgzsl("train", *arguments, *small, "--set", "train.epochs=1", "--set", "train.refit_epochs=0")
    assert done.status == 0, done.err
    monkeypatch.chdir(tmp_path)
    done = kgzsl("evaluate", "run", "--json")
    assert done.status == 0, done.err
