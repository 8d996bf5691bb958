"""The folder of pictures: complete or not at all, the same for everyone."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kgzsl.data.creatures import (
    cached,
    contact_sheet,
    draw,
    generate,
    load,
    ontology_path,
    read_looks,
    render,
    trainval_rows,
)
from kgzsl.data.creatures import dataset as module
from kgzsl.errors import DataError, SplitError


def test_counts_and_parts(drawn: Path) -> None:
    data = load(drawn)
    assert data.images.shape == (80 * 3 + 20, 32, 32, 3)
    assert {p: int((data.part == p).sum()) for p in np.unique(data.part)} == {
        "trainval": 160,
        "test_seen": 80,
        "test_unseen": 20,
    }
    unseen = {data.class_iris[k] for k in data.labels[data.part == "test_unseen"]}
    assert unseen == set(data.unseen)
    assert not unseen & {data.class_iris[k] for k in data.labels[data.part != "test_unseen"]}
    assert data.class_labels[0] == "tindra mumbler"


def test_an_image_can_be_drawn_again_from_its_row(drawn: Path) -> None:
    data, looks = load(drawn), read_looks().appearances
    for n in (0, 2, 100, 139):
        row = (drawn / "labels.csv").read_text(encoding="utf-8").splitlines()[n + 1].split(",")
        picture = render(looks[row[1]], seed=[int(k) for k in row[4].split()], size=32)
        assert np.array_equal(picture.image, data.images[n])
        assert data.boxes(n) == {p: pytest.approx(box) for p, box in picture.boxes.items()}


def test_a_row_can_be_drawn_without_the_folder(drawn: Path) -> None:
    data, counts = load(drawn), {"train_per_class": 2, "test_per_class": 1}
    for row in (0, 2, 4, len(data.part) - 1):
        assert np.array_equal(draw(row, size=32, **counts), data.images[row])
    told = trainval_rows(**counts)
    assert {iri: list(rows) for iri, rows in told.items()} == {
        iri: np.flatnonzero((data.labels == column) & (data.part == "trainval")).tolist()
        for column, iri in enumerate(data.seen)
    }


def test_processes_and_training_size_change_no_test_image(drawn: Path, tmp_path: Path) -> None:
    other = load(generate(tmp_path / "b", size=32, train_per_class=1, test_per_class=1, processes=2))
    data = load(drawn)
    for part in ("test_seen", "test_unseen"):
        assert np.array_equal(data.images[data.part == part], other.images[other.part == part])


def test_png_files_hold_the_same_pixels(tmp_path: Path) -> None:
    done: list[tuple[int, int]] = []
    out = generate(
        tmp_path / "c",
        size=16,
        train_per_class=1,
        test_per_class=1,
        png=True,
        progress=lambda n, of: done.append((n, of)),
    )
    files = sorted((out / "images" / "tindra mumbler").iterdir())
    assert [f.name for f in files] == ["000.png", "001.png"]
    assert np.array_equal(np.asarray(Image.open(files[0])), load(out).images[0])
    assert done[-1] == (180, 180)


def test_a_folder_that_exists_is_refused_with_all_else_that_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        generate(tmp_path, size=8, train_per_class=0, seed=-1)
    assert len(caught.value.problems) == 4


def test_a_failure_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(module, "_write_tables", broken)
    with pytest.raises(RuntimeError):
        generate(tmp_path / "out", size=16, train_per_class=1, test_per_class=1)
    assert list(tmp_path.iterdir()) == []


FULL = """
import sys
from pathlib import Path
from kgzsl.data.creatures import cached
from kgzsl.errors import FailureError

try:
    cached(32, train_per_class=4, test_per_class=2)
except FailureError as error:
    print(error)
print([file.name for file in Path(sys.argv[1]).iterdir()])
"""


def test_a_full_disk_is_an_error_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = ["unshare", "--map-root-user", "--mount"]  # in which it may mount a disk of its own
    if not shutil.which("unshare") or subprocess.run([*inside, "true"], check=False).returncode:
        pytest.skip("no small disk can be mounted here")
    monkeypatch.setenv("KGZSL_CACHE", str(tmp_path))
    script = 'mount -t tmpfs -o size=256k none "$1" && exec "$2" -c "$3" "$1"'
    command = [*inside, "sh", "-c", script, "sh", str(tmp_path), sys.executable, FULL]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said, left = done.stdout.splitlines()
    assert said.startswith(f"{tmp_path}: no space is left on the disk; make room, or write to another disk")
    assert left == "[]"


def test_the_array_has_the_bytes_that_numpy_gives_it(drawn: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", np.load(drawn / "images.npy"))
    assert (tmp_path / "images.npy").read_bytes() == (drawn / "images.npy").read_bytes()


def test_the_cache_is_made_once_for_each_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KGZSL_CACHE", str(tmp_path))
    first = cached(16, train_per_class=1, test_per_class=1)
    made = (first / "images.npy").stat().st_mtime_ns
    assert cached(16, train_per_class=1, test_per_class=1) == first
    assert (first / "images.npy").stat().st_mtime_ns == made
    assert cached(16, train_per_class=1, test_per_class=1, seed=1) != first
    assert len(list(tmp_path.iterdir())) == 2


def test_a_foreign_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"images\.npy"):
        load(tmp_path)


@pytest.mark.parametrize("split", ['{"seen": ["a"], "unseen": ["a"]}', '{"seen": [], "unseen": ["a"]}', "{"])
def test_a_bad_split_is_refused(tmp_path: Path, split: str) -> None:
    (tmp_path / "x.ttl").write_text(ontology_path().read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "x_split.json").write_text(split, encoding="utf-8")
    with pytest.raises(SplitError):
        generate(tmp_path / "out", ontology=tmp_path / "x.ttl")


def test_a_class_that_a_user_adds_is_drawn(tmp_path: Path) -> None:
    added = """
:NewGlider a owl:Class ; rdfs:label "new glider"@en ; rdfs:subClassOf :TallowGlider .
"""
    (tmp_path / "x.ttl").write_text(ontology_path().read_text(encoding="utf-8") + added, encoding="utf-8")
    split = json.loads(ontology_path().with_name("creatures_split.json").read_text(encoding="utf-8"))
    namespace = split["seen"][0].partition("#")[0]
    split["unseen"].append(f"{namespace}#NewGlider")
    (tmp_path / "x_split.json").write_text(json.dumps(split), encoding="utf-8")
    looks = read_looks(tmp_path / "x.ttl")
    assert looks.labels[f"{namespace}#NewGlider"] == "new glider"
    assert looks.appearances[f"{namespace}#NewGlider"] == looks.appearances[f"{namespace}#TallowGlider"]


def test_the_sheet_shows_every_class(drawn: Path, tmp_path: Path) -> None:
    sheet = Image.open(contact_sheet(drawn, tmp_path / "sheet.png", columns=10, per_class=2, cell=40))
    assert sheet.size == (10 * (2 * 40 + 10) + 10, 10 * (40 + 24 + 10) + 10)
    assert [p.name for p in tmp_path.iterdir()] == ["sheet.png"]
