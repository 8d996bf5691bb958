"""Do the numbers add up, and are the facts there?"""

from __future__ import annotations

from kgzsl.explain.checks.case import Material
from kgzsl.explain.checks.outcome import Check, Finding
from kgzsl.ontology import replay

__all__ = ["COMPLETENESS", "PROVENANCE"]

EXACT = 1e-4
APPROXIMATE = 0.05


def _completeness(material: Material) -> Finding | str:
    """The gap between the margin and what the facts and the remainder add up to."""
    told = [case.explanation for case in material.cases]
    if not all(one.additive for one in told):
        return "the method's contributions are not to add up: each is what one fact alone is worth"
    gaps = [abs(one.completeness_gap) for one in told]
    if any(one.gap is not None for one in told):
        share = sum(gaps) / max(sum(abs(one.margin) for one in told), EXACT)
        figure = f"{100 * share:.2g} % of the margin"
        return Finding(share <= APPROXIMATE, figure, numbers={"share": share, "largest": max(gaps)})
    return Finding(max(gaps) <= EXACT, f"at most {max(gaps):.2g}", numbers={"largest": max(gaps)})


def _provenance(material: Material) -> Finding | str:
    """The share of listed facts that the ontology has, and whose proofs replay."""
    right, count = 0, 0
    for case in material.cases:
        ontology = case.question.ontology
        for found in case.explanation.every:
            there = ontology.find(found.fact) is not None or ontology.axiom(found.fact) is not None
            # A fact that something else makes up for is listed with the proof of what rests on it.
            about = found.fact.key in {step.fact.key for step in found.proof.walk()}
            right += there and about and replay(found.proof, ontology)
            count += 1
    if not count:
        return "no fact is listed"
    return Finding(right == count, f"{right:,} of {count:,}", numbers={"share": right / count})


COMPLETENESS = Check(
    "completeness",
    "do contributions add up to the margin?",
    f"{EXACT:g}; of an approximation {100 * APPROXIMATE:g} %",
    _completeness,
    "contributions do not add up to the margin",
)
"""Source: Sundararajan et al., "Axiomatic Attribution for Deep Networks", ICML 2017, section 3."""

PROVENANCE = Check(
    "provenance",
    "is each fact there, and does its proof replay?",
    "all",
    _provenance,
    "facts are listed that the ontology does not have",
)
