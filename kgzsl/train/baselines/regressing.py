"""GCNZ and DGP: a graph network learns the classifier weights of seen classes and gives those of unseen ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import nn

from kgzsl.model.baselines import BaselineClassifier, NamedClassifier
from kgzsl.train.baselines.fitting import Candidate, Lesson, need_finite
from kgzsl.train.baselines.softmax import softmax_weights

if TYPE_CHECKING:
    from kgzsl.model.baselines.class_graph import ClassGraph

__all__ = ["fit_graph"]

STEPS, LR, WEIGHT_DECAY = 300, 1e-3, 5e-4
EVERY = 10
"""Steps between two candidates."""


def fit_graph(
    model: BaselineClassifier,
    lesson: Lesson,
    *,
    graph: ClassGraph,
    network: Callable[[ClassGraph, Sequence[int]], nn.Module],
) -> Iterator[Candidate]:
    """Regress the weights of a softmax classifier of the shown classes, of unit length, on the nodes of a graph.

    The loss is half the mean squared difference; what the network gives for all classes, seen ones too, becomes their
    vectors.

    Source: Wang et al., CVPR 2018, section 3.2; Kampffmeyer et al., CVPR 2019, section 3.1 (eq. 2).

    Args:
        model: gets the vectors.
        lesson: images and classes; of the images only the classifier's weights are read.
        graph: its first nodes are the model's classes.
        network: :class:`~kgzsl.model.baselines.class_graph.GraphConvolution` or
            :class:`~kgzsl.model.baselines.class_graph.DensePropagation`.
    """
    if not isinstance(model, NamedClassifier):
        raise TypeError(f"a graph network fits a NamedClassifier, not a {type(model).__name__}")
    shown = lesson.shown.nonzero()[:, 0]
    target = F.normalize(softmax_weights(lesson.features, lesson.columns, classes=len(shown)), dim=1)
    torch.manual_seed(lesson.seed)
    learner = network(graph, (graph.features.shape[1], lesson.config.hidden, target.shape[1]))
    optimizer = torch.optim.Adam(learner.parameters(), lr=lesson.config.lr or LR, weight_decay=WEIGHT_DECAY)
    for step in range(1, (lesson.config.epochs or STEPS) + 1):
        learner.train()
        loss = need_finite((learner(graph.features)[shown] - target).square().sum(1).mean() / 2)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % EVERY == 0 or step == (lesson.config.epochs or STEPS):
            learner.eval()
            with torch.no_grad():
                model.vectors.copy_(learner(graph.features)[: len(model.vectors)])
            yield Candidate({"regression": loss.item()})
