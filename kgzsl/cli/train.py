"""``kgzsl train``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kgzsl.cli.console import Json, console, listening, print_json, print_table

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
    """
    from kgzsl import api
    from kgzsl.errors import ConfigError, Problem
    from kgzsl.train.run import parse_config, read_config

    overrides = [
        *([f"ontology.files={_toml_list(ontology)}"] if ontology else []),
        *([f"data.images={_quoted(images)}"] if images else []),
        *([f"data.split={_quoted(split)}"] if split else []),
        *([f"data.backbone={_quoted(backbone)}"] if backbone else []),
        *(set_ or []),
    ]
    if config is None and not (ontology and images and split):
        raise ConfigError(Problem("nothing to train", expected="CONFIG.toml, or --ontology, --images and --split"))
    run_config = read_config(config, overrides=overrides) if config else parse_config({}, overrides=overrides)
    folder = out or Path("runs") / (config.stem if config else Path(images or "run").name)
    with listening(quiet=json) as listener:
        run = api.fit(run_config, folder, listener=listener)
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


def _quoted(value: object) -> str:
    """A TOML string."""
    import json

    return json.dumps(str(value))


def _toml_list(paths: list[Path]) -> str:
    """A TOML list of strings."""
    return f"[{', '.join(_quoted(p) for p in paths)}]"
