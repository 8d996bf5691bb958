from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgzsl.errors import DataError, FailureError
from kgzsl.evaluate.baselines import ESZSL, GRID, RidgeToAttributes
from kgzsl.evaluate.metrics import czsl_accuracy


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


@pytest.mark.parametrize("baseline", [ESZSL, RidgeToAttributes])
@pytest.mark.parametrize(("d", "per_class"), [(40, 12), (600, 12)])  # more images than features, and fewer
def test_planted_linear_world_is_recovered(baseline: type, d: int, per_class: int) -> None:
    features, labels, attributes = linear_world(0, d=d, per_class=per_class)
    seen = labels < 24
    model = baseline().fit_best(features[seen], labels[seen], attributes, validation_classes=range(18, 24))
    assert model.validation_accuracy > 0.9
    assert czsl_accuracy(model.scores(features[~seen], attributes), labels[~seen], np.arange(24, 30)) > 0.9


@given(st.sampled_from(GRID), st.sampled_from(GRID), st.booleans())
def test_eszsl_is_its_formula(gamma: float, lam: float, wide: bool) -> None:
    features, labels, attributes = linear_world(1, per_class=2, d=80 if wide else 6)
    x, s = features, attributes.T
    y = np.where(labels[:, None] == np.arange(30), 1.0, 0.0)
    left = np.linalg.inv(x.T @ x + gamma * np.eye(x.shape[1]))
    expected = left @ x.T @ y @ s.T @ np.linalg.inv(s @ s.T + lam * np.eye(10))
    weights = ESZSL().fit(features, labels, attributes, gamma=gamma, lam=lam).weights
    np.testing.assert_allclose(weights, expected, rtol=1e-6, atol=1e-8)


@given(st.sampled_from(GRID), st.booleans())
def test_ridge_is_its_formula(lam: float, wide: bool) -> None:
    features, labels, attributes = linear_world(2, per_class=2, d=80 if wide else 6)
    x, y = features - features.mean(axis=0), attributes[labels] - attributes[labels].mean(axis=0)
    expected = np.linalg.inv(x.T @ x + lam * np.eye(x.shape[1])) @ x.T @ y
    model = RidgeToAttributes().fit(features, labels, attributes, lam=lam)
    np.testing.assert_allclose(model.weights, expected, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(model.attributes(features).mean(axis=0), attributes[labels].mean(axis=0), atol=1e-9)


@pytest.mark.parametrize("baseline", [ESZSL, RidgeToAttributes])
def test_classes_without_images_are_not_read(baseline: type) -> None:
    features, labels, attributes = linear_world(3)
    seen = labels < 24
    hidden = attributes.copy()
    hidden[24:] = np.nan
    models = [
        baseline().fit_best(features[seen], labels[seen], m, validation_classes=[20, 21]) for m in (attributes, hidden)
    ]
    assert np.array_equal(models[0].weights, models[1].weights)


def test_fit_best_picks_what_a_search_by_hand_picks() -> None:
    features, labels, attributes = linear_world(4, noise=3.0)
    seen = labels < 24
    x, y = features[seen], labels[seen]
    held_out = y >= 18
    tried = []
    for gamma in GRID:
        for lam in GRID:
            model = ESZSL().fit(x[~held_out], y[~held_out], attributes, gamma=gamma, lam=lam)
            scores = model.scores(x[held_out], attributes)
            tried.append((czsl_accuracy(scores, y[held_out], np.arange(18, 24)), gamma, lam))
    chosen = ESZSL().fit_best(x, y, attributes, validation_classes=range(18, 24))
    assert (chosen.validation_accuracy, chosen.gamma, chosen.lam) == max(tried)


def test_cosine_scores_are_cosines() -> None:
    features, labels, attributes = linear_world(5)
    model = RidgeToAttributes().fit(features, labels, attributes, lam=1.0)
    scores = model.scores(features, np.vstack([attributes, 3 * attributes[:1], np.zeros((1, 10))]))
    assert np.abs(scores).max() <= 1 + 1e-12
    np.testing.assert_allclose(scores[:, 30], scores[:, 0])
    assert not scores[:, 31].any()


@pytest.mark.parametrize("baseline", [ESZSL, RidgeToAttributes])
def test_errors(baseline: type) -> None:
    features, labels, attributes = linear_world(6)
    with pytest.raises(FailureError, match="fit"):
        baseline().scores(features, attributes)
    with pytest.raises(DataError, match="validation class"):
        baseline().fit_best(features[:24], labels[:24], attributes, validation_classes=[29])
    with pytest.raises(DataError, match="any other seen class"):
        baseline().fit_best(features, labels, attributes, validation_classes=range(30))
    with pytest.raises(ValueError, match="class_matrix"):
        baseline().fit_best(features, labels[1:], attributes, validation_classes=[1])
    with pytest.raises(ValueError, match="rows 0 to 29"):
        baseline().fit_best(features, labels + 1, attributes, validation_classes=[1])
    with pytest.raises(ValueError, match="above 0"):
        baseline().fit_best(features, labels, attributes, validation_classes=[1], grid=(0.0,))
