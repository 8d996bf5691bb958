"""``kgzsl verify``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kgzsl.cli.console import Json, console, error_console, print_json, print_table

if TYPE_CHECKING:
    from kgzsl.api import Verification

__all__ = ["verify"]

SEEDS = 5
"""Of trainings without facts."""


def verify(
    run: Annotated[Path, typer.Argument(help="Run folder.", show_default=False)],
    images: Annotated[int, typer.Option(min=1, help="Test images of unseen classes to explain.")] = 200,
    method: Annotated[
        list[str] | None, typer.Option(help="Method of explaining; again for more.  [default: margin]")
    ] = None,
    other: Annotated[
        list[Path] | None,
        typer.Option(help="A run of another seed, to see whether it explains alike; again for more."),
    ] = None,
    retrain: Annotated[
        bool, typer.Option("--retrain", help=f"Also train afresh without facts, {SEEDS} seeds: 25 trainings.")
    ] = False,
    jobs: Annotated[int, typer.Option(help="Trainings at the same time.", min=1)] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Of all that is drawn by chance.")] = 0,
    ontology: Annotated[Path | None, typer.Option(help="Where the run's ontology is now.", show_default=False)] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit status 1 if a check is failed.")] = False,
    json: Json = False,
) -> None:
    """Whether the explanations of a run can be trusted: each check with its figure, baseline and mark.

    Facts are taken away through the model, and chance is given the same chance. What cannot be asked of a run is not
    applicable, and never passed. Explanations of the run say from then on what their method failed. The exit status is
    0 whether checks are passed or not.

    Examples:

      kgzsl verify runs/creatures

      kgzsl verify runs/creatures --images 100 --other runs/creatures-1 --strict
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    from kgzsl import api

    trained = api.load_run(run, ontology=ontology)
    others = [api.load_run(folder, ontology=ontology) for folder in other or []]
    columns = (TextColumn("{task.description:<24}"), BarColumn(), MofNCompleteColumn(), TextColumn("left"))
    with Progress(*columns, TimeRemainingColumn(), console=error_console, disable=json) as bars:
        tasks: dict[str, TaskID] = {}

        def advance(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=total)
            bars.update(tasks[name], completed=done)

        found = api.verify(
            trained,
            images=images,
            methods=method or ["margin"],
            others=others,
            retrain=SEEDS if retrain else 0,
            jobs=jobs,
            seed=seed,
            progress=advance,
            listener=api.Listener(
                drawing=partial(advance, "drawing"),
                features=partial(advance, "backbone"),
                reading=partial(advance, "images"),
            ),
        )
    if json:
        print_json({"verifications": [one.to_dict() for one in found]})
    else:
        for one in found:
            _print(one)
        console.print(f"\nwritten to {trained.folder.path / 'verify.json'}", soft_wrap=True)
    if strict and any(one.failed for one in found):
        raise typer.Exit(1)


def _print(found: Verification) -> None:
    """The table of one method, what its verdicts are of, and whether the knowledge is used."""
    rows = [
        (one.name, one.verdict, one.figure or one.reason, one.baseline, one.mark, one.asks) for one in found.outcomes
    ]
    title = f"{found.method}: {found.images} test images of {found.classes} unseen classes, seed {found.seed}"
    print_table(("check", "verdict", "figure", "baseline", "pass mark", "asks"), rows, title=title, wide=True)
    count = {verdict: sum(one.verdict == verdict for one in found.outcomes) for verdict in VERDICTS}
    console.print(f"\n{', '.join(f'{n} {verdict}' for verdict, n in count.items())}; {found.seconds:.0f} s")
    console.print(f"Taken away: {found.removal}.", soft_wrap=True)
    console.print(found.use, soft_wrap=True)


VERDICTS = ("passed", "failed", "not applicable")
