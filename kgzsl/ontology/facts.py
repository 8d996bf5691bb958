"""Facts and proofs: the units that every floor above passes on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Fact", "FactKey", "Polarity", "Proof", "Status"]

Polarity = Literal["positive", "negative"]
Status = Literal["asserted", "entailed"]
FactKey = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Fact:
    """One statement about a class: the unit of explanation.

    ``(zebra, hasPattern, stripes, positive)`` reads "every zebra has some stripes as its
    pattern"; with polarity negative, "no zebra has ...". Facts of the taxonomy have
    ``rdfs:subClassOf`` as predicate.

    Args:
        subject: IRI of the class.
        predicate: IRI of the property.
        object: IRI of the filler, or the lexical form of a literal.
        polarity: positive, or negative for a stated or entailed absence.
        status: asserted in a file, or entailed.
        strength: degree in [0, 1]; 1 for crisp facts.
        source: the file that asserts it; None for entailed facts.

    Example:
        >>> Fact("ex:zebra", "ex:hasPattern", "ex:stripes").key
        ('ex:zebra', 'ex:hasPattern', 'ex:stripes', 'positive')
    """

    subject: str
    predicate: str
    object: str
    polarity: Polarity = "positive"
    status: Status = "asserted"
    strength: float = 1.0
    source: str | None = field(default=None, compare=False)

    @property
    def key(self) -> FactKey:
        """What makes it the same fact: the triple and its polarity, not how it is known."""
        return (self.subject, self.predicate, self.object, self.polarity)


@dataclass(frozen=True, slots=True)
class Proof:
    """How a fact follows: a rule and the proofs of its premises, down to asserted facts.

    Args:
        fact: what is proved.
        rule: name of the rule, ``"asserted"`` at the leaves; ``"hermit"``, without premises, for what HermiT
            alone derives.
        premises: proofs of the premises, in the order in which the rule names them.
    """

    fact: Fact
    rule: str
    premises: tuple[Proof, ...] = ()

    def walk(self) -> Iterator[Proof]:
        """This proof and all below it, premises before conclusions."""
        for premise in self.premises:
            yield from premise.walk()
        yield self

    def asserted(self) -> tuple[Fact, ...]:
        """The asserted facts that it rests on, each once, in order."""
        return tuple(dict.fromkeys(step.fact for step in self.walk() if step.rule == "asserted"))
