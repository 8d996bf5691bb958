"""How DUET is trained: its objectives in one step, and the schedule that mixes its two tasks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from kgzsl.data.rows import take_rows
from kgzsl.errors import Problem, TrainingError
from kgzsl.model.classifier import ZeroShotClassifier
from kgzsl.train.augment import mirror_and_shift
from kgzsl.train.config import TrainConfig
from kgzsl.train.loop import PHASES, SELECTED_BY, Phase, PhaseName, TrainingSet, Validate
from kgzsl.train.masking import WrittenPrompts
from kgzsl.train.objectives import (
    attribute_contrast,
    attribute_regression,
    classification,
    instance_contrast,
    masked_attribute,
    self_calibration,
    square_classification,
    swapped_fact,
)
from kgzsl.train.processes import Processes
from kgzsl.train.references import References, ReferenceTables
from kgzsl.train.sharding import clip_gradients
from kgzsl.train.swapping import SwapTable
from kgzsl.train.warm_start import warm_start

__all__ = ["DuetMethod", "learning_rate"]


@dataclass(frozen=True, eq=False)
class DuetMethod:
    """DUET's multi-task training.

    Every step classifies, regresses attributes and, where asked, calibrates itself. With chance
    ``train.grounding_share`` it is also one of cross-modal semantic grounding: a part of the images is asked for a
    masked attribute of its prompt, and the state of the attribute is contrasted with that in other images of the batch;
    where asked, a prompt is told from the same one with a false value.
    Otherwise it contrasts images. Each image is encoded once, all prompts of a step in one forward, the attributes'
    phrases once.

    Source: DUET (Chen et al., AAAI 2023): multi-task learning of T_CSG and T_CLS.

    Args:
        processes: that train together.
    """

    processes: Processes = field(default_factory=Processes)

    def optimizer(self, model: ZeroShotClassifier, lr: float, config: TrainConfig) -> torch.optim.Optimizer:
        """AdamW; biases, norms and scales are not decayed, and pretrained weights learn at a share of the rate."""
        if _keeps(model, config):
            for module in model.appearance():
                module.requires_grad_(False)
        slow = {id(parameter) for parameter in model.pretrained()}
        groups: dict[tuple[float, float], list[torch.nn.Parameter]] = {}
        for parameter in model.parameters():
            if parameter.requires_grad:
                share = config.backbone_lr if id(parameter) in slow else 1.0
                decay = config.weight_decay if parameter.ndim >= 2 else 0.0
                groups.setdefault((share, decay), []).append(parameter)
        # In one order, the decayed first: an optimizer's state is saved by the number of the parameter.
        keys = sorted(groups, reverse=True)
        return torch.optim.AdamW([{"params": groups[k], "weight_decay": k[1], "share": k[0]} for k in keys], lr=lr)

    def begin(
        self,
        model: ZeroShotClassifier,
        data: TrainingSet,
        phase: Phase,
        *,
        config: TrainConfig,
        validate: Validate | None = None,
        chosen: Mapping[str, float],
    ) -> dict[str, float]:
        """With frozen features, and as ``train.warm_start`` says: what a patch shows, in closed form."""
        if config.warm_start == "off" or not _frozen(model):
            return {}
        model.eval()
        rows = data.rows(phase.name)
        place = model.log_scale.device
        return warm_start(
            model,
            take_rows(data.array, rows),
            data.labels[rows],
            classes=model.encode_classes(
                data.value.to(place), data.known.to(place), {name: s.to(place) for name, s in data.states.items()}
            ),
            judge=(lambda: validate(model)[SELECTED_BY]) if validate else None,
            chosen=chosen,
        )

    def epoch(
        self,
        model: ZeroShotClassifier,
        data: TrainingSet,
        phase: Phase,
        *,
        config: TrainConfig,
        epoch: int,
        optimizer: torch.optim.Optimizer,
        on_step: Callable[[PhaseName, int, int], None],
    ) -> dict[str, float]:
        """One pass over the phase's images; mean of each loss over the batches that have it."""
        # Everything random in an epoch follows from (seed, phase, epoch), so that a resumed run has the same bits.
        seed = int(np.random.SeedSequence([config.seed, PHASES.index(phase.name), epoch]).generate_state(1)[0])
        torch.manual_seed(seed)
        generator = torch.Generator().manual_seed(seed)
        model.train()
        if _keeps(model, config):
            for module in model.appearance():
                module.eval()
        device = model.log_scale.device
        step = _Step(model, data, phase, config=config, generator=generator, processes=self.processes)
        batches = list(paired_batches(data.rows(phase.name), data.labels, config.batch_size, generator))
        steps = math.ceil(len(batches) / config.accumulate)
        precision = torch.autocast(device.type, torch.bfloat16) if config.precision == "bf16" else nullcontext()
        found: dict[str, list[float]] = {}
        for number, batch in enumerate(batches):
            rate = learning_rate(
                (epoch - 1) * steps + number // config.accumulate,
                phase.epochs * steps,
                peak=phase.lr,
                warmup=config.warmup,
            )
            for group in optimizer.param_groups:
                group["lr"] = rate * group["share"]
            with precision:
                losses = step.losses(batch)
            loss = torch.stack(list(losses.values())).sum()
            if not torch.isfinite(loss):
                raise TrainingError(Problem(f"the loss is {loss.item()} in epoch {epoch}", fix="lower train.lr"))
            (loss / config.accumulate).backward()
            if (number + 1) % config.accumulate == 0 or number + 1 == len(batches):
                clip_gradients(model.parameters(), config.clip)
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
            for name, term in losses.items():
                found.setdefault(name, []).append(term.item())
            on_step(phase.name, (epoch - 1) * len(batches) + number + 1, phase.epochs * len(batches))
        model.eval()
        self.processes.check(model)
        return {name: float(np.mean(terms)) for name, terms in found.items()}


def _frozen(model: ZeroShotClassifier) -> bool:
    """Whether images come as features: the image encoder has no weights."""
    return not any(True for _ in model.image_encoder.parameters())


def _keeps(model: ZeroShotClassifier, config: TrainConfig) -> bool:
    """Whether what attributes look like stays as it began."""
    return config.warm_start == "keep" and _frozen(model)


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


def paired_batches(rows: np.ndarray, labels: np.ndarray, size: int, generator: torch.Generator) -> Iterator[np.ndarray]:
    """Rows in random order and in batches, images of a class in twos, so that each has one to be like.

    A last batch of one is left out: there is nothing in it to tell apart.

    Args:
        rows: of the images.
        labels: class of each image of the data set.
        size: images in a batch.
        generator: source of randomness.

    Example:
        >>> labels = np.array([0, 1, 0, 1])
        >>> generator = torch.Generator().manual_seed(0)
        >>> [labels[batch].tolist() for batch in paired_batches(np.arange(4), labels, 2, generator)]
        [[0, 0], [1, 1]]
    """
    shuffled = rows[torch.randperm(len(rows), generator=generator).numpy()]
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    _, starts = np.unique(labels[by_class], return_index=True)
    # Number of the image within its class, and from it the pair that it belongs to.
    place = np.arange(len(by_class)) - np.repeat(starts, np.diff([*starts, len(by_class)]))
    pair = np.cumsum(place % 2 == 0) - 1
    turn = torch.randperm(int(pair[-1]) + 1 if len(pair) else 0, generator=generator).numpy()
    order = by_class[np.argsort(turn[pair], kind="stable")]
    for start in range(0, len(order), size):
        if len(batch := order[start : start + size]) > 1:
            yield batch


class _Step:
    """The objectives of one batch, weighted; what stays the same over a phase is made once."""

    def __init__(
        self,
        model: ZeroShotClassifier,
        data: TrainingSet,
        phase: Phase,
        *,
        config: TrainConfig,
        generator: torch.Generator,
        processes: Processes,
    ) -> None:
        self.model, self.config, self.generator, self.processes = model, config, generator, processes
        self.array, self.labels = data.array, data.labels
        self.device = model.log_scale.device
        self.value, self.known = data.value.to(self.device), data.known.to(self.device)
        self.states = {source: table.to(self.device) for source, table in data.states.items()}
        # Once gates are set, what they close is no longer asked for.
        self.gate = torch.ones_like(model.classes.gate) if model.classes.silent else model.classes.gate
        self.prompts = data.prompts.under(self.gate.cpu())
        self.trained = torch.from_numpy(phase.classes).to(self.device)
        self.column = self.trained.cumsum(0) - 1
        self.properties = model.classes.properties.cpu()
        self.references = ReferenceTables.of(
            data.value, data.known, present=self.prompts.weights > 0, properties=self.properties
        )
        self.swaps = None if data.swaps is None else SwapTable.of(data.swaps, self.prompts.weights)

    def losses(self, batch: np.ndarray) -> dict[str, Tensor]:
        """Of the images in these rows."""
        config, model = self.config, self.model
        classes = torch.from_numpy(self.labels[batch])
        labels = classes.to(self.device)
        images = torch.from_numpy(self.array[batch])
        if config.augment and images.dtype == torch.uint8:
            images = mirror_and_shift(images, generator=self.generator)
        tokens = self.processes.encode(model.image_encoder, images.to(self.device, non_blocking=True))
        text = model.encode_text()
        states = model.ground(tokens, text)
        evidence = model.see(states, tokens, text).evidence
        losses = self._base(evidence, labels)
        if torch.rand((), generator=self.generator) < config.grounding_share:
            losses |= self._grounding(tokens, states, classes)
        elif config.instance_contrast:
            contrast = instance_contrast(states.mean(1).float(), labels, temperature=config.temperature)
            losses["instance_contrast"] = config.instance_contrast * contrast
        return losses

    def _base(self, evidence: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Classification, attribute regression and self-calibration."""
        config, model = self.config, self.model
        classes = model.encode_classes(self.value, self.known, self.states)
        # Attributes and each source of states learn to tell classes alone: none of them may count on another, which
        # a gate may close.
        by_block = [model.scores(evidence[:, b], classes[:, b]).float() for b in model.classes.blocks]
        scores, target = torch.stack(by_block).sum(0), self.column[labels]
        told = [
            square_classification(block[:, self.trained], target)
            if config.classification == "square"
            else classification(block[:, self.trained], target, label_smoothing=config.label_smoothing)
            for block in by_block[model.classes.silent :]
        ]
        logits = model.attribute_logits(evidence).float()
        regression = attribute_regression(logits, self.value[labels], self.known[labels] * self.gate)
        losses = {
            "classification": torch.stack(told).sum(),
            "attribute_regression": config.attribute_regression * regression,
        }
        # While selecting, validation classes play the unseen ones; afterwards no class is without images.
        if config.self_calibration and not self.trained.all():
            losses["self_calibration"] = config.self_calibration * self_calibration(scores, ~self.trained)
        return losses

    def _grounding(self, tokens: Tensor, patches: Tensor, classes: Tensor) -> dict[str, Tensor]:
        """Masked attribute prediction, attribute-level contrast and swapped facts, asked of a part of the batch."""
        config, model = self.config, self.model
        asked = torch.randperm(len(classes), generator=self.generator)[: max(1, round(config.asked * len(classes)))]
        able = self.references.able(classes[asked], classes) if config.attribute_contrast else None
        attributes = self.prompts.choose(classes[asked], generator=self.generator, able=able)
        # All pairs of image and prompt in one forward: those asked with their attribute masked, then the references,
        # then those with a swapped fact.
        rows, shown, drawn = asked, attributes, None
        if config.attribute_contrast:
            drawn = self.references.draw(
                classes[asked], attributes, batch=classes, negatives=config.negatives, generator=self.generator
            )
            rows = torch.cat([asked, drawn.positives, drawn.negatives.flatten()])
            shown = torch.cat([attributes, attributes[drawn.anchors], drawn.rivals.flatten()])
        hidden = torch.arange(len(rows)) < len(asked)
        written = self.prompts.write(
            classes[rows], shown, dropping=config.attribute_dropping, generator=self.generator, hidden=hidden
        )
        start = len(rows)
        if pairs := self._swapped(classes, asked):
            rows, written = torch.cat([rows, pairs.rows]), written.joined(pairs.written)
        written = written.to(self.device)
        states = model.ground_words(tokens[rows.to(self.device)], written.tokens, written.mask)
        losses = {}
        if config.masked_attribute:
            places = written.places & (torch.arange(len(rows)) < len(asked)).to(self.device)[:, None]
            guess = masked_attribute(model.word_head(states[places]).float(), written.words[places])
            losses["masked_attribute"] = config.masked_attribute * guess
        if drawn is not None or pairs:
            words = model.contrast_head(model.text_encoder.mean(states, written.places)).float()
        if drawn is not None:
            own = self.value[classes[asked][drawn.anchors], attributes[drawn.anchors]]
            weight = torch.minimum(own, self.value[classes[drawn.positives], attributes[drawn.anchors]])
            contrast = self._contrast(words[:start], drawn, count=len(asked), weight=weight)
            losses["attribute_contrast"] = config.attribute_contrast * contrast
        if pairs:
            pictures = model.contrast_head(patches.mean(1)[pairs.rows.to(self.device)]).float()
            true, swapped = F.cosine_similarity(words[start:], pictures, dim=-1).chunk(2)
            losses["swapped_fact"] = config.swapped_fact * swapped_fact(true, swapped)
        return losses

    def _swapped(self, classes: Tensor, asked: Tensor) -> _Pairs | None:
        """Images asked with their class's prompt, then with a fact of it swapped; None without any such fact."""
        if self.swaps is None:
            return None
        drawn = self.swaps.draw(classes[asked], generator=self.generator)
        rows, drawn = asked[drawn >= 0], drawn[drawn >= 0]
        if not len(rows):
            return None
        stated = self.swaps.stated[drawn]
        written = self.prompts.write_swapped(
            classes[rows],
            stated,
            self.swaps.others[drawn],
            dropping=self.config.attribute_dropping,
            generator=self.generator,
            apart=self.properties[stated][:, None] == self.properties,
        )
        return _Pairs(rows.repeat(2), written)

    def _contrast(self, words: Tensor, drawn: References, *, count: int, weight: Tensor) -> Tensor:
        """Attribute-level contrast of states ``(pair, dim)``: those asked, their positives, their negatives."""
        anchors = len(drawn.anchors)
        return attribute_contrast(
            words[drawn.anchors.to(self.device)],
            words[count : count + anchors],
            words[count + anchors :].unflatten(0, drawn.negatives.shape),
            usable=drawn.usable.to(self.device),
            weight=weight,
            temperature=self.config.temperature,
        )


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Images and their prompts: as they are, then with a fact swapped.

    Args:
        rows: of the batch, ``(pair,)``.
        written: the prompts.
    """

    rows: Tensor
    written: WrittenPrompts
