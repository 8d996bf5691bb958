"""SPARQL over a run: its images, their labels, what is predicted and why, and the same numbers as everywhere."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kgzsl import api, errors
from kgzsl.ontology.query import Sparql

IMAGES = "SELECT ?name ?split ?label { ?i a why:Image ; rdfs:label ?name OPTIONAL { ?i why:split ?split } " + (
    "OPTIONAL { ?i why:labeled/rdfs:label ?label } } ORDER BY ?name"
)
PREDICTED = "SELECT ?name ?label ?score { ?p why:image/rdfs:label ?name ; why:score ?s . " + (
    "?s why:rank 1 ; why:class/rdfs:label ?label ; why:value ?score } ORDER BY ?name"
)


def rows(graph: Sparql, sparql: str) -> list[tuple[str, ...]]:
    answer = graph.query(sparql)
    return [tuple(row.values.get(name, "") for name in answer.variables) for row in answer.rows]


@pytest.fixture(scope="module")
def graph(toy_run: Any) -> Sparql:
    return api.run_graph(toy_run, split="test", proofs=True)


def test_the_test_images_are_there_with_their_labels(graph: Sparql, toys: Any) -> None:
    found = rows(graph, IMAGES)
    assert Counter(split for _, split, _ in found) == {"test_unseen": 16, "test_seen": 6}
    for name, split, label in found:
        folder = Path(name).parent.name
        assert toys.iri(label).rpartition("#")[2] in (folder, folder.title().replace(" ", ""))
        assert (split == "test_unseen") == (label in ("green box", "yellow disc"))


def test_predictions_are_those_of_predict(graph: Sparql, toy_run: Any) -> None:
    found = rows(graph, PREDICTED)
    told = {p.image: p.top[0] for p in api.predict(toy_run, [name for name, *_ in found])}
    for name, label, score in found:
        assert label == told[name][1]
        assert float(score) == pytest.approx(told[name][2], abs=1e-5)
    best = rows(graph, "SELECT ?c { ?p why:predicted ?c ; why:score ?s . ?s why:rank 1 ; why:class ?c }")
    assert len(best) == len(found)


def test_explanations_are_those_of_explain(graph: Sparql, toy_run: Any) -> None:
    for name, *_ in rows(graph, IMAGES)[::7]:
        explanation = api.explain(toy_run, name)
        found = rows(
            graph,
            f"""SELECT ?subject ?predicate ?object ?value ?gate ?status {{
            ?e why:image/rdfs:label {json.dumps(name)} ; why:contribution ?k . ?k why:value ?value ; why:gate ?gate ;
            why:rank ?rank ; why:fact ?f . ?f rdf:subject ?subject ; rdf:predicate ?predicate ; rdf:object ?object ;
            why:status ?status }} ORDER BY ?rank""",
        )
        assert len(found) == len(explanation.every)
        values = [float(row[3]) for row in found]
        np.testing.assert_allclose(values, [one.contribution for one in explanation.every], atol=1e-5)
        assert {(*row[:3], row[5]) for row in found} == {(*f.fact.key[:3], f.fact.status) for f in explanation.every}
    (margins,) = rows(graph, "SELECT (COUNT(?margin) AS ?n) { ?e a why:Explanation ; why:margin ?margin }")
    assert margins == ("22",)


def test_the_ontology_is_there_as_ever(graph: Sparql, toy_run: Any) -> None:
    for pattern in ("?c :hasShape :Round", "GRAPH kgzsl:entailed { ?c rdfs:subClassOf :Toy }"):
        alone = Sparql(toy_run.ontology).query(f"SELECT ?c {{ {pattern} }} ORDER BY ?c")
        assert graph.query(f"SELECT ?c {{ {pattern} }} ORDER BY ?c") == alone
        assert alone.rows
    assert rows(graph, "SELECT ?label { ?c a why:UnseenClass ; rdfs:label ?label } ORDER BY ?label") == [
        ("green box",),
        ("yellow disc",),
    ]
    assert len(rows(graph, "SELECT ?c { ?c a why:SeenClass }")) == 6


def test_with_proofs_every_fact_has_its_own(graph: Sparql, toy_run: Any) -> None:
    ontology = toy_run.ontology
    found = rows(
        graph, "SELECT ?rule (COUNT(?f) AS ?n) { ?f why:status 'entailed' ; why:proof/why:rule ?rule } GROUP BY ?rule"
    )
    rules = Counter(ontology.prove(fact).rule for fact in ontology.facts(status="entailed"))
    assert {rule: int(n) for rule, n in found} == rules
    assert rules["property hierarchy"]
    (stated,) = rows(graph, "SELECT (COUNT(?f) AS ?n) { ?f a why:Fact ; why:status 'asserted' ; why:source ?file }")
    assert int(stated[0]) == len(ontology.facts(status="asserted"))
    few = api.run_graph(toy_run)
    assert rows(few, "SELECT ?f { ?f a why:Fact }") == []


def test_files_and_folders(toys: Any, toy_run: Any, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    for name in ("red disc/a.png", "RedBox/deep/b.png", "toy/c.png", "whatever/d.png"):
        (folder / name).parent.mkdir(parents=True)
        shutil.copy(toys.images / "red disc" / "0.png", folder / name)
    (folder / "notes.txt").write_text("no image")
    single = tmp_path / "single.png"
    shutil.copy(toys.images / "BlueBox" / "0.png", single)
    graph = api.run_graph(toy_run, images=[single, folder, folder / "red disc", single])
    labels = {Path(name).name: (split, label) for name, split, label in rows(graph, IMAGES)}
    # A toy is a class of the ontology, but none of the run; a file alone has no label.
    assert labels == dict.fromkeys(("single.png", "b.png", "c.png", "d.png"), ("", "")) | {"a.png": ("", "red disc")}
    one, again = (r for r in rows(graph, PREDICTED) if Path(r[0]).name in ("a.png", "d.png"))
    assert one[1:] == again[1:]
    # Its own test images keep their labels.
    file = toys.images / "GreenBox" / "0.png"
    both = rows(api.run_graph(toy_run, images=[file], split="test_unseen"), IMAGES)
    assert len(both) == 16
    assert next(r for r in both if r[0] == str(file))[1:] == ("test_unseen", "green box")


def test_a_limit_takes_some_of_all(toy_run: Any) -> None:
    done: list[tuple[int, int]] = []
    listener = api.Listener(reading=lambda *counts: done.append(counts))
    graph = api.run_graph(toy_run, split="test", limit=4, listener=listener)
    found = rows(graph, IMAGES)
    assert len(found) == 4
    assert {split for _, split, _ in found} == {"test_unseen", "test_seen"}
    assert len({label for *_, label in found}) == 3  # evenly over 16 of two classes, and 6 of six
    assert done[-1] == (4, 4)
    assert len(rows(api.run_graph(toy_run, split="test_seen", limit=99), IMAGES)) == 6
    with pytest.raises(errors.ConfigError, match="1 or more"):
        api.run_graph(toy_run, split="test", limit=0)


def test_a_malformed_query_is_refused_before_anything_is_read(toy_run: Any, tmp_path: Path) -> None:
    for text, line, column in (
        ("SELECT ?c {\n  ?c why:rank \n}", 3, "column 1"),
        ("SELECT ?c { ?c nosuch:p ?x }", 1, "column"),
    ):
        with pytest.raises(errors.ParseError) as caught:
            api.query(toy_run, text, images=[tmp_path / "none.png"])
        assert caught.value.problems[0].line == line
        assert column in caught.value.problems[0].got
    with pytest.raises(errors.ConfigError, match="is an update"):
        api.query(toy_run, "DELETE WHERE { ?s ?p ?o }", images=[tmp_path / "none.png"])


def test_images_that_are_none(toy_run: Any, toys: Any, tmp_path: Path) -> None:
    with pytest.raises(errors.ImageError) as caught:
        api.query(toy_run, "ASK { }", images=[toys.images / "BlueBox" / "0.pgn", tmp_path / "no.png"])
    assert "did you mean 0.png" in str(caught.value)
    assert len(caught.value.problems) == 2
    with pytest.raises(errors.DataError, match="no images in this folder"):
        api.query(toy_run, "ASK { }", images=[tmp_path])


def test_a_kind_that_cannot_explain_has_predictions_alone(toys: Any, tmp_path: Path) -> None:
    run = api.fit(toys.config(model={"kind": "gcnz"}, baseline={"epochs": 2}), tmp_path / "run")
    told: list[errors.Problem] = []
    graph = api.run_graph(run, split="test_unseen", listener=api.Listener(notice=told.extend))
    found = rows(graph, PREDICTED)
    assert {name: label for name, label, _ in found} == {
        p.image: p.top[0][1] for p in api.predict(run, [name for name, *_ in found])
    }
    assert graph.query("ASK { ?e a why:Explanation }").boolean is False
    assert "predictions without explanations: a run of kind gcnz" in str(told[0])
    assert "expected a run of kind duet, duet-compat, eszsl, ale, devise" in str(told[0])
    with pytest.raises(errors.ConfigError, match=r"no method \(margin.*\) explains the others"):
        api.explain(run, toys.images / "GreenBox" / "0.png")


def test_classes_that_came_later_are_unseen_classes_too(toys: Any, toy_run: Any, tmp_path: Path) -> None:
    world = toys.copy(tmp_path / "world")
    text = world.ontology.read_text() + (
        ':PinkDisc a owl:Class ; rdfs:label "pink disc" ; rdfs:subClassOf :Disc ,'
        " [ a owl:Restriction ; owl:onProperty :hasMainColor ; owl:someValuesFrom :Red ] ."
    )
    world.ontology.write_text(text)
    grown = api.add_classes(toy_run, world.ontology)
    graph = api.run_graph(grown, split="test", limit=3)
    assert ("pink disc",) in rows(graph, "SELECT ?label { ?c a why:UnseenClass ; rdfs:label ?label }")
    assert len(rows(graph, PREDICTED)) == 3


def test_a_run_on_features_is_asked_of_its_own_data(xlsa17: Any, tmp_path: Path) -> None:
    run = api.fit(xlsa17.config(), tmp_path / "run")
    graph = api.run_graph(run, split="test_seen", limit=5)
    assert len(rows(graph, PREDICTED)) == 5
    with pytest.raises(errors.ConfigError, match="reads no image files"):
        api.run_graph(run, images=[next(xlsa17.folder.rglob("*.png"))])


def test_the_command(kgzsl: Any, toys: Any, toy_run: Any, tmp_path: Path) -> None:
    run, picture = toy_run.folder.path, toys.images / "BlueBox" / "0.png"
    (label,) = (p.top[0][1] for p in api.predict(toy_run, [picture]))
    asked = "SELECT ?c ?margin { ?e why:explained ?c ; why:margin ?margin }"
    done = kgzsl("query", run, asked, "--image", picture)
    assert (done.status, done.out.splitlines()[0].split()) == (0, ["c", "margin"])
    assert f":{label.title().replace(' ', '')}" in done.out
    assert "1 row" in done.out
    content = json.loads(kgzsl("query", run, asked, "--image", picture, "--json").out)
    assert content["variables"] == ["c", "margin"]
    assert content["rows"][0]["values"]["c"] == toys.iri(label)
    file = tmp_path / "question.rq"
    file.write_text("ASK { ?e a why:Explanation }")
    assert kgzsl("query", run, file).out == "false\n"
    assert kgzsl("query", run, file, "--image", picture.parent).out == "true\n"
    described = kgzsl("query", run, "DESCRIBE ?k { ?e why:contribution ?k . ?k why:rank 1 }", "--image", picture)
    assert "why:evidence" in described.out
    built = "CONSTRUCT { ?c :drove ?x } { ?k why:rank 1 ; why:fact ?f . ?f rdf:subject ?c ; rdf:object ?x }"
    assert ":drove" in kgzsl("query", run, built, "--split", "test_seen", "--limit", 2).out


def test_mistakes_on_the_command_line(kgzsl: Any, toys: Any, toy_run: Any) -> None:
    run, picture = toy_run.folder.path, toys.images / "BlueBox" / "0.pn"
    for arguments, message in (
        (("SELECT ?c {",), "query:1: column 12"),
        (("ASK { }", "--image", picture), "no such image; did you mean 0.png"),
        (("none.rq",), "cannot be read"),
        (("ASK { }", "--split", "trainval"), "--split"),
        (("ASK { }", "--limit", 0), "--limit"),
    ):
        done = kgzsl("query", run, *arguments)
        assert (done.status, done.out) == (2, "")
        assert message in done.err


def test_explain_writes_turtle(kgzsl: Any, toys: Any, toy_run: Any, tmp_path: Path) -> None:
    file = tmp_path / "why.ttl"
    done = kgzsl("explain", toy_run.folder.path, toys.images / "BlueBox" / "0.png", "--turtle", file, "--json")
    assert json.loads(done.out)["turtle"] == str(file)
    assert "prov:wasGeneratedBy" in file.read_text()
