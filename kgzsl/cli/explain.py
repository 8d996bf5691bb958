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
    for_: Annotated[
        str, typer.Option("--for", help="The class to explain; by default the predicted one.", show_default=False)
    ] = "",
    method: Annotated[str, typer.Option(help="How to weigh facts; a wrong name lists the methods.")] = "margin",
    turning: Annotated[
        bool, typer.Option("--turning", help="Look for the smallest change of the ontology that turns it.")
    ] = False,
    html: Annotated[Path | None, typer.Option(help="Write a self-contained page.", show_default=False)] = None,
    rivals: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Rivals that the page switches between and --json lists: the best classes; 3 with --html, else 1.",
            show_default=False,
        ),
    ] = None,
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

    The terminal shows the first rival. JSON has further ones under "rivals".

    Examples:

      kgzsl explain runs/creatures picture.png --html page.html --overlay overlay.png

      kgzsl explain runs/creatures picture.png --against "tindra mumbler" --json

      kgzsl explain runs/creatures picture.png --for "crumb burr" --html page.html --rivals 5
    """
    from functools import partial

    from kgzsl import api
    from kgzsl.explain.overlay import overlay_strip
    from kgzsl.explain.page import write_page
    from kgzsl.explain.text import render_text, to_json

    trained = run_to_ask(run, ontology=ontology, extended=extended, quiet=json)
    explanations = api.explain_all(
        trained,
        image,
        rivals=rivals or (1 if html is None else 3),
        against=against or None,
        speaking_for=for_ or None,
        method=method,
        turning=turning,
    )
    verbalize = api.verbalizer(trained.ontology)
    written = {}
    if html is not None or overlay is not None:
        picture = api.as_seen(trained.config, image)
        if html is not None:
            pictures = partial(api.picture_of, trained)
            written["html"] = str(write_page(html, explanations, picture, verbalize=verbalize, pictures=pictures))
        if overlay is not None:
            written["overlay"] = str(overlay_strip(explanations[0], picture, overlay))
    if turtle is not None:
        written["turtle"] = str(api.write_turtle(trained, explanations, turtle))
    if json:
        first, *others = (to_json(explanation, verbalize=verbalize) for explanation in explanations)
        print_json(first | {"rivals": others} | written)
        return
    typer.echo(render_text(explanations[0], verbalize=verbalize, top=top))
    for kind, path in written.items():
        typer.echo(f"{kind}: {path}")
