from __future__ import annotations

import pytest
import torch

from kgzsl.errors import SplitError
from kgzsl.model.baselines import AttributeClassifier, GivenTokens, MeanToken, NamedClassifier


def test_shares_of_patches_sum_to_the_evidence() -> None:
    torch.manual_seed(0)
    model = AttributeClassifier(MeanToken(GivenTokens(), width=5), attributes=3)
    torch.nn.init.normal_(model.weights)
    tokens = torch.randn(4, 9, 5)
    with torch.no_grad():
        found = model.encode_images(tokens)
        mean = tokens.mean(1)
        expected = mean / mean.norm(dim=1, keepdim=True) @ model.weights
    assert torch.allclose(found.evidence, expected, atol=1e-6)
    assert torch.allclose((found.attention * found.local).sum(-1), found.evidence, atol=1e-6)
    assert torch.allclose(found.attention.sum(-1), torch.ones(4, 3))


def test_an_image_without_anything_is_no_division_by_zero() -> None:
    model = AttributeClassifier(MeanToken(GivenTokens(), width=2), attributes=2)
    assert not model.encode_images(torch.zeros(1, 4, 2)).evidence.any()


def test_unknown_attributes_count_as_zero() -> None:
    model = AttributeClassifier(MeanToken(GivenTokens(), width=2), attributes=3)
    known = torch.tensor([[True, True, False]])
    assert model.encode_classes(torch.tensor([[3.0, 4.0, 9.0]]), known).tolist() == [pytest.approx([0.6, 0.8, 0.0])]


def test_named_classes_come_in_any_order_and_foreign_ones_are_refused() -> None:
    model = NamedClassifier(MeanToken(GivenTokens(), width=1), classes=["ex:a", "ex:b", "ex:c"])
    model.vectors.copy_(torch.arange(6.0).reshape(3, 2))
    assert model.encode_names(["ex:c", "ex:a"]).tolist() == [[4, 5], [0, 1]]
    with pytest.raises(SplitError) as caught:
        model.encode_names(["ex:a", "ex:x", "ex:y"])
    assert [problem.got for problem in caught.value.problems] == [
        "no class vector for ex:x",
        "no class vector for ex:y",
    ]
