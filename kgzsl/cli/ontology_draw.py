"""``kgzsl ontology draw``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kgzsl.cli.console import (
    Entail,
    Force,
    Json,
    OntologyFile,
    Profile,
    Reasoner,
    ReasonerTimeout,
    print_json,
    print_lines,
)

__all__ = ["draw"]


def draw(
    file: OntologyFile,
    class_: Annotated[str, typer.Argument(metavar="CLASS", help="Label, local name or IRI.", show_default=False)],
    out: Annotated[Path, typer.Option(help="The picture to write: .svg or .png.", show_default=False)],
    all_: Annotated[bool, typer.Option("--all", help="Show also the facts that a shown one implies.")] = False,
    profile: Profile = "",
    entail: Entail = "el",
    reasoner: Reasoner = "own",
    reasoner_timeout: ReasonerTimeout = 600,
    force: Force = False,
    json: Json = False,
) -> None:
    """A picture of a class: superclasses above it, attributes around it by property.

    Asserted facts are solid, entailed ones dashed; what the class lacks is red and crossed.

    Examples:

      kgzsl ontology draw ontologies/creatures.ttl "tindra mumbler" --out mumbler.svg

      kgzsl ontology draw animals.ttl zebra --out zebra.png --all --force
    """
    from kgzsl import api
    from kgzsl.semantics.draw import draw as paint

    found = api.load_ontology(file, profile=profile, entail=entail, reasoner=reasoner, timeout=reasoner_timeout)
    picture = paint(found.resolve(class_), found, out, everything=all_, force=force)
    if json:
        print_json(
            {"out": str(out), "width": 1200, "height": round(picture.height * 100), "left_out": picture.left_out}
        )
    else:
        print_lines([f"picture: {out}"])
