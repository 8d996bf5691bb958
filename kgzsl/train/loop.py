"""The fit loop: phases that select and refit, one step, a checkpoint after every epoch."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import torch
from torch import Tensor

from kgzsl.data.rows import Rows
from kgzsl.semantics.swaps import Swaps
from kgzsl.train.checkpoint import (
    load_state,
    load_weights,
    read_metadata,
    room_for,
    save_state,
    save_weights,
    write_text,
)
from kgzsl.train.config import TrainConfig
from kgzsl.train.masking import PromptTokens
from kgzsl.train.processes import Processes

__all__ = ["SELECTED_BY", "EpochRecord", "Method", "Phase", "TrainingSet", "fit"]

PhaseName = Literal["select", "refit", "settle"]
PHASES: tuple[PhaseName, ...] = ("select", "refit", "settle")
SELECTED_BY = "AUSUC"
"""The validation measure that selects: the area under the whole curve hangs less on a few images than one point of it,
and no gamma has to be chosen first."""
Validate = Callable[[Any], Mapping[str, float]]


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """Images of seen classes and what is known of these classes; nothing else reaches the loop.

    Args:
        array: pixels or patch features, ``(image, ...)``.
        labels: row of each image's class in the tables below.
        value: attribute values ``(class, attribute)``, in degrees where strengths are given.
        known: which of them are known.
        prompts: the classes' prompts.
        training: mask over the classes: those that are not held out for validation.
        held_out: mask over the images: those of training classes that play the seen test images
            while selecting.
        stated: attribute values as the ontology says them, where ``value`` holds strengths; None: the same.
        states: what else describes the classes, by source, ``(class, dim)``.
        swaps: facts that may be swapped for false ones; None where that is not trained.
    """

    array: np.ndarray | Rows
    labels: np.ndarray
    value: Tensor
    known: Tensor
    prompts: PromptTokens
    training: np.ndarray
    held_out: np.ndarray
    stated: Tensor | None = None
    states: Mapping[str, Tensor] = field(default_factory=dict)
    swaps: Swaps | None = None

    def rows(self, phase: PhaseName) -> np.ndarray:
        """The images that a phase trains on."""
        return (
            np.arange(len(self.labels))
            if phase == "refit"
            else np.flatnonzero(self.training[self.labels] & ~self.held_out)
        )


@dataclass(frozen=True)
class EpochRecord:
    """What one epoch gave: mean losses, the validation metrics where it was validated, the last learning rate."""

    phase: PhaseName
    epoch: int
    losses: Mapping[str, float]
    validation: Mapping[str, float] = field(default_factory=dict)
    lr: float = 0.0

    def line(self) -> str:
        """As a line of ``metrics.jsonl``."""
        content = {"phase": self.phase, "epoch": self.epoch, **self.losses, "validation": dict(self.validation)}
        return json.dumps(content) + "\n"


@dataclass(frozen=True)
class Phase:
    """A run of epochs over the images of some classes.

    Args:
        name: ``select``, ``settle`` (under the gates that were set then), or ``refit``.
        epochs: in all.
        lr: the highest learning rate.
        classes: mask over the classes that have images in it.
    """

    name: PhaseName
    epochs: int
    lr: float
    classes: np.ndarray


class Method(Protocol):
    """A way to train: its optimizer, and what an epoch is."""

    def optimizer(self, model: Any, lr: float, config: TrainConfig) -> torch.optim.Optimizer:
        """What a phase begins with."""

    def begin(
        self,
        model: Any,
        data: TrainingSet,
        phase: Phase,
        *,
        config: TrainConfig,
        validate: Validate | None = None,
        chosen: Mapping[str, float],
    ) -> dict[str, float]:
        """With fresh weights, before the first epoch: what was chosen, by ``validate`` or as ``chosen`` says."""

    def epoch(
        self,
        model: Any,
        data: TrainingSet,
        phase: Phase,
        *,
        config: TrainConfig,
        epoch: int,
        optimizer: torch.optim.Optimizer,
        on_step: Callable[[PhaseName, int, int], None],
    ) -> dict[str, float]:
        """One pass over the phase's images; mean of each loss. All that is random in it follows from its arguments."""


def fit(
    model: Any,
    data: TrainingSet,
    method: Method,
    *,
    config: TrainConfig,
    folder: Path,
    validate: Validate,
    processes: Processes | None = None,
    settle: Validate = lambda model: {},
    keep: Callable[[EpochRecord], None] = lambda record: None,
    on_epoch: Callable[[EpochRecord], None] = lambda record: None,
    on_step: Callable[[PhaseName, int, int], None] = lambda phase, step, steps: None,
) -> Mapping[str, float]:
    """Train a classifier, select its checkpoint on validation classes, train on all seen classes.

    Writes ``metrics.jsonl`` (one :class:`EpochRecord` a line), ``last.safetensors`` (to resume from) and
    ``best.safetensors`` (the selected weights); the final ones are the caller's to save. Called again on the folder of
    a killed run it goes on after its last complete epoch, with the same bits as if it had not been killed.

    Args:
        model: modified in place; ends with the final weights.
        data: images and class tables.
        method: how an epoch is trained.
        config: schedule and objective weights.
        folder: the run folder.
        validate: metrics of the model on the validation classes; :data:`SELECTED_BY` selects.
        processes: that train together; the first alone validates and writes, or all where the model is in pieces.
        settle: called once with the selected model, which it may change (its gate), before training goes on
            with all seen classes; what it returns is added to the metrics. Where that has ``gated`` above 0 and the
            next phase begins with fresh weights, the selected ones are first trained under what was set.
        keep: called after every epoch, before its checkpoint: again, with the same weights, if the run is killed then.
        on_epoch: called after every epoch and its checkpoint.
        on_step: called after every step with the phase, the step and the steps of the phase.

    Returns:
        The validation metrics of the selected epoch, and what ``settle`` gave.

    Raises:
        TrainingError: the loss is not finite.
        FailureError: the disk is full; the last checkpoint is as it was.
    """
    processes = processes or Processes()
    anew = config.refit == "anew"
    fresh = {name: tensor.clone() for name, tensor in model.state_dict().items()} if anew else {}
    everything = np.ones_like(data.training)
    phases = [Phase("select", config.epochs, config.lr, data.training)]
    if config.refit_epochs and not data.training.all():
        on = (config.refit_epochs, config.refit_lr)
        if anew:
            phases += [Phase("settle", *on, data.training), Phase("refit", config.epochs, config.lr, everything)]
        else:
            phases.append(Phase("refit", *on, everything))
    names = [phase.name for phase in phases]
    resumed = processes.agree(_resume_point(folder) if processes.first else {})
    best: dict[str, float] = resumed.get("best", {})
    begun: dict[str, float] = resumed.get("begun", {})
    for phase in phases:
        if resumed and names.index(phase.name) < names.index(resumed["phase"]):
            continue
        optimizer = method.optimizer(model, phase.lr, config)
        start = 0
        if resumed.get("phase") == phase.name:
            load_state(folder / "last.safetensors", model, optimizer)
            start = int(resumed["epoch"])
        elif phase.name == "select":
            begun = method.begin(model, data, phase, config=config, validate=validate, chosen={})
            # What was begun in closed form is a candidate, as epoch 0: training may find nothing better.
            start = -1 if begun else 0
        elif phase.name == "refit" and anew:
            _renew(model, fresh)
            method.begin(model, data, phase, config=config, chosen=best)
        epochs = phase.epochs
        if phase.name == "refit" and anew:
            epochs = int(best["epoch"])
        elif phase.name == "settle" and not (best["epoch"] and best.get("gated")):
            epochs = 0  # steps made nothing better, or there is nothing to get used to
        for epoch in range(start + 1, epochs + 1):
            losses: Mapping[str, float] = {}
            if epoch:
                losses = method.epoch(
                    model, data, phase, config=config, epoch=epoch, optimizer=optimizer, on_step=on_step
                )
            due = phase.name == "select" and (epoch % config.validate_every == 0 or epoch == phase.epochs)
            metrics = processes.agree(dict(validate(model)) if due and processes.takes_part else {})
            better = due and metrics[SELECTED_BY] >= best.get(SELECTED_BY, -1.0)
            best = {**metrics, **begun, "epoch": epoch} if better else best
            record = EpochRecord(phase.name, epoch, losses, metrics, optimizer.param_groups[0]["lr"])
            if processes.takes_part:
                if better:
                    save_weights(folder / "best.safetensors", model, {"epoch": epoch, "validation": best})
                keep(record)
                if processes.first:
                    _append(folder / "metrics.jsonl", record)
                progress = {"phase": phase.name, "epoch": epoch, "best": best, "begun": begun}
                save_state(folder / "last.safetensors", model, optimizer, progress)
            on_epoch(record)
        if phase.name == "select":
            processes.wait()
            load_weights(folder / "best.safetensors", model)
            best = {**best, **settle(model)}
        elif phase.name == "settle" and epochs:
            best = {**best, **processes.agree(dict(validate(model)) if processes.takes_part else {})}
    model.eval()
    return best


def _renew(model: Any, fresh: Mapping[str, Tensor]) -> None:
    """The weights that the model began with, under the gates that validation classes set."""
    set_by_them = (".gate", ".bearing", ".judged")
    gates = {name: tensor.clone() for name, tensor in model.state_dict().items() if name.endswith(set_by_them)}
    model.load_state_dict({**fresh, **gates})


def _resume_point(folder: Path) -> dict:
    """Phase, epoch and best metrics of a killed run's last checkpoint, or nothing."""
    path = folder / "last.safetensors"
    if not path.is_file():
        (folder / "metrics.jsonl").unlink(missing_ok=True)
        return {}
    resumed = read_metadata(path)
    # The record of an epoch is written before its checkpoint: drop one that has no checkpoint.
    kept = []
    for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines():
        kept.append(line)
        record = json.loads(line)
        if (record["phase"], record["epoch"]) == (resumed["phase"], resumed["epoch"]):
            break
    write_text(folder / "metrics.jsonl", "\n".join(kept) + "\n")
    return resumed


def _append(path: Path, record: EpochRecord) -> None:
    """The record as one more line."""
    with room_for(path), path.open("a", encoding="utf-8") as file:
        file.write(record.line())
