"""KG embeddings: from ontology files to a file of vectors."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kgzsl.api.records import Listener
from kgzsl.api.sources import load_ontology
from kgzsl.data.triples import triples_of
from kgzsl.data.vectors import EntityVectors, check_vectors_place, write_vectors
from kgzsl.semantics.groups import groups_of

if TYPE_CHECKING:
    from kgzsl.ontology.ontology import Regime
    from kgzsl.train.kge import EmbeddingConfig

__all__ = ["EmbeddingReport", "embed"]


@dataclass(frozen=True)
class EmbeddingReport:
    """What was embedded, and how well what was held out is completed.

    Args:
        out: the file of vectors.
        model: ``transe``, ``distmult``, ``complex`` or ``rotate``.
        facts: the groups that were chosen.
        entities: how many have a vector, the classes among them.
        classes: how many of them are classes.
        relations: how many there are.
        triples: how many facts.
        dim: numbers of a vector in the file.
        held_out: facts that were held out to measure with.
        mrr: mean of 1 / filtered rank over their heads and tails; None if nothing was held out.
        hits_at_10: share of those ranks that are 10 or better; None if nothing was held out.
        seed: of all that is random.
        seconds: of training, measuring too.
    """

    out: str
    model: str
    facts: tuple[str, ...]
    entities: int
    classes: int
    relations: int
    triples: int
    dim: int
    held_out: int
    mrr: float | None
    hits_at_10: float | None
    seed: int
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"facts": list(self.facts)}


def embed(
    files: Sequence[str | Path],
    *,
    out: str | Path,
    facts: Sequence[str] = ("properties", "hierarchy"),
    profile: str | None = None,
    entail: Regime = "none",
    config: EmbeddingConfig | None = None,
    force: bool = False,
    listener: Listener | None = None,
) -> EmbeddingReport:
    """Train a KG embedding on chosen facts of an ontology, and write the vectors of all its terms.

    Args:
        files: read as one ontology.
        out: a ``.safetensors`` file, to be read by :func:`kgzsl.data.vectors.read_vectors`.
        facts: groups and presets (:mod:`kgzsl.semantics.groups`).
        profile: as :func:`load_ontology`.
        entail: whether what follows is embedded too: ``none``, ``el`` or ``rdfs``.
        config: how to train; by default as :class:`~kgzsl.train.kge.EmbeddingConfig`.
        force: replace a file that is there.
        listener: hears of epochs.

    Raises:
        InputError: an ontology that cannot be read, groups of facts that do not exist or have no fact here, classes
            that no chosen fact is about, settings that cannot be, a file that is there already.
    """
    check_vectors_place(out, force=force)
    groups = groups_of(facts)
    ontology = load_ontology(*files, profile=profile, entail=entail)
    triples = triples_of(ontology, facts)

    from kgzsl.train.kge import EmbeddingConfig, embed_triples

    config, listener = config or EmbeddingConfig(), listener or Listener()
    start = time.perf_counter()
    found = embed_triples(triples, config, progress=listener.step)
    report = EmbeddingReport(
        out=str(out),
        model=config.model,
        facts=groups,
        entities=len(triples.entities),
        classes=len(ontology.classes),
        relations=len(triples.relations),
        triples=len(triples.table),
        dim=found.vectors.shape[1],
        held_out=found.held_out,
        mrr=found.mrr,
        hits_at_10=found.hits_at_10,
        seed=config.seed,
        seconds=round(time.perf_counter() - start, 2),
    )
    settings = {name: str(value) for name, value in asdict(config).items()}
    about = settings | {"facts": ",".join(groups), "entail": entail, "ontology": ontology.digest}
    write_vectors(EntityVectors(triples.entities, found.vectors, about), out, force=force)
    return report
