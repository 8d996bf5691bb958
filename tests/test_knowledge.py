"""Knowledge beside the matrix of attributes: prompts, embeddings and graph networks, from run file to added classes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from kgzsl import api
from kgzsl.api.knowledge import prompts_of, with_knowledge
from kgzsl.api.records import Listener
from kgzsl.api.scoring import scores_of
from kgzsl.api.sources import load_dataset
from kgzsl.data.vectors import EntityVectors, write_vectors
from kgzsl.errors import ConfigError, DataError, NoFactsError, Problem

FUSED = {"source": ["fused"], "language_model": "words", "facts": ["properties", "hierarchy"]}
SMALL = {"graph_dim": 16}
NEW = "green box"


@pytest.fixture(scope="module")
def fused(toys: Any, tmp_path_factory: pytest.TempPathFactory) -> api.Run:
    """A run by attributes, prompts, embeddings and a graph network."""
    config = toys.config(semantics=FUSED, model=SMALL, train={"gate": False})
    return api.fit(config, tmp_path_factory.mktemp("runs") / "fused")


def knowledge(toys: Any, **sections: Any) -> tuple[Any, dict[str, Any], list[Problem]]:
    heard: list[Problem] = []
    config = toys.config(**sections)
    data, told = with_knowledge(config, load_dataset(config), listener=Listener(notice=heard.extend))
    return data, told, heard


def test_all_of_it_trains_and_comes_back(fused: api.Run) -> None:
    told = fused.facts["knowledge"]
    assert told["sources"] == ["prompt", "kge", "gnn"]
    assert fused.facts["sources"] == {"prompt": 1.0, "kge": 1.0, "gnn": 1.0}
    again = api.load_run(fused.folder.path)
    images = np.random.default_rng(0).integers(0, 255, (4, 32, 32, 3), dtype=np.uint8)
    one, two = (scores_of(run.model, images, run.attributes) for run in (fused, again))
    np.testing.assert_array_equal(one, two)
    assert api.evaluate(again).semantics == "KG properties and hierarchy by attributes, prompt, kge, gnn (words)"


@pytest.mark.parametrize("name", ["ESZSL", "ridge"])
def test_baselines_are_told_what_the_run_is_told(fused: api.Run, name: str) -> None:
    report = api.baseline(fused, name)
    assert 0 <= report.H <= 1
    alone = replace(fused, attributes=replace(fused.attributes, states={}))
    assert api.baseline(alone, name).trainable < report.trainable


def test_every_source_is_trained_and_counts(fused: api.Run) -> None:
    model: Any = fused.model
    assert all(bool(sight.weight.abs().sum() > 0) for sight in model.sights.values())
    fresh, _ = api.building.build_model(
        fused.config, fused.attributes, fused.ontology, split=fused.split, saved=fused.folder
    )
    moved = [
        name
        for name, weight in model.classes.states["gnn"].encoder.named_parameters()
        if not torch.equal(weight, dict(fresh.classes.states["gnn"].encoder.named_parameters())[name])
    ]
    assert any(name.startswith("layers") for name in moved)
    assert any(name.startswith("relations") for name in moved)
    images = np.random.default_rng(0).integers(0, 255, (4, 32, 32, 3), dtype=np.uint8)
    whole = scores_of(model, images, fused.attributes)
    for states in model.classes.states.values():
        states.gate.zero_()
        assert np.abs(scores_of(model, images, fused.attributes) - whole).max() > 1e-4
        states.gate.fill_(1)


def test_patches_attend_to_what_the_graph_says_of_attributes(fused: api.Run) -> None:
    model: Any = fused.model
    model.eval()
    text = model.encode_text()
    words = int(model.template_mask.shape[1])
    fillers = len({a.filler for a in fused.attributes.attributes})
    assert text.template.shape[1] == text.mask.shape[1] == words + fillers
    image = torch.randint(0, 255, (1, 32, 32, 3), dtype=torch.uint8)
    seen = model.ground(model.image_encoder(image), text)
    text.template[:, words:] += 1
    assert not torch.allclose(model.ground(model.image_encoder(image), text), seen)


def test_an_explanation_keeps_what_no_fact_says_apart(fused: api.Run) -> None:
    image = np.random.default_rng(1).integers(0, 255, (32, 32, 3), dtype=np.uint8)
    found = api.explain(fused, image)
    assert abs(found.completeness_gap) < 1e-6
    assert found.remainder != 0


@pytest.fixture(scope="module")
def fewer(toys: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return toys.copy(tmp_path_factory.mktemp("fewer") / "world").forget(NEW).say(unseen=["yellow disc"])


@pytest.mark.parametrize("source", ["prompt", "gnn"])
def test_classes_are_added_by_any_source_that_can(fewer: Any, toys: Any, tmp_path: Path, source: str) -> None:
    semantics = FUSED | {"source": ["attributes", source]}
    run = api.fit(fewer.config(semantics=semantics, model=SMALL, train={"gate": False}), tmp_path / "run")
    grown = api.add_classes(run, toys.ontology)
    assert grown.added == (toys.iri(NEW),)
    images = np.random.default_rng(0).integers(0, 255, (4, 32, 32, 3), dtype=np.uint8)
    before = scores_of(run.model, images, run.attributes)
    old = grown.attributes.subset(run.space.classes)
    np.testing.assert_array_equal(scores_of(grown.model, images, old), before)
    # Its state follows from its facts: it is not that of another class, and not nothing.
    new = {source: torch.from_numpy(grown.attributes.states[source])}
    states = grown.model.classes.states[source](new[source])  # type: ignore[union-attr, index, operator]
    distances = (states[:-1] - states[-1]).norm(dim=1)
    assert distances.min() > 1e-3
    assert states[-1].isfinite().all()
    # Another name of the same file is the same class.
    again = api.add_classes(run, toys.ontology)
    np.testing.assert_array_equal(
        scores_of(again.model, images, again.attributes), scores_of(grown.model, images, grown.attributes)
    )


def test_embeddings_that_were_trained_here_know_no_added_class(fewer: Any, toys: Any, tmp_path: Path) -> None:
    run = api.fit(fewer.config(semantics=FUSED | {"source": ["attributes", "kge"]}), tmp_path / "run")
    with pytest.raises(ConfigError, match=r"trained embeddings of its classes .* train with semantics\.vectors"):
        api.add_classes(run, toys.ontology)


def vectors_of(toys: Any, file: Path, labels: list[str]) -> Path:
    random = np.random.default_rng(0)
    made = EntityVectors(tuple(map(toys.iri, labels)), random.normal(3, 20, (len(labels), 5)).astype(np.float32))
    write_vectors(made, file)
    return file


def test_external_vectors_are_signed_and_of_any_length(toys: Any, tmp_path: Path) -> None:
    file = vectors_of(toys, tmp_path / "x.safetensors", [*toys.classes])
    data, told, _ = knowledge(toys, semantics={"source": ["kge"], "vectors": str(file)})
    assert told["sources"] == ["kge"]
    training = data.images.space.mask(data.split.training)
    table = data.attributes.states["kge"]
    np.testing.assert_allclose(table[training].mean(0), 0, atol=1e-5)
    assert np.square(table[training]).sum(1).mean() == pytest.approx(1, rel=1e-5)
    assert data.attributes.silent
    # The strengths of attributes, by which they are masked and compared, stay those of the facts.
    plain, _, _ = knowledge(toys)
    np.testing.assert_array_equal(data.attributes.value, plain.attributes.value)
    run = api.fit(toys.config(semantics={"source": ["kge"], "vectors": str(file)}), tmp_path / "run")
    vectors = run.model.encode_classes(  # type: ignore[operator]
        *(torch.from_numpy(t) for t in (run.attributes.degree, run.attributes.known)),
        {"kge": torch.from_numpy(run.attributes.states["kge"])},
    )
    assert not vectors[:, : len(run.attributes.attributes)].any()
    assert vectors[:, len(run.attributes.attributes) :].abs().sum(1).min() > 0
    file.unlink()
    assert api.evaluate(api.load_run(run.folder.path)).T1 >= 0  # the run keeps what it read


def test_vectors_that_are_missing_and_vectors_for_nothing(toys: Any, tmp_path: Path) -> None:
    few = vectors_of(toys, tmp_path / "few.safetensors", [*toys.classes[2:]])
    with pytest.raises(DataError, match="2 of 8 entities have no vector"):
        knowledge(toys, semantics={"source": ["attributes", "kge"], "vectors": str(few)})
    many = vectors_of(toys, tmp_path / "many.safetensors", [*toys.classes, "toy"])
    _, _, heard = knowledge(toys, semantics={"source": ["attributes", "kge"], "vectors": str(many)})
    assert any("1 of 9 vectors are of no class here and not used" in problem.got for problem in heard)


def test_groups_that_are_empty_are_told(toys: Any, tmp_path: Path) -> None:
    _, _, heard = knowledge(toys, semantics={"facts": ["properties", "literals"]})
    assert [problem.got for problem in heard] == ["no definition or comment: prompts have the names of classes alone"]
    flat = toys.copy(tmp_path / "flat")
    for kind in ("Disc", "Box"):
        text = flat.ontology.read_text(encoding="utf-8").replace(f"rdfs:subClassOf :{kind} ,", "rdfs:subClassOf")
        flat.ontology.write_text(text.replace("rdfs:subClassOf :Toy ,", "rdfs:subClassOf"), encoding="utf-8")
    _, _, heard = knowledge(flat, semantics={"facts": ["properties", "hierarchy"]})
    assert [problem.got for problem in heard] == ["no class is below another: the group 'hierarchy' says nothing"]
    assert knowledge(toys)[2] == []


def test_names_of_classes_are_words_that_only_literals_bring(toys: Any) -> None:
    semantics = {"source": ["prompt"], "language_model": "words"}
    for facts, named in ((["properties"], False), (["properties", "literals"], True)):
        config = toys.config(semantics=semantics | {"facts": facts})
        data = load_dataset(config)
        texts = [prompt.text for prompt in prompts_of(config, data.ontology, data.images.space.classes)]
        names = map(data.ontology.label, data.images.space.classes)
        assert [name in text.lower() for text, name in zip(texts, names, strict=True)] == [named] * len(texts)


def test_a_language_model_reads_prompts(
    toys: Any, minilm: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KGZSL_CACHE", str(tmp_path))
    data, _, _ = knowledge(toys, semantics={"source": ["attributes", "prompt"], "facts": ["properties", "literals"]})
    table = data.attributes.states["prompt"]
    assert table.shape == (8, 384)
    red = [k for k, iri in enumerate(data.attributes.classes) if iri.endswith(("RedDisc", "RedBox"))]
    alike = table @ table.T / np.linalg.norm(table, axis=1) / np.linalg.norm(table, axis=1)[:, None]
    others = [k for k in range(8) if k not in red]
    assert alike[red[0], red[1]] > alike[red[0], others].mean()


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"semantics": {"source": ["prompts"]}}, "semantics.source has 'prompts'"),
        ({"semantics": {"source": ["gnn"]}, "model": {"kind": "eszsl"}}, "gnn, and model.kind = 'eszsl'"),
        ({"semantics": {"source": ["prompt"]}, "model": {"kind": "duet-compat"}}, "prompt, and model.kind = 'duet-co"),
        ({"semantics": {"source": ["prompt"], "language_model": "no/such"}}, "no/such"),
        ({"semantics": {"source": ["kge"], "vectors": "gone.npy"}}, "gone.npy: there is no such file"),
        ({"semantics": {"facts": ["properties", "external"]}}, "nothing is said of terms by other vocabularies"),
    ],
)
def test_what_cannot_be(toys: Any, tmp_path: Path, sections: Any, said: str) -> None:
    with pytest.raises((ConfigError, DataError, NoFactsError)) as error:
        api.fit(toys.config(**sections), tmp_path / "run")
    assert said in str(error.value)
    assert not (tmp_path / "run").exists()


def test_a_graph_without_edges(toys: Any, tmp_path: Path) -> None:
    config = toys.config(semantics=FUSED | {"source": ["attributes", "gnn"]})
    data = load_dataset(config)
    bare = replace(data, ontology=data.ontology)
    config = replace(config, semantics=replace(config.semantics, facts=("negative",)))
    with pytest.raises(NoFactsError, match=r"the graph of the chosen facts has no edges; .* choose more groups"):
        api.reading.graph_of(config, replace(bare, ontology=toys_without_denials(toys)))


def toys_without_denials(toys: Any) -> Any:
    text = toys.ontology.read_text().replace("owl:complementOf", "owl:seeAlso")
    from kgzsl.ontology import parse_ontology

    return parse_ontology(text).entail()


def test_kinds_are_chosen_with_frozen_features(
    toys: Any, vit: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The choice is written down, comes back with the run, and asks for no unseen class."""
    monkeypatch.setenv("KGZSL_CACHE", str(tmp_path / "cache"))
    semantics = FUSED | {"source": ["attributes", "prompt"]}
    run = api.fit(toys.config(data={"backbone": str(vit)}, semantics=semantics), tmp_path / "run")
    told = json.loads((run.folder.path / "run.json").read_text())["knowledge"]
    assert [c["name"] for c in told["choices"]] == [
        "attributes",
        "attribute_hierarchy",
        "negative",
        "hierarchy",
        "prompt",
    ]
    used = {c["name"] for c in told["choices"] if c["used"]}
    assert "attributes" in used
    assert set(told["sources"]) == used & {"prompt"}
    again = api.load_run(run.folder.path)
    assert again.attributes.digest == run.attributes.digest
    assert load_file(run.folder.checkpoint)
    ungated = toys.config(data={"backbone": str(vit)}, semantics=semantics, train={"gate": False})
    assert api.fit(ungated, tmp_path / "open").facts["knowledge"] == {
        "facts": ["properties", "hierarchy"],
        "sources": ["prompt"],
        "choices": [],
    }


def test_the_command_line(toys: Any, tmp_path: Path, kgzsl: Any) -> None:
    told = ["--semantics", "attributes,gnn", "--facts", "properties,hierarchy"]
    done = kgzsl(*toys.arguments(tmp_path / "run"), *told, "--set", "semantics.language_model='words'", "--json")
    assert done.status == 0
    content = json.loads(done.out)
    assert content["knowledge"]["sources"] == ["gnn"]
    assert {fact["filler"] for fact in content["facts"]} >= {toys.iri("red"), toys.iri("round")}
    done = kgzsl(*toys.arguments(tmp_path / "other"), "--semantics", "attributes,graph")
    assert done.status == 2
    assert "semantics.source has 'graph'; expected some of 'attributes', 'prompt', 'kge', 'gnn', 'fused'" in done.err
