"""``kgzsl predict``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kgzsl.cli.console import Json, print_json, print_table

__all__ = ["predict"]


def predict(
    run: Annotated[Path, typer.Argument(help="Run folder.", show_default=False)],
    images: Annotated[list[Path], typer.Argument(help="Image files.", show_default=False)],
    ontology: Annotated[Path | None, typer.Option(help="Where the run's ontology is now.", show_default=False)] = None,
    top: Annotated[int, typer.Option(min=1, help="Classes to show for each image.")] = 5,
    json: Json = False,
) -> None:
    """Classify images among all classes, seen and unseen.

    Example:

      kgzsl predict runs/creatures picture.png
    """
    from kgzsl import api

    predictions = api.predict(api.load_run(run, ontology=ontology), images, top=top)
    if json:
        keys = ("iri", "label", "score", "unseen")
        content = [{"image": p.image, "top": [dict(zip(keys, row, strict=True)) for row in p.top]} for p in predictions]
        print_json(content)
        return
    rows = [
        (p.image if rank == 0 else "", label, f"{score:.2f}", "unseen" if unseen else "seen")
        for p in predictions
        for rank, (_, label, score, unseen) in enumerate(p.top)
    ]
    print_table(("image", "class", ">score", "in training"), rows)
