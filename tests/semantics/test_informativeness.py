"""What a fact says about its class: values computed by hand, and what must not matter."""

from __future__ import annotations

import math
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgzsl.errors import ConfigError, UnknownTermError
from kgzsl.ontology import Ontology, parse_ontology, read_ontology
from kgzsl.semantics.informativeness import informativeness

E = "http://e/#"
HEAD = "@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .\n"
BELOW = "<http://www.w3.org/2000/01/rdf-schema#subClassOf>"
CREATURES = Path(__file__).resolve().parents[2] / "ontologies" / "creatures.ttl"


def world(facts: str, *, classes: str = "Zebra Okapi Horse Fish", more: str = "") -> Ontology:
    """Classes, and facts such as "Zebra pattern Stripes, Horse part Tail"; "not" before the property denies."""
    lines = [f":{name} a owl:Class ." for name in classes.split()]
    lines += [f":{name} a owl:ObjectProperty ." for name in ("pattern", "part", "color", "bodyColor")]
    for fact in facts.split(","):
        subject, *denied, property, filler = fact.split()
        some = f"[ a owl:Restriction ; owl:onProperty :{property} ; owl:someValuesFrom :{filler} ]"
        lines.append(f":{subject} {BELOW} {f'[ owl:complementOf {some} ]' if denied else some} .")
    return parse_ontology(HEAD + "\n".join(lines) + more).entail()


def bits(ontology: Ontology, fact: str, classes: tuple[str, ...] = ()) -> float:
    """The worth of a fact such as "Zebra pattern Stripes"."""
    everything = np.ones(len(ontology.columns), dtype=bool)
    worth = informativeness(ontology, classes or ontology.leaves, everything)
    subject, *denied, property, filler = fact.split()
    ends = (ontology.index[E + name] for name in (subject, property, filler))
    row = ontology.row(*ends, negative=bool(denied))
    assert row is not None
    return float(worth[row])


def test_what_all_classes_share_says_nothing() -> None:
    ontology = world("Zebra part Tail, Horse part Tail, Okapi part Tail, Fish part Tail, Zebra pattern Stripes")
    assert bits(ontology, "Zebra part Tail") == 0
    assert bits(ontology, "Fish part Tail") == 0


def test_class_frequency_alone_where_no_class_is_alike() -> None:
    ontology = world("Zebra pattern Stripes, Okapi pattern Stripes, Horse not pattern Spots")
    assert bits(ontology, "Zebra pattern Stripes") == 1  # two of four
    assert bits(ontology, "Horse not pattern Spots") == 2  # one of four


def test_what_sets_apart_from_look_alikes_says_more() -> None:
    ontology = world("Zebra pattern Stripes, Zebra part Hooves, Horse part Hooves, Okapi pattern Stripes")
    # But for the stripes a zebra is like a horse, which has none: half of 2/4, and half of nothing.
    assert bits(ontology, "Zebra pattern Stripes") == 2
    assert bits(ontology, "Okapi pattern Stripes") == 1


def test_the_formula_by_hand() -> None:
    facts = "Zebra pattern Stripes, Zebra part Hooves, Zebra part Tail, Okapi pattern Stripes, Okapi part Hooves"
    ontology = world(f"{facts}, Horse part Tail")
    # All keys weigh 1 bit; without stripes, zebra . okapi = 1 / sqrt(3 * 2) and zebra . horse = 1 / sqrt(3).
    alike = math.sqrt(1 / 6) / (math.sqrt(1 / 6) + math.sqrt(1 / 3))
    assert bits(ontology, "Zebra pattern Stripes") == pytest.approx(-math.log2((2 / 4 + alike) / 2), abs=1e-6)


def test_a_fact_that_another_one_implies_says_less() -> None:
    colors = f":Scarlet {BELOW} :Red . :bodyColor <http://www.w3.org/2000/01/rdf-schema#subPropertyOf> :color ."
    ontology = world("Zebra bodyColor Scarlet, Horse not color Red", more=colors)
    assert bits(ontology, "Zebra bodyColor Scarlet") == 2
    assert bits(ontology, "Zebra color Scarlet") == 1  # halved
    assert bits(ontology, "Zebra bodyColor Red") == 1
    assert bits(ontology, "Zebra color Red") == 0.5  # three facts imply it
    assert bits(ontology, "Horse not color Red") == 2
    assert bits(ontology, "Horse not color Scarlet") == 1  # of absences, the special follows from the general


def test_it_depends_on_which_classes_are_to_be_told_apart() -> None:
    ontology = world("Zebra pattern Stripes, Okapi pattern Stripes")
    assert bits(ontology, "Zebra pattern Stripes", (E + "Zebra", E + "Okapi")) == 0
    assert bits(ontology, "Zebra pattern Stripes", (E + "Zebra", E + "Fish")) == 1
    assert bits(ontology, "Okapi pattern Stripes", (E + "Zebra", E + "Fish")) == 0  # of no class


def test_only_the_rows_count() -> None:
    ontology = world("Zebra pattern Stripes, Zebra part Hooves, Horse part Hooves, Okapi pattern Stripes")
    stripes = ontology.columns.predicate == ontology.index[E + "pattern"]
    worth = informativeness(ontology, ontology.leaves, stripes)
    assert worth[stripes].tolist() == [1, 1]  # without hooves a zebra is like nobody
    assert not worth[~stripes].any()
    assert not informativeness(ontology, ontology.leaves, np.zeros(len(stripes), dtype=bool)).any()


def test_mistakes() -> None:
    ontology = world("Zebra pattern Stripes")
    rows = np.ones(len(ontology.columns), dtype=bool)
    with pytest.raises(UnknownTermError, match=r"Unicorn(.|\n)*Dragon"):
        informativeness(ontology, [E + "Unicorn", E + "Dragon"], rows)
    with pytest.raises(ConfigError, match="no classes"):
        informativeness(ontology, [], rows)
    with pytest.raises(ConfigError, match="mask"):
        informativeness(ontology, ontology.leaves, rows[1:])
    with pytest.raises(ConfigError, match="mask"):
        informativeness(ontology, ontology.leaves, rows.astype(int))


_fact = st.tuples(st.sampled_from("ABCD"), st.sampled_from(["part", "color"]), st.sampled_from("STUV"))


@settings(max_examples=50, deadline=None)
@given(st.lists(_fact, min_size=1, max_size=16), st.randoms(use_true_random=False))
def test_neither_names_nor_the_order_of_triples_matter(
    facts: list[tuple[str, str, str]], chance: random.Random
) -> None:
    names = "ABCDSTUV"
    other = dict(zip(names, chance.sample("KLMNOPQR", 8), strict=True))
    renamed = [(other[s], p, other[f]) for s, p, f in facts]
    chance.shuffle(renamed)
    order = f":S {BELOW} :T .", f":{other['S']} {BELOW} :{other['T']} ."
    before = world(",".join(map(" ".join, facts)), classes="A B C D", more=order[0])
    after = world(",".join(map(" ".join, renamed)), classes=" ".join(other[n] for n in "ABCD"), more=order[1])
    classes = tuple(E + n for n in "ABCD")
    for s, p, f in facts:
        worth = bits(before, f"{s} {p} {f}", classes)
        assert worth == bits(after, f"{other[s]} {p} {other[f]}", tuple(E + other[n] for n in "ABCD"))
        assert 0 <= worth <= 1 + math.log2(4)


def test_creatures() -> None:
    ontology = read_ontology(CREATURES).entail()
    worth = informativeness(ontology, ontology.leaves, np.ones(len(ontology.columns), dtype=bool))
    assert worth.min() == 0
    assert worth.max() <= 1 + math.log2(len(ontology.leaves))
    mumbler = ontology.resolve("tindra mumbler")
    first = {f.object: worth[ontology.find(f)] for f in ontology.facts(mumbler)}
    label = {ontology.label(o): w for o, w in first.items()}
    assert label["antlers"] > label["horns"]
    assert label["creature"] == 0
