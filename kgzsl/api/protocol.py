"""A run over several seeds, and the reports of several runs."""

from __future__ import annotations

import json
import multiprocessing
import os
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import TYPE_CHECKING

from kgzsl.api.measuring import evaluate
from kgzsl.api.records import Listener
from kgzsl.api.training import fit, load_run
from kgzsl.errors import ConfigError, DataError, MismatchError, Problem, RunError

if TYPE_CHECKING:
    from kgzsl.evaluate import ZeroShotReport
    from kgzsl.train.run import RunConfig

__all__ = ["fit_at_once", "report_of", "run_folders", "runs_of_seeds"]


def runs_of_seeds(config: RunConfig, folder: str | Path, seeds: Iterable[int]) -> dict[Path, RunConfig]:
    """The runs of a run file over seeds, ``seed-0`` and so on in one folder, that are not complete yet.

    Raises:
        ConfigError: no seed, one twice, or one below 0.
        MismatchError: folders that hold complete runs of another configuration; says all of them.
    """
    from kgzsl.train.run import RunFolder

    seeds = list(seeds)
    if not seeds or len(set(seeds)) < len(seeds) or min(seeds) < 0:
        raise ConfigError(Problem(f"seeds {seeds}", expected="one or more, each once, none below 0"))
    waiting, problems = {}, []
    for seed in seeds:
        path = Path(folder) / f"seed-{seed}"
        wanted = replace(config, train=replace(config.train, seed=seed))
        if not RunFolder(path).complete:
            waiting[path] = wanted
        elif not RunFolder(path).is_of(wanted):
            fix = "give another --out, or delete the folder"
            problems.append(Problem("holds a complete run that was set up otherwise", file=path, fix=fix))
    if problems:
        raise MismatchError(problems)
    return waiting


def fit_at_once(
    runs: Mapping[Path, RunConfig],
    *,
    jobs: int,
    done: Callable[[Path], None] = lambda folder: None,
    tick: Callable[[], None] = lambda: None,
) -> None:
    """Train several runs, each in a process of its own; the cores are shared out among them.

    Where OMP_NUM_THREADS is set, that is the number of threads of each. An interrupt or the failure of one ends all;
    called again, they go on.

    Args:
        runs: run folder to configuration.
        jobs: how many at the same time, 1 or more.
        done: called with the folder of each that is complete.
        tick: called twice a second while they train.

    Raises:
        RunError: a process was killed.
        KgzslError: what went wrong in the first that failed.
    """
    threads = max(1, (os.cpu_count() or 1) // jobs)
    context = multiprocessing.get_context("spawn")
    waiting, going = dict(runs), dict[Path, tuple[Connection, SpawnProcess]]()
    try:
        while waiting or going:
            while waiting and len(going) < jobs:
                folder, config = next(iter(waiting.items()))
                ours, theirs = context.Pipe(duplex=False)
                process = context.Process(target=_fit, args=(config, folder, theirs, threads))
                process.start()
                theirs.close()  # else its end would not be heard of
                going[folder] = ours, process
                del waiting[folder]
            ready = wait([ours for ours, _ in going.values()], timeout=0.5)
            for folder, (ours, process) in list(going.items()):
                if ours in ready:
                    _outcome(ours, folder)
                    process.join()
                    del going[folder]
                    done(folder)
            tick()
    finally:
        for _, process in going.values():
            process.terminate()
            process.join()


def _outcome(ended: Connection, folder: Path) -> None:
    """Nothing, if the training of a run went well; else what went wrong is raised."""
    try:
        error = ended.recv()
    except EOFError:
        fix = "call again, it goes on; if it was killed for memory, with fewer at once (--jobs)"
        raise RunError(Problem("the process that trained is gone", file=folder, fix=fix)) from None
    if error is not None:
        raise error


def _fit(config: RunConfig, folder: Path, told: Connection, threads: int) -> None:
    """In a process of its own, where interrupts are the business of the one that started it; a run does not travel."""
    import signal

    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(threads)
    try:
        fit(config, folder)
    except Exception as error:
        error.add_note(traceback.format_exc())  # where it was; its own does not travel
        told.send(error)
    else:
        told.send(None)


def run_folders(paths: Iterable[str | Path]) -> tuple[Path, ...]:
    """Run folders, each as it is or, for a folder of run folders, all in it by name (``seed-2`` before ``seed-10``).

    Raises:
        RunError: neither; says all of them.
    """
    found: list[Path] = []
    problems = []
    for path in map(Path, paths):
        inside = [path] if (path / "run.json").is_file() else [file.parent for file in path.glob("*/run.json")]
        if not inside:
            fix = "give the folder that `kgzsl train` wrote"
            expected = "a run folder, or a folder of run folders"
            problems.append(Problem("no run here", file=path, expected=expected, fix=fix))
        found += sorted(inside, key=lambda folder: (len(folder.name), folder.name))
    if problems:
        raise RunError(problems)
    return tuple(dict.fromkeys(found))


def report_of(
    folder: str | Path,
    *,
    ontology: str | Path | None = None,
    paper_protocol: bool = False,
    listener: Listener | None = None,
) -> ZeroShotReport:
    """The report of a run: the one that was written when it was measured, or it is measured now.

    A complete run does not change any more, and neither does its report. It is measured again where the report lacks
    something that this version says, or selection on test that is asked for.

    Args:
        folder: of a complete run.
        ontology: another place of the ontology that it was trained on.
        paper_protocol: see :func:`kgzsl.api.evaluate`.
        listener: see :func:`kgzsl.api.evaluate`.
    """
    from kgzsl.evaluate import ZeroShotReport

    try:
        report = ZeroShotReport.from_dict(json.loads((Path(folder) / "report.json").read_text(encoding="utf-8")))
        if report.on_test or not paper_protocol:
            return report if paper_protocol else replace(report, on_test=())
    except (FileNotFoundError, ValueError, TypeError, DataError):
        pass
    return evaluate(load_run(folder, ontology=ontology), paper_protocol=paper_protocol, listener=listener)
