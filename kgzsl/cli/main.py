"""The entry point: commands, exit statuses, and what is said of errors."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from typing import Annotated

import typer

from kgzsl.cli import (
    ablate,
    classes,
    data,
    demo,
    embed,
    evaluate,
    explain,
    facts,
    ontology,
    predict,
    query,
    train,
    verify,
    whatif,
)
from kgzsl.cli.console import error_console
from kgzsl.errors import KgzslError

__all__ = ["app", "main"]

# typer may carry its own copy of click: the root of its usage errors is found through its public names.
UsageProblem: type[Exception] = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")

INTERRUPTED = 130

app = typer.Typer(
    name="kgzsl",
    help="Zero-shot learning from a knowledge graph: train on classes with images, recognize classes without, "
    "and see which facts drove each prediction.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(ontology.app, name="ontology")
app.add_typer(data.app, name="data")
app.add_typer(classes.app, name="classes")
app.command()(train.train)
app.command()(evaluate.evaluate)
app.command()(ablate.ablate)
app.command()(embed.embed)
app.command()(predict.predict)
app.command()(explain.explain)
app.command()(whatif.whatif)
app.command()(facts.facts)
app.command()(query.query)
app.command()(verify.verify)
app.command()(demo.demo)


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Options of every command; they stand before the command's name."""
    logging.basicConfig(level=logging.WARNING)


def main() -> None:
    """Run the command line: status 0, 1 for a failure, 2 for the user's mistake, 130 for an interrupt."""
    # transformers reports every unused weight of a backbone; what matters is checked by us.
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    debug = "--debug" in sys.argv
    try:
        status = app(prog_name="kgzsl", standalone_mode=False)
        if status == INTERRUPTED:  # typer turns an interrupt into this status
            raise KeyboardInterrupt
        sys.exit(status if isinstance(status, int) else 0)
    except KgzslError as error:
        if debug:
            traceback.print_exc()
        for problem in error.problems:
            error_console.print(f"error: {problem}", soft_wrap=True)
        sys.exit(error.exit_status)
    except (KeyboardInterrupt, typer.Abort):
        error_console.print("interrupted")
        sys.exit(INTERRUPTED)
    except typer.Exit as leave:
        sys.exit(leave.exit_code)
    except UsageProblem as error:
        error.show()  # type: ignore[attr-defined]
        sys.exit(error.exit_code)  # type: ignore[attr-defined]
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if debug:
            traceback.print_exc()
        message = f"failed: {type(error).__name__}: {error} (kgzsl --debug ... shows where)"
        error_console.print(message, soft_wrap=True)
        sys.exit(1)
