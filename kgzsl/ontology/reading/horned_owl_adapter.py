"""OWL/XML, functional syntax, Manchester syntax and OBO as N-Triples: the only file that knows py-horned-owl.

py-horned-owl runs in a process of its own. Its parsers recurse, so that a file with deeply
nested expressions would end the whole program; there, it ends only the reading of that file.
"""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, cast

from kgzsl.errors import ConfigError, ParseError, Problem
from kgzsl.ontology.reading.content import Content
from kgzsl.ontology.reading.xml_safety import find_xml_mistakes
from kgzsl.ontology.vocabulary import OWL, RDF, RDFS, XSD

__all__ = ["as_ntriples", "is_installed"]

_NAMES = {"OWL/XML": "owx", "OWL functional syntax": "ofn", "OWL Manchester syntax": "omn", "OBO": "obo"}
_SECONDS_A_MEGABYTE = 20.0  # py-horned-owl takes a tenth of a second
_STANDARD = {"owl": str(OWL), "rdf": str(RDF), "rdfs": str(RDFS), "xsd": str(XSD)}
# Runs in the other process. It writes an n-ary DisjointClasses as pairs with the first class only: add the others.
_SCRIPT = """
import sys
import pyhornedowl
from pyhornedowl import model
try:
    ontology = pyhornedowl.open_ontology_from_string(sys.stdin.buffer.read().decode("utf-8"), sys.argv[1])
    sys.stdout.buffer.write(ontology.save_to_string("nt").encode("utf-8"))
    for annotated in ontology.get_axioms():
        axiom = annotated.component
        if isinstance(axiom, model.DisjointClasses):
            named = [str(c.first) for c in axiom.first if isinstance(c, model.Class)]
            for k, one in enumerate(named[1:] if len(axiom.first) > 2 else ()):
                for other in named[k + 2:]:
                    line = f"<{one}> <http://www.w3.org/2002/07/owl#disjointWith> <{other}> .\\n"
                    sys.stdout.buffer.write(line.encode("utf-8"))
except BaseException as error:
    sys.stderr.write(f"{type(error).__name__}: {error}")
    sys.exit(3)
"""
_LINE = re.compile(r"line_col: Pos\(\((\d+), (\d+)\)\)")
_BYTE = re.compile(r"(?:ByteSpan\((\d+)\.\.(\d+)\)|BytePosition\((\d+)\))")
_EXPECTED = re.compile(r"positives: \[([^\]]*)\]")
_OWX_IRI = re.compile(rb"""\b(?:IRI|ontologyIRI|versionIRI)\s*=\s*"([^"<\s>{}|\\^`]*+[\s>{}|\\^`][^"<]*+)\"""")
_OWX_SHORT = re.compile(rb'\babbreviatedIRI\s*=\s*"([^":]*):')
_OWX_PREFIX = re.compile(rb'<Prefix\b[^<>]*\bname\s*=\s*"([^"]*)"')
_NT_SHORT = re.compile(rb"<(owl|rdf|rdfs|xsd):([^<>/\s]*)>")


def is_installed() -> bool:
    """Whether py-horned-owl is there.

    Example:
        >>> is_installed() in (True, False)
        True
    """
    return importlib.util.find_spec("pyhornedowl") is not None


@contextmanager
def as_ntriples(content: Content, timeout: float = 30.0) -> Iterator[Content]:
    """The same ontology as a stream of N-Triples.

    Args:
        content: an opened file in one of the four formats.
        timeout: seconds that reading may take, and more for large files.

    Raises:
        ConfigError: py-horned-owl is not installed.
        ParseError: malformed text; names the line.
    """
    if not is_installed():
        got = f"reading {content.format} takes py-horned-owl, which is not installed"
        raise ConfigError(Problem(got, fix="pip install kgzsl[owl]", file=content.file))
    text = content.stream.read()
    if content.format == "OWL/XML":
        _check_owl_xml(text, content)
    command = [sys.executable, "-c", _SCRIPT, _NAMES[content.format]]
    with tempfile.TemporaryFile() as found:
        try:
            done = subprocess.run(
                command,
                input=text,
                stdout=found,
                stderr=subprocess.PIPE,
                timeout=timeout + _SECONDS_A_MEGABYTE * len(text) / 2**20,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            got = f"reading it took more than {error.timeout:.0f} seconds"
            raise ParseError(Problem(got, expected=f"valid {content.format}", file=content.file)) from error
        if done.returncode:
            raise ParseError(_problem(done, text, content))
        found.seek(0)
        yield Content("N-Triples", content.file, cast(IO[bytes], _Expanded(found)))


class _Expanded:
    """N-Triples in which the four standard prefixes, which OWL/XML need not declare, are written out."""

    def __init__(self, lines: IO[bytes]) -> None:
        self._lines = lines
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        while size < 0 or len(self._rest) < size:
            block = b"".join(self._lines.readlines(65536))
            if not block:
                break
            self._rest += _NT_SHORT.sub(lambda m: b"<%s%s>" % (_STANDARD[m[1].decode()].encode(), m[2]), block)
        size = len(self._rest) if size < 0 else size
        block, self._rest = self._rest[:size], self._rest[size:]
        return block


def _problem(done: subprocess.CompletedProcess[bytes], text: bytes, content: Content) -> Problem:
    """What the other process said, with the line."""
    said = done.stderr.decode("utf-8", "replace").strip()
    expected = f"valid {content.format}"
    if done.returncode != 3:
        got = "py-horned-owl broke down, as it does on expressions that are too deeply nested"
        return Problem(got, expected=expected, file=content.file)
    line = place = None
    if found := _LINE.search(said):
        line, column = int(found[1]), int(found[2])
        wanted = _EXPECTED.search(said)
        place = f"unexpected text at column {column}" + (f", where {wanted[1]} could stand" if wanted else "")
    elif found := _BYTE.search(said):
        start = int(found[1] or found[3])
        line = text.count(b"\n", 0, start) + 1
        if "undefined prefix" in said:
            name = text[start : int(found[2] or start)].decode("utf-8", "replace")
            place = f"the prefix of {name} has not been declared"
    said = re.sub(r"\s+", " ", said.removeprefix("ValueError: Failed to open ontology: "))
    if content.format == "OWL/XML":
        line = next((number for _, number in find_xml_mistakes([text])), line)
    return Problem(place or said[:200], expected=expected, file=content.file, line=line)


def _check_owl_xml(text: bytes, content: Content) -> None:
    """Two mistakes that py-horned-owl passes over: bad IRIs, which it escapes, and undeclared prefixes."""
    declared = {name.decode("utf-8") for name in _OWX_PREFIX.findall(text)} | _STANDARD.keys() | {"xml"}
    found = [(m[1], m.start(1)) for m in _OWX_IRI.finditer(text)]
    problems = {iri: (f"IRI '{iri.decode()}': a character that IRIs cannot have", at) for iri, at in reversed(found)}
    for name in _OWX_SHORT.finditer(text):
        if name[1].decode() not in declared:
            problems.setdefault(name[1], (f"The prefix {name[1].decode()}: has not been declared", name.start(1)))
    if problems:
        expected = f"valid {content.format}"
        raise ParseError(
            Problem(got, expected=expected, file=content.file, line=text.count(b"\n", 0, at) + 1)
            for got, at in sorted(problems.values(), key=lambda problem: problem[1])[:20]
        )
