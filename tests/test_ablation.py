"""What each group of facts is worth."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import ttest_rel

from kgzsl import api
from kgzsl.errors import ConfigError, MismatchError
from kgzsl.evaluate import Summary, worth
from kgzsl.train.run import parse_config


@pytest.fixture(scope="module")
def report(toy_run: Any) -> Any:
    return api.evaluate(toy_run)


def summary(report: Any, *shares: float) -> Summary:
    return Summary(tuple(replace(report, seed=seed, H=share) for seed, share in enumerate(shares)))


def test_the_interval_is_that_of_a_paired_t_test(report: Any) -> None:
    full, without = [0.5, 0.6, 0.8, 0.7], [0.45, 0.5, 0.79, 0.6]
    found = worth(summary(report, *full), summary(report, *without))
    expected = ttest_rel(full, without).confidence_interval(0.95)
    assert (found.low, found.high) == (pytest.approx(expected.low), pytest.approx(expected.high))
    assert found.mean == pytest.approx(0.065)
    alone = worth(summary(report, 0.5), summary(report, 0.6))
    assert (alone.low, alone.high, str(alone)) == (None, None, "-10.0")
    with pytest.raises(MismatchError, match="seeds"):
        worth(summary(report, 0.5), summary(report, 0.5, 0.6))


def test_each_setting_goes_without_one_group() -> None:
    settings = api.settings_of(parse_config({}), ["basic", "negative", "entailed"])
    groups = ("attributes", "attribute_hierarchy", "negative", "hierarchy")
    assert list(settings) == ["", *groups, "entailed"]
    for name, config in settings.items():
        assert config.semantics.facts == tuple(group for group in groups if group != name)
        assert config.ontology.entail == ("none" if name == "entailed" else "el")


def test_what_cannot_be_ablated() -> None:
    config = parse_config({})
    with pytest.raises(ConfigError, match=r"only negative to go without; expected two groups"):
        api.settings_of(config, ["negative"])
    with pytest.raises(ConfigError, match="no group of facts 'colors'"):
        api.settings_of(config, ["colors", "entailed"])
    with pytest.raises(ConfigError, match=r"'entailed' of a run with ontology.entail = 'none'"):
        api.settings_of(parse_config({"ontology": {"entail": "none"}}), ["att", "entailed"])


def test_the_table_of_what_groups_are_worth(toys: Any, tmp_path: Path, kgzsl: Any) -> None:
    file = tmp_path / "toys.toml"
    file.write_text(toys.config(train={"epochs": 1, "refit_epochs": 0}).to_toml(), encoding="utf-8")
    command = ("ablate", str(file), "--facts", "attributes,hierarchy", "--seeds", "0,1", "--out", str(tmp_path / "out"))
    done = kgzsl(*command, "--json")
    assert done.status == 0, done.err
    rows = json.loads(done.out)["rows"]
    assert [row["without"] for row in rows] == ["", "attributes", "hierarchy"]
    assert [row["semantics"] for row in rows] == ["KG attributes and hierarchy", "KG hierarchy", "KG attributes"]
    full, *others = rows
    for row in others:
        pairs = zip(full["reports"], row["reports"], strict=True)
        assert row["worth"]["mean"] == pytest.approx(sum(a["H"] - b["H"] for a, b in pairs) / 2)
        assert row["worth"]["low"] <= row["worth"]["mean"] <= row["worth"]["high"]
        assert row["seeds"] == full["seeds"] == [0, 1]
    weights = sorted((tmp_path / "out").glob("*/seed-*/checkpoint.safetensors"))
    written = {path: path.stat().st_mtime_ns for path in weights}
    again = kgzsl(*command)
    assert again.status == 0, again.err
    assert {path: path.stat().st_mtime_ns for path in weights} == written
    assert len(weights) == 6
    assert "without hierarchy" in again.out
    assert "worth in H" in again.out
