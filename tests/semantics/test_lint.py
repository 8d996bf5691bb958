"""Lint: a toy for every check, laws on random ontologies, and what it finds in published data."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgzsl.errors import ConfigError, SplitError, UnknownTermError
from kgzsl.ontology import PROFILES, Ontology, OntologyReport, parse_ontology, read_ontology
from kgzsl.ontology.ontology import FactColumns
from kgzsl.ontology.vocabulary import OWL, RDFS
from kgzsl.semantics import class_attributes
from kgzsl.semantics.lint import CHECKS, SEVERITIES, Ceiling, LintReport, lint
from kgzsl.semantics.lint import case as case_module

ROOT = Path(__file__).resolve().parents[2]
E = "http://e/#"
PREFIXES = """@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
"""
PROPERTIES = {"hasPattern": "has pattern", "livesIn": "lives in", "eats": "eats", "hasPart": "has part"}


@dataclass
class Toy:
    """Four seen and two unseen classes of which there is nothing to find, to be spoiled."""

    facts: dict[str, list[str]] = field(
        default_factory=lambda: {
            "Ama": ["hasPattern Stripes", "livesIn Savanna", "eats Grass"],
            "Bela": ["hasPattern Stripes", "livesIn Forest", "eats Meat"],
            "Coro": ["hasPattern Spots", "livesIn Savanna", "eats Meat"],
            "Dumo": ["hasPattern Spots", "livesIn Forest", "eats Grass"],
            "Eki": ["hasPattern Stripes", "livesIn Savanna", "eats Meat"],
            "Fenu": ["hasPattern Spots", "livesIn Forest", "eats Meat"],
        }
    )
    seen: list[str] = field(default_factory=lambda: ["Ama", "Bela", "Coro", "Dumo"])
    unseen: list[str] = field(default_factory=lambda: ["Eki", "Fenu"])
    labels: dict[str, str | None] = field(default_factory=dict)
    more: str = ""
    split: bool = True
    numbers: bool = False

    def add(self, name: str, *facts: str, group: str = "seen") -> Toy:
        """A further class."""
        self.facts[name] = list(facts)
        getattr(self, group).append(name)
        return self

    def give(self, fact: str, *names: str) -> Toy:
        """A further fact of some classes; all if none is named."""
        for name in names or self.facts:
            self.facts[name].append(fact)
        return self

    def name(self, **labels: str | None) -> Toy:
        """Other labels; None takes one away."""
        self.labels.update(labels)
        return self

    def say(self, turtle: str) -> Toy:
        """Further axioms."""
        self.more += turtle
        return self

    def whole(self) -> Toy:
        """Without a split."""
        self.split = False
        return self

    def lines(self) -> list[str]:
        pairs = [fact.lstrip("-").split() for facts in self.facts.values() for fact in facts]
        names = {*self.facts, *(f for _, f in pairs), *PROPERTIES, *(p for p, _ in pairs)}
        labels = {n: PROPERTIES.get(n, n.lower()) for n in sorted(names)} | self.labels
        lines = [f":{p} a owl:ObjectProperty ." for p in sorted({*PROPERTIES, *(p for p, _ in pairs)})]
        lines += [f':{n} rdfs:label "{label}" .' for n, label in labels.items() if label]
        for name, facts in self.facts.items():
            lines.append(f":{name} a owl:Class .")
            for fact in facts:
                p, f = fact.lstrip("-").split()
                some = f"[ a owl:Restriction ; owl:onProperty :{p} ; owl:someValuesFrom :{f} ]"
                some = f"[ a owl:Class ; owl:complementOf {some} ]" if fact.startswith("-") else some
                lines.append(f":{name} rdfs:subClassOf {some} .")
        return lines

    def read(self) -> Ontology:
        return parse_ontology(PREFIXES + "\n".join(self.lines()) + self.more).entail()

    def lint(self) -> LintReport:
        groups = {"seen": [E + c for c in self.seen], "unseen": [E + c for c in self.unseen]} if self.split else {}
        return lint(self.read(), **groups, numbers=self.numbers)


def spoiled(pairs: str) -> str:
    return f" :X a owl:Class ; rdfs:label 'x' . :Y a owl:Class ; rdfs:label 'y' . {pairs}"


# For each code: how the toy is spoiled; the classes, labels or words that the finding must name; what else it implies.
TOYS: dict[str, tuple[Callable[[Toy], Toy], str, set[str]]] = {
    "ZSL101": (lambda t: t.add("Gilo", group="unseen"), "1 of 7 classes .*: gilo", set()),
    "ZSL102": (
        lambda t: t.add("Gilo", *(same := ["hasPattern Stripes", "livesIn Forest", "eats Grass"])).add("Halu", *same),
        "gilo, halu: .* at most 1 of these 2",
        set(),
    ),
    "ZSL103": (lambda t: t.give("hasPart Tail"), "all 6 classes have part: tail", set()),
    "ZSL104": (
        lambda t: t.say(
            ":Loner a owl:Class ; rdfs:subClassOf [ owl:onProperty :hasPart ; owl:someValuesFrom :Tail ] ."
            ":Tail rdfs:label 'tail' ."
        ),
        "none of the 6 classes has part: tail",
        set(),
    ),
    "ZSL105": (
        lambda t: replace(
            t.whole(),
            facts={"A": ["eats Grass"], "B": ["eats Meat"], "C": ["eats Grass", "eats Meat"]},
        ),
        "2 attributes tell 3 classes apart, 4 are the least",
        set(),
    ),
    "ZSL106": (lambda t: t.give("-eats Grass", "Ama"), "eats: grass, both stated and denied of ama", set()),
    "ZSL107": (
        lambda t: t.say(spoiled(":X owl:disjointWith :Y . :Ama rdfs:subClassOf :X , :Y .")),
        r"1 term \(ama\): below both x and y, which exclude each other",
        set(),
    ),
    "ZSL108": (
        lambda t: t.say(spoiled(":X rdfs:subClassOf :Y . :Y rdfs:subClassOf :X . :Ama rdfs:subClassOf :X .")),
        "x, y: each is below the others",
        set(),
    ),
    "ZSL109": (
        lambda t: t.add("Gilo", "eats Grass").say(":Gilo owl:equivalentClass :Ama ."),
        "ama, gilo are stated to be the same",
        {"ZSL102"},
    ),
    "ZSL201": (
        lambda t: t.add("Gilo", "hasPattern Stripes", "livesIn Savanna", "eats Grass", group="unseen"),
        r"ama, gilo: the same attributes; .* \(1 unseen\)",
        set(),
    ),
    "ZSL202": (lambda t: t.give("hasPart Tail", "Eki"), r"part: tail: no seen .* 1 unseen class has \(eki\)", set()),
    "ZSL203": (
        lambda t: t.give("hasPart Tail", *t.seen, "Fenu"),
        r"part: tail: every seen class has it, 1 unseen class has \(eki\) not",
        set(),
    ),
    "ZSL204": (
        lambda t: t.add("Gilo", "hasPattern Checks", group="unseen"),
        "1 of 3 unseen classes: gilo",
        {"ZSL202"},
    ),
    "ZSL205": (
        lambda t: t.give("hasPart Tail", "Eki").add("Gilo", *t.facts["Eki"][:3], "hasPart Horns", group="unseen"),
        "eki, gilo are alike in all that is learned: only part: horns, part: tail",
        {"ZSL202"},
    ),
    "ZSL206": (
        lambda t: t.give("hasPart Tail", "Ama", "Bela"),
        "the same 2 of 4 seen classes have all of part: tail, pattern: stripes; they come apart in eki",
        set(),
    ),
    "ZSL207": (
        lambda t: (
            t.add("Gilo", "hasPattern Stripes", "livesIn Forest", "eats Grass")
            .add("Halu", "hasPattern Spots", "livesIn Savanna", "eats Grass")
            .give("hasPart Horns", "Ama", "Bela", "Coro", "Halu", "Eki")
            .give("hasPart Tail", "Ama", "Bela", "Coro")
        ),
        r"part: horns: 3 of the 4 seen classes with it have part: tail too, no unseen .*eki",
        set(),
    ),
    "ZSL208": (lambda t: t.give("hasPart Tail", "Ama"), r"part: tail: 1 of 4 seen classes \(25.0 %\)", set()),
    "ZSL209": (
        lambda t: t.add("Gilo", "hasPattern Stripes", "livesIn Savanna", group="unseen"),
        "gilo: all of its 2 attributes hold for ama, eki",
        set(),
    ),
    "ZSL301": (lambda t: t.add("N0123", *t.facts["Ama"][:2], "eats Fruit").name(N0123=None).whole(), "N0123", set()),
    "ZSL302": (lambda t: t.name(Ama=None, Savanna=None), "2 terms: ama, savanna", set()),
    "ZSL303": (lambda t: t.name(Ama="Little_one", Bela="little one"), "is the label of Ama, Bela", {"ZSL304"}),
    "ZSL304": (lambda t: t.name(Ama="killer_whale,orca"), r'"killer_whale,orca" \(Ama\)', set()),
    "ZSL305": (lambda t: t.give("gait Trot", "Ama", "Bela").whole(), 'said as "has a trot as its gait"', set()),
    "ZSL402": (
        lambda t: t.say(":Zigzag a owl:Class ; rdfs:label 'zigzag' ; rdfs:subClassOf :Stripes ."),
        "1 term: zigzag",
        set(),
    ),
    "ZSL403": (
        lambda t: t.give("hasPatern Dots", "Ama").name(hasPatern="has patern").whole(),
        r"hasPatern \(1 use\) beside hasPattern \(6 uses\)",
        set(),
    ),
    "ZSL404": (
        lambda t: t.say(" :Ama rdfs:subClassOf [ a owl:Class ; owl:unionOf ( :Bela :Coro ) ] ."),
        "1 x unionOf",
        set(),
    ),
    "ZSL405": (lambda t: t.say(" :eats rdfs:range :Meat ."), "1 x range", set()),
    "ZSL406": (lambda t: t.say(" :ama1 a :Ama ; :eats :Grass ."), "1 of .* triples", set()),
    "ZSL407": (
        lambda t: t.say(' :span a owl:DatatypeProperty . :Ama :span "12 cm" , "small" . :Bela :span 3 .'),
        r"span: 2 numbers \(as 12 cm\)",
        set(),
    ),
    "ZSL408": (
        lambda t: replace(t, numbers=True).say(
            ' :span a owl:DatatypeProperty ; rdfs:label "span" . :Ama :span "12 cm" . :Bela :span 3 .'
        ),
        "span: without unit, m",
        set(),
    ),
}


def test_the_toy_is_clean() -> None:
    report = Toy().lint()
    assert report.findings == ()
    assert not report.failed(strict=True)
    assert [str(c) for c in report.ceilings] == ["6 of 6 (100.0 %)", "2 of 2 (100.0 %)", "2 of 2 (100.0 %)"]
    assert (report.classes, report.attributes, report.seen, report.unseen) == (6, 6, 4, 2)
    assert report.left_out == ()


@pytest.mark.parametrize("code", TOYS)
def test_each_check_finds_its_toy_and_nothing_else(code: str) -> None:
    spoil, expected, implied = TOYS[code]
    report = spoil(Toy()).lint()
    assert set(report.codes) == {code, *implied}
    check = next(c for c in CHECKS if c.code == code)
    for found in report.of(code):
        assert (found.severity, found.title, found.why, found.fix) == (
            check.severity,
            check.title,
            check.why,
            check.fix,
        )
    assert any(re.search(expected, f.message) for f in report.of(code)), [f.message for f in report.of(code)]
    assert report.failed() == any(f.severity == "error" for f in report.findings)
    assert report.failed(strict=True) == any(f.severity != "note" for f in report.findings)


KZSL = """@prefix : <http://e/#> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
:n1 rdfs:subClassOf :n3 ; rdfs:label "wolf" ; :hasColor :a1 . :n2 rdfs:subClassOf :n3 ; rdfs:label "fox, red_fox" ;
:hasColor :a2 . :n3 rdfs:label "dog" ; :hasTail :a3 . :a1 rdfs:label "gray" . :a2 rdfs:label "red" .
:a3 rdfs:label "tail" . :hasColor rdfs:label "has color" . :hasTail rdfs:label "has tail" ."""


def test_facts_of_a_category_that_its_kinds_do_not_inherit() -> None:
    report = lint(parse_ontology(KZSL, profile="kzsl").entail())
    (found,) = report.of("ZSL401")
    assert found.message == "dog: 1 fact that no class to recognize has"
    assert found.classes == (E + "n3",)
    assert [f.object for f in found.facts] == [E + "a3"]
    inheriting = replace(PROFILES["kzsl"], inherits=True)
    assert not lint(parse_ontology(KZSL, profile=inheriting).entail()).of("ZSL401")


def test_the_registry() -> None:
    codes = [check.code for check in CHECKS]
    assert codes == sorted(set(codes))
    assert {*TOYS, "ZSL401"} == set(codes)
    for check in CHECKS:
        assert re.fullmatch(r"ZSL[1-4]\d\d", check.code)
        assert check.split == check.code.startswith("ZSL2")
        assert check.severity in SEVERITIES
        assert check.why
        assert check.fix
        assert not any(text.endswith(".") for text in (check.title, check.why, check.fix))
        assert check.function.__doc__


def test_the_readme_lists_the_registry() -> None:
    rows = re.findall(r"^\| (ZSL\d+) \| (\w+) \| (.+?) \|$", (ROOT / "README.md").read_text(), flags=re.MULTILINE)
    assert rows == [(check.code, check.severity, check.title) for check in CHECKS]


def test_without_a_split_its_checks_are_left_out() -> None:
    report = Toy().give("hasPart Tail", "Eki").whole().lint()
    assert report.left_out == tuple(c.code for c in CHECKS if c.split)
    assert (report.seen, report.unseen) == (None, None)
    assert not [f for f in report.findings if f.code in report.left_out]
    assert [c.of for c in report.ceilings] == ["all"]


def test_the_rest_is_seen_where_only_the_unseen_are_named() -> None:
    toy = Toy().give("hasPart Tail", "Eki")
    unseen = [E + c for c in toy.unseen]
    assert lint(toy.read(), unseen=unseen).findings == toy.lint().findings
    assert lint(toy.read(), unseen=unseen).seen == 4


def test_an_ontology_without_attributes_has_but_one_problem() -> None:
    ontology = parse_ontology(PREFIXES + ":A a owl:Class ; rdfs:label 'a' . :B a owl:Class ; rdfs:label 'b' .")
    report = lint(ontology)
    assert report.codes == ("ZSL101",)
    assert report.ceilings == (Ceiling("all", 1, 2),)
    assert lint(ontology, unseen=[E + "B"]).codes == ("ZSL101",)


def test_contradictions_are_found_before_entailment_too() -> None:
    toy = Toy().give("-eats Grass", "Ama")
    assert lint(parse_ontology(PREFIXES + "\n".join(toy.lines()))).codes == ("ZSL106",)


def test_the_facts_behind_a_contradiction_are_named() -> None:
    (found,) = Toy().give("-eats Grass", "Ama").lint().of("ZSL106")
    assert {f.polarity for f in found.facts} == {"positive", "negative"}
    assert {f.subject for f in found.facts} == {E + "Ama"}


def test_what_nothing_can_be_is_told_together_by_its_reason() -> None:
    toy = (
        Toy()
        .whole()
        .say(
            spoiled(":X owl:disjointWith :Y . :Z a owl:Class ; rdfs:label 'z' ; rdfs:subClassOf :X , :Y .")
            + " :Ama rdfs:subClassOf :Z . :Bela rdfs:subClassOf :Z ."
            + " :Coro rdfs:subClassOf [ a owl:Restriction ; owl:onProperty :eats ; owl:someValuesFrom :Z ] ."
            + " :Dumo rdfs:subClassOf owl:Nothing ."
        )
    )
    found = toy.lint().of("ZSL107")
    assert sorted(f.message for f in found) == [
        "1 term (coro): has some z, and nothing can be one",
        "1 term (dumo): stated to be below what nothing can be (asserted)",
        "3 terms (ama, bela, z): below both x and y, which exclude each other",
    ]
    assert {c for f in found for c in (*f.classes, *f.terms)} == set(toy.read().report.unsatisfiable)
    assert all(f.facts for f in found)


def test_kg_awa_under_owl_is_told_in_a_few_lines(shared_data: Path) -> None:
    ontology = read_ontology(shared_data / "kzsl" / "AwA" / "KG-AwA.ttl", profile="owl").entail()
    found = lint(ontology).of("ZSL107")
    assert len(found) == 5
    told = [term for f in found for term in (*f.classes, *f.terms)]
    assert sorted(told) == list(ontology.report.unsatisfiable)
    assert len(told) == 128


def test_a_stated_absence_tells_a_class_from_what_has_all_it_has() -> None:
    toy = Toy().add("Gilo", "hasPattern Stripes", "livesIn Savanna", "-eats Grass", "-eats Meat", group="unseen")
    assert toy.lint().findings == ()


@pytest.mark.parametrize(
    ("one", "other"),
    [("hasColor", "hasColour"), ("hasColor", "has_color"), ("hasColor", "hasColr"), ("bodyPart", "bodypart")],
)
def test_twins_of_a_property(one: str, other: str) -> None:
    toy = Toy().give(f"{one} Red", "Ama", "Bela").give(f"{other} Blue", "Coro").whole()
    found = toy.lint().of("ZSL403")
    assert [f.terms for f in found] == [(E + other, E + one)]
    related = toy.say(f" :{other} rdfs:subPropertyOf :{one} .").lint()
    assert not related.of("ZSL403")


def test_what_cannot_be_examined() -> None:
    ontology = Toy().read()
    with pytest.raises(UnknownTermError, match="Unicorn"):
        lint(ontology, [E + "Unicorn"])
    with pytest.raises(UnknownTermError, match="Unicorn"):
        lint(ontology, unseen=[E + "Unicorn"])
    with pytest.raises(SplitError, match="both seen and unseen"):
        lint(ontology, seen=[E + "Ama"], unseen=[E + "Ama"])
    with pytest.raises(SplitError, match="no unseen class"):
        lint(ontology, seen=[E + "Ama"])
    with pytest.raises(ConfigError, match="flat"):
        lint(ontology, world="flat")  # type: ignore[arg-type]


# ---- laws on random ontologies -------------------------------------------------------

_names = st.sampled_from(["Ama", "Bela", "Coro", "Dumo", "Eki", "Fenu"])
_statement = st.tuples(
    _names, st.sampled_from(["", "", "-"]), st.sampled_from(list(PROPERTIES)), st.sampled_from("STUV")
)
statements = st.lists(_statement, min_size=1, max_size=24)


def random_toy(statements: list[tuple[str, str, str, str]]) -> Toy:
    toy = Toy()
    for facts in toy.facts.values():
        facts.clear()
    for name, sign, property, filler in statements:
        toy.give(f"{sign}{property} {filler}", name)
    return toy


def essence(report: LintReport, back: Callable[[str], str] = str) -> Counter[tuple]:
    """What the findings are about, under other names."""
    return Counter(
        (
            f.code,
            frozenset(map(back, f.classes)),
            frozenset((back(a.property), back(a.filler)) for a in f.attributes),
            frozenset((back(x.subject), back(x.predicate), back(x.object), x.polarity) for x in f.facts),
            frozenset(map(back, f.terms)),
        )
        for f in report.findings
    )


@settings(max_examples=40, deadline=None)
@given(statements, st.randoms(use_true_random=False))
def test_order_changes_nothing(statements: list[tuple[str, str, str, str]], dice: random.Random) -> None:
    toy = random_toy(statements)
    lines = toy.lines()
    shuffled = parse_ontology(PREFIXES + "\n".join(dice.sample(lines, len(lines)))).entail()
    groups = {"seen": [E + c for c in toy.seen], "unseen": [E + c for c in toy.unseen]}
    assert lint(shuffled, **groups) == toy.lint()


@settings(max_examples=40, deadline=None)
@given(statements, st.permutations(["Ama", "Bela", "Coro", "Dumo", "Eki", "Fenu", *"STUV"]))
def test_names_change_nothing_but_names(statements: list[tuple[str, str, str, str]], order: list[str]) -> None:
    toy = random_toy(statements)
    new = {f"{E}{name}": f"http://elsewhere/zoo#Term{'abcdefghij'[k]}" for k, name in enumerate(order)}
    # Properties move to another namespace; what their names are like is another check's.
    new |= {E + p: f"http://elsewhere/zoo#{p}" for p in PROPERTIES}
    text = "\n".join(toy.lines())
    for old, name in new.items():
        text = re.sub(rf":{old.removeprefix(E)}\b", f"<{name}>", text)
    groups = {"seen": [new[E + c] for c in toy.seen], "unseen": [new[E + c] for c in toy.unseen]}
    report = lint(parse_ontology(PREFIXES + text).entail(), **groups)
    old_of = {name: old for old, name in new.items()}
    assert essence(report, lambda iri: old_of.get(iri, iri)) == essence(toy.lint())
    assert [c.value for c in report.ceilings] == [c.value for c in toy.lint().ceilings]


@settings(max_examples=60, deadline=None)
@given(statements, st.sampled_from(["open", "pca", "closed"]))
def test_groups_and_ceilings_are_those_of_the_matrix(statements: list[tuple[str, str, str, str]], world: str) -> None:
    toy = random_toy([*statements, ("Ama", "", "eats", "S")])
    ontology = toy.read()
    groups = {"seen": [E + c for c in toy.seen], "unseen": [E + c for c in toy.unseen]}
    report = lint(ontology, **groups, world=world)  # type: ignore[arg-type]
    matrix = class_attributes(ontology, sorted(E + c for c in toy.facts), world=world)  # type: ignore[arg-type]
    cells = [tuple(row) for row in np.hstack([matrix.value, matrix.known]).tolist()]
    alike = {frozenset(c for c, row in zip(matrix.classes, cells, strict=True) if row == one) for one in cells}
    bare = {c for f in report.of("ZSL101") for c in f.classes}
    found = {frozenset(f.classes) for code in ("ZSL102", "ZSL201") for f in report.of(code)}
    assert found == {group for group in alike if len(group) > 1 and not group <= bare}
    assert report.ceilings[0] == Ceiling("all", len(alike), 6)
    unseen = [row for c, row in zip(matrix.classes, cells, strict=True) if c in groups["unseen"]]
    assert report.ceilings[1] == Ceiling("unseen", len(set(unseen)), 2)
    assert report.ceilings[2].distinct <= report.ceilings[1].distinct
    assert {f.classes for f in report.of("ZSL209")} == set(contained_one_by_one(ontology, matrix, groups["unseen"]))


def contained_one_by_one(ontology: Ontology, matrix: object, unseen: list[str]) -> list[tuple[str, ...]]:
    """What ZSL209 must find, pair by pair."""
    value, known, assumed = matrix.value, matrix.known, matrix.assumed  # type: ignore[attr-defined]
    classes = matrix.classes  # type: ignore[attr-defined]
    found = []
    for c in unseen:
        row = classes.index(c)
        has = set(np.flatnonzero(value[row] > 0))
        lacks = set(np.flatnonzero(known[row] & ~assumed[row] & (value[row] < 1)))
        larger = [
            other
            for k, other in enumerate(classes)
            if has and has < set(np.flatnonzero(value[k] > 0)) and not lacks & set(np.flatnonzero(value[k] > 0))
        ]
        if larger:
            found.append((c, *larger))
    return found


@settings(max_examples=20, deadline=None)
@given(statements)
def test_blocks_of_rows_change_nothing(statements: list[tuple[str, str, str, str]]) -> None:
    toy = random_toy(statements)
    whole = toy.lint()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(case_module, "BLOCK", 1)
        assert toy.lint() == whole


# ---- size ----------------------------------------------------------------------------


def large(classes: int, attributes: int, facts: int) -> Ontology:
    """An ontology of random facts, put together without a parser."""
    dice = np.random.default_rng(0)
    names = [f"{E}C{k:05}" for k in range(classes)]
    fillers = [f"{E}v{k:03}" for k in range(attributes)]
    properties = [f"{E}has{chr(97 + k) * 6}" for k in range(20)]
    terms = sorted([*names, *fillers, *properties, RDFS.subClassOf, OWL.Thing])
    index = {t: k for k, t in enumerate(terms)}
    said = {}
    for name, row in zip(names, dice.integers(attributes, size=(classes, facts)).tolist(), strict=True):
        for a in row:
            said[index[name], index[properties[a % 20]], index[fillers[a]], False] = 0
    return Ontology(
        terms=tuple(terms),
        columns=FactColumns.of(said),
        classes=tuple(sorted(names)),
        attributes=tuple(sorted(fillers)),
        properties=tuple(sorted(properties)),
        labels={t: (t[-6:],) for t in terms},
        profile=PROFILES["owl"],
        report=OntologyReport(files=("large",)),
        regime="el",
    )


@pytest.mark.slow
def test_fifty_thousand_classes_are_looked_through() -> None:
    """With every pair compared it would not end."""
    ontology = large(50_000, 300, 12)
    report = lint(ontology, seen=ontology.classes[::2], unseen=ontology.classes[1::2])
    assert report.classes == 50_000


# ---- real data -----------------------------------------------------------------------


def test_creatures_have_no_errors_and_their_confounders_are_found() -> None:
    ontology = read_ontology(ROOT / "ontologies" / "creatures.ttl").entail()
    split = json.loads((ROOT / "ontologies" / "creatures_split.json").read_text())
    groups = {name: [ontology.resolve(c) for c in split[name]] for name in ("seen", "unseen")}
    report = lint(ontology, **groups)
    assert report.count("error") == 0
    # All warnings are of pairs that were confounded on purpose; a creature of the dune sea is one of a dry place.
    assert {f.code for f in report.findings if f.severity == "warning"} == {"ZSL207"}
    pairs = {tuple(ontology.label(a.filler) for a in f.attributes) for f in report.of("ZSL207")}
    assert pairs == {
        ("lemon", "dune sea"),
        ("lemon", "dry place"),
        ("violet", "star plain"),
        ("spots", "lop ears"),
    }
    assert {c.value for c in report.ceilings} == {1.0}
    assert lint(ontology).count("warning") == 0


def published(folder: Path, name: str) -> tuple[Ontology, dict[str, list[str]]]:
    """A K-ZSL graph and its split."""
    ontology = read_ontology(folder / f"KG-{name}.ttl", profile="kzsl").entail()
    space = ontology.classes[0].rpartition("#")[0]
    groups = json.loads((folder / "class.json").read_text())
    return ontology, {part: [f"{space}#{identifier}" for identifier in groups[part]] for part in ("seen", "unseen")}


def test_kg_imnet_a_has_72_descriptions_for_80_classes(shared_data: Path) -> None:
    ontology, groups = published(shared_data / "kzsl" / "ImNet-A", "ImNet-A")
    for world in ("open", "pca", "closed"):
        report = lint(ontology, **groups, world=world)  # type: ignore[arg-type]
        assert [str(c) for c in report.ceilings] == ["72 of 80 (90.0 %)", "49 of 52 (94.2 %)", "47 of 52 (90.4 %)"]
    assert report.failed()
    alike = [{ontology.label(c) for c in f.classes} for f in report.of("ZSL201")]
    assert {"hammerhead", "smalleye hammerhead", "smooth hammerhead"} in alike
    assert {"king snake", "milk snake"} in alike
    assert len(alike) == 6
    assert not report.of("ZSL102")
    unlearned = [{ontology.label(c) for c in f.classes} for f in report.of("ZSL205")]
    assert {"shark", "shovelhead"} in unlearned


def test_kg_awa_tells_its_classes_apart(shared_data: Path) -> None:
    ontology, groups = published(shared_data / "kzsl" / "AwA", "AwA")
    report = lint(ontology, **groups)
    assert report.count("error") == 0
    assert {c.value for c in report.ceilings} == {1.0}
    (flies,) = report.of("ZSL202")
    assert [ontology.label(c) for c in flies.classes] == ["bat"]
    assert report.of("ZSL406")[0].message == "10,546 of 14,112 triples"
    assert not report.of("ZSL108")


def test_kg_awa_has_a_cycle_in_what_it_takes_from_conceptnet(shared_data: Path) -> None:
    everything = replace(PROFILES["kzsl"], scope="all")
    ontology = read_ontology(shared_data / "kzsl" / "AwA" / "KG-AwA.ttl", profile=everything).entail()
    cycles = [{t.rpartition("#")[2] for t in (*f.classes, *f.terms)} for f in lint(ontology).of("ZSL108")]
    assert cycles == [{"leopard", "panther"}, {"meat", "muscle"}]
