"""KG embeddings: vectors and ranks that can be computed by hand."""

from __future__ import annotations

import pytest
import torch

from kgzsl.model.kge import KINDS, build_kge, entity_vectors, filtered_ranks


def products(values: list[float]) -> torch.nn.Module:
    """DistMult in one dimension: the score of a fact is the product of its ends."""
    model = build_kge("distmult", entities=len(values), relations=1, dim=1)
    with torch.no_grad():
        model.node_emb.weight.copy_(torch.tensor(values)[:, None])
        model.rel_emb.weight.fill_(1)
    return model


def test_other_true_entities_do_not_count() -> None:
    model, asked = products([1, 2, 3, 4]), torch.tensor([[0, 0, 1]])
    # Among 1, 2, 3, 4 as the tail of the first, 3 and 4 are above 2; as the head, 2, 3, 4 are above 1.
    assert filtered_ranks(model, asked, asked).tolist() == [3, 4]
    known = torch.tensor([[0, 0, 1], [0, 0, 3], [2, 0, 1], [3, 0, 1]])
    assert filtered_ranks(model, asked, known).tolist() == [2, 2]


def test_of_equal_scores_half_are_above() -> None:
    ranks = filtered_ranks(products([1, 1, 1, 1, 1]), torch.tensor([[0, 0, 1]]), torch.tensor([[0, 0, 1]]))
    assert ranks.tolist() == [3, 3]


def test_relations_are_told_apart() -> None:
    model = build_kge("distmult", entities=3, relations=2, dim=1)
    with torch.no_grad():
        model.node_emb.weight.copy_(torch.tensor([[1.0], [2.0], [3.0]]))
        model.rel_emb.weight.copy_(torch.tensor([[1.0], [-1.0]]))
    asked = torch.tensor([[0, 0, 1], [0, 1, 1]])
    known = torch.tensor([[0, 0, 1], [0, 1, 1], [0, 1, 0]])
    # By the second relation the lowest is first; 0 itself is known to hold there and nowhere else.
    assert filtered_ranks(model, asked, known).tolist() == [2, 1, 3, 1]


@pytest.mark.parametrize("kind", KINDS)
def test_vectors_have_the_width_and_length_of_their_kind(kind: str) -> None:
    model = build_kge(kind, entities=5, relations=2, dim=3)
    vectors = entity_vectors(model)
    assert vectors.shape == (5, 6 if kind in ("complex", "rotate") else 3)
    assert not vectors.requires_grad
    if kind == "transe":
        torch.testing.assert_close(vectors.norm(dim=1), torch.ones(5))
    if kind == "complex":
        assert torch.equal(vectors, torch.cat([model.node_emb.weight, model.node_emb_im.weight], dim=1))
