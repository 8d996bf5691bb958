"""Swapped facts: never true, never unknown, and those of near classes first."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgzsl.data.creatures import ontology_path, read_looks
from kgzsl.ontology import Ontology, parse_ontology, read_ontology
from kgzsl.semantics import ClassAttributes, World, class_attributes, fact_swaps

HEAD = """@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
:color a owl:ObjectProperty . :part a owl:ObjectProperty .
"""
WORLDS: tuple[World, ...] = ("open", "pca", "closed")


def some(property: str, filler: str) -> str:
    return f"[ a owl:Restriction ; owl:onProperty :{property} ; owl:someValuesFrom :{filler} ]"


def lacks(property: str, filler: str) -> str:
    return f"[ a owl:Class ; owl:complementOf {some(property, filler)} ]"


def kind(name: str, *above: str) -> str:
    return f":{name} a owl:Class" + "".join(f" ; rdfs:subClassOf {upper}" for upper in above) + " .\n"


def parse(*lines: str) -> Ontology:
    return parse_ontology(HEAD + "".join(lines))


def table(ontology: Ontology, *names: str, world: World = "pca") -> ClassAttributes:
    return class_attributes(ontology, [f"http://e/#{name}" for name in names], world=world)


def said(found: ClassAttributes) -> dict[tuple[str, str, str], float]:
    """(class, true, false) -> weight, by local names."""
    swaps = fact_swaps(found)
    return {
        (found.classes[row][10:], found.attributes[a].filler[10:], found.attributes[b].filler[10:]): weight
        for row, a, b, weight in zip(swaps.rows, swaps.stated, swaps.others, swaps.weights.tolist(), strict=True)
    }


def check(found: ClassAttributes, closed: Ontology) -> int:
    """Every swap, against the ontology itself; how many there are."""
    swaps = fact_swaps(found)
    true = {fact.key[:3] for fact in closed.facts(polarity="positive")}
    for row, a, b in zip(swaps.rows, swaps.stated, swaps.others, strict=True):
        iri, stated, other = found.classes[row], found.attributes[a], found.attributes[b]
        assert stated.property == other.property
        assert found.known[row, a]
        assert found.value[row, a] > 0.5
        assert found.known[row, b]
        assert found.value[row, b] == 0
        assert (iri, other.property, other.filler) not in true
        above, below = closed.superclasses(other.filler), closed.subclasses(other.filler)
        assert stated.filler not in {*above, *below, other.filler}
        if found.assumed[row, b]:
            # Nothing special that the class has is above it: it could be that very kind.
            own = {f for c, p, f in true if c == iri and p == other.property}
            special = {f for f in own if not own & ({*closed.subclasses(f)} - {*closed.superclasses(f)})}
            assert not special & {*above}
        assert (found.value[:, b] > 0.5).any()
    cells = swaps.rows * len(found.attributes) + swaps.stated
    for cell in np.unique(cells):
        assert swaps.weights[cells == cell].sum() == pytest.approx(1)
    assert (swaps.weights > 0).all()
    keys = list(zip(swaps.rows.tolist(), swaps.stated.tolist(), swaps.others.tolist(), strict=True))
    assert keys == sorted(set(keys))
    return len(keys)


@pytest.fixture(scope="module")
def creatures() -> Ontology:
    return read_ontology(ontology_path())


@pytest.mark.parametrize(("world", "least"), [("pca", 4000), ("open", 0), ("closed", 4000)])
def test_no_swap_of_a_creature_is_true(creatures: Ontology, world: World, least: int) -> None:
    closed = creatures.entail()
    assert check(class_attributes(closed, read_looks().seen, world=world), closed) >= least


@pytest.mark.parametrize("regime", ["none", "rdfs"])
def test_what_follows_is_never_put_in_though_nobody_derived_it(creatures: Ontology, regime: str) -> None:
    """A table of stated facts alone takes for absent what is inherited."""
    closed = creatures.entail()
    stated = class_attributes(creatures.entail(regime), read_looks().seen)  # type: ignore[arg-type]
    assert check(stated, closed) > 1000


def test_every_look_of_a_creature_can_be_swapped(creatures: Ontology) -> None:
    looks = read_looks()
    found = class_attributes(creatures.entail(), looks.seen)
    swaps = fact_swaps(found)
    cells = {
        (found.classes[row], found.attributes[a].property.partition("#")[2], found.attributes[a].filler[34:])
        for row, a in zip(swaps.rows, swaps.stated, strict=True)
    }
    for iri in looks.seen:
        for property, filler in looks.appearances[iri].features.items():
            assert filler is None or (iri, property, filler) in cells


COLORS = (kind("Red"), kind("Scarlet", ":Red"), kind("Blue"), kind("Green"))


def test_what_may_stand_for_what() -> None:
    o = parse(
        *COLORS,
        kind("A", some("color", "Scarlet")),
        kind("B", some("color", "Blue")),
        kind("C", some("color", "Red")),
        kind("D", some("part", "Tail")),
        kind("Tail"),
    ).entail()
    assert set(said(table(o, "A", "B", "C", "D"))) == {
        ("A", "Scarlet", "Blue"),
        ("A", "Red", "Blue"),
        ("B", "Blue", "Red"),
        ("B", "Blue", "Scarlet"),
        ("C", "Red", "Blue"),  # and not Scarlet: it is a kind of red
    }
    # Nothing is known to be absent.
    assert said(table(o, "A", "B", "C", "D", world="open")) == {}


def test_an_absence_that_is_stated_needs_no_assumption() -> None:
    o = parse(*COLORS, kind("A", some("color", "Red"), lacks("color", "Blue")), kind("B", some("color", "Blue")))
    o = o.entail()
    assert set(said(table(o, "A", "B", world="open"))) == {("A", "Red", "Blue")}


def test_a_special_value_of_something_else_that_the_class_has() -> None:
    """A has some horns of which nothing more is said: antlers are assumed absent, but may well be those."""
    terms = (kind("Horns"), kind("Antlers", ":Horns"), kind("Spikes", ":Horns"), kind("Tail"), kind("Wings"))
    o = parse(
        *terms,
        kind("A", some("part", "Tail"), some("part", "Horns")),
        kind("B", some("part", "Antlers")),
        kind("C", some("part", "Spikes"), some("part", "Wings")),
    ).entail()
    found = said(table(o, "A", "B", "C"))
    assert {key for key in found if key[0] == "A"} == {("A", "Tail", "Wings"), ("A", "Horns", "Wings")}
    assert ("B", "Antlers", "Spikes") in found


def test_what_an_equivalent_class_has_is_true_of_it() -> None:
    o = parse(
        *COLORS,
        kind("A", some("color", "Red")),
        kind("B", some("color", "Blue")),
        kind("C", some("color", "Green")),
        ":A owl:equivalentClass :B .",
    )
    for read in (o, o.entail()):
        assert {key[1:] for key in said(table(read, "A", "B", "C")) if key[0] != "C"} <= {
            ("Red", "Green"),
            ("Blue", "Green"),
        }


def test_fillers_that_are_the_same() -> None:
    lines = (kind("A", some("color", "Red")), kind("B", some("color", "Blue")), ":Red owl:equivalentClass :Blue .")
    assert said(table(parse(*COLORS, *lines), "A", "B")) == {}


def test_near_classes_weigh_more() -> None:
    """B shares the tail with A, C nothing: of A's rivals, that of B is (1 / D)^2 times as heavy."""
    o = parse(
        *(kind(name) for name in ("Red", "Blue", "Green", "Tail", "Wings")),
        kind("A", some("color", "Red"), some("part", "Tail")),
        kind("B", some("color", "Blue"), some("part", "Tail")),
        kind("C", some("color", "Green"), some("part", "Wings")),
    ).entail()
    found = said(table(o, "A", "B", "C"))
    # Of five attributes A and B differ in two, A and C in four.
    assert found["A", "Red", "Blue"] == pytest.approx(0.8)
    assert found["A", "Red", "Green"] == pytest.approx(0.2)
    # A value that only another class has, which is not in the table, is none.
    assert set(said(table(o, "A", "B"))) == {("A", "Red", "Blue"), ("B", "Blue", "Red")}


def test_strengths_have_a_say() -> None:
    o = parse(*COLORS, *(kind(c, some("color", f)) for c, f in (("A", "Red"), ("B", "Blue"), ("C", "Green")))).entail()
    found = table(o, "A", "B", "C")
    blue = [a.filler for a in found.attributes].index("http://e/#Blue")
    strength = found.value.copy()
    strength[0, blue] = 0.1  # a little of it
    names = set(said(replace(found, strength=strength)))
    assert names == set(said(found)) - {("A", "Red", "Blue")}


def test_numbers_are_not_swapped() -> None:
    restriction = '[ a owl:Restriction ; owl:onProperty :size ; owl:hasValue "{}" ]'
    o = parse(
        ":size a owl:DatatypeProperty .",
        *COLORS,
        kind("A", some("color", "Red"), restriction.format("3 cm")),
        kind("B", some("color", "Blue"), restriction.format("5 cm")),
    ).entail()
    found = class_attributes(o, ["http://e/#A", "http://e/#B"], numbers=True)
    assert any(a.unit is not None for a in found.attributes)
    assert set(said(found)) == {("A", "Red", "Blue"), ("B", "Blue", "Red")}


def test_no_class_at_all_and_one() -> None:
    o = parse(*COLORS, kind("A", some("color", "Red"))).entail()
    assert said(table(o)) == {}
    assert said(table(o, "A")) == {}


TERMS = ("F0", "F1", "F2", "F3", "F4")
NAMES = ("C0", "C1", "C2", "C3")
LINE = st.one_of(
    st.builds(lambda c, p, f: kind(c, some(p, f)), st.sampled_from(NAMES), st.sampled_from(["color", "part"]),
              st.sampled_from(TERMS)),
    st.builds(lambda c, f: kind(c, lacks("color", f)), st.sampled_from(NAMES), st.sampled_from(TERMS)),
    st.builds(lambda a, b: kind(a, f":{b}"), st.sampled_from(TERMS), st.sampled_from(TERMS)),
    st.builds(lambda a, b: kind(a, f":{b}"), st.sampled_from(NAMES), st.sampled_from(NAMES)),
    st.builds(lambda a, b: f":{a} owl:equivalentClass :{b} .\n", st.sampled_from(NAMES), st.sampled_from(NAMES)),
    st.builds(lambda a, b: f":{a} owl:equivalentClass :{b} .\n", st.sampled_from(TERMS), st.sampled_from(TERMS)),
    st.just(":part rdfs:subPropertyOf :color .\n"),
)  # fmt: skip
NEEDED = (*map(kind, NAMES), *map(kind, TERMS), kind("C0", some("color", "F0")))


@settings(max_examples=150, deadline=None)
@given(st.lists(LINE, max_size=14), st.sampled_from(WORLDS), st.sampled_from(["none", "rdfs", "el"]))
def test_no_swap_of_any_ontology_is_true_or_unknown(lines: list[str], world: World, regime: str) -> None:
    o = parse(*NEEDED, *lines)
    check(table(o.entail(regime), *NAMES, world=world), o.entail())  # type: ignore[arg-type]


@settings(max_examples=40, deadline=None)
@given(st.lists(LINE, max_size=10), st.randoms(use_true_random=False))
def test_the_order_of_triples_is_nothing(lines: list[str], random: object) -> None:
    shuffled = lines.copy()
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = (fact_swaps(table(parse(*NEEDED, *own).entail(), *NAMES)) for own in (lines, shuffled))
    for name in ("rows", "stated", "others", "weights"):
        assert np.array_equal(getattr(one, name), getattr(other, name))
