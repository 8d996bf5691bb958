"""Classes as they would be if an ontology were another, for many small changes in one entailment."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from kgzsl.ontology.axioms import Axioms, Definition
from kgzsl.ontology.columns import FactColumns
from kgzsl.ontology.edit import Edit
from kgzsl.ontology.entailment import MUTUAL
from kgzsl.ontology.facts import Fact, FactKey
from kgzsl.ontology.ontology import Ontology
from kgzsl.ontology.vocabulary import BUILT_IN, OWL, RDFS

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["Copies", "Module"]

ANYBODY = "\x1f"
"""Somebody who has all that matters, and whom nobody asks for."""


@dataclass(frozen=True, eq=False)
class Copies:
    """Classes under edits, side by side in one ontology.

    Args:
        ontology: entailed. Of each copy it has the facts that its class has under its edit; fillers go by their own
            names.
        of: for each edit, class -> its copy. A class that is not there does not depend on what is changed.
    """

    ontology: Ontology
    of: tuple[Mapping[str, str], ...]


class Module:
    """All that the facts of some classes rest on, and which of it rests on what.

    Entailing again takes as long as the ontology is large, however little is taken away. What is said of a class
    rests on the facts of the terms that can be reached from it, and on nothing else: an edit is entailed for copies
    of the few terms between the classes and the fact, next to all others, many edits at once.

    Args:
        ontology: entailed, by its own reasoner and without other vocabularies.
        classes: IRIs of the classes.
        pairs: properties and fillers that matter: a class may lack them because it lacks something more general.
    """

    def __init__(self, ontology: Ontology, classes: Sequence[str], *, pairs: Collection[tuple[str, str]] = ()) -> None:
        from scipy.sparse import csr_array

        self.ontology, self.classes = ontology, tuple(classes)
        c, count = ontology.columns, len(ontology.terms)
        is_property = np.zeros(count, dtype=bool)
        is_property[[ontology.index[p] for p in ontology.properties if p in ontology.index]] = True
        # Disjointness is said of one and holds for both; it rests on what is above each, and not on the other.
        self._apart = apart = (
            c.negative & np.array([ontology.is_taxonomy(t) for t in ontology.terms], dtype=bool)[c.predicate]
        )
        # Facts of expressions without a name are not listed; what axioms added to them is.
        derived = ontology.derived
        added = [] if derived is None else [*derived.links, *((s, o) for s, _, o in derived.facts)]
        ends = np.array(added, dtype=np.int64).reshape(-1, 2)
        lower = np.concatenate([c.subject[~apart], ends[:, 0]])
        upper = np.concatenate([c.object[~apart], ends[:, 1]])
        self._up = csr_array((np.ones(len(lower), dtype=np.int32), (lower, upper)), shape=(count, count))
        self._down = self._up.T.tocsr()
        self.pairs = [(ontology.index[p], ontology.index[f]) for p, f in pairs if {p, f} <= ontology.index.keys()]
        start = {ontology.index[iri] for iri in classes if iri in ontology.index} | {f for _, f in self.pairs}
        self.inside = self._reached(self._down, start)
        near = self.inside[c.subject] | is_property[c.subject] | (apart & self.inside[c.object])
        self.rows = np.flatnonzero((c.source >= 0) & near)
        self._own = self._reached(self._down, {ontology.index[iri] for iri in classes if iri in ontology.index})
        self._never = np.array([t.startswith(BUILT_IN) for t in ontology.terms], dtype=bool)
        self._never |= ontology.literals | is_property
        self._axioms = replace(ontology.axioms, definitions=tuple(filter(self._matters, ontology.axioms.definitions)))
        self._found: dict[FactKey, int] = {}
        self._upon: dict[int, np.ndarray] = {}
        self.closed = ontology.core is None and ontology.reasoner == "own" and not ontology.report.unlisted

    @staticmethod
    def _reached(graph: csr_array, start: Collection[int] | np.ndarray) -> np.ndarray:
        """Bool (term,): what can be reached; the graph is one of (term, term before it)."""
        found = np.zeros(graph.shape[0], dtype=bool)
        found[list(start)] = True
        front = found
        while front.any():
            front = (graph @ front.astype(np.int32) > 0) & ~found
            found |= front
        return found

    def _matters(self, definition: Definition) -> bool:
        """Whether a definition may put a term that is inside below a class: what it asks for is there for some term."""
        known = self.inside[definition.then] or self.ontology._unnamed[definition.then]
        return bool(known) and self._fulfilled(definition, self.inside)

    def _fulfilled(self, definition: Definition, terms: np.ndarray, *, given: Collection[tuple[int, int]] = ()) -> bool:
        """Whether one of some terms, a mask, may fulfill a definition, where it also has what is given.

        Of what is not listed (expressions without a name, anything at all) it may.
        """
        o, below = self.ontology, self.ontology.index.get(RDFS.subClassOf, -1)
        wanted = [(below, n) for n in definition.named] + [pair for pair in definition.has if pair not in given]
        wanted = [(p, f) for p, f in wanted if not o._unnamed[f] and o.terms[f] != OWL.Thing]
        return any(
            all((p == below and f == term) or o.row(term, p, f, negative=False) is not None for p, f in wanted)
            for term in np.flatnonzero(terms).tolist()
        )

    def basis(self) -> tuple[Fact, ...]:
        """The asserted facts that anything said of the classes may rest on, sorted."""
        c = self.ontology.columns
        told = ~(
            self.ontology.literals[c.object] | self.ontology._unnamed[c.subject] | self.ontology._unnamed[c.object]
        )
        told &= self._own[c.subject] | (c.negative & self._own[c.object])
        return tuple(self.ontology.fact(row) for row in self.rows[told[self.rows]].tolist())

    def affected(self, edit: Edit) -> np.ndarray | None:
        """Bool (term,): terms that depend on what an edit changes; None where copies cannot tell what would be."""
        o, c = self.ontology, self.ontology.columns
        rows = self._places(edit.remove)
        if not self.closed or (rows < 0).any() or not all(map(self._may_come, edit.add)):
            return None
        mutual = [o.index[p] for p in MUTUAL if p in o.index]
        turned = rows[self._apart[rows] | np.isin(c.predicate[rows], mutual)]
        starts = np.concatenate([c.subject[rows], [o.index[fact.subject] for fact in edit.add]]).astype(np.int64)
        found = self._kept_apart(self._reached(self._up, np.concatenate([starts, c.object[turned]])) & self.inside)
        # Properties are the same for all, and so are terms of the language itself.
        if found is None or (self._never & found).any() or self._never[starts].any():
            return None
        return None if edit.add and self._awaited(edit, found) else found

    def _kept_apart(self, found: np.ndarray) -> np.ndarray | None:
        """The same terms, and those that have to be copied with them; None where that cannot be.

        A copy that fulfills a definition comes below the class as it was, unless what is asked for is a copy too.
        """
        found, more = found.copy(), True
        while more:
            more = False
            for definition in self._axioms.definitions:
                asked = [*definition.named, *(f for _, f in definition.has)]
                if found[definition.then] and not found[asked].any():
                    ways = [self._dependent(term) for term in asked if self.inside[term] and not self._never[term]]
                    if not ways:
                        return None
                    found |= min(ways, key=np.count_nonzero)
                    more = True
        return found

    def _dependent(self, term: int) -> np.ndarray:
        """Bool (term,): a term and those inside that depend on it."""
        if term not in self._upon:
            self._upon[term] = self._reached(self._up, [term]) & self.inside
        return self._upon[term]

    def _places(self, facts: Sequence[Fact]) -> np.ndarray:
        """The row of each of some facts, looked up once; -1 where it has none."""
        for fact in facts:
            if fact.key not in self._found:
                row = self.ontology.find(fact)
                self._found[fact.key] = -1 if row is None else row
        return np.array([self._found[fact.key] for fact in facts], dtype=np.int64)

    def _may_come(self, fact: Fact) -> bool:
        """Whether a fact can be added to copies: all that it leads to is inside, and nothing composes it."""
        o = self.ontology
        ends = [o.index.get(term, -1) for term in (fact.subject, fact.predicate, fact.object)]
        if min(ends) < 0 or not self.inside[ends[2]] or fact.predicate.startswith(BUILT_IN) or fact.strength != 1:
            return False
        return fact.object != OWL.Thing and not (o.axioms.chains or o.axioms.mirrors)

    def _awaited(self, edit: Edit, affected: np.ndarray) -> bool:
        """Whether additions may complete a definition for a term that they are said of, directly or from above."""
        o = self.ontology
        come: set[tuple[int, int]] = set()
        for fact in edit.add:
            fillers = {o.index[fact.object], *o.hierarchy.reach([o.index[fact.object]]).tolist()}
            fillers |= {o.index[OWL.Thing]} if OWL.Thing in o.index else set()
            come |= {(p, f) for p in o.links[1].paths(o.index[fact.predicate]) for f in fillers}
        return any(
            not come.isdisjoint(definition.has) and self._fulfilled(definition, affected, given=come)
            for definition in o.axioms.definitions
        )

    def under(self, edits: Sequence[Edit], affected: Sequence[np.ndarray]) -> Copies:
        """The classes under each of many edits by itself.

        Args:
            edits: each changes something.
            affected: what :meth:`affected` says of each.
        """
        o, c = self.ontology, self.ontology.columns
        # Who lacks anything at all lacks what anybody has: somebody has all that matters.
        terms, columns = [*o.terms, ANYBODY], [c.take(self.rows), _having(self.pairs, subject=len(o.terms))]
        axioms, maps = [self._axioms], []
        more: list[str] = []
        mentioned = self._axioms.terms()
        for number, (edit, mine) in enumerate(zip(edits, affected, strict=True)):
            own = np.flatnonzero(mine)
            new = np.arange(len(o.terms))
            new[own] = len(terms) + np.arange(len(own))
            copied = [f"{o.terms[k]}\x1f{number}" for k in own.tolist()]
            terms += copied
            more += copied
            rows = self.rows[mine[c.subject[self.rows]] | (self._apart & mine[c.object])[self.rows]]
            rows = rows[~np.isin(rows, self._places(edit.remove))]
            subject, predicate, object, *rest = c.take(rows)
            columns.append(_having([(p, int(new[f])) for p, f in self.pairs if mine[f]], subject=len(o.terms)))
            columns.append((new[subject].astype(np.int32), predicate, new[object].astype(np.int32), *rest))
            if edit.add:
                columns.append(_added(_new_in(edit, o), o, new))
            if not mentioned.isdisjoint(own.tolist()):
                axioms.append(self._axioms.renumbered(new.tolist().__getitem__))
            maps.append((own, new))
        grown = replace(
            o,
            terms=tuple(terms),
            columns=FactColumns.sorted(*(np.concatenate(parts) for parts in zip(*columns, strict=True))),
            classes=(*o.classes, ANYBODY, *more),
            axioms=_joined(axioms),
            derived=None,
        ).entail(o.regime)
        base, under = np.arange(len(terms)), np.full(len(terms), -1)
        for k, (own, new) in enumerate(maps):
            base[new[own]], under[new[own]] = own, k
        of = tuple(
            {iri: terms[new[o.index[iri]]] for iri in self.classes if iri in o.index and mine[o.index[iri]]}
            for mine, (_, new) in zip(affected, maps, strict=True)
        )
        asked = [grown.index[name] for copies in of for name in copies.values()]
        return Copies(replace(grown, columns=_told(grown.columns, asked, base, under, np.stack(affected))), of)


def _told(
    c: FactColumns, asked: Sequence[int], base: np.ndarray, under: np.ndarray, affected: np.ndarray
) -> FactColumns:
    """The facts of some copies, with fillers by their own names.

    Args:
        c: facts.
        asked: the copies.
        base: what each term is a copy of, or itself.
        under: under which edit each term is; -1 for those that are no copies.
        affected: bool (edit, term): under an edit these terms are their copies.
    """
    wanted = np.zeros(len(base), dtype=bool)
    wanted[list(asked)] = True
    rows = np.flatnonzero(wanted[c.subject])
    turn, other = under[c.subject[rows]], c.object[rows]
    # A class lacks all that is below what it lacks: the copy there, and not the term as it was.
    plain = np.flatnonzero((under[other] < 0) & (other < affected.shape[1]))
    stale = np.zeros(len(rows), dtype=bool)
    stale[plain] = affected[turn[plain], other[plain]]
    # Of other edits' copies nothing is known here.
    stale |= (under[other] >= 0) & (under[other] != turn)
    subject, predicate, object, negative, source, *rest = c.take(rows[~stale])
    object = base[object].astype(np.int32)
    order = np.lexsort([-source, negative, object, predicate, subject])  # of equal ones the asserted first
    keys = np.stack([subject, predicate, object, negative])[:, order]
    again = np.zeros(len(order), dtype=bool)
    again[1:] = (keys[:, 1:] == keys[:, :-1]).all(0)
    kept = order[~again]
    return FactColumns.sorted(*(column[kept] for column in (subject, predicate, object, negative, source, *rest)))


def _having(pairs: Sequence[tuple[int, int]], *, subject: int) -> tuple[np.ndarray, ...]:
    """Asserted facts of one term, as columns."""
    return FactColumns.asserted([(subject, p, f, False) for p, f in pairs], plain=False)


def _new_in(edit: Edit, ontology: Ontology) -> list[Fact]:
    """Facts that an edit adds and that are not asserted, each once."""
    gone = {fact.key for fact in edit.remove}
    found: dict[FactKey, Fact] = {}
    for fact in edit.add:
        row = ontology.find(fact)
        if row is None or ontology.columns.source[row] < 0 or fact.key in gone:
            found[fact.key] = fact
    return list(found.values())


def _added(facts: Sequence[Fact], ontology: Ontology, new: np.ndarray) -> tuple[np.ndarray, ...]:
    """Facts that are added to copies, as columns."""
    index = ontology.index
    return FactColumns.asserted(
        [
            (int(new[index[f.subject]]), index[f.predicate], int(new[index[f.object]]), f.polarity == "negative")
            for f in facts
        ]
    )


def _joined(parts: Sequence[Axioms]) -> Axioms:
    """All axioms, each once."""
    kinds = {kind: {axiom for part in parts for axiom in getattr(part, kind)} for kind in Axioms.__dataclass_fields__}
    return Axioms(**{kind: tuple(sorted(axioms)) for kind, axioms in kinds.items()})
