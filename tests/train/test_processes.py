"""Several processes that train one model: the same losses as one, and really several."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

ROOT = Path(__file__).resolve().parents[2]
WORKER = """
import os, sys
import torch
from torch import nn
from kgzsl.train.processes import Processes

torch.set_num_threads(1)
processes = Processes.joined()
torch.manual_seed(0)
encoder = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
images = torch.randn(7, 3, 6, 6)  # not the same share for each
head = nn.Linear(4, 1)
optimizer = torch.optim.SGD([*encoder.parameters(), *head.parameters()], lr=0.1)
processes.prepare(encoder)
for _ in range(3):
    tokens = processes.encode(encoder, images)
    assert tokens.shape == (7, 4, 4, 4), tokens.shape
    loss = head(tokens.mean((2, 3))).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
processes.check(nn.ModuleList([encoder, head]))
said = processes.agree({"rank": processes.rank, "count": processes.count})
torch.save({"loss": loss.detach(), "said": said, "mine": processes.rank, **encoder.state_dict()},
           f"{sys.argv[1]}-{processes.rank}.pt")
if processes.rank == 1:
    head.bias.data += 1
try:
    processes.check(head)
except Exception as error:
    open(f"{sys.argv[1]}-{processes.rank}.txt", "w").write(str(error))
"""


def torchrun(count: int, *command: object, cwd: Path) -> subprocess.CompletedProcess:
    """Run a script in several processes on this machine."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [*launcher, *map(str, command)], cwd=cwd, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done


def test_two_processes_share_an_encoder(tmp_path: Path) -> None:
    script = tmp_path / "worker.py"
    script.write_text(WORKER)
    for name, count in (("one", 1), ("two", 2)):
        torchrun(count, script, tmp_path / name, cwd=tmp_path)
    one = torch.load(tmp_path / "one-0.pt", weights_only=True)
    both = [torch.load(tmp_path / f"two-{rank}.pt", weights_only=True) for rank in (0, 1)]
    assert one.pop("said") == {"rank": 0, "count": 1}
    for rank, two in enumerate(both):
        assert two.pop("mine") == rank
        assert two.pop("said") == {"rank": 0, "count": 2}
        for name, value in two.items():
            torch.testing.assert_close(value, one[name], rtol=1e-4, atol=1e-6)
    # Weights that come apart are found, by all.
    for rank in (0, 1):
        assert "differ from the first's" in (tmp_path / f"two-{rank}.txt").read_text()
    assert not (tmp_path / "one-0.txt").exists()


def test_a_run_in_two_processes_is_a_run_in_one(toys: Any, tmp_path: Path) -> None:
    for count in (1, 2):
        command = toys.arguments(tmp_path / f"run-{count}")
        done = torchrun(count, ROOT / "cli.py", *command, "--json", cwd=tmp_path)
        assert json.loads(done.stdout)["run"] == str(tmp_path / f"run-{count}")  # one of them talks
    one, two = ([json.loads(line) for line in (tmp_path / f"run-{n}/metrics.jsonl").open()] for n in (1, 2))
    assert [json.loads((tmp_path / f"run-{n}/run.json").read_text())["processes"] for n in (1, 2)] == [1, 2]
    assert len(one) == len(two) == 3
    for mine, theirs in zip(one, two, strict=True):
        assert mine.keys() == theirs.keys()
        for name in mine.keys() - {"phase", "epoch", "validation"}:
            assert theirs[name] == pytest.approx(mine[name], rel=2e-3, abs=1e-4), name
    weights, shared = (load_file(tmp_path / f"run-{n}/checkpoint.safetensors") for n in (1, 2))
    assert weights.keys() == shared.keys()
