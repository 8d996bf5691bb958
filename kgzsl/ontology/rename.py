"""The same ontology under other IRIs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from kgzsl.errors import ConfigError, Problem
from kgzsl.ontology.columns import FactColumns
from kgzsl.ontology.ontology import Ontology

__all__ = ["renamed"]


def renamed(ontology: Ontology, names: Mapping[str, str]) -> Ontology:
    """An ontology with other IRIs for some of its terms, closed under its regime again.

    Names that were made from an IRI stay, as labels: nothing but IRIs, and the order that they sort in, is another.

    Args:
        ontology: entailed, without other vocabularies beside its own (``core`` is None).
        names: IRI -> the new one; one-to-one, and none that the ontology has.

    Raises:
        ConfigError: two terms would have one name.

    Example:
        >>> from kgzsl.ontology import parse_ontology
        >>> o = parse_ontology('''@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
        ... :Zebra a owl:Class ; :hasPart :Hooves . :hasPart a owl:ObjectProperty .''').entail()
        >>> other = renamed(o, {"http://e/#Hooves": "urn:1"})
        >>> other.facts("http://e/#Zebra")[0].object, other.label("urn:1")
        ('urn:1', 'hooves')
    """
    terms = [names.get(term, term) for term in ontology.terms]
    known = {*ontology.terms, *ontology.classes, *ontology.attributes, *ontology.properties, *ontology.labels}
    if len({names.get(term, term) for term in known}) < len(known):
        raise ConfigError(Problem("several terms would have one name", expected="a new name for each"))
    order = sorted(range(len(terms)), key=terms.__getitem__)
    place = np.empty(len(terms), dtype=np.int32)
    place[order] = np.arange(len(terms), dtype=np.int32)
    c = ontology.columns
    stated = np.flatnonzero(c.source >= 0)
    ends = (place[getattr(c, end)[stated]] for end in ("subject", "predicate", "object"))
    rest = (getattr(c, name)[stated] for name in list(c.__dataclass_fields__)[3:])
    labels = {names.get(iri, iri): told for iri, told in ontology.labels.items()}
    # Of a term without a label, the name comes from its IRI.
    labels |= {new: (ontology.label(iri),) for iri, new in names.items() if not ontology.labels.get(iri)}

    def listed(iris: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(sorted(names.get(iri, iri) for iri in iris))

    other = replace(
        ontology,
        terms=tuple(terms[k] for k in order),
        columns=FactColumns.sorted(*ends, *rest),
        classes=listed(ontology.classes),
        attributes=listed(ontology.attributes),
        properties=listed(ontology.properties),
        labels=labels,
        axioms=ontology.axioms.renumbered(lambda term: int(place[term])),
        derived=None,
        reach=None,
    )
    return other.entail(ontology.regime, reasoner=ontology.reasoner)
