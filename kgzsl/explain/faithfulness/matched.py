"""Facts at random that are like given ones: what chance would have named."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from kgzsl.ontology import Fact

__all__ = ["matched_facts"]

NEAREST = 3
"""One of so many that are nearest in degree is drawn."""


def matched_facts(
    chosen: Sequence[Fact], pool: Sequence[Fact], *, degree: Callable[[Fact], int], random: np.random.Generator
) -> tuple[Fact, ...]:
    """For each of some facts another one at random, of the same predicate and polarity and about as common.

    A fact that few classes have tells more than one that most have, and colors may matter more than diets, whatever an
    explanation says: a baseline must be as likely to tell something by itself. Where no other fact of the predicate is
    left, any polarity, and then any predicate will do.

    Args:
        chosen: none is drawn, nor is one drawn twice.
        pool: what is drawn from.
        degree: how many classes have a fact.
        random: draws.

    Returns:
        As many as were chosen, or as the pool has left.

    Example:
        >>> pool = [Fact("#a", "#color", "#red"), Fact("#a", "#color", "#blue"), Fact("#a", "#eats", "#fish")]
        >>> random = np.random.default_rng(0)
        >>> matched_facts(pool[:1], pool, degree=lambda fact: 1, random=random)[0].object
        '#blue'
    """
    taken = {fact.key for fact in chosen}
    left = [fact for fact in pool if fact.key not in taken]
    drawn: list[Fact] = []
    for fact in chosen:
        if not left:
            break
        kinds = (
            [f for f in left if (f.predicate, f.polarity) == (fact.predicate, fact.polarity)],
            [f for f in left if f.predicate == fact.predicate],
            left,
        )
        alike = next(kind for kind in kinds if kind)
        nearest = sorted(alike, key=lambda f: (abs(degree(f) - degree(fact)), f.key))[:NEAREST]
        drawn.append(nearest[int(random.integers(len(nearest)))])
        left.remove(drawn[-1])
    return tuple(drawn)
