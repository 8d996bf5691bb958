"""``kgzsl ontology prove``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from kgzsl.cli.console import Entail, Json, OntologyFile, Profile, Reasoner, ReasonerTimeout, print_json, print_lines

if TYPE_CHECKING:
    from kgzsl.ontology import Fact, Ontology
    from kgzsl.semantics.argument import Nearby

__all__ = ["prove"]

_SHOWN = 12


def prove(
    file: OntologyFile,
    statement: Annotated[str, typer.Argument(help="Class, property and filler.", show_default=False)],
    profile: Profile = "",
    entail: Entail = "el",
    reasoner: Reasoner = "own",
    reasoner_timeout: ReasonerTimeout = 600,
    json: Json = False,
) -> None:
    """How a fact follows, step by step, down to what the file states.

    The statement names class, property and filler by label, local name or IRI; names of
    several words are quoted inside it. "not" asks for the negative fact, "is a" for the
    taxonomy.

    Exit status: 0 if the fact holds, 1 if it is unknown or denied, 2 for a mistake in the input.

    Examples:

      kgzsl ontology prove ontologies/creatures.ttl "'tindra mumbler' hasHorns antlers"

      kgzsl ontology prove animals.ttl "zebra not hasPart horns"

      kgzsl ontology prove animals.ttl "zebra is a mammal" --json
    """
    from kgzsl import api
    from kgzsl.ontology.statement import parse_statement
    from kgzsl.semantics.argument import argument_lines, argument_to_json, nearby

    found = api.load_ontology(file, profile=profile, entail=entail, reasoner=reasoner, timeout=reasoner_timeout)
    fact = parse_statement(statement, found)
    if found.find(fact) is not None:
        proof = found.prove(fact)
        if json:
            print_json({"holds": True, "proof": argument_to_json(proof, found)})
        else:
            print_lines(argument_lines(proof, found))
        return
    near = nearby(fact, found)
    if json:
        print_json({"holds": None if near.opposite is None else False} | _to_json(near, found))
    else:
        print_lines(_lines(near, found))
    raise typer.Exit(1)


def _lines(near: Nearby, found: Ontology) -> list[str]:
    """That it is unknown (or denied), and what is known nearby."""
    from kgzsl.semantics.argument import argument_lines, say

    fact, label = near.fact, found.label(near.fact.subject)
    if near.opposite is None:
        lines = [f"unknown: {say(fact, found)}", "  neither this nor its opposite is asserted or entailed"]
    else:
        lines = [f"denied: {say(fact, found)}", f"  its opposite is {near.opposite.status}:"]
        lines += [f"    {line}" for line in argument_lines(found.prove(near.opposite), found)]

    def listed(title: str, facts: tuple[Fact, ...]) -> list[str]:
        more = [f"    and {len(facts) - _SHOWN} more (--json has all)"] if len(facts) > _SHOWN else []
        return [f"  {title}:", *(f"    {say(f, found)} ({f.status})" for f in facts[:_SHOWN]), *more] if facts else []

    lines += listed(f"what is known of {label} under this property", near.same_property)
    lines += listed(
        f"what joins {label} to {found.label(fact.object) if fact.object in found.index else fact.object}",
        near.same_filler,
    )
    for title, iris in (("it holds of", near.holders), (f"{label} would inherit it from any of", near.superclasses)):
        names = [found.label(iri) for iri in iris[:_SHOWN]] + ["..."] * (len(iris) > _SHOWN)
        lines += [f"  {title}: {', '.join(names)}"] if names else []
    if found.regime == "none":
        lines.append("  nothing was derived: --entail el derives what follows")
    return lines


def _to_json(near: Nearby, found: Ontology) -> dict[str, Any]:
    """What is known nearby as dicts and lists."""
    from kgzsl.semantics.argument import fact_to_json

    return {
        "asked": fact_to_json(near.fact, found) | {"status": "unknown" if near.opposite is None else "denied"},
        "opposite": None if near.opposite is None else fact_to_json(near.opposite, found),
        "same_property": [fact_to_json(f, found) for f in near.same_property],
        "same_filler": [fact_to_json(f, found) for f in near.same_filler],
        "holders": list(near.holders),
        "superclasses": list(near.superclasses),
    }
