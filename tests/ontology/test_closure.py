"""Entailment: its rules one by one, and its laws on random small ontologies."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgzsl.errors import ConfigError, UnknownTermError
from kgzsl.ontology import Fact, Ontology, Proof, parse_ontology, replay

E = "http://e/#"
OWL = "http://www.w3.org/2002/07/owl#"
BELOW = "http://www.w3.org/2000/01/rdf-schema#subClassOf"
PREFIXES = """@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
"""


def facts_of(ontology: Ontology, *, entailed: bool | None = None) -> set[tuple[str, str, str, str]]:
    status = None if entailed is None else "entailed" if entailed else "asserted"
    return {tuple(part.rpartition("#")[2] or part for part in f.key) for f in ontology.facts(status=status)}


def some(property: str, filler: str) -> str:
    return f"[ a owl:Restriction ; owl:onProperty :{property} ; owl:someValuesFrom {filler} ]"


def lacks(property: str, filler: str) -> str:
    return f"[ a owl:Class ; owl:complementOf {some(property, filler)} ]"


BASE = """:p a owl:ObjectProperty . :q a owl:ObjectProperty . :C a owl:Class . :D a owl:Class .
"""


@pytest.mark.parametrize(
    ("axioms", "expected", "rule"),
    [
        (":C rdfs:subClassOf :D . :D rdfs:subClassOf :T .", ("C", BELOW, "T", "positive"), "subsumption"),
        (":C owl:equivalentClass :D .", ("D", BELOW, "C", "positive"), "equivalence"),
        (":C owl:sameAs :D .", ("C", BELOW, "D", "positive"), "identity"),
        (f":C rdfs:subClassOf :D . :D rdfs:subClassOf {some('p', ':F')} .", ("C", "p", "F", "positive"), "inheritance"),
        (
            f":C rdfs:subClassOf :D . :D rdfs:subClassOf {lacks('p', ':F')} .",
            ("C", "p", "F", "negative"),
            "inheritance",
        ),
        (
            f":C rdfs:subClassOf {some('p', ':F')} . :F rdfs:subClassOf :G .",
            ("C", "p", "G", "positive"),
            "filler generalization",
        ),
        (
            f":C rdfs:subClassOf {lacks('p', ':G')} . :F rdfs:subClassOf :G .",
            ("C", "p", "F", "negative"),
            "filler generalization",
        ),
        (
            f":C rdfs:subClassOf {some('p', ':F')} . :p rdfs:subPropertyOf :q .",
            ("C", "q", "F", "positive"),
            "property hierarchy",
        ),
        (
            f":C rdfs:subClassOf {lacks('q', ':F')} . :p rdfs:subPropertyOf :q .",
            ("C", "p", "F", "negative"),
            "property hierarchy",
        ),
        (
            f":C rdfs:subClassOf {some('p', ':F')} . :q owl:equivalentProperty :p .",
            ("C", "q", "F", "positive"),
            "property hierarchy",
        ),
        (
            f":C rdfs:subClassOf {lacks('p', 'owl:Thing')} . :D rdfs:subClassOf {some('p', ':F')} .",
            ("C", "p", "F", "negative"),
            "filler generalization",
        ),
        (
            ":C rdfs:subClassOf [ owl:onProperty :p ; owl:hasValue :red ] . :red a :Color . :Color a owl:Class .",
            ("C", "p", "Color", "positive"),
            "filler generalization",
        ),
    ],
)
def test_each_rule_entails_and_proves(axioms: str, expected: tuple[str, str, str, str], rule: str) -> None:
    ontology = parse_ontology(PREFIXES + BASE + axioms)
    entailed = ontology.entail()
    wanted = tuple(part if "#" in part or part in ("positive", "negative") else E + part for part in expected)
    assert wanted not in {f.key for f in ontology.facts()}
    fact = next(f for f in entailed.facts() if f.key == wanted)
    assert fact.status == "entailed"
    proof = entailed.prove(fact)
    assert proof.rule == rule
    assert replay(proof, entailed)
    assert proof.asserted()
    assert all(f.status == "asserted" for f in proof.asserted())


def test_a_chain_of_identities_shares_facts_where_classes_do_not_inherit() -> None:
    table = (
        "Subject\tRelation\tObject\nAwA:n1\towl:sameAs\tAwA:n2\nAwA:n2\towl:sameAs\tAwA:n3\nAwA:n3\tAwA:has\tAwA:a1\n"
    )
    ontology = parse_ontology(table, format="K-ZSL table", profile="kzsl").entail()
    facts = [f for f in ontology.facts(status="entailed") if f.predicate.endswith("#has")]
    assert [f.subject.rpartition("#")[2] for f in facts] == ["n1", "n2"]
    assert all(replay(ontology.prove(f), ontology) for f in facts)


def test_what_must_not_follow() -> None:
    text = f""":C rdfs:subClassOf :D , {some("p", ":F")} . :F rdfs:subClassOf :G . :p rdfs:subPropertyOf :q .
        :D rdfs:subClassOf {lacks("p", ":H")} . :H rdfs:subClassOf :I ."""
    found = facts_of(parse_ontology(PREFIXES + BASE + text).entail())
    assert ("D", "p", "F", "positive") not in found  # a class has not what its subclass has
    assert ("C", "p", "I", "negative") not in found  # who lacks horns need not lack every part
    assert ("C", "q", "H", "negative") not in found


def test_regimes() -> None:
    text = f":C owl:equivalentClass :D . :D rdfs:subClassOf {some('p', ':F')} . :F rdfs:subClassOf :G ."
    ontology = parse_ontology(PREFIXES + BASE + text + " :B rdfs:subClassOf :D .")
    assert facts_of(ontology.entail("none")) == facts_of(ontology)
    rdfs = facts_of(ontology.entail("rdfs"), entailed=True)
    assert rdfs == {("B", "p", "F", "positive")}
    el = facts_of(ontology.entail("el"), entailed=True)
    assert el > rdfs
    assert ("C", "p", "G", "positive") in el
    with pytest.raises(ConfigError, match="dl"):
        ontology.entail("dl")  # type: ignore[arg-type]
    assert all(replay(ontology.entail("rdfs").prove(f), ontology) for f in ontology.entail("rdfs").facts())


def test_the_shortest_proof_is_found() -> None:
    text = f""":C rdfs:subClassOf :D , :X . :X rdfs:subClassOf :Y . :Y rdfs:subClassOf :D .
        :D rdfs:subClassOf {some("p", ":F")} ."""
    ontology = parse_ontology(PREFIXES + BASE + text).entail()
    proof = ontology.prove(Fact(E + "C", E + "p", E + "F"))
    assert [step.rule for step in proof.walk()] == ["asserted", "asserted", "inheritance"]


def test_cycles_are_condensed_and_reported() -> None:
    text = ":A a owl:Class ; rdfs:subClassOf :B . :B rdfs:subClassOf :A , :B , :T ."
    ontology = parse_ontology(PREFIXES + text).entail()
    assert ontology.report.cycles == ((E + "A", E + "B"),)
    assert ontology.superclasses(E + "A") == (E + "B", E + "T")
    assert ontology.leaves == (E + "A", E + "B")
    assert not [f for f in ontology.facts(predicate=BELOW) if f.subject == f.object]


def test_a_contradiction_is_kept_and_reported() -> None:
    text = f":C rdfs:subClassOf :D , {some('p', ':F')} . :D rdfs:subClassOf {lacks('p', ':F')} ."
    ontology = parse_ontology(PREFIXES + BASE + text).entail()
    (found,) = ontology.report.contradictions
    assert (found.subject, found.predicate, found.object) == (E + "C", E + "p", E + "F")
    assert {f.polarity for f in ontology.facts(E + "C", E + "p")} == {"positive", "negative"}


def test_a_class_below_two_disjoint_ones_is_reported() -> None:
    text = ":C rdfs:subClassOf :D , :T . :D owl:disjointWith :T ."
    ontology = parse_ontology(PREFIXES + BASE + text).entail()
    assert {c.subject for c in ontology.report.contradictions} == {E + "C"}


def test_a_fact_that_does_not_follow_has_no_proof() -> None:
    ontology = parse_ontology(PREFIXES + BASE + f":C rdfs:subClassOf {some('p', ':F')} .").entail()
    with pytest.raises(UnknownTermError, match="open-world"):
        ontology.prove(Fact(E + "D", E + "p", E + "F"))


def test_a_forged_proof_does_not_replay() -> None:
    text = f":C rdfs:subClassOf :D . :D rdfs:subClassOf {some('p', ':F')} ."
    ontology = parse_ontology(PREFIXES + BASE + text).entail()
    good = ontology.prove(Fact(E + "C", E + "p", E + "F"))
    assert replay(good, ontology)
    other = Fact(E + "C", E + "p", E + "G", status="entailed")
    assert not replay(Proof(other, good.rule, good.premises), ontology)
    assert not replay(Proof(good.fact, "magic", good.premises), ontology)
    assert not replay(Proof(good.fact, "asserted"), ontology)
    assert not replay(Proof(good.fact, good.rule, good.premises[::-1]), ontology)
    assert not replay(Proof(good.fact, good.rule, (Proof(other, "asserted"), good.premises[1])), ontology)


# ---- laws on random ontologies -------------------------------------------------------

_term = st.sampled_from("ABCDFGHI")
_filler = st.sampled_from(["F", "G", "H", "A", "Thing"])
_property = st.sampled_from("pqr")
_axiom = st.one_of(
    st.tuples(st.just("sub"), _term, _term),
    st.tuples(st.just("eq"), _term, _term),
    st.tuples(st.just("subproperty"), _property, _property),
    st.tuples(st.just("has"), _term, _property, _filler),
    st.tuples(st.just("lacks"), _term, _property, _filler),
)
axioms = st.lists(_axiom, min_size=1, max_size=14)


def write(axioms: list[tuple[str, ...]], base: str = E) -> str:
    lines = [f":{t} a owl:Class ." for t in "ABCDFGHI"] + [f":{p} a owl:ObjectProperty ." for p in "pqr"]
    for kind, subject, *rest in axioms:
        name = {"sub": "rdfs:subClassOf", "eq": "owl:equivalentClass", "subproperty": "rdfs:subPropertyOf"}.get(kind)
        if name:
            lines.append(f":{subject} {name} {'owl:Nothing' if rest[0] == 'Nothing' else ':' + rest[0]} .")
        else:
            filler = "owl:Thing" if rest[1] == "Thing" else f":{rest[1]}"
            lines.append(f":{subject} rdfs:subClassOf {(some if kind == 'has' else lacks)(rest[0], filler)} .")
    return PREFIXES.replace(E, base) + "\n".join(lines)


def asserted_again(ontology: Ontology) -> list[tuple[str, ...]]:
    """All facts of an ontology, as axioms to assert."""
    names = {"subClassOf": "sub", "equivalentClass": "eq", "subPropertyOf": "subproperty"}
    found = []
    for s, p, o, polarity in facts_of(ontology):
        kind = names.get(p.rpartition("#")[2])
        if polarity == "negative" and kind == "sub":
            continue  # disjointness is written otherwise
        found.append((kind, s, o) if kind else ("has" if polarity == "positive" else "lacks", s, p, o))
    return found


@settings(max_examples=60, deadline=None)
@given(axioms)
def test_closure_is_extensive_and_idempotent(axioms: list[tuple[str, ...]]) -> None:
    ontology = parse_ontology(write(axioms))
    closed = ontology.entail()
    assert facts_of(ontology) <= facts_of(closed)
    assert facts_of(parse_ontology(write(asserted_again(closed))).entail()) == facts_of(closed)


@settings(max_examples=60, deadline=None)
@given(axioms, axioms)
def test_closure_is_monotone(first: list[tuple[str, ...]], second: list[tuple[str, ...]]) -> None:
    assert facts_of(parse_ontology(write(first)).entail()) <= facts_of(parse_ontology(write(first + second)).entail())


@settings(max_examples=60, deadline=None)
@given(axioms, st.randoms(use_true_random=False))
def test_order_and_names_do_not_matter(axioms: list[tuple[str, ...]], dice: random.Random) -> None:
    ontology = parse_ontology(write(axioms))
    shuffled = parse_ontology(write(dice.sample(axioms, len(axioms))))
    assert shuffled.digest == ontology.digest
    assert facts_of(shuffled.entail()) == facts_of(ontology.entail())
    elsewhere = parse_ontology(write(axioms, base="http://aaa/zzz#"))
    assert facts_of(elsewhere.entail()) == facts_of(ontology.entail())
    assert elsewhere.digest != ontology.digest


@settings(max_examples=60, deadline=None)
@given(axioms, st.sampled_from(["rdfs", "el"]))
def test_every_fact_has_a_proof_that_replays(axioms: list[tuple[str, ...]], regime: str) -> None:
    closed = parse_ontology(write(axioms)).entail(regime)  # type: ignore[arg-type]
    for fact in closed.facts():
        proof = closed.prove(fact)
        assert proof.fact == fact
        assert replay(proof, closed)
        assert (proof.rule == "asserted") == (fact.status == "asserted")


@settings(max_examples=60, deadline=None)
@given(axioms)
def test_classes_and_attributes_are_apart_and_stable(axioms: list[tuple[str, ...]]) -> None:
    ontology = parse_ontology(write(axioms))
    closed = ontology.entail()
    assert not set(ontology.classes) & set(ontology.attributes)
    assert {E + t for t in "ABCDFGHI"} == set(ontology.classes) | set(ontology.attributes)
    assert (closed.classes, closed.attributes, closed.leaves) == (
        ontology.classes,
        ontology.attributes,
        ontology.leaves,
    )
