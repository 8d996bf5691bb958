"""``kgzsl ontology export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from kgzsl.cli.console import (
    Entail,
    Facts,
    Force,
    Json,
    OntologyFile,
    Profile,
    Reasoner,
    ReasonerTimeout,
    print_json,
    print_lines,
)

__all__ = ["export"]


def export(
    file: OntologyFile,
    to: Annotated[
        Literal["csv", "graphml", "pyg", "turtle", "kzsl"], typer.Option(help="The format.", show_default=False)
    ],
    out: Annotated[Path, typer.Option(help="The file to write.", show_default=False)],
    facts: Facts = "properties",
    world: Annotated[
        Literal["open", "pca", "closed"], typer.Option(help="csv: what to make of what is not said.")
    ] = "open",
    numbers: Annotated[bool, typer.Option("--numbers", help="csv: numbers (12 cm) are columns too.")] = False,
    profile: Profile = "",
    entail: Entail = "el",
    reasoner: Reasoner = "own",
    reasoner_timeout: ReasonerTimeout = 600,
    force: Force = False,
    json: Json = False,
) -> None:
    """Write the ontology for other programs, whole or not at all.

    csv: class x attribute, cells 1 (has it), 0 (lacks it), 0.5 (the ontology says both), a
    degree or (--numbers) a rank in between, or empty (unknown); four rows of heading with
    labels and IRIs, two columns with each class's.

    graphml: classes and attributes as nodes, facts as edges with predicate, polarity, status.

    pyg: classes, attributes and what else facts are about, as torch_geometric HeteroData in safetensors, read by
    kgzsl.data.graph.load_hetero_data; node names are JSON in its metadata.

    turtle: all facts as OWL, entailed ones marked by a comment.

    kzsl: asserted facts as K-ZSL's tab-separated table, for ontologies in its namespaces.

    Examples:

      kgzsl ontology export ontologies/creatures.ttl --to csv --out creatures.csv

      kgzsl ontology export animals.ttl --to turtle --out entailed.ttl --force

      kgzsl ontology export animals.ttl --to pyg --out animals.safetensors
    """
    from kgzsl import api

    found = api.load_ontology(file, profile=profile, entail=entail, reasoner=reasoner, timeout=reasoner_timeout)
    if to == "csv":
        from kgzsl.semantics import class_attributes
        from kgzsl.semantics.export import write_csv

        table = class_attributes(found, found.classes, world=world, numbers=numbers, facts=facts.split(","))
        write_csv(table, out, force=force)
    elif to == "pyg":
        from kgzsl.data.graph import save_hetero_data, to_hetero_data

        save_hetero_data(to_hetero_data(found), out, force=force)
    else:
        from kgzsl.ontology.export import write_graphml, write_kzsl_table, write_turtle

        {"graphml": write_graphml, "turtle": write_turtle, "kzsl": write_kzsl_table}[to](found, out, force=force)
    if json:
        print_json({"out": str(out), "format": to, "bytes": out.stat().st_size})
    else:
        print_lines([f"{to}: {out} ({out.stat().st_size:,} bytes)"])
