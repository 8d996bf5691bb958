"""Files in, facts out: formats, their errors, and what the owl profile makes of axioms."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from kgzsl.errors import ConfigError, FormatError, NoClassesError, OntologyError, ParseError, UnknownTermError
from kgzsl.ontology import parse_ontology, read_ontology

E = "http://e/#"
TURTLE = """@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . @prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
:has a owl:ObjectProperty . :Zebra a owl:Class ; rdfs:label "zebra"@en , "Zebra (Tier)"@de ;
  skos:altLabel "striped horse" ;
  rdfs:subClassOf :Horse , [ a owl:Restriction ; owl:onProperty :has ; owl:someValuesFrom :Stripes ] .
:Horse a owl:Class . :Stripes a owl:Class .
"""
XML = """<?xml version="1.0"?>
{doctype}<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:owl="http://www.w3.org/2002/07/owl#">
  <owl:Class rdf:about="{zebra}"/>
</rdf:RDF>"""


def said(axioms: str) -> set[tuple[str, str, str]]:
    """Facts about :C that some axioms give, as (property, filler, sign)."""
    ontology = parse_ontology(f"{TURTLE} :C a owl:Class . :p a owl:ObjectProperty . :q a owl:ObjectProperty . {axioms}")
    return {
        (f.predicate.rpartition("#")[2], f.object.rpartition("#")[2], "+" if f.polarity == "positive" else "-")
        for f in ontology.facts(E + "C")
    }


@pytest.mark.parametrize("suffix", [".ttl", ".nt", ".rdf", ".owl", ".jsonld", ".ttl.gz", ".nt.gz"])
def test_every_serialization_gives_the_same_ontology(tmp_path: Path, suffix: str) -> None:
    import rdflib

    names = {".ttl": "turtle", ".nt": "nt", ".rdf": "xml", ".owl": "xml", ".jsonld": "json-ld"}
    graph = rdflib.Graph().parse(data=TURTLE, format="turtle")
    content = graph.serialize(format=names[suffix.removesuffix(".gz")], encoding="utf-8")
    path = tmp_path / f"zoo{suffix}"
    path.write_bytes(gzip.compress(content) if suffix.endswith(".gz") else b"\xef\xbb\xbf" + content)
    ontology = read_ontology(path)
    assert ontology.digest == parse_ontology(TURTLE).digest
    assert (ontology.report.files, ontology.report.profile) == ((str(path),), "owl")
    assert ontology.facts(E + "Zebra")[0].source == str(path)


def test_several_files_are_one_graph(tmp_path: Path) -> None:
    (tmp_path / "a.ttl").write_text(TURTLE)
    (tmp_path / "b.ttl").write_text("@prefix : <http://e/#> . :Zebra :has :Hooves . :Hooves a :Part .")
    ontology = read_ontology(tmp_path / "a.ttl", tmp_path / "b.ttl")
    (fact,) = ontology.facts(object=E + "Hooves")
    assert fact.source == str(tmp_path / "b.ttl")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.ttl", b"", "empty"),
        ("a.ttl", b" \n", "empty"),
        ("a.ttl", b"\x89PNG\r\n\x1a\n", "PNG"),
        ("a.ttl", b"%PDF-1.7", "PDF"),
        ("a.ttl", b'<?xml version="1.0"?><rdf:RDF/>', "RDF/XML"),
        ("a.rdf", TURTLE.encode(), "looks like Turtle"),
        ("a.rdf", b'<?xml version="1.0"?>\n<Ontology xmlns="http://www.w3.org/2002/07/owl#">', "OWL/XML"),
        ("a.nt", TURTLE.encode(), "looks like Turtle"),
        ("a.json", TURTLE.encode(), "looks like Turtle"),
        ("a.csv", b"a,b,c\n1,2,3\n", "does not look like K-ZSL table"),
        ("a.ttl", b"\xff\xfe@\x00p\x00", "UTF-16"),
        ("a.ttl", b"<html><body>404</body></html>", "HTML"),
        ("a.ttl.gz", b"plain", "gzip"),
        ("a.xyz", TURTLE.encode(), "unknown suffix"),
        ("a", TURTLE.encode(), "unknown suffix"),
    ],
)
def test_a_file_that_is_not_what_it_says(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FormatError, match=says) as caught:
        read_ontology(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no such file"):
        read_ontology(tmp_path / "none.ttl")
    with pytest.raises(FormatError, match="folder"):
        read_ontology(tmp_path)
    with pytest.raises(FormatError, match="no file"):
        read_ontology()


def test_the_format_can_be_given(tmp_path: Path) -> None:
    (tmp_path / "zoo.txt").write_text(TURTLE)
    assert read_ontology(tmp_path / "zoo.txt", format="turtle").digest == parse_ontology(TURTLE).digest
    with pytest.raises(FormatError, match="no format 'word'"):
        read_ontology(tmp_path / "zoo.txt", format="word")


def test_malformed_turtle_names_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "bad.ttl"
    path.write_text(TURTLE + ":Zebra rdfs:label .\n")
    with pytest.raises(ParseError) as caught:
        read_ontology(path)
    (problem,) = caught.value.problems
    assert (problem.file, problem.line) == (path, TURTLE.count("\n") + 1)


def test_all_bad_files_are_reported_at_once(tmp_path: Path) -> None:
    (tmp_path / "bad.ttl").write_text(":a :b :c .")
    (tmp_path / "image.ttl").write_bytes(b"\x89PNG")
    with pytest.raises(OntologyError) as caught:
        read_ontology(tmp_path / "bad.ttl", tmp_path / "image.ttl", tmp_path / "none.ttl")
    assert len(caught.value.problems) == 3


def test_namespace_entities_work_and_dangerous_ones_do_not(tmp_path: Path) -> None:
    path = tmp_path / "zoo.owl"
    path.write_text(XML.format(doctype=f'<!DOCTYPE rdf:RDF [<!ENTITY e "{E}">]>\n', zebra="&e;Zebra"))
    assert read_ontology(path).classes == (E + "Zebra",)
    secret = tmp_path / "secret"
    secret.write_text("secret")
    for entity in (
        f'<!ENTITY x SYSTEM "{secret.as_uri()}">',
        '<!ENTITY % x SYSTEM "http://e/x.dtd">',
        '<!ENTITY a "aaaa"><!ENTITY x "&a;&a;&a;">',
        f'<!ENTITY x "{"a" * 5000}">',
    ):
        path.write_text(XML.format(doctype=f"<!DOCTYPE rdf:RDF [{entity}]>\n", zebra=E + "Zebra"))
        with pytest.raises(FormatError, match="entit") as caught:
            read_ontology(path)
        assert caught.value.problems[0].line == 2


def test_no_classes_says_what_there_is_and_what_would_help(tmp_path: Path) -> None:
    with pytest.raises(NoClassesError, match="among 1 triples"):
        parse_ontology("<http://e/a> <http://e/b> <http://e/c> .")
    numbered = "@prefix : <http://e/#> . :n1 :hasPart :a2 ."
    with pytest.raises(NoClassesError, match="profile='kzsl'"):
        parse_ontology(numbered, profile="owl")
    with pytest.raises(NoClassesError, match="profile='owl'"):
        parse_ontology(TURTLE, profile="kzsl")
    taxonomy = "@prefix : <http://e/#> . :n1 <http://www.w3.org/2000/01/rdf-schema#subClassOf> :n2 ."
    assert parse_ontology(taxonomy).report.profile == "kzsl"
    # Under owl, what stands in a taxonomy is a class even where nothing is declared.
    assert parse_ontology(taxonomy, profile="owl").classes == ("http://e/#n1", "http://e/#n2")
    with pytest.raises(ConfigError, match="no profile 'xml'"):
        parse_ontology(TURTLE, profile="xml")


P = "a owl:Restriction ; owl:onProperty :p ;"


@pytest.mark.parametrize(
    ("axiom", "expected"),
    [
        (f"rdfs:subClassOf [ {P} owl:someValuesFrom :F ]", {("p", "F", "+")}),
        (f"rdfs:subClassOf [ {P} owl:hasValue :red ]", {("p", "red", "+")}),
        (f"rdfs:subClassOf [ {P} owl:hasValue 1981 ]", {("p", "1981", "+")}),
        (f'rdfs:subClassOf [ {P} owl:minCardinality "1"^^xsd:nonNegativeInteger ]', {("p", "Thing", "+")}),
        (f"rdfs:subClassOf [ {P} owl:minQualifiedCardinality 2 ; owl:onClass :F ]", {("p", "F", "+")}),
        (f"rdfs:subClassOf [ {P} owl:qualifiedCardinality 4 ; owl:onClass :F ]", {("p", "F", "+")}),
        (f"rdfs:subClassOf [ {P} owl:cardinality 0 ]", {("p", "Thing", "-")}),
        (f"rdfs:subClassOf [ {P} owl:minCardinality 0 ]", set()),
        (f"rdfs:subClassOf [ {P} owl:maxCardinality 1 ]", set()),
        (f"rdfs:subClassOf [ {P} owl:maxCardinality 0 ]", {("p", "Thing", "-")}),
        (f"rdfs:subClassOf [ {P} owl:maxQualifiedCardinality 0 ; owl:onClass :F ]", {("p", "F", "-")}),
        (f"rdfs:subClassOf [ {P} owl:allValuesFrom owl:Nothing ]", {("p", "Thing", "-")}),
        (f"rdfs:subClassOf [ {P} owl:allValuesFrom :F ]", set()),
        (f"rdfs:subClassOf [ owl:complementOf [ {P} owl:someValuesFrom :F ] ]", {("p", "F", "-")}),
        (f"rdfs:subClassOf [ owl:complementOf [ {P} owl:hasValue :red ] ]", {("p", "red", "-")}),
        (f"rdfs:subClassOf [ owl:complementOf [ {P} owl:minCardinality 1 ] ]", {("p", "Thing", "-")}),
        (f"rdfs:subClassOf [ owl:complementOf [ {P} owl:minCardinality 2 ] ]", set()),
        (f"rdfs:subClassOf [ owl:complementOf [ {P} owl:maxCardinality 0 ] ]", {("p", "Thing", "+")}),
        (f"rdfs:subClassOf [ owl:complementOf [ {P} owl:cardinality 1 ] ]", set()),
        ("rdfs:subClassOf [ owl:complementOf :D ]", {("subClassOf", "D", "-")}),
        (
            f"owl:equivalentClass [ owl:intersectionOf ( :D [ {P} owl:someValuesFrom :F ] "
            f"[ owl:intersectionOf ( [ {P} owl:someValuesFrom :G ] ) ] ) ]",
            {("subClassOf", "D", "+"), ("p", "F", "+"), ("p", "G", "+")},
        ),
        (
            f"rdfs:subClassOf [ owl:complementOf [ owl:unionOf ( :D [ {P} owl:someValuesFrom :F ] ) ] ]",
            {("subClassOf", "D", "-"), ("p", "F", "-")},
        ),
        ("rdfs:subClassOf [ owl:unionOf ( :D :F ) ]", set()),
        ("owl:disjointWith :D", {("subClassOf", "D", "-")}),
        ("owl:equivalentClass :D", {("equivalentClass", "D", "+")}),
        (":p :F", {("p", "F", "+")}),
        ("rdfs:subClassOf owl:Thing , :C", set()),
        ("rdfs:comment 'nothing' ; :note 'nothing'", set()),
    ],
)
def test_axioms_become_facts(axiom: str, expected: set[tuple[str, str, str]]) -> None:
    assert said(f":D a owl:Class . :F a owl:Class . :C {axiom} .") == expected


def test_all_disjoint_classes() -> None:
    assert said("[] a owl:AllDisjointClasses ; owl:members ( :C :Horse :Zebra ) .") == {
        ("subClassOf", "Horse", "-"),
        ("subClassOf", "Zebra", "-"),
    }


def test_what_is_not_used_is_counted_by_construct() -> None:
    ontology = parse_ontology(f"""{TURTLE} :Horse rdfs:subClassOf [ owl:unionOf ( :Zebra :Horse ) ] ,
        [ {P} owl:allValuesFrom :Stripes ] , [ owl:oneOf ( :x ) ] , [ {P} owl:someValuesFrom [ a owl:Class ] ] .
        :has rdfs:domain :Horse ; rdfs:range :Stripes . :Horse rdfs:comment "a horse" .
        [ a owl:Restriction ] rdfs:subClassOf :Horse .""")
    assert ontology.report.not_understood == {
        "allValuesFrom": 1,
        "domain": 1,
        "general class axiom": 1,
        "oneOf": 1,
        "range": 1,
        "someValuesFrom with an anonymous filler": 1,
        "unionOf": 1,
    }
    assert ontology.report.annotations == 1


def test_an_expression_that_contains_itself_ends() -> None:
    ontology = parse_ontology(
        f"""{TURTLE} :Horse rdfs:subClassOf _:x . _:x owl:complementOf _:x .
        :Horse rdfs:subClassOf [ owl:intersectionOf _:l ] . _:l rdf:first :Zebra ; rdf:rest _:l .
        """.replace("rdf:", "<http://www.w3.org/1999/02/22-rdf-syntax-ns#")
        .replace("#first", "#first>")
        .replace("#rest", "#rest>")
    )
    assert ontology.report.not_understood == {"an expression that contains itself": 1}


def test_classes_and_attributes_are_told_apart_by_use() -> None:
    ontology = parse_ontology(f"""{TURTLE} :Color a owl:Class . :Red rdfs:subClassOf :Color . :Blue a owl:Class ;
        rdfs:subClassOf :Color . :Color rdfs:subClassOf :Entity . :Animal rdfs:subClassOf :Entity .
        :Horse rdfs:subClassOf :Animal . :Zebra :has :Red . :Red a owl:Class . :Lonely a owl:Class .
        :Lion a owl:Class ; :has :Zebra , :Animal .""")
    short = {E + n for n in ("Zebra", "Horse", "Animal", "Entity", "Lonely", "Lion")}
    assert set(ontology.classes) == short
    assert set(ontology.attributes) == {E + n for n in ("Stripes", "Red", "Blue", "Color")}
    assert set(ontology.leaves) == {E + n for n in ("Zebra", "Lonely", "Lion")}
    assert ontology.properties == (E + "has",)


def test_names_lead_back_to_terms() -> None:
    ontology = parse_ontology(TURTLE + ":KillerWhale a owl:Class . :Orca a owl:Class ; skos:altLabel 'horse' .")
    assert ontology.label(E + "Zebra") == "zebra"
    assert ontology.alternative_labels(E + "Zebra") == ("Zebra (Tier)", "striped horse")
    assert ontology.label(E + "KillerWhale") == "killer whale"
    for name in ("killer+whale", "Killer_Whale", "KillerWhale", "killer-whale", E + "KillerWhale"):
        assert ontology.resolve(name) == E + "KillerWhale"
    assert ontology.resolve("striped HORSE") == E + "Zebra"
    assert ontology.resolve("horse") == E + "Horse"  # a name of its own goes before another's second name
    with pytest.raises(UnknownTermError, match="did you mean zebra"):
        ontology.resolve("zebar")
    twice = parse_ontology(TURTLE + ":Bat1 a owl:Class ; rdfs:label 'bat' . :Bat2 a owl:Class ; rdfs:label 'bat' .")
    with pytest.raises(UnknownTermError, match=r"2 terms.*Bat1.*Bat2"):
        twice.resolve("bat")


def test_facts_are_filtered_and_sorted() -> None:
    ontology = parse_ontology(TURTLE).entail()
    assert [f.key for f in ontology.facts(predicate=E + "has")] == [(E + "Zebra", E + "has", E + "Stripes", "positive")]
    assert ontology.facts() == sorted(ontology.facts(), key=lambda f: f.key)
    assert ontology.facts("http://nowhere") == []
    assert ontology.facts(polarity="negative") == []


def test_views_and_the_way_back() -> None:
    ontology = parse_ontology(f"""{TURTLE} :Fox a owl:Class ; rdfs:subClassOf [ {P} owl:hasValue 1981 ] ;
        owl:disjointWith :Horse ; rdfs:subClassOf [ owl:complementOf [ {P} owl:someValuesFrom :Stripes ] ] ,
        [ {P} owl:hasValue :red ] . :red a :Color . :Color a owl:Class .""")
    graph = ontology.class_graph()
    assert list(graph.edges(data="predicate")) == [
        (E + "Zebra", E + "Horse", "http://www.w3.org/2000/01/rdf-schema#subClassOf")
    ]
    assert graph.nodes[E + "Zebra"] == {"label": "zebra"}
    edges = set(ontology.attribute_graph().edges(data="predicate"))
    assert (E + "Zebra", E + "Stripes", E + "has") in edges
    text = ontology.to_rdflib().serialize(format="turtle")
    again = parse_ontology(text)
    assert [f.key for f in again.facts()] == [f.key for f in ontology.facts()]
    assert (again.classes, again.attributes) == (ontology.classes, ontology.attributes)
    assert again.digest == ontology.digest


def test_owlready2_sees_the_classes() -> None:
    from kgzsl.ontology.owlready2_adapter import to_owlready2

    loaded = to_owlready2(parse_ontology(TURTLE))
    assert {c.iri for c in loaded.world.classes()} == {E + "Zebra", E + "Horse", E + "Stripes"}
