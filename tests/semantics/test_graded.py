"""Numbers and degrees in the class attributes: whose number counts, its rank, its facts, and its words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgzsl.errors import NoFactsError
from kgzsl.ontology import Ontology, parse_ontology
from kgzsl.semantics import Attribute, attribute_phrases, class_attributes, class_prompt, template, verbalize
from kgzsl.semantics.export import csv_rows
from kgzsl.semantics.graded import LeftOut, ranks
from kgzsl.semantics.lint import lint

E = "http://e/#"
SPAN = Attribute(E + "wingspan", "number of m")
PREFIXES = """@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
:wingspan a owl:DatatypeProperty . :mass a owl:DatatypeProperty . :eats a owl:ObjectProperty .
"""


def value(number: str, property: str = "wingspan") -> str:
    return f"[ a owl:Restriction ; owl:onProperty :{property} ; owl:hasValue {number} ]"


def some(filler: str) -> str:
    return f"[ a owl:Restriction ; owl:onProperty :eats ; owl:someValuesFrom :{filler} ]"


def read(text: str) -> Ontology:
    return parse_ontology(PREFIXES + text).entail()


BIRDS = f"""
:Bird a owl:Class ; rdfs:subClassOf {value('"20 cm"')} , {some("Seeds")} .
:Wren a owl:Class ; rdfs:subClassOf :Bird .
:Swan a owl:Class ; rdfs:subClassOf :Bird , {value('"2.3 m"')} .
:Mute a owl:Class ; rdfs:subClassOf :Swan .
:Gull a owl:Class ; rdfs:subClassOf :Bird , {value('"90-110 cm"')} , {value('"1.2 m"')} .
:Emu a owl:Class ; rdfs:subClassOf {some("Seeds")} , {value('"none"')} .
"""
ONTOLOGY = read(BIRDS)


@pytest.fixture(scope="module")
def matrix():  # type: ignore[no-untyped-def]
    return class_attributes(ONTOLOGY, ONTOLOGY.classes, numbers=True)


def test_numbers_are_off_by_default() -> None:
    plain = class_attributes(ONTOLOGY, ONTOLOGY.classes)
    assert plain.attributes == (Attribute(E + "eats", E + "Seeds"),)
    assert (plain.literals, plain.left_out) == (len([f for f in ONTOLOGY.facts() if f.predicate == SPAN.property]), ())


def test_the_most_specific_number_counts_and_several_are_averaged(matrix) -> None:  # type: ignore[no-untyped-def]
    number = {iri.removeprefix(E): n for iri, n in matrix.numbers.number[SPAN.property, SPAN.filler].items()}
    assert number == {"Bird": 0.2, "Wren": 0.2, "Swan": 2.3, "Mute": 2.3, "Gull": 1.1}
    column = matrix.attributes.index(SPAN)
    assert dict(zip([c.removeprefix(E) for c in matrix.classes], matrix.value[:, column].tolist(), strict=True)) == {
        **{"Bird": 0.0, "Wren": 0.0, "Gull": 0.5, "Swan": 1.0, "Mute": 1.0},
        "Emu": 0.0,
    }


@pytest.mark.parametrize("world", ["open", "pca", "closed"])
def test_a_number_is_never_assumed(world) -> None:  # type: ignore[no-untyped-def]
    matrix = class_attributes(ONTOLOGY, [E + "Emu", E + "Wren"], world=world, numbers=True)
    column = matrix.attributes.index(SPAN)
    assert matrix.known[:, column].tolist() == [False, True]
    assert not matrix.assumed[:, column].any()
    assert matrix.sources(E + "Emu", SPAN) == ()


def test_a_value_does_not_depend_on_the_classes_asked_for(matrix) -> None:  # type: ignore[no-untyped-def]
    part = class_attributes(ONTOLOGY, [E + "Gull", E + "Wren"], numbers=True)
    assert part.digest == matrix.subset(part.classes).digest


def test_sources_are_what_the_mean_is_of(matrix) -> None:  # type: ignore[no-untyped-def]
    assert [f.object for f in matrix.sources(E + "Gull", SPAN)] == ["1.2 m", "90-110 cm"]
    (inherited,) = matrix.sources(E + "Mute", SPAN)
    assert (inherited.object, inherited.status) == ("2.3 m", "entailed")
    assert matrix.conflicts == ()  # a rank of 0.5 is no conflict


def test_the_words_of_numbers(matrix) -> None:  # type: ignore[no-untyped-def]
    assert attribute_phrases(matrix, ONTOLOGY) == ("eats : seeds", "wingspan : large")
    prompts = {iri.removeprefix(E): class_prompt(iri, matrix, ONTOLOGY) for iri in matrix.classes}
    assert {name: prompt.text for name, prompt in prompts.items()} == {
        "Bird": "eats : seeds | wingspan : 20 cm.",
        "Wren": "eats : seeds | wingspan : 20 cm.",
        "Swan": "eats : seeds | wingspan : 2.3 m.",
        "Mute": "eats : seeds | wingspan : 2.3 m.",
        "Gull": "eats : seeds | wingspan : 1.1 m.",
        "Emu": "eats : seeds | wingspan : .",
    }
    assert template(matrix, ONTOLOGY).text == "eats :  | wingspan : ."
    span = prompts["Swan"].spans[-1]
    assert prompts["Swan"].text[span.start : span.end] == span.fact.object == "2.3 m"
    assert class_prompt(E + "Swan", matrix, ONTOLOGY, drop={SPAN}).text == "eats : seeds | wingspan : ."
    assert verbalize(span.fact, ONTOLOGY) == "has a wingspan of 2.3 m"
    rows = csv_rows(matrix)
    assert rows[1][-1] == rows[3][-1] == "number of m"


def test_units_that_do_not_convert_are_columns_of_their_own() -> None:
    ontology = read(f"""{BIRDS} :Kite a owl:Class ; rdfs:subClassOf {value("12")} , {value('"a lot"')} ,
        [ owl:complementOf {value('"4 cm"')} ] .""")
    matrix = class_attributes(ontology, ontology.classes, numbers=True)
    assert [a.unit for a in matrix.attributes if a.property == SPAN.property] == ["", "m"]
    assert matrix.incomparable == {SPAN.property: ("", "m")}
    assert matrix.left_out == (
        LeftOut(SPAN.property, "denied", 1, "4 cm"),
        LeftOut(SPAN.property, "no number", 2, "a lot"),
    )
    assert matrix.literals == 3
    assert lint(ontology, numbers=True).codes.count("ZSL408") == 1


def test_a_more_general_property_with_the_same_numbers_is_no_column() -> None:
    general = ":wingspan rdfs:subPropertyOf :size . :size a owl:DatatypeProperty ."
    matrix = class_attributes(read(BIRDS + general), [E + "Swan"], numbers=True)
    assert Attribute(E + "size", "number of m") not in matrix.attributes
    sizes = f"{value('1.9', 'size')} , " + value('"1.9 m"', "size")
    more = read(f"{BIRDS} {general} :Emu rdfs:subClassOf {sizes} .")
    matrix = class_attributes(more, [E + "Swan"], numbers=True)
    assert [a.unit for a in matrix.attributes if a.property == E + "size"] == ["", "m"]


def test_numbers_alone_describe() -> None:
    ontology = read(f":A a owl:Class ; rdfs:subClassOf {value('7')} . :B a owl:Class .")
    with pytest.raises(NoFactsError, match=r"semantics\.numbers"):
        class_attributes(ontology, ontology.classes)
    matrix = class_attributes(ontology, ontology.classes, numbers=True)
    assert matrix.value.tolist() == [[0.5], [0.0]]
    assert matrix.known.tolist() == [[True], [False]]


def test_plain_triples_and_ancestors_of_equal_right() -> None:
    ontology = read("""
        :P a owl:Class ; :mass "2 kg" . :Q a owl:Class ; :mass "4000 g" . :R a owl:Class ; :mass 9 .
        :C a owl:Class ; rdfs:subClassOf :P , :Q . :D a owl:Class ; owl:equivalentClass :P .""")
    matrix = class_attributes(ontology, ontology.classes, numbers=True)
    number = matrix.numbers.number[E + "mass", "number of kg"]
    assert number == {E + "P": 2, E + "Q": 4, E + "C": 3, E + "D": 2}


def test_a_number_overrules_those_above_it_on_every_path() -> None:
    ontology = read("""
        :A a owl:Class ; :mass 10 . :P a owl:Class ; rdfs:subClassOf :A .
        :Q a owl:Class ; rdfs:subClassOf :A ; :mass 12 .
        :C a owl:Class ; rdfs:subClassOf :P , :Q . :D a owl:Class ; rdfs:subClassOf :C ; :mass 10 .
        :E a owl:Class ; rdfs:subClassOf :D .""")
    number = class_attributes(ontology, ontology.classes, numbers=True).numbers.number[E + "mass", "number"]
    assert {iri.removeprefix(E): n for iri, n in number.items()} == {
        "A": 10,
        "P": 10,
        "Q": 12,
        "C": 12,
        "D": 10,
        "E": 10,
    }


def test_lint_sees_numbers() -> None:
    assert "ZSL407" in lint(ONTOLOGY).codes
    one, other = lint(ONTOLOGY), lint(ONTOLOGY, numbers=True)
    assert (one.ceilings[0].distinct, other.ceilings[0].distinct) == (1, 4)
    assert "ZSL407" not in other.codes
    split = {"seen": [E + "Wren", E + "Gull", E + "Emu"], "unseen": [E + "Mute"]}
    assert "ZSL204" in lint(ONTOLOGY, **split).codes
    report = lint(ONTOLOGY, **split, numbers=True)
    assert not {"ZSL201", "ZSL204", "ZSL209"} & set(report.codes)
    assert [str(c) for c in report.ceilings] == ["4 of 4 (100.0 %)", "1 of 1 (100.0 %)", "1 of 1 (100.0 %)"]


def test_degrees_are_values() -> None:
    ontology = read("""
        :C a owl:Class ; :eats :F {| :strength 0.7 |} . :D a owl:Class ; rdfs:subClassOf :C ; :eats :G .
        :E a owl:Class ; :eats :F . :F a owl:NamedIndividual . :G a owl:NamedIndividual .
        :H a owl:Class ; :eats :G {| :strength 0.3 |} .""")
    matrix = class_attributes(ontology, [E + name for name in "CDEH"])
    np.testing.assert_allclose(matrix.value, [[0.7, 0], [0.7, 1], [1, 0], [0, 0.3]], atol=1e-6)
    assert matrix.known.all()
    prompts = [class_prompt(iri, matrix, ontology).text for iri in matrix.classes]
    assert prompts == ["eats : f.", "eats : f,g.", "eats : f.", "eats : ."]
    assert lint(ontology).ceilings[0].distinct == lint(ontology).classes


def test_degrees_of_absences() -> None:
    ontology = read("""
        :C a owl:Class . :D a owl:Class ; :eats :F {| :strength 0.5 |} . :F a owl:NamedIndividual .
        [] a owl:NegativePropertyAssertion ; owl:sourceIndividual :C ; owl:assertionProperty :eats ;
            owl:targetIndividual :F .""")
    columns = ontology.columns
    weak = columns.strength.copy()
    weak[columns.negative] = 0.3
    ontology = replace(ontology, columns=replace(columns, strength=weak))
    matrix = class_attributes(ontology, [E + "C", E + "D"])
    np.testing.assert_allclose(matrix.value[:, 0], [0.7, 0.5], atol=1e-6)
    assert matrix.conflicts == ()
    assert class_prompt(E + "C", matrix, ontology).text == "eats : ."
    both = read(":C a owl:Class ; :eats :F {| :strength 0.9 |} . :F a owl:NamedIndividual . "
        "[] a owl:NegativePropertyAssertion ; owl:sourceIndividual :C ; owl:assertionProperty :eats ; "
        "owl:targetIndividual :F .")  # fmt: skip
    matrix = class_attributes(both, [E + "C"])
    assert matrix.value.tolist() == [[0.5]]
    assert len(matrix.conflicts) == 1


@given(st.dictionaries(st.text(max_size=3), st.floats(-1e6, 1e6), min_size=1))
def test_ranks_keep_the_order(number: dict[str, float]) -> None:
    place = ranks(number)
    assert place.keys() == number.keys()
    assert all(0 <= p <= 1 for p in place.values())
    for a in number:
        for b in number:
            assert (place[a] < place[b]) == (number[a] < number[b])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 999), min_size=2, max_size=6), st.sampled_from([("mm", "0.001 m"), ("g", "0.001 kg")]))
def test_units_change_nothing(numbers: list[int], units: tuple[str, str]) -> None:
    def values(factor: float, unit: str) -> list:
        facts = (f':C{k} a owl:Class ; :mass "{n * factor:.9g} {unit}" .' for k, n in enumerate(numbers))
        ontology = read("".join(facts))
        return class_attributes(ontology, ontology.classes, numbers=True).value.tolist()

    factor, unit = units[1].split()
    assert values(1, units[0]) == values(float(factor), unit)
