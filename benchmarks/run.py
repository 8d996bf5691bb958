"""Repeat a run file over seeds, splits and variants; print the table and write ``results/<name>.csv``.

A run file may end with::

    [benchmark]
    seeds = [0, 1, 2]
    baselines = ["ESZSL"]              # of api.BASELINES, measured on the runs of the first variant
    each = ["data.split={here}/splits.json:{split}"]  # overrides of every run; {here} is the run file's folder
    [benchmark.grid]
    split = ["a", "b"]                 # {split} in the overrides stands for one of them
    [benchmark.also]
    a = ["data.overlap=none"]          # further overrides of the runs at a place of the grid
    [benchmark.variants]
    "name" = ["section.key=value"]     # overrides

Usage::

    python benchmarks/run.py benchmarks/creatures.toml --jobs 2
    python benchmarks/run.py benchmarks/awa2mini.toml --seeds 0 1 --only DUET   # the other rows of the table stay
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import itertools
import resource
import shutil
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from kgzsl import api
from kgzsl.cli.console import console, error_console, print_table
from kgzsl.evaluate import ZeroShotReport
from kgzsl.evaluate.report import MEASURES
from kgzsl.train.run import RunFolder, read_config

RESULTS = Path(__file__).parent / "results"
TOLD = ("dataset", "backbone", "overlap", "semantics", "selection_rule", "seed")
KEY = ("variant", "dataset", "backbone", "seed")
"""What tells a line of the results from the others."""
COLUMNS = (*TOLD, *MEASURES, "gamma", "gamma_unit", "seconds")


@dataclass(frozen=True)
class Benchmark:
    """How often, on what and in which variants a run is repeated."""

    seeds: list[int] = field(default_factory=lambda: [0])
    grid: dict[str, list[str]] = field(default_factory=dict)
    each: list[str] = field(default_factory=list)
    also: dict[str, list[str]] = field(default_factory=dict)
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
    parser.add_argument("--only", nargs="*", help="variants to run")
    parser.add_argument("--jobs", type=int, default=1, help="runs at the same time")
    parser.add_argument("--resume", action="store_true", help="keep complete runs of this set-up in --out")
    parser.add_argument("--out", type=Path, default=Path("runs/benchmarks"), help="where the run folders go")
    arguments = parser.parse_args()
    content = tomllib.loads(arguments.config.read_text(encoding="utf-8"))
    benchmark = Benchmark(**content.get("benchmark", {}))
    if arguments.seeds:
        benchmark = dataclasses.replace(benchmark, seeds=arguments.seeds)
    if arguments.only:
        chosen = {name: benchmark.variants[name] for name in arguments.only}
        first = next(iter(benchmark.variants)) in chosen
        benchmark = dataclasses.replace(benchmark, variants=chosen, baselines=benchmark.baselines if first else [])
    started = time.perf_counter()
    jobs = list(_jobs(arguments.config, benchmark, arguments.out / arguments.config.stem))
    rows = _run_all(jobs, at_once=arguments.jobs, resume=arguments.resume)
    _write(RESULTS / f"{arguments.config.stem}.csv", rows, keep=bool(arguments.only or arguments.seeds))
    _show(rows)
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 2**20
    console.print(f"{time.perf_counter() - started:.0f} s in all, peak memory of a process {peak:.2f} GiB")


def _jobs(config: Path, benchmark: Benchmark, out: Path) -> Iterator[Job]:
    """Every seed, place of the grid and variant."""
    for seed in benchmark.seeds:
        for place in itertools.product(*benchmark.grid.values()):
            filled = {"here": str(config.parent), **dict(zip(benchmark.grid, place, strict=True))}
            for number, (variant, overrides) in enumerate(benchmark.variants.items()):
                also = itertools.chain.from_iterable(benchmark.also.get(name, []) for name in place)
                told = [override.format(**filled) for override in (*benchmark.each, *also, *overrides)]
                folder = out / "-".join((variant.replace(" ", "-"), *place, str(seed)))
                baselines = benchmark.baselines if number == 0 else []
                yield Job(variant, config, [*told, f"train.seed={seed}"], folder, baselines)


def _run_all(jobs: list[Job], *, at_once: int, resume: bool) -> list[Row]:
    """All rows, in the order of the jobs."""
    from rich.progress import Progress

    of = {job.folder: job for job in jobs}
    # A mistake is found before anything is deleted.
    runs = {folder: read_config(job.config, overrides=job.overrides) for folder, job in of.items()}
    there = {
        folder
        for folder, config in runs.items()
        if resume and RunFolder(folder).complete and RunFolder(folder).is_of(config)
    }
    for folder in runs.keys() - there:
        shutil.rmtree(folder, ignore_errors=True)
    rows: dict[Path, list[Row]] = {}
    with Progress(*Progress.get_default_columns(), console=error_console) as bars:
        task = bars.add_task("runs", total=len(jobs))

        def done(folder: Path) -> None:
            rows[folder] = _measure(of[folder])
            for row in rows[folder]:
                figures = "  ".join(f"{name} {100 * getattr(row.report, name):.1f}" for name in MEASURES)
                bars.console.print(f"{row.report.dataset}, seed {row.report.seed}, {row.variant}: {figures}")
            bars.advance(task)

        for folder in there:
            done(folder)
        left = {folder: config for folder, config in runs.items() if folder not in there}
        if at_once > 1:
            api.fit_at_once(left, jobs=at_once, done=done)
        else:  # short runs take less than starting a process; the peak memory told of one is that of all before it, too
            for folder, config in left.items():
                api.fit(config, folder)
                done(folder)
    return [row for folder in runs for row in rows[folder]]


def _measure(job: Job) -> list[Row]:
    """A run that is trained, and the baselines on it."""
    run = api.load_run(job.folder)
    return [Row(job.variant, api.evaluate(run)), *(Row(name, api.baseline(run, name)) for name in job.baselines)]


def _write(path: Path, rows: list[Row], *, keep: bool) -> None:
    """One line a run; lines of those that were not run now stay where that is wanted."""
    path.parent.mkdir(exist_ok=True)
    lines = [[row.variant, *(_cell(getattr(row.report, name)) for name in COLUMNS)] for row in rows]
    if keep and path.is_file():
        with path.open(newline="", encoding="utf-8") as file:
            before = list(csv.DictReader(file))
        heading = ("variant", *COLUMNS)
        fresh = {tuple(str(line[heading.index(name)]) for name in KEY) for line in lines}
        kept = [line for line in before if tuple(line.get(name, "") for name in KEY) not in fresh]
        lines = [[line.get(name, "") for name in heading] for line in kept] + lines
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([["variant", *COLUMNS], *lines])


def _cell(value: object) -> object:
    """A figure to five places, everything else as it is."""
    return f"{value:.5f}" if isinstance(value, float) else value


def _show(rows: list[Row]) -> None:
    """Mean and standard deviation over seeds; percent. Of several data sets (splits) the mean over them."""
    table = []
    for backbone in dict.fromkeys(row.report.backbone for row in rows):
        for variant in dict.fromkeys(row.variant for row in rows):
            own = [row.report for row in rows if (row.variant, row.report.backbone) == (variant, backbone)]
            if own:
                table.append((variant, backbone, *_cells(own)))
    measures = [name for name in MEASURES if name != "best_H"]
    columns = ("variant", "backbone", *(f">{name}" for name in measures), ">s")
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
