"""Data sets of the library datasets: what is read of them, and what is asked of the hub."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kgzsl import api
from kgzsl.data.check import check
from kgzsl.errors import ConfigError, DataError, FailureError


def test_the_library_is_asked_for(toys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    (tmp_path / "state.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"pip install kgzsl\[hf\]"):
        api.load_dataset(config(toys, tmp_path))
    with pytest.raises(ConfigError, match=r"pip install kgzsl\[hf\]"):
        check(tmp_path)
    with pytest.raises(DataError, match="no such folder"):
        api.load_dataset(config(toys, tmp_path / "none"))


def config(toys: Any, root: Path | str, **data: Any) -> Any:
    whole = {"dataset": "hf", "root": str(root), "images": ""} | data
    return toys.config(data=whole)


@pytest.fixture
def saved(toys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The toys, six of each class in the split train and two in test."""
    library = pytest.importorskip("datasets")
    monkeypatch.setenv("KGZSL_CACHE", str(tmp_path / "cache"))
    folders = sorted(p for p in toys.images.iterdir())
    features = library.Features(
        {"picture": library.Image(), "what": library.ClassLabel(names=[p.name for p in folders])}
    )

    def table(numbers: range) -> Any:
        rows = [(k, p / f"{n}.png") for k, p in enumerate(folders) for n in numbers]
        pictures = [{"bytes": path.read_bytes(), "path": None} for _, path in rows]
        return library.Dataset.from_dict({"picture": pictures, "what": [k for k, _ in rows]}, features=features)

    both = library.DatasetDict({"train": table(range(6)), "test": table(range(6, 8))})
    both.save_to_disk(str(tmp_path / "saved"))
    (tmp_path / "parquet" / "data").mkdir(parents=True)
    for split, content in both.items():
        content.to_parquet(str(tmp_path / "parquet" / "data" / f"{split}-00000-of-00001.parquet"))
    return tmp_path / "saved"


@pytest.mark.parametrize("form", ["saved", "parquet"])
def test_a_folder(form: str, saved: Path, toys: Any) -> None:
    root = saved.with_name(form)
    images = api.load_dataset(config(toys, root)).images
    assert Counter(images.parts.tolist()) == {"trainval": 36, "test_seen": 12, "test_unseen": 16}
    own = {np.asarray(Image.open(p)).tobytes() for p in (toys.images / "GreenBox").iterdir()}
    written = [
        p
        for p, label in zip(images.names, images.labels, strict=True)
        if images.space.classes[label] == toys.iri("green box")
    ]
    assert {np.asarray(Image.open(p)).tobytes() for p in written} == own
    again = api.load_dataset(config(toys, root)).images
    assert again.names == images.names
    report = check(root, dataset="hf")
    assert (report.problems, dict(report.counts)) == ((), {"classes": 8, "images": 64})


def test_a_full_disk_is_said_and_nothing_is_kept(toys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kgzsl.data import hugging_face

    def full(table: Any, image: str, label: str, *, folder: Path, folders: list[str]) -> None:
        folder.mkdir()
        (folder / "half.png").write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setenv("KGZSL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(hugging_face, "_open", lambda root: {"train": SimpleNamespace(_fingerprint="f")})
    monkeypatch.setattr(hugging_face, "_columns", lambda tables, root: ("picture", "what", ("red disc",)))
    monkeypatch.setattr(hugging_face, "_write", full)
    (tmp_path / "saved").mkdir()
    with pytest.raises(FailureError, match="no space is left on the disk; make room, or set KGZSL_CACHE"):
        api.load_dataset(config(toys, tmp_path / "saved"))
    assert list((tmp_path / "cache" / "hf").iterdir()) == []


def test_what_is_wrong_with_one(saved: Path, toys: Any, tmp_path: Path) -> None:
    import datasets

    with pytest.raises(ConfigError, match=r"no data\.split"):
        api.load_dataset(config(toys, saved, split=""))
    train = datasets.load_from_disk(str(saved))["train"]
    train.remove_columns("what").save_to_disk(str(tmp_path / "unlabeled"))
    with pytest.raises(DataError, match=r"0 columns of classes; there are picture \(Image\)"):
        api.load_dataset(config(toys, tmp_path / "unlabeled"))
    stray = train.map(lambda row, k: row | {"what": -1 if k < 3 else row["what"]}, with_indices=True)
    stray.save_to_disk(str(tmp_path / "stray"))
    with pytest.raises(DataError, match="3 labels of the split train are beyond the 8 classes"):
        api.load_dataset(config(toys, tmp_path / "stray"))
    assert "3 labels" in str(check(tmp_path / "stray").problems[0])
    (saved / "train" / "dataset_info.json").write_text("{")
    with pytest.raises(DataError, match="not a data set that can be read"):
        api.load_dataset(config(toys, saved))


def test_the_hub_is_reached_only_by_its_name(saved: Path, toys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    asked: list[str] = []
    local = datasets.load_from_disk(str(saved))

    def load(name: str, **options: Any) -> Any:
        asked.append(name)
        return local

    monkeypatch.setattr(datasets, "load_dataset", load)
    api.load_dataset(config(toys, saved))
    assert asked == []
    split = json.loads(toys.split.read_text())
    assert set(api.load_dataset(config(toys, "hf://owner/toys")).split.unseen) == {toys.iri(c) for c in split["unseen"]}
    assert asked == ["owner/toys"]
