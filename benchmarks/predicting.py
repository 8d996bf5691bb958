"""What prediction costs beyond its image encoder.

Images of random pixels go through the bare network, and through the whole of prediction: the same network, cross-modal
layers, evidence of every attribute, scores of every class. The two take turns; texts and classes are encoded once for
all batches of a turn. Printed are medians over the turns, by the wall clock and by the processor's time (which other
work on the machine does not stretch as much), and the ratio of the speeds.

Usage::

    python benchmarks/predicting.py --encoder ../shared/data/backbones/mobilenet_v2_imagenet
    python benchmarks/predicting.py --encoder deit-s
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch

from kgzsl import api
from kgzsl.api.building import build_model
from kgzsl.api.scoring import scores_in_turn
from kgzsl.cli.console import print_table
from kgzsl.data.preprocessing import Preprocessing
from kgzsl.data.split import ZeroShotSplit
from kgzsl.semantics import class_attributes
from kgzsl.train.run import parse_config


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", default="deit-s", help="folder or hub id; deit-s: a random DeiT-S")
    parser.add_argument("--images", type=int, default=128)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--turns", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        encoder = random_deit(Path(folder)) if arguments.encoder == "deit-s" else arguments.encoder
        seconds = measure(encoder, arguments.images, batch=arguments.batch, turns=arguments.turns)
    speeds = {name: arguments.images / np.median(taken, axis=0) for name, taken in seconds.items()}
    speeds["ratio"] = speeds["prediction"] / speeds["bare network"]
    rows = [(name, *(f"{speed:.3g}" for speed in pair)) for name, pair in speeds.items()]
    print_table(("images a second", ">wall clock", ">processor"), rows)


def random_deit(folder: Path) -> Path:
    """A DeiT-S with random weights."""
    from transformers import DeiTConfig, DeiTModel

    shape = {"hidden_size": 384, "num_hidden_layers": 12, "num_attention_heads": 6, "intermediate_size": 1536}
    DeiTModel(DeiTConfig(**shape), add_pooling_layer=False).save_pretrained(folder)
    preprocessing = Preprocessing(224, 256, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    (folder / "preprocessor_config.json").write_text(preprocessing.to_json())
    return folder


def measure(encoder: str | Path, count: int, *, batch: int, turns: int) -> dict[str, list[tuple[float, float]]]:
    """Wall and processor seconds of every turn, for the bare network and for prediction over all creatures."""
    ontology = api.load_ontology(api.creatures_ontology())
    leaves = sorted(ontology.leaves)
    table = class_attributes(ontology, leaves)
    split = ZeroShotSplit(seen=tuple(leaves[:80]), unseen=tuple(leaves[80:]), validation=tuple(leaves[:16]))
    config = parse_config({"model": {"image_encoder": str(encoder), "tuned_blocks": 0}})
    model, _ = build_model(config, table, ontology, split=split)
    size = model.image_encoder.preprocessing.size
    pixels = np.random.default_rng(0).integers(0, 256, (count, size, size, 3), dtype=np.uint8)
    batches = [pixels[start : start + batch] for start in range(0, count, batch)]
    network, normalize = model.image_encoder.backbone.eval(), model.image_encoder.preprocessing.normalize

    def bare() -> None:
        with torch.inference_mode():
            for images in batches:
                network(pixel_values=normalize(torch.from_numpy(images)))

    def prediction() -> None:
        for scores in scores_in_turn(model, batches, table):
            scores.argmax(1)

    return in_turn({"bare network": bare, "prediction": prediction}, turns)


def in_turn(ways: Mapping[str, Callable[[], object]], turns: int) -> dict[str, list[tuple[float, float]]]:
    """Wall and processor seconds of every turn of some ways to do a thing, one way after the other."""
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for turn in range(turns + 1):
        for name, way in ways.items():
            wall, processor = time.perf_counter(), time.process_time()
            way()
            if turn:  # the first turn warms up
                seconds[name].append((time.perf_counter() - wall, time.process_time() - processor))
    return seconds


if __name__ == "__main__":
    main()
