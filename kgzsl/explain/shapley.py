"""What asserted facts add to a margin, by Shapley values: the mean of what each adds in whatever order they come."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from kgzsl.explain.explanation import Explanation, FactContribution
from kgzsl.explain.games import Coalition, every_coalition, exact_values, marginal_range, sampled_values
from kgzsl.explain.margin import contribution_of, explanation_of, responsible
from kgzsl.explain.question import Question
from kgzsl.ontology import Edit, Fact, Proof
from kgzsl.ontology.facts import FactKey

__all__ = ["FactGame", "ShapleyMethod", "ShapleySettings"]

NOTHING = "nothing known"
"""The part of the margin that is there when no player is."""
SAME = 1e-6
"""A change that is a smaller share of the margin (or smaller than this) is none: scores are of single precision."""
PROBES = 16
"""Draws of coalitions in which it is tried whether facts that are left out add something after all."""


@dataclass(frozen=True)
class ShapleySettings:
    """How Shapley values are found.

    Args:
        exact: so many players or fewer are solved exactly, by all their coalitions.
        most: permutations at most, of more players.
        least: permutations at least.
        width: intervals are narrow enough at this share of the margin.
        batch: coalitions that are scored at once.
        seed: of all draws.
    """

    exact: int = 12
    most: int = 128
    least: int = 32
    width: float = 0.1
    batch: int = 256
    seed: int = 0


@dataclass(frozen=True, eq=False)
class FactGame:
    """Asserted facts as players: a coalition is worth the margin with all other players taken out of the ontology.

    Args:
        question: what was asked.
        players: asserted facts.
        batch: coalitions that are scored at once.
    """

    question: Question
    players: tuple[Fact, ...]
    batch: int = 256
    _known: dict[Coalition, float] = field(default_factory=dict, repr=False)

    def __call__(self, coalitions: Sequence[Coalition]) -> np.ndarray:
        """Margins ``(coalition,)``, calibrated; each coalition is scored once."""
        self._known.setdefault(frozenset(range(len(self.players))), self.question.margin)
        asked = [one for one in dict.fromkeys(coalitions) if one not in self._known]
        for start in range(0, len(asked), self.batch):
            some = asked[start : start + self.batch]
            edits = [Edit(remove=tuple(f for k, f in enumerate(self.players) if k not in one)) for one in some]
            found = self.question.worlds.scores(self.question.evidence[None], edits, self.question.classes)[0]
            margins = found[:, 0] - found[:, 1] + self.question.offset
            self._known.update(zip(some, margins.tolist(), strict=True))
        return np.array([self._known[one] for one in coalitions])

    def among(self, numbers: Sequence[int]) -> FactGame:
        """The game of some of the players, in which all others always take part."""
        return replace(self, players=tuple(self.players[k] for k in numbers), _known={})


@dataclass(frozen=True)
class ShapleyMethod:
    """What each asserted fact adds to the margin, on average over all orders in which facts can be asserted.

    Players are the asserted facts that anything said of the two classes rests on, so that a contribution is of what can
    be taken away, whatever follows from it: a link of the taxonomy has what is inherited along it, and of two facts
    that make up for each other both have their half. A coalition is worth the margin when the other players are taken
    out of the ontology (:class:`FactGame`): classes are described again, nothing is trained.

    Contributions sum to the margin but for the remainder, which is what is there without any player: calibration, and
    what the rest of the ontology says (``"nothing known"``).

    Up to ``settings.exact`` players all coalitions are scored. Of more, first those are left out that change nothing,
    neither alone, taken from all, nor alone, added to none, nor all of them together in random coalitions; how many is
    told. It is exact if they change no other coalition either. What is left is solved exactly, or from random
    permutations with 95% intervals, until all of these are narrower than a share of the margin
    (:func:`~kgzsl.explain.games.sampled_values`).

    Source: Shapley, "A value for n-person games", 1953; Strumbelj and Kononenko, "Explaining prediction models and
    individual predictions with feature contributions", KAIS 2014.

    Args:
        settings: how many coalitions.
    """

    settings: ShapleySettings = field(default_factory=ShapleySettings)
    name: str = "shapley"
    exact_for: str = (
        "what each asserted fact adds to the margin, averaged over all orders in which facts can come; "
        "of many facts an estimate, with an interval"
    )

    def explain(self, question: Question) -> Explanation:
        """Asserted facts, ranked by their Shapley values."""
        basis = tuple(sorted(question.worlds.basis(question.classes), key=lambda fact: fact.key))
        game, told = self._players(FactGame(question, basis, self.settings.batch))
        count = len(game.players)
        none, whole = frozenset[int](), frozenset(range(count))
        start, end = game([none, whole]).tolist()
        if count <= self.settings.exact:
            worth = game(every_coalition(count))
            values, intervals, exact_for = exact_values(worth), None, "all orders in which facts can come"
            if null := [k for k, most in enumerate(marginal_range(worth)) if most <= _same(question)]:
                told = (*told, f"{_facts(len(null))} left out: they change no coalition, which is exact")
                values[null] = 0.0
        else:
            settings, width = self.settings, self.settings.width * abs(question.margin)
            found = sampled_values(
                game,
                count,
                ends=(start, end),
                most=settings.most,
                least=settings.least,
                width=width,
                seed=settings.seed,
            )
            values, intervals = found.values, found.intervals
            exact_for = (
                f"their sum; each is a mean over {found.permutations} orders, in 95% of cases within its interval"
            )
        columns = _columns(question)
        made = [
            _contribution(
                question, fact, float(values[k]), columns.get(fact.key, ()), None if intervals is None else intervals[k]
            )
            for k, fact in enumerate(game.players)
            if values[k]
        ]
        parts = {"calibration": question.offset} if question.offset else {}
        parts[NOTHING] = start - question.offset
        explanation = explanation_of(question, made, method=self.name, exact_for=exact_for, parts=parts)
        return replace(explanation, warnings=told)

    def _players(self, game: FactGame) -> tuple[FactGame, tuple[str, ...]]:
        """The game without facts that change nothing, where there are too many to try all coalitions."""
        count = len(game.players)
        if count <= self.settings.exact:
            return game, ()
        every = frozenset(range(count))
        end, start, *rest = game([every, frozenset(), *(every - {k} for k in every), *(frozenset([k]) for k in every)])
        change = np.abs(np.array([rest[:count] - end, rest[count:] - start])).max(0)
        out = np.flatnonzero(change <= _same(game.question)).tolist()
        random, back = np.random.default_rng(self.settings.seed), out
        while out and back:
            shares, there = random.random(PROBES), sorted(every.difference(out))
            draws = [frozenset(k for k in there if random.random() < share) for share in shares]
            back = _that_matter(game, draws, out)
            out = sorted(set(out).difference(back))
        if not out:
            return game, ()
        said = (
            f"{_facts(len(out))} left out: taken from all, added to none, and together in {PROBES} random coalitions "
            "they change nothing, which is exact if they do so in no other"
        )
        return game.among(sorted(every.difference(out))), (said,)


def _that_matter(game: FactGame, draws: Sequence[Coalition], some: Sequence[int]) -> list[int]:
    """Those of some players that change what coalitions are worth when they join, found by halving."""
    if not _change(game, draws, some):
        return []
    if len(some) == 1:
        return [*some]
    half = len(some) // 2
    found = [*_that_matter(game, draws, some[:half]), *_that_matter(game, draws, some[half:])]
    if found:
        return found
    needed = [*some]  # no half does alone: those without whom the rest does not either
    for one in some:
        rest = [k for k in needed if k != one]
        if _change(game, draws, rest):
            needed = rest
    return needed


def _change(game: FactGame, draws: Sequence[Coalition], some: Sequence[int]) -> bool:
    """Whether some players together change what any of some coalitions is worth."""
    joined = game([draw.union(some) for draw in draws])
    return bool(np.abs(joined - game(draws)).max() > _same(game.question))


def _same(question: Question) -> float:
    """A change of the margin that is none."""
    return SAME * max(1.0, abs(question.margin))


def _facts(count: int) -> str:
    """So many facts, in words."""
    return f"{count} asserted fact{'s are' if count > 1 else ' is'}"


def _columns(question: Question) -> Mapping[FactKey, Sequence[int]]:
    """The attributes that set the classes apart by what rests on each asserted fact."""
    count = len(question.attributes.attributes)
    columns: dict[FactKey, list[int]] = defaultdict(list)
    apart = question.evidence * (question.vectors[question.explained] - question.vectors[question.rival])
    for column in np.flatnonzero(apart[:count]).tolist():
        facts = responsible(question, column)
        for key in {base.key for fact in facts for base in question.ontology.prove(fact).asserted()}:
            columns[key].append(column)
    return columns


def _contribution(
    question: Question, fact: Fact, value: float, columns: Sequence[int], interval: np.ndarray | None
) -> FactContribution:
    """An asserted fact with what it adds, and where what rests on it was found."""
    told = contribution_of(question, fact, value, columns, proof=Proof(fact, "asserted"))
    return told if interval is None else replace(told, interval=(float(interval[0]), float(interval[1])))
