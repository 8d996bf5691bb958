"""A small invented explanation that the tests of every rendering share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from kgzsl.explain.explanation import Explanation, FactContribution
from kgzsl.ontology.facts import Fact, Proof
from kgzsl.ontology.vocabulary import RDFS

EX = "http://example.org/creatures#"
SUBCLASS = RDFS.subClassOf


def verbalize(fact: Fact) -> str:
    words = {SUBCLASS: "is a kind of", EX + "hasPattern": "has as its pattern", EX + "hasPart": "has part"}
    word = words.get(fact.predicate, fact.predicate.removeprefix(EX))
    return f"{'does not ' if fact.polarity == 'negative' else ''}{word} {fact.object.removeprefix(EX)}"


def blob(row: float, column: float, *, side: int = 8, width: float = 1.2) -> np.ndarray:
    """A map with one peak."""
    y, x = np.mgrid[:side, :side]
    heat = np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * width**2)) + 0.02
    return heat / heat.sum()


def contribution(
    subject: str, obj: str, value: float, *, evidence: float, ancestors: tuple[str, ...] = (), at: tuple | None = None
) -> FactContribution:
    """A fact of ``subject``, inherited along ``ancestors`` (nearest first) where there are some."""
    predicate = EX + ("hasPattern" if obj == "stripes" else "hasPart")
    holder = ancestors[-1] if ancestors else subject
    proof = Proof(Fact(EX + holder, predicate, EX + obj, source="/data/creatures.ttl"), "asserted")
    for below, above in reversed(list(zip((subject, *ancestors), ancestors, strict=False))):
        link = Proof(Fact(EX + below, SUBCLASS, EX + above, source="/data/creatures.ttl"), "asserted")
        proof = Proof(Fact(EX + below, predicate, EX + obj, status="entailed"), "inheritance", (link, proof))
    grounding = None if at is None else blob(*at)
    box = None if at is None else (at[1] / 8 - 0.1, at[0] / 8 - 0.1, at[1] / 8 + 0.25, at[0] / 8 + 0.25)
    return FactContribution(proof.fact, verbalize(proof.fact), value, evidence, proof, grounding, box)


def make_explanation(**changes: object) -> Explanation:
    facts = (
        contribution("zebra", "stripes", 0.912, evidence=2.1, at=(4, 4)),
        contribution("zebra", "hooves", 0.303, evidence=0.8, ancestors=("Equid", "Ungulate"), at=(6, 3)),
        contribution("zebra", "mane", 0.121, evidence=0.4, ancestors=("Equid",), at=(1.5, 2)),
        contribution("zebra", "tail", 0.020, evidence=0.1),
        contribution("zebra", "long_neck", -0.240, evidence=-0.9, at=(2, 5)),
    )
    rival_facts = (
        contribution("horse", "saddle_mark", 0.410, evidence=-1.3, at=(3, 3)),
        contribution("horse", "brown_coat", -0.101, evidence=0.4, ancestors=("Equid",)),
    )
    names = ("zebra", "horse", "Equid", "Ungulate", "tapir", "okapi", "pig")
    best = (("zebra", 2.31), ("horse", 0.935), ("okapi", 0.7), ("tapir", -0.2), ("pig", -1.0))
    values = {
        "image": "/pictures/zebra_012.png",
        "predicted": EX + "zebra",
        "rival": EX + "horse",
        "labels": {EX + name: name for name in names},
        "margin": 1.375,
        "facts": facts,
        "rival_facts": rival_facts,
        "remainder": -0.05,
        "method": "exact decomposition",
        "top": tuple((EX + name, score) for name, score in best),
        "unseen": frozenset({EX + "zebra", EX + "okapi"}),
    }
    return Explanation(**(values | changes))  # type: ignore[arg-type]


@pytest.fixture
def explanation() -> Explanation:
    return make_explanation()


@pytest.fixture
def image() -> np.ndarray:
    """64 pixels of smooth color."""
    y, x = np.mgrid[:64, :64]
    return np.stack([2 * x + 60, 2 * y + 60, 180 - x - y // 2], axis=-1).astype(np.uint8)


# With import-mode importlib a test cannot import this file: it gets the functions as fixtures.
@pytest.fixture(name="make_explanation")
def _make_explanation() -> Callable[..., Explanation]:
    return make_explanation


@pytest.fixture(name="contribution")
def _contribution() -> Callable[..., FactContribution]:
    return contribution


@pytest.fixture(name="verbalize")
def _verbalize() -> Callable[[Fact], str]:
    return verbalize
