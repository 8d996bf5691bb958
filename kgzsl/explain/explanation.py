"""What an explanation is: ranked facts, their proofs, where they were found, and how they add up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from kgzsl.ontology.facts import Fact, Proof

__all__ = ["Counterfactual", "Explanation", "FactContribution", "GroupContribution", "LearnedFrom"]


@dataclass(frozen=True)
class LearnedFrom:
    """A class with training images that has a fact's attribute: there the model may have learned what it looks like.

    Args:
        iri: the class.
        images: names of some of its training images; where a run keeps no files, their rows in the data.
    """

    iri: str
    images: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class FactContribution:
    """What one fact added to the margin between the predicted class and its rival.

    Args:
        fact: the fact. Its subject is the predicted class or the rival, or, of methods that take asserted facts away,
            whatever class it is asserted of.
        verbalization: the fact as a phrase, for instance "has stripes as its pattern".
        contribution: its share of the margin, in the unit of ``scores``; positive speaks
            for the predicted class.
        evidence: the attribute score of the image for this fact's attributes: above 0 the
            image shows them, below 0 it does not.
        proof: how the fact follows from the ontology.
        grounding: where in the image, ``(rows, columns)`` over patches, summing to 1;
            None where the model gives no map.
        box: ``(left, top, right, bottom)`` around the map's peak, as fractions of the image.
        gate: how much the model believes of what images show of it, in [0, 1].
        renormalized: what the margin loses when the fact is taken out of the class vector and the rest is brought to
            its length again; None where the model brings no vector to a length.
        assumed: what of the contribution comes by what is only assumed because of the fact: that the class has no other
            values of the property than those that are stated.
        interval: 95% interval of the contribution, of methods that sample.
        other: another derivation of what the fact says of the class, which makes up for its loss.
        learned_from: classes with training images that have its attribute (also where the fact denies it).
    """

    fact: Fact
    verbalization: str
    contribution: float
    evidence: float
    proof: Proof
    grounding: np.ndarray | None = None
    box: tuple[float, float, float, float] | None = None
    gate: float | None = None
    renormalized: float | None = None
    assumed: float = 0.0
    interval: tuple[float, float] | None = None
    other: Proof | None = None
    learned_from: tuple[LearnedFrom, ...] = ()


@dataclass(frozen=True)
class GroupContribution:
    """What several facts add together: taken away at once, they may weigh more or less than one after the other.

    Args:
        kind: what makes them a group: "property", "ancestor", or "entailed".
        iri: the property, the ancestor; empty for all that is entailed.
        facts: the facts.
        contribution: what the margin loses without them, in the unit of ``scores``.
    """

    kind: str
    iri: str
    facts: tuple[Fact, ...]
    contribution: float


@dataclass(frozen=True)
class Counterfactual:
    """The smallest change of the ontology that was found to turn the prediction into the rival's.

    Args:
        remove: asserted facts to take away.
        add: facts to add.
        margin: the margin then, below 0.
        smallest: whether every smaller change of the same facts was tried and does not turn it.
        verbalizations: each of the facts as a sentence, those to remove first.
    """

    remove: tuple[Fact, ...]
    add: tuple[Fact, ...]
    margin: float
    smallest: bool
    verbalizations: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Explanation:
    """Which facts drove the choice of one class over its rival, for one image.

    Args:
        image: path (or name) of the image.
        predicted: IRI of the class that is explained: the predicted one, or the one that was asked for.
        rival: IRI of the class that it is held against.
        labels: label of every IRI that occurs.
        margin: score of the explained class minus score of the rival.
        facts: facts of the explained class (or of both), largest contribution first.
        rival_facts: facts of the rival, largest contribution first: the rival has them
            and the image does not show them (positive), or does (negative).
        remainder: what no fact accounts for (a difference in prior or calibration, in states that a language model or
            a graph gives the classes, or in strengths of attributes of
            which neither class states anything).
        method: name of the attribution method.
        exact_for: what the method's numbers are exact for, in words.
        additive: whether contributions and remainder are to sum to the margin.
        gap: how far they are from it by the method's own approximation; None for methods without one.
        top: best classes with their scores, for the page: ``(IRI, score)``.
        unseen: IRIs of classes that were not in training, among those that occur.
        parts: the remainder by where it comes from: "calibration", or a source of states.
        groups: facts together, largest contribution first.
        counterfactual: what would turn the prediction; None where it was not asked for or nothing was found.
        warnings: where the method is known to fail on this run.
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
    exact_for: str = ""
    additive: bool = True
    gap: float | None = None
    top: tuple[tuple[str, float], ...] = ()
    unseen: frozenset[str] = field(default_factory=frozenset)
    parts: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    groups: tuple[GroupContribution, ...] = ()
    counterfactual: Counterfactual | None = None
    warnings: tuple[str, ...] = ()

    @property
    def every(self) -> tuple[FactContribution, ...]:
        """All facts, largest contribution first."""
        return tuple(sorted((*self.facts, *self.rival_facts), key=lambda f: (-f.contribution, f.fact.key)))

    @property
    def completeness_gap(self) -> float:
        """``margin - (sum of contributions + remainder)``: 0 for an exact method."""
        return self.margin - sum(f.contribution for f in self.every) - self.remainder
