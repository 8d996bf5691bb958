"""``kgzsl train``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kgzsl.cli.console import Json, console, error_console, listening, numbers, print_json, print_summaries, print_table

if TYPE_CHECKING:
    from kgzsl.train.run import RunConfig

__all__ = ["train"]


def train(
    config: Annotated[Path | None, typer.Argument(help="Run file (TOML).", show_default=False)] = None,
    ontology: Annotated[
        list[Path] | None, typer.Option(help="Ontology file; again for more files.", show_default=False)
    ] = None,
    images: Annotated[
        Path | None, typer.Option(help="Folder with one folder of images per class.", show_default=False)
    ] = None,
    split: Annotated[str, typer.Option(help="Split file, or FILE:NAME.", show_default=False)] = "",
    backbone: Annotated[str, typer.Option(help="Frozen transformers backbone.", show_default=False)] = "",
    model: Annotated[str, typer.Option(help="Kind of the model: model.kind of the run file.", show_default=False)] = "",
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Go on without images that are missing or unreadable.")
    ] = False,
    seeds: Annotated[
        str, typer.Option(help="0,1,2: a run for each, in OUT/seed-0 and so on; then their table.", show_default=False)
    ] = "",
    jobs: Annotated[int, typer.Option(help="With --seeds: runs at the same time.", min=1)] = 1,
    paper_protocol: Annotated[
        bool, typer.Option("--paper-protocol", help="Keep the weights of epochs for evaluate --paper-protocol.")
    ] = False,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Write event files for TensorBoard (kgzsl[log]).")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Run folder; by default runs/<name of the run file>.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="section.key=value; again for more.", show_default=False)
    ] = None,
    json: Json = False,
) -> None:
    """Train on the seen classes; a killed run goes on when the same command is given again.

    Examples:

      kgzsl train benchmarks/creatures.toml --out runs/creatures --set train.epochs=4

      kgzsl train --ontology birds.ttl --images photos --split split.json --out runs/birds

      kgzsl train benchmarks/creatures.toml --seeds 0,1,2 --jobs 2
    """
    from kgzsl.errors import ConfigError, Problem
    from kgzsl.train.run import parse_config, read_config

    overrides = [
        *([f"ontology.files={_toml_list(ontology)}"] if ontology else []),
        *([f"data.images={_quoted(images)}"] if images else []),
        *([f"data.split={_quoted(split)}"] if split else []),
        *([f"data.backbone={_quoted(backbone)}"] if backbone else []),
        *([f"model.kind={_quoted(model)}"] if model else []),
        *(["data.skip_bad=true"] if skip_bad else []),
        *(["train.keep_epochs=true"] if paper_protocol else []),
        *(["train.tensorboard=true"] if tensorboard else []),
        *(set_ or []),
    ]
    if config is None and not (ontology and images and split):
        raise ConfigError(Problem("nothing to train", expected="CONFIG.toml, or --ontology, --images and --split"))
    run_config = read_config(config, overrides=overrides) if config else parse_config({}, overrides=overrides)
    folder = out or Path("runs") / (config.stem if config else Path(images or "run").name)
    if seeds:
        _train_seeds(run_config, folder, numbers(seeds), jobs=jobs, json=json)
    else:
        _train_one(run_config, folder, json=json)


def _train_one(config: RunConfig, folder: Path, *, json: bool) -> None:
    """One run, and what its validation gave."""
    from kgzsl import api

    with listening(quiet=json) as listener:
        run = api.fit(config, folder, listener=listener)
    calibration = run.facts["calibration"]
    result = {
        "run": str(folder),
        "validation": run.facts["validation"],
        "gate": run.facts["gate"],
        "calibration": calibration,
        "seconds": run.facts["seconds"],
    }
    if json:
        print_json(result)
        return
    validation = run.facts["validation"]
    rows = [(name, f"{100 * validation[name]:.1f}") for name in ("T1", "H", "AUSUC")]
    print_table(("validation classes", ">%"), [*rows, ("gamma", f"{calibration['gamma']:.3f}")])
    closed = [run.ontology.label(iri) for iri, gate in run.facts["gate"].items() if gate == 0]
    if closed:
        console.print(f"not recognized on validation classes, so not used: {', '.join(closed)}", markup=False)
    console.print(f"{run.facts['seconds']:.0f} s; run folder {folder}; next: kgzsl evaluate {folder}", soft_wrap=True)


def _train_seeds(config: RunConfig, folder: Path, seeds: list[int], *, jobs: int, json: bool) -> None:
    """A run for each seed that has no complete one, and the table of all."""
    from kgzsl import api

    waiting = api.runs_of_seeds(config, folder, seeds)
    if jobs > 1:
        api.fit_at_once(waiting, jobs=jobs, done=lambda run: error_console.print(f"trained {run}", soft_wrap=True))
    else:
        for run, wanted in waiting.items():
            if not json:
                error_console.print(f"training {run}", soft_wrap=True)
            with listening(quiet=json) as listener:
                api.fit(wanted, run, listener=listener)
    runs = [folder / f"seed-{seed}" for seed in seeds]
    reports = [api.report_of(run, paper_protocol=config.train.keep_epochs) for run in runs]
    print_summaries(reports, as_json=json)
    if not json:
        console.print(f"run folders {folder}/seed-*; next: kgzsl evaluate --compare {folder}", soft_wrap=True)


def _quoted(value: object) -> str:
    """A TOML string."""
    import json

    return json.dumps(str(value))


def _toml_list(paths: list[Path]) -> str:
    """A TOML list of strings."""
    return f"[{', '.join(_quoted(p) for p in paths)}]"
