"""``kgzsl ontology prompt``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

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

if TYPE_CHECKING:
    from kgzsl.ontology import Ontology
    from kgzsl.semantics import Prompt

__all__ = ["prompt"]


def prompt(
    file: OntologyFile,
    class_: Annotated[str, typer.Argument(metavar="CLASS", help="Label, local name or IRI.", show_default=False)],
    facts: Facts = "properties",
    world: Annotated[Literal["open", "pca", "closed"], typer.Option(help="What to make of what is not said.")] = "pca",
    numbers: Annotated[bool, typer.Option("--numbers", help="Numbers (12 cm) are attributes too.")] = False,
    hops: Annotated[
        int | None,
        typer.Option(help="In sentences: 1 about the class, 2 also about what its facts lead to.", min=1),
    ] = None,
    budget: Annotated[
        int | None, typer.Option(help="In sentences, of at most so many words and marks; what says least goes.", min=1)
    ] = None,
    profile: Profile = "",
    entail: Entail = "el",
    reasoner: Reasoner = "own",
    reasoner_timeout: ReasonerTimeout = 600,
    json: Json = False,
) -> None:
    """The text that stands for a class, and which part of it came from which fact.

    It is the form that DUET trains on; with --hops or --budget, it is sentences for any language model: what tells the
    class from the others first, definitions included where the profile lists them as facts.

    Examples:

      kgzsl ontology prompt ontologies/creatures.ttl "tindra mumbler"

      kgzsl ontology prompt animals.ttl zebra --json

      kgzsl ontology prompt wordnet.ttl goldfish --facts hierarchy

      kgzsl ontology prompt animals.ttl zebra --facts properties,hierarchy --hops 2 --budget 77
    """
    from kgzsl import api
    from kgzsl.errors import Problem, UnknownTermError
    from kgzsl.semantics import class_attributes, class_prompt
    from kgzsl.semantics.argument import fact_to_json, say, why

    found = api.load_ontology(file, profile=profile, entail=entail, reasoner=reasoner, timeout=reasoner_timeout)
    iri = found.resolve(class_)
    if iri not in found.classes:
        raise UnknownTermError(Problem(f"{class_!r} is no class of the ontology", expected="a class"))
    groups = facts.split(",")
    # Classes are told apart among the leaves, which stand for the classes of a run.
    if hops or budget:
        made = _sentences(iri, found, groups, numbers=numbers, hops=hops or 1, budget=budget)
    else:
        table = class_attributes(found, [iri], world=world, numbers=numbers, facts=groups, among=found.leaves)
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


def _sentences(
    iri: str, ontology: Ontology, groups: list[str], *, numbers: bool, hops: int, budget: int | None
) -> Prompt:
    """A class in sentences: facts of some groups, and literals, numbers among them where they are asked for."""
    import numpy as np

    from kgzsl.ontology.vocabulary import is_literal
    from kgzsl.semantics import Serializer
    from kgzsl.semantics.groups import chosen
    from kgzsl.semantics.quantity import parse_quantity

    told = np.array([is_literal(t) and (numbers or parse_quantity(t) is None) for t in ontology.terms], dtype=bool)
    rows = chosen(ontology, groups) | told[ontology.columns.object]
    return Serializer.of(ontology, {*ontology.leaves, iri}, rows=rows, hops=hops, budget=budget).prompt(iri)
