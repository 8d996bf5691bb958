"""Runs on a GPU; and on a pretended one, which shows without any whether tensors of two devices are mixed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_leaves, tree_map

from kgzsl import api
from kgzsl.data.backbone import load_backbone

aten = torch.ops.aten
FAR = torch.device("meta")
"""What the pretended device is called: of torch's own, the one that no arithmetic is done on."""
ANYWHERE = (aten.copy_, aten._to_copy, aten.index, aten.index_put, aten.index_put_, aten._index_put_impl_)
"""What takes tensors of two devices: copies, and indices on the CPU."""
SLOW = ("ale", "devise", "gcnz", "dgp", "f-clswgan")
MODELS: dict[str, Any] = {
    "default": {},
    "duet-compat": {"dim": 16, "heads": 2, "text_layers": 1, "kind": "duet-compat"},
    **{kind: {"kind": kind} for kind in ("eszsl", *SLOW)},
}


class Far(torch.Tensor):
    """A tensor of the pretended device: it holds one of the CPU, which does the arithmetic."""

    near: torch.Tensor
    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls: type[Far], near: torch.Tensor) -> Far:
        like = {"strides": near.stride(), "storage_offset": near.storage_offset(), "dtype": near.dtype}
        made = torch.Tensor._make_wrapper_subclass(cls, near.shape, **like, device=FAR, requires_grad=False)
        made.near = near
        return made

    def __repr__(self) -> str:
        return f"Far({self.near})"

    def new_tensor(self, data: Any, **options: Any) -> Far:
        return Far(self.near.new_tensor(data, **options))

    def __getitem__(self, place: Any) -> Any:
        # Of a list torch makes an index on the tensor's own device, where here there is nothing to hold it.
        return super().__getitem__(torch.tensor(place) if isinstance(place, list) else place)

    @classmethod
    def __torch_dispatch__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return call(function, args, kwargs or {})


class Pretended(TorchDispatchMode):
    """While it is on, there is a pretended device."""

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return call(function, args, kwargs or {})


def call(function: Any, args: Any, kwargs: Any) -> Any:
    """An operation, refused as CUDA refuses it where its tensors are on two devices."""
    name, asked = function.overloadpacket, kwargs.get("device")
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
    far = any(isinstance(tensor, Far) for tensor in tensors)
    on_cpu = [tensor for tensor in tensors if tensor.ndim and not isinstance(tensor, Far)]
    if far and on_cpu and (name not in ANYWHERE or (name is aten.index and not isinstance(args[0], Far))):
        raise RuntimeError(f"{function} of tensors on two devices")
    if any(tensor.device == FAR and not isinstance(tensor, Far) for tensor in tensors):
        raise RuntimeError(f"{function} of a tensor that holds nothing")
    if asked is not None:
        kwargs = kwargs | {"device": torch.device("cpu")}
        far = torch.device(asked).type == FAR.type
    near = tree_map(lambda leaf: leaf.near if isinstance(leaf, Far) else leaf, (args, kwargs))
    out = function(*near[0], **near[1])
    if function._schema.is_mutable and isinstance(out, torch.Tensor):
        return args[0]
    if not far or name is aten._local_scalar_dense:
        return out
    return tree_map(lambda leaf: Far(leaf) if isinstance(leaf, torch.Tensor) else leaf, out)


@pytest.fixture(
    params=[
        "pretended",
        pytest.param(
            "cuda", marks=[pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU is here")]
        ),
    ]
)
def device(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The type of the device that runs are trained on by default."""
    if request.param == "cuda":
        yield "cuda"
        return
    places = {"cpu": torch.device("cpu")}
    monkeypatch.setattr("kgzsl.train.devices.pick_device", lambda name="": places.get(name, FAR))
    monkeypatch.setattr("kgzsl.data.backbone.load_backbone", partial(load_backbone, device=FAR))
    # transformers makes models of meta tensors before it loads them.
    load = transformers.AutoModel.from_pretrained

    def loaded(*arguments: Any, **options: Any) -> Any:
        with _disable_current_modes():
            return load(*arguments, **options)

    monkeypatch.setattr(transformers.AutoModel, "from_pretrained", loaded)
    # Tensors that hold others know no inference mode.
    monkeypatch.setattr(torch, "inference_mode", lambda mode=True: torch.no_grad() if mode else nullcontext())
    torch.__future__.set_swap_module_params_on_conversion(True)
    try:
        with Pretended():
            yield FAR.type
    finally:
        torch.__future__.set_swap_module_params_on_conversion(False)


def records(run: Path) -> list[dict[str, Any]]:
    """What was written of every epoch."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").open()]
    return [{name: value for name, value in line.items() if name != "phase"} for line in lines]


def assert_trained(config: Callable[..., Any], folder: Path, device: str, **sections: Any) -> Any:
    """A run trains there and is scored; on the pretended device it is the run of the CPU."""
    run = api.fit(config(**sections), folder / "run")
    assert run.model.log_scale.device.type == device
    lines = records(folder / "run")
    assert all(np.isfinite(value) for line in lines for value in line.values() if isinstance(value, float))
    assert 0 <= api.evaluate(run).H <= 1
    if device == FAR.type:
        api.fit(config(**sections | {"train": sections.get("train", {}) | {"device": "cpu"}}), folder / "cpu")
        for line, own in zip(lines, records(folder / "cpu"), strict=True):
            line.pop("validation"), own.pop("validation")
            assert line == pytest.approx(own, rel=5e-3, abs=1e-3)
    return run


pytestmark = pytest.mark.filterwarnings("ignore:for .*copying from a non-meta parameter")


@pytest.mark.parametrize(
    "model", [pytest.param(model, marks=[pytest.mark.slow] if model in SLOW else []) for model in MODELS]
)
def test_runs_on_features(xlsa17: Any, tmp_path: Path, device: str, model: str) -> None:
    assert_trained(xlsa17.config, tmp_path, device, model=MODELS[model])


@pytest.mark.parametrize("model", ["default", "duet-compat"])
def test_runs_on_pixels(toys: Any, tmp_path: Path, device: str, model: str) -> None:
    run = assert_trained(toys.config, tmp_path, device, model=MODELS[model])
    picture = next(toys.images.rglob("*.png"))
    assert len(api.predict(run, [picture])[0].top) == 5
    assert abs(api.explain(run, picture).completeness_gap) <= 1e-4


@pytest.mark.parametrize("model", ["default", "duet-compat"])
def test_runs_on_a_frozen_backbone(
    toys: Any, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str, model: str
) -> None:
    monkeypatch.setenv("KGZSL_CACHE", str(tmp_path / "cache"))
    run = assert_trained(toys.config, tmp_path, device, data={"backbone": str(clip)}, model=MODELS[model])
    assert len(api.predict(run, [next(toys.images.rglob("*.png"))])[0].top) == 5


def test_a_backbone_computes_there_and_answers_on_the_cpu(clip: Path, device: str) -> None:
    import kgzsl.data.backbone as module

    backbone, images = module.load_backbone(clip, eager=True), np.zeros((2, 24, 24, 3), dtype=np.uint8)
    assert backbone.device.type == device
    assert isinstance(backbone.encode(images), np.ndarray)
    assert {layer.device.type for layer in backbone.attention_maps(images)} == {"cpu"}


def test_runs_with_a_pretrained_encoder(toys: Any, clip: Path, tmp_path: Path, device: str) -> None:
    assert_trained(toys.config, tmp_path, device, model={"image_encoder": str(clip), "tuned_blocks": 1})


def test_runs_with_a_dual_encoder(toys: Any, clip: Path, tmp_path: Path, device: str) -> None:
    sections = {"model": {"kind": "clip-facts"}, "baseline": {"dual_encoder": str(clip)}}
    run = assert_trained(toys.config, tmp_path, device, **sections)
    assert len(api.predict(run, [next(toys.images.rglob("*.png"))])[0].top) == 5
