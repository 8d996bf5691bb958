"""States of a run's classes, described again when the ontology changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np

from kgzsl.api.knowledge import serializer_of
from kgzsl.api.reading import WORDS, read_texts
from kgzsl.api.records import Run, States
from kgzsl.api.rewiring import Wiring
from kgzsl.api.scoring import blocks_of
from kgzsl.api.states import read_states
from kgzsl.ontology import Ontology
from kgzsl.ontology.change import Change, change_of
from kgzsl.semantics import node_text
from kgzsl.semantics.groups import chosen
from kgzsl.semantics.informativeness import informativeness
from kgzsl.semantics.node_text import DEFINITIONS

if TYPE_CHECKING:
    from kgzsl.data.texts import TextModel
    from kgzsl.model.graph_states import Measure
    from kgzsl.semantics.prompt import Prompt
    from kgzsl.semantics.serialize import Serializer

__all__ = ["Restating", "state_columns", "states_under"]

Edited = tuple[Ontology, Change]
"""An edited ontology, and what sets it apart from the run's."""


def states_under(run: Run, ontology: Ontology, classes: Sequence[str]) -> dict[str, np.ndarray]:
    """States of classes if the ontology were another one: see :meth:`Restating.states`, which does many at once.

    Args:
        run: with states of any source.
        ontology: made of the run's by :func:`~kgzsl.ontology.edited`.
        classes: IRIs, of the run.

    Returns:
        Source -> standardized states, float32 ``(class, dim)``.
    """
    return {source: states[0] for source, states in Restating(run).states([ontology], classes).items()}


def state_columns(run: Run, states: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Standardized states as they stand in class vectors, behind the attributes: float64, of the same shape.

    Args:
        run: whose model weighs them.
        states: source -> ``(..., dim)``, as of :func:`states_under`.
    """
    return {source: _weight(run, source) * table.astype(np.float64) for source, table in states.items()}


@dataclass(frozen=True, eq=False)
class Restating:
    """A run's classes in words and in its graph, under edits of its ontology. Nothing is trained.

    - **Prompts**: facts that the edited ontology no longer has leave the text of a class, facts that it has anew come
      in, and a language model reads the text again. Facts that stay are worth what they were, so that the order of the
      rest and what a budget leaves out change for no other reason.
    - **Graph**: edges of facts that are gone leave the graph, those of new facts come in, definitions that changed are
      read again, and the network says what the classes' nodes are now.
    - **Embeddings** were trained on the graph as it was, and stay.

    States are standardized as those of the run; what an edit does not change keeps its bits. What the model sees in
    images stays, too, also where its patches attended to states of the graph.

    Args:
        run: as it is loaded. Texts that were read and graphs that were encoded are kept for further calls.
    """

    run: Run
    _read: dict[str, np.ndarray] = field(default_factory=dict, repr=False)
    _encoded: dict[bytes, np.ndarray] = field(default_factory=dict, repr=False)

    def states(self, ontologies: Sequence[Ontology], classes: Sequence[str]) -> dict[str, np.ndarray]:
        """Standardized states of classes under edited ontologies, float32 ``(ontology, class, dim)`` by source.

        Every distinct text is read once and every distinct graph encoded once, however many edits lead to it.

        Args:
            ontologies: each made of the run's by :func:`~kgzsl.ontology.edited`; the run's own is one of them.
            classes: IRIs of classes of the run.
        """
        rows = [self.run.attributes.classes.index(iri) for iri in classes]
        own = self.run.ontology
        edits = [None if o is own else (o, change_of(own, o)) for o in ontologies]
        makers = {"prompt": self._by_prompts, "gnn": self._by_graph}
        found = {}
        for source, table in self.run.attributes.states.items():
            if source in makers:
                found[source] = makers[source](edits, rows)
            else:
                found[source] = np.repeat(table[rows][None], len(ontologies), axis=0)
        return found

    def restate(self, vectors: np.ndarray, ontologies: Sequence[Ontology], classes: Sequence[str]) -> np.ndarray:
        """Class vectors under edited ontologies, of which the attributes are described already, with states so too.

        Args:
            vectors: float64 ``(ontology, class, attribute + dim)``.
            ontologies: as of :meth:`states`.
            classes: IRIs of classes of the run.
        """
        restated, blocks = vectors.copy(), blocks_of(self.run.model, self.run.attributes)
        for source, columns in state_columns(self.run, self.states(ontologies, classes)).items():
            restated[:, :, blocks[source]] = columns
        return restated

    # ---- prompts ---------------------------------------------------------------------

    def prompt(self, iri: str) -> Prompt:
        """What the run's ontology says of a class, with where each fact is said."""
        return self._writer(iri in self.run.added).prompt(iri)

    @property
    def standard(self) -> States:
        """How states of prompts are standardized."""
        return self._kept["prompt"]

    @cached_property
    def text_model(self) -> TextModel | None:
        """The language model; None where texts are the words in them."""
        if self.run.config.semantics.language_model == WORDS:
            return None
        from kgzsl.data.texts import load_text_model

        return load_text_model(self.run.config.semantics.language_model)

    def _by_prompts(self, edits: Sequence[Edited | None], rows: Sequence[int]) -> np.ndarray:
        """States of what is said of the classes in some rows."""
        own, classes = self.run.attributes.states["prompt"], [self.run.attributes.classes[row] for row in rows]
        before = [self.prompt(iri).text for iri in classes]
        texts = [before if edit is None else self._texts(edit, classes) for edit in edits]
        pairs = [(text, was) for said in texts for text, was in zip(said, before, strict=True)]
        if wanted := [text for text in dict.fromkeys(t for t, was in pairs if t != was) if text not in self._read]:
            raw = read_texts(wanted, self.run.config, model=self.text_model)
            self._read.update(zip(wanted, self.standard.standardized(raw), strict=True))
        found = [
            own[row] if text == was else self._read[text]
            for (text, was), row in zip(pairs, [*rows] * len(texts), strict=True)
        ]
        return np.stack(found).reshape(len(texts), len(rows), -1)

    def _texts(self, edit: Edited, classes: Sequence[str]) -> list[str]:
        """What an edited ontology says of classes."""
        parts = {added: [iri for iri in classes if (iri in self.run.added) == added] for added in (False, True)}
        writers = {added: self._changed(some, *edit) for added, some in parts.items() if some}
        return [writers[iri in self.run.added].prompt(iri).text for iri in classes]

    def _changed(self, classes: Sequence[str], ontology: Ontology, change: Change) -> Serializer:
        """What writes prompts of an edited ontology, for classes of the same writer."""
        added = classes[0] in self.run.added
        own, there, c = self._writer(added), change.before >= 0, ontology.columns
        rows = np.where(there, own.rows[change.before], False)
        worth = np.where(there, own.worth[change.before], 0.0)
        # Of what is written out, what was stated may now be inherited, which prompts leave out.
        open_ = ~there | ontology.literals[c.object]
        if open_.any():
            rows = np.where(open_, chosen(ontology, self.run.config.semantics.facts), rows)
        if not there.all():
            apart = self.run.added if added else self._trained
            worth = np.where(there, worth, informativeness(ontology, apart, rows))
        told = np.zeros(len(ontology.terms), dtype=bool)
        told[[ontology.index[iri] for iri in classes if iri in ontology.index]] = True
        for _ in range(1, own.hops):
            told[c.object[rows & told[c.subject]]] = True
        # What is said of other terms changes no prompt, and takes time.
        return replace(own, ontology=ontology, rows=rows & told[c.subject], worth=worth)

    def _writer(self, added: bool) -> Serializer:
        """What wrote the prompts of the run's classes, or of those that came after training."""
        return self._of_added if added else self._of_trained

    @cached_property
    def _of_trained(self) -> Serializer:
        return serializer_of(self.run.config, self.run.ontology, self._trained)

    @cached_property
    def _of_added(self) -> Serializer:
        return serializer_of(self.run.config, self.run.ontology, self.run.added)

    @property
    def _trained(self) -> tuple[str, ...]:
        """The classes that the run was trained with."""
        return self.run.space.classes[: len(self.run.space) - len(self.run.added)]

    @cached_property
    def _kept(self) -> dict[str, States]:
        """How the states of each source were standardized."""
        return read_states(self.run.folder.path)

    # ---- the graph -------------------------------------------------------------------

    @cached_property
    def wiring(self) -> Wiring:
        """The graph, and the facts that its edges are."""
        return Wiring(self.run)

    @cached_property
    def measure(self) -> Measure:
        """How states of the graph are standardized."""
        import torch

        with torch.inference_mode():
            return self.wiring.states.measure()

    def _by_graph(self, edits: Sequence[Edited | None], rows: Sequence[int]) -> np.ndarray:
        """States of the nodes of the classes in some rows."""
        import torch

        numbers = self.run.attributes.states["gnn"][rows]
        nodes, states = numbers[:, 0].astype(np.int64), self.wiring.states
        with torch.inference_mode():
            given = torch.from_numpy(numbers).to(states.features.device)
            unchanged: np.ndarray = states.standardized(given).cpu().numpy()
        found = np.repeat(unchanged[None], len(edits), axis=0)
        for number, edit in enumerate(edits):
            if edit is None:
                continue
            edges, texts = self.wiring.rewired(*edit), self._node_texts(*edit)
            other = self.wiring.affected(edges, list(texts))[nodes]
            if not other.any():
                continue
            said = "\n".join(f"{node} {text}" for node, text in texts.items()).encode()
            parts = (np.packbits(edges.kept), edges.index, edges.kind, nodes[other])
            digest = sha256(b"|".join([*(part.tobytes() for part in parts), said])).digest()
            if digest not in self._encoded:
                self._encoded[digest] = self._encode(nodes[other], self.wiring.under(edges), texts)
            found[number, other] = self._encoded[digest]
        return found

    def _encode(self, nodes: np.ndarray, edges: tuple[np.ndarray, np.ndarray], texts: Mapping[int, str]) -> np.ndarray:
        """Standardized states of nodes of a graph with other edges and texts."""
        import torch

        states, block = self.wiring.states, self.wiring.block(nodes, edges)
        with torch.inference_mode():
            features = self.wiring.features[torch.from_numpy(block.nodes)].clone()
            near = [node for node in texts if node in block.nodes]
            if near:
                raw = read_texts([texts[node] for node in near], self.run.config, model=self.text_model)
                order = {node: row for row, node in enumerate(block.nodes.tolist())}
                features[[order[node] for node in near]] = torch.from_numpy(raw).to(features)
            told = (torch.from_numpy(part).to(features.device) for part in (block.edge_index, block.edge_type))
            own = states.encoder(features, *told, within=block.within)[torch.from_numpy(block.seeds)]
            found: np.ndarray = ((own - self.measure.center) / self.measure.length).cpu().numpy()
        return found

    def _node_texts(self, ontology: Ontology, change: Change) -> dict[int, str]:
        """What nodes are called whose definitions an edit changed."""
        subjects: set[int] = set()
        for one, rows in ((self.run.ontology, change.gone), (ontology, change.new)):
            c = one.columns
            told = rows[self._defining[c.predicate[rows]] & one.literals[c.object[rows]]]
            subjects.update(c.subject[told].tolist())
        terms = {ontology.terms[k] for k in subjects}.intersection(self.wiring.numbers)
        return {self.wiring.numbers[iri]: node_text(iri, ontology) for iri in sorted(terms)}

    @cached_property
    def _defining(self) -> np.ndarray:
        """Bool (term,): which predicates define terms."""
        return np.array([term in DEFINITIONS for term in self.run.ontology.terms], dtype=bool)


def _weight(run: Run, source: str) -> float:
    """By what standardized states are multiplied in class vectors."""
    from kgzsl.model.class_encoder import ClassEncoder

    own = getattr(run.model, "classes", None)
    return float(own.length * own.states[source].gate) if isinstance(own, ClassEncoder) else 1.0
