"""Which format a file is in: by its suffix, checked against what the content looks like."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

from kgzsl.errors import FormatError, Problem

__all__ = ["FORMATS", "read_content"]

# name of the format -> its suffixes, each also with .gz behind it
FORMATS: dict[str, tuple[str, ...]] = {
    "Turtle": (".ttl", ".turtle"),
    "RDF/XML": (".rdf", ".owl", ".xml"),
    "N-Triples": (".nt",),
    "JSON-LD": (".jsonld", ".json"),
    "K-ZSL table": (".csv", ".tsv"),
}
_BINARY = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "gzip-compressed data"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
)
_TEXT = (
    (re.compile(r"Subject\tRelation\tObject"), "K-ZSL table"),
    (re.compile(r"(?i)<!doctype html|<html"), "HTML"),
    (re.compile(r"(?s)(<\?xml.*?\?>\s*|<!--.*?-->\s*)*<Ontology\b"), "OWL/XML"),
    (re.compile(r"<\?xml|<!DOCTYPE|<!--|<rdf:|<[A-Za-z][\w.-]*(:[\w.-]+)?\s+xmlns"), "RDF/XML"),
    (re.compile(r"(?i)@prefix\b|@base\b|prefix\s+\S*:\s*<|base\s+<"), "Turtle"),
    (re.compile(r"Prefix\(|Ontology\("), "OWL functional syntax"),
    (re.compile(r"Prefix:|Ontology:"), "OWL Manchester syntax"),
    (re.compile(r"format-version:"), "OBO"),
    (re.compile(r"\{|\[\s*[\[{\"]"), "JSON-LD"),
)
# What a sniffed content may be called: text that nothing betrays could be either of these.
_PLAIN = ("Turtle", "N-Triples")
_ENTITY = re.compile(rb"""<!ENTITY\s+(%\s+)?\S+\s+(?:(SYSTEM|PUBLIC)\b|"([^"]*)"|'([^']*)'|)""")
_NESTED = re.compile(rb"&(?!#|amp;|lt;|gt;|quot;|apos;)")
_LONGEST_ENTITY = 1000  # namespaces are shorter by far; long ones only serve to blow a file up


def read_content(path: Path, format: str | None = None) -> tuple[str, bytes]:
    """The name of a file's format, and its bytes: unpacked, and without byte order mark.

    Args:
        path: the file.
        format: a key of :data:`FORMATS`, where the suffix does not tell.

    Raises:
        FormatError: no such file, a folder, an empty file, an unknown suffix, content that
            does not match the format, or XML entities that could read or bloat.
    """
    if not path.exists():
        raise FormatError(Problem("there is no such file", expected="an ontology", fix="check the path", file=path))
    if path.is_dir():
        raise FormatError(Problem("this is a folder", expected="a file", fix="name the file inside it", file=path))
    content = _unpack(path).removeprefix(b"\xef\xbb\xbf")
    if not content.strip():
        raise FormatError(Problem("the file is empty", expected="an ontology", fix="check the path", file=path))
    name = _named_format(path, content) if format is None else _known_format(format, path)
    looks = _looks_like(content)
    if looks is not None and looks != name:
        fix = f"pass format={looks!r} or rename the file" if looks in FORMATS else "convert it, or check the path"
        raise FormatError(Problem(f"the content looks like {looks}", expected=name, fix=fix, file=path))
    if looks is None and name not in _PLAIN:
        raise FormatError(Problem(f"the content does not look like {name}", expected=name, file=path))
    if name == "RDF/XML":
        _refuse_entities(path, content)
    return name, content


def _unpack(path: Path) -> bytes:
    """The file's bytes, decompressed if the suffix is .gz."""
    if path.suffix.lower() != ".gz":
        return path.read_bytes()
    try:
        return gzip.decompress(path.read_bytes())
    except (OSError, EOFError) as error:
        raise FormatError(Problem(f"not valid gzip data ({error})", expected="gzip", file=path)) from error


def _known_format(format: str, path: Path) -> str:
    """The format of that name, whatever its letter case."""
    names = {name.lower(): name for name in FORMATS}
    if format.lower() not in names:
        raise FormatError(Problem(f"there is no format {format!r}", expected=f"one of {', '.join(FORMATS)}", file=path))
    return names[format.lower()]


def _named_format(path: Path, content: bytes) -> str:
    """The format that the suffix names."""
    suffixes = [s.lower() for s in path.suffixes]
    suffix = suffixes[-2] if suffixes[-1:] == [".gz"] and len(suffixes) > 1 else (suffixes or [""])[-1]
    for name, known in FORMATS.items():
        if suffix in known:
            return name
    looks = _looks_like(content)
    got = f"unknown suffix {suffix!r}" + (f"; the content looks like {looks}" if looks else "")
    every = ", ".join(s for known in FORMATS.values() for s in known)
    raise FormatError(Problem(got, expected=f"one of {every} (also with .gz)", fix="pass format=...", file=path))


def _looks_like(content: bytes) -> str | None:
    """What the first bytes betray, or None for text that could be Turtle or N-Triples."""
    head = content[:4096]
    for magic, kind in _BINARY:
        if head.startswith(magic):
            return kind
    if b"\x00" in head:
        return "binary data"
    text = re.sub(r"\A(\s*#[^\n]*\n)+", "", head.decode("utf-8", "replace")).lstrip()
    return next((kind for pattern, kind in _TEXT if pattern.match(text)), None)


def _refuse_entities(path: Path, content: bytes) -> None:
    """Let entities through only as OWL files use them: as abbreviations of namespaces."""
    for entity in _ENTITY.finditer(content):
        parameter, external, *values = entity.groups()
        value = values[0] or values[1] or b""
        if parameter or external:
            got = "an external or parameter entity"
        elif _NESTED.search(value):
            got = "an entity made of other entities"
        elif len(value) > _LONGEST_ENTITY:
            got = f"an entity of {len(value)} characters"
        else:
            continue
        line = content.count(b"\n", 0, entity.start()) + 1
        expected = "entities that only abbreviate a namespace"
        raise FormatError(Problem(got, expected=expected, fix="remove the <!ENTITY>", file=path, line=line))
