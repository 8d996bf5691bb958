"""Which of several gates is taken: the most closed one that is as good as the best, for all that can be told."""

from __future__ import annotations

import numpy as np

from kgzsl.api.scoring import _sparsest


def world(*, classes: int = 30, images: int = 8, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels of images of twelve validation classes, these, and noise of scores."""
    random = np.random.default_rng(seed)
    of_class = np.arange(12)
    labels = of_class.repeat(images)
    return labels, of_class, random.normal(size=(len(labels), classes))


def told(labels: np.ndarray, noise: np.ndarray, strength: float) -> np.ndarray:
    """Scores that know the class to some degree."""
    return noise + strength * np.eye(noise.shape[1])[labels]


def test_of_equals_the_first_is_taken() -> None:
    labels, classes, noise = world()
    scores = told(labels, noise, 2.0)
    assert _sparsest([scores, scores, scores], labels, classes) == 0


def test_what_is_clearly_better_is_taken() -> None:
    labels, classes, noise = world()
    assert _sparsest([told(labels, noise, s) for s in (0.5, 3.0, 0.5)], labels, classes) == 1


def test_what_cannot_be_told_from_the_best_goes_before_it() -> None:
    """A little better by chance on one class is not better."""
    labels, classes, noise = world()
    first = told(labels, noise, 2.0)
    lucky = first.copy()
    own = labels == 3
    lucky[own] = told(labels, noise, 6.0)[own]
    assert _sparsest([first, lucky], labels, classes) == 0
    everywhere = told(labels, noise, 2.6)
    assert _sparsest([first, everywhere], labels, classes) == 1


def test_what_tells_classes_of_training_apart_is_not_asked() -> None:
    """To be sure of validation classes among those that were trained on is worth nothing here."""
    labels, classes, noise = world()
    first = told(labels, noise, 2.0)
    surer = first - 9.0 * (np.arange(noise.shape[1]) >= 12)
    assert _sparsest([first, surer], labels, classes) == 0
