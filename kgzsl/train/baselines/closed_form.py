"""Two baselines with a solution in closed form: ESZSL, and ridge onto attributes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from kgzsl.model.baselines import AttributeClassifier, BaselineClassifier
from kgzsl.train.baselines.fitting import Candidate, Lesson

__all__ = ["GRID", "EszslPath", "RidgePath", "fit_eszsl"]

GRID = tuple(10.0**exponent for exponent in range(-3, 4))
"""Regularization strengths that are tried: 10^-3 to 10^3."""


class EszslPath:
    """ESZSL, a bilinear map between features and class attributes in one line, for any pair of strengths.

    ``W = (X'X + gamma I)^-1 X'Y S (S'S + lam I)^-1``, scores ``X W S'``, with X the features
    ``(image, d)``, Y the targets ``(image, class)``, 1 for the image's class and 0 for the
    others, and S the class attributes ``(class, a)``. The paper's targets for the others are
    -1; W has no intercept, and that constant would swamp features that are not centered.
    Neither side is centered or scaled here: normalize beforehand where that is wanted. Each side is decomposed once,
    so that a whole grid of strengths costs little more than one solution.

    Source: Romera-Paredes and Torr, "An embarrassingly simple approach to zero-shot
    learning", ICML 2015, eq. 6 (whose S is the transpose of ours).

    Args:
        features: ``(image, d)``.
        labels: row of each image's class in ``semantics``; rows without images are not read.
        semantics: class attributes, ``(class, a)``.
        beside: a path of the same images by other attributes, whose half of the work is taken over.

    Example:
        >>> attributes = np.array([[1.0, 0.0], [0.0, 1.0], [0.7, 0.7]])  # the last class has no image
        >>> weights = EszslPath(attributes[[0, 1]], np.array([0, 1]), attributes).solve(gamma=0.01, lam=0.01)
        >>> (np.array([[0.9, 0.1], [0.6, 0.8]]) @ weights @ attributes.T).argmax(axis=1).tolist()
        [0, 2]
    """

    def __init__(
        self, features: np.ndarray, labels: np.ndarray, semantics: np.ndarray, *, beside: EszslPath | None = None
    ) -> None:
        present, column = np.unique(labels, return_inverse=True)
        target = (column[:, None] == np.arange(len(present))).astype(np.float64)
        semantics = semantics[present].astype(np.float64)
        if beside is None:
            features = features.astype(np.float64)
            self.feature_values, self.feature_basis = _spectrum(features)
            self.told = self.feature_basis.T @ (features.T @ target)
        else:
            self.feature_values, self.feature_basis = beside.feature_values, beside.feature_basis
            self.told = beside.told
        self.attribute_values, self.attribute_basis = _spectrum(semantics)
        self.core = self.told @ (semantics @ self.attribute_basis)

    def solve(self, gamma: float, lam: float) -> np.ndarray:
        """W ``(d, a)``.

        Args:
            gamma: regularization on the side of the features (not the gamma of calibration), above 0.
            lam: regularization on the side of the attributes, above 0.
        """
        scaled = self.core / (self.feature_values[:, None] + gamma) / (self.attribute_values + lam)
        return self.feature_basis @ scaled @ self.attribute_basis.T


class RidgePath:
    """Ridge regression from features to the attributes of each image's class, with an intercept, for any strength.

    Source: the regression form of direct attribute prediction, Lampert et al.,
    "Attribute-Based Classification for Zero-Shot Visual Object Categorization", TPAMI 2014.

    Args:
        features: ``(image, d)``; flatten pixels beforehand.
        target: attributes of each image's class, ``(image, a)``.

    Example:
        >>> attributes = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
        >>> weights, intercept = RidgePath(attributes, attributes).solve(lam=0.01)
        >>> (np.array([[0.9, 0.1]]) @ weights + intercept).round(1).tolist()
        [[0.9, 0.1]]
    """

    def __init__(self, features: np.ndarray, target: np.ndarray) -> None:
        self.feature_mean, self.target_mean = features.mean(axis=0), target.mean(axis=0)
        centered = features - self.feature_mean
        self.values, self.basis = _spectrum(centered)
        self.core = self.basis.T @ (centered.T @ (target - self.target_mean))

    def solve(self, lam: float) -> tuple[np.ndarray, np.ndarray]:
        """Weights ``(d, a)`` and intercept ``(a,)``; the strength is above 0."""
        weights = self.basis @ (self.core / (self.values[:, None] + lam))
        return weights, self.target_mean - self.feature_mean @ weights


def fit_eszsl(model: BaselineClassifier, lesson: Lesson) -> Iterator[Candidate]:
    """Every pair of strengths of :data:`GRID`, the stronger ones last, which win where several are equally good."""
    if not isinstance(model, AttributeClassifier):
        raise TypeError(f"ESZSL fits an AttributeClassifier, not a {type(model).__name__}")
    path = EszslPath(lesson.features.numpy(), lesson.labels.numpy(), lesson.semantics.numpy())
    for gamma in GRID:
        for lam in GRID:
            with torch.no_grad():
                model.weights.copy_(torch.from_numpy(path.solve(gamma, lam)))
            yield Candidate({"gamma": gamma, "lam": lam})


def _spectrum(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Non-zero eigenvalues of ``M'M`` and their eigenvectors as columns, by way of the smaller Gram matrix."""
    rows, columns = matrix.shape
    values, vectors = np.linalg.eigh(matrix @ matrix.T if rows < columns else matrix.T @ matrix)
    # What lies below is rounding; ``M'Y`` has no part in that null space, so nothing is lost.
    keep = values > values[-1] * max(rows, columns) * np.finfo(np.float64).eps
    values, vectors = values[keep], vectors[:, keep]
    return values, matrix.T @ vectors / np.sqrt(values) if rows < columns else vectors
