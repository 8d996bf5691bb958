"""Images of classes: finding, cutting into parts, decoding."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from kgzsl.data.images import ImageSet, cut_parts, find_images, read_pixels
from kgzsl.data.labels import LabelSpace
from kgzsl.data.rows import Rows
from kgzsl.data.split import ZeroShotSplit
from kgzsl.errors import DataError, ImageError, UnknownTermError


def image_set() -> ImageSet:
    return ImageSet(
        array=np.arange(5 * 4 * 4 * 3, dtype=np.uint8).reshape(5, 4, 4, 3),
        labels=np.array([0, 1, 2, 1, 0]),
        parts=np.array(["trainval", "test_seen", "test_unseen", "trainval", "trainval"]),
        names=("a", "b", "c", "d", "e"),
        space=LabelSpace(("ex:x", "ex:y", "ex:z")),
    )


def test_taking_rows_keeps_everything_together() -> None:
    images = image_set()
    for rows in (np.array([3, 0]), np.array([True, False, False, True, False])):
        taken = images.take(rows)
        order = rows if rows.dtype != bool else np.flatnonzero(rows)
        assert taken.names == tuple(images.names[i] for i in order)
        assert taken.labels.tolist() == images.labels[order].tolist()
        assert np.array_equal(taken.array, images.array[order])
        assert not np.shares_memory(taken.array, images.array)
    assert images.part("trainval").names == ("a", "d", "e")
    assert images.of_classes(["ex:y", "ex:z"]).names == ("b", "c", "d")
    assert len(images.of_classes([])) == 0


def test_what_is_on_disk_is_read_a_batch_at_a_time(tmp_path: Path) -> None:
    images = image_set()
    np.save(tmp_path / "array.npy", images.array)
    stored = replace(images, array=np.load(tmp_path / "array.npy", mmap_mode="r"))
    some = stored.part("trainval").take(np.array([2, 1]))
    assert isinstance(some.array, Rows)
    assert isinstance(some.array.array, np.memmap)
    assert (some.names, len(some.array)) == (("e", "d"), 2)
    assert (some.array.shape, some.array.ndim, some.array.dtype) == ((2, 4, 4, 3), 4, np.uint8)
    for which in (slice(0, 1), np.array([1, 0]), np.array([False, True]), 1):
        read = some.array[which]
        np.testing.assert_array_equal(read, images.array[[4, 3]][which])
        assert type(read) is np.ndarray
        assert read.flags.writeable


def test_lengths_must_agree() -> None:
    images = image_set()
    with pytest.raises(ValueError, match="5 images, 4 labels"):
        ImageSet(images.array, images.labels[1:], images.parts, images.names, images.space)


@given(st.lists(st.integers(0, 23), min_size=2, max_size=5))
def test_every_fifth_seen_image_by_name_is_for_testing(counts: list[int]) -> None:
    classes = [f"ex:{i}" for i in range(len(counts))]
    # Shuffled order of files: the rule goes by name.
    files = {
        iri: [Path(f"{iri}/{k:02}.png") for k in reversed(range(n))] for iri, n in zip(classes, counts, strict=True)
    }
    files["ex:other"] = [Path("other/0.png")]
    split = ZeroShotSplit(seen=tuple(classes[:-1]), unseen=(classes[-1],))
    paths, of_class, parts = cut_parts(files, split)
    assert "ex:other" not in of_class
    for iri, count in zip(classes, counts, strict=True):
        mine = [(path.name, part) for path, c, part in zip(paths, of_class, parts, strict=True) if c == iri]
        assert [name for name, _ in mine] == [f"{k:02}.png" for k in range(count)]
        if iri in split.unseen:
            assert {part for _, part in mine} <= {"test_unseen"}
        else:
            assert [part for _, part in mine] == ["test_seen" if k % 5 == 4 else "trainval" for k in range(count)]


def test_seen_classes_without_images_are_all_named() -> None:
    with pytest.raises(DataError) as caught:
        cut_parts({"ex:a": [Path("a.png")]}, ZeroShotSplit(("ex:a", "ex:b", "ex:c"), ("ex:z",)))
    assert [p.got for p in caught.value.problems] == ["seen class ex:b has no image", "seen class ex:c has no image"]


def resolve(name: str) -> str:
    """Folders named by one letter are classes."""
    if len(name) != 1:
        raise UnknownTermError(f"the ontology has no {name!r}")
    return f"ex:{name.lower()}"


def test_images_are_found_by_class_sorted_and_deep(tmp_path: Path) -> None:
    for name in ("A/2.png", "A/deep/1.JPG", "B/x.webp", "B/readme.txt", "empty/readme.txt", "stray.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = find_images(tmp_path, resolve=resolve)
    assert {iri: [p.name for p in files] for iri, files in found.items()} == {
        "ex:a": ["2.png", "1.JPG"],
        "ex:b": ["x.webp"],
    }


def test_two_folders_of_one_class_are_joined(tmp_path: Path) -> None:
    for name in ("A/1.png", "a/2.png"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    assert [p.name for p in find_images(tmp_path, resolve=resolve)["ex:a"]] == ["1.png", "2.png"]


def test_folders_that_name_no_class_are_all_named(tmp_path: Path) -> None:
    for name in ("A/1.png", "zebar/1.png", "hrose/1.png"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    with pytest.raises(DataError) as caught:
        find_images(tmp_path, resolve=resolve)
    assert [Path(str(p.file)).name for p in caught.value.problems] == ["hrose", "zebar"]


def test_no_folder_or_no_images(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        find_images(tmp_path / "none", resolve=resolve)
    with pytest.raises(DataError, match="no images"):
        find_images(tmp_path, resolve=resolve)


def test_the_middle_is_cut_out_and_every_mode_becomes_rgb(tmp_path: Path) -> None:
    wide = np.zeros((16, 48, 3), dtype=np.uint8)
    wide[:, 16:32] = (10, 200, 30)
    Image.fromarray(wide).save(tmp_path / "wide.png")
    for mode in ("L", "P", "RGBA", "CMYK", "1"):
        Image.new(mode, (20, 20)).save(tmp_path / f"{mode}.tif")
    paths = [tmp_path / "wide.png", *(tmp_path / f"{mode}.tif" for mode in ("L", "P", "RGBA", "CMYK", "1"))]
    pixels = read_pixels(paths, size=16)
    assert (pixels.shape, pixels.dtype) == ((6, 16, 16, 3), np.uint8)
    assert np.abs(pixels[0].astype(int) - (10, 200, 30)).max() <= 2
    assert read_pixels([], size=16).shape == (0, 16, 16, 3)


def test_an_image_of_the_right_size_is_not_touched(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    assert np.array_equal(read_pixels([tmp_path / "noise.png"], size=16)[0], noise)


def test_all_files_that_are_no_images_are_named(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "good.jpg")
    content = (tmp_path / "good.jpg").read_bytes()
    (tmp_path / "truncated.jpg").write_bytes(content[: len(content) // 2])
    (tmp_path / "text.jpg").write_text("not an image")
    (tmp_path / "empty.png").touch()
    (tmp_path / "folder.png").mkdir()
    bad = ["truncated.jpg", "text.jpg", "empty.png", "folder.png", "none.png"]
    with pytest.raises(ImageError) as caught:
        read_pixels([tmp_path / name for name in ("good.jpg", *bad)], size=16)
    assert [Path(str(p.file)).name for p in caught.value.problems] == bad
    assert caught.value.problems[-1].got == "no such image"
