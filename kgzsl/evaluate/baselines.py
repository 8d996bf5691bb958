"""Two closed-form classifiers that any trained model has to beat: ESZSL and ridge onto attributes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np

from kgzsl.errors import DataError, FailureError, Problem
from kgzsl.evaluate.metrics import czsl_accuracy

__all__ = ["ESZSL", "GRID", "RidgeToAttributes"]

GRID = tuple(10.0**exponent for exponent in range(-3, 4))
"""Regularization strengths that are tried: 10^-3 to 10^3."""


@dataclass
class ESZSL:
    """A bilinear map between features and class attributes, learned in one line.

    ``W = (X'X + gamma I)^-1 X'Y S (S'S + lam I)^-1``, scores ``X W S'``, with X the features
    ``(image, d)``, Y the targets ``(image, class)``, 1 for the image's class and 0 for the
    others, and S the class attributes ``(class, a)``. The paper's targets for the others are
    -1; W has no intercept, and that constant would swamp features that are not centered.
    Neither side is centered or scaled here: normalize beforehand where that is wanted.

    Source: Romera-Paredes and Torr, "An embarrassingly simple approach to zero-shot
    learning", ICML 2015, eq. 6 (whose S is the transpose of ours).

    Args:
        weights: W, ``(d, a)``; None before ``fit``.
        gamma: regularization on the side of the features (not the gamma of calibration).
        lam: regularization on the side of the attributes.
        validation_accuracy: T1 on the validation classes where ``fit_best`` chose both.

    Example:
        >>> attributes = np.array([[1.0, 0.0], [0.0, 1.0], [0.7, 0.7]])  # the last class has no image
        >>> model = ESZSL().fit(attributes[[0, 1]], np.array([0, 1]), attributes, gamma=0.01, lam=0.01)
        >>> model.scores(np.array([[0.9, 0.1], [0.6, 0.8]]), attributes).argmax(axis=1).tolist()
        [0, 2]
    """

    weights: np.ndarray | None = None
    gamma: float | None = None
    lam: float | None = None
    validation_accuracy: float | None = None

    def fit(
        self, features: np.ndarray, labels: np.ndarray, class_matrix: np.ndarray, *, gamma: float, lam: float
    ) -> Self:
        """Solve for W; only rows of ``class_matrix`` that have images are read.

        Args:
            features: ``(image, d)``.
            labels: row of each image's class in ``class_matrix``.
            class_matrix: attributes, ``(class, a)``.
            gamma: above 0.
            lam: above 0.
        """
        features, labels, class_matrix = _checked(features, labels, class_matrix)
        self.weights = _EszslPath(features, labels, class_matrix).solve(gamma, lam)
        self.gamma, self.lam, self.validation_accuracy = gamma, lam, None
        return self

    def fit_best(
        self,
        features: np.ndarray,
        labels: np.ndarray,
        class_matrix: np.ndarray,
        *,
        validation_classes: Iterable[int],
        grid: tuple[float, ...] = GRID,
    ) -> Self:
        """Choose gamma and lam by T1 on validation classes, then fit on all images given.

        On equal T1 the stronger regularization wins. Each side is decomposed once, so the whole
        grid costs little more than one fit.

        Args:
            features: ``(image, d)``, images of seen classes only.
            labels: row of each image's class in ``class_matrix``.
            class_matrix: attributes, ``(class, a)``.
            validation_classes: rows of the seen classes that play the unseen ones.
            grid: strengths to try on both sides.

        Raises:
            DataError: no image of a validation class, or none of any other.
        """
        features, labels, class_matrix = _checked(features, labels, class_matrix)
        held_out, columns = _hold_out(labels, validation_classes)
        path = _EszslPath(features[~held_out], labels[~held_out], class_matrix)
        left = features[held_out] @ path.feature_basis
        right = path.attribute_basis.T @ class_matrix[columns].T
        target = np.searchsorted(columns, labels[held_out])
        tried = []
        for gamma in grid:
            half = (left / (path.feature_values + gamma)) @ path.core
            for lam in grid:
                scores = (half / (path.attribute_values + lam)) @ right
                tried.append((czsl_accuracy(scores, target, np.arange(len(columns))), gamma, lam))
        accuracy, gamma, lam = max(tried)
        self.fit(features, labels, class_matrix, gamma=gamma, lam=lam)
        self.validation_accuracy = accuracy
        return self

    def scores(self, features: np.ndarray, class_matrix: np.ndarray) -> np.ndarray:
        """Compatibility of each image with each class, ``(image, class)``; classes may be new."""
        return np.asarray(features) @ _fitted(self.weights) @ np.asarray(class_matrix).T


@dataclass
class RidgeToAttributes:
    """Ridge regression from pixels or features to attributes; the class is the cosine-nearest vector.

    Args:
        weights: ``(d, a)``; None before ``fit``.
        intercept: ``(a,)``.
        lam: regularization.
        validation_accuracy: T1 on the validation classes where ``fit_best`` chose it.

    Source: the regression form of direct attribute prediction, Lampert et al.,
    "Attribute-Based Classification for Zero-Shot Visual Object Categorization", TPAMI 2014.

    Example:
        >>> attributes = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
        >>> model = RidgeToAttributes().fit(attributes, np.array([0, 1, 2]), attributes, lam=0.01)
        >>> model.scores(np.array([[0.9, 0.1]]), attributes).argmax(axis=1).tolist()
        [0]
    """

    weights: np.ndarray | None = None
    intercept: np.ndarray | None = None
    lam: float | None = None
    validation_accuracy: float | None = None

    def fit(self, features: np.ndarray, labels: np.ndarray, class_matrix: np.ndarray, *, lam: float) -> Self:
        """Regress the attributes of each image's class on its features, with an intercept.

        Args:
            features: ``(image, d)``; flatten pixels beforehand.
            labels: row of each image's class in ``class_matrix``.
            class_matrix: attributes, ``(class, a)``.
            lam: above 0.
        """
        features, labels, class_matrix = _checked(features, labels, class_matrix)
        self.weights, self.intercept = _RidgePath(features, class_matrix[labels]).solve(lam)
        self.lam, self.validation_accuracy = lam, None
        return self

    def fit_best(
        self,
        features: np.ndarray,
        labels: np.ndarray,
        class_matrix: np.ndarray,
        *,
        validation_classes: Iterable[int],
        grid: tuple[float, ...] = GRID,
    ) -> Self:
        """Choose lam by T1 on validation classes, then fit on all images given; as :meth:`ESZSL.fit_best`."""
        features, labels, class_matrix = _checked(features, labels, class_matrix)
        held_out, columns = _hold_out(labels, validation_classes)
        path = _RidgePath(features[~held_out], class_matrix[labels[~held_out]])
        target = np.searchsorted(columns, labels[held_out])
        tried = []
        for lam in grid:
            self.weights, self.intercept = path.solve(lam)
            scores = self.scores(features[held_out], class_matrix[columns])
            tried.append((czsl_accuracy(scores, target, np.arange(len(columns))), lam))
        accuracy, lam = max(tried)
        self.fit(features, labels, class_matrix, lam=lam)
        self.validation_accuracy = accuracy
        return self

    def attributes(self, features: np.ndarray) -> np.ndarray:
        """Predicted attributes, ``(image, a)``."""
        return np.asarray(features) @ _fitted(self.weights) + _fitted(self.intercept)

    def scores(self, features: np.ndarray, class_matrix: np.ndarray) -> np.ndarray:
        """Cosine between predicted attributes and each class's, ``(image, class)``, in [-1, 1]."""
        return _unit(self.attributes(features)) @ _unit(np.asarray(class_matrix, dtype=np.float64)).T


class _EszslPath:
    """ESZSL's solution for every pair of strengths, from one decomposition of each side."""

    def __init__(self, features: np.ndarray, labels: np.ndarray, class_matrix: np.ndarray) -> None:
        present, column = np.unique(labels, return_inverse=True)
        target = (column[:, None] == np.arange(len(present))).astype(np.float64)
        semantics = class_matrix[present]
        self.feature_values, self.feature_basis = _spectrum(features)
        self.attribute_values, self.attribute_basis = _spectrum(semantics)
        self.core = self.feature_basis.T @ (features.T @ target) @ (semantics @ self.attribute_basis)

    def solve(self, gamma: float, lam: float) -> np.ndarray:
        """W for the two strengths."""
        _need_positive(gamma=gamma, lam=lam)
        scaled = self.core / (self.feature_values[:, None] + gamma) / (self.attribute_values + lam)
        return self.feature_basis @ scaled @ self.attribute_basis.T


class _RidgePath:
    """Ridge solutions for every strength, from one decomposition of the centered features."""

    def __init__(self, features: np.ndarray, target: np.ndarray) -> None:
        self.feature_mean, self.target_mean = features.mean(axis=0), target.mean(axis=0)
        centered = features - self.feature_mean
        self.values, self.basis = _spectrum(centered)
        self.core = self.basis.T @ (centered.T @ (target - self.target_mean))

    def solve(self, lam: float) -> tuple[np.ndarray, np.ndarray]:
        """Weights and intercept."""
        _need_positive(lam=lam)
        weights = self.basis @ (self.core / (self.values[:, None] + lam))
        return weights, self.target_mean - self.feature_mean @ weights


def _spectrum(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Non-zero eigenvalues of ``M'M`` and their eigenvectors as columns, by way of the smaller Gram matrix."""
    rows, columns = matrix.shape
    values, vectors = np.linalg.eigh(matrix @ matrix.T if rows < columns else matrix.T @ matrix)
    # What lies below is rounding; ``M'Y`` has no part in that null space, so nothing is lost.
    keep = values > values[-1] * max(rows, columns) * np.finfo(np.float64).eps
    values, vectors = values[keep], vectors[:, keep]
    return values, matrix.T @ vectors / np.sqrt(values) if rows < columns else vectors


def _checked(
    features: np.ndarray, labels: np.ndarray, class_matrix: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The three arrays in double precision, with shapes that fit."""
    features, class_matrix = np.asarray(features, dtype=np.float64), np.asarray(class_matrix, dtype=np.float64)
    labels = np.asarray(labels)
    if features.ndim != 2 or class_matrix.ndim != 2 or labels.shape != features.shape[:1]:
        shapes = f"{features.shape}, {labels.shape}, {class_matrix.shape}"
        raise ValueError(f"expected features (image, d), labels (image,), class_matrix (class, a); got {shapes}")
    if not labels.size:
        raise DataError(Problem("no image to fit on", expected="images of the seen classes"))
    if not (np.issubdtype(labels.dtype, np.integer) and labels.min() >= 0 and labels.max() < len(class_matrix)):
        raise ValueError(f"labels must be integers, rows 0 to {len(class_matrix) - 1} of class_matrix")
    return features, labels, class_matrix


def _hold_out(labels: np.ndarray, validation_classes: Iterable[int]) -> tuple[np.ndarray, np.ndarray]:
    """Mask of the validation classes' images, and the classes themselves, sorted."""
    columns = np.unique(np.fromiter(validation_classes, dtype=np.int64))
    held_out = np.isin(labels, columns)
    kinds = (("a validation class", held_out.any()), ("any other seen class", not held_out.all()))
    missing = [kind for kind, some in kinds if not some]
    if missing:
        raise DataError(Problem(f"no image of {kind}", expected="images of both to choose by") for kind in missing)
    return held_out, columns


def _need_positive(**strengths: float) -> None:
    """Regularization strengths are above 0."""
    wrong = [f"{name} = {value}" for name, value in strengths.items() if not value > 0]
    if wrong:
        raise ValueError(f"{', '.join(wrong)}; regularization must be above 0")


def _fitted(array: np.ndarray | None) -> np.ndarray:
    """The array, or an error where ``fit`` was not called."""
    if array is None:
        raise FailureError("the baseline has not been fitted; call fit or fit_best first")
    return array


def _unit(matrix: np.ndarray) -> np.ndarray:
    """Rows scaled to length 1; a row of zeros stays."""
    length = np.linalg.norm(matrix, axis=1, keepdims=True)
    return np.divide(matrix, length, out=np.zeros_like(matrix), where=length > 0)
