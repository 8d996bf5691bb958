"""The class attributes as a table for spreadsheets and statistics programs."""

from __future__ import annotations

import csv
from pathlib import Path

from kgzsl.ontology.whole import whole_file
from kgzsl.semantics.attributes import ClassAttributes
from kgzsl.semantics.verbalize import value_phrase

__all__ = ["csv_rows", "write_csv"]


def csv_rows(class_attributes: ClassAttributes) -> list[list[str]]:
    """Four rows of heading, and one for each class.

    The heading names each column by the labels of property and filler, then by their IRIs. A
    class's row begins with its IRI and label. Cells are ``1`` (has it), ``0`` (lacks it), ``0.5``
    (the ontology says both), a degree or a number's rank in between, or empty (unknown). pandas reads it with
    ``read_csv(path, header=[0, 1, 2, 3], index_col=[0, 1])``.

    Example:
        >>> from kgzsl.ontology import parse_ontology
        >>> from kgzsl.semantics import class_attributes
        >>> o = parse_ontology('''@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
        ... :Zebra a owl:Class ; :pattern :Stripes . :Deer a owl:Class . :pattern a owl:ObjectProperty .''')
        >>> for row in csv_rows(class_attributes(o, o.classes, world="open")):
        ...     print(",".join(row))
        ,property,pattern
        ,filler,stripes
        ,property IRI,http://e/#pattern
        class IRI,filler IRI,http://e/#Stripes
        http://e/#Deer,deer,
        http://e/#Zebra,zebra,1
    """
    ontology, columns = class_attributes.ontology, class_attributes.attributes
    rows = [
        ["", "property", *(ontology.label(a.property) for a in columns)],
        ["", "filler", *(value_phrase(a.filler, ontology) for a in columns)],
        ["", "property IRI", *(a.property for a in columns)],
        ["class IRI", "filler IRI", *(a.filler for a in columns)],
    ]
    for iri, values, known in zip(
        class_attributes.classes, class_attributes.value.tolist(), class_attributes.known.tolist(), strict=True
    ):
        cells = [f"{value:g}" if yes else "" for value, yes in zip(values, known, strict=True)]
        rows.append([iri, ontology.label(iri), *cells])
    return rows


def write_csv(class_attributes: ClassAttributes, path: str | Path, *, force: bool = False) -> None:
    """Write :func:`csv_rows`, whole or not at all."""
    with (
        whole_file(path, force=force) as working,
        working.open("w", encoding="utf-8", newline="") as file,
    ):
        csv.writer(file, lineterminator="\n").writerows(csv_rows(class_attributes))
