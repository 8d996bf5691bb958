"""Opening a file as a stream that is unpacked, checked and bounded while it is read."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import re
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import numpy as np

from kgzsl.errors import FormatError, KgzslError, ParseError, Problem
from kgzsl.ontology.reading.formats import COMPRESSIONS, HORNED, XML, choose_format, suffix_of
from kgzsl.ontology.reading.limits import MIB, Limits, show_size
from kgzsl.ontology.reading.xml_safety import XmlGuard, refuse_encoding

__all__ = ["STANDARD_INPUT", "Content", "JsonDepth", "content_of", "open_content", "open_stream"]

STANDARD_INPUT = Path("-")
_BLOCK = MIB
_HEAD = 65536
_BOM = b"\xef\xbb\xbf"
_OPENERS: dict[str, Callable[..., Any]] = {"gzip": gzip.open, "bzip2": bz2.open, "xz": lzma.open}
_UNPACKING = (OSError, EOFError, zlib.error, lzma.LZMAError)
# Possessive (*+): a string that does not end must not be tried again from every character.
_JSON_REST = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_JSON_STRING = re.compile(rb'"' + _JSON_REST.pattern, re.DOTALL)
_JSON_DEPTH = 500  # pyoxigraph's time is quadratic in it: seconds at 4,000
_JSON_ID = re.compile(rb'"@id"\s*:\s*"([^"\\\s<>{}|^`]*+[\s<>{}|^`][^"\\]*+)"')
_LONGEST_ID = 2048
_STAR = re.compile(
    rb""" \"{3} (?: [^"\\] | \\. | "{1,2}(?!") )*+ (?: \"{3} | \\?\Z )
    | '{3} (?: [^'\\] | \\. | '{1,2}(?!') )*+ (?: '{3} | \\?\Z )
    | " [^"\\\n]*+ (?: \\. [^"\\\n]*+ )*+ " | ' [^'\\\n]*+ (?: \\. [^'\\\n]*+ )*+ '
    | <[^<>\s]*> | \#[^\n]* | (<<) | (>>) | (\.\s*\n) """,
    re.DOTALL | re.VERBOSE,
)
_LONGEST_STATEMENT = 4 * MIB
_STAR_DEPTH = 100  # pyoxigraph's recursion overflows the stack somewhere above 2,000


@dataclass(frozen=True)
class Content:
    """An opened file.

    Args:
        format: its format, a key of :data:`~kgzsl.ontology.reading.formats.FORMATS`.
        file: its name, for reports and errors.
        stream: its bytes, unpacked, without byte order mark; reading raises an error of the
            tree where they break a limit or are not UTF-8.
        path: where it can be opened a second time, if it can.
    """

    format: str
    file: Path | str
    stream: IO[bytes]
    path: Path | None = None


@contextmanager
def open_content(path: Path, format: str | None = None, limits: Limits | None = None) -> Iterator[Content]:
    """Open a file, or standard input as ``-``; only its head is read here.

    Args:
        path: the file.
        format: name of the format, where the suffix does not tell.
        limits: what it may ask of the machine.

    Raises:
        FormatError: no such file, a folder, an empty file, an unknown suffix, content that
            does not match the format, or that breaks a limit.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp(), "zoo.ttl")
        >>> _ = path.write_text("<http://e/a> <http://e/b> <http://e/c> .")
        >>> with open_content(path) as content:
        ...     content.format, content.stream.read(12)
        ('Turtle', b'<http://e/a>')
    """
    if path == STANDARD_INPUT:
        with open_stream(sys.stdin.buffer, "standard input", format, limits=limits) as content:
            yield content
        return
    if path.is_dir():
        raise FormatError(Problem("this is a folder", expected="a file", fix="name the file inside it", file=path))
    if not path.exists():
        raise FormatError(Problem("there is no such file", expected="an ontology", fix="check the path", file=path))
    packed = COMPRESSIONS[suffix_of(path)[1]][0] if suffix_of(path)[1] else ""
    try:
        raw = path.open("rb")
    except OSError as error:
        fix = "check its permissions"
        raise FormatError(Problem(f"it cannot be opened ({error.strerror})", fix=fix, file=path)) from error
    with raw:
        stream = _unpacked(raw, packed)
        yield _guarded(stream, path, format, limits or Limits(), packed=packed, path=path if path.is_file() else None)


@contextmanager
def open_stream(
    raw: IO[bytes], file: str, format: str | None = None, *, limits: Limits | None = None
) -> Iterator[Content]:
    """Open what has no suffix: a pipe or a download. Compression and format are seen from the head.

    Example:
        >>> with open_stream(io.BytesIO(b"@prefix : <http://e/#> ."), "standard input") as content:
        ...     content.format
        'Turtle'
    """
    start = raw.read(8)
    packed = next((name for name, magic in COMPRESSIONS.values() if start.startswith(magic)), "")
    stream = _unpacked(io.BufferedReader(_Rejoined(start, raw)), packed)
    yield _guarded(stream, file, format, limits or Limits(), packed=packed, sniff=format is None)


def content_of(text: bytes, format: str, file: Path, limits: Limits | None = None) -> Content:
    """Bytes at hand, under the same checks as a file.

    Example:
        >>> content_of(b"<http://e/a> <http://e/b> <http://e/c> .", "Turtle", Path("text")).format
        'Turtle'
    """
    guard = _Guard(io.BytesIO(text.removeprefix(_BOM)), b"", file, format, limits or Limits())
    return Content(format, file, cast(IO[bytes], io.BufferedReader(guard, _BLOCK)))


def _unpacked(raw: IO[bytes] | io.BufferedReader, packed: str) -> IO[bytes]:
    """The stream behind a compression."""
    return cast(IO[bytes], _OPENERS[packed](raw, "rb") if packed else raw)


def _guarded(
    stream: IO[bytes],
    file: Path | str,
    format: str | None,
    limits: Limits,
    *,
    packed: str,
    path: Path | None = None,
    sniff: bool = False,
) -> Content:
    """Read the head, choose the format, and put the guard in front of the rest."""
    try:
        head = stream.read(_HEAD)
    except _UNPACKING as error:
        raise _bad_packing(packed, error, file) from error
    if head.startswith(_BOM):
        head = head[len(_BOM) :] + stream.read(len(_BOM))
    if not head.strip() and len(head) < _HEAD - len(_BOM):
        raise FormatError(Problem("the file is empty", expected="an ontology", fix="check the path", file=file))
    name = choose_format(Path(file), head, format, sniff=sniff)
    if name in XML:
        refuse_encoding(head, file)
    guard = _Guard(stream, head, file, name, limits, packed=packed)
    return Content(name, file, cast(IO[bytes], io.BufferedReader(guard, _BLOCK)), path)


def _bad_packing(packed: str, error: BaseException, file: Path | str) -> FormatError:
    """The error for compressed data that is damaged."""
    if not packed:
        return FormatError(Problem(f"it cannot be read ({error})", file=file))
    fix = "check that it was downloaded to its end"
    return FormatError(Problem(f"not valid {packed} data ({error})", expected=packed, fix=fix, file=file))


class _Rejoined(io.RawIOBase):
    """A stream with its first bytes put back."""

    def __init__(self, start: bytes, rest: IO[bytes]) -> None:
        self._start, self._rest = start, rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        block = self._start or self._rest.read(len(view))
        block, self._start = block[: len(view)], self._start[len(view) :]
        view[: len(block)] = block
        return len(block)


class _Guard(io.RawIOBase):
    """Hands bytes on block by block, after every check that needs no parser."""

    def __init__(
        self, stream: IO[bytes], head: bytes, file: Path | str, format: str, limits: Limits, *, packed: str = ""
    ) -> None:
        self._stream, self._head, self._file, self._limits, self._packed = stream, head, file, limits, packed
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._total = self._lines = self._line_length = 0
        self._xml = XmlGuard(file, limits.max_depth) if format in XML else None
        self._json = JsonDepth() if format == "JSON-LD" else None
        self._star = 0  # depth at the beginning of the statement that is not yet complete
        self._statement = b""
        self._ids = b""
        self._format = format

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        try:
            block = self._head or self._stream.read(len(view))
        except KgzslError:
            raise
        except _UNPACKING as error:
            raise _bad_packing(self._packed, error, self._file) from error
        block, self._head = block[: len(view)], self._head[len(view) :]
        self._check(block)
        view[: len(block)] = block
        return len(block)

    def _check(self, block: bytes) -> None:
        """Everything that must hold of the bytes, whatever they say."""
        if not block.isascii() or self._decoder.getstate()[0] or not block:
            self._check_encoding(block)
        if b"\x00" in block:
            self._refuse("a NUL byte", expected="text in UTF-8", line=self._line_at(block, block.index(b"\x00")))
        self._check_size(block)
        if self._xml is not None:
            self._xml.feed(block)
        elif self._json is not None:
            self._check_ids(block)
            if self._json.feed(block) > _JSON_DEPTH:
                self._refuse(f"more than {_JSON_DEPTH} brackets inside one another", expected="flatter JSON-LD")
        elif b"<<" in block or self._statement or self._star:
            self._check_star(block)
        self._lines += block.count(b"\n")

    def _check_encoding(self, block: bytes) -> None:
        """UTF-8, to the byte."""
        try:
            self._decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            line = self._line_at(block, max(error.start, 0))
            bad = error.object[error.start : error.start + 1].hex()
            fix = "convert it, for instance with iconv"
            got = f"not UTF-8: byte 0x{bad}"
            raise ParseError(Problem(got, expected="UTF-8", fix=fix, file=self._file, line=line)) from error

    def _check_size(self, block: bytes) -> None:
        """Neither too long as a whole nor in one line."""
        self._total += len(block)
        size = self._total + (self._xml.expanded if self._xml else 0)
        if size > self._limits.max_bytes:
            got = f"more than {show_size(self._limits.max_bytes)}" + (" after unpacking" if self._packed else "")
            self._refuse(got, fix="if it is to be trusted, raise the limit: --max-size, max_bytes=")
        if size > self._limits.max_held and self._format in (*HORNED, "JSON-LD"):
            got = f"more than {show_size(self._limits.max_held)} of {self._format}, which must be held in memory"
            self._refuse(got, fix="convert it to N-Triples, which is streamed")
        first, last = block.find(b"\n"), block.rfind(b"\n")
        longest = self._line_length + (len(block) if first < 0 else first)
        self._line_length = self._line_length + len(block) if last < 0 else len(block) - last - 1
        if longest > self._limits.max_line:
            got = f"a line of more than {show_size(self._limits.max_line)}"
            self._refuse(got, fix="break it into lines", line=self._lines + 1)

    def _check_ids(self, block: bytes) -> None:
        """IRIs that are none: JSON-LD's rules let a parser pass them over, with all that is said of them."""
        text = self._ids + block
        problems = []
        for found in _JSON_ID.finditer(text):
            line = self._lines + block.count(b"\n", 0, max(0, found.start(1) - len(self._ids))) + 1
            got = f"IRI {found[1].decode('utf-8', 'replace')!r}: a character that IRIs cannot have"
            problems.append(Problem(got, expected="valid JSON-LD", file=self._file, line=line))
        if problems:
            raise ParseError(problems[:20])
        self._ids = text[-_LONGEST_ID:]

    def _check_star(self, block: bytes) -> None:
        """Quoted triples inside one another, which parsers follow by recursion."""
        text = self._statement + block
        depth, end = self._star, 0
        for found in _STAR.finditer(text):
            if found[3]:  # a statement ends; what looks like an opening may stand in a text over many lines
                depth, end, self._star = 0, found.end(), 0
                continue
            depth = max(0, depth + bool(found[1]) - bool(found[2]))
            if depth > _STAR_DEPTH:
                line = self._line_at(block, max(0, found.start() - len(self._statement)))
                self._refuse(f"more than {_STAR_DEPTH} quoted triples inside one another", line=line)
        self._statement = text[end:]
        if len(self._statement) > _LONGEST_STATEMENT:
            self._statement, self._star = b"", depth

    def _line_at(self, block: bytes, at: int) -> int:
        """The line of a place in the block."""
        return self._lines + block.count(b"\n", 0, at) + 1

    def _refuse(
        self, got: str, *, expected: str | None = None, fix: str | None = None, line: int | None = None
    ) -> None:
        """Raise a problem of this file."""
        raise FormatError(Problem(got, expected=expected, fix=fix, file=self._file, line=line))


class JsonDepth:
    """How deep the brackets of JSON go, strings left out.

    Example:
        >>> JsonDepth().feed(b'[{"[[[": []}]')
        3
    """

    def __init__(self) -> None:
        self._depth = 0
        self._inside = False
        self._escape = b""
        self._steps = np.zeros(256, np.int8)
        self._steps[[ord("["), ord("{")]] = 1
        self._steps[[ord("]"), ord("}")]] = -1

    def feed(self, block: bytes) -> int:
        """The greatest depth in the next bytes."""
        text = self._escape + block
        self._escape = b""
        if self._inside:
            end = _JSON_REST.match(text)
            if not end:
                self._escape = text[-1:] if _odd_backslashes(text) else b""
                return self._depth
            text = text[end.end() :]
        text = _JSON_STRING.sub(b"", text)
        opened = text.find(b'"')
        self._inside = opened >= 0
        if self._inside:  # a string that goes on in the next block
            self._escape = text[-1:] if _odd_backslashes(text) else b""
            text = text[:opened]
        if not text:
            return self._depth
        before = self._depth
        depth = self._depth + np.cumsum(self._steps[np.frombuffer(text, np.uint8)], dtype=np.int64)
        self._depth = int(depth[-1])
        return max(before, int(depth.max()))


def _odd_backslashes(text: bytes) -> bool:
    """Whether the next character is escaped."""
    return (len(text) - len(text.rstrip(b"\\"))) % 2 == 1
