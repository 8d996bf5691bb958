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
