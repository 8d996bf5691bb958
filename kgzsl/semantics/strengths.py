"""How much of an attribute a class has: published matrices of strengths, beside what the ontology says."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kgzsl.errors import DataError, Problem, UnknownTermError, nearest
from kgzsl.ontology import Ontology
from kgzsl.ontology.vocabulary import local_name
from kgzsl.semantics.attributes import Attribute, ClassAttributes

__all__ = ["Strengths", "read_strengths", "scale_strengths", "with_strengths"]

SHOWN = 20
"""Of many alike problems, so many are named."""
LAYOUT = "CSV: names of attributes in the first row, after a name for the corner; then one row for each class"


@dataclass(frozen=True, eq=False)
class Strengths:
    """How much of each attribute each class has.

    Args:
        classes: names (or IRIs) of the rows.
        attributes: names (or IRIs) of the columns.
        table: float64 ``(class, attribute)`` in [0, 1]; NaN where it is unknown.
        file: where it is from, for errors.
    """

    classes: tuple[str, ...]
    attributes: tuple[str, ...]
    table: np.ndarray
    file: Path | None = None

    def to_csv(self) -> str:
        """As :func:`read_strengths` reads it back, to the bit.

        Example:
            >>> print(Strengths(("zebra",), ("stripes", "hooves"), np.array([[0.9, np.nan]])).to_csv(), end="")
            class,stripes,hooves
            zebra,0.9,
        """
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["class", *self.attributes])
        for name, row in zip(self.classes, self.table.tolist(), strict=True):
            writer.writerow([name, *("" if number != number else repr(number) for number in row)])
        return text.getvalue()


def scale_strengths(table: np.ndarray) -> np.ndarray:
    """Published strengths as shares, float64 of the same shape.

    Negative ones are unknown (AwA2 has -1), so they are NaN. If one is above 1, all are percentages.

    Args:
        table: shares in [0, 1] or percentages in [0, 100]; NaN where unknown. What is above 100 ends above 1.

    Example:
        >>> scale_strengths(np.array([[12.5, -1], [100, 0]])).tolist()
        [[0.125, nan], [1.0, 0.0]]
    """
    table = np.asarray(table, dtype=np.float64)
    table = np.where(table < 0, np.nan, table)
    return table / 100 if (table > 1).any() else table


def read_strengths(file: str | Path) -> Strengths:
    """Read a matrix of strengths from CSV.

    The first row names the attributes, after a name for the corner; then there is one row for each class. A cell is a
    share in [0, 1]; where one of them is above 1, all are percentages. An empty or negative one is unknown.

    Args:
        file: its path.

    Raises:
        DataError: all that is wrong with it: no such file, not CSV in UTF-8, a row that is too short or too long, a
            class or an attribute twice, a cell that is no number or above 100.

    Source: Lampert et al., "Attribute-Based Classification for Zero-Shot Visual Object Categorization", TPAMI 2014
    (strengths of association between classes and attributes, in percent).

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder) / "strengths.csv"
        ...     _ = file.write_text("class,stripes,hooves\\nzebra,98,100\\nokapi,45.5,-1\\n")
        ...     strengths = read_strengths(file)
        >>> strengths.classes, strengths.attributes, strengths.table.tolist()
        (('zebra', 'okapi'), ('stripes', 'hooves'), [[0.98, 1.0], [0.455, nan]])
    """
    file = Path(file)
    heading, rows = _cells(file)
    problems = [*_repeated(heading, "attribute", file), *_repeated((name for _, name, _ in rows), "class", file)]
    if "" in heading or not all(name for _, name, _ in rows):
        problems.append(Problem("an attribute or a class without a name", expected=LAYOUT, file=file))
    numbers, found = _numbers(heading, rows, file)
    problems += found
    if problems:
        raise DataError(problems)
    return Strengths(tuple(name for _, name, _ in rows), tuple(heading), scale_strengths(numbers), file)


def with_strengths(class_attributes: ClassAttributes, strengths: Strengths) -> tuple[ClassAttributes, tuple[str, ...]]:
    """The same class attributes with strengths.

    Rows are classes by IRI, local name, label or alternative label, as :meth:`Ontology.resolve
    <kgzsl.ontology.Ontology.resolve>` has it; rows of other classes are left out. A column of strengths is that of all
    attributes with a filler of this name: its IRI, or its local name, label or alternative label without regard to
    letter case, spaces and ``_ + -``. ``property::filler`` names the one under a property. Columns of numbers have no
    filler, and get none.

    A cell with a strength becomes known; where the strength is unknown, it stays as the ontology has it. ``value`` and
    ``assumed`` go on saying what the ontology says.

    Args:
        class_attributes: of an ontology.
        strengths: with a row for each of its classes.

    Returns:
        The class attributes, and the names of columns of strengths that match no attribute.

    Raises:
        DataError: classes without a row, rows or columns that mean the same, names that mean several attributes, or no
            column that matches.

    Example:
        >>> from kgzsl.ontology import parse_ontology
        >>> from kgzsl.semantics import class_attributes
        >>> o = parse_ontology('''@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
        ... :Zebra a owl:Class ; :pattern :LongStripes . :Okapi a owl:Class . :pattern a owl:ObjectProperty .''')
        >>> given = Strengths(("okapi", "zebra"), ("longstripes", "tail"), np.array([[0.25, 1.0], [0.75, 1.0]]))
        >>> table, unmatched = with_strengths(class_attributes(o, o.classes), given)
        >>> table.value.tolist(), table.degree.tolist(), table.known.tolist(), unmatched
        ([[0.0], [1.0]], [[0.25], [0.75]], [[True], [True]], ('tail',))
    """
    rows, problems = _rows(class_attributes, strengths)
    columns, unmatched, found = _columns(class_attributes, strengths)
    problems += found
    if problems:
        raise DataError(problems)
    strength, known = class_attributes.value.astype(np.float32), class_attributes.known.copy()
    given = strengths.table[rows]
    for column, number in columns.items():
        told = np.isfinite(given[:, number])
        strength[told, column] = given[told, number]
        known[told, column] = True
    return replace(class_attributes, strength=strength, known=known), unmatched


Row = tuple[int, str, list[str]]
"""Line, name of the class, cells."""


def _cells(file: Path) -> tuple[list[str], list[Row]]:
    """Names of the attributes, and the rows."""
    fix = "check semantics.strengths"
    if not file.exists():
        raise DataError(Problem("no such file", expected="a matrix of strengths", fix=fix, file=file))
    if file.is_dir():
        raise DataError(Problem("is a folder", expected=LAYOUT, fix=fix, file=file))
    try:
        reader = csv.reader(io.StringIO(file.read_text(encoding="utf-8-sig"), newline=""), strict=True)
        lines = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader if any(map(str.strip, cells))]
    except UnicodeDecodeError:
        fix = "save the table as CSV in UTF-8"
        raise DataError(Problem("is not a text file in UTF-8", expected=LAYOUT, fix=fix, file=file)) from None
    except csv.Error as error:
        raise DataError(Problem(f"is not CSV ({error})", expected=LAYOUT, fix=fix, file=file)) from None
    if len(lines) < 2:
        raise DataError(Problem("has no row of a class" if lines else "is empty", expected=LAYOUT, file=file))
    heading = lines[0][1]
    if len(heading) < 2:
        fix = "save it with commas between the cells"
        raise DataError(Problem(f"one cell in the first row, {heading[0][:40]!r}", expected=LAYOUT, fix=fix, file=file))
    return heading[1:], [(line, cells[0], cells[1:]) for line, cells in lines[1:]]


def _repeated(names: Iterable[str], what: str, file: Path) -> list[Problem]:
    """Names that stand there more than once."""
    twice = {name: count for name, count in Counter(names).items() if count > 1 and name}
    return [
        Problem(f"{what} {name!r} stands there {count} times", expected="each once", fix="keep one", file=file)
        for name, count in twice.items()
    ]


def _numbers(heading: Sequence[str], rows: Sequence[Row], file: Path) -> tuple[np.ndarray, list[Problem]]:
    """The cells as numbers, NaN where they are empty, and what is wrong with them."""
    table = np.full((len(rows), len(heading)), np.nan)
    ragged, wrong = [], []
    for row, (line, name, cells) in enumerate(rows):
        if len(cells) != len(heading):
            fix = "leave unknown cells empty, but keep their commas"
            got, expected = f"{name!r} has {len(cells)} cells", f"{len(heading)}, one for each attribute"
            ragged.append(Problem(got, expected=expected, fix=fix, file=file, line=line))
            continue
        for column, cell in enumerate(cells):
            number = _number(cell)
            table[row, column] = np.nan if number is None else number
            if number is None:
                got = f"{heading[column]!r} of {name!r} is {cell[:20]!r}"
                expected, fix = "a number", "leave it empty where it is unknown"
                wrong.append(Problem(got, expected=expected, fix=fix, file=file, line=line))
            elif number > 100:
                got = f"{heading[column]!r} of {name!r} is {cell[:20]}"
                expected = "a share from 0 to 1, or percent from 0 to 100"
                wrong.append(Problem(got, expected=expected, fix="scale it", file=file, line=line))
    return table, [*_some(ragged, "rows"), *_some(wrong, "cells")]


def _number(cell: str) -> float | None:
    """A cell as a number, NaN if it is empty, None if it is no finite number."""
    if not cell:
        return np.nan
    try:
        number = float(cell)
    except ValueError:
        return None
    return number if np.isfinite(number) else None


def _some(problems: list[Problem], what: str) -> list[Problem]:
    """The first problems, and how many there are besides."""
    beyond = len(problems) - SHOWN
    if beyond <= 0:
        return problems
    return [*problems[:SHOWN], replace(problems[SHOWN], got=f"{beyond:,} more {what} like these", line=None)]


def _rows(class_attributes: ClassAttributes, strengths: Strengths) -> tuple[list[int], list[Problem]]:
    """The row of strengths of each class, and what is wrong with the rows."""
    named: dict[str, list[int]] = defaultdict(list)
    ontology, file = class_attributes.ontology, strengths.file
    unresolved = []
    for row, name in enumerate(strengths.classes):
        try:
            named[ontology.resolve(name)].append(row)
        except UnknownTermError as error:
            unresolved.append((name, str(error)))
    problems = [
        Problem(
            f"{' and '.join(repr(strengths.classes[row]) for row in found)} are one class, {iri}",
            expected="one row for each class",
            fix="keep one",
            file=file,
        )
        for iri in class_attributes.classes
        if len(found := named.get(iri, [])) > 1
    ]
    missing = [iri for iri in class_attributes.classes if iri not in named]
    for iri in missing:
        fix = "add a row for it, with empty cells where nothing is known"
        got = f"no row for class {ontology.label(iri)!r} ({iri})"
        problems.append(Problem(got, expected="a row for each class of the split", fix=fix, file=file))
    if missing and unresolved:
        more = f" and {len(unresolved) - SHOWN} more" if len(unresolved) > SHOWN else ""
        told = "; ".join(f"{name!r} ({why})" for name, why in unresolved[:SHOWN]) + more
        got = f"rows that mean no class of the ontology: {told}"
        problems.append(Problem(got, expected="names or IRIs of classes", fix="rename them", file=file))
    return [named[iri][0] if iri in named else 0 for iri in class_attributes.classes], problems


def _columns(
    class_attributes: ClassAttributes, strengths: Strengths
) -> tuple[dict[int, int], tuple[str, ...], list[Problem]]:
    """The column of strengths of each attribute that has one, names without an attribute, and what is wrong."""
    file, ontology = strengths.file, class_attributes.ontology
    tiers = _names(class_attributes.attributes, ontology)
    where: dict[Attribute, int] = {a: k for k, a in enumerate(class_attributes.attributes)}
    matched: dict[int, int] = {}
    unmatched, problems = [], []
    for number, name in enumerate(strengths.attributes):
        keys = zip(tiers, (name, _fold(name), _fold(name)), strict=True)
        found = next((tier[key] for tier, key in keys if key in tier), [])
        if not found:
            unmatched.append(name)
            continue
        fillers = sorted({a.filler for a in found})
        if len(fillers) > 1:
            fix = f"write property::filler, or one of the IRIs {', '.join(fillers)}"
            got = f"{name!r} means {len(fillers)} attributes"
            problems.append(Problem(got, expected="one", fix=fix, file=file))
            continue
        for column in (where[a] for a in found):
            if column in matched:
                both = f"{strengths.attributes[matched[column]]!r} and {name!r}"
                got = f"{both} are one attribute, {ontology.label(fillers[0])!r}"
                problems.append(Problem(got, expected="one column for each", fix="keep one", file=file))
                break
            matched[column] = number
    if not matched and not problems:
        known = sorted({ontology.label(a.filler) for a in class_attributes.attributes if a.unit is None})
        got = f"no column is an attribute of the ontology: {', '.join(map(repr, strengths.attributes[:5]))}"
        got += ", ..." if len(strengths.attributes) > 5 else ""
        expected = f"names such as {', '.join(known[:5])}" if known else "an ontology with attributes"
        problems.append(Problem(got, expected=expected, fix=nearest(strengths.attributes[0], known), file=file))
    return matched, tuple(unmatched), problems


def _names(attributes: Sequence[Attribute], ontology: Ontology) -> tuple[Mapping[str, list[Attribute]], ...]:
    """Attributes by what their filler is called: IRIs, then names, then alternative labels; earlier ones win."""
    tiers: tuple[dict[str, list[Attribute]], ...] = (defaultdict(list), defaultdict(list), defaultdict(list))
    for attribute in attributes:
        if attribute.unit is not None:
            continue
        tiers[0][attribute.filler].append(attribute)
        own, other = _called(attribute.filler, ontology)
        properties = set().union(*_called(attribute.property, ontology))
        for tier, names in ((tiers[1], own), (tiers[2], other - own)):
            for name in names:
                tier[name].append(attribute)
                for property in properties:
                    tier[f"{property}::{name}"].append(attribute)
    return tuple(map(dict, tiers))


def _called(iri: str, ontology: Ontology) -> tuple[set[str], set[str]]:
    """Local name and label of a term, and its alternative labels, as :func:`_fold` writes them."""
    own = {_fold(local_name(iri)), _fold(ontology.label(iri))}
    return own, {_fold(label) for label in ontology.alternative_labels(iri)}


def _fold(name: str) -> str:
    """What makes two names of attributes alike: no letter case, spaces, underscores, plus signs and hyphens.

    Example:
        >>> _fold("Long_leg") == _fold("longleg")
        True
    """
    return re.sub(r"[\s_+-]+", "", name).casefold()
