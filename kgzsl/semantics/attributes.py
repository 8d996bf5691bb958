"""From facts to the class x attribute matrix, with what is known, assumed and unknown kept apart."""

from __future__ import annotations

import builtins
import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np

from kgzsl.errors import ConfigError, NoFactsError, Problem, UnknownTermError
from kgzsl.ontology import Fact, Ontology
from kgzsl.ontology.vocabulary import RDFS
from kgzsl.semantics.graded import LeftOut, Numbers, ranks, read_numbers
from kgzsl.semantics.groups import DEFAULT, Said, chosen, described, groups_of, say
from kgzsl.semantics.quantity import unit_of

__all__ = ["Attribute", "ClassAttributes", "World", "class_attributes"]

World = Literal["open", "pca", "closed"]
_WORLDS = ("open", "pca", "closed")


@dataclass(frozen=True, order=True, slots=True)
class Attribute:
    """One column: a property and a filler, as in (has pattern, stripes) or (is a kind of, carnivore).

    In a column of numbers, the filler says in what they are: ``"number of m"``, or ``"number"``.

    Args:
        property: IRI of the property.
        filler: IRI of the filler, or what stands for numbers of one unit.
    """

    property: str
    filler: str

    @builtins.property  # the name is that of a field here
    def unit(self) -> str | None:
        """Base unit of a column of numbers, empty for plain numbers; None for any other column.

        Example:
            >>> Attribute("ex:wingspan", "number of m").unit, Attribute("ex:color", "ex:red").unit
            ('m', None)
        """
        return unit_of(self.filler)


@dataclass(frozen=True, eq=False)
class ClassAttributes:
    """What each class has, lacks, or is not known to have.

    Args:
        classes: IRIs, the rows.
        attributes: the columns, sorted by property and filler.
        value: float32 (class, attribute) in [0, 1]: 1 has it, 0 lacks it (or unknown: see
            ``known``), 0.5 the ontology says both; a fact of a degree gives its ``strength``, a
            negative one what is left of 1. In columns of numbers: 0 the smallest, 1 the largest.
        known: bool (class, attribute): False where the value is no information.
        assumed: bool (class, attribute): known only under the assumption of ``world``.
        world: the assumption about what is not stated.
        literals: number of facts with a literal (a year, a number) that are in no column.
        ontology: where the facts are.
        numbers: what the columns of numbers are made of; empty where they were not asked for.
        strength: float32 (class, attribute) in [0, 1]: how much of it a class has, where a matrix of strengths says
            so (see :func:`~kgzsl.semantics.strengths.with_strengths`); None: as ``value``.
        states: what else describes classes, source -> float32 (class, dim): what a language model makes of their
            prompts, embeddings of the graph. Their dimensions mean nothing alone and may be of either sign.
        silent: whether states alone describe classes to a model, and the matrix only says which facts there are.
        facts: the groups of facts that it is made of.
    """

    classes: tuple[str, ...]
    attributes: tuple[Attribute, ...]
    value: np.ndarray
    known: np.ndarray
    assumed: np.ndarray
    world: World
    literals: int
    ontology: Ontology = field(repr=False)
    numbers: Numbers = field(default_factory=Numbers, repr=False)
    strength: np.ndarray | None = None
    states: Mapping[str, np.ndarray] = field(default_factory=dict, repr=False)
    silent: bool = False
    facts: tuple[str, ...] = DEFAULT

    @property
    def degree(self) -> np.ndarray:
        """What describes a class to a model, float32 (class, attribute): ``strength`` where given, else ``value``."""
        return self.value if self.strength is None else self.strength

    @property
    def properties(self) -> tuple[str, ...]:
        """IRIs of the properties of the columns, each once, sorted."""
        return tuple(dict.fromkeys(a.property for a in self.attributes))

    @property
    def conflicts(self) -> tuple[tuple[str, Attribute], ...]:
        """Cells that the ontology both states and denies; their value is 0.5."""
        half = ((self.classes[c], self.attributes[a]) for c, a in np.argwhere(self.value == 0.5).tolist())
        return tuple(cell for cell in half if len({fact.polarity for fact in self.sources(*cell)}) == 2)

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """Literals that are no number, by property; none where numbers were not asked for."""
        return self.numbers.left_out

    @property
    def incomparable(self) -> dict[str, tuple[str, ...]]:
        """Properties with numbers of several dimensions, each a column of its own, and their base units."""
        units: dict[str, list[str]] = defaultdict(list)
        for attribute in self.attributes:
            if attribute.unit is not None:
                units[attribute.property].append(attribute.unit)
        return {property: tuple(several) for property, several in units.items() if len(several) > 1}

    def sources(self, class_iri: str, attribute: Attribute) -> tuple[Fact, ...]:
        """The facts that a cell came from.

        For an assumed cell these are the facts that made the assumption: what the class is known to have (or lack)
        under the same property, but for what only says it more generally. For an unknown cell there are none. For a
        number they are those that it is the mean of, not those that more specific ones overrule. That a class is a kind
        of itself no fact says: where it is a column of its own, they are its superclasses or, of a root, those that
        place others below it. A cell that strengths alone make known has none.

        Raises:
            UnknownTermError: the class or attribute is not in the matrix.
        """
        cell = self.position(class_iri, attribute)
        if cell not in self._told:
            self._told[cell] = self._sources(cell, class_iri, attribute)
        return self._told[cell]

    def tells(self, fact: Fact) -> bool:
        """Whether the groups that the matrix is made of have a fact of the ontology."""
        row = self.ontology.find(fact)
        return row is not None and bool(self._in_groups(self.ontology)[row])

    @cached_property
    def _told(self) -> dict[tuple[int, int], tuple[Fact, ...]]:
        return {}

    def _sources(self, cell: tuple[int, int], class_iri: str, attribute: Attribute) -> tuple[Fact, ...]:
        """The same, looked up."""
        row, column = cell
        if not self.known[row, column]:
            return ()
        ontology, core = self.ontology, self.ontology.core
        if core is not None and attribute.property in (*core.properties, RDFS.subClassOf):
            ontology = core  # what other vocabularies say under the same property made no cell
        if attribute.unit is not None:
            rows = self.numbers.rows[attribute.property, attribute.filler][class_iri]
            return tuple(ontology.fact(row) for row in rows)
        own = self._own(ontology, class_iri, attribute.property)
        if self.assumed[row, column]:
            return self._telling(ontology, class_iri, attribute.property)
        if class_iri == attribute.filler:
            return own or tuple(ontology.facts(predicate=attribute.property, object=class_iri))
        return tuple(fact for fact in own if fact.object == attribute.filler)

    def subset(self, classes: Sequence[str]) -> ClassAttributes:
        """The same columns for some of the classes, in the order given.

        Raises:
            UnknownTermError: a class is not in the matrix.
        """
        missing = [c for c in classes if c not in self._rows]
        if missing:
            raise UnknownTermError([Problem(f"{c} is not a row of the class attributes") for c in missing])
        rows = np.array([self._rows[c] for c in classes], dtype=int)
        cut = {"value": self.value[rows], "known": self.known[rows], "assumed": self.assumed[rows]}
        strength = None if self.strength is None else self.strength[rows]
        states = {source: table[rows] for source, table in self.states.items()}
        return replace(self, classes=tuple(classes), strength=strength, states=states, **cut)

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) over rows, columns and cells, and strengths and states where there are some."""
        hasher = hashlib.sha256()
        for name in (*self.classes, *(f"{a.property}\t{a.filler}" for a in self.attributes)):
            hasher.update(f"{name}\n".encode())
        for cells in (self.value.astype("<f4"), self.known, self.assumed):
            hasher.update(np.ascontiguousarray(cells).tobytes())
        if self.strength is not None:
            hasher.update(np.ascontiguousarray(self.strength.astype("<f4")).tobytes())
        for source, table in sorted(self.states.items()):
            hasher.update(source.encode() + np.ascontiguousarray(table.astype("<f4")).tobytes())
        return hasher.hexdigest()

    @cached_property
    def _said(self) -> dict[tuple[str, str], tuple[Fact, ...]]:
        """Facts of classes by property, once they were asked for."""
        return {}

    def _own(self, ontology: Ontology, class_iri: str, property: str) -> tuple[Fact, ...]:
        """What the groups say of a class under a property: of all its cells that is looked up once."""
        if (class_iri, property) not in self._said:
            used = self._in_groups(ontology)
            found = ontology.facts(class_iri, property)
            self._said[class_iri, property] = tuple(fact for fact in found if used[ontology.find(fact)])
        return self._said[class_iri, property]

    def _in_groups(self, ontology: Ontology) -> np.ndarray:
        """Which facts of the ontology, or of its own part, the groups have."""
        whole = ontology is self.ontology
        if whole not in self._chosen:
            self._chosen[whole] = chosen(ontology, self.facts)
        return self._chosen[whole]

    @cached_property
    def _chosen(self) -> dict[bool, np.ndarray]:
        return {}

    def _telling(self, ontology: Ontology, class_iri: str, property: str) -> tuple[Fact, ...]:
        """The same but for facts that follow from others of them by the order of fillers."""
        if (class_iri, property) not in self._most_telling:
            own = self._own(ontology, class_iri, property)
            follows: set[tuple[str, str]] = set()
            for fact in own:
                # Who has a filler has all above it; who lacks one lacks all below it.
                above, below = set(ontology.superclasses(fact.object)), set(ontology.subclasses(fact.object))
                general = above - below if fact.polarity == "positive" else below - above  # equal ones are both
                follows |= {(term, fact.polarity) for term in general}
            kept = tuple(fact for fact in own if (fact.object, fact.polarity) not in follows)
            self._most_telling[class_iri, property] = kept
        return self._most_telling[class_iri, property]

    @cached_property
    def _most_telling(self) -> dict[tuple[str, str], tuple[Fact, ...]]:
        return {}

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {iri: k for k, iri in enumerate(self.classes)}

    @cached_property
    def _columns(self) -> dict[Attribute, int]:
        return {attribute: k for k, attribute in enumerate(self.attributes)}

    def position(self, class_iri: str, attribute: Attribute) -> tuple[int, int]:
        """Row and column of a cell."""
        if class_iri not in self._rows or attribute not in self._columns:
            raise UnknownTermError(Problem(f"no cell for {class_iri} and {attribute}"))
        return self._rows[class_iri], self._columns[attribute]


def class_attributes(
    ontology: Ontology,
    classes: Sequence[str],
    *,
    world: World = "pca",
    numbers: bool = False,
    facts: Sequence[str] = DEFAULT,
    among: Sequence[str] = (),
    columns: Sequence[Attribute] = (),
) -> ClassAttributes:
    """The class x attribute matrix of an ontology (entail it first: inherited facts count).

    **Columns** are the (property, filler) pairs of all positive facts of all classes of the
    ontology, so that they depend on the ontology alone: not on which classes are asked for,
    or seen. Literals (a year) are no columns. A column that says
    nothing new is left out: every class that has it, has it under a more specific property
    already (``hasPart horns`` beside ``hasHorns horns``), or the same classes have a more
    specific filler (``hasEars body part`` beside ``hasEars ears``). A column that holds for
    all classes stays: it is true, although it tells no two classes apart.

    **Columns of the hierarchy**, where ``facts`` asks for them: the superclasses of the classes asked for (and of
    ``among``), ``Attribute(rdfs:subClassOf, superclass)``. What matters of a superclass is how it groups the classes
    that are to be told apart, so these columns do depend on them, and not on what else a large ontology holds. Left
    out are ``owl:Thing``, a superclass that all of the classes share, and of several that group them alike those
    that are above another: a chain of superclasses without a branch between them is one column, and does not count
    as many times as it has links. A superclass of one class alone stays: no other class learns from it, but it
    is what tells that one from classes with which it shares all others. A class that has others below it is a
    column too, and a kind of itself.

    **Columns of numbers**, where ``numbers`` asks for them: the numbers of one property (``12``, ``"12 cm"``,
    ``"10-12 cm"``) are one column ``Attribute(property, "number of m")``, or one for each dimension where
    units do not convert. The value is the rank among all numbers of the ontology's classes (see
    :func:`~kgzsl.semantics.graded.ranks`), so that it does not depend on which classes are asked for or seen;
    of several numbers the most specific ones count (:func:`~kgzsl.semantics.graded.read_numbers`). A number
    is known only where one is stated or inherited: no world assumes any.

    **Cells** are known where a positive or negative fact says so; what is not said depends on
    ``world``:

    - ``"open"``: it is unknown;
    - ``"pca"``, the partial completeness assumption: who states anything about a property
      states all of it, so that the other fillers of that property are assumed absent;
    - ``"closed"``: it is assumed absent.

    Args:
        ontology: the ontology.
        classes: IRIs of the rows.
        world: what to make of that which is not said.
        numbers: whether numbers are columns.
        facts: groups of facts that make columns, of :data:`~kgzsl.semantics.groups.GROUPS`, or presets.
        among: further classes that superclasses are to tell apart, where ``classes`` are not all of them.
        columns: the columns, where they are those of another matrix; empty: as said above.

    Raises:
        UnknownTermError: names of classes that are not in the ontology.
        NoFactsError: no class has a positive fact.
        ConfigError: there is no such world, or no such group of facts.

    Source: Galarraga et al., "AMIE: association rule mining under incomplete evidence in
    ontological knowledge bases", WWW 2013 (section 3.2, the partial completeness assumption).

    Example:
        >>> from kgzsl.ontology import parse_ontology
        >>> o = parse_ontology('''@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
        ... :Zebra a owl:Class ; :pattern :Stripes . :Deer a owl:Class ; :pattern :Spots .
        ... :Fox a owl:Class . :pattern a owl:ObjectProperty .''')
        >>> m = class_attributes(o, o.classes)
        >>> [a.filler[-6:] for a in m.attributes], m.value.tolist(), m.known.all(axis=1).tolist()
        (['#Spots', 'tripes'], [[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]], [True, False, True])
    """
    if world not in _WORLDS:
        raise ConfigError(Problem(f"there is no world {world!r}", expected=", ".join(_WORLDS)))
    if ontology.core is not None:
        told = {"world": world, "numbers": numbers, "among": among}
        return _beside_external(ontology, ontology.core, classes, groups_of(facts), columns=columns, told=told)
    known_classes = set(ontology.classes)
    apart = dict.fromkeys((*classes, *among))
    missing = [c for c in apart if c not in known_classes]
    if missing:
        raise UnknownTermError([Problem(f"{c} is not a class of the ontology") for c in missing])
    said = say(ontology, apart, facts)
    literals = np.flatnonzero(described(ontology) & ontology.literals[ontology.columns.object])
    graded = read_numbers(ontology, literals) if numbers else Numbers()
    attributes = tuple(columns) or _columns(ontology, said, graded, apart=len(apart))
    if not attributes:
        raise _no_facts(ontology, facts, literals=len(literals) > 0 and not numbers)
    column = {(a.property, a.filler): k for k, a in enumerate(attributes)}
    properties = {p: k for k, p in enumerate(dict.fromkeys(a.property for a in attributes))}
    # Positions are gathered first: setting cells one by one takes most of the time.
    mentioned: list[tuple[int, int]] = []
    stated_cells: dict[bool, list[tuple[int, int]]] = {True: [], False: []}
    degrees: dict[bool, list[float]] = {True: [], False: []}
    for row, iri in enumerate(classes):
        for property, filler, negative, degree in said.get(iri, ()):
            if property in properties:
                mentioned.append((row, properties[property]))
            k = column.get((property, filler))
            if k is not None:
                stated_cells[negative].append((row, k))
                degrees[negative].append(degree)
    shape = (len(classes), len(attributes))
    has, lacks = _marked(stated_cells[False], shape), _marked(stated_cells[True], shape)
    speaks = _marked(mentioned, (len(classes), len(properties)))
    assumed = speaks[:, [properties[a.property] for a in attributes]]
    if world != "pca":
        assumed[:] = world == "closed"
    stated = has | lacks
    value = np.zeros(shape, dtype=np.float32)
    value[lacks] = 1 - _placed(stated_cells[True], degrees[True], shape)[lacks]
    value[has] = _placed(stated_cells[False], degrees[False], shape)[has]
    value[has & lacks] = 0.5
    for k, attribute in enumerate(attributes):
        if attribute.unit is not None:
            place = ranks(graded.number.get((attribute.property, attribute.filler), {}))
            stated[:, k] = [iri in place for iri in classes]
            value[:, k] = [place.get(iri, 0.0) for iri in classes]
            assumed[:, k] = False
    assumed &= ~stated
    unread = len(literals) - graded.read
    known = stated | assumed
    return ClassAttributes(
        tuple(classes), attributes, value, known, assumed, world, unread, ontology, graded, facts=groups_of(facts)
    )


def _beside_external(
    ontology: Ontology,
    core: Ontology,
    classes: Sequence[str],
    groups: Sequence[str],
    *,
    columns: Sequence[Attribute],
    told: dict[str, Any],
) -> ClassAttributes:
    """The matrix of what an ontology says itself, and behind it that of other vocabularies: neither knows the other."""
    own = {*core.properties, RDFS.subClassOf}
    kinds = (
        (core, [group for group in groups if group != "external"], [c for c in columns if c.property in own]),
        (replace(ontology, core=None), ["external"], [c for c in columns if c.property not in own]),
    )
    tables = []
    for source, facts, fixed in kinds:
        if not set(facts) & set(groups) or (columns and not fixed):
            continue
        try:
            tables.append(class_attributes(source, classes, facts=facts, columns=fixed, **told))
        except NoFactsError:
            if facts != ["external"] or not tables:  # of these classes other vocabularies may say nothing
                raise
    attributes = [attribute for table in tables for attribute in table.attributes]
    order = sorted(range(len(attributes)), key=attributes.__getitem__)
    value, known, assumed = (
        np.hstack([getattr(table, cells) for table in tables])[:, order] for cells in ("value", "known", "assumed")
    )
    together = tuple(attributes[k] for k in order)
    return replace(
        tables[0],
        attributes=together,
        value=value,
        known=known,
        assumed=assumed,
        ontology=ontology,
        facts=tuple(groups),
    )


def _no_facts(ontology: Ontology, facts: Sequence[str], *, literals: bool) -> NoFactsError:
    """The error of an ontology without a column, and what else of it could be used."""
    fixes = ["add facts such as 'hasPattern some Stripes'"]
    hierarchy = "hierarchy" in groups_of(facts)
    if not hierarchy and (ontology.columns.predicate == ontology.index.get(RDFS.subClassOf, -1)).any():
        fixes.append('use the taxonomy (semantics.facts = ["properties", "hierarchy"])')
    if literals:
        fixes.append("use numbers (semantics.numbers = true)")
    got = f"no fact describes any of the {len(ontology.classes)} classes"
    if hierarchy:
        got += ", and no superclass is that of some and not of others"
    return NoFactsError(Problem(got, fix=", or ".join(fixes)))


def _marked(cells: list[tuple[int, int]], shape: tuple[int, int]) -> np.ndarray:
    """A bool matrix that is true in these cells."""
    marked = np.zeros(shape, dtype=bool)
    rows, columns = np.array(cells, dtype=np.intp).reshape(-1, 2).T
    marked[rows, columns] = True
    return marked


def _placed(cells: list[tuple[int, int]], degrees: list[float], shape: tuple[int, int]) -> np.ndarray:
    """A float32 matrix that holds these degrees in these cells, and 0 elsewhere."""
    placed = np.zeros(shape, dtype=np.float32)
    rows, columns = np.array(cells, dtype=np.intp).reshape(-1, 2).T
    placed[rows, columns] = degrees
    return placed


def _columns(ontology: Ontology, said: Said, numbers: Numbers, *, apart: int) -> tuple[Attribute, ...]:
    """The attributes that some class has, without those that say nothing new.

    Args:
        ontology: the ontology.
        said: what is said of each class.
        numbers: columns of numbers.
        apart: how many classes superclasses are to tell apart.
    """
    # Who has it; where it is a matter of degree, with the degree (or number): only then is it the same.
    having: dict[tuple[str, str], set[str | tuple[str, float]]] = defaultdict(set)
    for iri, pairs in said.items():
        for property, filler, negative, degree in pairs:
            if not negative:
                having[property, filler].add(iri if degree == 1 else (iri, degree))
    having.update({column: set(number.items()) for column, number in numbers.number.items()})
    holders = {
        Attribute(*pair): classes
        for pair, classes in having.items()
        if pair[0] != RDFS.subClassOf or len(classes) < apart
    }
    _, properties = ontology.links

    def strictly_below(iri: str) -> list[str]:
        start = ontology.index[iri]
        above = properties.paths(start).keys()
        return [ontology.terms[k] for k in properties.paths(start, upwards=False) if k not in above]

    below_property = {p: strictly_below(p) for p in {a.property for a in holders}}
    # Fillers of one property that the same classes have: what is above another of them says nothing new.
    alike: dict[tuple[str, frozenset[str | tuple[str, float]]], list[str]] = defaultdict(list)
    for attribute, classes in holders.items():
        alike[attribute.property, frozenset(classes)].append(attribute.filler)
    general = {Attribute(p, f) for (p, _), fillers in alike.items() for f in _above_others(ontology, fillers)}

    def says_something(attribute: Attribute) -> bool:
        special = [holders.get(Attribute(p, attribute.filler), set()) for p in below_property[attribute.property]]
        return attribute not in general and not set().union(*special) >= holders[attribute]

    return tuple(sorted(filter(says_something, holders)))


def _above_others(ontology: Ontology, iris: list[str]) -> list[str]:
    """Those that are above another one, and not equal to it; what stands for numbers is above nothing."""
    iris = [iri for iri in iris if iri in ontology.index]
    if len(iris) < 2:
        return []
    hierarchy = ontology.hierarchy
    component = hierarchy.component[[ontology.index[iri] for iri in iris]]
    own = np.zeros(hierarchy.count, dtype=bool)
    own[component] = True
    inner = np.zeros(hierarchy.count, dtype=bool)
    inner[hierarchy.component[hierarchy.reach(hierarchy.parents_of(own), upwards=True)]] = True
    return [iri for iri, c in zip(iris, component.tolist(), strict=True) if inner[c]]
