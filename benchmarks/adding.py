"""How good are classes that were added after training, beside those that the ontology had from the start?

On creatures: one run knows all 20 unseen classes, the other is trained without 10 of them, which are neither in its
ontology nor its split, and gets them afterwards from the whole ontology (``kgzsl classes add``). Both are measured on
the same test images, all 100 classes being candidates.

Usage::

    python benchmarks/adding.py --seeds 0,1,2
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from statistics import fmean, stdev

from pyoxigraph import BlankNode, NamedNode, Quad, RdfFormat, parse, serialize

from kgzsl import api
from kgzsl.api.scoring import scores_of
from kgzsl.cli.console import print_table
from kgzsl.data.creatures import generate
from kgzsl.evaluate import gzsl
from kgzsl.train.run import RunConfig, parse_config

LEFT_OUT = 10


def main() -> None:
    """Draw, train, add, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="of both runs")
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        for seed in map(int, arguments.seeds.split(",")):
            there, added = (measure(world, seed, arguments.set, fewer=fewer) for fewer in (False, True))
            rows.append((seed, there, added))
            print(f"seed {seed}: H {there:.4f} with all classes there, {added:.4f} with {LEFT_OUT} added", flush=True)
    table: list[tuple[str, ...]] = [
        (str(seed), f"{100 * there:.1f}", f"{100 * added:.1f}") for seed, there, added in rows
    ]
    for name, statistic in (("mean", fmean), ("std", stdev)) if len(rows) > 1 else ():
        table.append((name, *(f"{100 * statistic([row[k] for row in rows]):.1f}" for k in (1, 2))))
    print_table(("seed", ">H, all there", f">H, {LEFT_OUT} added"), table)


class World:
    """Creatures as a folder of images with a split, whole and without some of the unseen classes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        generate(folder / "creatures", png=True, processes=2)
        self.images = folder / "creatures" / "images"
        self.whole = Path(api.creatures_ontology())
        ontology = api.load_ontology(self.whole)
        split = json.loads((folder / "creatures" / "split.json").read_text(encoding="utf-8"))
        unseen = [ontology.resolve(name) for name in split["unseen"]]
        self.left_out = tuple(unseen[::2][:LEFT_OUT])
        names = {ontology.label(iri) for iri in self.left_out}
        (folder / "fewer").mkdir()
        for place in self.images.iterdir():
            if place.name not in names:
                (folder / "fewer" / place.name).symlink_to(place, target_is_directory=True)
        self.fewer = folder / "fewer.nt"
        self.fewer.write_bytes(without(self.whole, self.left_out))
        for name, some in (("all", unseen), ("fewer", [iri for iri in unseen if iri not in self.left_out])):
            (folder / f"{name}.json").write_text(json.dumps({"unseen": some}), encoding="utf-8")

    def config(self, seed: int, overrides: list[str], *, fewer: bool) -> RunConfig:
        """The run on all of it, or on what is left."""
        data = {
            "images": str(self.folder / "fewer" if fewer else self.images),
            "split": str(self.folder / ("fewer.json" if fewer else "all.json")),
        }
        ontology = {"files": [str(self.fewer if fewer else self.whole)], "profile": "owl"}
        return parse_config({"ontology": ontology, "data": data}, overrides=[f"train.seed={seed}", *overrides])


def without(file: Path, iris: tuple[str, ...]) -> bytes:
    """An ontology as N-Triples without some classes, and without the expressions that only they use."""
    triples = [quad.triple for quad in parse(file.read_bytes(), format=RdfFormat.TURTLE)]
    gone: set[NamedNode | BlankNode] = {NamedNode(iri) for iri in iris}
    while new := {t.object for t in triples if t.subject in gone and isinstance(t.object, BlankNode)} - gone:
        gone |= new
    kept = [Quad(t.subject, t.predicate, t.object) for t in triples if t.subject not in gone and t.object not in gone]
    return serialize(kept, format=RdfFormat.N_TRIPLES) or b""


def measure(world: World, seed: int, overrides: list[str], *, fewer: bool) -> float:
    """H on all test images, of a run that had all classes or that was given the rest afterwards."""
    run = api.fit(world.config(seed, overrides, fewer=fewer), world.folder / f"run-{seed}-{fewer}")
    if fewer:
        run = api.add_classes(run, world.whole, classes=world.left_out)
    data = api.load_dataset(world.config(seed, overrides, fewer=False))
    test = data.images.take(data.images.parts != "trainval")
    scores = scores_of(run.model, test.array, run.attributes)
    labels = run.space.columns(test.space.classes[label] for label in test.labels)
    return gzsl(scores, labels, run.space.mask(run.split.seen), gamma=run.gamma).H


if __name__ == "__main__":
    main()
