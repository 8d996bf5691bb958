"""A hierarchy as integer arrays: what is below what, condensed, and what is inherited along it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

__all__ = ["Hierarchy", "Table", "TooLargeError"]

_EMPTY = np.zeros(0, dtype=np.int64)


class TooLargeError(Exception):
    """What would be inherited is more than the limit; holds the number reached."""


class Table:
    """A sorted set of numbers for each of ``size`` rows, as compressed sparse rows.

    Args:
        rows: row of each entry.
        values: the entries; an entry may come several times.
        size: number of rows.

    Example:
        >>> table = Table(np.array([2, 0, 2, 2]), np.array([7, 5, 3, 7]), 3)
        >>> [table[k].tolist() for k in range(3)]
        [[5], [], [3, 7]]
    """

    def __init__(self, rows: np.ndarray, values: np.ndarray, size: int) -> None:
        rows, values = rows.astype(np.int64), values.astype(np.int64)
        most = int(values.max(initial=0)) + 1
        if size * most < 2**62:  # sorted as one number, which is faster
            rows, self.values = np.divmod(distinct(rows * most + values), most)
        else:
            order = np.lexsort((values, rows))
            rows, values = rows[order], values[order]
            fresh = np.ones(len(rows), dtype=bool)
            fresh[1:] = (rows[1:] != rows[:-1]) | (values[1:] != values[:-1])
            rows, self.values = rows[fresh], values[fresh]
        self.start = np.searchsorted(rows, np.arange(size + 1))

    def __getitem__(self, row: int) -> np.ndarray:
        return self.values[self.start[row] : self.start[row + 1]]

    def expand(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The entries of many rows: the position in ``rows`` that each belongs to, and the entry.

        Example:
            >>> table = Table(np.array([2, 0, 2]), np.array([7, 5, 3]), 3)
            >>> [a.tolist() for a in table.expand(np.array([2, 1, 2]))]
            [[0, 0, 2, 2], [3, 7, 3, 7]]
        """
        count = self.start[rows + 1] - self.start[rows]
        position = np.repeat(np.arange(len(rows)), count)
        first = np.cumsum(count) - count
        return position, self.values[self.start[rows][position] + np.arange(len(position)) - first[position]]


class Hierarchy:
    """Terms ordered by links from lower to upper ones; terms that are each above the other are one component.

    Args:
        lower: lower end of each link.
        upper: upper end of each link.
        size: number of terms.

    Example:
        >>> h = Hierarchy(np.array([0, 1, 2]), np.array([1, 2, 1]), 4)     # 0 below 1 = 2; 3 alone
        >>> [sorted(h.above(k)) for k in range(4)], h.cycles()
        ([[1, 2], [2], [1], []], [[1, 2]])
    """

    def __init__(self, lower: np.ndarray, upper: np.ndarray, size: int) -> None:
        from scipy.sparse import csr_array
        from scipy.sparse.csgraph import connected_components

        links = csr_array((np.ones(len(lower), dtype=np.int8), (lower, upper)), shape=(size, size))
        self.count, self.component = connected_components(links, directed=True, connection="strong")
        self.members = Table(self.component, np.arange(size), self.count)
        low, up = self.component[lower], self.component[upper]
        between = low != up
        self.parents = Table(low[between], up[between], self.count)
        self.children = Table(up[between], low[between], self.count)

    def spread(self, components: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Values of components as values of their terms: term, value."""
        if self.count == len(self.component):  # no two terms are equal
            return self.members.values[components], values
        at, terms = self.members.expand(components)
        return terms, values[at]

    def cycles(self) -> list[list[int]]:
        """Groups of several terms that are each above the other."""
        sizes = np.diff(self.members.start)
        return sorted(self.members[c].tolist() for c in np.flatnonzero(sizes > 1).tolist())

    def order(self) -> list[int]:
        """Components, upper ones first."""
        left = np.diff(self.parents.start).tolist()
        ready = [c for c, n in enumerate(left) if n == 0]
        start, below = self.children.start.tolist(), self.children.values.tolist()
        for here in ready:  # grows while it is walked
            for there in below[start[here] : start[here + 1]]:
                left[there] -= 1
                if left[there] == 0:
                    ready.append(there)
        return ready

    def reach(self, terms: Iterable[int], *, upwards: bool = True) -> np.ndarray:
        """All terms above (or below) some terms, these included; sorted."""
        edges = self.parents if upwards else self.children
        seen = np.zeros(self.count, dtype=bool)
        here = distinct(self.component[np.fromiter(terms, dtype=np.int64)])
        while len(here):
            seen[here] = True
            _, there = edges.expand(here)
            here = distinct(there[~seen[there]])
        return np.flatnonzero(seen[self.component])

    def parents_of(self, components: np.ndarray) -> list[int]:
        """A term of each component directly above some components, which are given as a mask."""
        _, uppers = self.parents.expand(np.flatnonzero(components))
        return self.members.values[self.members.start[distinct(uppers)]].tolist()

    def above(self, term: int) -> list[int]:
        """All terms above a term, equal ones included, itself not."""
        return [t for t in self.reach([term]).tolist() if t != term]

    def inherit(self, own: Table, *, limit: int) -> list[np.ndarray]:
        """What each component has: its own and all that the components above it have; sorted numbers.

        Components that add nothing share the array of the one above, so that a long chain costs nothing.

        Args:
            own: a row for each component.
            limit: most numbers over all terms.

        Raises:
            TooLargeError: there would be more.
        """
        result = [_EMPTY] * self.count
        sizes = np.diff(self.members.start).tolist()
        first, uppers = self.parents.start.tolist(), self.parents.values.tolist()
        start, total = own.start.tolist(), 0
        for here in self.order():
            parts = [result[u] for u in uppers[first[here] : first[here + 1]]]
            if start[here] < start[here + 1]:
                parts.append(own.values[start[here] : start[here + 1]])
            result[here] = merged = union(parts)
            total += len(merged) * sizes[here]
            if total > limit:
                raise TooLargeError(total)
        return result


def distinct(numbers: np.ndarray) -> np.ndarray:
    """Each number once, sorted; by sorting, which is faster on numbers than ``np.unique``'s hashing."""
    if len(numbers) < 2:
        return numbers
    numbers = np.sort(numbers, kind="stable")  # merges runs that are sorted already
    fresh = np.empty(len(numbers), dtype=bool)
    fresh[0] = True
    np.not_equal(numbers[1:], numbers[:-1], out=fresh[1:])
    return numbers[fresh]


def union(parts: list[np.ndarray]) -> np.ndarray:
    """The union of sorted sets of numbers."""
    parts = [p for p in parts if len(p)]
    if len(parts) < 2:
        return parts[0] if parts else _EMPTY
    return distinct(np.concatenate(parts))


def flat(rows: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Sets as two columns: row, number."""
    row = np.repeat(np.arange(len(rows)), [len(r) for r in rows])
    return row, np.concatenate([_EMPTY, *rows])
