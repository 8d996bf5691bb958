"""What is minimized: stateless functions of tensors."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = [
    "attribute_contrast",
    "attribute_regression",
    "classification",
    "instance_contrast",
    "masked_attribute",
    "self_calibration",
    "square_classification",
    "swapped_fact",
]


def classification(scores: Tensor, labels: Tensor, *, label_smoothing: float = 0.0) -> Tensor:
    """Cross-entropy of the scores over the training classes.

    Source: DUET (Chen et al., AAAI 2023), the class contrast loss; on logits, as the paper means it.

    Args:
        scores: logits ``(image, class)``.
        labels: class of each image, ``(image,)``.
        label_smoothing: mass spread evenly over the classes, in [0, 1).

    Example:
        >>> import torch
        >>> round(classification(torch.zeros(2, 4), torch.tensor([0, 3])).item(), 4)
        1.3863
    """
    return F.cross_entropy(scores, labels, label_smoothing=label_smoothing)


def square_classification(scores: Tensor, labels: Tensor) -> Tensor:
    """Squared distance of the scores from 1 for the image's class and 0 for the others, but for a constant.

    A constant on all scores of an image changes no decision, so both sides are centered over the classes.
    Scores have a place to stop, which keeps a model of few classes from growing ever surer of them.

    Source: Hui and Belkin, "Evaluation of Neural Architectures Trained with Square Loss vs
    Cross-Entropy in Classification Tasks", ICLR 2021.

    Args:
        scores: ``(image, class)``.
        labels: class of each image, ``(image,)``.

    Example:
        >>> import torch
        >>> square_classification(torch.tensor([[5.0, 4.0]]), torch.tensor([0])).item()
        0.0
    """
    target = F.one_hot(labels, scores.shape[1]).to(scores.dtype)
    difference = scores - target
    return (difference - difference.mean(1, keepdim=True)).square().sum(1).mean()


def attribute_regression(logits: Tensor, value: Tensor, known: Tensor) -> Tensor:
    """Binary cross-entropy of attribute logits against the class's attribute values, where they are known.

    Source: DUET's attribute regression loss; as cross-entropy because values lie in [0, 1], and only
    over known cells because the ontology is open-world.

    Args:
        logits: log odds that the image has the attribute, ``(image, attribute)``.
        value: in [0, 1], ``(image, attribute)``.
        known: boolean, or how much a cell counts, the same shape.

    Returns:
        Mean over the known cells; 0 where nothing is known.

    Example:
        >>> import torch
        >>> known = torch.tensor([[True, False]])
        >>> round(attribute_regression(torch.tensor([[0.0, 9.0]]), torch.zeros(1, 2), known).item(), 4)
        0.6931
    """
    loss = F.binary_cross_entropy_with_logits(logits, value, reduction="none")
    return (loss * known).sum() / known.sum().clamp(min=1)


def masked_attribute(word_scores: Tensor, words: Tensor) -> Tensor:
    """Cross-entropy of the masked words, from the image and the words that remain.

    Source: DUET's cross-modal mask reconstruction, over the masked positions only.

    Args:
        word_scores: ``(masked position, vocabulary)``.
        words: the true tokens, ``(masked position,)``.

    Returns:
        Mean over the positions; 0 where there is none.
    """
    if not len(words):
        return word_scores.sum()
    return F.cross_entropy(word_scores, words)


def self_calibration(scores: Tensor, unseen: Tensor, *, margin: float = 1.0) -> Tensor:
    """How little of the probability goes to classes without images: keeps a model from being sure of the others.

    ``-log mean_image sum_{c unseen} softmax(scores + s)_c``, with ``s_c = margin`` for classes without images and
    ``-margin`` for the others.

    Source: DUET (Chen et al., AAAI 2023), its self-calibration term; the loss is that of Liu et al., "Generalized
    Zero-Shot Learning with Deep Calibration Network", NeurIPS 2018, in the form of APN and MSDN.

    Args:
        scores: logits ``(image, class)`` over classes with and without images.
        unseen: boolean ``(class,)``: those that no image of the training has.
        margin: added to their scores and taken off the others'.

    Example:
        >>> round(self_calibration(torch.zeros(1, 2), torch.tensor([False, True])).item(), 4)
        0.1269
    """
    shifted = scores + margin * (2.0 * unseen - 1.0)
    shares = shifted.log_softmax(1)[:, unseen].logsumexp(1)
    return math.log(len(scores)) - shares.logsumexp(0)


def attribute_contrast(
    anchors: Tensor, positives: Tensor, negatives: Tensor, *, usable: Tensor, weight: Tensor, temperature: float
) -> Tensor:
    """InfoNCE between states of an attribute in different pictures.

    The state of an attribute's words in the light of an image shall be near its state in the light of an image of a
    distant class that shares it, and far from states of its rivals in images of near classes that lack it.

    Source: DUET (Chen et al., AAAI 2023), attribute-level contrastive learning; normalized and over a temperature,
    as van den Oord et al., 2018, eq. 4, have it. The weight of an anchor is the published code's.

    Args:
        anchors: ``(anchor, dim)``.
        positives: ``(anchor, dim)``.
        negatives: ``(anchor, negative, dim)``.
        usable: boolean ``(anchor, negative)``; others are padding. An anchor needs one at least.
        weight: of each anchor, in [0, 1].
        temperature: above 0.

    Returns:
        Weighted mean over the anchors; 0 where there is none.

    Example:
        >>> one, other = torch.eye(2)
        >>> loss = attribute_contrast(
        ...     one[None], one[None], other[None, None], usable=torch.tensor([[True]]), weight=torch.ones(1),
        ...     temperature=1.0)
        >>> round(loss.item(), 4)
        0.3133
    """
    if not len(anchors):
        return anchors.sum()
    anchors, positives, negatives = (F.normalize(states, dim=-1) for states in (anchors, positives, negatives))
    near = (anchors * positives).sum(-1, keepdim=True)
    far = torch.einsum("ad,and->an", anchors, negatives).masked_fill(~usable, -torch.inf)
    surprise = -(torch.cat([near, far], dim=1) / temperature).log_softmax(1)[:, 0]
    return (surprise * weight).sum() / weight.sum().clamp(min=1e-6)


def instance_contrast(embeddings: Tensor, labels: Tensor, *, temperature: float) -> Tensor:
    """InfoNCE between images: two of one class shall be nearer than two of different classes.

    Every other image of an image's class is its positive in turn, against all images of other classes.

    Source: DUET (Chen et al., AAAI 2023), contrast between instances of a class; with all positives of the batch as
    Khosla et al., "Supervised Contrastive Learning", NeurIPS 2020, eq. 2, but none of them in a denominator.

    Args:
        embeddings: ``(image, dim)``; any length.
        labels: class of each image, ``(image,)``.
        temperature: above 0.

    Returns:
        Mean over the pairs of one class; 0 where there is none.

    Example:
        >>> embeddings = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
        >>> round(instance_contrast(embeddings, torch.tensor([0, 0, 1]), temperature=1.0).item(), 4)
        0.3133
    """
    unit = F.normalize(embeddings, dim=-1)
    similarity = unit @ unit.T / temperature
    alike = labels[:, None] == labels
    others = similarity.masked_fill(alike, -torch.inf).logsumexp(1, keepdim=True)
    surprise = F.softplus(others - similarity)
    pairs = alike & ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    return (surprise * pairs).sum() / pairs.sum().clamp(min=1)


def swapped_fact(true: Tensor, swapped: Tensor, *, margin: float = 0.2) -> Tensor:
    """How far a prompt with a false fact is from fitting its image worse than the true one, by a margin.

    ``mean max(0, margin - true + swapped)``

    Source: Structure-CLIP (Huang et al., AAAI 2024), the hinge loss on semantic negatives.

    Args:
        true: how well each image fits the prompt of its class, ``(image,)``; cosines.
        swapped: the same with one fact swapped for one that the class is known to lack, ``(image,)``.
        margin: above 0.

    Example:
        >>> round(swapped_fact(torch.tensor([0.9, 0.5]), torch.tensor([0.1, 0.4])).item(), 4)
        0.05
    """
    return F.relu(margin - true + swapped).mean()
