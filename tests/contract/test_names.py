"""IRIs are names: another spelling of them changes no class vector, no score and no fact's share."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from kgzsl import api
from kgzsl.ontology import Ontology
from kgzsl.semantics import ClassAttributes, class_attributes


def renamed(toys: Any, path: Path, spell: Any) -> Ontology:
    """The toys with every local name spelled otherwise; the fillers get the labels that their old names implied."""
    text = toys.ontology.read_text()
    names = sorted(set(re.findall(r"(?<![\w/]):(\w+)", text)))
    fillers = [n for n in names if f":{n} a owl:" not in text]
    text += "".join(f':{n} rdfs:label "{n.lower()}" .\n' for n in fillers)
    text = re.sub(r"(?<![\w/]):(\w+)", lambda found: ":" + spell(found[1], names), text)
    path.write_text(text.replace("toys.example", "elsewhere.example"))
    return api.load_ontology(path)


SPELLINGS = {
    "same order": lambda name, names: f"n{names.index(name):03}",
    "reversed": lambda name, names: f"n{999 - names.index(name):03}",
}


def by_labels(matrix: ClassAttributes, ontology: Ontology) -> dict[tuple[str, str, str], tuple[float, bool, bool]]:
    """Every cell by the labels of its class and attribute."""
    cells = {}
    for row, iri in enumerate(matrix.classes):
        for column, attribute in enumerate(matrix.attributes):
            key = tuple(map(ontology.label, (iri, attribute.property, attribute.filler)))
            cells[key] = tuple(a[row, column].item() for a in (matrix.value, matrix.known, matrix.assumed))
    return cells


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_renaming_iris_changes_no_class_vector(toys: Any, toy_run: Any, tmp_path: Path, spelling: str) -> None:
    ontology = renamed(toys, tmp_path / "renamed.ttl", SPELLINGS[spelling])
    assert not set(ontology.classes) & set(toy_run.ontology.classes)
    classes = [ontology.resolve(toy_run.ontology.label(iri)) for iri in toy_run.space.classes]
    matrix = class_attributes(ontology, classes)
    assert by_labels(matrix, ontology) == by_labels(toy_run.attributes, toy_run.ontology)
    # Columns come in the order of IRIs, which is another one when they are reversed.
    same_order = [ontology.label(a.filler) for a in matrix.attributes] == [
        toy_run.ontology.label(a.filler) for a in toy_run.attributes.attributes
    ]
    assert same_order == (spelling == "same order")


def test_a_run_on_renamed_classes_gives_the_same_scores(toys: Any, toy_run: Any, tmp_path: Path) -> None:
    world = toys.copy(tmp_path / "world")
    for folder in world.images.iterdir():
        words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", folder.name).lower()
        folder.rename(folder.with_name(words))
    renamed(toys, world.ontology, SPELLINGS["same order"])
    run = api.fit(world.config(), tmp_path / "run")
    own, other = (r.model.state_dict() for r in (toy_run, run))
    assert [key for key in own if not torch.equal(own[key], other[key])] == []
    assert run.gamma == toy_run.gamma


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_predictions_do_not_depend_on_the_order_of_candidates(toys: Any, toy_run: Any, seed: int) -> None:
    images = api.load_dataset(toys.config()).images.array
    order = np.random.default_rng(seed).permutation(len(toy_run.space))
    table = toy_run.attributes.subset([toy_run.space.classes[i] for i in order])
    with torch.inference_mode():
        evidence = toy_run.model.encode_images(torch.from_numpy(images)).evidence
        vectors, shuffled = (
            toy_run.model.encode_classes(torch.from_numpy(t.value), torch.from_numpy(t.known))
            for t in (toy_run.attributes, table)
        )
        assert torch.equal(shuffled, vectors[order])
        scores = toy_run.model.scores(evidence, vectors)
        torch.testing.assert_close(toy_run.model.scores(evidence, shuffled), scores[:, order], rtol=1e-5, atol=1e-6)
        assert (order[toy_run.model.predict(torch.from_numpy(images), shuffled)] == scores.argmax(1).numpy()).all()
