"""Integrated gradients: of cells in closed form, of other pieces by quadrature, and who is told what."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kgzsl.errors import ConfigError
from kgzsl.explain.gradient import GradientMethod, GradientSettings, attribute_shares, integrated
from kgzsl.explain.margin import MarginMethod
from kgzsl.explain.question import Path, Question
from kgzsl.ontology import Fact, Proof

E = "http://e/#"
TURTLE = """@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
:p a owl:ObjectProperty . :q a owl:ObjectProperty .
:A a owl:Class ; rdfs:subClassOf :Parent ; :p :f ; :q :g , :h .
:B a owl:Class ; rdfs:subClassOf :Parent ; :p :g ; :q :h .
:Parent a owl:Class ; :p :k .
"""
AB = [f"{E}A", f"{E}B"]


def fact(subject: str, predicate: str, object: str) -> Fact:
    return Fact(f"{E}{subject}", f"{E}{predicate}", f"{E}{object}")


@pytest.fixture(scope="module")
def ask(slow_worlds: Callable[..., Any]) -> Callable[..., Question]:
    """A question about two classes, to images of which a seed decides what they show."""

    def make(seed: int = 0, *, world: str = "open", lengths: bool = False, **changes: Any) -> Question:
        worlds, random = slow_worlds(TURTLE, AB, world=world), np.random.default_rng(seed)
        count = len(worlds.prior)
        question = worlds.question(random.normal(size=count), **changes)
        if not lengths:
            return question
        table, gates = question.attributes, random.random(count)
        scaled = np.where(table.known, table.degree, 0.0) * random.uniform(0.5, 2, count)
        centers = gates * random.random(count)
        plain = gates * scaled / np.maximum(np.linalg.norm(scaled, axis=1, keepdims=True), 1e-6)
        vectors = np.where(table.known, plain - centers, 0.0)
        return replace(question, vectors=vectors, scaled=scaled, centers=centers, gates=gates)

    return make


# ---- attributes ----------------------------------------------------------------------


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["open", "pca", "closed"]), st.booleans())
def test_the_closed_form_is_the_integral(ask: Any, seed: int, world: str, lengths: bool) -> None:
    """Against captum, on class vectors whose cells are known to a degree."""
    from captum.attr import IntegratedGradients

    question = ask(seed, world=world, lengths=lengths)
    known = torch.from_numpy(question.attributes.known).double()
    evidence = torch.from_numpy(question.evidence)
    vectors = torch.from_numpy(question.vectors)

    def margin(presence: torch.Tensor) -> torch.Tensor:
        there = presence.reshape(-1, *known.shape)
        if question.scaled is None:
            entries = there * vectors
        else:
            scaled, centers = there * torch.from_numpy(question.scaled), torch.from_numpy(question.centers)
            lengths = scaled.norm(dim=2, keepdim=True).clamp(min=1e-6)
            entries = there * (torch.from_numpy(question.gates) * scaled / lengths - centers)
        return (entries[:, 0] - entries[:, 1]) @ evidence

    assert margin(known[None]).item() == pytest.approx(question.margin)
    found = IntegratedGradients(margin).attribute(known.reshape(1, -1), n_steps=16)
    shares = attribute_shares(question)
    np.testing.assert_allclose(shares.ravel(), found[0].numpy(), atol=1e-6)
    assert shares.sum() == pytest.approx(question.margin, abs=1e-9)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["open", "pca", "closed"]), st.floats(-1, 1))
def test_without_lengths_it_is_the_margin_method(ask: Any, seed: int, world: str, offset: float) -> None:
    question = ask(seed, world=world, offsets=[0.0, offset])
    one, other = MarginMethod().explain(question), GradientMethod().explain(question)
    told = [{f.fact: (f.contribution, f.evidence, f.gate) for f in explanation.every} for explanation in (one, other)]
    assert told[0].keys() == told[1].keys()
    for key, values in told[0].items():
        assert told[1][key] == pytest.approx(values, abs=1e-9)
    assert other.parts == one.parts
    assert other.gap is None
    assert abs(other.completeness_gap) < 1e-9


def test_attributes_need_no_captum(ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    found = GradientMethod().explain(ask(lengths=True))
    assert found.every
    assert found.gap is None
    assert abs(found.completeness_gap) < 1e-9


# ---- other pieces --------------------------------------------------------------------


def cubic(count: int) -> Path:
    """Pieces of which all are needed: ``m(t) = (1 + sum of (k + 1) t_k) ** 3``."""
    weights = torch.arange(1, count + 1, dtype=torch.float64)
    facts = tuple((fact("A", "q", "g"),) for _ in range(count))
    return Path("prompt", facts, lambda presence: (1 + presence.double() @ weights) ** 3)


@given(st.integers(1, 6))
@settings(max_examples=6, deadline=None)
def test_a_polynomial_is_integrated_exactly(count: int) -> None:
    found = integrated(cubic(count), GradientSettings(), wanted=1e-3)
    whole = sum(range(1, count + 1))
    # Every gradient goes the same way, so that shares are as the weights.
    total = (1 + whole) ** 3 - 1
    np.testing.assert_allclose(found.shares, [total * (k + 1) / whole for k in range(count)], rtol=1e-5)
    assert found.start == 1
    assert found.gap < 1e-3
    assert found.steps == 32


def step(sharpness: float, facts: int = 1) -> Path:
    """A piece that does all it does around one half."""
    told = tuple((fact("A", "q", "g"),) for _ in range(facts))
    return Path("prompt", told, lambda presence: torch.sigmoid(sharpness * (presence.double().mean(1) - 0.503)))


def test_steps_are_doubled_until_the_gap_is_small() -> None:
    smooth, sharp = (integrated(step(s), GradientSettings(steps=4), wanted=0.01) for s in (5, 200))
    assert smooth.steps < sharp.steps <= 512
    assert smooth.gap <= 0.01
    assert sharp.gap <= 0.01
    assert integrated(step(200), GradientSettings(steps=4, most=8), wanted=0.01).steps == 8


def test_a_gap_that_stays_is_told(ask: Any) -> None:
    question = asked_with(ask, replace(step(100_000), source="gnn"))
    found = GradientMethod(GradientSettings(steps=8, most=16)).explain(question)
    assert found.gap > 0.05 * abs(found.margin)
    (said,) = found.warnings
    assert abs(found.completeness_gap) == pytest.approx(found.gap)
    assert said.startswith("gnn: gradients miss ")
    assert said.endswith("of the margin after 16 steps")


def test_a_share_that_is_no_longer_the_models_is_told(ask: Any) -> None:
    """A run keeps the states of its prompts; a version that words facts otherwise gives others."""
    path = linear({(fact("A", "q", "g"),): 1.0})
    question = asked_with(ask, path)
    other = replace(path, share=lambda presence: path.share(presence) * 1.5)
    found = GradientMethod().explain(replace(question, paths=lambda *asked: (other,)))
    assert found.gap == pytest.approx(0.5 * 1.25, abs=1e-5)
    (said,) = found.warnings
    assert said == "gnn: facts are put otherwise than when the run was trained, which misses 0.625"


def test_without_captum_it_says_what_to_install(ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    question = ask(blocks={"prompt": slice(0, 0)}, paths=lambda *asked: (cubic(2),))
    with pytest.raises(ConfigError, match=r"without captum; pip install 'kgzsl\[explain\]', or explain by another"):
        GradientMethod().explain(question)


def linear(pieces: dict[tuple[Fact, ...], float], start: float = 0.25) -> Path:
    """Pieces that add what is said, each by itself."""
    weights = torch.tensor(list(pieces.values()), dtype=torch.float64)
    return Path("gnn", tuple(pieces), lambda presence: start + presence.double() @ weights)


def asked_with(ask: Any, path: Path, **changes: Any) -> Question:
    """A question whose margin has the path's share, in a column of its own."""
    question = ask(**changes)
    share = path.share(torch.ones(1, len(path.facts))).item()
    column = np.zeros((len(question.vectors), 1))
    column[0] = share
    count = len(question.evidence)
    return replace(
        question,
        vectors=np.hstack([question.vectors, column]),
        evidence=np.append(question.evidence, 1.0),
        blocks={"gnn": slice(count, count + 1)},
        paths=lambda *asked: (path,),
    )


def test_a_fact_has_what_comes_through_all_its_pieces(ask: Any) -> None:
    """What both are said to be is the explained class's; facts of one piece share it; of no fact is a part."""
    shared = (fact("Parent", "p", "k"), fact("A", "p", "f"))
    pieces = {
        (fact("A", "q", "g"),): 1.0,
        (fact("B", "q", "h"),): -0.5,  # A has it, too
        (fact("B", "p", "g"),): -2.0,
        shared: 3.0,
        (): 0.125,
    }
    question = asked_with(ask, linear(pieces))
    found = GradientMethod().explain(question)
    plain = {one.fact.key: one.contribution for one in MarginMethod().explain(question).every}
    told = {one.fact.key: one.contribution - plain.get(one.fact.key, 0.0) for one in found.every}
    expected = {("A", "q", "g"): 1.0, ("A", "q", "h"): -0.5, ("B", "p", "g"): -2.0}
    expected |= {("Parent", "p", "k"): 1.5, ("A", "p", "f"): 1.5}
    for key, value in expected.items():
        assert told.pop(fact(*key).key) == pytest.approx(value, abs=1e-5)
    assert [*told.values()] == pytest.approx([0.0] * len(told))
    assert found.parts == {"gnn": pytest.approx(0.25 + 0.125, abs=1e-5)}
    assert abs(found.completeness_gap) == pytest.approx(found.gap, abs=1e-12) == pytest.approx(0, abs=1e-5)
    assert [one.fact.subject for one in found.rival_facts] == [f"{E}B"]


def test_a_source_without_a_path_is_a_part(ask: Any) -> None:
    question = replace(asked_with(ask, linear({(): 1.0})), paths=lambda *asked: ())
    found = GradientMethod().explain(question)
    assert found.parts == {"gnn": pytest.approx(1.25)}
    assert abs(found.completeness_gap) < 1e-9


def test_a_path_without_pieces_is_a_part(ask: Any) -> None:
    question = asked_with(ask, Path("gnn", (), lambda presence: torch.full((len(presence),), 0.75)))
    found = GradientMethod().explain(question)
    assert found.parts == {"gnn": pytest.approx(0.75)}
    assert abs(found.completeness_gap) < 1e-9


def test_of_many_facts_those_that_matter_most_are_listed(ask: Any) -> None:
    """The others are a part, and the sum is what it was."""
    facts = {(fact("Parent", "p", f"k{k:02}"),): 10.0 * (-1) ** k * k for k in range(1, 21)}
    question = asked_with(ask, linear(facts))
    question = replace(question, ontology=Everything(question.ontology))
    found = GradientMethod(GradientSettings(listed=6)).explain(question)
    assert [one.fact.object[-2:] for one in found.every] == ["20", "18", "16", "15", "17", "19"]
    assert found.parts["other facts"] == pytest.approx(10 * sum((-1) ** k * k for k in range(1, 15)), abs=1.0)
    assert abs(found.completeness_gap) < 1e-3


class Everything:
    """An ontology in which any fact is asserted."""

    def __init__(self, own: Any) -> None:
        self.own = own

    def prove(self, fact: Fact) -> Proof:
        return Proof(fact, "asserted")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.own, name)
