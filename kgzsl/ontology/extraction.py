"""What reading triples under a profile yields: asserted facts, roles of terms, and names."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from kgzsl.ontology.names import split_words
from kgzsl.ontology.profile import Profile
from kgzsl.ontology.triples import Triples
from kgzsl.ontology.vocabulary import is_literal, local_name

__all__ = ["AssertedKey", "Extraction", "collect_names", "plain_text"]

AssertedKey = tuple[int, int, int, bool]  # subject, predicate, object, negative


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
    """

    facts: dict[AssertedKey, int] = field(default_factory=dict)
    classes: set[int] = field(default_factory=set)
    attributes: set[int] = field(default_factory=set)
    properties: set[int] = field(default_factory=set)
    labels: dict[int, tuple[str, ...]] = field(default_factory=dict)
    external: int = 0
    annotations: int = 0
    not_understood: Counter[str] = field(default_factory=Counter)

    def add(self, subject: int, predicate: int, object: int, file: int, *, negative: bool = False) -> None:
        """Keep a fact, unless an earlier file already asserts it."""
        self.facts.setdefault((subject, predicate, object, negative), file)


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
    """Every term's names: preferred label first, English (or unmarked) before other languages."""
    rank = {triples.find(p): (0, k) for k, p in enumerate(profile.label)}
    rank |= {triples.find(p): (1, k) for k, p in enumerate(profile.alternative)}
    rank.pop(-1, None)
    found: dict[int, list[tuple[tuple[int, int], int, str]]] = {}
    for subject, predicate, object, _ in triples:
        literal = triples.terms[object]
        if predicate in rank and is_literal(literal):
            mark = literal[literal.rindex('"') + 1 :]
            foreign = mark.startswith("@") and not mark.lower().startswith("@en")
            found.setdefault(subject, []).append((rank[predicate], int(foreign), literal))
    names = {}
    for term, literals in found.items():
        literals.sort()
        texts = [name for *_, literal in literals for name in plain_text(literal, profile.synonyms)]
        if literals[0][0][0] == 1:  # only alternative names: none of them is the preferred one
            texts.insert(0, split_words(local_name(triples.terms[term])))
        names[term] = tuple(dict.fromkeys(texts))
    return {term: texts for term, texts in names.items() if texts}
