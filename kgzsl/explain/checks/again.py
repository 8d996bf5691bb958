"""Explanations made again: under what must change them, and under what must not."""

from __future__ import annotations

from functools import partial

import numpy as np

from kgzsl.explain.checks.case import Material, contributions
from kgzsl.explain.checks.outcome import Check, Finding
from kgzsl.explain.faithfulness import kendall_tau, rank_correlation

__all__ = ["RANDOMIZED", "STABLE"]

ALIKE = 0.2
AGREE = 0.8
EXACT = 1e-9


def _randomized(material: Material) -> Finding | str:
    """How far explanations of a model with shuffled weights rank facts as those of the model do."""
    if not material.again.get("weights"):
        return "no model with shuffled weights"
    found = [
        [rank_correlation(*contributions(material.cases[k].explanation, other)) for k, other in each.items()]
        for each in material.again["weights"]
    ]
    figure = float(np.mean(found))
    told = f"{figure:+.2f} ({len(found)} models)"
    return Finding(figure <= ALIKE, told, "", {"correlation": figure})


def _stable(material: Material, *, kind: str, otherwise: str) -> Finding | str:
    """How far explanations that were made again agree with the first ones."""
    if not material.again.get(kind):
        return otherwise
    taus, apart, sampled = [], 0.0, False
    for each in material.again[kind]:
        for k, other in each.items():
            one, two = contributions(material.cases[k].explanation, other)
            if len(one):
                taus.append(kendall_tau(one, two))
                apart = max(apart, float(abs(one - two).max()))
            sampled |= any(found.interval is not None for found in other.every)
    if not taus:
        return "no fact is listed"
    figure = float(np.mean(taus))
    # What draws by chance may draw in another order; all else has no reason to differ.
    exact = kind != "names" or sampled or apart <= EXACT
    told = f"{figure:+.3f}" + (f", {apart:.1g} apart at most" if kind == "names" else "")
    return Finding(figure >= AGREE and exact, told, "", {"tau": figure, "largest": apart})


RANDOMIZED = Check(
    "random weights",
    "with shuffled weights, is it another explanation?",
    f"rank correlation {ALIKE:g} or less",
    _randomized,
    "a model that has learned nothing gets much the same explanations",
)
"""Source: Adebayo et al., "Sanity Checks for Saliency Maps", NeurIPS 2018, section 3. The entries of each weight are
shuffled, so that a weight that begins at 0 becomes random, too, and the distribution of all stays."""

STABLE = (
    Check(
        "renamed IRIs",
        "with other IRIs, is it the same?",
        f"exactly; if drawn by chance, tau {AGREE:g}",
        partial(_stable, kind="names", otherwise="the ontology was not renamed"),
        "contributions depend on how terms are spelled",
    ),
    Check(
        "order of facts",
        "with prompts in another order, is it the same?",
        f"Kendall's tau {AGREE:g}",
        partial(_stable, kind="order", otherwise="no prompt is read: facts have no order"),
        "contributions depend on the order of the facts in prompts",
    ),
    Check(
        "other seeds",
        "with other seeds, is it the same?",
        f"Kendall's tau {AGREE:g}",
        partial(_stable, kind="seeds", otherwise="no run of another seed was given"),
        "runs of other seeds rank the facts otherwise",
    ),
)
