"""What a check yields: the part of a finding that differs from one to the next."""

from __future__ import annotations

from dataclasses import dataclass

from kgzsl.ontology import Fact
from kgzsl.semantics.attributes import Attribute

__all__ = ["Found"]


@dataclass(frozen=True)
class Found:
    """A finding before its check's code, severity and advice are added; see ``Finding``."""

    message: str
    classes: tuple[str, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    facts: tuple[Fact, ...] = ()
    terms: tuple[str, ...] = ()
