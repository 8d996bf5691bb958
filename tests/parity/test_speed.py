"""The two roads that ``benchmarks/speed.py`` times: the straightforward loop and the package compute the same.

Tolerance: both compute the same sums in another order, 1e-15 or so in double precision.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def speed(monkeypatch: pytest.MonkeyPatch) -> Any:
    """``benchmarks/speed.py`` as a module."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("speed")


@pytest.mark.parametrize("name", ["CUB", "AwA2"])
def test_both_roads_compute_the_same(speed: Any, name: str) -> None:
    size = speed.SIZES["tiny"]
    world = speed.WORLDS[name](size.side)
    found = list(speed.deviations(world, speed.network(world, size), 2))
    assert {(step, kind) for step, kind, _ in found} == {
        ("CSG", "loss terms"),
        ("CSG", "gradients"),
        ("CLS", "loss terms"),
        ("CLS", "gradients"),
        ("evaluation", "attributes"),
    }
    assert max(deviation for *_, deviation in found) <= speed.TOLERANCE, found


def test_a_deviation_is_seen(speed: Any) -> None:
    one = {"a": torch.tensor([4.0, 1.0]), "b": torch.tensor(2.0)}
    assert speed.apart(one, one) == 0
    assert speed.apart(one, one | {"b": torch.tensor(3.0)}) == 0.25
    assert speed.apart(one, {"a": one["a"]}) == np.inf
