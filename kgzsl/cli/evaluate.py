"""``kgzsl evaluate``."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kgzsl.cli.console import (
    Force,
    Json,
    console,
    listening,
    print_json,
    print_lines,
    print_report,
    print_summaries,
    print_table,
)

if TYPE_CHECKING:
    from kgzsl.evaluate import ZeroShotReport

__all__ = ["evaluate"]


def evaluate(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Run folders, or folders of them.", show_default=False)
    ],
    compare: Annotated[bool, typer.Option("--compare", help="One table, a row for each setting.")] = False,
    paper_protocol: Annotated[
        bool,
        typer.Option("--paper-protocol", help="Beside it what selection on test images would report: no result."),
    ] = False,
    csv: Annotated[
        Path | None, typer.Option("--csv", help="With --compare: also write its numbers here.", show_default=False)
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="With --compare: print it as Markdown.")] = False,
    force: Force = False,
    ontology: Annotated[Path | None, typer.Option(help="Where the runs' ontology is now.", show_default=False)] = None,
    json: Json = False,
) -> None:
    """Measure runs on their test images: T1, U, S, H, AUSUC.

    One run is measured anew. Of several, those that were measured before are read; those that differ in their
    seed alone are one line, with mean and standard deviation.

    Examples:

      kgzsl evaluate runs/creatures

      kgzsl evaluate --compare runs/duet runs/eszsl --markdown
    """
    from kgzsl import api
    from kgzsl.errors import ConfigError, Problem

    if not compare and (csv or markdown):
        raise ConfigError(Problem("--csv or --markdown without --compare", fix="add --compare"))
    folders = api.run_folders(runs)
    reports: dict[str, ZeroShotReport] = {}
    with listening(quiet=json or markdown) as listener:
        if len(folders) == 1 and not compare:
            trained = api.load_run(folders[0], ontology=ontology)
            reports[str(folders[0])] = api.evaluate(trained, paper_protocol=paper_protocol, listener=listener)
        else:
            for folder in folders:
                reports[str(folder)] = api.report_of(
                    folder, ontology=ontology, paper_protocol=paper_protocol, listener=listener
                )
    if compare:
        _compare(reports, file=csv, force=force, markdown=markdown, as_json=json)
    elif len(reports) > 1:
        print_summaries(reports.values(), as_json=json)
    elif json:
        print_json(next(iter(reports.values())).to_dict())
    else:
        print_report(next(iter(reports.values())).rows())


def _compare(
    reports: dict[str, ZeroShotReport], *, file: Path | None, force: bool, markdown: bool, as_json: bool
) -> None:
    """The table, and below it what all its rows have in common."""
    from kgzsl.evaluate import compare, comparison_records, comparison_table

    rows = compare(reports)
    table = comparison_table(rows)
    if file:
        _write_csv(comparison_records(rows), file, force=force)
    if as_json:
        print_json({"rows": [row.to_dict() for row in rows]})
    elif markdown:
        print_lines([table.to_markdown()])
    else:
        short, shared = table.without_shared()
        print_table(short.columns, short.rows, title="percent, mean ± std over seeds", wide=True)
        if shared:
            console.print()
            print_table(("all of them", ""), shared)


def _write_csv(records: list[dict[str, Any]], file: Path, *, force: bool) -> None:
    """Whole or not at all."""
    from kgzsl.ontology.whole import whole_file

    with whole_file(file, force=force) as working, working.open("w", newline="", encoding="utf-8") as lines:
        writer = csv.DictWriter(lines, list(records[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(records)
