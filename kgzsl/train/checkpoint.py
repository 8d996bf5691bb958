"""Weights and optimizer states on disk: safetensors only, written under a temporary name and renamed."""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from kgzsl.errors import CheckpointError, Problem, full_disk_said
from kgzsl.ontology.whole import whole_file
from kgzsl.train.sharding import in_pieces, piece_like, whole_tensor

__all__ = [
    "load_state",
    "load_weights",
    "read_metadata",
    "room_for",
    "save_state",
    "save_weights",
    "write_bytes",
    "write_json",
    "write_text",
]


FULL = tuple(f"os error {number}" for number in (errno.ENOSPC, errno.EDQUOT))
"""How safetensors, which has no error of its own for it, says that the disk is full."""


@contextmanager
def room_for(path: Path) -> Iterator[None]:
    """Around what writes a file of a run: a full disk becomes a FailureError.

    Raises:
        FailureError: the disk is full.
    """
    with full_disk_said(path, fix="make room, and start the same command again: it goes on after its last checkpoint"):
        yield


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all.

    Raises:
        FailureError: the disk is full; an older file is untouched.
    """
    with room_for(path), whole_file(path, force=True) as working:
        working.write_text(text, encoding="utf-8")


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        FailureError: the disk is full; an older file is untouched.
    """
    with room_for(path), whole_file(path, force=True) as working:
        working.write_bytes(content)


def write_json(path: Path, content: Any) -> None:
    """Write indented JSON whole or not at all."""
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False))


def _write(path: Path, tensors: dict[str, Tensor], metadata: dict[str, Any]) -> None:
    """A safetensors file, whole or not at all; of processes that hold pieces of the tensors, the first writes it."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    first = not any(map(in_pieces, tensors.values())) or dist.get_rank() == 0
    detached = {}
    for key, value in tensors.items():
        whole = whole_tensor(value.detach())
        if first:
            detached[key] = whole.cpu().contiguous().clone()
    if not first:
        return
    with room_for(path), whole_file(path, force=True) as working:
        try:
            save_file(detached, working, {"kgzsl": json.dumps(metadata)})
        except SafetensorError as error:
            if not any(said in str(error) for said in FULL):
                raise
            raise OSError(errno.ENOSPC, str(error)) from None


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and metadata, or a CheckpointError."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            metadata = json.loads((file.metadata() or {}).get("kgzsl", "null"))
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a mapping
    except FileNotFoundError:
        raise CheckpointError(
            Problem("no checkpoint", file=path, fix="train the run to its end: kgzsl train")
        ) from None
    except (SafetensorError, OSError, ValueError) as error:
        fix = "the file is truncated or not a checkpoint: copy it again, or train again"
        raise CheckpointError(
            Problem(f"cannot be read ({error})", file=path, expected="safetensors", fix=fix)
        ) from None
    if metadata is None:
        raise CheckpointError(Problem("not written by kgzsl", file=path, expected="a checkpoint of a kgzsl run"))
    return tensors, metadata


def save_weights(path: Path, model: nn.Module, metadata: dict[str, Any]) -> None:
    """Save a model's weights and buffers with JSON metadata.

    Raises:
        FailureError: the disk is full; an older file is untouched.
    """
    _write(path, dict(model.state_dict()), metadata)


def read_metadata(path: Path) -> dict[str, Any]:
    """The JSON metadata of a checkpoint."""
    return _read(path)[1]


def load_weights(path: Path, model: nn.Module) -> dict[str, Any]:
    """Load weights into a model and return the metadata.

    Raises:
        CheckpointError: missing, truncated, or of another model; the model is left as it was.
    """
    tensors, metadata = _read(path)
    own = model.state_dict()
    problems = [Problem(f"no tensor {key}", file=path) for key in sorted(own.keys() - tensors.keys())]
    problems += [Problem(f"unknown tensor {key}", file=path) for key in sorted(tensors.keys() - own.keys())]
    problems += [
        Problem(f"tensor {key} of shape {tuple(tensors[key].shape)}", expected=f"{tuple(own[key].shape)}", file=path)
        for key in sorted(own.keys() & tensors.keys())
        if own[key].shape != tensors[key].shape
    ]
    if problems:
        raise CheckpointError(problems[:8])
    model.load_state_dict({key: piece_like(own[key], value) for key, value in tensors.items()})
    return metadata


def save_state(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, metadata: dict[str, Any]) -> None:
    """Save all that training needs to go on with the same bits.

    Raises:
        FailureError: the disk is full; an older file is untouched.
    """
    tensors = {f"model.{key}": value for key, value in model.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{key}": value for key, value in state.items()}
    _write(path, tensors, metadata)


def load_state(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Load what :func:`save_state` saved; the learning rate is the scheduler's business."""
    tensors, metadata = _read(path)
    prefix = "model."
    own = model.state_dict()
    weights = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
    model.load_state_dict({key: piece_like(own[key], value) if key in own else value for key, value in weights.items()})
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if not key.startswith(prefix):
            _, index, name = key.split(".", 2)
            of = parameters[int(index)]
            # Moments are in pieces as their parameter is; the count of steps is one number.
            state.setdefault(int(index), {})[name] = piece_like(of, value) if value.shape == of.shape else value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    return metadata
