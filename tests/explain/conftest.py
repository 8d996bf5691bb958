"""A small invented explanation that the tests of every rendering share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kgzsl.explain.explanation import (
    Counterfactual,
    Explanation,
    FactContribution,
    GroupContribution,
    LearnedFrom,
)
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


def make_full(rival: str = "horse", **changes: object) -> Explanation:
    """An explanation in which a method has set all that there is to set."""
    plain = make_explanation()
    stripes, hooves, *others = plain.facts
    learned = (LearnedFrom(EX + "okapi", ("okapi/1.png", "okapi/2.png")), LearnedFrom(EX + "tapir"))
    lacked = replace(
        contribution("zebra", "horns", 0.2, evidence=-0.6, at=(1, 6)),
        fact=Fact(EX + "zebra", EX + "hasPart", EX + "horns", "negative", source="/data/creatures.ttl"),
        verbalization="has no horns",
        gate=0.25,
        learned_from=(LearnedFrom(EX + "pig"),),
    )
    facts = (
        replace(stripes, interval=(0.7, 1.1), renormalized=0.65, gate=0.97, learned_from=learned),
        replace(hooves, other=contribution("zebra", "hooves", 0, evidence=0, ancestors=("Grazer",)).proof),
        lacked,
        *others,
    )
    told = contribution("Equid", "brown_coat", -0.101, evidence=0.4)
    rival_facts = (contribution(rival, "saddle_mark", 0.410, evidence=-1.3, at=(3, 3)), told)
    values = {
        "rival": EX + rival,
        "facts": facts,
        "rival_facts": rival_facts,
        "margin": 1.375 + facts[2].contribution,
        "labels": plain.labels | {EX + name: name for name in ("Grazer", "hasPart")},
        "method": "sampling",
        "exact_for": "nothing at all",
        "gap": 0.0125,
        "parts": {"calibration": -0.08, "prompt": 0.03},
        "groups": (
            GroupContribution("ancestor", EX + "Equid", (hooves.fact, others[0].fact), 0.5),
            GroupContribution("property", EX + "hasPart", (hooves.fact, lacked.fact), -0.25),
            GroupContribution("entailed", "", (hooves.fact,), 0.1),
        ),
        "counterfactual": Counterfactual(
            (stripes.fact,), (told.fact,), -0.2, True, ("every zebra has stripes", "every zebra has a brown coat")
        ),
        "warnings": ("the image shows two animals",),
    }
    return replace(plain, **(values | changes))  # type: ignore[arg-type]


@pytest.fixture
def explanation() -> Explanation:
    return make_explanation()


@pytest.fixture(scope="session")
def image() -> np.ndarray:
    """64 pixels of smooth color."""
    y, x = np.mgrid[:64, :64]
    return np.stack([2 * x + 60, 2 * y + 60, 180 - x - y // 2], axis=-1).astype(np.uint8)


# With import-mode importlib a test cannot import this file: it gets the functions as fixtures.
@pytest.fixture(name="make_explanation")
def _make_explanation() -> Callable[..., Explanation]:
    return make_explanation


@pytest.fixture(name="make_full", scope="session")
def _make_full() -> Callable[..., Explanation]:
    return make_full


@pytest.fixture(name="contribution")
def _contribution() -> Callable[..., FactContribution]:
    return contribution


@pytest.fixture(name="verbalize", scope="session")
def _verbalize() -> Callable[[Fact], str]:
    return verbalize


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[], AbstractContextManager[None]]:
    """A while in which no written file can take its place."""

    def fail(self: Path, other: Path) -> Path:
        raise OSError("disk full")

    @contextmanager
    def full() -> Iterator[None]:
        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", fail)
            yield

    return full
