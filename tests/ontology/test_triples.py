"""The table of triples: columns, named graphs, and statements that are quoted and not asserted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kgzsl.ontology import parse_ontology
from kgzsl.ontology.reading.triples import Triples

PREFIX = "@prefix : <http://e/#> . "


def parsed(text: str, format: str = "Turtle") -> Triples:
    triples = Triples()
    triples.parse(text.encode(), format, Path("text"))
    return triples


def said(triples: Triples) -> list[tuple[str, ...]]:
    return [tuple(triples.terms[t].rpartition("#")[2] for t in (s, p, o)) for s, p, o, _ in triples]


@pytest.mark.parametrize(
    ("text", "asserted"),
    [
        ("<< :s :p :o >> :strength 0.7 .", False),
        (":s :p :o {| :strength 0.7 |} .", True),
        (":s :p :o ~ :r {| :strength 0.7 |} .", True),
        (":r <http://www.w3.org/1999/02/22-rdf-syntax-ns#reifies> <<( :s :p :o )>> ; :strength 0.7 .", False),
    ],
)
def test_what_stands_for_a_quoted_triple_is_kept(text: str, asserted: bool) -> None:
    triples = parsed(PREFIX + text)
    ((reifier, quoted),) = triples.reifiers.items()
    assert [triples.terms[t] for t in quoted] == [f"http://e/#{name}" for name in "spo"]
    assert triples.quoted == 1
    assert (("s", "p", "o") in said(triples)) == asserted
    strength = triples.find("http://e/#strength")
    ((subject, value),) = [(s, o) for s, p, o, _ in triples if p == strength]
    assert subject == reifier
    assert triples.terms[value] == '"0.7"^^http://www.w3.org/2001/XMLSchema#decimal'


def test_nested_and_other_quotes_are_only_counted() -> None:
    triples = parsed(PREFIX + ":x :says <<( :a :b <<( :c :d :e )>> )>> , <<( :f :g :h )>> .")
    assert (len(triples), triples.quoted, triples.reifiers) == (0, 2, {})
    report = parse_ontology(
        f"{PREFIX} :A a <http://www.w3.org/2002/07/owl#Class> . :A :p :B {{| :strength 0.7 |}} ."
    ).report
    assert (report.not_understood["quoted triple"], report.triples) == (1, 4)


def test_named_graphs_are_joined_and_formulas_are_not_asserted() -> None:
    assert said(parsed(PREFIX + ":g { :a :b :c } :a :b :d .", "TriG")) == [("a", "b", "c"), ("a", "b", "d")]
    quads = parsed("<http://e/#a> <http://e/#b> <http://e/#c> <http://e/#g> .", "N-Quads")
    assert said(quads) == [("a", "b", "c")]
    rules = parsed(PREFIX + ":a :b :c . { :d :e :f } :then { :g :h :i } . { ?x :e :f } :then { ?x :h :i } .", "N3")
    assert ("a", "b", "c") in said(rules)
    assert not {("d", "e", "f"), ("g", "h", "i")} & set(said(rules))
    assert rules.quoted == 4


def test_columns_and_rows_agree() -> None:
    triples = Triples()
    triples.parse(b"<http://e/a> <http://e/b> <http://e/c> , _:x .", "Turtle", Path("one"))
    triples.parse(b"", "Turtle", Path("none"))
    triples.parse(b"<http://e/a> <http://e/b> _:x .", "Turtle", Path("two"))
    triples.add("http://e/a", "http://e/b", "http://e/d", 0)
    columns = triples.columns()
    rows = np.stack([columns.subject, columns.predicate, columns.object, columns.file], axis=1)
    assert [tuple(row) for row in rows.tolist()] == list(triples)
    assert columns.file.tolist() == [0, 0, 2, 0]
    assert len({o for _, _, o, _ in triples}) == 4  # blank nodes of two files are never the same
    assert list(Triples()) == []
    assert len(Triples().columns().file) == 0


def test_literals_keep_language_and_datatype() -> None:
    triples = parsed('<http://e/a> <http://e/b> "x"@en , "x" , 1 , "a\\nb" .')
    string = "^^http://www.w3.org/2001/XMLSchema#string"
    found = [triples.terms[o] for _, _, o, _ in triples]
    assert found == ['"x"@en', f'"x"{string}', '"1"^^http://www.w3.org/2001/XMLSchema#integer', f'"a\nb"{string}']
