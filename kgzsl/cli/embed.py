"""``kgzsl embed``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from kgzsl.cli.console import Entail, Facts, Force, Json, Profile, console, listening, print_json, print_table

__all__ = ["embed"]


def embed(
    ontology: Annotated[list[Path], typer.Argument(help="Ontology files, read as one.", show_default=False)],
    out: Annotated[Path, typer.Option(help="The .safetensors file to write.", show_default=False)],
    facts: Facts = "properties,hierarchy",
    model: Annotated[
        Literal["transe", "distmult", "complex", "rotate"], typer.Option(help="Kind of the embedding.")
    ] = "transe",
    dim: Annotated[int, typer.Option(help="Numbers of a vector; complex, rotate: twice as many.", min=1)] = 64,
    epochs: Annotated[int, typer.Option(help="Passes over the facts.", min=1)] = 100,
    batch_size: Annotated[int, typer.Option(help="Facts in a step.", min=1)] = 512,
    lr: Annotated[float, typer.Option(help="Learning rate of Adam.")] = 0.01,
    negatives: Annotated[int, typer.Option(help="Untrue facts for a true one.", min=1)] = 4,
    held_out: Annotated[float, typer.Option(help="Share of the facts to measure with.")] = 0.1,
    profile: Profile = "",
    entail: Entail = "none",
    seed: Annotated[int, typer.Option(help="Of all that is random.", min=0)] = 0,
    force: Force = False,
    json: Json = False,
) -> None:
    """Train a vector for each class and attribute on the facts that join them.

    The figures are of a training without the facts that are held out: where their true heads and tails rank among all
    entities. The vectors are of a second training, on all facts.

    The file has the tensor "vectors" (entity x dim) and, as JSON in the metadata under "kgzsl", the IRIs of its rows.

    Examples:

      kgzsl embed ontologies/creatures.ttl --out creatures.safetensors

      kgzsl embed animals.ttl --out animals.safetensors --facts hierarchy --model rotate --entail el
    """
    from kgzsl import api
    from kgzsl.train.kge import EmbeddingConfig

    config = EmbeddingConfig(model, dim, epochs, batch_size, lr, negatives, held_out, seed)
    groups = facts.replace(",", " ").split()
    with listening(quiet=json) as listener:
        report = api.embed(
            ontology,
            out=out,
            facts=groups,
            profile=profile,
            entail=entail,
            config=config,
            force=force,
            listener=listener,
        )
    if json:
        print_json(report.to_dict())
        return
    rows = [
        ("facts", f"{report.triples:,}"),
        ("entities", f"{report.entities:,}"),
        ("of these classes", f"{report.classes:,}"),
        ("relations", f"{report.relations:,}"),
        ("dim", report.dim),
        ("held out", f"{report.held_out:,}"),
        ("MRR", "-" if report.mrr is None else f"{report.mrr:.3f}"),
        ("hits@10", "-" if report.hits_at_10 is None else f"{report.hits_at_10:.3f}"),
    ]
    print_table((report.model, ">value"), rows)
    console.print(f"{report.seconds:.1f} s; vectors of {', '.join(report.facts)} in {report.out}", soft_wrap=True)
