"""The taxonomy's links, forwards and backwards: what closure and proofs both walk along."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

__all__ = ["Links"]


@dataclass
class Links:
    """A directed graph over term numbers; each link remembers the fact that it stands for.

    ``up[x][y]`` is the predicate (a term number) of the asserted fact that puts x below y,
    and whether that fact is written the other way round (y equivalent to x).
    """

    up: dict[int, dict[int, tuple[int, bool]]] = field(default_factory=lambda: defaultdict(dict))
    down: dict[int, dict[int, tuple[int, bool]]] = field(default_factory=lambda: defaultdict(dict))

    def add(self, lower: int, upper: int, predicate: int, *, reverse: bool = False) -> None:
        """Put ``lower`` below ``upper``; of two reasons for the same link the first stays."""
        if lower != upper:
            self.up[lower].setdefault(upper, (predicate, reverse))
            self.down[upper].setdefault(lower, (predicate, reverse))

    def paths(self, start: int, *, upwards: bool = True) -> dict[int, int | None]:
        """Breadth first: everything reachable, each with the term before it on a shortest path."""
        edges = self.up if upwards else self.down
        before: dict[int, int | None] = {start: None}
        todo = deque([start])
        while todo:
            here = todo.popleft()
            for there in sorted(edges.get(here, ())):
                if there not in before:
                    before[there] = here
                    todo.append(there)
        return before

    def closure(self) -> tuple[dict[int, set[int]], tuple[tuple[int, ...], ...]]:
        """Everything above each term, and the cycles.

        Strongly connected components are found first (Tarjan, "Depth-first search and linear
        graph algorithms", SIAM J. Comput. 1972); they come out superclasses first, so that
        each component's set is the union of finished ones. A term is above itself only by
        way of a cycle, and that is left out.
        """
        above: dict[int, set[int]] = {}
        cycles = []
        for component in self._components():
            members = set(component)
            reached = set(members) if len(members) > 1 else set()
            for upper in {u for m in members for u in self.up.get(m, ())} - members:
                reached.add(upper)
                reached |= above.get(upper, set())
            for member in component:
                above[member] = reached - {member} if len(members) > 1 else reached
            if len(members) > 1:
                cycles.append(tuple(sorted(members)))
        return above, tuple(sorted(cycles))

    def _components(self) -> Iterable[list[int]]:
        """Strongly connected components, each after all that it has links to; without recursion."""
        order: dict[int, int] = {}
        lowest: dict[int, int] = {}
        stack: list[int] = []
        waiting: set[int] = set()
        for root in sorted(self.up):
            if root in order:
                continue
            calls = [(root, iter(sorted(self.up.get(root, ()))))]
            order[root] = lowest[root] = len(order)
            stack.append(root)
            waiting.add(root)
            while calls:
                here, neighbors = calls[-1]
                for there in neighbors:
                    if there not in order:
                        order[there] = lowest[there] = len(order)
                        stack.append(there)
                        waiting.add(there)
                        calls.append((there, iter(sorted(self.up.get(there, ())))))
                        break
                    if there in waiting:
                        lowest[here] = min(lowest[here], order[there])
                else:
                    calls.pop()
                    if calls:
                        lowest[calls[-1][0]] = min(lowest[calls[-1][0]], lowest[here])
                    if lowest[here] == order[here]:
                        component: list[int] = []
                        while not component or component[-1] != here:
                            component.append(stack.pop())
                            waiting.discard(component[-1])
                        yield component
