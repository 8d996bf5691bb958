"""Repeat a run file over seeds and variants; print the table and write ``results/<name>.csv``.

A run file may end with::

    [benchmark]
    seeds = [0, 1, 2]
    baselines = ["ESZSL"]              # of api.BASELINES, measured on the first variant of each seed
    [benchmark.variants]
    "name" = ["section.key=value"]     # overrides; {here} stands for the run file's folder

Usage::

    python benchmarks/run.py benchmarks/creatures.toml
    python benchmarks/run.py benchmarks/awa2mini.toml --seeds 0 1
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import resource
import shutil
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from kgzsl import api
from kgzsl.cli.console import console, error_console, listening, print_table
from kgzsl.evaluate import ZeroShotReport
from kgzsl.evaluate.report import MEASURES
from kgzsl.train.run import read_config

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Benchmark:
    """How often and in which variants a run is repeated."""

    seeds: list[int] = field(default_factory=lambda: [0])
    baselines: list[str] = field(default_factory=list)
    variants: dict[str, list[str]] = field(default_factory=lambda: {"run": []})


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--seeds", type=int, nargs="*")
    parser.add_argument("--out", type=Path, default=Path("runs/benchmarks"), help="where the run folders go")
    arguments = parser.parse_args()
    content = tomllib.loads(arguments.config.read_text(encoding="utf-8"))
    benchmark = Benchmark(**content.get("benchmark", {}))
    if arguments.seeds:
        benchmark = dataclasses.replace(benchmark, seeds=arguments.seeds)
    started = time.perf_counter()
    rows = list(_rows(arguments.config, benchmark, arguments.out / arguments.config.stem))
    _write(RESULTS / f"{arguments.config.stem}.csv", rows)
    _show(rows)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    console.print(f"{time.perf_counter() - started:.0f} s in all, peak memory {peak:.2f} GiB")


def _rows(config: Path, benchmark: Benchmark, out: Path) -> Iterator[tuple[str, ZeroShotReport]]:
    """Every variant and baseline of every seed, with its report."""
    for seed in benchmark.seeds:
        for number, (variant, overrides) in enumerate(benchmark.variants.items()):
            error_console.print(f"seed {seed}: {variant}")
            here = [o.replace("{here}", str(config.parent)) for o in overrides]
            run_config = read_config(config, overrides=[*here, f"train.seed={seed}"])
            folder = out / f"{number}-{seed}"
            shutil.rmtree(folder, ignore_errors=True)
            with listening() as listener:
                run = api.fit(run_config, folder, listener=listener)
                yield variant, api.evaluate(run)
            per_variant = any("split" in o for overrides in benchmark.variants.values() for o in overrides)
            if number == 0 or per_variant:
                for name in benchmark.baselines:
                    yield f"{name}, {variant}" if per_variant else name, api.baseline(run, name)


def _write(path: Path, rows: list[tuple[str, ZeroShotReport]]) -> None:
    """One line a run."""
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        names = [
            "dataset",
            "backbone",
            "semantics",
            "selection_rule",
            "seed",
            *MEASURES,
            "gamma",
            "gamma_unit",
            "seconds",
        ]
        writer.writerow(["variant", *names])
        for variant, report in rows:
            cells = (getattr(report, name) for name in names)
            writer.writerow([variant, *(f"{c:.5f}" if isinstance(c, float) else c for c in cells)])


def _show(rows: list[tuple[str, ZeroShotReport]]) -> None:
    """Mean and standard deviation over seeds; percent."""
    import numpy as np

    table = []
    for variant in dict.fromkeys(v for v, _ in rows):
        reports = [r for v, r in rows if v == variant]
        cells = []
        for name in MEASURES:
            values = 100 * np.array([getattr(r, name) for r in reports])
            spread = f" ± {values.std(ddof=1):.1f}" if len(values) > 1 else ""
            cells.append(f"{values.mean():.1f}{spread}")
        table.append((variant, *cells, len(reports), f"{np.mean([r.seconds for r in reports]):.0f}"))
    print_table(
        ("variant", *(f">{name}" for name in MEASURES), ">seeds", ">s"), table, title="percent, mean ± std over seeds"
    )


if __name__ == "__main__":
    main()
