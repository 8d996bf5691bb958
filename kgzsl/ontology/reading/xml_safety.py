"""What XML may not do to us: entities that read files or blow up. And where in XML a mistake stands."""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.parsers import expat

from kgzsl.errors import FormatError, ParseError, Problem

__all__ = ["XmlGuard", "find_xml_mistakes", "refuse_encoding"]

_START = re.compile(rb"<!ENTITY", re.IGNORECASE)
_ENTITY = re.compile(rb"""<!ENTITY([^"'>]*)(?:"([^"]*)"|'([^']*)'|(>))""", re.IGNORECASE)
_EXTERNAL = re.compile(rb"%|\b(SYSTEM|PUBLIC)\b", re.IGNORECASE)
_NESTED = re.compile(rb"&(?!amp;|lt;|gt;|quot;|apos;)")
_ENCODING = re.compile(rb"""<\?xml[^>]*?encoding\s*=\s*["']([^"']*)""")
_NO_ELEMENTS = expat.errors.XML_ERROR_NO_ELEMENTS
_UNCLOSED = (expat.errors.XML_ERROR_UNCLOSED_TOKEN, expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION)
_IRI_ATTRIBUTES = ("rdf:about", "rdf:resource", "rdf:datatype")
_BAD_IRI = re.compile(r"[\x00-\x20<>\"{}|\\^`]")
_LONGEST_ENTITY = 1000  # namespaces are shorter by far; long ones only serve to blow a file up
_LONGEST_DECLARATION = 65536
_CUT_OFF = tuple(expat.errors.codes[message] for message in (_NO_ELEMENTS, *_UNCLOSED))


class XmlGuard:
    """Lets entities through only as OWL files use them: as abbreviations of namespaces.

    Every declaration is looked at, wherever it stands, comments included: parsers differ in
    where they accept one, and what no parser sees does no harm to refuse.

    Args:
        file: name of the file, for errors.
        max_depth: elements that may be open at once.
    """

    def __init__(self, file: object, max_depth: int) -> None:
        self.file = str(file)
        self.max_depth = max_depth
        self.longest = 0
        self.expanded = 0  # bytes that the references seen so far may expand to
        self._tail = b""
        self._lines = 0
        self._deepest = 0
        self._expat: expat.XMLParserType | None = expat.ParserCreate()
        self._expat.StartElementHandler = self._open
        self._expat.EndElementHandler = self._close
        self._depth = 0

    def feed(self, block: bytes) -> None:
        """Look at the next bytes, before a parser sees them.

        Raises:
            FormatError: an entity that could read or bloat, or elements that are too deep.
        """
        self._follow(block)
        text = self._tail + block
        keep = max(0, len(text) - len(b"<!ENTITY"))
        for start in _START.finditer(text):
            found = _ENTITY.match(text, start.start())
            if found:
                self._check(found, text)
            elif len(text) - start.start() > _LONGEST_DECLARATION:
                self._refuse("an entity declaration that does not end", text, start.start())
            else:
                keep = min(keep, start.start())
        self._tail = text[keep:]
        self._lines += text.count(b"\n", 0, keep)
        if self.longest:
            self.expanded += block.count(b"&") * self.longest
        if self._expat is None:
            starts, ends = block.count(b"<"), block.count(b"</")
            self._depth += starts - 2 * ends - block.count(b"/>") - block.count(b"<!") - block.count(b"<?")
        if max(self._depth, self._deepest) > self.max_depth:
            self._refuse(f"more than {self.max_depth} elements inside one another", text, len(text), "flatter XML")

    def _follow(self, block: bytes) -> None:
        """Notice XML that just ends: pyoxigraph takes a file that was cut off between two elements for a whole one."""
        if self._expat is None:
            return
        try:
            self._expat.Parse(block, not block)
        except expat.ExpatError as error:
            self._expat = None  # other mistakes are the parser's to report, together with those before them
            if not block and error.code in _CUT_OFF:
                got, fix = "the file ends before its last element does", "check that it was downloaded to its end"
                problem = Problem(got, expected="whole XML", fix=fix, file=self.file, line=error.lineno)
                raise ParseError(problem) from error

    def _open(self, name: str, attributes: object) -> None:
        """An element begins."""
        self._depth += 1
        if self._depth > self._deepest:
            self._deepest = self._depth

    def _close(self, name: str) -> None:
        """An element ends."""
        self._depth -= 1

    def _check(self, found: re.Match[bytes], text: bytes) -> None:
        """One declaration."""
        value = found[2] or found[3] or b""
        if _EXTERNAL.search(found[1]):
            self._refuse("an external or parameter entity", text, found.start())
        if found[4]:
            self._refuse("an entity without a value", text, found.start())
        if _NESTED.search(value):
            self._refuse("an entity made of other entities", text, found.start())
        if len(value) > _LONGEST_ENTITY:
            self._refuse(f"an entity of {len(value)} characters", text, found.start())
        self.longest = max(self.longest, len(value))

    def _refuse(self, got: str, text: bytes, at: int, expected: str = "") -> None:
        """Raise, with the line."""
        line = self._lines + text.count(b"\n", 0, at) + 1
        fix = None if expected else "remove the <!ENTITY>"
        expected = expected or "entities that only abbreviate a namespace"
        raise FormatError(Problem(got, expected=expected, fix=fix, file=self.file, line=line))


def refuse_encoding(head: bytes, file: object) -> None:
    """XML that says it is not UTF-8 could hide an entity from us, and cannot be read anyway.

    Raises:
        FormatError: another encoding is declared.
    """
    found = _ENCODING.match(head.lstrip())
    if found and found[1].lower() not in (b"utf-8", b"utf8", b"us-ascii", b"ascii"):
        name = found[1].decode("ascii", "replace")
        fix = "convert it, for instance with iconv, and change the declaration"
        raise FormatError(Problem(f"encoding {name}", expected="UTF-8", fix=fix, file=str(file), line=1))


def find_xml_mistakes(blocks: Iterable[bytes]) -> list[tuple[str, int]]:
    """What is wrong with RDF/XML, each with its line, for a parser that stops early and names none.

    Bad IRIs, undeclared prefixes (each once), and where the XML is ill-formed.

    Example:
        >>> find_xml_mistakes([b"<a>\\n<x:b/>", b"</b></a>"])
        [('The prefix x: has not been declared', 2), ('ill-formed XML: mismatched tag', 2)]
    """
    found: dict[str, int] = {}
    declared = [frozenset({"xml", "xmlns"})]
    parser = expat.ParserCreate()

    def open_element(name: str, attributes: dict[str, str]) -> None:
        own = {key.removeprefix("xmlns:") for key in attributes if key.startswith("xmlns:")}
        declared.append(declared[-1] | own if own else declared[-1])
        for key in (name, *attributes):
            prefix, colon, _ = key.partition(":")
            if colon and prefix not in declared[-1]:
                found.setdefault(f"The prefix {prefix}: has not been declared", parser.CurrentLineNumber)
        for key, value in attributes.items():
            if key in _IRI_ATTRIBUTES and _BAD_IRI.search(value):
                found.setdefault(f"IRI '{value}': a character that IRIs cannot have", parser.CurrentLineNumber)

    parser.StartElementHandler = open_element
    parser.EndElementHandler = lambda name: declared.pop()
    try:
        for block in blocks:
            parser.Parse(block, False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        found[f"ill-formed XML: {expat.ErrorString(error.code)}"] = error.lineno
    return list(found.items())
