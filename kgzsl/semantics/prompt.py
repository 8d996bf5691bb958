"""A class as one line of text, in which every value points back to its fact."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from kgzsl.errors import Problem, UnknownTermError
from kgzsl.ontology import Fact, Ontology
from kgzsl.semantics.attributes import Attribute, ClassAttributes
from kgzsl.semantics.quantity import much, written
from kgzsl.semantics.verbalize import aspect, value_phrase

__all__ = ["Prompt", "Span", "attribute_phrases", "class_prompt", "template"]


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a prompt that stands for one fact.

    Args:
        start: index of its first character.
        end: index after its last character.
        fact: the fact that it says.
        attribute: the attribute that it says; None for what is no attribute of the class, such as its taxonomy.
    """

    start: int
    end: int
    fact: Fact
    attribute: Attribute | None = None


@dataclass(frozen=True, slots=True)
class Prompt:
    """Text, and what its stretches stand for.

    Args:
        text: the text.
        spans: the stretches, in the order of the text.
    """

    text: str
    spans: tuple[Span, ...]


def class_prompt(
    class_iri: str, class_attributes: ClassAttributes, ontology: Ontology, *, drop: Set[Attribute] = frozenset()
) -> Prompt:
    """What a class is known to have, aspect by aspect.

    ``"body color : red,scarlet | pattern : stripes | ... | tail : ."``: aspects are the
    properties of the columns, in the columns' order, values are the positive known cells
    (stated to a degree above 0.5, where degrees are) and numbers as they are stated, or the mean of
    several; an aspect without value stays, so that all classes have the same skeleton.

    Args:
        class_iri: the class, a row of ``class_attributes``.
        class_attributes: which attributes the class has.
        ontology: where names and facts are.
        drop: attributes to leave out.

    Raises:
        UnknownTermError: the class is not a row.

    Source: Chen et al., "DUET: Cross-modal Semantic Grounding for Contrastive Zero-shot
    Learning", AAAI 2023 (feature-to-sequence transformation).
    """
    if class_iri not in class_attributes.classes:
        raise UnknownTermError(Problem(f"{class_iri} is not a row of the class attributes"))
    row = class_attributes.classes.index(class_iri)
    said: dict[Attribute, tuple[str, Fact]] = {}
    facts = {(f.predicate, f.object): f for f in ontology.facts(class_iri, polarity="positive")}
    for column in np.flatnonzero(class_attributes.known[row]).tolist():
        attribute = class_attributes.attributes[column]
        fact = facts.get((attribute.property, attribute.filler))
        if attribute in drop:
            continue
        if attribute.unit is not None:
            said[attribute] = _number(class_iri, attribute, class_attributes)
        elif fact is not None and class_attributes.value[row, column] > 0.5:
            said[attribute] = value_phrase(attribute.filler, ontology), fact
    return _write(class_attributes, ontology, said)


def template(class_attributes: ClassAttributes, ontology: Ontology) -> Prompt:
    """The skeleton of all prompts: every aspect, and not one value."""
    return _write(class_attributes, ontology, {})


def attribute_phrases(class_attributes: ClassAttributes, ontology: Ontology) -> tuple[str, ...]:
    """Each column in words: "body color : scarlet"; of numbers, what a large one is called: "wingspan : large"."""
    return tuple(
        f"{aspect(a.property, ontology)} : {value_phrase(a.filler, ontology) if a.unit is None else much(a.unit)}"
        for a in class_attributes.attributes
    )


def _number(class_iri: str, attribute: Attribute, class_attributes: ClassAttributes) -> tuple[str, Fact]:
    """The number of a class as it is stated, or as the mean of several; and the (first) fact that states it."""
    facts = class_attributes.sources(class_iri, attribute)
    quantity = class_attributes.numbers.quantity(class_iri, (attribute.property, attribute.filler))
    return (" ".join(facts[0].object.split()) if len(facts) == 1 else written(quantity)), facts[0]


def _write(class_attributes: ClassAttributes, ontology: Ontology, said: dict[Attribute, tuple[str, Fact]]) -> Prompt:
    """The text of what is said of attributes, and its spans."""
    text, spans = "", []
    for property, group in groupby(class_attributes.attributes, key=lambda a: a.property):
        text += f"{' | ' if text else ''}{aspect(property, ontology)} : "
        separator = ""
        for attribute in group:
            if attribute in said:
                value, fact = said[attribute]
                start = len(text) + len(separator)
                text += separator + value
                spans.append(Span(start, start + len(value), fact, attribute))
                separator = ","
    return Prompt(text + ".", tuple(spans))
