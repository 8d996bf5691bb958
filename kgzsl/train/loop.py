"""The fit loop: two phases, one step, a checkpoint after every epoch."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import torch
from torch import Tensor

from kgzsl.data.rows import Rows
from kgzsl.errors import Problem, TrainingError
from kgzsl.model.classifier import ZeroShotClassifier
from kgzsl.train.augment import mirror_and_shift
from kgzsl.train.checkpoint import load_state, load_weights, read_metadata, save_state, save_weights, write_text
from kgzsl.train.config import TrainConfig
from kgzsl.train.masking import PromptTokens
from kgzsl.train.objectives import attribute_regression, classification, masked_attribute, square_classification

__all__ = ["EpochRecord", "Method", "TrainingSet", "fit"]

PhaseName = Literal["select", "refit"]
PHASES: tuple[PhaseName, ...] = ("select", "refit")
Validate = Callable[[ZeroShotClassifier], Mapping[str, float]]


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """Images of seen classes and what is known of these classes; nothing else reaches the loop.

    Args:
        array: pixels or patch features, ``(image, ...)``.
        labels: row of each image's class in the tables below.
        value: attribute values ``(class, attribute)``.
        known: which of them are known.
        prompts: the classes' prompts.
        training: mask over the classes: those that are not held out for validation.
        held_out: mask over the images: those of training classes that play the seen test images
            while selecting.
    """

    array: np.ndarray | Rows
    labels: np.ndarray
    value: Tensor
    known: Tensor
    prompts: PromptTokens
    training: np.ndarray
    held_out: np.ndarray

    def rows(self, phase: PhaseName) -> np.ndarray:
        """The images that a phase trains on."""
        return (
            np.flatnonzero(self.training[self.labels] & ~self.held_out)
            if phase == "select"
            else np.arange(len(self.labels))
        )


@dataclass(frozen=True)
class EpochRecord:
    """What one epoch gave: mean losses, and the validation metrics where it was validated."""

    phase: PhaseName
    epoch: int
    losses: Mapping[str, float]
    validation: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class _Phase:
    """A run of epochs over the images of some classes."""

    name: PhaseName
    epochs: int
    lr: float
    classes: np.ndarray


class Method(Protocol):
    """A way to train: its optimizer, and what an epoch is."""

    def optimizer(self, model: Any, lr: float, weight_decay: float) -> torch.optim.Optimizer:
        """What a phase begins with."""

    def epoch(
        self,
        model: Any,
        data: TrainingSet,
        phase: Any,
        *,
        config: TrainConfig,
        epoch: int,
        optimizer: torch.optim.Optimizer,
        on_step: Callable[[PhaseName, int, int], None],
    ) -> dict[str, float]:
        """One pass over the phase's images; mean of each loss. All that is random in it follows from its arguments."""


def fit(
    model: ZeroShotClassifier,
    data: TrainingSet,
    *,
    config: TrainConfig,
    folder: Path,
    validate: Validate,
    method: Method | None = None,
    settle: Validate = lambda model: {},
    on_epoch: Callable[[EpochRecord], None] = lambda record: None,
    on_step: Callable[[PhaseName, int, int], None] = lambda phase, step, steps: None,
) -> Mapping[str, float]:
    """Train a classifier, select its checkpoint on validation classes, go on with all seen classes.

    Writes ``metrics.jsonl`` (one :class:`EpochRecord` a line), ``last.safetensors`` (to resume from) and
    at the end ``checkpoint.safetensors``. Called again on the folder of a killed run it goes on
    after its last complete epoch, with the same bits as if it had not been killed.

    Args:
        model: modified in place; ends with the final weights.
        data: images and class tables.
        config: schedule and objective weights.
        folder: the run folder.
        validate: metrics of the model on the validation classes; ``"H"`` selects.
        method: another way to train than the default one.
        settle: called once with the selected model, which it may change (its gate), before training goes on
            with all seen classes; what it returns is added to the metrics.
        on_epoch: called after every epoch.
        on_step: called after every step with the phase, the step and the steps of the phase.

    Returns:
        The validation metrics of the selected epoch, and what ``settle`` gave.

    Raises:
        TrainingError: the loss is not finite.
    """
    everything = np.ones_like(data.training)
    phases = [_Phase("select", config.epochs, config.lr, data.training)]
    if config.refit_epochs and not data.training.all():
        phases.append(_Phase("refit", config.refit_epochs, config.refit_lr, everything))
    resumed = _resume_point(folder)
    best: dict[str, float] = resumed.get("best", {})
    for phase in phases:
        if resumed.get("phase") == "refit" and phase.name == "select":
            continue
        optimizer = (method.optimizer if method else _optimizer)(model, phase.lr, config.weight_decay)
        start = 0
        if resumed.get("phase") == phase.name:
            load_state(folder / "last.safetensors", model, optimizer)
            start = int(resumed["epoch"])
        for epoch in range(start + 1, phase.epochs + 1):
            one_pass = method.epoch if method else _epoch
            losses = one_pass(model, data, phase, config=config, epoch=epoch, optimizer=optimizer, on_step=on_step)
            due = phase.name == "select" and (epoch % config.validate_every == 0 or epoch == phase.epochs)
            metrics = dict(validate(model)) if due else {}
            if due and metrics["H"] >= best.get("H", -1.0):
                best = metrics
                save_weights(folder / "best.safetensors", model, {"epoch": epoch, "validation": best})
            record = EpochRecord(phase.name, epoch, losses, metrics)
            _append(folder / "metrics.jsonl", record)
            progress = {"phase": phase.name, "epoch": epoch, "best": best}
            save_state(folder / "last.safetensors", model, optimizer, progress)
            on_epoch(record)
        if phase.name == "select":
            load_weights(folder / "best.safetensors", model)
            best = {**best, **settle(model)}
    model.eval()
    return best


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
    """One JSON line."""
    line = {"phase": record.phase, "epoch": record.epoch, **record.losses, "validation": dict(record.validation)}
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def _optimizer(model: ZeroShotClassifier, lr: float, weight_decay: float) -> torch.optim.AdamW:
    """AdamW; biases, norms and embeddings' scales are not decayed."""
    decayed = [p for p in model.parameters() if p.requires_grad and p.ndim >= 2]
    kept = [p for p in model.parameters() if p.requires_grad and p.ndim < 2]
    groups = [{"params": decayed, "weight_decay": weight_decay}, {"params": kept, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=lr)


def learning_rate(step: int, steps: int, *, peak: float, warmup: float) -> float:
    """Linear warm-up, then cosine decay to 0.

    Example:
        >>> [round(learning_rate(s, 10, peak=1.0, warmup=0.2), 2) for s in (0, 1, 5, 9)]
        [0.5, 1.0, 0.69, 0.04]
    """
    rising = max(1, round(warmup * steps))
    if step < rising:
        return peak * (step + 1) / rising
    return peak * 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))


def _epoch(
    model: ZeroShotClassifier,
    data: TrainingSet,
    phase: _Phase,
    *,
    config: TrainConfig,
    epoch: int,
    optimizer: torch.optim.Optimizer,
    on_step: Callable[[PhaseName, int, int], None],
) -> dict[str, float]:
    """One pass over the phase's images; mean of each loss."""
    # Everything random in an epoch follows from (seed, phase, epoch), so that a resumed run has the same bits.
    seed = int(np.random.SeedSequence([config.seed, PHASES.index(phase.name), epoch]).generate_state(1)[0])
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    model.train()
    rows = data.rows(phase.name)
    column = torch.from_numpy(np.cumsum(phase.classes) - 1)
    value, known = data.value[phase.classes], data.known[phase.classes]
    batches = list(_batches(rows, config.batch_size, generator))
    total: dict[str, float] = {}
    for index, batch in enumerate(batches):
        step = (epoch - 1) * len(batches) + index
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, phase.epochs * len(batches), peak=phase.lr, warmup=config.warmup)
        labels = torch.from_numpy(data.labels[batch])
        losses = _losses(
            model,
            data,
            torch.from_numpy(data.array[batch]),
            labels,
            columns=column[labels],
            tables=(value, known),
            config=config,
            masking=step % config.masked_every == 0,
            generator=generator,
        )
        loss = torch.stack(list(losses.values())).sum()
        if not torch.isfinite(loss):
            raise TrainingError(Problem(f"the loss is {loss.item()} in epoch {epoch}", fix="lower train.lr"))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        for name, term in losses.items():
            total[name] = total.get(name, 0.0) + term.item()
        on_step(phase.name, step + 1, phase.epochs * len(batches))
    model.eval()
    return {name: value / len(batches) for name, value in total.items()}


def _batches(rows: np.ndarray, size: int, generator: torch.Generator) -> Iterator[np.ndarray]:
    """Shuffled rows in batches; a last batch of one is left out (batch normalization needs two)."""
    order = rows[torch.randperm(len(rows), generator=generator).numpy()]
    for start in range(0, len(order), size):
        if len(batch := order[start : start + size]) > 1:
            yield batch


def _losses(
    model: ZeroShotClassifier,
    data: TrainingSet,
    images: Tensor,
    labels: Tensor,
    *,
    columns: Tensor,
    tables: tuple[Tensor, Tensor],
    config: TrainConfig,
    masking: bool,
    generator: torch.Generator,
) -> dict[str, Tensor]:
    """The objectives of one batch, weighted. Class-side text is encoded once, whatever the batch size."""
    if config.augment and images.dtype == torch.uint8:
        images = mirror_and_shift(images, generator=generator)
    value, known = tables
    tokens = model.image_encoder(images)
    evidence = model.encode_tokens(tokens, model.encode_text()).evidence
    scores = model.scores(evidence, model.encode_classes(value, known))
    losses = {
        "classification": square_classification(scores, columns)
        if config.classification == "square"
        else classification(scores, columns, label_smoothing=config.label_smoothing),
        "attribute_regression": config.attribute_regression
        * attribute_regression(model.attribute_logits(evidence), value[columns], known[columns]),
    }
    if masking and config.masked_attribute:
        some = slice(0, max(1, round(config.masked_share * len(labels))))
        asked = data.prompts.draw(labels[some], dropping=config.attribute_dropping, generator=generator)
        words = model.words_at_masks(tokens[some], asked.tokens, mask=asked.mask, masked=asked.masked)
        losses["masked_attribute"] = config.masked_attribute * masked_attribute(words, asked.words)
    return losses
