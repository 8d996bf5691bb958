"""Data sets from their published files through training: features in the place of images, and their check."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from kgzsl import api
from kgzsl.errors import ConfigError, DataError, MismatchError, SplitError
from kgzsl.train.run import read_config


def test_features_without_images_and_without_an_ontology(xlsa17: Any, tmp_path: Path) -> None:
    run = api.fit(xlsa17.config(train={"epochs": 8, "refit_epochs": 2}), tmp_path / "run")
    assert (run.facts["backbone"], run.facts["channels"], run.facts["patches"]) == ("res101", 16, 1)
    report = api.evaluate(run)
    assert (report.dataset, report.backbone, report.semantics) == (
        "toys",
        "res101",
        "published properties with strengths",
    )
    assert report.T1 > 0.5  # of two unseen classes, that the features tell apart
    again = api.load_run(tmp_path / "run")
    assert api.evaluate(again) == report
    images = api.load_dataset(run.config).images
    explanation = api.explain(again, images.array[0], name=images.names[0])
    assert abs(explanation.completeness_gap) < 1e-9
    assert api.baseline(run, "ESZSL").backbone == "res101"
    with pytest.raises(ConfigError, match="reads no image files"):
        api.predict(run, [xlsa17.folder / "JPEGImages" / "red+disc" / "0.png"])


def test_the_run_file_of_a_data_set(xlsa17: Any, tmp_path: Path, kgzsl: Any) -> None:
    (tmp_path / "run.toml").write_text(
        f'[data]\ndataset = "xlsa17"\nroot = {json.dumps(str(xlsa17.folder))}\nfeatures = "res101.mat"\n'
        '[train]\nvalidation = "published"\nepochs = 1\nrefit_epochs = 0\n'
        "[model]\ndim = 16\nheads = 2\ntext_layers = 1\n"
    )
    assert read_config(tmp_path / "run.toml").train.validation == "published"
    done = kgzsl("train", tmp_path / "run.toml", "--out", tmp_path / "run", "--json")
    assert done.status == 0, done.err
    split = json.loads((tmp_path / "run" / "split.json").read_text())
    assert sorted(iri.split("_", 2)[2] for iri in split["validation"]) == ["blue_box", "red_disc"]
    assert kgzsl("evaluate", tmp_path / "run").status == 0


def test_what_is_left_out_is_told(xlsa17: Any, tmp_path: Path, kgzsl: Any) -> None:
    world = xlsa17.copy(tmp_path / "world")
    content = world.res101()
    content["features"][0, 5] = np.nan
    world.write(res101=content)
    (tmp_path / "run.toml").write_text(world.config(train={"epochs": 1, "refit_epochs": 0}).to_toml())
    done = kgzsl("train", tmp_path / "run.toml", "--out", tmp_path / "run")
    assert done.status == 2
    assert "1 of 64 images have features that are no numbers" in done.err
    done = kgzsl("train", tmp_path / "run.toml", "--out", tmp_path / "run", "--set", "data.skip_bad=true")
    assert done.status == 0, done.err
    assert "1 of 64 images are left out" in done.err
    assert "image 6, " in done.err


def test_published_validation_classes_of_the_split_file_go_before_the_list(xlsa17: Any, tmp_path: Path) -> None:
    world = xlsa17.copy(tmp_path / "world")
    rows = world.splits()["trainval_loc"]
    # As published: images of the seen classes, those for testing among them.
    world.write(splits={"train_loc": rows[6:], "val_loc": np.array([[1], [2], [7]])})
    data = api.load_dataset(world.config(train={"validation": "published"}))
    assert [iri.split("_", 2)[2] for iri in data.split.validation] == ["red_disc"]
    assert (data.images.parts == "test_seen").sum() == 12
    (world.folder / "valclasses1.txt").unlink()
    world.write()
    with pytest.raises(SplitError, match="no validation classes were published"):
        api.load_dataset(world.config(train={"validation": "published"}))
    assert api.load_dataset(world.config()).split.validation


def test_pixels_of_the_published_list(xlsa17: Any, tmp_path: Path) -> None:
    config = xlsa17.config(data={"features": "", "size": 32}, train={"epochs": 1, "refit_epochs": 0})
    run = api.fit(config, tmp_path / "run")
    assert run.facts["backbone"] == "pixels"
    picture = xlsa17.folder / "JPEGImages" / "red+disc" / "0.png"
    assert len(api.predict(run, [picture])[0].top) == 5


def test_training_on_features_never_sees_test_images(xlsa17: Any, tmp_path: Path, poison: Callable[[], None]) -> None:
    config = xlsa17.config(train={"validation": "published", "epochs": 1, "refit_epochs": 1})
    run = api.fit(config, tmp_path / "honest")
    poison()
    other = api.fit(config, tmp_path / "poisoned")
    own, theirs = run.model.state_dict(), other.model.state_dict()
    assert all(torch.equal(own[key], theirs[key]) for key in own)
    assert run.gamma == other.gamma


def test_a_run_notices_that_its_attributes_changed(xlsa17: Any, tmp_path: Path) -> None:
    world = xlsa17.copy(tmp_path / "world")
    api.fit(world.config(train={"epochs": 1, "refit_epochs": 0}), tmp_path / "run")
    world.write(splits={"original_att": np.roll(world.splits()["original_att"], 1, axis=1)})
    with pytest.raises(MismatchError, match="not the ontology"):
        api.load_run(tmp_path / "run")


def test_nothing_is_written_for_a_data_set_that_is_wrong(xlsa17: Any, tmp_path: Path) -> None:
    world = xlsa17.copy(tmp_path / "world")
    world.write(res101=world.res101() | {"labels": None})
    with pytest.raises(DataError):
        api.fit(world.config(), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_the_check_says_all_and_ends_with_its_status(xlsa17: Any, tmp_path: Path, kgzsl: Any) -> None:
    done = kgzsl("data", "check", xlsa17.folder)
    assert (done.status, "error" in done.err) == (0, False)
    assert "xlsa17 (xlsa17): no problems" in done.out
    content = json.loads(kgzsl("data", "check", xlsa17.folder, "--json").out)
    assert content["failed"] is False
    assert content["counts"] == {
        "classes": 8,
        "attributes": 6,
        "trainval": 36,
        "test_seen": 12,
        "test_unseen": 16,
        "seen": 6,
        "unseen": 2,
        "validation": 2,
        "images": 64,
        "files": 64,
    }
    world = xlsa17.copy(tmp_path / "world")
    (world.folder / "JPEGImages/red+box/3.png").unlink()
    world.write(splits={"test_seen_loc": world.splits()["test_seen_loc"] - 7})
    done = kgzsl("data", "check", world.folder)
    assert done.status == 1
    assert "are in both trainval_loc and test_seen_loc" in done.out
    assert "1 of 64 images are in the list, but not in the folder" in done.out
    done = kgzsl("data", "check", world.folder, "--dataset", "AWA2", "--json")
    assert done.status == 1
    content = json.loads(done.out)
    assert content["files"][0]["there"] is True
    assert len(content["problems"]) > 4
    assert content["pretraining"]["imagenet-1k"] == ["dolphin", "horse", "seal", "sheep"]
    done = kgzsl("data", "check", tmp_path / "nowhere")
    assert (done.status, done.out) == (2, "")
    assert kgzsl("data", "check", tmp_path, "--dataset", "nosuch").status == 2


def test_a_check_reads_the_images(toys: Any, xlsa17: Any, tmp_path: Path, kgzsl: Any) -> None:
    """An image that is there and is none is told, in either layout, unless one is in a hurry."""
    folder = tmp_path / "folder"
    shutil.copytree(toys.images, folder / "images")
    names = sorted(p.name for p in (folder / "images").iterdir())
    rows = "".join(f"{name},{name},{'unseen' if k == 0 else 'seen'}\n" for k, name in enumerate(names))
    (folder / "classes.csv").write_text("folder,iri,split\n" + rows, encoding="utf-8")
    world = xlsa17.copy(tmp_path / "xlsa17")
    spoiled = (folder / "images" / names[1] / "3.png", world.folder / "JPEGImages" / "red+disc" / "3.png")
    for root, image in zip((folder, world.folder), spoiled, strict=True):
        assert kgzsl("data", "check", root).status == 0
        image.write_bytes(b"no image")
        done = kgzsl("data", "check", root, "--json")
        assert done.status == 1
        count, named = json.loads(done.out)["problems"]
        assert count["got"] == "1 of 64 images cannot be read"
        assert "data.skip_bad = true" in count["fix"]
        assert named["file"] == str(image)
        assert kgzsl("data", "check", root, "--quick").status == 0


def test_training_goes_on_without_bad_images(toys: Any, tmp_path: Path, kgzsl: Any) -> None:
    world = toys.copy(tmp_path / "world")
    (world.images / "red disc" / "3.png").write_bytes(b"no image")
    arguments = [*world.arguments(tmp_path / "run"), "--set", "train.epochs=1", "--set", "train.refit_epochs=0"]
    refused = kgzsl(*arguments)
    assert refused.status == 2
    assert "red disc/3.png" in refused.err
    done = kgzsl(*arguments, "--skip-bad")
    assert done.status == 0, done.err
    assert "3.png" in done.err


def test_numbers_that_nobody_checked_are_a_note() -> None:
    from kgzsl.data.catalog import catalog
    from kgzsl.data.check import _other_numbers
    from kgzsl.data.listing import Findings

    row = catalog()["ImNet-A"]
    (found,) = _other_numbers(row, Findings({"images": row.images + 1, "seen": row.seen}))
    assert found[0] in row.unchecked
    assert catalog()["AWA2"].unchecked == ()
