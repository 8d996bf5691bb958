"""Facts taken away: the ontology is entailed again without each, its classes described and scored again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from kgzsl.errors import UnknownTermError
from kgzsl.explain.explanation import Explanation, FactContribution, GroupContribution
from kgzsl.explain.margin import contribution_of, explanation_of, responsible
from kgzsl.explain.question import Question
from kgzsl.ontology import Edit, Fact, Proof

__all__ = ["AblationMethod", "groups_to_try"]

NOTHING = 1e-9
"""What a fact adds is nothing below this share of the scores' size: the rest is rounding."""
AT_ONCE = 256
"""Edits whose class vectors are held in memory together."""


@dataclass(frozen=True)
class AblationMethod:
    """What the margin loses when an asserted fact is taken away and everything that rested on it goes too.

    The reference for all other methods: nothing is approximated, and the unit is what somebody wrote down. A fact of an
    ancestor speaks for both classes that inherit it, or for one. Contributions need not sum to the margin: two facts
    that each suffice weigh nothing alone, and two that need each other both weigh all of it. Where another derivation
    makes up for a loss, the fact is listed with it.

    Args:
        groups: whether to take away facts together too: all of a property, all of an ancestor, all but what is asserted
            of the two classes themselves.
    """

    name: str = "ablation"
    exact_for: str = "what the margin loses when one asserted fact is taken away, and all that follows from it alone"
    groups: bool = True

    def explain(self, question: Question) -> Explanation:
        """The asserted facts that matter to either class, ranked by what the margin loses without them."""
        basis = question.worlds.basis(question.classes)
        changed = _changes(question, [Edit(remove=(fact,)) for fact in basis])
        made, silent = [], []
        for fact, change in zip(basis, changed, strict=True):
            if change.any():
                made.append(_contribution(question, fact, change))
            else:
                silent.append(fact)
        made += _made_up_for(question, silent)
        parts = {"calibration": question.offset} if question.offset else {}
        told = explanation_of(question, made, method=self.name, exact_for=self.exact_for, parts=parts, additive=False)
        return replace(told, groups=_groups(question, basis)) if self.groups else told


def _changes(question: Question, edits: Sequence[Edit]) -> Iterator[np.ndarray]:
    """What each edit takes from the difference of the two classes, by column and weighed by what the image shows."""
    one, rival = question.explained, question.rival
    whole = question.vectors[one] - question.vectors[rival]
    floor = NOTHING * max(1.0, float(np.abs(question.vectors[[one, rival]] * question.evidence).max(initial=0.0)))
    for start in range(0, len(edits), AT_ONCE):
        vectors = question.worlds.vectors(edits[start : start + AT_ONCE], question.classes)
        for pair in vectors:
            change = (whole - (pair[0] - pair[1])) * question.evidence
            yield np.where(np.abs(change) > floor, change, 0.0)


def _contribution(question: Question, fact: Fact, change: np.ndarray) -> FactContribution:
    """One fact that matters, with where the attributes that it changes were found."""
    count = len(question.attributes.attributes)
    columns = np.flatnonzero(change[:count]).tolist()
    return contribution_of(question, fact, float(change.sum()), columns)


def _made_up_for(question: Question, silent: Sequence[Fact]) -> list[FactContribution]:
    """Facts that prove what tells the classes apart, and without which it is proved otherwise."""
    wanted, count = {fact.key: fact for fact in silent}, len(question.attributes.attributes)
    told: dict[Fact, Fact] = {}
    difference = question.vectors[question.explained] - question.vectors[question.rival]
    for column in np.flatnonzero(difference[:count]).tolist():
        for fact in responsible(question, column):
            for leaf in question.ontology.prove(fact).asserted():
                if leaf.key in wanted:
                    told.setdefault(wanted[leaf.key], fact)
    found = []
    for leaf, fact in sorted(told.items(), key=lambda pair: pair[0].key):
        other = _proof_without(question, leaf, fact)
        if other is not None:
            told_of = contribution_of(question, leaf, 0.0, [], proof=question.ontology.prove(fact))
            found.append(replace(told_of, other=other))
    return found


def _proof_without(question: Question, leaf: Fact, fact: Fact) -> Proof | None:
    """How a fact follows without an asserted one; None where it does not."""
    try:
        return question.worlds.ontology(Edit(remove=(leaf,))).prove(fact)
    except UnknownTermError:
        return None


def _groups(question: Question, basis: Sequence[Fact]) -> tuple[GroupContribution, ...]:
    """What facts weigh together, largest first."""
    kinds = groups_to_try(basis, question.classes)
    changed = _changes(question, [Edit(remove=facts) for _, _, facts in kinds])
    found = [
        GroupContribution(kind, iri, facts, float(change.sum()))
        for (kind, iri, facts), change in zip(kinds, changed, strict=True)
        if change.any()
    ]
    return tuple(sorted(found, key=lambda group: (-group.contribution, group.kind, group.iri)))


def groups_to_try(basis: Sequence[Fact], classes: Sequence[str]) -> list[tuple[str, str, tuple[Fact, ...]]]:
    """Facts that are taken away together: kind, IRI and facts of each group, as :class:`GroupContribution` has them.

    Args:
        basis: asserted facts.
        classes: whose facts are looked at: what is asserted of anything else reaches them by entailment.
    """
    by_property: dict[str, list[Fact]] = defaultdict(list)
    by_ancestor: dict[str, list[Fact]] = defaultdict(list)
    for fact in basis:
        by_property[fact.predicate].append(fact)
        if fact.subject not in classes:
            by_ancestor[fact.subject].append(fact)
    found = [("property", iri, tuple(facts)) for iri, facts in sorted(by_property.items())]
    found += [("ancestor", iri, tuple(facts)) for iri, facts in sorted(by_ancestor.items())]
    inherited = tuple(fact for fact in basis if fact.subject not in classes)
    return [*found, *([("entailed", "", inherited)] if inherited else [])]
