"""``kgzsl ontology diff``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kgzsl.cli.console import Entail, Json, Profile, Reasoner, ReasonerTimeout, print_json, print_lines

if TYPE_CHECKING:
    from kgzsl.ontology import Ontology
    from kgzsl.semantics.diff import OntologyDiff

__all__ = ["diff"]


def diff(
    a: Annotated[Path, typer.Argument(help="Ontology file, before.", show_default=False)],
    b: Annotated[Path, typer.Argument(help="Ontology file, after.", show_default=False)],
    profile: Profile = "",
    entail: Entail = "el",
    reasoner: Reasoner = "own",
    reasoner_timeout: ReasonerTimeout = 600,
    json: Json = False,
) -> None:
    """Facts, asserted and entailed, that differ between two ontologies, and what changes for each class.

    Exit status: 0 if nothing differs, 1 if something does, 2 for a mistake in the input.

    Examples:

      kgzsl ontology diff animals-1.ttl animals-2.ttl

      kgzsl ontology diff animals.ttl animals.rdf --entail none --json
    """
    from kgzsl import api
    from kgzsl.semantics.diff import diff as compare

    before, after = (
        api.load_ontology(file, profile=profile, entail=entail, reasoner=reasoner, timeout=reasoner_timeout)
        for file in (a, b)
    )
    found = compare(before, after)
    if json:
        print_json(_to_json(found, before, after))
    elif found.same:
        print_lines([f"{a} and {b} say the same"])
    else:
        print_lines(_lines(found, before, after))
    if not found.same:
        raise typer.Exit(1)


def _lines(found: OntologyDiff, before: Ontology, after: Ontology) -> list[str]:
    """Everything that differs, - before and + after."""
    from kgzsl.semantics.argument import say

    lines = [f"- class {before.label(iri)}" for iri in found.classes_removed]
    lines += [f"+ class {after.label(iri)}" for iri in found.classes_added]
    for change in found.names:
        lines += [f"- name {', '.join(change.before) or 'none'} <{change.iri}>"]
        lines += [f"+ name {', '.join(change.after) or 'none'} <{change.iri}>"]
    for status in ("asserted", "entailed"):
        lines += [f"- {say(fact, before)} ({status})" for fact in found.removed if fact.status == status]
        lines += [f"+ {say(fact, after)} ({status})" for fact in found.added if fact.status == status]
    lines += [f"= {say(fact, after)} (now {fact.status})" for fact in found.restated]
    if found.changes:
        lines.append("class attributes:")
    for each in found.changes:
        lines.append(f"  {after.label(each.iri)}")
        for word, attributes in (
            ("gained", each.gained),
            ("lost", each.lost),
            ("became known to lack", each.became_known),
            ("became unknown", each.became_unknown),
        ):
            if attributes:
                lines.append(f"    {word}: {', '.join(_name(x, before, after) for x in attributes)}")
    return lines


def _name(attribute: Any, before: Ontology, after: Ontology) -> str:
    """An attribute in words, by the ontology that has it."""
    from kgzsl.semantics import aspect, value_phrase

    words = after if attribute.filler in after.index else before
    return f"{aspect(attribute.property, words)} {value_phrase(attribute.filler, words)}"


def _to_json(found: OntologyDiff, before: Ontology, after: Ontology) -> dict[str, Any]:
    """The difference as nested dicts and lists."""
    from dataclasses import asdict

    from kgzsl.semantics.argument import fact_to_json

    content = {"same": found.same} | asdict(found)
    content["added"] = [fact_to_json(fact, after) for fact in found.added]
    content["removed"] = [fact_to_json(fact, before) for fact in found.removed]
    content["restated"] = [fact_to_json(fact, after) for fact in found.restated]
    return content
