"""What each group of facts is worth: the same run with all of them, and without each."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kgzsl.api.protocol import fit_at_once, report_of, runs_of_seeds
from kgzsl.errors import ConfigError, Problem
from kgzsl.semantics.groups import groups_of

if TYPE_CHECKING:
    from kgzsl.evaluate import Summary, Worth
    from kgzsl.train.run import RunConfig

__all__ = ["ENTAILED", "Ablation", "ablate", "settings_of"]

ENTAILED = "entailed"
"""Stands among groups for all that is not asserted."""


@dataclass(frozen=True)
class Ablation:
    """A row of the table.

    Args:
        without: the group that these runs go without; empty for the full runs.
        summary: what the runs achieved.
        worth: by how much H is higher with the group; None for the full runs.
    """

    without: str
    summary: Summary
    worth: Worth | None

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "without": self.without,
            "worth": self.worth and self.worth.to_dict(),
            **self.summary.to_dict(),
        }


def settings_of(config: RunConfig, facts: Sequence[str]) -> dict[str, RunConfig]:
    """The full run (under an empty name), and the run without each group.

    Args:
        config: the run; its own ``semantics.facts`` are replaced.
        facts: groups, presets, and ``entailed`` for what follows from the asserted facts.

    Raises:
        ConfigError: names that no group has, or fewer than two.

    Example:
        >>> from kgzsl.train.run import parse_config
        >>> runs = settings_of(parse_config({}), ["att", "hierarchy", "entailed"])
        >>> {name: (c.semantics.facts, c.ontology.entail) for name, c in runs.items()}  # doctest: +NORMALIZE_WHITESPACE
        {'': (('attributes', 'hierarchy'), 'el'), 'attributes': (('hierarchy',), 'el'),
         'hierarchy': (('attributes',), 'el'), 'entailed': (('attributes', 'hierarchy'), 'none')}
    """
    groups = groups_of([name for name in facts if name != ENTAILED])
    entailed = ENTAILED in facts
    if len(groups) + entailed < 2:
        got = f"only {', '.join((*groups, *[ENTAILED] * entailed))} to go without"
        raise ConfigError(Problem(got, expected="two groups of facts or more", fix="name more with --facts"))
    if entailed and config.ontology.entail == "none":
        raise ConfigError(Problem("'entailed' of a run with ontology.entail = 'none'", expected="el or rdfs"))

    def using(*chosen: str) -> RunConfig:
        return replace(config, semantics=replace(config.semantics, facts=chosen))

    runs = {"": using(*groups)}
    if len(groups) > 1:
        runs |= {name: using(*(group for group in groups if group != name)) for name in groups}
    if entailed:
        runs[ENTAILED] = replace(runs[""], ontology=replace(config.ontology, entail="none"))
    return runs


def ablate(
    config: RunConfig,
    folder: str | Path,
    *,
    facts: Sequence[str],
    seeds: Iterable[int],
    jobs: int = 1,
    trained: Callable[[int, int], None] = lambda done, total: None,
) -> list[Ablation]:
    """Train and measure the full runs and those without each group, and what each group is worth.

    Called again, complete runs are kept and killed ones go on. All settings see the same images, split and seeds.

    Args:
        config: the run.
        folder: where the run folders go: ``full/seed-0``, ``without-hierarchy/seed-0`` and so on.
        facts: as :func:`settings_of`.
        seeds: of every setting.
        jobs: how many runs at the same time.
        trained: called at the start and after every run with (runs trained, runs in all).

    Raises:
        InputError: anything that is wrong with facts, seeds or data.
    """
    from kgzsl.evaluate import summarize, worth

    seeds = list(seeds)
    settings = settings_of(config, facts)
    folders = {name: Path(folder) / (f"without-{name}" if name else "full") for name in settings}
    waiting: dict[Path, RunConfig] = {}
    for name, setting in settings.items():
        waiting |= runs_of_seeds(setting, folders[name], seeds)
    total = len(settings) * len(seeds)
    complete = itertools.count(total - len(waiting))
    trained(next(complete), total)
    fit_at_once(waiting, jobs=jobs, done=lambda run: trained(next(complete), total))
    rows: list[Ablation] = []
    for name, path in folders.items():
        (summary,) = summarize(report_of(path / f"seed-{seed}") for seed in seeds)
        rows.append(Ablation(name, summary, worth(rows[0].summary, summary) if name else None))
    return rows
