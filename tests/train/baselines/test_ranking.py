from __future__ import annotations

import pytest
import torch

from kgzsl.errors import TrainingError
from kgzsl.model.baselines import AttributeClassifier, GivenTokens, MeanToken
from kgzsl.train.baselines.config import BaselineConfig
from kgzsl.train.baselines.fitting import Lesson
from kgzsl.train.baselines.ranking import fit_ranking, hinge_rank, ranking_weights, weighted_ranking


def test_ranking_weights_by_hand() -> None:
    # beta_r = 1 + 1/2 + ... + 1/r; each of r violations counts beta_r / r.
    expected = [0, 1, 3 / 4, 11 / 18, 25 / 48]
    assert ranking_weights(torch.arange(5)).tolist() == pytest.approx(expected)
    assert ranking_weights(torch.zeros(3, dtype=torch.long)).tolist() == [0, 0, 0]


def test_ale_by_hand() -> None:
    # Image 1: hinges 1 + 1.5 - 2 = 0.5, 0.25 and none: r = 2, so 3/4 * 0.75. Image 2: none.
    scores = torch.tensor([[2.0, 1.5, 1.25, 0.0], [0.0, 0.0, 9.0, 0.0]])
    assert weighted_ranking(scores, torch.tensor([0, 2])).item() == pytest.approx(0.75 * 0.75 / 2)


def test_devise_by_hand() -> None:
    # Hinges 0.1 + 0.95 - 1 = 0.05 and 0.1 + 1 - 1 = 0.1; the class itself does not count.
    assert hinge_rank(torch.tensor([[1.0, 0.95, 1.0, 0.0]]), torch.tensor([0])).item() == pytest.approx(0.15)


def planted(**settings: float) -> tuple[AttributeClassifier, Lesson]:
    """Eight classes, all pairs of signs of three attributes, whose images show their attributes."""
    torch.manual_seed(0)
    semantics = torch.nn.functional.normalize(torch.cartesian_prod(*[torch.tensor([-1.0, 1.0])] * 3), dim=1)
    labels = torch.arange(6).repeat_interleave(20)
    features = torch.nn.functional.normalize(semantics[labels] + 0.2 * torch.randn(120, 3), dim=1)
    shown = torch.arange(8) < 6
    told = Lesson(features, labels, semantics, shown, ~shown, BaselineConfig(**settings))  # type: ignore[arg-type]
    return AttributeClassifier(MeanToken(GivenTokens(), width=3), attributes=3), told


@pytest.mark.parametrize("objective", [weighted_ranking, hinge_rank])
def test_classes_without_images_are_told(objective: object) -> None:
    model, told = planted(epochs=20, lr=0.02)
    losses = [c.figures["ranking"] for c in fit_ranking(model, told, objective=objective)]  # type: ignore[arg-type]
    assert losses[-1] < losses[0] / 2
    with torch.no_grad():
        scores = model.scores(model.evidence(told.semantics), told.semantics)
    assert scores.argmax(1).tolist() == list(range(8))


def test_a_loss_that_is_not_finite_stops_training() -> None:
    model, told = planted()
    told.features[7, 1] = torch.inf
    with pytest.raises(TrainingError, match=r"lower baseline\.lr"):
        list(fit_ranking(model, told, objective=weighted_ranking))
