"""Entailment against HermiT (through owlready2), on random ontologies.

Compared, over all named classes, properties and fillers: unsatisfiable classes, subsumption, and existential
facts, which must be equal; negative facts, which must all be right (HermiT finds more of them: what lacks a thing
that there cannot be, for one). Constructs: SubClassOf and EquivalentClasses with names and with conjunctions of
names and existentials on either side, nested existentials, unions below a class, complements, AllValuesFrom
Nothing, DisjointClasses, sub-properties, property chains and transitivity, individuals as fillers with their classes.
"""

from __future__ import annotations

import random
import shutil
from typing import Any

import pytest

from kgzsl.ontology import Fact, Ontology, parse_ontology, replay

E = "http://e/#"
BELOW = "http://www.w3.org/2000/01/rdf-schema#subClassOf"
CLASSES = tuple(f"C{k}" for k in range(9))
FILLERS = tuple(f"F{k}" for k in range(5))
PROPERTIES = ("p", "q", "r")
PREFIXES = """@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
"""

needs_java = pytest.mark.skipif(shutil.which("java") is None, reason="HermiT needs a Java, and there is none")


def some(property: str, filler: str) -> str:
    return f"[ a owl:Restriction ; owl:onProperty :{property} ; owl:someValuesFrom {filler} ]"


def both(*parts: str) -> str:
    return f"[ a owl:Class ; owl:intersectionOf ( {' '.join(parts)} ) ]"


def axioms(seed: int) -> list[str]:
    """A random ontology."""
    dice = random.Random(seed)

    def name() -> str:
        return f":{dice.choice(CLASSES)}"

    def filler() -> str:
        return f":{dice.choice((*FILLERS, *FILLERS, *CLASSES))}"

    def exists() -> str:
        if dice.random() < 0.2:
            return some(dice.choice(PROPERTIES), both(filler(), some(dice.choice(PROPERTIES), filler())))
        return some(dice.choice(PROPERTIES), filler())

    def not_(said: str) -> str:
        return f"[ a owl:Class ; owl:complementOf {said} ]"

    def empty() -> str:
        return f"[ a owl:Restriction ; owl:onProperty :{dice.choice(PROPERTIES)} ; owl:allValuesFrom owl:Nothing ]"

    makers = [
        (6, lambda: f"{name()} rdfs:subClassOf {name()} ."),
        (8, lambda: f"{name()} rdfs:subClassOf {exists()} ."),
        (2, lambda: f":{dice.choice(FILLERS)} rdfs:subClassOf :{dice.choice(FILLERS)} ."),
        (2, lambda: f":{dice.choice(FILLERS)} rdfs:subClassOf {exists()} ."),
        (3, lambda: f"{name()} owl:equivalentClass {both(name(), exists())} ."),
        (2, lambda: f"{both(exists(), exists())} rdfs:subClassOf {name()} ."),
        (1, lambda: f"{exists()} rdfs:subClassOf {name()} ."),
        (1, lambda: f"{name()} owl:equivalentClass {name()} ."),
        (1, lambda: f"[ a owl:Class ; owl:unionOf ( {name()} {exists()} ) ] rdfs:subClassOf {name()} ."),
        (2, lambda: f"{name()} rdfs:subClassOf {not_(exists())} ."),
        (1, lambda: f"{name()} rdfs:subClassOf {empty()} ."),
        (1, lambda: "{} owl:disjointWith {} .".format(*(f":{c}" for c in dice.sample(CLASSES, 2)))),
    ]
    lines = [f":{c} a owl:Class ." for c in (*CLASSES, *FILLERS)]
    lines += [f":{p} a owl:ObjectProperty ." for p in PROPERTIES]
    lines += [":q rdfs:subPropertyOf :p ."] * (seed % 2)
    # Regular in the sense of OWL 2 DL, as HermiT wants it.
    lines += [[":p a owl:TransitiveProperty ."], [":r owl:propertyChainAxiom ( :p :q ) ."], []][seed % 3]
    lines += [":C0 rdfs:subClassOf [ a owl:Restriction ; owl:onProperty :q ; owl:hasValue :i ] . :i a :F0 ."]
    lines.append(":i a owl:NamedIndividual .")
    return lines + [make() for make in dice.choices([m for _, m in makers], [w for w, _ in makers], k=16)]


def probes() -> list[str]:
    """A named class for everything that is asked."""
    lines = []
    for p in PROPERTIES:
        for f in (*FILLERS, *CLASSES):
            lines.append(f":has_{p}_{f} a owl:Class ; owl:equivalentClass {some(p, ':' + f)} .")
            not_some = f"[ a owl:Class ; owl:complementOf {some(p, ':' + f)} ]"
            lines.append(f":lacks_{p}_{f} a owl:Class ; owl:equivalentClass {not_some} .")
    return lines


def hermit(text: str, folder: Any) -> tuple[set[str], set[tuple[str, str]]]:
    """Unsatisfiable classes, and (class, class above it), by local names."""
    import owlready2
    import rdflib

    path = folder / "ontology.rdf"
    rdflib.Graph().parse(data=text, format="turtle").serialize(path, format="xml")
    world = owlready2.World()
    loaded = world.get_ontology(path.as_uri()).load(only_local=True)
    with loaded:
        owlready2.sync_reasoner_hermit(world, debug=0)
    empty = {c.name for c in world.inconsistent_classes() if hasattr(c, "name")} - {"Nothing"}
    above = {(c.name, a.name) for c in loaded.classes() for a in c.ancestors() if hasattr(a, "name") and c is not a}
    return empty, above


def local(iri: str) -> str:
    return iri.rpartition("#")[2]


def facts(ontology: Ontology, *, polarity: str) -> set[tuple[str, str, str]]:
    found = ontology.facts(polarity=polarity)  # type: ignore[arg-type]
    keys = {(local(f.subject), local(f.predicate), local(f.object)) for f in found}
    return {k for k in keys if k[0] in CLASSES and k[1] in (*PROPERTIES, "subClassOf") and k[2] in (*CLASSES, *FILLERS)}


@needs_java
@pytest.mark.parametrize("seed", [*range(6), *(pytest.param(k, marks=pytest.mark.slow) for k in range(6, 40))])
def test_the_same_as_hermit(seed: int, tmp_path: Any) -> None:
    lines = axioms(seed)
    ours = parse_ontology(PREFIXES + "\n".join(lines)).entail()
    empty, above = hermit(PREFIXES + "\n".join([*lines, *probes()]), tmp_path)
    named = {local(iri) for iri in ours.report.unsatisfiable} - {"i"}
    assert named == empty & {*CLASSES, *FILLERS}
    alive = set(CLASSES) - empty
    got = {key for key in facts(ours, polarity="positive") if key[0] in alive}
    links = {(c, "subClassOf", d) for c, d in above if c in alive and d in (*CLASSES, *FILLERS)}
    has = {(c, *probe.split("_")[1:]) for c, probe in above if c in alive and probe.startswith("has_")}
    assert got == links | {key for key in has if key[0] in CLASSES}
    lacks = {(c, *probe.split("_")[1:]) for c, probe in above if c in alive and probe.startswith("lacks_")}
    denied = {key for key in facts(ours, polarity="negative") if key[0] in alive and key[1] != "subClassOf"}
    # That nothing has what there cannot be is true of everything, and HermiT does not list it.
    assert {key for key in denied if key[2] not in empty} <= lacks
    for fact in [*ours.facts(status="entailed")][:: max(1, len(ours.columns) // 60)]:
        assert replay(ours.prove(fact), ours)
    for iri in ours.report.unsatisfiable:
        proof = ours.prove(Fact(iri, BELOW, "http://www.w3.org/2002/07/owl#Nothing"))
        assert replay(proof, ours)
        assert proof.premises
