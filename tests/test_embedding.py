"""From an ontology to a file of vectors, by api and command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kgzsl import api
from kgzsl.data.vectors import read_vectors
from kgzsl.errors import ConfigError, NoFactsError
from kgzsl.train.kge import EmbeddingConfig

QUICK = EmbeddingConfig(dim=8, epochs=3)


def test_every_class_has_a_vector_and_the_file_says_how(toys: Any, tmp_path: Path) -> None:
    out = tmp_path / "toys.safetensors"
    report = api.embed([toys.ontology], out=out, config=QUICK)
    ontology = api.load_ontology(toys.ontology, entail="none")
    vectors = read_vectors(out)
    assert vectors.of(ontology.classes).shape == (11, 8)
    assert (report.classes, report.entities, report.dim) == (11, len(vectors.iris), 8)
    assert vectors.about["facts"] == "attributes,attribute_hierarchy,negative,hierarchy"
    assert (vectors.about["model"], vectors.about["seed"], vectors.about["entail"]) == ("transe", "0", "none")
    assert vectors.about["ontology"] == ontology.digest


def test_the_order_of_statements_changes_no_bit(toys: Any, tmp_path: Path) -> None:
    world = toys.copy(tmp_path / "world")
    head, *rest = world.ontology.read_text().split("\n:")
    world.ontology.write_text("\n:".join([head, *(part.rstrip() for part in reversed(rest))]) + "\n")
    files = [tmp_path / "one.safetensors", tmp_path / "other.safetensors"]
    reports = [
        api.embed([ontology], out=out, config=QUICK)
        for ontology, out in zip((toys.ontology, world.ontology), files, strict=True)
    ]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert reports[0].mrr == reports[1].mrr


def test_chosen_facts_and_what_follows_from_them(toys: Any, tmp_path: Path) -> None:
    count = {}
    for entail in ("none", "el"):
        out = tmp_path / f"{entail}.safetensors"
        count[entail] = api.embed([toys.ontology], out=out, facts=["hierarchy"], entail=entail, config=QUICK).triples
    # Eight toys below their shape, two shapes below toy; then every toy below toy too.
    assert count["none"] == 10
    assert count["el"] >= 18


def test_the_place_is_looked_at_before_the_work(toys: Any, tmp_path: Path, monkeypatch: Any) -> None:
    from kgzsl.train import kge

    monkeypatch.setattr(kge, "embed_triples", lambda *a, **k: pytest.fail("trained"))
    (tmp_path / "old.safetensors").write_bytes(b"old")
    with pytest.raises(ConfigError, match="is there already"):
        api.embed([toys.ontology], out=tmp_path / "old.safetensors")
    with pytest.raises(ConfigError, match=r"expected a \.safetensors file"):
        api.embed([toys.ontology], out=tmp_path / "new.npy")
    with pytest.raises(NoFactsError, match="in no fact of att"):
        api.embed([toys.ontology], out=tmp_path / "new.safetensors", facts=["att"])
    assert (tmp_path / "old.safetensors").read_bytes() == b"old"


def test_the_command(toys: Any, tmp_path: Path, kgzsl: Any) -> None:
    out = tmp_path / "toys.safetensors"
    arguments = ("embed", toys.ontology, "--out", out, "--dim", 8, "--epochs", 3, "--model", "rotate")
    done = kgzsl(*arguments, "--json")
    assert done.status == 0
    report = json.loads(done.out)
    assert (report["model"], report["dim"], report["out"]) == ("rotate", 16, str(out))
    assert 0 < report["mrr"] <= 1
    first = read_vectors(out).vectors
    done = kgzsl(*arguments, "--held-out", 0, "--force")
    assert done.status == 0
    lines = {" ".join(line.split()[:-1]): line.split()[-1] for line in done.out.splitlines() if line.strip()}
    assert (lines["entities"], lines["dim"], lines["MRR"]) == (str(report["entities"]), "16", "-")
    assert f"in {out}" in done.out
    assert np.array_equal(read_vectors(out).vectors, first)


def test_mistakes_of_the_command(toys: Any, tmp_path: Path, kgzsl: Any) -> None:
    taxonomy = tmp_path / "taxonomy.ttl"
    taxonomy.write_text(
        "@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> . "
        "@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . :A a owl:Class . :B a owl:Class ; rdfs:subClassOf :A ."
    )
    out = tmp_path / "v.safetensors"
    for arguments, message in (
        ((taxonomy,), "no fact of the group 'properties'; leave it out: --facts hierarchy"),
        ((taxonomy, "--facts", "properties"), "expected a graph with edges"),
        ((toys.ontology, "--facts", "colors"), "there is no group of facts 'colors'"),
        ((toys.ontology, "--held-out", 1), "held_out = 1.0; expected a share"),
        ((tmp_path / "none.ttl",), "there is no such file"),
    ):
        done = kgzsl("embed", *arguments, "--out", out)
        assert (done.status, done.out) == (2, "")
        assert message in done.err
        assert not out.exists()
    assert kgzsl("embed", taxonomy, "--facts", "hierarchy", "--epochs", 2, "--out", out).status == 0
