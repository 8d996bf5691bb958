"""A run that is killed anywhere goes on with the same bits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from kgzsl import api
from kgzsl.api import training
from kgzsl.errors import CheckpointError, MismatchError, RunError, TrainingError
from kgzsl.train import loop


class Killed(KeyboardInterrupt):
    """Stands for the user's Ctrl-C."""


@pytest.fixture(scope="module")
def config(toys: Any) -> Any:
    return toys.config(train={"epochs": 3, "refit_epochs": 2, "validate_every": 2})


@pytest.fixture(scope="module")
def whole(config: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return api.fit(config, tmp_path_factory.mktemp("whole") / "run").folder.path


def content(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def assert_same_run(one: Path, other: Path) -> None:
    tensors, expected = (load_file(folder / "checkpoint.safetensors") for folder in (one, other))
    assert tensors.keys() == expected.keys()
    assert [k for k in expected if not torch.equal(tensors[k], expected[k])] == []
    assert (one / "metrics.jsonl").read_text() == (other / "metrics.jsonl").read_text()
    assert _state(one) == _state(other)
    assert sorted(content(one)) == sorted(content(other))


def _state(folder: Path) -> dict[str, Any]:
    from kgzsl.train.run import RunFolder

    return {k: v for k, v in RunFolder(folder).state().items() if k not in ("seconds", "peak_memory")}


def kill_at_epoch(phase: str, epoch: int) -> api.Listener:
    def on_epoch(record: Any) -> None:
        if (record.phase, record.epoch) == (phase, epoch):
            raise Killed

    return api.Listener(epoch=on_epoch)


def kill_at_step(phase: str, step: int) -> api.Listener:
    def on_step(name: str, done: int, steps: int) -> None:
        if (name, done) == (phase, step):
            raise Killed

    return api.Listener(step=on_step)


# 30 training images in batches of 16: two steps an epoch in the first phase; 42 and three in the second.
KILLS = {
    "first step": kill_at_step("select", 1),
    "after the first epoch": kill_at_epoch("select", 1),
    "second epoch": kill_at_step("select", 3),
    "after the last epoch": kill_at_epoch("select", 3),
    "first step of the second phase": kill_at_step("refit", 1),
    "second epoch of the second phase": kill_at_step("refit", 5),
    "at the very end": kill_at_epoch("refit", 2),
}


def test_killed_again_and_again(config: Any, whole: Path, tmp_path: Path) -> None:
    """Every kill hits the same run, each further on than the last."""
    for name, listener in KILLS.items():
        with pytest.raises(Killed):
            api.fit(config, tmp_path / "run", listener=listener)
        with pytest.raises(RunError, match="not trained to its end"):
            api.load_run(tmp_path / "run")
        assert not (tmp_path / "run" / "checkpoint.safetensors").exists(), name
    api.fit(config, tmp_path / "run")
    assert_same_run(tmp_path / "run", whole)


@pytest.mark.parametrize(("function", "call"), [("save_state", 2), ("_append", 2), ("save_weights", 1)])
def test_killed_between_the_files_of_an_epoch(
    config: Any, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, call: int
) -> None:
    calls = []
    honest = getattr(loop, function)

    def killing(*arguments: Any) -> None:
        calls.append(arguments)
        if len(calls) == call:
            raise Killed
        honest(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(loop, function, killing)
        with pytest.raises(Killed):
            api.fit(config, tmp_path / "run")
    # What a killed writer leaves behind: half of a line, and a temporary file.
    with (tmp_path / "run" / "metrics.jsonl").open("a") as file:
        file.write('{"phase": "sel')
    (tmp_path / "run" / ".last.part.safetensors").write_bytes(b"half")
    api.fit(config, tmp_path / "run")
    assert_same_run(tmp_path / "run", whole)


def test_killed_while_the_final_weights_are_written(
    config: Any, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kgzsl.train.run import RunFolder

    def killing(*arguments: Any, **named: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "finish", killing)
        with pytest.raises(Killed):
            api.fit(config, tmp_path / "run")
    with pytest.raises(RunError, match="not trained to its end"):
        api.load_run(tmp_path / "run")
    epochs = []
    api.fit(config, tmp_path / "run", listener=api.Listener(epoch=epochs.append))
    assert epochs == []
    assert_same_run(tmp_path / "run", whole)


def test_training_anew_resumes_with_the_same_bits(xlsa17: Any, tmp_path: Path, monkeypatch: Any) -> None:
    """The last phase from fresh weights: a beginning in closed form as chosen before, as many epochs as selected."""
    honest = training.settle_gate
    monkeypatch.setattr(training, "settle_gate", lambda *a, **named: {**honest(*a, **named), "gated": 1.0})
    config = xlsa17.config(train={"epochs": 4, "refit": "anew", "validate_every": 2, "lr": 1e-4})
    records: list[Any] = []
    whole = api.fit(config, tmp_path / "whole", listener=api.Listener(epoch=records.append))
    refits = [record for record in records if record.phase == "refit"]
    assert len(refits) == whole.facts["validation"]["epoch"]
    for phase, epoch in (("select", 2), ("select", 4), ("settle", 1), ("refit", 1)):
        with pytest.raises(Killed):
            api.fit(config, tmp_path / "run", listener=kill_at_epoch(phase, epoch))
    api.fit(config, tmp_path / "run")
    assert_same_run(tmp_path / "run", whole.folder.path)


def test_training_anew_forgets_the_first_phase(xlsa17: Any, tmp_path: Path) -> None:
    """With a learning rate of 0 only the beginning is left: another one with all seen classes than without some."""
    still = {"lr": 0.0, "refit_lr": 0.0, "epochs": 1, "refit_epochs": 1}
    anew, on = (api.fit(xlsa17.config(train=still | {"refit": how}), tmp_path / how) for how in ("anew", "continue"))
    assert "settle" not in (anew.folder.path / "metrics.jsonl").read_text()  # no gate, nothing to get used to
    assert anew.facts["validation"] == on.facts["validation"]
    one, other = (run.model.grounding.value.weight for run in (anew, on))
    assert not torch.allclose(one, other)
    rest = {k: v for k, v in on.model.state_dict().items() if "grounding.value" not in k and "spread" not in k}
    assert [k for k, v in rest.items() if not torch.equal(v, anew.model.state_dict()[k])] == []


def test_every_epoch_is_drawn_anew_and_every_run_by_its_seed(toys: Any, tmp_path: Path) -> None:
    """With a learning rate of 0 the weights stay, so that losses differ by what is drawn alone."""
    losses = {}
    for name, seed in (("one", 0), ("again", 0), ("other", 1)):
        records: list[Any] = []
        train = {"lr": 0.0, "refit_epochs": 0, "seed": seed}
        api.fit(toys.config(train=train), tmp_path / name, listener=api.Listener(epoch=records.append))
        losses[name] = [record.losses["attribute_regression"] for record in records]
    assert losses["one"][0] != losses["one"][1]
    assert losses["one"] == losses["again"]
    assert losses["one"] != losses["other"]


def test_only_the_missing_epochs_are_trained(config: Any, tmp_path: Path) -> None:
    with pytest.raises(Killed):
        api.fit(config, tmp_path / "run", listener=kill_at_epoch("select", 2))
    epochs = []
    api.fit(config, tmp_path / "run", listener=api.Listener(epoch=lambda r: epochs.append((r.phase, r.epoch))))
    assert epochs == [("select", 3), ("refit", 1), ("refit", 2)]


def test_another_configuration_or_world_touches_nothing(toys: Any, config: Any, tmp_path: Path) -> None:
    with pytest.raises(Killed):
        api.fit(config, tmp_path / "run", listener=kill_at_epoch("select", 1))
    before = content(tmp_path / "run")
    other_world = toys.copy(tmp_path / "world")
    other_world.say(unseen=["red disc", "yellow disc"])
    for other in (toys.config(train={"epochs": 4}), other_world.config(train={"epochs": 3})):
        with pytest.raises(MismatchError, match="set up otherwise"):
            api.fit(other, tmp_path / "run")
        assert content(tmp_path / "run") == before


def test_an_edited_ontology_does_not_go_on(toys: Any, tmp_path: Path) -> None:
    world = toys.copy(tmp_path / "world")
    with pytest.raises(Killed):
        api.fit(world.config(), tmp_path / "run", listener=kill_at_epoch("select", 1))
    before = content(tmp_path / "run")
    world.edit('rdfs:label "blue disc"', 'rdfs:label "azure disc"')
    with pytest.raises(MismatchError, match="set up otherwise"):
        api.fit(world.config(), tmp_path / "run")
    assert content(tmp_path / "run") == before


def test_a_truncated_state_is_an_error_and_nothing_is_lost(config: Any, tmp_path: Path) -> None:
    with pytest.raises(Killed):
        api.fit(config, tmp_path / "run", listener=kill_at_epoch("select", 1))
    state = tmp_path / "run" / "last.safetensors"
    state.write_bytes(state.read_bytes()[:1000])
    before = content(tmp_path / "run")
    with pytest.raises(CheckpointError, match=r"last\.safetensors"):
        api.fit(config, tmp_path / "run")
    assert content(tmp_path / "run") == before


def test_a_loss_that_is_not_finite_stops_training(toys: Any, tmp_path: Path) -> None:
    config = toys.config(train={"lr": 1e30})
    with pytest.raises(TrainingError, match=r"the loss is .* in epoch \d; lower train.lr"):
        api.fit(config, tmp_path / "run")
    with pytest.raises(RunError, match="not trained to its end"):
        api.load_run(tmp_path / "run")


def test_without_a_second_phase_the_selected_weights_stay(toys: Any, tmp_path: Path) -> None:
    config = toys.config(train={"refit_epochs": 0, "validate_every": 1})
    saved = {}

    def keep(record: Any) -> None:
        saved.update(load_file(tmp_path / "run" / "best.safetensors"))

    run = api.fit(config, tmp_path / "run", listener=api.Listener(epoch=keep))
    final = load_file(run.folder.checkpoint)
    assert all(torch.equal(final[key], saved[key]) for key in saved)
