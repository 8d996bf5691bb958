"""Classes in sentences: what tells them apart first, within a budget of tokens."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from kgzsl.errors import ConfigError, Problem, UnknownTermError
from kgzsl.ontology import Ontology
from kgzsl.ontology.axioms import is_anonymous
from kgzsl.ontology.names import split_words
from kgzsl.ontology.vocabulary import OWL
from kgzsl.semantics.attributes import Attribute
from kgzsl.semantics.informativeness import informativeness, special_cases
from kgzsl.semantics.prompt import Prompt, Span
from kgzsl.semantics.verbalize import Phrase, is_plural, of_several, phrase, value_phrase, with_article

__all__ = ["Serializer", "count_words"]


def count_words(text: str) -> int:
    """Words and punctuation marks of a text: about the tokens of a tokenizer that knows all the words.

    Example:
        >>> count_words("A zebra has no horns.")
        6
    """
    return len(re.findall(r"\w+|[^\w\s]", text))


class _Clause(NamedTuple):
    """A fact that may be said.

    Args:
        row: the fact.
        subject: index of the term that it is about.
        hop: how far that is from the class, 0 for the class itself.
        rank: what it is worth, discounted by distance.
        phrase: the fact in words.
    """

    row: int
    subject: int
    hop: int
    rank: float
    phrase: Phrase


@dataclass(frozen=True, eq=False)
class Serializer:
    """Writes classes of one ontology as sentences, in which every stated fact has its span.

    ``"A zebra is a kind of equine. It has hooves and a tail. It does not have spots as its pattern. Stripes are a
    kind of pattern."``: superclasses first, then sentences by what their best fact is worth; facts that read alike
    share one. After the class come the things that its positive facts lead to, as far as ``hops`` goes: a fact
    about them is worth the mean of its own worth and that of the fact that led there, and never more than the latter.

    A text that has more tokens than ``budget`` loses facts, whole ones, those worth least first; equals in the order of
    IRIs. So a larger budget keeps all that a smaller one kept. Not said are ``owl:Thing`` and class expressions without
    a name; that a thing is the same as what is called as it is; what a more special fact of the same thing implies
    (red, of what is scarlet), but for superclasses; inherited definitions; what reads as another fact of it does; and
    of other things what is stated of the class as well.

    Args:
        ontology: entailed, where what follows is to be said too.
        rows: bool (fact,): which facts may be said.
        worth: float64 (fact,): what they are worth; see :func:`~kgzsl.semantics.informativeness.informativeness`.
        hops: 1 says what is stated of the class; 2 also what is stated of what that leads to; and so on.
        budget: most tokens of a text; None for no limit.
        count: how many tokens a text has.
        named: whether a class is called by its name, with its further names; else it is "it".

    Raises:
        ConfigError: ``hops`` or ``budget`` are below 1, or a column is none of the ontology's facts, or not of numbers.
    """

    ontology: Ontology
    rows: np.ndarray
    worth: np.ndarray
    hops: int = 1
    budget: int | None = None
    count: Callable[[str], int] = count_words
    named: bool = True

    def __post_init__(self) -> None:
        facts = self.ontology.columns.subject.shape
        problems = [
            Problem(f"{name} = {value}", expected="a whole number from 1 on")
            for name, value in (("hops", self.hops), ("budget", self.budget))
            if value is not None and value < 1
        ]
        problems += [
            Problem(
                f"{name} are {column.dtype} of shape {column.shape}", expected=f"{kind} of shape {facts}: each fact"
            )
            for name, column, kind in (("rows", self.rows, "bool"), ("worth", self.worth, "float64"))
            if column.shape != facts or column.dtype != kind
        ]
        if np.isnan(self.worth).any():
            problems.append(Problem("facts whose worth is not a number", expected="numbers"))
        if problems:
            raise ConfigError(problems)

    @classmethod
    def of(
        cls,
        ontology: Ontology,
        classes: Collection[str],
        *,
        rows: np.ndarray,
        hops: int = 1,
        budget: int | None = None,
        count: Callable[[str], int] = count_words,
        named: bool = True,
    ) -> Serializer:
        """A serializer in which facts are worth how well they tell some classes apart.

        Args:
            ontology: entailed, where what follows is to be said too.
            classes: IRIs of the classes to tell apart, the candidates of a run.
            rows: bool (fact,): which facts may be said; see :func:`~kgzsl.semantics.groups.chosen`.
            hops: how far to go.
            budget: most tokens of a text.
            count: how many tokens a text has.
            named: whether classes are called by their names.

        Raises:
            ConfigError: as the constructor, or there are no classes.
            UnknownTermError: classes that the ontology does not have.

        Example:
            >>> from kgzsl.ontology import parse_ontology
            >>> o = parse_ontology('''@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
            ... :Zebra a owl:Class ; :hasPattern :Stripes ; :hasPart :Tail , :Hooves .
            ... :Pig a owl:Class ; :hasPart :Tail .
            ... :hasPattern a owl:ObjectProperty . :hasPart a owl:ObjectProperty .''')
            >>> every = np.ones(len(o.columns), dtype=bool)
            >>> Serializer.of(o, o.classes, rows=every).prompt("http://e/#Zebra").text
            'A zebra has hooves and a tail. It has stripes as its pattern.'
            >>> Serializer.of(o, o.classes, rows=every, budget=12).prompt("http://e/#Zebra").text
            'A zebra has hooves. It has stripes as its pattern.'
        """
        worth = informativeness(ontology, classes, rows)
        return cls(ontology, rows, worth, hops=hops, budget=budget, count=count, named=named)

    def prompt(self, class_iri: str) -> Prompt:
        """A class in sentences; its spans are the fillers' words.

        Args:
            class_iri: a class of the ontology, whether it is one of those to tell apart or not.

        Raises:
            UnknownTermError: it is no class of the ontology.
            ConfigError: the class's name alone is more than the budget.
        """
        if class_iri not in self._classes:
            raise UnknownTermError(Problem(f"{class_iri} is not a class of the ontology"))
        clauses = self._clauses(class_iri)
        whole = self._write(class_iri, clauses)
        if self._fits(whole):
            return whole
        # The prefixes that bisection finds to fit grow with the budget, whatever the count is like.
        best, low, high = self._write(class_iri, []), 0, len(clauses)
        if not self._fits(best):
            got = f"{best.text!r} has {self.count(best.text)} tokens"
            raise ConfigError(Problem(got, expected=f"a budget of that many, not {self.budget}"))
        while high - low > 1:
            middle = (low + high) // 2
            part = self._write(class_iri, clauses[:middle])
            if self._fits(part):
                best, low = part, middle
            else:
                high = middle
        return best

    def _fits(self, prompt: Prompt) -> bool:
        """Whether a text is within the budget."""
        return self.budget is None or self.count(prompt.text) <= self.budget

    # ---- what to say -----------------------------------------------------------------

    def _clauses(self, class_iri: str) -> list[_Clause]:
        """All that may be said, what is worth most first."""
        start = self.ontology.index.get(class_iri)
        if start is None:  # nothing is stated of it
            return []
        found = self._about(start, 0, float("inf"))
        own = {self._key(row) for row in self._rows_of(start, self._stated)}
        seen, here = {start}, found
        for hop in range(1, self.hops):
            led: dict[int, float] = {}
            for clause in here:
                _, filler, negative = self._key(clause.row)
                if not negative and not self.ontology.literals[filler] and filler not in seen:
                    led[filler] = max(clause.rank, led.get(filler, clause.rank))
            here = [clause for term, rank in led.items() for clause in self._about(term, hop, rank)]
            found += [clause for clause in here if self._key(clause.row) not in own]
            seen |= led.keys()
        return sorted(found, key=lambda clause: (-clause.rank, clause.hop, clause.row))

    def _about(self, subject: int, hop: int, led: float) -> list[_Clause]:
        """What may be said of one term; of facts that read alike the one that is worth most.

        Args:
            subject: the term.
            hop: how far it is from the class.
            led: what the fact is worth that leads there.
        """
        name = split_words(self._name(subject))
        best: dict[Phrase, _Clause] = {}
        for row in self._rows_of(subject, self._telling):
            predicate, filler, _ = self._key(row)
            if self._ordering[predicate] and split_words(self._name(filler)) == name:
                continue
            worth = float(self.worth[row])
            rank = (led + min(led, worth)) / 2 if hop else worth
            clause = _Clause(row, subject, hop, rank, self._phrase(row))
            if clause.phrase not in best or rank > best[clause.phrase].rank:
                best[clause.phrase] = clause
        return list(best.values())

    def _rows_of(self, subject: int, rows: np.ndarray) -> list[int]:
        """The facts about a term that are among some, given as a mask."""
        about = self.ontology.columns.rows_of(subject)
        return (np.flatnonzero(rows[about]) + about.start).tolist()

    def _key(self, row: int) -> tuple[int, int, bool]:
        """Property, filler and polarity of a fact."""
        columns = self.ontology.columns
        return int(columns.predicate[row]), int(columns.object[row]), bool(columns.negative[row])

    def _name(self, term: int) -> str:
        """A term in words."""
        return value_phrase(self.ontology.terms[term], self.ontology)

    def _phrase(self, row: int) -> Phrase:
        """A fact in words, put together once for all of its property, filler and polarity."""
        key = self._key(row)
        if key not in self._phrases:
            self._phrases[key] = phrase(self.ontology.fact(row), self.ontology)
        return self._phrases[key]

    @cached_property
    def _phrases(self) -> dict[tuple[int, int, bool], Phrase]:
        return {}

    @cached_property
    def _classes(self) -> frozenset[str]:
        return frozenset(self.ontology.classes)

    @cached_property
    def _ordering(self) -> np.ndarray:
        """Bool (term,): which predicates order terms, or say that they are the same."""
        same = self.ontology.profile.identity
        return np.array([t in same or self.ontology.is_taxonomy(t) for t in self.ontology.terms], dtype=bool)

    @cached_property
    def _stated(self) -> np.ndarray:
        """Bool (fact,): which of the facts have words, and are about their subject."""
        ontology, c = self.ontology, self.ontology.columns
        unnamed = np.array([is_anonymous(t) for t in ontology.terms], dtype=bool)
        anything = np.array([t in (OWL.Thing, OWL.Nothing) for t in ontology.terms], dtype=bool)
        annotating = np.array([t in ontology.profile.annotations_as_facts for t in ontology.terms], dtype=bool)
        # A definition is one of its own class, whatever is entailed for those below.
        inherited = annotating[c.predicate] & ontology.literals[c.object] & (c.source < 0)
        void = unnamed[c.subject] | unnamed[c.object] | (self._ordering[c.predicate] & anything[c.object])
        return self.rows & ~void & ~inherited

    @cached_property
    def _telling(self) -> np.ndarray:
        """Bool (fact,): which of these no special case of the same subject implies, or say what it is."""
        columns = self.ontology.columns
        kinds = self._ordering[columns.predicate] & ~columns.negative
        return self._stated & (kinds | (special_cases(self.ontology, self._stated) == 0))

    # ---- how to say it ---------------------------------------------------------------

    def _write(self, class_iri: str, clauses: list[_Clause]) -> Prompt:
        """Sentences about the class, then about each of the other things, with the spans of all facts."""
        place: dict[int, int] = {}
        sentences: dict[tuple[int, str, str, int], list[_Clause]] = {}
        for clause in clauses:
            place.setdefault(clause.subject, len(place))
            # What is written out in a literal stands by itself.
            alone = clause.row if self.ontology.literals[self._key(clause.row)[1]] else -1
            form = (clause.subject, clause.phrase.before, clause.phrase.after, alone)
            sentences.setdefault(form, []).append(clause)

        def order(said: list[_Clause]) -> tuple[int, int, bool]:
            """The class first, and of each thing what it is."""
            predicate, _, negative = self._key(said[0].row)
            return said[0].hop, place[said[0].subject], negative or not bool(self._ordering[predicate])

        text, spans, subject = "", [], ""
        for said in sorted(sentences.values(), key=order):
            iri = self.ontology.terms[said[0].subject]
            head, several = self._head(iri, again=iri == subject)
            part = _sentence(head, [clause.phrase for clause in said], several=several)
            offset = len(text) + bool(text)
            text = f"{text} {part.text}".lstrip(" ")
            spans += [self._span(c, offset + a, offset + b) for c, (a, b) in zip(said, part.places, strict=True)]
            subject = iri
        if not text:
            text = f"{self._head(class_iri, again=False)[0]}."
        return Prompt(text, tuple(spans))

    def _head(self, iri: str, *, again: bool) -> tuple[str, bool]:
        """What a sentence about a term begins with, and whether that is of several things."""
        name = value_phrase(iri, self.ontology)
        several = is_plural(name)
        if again:
            return ("They" if several else "It"), several
        if iri in self._classes and not self.named:
            return "It", False
        words = with_article(name) if iri in self._classes else name
        return words[0].upper() + words[1:], several

    def _span(self, clause: _Clause, start: int, end: int) -> Span:
        """Where a fact is said; it is an attribute where it says positively what the class has."""
        fact = self.ontology.fact(clause.row)
        predicate, filler, negative = self._key(clause.row)
        other = clause.hop or negative or self._ordering[predicate] or self.ontology.literals[filler]
        return Span(start, end, fact, None if other else Attribute(fact.predicate, fact.object))


class _Sentence(NamedTuple):
    """A sentence, and from where to where the filler of each of its facts goes."""

    text: str
    places: list[tuple[int, int]]


def _sentence(head: str, said: list[Phrase], *, several: bool) -> _Sentence:
    """Facts that differ in their fillers alone, in one sentence.

    Args:
        head: its subject.
        said: the facts, which read alike but for their fillers.
        several: whether the subject is of several things.
    """
    form = of_several(said[0]) if several else said[0]
    denied = re.match(r"(\w+ (not|no)|cannot) ", form.before)
    last = " or " if denied else " and "
    text, places = f"{head} {form.before}", []
    for k, each in enumerate(said):
        text += "" if k == 0 else last if k == len(said) - 1 else ", "
        places.append((len(text), len(text) + len(each.words)))
        text += each.words
    text += form.after
    return _Sentence(text if text.endswith((".", "!", "?")) else f"{text}.", places)
