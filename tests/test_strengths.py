"""Runs with strengths of attributes: what a model is told, what a run keeps, and where strengths are from."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from kgzsl import api
from kgzsl.api.scoring import scores_of
from kgzsl.api.sources import attributes_of, ontology_of, strengths_source
from kgzsl.data.labels import LabelSpace
from kgzsl.data.split import read_split
from kgzsl.errors import ConfigError, MismatchError, Problem
from kgzsl.semantics import read_strengths
from kgzsl.train.run import read_config

SHORT = {"epochs": 1, "refit_epochs": 0}
NAMES = ("red", "green", "blue", "yellow", "round", "square", "large", "smal")


def write(toys: Any, file: Path, *, seed: int = 0, classes: int | None = None) -> Path:
    """Percentages of the toys, in noise; the last column is misspelt."""
    random = np.random.default_rng(seed)
    lines = [",".join(("toy", *NAMES))]
    for label in toys.classes[:classes]:
        color, shape = label.split()
        words = (color, {"disc": "round", "box": "square"}[shape])
        cells = [(80 if name in words else 20) + round(19 * random.random(), 2) for name in NAMES]
        lines.append(",".join((label.replace(" ", "+"), *map(str, cells))))
    file.write_text("\n".join(lines) + "\n")
    return file


@pytest.fixture(scope="module")
def run(toys: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A run on the toys with strengths; their file is gone."""
    folder = tmp_path_factory.mktemp("strengths")
    file = write(toys, folder / "toys.csv")
    made = api.fit(toys.config(semantics={"strengths": str(file)}, train=SHORT), folder / "run")
    file.unlink()
    return made


def test_a_saved_run_has_its_strengths_and_gives_the_same_scores(run: Any, toy_run: Any, toys: Any) -> None:
    again = api.load_run(run.folder.path)
    assert again.attributes.digest == run.attributes.digest != toy_run.attributes.digest
    np.testing.assert_array_equal(again.attributes.degree, run.attributes.degree)
    np.testing.assert_array_equal(again.attributes.value, toy_run.attributes.value)
    red = next(k for k, a in enumerate(run.attributes.attributes) if a.filler.endswith("#Red"))
    assert ((run.attributes.degree[:, red] > 0.2) & (run.attributes.degree[:, red] < 1)).all()
    pictures = sorted(toys.images.rglob("*.png"))[::7]
    assert api.predict(again, pictures) == api.predict(run, pictures)
    images = api.load_dataset(toys.config()).images.array[::7]
    scores = [scores_of(r.model, images, r.attributes) for r in (run, again)]
    np.testing.assert_array_equal(*scores)
    crisp = replace(run.attributes, strength=None)
    assert np.abs(scores_of(run.model, images, crisp) - scores[0]).max() > 1e-3


def test_explanations_add_up(run: Any, toys: Any) -> None:
    told = api.explain(run, toys.images / "red disc" / "0.png")
    assert abs(told.completeness_gap) < 1e-9
    assert told.facts


def test_evaluation_needs_the_same_strengths(toys: Any, tmp_path: Path) -> None:
    file = write(toys, tmp_path / "toys.csv")
    run = api.fit(toys.config(semantics={"strengths": str(file)}, train=SHORT), tmp_path / "run")
    assert api.evaluate(run).semantics == "KG properties with strengths"
    write(toys, file, seed=1)
    with pytest.raises(MismatchError, match=r"not the attributes .* restore the file of strengths"):
        api.evaluate(run)
    (tmp_path / "run" / "strengths.csv").unlink()
    with pytest.raises(MismatchError, match="not the attributes"):
        api.load_run(tmp_path / "run")


def test_killed_runs_go_on_with_the_same_strengths_alone(toys: Any, tmp_path: Path) -> None:
    def kill(record: Any) -> None:
        raise KeyboardInterrupt

    file = write(toys, tmp_path / "toys.csv")
    config = toys.config(semantics={"strengths": str(file)}, train=SHORT)
    with pytest.raises(KeyboardInterrupt):
        api.fit(config, tmp_path / "run", listener=api.Listener(epoch=kill))
    write(toys, file, seed=1)
    with pytest.raises(MismatchError, match="set up otherwise"):
        api.fit(config, tmp_path / "run")
    write(toys, file)
    assert api.fit(config, tmp_path / "run").facts["complete"]


@pytest.mark.parametrize("kind", ["eszsl", "gcnz"])
def test_baselines_are_told_strengths(toys: Any, tmp_path: Path, kind: str) -> None:
    file = write(toys, tmp_path / "toys.csv")
    scores = {}
    for name, semantics in (("crisp", {}), ("graded", {"strengths": str(file)})):
        config = toys.config(model={"kind": kind}, semantics=semantics, train=SHORT, baseline={"epochs": 2})
        run = api.fit(config, tmp_path / name)
        again = api.load_run(tmp_path / name)
        images = api.load_dataset(config).images.array[::7]
        scores[name] = scores_of(run.model, images, run.attributes)
        np.testing.assert_array_equal(scores_of(again.model, images, again.attributes), scores[name])
    assert not np.allclose(scores["crisp"], scores["graded"], rtol=0.1)


def test_the_graph_of_a_baseline_stays_that_of_the_facts(toys: Any, run: Any, toy_run: Any) -> None:
    from kgzsl.model.baselines.class_graph import class_graph

    flat = [class_graph(r.ontology, r.attributes) for r in (run, toy_run)]
    assert torch.equal(flat[0].below, flat[1].below)
    assert torch.equal(flat[0].above, flat[1].above)
    assert not torch.equal(flat[0].features, flat[1].features)


def test_what_a_class_has_stays_binary_in_duet_compat(toys: Any, tmp_path: Path) -> None:
    """Prompts and draws are by what a class has, distances and weights by how much of it."""
    from kgzsl.api.building import build_model, compat_method
    from kgzsl.train.loop import TrainingSet

    file = write(toys, tmp_path / "toys.csv")
    drawers = []
    for semantics in ({}, {"strengths": str(file)}):
        sizes = {"dim": 16, "heads": 2, "text_layers": 1, "kind": "duet-compat"}
        data = api.load_dataset(toys.config(model=sizes, semantics=semantics))
        config, table = toys.config(model=sizes), data.attributes.subset(data.split.seen)
        model, tokenizer = build_model(config, data.attributes, data.ontology, split=data.split)
        trained = np.ones(len(table.classes), dtype=bool)
        degree, known, value = map(torch.from_numpy, (table.degree, table.known, table.value))
        rows = np.arange(len(trained))
        training_set = TrainingSet(
            array=data.images.array,
            labels=rows,
            value=degree,
            known=known,
            stated=value,
            prompts=None,  # type: ignore[arg-type]
            training=trained,
            held_out=~trained,
        )
        drawers.append(compat_method(data, tokenizer)._drawer(model, training_set, trained, rows, 0.0))
    np.testing.assert_array_equal(drawers[0].present, drawers[1].present)
    assert not np.array_equal(drawers[0].strength, drawers[1].strength)
    sections = {"model": sizes, "semantics": {"strengths": str(file)}, "train": {**SHORT, "lr": 1e-3}}
    run = api.fit(toys.config(**sections), tmp_path / "run")
    assert abs(api.explain(run, toys.images / "red disc" / "0.png").completeness_gap) < 1e-4


def test_what_matches_nothing_is_told_on_the_command_line(toys: Any, tmp_path: Path, kgzsl: Any) -> None:
    file = write(toys, tmp_path / "toys.csv")
    changed = (f"semantics.strengths={file}", "train.epochs=1", "train.refit_epochs=0")
    done = kgzsl(*toys.arguments(tmp_path / "run"), *(part for item in changed for part in ("--set", item)))
    assert done.status == 0, done.err
    assert "toys.csv: no class has an attribute 'smal': its strengths are not used; did you mean small?" in done.err
    assert kgzsl("predict", tmp_path / "run", toys.images / "red disc" / "0.png").status == 0


def test_strengths_that_lack_a_class_are_refused_before_anything_is_written(
    toys: Any, tmp_path: Path, kgzsl: Any
) -> None:
    file = write(toys, tmp_path / "toys.csv", classes=6)
    done = kgzsl(*toys.arguments(tmp_path / "run"), "--set", f"semantics.strengths={file}")
    assert done.status == 2
    for label in toys.classes[6:]:
        assert f"no row for class '{label}'" in done.err
    done = kgzsl(*toys.arguments(tmp_path / "run"), "--set", "semantics.strengths=nowhere.csv")
    assert (done.status, "nowhere.csv: no such file" in done.err) == (2, True)
    assert not (tmp_path / "run").exists()


def test_published_strengths_of_data_that_have_none(toys: Any) -> None:
    with pytest.raises(ConfigError, match='"published" of data that have none; expected a data set in the layout xls'):
        api.load_dataset(toys.config(semantics={"strengths": "published"}))


def test_published_strengths_are_the_default_without_an_ontology(xlsa17: Any, tmp_path: Path) -> None:
    notices: list[Problem] = []
    data = api.load_dataset(xlsa17.config(), api.Listener(notice=notices.extend))
    assert notices == []
    np.testing.assert_allclose(np.unique(data.attributes.degree), [0.05, 0.95], rtol=1e-6)
    assert set(np.unique(data.attributes.value).tolist()) == {0.0, 1.0}
    same = api.load_dataset(xlsa17.config(semantics={"strengths": "published"}))
    assert same.attributes.digest == data.attributes.digest
    crisp = api.load_dataset(xlsa17.config(semantics={"strengths": "none"}))
    assert crisp.attributes.strength is None
    assert crisp.ontology.digest == data.ontology.digest
    run = api.fit(xlsa17.config(train=SHORT), tmp_path / "run")
    again = api.load_run(tmp_path / "run")
    assert api.evaluate(again) == api.evaluate(run)
    assert again.attributes.digest == data.attributes.digest


def test_published_strengths_by_name_beside_an_ontology(xlsa17: Any, toys: Any, tmp_path: Path) -> None:
    world = xlsa17.copy(tmp_path / "world")
    (world.folder / "attributes.txt").write_text("red\ngreen\nblue\nyellow\nround\nhas_shape::square\n")
    sections = {"ontology": {"files": [str(toys.ontology)]}}
    assert api.load_dataset(world.config(**sections)).attributes.strength is None
    notices: list[Problem] = []
    config = world.config(**sections, semantics={"strengths": "published"})
    found = api.load_dataset(config, api.Listener(notice=notices.extend)).attributes
    assert notices == []
    told = (found.degree != found.value).any(0)
    assert {a.filler.rpartition("#")[2] for a, yes in zip(found.attributes, told, strict=True) if not yes} == {
        "Large",
        "Small",
    }


def test_a_run_from_before_strengths_loads_without(xlsa17: Any, tmp_path: Path) -> None:
    config = xlsa17.config(semantics={"strengths": "none"}, train=SHORT)
    run = api.fit(config, tmp_path / "run")
    assert not (tmp_path / "run" / "strengths.csv").exists()
    file = tmp_path / "run" / "config.toml"
    text = file.read_text()
    assert 'strengths = "none"\n' in text
    file.write_text(text.replace('strengths = "none"\n', ""))
    again = api.load_run(tmp_path / "run")
    assert again.attributes.digest == run.attributes.digest
    assert strengths_source(again.config) == "none"
    assert api.evaluate(again).semantics == "published properties"


def test_where_a_run_file_has_its_strengths(tmp_path: Path) -> None:
    for name in ("some.csv", "none", "published"):
        (tmp_path / name).touch()
    path = tmp_path / "run.toml"
    for given, expected in (("some.csv", str(tmp_path / "some.csv")), ("none", "none"), ("published", "published")):
        path.write_text(f"[semantics]\nstrengths = {json.dumps(given)}\n")
        assert read_config(path).semantics.strengths == expected
    path.write_text("[semantics]\nstrengths = true\n")
    with pytest.raises(ConfigError, match=r"semantics.strengths = True; expected str"):
        read_config(path)


def test_the_published_strengths_of_awa2mini(shared_data: Path) -> None:
    file = shared_data / "awa2mini" / "attributes_continuous_50x85.csv"
    config = read_config(Path(__file__).resolve().parents[1] / "benchmarks" / "awa2mini.toml")
    if not Path(config.ontology.files[0]).is_file():
        pytest.skip("../shared/data is elsewhere")
    ontology = ontology_of(config)
    path, _, name = config.data.split.partition(":")
    split = read_split(path, resolve=ontology.resolve, pictured=_pictured(shared_data, ontology), name=name)
    notices: list[Problem] = []
    table = attributes_of(
        config,
        ontology,
        LabelSpace((*split.seen, *split.unseen)),
        strengths=read_strengths(file),
        listener=api.Listener(notice=notices.extend),
    )
    assert len(table.classes) == 18
    assert [(p.got, p.fix) for p in notices] == [
        ("no class has an attribute 'quadrapedal': its strengths are not used", "did you mean quadrupedal?")
    ]
    assert 0.4 < (table.degree != table.value).mean() < 0.9


def _pictured(shared_data: Path, ontology: Any) -> tuple[str, ...]:
    """IRIs of the classes with pictures."""
    return tuple(ontology.resolve(folder.name) for folder in (shared_data / "awa2mini" / "images").iterdir())
