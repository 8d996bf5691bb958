"""What the published code of DUET minimizes: its terms, and the two kinds of steps that they make up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from kgzsl.model.departures import Departures
from kgzsl.model.duet_compat import DuetCompat
from kgzsl.train.objectives import classification

__all__ = [
    "ClassTables",
    "CompatWeights",
    "ContrastBatch",
    "GroundingBatch",
    "Pairs",
    "attribute_contrast",
    "attribute_distance",
    "class_contrast",
    "contrast_losses",
    "grounding_losses",
    "image_contrast",
    "image_contrast_logits",
    "placed",
    "self_calibration",
    "word_reconstruction",
]

NEGATIVES = 4
Batch = TypeVar("Batch", "Pairs", "GroundingBatch", "ContrastBatch", "ClassTables")
STRENGTH_SCALE = 3.0
"""Word reconstruction is weighted by three times the strength of the masked attribute."""


@dataclass(frozen=True)
class CompatWeights:
    """Weights of the terms; the defaults are those published for AwA2.

    Args:
        classification: of the class contrast.
        attribute_distance: of the squared distance of predicted attributes.
        self_calibration: of the mass on unseen classes.
        word_reconstruction: of the masked text (AwA2 and SUN 1, CUB 5).
        attribute_contrast: of attribute-level contrast (AwA2 and SUN 0.01, CUB 0.001).
        image_contrast: of the contrast between images.
        temperature: of the contrasts; the published attribute-level contrast has none.
    """

    classification: float = 1.0
    attribute_distance: float = 0.01
    self_calibration: float = 0.001
    word_reconstruction: float = 1.0
    attribute_contrast: float = 0.01
    image_contrast: float = 0.05
    temperature: float = 0.05


@dataclass(frozen=True, eq=False)
class ClassTables:
    """What is known of the classes.

    Args:
        attributes: attribute vectors of all classes ``(class, attribute)``; published: columns of ``att``, length 1.
        seen: columns of the seen classes, ascending; labels are positions in it.
    """

    attributes: Tensor
    seen: Tensor

    @property
    def of_seen(self) -> Tensor:
        """Attribute vectors of the seen classes, ``(seen class, attribute)``."""
        return self.attributes[self.seen]


@dataclass(frozen=True, eq=False)
class Pairs:
    """Images with a text each; an image or a text that several pairs have is there, and encoded, once.

    Args:
        images: ``(image, 3, height, width)``.
        tokens: ids ``(text, word)``.
        mask: 1 real, 0 padding, ``(text, word)``; what the text encoder reads.
        read: what the cross-modal layer reads and word reconstruction counts, ``(pair, word)``. The published code
            reads all positions up to the longest text of the pairs that it encodes together, the paper the real words.
        image: which image each pair has, ``(pair,)``.
        text: which text.
    """

    images: Tensor
    tokens: Tensor
    mask: Tensor
    read: Tensor
    image: Tensor
    text: Tensor

    @classmethod
    def of(cls, images: Tensor, tokens: Tensor, mask: Tensor, *, departures: Departures) -> Pairs:
        """Pairs of an image and a text each, that the published code encodes together, padded to the longest."""
        read, each = torch.ones_like(mask) if departures.padding_is_read else mask, torch.arange(len(mask))
        return cls(images, tokens, mask, read, image=each, text=each)

    @classmethod
    def join(cls, parts: Sequence[Pairs]) -> Pairs:
        """Several groups of pairs as one, which gives what each gives alone: ``read`` remembers its length.

        Example:
            >>> short, long = (torch.ones(1, n, dtype=torch.long) for n in (2, 3))
            >>> images, published = torch.zeros(1, 3, 4, 4), Departures()
            >>> Pairs.join([Pairs.of(images, text, text, departures=published) for text in (short, long)]).read.tolist()
            [[1, 1, 0], [1, 1, 1]]
        """
        length = max(part.tokens.shape[1] for part in parts)
        images, texts = ([len(getattr(part, name)) for part in parts] for name in ("images", "tokens"))
        before = [(sum(images[:number]), sum(texts[:number])) for number in range(len(parts))]
        return cls(
            torch.cat([part.images for part in parts]),
            padded([part.tokens for part in parts], length),
            padded([part.mask for part in parts], length),
            padded([part.read for part in parts], length),
            image=torch.cat([part.image + skipped for part, (skipped, _) in zip(parts, before, strict=True)]),
            text=torch.cat([part.text + skipped for part, (_, skipped) in zip(parts, before, strict=True)]),
        )


def padded(tables: Sequence[Tensor], length: int) -> Tensor:
    """Rows of several tables ``(row, word)`` as one, 0 after their ends."""
    return torch.cat([F.pad(table, (0, length - table.shape[1])) for table in tables])


@dataclass(frozen=True, eq=False)
class GroundingBatch:
    """A step of cross-modal semantic grounding (CSG).

    Args:
        pairs: the images with their class's prompt, one attribute masked; then groups of six, one group after another:
            anchor, positive, four negatives.
        words: ids of the same prompts before masking, ``(image, word)``.
        masked: where the masks stand, boolean ``(image, word)``.
        labels: positions among the seen classes, ``(image,)``.
        strength: of the masked attribute in the image's class, in [0, 1], ``(image,)``.
        positions: where the contrasted attribute stands in the pairs of the groups, boolean ``(6 group, word)``.
        contrast_strength: the smaller of the attribute's strengths in anchor's and positive's class, ``(group,)``.
    """

    pairs: Pairs
    words: Tensor
    masked: Tensor
    labels: Tensor
    strength: Tensor
    positions: Tensor
    contrast_strength: Tensor


@dataclass(frozen=True, eq=False)
class ContrastBatch:
    """A step of contrast between images (CLS).

    Args:
        images: ``(image, 3, height, width)``.
        labels: positions among the seen classes, ``(image,)``.
        others: another image of each one's class, or None for a last, smaller batch, which has no contrast.
        template: token ids ``(1, word)`` of the prompt without values.
        template_mask: its mask.
    """

    images: Tensor
    labels: Tensor
    others: Tensor | None
    template: Tensor
    template_mask: Tensor


def placed(batch: Batch, device: torch.device) -> Batch:
    """A batch, or tables, with all its tensors on a device.

    Example:
        >>> placed(ClassTables(torch.zeros(3, 2), torch.arange(3)), torch.device("meta")).of_seen.device
        device(type='meta')
    """

    def moved(value: Any) -> Any:
        if isinstance(value, Tensor):
            return value.to(device)
        return placed(value, device) if isinstance(value, Pairs) else value

    return replace(batch, **{field.name: moved(getattr(batch, field.name)) for field in fields(batch)})


def class_contrast(scores: Tensor, labels: Tensor, *, departures: Departures) -> Tensor:
    """Cross-entropy over the seen classes; of ``softmax(scores)`` where probabilities are taken for logits.

    Source: DUET (Chen et al., AAAI 2023), class contrast loss.

    Args:
        scores: logits ``(image, seen class)``.
        labels: ``(image,)``.
        departures: whether to softmax twice.

    Example:
        >>> scores, label = torch.tensor([[50.0, 0.0]]), torch.tensor([0])
        >>> published, paper = Departures(), Departures.none()
        >>> [round(class_contrast(scores, label, departures=d).item(), 4) for d in (published, paper)]
        [0.3133, 0.0]
    """
    return classification(scores.softmax(1) if departures.probabilities_as_logits else scores, labels)


def attribute_distance(predicted: Tensor, wanted: Tensor) -> Tensor:
    """Mean squared distance of predicted attributes from the class's, both ``(image, attribute)``.

    Source: DUET, attribute regression loss. The default method's, for an open world, is
    :func:`kgzsl.train.objectives.attribute_regression`.

    Example:
        >>> attribute_distance(torch.tensor([[0.0, 2.0]]), torch.zeros(1, 2)).item()
        2.0
    """
    return F.mse_loss(predicted, wanted)


def self_calibration(scores: Tensor, seen: Tensor) -> Tensor:
    """How little mass unseen classes get once 1 is taken off seen classes' scores and added to unseen ones'.

    ``-log mean_b sum_{c unseen} softmax_c(s_bc + offset_c)``: keeps some mass on classes without images.

    Source: the code published with DUET (not in the paper's figures); Xu et al., "Attribute Prototype Network for
    Zero-Shot Learning", NeurIPS 2020, has the calibration.

    Args:
        scores: logits ``(image, class)`` over all classes.
        seen: columns of the seen classes; where that is all of them, the loss is 0.

    Example:
        >>> round(self_calibration(torch.tensor([[2.0, 0.0]]), torch.tensor([0])).item(), 4)
        0.6931
    """
    unseen = torch.ones(scores.shape[1], dtype=torch.bool, device=scores.device)
    unseen[seen] = False
    if not unseen.any():
        return scores.sum() * 0.0
    probabilities = shifted(scores, seen).softmax(1)
    return -probabilities[:, unseen].sum(1).mean().log()


def shifted(scores: Tensor, seen: Tensor) -> Tensor:
    """Scores with 1 taken off seen classes and added to the others, ``(image, class)``."""
    offset = torch.ones(scores.shape[1], dtype=scores.dtype, device=scores.device)
    offset[seen] = -1.0
    return scores + offset


def word_reconstruction(word_scores: Tensor, words: Tensor, *, counted: Tensor, strength: Tensor) -> Tensor:
    """Cross-entropy of the words of the whole prompts, each image's mean weighted by three times its strength.

    ``sum_b 3 strength_b mean_{l counted} CE(word_scores_bl, words_bl)``: a sum over images, not a mean.

    Source: DUET, cross-modal mask reconstruction.

    Args:
        word_scores: ``(image, word, vocabulary)``.
        words: ids before masking, ``(image, word)``.
        counted: positions that count, ``(image, word)``: every one (published) or the masked ones (paper).
        strength: ``(image,)``.

    Example:
        >>> everywhere = torch.ones(1, 3)
        >>> words = torch.zeros(1, 3, dtype=torch.long)
        >>> loss = word_reconstruction(torch.zeros(1, 3, 2), words, counted=everywhere, strength=torch.ones(1))
        >>> round(loss.item(), 4)                                                               # 3 log 2
        2.0794
    """
    each = F.cross_entropy(word_scores.transpose(1, 2), words, reduction="none")
    weight = counted.to(each.dtype)
    return (STRENGTH_SCALE * strength * (each * weight).sum(1) / weight.sum(1).clamp(min=1)).sum()


def attribute_contrast(projected: Tensor, *, temperature: float | None = None) -> Tensor:
    """Cross-entropy of telling the positive from the four negatives by their likeness to the anchor.

    Source: DUET, attribute-level contrastive loss; published with plain dot products, in the paper with a
    temperature.

    Args:
        projected: ``(group, 6, dim)``: anchor, positive, negatives.
        temperature: of cosine similarities; None for plain dot products.

    Returns:
        ``(group,)``, not yet weighted.

    Example:
        >>> round(attribute_contrast(torch.zeros(1, 6, 8)).item(), 4)                             # log 5
        1.6094
    """
    if temperature is not None:
        projected = F.normalize(projected, dim=-1)
    likeness = (projected[:, 1:] @ projected[:, 0].unsqueeze(2)).squeeze(2) / (temperature or 1.0)
    return F.cross_entropy(likeness, likeness.new_zeros(len(likeness), dtype=torch.long), reduction="none")


def image_contrast_logits(states: Tensor, labels: Tensor, *, temperature: float) -> Tensor:
    """Likeness of each image to all others, its partner first, ``(2 image, 2 image - 1)``.

    Args:
        states: ``(2 image, dim)``: the images, then their partners in the same order.
        labels: class of each image, ``(image,)``. Further images of an image's class count as likeness 0.
        temperature: divides the cosines.

    Example:
        >>> states = torch.tensor([[1.0, 0.0], [0.0, 1.0], [2.0, 0.0], [0.0, 2.0]])
        >>> image_contrast_logits(states, torch.tensor([0, 1]), temperature=0.5)[0].tolist()
        [2.0, 0.0, 0.0]
    """
    count = len(states)
    states, labels = F.normalize(states, dim=1), labels.repeat(2)
    rows = torch.arange(count, device=states.device)
    partner = (rows + count // 2) % count
    others = (rows != rows[:, None]) & (rows != partner[:, None])
    likeness = states @ states.T
    own = likeness[rows, partner].unsqueeze(1)
    rest = (likeness * (labels != labels[:, None]))[others].view(count, count - 2)
    return torch.cat([own, rest], dim=1) / temperature


def image_contrast(states: Tensor, labels: Tensor, *, temperature: float) -> Tensor:
    """Cross-entropy of finding each image's partner among all others (InfoNCE).

    Source: DUET, instance-level contrastive loss of the CLS task; van den Oord et al., "Representation Learning
    with Contrastive Predictive Coding", 2018, eq. 4. Arguments as :func:`image_contrast_logits`.

    Example:
        >>> round(image_contrast(torch.ones(4, 2), torch.tensor([0, 1]), temperature=1.0).item(), 4)    # log 3
        1.0986
    """
    logits = image_contrast_logits(states, labels, temperature=temperature)
    return F.cross_entropy(logits, logits.new_zeros(len(logits), dtype=torch.long))


def grounding_losses(
    model: DuetCompat, batch: GroundingBatch, classes: ClassTables, *, weights: CompatWeights
) -> dict[str, Tensor]:
    """Weighted terms of a grounding step (CSG); the step's loss is their sum over the accumulated steps.

    Args:
        model: with the departures that it was built with.
        batch: prompts, masks and groups.
        classes: attribute vectors.
        weights: of the terms.
    """
    count, length = batch.words.shape
    made, read = model.departures, batch.pairs.read
    words, tokens = encode_pairs(model, batch.pairs)
    own = words[:count, :length], tokens[:count], read[:count, :length]
    predicted = model.attributes(model.ground_tokens(*own))
    losses = _class_losses(model, predicted, batch.labels, classes, weights=weights)
    losses["word_reconstruction"] = weights.word_reconstruction * word_reconstruction(
        model.words(model.ground_words(*own)),
        batch.words,
        counted=own[2] if made.every_word_reconstructed else batch.masked,
        strength=batch.strength,
    )
    if len(batch.positions):
        projected = model.contrasted(words[count:], tokens[count:], read[count:], positions=batch.positions)
        each = attribute_contrast(
            projected.unflatten(0, (-1, 2 + NEGATIVES)),
            temperature=None if made.plain_contrast else weights.temperature,
        )
        losses["attribute_contrast"] = weights.attribute_contrast * (batch.contrast_strength * each).sum()
    return losses


def encode_pairs(model: DuetCompat, pairs: Pairs) -> tuple[Tensor, Tensor]:
    """Words ``(pair, word, dim)`` and visual tokens ``(pair, token, dim)`` before the cross-modal layer."""
    tokens = model.encode_images(pairs.images)[pairs.image]
    if model.training:  # with dropout, a text that is read twice is read differently
        return model.encode_text(pairs.tokens[pairs.text], pairs.mask[pairs.text]), tokens
    return model.encode_text(pairs.tokens, pairs.mask)[pairs.text], tokens


def contrast_losses(
    model: DuetCompat, batch: ContrastBatch, classes: ClassTables, *, weights: CompatWeights
) -> dict[str, Tensor]:
    """Weighted terms of a step of contrast between images (CLS); arguments as :func:`grounding_losses`.

    Without dropout the published code's second encoding of the images gives the same as the first, so each image is
    encoded once.
    """
    count = len(batch.images)
    images = batch.images if batch.others is None else torch.cat([batch.images, batch.others])
    words = model.encode_template(batch.template, batch.template_mask, count=len(images))
    read = torch.ones_like(batch.template_mask) if model.departures.padding_is_read else batch.template_mask
    tokens = model.ground_tokens(words, model.encode_images(images), read.expand(len(words), -1))
    losses = _class_losses(model, model.attributes(tokens[:count]), batch.labels, classes, weights=weights)
    if batch.others is not None:
        contrast = image_contrast(tokens[:, 0], batch.labels, temperature=weights.temperature)
        losses["image_contrast"] = weights.image_contrast * contrast
    return losses


def _class_losses(
    model: DuetCompat, predicted: Tensor, labels: Tensor, classes: ClassTables, *, weights: CompatWeights
) -> dict[str, Tensor]:
    """The terms that both kinds of steps have."""
    scores = model.scores(predicted, classes.attributes)
    seen = scores[:, classes.seen]
    return {
        "classification": weights.classification * class_contrast(seen, labels, departures=model.departures),
        "attribute_distance": weights.attribute_distance * attribute_distance(predicted, classes.of_seen[labels]),
        "self_calibration": weights.self_calibration * self_calibration(scores, classes.seen),
    }
