"""What must hold of any run: no test image is seen, candidates do not matter, killed runs go on, margins add up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from kgzsl import api
from kgzsl.api.scoring import scores_of
from kgzsl.errors import MismatchError, RunError, SplitError, UnknownTermError
from kgzsl.ontology import replay


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "checkpoint.safetensors")


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


@pytest.mark.usefixtures("poisoned_test_images")
def test_the_trainer_cannot_reach_test_images(toys: Any, toy_run: Any, tmp_path: Path) -> None:
    api.fit(toys.config(), tmp_path / "run")
    assert same(weights(tmp_path / "run"), weights(toy_run.folder.path))


def test_a_score_does_not_depend_on_the_candidates_or_on_batch_mates(toys: Any, toy_run: Any) -> None:
    images = api.load_dataset(toys.config()).images.array
    table, model = toy_run.attributes, toy_run.model
    all_scores = scores_of(model, images, table)
    few = [table.classes[5], table.classes[0]]
    assert np.allclose(scores_of(model, images, table.subset(few)), all_scores[:, [5, 0]], atol=1e-5)
    assert np.allclose(scores_of(model, images[:1], table), all_scores[:1], atol=1e-5)


@pytest.mark.parametrize("kill_after", [("select", 1), ("select", 2), ("refit", 1)])
def test_a_killed_run_goes_on_with_the_same_bits(
    toys: Any, toy_run: Any, tmp_path: Path, kill_after: tuple[str, int]
) -> None:
    config = toys.config(train={"epochs": 2, "refit_epochs": 2, "batch_size": 16, "validate_every": 1})
    api.fit(config, tmp_path / "whole")

    def kill(record: Any) -> None:
        if (record.phase, record.epoch) == kill_after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        api.fit(config, tmp_path / "killed", listener=api.Listener(epoch=kill))
    with pytest.raises(RunError, match="not trained to its end"):
        api.load_run(tmp_path / "killed")
    api.fit(config, tmp_path / "killed")
    assert same(weights(tmp_path / "killed"), weights(tmp_path / "whole"))
    assert (tmp_path / "killed/metrics.jsonl").read_text() == (tmp_path / "whole/metrics.jsonl").read_text()


def test_a_folder_holds_one_run(toys: Any, toy_run: Any, tmp_path: Path) -> None:
    before = sorted(p.name for p in toy_run.folder.path.iterdir())
    with pytest.raises(RunError, match="complete run"):
        api.fit(toys.config(), toy_run.folder.path)
    assert sorted(p.name for p in toy_run.folder.path.iterdir()) == before
    (tmp_path / "foreign.txt").write_text("mine")
    with pytest.raises(RunError, match="holds no run"):
        api.fit(toys.config(), tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["foreign.txt"]


def test_another_ontology_is_refused(toys: Any, toy_run: Any, tmp_path: Path) -> None:
    other = toys.copy(tmp_path / "world").edit("owl:someValuesFrom :Red ", "owl:someValuesFrom :Blue ")
    with pytest.raises(MismatchError, match="ontology"):
        api.load_run(toy_run.folder.path, ontology=other.ontology)


def test_contributions_add_up_and_every_fact_is_proved(toys: Any, toy_run: Any) -> None:
    images = api.load_dataset(toys.config()).images
    scores = scores_of(toy_run.model, images.array, toy_run.attributes)
    scores -= toy_run.gamma * toy_run.space.mask(toy_run.split.seen)
    for row in range(len(images)):
        explanation = api.explain(toy_run, images.array[row], name="toy")
        columns = toy_run.space.columns([explanation.predicted, explanation.rival])
        assert explanation.margin == pytest.approx(float(scores[row, columns[0]] - scores[row, columns[1]]), abs=1e-4)
        assert abs(explanation.completeness_gap) <= 1e-4
        for found in (*explanation.facts, *explanation.rival_facts):
            assert replay(found.proof, toy_run.ontology)
            assert found.fact.subject in (explanation.predicted, explanation.rival)
            assert found.grounding is None or found.grounding.sum() == pytest.approx(1)
        assert {f.fact.subject for f in explanation.facts} <= {explanation.predicted}


def test_a_rival_can_be_named(toys: Any, toy_run: Any) -> None:
    pixels = api.load_dataset(toys.config()).images.array[0]
    best = api.explain(toy_run, pixels).predicted
    other = next(c for c in toy_run.space.classes[::-1] if c != best)
    assert api.explain(toy_run, pixels, against=toy_run.ontology.label(other)).rival == other
    with pytest.raises(SplitError, match="predicted class itself"):
        api.explain(toy_run, pixels, against=best)
    with pytest.raises(SplitError, match="not a class of this run"):
        api.explain(toy_run, pixels, against="toy")
    with pytest.raises(UnknownTermError):
        api.explain(toy_run, pixels, against="green bax")


def test_shuffling_gives_every_class_the_images_of_another(toys: Any, tmp_path: Path) -> None:
    config = toys.config(semantics={"shuffle": True})
    plain, shuffled = api.load_dataset(toys.config()).images, api.load_dataset(config).images
    assert (plain.labels != shuffled.labels).all()
    assert (shuffled.parts == plain.parts).all()
    assert {*zip(plain.parts, plain.labels, strict=True)} == {*zip(shuffled.parts, shuffled.labels, strict=True)}
    run = api.fit(config, tmp_path / "run")
    assert api.evaluate(run).semantics.endswith("shuffled")


def test_predictions_name_unseen_classes(toys: Any, toy_run: Any) -> None:
    picture = toys.images / "GreenBox" / "0.png"
    (prediction,) = api.predict(toy_run, [picture], top=8)
    assert {label for _, label, _, unseen in prediction.top if unseen} == {"green box", "yellow disc"}
    values = [score for _, _, score, _ in prediction.top]
    assert values == sorted(values, reverse=True)


def test_eszsl_and_pixel_ridge_are_reported(toy_run: Any) -> None:
    for name in api.BASELINES:
        report = api.baseline(toy_run, name)
        assert report.best_H + 1e-9 >= report.H
        assert report.seed == 0
