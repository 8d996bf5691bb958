from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from kgzsl.model.baselines import GivenTokens, MeanToken, NamedClassifier
from kgzsl.train.baselines.config import BaselineConfig
from kgzsl.train.baselines.fitting import Lesson
from kgzsl.train.baselines.generating import fit_generator, gradient_penalty
from kgzsl.train.baselines.softmax import DECAY, softmax_weights


def test_gradient_penalty_of_a_linear_critic_by_hand() -> None:
    # The slope is (3, 4) everywhere, of length 5: (5 - 1)^2.
    penalty = gradient_penalty(
        lambda x, c: x @ torch.tensor([[3.0], [4.0]]), torch.zeros(7, 2), torch.ones(7, 2), torch.zeros(7, 1)
    )
    assert penalty.item() == pytest.approx(16)


def test_gradient_penalty_is_taken_between_real_and_made() -> None:
    # Of |x|^2 / 2 the slope is x itself: between (1, 0) and (3, 0) it is 1 to 3 long, and the penalty's mean over a
    # uniform share is the integral of (s - 1)^2 / 2 from 1 to 3, which is 4 / 3.
    torch.manual_seed(0)
    real, made = torch.tensor([[1.0, 0.0]]).expand(20_000, 2), torch.tensor([[3.0, 0.0]]).expand(20_000, 2)
    penalty = gradient_penalty(lambda x, c: x.square().sum(1, keepdim=True) / 2, real, made, torch.zeros(20_000, 1))
    assert penalty.item() == pytest.approx(4 / 3, rel=0.02)


def test_gradient_penalty_teaches_the_critic() -> None:
    slope = torch.tensor([[3.0], [4.0]], requires_grad=True)
    gradient_penalty(lambda x, c: x @ slope, torch.zeros(4, 2), torch.ones(4, 2), torch.zeros(4, 1)).backward()
    # d (|w| - 1)^2 / dw = 2 (|w| - 1) w / |w|
    assert slope.grad is not None
    assert slope.grad.flatten().tolist() == pytest.approx([8 * 3 / 5, 8 * 4 / 5])


def test_softmax_is_at_its_optimum() -> None:
    torch.manual_seed(0)
    features, labels = torch.randn(60, 5), torch.tensor([0] * 40 + [1] * 15 + [2] * 5)
    weights = softmax_weights(features, labels, classes=3).requires_grad_()
    logits = F.pad(features, (0, 1), value=1.0) @ weights.T
    per_class = torch.stack([F.cross_entropy(logits[labels == c], labels[labels == c]) for c in range(3)])
    (per_class.mean() + DECAY / 2 * weights[:, :-1].square().sum()).backward()
    assert weights.grad is not None
    assert weights.grad.abs().max() < 1e-3


def test_features_of_unseen_classes_are_made_up() -> None:
    torch.manual_seed(0)
    semantics = F.normalize(torch.randn(12, 6), dim=1)
    plan = torch.randn(6, 16)
    labels = torch.arange(9).repeat_interleave(30)
    features = F.normalize(semantics[labels] @ plan + 0.1 * torch.randn(270, 16), dim=1)
    shown = torch.arange(12) < 9
    asked = torch.arange(12) >= 10  # the tenth class is neither shown nor asked for
    settings = BaselineConfig(epochs=30, lr=1e-3, hidden=64, synthesized=40)
    model = NamedClassifier(MeanToken(GivenTokens(), width=16), classes=[f"ex:{k}" for k in range(12)])
    lesson = Lesson(features, labels, semantics, shown, asked, settings)
    assert len(list(fit_generator(model, lesson))) == 6  # every five epochs
    assert not model.vectors[9].any()
    told = F.normalize(semantics @ plan, dim=1)
    scores = model.scores(model.evidence(told), model.vectors)
    assert scores[10:][:, 10:].argmax(1).tolist() == [0, 1]
    assert scores[:9, :9].argmax(1).tolist() == list(range(9))
