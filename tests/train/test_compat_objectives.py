"""The published losses where the answer is known without a reference."""

from __future__ import annotations

import math

import pytest
import torch

from kgzsl.model.departures import Departures
from kgzsl.train.compat_objectives import (
    Pairs,
    attribute_contrast,
    class_contrast,
    image_contrast,
    image_contrast_logits,
    self_calibration,
    word_reconstruction,
)


@pytest.mark.parametrize("count", [40, 150, 645])
def test_a_second_softmax_bounds_the_loss(count: int) -> None:
    label = torch.tensor([0])
    right, wrong, unsure = torch.zeros(3, 1, count).unbind()
    right[0, 0], wrong[0, 1] = 1e3, 1e3
    loss = [class_contrast(s, label, departures=Departures()).item() for s in (right, unsure, wrong)]
    least = math.log(math.e + count - 1) - 1
    assert loss == pytest.approx([least, math.log(count), least + 1], abs=1e-4)
    assert class_contrast(right, label, departures=Departures.none()).item() == pytest.approx(0)


def test_reconstruction_is_a_sum_over_images_and_a_mean_over_what_counts() -> None:
    torch.manual_seed(0)
    scores, words = torch.randn(2, 4, 5), torch.randint(0, 5, (2, 4))
    counted = torch.tensor([[1, 1, 0, 0], [1, 1, 1, 1]])
    strength = torch.tensor([0.5, 1.0])
    whole = word_reconstruction(scores, words, counted=counted, strength=strength)
    short = word_reconstruction(scores[:1, :2], words[:1, :2], counted=torch.ones(1, 2), strength=strength[:1])
    other = word_reconstruction(scores[1:], words[1:], counted=counted[1:], strength=strength[1:])
    assert whole.item() == pytest.approx((short + other).item())
    nothing = word_reconstruction(scores, words, counted=torch.zeros(2, 4), strength=strength)
    assert nothing.item() == 0


def test_contrast_over_a_temperature_does_not_depend_on_lengths() -> None:
    torch.manual_seed(0)
    projected = torch.randn(2, 6, 4)
    with_temperature = [attribute_contrast(projected * k, temperature=0.1) for k in (1.0, 7.0)]
    assert torch.allclose(*with_temperature)
    assert not torch.allclose(attribute_contrast(projected), attribute_contrast(projected * 7.0))


def test_images_of_one_class_are_not_pushed_apart() -> None:
    states = torch.tensor([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]]).repeat(2, 1).requires_grad_()
    logits = image_contrast_logits(states, torch.tensor([0, 0, 1]), temperature=0.05)
    assert logits.shape == (6, 5)
    # Row 0: the partner (3), then 1 and 4 of its own class as 0, then 2 and 5.
    assert logits[0].tolist() == pytest.approx([20.0, 0.0, 0.0, 0.0, 0.0])
    assert logits[2].tolist()[0] == pytest.approx(20.0)
    image_contrast(states, torch.tensor([0, 0, 1]), temperature=0.05).backward()
    assert states.grad is not None
    assert states.grad.isfinite().all()


def test_self_calibration_falls_with_the_mass_on_unseen_classes() -> None:
    seen = torch.tensor([0, 1])
    low, high = (self_calibration(torch.tensor([[1.0, 1.0, x]]), seen).item() for x in (0.0, 2.0))
    assert low > high > 0


def test_joined_groups_remember_their_lengths() -> None:
    texts = [torch.ones(2, n, dtype=torch.long) for n in (3, 5)]
    half = [t.clone() for t in texts]
    for t in half:
        t[0, -1] = 0
    for departures, real in ((Departures(), 3), (Departures.none(), 2)):
        parts = [
            Pairs.of(torch.zeros(2, 3, 4, 4), t, h, departures=departures) for t, h in zip(texts, half, strict=True)
        ]
        joined = Pairs.join(parts)
        assert joined.tokens.shape == (4, 5)
        assert joined.read[0].sum() == real
        assert joined.read[1].sum() == 3
