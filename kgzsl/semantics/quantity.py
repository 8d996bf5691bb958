"""Numbers with units, as literals write them, in the base unit of their dimension."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from kgzsl.ontology.vocabulary import RDF, XSD, is_literal, lexical_form, local_name

__all__ = ["DIMENSIONS", "UNITS", "Dimension", "Quantity", "Unit", "filler_of", "parse_quantity", "unit_of"]


class Dimension(NamedTuple):
    """What is measured.

    Args:
        base: symbol of the unit in which numbers are kept; empty for plain numbers.
        much: what a class with a large number is called, in an attribute's phrase.
    """

    base: str
    much: str


class Unit(NamedTuple):
    """How a unit converts: ``base = (number - zero) * factor``.

    Args:
        names: how it is written.
        base: symbol of its dimension's base unit.
        factor: size in base units.
        zero: the number that is zero in the base unit.
    """

    names: tuple[str, ...]
    base: str
    factor: float = 1.0
    zero: float = 0.0


class Quantity(NamedTuple):
    """A number of base units.

    Args:
        number: how many.
        unit: symbol of the base unit; empty for a plain number.
    """

    number: float
    unit: str


DIMENSIONS: tuple[Dimension, ...] = (
    Dimension("", "high"),
    Dimension("m", "large"),
    Dimension("kg", "heavy"),
    Dimension("s", "long"),
    Dimension("°C", "hot"),
    Dimension("%", "high percentage"),
)

UNITS: tuple[Unit, ...] = (
    Unit(("mm", "millimeter", "millimetre"), "m", 0.001),
    Unit(("cm", "centimeter", "centimetre"), "m", 0.01),
    Unit(("m", "meter", "metre"), "m"),
    Unit(("km", "kilometer", "kilometre"), "m", 1000.0),
    Unit(("in", "inch", "inches"), "m", 0.0254),
    Unit(("ft", "foot", "feet"), "m", 0.3048),
    Unit(("mg", "milligram"), "kg", 1e-6),
    Unit(("g", "gram"), "kg", 0.001),
    Unit(("kg", "kilogram"), "kg"),
    Unit(("t", "tonne", "ton"), "kg", 1000.0),
    Unit(("lb", "lbs", "pound"), "kg", 0.45359237),
    Unit(("oz", "ounce"), "kg", 0.028349523125),
    Unit(("s", "sec", "second"), "s"),
    Unit(("min", "minute"), "s", 60.0),
    Unit(("h", "hr", "hour"), "s", 3600.0),
    Unit(("d", "day"), "s", 86400.0),
    Unit(("y", "yr", "year"), "s", 365.25 * 86400.0),
    Unit(("C", "°C", "Celsius"), "°C"),
    Unit(("F", "°F", "Fahrenheit"), "°C", 5 / 9, 32.0),
    Unit(("K", "Kelvin"), "°C", 1.0, 273.15),
    Unit(("%", "percent"), "%"),
)

_NAMES = {name: unit for unit in UNITS for name in unit.names}
_PLURALS = {f"{name}s".casefold(): unit for name, unit in _NAMES.items() if len(name) > 2}
# Of symbols of one letter the case counts: K is no k.
_ANY_CASE = {name.casefold(): unit for name, unit in _NAMES.items() if len(name) > 1} | _PLURALS

_NUMBER = r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_UNIT = r"[^\W\d_]+|°\s?[CF]|%"
_QUANTITY = re.compile(
    rf"(?:~|ca\.|about)?\s*(?P<low>[+\-\u2212]?{_NUMBER})\s*(?P<unit>{_UNIT})?"
    rf"(?:\s*(?:-|\u2013|\u2014|\bto\b)\s*(?P<high>[+\-\u2212]?{_NUMBER})\s*(?P<other>{_UNIT})?)?"
)

# Of XML Schema's datatypes these may hold a number; dates, durations and truth values do not.
_READ = {
    *("string", "normalizedString", "token", "decimal", "integer", "double", "float", "long", "int", "short", "byte"),
    *("unsignedLong", "unsignedInt", "unsignedShort", "unsignedByte", "gYear"),
    *("nonNegativeInteger", "positiveInteger", "nonPositiveInteger", "negativeInteger"),
}
DIGITS = 9
"""Significant digits that are kept: 12 cm and 0.12 m are one number, whatever conversion does to the last bits."""


def parse_quantity(literal: str) -> Quantity | None:
    """A literal (as in N-Triples, or its lexical form) as a number of base units, or None if it is no number.

    A unit may follow; of a range it is the middle (``"10-12 cm"``). Commas may part thousands. What has
    another unit, a bound without the other (``"< 3 kg"``) or further words is no number here, and neither are
    dates, truth values and infinities.

    Example:
        >>> [parse_quantity(text) for text in ("1.2e3", "12 cm", "10-12 cm", "50 °F")]  # doctest: +NORMALIZE_WHITESPACE
        [Quantity(number=1200.0, unit=''), Quantity(number=0.12, unit='m'),
         Quantity(number=0.11, unit='m'), Quantity(number=10.0, unit='°C')]
        >>> parse_quantity("12 furlongs"), parse_quantity('"true"^^http://www.w3.org/2001/XMLSchema#boolean')
        (None, None)
    """
    text = literal
    if is_literal(literal):
        datatype = literal[literal.rindex('"') + 1 :].removeprefix("^^")
        if datatype.startswith((str(XSD), str(RDF))) and local_name(datatype) not in {*_READ, "langString"}:
            return None
        text = lexical_form(literal)
    match = _QUANTITY.fullmatch(" ".join(text.split()))
    if match is None:
        return None
    ends = [(_number(match["low"]), match["unit"] or match["other"])]
    if match["high"] is not None:
        ends.append((_number(match["high"]), match["other"] or match["unit"]))
    converted = [_convert(number, name) for number, name in ends]
    low, high = converted[0], converted[-1]
    if low is None or high is None or low.unit != high.unit or low.number > high.number:
        return None
    middle = rounded((low.number + high.number) / 2)
    return Quantity(middle, low.unit) if math.isfinite(middle) else None


def rounded(number: float) -> float:
    """A number to the digits that are kept."""
    return float(f"{number:.{DIGITS}g}")


def filler_of(unit: str) -> str:
    """What stands in the place of a filler in a column of numbers.

    Example:
        >>> filler_of("m"), filler_of("")
        ('number of m', 'number')
    """
    return f"number of {unit}" if unit else "number"


def unit_of(filler: str) -> str | None:
    """The base unit that a filler stands for (empty for plain numbers); None for any other filler."""
    return _FILLERS.get(filler)


def much(unit: str) -> str:
    """What a large number of a base unit is called."""
    return next(d.much for d in DIMENSIONS if d.base == unit)


def written(quantity: Quantity) -> str:
    """A quantity as text."""
    return f"{quantity.number:.6g} {quantity.unit}".rstrip()


_FILLERS = {filler_of(d.base): d.base for d in DIMENSIONS}


def _number(text: str) -> float:
    """A number without the commas between thousands."""
    return float(text.replace(",", "").replace("\u2212", "-"))


def _convert(number: float, name: str | None) -> Quantity | None:
    """A number of a named unit in base units; None if there is no such unit."""
    if name is None:
        return Quantity(number, "")
    name = name.replace(" ", "")
    unit = _NAMES.get(name) or _ANY_CASE.get(name.casefold())
    return None if unit is None else Quantity((number - unit.zero) * unit.factor, unit.base)
