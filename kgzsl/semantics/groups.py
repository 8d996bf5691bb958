"""Groups of facts that class attributes are made of: ``[semantics] facts`` in a run file.

A group is a function from an ontology and some of its classes to what is said of classes. :data:`GROUPS` names
them; a further one needs a function and a line there, and nothing else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np

from kgzsl.errors import ConfigError, OntologyError, Problem, nearest
from kgzsl.ontology import Ontology
from kgzsl.ontology.vocabulary import OWL, RDFS

__all__ = ["GROUPS", "Said", "described", "say"]

Statement = tuple[str, str, bool, float]
"""Property, filler, whether it is an absence, and the strength."""
Said = dict[str, list[Statement]]
"""What is said of each class."""


def say(ontology: Ontology, classes: Collection[str], facts: Sequence[str]) -> Said:
    """What some groups of facts say of classes.

    Args:
        ontology: entailed.
        classes: IRIs of the classes that superclasses are to tell apart.
        facts: names of groups.

    Raises:
        ConfigError: no group, or names that no group has.
    """
    known = list(GROUPS)
    expected = f"some of {', '.join(map(repr, known))}"
    problems = [
        Problem(
            f"there is no group of facts {name!r}", expected=expected, fix=nearest(name, known, otherwise="") or None
        )
        for name in facts
        if name not in GROUPS
    ]
    if problems or not facts:
        raise ConfigError(problems or Problem("no group of facts", expected=expected))
    said: Said = defaultdict(list)
    for name in GROUPS:
        for iri, statements in (GROUPS[name](ontology, classes) if name in facts else {}).items():
            said[iri] += statements
    return said


def described(ontology: Ontology) -> np.ndarray:
    """Bool (fact,): whether a fact is about a class, and not of the taxonomy."""
    classes, terms, c = set(ontology.classes), ontology.terms, ontology.columns
    about = np.array([t in classes for t in terms], dtype=bool)
    taxonomy = np.array([ontology.is_taxonomy(t) for t in terms], dtype=bool)
    return about[c.subject] & ~taxonomy[c.predicate]


def _attributes(ontology: Ontology, classes: Collection[str]) -> Said:
    """What properties say: of all classes of the ontology, so that columns depend on nothing else."""
    return _statements(ontology, described(ontology) & ~ontology.literals[ontology.columns.object])


def _hierarchy(ontology: Ontology, classes: Collection[str]) -> Said:
    """Superclasses (and stated absences of them) of the classes asked for; what has others below it is of its own kind.

    The last is no fact, but has to hold: of a run's classes dog and husky, a picture that shows some kind of dog
    speaks for both.
    """
    if ontology.report.unlisted:
        fix = "keep only what is above the classes of the run, or entail nothing"
        raise OntologyError(Problem("the taxonomy has more links than are listed", fix=fix))
    terms, c = ontology.terms, ontology.columns
    asked = np.array([t in classes for t in terms], dtype=bool)
    anything = np.array([t in (OWL.Thing, OWL.Nothing) or t.startswith("_:") for t in terms], dtype=bool)
    rows = asked[c.subject] & ~anything[c.object] & (c.predicate == ontology.index.get(RDFS.subClassOf, -1))
    said = _statements(ontology, rows)
    above = {filler for statements in said.values() for _, filler, negative, _ in statements if not negative}
    for iri in above.intersection(classes):
        said[iri].append((RDFS.subClassOf, iri, False, 1.0))
    return said


def _statements(ontology: Ontology, rows: np.ndarray) -> Said:
    """The facts in some rows (a mask), by class."""
    said: Said = defaultdict(list)
    terms, c = ontology.terms, ontology.columns
    columns = (c.subject[rows], c.predicate[rows], c.object[rows], c.negative[rows], c.strength[rows])
    for s, p, o, negative, degree in zip(*(column.tolist() for column in columns), strict=True):
        said[terms[s]].append((terms[p], terms[o], negative, degree))
    return said


GROUPS: Mapping[str, Callable[[Ontology, Collection[str]], Said]] = {
    "attributes": _attributes,
    "hierarchy": _hierarchy,
}
"""Group -> what it says: ``attributes`` by properties with a filler, ``hierarchy`` by superclasses."""
