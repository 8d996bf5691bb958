"""Reading K-ZSL's graphs: numbered classes and attributes, joined by plain triples."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

from kgzsl.ontology.extract.extraction import Extraction, collect_names
from kgzsl.ontology.profile import Profile
from kgzsl.ontology.reading.triples import Triples
from kgzsl.ontology.vocabulary import RDFS, is_literal

__all__ = ["extract_kzsl"]

_CLASS = re.compile(r"(.*[#/])n\d+")
_ATTRIBUTE = re.compile(r"(.*[#/])a\d+")


def extract_kzsl(triples: Triples, profile: Profile) -> Extraction:
    """Facts of a K-ZSL graph.

    Classes have local names ``n123`` and attributes ``a123`` in the ontology's own
    namespace, which is the one with most classes. A class ``disjointWith`` an attribute
    lacks it: a negative fact of the property under which other classes have it.
    """
    out = Extraction()
    out.classes, out.attributes = _numbered_terms(triples)
    own = out.classes | out.attributes
    names = collect_names(triples, profile)
    label = {triples.find(p) for p in (*profile.label, *profile.alternative)}
    taxonomy, identity, negative = (
        {triples.find(p) for p in ps} for ps in (profile.taxonomy, profile.identity, profile.negative)
    )
    below = triples.id(RDFS.subClassOf)
    used_under: dict[int, set[int]] = defaultdict(set)
    denied: list[tuple[int, int, int]] = []
    for subject, predicate, object, file in triples:
        if predicate in label:
            continue
        inside = subject in own and (object in own or predicate in identity)
        if not inside and (profile.scope == "core" or is_literal(triples.terms[object])):
            out.external += 1
        elif predicate in taxonomy:
            out.add(subject, below, object, file)
        elif predicate in negative and object in out.attributes and subject in out.classes:
            denied.append((subject, object, file))
        elif predicate in negative:
            out.add(subject, below, object, file, negative=True)
        else:
            out.add(subject, predicate, object, file, plain=predicate not in identity)
            if predicate not in identity:
                out.properties.add(predicate)
                if subject in out.classes and object in out.attributes:
                    used_under[object].add(predicate)
    for subject, attribute, file in denied:
        for predicate in used_under[attribute]:
            out.add(subject, predicate, attribute, file, negative=True)
        out.not_understood["disjointWith an attribute that no class has"] += not used_under[attribute]
    mentioned = own | out.properties | {t for s, _, o, _ in out.facts for t in (s, o)}
    out.labels = {term: names[term] for term in names if term in mentioned}
    out.not_understood = +out.not_understood
    return out


def _numbered_terms(triples: Triples) -> tuple[set[int], set[int]]:
    """Classes and attributes: numbered terms of the namespace with most numbered classes."""
    numbered = {k: m[1] for k, term in enumerate(triples.terms) if (m := _CLASS.fullmatch(term))}
    spaces = Counter(numbered.values())
    if not spaces:
        return set(), set()
    own = max(sorted(spaces), key=spaces.__getitem__)
    classes = {k for k, space in numbered.items() if space == own}
    attributes = {k for k, t in enumerate(triples.terms) if (m := _ATTRIBUTE.fullmatch(t)) and m[1] == own}
    return classes, attributes
