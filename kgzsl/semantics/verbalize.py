"""Facts in words: one table of rules, read from top to bottom."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import NamedTuple

from kgzsl.ontology import Fact, Ontology
from kgzsl.ontology.names import split_words
from kgzsl.ontology.vocabulary import OWL, local_name
from kgzsl.semantics.quantity import UNITS

__all__ = [
    "GENERIC_RULES",
    "RULES",
    "Phrase",
    "Rule",
    "aspect",
    "is_generic",
    "is_plural",
    "of_several",
    "phrase",
    "sentence",
    "value_phrase",
    "verbalize",
    "with_article",
]


class Rule(NamedTuple):
    """How to say a fact.

    Args:
        pattern: regular expression that must match all of ``"property words | filler"``,
            for instance ``"has body color | scarlet"``; its groups fill the templates.
        positive: what follows "every zebra", with ``{filler}``, ``{a_filler}`` (with its
            article), ``{a_noun}``, ``{gerund}``, ``{base}`` (the base form of the group verb) and the
            pattern's groups.
        negative: the same for an absence.
    """

    pattern: str
    positive: str
    negative: str


class Phrase(NamedTuple):
    """A fact in words, without its subject: what it says of its filler, and the filler.

    Args:
        before: what comes before the filler: "has ".
        words: the filler: "a scarlet".
        after: what comes after it: " body".
    """

    before: str
    words: str
    after: str


# A number with a unit, or a range.
_UNITS = "|".join(re.escape(name) for unit in UNITS for name in unit.names)
QUANTITY = rf"[+\-\u2212]?[\d.,eE]+( ?(to|-|\u2013) ?[\d.,eE]+)? ?({_UNITS})s?"

# The first rule whose pattern matches is used; the last two match everything.
RULES: tuple[Rule, ...] = (
    Rule(r"(is a|type|broader( transitive)?) \| .*", "is a kind of {filler}", "is not a kind of {filler}"),
    Rule(r"disjoint with \| .*", "is not a kind of {filler}", "may be a kind of {filler}"),
    Rule(
        r"(equivalent class|same as|exact match|synonym) \| .*",
        "is the same as {filler}",
        "is not the same as {filler}",
    ),
    Rule(r"sub property of \| .*", "is a special case of {filler}", "is not a special case of {filler}"),
    Rule(r"(has|have) (?P<noun>.+) \| something", "has {a_noun}", "has no {noun}"),
    Rule(
        r"(definition|comment|description|abstract|gloss|(scope )?note) \| .*",
        "is described as follows: {filler}",
        "is not described as follows: {filler}",
    ),
    Rule(r"has (a|(body )?(part|teeth)) \| .*", "has {a_filler}", "has no {filler}"),
    Rule(r"(has|have) (.* )?(?P<noun>\w+)( .*)? \| (.* )?(?P=noun)( .*)?", "has {a_filler}", "has no {filler}"),
    Rule(r"has color \| .*", "is {filler} in color", "is not {filler} in color"),
    Rule(
        r"has (?P<kind>main|primary|secondary|base|overall|dominant|typical|natural) color \| .*",
        "has {filler} as its {kind} color",
        "does not have {filler} as its {kind} color",
    ),
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
    Rule(r"(is|has property) \| .*", "is {filler}", "is not {filler}"),
    Rule(r"(is )?active (?P<when>at|in|during|by) \| .*", "is active {when} {filler}", "is not active {when} {filler}"),
    # ConceptNet's; what they lead to is as often a verb as a noun.
    Rule(r"capable of \| .*", "can {filler}", "cannot {filler}"),
    Rule(r"desires \| .*", "wants to {filler}", "does not want to {filler}"),
    Rule(r"receives action \| .*", "can be {filler}", "cannot be {filler}"),
    Rule(r"causes desire \| .*", "makes one want to {filler}", "does not make one want to {filler}"),
    Rule(r"has prerequisite \| .*", "requires {a_filler}", "does not require {a_filler}"),
    Rule(r"motivated by goal \| .*", "is motivated by {filler}", "is not motivated by {filler}"),
    Rule(r"at location \| .*", "is found in {filler}", "is not found in {filler}"),
    Rule(r"part of \| .*", "is part of {a_filler}", "is not part of {a_filler}"),
    Rule(r"(?P<noun>instance|member|symbol) of \| .*", "is {a_noun} of {filler}", "is not {a_noun} of {filler}"),
    Rule(r"related( to)? \| .*", "is related to {filler}", "is not related to {filler}"),
    Rule(r"(was )?discovered in \| .*", "was discovered in {filler}", "was not discovered in {filler}"),
    Rule(
        r"(has |have )?(?P<noun>(?!is ).*([^s]|ss)) \| " + QUANTITY,
        "has {a_noun} of {filler}",
        "does not have {a_noun} of {filler}",
    ),
    Rule(r"(has|have) (?P<noun>.+) \| .*", "has {a_filler} as its {noun}", "does not have {a_filler} as its {noun}"),
    Rule(r"is (?P<rest>.+) \| .*", "is {rest} {filler}", "is not {rest} {filler}"),
    Rule(
        r"(?P<rest>(\w+ed|made|known|found|built|born|native|similar) (\w+ )*"
        r"(about|at|as|by|for|from|in|near|of|on|to|under|with)) \| .*",
        "is {rest} {filler}",
        "is not {rest} {filler}",
    ),
    Rule(r"(?P<verb>\w+s)(?P<rest>( \w+)*) \| .*", "{verb}{rest} {filler}", "does not {base}{rest} {filler}"),
    Rule(r"(?P<noun>.*) \| .*", "has {a_filler} as its {noun}", "does not have {a_filler} as its {noun}"),
)

GENERIC_RULES = 2
"""How many rules at the table's end match whatever the property means."""

# Where a filler stands in a template; of "has a tail" (which has something as its tail) the noun.
_FILLER = re.compile(r"\{(a_filler|filler|gerund)\}")
_NOUN = re.compile(r"\{(a_noun|noun)\}")
# Of one, although they end in s.
_SINGULAR = {"atlas", "canvas", "chaos", "cosmos", "gas", "lens", "rhinoceros"}
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
    return "".join(phrase(fact, ontology))


def phrase(fact: Fact, ontology: Ontology) -> Phrase:
    """A fact as a phrase without its subject, in which the filler stands apart.

    Example:
        >>> from kgzsl.ontology import Fact, parse_ontology
        >>> o = parse_ontology("@prefix : <http://e/#> . :Zebra a <http://www.w3.org/2002/07/owl#Class> .")
        >>> phrase(Fact("http://e/#Zebra", "http://e/#hasPattern", "http://e/#Stripes"), o)
        Phrase(before='has ', words='stripes', after=' as its pattern')
    """
    filler = value_phrase(fact.object, ontology)
    said = _said(fact.predicate, filler, ontology)
    rule, match = next((rule, m) for rule in RULES if (m := re.fullmatch(rule.pattern, said, flags=re.DOTALL)))
    words = match.groupdict() | {"filler": filler, "a_filler": with_article(filler), "gerund": _gerund(filler)}
    words |= {"a_noun": with_article(words.get("noun") or ""), "base": _base(words.get("verb") or "")}
    template = rule.positive if fact.polarity == "positive" else rule.negative
    slot = _FILLER.search(template) or _NOUN.search(template)
    if slot is None:
        raise ValueError(f"the rule {rule.pattern!r} says nothing of the filler")
    before, after = template[: slot.start()].format(**words), template[slot.end() :].format(**words)
    return Phrase(before, words[slot[1]], after)


def sentence(fact: Fact, ontology: Ontology) -> str:
    """A fact as a sentence about its subject, without a full stop: "every zebra has ...", "no zebra has ..."."""
    positive = "".join(phrase(replace(fact, polarity="positive"), ontology))
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


def with_article(noun: str) -> str:
    """A noun with "a" or "an", unless it is plural, of no number, counted, or a number.

    Example:
        >>> [with_article(noun) for noun in ("zebra", "equine", "European fish", "stripes", "four legs", "red hair")]
        ['a zebra', 'an equine', 'a European fish', 'stripes', 'four legs', 'red hair']
    """
    uncounted = noun.rsplit(" ", 1)[-1] in {"skin", "fur", "hair", "something"}
    one = noun.split(" ", 1)[0] in {"one", "no"}
    if is_plural(noun) or uncounted or one or not noun[:1].isalpha():
        return noun
    spoken = noun.lower()  # an is said before a vowel's sound: not before that of "you" or "one"
    vowel = spoken[0] in "aeiou" and not re.match(r"eu|ewe|uni|one\b|use|usu|uti", spoken)
    return f"{'an' if vowel else 'a'} {noun}"


def is_plural(noun: str) -> bool:
    """Whether a noun is of several, as far as its looks tell.

    Example:
        >>> [is_plural(noun) for noun in ("stripes", "teeth", "walrus", "mantis", "two horns", "zebra")]
        [True, True, False, False, True, False]
    """
    first, last = noun.split(" ", 1)[0], noun.rsplit(" ", 1)[-1]
    counted = first in {"two", "three", "four", "five", "six", "eight", "many"}
    ending = last.endswith("s") and not last.endswith(("ss", "us", "is")) and last not in _SINGULAR
    return counted or ending or last in {"teeth", "feet"}


def of_several(phrase: Phrase) -> Phrase:
    """A phrase about one thing, about several: "has stripes as its pattern" to "have stripes as their pattern".

    Example:
        >>> of_several(Phrase("does not feed on ", "grass", ""))
        Phrase(before='do not feed on ', words='grass', after='')
    """
    verb, space, rest = phrase.before.partition(" ")
    verb = {"is": "are", "was": "were"}.get(verb, _base(verb))
    return Phrase(verb + space + rest, phrase.words, re.sub(r"\A as its ", " as their ", phrase.after))


def _base(verb: str) -> str:
    """The base form of a verb in the third person: "has" to "have", "flies" to "fly", "can" to "can"."""
    if verb == "has":
        return "have"
    if re.fullmatch(r".{2,}ies", verb):
        return verb[:-3] + "y"
    return re.sub(r"(?<=ch|sh|ss|zz)es\Z|(?<=[xo])es\Z|(?<=[^s])s\Z", "", verb)


def _gerund(verb: str) -> str:
    """The -ing form of a verb in the third person: "swims" to "swimming"."""
    stem = re.sub(r"s\Z", "", verb)
    if re.fullmatch(r"[^aeiou]*[aeiou][^aeiouwxy]", stem):
        return stem + stem[-1] + "ing"
    return re.sub(r"(?<=[^aeo])e\Z", "", stem) + "ing"
