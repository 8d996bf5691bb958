"""Checkpoints: whole or not at all, and never of another model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from kgzsl.errors import CheckpointError, FailureError
from kgzsl.train import checkpoint
from kgzsl.train.checkpoint import load_state, load_weights, read_metadata, save_state, save_weights, write_text


def network(width: int = 4) -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(3, width), torch.nn.BatchNorm1d(width), torch.nn.Linear(width, 2))


def step(model: torch.nn.Module, optimizer: torch.optim.Optimizer, seed: int) -> None:
    loss = model(torch.randn(8, 3, generator=torch.Generator().manual_seed(seed))).square().sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def same(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_weights_and_metadata_come_back(tmp_path: Path) -> None:
    model, other = network(), network()
    step(model, torch.optim.AdamW(model.parameters()), 0)
    assert not same(model, other)
    save_weights(tmp_path / "c.safetensors", model, {"epoch": 3, "H": 0.25})
    assert load_weights(tmp_path / "c.safetensors", other) == {"epoch": 3, "H": 0.25}
    assert read_metadata(tmp_path / "c.safetensors") == {"epoch": 3, "H": 0.25}
    assert same(model, other)
    assert [p.name for p in tmp_path.iterdir()] == ["c.safetensors"]


def test_training_goes_on_with_the_same_bits(tmp_path: Path) -> None:
    model = network()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    for seed in range(3):
        step(model, optimizer, seed)
    save_state(tmp_path / "last.safetensors", model, optimizer, {"epoch": 1})
    step(model, optimizer, 3)
    resumed = network()
    fresh = torch.optim.AdamW(resumed.parameters(), lr=0.1)
    assert load_state(tmp_path / "last.safetensors", resumed, fresh) == {"epoch": 1}
    step(resumed, fresh, 3)
    assert same(model, resumed)


@pytest.mark.parametrize("exists", [False, True])
def test_an_exception_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exists: bool) -> None:
    path = tmp_path / "c.safetensors"
    if exists:
        save_weights(path, network(), {"epoch": 1})
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}

    def half(tensors: Any, file: Path, metadata: Any) -> None:
        Path(file).write_bytes(b"half a file")
        raise KeyboardInterrupt

    monkeypatch.setattr("safetensors.torch.save_file", half)
    with pytest.raises(KeyboardInterrupt):
        save_weights(path, network(), {"epoch": 2})
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device"),
        SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
        SafetensorError("Error while serializing: I/O error: Disk quota exceeded (os error 122)"),
    ],
)
def test_a_full_disk_is_said_and_an_earlier_checkpoint_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    path, model = tmp_path / "last.safetensors", network()
    optimizer = torch.optim.AdamW(model.parameters())
    save_state(path, model, optimizer, {"epoch": 1})
    before = path.read_bytes()

    def full(tensors: Any, file: Path, metadata: Any) -> None:
        Path(file).write_bytes(b"half a file")
        raise error

    monkeypatch.setattr("safetensors.torch.save_file", full)
    for save in (lambda: save_state(path, model, optimizer, {}), lambda: save_weights(path, model, {})):
        with pytest.raises(FailureError, match="no space is left on the disk; make room, and start") as caught:
            save()
        assert caught.value.problems[0].file == path
        assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {path.name: before}


def test_other_errors_of_writing_stay_what_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(tensors: Any, file: Path, metadata: Any) -> None:
        raise SafetensorError("I/O error: Permission denied (os error 13)")

    monkeypatch.setattr("safetensors.torch.save_file", broken)
    with pytest.raises(SafetensorError, match="Permission denied"):
        save_weights(tmp_path / "c.safetensors", network(), {})


def test_text_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    write_text(tmp_path / "run.json", "first")
    with pytest.raises(UnicodeEncodeError):
        write_text(tmp_path / "run.json", "second \ud800")
    assert (tmp_path / "run.json").read_text() == "first"
    assert [p.name for p in tmp_path.iterdir()] == ["run.json"]


def test_missing_truncated_or_foreign_files(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    model = network()
    with pytest.raises(CheckpointError, match="no checkpoint"):
        load_weights(path, model)
    save_weights(path, model, {})
    content = path.read_bytes()
    header = int.from_bytes(content[:8], "little")
    damaged = [
        content[: len(content) // 2],
        content[:5],
        b"",
        b"garbage!" * 40,
        (2**62).to_bytes(8, "little") + content[8:],
        content[:8] + b"#" * header + content[8 + header :],
    ]
    for bad in damaged:
        path.write_bytes(bad)
        with pytest.raises(CheckpointError, match="cannot be read") as caught:
            load_weights(path, network())
        assert caught.value.problems[0].file == path
    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(CheckpointError, match="not written by kgzsl"):
        load_weights(path, model)
    save_file({"x": torch.zeros(1)}, path, {"kgzsl": "{half"})
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_weights(path, model)


def test_weights_of_another_model_are_refused_with_all_differences(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    save_weights(path, torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.BatchNorm1d(4)), {})
    model, before = network(), network()
    with pytest.raises(CheckpointError) as caught:
        load_weights(path, model)
    text = str(caught.value)
    assert "no tensor 2.weight" in text
    assert "no tensor 2.bias" in text
    assert "tensor 0.weight of shape (5, 3); expected (4, 3)" in text
    assert same(model, before)


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    torch.save(network().state_dict(), path)
    with pytest.raises(CheckpointError):
        load_weights(path, network())
    assert "torch.load" not in Path(checkpoint.__file__).read_text(encoding="utf-8")


def test_metadata_is_json(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        save_weights(tmp_path / "c.safetensors", network(), {"x": object()})
    assert list(tmp_path.iterdir()) == []
