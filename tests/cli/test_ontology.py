"""``kgzsl ontology``: what the commands print, their exit statuses, and what they write."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden" / "ontology"
ZOO = "tests/golden/zoo.ttl"
HOOVES = "SELECT ?c ?part { ?c :hasPart ?part FILTER(?part != :BodyPart) } ORDER BY ?c ?part"
# name of the golden file -> exit status, arguments
CASES: dict[str, tuple[int, tuple[str, ...]]] = {
    "prove": (0, ("prove", ZOO, "zebra hasPart hooves")),
    "prove-negative": (0, ("prove", ZOO, "zebra not hasHorns 'spiral horns'")),
    "prove-unknown": (1, ("prove", ZOO, "zebra hasPart grass")),
    "prove-denied": (1, ("prove", ZOO, "zebra hasHorns 'spiral horns'")),
    "prove-json": (0, ("prove", ZOO, "horse hasPart hooves", "--json")),
    "query": (0, ("query", ZOO, HOOVES)),
    "query-facts": (0, ("query", ZOO, f"{HOOVES} LIMIT 3", "--facts")),
    "query-ask": (0, ("query", ZOO, "ASK { GRAPH kgzsl:negative { :Horse :hasPattern :Stripes } }", "--facts")),
    "query-json": (0, ("query", ZOO, "SELECT ?c { ?c :hasDiet ?x }", "--json", "--facts")),
    "verbalize": (0, ("verbalize", ZOO, "zebra", "horse")),
    "verbalize-json": (0, ("verbalize", ZOO, "cryptid", "--json")),
    "prompt": (0, ("prompt", ZOO, "zebra")),
    "prompt-numbers": (0, ("prompt", ZOO, "zebra", "--numbers")),
    "prompt-json": (0, ("prompt", ZOO, "antelope", "--json", "--entail", "none")),
    "prompt-sentences": (0, ("prompt", ZOO, "zebra", "--facts", "logics", "--hops", "2", "--numbers")),
    "prompt-budget": (0, ("prompt", ZOO, "zebra", "--facts", "logics", "--budget", "20", "--json")),
    "profile": (0, ("profile", ZOO, "--name", "zoo")),
    "diff-same": (0, ("diff", ZOO, ZOO)),
}


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """File names in the output are relative to the checkout."""
    monkeypatch.chdir(ROOT)


@pytest.fixture
def edited(tmp_path: Path) -> Path:
    """The zoo, but zebras are brown, and nothing is a cryptid."""
    text = (ROOT / ZOO).read_text(encoding="utf-8").replace("owl:someValuesFrom :White", "owl:someValuesFrom :Brown")
    file = tmp_path / "edited.ttl"
    file.write_text(text.replace(":Cryptid a owl:Class ; rdfs:subClassOf :Animal .", ""), encoding="utf-8")
    return file


def as_agreed(name: str, printed: str) -> None:
    """What was printed is the golden file."""
    text = "\n".join(line.rstrip() for line in printed.splitlines()).strip() + "\n"
    file = GOLDEN / f"{name}.txt"
    if os.environ.get("KGZSL_UPDATE_GOLDEN"):
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", CASES)
def test_what_is_printed_is_as_agreed(name: str, kgzsl: Any, here: None) -> None:
    status, arguments = CASES[name]
    done = kgzsl("ontology", *arguments)
    assert (done.status, done.err) == (status, "")
    as_agreed(name, done.out)
    if "--json" in arguments:
        json.loads(done.out)


def test_diff(kgzsl: Any, here: None, edited: Path) -> None:
    done = kgzsl("ontology", "diff", ZOO, edited)
    assert (done.status, done.err) == (1, "")
    as_agreed("diff", done.out)
    done = kgzsl("ontology", "diff", ZOO, edited, "--json")
    content = json.loads(done.out)
    assert (done.status, content["same"]) == (1, False)
    assert content["classes_removed"] == ["http://zoo.example/#Cryptid"]
    assert json.loads(kgzsl("ontology", "diff", ZOO, ZOO, "--json").out)["same"] is True
    assert kgzsl("ontology", "diff", ZOO, edited.parent / "none.ttl").status == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("prove", ZOO, "zebbra hazPart hooves"), "did you mean zebra"),
        (("prove", ZOO, "zebra"), "is no statement"),
        (("query", ZOO, "SELECT ?c {"), "query:1"),
        (("query", ZOO, "nosuch.rq"), "cannot be read"),
        (("query", ZOO, "SELECT * { SERVICE <http://127.0.0.1:9/> { ?s ?p ?o } }"), "leave SERVICE out"),
        (("query", ZOO, "INSERT DATA { :a :b :c }"), "is an update"),
        (("verbalize", ZOO, "zbra", "hors"), "'hors'"),
        (("prompt", ZOO, "hooves"), "no class"),
        (("prompt", ZOO, "zebra", "--budget", "2"), "'A zebra.' has 3 tokens"),
        (("prompt", ZOO, "zebra", "--hops", "0"), "--hops"),
        (("export", ZOO, "--to", "kzsl", "--out", "never.csv"), "export to turtle"),
        (("export", ZOO, "--to", "csv", "--out", ZOO), "--force"),
        (("export", ZOO, "--to", "xml", "--out", "never.xml"), "xml"),
        (("draw", ZOO, "zebra", "--out", "never.gif"), ".svg or .png"),
        (("draw", ZOO, "zebbra", "--out", "never.png"), "did you mean zebra"),
        (("profile", "none.ttl"), "no such file"),
        (("inspect", ZOO, "--profile", "none.toml"), "the profile cannot be read"),
    ],
)
def test_mistakes(kgzsl: Any, here: None, arguments: tuple[str, ...], message: str) -> None:
    done = kgzsl("ontology", *arguments)
    assert (done.status, done.out) == (2, "")
    assert message in done.err
    assert not list(ROOT.glob("never.*"))


@pytest.mark.parametrize("to", ["csv", "graphml", "turtle", "pyg"])
def test_export(kgzsl: Any, here: None, tmp_path: Path, to: str) -> None:
    out = tmp_path / "out"
    done = kgzsl("ontology", "export", ZOO, "--to", to, "--out", out, "--json")
    assert json.loads(done.out) == {"out": str(out), "format": to, "bytes": out.stat().st_size}
    first = out.read_bytes()
    assert kgzsl("ontology", "export", ZOO, "--to", to, "--out", out).status == 2
    assert kgzsl("ontology", "export", ZOO, "--to", to, "--out", out, "--force").status == 0
    assert out.read_bytes() == first
    assert [f.name for f in tmp_path.iterdir()] == ["out"]


def test_export_of_what_is_asserted_alone_is_the_same_ontology(kgzsl: Any, here: None, tmp_path: Path) -> None:
    out = tmp_path / "zoo.ttl"
    assert kgzsl("ontology", "export", ZOO, "--to", "turtle", "--out", out, "--entail", "none").status == 0
    assert kgzsl("ontology", "diff", ZOO, out).status == 0
    assert "  # entailed" not in out.read_text()


def test_export_of_k_zsl(kgzsl: Any, shared_data: Path, tmp_path: Path) -> None:
    file, out = shared_data / "kzsl" / "AwA" / "KG-AwA.ttl", tmp_path / "awa.csv"
    assert kgzsl("ontology", "export", file, "--to", "kzsl", "--out", out).status == 0
    assert kgzsl("ontology", "diff", file, out).status == 0


def test_query_from_a_file(kgzsl: Any, here: None, tmp_path: Path) -> None:
    file = tmp_path / "question.rq"
    file.write_text(HOOVES)
    done = kgzsl("ontology", "query", ZOO, file)
    assert done.status == 0
    as_agreed("query", done.out)


def test_draw(kgzsl: Any, here: None, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    out = tmp_path / "zebra.svg"
    done = kgzsl("ontology", "draw", ZOO, "zebra", "--out", out, "--json")
    assert json.loads(done.out)["width"] == 1200
    assert kgzsl("ontology", "draw", ZOO, "zebra", "--out", out).status == 2
    assert out.read_text().count("<path") > 10


def test_a_proposed_profile_is_a_profile(kgzsl: Any, here: None, tmp_path: Path) -> None:
    file, other = tmp_path / "zoo.toml", tmp_path / "other.toml"
    done = kgzsl("ontology", "profile", ZOO, "--name", "zoo", "--out", file)
    assert done.out.strip() == file.read_text().strip()
    content = json.loads(kgzsl("ontology", "profile", ZOO, "--name", "zoo", "--json", "--out", other).out)
    assert content["out"] == str(other)
    assert {"attribute", "taxonomy", "none"} <= {p["role"] for p in content["predicates"]}
    read = [json.loads(kgzsl("ontology", "inspect", ZOO, "--json", "--profile", p).out) for p in (file, other, "owl")]
    assert [r["profile"] for r in read] == ["zoo", "zoo", "owl"]
    assert len({r["digest"] for r in read}) == 1
    assert kgzsl("ontology", "profile", ZOO, "--out", file).status == 2
