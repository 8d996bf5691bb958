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
from kgzsl.semantics import ClassAttributes

__all__ = [
    "Cell",
    "MarginMethod",
    "Owner",
    "Shares",
    "cell_of",
    "contribution_of",
    "divided",
    "explanation_of",
    "grounding_of",
    "of_owners",
    "owners",
    "responsible",
]


@dataclass(frozen=True)
class MarginMethod:
    """Facts that set a class apart from its rival, with their exact shares of the margin.

    Attribute ``a`` adds ``evidence_a * explained_a`` to the score of the one class, and ``evidence_a * rival_a`` to
    that of the other. What a class states of ``a`` has what it adds to the class's score. What it has only by
    assumption (of the values that it does not state it has none) belongs to the fact that made the assumption: without
    it it would be unknown. Where several facts make it, each of which would do, it is what the other class states that
    has the difference. Several facts of one cell share it evenly. What both classes are told alike, in the same
    words or by assuming it from the same facts, adds nothing, whatever the image shows; where strengths or numbers set
    them apart in it, the explained class's fact has the difference.

    With strengths (:attr:`~kgzsl.semantics.ClassAttributes.degree`) the vectors hold degrees in the place of 0 and 1.
    A score is linear in the vector all the same, so that shares are as exact: a fact has the share of the degree to
    which it holds. Where neither class states anything and strengths set them apart, no fact says so, not even by
    assumption: that share is part of the remainder.

    A contribution is what the margin loses when the fact's cells, and those assumed because of it, are set to what says
    nothing, and all others stay (the length of the class vector is held fixed). Where the model brings vectors to one
    length, taking a fact out makes all others weigh more: ``renormalized`` is what the margin loses then.

    Contributions sum to the margin but for the remainder: calibration, shares of strengths without a fact, and those
    of other states of the classes, of which no fact has a share of its own.
    """

    name: str = "margin"
    exact_for: str = "what each fact adds to the margin with all other facts as they are"

    def explain(self, question: Question) -> Explanation:
        """The facts of both classes, ranked by their shares of the margin."""
        count = len(question.attributes.attributes)
        terms = question.evidence * question.vectors[[question.explained, question.rival]] * np.array([[1.0], [-1.0]])
        shares = Shares(question, terms[:, :count])
        parts = {"calibration": question.offset} if question.offset else {}
        parts |= {
            source: float(terms[:, block].sum()) for source, block in question.blocks.items() if terms[:, block].any()
        }
        if shares.alone:
            parts["strengths"] = shares.alone
        made = [
            replace(
                contribution_of(question, fact, value, shares.stated[fact]),
                renormalized=_renormalized(question, fact, shares.without(fact)),
                assumed=shares.assumed[fact],
            )
            for fact, value in shares.total.items()
            if value
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


@dataclass(frozen=True)
class Owner:
    """Whose it is what an attribute adds to the score of one class.

    Args:
        facts: they share it; none where strengths alone say it.
        stated: whether they state it, and it is not only assumed because of them.
    """

    facts: tuple[Fact, ...] = ()
    stated: bool = False


def divided(one: Cell, other: Cell) -> tuple[Owner, Owner]:
    """Whose it is what an attribute adds to a class's score, and to that of the class which it is held against.

    What both are told alike is the first one's, both times: what is left of it is what strengths or numbers set apart.
    What is assumed because of several facts stays without any one of them: where it can, it is held against what the
    other class states, or against what that is assumed to lack for as many reasons.
    """
    cells = one, other
    # Two numbers of one property are said in the same words, too.
    said = [{fact.polarity if cell.stated else fact.key[1:] for fact in cell.facts} for cell in cells]
    alike = one.stated == other.stated and said[0] == said[1]
    loose = [not cell.stated and len(cell.facts) > 1 for cell in cells]
    if alike or all(loose):
        both = Owner(one.facts, one.stated) if one.stated or not (one.told or other.told) else Owner()
        return both, both
    own, its = (Owner(cell.facts if cell.stated or not cell.told else (), cell.stated) for cell in cells)
    # Of a class of which nothing is stated it may be assumed that it lacks what the other one is stated to have.
    if (not own.facts and not one.told) or (loose[0] and other.stated and its.facts):
        own = its
    elif (not its.facts and not other.told) or (loose[1] and one.stated and own.facts):
        its = own
    return own, its


def owners(question: Question, column: int) -> tuple[Owner, Owner]:
    """Whose it is what an attribute adds to the scores of the two classes in question.

    Raises:
        ValueError: the classes differ in it, though no fact and no strength says so.
    """
    table, rows = question.attributes, (question.explained, question.rival)
    found = divided(*(cell_of(table, row, column) for row in rows))
    apart = question.vectors[question.explained, column] != question.vectors[question.rival, column]
    if apart and table.strength is None and not all(owner.facts for owner in found):
        raise ValueError(f"classes {question.classes} differ in {table.attributes[column]}, but no fact says so")
    return found


def of_owners(terms: np.ndarray, pair: tuple[Owner, Owner]) -> list[tuple[float, Owner]]:
    """What belongs to each owner of an attribute: of the same one, the sum, which is nothing where both are alike."""
    if pair[0] is pair[1]:
        return [(float(terms.sum()), pair[0])]
    return list(zip(terms.tolist(), pair, strict=True))


class Shares:
    """Whose it is what attributes add to a margin.

    Args:
        question: what was asked.
        terms: what each attribute adds through the explained class, and through the rival, ``(2, attribute)``.

    Attributes:
        total: what each fact has.
        assumed: what of it comes by cells that are only assumed because of the fact.
        stated: the columns that a fact states.
        alone: what no fact has: strengths alone say it.
    """

    def __init__(self, question: Question, terms: np.ndarray) -> None:
        self.total: dict[Fact, float] = defaultdict(float)
        self.assumed: dict[Fact, float] = defaultdict(float)
        self.stated: dict[Fact, list[int]] = defaultdict(list)
        self.alone = 0.0
        self._lost: dict[Fact, list[int]] = defaultdict(list)
        for column in np.flatnonzero(terms.any(0)).tolist():
            for term, owner in of_owners(terms[:, column], owners(question, column)):
                self._add(term, owner, column)

    def _add(self, term: float, owner: Owner, column: int) -> None:
        """What one attribute adds through one class."""
        for fact in owner.facts:
            self.total[fact] += term / len(owner.facts)
            if not owner.stated:
                self.assumed[fact] += term / len(owner.facts)
            elif column not in self.stated[fact]:
                self.stated[fact].append(column)
        if not owner.facts:
            self.alone += term
        elif not owner.stated and len(owner.facts) == 1:
            self._lost[owner.facts[0]].append(column)

    def without(self, fact: Fact) -> list[int]:
        """The columns of a class that are unknown without a fact."""
        return self.stated[fact] + self._lost[fact]


def responsible(question: Question, column: int) -> tuple[Fact, ...]:
    """The facts of both classes that state an attribute in which they differ, or because of which it is assumed."""
    found = owners(question, column)
    stating = [owner for owner in found if owner.stated]
    return tuple(dict.fromkeys(fact for owner in stating or found for fact in owner.facts))


def grounding_of(shares: np.ndarray) -> dict:
    """Map and box of where the evidence was found; the sign of the evidence decides which patches count."""
    total = shares.sum(0)
    signed = np.clip(total if total.sum() >= 0 else -total, 0, None)
    side = round(len(signed) ** 0.5)
    if side * side != len(signed) or signed.sum() == 0:
        return {}
    grid = (signed / signed.sum()).reshape(side, side)
    return {"grounding": grid, "box": grounding_box(grid)}
