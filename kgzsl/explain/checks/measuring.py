"""What is measured of a question and its answer by asking the model again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from kgzsl.explain.checks.case import Case, Erased, Moved
from kgzsl.explain.checks.removal import Removal
from kgzsl.explain.explanation import FactContribution
from kgzsl.explain.faithfulness import curve_area, matched_facts, prefixes
from kgzsl.ontology import Edit, Fact, Ontology

__all__ = ["FIRST", "edit", "erase"]

FIRST = (1, 3, 5)
"""How many of the facts ranked first are taken away (kept) together."""
DRAWS = 5
"""Times that matched facts, and orders of all facts, are drawn."""
STEPS = 10
"""Points of a curve, beside the one with all facts."""
TAKEN, GIVEN = 3, 1
"""Asserted facts that are taken away, and facts of the rival that the explained class is given, one at a time."""

Count = Callable[[Fact], int]


def erase(case: Case, removal: Removal, *, degree: Count, frequency: Count, random: np.random.Generator) -> Erased:
    """The margins of a case without the facts that its explanation ranks first, and without others.

    Facts that the explanation does not list stay. Facts ranked first are those that speak for the explained class:
    where fewer than k do, fewer are taken.

    Args:
        case: what was asked and answered.
        removal: takes facts away.
        degree: how many classes have a fact.
        frequency: how many facts there are of a fact's predicate.
        random: draws.
    """
    question, explanation = case.question, case.explanation
    # Equal contributions say nothing of their order, and the names of the facts shall not.
    listed = [explanation.every[k] for k in random.permutation(len(explanation.every))]
    listed.sort(key=lambda found: -found.contribution)
    ranked = [found.fact for found in listed]
    speaking = [found.fact for found in listed if found.contribution > 0]
    pool = removal.pool(question)
    asked: list[Sequence[Fact]] = [(), ranked]
    for k in FIRST:
        first = speaking[:k]
        draws = [matched_facts(first, pool, degree=degree, random=random) for _ in range(DRAWS)]
        asked += [first, *draws, *(_others(ranked, kept) for kept in (first, *draws))]
    orders = _orders(ranked, degree=degree, frequency=frequency, random=random)
    curves = {name: prefixes(order, steps=STEPS) for name, order in orders}
    asked += [gone for curve in curves.values() for gone in curve]
    margins = iter(removal.margins(question, asked).tolist())
    margin, bare = next(margins), next(margins)
    parts: dict[str, dict[int, float]] = defaultdict(dict)
    for k in FIRST:
        for kept in ("without", "alone"):
            parts[kept][k] = next(margins)
            parts[f"{kept}_random"][k] = float(np.mean([next(margins) for _ in range(DRAWS)]))
    areas: dict[str, list[float]] = defaultdict(list)
    for name, curve in curves.items():
        areas[name.rstrip("0123456789")].append(curve_area([next(margins) for _ in curve]))
    area = {name: float(np.mean(found)) for name, found in areas.items()}
    names = {name: name for name in area if not name.startswith("-")} | {"reversed": "-own"}
    # To give facts in an order is to take them away in the reverse order, seen from its end.
    insertion = {name: area[_reverse(order)] for name, order in names.items()}
    return Erased(
        margin, bare, **parts, deletion={name: area[order] for name, order in names.items()}, insertion=insertion
    )


def _others(facts: Sequence[Fact], kept: Iterable[Fact]) -> list[Fact]:
    """The facts that are not kept."""
    keys = {fact.key for fact in kept}
    return [fact for fact in facts if fact.key not in keys]


def _orders(
    ranked: Sequence[Fact], *, degree: Count, frequency: Count, random: np.random.Generator
) -> Iterable[tuple[str, list[Fact]]]:
    """Orders to take facts away in, each with its reverse, whose name begins with a minus.

    By frequency, facts of common predicates come first; by degree, those that few classes have: each says what an
    explanation would that knows the graph, and neither model nor image.
    """
    orders = {
        "own": list(ranked),
        "frequency": sorted(ranked, key=lambda f: (-frequency(f), f.key)),
        "degree": sorted(ranked, key=lambda f: (degree(f), f.key)),
    }
    orders |= {f"random{k}": [ranked[j] for j in random.permutation(len(ranked))] for k in range(DRAWS)}
    for name, order in orders.items():
        yield name, order
        yield f"-{name}", order[::-1]


def _reverse(name: str) -> str:
    """The name of the reverse order."""
    return name[1:] if name.startswith("-") else f"-{name}"


def edit(cases: Sequence[Case], *, done: Callable[[int], None] = lambda count: None) -> tuple[tuple[Moved, ...], ...]:
    """What edits of the ontology do to each case's margin, and what its explanation predicts.

    Two kinds: an asserted fact that one of those ranked first rests on is taken away; and what the rival is stated to
    have is said of the explained class, too. The prediction is made of contributions alone: without an asserted fact,
    the margin loses what all listed facts add that rest on it (as their proofs say) and have no other derivation, with
    vectors brought to length again where they are; given to the explained class, what they state sets it apart from the
    rival no more. Whatever else the edit does shows in the margin. Of methods that rank facts of other classes too,
    none is given: what it would do elsewhere is not what they claim.

    Args:
        cases: what was asked and answered.
        done: told how many cases are done.
    """
    planned = [_planned(case) for case in cases]
    # Images that are explained as one class share most edits, whatever the rival.
    together: dict[str, list[int]] = defaultdict(list)
    for row, case in enumerate(cases):
        together[case.question.classes[0]].append(row)
    found: list[tuple[Moved, ...]] = [()] * len(cases)
    count = 0
    for explained, rows in together.items():
        edits = list(dict.fromkeys([Edit(), *(change for row in rows for change, *_ in planned[row])]))
        classes = tuple(dict.fromkeys([explained, *(cases[row].question.classes[1] for row in rows)]))
        evidence = np.stack([cases[row].question.evidence for row in rows])
        scores = cases[rows[0]].question.worlds.scores(evidence, edits, classes)
        for place, row in enumerate(rows):
            margins = scores[place, :, 0] - scores[place, :, classes.index(cases[row].question.classes[1])]
            found[row] = tuple(
                Moved(fact, added, predicted, float(margins[edits.index(change)] - margins[0]))
                for change, fact, added, predicted in planned[row]
            )
        done(count := count + len(rows))
    return tuple(found)


def _planned(case: Case) -> list[tuple[Edit, Fact, bool, float]]:
    """Edits with the fact, whether it is added, and the change of the margin that is predicted."""
    ontology, explanation = case.question.ontology, case.explanation
    explained = case.question.classes[0]
    loss: dict[Fact, float] = defaultdict(float)
    share: dict[Fact, float] = defaultdict(float)
    for found in explanation.every:
        for fact in _grounds(found, ontology):
            if found.other is None:
                loss[fact] += found.contribution if found.renormalized is None else found.renormalized
            if not any(found is own for own in explanation.facts):
                share[fact] += found.contribution - found.assumed
    first = [f for found in explanation.every if found.contribution > 0 for f in _grounds(found, ontology)]
    taken = [fact for fact in dict.fromkeys(first) if loss[fact]][:TAKEN]
    planned = [(Edit(remove=(fact,)), fact, False, -loss[fact]) for fact in taken]
    if any(found.fact.subject not in case.question.classes for found in explanation.every):
        return planned
    for fact in sorted(share, key=lambda f: (-abs(share[f]), f.key)):
        given = Fact(explained, fact.predicate, fact.object, fact.polarity, strength=fact.strength)
        if len(planned) < len(taken) + GIVEN and share[fact] and ontology.find(given) is None:
            planned.append((Edit(add=(given,)), given, True, -share[fact]))
    return planned


def _grounds(found: FactContribution, ontology: Ontology) -> list[Fact]:
    """The asserted facts that a fact rests on and that describe something; of the taxonomy only if it is one itself."""
    asserted = found.proof.asserted()
    told = [fact for fact in asserted if not ontology.is_taxonomy(fact.predicate) and ontology.find(fact) is not None]
    return told or (list(asserted) if len(asserted) == 1 and ontology.find(asserted[0]) is not None else [])
