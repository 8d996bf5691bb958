"""Imports: from a catalog, in circles, missing, and from a server only on request."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kgzsl.errors import FailureError, FormatError, OntologyError
from kgzsl.ontology import parse_ontology, read_ontology
from kgzsl.ontology.reading import horned_owl_adapter
from kgzsl.ontology.reading.imports import Catalog
from kgzsl.ontology.reading.limits import Limits

PREFIX = """@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
"""


def ontology(iri: str, *imports: str, says: str = "", version: str = "") -> str:
    lines = [f"<{iri}> a owl:Ontology .", *(f"<{iri}> owl:imports <{i}> ." for i in imports)]
    if version:
        lines.append(f"<{iri}> owl:versionIRI <{version}> .")
    return PREFIX + "\n".join(lines) + f"\n{says}\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "root.ttl"
    path.write_text(ontology("http://e/root", "http://e/animals", says=":Zebra a owl:Class ."))
    return path


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    folder = tmp_path / "catalog"
    folder.mkdir()
    return folder


def test_an_import_is_found_by_the_iri_in_the_head(root: Path, catalog: Path) -> None:
    (catalog / "deep").mkdir()
    found = catalog / "deep" / "some name.ttl"
    found.write_text(ontology("http://e/animals", "http://e/plants", says=":Zebra rdfs:subClassOf :Horse ."))
    (catalog / "p.nt").write_text(
        "<http://e/plants#> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> "
        "<http://www.w3.org/2002/07/owl#Ontology> ."
    )
    (catalog / "broken.ttl").write_text("<<<")
    report = read_ontology(root, catalog=catalog).report
    assert report.files == (str(root), str(found), str(catalog / "p.nt"))
    assert (report.imports, report.missing_imports) == (("http://e/animals", "http://e/plants"), ())
    (fact,) = read_ontology(root, catalog=catalog).facts()
    assert fact.source == str(found)


def test_other_ways_to_be_found(root: Path, catalog: Path, tmp_path: Path) -> None:
    def found() -> tuple[str, ...]:
        return tuple(Path(f).name for f in read_ontology(root, catalog=catalog).report.files[1:])

    assert found() == ()
    (catalog / "animals.ttl.gz").write_bytes(__import__("gzip").compress(PREFIX.encode()))
    assert found() == ("animals.ttl.gz",)
    (catalog / "v.ttl").write_text(ontology("http://e/other", version="http://e/animals"))
    assert found() == ("v.ttl",)
    (catalog / "x.ttl").write_text(ontology("http://e/x"))
    (catalog / "catalog-v001.xml").write_text(
        """<?xml version="1.0" encoding="UTF-8" standalone="no"?>
        <!DOCTYPE catalog PUBLIC "-//OASIS//DTD" "http://127.0.0.1:9/catalog.dtd">
        <catalog prefer="public" xmlns="urn:oasis:names:tc:entity:xmlns:xml:catalog">
        <group id="Folder" xml:base=""><uri id="u" name="http://e/animals" uri="x.ttl"/></group></catalog>"""
    )
    assert found() == ("x.ttl",)
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside" / "y.ttl").write_text(ontology("http://e/y"))
    (tmp_path / "beside" / "next.xml").write_text(
        '<catalog xmlns="urn:oasis:names:tc:entity:xmlns:xml:catalog">'
        '<nextCatalog catalog="../catalog/catalog-v001.xml"/>'
        '<rewriteURI uriStartString="http://e/" rewritePrefix="./"/>'
        '<uri name="http://e/animals" uri="y.ttl"/></catalog>'
    )
    (catalog / "catalog-v001.xml").write_text(
        '<catalog xmlns="urn:oasis:names:tc:entity:xmlns:xml:catalog">'
        '<nextCatalog catalog="../beside/next.xml"/></catalog>'
    )
    assert found() == ("y.ttl",)


def test_a_catalog_is_read_as_safely_as_anything(root: Path, catalog: Path) -> None:
    path = catalog / "catalog-v001.xml"
    path.write_text('<!DOCTYPE c [<!ENTITY a "a"><!ENTITY x "&a;&a;">]><catalog/>')
    with pytest.raises(FormatError, match="made of other entities"):
        read_ontology(root, catalog=catalog)
    path.write_text("<catalog>\n<uri</catalog>")
    with pytest.raises(FormatError, match=r"catalog-v001.xml:2.*expected an OASIS catalog"):
        read_ontology(root, catalog=catalog)
    with pytest.raises(FormatError, match="no such catalog folder"):
        read_ontology(root, catalog=catalog / "none")


@pytest.mark.skipif(not horned_owl_adapter.is_installed(), reason="py-horned-owl is not installed")
def test_the_other_formats_declare_iris_too(catalog: Path, zoo: dict[str, bytes]) -> None:
    for suffix in (".owx", ".ofn", ".omn", ".obo", ".rdf", ".jsonld"):
        for old in catalog.iterdir():
            old.unlink()
        (catalog / f"file{suffix}").write_bytes(zoo[suffix])
        iri = "http://purl.obolibrary.org/obo/zoo.owl" if suffix == ".obo" else "http://e/zoo"
        assert Catalog(catalog).find(iri) == catalog / f"file{suffix}"
        text = ontology("http://e/root", iri)
        (catalog.parent / "r.ttl").write_text(text)
        assert read_ontology(catalog.parent / "r.ttl", catalog=catalog).classes


def test_imports_in_a_circle_are_read_once(root: Path, catalog: Path) -> None:
    (catalog / "a.ttl").write_text(ontology("http://e/animals", "http://e/b", says=":Horse a owl:Class ."))
    (catalog / "b.ttl").write_text(ontology("http://e/b", "http://e/animals", "http://e/root", "http://e/b"))
    report = read_ontology(root, catalog=catalog).report
    assert [Path(f).name for f in report.files] == ["root.ttl", "a.ttl", "b.ttl"]
    assert set(report.imports) == {"http://e/animals", "http://e/b", "http://e/root"}


def test_files_given_together_satisfy_each_other(root: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.ttl"
    other.write_text(ontology("http://e/animals"))
    report = read_ontology(root, other).report
    assert (report.imports, report.missing_imports) == (("http://e/animals",), ())


def test_a_missing_import_is_reported_and_not_fetched(root: Path, catalog: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("urllib.request.urlopen", None)
    for options in ({}, {"catalog": catalog}):
        assert read_ontology(root, **options).report.missing_imports == ("http://e/animals",)
    text = ontology("http://e/root", "http://e/x", says=":Zebra a owl:Class .")
    assert parse_ontology(text).report.missing_imports == ("http://e/x",)
    assert parse_ontology(text).entail().report.missing_imports == ("http://e/x",)


def test_mistakes_in_imported_files_come_with_the_others(root: Path, catalog: Path, tmp_path: Path) -> None:
    (catalog / "animals.ttl").write_text(PREFIX + ":a :b .\n")
    (tmp_path / "bad.ttl").write_text(PREFIX + ":a :b .\n")
    with pytest.raises(OntologyError) as caught:
        read_ontology(root, tmp_path / "bad.ttl", catalog=catalog)
    assert [Path(str(p.file)).name for p in caught.value.problems] == ["bad.ttl", "animals.ttl"]


def importing(tmp_path: Path, iri: str) -> Path:
    path = tmp_path / "root.ttl"
    path.write_text(ontology("http://e/root", iri, says=":Zebra a owl:Class ."))
    return path


@pytest.mark.parametrize(
    ("kind", "suffix"), [("text/turtle", ".ttl"), ("application/rdf+xml", ".rdf"), ("", ".jsonld")]
)
def test_fetching_on_request(
    kind: str, suffix: str, server: Callable[..., str], zoo: dict[str, bytes], tmp_path: Path
) -> None:
    def answer(request: Any) -> None:
        request.send_response(200)
        request.send_header("Content-Type", kind)
        request.end_headers()
        request.wfile.write(zoo[suffix])

    iri = server(answer) + "/zoo"
    found = read_ontology(importing(tmp_path, iri), remote=True)
    assert found.report.imports == (iri,)
    assert "http://e/#Horse" in found.classes
    assert found.report.files[1] == iri


def test_what_can_go_wrong_with_fetching(server: Callable[..., str], tmp_path: Path, monkeypatch: Any) -> None:
    def gone(request: Any) -> None:
        request.send_error(404, "Gone")

    def page(request: Any) -> None:
        request.send_response(200)
        request.end_headers()
        request.wfile.write(b"<!DOCTYPE html><html>sign in</html>")

    def slow(request: Any) -> None:
        time.sleep(1.5)

    def large(request: Any) -> None:
        request.send_response(200)
        request.end_headers()
        request.wfile.write(b"<http://e/a> <http://e/b> <http://e/c> .\n" * 100_000)

    def cut(request: Any) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "1000000")
        request.end_headers()
        request.wfile.write(b"<http://e/a> <http://e/b> <http://e/c> .\n<http://e/a> <htt")

    monkeypatch.setattr("kgzsl.ontology.read.Limits", lambda **given: Limits(**(given | {"timeout": 0.3})))
    for answer, error, says in (
        (gone, FailureError, "404"),
        (page, FormatError, "HTML"),
        (slow, FailureError, r"no answer in 0\.3 seconds"),
        (large, FormatError, "more than 100 KiB"),
        (cut, (OntologyError, FailureError), "end of file|broke off"),
    ):
        with pytest.raises(error, match=says) as caught:
            read_ontology(importing(tmp_path, server(answer) + "/x"), remote=True, max_bytes=102_400)
        assert "127.0.0.1" in str(caught.value)
    for iri in ("http://127.0.0.1:9/none", "file:///etc/hostname", "ftp://127.0.0.1/x", "urn:x:y"):
        with pytest.raises(FailureError, match=r"no answer|cannot be asked"):
            read_ontology(importing(tmp_path, iri), remote=True)
