"""The linear classifier in closed form."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from kgzsl.train.closed_form import fit_linear


def world(seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Tokens caused by attributes: tokens, labels, seen class vectors, and those of classes without tokens."""
    generator = torch.Generator().manual_seed(seed)
    vectors = torch.randint(0, 2, (24, 8), generator=generator).float() - 0.5
    mixing = torch.randn(8, 16, generator=generator)
    labels = torch.arange(200) % 20
    tokens = vectors[labels] @ mixing + 0.1 * torch.randn(200, 16, generator=generator)
    return tokens + 3, labels, vectors, mixing


def test_it_recognizes_classes_without_images() -> None:
    found = []
    for seed in range(8):
        tokens, labels, vectors, mixing = world(seed)
        unseen = vectors[20:] @ mixing + 3
        vectors = vectors - vectors[:20].mean(0)
        weight, bias = fit_linear(tokens, labels, vectors[:20], ridge=(1e-3, 1e-3))
        scores = (unseen @ weight.T + bias) @ vectors[20:].T
        found.append((scores.argmax(1) == torch.arange(4)).float().mean().item())
    assert sum(found) / 8 > 0.8  # chance: 0.25


def test_the_gradient_of_its_objective_is_zero() -> None:
    """The solution of the two-sided ridge, as a direct check of the formula."""
    tokens, labels, vectors, _ = world(1)
    ridge = (0.5, 2.0)
    weight, bias = fit_linear(tokens, labels, vectors[:20], ridge=ridge)
    x = (tokens - tokens.mean(0)).double()
    v, w = vectors[:20].double(), weight.T.double()
    y = 2 * torch.nn.functional.one_hot(labels, 20).double() - 1
    a = ridge[0] * x.square().sum(1).mean()
    b = ridge[1] * v.square().sum(1).mean()
    gradient = x.T @ (x @ w @ v.T - y) @ v + a * w @ (v.T @ v) + b * x.T @ x @ w + a * b * w
    assert gradient.abs().max() < 1e-3 * (x.T @ y @ v).abs().max()
    torch.testing.assert_close(bias, -(weight @ tokens.mean(0)), rtol=1e-4, atol=1e-5)


@given(st.integers(0, 1000), st.floats(0.1, 10), st.floats(0.1, 10))
def test_scales_of_features_do_not_matter(seed: int, scale: float, ridge: float) -> None:
    tokens, labels, vectors, _ = world(seed)
    one = fit_linear(tokens, labels, vectors[:20], ridge=(ridge, ridge))
    other = fit_linear(tokens * scale, labels, vectors[:20], ridge=(ridge, ridge))
    torch.testing.assert_close(other[0] * scale, one[0], rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(other[1], one[1], rtol=1e-3, atol=1e-4)


def test_an_attribute_in_which_the_classes_do_not_differ_gets_no_weight() -> None:
    tokens, labels, vectors, _ = world(0)
    vectors[:, 3] = 0
    weight, bias = fit_linear(tokens, labels, vectors[:20], ridge=(1.0, 1.0))
    assert (weight[3] == 0).all()
    assert bias[3] == 0
