"""A run: its file, its folder, and what both promise."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import time
import tomllib
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from kgzsl.data.catalog import LAYOUTS, catalog
from kgzsl.errors import ConfigError, MismatchError, Problem, RunError, nearest
from kgzsl.model.config import KINDS, ModelConfig
from kgzsl.model.departures import Departures
from kgzsl.semantics.groups import DEFAULT, GROUPS, PRESETS
from kgzsl.train.baselines.config import BaselineConfig
from kgzsl.train.checkpoint import write_json, write_text
from kgzsl.train.config import TrainConfig

__all__ = ["DataConfig", "OntologyConfig", "RunConfig", "RunFolder", "SemanticsConfig", "parse_config", "read_config"]


@dataclass(frozen=True)
class OntologyConfig:
    """Which ontology, ``[ontology]``.

    Args:
        files: paths, read as one ontology.
        profile: ``owl``, ``kzsl``, ``skos``, a profile in a ``.toml`` file, or empty to detect it.
        entail: ``el``, ``rdfs`` or ``none``.
    """

    files: tuple[str, ...] = ()
    profile: str = ""
    entail: Literal["el", "rdfs", "none"] = "el"


@dataclass(frozen=True)
class DataConfig:
    """Which images, ``[data]``.

    Args:
        benchmark: ``creatures``, or empty for images of one's own.
        dataset: a data set of the catalog (``AWA2``, ``CUB``, ...) or a layout (``xlsa17``, ``kzsl``, ``folder``,
            ``hf``); empty: ``images`` and ``split`` say all.
        root: folder of the data set; what follows may be below it.
        images: folder with one folder of images for each class.
        split: split file, or ``FILE:NAME`` where it holds several; a data set has its own.
        features: file of features (``res101.mat``) to read in the place of images.
        classes: file from the data set's names of classes to IRIs.
        skip_bad: go on without images that are missing or unreadable and features that are no numbers.
        size: side of the images in pixels, where the model reads pixels; ``model.image_encoder`` brings its own.
        backbone: a frozen transformers backbone (folder or hub id); empty: the model reads pixels.
        overlap: which unseen classes the backbone was pretrained on, for tables that compare runs: ``none``, ``all``,
            names, or a training set of the catalog (``imagenet-1k``), whose entry is then taken.
        train_per_class: images of each seen class to train on (creatures).
        test_per_class: test images of each class (creatures).
        decoys: how many facts that no picture shows to add to the ontology, in multiples of those that it states about
            classes' properties; 0 adds none (creatures; see :mod:`kgzsl.data.creatures.decoys`).
    """

    benchmark: str = ""
    dataset: str = ""
    root: str = ""
    images: str = ""
    split: str = ""
    features: str = ""
    classes: str = ""
    skip_bad: bool = False
    size: int = 64
    backbone: str = ""
    overlap: str = ""
    train_per_class: int = 50
    test_per_class: int = 20
    decoys: float = 0.0


SOURCES = ("attributes", "prompt", "kge", "gnn")
"""How facts reach a model."""


@dataclass(frozen=True)
class SemanticsConfig:
    """How facts become class vectors, ``[semantics]``.

    Args:
        facts: groups of facts that describe classes, or presets of several (see :mod:`kgzsl.semantics.groups`):
            ``properties``, what properties say, ``hierarchy``, superclasses, ``att``, ``basic``, ``logics``,
            ``texts``, ``conceptnet``, the settings of K-ZSL.
        source: how facts reach the model: ``attributes``, as a matrix; ``prompt``, in words for a language model;
            ``kge``, as embeddings of the graph; ``gnn``, by a graph network; or ``fused``, by all of these.
        language_model: a transformers text model (folder or hub id) that reads prompts and names of nodes; ``minilm``,
            the one of the extra ``text``; ``words``: none, a text counts as the words in it.
        prompt_hops: how far from a class a prompt goes.
        vectors: file of class vectors for ``kge`` (.safetensors, .npy, .mat); empty: they are trained on the facts.
        embedding: what trains them.
        hops: of the group ``external``: how far from the ontology's own terms to go.
        predicates: of the group ``external``: names of the predicates to keep; none: all.
        world: what an unstated fact means: ``open`` unknown, ``pca`` absent where the class states
            another value of the property, ``closed`` absent.
        shuffle: give every class the attributes of another one: the control experiment.
        numbers: whether numbers (12 cm) are graded attributes.
        strengths: how much of an attribute a class has, beside the facts: a CSV file (see
            :func:`~kgzsl.semantics.strengths.read_strengths`), ``published``, those of the data set, or ``none``.
            Empty: the published ones where the ontology is made of the data set's attributes, else none.
        token_budget: longest prompt in tokens, special ones included, and never more than the text encoder takes;
            of longer ones attributes are left out, the frequent ones sooner.
    """

    facts: tuple[str, ...] = DEFAULT
    source: tuple[str, ...] = ("attributes",)
    language_model: str = "minilm"
    prompt_hops: int = 1
    vectors: str = ""
    embedding: Literal["transe", "distmult", "complex", "rotate"] = "transe"
    hops: int = 1
    predicates: tuple[str, ...] = ()
    world: Literal["pca", "open", "closed"] = "pca"
    shuffle: bool = False
    numbers: bool = False
    strengths: str = ""
    token_budget: int = 256

    @property
    def sources(self) -> tuple[str, ...]:
        """How facts reach the model, each way once, the matrix first.

        Example:
            >>> SemanticsConfig(source=("prompt", "attributes")).sources
            ('attributes', 'prompt')
            >>> SemanticsConfig(source=("fused",)).sources
            ('attributes', 'prompt', 'kge', 'gnn')
        """
        return tuple(source for source in SOURCES if {source, "fused"}.intersection(self.source))


@dataclass(frozen=True)
class RunConfig:
    """All that makes a run, in the sections of a run file."""

    ontology: OntologyConfig = field(default_factory=OntologyConfig)
    data: DataConfig = field(default_factory=DataConfig)
    semantics: SemanticsConfig = field(default_factory=SemanticsConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    baseline: BaselineConfig = field(default_factory=BaselineConfig)

    def to_toml(self) -> str:
        """As a run file that :func:`read_config` reads back."""
        lines = []
        for section, content in dataclasses.asdict(self).items():
            # JSON's strings, numbers, booleans and lists are TOML's.
            lines += [f"[{section}]", *(f"{k} = {json.dumps(v, ensure_ascii=False)}" for k, v in content.items()), ""]
        return "\n".join(lines)

    @property
    def setting(self) -> str:
        """sha256 over all but the seed, the ontology's place and what only says more: such runs differ by chance alone.

        Example:
            >>> one, other, longer = (parse_config({"train": t}) for t in ({"seed": 1}, {"seed": 2}, {"epochs": 99}))
            >>> one.setting == other.setting, one.setting == longer.setting
            (True, False)
        """
        train = dataclasses.replace(self.train, seed=0, keep_epochs=False, tensorboard=False)
        ontology = dataclasses.replace(self.ontology, files=())
        told = dataclasses.replace(self, train=train, ontology=ontology).to_toml()
        return hashlib.sha256(told.encode()).hexdigest()


CHOICES = {
    "semantics.facts": (*PRESETS, *GROUPS),
    "semantics.source": (*SOURCES, "fused"),
    "data.benchmark": ("", "creatures"),
    "model.kind": KINDS,
    "data.dataset": ("", *catalog(), *LAYOUTS),
    "ontology.profile": ("", "owl", "kzsl", "skos"),
}
"""What may stand where the type does not say so itself, as a Literal does."""
_SHARES = (
    *("train.warmup", "train.asked", "train.grounding_share", "train.attribute_dropping", "train.label_smoothing"),
    *("train.backbone_lr", "model.dropout"),
)
MINIMUM = {
    **dict.fromkeys(
        ("train.epochs", "train.accumulate", "train.negatives", "train.validate_every", "data.test_per_class"), 1
    ),
    **dict.fromkeys(("model.heads", "model.text_layers", "model.stem"), 1),
    **dict.fromkeys(("model.graph_dim", "model.graph_layers", "model.graph_bases"), 1),
    **dict.fromkeys(("train.refit_epochs", "train.lr", "train.refit_lr", "train.weight_decay", "train.seed"), 0),
    **dict.fromkeys(("train.attribute_regression", "train.masked_attribute", "model.cross_layers"), 0),
    **dict.fromkeys(("train.self_calibration", "train.attribute_contrast", "train.instance_contrast"), 0),
    "train.swapped_fact": 0,
    **dict.fromkeys(("train.temperature", "train.clip"), 1e-4),
    **dict.fromkeys(("train.batch_size", "data.train_per_class"), 2),
    **dict.fromkeys(("baseline.epochs", "baseline.lr", "data.decoys"), 0),
    **dict.fromkeys(("baseline.hidden", "baseline.synthesized"), 1),
    **dict.fromkeys(_SHARES, 0.0),
    **dict.fromkeys(("train.asked", "train.validation_fraction"), 0.01),
    **dict.fromkeys(("model.tuned_blocks", "model.tuned_text_blocks"), -1),
    "model.dim": 4,
    "semantics.token_budget": 8,
    "semantics.hops": 1,
    "semantics.prompt_hops": 1,
    "data.size": 16,
}
MAXIMUM = {
    **dict.fromkeys(_SHARES, 1.0),
    **dict.fromkeys(("train.label_smoothing", "train.validation_fraction", "model.dropout"), 0.99),
}
PATHS = {"ontology.files", "data.root", "data.images", "data.split", "data.backbone", "semantics.strengths"}
PATHS |= {"semantics.vectors", "semantics.language_model"}
PATHS |= {"model.image_encoder", "model.text_encoder", "baseline.dual_encoder"}
NO_PATHS = {
    "semantics.strengths": ("none", "published"),
    "semantics.language_model": ("minilm", "words"),
    "model.text_encoder": ("minilm",),
}
"""Words that are no paths, whatever files lie beside the run file."""


def read_config(path: str | Path, *, overrides: Sequence[str] = ()) -> RunConfig:
    """Read a run file; relative paths in it are relative to the file, those inside a data set may be below its root.

    Args:
        path: TOML with the sections of :class:`RunConfig`.
        overrides: ``section.key=value``, each value as in TOML (or a bare word).

    Raises:
        ConfigError: everything that is wrong with it, at once.
    """
    path = Path(path)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(Problem("no such run file", file=path, fix="check the path")) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, IsADirectoryError) as error:
        raise ConfigError(Problem(f"not TOML ({error})", file=path, expected="[section] and key = value")) from None
    return parse_config(content, overrides=overrides, file=path)


def parse_config(content: Mapping[str, Any], *, overrides: Sequence[str] = (), file: Path | None = None) -> RunConfig:
    """Check sections, keys, types and ranges, and build a :class:`RunConfig`.

    Example:
        >>> parse_config({"train": {"epochs": 3}}, overrides=["train.lr=0.01"]).train.lr
        0.01
    """
    # `model = "eszsl"` is short for a section that says nothing else.
    content = {**content, "model": {"kind": content["model"]}} if isinstance(content.get("model"), str) else content
    merged = {section: dict(keys) if isinstance(keys, Mapping) else keys for section, keys in content.items()}
    problems: list[Problem] = []
    set_here = set()
    for override in overrides:
        name, equals, value = override.partition("=")
        section, _, key = name.strip().partition(".")
        if not (equals and section and key):
            problems.append(Problem(f"--set {override}", expected="--set section.key=value"))
            continue
        if isinstance(merged.setdefault(section, {}), dict):
            merged[section][key] = _toml_value(value.strip())
            set_here.add(f"{section}.{key}")
    sections = {f.name: f for f in dataclasses.fields(RunConfig)}
    built = {}
    for section, keys in merged.items():
        if section == "benchmark":  # how often and in which variants a benchmark repeats the run
            continue
        if section not in sections:
            problems.append(Problem(f"unknown section [{section}]", file=file, fix=_did_you_mean(section, sections)))
        elif not isinstance(keys, dict):
            problems.append(
                Problem(f"{section} is not a section", file=file, expected=f"[{section}] and keys below it")
            )
        else:
            kind = typing.get_type_hints(RunConfig)[section]
            values: dict[str, Any] = {}
            for key, value in keys.items():
                # Paths given on the command line are relative to where the user stands.
                relative_to = file.parent if file and f"{section}.{key}" not in set_here else Path.cwd()
                _check(f"{section}.{key}", value, kind, values, problems, file=file, base=relative_to)
            built[section] = (kind, values)
    if problems:
        raise ConfigError(problems)
    config = RunConfig(**{section: kind(**values) for section, (kind, values) in built.items()})
    problems = [*_misfits(config.model, file), *_conflicts(config.data, file)]
    if config.model.image_encoder and (config.data.backbone or config.data.features):
        fix = "leave out model.image_encoder for frozen features, or the other for a model that learns"
        got = f"model.image_encoder and data.{'backbone' if config.data.backbone else 'features'}"
        problems.append(Problem(got, expected="one of them", fix=fix, file=file))
    if config.train.sharded and (unfit := _nothing_to_shard(config)):
        expected = "an image encoder that learns and reads pixels"
        problems.append(Problem(f"train.sharded with {unfit}", expected=expected, fix="leave one out", file=file))
    if config.train.sharded and config.train.compile:
        problems.append(Problem("train.sharded with train.compile", expected="one of them", file=file))
    if problems:
        raise ConfigError(problems)
    return config


def _nothing_to_shard(config: RunConfig) -> str:
    """What keeps processes from sharing out an image encoder, or nothing."""
    frozen = bool(config.model.image_encoder) and not config.model.tuned_blocks
    return next(
        name
        for name, there in (
            (f"model.kind = {config.model.kind!r}", config.model.kind != "duet"),
            ("data.backbone", config.data.backbone),
            ("data.features", config.data.features),
            ("model.tuned_blocks = 0", frozen),
            ("", True),
        )
        if there
    )


def _misfits(model: ModelConfig, file: Path | None) -> list[Problem]:
    """Sizes that are right alone and wrong together."""
    problems = []
    if model.dim % 4 or model.dim % model.heads:
        expected = f"a multiple of 4 and of model.heads = {model.heads}"
        problems.append(Problem(f"model.dim = {model.dim}", expected=expected, file=file))
    if not model.stages or len(model.stages) != len(model.depths) or min(*model.stages, *model.depths) < 1:
        got = f"model.stages = {list(model.stages)}, model.depths = {list(model.depths)}"
        problems.append(Problem(got, expected="one depth for each stage, and none below 1", file=file))
    if model.without_departures and model.kind != "duet-compat":
        got, fix = f"model.without_departures with model.kind = {model.kind!r}", "leave it out: others make none"
        problems.append(Problem(got, expected="model.kind = 'duet-compat'", fix=fix, file=file))
    try:
        Departures.without(model.without_departures)
    except ConfigError as error:
        problems += [
            dataclasses.replace(p, got=f"model.without_departures: {p.got}", file=file) for p in error.problems
        ]
    return problems


def _conflicts(data: DataConfig, file: Path | None) -> list[Problem]:
    """Keys of [data] that say two things at once, or half a thing."""
    problems = []
    if data.benchmark and data.dataset:
        problems.append(Problem("data.benchmark and data.dataset", expected="one of them", file=file))
    if data.features and data.backbone:
        fix = "leave out data.features, which are another backbone's"
        problems.append(Problem("data.features and data.backbone", expected="one of them", fix=fix, file=file))
    if data.decoys and data.benchmark != "creatures":
        fix = 'set data.benchmark = "creatures", or leave it out'
        problems.append(Problem(f"data.decoys = {data.decoys:g} of other images", "creatures", fix, file))
    if data.dataset and not data.root:
        problems.append(Problem("data.dataset without data.root", fix="give the folder of the data set", file=file))
    alone = [key for key in ("root", "features", "classes") if getattr(data, key) and not data.dataset]
    problems += [Problem(f"data.{key} without data.dataset", fix="give data.dataset", file=file) for key in alone]
    return problems


def _toml_value(text: str) -> Any:
    """A value as TOML reads it, or the bare word itself."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _did_you_mean(name: str, known: Mapping[str, Any]) -> str:
    """Advice for a misspelled key."""
    guess = nearest(name, list(known))
    return guess if guess.startswith("did") else f"known: {', '.join(known)}"


def _check(
    name: str,
    value: Any,
    kind: type,
    values: dict[str, Any],
    problems: list[Problem],
    *,
    file: Path | None,
    base: Path,
) -> None:
    """Check one key against its dataclass and put it into ``values``."""
    hints = typing.get_type_hints(kind)
    key = name.partition(".")[2]
    if key not in hints:
        problems.append(Problem(f"unknown key {name}", file=file, fix=_did_you_mean(key, hints)))
        return
    expected = hints[key]
    choices = typing.get_args(expected) if typing.get_origin(expected) is Literal else CHOICES.get(name, ())
    value, right = _as(expected, value)
    if not right:
        wanted = "a list" if isinstance(expected, types.GenericAlias) else getattr(expected, "__name__", "a string")
        problems.append(Problem(f"{name} = {value!r}", expected=wanted, file=file))
    elif name == "ontology.profile" and value.endswith(".toml"):
        values[key] = _beside(base, value)
    elif choices and isinstance(value, tuple):
        problems += _unchosen(name, value, choices, file)
        values[key] = value
    elif choices and value not in choices:
        problems.append(
            Problem(
                f"{name} = {value!r}",
                expected=f"one of {', '.join(map(repr, choices))}",
                fix=nearest(str(value), choices, otherwise="") or None,
                file=file,
            )
        )
    elif name in MINIMUM and value < MINIMUM[name]:
        problems.append(Problem(f"{name} = {value!r}", expected=f"at least {MINIMUM[name]}", file=file))
    elif name in MAXIMUM and value > MAXIMUM[name]:
        problems.append(Problem(f"{name} = {value!r}", expected=f"at most {MAXIMUM[name]}", file=file))
    elif name in PATHS and value not in NO_PATHS.get(name, ()):
        values[key] = tuple(_beside(base, v) for v in value) if isinstance(value, tuple) else _beside(base, value)
    else:
        values[key] = value


def _unchosen(name: str, values: tuple[str, ...], known: Sequence[str], file: Path | None) -> list[Problem]:
    """What is wrong with a list of choices."""
    if not values:
        return [Problem(f"{name} = []", expected=f"some of {', '.join(map(repr, known))}", file=file)]
    wrong = [value for value in values if value not in known]
    return [
        Problem(
            f"{name} has {v!r}",
            expected=f"some of {', '.join(map(repr, known))}",
            fix=nearest(v, known, otherwise="") or None,
            file=file,
        )
        for v in wrong
    ]


def _as(kind: Any, value: Any) -> tuple[Any, bool]:
    """The value as the kind that is wanted, and whether it is one."""
    if typing.get_origin(kind) is Literal:
        kind = str  # which strings is looked at where the name is known
    if isinstance(kind, types.GenericAlias):
        items = [_as(kind.__args__[0], item) for item in (value if isinstance(value, list) else [value])]
        right = all(right for _, right in items)
        return (tuple(item for item, _ in items) if right else value), right
    if isinstance(value, bool) or kind is bool:
        return value, kind is bool and isinstance(value, bool)
    if kind is float and isinstance(value, (int, float)):
        return float(value), math.isfinite(value)
    return value, isinstance(value, kind)


def _beside(base: Path, path: str) -> str:
    """A path relative to the run file as one that holds anywhere; hub ids and empty strings stay."""
    beside = base / path.partition(":")[0]
    return str((base / path).resolve()) if path and beside.exists() else path


@dataclass(frozen=True)
class RunFolder:
    """The folder of a run.

    ``config.toml``, ``run.json`` (hashes of ontology, attributes and split; calibration; at the end
    ``complete``), ``split.json``, ``asserted.jsonl.gz`` (what the ontology asserted), ``strengths.csv`` (where
    attributes have strengths), ``tokenizer.json``, ``metrics.jsonl``, ``checkpoint.safetensors``, where they were
    asked for ``epochs/`` (weights) and ``tensorboard/``, and what ``evaluate`` adds, ``report.json``.

    Args:
        path: the folder.
    """

    path: Path

    @property
    def checkpoint(self) -> Path:
        """The final weights."""
        return self.path / "checkpoint.safetensors"

    def epoch(self, phase: str, number: int) -> Path:
        """Where the weights of an epoch are kept, in the order in which they were trained."""
        return self.path / "epochs" / f"{phase}-{number:03}.safetensors"

    @property
    def epochs(self) -> tuple[Path, ...]:
        """Weights that were kept, of the phase of selection first."""
        return tuple(sorted(self.path.glob("epochs/*.safetensors"), key=lambda file: (file.stem < "select", file.stem)))

    def start(self, config: RunConfig, promise: Mapping[str, str]) -> None:
        """Make the folder, or go on with the same run in it.

        Raises:
            RunError: the folder holds a complete run, or something else.
            MismatchError: it holds a killed run of another configuration, ontology or split.
        """
        state = self.path / "run.json"
        if self.path.exists() and not self.path.is_dir():
            raise RunError(Problem("is a file", file=self.path, expected="a folder for the run"))
        if state.is_file():
            before = self.state()
            if before.get("complete"):
                fix = "give another --out, or delete the folder"
                raise RunError(Problem("holds a complete run", file=self.path, fix=fix))
            file = self.path / "config.toml"
            own = file.read_text(encoding="utf-8") if file.is_file() else config.to_toml()
            if own != config.to_toml() or before["promise"] != dict(promise):
                fix = "give another --out, or the same run file, ontology and split as before"
                raise MismatchError(Problem("holds a killed run that was set up otherwise", file=self.path, fix=fix))
        elif self.path.is_dir() and any(self.path.iterdir()):
            raise RunError(Problem("is not empty and holds no run", file=self.path, fix="give another --out"))
        else:
            self.path.mkdir(parents=True, exist_ok=True)
            # First, so that a run which is killed here is known as one.
            write_json(state, {"promise": dict(promise), "complete": False})
        write_text(self.path / "config.toml", config.to_toml())

    def state(self) -> dict[str, Any]:
        """The content of run.json.

        Raises:
            RunError: there is no run here.
        """
        try:
            content = json.loads((self.path / "run.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            fix = "give the folder that `kgzsl train` wrote"
            raise RunError(Problem("no run here", file=self.path, expected="a run folder", fix=fix)) from None
        except (UnicodeDecodeError, json.JSONDecodeError) as error:
            raise RunError(Problem(f"run.json is damaged ({error})", file=self.path)) from None
        if not isinstance(content, dict) or not {"promise", "complete"} <= content.keys():
            raise RunError(Problem("run.json is damaged (no promise in it)", file=self.path))
        return content

    @property
    def complete(self) -> bool:
        """Whether a run was trained to its end here.

        Raises:
            RunError: there is a run that cannot be read.
        """
        return (self.path / "run.json").is_file() and bool(self.state()["complete"])

    def is_of(self, config: RunConfig) -> bool:
        """Whether the run here was set up by this very configuration."""
        return (self.path / "config.toml").read_text(encoding="utf-8") == config.to_toml()

    @contextmanager
    def timed(self, started: float) -> Iterator[None]:
        """Add the time since ``started`` (of ``time.perf_counter``) to the run's seconds, also if it is interrupted."""
        try:
            yield
        except KeyboardInterrupt:
            self._add_seconds(time.perf_counter() - started)
            raise
        self._add_seconds(time.perf_counter() - started)

    def _add_seconds(self, seconds: float) -> None:
        """Seconds of training in run.json."""
        state = self.state()
        write_json(self.path / "run.json", state | {"seconds": state.get("seconds", 0.0) + seconds})

    def finish(self, **facts: Any) -> None:
        """Mark the run as complete, with what came out of it; the states for resuming are deleted."""
        write_json(self.path / "run.json", self.state() | facts | {"complete": True})
        for name in ("last.safetensors", "best.safetensors"):
            (self.path / name).unlink(missing_ok=True)
