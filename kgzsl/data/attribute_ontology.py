"""An ontology from a matrix of class attributes, for data sets that come without one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

import numpy as np

__all__ = ["attribute_iris", "attribute_ontology", "class_iris", "present_attributes"]

BASE = "urn:kgzsl:attributes#"


def present_attributes(strengths: np.ndarray, *, threshold: Literal["matrix", "attribute"] = "attribute") -> np.ndarray:
    """Which class has which attribute: those above the mean, ``(class, attribute)``, boolean.

    Args:
        strengths: ``(class, attribute)``.
        threshold: mean over the whole ``matrix``, or over the classes for each ``attribute``.

    Example:
        >>> present_attributes(np.array([[0.1, 9.0], [0.3, 8.0]])).tolist()
        [[False, True], [True, False]]
    """
    return strengths > (strengths.mean() if threshold == "matrix" else strengths.mean(0, keepdims=True))


def class_iris(names: Sequence[str]) -> dict[str, str]:
    """The IRI that every class has in :func:`attribute_ontology`.

    Example:
        >>> class_iris(["grizzly+bear"])
        {'grizzly+bear': 'urn:kgzsl:attributes#class_1_grizzly_bear'}
    """
    return {name: f"{BASE}class_{k}_{_plain(name)}" for k, name in enumerate(names, 1)}


def attribute_iris(attributes: Sequence[str], *, count: int) -> tuple[str, ...]:
    """The IRI that every attribute has as a filler in :func:`attribute_ontology`.

    Args:
        attributes: names of the attributes; if empty, they are numbered.
        count: how many there are.

    Example:
        >>> attribute_iris(["has_bill_shape::dagger"], count=1)
        ('urn:kgzsl:attributes#attribute_1_dagger',)
    """
    values = [name.partition("::")[2] or name.partition("::")[0] for name in _named(attributes, count)]
    return tuple(f"{BASE}attribute_{k}_{_plain(value)}" for k, value in enumerate(values, 1))


def attribute_ontology(names: Sequence[str], attributes: Sequence[str], present: np.ndarray) -> str:
    """Classes with their attributes, in Turtle.

    An attribute ``has_bill_shape::dagger`` becomes the filler ``dagger`` of the property ``has bill shape``, any other
    one a filler of ``has attribute``. What a class has not is left out: by the partial completeness
    assumption (``semantics.world = "pca"``) it is absent where the class states another value of the property.

    Args:
        names: classes.
        attributes: names of the attributes; if empty, they are numbered.
        present: boolean ``(class, attribute)``.
    """
    lines = [
        f"@prefix : <{BASE}> .",
        "@prefix owl: <http://www.w3.org/2002/07/owl#> .",
        "@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .",
    ]
    properties: dict[str, str] = {}
    pairs = []
    count = present.shape[1]
    for attribute, iri in zip(_named(attributes, count), attribute_iris(attributes, count=count), strict=True):
        group, found, value = attribute.partition("::")
        label = _words(group) if found else "has attribute"
        properties.setdefault(label, f"property_{_plain(label)}")
        pairs.append((properties[label], iri.removeprefix(BASE), _words(value or group)))
    lines += [f":{key} a owl:ObjectProperty ; rdfs:label {_quoted(label)} ." for label, key in properties.items()]
    lines += [f":{key} a owl:Class ; rdfs:label {_quoted(label)} ." for _, key, label in pairs]
    for (name, iri), row in zip(class_iris(names).items(), present, strict=True):
        label = _words(re.sub(r"^\d+\.", "", name))
        restrictions = "".join(
            f" ;\n  rdfs:subClassOf [ a owl:Restriction ; owl:onProperty :{p} ; owl:someValuesFrom :{filler} ]"
            for (p, filler, _), has in zip(pairs, row, strict=True)
            if has
        )
        lines.append(f"<{iri}> a owl:Class ; rdfs:label {_quoted(label)}{restrictions} .")
    return "\n".join([*lines, ""])


def _named(attributes: Sequence[str], count: int) -> Sequence[str]:
    """The names of attributes, or numbers where they have none."""
    return attributes or [f"attribute {k + 1}" for k in range(count)]


def _words(name: str) -> str:
    """A name with spaces."""
    return re.sub(r"[\s_+]+", " ", name).strip()


def _plain(name: str) -> str:
    """A name as part of an IRI."""
    return re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")


def _quoted(text: str) -> str:
    """A Turtle string."""
    import json

    return json.dumps(text, ensure_ascii=False)
