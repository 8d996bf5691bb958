"""Facts as sorted integer columns, in which a row is found by binary search."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

__all__ = ["FactColumns", "Key"]

Key = tuple[int, int, int, bool]  # subject, predicate, object, negative


@dataclass(frozen=True, eq=False)
class FactColumns:
    """Facts as columns, sorted by subject, predicate, object, polarity; each fact once.

    Args:
        subject: int32 (fact,), index into the ontology's terms; so are predicate and object.
        predicate: int32 (fact,).
        object: int32 (fact,).
        negative: bool (fact,).
        source: int32 (fact,), index of the file that asserts the fact; -1 if it is entailed.
        strength: float32 (fact,), degree in [0, 1].
        plain: bool (fact,), stated by a plain triple about the subject itself, not by a restriction.
    """

    subject: np.ndarray
    predicate: np.ndarray
    object: np.ndarray
    negative: np.ndarray
    source: np.ndarray
    strength: np.ndarray
    plain: np.ndarray

    @classmethod
    def of(
        cls, facts: Mapping[Key, int], *, strength: Mapping[Key, float] | None = None, plain: set[Key] | None = None
    ) -> FactColumns:
        """Columns of a mapping from fact to source.

        Example:
            >>> c = FactColumns.of({(2, 1, 0, False): 0, (1, 1, 0, True): -1}, strength={(2, 1, 0, False): 0.5})
            >>> c.subject.tolist(), c.strength.tolist(), c.row(2, 1, 0, negative=False)
            ([1, 2], [1.0, 0.5], 1)
        """
        table = np.array([(*key, source) for key, source in facts.items()], dtype=np.int32).reshape(-1, 5)
        strengths = np.array([(strength or {}).get(key, 1.0) for key in facts], dtype=np.float32)
        plains = np.array([key in (plain or ()) for key in facts], dtype=bool)
        return cls.sorted(*table.T[:3], table[:, 3].astype(bool), table[:, 4], strengths, plains)

    @classmethod
    def sorted(cls, *columns: np.ndarray) -> FactColumns:
        """Columns in any order of rows, each fact once."""
        order = np.lexsort(columns[3::-1])
        return cls(*(np.ascontiguousarray(column[order]) for column in columns))

    @staticmethod
    def asserted(
        keys: Collection[Key], *, source: int = 0, strength: Collection[float] = (), plain: bool = True
    ) -> tuple[np.ndarray, ...]:
        """Facts as rows of every column, all of one file, in the order given; crisp where no strength is told.

        Example:
            >>> [column.tolist() for column in FactColumns.asserted([(2, 1, 0, False)], source=3)]
            [[2], [1], [0], [False], [3], [1.0], [True]]
        """
        count = len(keys)
        table = np.array(list(keys), dtype=np.int32).reshape(-1, 4)
        degrees = np.array(list(strength) or [1.0] * count, dtype=np.float32)
        return (
            *table.T[:3],
            table[:, 3].astype(bool),
            np.full(count, source, dtype=np.int32),
            degrees,
            np.full(count, plain),
        )

    def __len__(self) -> int:
        return len(self.subject)

    def take(self, rows: np.ndarray) -> tuple[np.ndarray, ...]:
        """Some rows of every column."""
        return tuple(getattr(self, name)[rows] for name in self.__dataclass_fields__)

    def rows_of(self, subject: int) -> slice:
        """The rows of one subject."""
        # Of the column's own type: else all of it would be converted first.
        ends = np.array([subject, subject + 1], dtype=self.subject.dtype)
        start, stop = np.searchsorted(self.subject, ends).tolist()
        return slice(start, stop)

    def row(self, subject: int, predicate: int, object: int, *, negative: bool) -> int | None:
        """The row of a fact, or None."""
        if min(subject, object) < 0 or max(subject, object) >= self._terms or predicate not in self._predicates:
            return None
        key = self.pack(subject, self._predicates[predicate], object, negative, shape=self._shape)
        row = int(np.searchsorted(self._keys, key))
        return row if row < len(self) and self._keys[row] == key else None

    @staticmethod
    def pack(subject, predicate, object, negative, *, shape: tuple[int, int]):  # type: ignore[no-untyped-def]
        """One number that sorts as the four do; of numbers or arrays.

        Args:
            subject: index of a term.
            predicate: number of the predicate among those in use.
            object: index of a term.
            negative: polarity.
            shape: how many predicates and terms there are.
        """
        return ((subject * shape[0] + predicate) * shape[1] + object) * 2 + negative

    @cached_property
    def _terms(self) -> int:
        return int(max(self.object.max(initial=-1), self.subject.max(initial=-1))) + 1

    @property
    def _shape(self) -> tuple[int, int]:
        return len(self._predicates), self._terms

    @cached_property
    def _predicates(self) -> dict[int, int]:
        """Predicates numbered anew without gaps, in order, so that a fact fits into 64 bits."""
        return {int(p): k for k, p in enumerate(np.flatnonzero(np.bincount(self.predicate)))}

    @cached_property
    def _keys(self) -> np.ndarray:
        """Every fact as one sorted number."""
        used = np.array(list(self._predicates), dtype=np.int64)
        compact = np.searchsorted(used, self.predicate)
        return self.pack(self.subject.astype(np.int64), compact, self.object, self.negative, shape=self._shape)
