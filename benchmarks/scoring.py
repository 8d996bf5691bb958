"""How long it takes to score many classes, once they are encoded: `python benchmarks/scoring.py`

Class vectors and evidence are random: what is measured is their product and the five best classes of each image, as
`kgzsl predict` does it, beside the bare product of two matrices of the same sizes.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

import torch

from kgzsl.model.baselines import AttributeClassifier, GivenTokens, MeanToken


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--classes", type=int, default=20_000)
    parser.add_argument("--images", type=int, default=1_000)
    parser.add_argument("--columns", type=int, default=500, help="attributes, and dimensions of other states")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    random = torch.Generator().manual_seed(0)
    classes = torch.randn(arguments.classes, arguments.columns, generator=random)
    evidence = torch.randn(arguments.images, arguments.columns, generator=random)
    model = AttributeClassifier(MeanToken(GivenTokens(), width=1), attributes=arguments.columns)
    with torch.inference_mode():
        scored = _best_of(5, lambda: model.scores(evidence, classes).topk(5))
        bare = _best_of(5, lambda: evidence @ classes.T)
    found = {
        "classes": arguments.classes,
        "images": arguments.images,
        "columns": arguments.columns,
        "seconds": round(scored, 3),
        "ratio to the bare product": round(scored / bare, 2),
    }
    print(json.dumps(found) if arguments.json else "\n".join(f"{name:<26} {value}" for name, value in found.items()))


def _best_of(times: int, work: Callable[[], object]) -> float:
    """Seconds of the fastest of several repetitions."""
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


if __name__ == "__main__":
    main()
