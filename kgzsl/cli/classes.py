"""``kgzsl classes``: classes that a trained run learns of afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kgzsl.cli.console import Json, console, listening, print_json, print_table

if TYPE_CHECKING:
    from kgzsl.api import Run

__all__ = ["app"]

app = typer.Typer(help="Classes that came after training.", no_args_is_help=True)

RunArgument = Annotated[Path, typer.Argument(help="Run folder.", show_default=False)]


@app.command()
def add(
    run: RunArgument,
    ontology: Annotated[
        list[Path], typer.Option(help="The extended ontology; again for more files.", show_default=False)
    ],
    class_: Annotated[
        list[str] | None,
        typer.Option(
            "--class",
            metavar="CLASS",
            help="A class to add, again for more; by default all new leaf classes.",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Let a run predict new classes, by what an extended ontology says of them.

    Nothing is trained, and the scores of the classes that the run has stay as they are. `predict` and `explain` know
    the new ones from then on, `evaluate` measures the run as it was trained. Given again, the command begins anew.

    Example:

      kgzsl classes add runs/zoo --ontology extended.ttl
    """
    from kgzsl import api

    with listening(quiet=json) as listener:
        grown = api.add_classes(api.load_run(run), *ontology, classes=class_ or (), listener=listener)
    api.keep_classes(grown, *ontology)
    _show(grown, as_json=json)
    if not json:
        console.print(f"next: kgzsl predict {run} IMAGE", soft_wrap=True)


@app.command(name="list")
def list_(run: RunArgument, json: Json = False) -> None:
    """The classes of a run that were added.

    Example:

      kgzsl classes list runs/zoo
    """
    from kgzsl import api

    _show(api.with_kept_classes(api.load_run(run)), as_json=json)


@app.command()
def drop(run: RunArgument) -> None:
    """Forget the classes that were added: the run is as it was trained.

    Example:

      kgzsl classes drop runs/zoo
    """
    from kgzsl import api

    dropped = api.drop_classes(api.load_run(run))
    console.print("the run is as it was trained" if dropped else "no classes were added to this run")


def _show(run: Run, *, as_json: bool) -> None:
    """The added classes, and by how many attributes each is known."""
    attributes = run.attributes
    rows = []
    for iri in run.added:
        row = attributes.classes.index(iri)
        has = int((attributes.known[row] & (attributes.value[row] > 0.5)).sum())
        rows.append((iri, run.ontology.label(iri), has, int(attributes.known[row].sum())))
    if as_json:
        print_json([dict(zip(("iri", "label", "has", "known"), row, strict=True)) for row in rows])
        return
    title = f"{len(rows)} classes added to {len(run.space) - len(rows)}, {len(attributes.attributes)} attributes"
    print_table(
        ("class", ">attributes it has", ">known"), [(label, *counts) for _, label, *counts in rows], title=title
    )
