"""From a data set's name to the images that its files list, and to its ontology where it needs none of the user's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from kgzsl.data import folder, xlsa17
from kgzsl.data.attribute_ontology import attribute_iris, attribute_ontology, class_iris, present_attributes
from kgzsl.data.catalog import layout_of, published_as
from kgzsl.data.listing import Listing, Request
from kgzsl.data.matlab import read_matlab, strings
from kgzsl.errors import ConfigError, DataError, Problem
from kgzsl.semantics.strengths import Strengths, scale_strengths

__all__ = ["list_images", "ontology_text", "published_strengths"]

BINARY = "binaryAtt_splits.mat"


def list_images(request: Request, *, generated: bool = False) -> Listing:
    """The images of a data set.

    Args:
        request: where it is.
        generated: whether the ontology is that of :func:`ontology_text`, which knows the data set's names.

    Raises:
        ConfigError: no such data set or layout.
        DataError: all that is wrong with it.
    """
    layout = layout_of(request.dataset)
    if layout != "xlsa17" and request.features:
        raise ConfigError(Problem(f"data.features with the layout {layout}", fix="give data.backbone instead"))
    if layout == "hf":
        from kgzsl.data.hugging_face import hub_name
        from kgzsl.data.hugging_face import list_images as list_hugging_face

        if hub_name(request.root) or request.root.is_dir():
            return list_hugging_face(request)
    if not request.root.is_dir():
        expected, fix = "the root of the data set", "check data.root"
        raise DataError(Problem("no such folder", expected=expected, fix=fix, file=request.root))
    if layout == "xlsa17":
        table = class_iris(xlsa17.read_splits(request.root, dataset=request.dataset).names) if generated else None
        return xlsa17.list_images(request, table=table)
    return folder.list_images(replace(request, dataset=layout))


def ontology_text(root: Path, dataset: str, *, split: str = "", features: str = "") -> str | None:
    """The class attributes of a data set as an ontology in Turtle, or None where it has none.

    Binary attributes are those that the data set gives (``binary_att``, or K-ZSL's ``binaryAtt_splits.mat``), else
    those above the mean, as its row in the catalog says.

    Args:
        root: its folder.
        dataset: its name in the catalog, or its layout.
        split: its split file, if it is not the layout's own.
        features: its file of features; looked at where something is wrong, to say all of it.

    Raises:
        DataError: all that is wrong with the files.
    """
    if layout_of(dataset) != "xlsa17":
        return None
    own = "" if ".json" in split else split
    contents = xlsa17.read_splits(root, split=own, dataset=dataset)
    if contents.problems or contents.strengths is None:
        raise DataError(xlsa17.read_contents(root, split=own, features=features, dataset=dataset).problems)
    present = contents.present
    if present is None and (root / BINARY).is_file():
        present = _binary(root / BINARY, contents.names, attributes=contents.strengths.shape[1])
    if present is None:
        row = published_as(dataset, classes=len(contents.names), attributes=contents.strengths.shape[1])
        present = present_attributes(contents.strengths, threshold=row.threshold if row else "attribute")
    return attribute_ontology(contents.names, contents.attributes, present.astype(bool))


def published_strengths(root: Path, dataset: str, *, split: str = "", generated: bool = False) -> Strengths | None:
    """The class attributes of a data set as strengths in [0, 1], or None where its layout has none.

    They are ``original_att`` (shares or percentages; -1 is unknown), else ``att``.

    Args:
        root: its folder.
        dataset: its name in the catalog, or its layout.
        split: its split file, if it is not the layout's own.
        generated: name classes and attributes by their IRIs in :func:`ontology_text`, not as the data set does.

    Raises:
        DataError: all that is wrong with the files; strengths above 100; no names of attributes.
    """
    if layout_of(dataset) != "xlsa17":
        return None
    contents = xlsa17.read_splits(root, split="" if ".json" in split else split, dataset=dataset)
    if contents.problems or contents.strengths is None:
        raise DataError(contents.problems)
    table, file = scale_strengths(contents.strengths), root / xlsa17.SPLITS
    count = table.shape[1]
    if (table > 1).any():
        got, expected = f"class attributes up to {100 * np.nanmax(table):g}", "shares up to 1, or percent up to 100"
        fix = 'scale them, or set semantics.strengths = "none"'
        raise DataError(Problem(got, expected=expected, fix=fix, file=file))
    if generated:
        # By IRI: CUB's blue wing and blue bill are two attributes with one label.
        classes = tuple(class_iris(contents.names).values())
        return Strengths(classes, attribute_iris(contents.attributes, count=count), table, file)
    if not contents.attributes:
        row = published_as(dataset, classes=len(contents.names), attributes=count)
        expected = row.names if row and row.names else "attributes.txt"
        fix = "put the file beside the splits, or give strengths as CSV"
        raise DataError(Problem("no names of the attributes", expected=expected, fix=fix, file=root))
    return Strengths(contents.names, contents.attributes, table, file)


def _binary(file: Path, names: tuple[str, ...], *, attributes: int) -> np.ndarray:
    """K-ZSL's binary attributes, ``(class, attribute)``, with the classes in the order of the names."""
    read = read_matlab(file, needed=("allclasses_names", "att"))
    own, table = strings(read["allclasses_names"]), read["att"].T
    if sorted(own) != sorted(names) or table.shape != (len(names), attributes) or not np.isin(table, (0, 1)).all():
        expected = f"0 or 1 for {attributes} attributes x the {len(names)} classes of {xlsa17.SPLITS}"
        got = f"attributes of {' x '.join(map(str, table.T.shape))}, or other classes or values"
        raise DataError(Problem(got, expected=expected, fix="take it away, or use that of this data set", file=file))
    return table[[own.index(name) for name in names]]
