"""Weights in pieces: each process holds one of every tensor, and its gradient and optimizer state."""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from kgzsl.model.tuning import blocks_of

__all__ = ["clip_gradients", "in_pieces", "piece_like", "shard", "whole_tensor"]


def shard(encoder: nn.Module) -> None:
    """Split the weights of an encoder among all processes, in place; the names stay.

    Each block of its stack is put together when it is needed and let go afterwards, and so is what is beside the stack.

    Source: Zhao et al., "PyTorch FSDP: Experiences on Scaling Fully Sharded Data Parallel", VLDB 2023.
    """
    encoder.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]  # what FSDP asks of weights
    place = next(encoder.parameters()).device
    mesh = init_device_mesh(place.type, (dist.get_world_size(),))
    stacked = any(isinstance(module, nn.ModuleList) for module in encoder.modules())
    for module in (*(blocks_of(encoder)[1] if stacked else ()), encoder):
        fully_shard(module, mesh=mesh, reshard_after_forward=True)
    for module in encoder.modules():
        if isinstance(module, FSDPModule):
            # The memory that weights are put together in is made once. Made in inference mode, where validation comes
            # first, it could not be used for training.
            module.unshard()
            module.reshard()


def in_pieces(tensor: Tensor) -> bool:
    """Whether a process holds a piece of a tensor alone."""
    return isinstance(tensor, DTensor)


def whole_tensor(tensor: Tensor) -> Tensor:
    """A tensor put together, if it is in pieces; then all processes have to ask for it."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def piece_like(own: Tensor, tensor: Tensor) -> Tensor:
    """Of a whole tensor, which all processes have, the piece that this one holds of ``own``; all of it of a whole one.

    Example:
        >>> piece_like(torch.zeros(2), torch.ones(2)).tolist()
        [1.0, 1.0]
    """
    if not isinstance(own, DTensor):
        return tensor
    piece = distribute_tensor(tensor, own.device_mesh, own.placements, src_data_rank=None)
    return piece.clone()  # a view would keep the memory of the whole


def clip_gradients(parameters: Iterable[nn.Parameter], longest: float) -> None:
    """Scale all gradients so that together they are no longer than ``longest``, those in pieces as if they were whole.

    Example:
        >>> weight = nn.Parameter(torch.zeros(2))
        >>> weight.grad = torch.tensor([3.0, 4.0])
        >>> clip_gradients([weight], 1.0)
        >>> [round(g, 3) for g in weight.grad.tolist()]
        [0.6, 0.8]
    """
    parameters = [parameter for parameter in parameters if parameter.grad is not None]
    groups = [[p for p in parameters if in_pieces(p) is pieces] for pieces in (False, True)]
    # One kind of tensor at a time: torch mixes them in no operation.
    norms = [
        whole_tensor(nn.utils.get_total_norm([p.grad for p in group if p.grad is not None]))
        for group in groups
        if group
    ]
    if not norms:
        return
    norm = norms[0] if len(norms) == 1 else torch.stack(norms).norm()
    for group in groups:
        nn.utils.clip_grads_with_norm_(group, longest, norm)
