"""The same questions under what must change their answers, and under what must not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from kgzsl.api.asking import verbalizer
from kgzsl.api.describing import describe
from kgzsl.api.knowledge import facts_used, prompts_of
from kgzsl.api.reading import read_texts
from kgzsl.api.records import Run
from kgzsl.api.states import read_states
from kgzsl.api.worlds import RunWorlds
from kgzsl.data.labels import LabelSpace
from kgzsl.data.split import ZeroShotSplit
from kgzsl.ontology import Ontology, renamed
from kgzsl.ontology.vocabulary import BUILT_IN
from kgzsl.semantics import Attribute, class_attributes

if TYPE_CHECKING:
    from kgzsl.explain.explanation import Explanation, FactContribution
    from kgzsl.explain.question import Question

__all__ = ["asked_again", "reordered", "under_other_names", "under_own_names", "with_shuffled_weights"]

STRANGE = "urn:kgzsl:term:"
"""Of new names for terms."""


def asked_again(
    run: Run, questions: Sequence[Question], seen: Iterable[tuple[np.ndarray, np.ndarray]]
) -> list[Question]:
    """Questions of the same images and classes (by row), put to another run.

    Args:
        run: the other one, of as many classes and attributes.
        questions: as they were.
        seen: what the other run's model sees in each image: evidence and its shares.
    """
    told = describe(run)
    known: dict[str, Any] = {field.name: getattr(told, field.name) for field in fields(told)}
    known |= {"attributes": run.attributes, "ontology": run.ontology, "verbalize": verbalizer(run.ontology)}
    worlds = questions[0].worlds if questions else None
    if isinstance(worlds, RunWorlds) and worlds.run.ontology is run.ontology:
        known["worlds"] = replace(worlds, run=run)  # what was looked up of the ontology is the same
    else:
        known["worlds"] = RunWorlds(run)
    known["unseen"] = frozenset(run.split.unseen)
    return [
        replace(question, evidence=evidence, shares=shares, **known)
        for question, (evidence, shares) in zip(questions, seen, strict=True)
    ]


def with_shuffled_weights(run: Run, *, seed: int) -> Run:
    """The run with the entries of each of its model's weights in another order: all that it learned is gone."""
    import torch

    model = deepcopy(run.model)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            order = torch.randperm(weight.numel(), generator=generator).to(weight.device)
            weight.copy_(weight.flatten()[order].view_as(weight))
    return replace(run, model=model.eval())


def under_other_names(run: Run, *, seed: int) -> tuple[Run, dict[str, str]]:
    """The run with other IRIs for its classes, properties and fillers, in another order; and new IRI -> old one.

    The class attributes are made again from the renamed ontology; the model knows columns by their number, and stays.
    """
    names = _other_names(run.ontology, seed=seed)
    ontology, semantics, own = renamed(run.ontology, names), run.config.semantics, run.attributes

    def new(iris: Iterable[str]) -> tuple[str, ...]:
        return tuple(names.get(iri, iri) for iri in iris)

    table = class_attributes(
        ontology,
        new(own.classes),
        world=semantics.world,
        numbers=semantics.numbers,
        facts=facts_used(run),
        columns=[Attribute(*new((a.property, a.filler))) for a in own.attributes],
    )
    # Numbers are ranks among the classes of the ontology; those that the run has are kept as they are.
    table = replace(table, value=np.where(table.known & own.known, own.value, table.value), strength=own.strength)
    table = replace(table, known=table.known | (own.known & (own.strength is not None)))
    table = replace(table, states=own.states, silent=own.silent)
    split = ZeroShotSplit(*(new(group) for group in (run.split.seen, run.split.unseen, run.split.validation)))
    other = replace(run, ontology=ontology, attributes=table, split=split, space=LabelSpace(table.classes))
    return other, {other_name: iri for iri, other_name in names.items()}


def _other_names(ontology: Ontology, *, seed: int) -> dict[str, str]:
    """A new IRI for each term that nothing but this ontology gives a meaning."""
    profile = {
        text for value in vars(ontology.profile).values() for text in (value if isinstance(value, tuple) else ())
    }
    own = sorted({*ontology.classes, *ontology.attributes, *ontology.properties} - profile)
    own = [iri for iri in own if not iri.startswith(BUILT_IN) and not iri.startswith("_:")]
    order = np.random.default_rng(seed).permutation(len(own)).tolist()
    return {iri: f"{STRANGE}{number:08}" for iri, number in zip(own, order, strict=True)}


def under_own_names(explanation: Explanation, old: Mapping[str, str]) -> Explanation:
    """An explanation of a renamed run, its facts under the names that they had."""

    def told(found: FactContribution) -> FactContribution:
        subject, predicate, object = (_restored(end, old) for end in found.fact.key[:3])
        return replace(found, fact=replace(found.fact, subject=subject, predicate=predicate, object=object))

    facts, rival_facts = (tuple(map(told, group)) for group in (explanation.facts, explanation.rival_facts))
    return replace(explanation, facts=facts, rival_facts=rival_facts)


def _restored(text: str, old: Mapping[str, str]) -> str:
    """An IRI under its old name; of a class expression, its parts, in the order of their old names."""
    parts = re.sub(re.escape(STRANGE) + r"\d{8}", lambda found: old[found[0]], text).split(" and ")
    return " and ".join(sorted(parts, key=lambda part: (" some " in part, part)))


def reordered(run: Run, *, seed: int) -> Run | None:
    """The run with its classes' prompts read again, their sentences after the first in another order.

    None where it reads no prompts.
    """
    kept = read_states(run.folder.path)
    if "prompt" not in kept:
        return None
    random = np.random.default_rng(seed)
    texts = []
    for prompt in prompts_of(run.config, run.ontology, run.space.classes):
        first, *rest = re.split(r"(?<=\.) ", prompt.text)
        texts.append(" ".join([first, *(rest[k] for k in random.permutation(len(rest)))]))
    states = {**run.attributes.states, "prompt": kept["prompt"].standardized(read_texts(texts, run.config))}
    return replace(run, attributes=replace(run.attributes, states=states))
