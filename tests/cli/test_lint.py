"""``kgzsl ontology lint``: exit status, tables, JSON, and splits that do not fit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
CREATURES = ROOT / "ontologies" / "creatures.ttl"
SPLIT = ROOT / "ontologies" / "creatures_split.json"


def test_creatures_pass_unless_strict(kgzsl: Any) -> None:
    done = kgzsl("ontology", "lint", CREATURES, "--split", SPLIT)
    assert (done.status, done.err) == (0, "")
    assert "ZSL207" in done.out
    assert "errors (" not in done.out
    assert done.out.splitlines()[-1] == (
        "0 errors, 4 warnings, 5 notes; 100 classes (80 seen, 20 unseen), 88 attributes, world pca"
    )
    assert "89 attributes" in kgzsl("ontology", "lint", CREATURES, "--split", SPLIT, "--numbers").out.splitlines()[-1]
    assert kgzsl("ontology", "lint", CREATURES, "--split", SPLIT, "--strict").status == 1
    assert kgzsl("ontology", "lint", CREATURES, "--strict").status == 0  # notes never count


def test_without_a_split_it_says_what_is_left_out(kgzsl: Any) -> None:
    assert "no split: 9 checks (ZSL201 to ZSL209) were left out; --split" in kgzsl("ontology", "lint", CREATURES).out


def test_json_holds_every_finding(kgzsl: Any, toys: Any, tmp_path: Path) -> None:
    world = toys.copy(tmp_path / "world").edit(":GreenBox", ":RedBox")
    done = kgzsl("ontology", "lint", world.ontology, "--json")
    content = json.loads(done.out)
    assert content["left_out"][0] == "ZSL201"
    assert content["errors"] == sum(f["severity"] == "error" for f in content["findings"])
    assert content["failed"] == (done.status == 1)
    assert content["ceilings"] == [{"of": "all", "distinct": 7, "classes": 7, "value": 1.0}]
    (shared,) = [f for f in content["findings"] if f["code"] == "ZSL302"]
    assert shared.keys() >= {"title", "message", "why", "fix", "classes", "attributes", "facts", "terms"}
    assert {"iri": "http://toys.example/#Round", "label": "round"} in shared["terms"]


def test_an_error_is_status_1_and_reads_as_one(kgzsl: Any, toys: Any, tmp_path: Path, monkeypatch: Any) -> None:
    world = toys.copy(tmp_path / "world")
    with world.ontology.open("a") as file:
        file.write(':Ball a owl:Class ; rdfs:label "ball [/red]" ; rdfs:subClassOf :Toy .\n')
    monkeypatch.setenv("COLUMNS", "300")
    done = kgzsl("ontology", "lint", world.ontology, "--split", world.split)
    assert done.status == 1
    assert "errors (1)" in done.out
    assert "1 of 9 classes have no fact about any attribute: ball [/red]" in done.out
    content = json.loads(kgzsl("ontology", "lint", world.ontology, "--split", world.split, "--json").out)
    assert (content["seen"], content["unseen"], content["failed"]) == (7, 2, True)
    assert content["findings"][0]["classes"] == [{"iri": "http://toys.example/#Ball", "label": "ball [/red]"}]


def test_which_classes(kgzsl: Any, toys: Any) -> None:
    def count(*arguments: Any) -> int:
        return json.loads(kgzsl("ontology", "lint", toys.ontology, *arguments, "--json").out)["classes"]

    assert (count(), count("--classes", "leaves"), count("--classes", "all")) == (8, 8, 11)
    assert count("--classes", "all", "--split", toys.split) == 11


def test_a_split_among_several(kgzsl: Any, toys: Any, tmp_path: Path) -> None:
    path = tmp_path / "splits.json"
    path.write_text(
        json.dumps({"splits": {"one": {"unseen": ["green box"]}, "two": {"unseen": ["green box", "red disc"]}}})
    )
    done = kgzsl("ontology", "lint", toys.ontology, "--split", f"{path}:two", "--json")
    assert json.loads(done.out)["unseen"] == 2
    done = kgzsl("ontology", "lint", toys.ontology, "--split", path)
    assert (done.status, done.out) == (2, "")
    assert "name it" in done.err


@pytest.mark.parametrize(
    ("unseen", "message"),
    [
        (["green bxo"], "unseen class 'green bxo': the ontology has no 'green bxo'; did you mean green box"),
        (["Round"], "http://toys.example/#Round is not a class of the ontology"),
        ([], "no unseen class"),
    ],
)
def test_splits_that_do_not_fit(kgzsl: Any, toys: Any, tmp_path: Path, unseen: list[str], message: str) -> None:
    path = tmp_path / "split.json"
    path.write_text(json.dumps({"unseen": unseen}))
    done = kgzsl("ontology", "lint", toys.ontology, "--split", path)
    assert (done.status, done.out) == (2, "")
    assert message in done.err


def test_the_published_benchmark_fails(kgzsl: Any, shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "kzsl" / "ImNet-A"
    groups = json.loads((folder / "class.json").read_text())
    split = tmp_path / "split.json"
    split.write_text(json.dumps({part: list(groups[part]) for part in ("seen", "unseen")}))
    done = kgzsl("ontology", "lint", folder / "KG-ImNet-A.ttl", "--split", split)
    assert done.status == 1
    assert "72 of 80 (90.0 %)" in done.out
    assert "and 2 more (--json has all)" in done.out
