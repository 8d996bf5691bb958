"""A trained run under changed ontologies: classes are described again, nothing is trained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from kgzsl.api.adding import with_ranks
from kgzsl.api.knowledge import facts_used
from kgzsl.api.records import Run
from kgzsl.api.restating import Restating
from kgzsl.api.scoring import class_vectors
from kgzsl.ontology import Edit, Fact, Ontology, edited
from kgzsl.ontology.copies import Module
from kgzsl.ontology.vocabulary import RDFS
from kgzsl.semantics import ClassAttributes, class_attributes
from kgzsl.semantics.groups import groups_of

__all__ = ["RunWorlds"]

COPIED = 2000
"""Terms that are copied to be entailed together: more would only take memory."""
RESTATED = frozenset({"prompt", "gnn"})
"""Sources of states that are made of facts, and made again when these change."""
READ = 32
"""Edited ontologies that are held at a time where prompts or graphs are read again: each is entailed as a whole."""
TOGETHER = ("attributes", "attribute_hierarchy")
"""Groups that share their columns: once these are fixed, a fact of either is a fact of the column."""


@dataclass(frozen=True, eq=False)
class RunWorlds:
    """A run's classes under edits of its ontology (:class:`~kgzsl.explain.question.Worlds`).

    Columns stay those of the run, and so do the model and all that was learned. A cell that an edit changes is what the
    edited ontology says of it, whatever strength the run had there; all others are as they were. A cell that nothing
    states any more is unknown: that a class states all of a property (the world of the run) was assumed of what the
    ontology said, and to take a fact away is not to deny it. Prompts and graphs are read again
    (:class:`~kgzsl.api.restating.Restating`); embeddings were trained on the graph as it was, and stay.

    Args:
        run: as it is loaded.
    """

    run: Run
    _modules: dict[tuple[str, ...], Module] = field(default_factory=dict, repr=False)

    def ontology(self, edit: Edit) -> Ontology:
        """The entailed ontology under an edit."""
        return edited(self.run.ontology, edit)

    def scores(self, evidence: np.ndarray, edits: Sequence[Edit], classes: Sequence[str]) -> np.ndarray:
        """Scores of classes under each edit for each image, float64 ``(image, edit, class)``."""
        return np.einsum("ea,kca->ekc", evidence, self.vectors(edits, classes))

    def vectors(self, edits: Sequence[Edit], classes: Sequence[str]) -> np.ndarray:
        """Vectors of classes under each edit, float64 ``(edit, class, attribute + dim)``."""
        classes = tuple(classes)
        if RESTATED.isdisjoint(self.run.attributes.states) or len(edits) <= READ:
            return self._vectors(edits, classes)
        parts = (edits[start : start + READ] for start in range(0, len(edits), READ))
        return np.concatenate([self._vectors(part, classes) for part in parts])

    def _vectors(self, edits: Sequence[Edit], classes: tuple[str, ...]) -> np.ndarray:
        """The same of edits that are held at once."""
        module = self._module(classes)
        base = self._encoded(self.run.attributes.subset(classes))
        found = np.repeat(base[None], len(edits), axis=0)
        quick: list[tuple[int, np.ndarray]] = []
        changed = {number: self.run.ontology for number, edit in enumerate(edits) if edit == Edit()}
        for number, edit in enumerate(edits):
            affected = module.affected(edit) if self._copied else None
            if affected is not None:
                quick.append((number, affected))
            else:
                changed[number] = ontology = self.ontology(edit)
                found[number] = self._encoded(self._table(self._said(ontology, classes), classes))
        for part in _in_parts(quick):
            copies = module.under([edits[number] for number, _ in part], [mine for _, mine in part])
            names = [
                (number, row, of[iri])
                for (number, _), of in zip(part, copies.of, strict=True)
                for row, iri in enumerate(classes)
                if iri in of
            ]
            if names:
                own = [classes[row] for _, row, _ in names]
                rows = self._table(self._said(copies.ontology, [name for *_, name in names], of=own), own)
                for (number, row, _), vector in zip(names, self._encoded(rows), strict=True):
                    found[number, row] = vector
        if RESTATED.isdisjoint(self.run.attributes.states):
            return found
        ontologies = [changed[k] if k in changed else self.ontology(edit) for k, edit in enumerate(edits)]
        return self._restating.restate(found, ontologies, classes)

    def basis(self, classes: Sequence[str]) -> tuple[Fact, ...]:
        """The asserted facts that anything said of some classes may rest on, sorted."""
        return self._module(tuple(classes)).basis()

    def _module(self, classes: tuple[str, ...]) -> Module:
        """What the facts of some classes rest on, looked up once."""
        if classes not in self._modules:
            pairs = [(a.property, a.filler) for a in self.run.attributes.attributes if a.property != RDFS.subClassOf]
            self._modules[classes] = Module(self.run.ontology, classes, pairs=pairs)
        return self._modules[classes]

    @cached_property
    def _restating(self) -> Restating:
        """What prompts and the graph say of the classes under edits."""
        return Restating(self.run)

    @cached_property
    def _copied(self) -> bool:
        """Whether copies of the classes tell what an edit changes: numbers are ranks among all classes."""
        return all(a.unit is None for a in self.run.attributes.attributes)

    def _encoded(self, table: ClassAttributes) -> np.ndarray:
        """Vectors of some rows, float64 ``(class, attribute + dim)``."""
        import torch

        with torch.inference_mode():
            vectors: np.ndarray = class_vectors(self.run.model, table).double().cpu().numpy()
        return vectors

    def _table(self, now: ClassAttributes, classes: Sequence[str]) -> ClassAttributes:
        """The run's rows of some classes, with what an edited ontology changes in them."""
        run, before = self.run.attributes, self._before
        rows = [run.classes.index(iri) for iri in classes]
        other = np.zeros_like(now.known)
        for cells in ("value", "known", "assumed"):
            other |= getattr(now, cells) != getattr(before, cells)[rows]
        silent = before.known[rows] & ~before.assumed[rows] & now.assumed
        now = replace(now, known=now.known & ~silent, assumed=now.assumed & ~silent)
        value, known = (np.where(other, getattr(now, c), getattr(run, c)[rows]) for c in ("value", "known"))
        strength = None if run.strength is None else np.where(other, now.value, run.strength[rows])
        states = {source: table[rows] for source, table in run.states.items()}
        told = replace(run, classes=tuple(classes), strength=strength, states=states)
        return replace(told, value=value, known=known, assumed=now.assumed)

    @cached_property
    def _before(self) -> ClassAttributes:
        """What the ontology says of all classes of the run as it is, strengths aside."""
        return self._said(self.run.ontology, self.run.attributes.classes)

    def _said(self, ontology: Ontology, classes: Sequence[str], *, of: Sequence[str] = ()) -> ClassAttributes:
        """What an ontology says of classes (or copies of classes) in the run's columns, strengths aside."""
        run, semantics = self.run, self.run.config.semantics
        table = class_attributes(
            ontology,
            classes,
            world=semantics.world,
            numbers=semantics.numbers,
            facts=self._groups,
            columns=run.attributes.attributes,
        )
        value, known, assumed = table.value.copy(), table.known.copy(), table.assumed.copy()
        for row, iri in enumerate(of or classes):
            if not self._copied:
                for column, rank in with_ranks(run, table, iri).items():
                    value[row, column] = rank
            # That a class is a kind of itself is no fact, and no edit changes it.
            if iri in self._itself:
                cell = run.attributes.classes.index(iri), self._itself[iri]
                for changed, own in ((value, "value"), (known, "known"), (assumed, "assumed")):
                    changed[row, self._itself[iri]] = getattr(run.attributes, own)[cell]
        return replace(table, value=value, known=known, assumed=assumed)

    @cached_property
    def _groups(self) -> tuple[str, ...]:
        """The run's groups of facts."""
        groups = groups_of(facts_used(self.run))
        return (*TOGETHER, *(g for g in groups if g not in TOGETHER)) if set(TOGETHER) & set(groups) else groups

    @cached_property
    def _itself(self) -> dict[str, int]:
        """Class -> the column of its kind."""
        return {
            a.filler: k
            for k, a in enumerate(self.run.attributes.attributes)
            if a.property == RDFS.subClassOf and a.filler in self.run.space.classes
        }


def _in_parts(quick: Sequence[tuple[int, np.ndarray]]) -> Iterator[list[tuple[int, np.ndarray]]]:
    """Edits that are entailed together: as many as make a bounded number of copies."""
    part: list[tuple[int, np.ndarray]] = []
    size = 0
    for one in quick:
        part.append(one)
        size += int(one[1].sum())
        if size >= COPIED:
            yield part
            part, size = [], 0
    if part:
        yield part
