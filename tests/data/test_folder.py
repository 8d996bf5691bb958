"""Folders of images by class: a table of classes, K-ZSL's lists of wnids, split files; and what is wrong with them."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from kgzsl import api
from kgzsl.data.check import check
from kgzsl.data.layouts import list_images
from kgzsl.data.listing import Request
from kgzsl.errors import ConfigError, DataError, ImageError, SplitError
from kgzsl.train.run import parse_config


@pytest.fixture
def world(toys: Any, tmp_path: Path) -> Any:
    """The toys with a table of classes."""
    copy = toys.copy(tmp_path / "world")
    copy.split.unlink()
    table(copy)
    return copy


def table(world: Any, **sides: str) -> None:
    rows = ["folder,iri,split"]
    for folder in sorted(world.images.iterdir()):
        label = world.classes[[world.iri(c) for c in world.classes].index(world.iri(words(folder.name)))]
        side = "unseen" if label in ("green box", "yellow disc") else "seen"
        rows.append(f"{folder.name},{world.iri(label)},{sides.get(label.replace(' ', '_'), side)}")
    (world.folder / "classes.csv").write_text("\n".join(rows) + "\n")


def words(name: str) -> str:
    return name if " " in name else "".join(f" {c.lower()}" if c.isupper() else c for c in name).strip()


def config(world: Any, dataset: str = "folder", **sections: Any) -> Any:
    data = {"dataset": dataset, "root": str(world.folder), "images": "", "split": ""}
    return world.config(**(sections | {"data": data | sections.get("data", {})}))


def said(run: Any) -> list[str]:
    with pytest.raises(DataError) as caught:
        api.load_dataset(run)
    return [str(p) for p in caught.value.problems]


def test_a_table_of_classes(world: Any) -> None:
    data = api.load_dataset(config(world))
    assert {world.iri(c) for c in ("green box", "yellow disc")} == set(data.split.unseen)
    assert Counter(data.images.parts.tolist()) == {"trainval": 42, "test_seen": 6, "test_unseen": 16}
    assert check(world.folder).problems == ()
    report = api.evaluate(api.fit(config(world), world.folder / "run"))
    assert report.dataset == "world"


def test_images_that_are_for_testing_by_name_or_folder(world: Any) -> None:
    (world.images / "BlueBox" / "0.png").rename(world.images / "BlueBox" / "val_0.png")
    (world.images / "RedDisc").mkdir()
    shutil.rmtree(world.images / "RedDisc")
    inner = world.images / "red disc" / "test"
    inner.mkdir()
    for number in (1, 2, 3):
        (world.images / "red disc" / f"{number}.png").rename(inner / f"{number}.png")
    images = api.load_dataset(config(world)).images
    counts = Counter(
        (Path(n).relative_to(world.images).parts[0], p) for n, p in zip(images.names, images.parts, strict=True)
    )
    assert (counts["BlueBox", "test_seen"], counts["red disc", "test_seen"], counts["BlueDisc", "test_seen"]) == (
        1,
        3,
        1,
    )
    (world.images / "GreenBox" / "0.png").rename(world.images / "GreenBox" / "val_0.png")
    images = api.load_dataset(config(world)).images
    assert (images.parts == "test_unseen").sum() == 16


def test_published_validation_classes(world: Any) -> None:
    table(world, blue_box="validation")
    published = api.load_dataset(config(world, train={"validation": "published"})).split
    assert published.validation == (world.iri("blue box"),)
    drawn = {api.load_dataset(config(world, train={"seed": k})).split.validation for k in range(8)}
    assert len(drawn) > 1
    table(world)
    with pytest.raises(SplitError, match="no validation classes were published"):
        api.load_dataset(config(world, train={"validation": "published"}))


def test_all_that_is_wrong_with_a_table_is_said_with_its_line(world: Any) -> None:
    path = world.folder / "classes.csv"
    rows = path.read_text().splitlines()
    path.write_text(
        "\n".join([*rows, rows[1], "Nowhere,toy,sen", f"Empty,{world.iri('red disc')},unseen", "Gone,no class,seen"])
    )
    text = said(config(world))
    for line in (
        "classes.csv:10: folder 'BlueBox' is twice seen; expected each class once",
        "classes.csv:11: folder 'Nowhere', iri 'toy', split 'sen'; expected",
        "classes.csv:12: class 'http://toys.example/#RedDisc' is both seen and unseen",
        "classes.csv:12: no images of unseen class",
        "class 'no class': the ontology has no 'no class'",
    ):
        assert any(line in p for p in text), text
    found = "\n".join(map(str, check(world.folder).problems))
    assert "both seen and unseen" in found
    assert "classes.csv:10" in found
    path.write_text("folder;iri;split\na;b;seen\n")
    assert "no column folder, iri, split (there are: folder;iri;split)" in said(config(world))[0]
    path.unlink()
    assert "classes.csv: cannot be read" in said(config(world))[0]


def test_a_split_file_in_the_place_of_a_table(world: Any) -> None:
    (world.folder / "split.json").write_text(json.dumps({"unseen": ["red box"]}))
    split = api.load_dataset(config(world, data={"split": "split.json"})).split
    assert split.unseen == (world.iri("red box"),)
    (world.images / "BlueBox").rename(world.images / "BluBox")
    (text,) = said(config(world, data={"split": "split.json"}))
    assert "class 'BluBox'" in text
    assert "did you mean blue box" in text


@pytest.mark.parametrize("dataset", ["folder", ""], ids=["data set", "folder of images"])
def test_unreadable_images_are_named_and_counted_and_can_be_left_out(dataset: str, world: Any, toys: Any) -> None:
    bad = [world.images / "GreenBox" / "1.png", world.images / "red disc" / "0.png"]
    for path in bad:
        path.write_text("no picture")
    world.say(unseen=["green box", "yellow disc"])
    data = {} if dataset else {"dataset": "", "root": "", "images": str(world.images), "split": str(world.split)}
    with pytest.raises(ImageError) as caught:
        api.load_dataset(config(world, data=data))
    first, *named = map(str, caught.value.problems)
    assert first.startswith("2 of 64 images cannot be read")
    assert "data.skip_bad = true" in first
    assert [any(str(p) in line for line in named) for p in bad] == [True, True]
    heard: list[Any] = []
    read = api.load_dataset(config(world, data=data | {"skip_bad": True}), api.Listener(skipped=heard.extend))
    assert len(read.images) == 62
    assert not {str(p) for p in bad} & set(read.images.names)
    assert str(heard[0]) == "2 of 64 images are left out"


def test_many_bad_images_are_counted_and_some_named(world: Any) -> None:
    for path in world.images.rglob("*.png"):
        path.write_text("no picture")
    with pytest.raises(ImageError) as caught:
        api.load_dataset(config(world))
    assert len(caught.value.problems) == 22
    assert caught.value.problems[-1].got == "and 44 more"


def test_features_are_for_the_layout_that_has_them(world: Any) -> None:
    with pytest.raises(ConfigError, match=r"data\.features with the layout folder"):
        api.load_dataset(config(world, data={"features": "res101.mat"}))


@pytest.mark.parametrize("dataset", ["ImNet-A", "ImNet-O"])
def test_k_zsl_s_data_sets_by_name(dataset: str, world: Any) -> None:
    """A small copy loads under the data set's name, and the check says by how much it is smaller."""
    (world.folder / "classes.csv").unlink()
    for folder in list(world.images.iterdir()):
        if " " in folder.name:
            folder.rename(world.images / folder.name.title().replace(" ", ""))
    names = sorted(p.name for p in world.images.iterdir())
    for side, some in (("seen", names[2:]), ("unseen", names[:2])):
        (world.folder / f"{side}.txt").write_text("\n".join(some) + "\n")
    loaded = api.load_dataset(config(world, dataset))
    assert (len(loaded.split.seen), len(loaded.split.unseen)) == (6, 2)
    report = check(world.folder, dataset=dataset)
    assert report.layout == "kzsl"
    told = [*map(str, report.problems), *report.notes]
    assert any(text.startswith("2 unseen; ") and f"as published for {dataset}" in text for text in told), told


def test_lists_of_wnids(world: Any) -> None:
    """K-ZSL's layout: folders named by the local name of the class."""
    (world.folder / "classes.csv").unlink()
    for folder in list(world.images.iterdir()):
        if " " in folder.name:
            folder.rename(world.images / folder.name.title().replace(" ", ""))
    folders = sorted(p.name for p in world.images.iterdir())
    unseen = ["GreenBox", "YellowDisc"]
    seen = [name for name in folders if name not in unseen]
    (world.folder / "seen.txt").write_text("\n".join(seen) + "\n")
    (world.folder / "unseen.txt").write_text("\n".join(unseen) + "\n")
    for part, numbers in (("train", range(6)), ("val", range(6, 8))):
        for name in seen:
            (world.folder / "imagenet" / part / name).mkdir(parents=True)
            for number in numbers:
                shutil.copy(world.images / name / f"{number}.png", world.folder / "imagenet" / part / name)
    assert Counter(api.load_dataset(config(world, "kzsl")).images.parts.tolist())["test_seen"] == 6
    for name in unseen:
        shutil.copytree(world.images / name, world.folder / "imagenet" / name)
    parts = api.load_dataset(config(world, "kzsl", data={"images": "imagenet"})).images.parts
    assert Counter(parts.tolist()) == {"trainval": 36, "test_seen": 12, "test_unseen": 16}
    assert check(world.folder).problems == ()
    groups = {"seen": {n: n.lower() for n in seen}, "unseen": {n: n.lower() for n in unseen}}
    (world.folder / "class.json").write_text(json.dumps(groups))
    (world.folder / "seen.txt").unlink()
    assert len(api.load_dataset(config(world, "kzsl")).split.seen) == 6
    (world.folder / "class.json").write_text("{}")
    assert "no seen classes; expected JSON" in said(config(world, "kzsl"))[0]
    (world.folder / "class.json").unlink()
    assert "seen.txt: no such file; expected a wnid on each line" in said(config(world, "kzsl"))[0]
    (world.folder / "seen.txt").write_text("\n".join([*seen, seen[0], "GreenBox"]))
    text = "\n".join(said(config(world, "kzsl")))
    assert "seen.txt:7: folder 'BlueBox' is twice seen" in text
    assert "unseen.txt:1: folder 'GreenBox' is both seen and unseen" in text


def test_imnet_a_with_its_knowledge_graph(shared_data: Path, tmp_path: Path) -> None:
    """The published lists and ontology, with images that are made up."""
    source = shared_data / "kzsl" / "ImNet-A"
    seen = (source / "seen.txt").read_text().split()
    for name in ("seen.txt", "unseen.txt"):
        shutil.copy(source / name, tmp_path / name)
    for wnid in seen + (source / "unseen.txt").read_text().split():
        (tmp_path / "images" / wnid).mkdir(parents=True)
        (tmp_path / "images" / wnid / f"{wnid}_1.JPEG").touch()
    for wnid in seen:
        (tmp_path / "images" / wnid / "ILSVRC2012_val_00000001.JPEG").touch()
    ontology = api.load_ontology(source / "KG-ImNet-A.ttl", entail="none")
    listing = list_images(Request(tmp_path, ontology.resolve, set(ontology.classes), dataset="ImNet-A"))
    assert (len(listing.split.seen), len(listing.split.unseen)) == (28, 52)
    assert Counter(listing.parts) == {"trainval": 28, "test_seen": 28, "test_unseen": 52}


def test_tiny_imagenet_with_wordnet(shared_data: Path) -> None:
    root = shared_data / "tiny-imagenet"
    ontology = api.load_ontology(root / "wordnet.ttl", entail="none")
    listing = list_images(Request(root, ontology.resolve, set(ontology.classes), dataset="folder"))
    assert (len(listing.split.seen), len(listing.split.unseen)) == (150, 50)
    assert Counter(listing.parts) == {"trainval": 9000, "test_seen": 3000, "test_unseen": 4000}
    assert all(
        (part == "test_unseen") or (part == "test_seen") == file.name.startswith("val_")
        for part, file in zip(listing.parts, listing.files, strict=True)
    )
    assert parse_config({"data": {"dataset": "folder", "root": str(root)}}).data.root == str(root.resolve())
    report = check(root)
    assert report.problems == ()
    assert report.counts["images"] == 16000
