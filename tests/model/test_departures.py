"""Each departure is named, can be turned off alone, and stands in the table of the docs."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from kgzsl.errors import ConfigError
from kgzsl.model.departures import REFUSED, Departures

NAMES = tuple(field.name for field in fields(Departures))


def test_the_published_code_is_the_default_and_the_paper_has_none() -> None:
    assert set(Departures().names()) == set(NAMES) - set(REFUSED)
    assert Departures.none().names() == ()


@pytest.mark.parametrize("name", REFUSED)
def test_test_images_stay_out(name: str) -> None:
    with pytest.raises(ConfigError, match=f"departure {name} is refused"):
        Departures(**{name: True})


def test_the_docs_have_a_row_for_each_and_no_other() -> None:
    text = (Path(__file__).parents[2] / "docs" / "duet.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \|", text, flags=re.MULTILINE)
    assert tuple(rows) == NAMES


def test_each_is_explained_in_the_docstring() -> None:
    explained = re.findall(r"^ +(\w+): the paper means ", Departures.__doc__ or "", flags=re.MULTILINE)
    assert tuple(explained) == NAMES


@pytest.mark.parametrize("name", [name for name in NAMES if name not in REFUSED])
def test_each_is_read_by_the_code(name: str) -> None:
    package = Path(__file__).parents[2] / "kgzsl"
    readers = [p for p in package.rglob("*.py") if re.search(rf"(departures|made)\.{name}\b", p.read_text("utf-8"))]
    assert readers
