"""Classes that come after training: a few triples in an extended ontology, and no images."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from kgzsl.api.knowledge import facts_used, states_of
from kgzsl.api.reading import edges_of_added
from kgzsl.api.records import Listener, Run
from kgzsl.api.scoring import class_vectors
from kgzsl.api.sources import read_for
from kgzsl.api.states import read_graph, read_states
from kgzsl.data.labels import LabelSpace
from kgzsl.errors import ConfigError, MismatchError, NoFactsError, OntologyError, Problem, SplitError
from kgzsl.model.config import KINDS, NAMED_BASELINES
from kgzsl.ontology import Ontology
from kgzsl.ontology.vocabulary import RDFS
from kgzsl.semantics import Attribute, ClassAttributes, class_attributes
from kgzsl.semantics.graded import ranks
from kgzsl.semantics.groups import say

__all__ = ["add_classes", "drop_classes", "keep_classes", "with_kept_classes"]

KEPT = "classes.json"
SHOWN = 5
"""Of what is alike, so many are named."""
ALIKE = 1e-6
"""Class vectors are as good as equal, where the mean one has a length of about 1."""


def add_classes(run: Run, *files: str | Path, classes: Iterable[str] = (), listener: Listener | None = None) -> Run:
    """A run that knows further classes, by what an extended ontology says of them; nothing is trained.

    A class vector depends on the facts of its class alone (:class:`~kgzsl.model.class_encoder.ClassEncoder`), so that
    the scores of all others keep their bits. Attributes stay those of the run: what else is said of a class has no
    image behind it and is told to the listener, as is a class that cannot be told from another.

    Args:
        run: as it was trained.
        files: the extended ontology, all of it.
        classes: names of the classes to add; by default the leaf classes that the run's ontology does not have.
        listener: hears of what will not work as one may expect.

    Raises:
        ConfigError: a kind of model that knows its classes by name.
        MismatchError: the extended ontology says other things of the run's classes; says what.
        SplitError: no class to add, or one that the run has.
        NoFactsError: no fact of a class is about an attribute of the run.
        UnknownTermError: no such class.
    """
    if run.config.model.kind in NAMED_BASELINES:
        told = ", ".join(kind for kind in KINDS if kind not in NAMED_BASELINES)
        got = f"a run of kind {run.config.model.kind}, which knows the classes that it was trained with"
        raise ConfigError(Problem(got, expected=f"a run of kind {told}", file=run.folder.path))
    extended = read_for(run.config, *files)
    added = _added(run, extended, classes)
    table = _table(run, extended, (*run.space.classes, *added))
    old = len(run.space)
    _need_same(run, table, file=files[0])
    value, known = table.value[old:].copy(), table.known[old:]
    for k, iri in enumerate(added):
        for column, share in with_ranks(run, table, iri).items():
            value[k, column] = share
    empty = [iri for iri, row in zip(added, known, strict=True) if not row.any()]
    if empty:
        fix = "say of each what it has of the attributes of the run"
        raise NoFactsError(
            Problem(f"{extended.label(iri)} ({iri}) has no fact about an attribute of the run", fix=fix)
            for iri in empty
        )
    own = run.attributes
    attributes = replace(
        table,
        value=np.concatenate([own.value, value]),
        known=np.concatenate([own.known, known]),
        assumed=np.concatenate([own.assumed, table.assumed[old:]]),
        strength=None if own.strength is None else np.concatenate([own.strength, value]),
        states=_states(run, extended, added),
        silent=own.silent,
    )
    grown = replace(
        run,
        ontology=extended,
        attributes=attributes,
        model=_model(run, extended, added),
        space=LabelSpace(attributes.classes),
        split=replace(run.split, unseen=(*run.split.unseen, *added)),
        added=(*run.added, *added),
    )
    notices = [*_never_seen(run, extended, added), *_alike(grown, len(added))]
    if listener is not None and notices:
        listener.notice(notices)
    return grown


def _added(run: Run, extended: Ontology, names: Iterable[str]) -> tuple[str, ...]:
    """IRIs of the classes to add."""
    chosen = tuple(dict.fromkeys(extended.resolve(name) for name in names))
    if not chosen:
        known = {*run.ontology.classes, *run.space.classes}
        chosen = tuple(iri for iri in extended.leaves if iri not in known)
    if not chosen:
        got = "no leaf class that the run's ontology does not have"
        raise SplitError(Problem(got, expected="classes to add", fix="add them to the ontology, or name them"))
    there = [iri for iri in chosen if iri in run.space.classes]
    if there:
        raise SplitError(Problem(f"{extended.label(iri)} is a class of the run already") for iri in there)
    return chosen


def _table(run: Run, extended: Ontology, classes: Sequence[str]) -> ClassAttributes:
    """What the extended ontology says of classes, in the columns of the run."""
    missing = [iri for iri in run.space.classes if iri not in set(extended.classes)]
    if missing:
        fix = "give the whole extended ontology: with --ontology, once for each of its files"
        raise MismatchError(
            Problem(f"the extended ontology lacks {run.ontology.label(iri)} ({iri}) of the run", fix=fix)
            for iri in missing
        )
    semantics = run.config.semantics
    return class_attributes(
        extended,
        classes,
        world=semantics.world,
        numbers=semantics.numbers,
        facts=facts_used(run),
        columns=run.attributes.attributes,
    )


def _states(run: Run, extended: Ontology, added: Sequence[str]) -> dict[str, np.ndarray]:
    """States of the run's classes as they were, and of the added ones by what the extended ontology says."""
    kept = read_states(run.folder.path)
    if "kge" in kept and not run.config.semantics.vectors:
        got = "a run that trained embeddings of its classes (semantics.source: kge), which added ones have not"
        fix = "train with semantics.vectors, a file that has them too, or with another source"
        raise ConfigError(Problem(got, fix=fix, file=run.folder.path))
    semantics = replace(run.config.semantics, source=tuple(kept))
    found = states_of(replace(run.config, semantics=semantics), extended, added)
    if "gnn" in kept:
        graph = read_graph(run.folder.path)
        first = 0 if graph is None else len(graph.features)
        found["gnn"] = np.arange(first, first + len(added), dtype=np.float32)[:, None]
    return {source: np.concatenate([s.table, s.standardized(found[source])]) for source, s in kept.items()}


def _model(run: Run, extended: Ontology, added: Sequence[str]) -> Any:
    """The run's model; with a graph network, a copy whose graph has the added classes."""
    import torch

    from kgzsl.model.graph_states import GraphStates

    if "gnn" not in run.attributes.states:
        return run.model
    model = deepcopy(run.model)
    graph = next(module for module in model.modules() if isinstance(module, GraphStates))
    graph.add(*map(torch.from_numpy, edges_of_added(run, extended, added)))
    return model


def _need_same(run: Run, table: ClassAttributes, *, file: str | Path) -> None:
    """The classes of the run have to be described as they were; numbers may rank otherwise among more classes."""
    own, problems = run.attributes, []
    compared = np.array([a.unit is None for a in own.attributes], dtype=bool)
    count = len(own.classes)
    other = ((table.value[:count] != own.value) | (table.known[:count] != own.known)) & compared
    for row in np.flatnonzero(other.any(1))[:SHOWN].tolist():
        names = [_name(own.attributes[k], run.ontology) for k in np.flatnonzero(other[row])[:SHOWN].tolist()]
        got = f"the extended ontology says something else of {run.ontology.label(own.classes[row])}: {', '.join(names)}"
        problems.append(Problem(got, expected="what the run was trained on", fix="add facts of new classes alone"))
    if problems:
        if (left := int(other.any(1).sum()) - len(problems)) > 0:
            problems.append(Problem(f"and of {left} other classes"))
        raise MismatchError(replace(problem, file=file) for problem in problems)


def with_ranks(run: Run, table: ClassAttributes, iri: str) -> dict[int, float]:
    """Columns of numbers: the rank of a class's number among those that the run was trained with."""
    found = {}
    for column, attribute in enumerate(table.attributes):
        pair = attribute.property, attribute.filler
        if attribute.unit is not None and iri in table.numbers.number.get(pair, {}):
            among = dict(run.attributes.numbers.number[pair]) | {iri: table.numbers.number[pair][iri]}
            found[column] = ranks(among)[iri]
    return found


def _never_seen(run: Run, extended: Ontology, added: Sequence[str]) -> list[Problem]:
    """What is said of added classes that no class of the run has, so that no image can show it."""
    facts = facts_used(run)
    before = {pair[:2] for said in say(run.ontology, run.space.classes, facts).values() for pair in said}
    # Of properties without a column (more general ones), what they say is said by others.
    relations = {attribute.property for attribute in run.attributes.attributes}
    said = say(extended, [*run.space.classes, *added], facts)
    problems = []
    for iri in added:
        new = sorted({(p, f) for p, f, negative, _ in said.get(iri, ()) if not negative} - before)
        # A superclass that is new, too, groups classes that the run has not.
        unknown = [Attribute(*pair) for pair in new if pair[0] != RDFS.subClassOf]
        for relation in sorted({a.property for a in unknown}.difference(run.ontology.properties)):
            got = f"{extended.label(iri)}: the run knows no class by {extended.label(relation)!r}; it is not used"
            problems.append(Problem(got, fix="train again for images to show it"))
        names = [_name(a, extended) for a in unknown if a.property in relations]
        if names:
            more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            got = f"{extended.label(iri)}: no class of the run {', '.join(names[:SHOWN])}{more}; it is not used"
            problems.append(Problem(got, fix="train again for images to show it"))
    return problems


def _alike(run: Run, count: int) -> list[Problem]:
    """Added classes whose vectors are those of another class: the last ``count`` of the run."""
    import torch

    with torch.inference_mode():
        vectors = class_vectors(run.model, run.attributes).cpu()
    start, problems = len(run.space) - count, []
    distances = torch.cdist(vectors[start:].double(), vectors.double())
    for k, row in enumerate(distances):
        row[start + k :] = torch.inf  # of two added ones, the later is told
        other = int(row.argmin())
        if row[other] < ALIKE * max(1.0, float(vectors[other].norm())):
            one, twin = (run.ontology.label(run.space.classes[c]) for c in (start + k, other))
            got = f"{one} cannot be told from {twin}: both are the same in all that the model recognizes"
            problems.append(Problem(got, fix="say of one what sets it apart"))
    return problems


def _name(attribute: Attribute, ontology: Ontology) -> str:
    """An attribute in words."""
    filler = attribute.filler if attribute.unit is not None else ontology.label(attribute.filler)
    return f"{ontology.label(attribute.property)} {filler}"


def keep_classes(run: Run, *files: str | Path) -> Path:
    """Write down in the run's folder which classes were added, and from where; predictions know them from then on."""
    from kgzsl.train.checkpoint import write_json

    content: dict[str, Any] = {
        "ontology": [str(Path(file).resolve()) for file in files],
        "sha256": _sha256(run.ontology),
        "classes": list(run.added),
    }
    path = run.folder.path / KEPT
    write_json(path, content)
    return path


def with_kept_classes(run: Run) -> Run:
    """A run with the classes that :func:`keep_classes` wrote down, if there are some.

    Raises:
        MismatchError: their ontology has changed since.
        OntologyError: it is not there any more.
    """
    path = run.folder.path / KEPT
    if not path.is_file():
        return run
    content = json.loads(path.read_text(encoding="utf-8"))
    fix = "give it again: kgzsl classes add RUN --ontology FILE, or kgzsl classes drop RUN"
    gone = [file for file in content["ontology"] if not Path(file).exists()]
    if gone:
        raise OntologyError(Problem("the ontology of the added classes is gone", file=file, fix=fix) for file in gone)
    grown = add_classes(run, *content["ontology"], classes=content["classes"])
    if _sha256(grown.ontology) != content["sha256"]:
        got = "the ontology of the added classes has changed since they were added"
        raise MismatchError(Problem(got, expected=f"sha256 {content['sha256'][:12]}...", fix=fix, file=path))
    return grown


def drop_classes(run: Run) -> bool:
    """Forget what :func:`keep_classes` wrote down; says whether there was anything."""
    path = run.folder.path / KEPT
    there = path.is_file()
    path.unlink(missing_ok=True)
    return there


def _sha256(ontology: Ontology) -> str:
    """Of what an ontology says, and by which profile it was read."""
    return hashlib.sha256(f"{ontology.profile.name} {ontology.digest}".encode()).hexdigest()
