"""The exact decomposition of a margin over facts.

A score is linear in the class vector, ``scale * sum_a evidence_a * vector_a``, so the margin between two
classes is a sum over the attributes in which they differ. Each attribute's share goes to the facts
that set the two classes apart in it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from kgzsl.explain.explanation import Explanation, FactContribution
from kgzsl.explain.overlay import grounding_box
from kgzsl.explain.question import Question
from kgzsl.ontology import Fact, Proof
from kgzsl.semantics import Attribute, ClassAttributes

__all__ = [
    "Cell",
    "MarginMethod",
    "cell_of",
    "contribution_of",
    "decisive",
    "explanation_of",
    "grounding_of",
    "responsible",
]


@dataclass(frozen=True)
class MarginMethod:
    """Facts that set a class apart from its rival, with their exact shares of the margin.

    The share of attribute ``a`` is ``evidence_a * (explained_a - rival_a)``. It belongs to what the
    explained class states of ``a``; where it states nothing (the cell is unknown, or absent only by
    assumption), to what the rival states; where neither states anything, to the facts that made the
    assumption. Several facts of one cell share it evenly. Attributes in which the two classes agree
    add nothing, whatever the image shows.

    With strengths (:attr:`~kgzsl.semantics.ClassAttributes.degree`) the vectors hold degrees in the place of 0 and 1.
    A score is linear in the vector all the same, so that shares are as exact: a fact has the share of the degree to
    which it holds. Where neither class states anything and strengths set them apart, no fact says so, not even by
    assumption: that share is part of the remainder.

    A contribution is what the margin loses when the fact's cells are set to what says nothing and all others stay (the
    length of the class vector is held fixed). Where the model brings vectors to one length, taking a fact out makes all
    others weigh more: ``renormalized`` is what the margin loses then.

    Contributions sum to the margin but for the remainder: calibration, shares of strengths without a fact, and those
    of other states of the classes, of which no fact has a share of its own.
    """

    name: str = "margin"
    exact_for: str = "what each fact adds to the margin with all other facts as they are"

    def explain(self, question: Question) -> Explanation:
        """The facts of both classes, ranked by their shares of the margin."""
        table, classes = question.attributes, question.classes
        one, other = question.vectors[question.explained], question.vectors[question.rival]
        shares = question.evidence * (one - other)
        count = len(table.attributes)
        contribution: dict[Fact, float] = defaultdict(float)
        columns: dict[Fact, list[int]] = defaultdict(list)
        parts = {"calibration": question.offset} if question.offset else {}
        parts |= {
            source: float(shares[block].sum()) for source, block in question.blocks.items() if shares[block].any()
        }
        alone = 0.0
        for column in np.flatnonzero(shares[:count]).tolist():
            facts = responsible(table, classes, table.attributes[column])
            for fact in facts:
                contribution[fact] += float(shares[column]) / len(facts)
                columns[fact].append(column)
            if not facts:
                alone += float(shares[column])
        if alone:
            parts["strengths"] = alone
        made = [
            replace(
                contribution_of(question, fact, value, columns[fact]),
                renormalized=_renormalized(question, fact, columns[fact]),
            )
            for fact, value in contribution.items()
        ]
        return explanation_of(question, made, method=self.name, exact_for=self.exact_for, parts=parts)


def contribution_of(
    question: Question, fact: Fact, value: float, columns: Sequence[int], *, proof: Proof | None = None
) -> FactContribution:
    """A fact with what it adds, and all that is told of it whatever the method.

    Args:
        question: what was asked.
        fact: the fact.
        value: its contribution.
        columns: the attributes through which it has that; it was found where they were.
        proof: how it follows, where that is known already.
    """
    own = list(columns)
    return FactContribution(
        fact=fact,
        verbalization=question.verbalize(fact),
        contribution=value,
        evidence=float(question.evidence[own].sum()),
        proof=proof or question.ontology.prove(fact),
        gate=float(question.gates[own].mean()) if own else None,
        learned_from=question.learned_from(fact),
        **grounding_of(question.shares[own]),
    )


def explanation_of(
    question: Question,
    made: Sequence[FactContribution],
    *,
    method: str,
    exact_for: str,
    parts: dict[str, float],
    additive: bool = True,
    gap: float | None = None,
) -> Explanation:
    """An explanation of ranked facts: those of the rival alone apart, and all that is the same for every method.

    Args:
        question: what was asked.
        made: the facts in any order.
        method: its name.
        exact_for: see :class:`~kgzsl.explain.question.Method`.
        parts: what no fact accounts for, by where it comes from.
        additive: whether contributions and parts are to sum to the margin.
        gap: by how much the method's approximation misses.
    """
    ontology, classes = question.ontology, question.classes
    ranked = sorted(made, key=lambda f: (-f.contribution, f.fact.key))
    scores = question.scores
    order = np.argsort(-scores, kind="stable")[:5].tolist()
    top = tuple((question.attributes.classes[c], float(scores[c])) for c in order)
    iris = {*classes, *(iri for iri, _ in top)}
    for one in ranked:
        iris.update(one.fact.key[:3])
        for proof in (one.proof, *([one.other] if one.other else [])):
            iris.update(term for step in proof.walk() for term in step.fact.key[:3])
        iris.update(told.iri for told in one.learned_from)
    above_rival = {classes[1], *ontology.superclasses(classes[1])}
    above = {classes[0], *ontology.superclasses(classes[0])}
    rivals = above_rival - above
    return Explanation(
        image=question.image,
        predicted=classes[0],
        rival=classes[1],
        labels={iri: ontology.label(iri) for iri in sorted(iris)},
        margin=question.margin,
        facts=tuple(f for f in ranked if f.fact.subject not in rivals),
        rival_facts=tuple(f for f in ranked if f.fact.subject in rivals),
        remainder=float(sum(parts.values())),
        method=method,
        exact_for=exact_for,
        additive=additive,
        gap=gap,
        top=top,
        unseen=question.unseen,
        parts=parts,
    )


def _renormalized(question: Question, fact: Fact, columns: Sequence[int]) -> float | None:
    """What the margin loses when a fact leaves its class's vector and the rest is brought to its length again."""
    if question.scaled is None or question.centers is None:
        return None
    row, sign = (question.explained, 1.0) if fact.subject == question.classes[0] else (question.rival, -1.0)
    scaled, count = question.scaled[row], len(question.attributes.attributes)
    vector, evidence = question.vectors[row, :count], question.evidence[:count]
    taken = np.zeros(count, dtype=bool)
    taken[list(columns)] = True
    length, rest = (float(np.linalg.norm(row)) for row in (scaled, np.where(taken, 0.0, scaled)))
    known = question.attributes.known[row]
    grown = np.where(known, (vector + question.centers) * (length / max(rest, 1e-6)) - question.centers, 0.0)
    return float(sign * (vector - np.where(taken, 0.0, grown)) @ evidence)


@dataclass(frozen=True)
class Cell:
    """What is known of one attribute of one class.

    Args:
        stated: whether facts (or a class's strength) say it, and not an assumption alone.
        told: whether a strength says something else of it than the facts.
        facts: those that it came from.
    """

    stated: bool
    told: bool
    facts: tuple[Fact, ...]


def cell_of(attributes: ClassAttributes, row: int, column: int) -> Cell:
    """The cell of a class in one attribute."""
    stated = bool(attributes.known[row, column] and not attributes.assumed[row, column])
    told = bool(attributes.degree[row, column] != attributes.value[row, column])
    return Cell(stated, told, attributes.sources(attributes.classes[row], attributes.attributes[column]))


def decisive(one: Cell, other: Cell) -> Cell | None:
    """The cell whose facts set two classes apart in an attribute; None where strengths alone do."""
    # Stated cells before assumed ones, the predicted class before the rival.
    for cell in sorted((one, other), key=lambda cell: not cell.stated):
        if cell.facts and (cell.stated or not (one.told or other.told)):
            return cell
    return None


def responsible(attributes: ClassAttributes, classes: tuple[str, str], attribute: Attribute) -> tuple[Fact, ...]:
    """The facts that set two classes apart in one attribute; none where strengths alone do."""
    one, other = (cell_of(attributes, *attributes.position(iri, attribute)) for iri in classes)
    cell = decisive(one, other)
    if cell is None and attributes.strength is None:
        raise ValueError(f"classes {classes} differ in {attribute}, but no fact says so")
    return () if cell is None else cell.facts


def grounding_of(shares: np.ndarray) -> dict:
    """Map and box of where the evidence was found; the sign of the evidence decides which patches count."""
    total = shares.sum(0)
    signed = np.clip(total if total.sum() >= 0 else -total, 0, None)
    side = round(len(signed) ** 0.5)
    if side * side != len(signed) or signed.sum() == 0:
        return {}
    grid = (signed / signed.sum()).reshape(side, side)
    return {"grounding": grid, "box": grounding_box(grid)}
