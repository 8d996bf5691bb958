"""What differs between two ontologies, or two versions of one: facts, and what a model would see of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kgzsl.errors import NoFactsError
from kgzsl.ontology import Fact, FactKey, Ontology
from kgzsl.semantics.attributes import Attribute, class_attributes

__all__ = ["ClassChange", "NameChange", "OntologyDiff", "diff"]


@dataclass(frozen=True)
class ClassChange:
    """What changes in the attributes of one class.

    Args:
        iri: the class.
        gained: it has them now, and had (or was not known to have) not.
        lost: it had them, and has (or is not known to have) them no more.
        became_known: whether it has them was unknown; now it is known that it lacks them.
        became_unknown: it was known to lack them; now it is unknown.
    """

    iri: str
    gained: tuple[Attribute, ...] = ()
    lost: tuple[Attribute, ...] = ()
    became_known: tuple[Attribute, ...] = ()
    became_unknown: tuple[Attribute, ...] = ()


@dataclass(frozen=True)
class NameChange:
    """The names of a term before and after; the preferred one first.

    Args:
        iri: the term.
        before: its names in the first ontology.
        after: its names in the second.
    """

    iri: str
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True)
class OntologyDiff:
    """What is in one of two ontologies and not in the other.

    Args:
        classes_added: classes of the second alone, sorted.
        classes_removed: classes of the first alone, sorted.
        added: facts of the second alone, asserted or entailed.
        removed: facts of the first alone.
        restated: facts of both, asserted in one and entailed in the other; as the second has them.
        attributes_added: columns of the class attributes of the second alone.
        attributes_removed: columns of the first alone.
        changes: classes of both whose attributes change.
        names: terms of both whose names change.
    """

    classes_added: tuple[str, ...] = ()
    classes_removed: tuple[str, ...] = ()
    added: tuple[Fact, ...] = ()
    removed: tuple[Fact, ...] = ()
    restated: tuple[Fact, ...] = ()
    attributes_added: tuple[Attribute, ...] = ()
    attributes_removed: tuple[Attribute, ...] = ()
    changes: tuple[ClassChange, ...] = ()
    names: tuple[NameChange, ...] = ()

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return self == OntologyDiff()


def diff(a: Ontology, b: Ontology) -> OntologyDiff:
    """What changes from ``a`` to ``b`` (entail both first: inherited facts count).

    The files, formats and profiles may differ: only what they say is compared. The changes of
    a class are those of the open world, without assumptions about what is not said.

    Args:
        a: before.
        b: after.

    Example:
        >>> from kgzsl.ontology import parse_ontology
        >>> head = '''@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
        ... :hasPart a owl:ObjectProperty . :Zebra a owl:Class ; :hasPart :Hooves'''
        >>> found = diff(parse_ontology(f"{head} ."), parse_ontology(f"{head}, :Tail ."))
        >>> found.same, [c.gained[0].filler for c in found.changes], len(found.added), len(found.removed)
        (False, ['http://e/#Tail'], 1, 0)
    """
    before, after = ({fact.key: fact for fact in o.facts()} for o in (a, b))
    both = [key for key in after if key in before]
    columns_before, columns_after = _columns(a), _columns(b)
    columns = sorted({*columns_before, *columns_after})
    common = sorted(set(a.classes) & set(b.classes))
    changes = [_change(iri, columns, before, after) for iri in common]
    named = sorted(a.index.keys() & b.index.keys())
    return OntologyDiff(
        classes_added=tuple(sorted(set(b.classes) - set(a.classes))),
        classes_removed=tuple(sorted(set(a.classes) - set(b.classes))),
        added=tuple(fact for key, fact in after.items() if key not in before),
        removed=tuple(fact for key, fact in before.items() if key not in after),
        restated=tuple(after[key] for key in both if before[key].status != after[key].status),
        attributes_added=tuple(c for c in columns if c not in columns_before),
        attributes_removed=tuple(c for c in columns if c not in columns_after),
        changes=tuple(change for change in changes if change != ClassChange(change.iri)),
        names=tuple(
            NameChange(iri, a.labels.get(iri, ()), b.labels.get(iri, ()))
            for iri in named
            if a.labels.get(iri, ()) != b.labels.get(iri, ())
        ),
    )


def _columns(ontology: Ontology) -> set[Attribute]:
    """The columns that the class attributes have; none where no fact describes a class."""
    try:
        return set(class_attributes(ontology, ontology.classes, world="open").attributes)
    except NoFactsError:
        return set()


def _change(
    iri: str, columns: list[Attribute], before: Mapping[FactKey, Fact], after: Mapping[FactKey, Fact]
) -> ClassChange:
    """The cells of one class that change. A column that one side left out as redundant is no change."""
    kinds: dict[str, list[Attribute]] = {"gained": [], "lost": [], "became_known": [], "became_unknown": []}
    for column in columns:
        key = (iri, column.property, column.filler)
        had, has = ((*key, "positive") in facts for facts in (before, after))
        lacked, lacks = ((*key, "negative") in facts for facts in (before, after))
        if had != has:
            kinds["gained" if has else "lost"].append(column)
        elif lacked != lacks and not has:
            kinds["became_known" if lacks else "became_unknown"].append(column)
    return ClassChange(iri, **{kind: tuple(found) for kind, found in kinds.items()})
