"""What a run would say if the ontology said something else."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kgzsl.api.asking import ask, verbalizer
from kgzsl.api.records import Listener, Run
from kgzsl.api.retraining import edited_config
from kgzsl.api.training import fit
from kgzsl.api.worlds import RunWorlds
from kgzsl.errors import ConfigError, KgzslError, Problem
from kgzsl.ontology import Edit, Fact, Ontology, checked
from kgzsl.ontology.statement import parse_statement
from kgzsl.ontology.vocabulary import RDFS

__all__ = ["Standing", "WhatIf", "edit_of", "what_if"]

SAME = 1e-9
"""Class vectors that differ by less are the same."""


@dataclass(frozen=True)
class Standing:
    """How two classes stand for one image.

    Args:
        margin: calibrated score of the explained class minus that of the rival.
        ranks: of both among all classes, from 1.
        top: best classes: ``(IRI, label, score, unseen)``.
    """

    margin: float
    ranks: tuple[int, int]
    top: tuple[tuple[str, str, float, bool], ...]


@dataclass(frozen=True)
class WhatIf:
    """A prediction under an edited ontology.

    Args:
        image: name of the image.
        edit: what was changed.
        explained: IRI of the class that was predicted.
        rival: IRI of the class that it is held against.
        labels: of all IRIs that occur.
        before: as the run is.
        after: the same model, classes described by the edited ontology.
        lost: facts that do not hold any more, as sentences: about the two classes and those that the edit names.
        won: facts about them that hold now.
        changed: IRIs of the classes that the model sees otherwise.
        retrained: a fresh model that was trained on the edited ontology, where one was asked for.
        folder: its run.
    """

    image: str
    edit: Edit
    explained: str
    rival: str
    labels: dict[str, str]
    before: Standing
    after: Standing
    lost: tuple[str, ...]
    won: tuple[str, ...]
    changed: tuple[str, ...]
    retrained: Standing | None = None
    folder: str | None = None


def what_if(
    run: Run,
    image: str | Path | np.ndarray,
    *,
    remove: Sequence[str] = (),
    add: Sequence[str] = (),
    against: str | None = None,
    retrain: bool = False,
    listener: Listener | None = None,
) -> WhatIf:
    """What the run would make of an image if some facts were not there, or others were.

    The same model reads what the edited and again entailed ontology says of the classes; gamma stays. A fresh model,
    with ``retrain``, learns from the edited ontology, by the run's own settings, in the folder ``whatif-...`` of the
    run; it is kept, and not trained twice.

    Args:
        run: a trained run.
        image: a file, or what the model reads as an array.
        remove: statements as ``"zebra hasDecoration stripes"``; asserted facts.
        add: statements to assert.
        against: the rival, by default the runner-up.
        retrain: whether to confirm on a fresh model.
        listener: hears of the training.

    Raises:
        ConfigError: nothing to change, a statement that is none, a fact that is entailed or not there (says what can be
            removed), or that is asserted already; all at once.
        UnknownTermError: names that the ontology does not have.
        ImageError, SplitError: as :func:`kgzsl.api.explain`.
    """
    edit = edit_of(run.ontology, remove=remove, add=add)
    question = ask(run, image, against=against)
    worlds = RunWorlds(run)
    changed = worlds.vectors([edit], run.space.classes)[0]
    rows = (question.explained, question.rival)
    ontology = worlds.ontology(edit)
    about = dict.fromkeys((*question.classes, *(fact.subject for fact in (*edit.remove, *edit.add))))
    facts = [{fact.key: fact for iri in about for fact in o.facts(iri)} for o in (run.ontology, ontology)]
    other = (np.abs(changed - question.vectors).max(1) > SAME).tolist()
    lost, won = (_said(run.ontology, [a[key] for key in sorted(a.keys() - b.keys())]) for a, b in (facts, facts[::-1]))
    retrained, folder = None, None
    if retrain:
        fresh = _retrained(run, edit, listener)
        folder = str(fresh.folder.path)
        again = ask(fresh, image, speaking_for=question.classes[0], against=question.classes[1])
        retrained = _standing(fresh, again.scores, [fresh.space.classes.index(iri) for iri in question.classes])
    return WhatIf(
        image=question.image,
        edit=edit,
        explained=question.classes[0],
        rival=question.classes[1],
        labels={iri: run.ontology.label(iri) for iri in question.classes},
        before=_standing(run, question.scores, rows),
        after=_standing(run, (changed * question.evidence).sum(1) - question.offsets, rows),
        lost=lost,
        won=won,
        changed=tuple(iri for iri, is_other in zip(run.space.classes, other, strict=True) if is_other),
        retrained=retrained,
        folder=folder,
    )


def edit_of(ontology: Ontology, *, remove: Sequence[str] = (), add: Sequence[str] = ()) -> Edit:
    """Statements as an edit of an ontology: see :func:`what_if` for what is wrong with some."""
    if not remove and not add:
        raise ConfigError(Problem("nothing to change", expected='--remove "CLASS PROPERTY FILLER" or --add'))
    problems: list[Problem] = []
    found: dict[str, list[Fact]] = {"remove": [], "add": []}
    for kind, statements in (("remove", remove), ("add", add)):
        for text in statements:
            try:
                found[kind].append(parse_statement(text, ontology))
            except KgzslError as error:
                problems += error.problems
    if problems:
        raise ConfigError(problems)
    return checked(ontology, Edit(tuple(found["remove"]), tuple(found["add"])))


def _standing(run: Run, scores: np.ndarray, rows: Sequence[int]) -> Standing:
    """How two classes stand."""
    one, rival = rows
    order = np.argsort(-scores, kind="stable").tolist()
    classes, unseen = run.space.classes, set(run.split.unseen)
    return Standing(
        margin=float(scores[one] - scores[rival]),
        ranks=(order.index(one) + 1, order.index(rival) + 1),
        top=tuple(
            (classes[c], run.ontology.label(classes[c]), float(scores[c]), classes[c] in unseen) for c in order[:5]
        ),
    )


def _said(ontology: Ontology, facts: Sequence[Fact]) -> tuple[str, ...]:
    """Facts as sentences; of the taxonomy only what is positive: what is disjoint says nothing of looks."""
    say = verbalizer(ontology)
    told = (f for f in facts if f.polarity == "positive" or f.predicate != RDFS.subClassOf)
    return tuple(f"{ontology.label(f.subject)} {say(f)}" for f in told)


def _retrained(run: Run, edit: Edit, listener: Listener | None) -> Run:
    """A run of the same settings on the edited ontology, kept in the folder of the run."""
    keys = sorted((*fact.key, kind) for kind in ("remove", "add") for fact in getattr(edit, kind))
    folder = run.folder.path / f"whatif-{hashlib.sha256(repr(keys).encode()).hexdigest()[:12]}"
    return fit(edited_config(run, edit, folder), folder / "run", listener=listener)
