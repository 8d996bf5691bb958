"""Which of several gates is taken: the most closed one that is as good as the best, for all that can be told."""

from __future__ import annotations

import numpy as np

from kgzsl.api.scoring import _sparsest


def world(*, classes: int = 30, images: int = 8, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, mask of the training classes, and noise of scores."""
    random = np.random.default_rng(seed)
    training = np.arange(classes) >= 12
    labels = np.arange(classes).repeat(images)
    return labels, training, random.normal(size=(len(labels), classes))


def told(labels: np.ndarray, noise: np.ndarray, strength: float) -> np.ndarray:
    """Scores that know the class to some degree."""
    return noise + strength * np.eye(noise.shape[1])[labels]


def test_of_equals_the_first_is_taken() -> None:
    labels, training, noise = world()
    scores = told(labels, noise, 2.0)
    assert _sparsest([scores, scores, scores], labels, training) == 0


def test_what_is_clearly_better_is_taken() -> None:
    labels, training, noise = world()
    assert _sparsest([told(labels, noise, s) for s in (0.5, 3.0, 0.5)], labels, training) == 1


def test_what_cannot_be_told_from_the_best_goes_before_it() -> None:
    """A little better by chance on one class is not better."""
    labels, training, noise = world()
    first = told(labels, noise, 2.0)
    lucky = first.copy()
    own = labels == 3
    lucky[own] = told(labels, noise, 6.0)[own]
    assert _sparsest([first, lucky], labels, training) == 0
    everywhere = told(labels, noise, 2.6)
    assert _sparsest([first, everywhere], labels, training) == 1
