"""Axioms that are not facts of one class: what suffices to be of a class, and how properties compose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from kgzsl.ontology.facts import Fact
from kgzsl.ontology.vocabulary import OWL, RDFS

__all__ = ["Alternative", "Axioms", "Chain", "Definition", "is_anonymous"]

Pair = tuple[int, int]  # a property and a filler


def is_anonymous(term: str) -> bool:
    """Whether a term stands for a class expression (or a chain) that has no name of its own."""
    return term.startswith("_:")


@dataclass(frozen=True, slots=True, order=True)
class Definition:
    """Whatever is of all these classes and has all of these is of that class.

    Args:
        then: the class.
        named: classes to be of.
        has: (property, filler) pairs to have.
        source: index of the file that says so.
    """

    then: int
    named: tuple[int, ...]
    has: tuple[Pair, ...]
    source: int = field(default=0, compare=False)

    def fact(self, terms: tuple[str, ...], files: tuple[str, ...]) -> Fact:
        """The axiom as a fact, so that a proof can rest on it."""
        parts = [*(f"<{terms[n]}>" for n in self.named), *(f"<{terms[p]}> some <{terms[f]}>" for p, f in self.has)]
        return Fact(" and ".join(parts), RDFS.subClassOf, terms[self.then], source=files[self.source])


@dataclass(frozen=True, slots=True, order=True)
class Chain:
    """Who has ``first`` something that has ``second`` something, has it by ``then``; transitivity is one.

    Args:
        first: property.
        second: property.
        then: property.
        source: index of the file that says so.
    """

    first: int
    second: int
    then: int
    source: int = field(default=0, compare=False)

    def fact(self, terms: tuple[str, ...], files: tuple[str, ...]) -> Fact:
        """The axiom as a fact, so that a proof can rest on it."""
        chain = f"<{terms[self.first]}> o <{terms[self.second]}>"
        return Fact(terms[self.then], OWL.propertyChainAxiom, chain, source=files[self.source])


@dataclass(frozen=True, slots=True, order=True)
class Mirror:
    """``x property y`` is ``y inverse x``; a symmetric property is its own inverse.

    It holds of plain triples only: that every zebra has some stripes does not say that stripes have a zebra.
    """

    property: int
    inverse: int
    source: int = field(default=0, compare=False)

    def fact(self, terms: tuple[str, ...], files: tuple[str, ...]) -> Fact:
        """The axiom as a fact, so that a proof can rest on it."""
        return Fact(terms[self.property], OWL.inverseOf, terms[self.inverse], source=files[self.source])


@dataclass(frozen=True, slots=True, order=True)
class Alternative:
    """A class of which one of several things is true, and it is not said which.

    Args:
        subject: the class.
        predicate: property of the fillers; ``rdfs:subClassOf`` where they are classes.
        options: the fillers.
        source: index of the file that says so.
    """

    subject: int
    predicate: int
    options: tuple[int, ...]
    source: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Axioms:
    """All axioms of an ontology that are not facts, over its terms; sorted."""

    definitions: tuple[Definition, ...] = ()
    chains: tuple[Chain, ...] = ()
    mirrors: tuple[Mirror, ...] = ()
    alternatives: tuple[Alternative, ...] = ()

    def terms(self) -> set[int]:
        """All terms that occur."""
        found: set[int] = set()
        for d in self.definitions:
            found |= {d.then, *d.named, *(t for pair in d.has for t in pair)}
        for c in self.chains:
            found |= {c.first, c.second, c.then}
        for m in self.mirrors:
            found |= {m.property, m.inverse}
        for a in self.alternatives:
            found |= {a.subject, a.predicate, *a.options}
        return found

    def renumbered(self, new: Callable[[int], int]) -> Axioms:
        """The same over other numbers of the terms."""

        def each(terms: tuple[int, ...]) -> tuple[int, ...]:
            return tuple(sorted(map(new, terms)))

        definitions = (
            replace(d, then=new(d.then), named=each(d.named), has=tuple(sorted((new(p), new(f)) for p, f in d.has)))
            for d in self.definitions
        )
        chains = (replace(c, first=new(c.first), second=new(c.second), then=new(c.then)) for c in self.chains)
        mirrors = (replace(m, property=new(m.property), inverse=new(m.inverse)) for m in self.mirrors)
        alternatives = (
            replace(a, subject=new(a.subject), predicate=new(a.predicate), options=each(a.options))
            for a in self.alternatives
        )
        return Axioms(
            definitions=tuple(sorted(definitions)),
            chains=tuple(sorted(chains)),
            mirrors=tuple(sorted(mirrors)),
            alternatives=tuple(sorted(alternatives)),
        )
