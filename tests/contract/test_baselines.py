"""Every kind of baseline keeps what every run promises."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from kgzsl import api
from kgzsl.api.scoring import scores_of
from kgzsl.errors import ConfigError, RunError
from kgzsl.model.config import ATTRIBUTE_BASELINES, BASELINES, KINDS, NAMED_BASELINES
from kgzsl.train.baselines.methods import METHODS
from kgzsl.train.run import parse_config

TRAINED = [kind for kind in BASELINES if not kind.startswith("clip")]
every_kind = pytest.mark.parametrize("kind", BASELINES)


@pytest.fixture(scope="module")
def config(toys: Any, clip: Path) -> Callable[..., Any]:
    """The run file of a kind on pixels: a second's work."""

    def make(kind: str, **sections: Any) -> Any:
        quick = {"epochs": 6, "hidden": 16, "synthesized": 10, "dual_encoder": str(clip)}
        train = {"epochs": 2, "refit_epochs": 1, "batch_size": 16} | sections.pop("train", {})
        return toys.config(model={"kind": kind}, baseline=quick | sections.pop("baseline", {}), train=train, **sections)

    return make


@pytest.fixture(scope="module")
def runs(config: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Any]:
    """A trained run of each kind, made once; nobody may change its folder."""
    made: dict[str, Any] = {}

    def run_of(kind: str) -> Any:
        if kind not in made:
            made[kind] = api.fit(config(kind), tmp_path_factory.mktemp("baselines") / kind)
        return made[kind]

    return run_of


def bits(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "checkpoint.safetensors")


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def test_the_registry_is_whole() -> None:
    assert set(METHODS) == set(BASELINES) == {*ATTRIBUTE_BASELINES, *NAMED_BASELINES}
    assert set(BASELINES) < set(KINDS)


@every_kind
def test_a_run_is_loaded_and_measured_as_it_was_trained(kind: str, runs: Any, toys: Any) -> None:
    run = runs(kind)
    again = api.load_run(run.folder.path)
    images = api.load_dataset(run.config).images.array
    assert np.array_equal(scores_of(run.model, images, run.attributes), scores_of(again.model, images, run.attributes))
    one, other = api.evaluate(run), api.evaluate(again)
    assert one == other
    assert one.best_H + 1e-9 >= one.H
    files = sorted(path.name for path in run.folder.path.iterdir())
    assert files == [
        "asserted.jsonl.gz",
        "checkpoint.safetensors",
        "config.toml",
        "metrics.jsonl",
        "report.json",
        "run.json",
        "split.json",
    ]
    (prediction,) = api.predict(again, [toys.images / "GreenBox" / "0.png"], top=8)
    assert {label for _, label, _, unseen in prediction.top if unseen} == {"green box", "yellow disc"}


@every_kind
def test_the_same_seed_gives_the_same_bits_whatever_the_test_images(
    kind: str, runs: Any, config: Any, tmp_path: Path, poison: Callable[[], None]
) -> None:
    run = runs(kind)
    poison()
    other = api.fit(config(kind), tmp_path / "run")
    assert same(bits(other.folder.path), bits(run.folder.path))
    assert other.gamma == run.gamma


@pytest.mark.parametrize("kind", TRAINED)
def test_another_seed_gives_another_model(kind: str, runs: Any, config: Any, tmp_path: Path) -> None:
    other = api.fit(config(kind, train={"seed": 1}), tmp_path / "run")
    assert not same(bits(other.folder.path), bits(runs(kind).folder.path))


@every_kind
def test_a_score_does_not_depend_on_the_candidates(kind: str, runs: Any, toys: Any) -> None:
    run = runs(kind)
    images = api.load_dataset(toys.config()).images.array
    everything = scores_of(run.model, images, run.attributes)
    order = np.random.default_rng(0).permutation(len(run.space))[:5]
    few = run.attributes.subset([run.space.classes[i] for i in order])
    assert np.allclose(scores_of(run.model, images, few), everything[:, order], atol=1e-5)
    assert np.allclose(scores_of(run.model, images[:1], run.attributes), everything[:1], atol=1e-4)
    assert scores_of(run.model, images[:0], run.attributes).shape == (0, len(run.space))


@every_kind
def test_what_is_chosen_is_the_best_on_validation_classes(kind: str, runs: Any) -> None:
    run = runs(kind)
    records = [json.loads(line) for line in (run.folder.path / "metrics.jsonl").read_text().splitlines()]
    assert [r["phase"] for r in records] == ["select"] * (len(records) - 1) + ["refit"]
    assert run.facts["validation"]["H"] == max(r["validation"]["H"] for r in records[:-1])
    assert records[-1]["epoch"] == run.facts["chosen"]
    assert records[run.facts["chosen"] - 1]["validation"] == run.facts["validation"]


class Killed(KeyboardInterrupt):
    """Stands for the user's Ctrl-C."""


@every_kind
@pytest.mark.parametrize("phase", ["select", "refit"])
def test_a_killed_run_ends_with_the_same_bits(kind: str, phase: str, runs: Any, config: Any, tmp_path: Path) -> None:
    def kill(record: Any) -> None:
        if record.phase == phase:
            raise Killed

    with pytest.raises(Killed):
        api.fit(config(kind), tmp_path / "run", listener=api.Listener(epoch=kill))
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        "asserted.jsonl.gz",
        "config.toml",
        "run.json",
        "split.json",
    ]
    with pytest.raises(RunError, match="not trained to its end"):
        api.load_run(tmp_path / "run")
    run = api.fit(config(kind), tmp_path / "run")
    assert same(bits(run.folder.path), bits(runs(kind).folder.path))
    assert run.gamma == runs(kind).gamma


@pytest.mark.parametrize("kind", TRAINED)
def test_features_of_a_frozen_backbone(kind: str, xlsa17: Any, tmp_path: Path, poison: Callable[[], None]) -> None:
    settings = {"epochs": 6, "hidden": 16, "synthesized": 10}
    made = xlsa17.config(model={"kind": kind}, baseline=settings)
    run = api.fit(made, tmp_path / "run")
    assert not [key for key in bits(run.folder.path) if "image_encoder" in key]
    assert api.evaluate(run).backbone == "res101"
    poison()
    assert same(bits(run.folder.path), bits(api.fit(made, tmp_path / "poisoned").folder.path))


def test_eszsl_on_the_features_of_a_run_is_the_kind(xlsa17: Any, tmp_path: Path) -> None:
    duet = api.fit(xlsa17.config(), tmp_path / "duet")
    own = api.evaluate(api.fit(xlsa17.config(model={"kind": "eszsl"}), tmp_path / "eszsl"))
    beside = api.baseline(duet, "ESZSL")
    assert (own.T1, own.U, own.S, own.H, own.gamma) == (beside.T1, beside.U, beside.S, beside.H, beside.gamma)


@pytest.mark.parametrize("kind", ATTRIBUTE_BASELINES)
def test_scores_linear_in_attributes_are_explained(kind: str, runs: Any, toys: Any) -> None:
    run = runs(kind)
    picture = toys.images / "GreenBox" / "0.png"
    told = api.explain(run, picture)
    assert abs(told.completeness_gap) < 1e-6
    scores = {row[0]: row[2] for row in api.predict(run, [picture], top=8)[0].top}
    assert told.margin == pytest.approx(scores[told.predicted] - scores[told.rival], abs=1e-4)
    assert any(fact.grounding is not None for fact in told.facts)


@pytest.mark.parametrize("kind", NAMED_BASELINES)
def test_other_kinds_say_that_they_cannot_be_explained(kind: str, runs: Any, toys: Any) -> None:
    with pytest.raises(ConfigError, match="duet, duet-compat, eszsl, ale, devise"):
        api.explain(runs(kind), toys.images / "GreenBox" / "0.png")
    with pytest.raises(ConfigError, match="duet, duet-compat, eszsl, ale, devise"):
        api.survey(runs(kind))


@pytest.mark.parametrize("kind", ["eszsl", "clip-names"])
def test_baselines_beside_a_baseline(kind: str, runs: Any) -> None:
    for name in api.BASELINES:
        assert 0 <= api.baseline(runs(kind), name).H <= 1


@pytest.mark.parametrize("kind", TRAINED)
def test_on_the_embedded_benchmark_it_is_better_than_chance(kind: str, tmp_path: Path) -> None:
    """On the mean token of an encoder with random weights: 20 unseen classes, so chance is 0.05 (T1) and 0 (AUSUC)."""
    data = {"benchmark": "creatures", "size": 32, "train_per_class": 10, "test_per_class": 5}
    report = api.evaluate(api.fit(parse_config({"data": data, "model": {"kind": kind}}), tmp_path / "run"))
    assert report.dataset == "creatures"
    assert report.T1 > 0.15
    assert report.AUSUC > 0.01
