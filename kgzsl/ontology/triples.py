"""Triples of one or more files as int arrays over interned terms."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from kgzsl.errors import ParseError, Problem
from kgzsl.ontology.formats import read_content
from kgzsl.ontology.vocabulary import OWL, RDFS

__all__ = ["Triples"]

_TABLE_PREFIXES = {
    "AwA": "http://www.semanticweb.org/ontologies/AwA#",
    "ImNet-A": "http://www.semanticweb.org/ontologies/ImNet-A#",
    "ImNet-O": "http://www.semanticweb.org/ontologies/ImNet-O#",
    "cn": "http://www.semanticweb.org/ontologies/ConceptNet#",
    "rdfs": str(RDFS),
    "owl": str(OWL),
}


class Triples:
    """A growing table of triples: each term is kept once, each triple is three ints and its file.

    A term is a plain string: an IRI as it is, a blank node as ``_:file.name``, a literal as in
    N-Triples but unescaped, ``"text"@en``. So its first character tells its kind.
    """

    def __init__(self) -> None:
        self.terms: list[str] = []
        self.subject, self.predicate, self.object, self.file = array("i"), array("i"), array("i"), array("i")
        self.quoted = 0
        self.files: list[str] = []
        self.formats: list[str] = []
        self._ids: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self.subject)

    def __iter__(self) -> Iterator[tuple[int, int, int, int]]:
        return zip(self.subject, self.predicate, self.object, self.file, strict=True)

    def id(self, term: str) -> int:
        """The number of a term, a new one if it is new."""
        found = self._ids.setdefault(term, len(self.terms))
        if found == len(self.terms):
            self.terms.append(term)
        return found

    def find(self, term: str) -> int:
        """The number of a term, or -1 if it does not occur."""
        return self._ids.get(term, -1)

    def add(self, subject: str, predicate: str, object: str, file: int = 0) -> None:
        """Append one triple."""
        self.subject.append(self.id(subject))
        self.predicate.append(self.id(predicate))
        self.object.append(self.id(object))
        self.file.append(file)

    def read(self, path: Path, format: str | None = None) -> None:
        """Append the triples of a file.

        Raises:
            FormatError: it is not in the format that its suffix (or ``format``) names.
            ParseError: malformed text; names the line where the parser knows it.
        """
        name, content = read_content(path, format)
        self.parse(content, name, path)

    def parse(self, content: bytes, format: str, path: Path) -> None:
        """Append the triples of a file's content, in a format of :data:`~kgzsl.ontology.formats.FORMATS`.

        Raises:
            ParseError: malformed text; names the line where the parser knows it.
        """
        self.files.append(str(path))
        self.formats.append(format)
        if format == "K-ZSL table":
            self._read_table(path, content)
        else:
            self._read_rdf(path, content, format)

    def _read_rdf(self, path: Path, content: bytes, format: str) -> None:
        """Stream the triples of one of the standard serializations."""
        import pyoxigraph

        formats = {
            "Turtle": pyoxigraph.RdfFormat.TURTLE,
            "RDF/XML": pyoxigraph.RdfFormat.RDF_XML,
            "N-Triples": pyoxigraph.RdfFormat.N_TRIPLES,
            "JSON-LD": pyoxigraph.RdfFormat.JSON_LD,
        }
        file = len(self.files) - 1
        blank, literal = pyoxigraph.BlankNode, pyoxigraph.Literal
        # Relative IRIs resolve against the name alone: where the file lies must not change the ontology.
        base = f"file:///{quote(path.name)}"

        def key(term: object) -> str:
            if isinstance(term, literal):
                mark = f"@{term.language}" if term.language else f"^^{term.datatype.value}"
                return f'"{term.value}"{mark}'
            return f"_:{file}.{term.value}" if isinstance(term, blank) else term.value  # type: ignore[attr-defined]

        try:
            for quad in pyoxigraph.parse(input=content, format=formats[format], base_iri=base):
                if isinstance(quad.object, pyoxigraph.Triple):
                    self.quoted += 1
                    continue
                self.add(key(quad.subject), quad.predicate.value, key(quad.object), file)
        except SyntaxError as error:
            line = error.lineno if error.lineno and error.lineno > 0 else None
            message = (error.msg or "malformed").removeprefix("Parser error at ")
            raise ParseError(Problem(message, expected=f"valid {format}", file=path, line=line)) from error
        except UnicodeDecodeError as error:
            raise ParseError(Problem("not UTF-8", expected=f"valid {format}", file=path)) from error

    def _read_table(self, path: Path, content: bytes) -> None:
        """Rows ``Subject<TAB>Relation<TAB>Object`` with K-ZSL's undeclared prefixes."""
        file = len(self.files) - 1
        problems = []
        try:
            lines = content.decode("utf-8").replace("\r\n", "\n").split("\n")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            raise ParseError(Problem("not UTF-8", expected="a K-ZSL table", file=path, line=line)) from error
        for number, row in enumerate(lines[1:], start=2):
            cells = row.split("\t")
            if not row.strip():
                continue
            if len(cells) != 3:
                problems.append(Problem(f"{len(cells)} columns", expected="3", file=path, line=number))
                continue
            unknown = [c for c in (cells[:2] if cells[1] == "rdfs:label" else cells) if not _expand(c)]
            if unknown:
                expected = f"one of the prefixes {', '.join(_TABLE_PREFIXES)}"
                problems.append(Problem(f"unknown prefix in {unknown[0]!r}", expected=expected, file=path, line=number))
                continue
            object = f'"{cells[2]}"^^http://www.w3.org/2001/XMLSchema#string'
            self.add(
                _expand(cells[0]), _expand(cells[1]), object if cells[1] == "rdfs:label" else _expand(cells[2]), file
            )
        if problems:
            raise ParseError(problems)


def _expand(name: str) -> str:
    """The IRI of a prefixed name, or an empty string if its prefix is unknown."""
    prefix, _, rest = name.partition(":")
    return _TABLE_PREFIXES[prefix] + rest if prefix in _TABLE_PREFIXES and rest else ""
