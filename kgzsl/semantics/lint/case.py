"""What is examined: an ontology, its classes, which are seen, and their attributes as packed bits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from heapq import nsmallest

import numpy as np
from scipy import sparse

from kgzsl.errors import NoFactsError
from kgzsl.ontology import Ontology
from kgzsl.semantics.attributes import Attribute, World, class_attributes
from kgzsl.semantics.groups import DEFAULT
from kgzsl.semantics.verbalize import aspect, value_phrase

__all__ = ["Case", "Cells", "Groups", "listed", "number"]

BLOCK = 32_000_000
"""Cells of the dense class attributes that are in memory at a time."""


@dataclass(frozen=True, eq=False)
class Groups:
    """Rows that are alike.

    Args:
        of: int (row,), the group of each row.
        count: number of groups.
    """

    of: np.ndarray
    count: int

    def rows(self) -> list[np.ndarray]:
        """The rows of each group."""
        order = np.argsort(self.of, kind="stable")
        return np.split(order, np.cumsum(np.bincount(self.of, minlength=self.count))[:-1])


@dataclass(frozen=True, eq=False)
class Cells:
    """The class attributes of many classes in little memory.

    Args:
        attributes: the columns.
        has: bool csr (class, attribute), what a class is known to have (of a number: that it has one).
        lacks: bool csr (class, attribute), what a class is stated (not assumed) to lack.
        code: uint8 (class, 3 * bytes), packed bits: has, known, both stated and denied.
        degrees: float32 csr (class, attribute), values that are neither 0, 0.5 nor 1, and numbers' ranks + 1.
        incomparable: properties with numbers in units that do not convert, and these units.
    """

    attributes: tuple[Attribute, ...]
    has: sparse.csr_matrix
    lacks: sparse.csr_matrix
    code: np.ndarray
    degrees: sparse.csr_matrix
    incomparable: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @cached_property
    def graded(self) -> np.ndarray:
        """Bool (attribute,): which are columns of numbers."""
        return np.array([a.unit is not None for a in self.attributes], dtype=bool)

    @classmethod
    def of(
        cls,
        ontology: Ontology,
        classes: Sequence[str],
        world: World,
        *,
        numbers: bool = False,
        facts: Sequence[str] = DEFAULT,
    ) -> Cells:
        """Those of an ontology, by blocks of rows, since ``class_attributes`` is dense."""
        c, width = ontology.columns, len(ontology.terms)
        plain = ~c.negative & ~np.array([ontology.is_taxonomy(t) for t in ontology.terms])[c.predicate]
        pairs = c.predicate[plain].astype(np.int64) * width + c.object[plain]
        step = max(1, BLOCK // max(1, len(np.unique(pairs))))
        has, lacks, codes, degrees = [], [], [], []
        attributes: tuple[Attribute, ...] = ()
        incomparable: Mapping[str, tuple[str, ...]] = {}
        for start in range(0, len(classes), step):
            try:
                rows = classes[start : start + step]
                block = class_attributes(ontology, rows, world=world, numbers=numbers, facts=facts, among=classes)
            except NoFactsError:  # it says so of the ontology, not of this block
                break
            attributes, incomparable = block.attributes, block.incomparable
            graded = np.array([a.unit is not None for a in attributes], dtype=bool)
            half = ~graded & (block.value == 0.5)
            some = np.where(graded, block.known, block.value >= 0.5)
            has.append(sparse.csr_matrix(some))
            lacks.append(sparse.csr_matrix(block.known & ~block.assumed & (block.value <= 0.5) & ~graded))
            codes.append(np.hstack([np.packbits(p, axis=1) for p in (some, block.known, half)]))
            partly = np.where((block.value > 0) & (block.value < 1) & ~half, block.value, 0)
            degrees.append(sparse.csr_matrix(np.where(graded, block.known * (block.value + 1), partly)))
        if not has:
            nothing = sparse.csr_matrix((len(classes), 0), dtype=bool)
            return cls((), nothing, nothing, np.zeros((len(classes), 0), dtype=np.uint8), nothing.astype(np.float32))
        whole = (sparse.vstack(has, "csr"), sparse.vstack(lacks, "csr"), np.vstack(codes))
        return cls(attributes, *whole, sparse.vstack(degrees, "csr").astype(np.float32), incomparable)

    def groups(self, rows: np.ndarray | None = None, columns: np.ndarray | None = None) -> Groups:
        """Rows with the same cells.

        Args:
            rows: which rows; all if None.
            columns: bool (attribute,), which columns count; all if None.
        """
        code = self.code if rows is None else self.code[rows]
        if columns is not None:
            code = code & np.tile(np.packbits(columns), 3)
        fine = self.degrees.getnnz(axis=0) > 0
        if columns is not None:
            fine &= columns
        if fine.any():
            degrees = self.degrees if rows is None else self.degrees[rows]
            exact = np.ascontiguousarray(degrees[:, np.flatnonzero(fine)].toarray())
            code = np.hstack([code, exact.view(np.uint8)])
        if not code.shape[1]:
            return Groups(np.zeros(len(code), dtype=int), min(1, len(code)))
        # Bytes compare much faster than rows of numbers.
        _, group = np.unique(np.ascontiguousarray(code).view((np.void, code.shape[1])).ravel(), return_inverse=True)
        return Groups(group, int(group.max(initial=-1)) + 1)


@dataclass(frozen=True, eq=False)
class Case:
    """One ontology, and how it is to be used.

    Args:
        ontology: entailed.
        classes: IRIs of all classes examined, sorted.
        seen: IRIs of the seen ones, sorted; empty without a split.
        unseen: IRIs of the unseen ones, sorted; empty without a split.
        world: what to make of that which is not stated.
        numbers: whether numbers are attributes.
        facts: groups of facts that describe classes.
    """

    ontology: Ontology
    classes: tuple[str, ...]
    seen: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
    world: World = "pca"
    numbers: bool = False
    facts: tuple[str, ...] = DEFAULT

    @cached_property
    def cells(self) -> Cells:
        """The attributes of all classes."""
        return Cells.of(self.ontology, self.classes, self.world, numbers=self.numbers, facts=self.facts)

    @cached_property
    def groups(self) -> Groups:
        """Classes that no attribute tells apart."""
        return self.cells.groups()

    @cached_property
    def described(self) -> np.ndarray:
        """Bool (class,): whether a fact, positive or negative, is about an attribute of the class."""
        return (self.cells.has.getnnz(axis=1) + self.cells.lacks.getnnz(axis=1)) > 0

    @cached_property
    def count(self) -> np.ndarray:
        """Number of classes that have each attribute."""
        return self.cells.has.getnnz(axis=0)

    @cached_property
    def rows(self) -> dict[str, int]:
        """Class IRI -> its row."""
        return {iri: k for k, iri in enumerate(self.classes)}

    @cached_property
    def seen_rows(self) -> np.ndarray:
        """Rows of the seen classes."""
        return np.array([self.rows[c] for c in self.seen], dtype=int)

    @cached_property
    def unseen_rows(self) -> np.ndarray:
        """Rows of the unseen classes."""
        return np.array([self.rows[c] for c in self.unseen], dtype=int)

    @cached_property
    def seen_count(self) -> np.ndarray:
        """Number of seen classes that have each attribute."""
        return self.cells.has[self.seen_rows].getnnz(axis=0)

    @cached_property
    def unseen_count(self) -> np.ndarray:
        """Number of unseen classes that have each attribute."""
        return self.unseen_has.getnnz(axis=0)

    @cached_property
    def unseen_has(self) -> sparse.csc_matrix:
        """Bool (unseen class, attribute): what the unseen classes have."""
        return self.cells.has[self.unseen_rows].tocsc()

    @cached_property
    def learned(self) -> np.ndarray:
        """Bool (attribute,): whether some seen classes have it and others have not; of numbers, whether they differ."""
        return self.differs(self.seen_rows)

    def differs(self, rows: np.ndarray) -> np.ndarray:
        """The same for any classes."""
        count = self.cells.has[rows].getnnz(axis=0)
        found = (count > 0) & (count < len(rows))
        for column in np.flatnonzero(self.cells.graded).tolist():
            found[column] = len(np.unique(self.cells.degrees[rows][:, [column]].data)) > 1
        return found

    # ---- words -----------------------------------------------------------------------

    def attribute_name(self, attribute: Attribute) -> str:
        """An attribute in words: "body color: scarlet"."""
        return f"{aspect(attribute.property, self.ontology)}: {value_phrase(attribute.filler, self.ontology)}"

    def column_attributes(self, columns: Iterable[int]) -> tuple[Attribute, ...]:
        """The attributes of some columns."""
        return tuple(self.cells.attributes[k] for k in columns)

    def column_name(self, column: int) -> str:
        """The attribute of a column, in words."""
        return self.attribute_name(self.cells.attributes[column])

    def row_classes(self, rows: Iterable[int]) -> tuple[str, ...]:
        """The classes of some rows."""
        return tuple(self.classes[k] for k in rows)

    def names(self, iris: Sequence[str], limit: int = 5) -> str:
        """Labels of the first few, sorted, and how many more there are."""
        return listed([self.ontology.label(iri) for iri in iris], limit)

    def attribute_names(self, attributes: Sequence[Attribute], limit: int = 5) -> str:
        """Attributes in words, the first few, and how many more there are."""
        return listed([self.attribute_name(a) for a in attributes], limit)


def listed(words: Sequence[str], limit: int = 5) -> str:
    """The first few in the alphabet's order, and how many more.

    Example:
        >>> listed(["c", "a", "b"]), listed(["c", "a", "b"], 2)
        ('a, b, c', 'a, b and 1 more')
    """
    first = nsmallest(limit, words)
    more = f" and {len(words) - limit:,} more" if len(words) > limit else ""
    return ", ".join(first) + more


def number(count: int, noun: str) -> str:
    """A count and its noun.

    Example:
        >>> number(1, "fact"), number(1200, "fact")
        ('1 fact', '1,200 facts')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
