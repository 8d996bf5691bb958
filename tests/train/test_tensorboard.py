"""Event files: what they hold, that they change nothing, and what is said where TensorBoard is missing."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from kgzsl import api
from kgzsl.errors import ConfigError

TRAIN = {"epochs": 2, "refit_epochs": 1, "batch_size": 16, "validate_every": 2}


def events(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Tag to (step, value), of all event files."""
    reading = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="TensorBoard is not installed: kgzsl[log]"
    )
    found: dict[str, list[tuple[int, float]]] = {}
    for file in sorted(folder.glob("events.*")):
        accumulator = reading.EventAccumulator(str(file))
        accumulator.Reload()
        for tag in accumulator.Tags()["scalars"]:
            found.setdefault(tag, []).extend((event.step, event.value) for event in accumulator.Scalars(tag))
    return found


def test_losses_rate_and_validation_of_every_epoch(toys: Any, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="TensorBoard is not installed: kgzsl[log]")
    records: list[Any] = []

    def kill_once(record: Any) -> None:
        records.append(record)
        if len(records) == 1:
            raise KeyboardInterrupt

    config = toys.config(train=TRAIN | {"tensorboard": True})
    with pytest.raises(KeyboardInterrupt):
        api.fit(config, tmp_path / "run", listener=api.Listener(epoch=kill_once))
    run = api.fit(config, tmp_path / "run", listener=api.Listener(epoch=kill_once))
    found = events(tmp_path / "run" / "tensorboard")
    assert found["loss/classification"] == [
        (step, pytest.approx(record.losses["classification"])) for step, record in enumerate(records, start=1)
    ]
    assert [step for step, _ in found["validation/H"]] == [2]
    rates = [rate for _, rate in found["learning rate"]]
    assert [step for step, _ in found["learning rate"]] == [1, 2, 3]
    assert rates == pytest.approx([record.lr for record in records])
    assert rates[0] > rates[1] >= 0
    plain = api.fit(toys.config(train=TRAIN), tmp_path / "plain")
    own, other = load_file(run.folder.checkpoint), load_file(plain.folder.checkpoint)
    assert all(torch.equal(own[key], other[key]) for key in other)
    assert run.config.setting == plain.config.setting


def test_without_tensorboard_nothing_is_written(toys: Any, tmp_path: Path, kgzsl: Any, monkeypatch: Any) -> None:
    honest = builtins.__import__

    def missing(name: str, *arguments: Any, **named: Any) -> Any:
        if name == "torch.utils.tensorboard":
            raise ImportError(name)
        return honest(name, *arguments, **named)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ConfigError, match="pip install"):
        api.fit(toys.config(train={"tensorboard": True}), tmp_path / "run")
    done = kgzsl(*toys.arguments(tmp_path / "run"), "--tensorboard")
    assert done.status == 2
    assert "train.tensorboard without TensorBoard; pip install 'kgzsl[log]'" in done.err
    assert not (tmp_path / "run").exists()
