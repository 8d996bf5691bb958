"""``kgzsl ontology verbalize``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from kgzsl.cli.console import Entail, Json, OntologyFile, Profile, Reasoner, ReasonerTimeout, print_json, print_lines

__all__ = ["verbalize"]


def verbalize(
    file: OntologyFile,
    classes: Annotated[
        list[str] | None, typer.Argument(help="Classes; all when none is named.", show_default=False)
    ] = None,
    status: Annotated[
        Literal["all", "asserted", "entailed"], typer.Option(help="Which facts, by how they are known.")
    ] = "all",
    profile: Profile = "",
    entail: Entail = "el",
    reasoner: Reasoner = "own",
    reasoner_timeout: ReasonerTimeout = 600,
    json: Json = False,
) -> None:
    """The facts of classes as sentences.

    Examples:

      kgzsl ontology verbalize ontologies/creatures.ttl "tindra mumbler"

      kgzsl ontology verbalize animals.ttl zebra horse --status asserted --json
    """
    from kgzsl import api
    from kgzsl.ontology.names import resolve_all
    from kgzsl.semantics import verbalize as phrase
    from kgzsl.semantics.argument import fact_to_json

    found = api.load_ontology(file, profile=profile, entail=entail, reasoner=reasoner, timeout=reasoner_timeout)
    iris = resolve_all(found.resolve, classes) if classes else found.classes
    content: list[dict[str, Any]] = []
    for iri in iris:
        facts = found.facts(iri, status=None if status == "all" else status)
        facts.sort(key=lambda f: (f.status, f.polarity == "negative", f.predicate, f.object))
        said = [fact_to_json(fact, found) | {"phrase": phrase(fact, found)} for fact in facts]
        content.append({"class": iri, "label": found.label(iri), "facts": said})
    if json:
        print_json(content)
        return
    for each in content:
        print_lines([each["label"], *(f"  {fact['sentence']} ({fact['status']})" for fact in each["facts"])])
