"""On random worlds: contributions and remainder are the margin, and what both classes are told alike adds nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Literal

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kgzsl.explain.explanation import Explanation
from kgzsl.explain.margin import MarginMethod
from kgzsl.explain.question import Question
from kgzsl.ontology import Ontology, parse_ontology, replay
from kgzsl.semantics import ClassAttributes, class_attributes

CLASSES = tuple("http://e/#C" + str(k) for k in range(3))
PROPERTIES, FILLERS = ("p", "q"), ("f", "g", "h")
World = Literal["open", "pca", "closed"]
# What a class states: for each property and filler nothing, presence or absence.
Statements = tuple[tuple[int, ...], ...]
STATEMENTS = st.tuples(*[st.tuples(*[st.integers(-1, 1)] * (len(PROPERTIES) * len(FILLERS)))] * len(CLASSES))


@cache
def world(statements: Statements) -> Ontology:
    """A parent with all that the first class states, and three classes, of which the third inherits."""
    lines = [
        "@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .",
        "@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .",
        # One fact that is always there, so that there is always an attribute.
        ":Always a owl:Class ; rdfs:subClassOf [ a owl:Restriction ; owl:onProperty :p ; owl:someValuesFrom :f ] .",
        ":C2 rdfs:subClassOf :Parent . :Parent a owl:Class .",
    ]
    for k, row in enumerate(statements):
        name = ":Parent" if k == 2 else f":C{k}"
        lines.append(f":C{k} a owl:Class .")
        for cell, stated in enumerate(row):
            p, f = PROPERTIES[cell // len(FILLERS)], FILLERS[cell % len(FILLERS)]
            has = f"[ a owl:Restriction ; owl:onProperty :{p} ; owl:someValuesFrom :{f} ]"
            if stated:
                lines.append(
                    f"{name} rdfs:subClassOf {has if stated > 0 else f'[ a owl:Class ; owl:complementOf {has} ]'} ."
                )
    return parse_ontology("\n".join(lines)).entail()


def explained(
    ontology: Ontology, attributes: ClassAttributes, *, evidence: np.ndarray, patches: np.ndarray, offset: float
) -> tuple[Explanation, np.ndarray]:
    """Class 0 against class 2, with a prior in the place of what is unknown."""
    prior = np.linspace(0.1, 0.9, len(attributes.attributes))
    vectors = np.where(attributes.known, attributes.degree - prior, 0.0)
    question = Question(
        image="image",
        evidence=evidence,
        shares=patches,
        vectors=vectors,
        offsets=np.array([0.0, 0.0, offset]),
        explained=0,
        rival=2,
        attributes=attributes,
        ontology=ontology,
        worlds=None,  # type: ignore[arg-type]
        verbalize=lambda fact: fact.object,
        gates=np.ones(len(attributes.attributes)),
    )
    explanation = MarginMethod().explain(question)
    return explanation, vectors


@settings(max_examples=80, deadline=None)
@given(STATEMENTS, st.sampled_from(["open", "pca", "closed"]), st.integers(0, 10_000), st.floats(-2, 2))
def test_contributions_and_remainder_are_the_margin(
    statements: Statements, kind: World, seed: int, offset: float
) -> None:
    ontology = world(statements)
    attributes = class_attributes(ontology, CLASSES, world=kind)
    random = np.random.default_rng(seed)
    patches = random.normal(size=(len(attributes.attributes), 9))
    evidence = patches.sum(1)
    explanation, vectors = explained(ontology, attributes, evidence=evidence, patches=patches, offset=offset)
    np.testing.assert_allclose(explanation.margin, evidence @ (vectors[0] - vectors[2]) + offset, atol=1e-9)
    assert abs(explanation.completeness_gap) < 1e-9
    assert explanation.remainder == offset
    found = (*explanation.facts, *explanation.rival_facts)
    assert len({c.fact for c in found}) == len(found)
    for group, iri in ((explanation.facts, CLASSES[0]), (explanation.rival_facts, CLASSES[2])):
        assert {c.fact.subject for c in group} <= {iri}
        values = [c.contribution for c in group]
        assert values == sorted(values, reverse=True)
    for contribution in found:
        assert replay(contribution.proof, ontology)
        assert contribution.proof.fact.key == contribution.fact.key
        if contribution.grounding is not None:
            assert contribution.grounding.shape == (3, 3)
            assert abs(contribution.grounding.sum() - 1) < 1e-9
            assert (contribution.grounding >= 0).all()


@settings(max_examples=30, deadline=None)
@given(STATEMENTS, st.sampled_from(["open", "pca", "closed"]), st.integers(0, 10_000))
def test_where_both_are_told_alike_the_image_does_not_matter(statements: Statements, kind: World, seed: int) -> None:
    ontology = world(statements)
    attributes = class_attributes(ontology, CLASSES, world=kind)
    random = np.random.default_rng(seed)
    patches = random.normal(size=(len(attributes.attributes), 4))
    one, vectors = explained(ontology, attributes, evidence=patches.sum(1), patches=patches, offset=0.0)
    columns, pair = attributes.attributes, (CLASSES[0], CLASSES[2])
    said = [[{fact.key[1:] for fact in attributes.sources(iri, a)} for a in columns] for iri in pair]
    same = np.array([one == other for one, other in zip(*said, strict=True)])
    alike = (vectors[0] == vectors[2]) & same
    patches[alike] = random.normal(size=(alike.sum(), 4))
    other, _ = explained(ontology, attributes, evidence=patches.sum(1), patches=patches, offset=0.0)
    shares = [{c.fact: c.contribution for c in (*e.facts, *e.rival_facts)} for e in (one, other)]
    assert shares[0] == shares[1]


def test_what_is_assumed_because_of_a_fact_is_of_that_fact() -> None:
    """p f and p g, of priors 0.1 and 0.9: the first class states the one and the rival the other, and no more."""
    explanation = told(((1, 0, 0, 0, 0, 0), (0,) * 6, (0, 1, 0, 0, 0, 0)), shown=(1.0, 2.0))
    (own,), (its,) = explanation.facts, explanation.rival_facts
    assert (own.fact.object, its.fact.object) == ("http://e/#f", "http://e/#g")
    np.testing.assert_allclose([own.contribution, own.assumed], [0.9 - 2 * 0.9, -2 * 0.9], atol=1e-9)
    np.testing.assert_allclose([its.contribution, its.assumed], [-2 * 0.1 + 0.1, 0.1], atol=1e-9)
    assert own.evidence == 1.0  # it was looked for where it says something, not where it is silent


def test_what_is_assumed_for_several_facts_stays_without_one_of_them() -> None:
    """p h: the rival states it; the first class lacks it for its p f and p g, either of which would do."""
    explanation = told(((1, 1, 0, 0, 0, 0), (0,) * 6, (0, 0, 1, 0, 0, 0)), shown=(1.0, 1.0, 2.0))
    assert {c.fact.object[-1]: c.assumed for c in explanation.facts} == {"f": 0.0, "g": 0.0}
    (its,) = explanation.rival_facts
    # The difference in p h, and that p f and p g are assumed absent for that one fact (priors 0.1, 0.5, 0.9).
    np.testing.assert_allclose([its.contribution, its.assumed], [-2 * 1 + 0.1 + 0.5, 0.1 + 0.5], atol=1e-9)


def test_facts_that_made_an_assumption_share_it() -> None:
    """q h: only the second class has it; nothing is known of the first, and the rival lacks it for its q f and q g."""
    explanation = told(((1, 0, 0, 0, 0, 0), (0, 0, 0, 0, 0, 1), (1, 0, 0, 1, 1, 0)))
    # Shares of q f and q g: their own cells, in which the prior stands for the first class, and half of q h each.
    assert explanation.facts == ()
    prior = dict(zip(("pf", "qf", "qg", "qh"), np.linspace(0.1, 0.9, 4), strict=True))
    expected = [-(1 - prior[own]) + prior["qh"] / 2 for own in ("qf", "qg")]
    found = {c.fact.object[-1]: c.contribution for c in explanation.rival_facts}
    np.testing.assert_allclose([found["f"], found["g"]], expected, atol=1e-6)
    assert abs(explanation.completeness_gap) < 1e-9


def told(statements: Statements, *, shown: Sequence[float] = ()) -> Explanation:
    """An image that shows every attribute alike, or so much of each."""
    attributes = class_attributes(world(statements), CLASSES, world="pca")
    evidence = np.array(shown or [1.0] * len(attributes.attributes))
    return explained(world(statements), attributes, evidence=evidence, patches=evidence[:, None], offset=0.0)[0]


def test_what_one_states_and_the_other_denies_is_of_both() -> None:
    """p f: the first states it, the third denies it. q h: only the third states it."""
    ontology = world(((1, 0, 0, 0, 0, 0), (0,) * 6, (-1, 0, 0, 0, 0, 1)))
    attributes = class_attributes(ontology, CLASSES, world="open")
    patches = np.ones((len(attributes.attributes), 1))
    explanation, _ = explained(ontology, attributes, evidence=np.ones(len(patches)), patches=patches, offset=0.0)
    assert [(c.fact.object, c.fact.polarity) for c in explanation.facts] == [("http://e/#f", "positive")]
    denied, stated = explanation.rival_facts
    assert (denied.fact.object, denied.fact.polarity) == ("http://e/#f", "negative")
    assert (stated.fact.object, stated.fact.polarity) == ("http://e/#h", "positive")
    assert {denied.proof.rule, stated.proof.rule} == {"inheritance"}
    assert denied.contribution > 0 > stated.contribution


def with_random_strengths(attributes: ClassAttributes, random: np.random.Generator) -> ClassAttributes:
    """Strengths of about half of the cells, some of which the ontology leaves unknown."""
    told = random.random(attributes.value.shape) < 0.5
    strength = np.where(told, random.random(told.shape), attributes.value).astype(np.float32)
    return replace(attributes, strength=strength, known=attributes.known | told)


@settings(max_examples=80, deadline=None)
@given(STATEMENTS, st.sampled_from(["open", "pca", "closed"]), st.integers(0, 10_000), st.floats(-2, 2))
def test_strengths_leave_the_margin_exact_and_shares_to_those_who_state_them(
    statements: Statements, kind: World, seed: int, offset: float
) -> None:
    ontology, random = world(statements), np.random.default_rng(seed)
    attributes = with_random_strengths(class_attributes(ontology, CLASSES, world=kind), random)
    patches = random.normal(size=(len(attributes.attributes), 4))
    explanation, vectors = explained(ontology, attributes, evidence=patches.sum(1), patches=patches, offset=offset)
    np.testing.assert_allclose(explanation.margin, patches.sum(1) @ (vectors[0] - vectors[2]) + offset, atol=1e-9)
    assert abs(explanation.completeness_gap) < 1e-9
    # What no class states and strengths tell is of the remainder, and of no fact.
    terms, alone = patches.sum(1) * vectors[[0, 2]] * np.array([[1.0], [-1.0]]), 0.0
    for column, attribute in enumerate(attributes.attributes):
        said = [attributes.sources(CLASSES[row], attribute) for row in (0, 2)]
        stated = [bool(attributes.known[row, column] and not attributes.assumed[row, column]) for row in (0, 2)]
        other = [attributes.degree[row, column] != attributes.value[row, column] for row in (0, 2)]
        loose = [not stated[k] and len(said[k]) > 1 for k in (0, 1)]
        if all(loose) or (stated[0] == stated[1] and {f.key[1:] for f in said[0]} == {f.key[1:] for f in said[1]}):
            nobody = [not said[0] or (not stated[0] and any(other))] * 2
        else:
            has = [bool(said[k]) and (stated[k] or not other[k]) for k in (0, 1)]
            # A side without facts, or with several that make an assumption together, is told by the other side's.
            gives = [(not has[k] and not other[k]) or (loose[k] and stated[1 - k] and has[1 - k]) for k in (0, 1)]
            who = (1, 1) if gives[0] else (0, 0) if gives[1] else (0, 1)
            nobody = [not has[k] for k in who]
        alone += terms[:, column] @ np.array(nobody, dtype=float)
    np.testing.assert_allclose(explanation.remainder, offset + alone, atol=1e-9)


def test_a_cell_known_by_its_strength_alone_is_of_the_remainder() -> None:
    """q g: neither the first nor the third class says anything of it, and the matrix has 0.75 and 0.25."""
    ontology = world(((1, 0, 0, 0, 0, 0), (0, 0, 0, 0, 1, 0), (0,) * 6))
    crisp = class_attributes(ontology, CLASSES, world="open")
    column = next(k for k, a in enumerate(crisp.attributes) if a.filler.endswith("#g"))
    strength, known = crisp.value.copy(), crisp.known.copy()
    strength[:, column], known[:, column] = (0.75, 1.0, 0.25), True
    patches = np.ones((len(crisp.attributes), 1))
    attributes = replace(crisp, strength=strength, known=known)
    explanation, _ = explained(ontology, attributes, evidence=np.ones(len(patches)), patches=patches, offset=0.125)
    assert explanation.remainder == 0.125 + 0.5
    assert [c.fact.object for c in explanation.facts] == ["http://e/#f"]
    assert abs(explanation.completeness_gap) < 1e-9
