"""f-CLSWGAN: features of unseen classes are made up from their attributes, and a softmax classifier learns from all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from kgzsl.model.baselines import BaselineClassifier, NamedClassifier
from kgzsl.model.baselines.generation import ConditionalMLP
from kgzsl.train.baselines.fitting import Candidate, Lesson, need_finite
from kgzsl.train.baselines.softmax import softmax_weights

__all__ = ["fit_generator", "gradient_penalty"]

EPOCHS, LR, BETAS = 30, 1e-3, (0.5, 0.999)
CRITIC_STEPS, PENALTY, CLASSIFICATION = 5, 10.0, 0.01
EVERY = 5
"""Epochs between two candidates."""


def gradient_penalty(critic: Callable[[Tensor, Tensor], Tensor], real: Tensor, made: Tensor, given: Tensor) -> Tensor:
    """Squared distance from 1 of the critic's slope at the given points between real and made features; their mean.

    ``E[(||d D(x, c) / d x|| - 1)^2]`` with ``x = t * real + (1 - t) * made`` and ``t`` uniform for each row.

    Source: Gulrajani et al., "Improved Training of Wasserstein GANs", NeurIPS 2017, eq. 3; conditional: Xian et al.,
    "Feature Generating Networks for Zero-Shot Learning", CVPR 2018, eq. 2.

    Args:
        critic: features and class attributes to one number a row.
        real: ``(row, channel)``.
        made: the same shape.
        given: class attributes, ``(row, attribute)``.

    Example:
        >>> slope = torch.tensor([[3.0], [4.0]])    # of length 5 everywhere
        >>> gradient_penalty(lambda x, c: x @ slope, torch.zeros(2, 2), torch.ones(2, 2), torch.zeros(2, 1)).item()
        16.0
    """
    share = torch.rand(len(real), 1)
    between = (share * real + (1 - share) * made).requires_grad_()
    (slope,) = torch.autograd.grad(critic(between, given).sum(), between, create_graph=True)
    return (slope.norm(dim=1) - 1).square().mean()


def fit_generator(model: BaselineClassifier, lesson: Lesson) -> Iterator[Candidate]:
    """Train generator and critic on the shown classes, make features of the asked ones, learn to tell all.

    Features and class attributes are scaled to a mean square of 1 for the networks, which is that of the noise, and
    features that are made are brought to the length of real ones.

    Source: Xian et al., CVPR 2018, section 3: the critic's value, the gradient penalty and, for the
    generator, the loss of a softmax classifier of the shown classes, trained beforehand.
    """
    if not isinstance(model, NamedClassifier):
        raise TypeError(f"f-CLSWGAN fits a NamedClassifier, not a {type(model).__name__}")
    torch.manual_seed(lesson.seed)
    width, noise = lesson.features.shape[1], lesson.semantics.shape[1]
    real, semantics = lesson.features * width**0.5, lesson.semantics * noise**0.5
    hidden, lr = lesson.config.hidden, lesson.config.lr or LR
    generator = ConditionalMLP(noise, attributes=noise, hidden=hidden, out=width)
    critic = ConditionalMLP(width, attributes=noise, hidden=hidden, out=1)
    teacher = softmax_weights(lesson.features, lesson.columns, classes=int(lesson.shown.sum()))
    optimizers = [torch.optim.Adam(part.parameters(), lr=lr, betas=BETAS) for part in (generator, critic)]
    epochs = lesson.config.epochs or EPOCHS
    order = torch.Generator().manual_seed(lesson.seed)
    for epoch in range(1, epochs + 1):
        distance = 0.0
        for number, rows in enumerate(lesson.batches(order)):
            given = semantics[lesson.labels[rows]]
            distance = _critic_step(critic, generator, real[rows], given, optimizers[1])
            if number % CRITIC_STEPS == 0:
                _generator_step(critic, generator, given, lesson.columns[rows], teacher, optimizers[0])
        if epoch % EVERY == 0 or epoch == epochs:
            _set_vectors(model, lesson, generator)
            yield Candidate({"distance": distance})


def _make(generator: ConditionalMLP, given: Tensor) -> Tensor:
    """Features of classes, at the length that real ones have."""
    made = generator(torch.randn_like(given), given)
    return F.normalize(made, dim=1) * made.shape[1] ** 0.5


def _critic_step(critic: Any, generator: Any, real: Tensor, given: Tensor, optimizer: Any) -> float:
    """One step of the critic; the distance of real and made features that it measured."""
    with torch.no_grad():
        made = _make(generator, given)
    distance = critic(real, given).mean() - critic(made, given).mean()
    loss = need_finite(PENALTY * gradient_penalty(critic, real, made, given) - distance)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return distance.item()


def _generator_step(
    critic: Any, generator: Any, given: Tensor, columns: Tensor, teacher: Tensor, optimizer: Any
) -> None:
    """One step of the generator: to please the critic, and to be told by the classifier."""
    made = _make(generator, given)
    logits = F.pad(made / made.shape[1] ** 0.5, (0, 1), value=1.0) @ teacher.T
    loss = need_finite(CLASSIFICATION * F.cross_entropy(logits, columns) - critic(made, given).mean())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def _set_vectors(model: NamedClassifier, lesson: Lesson, generator: ConditionalMLP) -> None:
    """A softmax classifier of the real features of shown classes and made ones of the asked, as class vectors."""
    asked = lesson.asked.nonzero()[:, 0].repeat_interleave(lesson.config.synthesized)
    with torch.no_grad():
        made = F.normalize(_make(generator, lesson.semantics[asked] * lesson.semantics.shape[1] ** 0.5), dim=1)
    told = lesson.shown | lesson.asked
    labels = (told.cumsum(0) - 1)[torch.cat([lesson.labels, asked])]
    model.vectors.zero_()
    model.vectors[told] = softmax_weights(torch.cat([lesson.features, made]), labels, classes=int(told.sum()))
