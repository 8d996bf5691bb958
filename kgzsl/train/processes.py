"""Several processes that train one model: each encodes its share of a batch's images, all see the whole batch."""

from __future__ import annotations

import atexit
import os
import time
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.distributed as dist
import torch.distributed.nn.functional as shared
from torch import Tensor, nn

from kgzsl.errors import ConfigError, FailureError, Problem
from kgzsl.train.devices import pick_device
from kgzsl.train.sharding import in_pieces, shard

__all__ = ["Processes"]


@dataclass(frozen=True, eq=False)
class Processes:
    """The processes that ``torchrun`` started, or this one alone.

    The image encoder is what costs. Each process runs it on its rows of a batch; the tokens are then gathered, and
    everything after it is computed by every process on the whole batch. So contrast sees all images, and the losses are
    those of one process. Gradients of the encoder come together in torch's DistributedDataParallel; the rest has the
    same gradients everywhere. Batch normalization takes its statistics over all processes.

    Where the encoder is too large for that, its weights are in pieces (:mod:`kgzsl.train.sharding`), one in each
    process. Then they run and write the model together, as none has it all.

    Args:
        rank: of this process, from 0.
        count: how many there are.
        sharded: whether the weights of the image encoder are in pieces; of one process they are not.
    """

    rank: int = 0
    count: int = 1
    sharded: bool = False
    _parallel: dict[int, nn.Module] = field(default_factory=dict)

    @classmethod
    def joined(cls, device: str = "", *, sharded: bool = False) -> Processes:
        """Join the others that ``torchrun`` started, if it did: over NCCL where they train on GPUs, else over gloo.

        Args:
            device: where to train: see :func:`kgzsl.train.devices.pick_device`.
            sharded: whether to share out the weights of the image encoder.

        Raises:
            ConfigError: there are fewer GPUs here than processes, or none and one was asked for.
        """
        count = int(os.environ.get("WORLD_SIZE", "1"))
        if count == 1:
            return cls()
        place = pick_device(device)
        if place.type == "cuda":
            here, gpus = int(os.environ.get("LOCAL_WORLD_SIZE", count)), torch.cuda.device_count()
            if here > gpus:
                fix = f"start {gpus} with --nproc-per-node, or set train.device = 'cpu'"
                got = f"{here} processes on a machine with GPUs: {gpus}"
                raise ConfigError(Problem(got, expected="a GPU for each process", fix=fix))
            torch.cuda.set_device(place)  # NCCL takes a GPU for one process alone
        if not dist.is_initialized():
            dist.init_process_group("nccl" if place.type == "cuda" else "gloo")
            atexit.register(_leave)
        return cls(dist.get_rank(), count, sharded)

    @property
    def first(self) -> bool:
        """Whether this is the process that writes files."""
        return self.rank == 0

    @property
    def takes_part(self) -> bool:
        """Whether this process runs and saves the model when one is enough: the first, or all where it is in pieces."""
        return self.first or self.sharded

    def prepare(self, encoder: nn.Module) -> None:
        """Make an image encoder one that several processes share; its state keeps its names.

        In pieces it has other parameters than before: optimizers are made afterwards.
        """
        if self.count == 1 or not any(p.requires_grad for p in encoder.parameters()):
            return
        for module in encoder.modules():
            if type(module) is nn.BatchNorm2d:
                module.__class__ = _SharedBatchNorm2d
        if self.sharded:
            shard(encoder)
            self._parallel[id(encoder)] = encoder
            return
        parallel = nn.parallel.DistributedDataParallel(encoder, broadcast_buffers=False, find_unused_parameters=True)
        self._parallel[id(encoder)] = parallel

    def encode(self, encoder: nn.Module, images: Tensor) -> Tensor:
        """Tokens of all images of a batch, each process encoding its share."""
        parallel = self._parallel.get(id(encoder))
        if parallel is None or len(images) < self.count:
            return encoder(images)
        shares = images.tensor_split(self.count)
        tokens = parallel(shares[self.rank])
        longest = len(shares[0])
        # Gathering needs one shape: shares differ by one image at most.
        padded = torch.cat([tokens, tokens.new_zeros(longest - len(tokens), *tokens.shape[1:])])
        gathered = shared.all_gather(padded)
        return torch.cat([part[: len(share)] for part, share in zip(gathered, shares, strict=True)])

    def wait(self) -> None:
        """Until all processes are here."""
        if self.count > 1:
            dist.barrier()

    def agree(self, content: Any) -> Any:
        """What the first process has, in all of them."""
        if self.count == 1:
            return content
        box = [content]
        dist.broadcast_object_list(box)
        return box[0]

    def check(self, model: nn.Module) -> None:
        """Compare the weights of all processes, but for those in pieces, which no two of them have.

        Raises:
            FailureError: they have come apart, so that the run means nothing.
        """
        if self.count == 1:
            return
        own = torch.stack([p.detach().double().sum() for p in model.parameters() if not in_pieces(p)])
        theirs = own.clone()
        dist.broadcast(theirs, 0)
        apart = torch.tensor(float(not torch.allclose(own, theirs, rtol=1e-4, atol=1e-4)), device=own.device)
        dist.all_reduce(apart)
        if apart:
            got = f"the weights of {int(apart)} of {self.count} processes differ from the first's"
            raise FailureError(Problem(got, expected="one model", fix="go on with one process"))


class _SharedBatchNorm2d(nn.BatchNorm2d):
    """Batch normalization with the statistics of all processes; torch's own does it on GPUs alone."""

    def forward(self, input: Tensor) -> Tensor:
        """Feature maps ``(image, channel, row, column)``, normalized."""
        if not self.training:
            return super().forward(input)
        # In double precision: the variance is a difference of large sums.
        values = input.double()
        sums = torch.stack([values.sum((0, 2, 3)), values.square().sum((0, 2, 3))])
        count = torch.full((1, sums.shape[1]), input.numel() / input.shape[1], dtype=sums.dtype, device=sums.device)
        total, square, counts = shared.all_reduce(torch.cat([sums, count]))
        mean, variance = total / counts, square / counts - (total / counts).square()
        with torch.no_grad():
            unbiased = variance * counts / (counts - 1)
            for running, now in ((self.running_mean, mean), (self.running_var, unbiased)):
                if running is not None:
                    running.lerp_(now.to(running.dtype), self.momentum or 0.1)
            if self.num_batches_tracked is not None:
                self.num_batches_tracked.add_(1)
        scale = self.weight * (variance + self.eps).rsqrt().to(input.dtype)
        shift = self.bias - mean.to(input.dtype) * scale
        return input * scale[:, None, None] + shift[:, None, None]


def _leave() -> None:
    """Close the connections to the others, and let threads of gloo finish before Python ends.

    Such a thread frees the tensors of the last exchange when that is over already for everyone else. It needs the
    interpreter's lock for it, and one that asks for the lock while Python ends aborts the process
    (pytorch/pytorch issue 190489); sleeping gives the lock away. NCCL has no such threads, and closing waits there for
    the others, who may be gone.
    """
    if dist.is_initialized() and dist.get_backend() == "gloo":
        dist.destroy_process_group()
        time.sleep(0.2)
