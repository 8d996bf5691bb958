"""The comparison: one row a setting, and never two test sets in one table."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kgzsl.errors import DataError, MismatchError
from kgzsl.evaluate import SelectedOnTest, ZeroShotReport, compare, comparison_records, comparison_table

DUET = ZeroShotReport(
    dataset="AWA2",
    test_images="0" * 64,
    model="duet",
    backbone="res101",
    overlap="dolphin, horse, seal, sheep (imagenet-1k)",
    semantics="KG attributes",
    selection_rule="best H on validation classes cut from the seen ones by the seed",
    setting="1" * 64,
    seed=0,
    T1=0.6,
    U=0.5,
    S=0.7,
    H=0.58,
    AUSUC=0.4,
    best_H=0.6,
    gamma=1.25,
    gamma_unit="scores",
    per_class={"zebra": 0.5},
    seconds=120.0,
    parameters=1_000_000,
    trainable=300_000,
    peak_memory=1.5,
)
ESZSL = replace(DUET, model="eszsl", setting="2" * 64, T1=0.5, parameters=85, trainable=85, peak_memory=None)
ON_TEST = SelectedOnTest("on test", "checkpoint", T1=0.6, U=0.6, S=0.7, H=0.64, AUSUC=0.4, gamma=1.0)


def test_seeds_are_joined_and_settings_are_not() -> None:
    again = replace(DUET, seed=1, T1=0.8, seconds=240.0, peak_memory=2.0)
    rows = compare({"runs/duet/seed-0": DUET, "runs/eszsl": ESZSL, "runs/duet/seed-1": again})
    assert [(row.name, row.summary.seeds) for row in rows] == [("runs/duet", (0, 1)), ("runs/eszsl", (0,))]
    table = comparison_table(rows)
    cells = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    assert (cells[0][">T1"], cells[1][">T1"]) == ("70.0 ± 14.1", "50.0")
    assert (cells[0][">parameters"], cells[0][">trainable"]) == ("1,000,000", "300,000")
    assert (cells[0][">minutes"], cells[0][">GiB"], cells[1][">GiB"]) == ("3.0", "2.00", "?")
    assert cells[0]["pretraining overlap"] == "dolphin, horse, seal, sheep (imagenet-1k)"
    first, second = comparison_records(rows)
    assert (first["T1"], first["T1_std"]) == (pytest.approx(0.7), pytest.approx(0.1414, abs=1e-4))
    assert (second["T1_std"], second["peak_memory"], second["seeds"]) == (None, None, "0")


def test_runs_that_lie_apart_are_named() -> None:
    (row,) = compare({"a/seed-0": DUET, "b/seed-1": replace(DUET, seed=1)})
    assert row.name == "a/seed-0, b/seed-1"
    assert row.to_dict()["run"] == row.name
    assert len(row.to_dict()["reports"]) == 2


def test_other_test_images_do_not_compare() -> None:
    other = replace(ESZSL, dataset="CUB", test_images="f" * 64)
    with pytest.raises(MismatchError) as caught:
        compare({"runs/a": DUET, "runs/b": other, "runs/c": replace(DUET, seed=1)})
    assert [str(problem) for problem in caught.value.problems] == [
        "runs/a, runs/c on the test images 000000000000... of AWA2; "
        "compare the runs of one data set and split at a time",
        "runs/b on the test images ffffffffffff... of CUB; compare the runs of one data set and split at a time",
    ]


def test_a_run_given_twice_is_an_error() -> None:
    with pytest.raises(DataError, match="seed 0 more than once for AWA2, duet"):
        compare({"a": DUET, "b": DUET})
    with pytest.raises(DataError, match="no reports"):
        compare({})


def test_selection_on_test_is_a_column_where_every_run_has_it() -> None:
    with_it = {"a": replace(DUET, on_test=(ON_TEST,)), "b": replace(ESZSL, on_test=(ON_TEST, ON_TEST))}
    table = comparison_table(compare(with_it))
    assert [title for title in table.columns if "TEST" in title] == [">H SELECTED ON TEST"]
    assert [row[table.columns.index(">H SELECTED ON TEST")] for row in table.rows] == ["64.0", "64.0"]
    assert [record["H_selected_on_test"] for record in comparison_records(compare(with_it))] == [0.64, 0.64]
    without = comparison_table(compare(with_it | {"b": ESZSL}))
    assert not any("TEST" in title for title in without.columns)


def test_what_all_rows_share_stands_once() -> None:
    table, shared = comparison_table(compare({"a": DUET, "b": ESZSL})).without_shared()
    assert table.columns[:2] == ("run", "model")
    assert dict(shared)["data set"] == "AWA2"
    assert "selection" in dict(shared)
    assert {len(row) for row in table.rows} == {len(table.columns)}


def test_markdown_is_one_line_a_row() -> None:
    lines = comparison_table(compare({"a": DUET, "b": ESZSL})).to_markdown().splitlines()
    assert len(lines) == 4
    assert len({line.count("|") for line in lines}) == 1
