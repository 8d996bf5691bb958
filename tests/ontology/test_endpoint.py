"""Neighborhoods from a SPARQL endpoint on this machine, and endpoints that misbehave."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import pytest

from kgzsl.errors import ConfigError, FailureError, NoClassesError
from kgzsl.ontology import parse_ontology, read_endpoint
from kgzsl.ontology.reading.endpoint import EndpointLimits

E = "http://e/#"
GRAPH = """@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
:has a owl:ObjectProperty ; rdfs:label "has" ; rdfs:subPropertyOf :owns .
:Zebra a owl:Class ; rdfs:label "zebra"@en , "Zebra"@de ; :has :Hooves ; rdfs:subClassOf :Horse ,
  [ a owl:Restriction ; owl:onProperty :has ; owl:someValuesFrom :Stripes ] ,
  [ a owl:Restriction ; owl:onProperty :has ; owl:someValuesFrom :Mane ] .
:Horse a owl:Class ; rdfs:label "horse"@en ; rdfs:subClassOf :Equid .
:Equid a owl:Class ; rdfs:label "equid"@en ; rdfs:subClassOf :Mammal .
:Mammal a owl:Class ; rdfs:label "mammal"@en ; rdfs:subClassOf :Animal .
:Stripes a owl:Class ; rdfs:label "stripes"@en .
:Fish a owl:Class .
"""


def queried(request: Any) -> str:
    length = int(request.headers["Content-Length"])
    return parse_qs(request.rfile.read(length).decode())["query"][0]


def reply(request: Any, content: bytes, kind: str = "application/sparql-results+json", status: int = 200) -> None:
    request.send_response(status)
    request.send_header("Content-Type", kind)
    request.send_header("Content-Length", str(len(content)))
    request.end_headers()
    request.wfile.write(content)


@pytest.fixture
def endpoint(server: Callable[..., str]) -> tuple[str, list[str]]:
    import pyoxigraph

    store, queries = pyoxigraph.Store(), []
    store.load(input=GRAPH.encode(), format=pyoxigraph.RdfFormat.TURTLE)

    def answer(request: Any) -> None:
        query = queried(request)
        queries.append(query)
        reply(request, store.query(query).serialize(format=pyoxigraph.QueryResultsFormat.JSON))

    return server(answer), queries


def test_a_neighborhood(endpoint: tuple[str, list[str]]) -> None:
    url, _ = endpoint
    ontology = read_endpoint(url, [E + "Zebra"])
    whole = parse_ontology(GRAPH)
    assert [f.key for f in ontology.facts(E + "Zebra")] == [f.key for f in whole.facts(E + "Zebra")]
    assert ontology.label(E + "Horse") == "horse"
    assert E + "Equid" not in ontology.classes
    assert (E + "has", "has") in [(p, ontology.label(p)) for p in ontology.properties]
    assert (ontology.report.files, ontology.report.formats) == ((url,), ("SPARQL endpoint",))
    assert ontology.facts(E + "Zebra")[0].source == url


def test_hops_bound_it(endpoint: tuple[str, list[str]]) -> None:
    url, _ = endpoint
    reached = {hops: set(read_endpoint(url, [E + "Zebra"], hops).classes) for hops in (1, 2, 3)}
    for hops, name in ((1, "Equid"), (2, "Mammal"), (3, "Animal")):
        assert E + name not in reached[hops]
        assert hops == 3 or E + name in reached[hops + 1]
    assert E + "Fish" not in reached[3]


def test_pages_are_put_together(endpoint: tuple[str, list[str]]) -> None:
    url, queries = endpoint
    whole = read_endpoint(url, [E + "Zebra", E + "Horse"], 2)
    queries.clear()
    paged = read_endpoint(url, [E + "Zebra", E + "Horse"], 2, limits=EndpointLimits(page=8))
    assert paged.digest == whole.digest
    assert any("OFFSET 8" in query for query in queries)
    assert all(re.search(r"ORDER BY .* LIMIT 8 OFFSET \d+$", query) for query in queries)


def test_more_than_the_limit_is_an_error_and_no_silent_cut(endpoint: tuple[str, list[str]]) -> None:
    url, _ = endpoint
    with pytest.raises(ConfigError, match=r"more than 5 triples; go fewer hops"):
        read_endpoint(url, [E + "Zebra"], limits=EndpointLimits(triples=5))


def test_what_is_asked_for_is_checked_at_once(endpoint: tuple[str, list[str]]) -> None:
    url, queries = endpoint
    with pytest.raises(ConfigError) as caught:
        read_endpoint(url, ["Zebra", "http://e/> } DELETE WHERE { ?s ?p ?o"], 0)
    assert len(caught.value.problems) == 3
    with pytest.raises(ConfigError, match="no seed"):
        read_endpoint(url, [])
    with pytest.raises(NoClassesError):
        read_endpoint(url, [E + "Nothing"])
    assert all("DELETE" not in query for query in queries)


def test_terms_of_the_answer_cannot_break_a_query(server: Callable[..., str]) -> None:
    queries = []

    def answer(request: Any) -> None:
        queries.append(queried(request))
        bad = {"type": "uri", "value": "http://e/> } DROP ALL #"}
        row = {"s": {"type": "uri", "value": E + "A"}, "p": {"type": "uri", "value": E + "p"}, "o": bad}
        rows = [row] if "isBlank(?o)) } ORDER" in queries[-1] and "OFFSET 0" in queries[-1] else []
        reply(request, json.dumps({"results": {"bindings": rows}}).encode())

    with pytest.raises(NoClassesError):
        read_endpoint(server(answer), [E + "A"], 3)
    assert queries
    assert all("DROP" not in query for query in queries)


def bindings(content: Any) -> bytes:
    return json.dumps({"results": {"bindings": content}}).encode()


@pytest.mark.parametrize(
    ("content", "kind", "status", "says"),
    [
        (b"<html><body>Sign in</body></html>", "text/html", 200, "answered text/html.*Sign in"),
        (b'{"results": {"bindings": [', "application/sparql-results+json", 200, "SPARQL results in JSON"),
        (b"[]", "application/json", 200, "SPARQL results in JSON"),
        (b'{"boolean": true}', "application/json", 200, "SPARQL results in JSON"),
        (b"[" * 100_000, "application/json", 200, "SPARQL results in JSON"),
        (b"", "application/json", 200, "answered nothing"),
        (b"\xff\xfe\x00", "application/json", 200, "SPARQL results in JSON"),
        (bindings([{"s": 1}]), "application/json", 200, "SPARQL results in JSON"),
        (bindings([{"x": {"type": "uri", "value": "http://e/"}}]), "application/json", 200, "SPARQL results in JSON"),
        (bindings({"s": 1}), "application/json", 200, "SPARQL results in JSON"),
        (b"Virtuoso 37000 Error: timed out", "text/plain", 500, "answered 500.*Virtuoso"),
        (b"", "text/plain", 429, "answered 429"),
    ],
)
def test_answers_that_are_none(content: bytes, kind: str, status: int, says: str, server: Callable[..., str]) -> None:
    def answer(request: Any) -> None:
        queried(request)
        reply(request, content, kind, status)

    with pytest.raises(FailureError, match=says) as caught:
        read_endpoint(server(answer), [E + "A"])
    assert "127.0.0.1" in str(caught.value)
    assert caught.value.exit_status == 1


def test_endpoints_that_are_down_slow_or_break_off(server: Callable[..., str]) -> None:
    def slow(request: Any) -> None:
        time.sleep(1)

    def drips(request: Any) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "1000000")
        request.end_headers()
        for _ in range(30):
            request.wfile.write(b" " * 65536)
            time.sleep(0.1)

    def breaks(request: Any) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "1000000")
        request.end_headers()
        request.wfile.write(b'{"results"')

    quick = EndpointLimits(timeout=0.2)
    for url, says in (
        ("http://127.0.0.1:9/sparql", "no answer"),
        (server(slow), r"no answer in 0\.2 seconds"),
        (server(drips), r"takes too long|broke off|JSON"),
        (server(breaks), r"broke off|SPARQL results in JSON"),
        ("ftp://127.0.0.1/sparql", "http or https"),
        ("nonsense", "http or https"),
    ):
        start = time.monotonic()
        with pytest.raises(FailureError, match=says):
            read_endpoint(url, [E + "A"], limits=quick)
        assert time.monotonic() - start < 5


def test_a_server_that_never_comes_to_an_end_is_left(server: Callable[..., str]) -> None:
    row = {name: {"type": "uri", "value": f"http://e/{name}"} for name in "spo"}

    def answer(request: Any) -> None:
        queried(request)
        reply(request, bindings([row] * 100))

    with pytest.raises(ConfigError, match="more than 1,000 triples"):
        read_endpoint(server(answer), [E + "A"], limits=EndpointLimits(triples=1000, page=100))
