"""The registry: how each kind of baseline is fitted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from kgzsl.train.baselines.closed_form import fit_eszsl
from kgzsl.train.baselines.fitting import Candidate, take
from kgzsl.train.baselines.generating import fit_generator
from kgzsl.train.baselines.ranking import fit_ranking, hinge_rank, weighted_ranking
from kgzsl.train.baselines.regressing import fit_graph

__all__ = ["METHODS"]

METHODS: dict[str, Callable[..., Iterator[Candidate]]] = {
    "eszsl": fit_eszsl,
    "ale": partial(fit_ranking, objective=weighted_ranking),
    "devise": partial(fit_ranking, objective=hinge_rank),
    "gcnz": fit_graph,
    "dgp": fit_graph,
    "f-clswgan": fit_generator,
    "clip-names": take,
    "clip-facts": take,
}
"""Kind of baseline to its :data:`~kgzsl.train.baselines.fitting.Method`; those of graphs and texts are given these."""
