"""Floor 1: what an ontology asserts about its classes, what follows, and how."""

from __future__ import annotations

from kgzsl.ontology.edit import Edit, checked, edited
from kgzsl.ontology.facts import Fact, FactKey, Polarity, Proof, Status
from kgzsl.ontology.ontology import Ontology
from kgzsl.ontology.profile import PROFILES, Profile
from kgzsl.ontology.proofs import replay
from kgzsl.ontology.read import parse_ontology, read_ontology
from kgzsl.ontology.reading.endpoint import read_endpoint
from kgzsl.ontology.rename import renamed
from kgzsl.ontology.report import Contradiction, OntologyReport

__all__ = [
    "PROFILES",
    "Contradiction",
    "Edit",
    "Fact",
    "FactKey",
    "Ontology",
    "OntologyReport",
    "Polarity",
    "Profile",
    "Proof",
    "Status",
    "checked",
    "edited",
    "parse_ontology",
    "read_endpoint",
    "read_ontology",
    "renamed",
    "replay",
]
