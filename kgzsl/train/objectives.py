"""What is minimized: stateless functions of tensors."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

__all__ = ["attribute_regression", "classification", "masked_attribute", "square_classification"]


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
        known: boolean, the same shape.

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
