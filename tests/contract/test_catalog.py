"""Every row of the catalog is whole, and as the published files have it where these are at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from kgzsl.data.catalog import LAYOUTS, catalog, layout_of, published_as
from kgzsl.data.check import check
from kgzsl.errors import ConfigError
from kgzsl.train.run import parse_config

ROWS = list(catalog().values())
BACKBONES = {"imagenet-1k", "imagenet-21k", "inaturalist-birds", "web"}


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_a_row_is_whole(row, tmp_path: Path) -> None:
    assert row.layout in LAYOUTS
    assert row.seen + row.unseen == row.classes
    assert 0 <= row.validation < row.seen
    assert min(row.classes, row.attributes, row.images) > 0
    assert row.title
    assert row.source
    assert any(file.needed for file in row.files)
    assert len({file.name for file in row.files}) == len(row.files)
    assert all(file.what and "http" in file.source for file in row.files)
    assert set(row.pretraining) == BACKBONES
    assert all(v in ("none", "all", "unknown") or isinstance(v, tuple) for v in row.pretraining.values())
    if row.layout == "xlsa17":
        assert row.folders
        assert row.names in {file.name for file in row.files}
        assert published_as("", classes=row.classes, attributes=row.attributes) == row
    assert layout_of(row.name.lower()) == row.layout
    assert parse_config({"data": {"dataset": row.name, "root": str(tmp_path)}}).data.dataset == row.name


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_an_empty_folder_tells_where_everything_is_to_be_had(row, tmp_path: Path) -> None:
    report = check(tmp_path, dataset=row.name)
    assert not any(file.there for file in report.files)
    said = "\n".join(map(str, report.problems))
    for file in row.files:
        if file.needed:
            assert f"{tmp_path / file.name}: not there; expected {file.what}; get it from {file.source}" in said
    assert len({str(p.file) for p in report.problems}) == len(report.problems)


@pytest.mark.parametrize(("name", "folder"), [("AWA2", "AWA2"), ("CUB", "CUB"), ("SUN", "SUN"), ("aPY", "APY")])
def test_a_row_is_as_published(name: str, folder: str, shared_data: Path) -> None:
    row, root = catalog()[name], shared_data / "xlsa17" / folder
    lists = {
        part: (root / f"{part}classes{k}.txt").read_text().split()
        for part, k in (("trainval", ""), ("test", ""), ("val", 1))
    }
    assert (len(lists["trainval"]), len(lists["test"]), len(lists["val"])) == (row.seen, row.unseen, row.validation)
    for overlap in row.pretraining.values():
        if isinstance(overlap, tuple):
            assert set(overlap) <= set(lists["test"])
    counts = check(root, dataset=name).counts
    assert (counts["classes"], counts["attributes"], counts["images"]) == (row.classes, row.attributes, row.images)


def test_imnet_a_is_as_published(shared_data: Path) -> None:
    report = check(shared_data / "kzsl" / "ImNet-A")
    assert report.dataset == "ImNet-A"
    assert (report.counts["seen"], report.counts["unseen"]) == (28, 52)
    assert {Path(str(p.file)).name for p in report.problems} == {"images"}


def test_other_numbers_than_the_published_ones_are_said(xlsa17) -> None:
    said = [str(p) for p in check(xlsa17.folder, dataset="AWA2").problems]
    assert "8 classes; expected 50, as published for AWA2" in said
    assert "64 images; expected 37,322, as published for AWA2" in said


def test_an_unknown_name() -> None:
    with pytest.raises(ConfigError, match="no data set 'AWA3'; expected a data set"):
        layout_of("AWA3")
    with pytest.raises(ConfigError, match="no such folder"):
        check("nowhere")


def test_a_folder_of_no_known_layout(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"att_splits.mat \(xlsa17\).*--dataset"):
        check(tmp_path)
