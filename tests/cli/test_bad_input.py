"""Every bad input is one clear message and status 2, and nothing is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


def spoil_missing_ontology(world: Any) -> None:
    world.ontology.unlink()


def spoil_empty_ontology(world: Any) -> None:
    world.ontology.write_text("")


def spoil_format(world: Any) -> None:
    world.ontology.write_bytes(b"%PDF-1.7 not an ontology")


def spoil_turtle(world: Any) -> None:
    world.edit(":Toy a owl:Class ;", ":Toy a owl:Class owl:Class")


def spoil_classes(world: Any) -> None:
    world.ontology.write_text('<http://a.example/x> <http://a.example/y> "z" .')


def spoil_split_class(world: Any) -> None:
    world.say(unseen=["green bax", "yellow disc"])


def spoil_overlap(world: Any) -> None:
    world.say(seen=["red disc", "red box", "blue box", "green box"], unseen=["green box"])


def spoil_image(world: Any) -> None:
    (world.images / "GreenBox" / "0.png").write_text("no picture")
    (world.images / "GreenBox" / "1.png").write_bytes((world.images / "GreenBox" / "2.png").read_bytes()[:60])


def spoil_facts(world: Any) -> None:
    world.ontology.write_text(
        world.ontology.read_text() + ':Cloud a owl:Class ; rdfs:label "cloud" ; rdfs:subClassOf :Toy .\n'
    )
    world.say(unseen=["green box", "cloud"])


CASES = {
    spoil_missing_ontology: ("no such file",),
    spoil_empty_ontology: ("empty",),
    spoil_format: ("toys.ttl", "PDF"),
    spoil_turtle: ("toys.ttl:9",),
    spoil_classes: ("class",),
    spoil_split_class: ("split.json:3", "green bax", "did you mean", "green box"),
    spoil_overlap: ("both seen and unseen", "GreenBox"),
    spoil_image: ("0.png", "1.png", "not an image"),
    spoil_facts: ("cloud", "no fact"),
}


@pytest.mark.parametrize("spoil", CASES, ids=lambda f: f.__name__)
def test_training_on_it_says_what_is_wrong(toys: Any, tmp_path: Path, kgzsl: Any, spoil: Any) -> None:
    world = toys.copy(tmp_path / "world")
    spoil(world)
    done = kgzsl(*world.arguments(tmp_path / "run"))
    assert done.status == 2
    for piece in CASES[spoil]:
        assert piece in done.err
    assert "Traceback" not in done.err
    assert not (tmp_path / "run").exists()


def test_all_mistakes_of_a_run_file_at_once(tmp_path: Path, kgzsl: Any) -> None:
    file = tmp_path / "run.toml"
    file.write_text('[train]\nepoch = 3\nlr = "fast"\n[modle]\ndim = 8\n[semantics]\nworld = "round"\n')
    done = kgzsl("train", file, "--out", tmp_path / "run", "--set", "train.batch_size", "--set", "model.dim=2")
    assert done.status == 2
    for piece in ("epoch", "did you mean epochs", "train.lr", "modle", "round", "section.key=value", "at least 4"):
        assert piece in done.err
    assert not (tmp_path / "run").exists()


def test_a_truncated_checkpoint(toy_run: Any, tmp_path: Path, kgzsl: Any) -> None:
    import shutil

    folder = tmp_path / "run"
    shutil.copytree(toy_run.folder.path, folder, ignore=shutil.ignore_patterns("report.json"))
    whole = (folder / "checkpoint.safetensors").read_bytes()
    for damaged in (whole[: len(whole) // 2], b"garbage", b""):
        (folder / "checkpoint.safetensors").write_bytes(damaged)
        done = kgzsl("evaluate", folder)
        assert done.status == 2
        assert "checkpoint.safetensors" in done.err
        assert not (folder / "report.json").exists()


def test_an_image_that_is_not_there(toy_run: Any, tmp_path: Path, kgzsl: Any) -> None:
    done = kgzsl("predict", toy_run.folder.path, tmp_path / "a.png", tmp_path / "b.png")
    assert done.status == 2
    assert "a.png" in done.err
    assert "b.png" in done.err


QUESTIONS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "an unknown rival": (
        ("explain", "RUN", "IMAGE", "--against", "gren box"),
        ("'gren box'", "did you mean green box"),
    ),
    "a rival that is no class of the run": (
        ("explain", "RUN", "IMAGE", "--against", "disc shaped toy"),
        ("disc shaped toy is in the ontology, but not a class of this run",),
    ),
    "an unknown fact": (
        ("whatif", "RUN", "IMAGE", "--remove", "'red disc' hasSize Smal"),
        ("'Smal'", "did you mean small"),
    ),
    "a fact that is not there": (
        ("whatif", "RUN", "IMAGE", "--remove", "'red disc' hasSize Small"),
        ("red disc has size small: is no fact of the ontology", "did you mean red disc has size large"),
    ),
    "a fact that is entailed": (
        ("whatif", "RUN", "IMAGE", "--remove", "'red disc' hasShape Round"),
        ("is entailed", "disc shaped toy has shape round"),
    ),
    "a misspelled image": (("explain", "RUN", "IMAGES/GreenBox/0.pgn"), ("no such image", "did you mean", "0.png")),
    "images in no folder": (
        ("predict", "RUN", "IMAGES/GreenBax/0.png", "IMAGES/GreenBox/77.png"),
        ("GreenBax/0.png: no such image; there is no folder", "77.png: no such image; did you mean 7.png"),
    ),
    "a folder for an image": (
        ("explain", "RUN", "IMAGES/GreenBox"),
        ("GreenBox: is a folder; expected an image file",),
    ),
    "malformed SPARQL": (("query", "RUN", "SELECT ?c {\n ?c why:rank"), ("query:2: column",)),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_with_a_mistake(toys: Any, toy_run: Any, tmp_path: Path, kgzsl: Any, question: str) -> None:
    arguments, pieces = QUESTIONS[question]
    places = {"RUN": str(toy_run.folder.path), "IMAGE": str(toys.images / "GreenBox" / "0.png")}
    told = [places.get(a, a.replace("IMAGES", str(toys.images))) for a in arguments]
    page = ("--turtle", str(tmp_path / "never.ttl")) if told[0] == "explain" else ()
    done = kgzsl(*told, *page)
    assert (done.status, done.out) == (2, "")
    for piece in pieces:
        assert piece in done.err
    assert "Traceback" not in done.err
    assert not list(tmp_path.iterdir())


def test_a_baseline_that_cannot_explain(toys: Any, tmp_path: Path, kgzsl: Any) -> None:
    from kgzsl import api

    api.fit(toys.config(model={"kind": "dgp"}, baseline={"epochs": 1}), tmp_path / "run")
    done = kgzsl("explain", tmp_path / "run", toys.images / "GreenBox" / "0.png")
    assert done.status == 2
    for piece in ("a run of kind dgp", "no sum over facts", "expected a run of kind duet", "no method (margin"):
        assert piece in done.err


def test_no_run_there(tmp_path: Path, kgzsl: Any) -> None:
    done = kgzsl("evaluate", tmp_path)
    assert done.status == 2
    assert "no run here" in done.err


def test_usage_mistakes_and_failures_have_their_status(toys: Any, tmp_path: Path, kgzsl: Any, monkeypatch: Any) -> None:
    from kgzsl import api

    assert kgzsl("predict").status == 2
    assert kgzsl("ontology", "inspect", toys.ontology, "--entail", "everything").status == 2

    def fails(*arguments: object, **named: object) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(api, "load_ontology", fails)
    done = kgzsl("ontology", "inspect", toys.ontology)
    assert (done.status, "Traceback" in done.err) == (1, False)
    assert "ZeroDivisionError" in done.err

    def interrupted(*arguments: object, **named: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(api, "load_ontology", interrupted)
    assert kgzsl("ontology", "inspect", toys.ontology).status == 130
