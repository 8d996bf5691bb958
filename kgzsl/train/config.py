"""How a model is trained, as written in a run file under ``[train]``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["TrainConfig"]


@dataclass(frozen=True)
class TrainConfig:
    """Schedule and weights of the objectives.

    Training has two phases. In the first (``select``), validation classes are held out of the seen ones: they
    choose the checkpoint, the gate and the calibration. In the second (``refit``), training goes on from
    that checkpoint with the images of all seen classes, and nothing is chosen any more. With ``refit = "anew"`` it
    begins again instead, and between the two the selected model gets used to its gate (``settle``).

    Args:
        epochs: passes over the images of the training classes.
        refit: ``continue``: the second phase goes on from the selected checkpoint; ``anew``: it begins with fresh
            weights, under the gate that was set, and trains as long as the selected checkpoint was. Before that, the
            selected model is trained under its gate, validation classes held out, and gamma is chosen for that.
        refit_epochs: passes over the images of all seen classes, after selection; with ``anew``, those under the gate.
        batch_size: images in a batch.
        accumulate: batches to a step of the optimizer.
        clip: longest gradient of a step; longer ones are scaled to it.
        precision: ``fp32``, or ``bf16``: matrix products in half the bits, where the device has them.
        compile: compile the encoders (torch.compile): slow to begin, faster afterwards.
        sharded: of several processes (``torchrun``) each holds a piece of the image encoder's weights, gradients and
            optimizer states, for encoders that no device holds whole; nothing is shared out in one process.
        device: ``cpu``, ``cuda``, or empty: the GPU where there is one.
        lr: highest learning rate (AdamW, linear warm-up, cosine decay to 0).
        refit_lr: the same for the second phase.
        backbone_lr: share of the learning rate that the weights of pretrained encoders learn at, in [0, 1].
        weight_decay: of AdamW.
        warmup: share of a phase's steps with a rising learning rate.
        warm_start: with a frozen backbone, what attributes look like in a patch begins in closed form
            (:mod:`kgzsl.train.warm_start`) and goes on learning (``begin``), or stays as it is while where to look is
            learned (``keep``: for few classes); ``off``: it begins at nothing.
        classification: ``cross_entropy``, or ``square``, which overfits less where there are few classes.
        label_smoothing: of cross-entropy, in [0, 1).
        attribute_regression: weight of the attribute objective.
        masked_attribute: weight of masked attribute prediction.
        self_calibration: weight of the probability of classes without images; while selecting these are the validation
            classes, which then no longer judge without having been told of: 0 leaves it out.
        attribute_contrast: weight of attribute-level contrast.
        instance_contrast: weight of the contrast between images.
        swapped_fact: weight of telling a prompt from the same one with one fact swapped for one that the class is known
            to lack (:mod:`kgzsl.semantics.swaps`); 0 leaves it out.
        temperature: of both contrasts, above 0.
        negatives: of an anchor in attribute-level contrast, at most.
        grounding_share: chance that a step is one of cross-modal grounding (masked attribute prediction,
            attribute-level contrast, swapped facts), and not of contrast between images; in [0, 1].
        asked: share of the batch that grounding is asked of, in (0, 1].
        attribute_dropping: chance that an attribute other than the one in question leaves a prompt.
        augment: mirror and shift images given as pixels.
        gate: close what was learned of a property as far as it does not carry over to validation classes.
        validation: ``cut``: validation classes are drawn from the seen ones by the seed, unless a split file names
            them; ``published``: they are those that the data set was published with.
        validation_fraction: share of the seen classes held out for selection.
        validate_every: epochs between two validations.
        seed: of initialization, order, dropout and augmentation.
        keep_epochs: keep the weights of every validated epoch, and of every epoch after selection, so that
            `kgzsl evaluate --paper-protocol` can say what selection on test images would have reported.
        tensorboard: write event files for TensorBoard.
    """

    epochs: int = 10
    refit: Literal["continue", "anew"] = "continue"
    refit_epochs: int = 3
    batch_size: int = 32
    accumulate: int = 1
    clip: float = 1.0
    precision: Literal["fp32", "bf16"] = "fp32"
    compile: bool = False
    sharded: bool = False
    device: Literal["", "cpu", "cuda"] = ""
    lr: float = 2e-3
    refit_lr: float = 1e-3
    backbone_lr: float = 0.05
    weight_decay: float = 0.02
    warmup: float = 0.1
    warm_start: Literal["off", "begin", "keep"] = "begin"
    classification: Literal["cross_entropy", "square"] = "cross_entropy"
    label_smoothing: float = 0.05
    attribute_regression: float = 1.0
    masked_attribute: float = 0.3
    self_calibration: float = 0.0
    attribute_contrast: float = 0.05
    instance_contrast: float = 0.02
    swapped_fact: float = 0.0
    temperature: float = 0.05
    negatives: int = 4
    grounding_share: float = 0.4
    asked: float = 0.125
    attribute_dropping: float = 0.5
    augment: bool = True
    gate: bool = True
    validation: Literal["cut", "published"] = "cut"
    validation_fraction: float = 0.2
    validate_every: int = 2
    seed: int = 0
    keep_epochs: bool = False
    tensorboard: bool = False
