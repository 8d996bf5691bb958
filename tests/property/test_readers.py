"""Whatever bytes a file holds, reading it ends, and ends in triples or in an error of the tree."""

from __future__ import annotations

import importlib.util
import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kgzsl.errors import FormatError, KgzslError
from kgzsl.ontology.reading import horned_owl_adapter
from kgzsl.ontology.reading.content import JsonDepth, open_stream
from kgzsl.ontology.reading.formats import FORMATS, HORNED, looks_like
from kgzsl.ontology.reading.limits import Limits
from kgzsl.ontology.reading.triples import Triples
from kgzsl.ontology.reading.xml_safety import XmlGuard

_SPEC = importlib.util.spec_from_file_location("samples", Path(__file__).parents[1] / "ontology" / "conftest.py")
assert _SPEC is not None
assert _SPEC.loader is not None
samples = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(samples)

SAMPLES = {
    "Turtle": samples.TURTLE + b"<http://e/a> <http://e/b> <http://e/c> {| <http://e/d> 0.5 |} .",
    "N3": samples.TURTLE + b"{ :a :b ?x } => { ?x :c :d } .",
    "TriG": samples.TURTLE + b":g { :a :b :c }",
    "N-Triples": samples.converted("N_TRIPLES"),
    "N-Quads": samples.converted("N_QUADS"),
    "RDF/XML": b'<!DOCTYPE a [<!ENTITY e "http://e/#">]>' + samples.converted("RDF_XML").partition(b"?>")[2].lstrip(),
    "JSON-LD": samples.converted("JSON_LD"),
    "OWL/XML": samples.OWX,
    "OWL functional syntax": samples.OFN,
    "OWL Manchester syntax": samples.OMN,
    "OBO": samples.OBO,
    "K-ZSL table": samples.TABLE,
}
LIMITS = Limits(max_bytes=200_000, max_line=50_000, timeout=5)
# Pieces that mean something to some parser.
PIECES = [
    b"<",
    b">",
    b'"',
    b"'",
    b"<<(",
    b")>>",
    b"{|",
    b"[",
    b"]",
    b"{",
    b"}",
    b"(",
    b")",
    b"&e;",
    b"&#0;",
    b"\\u",
    b"\xff",
]
PIECES += [
    b"<!ENTITY x 'y'>",
    b"<!--",
    b"]]>",
    b"@prefix",
    b"_:",
    b"\x00",
    b"\xed\xa0\x80",
    b"\xf0\x9f",
    b"\r",
    b"\t",
    b"#",
    b".",
]
PIECES += [b'"""', b"\\", b"^^", b"@en-", b"<?", b"://", b"%", b"not ", b"-1", b"9" * 40, b"a" * 3000, b" " * 3000]
slow = settings(max_examples=25, deadline=5000, suppress_health_check=list(HealthCheck))
quick = settings(max_examples=150, deadline=2000, suppress_health_check=list(HealthCheck))


class Pipe:
    """Bytes as a pipe hands them over."""

    def __init__(self, content: bytes) -> None:
        self.rest = content

    def read(self, size: int = -1) -> bytes:
        block, self.rest = self.rest[:size], self.rest[size:]
        return block


def read(content: bytes, format: str | None) -> int:
    """The number of triples, or -1 for an error of the tree."""
    triples: Any = Triples()
    try:
        with open_stream(Pipe(content), "fuzzed", format, limits=LIMITS) as opened:  # type: ignore[arg-type]
            triples.append(opened, LIMITS)
    except KgzslError as error:
        return -1 if error.problems else 0
    assert all(max(row) < max(len(triples.terms), len(triples.files)) for row in triples)
    return len(triples)


def mutated(content: bytes, seed: int, count: int) -> bytes:
    """Cut, doubled, overwritten and filled with pieces here and there."""
    draw, changed = random.Random(seed), bytearray(content)
    for _ in range(count):
        at = draw.randrange(len(changed) + 1)
        length = draw.choice((0, 1, 1, 3, 20))
        kind = draw.randrange(5)
        if kind == 0:
            del changed[at : at + length]
        elif kind == 1:
            changed[at:at] = changed[at : at + 10 * length]
        elif kind == 2:
            changed[at : at + 1] = bytes([draw.randrange(256)])
        else:
            changed[at : at + length * (kind - 3)] = draw.choice(PIECES)
    return bytes(changed)


STREAMED = [name for name in FORMATS if name not in HORNED]
converted_formats = pytest.mark.skipif(not horned_owl_adapter.is_installed(), reason="py-horned-owl is not installed")


@pytest.mark.parametrize("format", STREAMED)
@quick
@given(seed=st.integers(0, 2**32), count=st.integers(0, 6))
def test_mutated_files(format: str, seed: int, count: int) -> None:
    content = mutated(SAMPLES[format], seed, count)
    assert (read(content, format) > 0) or count
    read(content, None)


@converted_formats
@pytest.mark.parametrize("format", HORNED)
@slow
@given(seed=st.integers(0, 2**32), count=st.integers(0, 6))
def test_mutated_files_of_the_optional_formats(format: str, seed: int, count: int) -> None:
    assert (read(mutated(SAMPLES[format], seed, count), format) > 0) or count


@pytest.mark.parametrize("format", STREAMED)
def test_files_cut_anywhere(format: str) -> None:
    content = SAMPLES[format]
    for end in range(0, len(content), 7):
        read(content[:end], format)


@quick
@given(
    content=st.binary(max_size=400),
    start=st.sampled_from([*SAMPLES.values(), b"", b"\x1f\x8b", b"BZh9", b"\xfd7zXZ\x00"]),
)
@example(content=b"", start=b"")
def test_random_bytes(content: bytes, start: bytes) -> None:
    looks_like(content)
    for format in (None, *STREAMED):
        read(content, format)
        read(start[:60] + content, format)


@quick
@given(pieces=st.lists(st.sampled_from(PIECES), max_size=60))
def test_nothing_but_syntax(pieces: list[bytes]) -> None:
    for format in STREAMED:
        read(SAMPLES[format][:40] + b"".join(pieces), format)


@quick
@given(content=st.text(alphabet='[]{}"\\\\x', max_size=60), cuts=st.lists(st.integers(0, 60), max_size=8))
def test_depth_of_json_does_not_depend_on_blocks(content: str, cuts: list[int]) -> None:
    text = content.encode()
    edges = sorted({0, len(text), *(min(cut, len(text)) for cut in cuts)})
    whole, parts = JsonDepth(), JsonDepth()
    deepest = max(parts.feed(text[a:b]) for a, b in pairwise([0, *edges]))
    assert whole.feed(text) == deepest


@quick
@given(cuts=st.lists(st.integers(0, 200), max_size=8), at=st.integers(0, 60))
def test_an_entity_is_found_however_the_file_is_cut(cuts: list[int], at: int) -> None:
    text = b"<!DOCTYPE a [" + b" " * at + b'<!ENTITY x SYSTEM "file:///x"> ]>\n<a/>'
    edges = sorted({0, len(text), *(min(cut, len(text)) for cut in cuts)})
    guard = XmlGuard("cut", 10)
    blocks = [text[a:b] for a, b in pairwise(edges)]
    with pytest.raises(FormatError, match="external"):
        list(map(guard.feed, blocks))
