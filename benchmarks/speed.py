"""How fast are DUET's steps, beside the straightforward loop that computes the same?

Both roads have the same weights, draws and images, and compute what the published code computes (two softmaxes, padding
that is read, every word reconstructed), without dropout. First they are compared in double precision: draws, losses and
all gradients of both kinds of steps, and the predicted attributes of evaluation. Then they are timed in single
precision: CPU seconds on one thread, so that what else the machine does counts little; after a warm-up the two take
turns, and the medians are printed with their ratio.

- CSG, a grounding step: draws, tokens, forward and backward; CLS, a step of contrast between images: the same;
- Adam: the optimizer's step after them, the same for both;
- evaluation: predicted attributes of images.

The loop tokenizes with the ``tokenizers`` library; the published code does so in Python, and with ``--python-tokens``
so does the loop. Results are kept in ``benchmarks/results/speed.csv``.

Classes, prompts and images are made up in the sizes of two data sets: CUB (312 attributes in 28 groups, 150 seen
classes, about 160 tokens a prompt) and AwA2 (85 in 12, 40, about 70). Networks are BERT and DeiT with random weights,
tiny (width 32, two layers, images of 32 pixels) or base (BERT-base and DeiT-B/16, images of 224; 10 GiB of memory).

Usage::

    python benchmarks/speed.py --size tiny
    python benchmarks/speed.py --size tiny --python-tokens
    python benchmarks/speed.py --size base                  # a quarter of an hour
    python benchmarks/speed.py --size tiny --quick          # the comparison, and one round of times
"""

from __future__ import annotations

import argparse
import csv
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import straightforward
import torch
from straightforward import World
from torch import Tensor

from kgzsl.api.scoring import evidence_of
from kgzsl.cli.console import print_table
from kgzsl.model.compat_classifier import CompatClassifier
from kgzsl.model.departures import Departures
from kgzsl.model.duet_compat import CompatShape
from kgzsl.model.text_encoder import build_tokenizer, tokenize
from kgzsl.train.compat_drawing import StepDrawer
from kgzsl.train.compat_objectives import ClassTables, CompatWeights, contrast_losses, grounding_losses
from kgzsl.train.compat_sampling import attribute_frequency, class_distances, sampling_tables
from kgzsl.train.compat_texts import text_pieces

RESULTS = Path(__file__).parent / "results" / "speed.csv"
TOLERANCE = 1e-10
"""Both compute the same sums in another order."""
SEED = 7
EVALUATED_TOGETHER = 128
HEADER = ("size", "data", "what", "tokens", "images", "loop_seconds", "package_seconds", "ratio", "target")
KEYS = 4
"""The first columns name a result."""
WORDS = tuple(f"word{number}" for number in range(16))
Step = Callable[[np.ndarray, np.random.Generator], Mapping[str, Tensor]]


@dataclass(frozen=True)
class Size:
    """Of the networks, and of what is timed.

    Args:
        text: what BERT's configuration changes of BERT-base.
        image: what DeiT's changes of DeiT-B/16.
        side: of images, in pixels.
        batch: images to a step, for each data set.
        checked: images to a step where both roads are compared.
        evaluated: images to classify.
        repeats: rounds that the medians are of.
    """

    text: Mapping[str, int]
    image: Mapping[str, int]
    side: int
    batch: Mapping[str, int]
    checked: int
    evaluated: int
    repeats: int


NARROW = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
SIZES = {
    "tiny": Size(NARROW, {**NARROW, "image_size": 32, "patch_size": 8}, 32, {"CUB": 7, "AwA2": 10}, 4, 256, 7),
    "base": Size({}, {}, 224, {"CUB": 2, "AwA2": 2}, 1, 16, 3),
}
TARGETS = {
    ("tiny", "CSG"): 4.5,
    ("tiny", "CLS"): 4.5,
    ("base", "CSG"): 1.2,
    ("base", "CLS"): 2.0,
    ("base", "evaluation"): 1.6,
}


def cub(side: int) -> World:
    """As large as CUB: 28 groups with names of two words; texts say half of about 50 attributes."""
    groups = [f"part{number} aspect" for number in range(28)]
    return made_up(groups, attributes=312, classes=(200, 150), having=0.15, numbered=True, side=side)


def awa2(side: int) -> World:
    """As large as AwA2: 12 groups with names of one word; texts say half of about 31 attributes."""
    return made_up(
        [f"group{number}" for number in range(12)],
        attributes=85,
        classes=(50, 40),
        having=0.42,
        numbered=False,
        side=side,
    )


WORLDS = {"CUB": cub, "AwA2": awa2}


def made_up(
    groups: list[str], *, attributes: int, classes: tuple[int, int], having: float, numbered: bool, side: int
) -> World:
    """A data set of (all, seen) classes that have a share of the attributes."""
    random = np.random.default_rng(SEED)
    count, seen = classes
    parts = np.array_split(np.arange(attributes), len(groups))
    members = {group: part.tolist() for group, part in zip(groups, parts, strict=True)}
    names = [WORDS[(place + shift) % len(WORDS)] for shift, part in enumerate(parts) for place in range(len(part))]
    present = random.random((count, attributes)) < having
    vectors = present * random.uniform(0.3, 1.0, present.shape) + 1e-3
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    strength = (vectors - vectors.min()) / np.ptp(vectors)
    template = " | ".join(f"{group} : " for group in groups) + "."
    labels = np.repeat(np.arange(seen), 2)
    return World(
        groups=members,
        names=names,
        present=present[:seen],
        strength=strength[:seen],
        distances=class_distances(strength[:seen], departures=Departures()),
        frequency=attribute_frequency(present[:seen]),
        classes=ClassTables(torch.from_numpy(vectors), torch.arange(seen)),
        images=torch.randn(len(labels), 3, side, side, generator=torch.Generator().manual_seed(SEED)).double(),
        labels=labels,
        template=template,
        tokenizer=build_tokenizer([template, *names]),
        numbered=numbered,
        weights=CompatWeights(),
    )


def cast(world: World, dtype: torch.dtype) -> World:
    """The same in another precision."""
    classes = replace(world.classes, attributes=world.classes.attributes.to(dtype))
    return replace(world, classes=classes, images=world.images.to(dtype))


def tokens_in_python(world: World) -> World:
    """The same with a tokenizer that is written in Python, as that of the published code is."""
    from transformers.models.bert.tokenization_bert_legacy import BertTokenizerLegacy

    vocabulary = world.tokenizer.get_vocab()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vocab.txt"
        path.write_text("\n".join(sorted(vocabulary, key=vocabulary.__getitem__)), encoding="utf-8")
        return replace(world, tokenizer=BertTokenizerLegacy(path))


def network(world: World, size: Size) -> CompatClassifier:
    """The published network with random weights, dropout off."""
    torch.manual_seed(SEED)
    heads = {"heads": 4, "feed": 64} if size.text else {}
    text = {"vocab_size": len(world.tokenizer) if size.text else 30522, **size.text}
    image = {"model_type": "deit", "num_labels": 1000, **size.image}
    shape = CompatShape(text, image, attributes=len(world.names), **heads)
    departures = Departures(index_in_word=world.numbered)
    return CompatClassifier(shape, tokenize(world.tokenizer, [world.template]), departures).eval()


def roads(world: World, model: CompatClassifier) -> dict[str, tuple[Step, Step]]:
    """Both kinds of steps: the straightforward loop's and the package's, from rows to weighted terms."""
    net, members = model.network, world.groups.values()
    numbers = np.repeat(np.arange(len(members)), [len(part) for part in members])
    drawer = StepDrawer(
        tables=sampling_tables(world.present, world.distances, groups=numbers, frequency=world.frequency),
        pieces=text_pieces(world.tokenizer, world.groups, names=world.names, limit=250),
        present=world.present,
        strength=world.strength,
        groups=numbers,
        labels=world.labels,
        load=lambda rows: world.images[rows],
        departures=net.departures,
    )

    def grounding(rows: np.ndarray, random: np.random.Generator) -> Mapping[str, Tensor]:
        return grounding_losses(net, drawer.grounding(rows, random), world.classes, weights=world.weights)

    def contrast(rows: np.ndarray, random: np.random.Generator) -> Mapping[str, Tensor]:
        drawn = drawer.contrast(rows, random, template=(model.template, model.template_mask))
        return contrast_losses(net, drawn, world.classes, weights=world.weights)

    return {
        "CSG": (partial(straightforward.grounding_step, world, net), grounding),
        "CLS": (partial(straightforward.contrast_step, world, net), contrast),
    }


def total(losses: Mapping[str, Tensor]) -> Tensor:
    """The loss of a step."""
    return torch.stack(list(losses.values())).sum()


def deviations(world: World, model: CompatClassifier, images: int) -> Iterator[tuple[str, str, float]]:
    """How far the roads are apart in double precision: step, kind and largest deviation by the largest entry."""
    world, model = cast(world, torch.float64), model.double()
    rows = np.random.default_rng(SEED).permutation(len(world.labels))[:images]
    for step, both in roads(world, model).items():
        terms: list[Mapping[str, Tensor]] = []
        gradients: list[dict[str, Tensor]] = []
        for road in both:
            model.zero_grad(set_to_none=True)
            terms.append(road(rows, np.random.default_rng(SEED)))
            total(terms[-1]).backward()
            gradients.append({name: p.grad for name, p in model.named_parameters() if p.grad is not None})
        yield step, "loss terms", apart(*terms)
        yield step, "gradients", apart(*gradients)
    model.zero_grad(set_to_none=True)
    pixels = torch.randint(0, 256, (images, *world.images.shape[2:], 3), dtype=torch.uint8)
    mine = {"attributes": torch.from_numpy(evidence_of(model, pixels.numpy()))}
    theirs = {"attributes": straightforward.evidence(world, model.network, model.pixels(pixels).double())}
    yield "evaluation", "attributes", apart(theirs, mine)


def apart(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> float:
    """Largest deviation of two sets of tensors, by the largest entry of the first; infinite if they do not match."""
    if one.keys() != other.keys():
        return float("inf")
    largest = max(value.abs().max().item() for value in one.values())
    return max((one[name] - other[name]).abs().max().item() for name in one) / largest


def cpu_seconds(tasks: Sequence[Callable[[], Any]], repeats: int) -> list[float]:
    """Median CPU seconds of each, taking turns after a warm-up."""
    found: list[list[float]] = [[] for _ in tasks]
    for _ in range(repeats + 1):
        for task, times in zip(tasks, found, strict=True):
            started = time.process_time()
            task()
            times.append(time.process_time() - started)
    return [statistics.median(times[1:]) for times in found]


def timed(world: World, model: CompatClassifier, size: Size, *, batch: int) -> Iterator[tuple[str, list[float]]]:
    """CPU seconds in single precision: of what, by the straightforward loop and by the package."""
    world, model = cast(world, torch.float32), model.float()
    rows = np.random.default_rng(SEED).permutation(len(world.labels))[:batch]

    def once(road: Step, random: np.random.Generator) -> None:
        model.zero_grad(set_to_none=True)
        total(road(rows, random)).backward()

    for step, both in roads(world, model).items():
        yield step, cpu_seconds([partial(once, road, np.random.default_rng(SEED)) for road in both], size.repeats)
        if step == "CSG":  # after which every parameter has a gradient
            yield "Adam", cpu_seconds([torch.optim.Adam(model.parameters(), lr=0.0).step], size.repeats) * 2
    model.zero_grad(set_to_none=True)
    pixels = np.random.default_rng(SEED).integers(0, 256, (size.evaluated, size.side, size.side, 3), dtype=np.uint8)

    def loop() -> None:
        for start in range(0, len(pixels), EVALUATED_TOGETHER):
            some = torch.from_numpy(pixels[start : start + EVALUATED_TOGETHER])
            straightforward.evidence(world, model.network, model.pixels(some))

    yield (
        "evaluation",
        cpu_seconds([loop, partial(evidence_of, model, pixels)], size.repeats),
    )


def keep(rows: list[tuple[str, ...]]) -> None:
    """Write the results, in the place of earlier ones of the same name."""
    kept = {}
    if RESULTS.is_file():
        with RESULTS.open(encoding="utf-8", newline="") as file:
            kept = {tuple(row[:KEYS]): tuple(row) for row in list(csv.reader(file))[1:]}
    kept |= {row[:KEYS]: row for row in rows}
    with RESULTS.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([HEADER, *(kept[key] for key in sorted(kept))])


def main() -> None:
    """Compare, time, print, and keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="tiny")
    parser.add_argument("--worlds", nargs="+", choices=WORLDS, default=list(WORLDS))
    parser.add_argument("--python-tokens", action="store_true", help="the loop tokenizes in Python")
    parser.add_argument("--quick", action="store_true", help="one round after the warm-up; nothing is kept")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    size = SIZES[arguments.size]
    if arguments.quick:
        size = replace(size, repeats=1)
    rows: list[tuple[str, ...]] = []
    for name in arguments.worlds:
        world = WORLDS[name](size.side)
        model = network(world, size)
        if arguments.python_tokens:
            world = tokens_in_python(world)
        for step, kind, deviation in deviations(world, model, size.checked):
            print(f"{name}, {step}: {kind} of both roads are {deviation:.1e} apart", flush=True)
            if not deviation <= TOLERANCE:
                raise SystemExit(f"{name}, {step}: {kind} differ; times would not be of the same mathematics")
        for what, (loop, package) in timed(world, model, size, batch=size.batch[name]):
            target = TARGETS.get((arguments.size, what), "-")
            images = size.evaluated if what == "evaluation" else size.batch[name]
            tokens = "Python" if arguments.python_tokens else "tokenizers"
            measured = f"{loop:.4g}", f"{package:.4g}", f"{loop / package:.2f}", str(target)
            rows.append((arguments.size, name, what, tokens, str(images), *measured))
        if not arguments.quick:
            keep(rows)
    right = ("", "", "", "", *">" * (len(HEADER) - KEYS))
    print_table(tuple(f"{side}{title.replace('_', ' ')}" for side, title in zip(right, HEADER, strict=True)), rows)


if __name__ == "__main__":
    main()
