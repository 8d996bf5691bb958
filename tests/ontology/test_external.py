"""What other vocabularies say: by hops and predicates, and never in the place of what the ontology says itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kgzsl.api.sources import read_for
from kgzsl.errors import ConfigError, NoFactsError
from kgzsl.ontology import Ontology, parse_ontology
from kgzsl.ontology.external import with_external
from kgzsl.ontology.profile import PROFILES
from kgzsl.ontology.vocabulary import RDFS
from kgzsl.semantics import class_attributes
from kgzsl.semantics.groups import chosen
from kgzsl.train.run import parse_config

GRAPH = """
@prefix a: <http://own/#> . @prefix c: <http://concepts/#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
a:n1 rdfs:label "zebra" ; rdfs:subClassOf a:n3 ; a:pattern a:a1 ; owl:sameAs c:zebra .
a:n2 rdfs:label "horse" ; rdfs:subClassOf a:n3 ; a:pattern a:a2 ; owl:sameAs c:horse .
a:n3 rdfs:label "equid" .
a:a1 rdfs:label "stripes" . a:a2 rdfs:label "plain" .
c:zebra c:usedFor c:zoo ; c:hasA c:mane ; a:pattern c:spots ; rdfs:subClassOf c:horse .
c:horse c:usedFor c:riding .
c:zoo c:locatedNear c:town .
c:town c:hasA c:street .
"""


def both(graph: str = GRAPH) -> tuple[Ontology, Ontology]:
    core = parse_ontology(graph, profile="kzsl").entail()
    return core, parse_ontology(graph, profile=replace(PROFILES["kzsl"], scope="all")).entail()


def external(ontology: Ontology, hop: int) -> set[str]:
    assert ontology.reach is not None
    facts = [ontology.fact(row) for row in np.flatnonzero(ontology.reach == hop).tolist()]
    return {" ".join(term.rpartition("#")[2] for term in (f.subject, f.predicate, f.object)) for f in facts}


def test_hops_count_from_the_ontologys_own_terms() -> None:
    found = with_external(*both(), hops=3)
    assert {"n1 usedFor zoo", "n1 hasA mane", "n2 usedFor riding", "zebra usedFor zoo"} <= external(found, 1)
    assert external(found, 2) == {"zoo locatedNear town"}
    assert external(found, 3) == {"town hasA street"}
    near = with_external(*both(), hops=1)
    assert external(near, 1) == external(found, 1)
    assert not external(near, 2)


def test_what_follows_from_other_vocabularies_describes_no_class() -> None:
    found = with_external(*both(), hops=2)
    # By c:zebra being a kind of c:horse the zebra would be a kind of the ontology's own horse.
    zebra, horse = found.resolve("zebra"), found.resolve("horse")
    assert found.facts(zebra, object=horse), "the fact is entailed"
    assert "n1 subClassOf n2" not in external(found, 1) | external(found, 0)
    for fact in (f for f in found.facts(zebra) if f.status == "entailed"):
        assert found.prove(fact).fact == fact


def test_own_cells_are_the_same_with_and_without() -> None:
    core, everything = both()
    found = with_external(core, everything)
    classes = [core.resolve(name) for name in ("zebra", "horse")]
    plain = class_attributes(core, classes, facts=["basic"])
    table = class_attributes(found, classes, facts=["conceptnet"])
    own = {*core.properties, RDFS.subClassOf}
    assert tuple(a for a in table.attributes if a.property in own) == plain.attributes
    columns = [table.attributes.index(attribute) for attribute in plain.attributes]
    np.testing.assert_array_equal(table.value[:, columns], plain.value)
    np.testing.assert_array_equal(table.known[:, columns], plain.known)
    new = {a.property.rpartition("#")[2] for a in set(table.attributes) - set(plain.attributes)}
    assert new == {"usedFor", "hasA"}  # no external filler of the ontology's own property
    assert chosen(found, ["att"]).sum() == chosen(core, ["att"]).sum()
    zebra, pattern = found.resolve("zebra"), next(a for a in table.attributes if a.property.endswith("pattern"))
    assert {f.object.rpartition("#")[2] for f in table.sources(zebra, pattern)} <= {"a1", "a2"}


def test_what_other_vocabularies_order_moves_no_column() -> None:
    """By ConceptNet a horse is a zebra and a zebra a horse: of the ontology's own kinds the same ones stay columns."""
    more = "c:horse rdfs:subClassOf c:zebra . a:n4 rdfs:subClassOf a:n1 ; a:pattern a:a1 ; owl:sameAs c:quagga ."
    core, everything = both(GRAPH + more)
    found = with_external(core, everything)
    classes = [iri for iri in core.classes if not iri.endswith("n3")]
    plain = class_attributes(core, classes, facts=["basic"])
    table = class_attributes(found, classes, facts=["conceptnet"])
    own = {*core.properties, RDFS.subClassOf}
    assert tuple(a for a in table.attributes if a.property in own) == plain.attributes
    again = class_attributes(found, classes, facts=["conceptnet"], columns=table.attributes)
    np.testing.assert_array_equal(again.value, table.value)


def test_predicates_are_chosen_by_name() -> None:
    found = with_external(*both(), predicates=["used for"])
    assert external(found, 1) == {"n1 usedFor zoo", "n2 usedFor riding", "zebra usedFor zoo", "horse usedFor riding"}
    with pytest.raises(ConfigError, match=r"no external fact has the predicate 'used four'; expected .*; .*used for"):
        with_external(*both(), predicates=["used four", "has a"])


def test_nothing_external() -> None:
    core = parse_ontology(GRAPH.split("c:zebra c:usedFor")[0], profile="kzsl").entail()
    with pytest.raises(NoFactsError, match="nothing is said of terms by other vocabularies"):
        with_external(core, core)


def test_a_run_file_reads_them(tmp_path: Path) -> None:
    file = tmp_path / "zoo.ttl"
    file.write_text(GRAPH)
    config = parse_config({"ontology": {"profile": "kzsl"}, "semantics": {"facts": ["conceptnet"], "hops": 2}})
    found = read_for(config, file)
    assert external(found, 2) == {"zoo locatedNear town"}
    assert read_for(parse_config({"ontology": {"profile": "kzsl"}}), file).reach is None


def test_definitions_and_comments_are_read_where_they_are_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "zoo.ttl"
    file.write_text("""@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
        @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . @prefix skos: <http://www.w3.org/2004/02/skos/core#> .
        :Horse a owl:Class ; rdfs:comment "A large animal." ; :pattern :Plain . :pattern a owl:ObjectProperty .
        :Zebra a owl:Class ; rdfs:subClassOf :Horse ; skos:definition "A striped horse."@en ; :pattern :Stripes .""")
    asked = parse_config({"semantics": {"facts": ["properties", "literals"]}})
    found = read_for(asked, file)
    said = [found.fact(row) for row in np.flatnonzero(chosen(found, ["literals"])).tolist()]
    # What a horse is in words is not passed on to the zebra.
    assert {(f.subject[-5:], f.object) for f in said} == {
        ("Horse", "A large animal."),
        ("Zebra", "A striped horse."),
    }
    plain = read_for(parse_config({}), file)
    assert not chosen(plain, ["literals"]).any()
    tables = [class_attributes(o, o.classes, facts=["properties", "hierarchy"]) for o in (found, plain)]
    assert tables[0].attributes == tables[1].attributes
    np.testing.assert_array_equal(tables[0].value, tables[1].value)
