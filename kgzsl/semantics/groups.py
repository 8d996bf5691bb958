"""Groups of facts that class attributes are made of: ``[semantics] facts`` in a run file.

A group is a function from an ontology to which of its facts belong to it. :data:`GROUPS` names them; a further one
needs a function and a line there, and nothing else. :data:`PRESETS` names several at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import numpy as np

from kgzsl.errors import ConfigError, OntologyError, Problem, nearest
from kgzsl.ontology import Ontology
from kgzsl.ontology.vocabulary import OWL, RDFS

__all__ = ["DEFAULT", "GROUPS", "PRESETS", "Said", "chosen", "described", "groups_of", "say"]

Statement = tuple[str, str, bool, float]
"""Property, filler, whether it is an absence, and the strength."""
Said = dict[str, list[Statement]]
"""What is said of each class."""


def groups_of(facts: Sequence[str]) -> tuple[str, ...]:
    """The groups that some names mean, each once, in the order of :data:`GROUPS`.

    Args:
        facts: names of groups and presets.

    Raises:
        ConfigError: none, or names that no group or preset has.

    Example:
        >>> groups_of(["basic", "negative"])
        ('attributes', 'attribute_hierarchy', 'negative', 'hierarchy')
    """
    known = [*PRESETS, *GROUPS]
    expected = f"some of {', '.join(map(repr, known))}"
    problems = [
        Problem(
            f"there is no group of facts {name!r}", expected=expected, fix=nearest(name, known, otherwise="") or None
        )
        for name in facts
        if name not in known
    ]
    if problems or not facts:
        raise ConfigError(problems or Problem("no group of facts", expected=expected))
    meant = {group for name in facts for group in PRESETS.get(name, (name,))}
    return tuple(group for group in GROUPS if group in meant)


def chosen(ontology: Ontology, facts: Sequence[str]) -> np.ndarray:
    """Which facts belong to some groups, bool (fact,).

    Args:
        ontology: entailed, where what follows is to be chosen too.
        facts: names of groups and presets.

    Raises:
        ConfigError: as :func:`groups_of`.
    """
    keep = np.zeros(len(ontology.columns), dtype=bool)
    own = np.ones_like(keep) if ontology.reach is None else ontology.reach == 0
    for name in groups_of(facts):
        keep |= GROUPS[name](ontology) & (own if name != "external" else True)
    return keep


def say(ontology: Ontology, classes: Collection[str], facts: Sequence[str]) -> Said:
    """What some groups of facts say of classes.

    Of all classes of the ontology by properties, so that columns depend on nothing else; by superclasses only of those
    asked for. What has others below it is of its own kind: that is no fact, but has to hold. Of a run's classes dog
    and husky, a picture that shows some kind of dog speaks for both.

    Args:
        ontology: entailed.
        classes: IRIs of the classes that superclasses are to tell apart.
        facts: names of groups and presets.

    Raises:
        ConfigError: as :func:`groups_of`.
        OntologyError: superclasses are asked for, and there are more than are listed.
    """
    rows, terms, c = chosen(ontology, facts), ontology.terms, ontology.columns
    described_here = rows & described(ontology) & ~ontology.literals[c.object]
    if ontology.reach is not None:
        # What an own property leaves open, an external filler of it must not close.
        own = described(ontology) & (ontology.reach == 0)
        described_here &= (ontology.reach == 0) | ~np.isin(c.predicate, c.predicate[own])
    said = _statements(ontology, described_here)
    if "hierarchy" not in groups_of(facts):
        return said
    if ontology.report.unlisted:
        fix = "keep only what is above the classes of the run, or entail nothing"
        raise OntologyError(Problem("the taxonomy has more links than are listed", fix=fix))
    asked = _are(classes, ontology)
    anything = np.array([t in (OWL.Thing, OWL.Nothing) or t.startswith("_:") for t in terms], dtype=bool)
    rows &= asked[c.subject] & ~anything[c.object] & (c.predicate == ontology.index.get(RDFS.subClassOf, -1))
    if ontology.reach is not None:
        rows &= ontology.reach == 0
    kinds = _statements(ontology, rows)
    above = {filler for statements in kinds.values() for _, filler, negative, _ in statements if not negative}
    for iri in above.intersection(classes):
        kinds[iri].append((RDFS.subClassOf, iri, False, 1.0))
    for iri, statements in kinds.items():
        said[iri] += statements
    return said


def described(ontology: Ontology) -> np.ndarray:
    """Bool (fact,): whether a fact is about a class, and not of the taxonomy."""
    return _are(ontology.classes, ontology)[ontology.columns.subject] & ~_of_taxonomy(ontology)


def _attributes(ontology: Ontology) -> np.ndarray:
    """What properties say of classes, by a filler that they are stated to have."""
    return _stated_fillers(ontology, stated=True)


def _attribute_hierarchy(ontology: Ontology) -> np.ndarray:
    """The order of attributes, and what follows from it (and that of properties) that no class is stated to have."""
    c = ontology.columns
    attributes = _are(ontology.attributes, ontology) & ~_are(ontology.classes, ontology)
    ordered = attributes[c.subject] & attributes[c.object] & _of_taxonomy(ontology) & ~c.negative
    return ordered | _stated_fillers(ontology, stated=False)


def _stated_fillers(ontology: Ontology, *, stated: bool) -> np.ndarray:
    """Positive facts about classes whose property and filler some class is stated to have, or none is."""
    c = ontology.columns
    about = described(ontology) & ~c.negative & ~ontology.literals[c.object]
    pair = c.predicate.astype(np.int64) * len(ontology.terms) + c.object
    return about & (np.isin(pair, pair[about & (c.source >= 0)]) == stated)


def _negative(ontology: Ontology) -> np.ndarray:
    """What classes are said to lack, and which are disjoint."""
    return ontology.columns.negative.copy()


def _hierarchy(ontology: Ontology) -> np.ndarray:
    """The order of classes."""
    c = ontology.columns
    return _are(ontology.classes, ontology)[c.subject] & _of_taxonomy(ontology) & ~c.negative


def _literals(ontology: Ontology) -> np.ndarray:
    """What is stated of terms in words and numbers; it is not passed on to what is below."""
    c = ontology.columns
    return ontology.literals[c.object] & (c.source >= 0)


def _external(ontology: Ontology) -> np.ndarray:
    """What other vocabularies say, as far as it was looked for."""
    return np.zeros(len(ontology.columns), dtype=bool) if ontology.reach is None else ontology.reach > 0


def _of_taxonomy(ontology: Ontology) -> np.ndarray:
    """Bool (fact,): which facts order terms; comments, which RDFS has a name for too, do not."""
    taxonomy = np.array([ontology.is_taxonomy(t) for t in ontology.terms], dtype=bool)
    return taxonomy[ontology.columns.predicate] & ~ontology.literals[ontology.columns.object]


def _are(iris: Iterable[str], ontology: Ontology) -> np.ndarray:
    """Bool (term,): which terms are among some."""
    some = set(iris)
    return np.array([t in some for t in ontology.terms], dtype=bool)


def _statements(ontology: Ontology, rows: np.ndarray) -> Said:
    """The facts in some rows (a mask), by class."""
    said: Said = defaultdict(list)
    terms, c = ontology.terms, ontology.columns
    columns = (c.subject[rows], c.predicate[rows], c.object[rows], c.negative[rows], c.strength[rows])
    for s, p, o, negative, degree in zip(*(column.tolist() for column in columns), strict=True):
        said[terms[s]].append((terms[p], terms[o], negative, degree))
    return said


GROUPS: Mapping[str, Callable[[Ontology], np.ndarray]] = {
    "attributes": _attributes,
    "attribute_hierarchy": _attribute_hierarchy,
    "negative": _negative,
    "hierarchy": _hierarchy,
    "literals": _literals,
    "external": _external,
}
"""Group -> its facts: ``attributes`` by properties with fillers that are stated, ``attribute_hierarchy`` by fillers
above those, ``negative`` what is lacked, ``hierarchy`` by superclasses, ``literals`` in words (definitions, comments,
which prompts read and no matrix holds), ``external`` by other vocabularies."""
PRESETS: Mapping[str, tuple[str, ...]] = {
    "properties": ("attributes", "attribute_hierarchy", "negative"),
    "att": ("attributes",),
    "basic": ("attributes", "attribute_hierarchy", "hierarchy"),
    "texts": ("attributes", "attribute_hierarchy", "hierarchy", "literals"),
    "conceptnet": ("attributes", "attribute_hierarchy", "hierarchy", "external"),
    "logics": ("attributes", "attribute_hierarchy", "negative", "hierarchy"),
}
"""``properties``: all that properties say of classes. The others are settings of K-ZSL (Geng et al., "Benchmarking
knowledge-driven zero-shot learning", J. Web Semantics 2023): plain attributes, its basic KG, and that with literals,
with ConceptNet and with disjointness; its "hierarchy" is the group of that name."""
DEFAULT = ("properties",)
"""What describes classes where nothing else is asked for."""
