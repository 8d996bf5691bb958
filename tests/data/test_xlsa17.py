"""The layout of the proposed splits: real split files, small copies of data sets, and what is wrong with others."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io

from kgzsl import api
from kgzsl.data.check import check
from kgzsl.data.layouts import list_images, ontology_text, published_strengths
from kgzsl.data.listing import Listing, Request
from kgzsl.data.xlsa17 import read_contents, read_splits
from kgzsl.errors import ConfigError, DataError
from kgzsl.ontology import parse_ontology
from kgzsl.semantics import class_attributes, with_strengths

SUB = "http://www.w3.org/2000/01/rdf-schema#subClassOf"
VALUES = ("red", "green", "blue", "yellow", "disc", "box")
FOLDERS = {"AWA2": "AWA2", "CUB": "CUB", "SUN": "SUN", "aPY": "APY"}
PARTS = {
    "AWA2": (23527, 5882, 7913),
    "CUB": (7057, 1764, 2967),
    "SUN": (10320, 2580, 1440),
    "aPY": (5932, 1483, 7924),
}


def listing(world: Any, **changes: Any) -> Listing:
    ontology = parse_ontology(ontology_text(world.folder, "xlsa17") or "", profile="owl")
    request = {"dataset": "xlsa17", "features": "res101.mat"} | changes
    return list_images(
        Request(world.folder, resolve=ontology.resolve, known=set(ontology.classes), **request), generated=True
    )


def problems(world: Any, **changes: Any) -> list[str]:
    with pytest.raises(DataError) as caught:
        listing(world, **changes)
    return [str(p) for p in caught.value.problems]


def test_rows_labels_and_parts_stay_together(xlsa17: Any) -> None:
    read = listing(xlsa17)
    assert read.features is not None
    assert (read.features.shape, read.features.dtype) == ((64, 1, 16), np.float32)
    published = xlsa17.res101()
    for row, (name, iri, part) in enumerate(zip(read.names, read.classes, read.parts, strict=True)):
        folder, number = name.split("/")[-2], int(Path(name).stem)
        assert iri.endswith(folder.replace("+", "_"))
        expected = "test_unseen" if folder in ("green+box", "yellow+disc") else ("trainval", "test_seen")[number > 5]
        assert part == expected
        assert np.allclose(read.features[row, 0], published["features"][:, row])
    assert {iri.split("_", 2)[2] for iri in read.split.unseen} == {"green_box", "yellow_disc"}
    assert {iri.split("_", 2)[2] for iri in read.validation} == {"blue_box", "red_disc"}
    assert read.made_by == "res101"


def test_images_are_found_wherever_the_folder_is(xlsa17: Any, tmp_path: Path) -> None:
    for images in ("", "JPEGImages", str(xlsa17.folder / "JPEGImages")):
        files = listing(xlsa17, features="", images=images).files
        assert len(files) == 64
        assert files[9] == xlsa17.folder / "JPEGImages" / xlsa17.classes[1] / "1.png"
    world = xlsa17.copy(tmp_path / "world")
    (world.folder / "JPEGImages").rename(tmp_path / "photos")
    assert len(listing(world, features="", images=str(tmp_path / "photos")).files) == 64


RAW = {
    # As the published lists name them, and where the archive of the images has them.
    "CUB": (
        "/BS/other/CUB_200_2011/images/{number:03}.{name}/{name}_{k:04}.jpg",
        "images/{number:03}.{name}",
        "{name}_{k:04}.jpg",
    ),
    "SUN": ("/BS/other/SUN/images/{letter}/{name}/sun_{k}.jpg", "images/{letter}/{name}", "sun_{k}.jpg"),
    "AWA2": (
        "/BS/other/Animals_with_Attributes2//JPEGImages/{name}/{name}_{k}.jpg",
        "JPEGImages/{name}",
        "{name}_{k}.jpg",
    ),
}


@pytest.mark.parametrize("dataset", RAW)
def test_raw_images_in_their_published_folders(dataset: str, xlsa17: Any, tmp_path: Path) -> None:
    """The folders of CUB are numbered, those of SUN lie in one of their first letter."""
    world = xlsa17.copy(tmp_path / "world")
    (world.folder / "JPEGImages").rename(tmp_path / "pictures")
    content, expected = world.res101(), []
    listed, folder, file = RAW[dataset]
    for row in range(64):
        name = world.classes[row // 8]
        words = {"name": name, "letter": name[0], "number": row // 8 + 1, "k": row % 8}
        content["image_files"][row, 0] = listed.format(**words)
        place = world.folder / folder.format(**words)
        place.mkdir(parents=True, exist_ok=True)
        expected.append(place / file.format(**words))
        shutil.copy(tmp_path / "pictures" / name / f"{row % 8}.png", expected[-1])
    world.write(res101=content)
    assert listing(world, features="", dataset=dataset).files == tuple(expected)
    pixels = api.load_dataset(world.config(data={"features": "", "size": 16})).images
    assert (len(pixels), pixels.array.shape[1:]) == (64, (16, 16, 3))
    expected[5].unlink()
    report = check(world.folder, dataset=dataset)
    assert any("1 of 64 images are in the list, but not in the folder" in str(p) for p in report.problems)
    assert report.counts["files"] == 63


def test_images_of_two_prefixes_as_in_apy(xlsa17: Any, tmp_path: Path) -> None:
    """Pascal's pictures lie in another folder than Yahoo's, and a picture may show several classes."""
    world = xlsa17.copy(tmp_path / "world")
    content = world.res101()
    names = [str(c) for c in content["image_files"][:, 0]]
    yahoo = world.folder / "ayahoo_test_images"
    yahoo.mkdir()
    for k in range(56, 64):
        (world.folder / "JPEGImages/yellow+box" / f"{k % 8}.png").rename(yahoo / f"{k % 8}.png")
        names[k] = f"/BS/other/place/of/data/ayahoo_test_images/{k % 8}.png"
    names[3] = names[9]
    content["image_files"][:, 0] = names
    files = listing(world.write(res101=content), features="").files
    assert files[60] == yahoo / "4.png"
    assert files[3] == files[9] == world.folder / "JPEGImages" / "red+box" / "1.png"
    assert files[17].parent.name == "green+disc"


def test_a_list_of_images_reaches_nothing_outside_the_folder(xlsa17: Any, tmp_path: Path) -> None:
    world = xlsa17.copy(tmp_path / "world")
    (tmp_path / "secret.png").write_bytes((world.folder / "JPEGImages/red+disc/0.png").read_bytes())
    content = world.res101()
    content["image_files"][0, 0] = "../secret.png"
    world.write(res101=content)
    assert any("secret.png: no such image" in p for p in problems(world, features=""))


def changed(**changes: Any) -> Callable[[Any], Any]:
    """Splits with some entries made of the sound ones."""
    return lambda w: w.write(splits={key: make(w.splits()) for key, make in changes.items()})


def features(make: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[Any], Any]:
    return lambda w: w.write(res101=make(w.res101()))


def with_nan(content: dict[str, Any]) -> dict[str, Any]:
    content["features"][3, [0, 10]] = [np.nan, np.inf]
    return content


def relabeled(row: int, label: float) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def make(content: dict[str, Any]) -> dict[str, Any]:
        content["labels"][row] = label
        return content

    return make


def hdf5(world: Any) -> None:
    header = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(512)
    (world.folder / "att_splits.mat").write_bytes(header + b"\x89HDF\r\n\x1a\n")


def truncated(world: Any) -> None:
    path = world.folder / "res101.mat"
    path.write_bytes(path.read_bytes()[:-100])


def cut_short(world: Any) -> None:
    path = world.folder / "res101.mat"
    path.write_bytes(path.read_bytes()[:3000])


def pair(content: dict[str, Any]) -> np.ndarray:
    names = content["allclasses_names"].copy()
    names[1, 0] = names[0, 0]
    return names


SPOILS: dict[str, tuple[Callable[[Any], Any], tuple[str, ...]]] = {
    "no splits": (lambda w: (w.folder / "att_splits.mat").unlink(), ("att_splits.mat: no such file",)),
    "no features": (lambda w: (w.folder / "res101.mat").unlink(), ("res101.mat: no such file",)),
    "version 7.3": (hdf5, ("a MATLAB 7.3 file (HDF5)", "-v7", "h5py")),
    "truncated": (truncated, ("res101.mat: not a MATLAB file that can be read", "download it again")),
    "cut short": (cut_short, ("has no labels, image_files", "download it again")),
    "no matlab": (
        lambda w: (w.folder / "res101.mat").write_text("<html>not found</html>" * 30),
        ("not a MATLAB file that can be read",),
    ),
    "missing keys": (
        lambda w: w.write(splits={"trainval_loc": None, "test_seen_loc": None}),
        ("has no trainval_loc, test_seen_loc", "there are allclasses_names, att, original_att"),
    ),
    "no labels": (features(lambda c: c | {"labels": None}), ("has no labels", "features")),
    "indices from 0": (
        changed(trainval_loc=lambda s: s["trainval_loc"] - 1),
        ("trainval_loc begins at 0; expected image indices from 1", "add 1"),
    ),
    "labels from 0": (features(lambda c: c | {"labels": c["labels"] - 1}), ("labels begins at 0", "class indices")),
    "labels beyond": (features(relabeled(4, 9)), ("1 labels are beyond the 8 classes (up to 9); expected 1 to 8",)),
    "labels in halves": (features(relabeled(4, 1.5)), ("labels holds no whole numbers",)),
    "indices beyond": (
        changed(test_unseen_loc=lambda s: s["test_unseen_loc"] + 10),
        ("2 of test_unseen_loc are beyond the 64 images",),
    ),
    "lengths": (
        features(lambda c: c | {"features": c["features"][:, :-2], "labels": c["labels"][:-1]}),
        ("63 labels, 64 image_files, 62 features",),
    ),
    "transposed": (
        features(lambda c: c | {"features": c["features"].T}),
        ("features are 64 x 16", "channels x images"),
    ),
    "NaN": (features(with_nan), ("2 of 64 images have features", "image 1, ", "image 11, ", "data.skip_bad = true")),
    "a class twice": (changed(allclasses_names=pair), ("class 'red+disc' stands 2 times",)),
    "an image twice": (
        changed(test_seen_loc=lambda s: np.concatenate([s["test_seen_loc"]] * 2)),
        ("12 images stand in test_seen_loc more than once",),
    ),
    "parts that overlap": (
        changed(test_seen_loc=lambda s: np.concatenate([s["test_seen_loc"], s["trainval_loc"][:3]])),
        ("3 images are in both trainval_loc and test_seen_loc, image 1 for one",),
    ),
    "seen and unseen": (features(relabeled(0, 4)), ("classes both seen and unseen: green+box",)),
    "attributes": (changed(original_att=lambda s: s["original_att"][:, 1:]), ("expected attributes x 8 classes",)),
    "attributes NaN": (
        changed(original_att=lambda s: s["original_att"] * np.nan),
        ("48 attributes of classes are NaN",),
    ),
    "binary attributes": (
        changed(binary_att=lambda s: s["original_att"]),
        ("binary_att is not binary or of another shape; expected 0 or 1, 6 x 8",),
    ),
    "names of attributes": (
        lambda w: (w.folder / "attributes.txt").write_text("red\nblue\n"),
        ("attributes.txt: names of 2 attributes; expected 6",),
    ),
    "validation": (
        lambda w: (w.folder / "valclasses1.txt").write_text("green+box\nred+disc\nred+disc\n"),
        ("validation class 'green+box' is not seen", "'red+disc' stands there twice"),
    ),
    "validation and training": (
        changed(train_loc=lambda s: s["trainval_loc"][:8], val_loc=lambda s: s["trainval_loc"][8:]),
        ("classes in both train_loc and val_loc: red+box",),
    ),
}


@pytest.mark.parametrize("name", SPOILS)
def test_what_is_wrong_is_said_by_training_and_by_the_check(name: str, xlsa17: Any, tmp_path: Path) -> None:
    spoil, messages = SPOILS[name]
    world = xlsa17.copy(tmp_path / "world")
    spoil(world)
    with pytest.raises(DataError) as caught:
        api.load_dataset(world.config())
    found = [str(p) for p in check(world.folder, dataset="xlsa17").problems]
    for message in messages:
        assert message in str(caught.value)
        if name != "no features":  # the layout alone does not ask for them, a data set of the catalog does
            assert any(message in p for p in found), found


def test_all_that_is_wrong_is_said_at_once(xlsa17: Any, tmp_path: Path) -> None:
    world = xlsa17.copy(tmp_path / "world")
    world.write(
        splits={"trainval_loc": world.splits()["trainval_loc"] - 1, "allclasses_names": pair(world.splits())},
        res101=relabeled(4, 9)(with_nan(world.res101())),
    )
    report = check(world.folder)
    text = "\n".join(map(str, report.problems))
    for part in ("begins at 0", "stands 2 times", "beyond the 8 classes", "2 of 64 images", "image 11"):
        assert part in text


def test_bad_features_and_missing_images_can_be_left_out(xlsa17: Any, tmp_path: Path) -> None:
    world = xlsa17.copy(tmp_path / "world")
    world.write(res101=with_nan(world.res101()))
    read = listing(world, skip_bad=True)
    assert read.features is not None
    assert len(read.names) == len(read.features) == len(read.classes) == 62
    assert np.isfinite(read.features).all()
    assert [p.got.split(",")[0] for p in read.skipped] == ["image 1", "image 11"]
    (world.folder / "JPEGImages/red+box/3.png").unlink()
    (world.folder / "JPEGImages/blue+box/7.png").unlink()
    said = problems(world, features="")
    assert said[0].startswith("2 of 64 images are not below")
    assert "skip_bad" in said[0]
    assert any("red+box/3.png" in p for p in said)
    kept = listing(world, features="", skip_bad=True)
    assert len(kept.files) == len(kept.classes) == 62
    assert all(c.endswith(f.parent.name.replace("+", "_")) for c, f in zip(kept.classes, kept.files, strict=True))


def test_classes_are_matched_with_an_ontology(toys: Any, xlsa17: Any, tmp_path: Path) -> None:
    config = xlsa17.config(ontology={"files": [str(toys.ontology)]})
    data = api.load_dataset(config)
    assert set(data.split.unseen) == {toys.iri("green box"), toys.iri("yellow disc")}
    world = toys.copy(tmp_path / "world")
    world.edit('rdfs:label "blue box"', 'rdfs:label "azure crate"')
    world.edit(":BlueBox a", ":AzureCrate a").edit(":RedBox a", ":RedBx a").edit('"red box"', '"red bx"')
    config = xlsa17.config(ontology={"files": [str(world.ontology)]})
    with pytest.raises(DataError) as caught:
        api.load_dataset(config)
    assert [p.got.split(":")[0] for p in caught.value.problems] == ["class 'red+box'", "class 'blue+box'"]
    assert "did you mean red bx" in str(caught.value)
    (tmp_path / "names.csv").write_text("name,iri\nred+box,red bx\nblue+box,http://toys.example/#AzureCrate\n")
    config = xlsa17.config(ontology={"files": [str(world.ontology)]}, data={"classes": str(tmp_path / "names.csv")})
    assert "http://toys.example/#AzureCrate" in api.load_dataset(config).split.seen
    (tmp_path / "names.csv").write_text("name,iri\nred+box,red bx\nblue+box,red bx\n")
    with pytest.raises(DataError, match="'red\\+box' and 'blue\\+box' are one class"):
        api.load_dataset(config)


def test_a_split_file_in_json_takes_the_place_of_the_published_one(xlsa17: Any, tmp_path: Path) -> None:
    path = tmp_path / "split.json"
    path.write_text('{"splits": {"odd": {"unseen": ["red box"], "validation": ["blue box"]}}}')
    data = api.load_dataset(xlsa17.config(data={"split": f"{path}:odd"}))
    assert [iri.split("_", 2)[2] for iri in data.split.unseen] == ["red_box"]
    assert len(data.split.seen) == 7
    assert (data.images.parts == "test_unseen").sum() == 8
    assert (data.images.parts == "test_seen").sum() == 7  # every fifth of 8
    assert [iri.split("_", 2)[2] for iri in data.split.validation] == ["blue_box"]


def test_attributes_serve_as_the_ontology(xlsa17: Any) -> None:
    ontology = parse_ontology(ontology_text(xlsa17.folder, "xlsa17") or "", profile="owl")
    assert len(ontology.classes) == len(ontology.leaves) == 8
    names = sorted(
        (ontology.label(a.property), ontology.label(a.filler))
        for a in class_attributes(ontology, ontology.classes).attributes
    )
    assert names[0] == ("has color", "blue")
    assert names[-1] == ("has shape", "disc")
    matrix = class_attributes(ontology, ontology.classes, world="pca")
    assert matrix.known.all()
    assert matrix.value.sum() == 16


def test_binary_attributes_that_are_given_go_before_the_mean(xlsa17: Any, tmp_path: Path) -> None:
    world = xlsa17.copy(tmp_path / "world")
    names, present = world.splits()["allclasses_names"], world.splits()["original_att"] < 50
    order = np.arange(8)[::-1]
    path = world.folder / "binaryAtt_splits.mat"
    # In another order of classes, by name.
    scipy.io.savemat(path, {"allclasses_names": names[order], "att": present[:, order].astype(np.uint8)})
    ontology = parse_ontology(ontology_text(world.folder, "xlsa17") or "", profile="owl")
    facts = {(ontology.label(f.subject), ontology.label(f.object)) for f in ontology.facts() if f.predicate != SUB}
    expected = {(c.replace("+", " "), v) for c in world.classes for v in VALUES if v not in c.split("+")}
    assert facts == expected
    scipy.io.savemat(path, {"allclasses_names": names[1:], "att": present[:, 1:].astype(np.uint8)})
    with pytest.raises(DataError, match="attributes of 6 x 7, or other classes"):
        ontology_text(world.folder, "xlsa17")
    path.unlink()
    world.write(splits={"binary_att": present.astype(np.uint8)})
    ontology = parse_ontology(ontology_text(world.folder, "xlsa17") or "", profile="owl")
    assert len([f for f in ontology.facts() if f.predicate != SUB]) == len(expected)


def test_published_strengths(xlsa17: Any, tmp_path: Path) -> None:
    world = xlsa17.copy(tmp_path / "world")
    own = world.splits()["original_att"]
    published = published_strengths(world.folder, "xlsa17")
    assert published is not None
    assert (published.classes, published.attributes[0]) == (world.classes, "has_color::red")
    assert np.allclose(published.table, own.T / 100)
    own[0, 0] = -1
    world.write(splits={"original_att": own})
    published = published_strengths(world.folder, "xlsa17")
    assert published is not None
    assert np.argwhere(np.isnan(published.table)).tolist() == [[0, 0]]
    # In the place of strengths, what they are scaled to.
    world.write(splits={"original_att": None})
    published = published_strengths(world.folder, "xlsa17")
    assert published is not None
    assert np.allclose(published.table, world.splits()["att"].T)
    assert published_strengths(world.folder, "folder") is None


def test_published_strengths_that_are_none(xlsa17: Any, tmp_path: Path) -> None:
    world = xlsa17.copy(tmp_path / "world")
    world.write(splits={"original_att": world.splits()["original_att"] * 3})
    with pytest.raises(
        DataError, match=r"class attributes up to 285; expected shares up to 1, or percent up to 100; .*"
    ):
        published_strengths(world.folder, "xlsa17")
    world.write()
    (world.folder / "attributes.txt").unlink()
    with pytest.raises(DataError, match=r"no names of the attributes; expected attributes.txt; put the file beside"):
        published_strengths(world.folder, "xlsa17")
    assert published_strengths(world.folder, "xlsa17", generated=True) is not None
    world.write(splits={"original_att": world.splits()["original_att"] * np.nan})
    with pytest.raises(DataError, match="NaN or infinite"):
        published_strengths(world.folder, "xlsa17")


def test_a_config_that_says_two_things() -> None:
    from kgzsl.train.run import parse_config

    for data, message in (
        ({"dataset": "AWA2"}, "without data.root"),
        ({"features": "res101.mat"}, "data.features without data.dataset"),
        ({"dataset": "AWA2", "root": "x", "features": "a", "backbone": "b"}, "data.features and data.backbone"),
        ({"dataset": "AWA2", "root": "x", "benchmark": "creatures"}, "data.benchmark and data.dataset"),
        ({"dataset": "AWA3", "root": "x"}, "expected one of '', 'AWA2', 'CUB'"),
    ):
        with pytest.raises(ConfigError) as caught:
            parse_config({"data": data})
        assert message in str(caught.value)
    with pytest.raises(DataError, match="no such folder"):
        api.load_dataset(
            parse_config(
                {
                    "data": {"dataset": "folder", "root": "nowhere"},
                    "ontology": {"files": [str(api.creatures_ontology())]},
                }
            )
        )


@pytest.mark.parametrize("name", FOLDERS)
def test_the_published_splits(name: str, shared_data: Path) -> None:
    root = shared_data / "xlsa17" / FOLDERS[name]
    contents = read_splits(root)
    assert contents.problems == ()
    assert contents.locs is not None
    counts = tuple(len(contents.locs[key]) for key in ("trainval_loc", "test_seen_loc", "test_unseen_loc"))
    assert counts == PARTS[name]
    assert min(rows.min() for rows in contents.locs.values()) == 0
    report = check(root)
    assert report.dataset == name
    assert [p.got for p in report.problems] == ["not there"]
    assert report.problems[0].file == root / "res101.mat"
    assert "xlsa17.zip" in str(report.problems[0])


@pytest.mark.parametrize("name", ["AWA2", "CUB", "aPY"])
def test_the_published_attributes_as_an_ontology(name: str, shared_data: Path) -> None:
    text = ontology_text(shared_data / "xlsa17" / FOLDERS[name], name)
    ontology = parse_ontology(text or "", profile="owl")
    contents = read_splits(shared_data / "xlsa17" / FOLDERS[name])
    assert len(ontology.classes) == len(contents.names)
    matrix = class_attributes(ontology, ontology.classes)
    assert matrix.value.any(1).all()
    if name == "AWA2":
        binary = scipy.io.loadmat(shared_data / "kzsl/AwA/binaryAtt_splits.mat")["att"].T
        from kgzsl.data.attribute_ontology import present_attributes

        assert contents.strengths is not None
        assert np.array_equal(present_attributes(contents.strengths, threshold="matrix"), binary)
        assert matrix.value.sum() == binary.sum()


@pytest.mark.parametrize("name", FOLDERS)
def test_the_published_strengths_beside_the_facts_made_of_them(name: str, shared_data: Path) -> None:
    root = shared_data / "xlsa17" / FOLDERS[name]
    ontology = parse_ontology(ontology_text(root, name) or "", profile="owl")
    strengths = published_strengths(root, name, generated=True)
    assert strengths is not None
    crisp = class_attributes(ontology, ontology.classes)
    matrix, unmatched = with_strengths(crisp, strengths)
    assert len(unmatched) == strengths.table.shape[1] - len(matrix.attributes)
    assert (matrix.degree.min(), np.isnan(strengths.table).sum()) == (0, 4 if name == "AWA2" else 0)
    assert 0.5 < matrix.degree.max() <= 1
    # Facts are what is above the mean, so that in each column who has it has more of it.
    has = np.where(matrix.value > 0.5, matrix.degree, np.nan)
    lacks = np.where((matrix.value <= 0.5) & matrix.known, matrix.degree, np.nan)
    assert np.nanmin(has) > 0
    if name != "AWA2":  # there the mean is that of the matrix, and unknown strengths stay crisp
        assert (np.nanmin(has, 0) >= np.nanmax(np.nan_to_num(lacks), 0)).all()


def with_labels(root: Path, shared: Path) -> Path:
    """The published splits of AWA2 with features that are made up, and labels on the right side of the split."""
    import shutil

    shutil.copytree(shared / "xlsa17" / "AWA2", root)
    contents = read_splits(root)
    assert contents.locs is not None
    unseen = (root / "testclasses.txt").read_text().split()
    sides = [[k for k, n in enumerate(contents.names) if (n in unseen) is wanted] for wanted in (False, True)]
    labels = np.zeros(37322)
    for key, rows in contents.locs.items():
        labels[rows] = np.resize(sides[key == "test_unseen_loc"], len(rows)) + 1
    files = np.empty((37322, 1), dtype=object)
    files[:, 0] = [f"/a/JPEGImages/{contents.names[int(c) - 1]}/{k}.jpg" for k, c in enumerate(labels)]
    features = np.random.default_rng(0).random((4, 37322)).astype(np.float32)
    scipy.io.savemat(root / "res101.mat", {"features": features, "labels": labels[:, None], "image_files": files})
    return root


def test_awa2_with_its_knowledge_graph(shared_data: Path, tmp_path: Path) -> None:
    root = with_labels(tmp_path / "AWA2", shared_data)
    ontology = api.load_ontology(shared_data / "kzsl/AwA/KG-AwA.ttl", entail="none")
    request = Request(root, ontology.resolve, set(ontology.classes), dataset="AWA2", features="res101.mat")
    read = list_images(request)
    assert tuple(read.parts.count(p) for p in ("trainval", "test_seen", "test_unseen")) == PARTS["AWA2"]
    assert (len(read.split.seen), len(read.split.unseen), len(read.validation)) == (40, 10, 13)
    report = check(root)
    assert report.problems == ()
    assert {k: report.counts[k] for k in ("seen", "unseen", "validation", "images")} == {
        "seen": 40,
        "unseen": 10,
        "validation": 13,
        "images": 37322,
    }


def test_published_training_and_validation_images_hold_test_images(shared_data: Path) -> None:
    """train_loc and val_loc of the published files: images of the seen classes, those for testing among them."""
    root = shared_data / "kzsl" / "AwA"
    locs = read_contents(root, split="binaryAtt_splits.mat").locs
    assert locs is not None
    mixed = np.union1d(locs["train_loc"], locs["val_loc"])
    assert len(np.intersect1d(mixed, locs["test_seen_loc"])) == 5882
    assert len(np.intersect1d(locs["trainval_loc"], locs["test_seen_loc"])) == 0
