"""``kgzsl evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kgzsl.cli.console import Json, listening, print_json, print_table

__all__ = ["evaluate"]


def evaluate(
    run: Annotated[Path, typer.Argument(help="Run folder.", show_default=False)],
    ontology: Annotated[Path | None, typer.Option(help="Where the run's ontology is now.", show_default=False)] = None,
    json: Json = False,
) -> None:
    """Measure a run on its test images: T1, U, S, H, AUSUC.

    Example:

      kgzsl evaluate runs/creatures
    """
    from kgzsl import api

    trained = api.load_run(run, ontology=ontology)
    with listening(quiet=json) as listener:
        report = api.evaluate(trained, listener=listener)
    if json:
        print_json(report.to_dict())
        return
    print_table(("measure", "value"), report.rows())
