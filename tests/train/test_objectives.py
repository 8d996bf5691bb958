"""Objectives in closed form, and the schedule."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kgzsl.train.duet import learning_rate
from kgzsl.train.objectives import (
    attribute_contrast,
    attribute_regression,
    classification,
    instance_contrast,
    masked_attribute,
    self_calibration,
    square_classification,
)


def test_classification_is_cross_entropy_of_logits() -> None:
    scores = torch.tensor([[2.0, 0.0], [0.0, 2.0]])
    expected = math.log(1 + math.exp(-2))
    assert classification(scores, torch.tensor([0, 1])).item() == pytest.approx(expected, rel=1e-6)
    assert classification(scores, torch.tensor([1, 0])).item() == pytest.approx(expected + 2, rel=1e-6)
    # A constant on all scores of an image changes nothing: they are logits.
    assert classification(scores + 50, torch.tensor([0, 1])).item() == pytest.approx(expected, rel=1e-4)


def test_square_classification_is_a_distance_up_to_a_constant_on_all_scores() -> None:
    labels = torch.tensor([1, 0])
    target = torch.tensor([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    assert square_classification(target + torch.tensor([[3.0], [-8.0]]), labels).item() == pytest.approx(0, abs=1e-9)
    # One class half a point off: 0.5 squared, but for what a constant on all three makes up for.
    scores = target.clone()
    scores[0, 2] += 0.5
    assert square_classification(scores, labels).item() == pytest.approx((0.25 - 0.25 / 3) / 2, rel=1e-6)
    # Being surer than wanted costs, unlike in cross-entropy.
    assert square_classification(3 * target, labels) > square_classification(1.5 * target, labels) > 0


def test_label_smoothing_spreads_mass() -> None:
    scores, labels = torch.tensor([[3.0, 0.0, -1.0]]), torch.tensor([0])
    log_p = scores.log_softmax(1)[0]
    expected = -(0.9 * log_p[0] + 0.1 * log_p.mean())
    assert classification(scores, labels, label_smoothing=0.1).item() == pytest.approx(expected.item(), rel=1e-6)


def test_attribute_regression_in_closed_form() -> None:
    evidence = torch.tensor([[0.0, 2.0, -1.0]])
    value, known = torch.tensor([[0.5, 1.0, 0.0]]), torch.tensor([[True, True, True]])
    expected = (math.log(2) + math.log(1 + math.exp(-2)) + math.log(1 + math.exp(-1))) / 3
    assert attribute_regression(evidence, value, known).item() == pytest.approx(expected, rel=1e-6)


def test_unknown_cells_have_no_part_in_it() -> None:
    evidence = torch.randn(4, 6, generator=torch.Generator().manual_seed(0)).requires_grad_()
    value, known = torch.full((4, 6), 0.5), torch.zeros(4, 6, dtype=torch.bool)
    known[:, :2] = True
    loss = attribute_regression(evidence, value, known)
    loss.backward()
    assert evidence.grad is not None
    assert (evidence.grad[:, 2:] == 0).all()
    assert (evidence.grad[:, :2] != 0).all()
    changed = torch.where(known, value, torch.full_like(value, 0.9))
    assert attribute_regression(evidence, changed, known).item() == loss.item()
    # The mean is over known cells, so a column of unknown cells does not dilute it.
    assert attribute_regression(evidence[:, :2], value[:, :2], known[:, :2]).item() == pytest.approx(loss.item())


def test_nothing_known_is_no_loss() -> None:
    evidence = torch.randn(2, 3, requires_grad=True)
    loss = attribute_regression(evidence, torch.ones(2, 3), torch.zeros(2, 3, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 0
    assert evidence.grad is not None
    assert (evidence.grad == 0).all()


def test_masked_attribute_is_a_mean_over_positions() -> None:
    scores = torch.tensor([[1.0, 0.0], [0.0, 1.0], [5.0, 0.0]])
    words = torch.tensor([0, 0, 0])
    expected = sum(math.log(1 + math.exp(-margin)) for margin in (1, -1, 5)) / 3
    assert masked_attribute(scores, words).item() == pytest.approx(expected, rel=1e-5)


def test_no_masked_position_is_no_loss_that_can_be_differentiated() -> None:
    scores = torch.zeros(0, 7, requires_grad=True)
    loss = masked_attribute(scores, torch.zeros(0, dtype=torch.long))
    loss.backward()
    assert loss.item() == 0


@given(st.floats(-60, 60), st.floats(0, 1))
def test_gradients_are_finite(logit: float, value: float) -> None:
    evidence = torch.tensor([[logit, -logit]], requires_grad=True)
    loss = attribute_regression(evidence, torch.tensor([[value, value]]), torch.tensor([[True, True]]))
    loss = loss + classification(evidence, torch.tensor([0])) + masked_attribute(evidence, torch.tensor([1]))
    loss.backward()
    assert evidence.grad is not None
    assert loss.isfinite()
    assert evidence.grad.isfinite().all()


@given(st.integers(1, 500), st.floats(0, 0.5), st.floats(1e-5, 1.0))
def test_the_learning_rate_rises_once_and_falls(steps: int, warmup: float, peak: float) -> None:
    rates = [learning_rate(step, steps, peak=peak, warmup=warmup) for step in range(steps)]
    top = rates.index(max(rates))
    assert max(rates) == pytest.approx(peak)
    assert all(0 <= rate <= peak * (1 + 1e-9) for rate in rates)
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert top <= max(1, round(warmup * steps))


def test_self_calibration_by_hand() -> None:
    scores = torch.tensor([[1.0, 0.0, 2.0], [0.0, 0.0, -1.0]])
    unseen = torch.tensor([False, False, True])
    shares = [math.exp(3) / (math.exp(0) + math.exp(-1) + math.exp(3)), math.exp(0) / (2 * math.exp(-1) + math.exp(0))]
    assert self_calibration(scores, unseen).item() == pytest.approx(-math.log(sum(shares) / 2), rel=1e-5)
    # Sure of unseen classes: nothing to lose; sure of others: much.
    assert self_calibration(torch.tensor([[-50.0, -50.0, 50.0]]), unseen).item() == pytest.approx(0, abs=1e-5)
    assert self_calibration(torch.tensor([[50.0, -50.0, -50.0]]), unseen).item() > 90


def test_attribute_contrast_by_hand() -> None:
    one, other = torch.eye(2)
    anchors = torch.stack([one, other]) * 3  # the length has no part in it
    positives = torch.stack([one, one])
    negatives = torch.stack([torch.stack([other, one]), torch.stack([other, one])])
    usable = torch.tensor([[True, False], [True, True]])
    weight = torch.tensor([1.0, 0.5])
    tau = 0.5
    first = math.log(1 + math.exp(-1 / tau))
    # The second anchor: its positive at 0, negatives at 1 and 0.
    second = math.log(math.exp(0) + math.exp(1 / tau) + math.exp(0))
    loss = attribute_contrast(anchors, positives, negatives, usable=usable, weight=weight, temperature=tau)
    assert loss.item() == pytest.approx((first + 0.5 * second) / 1.5, rel=1e-5)


def test_attribute_contrast_of_nothing_is_zero_and_has_a_gradient() -> None:
    words = torch.randn(3, 4, requires_grad=True)
    loss = attribute_contrast(
        words[:0],
        words[:0],
        words[:0, None].expand(0, 2, 4),
        usable=torch.zeros(0, 2, dtype=torch.bool),
        weight=torch.zeros(0),
        temperature=0.1,
    )
    loss.backward()
    assert loss.item() == 0
    assert words.grad is not None


def test_instance_contrast_by_hand() -> None:
    one, other = torch.eye(2)
    embeddings = torch.stack([one, one, other, -one])
    labels = torch.tensor([0, 0, 1, 2])
    # Two pairs, each with its positive at 1 and others at 0 and -1.
    expected = math.log(1 + (math.exp(0) + math.exp(-2)) / math.exp(2))
    assert instance_contrast(embeddings, labels, temperature=0.5).item() == pytest.approx(expected, rel=1e-5)
    turned = instance_contrast(embeddings.flip(0), labels.flip(0), temperature=0.5)
    assert turned.item() == pytest.approx(expected, rel=1e-5)
    alone = torch.tensor([0, 1, 2, 3])
    assert instance_contrast(embeddings, alone, temperature=0.5).item() == 0


def test_instance_contrast_draws_a_class_together() -> None:
    torch.manual_seed(0)
    embeddings = torch.randn(12, 4, requires_grad=True)
    labels = torch.arange(4).repeat(3)
    optimizer = torch.optim.SGD([embeddings], lr=0.5)
    before = instance_contrast(embeddings, labels, temperature=0.2).item()
    for _ in range(50):
        optimizer.zero_grad()
        instance_contrast(embeddings, labels, temperature=0.2).backward()
        optimizer.step()
    unit = torch.nn.functional.normalize(embeddings.detach(), dim=1)
    alike = labels[:, None] == labels
    assert instance_contrast(embeddings, labels, temperature=0.2).item() < before / 2
    assert (unit @ unit.T)[alike].min() > (unit @ unit.T)[~alike].mean()
