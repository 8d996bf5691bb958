"""What training a model takes: parameters and memory."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import torch
from torch import nn

__all__ = ["Footprint", "footprint"]


@dataclass(frozen=True)
class Footprint:
    """Size of a model and memory of what trained it.

    Args:
        parameters: of the model and its frozen backbone together.
        trainable: those that are trained.
        peak_memory: GiB that the process (on CUDA: its tensors on the device) held at most since it began; None where
            the system does not tell.
    """

    parameters: int
    trainable: int
    peak_memory: float | None


def footprint(model: nn.Module, *, frozen: int = 0) -> Footprint:
    """Parameters and peak memory of a model that was just trained.

    Args:
        model: the classifier.
        frozen: parameters of a backbone that made its input.

    Example:
        >>> taken = footprint(nn.Linear(3, 2), frozen=100)
        >>> taken.parameters, taken.trainable
        (108, 8)
    """
    counts = [(p.numel(), p.requires_grad, p.device) for p in model.parameters()]
    device = next((device for *_, device in counts), torch.device("cpu"))
    return Footprint(
        parameters=frozen + sum(count for count, *_ in counts),
        trainable=sum(count for count, trained, _ in counts if trained),
        peak_memory=_device_peak(device) if device.type == "cuda" else _process_peak(),
    )


def _device_peak(device: torch.device) -> float:
    """GiB of tensors on a CUDA device."""
    return torch.cuda.max_memory_allocated(device) / 2**30


def _process_peak() -> float | None:
    """GiB of the process: macOS counts in bytes, other systems in KiB, Windows not at all."""
    try:
        import resource
    except ImportError:
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**30 if sys.platform == "darwin" else 2**20)
