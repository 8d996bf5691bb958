"""``kgzsl predict``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kgzsl.cli.console import Json, print_json, print_table, run_to_ask

__all__ = ["predict"]


def predict(
    run: Annotated[Path, typer.Argument(help="Run folder.", show_default=False)],
    images: Annotated[list[Path], typer.Argument(help="Image files.", show_default=False)],
    ontology: Annotated[Path | None, typer.Option(help="Where the run's ontology is now.", show_default=False)] = None,
    extended: Annotated[
        Path | None, typer.Option(help="An ontology with further classes, to know them too.", show_default=False)
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="Classes to show for each image.")] = 5,
    json: Json = False,
) -> None:
    """Classify images among all classes, seen and unseen.

    Those that were added after training are among them.

    Examples:

      kgzsl predict runs/creatures picture.png

      kgzsl predict runs/zoo picture.png --extended more-animals.ttl
    """
    from kgzsl import api

    trained = run_to_ask(run, ontology=ontology, extended=extended, quiet=json)
    predictions = api.predict(trained, images, top=top)
    if json:
        keys = ("iri", "label", "score", "unseen")
        content = [{"image": p.image, "top": [dict(zip(keys, row, strict=True)) for row in p.top]} for p in predictions]
        print_json(content)
        return
    rows = [
        (p.image if rank == 0 else "", label, f"{score:.2f}", _kind(iri, trained.added, unseen=unseen))
        for p in predictions
        for rank, (iri, label, score, unseen) in enumerate(p.top)
    ]
    print_table(("image", "class", ">score", "in training"), rows)


def _kind(iri: str, added: tuple[str, ...], *, unseen: bool) -> str:
    """What training had of a class."""
    return "added" if iri in added else "unseen" if unseen else "seen"
