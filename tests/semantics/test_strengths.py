"""Strengths beside an ontology: reading them, whom they are about, and AwA2's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kgzsl.errors import DataError
from kgzsl.ontology import Ontology, parse_ontology, read_ontology
from kgzsl.semantics import (
    Attribute,
    ClassAttributes,
    Strengths,
    class_attributes,
    class_prompt,
    read_strengths,
    with_strengths,
)

E = "http://e/#"
PREFIXES = """@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . @prefix skos: <http://www.w3.org/2004/02/skos/core#> .
"""
ONTOLOGY = (
    PREFIXES
    + """
:hasLimb a owl:ObjectProperty . :eats a owl:ObjectProperty . :chews a owl:ObjectProperty .
:PolarBear a owl:Class ; rdfs:label "polar bear" ; :hasLimb :LongLeg ; :eats :Fish .
:Giraffe a owl:Class ; rdfs:label "giraffe" ; skos:altLabel "long neck" ; :hasLimb :LongLeg ; :eats :Leaf .
:Otter a owl:Class ; rdfs:label "otter" ; :eats :Fish ; :chews :Fish .
:Leaf rdfs:label "leaves" ; skos:altLabel "foliage" .
"""
)


@pytest.fixture(scope="module")
def animals() -> Ontology:
    return parse_ontology(ONTOLOGY).entail()


def matrix(ontology: Ontology, world: str = "open", **more: bool) -> ClassAttributes:
    return class_attributes(ontology, ontology.classes, world=world, **more)  # type: ignore[arg-type]


def given(table: list[list[float]], *attributes: str, classes: tuple[str, ...] = ()) -> Strengths:
    return Strengths(classes or ("giraffe", "otter", "polar+bear"), attributes, np.array(table))


def cell(table: ClassAttributes, name: str, property: str, filler: str) -> tuple[float, float, bool]:
    row, column = table.classes.index(E + name), table.attributes.index(Attribute(E + property, E + filler))
    return float(table.value[row, column]), round(float(table.degree[row, column]), 4), bool(table.known[row, column])


def write(folder: Path, text: str | bytes) -> Path:
    file = folder / "strengths.csv"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["0.5", "1", "0"], [0.5, 1.0, 0.0]),  # shares
        (["50", "1", "0"], [0.5, 0.01, 0.0]),  # percent, because one is above 1
        (["100", "", "-1"], [1.0, np.nan, np.nan]),  # unknown
        ([" 7.5e1 ", "-0.01", " "], [0.75, np.nan, np.nan]),
    ],
)
def test_shares_and_percentages(tmp_path: Path, cells: list[str], expected: list[float]) -> None:
    read = read_strengths(write(tmp_path, f"class,long leg,b,c\r\nzebra,{','.join(cells)}\r\n\r\n"))
    assert (read.classes, read.attributes, read.table.dtype) == (("zebra",), ("long leg", "b", "c"), np.float64)
    np.testing.assert_allclose(read.table, [expected])


def test_what_is_written_is_read_back_to_the_bit(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    table = random.random((4, 3))
    table[1, 2], table[3] = np.nan, [0.0, 1.0, np.nan]
    own = Strengths(("a b", 'c "d"', "e,f", "g"), ("x", "y,z", "ü"), table)
    read = read_strengths(write(tmp_path, own.to_csv()))
    assert (read.classes, read.attributes) == (own.classes, own.attributes)
    np.testing.assert_array_equal(read.table, table)


WRONG: dict[str, tuple[str | bytes, list[str]]] = {
    "empty": ("", ["is empty; expected CSV"]),
    "only names": ("class,a,b\n", ["has no row of a class; expected CSV"]),
    "another delimiter": ("class;a;b\nzebra;1;2\n", ["one cell in the first row, 'class;a;b'", "save it with commas"]),
    "a workbook": (b"PK\x03\x04\xff\xfe\x00", ["is not a text file in UTF-8", "save the table as CSV"]),
    "open quotes": ('class,a\n"zebra,1\n', ["is not CSV"]),
    "all at once": (
        "class,a,b,a\nzebra,much,1,2\nokapi,1,2\nzebra,nan,300,1,5\nlion,101,1,inf\n",
        [
            "attribute 'a' stands there 2 times; expected each once; keep one",
            "class 'zebra' stands there 2 times; expected each once; keep one",
            "csv:2: 'a' of 'zebra' is 'much'; expected a number; leave it empty",
            "csv:3: 'okapi' has 2 cells; expected 3, one for each attribute; leave unknown cells empty",
            "csv:4: 'zebra' has 4 cells; expected 3",
            "csv:5: 'a' of 'lion' is 101; expected a share from 0 to 1, or percent from 0 to 100; scale it",
            "csv:5: 'a' of 'lion' is 'inf'; expected a number",
        ],
    ),
    "no names": ("class,a,\nzebra,1,2\n", ["an attribute or a class without a name"]),
    "no name of a class": ("class,a\n,1\n", ["an attribute or a class without a name"]),
}


@pytest.mark.parametrize("name", WRONG)
def test_files_that_are_none(tmp_path: Path, name: str) -> None:
    text, expected = WRONG[name]
    with pytest.raises(DataError) as caught:
        read_strengths(write(tmp_path, text))
    told = str(caught.value)
    assert all(part in told for part in expected), told
    if name == "all at once":
        assert len(caught.value.problems) == len(expected)


def test_no_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no such file; expected a matrix of strengths; check semantics.strengths"):
        read_strengths(tmp_path / "nothing.csv")
    with pytest.raises(DataError, match="is a folder"):
        read_strengths(tmp_path)


def test_many_problems_are_counted(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read_strengths(write(tmp_path, "class,a\n" + "".join(f"c{k},x\n" for k in range(30))))
    assert len(caught.value.problems) == 21
    assert "10 more cells like these" in str(caught.value.problems[-1])


def test_strengths_beside_what_the_ontology_says(animals: Ontology) -> None:
    plain = matrix(animals)
    table, unmatched = with_strengths(plain, given([[0.9, 0.5], [0.25, np.nan], [np.nan, 0.0]], "longleg", "foliage"))
    assert unmatched == ()
    assert cell(table, "Giraffe", "hasLimb", "LongLeg") == (1.0, 0.9, True)
    assert cell(table, "Otter", "hasLimb", "LongLeg") == (0.0, 0.25, True)  # by its strength alone
    assert cell(table, "PolarBear", "hasLimb", "LongLeg") == (1.0, 1.0, True)  # as the ontology has it
    assert cell(table, "Otter", "eats", "Leaf") == (0.0, 0.0, False)
    assert cell(table, "PolarBear", "eats", "Leaf") == (0.0, 0.0, True)
    assert table.degree.dtype == np.float32
    np.testing.assert_array_equal(table.value, plain.value)
    np.testing.assert_array_equal(table.assumed, plain.assumed)
    np.testing.assert_array_equal(plain.known, matrix(animals).known)
    assert plain.degree is plain.value
    assert table.sources(E + "Otter", Attribute(E + "hasLimb", E + "LongLeg")) == ()
    for iri in animals.classes:
        assert class_prompt(iri, table, animals) == class_prompt(iri, plain, animals)


def test_an_assumption_stays_one(animals: Ontology) -> None:
    """Under pca an otter, which eats fish, is assumed not to eat leaves; the matrix says how little."""
    table, _ = with_strengths(matrix(animals, "pca"), given([[0.9], [0.1], [0.2]], "Leaf"))
    column = table.attributes.index(Attribute(E + "eats", E + "Leaf"))
    assert bool(table.assumed[table.classes.index(E + "Otter"), column])
    assert [f.object for f in table.sources(E + "Otter", table.attributes[column])] == [E + "Fish"]


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("fish", [("chews", "Fish"), ("eats", "Fish")]),
        (E + "Fish", [("chews", "Fish"), ("eats", "Fish")]),
        ("eats::fish", [("eats", "Fish")]),
        ("LONG_leg", [("hasLimb", "LongLeg")]),
        ("long-leg", [("hasLimb", "LongLeg")]),
        ("has limb::longleg", [("hasLimb", "LongLeg")]),
        ("leaf", [("eats", "Leaf")]),
        ("leaves", [("eats", "Leaf")]),
    ],
)
def test_how_attributes_are_called(animals: Ontology, name: str, columns: list[tuple[str, str]]) -> None:
    table, _ = with_strengths(matrix(animals), given([[0.3], [0.3], [0.3]], name))
    changed = [table.attributes[k] for k in np.flatnonzero((table.degree == np.float32(0.3)).all(0))]
    assert changed == [Attribute(E + p, E + f) for p, f in columns]


def test_columns_of_numbers_have_no_filler() -> None:
    ontology = parse_ontology(ONTOLOGY + ':hasMass a owl:DatatypeProperty . :Otter :hasMass "9 kg" .').entail()
    table = matrix(ontology, numbers=True)
    _, unmatched = with_strengths(table, given([[0.5, 0.5]] * 3, "number of kg", "fish"))
    assert unmatched == ("number of kg",)


def test_rows_in_another_order_and_rows_of_others(animals: Ontology) -> None:
    names = ("polar_bear", "nobody", "long neck", E + "Otter")
    table, _ = with_strengths(matrix(animals), given([[0.1], [0.2], [0.3], [0.4]], "longleg", classes=names))
    assert [cell(table, n, "hasLimb", "LongLeg")[1] for n in ("PolarBear", "Giraffe", "Otter")] == [0.1, 0.3, 0.4]


def told(table: ClassAttributes, strengths: Strengths) -> list[str]:
    with pytest.raises(DataError) as caught:
        with_strengths(table, replace(strengths, file=Path("s.csv")))
    return [str(p) for p in caught.value.problems]


def test_what_does_not_fit_the_ontology(animals: Ontology) -> None:
    table = matrix(animals)
    lines = told(table, given([[0.1], [0.2], [0.3]], "wings", classes=("giraffe", "long neck", "oter")))
    assert lines == [
        f"s.csv: 'giraffe' and 'long neck' are one class, {E}Giraffe; expected one row for each class; keep one",
        *(
            f"s.csv: no row for class {name!r} ({iri}); expected a row for each class of the split; add a row for it, "
            "with empty cells where nothing is known"
            for name, iri in (("otter", E + "Otter"), ("polar bear", E + "PolarBear"))
        ),
        "s.csv: rows that mean no class of the ontology: 'oter' (the ontology has no 'oter'; did you mean otter?); "
        "expected names or IRIs of classes; rename them",
        "s.csv: no column is an attribute of the ontology: 'wings'; expected names such as fish, leaves, long leg; "
        "`kgzsl ontology inspect FILE` lists the names there are",
    ]
    (line,) = told(table, given([[0.1, 0.2, 0.3]] * 3, "leaf", "fish", "foliage"))
    assert line == "s.csv: 'leaf' and 'foliage' are one attribute, 'leaves'; expected one column for each; keep one"


def test_a_name_of_several_attributes() -> None:
    other = ':Otter :hasLimb :OtherFish . :OtherFish rdfs:label "fish" .'
    ontology = parse_ontology(ONTOLOGY + other).entail()
    (line,) = told(matrix(ontology), given([[0.1]] * 3, "fish"))
    assert line == (
        "s.csv: 'fish' means 2 attributes; expected one; write property::filler, or one of the IRIs "
        f"{E}Fish, {E}OtherFish"
    )
    table, _ = with_strengths(matrix(ontology), given([[0.1]] * 3, "hasLimb::fish"))
    assert cell(table, "Otter", "hasLimb", "OtherFish")[1] == 0.1


def test_subset_and_digest(animals: Ontology) -> None:
    plain = matrix(animals, "closed")
    table, _ = with_strengths(plain, given([[0.9], [0.1], [0.2]], "Leaf"))
    part = table.subset([E + "Otter", E + "Giraffe"])
    assert [cell(part, name, "eats", "Leaf")[1] for name in ("Otter", "Giraffe")] == [0.1, 0.9]
    assert plain.subset(plain.classes).strength is None
    other, _ = with_strengths(plain, given([[0.9], [0.1], [0.3]], "Leaf"))
    assert len({plain.digest, table.digest, other.digest}) == 3
    assert replace(table, strength=None).digest == plain.digest
    assert table.subset(table.classes).digest == table.digest


def test_the_digest_of_crisp_attributes_is_that_of_older_runs() -> None:
    """A run folder holds it: were it another, no older run would load."""
    table = matrix(parse_ontology(ONTOLOGY).entail(), "pca")
    assert table.digest == "3cab0a4f90c3a36ceb58766c90465e4817c2347bdfc43f321a71813943a803bf"


def test_strengths_of_awa2_beside_its_knowledge_graph(shared_data: Path) -> None:
    strengths = read_strengths(shared_data / "awa2mini" / "attributes_continuous_50x85.csv")
    assert strengths.table.shape == (50, 85)
    assert np.isnan(strengths.table).sum() == 4
    ontology = read_ontology(shared_data / "kzsl" / "AwA" / "KG-AwA.ttl", profile="kzsl").entail()
    classes = [ontology.resolve(name) for name in strengths.classes]
    plain = class_attributes(ontology, classes)
    table, unmatched = with_strengths(plain, strengths)
    assert unmatched == ("quadrapedal",)
    fillers = {a.filler for k, a in enumerate(table.attributes) if (table.degree[:, k] != table.value[:, k]).any()}
    assert len(fillers) == 84
    black = next(k for k, a in enumerate(table.attributes) if ontology.label(a.filler) == "black")
    np.testing.assert_allclose(table.degree[1, black], 0.3925)
    np.testing.assert_allclose(table.degree[0, black], plain.value[0, black])  # unknown of the antelope
    columns = [k for k, a in enumerate(table.attributes) if a.filler in fillers]
    assert np.corrcoef(table.degree[:, columns].ravel(), table.value[:, columns].ravel())[0, 1] > 0.7
