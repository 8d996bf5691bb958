"""The IRIs of RDF, RDFS, OWL and SKOS that the ontology floor knows by name."""

from __future__ import annotations

__all__ = ["ANNOTATION", "BUILT_IN", "OWL", "RDF", "RDFS", "SKOS", "XSD", "is_literal", "lexical_form", "local_name"]


class Namespace(str):
    """A namespace whose terms are read by attribute: ``OWL.Class``."""

    def __getattr__(self, name: str) -> str:
        if name.startswith("__"):
            raise AttributeError(name)
        self.__dict__[name] = str(self) + name  # the next time, it is a plain attribute
        return self.__dict__[name]


RDF = Namespace("http://www.w3.org/1999/02/22-rdf-syntax-ns#")
RDFS = Namespace("http://www.w3.org/2000/01/rdf-schema#")
OWL = Namespace("http://www.w3.org/2002/07/owl#")
SKOS = Namespace("http://www.w3.org/2004/02/skos/core#")
XSD = Namespace("http://www.w3.org/2001/XMLSchema#")

BUILT_IN = (str(RDF), str(RDFS), str(OWL), str(XSD))
# Namespaces that only ever annotate: their triples are never facts about a class.
ANNOTATION = (
    str(SKOS),
    "http://purl.org/dc/",
    "http://www.geneontology.org/formats/oboInOwl#",
    "http://purl.obolibrary.org/obo/IAO_",
    "https://schema.org/",
    "http://schema.org/",
)


def local_name(iri: str) -> str:
    """What stands after the last ``#``, ``/`` or, failing those, ``:``.

    Example:
        >>> local_name("http://example.org/creatures#HornedHorse")
        'HornedHorse'
    """
    for separator in ("#", "/", ":"):
        head, found, tail = iri.rstrip("#/").rpartition(separator)
        if found and head:
            return tail
    return iri


def is_literal(term: str) -> bool:
    """Whether an interned term is a literal (it is then written as in N-Triples)."""
    return term.startswith('"')


def lexical_form(term: str) -> str:
    """An interned term as facts show it: an IRI as it is, a literal without quotes, language and datatype."""
    return term[1 : term.rindex('"')] if is_literal(term) else term
