"""``kgzsl demo``: the whole road on the embedded benchmark."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kgzsl.cli.console import Json, console, listening, print_json, print_table

if TYPE_CHECKING:
    from kgzsl import api

__all__ = ["demo"]

VARIANTS = {
    "DUET tiny, KG entailed": [],
    "DUET tiny, entailment off": ["ontology.entail=none"],
    "DUET tiny, shuffled class attributes": ["semantics.shuffle=true"],
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
    from kgzsl.train.run import parse_config

    started = time.perf_counter()
    shutil.rmtree(out, ignore_errors=True)
    ontology = api.load_ontology(api.creatures_ontology())
    if not json:
        _introduce(ontology)
    reports: dict[str, Any] = {}
    trained = None
    for number, (name, overrides) in enumerate(VARIANTS.items()):
        config = parse_config(
            {"data": {"benchmark": "creatures"}}, overrides=[*overrides, f"train.seed={seed}", *(set_ or [])]
        )
        if not json:
            console.print(f"\n{name}")
        with listening(quiet=json) as listener:
            run = api.fit(config, out / ("kg", "entailment-off", "shuffled")[number], listener=listener)
        reports[name] = api.evaluate(run)
        trained = trained or run
    for name in api.BASELINES:
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
    console.print(f"{seconds:.0f} s; run: {out / 'kg'}; next: kgzsl predict {out / 'kg'} {out / 'pages'}/*.png")


def _introduce(ontology: Any) -> None:
    """One line on what the ontology says and what follows."""
    report = ontology.report
    console.print(
        f"creatures.ttl: {len(ontology.leaves)} leaf classes, {sum(report.asserted.values()):,} facts asserted, "
        f"{sum(report.entailed.values()):,} entailed"
    )


def _explanations(run: api.Run, folder: Path, count: int) -> tuple[list[str], str]:
    """Pages for test images of unseen classes, one a class; the text of the first."""
    import numpy as np
    from PIL import Image

    from kgzsl import api
    from kgzsl.explain.overlay import overlay_strip
    from kgzsl.explain.page import write_page
    from kgzsl.explain.text import render_text

    images = api.load_dataset(run.config).images.part("test_unseen")
    verbalize = api.verbalizer(run.ontology)
    folder.mkdir(parents=True, exist_ok=True)
    written, text = [], ""
    for label in np.unique(images.labels)[:count]:
        row = int(np.flatnonzero(images.labels == label)[0])
        name = run.ontology.label(images.space.classes[label]).replace(" ", "-")
        pixels = np.asarray(images.array[row])
        Image.fromarray(pixels).save(folder / f"{name}.png")
        explanation = api.explain(run, pixels, name=f"{name}.png")
        overlay_strip(explanation, pixels, folder / f"{name}-overlay.png")
        written.append(str(write_page(folder / f"{name}.html", explanation, pixels, verbalize=verbalize)))
        text = text or render_text(explanation, verbalize=verbalize)
    return written, text
