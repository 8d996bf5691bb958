"""``kgzsl whatif``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from kgzsl.cli.console import Json, console, listening, print_json, print_table, run_to_ask

__all__ = ["whatif"]


def whatif(
    run: Annotated[Path, typer.Argument(help="Run folder.", show_default=False)],
    image: Annotated[Path, typer.Argument(help="Image file.", show_default=False)],
    remove: Annotated[
        list[str] | None, typer.Option(help="An asserted fact to take away; may be repeated.", show_default=False)
    ] = None,
    add: Annotated[list[str] | None, typer.Option(help="A fact to add; may be repeated.", show_default=False)] = None,
    against: Annotated[str, typer.Option(help="The rival class; by default the runner-up.", show_default=False)] = "",
    retrain: Annotated[bool, typer.Option(help="Confirm on a fresh model, trained on the edited ontology.")] = False,
    ontology: Annotated[Path | None, typer.Option(help="Where the run's ontology is now.", show_default=False)] = None,
    json: Json = False,
) -> None:
    """What the run would say of an image if the ontology said something else.

    Nothing is trained: the ontology is edited and entailed again, the classes are described and scored again.

    Examples:

      kgzsl whatif runs/zoo photo.jpg --remove "zebra hasDecoration stripes" --add "zebra hasColor brown"

      kgzsl whatif runs/zoo photo.jpg --remove "felid hasPart claws" --retrain
    """
    from kgzsl import api

    trained = run_to_ask(run, ontology=ontology, extended=None, quiet=json)
    with listening(quiet=json or not retrain) as listener:
        told = api.what_if(
            trained,
            image,
            remove=remove or (),
            add=add or (),
            against=against or None,
            retrain=retrain,
            listener=listener,
        )
    if json:
        print_json(asdict(told))
        return
    one, rival = told.labels[told.explained], told.labels[told.rival]
    for heading, sentences in (("does not hold any more", told.lost), ("holds now", told.won)):
        for sentence in sentences:
            console.print(f"{heading}: {sentence}", markup=False, soft_wrap=True)
    count = len(told.changed)
    console.print(f"{count} class{'es' * (count != 1)} of the run {'are' if count != 1 else 'is'} described otherwise")
    standings = [("as it is", told.before), ("edited", told.after)]
    standings += [("trained again", told.retrained)] if told.retrained else []
    rows = [
        (name, f"{s.margin:+.3f}", s.ranks[0], s.ranks[1], f"{s.top[0][1]}{', unseen' * s.top[0][3]}")
        for name, s in standings
    ]
    columns = ("ontology", f">margin over {rival}", f">rank of {one}", f">rank of {rival}", "predicted")
    print_table(columns, rows)
    if told.folder:
        console.print(f"run folder {told.folder}", soft_wrap=True)
