"""Event files for TensorBoard: what ``metrics.jsonl`` says of every epoch, and the learning rate."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kgzsl.errors import ConfigError, Problem
from kgzsl.train.config import TrainConfig
from kgzsl.train.loop import EpochRecord

__all__ = ["event_files", "need_tensorboard"]


def need_tensorboard() -> Any:
    """The writer's class.

    Raises:
        ConfigError: TensorBoard is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        fix = "pip install 'kgzsl[log]', or leave out train.tensorboard"
        raise ConfigError(Problem("train.tensorboard without TensorBoard", fix=fix)) from None
    return SummaryWriter


@contextmanager
def event_files(folder: Path, config: TrainConfig) -> Iterator[Callable[[EpochRecord], None]]:
    """What writes losses, learning rate and validation metrics of an epoch, if ``train.tensorboard`` asks for it.

    The step of an event is the epoch; those of a phase go on after the one before. A resumed run adds a file.

    Args:
        folder: where ``tensorboard/`` is to be.
        config: ``tensorboard``, and the epochs of the phases.
    """
    if not config.tensorboard:
        yield lambda record: None
        return
    settled = config.epochs + (config.refit_epochs if config.refit == "anew" else 0)
    before = {"select": 0, "settle": config.epochs, "refit": settled}
    with need_tensorboard()(str(folder / "tensorboard")) as writer:

        def write(record: EpochRecord) -> None:
            step = record.epoch + before[record.phase]
            writer.add_scalar("learning rate", record.lr, step)
            for group, values in (("loss", record.losses), ("validation", record.validation)):
                for name, value in values.items():
                    writer.add_scalar(f"{group}/{name}", value, step)
            writer.flush()

        yield write
