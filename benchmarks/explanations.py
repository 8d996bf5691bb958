"""Are the explanations of a creatures run about what is in the picture?

Over test images of unseen classes (40 a class at most, 200 in all by default):

- of the five facts of the predicted class that are ranked first, the share that are visual and true
  of it; decoys (diet, sociality, activity, year) count against it. For the five largest contributions
  whatever class they speak of: the share that are visual and true of the class they speak of.
- pointing game (Zhang et al., ECCV 2016): how often the peak of a fact's grounding map lies in the box
  in which the renderer drew that part, against a peak at the mean place of all boxes of the part in
  the training images (centre prior).
- the largest absolute difference between margin and sum of contributions.

Usage::

    python benchmarks/explanations.py runs/demo/kg --images 200
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from kgzsl import api
from kgzsl.api.sources import image_size
from kgzsl.cli.console import print_table
from kgzsl.data.creatures import FEATURES, cached, load
from kgzsl.evaluate import pointing_game

PARTS = ("hasEars", "hasHorns", "hasTail", "hasLegs", "hasWings", "hasEyes", "hasSnout", "hasBodyShape", "hasPattern")


def main() -> None:
    """Measure, print, write ``explanations.json`` beside the run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--images", type=int, default=200)
    arguments = parser.parse_args()
    result = measure(api.load_run(arguments.run), arguments.images)
    (arguments.run / "explanations.json").write_text(json.dumps(result, indent=1), encoding="utf-8")
    print_table(("measure", ">value"), [(k, v if isinstance(v, int) else f"{v:.4g}") for k, v in result.items()])


def measure(run: api.Run, count: int) -> dict[str, float]:
    """All figures over ``count`` test images of unseen classes, drawn evenly over the classes."""
    config = run.config.data
    data = load(
        cached(image_size(run.config), train_per_class=config.train_per_class, test_per_class=config.test_per_class)
    )
    rows = np.flatnonzero(data.part == "test_unseen")
    rows = rows[np.linspace(0, len(rows) - 1, min(count, len(rows))).round().astype(int)]
    prior = {part: _mean_center(data, part) for part in PARTS}
    true_five, true_five_pooled, hits, prior_hits, gaps = [], [], [], [], []
    for row in rows:
        explanation = api.explain(run, np.asarray(data.images[row]), name=str(row))
        pooled = sorted((*explanation.facts, *explanation.rival_facts), key=lambda f: -f.contribution)
        true_five += [_true_and_visual(run, f, explanation.predicted) for f in explanation.facts[:5]]
        true_five_pooled += [_true_and_visual(run, f, f.fact.subject) for f in pooled[:5]]
        total = sum(f.contribution for f in pooled) + explanation.remainder
        gaps.append(abs(explanation.margin - total))
        boxes = data.boxes(row)
        for fact in explanation.facts[:5]:
            part = _local(fact.fact.predicate)
            if fact.grounding is not None and fact.fact.polarity == "positive" and part in PARTS and part in boxes:
                hits.append(pointing_game(fact.grounding, boxes[part]))
                left, top, right, bottom = boxes[part]
                x, y = prior[part]
                prior_hits.append(left <= x <= right and top <= y <= bottom)
    return {
        "images": len(rows),
        "top five facts of the predicted class: visual and true": float(np.mean(true_five)),
        "top five contributions of either class: visual and true of it": float(np.mean(true_five_pooled)),
        "pointing game": float(np.mean(hits)),
        "pointing game, centre prior": float(np.mean(prior_hits)),
        "pointing game, maps": len(hits),
        "largest |margin - sum|": float(np.max(gaps)),
    }


def _true_and_visual(run: api.Run, found, predicted: str) -> bool:
    """Whether the ontology says it of the predicted class, of a property that shows."""
    fact = found.fact
    return fact.subject == predicted and _local(fact.predicate) in FEATURES and run.ontology.find(fact) is not None


def _mean_center(data, part: str) -> tuple[float, float]:
    """Mean middle of a part's boxes over the training images, in fractions of the image."""
    column = list(FEATURES).index(part)
    boxes = data.box_table[data.part == "trainval", column]
    boxes = boxes[~np.isnan(boxes).any(1)]
    return float((boxes[:, 0] + boxes[:, 2]).mean() / 2), float((boxes[:, 1] + boxes[:, 3]).mean() / 2)


def _local(iri: str) -> str:
    """The part of an IRI after its #."""
    return iri.rpartition("#")[2]


if __name__ == "__main__":
    main()
