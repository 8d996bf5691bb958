"""From files to an ontology."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from kgzsl.errors import FormatError, InputError, NoClassesError, OntologyError, Problem
from kgzsl.ontology.columns import FactColumns, Key
from kgzsl.ontology.extract.extraction import Extraction
from kgzsl.ontology.extract.kzsl import extract_kzsl
from kgzsl.ontology.extract.owl import extract_owl
from kgzsl.ontology.ontology import Ontology
from kgzsl.ontology.profile import PROFILES, Profile, find_profile
from kgzsl.ontology.reading.imports import Catalog, read_imports
from kgzsl.ontology.reading.limits import Limits
from kgzsl.ontology.reading.sources import files_of
from kgzsl.ontology.reading.triples import Triples
from kgzsl.ontology.report import OntologyReport
from kgzsl.ontology.vocabulary import OWL, RDF, RDFS, SKOS

__all__ = ["parse_ontology", "read_ontology"]

_NUMBERED = re.compile(r".*[#/][na]\d+")
_ALWAYS = (OWL.Thing, OWL.Nothing, RDF.type, RDFS.subClassOf, RDFS.subPropertyOf)


def read_ontology(
    *paths: str | Path,
    profile: str | Profile | None = None,
    format: str | None = None,
    catalog: str | Path | None = None,
    remote: bool = False,
    max_bytes: int | None = None,
) -> Ontology:
    """Read one ontology from files, folders and standard input.

    Args:
        paths: Turtle, RDF/XML, N-Triples, N-Quads, TriG, N3, JSON-LD, K-ZSL tab-separated and,
            with py-horned-owl, OWL/XML, functional syntax, Manchester syntax and OBO files, told
            apart by their suffix; also compressed (``.gz``, ``.bz2``, ``.xz``). A folder stands
            for all of these in it, ``-`` for standard input. All are read as one graph.
        profile: ``"owl"``, ``"kzsl"`` or a profile of your own; detected if None.
        format: name of the format (a key of :data:`~kgzsl.ontology.reading.formats.FORMATS`), where
            the suffix does not tell.
        catalog: a folder in which ``owl:imports`` are looked for; see
            :class:`~kgzsl.ontology.reading.imports.Catalog`. The report lists those that are missing.
        remote: fetch imports that are missing from the network; nothing is fetched without it.
        max_bytes: what one file may hold after unpacking; 8 GiB if None.

    Raises:
        FormatError: a file is missing, empty, not what its suffix says, or too large.
        ParseError: malformed text; names file and line.
        NoClassesError: not one class under the profile.
        FailureError: an import could not be fetched.

    Example:
        >>> read_ontology("ontologies/creatures.ttl").report.profile  # doctest: +SKIP
        'owl'
    """
    if not paths:
        raise FormatError(Problem("no file", expected="at least one ontology file"))
    limits = Limits() if max_bytes is None else Limits(max_bytes=max_bytes)
    triples = Triples()
    errors: list[InputError] = []
    files, problems = files_of(paths)
    if problems:
        errors.append(FormatError(problems))
    for file in files:
        try:
            triples.read(file, format, limits)
        except InputError as error:
            errors.append(error)
    try:
        shelf = None if catalog is None else Catalog(Path(catalog), limits)
        errors += read_imports(triples, shelf, remote=remote and not errors, limits=limits)
    except InputError as error:
        errors.append(error)
    if errors:
        kinds = {type(error) for error in errors}
        raise (kinds.pop() if len(kinds) == 1 else OntologyError)([p for error in errors for p in error.problems])
    return _build(triples, profile)


def parse_ontology(text: str, *, profile: str | Profile | None = None, format: str = "Turtle") -> Ontology:
    """Read an ontology from a string, as :func:`read_ontology` does from files.

    Example:
        >>> o = parse_ontology('''@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
        ... :Zebra a owl:Class .''')
        >>> o.classes
        ('http://e/#Zebra',)
    """
    triples = Triples()
    triples.parse(text.encode(), format, Path("text"))
    read_imports(triples)
    return _build(triples, profile)


def _build(triples: Triples, profile: str | Profile | None) -> Ontology:
    """Detect the profile, extract the facts, and renumber the terms in sorted order."""
    chosen, reason = _detect(triples) if profile is None else (find_profile(profile), "given")
    extraction = _extract(triples, chosen)
    if not extraction.classes:
        raise NoClassesError(_no_classes(triples, chosen))
    old, axioms = triples.terms, extraction.axioms()
    used = {t for s, p, o, _ in extraction.facts for t in (s, p, o)} | axioms.terms()
    used |= extraction.classes | extraction.attributes | extraction.properties | extraction.labels.keys()
    used |= {triples.id(iri) for iri in _ALWAYS}
    order = sorted(used, key=old.__getitem__)
    new = {term: k for k, term in enumerate(order)}

    def renumbered(key: Key) -> Key:
        return new[key[0]], new[key[1]], new[key[2]], key[3]

    columns = FactColumns.of(
        {renumbered(key): file for key, file in extraction.facts.items()},
        strength={renumbered(key): degree for key, degree in extraction.strength.items()},
        plain={renumbered(key) for key in extraction.plain},
    )
    asserted = Counter(old[p] for _, p, _, _ in extraction.facts)
    if triples.quoted:
        extraction.not_understood["quoted triple"] = triples.quoted
    report = OntologyReport(
        files=tuple(triples.files),
        formats=tuple(triples.formats),
        profile=chosen.name,
        reason=reason,
        triples=len(triples) + triples.quoted,
        asserted=dict(sorted(asserted.items())),
        external=extraction.external,
        annotations=extraction.annotations,
        not_understood=dict(sorted(extraction.not_understood.items())),
        imports=tuple(triples.imports),
        missing_imports=tuple(triples.missing_imports),
    )
    return Ontology(
        terms=tuple(old[t] for t in order),
        columns=columns,
        axioms=axioms.renumbered(new.__getitem__),
        classes=tuple(sorted(old[t] for t in extraction.classes)),
        attributes=tuple(sorted(old[t] for t in extraction.attributes)),
        properties=tuple(sorted(old[t] for t in extraction.properties)),
        labels={old[t]: names for t, names in extraction.labels.items()},
        profile=chosen,
        report=report,
    )


def _extract(triples: Triples, profile: Profile) -> Extraction:
    """Read the triples as the profile says."""
    return (extract_owl if profile.classes == "declared" else extract_kzsl)(triples, profile)


def _detect(triples: Triples) -> tuple[Profile, str]:
    """The profile that fits, and why."""
    terms, typed = triples.terms, triples.find(RDF.type)
    class_types = {triples.find(OWL.Class), triples.find(RDFS.Class)}
    if any(p == typed and o in class_types for _, p, o, _ in triples):
        return PROFILES["owl"], "it declares classes (owl:Class or rdfs:Class)"
    concept = triples.find(SKOS.Concept)
    if any(p == typed and o == concept for _, p, o, _ in triples if concept >= 0):
        return PROFILES["skos"], "it declares no classes, but concepts (skos:Concept)"
    below = triples.find(RDFS.subClassOf)
    numbered = any(
        p == below and _NUMBERED.fullmatch(terms[s]) and _NUMBERED.fullmatch(terms[o]) for s, p, o, _ in triples
    )
    if numbered and typed == -1:
        return PROFILES["kzsl"], "no rdf:type at all, and numbered terms (n123, a123) in the taxonomy"
    return PROFILES["owl"], "nothing speaks for another profile"


def _no_classes(triples: Triples, profile: Profile) -> Problem:
    """What was found in place of classes, and the profile that would find some."""
    expected = "owl:Class declarations" if profile.classes == "declared" else "terms named n123"
    got = f"no class under profile {profile.name!r} among {len(triples)} triples"
    fix = "check that this is the ontology, not only data about individuals"
    for other in PROFILES.values():
        if other.name != profile.name and (found := _extract(triples, other).classes):
            fix = f"profile {other.name!r} finds {len(found)} classes: pass profile={other.name!r}"
    return Problem(got, expected=expected, fix=fix, file=triples.files[0])
