"""``kgzsl ontology inspect``: files, folders, standard input, catalogs and endpoints."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

TEXT = """@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
<http://e/zoo> a owl:Ontology ; owl:imports <http://e/other> , <http://e/none> .
:Zebra a owl:Class ; rdfs:subClassOf :Horse .
"""


@pytest.fixture
def zoo(tmp_path: Path) -> Path:
    (tmp_path / "zoo").mkdir()
    (tmp_path / "zoo" / "zoo.ttl").write_text(TEXT)
    (tmp_path / "catalog").mkdir()
    (tmp_path / "catalog" / "o.ttl").write_text("<http://e/other> a <http://www.w3.org/2002/07/owl#Ontology> .")
    return tmp_path


def test_imports_are_shown(zoo: Path, kgzsl: Any) -> None:
    done = kgzsl("ontology", "inspect", zoo / "zoo", "--catalog", zoo / "catalog", "--json")
    found = json.loads(done.out)
    assert (found["imports"], found["missing_imports"]) == (["http://e/other"], ["http://e/none"])
    assert found["files"] == [str(zoo / "zoo" / "zoo.ttl"), str(zoo / "catalog" / "o.ttl")]
    text = kgzsl("ontology", "inspect", zoo / "zoo", "--catalog", zoo / "catalog").out
    assert "missing imports (1)\n  http://e/none" in text
    assert "imports (1)\n  http://e/other" in text


def test_standard_input(kgzsl: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(TEXT.encode())))
    found = json.loads(kgzsl("ontology", "inspect", "-", "--format", "turtle", "--json").out)
    assert (found["classes"], found["files"]) == (2, ["standard input"])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "no file; expected FILES or --endpoint URL"),
        (("--seed", "http://e/a"), "--seed without --endpoint"),
        (("{zoo}", "--endpoint", "http://127.0.0.1:9/"), "both files and an endpoint"),
        (("{zoo}", "--max-size", "huge"), "'huge' is not a size"),
        (("{zoo}", "--max-size", "10"), "more than 10 bytes"),
        (("{zoo}", "--format", "word"), "there is no format 'word'"),
        (("{zoo}", "--catalog", "{zoo}/none"), "no such catalog folder"),
        (("{zoo}/none", "{zoo}"), "there is no such file"),
        (("--endpoint", "http://127.0.0.1:9/", "--seed", "zebra"), "'zebra' is not an IRI"),
        (("--endpoint", "http://127.0.0.1:9/"), "no seed"),
    ],
)
def test_mistakes(zoo: Path, kgzsl: Any, arguments: tuple[str, ...], says: str) -> None:
    done = kgzsl("ontology", "inspect", *(a.format(zoo=zoo / "zoo") for a in arguments))
    assert (done.status, done.out) == (2, "")
    assert says in done.err
    assert "Traceback" not in done.err


def test_an_endpoint_that_is_down_is_a_failure(kgzsl: Any) -> None:
    done = kgzsl("ontology", "inspect", "--endpoint", "http://127.0.0.1:9/", "--seed", "http://e/a")
    assert done.status == 1
    assert "no answer" in done.err


def test_an_import_that_cannot_be_fetched_is_a_failure(zoo: Path, kgzsl: Any) -> None:
    path = zoo / "zoo" / "zoo.ttl"
    path.write_text(
        TEXT.replace("http://e/none", "http://127.0.0.1:9/none").replace("http://e/other", "file:///etc/hostname")
    )
    done = kgzsl("ontology", "inspect", path, "--remote")
    assert done.status == 1
    assert "--catalog" in done.err


def test_an_endpoint(kgzsl: Any, monkeypatch: Any) -> None:
    from kgzsl import api
    from kgzsl.ontology import parse_ontology

    asked = {}

    def load_endpoint(url: str, seeds: list[str], **options: Any) -> Any:
        asked.update(options, url=url, seeds=seeds)
        return parse_ontology(TEXT)

    monkeypatch.setattr(api, "load_endpoint", load_endpoint)
    done = kgzsl(
        "ontology", "inspect", "--endpoint", "http://e/s", "--seed", "http://e/a", "--seed", "http://e/b", "--hops", 2
    )
    assert done.status == 0
    assert asked == {
        "url": "http://e/s",
        "seeds": ["http://e/a", "http://e/b"],
        "hops": 2,
        "profile": "",
        "entail": "el",
        "reasoner": "own",
        "timeout": 600,
    }
