"""``kgzsl explain``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kgzsl.cli.console import Json, print_json, run_to_ask

__all__ = ["explain"]


def explain(
    run: Annotated[Path, typer.Argument(help="Run folder.", show_default=False)],
    image: Annotated[Path, typer.Argument(help="Image file.", show_default=False)],
    against: Annotated[str, typer.Option(help="The rival class; by default the runner-up.", show_default=False)] = "",
    html: Annotated[Path | None, typer.Option(help="Write a self-contained page.", show_default=False)] = None,
    overlay: Annotated[
        Path | None, typer.Option(help="Write where the facts were found (PNG).", show_default=False)
    ] = None,
    turtle: Annotated[Path | None, typer.Option(help="Write the explanation as RDF.", show_default=False)] = None,
    top: Annotated[int, typer.Option(min=1, help="Facts to show.")] = 8,
    ontology: Annotated[Path | None, typer.Option(help="Where the run's ontology is now.", show_default=False)] = None,
    extended: Annotated[
        Path | None, typer.Option(help="An ontology with further classes, to know them too.", show_default=False)
    ] = None,
    json: Json = False,
) -> None:
    """Which facts of the ontology drove the prediction for an image, and where each was found.

    Examples:

      kgzsl explain runs/creatures picture.png --html page.html --overlay overlay.png

      kgzsl explain runs/creatures picture.png --against "tindra mumbler" --json
    """
    from kgzsl import api
    from kgzsl.explain.overlay import overlay_strip
    from kgzsl.explain.page import write_page
    from kgzsl.explain.text import render_text, to_json

    trained = run_to_ask(run, ontology=ontology, extended=extended, quiet=json)
    explanation = api.explain(trained, image, against=against or None)
    verbalize = api.verbalizer(trained.ontology)
    written = {}
    if html is not None or overlay is not None:
        picture = api.picture_of(trained.config, image)
        if html is not None:
            written["html"] = str(write_page(html, explanation, picture, verbalize=verbalize))
        if overlay is not None:
            written["overlay"] = str(overlay_strip(explanation, picture, overlay))
    if turtle is not None:
        written["turtle"] = str(api.write_turtle(trained, [explanation], turtle))
    if json:
        print_json(to_json(explanation, verbalize=verbalize) | written)
        return
    typer.echo(render_text(explanation, verbalize=verbalize, top=top))
    for kind, path in written.items():
        typer.echo(f"{kind}: {path}")
