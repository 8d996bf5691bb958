"""Profiles: which predicates carry the taxonomy, identity, labels and negation, and what counts as a class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kgzsl.errors import ConfigError, Problem
from kgzsl.ontology.vocabulary import OWL, RDFS, SKOS

__all__ = ["PROFILES", "Profile", "find_profile"]


@dataclass(frozen=True)
class Profile:
    """How a set of triples is read as classes, attributes and facts.

    Args:
        name: its name, for reports.
        classes: ``"declared"``: classes are typed ``owl:Class`` or ``rdfs:Class``, and their
            restrictions become facts; ``"numbered"``: there are no types, classes have local
            names ``n123``, attributes ``a123``, and plain triples between them are facts.
        taxonomy: predicates read as "every ... is a ...".
        identity: predicates read as "is the same as".
        label: predicates that name a term, the preferred ones first.
        alternative: predicates that give further names.
        negative: predicates that state an absence.
        synonyms: whether one label holds several comma-separated names with underscores.
        inherits: whether what a class has, holds for all classes below it, as OWL means it.
            K-ZSL's facts describe a category and not each kind of it: its dolphin is gray,
            its killer whale, a kind of dolphin, is not.
        scope: ``"core"`` keeps terms of other vocabularies (ConceptNet) out of the facts
            and counts them; ``"all"`` takes them in.

    Example:
        >>> PROFILES["owl"].classes, PROFILES["kzsl"].classes
        ('declared', 'numbered')
    """

    name: str
    classes: Literal["declared", "numbered"]
    taxonomy: tuple[str, ...] = (RDFS.subClassOf,)
    identity: tuple[str, ...] = (OWL.sameAs, OWL.equivalentClass)
    label: tuple[str, ...] = (SKOS.prefLabel, RDFS.label)
    alternative: tuple[str, ...] = (
        SKOS.altLabel,
        "http://www.geneontology.org/formats/oboInOwl#hasExactSynonym",
        "http://www.geneontology.org/formats/oboInOwl#hasRelatedSynonym",
    )
    negative: tuple[str, ...] = (OWL.disjointWith,)
    synonyms: bool = False
    inherits: bool = True
    scope: Literal["core", "all"] = "core"


PROFILES: dict[str, Profile] = {
    "kzsl": Profile("kzsl", "numbered", synonyms=True, inherits=False),
    "owl": Profile("owl", "declared"),
}


def find_profile(profile: str | Profile) -> Profile:
    """The profile itself, or the built-in one of that name.

    Raises:
        ConfigError: there is no profile of that name.
    """
    if isinstance(profile, Profile):
        return profile
    if profile not in PROFILES:
        raise ConfigError(Problem(f"there is no profile {profile!r}", expected=f"one of {', '.join(sorted(PROFILES))}"))
    return PROFILES[profile]
