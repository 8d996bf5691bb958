"""On random ontologies: copies of classes say what the whole ontology says when it is entailed again."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kgzsl.errors import NoFactsError
from kgzsl.ontology import Edit, Fact, Ontology, edited, parse_ontology
from kgzsl.ontology.copies import Module
from kgzsl.semantics import ClassAttributes, class_attributes

PREFIXES = """@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> ."""
CLASSES, FILLERS, PROPERTIES = "ABCDE", "fghi", "pqr"
names = st.sampled_from
LINK = st.tuples(st.just("rdfs:subClassOf"), names(CLASSES), names(CLASSES))
ORDER = st.tuples(st.just("rdfs:subClassOf"), names(FILLERS), names(FILLERS))
SAME = st.tuples(st.just("owl:equivalentClass"), names(CLASSES), names(CLASSES))
APART = st.tuples(st.just("owl:disjointWith"), names(CLASSES), names(CLASSES))
ABOVE = st.tuples(st.just("rdfs:subPropertyOf"), names(PROPERTIES), names(PROPERTIES))
HAS = st.tuples(st.just("has"), names(CLASSES), names(PROPERTIES), names(FILLERS + CLASSES))
LACKS = st.tuples(st.just("lacks"), names(CLASSES), names(PROPERTIES), names((*FILLERS, "Thing")))
DEFINED = st.tuples(st.just("defined"), names(CLASSES), names(CLASSES), names(PROPERTIES), names(FILLERS))
CHAIN = st.tuples(st.just("chain"), names(PROPERTIES), names(PROPERTIES), names(PROPERTIES))
STATEMENT = st.one_of(LINK, LINK, ORDER, SAME, APART, ABOVE, HAS, HAS, HAS, LACKS, DEFINED, CHAIN)


def terms(some: str) -> list[str]:
    return ["http://e/#" + name for name in some]


def some(property: str, filler: str) -> str:
    name = "owl:Thing" if filler == "Thing" else f":{filler}"
    return f"[ a owl:Restriction ; owl:onProperty :{property} ; owl:someValuesFrom {name} ]"


def written(statement: tuple[str, ...]) -> str:
    kind, subject, *rest = statement
    if kind == "has":
        return f":{subject} rdfs:subClassOf {some(*rest)} ."
    if kind == "lacks":
        return f":{subject} rdfs:subClassOf [ a owl:Class ; owl:complementOf {some(*rest)} ] ."
    if kind == "defined":
        whole = f"[ a owl:Class ; owl:intersectionOf ( :{rest[0]} {some(*rest[1:])} ) ]"
        return f":{subject} owl:equivalentClass {whole} ."
    if kind == "chain":
        return f":{subject} owl:propertyChainAxiom ( :{rest[0]} :{rest[1]} ) ."
    return f":{subject} {kind} :{rest[0]} ."


def world(statements: list[tuple[str, ...]]) -> Ontology:
    lines = [PREFIXES, *(f":{c} a owl:Class ." for c in CLASSES), *(f":{p} a owl:ObjectProperty ." for p in PROPERTIES)]
    # Attributes are what classes have: one class has them all, so that each is a column.
    lines += [f":Whole a owl:Class ; rdfs:subClassOf {some(p, f)} ." for p in PROPERTIES for f in FILLERS + CLASSES]
    return parse_ontology("\n".join([*lines, *map(written, statements)])).entail()


def rows(ontology: Ontology, classes: list[str], like: ClassAttributes) -> np.ndarray:
    facts = ("attributes", "attribute_hierarchy", "negative", "hierarchy")
    table = class_attributes(ontology, classes, facts=facts, columns=like.attributes)
    return np.stack([table.value, table.known, table.assumed])


@settings(max_examples=150, deadline=None)
@given(st.lists(STATEMENT, min_size=3, max_size=14), st.data())
def test_copies_say_what_the_whole_ontology_says(statements: list[tuple[str, ...]], data: st.DataObject) -> None:
    ontology = world(statements)
    every = [iri for iri in ontology.classes if len(iri.rpartition("#")[2]) == 1]
    try:
        like = class_attributes(ontology, every, facts=("properties", "hierarchy"))
    except NoFactsError:
        return
    classes = data.draw(st.permutations(every))[:2]
    module = Module(ontology, classes, pairs=[(a.property, a.filler) for a in like.attributes])
    basis = module.basis()
    if not basis:
        return
    added = st.builds(Fact, st.sampled_from(every), st.sampled_from(terms(PROPERTIES)), st.sampled_from(terms(FILLERS)))
    removals = st.lists(st.sampled_from(basis), min_size=1, max_size=3, unique=True)
    change = st.builds(lambda gone, new: Edit(tuple(gone), tuple(new)), removals, st.lists(added, max_size=2))
    edits = data.draw(st.lists(change, max_size=4))
    told = [(edit, mine) for edit in edits if (mine := module.affected(edit)) is not None]
    if not told:
        return
    copies = module.under([edit for edit, _ in told], [mine for _, mine in told])
    for (edit, _), of in zip(told, copies.of, strict=True):
        whole = edited(ontology, edit)
        for iri in classes:
            own = [k for k, a in enumerate(like.attributes) if a.filler != iri]  # of its own kind no fact says it is
            expected = rows(whole, [iri], like)[:, 0]
            found = rows(copies.ontology, [of[iri]], like)[:, 0] if iri in of else rows(ontology, [iri], like)[:, 0]
            np.testing.assert_array_equal(found[:, own], expected[:, own])


@settings(max_examples=80, deadline=None)
@given(st.lists(STATEMENT, min_size=3, max_size=14))
def test_no_other_fact_matters(statements: list[tuple[str, ...]]) -> None:
    """Without all asserted facts that are not in its basis, a class is what it was."""
    ontology = world(statements)
    every = [iri for iri in ontology.classes if len(iri.rpartition("#")[2]) == 1]
    like = class_attributes(ontology, every, facts=("properties", "hierarchy"))
    basis = {fact.key for fact in Module(ontology, every[:1]).basis()}
    apart = [f for f in ontology.facts(status="asserted") if f.key not in basis and f.subject in every]
    less = edited(ontology, Edit(remove=tuple(apart)))
    np.testing.assert_array_equal(rows(less, every[:1], like), rows(ontology, every[:1], like))
