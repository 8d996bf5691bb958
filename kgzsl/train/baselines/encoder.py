"""Where there is no frozen backbone: the image encoder of a baseline, trained as a plain classifier of classes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from kgzsl.data.rows import Rows
from kgzsl.errors import Problem, TrainingError
from kgzsl.model.baselines import MeanToken
from kgzsl.train.augment import mirror_and_shift
from kgzsl.train.config import TrainConfig
from kgzsl.train.duet import learning_rate
from kgzsl.train.loop import PHASES, PhaseName
from kgzsl.train.objectives import classification

__all__ = ["fit_encoder"]

SCALE = 16.0
"""Of the cosines between features and class weights."""


def fit_encoder(
    images: MeanToken,
    pixels: np.ndarray | Rows,
    labels: np.ndarray,
    *,
    config: TrainConfig,
    phase: PhaseName,
    on_step: Callable[[PhaseName, int, int], None] = lambda phase, step, steps: None,
) -> None:
    """Train an image encoder to tell classes by the mean token, with the schedule and objective of ``[train]``.

    Args:
        images: its encoder is trained in place; the linear layer above it is thrown away.
        pixels: uint8 ``(image, height, width, 3)``.
        labels: class of each image.
        config: epochs, learning rate, batch size, augmentation, seed.
        phase: which of the two learning rates and numbers of epochs; nothing is chosen in either.
        on_step: called after every step with the phase, the step and the steps of the phase.

    Raises:
        TrainingError: the loss is not finite.
    """
    epochs, peak = (config.epochs, config.lr) if phase == "select" else (config.refit_epochs, config.refit_lr)
    seed = int(np.random.SeedSequence([config.seed, PHASES.index(phase)]).generate_state(1)[0])
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    classes, columns = np.unique(labels, return_inverse=True)
    head = nn.Linear(images.width, len(classes), bias=False).weight
    parameters = [*images.parameters(), head]
    optimizer = torch.optim.AdamW(parameters, lr=peak, weight_decay=config.weight_decay)
    targets = torch.from_numpy(columns)
    batches = [len(b) for b in torch.arange(len(labels)).split(config.batch_size) if len(b) > 1]
    steps, done = epochs * len(batches), 0
    images.train()
    for _ in range(epochs):
        # A last batch of one is left out: batch normalization needs two.
        for rows in torch.randperm(len(labels), generator=generator).split(config.batch_size)[: len(batches)]:
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(done, steps, peak=peak, warmup=config.warmup)
            batch = torch.from_numpy(pixels[rows.numpy()])
            batch = mirror_and_shift(batch, generator=generator) if config.augment else batch
            scores = SCALE * images(batch) @ F.normalize(head, dim=1).T
            loss = classification(scores, targets[rows], label_smoothing=config.label_smoothing)
            if not torch.isfinite(loss):
                raise TrainingError(Problem(f"the encoder's loss is {loss.item()}", fix="lower train.lr"))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            done += 1
            on_step(phase, done, steps)
    images.eval()
