"""Nothing is held in memory whole, nothing blows up, and what is too much is refused with a reason."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import threading
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from kgzsl.errors import ConfigError, FormatError, OntologyError, ParseError
from kgzsl.ontology import read_ontology
from kgzsl.ontology.reading import horned_owl_adapter
from kgzsl.ontology.reading.content import open_content, open_stream
from kgzsl.ontology.reading.limits import MIB, Limits, parse_size
from kgzsl.ontology.reading.triples import Triples

ROW = b"<http://e/a> <http://e/b> <http://e/c> .\n"
RDF = '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:owl="http://www.w3.org/2002/07/owl#">'
OWX = '<Ontology xmlns="http://www.w3.org/2002/07/owl#" ontologyIRI="http://e/zoo">'
needs_horned = pytest.mark.skipif(not horned_owl_adapter.is_installed(), reason="py-horned-owl is not installed")
SMALL = Limits(max_line=1000, max_bytes=100_000)


class Endless(io.RawIOBase):
    """A head, then the same bytes for ever; counts what was taken."""

    def __init__(self, head: bytes, more: bytes) -> None:
        self.head, self.more, self.taken = head, more * (65536 // len(more)), 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        block = (self.head or self.more)[:size]
        self.head = self.head[len(block) :]
        self.taken += len(block)
        return block


@pytest.mark.parametrize(
    ("format", "head", "more"),
    [
        ("N-Triples", b'<http://e/a> <http://e/b> "', b"x"),
        ("N-Triples", b"# ", b"x"),
        ("Turtle", b'<http://e/a> <http://e/b> "', b"x"),
        ("Turtle", b"<http://e/a> <http://e/b> ", b"[ "),
        ("RDF/XML", (RDF + '<owl:Class rdf:about="').encode(), b"x"),
        ("RDF/XML", (RDF + "<!-- ").encode(), b"x"),
        ("JSON-LD", b'{"@id": "', b"x"),
        ("JSON-LD", b"[{} ,", b" "),
        pytest.param("OWL/XML", (OWX + "<Class ").encode(), b"x", marks=needs_horned),
        pytest.param("OWL functional syntax", b"Ontology(", b"x", marks=needs_horned),
        pytest.param("OBO", b"format-version: 1.2\nontology: ", b"x", marks=needs_horned),
        ("K-ZSL table", b"Subject\tRelation\tObject\n", b"x"),
    ],
)
def test_an_endless_line_is_refused_without_reading_it(format: str, head: bytes, more: bytes) -> None:
    source = Endless(head, more)
    tracemalloc.start()
    try:
        with (
            pytest.raises(FormatError, match=r"a line of more than 4 MiB|inside one another"),
            open_stream(source, "endless", format, limits=Limits(max_line=4 * MIB)) as content,  # type: ignore[arg-type]
        ):
            Triples().append(content)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert source.taken < 12 * MIB
    assert peak < 48 * MIB


def test_a_long_file_is_streamed(tmp_path: Path) -> None:
    path = tmp_path / "long.nt.gz"
    row = b'<http://e/a> <http://e/b> "' + b"x" * 1000 + b'" .\n'
    with gzip.open(path, "wb", compresslevel=1) as file:
        for _ in range(40):
            file.write(row * 1000)
    tracemalloc.start()
    triples = Triples()
    triples.read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(triples) == 40_000
    assert peak < 12 * MIB  # the file has 39, unpacked


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)])
def test_a_compressed_bomb_is_stopped_at_the_limit(suffix: str, pack: Any, tmp_path: Path) -> None:
    path = tmp_path / f"bomb.nt{suffix}"
    path.write_bytes(pack(ROW + b"\n" * 20_000_000))
    with pytest.raises(FormatError, match="more than 1 MiB after unpacking") as caught:
        read_ontology(path, max_bytes=MIB)
    assert "--max-size" in str(caught.value)
    path.write_bytes(pack(b"x" * 20_000_000))
    with pytest.raises(FormatError, match="line of more than"), open_content(path, limits=SMALL) as content:
        content.stream.read()


def test_what_must_be_held_in_memory_has_a_limit_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "a.jsonld").write_text("[" + "{},\n" * 2000 + "{}]")
    with pytest.raises(FormatError, match="more than 1000 bytes of JSON-LD, which must be held in memory"):
        Triples().read(tmp_path / "a.jsonld", None, Limits(max_held=1000))


def test_sizes() -> None:
    assert parse_size("1.5k") == 1536
    for text in ("", "many", "-1", "8 X"):
        with pytest.raises(ConfigError, match="not a size"):
            parse_size(text)


ENTITIES = {
    "external": '<!ENTITY x SYSTEM "file:///etc/hostname">',
    "public": "<!ENTITY x PUBLIC 'a' 'http://127.0.0.1:9/x'>",
    "parameter": '<!ENTITY % x "http://e/x.dtd">',
    "nested": '<!ENTITY a "aaaa"><!ENTITY x "&a;&a;&a;">',
    "reference": '<!ENTITY a "aaaa"><!ENTITY x "&#38;a;&#38;a;">',
    "long": f'<!ENTITY x "{"a" * 5000}">',
    "newlines": '<!ENTITY\n\n\tx\n\n"&a;&a;"\n>',
    "lower case": '<!entity x SYSTEM "file:///etc/hostname">',
}


@pytest.mark.parametrize("entity", ENTITIES)
@pytest.mark.parametrize("kind", ["RDF/XML", pytest.param("OWL/XML", marks=needs_horned)])
def test_entities_that_read_or_bloat(kind: str, entity: str, tmp_path: Path) -> None:
    root, name = (RDF, "zoo.rdf") if kind == "RDF/XML" else (OWX, "zoo.owx")
    end = "</rdf:RDF>" if kind == "RDF/XML" else "</Ontology>"
    body = f"<!DOCTYPE a [\n{ENTITIES[entity]}]>{root}&x;{end}"
    path = tmp_path / name
    for before in (
        "",
        '<?xml version="1.0"?>\n',
        f"<!-- {'long ' * 300_000} -->\n",
        "\n" * 200_000,
        "<!---->" * 20_000,
    ):
        for packed in ("", ".gz"):
            text = (before + body).encode()
            path = tmp_path / f"{name}{packed}"
            path.write_bytes(gzip.compress(text) if packed else text)
            with pytest.raises(FormatError, match="entit") as caught:
                read_ontology(path, format=kind)
            assert caught.value.problems[0].line == before.count("\n") + 2


def test_a_late_doctype_is_looked_at_too(tmp_path: Path) -> None:
    for late in ("<!DOCTYPE a [{}]>", "<!-- <!DOCTYPE a [{}]> -->"):
        text = RDF + "\n" * 3_000_000 + late.format(ENTITIES["nested"]) + "<owl:Class/></rdf:RDF>"
        (tmp_path / "late.rdf").write_text(text)
        with pytest.raises(FormatError, match="made of other entities") as caught:
            read_ontology(tmp_path / "late.rdf")
        assert caught.value.problems[0].line == 3_000_001


def test_a_declaration_over_the_edge_of_a_block_is_seen() -> None:
    for shift in range(0, 60, 3):
        start = b"<?xml version='1.0'?><!--" + b"\n" * (65536 - 25 - 7 - shift - len(b"<!DOCTYPE a ["))
        text = start + b"-->" + b"<!DOCTYPE a [" + ENTITIES["external"].encode() + b"]>" + RDF.encode() + b"</rdf:RDF>"
        with (
            pytest.raises(FormatError, match="external"),
            open_stream(io.BytesIO(text), "pipe", "RDF/XML") as content,
        ):
            Triples().append(content)


def test_other_encodings_cannot_hide_an_entity(tmp_path: Path) -> None:
    for declared, encoding in (
        ("UTF-16", "utf-16"),
        ("UTF-16LE", "utf-16-le"),
        ("UTF-16BE", "utf-16-be"),
        ("UTF-7", "ascii"),
    ):
        text = f'<?xml version="1.0" encoding="{declared}"?><!DOCTYPE a [{ENTITIES["external"]}]>{RDF}</rdf:RDF>'
        for name in ("zoo.rdf", "zoo.owl", "zoo.xml"):
            (tmp_path / name).write_bytes(text.encode(encoding))
            with pytest.raises(FormatError, match=r"UTF-16|binary|encoding|entity"):
                read_ontology(tmp_path / name)
    latin = '<?xml version="1.0" encoding="ISO-8859-1"?>' + RDF + "</rdf:RDF>"
    (tmp_path / "zoo.rdf").write_text(latin)
    with pytest.raises(FormatError, match=r"encoding ISO-8859-1; expected UTF-8; convert it"):
        read_ontology(tmp_path / "zoo.rdf")


def test_what_entities_expand_to_counts(tmp_path: Path) -> None:
    entity = f'<!DOCTYPE a [<!ENTITY x "{"a" * 900}">]>'
    (tmp_path / "zoo.rdf").write_text(f"{entity}{RDF}<owl:Class>{'&x;' * 200_000}</owl:Class></rdf:RDF>")
    with pytest.raises(FormatError, match="more than 100 MiB"):
        read_ontology(tmp_path / "zoo.rdf", max_bytes=100 * MIB)


def test_what_is_too_deep_for_parsers_is_refused(tmp_path: Path) -> None:
    deep = {
        "a.nt": b"<http://e/a> <http://e/b> " + b"<<( <http://e/a> <http://e/b> " * 50_000,
        "b.nt": b"<http://e/a> <http://e/b> " + b"<<( <http://e/a> <http://e/b>\n" * 50_000,
        "a.ttl": b"<http://e/a> <http://e/b> " + b"<<( <http://e/a> <http://e/b> # )>>\n" * 50_000,
        "a.jsonld": b'{"http://e/a":' * 50_000 + b"1" + b"}" * 50_000,
        "a.rdf": (RDF + "<rdf:Description><owl:x>" * 500_000).encode(),
    }
    for name, content in deep.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(OntologyError, match="inside one another"):
            read_ontology(tmp_path / name)
    for name in ("a.ofn", "a.omn", "a.owx"):
        if horned_owl_adapter.is_installed():
            start = {"a.ofn": "Ontology(\nSubClassOf(<a:a> ", "a.owx": OWX + "<SubClassOf>"}.get(
                name, "Prefix: : <http://e/>\nOntology:\nClass: :A\nSubClassOf: "
            )
            step = {"a.ofn": "ObjectComplementOf(", "a.owx": "<ObjectComplementOf>"}.get(name, "( ")
            (tmp_path / name).write_text(start + step * 9_000 + "x")
            with pytest.raises(OntologyError, match=r"nested|unexpected|before its last element|valid OWL"):
                read_ontology(tmp_path / name)


def test_xml_that_was_cut_off_between_two_elements(tmp_path: Path) -> None:
    path = tmp_path / "zoo.rdf"
    path.write_text(RDF + '\n<owl:Class rdf:about="http://e/a"/>\n')
    with pytest.raises(ParseError, match="ends before its last element") as caught:
        read_ontology(path)
    assert caught.value.problems[0].line == 3


def test_a_file_that_cannot_be_opened(tmp_path: Path, monkeypatch: Any) -> None:
    path = tmp_path / "zoo.ttl"
    path.write_bytes(ROW)

    def refused(self: Path, *arguments: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refused)
    with pytest.raises(FormatError, match=r"cannot be opened \(Permission denied\)"):
        read_ontology(path)


def test_sound_xml_that_looks_odd_is_read(tmp_path: Path) -> None:
    path = tmp_path / "zoo.rdf"
    odd = "<!-- <http://e/zoo> --> <?note <a ?>\n" * 20_000
    path.write_text(
        f'<!DOCTYPE rdf:RDF [<!ENTITY e "http://e/#">]>{RDF}{odd}<owl:Class rdf:about="&e;Zebra"/></rdf:RDF>'
    )
    assert read_ontology(path).classes == ("http://e/#Zebra",)


def test_pipes_dead_links_and_closed_folders(tmp_path: Path, monkeypatch: Any) -> None:
    os.mkfifo(tmp_path / "pipe.ttl")
    (tmp_path / "a.ttl").symlink_to(tmp_path / "gone.ttl")
    with pytest.raises(FormatError, match=r"a\.ttl: there is no such file"):
        read_ontology(tmp_path)

    def closed(*arguments: object, onerror: Any) -> list[Any]:
        onerror(PermissionError(13, "Permission denied", str(tmp_path)))
        return []

    monkeypatch.setattr(os, "walk", closed)
    with pytest.raises(FormatError, match=r"cannot be looked into \(Permission denied\)"):
        read_ontology(tmp_path)


def test_a_named_pipe_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "pipe.rdf"
    os.mkfifo(path)
    text = (RDF + '<owl:Class rdf:about="http://e/a b"/></rdf:RDF>').encode()
    writer = threading.Thread(target=path.write_bytes, args=(text,), daemon=True)
    writer.start()
    with pytest.raises(ParseError, match="a b"):
        read_ontology(path)
    writer.join(5)


def test_text_that_looks_like_quoted_triples_is_read() -> None:
    triples = Triples()
    code = "cout << x << y;\n" * 200
    texts = (f'"""{code}"""', "'<< <<'", f"'''{code}'''")
    rows = [f"<http://e/{k}> <http://e/b> {' , '.join(texts)} .\n" for k in range(300)]
    triples.parse("".join(rows).encode(), "Turtle", Path("text"))
    assert len(triples) == 900
