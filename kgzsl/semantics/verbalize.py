"""Facts in words: one table of rules, read from top to bottom."""

from __future__ import annotations

import re
from typing import NamedTuple

from kgzsl.ontology import Fact, Ontology
from kgzsl.ontology.names import split_words
from kgzsl.ontology.vocabulary import OWL, local_name
from kgzsl.semantics.quantity import UNITS

__all__ = ["GENERIC_RULES", "RULES", "Rule", "aspect", "is_generic", "sentence", "value_phrase", "verbalize"]


class Rule(NamedTuple):
    """How to say a fact.

    Args:
        pattern: regular expression that must match all of ``"property words | filler"``,
            for instance ``"has body color | scarlet"``; its groups fill the templates.
        positive: what follows "every zebra", with ``{filler}``, ``{a_filler}`` (with its
            article), ``{a_noun}``, ``{gerund}`` and the pattern's groups.
        negative: the same for an absence.
    """

    pattern: str
    positive: str
    negative: str


# A number with a unit, or a range.
_UNITS = "|".join(re.escape(name) for unit in UNITS for name in unit.names)
QUANTITY = rf"[+\-\u2212]?[\d.,eE]+( ?(to|-|\u2013) ?[\d.,eE]+)? ?({_UNITS})s?"

# The first rule whose pattern matches is used; the last two match everything.
RULES: tuple[Rule, ...] = (
    Rule(r"(is a|type) \| .*", "is a kind of {filler}", "is not a kind of {filler}"),
    Rule(r"(equivalent class|same as) \| .*", "is the same as {filler}", "is not the same as {filler}"),
    Rule(r"sub property of \| .*", "is a special case of {filler}", "is not a special case of {filler}"),
    Rule(r"(has|have) (?P<noun>.+) \| something", "has {a_noun}", "has no {noun}"),
    Rule(r"has (body )?(part|teeth) \| .*", "has {a_filler}", "has no {filler}"),
    Rule(r"(has|have) (.* )?(?P<noun>\w+)( .*)? \| (.* )?(?P=noun)( .*)?", "has {a_filler}", "has no {filler}"),
    Rule(r"has color \| .*", "is {filler} in color", "is not {filler} in color"),
    Rule(r"has (?P<part>.+) color \| .*", "has {a_filler} {part}", "does not have {a_filler} {part}"),
    Rule(
        r"has (?P<noun>(.* )?(shape|texture|size|character|behavior|temperament|build)) \| .*",
        "has {a_filler} {noun}",
        "does not have {a_filler} {noun}",
    ),
    Rule(r"has decoration \| .*", "is decorated with {filler}", "is not decorated with {filler}"),
    Rule(r"(has diet|feeds on|diet) \| .*", "feeds on {filler}", "does not feed on {filler}"),
    Rule(r"eats? \| .*", "eats {filler}", "does not eat {filler}"),
    Rule(r"(has habitat|habitat|lives? in) \| .*", "lives in {filler}", "does not live in {filler}"),
    Rule(r"has sociality \| in .*", "lives {filler}", "does not live {filler}"),
    Rule(r"has sociality \| .*", "is {filler}", "is not {filler}"),
    Rule(r"(can )?moves? by \| \w+s", "moves by {gerund}", "does not move by {gerund}"),
    Rule(r"(can )?moves? by \| .*", "moves by {filler}", "does not move by {filler}"),
    Rule(r"moves? \| .*", "moves {filler}", "does not move {filler}"),
    Rule(r"(act|plays?) role \| .*", "acts as {a_filler}", "does not act as {a_filler}"),
    Rule(r"looks? \| .*", "looks {filler}", "does not look {filler}"),
    Rule(r"is \| .*", "is {filler}", "is not {filler}"),
    Rule(r"(is )?active (?P<when>at|in|during|by) \| .*", "is active {when} {filler}", "is not active {when} {filler}"),
    Rule(r"(was )?discovered in \| .*", "was discovered in {filler}", "was not discovered in {filler}"),
    Rule(
        r"(has |have )?(?P<noun>(?!is ).*([^s]|ss)) \| " + QUANTITY,
        "has {a_noun} of {filler}",
        "does not have {a_noun} of {filler}",
    ),
    Rule(r"(has|have) (?P<noun>.+) \| .*", "has {a_filler} as its {noun}", "does not have {a_filler} as its {noun}"),
    Rule(r"(?P<verb>is .+) \| .*", "{verb} {filler}", "is not so: {verb} {filler}"),
    Rule(r"(?P<verb>\w+s( \w+)*) \| .*", "{verb} {filler}", "is not so: {verb} {filler}"),
    Rule(r"(?P<noun>.*) \| .*", "has {a_filler} as its {noun}", "does not have {a_filler} as its {noun}"),
)

GENERIC_RULES = 2
"""How many rules at the table's end match whatever the property means."""

# Misspelled in published ontologies, or named for programs, and worth saying right.
_ALIASES = {"canMoveeBy": "can move by", "subClassOf": "is a"}


def verbalize(fact: Fact, ontology: Ontology) -> str:
    """A fact as a phrase without its subject: "has stripes as its pattern".

    It never fails: what no special rule covers is said from the property's name.

    Example:
        >>> from kgzsl.ontology import Fact, parse_ontology
        >>> o = parse_ontology("@prefix : <http://e/#> . :Zebra a <http://www.w3.org/2002/07/owl#Class> .")
        >>> verbalize(Fact("http://e/#Zebra", "http://e/#hasPattern", "http://e/#Stripes"), o)
        'has stripes as its pattern'
        >>> verbalize(Fact("http://e/#Zebra", "http://e/#livesIn", "http://e/#Ocean", "negative"), o)
        'does not live in ocean'
    """
    positive, negative = _phrases(fact, ontology)
    return positive if fact.polarity == "positive" else negative


def sentence(fact: Fact, ontology: Ontology) -> str:
    """A fact as a sentence about its subject, without a full stop: "every zebra has ...", "no zebra has ..."."""
    positive, _ = _phrases(fact, ontology)
    return f"{'every' if fact.polarity == 'positive' else 'no'} {ontology.label(fact.subject)} {positive}"


def aspect(property_iri: str, ontology: Ontology) -> str:
    """The name under which a property's values are grouped: "body color" for ``hasBodyColor``."""
    words = _property_words(property_iri, ontology)
    return re.sub(r"\Ahas (?=.)", "", words) or local_name(property_iri) or property_iri


def value_phrase(filler: str, ontology: Ontology) -> str:
    """A filler in words: its label; "something" for ``owl:Thing``; a literal as it is."""
    return "something" if filler == OWL.Thing else " ".join(_word(filler, ontology).split()) or filler


def _word(term: str, ontology: Ontology) -> str:
    """The label of an IRI; anything that is no IRI as it is."""
    return ontology.label(term) if term in ontology.index or "://" in term else term


def _property_words(iri: str, ontology: Ontology) -> str:
    """The property's label or, failing that, its local name in words."""
    local = local_name(iri)
    return _ALIASES.get(local) or (ontology.label(iri) if iri in ontology.labels else split_words(local))


def is_generic(property_iri: str, filler: str, ontology: Ontology) -> bool:
    """Whether no special rule covers a property with a filler, so that its name alone makes the phrase.

    Example:
        >>> from kgzsl.ontology import parse_ontology
        >>> o = parse_ontology("@prefix : <http://e/#> . :Zebra a <http://www.w3.org/2002/07/owl#Class> .")
        >>> [is_generic(f"http://e/#{p}", "http://e/#Stripes", o) for p in ("hasPattern", "gait")]
        [False, True]
    """
    said = _said(property_iri, value_phrase(filler, ontology), ontology)
    return not any(re.fullmatch(rule.pattern, said, flags=re.DOTALL) for rule in RULES[:-GENERIC_RULES])


def _said(property_iri: str, filler: str, ontology: Ontology) -> str:
    """What the rules' patterns are matched against."""
    return f"{_property_words(property_iri, ontology)} | {filler}"


def _phrases(fact: Fact, ontology: Ontology) -> tuple[str, str]:
    """The positive and the negative phrase of the first rule that matches."""
    filler = value_phrase(fact.object, ontology)
    said = _said(fact.predicate, filler, ontology)
    for rule in RULES:
        match = re.fullmatch(rule.pattern, said, flags=re.DOTALL)
        if match:
            words = match.groupdict() | {"filler": filler, "a_filler": _article(filler), "gerund": _gerund(filler)}
            words["a_noun"] = _article(words.get("noun") or "")
            return rule.positive.format(**words), rule.negative.format(**words)
    return f"has {filler}", f"has no {filler}"


def _article(noun: str) -> str:
    """A noun with "a" or "an", unless it is plural, counted, or a number."""
    last = noun.rsplit(" ", 1)[-1]
    plural = last.endswith("s") and not last.endswith(("ss", "us", "ous"))
    irregular = last in {"teeth", "feet", "skin", "fur", "hair", "something"}
    counted = noun.split(" ", 1)[0] in {"one", "two", "three", "four", "five", "six", "eight", "many", "no"}
    if plural or irregular or counted or not noun[:1].isalpha():
        return noun
    return f"{'an' if noun[0] in 'aeiouAEIOU' else 'a'} {noun}"


def _gerund(verb: str) -> str:
    """The -ing form of a verb in the third person: "swims" to "swimming"."""
    stem = re.sub(r"s\Z", "", verb)
    if re.fullmatch(r"[^aeiou]*[aeiou][^aeiouwxy]", stem):
        return stem + stem[-1] + "ing"
    return re.sub(r"(?<=[^aeo])e\Z", "", stem) + "ing"
