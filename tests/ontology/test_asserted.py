"""What an ontology asserts: kept as always the same bytes, read back, and compared in words."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgzsl.ontology import Ontology, parse_ontology, read_ontology
from kgzsl.ontology.asserted import Asserted, asserted_by, changes

ZOO = Path(__file__).resolve().parents[1] / "golden" / "zoo.ttl"
LINE = st.lists(st.text(), min_size=4, max_size=5).map(tuple)


@pytest.fixture(scope="module")
def zoo() -> Ontology:
    return read_ontology(ZOO)


def test_it_is_what_the_digest_is_over(zoo: Ontology) -> None:
    kept = asserted_by(zoo)
    assert kept.digest == zoo.digest == zoo.entail().digest == asserted_by(zoo.entail()).digest
    assert len(kept.facts) == len([row for row in range(len(zoo.columns)) if zoo.columns.source[row] >= 0])
    # The digest of runs that were trained before this was kept.
    assert zoo.digest == "e483d2f33c993e58658121c1121d57493fb215d1b39d60cde5c8f4b59b0596a1"


@given(st.lists(LINE), st.lists(st.text()), st.lists(LINE))
def test_whatever_is_kept_comes_back(facts: list[tuple[str, ...]], classes: list[str], names: list) -> None:
    kept = Asserted(classes=tuple(classes), facts=tuple(facts), names=tuple(names))
    content = kept.to_bytes()
    assert Asserted.from_bytes(content) == kept
    assert content == kept.to_bytes()
    assert content[4:8] == bytes(4)  # no time in it
    assert changes(kept, Asserted.from_bytes(content)) == ()


def test_damaged_bytes_are_refused(zoo: Ontology) -> None:
    whole = asserted_by(zoo).to_bytes()
    for damaged in (whole[:-9], whole[:200], b"text", gzip.compress(b"[]\n"), gzip.compress(b'["facts"')):
        with pytest.raises(ValueError):  # noqa: PT011 - what is wrong is told by several
            Asserted.from_bytes(damaged)


def test_changes_are_told_in_the_words_of_each_version() -> None:
    head = "@prefix : <http://e/#> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . "
    head += "@prefix owl: <http://www.w3.org/2002/07/owl#> . :hasPart a owl:ObjectProperty . "
    one = (
        head
        + ':Zebra a owl:Class ; rdfs:label "zebra" ; :hasPart :Mane ; rdfs:subClassOf :Horse . :Horse a owl:Class .'
    )
    other = head + ':Zebra a owl:Class ; rdfs:label "quagga" ; :hasPart :Tail . :Horse a owl:Class .'
    told = changes(*(asserted_by(parse_ontology(text)) for text in (one, other)))
    assert told == (
        "2 facts are gone (zebra has part mane; zebra is a kind of horse)",
        "1 fact is new (quagga has part tail)",
        "1 name has changed (zebra is now quagga)",
    )


def test_degrees_polarity_and_attributes() -> None:
    fact = ("ex:a", "ex:p", "ex:b")
    before = Asserted(facts=((*fact, "positive", "0.5"),))
    assert changes(before, Asserted(facts=((*fact, "negative"),))) == (
        "1 fact is gone (a p b to 0.5)",
        "1 fact is new (a not p b)",
    )
    grown = replace(before, attributes=("ex:c",))
    assert changes(before, grown) == ("1 attribute is new (c)",)
    # Attributes go with the facts.
    assert changes(before, replace(grown, facts=())) == ("1 fact is gone (a p b to 0.5)",)
