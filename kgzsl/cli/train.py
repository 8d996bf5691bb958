"""``kgzsl train``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kgzsl.cli.console import Json, console, error_console, listening, numbers, print_json, print_summaries, print_table

if TYPE_CHECKING:
    from kgzsl.api.records import Run
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
    semantics: Annotated[
        str,
        typer.Option(
            metavar="SOURCES",
            help="How facts reach the model: attributes, prompt, kge, gnn, commas between; or fused, all of them.",
            show_default=False,
        ),
    ] = "",
    facts: Annotated[
        str,
        typer.Option(metavar="GROUPS", help="Groups of facts to use, commas between.", show_default=False),
    ] = "",
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
        *([f"semantics.source={_toml_list(semantics.split(','))}"] if semantics else []),
        *([f"semantics.facts={_toml_list(facts.split(','))}"] if facts else []),
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
        "facts": run.facts.get("facts", []),
        "knowledge": run.facts.get("knowledge", {}),
        "calibration": calibration,
        "seconds": run.facts["seconds"],
    }
    if json:
        print_json(result)
        return
    validation = run.facts["validation"]
    rows = [(name, f"{100 * validation[name]:.1f}") for name in ("T1", "H", "AUSUC")]
    print_table(("validation classes", ">%"), [*rows, ("gamma", f"{calibration['gamma']:.3f}")])
    _print_knowledge(run)
    console.print(f"{run.facts['seconds']:.0f} s; run folder {folder}; next: kgzsl evaluate {folder}", soft_wrap=True)


def _print_knowledge(run: Run) -> None:
    """What the model uses of what it was told, and what it ignores."""
    choices = run.facts.get("knowledge", {}).get("choices", [])
    if choices:
        rows = [
            (c["name"], "yes" if c["used"] else "no", f"{c['gain']:+.1f} ± {c['error']:.1f}" if k else "the first")
            for k, c in enumerate(choices)
        ]
        print_table(("knowledge", "used", ">points on classes left out"), rows)
    closed = [source for source, gate in run.facts.get("sources", {}).items() if gate == 0]
    if closed:
        console.print(f"of no help on validation classes, so not used: {', '.join(closed)}", markup=False)
    facts = run.facts.get("facts", [])
    if all(fact["bearing"] is None for fact in facts):
        return  # nothing was judged, so that everything is used
    by_property: dict[str, list[dict[str, Any]]] = {}
    for fact in facts:
        by_property.setdefault(fact["property"], []).append(fact)
    shares = []
    for property, own in by_property.items():
        judged = sorted((f for f in own if f["bearing"] is not None), key=lambda f: -f["bearing"])
        told = [f"{run.ontology.label(f['filler'])} {f['bearing']:+.1f}" for f in judged]
        shown = ", ".join([*told[:2], *(["..."] if len(told) > 3 else []), *told[2:][-1:]])
        mean, used = sum(f["gate"] for f in own) / len(own), sum(f["gate"] > 0 for f in own)
        shares.append((run.ontology.label(property), f"{mean:.2f}", f"{used} of {len(own)}", shown))
    shares.sort(key=lambda row: (-float(row[1]), row[0]))
    print_table(("property", ">gate", ">facts used", "borne out by images, in standard errors"), shares, wide=True)


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


def _toml_list(items: Iterable[object]) -> str:
    """A TOML list of strings."""
    return f"[{', '.join(_quoted(str(item).strip()) for item in items)}]"
