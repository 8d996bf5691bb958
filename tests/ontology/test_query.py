"""SPARQL: what the graphs hold, from rows to facts, and nothing that writes or reaches out."""

from __future__ import annotations

from pathlib import Path

import pytest

from kgzsl.errors import ConfigError, ParseError
from kgzsl.ontology import Ontology, read_ontology
from kgzsl.ontology.query import Answer, Sparql, query

ZOO = Path(__file__).resolve().parents[1] / "golden" / "zoo.ttl"


@pytest.fixture(scope="module")
def zoo() -> Ontology:
    return read_ontology(ZOO).entail()


@pytest.fixture(scope="module")
def engine(zoo: Ontology) -> Sparql:
    return Sparql(zoo)


def short(answer: Answer) -> set[tuple[str, ...]]:
    return {tuple(row.values.get(v, "").rpartition("#")[2] for v in answer.variables) for row in answer.rows}


def test_graphs_part_the_facts(zoo: Ontology, engine: Sparql) -> None:
    def count(pattern: str) -> int:
        return int(engine.query(f"SELECT (COUNT(*) AS ?n) {{ {pattern} }}").rows[0].values["n"])

    assert count("GRAPH kgzsl:asserted { ?s ?p ?o }") == len(zoo.facts(polarity="positive", status="asserted"))
    assert count("GRAPH kgzsl:entailed { ?s ?p ?o }") == len(zoo.facts(polarity="positive", status="entailed"))
    assert count("GRAPH kgzsl:negative { ?s ?p ?o }") == len(zoo.facts(polarity="negative"))
    names = len({*zoo.classes, *zoo.attributes, *zoo.properties})
    assert count("?s ?p ?o") == len(zoo.facts(polarity="positive")) + names
    assert count("?s rdfs:label ?o") == names


def test_negative_facts_are_asked_by_name_only(engine: Sparql) -> None:
    assert engine.query("ASK { :Horse :hasPattern :Stripes }").boolean is False
    answer = engine.query("SELECT ?c { GRAPH kgzsl:negative { ?c :hasPattern :Stripes } }", facts=True)
    assert short(answer) == {("Horse",)}
    assert [f.polarity for row in answer.rows for f in row.facts] == ["negative"]


def test_rows_lead_to_their_facts(engine: Sparql, zoo: Ontology) -> None:
    answer = engine.query(
        "SELECT DISTINCT ?c { ?c :hasPart ?part ; rdfs:subClassOf+ :Animal FILTER(?part != :Hooves) }", facts=True
    )
    assert short(answer) == {("Antelope",), ("Equine",), ("Horse",), ("Zebra",)}
    for row in answer.rows:
        assert {f.subject for f in row.facts} == {row.values["c"]}
        assert all(zoo.find(f) is not None for f in row.facts)
        assert not any(f.object.endswith("Hooves") for f in row.facts)
        assert any(f.object.endswith("Animal") for f in row.facts)


def test_counts_optional_parts_unions_and_excluded_patterns(engine: Sparql) -> None:
    answer = engine.query("SELECT ?c (COUNT(*) AS ?n) { ?c :hasPart ?x } GROUP BY ?c", facts=True)
    assert answer.variables == ("c", "n")
    assert all(len(row.facts) == int(row.values["n"]) for row in answer.rows)
    answer = engine.query("SELECT ?c { ?c :livesIn :Savanna OPTIONAL { ?c :hasDiet ?d } }", facts=True)
    assert sorted(len(row.facts) for row in answer.rows) == [1, 2]
    answer = engine.query("SELECT ?c { { ?c :hasDiet ?x } UNION { ?c :hasPattern ?x } }", facts=True)
    assert {len(row.facts) for row in answer.rows} == {1, 2}
    for exclusion in ("MINUS { ?c :hasDiet ?d }", "FILTER NOT EXISTS { ?c :hasDiet ?d }"):
        answer = engine.query(f"SELECT ?c {{ ?c :livesIn :Savanna {exclusion} }}", facts=True)
        assert short(answer) == {("Zebra",)}
        assert len(answer.rows[0].facts) == 1


def test_from_is_answered_but_not_traced(engine: Sparql) -> None:
    text = "PREFIX select: <http://e/> SELECT ?c FROM kgzsl:negative { ?c :hasPattern :Stripes }"
    assert short(engine.query(text)) == {("Horse",)}
    with pytest.raises(ConfigError, match="GRAPH"):
        engine.query(text, facts=True)
    assert engine.query(text.replace("FROM kgzsl:negative", ""), facts=True).rows[0].facts


def test_ask_and_construct(engine: Sparql) -> None:
    answer = engine.query("ASK { :Zebra :hasPart :Hooves }", facts=True)
    assert (answer.boolean, answer.rows[0].facts[0].status) == (True, "entailed")
    answer = engine.query("CONSTRUCT { ?c :hasPart ?x } { ?c :hasPart ?x . ?c :livesIn ?y }", facts=True)
    assert answer.variables == ("subject", "predicate", "object")
    assert all(len(row.facts) == 1 for row in answer.rows)
    assert engine.query("CONSTRUCT { ?c :new :x } { ?c :hasPart ?x }", facts=True).rows[0].facts == ()
    assert engine.query("DESCRIBE :Zebra").kind == "construct"


def test_literals_names_and_own_prefixes(engine: Sparql) -> None:
    answer = engine.query("PREFIX z: <http://zoo.example/#> SELECT * { ?c z:discoveredIn ?year ; rdfs:label 'zebra' }")
    assert answer.variables == ("c", "year")
    assert dict(answer.rows[0].values) == {"c": "http://zoo.example/#Zebra", "year": "1758"}
    assert engine.query("PREFIX : <http://other/#> SELECT ?c { ?c :hasPart ?x }").rows == ()


def test_malformed_queries_name_their_line(zoo: Ontology) -> None:
    with pytest.raises(ParseError) as caught:
        query(zoo, "SELECT ?c {\n  ?c :hasPart \n}")
    assert caught.value.problems[0].line == 3
    with pytest.raises(ParseError):
        query(zoo, "SELECT ?c { ?c nosuch:part ?x }")


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * { SERVICE <http://127.0.0.1:9/> { ?s ?p ?o } }",
        "SELECT * { service silent <http://127.0.0.1:9/> { ?s ?p ?o } }",
        "SELECT * { ?s ?p 1SERVICE<http://127.0.0.1:9/>{ ?s ?p ?o } }",
        "SELECT * { \\u0053ERVICE <http://127.0.0.1:9/> { ?s ?p ?o } }",
        "SELECT * { \\U00000053ERVICE <http://127.0.0.1:9/> { ?s ?p ?o } }",
        "SELECT * { ?s ?p ?o FILTER(?o<?s)SERVICE<http://127.0.0.1:9/>{ ?s ?p ?o } }",
        "SELECT * { ?s ?p ?o FILTER(?o = '''a'b''c''') SERVICE:x{ ?s ?p ?o } }",
        "SELECT * { ?s ?p \"it's\" . SERVICE <http://127.0.0.1:9/> { ?s ?p 'x' } }",
        "SELECT * { ?s ?p ?o # <\n SERVICE <http://127.0.0.1:9/> { ?s ?p ?o } }",
        "SELECT * { { SELECT * { SERVICE ?where { ?s ?p ?o } } } }",
        "INSERT DATA { :a :b :c }",
        "PREFIX a: <http://a/> DELETE WHERE { ?s ?p ?o }",
        "# a comment\nload <http://127.0.0.1:9/>",
        "CLEAR ALL",
        "WITH <http://g> DELETE { ?s ?p ?o } WHERE { ?s ?p ?o }",
    ],
)
def test_what_writes_or_reaches_out_is_refused(engine: Sparql, text: str) -> None:
    with pytest.raises(ConfigError):
        engine.query(text)


def test_what_only_looks_like_it_is_not_refused(engine: Sparql) -> None:
    text = 'SELECT ?service { ?service :service \'SERVICE\', """SERVICE""" ; <http://e/SERVICE> ?insert # SERVICE\n}'
    assert engine.query(text).rows == ()


def test_expressions_without_a_name_are_no_one_s_to_ask_for() -> None:
    from kgzsl.ontology import parse_ontology

    ontology = parse_ontology("""@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
        :hasPart a owl:ObjectProperty . :Zebra a owl:Class . :Maned a owl:Class ; owl:equivalentClass [
            a owl:Restriction ; owl:onProperty :hasPart ; owl:someValuesFrom [
                owl:intersectionOf ( :Mane [ a owl:Restriction ; owl:onProperty :hasPart ; owl:someValuesFrom :Hair ] )
        ] ] . :Zebra :hasPart :Mane .""").entail()
    assert any(term.startswith("_:") for term in ontology.terms)
    answer = query(ontology, "SELECT * { ?s ?p ?o FILTER(?p != rdfs:label) }")
    assert len(answer.rows) == len(ontology.facts(polarity="positive")) > 0


def test_a_query_is_checked_without_the_ontology_s_triples(zoo: Ontology) -> None:
    engine = Sparql(zoo, names={"ex": "http://example.org/"})
    engine.check("SELECT ?c { ?c ex:part :Hooves }")
    assert "_store" not in engine.__dict__
    with pytest.raises(ParseError) as caught:
        engine.check("SELECT ?c {\n ?c :hasPart }")
    assert (caught.value.problems[0].line, "column 14" in caught.value.problems[0].got) == (2, True)
    with pytest.raises(ConfigError, match="SERVICE"):
        engine.check("SELECT * { SERVICE <http://127.0.0.1:9/> { ?s ?p ?o } }")


def test_iris_with_characters_that_are_not_allowed_come_back_as_they_are() -> None:
    from kgzsl.ontology import parse_ontology

    table = "Subject\tRelation\tObject\nAwA:n1\tAwA:has\tAwA:a1\nAwA:n1\tAwA:odd name\tAwA:a1\n"
    ontology = parse_ontology(table, format="K-ZSL table", profile="kzsl")
    answer = query(ontology, "SELECT ?p { :n1 ?p :a1 }", facts=True)
    assert {p for (p,) in short(answer)} == {"has", "odd name"}
    assert all(row.facts for row in answer.rows)
