"""Checks of labels and of what facts sound like: text encoders and people read these."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from kgzsl.ontology import Fact
from kgzsl.ontology.vocabulary import local_name
from kgzsl.semantics.lint.case import Case, listed, number
from kgzsl.semantics.lint.found import Found
from kgzsl.semantics.verbalize import is_generic, verbalize

__all__ = ["joined", "nameless", "shared", "unlabelled", "unverbalized"]


def nameless(case: Case) -> Iterator[Found]:
    """Terms without a label whose IRI is a code and no word."""
    terms = tuple(t for t in _unnamed(case) if is_code(local_name(t)))
    if terms:
        yield _found(case, f"{number(len(terms), 'term')}: {listed([local_name(t) for t in terms])}", terms)


def unlabelled(case: Case) -> Iterator[Found]:
    """Terms without a label whose IRI reads as words."""
    terms = tuple(t for t in _unnamed(case) if not is_code(local_name(t)))
    if terms:
        yield _found(case, f"{number(len(terms), 'term')}: {case.names(terms)}", terms)


def shared(case: Case) -> Iterator[Found]:
    """Classes, or fillers, of one label."""
    for terms in (case.classes, _fillers(case)):
        called: dict[str, list[str]] = defaultdict(list)
        for term in terms:
            called[re.sub(r"[\s_+-]+", " ", case.ontology.label(term)).strip().casefold()].append(term)
        for _, group in sorted(called.items()):
            if len(group) > 1:
                names = listed([local_name(t) for t in group])
                yield _found(case, f'"{case.ontology.label(group[0])}" is the label of {names}', tuple(group))


def joined(case: Case) -> Iterator[Found]:
    """Labels that hold several names, or underscores for spaces."""
    for term in _used(case):
        label = case.ontology.label(term)
        if re.search(r"[,;_]", label):
            yield _found(case, f'"{label}" ({local_name(term)})', (term,))


def unverbalized(case: Case) -> Iterator[Found]:
    """Properties that no special rule of the verbalization covers."""
    found: dict[str, list[str]] = defaultdict(list)
    for attribute in case.cells.attributes:
        if attribute.unit is None and is_generic(attribute.property, attribute.filler, case.ontology):
            found[attribute.property].append(attribute.filler)
    for property, fillers in sorted(found.items()):
        filler = min(fillers, key=case.ontology.label)
        example = verbalize(Fact("", property, filler), case.ontology)
        name = case.ontology.label(property)
        message = f'{name} (with {number(len(fillers), "filler")}): said as "{example}"'
        yield Found(message, terms=(property,))


def is_code(local: str) -> bool:
    """Whether a local name is a code and no word.

    Example:
        >>> [is_code(name) for name in ("RO_0002211", "P31", "n02119022", "HornedHorse", "Type2Whale", "Q")]
        [True, True, True, False, False, False]
    """
    short = re.fullmatch(r"[^\W\d_]{0,5}[_:-]?\d+", local)
    return bool(short) or (any(c.isdigit() for c in local) and not re.search(r"[^\W\d_]{3,}", local))


def _fillers(case: Case) -> tuple[str, ...]:
    """The fillers of the columns, sorted."""
    return tuple(sorted({a.filler for a in case.cells.attributes if a.unit is None}))


def _used(case: Case) -> tuple[str, ...]:
    """All terms whose names reach a prompt: classes, properties and fillers of columns; sorted."""
    properties = {a.property for a in case.cells.attributes}
    return tuple(sorted({*case.classes, *_fillers(case), *properties}))


def _unnamed(case: Case) -> list[str]:
    """Those without any label."""
    return [t for t in _used(case) if t not in case.ontology.labels]


def _found(case: Case, message: str, terms: tuple[str, ...]) -> Found:
    """What is found about terms, the classes among them apart."""
    classes = tuple(t for t in terms if t in case.rows)
    return Found(message, classes=classes, terms=tuple(t for t in terms if t not in case.rows))
