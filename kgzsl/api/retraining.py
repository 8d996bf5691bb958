"""Models trained afresh without the facts that explanations rank first, or with another class having them."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np

from kgzsl.api.knowledge import attributes_used, facts_used
from kgzsl.api.protocol import fit_at_once, report_of, runs_of_seeds
from kgzsl.api.records import Run
from kgzsl.api.sources import load_ontology, strengths_source
from kgzsl.api.worlds import RunWorlds
from kgzsl.ontology import PROFILES, Edit, Fact, Ontology, edited
from kgzsl.ontology.axioms import is_anonymous
from kgzsl.ontology.columns import FactColumns
from kgzsl.ontology.export import to_turtle
from kgzsl.ontology.profile import dump

if TYPE_CHECKING:
    from kgzsl.explain.checks import Case, Retrained
    from kgzsl.train.run import RunConfig

__all__ = ["Grounds", "edited_config", "grounds_of", "retrain"]

CHANGED = 5
"""Classes whose facts are changed, at most; as many others are given them."""
FIRST = 3
"""Asserted facts of each, at most, and never more than half of them."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Grounds:
    """The asserted facts that decide about a class, by explanations of its images, and as many at random.

    Args:
        iri: the class.
        first: those that add most to the margin, together over all images that are rightly predicted.
        random: matched ones that its description rests on, too.
        given_to: another class, which is given them.
    """

    iri: str
    first: tuple[Fact, ...]
    random: tuple[Fact, ...]
    given_to: str

    def edit(self, part: str, *, graft: bool) -> Edit:
        """Taken away from the class and, as a graft, said of the other one."""
        facts: tuple[Fact, ...] = getattr(self, part)
        given = tuple(Fact(self.given_to, f.predicate, f.object, f.polarity) for f in facts) if graft else ()
        return Edit(remove=facts, add=given)


def grounds_of(
    run: Run, cases: Sequence[Case], *, degree: Callable[[Fact], int], random: np.random.Generator
) -> tuple[Grounds, ...]:
    """For some unseen classes, which facts to take away.

    Args:
        run: what is explained.
        cases: images with their explanations.
        degree: how many classes have a fact.
        random: draws.
    """
    from kgzsl.explain.faithfulness import matched_facts

    worth: dict[str, dict[Fact, float]] = defaultdict(lambda: defaultdict(float))
    for case in cases:
        if case.explanation.predicted == case.label:
            for found in case.explanation.facts:
                for fact in _described(found.proof.asserted(), run.ontology):
                    worth[case.label][fact] += found.contribution
    classes = sorted(worth)
    count = min(CHANGED, len(classes), len(run.split.unseen) // 2)
    changed = [classes[k] for k in np.linspace(0, len(classes) - 1, count).round().astype(int).tolist()]
    others = [iri for iri in run.split.unseen if iri not in changed]
    worlds, found_grounds = RunWorlds(run), []
    for iri, given_to in zip(changed, others, strict=False):
        basis = _described(worlds.basis([iri]), run.ontology)
        ranked = sorted(worth[iri], key=lambda fact: (-worth[iri][fact], fact.key))
        first = [fact for fact in ranked if worth[iri][fact] > 0][: min(FIRST, len(basis) // 2)]
        drawn = matched_facts(first, basis, degree=degree, random=random)
        if first:
            found_grounds.append(Grounds(iri, tuple(first), drawn, given_to))
    return tuple(found_grounds)


def _described(facts: Sequence[Fact], ontology: Ontology) -> list[Fact]:
    """Asserted facts that describe something: none of the taxonomy, and no axioms."""
    return [fact for fact in facts if not ontology.is_taxonomy(fact.predicate) and ontology.find(fact) is not None]


def retrain(
    run: Run, grounds: Sequence[Grounds], *, folder: Path, seeds: int, jobs: int, progress: Progress
) -> tuple[Retrained, ...] | str:
    """Train afresh under each change of the ontology, over seeds; how far the accuracy of the changed classes falls.

    All runs, also those without a change, read the ontology as it is written down here.

    Args:
        run: as it was trained.
        grounds: what to change of which classes.
        folder: where the runs go; complete ones are kept, killed ones go on.
        seeds: how many.
        jobs: trainings at the same time.
        progress: called with what is done, how much of it, and of how much.

    Returns:
        For each seed what was measured; or, as text, why it cannot be.
    """
    from kgzsl.explain.checks import Retrained

    if not grounds:
        return "no class of which images were rightly predicted, with another class to give its facts to"
    settings = {"full": Edit()}
    for name, part, graft in (
        ("without", "first", False),
        ("without-random", "random", False),
        ("grafted", "first", True),
        ("grafted-random", "random", True),
    ):
        settings[name] = _together([one.edit(part, graft=graft) for one in grounds], run.ontology)
    configs = {name: edited_config(run, change, folder) for name, change in settings.items()}
    if not _same(run, configs["full"]):
        return "the ontology says something else when it is written down and read again"
    places = {name: folder / f"{name}-{Path(c.ontology.files[0]).stem[-8:]}" for name, c in configs.items()}
    waiting: dict[Path, RunConfig] = {}
    for name, config in configs.items():
        waiting |= runs_of_seeds(config, places[name], range(seeds))
    total = len(configs) * seeds
    done = [total - len(waiting)]
    progress("training afresh", done[0], total)

    def count(_: Path) -> None:
        done[0] += 1
        progress("training afresh", done[0], total)

    seed_by_seed = sorted(waiting.items(), key=lambda one: one[1].train.seed)  # a killed check has whole seeds
    fit_at_once(dict(seed_by_seed), jobs=jobs, done=count)
    labels = [run.ontology.label(one.iri) for one in grounds]

    def accuracy(name: str, seed: int) -> float:
        report = report_of(places[name] / f"seed-{seed}")
        return fmean(report.per_class[label] for label in labels)

    return tuple(
        Retrained(seed, *(accuracy("full", seed) - accuracy(name, seed) for name in list(settings)[1:]))
        for seed in range(seeds)
    )


def _together(edits: Sequence[Edit], ontology: Ontology) -> Edit:
    """Several edits as one; what is said already is not added."""
    remove = tuple(dict.fromkeys(fact for one in edits for fact in one.remove))
    add = dict.fromkeys(fact for one in edits for fact in one.add)
    return Edit(remove, tuple(fact for fact in add if ontology.find(fact) is None))


def edited_config(run: Run, change: Edit, folder: Path) -> RunConfig:
    """A run's configuration on its ontology with a change, which is written down in a folder."""
    from kgzsl.train.checkpoint import write_text
    from kgzsl.train.run import read_config

    config = read_config(run.folder.path / "config.toml")
    ontology = edited(run.ontology, change)
    stated = np.flatnonzero((ontology.columns.source >= 0) & ~_leading_out(ontology))
    asserted = replace(ontology, columns=FactColumns(*ontology.columns.take(stated)), derived=None)
    text = to_turtle(asserted)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"ontology-{hashlib.sha256(text.encode()).hexdigest()[:8]}.ttl"
    write_text(file, text)
    profile = "owl"
    if run.ontology.profile.inherits != PROFILES["owl"].inherits:
        profile = str(folder / "profile.toml")
        own = replace(PROFILES["owl"], name="written", inherits=run.ontology.profile.inherits)
        write_text(Path(profile), dump(own))
    return replace(
        config,
        ontology=replace(config.ontology, files=(str(file),), profile=profile),
        data=replace(config.data, decoys=0.0),
        semantics=replace(config.semantics, strengths=strengths_source(config)),
    )


def _leading_out(ontology: Ontology) -> np.ndarray:
    """Bool (fact,): links to terms of other vocabularies, which would be read as classes of this one."""
    c, own = ontology.columns, {*ontology.classes, *ontology.attributes, *ontology.properties}
    links = np.array([term in ontology.profile.identity for term in ontology.terms], dtype=bool)
    out = np.array([term not in own and not is_anonymous(term) for term in ontology.terms], dtype=bool)
    return links[c.predicate] & out[c.object]


def _same(run: Run, config: RunConfig) -> bool:
    """Whether the ontology describes the classes as it did, now that it was written and read."""
    ontology = load_ontology(*config.ontology.files, profile=config.ontology.profile, entail=config.ontology.entail)
    told = attributes_used(run.config, ontology, run.space, {"facts": facts_used(run)})
    own = run.attributes
    return (
        told.attributes == own.attributes
        and np.array_equal(told.value, own.value)
        and (own.strength is not None or np.array_equal(told.known, own.known))
    )
