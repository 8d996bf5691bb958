"""What an explanation is: ranked facts, their proofs, where they were found, and how they add up."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from kgzsl.ontology.facts import Fact, Proof

__all__ = ["Explanation", "FactContribution"]


@dataclass(frozen=True, eq=False)
class FactContribution:
    """What one fact added to the margin between the predicted class and its rival.

    Args:
        fact: the fact; its subject is the predicted class or the rival.
        verbalization: the fact as a phrase, for instance "has stripes as its pattern".
        contribution: its share of the margin, in the unit of ``scores``; positive speaks
            for the predicted class.
        evidence: the attribute score of the image for this fact's attribute: above 0 the
            image shows it, below 0 it does not.
        proof: how the fact follows from the ontology.
        grounding: where in the image, ``(rows, columns)`` over patches, summing to 1;
            None where the model gives no map.
        box: ``(left, top, right, bottom)`` around the map's peak, as fractions of the image.
    """

    fact: Fact
    verbalization: str
    contribution: float
    evidence: float
    proof: Proof
    grounding: np.ndarray | None = None
    box: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, eq=False)
class Explanation:
    """Which facts drove the choice of one class over its rival, for one image.

    Args:
        image: path (or name) of the image.
        predicted: IRI of the class that is explained.
        rival: IRI of the class that it is held against.
        labels: label of every IRI that occurs.
        margin: score of the predicted class minus score of the rival.
        facts: facts of the predicted class, largest contribution first.
        rival_facts: facts of the rival, largest contribution first: the rival has them
            and the image does not show them (positive), or does (negative).
        remainder: what no fact accounts for (a difference in prior or calibration, in states that a language model or
            a graph gives the classes, or in strengths of attributes of
            which neither class states anything).
        method: name of the attribution method.
        top: best classes with their scores, for the page: ``(IRI, score)``.
        unseen: IRIs of classes that were not in training, among those that occur.
    """

    image: str
    predicted: str
    rival: str
    labels: dict[str, str]
    margin: float
    facts: tuple[FactContribution, ...]
    rival_facts: tuple[FactContribution, ...]
    remainder: float
    method: str
    top: tuple[tuple[str, float], ...] = ()
    unseen: frozenset[str] = field(default_factory=frozenset)

    @property
    def completeness_gap(self) -> float:
        """``margin - (sum of contributions + remainder)``: 0 for an exact method."""
        total = sum(f.contribution for f in self.facts) + sum(f.contribution for f in self.rival_facts)
        return self.margin - total - self.remainder
