"""Checks of facts that are lost on the way, and of properties written in two ways."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import combinations

import numpy as np

from kgzsl.ontology.names import split_words
from kgzsl.ontology.vocabulary import BUILT_IN, lexical_form, local_name
from kgzsl.semantics.lint.case import Case, number
from kgzsl.semantics.lint.found import Found
from kgzsl.semantics.quantity import parse_quantity

__all__ = [
    "incomparable",
    "not_understood",
    "not_used",
    "out_of_reach",
    "outside",
    "twins",
    "unreached",
    "used_in_part",
]

IN_PART = (
    "equivalentClass with an expression, direction towards the class",
    "domain",
    "range",
    "FunctionalProperty",
    "InverseFunctionalProperty",
    "AsymmetricProperty",
    "ReflexiveProperty",
    "IrreflexiveProperty",
    "disjointUnionOf",
    "propertyDisjointWith",
    "differentFrom",
    "versionInfo",
    "versionIRI",
    "deprecated",
)
"""Constructs that the reader counts, but that describe no class, or do so where they are used already."""


def out_of_reach(case: Case) -> Iterator[Found]:
    """Asserted facts about terms that are neither a class to recognize nor above one."""
    ontology, c = case.ontology, case.ontology.columns
    start = {*case.classes, *ontology.leaves}
    reached = _reach((ontology.index[t] for t in start if t in ontology.index), case, up=ontology.profile.inherits)
    built_in = np.array([t.startswith(BUILT_IN) for t in ontology.terms])
    lost = (c.source >= 0) & ~built_in[c.predicate] & ~np.isin(c.subject, sorted(reached))
    rows: dict[str, list[int]] = defaultdict(list)
    for row in np.flatnonzero(lost).tolist():
        rows[ontology.terms[c.subject[row]]].append(row)
    known = set(ontology.classes)
    for subject, found in sorted(rows.items()):
        facts = tuple(ontology.fact(row) for row in found)
        message = f"{ontology.label(subject)}: {number(len(facts), 'fact')} that no class to recognize has"
        mine = (subject,) if subject in known else ()
        yield Found(message, classes=mine, facts=facts, terms=() if mine else (subject,))


def unreached(case: Case) -> Iterator[Found]:
    """Terms of the attribute hierarchy that no fact about a class leads to."""
    ontology, c = case.ontology, case.ontology.columns
    own = np.isin(c.subject, [ontology.index[t] for t in ontology.classes if t in ontology.index])
    own &= ~np.array([t.startswith(BUILT_IN) for t in ontology.terms])[c.predicate]
    reached = _reach(c.object[own & ~c.negative].tolist(), case, up=True)
    reached |= _reach(c.object[own & c.negative].tolist(), case, up=False, down=True)
    terms = tuple(t for t in ontology.attributes if ontology.index.get(t, -1) not in reached)
    if terms:
        yield Found(f"{number(len(terms), 'term')}: {case.names(terms)}", terms=terms)


def twins(case: Case) -> Iterator[Found]:
    """Properties whose names are the same but for case, separators or one letter; the rarer one is the suspect."""
    ontology = case.ontology
    used = Counter({p: n for p, n in ontology.report.asserted.items() if not p.startswith(BUILT_IN)})
    properties = sorted({*used, *ontology.properties})
    called: dict[str, set[str]] = defaultdict(set)
    for property in properties:
        for name in {split_words(local_name(property)), *ontology.labels.get(property, ())[:1]}:
            called[" ".join(split_words(name).casefold().split())].add(property)
    _, links = ontology.links
    pairs = set()
    for one, other in _near(called):
        for a in called[one]:
            for b in called[other]:
                related = ontology.index.get(a, -1) in links.paths(ontology.index.get(b, -1))
                related |= ontology.index.get(b, -1) in links.paths(ontology.index.get(a, -1))
                if a != b and not related:
                    # The suspect first: the rarer one or, of equals, the longer or later name.
                    pairs.add(tuple(sorted((a, b), key=lambda p: (used[p], -len(p), p))))
    for suspect, twin in sorted(pairs):
        uses = [number(used[p], "use") for p in (suspect, twin)]
        message = f"{local_name(suspect)} ({uses[0]}) beside {local_name(twin)} ({uses[1]})"
        yield Found(message, terms=(suspect, twin))


def not_understood(case: Case) -> Iterator[Found]:
    """Axioms that were not turned into facts, by construct."""
    yield from (Found(f"{n:,} x {name}") for name, n in _constructs(case) if name not in IN_PART)


def used_in_part(case: Case) -> Iterator[Found]:
    """Axioms of which nothing is lost, or one direction."""
    yield from (Found(f"{n:,} x {name}") for name, n in _constructs(case) if name in IN_PART)


def _constructs(case: Case) -> list[tuple[str, int]]:
    """What the reader did not turn into facts, and how often."""
    return sorted(case.ontology.report.not_understood.items())


def outside(case: Case) -> Iterator[Found]:
    """Triples about terms that are no class or attribute."""
    count = case.ontology.report.external
    if count:
        yield Found(f"{count:,} of {case.ontology.report.triples:,} triples")


def not_used(case: Case) -> Iterator[Found]:
    """Numbers, where they are no attributes."""
    if case.numbers:
        return
    ontology, c = case.ontology, case.ontology.columns
    stated = ontology.literals[c.object] & (c.source >= 0) & ~c.negative
    reads = {k: parse_quantity(ontology.terms[k]) is not None for k in np.unique(c.object[stated]).tolist()}
    facts: dict[str, list[int]] = defaultdict(list)
    for row in np.flatnonzero(stated).tolist():
        if reads[int(c.object[row])] and not ontology.is_taxonomy(ontology.terms[c.predicate[row]]):
            facts[ontology.terms[c.predicate[row]]].append(row)
    for property, rows in sorted(facts.items()):
        example = lexical_form(ontology.terms[c.object[rows[0]]])
        message = f"{ontology.label(property)}: {number(len(rows), 'number')} (as {example})"
        yield Found(message, terms=(property,))


def incomparable(case: Case) -> Iterator[Found]:
    """Properties with numbers in units that do not convert into each other."""
    for property, units in case.cells.incomparable.items():
        names = ", ".join(unit or "without unit" for unit in units)
        columns = tuple(a for a in case.cells.attributes if a.property == property and a.unit is not None)
        yield Found(f"{case.ontology.label(property)}: {names}", attributes=columns, terms=(property,))


def _reach(start: Iterable[int], case: Case, *, up: bool, down: bool = False) -> set[int]:
    """The start and all above it (or below it), where that is asked for."""
    taxonomy, _ = case.ontology.links
    found = set(start)
    todo = list(found)
    while todo and (up or down):
        for there in (taxonomy.up if up else taxonomy.down).get(todo.pop(), ()):
            if there not in found:
                found.add(there)
                todo.append(there)
    return found


# ---- spelling ------------------------------------------------------------------------


def _near(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Pairs of names that may be one: equal to itself, equal but for spaces, or one letter apart.

    Two words one edit apart share a word with one letter left out of each, or one is the other with
    a letter left out: names meet in that table, and only those that meet are compared.
    """
    names = sorted(names)
    yield from ((name, name) for name in names)
    table: dict[str, set[str]] = defaultdict(set)
    for name in names:
        compact = name.replace(" ", "")
        for key in (compact, *(compact[:k] + compact[k + 1 :] for k in range(len(compact)))):
            table[key].add(name)
    pairs = {pair for group in table.values() for pair in combinations(sorted(group), 2)}
    yield from sorted(pair for pair in pairs if is_twin(*pair))


def is_twin(one: str, other: str) -> bool:
    """Whether two names in words are the same but for spaces, or but for one letter of one word.

    A word of fewer than five letters may differ by a final s alone, and never is it the first letter
    (has tail, has nail) or a digit (part 1, part 2) that differs.

    Example:
        >>> is_twin("has color", "has colour"), is_twin("has body part", "has bodypart"), is_twin("eat", "eats")
        (True, True, True)
        >>> is_twin("has tail", "has nail"), is_twin("has leg", "has peg"), is_twin("has part", "has pattern")
        (False, False, False)
    """
    if one.replace(" ", "") == other.replace(" ", ""):
        return True
    words = list(zip(one.split(), other.split(), strict=False))
    differing = [sorted(pair, key=len) for pair in words if pair[0] != pair[1]]
    if len(one.split()) != len(other.split()) or len(differing) != 1:
        return False
    short, long = differing[0]
    if not (short.isalpha() and long.isalpha()) or short[0] != long[0]:
        return False
    return (short + "s" == long and len(short) > 2) or (len(long) >= 5 and _one_edit(short, long))


def _one_edit(short: str, long: str) -> bool:
    """Whether a letter inserted, replaced, or exchanged with its neighbor makes one word the other."""
    k = next((k for k, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    if len(short) < len(long):
        return short[k:] == long[k + 1 :]
    swapped = short[:k] + short[k + 1 : k + 2] + short[k : k + 1] + short[k + 2 :]
    return len(short) == len(long) and (short[k + 1 :] == long[k + 1 :] or swapped == long)
