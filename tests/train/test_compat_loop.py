"""A run file with ``model.kind = "duet-compat"``: trains, resumes, explains; no test image is reached."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from kgzsl import api
from kgzsl.api.building import build_model, compat_method
from kgzsl.errors import ConfigError, TrainingError
from kgzsl.model.departures import Departures
from kgzsl.train import compat_loop, compat_objectives
from kgzsl.train.loop import TrainingSet
from kgzsl.train.run import parse_config

SIZES = {"dim": 16, "heads": 2, "text_layers": 1, "kind": "duet-compat"}


def compat(toys: Any, *, model: Any = None, data: Any = None, **train: Any) -> Any:
    base = {"epochs": 2, "refit_epochs": 1, "batch_size": 16, "lr": 1e-3, "validate_every": 1}
    places = {"images": str(toys.images), "split": str(toys.split), "size": 32}
    return toys.config(model=SIZES | (model or {}), data=places | (data or {}), train=base | train)


@pytest.fixture(scope="module")
def run(toys: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return api.fit(compat(toys), tmp_path_factory.mktemp("runs") / "compat")


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "checkpoint.safetensors")


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def test_a_run_trains_reports_predicts_and_explains(run: Any, toys: Any) -> None:
    lines = [json.loads(line) for line in (run.folder.path / "metrics.jsonl").read_text().splitlines()]
    terms = {name for line in lines for name in line} - {"phase", "epoch", "validation"}
    assert terms == {
        "classification",
        "attribute_distance",
        "self_calibration",
        "word_reconstruction",
        "attribute_contrast",
        "image_contrast",
    }
    # While selecting, validation classes play the unseen ones; afterwards there are none.
    assert [line["self_calibration"] > 0 for line in lines] == [True, True, False]
    report = api.evaluate(run)
    assert 0 <= report.H <= 1
    picture = next(toys.images.rglob("*.png"))
    assert len(api.predict(run, [picture])[0].top) == 5
    explanation = api.explain(run, picture)
    assert abs(explanation.completeness_gap) <= 1e-4


def test_frozen_features_stand_for_the_backbone(xlsa17: Any, tmp_path: Path) -> None:
    """Features come as they are cached; one visual token is their mean, or there is one for each patch."""
    runs = [
        api.fit(xlsa17.config(model=SIZES | {"without_departures": without}), tmp_path / str(k))
        for k, without in enumerate(([], ["logits_as_image"]))
    ]
    for run in runs:
        again = api.load_run(run.folder.path)
        images = api.load_dataset(again.config).images
        features = torch.from_numpy(images.array[:3])
        expected = run.model.network.image_projection(features.float())
        tokens = again.model.image_encoder(features)
        if run is runs[0]:
            expected = expected.mean(1, keepdim=True)
        torch.testing.assert_close(tokens, expected, atol=1e-5, rtol=1e-5)
        assert 0 <= api.evaluate(again).H <= 1


@pytest.mark.usefixtures("poisoned_test_images")
def test_the_trainer_cannot_reach_test_images(toys: Any, run: Any, tmp_path: Path) -> None:
    api.fit(compat(toys), tmp_path / "run")
    assert same(weights(tmp_path / "run"), weights(run.folder.path))


@pytest.mark.parametrize("kill_after", [("select", 1), ("refit", 1)])
def test_a_killed_run_goes_on_with_the_same_bits(
    toys: Any, run: Any, tmp_path: Path, kill_after: tuple[str, int]
) -> None:
    def kill(record: Any) -> None:
        if (record.phase, record.epoch) == kill_after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        api.fit(compat(toys), tmp_path / "killed", listener=api.Listener(epoch=kill))
    api.fit(compat(toys), tmp_path / "killed")
    assert same(weights(tmp_path / "killed"), weights(run.folder.path))


def test_losses_fall(toys: Any, tmp_path: Path) -> None:
    api.fit(compat(toys, epochs=8, refit_epochs=0), tmp_path / "run")
    lines = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    # A step is of one kind or the other, and an epoch of the toys has few.
    losses = [line["word_reconstruction"] for line in lines if "word_reconstruction" in line]
    assert losses[-1] < 0.9 * losses[0]


class Recorder(torch.optim.SGD):
    """An optimizer that remembers, of each step, the sum of absolute gradients and the training mode."""

    def __init__(self, model: Any) -> None:
        super().__init__(model.parameters(), lr=0.0)
        self.model = model
        self.steps: list[tuple[float, bool]] = []

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        total = sum(p.grad.abs().sum().item() for p in self.model.parameters() if p.grad is not None)
        self.steps.append((total, self.model.training))


@pytest.mark.parametrize("published", [True, False])
def test_what_is_left_of_an_epoch(toys: Any, published: bool) -> None:
    config = compat(toys)
    data = api.load_dataset(config)
    model, tokenizer = build_model(config, data.attributes, data.ontology, split=data.split, array=data.images.array)
    departures = Departures(index_in_word=False, leftover_gradients=published, dropout_ends_with_validation=published)
    model.network.departures = departures
    method = replace(compat_method(data, tokenizer), accumulated=2, first_evaluation=2)
    trainval = data.images.part("trainval")
    table = data.attributes.subset(data.split.seen)
    training = np.ones(len(table.classes), dtype=bool)
    labels = np.array([table.classes.index(trainval.space.classes[i]) for i in trainval.labels])
    tensors = torch.from_numpy(table.value), torch.from_numpy(table.known)
    training_set = TrainingSet(
        trainval.array, labels, *tensors, prompts=None, training=training, held_out=np.zeros(len(labels), dtype=bool)
    )
    phase = SimpleNamespace(name="refit", epochs=1, lr=0.0, classes=training)
    recorder = Recorder(model)
    for epoch in (1, 2):
        # 48 images in batches of 16 are three batches: one step, and one batch left.
        method.epoch(
            model,
            training_set,
            phase,
            config=config.train,
            epoch=epoch,
            optimizer=recorder,
            on_step=lambda *progress: None,
        )
        assert len(recorder.steps) == epoch
        left = any(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())
        assert left
    alone = Recorder(model)
    model.zero_grad(set_to_none=True)
    method.epoch(
        model, training_set, phase, config=config.train, epoch=2, optimizer=alone, on_step=lambda *progress: None
    )
    # With a learning rate of 0 and without dropout the second epoch alone has the same step, but for what was left.
    assert (recorder.steps[1][0] == alone.steps[0][0]) is not published


def test_departures_are_switched_off_in_the_run_file(
    run: Any, toys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    off = ["padding_is_read", "logits_as_image", "plain_contrast", "optimizer_every_epoch"]
    other = api.fit(compat(toys, model={"without_departures": off}), tmp_path / "some")
    # Also in a run that is loaded, which is another model.
    for made in (other.model, api.load_run(tmp_path / "some").model):
        assert made.network.departures == replace(Departures.without(off), index_in_word=False)
    assert run.model.network.departures == Departures(index_in_word=False)
    assert weights(tmp_path / "some")["network.image_projection.weight"].shape == (16, 16)
    assert weights(run.folder.path)["network.image_projection.weight"].shape == (16, 1000)
    paper = api.fit(compat(toys, model={"without_departures": ["all"]}), tmp_path / "all")
    assert paper.model.network.departures == Departures.none()
    assert abs(api.explain(paper, next(toys.images.rglob("*.png"))).completeness_gap) <= 1e-4
    # The published way to count is a column of its own as far as it is another.
    monkeypatch.setattr("kgzsl.api.measuring.dataset_name", lambda config: "AWA2")
    for which, units in ((run, ["scores", "probabilities"]), (paper, ["scores"])):
        columns = api.evaluate(which, paper_protocol=True).on_test
        assert [column.gamma_unit for column in columns] == units
        assert "over images" in columns[-1].rule or which is paper


def test_departures_reach_losses_and_draws(toys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    met: dict[str, set[Departures]] = {}

    def watch(module: Any, name: str) -> None:
        honest = getattr(module, name)

        def watching(*given: Any, departures: Departures, **named: Any) -> Any:
            met.setdefault(name, set()).add(departures)
            return honest(*given, departures=departures, **named)

        monkeypatch.setattr(module, name, watching)

    watch(compat_loop, "class_distances")
    watch(compat_loop, "StepDrawer")
    watch(compat_objectives, "class_contrast")
    off = ["probabilities_as_logits", "own_class_at_distance_one", "padding_is_read"]
    api.fit(compat(toys, model={"without_departures": off}, epochs=1, refit_epochs=0), tmp_path / "run")
    expected = {replace(Departures.without(off), index_in_word=False)}
    assert met == dict.fromkeys(("class_distances", "StepDrawer", "class_contrast"), expected)
    losses = json.loads((tmp_path / "run/metrics.jsonl").read_text())
    plain = api.fit(compat(toys, epochs=1, refit_epochs=0), tmp_path / "plain").folder.path / "metrics.jsonl"
    assert losses["classification"] != json.loads(plain.read_text())["classification"]


def test_departures_that_are_none() -> None:
    names = ["padding_is_red", "selection_on_test"]
    with pytest.raises(ConfigError) as caught:
        parse_config({"model": {"kind": "duet-compat", "without_departures": names}})
    assert [str(problem) for problem in caught.value.problems] == [
        "model.without_departures: no departure 'padding_is_red'; did you mean padding_is_read?",
        "model.without_departures: departure selection_on_test is never made; leave it out",
    ]
    with pytest.raises(ConfigError, match=r"model\.without_departures with model\.kind = 'duet'; expected"):
        parse_config({"model": {"without_departures": ["all"]}})


def test_what_does_not_go_with_it_is_said_at_once(toys: Any, tmp_path: Path) -> None:
    config = compat(toys, model={"text_encoder": "bert-base-uncased"}, data={"size": 30})
    with pytest.raises(ConfigError) as error:
        api.fit(config, tmp_path / "run")
    assert "model.text_encoder" in str(error.value)
    assert "data.size = 30" in str(error.value)
    assert not (tmp_path / "run").exists()


def test_a_loss_that_is_not_finite(toys: Any, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="the loss is"):
        api.fit(compat(toys, lr=1e30), tmp_path / "run")


def test_keys_that_the_published_recipe_does_not_read_are_said(toys: Any, tmp_path: Path) -> None:
    train = {"epochs": 1, "refit_epochs": 0, "precision": "bf16", "accumulate": 2, "batch_size": 16, "seed": 1}
    told: list[Any] = []
    config = toys.config(model={"kind": "duet-compat"}, train=train)
    api.fit(config, tmp_path / "run", listener=api.Listener(notice=told.extend))
    assert [problem.got.split(" is ")[0] for problem in told] == ["train.precision = 'bf16'", "train.accumulate = 2"]
    told.clear()
    baseline = toys.config(model={"kind": "eszsl"}, train={"keep_epochs": True})
    api.fit(baseline, tmp_path / "eszsl", listener=api.Listener(notice=told.extend))
    assert [problem.got for problem in told] == ["train.keep_epochs = True is not used with model.kind = 'eszsl'"]
