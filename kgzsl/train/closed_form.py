"""The best linear classifier of mean tokens, in closed form: where training on given features begins."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["fit_linear"]


def fit_linear(tokens: Tensor, labels: Tensor, classes: Tensor, *, ridge: tuple[float, float]) -> tuple[Tensor, Tensor]:
    """Weights that turn the mean token of an image into evidence of every attribute.

    With mean tokens ``X`` (centered), class vectors ``V`` and ``Y`` 1 for the image's class and -1 for the others::

        W = (X'X + a I)^-1 X'Y V (V'V + b I)^-1

    ``a`` and ``b`` are ``ridge``, in units of the mean squared length of a row of ``X`` and of ``V``, so that they
    mean the same for every backbone and every ontology.

    Source: Romera-Paredes and Torr, "An embarrassingly simple approach to zero-shot learning", ICML 2015, equation 4.

    Args:
        tokens: mean tokens ``(image, channel)``.
        labels: class of each image, ``(image,)``.
        classes: class vectors ``(class, attribute)``.
        ridge: strengths for images and for classes.

    Returns:
        Weight ``(attribute, channel)`` and bias ``(attribute,)``; ``tokens @ weight.T + bias`` is the evidence.

    Example:
        >>> weight, bias = fit_linear(torch.eye(2), torch.tensor([0, 1]), torch.eye(2), ridge=(0.1, 0.1))
        >>> (torch.eye(2) @ weight.T + bias).argmax(1).tolist()
        [0, 1]
    """
    x, v = tokens.double(), classes.double()
    mean = x.mean(0)
    x = x - mean
    y = 2 * F.one_hot(labels, len(v)).double() - 1
    left = x.T @ x + ridge[0] * x.square().sum(1).mean() * torch.eye(x.shape[1], dtype=x.dtype)
    right = v.T @ v + ridge[1] * v.square().sum(1).mean() * torch.eye(v.shape[1], dtype=x.dtype)
    weight = torch.linalg.solve(right, torch.linalg.solve(left, x.T @ y @ v).T)
    return weight.float(), -(weight @ mean).float()
