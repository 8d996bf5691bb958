"""``kgzsl ablate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kgzsl.cli.console import Json, console, error_console, numbers, print_json, print_table

__all__ = ["ablate"]

MEASURES = ("T1", "U", "S", "H", "AUSUC")


def ablate(
    config: Annotated[Path, typer.Argument(help="Run file (TOML).", show_default=False)],
    facts: Annotated[
        str,
        typer.Option(
            metavar="GROUPS",
            help="Groups of facts to go without, one at a time, commas between; 'entailed' is what is not asserted.",
        ),
    ] = "logics,entailed",
    seeds: Annotated[str, typer.Option(help="Seeds of every setting.")] = "0,1,2,3,4",
    jobs: Annotated[int, typer.Option(help="Runs at the same time.", min=1)] = 1,
    out: Annotated[
        Path | None, typer.Option(help="Where the run folders go; by default runs/<name>-facts.", show_default=False)
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="section.key=value; again for more.", show_default=False)
    ] = None,
    json: Json = False,
) -> None:
    """What each group of facts is worth.

    Runs with all of them, and without each, over seeds. The last column is by how much H is higher with the group,
    each seed against itself, with the 95 % interval of the mean over seeds. Given again, the command keeps the runs
    that are complete.

    Examples:

      kgzsl ablate benchmarks/creatures.toml --seeds 0,1,2 --jobs 2

      kgzsl ablate zoo.toml --facts attributes,hierarchy,negative
    """
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    from kgzsl import api
    from kgzsl.evaluate import percent
    from kgzsl.train.run import read_config

    run_config = read_config(config, overrides=set_ or [])
    folder = out or Path("runs") / f"{config.stem}-facts"
    names, wanted = facts.replace(",", " ").split(), numbers(seeds)
    columns = (TextColumn("runs"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left"))
    with Progress(*columns, TimeRemainingColumn(), console=error_console, disable=json) as bars:
        task = bars.add_task("runs", total=None)

        def trained(done: int, total: int) -> None:
            bars.update(task, completed=done, total=total)

        rows = api.ablate(run_config, folder, facts=names, seeds=wanted, jobs=jobs, trained=trained)
    if json:
        print_json({"rows": [row.to_dict() for row in rows]})
        return
    cells = []
    for row in rows:
        figures = [percent([getattr(report, name) for report in row.summary.reports]) for name in MEASURES]
        name = f"without {row.without}" if row.without else "all"
        cells.append((name, *figures, "" if row.worth is None else str(row.worth)))
    conditions = rows[0].summary.shared
    title = f"{conditions['dataset']}, {conditions['model']}, {len(wanted)} seeds, percent (mean ± std)"
    print_table(("facts", *(f">{name}" for name in MEASURES), ">worth in H [95 %]"), cells, title=title, wide=True)
    console.print(f"\nbackbone {conditions['backbone']}; selected by {conditions['selection_rule']}", soft_wrap=True)
    console.print(f"run folders {folder}/*/seed-*; next: kgzsl evaluate --compare {folder}/*", soft_wrap=True)
