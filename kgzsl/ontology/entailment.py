"""What follows from the asserted facts: columnar, in rounds, without storing a proof.

With ``<=`` for "is below or is" in the taxonomy, and p <= q for sub-properties:

- C <= D if a chain of ``subClassOf``, ``equivalentClass`` or ``sameAs`` leads from C to D;
- C has (q, g) iff some D with C <= D is asserted to have (p, f) with p <= q and f <= g;
- C lacks (p, f) iff some D with C <= D is asserted to lack (q, g) with p <= q and f <= g;
- a class that lacks (p, Thing) lacks (p, f) for every f that p is used with anywhere;
- C is disjoint with D iff some class above C is said to be disjoint with D;
- C is unsatisfiable iff it is below two disjoint classes, has what it lacks, has something
  unsatisfiable, or is below an unsatisfiable class.

These are closed forms. Three kinds of axioms add to what they start from, so they are applied in
rounds until nothing is new: definitions (whatever is of these classes and has all of these is of that
class), property chains with transitivity, and inverse or symmetric properties of plain triples.
This is the calculus of Baader, Brandt and Lutz, "Pushing the EL Envelope", IJCAI 2005, table 2 (without
nominals' reachability and concrete domains), with one column of (class, pair) numbers per round instead of a
queue of single conclusions. A profile whose classes do not inherit has C equal to D in lines two to five.

Proofs are not stored: :mod:`kgzsl.ontology.proofs` finds them again from the same links.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from kgzsl.errors import OntologyError, Problem
from kgzsl.ontology.axioms import Chain, Mirror, is_anonymous
from kgzsl.ontology.columns import FactColumns
from kgzsl.ontology.hierarchy import Hierarchy, Table, TooLargeError, distinct, flat, union
from kgzsl.ontology.links import Links
from kgzsl.ontology.ontology import Ontology, Regime
from kgzsl.ontology.report import Contradiction
from kgzsl.ontology.vocabulary import BUILT_IN, OWL, RDF, RDFS

__all__ = ["MOST_FACTS", "MOST_LINKS", "MUTUAL", "Derived", "asserted_links", "entail"]

MOST_FACTS = 100_000_000
"""Most entailed facts of classes; more would not fit into memory beside a model."""
MOST_LINKS = 20_000_000
"""Most entailed facts of the taxonomy that are listed; beyond, they are found when asked for."""

_BEFORE_ALL_ROUNDS = 10**9
_BLOCK = 2000  # terms whose facts are looked at together: what fits into the processor's cache
_CLASS_LINKS = (RDFS.subClassOf, RDF.type, OWL.equivalentClass, OWL.sameAs)
_PROPERTY_LINKS = (RDFS.subPropertyOf, OWL.equivalentProperty)
MUTUAL = (OWL.equivalentClass, OWL.sameAs, OWL.equivalentProperty)


@dataclass(frozen=True)
class Derived:
    """What the axioms added, with the round in which: enough to find proofs again.

    Args:
        links: (lower, upper) -> index of the definition, round.
        facts: (subject, property, filler) -> chain or mirror, the term in the middle (of a mirror the
            property of the plain triple), round.
        impossible: terms that cannot have an instance, unnamed ones too.
        by_hermit: (subject, property, object) of the facts that HermiT alone derives.
    """

    links: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)
    facts: dict[tuple[int, int, int], tuple[Chain | Mirror, int, int]] = field(default_factory=dict)
    impossible: set[int] = field(default_factory=set)
    by_hermit: frozenset[tuple[int, int, int]] = frozenset()


def asserted_links(ontology: Ontology, regime: Regime) -> tuple[Links, Links]:
    """The links among classes, attributes and individuals, and those among properties.

    Identity counts only between terms that the ontology describes, so that a link out to
    another vocabulary is kept as information without pulling that vocabulary in.
    """
    taxonomy, properties = Links(), Links()
    edges = _Edges(ontology, regime)
    for links, table in ((taxonomy, edges.classes), (properties, edges.properties)):
        # Mutual ones last: of two reasons for a link the first stays, and a plain one proves it in fewer steps.
        for lower, upper, predicate, reverse in sorted(table, key=lambda row: ontology.terms[row[2]] in MUTUAL):
            links.add(lower, upper, predicate, reverse=reverse)
    return taxonomy, properties


class _Edges:
    """Links as (lower, upper, predicate, whether the fact is written the other way round)."""

    def __init__(self, ontology: Ontology, regime: Regime) -> None:
        c = ontology.columns
        described = {ontology.index[t] for t in (*ontology.classes, *ontology.attributes)}
        everything = ontology.profile.scope == "all"
        self.classes: list[tuple[int, int, int, bool]] = []
        self.properties: list[tuple[int, int, int, bool]] = []
        numbers = {ontology.index[p]: p for p in (*_CLASS_LINKS, *_PROPERTY_LINKS) if p in ontology.index}
        rows = np.flatnonzero((c.source >= 0) & ~c.negative & np.isin(c.predicate, list(numbers)))
        literal = ontology.literals
        for s, p, o in zip(c.subject[rows].tolist(), c.predicate[rows].tolist(), c.object[rows].tolist(), strict=True):
            name = numbers[p]
            if literal[o]:
                continue
            kept = self.properties if name in _PROPERTY_LINKS else self.classes
            if name not in MUTUAL:
                kept.append((s, o, p, False))
            elif regime == "el" and (everything or kept is self.properties or {s, o} <= described):
                kept += [(s, o, p, False), (o, s, p, True)]

    def hierarchy(self, *, properties: bool = False, only: set[int] | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper ends; of some predicates only, where given."""
        rows = self.properties if properties else self.classes
        pairs = [(s, o) for s, o, p, _ in rows if s != o and (only is None or p in only)]
        table = np.array(pairs, dtype=np.int64).reshape(-1, 2)
        return table[:, 0], table[:, 1]


def entail(ontology: Ontology, regime: Regime) -> Ontology:
    """The ontology with the entailed facts of a regime beside its asserted ones.

    Raises:
        OntologyError: more would follow than memory holds.
    """
    saturated = _Saturation(ontology, regime)
    try:
        saturated.run()
        contradictions = saturated.contradictions()
        columns, unlisted = saturated.columns()
    except TooLargeError as error:
        got = f"more than {error.args[0]:,} facts follow from {len(ontology.columns):,} asserted ones"
        fix = "read fewer files, or entail('rdfs') or entail('none')"
        raise OntologyError(Problem(got, expected=f"{MOST_FACTS:,} at most", fix=fix)) from error
    names = ontology.terms
    found = saturated.found
    counts = Counter({names[p]: int(found[p]) for p in np.flatnonzero(found)})
    below = ontology.index.get(RDFS.subClassOf, -1)
    if unlisted and below >= 0:
        counts[RDFS.subClassOf] += unlisted
    report = replace(
        ontology.report,
        entailed=dict(sorted(counts.items())),
        unlisted=unlisted,
        cycles=saturated.cycles(),
        contradictions=contradictions,
        unsatisfiable=tuple(names[t] for t in saturated.unsatisfiable),
    )
    return replace(ontology, columns=columns, report=report, regime=regime, derived=saturated.derived)


class _Saturation:
    """The rounds of one entailment. Pairs (property, filler) are single numbers: ``property * width + filler``."""

    def __init__(self, ontology: Ontology, regime: Regime) -> None:
        self.ontology, self.regime = ontology, regime
        self.terms = len(ontology.terms)
        # One more than there are fillers: the last stands for "anything at all".
        self.width, self.anything = self.terms + 1, self.terms
        self.thing, self.nothing = (ontology.index.get(t, -1) for t in (OWL.Thing, OWL.Nothing))
        c = ontology.columns
        asserted = np.flatnonzero(c.source >= 0)
        built_in = np.array([t.startswith(BUILT_IN) for t in ontology.terms], dtype=bool)
        described = asserted[~built_in[c.predicate[asserted]]]
        self.positive = described[~c.negative[described]]
        self.negative = described[c.negative[described]]
        below = ontology.index.get(RDFS.subClassOf, -1)
        self.disjoint = asserted[c.negative[asserted] & (c.predicate[asserted] == below)]
        self.edges = _Edges(ontology, regime)
        self.properties = Hierarchy(*self.edges.hierarchy(properties=True), self.terms)
        self.derived = Derived()
        self.unsatisfiable: list[int] = []
        # What each component of the heirs has: places among the pairs that anything has.
        self.has: list[np.ndarray] = []
        self.found = np.zeros(self.terms, dtype=np.int64)
        self.pairs = np.zeros(0, dtype=np.int64)
        self.graded: dict[int, dict[int, float]] = {}
        self._subs: dict[int, np.ndarray] = {}

    # ---- rounds ----------------------------------------------------------------------

    def run(self) -> None:
        """Apply everything until nothing is new."""
        if self.regime == "none":
            self._arrange()
            return
        if self.regime == "el":
            self._mirror()
        number = 0
        while True:
            number += 1
            self._arrange()
            self.has = self.heirs.inherit(self._own(), limit=MOST_FACTS)
            if self.regime != "el" or not (self._compose(number) | self._define(number)):
                break
        self._grade()
        self._lack()
        if self.ontology.profile.inherits:
            self._find_unsatisfiable()

    def _arrange(self) -> None:
        """Taxonomy, and the part of it along which facts are inherited, with the links found so far."""
        lower, upper = self.edges.hierarchy()
        new = np.array(list(self.derived.links), dtype=np.int64).reshape(-1, 2)
        lower, upper = np.concatenate([lower, new[:, 0]]), np.concatenate([upper, new[:, 1]])
        self.taxonomy = self.heirs = Hierarchy(lower, upper, self.terms)
        if not self.ontology.profile.inherits:
            same = {self.ontology.index.get(p, -1) for p in MUTUAL}
            self.heirs = Hierarchy(*self.edges.hierarchy(only=same), self.terms)

    def _own(self) -> Table:
        """What each component of the heirs has itself: stated, and generalized by property and filler."""
        c = self.ontology.columns
        rows = self.positive[c.strength[self.positive] == 1]
        s, p, f = (x[rows].astype(np.int64) for x in (c.subject, c.predicate, c.object))
        if self.derived.facts:
            new = np.array(list(self.derived.facts), dtype=np.int64)
            s, p, f = np.concatenate([s, new[:, 0]]), np.concatenate([p, new[:, 1]]), np.concatenate([f, new[:, 2]])
        stated = p * self.width + f
        pairs = distinct(stated)
        position, spread = self._generalized(pairs)
        self.pairs = distinct(spread)
        table = Table(position, np.searchsorted(self.pairs, spread), len(pairs))
        of, values = table.expand(np.searchsorted(pairs, stated))
        return Table(self.heirs.component[s[of]], values, self.heirs.count)

    def _generalized(self, pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """All pairs that follow from pairs, each with the position of the pair it follows from."""
        position, q = self._supers.expand(pairs // self.width)
        f = pairs[position] % self.width
        wide = np.isin(q, list(self._asked_for_anything))
        anything = (position[wide], q[wide] * self.width + self.anything)
        if self.regime == "el":
            at, g = self._uppers(distinct(f)).expand(f)
            kept = g != self.nothing  # an unsatisfiable filler makes its holder so, and says no more
            position, q, f = position[at][kept], q[at][kept], g[kept]
        return np.concatenate([position, anything[0]]), np.concatenate([q * self.width + f, anything[1]])

    @cached_property
    def _supers(self) -> Table:
        """The properties above each property, itself included."""
        return self.properties.closure(self._used, limit=MOST_FACTS)

    @cached_property
    def _used(self) -> np.ndarray:
        """The predicates of facts, and the terms of axioms, sorted: all that a property may be among."""
        used = {*np.unique(self.ontology.columns.predicate).tolist(), *self.ontology.axioms.terms()}
        return np.array(sorted(used), dtype=np.int64)

    def _uppers(self, fillers: np.ndarray) -> Table:
        """The terms above each of some fillers, itself included."""
        return self.taxonomy.closure(fillers, limit=MOST_FACTS)

    @cached_property
    def _asked_for_anything(self) -> set[int]:
        """Properties of which it matters whether a class has anything at all."""
        c = self.ontology.columns
        lacked = self.negative[c.object[self.negative] == self.thing]
        asked = {p for d in self.ontology.axioms.definitions for p, f in d.has if f == self.thing}
        return {*c.predicate[lacked].tolist(), *asked}

    def _pair(self, property: int, filler: int) -> int:
        """A pair as it is looked up among what classes have."""
        return property * self.width + (self.anything if filler == self.thing else filler)

    def _holders(self, pairs: set[int]) -> dict[int, np.ndarray]:
        """The components that have each of some pairs."""
        wanted = np.array(sorted(pairs), dtype=np.int64)
        row, value = self._having(_among(self.pairs, wanted))
        order = np.argsort(value, kind="stable")
        row, value = row[order], self.pairs[value[order]]
        start, stop = np.searchsorted(value, wanted), np.searchsorted(value, wanted, side="right")
        return {int(w): row[a:b] for w, a, b in zip(wanted, start, stop, strict=True)}

    def _having(self, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which components have some of the pairs, given as a mask: component, place of the pair."""
        components, places = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
        for start in range(0, len(self.has), _BLOCK) if wanted.any() else ():
            rows = self.has[start : start + _BLOCK]
            every = np.concatenate(rows)
            kept = np.flatnonzero(wanted[every])
            if len(kept):
                ends = np.cumsum([len(own) for own in rows])
                components.append(start + np.searchsorted(ends, kept, side="right"))
                places.append(every[kept])
        return np.concatenate(components), np.concatenate(places)

    @cached_property
    def _clashes(self) -> list[tuple[int, np.ndarray]]:
        """Components that lack something that they have: component, pairs."""
        found = []
        for component, lacks in enumerate(self.lacks):
            if len(lacks):
                both = np.intersect1d(lacks, self.pairs[self.has[component]], assume_unique=True)
                if len(both):
                    found.append((component, both))
        return found

    def _define(self, number: int) -> bool:
        """Put what fulfills a definition below the defined class; whether anything was new."""
        definitions = self.ontology.axioms.definitions
        if not definitions:
            return False
        heirs, new = self.heirs, False
        holders = self._holders({self._pair(p, f) for d in definitions for p, f in d.has})

        def below(term: int) -> np.ndarray:
            return distinct(heirs.component[heirs.reach([term], upwards=False)])

        for k, definition in enumerate(definitions):
            parts = sorted((holders[self._pair(p, f)] for p, f in definition.has), key=len)
            fits = parts[0] if parts else below(definition.named[0])
            for part in parts[1:]:
                fits = np.intersect1d(fits, part, assume_unique=True)
            for name in definition.named:
                if len(fits):  # most definitions are fulfilled by few
                    fits = np.intersect1d(fits, below(name), assume_unique=True)
            if len(fits):
                fits = np.setdiff1d(fits, below(definition.then), assume_unique=True)
            for component in fits.tolist():
                if not _among(heirs.parents[component], fits).any():  # else it is below by way of that one
                    lower = int(heirs.members[component][0])
                    self.derived.links.setdefault((lower, definition.then), (k, number))
                    new = True
        return new

    def _compose(self, number: int) -> bool:
        """Facts by property chains; whether anything was new."""
        chains = self.ontology.axioms.chains
        if not chains:
            return False
        c, heirs, new = self.ontology.columns, self.heirs, False
        rows = self.positive[c.strength[self.positive] == 1]
        stated = np.stack([c.subject[rows], c.predicate[rows], c.object[rows]], axis=1).astype(np.int64)
        stated = np.concatenate([stated, np.array(list(self.derived.facts), dtype=np.int64).reshape(-1, 3)])
        property, filler = np.divmod(self.pairs, self.width)
        for chain in chains:
            firsts = stated[np.isin(stated[:, 1], self.properties.reach([chain.first], upwards=False))]
            row, place = self._having((property == chain.second) & (filler != self.anything))
            second = Table(row, filler[place], heirs.count)
            at, last = second.expand(heirs.component[firsts[:, 2]])
            subject, middle = firsts[at, 0], firsts[at, 2]
            for s, m, f in zip(subject.tolist(), middle.tolist(), last.tolist(), strict=True):
                if (s, chain.then, f) in self.derived.facts:
                    continue
                if not self._has(heirs.component[s], chain.then * self.width + f):
                    self.derived.facts[s, chain.then, f] = (chain, m, number)
                    new = True
        return new

    def _has(self, component: int, pair: int) -> bool:
        """Whether a component has a pair."""
        rank, own = int(np.searchsorted(self.pairs, pair)), self.has[component]
        if rank == len(self.pairs) or self.pairs[rank] != pair:
            return False
        place = int(np.searchsorted(own, own.dtype.type(rank)))
        return bool(place < len(own) and own[place] == rank)

    def _mirror(self) -> None:
        """Plain triples read the other way round, by inverse and symmetric properties."""
        c, mirrors = self.ontology.columns, self.ontology.axioms.mirrors
        if not mirrors:
            return
        literal = self.ontology.literals
        todo = [
            (int(c.subject[r]), int(c.predicate[r]), int(c.object[r]))
            for r in self.positive
            if c.plain[r] and not literal[c.object[r]]
        ]
        known = set(todo)
        for s, p, o in todo:  # grows while it is walked
            for mirror in mirrors:
                for here, there in ((mirror.property, mirror.inverse), (mirror.inverse, mirror.property)):
                    if here in self.properties.reach([p]) and (o, there, s) not in known:
                        known.add((o, there, s))
                        todo.append((o, there, s))
                        # Numbered before all rounds, each after what it mirrors.
                        self.derived.facts[o, there, s] = (mirror, p, len(known) - _BEFORE_ALL_ROUNDS)

    # ---- degrees, absence, impossibility ---------------------------------------------

    def _grade(self) -> None:
        """Degrees of graded facts: the largest over all ways to inherit and generalize them.

        A graded fact is inherited and generalized, but suffices for no definition and no chain.
        """
        c = self.ontology.columns
        rows = self.positive[c.strength[self.positive] < 1]
        stated = c.predicate[rows].astype(np.int64) * self.width + c.object[rows]
        pairs = distinct(stated)
        general = Table(*self._generalized(pairs), len(pairs))
        for row, place in zip(rows.tolist(), np.searchsorted(pairs, stated).tolist(), strict=True):
            degree, values = float(c.strength[row]), general[place]
            told = values[values % self.width != self.anything].tolist()
            for heir in self.heirs.reach([int(c.subject[row])], upwards=False).tolist():
                own = self.graded.setdefault(heir, {})
                for value in told:
                    own[value] = max(own.get(value, 0.0), degree)

    def _lack(self) -> None:
        """What classes lack, and which they are disjoint with."""
        c, heirs = self.ontology.columns, self.heirs
        pairs, which = np.unique(
            c.predicate[self.negative].astype(np.int64) * self.width + c.object[self.negative], return_inverse=True
        )
        parts = [self._down(*divmod(pair, self.width)) for pair in pairs.tolist()]
        everything = [k for k, pair in enumerate(pairs.tolist()) if pair % self.width == self.thing]
        if everything:
            used = union([self.pairs, distinct(np.concatenate(parts))])
            used = used[used % self.width != self.anything]
            for k in everything:
                subs = self.properties.reach([pairs[k] // self.width], upwards=False)
                near = used[np.isin(used // self.width, self.properties.reach(subs))]
                down = [self._down(*divmod(pair, self.width)) for pair in near.tolist()]
                lower = distinct(np.concatenate([near, *down]))
                lower = lower[np.isin(lower // self.width, subs)]
                parts[k] = distinct(np.concatenate([parts[k], lower, subs * self.width + self.anything]))
        table = Table(*flat(parts), len(parts))
        of, values = table.expand(which)
        own = Table(heirs.component[c.subject[self.negative][of]], values, heirs.count)
        self.lacks = heirs.inherit(own, limit=MOST_FACTS)
        one, other = c.subject[self.disjoint], c.object[self.disjoint]
        both = np.concatenate([one, other]), np.concatenate([other, one])
        self.apart = heirs.inherit(Table(heirs.component[both[0]], both[1], heirs.count), limit=MOST_FACTS)

    def _down(self, p: int, f: int) -> np.ndarray:
        """All pairs that are more special than one: who lacks it lacks them."""
        if p not in self._subs:
            self._subs[p] = self.properties.reach([p], upwards=False) * self.width
        lower = self.taxonomy.reach([f], upwards=False) if self.regime == "el" else np.array([f])
        return (self._subs[p][:, None] + lower).ravel()

    def _find_unsatisfiable(self) -> None:
        """Classes that cannot have an instance."""
        heirs = self.heirs
        empty = np.zeros(heirs.count, dtype=bool)
        for component, _ in self._clashes:
            empty[component] = True
        for component, _, _ in self._split_between:
            empty[component] = True
        nothing = self.nothing
        if nothing >= 0:
            empty[heirs.component[nothing]] = True
        c = self.ontology.columns
        # A plain triple speaks of the class as an individual: that it is related to the idea of a thing that
        # cannot be does not keep it from being.
        crisp = self.positive[(c.strength[self.positive] == 1) & ~c.plain[self.positive]]
        new = np.array(
            [key for key, (axiom, _, _) in self.derived.facts.items() if isinstance(axiom, Chain)], dtype=np.int64
        ).reshape(-1, 3)
        holders = heirs.component[np.concatenate([c.subject[crisp], new[:, 0]])]
        fillers = heirs.component[np.concatenate([c.object[crisp], new[:, 2]])]
        before = -1
        while before != empty.sum():
            before = empty.sum()
            start = heirs.members.expand(np.flatnonzero(empty))[1]
            empty[heirs.component[heirs.reach(start, upwards=False)]] = True
            empty[holders[empty[fillers]]] = True
        members = heirs.members.expand(np.flatnonzero(empty))[1].tolist()
        self.derived.impossible.update(members)
        self.unsatisfiable = sorted(t for t in members if t != nothing and not is_anonymous(self.ontology.terms[t]))

    @cached_property
    def _split_between(self) -> list[tuple[int, int, int]]:
        """Components below two disjoint classes: (component, one, other)."""
        taxonomy = self.taxonomy
        found: list[tuple[int, int, int]] = []
        below: dict[int, np.ndarray] = {}
        ends = (self.ontology.columns.subject[self.disjoint], self.ontology.columns.object[self.disjoint])
        pairs = {(min(a, b), max(a, b)) for a, b in zip(*(e.tolist() for e in ends), strict=True)}
        for one, other in sorted(pairs):
            for term in (one, other):
                if term not in below:
                    below[term] = distinct(taxonomy.component[taxonomy.reach([term], upwards=False)])
            both = np.intersect1d(below[one], below[other], assume_unique=True)
            found += [(int(component), one, other) for component in both]
        return found

    # ---- results ---------------------------------------------------------------------

    def cycles(self) -> tuple[tuple[str, ...], ...]:
        """Terms, and properties, that are each above the other."""
        names = self.ontology.terms
        return tuple(tuple(names[t] for t in cycle) for h in (self.taxonomy, self.properties) for cycle in h.cycles())

    def contradictions(self) -> tuple[Contradiction, ...]:
        """What is both stated and denied, and classes below two disjoint ones."""
        names, found = self.ontology.terms, set()
        if self.regime == "none":
            c = self.ontology.columns
            for row in self.negative.tolist():
                key = (int(c.subject[row]), int(c.predicate[row]), int(c.object[row]))
                if c.row(*key, negative=False) is not None:
                    found.add(key)
        else:
            for component, both in self._clashes:
                for value in both.tolist():
                    p, f = divmod(value, self.width)
                    if f != self.anything:
                        found |= {(t, p, f) for t in self.heirs.members[component].tolist()}
        below = self.ontology.index.get(RDFS.subClassOf, -1)
        for component, one, other in self._split_between:
            for t in self.taxonomy.members[component].tolist():
                found.add((t, below, one if t == other else other))
        told = (key for key in found if not is_anonymous(names[key[0]]))
        return tuple(Contradiction(names[s], names[p], names[o]) for s, p, o in sorted(told))

    def columns(self) -> tuple[FactColumns, int]:
        """All facts, asserted ones first where both; and the number of taxonomy facts that are not listed."""
        c = self.ontology.columns
        asserted = FactColumns(*c.take(np.flatnonzero(c.source >= 0)))
        if self.regime == "none":
            return asserted, 0
        keys, unlisted = self._hierarchy()
        keys.append(self._lacking())
        many, pair, lengths = self._having_keys()
        graded = {
            int(self._key(term, value, negative=False)): degree
            for term, own in self.graded.items()
            for value, degree in own.items()
        }
        degrees = np.array(sorted(graded), dtype=np.int64)
        keys.append(degrees[~_among(degrees, many)])  # a crisp way makes a fact crisp
        few = distinct(np.concatenate(keys))
        known = FactColumns.pack(
            asserted.subject.astype(np.int64),
            self._compact[asserted.predicate],
            asserted.object,
            asserted.negative,
            shape=(len(self._numbers), self.terms),
        )
        few = few[~_among(few, known)]
        stated = _places(many, known)
        # All are sorted: every fact has its place.
        order = np.concatenate([few, known])
        rank = np.argsort(order, kind="stable")
        order = order[rank]
        place = np.empty(len(order), dtype=np.int64)
        place[rank] = np.searchsorted(many, order) - np.searchsorted(many[stated], order) + np.arange(len(order))
        few_at, known_at = place[: len(few)], place[len(few) :]
        lengths -= np.bincount(many[stated] // self._key(1, 0, negative=False), minlength=self.terms)
        del many
        pair = np.delete(pair, stated)
        rest = np.ones(len(pair) + len(order), dtype=bool)
        rest[place] = False

        def merged(new: np.ndarray | int, other: np.ndarray | int, old: np.ndarray) -> np.ndarray:
            if isinstance(new, int):
                column = np.full(len(rest), new, dtype=old.dtype)
            else:
                column = np.empty(len(rest), dtype=old.dtype)
                column[rest] = new
            column[few_at], column[known_at] = other, old
            return column

        low = few >> 1
        mine = self._numbers[low // self.terms % len(self._numbers)]
        property, filler = (part.astype(np.int32) for part in np.divmod(self.pairs, self.width))
        tally = np.bincount(pair, minlength=len(self.pairs))
        self.found = np.bincount(property, weights=tally, minlength=self.terms).astype(np.int64)
        self.found += np.bincount(mine, minlength=self.terms)
        numbers = np.arange(self.terms, dtype=np.int32)
        subject = merged(np.repeat(numbers, lengths), low // self.terms // len(self._numbers), asserted.subject)
        predicate = merged(property[pair], mine, asserted.predicate)
        object = merged(filler[pair], low % self.terms, asserted.object)
        del pair
        negative, source = merged(0, few & 1, asserted.negative), merged(-1, -1, asserted.source)
        strengths = np.array([graded.get(key, 1.0) for key in few.tolist()] if graded else 1.0, dtype=np.float32)
        strength, plain = merged(1, strengths, asserted.strength), merged(0, 0, asserted.plain)
        return FactColumns(subject, predicate, object, negative, source, strength, plain), unlisted

    @cached_property
    def _numbers(self) -> np.ndarray:
        """The predicates that may be in a fact, sorted."""
        index = self.ontology.index
        built_in = {index[p] for p in (RDFS.subClassOf, RDFS.subPropertyOf, RDF.type) if p in index}
        near = (self.properties.reach(self._used, upwards=up).tolist() for up in (True, False))
        return np.array(sorted(built_in.union(*near)), dtype=np.int64)

    @cached_property
    def _compact(self) -> np.ndarray:
        """Term -> its place among the predicates."""
        compact = np.zeros(self.terms, dtype=np.int64)
        compact[self._numbers] = np.arange(len(self._numbers))
        return compact

    @cached_property
    def _hidden(self) -> np.ndarray:
        """Terms that stand for something without a name, and in the last place "anything": of them no fact is told."""
        return np.array([*(is_anonymous(t) for t in self.ontology.terms), True], dtype=bool)

    def _key(self, term, value, *, negative: bool):  # type: ignore[no-untyped-def]
        """What a term has or lacks as one number."""
        p, f = value // self.width, value % self.width
        return FactColumns.pack(term, self._compact[p], f, negative, shape=(len(self._numbers), self.terms))

    def _having_keys(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What every term has: as sorted numbers, its place among the pairs, and how much each term has."""
        component = self.heirs.component.tolist()
        lengths = np.array([len(row) for row in self.has], dtype=np.int64)[component]
        numbers = np.empty(lengths.sum(), dtype=np.int64)
        place = np.empty(len(numbers), dtype=np.int32)
        keys = self._key(0, self.pairs, negative=False)
        first = np.arange(self.terms) * self._key(1, 0, negative=False)
        told = ~(self._hidden[self.pairs % self.width] | self._hidden[self.pairs // self.width])
        named, every = ~self._hidden[:-1], bool(told.all()) and not self._hidden[:-1].any()
        size = 0
        for start in range(0, self.terms, _BLOCK):
            block = slice(start, start + _BLOCK)
            rows = np.concatenate([self.has[c] for c in component[block]])
            term = np.repeat(np.arange(start, min(start + _BLOCK, self.terms)), lengths[block])
            if not every:
                kept = told[rows] & named[term]
                rows, term = rows[kept], term[kept]
                lengths[block] = np.bincount(term - start, minlength=len(component[block]))
            place[size : size + len(rows)] = rows
            np.add(keys[rows], first[term], out=numbers[size : size + len(rows)])
            size += len(rows)
        self.has = []  # as large as what was made of it
        return numbers[:size], place[:size], lengths

    def _lacking(self) -> np.ndarray:
        """What every term lacks, and which terms it is disjoint with, as numbers."""
        below = self.ontology.index.get(RDFS.subClassOf, -1)
        found = []
        for rows, first in ((self.lacks, 0), (self.apart, below * self.width)):
            component, value = flat([row.astype(np.int64) + first for row in rows])
            term, value = self.heirs.spread(component, value)
            kept = ~(self._hidden[term] | self._hidden[value % self.width] | self._hidden[value // self.width])
            found.append(self._key(term[kept], value[kept], negative=True))
        return np.concatenate(found)

    def _hierarchy(self) -> tuple[list[np.ndarray], int]:
        """What is below what, among terms and among properties; disjointness; what is unsatisfiable."""
        index, c = self.ontology.index, self.ontology.columns
        below, is_a, under = (index.get(p, -1) for p in (RDFS.subClassOf, RDF.type, RDFS.subPropertyOf))
        individual = np.zeros(self.terms, dtype=bool)
        individual[c.subject[(c.predicate == is_a) & (c.source >= 0)]] = True
        found, unlisted = [], 0
        for hierarchy, predicate in ((self.taxonomy, below), (self.properties, under)):
            own = Table(np.arange(hierarchy.count), np.arange(hierarchy.count), hierarchy.count)
            sizes = np.diff(hierarchy.members.start)
            try:
                component, upper = flat(hierarchy.inherit(own, limit=MOST_LINKS))
                count = int((sizes[component] * sizes[upper]).sum()) - self.terms
            except TooLargeError as error:
                count = int(error.args[0])
            if count > MOST_LINKS:
                unlisted += count
                continue
            low, upper = hierarchy.spread(component, upper)
            high, low = hierarchy.spread(upper, low)
            kept = (low != high) & ~self._hidden[low] & ~self._hidden[high]
            low, high = low[kept], high[kept]
            predicates = np.where(individual[low], is_a, below) if predicate == below else predicate
            found.append(self._key(low, predicates * self.width + high, negative=False))
        empty = np.array(self.unsatisfiable, dtype=np.int64)
        found.append(self._key(empty, below * self.width + self.nothing, negative=False))
        return found, unlisted


def _places(numbers: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Where among numbers, which are sorted, some others are; those that are not there are left out."""
    if not len(numbers):
        return np.zeros(0, dtype=np.int64)
    place = np.minimum(np.searchsorted(numbers, others), len(numbers) - 1)
    return place[numbers[place] == others]


def _among(numbers: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Which of some numbers are among others, which are sorted."""
    if not len(others):
        return np.zeros(len(numbers), dtype=bool)
    place = np.minimum(np.searchsorted(others, numbers), len(others) - 1)
    return others[place] == numbers
