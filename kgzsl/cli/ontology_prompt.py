"""``kgzsl ontology prompt``."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from kgzsl.cli.console import (
    Entail,
    Facts,
    Json,
    OntologyFile,
    Profile,
    Reasoner,
    ReasonerTimeout,
    print_json,
    print_lines,
    print_table,
)

__all__ = ["prompt"]


def prompt(
    file: OntologyFile,
    class_: Annotated[str, typer.Argument(metavar="CLASS", help="Label, local name or IRI.", show_default=False)],
    facts: Facts = "properties",
    world: Annotated[Literal["open", "pca", "closed"], typer.Option(help="What to make of what is not said.")] = "pca",
    numbers: Annotated[bool, typer.Option("--numbers", help="Numbers (12 cm) are attributes too.")] = False,
    profile: Profile = "",
    entail: Entail = "el",
    reasoner: Reasoner = "own",
    reasoner_timeout: ReasonerTimeout = 600,
    json: Json = False,
) -> None:
    """The text that stands for a class, and which part of it came from which fact.

    Examples:

      kgzsl ontology prompt ontologies/creatures.ttl "tindra mumbler"

      kgzsl ontology prompt animals.ttl zebra --json

      kgzsl ontology prompt wordnet.ttl goldfish --facts hierarchy
    """
    from kgzsl import api
    from kgzsl.errors import Problem, UnknownTermError
    from kgzsl.semantics import class_attributes, class_prompt
    from kgzsl.semantics.argument import fact_to_json, say, why

    found = api.load_ontology(file, profile=profile, entail=entail, reasoner=reasoner, timeout=reasoner_timeout)
    iri = found.resolve(class_)
    if iri not in found.classes:
        raise UnknownTermError(Problem(f"{class_!r} is no class of the ontology", expected="a class"))
    # Superclasses are told apart among the leaves, which stand for the classes of a run.
    table = class_attributes(found, [iri], world=world, numbers=numbers, facts=facts.split(","), among=found.leaves)
    made = class_prompt(iri, table, found)
    if json:
        spans = [
            {"start": s.start, "end": s.end, "text": made.text[s.start : s.end], "fact": fact_to_json(s.fact, found)}
            for s in made.spans
        ]
        print_json({"class": iri, "label": found.label(iri), "text": made.text, "spans": spans})
        return
    print_lines([made.text, ""])
    rows = [
        (f"{s.start}-{s.end}", made.text[s.start : s.end], say(s.fact, found), why(found.prove(s.fact)))
        for s in made.spans
    ]
    print_table((">characters", "text", "fact", "why"), rows)
