"""Every check on a world whose truth is known: a right explanation passes it, wrong ones do not.

The world: nine classes state a filler of each of six properties that pictures show, and of two that no picture shows.
An image shows the attributes of its class, some of them much better than others; a class vector is what sets it apart
from the mean. So the margin's decomposition is the truth.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest

from kgzsl.explain.checks import (
    CHECKS,
    Case,
    CellRemoval,
    Counted,
    EditRemoval,
    Material,
    Outcome,
    Retrained,
    edit,
    erase,
    use_of,
)
from kgzsl.explain.explanation import Explanation, FactContribution
from kgzsl.explain.faithfulness import Box
from kgzsl.explain.margin import MarginMethod
from kgzsl.explain.question import Question
from kgzsl.ontology import Edit, Fact, Ontology, Proof, edited, parse_ontology
from kgzsl.semantics import ClassAttributes, class_attributes

E = "http://e/#"
SHOWN, HIDDEN = ("body", "ears", "horns", "legs", "tail", "wings"), ("diet", "age")
CLASSES = tuple(f"{E}C{k}" for k in range(9))
SIDE = 6
PLACES = {"body": (2, 2), "ears": (0, 3), "horns": (0, 0), "legs": (5, 3), "tail": (5, 0), "wings": (2, 5)}


@dataclass(frozen=True, eq=False)
class World:
    """Classes in an ontology, and a linear model of them."""

    ontology: Ontology
    attributes: ClassAttributes

    @property
    def prior(self) -> np.ndarray:
        return self.attributes.value.mean(0, dtype=np.float64)

    def encode(self, rows: np.ndarray, known: np.ndarray) -> np.ndarray:
        return np.where(known, self.attributes.value[rows] - self.prior, 0.0)

    def basis(self, classes: Sequence[str]) -> tuple[Fact, ...]:
        return tuple(fact for iri in classes for fact in self.ontology.facts(iri, status="asserted"))

    def scores(self, evidence: np.ndarray, edits: Sequence[Edit], classes: Sequence[str]) -> np.ndarray:
        vectors = []
        for change in edits:
            table = class_attributes(edited(self.ontology, change), classes, columns=self.attributes.attributes)
            vectors.append(np.where(table.known, table.value - self.prior, 0.0))
        return np.einsum("ea,kca->ekc", evidence, np.stack(vectors))


@cache
def world() -> World:
    """A property's filler is inherited from a parent for every third class."""
    lines = [
        "@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .",
        "@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .",
    ]
    random = np.random.default_rng(0)
    fillers = {p: random.permutation(np.arange(9) % 4) for p in (*SHOWN, *HIDDEN)}
    for k in range(9):
        above = f" ; rdfs:subClassOf :P{k}" if k % 3 == 0 else ""
        lines.append(f":C{k} a owl:Class{above} .")
        lines += [f":P{k} a owl:Class ."] * bool(above)
        for p, of in fillers.items():
            lines.append(f"{':P' if above and p in ('ears', 'diet') else ':C'}{k} :{p} :{p}{of[k]} .")
    lines += [f":{p} a owl:ObjectProperty ." for p in fillers]
    ontology = parse_ontology("\n".join(lines)).entail()
    return World(ontology, class_attributes(ontology, CLASSES))


def questions(*, seed: int = 0, each: int = 4, learned: bool = True) -> list[tuple[Question, str, dict[str, Box]]]:
    """Images of every class, with their classes and where the parts are; of a model that has learned, or of noise."""
    w, random, asked = world(), np.random.default_rng(seed), []
    columns = w.attributes.attributes
    shown = np.array([a.property.removeprefix(E) in SHOWN for a in columns])
    vectors = w.encode(np.arange(9), w.attributes.known)
    for label in np.repeat(np.arange(9), each):
        seen = np.where(w.attributes.value[label] == 1, 1.0, -0.6) * random.lognormal(0, 1, len(columns))
        evidence = np.where(shown, seen, 0.01 * random.normal(size=len(columns)))
        if not learned:
            evidence = random.normal(size=len(columns))
        shares, boxes = np.zeros((len(columns), SIDE * SIDE)), {}
        for p, (row, column) in PLACES.items():
            row, column = (int(np.clip(at + random.integers(-2, 3), 0, SIDE - 1)) for at in (row, column))
            boxes[E + p] = (column / SIDE, row / SIDE, (column + 1) / SIDE, (row + 1) / SIDE)
            for k in (k for k, a in enumerate(columns) if a.property == E + p):
                shares[k, row * SIDE + column] = evidence[k]
        order = np.argsort(-(vectors @ evidence), kind="stable")
        question = Question(
            image=f"{label}",
            evidence=evidence,
            shares=shares,
            vectors=vectors,
            offsets=np.zeros(9),
            explained=int(order[0]),
            rival=int(order[1]),
            attributes=w.attributes,
            ontology=w.ontology,
            worlds=w,
            verbalize=lambda fact: fact.object,
            gates=np.ones(len(columns)),
        )
        asked.append((question, CLASSES[label], boxes))
    return asked


Explainer = Callable[[Explanation, np.random.Generator], Explanation]


def told(explanation: Explanation, value: Callable[[FactContribution], float]) -> Explanation:
    """The explanation with other contributions, ranked by them."""
    groups = []
    for group in (explanation.facts, explanation.rival_facts):
        made = [replace(found, contribution=float(value(found))) for found in group]
        groups.append(tuple(sorted(made, key=lambda f: (-f.contribution, f.fact.key))))
    return replace(explanation, facts=groups[0], rival_facts=groups[1])


def right(explanation: Explanation, random: np.random.Generator) -> Explanation:
    return explanation


def at_random(explanation: Explanation, random: np.random.Generator) -> Explanation:
    return told(explanation, lambda found: random.normal())


def flipped(explanation: Explanation, random: np.random.Generator) -> Explanation:
    return told(explanation, lambda found: -found.contribution)


def constant(explanation: Explanation, random: np.random.Generator) -> Explanation:
    return told(explanation, lambda found: 1.0)


def by_name(explanation: Explanation, random: np.random.Generator) -> Explanation:
    return told(explanation, lambda found: sum(map(ord, found.fact.object)) % 97)


@cache
def answers(*, seed: int = 0, learned: bool = True) -> list[tuple[Question, Explanation, str, dict[str, Box]]]:
    """The questions with the right answers; those of noise are of the classes that are asked of first."""
    asked = questions(seed=seed, learned=learned)
    if not learned:
        first = [question for question, *_ in questions()]
        pairs = zip(asked, first, strict=True)
        asked = [(replace(q, explained=o.explained, rival=o.rival), *rest) for (q, *rest), o in list(pairs)[::3]]
    return [(question, MarginMethod().explain(question), *rest) for question, *rest in asked]


@cache
def material(explainer: Explainer) -> Material:
    """What is measured of an explainer; explained again, the model has learned nothing, or is the same."""
    random, w = np.random.default_rng(1), world()
    cases = tuple(Case(q, explainer(one, random), iri, boxes) for q, one, iri, boxes in answers())
    removal = CellRemoval(w.encode)
    having = Counter(fact.key[1:] for iri in CLASSES for fact in w.ontology.facts(iri))
    told = {"degree": lambda fact: having[fact.key[1:]], "frequency": lambda fact: 1, "random": random}
    noise = [
        {3 * k: explainer(one, random) for k, (_, one, *_) in enumerate(answers(seed=seed, learned=False))}
        for seed in range(7, 12)
    ]
    same = {k: explainer(one, random) for k, (_, one, *_) in enumerate(answers())}
    return Material(
        cases,
        erased=tuple(erase(case, removal, **told) for case in cases),
        again={"weights": tuple(noise), "names": (same,), "order": (same,), "seeds": (same,)},
        pool=tuple(removal.pool(case.question) for case in cases),
        drawn=lambda fact: fact.predicate.removeprefix(E) in SHOWN,
        usual={E + p: (c / SIDE, r / SIDE, (c + 1) / SIDE, (r + 1) / SIDE) for p, (r, c) in PLACES.items()},
        counted=Counted(sum(c.question.classes[0] == c.label for c in cases), len(cases), 9),
    )


@cache
def with_edits(explainer: Explainer) -> Material:
    """The same with what edits do to every other image."""
    made = material(explainer)
    return replace(made, moved=edit(made.cases[::2]))


def judged(name: str, made: Material) -> Outcome:
    return CHECKS[name].judge(made)


def judged_of(name: str, explainer: Explainer) -> Outcome:
    return judged(name, (with_edits if name == "edits" else material)(explainer))


ERASING = [f"{name}@{k}" for name in ("comprehensiveness", "sufficiency") for k in (1, 3, 5)]
WRONG: dict[str, tuple[Explainer, ...]] = {
    "completeness": (at_random, flipped, constant),
    **dict.fromkeys((*ERASING, "deletion", "insertion", "edits"), (at_random, flipped, constant)),
    "planted@5": (at_random, constant),
    "planted AUROC": (at_random, constant),
    # These explain as they do whatever the model is: a constant is the same again.
    "random weights": (constant, by_name),
    "renamed IRIs": (at_random,),
    "order of facts": (at_random,),
    "other seeds": (at_random,),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_right_explanation_passes(name: str) -> None:
    outcome = judged_of(name, right)
    assert outcome.verdict == "passed", outcome
    assert outcome.figure
    assert outcome.doubt == outcome.reason == ""
    assert all(np.isfinite(list(outcome.numbers.values())))


@pytest.mark.parametrize(("name", "wrong"), [(name, wrong) for name, several in WRONG.items() for wrong in several])
def test_a_wrong_explanation_fails(name: str, wrong: Explainer) -> None:
    outcome = judged_of(name, wrong)
    assert outcome.verdict == "failed", outcome
    assert outcome.doubt


@pytest.mark.parametrize("name", CHECKS)
def test_what_cannot_be_asked_is_never_passed(name: str) -> None:
    told = judged(name, replace(material(right), missing={name: "for a reason"}))
    assert (told.verdict, told.reason, told.figure) == ("not applicable", "for a reason", "")
    nothing = judged(name, Material(()))
    assert (nothing.verdict, nothing.reason) == ("not applicable", "no images")
    assert Outcome.from_dict(told.to_dict()) == told


BARE = ("edits", "planted@5", "planted AUROC", "random weights", "renamed IRIs", "order of facts", "other seeds",
        "pointing game", "overlap", "retrained without", "retrained grafted", "honest null")  # fmt: skip


@pytest.mark.parametrize("name", BARE)
def test_what_is_not_known_gives_no_verdict(name: str) -> None:
    full = material(right)
    outcome = judged(name, Material(full.cases, erased=full.erased))
    assert outcome.verdict == "not applicable"
    assert outcome.reason


# ---- maps ----------------------------------------------------------------------------


def with_maps(made: Material, change: Callable[[np.ndarray], np.ndarray]) -> Material:
    """The material with other grounding maps."""

    def mapped(found: FactContribution) -> FactContribution:
        return found if found.grounding is None else replace(found, grounding=change(found.grounding))

    cases = []
    for case in made.cases:
        one = case.explanation
        facts, rival_facts = (tuple(map(mapped, group)) for group in (one.facts, one.rival_facts))
        cases.append(replace(case, explanation=replace(one, facts=facts, rival_facts=rival_facts)))
    return replace(made, cases=tuple(cases))


@pytest.mark.parametrize("name", ["pointing game", "overlap"])
def test_maps_are_held_against_the_usual_place_and_any_place(name: str) -> None:
    made, random = material(right), np.random.default_rng(3)
    good = judged(name, made)
    assert good.verdict == "passed", good
    assert good.numbers["own"] > good.numbers["usual"] > good.numbers["random"]
    wrong = {
        "noise": lambda heat: random.random(heat.shape),
        "turned": lambda heat: np.roll(heat, (SIDE // 2, SIDE // 2), (0, 1)),
        "flat": np.ones_like,
    }
    for change in wrong.values():
        assert judged(name, with_maps(made, change)).verdict == "failed"


# ---- provenance ----------------------------------------------------------------------


def test_facts_that_are_not_there_are_found_out() -> None:
    made = material(right)
    assert judged("provenance", made).verdict == "passed"
    first = made.cases[0]
    found = first.explanation.facts[0]
    invented = Fact(found.fact.subject, E + "body", E + "ears0")
    entailed = replace(invented, status="entailed")
    for fact, proof in (
        (invented, Proof(invented, "asserted")),
        (found.fact, Proof(invented, "asserted")),
        (entailed, Proof(entailed, "inheritance", (Proof(found.fact, "asserted"),))),
    ):
        listed = (replace(found, fact=fact, proof=proof), *first.explanation.facts[1:])
        cases = (replace(first, explanation=replace(first.explanation, facts=listed)), *made.cases[1:])
        outcome = judged("provenance", replace(made, cases=cases))
        assert outcome.verdict == "failed"
        assert outcome.numbers["share"] < 1


# ---- sums ----------------------------------------------------------------------------


def test_an_approximation_may_miss_a_little() -> None:
    made = material(right)

    def missing(share: float) -> Material:
        cases = [
            replace(c, explanation=replace(c.explanation, remainder=share * c.explanation.margin, gap=0.0))
            for c in made.cases
        ]
        return replace(made, cases=tuple(cases))

    assert judged("completeness", missing(0.04)).verdict == "passed"
    outcome = judged("completeness", missing(0.06))
    assert outcome.verdict == "failed"
    assert outcome.numbers["share"] == pytest.approx(0.06)


def test_what_is_not_to_add_up_is_not_asked_to() -> None:
    made = material(right)
    cases = tuple(replace(c, explanation=replace(c.explanation, additive=False)) for c in made.cases)
    assert judged("completeness", replace(made, cases=cases)).verdict == "not applicable"


# ---- taking away ---------------------------------------------------------------------


def test_a_cell_without_a_fact_is_unknown_and_others_stay() -> None:
    w = world()
    removal, (question, *_) = CellRemoval(w.encode), questions()[0]
    iri = question.classes[0]
    (body,) = w.ontology.facts(iri, E + "body")
    (own,) = (k for k, a in enumerate(w.attributes.attributes) if a.filler == body.object)
    margins = removal.margins(question, [(), (body,)])
    assert margins[0] == pytest.approx(question.margin)
    # The other fillers were assumed to be absent for this fact alone: all cells of the property are unknown.
    columns = [k for k, a in enumerate(w.attributes.attributes) if a.property == E + "body"]
    lost = (question.vectors[question.explained] * question.evidence)[columns].sum()
    assert margins[0] - margins[1] == pytest.approx(lost)
    assert own in columns
    everything = removal.pool(question)
    assert {fact.subject for fact in everything} == set(question.classes)
    assert removal.margins(question, [everything])[0] == pytest.approx(0.0)


def test_asserted_facts_are_taken_out_of_the_ontology() -> None:
    w = world()
    question = next(q for q, *_ in questions() if q.classes[0] == CLASSES[0])
    removal = EditRemoval()
    (ears,) = w.ontology.facts(E + "P0", E + "ears")
    assert ears.status == "asserted"
    own = [k for k, a in enumerate(w.attributes.attributes) if a.property == E + "ears"]
    lost = (question.vectors[question.explained] * question.evidence)[own].sum()
    before, after = removal.margins(question, [(), (ears,)])
    assert (before, before - after) == (pytest.approx(question.margin), pytest.approx(lost))


def test_edits_predict_what_rests_on_a_fact() -> None:
    """Of a single asserted fact nothing else rests on: the prediction is its contribution, taken off."""
    made = with_edits(right)
    for case, moves in zip(made.cases[::2], made.moved, strict=True):
        shares = {found.fact.key: found.contribution for found in case.explanation.every}
        for move in moves:
            if not move.added and move.fact.key in shares:
                assert move.predicted == pytest.approx(-shares[move.fact.key])
    assert {move.added for moves in made.moved for move in moves} == {False, True}


# ---- use -----------------------------------------------------------------------------


def test_trained_afresh() -> None:
    made = material(right)
    falls = [Retrained(seed, 0.3 + seed / 100, 0.1, 0.5 - seed / 100, 0.1 + seed / 50) for seed in range(5)]
    for name in ("retrained without", "retrained grafted"):
        assert judged(name, replace(made, retrained=tuple(falls))).verdict == "passed"
        chance = tuple(replace(one, without_random=one.without, grafted_random=one.grafted) for one in falls)
        assert judged(name, replace(made, retrained=chance)).verdict == "failed"
        # One seed says nothing of others.
        alone = judged(name, replace(made, retrained=tuple(falls[:1])))
        assert alone.verdict == "failed"
        assert all(np.isfinite(list(alone.numbers.values())))


def test_a_run_on_facts_of_other_classes_is_found_out() -> None:
    """The labels have nothing to do with what the model sees, as after training on shuffled facts."""
    made, random = material(right), np.random.default_rng(5)
    labels = random.permutation(np.repeat(np.arange(9), len(made.cases) // 9))
    cases = tuple(replace(c, label=CLASSES[k]) for c, k in zip(made.cases, labels, strict=True))
    hits = sum(c.question.classes[0] == c.label for c in cases)
    null = replace(made, cases=cases, counted=Counted(hits, len(cases), 9), shuffled=True)
    assert judged("honest null", null).verdict == "passed"
    assert "NOT USED" in str(use_of(null))
    assert judged("honest null", replace(made, shuffled=True)).verdict == "failed"
    assert "is used" in str(use_of(made))
    assert judged("honest null", replace(null, shuffled=False)).verdict == "not applicable"


def test_right_facts_without_right_classes_are_told_as_open() -> None:
    made = material(right)
    use = use_of(replace(made, counted=Counted(4, 36, 9)))
    assert use is not None
    if use.telling:
        assert "is open" in str(use)
    assert use_of(replace(made, counted=None)) is None
