"""The default recipe against the published one, at equal sizes: how good, and how soon.

Both kinds train on the same images under the same run file; selection is by AUSUC on validation classes, and nothing is
refitted. Every epoch's weights are then measured on the test images, by the best H over gamma, which asks nothing of
calibration. Printed is the H of the epoch that each kind selected, the processor's seconds up to it, and those until
the default is first as good as what the published recipe ends with. The epochs of the latter are an option: it
learns slowly.

Usage::

    python benchmarks/recipes.py benchmarks/creatures.toml --epochs 20
    python benchmarks/recipes.py benchmarks/awa2mini.toml --epochs 40 --seeds 0,1,2
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kgzsl import api
from kgzsl.api.scoring import scores_of
from kgzsl.cli.console import print_table
from kgzsl.evaluate import best_h, seen_unseen_curve
from kgzsl.train.checkpoint import load_weights
from kgzsl.train.run import read_config

COMPAT = ("model.kind=duet-compat", "train.lr=1e-3", "train.warmup=0")


@dataclass(frozen=True)
class Course:
    """How a training went: the processor's seconds and test H after each epoch, and which one was selected."""

    seconds: np.ndarray
    h: np.ndarray
    selected: int

    def until(self, h: float) -> float:
        """Seconds until it is at least as good; infinite if it never is."""
        return float(self.seconds[self.h >= h].min(initial=np.inf))


def main() -> None:
    """Train, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--epochs", type=int, default=20, help="of the published recipe")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="of both kinds")
    arguments = parser.parse_args()
    rows = []
    for seed in map(int, arguments.seeds.split(",")):
        both = (*arguments.set, f"train.seed={seed}")
        published = course(arguments.config, (*both, *COMPAT, f"train.epochs={arguments.epochs}"))
        default = course(arguments.config, both)
        goal = published.h[published.selected]
        end, soon = published.seconds[published.selected], default.until(goal)
        own = default.h[default.selected]
        rows.append((seed, goal, own, end, soon, end / soon))
        cells = (f"{goal:.3f}", f"{own:.3f}", f"{end:.0f}", f"{soon:.1f}", f"{end / soon:.1f}")
        print(f"seed {seed}:", *cells, flush=True)
    head = ("seed", ">H, published", ">H, default", ">CPU s to it", ">default, CPU s to the same H", ">ratio")
    print_table(head, [(str(r[0]), f"{r[1]:.3f}", f"{r[2]:.3f}", *(f"{x:.4g}" for x in r[3:])) for r in rows])


def course(config: Path, overrides: tuple[str, ...]) -> Course:
    """One training, every epoch validated and kept."""
    fixed = ("train.refit_epochs=0", "train.validate_every=1", "train.keep_epochs=true")
    seconds: dict[int, float] = {}
    begin = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        listener = api.Listener(epoch=lambda record: seconds.update({record.epoch: time.process_time() - begin}))
        run = api.fit(read_config(config, overrides=(*overrides, *fixed)), Path(folder) / "run", listener=listener)
        images = api.load_dataset(run.config).images
        test = images.take(images.parts != "trainval")
        seen = run.space.mask(run.split.seen)
        h = []
        for file in run.folder.epochs:
            load_weights(file, run.model)
            scores = scores_of(run.model.eval(), test.array, run.attributes)
            h.append(best_h(seen_unseen_curve(scores, test.labels, seen)))
    epochs = sorted(seconds)
    selected = epochs.index(int(run.facts["validation"]["epoch"]))
    return Course(np.array([seconds[epoch] for epoch in epochs]), np.array(h), selected)


if __name__ == "__main__":
    main()
