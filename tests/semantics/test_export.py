"""The class attributes as CSV."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from kgzsl.errors import ConfigError
from kgzsl.ontology import parse_ontology, read_ontology
from kgzsl.semantics import class_attributes
from kgzsl.semantics.export import csv_rows, write_csv

ZOO = Path(__file__).resolve().parents[1] / "golden" / "zoo.ttl"


def test_cells_are_those_of_the_matrix(tmp_path: Path) -> None:
    ontology = read_ontology(ZOO).entail()
    matrix = class_attributes(ontology, ontology.classes, world="open")
    write_csv(matrix, tmp_path / "zoo.csv")
    with (tmp_path / "zoo.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows == csv_rows(matrix)
    assert {len(row) for row in rows} == {2 + len(matrix.attributes)}
    assert rows[2][2:] == [a.property for a in matrix.attributes]
    assert rows[3][2:] == [a.filler for a in matrix.attributes]
    cells = {(row[1], f"{p} {f}"): cell for row in rows[4:] for p, f, cell in zip(rows[0], rows[1], row, strict=True)}
    expected = {
        ("zebra", "has part hooves"): "1",
        ("equine", "has horns spiral horns"): "0",
        ("cryptid", "has part hooves"): "",
    }
    assert {key: cells[key] for key in expected} == expected
    for row, iri in zip(rows[4:], matrix.classes, strict=True):
        known = matrix.known[matrix.classes.index(iri)]
        assert [cell != "" for cell in row[2:]] == known.tolist()


def test_labels_with_commas_and_what_is_both(tmp_path: Path) -> None:
    ontology = parse_ontology("""@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
        @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . :p a owl:ObjectProperty .
        :A a owl:Class ; rdfs:label "a, \\"b\\"" ; :p :x ; rdfs:subClassOf
        [ owl:complementOf [ a owl:Restriction ; owl:onProperty :p ; owl:someValuesFrom :x ] ] .""").entail()
    write_csv(class_attributes(ontology, ontology.classes, world="open"), tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text().splitlines()[-1] == 'http://e/#A,"a, ""b""",0.5'
    with pytest.raises(ConfigError, match="there already"):
        write_csv(class_attributes(ontology, ontology.classes), tmp_path / "a.csv")
