"""Training KG embeddings on triples, and how well they complete what was held out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch_geometric.nn.kge import KGEModel

from kgzsl.data.triples import Triples
from kgzsl.errors import ConfigError, Problem, TrainingError
from kgzsl.model.kge import KINDS, build_kge, entity_vectors, filtered_ranks

__all__ = ["Embedding", "EmbeddingConfig", "embed_triples", "hold_out"]

HELD_OUT_AT_MOST = 1000
"""So many facts tell how good an embedding is; more would only take longer to rank."""
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class EmbeddingConfig:
    """How KG embeddings are trained.

    Args:
        model: ``transe``, ``distmult``, ``complex`` or ``rotate``.
        dim: numbers of a vector; with ``complex`` and ``rotate`` complex numbers, so that a vector has twice as many.
        epochs: passes over the facts.
        batch_size: facts in a step.
        lr: learning rate of Adam.
        negatives: how many untrue facts there are for a true one: its head or its tail is replaced by any entity.
        held_out: share of the facts that are held out to measure with, in [0, 1); at most 1,000. 0: nothing is
            measured.
        seed: of all that is random.
    """

    model: Literal["transe", "distmult", "complex", "rotate"] = "transe"
    dim: int = 64
    epochs: int = 100
    batch_size: int = 512
    lr: float = 0.01
    negatives: int = 4
    held_out: float = 0.1
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Embedding:
    """What training gave.

    Args:
        vectors: float32 ``(entity, dim)``, trained on all facts.
        held_out: how many facts were held out of the training before, which the two figures are of.
        mrr: mean of 1 / rank of the true entity, filtered, over heads and tails; None if nothing was held out.
        hits_at_10: share of those ranks that are 10 or better; None if nothing was held out.
    """

    vectors: np.ndarray
    held_out: int
    mrr: float | None
    hits_at_10: float | None


def embed_triples(
    triples: Triples, config: EmbeddingConfig, *, progress: Progress = lambda phase, done, total: None
) -> Embedding:
    """Train twice: without the facts that are held out, to measure; then anew on all facts, for the vectors.

    Where facts are entailed ones too, what is held out often follows from what is not, and the figures are higher.

    Args:
        triples: the graph.
        config: settings.
        progress: called after every epoch with phase, epoch and epochs.

    Raises:
        ConfigError: settings that cannot be.
        TrainingError: the loss is not finite.
    """
    _check(config)
    held = hold_out(triples.table, share=config.held_out, seed=config.seed)
    known = torch.from_numpy(triples.table)
    mrr = hits = None
    with _one_thread():
        if held.any():
            model = _fit(triples, known[~torch.from_numpy(held)], config, lambda *at: progress("held out", *at))
            ranks = filtered_ranks(model, known[torch.from_numpy(held)], known)
            mrr, hits = (1 / ranks).mean().item(), (ranks <= 10).float().mean().item()
        model = _fit(triples, known, config, lambda *at: progress("all facts", *at))
    return Embedding(entity_vectors(model).numpy(), int(held.sum()), mrr, hits)


def hold_out(table: np.ndarray, *, share: float, seed: int) -> np.ndarray:
    """Which facts to hold out, bool ``(fact,)``: never the last one of an entity or of a relation.

    Args:
        table: int64 ``(fact, 3)``: head, relation, tail.
        share: of the facts, in [0, 1); at most 1,000 facts are held out.
        seed: of the draw.

    Example:
        >>> star = np.array([[0, 0, 1], [0, 0, 2], [0, 1, 1], [0, 1, 2]])
        >>> int(hold_out(star, share=0.9, seed=0).sum())
        2
    """
    wanted = min(HELD_OUT_AT_MOST, round(share * len(table)))
    ends, relations = np.bincount(table[:, ::2].ravel()), np.bincount(table[:, 1])
    held = np.zeros(len(table), dtype=bool)
    for row in np.random.default_rng(seed).permutation(len(table)).tolist():
        if wanted == 0:
            break
        head, relation, tail = table[row].tolist()
        need = 1 + (head == tail)
        if relations[relation] > 1 and ends[head] > need and ends[tail] > need:
            held[row] = True
            wanted -= 1
            relations[relation] -= 1
            ends[head] -= 1
            ends[tail] -= 1
    return held


@contextmanager
def _one_thread() -> Iterator[None]:
    """Torch on one thread: steps are so small that on a busy machine more would mostly wait for one another."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _fit(triples: Triples, facts: Tensor, config: EmbeddingConfig, progress: Callable[[int, int], None]) -> KGEModel:
    """A model trained on some facts, ``(fact, 3)``; the same bits for the same seed."""
    # PyG draws weights and untrue facts from torch's own generator, which nobody else is to notice.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        model = build_kge(
            config.model, entities=len(triples.entities), relations=len(triples.relations), dim=config.dim
        )
        optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
        for epoch in range(1, config.epochs + 1):
            for rows in torch.randperm(len(facts)).split(config.batch_size):
                optimizer.zero_grad()
                loss = model.loss(*facts[rows].repeat(config.negatives, 1).T)
                loss.backward()
                optimizer.step()
            if not torch.isfinite(loss):
                raise TrainingError(Problem(f"the loss is {loss.item()}", fix="lower the learning rate (--lr)"))
            progress(epoch, config.epochs)
    return model.eval()


def _check(config: EmbeddingConfig) -> None:
    """Raise all settings that cannot be."""
    problems = [
        Problem(f"{name} = {getattr(config, name)}", expected="1 or more")
        for name in ("dim", "epochs", "batch_size", "negatives")
        if getattr(config, name) < 1
    ]
    if config.model not in KINDS:
        problems.append(Problem(f"model = {config.model!r}", expected=", ".join(KINDS)))
    if not 0 < config.lr < float("inf"):
        problems.append(Problem(f"lr = {config.lr}", expected="more than 0"))
    if config.seed < 0:
        problems.append(Problem(f"seed = {config.seed}", expected="0 or more"))
    if not 0 <= config.held_out < 1:
        problems.append(Problem(f"held_out = {config.held_out}", expected="a share of at least 0, below 1"))
    if problems:
        raise ConfigError(problems)
