"""Do the facts ranked first matter to the model? They are taken away, kept alone, and taken away one by one."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import numpy as np

from kgzsl.explain.checks.case import Material
from kgzsl.explain.checks.measuring import FIRST
from kgzsl.explain.checks.outcome import Check, Finding
from kgzsl.explain.faithfulness import comprehensiveness, paired_interval, ratio, sufficiency

__all__ = ["COMPREHENSIVENESS", "CURVES", "EDITS", "SUFFICIENCY"]

TIMES = 2.0
SIGNS = 0.95


def _of(material: Material, part: str, k: int) -> np.ndarray:
    """One measured part of every case."""
    return np.array([getattr(erased, part)[k] for erased in material.erased])


def _compared(material: Material, own: np.ndarray, chance: np.ndarray) -> Finding:
    """Whether something is larger than by chance, image by image, and at least twice as large."""
    interval = paired_interval(own - chance, material.labels, seed=material.seed)
    times = ratio(own, chance)
    told = f"{times:.1f} x" if math.isfinite(times) else "chance has none"
    numbers = {"own": float(own.mean()), "chance": float(chance.mean()), "difference": interval.mean}
    numbers |= {"low": interval.low, "high": interval.high} | ({"times": times} if math.isfinite(times) else {})
    figure = f"{own.mean():+.3g}, {told}, {interval} more"
    return Finding(interval.low > 0 and times >= TIMES, figure, f"matched facts {chance.mean():+.3g}", numbers)


def _comprehensiveness(material: Material, *, k: int) -> Finding:
    """What the margin loses without the first k facts, against k matched ones at random."""
    margin = np.array([erased.margin for erased in material.erased])
    own, chance = (comprehensiveness(margin, _of(material, part, k)) for part in ("without", "without_random"))
    return _compared(material, own, chance)


def _sufficiency(material: Material, *, k: int) -> Finding:
    """What the first k facts alone add to a margin without any listed fact, against k matched ones at random."""
    margin, bare = (np.array([getattr(erased, part) for erased in material.erased]) for part in ("margin", "bare"))
    alone = _of(material, "alone", k)
    found = _compared(material, alone - bare, _of(material, "alone_random", k) - bare)
    missing = float(sufficiency(margin, alone).mean())
    return replace(found, numbers={**found.numbers, "missing": missing, "margin": float(margin.mean())})


def _curve(material: Material, *, part: str, sign: int) -> Finding | str:
    """Whether the explanation's order has the better area than each other order, image by image."""
    if all(len(case.explanation.every) < 2 for case in material.cases):
        return "no two facts are listed, and one has no order"
    areas: dict[str, np.ndarray] = {
        order: np.array([getattr(erased, part)[order] for erased in material.erased])
        for order in ("own", "random", "reversed", "frequency", "degree")
    }
    own = areas.pop("own")
    better = {
        name: paired_interval(sign * (own - other), material.labels, seed=material.seed)
        for name, other in areas.items()
    }
    worst = min(better, key=lambda name: better[name].low)
    figure = f"{own.mean():+.3g}, {better[worst]} better than {worst}"
    numbers = {"own": float(own.mean())} | {name: float(other.mean()) for name, other in areas.items()}
    numbers |= {f"{name}_low": interval.low for name, interval in better.items()}
    baseline = ", ".join(f"{name} {other.mean():+.3g}" for name, other in areas.items())
    return Finding(better[worst].low > 0, figure, baseline, numbers)


def _edits(material: Material) -> Finding | str:
    """How often a margin moves as contributions predict."""
    every = [move for moves in material.moved for move in moves]
    if not every:
        return "no asserted fact can be taken away or given"
    right = [move.predicted * move.found > 0 for move in every]
    kinds = {
        kind: [r for r, move in zip(right, every, strict=True) if move.added == (kind == "given")] for kind in KINDS
    }
    told = ", ".join(f"{kind} {100 * np.mean(found):.0f} % of {len(found):,}" for kind, found in kinds.items() if found)
    numbers = {"share": float(np.mean(right))} | {k: float(np.mean(found)) for k, found in kinds.items() if found}
    return Finding(float(np.mean(right)) >= SIGNS, f"{100 * np.mean(right):.1f} % ({told})", "chance 50 %", numbers)


KINDS = ("taken", "given")

FACTS = {k: "fact ranked first" if k == 1 else f"{k} facts ranked first" for k in FIRST}
MATCHED = f"95 % interval above 0, {TIMES:g} x matched facts"

COMPREHENSIVENESS = tuple(
    Check(
        f"comprehensiveness@{k}",
        f"without the {FACTS[k]}, does the margin fall?",
        MATCHED,
        partial(_comprehensiveness, k=k),
        f"taking away the {FACTS[k]} changes the margin hardly more than taking away others",
    )
    for k in FIRST
)
"""Source: see :func:`kgzsl.explain.faithfulness.comprehensiveness`."""

SUFFICIENCY = tuple(
    Check(
        f"sufficiency@{k}",
        f"with the {FACTS[k]} alone, is there a margin?",
        MATCHED,
        partial(_sufficiency, k=k),
        f"the {FACTS[k]} alone adds hardly more of the margin than others would",
    )
    for k in FIRST
)
"""Source: see :func:`kgzsl.explain.faithfulness.sufficiency`; what is told is the margin over that without any listed
fact, since a margin of which no fact is left is not 0."""

CURVES = tuple(
    Check(
        name,
        f"in this order, does the margin {does} fastest?",
        "95 % interval above 0 against each order",
        partial(_curve, part=name, sign=sign),
        "the order of the facts is hardly better than one that does not look at the image",
    )
    for name, does, sign in (("deletion", "fall", -1), ("insertion", "grow", 1))
)
"""Source: see :func:`kgzsl.explain.faithfulness.curve_area`."""

EDITS = Check(
    "edits",
    "if the ontology is edited, does the margin move as predicted?",
    f"the sign of {100 * SIGNS:g} %",
    _edits,
    "editing the ontology often moves the margin the other way than contributions say",
)
