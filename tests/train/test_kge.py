"""Training KG embeddings: what they learn, and that the same input gives the same bits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from kgzsl import api
from kgzsl.data.triples import Triples, triples_of
from kgzsl.errors import ConfigError, TrainingError
from kgzsl.model.kge import KINDS, filtered_ranks
from kgzsl.train import kge
from kgzsl.train.kge import EmbeddingConfig, embed_triples, hold_out

QUICK = EmbeddingConfig(dim=16, epochs=3)


@pytest.fixture(scope="module")
def triples(toys: Any) -> Triples:
    return triples_of(api.load_ontology(toys.ontology, entail="none"), ["logics"])


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_trained_on_ranks_first(triples: Triples, kind: Any) -> None:
    config = EmbeddingConfig(kind, dim=32, epochs=300)
    facts = torch.from_numpy(triples.table)
    model = kge._fit(triples, facts, config, lambda done, total: None)
    tails = filtered_ranks(model, facts, facts)[: len(facts)]
    assert (tails == 1).float().mean() > 0.9


def test_what_alike_classes_have_is_completed() -> None:
    """Twenty classes of two kinds, each kind with five attributes of its own: what is held out goes without saying."""
    table = np.array([(c, 0, 20 + 5 * (c % 2) + a) for c in range(20) for a in range(5)])
    graph = Triples(tuple(f"ex:{k:02}" for k in range(30)), ("ex:has",), table)
    found = embed_triples(graph, EmbeddingConfig(epochs=200, held_out=0.2))
    assert found.held_out == 20
    assert found.mrr > 0.8
    assert found.hits_at_10 > 0.9
    nearest = (found.vectors[:20] @ found.vectors[:20].T - 2 * np.eye(20)).argmax(1)
    assert (nearest % 2 == np.arange(20) % 2).all()


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_bits_and_another_one_others(triples: Triples, kind: Any) -> None:
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    one, other = (embed_triples(triples, replace(QUICK, model=kind)) for _ in range(2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert np.array_equal(one.vectors, other.vectors)
    assert (one.mrr, one.hits_at_10) == (other.mrr, other.hits_at_10)
    assert not np.array_equal(one.vectors, embed_triples(triples, replace(QUICK, model=kind, seed=1)).vectors)


def test_vectors_are_of_all_facts_whatever_is_held_out(triples: Triples) -> None:
    heard: list[tuple[str, int, int]] = []
    measured = embed_triples(triples, QUICK, progress=lambda *at: heard.append(at))
    assert heard == [(phase, k, 3) for phase in ("held out", "all facts") for k in (1, 2, 3)]
    assert 0 < measured.mrr <= 1
    unmeasured = embed_triples(triples, replace(QUICK, held_out=0.0))
    assert (unmeasured.held_out, unmeasured.mrr, unmeasured.hits_at_10) == (0, None, None)
    assert np.array_equal(measured.vectors, unmeasured.vectors)


@pytest.mark.parametrize("seed", range(5))
def test_no_entity_and_no_relation_is_held_out_wholly(triples: Triples, seed: int) -> None:
    held = hold_out(triples.table, share=0.9, seed=seed)
    kept = triples.table[~held]
    assert held.any()
    assert set(kept[:, ::2].ravel()) == set(range(len(triples.entities)))
    assert set(kept[:, 1]) == set(range(len(triples.relations)))
    loop = np.array([[0, 0, 0], [0, 0, 1], [1, 0, 0]])
    assert hold_out(loop, share=0.5, seed=seed).sum() == 2
    assert not hold_out(np.array([[0, 0, 0], [1, 0, 1]]), share=0.9, seed=seed).any()


def test_settings_that_cannot_be_and_losses_that_are_no_numbers(triples: Triples) -> None:
    wrong = EmbeddingConfig("tucker", 0, 0, 0, float("nan"), 0, 1.0, -1)  # type: ignore[arg-type]
    with pytest.raises(ConfigError) as told:
        embed_triples(triples, wrong)
    names = [problem.got.split(" =")[0] for problem in told.value.problems]
    assert names == ["dim", "epochs", "batch_size", "negatives", "model", "lr", "seed", "held_out"]
    with pytest.raises(TrainingError, match=r"the loss is .*; lower the learning rate"):
        embed_triples(triples, replace(QUICK, model="distmult", lr=1e30))
