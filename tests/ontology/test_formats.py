"""Every format, compression and kind of place gives the same ontology, or says what is wrong."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import sys
from pathlib import Path
from typing import Any

import pytest

from kgzsl.errors import ConfigError, FormatError, InputError, ParseError
from kgzsl.ontology import read_ontology
from kgzsl.ontology.reading import horned_owl_adapter
from kgzsl.ontology.reading.formats import FORMATS, HORNED
from kgzsl.ontology.reading.triples import Triples

E = "http://e/#"
HORNED_SUFFIXES = [suffix for name in HORNED for suffix in FORMATS[name]]
PACK = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
needs_horned = pytest.mark.skipif(not horned_owl_adapter.is_installed(), reason="py-horned-owl is not installed")
SUFFIXES = [
    pytest.param(s, marks=needs_horned if s in HORNED_SUFFIXES else ())
    for s in (".ttl", ".n3", ".trig", ".nt", ".nq", ".rdf", ".jsonld", ".owx", ".ofn", ".omn")
]


def facts(path: Path, **options: Any) -> list[tuple[str, str, str, str]]:
    return [fact.key for fact in read_ontology(path, **options).facts()]


@pytest.fixture
def expected(zoo: dict[str, bytes], tmp_path: Path) -> list[tuple[str, str, str, str]]:
    (tmp_path / "expected.ttl").write_bytes(zoo[".ttl"])
    found = facts(tmp_path / "expected.ttl")
    assert len(found) == 2
    return found


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_format_gives_the_same_facts(suffix: str, zoo: dict[str, bytes], tmp_path: Path, expected: Any) -> None:
    path = tmp_path / f"zoo{suffix}"
    path.write_bytes(zoo[suffix])
    assert facts(path) == expected
    assert read_ontology(path).label(E + "Zebra") == "zebra"
    path.write_bytes(b"\xef\xbb\xbf" + zoo[suffix].replace(b"\n", b"\r\n"))
    assert facts(path) == expected


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_standard_input(suffix: str, zoo: dict[str, bytes], expected: Any, monkeypatch: Any) -> None:
    for content in (zoo[suffix], gzip.compress(zoo[suffix])):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        assert [fact.key for fact in read_ontology("-").facts()] == expected
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(zoo[suffix])))
    ontology = read_ontology("-", format=suffix.removeprefix("."))
    assert ontology.report.files == ("standard input",)
    assert ontology.facts()[0].source == "standard input"


@pytest.mark.parametrize("packed", PACK)
@pytest.mark.parametrize("suffix", [".ttl", ".nt", ".tsv"])
def test_compressions(suffix: str, packed: str, zoo: dict[str, bytes], tmp_path: Path) -> None:
    plain, path = tmp_path / f"zoo{suffix}", tmp_path / f"zoo{suffix}{packed}"
    plain.write_bytes(zoo[suffix])
    path.write_bytes(PACK[packed](zoo[suffix]))
    assert facts(path) == facts(plain)
    path.write_bytes(PACK[packed](zoo[suffix])[:-10])
    with pytest.raises(FormatError, match=r"not valid (gzip|bzip2|xz) data"):
        read_ontology(path)
    path.write_bytes(zoo[suffix])
    with pytest.raises(FormatError, match=r"not valid (gzip|bzip2|xz) data"):
        read_ontology(path)


@needs_horned
def test_obo(zoo: dict[str, bytes], tmp_path: Path) -> None:
    (tmp_path / "zoo.obo").write_bytes(zoo[".obo"])
    ontology = read_ontology(tmp_path / "zoo.obo")
    zebra = ontology.resolve("zebra")
    assert zebra == "http://purl.obolibrary.org/obo/ZOO_1"
    assert ontology.alternative_labels(zebra) == ("striped horse",)
    assert {ontology.label(fact.object) for fact in ontology.facts(zebra)} == {"horse", "stripes"}


@needs_horned
def test_disjointness_of_more_than_two_is_whole(tmp_path: Path) -> None:
    text = "Prefix(:=<http://e/#>)\nOntology(\nDeclaration(Class(:A))\nDisjointClasses(:A :B :C)\n)"
    (tmp_path / "a.ofn").write_text(text)
    assert len(read_ontology(tmp_path / "a.ofn").facts(polarity="negative")) == 3


@needs_horned
@pytest.mark.parametrize("suffix", [".rdf", ".ttl", ".owx", ".ofn", ".omn"])
def test_owl_is_any_format_of_owl(suffix: str, zoo: dict[str, bytes], tmp_path: Path, expected: Any) -> None:
    (tmp_path / "zoo.owl").write_bytes(zoo[suffix])
    assert facts(tmp_path / "zoo.owl") == expected


@pytest.mark.parametrize("suffix", [".owx", ".ofn", ".omn", ".obo"])
def test_without_the_optional_package(suffix: str, zoo: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(horned_owl_adapter, "is_installed", lambda: False)
    (tmp_path / f"zoo{suffix}").write_bytes(zoo[suffix])
    with pytest.raises(ConfigError, match=r"pip install kgzsl\[owl\]"):
        read_ontology(tmp_path / f"zoo{suffix}")


def test_a_folder_is_all_ontologies_in_it(zoo: dict[str, bytes], tmp_path: Path) -> None:
    (tmp_path / "b" / "deep").mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    (tmp_path / "a.ttl").write_bytes(zoo[".ttl"])
    (tmp_path / "b" / "deep" / "more.nt.gz").write_bytes(
        gzip.compress(b"<http://e/#Zebra> <http://e/#has> <http://e/#Mane> .")
    )
    for other in ("split.json", "labels.csv", "note.txt", "pom.xml", "catalog-v001.xml", ".git/x.ttl", "zebra.png"):
        (tmp_path / other).write_text('{"unseen": []}')
    ontology = read_ontology(tmp_path)
    assert ontology.report.files == (str(tmp_path / "a.ttl"), str(tmp_path / "b" / "deep" / "more.nt.gz"))
    assert ontology.facts(object=E + "Mane") or ontology.report.annotations
    again = read_ontology(tmp_path, tmp_path / "a.ttl")
    assert again.report.files == ontology.report.files


def test_a_folder_without_ontologies(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FormatError, match="no ontology in this folder") as caught:
        read_ontology(tmp_path, tmp_path / "empty", tmp_path / "none.ttl")
    assert len(caught.value.problems) == 3


BROKEN = {
    ".ttl": ((b":Horse a owl:Class .", b":Horse a owl:Class owl:Class ."), 7),
    ".n3": ((b":Horse a owl:Class .", b":Horse a owl:Class owl:Class ."), 7),
    ".trig": ((b":Horse a owl:Class .", b":Horse a owl:Class owl:Class ."), 7),
    ".nt": ((b"<http://e/#Horse> .", b"<http://e/#Horse> ,"), 0),
    ".nq": ((b"<http://e/#Horse> .", b"<http://e/#Horse> ,"), 0),
    ".rdf": ((b"</rdf:RDF>", b"</rdf:RDFF>"), 0),
    ".jsonld": ((b":[", b":[,"), 1),
    ".owx": ((b"</Ontology>", b"</Ontologyy>"), 14),
    ".ofn": ((b"Declaration(Class(:Horse))", b"Declaration(Class(:Horse)"), 0),
    ".omn": ((b"Class: :Horse", b"Klass; :Horse"), 7),
    ".obo": ((b"is_a: ZOO:2", b"is_a ZOO:2"), 8),
    ".tsv": ((b"AwA:hasColor\tAwA:a1", b"AwA:hasColor"), 3),
}


@pytest.mark.parametrize("suffix", BROKEN)
def test_broken_syntax_names_file_and_line(suffix: str, zoo: dict[str, bytes], tmp_path: Path) -> None:
    if suffix in HORNED_SUFFIXES and not horned_owl_adapter.is_installed():
        pytest.skip("py-horned-owl is not installed")
    path = tmp_path / f"zoo{suffix}"
    (old, new), line = BROKEN[suffix]
    assert old in zoo[suffix]
    path.write_bytes(zoo[suffix].replace(old, new, 1))
    with pytest.raises(ParseError) as caught:
        read_ontology(path)
    problem = caught.value.problems[0]
    assert str(problem.file) == str(path)
    assert problem.line == line or (line == 0 and problem.line)


@pytest.mark.parametrize("suffix", BROKEN)
def test_another_encoding_and_a_cut_file(suffix: str, zoo: dict[str, bytes], tmp_path: Path) -> None:
    if suffix in HORNED_SUFFIXES and not horned_owl_adapter.is_installed():
        pytest.skip("py-horned-owl is not installed")
    path = tmp_path / f"zoo{suffix}"
    path.write_bytes(zoo[suffix].replace(b"zebra", "zébra".encode("latin-1")))
    with pytest.raises(ParseError, match=r"not UTF-8: byte 0xe9") as caught:
        read_ontology(path)
    assert caught.value.problems[0].line
    path.write_bytes(zoo[suffix].decode().encode("utf-16"))
    with pytest.raises(FormatError, match="UTF-16"):
        read_ontology(path)
    path.write_bytes(zoo[suffix].replace(b"zebra", b"ze\x00bra"))
    with pytest.raises(InputError, match=r"NUL|binary"):
        read_ontology(path)
    if suffix in (".ttl", ".rdf", ".jsonld", ".owx", ".ofn") and suffix not in HORNED_SUFFIXES:
        path.write_bytes(zoo[suffix][:-10])
        with pytest.raises(ParseError):
            read_ontology(path)


def test_all_mistakes_of_a_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "bad.ttl"
    path.write_text(
        "@prefix e: <http://e/#> .\ne:a x:b e:c .\ne:a e:b <http://e/c d> .\ne:a e:b e:c .\ne:q y:b e:c .\n"
    )
    with pytest.raises(ParseError) as caught:
        read_ontology(path)
    assert [problem.line for problem in caught.value.problems] == [2, 3, 5]
    path = tmp_path / "bad.nt"
    path.write_text(
        'nonsense\n<http://e/a> <http://e/b> "c" .\n<http://e/a b> <http://e/b> "c" .\n' + "nonsense\n" * 100
    )
    with pytest.raises(ParseError) as caught:
        read_ontology(path)
    assert [problem.line for problem in caught.value.problems][:2] == [1, 3]
    assert len(caught.value.problems) <= 20


@pytest.mark.parametrize(
    ("suffix", "old", "new", "says", "line"),
    [
        (".rdf", b'rdf:about="http://e/#Horse"', b'rdf:about="http://e/#Ho rse"', r"zoo\.rdf:\d+: IRI .*Ho rse", None),
        (".owx", b'IRI="http://e/#Stripes"', b'IRI="http://e/#Str ipes"', "Str ipes", 6),
        (".owx", b'abbreviatedIRI=":Horse"', b'abbreviatedIRI="x:Horse"', "prefix x: has not been declared", 7),
        (".ofn", b"SubClassOf(:Zebra :Horse)", b"SubClassOf(:Zebra x:Horse)", "prefix of x:Horse", 8),
        (".omn", b"SubClassOf: :Horse", b"SubClassOf: x:Horse", "prefix of x:Horse", 10),
        (".ofn", b"Ontology(<http://e/zoo>", b"Ontology(<http://e/z oo>", "unexpected text", 3),
        (".tsv", b"AwA:n1\tAwA:has", b"zoo:n1\tAwA:has", "unknown prefix", 3),
        (".jsonld", b"http://e/#Horse", b"http://e/#Ho rse", "IRI", None),
    ],
)
def test_bad_iris_and_prefixes(
    suffix: str, old: bytes, new: bytes, says: str, line: int | None, zoo: dict[str, bytes], tmp_path: Path
) -> None:
    if suffix in HORNED_SUFFIXES and not horned_owl_adapter.is_installed():
        pytest.skip("py-horned-owl is not installed")
    path = tmp_path / f"zoo{suffix}"
    assert old in zoo[suffix]
    path.write_bytes(zoo[suffix].replace(old, new))
    with pytest.raises(ParseError, match=says) as caught:
        read_ontology(path)
    assert line is None or caught.value.problems[0].line == line


def test_all_mistakes_of_rdf_xml_at_once(tmp_path: Path) -> None:
    path = tmp_path / "bad.rdf"
    path.write_text(
        """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="http://e/a b"/>
<rdf:Description rdf:about="http://e/e f"/>
<rdf:Description rdf:about="http://e/c"><x:p>1</x:p></rdf:Description>
<rdf:Description rdf:about="http://e/d" y:p="1" x:p="2"/>
</rdf:RDFF>
"""
    )
    with pytest.raises(ParseError) as caught:
        read_ontology(path)
    assert [problem.line for problem in caught.value.problems] == [2, 3, 4, 5, 6]


def test_a_remote_context_is_not_fetched(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonld"
    path.write_text('{"@context": "http://127.0.0.1:9/c", "@id": "http://e/a", "name": "x"}')
    with pytest.raises(ParseError, match="nothing is fetched"):
        read_ontology(path)


def test_html_is_named_whatever_the_suffix(tmp_path: Path) -> None:
    for suffix in (".ttl", ".rdf", ".owl", ".nt", ".owx"):
        path = tmp_path / f"zoo{suffix}"
        path.write_text("<!-- saved -->\n<!DOCTYPE html>\n<html><body>404</body></html>")
        with pytest.raises(FormatError, match="HTML"):
            read_ontology(path)


def test_many_comments_before_the_first_element_take_no_time(tmp_path: Path) -> None:
    path = tmp_path / "zoo.rdf"
    path.write_text("<!-- a -->\n" * 3000 + '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/>')
    Triples().read(path)


def test_deep_and_cyclic_taxonomies_are_read(tmp_path: Path) -> None:
    below = "<http://www.w3.org/2000/01/rdf-schema#subClassOf>"
    deep = "".join(f"<http://e/{k}> {below} <http://e/{k + 1}> .\n" for k in range(100_000))
    cycle = "".join(f"<http://c/{k}> {below} <http://c/{(k + 1) % 10_000}> .\n" for k in range(10_000))
    (tmp_path / "deep.nt").write_text(deep + cycle)
    triples = Triples()
    triples.read(tmp_path / "deep.nt")
    assert len(triples) == 110_000
    assert len(triples.terms) == 110_002
