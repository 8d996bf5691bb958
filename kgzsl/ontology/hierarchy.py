"""A hierarchy as integer arrays: what is below what, condensed, and what is inherited along it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

import numpy as np

__all__ = ["Hierarchy", "Table", "TooLargeError"]

_EMPTY = np.zeros(0, dtype=np.int64)
_FEW = 32
"""Up to so many components are faster walked one by one than as arrays."""
_AT_ONCE = 2_000_000
"""So many numbers are united in one go: more would only cost memory."""


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

    @cached_property
    def _levels(self) -> list[list[int]]:
        """Components in levels: what is above a component is on earlier levels."""
        left = np.diff(self.parents.start).tolist()
        here = [c for c, n in enumerate(left) if n == 0]
        start, below = self.children.start.tolist(), self.children.values.tolist()
        levels = []
        while here:
            levels.append(here)
            ready = []
            for component in here:
                for there in below[start[component] : start[component + 1]]:
                    left[there] -= 1
                    if left[there] == 0:
                        ready.append(there)
            here = ready
        return levels

    @cached_property
    def _walk(self) -> tuple[tuple[list[int], list[int]], tuple[list[int], list[int]]]:
        """Children and parents as lists: starts, components."""
        down, up = ((edges.start.tolist(), edges.values.tolist()) for edges in (self.children, self.parents))
        return down, up

    def reach(self, terms: Iterable[int], *, upwards: bool = True) -> np.ndarray:
        """All terms above (or below) some terms, these included; sorted."""
        edges = self.parents if upwards else self.children
        start, after = self._walk[upwards]
        here = distinct(self.component[np.fromiter(terms, dtype=np.int64)]).tolist()
        if len(here) == 1 and start[here[0]] == start[here[0] + 1]:
            return self.members[here[0]].copy()
        marks = bytearray(self.count)
        seen = np.frombuffer(marks, dtype=np.bool_)
        found: list[int] = []
        seen[here] = True
        while here:
            found += here
            if len(here) > _FEW:  # a broad level as arrays, a narrow one by itself
                _, reached = edges.expand(np.array(here))
                reached = distinct(reached[~seen[reached]])
                seen[reached] = True
                here = reached.tolist()
                continue
            following = []
            for component in here:
                for there in after[start[component] : start[component + 1]]:
                    if not marks[there]:
                        marks[there] = 1
                        following.append(there)
            here = following
        return np.sort(self.members.expand(np.array(found, dtype=np.int64))[1])

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
        sizes = np.diff(self.members.start).tolist()
        first, uppers = self._walk[True]
        start, total = own.start.tolist(), 0
        most = int(own.values.max(initial=0)) + 1
        values = own.values.astype(np.int32) if most < 2**31 else own.values
        result = [values[:0]] * self.count
        for level in self._levels:
            todo, waiting = [], 0
            for here in level:
                parts = [result[u] for u in uppers[first[here] : first[here + 1]]]
                if start[here] < start[here + 1]:
                    parts.append(values[start[here] : start[here + 1]])
                if len(parts) > 1:
                    parts = [p for p in parts if len(p)]
                if len(parts) > 1:
                    todo.append((here, parts))
                    waiting += sum(map(len, parts))
                    if waiting > _AT_ONCE:
                        total += _unite(todo, result, sizes, most)
                        todo, waiting = [], 0
                elif parts:
                    result[here] = parts[0]
                    total += len(parts[0]) * sizes[here]
                if total > limit:
                    raise TooLargeError(total)
            total += _unite(todo, result, sizes, most)
            if total > limit:
                raise TooLargeError(total)
        return result

    def closure(self, terms: np.ndarray, *, limit: int) -> Table:
        """All terms above each of some terms, itself included: a row for each term of the hierarchy.

        Raises:
            TooLargeError: there would be more than the limit.
        """
        wanted = np.zeros(self.count, dtype=bool)
        wanted[self.component[self.reach(terms.tolist())]] = True
        inside = np.flatnonzero(wanted)
        place = np.cumsum(wanted) - 1
        at, up = self.parents.expand(inside)
        part = Hierarchy(at, place[up], len(inside))
        own = Table(np.arange(part.count), part.members.values, part.count)
        rows = part.inherit(own, limit=limit)
        above = [rows[c] for c in part.component[place[self.component[terms]]].tolist()]
        if sum(map(len, above)) > limit:
            raise TooLargeError(sum(map(len, above)))
        position, uppers = flat(above)
        of, values = self.members.expand(inside[uppers])
        return Table(terms[position[of]], values, len(self.component))


def _unite(todo: list[tuple[int, list[np.ndarray]]], result: list[np.ndarray], sizes: list[int], most: int) -> int:
    """Unions of the parts of some components, all sorted at once; how many numbers over all their terms."""
    if len(todo) <= _FEW or len(todo) * most >= 2**62:
        for component, parts in todo:
            result[component] = distinct(np.concatenate(parts))
        return sum(len(result[component]) * sizes[component] for component, _ in todo)
    width = np.dtype(np.int64 if len(todo) * most >= 2**31 else np.int32)
    lengths = [sum(map(len, parts)) for _, parts in todo]
    base = (np.arange(len(todo)) * most).astype(width)
    offset = np.repeat(base, lengths)
    numbers = np.concatenate([part for _, parts in todo for part in parts]).astype(width, copy=False)
    numbers = distinct(numbers + offset)
    ends = np.searchsorted(numbers, np.arange(len(todo) + 1, dtype=np.int64) * most)
    counts = np.diff(ends)
    values = numbers - np.repeat(base, counts)
    values = values.astype(result[0].dtype, copy=False)
    total, bounds = 0, ends.tolist()
    for k, (component, _) in enumerate(todo):
        result[component] = values[bounds[k] : bounds[k + 1]]
        total += (bounds[k + 1] - bounds[k]) * sizes[component]
    return total


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
    return row, np.concatenate(rows) if rows else _EMPTY
