"""DUET's steps as one writes them down first: one image after another, nothing shared, everything computed.

The other side of ``speed.py``. The mathematics, the weights and the loss functions are the package's; the road is not:

- draws are worked out for every image anew, by going through the classes;
- prompts are written as strings and tokenized inside the step, one with [MASK] and one without;
- a grounding step (CSG) has one forward for the batch, and one for each image's six pairs, which encodes that image
  again;
- a step of contrast (CLS) has one forward for the batch and one for all its views, which encodes the batch again;
- the template is tokenized and encoded for every image;
- words and visual tokens leave the cross-modal layer at every position, whether anything reads them or not.

Random numbers are asked for in the same order as :class:`~kgzsl.train.compat_drawing.StepDrawer` does, so that both
draw the same from the same seed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from kgzsl.model.duet_compat import DuetCompat
from kgzsl.train.compat_objectives import (
    STRENGTH_SCALE,
    ClassTables,
    CompatWeights,
    attribute_contrast,
    attribute_distance,
    class_contrast,
    image_contrast,
    self_calibration,
)

__all__ = ["World", "contrast_step", "evidence", "grounding_step"]

TRIES = 3
DROPPING = 0.5
Shown = Sequence[int]


@dataclass(frozen=True, eq=False)
class World:
    """A data set: what its prompts say, which class has what, and its images.

    Args:
        groups: name of each group to its attributes.
        names: of the attributes.
        present: boolean ``(seen class, attribute)``.
        strength: in [0, 1], the same shape.
        distances: between seen classes.
        frequency: of each attribute.
        classes: attribute vectors.
        images: what the backbone reads, ``(image, 3, height, width)``.
        labels: class of each image.
        template: the prompt without values.
        tokenizer: of the prompts.
        numbered: whether an attribute's number is before its word in anchor and positive, as published for CUB.
        weights: of the losses.
    """

    groups: Mapping[str, Sequence[int]]
    names: Sequence[str]
    present: np.ndarray
    strength: np.ndarray
    distances: np.ndarray
    frequency: np.ndarray
    classes: ClassTables
    images: Tensor
    labels: np.ndarray
    template: str
    tokenizer: PreTrainedTokenizerBase
    numbered: bool
    weights: CompatWeights

    def group_of(self, attribute: int) -> Sequence[int]:
        """All attributes of an attribute's group."""
        return next(members for members in self.groups.values() if attribute in members)


@dataclass(frozen=True)
class Mention:
    """An image with a prompt that says an attribute."""

    row: int
    shown: Shown
    attribute: int
    numbered: bool = False


@dataclass(frozen=True)
class Sample:
    """What is drawn for one image: its own prompt, and its group of six, if the attribute has negatives."""

    own: Mention
    group: Sequence[Mention]
    strength: float
    contrast_strength: float


# Draws.


def draw(chances: np.ndarray, random: np.random.Generator) -> int:
    """An index by chances that sum to 1."""
    return int(random.choice(len(chances), p=chances))


def half(world: World, candidates: Sequence[int], weights: Mapping[int, float]) -> np.ndarray:
    """Chances of classes in proportion to their weights, among the heavier half of the candidates."""
    kept = sorted(candidates, key=lambda c: -weights[c])[: len(candidates) // 2 + 1]
    chances = np.zeros(len(world.present))
    for c in kept:
        chances[c] = weights[c]
    return chances / chances.sum()


def masking(world: World, label: int) -> np.ndarray:
    """How likely each attribute of a class is masked."""
    present = [a for a in range(len(world.names)) if world.present[label, a]]
    low, high = (bound(world.frequency[a] for a in present) for bound in (min, max))
    chances = np.zeros(len(world.names))
    for a in present:
        chances[a] = (world.frequency[a] - low) / (high - low)
    return chances / chances.sum()


def positives(world: World, label: int, attribute: int) -> np.ndarray:
    """How likely each class is the positive: those that have the attribute, far ones."""
    having = [c for c in range(len(world.present)) if world.present[c, attribute]]
    return half(world, having, {c: world.distances[label, c] for c in having})


def negative_candidates(world: World, label: int, attribute: int) -> list[int]:
    """Classes that have other attributes of the group, and none of the class's own."""
    own = [a for a in world.group_of(attribute) if world.present[label, a]]
    others = [a for a in world.group_of(attribute) if not world.present[label, a]]
    classes = range(len(world.present))
    return [c for c in classes if not world.present[c, own].any() and world.present[c, others].any()]


def shown(world: World, label: int, attribute: int, random: np.random.Generator) -> Shown:
    """The class's attributes, others than the drawn one dropped by chance."""
    chance = random.random(len(world.names))
    kept = [a for a in range(len(world.names)) if world.present[label, a]]
    return [a for a in kept if a == attribute or chance[a] >= DROPPING]


def image_of(world: World, label: int, random: np.random.Generator) -> int:
    """A training image of a class."""
    return int(random.choice([row for row in range(len(world.labels)) if world.labels[row] == label]))


def sample(world: World, row: int, random: np.random.Generator) -> Sample:
    """All that one image of a grounding step needs."""
    label = int(world.labels[row])
    for _ in range(TRIES):
        attribute = draw(masking(world, label), random)
        near = negative_candidates(world, label, attribute)
        if near:
            break
    own = Mention(row, shown(world, label, attribute, random), attribute)
    strength = float(world.strength[label, attribute])
    if not near:
        return Sample(own, [], strength, 0.0)
    positive = draw(positives(world, label, attribute), random)
    group = [
        Mention(row, own.shown, attribute, world.numbered),
        Mention(
            row=image_of(world, positive, random),
            shown=shown(world, positive, attribute, random),
            attribute=attribute,
            numbered=world.numbered,
        ),
    ]
    chances = half(world, near, {c: 1.0 / world.distances[label, c] for c in near})
    count = min(2, int((chances > 0).sum()))
    for negative in random.choice(len(chances), size=count, replace=False, p=chances):
        members = [a for a in world.group_of(attribute) if world.present[negative, a] and not world.present[label, a]]
        for other in random.choice(members, size=4 // count):
            row = image_of(world, negative, random)
            group.append(Mention(row, shown(world, negative, other, random), int(other)))
    return Sample(own, group, strength, min(strength, float(world.strength[positive, attribute])))


# Prompts.


def prompt(world: World, mention: Mention, *, masked: bool) -> str:
    """The prompt, with [MASK] for each piece of the attribute's word or with the word itself."""
    word = f"{mention.attribute if mention.numbered else ''}{world.names[mention.attribute]}"
    if masked:
        word = " ".join(["[MASK]"] * len(world.tokenizer.tokenize(word)))
    said = {a: world.names[a] for a in mention.shown} | {mention.attribute: word}
    parts = (f"{g} : {','.join(said[a] for a in members if a in said)}" for g, members in world.groups.items())
    return " | ".join(parts) + "."


def tokenized(world: World, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Ids and mask, padded to the longest."""
    encoded = world.tokenizer(list(texts), padding=True, return_tensors="pt")
    return encoded["input_ids"], torch.as_tensor(encoded["attention_mask"])


# Forwards.


def forward(model: DuetCompat, images: Tensor, tokens: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Words ``(pair, word, dim)`` and visual tokens ``(pair, 1, dim)`` after the cross-modal layer, at every place."""
    words = model.text_encoder(input_ids=tokens, attention_mask=mask).last_hidden_state
    patches = model.image_projection(model.image_encoder(pixel_values=images).logits).unsqueeze(1)
    layer = model.cross_modal
    seen, _ = layer.cross(words, patches, patches, need_weights=False)
    read, _ = layer.cross(patches, words, words, need_weights=False)
    return layer.words(words, seen), layer.patches(patches, read)


def class_losses(world: World, model: DuetCompat, tokens: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """The terms that both kinds of steps have."""
    weights, classes = world.weights, world.classes
    predicted = model.attributes(tokens)
    scores = model.scores(predicted, classes.attributes)
    contrast = class_contrast(scores[:, classes.seen], labels, departures=model.departures)
    return {
        "classification": weights.classification * contrast,
        "attribute_distance": weights.attribute_distance * attribute_distance(predicted, classes.of_seen[labels]),
        "self_calibration": weights.self_calibration * self_calibration(scores, classes.seen),
    }


def grounding_step(world: World, model: DuetCompat, rows: np.ndarray, random: np.random.Generator) -> dict[str, Tensor]:
    """Weighted terms of a grounding step (CSG), from the rows of its images."""
    samples = [sample(world, int(row), random) for row in rows]
    tokens, mask = tokenized(world, [prompt(world, s.own, masked=True) for s in samples])
    wanted, _ = tokenized(world, [prompt(world, s.own, masked=False) for s in samples])
    words, patches = forward(model, world.images[rows], tokens, mask)
    losses = class_losses(world, model, patches, torch.from_numpy(world.labels[rows]))
    scores = model.words(words)
    reconstruction = sum(
        STRENGTH_SCALE * s.strength * F.cross_entropy(scores[k], wanted[k]) for k, s in enumerate(samples)
    )
    losses["word_reconstruction"] = world.weights.word_reconstruction * reconstruction
    contrasts = [s.contrast_strength * group_contrast(world, model, s.group) for s in samples if s.group]
    if contrasts:
        losses["attribute_contrast"] = world.weights.attribute_contrast * torch.stack(contrasts).sum()
    return losses


def group_contrast(world: World, model: DuetCompat, group: Sequence[Mention]) -> Tensor:
    """Attribute-level contrast of one image's six pairs, in a forward of their own."""
    tokens, mask = tokenized(world, [prompt(world, m, masked=k == 0) for k, m in enumerate(group)])
    with_masks, _ = tokenized(world, [prompt(world, m, masked=True) for m in group])
    words, _ = forward(model, world.images[[m.row for m in group]], tokens, mask)
    places = with_masks == world.tokenizer.mask_token_id
    means = torch.stack([words[k][places[k]].mean(0) for k in range(len(group))])
    return attribute_contrast(model.contrast_head(means)[None])[0]


def contrast_step(world: World, model: DuetCompat, rows: np.ndarray, random: np.random.Generator) -> dict[str, Tensor]:
    """Weighted terms of a step of contrast between images (CLS)."""
    labels = torch.from_numpy(world.labels[rows])
    others = [image_of(world, int(label), random) for label in labels]
    images = world.images[rows]
    _, patches = forward(model, images, *tokenized(world, [world.template] * len(rows)))
    losses = class_losses(world, model, patches, labels)
    views = torch.cat([images, world.images[others]])
    _, patches = forward(model, views, *tokenized(world, [world.template] * len(views)))
    contrast = image_contrast(patches[:, 0], labels, temperature=world.weights.temperature)
    return losses | {"image_contrast": world.weights.image_contrast * contrast}


def evidence(world: World, model: DuetCompat, images: Tensor) -> Tensor:
    """Predicted attributes ``(image, attribute)`` of images to classify."""
    with torch.inference_mode():
        _, patches = forward(model, images, *tokenized(world, [world.template] * len(images)))
        return model.attributes(patches)
