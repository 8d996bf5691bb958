"""Run files and run folders: all mistakes at once, and folders that are not one's own are left alone."""

from __future__ import annotations

import dataclasses
import json
import typing
from dataclasses import fields, replace
from pathlib import Path

import pytest

from kgzsl.errors import ConfigError, MismatchError, RunError
from kgzsl.train.config import TrainConfig
from kgzsl.train.run import RunConfig, RunFolder, parse_config, read_config


def problems(content: dict, overrides: list[str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse_config(content, overrides=overrides or [])
    return [str(p) for p in caught.value.problems]


def test_an_empty_file_is_all_defaults(tmp_path: Path) -> None:
    (tmp_path / "run.toml").touch()
    assert read_config(tmp_path / "run.toml") == RunConfig()


def test_a_profile_of_ones_own_lies_beside_the_run_file(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('name = "mine"\nclasses = "declared"\n')
    (tmp_path / "run.toml").write_text('[ontology]\nprofile = "mine.toml"\n')
    assert read_config(tmp_path / "run.toml").ontology.profile == str(tmp_path / "mine.toml")
    assert "'skos'" in problems({"ontology": {"profile": "mine"}})[0]


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    config = parse_config(
        {
            "ontology": {"files": ["a.ttl", 'we"ird\\é.ttl'], "entail": "rdfs"},
            "train": {"lr": 1e-4, "augment": False, "seed": 7},
            "model": {"stages": [4, 8, 16], "depths": [1, 1, 1]},
        }
    )
    (tmp_path / "config.toml").write_text(config.to_toml(), encoding="utf-8")
    assert read_config(tmp_path / "config.toml") == config


def test_groups_of_facts_are_some_of_those_there_are() -> None:
    assert parse_config({}).semantics.facts == ("properties",)
    assert parse_config({}, overrides=["semantics.facts=hierarchy"]).semantics.facts == ("hierarchy",)
    both = ["attributes", "hierarchy"]
    assert parse_config({"semantics": {"facts": both}}).semantics.facts == tuple(both)
    names = (
        *("properties", "att", "basic", "texts", "conceptnet", "logics"),
        *("attributes", "attribute_hierarchy", "negative", "hierarchy", "literals", "external"),
    )
    known = f"expected some of {', '.join(map(repr, names))}"
    assert problems({"semantics": {"facts": ["hierachy", "attributes", "atributes"]}}) == [
        f"semantics.facts has 'hierachy'; {known}; did you mean hierarchy?",
        f"semantics.facts has 'atributes'; {known}; did you mean attributes?",
    ]
    assert problems({"semantics": {"facts": []}}) == [f"semantics.facts = []; {known}"]


def test_all_mistakes_of_a_run_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text(
        "[trian]\nepochs = 3\n[train]\nepochz = 3\nepochs = 'three'\nlr = true\nbatch_size = 1\naugment = 1\n"
        "[ontology]\nentail = 'full'\nfiles = [3]\n[model]\nstages = 'wide'\n"
    )
    with pytest.raises(ConfigError) as caught:
        read_config(path, overrides=["train.seed=x", "semantics.world=flat", "novalue", "nodot=3"])
    got = [str(p) for p in caught.value.problems]
    expected = [
        "--set novalue; expected --set section.key=value",
        "--set nodot=3; expected --set section.key=value",
        "unknown section [trian]; did you mean train?",
        "unknown key train.epochz; did you mean epochs?",
        "train.epochs = 'three'; expected int",
        "train.lr = True; expected float",
        "train.batch_size = 1; expected at least 2",
        "train.augment = 1; expected bool",
        "train.seed = 'x'; expected int",
        "ontology.entail = 'full'; expected one of 'el', 'rdfs', 'none'",
        "ontology.files = [3]; expected a list",
        "model.stages = 'wide'; expected a list",
        "semantics.world = 'flat'; expected one of 'pca', 'open', 'closed'",
    ]
    for line in expected:
        assert sum(line in g for g in got) == 1, line
    assert len(got) == len(expected)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["train.epochs"], "--set train.epochs; expected --set section.key=value"),
        (["train.epochs="], "train.epochs = ''; expected int"),
        (["=3"], "--set =3"),
        ([".=3"], "--set .=3"),
        (["train.=3"], "--set train.=3"),
        (["train.epochs.more=3"], "unknown key train.epochs.more"),
        (["nosuch.key=1"], "unknown section [nosuch]"),
    ],
)
def test_malformed_overrides(overrides: list[str], message: str) -> None:
    (problem,) = problems({}, overrides)
    assert message in problem


def test_a_section_that_is_none_is_said_even_with_an_override() -> None:
    assert problems({"train": 3}) == ["train is not a section; expected [train] and keys below it"]
    assert problems({"train": 3}, ["train.epochs=4"]) == ["train is not a section; expected [train] and keys below it"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"model": {"dim": 30, "heads": 3}}, "multiple of 4"),
        ({"model": {"dim": 32, "heads": 3}}, "heads"),
        ({"model": {"stages": [8, 16], "depths": [1]}}, "depths"),
        ({"model": {"stages": [], "depths": []}}, "stages"),
        ({"model": {"stages": [0, 8]}}, "stages"),
        ({"model": {"stages": [True, True]}}, "stages"),
        ({"model": {"dropout": 1.5}}, "model.dropout"),
        ({"model": {"stem": 0}}, "model.stem"),
        ({"train": {"label_smoothing": 1.0}}, "train.label_smoothing"),
        ({"train": {"asked": 0.0}}, "train.asked"),
        ({"train": {"asked": 1.5}}, "train.asked"),
        ({"train": {"attribute_dropping": -0.1}}, "train.attribute_dropping"),
        ({"train": {"warmup": 1.5}}, "train.warmup"),
        ({"train": {"validation_fraction": 0.0}}, "train.validation_fraction"),
        ({"train": {"seed": -1}}, "train.seed"),
        ({"train": {"lr": float("nan")}}, "train.lr"),
        ({"train": {"lr": float("inf")}}, "train.lr"),
        ({"train": {"weight_decay": -1.0}}, "train.weight_decay"),
    ],
)
def test_values_that_no_model_can_have(content: dict, message: str) -> None:
    (problem,) = problems(content)
    assert message in problem


def test_values_on_the_edge_are_taken() -> None:
    content = {"model": {"dropout": 0.0}, "train": {"asked": 1.0, "attribute_dropping": 1.0, "refit_epochs": 0}}
    assert parse_config(content).train.asked == 1.0


def test_files_that_are_no_run_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such run file"):
        read_config(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="not TOML"):
        read_config(tmp_path)
    for content in (b"[train\n", b"epochs == 3", b"\xff\xfe"):
        (tmp_path / "run.toml").write_bytes(content)
        with pytest.raises(ConfigError, match="not TOML"):
            read_config(tmp_path / "run.toml")


def test_paths_of_a_run_file_are_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        (folder / "images").mkdir(parents=True)
        (folder / "a.ttl").touch()
        (folder / "split.json").touch()
    (here / "run.toml").write_text(
        "[ontology]\nfiles = ['a.ttl']\n[data]\nimages = 'images'\nsplit = 'split.json:hard'\nbackbone = 'google/vit'\n"
    )
    monkeypatch.chdir(there)
    config = read_config(here / "run.toml")
    assert config.ontology.files == (str(here / "a.ttl"),)
    assert config.data.images == str(here / "images")
    assert config.data.split == f"{here / 'split.json'}:hard"
    assert config.data.backbone == "google/vit"
    # What is given on the command line is relative to where the user stands; it holds from anywhere.
    config = read_config(here / "run.toml", overrides=["data.images=images", 'ontology.files=["../there/a.ttl"]'])
    assert config.data.images == str(there / "images")
    assert config.ontology.files == (str(there / "a.ttl"),)
    assert parse_config({}, overrides=["data.images=images"]).data.images == str(there / "images")


def test_every_key_is_documented() -> None:
    for section in fields(RunConfig):
        kind = type(getattr(RunConfig(), section.name))
        missing = [f.name for f in fields(kind) if f"        {f.name}: " not in (kind.__doc__ or "")]
        assert not missing, kind


PROMISE = {"ontology": "1", "attributes": "2", "split": "3"}
CONFIG = RunConfig()


def content_of(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def test_a_folder_is_made_and_gone_on_with(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "a" / "run")
    folder.start(CONFIG, PROMISE)
    assert read_config(folder.path / "config.toml") == CONFIG
    assert folder.state() == {"promise": PROMISE, "complete": False}
    before = content_of(folder.path)
    folder.start(CONFIG, PROMISE)
    assert content_of(folder.path) == before


def test_a_run_that_was_killed_while_its_folder_was_made_goes_on(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.start(CONFIG, PROMISE)
    (folder.path / "config.toml").unlink()
    with pytest.raises(MismatchError):
        folder.start(CONFIG, PROMISE | {"split": "other"})
    folder.start(CONFIG, PROMISE)
    assert read_config(folder.path / "config.toml") == CONFIG


@pytest.mark.parametrize(
    ("config", "promise"),
    [
        (replace(CONFIG, train=TrainConfig(epochs=99)), PROMISE),
        (CONFIG, PROMISE | {"ontology": "other"}),
        (CONFIG, PROMISE | {"split": "other"}),
    ],
)
def test_another_run_in_the_folder_is_left_alone(tmp_path: Path, config: RunConfig, promise: dict[str, str]) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.start(CONFIG, PROMISE)
    before = content_of(folder.path)
    with pytest.raises(MismatchError, match="set up otherwise"):
        folder.start(config, promise)
    assert content_of(folder.path) == before


def test_a_complete_run_is_left_alone(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.start(CONFIG, PROMISE)
    (folder.path / "last.safetensors").touch()
    folder.finish(seconds=1.0)
    assert folder.state() == {"promise": PROMISE, "complete": True, "seconds": 1.0}
    assert not (folder.path / "last.safetensors").exists()
    before = content_of(folder.path)
    with pytest.raises(RunError, match="holds a complete run"):
        folder.start(CONFIG, PROMISE)
    assert content_of(folder.path) == before


@pytest.mark.parametrize("state", [None, "{}", "[]", "{half", '{"complete": false}', "null"])
def test_a_foreign_folder_is_left_alone(tmp_path: Path, state: str | None) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    if state is not None:
        (tmp_path / "run.json").write_text(state)
    before = content_of(tmp_path)
    with pytest.raises(RunError):
        RunFolder(tmp_path).start(CONFIG, PROMISE)
    assert content_of(tmp_path) == before


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "run").touch()
    with pytest.raises(RunError, match="is a file"):
        RunFolder(tmp_path / "run").start(CONFIG, PROMISE)


def test_no_run_or_a_damaged_one(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no run here"):
        RunFolder(tmp_path / "none").state()
    for text in (json.dumps({"promise": PROMISE})[:-5], "[]", "7"):
        (tmp_path / "run.json").write_text(text)
        with pytest.raises(RunError, match=r"run\.json is damaged"):
            RunFolder(tmp_path).state()


def test_every_word_is_one_of_those_that_the_type_names() -> None:
    """A key of the type Literal takes no other word, whichever key it is."""
    found = 0
    for section in dataclasses.fields(RunConfig):
        kind = typing.get_type_hints(RunConfig)[section.name]
        for key, hint in typing.get_type_hints(kind).items():
            if typing.get_origin(hint) is typing.Literal:
                (problem,) = problems({section.name: {key: "nonsense"}})
                assert problem.startswith(f"{section.name}.{key} = 'nonsense'")
                found += 1
    assert found >= 8
    assert problems({"train": {"warm_start": "beginn"}}) == [
        "train.warm_start = 'beginn'; expected one of 'off', 'begin', 'keep'; did you mean begin?"
    ]
