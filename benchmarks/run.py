"""Repeat a run file over seeds, splits and variants; print the table and write ``results/<name>.csv``.

A run file may end with::

    [benchmark]
    seeds = [0, 1, 2]
    splits = ["a", "b"]                # {split} in the overrides stands for one of them
    baselines = ["ESZSL"]              # of api.BASELINES, measured on the runs of the first variant
    [benchmark.variants]
    "name" = ["section.key=value"]     # overrides; {here} stands for the run file's folder

Usage::

    python benchmarks/run.py benchmarks/creatures.toml --jobs 2
    python benchmarks/run.py benchmarks/awa2mini.toml --seeds 0 1
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import multiprocessing
import os
import resource
import shutil
import time
import tomllib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from kgzsl import api
from kgzsl.cli.console import console, error_console, print_table
from kgzsl.evaluate import ZeroShotReport
from kgzsl.evaluate.report import MEASURES
from kgzsl.train.run import read_config

RESULTS = Path(__file__).parent / "results"
COLUMNS = ("dataset", "backbone", "semantics", "selection_rule", "seed", *MEASURES, "gamma", "gamma_unit", "seconds")


@dataclass(frozen=True)
class Benchmark:
    """How often, on what and in which variants a run is repeated."""

    seeds: list[int] = field(default_factory=lambda: [0])
    splits: list[str] = field(default_factory=lambda: [""])
    baselines: list[str] = field(default_factory=list)
    variants: dict[str, list[str]] = field(default_factory=lambda: {"run": []})


@dataclass(frozen=True)
class Job:
    """One run, and the baselines on it."""

    variant: str
    config: Path
    overrides: list[str]
    folder: Path
    baselines: list[str]


@dataclass(frozen=True)
class Row:
    """One measured run or baseline."""

    variant: str
    report: ZeroShotReport


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--seeds", type=int, nargs="*")
    parser.add_argument("--jobs", type=int, default=1, help="runs at the same time")
    parser.add_argument("--out", type=Path, default=Path("runs/benchmarks"), help="where the run folders go")
    arguments = parser.parse_args()
    content = tomllib.loads(arguments.config.read_text(encoding="utf-8"))
    benchmark = Benchmark(**content.get("benchmark", {}))
    if arguments.seeds:
        benchmark = dataclasses.replace(benchmark, seeds=arguments.seeds)
    started = time.perf_counter()
    jobs = list(_jobs(arguments.config, benchmark, arguments.out / arguments.config.stem))
    rows = _run_all(jobs, at_once=arguments.jobs)
    _write(RESULTS / f"{arguments.config.stem}.csv", rows)
    _show(rows)
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 2**20
    console.print(f"{time.perf_counter() - started:.0f} s in all, peak memory of a process {peak:.2f} GiB")


def _jobs(config: Path, benchmark: Benchmark, out: Path) -> Iterator[Job]:
    """Every seed, split and variant."""
    for seed in benchmark.seeds:
        for split in benchmark.splits:
            for number, (variant, overrides) in enumerate(benchmark.variants.items()):
                filled = [o.replace("{here}", str(config.parent)).replace("{split}", split) for o in overrides]
                folder = out / "-".join(str(part) for part in (number, split, seed) if part != "")
                baselines = benchmark.baselines if number == 0 else []
                yield Job(variant, config, [*filled, f"train.seed={seed}"], folder, baselines)


def _run_all(jobs: list[Job], *, at_once: int) -> list[Row]:
    """All rows, in the order of the jobs."""
    from rich.progress import Progress

    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // at_once)))
    read_config(jobs[0].config, overrides=jobs[0].overrides)  # a mistake is found before any process starts
    rows: dict[int, list[Row]] = {}
    spawn = multiprocessing.get_context("spawn")
    # Each run in a process of its own: none inherits threads, memory or random state of another.
    with (
        ProcessPoolExecutor(at_once, mp_context=spawn, max_tasks_per_child=1) as pool,
        Progress(*Progress.get_default_columns(), console=error_console) as bars,
    ):
        task = bars.add_task("runs", total=len(jobs))
        waiting = {pool.submit(_run, job): number for number, job in enumerate(jobs)}
        for done in as_completed(waiting):
            rows[waiting[done]] = done.result()
            for row in rows[waiting[done]]:
                figures = "  ".join(f"{name} {100 * getattr(row.report, name):.1f}" for name in MEASURES)
                bars.console.print(f"{row.report.dataset}, seed {row.report.seed}, {row.variant}: {figures}")
            bars.advance(task)
    return [row for number in sorted(rows) for row in rows[number]]


def _run(job: Job) -> list[Row]:
    """Train and measure one run, and the baselines on it."""
    shutil.rmtree(job.folder, ignore_errors=True)
    run = api.fit(read_config(job.config, overrides=job.overrides), job.folder)
    return [Row(job.variant, api.evaluate(run)), *(Row(name, api.baseline(run, name)) for name in job.baselines)]


def _write(path: Path, rows: list[Row]) -> None:
    """One line a run."""
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["variant", *COLUMNS])
        for row in rows:
            cells = (getattr(row.report, name) for name in COLUMNS)
            writer.writerow([row.variant, *(f"{c:.5f}" if isinstance(c, float) else c for c in cells)])


def _show(rows: list[Row]) -> None:
    """Mean and standard deviation over seeds; percent. Of several splits also the mean over them."""
    datasets = list(dict.fromkeys(row.report.dataset for row in rows))
    table = []
    for variant in dict.fromkeys(row.variant for row in rows):
        own = [row.report for row in rows if row.variant == variant]
        for dataset in datasets if len(datasets) > 1 else ():
            table.append((variant, dataset, *_cells([r for r in own if r.dataset == dataset])))
        table.append((variant, *(["mean"] if len(datasets) > 1 else []), *_cells(own)))
    measures = [name for name in MEASURES if name != "best_H"]
    columns = ("variant", *(["dataset"] if len(datasets) > 1 else []), *(f">{name}" for name in measures), ">s")
    seeds = len({row.report.seed for row in rows})
    print_table(columns, table, title=f"percent, mean ± std over {seeds} seed{'s' * (seeds > 1)}")


def _cells(reports: list[ZeroShotReport]) -> list[str]:
    """The figures of one line: a seed's value is its mean over the splits; the seconds are of one run."""
    seeds = sorted({r.seed for r in reports})
    cells = []
    for name in (name for name in MEASURES if name != "best_H"):
        values = 100 * np.array([np.mean([getattr(r, name) for r in reports if r.seed == seed]) for seed in seeds])
        cells.append(f"{values.mean():.1f}" + (f" ± {values.std(ddof=1):.1f}" if len(values) > 1 else ""))
    return [*cells, f"{np.mean([r.seconds for r in reports]):.0f}"]


if __name__ == "__main__":
    main()
