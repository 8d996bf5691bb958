"""Taxonomies of odd shapes: one large cycle, one endless branch. Nothing may recurse, or square the memory."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kgzsl.ontology import Fact, Ontology, Proof, parse_ontology, read_ontology, replay
from kgzsl.ontology.entailment import MOST_LINKS
from kgzsl.ontology.vocabulary import OWL, RDF, RDFS
from kgzsl.semantics import Attribute, class_attributes

E = "http://e/#"
SECONDS = 60
"""Generous: it takes a tenth of that on an idle machine; what is quadratic takes hours."""


def lines(size: int, *, cycle: bool) -> Iterator[str]:
    """N-Triples: each class below the next one; three of them have something."""
    for k in range(size):
        yield f"<{E}C{k}> <{RDF.type}> <{OWL.Class}> .\n"
        if cycle or k + 1 < size:
            yield f"<{E}C{k}> <{RDFS.subClassOf}> <{E}C{(k + 1) % size}> .\n"
    yield f"<{E}p> <{RDF.type}> <{OWL.ObjectProperty}> .\n"
    for k in (3, size // 2, size - 1):
        yield f"<{E}C{k}> <{RDFS.subClassOf}> _:r{k} .\n_:r{k} <{RDF.type}> <{OWL.Restriction}> .\n"
        yield f"_:r{k} <{OWL.onProperty}> <{E}p> .\n_:r{k} <{OWL.someValuesFrom}> <{E}F{k}> .\n"


def entailed(path: Path, size: int, *, cycle: bool) -> Ontology:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(lines(size, cycle=cycle))
    return read_ontology(path).entail()


def mebibytes() -> float:
    """Peak memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def proved(ontology: Ontology, predicate: str, object: str) -> Proof:
    proof = ontology.prove(Fact(E + "C0", predicate, E + object))
    assert replay(proof, ontology)
    return proof


def test_a_cycle_of_ten_thousand_classes(tmp_path: Path) -> None:
    size, start = 10_000, time.monotonic()
    ontology = entailed(tmp_path / "cycle.nt", size, cycle=True)
    assert [len(cycle) for cycle in ontology.report.cycles] == [size]
    assert ontology.report.unlisted > MOST_LINKS
    assert len(ontology.superclasses(E + "C0")) == len(ontology.subclasses(E + "C0")) == size - 1
    assert len(ontology.leaves) == size
    proof = proved(ontology, RDFS.subClassOf, f"C{size - 1}")
    assert (proof.rule, len(proof.premises)) == ("subsumption", size - 1)
    assert len(proof.asserted()) == size - 1
    assert proved(ontology, E + "p", f"F{size - 1}").rule == "inheritance"
    matrix = class_attributes(ontology, ontology.leaves)
    assert matrix.value.all()
    assert time.monotonic() - start < SECONDS


@pytest.mark.slow
def test_a_taxonomy_a_hundred_thousand_deep(tmp_path: Path) -> None:
    size, start, before = 100_000, time.monotonic(), mebibytes()
    ontology = entailed(tmp_path / "deep.nt", size, cycle=False)
    assert ontology.report.unlisted > MOST_LINKS
    assert ontology.report.entailed[RDFS.subClassOf] == ontology.report.unlisted
    assert len(ontology.superclasses(E + "C0")) == size - 1
    assert ontology.leaves == (E + "C0",)
    proof = proved(ontology, RDFS.subClassOf, f"C{size - 1}")
    assert (proof.rule, len(proof.premises), proof.fact.status) == ("subsumption", size - 1, "entailed")
    assert proved(ontology, E + "p", f"F{size - 1}").rule == "inheritance"
    matrix = class_attributes(ontology, ontology.classes)
    assert matrix.value.sum(axis=0).tolist() == [4, size // 2 + 1, size]
    assert time.monotonic() - start < SECONDS
    assert mebibytes() - before < 2048


def test_a_branch_of_fillers_is_no_square_of_comparisons() -> None:
    size, start = 3_000, time.monotonic()
    text = [f"<{E}C> <{RDF.type}> <{OWL.Class}> .", f"<{E}p> <{RDF.type}> <{OWL.ObjectProperty}> ."]
    text += [f"<{E}C> <{RDFS.subClassOf}> [ <{OWL.onProperty}> <{E}p> ; <{OWL.someValuesFrom}> <{E}F0> ] ."]
    text += [f"<{E}F{k}> <{RDFS.subClassOf}> <{E}F{k + 1}> ." for k in range(size)]
    ontology = parse_ontology("\n".join(text), profile="owl").entail()
    assert len(ontology.facts(E + "C", E + "p")) == size + 1
    matrix = class_attributes(ontology, ontology.classes)
    assert matrix.attributes == (Attribute(E + "p", E + "F0"),)
    assert time.monotonic() - start < SECONDS
