"""Are explanations faithful, over several runs; and what do they cost?

Of runs (of several seeds, which are compared with each other too), the table of `kgzsl verify`: how many passed each
check, and the mean and standard deviation of every figure over the runs, with `--out` also written to a file
(`benchmarks/results/explain-*.csv`).

With `--boxes`, how far the boxes of grounding maps overlap with the parts of creatures, on training images.

With `--costs`, what one image of each run takes: that of the one of 20 with the most facts. With `--facts N,...`, the
same of small worlds that are made up and trained, in which N facts set the two classes apart. Printed are what `margin`
takes beyond the forward pass, what `ablation` of all facts takes with the edits entailed together and with one edit
after the other (the ontology entailed and the classes described again for each, as the definition has it), how far the
two differ at most, the peak of the memory that each method asks for, and the size of the page. Times are medians, by
the processor's clock, which other work on the machine stretches less. What a page of facts over a whole set takes to
open, `benchmarks/surveying.py` measures.

Usage::

    python benchmarks/explain.py runs/creatures/seed-0 runs/creatures/seed-1 --images 200 --out table.csv
    python benchmarks/explain.py runs/creatures/seed-0 --boxes
    python benchmarks/explain.py runs/creatures/seed-0 --costs
    python benchmarks/explain.py --facts 100,400
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
import tracemalloc
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import fmean, median, stdev
from typing import Any

import numpy as np
import torch
from PIL import Image

from kgzsl import api
from kgzsl.api.knowledge import facts_used
from kgzsl.api.measuring import dataset_of
from kgzsl.api.scoring import class_vectors
from kgzsl.api.verifying import Bench, shared
from kgzsl.cli.console import print_table
from kgzsl.explain.checks.planting import grounded
from kgzsl.explain.faithfulness import box_iou
from kgzsl.explain.methods import METHODS
from kgzsl.explain.overlay import grounding_box
from kgzsl.explain.page import write_page
from kgzsl.explain.question import Question
from kgzsl.ontology import Edit, Fact, edited
from kgzsl.semantics import class_attributes
from kgzsl.train.run import parse_config

CLASSES, PROPERTIES, FILLERS, IMAGES, SIDE = 60, 50, 4, 3, 32
"""Of the made-up world: classes, the last two unseen; properties at most; fillers to choose from for each fact; images
of each class; their side."""
TURNS = 5
CUTS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
"""Of the peak of a map: where its box ends."""


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="*", help="run folders")
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--method", action="append", help="again for more; by default margin")
    parser.add_argument("--retrain", type=int, default=0, metavar="SEEDS")
    parser.add_argument("--costs", action="store_true", help="what one image takes, and no checks")
    parser.add_argument("--boxes", action="store_true", help="how far boxes overlap with parts, by where maps are cut")
    parser.add_argument("--facts", default="", metavar="N,...", help="costs in made-up worlds of so many facts")
    parser.add_argument("--out", type=Path, help="the table as a file")
    arguments = parser.parse_args()
    runs = [api.load_run(folder) for folder in arguments.runs]
    if arguments.costs:
        for run in runs:
            costs(run, richest(run), title=str(run.folder.path))
    elif arguments.boxes:
        boxes(runs, arguments.images)
    elif runs:
        told = {"images": arguments.images, "methods": arguments.method or ["margin"], "retrain": arguments.retrain}
        verified([one for run in runs for one in api.verify(run, others=alike(run, runs), **told)], arguments.out)
    for count in map(int, filter(None, arguments.facts.split(","))):
        with tempfile.TemporaryDirectory() as place:
            run = made_up(Path(place), count)
            costs(run, Asked(images_of(run)[0], *run.split.unseen), title=f"{count} facts")


# ---- faithfulness --------------------------------------------------------------------


def verified(found: Sequence[api.Verification], out: Path | None) -> None:
    """Every check over the runs, printed and written."""
    rows = summary(found)
    if out is not None:
        with out.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    lines: dict[tuple[str, str, str, str], list[str]] = defaultdict(list)
    for row in rows:
        spread = f" ± {row['std']:.3f}" if row["std"] != "" else ""
        figure = [f"{row['figure']} {row['mean']:.3f}{spread}"] if row["figure"] else []
        lines[row["method"], row["check"], row["passed"], row["mark"]] += figure
    cells = [(*key[:3], ", ".join(figures), key[3]) for key, figures in lines.items()]
    title = f"{len({one.run for one in found})} runs, {found[0].images} images each"
    print_table(("method", "check", "passed", "figures", "mark"), cells, title=title, wide=True)
    for one in found:
        print(f"{one.run}, {one.method} ({one.seconds:.0f} s): {one.use}")


def alike(run: api.Run, runs: Sequence[api.Run]) -> list[api.Run]:
    """The others that it can be compared with: of other seeds."""
    return [one for one in runs if one is not run and all(shared(run, one).values())]


def summary(found: Sequence[api.Verification]) -> list[dict[str, Any]]:
    """A row for each figure of each check of each method; one without figures where a check was never asked."""
    rows = []
    for method in dict.fromkeys(one.method for one in found):
        runs = [one for one in found if one.method == method]
        for outcomes in zip(*(one.outcomes for one in runs), strict=True):
            asked = [outcome for outcome in outcomes if outcome.verdict != "not applicable"]
            passed = f"{sum(o.verdict == 'passed' for o in asked)} of {len(asked)}" if asked else outcomes[0].reason
            row = {"method": method, "check": outcomes[0].name, "passed": passed, "mark": outcomes[0].mark}
            names = dict.fromkeys(name for outcome in asked for name in outcome.numbers) or [""]
            for name in names:
                values = [outcome.numbers[name] for outcome in asked if name in outcome.numbers]
                row |= {"figure": name, "mean": fmean(values) if values else ""}
                rows.append(row | {"std": stdev(values) if len(values) > 1 else "", "runs": len(runs)})
    return rows


# ---- boxes ---------------------------------------------------------------------------


def boxes(runs: Sequence[api.Run], images: int) -> None:
    """How far boxes around the peaks of maps overlap with the parts that they are of, by where the maps are cut.

    Of training images, of seen classes: a cut that is chosen by this table is chosen without test images.
    """
    rows = [[f"{cut:g}"] for cut in CUTS]
    for run in runs:
        bench = Bench(run, dataset_of(run, None), images, 0, lambda *_: None, part="trainval")
        found = [one for case in bench.cases(METHODS["margin"]) for one in grounded(case, bench.usual)]
        for row, cut in zip(rows, CUTS, strict=True):
            row.append(f"{fmean(box_iou(grounding_box(grid, cut=cut), box) for grid, box, _ in found):.3f}")
    title = f"mean IoU over maps of the first facts, {images} training images"
    print_table(("cut, of the peak", *(f">{run.folder.path.name}" for run in runs)), rows, title=title)


# ---- costs ---------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Asked:
    """An image as the run's model reads it, and two classes."""

    image: np.ndarray
    explained: str
    rival: str

    @property
    def classes(self) -> dict[str, str]:
        """As the api has them."""
        return {"speaking_for": self.explained, "against": self.rival}


def images_of(run: api.Run) -> list[np.ndarray]:
    """Twenty test images of unseen classes, evenly."""
    images = api.load_dataset(run.config).images
    rows = np.flatnonzero(images.parts == "test_unseen")
    return [np.asarray(images.array[row]) for row in rows[np.linspace(0, len(rows) - 1, 20).round().astype(int)]]


def richest(run: api.Run) -> Asked:
    """Of some images, the one with the most facts."""
    told = [(image, api.explain(run, image, name="image")) for image in images_of(run)]
    image, explanation = max(told, key=lambda pair: len(pair[1].every))
    return Asked(image, explanation.predicted, explanation.rival)


def costs(run: api.Run, asked: Asked, *, title: str) -> None:
    """What explaining one image takes."""
    image = asked.image
    question = api.ask(run, image, name="image", **asked.classes)
    # Taken together, facts are another question.
    methods: dict[str, Any] = {"margin": METHODS["margin"], "ablation": replace(METHODS["ablation"], groups=False)}  # type: ignore[type-var]
    told = {name: method.explain(question) for name, method in methods.items()}
    facts = question.worlds.basis(question.classes)
    look = median_of(lambda: api.look(run, [image]))
    whole = median_of(lambda: api.explain(run, image, name="image", **asked.classes))
    first = median_of(lambda: methods["ablation"].explain(fresh(question, run)))
    quick = median_of(lambda: methods["ablation"].explain(question))
    started = time.process_time()
    single = one_by_one(run, question, facts)
    slow = time.process_time() - started
    apart = max(
        abs(found.contribution - single[found.fact]) for found in told["ablation"].every if found.fact in single
    )
    peaks = {name: peak(partial(method.explain, fresh(question, run))) for name, method in methods.items()}
    with tempfile.TemporaryDirectory() as place:
        picture = image if image.dtype == np.uint8 else np.zeros((SIDE, SIDE, 3), dtype=np.uint8)
        page = write_page(Path(place) / "page.html", told["margin"], picture, verbalize=api.verbalizer(run.ontology))
        size = page.stat().st_size
    rows = [
        ("facts that margin lists", f"{len(told['margin'].every):,}"),
        ("facts that ablation takes away", f"{len(facts):,}"),
        ("forward pass", f"{1000 * look:.1f} ms"),
        ("margin, beyond the forward pass", f"{1000 * (whole - look):.1f} ms"),
        ("ablation, together", f"{quick:.2f} s"),
        ("the same of classes that were not asked about before", f"{first:.2f} s"),
        ("ablation, one by one", f"{slow:.2f} s ({slow / quick:.0f} x, {slow / first:.0f} x)"),
        ("largest difference of the two", f"{apart:.1g}"),
        *((f"memory, {name}", f"{size / 2**20:.1f} MiB") for name, size in peaks.items()),
        ("page", f"{size / 1000:.0f} kB"),
    ]
    print_table(("what", ">figure"), rows, title=title)


def made_up(folder: Path, count: int) -> api.Run:
    """A trained run on classes of which the two unseen ones have ``count`` facts that the other has not."""
    each, random = count // 2, np.random.default_rng(0)
    lines = [
        "@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .",
        "@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .",
        *(f":p{k} a owl:ObjectProperty ." for k in range(min(each, PROPERTIES))),
        *(f":F{k} a owl:Class ." for k in range(CLASSES)),
    ]
    fillers = random.integers(0, FILLERS, (CLASSES, each))
    fillers[-1] = (fillers[-2] + 1) % FILLERS
    for number in range(CLASSES):
        # Half of the facts come from a parent.
        lines.append(f":C{number} a owl:Class ; rdfs:subClassOf :F{number} .")
        lines += [f":{'FC'[k % 2]}{number} :p{k % PROPERTIES} :v{k}_{fillers[number, k]} ." for k in range(each)]
        place = folder / "images" / f"C{number}"
        place.mkdir(parents=True)
        for picture in range(IMAGES):
            pixels = random.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(place / f"{picture}.png")
    (folder / "made_up.ttl").write_text("\n".join(lines), encoding="utf-8")
    unseen = [f"C{k}" for k in range(CLASSES - 2, CLASSES)]
    (folder / "split.json").write_text(f'{{"unseen": ["{unseen[0]}", "{unseen[1]}"]}}', encoding="utf-8")
    sections = {
        "ontology": {"files": [str(folder / "made_up.ttl")]},
        "data": {"images": str(folder / "images"), "split": str(folder / "split.json"), "size": SIDE},
        "model": {"dim": 32, "heads": 2, "stem": 8, "stages": [8, 16], "depths": [1, 1], "text_layers": 1},
        # Nothing is closed: every fact counts.
        "train": {"epochs": 1, "refit_epochs": 0, "gate": False},
    }
    return api.fit(parse_config(sections), folder / "run")


def fresh(question: Question, run: api.Run) -> Question:
    """The question with nothing looked up yet of changed ontologies."""
    return replace(question, worlds=type(question.worlds)(run))  # type: ignore[call-arg]


def one_by_one(run: api.Run, question: Question, facts: Sequence[Fact]) -> dict[Fact, float]:
    """What the margin loses without each fact: for each, all is entailed, and both classes described, again.

    What is not stated any more is unknown, and not assumed to be absent.
    """
    lost, before = {}, run.attributes.subset(question.classes)
    stated = before.known & ~before.assumed
    for fact in facts:
        table = class_attributes(
            edited(run.ontology, Edit(remove=(fact,))),
            question.classes,
            world=run.config.semantics.world,
            facts=facts_used(run),
            columns=run.attributes.attributes,
        )
        table = replace(table, known=table.known & ~(stated & table.assumed))
        with torch.inference_mode():
            one, other = class_vectors(run.model, table).double().numpy() @ question.evidence
        lost[fact] = question.margin - question.offset - float(one - other)
    return lost


def median_of(work: Callable[[], object]) -> float:
    """Median of the processor's seconds over some turns, the first one not counted."""
    seconds = []
    for _ in range(TURNS + 1):
        started = time.process_time()
        work()
        seconds.append(time.process_time() - started)
    return median(seconds[1:])


def peak(work: Callable[[], object]) -> int:
    """The most bytes that were held at a time, of those that Python and numpy ask for."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


if __name__ == "__main__":
    main()
