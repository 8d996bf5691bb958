"""How knowledge reaches a model: by the matrix of attributes, and by states that something makes of the graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from kgzsl.api.baselines import semantics_of
from kgzsl.api.building import is_frozen
from kgzsl.api.reading import WORDS, graph_of, read_texts
from kgzsl.api.records import Dataset, Listener, Run, States
from kgzsl.api.sources import attributes_of
from kgzsl.data.labels import LabelSpace
from kgzsl.data.rows import in_batches
from kgzsl.data.vectors import EntityVectors, read_vectors
from kgzsl.errors import ConfigError, Problem
from kgzsl.ontology import Ontology
from kgzsl.semantics import ClassAttributes, Strengths
from kgzsl.semantics.groups import GROUPS, chosen, groups_of

if TYPE_CHECKING:
    from kgzsl.semantics.prompt import Prompt
    from kgzsl.semantics.serialize import Serializer
    from kgzsl.train.knowledge import Choice
    from kgzsl.train.run import RunConfig

__all__ = ["attributes_used", "facts_used", "prompts_of", "serializer_of", "states_of", "with_knowledge"]

UNSEEN = ("literals",)
"""Groups of facts that no column is made of."""


def states_of(
    config: RunConfig, ontology: Ontology, classes: Sequence[str], *, listener: Listener | None = None
) -> dict[str, np.ndarray]:
    """Raw states of classes, of every source that a run file asks for, float32 ``(class, dim)``.

    Args:
        config: the run.
        ontology: entailed.
        classes: IRIs.
        listener: hears of vectors that are read for nothing.

    Raises:
        DataError: vectors that are missing, damaged or of other classes.
        ConfigError: no such language model, or a group of facts that is empty.
    """
    makers = {"prompt": _prompt_states, "kge": _embeddings}
    return {
        source: makers[source](config, ontology, classes, listener or Listener())
        for source in config.semantics.sources
        if source in makers
    }


def prompts_of(config: RunConfig, ontology: Ontology, classes: Sequence[str]) -> tuple[Prompt, ...]:
    """What the facts of each class say, as a language model reads it."""
    serializer = serializer_of(config, ontology, classes)
    return tuple(serializer.prompt(iri) for iri in classes)


def serializer_of(config: RunConfig, ontology: Ontology, classes: Sequence[str]) -> Serializer:
    """What writes the prompts of classes, by facts that tell them apart."""
    from kgzsl.data.texts import token_counter
    from kgzsl.semantics.serialize import Serializer, count_words

    semantics = config.semantics
    return Serializer.of(
        ontology,
        classes,
        rows=chosen(ontology, semantics.facts),
        hops=semantics.prompt_hops,
        budget=semantics.token_budget,
        count=count_words if semantics.language_model == WORDS else token_counter(semantics.language_model),
        named="literals" in groups_of(semantics.facts),
    )


def _prompt_states(config: RunConfig, ontology: Ontology, classes: Sequence[str], listener: Listener) -> np.ndarray:
    """What a language model makes of the classes' prompts."""
    return read_texts([prompt.text for prompt in prompts_of(config, ontology, classes)], config)


def _embeddings(config: RunConfig, ontology: Ontology, classes: Sequence[str], listener: Listener) -> np.ndarray:
    """Vectors from a file, or trained here on the facts that the run file chooses."""
    semantics = config.semantics
    if semantics.vectors:
        return read_vectors(
            semantics.vectors, iris=tuple(classes), resolve=ontology.resolve, notice=listener.notice
        ).vectors
    from kgzsl.data.triples import triples_of
    from kgzsl.train.kge import EmbeddingConfig, embed_triples

    triples = triples_of(ontology, semantics.facts)
    settings = EmbeddingConfig(semantics.embedding, held_out=0, seed=config.train.seed)
    found = embed_triples(triples, settings, progress=listener.step)
    return EntityVectors(triples.entities, found.vectors).of(classes)


def with_knowledge(config: RunConfig, data: Dataset, *, listener: Listener) -> tuple[Dataset, dict[str, Any]]:
    """Data with all that a run file asks for beside the matrix, less what does not help.

    With frozen features and ``train.gate``, groups of facts and sources of states beyond the first are used as far as
    they help to tell seen classes that are left out (:func:`kgzsl.train.knowledge.choose_knowledge`). A model that
    learns to see takes all of them, and closes what does not carry over when it is trained.

    Returns:
        The data, and for ``run.json`` what is used: ``facts``, ``sources``, and the ``choices``.
    """
    _need_reader(config)
    if empty := _empty_groups(config, data.ontology):
        listener.notice(empty)
    training = data.images.space.mask(data.split.training)
    raw = states_of(config, data.ontology, data.images.space.classes, listener=listener)
    states = {source: States.of(table, training) for source, table in raw.items()}
    graph, numbers = graph_of(config, data) if "gnn" in config.semantics.sources else (None, None)
    groups = groups_of(config.semantics.facts)
    told = "attributes" in config.semantics.sources
    choices: tuple[Choice, ...] = ()
    kinds = [*(group for group in groups if told and group not in UNSEEN), *states]
    if config.train.gate and is_frozen(config) and len(kinds) > 1:
        choices = _choices(config, data, kinds, {source: s.table for source, s in states.items()})
        used = {choice.name for choice in choices if choice.used}
        groups = tuple(group for group in groups if not told or group in used or group in UNSEEN)
        states = {source: s for source, s in states.items() if source in used}
    facts = groups if set(groups) != set(groups_of(config.semantics.facts)) else config.semantics.facts
    sources = [*states, *(["gnn"] if graph is not None else [])]
    knowledge = {"facts": list(facts), "sources": sources, "choices": [asdict(choice) for choice in choices]}
    attributes = attributes_used(config, data.ontology, data.images.space, knowledge, strengths=data.strengths)
    if numbers is not None:
        # Of a graph network, the states that are given are the numbers of the classes' nodes.
        states |= {"gnn": States(numbers[:, None].astype(np.float32), np.zeros(1, dtype=np.float32), 1.0)}
    attributes = replace(attributes, states={source: s.table for source, s in states.items()})
    return replace(data, attributes=attributes, states=states, graph=graph), knowledge


def _empty_groups(config: RunConfig, ontology: Ontology) -> list[Problem]:
    """Groups that a run file names, and that this ontology has no fact of."""
    told = {
        "literals": "no definition or comment: prompts have the names of classes alone",
        "hierarchy": "no class is below another: the group 'hierarchy' says nothing",
    }
    return [
        Problem(told.get(group, f"no fact of the group {group!r}: it says nothing"))
        for group in config.semantics.facts
        if group in GROUPS and not chosen(ontology, [group]).any()
    ]


def _need_reader(config: RunConfig) -> None:
    """The published code reads attributes alone, and only DUET's own model trains a graph network."""
    others = [source for source in config.semantics.sources if source != "attributes"]
    if config.model.kind == "duet-compat" and others:
        got = f"semantics.source with {', '.join(others)}, and model.kind = 'duet-compat'"
        raise ConfigError(Problem(got, expected="attributes alone", fix="leave the others out, or take another kind"))
    if "gnn" in config.semantics.sources and config.model.kind != "duet":
        fix = "leave gnn out of semantics.source, or take model.kind = 'gcnz', which has a graph network of its own"
        got = f"semantics.source with gnn, and model.kind = {config.model.kind!r}"
        raise ConfigError(Problem(got, expected="model.kind = 'duet'", fix=fix))


def attributes_used(
    config: RunConfig,
    ontology: Ontology,
    space: LabelSpace,
    knowledge: Mapping[str, Any],
    *,
    strengths: Strengths | None = None,
) -> ClassAttributes:
    """The matrix of the groups of facts that a run uses."""
    semantics = replace(config.semantics, facts=tuple(knowledge["facts"]))
    table = attributes_of(replace(config, semantics=semantics), ontology, space, strengths=strengths)
    return replace(table, silent="attributes" not in config.semantics.sources)


def facts_used(run: Run) -> tuple[str, ...]:
    """The groups of facts that the matrix of a run is made of."""
    return tuple(run.facts.get("knowledge", {}).get("facts", run.config.semantics.facts))


def _choices(
    config: RunConfig, data: Dataset, kinds: Sequence[str], states: Mapping[str, np.ndarray]
) -> tuple[Choice, ...]:
    """What each kind of knowledge is worth for telling seen classes that are left out."""
    from kgzsl.train.knowledge import choose_knowledge

    seen = data.split.seen
    rows = data.images.space.columns(seen)
    tables: dict[tuple[str, ...], np.ndarray] = {}

    def describe(some: Sequence[str]) -> np.ndarray:
        groups = tuple(kind for kind in some if kind in GROUPS)
        if groups and groups not in tables:
            told = {"facts": [*groups, *(g for g in groups_of(config.semantics.facts) if g in UNSEEN)]}
            table = attributes_used(config, data.ontology, data.images.space, told, strengths=data.strengths)
            tables[groups] = semantics_of(table)[rows]
        parts = [tables[groups]] if groups else []
        return np.hstack([*parts, *(states[kind][rows] for kind in some if kind in states)])

    trainval = data.images.part("trainval")
    labels = LabelSpace(seen).columns(trainval.space.classes[k] for k in trainval.labels)
    features = np.concatenate([np.asarray(part, dtype=np.float32).mean(1) for part in in_batches(trainval.array)])
    return choose_knowledge(features, labels, kinds, describe, seed=config.train.seed)
