"""Explanations as RDF: every number comes back, every term is declared, and proofs lead down to files."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import rdflib
from rdflib import RDF, RDFS, Graph, URIRef

from kgzsl import api
from kgzsl.explain.explanation import Counterfactual, Explanation, GroupContribution, LearnedFrom
from kgzsl.explain.rdf import PROV, WHY, RunName, to_turtle, vocabulary
from kgzsl.ontology import Fact, Ontology, parse_ontology

from .conftest import EX, make_explanation  # type: ignore[import-not-found]

RUN = RunName("runs/zoo", "0123456789abcdef" * 4, kind="duet")
ZOO = """
@prefix : <http://example.org/creatures#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
:hasPart a owl:ObjectProperty . :hasPattern a owl:ObjectProperty . :hasPart rdfs:label "has part" .
:zebra a owl:Class ; :hasPattern :stripes ; :hasPart :tail , :long_neck ; rdfs:subClassOf :Equid .
:horse a owl:Class ; :hasPart :saddle_mark ; rdfs:subClassOf :Equid .
:Equid a owl:Class ; :hasPart :mane , :brown_coat ; rdfs:subClassOf :Ungulate .
:Ungulate a owl:Class ; :hasPart :hooves . :tapir a owl:Class . :okapi a owl:Class . :pig a owl:Class .
"""


@pytest.fixture(scope="module")
def zoo() -> Ontology:
    return parse_ontology(ZOO).entail()


@pytest.fixture
def full() -> Explanation:
    """With everything that an explanation may hold."""
    plain = make_explanation()
    first, *rest = plain.facts
    weak = Fact(EX + "horse", EX + "hasPart", EX + "tail", strength=0.25, source="coats.ttl")
    first = replace(
        first,
        gate=0.75,
        renormalized=1 / 3,
        assumed=0.25,
        interval=(0.1 + 0.2, 1e-17),
        other=rest[0].proof,
        learned_from=(LearnedFrom(EX + "okapi", ("okapi 1.png", "okapi 2.png")), LearnedFrom(EX + "tapir")),
    )
    return replace(
        plain,
        facts=(first, *rest),
        exact_for="what is true",
        gap=0.01,
        parts={"calibration": -0.04, "prompt": -0.01},
        groups=(
            GroupContribution("ancestor", EX + "Equid", (rest[1].fact, rest[0].fact), 0.5),
            GroupContribution("entailed", "", (rest[0].fact,), -0.25),
        ),
        counterfactual=Counterfactual(
            (first.fact,), (weak,), -0.125, True, ("no zebra has stripes", "every horse has a coat")
        ),
        warnings=("gates are closed",),
    )


def parsed(text: str) -> Graph:
    return Graph().parse(data=text, format="turtle")


def one(graph: Graph, subject: Any, name: str) -> Any:
    """The one value of a term under ``why:``."""
    (value,) = graph.objects(subject, URIRef(WHY + name))
    return value if isinstance(value, URIRef) else value.toPython()


def only(graph: Graph, kind: str) -> URIRef:
    (node,) = graph.subjects(RDF.type, URIRef(WHY + kind))
    return node


def test_every_number_comes_back_to_the_last_bit(full: Explanation, zoo: Ontology) -> None:
    graph = parsed(to_turtle([full], zoo, run=RUN))
    node = only(graph, "Explanation")
    for name, value in {
        "margin": full.margin,
        "remainder": full.remainder,
        "completenessGap": full.completeness_gap,
        "gap": 0.01,
        "additive": True,
        "method": full.method,
        "exactFor": "what is true",
        "unit": "scores",
        "warning": "gates are closed",
        "explained": URIRef(EX + "zebra"),
        "rival": URIRef(EX + "horse"),
    }.items():
        assert one(graph, node, name) == value
    contributions = sorted(graph.objects(node, URIRef(WHY + "contribution")), key=lambda k: one(graph, k, "rank"))
    assert [one(graph, k, "rank") for k in contributions] == list(range(1, len(full.every) + 1))
    for own, told in zip(contributions, full.every, strict=True):
        fact = one(graph, own, "fact")
        assert (one(graph, own, "value"), one(graph, own, "evidence")) == (told.contribution, told.evidence)
        assert one(graph, own, "side") == ("rival" if told in full.rival_facts else "explained")
        assert [str(graph.value(fact, p)) for p in (RDF.subject, RDF.predicate, RDF.object)] == list(told.fact.key[:3])
        assert one(graph, fact, "polarity") == told.fact.polarity
        assert one(graph, fact, "status") == told.fact.status
        assert one(graph, fact, "verbalization") == told.verbalization
        if told.box:
            region = one(graph, own, "region")
            assert tuple(one(graph, region, edge) for edge in ("left", "top", "right", "bottom")) == told.box
    first, most = contributions[0], full.every[0]
    assert (one(graph, first, "gate"), one(graph, first, "renormalized")) == (0.75, 1 / 3)
    assert (one(graph, first, "low"), one(graph, first, "high")) == most.interval
    lessons = {one(graph, k, "class"): k for k in graph.objects(first, URIRef(WHY + "learnedFrom"))}
    pictured = set(graph.objects(lessons[URIRef(EX + "okapi")], URIRef(WHY + "imageName")))
    assert {str(name) for name in pictured} == {"okapi 1.png", "okapi 2.png"}
    parts = {one(graph, p, "kind"): one(graph, p, "value") for p in graph.objects(node, URIRef(WHY + "part"))}
    assert parts == full.parts
    groups = {one(graph, g, "kind"): g for g in graph.objects(node, URIRef(WHY + "group"))}
    assert one(graph, groups["ancestor"], "about") == URIRef(EX + "Equid")
    assert len(list(graph.objects(groups["ancestor"], URIRef(WHY + "fact")))) == 2
    assert one(graph, groups["entailed"], "value") == -0.25
    turned = one(graph, node, "counterfactual")
    assert (one(graph, turned, "margin"), one(graph, turned, "smallest")) == (-0.125, True)
    assert one(graph, one(graph, turned, "adds"), "strength") == 0.25
    assert one(graph, one(graph, turned, "removes"), "verbalization") == most.verbalization
    scores = {one(graph, s, "class"): one(graph, s, "value") for s in graph.subjects(RDF.type, URIRef(WHY + "Score"))}
    assert scores == {URIRef(iri): score for iri, score in full.top}


def test_provenance_leads_to_run_and_image(full: Explanation, zoo: Ontology) -> None:
    graph = parsed(to_turtle([full], zoo, run=RUN))
    node, run, image = (only(graph, kind) for kind in ("Explanation", "Run", "Image"))
    (activity,) = graph.objects(node, URIRef(PROV.wasGeneratedBy))
    assert set(graph.objects(activity, URIRef(PROV.used))) == {run, image}
    assert (activity, RDF.type, URIRef(PROV.Activity)) in graph
    assert all((one, RDF.type, URIRef(PROV.Entity)) in graph for one in (node, run, image))
    assert str(graph.value(image, RDFS.label)) == full.image
    assert (str(graph.value(run, RDFS.label)), one(graph, run, "modelKind")) == ("runs/zoo", "duet")
    prediction = one(graph, node, "explains")
    assert one(graph, prediction, "predicted") == URIRef(EX + "zebra")
    assert set(graph.objects(prediction, URIRef(PROV.wasDerivedFrom))) == {run, image}


def test_proofs_lead_down_to_asserted_facts_and_their_files(full: Explanation, zoo: Ontology) -> None:
    graph = parsed(to_turtle([full], zoo, run=RUN))
    for told in full.every:
        rows = graph.query(
            """SELECT ?s ?p ?o ?source { ?fact rdf:subject ?subject ; rdf:object ?object ; why:proof ?proof .
            ?proof why:premise* ?leaf . ?leaf why:rule "asserted" ; why:concludes ?stated .
            ?stated rdf:subject ?s ; rdf:predicate ?p ; rdf:object ?o ; why:source ?source }""",
            initNs={"why": WHY},
            initBindings={"subject": URIRef(told.fact.subject), "object": URIRef(told.fact.object)},
        )
        stated = {tuple(map(str, row)) for row in rows}  # type: ignore[arg-type]
        assert stated == {(*fact.key[:3], fact.source) for fact in told.proof.asserted()}
    rules = {one(graph, proof, "rule") for proof in graph.subjects(RDF.type, URIRef(WHY + "Proof"))}
    assert rules == {"asserted", "inheritance"}


def test_every_term_is_declared_and_every_declared_term_is_used(full: Explanation, zoo: Ontology) -> None:
    declared = {node for node in parsed(vocabulary()).subjects() if str(node).startswith(WHY)}
    used = {term for triple in parsed(to_turtle([full], zoo, run=RUN)) for term in triple if str(term).startswith(WHY)}
    # The others are of images in a run's own data.
    others = {URIRef(WHY + name) for name in ("SeenClass", "UnseenClass", "labeled", "split")}
    assert declared == used | others
    for node in declared:
        assert len(list(parsed(vocabulary()).objects(node, RDFS.label))) == 1
        assert str(parsed(vocabulary()).value(node, RDFS.comment)).endswith(".")


def test_the_docs_list_every_term_as_it_is_declared() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "explaining.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| `why:(\w+)` \| (.*) \|$", text, flags=re.MULTILINE))
    graph = parsed(vocabulary())
    terms = {str(node).removeprefix(WHY): node for node in graph.subjects() if str(node).startswith(WHY)}
    assert listed == {name: str(graph.value(node, RDFS.comment)) for name, node in terms.items()}


def test_the_same_explanation_is_the_same_text_and_what_is_shared_is_one_node(full: Explanation, zoo: Ontology) -> None:
    text = to_turtle([full], zoo, run=RUN)
    assert text == to_turtle([full], zoo, run=RUN)
    graph = parsed(text)
    both = parsed(to_turtle([full, replace(full, image="other.png")], zoo, run=RUN))
    for kind, times in {"Fact": 1, "Proof": 1, "Run": 1, "Explanation": 2, "Image": 2, "Contribution": 2}.items():
        count, twice = (len(list(g.subjects(RDF.type, URIRef(WHY + kind)))) for g in (graph, both))
        assert twice == times * count
    assert set(graph) < set(both)


def test_literals_odd_names_and_axioms() -> None:
    ontology = parse_ontology(
        """@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
        @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . :hasPart a owl:ObjectProperty .
        :foundIn a owl:DatatypeProperty . :Zebra a owl:Class ; :foundIn 1758 ; :hasPart :Mane .
        :Maned a owl:Class ; owl:equivalentClass [ a owl:Restriction ;
            owl:onProperty :hasPart ; owl:someValuesFrom :Mane ] ."""
    ).entail()
    (year,) = ontology.facts("http://e/#Zebra", "http://e/#foundIn")
    (maned,) = ontology.facts("http://e/#Zebra", "http://www.w3.org/2000/01/rdf-schema#subClassOf", "http://e/#Maned")
    told = make_explanation()
    facts = tuple(
        replace(told.facts[0], fact=fact, proof=ontology.prove(fact), verbalization="") for fact in (year, maned)
    )
    graph = parsed(to_turtle([replace(told, facts=facts, rival_facts=())], ontology, run=RUN))
    assert (None, RDF.object, rdflib.Literal(1758)) in graph
    (definition,) = (s for s in graph.objects(None, RDF.subject) if isinstance(s, rdflib.Literal))
    assert str(definition) == "<http://e/#hasPart> some <http://e/#Mane>"
    assert (URIRef("http://e/#Zebra"), RDFS.label, None) not in graph  # the explanation has no label of it


def test_of_a_run_contributions_and_remainder_are_the_margin(toys: Any, toy_run: Any, tmp_path: Path) -> None:
    explanation = api.explain(toy_run, toys.images / "YellowDisc" / "0.png")
    file = api.write_turtle(toy_run, [explanation], tmp_path / "why.ttl")
    graph = Graph().parse(file)
    node = only(graph, "Explanation")
    total = sum(one(graph, k, "value") for k in graph.objects(node, URIRef(WHY + "contribution")))
    assert total + one(graph, node, "remainder") == pytest.approx(explanation.margin, abs=1e-9)
    assert one(graph, node, "margin") == explanation.margin
    assert file.read_bytes() == api.write_turtle(toy_run, [explanation], tmp_path / "again.ttl").read_bytes()
    # Elsewhere the run is the same one.
    assert api.querying.run_name(toy_run).digest == api.querying.run_name(api.load_run(toy_run.folder.path)).digest
