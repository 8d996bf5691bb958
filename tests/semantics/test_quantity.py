"""Literals as numbers of base units: every unit, ranges, and what is no number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgzsl.semantics.quantity import DIMENSIONS, UNITS, Quantity, filler_of, much, parse_quantity, unit_of, written

XSD = "http://www.w3.org/2001/XMLSchema#"


@pytest.mark.parametrize(
    ("text", "number", "unit"),
    [
        ("12", 12, ""),
        ("-3.5", -3.5, ""),
        ("1.2e3", 1200, ""),
        ("12,500 kg", 12500, "kg"),
        ("12 cm", 0.12, "m"),
        ("0.12m", 0.12, "m"),
        ("10-12 cm", 0.11, "m"),
        ("10 cm \u2013 0.12 m", 0.11, "m"),
        ("10 to 12 cm", 0.11, "m"),
        ("-5--3 C", -4, "°C"),
        ("~ 3 feet", 0.9144, "m"),
        ("32 °F", 0, "°C"),
        ("300 K", 26.85, "°C"),
        ("2 years", 63115200, "s"),
        ("3 Pounds", 1.36077711, "kg"),
        ("50 %", 50, "%"),
        (f'"7"^^{XSD}integer', 7, ""),
        (f'"12 cm"^^{XSD}string', 0.12, "m"),
        ('"12 cm"@en', 0.12, "m"),
        ('"12 cm"^^http://unit.example/#length', 0.12, "m"),
        (f'"1999"^^{XSD}gYear', 1999, ""),
    ],
)
def test_what_is_a_number(text: str, number: float, unit: str) -> None:
    assert parse_quantity(text) == Quantity(number, unit)


@pytest.mark.parametrize(
    "text",
    ["", "blue", "12 furlongs", "3 k", "12-10 cm", "10 cm - 3 kg", "< 3 kg", "1,5", "3 or 4", "NaN", "INF", "1e999"]
    + [f'"{text}"^^{XSD}{kind}' for text, kind in (("1", "boolean"), ("1999-12", "gYearMonth"), ("2", "date"))],
)
def test_what_is_none(text: str) -> None:
    assert parse_quantity(text) is None


def test_the_table_of_units() -> None:
    names = [name for unit in UNITS for name in unit.names]
    assert len(names) == len(set(names))
    assert {unit.base for unit in UNITS} | {""} == {d.base for d in DIMENSIONS}
    assert len({d.much for d in DIMENSIONS}) == len(DIMENSIONS)
    for name in names:
        assert parse_quantity(f"1 {name}") is not None
    for dimension in DIMENSIONS:
        assert unit_of(filler_of(dimension.base)) == dimension.base
        assert much(dimension.base)
        assert parse_quantity(f"7 {dimension.base}") == Quantity(7, dimension.base)
    assert unit_of("http://e/#Stripes") is None


@given(st.floats(-1e6, 1e6).map(lambda n: float(f"{n:.6g}")), st.sampled_from(DIMENSIONS))
def test_what_is_written_reads_back(number: float, dimension) -> None:  # type: ignore[no-untyped-def]
    assert parse_quantity(written(Quantity(number, dimension.base))) == Quantity(number, dimension.base)
