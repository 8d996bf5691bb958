"""Triples of one or more files as int arrays over interned terms."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, repeat
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from kgzsl.errors import FailureError, InputError, KgzslError, ParseError, Problem
from kgzsl.ontology.reading.content import Content, content_of, open_content
from kgzsl.ontology.reading.formats import HORNED
from kgzsl.ontology.reading.limits import Limits
from kgzsl.ontology.reading.xml_safety import find_xml_mistakes
from kgzsl.ontology.vocabulary import OWL, RDF, RDFS, XSD

__all__ = ["TripleColumns", "Triples", "pyoxigraph_format"]

_TABLE_PREFIXES = {
    "AwA": "http://www.semanticweb.org/ontologies/AwA#",
    "ImNet-A": "http://www.semanticweb.org/ontologies/ImNet-A#",
    "ImNet-O": "http://www.semanticweb.org/ontologies/ImNet-O#",
    "cn": "http://www.semanticweb.org/ontologies/ConceptNet#",
    "rdfs": str(RDFS),
    "owl": str(OWL),
}
_MOST_PROBLEMS = 20  # of one file; beyond that, the user has seen what is wrong
_PARSER_ERRORS = (SyntaxError, MemoryError, OSError, ValueError, OverflowError, RuntimeError)
_REPEATED_LINE = re.compile(r" \(line \d+\)$")


@dataclass(frozen=True)
class TripleColumns:
    """The triples as arrays, one row each.

    Args:
        subject: numbers of the subjects.
        predicate: numbers of the predicates.
        object: numbers of the objects.
        file: index of the file that each comes from.
    """

    subject: np.ndarray
    predicate: np.ndarray
    object: np.ndarray
    file: np.ndarray


class Triples:
    """A growing table of triples: each term is kept once, each triple is three ints and its file.

    A term is a plain string: an IRI as it is, a blank node as ``_:file.name``, a literal as in
    N-Triples but unescaped, ``"text"@en``. So its first character tells its kind.

    Statements of named graphs count as any other. Statements that are only quoted (RDF 1.2's
    triple terms, RDF-star, N3's formulas) are not asserted: they are counted in ``quoted``, and
    where something stands for one, as in ``:zebra :eats :grass {| :strength 0.7 |}``,
    ``reifiers`` leads from its number to the quoted triple's three.

    Example:
        >>> triples = Triples()
        >>> triples.add("http://e/Zebra", "http://e/eats", "http://e/Grass")
        >>> [[triples.terms[t] for t in (s, p, o)] for s, p, o, file in triples]
        [['http://e/Zebra', 'http://e/eats', 'http://e/Grass']]
    """

    def __init__(self) -> None:
        self.terms: list[str] = []
        self.subject, self.predicate, self.object = array("i"), array("i"), array("i")
        self.quoted = 0
        self.reifiers: dict[int, tuple[int, int, int]] = {}
        self.files: list[str] = []
        self.formats: list[str] = []
        self.imports: list[str] = []
        self.missing_imports: list[str] = []
        self._ids: dict[str, int] = {}
        self._runs: list[tuple[int, int]] = []  # row from which on, file: files are read one after the other

    def __len__(self) -> int:
        return len(self.subject)

    def __iter__(self) -> Iterator[tuple[int, int, int, int]]:
        ends = [*(start for start, _ in self._runs[1:]), len(self)]
        files = chain.from_iterable(
            repeat(file, end - start) for (start, file), end in zip(self._runs, ends, strict=False)
        )
        return zip(self.subject, self.predicate, self.object, files, strict=True)

    def columns(self) -> TripleColumns:
        """The triples as numpy arrays, without copying.

        While one of the first three lives, no triple can be added (``BufferError``).

        Example:
            >>> triples = Triples()
            >>> triples.add("http://e/a", "http://e/b", "http://e/c")
            >>> triples.columns().object
            array([2], dtype=int32)
        """
        starts = [start for start, _ in self._runs]
        lengths = np.diff([*starts, len(self)])
        files = np.repeat(np.array([file for _, file in self._runs], np.int32), lengths)
        subject, predicate, object = (
            np.frombuffer(column, np.int32) if column else np.zeros(0, np.int32)
            for column in (self.subject, self.predicate, self.object)
        )
        return TripleColumns(subject, predicate, object, files)

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
        if not self._runs or self._runs[-1][1] != file:
            self._runs.append((len(self), file))
        self.subject.append(self.id(subject))
        self.predicate.append(self.id(predicate))
        self.object.append(self.id(object))

    def read(self, path: Path, format: str | None = None, limits: Limits | None = None) -> None:
        """Append the triples of a file, or of standard input if the path is ``-``.

        Raises:
            FormatError: it is not in the format that its suffix (or ``format``) names, or
                asks for more than the limits.
            ParseError: malformed text; names the line where the parser knows it.
        """
        with open_content(path, format, limits) as content:
            self.append(content, limits)

    def parse(self, content: bytes, format: str, path: Path) -> None:
        """Append the triples of a file's content, in a format of :data:`~kgzsl.ontology.reading.formats.FORMATS`.

        Raises:
            ParseError: malformed text; names the line where the parser knows it.
        """
        self.append(content_of(content, format, path))

    def append(self, content: Content, limits: Limits | None = None) -> None:
        """Append the triples of an opened file, reading it as a stream.

        Raises:
            FormatError: it asks for more than the limits.
            ParseError: malformed text; names the lines where the parser knows them.
        """
        self.files.append(str(content.file))
        self.formats.append(content.format)
        self._runs.append((len(self), len(self.files) - 1))
        if content.format == "K-ZSL table":
            self._read_table(content)
        elif content.format in HORNED:
            from kgzsl.ontology.reading.horned_owl_adapter import as_ntriples

            with as_ntriples(content, (limits or Limits()).timeout) as converted:
                self._read_rdf(converted)
        else:
            self._read_rdf(content)

    def _read_rdf(self, content: Content) -> None:
        """Stream the triples of one of the standard serializations."""
        import pyoxigraph

        # Relative IRIs resolve against the name alone: where the file lies must not change the ontology.
        base = f"file:///{quote(Path(content.file).name)}"
        quads = pyoxigraph.parse(input=content.stream, format=pyoxigraph_format(content.format), base_iri=base)
        complaints = _Complaints(content)
        while True:
            try:
                self._take(quads, len(self.files) - 1, only_default=content.format == "N3")
                break
            except InputError as error:
                complaints.end(error)
            except FailureError:
                raise
            except _PARSER_ERRORS as error:
                if content.format == "N3" and "variables are not allowed" in str(error):
                    self.quoted += 1  # a rule: it speaks of statements, but states none
                elif not complaints.keep(error):
                    break
        complaints.raise_any()

    def _take(self, quads: Any, file: int, *, only_default: bool) -> None:
        """The hot loop: everything in local names, and one look-up for a term that is known."""
        import pyoxigraph

        blank, literal, triple = pyoxigraph.BlankNode, pyoxigraph.Literal, pyoxigraph.Triple
        default = pyoxigraph.DefaultGraph()
        terms, ids = self.terms, self._ids
        known, new = ids.get, terms.append
        add_subject, add_predicate, add_object = self.subject.append, self.predicate.append, self.object.append
        for quad in quads:
            term = quad.subject
            subject = f"_:{file}.{term.value}" if type(term) is blank else term.value
            term = quad.object
            kind = type(term)
            if kind is literal:
                language = term.language
                object = f'"{term.value}"@{language}' if language else f'"{term.value}"^^{term.datatype.value}'
            elif kind is blank:
                object = f"_:{file}.{term.value}"
            elif kind is triple:
                self._quote(subject, quad.predicate.value, term, file)
                continue
            else:
                object = term.value
            if only_default and quad.graph_name != default:
                self.quoted += 1
                continue
            number = known(subject)
            if number is None:
                number = ids[subject] = len(terms)
                new(subject)
            add_subject(number)
            predicate = quad.predicate.value
            number = known(predicate)
            if number is None:
                number = ids[predicate] = len(terms)
                new(predicate)
            add_predicate(number)
            number = known(object)
            if number is None:
                number = ids[object] = len(terms)
                new(object)
            add_object(number)

    def _quote(self, reifier: str, predicate: str, quoted: Any, file: int) -> None:
        """Count a quoted triple, and keep what stands for it."""
        import pyoxigraph

        self.quoted += 1
        if predicate != RDF.reifies or isinstance(quoted.object, pyoxigraph.Triple):
            return
        key = tuple(self.id(_key(term, file)) for term in (quoted.subject, quoted.predicate, quoted.object))
        self.reifiers.setdefault(self.id(reifier), key)  # type: ignore[arg-type]

    def _read_table(self, content: Content) -> None:
        """Rows ``Subject<TAB>Relation<TAB>Object`` with K-ZSL's undeclared prefixes."""
        file = len(self.files) - 1
        problems: list[Problem] = []
        for number, line in enumerate(content.stream, start=1):
            row = line.decode("utf-8").rstrip("\r\n")
            cells = row.split("\t")
            if number == 1 or not row.strip():
                continue
            if len(problems) == _MOST_PROBLEMS:
                break
            if len(cells) != 3:
                problems.append(Problem(f"{len(cells)} columns", expected="3", file=content.file, line=number))
                continue
            unknown = [c for c in (cells[:2] if cells[1] == "rdfs:label" else cells) if not _expand(c)]
            if unknown:
                got, expected = f"unknown prefix in {unknown[0]!r}", f"one of the prefixes {', '.join(_TABLE_PREFIXES)}"
                problems.append(Problem(got, expected=expected, file=content.file, line=number))
                continue
            object = f'"{cells[2]}"^^{XSD.string}' if cells[1] == "rdfs:label" else _expand(cells[2])
            self.add(_expand(cells[0]), _expand(cells[1]), object, file)
        if problems:
            raise ParseError(problems)


class _Complaints:
    """What a parser complains of in one file, each thing once, up to the point where it cannot go on."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self._problems: dict[tuple[str, int | None], Problem] = {}

    def keep(self, error: BaseException) -> bool:
        """Take one complaint; whether it makes sense to read on."""
        content = self._content
        number = getattr(error, "lineno", None)
        line = number if number and number > 0 else None
        message = _REPEATED_LINE.sub("", getattr(error, "msg", None) or str(error) or "malformed")
        message = message.removeprefix("Parser error at ")
        text = message.partition(": ")[2] if line else message
        fix = None
        if isinstance(error, MemoryError):
            message, fix = "a statement of more than 16 MiB", "break it into several"
        elif "LoadDocumentCallback" in message:
            message, fix = "its @context is remote, and nothing is fetched", "put the context into the file"
        problem = Problem(message, expected=f"valid {content.format}", fix=fix, file=content.file, line=line)
        # A second complaint about one line comes from the first; the same text on many lines is one mistake.
        if not any(text == t or (line is not None and line == n) for t, n in self._problems):
            self._problems[text, line] = problem
        if len(self._problems) >= _MOST_PROBLEMS or isinstance(error, MemoryError):
            return False
        if content.format in ("N-Triples", "N-Quads", "Turtle", "TriG", "N3"):
            return "end of file" not in message and "UTF-8" not in message
        return content.format == "RDF/XML" and ("parsing IRI" in message or "Unknown prefix" in message)

    def raise_any(self) -> None:
        """Raise what was kept."""
        if self._problems:
            raise ParseError(self._placed())

    def end(self, error: InputError) -> None:
        """Raise what was kept, together with what put an end to reading."""
        if not self._problems:
            raise error
        raise type(error)([*self._placed(), *error.problems]) from error

    def _placed(self) -> list[Problem]:
        """The problems; those of XML, of which the parser names no line, from a second look at the file."""
        content, problems = self._content, list(self._problems.values())
        if content.format != "RDF/XML" or content.path is None:
            return problems
        try:
            with open_content(content.path, content.format) as again:
                mistakes = find_xml_mistakes(iter(lambda: again.stream.read(65536), b""))
        except KgzslError:
            return problems
        expected = f"valid {content.format}"
        found = [Problem(got, expected=expected, file=content.file, line=n) for got, n in mistakes[:_MOST_PROBLEMS]]
        return found or problems


def pyoxigraph_format(format: str) -> Any:
    """pyoxigraph's name of a format that it reads.

    Example:
        >>> pyoxigraph_format("Turtle").file_extension
        'ttl'
    """
    from pyoxigraph import RdfFormat

    return {
        "Turtle": RdfFormat.TURTLE,
        "RDF/XML": RdfFormat.RDF_XML,
        "N-Triples": RdfFormat.N_TRIPLES,
        "N-Quads": RdfFormat.N_QUADS,
        "TriG": RdfFormat.TRIG,
        "N3": RdfFormat.N3,
        "JSON-LD": RdfFormat.JSON_LD,
    }[format]


def _key(term: Any, file: int) -> str:
    """The string under which a term of pyoxigraph is kept."""
    import pyoxigraph

    if isinstance(term, pyoxigraph.Literal):
        mark = f"@{term.language}" if term.language else f"^^{term.datatype.value}"
        return f'"{term.value}"{mark}'
    return f"_:{file}.{term.value}" if isinstance(term, pyoxigraph.BlankNode) else str(term.value)


def _expand(name: str) -> str:
    """The IRI of a prefixed name, or an empty string if its prefix is unknown."""
    prefix, _, rest = name.partition(":")
    return _TABLE_PREFIXES[prefix] + rest if prefix in _TABLE_PREFIXES and rest else ""
