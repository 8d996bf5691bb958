"""What every method of explaining promises, on a trained run, on random small worlds, and where the answer is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgzsl import api
from kgzsl.errors import ConfigError
from kgzsl.explain.explanation import Explanation
from kgzsl.explain.methods import METHODS, method_of
from kgzsl.ontology import Ontology, replay

every_method = pytest.mark.parametrize("name", METHODS)

PREFIXES = """@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
:p a owl:ObjectProperty . :q a owl:ObjectProperty .
"""
CLASSES = ("A", "B", "Parent")
# Who states what of a property and a filler: that it is there, or that it is not.
Statements = list[tuple[str, str, str, bool]]
STATEMENTS = st.lists(
    st.tuples(st.sampled_from(CLASSES), st.sampled_from("pq"), st.sampled_from("fg"), st.booleans()),
    max_size=3,
    unique_by=lambda one: one[:3],
)


def turtle(statements: Statements, spell: Callable[[str], str] = str) -> str:
    """An ontology of A and B below a parent, and C, of which other facts than theirs are stated.

    Args:
        statements: of A, B and the parent.
        spell: how a local name is written.
    """
    named = {name: spell(name) for name in (*CLASSES, "C", "p", "q", "f", "g", "h")}
    lines = [f":{named[name]} a owl:Class ." for name in (*CLASSES, "C")]
    lines += [f":{named[name]} rdfs:subClassOf :{named['Parent']} ." for name in "AB"]
    for name, p, f, there in statements:
        has = f"[ a owl:Restriction ; owl:onProperty :{named[p]} ; owl:someValuesFrom :{named[f]} ]"
        said = has if there else f"[ a owl:Class ; owl:complementOf {has} ]"
        lines.append(f":{named[name]} rdfs:subClassOf {said} .")
    some = f"[ a owl:Restriction ; owl:onProperty :{named['p']} ; owl:someValuesFrom :{named['h']} ]"
    lines.append(f":{named['C']} rdfs:subClassOf {some} .")
    return PREFIXES.replace(":p a", f":{named['p']} a").replace(":q a", f":{named['q']} a") + "\n".join(lines)


def keep_promises(explanation: Explanation, ontology: Ontology, *, name: str) -> None:
    """What holds of every explanation, whoever made it."""
    assert explanation.method == name
    assert explanation.exact_for
    for facts in (explanation.facts, explanation.rival_facts):
        assert [f.contribution for f in facts] == sorted((f.contribution for f in facts), reverse=True)
    found = explanation.every
    assert len({one.fact.key for one in found}) == len(found)
    for one in found:
        # A fact has its proof; one that is made up for has what it proves, and how else that follows.
        assert one.fact.key in {step.fact.key for step in one.proof.walk()}
        assert one.other is not None or one.proof.fact.key == one.fact.key
        assert all(replay(proof, ontology) for proof in (one.proof, *([one.other] if one.other else [])))
        assert np.isfinite([one.contribution, one.evidence]).all()
        if one.interval is not None:
            assert one.interval[0] <= one.contribution <= one.interval[1]
    assert explanation.remainder == pytest.approx(sum(explanation.parts.values()))
    if explanation.additive:
        gap = abs(explanation.completeness_gap)
        scale = max(1.0, abs(explanation.margin))
        assert gap <= 1e-9 * scale if explanation.gap is None else gap == pytest.approx(explanation.gap, abs=1e-9)
        assert gap <= 0.05 * scale
    assert {*explanation.labels} >= {term for one in found for term in one.fact.key[:2]}


@every_method
def test_a_method_has_a_name_and_says_what_it_is_exact_for(name: str) -> None:
    method = method_of(name)
    assert method.name == name
    assert len(method.exact_for) > 20


def test_no_such_method() -> None:
    with pytest.raises(ConfigError, match=r"no method 'shaply'; .* did you mean shapley"):
        method_of("shaply")


@every_method
def test_on_a_trained_run(toy_run: Any, name: str) -> None:
    image = np.random.default_rng(0).integers(0, 255, (32, 32, 3), dtype=np.uint8)
    plain = api.explain(toy_run, image)
    found = api.explain(toy_run, image, method=name)
    keep_promises(found, toy_run.ontology, name=name)
    assert (found.predicted, found.rival) == (plain.predicted, plain.rival)
    assert found.margin == pytest.approx(plain.margin, abs=1e-6)
    assert found.every
    turned = api.explain(toy_run, image, speaking_for=plain.rival, against=plain.predicted, method=name)
    keep_promises(turned, toy_run.ontology, name=name)
    assert turned.margin == pytest.approx(-plain.margin, abs=1e-6)


@every_method
@settings(max_examples=8, deadline=None)
@given(
    statements=STATEMENTS,
    world=st.sampled_from(["open", "pca", "closed"]),
    seed=st.integers(0, 10_000),
    offset=st.floats(-2, 2),
)
def test_on_random_worlds(
    name: str,
    slow_worlds: Callable[..., Any],
    statements: Statements,
    world: Literal["open", "pca", "closed"],
    seed: int,
    offset: float,
) -> None:
    random = np.random.default_rng(seed)
    worlds = slow_worlds(turtle(statements), ["http://e/#A", "http://e/#B"], world=world)
    question = worlds.question(random.normal(size=len(worlds.prior)), offsets=[0.0, offset])
    found = method_of(name).explain(question)
    keep_promises(found, worlds.entailed, name=name)
    if offset:
        assert found.parts["calibration"] == pytest.approx(offset)
    # Whoever asks again is told the same.
    again = method_of(name).explain(question)
    assert [(f.fact.key, f.contribution, f.interval) for f in again.every] == [
        (f.fact.key, f.contribution, f.interval) for f in found.every
    ]


@every_method
@settings(max_examples=6, deadline=None)
@given(
    statements=STATEMENTS,
    world=st.sampled_from(["open", "pca"]),
    seed=st.integers(0, 10_000),
)
def test_names_do_not_matter(
    name: str, slow_worlds: Callable[..., Any], statements: Statements, world: Any, seed: int
) -> None:
    """Under other IRIs, sorted otherwise, every fact adds what it added."""
    spelled = {name: f"n{999 - k}" for k, name in enumerate((*CLASSES, "C", "p", "q", "f", "g", "h"))}
    back = {f"http://e/#{new}": f"http://e/#{old}" for old, new in spelled.items()}
    random = np.random.default_rng(seed)
    strengths = {(p, f): random.normal() for p in "pq" for f in "fgh"}
    told = []
    for spell in (str, spelled.__getitem__):
        worlds = slow_worlds(turtle(statements, spell), [f"http://e/#{spell(c)}" for c in "AB"], world=world)
        named = [tuple(back.get(iri, iri)[-1] for iri in (a.property, a.filler)) for a in worlds.attributes.attributes]
        found = method_of(name).explain(worlds.question(np.array([strengths[pair] for pair in named])))
        shares = {tuple(back.get(term, term) for term in one.fact.key): one.contribution for one in found.every}
        told.append({key: round(share, 9) + 0.0 for key, share in shares.items() if abs(share) > 1e-9})
    assert told[0] == told[1]


@every_method
@settings(max_examples=8, deadline=None)
@given(
    owners=st.lists(st.sampled_from("AB"), min_size=1, max_size=5),
    seed=st.integers(0, 10_000),
    offset=st.sampled_from([0.0, 0.75]),
)
def test_where_every_fact_is_a_cell_of_its_own_all_say_the_same(
    name: str, slow_worlds: Callable[..., Any], owners: list[str], seed: int, offset: float
) -> None:
    """Scores are sums over facts: each adds its evidence times its entry, for its class or against it."""
    random = np.random.default_rng(seed)
    facts = "".join(f":{owner} :p :f{k} .\n" for k, owner in enumerate(owners))
    classes = ":A a owl:Class . :B a owl:Class .\n"
    prior = random.random(len(owners))
    worlds = slow_worlds(PREFIXES + classes + facts, ["http://e/#A", "http://e/#B"], prior=prior)
    evidence = random.normal(size=len(owners))
    found = method_of(name).explain(worlds.question(evidence, offsets=[offset, 0.0]))
    known = {
        (f"http://e/#{owner}", f"http://e/#f{k}"): (1 if owner == "A" else -1) * evidence[k] * (1 - prior[k])
        for k, owner in enumerate(owners)
    }
    shares = {(one.fact.subject, one.fact.object): one.contribution for one in found.every}
    assert shares.keys() == known.keys()
    np.testing.assert_allclose([shares[key] for key in known], list(known.values()), atol=1e-9)
    assert found.remainder == pytest.approx(-offset)
    assert {one.fact.subject for one in found.facts} <= {"http://e/#A"}
    assert {one.fact.subject for one in found.rival_facts} <= {"http://e/#B"}
