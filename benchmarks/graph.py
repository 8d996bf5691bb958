"""What does a training step on sampled blocks cost, and does it grow with the graph?

Random graphs with 10 facts of 20 relations a node (so 20 edges, reverses included), node features and states of width
64, two layers: 512 seeds, up to 15 edges into each and 10 into each of their neighbors; forward, backward, and a step
of Adam. Steps on the sizes take turns, so that what else the machine does slows all of them; times are medians. In a
small graph the neighbors of 512 seeds overlap, so that its blocks hold fewer nodes: their size stands beside the times.

Each kind of network is measured in a process of its own, whose peak memory (with all sizes at once) is told.

Usage::

    python benchmarks/graph.py
    python benchmarks/graph.py --nodes 10000,100000,1000000 --json
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from statistics import median

import numpy as np
import torch
import torch.nn.functional as F

from kgzsl.cli.console import print_table
from kgzsl.data.neighbors import FANOUT, Block, sampler
from kgzsl.model.graph_encoder import KINDS, GraphConfig, GraphEncoder
from kgzsl.train.footprint import footprint

FACTS, RELATIONS, WIDTH, SEEDS = 10, 20, 64, 512
WARM_UP = 3


def main() -> None:
    """Measure every kind, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", default="10000,100000", help="of the graphs; ratios are to the first")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--kind", choices=KINDS, help="this one alone, in this process")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.kind:
        rows = measure(arguments.kind, [int(n) for n in arguments.nodes.split(",")], arguments.steps)
    else:
        rows = [row for kind in KINDS for row in elsewhere(kind, arguments.nodes, arguments.steps)]
    if arguments.json:
        print(json.dumps(rows, indent=1))
        return
    table = [
        (
            row["kind"],
            *(f"{row[name]:,.0f}" for name in ("nodes", "block_nodes", "block_edges", "sample_ms", "step_ms")),
            f"{row['ratio']:.2f}",
            f"{row['peak_gib']:.2f}",
        )
        for row in rows
    ]
    print_table(("kind", ">nodes", ">in block", ">edges", ">sample ms", ">step ms", ">ratio", ">peak GiB"), table)


def elsewhere(kind: str, nodes: str, steps: int) -> list[dict]:
    """The figures of a kind, from a fresh process."""
    command = [sys.executable, __file__, "--kind", kind, "--nodes", nodes, "--steps", str(steps), "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@dataclass(frozen=True)
class Step:
    """What one step took.

    Args:
        sample: seconds that the block took.
        all: seconds in all.
        block_nodes: nodes of the block.
        block_edges: its edges.
    """

    sample: float
    all: float
    block_nodes: int
    block_edges: int


def measure(kind: str, sizes: list[int], steps: int) -> list[dict]:
    """Median step on a graph of each size."""
    trainings = [Training(kind, nodes) for nodes in sizes]
    taken: list[list[Step]] = [[] for _ in sizes]
    for number in range(WARM_UP + steps):
        for training, found in zip(trainings, taken, strict=True):
            step = training.step(number)
            if number >= WARM_UP:
                found.append(step)
    middle = [{name: median(asdict(step)[name] for step in found) for name in asdict(found[0])} for found in taken]
    peak = footprint(trainings[0].encoder).peak_memory
    return [
        {
            "kind": kind,
            "nodes": nodes,
            "facts": nodes * FACTS,
            "block_nodes": row["block_nodes"],
            "block_edges": row["block_edges"],
            "sample_ms": 1000 * row["sample"],
            "step_ms": 1000 * row["all"],
            "ratio": row["all"] / middle[0]["all"],
            "peak_gib": peak,
        }
        for nodes, row in zip(sizes, middle, strict=True)
    ]


class Training:
    """A graph, and a network that learns to tell an arbitrary class of each node."""

    def __init__(self, kind: str, nodes: int) -> None:
        random = np.random.default_rng(0)
        start, end = random.integers(0, nodes, (2, nodes * FACTS))
        relation = random.integers(0, RELATIONS, nodes * FACTS)
        edges = np.stack([np.concatenate([start, end]), np.concatenate([end, start])])
        self.nodes = nodes
        self.sampler = sampler(edges, np.concatenate([relation, relation + RELATIONS]), nodes)
        torch.manual_seed(0)
        self.features = torch.randn(nodes, WIDTH)
        self.labels = torch.randint(RELATIONS, (nodes,))
        self.encoder = GraphEncoder(GraphConfig(kind=kind, dim=WIDTH), width=WIDTH, relations=2 * RELATIONS)
        self.head = torch.nn.Linear(WIDTH, RELATIONS)
        self.optimizer = torch.optim.Adam([*self.encoder.parameters(), *self.head.parameters()])

    def step(self, number: int) -> Step:
        """One step of training."""
        seeds = np.random.default_rng(number).choice(self.nodes, SEEDS, replace=False)
        began = time.perf_counter()
        block = self.sampler.block(seeds, FANOUT, seed=number)
        sampled = time.perf_counter()
        self.learn(block)
        return Step(sampled - began, time.perf_counter() - began, len(block.nodes), len(block.edge_type))

    def learn(self, block: Block) -> None:
        """Forward, backward, update."""
        nodes = torch.from_numpy(block.nodes)
        edges = torch.from_numpy(block.edge_index), torch.from_numpy(block.edge_type)
        states = self.encoder(self.features[nodes], *edges, within=block.within)
        seeds = torch.from_numpy(block.seeds)
        loss = F.cross_entropy(self.head(states[seeds]), self.labels[nodes[seeds]])
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()


if __name__ == "__main__":
    main()
