"""What would turn a prediction: the smallest change of the ontology after which the rival wins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from kgzsl.explain.explanation import Counterfactual
from kgzsl.explain.question import Question
from kgzsl.ontology import Edit, Fact
from kgzsl.ontology.vocabulary import RDFS

__all__ = ["Search", "counterfactual"]

Change = tuple[str, Fact]
"""``"remove"`` or ``"add"``, and the fact."""


@dataclass(frozen=True)
class Search:
    """How far to look.

    Args:
        tried: of so many changes, those that turn the margin most, all pairs are tried; and of half of them all threes.
        largest: changes in a set, at most; beyond three the best are taken one after the other.
        added: facts that are tried as additions, those first that the image shows most.
    """

    tried: int = 24
    largest: int = 12
    added: int = 24


def counterfactual(question: Question, search: Search = Search()) -> Counterfactual | None:
    """The smallest change that turns the sign of the margin, by asserted facts to take away and facts to add.

    Facts to take away are those that anything said of the two classes rests on. Facts to add are attributes that the
    losing class is not known to have and the image shows. All single changes are tried, then pairs and threes of those
    that turn it most, then the best together as long as the margin has not turned; what turned out not to be needed is
    put back. Nothing is trained: the model reads what the changed ontology says.

    Args:
        question: the margin may have either sign.
        search: how far to look.

    Returns:
        None where nothing that was tried turns it.
    """
    sign = 1.0 if question.margin > 0 else -1.0
    changes = _changes(question, sign, most=search.added)
    alone = _margins(question, [(change,) for change in changes]) * sign
    if not len(changes):
        return None
    if alone.min() < 0:
        best = int(alone.argmin())
        return _made(question, (changes[best],), sign * alone[best], smallest=True)
    # What moves the margin most goes first; what moves it away is of no use.
    order = [k for k in np.argsort(alone, kind="stable").tolist() if alone[k] < abs(question.margin)]
    ranked = [changes[k] for k in order]
    for size, among in ((2, ranked[: search.tried]), (3, ranked[: search.tried // 2])):
        sets = list(combinations(among, size))
        margins = _margins(question, sets) * sign
        if len(sets) and margins.min() < 0:
            best = int(margins.argmin())
            return _made(question, sets[best], sign * margins[best], smallest=size == 2 or len(ranked) <= search.tried)
    for size in range(4, min(search.largest, len(ranked)) + 1):
        if _margins(question, [tuple(ranked[:size])])[0] * sign < 0:
            kept = _needed(question, ranked[:size], sign)
            return _made(question, kept, float(_margins(question, [kept])[0]), smallest=False)
    return None


def _changes(question: Question, sign: float, *, most: int) -> list[Change]:
    """All single changes that are tried."""
    one, rival = question.classes
    loser = question.rival if sign > 0 else question.explained
    table, count = question.attributes, len(question.attributes.attributes)
    found: list[Change] = [("remove", fact) for fact in question.worlds.basis((one, rival))]
    shown = question.evidence[:count] * question.gates
    open_cells = ~table.known[loser] | (table.value[loser] < 0.5)
    open_cells &= np.array([a.unit is None and a.property != RDFS.subClassOf for a in table.attributes], dtype=bool)
    columns = [k for k in np.argsort(-shown, kind="stable").tolist() if open_cells[k] and shown[k] > 0][:most]
    return found + [
        ("add", Fact(table.classes[loser], table.attributes[k].property, table.attributes[k].filler)) for k in columns
    ]


def _margins(question: Question, sets: Sequence[Sequence[Change]]) -> np.ndarray:
    """The margin under each set of changes, float64 ``(set,)``."""
    if not sets:
        return np.zeros(0)
    edits = [_edit(changes) for changes in sets]
    scores = question.worlds.scores(question.evidence[None], edits, question.classes)[0]
    margins: np.ndarray = scores[:, 0] - scores[:, 1] + question.offset
    return margins


def _edit(changes: Sequence[Change]) -> Edit:
    """Several changes as one edit."""
    return Edit(*(tuple(fact for kind, fact in changes if kind == wanted) for wanted in ("remove", "add")))


def _needed(question: Question, changes: Sequence[Change], sign: float) -> tuple[Change, ...]:
    """The changes without those that the margin stays turned without, the weakest first."""
    kept = list(changes)
    for change in reversed(changes):
        less = [other for other in kept if other is not change]
        if less and _margins(question, [less])[0] * sign < 0:
            kept = less
    return tuple(kept)


def _made(question: Question, changes: Sequence[Change], margin: float, *, smallest: bool) -> Counterfactual:
    """The changes as a counterfactual."""
    edit = _edit(changes)
    label = question.ontology.label
    told = tuple(f"{label(fact.subject)} {question.verbalize(fact)}" for fact in _in_order(edit))
    return Counterfactual(edit.remove, edit.add, float(margin), smallest, told)


def _in_order(edit: Edit) -> Iterator[Fact]:
    """Facts to take away, then facts to add."""
    yield from edit.remove
    yield from edit.add
