"""KG embeddings: the models of PyG, what is a vector of theirs, and how well they rank."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torch_geometric.nn.kge import ComplEx, DistMult, KGEModel, RotatE, TransE

__all__ = ["KINDS", "build_kge", "entity_vectors", "filtered_ranks"]

KINDS: dict[str, type[KGEModel]] = {"transe": TransE, "distmult": DistMult, "complex": ComplEx, "rotate": RotatE}
"""Kind -> PyG's class."""
# Other than PyG's defaults where facts held out of KG-AwA and creatures were completed better.
_SETTINGS = {"transe": {"p_norm": 2.0}, "rotate": {"margin": 3.0}}
_AT_ONCE = 1 << 16
"""Facts that are scored at once."""


def build_kge(kind: str, *, entities: int, relations: int, dim: int) -> KGEModel:
    """A model with fresh weights, drawn from torch's own generator.

    Args:
        kind: one of :data:`KINDS`.
        entities: how many.
        relations: how many.
        dim: numbers of a vector; with ``complex`` and ``rotate`` complex numbers.

    Source:
        Bordes et al., "Translating embeddings for modeling multi-relational data", 2013 (transe); Yang et al.,
        "Embedding entities and relations for learning and inference in knowledge bases", 2015 (distmult); Trouillon
        et al., "Complex embeddings for simple link prediction", 2016 (complex); Sun et al., "RotatE: knowledge graph
        embedding by relational rotation in complex space", 2019 (rotate).

    Example:
        >>> model = build_kge("complex", entities=3, relations=2, dim=4)
        >>> entity_vectors(model).shape
        torch.Size([3, 8])
    """
    return KINDS[kind](entities, relations, dim, **_SETTINGS.get(kind, {}))


@torch.no_grad()
def entity_vectors(model: KGEModel) -> Tensor:
    """The vectors of all entities, ``(entity, dim)``; of complex ones the real parts, then the imaginary ones.

    Those of TransE are of length 1, as the model compares them.
    """
    real = model.node_emb.weight.detach()
    if isinstance(model, TransE):
        return F.normalize(real, p=model.p_norm, dim=-1)
    imaginary = getattr(model, "node_emb_im", None)
    return real.clone() if imaginary is None else torch.cat([real, imaginary.weight.detach()], dim=1)


@torch.no_grad()
def filtered_ranks(model: KGEModel, asked: Tensor, known: Tensor) -> Tensor:
    """Ranks of the true tail and of the true head of some facts among all entities, ``(2 * fact,)``, from 1.

    Other entities with which the fact is known to hold do not count; of equal scores half do.

    Args:
        model: on the CPU.
        asked: ``(fact, 3)``: head, relation, tail.
        known: all facts, ``(fact, 3)``.

    Source:
        Bordes et al. 2013, section 4.1 (filtered).
    """
    every, ranks = torch.arange(model.num_nodes), []
    for side in (2, 0):
        for fact in asked:
            candidates = fact.repeat(len(every), 1)
            candidates[:, side] = every
            scores = torch.cat([model(*part.T) for part in candidates.split(_AT_ONCE)])
            own = scores[fact[side]].clone()
            alike = (known[:, 1] == fact[1]) & (known[:, 2 - side] == fact[2 - side])
            scores[known[alike, side]] = -torch.inf
            scores[fact[side]] = -torch.inf
            ranks.append(1 + (scores > own).sum() + 0.5 * (scores == own).sum())
    return torch.stack(ranks)
