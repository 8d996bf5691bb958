"""A trained run under changed ontologies: classes are described again, nothing is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from kgzsl.api.adding import with_ranks
from kgzsl.api.knowledge import facts_used
from kgzsl.api.records import Run
from kgzsl.api.scoring import class_vectors
from kgzsl.ontology import Edit, Fact, Ontology, edited
from kgzsl.ontology.vocabulary import RDFS
from kgzsl.semantics import ClassAttributes, class_attributes
from kgzsl.semantics.groups import groups_of

__all__ = ["RunWorlds"]

TOGETHER = ("attributes", "attribute_hierarchy")
"""Groups that share their columns: once these are fixed, a fact of either is a fact of the column."""


@dataclass(frozen=True, eq=False)
class RunWorlds:
    """A run's classes under edits of its ontology (:class:`~kgzsl.explain.question.Worlds`).

    Columns stay those of the run, and so do the model and all that was learned. A cell that an edit changes is what the
    edited ontology says of it, whatever strength the run had there; all others are as they were. Embeddings were
    trained on the graph as it was, and stay.

    Args:
        run: as it is loaded.
    """

    run: Run
    _kept: dict[str, ClassAttributes] = field(default_factory=dict, repr=False)

    def ontology(self, edit: Edit) -> Ontology:
        """The entailed ontology under an edit."""
        return edited(self.run.ontology, edit)

    def scores(self, evidence: np.ndarray, edits: Sequence[Edit], classes: Sequence[str]) -> np.ndarray:
        """Scores of classes under each edit for each image, float64 ``(image, edit, class)``."""
        return np.einsum("ea,kca->ekc", evidence, self.vectors(edits, classes))

    def vectors(self, edits: Sequence[Edit], classes: Sequence[str]) -> np.ndarray:
        """Vectors of classes under each edit, float64 ``(edit, class, attribute + dim)``."""
        import torch

        found = []
        for edit in edits:
            with torch.inference_mode():
                vectors = class_vectors(self.run.model, self._table(self.ontology(edit), classes))
            found.append(vectors.double().cpu().numpy())
        return np.stack(found)

    def _table(self, ontology: Ontology, classes: Sequence[str]) -> ClassAttributes:
        """The run's rows of some classes, with what an edited ontology changes in them."""
        own, before = self.run.attributes.subset(classes), self._said(self.run.ontology, classes)
        now = self._said(ontology, classes)
        other = (now.value != before.value) | (now.known != before.known) | (now.assumed != before.assumed)
        value, known = (np.where(other, getattr(now, c), getattr(own, c)) for c in ("value", "known"))
        strength = None if own.strength is None else np.where(other, now.value, own.strength)
        return replace(own, value=value, known=known, assumed=now.assumed, strength=strength)

    def _said(self, ontology: Ontology, classes: Sequence[str]) -> ClassAttributes:
        """What an ontology says of classes in the run's columns, strengths aside."""
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
        for row, iri in enumerate(classes):
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

    def basis(self, classes: Sequence[str]) -> tuple[Fact, ...]:
        """The asserted facts that anything said of some classes may rest on, sorted."""
        raise NotImplementedError
