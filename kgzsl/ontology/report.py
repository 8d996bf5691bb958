"""What was read, why it was read so, and what was left out or does not fit together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Contradiction", "OntologyReport"]


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A class of which the ontology says both that it has something and that it has not.

    Args:
        subject: IRI of the class.
        predicate: IRI of the property; ``rdfs:subClassOf`` where the class is below two
            disjoint ones.
        object: IRI of the attribute or class.
    """

    subject: str
    predicate: str
    object: str


@dataclass(frozen=True)
class OntologyReport:
    """How an ontology was read.

    Args:
        files: the files, in the order given.
        formats: their formats.
        profile: name of the profile.
        reason: why that profile.
        triples: number of triples read.
        asserted: number of asserted facts by predicate IRI.
        entailed: number of entailed facts by predicate IRI; empty before ``entail``.
        cycles: groups of terms that are each below the other in the taxonomy.
        external: triples left out because they are about other terms than classes and
            attributes.
        annotations: triples that only comment.
        not_understood: axioms that were not turned into facts, by construct.
        contradictions: what is both stated (or entailed) and denied.
        unsatisfiable: IRIs of classes that cannot have an instance.
        unlisted: entailed facts of the taxonomy that are too many to be listed; counted up to the limit at least.
        imports: IRIs of the imported ontologies that were read.
        missing_imports: IRIs of the imported ontologies that were not found.
    """

    files: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    profile: str = ""
    reason: str = ""
    triples: int = 0
    asserted: Mapping[str, int] = field(default_factory=dict)
    entailed: Mapping[str, int] = field(default_factory=dict)
    cycles: tuple[tuple[str, ...], ...] = ()
    external: int = 0
    annotations: int = 0
    not_understood: Mapping[str, int] = field(default_factory=dict)
    contradictions: tuple[Contradiction, ...] = ()
    unsatisfiable: tuple[str, ...] = ()
    unlisted: int = 0
    imports: tuple[str, ...] = ()
    missing_imports: tuple[str, ...] = ()
