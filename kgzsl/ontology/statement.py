"""A fact as a user types it: ``zebra hasPart hooves``."""

from __future__ import annotations

import re
import shlex
from itertools import combinations

from kgzsl.errors import ConfigError, Problem, UnknownTermError
from kgzsl.ontology.facts import Fact
from kgzsl.ontology.ontology import Ontology
from kgzsl.ontology.query import prefixes
from kgzsl.ontology.vocabulary import OWL, RDF, RDFS

__all__ = ["parse_statement"]

_LINKS = {
    **dict.fromkeys(("is a", "isa", "is a kind of", "is kind of", "subclass of", "subclassof"), RDFS.subClassOf),
    **dict.fromkeys(("type", "is of type"), RDF.type),
    **dict.fromkeys(("is the same as", "same as", "sameas"), OWL.sameAs),
    **dict.fromkeys(("equivalent class", "equivalentclass"), OWL.equivalentClass),
    **dict.fromkeys(("subproperty of", "subpropertyof"), RDFS.subPropertyOf),
}
_LONGEST = 16  # words; more are not tried for all their meanings


def parse_statement(text: str, ontology: Ontology) -> Fact:
    """Class, property and filler by label, local name, IRI or prefixed name; ``not`` makes it negative.

    Names of several words are quoted; without quotes they are found if only one reading makes
    sense. ``is a`` is the taxonomy.

    Args:
        text: the statement.
        ontology: whose names it uses.

    Returns:
        The fact as asked for: whether it holds is another question.

    Raises:
        ConfigError: not a class, a property and a filler, or an open quote.
        UnknownTermError: names that the ontology lacks, or that mean several terms; all at once.

    Example:
        >>> from kgzsl.ontology import parse_ontology
        >>> o = parse_ontology('''@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
        ... :hasPart a owl:ObjectProperty . :BlueWhale a owl:Class ; :hasPart :Hooves .''')
        >>> parse_statement("blue whale not has part hooves", o).key
        ('http://e/#BlueWhale', 'http://e/#hasPart', 'http://e/#Hooves', 'negative')
        >>> parse_statement('"blue whale" :hasPart hooves', o).polarity
        'positive'
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ConfigError(Problem(f"{text!r}: {str(error).lower()}", fix="close the quote")) from None
    negative = "not" in words[:-1]
    if negative:
        words.remove("not")
    if not 3 <= len(words) <= _LONGEST:
        fix = 'quote names of several words: \'"blue whale" "has part" flippers\''
        raise ConfigError(Problem(f"{text!r} is no statement", expected="a class, a property and a filler", fix=fix))
    polarity = "negative" if negative else "positive"
    reader = _Reader(ontology)
    readings = []
    for i, j in combinations(range(1, len(words)), 2):
        parts = (" ".join(words[:i]), " ".join(words[i:j]), " ".join(words[j:]))
        found = [reader.term(part, place) for place, part in enumerate(parts)]
        if None not in found:
            readings.append((parts, found))
    if len(readings) == 1:
        subject, predicate, object = readings[0][1]
        return Fact(str(subject), str(predicate), str(object), polarity)  # type: ignore[arg-type]
    if readings:
        listed = "; ".join(" | ".join(parts) for parts, _ in readings)
        got = f"{text!r} can be read in {len(readings)} ways ({listed})"
        raise UnknownTermError(Problem(got, fix="quote names of several words"))
    if len(words) == 3:
        raise UnknownTermError([p for place, part in enumerate(words) for p in reader.problems(part, place)])
    fix = "quote names of several words, then what is unknown is named"
    raise UnknownTermError(Problem(f"{text!r} has no reading as class, property and filler of the ontology", fix=fix))


class _Reader:
    """From a name in one of the three places to its term, each looked up once."""

    def __init__(self, ontology: Ontology) -> None:
        self.ontology = ontology
        self.known: dict[tuple[str, bool], str | None] = {}

    def term(self, name: str, place: int) -> str | None:
        """The term, or None."""
        key = (name, place == 1)
        if key not in self.known:
            self.known[key] = self._look_up(name, place)
        return self.known[key]

    def problems(self, name: str, place: int) -> tuple[Problem, ...]:
        """Why a name has no term."""
        if self.term(name, place) is not None:
            return ()
        try:
            iri = self.ontology.resolve(name)
        except UnknownTermError as error:
            return error.problems
        wanted = "a property" if place == 1 else "a class or an attribute"
        return (Problem(f"{name!r} is {iri}", expected=f"{wanted} in this place"),)

    def _look_up(self, name: str, place: int) -> str | None:
        """The term of a name, as what its place wants."""
        ontology = self.ontology
        is_property = set(ontology.properties).__contains__
        if place == 1 and (link := _LINKS.get(re.sub(r"[\s_-]+", " ", name.removeprefix("rdfs:")).casefold())):
            return link
        for iri in (name.removeprefix("<").removesuffix(">"), self._expanded(name)):
            if iri in ontology.index and (place != 1 or is_property(iri) or ontology.is_taxonomy(iri)):
                return iri
        if place == 2 and name.casefold() in ("something", "thing"):
            return OWL.Thing
        try:
            iri = ontology.resolve(name)
        except UnknownTermError:
            literal = place == 2 and ontology.facts(object=name)
            return name if literal else None
        return iri if is_property(iri) == (place == 1) or place != 1 else None

    def _expanded(self, name: str) -> str:
        """The IRI of a prefixed name."""
        prefix, colon, local = name.partition(":")
        return prefixes(self.ontology).get(prefix, prefix + colon) + local if colon else name
