"""Which kinds of knowledge are worth having, judged by leaving out seen classes in turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product

import numpy as np

from kgzsl.train.baselines.closed_form import EszslPath

__all__ = ["Choice", "choose_knowledge"]

STRENGTHS = ((0.1, 1.0, 10.0), (0.1, 1.0, 3.0))
"""Regularization that is tried, of images and of classes."""
FOLDS, MOST = 5, 30
MANY = 25
"""From so many classes on, a fifth of them is left out at a time; of fewer, two."""


@dataclass(frozen=True)
class Choice:
    """What was found of one kind of knowledge.

    Args:
        name: group of facts, or source of states.
        gain: points of accuracy that it adds to the kinds that were chosen before, mean over the classes left out.
        error: standard error of that over the classes.
        used: whether it is used.
    """

    name: str
    gain: float
    error: float
    used: bool


def choose_knowledge(
    features: np.ndarray,
    labels: np.ndarray,
    kinds: Sequence[str],
    describe: Callable[[Sequence[str]], np.ndarray],
    *,
    seed: int = 0,
) -> tuple[Choice, ...]:
    """Take kinds of knowledge one after the other, the best first, as long as one helps to tell classes without images.

    A kind helps if it makes more of the images of left-out classes right, with only these as candidates, and by more
    than one standard error over the classes. What cannot be shown to help is left out: further knowledge never costs
    more than this judgment errs by. Classes are scored in closed form, so that leaving out costs no training; test
    images and unseen classes are not looked at.

    Source: scores of Romera-Paredes and Torr, ICML 2015; forward selection and the one-standard-error rule, Hastie et
    al., "The Elements of Statistical Learning", 2009, sections 3.3 and 7.10.

    Args:
        features: mean tokens of images of seen classes, ``(image, channel)``.
        labels: row of each image's class in what ``describe`` gives.
        kinds: the first is always used: what follows is added to it.
        describe: seen classes by some kinds, ``(class, column)``.
        seed: of the classes that are left out together.

    Returns:
        One choice for each of the kinds, in their order.

    Example:
        >>> random = np.random.default_rng(0)
        >>> truth = random.normal(size=(12, 3))
        >>> labels = np.arange(12).repeat(8)
        >>> images = truth[labels] @ random.normal(size=(3, 6)) + 0.1 * random.normal(size=(96, 6))
        >>> kinds = {"one": truth[:, :1], "rest": truth[:, 1:], "noise": random.normal(size=(12, 3))}
        >>> found = choose_knowledge(images, labels, list(kinds), lambda some: np.hstack([kinds[k] for k in some]))
        >>> [choice.used for choice in found]
        [True, True, False]
    """
    folds = _folds(np.unique(labels), seed=seed)
    size = np.sqrt(np.square(features).sum(1).mean())
    paths = [_Fold(features / size, labels, fold) for fold in folds]
    used, found = [kinds[0]], {kinds[0]: Choice(kinds[0], 0.0, 0.0, True)}
    base = _judge(paths, describe(used))
    left = list(kinds[1:])
    while left:
        tried = []
        for kind in left:
            better = _judge(paths, describe([k for k in kinds if k in (*used, kind)]))
            gains = 100 * (better - base)
            error = float(gains.std(ddof=1) / np.sqrt(len(gains))) if len(gains) > 1 else np.inf
            tried.append((Choice(kind, float(gains.mean()), error, False), better))
        choice, better = max(tried, key=lambda trial: trial[0].gain)  # of equal ones the first
        if choice.gain <= choice.error:
            found |= {trial.name: trial for trial, _ in tried}
            break
        found[choice.name] = replace(choice, used=True)
        used.append(choice.name)
        left.remove(choice.name)
        base = better
    return tuple(found[kind] for kind in kinds)


class _Fold:
    """Images of classes that stay, decomposed once, and those of classes that are left out."""

    def __init__(self, features: np.ndarray, labels: np.ndarray, left_out: np.ndarray) -> None:
        out = np.isin(labels, left_out)
        self.left_out, self.images, self.labels = left_out, features[out], labels[out]
        self.features, self.kept = features[~out], labels[~out]
        self.path: EszslPath | None = None

    def accuracy(self, classes: np.ndarray) -> np.ndarray:
        """Accuracy on each left-out class by each pair of strengths, ``(pair, class)``."""
        self.path = EszslPath(self.features, self.kept, classes, beside=self.path)
        right = []
        for pair in product(*STRENGTHS):
            scores = self.images @ self.path.solve(*pair) @ classes[self.left_out].T
            hit = self.left_out[scores.argmax(1)] == self.labels
            right.append([hit[self.labels == label].mean() for label in self.left_out])
        return np.array(right)


def _judge(folds: Sequence[_Fold], classes: np.ndarray) -> np.ndarray:
    """Accuracy of each class where it is left out, by the strengths that are best for all, ``(class,)``."""
    per_pair = [fold.accuracy(classes) for fold in folds]
    total = np.zeros((len(per_pair[0]), len(classes)))
    times = np.zeros(len(classes))
    for fold, right in zip(folds, per_pair, strict=True):
        total[:, fold.left_out] += right
        times[fold.left_out] += 1
    judged = times > 0
    mean = total[:, judged] / times[judged]
    best: np.ndarray = mean[mean.mean(1).argmax()]
    return best


def _folds(classes: np.ndarray, *, seed: int) -> list[np.ndarray]:
    """Classes that are left out together, sorted."""
    random = np.random.default_rng(seed)
    if len(classes) >= MANY:
        return [np.sort(fold) for fold in np.array_split(random.permutation(classes), FOLDS)]
    pairs = list(combinations(classes.tolist(), 2))
    chosen = random.permutation(len(pairs))[:MOST] if len(pairs) > MOST else np.arange(len(pairs))
    return [np.array(pairs[k]) for k in sorted(chosen.tolist())]
