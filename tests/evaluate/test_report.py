from __future__ import annotations

import json
from dataclasses import replace

import pytest

from kgzsl.errors import DataError
from kgzsl.evaluate.on_test import SelectedOnTest
from kgzsl.evaluate.report import MEASURES, ZeroShotReport, summarize

REPORT = ZeroShotReport(
    dataset="AwA2 proposed split",
    test_images="0" * 64,
    model="duet",
    backbone="vit",
    overlap="none",
    semantics="KG",
    selection_rule="H on validation classes",
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
    per_class={"ex:zebra": 0.5, "ex:horse": 0.7},
    seconds=12.5,
    parameters=1_000_000,
    trainable=300_000,
    peak_memory=1.5,
)


def test_round_trip_through_json() -> None:
    assert ZeroShotReport.from_dict(json.loads(json.dumps(REPORT.to_dict()))) == REPORT


def test_from_dict_names_every_wrong_key() -> None:
    content = REPORT.to_dict() | {"extra": 1}
    del content["T1"], content["gamma"]
    with pytest.raises(DataError) as caught:
        ZeroShotReport.from_dict(content)
    assert len(caught.value.problems) == 3


def test_percent_is_refused() -> None:
    with pytest.raises(DataError) as caught:
        replace(REPORT, T1=60.0, H=float("nan"), per_class={"ex:zebra": 50.0}, gamma=float("inf"))
    assert len(caught.value.problems) == 4


def test_rows_show_percent_and_conditions() -> None:
    rows = dict(REPORT.rows())
    assert rows["T1"] == "60.0 %"
    assert rows["gamma"] == "1.25 (scores)"
    assert rows["backbone"] == "vit"
    assert any("upper bound" in name for name in rows)


def test_summary_over_seeds() -> None:
    runs = [replace(REPORT, seed=s, T1=t) for s, t in ((2, 0.5), (0, 0.6), (1, 0.7))]
    other = replace(REPORT, semantics="attributes")
    first, second = summarize([*runs, other])
    assert first.seeds == (0, 1, 2)
    assert first.mean["T1"] == pytest.approx(0.6)
    assert first.std["T1"] == pytest.approx(0.1)
    assert dict(first.rows())["T1"] == "60.0 ± 10.0 %"
    assert (second.shared["semantics"], second.std["T1"]) == ("attributes", None)
    assert dict(second.rows())["T1"] == "60.0 %"
    assert set(first.mean) == set(MEASURES)


def test_a_seed_counts_once() -> None:
    with pytest.raises(DataError, match="seed 0 more than once"):
        summarize([REPORT, REPORT])
    with pytest.raises(DataError, match="no reports"):
        summarize([])


ON_TEST = SelectedOnTest("on test", "select-002", T1=0.6, U=0.6, S=0.7, H=0.64, AUSUC=0.4, gamma=1.0)


def test_selection_on_test_stands_beside_and_apart() -> None:
    report = replace(REPORT, on_test=(ON_TEST,))
    assert ZeroShotReport.from_dict(json.loads(json.dumps(report.to_dict()))) == report
    rows = {name: cells for name, *cells in report.rows()}
    assert rows["H"] == ["58.0 %", "64.0 %"]
    assert rows["selection"] == ["H on validation classes", "on test"]
    assert {len(cells) for cells in rows.values()} == {2}
    other = replace(report, seed=1, on_test=(replace(ON_TEST, H=0.66, rule="otherwise"),))
    (summary,) = summarize([report, other])
    rows = {name: cells for name, *cells in summary.rows()}
    assert rows["H"] == ["58.0 ± 0.0 %", "65.0 ± 1.4 %"]
    assert rows["selection"][1] == "on test; otherwise"
    assert json.loads(json.dumps(summary.to_dict()))["reports"][1]["on_test"][0]["H"] == 0.66
