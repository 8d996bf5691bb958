"""Where it is known what pictures are drawn from: are those facts named, and found in their places?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from kgzsl.evaluate import pointing_game
from kgzsl.explain.checks.case import Case, Material
from kgzsl.explain.checks.outcome import Check, Finding
from kgzsl.explain.faithfulness import Box, auroc, box_iou, map_around, paired_interval, precision_at_k
from kgzsl.explain.overlay import grounding_box
from kgzsl.ontology import Fact

__all__ = ["GROUNDING", "PLANTED", "grounded"]

FIRST = 5
SHARE = 0.95


def _precision(material: Material) -> Finding | str:
    """Of the facts ranked first that speak for the class, the share that pictures are drawn from and that hold."""
    if material.drawn is None:
        return NOBODY_KNOWS
    own, chance = [], []
    for case, pool in zip(material.cases, material.pool, strict=True):
        speaking = [found for found in case.explanation.every if found.contribution > 0]
        values = [found.contribution for found in speaking]
        right = [_is_right(case, found.fact, material.drawn) for found in speaking]
        if values:
            own.append(precision_at_k(values, right, k=FIRST))
        chance += [material.drawn(fact) for fact in pool]
    if not own:
        return "no fact is listed"
    figure, share = float(np.mean(own)), float(np.mean(chance)) if chance else 0.0
    return Finding(figure >= SHARE, f"{figure:.3f}", f"any fact {share:.3f}", {"precision": figure, "chance": share})


def _is_right(case: Case, fact: Fact, drawn: Callable[[Fact], bool]) -> bool:
    """Whether a fact is drawn, and true."""
    return drawn(fact) and case.question.ontology.find(fact) is not None


def _auroc(material: Material) -> Finding | str:
    """Whether facts that are drawn weigh more than decoys that set the two classes apart as well."""
    if material.drawn is None:
        return NOBODY_KNOWS
    found = []
    for case, pool in zip(material.cases, material.pool, strict=True):
        weights = {f.fact.key: (abs(f.contribution), material.drawn(f.fact)) for f in case.explanation.every}
        for fact in _decoys(case, pool, material.drawn):
            weights.setdefault(fact.key, (0.0, False))
        scores, truth = zip(*weights.values(), strict=True) if weights else ((), ())
        if any(truth) and not all(truth):
            found.append(auroc(scores, truth))
    if not found:
        return "in no explanation are there both facts that are drawn and others"
    figure = float(np.mean(found))
    return Finding(figure >= SHARE, f"{figure:.3f} ({len(found):,} images)", "chance 0.5", {"auroc": figure})


def _decoys(case: Case, pool: tuple[Fact, ...], drawn: Callable[[Fact], bool]) -> list[Fact]:
    """Facts that are not drawn, and that one of the two classes has and the other has not: good reasons, if wrong."""
    other = dict(zip(case.question.classes, reversed(case.question.classes), strict=True))
    keys = {fact.key for fact in pool}
    return [
        fact for fact in pool if not drawn(fact) and (other.get(fact.subject, fact.subject), *fact.key[1:]) not in keys
    ]


def grounded(case: Case, usual: Mapping[str, Box]) -> list[tuple[np.ndarray, Box, Box]]:
    """Of facts ranked first that say the class has a part: map, where it was drawn, and where it usually is."""
    first = [f for f in case.explanation.facts if f.grounding is not None and f.fact.polarity == "positive"][:FIRST]
    return [
        (np.asarray(found.grounding), case.boxes[found.fact.predicate], usual[found.fact.predicate])
        for found in first
        if found.fact.predicate in case.boxes and found.fact.predicate in usual
    ]


def _pointing(grounding: np.ndarray, box: Box) -> float:
    """1 where the peak of a map lies in the box."""
    return float(pointing_game(grounding, box))


def _overlap(grounding: np.ndarray, box: Box) -> float:
    """How far the box around the peak of a map overlaps with the box."""
    return box_iou(grounding_box(grounding), box)


def _grounding(material: Material, *, measure: Callable[[np.ndarray, Box], float]) -> Finding | str:
    """Whether maps are better than a map of the usual place and one of any place, fact by fact."""
    if not material.usual:
        return "where parts are drawn is known of creatures alone"
    random = np.random.default_rng(material.seed)
    rows, labels = [], []
    for case in material.cases:
        for grounding, box, usual in grounded(case, material.usual):
            middle = (usual[0] + usual[2]) / 2, (usual[1] + usual[3]) / 2
            maps = (grounding, *(map_around(*at, shape=grounding.shape) for at in (middle, random.random(2))))
            rows.append([measure(one, box) for one in maps])
            labels.append(case.label)
    if not rows:
        return "no listed fact has a map and a place"
    own, expected, chance = np.array(rows).T
    better = {
        name: paired_interval(own - other, labels, seed=material.seed)
        for name, other in (("usual place", expected), ("random", chance))
    }
    worst = min(better, key=lambda name: better[name].low)
    numbers = {"own": float(own.mean()), "usual": float(expected.mean()), "random": float(chance.mean())}
    numbers |= {"maps": float(len(rows))} | {f"{name}_low": interval.low for name, interval in better.items()}
    figure = f"{own.mean():.2f} of {len(rows):,} maps, {better[worst]} better than {worst}"
    baseline = f"usual place {expected.mean():.2f}, random {chance.mean():.2f}"
    return Finding(better[worst].low > 0, figure, baseline, numbers)


NOBODY_KNOWS = "what pictures are drawn from is known of creatures alone"

PLANTED = (
    Check(
        f"planted@{FIRST}",
        f"are pictures drawn from the first {FIRST}?",
        f"{SHARE:g}",
        _precision,
        "facts that no picture shows are among those ranked first",
    ),
    Check(
        "planted AUROC",
        "do drawn facts weigh more than decoys?",
        f"{SHARE:g}",
        _auroc,
        "facts that no picture shows weigh as much as some that pictures are drawn from",
    ),
)
GROUNDING = (
    Check(
        "pointing game",
        "does the map peak where the part was drawn?",
        "95 % interval above 0 against each map",
        partial(_grounding, measure=_pointing),
        "maps point to the part hardly more often than to expect it at its usual place",
    ),
    Check(
        "overlap",
        "does the box around the peak overlap with it (IoU)?",
        "95 % interval above 0 against each map",
        partial(_grounding, measure=_overlap),
        "boxes overlap with the part hardly more than one at its usual place",
    ),
)
"""Sources: see :func:`kgzsl.evaluate.pointing_game` and :func:`kgzsl.explain.faithfulness.box_iou`."""
