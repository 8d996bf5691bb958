"""What the commands share in talking to the user: consoles, tables, JSON and progress bars."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from kgzsl.api import Listener, Run
    from kgzsl.errors import Problem
    from kgzsl.evaluate import ZeroShotReport
    from kgzsl.train.loop import EpochRecord

__all__ = [
    "Entail",
    "Facts",
    "Force",
    "Json",
    "OntologyFile",
    "Profile",
    "Reasoner",
    "ReasonerTimeout",
    "console",
    "error_console",
    "listening",
    "numbers",
    "print_json",
    "print_lines",
    "print_report",
    "print_summaries",
    "print_table",
    "run_to_ask",
]

# Of several processes that train together the first alone talks.
SILENT = os.environ.get("RANK", "0") != "0"
# Labels and paths may hold brackets: nothing is read as markup.
console = Console(highlight=False, markup=False, quiet=SILENT)
error_console = Console(stderr=True, highlight=False, markup=False)

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON, for programs.")]
Profile = Annotated[
    str,
    typer.Option(help="owl, kzsl, skos, or a file that ends in .toml; detected when not given.", show_default=False),
]
Entail = Annotated[Literal["el", "rdfs", "none"], typer.Option(help="What to derive.")]
Facts = Annotated[
    str,
    typer.Option(
        metavar="GROUPS",
        help="What describes classes: properties, hierarchy, ... as semantics.facts; commas between.",
    ),
]
Reasoner = Annotated[
    Literal["own", "hermit"],
    typer.Option(help="own, or hermit: all of OWL 2 DL, for small ontologies; needs a Java (KGZSL_JAVA_MEMORY: MiB)."),
]
ReasonerTimeout = Annotated[float, typer.Option(help="Seconds after which HermiT is ended.", min=0.001)]
OntologyFile = Annotated[Path, typer.Argument(help="Ontology file.", show_default=False)]
Force = Annotated[bool, typer.Option("--force", help="Replace a file that is there.")]


def print_json(content: Any) -> None:
    """One JSON document on standard output."""
    if not SILENT:
        typer.echo(json.dumps(content, indent=1, ensure_ascii=False))


def print_lines(lines: Iterable[str]) -> None:
    """Lines as they are: wrapped by the terminal alone, so that they can be searched and copied."""
    for line in lines:
        typer.echo(line)


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str | None = None, wide: bool = False
) -> None:
    """A plain table; columns whose name begins with ``>`` are right-aligned; a wide one is as wide as its content."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        right = column.startswith(">")
        table.add_column(column.removeprefix(">"), justify="right" if right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    if wide:
        width = console.measure(table, options=console.options.update(max_width=1000)).maximum
        Console(highlight=False, markup=False, width=width).print(table)
    else:
        console.print(table)


def print_report(rows: Sequence[Sequence[str]], *, value: str = "value") -> None:
    """Measures and conditions; what was selected on test stands beside, under a title that says so."""
    beside = len(rows[0]) - 2
    titles = ("SELECTED ON TEST", "SELECTED ON TEST, as published")[:beside]
    print_table(("measure", value, *titles), rows)


def print_summaries(reports: Iterable[ZeroShotReport], *, as_json: bool) -> None:
    """Every seed, and mean and standard deviation over seeds, of each setting among the reports."""
    from kgzsl.evaluate import summarize

    summaries = summarize(reports)
    if as_json:
        print_json({"summaries": [summary.to_dict() for summary in summaries]})
        return
    measures = ("T1", "U", "S", "H", "AUSUC")
    for summary in summaries:
        rows = [(r.seed, *(f"{100 * getattr(r, name):.1f}" for name in measures)) for r in summary.reports]
        print_table((">seed", *(f">{name}" for name in measures)), rows)
        console.print()
        print_report(summary.rows(), value="mean ± std" if len(summary.reports) > 1 else "value")


@contextmanager
def listening(*, quiet: bool = False) -> Iterator[Listener]:
    """Progress bars (on standard error) for drawing, features and training, and a loss table."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TaskID,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    from kgzsl.api import Listener

    if quiet:
        yield Listener()
        return
    bars = Progress(
        TextColumn("{task.description:<22}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=error_console,
    )
    tasks: dict[str, TaskID] = {}

    def advance(name: str, done: int, total: int) -> None:
        if name not in tasks:
            tasks[name] = bars.add_task(name, total=total)
        bars.update(tasks[name], completed=done)

    def epoch(record: EpochRecord) -> None:
        losses = "  ".join(f"{name.replace('_', ' ')} {value:.3f}" for name, value in record.losses.items())
        validation = "".join(
            f"  {name} {100 * record.validation[name]:.1f}" for name in ("T1", "H") if name in record.validation
        )
        judged = f" | validation{validation}" if validation else ""
        bars.console.print(f"{record.phase} {record.epoch:>3}  {losses}{judged}", soft_wrap=True)

    def tell(problems: Sequence[Problem]) -> None:
        for problem in problems:
            bars.console.print(str(problem), soft_wrap=True)

    with bars:
        yield Listener(
            drawing=lambda done, total: advance("drawing", done, total),
            features=lambda done, total: advance("backbone", done, total),
            reading=lambda done, total: advance("images", done, total),
            step=lambda phase, done, total: advance(f"training ({phase})", done, total),
            epoch=epoch,
            skipped=tell,
            notice=tell,
        )


def numbers(text: str) -> list[int]:
    """Seeds as they are written on the command line."""
    from kgzsl.errors import ConfigError, Problem

    words = text.replace(",", " ").split()
    wrong = [word for word in words if not word.isdecimal()]
    if wrong or not words:
        raise ConfigError(Problem(f"--seeds {text}", expected="numbers like 0,1,2"))
    return [int(word) for word in words]


def run_to_ask(folder: Path, *, ontology: Path | None, extended: Path | None, quiet: bool) -> Run:
    """A trained run with the classes that came afterwards: those of a file, or else those kept in its folder."""
    from kgzsl import api

    trained = api.load_run(folder, ontology=ontology)
    if extended is None:
        return api.with_kept_classes(trained)
    with listening(quiet=quiet) as listener:
        return api.add_classes(trained, extended, listener=listener)
