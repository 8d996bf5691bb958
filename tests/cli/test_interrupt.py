"""Ctrl-C in a real process: its status, what it leaves, and that the same command goes on with the same bits."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

ROOT = Path(__file__).resolve().parents[2]
EPOCHS = ["--set", "train.epochs=30", "--set", "train.validate_every=3"]


def started(arguments: list[str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", "from kgzsl.cli import main; main()", *arguments]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # Where the tests run in the background, interrupts are ignored, and a child would inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def interrupted(arguments: list[str], run: Path, *, epochs: int) -> str:
    """What a process that is interrupted after so many epochs says."""
    process = started(arguments)
    metrics = run / "metrics.jsonl"
    end = time.monotonic() + 120
    while not (metrics.is_file() and metrics.read_text().count("\n") >= epochs):
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < end, "no epoch in two minutes"
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    return said


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT to send")
@pytest.mark.slow
def test_ctrl_c_leaves_a_run_that_goes_on(toys: Any, tmp_path: Path, kgzsl: Any) -> None:
    run = tmp_path / "run"
    arguments = [*toys.arguments(run), *EPOCHS, "--paper-protocol"]
    for epochs in (2, 8):  # the record of an epoch is written before its state
        said = interrupted(arguments, run, epochs=epochs)
        assert said.rstrip().endswith("interrupted")
        assert "Traceback" not in said
        assert load_file(run / "last.safetensors")
        assert [file for file in tmp_path.rglob("*") if ".part" in file.name] == []
        assert not (run / "checkpoint.safetensors").exists()
    done = started(arguments)
    _, said = done.communicate(timeout=300)
    assert done.returncode == 0, said
    assert kgzsl(*toys.arguments(tmp_path / "whole"), *EPOCHS, "--paper-protocol").status == 0
    for file in ("checkpoint.safetensors", *(f"epochs/{f.name}" for f in (run / "epochs").iterdir())):
        one, other = load_file(run / file), load_file(tmp_path / "whole" / file)
        assert all(torch.equal(one[key], other[key]) for key in other)
    assert (run / "metrics.jsonl").read_text() == (tmp_path / "whole" / "metrics.jsonl").read_text()
