"""An epoch of training as the published code of DUET has it, on seen training images alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from kgzsl.errors import Problem, TrainingError
from kgzsl.model.compat_classifier import CompatClassifier
from kgzsl.train.compat_drawing import StepDrawer
from kgzsl.train.compat_objectives import ClassTables, CompatWeights, contrast_losses, grounding_losses, placed
from kgzsl.train.compat_sampling import attribute_frequency, class_distances, sampling_tables
from kgzsl.train.compat_texts import TextPieces
from kgzsl.train.config import TrainConfig
from kgzsl.train.loop import PHASES, Phase, TrainingSet, Validate

__all__ = ["CompatMethod"]

GROUNDING_SHARE = 0.4
"""Chance that a step is one of cross-modal grounding (CSG), not of contrast between images (CLS)."""
DECAY, DECAY_EVERY = 0.8, 10


@dataclass(frozen=True, eq=False)
class CompatMethod:
    """How ``duet-compat`` trains: what :func:`kgzsl.train.loop.fit` is given as its method.

    Of the published schedule: each step is one of grounding with chance 0.4, else one of contrast; Adam without decay,
    made anew in every epoch; the learning rate falls to 0.8 of itself every 10 epochs; no augmentation. Otherwise than
    published, references are training images alone, validation classes select the epoch, and they play the unseen
    classes of self-calibration, which is left out where there are none.

    Args:
        pieces: of the prompts.
        groups: number of each attribute's group, ``(attribute,)``.
        weights: of the terms.
        accumulated: batches to a step of the optimizer (published: 5 AwA2, 10 CUB, 7 SUN). What is left at the end of
            an epoch joins the next one's first step where ``leftover_gradients`` says so, and is else dropped; a
            killed run loses it.
        first_evaluation: batches of an epoch before the published code would evaluate in the middle of it, after which
            it trains on without dropout (``dropout_ends_with_validation``); None: between epochs only, as here.
    """

    pieces: TextPieces
    groups: np.ndarray
    weights: CompatWeights = field(default_factory=CompatWeights)
    accumulated: int = 1
    first_evaluation: int | None = None

    def optimizer(self, model: Any, lr: float, config: TrainConfig) -> torch.optim.Optimizer:
        """Adam; weight decay has no part in the published code."""
        return torch.optim.Adam(model.parameters(), lr=lr)

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
        """Nothing: the published code begins with fresh weights."""
        return {}

    def epoch(
        self,
        model: CompatClassifier,
        data: TrainingSet,
        phase: Phase,
        *,
        config: TrainConfig,
        epoch: int,
        optimizer: torch.optim.Optimizer,
        on_step: Callable[[Any, int, int], None],
    ) -> dict[str, float]:
        """One pass over the phase's images; mean of each term over the steps that have it."""
        seed = np.random.SeedSequence([config.seed, PHASES.index(phase.name), epoch])
        random = np.random.default_rng(seed)
        torch.manual_seed(int(seed.generate_state(1)[0]))
        departures = model.network.departures
        if departures.optimizer_every_epoch:
            optimizer.state.clear()
        if not departures.leftover_gradients:
            optimizer.zero_grad(set_to_none=True)
        for group in optimizer.param_groups:
            group["lr"] = phase.lr * DECAY ** ((epoch - 1) // DECAY_EVERY)
        model.train()
        rows = data.rows(phase.name)
        # Validation classes have no images in this phase: they are the unseen ones of self-calibration.
        vectors, place = model.encode_classes(data.value, data.known), model.log_scale.device
        # Steps are drawn on the CPU, the same everywhere; what the network reads of them goes to where it is.
        tables = placed(ClassTables(vectors, torch.from_numpy(np.flatnonzero(phase.classes))), place)
        drawer = self._drawer(model, data, phase.classes, rows, config.attribute_dropping)
        order = random.permutation(len(rows))
        steps = -(-len(order) // config.batch_size)
        found: dict[str, list[float]] = {}
        for step in range(steps):
            if departures.dropout_ends_with_validation and step == self.first_evaluation:
                model.eval()
            batch = order[step * config.batch_size : (step + 1) * config.batch_size]
            if random.random() < GROUNDING_SHARE:
                asked = placed(drawer.grounding(batch, random), place)
                losses = grounding_losses(model.network, asked, tables, weights=self.weights)
            else:
                template = (model.template, model.template_mask)
                whole = len(batch) == config.batch_size
                drawn = placed(drawer.contrast(batch, random, template=template, whole=whole), place)
                losses = contrast_losses(model.network, drawn, tables, weights=self.weights)
            loss = torch.stack(list(losses.values())).sum() / self.accumulated
            if not torch.isfinite(loss):
                raise TrainingError(Problem(f"the loss is {loss.item()} in epoch {epoch}", fix="lower train.lr"))
            loss.backward()
            if (step + 1) % self.accumulated == 0:
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
            for name, term in losses.items():
                found.setdefault(name, []).append(term.item())
            on_step(phase.name, (epoch - 1) * steps + step + 1, phase.epochs * steps)
        model.eval()
        return {name: float(np.mean(terms)) for name, terms in found.items()}

    def _drawer(
        self, model: CompatClassifier, data: TrainingSet, classes: np.ndarray, rows: np.ndarray, dropping: float
    ) -> StepDrawer:
        """What draws steps from some images (rows of the data; a step names them by their place in ``rows``)."""
        vectors = model.encode_classes(data.value, data.known)[classes].numpy().astype(np.float64)
        strength = (vectors - vectors.min()) / max(float(np.ptp(vectors)), 1e-12)
        # Which attributes a class has is binary in the published code too; strengths would say nearly all.
        stated = data.value if data.stated is None else data.stated
        present = ((stated > 0) & data.known).numpy()[classes]
        departures = model.network.departures
        column = np.cumsum(classes) - 1
        return StepDrawer(
            tables=sampling_tables(
                present,
                class_distances(strength, departures=departures),
                groups=self.groups,
                frequency=attribute_frequency(present),
            ),
            pieces=self.pieces,
            present=present,
            strength=strength,
            groups=self.groups,
            labels=column[data.labels[rows]],
            load=lambda chosen: model.pixels(
                torch.from_numpy(np.ascontiguousarray(data.array[rows[chosen]])).to(model.log_scale.device)
            ),
            dropping=dropping,
            departures=departures,
        )
