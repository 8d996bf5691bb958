"""``kgzsl data``: benchmark images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kgzsl.cli.console import Json, console, listening, print_json

__all__ = ["app"]

app = typer.Typer(help="Make benchmark images.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def data() -> None:
    """Make benchmark images."""


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
