"""How many pictures of creatures one core draws in a second.

CPU seconds, so that what else the machine does counts little.

Usage::

    python benchmarks/renderer.py
"""

from __future__ import annotations

import argparse
import time

from kgzsl import api
from kgzsl.cli.console import print_table
from kgzsl.data.creatures import appearances, render


def main() -> None:
    """Draw, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=1000)
    arguments = parser.parse_args()
    looks = list(appearances(api.load_ontology(api.creatures_ontology()).facts()).values())
    rows = []
    for size in (64, 128):
        started = time.process_time()
        for k in range(arguments.images):
            render(looks[k % len(looks)], seed=(0, k), size=size)
        rows.append((f"{size} x {size}", f"{arguments.images / (time.process_time() - started):.0f}"))
    print_table(("picture", ">images/s"), rows)


if __name__ == "__main__":
    main()
