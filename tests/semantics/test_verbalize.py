"""Every row of the rule table, and that no fact is left without words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgzsl.ontology import Fact, Ontology, parse_ontology, read_ontology
from kgzsl.semantics import aspect, sentence, value_phrase, verbalize
from kgzsl.semantics.verbalize import RULES

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
E = "http://e/#"
BELOW = "http://www.w3.org/2000/01/rdf-schema#"
SKOS = "http://www.w3.org/2004/02/skos/core#"
OWL = "http://www.w3.org/2002/07/owl#"
ZEBRA = parse_ontology(f"@prefix : <{E}> . :Zebra a <{OWL}Class> .")

# property, filler, positive, negative; in the order of the table, one line a rule at least
EXAMPLES = [
    (BELOW + "subClassOf", "Equine", "is a kind of equine", "is not a kind of equine"),
    (SKOS + "broader", "Equine", "is a kind of equine", "is not a kind of equine"),
    (OWL + "disjointWith", "Equine", "is not a kind of equine", "may be a kind of equine"),
    (OWL + "equivalentClass", "Zebras", "is the same as zebras", "is not the same as zebras"),
    (BELOW + "subPropertyOf", "hasPart", "is a special case of has part", "is not a special case of has part"),
    (E + "hasTail", OWL + "Thing", "has a tail", "has no tail"),
    (E + "hasWings", OWL + "Thing", "has wings", "has no wings"),
    (
        SKOS + "definition",
        "9 stripes",
        "is described as follows: 9 stripes",
        "is not described as follows: 9 stripes",
    ),
    (E + "hasA", "Tail", "has a tail", "has no tail"),
    (E + "hasBodyPart", "Hooves", "has hooves", "has no hooves"),
    (E + "hasPart", "Trunk", "has a trunk", "has no trunk"),
    (E + "hasTeeth", "BuckTeeth", "has buck teeth", "has no buck teeth"),
    (E + "hasBodyShape", "LongBody", "has a long body", "has no long body"),
    (E + "hasEars", "LopEars", "has lop ears", "has no lop ears"),
    (E + "hasColor", "Black", "is black in color", "is not black in color"),
    (E + "hasMainColor", "Red", "has red as its main color", "does not have red as its main color"),
    (E + "hasBodyColor", "Scarlet", "has a scarlet body", "does not have a scarlet body"),
    (E + "hasPatternColor", "Ivory", "has an ivory pattern", "does not have an ivory pattern"),
    (E + "hasTexture", "Furry", "has a furry texture", "does not have a furry texture"),
    (E + "hasDecoration", "Spots", "is decorated with spots", "is not decorated with spots"),
    (E + "hasDiet", "Minnows", "feeds on minnows", "does not feed on minnows"),
    (E + "eat", "Fish", "eats fish", "does not eat fish"),
    (E + "livesIn", "PineForest", "lives in pine forest", "does not live in pine forest"),
    (E + "hasHabitat", "Ocean", "lives in ocean", "does not live in ocean"),
    (E + "hasSociality", "InHerds", "lives in herds", "does not live in herds"),
    (E + "hasSociality", "Solitary", "is solitary", "is not solitary"),
    (E + "canMoveeBy", "Swims", "moves by swimming", "does not move by swimming"),
    (E + "canMoveBy", "Tunnels", "moves by tunneling", "does not move by tunneling"),
    (E + "canMoveBy", "Flight", "moves by flight", "does not move by flight"),
    (E + "moves", "Fast", "moves fast", "does not move fast"),
    (E + "actRole", "Forager", "acts as a forager", "does not act as a forager"),
    (E + "looks", "Strong", "looks strong", "does not look strong"),
    (E + "is", "Big", "is big", "is not big"),
    (E + "hasProperty", "Wild", "is wild", "is not wild"),
    (E + "activeAt", "Dawn", "is active at dawn", "is not active at dawn"),
    (E + "capableOf", "RunFast", "can run fast", "cannot run fast"),
    (E + "desires", "Eat", "wants to eat", "does not want to eat"),
    (E + "receivesAction", "Ridden", "can be ridden", "cannot be ridden"),
    (E + "causesDesire", "Run", "makes one want to run", "does not make one want to run"),
    (E + "hasPrerequisite", "Saddle", "requires a saddle", "does not require a saddle"),
    (E + "motivatedByGoal", "Food", "is motivated by food", "is not motivated by food"),
    (E + "atLocation", "Zoo", "is found in zoo", "is not found in zoo"),
    (E + "partOf", "Herd", "is part of a herd", "is not part of a herd"),
    (E + "instanceOf", "Equine", "is an instance of equine", "is not an instance of equine"),
    (E + "relatedTo", "Horse", "is related to horse", "is not related to horse"),
    (E + "discoveredIn", "1981", "was discovered in 1981", "was not discovered in 1981"),
    (E + "hasWingspan", "12 cm", "has a wingspan of 12 cm", "does not have a wingspan of 12 cm"),
    (E + "mass", "10-12.5 kg", "has a mass of 10-12.5 kg", "does not have a mass of 10-12.5 kg"),
    (E + "weighs", "3 kg", "weighs 3 kg", "does not weigh 3 kg"),
    (E + "hasPattern", "Stripes", "has stripes as its pattern", "does not have stripes as its pattern"),
    (E + "hasSnout", "Trunk", "has a trunk as its snout", "does not have a trunk as its snout"),
    (E + "isFoundNear", "Water", "is found near water", "is not found near water"),
    (E + "usedFor", "Riding", "is used for riding", "is not used for riding"),
    (E + "madeOf", "Flesh", "is made of flesh", "is not made of flesh"),
    (E + "similar-to", "Horse", "is similar to horse", "is not similar to horse"),
    (E + "fliesAt", "Night", "flies at night", "does not fly at night"),
    (E + "buildsItsNestIn", "Trees", "builds its nest in trees", "does not build its nest in trees"),
    (E + "gait", "Trot", "has a trot as its gait", "does not have a trot as its gait"),
]


@pytest.mark.parametrize(("property", "filler", "positive", "negative"), EXAMPLES)
def test_each_row_of_the_table(property: str, filler: str, positive: str, negative: str) -> None:
    term = filler if "#" in filler or filler[0].isdigit() else E + filler
    assert verbalize(Fact(E + "Zebra", property, term), ZEBRA) == positive
    assert verbalize(Fact(E + "Zebra", property, term, "negative"), ZEBRA) == negative


def test_every_rule_is_the_first_to_match_some_example() -> None:
    aliases = {"canMoveeBy": "can move by", "subClassOf": "is a"}
    first = set()
    for property, filler, *_ in EXAMPLES:
        words = value_phrase(filler if "#" in filler or filler[0].isdigit() else E + filler, ZEBRA)
        name = next((name for end, name in aliases.items() if property.endswith(end)), ZEBRA.label(property))
        said = f"{name} | {words}"
        first.add(next(rule.pattern for rule in RULES if re.fullmatch(rule.pattern, said)))
    assert first == {rule.pattern for rule in RULES}


@given(st.text(), st.text(), st.sampled_from(["positive", "negative"]))
def test_verbalization_is_total(predicate: str, object: str, polarity: str) -> None:
    fact = Fact(E + "Zebra", predicate, object, polarity)  # type: ignore[arg-type]
    assert verbalize(fact, ZEBRA).strip()
    assert sentence(fact, ZEBRA).startswith(("every zebra ", "no zebra "))
    assert isinstance(aspect(predicate, ZEBRA), str)


def test_sentences_and_aspects() -> None:
    fact = Fact(E + "Zebra", E + "hasPattern", E + "Stripes")
    assert sentence(fact, ZEBRA) == "every zebra has stripes as its pattern"
    assert sentence(Fact(*fact.key[:3], "negative"), ZEBRA) == "no zebra has stripes as its pattern"
    assert aspect(E + "hasBodyColor", ZEBRA) == "body color"
    assert aspect(E + "hasPart", ZEBRA) == "part"
    assert aspect(E + "livesIn", ZEBRA) == "lives in"
    assert aspect(E + "canMoveeBy", ZEBRA) == "can move by"
    assert value_phrase(E + "RamHorns", ZEBRA) == "ram horns"


@pytest.fixture(scope="module")
def zoo() -> Ontology:
    return read_ontology(GOLDEN / "zoo.ttl").entail()


def test_verbalizations_are_as_recorded(zoo: Ontology) -> None:
    said = "".join(f"{sentence(f, zoo)}\n" for f in zoo.facts() if f.subject in zoo.leaves)
    assert said == (GOLDEN / "verbalizations.txt").read_text()
