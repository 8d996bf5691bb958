"""What reading triples under a profile yields: asserted facts, roles of terms, and names."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from kgzsl.ontology.axioms import Alternative, Axioms, Chain, Definition, Mirror
from kgzsl.ontology.columns import Key
from kgzsl.ontology.names import split_words
from kgzsl.ontology.profile import Profile
from kgzsl.ontology.reading.triples import Triples
from kgzsl.ontology.vocabulary import is_literal, local_name

__all__ = ["Extraction", "collect_names", "foreign", "plain_text"]


@dataclass
class Extraction:
    """The facts of some triples, still in the numbering of the triples' terms.

    Args:
        facts: fact -> file that asserts it (the first, if several do).
        classes: terms that are classes.
        attributes: terms that are attributes.
        properties: terms that are properties.
        labels: term -> its names, the preferred one first.
        external: triples about other terms.
        annotations: triples that only comment.
        not_understood: axioms not turned into facts, by construct.
        plain: facts that were stated by a plain triple.
        strength: degrees of facts that have one.
        definitions: what suffices to be of a class.
        chains: how properties compose.
        mirrors: inverse and symmetric properties.
        alternatives: of which things one is true.
        individual_facts: (subject, property, object, file) about individuals.
        origin: the triple that is being read; None where that need not be known.
        made: the facts that each triple became, as far as it is noted.
    """

    facts: dict[Key, int] = field(default_factory=dict)
    classes: set[int] = field(default_factory=set)
    attributes: set[int] = field(default_factory=set)
    properties: set[int] = field(default_factory=set)
    labels: dict[int, tuple[str, ...]] = field(default_factory=dict)
    external: int = 0
    annotations: int = 0
    not_understood: Counter[str] = field(default_factory=Counter)
    plain: set[Key] = field(default_factory=set)
    strength: dict[Key, float] = field(default_factory=dict)
    definitions: list[Definition] = field(default_factory=list)
    chains: list[Chain] = field(default_factory=list)
    mirrors: list[Mirror] = field(default_factory=list)
    alternatives: list[Alternative] = field(default_factory=list)
    individual_facts: list[tuple[int, int, int, int]] = field(default_factory=list)
    origin: tuple[int, int, int] | None = None
    made: dict[tuple[int, int, int], list[Key]] = field(default_factory=dict)

    def add(
        self, subject: int, predicate: int, object: int, file: int, *, negative: bool = False, plain: bool = False
    ) -> None:
        """Keep a fact, unless an earlier file already asserts it."""
        key = (subject, predicate, object, negative)
        self.facts.setdefault(key, file)
        if plain:
            self.plain.add(key)
        if self.origin is not None:
            self.made.setdefault(self.origin, []).append(key)

    def axioms(self) -> Axioms:
        """What is said that is not a fact of one class."""
        return Axioms(
            definitions=tuple(dict.fromkeys(self.definitions)),
            chains=tuple(dict.fromkeys(self.chains)),
            mirrors=tuple(dict.fromkeys(self.mirrors)),
            alternatives=tuple(dict.fromkeys(self.alternatives)),
        )


def plain_text(literal: str, synonyms: bool = False) -> tuple[str, ...]:
    """The names that a label literal holds, as readable text.

    Example:
        >>> plain_text('"blue_whale, sulfur_bottom"@en', synonyms=True)
        ('blue whale', 'sulfur bottom')
    """
    text = literal[1 : literal.rindex('"')]
    if not synonyms:
        return (" ".join(text.split()),) if text.strip() else ()
    return tuple(" ".join(name.replace("_", " ").split()) for name in text.split(",") if name.strip(" _"))


def collect_names(triples: Triples, profile: Profile) -> dict[int, tuple[str, ...]]:
    """Every term's names: preferred label first, the profile's language (or none) before others."""
    rank = {triples.find(p): (0, k) for k, p in enumerate(profile.label)}
    rank |= {triples.find(p): (1, k) for k, p in enumerate(profile.alternative)}
    rank.pop(-1, None)
    found: dict[int, list[tuple[tuple[int, int], int, str]]] = {}
    for subject, predicate, object, _ in triples:
        literal = triples.terms[object]
        if predicate in rank and is_literal(literal):
            found.setdefault(subject, []).append((rank[predicate], foreign(literal, profile.language), literal))
    names = {}
    for term, literals in found.items():
        literals.sort()
        texts = [name for *_, literal in literals for name in plain_text(literal, profile.synonyms)]
        if literals[0][0][0] == 1:  # only alternative names: none of them is the preferred one
            texts.insert(0, split_words(local_name(triples.terms[term])))
        names[term] = tuple(dict.fromkeys(texts))
    return {term: texts for term, texts in names.items() if texts}


def foreign(literal: str, language: str) -> int:
    """0 for the language wanted, 1 for none or English, 2 for others."""
    mark = literal[literal.rindex('"') + 1 :].lower()
    if not mark.startswith("@"):
        return 1
    tag = mark[1:]
    if tag == language.lower() or tag.startswith(f"{language.lower()}-"):
        return 0
    return 1 if tag.partition("-")[0] == "en" else 2
