"""Classes to vectors over the attributes, from what the ontology says of them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from types import MappingProxyType

import torch
from torch import Tensor, nn

from kgzsl.model.class_states import ClassStates

__all__ = ["ClassEncoder"]


class ClassEncoder(nn.Module):
    """Class vectors: what sets a class apart from the mean training class, attribute by attribute.

    ``vector_a(c) = gate_a * (weight_a * value_a(c) / norm(c) - center_a)`` where the ontology says something
    of attribute ``a``, and 0 where it does not: what is unknown neither speaks for a class nor against it.

    - ``weight``: ``1 / sqrt(number of attributes of the same property)``, so that every property speaks with the
      same voice, however many values it has.
    - ``norm``: 1, or the length of the weighted values where vectors are to be of one length.
    - ``center``: the mean over the training classes that are known in ``a``.
    - ``gate``: in [0, 1], how far what was learned of an attribute carries over to classes that were not
      trained on: :func:`kgzsl.train.gate.fit_gate`. 1 until it is set. ``bearing`` keeps what it was set by, where
      ``judged`` says that there was something.

    Nothing of this is learned by gradient, so this part of a class vector depends on the facts alone. Behind it stand
    the class's other states (:class:`~kgzsl.model.class_states.ClassStates`), of the same mean length each.

    Args:
        value: attribute values of the training classes in [0, 1], ``(class, attribute)``.
        known: which of them are known.
        properties: the number of each attribute's property, ``(attribute,)``.
        unit: divide by the length of the weighted values, as DUET does.
        states: by source, what makes vectors of a class's states.
        silent: whether states alone describe classes: the gate of every attribute is 0.
    """

    def __init__(
        self,
        value: Tensor,
        known: Tensor,
        properties: Tensor,
        *,
        unit: bool = False,
        states: Mapping[str, ClassStates] = MappingProxyType({}),
        silent: bool = False,
    ) -> None:
        super().__init__()
        self.silent = silent
        self.unit = unit
        self.properties: Tensor
        self.weight: Tensor
        self.prior: Tensor
        self.center: Tensor
        self.gate: Tensor
        self.bearing: Tensor
        self.judged: Tensor
        self.length: Tensor
        weight = properties.bincount()[properties].float().rsqrt()
        self.register_buffer("properties", properties)
        self.register_buffer("weight", weight / weight.square().mean().sqrt())
        self.register_buffer("prior", _mean(value, known))
        self.register_buffer("center", _mean(self._scaled(value, known), known))
        self.register_buffer("gate", torch.ones_like(weight))
        self.register_buffer("bearing", torch.zeros_like(weight))
        self.register_buffer("judged", torch.zeros_like(weight, dtype=torch.bool))
        self.register_buffer("length", self._attributes(value, known).norm(dim=1).mean())
        self.states: dict[str, ClassStates] = nn.ModuleDict(states)  # type: ignore[assignment]
        if silent:
            self.gate.zero_()

    @property
    def blocks(self) -> tuple[slice, ...]:
        """Columns of the attributes, and those of each source of states."""
        ends = [0, len(self.gate)]
        for states in self.states.values():
            ends.append(ends[-1] + states.dim)
        return tuple(slice(*pair) for pair in itertools.pairwise(ends))

    def forward(self, value: Tensor, known: Tensor, states: Mapping[str, Tensor] = MappingProxyType({})) -> Tensor:
        """Vectors ``(class, attribute + dim)`` from values in [0, 1], what is known of them, and other states.

        Example:
            >>> value = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
            >>> known = torch.tensor([[True, True], [True, False]])
            >>> ClassEncoder(value, known, torch.tensor([0, 1]))(value, known).tolist()
            [[0.5, 0.0], [-0.5, 0.0]]
        """
        parts = [self._attributes(value, known)]
        parts += [self.length * encode(states[source]) for source, encode in self.states.items()]
        return torch.cat(parts, dim=1)

    def set_gates(self, gates: Tensor, bearing: Tensor) -> None:
        """Set the gate of every attribute, ``(attribute,)``, and keep how well images bore it out (inf: unknown)."""
        self.judged.copy_(bearing.isfinite())
        self.bearing.copy_(torch.where(bearing.isfinite(), bearing, 0.0))
        if not self.silent:
            self.gate.copy_(gates)

    def _attributes(self, value: Tensor, known: Tensor) -> Tensor:
        return self.gate * torch.where(known, self._scaled(value, known) - self.center, 0.0)

    def _scaled(self, value: Tensor, known: Tensor) -> Tensor:
        """Weighted values, of length 1 for each class where that is wanted; unknown ones are 0."""
        scaled = torch.where(known, value, 0.0) * self.weight
        return scaled / scaled.norm(dim=1, keepdim=True).clamp(min=1e-6) if self.unit else scaled


def _mean(value: Tensor, known: Tensor) -> Tensor:
    """Mean over the classes that are known, ``(attribute,)``; 0 where none is."""
    return torch.where(known, value, 0.0).sum(0) / known.sum(0).clamp(min=1)
