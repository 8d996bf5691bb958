"""The ontology: what is asserted, what follows, and how each fact follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from kgzsl.errors import ConfigError, Problem
from kgzsl.ontology.axioms import Axioms, is_anonymous
from kgzsl.ontology.columns import FactColumns
from kgzsl.ontology.facts import Fact, FactKey, Polarity, Proof, Status
from kgzsl.ontology.hierarchy import Hierarchy
from kgzsl.ontology.links import BY_HERMIT
from kgzsl.ontology.names import Names
from kgzsl.ontology.profile import Profile
from kgzsl.ontology.report import OntologyReport
from kgzsl.ontology.vocabulary import BUILT_IN, OWL, is_literal, lexical_form

if TYPE_CHECKING:
    import networkx
    import rdflib

    from kgzsl.ontology.axioms import Chain, Definition, Mirror
    from kgzsl.ontology.entailment import Derived
    from kgzsl.ontology.links import Links

__all__ = ["FactColumns", "Ontology", "Reasoner", "Regime"]

Regime = Literal["none", "rdfs", "el"]
Reasoner = Literal["own", "hermit"]


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
        axioms: what is said that is not a fact of one class.
        derived: what the axioms added, where proofs begin; None before ``entail``.
        reasoner: ``"hermit"`` if HermiT's entailments are among the facts.
        reach: int8 (fact,): hops from the ontology's own terms to each fact, 0 for its own, -1 for those that do not
            count (see :func:`~kgzsl.ontology.external.with_external`); None: all are its own.
        core: the ontology without other vocabularies, where ``reach`` tells them apart.
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
    axioms: Axioms = field(default_factory=Axioms)
    derived: Derived | None = None
    reasoner: Reasoner = "own"
    reach: np.ndarray | None = None
    core: Ontology | None = None

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

        Facts of class expressions without a name are not among them.

        Args:
            subject: IRI of the class; None matches any, as everywhere here.
            predicate: IRI of the property.
            object: IRI of the filler, or the lexical form of a literal.
            polarity: positive or negative.
            status: asserted or entailed.
        """
        columns, rows = self.columns, slice(0, len(self.columns))
        if subject is not None:
            rows = columns.rows_of(self.index.get(subject, -1))
        hidden = self._unnamed
        keep = ~(hidden[columns.subject[rows]] | hidden[columns.object[rows]])
        if predicate is not None:
            keep &= columns.predicate[rows] == self.index.get(predicate, -1)
        if object is not None:
            keep &= np.isin(columns.object[rows], self._by_lexical_form.get(object, ()))
        if polarity is not None:
            keep &= columns.negative[rows] == (polarity == "negative")
        if status is not None:
            keep &= (columns.source[rows] < 0) == (status == "entailed")
        return [self.fact(row) for row in (np.flatnonzero(keep) + rows.start).tolist()]

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
            strength=round(float(c.strength[row]), 6),
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
        return self.columns.row(subject, predicate, object, negative=negative)

    def described_by(self, subject: int, *, negative: bool) -> list[tuple[int, int]]:
        """Asserted (property, filler) pairs, as indices of terms, of one subject."""
        c, rows = self.columns, self.columns.rows_of(subject)
        keep = np.flatnonzero((c.source[rows] >= 0) & (c.negative[rows] == negative)) + rows.start
        return list(zip(c.predicate[keep].tolist(), c.object[keep].tolist(), strict=True))

    def axiom(self, fact: Fact) -> Definition | Chain | Mirror | None:
        """The axiom that a fact stands for at the end of a proof, or None."""
        return self._axioms.get(fact.key)

    @cached_property
    def _axioms(self) -> dict[FactKey, Definition | Chain | Mirror]:
        axioms: tuple[Definition | Chain | Mirror, ...]
        axioms = (*self.axioms.definitions, *self.axioms.chains, *self.axioms.mirrors)
        return {axiom.fact(self.terms, self.report.files).key: axiom for axiom in axioms}

    @cached_property
    def literals(self) -> np.ndarray:
        """Bool (term,): which terms are literals."""
        return np.array([is_literal(t) for t in self.terms], dtype=bool)

    @cached_property
    def _unnamed(self) -> np.ndarray:
        """Bool (term,): which terms stand for a class expression without a name."""
        return np.array([is_anonymous(t) for t in self.terms], dtype=bool)

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

    # ---- taxonomy --------------------------------------------------------------------

    def superclasses(self, iri: str) -> tuple[str, ...]:
        """All terms above a class (or attribute), sorted; itself not among them."""
        return self._taxonomy_neighbors(iri, upwards=True)

    def subclasses(self, iri: str) -> tuple[str, ...]:
        """All terms below a class (or attribute), sorted; itself not among them."""
        return self._taxonomy_neighbors(iri, upwards=False)

    def _taxonomy_neighbors(self, iri: str, *, upwards: bool) -> tuple[str, ...]:
        start = self.index.get(iri, -1)
        if start < 0:
            return ()
        found = self.hierarchy.reach([start], upwards=upwards).tolist()
        return tuple(self.terms[k] for k in found if k != start and not self._unnamed[k])

    @cached_property
    def hierarchy(self) -> Hierarchy:
        """The taxonomy over indices of terms."""
        links, _ = self.links
        pairs = np.array([(k, u) for k, uppers in links.up.items() for u in uppers], dtype=np.int64).reshape(-1, 2)
        return Hierarchy(pairs[:, 0], pairs[:, 1], len(self.terms))

    @cached_property
    def leaves(self) -> tuple[str, ...]:
        """The classes without a proper subclass, sorted: below them are at most classes that equal them."""
        hierarchy, members = self.hierarchy, [self.index[iri] for iri in self.classes if iri in self.index]
        inner = np.zeros(hierarchy.count, dtype=bool)
        own = np.zeros(hierarchy.count, dtype=bool)
        own[hierarchy.component[members]] = True
        inner[hierarchy.component[hierarchy.reach(hierarchy.parents_of(own), upwards=True)]] = True
        alone = [iri for iri in self.classes if iri not in self.index]
        return tuple(sorted(alone + [self.terms[k] for k in members if not inner[hierarchy.component[k]]]))

    @cached_property
    def links(self) -> tuple[Links, Links]:
        """Asserted links of the taxonomy, and those of the properties, as the regime reads them."""
        from kgzsl.ontology.entailment import asserted_links

        taxonomy, properties = asserted_links(self, "el" if self.regime == "none" else self.regime)
        for (lower, upper), (definition, _) in (self.derived.links if self.derived else {}).items():
            taxonomy.add(lower, upper, -1 - definition)
        for lower, predicate, upper in sorted(self.derived.by_hermit if self.derived else ()):
            if self.terms[predicate].startswith(BUILT_IN) and self.terms[upper] != OWL.Nothing:
                taxonomy.add(lower, upper, BY_HERMIT)
        return taxonomy, properties

    # ---- entailment ------------------------------------------------------------------

    def entail(self, regime: Regime = "el", *, reasoner: Reasoner = "own", timeout: float = 600) -> Ontology:
        """This ontology with all that follows from its asserted facts.

        Args:
            regime: ``"el"``: subsumption, equivalence and identity, inheritance, filler
                generalization, property hierarchy. ``"rdfs"``: only subsumption by
                ``subClassOf``, inheritance and property hierarchy. ``"none"``: nothing.
            reasoner: ``"own"``, or ``"hermit"``, which needs a Java and adds what follows in OWL 2 DL
                (:mod:`kgzsl.ontology.hermit`): for ontologies of up to some thousand classes.
            timeout: seconds after which HermiT is ended.

        Raises:
            ConfigError: there is no such regime or reasoner; HermiT does not run, or fails.
        """
        from kgzsl.ontology.entailment import entail

        if regime not in ("none", "rdfs", "el"):
            raise ConfigError(Problem(f"there is no entailment regime {regime!r}", expected="none, rdfs or el"))
        if reasoner not in ("own", "hermit"):
            raise ConfigError(Problem(f"there is no reasoner {reasoner!r}", expected="own or hermit"))
        if reasoner == "own":
            return entail(self, regime)
        if regime != "el":
            fix = "entail by el, or leave out the reasoner"
            raise ConfigError(Problem(f"HermiT derives more than {regime!r} allows", expected="el", fix=fix))
        from kgzsl.ontology.hermit import add_hermit

        return add_hermit(entail(self, regime), timeout=timeout)

    def prove(self, fact: Fact) -> Proof:
        """A shortest proof of a fact, down to asserted facts.

        Raises:
            UnknownTermError: the fact is neither asserted nor entailed.
        """
        from kgzsl.ontology.proofs import prove

        if fact.key not in self._proofs:
            self._proofs[fact.key] = prove(self, fact)
        return self._proofs[fact.key]

    @cached_property
    def _proofs(self) -> dict[FactKey, Proof]:
        return {}

    # ---- other views -----------------------------------------------------------------

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) over classes, attributes, asserted facts, axioms and names.

        It does not depend on the order of triples, names of blank nodes, serialization, or
        entailment.
        """
        from kgzsl.ontology.asserted import asserted_by

        return asserted_by(self).digest

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
