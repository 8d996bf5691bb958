"""``kgzsl demo``: the whole road on the embedded benchmark."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kgzsl.cli.console import Json, console, error_console, listening, print_json, print_table
from kgzsl.errors import Problem, RunError

if TYPE_CHECKING:
    from kgzsl import api

__all__ = ["demo"]

VARIANTS = {
    "DUET tiny, KG entailed": ("kg", []),
    "DUET tiny, entailment off": ("entailment-off", ["ontology.entail=none"]),
    "DUET tiny, shuffled class attributes": ("shuffled", ["semantics.shuffle=true"]),
}
MEASURES = ("T1", "U", "S", "H", "AUSUC")


def demo(
    out: Annotated[Path, typer.Option(help="Folder for runs and pages; emptied first.")] = Path("runs/demo"),
    seed: Annotated[int, typer.Option(help="Seed of the runs.")] = 0,
    pages: Annotated[int, typer.Option(min=1, help="Explanation pages to write.")] = 6,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="section.key=value; again for more.", show_default=False)
    ] = None,
    json: Json = False,
) -> None:
    """All of it on creatures: ontology, images, training, controls, baselines, explanations.

    Draws images caused by the facts of an ontology, trains on 80 classes, recognizes 20 others of which it
    has never seen an image, and says which facts made it decide. Beside the run stand two controls (the same
    run without entailment, and with the classes' attributes shuffled) and two baselines.

    Example:

      kgzsl demo
    """
    from kgzsl import api

    started = time.perf_counter()
    _config(seed, set_ or [])  # a mistake is found before anything is deleted
    _empty(out)
    _draw(set_ or [], quiet=json)
    _train_all(out, seed, set_ or [], quiet=json)
    reports: dict[str, Any] = {}
    for name, (folder, _) in VARIANTS.items():
        reports[name] = api.evaluate(api.load_run(out / folder))
    trained = api.load_run(out / "kg")
    for name in ("ESZSL", "pixel ridge"):
        reports[name] = api.baseline(trained, name)
    written, text = _explanations(trained, out / "pages", pages)
    seconds = time.perf_counter() - started
    if json:
        content = {name: report.to_dict() for name, report in reports.items()}
        print_json({"reports": content, "pages": written, "seconds": seconds})
        return
    console.print(f"\n{text}\n", markup=False, soft_wrap=True)
    rows = [(name, *(f"{100 * getattr(r, m):.1f}" for m in MEASURES)) for name, r in reports.items()]
    title = f"creatures, seed {seed}: 80 seen and 20 unseen classes, percent (chance: T1 5)"
    print_table(("", *(f">{m}" for m in MEASURES)), rows, title=title)
    console.print(f"\npages: {out / 'pages'}/  (open {Path(written[0]).name} in a browser)")
    console.print(
        f"{seconds:.0f} s; run: {out / 'kg'}; next: kgzsl predict {out / 'kg'} {Path(written[0]).with_suffix('.png')}"
    )


def _empty(out: Path) -> None:
    """Delete what an earlier demo wrote, and nothing else."""
    own = {"pages", *(folder for folder, _ in VARIANTS.values())}
    foreign = sorted(p.name for p in out.iterdir() if p.name not in own) if out.is_dir() else []
    if foreign or out.is_file():
        got = f"holds other things than a demo: {', '.join(foreign[:3])}" if foreign else "is a file"
        raise RunError(Problem(got, file=out, fix="give another --out"))
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)


def _draw(overrides: list[str], *, quiet: bool) -> None:
    """The images, and one line on what the ontology says and what follows."""
    from kgzsl import api

    with listening(quiet=quiet) as listener:
        ontology = api.load_dataset(_config(0, overrides), listener).ontology
    report = ontology.report
    if not quiet:
        console.print(
            f"creatures.ttl: {len(ontology.leaves)} leaf classes, {sum(report.asserted.values()):,} facts asserted, "
            f"{sum(report.entailed.values()):,} entailed"
        )


def _config(seed: int, overrides: list[str]) -> Any:
    """The run of the demo."""
    from kgzsl.train.run import parse_config

    return parse_config({"data": {"benchmark": "creatures"}}, overrides=[f"train.seed={seed}", *overrides])


def _train_all(out: Path, seed: int, overrides: list[str], *, quiet: bool) -> None:
    """Train every variant at the same time: small models use one core better than several."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    from kgzsl import api

    columns = (
        TextColumn("{task.description:<40}"),
        BarColumn(),
        TextColumn("epoch {task.completed}/{task.total}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    runs, tasks = {}, {}
    with Progress(*columns, console=error_console, disable=quiet) as bars:
        for name, (folder, own) in VARIANTS.items():
            config = runs[out / folder] = _config(seed, [*own, *overrides])
            tasks[out / folder] = bars.add_task(name, total=config.train.epochs + config.train.refit_epochs)

        def look() -> None:
            for folder, task in tasks.items():
                bars.update(task, completed=_epochs_done(folder))

        api.fit_at_once(runs, jobs=len(runs), tick=look)


def _epochs_done(folder: Path) -> int:
    """Epochs that a run has recorded."""
    metrics = folder / "metrics.jsonl"
    return metrics.read_text(encoding="utf-8").count("\n") if metrics.is_file() else 0


def _explanations(run: api.Run, folder: Path, count: int) -> tuple[list[str], str]:
    """Pages for test images of unseen classes, one a class; the text of the first."""
    from functools import partial

    import numpy as np
    from PIL import Image

    from kgzsl import api
    from kgzsl.explain.overlay import overlay_strip
    from kgzsl.explain.page import write_page
    from kgzsl.explain.text import render_text

    images = api.load_dataset(run.config).images.part("test_unseen")
    verbalize, pictures = api.verbalizer(run.ontology), partial(api.picture_of, run)
    folder.mkdir(parents=True, exist_ok=True)
    written, text = [], ""
    for label in np.unique(images.labels)[:count]:
        row = int(np.flatnonzero(images.labels == label)[0])
        name = run.ontology.label(images.space.classes[label]).replace(" ", "-")
        pixels = np.asarray(images.array[row])
        Image.fromarray(pixels).save(folder / f"{name}.png")
        explanations = api.explain_all(run, pixels, name=f"{name}.png")
        overlay_strip(explanations[0], pixels, folder / f"{name}-overlay.png")
        page = folder / f"{name}.html"
        written.append(str(write_page(page, explanations, pixels, verbalize=verbalize, pictures=pictures)))
        text = text or render_text(explanations[0], verbalize=verbalize)
    return written, text
