"""DUET's schedule: which objectives a step has, what switches them off, and how batches are made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kgzsl import api
from kgzsl.errors import ConfigError
from kgzsl.train import devices
from kgzsl.train.duet import paired_batches

ALWAYS = {"classification", "attribute_regression"}
OBJECTIVES = {*ALWAYS, "self_calibration", "masked_attribute", "attribute_contrast", "instance_contrast"}


def losses(config: Any, folder: Path) -> list[tuple[str, dict[str, float]]]:
    records: list[Any] = []
    api.fit(config, folder, listener=api.Listener(epoch=records.append))
    return [(record.phase, record.losses) for record in records]


def test_every_objective_is_trained(toys: Any, tmp_path: Path) -> None:
    config = toys.config(train={"epochs": 4, "batch_size": 8, "self_calibration": 0.001})
    found = losses(config, tmp_path / "run")
    assert set().union(*(terms for phase, terms in found if phase == "select")) == OBJECTIVES
    # No class is without images in the second phase, so nothing plays the unseen ones.
    assert "self_calibration" not in found[-1][1]
    assert all(np.isfinite(value) for _, terms in found for value in terms.values())


@pytest.mark.parametrize(
    ("share", "has", "lacks"),
    [
        (1.0, {"masked_attribute", "attribute_contrast"}, "instance_contrast"),
        (0.0, {"instance_contrast"}, "masked_attribute"),
    ],
)
def test_the_share_of_grounding_steps(toys: Any, tmp_path: Path, share: float, has: set[str], lacks: str) -> None:
    terms = losses(toys.config(train={"epochs": 1, "grounding_share": share}), tmp_path / "run")[0][1]
    assert has <= terms.keys()
    assert lacks not in terms


def test_a_weight_of_zero_leaves_an_objective_out(toys: Any, tmp_path: Path) -> None:
    off = dict.fromkeys(("self_calibration", "masked_attribute", "attribute_contrast", "instance_contrast"), 0)
    for _, terms in losses(toys.config(train=off), tmp_path / "run"):
        assert set(terms) == ALWAYS


def test_contrast_alone_can_be_grounding(toys: Any, tmp_path: Path) -> None:
    config = toys.config(train={"masked_attribute": 0, "grounding_share": 1.0, "epochs": 1})
    assert "attribute_contrast" in losses(config, tmp_path / "run")[0][1]


def test_accumulated_batches_are_one_step(toys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The optimizer steps once for every so many batches, the last ones of an epoch included."""
    steps: list[int] = []
    honest = torch.optim.AdamW.step

    def counted(self: Any, *arguments: Any) -> Any:
        steps.append(1)
        return honest(self, *arguments)

    monkeypatch.setattr(torch.optim.AdamW, "step", counted)
    # 30 images in batches of 4: 8 batches, 3 steps.
    api.fit(toys.config(train={"epochs": 1, "refit_epochs": 0, "batch_size": 4, "accumulate": 3}), tmp_path / "run")
    assert len(steps) == 3


def test_accumulated_gradients_are_the_mean(toys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a learning rate of 0 the weights stay, so that both runs see the same batches with the same weights."""
    found: list[list[torch.Tensor]] = []

    def recorded(self: Any) -> None:
        found.append([p.grad.clone() for group in self.param_groups for p in group["params"] if p.grad is not None])

    monkeypatch.setattr(torch.optim.AdamW, "step", recorded)
    train = {"epochs": 1, "refit_epochs": 0, "lr": 0.0, "batch_size": 16, "clip": 1e9, "grounding_share": 0.0}
    api.fit(toys.config(train=train), tmp_path / "one")
    api.fit(toys.config(train=train | {"accumulate": 2}), tmp_path / "two")
    first, second, both = found
    for one, other, mean in zip(first, second, both, strict=True):
        torch.testing.assert_close(mean, (one + other) / 2, rtol=1e-3, atol=1e-6)


@given(st.lists(st.integers(0, 5), min_size=0, max_size=40), st.integers(2, 9), st.integers(0, 999))
def test_paired_batches_have_every_image_once(labels: list[int], size: int, seed: int) -> None:
    table = np.array(labels, dtype=np.int64)
    generator = torch.Generator().manual_seed(seed)
    batches = list(paired_batches(np.arange(len(table)), table, size, generator))
    rows = [row for batch in batches for row in batch.tolist()]
    assert len(rows) == len(set(rows))
    assert len(table) - len(rows) == (1 if len(table) % size == 1 else 0)
    assert all(len(batch) == size for batch in batches[:-1])


def test_images_of_a_class_come_in_twos() -> None:
    labels = np.repeat(np.arange(50), 4)
    batches = list(paired_batches(np.arange(200), labels, 20, torch.Generator().manual_seed(0)))
    for batch in batches:
        assert (np.unique(labels[batch], return_counts=True)[1] % 2 == 0).all()
    other = list(paired_batches(np.arange(200), labels, 20, torch.Generator().manual_seed(1)))
    assert [b.tolist() for b in batches] != [b.tolist() for b in other]


def test_half_precision_trains_and_is_near(toys: Any, tmp_path: Path) -> None:
    whole, half = (
        losses(toys.config(train={"precision": precision, "epochs": 1}), tmp_path / precision)[0][1]
        for precision in ("fp32", "bf16")
    )
    assert half.keys() == whole.keys()
    assert half["classification"] == pytest.approx(whole["classification"], rel=0.1)
    assert half != whole


def test_a_gpu_that_is_not_there(toys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="torch finds no GPU"):
        api.fit(toys.config(train={"device": "cuda"}), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_compiling_without_a_compiler(toys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices.shutil, "which", lambda name: None)
    with pytest.raises(ConfigError, match=r"C\+\+ compiler"):
        api.fit(toys.config(train={"compile": True, "device": "cpu"}), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_compiled_encoders_give_the_same_losses(toys: Any, tmp_path: Path) -> None:
    plain, fast = (
        losses(toys.config(train={"compile": compiled, "epochs": 1, "refit_epochs": 0}), tmp_path / str(compiled))[0][1]
        for compiled in (False, True)
    )
    assert fast == pytest.approx(plain, rel=1e-3)
