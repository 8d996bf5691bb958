"""ALE and DeViSE: a bilinear map learned by ranking an image's class above the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from kgzsl.model.baselines import AttributeClassifier, BaselineClassifier
from kgzsl.train.baselines.fitting import Candidate, Lesson, need_finite

__all__ = ["fit_ranking", "hinge_rank", "ranking_weights", "weighted_ranking"]

EPOCHS, LR = 30, 3e-3
ALE_MARGIN, DEVISE_MARGIN = 1.0, 0.1


def ranking_weights(rank: Tensor) -> Tensor:
    """What each violation counts for an image with so many of them: ``(1 + 1/2 + ... + 1/r) / r``; 0 for none.

    An image whose class is first but for one costs 1; with many before it, each counts less, so that the top of the
    ranking matters most.

    Source: Akata et al., "Label-Embedding for Image Classification", TPAMI 2016, section 3, with the weights
    of Usunier et al., ICML 2009.

    Args:
        rank: number of violating classes of each image.

    Example:
        >>> ranking_weights(torch.tensor([0, 1, 2, 4])).tolist()
        [0.0, 1.0, 0.75, 0.520833...]
    """
    harmonic = (1 / torch.arange(1, int(rank.max()) + 1)).cumsum(0)
    return torch.cat([harmonic.new_zeros(1), harmonic / torch.arange(1, len(harmonic) + 1)])[rank]


def weighted_ranking(scores: Tensor, labels: Tensor) -> Tensor:
    """ALE's objective: hinges of the violating classes, weighted by how many there are; mean over the images.

    ``l = beta_r / r * sum_y max(0, 1 + F(x, y) - F(x, y_x))`` over the ``r`` classes for which this is above 0.

    Source: Akata et al., TPAMI 2016, section 3.

    Args:
        scores: ``(image, class)``.
        labels: column of each image's class.

    Example:
        >>> round(weighted_ranking(torch.tensor([[2.0, 1.5, 1.25, 0.0]]), torch.tensor([0])).item(), 4)
        0.5625
    """
    hinges = _hinges(scores, labels, margin=ALE_MARGIN)
    return (ranking_weights((hinges > 0).sum(1)) * hinges.sum(1)).mean()


def hinge_rank(scores: Tensor, labels: Tensor) -> Tensor:
    """DeViSE's objective: the sum of all hinges, with a margin of 0.1; mean over the images.

    Source: Frome et al., "DeViSE: A Deep Visual-Semantic Embedding Model", NeurIPS 2013, eq. 1.

    Args:
        scores: ``(image, class)``.
        labels: column of each image's class.

    Example:
        >>> round(hinge_rank(torch.tensor([[1.0, 0.95, 1.0, 0.0]]), torch.tensor([0])).item(), 4)
        0.15
    """
    return _hinges(scores, labels, margin=DEVISE_MARGIN).sum(1).mean()


def fit_ranking(
    model: BaselineClassifier, lesson: Lesson, *, objective: Callable[[Tensor, Tensor], Tensor]
) -> Iterator[Candidate]:
    """Minimize a ranking objective by Adam; every epoch is a candidate."""
    if not isinstance(model, AttributeClassifier):
        raise TypeError(f"ranking fits an AttributeClassifier, not a {type(model).__name__}")
    generator = torch.Generator().manual_seed(lesson.seed)
    with torch.no_grad():
        model.weights.normal_(std=model.weights.shape[0] ** -0.5, generator=generator)
    optimizer = torch.optim.Adam([model.weights], lr=lesson.config.lr or LR)
    classes, columns = lesson.semantics[lesson.shown], lesson.columns
    for _ in range(lesson.config.epochs or EPOCHS):
        total = 0.0
        for rows in lesson.batches(generator):
            scores = model.scores(model.evidence(lesson.features[rows]), classes)
            loss = need_finite(objective(scores, columns[rows]))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
        yield Candidate({"ranking": total / len(columns)})


def _hinges(scores: Tensor, labels: Tensor, *, margin: float) -> Tensor:
    """By how much each other class comes too close to the image's, ``(image, class)``; 0 for that one itself."""
    own = scores.gather(1, labels[:, None])
    return (margin + scores - own).clamp(min=0).scatter(1, labels[:, None], 0.0)
