"""What a term says of itself: its names and its definition, for an encoder of texts."""

from __future__ import annotations

from kgzsl.ontology import Ontology
from kgzsl.ontology.extract.extraction import foreign
from kgzsl.ontology.vocabulary import RDFS, SKOS, lexical_form

__all__ = ["DEFINITIONS", "node_text"]

DEFINITIONS = (
    SKOS.definition,
    "http://purl.obolibrary.org/obo/IAO_0000115",
    "http://purl.org/dc/terms/description",
    "http://purl.org/dc/elements/1.1/description",
    "http://schema.org/description",
    "https://schema.org/description",
    RDFS.comment,
)
"""Properties whose values define a term; the first one there is counts."""


def node_text(iri: str, ontology: Ontology) -> str:
    """A term in words: "zebra, also called striped horse: an equid with stripes".

    Its label (else its local name in words), its further names, and its definition or comment where these are facts
    of the ontology (``annotations_as_facts`` of its profile). Of several definitions one is taken: by the order of
    :data:`DEFINITIONS`, then in the profile's language, then the first by letters.

    Example:
        >>> from kgzsl.ontology import parse_ontology
        >>> o = parse_ontology('''
        ...     @prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
        ...     @prefix skos: <http://www.w3.org/2004/02/skos/core#> .
        ...     :Zebra a owl:Class ; skos:prefLabel "zebra" ; skos:altLabel "striped horse" .
        ...     :HornedHorse a owl:Class .''')
        >>> node_text("http://e/#Zebra", o), node_text("http://e/#HornedHorse", o)
        ('zebra, also called striped horse', 'horned horse')
    """
    names = ", ".join(ontology.alternative_labels(iri))
    called = ontology.label(iri) + (f", also called {names}" if names else "")
    definition = _definition(iri, ontology)
    return f"{called}: {definition}" if definition else called


def _definition(iri: str, ontology: Ontology) -> str:
    """What defines a term, or nothing."""
    c, terms = ontology.columns, ontology.terms
    rows = c.rows_of(ontology.index.get(iri, -1))
    found = [
        (DEFINITIONS.index(terms[p]), foreign(terms[o], ontology.profile.language), lexical_form(terms[o]))
        for p, o in zip(c.predicate[rows].tolist(), c.object[rows].tolist(), strict=True)
        if terms[p] in DEFINITIONS and ontology.literals[o]
    ]
    return " ".join(min(found)[2].split()) if found else ""
