"""``kgzsl data``: benchmark images, and checks of data sets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kgzsl.cli.console import Json, console, listening, print_json, print_lines, print_table

if TYPE_CHECKING:
    from kgzsl.data.check import CheckReport

__all__ = ["app"]

app = typer.Typer(help="Make benchmark images, check data sets.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def data() -> None:
    """Make benchmark images, check data sets."""


@app.command()
def creatures(
    out: Annotated[Path, typer.Option(help="Folder to write; must not exist.", show_default=False)],
    sheet: Annotated[Path | None, typer.Option(help="Contact sheet to write (PNG).", show_default=False)] = None,
    size: Annotated[int, typer.Option(help="Side of the images in pixels.")] = 64,
    train_per_class: Annotated[int, typer.Option(help="Training images of each seen class.")] = 50,
    test_per_class: Annotated[int, typer.Option(help="Test images of each class.")] = 20,
    seed: Annotated[int, typer.Option(help="Seed of pose, light and clutter.")] = 0,
    processes: Annotated[int, typer.Option(help="Processes that draw.")] = 1,
    json: Json = False,
) -> None:
    """Draw the creatures benchmark: images, labels, boxes of the parts, and a contact sheet.

    Example:

      kgzsl data creatures --out creatures --sheet sheet.png
    """
    from kgzsl.data.creatures import contact_sheet, generate, load

    with listening(quiet=json) as listener:
        folder = generate(
            out,
            size=size,
            train_per_class=train_per_class,
            test_per_class=test_per_class,
            seed=seed,
            processes=processes,
            png=True,
            progress=listener.drawing,
        )
    written = load(folder)
    result = {
        "folder": str(folder),
        "images": len(written.labels),
        "seen": len(written.seen),
        "unseen": len(written.unseen),
    }
    if sheet is not None:
        result["sheet"] = str(contact_sheet(folder, sheet))
    if json:
        print_json(result)
        return
    console.print(
        f"{result['images']:,} images of {result['seen']} seen and {result['unseen']} unseen classes in {folder}"
    )
    if sheet is not None:
        console.print(f"contact sheet: {sheet}")


@app.command()
def check(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Root of the data set.", show_default=False)],
    dataset: Annotated[
        str,
        typer.Option(help="AWA2, CUB, SUN, aPY, ImNet-A, ImNet-O, or a layout; told from the files when not given."),
    ] = "",
    quick: Annotated[bool, typer.Option("--quick", help="Do not read the images.")] = False,
    json: Json = False,
) -> None:
    """What of a data set is there, what is missing and where to get it, and what is wrong with it.

    Exit status 1 if anything is wrong, else 0.

    Examples:

      kgzsl data check data/AWA2 --dataset AWA2

      kgzsl data check data/tiny-imagenet --json
    """
    from kgzsl.data.check import check as examine

    with listening(quiet=json) as listener:
        report = examine(folder, dataset=dataset, decode=not quick, progress=listener.reading)
    if json:
        print_json(report.to_dict())
    else:
        _show(report)
    if report.problems:
        raise typer.Exit(1)


def _show(report: CheckReport) -> None:
    """A report for people."""
    if report.files:
        states = {(True, True): "there", (True, False): "there", (False, True): "MISSING", (False, False): "not there"}
        rows = [(f.name, states[f.there, f.needed], f.what, "" if f.there else f.source) for f in report.files]
        print_table(("file", "", "what", "where to get it"), rows, title=f"{report.dataset} in {report.root}")
        console.print()
    if report.counts:
        print_table(("what", ">count"), [(key, f"{count:,}") for key, count in report.counts.items()])
        console.print()
    if report.pretraining:
        held = [(k, v if isinstance(v, str) else ", ".join(v)) for k, v in report.pretraining.items()]
        print_table(("backbone's training set", "unseen classes in it"), held)
        console.print()
    print_lines(f"note: {note}" for note in report.notes)
    print_lines(f"problem: {problem}" for problem in report.problems)
    count = len(report.problems)
    console.print(f"{report.dataset} ({report.layout}): {count or 'no'} problem{'' if count == 1 else 's'}")
