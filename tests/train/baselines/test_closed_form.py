from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kgzsl.evaluate import czsl_accuracy
from kgzsl.model.baselines import AttributeClassifier, GivenTokens, MeanToken, NamedClassifier
from kgzsl.train.baselines.closed_form import GRID, EszslPath, RidgePath, fit_eszsl
from kgzsl.train.baselines.config import BaselineConfig
from kgzsl.train.baselines.fitting import Lesson


def linear_world(
    seed: int, *, per_class: int = 12, d: int = 40, noise: float = 0.3
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features that are a linear image of the class attributes, plus noise; 30 classes, 10 attributes."""
    rng = np.random.default_rng(seed)
    attributes = rng.normal(size=(30, 10))
    attributes /= np.linalg.norm(attributes, axis=1, keepdims=True)
    labels = np.arange(30).repeat(per_class)
    features = attributes[labels] @ rng.normal(size=(10, d)) + noise * rng.normal(size=(labels.size, d))
    return features, labels, attributes


@pytest.mark.parametrize("d", [40, 600])  # more images than features, and fewer
def test_planted_linear_world_is_recovered(d: int) -> None:
    features, labels, attributes = linear_world(0, d=d)
    seen, unseen = labels < 24, np.arange(24, 30)
    eszsl = EszslPath(features[seen], labels[seen], attributes).solve(1.0, 1.0)
    weights, intercept = RidgePath(features[seen], attributes[labels[seen]]).solve(1.0)
    for found in (features[~seen] @ eszsl, features[~seen] @ weights + intercept):
        assert czsl_accuracy(found @ attributes.T, labels[~seen], unseen) > 0.9


@given(st.sampled_from(GRID), st.sampled_from(GRID), st.booleans())
def test_eszsl_is_its_formula(gamma: float, lam: float, wide: bool) -> None:
    features, labels, attributes = linear_world(1, per_class=2, d=80 if wide else 6)
    x, s = features, attributes.T
    y = np.where(labels[:, None] == np.arange(30), 1.0, 0.0)
    left = np.linalg.inv(x.T @ x + gamma * np.eye(x.shape[1]))
    expected = left @ x.T @ y @ s.T @ np.linalg.inv(s @ s.T + lam * np.eye(10))
    weights = EszslPath(features, labels, attributes).solve(gamma, lam)
    np.testing.assert_allclose(weights, expected, rtol=1e-6, atol=1e-8)


@given(st.sampled_from(GRID), st.booleans())
def test_ridge_is_its_formula(lam: float, wide: bool) -> None:
    features, labels, attributes = linear_world(2, per_class=2, d=80 if wide else 6)
    x, y = features - features.mean(axis=0), attributes[labels] - attributes[labels].mean(axis=0)
    expected = np.linalg.inv(x.T @ x + lam * np.eye(x.shape[1])) @ x.T @ y
    weights, intercept = RidgePath(features, attributes[labels]).solve(lam)
    np.testing.assert_allclose(weights, expected, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose((features @ weights + intercept).mean(0), attributes[labels].mean(0), atol=1e-9)


def test_classes_without_images_are_not_read() -> None:
    features, labels, attributes = linear_world(3)
    seen = labels < 24
    hidden = np.where(np.arange(30)[:, None] < 24, attributes, np.nan)
    one, two = (EszslPath(features[seen], labels[seen], table).solve(1.0, 1.0) for table in (attributes, hidden))
    assert np.array_equal(one, two)


def lesson(config: BaselineConfig | None = None) -> Lesson:
    features, labels, attributes = (torch.from_numpy(part) for part in linear_world(4))
    seen = torch.arange(30) < 24
    rows = seen[labels]
    return Lesson(features[rows].float(), labels[rows], attributes.float(), seen, ~seen, config or BaselineConfig())


def test_every_pair_of_strengths_is_a_candidate() -> None:
    told = lesson()
    model = AttributeClassifier(MeanToken(GivenTokens(), width=40), attributes=10)
    path = EszslPath(told.features.numpy(), told.labels.numpy(), told.semantics.numpy())
    tried = []
    for candidate in fit_eszsl(model, told):
        gamma, lam = candidate.figures["gamma"], candidate.figures["lam"]
        tried.append((gamma, lam))
        assert torch.allclose(model.weights.detach().double(), torch.from_numpy(path.solve(gamma, lam)), rtol=1e-5)
    assert tried == [(gamma, lam) for gamma in GRID for lam in GRID]


def test_another_face_is_refused() -> None:
    with pytest.raises(TypeError, match="AttributeClassifier"):
        next(fit_eszsl(NamedClassifier(MeanToken(GivenTokens(), width=40), classes=["a"]), lesson()))
