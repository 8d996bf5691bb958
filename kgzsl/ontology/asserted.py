"""All that an ontology asserts, as it can be kept in a file, so that one can later say what has changed."""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from kgzsl.ontology.facts import Fact
from kgzsl.ontology.names import split_words
from kgzsl.ontology.vocabulary import RDFS, local_name

if TYPE_CHECKING:
    from kgzsl.ontology.ontology import Ontology

__all__ = ["Asserted", "asserted_by", "changes"]

Line = tuple[str, ...]
SHOWN = 3
"""Of what has changed, so many are named; of the rest, the number."""


@dataclass(frozen=True)
class Asserted:
    """What an ontology asserts; made by :func:`asserted_by`.

    Args:
        classes: IRIs, sorted.
        attributes: IRIs, sorted.
        facts: subject, predicate, object and polarity; of a fact with a degree below 1 also that.
        axioms: what proofs call them by, sorted.
        names: term, and its names, the preferred one first.
    """

    classes: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    facts: tuple[Line, ...] = ()
    axioms: tuple[Line, ...] = ()
    names: tuple[Line, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 (hex) over all of it: :attr:`~kgzsl.ontology.Ontology.digest`."""
        hasher = hashlib.sha256()
        for iri in (*self.classes, "", *self.attributes, ""):
            hasher.update(f"{iri}\n".encode())
        for line in (*self.facts, *self.axioms, *self.names):
            hasher.update(("\t".join(line) + "\n").encode())
        return hasher.hexdigest()

    def to_bytes(self) -> bytes:
        """Lines of JSON, packed by gzip; always the same bytes.

        Example:
            >>> one = Asserted(classes=("ex:zebra",))
            >>> Asserted.from_bytes(one.to_bytes()) == one
            True
        """
        lines = (
            json.dumps([part.name, *([line] if isinstance(line, str) else line)], ensure_ascii=False)
            for part in fields(self)
            for line in getattr(self, part.name)
        )
        return gzip.compress("".join(f"{line}\n" for line in lines).encode(), mtime=0)

    @classmethod
    def from_bytes(cls, content: bytes) -> Asserted:
        """What :meth:`to_bytes` made.

        Raises:
            ValueError: damaged.
        """
        parts: dict[str, list[Line | str]] = {part.name: [] for part in fields(cls)}
        try:
            for text in gzip.decompress(content).splitlines():
                name, *line = json.loads(text)
                parts[name].append(line[0] if name in ("classes", "attributes") else tuple(line))
        except (OSError, EOFError, zlib.error, KeyError, TypeError) as error:
            raise ValueError(f"damaged ({error})") from None
        return cls(**{name: tuple(lines) for name, lines in parts.items()})  # type: ignore[arg-type]


def asserted_by(ontology: Ontology) -> Asserted:
    """What an ontology asserts, entailed or not: the order of triples, names of blank nodes and formats do not matter.

    Example:
        >>> from kgzsl.ontology import parse_ontology
        >>> o = parse_ontology("@prefix : <http://e/#> . :Zebra a <http://www.w3.org/2002/07/owl#Class> .")
        >>> asserted_by(o).classes, asserted_by(o).digest == o.entail().digest
        (('http://e/#Zebra',), True)
    """
    stated = map(ontology.fact, np.flatnonzero(ontology.columns.source >= 0).tolist())
    return Asserted(
        classes=ontology.classes,
        attributes=ontology.attributes,
        facts=tuple(_line(fact) for fact in stated),
        axioms=tuple(sorted(ontology._axioms)),
        names=tuple((iri, *names) for iri, names in sorted(ontology.labels.items())),
    )


def changes(before: Asserted, after: Asserted) -> tuple[str, ...]:
    """What is other in a later version, in words: facts, axioms, classes and names, the first few of each and how many.

    Attributes are told where nothing else is, since they go with the facts.

    Example:
        >>> one = Asserted(("ex:zebra",), facts=(("ex:zebra", "ex:hasPattern", "ex:stripes", "positive"),))
        >>> changes(one, Asserted(("ex:zebra",), names=(("ex:zebra", "Grevy's zebra"),)))
        ('1 fact is gone (zebra has pattern stripes)', "1 name has changed (zebra is now Grevy's zebra)")
    """
    old, new = ({iri: tuple(names) for iri, *names in version.names} for version in (before, after))
    told: list[str] = []
    for what, part in (("fact", "facts"), ("axiom", "axioms"), ("class", "classes"), ("attribute", "attributes")):
        if part == "attributes" and told:
            continue
        for how, one, other, names in (("gone", before, after, old), ("new", after, before, new)):
            there = set(getattr(other, part))
            lines = [_said(line, names) for line in getattr(one, part) if line not in there]
            told += _listed(what, ("is " + how, "are " + how), lines)
    # What is new or gone has a name that is, too.
    both = _mentioned(before) & _mentioned(after) if told else {*old, *new}
    renamed = [iri for iri in sorted(both) if old.get(iri) != new.get(iri)]
    said = [f"{_name(iri, old)} is now {', '.join(new.get(iri, ())) or 'without a name'}" for iri in renamed]
    return (*told, *_listed("name", ("has changed", "have changed"), said))


def _listed(what: str, verbs: tuple[str, str], lines: list[str]) -> list[str]:
    """How many there are, and the first few; nothing where there are none."""
    if not lines:
        return []
    plural = {"class": "classes"}.get(what, f"{what}s")
    counted = f"1 {what} {verbs[0]}" if len(lines) == 1 else f"{len(lines):,} {plural} {verbs[1]}"
    more = f"; and {len(lines) - SHOWN:,} more" if len(lines) > SHOWN else ""
    return [f"{counted} ({'; '.join(lines[:SHOWN])}{more})"]


def _line(fact: Fact) -> Line:
    """A fact with what counts of it."""
    return fact.key if fact.strength == 1 else (*fact.key, str(fact.strength))


def _said(line: Line | str, names: Mapping[str, Line]) -> str:
    """A fact, an axiom or a term in words."""
    if isinstance(line, str):
        return _name(line, names)
    subject, predicate, object, polarity, *degree = line
    link = "is a kind of" if predicate == RDFS.subClassOf else _name(predicate, names)
    negative = "not " if polarity == "negative" else ""
    return f"{_name(subject, names)} {negative}{link} {_name(object, names)}" + "".join(f" to {d}" for d in degree)


def _name(term: str, names: Mapping[str, Line]) -> str:
    """What a term is called; expressions and literals as they are."""
    told = names.get(term)
    return told[0] if told else term if " " in term else split_words(local_name(term))


def _mentioned(version: Asserted) -> set[str]:
    """The terms that facts or declarations mention."""
    return {*version.classes, *version.attributes, *(term for fact in version.facts for term in fact[:3])}
