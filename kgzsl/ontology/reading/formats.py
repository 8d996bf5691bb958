"""Which format a file is in: by its suffix, checked against what the head of its content looks like."""

from __future__ import annotations

import re
from pathlib import Path

from kgzsl.errors import FormatError, Problem

__all__ = [
    "COMPRESSIONS",
    "FORMATS",
    "HORNED",
    "XML",
    "choose_format",
    "has_ontology_suffix",
    "looks_like",
    "suffix_of",
]

# name of the format -> its suffixes, each also with a suffix of COMPRESSIONS behind it
FORMATS: dict[str, tuple[str, ...]] = {
    "Turtle": (".ttl", ".turtle"),
    "RDF/XML": (".rdf", ".owl", ".xml"),
    "N-Triples": (".nt", ".ntriples"),
    "N-Quads": (".nq", ".nquads"),
    "TriG": (".trig",),
    "N3": (".n3",),
    "JSON-LD": (".jsonld", ".json"),
    "OWL/XML": (".owx", ".owlxml"),
    "OWL functional syntax": (".ofn", ".fss"),
    "OWL Manchester syntax": (".omn", ".manchester"),
    "OBO": (".obo",),
    "K-ZSL table": (".csv", ".tsv"),
}
COMPRESSIONS: dict[str, tuple[str, bytes]] = {
    ".gz": ("gzip", b"\x1f\x8b"),
    ".bz2": ("bzip2", b"BZh"),
    ".xz": ("xz", b"\xfd7zXZ\x00"),
}
HORNED = ("OWL/XML", "OWL functional syntax", "OWL Manchester syntax", "OBO")  # read by the optional py-horned-owl
XML = ("RDF/XML", "OWL/XML")

_SHORT = {"functional": "OWL functional syntax", "manchester": "OWL Manchester syntax", "xml": "RDF/XML"}
_GENERAL = (".xml", ".json", ".csv", ".tsv")  # suffixes that files other than ontologies have, too
_ANY_OWL = (".owl", ".xml")  # suffixes under which any format of OWL is found: the content decides
_BINARY = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
    *((magic, f"{name}-compressed data") for name, magic in COMPRESSIONS.values()),
)
_TEXT = (
    (re.compile(r"Subject\tRelation\tObject"), "K-ZSL table"),
    (re.compile(r"(?i)<!doctype html|<html"), "HTML"),
    (re.compile(r"<\?xml|<!DOCTYPE|<!--|<rdf:|<[A-Za-z][\w.-]*(:[\w.-]+)?\s+xmlns"), "RDF/XML"),
    (re.compile(r"(?i)@prefix\b|@base\b|prefix\s+\S*:\s*<|base\s+<"), "Turtle"),
    (re.compile(r"Prefix\s*\(|Ontology\s*\("), "OWL functional syntax"),
    (re.compile(r"Prefix:|Ontology:"), "OWL Manchester syntax"),
    (re.compile(r"(format-version|data-version|ontology|default-namespace)\s*:\s"), "OBO"),
    (re.compile(r"\{|\[\s*[\[{\"\]]"), "JSON-LD"),
)
_SOME_XML = "XML"  # its first element is not in the head
# What text that nothing betrays may be.
_PLAIN = ("Turtle", "N-Triples", "N-Quads", "TriG", "N3")
# What else a file may rightly be that looks like the key.
_ALSO = {"Turtle": ("TriG", "N3"), "JSON-LD": ("TriG", "N3", "Turtle")}
_QUAD = re.compile(
    r"(<[^>\s]*>|_:\S+)\s+<[^>\s]*>\s+(<[^>\s]*>|_:\S+|\"([^\"\\\n]|\\.)*\"\S*)\s+(<[^>\s]*>|_:\S+)\s*\."
)
_COMMENTS = re.compile(r"\A(\s*#[^\n]*\n)+")
_HEAD = 65536


def suffix_of(path: Path) -> tuple[str, str]:
    """The suffix that names the format, and that of the compression, both in lower case.

    Example:
        >>> suffix_of(Path("zoo.TTL.gz")), suffix_of(Path("zoo"))
        (('.ttl', '.gz'), ('', ''))
    """
    suffixes = [s.lower() for s in path.suffixes]
    packed = suffixes.pop() if suffixes[-1:] and suffixes[-1] in COMPRESSIONS else ""
    return (suffixes or [""])[-1], packed


def has_ontology_suffix(path: Path) -> bool:
    """Whether a file in a folder is to be read: a suffix of :data:`FORMATS`, and for general ones an ontology's head.

    Example:
        >>> has_ontology_suffix(Path("zoo.ttl.xz")), has_ontology_suffix(Path("zoo.png"))
        (True, False)
    """
    suffix, packed = suffix_of(path)
    if suffix not in _GENERAL:
        return any(suffix in known for known in FORMATS.values())
    if packed:
        return False
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return False
    if suffix == ".json":
        return b'"@' in head
    if suffix == ".xml":
        return looks_like(head) == "OWL/XML" or b"http://www.w3.org/1999/02/22-rdf-syntax-ns#" in head
    return looks_like(head) == "K-ZSL table"


def choose_format(path: Path, head: bytes, format: str | None = None, *, sniff: bool = False) -> str:
    """The name of the format that a file is in.

    Args:
        path: its name.
        head: its first bytes, unpacked, without byte order mark.
        format: what the user says it is, a key of :data:`FORMATS` in any letter case.
        sniff: whether there is no suffix to go by (standard input, a download).

    Raises:
        FormatError: an unknown format or suffix, or a head that does not match it.

    Example:
        >>> choose_format(Path("zoo.ttl"), b"@prefix : <http://e/#> .")
        'Turtle'
    """
    looks = looks_like(head)
    if format is None and sniff and looks is not None and looks not in (*FORMATS, _SOME_XML):
        raise FormatError(Problem(f"the content looks like {looks}", expected="an ontology", file=path))
    if format is not None:
        name = _known_format(format, path)
    elif sniff:
        name = "RDF/XML" if looks == _SOME_XML else looks or ("N-Quads" if _is_quads(head) else "Turtle")
    else:
        name = _named_format(path, looks)
    if not head.strip() or (looks == _SOME_XML and name in XML):
        return name  # what it is stands further on
    if looks is not None and looks != name and name not in _ALSO.get(looks, ()):
        fix = f"pass format={looks!r} or rename the file" if looks in FORMATS else "convert it, or check the path"
        raise FormatError(Problem(f"the content looks like {looks}", expected=name, fix=fix, file=path))
    if looks is None and name not in _PLAIN:
        raise FormatError(Problem(f"the content does not look like {name}", expected=name, file=path))
    return name


def _known_format(format: str, path: Path) -> str:
    """The format of that name, whatever its letter case, or that has it as a suffix."""
    lower = format.lower()
    names = {name.lower(): name for name in FORMATS} | _SHORT
    names |= {s.removeprefix("."): name for name, known in FORMATS.items() for s in known if s not in _GENERAL}
    if lower not in names:
        raise FormatError(Problem(f"there is no format {format!r}", expected=f"one of {', '.join(FORMATS)}", file=path))
    return names[lower]


def _named_format(path: Path, looks: str | None) -> str:
    """The format that the suffix names; for .owl and .xml, the format of OWL that the content looks like."""
    suffix, _ = suffix_of(path)
    if suffix in _ANY_OWL and looks in HORNED:
        return looks
    if suffix == ".owl" and looks == "Turtle":
        return looks
    for name, known in FORMATS.items():
        if suffix in known:
            return name
    got = f"unknown suffix {suffix!r}" + (f"; the content looks like {looks}" if looks else "")
    every = ", ".join(s for known in FORMATS.values() for s in known)
    expected = f"one of {every} (also with {', '.join(COMPRESSIONS)})"
    raise FormatError(Problem(got, expected=expected, fix="pass format=...", file=path))


def looks_like(head: bytes) -> str | None:
    """What the first bytes betray, or None for text that could be one of several.

    Example:
        >>> looks_like(b"%PDF-1.7"), looks_like(b"<http://e/a> <http://e/b> <http://e/c> .")
        ('a PDF document', None)
    """
    for magic, kind in _BINARY:
        if head.startswith(magic):
            return kind
    if b"\x00" in head:
        return "binary data"
    text = _COMMENTS.sub("", head.decode("utf-8", "replace")).lstrip()
    kind = next((kind for pattern, kind in _TEXT if pattern.match(text)), "")
    return _xml_root(text) if kind == "RDF/XML" else kind or None


def _xml_root(text: str) -> str:
    """The kind of XML: by its first element, behind declarations and comments."""
    at = 0
    ends = (("<?", "?>"), ("<!--", "-->"), ("<!DOCTYPE", ">"))
    while (at := text.find("<", at)) >= 0:
        end = next((end for start, end in ends if text.startswith(start, at)), "")
        if not end:
            break
        if end == ">" and 0 <= text.find("[", at) < text.find(">", at):
            end = "]"  # declarations inside the DOCTYPE; what is behind them has no "<"
        at = text.find(end, at + 2)
        if at < 0:
            return _SOME_XML
    if re.match(r"(?i)<html\b", text[at : at + 6]):
        return "HTML"
    if at >= 0 and re.match(r"<(owl:)?Ontology\s[^<>]*(ontologyIRI|xmlns=)", text[at:]):
        return "OWL/XML"
    whole = at >= 0 and not text.startswith("<!", at) and ">" in text[at:]
    return "RDF/XML" if whole else _SOME_XML


def _is_quads(head: bytes) -> bool:
    """Whether the first statement names a graph, as only N-Quads do."""
    return _QUAD.match(_COMMENTS.sub("", head.decode("utf-8", "replace")).lstrip()) is not None
