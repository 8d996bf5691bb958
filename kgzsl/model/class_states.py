"""What describes a class beside its attributes: states of a language model, of an embedding, of a graph network."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["ClassStates", "GivenStates"]


class ClassStates(nn.Module):
    """Vectors of one source for classes, centered over the training classes and of mean square length 1.

    Their dimensions mean nothing alone, and the length of a raw vector nothing at all: embeddings are signed and not
    normalized, and read as strengths of attributes they are misread.

    Args:
        dim: length of a vector.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.gate: Tensor
        self.register_buffer("gate", torch.ones(()))

    def forward(self, states: Tensor) -> Tensor:
        """Vectors ``(class, dim)`` of what the source holds of classes."""
        raise NotImplementedError


class GivenStates(ClassStates):
    """States that are there before training: they were standardized where they were made."""

    def forward(self, states: Tensor) -> Tensor:
        """The same, under the gate: ``(class, dim)``."""
        return self.gate * states
