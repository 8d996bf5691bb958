"""The taxonomy's links, forwards and backwards: what proofs walk along."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Container
from dataclasses import dataclass, field

__all__ = ["BY_HERMIT", "Links"]

BY_HERMIT = -(2**62)
"""The predicate of a link that HermiT alone derives: it is walked along, but proves nothing."""


@dataclass
class Links:
    """A directed graph over term numbers; each link remembers the fact that it stands for.

    ``up[x][y]`` is the predicate (a term number) of the asserted fact that puts x below y,
    and whether that fact is written the other way round (y equivalent to x); for a link that
    definition k gave, the predicate is ``-1 - k``, for one that HermiT gave ``BY_HERMIT``.
    """

    up: dict[int, dict[int, tuple[int, bool]]] = field(default_factory=lambda: defaultdict(dict))
    down: dict[int, dict[int, tuple[int, bool]]] = field(default_factory=lambda: defaultdict(dict))

    def add(self, lower: int, upper: int, predicate: int, *, reverse: bool = False) -> None:
        """Put ``lower`` below ``upper``; of two reasons for the same link the first stays."""
        if lower != upper:
            self.up[lower].setdefault(upper, (predicate, reverse))
            self.down[upper].setdefault(lower, (predicate, reverse))

    def paths(
        self, start: int, *, upwards: bool = True, without: Container[tuple[int, int]] = ()
    ) -> dict[int, int | None]:
        """Breadth first: everything reachable, each with the term before it on a shortest path.

        Args:
            start: a term.
            upwards: to what is above it, or below.
            without: (lower, upper) links that are not to be used.
        """
        edges = self.up if upwards else self.down
        before: dict[int, int | None] = {start: None}
        todo = deque([start])
        while todo:
            here = todo.popleft()
            for there in sorted(edges.get(here, ())):
                if there not in before and ((here, there) if upwards else (there, here)) not in without:
                    before[there] = here
                    todo.append(there)
        return before
