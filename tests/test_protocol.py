"""The protocol in full: several seeds, selection on test beside the result, and runs compared."""

from __future__ import annotations

import csv
import json
import multiprocessing
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from kgzsl import api
from kgzsl.api.sources import overlap_of
from kgzsl.errors import ConfigError, MismatchError, RunError
from kgzsl.train.run import RunFolder, parse_config

QUICK = {"epochs": 3, "refit_epochs": 2, "batch_size": 16, "validate_every": 2}
KEPT = ["select-002", "select-003", "refit-001", "refit-002"]


@pytest.fixture(scope="module")
def kept(toys: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A run that kept its epochs; its report may be written anew."""
    return api.fit(toys.config(train=QUICK | {"keep_epochs": True}), tmp_path_factory.mktemp("kept") / "run")


def same(one: Path, other: Path) -> bool:
    tensors, expected = load_file(one), load_file(other)
    return tensors.keys() == expected.keys() and all(torch.equal(tensors[k], expected[k]) for k in expected)


def test_keeping_epochs_changes_no_bit(toys: Any, kept: Any, tmp_path: Path) -> None:
    plain = api.fit(toys.config(train=QUICK), tmp_path / "run")
    assert [file.stem for file in kept.folder.epochs] == KEPT
    assert plain.folder.epochs == ()
    assert same(plain.folder.checkpoint, kept.folder.checkpoint)
    assert same(kept.folder.epochs[-1], kept.folder.checkpoint)
    assert not same(kept.folder.epochs[0], kept.folder.checkpoint)
    assert plain.gamma == kept.gamma
    assert plain.config.setting == kept.config.setting


@pytest.mark.usefixtures("poisoned_test_images")
def test_kept_epochs_do_not_depend_on_test_images(toys: Any, kept: Any, tmp_path: Path) -> None:
    other = api.fit(kept.config, tmp_path / "run")
    assert all(same(a, b) for a, b in zip(other.folder.epochs, kept.folder.epochs, strict=True))


def test_a_killed_run_keeps_every_epoch(kept: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kgzsl.train import loop

    honest, calls = loop.save_state, []

    def killing(*arguments: Any) -> None:
        calls.append(arguments)
        if len(calls) in (2, 5):  # after the epoch was kept and before its checkpoint was written
            raise KeyboardInterrupt
        honest(*arguments)

    monkeypatch.setattr(loop, "save_state", killing)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            api.fit(kept.config, tmp_path / "run")
    run = api.fit(kept.config, tmp_path / "run")
    assert [file.stem for file in run.folder.epochs] == KEPT
    assert all(same(a, b) for a, b in zip(run.folder.epochs, kept.folder.epochs, strict=True))


def test_selection_on_test_is_beside_the_result_and_changes_nothing(kept: Any) -> None:
    before = {file: file.read_bytes() for file in kept.folder.path.rglob("*.safetensors")}
    plain = api.evaluate(kept)
    assert plain.on_test == ()
    report = api.evaluate(kept, paper_protocol=True)
    (column,) = report.on_test
    assert column.H >= report.best_H >= report.H
    assert column.rule == "SELECTED ON TEST IMAGES: best H over 5 checkpoints and gamma"
    assert column.epoch in ("checkpoint", *KEPT)
    assert replace(report, on_test=()) == plain
    assert json.loads((kept.folder.path / "report.json").read_text())["on_test"][0]["H"] == column.H
    assert {file: file.read_bytes() for file in before} == before


def test_the_best_epoch_is_found(kept: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one epoch alone scores every test image right, it is the one."""
    from kgzsl.api import measuring

    honest = measuring._scores_of_epochs

    def one_is_perfect(run: Any, test: Any) -> Any:
        for name, scores in honest(run, test):
            yield name, torch.eye(scores.shape[1])[test.labels].numpy() if name == "select-003" else scores

    monkeypatch.setattr(measuring, "_scores_of_epochs", one_is_perfect)
    report = api.evaluate(kept, paper_protocol=True)
    assert report.on_test[0].epoch == "select-003"
    assert pytest.approx([1, 1]) == [report.on_test[0].H, report.on_test[0].T1]
    assert report.H < 1


def test_without_kept_epochs_gamma_alone_is_selected(toys: Any, tmp_path: Path) -> None:
    run = api.fit(toys.config(), tmp_path / "run")
    report = api.evaluate(run, paper_protocol=True)
    assert report.on_test[0].rule.endswith("gamma alone, for no epochs were kept")
    assert pytest.approx(report.best_H) == report.on_test[0].H


def test_the_published_code_counts_otherwise(toys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kgzsl.api import measuring

    run = api.fit(toys.config(model={"kind": "duet-compat"}), tmp_path / "run")
    own, published = api.evaluate(run, paper_protocol=True).on_test
    assert (own.gamma_unit, published.gamma_unit) == ("scores", "probabilities")
    assert "over images" not in published.rule
    monkeypatch.setattr(measuring, "dataset_name", lambda config: "AWA2")
    assert "over images" in api.evaluate(run, paper_protocol=True).on_test[1].rule


def test_a_run_records_what_it_took(toy_run: Any) -> None:
    parameters = sum(p.numel() for p in toy_run.model.parameters())
    assert toy_run.facts["parameters"] == toy_run.facts["trainable"] == parameters
    assert 0.05 < toy_run.facts["peak_memory"] < 100
    assert toy_run.facts["seconds"] > 0


def test_seconds_of_an_interrupted_run_count(toys: Any, tmp_path: Path) -> None:
    def kill(record: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        api.fit(toys.config(), tmp_path / "run", listener=api.Listener(epoch=kill))
    before = RunFolder(tmp_path / "run").state()["seconds"]
    assert 0 < before < api.fit(toys.config(), tmp_path / "run").facts["seconds"]


@pytest.mark.parametrize(
    ("train", "split", "said"),
    [
        ({}, {}, "validation classes cut from the seen ones by the seed; gamma"),
        ({}, {"validation": ["blue box"]}, "validation classes that the split names; gamma"),
        ({"validation": "published"}, {"validation": ["blue box"]}, "validation classes published with the data set"),
    ],
)
def test_the_selection_rule_names_the_validation_classes(
    toys: Any, tmp_path: Path, train: dict, split: dict, said: str
) -> None:
    world = toys.copy(tmp_path / "world").say(unseen=["green box", "yellow disc"], **split)
    run = api.fit(world.config(train=train | {"epochs": 1, "refit_epochs": 0}), tmp_path / "run")
    assert said in api.evaluate(run).selection_rule


OVERLAPS = {
    "none: trained from nothing": {"data": {"benchmark": "creatures"}},
    "not declared": {"data": {"images": "photos", "backbone": "some/model"}},
    "zebra, horse": {"data": {"images": "photos", "backbone": "some/model", "overlap": "zebra, horse"}},
    "dolphin, horse, seal, sheep (imagenet-1k)": {
        "data": {"dataset": "AWA2", "root": "data", "features": "res101.mat"}
    },
    "none (inaturalist-birds)": {
        "data": {"dataset": "AWA2", "root": "data", "backbone": "some/birds", "overlap": "inaturalist-birds"}
    },
    "43 of the 50 unseen classes (inaturalist-birds)": {
        "data": {"dataset": "CUB", "root": "data", "backbone": "some/birds", "overlap": "inaturalist-birds"}
    },
}


@pytest.mark.parametrize("section", [{"image_encoder": "some/dino"}, {"kind": "clip-names"}])
def test_a_pretrained_encoder_was_not_trained_from_nothing(section: dict[str, str]) -> None:
    sections = {"data": {"images": "photos"}, "model": section, "baseline": {"dual_encoder": "some/clip"}}
    assert overlap_of(parse_config(sections)) == "not declared"
    sections["data"]["overlap"] = "none"
    assert overlap_of(parse_config(sections)) == "none"


@pytest.mark.parametrize("said", OVERLAPS)
def test_the_pretraining_overlap_is_what_was_declared(said: str) -> None:
    assert overlap_of(parse_config(OVERLAPS[said])) == said


def test_test_images_are_the_same_whatever_describes_them(toys: Any, xlsa17: Any, tmp_path: Path) -> None:
    features = api.load_dataset(xlsa17.config()).images
    pixels = api.load_dataset(xlsa17.config(data={"features": "", "size": 16})).images
    elsewhere = api.load_dataset(xlsa17.copy(tmp_path / "copy").config()).images
    assert features.test_digest == pixels.test_digest == elsewhere.test_digest
    shuffled = api.load_dataset(toys.config(semantics={"shuffle": True})).images
    assert shuffled.test_digest == api.load_dataset(toys.config()).images.test_digest
    other = toys.copy(tmp_path / "world").say(unseen=["red box", "yellow disc"])
    assert api.load_dataset(other.config()).images.test_digest != shuffled.test_digest


def test_seeds_are_trained_gone_on_with_and_skipped(toys: Any, tmp_path: Path, kgzsl: Any) -> None:
    out = tmp_path / "runs"
    arguments = [*toys.arguments(out), "--paper-protocol"]
    assert json.loads(kgzsl(*arguments, "--seeds", "0", "--json").out)["summaries"][0]["seeds"] == [0]
    first = (out / "seed-0" / "checkpoint.safetensors").stat().st_mtime_ns

    def kill(record: Any) -> None:
        raise KeyboardInterrupt

    wanted = api.runs_of_seeds(api.load_run(out / "seed-0").config, out, [0, 1])
    assert list(wanted) == [out / "seed-1"]
    with pytest.raises(KeyboardInterrupt):
        api.fit(wanted[out / "seed-1"], out / "seed-1", listener=api.Listener(epoch=kill))
    done = kgzsl(*arguments, "--seeds", "0, 1")
    assert done.status == 0
    assert (out / "seed-0" / "checkpoint.safetensors").stat().st_mtime_ns == first
    assert "seed-0" not in done.err
    assert "mean ± std" in done.out
    assert "SELECTED ON TEST" in done.out
    (summary,) = json.loads(kgzsl("evaluate", out, "--json").out)["summaries"]
    assert summary["seeds"] == [0, 1]
    values = [report["H"] for report in summary["reports"]]
    assert summary["mean"]["H"] == pytest.approx(sum(values) / 2)
    assert summary["std"]["H"] == pytest.approx(abs(values[0] - values[1]) / 2**0.5)
    assert summary["reports"][0]["on_test"] == []  # asked for in training, and not here


def test_seeds_that_are_none(toys: Any, tmp_path: Path, kgzsl: Any) -> None:
    for seeds, said in (("0,x", "--seeds 0,x; expected numbers like 0,1,2"), (",", "--seeds ,"), ("1,1", "each once")):
        done = kgzsl(*toys.arguments(tmp_path / "runs"), "--seeds", seeds)
        assert (done.status, done.out) == (2, "")
        assert said in done.err
    with pytest.raises(ConfigError, match="none below 0"):
        api.runs_of_seeds(toys.config(), tmp_path / "runs", [-1])
    assert not (tmp_path / "runs").exists()


def test_complete_runs_of_another_setting_are_named(toys: Any, tmp_path: Path) -> None:
    for seed in (0, 1):
        folder = RunFolder(tmp_path / f"seed-{seed}")
        folder.start(toys.config(train={"seed": seed}), {"split": "1"})
        folder.finish()
    assert api.runs_of_seeds(toys.config(), tmp_path, [0, 1]) == {}
    with pytest.raises(MismatchError) as caught:
        api.runs_of_seeds(toys.config(train={"epochs": 9}), tmp_path, [0, 1, 2])
    assert [Path(str(p.file)).name for p in caught.value.problems] == ["seed-0", "seed-1"]


@pytest.mark.slow
def test_at_once_is_the_same_as_one_after_the_other(toys: Any, tmp_path: Path) -> None:
    config = toys.config()
    runs = api.runs_of_seeds(config, tmp_path / "at once", [0, 1])
    done: list[Path] = []
    threads = torch.get_num_threads()
    api.fit_at_once(runs, jobs=2, done=done.append)
    assert sorted(done) == sorted(runs)
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // 2))
    try:
        for folder, wanted in runs.items():
            alone = api.fit(wanted, tmp_path / folder.name)
            assert same(alone.folder.checkpoint, folder / "checkpoint.safetensors")
    finally:
        torch.set_num_threads(threads)


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_run_that_fails_ends_all(toys: Any, tmp_path: Path, jobs: int) -> None:
    runs = api.runs_of_seeds(toys.config(train={"lr": 1e30}), tmp_path, range(4))
    with pytest.raises(Exception, match="the loss is") as caught:
        api.fit_at_once(runs, jobs=jobs)
    assert type(caught.value).__name__ == "TrainingError"
    assert "in fit" in caught.value.__notes__[0]  # where it was
    assert not multiprocessing.active_children()
    assert not (tmp_path / "seed-3").exists()  # never begun


@pytest.mark.slow
def test_a_process_that_is_killed_is_told_of(toys: Any, tmp_path: Path) -> None:
    runs = api.runs_of_seeds(toys.config(train={"epochs": 10_000}), tmp_path, [0, 1])
    killed: list[Any] = []

    def kill() -> None:
        if not killed and (children := multiprocessing.active_children()):
            killed.append(children[0])
            children[0].kill()

    with pytest.raises(RunError, match="the process that trained is gone"):
        api.fit_at_once(runs, jobs=1, tick=kill)
    assert killed
    assert not multiprocessing.active_children()


def test_reports_are_read_where_they_are(kept: Any, toys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kgzsl.api import protocol

    folder = kept.folder.path
    api.evaluate(kept, paper_protocol=True)
    measured: list[Any] = []
    honest = protocol.evaluate
    monkeypatch.setattr(protocol, "evaluate", lambda *a, **k: measured.append(a) or honest(*a, **k))
    assert len(api.report_of(folder, paper_protocol=True).on_test) == 1
    assert api.report_of(folder).on_test == ()
    assert measured == []
    for spoiled in ('{"T1": 0.5}', "half of", None):
        (folder / "report.json").unlink()
        if spoiled:
            (folder / "report.json").write_text(spoiled)
        assert api.report_of(folder).seed == 0
    assert len(measured) == 3
    api.report_of(folder, paper_protocol=True)  # the one that was written lacks it
    assert len(measured) == 4
    (tmp_path / "run").mkdir()
    RunFolder(tmp_path / "run").start(toys.config(), {})
    with pytest.raises(RunError, match="not trained to its end"):
        api.report_of(tmp_path / "run")


def test_folders_of_runs(kept: Any, tmp_path: Path) -> None:
    for seed in (10, 2):
        RunFolder(tmp_path / "runs" / f"seed-{seed}").start(kept.config, {})
    (tmp_path / "runs" / "notes").mkdir()
    own = kept.folder.path
    assert [f.name for f in api.run_folders([own, tmp_path / "runs", own])] == [own.name, "seed-2", "seed-10"]
    with pytest.raises(RunError) as caught:
        api.run_folders([tmp_path, own, tmp_path / "none"])
    assert [p.file for p in caught.value.problems] == [tmp_path, tmp_path / "none"]


def test_models_side_by_side(kept: Any, toys: Any, tmp_path: Path, kgzsl: Any) -> None:
    short = {"epochs": 1, "refit_epochs": 0}
    for name, model in (("one", {}), ("other", {"kind": "duet-compat"})):
        api.fit(toys.config(model=model, train=short), tmp_path / name)
    table = tmp_path / "table.csv"
    done = kgzsl("evaluate", "--compare", tmp_path / "one", tmp_path / "other", "--csv", table, "--paper-protocol")
    assert done.status == 0
    assert "H SELECTED ON TEST" in done.out
    assert "none: trained from nothing" in done.out
    with table.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [row["model"] for row in rows] == ["duet", "duet-compat"]
    assert all(0 <= float(row["H"]) <= float(row["H_selected_on_test"]) <= 1 for row in rows)
    assert kgzsl("evaluate", "--compare", tmp_path / "one", "--csv", table).status == 2  # is there already
    content = json.loads(kgzsl("evaluate", "--compare", tmp_path / "one", tmp_path / "other", "--json").out)
    assert [row["run"] for row in content["rows"]] == [str(tmp_path / "one"), str(tmp_path / "other")]
    markdown = kgzsl("evaluate", "--compare", tmp_path / "one", "--markdown").out
    assert markdown.startswith("| run | model | data set | backbone | pretraining overlap |")
    assert kgzsl("evaluate", tmp_path / "one", "--markdown").status == 2


def test_runs_on_other_splits_are_named(kept: Any, toys: Any, tmp_path: Path, kgzsl: Any) -> None:
    world = toys.copy(tmp_path / "world").say(unseen=["red box", "yellow disc"])
    api.fit(world.config(train={"epochs": 1, "refit_epochs": 0}), tmp_path / "run")
    done = kgzsl("evaluate", "--compare", kept.folder.path, tmp_path / "run")
    assert (done.status, done.out) == (2, "")
    assert f"{kept.folder.path} on the test images" in done.err
    assert f"{tmp_path / 'run'} on the test images" in done.err


def test_a_kind_of_model_is_a_flag(toys: Any, tmp_path: Path, kgzsl: Any) -> None:
    done = kgzsl(*toys.arguments(tmp_path / "run"), "--model", "duet-compat", "--set", "train.epochs=1")
    assert done.status == 0
    assert api.load_run(tmp_path / "run").config.model.kind == "duet-compat"
    done = kgzsl(*toys.arguments(tmp_path / "other"), "--model", "duett")
    assert done.status == 2
    assert "model.kind = 'duett'; expected one of" in done.err
