"""``owl:imports``: found in a local catalog, and only on request in the network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import IO, cast
from urllib.parse import quote, unquote, urljoin, urlsplit
from xml.etree import ElementTree

from kgzsl.errors import FormatError, InputError, KgzslError, Problem
from kgzsl.ontology.reading.content import Content, content_of, open_content, open_stream
from kgzsl.ontology.reading.formats import HORNED, suffix_of
from kgzsl.ontology.reading.limits import Limits
from kgzsl.ontology.reading.network import asked
from kgzsl.ontology.reading.sources import OASIS_CATALOG, ontologies_in
from kgzsl.ontology.reading.triples import Triples, pyoxigraph_format
from kgzsl.ontology.vocabulary import OWL, RDF

__all__ = ["Catalog", "read_imports"]

_HEAD = 65536
_HEAD_TRIPLES = 2000
_MOST_IMPORTS = 1000
_IRI_IN_HEAD = {
    "OWL/XML": re.compile(rb"""<(?:owl:)?Ontology\b[^<>]*?\b(?:ontologyIRI\s*=\s*["']([^"']*))"""),
    "OWL functional syntax": re.compile(rb"Ontology\s*\(\s*<([^>]*)>(?:\s*<([^>]*)>)?"),
    "OWL Manchester syntax": re.compile(rb"Ontology:\s*<([^>]*)>(?:\s*<([^>]*)>)?"),
    "OBO": re.compile(rb"(?m)^ontology:\s*(\S+)"),
}
_OWX_VERSION = re.compile(rb"""<(?:owl:)?Ontology\b[^<>]*?\bversionIRI\s*=\s*["']([^"']*)""")
_OASIS = "{urn:oasis:names:tc:entity:xmlns:xml:catalog}"
_ACCEPT = (
    "text/turtle, application/rdf+xml, application/n-triples, application/ld+json;q=0.8, "
    "application/owl+xml;q=0.7, text/owl-functional;q=0.6, */*;q=0.1"
)


class Catalog:
    """A folder of ontologies, found by their IRI.

    An IRI leads to a file by, in this order: an OASIS catalog (``catalog-v001.xml``, as Protégé
    writes it), the IRI or version IRI that the head of a file declares, and the last segment of
    the IRI as the name of a file. The folder is looked through when the first import is sought.

    Args:
        folder: the folder.
        limits: what one of its files may ask of the machine.

    Raises:
        FormatError: there is no such folder.
    """

    def __init__(self, folder: Path, limits: Limits | None = None) -> None:
        if not folder.is_dir():
            expected = "a folder of ontologies"
            raise FormatError(
                Problem("there is no such catalog folder", expected=expected, fix="check the path", file=folder)
            )
        self.folder = folder
        self.limits = limits or Limits()
        self._listed: dict[str, str] | None = None
        self._rewritten: list[tuple[str, str]] = []
        self._declared: dict[str, Path] = {}
        self._named: dict[str, Path] = {}

    def find(self, iri: str) -> Path | None:
        """The file of an ontology, or None."""
        if self._listed is None:
            self._index()
        iri = _plain(iri)
        listed = cast(dict[str, str], self._listed).get(iri)
        for start, replacement in self._rewritten:
            if listed is None and iri.startswith(start):
                listed = replacement + iri[len(start) :]
        if listed is not None and (path := _local(listed)) is not None and path.is_file():
            return path
        name = unquote(PurePosixPath(urlsplit(iri).path).name)
        return self._declared.get(iri) or self._named.get(name) or self._named.get(Path(name).stem)

    def _index(self) -> None:
        """Look through the folder once."""
        self._listed = {}
        self._read_oasis(self.folder / OASIS_CATALOG, set())
        try:
            files = ontologies_in(self.folder)
        except FormatError:
            files = []
        for file in files:
            bare = file.name.removesuffix(suffix_of(file)[1])
            for name in (file.name, bare, bare.removesuffix(suffix_of(file)[0])):
                self._named.setdefault(name, file)
            for iri in _declared_iris(file, self.limits):
                self._declared.setdefault(_plain(iri), file)

    def _read_oasis(self, path: Path, seen: set[Path]) -> None:
        """The entries of an OASIS catalog, and of those that it names as next."""
        if path.resolve() in seen or not path.is_file():
            return
        seen.add(path.resolve())
        # Read as RDF/XML would be: bounded, and without dangerous entities.
        with path.open("rb") as file:
            text = file.read(self.limits.max_line + 1)
        text = content_of(text, "RDF/XML", path, self.limits).stream.read()
        try:
            root = ElementTree.fromstring(text)
        except ElementTree.ParseError as error:
            problem = Problem(str(error), expected="an OASIS catalog", file=path, line=error.position[0])
            raise FormatError(problem) from error
        self._read_entries(root, path.resolve().parent.as_uri() + "/", seen)

    def _read_entries(self, element: ElementTree.Element, base: str, seen: set[Path]) -> None:
        """``uri``, ``rewriteURI`` and ``nextCatalog``, also inside ``group``."""
        base = urljoin(base, element.get("{http://www.w3.org/XML/1998/namespace}base", ""))
        listed = cast(dict[str, str], self._listed)
        for entry in element:
            kind = str(entry.tag).removeprefix(_OASIS)
            if kind in ("uri", "system") and entry.get("uri"):
                iri = entry.get("name") or entry.get("systemId") or ""
                listed.setdefault(_plain(iri), urljoin(base, entry.get("uri", "")))
            elif kind == "rewriteURI" and entry.get("uriStartString"):
                start, replacement = entry.get("uriStartString", ""), entry.get("rewritePrefix", "")
                self._rewritten.append((start, urljoin(base, replacement)))
            elif kind == "nextCatalog" and (path := _local(urljoin(base, entry.get("catalog", "")))) is not None:
                self._read_oasis(path, seen)
            elif kind == "group":
                self._read_entries(entry, base, seen)


def read_imports(
    triples: Triples, catalog: Catalog | None = None, *, remote: bool = False, limits: Limits | None = None
) -> list[InputError]:
    """Read what the triples import, and what that imports, each once.

    The IRIs that were found are added to ``triples.imports``, the others to
    ``triples.missing_imports``.

    Args:
        triples: what was read so far.
        catalog: where to look.
        remote: whether to fetch from the network what the catalog lacks.
        limits: what one file may ask of the machine.

    Returns:
        What is wrong with the imported files and the catalog.

    Raises:
        FailureError: an ontology could not be fetched.
    """
    limits = limits or Limits()
    errors: list[InputError] = []
    read = {Path(file).resolve() for file in triples.files}
    done: set[str] = set()
    while waiting := [iri for iri in _imported(triples) if iri not in done]:
        for iri in waiting:
            done.add(iri)
            if len(done) > _MOST_IMPORTS:
                return [*errors, FormatError(Problem(f"more than {_MOST_IMPORTS} imports", fix="import fewer"))]
            path = None
            if _plain(iri) in _here(triples):
                triples.imports.append(iri)
                continue
            try:
                path = catalog.find(iri) if catalog else None
                if path is not None and path.resolve() not in read:
                    read.add(path.resolve())
                    triples.read(path, None, limits)
                elif path is None and remote:
                    with _fetched(iri, limits) as content:
                        triples.append(content, limits)
            except InputError as error:
                errors.append(error)
            (triples.imports if path is not None or remote else triples.missing_imports).append(iri)
    return errors


@contextmanager
def _fetched(iri: str, limits: Limits) -> Iterator[Content]:
    """An ontology from the network, as an opened file."""
    fix = "try later, or put the ontology into a catalog folder (--catalog)"
    with (
        asked(iri, accept=_ACCEPT, fix=fix, timeout=limits.timeout) as answer,
        open_stream(cast(IO[bytes], answer), iri, limits=limits) as content,
    ):
        yield content


def _imported(triples: Triples) -> list[str]:
    """The IRIs that some ontology imports, in the order of reading."""
    predicate = triples.find(OWL.imports)
    if predicate < 0:
        return []
    columns = triples.columns()
    objects = dict.fromkeys(columns.object[columns.predicate == predicate].tolist())
    return [triples.terms[o] for o in objects if not triples.terms[o].startswith(("_:", '"'))]


def _here(triples: Triples) -> set[str]:
    """The IRIs and version IRIs of the ontologies that were read."""
    columns = triples.columns()
    ontologies = columns.subject[
        (columns.predicate == triples.find(RDF.type)) & (columns.object == triples.find(OWL.Ontology))
    ]
    versions = columns.object[columns.predicate == triples.find(OWL.versionIRI)]
    return {_plain(triples.terms[t]) for t in {*ontologies.tolist(), *versions.tolist()}}


def _declared_iris(file: Path, limits: Limits) -> list[str]:
    """The IRIs of the ontology in a file, from its head; none if it is broken or another format."""
    try:
        with open_content(file, None, limits) as content:
            if content.format in HORNED:
                head = content.stream.read(_HEAD)
                found = _IRI_IN_HEAD[content.format].search(head)
                iris = [iri.decode("utf-8") for iri in found.groups() if iri] if found else []
                if content.format == "OWL/XML" and (version := _OWX_VERSION.search(head)):
                    iris.append(version[1].decode("utf-8"))
                return [f"http://purl.obolibrary.org/obo/{i}.owl" for i in iris] if content.format == "OBO" else iris
            if content.format == "K-ZSL table":
                return []
            return _ontologies_in_head(content.stream, content.format, file)
    except (KgzslError, UnicodeDecodeError):
        return []


def _ontologies_in_head(stream: IO[bytes], format: str, file: Path) -> list[str]:
    """What the first triples declare to be an ontology, with its version IRI."""
    import pyoxigraph

    iris, versions = [], []
    quads = pyoxigraph.parse(input=stream, format=pyoxigraph_format(format), base_iri=f"file:///{quote(file.name)}")
    try:
        for quad in islice(quads, _HEAD_TRIPLES):
            if quad.predicate.value == OWL.versionIRI:
                versions.append(quad.object.value)
            elif quad.predicate.value == RDF.type and getattr(quad.object, "value", "") == OWL.Ontology:
                iris.append(quad.subject.value)
    except (SyntaxError, MemoryError, ValueError):
        pass  # broken further on: it says so when it is read
    return iris + versions


def _plain(iri: str) -> str:
    """An IRI without the hash that some imports end in."""
    return iri.rstrip("#")


def _local(uri: str) -> Path | None:
    """The path of a file URI, or None for anything else."""
    parts = urlsplit(uri)
    return Path(unquote(parts.path)) if parts.scheme == "file" else None
