"""Prompts: their text, and that every span leads back to its fact."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgzsl.errors import UnknownTermError
from kgzsl.ontology import parse_ontology, read_ontology
from kgzsl.semantics import Attribute, attribute_phrases, class_attributes, class_prompt, template, value_phrase

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
Z = "http://zoo.example/#"
ZOO = read_ontology(GOLDEN / "zoo.ttl").entail()
MATRIX = class_attributes(ZOO, ZOO.leaves)


def test_prompts_are_as_recorded() -> None:
    lines = [template(MATRIX, ZOO).text, *(class_prompt(c, MATRIX, ZOO).text for c in MATRIX.classes)]
    lines += attribute_phrases(MATRIX, ZOO)
    assert "".join(f"{line}\n" for line in lines) == (GOLDEN / "prompts.txt").read_text()


def test_the_form_of_a_prompt() -> None:
    text = class_prompt(Z + "Zebra", MATRIX, ZOO).text
    assert text == (
        "body color : color,white | diet :  | horns :  | part : hooves | pattern : stripes | lives in : savanna."
    )
    assert template(MATRIX, ZOO).spans == ()


def test_dropping_an_attribute_takes_its_value_and_its_span() -> None:
    stripes = Attribute(Z + "hasPattern", Z + "Stripes")
    whole, less = (class_prompt(Z + "Zebra", MATRIX, ZOO, drop=d) for d in (frozenset(), frozenset({stripes})))
    assert "pattern :  |" in less.text
    assert {s.attribute for s in whole.spans} - {s.attribute for s in less.spans} == {stripes}


def test_only_rows_have_prompts() -> None:
    with pytest.raises(UnknownTermError):
        class_prompt(Z + "Animal", MATRIX, ZOO)


_fact = st.tuples(st.sampled_from("ABC"), st.sampled_from(["hasPart", "eats", "livesIn"]), st.sampled_from("STUV"))


@settings(max_examples=50, deadline=None)
@given(st.lists(_fact, min_size=1, max_size=12))
def test_spans_slice_back_to_their_facts(facts: list[tuple[str, str, str]]) -> None:
    lines = ["@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> ."]
    lines += [f":{c} a owl:Class ." for c in "ABC"]
    lines += [f":{p} a owl:ObjectProperty ." for p in ("hasPart", "eats", "livesIn")]
    ontology = parse_ontology("\n".join([*lines, *(f":{c} :{p} :{f} ." for c, p, f in facts)])).entail()
    matrix = class_attributes(ontology, ontology.classes)
    for row, iri in enumerate(matrix.classes):
        prompt = class_prompt(iri, matrix, ontology)
        assert len(prompt.spans) == matrix.value[row].sum()
        for span in prompt.spans:
            assert prompt.text[span.start : span.end] == value_phrase(span.fact.object, ontology)
            assert (span.fact.predicate, span.fact.object) == (span.attribute.property, span.attribute.filler)
            assert span.fact in ontology.facts(iri)
        assert [s.start for s in prompt.spans] == sorted(s.start for s in prompt.spans)
