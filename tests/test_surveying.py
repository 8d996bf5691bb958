"""Surveys of a trained run's images, from files and from its data set, and the command that tells of them."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kgzsl import api
from kgzsl.errors import ConfigError, DataError, ImageError, SplitError, UnknownTermError
from kgzsl.explain.summary import class_facts, confusion, overview
from kgzsl.explain.survey import Survey, contributions


@pytest.fixture(scope="module")
def tested(toy_run: Any) -> Survey:
    return api.survey(toy_run)


def test_it_sees_what_single_images_are_explained_by(toys: Any, toy_run: Any, tested: Survey) -> None:
    images = api.load_dataset(toys.config()).images
    test = images.take(images.parts != "trainval")
    assert tested.images == test.names
    assert [tested.attributes.classes[row] for row in tested.labels] == [test.space.classes[k] for k in test.labels]
    # Batches round otherwise than single images; what follows from the same evidence is the same.
    exact = [api.look(toy_run, [image]).evidence[0] for image in test.array]
    assert np.allclose(tested.evidence, exact, atol=1e-4)
    survey = replace(tested, evidence=np.array(exact))
    rows = np.arange(len(test))
    found = contributions(survey, rows, survey.explained, survey.rivals)
    for row in rows[::3].tolist():
        label = survey.attributes.classes[survey.labels[row]]
        told = api.explain(toy_run, test.array[row], speaking_for=label, name="it")
        assert told.rival == survey.attributes.classes[survey.rivals[row]]
        own = {fact: value for fact, value in zip(found.facts, found.values[row].tolist(), strict=True) if value}
        assert own == pytest.approx({f.fact: f.contribution for f in told.every}, abs=1e-9)
        assert found.margins[row] == pytest.approx(told.margin, abs=1e-9)
        assert found.remainder[row] == pytest.approx(told.remainder, abs=1e-9)


def test_predictions_are_those_of_predict(toys: Any, toy_run: Any) -> None:
    survey = api.survey(toy_run, images=toys.images)
    predictions = api.predict(toy_run, survey.images, top=8)
    best = [prediction.top[0][0] for prediction in predictions]
    assert [survey.attributes.classes[row] for row in survey.predicted] == best
    scores = [{iri: score for iri, _, score, _ in p.top} for p in predictions]
    wanted = np.array([[s[iri] for iri in survey.attributes.classes] for s in scores])
    assert np.allclose(survey.scores, wanted, atol=1e-4)
    folders = [toy_run.ontology.resolve(Path(name).parent.name) for name in survey.images]
    assert [survey.attributes.classes[row] for row in survey.labels] == folders


def test_parts_of_the_data(toy_run: Any, tested: Survey) -> None:
    parts = {split: api.survey(toy_run, split=split) for split in ("test_unseen", "test_seen", "trainval")}
    assert {*parts["test_unseen"].images, *parts["test_seen"].images} == set(tested.images)
    assert {parts["test_unseen"].label(row) for row in parts["test_unseen"].labels} == {"green box", "yellow disc"}
    assert len(parts["trainval"].images) + len(tested.images) == 64
    assert "trained on these images" in parts["trainval"].notes[0]
    assert "test images" in tested.notes[0]


def test_a_limit_takes_evenly(toy_run: Any) -> None:
    few = api.survey(toy_run, split="trainval", limit=15)
    counts = np.bincount(few.labels, minlength=8)
    assert sorted(counts.tolist()) == [0, 0, 2, 2, 2, 3, 3, 3]
    assert api.survey(toy_run, limit=10**6).images == api.survey(toy_run).images


def test_images_of_one_class(toys: Any, toy_run: Any, tested: Survey) -> None:
    alone = api.survey(toy_run, of="green box")
    assert {alone.label(row) for row in alone.labels} == {"green box"}
    iri = toys.iri("green box")
    own, among = class_facts(alone, iri), class_facts(tested, iri)
    assert [f.fact for f in own.facts] == [f.fact for f in among.facts]
    assert own.margin == pytest.approx(among.margin, abs=1e-4)


def test_loose_images_are_of_the_class_that_they_are_predicted_as(toys: Any, toy_run: Any, tmp_path: Path) -> None:
    for number, picture in enumerate(sorted(toys.images.rglob("*.png"))[::6]):
        shutil.copy(picture, tmp_path / f"{number}.png")
    survey = api.survey(toy_run, images=tmp_path)
    assert (survey.labels == -1).all()
    found = overview(survey)
    assert sum(len(one.rows) for one in found.classes) == len(survey.images)
    assert all(one.margin >= 0 for one in found.classes)
    assert "Nobody says" in survey.notes[0]
    missing = next(c for c in toys.classes if toys.iri(c) not in {one.iri for one in found.classes})
    with pytest.raises(DataError, match=f"is predicted as {missing}"):
        api.survey(toy_run, images=tmp_path, of=missing)


def test_pictures_and_places(toys: Any, toy_run: Any, tested: Survey) -> None:
    images = api.load_dataset(toys.config()).images
    test = images.array[images.parts != "trainval"]
    assert np.array_equal(tested.picture(3), test[3])
    shares = tested.look([3, 3, 1], [0, 2, 2])
    single = api.look(toy_run, [test[3]]).shares[0]
    assert np.allclose(shares[:2], single[[0, 2]], atol=1e-4)
    assert np.allclose(shares.sum(1), tested.evidence[[3, 3, 1], [0, 2, 2]], atol=1e-4)
    files = api.survey(toy_run, images=toys.images, limit=3)
    assert files.picture(0).shape == test[0].shape
    assert files.look([0, 2], [1, 1]).shape == (2, shares.shape[1])


def test_a_run_on_features_without_images(xlsa17: Any, tmp_path: Path) -> None:
    run = api.fit(xlsa17.config(train={"epochs": 1, "refit_epochs": 0}), tmp_path / "run")
    survey = api.survey(run)
    found = overview(survey)
    assert sum(len(one.rows) for one in found.classes) == len(survey.images) > 0
    for one in found.classes:
        total = sum(f.contribution for f in (*one.facts, *one.rival_facts))
        assert total == pytest.approx(one.margin - one.remainder, abs=1e-9)
    with pytest.raises(ConfigError, match="reads no image files"):
        api.survey(run, images=xlsa17.folder / "JPEGImages")


def test_a_frozen_backbone(toys: Any, vit: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KGZSL_CACHE", str(tmp_path / "cache"))
    config = toys.config(data={"backbone": str(vit)}, train={"epochs": 1, "refit_epochs": 0})
    run = api.fit(config, tmp_path / "run")
    survey, files = api.survey(run), api.survey(run, images=toys.images)
    place = {Path(name).resolve(): row for row, name in enumerate(files.images)}
    same = [place[Path(name).resolve()] for name in survey.images]
    assert np.allclose(survey.evidence, files.evidence[same], atol=1e-4)
    assert survey.picture(0).shape == (24, 24, 3)
    assert np.allclose(survey.look([0], [1]), files.look([same[0]], [1]), atol=1e-4)


def test_classes_that_came_after_training(toys: Any, toy_run: Any, tmp_path: Path) -> None:
    world = toys.copy(tmp_path / "world")
    new = ':PinkDisc a owl:Class ; rdfs:label "pink disc" ; rdfs:subClassOf :Disc , [ a owl:Restriction ; '
    world.ontology.write_text(
        world.ontology.read_text() + new + "owl:onProperty :hasSize ; owl:someValuesFrom :Large ] ."
    )
    more = api.add_classes(toy_run, world.ontology)
    survey = api.survey(more)
    assert survey.scores.shape[1] == 9
    assert np.allclose(survey.evidence, api.survey(toy_run).evidence)
    with pytest.raises(DataError, match=r"no test images of pink disc.*added after training"):
        api.survey(more, of="pink disc")


@pytest.mark.parametrize("kind", ["eszsl", "duet-compat"])
def test_other_kinds_that_can(kind: str, toys: Any, tmp_path: Path) -> None:
    run = api.fit(toys.config(model={"kind": kind}, train={"epochs": 1, "refit_epochs": 0}), tmp_path / "run")
    survey = api.survey(run, images=toys.images, limit=16)
    predictions = api.predict(run, survey.images, top=8)
    assert [survey.attributes.classes[row] for row in survey.predicted] == [p.top[0][0] for p in predictions]
    for one in overview(survey).classes:
        total = sum(f.contribution for f in (*one.facts, *one.rival_facts))
        assert total == pytest.approx(one.margin - one.remainder, abs=1e-9)


def test_bad_input_is_told(toys: Any, toy_run: Any, tmp_path: Path) -> None:
    with pytest.raises(UnknownTermError, match="did you mean green box"):
        api.survey(toy_run, of="green bax")
    with pytest.raises(SplitError, match="toy is in the ontology, but not a class of this run"):
        api.survey(toy_run, of="toy")
    with pytest.raises(ConfigError, match="did you mean test_seen"):
        api.survey(toy_run, split="test_sen")
    with pytest.raises(ConfigError, match="a limit of 0"):
        api.survey(toy_run, limit=0)
    with pytest.raises(DataError, match="no training images of green box; --split test_unseen has some"):
        api.survey(toy_run, split="trainval", of="green box")
    with pytest.raises(DataError, match="no such folder"):
        api.survey(toy_run, images=tmp_path / "none")
    with pytest.raises(DataError, match="no images"):
        api.survey(toy_run, images=tmp_path)
    (tmp_path / "toy").mkdir()
    shutil.copy(toys.images / "BlueBox" / "0.png", tmp_path / "toy" / "0.png")
    with pytest.raises(SplitError, match=r"toy: toy is in the ontology, but not a class of this run"):
        api.survey(toy_run, images=tmp_path)
    shutil.copy(toys.images / "BlueBox" / "0.png", tmp_path / "1.png")
    with pytest.raises(DataError, match="1 images beside folders of images"):
        api.survey(toy_run, images=tmp_path)
    shutil.rmtree(tmp_path / "toy")
    (tmp_path / "2.png").write_text("no picture")
    with pytest.raises(ImageError, match=re.escape("2.png")):
        api.survey(toy_run, images=tmp_path)
    (tmp_path / "3").mkdir()
    (tmp_path / "3" / "BlueBox").mkdir()
    shutil.copy(toys.images / "BlueBox" / "0.png", tmp_path / "3" / "BlueBox" / "0.png")
    with pytest.raises(DataError, match="no images of red disc"):
        api.survey(toy_run, images=tmp_path / "3", of="red disc")


def test_a_part_without_images(toys: Any, toy_run: Any, tmp_path: Path) -> None:
    world = toys.copy(tmp_path / "world")
    for name in ("GreenBox", "YellowDisc"):
        shutil.rmtree(world.images / name)
    run = api.fit(world.config(train={"epochs": 1, "refit_epochs": 0}), tmp_path / "run")
    with pytest.raises(DataError, match="no test images of unseen classes; expected --split test_seen or trainval"):
        api.survey(run, split="test_unseen")
    assert len(api.survey(run).images) > 0


def test_the_command(toys: Any, toy_run: Any, tmp_path: Path, kgzsl: Any) -> None:
    run = toy_run.folder.path
    done = kgzsl("facts", run)
    assert done.status == 0
    for title in ("Smallest margins first", "How much the facts of each property move margins", "Never used"):
        assert title in done.out
    assert "green box (unseen)" in done.out
    page = tmp_path / "facts.html"
    content = json.loads(kgzsl("facts", run, "--json", "--html", page).out)
    assert (content["images"], content["html"]) == (len(api.survey(toy_run).images), str(page))
    assert page.read_text().startswith("<!DOCTYPE html>")
    one = json.loads(kgzsl("facts", run, "--class", "green box", "--split", "test_unseen", "--json").out)
    assert (one["label"], one["images"]) == ("green box", 8)
    survey = api.survey(toy_run, of="green box")
    assert one["margin"] == class_facts(survey, toys.iri("green box")).margin
    told = kgzsl("facts", run, "--class", "green box", "--top", 2)
    assert "8 test images" in told.out
    assert "weaker fact" in told.out
    assert "(margin)" in told.out


def test_the_command_on_confusions(toys: Any, toy_run: Any, kgzsl: Any) -> None:
    run = toy_run.folder.path
    for other in ("red box", "green disc", "yellow disc"):
        done = kgzsl("facts", run, "--confusion", "green box", other)
        assert done.status == 0
        found = confusion(api.survey(toy_run, of="green box"), toys.iri("green box"), toys.iri(other))
        if found.happened:
            assert f"{len(found.rows)} of 8 test images of green box are taken for {other}" in done.out
        else:
            assert f"no image of green box among 8 test images is taken for {other}" in done.out
            assert f"below are the {len(found.rows)} that came closest" in done.out
        assert f"{found.margin:+.2f}" in done.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--class", "gren box"), "did you mean green box"),
        (("--class", "toy"), "not a class of this run"),
        (("--class", "blue box", "--split", "test_unseen"), "--split test_seen or trainval has some"),
        (("--confusion", "green box", "rad box"), "did you mean red box"),
        (("--confusion", "green box", "green box"), "green box and itself"),
        (("--class", "red box", "--confusion", "green box", "red box"), "expected one of them"),
        (("--split", "tests"), "tests"),
        (("--limit", "0"), "--limit"),
    ],
)
def test_mistakes_on_the_command_line(
    arguments: tuple[str, ...], message: str, toy_run: Any, tmp_path: Path, kgzsl: Any
) -> None:
    done = kgzsl("facts", toy_run.folder.path, *arguments, "--html", tmp_path / "page.html")
    assert (done.status, done.out) == (2, "")
    assert message in done.err.replace("\n", " ")
    assert not (tmp_path / "page.html").exists()
