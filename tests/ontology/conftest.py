"""One small ontology in every format, and a server on this machine that can misbehave."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

TURTLE = b"""@prefix : <http://e/#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
<http://e/zoo> a owl:Ontology .
:has a owl:ObjectProperty .
:Stripes a owl:Class .
:Horse a owl:Class .
:Zebra a owl:Class ; rdfs:label "zebra"@en ;
  rdfs:subClassOf :Horse , [ a owl:Restriction ; owl:onProperty :has ; owl:someValuesFrom :Stripes ] .
"""
OWX = b"""<?xml version="1.0"?>
<!-- Ontology -->
<Ontology xmlns="http://www.w3.org/2002/07/owl#" xml:base="http://e/zoo" ontologyIRI="http://e/zoo">
<Prefix name="" IRI="http://e/#"/>
<Declaration><ObjectProperty IRI="http://e/#has"/></Declaration>
<Declaration><Class IRI="http://e/#Stripes"/></Declaration>
<Declaration><Class abbreviatedIRI=":Horse"/></Declaration>
<Declaration><Class IRI="http://e/#Zebra"/></Declaration>
<SubClassOf><Class IRI="http://e/#Zebra"/><Class IRI="http://e/#Horse"/></SubClassOf>
<SubClassOf><Class IRI="http://e/#Zebra"/><ObjectSomeValuesFrom><ObjectProperty IRI="http://e/#has"/>
<Class IRI="http://e/#Stripes"/></ObjectSomeValuesFrom></SubClassOf>
<AnnotationAssertion><AnnotationProperty abbreviatedIRI="rdfs:label"/><IRI>http://e/#Zebra</IRI>
<Literal xml:lang="en">zebra</Literal></AnnotationAssertion>
</Ontology>
"""
OFN = b"""Prefix(:=<http://e/#>)
Prefix(rdfs:=<http://www.w3.org/2000/01/rdf-schema#>)
Ontology(<http://e/zoo>
Declaration(ObjectProperty(:has))
Declaration(Class(:Stripes))
Declaration(Class(:Horse))
Declaration(Class(:Zebra))
SubClassOf(:Zebra :Horse)
SubClassOf(:Zebra ObjectSomeValuesFrom(:has :Stripes))
AnnotationAssertion(rdfs:label :Zebra "zebra"@en)
)
"""
OMN = b"""Prefix: : <http://e/#>
Prefix: owl: <http://www.w3.org/2002/07/owl#>
Prefix: rdfs: <http://www.w3.org/2000/01/rdf-schema#>
Ontology: <http://e/zoo>
ObjectProperty: :has
Class: :Stripes
Class: :Horse
Class: :Zebra
  Annotations: rdfs:label "zebra"@en
  SubClassOf: :Horse, :has some :Stripes
"""
OBO = b"""format-version: 1.2
ontology: zoo

[Term]
id: ZOO:1
name: zebra
synonym: "striped horse" EXACT []
is_a: ZOO:2 ! horse
relationship: has_part ZOO:3 ! stripes

[Term]
id: ZOO:2
name: horse

[Term]
id: ZOO:3
name: stripes

[Typedef]
id: has_part
name: has part
"""
TABLE = b"""Subject\tRelation\tObject
AwA:n1\trdfs:subClassOf\tAwA:n2
AwA:n1\tAwA:hasColor\tAwA:a1
AwA:n1\trdfs:label\tzebra
"""


def converted(format: str) -> bytes:
    """The zoo as pyoxigraph writes it."""
    import pyoxigraph

    quads = pyoxigraph.parse(input=TURTLE, format=pyoxigraph.RdfFormat.TURTLE)
    return pyoxigraph.serialize(quads, format=getattr(pyoxigraph.RdfFormat, format))


@pytest.fixture(scope="session")
def zoo() -> dict[str, bytes]:
    """The same ontology by suffix; .obo and .tsv say nearly the same."""
    return {
        ".ttl": TURTLE,
        ".n3": TURTLE,
        ".trig": b":unused".join(TURTLE.split(b":unused")),
        ".nt": converted("N_TRIPLES"),
        ".nq": converted("N_QUADS"),
        ".rdf": converted("RDF_XML"),
        ".jsonld": converted("JSON_LD"),
        ".owx": OWX,
        ".ofn": OFN,
        ".omn": OMN,
        ".obo": OBO,
        ".tsv": TABLE,
    }


@pytest.fixture
def server() -> Iterator[Callable[[Callable[[Any], None]], str]]:
    """Starts servers: given what to do with a request, the address of one that does it."""
    running = []

    def start(answer: Callable[[Any], None]) -> str:
        class Handler(BaseHTTPRequestHandler):
            do_GET = do_POST = lambda self: answer(self)

            def log_message(self, *arguments: object) -> None:
                pass

        found = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        found.daemon_threads = True
        threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        running.append(found)
        return f"http://127.0.0.1:{found.server_port}"

    yield start
    for found in running:
        found.shutdown()
        found.server_close()
