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

from kgzsl import api
from kgzsl.errors import ConfigError
from kgzsl.train.processes import Processes
from kgzsl.train.run import parse_config

ROOT = Path(__file__).resolve().parents[2]
WORKER = """
import sys
import torch
from torch import nn
from kgzsl.train.processes import Processes
from kgzsl.train.sharding import in_pieces, whole_tensor

torch.set_num_threads(1)
sharded = len(sys.argv) > 2
processes = Processes.joined(sharded=sharded)
torch.manual_seed(0)
encoder = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
images = torch.randn(7, 3, 6, 6)  # not the same share for each
head = nn.Linear(4, 1)
processes.prepare(encoder)
optimizer = torch.optim.SGD([*encoder.parameters(), *head.parameters()], lr=0.1)
for _ in range(3):
    tokens = processes.encode(encoder, images)
    assert tokens.shape == (7, 4, 4, 4), tokens.shape
    loss = head(tokens.mean((2, 3))).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
processes.check(nn.ModuleList([encoder, head]))
said = processes.agree({"rank": processes.rank, "count": processes.count})
state = {name: whole_tensor(value) for name, value in encoder.state_dict().items()}
held = sum(p.to_local().numel() if in_pieces(p) else p.numel() for p in encoder.parameters())
torch.save({"loss": loss.detach(), "said": said, "mine": processes.rank, "held": held, **state},
           f"{sys.argv[1]}-{processes.rank}.pt")
if processes.rank == 1:
    head.bias.data += 1
try:
    processes.check(head)
except Exception as error:
    open(f"{sys.argv[1]}-{processes.rank}.txt", "w").write(str(error))
"""


def torchrun(count: int, *command: object, cwd: Path, fails: bool = False) -> subprocess.CompletedProcess:
    """Run a script in several processes on this machine."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [*launcher, *map(str, command)], cwd=cwd, env=environment, capture_output=True, text=True, timeout=300
    )
    assert bool(done.returncode) == fails, done.stderr[-3000:]
    return done


@pytest.mark.parametrize("sharded", [False, True])
def test_two_processes_share_an_encoder(tmp_path: Path, sharded: bool) -> None:
    script = tmp_path / "worker.py"
    script.write_text(WORKER)
    for name, count in (("one", 1), ("two", 2)):
        torchrun(count, script, tmp_path / name, *(["sharded"] if sharded else []), cwd=tmp_path)
    one = torch.load(tmp_path / "one-0.pt", weights_only=True)
    both = [torch.load(tmp_path / f"two-{rank}.pt", weights_only=True) for rank in (0, 1)]
    assert one.pop("said") == {"rank": 0, "count": 1}
    weights = one.pop("held")
    held = [two.pop("held") for two in both]
    # What is in pieces is in one process or the other, and in one process nothing is.
    assert sum(held) == weights if sharded else held == [weights, weights]
    assert max(held) < weights or not sharded
    for rank, two in enumerate(both):
        assert two.pop("mine") == rank
        assert two.pop("said") == {"rank": 0, "count": 2}
        for name, value in two.items():
            torch.testing.assert_close(value, one[name], rtol=1e-4, atol=1e-6)
    # Weights that come apart are found, by all.
    for rank in (0, 1):
        assert "differ from the first's" in (tmp_path / f"two-{rank}.txt").read_text()
    assert not (tmp_path / "one-0.txt").exists()


def assert_same_run(one: Path, two: Path) -> None:
    """Of one process and of two: losses but for rounding, the files, and the names and shapes of the weights."""
    assert [json.loads((run / "run.json").read_text())["processes"] for run in (one, two)] == [1, 2]
    mine, theirs = ([json.loads(line) for line in (run / "metrics.jsonl").open()] for run in (one, two))
    assert len(mine) == len(theirs) == 3
    for ours, other in zip(mine, theirs, strict=True):
        assert ours.keys() == other.keys()
        for name in ours.keys() - {"phase", "epoch", "validation"}:
            assert other[name] == pytest.approx(ours[name], rel=2e-3, abs=1e-4), name
    weights, shared = (load_file(run / "checkpoint.safetensors") for run in (one, two))
    assert {name: value.shape for name, value in weights.items()} == {k: v.shape for k, v in shared.items()}


def test_a_run_in_two_processes_is_a_run_in_one(toys: Any, tmp_path: Path) -> None:
    for count in (1, 2):
        command = toys.arguments(tmp_path / f"run-{count}")
        done = torchrun(count, ROOT / "cli.py", *command, "--json", cwd=tmp_path)
        assert json.loads(done.stdout)["run"] == str(tmp_path / f"run-{count}")  # one of them talks
    assert_same_run(tmp_path / "run-1", tmp_path / "run-2")


def test_a_baseline_is_of_one_process(toys: Any, tmp_path: Path) -> None:
    command = [*toys.arguments(tmp_path / "run"), "--set", "model.kind='eszsl'"]
    done = torchrun(2, ROOT / "cli.py", *command, cwd=tmp_path, fails=True)
    said = " ".join(done.stderr.replace("\u2502", " ").split())
    assert "model.kind = 'eszsl', a baseline, in 2 processes; expected one process; start it without torchrun" in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("device", "gpus", "backend"), [("cpu", 2, "gloo"), ("", 2, "nccl"), ("cuda", 2, "nccl"), ("", 0, "gloo")]
)
def test_processes_talk_as_where_they_train_asks(
    monkeypatch: pytest.MonkeyPatch, device: str, gpus: int, backend: str
) -> None:
    taken: list[Any] = []
    for name, value in (("WORLD_SIZE", "2"), ("LOCAL_WORLD_SIZE", "2"), ("LOCAL_RANK", "1"), ("RANK", "1")):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setattr(torch.cuda, "set_device", taken.append)
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: False)
    monkeypatch.setattr(torch.distributed, "init_process_group", taken.append)
    monkeypatch.setattr(torch.distributed, "get_rank", lambda: 1)
    assert Processes.joined(device).count == 2
    assert taken == ([torch.device("cuda", 1), "nccl"] if backend == "nccl" else ["gloo"])


def test_more_processes_than_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    said = (
        "2 processes on a machine with GPUs: 1; expected a GPU for each process; start 1 with --nproc-per-node, or set"
    )
    with pytest.raises(ConfigError, match=said):
        Processes.joined()


@pytest.fixture(scope="module")
def vision(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny DeiT of 24 pixels."""
    from transformers import DeiTConfig, DeiTModel

    from kgzsl.data.preprocessing import Preprocessing

    folder = tmp_path_factory.mktemp("models") / "tiny-deit"
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 18}
    DeiTModel(DeiTConfig(**shape, image_size=24, patch_size=8), add_pooling_layer=False).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(Preprocessing(24, 24, (0.4,) * 3, (0.2,) * 3).to_json())
    return folder


KILLED = """
import sys
import torch
from kgzsl import api
from kgzsl.train.run import read_config

torch.set_num_threads(1)
config = read_config(sys.argv[1])
def kill(record):
    if (record.phase, record.epoch) in killed:
        raise KeyboardInterrupt
for killed in ([("select", 1)], [("refit", 1)], []):
    try:
        api.fit(config, sys.argv[2], listener=api.Listener(epoch=kill))
    except KeyboardInterrupt:
        assert killed
"""


@pytest.mark.parametrize("encoder", ["tuned", pytest.param("from nothing", marks=pytest.mark.slow)])
def test_a_run_with_weights_in_pieces(toys: Any, vision: Path, tmp_path: Path, encoder: str) -> None:
    model = {"image_encoder": str(vision), "tuned_blocks": 2} if encoder == "tuned" else {}
    train = {"sharded": True, "clip": 0.1, "keep_epochs": True}  # short enough to clip every step
    config = toys.config(model=model, train=train)
    (tmp_path / "run.toml").write_text(config.to_toml())
    one, two = tmp_path / "one", tmp_path / "two"
    api.fit(config, one)
    torchrun(2, ROOT / "cli.py", "train", tmp_path / "run.toml", "--out", two, cwd=tmp_path)
    assert_same_run(one, two)
    weights, shared = (load_file(run / "checkpoint.safetensors") for run in (one, two))
    for name, value in weights.items():
        torch.testing.assert_close(shared[name], value, rtol=0.02, atol=2e-3, msg=lambda text, n=name: f"{n}: {text}")
    assert [file.name for file in (two / "epochs").iterdir()] == [file.name for file in (one / "epochs").iterdir()]
    # Killed twice, it goes on with the same bits.
    (tmp_path / "killed.py").write_text(KILLED)
    torchrun(2, tmp_path / "killed.py", tmp_path / "run.toml", tmp_path / "killed", cwd=tmp_path)
    again = load_file(tmp_path / "killed" / "checkpoint.safetensors")
    assert [name for name, value in shared.items() if not torch.equal(again[name], value)] == []
    assert (tmp_path / "killed" / "metrics.jsonl").read_text() == (two / "metrics.jsonl").read_text()


@pytest.mark.parametrize(
    ("sections", "unfit"),
    [
        ({"model": {"image_encoder": "a/b", "tuned_blocks": 0}}, "model.tuned_blocks = 0"),
        ({"data": {"backbone": "a/b"}}, "data.backbone"),
        ({"model": {"kind": "eszsl"}}, "model.kind = 'eszsl'"),
    ],
)
def test_nothing_to_shard(sections: Any, unfit: str) -> None:
    with pytest.raises(ConfigError, match=f"train.sharded with {unfit}; expected an image encoder that learns"):
        parse_config({**sections, "train": {"sharded": True}})
    parse_config(sections)


def test_weights_in_pieces_are_not_compiled() -> None:
    with pytest.raises(ConfigError, match=r"train\.sharded with train\.compile; expected one of them"):
        parse_config({"train": {"sharded": True, "compile": True}})
