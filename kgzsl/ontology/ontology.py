"""The ontology: what is asserted, what follows, and how each fact follows."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from kgzsl.errors import ConfigError, Problem
from kgzsl.ontology.facts import Fact, Polarity, Proof, Status
from kgzsl.ontology.names import Names
from kgzsl.ontology.profile import Profile
from kgzsl.ontology.report import OntologyReport
from kgzsl.ontology.vocabulary import BUILT_IN, lexical_form

if TYPE_CHECKING:
    import networkx
    import rdflib

    from kgzsl.ontology.links import Links

__all__ = ["FactColumns", "Ontology", "Regime"]

Regime = Literal["none", "rdfs", "el"]


@dataclass(frozen=True, eq=False)
class FactColumns:
    """Facts as columns, sorted by subject, predicate, object, polarity.

    Args:
        subject: int32 (fact,), index into the ontology's terms; so are predicate and object.
        predicate: int32 (fact,).
        object: int32 (fact,).
        negative: bool (fact,).
        source: int32 (fact,), index of the file that asserts the fact; -1 if it is entailed.
    """

    subject: np.ndarray
    predicate: np.ndarray
    object: np.ndarray
    negative: np.ndarray
    source: np.ndarray

    @classmethod
    def of(cls, facts: Mapping[tuple[int, int, int, bool], int]) -> FactColumns:
        """Columns of a mapping from fact to source."""
        table = np.array([(*key, source) for key, source in sorted(facts.items())], dtype=np.int32).reshape(-1, 5)
        subject, predicate, object, negative, source = (np.ascontiguousarray(column) for column in table.T)
        return cls(subject, predicate, object, negative.astype(bool), source)

    def __len__(self) -> int:
        return len(self.subject)


@dataclass(frozen=True, eq=False)
class Ontology:
    """Classes, their attributes, and the facts that join them. Nothing changes it.

    It is open-world: a fact that is not there is unknown, not false. Make one with
    :func:`~kgzsl.ontology.read.read_ontology`.

    Args:
        terms: interned terms, sorted; literals as in N-Triples.
        columns: the facts, over indices of ``terms``.
        classes: IRIs of the classes, sorted.
        attributes: IRIs of the attributes (fillers and what is above or below them), sorted.
        properties: IRIs of the properties, sorted.
        labels: term -> its names, the preferred one first.
        profile: how the triples were read.
        report: what was read, and what was not understood.
        regime: the entailment regime that the facts are closed under.
    """

    terms: tuple[str, ...]
    columns: FactColumns
    classes: tuple[str, ...]
    attributes: tuple[str, ...]
    properties: tuple[str, ...]
    labels: Mapping[str, tuple[str, ...]]
    profile: Profile
    report: OntologyReport
    regime: Regime = "none"

    # ---- names -----------------------------------------------------------------------

    def label(self, iri: str) -> str:
        """The preferred name of a term, made from its IRI where no label is given.

        Example:
            >>> from kgzsl.ontology import parse_ontology
            >>> o = parse_ontology("@prefix : <http://e/#> . :HornedHorse a <http://www.w3.org/2002/07/owl#Class> .")
            >>> o.label("http://e/#HornedHorse")
            'horned horse'
        """
        return self._names.label(iri)

    def alternative_labels(self, iri: str) -> tuple[str, ...]:
        """The further names of a term."""
        return self.labels.get(iri, ())[1:]

    def resolve(self, name: str) -> str:
        """The IRI that a name means: an IRI, local name, label or alternative label.

        Letter case does not matter, and ``_``, ``+``, ``-`` and space are alike. A label
        goes before an alternative label.

        Raises:
            UnknownTermError: no term, or several, are called so; says the nearest names, or
                all candidates.
        """
        return self._names.resolve(name)

    @cached_property
    def _names(self) -> Names:
        return Names({*self.classes, *self.attributes, *self.properties}, self.labels)

    # ---- facts -----------------------------------------------------------------------

    def facts(
        self,
        subject: str | None = None,
        predicate: str | None = None,
        object: str | None = None,
        *,
        polarity: Polarity | None = None,
        status: Status | None = None,
    ) -> list[Fact]:
        """The facts that match, sorted by subject, predicate, object and polarity.

        Args:
            subject: IRI of the class; None matches any, as everywhere here.
            predicate: IRI of the property.
            object: IRI of the filler, or the lexical form of a literal.
            polarity: positive or negative.
            status: asserted or entailed.
        """
        columns, rows = self.columns, slice(None)
        if subject is not None:
            wanted = self.index.get(subject, -1)
            rows = slice(*np.searchsorted(columns.subject, [wanted, wanted + 1])) if wanted >= 0 else slice(0, 0)
        keep = np.ones(len(columns.subject[rows]), dtype=bool)
        if predicate is not None:
            keep &= columns.predicate[rows] == self.index.get(predicate, -1)
        if object is not None:
            keep &= np.isin(columns.object[rows], self._by_lexical_form.get(object, ()))
        if polarity is not None:
            keep &= columns.negative[rows] == (polarity == "negative")
        if status is not None:
            keep &= (columns.source[rows] < 0) == (status == "entailed")
        return [self.fact(row) for row in (np.flatnonzero(keep) + (rows.start or 0)).tolist()]

    def fact(self, row: int) -> Fact:
        """The fact in one row of the columns."""
        c, terms = self.columns, self.terms
        source = int(c.source[row])
        return Fact(
            terms[c.subject[row]],
            terms[c.predicate[row]],
            lexical_form(terms[c.object[row]]),
            "negative" if c.negative[row] else "positive",
            "entailed" if source < 0 else "asserted",
            source=self.report.files[source] if 0 <= source < len(self.report.files) else None,
        )

    def find(self, fact: Fact) -> int | None:
        """The row of a fact (whatever its status), or None."""
        subject, predicate = self.index.get(fact.subject, -1), self.index.get(fact.predicate, -1)
        for object in self._by_lexical_form.get(fact.object, ()):
            row = self.row(subject, predicate, object, negative=fact.polarity == "negative")
            if row is not None:
                return row
        return None

    def row(self, subject: int, predicate: int, object: int, *, negative: bool) -> int | None:
        """The row of a fact that is given by indices of terms, or None."""
        return self._rows.get((subject, predicate, object, negative))

    def described_by(self, subject: int, *, negative: bool) -> list[tuple[int, int]]:
        """Asserted (property, filler) pairs, as indices of terms, of one subject."""
        c = self.columns
        rows = range(*np.searchsorted(c.subject, [subject, subject + 1]).tolist())
        return [(int(c.predicate[r]), int(c.object[r])) for r in rows if c.source[r] >= 0 and c.negative[r] == negative]

    @cached_property
    def index(self) -> dict[str, int]:
        """Term -> its index."""
        return {term: k for k, term in enumerate(self.terms)}

    @cached_property
    def _by_lexical_form(self) -> dict[str, list[int]]:
        forms: dict[str, list[int]] = {}
        for k, term in enumerate(self.terms):
            forms.setdefault(lexical_form(term), []).append(k)
        return forms

    @cached_property
    def _rows(self) -> dict[tuple[int, int, int, bool], int]:
        c = self.columns
        keys = zip(c.subject.tolist(), c.predicate.tolist(), c.object.tolist(), c.negative.tolist(), strict=True)
        return {key: row for row, key in enumerate(keys)}

    # ---- taxonomy --------------------------------------------------------------------

    def superclasses(self, iri: str) -> tuple[str, ...]:
        """All terms above a class (or attribute), sorted; itself not among them."""
        return self._taxonomy_neighbors(iri, upwards=True)

    def subclasses(self, iri: str) -> tuple[str, ...]:
        """All terms below a class (or attribute), sorted; itself not among them."""
        return self._taxonomy_neighbors(iri, upwards=False)

    def _taxonomy_neighbors(self, iri: str, *, upwards: bool) -> tuple[str, ...]:
        links, _ = self.links
        start = self.index.get(iri, -1)
        return tuple(self.terms[k] for k in sorted(links.paths(start, upwards=upwards)) if k != start)

    @cached_property
    def leaves(self) -> tuple[str, ...]:
        """The classes without a proper subclass, sorted: below them are at most classes that equal them."""
        links, _ = self.links
        members = {self.index.get(iri, -1): iri for iri in self.classes}
        leaves = []
        for k, iri in members.items():
            below = [c for c in links.paths(k, upwards=False) if c != k and c in members]
            if not below or set(below) <= links.paths(k).keys():
                leaves.append(iri)
        return tuple(sorted(leaves))

    @cached_property
    def links(self) -> tuple[Links, Links]:
        """Asserted links of the taxonomy, and those of the properties, as the regime reads them."""
        from kgzsl.ontology.entailment import asserted_links

        return asserted_links(self, "el" if self.regime == "none" else self.regime)

    # ---- entailment ------------------------------------------------------------------

    def entail(self, regime: Regime = "el") -> Ontology:
        """This ontology with all that follows from its asserted facts.

        Args:
            regime: ``"el"``: subsumption, equivalence and identity, inheritance, filler
                generalization, property hierarchy. ``"rdfs"``: only subsumption by
                ``subClassOf``, inheritance and property hierarchy. ``"none"``: nothing.

        Raises:
            ConfigError: there is no such regime.
        """
        from kgzsl.ontology.entailment import entail

        if regime not in ("none", "rdfs", "el"):
            raise ConfigError(Problem(f"there is no entailment regime {regime!r}", expected="none, rdfs or el"))
        return entail(self, regime)

    def prove(self, fact: Fact) -> Proof:
        """A shortest proof of a fact, down to asserted facts.

        Raises:
            UnknownTermError: the fact is neither asserted nor entailed.
        """
        from kgzsl.ontology.proofs import prove

        return prove(self, fact)

    # ---- other views -----------------------------------------------------------------

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) over classes, attributes, asserted facts and names.

        It does not depend on the order of triples, names of blank nodes, serialization, or
        entailment.
        """
        hasher = hashlib.sha256()
        for iri in (*self.classes, "", *self.attributes, ""):
            hasher.update(f"{iri}\n".encode())
        for fact in self.facts(status="asserted"):
            hasher.update(("\t".join(fact.key) + "\n").encode())
        for iri, names in sorted(self.labels.items()):
            hasher.update(("\t".join((iri, *names)) + "\n").encode())
        return hasher.hexdigest()

    def class_graph(self) -> networkx.DiGraph:
        """Classes and their asserted taxonomy: nodes have ``label``, edges ``predicate``."""
        from kgzsl.ontology.views import class_graph

        return class_graph(self)

    def attribute_graph(self) -> networkx.DiGraph:
        """Classes, attributes and their positive facts: nodes have ``label`` and ``kind``, edges ``predicate``."""
        from kgzsl.ontology.views import attribute_graph

        return attribute_graph(self)

    def to_rdflib(self) -> rdflib.Graph:
        """An rdflib graph: facts of classes as restrictions, so that it is OWL again."""
        from kgzsl.ontology.views import to_rdflib

        return to_rdflib(self)

    def is_taxonomy(self, predicate: str) -> bool:
        """Whether facts of a predicate order terms and do not describe a class."""
        return predicate.startswith(BUILT_IN)

    def with_facts(self, columns: FactColumns, report: OntologyReport, regime: Regime) -> Ontology:
        """The same ontology, but for its facts."""
        return replace(self, columns=columns, report=report, regime=regime)
