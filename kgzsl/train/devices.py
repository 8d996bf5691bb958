"""Where a model is trained, and in what form."""

from __future__ import annotations

import os
import shutil

import torch
from torch import nn

from kgzsl.errors import ConfigError, Problem

__all__ = ["compile_encoders", "pick_device"]


def pick_device(name: str = "") -> torch.device:
    """The device of that name; by default the GPU of this process where there is one, else the CPU.

    Raises:
        ConfigError: ``cuda`` was asked for, and there is none.

    Example:
        >>> pick_device("cpu")
        device(type='cpu')
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise ConfigError(
            Problem("train.device = 'cuda', and torch finds no GPU", fix="leave it out, or install a torch with CUDA")
        )
    if name == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))


def compile_encoders(model: nn.Module, device: torch.device) -> None:
    """Compile a model's encoders in place; the names of its weights stay.

    Raises:
        ConfigError: there is no C++ compiler, which torch.compile needs on a CPU.
    """
    if device.type == "cpu" and not any(map(shutil.which, (os.environ.get("CXX", "c++"), "g++", "clang++"))):
        raise ConfigError(
            Problem("train.compile without a C++ compiler", expected="g++ or clang++", fix="leave train.compile out")
        )
    for name in ("image_encoder", "text_encoder"):
        if isinstance(encoder := getattr(model, name, None), nn.Module):
            encoder.compile(dynamic=True)
