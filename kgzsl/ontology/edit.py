"""An ontology with facts taken away and added, entailed again."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from kgzsl.errors import ConfigError, Problem, UnknownTermError, nearest
from kgzsl.ontology.change import change_of
from kgzsl.ontology.columns import FactColumns
from kgzsl.ontology.external import BEYOND, rows_of
from kgzsl.ontology.facts import Fact, FactKey
from kgzsl.ontology.ontology import Ontology
from kgzsl.ontology.vocabulary import is_literal

__all__ = ["ADDED", "Edit", "checked", "edited"]

ADDED = "(added)"
"""The file that added facts are of."""


@dataclass(frozen=True)
class Edit:
    """A change of an ontology.

    Args:
        remove: asserted facts that are taken away; one that says how a property or class is defined is an axiom.
        add: facts that are asserted beside the others.
    """

    remove: tuple[Fact, ...] = ()
    add: tuple[Fact, ...] = ()


def edited(ontology: Ontology, edit: Edit) -> Ontology:
    """The ontology without some asserted facts and with some others, closed under its regime again.

    Args:
        ontology: entailed.
        edit: what to change; see :func:`checked` for what can be.

    Example:
        >>> from kgzsl.ontology import parse_ontology
        >>> o = parse_ontology('''@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
        ... @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . :has a owl:ObjectProperty .
        ... :Horse a owl:Class ; :has :Mane . :Zebra a owl:Class ; rdfs:subClassOf :Horse .''').entail()
        >>> len(o.facts("http://e/#Zebra", "http://e/#has"))
        1
        >>> bald = edited(o, Edit(remove=(Fact("http://e/#Horse", "http://e/#has", "http://e/#Mane"),)))
        >>> len(bald.facts("http://e/#Zebra", "http://e/#has"))
        0
    """
    changed = _edited(ontology, edit)
    if ontology.core is None:
        return changed
    if ontology.core.columns is ontology.columns:  # all of it is its own
        return replace(changed, core=changed, reach=np.zeros(len(changed.columns), dtype=np.int8))
    core = _edited(ontology.core, edit)
    return replace(changed, core=core, reach=_reach(ontology, changed, core))


def _edited(ontology: Ontology, edit: Edit) -> Ontology:
    """The same without regard to what is the ontology's own."""
    gone = {fact.key for fact in edit.remove}
    c = ontology.columns
    keep = c.source >= 0
    for fact in edit.remove:
        row = ontology.find(fact)
        if row is not None:
            keep[row] = False
    axioms = replace(
        ontology.axioms,
        **{
            kind: tuple(a for a in getattr(ontology.axioms, kind) if _key(ontology, a) not in gone)
            for kind in ("definitions", "chains", "mirrors")
        },
    )
    rows = [column[keep] for column in (getattr(c, name) for name in c.__dataclass_fields__)]
    files = (*ontology.report.files, ADDED) if edit.add else ontology.report.files
    if edit.add:
        new = {}
        for fact in edit.add:
            ends = (_term(ontology, fact.subject), _term(ontology, fact.predicate), _term(ontology, fact.object))
            new[(*ends, fact.polarity == "negative")] = fact.strength
        known = set(zip(*(column.tolist() for column in rows[:4]), strict=True))
        more = [key for key in new if key not in known]
        beside = FactColumns.asserted(more, source=len(files) - 1, strength=[new[key] for key in more])
        rows = [np.concatenate([old, own]) for old, own in zip(rows, beside, strict=True)]
    asserted = replace(
        ontology,
        columns=FactColumns.sorted(*rows),
        axioms=axioms,
        derived=None,
        core=None,
        reach=None,
        report=replace(ontology.report, files=files),
    )
    return asserted.entail(ontology.regime, reasoner=ontology.reasoner)


def checked(ontology: Ontology, edit: Edit) -> Edit:
    """The edit with its facts as the ontology holds them.

    Raises:
        ConfigError: a fact to remove that is entailed (says which asserted ones to remove), not there (says the nearest
            of its class), or one to add that is asserted already, or has a literal that no fact has; all at once.
        UnknownTermError: terms that the ontology does not have.
    """
    problems, remove = [], []
    for fact in edit.remove:
        row = ontology.find(fact)
        if ontology.axiom(fact) is not None:
            remove.append(fact)
        elif row is not None and ontology.columns.source[row] >= 0:
            remove.append(ontology.fact(row))
        else:
            problems.append(_not_asserted(ontology, fact))
    for fact in edit.add:
        row = ontology.find(fact)
        if row is not None and ontology.columns.source[row] >= 0:
            problems.append(Problem(f"{_said(ontology, fact)}: is asserted already", fix="leave it out"))
        lacking = [t for t in (fact.subject, fact.predicate, fact.object) if _found(ontology, t) is None]
        if lacking:
            got = f"{', '.join(lacking)}: no fact of the ontology mentions it"
            problems.append(Problem(got, expected="terms that the ontology uses"))
    if problems:
        raise ConfigError(problems)
    return Edit(tuple(remove), edit.add)


def _not_asserted(ontology: Ontology, fact: Fact) -> Problem:
    """Why a fact cannot be removed, and what can."""
    said = _said(ontology, fact)
    try:
        proof = ontology.prove(fact)
    except UnknownTermError:
        names = [_said(ontology, one) for one in ontology.facts(fact.subject)]
        return Problem(f"{said}: is no fact of the ontology", fix=nearest(said, names))
    listed = "; ".join(f"{_said(ontology, one)}" for one in proof.asserted())
    return Problem(
        f"{said}: is entailed and cannot be removed by itself",
        expected="an asserted fact",
        fix=f"remove one of those that it follows from: {listed}",
    )


def _said(ontology: Ontology, fact: Fact) -> str:
    """A fact in labels."""
    no = "not " if fact.polarity == "negative" else ""
    return f"{ontology.label(fact.subject)} {no}{ontology.label(fact.predicate)} {ontology.label(fact.object)}"


def _key(ontology: Ontology, axiom) -> FactKey:  # type: ignore[no-untyped-def]
    """What an axiom is called by as a fact."""
    return axiom.fact(ontology.terms, ontology.report.files).key


def _found(ontology: Ontology, name: str) -> int | None:
    """The index of a term by its IRI, or of a literal by its lexical form."""
    if name in ontology.index:
        return ontology.index[name]
    return next((k for k in ontology._by_lexical_form.get(name, ()) if is_literal(ontology.terms[k])), None)


def _term(ontology: Ontology, name: str) -> int:
    """The same of a term that is there."""
    found = _found(ontology, name)
    if found is None:
        raise UnknownTermError(Problem(f"{name}: no fact of the ontology mentions it"))
    return found


def _reach(before: Ontology, changed: Ontology, core: Ontology) -> np.ndarray:
    """How many hops away each fact is: as before; of new facts, 0 for those of the core."""
    rows = change_of(before, changed).before
    hops = np.where(rows < 0, 0, before.reach[rows])  # type: ignore[index]
    return np.where(hops != 0, hops, np.where(rows_of(core, changed), 0, BEYOND)).astype(np.int8)
