"""Ontologies of any size that are made up, alike in shape: what entailment is measured on."""

from __future__ import annotations

import random

import numpy as np

from kgzsl.ontology import OntologyReport
from kgzsl.ontology.axioms import Axioms, Definition
from kgzsl.ontology.columns import FactColumns
from kgzsl.ontology.ontology import Ontology
from kgzsl.ontology.profile import PROFILES
from kgzsl.ontology.vocabulary import OWL, RDF, RDFS

__all__ = ["generated"]

SPACE = "http://example.org/generated#"
LEVELS = 11
RESTRICTIONS = 8
PROPERTIES = 20


def generated(classes: int, *, seed: int = 0) -> Ontology:
    """An EL ontology with 10 ancestors and 8 restrictions a class on average, at every size.

    - Classes stand on 11 levels of the same size. Each has a parent on the level above, two of eleven have a second
      one: 10 ancestors a class on average, so that inherited facts are about ten times the stated ones.
    - Each class is stated to have 4 to 12 (on average 8) pairs of property and filler, drawn at random. Nothing
      is repeated on purpose: two classes share a pair by chance or by inheritance only.
    - Fillers are a tenth of the classes, on 4 levels with one parent each: 1.5 ancestors a filler.
    - There are 20 properties; half of them are each a sub-property of one of the other half.
    - One class in a hundred is defined by its parent and a pair, so that classes are found to be below it, and
      rounds have to be repeated.

    It is built in memory and not read: reading is another section of the benchmark.
    """
    draw, dice = np.random.default_rng(seed), random.Random(seed)
    fillers = classes // 10
    names = [OWL.Nothing, OWL.Thing, RDF.type, RDFS.subClassOf, RDFS.subPropertyOf]
    sizes = {"C": classes, "F": fillers, "P": PROPERTIES}
    places = [[f"{SPACE}{kind}{k:07}" for k in range(size)] for kind, size in sizes.items()]
    terms = tuple(sorted([*names, *(name for place in places for name in place)]))
    index = {term: k for k, term in enumerate(terms)}
    c, f, p = (np.array([index[name] for name in place]) for place in places)
    below, under = index[RDFS.subClassOf], index[RDFS.subPropertyOf]

    parent = _parents(draw, classes, LEVELS)
    second = _parents(draw, classes, LEVELS)
    twice = np.flatnonzero((parent >= 0) & (draw.random(classes) < 2 / 11))
    once = np.flatnonzero(parent >= 0)
    above = _parents(draw, fillers, 4)
    special = np.flatnonzero(above >= 0)
    counts = draw.integers(RESTRICTIONS - 4, RESTRICTIONS + 5, classes)
    holder = np.repeat(np.arange(classes), counts)
    one, other = draw.integers(0, PROPERTIES, len(holder)), draw.integers(0, fillers, len(holder))
    lower, upper = p[PROPERTIES // 2 :], p[np.arange(PROPERTIES // 2) % 5]
    table = np.concatenate(
        [
            np.stack([c[once], np.full(len(once), below), c[parent[once]]], axis=1),
            np.stack([c[twice], np.full(len(twice), below), c[second[twice]]], axis=1),
            np.stack([f[special], np.full(len(special), below), f[above[special]]], axis=1),
            np.stack([lower, np.full(len(lower), under), upper], axis=1),
            np.stack([c[holder], p[one], f[other]], axis=1),
        ]
    )
    table = np.unique(table, axis=0).astype(np.int32)
    size = len(table)
    columns = FactColumns.sorted(
        *table.T, np.zeros(size, bool), np.zeros(size, np.int32), np.ones(size, np.float32), np.zeros(size, bool)
    )
    defined = dice.sample(once.tolist(), max(1, classes // 100))
    pairs = [(int(p[dice.randrange(PROPERTIES)]), int(f[dice.randrange(fillers)])) for _ in defined]
    definitions = [Definition(int(c[k]), (int(c[parent[k]]),), (pair,)) for k, pair in zip(defined, pairs, strict=True)]
    return Ontology(
        terms=terms,
        columns=columns,
        classes=tuple(places[0]),
        attributes=tuple(places[1]),
        properties=tuple(places[2]),
        labels={},
        profile=PROFILES["owl"],
        report=OntologyReport(files=("generated",), profile="owl"),
        axioms=Axioms(definitions=tuple(sorted(definitions))),
    )


def _parents(draw: np.random.Generator, size: int, levels: int) -> np.ndarray:
    """For each of ``size`` things on equal levels one on the level above; -1 on the first."""
    level = np.arange(size) * levels // size
    first = np.searchsorted(level, np.arange(levels + 1))
    parent = np.full(size, -1)
    inner = level > 0
    start, stop = first[level[inner] - 1], first[level[inner]]
    parent[inner] = start + (draw.random(inner.sum()) * (stop - start)).astype(int)
    return parent
