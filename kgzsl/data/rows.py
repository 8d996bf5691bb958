"""Some rows of an array on disk, read when they are asked for and not before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

__all__ = ["Rows", "in_batches", "take_rows"]


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of a memory-mapped array in an order of their own.

    Features of many images do not fit into memory, and numpy copies what it picks: this keeps the choice, and
    copies a batch at a time.

    Args:
        array: the array, usually memory-mapped.
        rows: int (row,), which of its rows.

    Example:
        >>> some = take_rows(Rows(np.arange(10).reshape(5, 2), np.array([4, 0, 2])), np.array([1, 2]))
        >>> some.shape, some[:1].tolist(), some[np.array([False, True])].tolist()
        ((2, 2), [[0, 1]], [[4, 5]])
    """

    array: np.ndarray
    rows: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        """As an array's; so are the next two."""
        return (len(self.rows), *self.array.shape[1:])

    @property
    def ndim(self) -> int:
        """How many axes."""
        return self.array.ndim

    @property
    def dtype(self) -> np.dtype:
        """Type of the numbers."""
        return self.array.dtype

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, which: int | slice | np.ndarray) -> np.ndarray:
        """A copy of one row or some, by position, slice or mask."""
        return np.array(self.array[self.rows[which]])


def take_rows(array: np.ndarray | Rows, rows: np.ndarray) -> np.ndarray | Rows:
    """Some rows (indices): a copy of them in memory, or the choice of them where the array is not in memory."""
    if isinstance(array, np.memmap):
        return Rows(array, rows)
    return Rows(array.array, array.rows[rows]) if isinstance(array, Rows) else array[rows]


def in_batches(array: np.ndarray | Rows, *, size: int = 128) -> Iterator[np.ndarray]:
    """An array as writable copies of some rows after the other, each made when it is asked for.

    Example:
        >>> [batch.tolist() for batch in in_batches(np.arange(5), size=2)]
        [[0, 1], [2, 3], [4]]
    """
    return (np.array(array[start : start + size]) for start in range(0, len(array), size))
