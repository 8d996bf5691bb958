"""Floor 2: facts as class attributes, as words, and as prompts."""

from __future__ import annotations

from kgzsl.semantics.attributes import Attribute, ClassAttributes, World, class_attributes
from kgzsl.semantics.node_text import node_text
from kgzsl.semantics.prompt import Prompt, Span, attribute_phrases, class_prompt, template
from kgzsl.semantics.serialize import Serializer
from kgzsl.semantics.strengths import Strengths, read_strengths, with_strengths
from kgzsl.semantics.swaps import Swaps, fact_swaps
from kgzsl.semantics.verbalize import aspect, sentence, value_phrase, verbalize

__all__ = [
    "Attribute",
    "ClassAttributes",
    "Prompt",
    "Serializer",
    "Span",
    "Strengths",
    "Swaps",
    "World",
    "aspect",
    "attribute_phrases",
    "class_attributes",
    "class_prompt",
    "fact_swaps",
    "node_text",
    "read_strengths",
    "sentence",
    "template",
    "value_phrase",
    "verbalize",
    "with_strengths",
]
