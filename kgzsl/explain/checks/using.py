"""Is the knowledge used at all? Trained afresh without it; and a run on facts of other classes must own up."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from kgzsl.explain.checks.case import Case, Counted, Material
from kgzsl.explain.checks.outcome import Check, Finding
from kgzsl.explain.explanation import FactContribution
from kgzsl.explain.faithfulness import Interval, paired_interval
from kgzsl.ontology import Fact

__all__ = ["HONEST", "RETRAINED", "Use", "use_of"]

LEVEL = 0.05
FIRST = 5


def _retrained(material: Material, *, own: str, chance: str) -> Finding | str:
    """Whether accuracy falls further without (or with another class having) the facts ranked first."""
    if not material.retrained:
        return "nothing was trained afresh (--retrain)"
    mine, others = ([getattr(one, part) for one in material.retrained] for part in (own, chance))
    interval = _over_seeds(np.array(mine) - np.array(others))
    percent = Interval(*(100 * value for value in (interval.mean, interval.low, interval.high)))
    numbers = {"own": float(np.mean(mine)), "chance": float(np.mean(others)), "difference": interval.mean}
    numbers |= {"low": interval.low, "high": interval.high} if len(mine) > 1 else {}
    figure = f"{100 * np.mean(mine):.1f} points, {percent} more, {len(mine)} seeds"
    return Finding(interval.low > 0, figure, f"matched facts {100 * np.mean(others):.1f}", numbers)


def _over_seeds(differences: np.ndarray) -> Interval:
    """Mean of paired differences over seeds, with Student's t interval, which is without end for one seed."""
    from scipy.stats import ttest_1samp

    mean = float(differences.mean())
    if len(differences) < 2:
        return Interval(mean, float("-inf"), float("inf"))
    if np.ptp(differences) == 0:
        return Interval(mean, mean, mean)
    found = ttest_1samp(differences, 0.0).confidence_interval(0.95)
    return Interval(mean, float(found.low), float(found.high))


@dataclass(frozen=True)
class Use:
    """Whether a run has any use of its knowledge.

    Args:
        counted: test images of unseen classes: nothing but facts can tell these apart.
        better: how much more often the facts ranked first are right about an image than all that are listed; None where
            none is listed.
    """

    counted: Counted
    better: Interval | None

    @property
    def above_chance(self) -> bool:
        """Whether unseen classes are told apart better than by chance (binomial test)."""
        return self.counted.p < LEVEL

    @property
    def telling(self) -> bool:
        """Whether facts ranked first are right more often than others."""
        return self.better is not None and self.better.low > 0

    def __str__(self) -> str:
        """One sentence.

        Example:
            >>> print(Use(Counted(90, 100, 5), None))
            The knowledge graph is used: 90.0 % of 100 images of unseen classes are recognized (chance 20.0 %).
        """
        share, chance = 100 * self.counted.right / self.counted.images, 100 / self.counted.classes
        told = (
            f"{share:.1f} % of {self.counted.images:,} images of unseen classes are recognized (chance {chance:.1f} %"
        )
        if self.above_chance:
            return f"The knowledge graph is used: {told})."
        told += f", p = {self.counted.p:.2f})"
        if self.telling:
            return f"Whether the knowledge graph is used is open: {told}, but facts ranked first are right more often."
        return f"THE KNOWLEDGE GRAPH IS NOT USED: {told}, and facts ranked first are right no more often than others."


def use_of(material: Material) -> Use | None:
    """Whether a run has any use of its knowledge; None where no image of an unseen class was scored.

    A fact that is listed says something of the image: that it shows it, where it speaks for a class that has it, or
    against one that has it not. It is right where the class that the image is labeled with has the fact (has it not).
    """
    if material.counted is None:
        return None
    better, labels = [], []
    for case in material.cases:
        right = [_is_right(case, found) for found in case.explanation.every]
        if right:
            better.append(float(np.mean(right[:FIRST]) - np.mean(right)))
            labels.append(case.label)
    return Use(material.counted, paired_interval(better, labels, seed=material.seed) if better else None)


def _is_right(case: Case, found: FactContribution) -> bool:
    """Whether what a contribution says of the image is true of the class that it is labeled with."""
    own = any(found is one for one in case.explanation.facts)
    shown = (found.contribution > 0) == own
    fact = found.fact
    held = case.question.ontology.find(Fact(case.label, fact.predicate, fact.object, fact.polarity)) is not None
    return shown == held


def _honest(material: Material) -> Finding | str:
    """Whether a run on facts of other classes is found out."""
    if not material.shuffled:
        return "the facts were not shuffled"
    use = use_of(material)
    if use is None:
        return "no image of an unseen class was scored"
    share, chance = use.counted.right / use.counted.images, 1 / use.counted.classes
    told = f"{100 * share:.1f} % recognized (p = {use.counted.p:.2f}), first facts right {use.better} more"
    numbers = {"share": share, "chance": chance, "p": use.counted.p}
    return Finding(not use.above_chance and not use.telling, told, f"chance {100 * chance:.1f} %", numbers)


RETRAINED = (
    Check(
        "retrained without",
        "trained without the first, is a class recognized less?",
        "95 % interval above 0 over seeds",
        partial(_retrained, own="without", chance="without_random"),
        "trained without the facts ranked first, classes are recognized hardly worse than without others",
    ),
    Check(
        "retrained grafted",
        "trained with another class having them, is it?",
        "95 % interval above 0 over seeds",
        partial(_retrained, own="grafted", chance="grafted_random"),
        "with the facts ranked first on another class, classes are recognized hardly worse than with others",
    ),
)
"""Source: Hooker et al., "A Benchmark for Interpretability Methods in Deep Neural Networks" (ROAR), NeurIPS 2019."""

HONEST = Check(
    "honest null",
    "with facts of other classes, is it found out?",
    f"at chance (p >= {LEVEL:g}), and the first no better",
    _honest,
    "a run on facts of other classes is not found out",
)
