"""From a run file and class attributes to a model with fresh weights, and its tokenizer."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kgzsl.api.records import Dataset
from kgzsl.api.states import read_graph, write_graph, write_states
from kgzsl.data.rows import Rows
from kgzsl.data.split import ZeroShotSplit
from kgzsl.errors import (
    ConfigError,
    Problem,
)
from kgzsl.model.config import ATTRIBUTE_BASELINES, BASELINES
from kgzsl.ontology import Ontology
from kgzsl.ontology.asserted import asserted_by
from kgzsl.semantics import ClassAttributes, attribute_phrases, class_prompt, template

if TYPE_CHECKING:
    from kgzsl.model.baselines import AttributeClassifier, BaselineClassifier, MeanToken
    from kgzsl.model.class_states import ClassStates
    from kgzsl.model.classifier import ZeroShotClassifier
    from kgzsl.model.graph_states import GraphInputs
    from kgzsl.train.run import RunConfig, RunFolder

__all__ = [
    "ASSERTED",
    "STRENGTHS",
    "attribute_classifier",
    "build_baseline",
    "build_model",
    "compat_method",
    "is_frozen",
    "need_baseline",
    "need_compat",
    "promise_of",
    "save_encoders",
    "save_inputs",
    "unused",
    "with_saved_encoders",
]

ASSERTED = "asserted.jsonl.gz"
"""Where a run folder has what its ontology asserted; a run without the file cannot tell what has changed."""
STRENGTHS = "strengths.csv"
"""Where a run folder has the strengths of attributes; a run without the file has none."""


UNUSED = (
    *("precision", "accumulate", "clip", "backbone_lr", "warm_start", "classification", "label_smoothing", "augment"),
    *("attribute_regression", "masked_attribute", "self_calibration", "attribute_contrast", "instance_contrast"),
    *("swapped_fact", "negatives", "grounding_share", "asked", "gate", "warmup", "weight_decay"),
)
"""Of ``[train]``, what the published recipe has no place for."""


def is_frozen(config: RunConfig) -> bool:
    """Whether images come as features that do not change."""
    return bool(config.data.backbone or config.data.features)


def build_model(
    config: RunConfig,
    attributes: ClassAttributes,
    ontology: Ontology,
    *,
    split: ZeroShotSplit,
    array: np.ndarray | Rows | None = None,
    graph: GraphInputs | None = None,
    saved: RunFolder | None = None,
) -> tuple[Any, Any]:
    """A classifier for these attributes with fresh weights, and its tokenizer (a saved one, or made from the words).

    A baseline has no tokenizer.
    """
    import torch

    from kgzsl.model.class_encoder import ClassEncoder
    from kgzsl.model.classifier import Texts, ZeroShotClassifier
    from kgzsl.model.text_encoder import build_tokenizer, load_tokenizer, tokenize

    given = array.shape[2] if array is not None and array.ndim == 3 else None
    channels = saved.state().get("channels") if saved else given
    if config.model.kind in BASELINES:
        return build_baseline(config, attributes, split=split, channels=channels), None
    phrases = attribute_phrases(attributes, ontology)
    skeleton = template(attributes, ontology).text
    if config.model.text_encoder:
        tokenizer = load_tokenizer(config.model.text_encoder)
    elif saved is not None:
        tokenizer = load_tokenizer(saved.path / "tokenizer.json")
    else:
        # From the seen classes' words only: what the model knows does not depend on the unseen classes.
        prompts = (class_prompt(iri, attributes, ontology).text for iri in split.seen)
        tokenizer = build_tokenizer([*phrases, skeleton, *prompts])
    if config.model.kind == "duet-compat":
        return _build_compat(config, attributes, tokenizer, skeleton, channels=channels), tokenizer
    table = attributes.subset(split.training)
    names = list(attributes.properties)
    torch.manual_seed(config.train.seed)
    classes = ClassEncoder(
        torch.from_numpy(table.degree),
        torch.from_numpy(table.known),
        torch.tensor([names.index(a.property) for a in attributes.attributes]),
        unit=config.model.unit_classes,
        states=_states_of_classes(config, table, graph if saved is None else read_graph(saved.path)),
        silent=table.silent,
    )
    patches: int | None
    if config.model.image_encoder:
        patches, channels = None, None
    elif saved is not None:
        patches = saved.state()["patches"]
    elif array is not None and channels is not None:
        patches = array.shape[1]
    else:
        # The stem halves twice and every stage but the first once more, each time rounding up.
        patches = math.ceil(config.data.size / 2 ** (len(config.model.stages) + 1)) ** 2
    model = ZeroShotClassifier(
        config.model,
        Texts(*tokenize(tokenizer, phrases), *tokenize(tokenizer, [skeleton])),
        classes=classes,
        vocabulary=len(tokenizer),
        patches=patches,
        channels=channels,
        weights=saved is None,
    )
    return model, tokenizer


def _states_of_classes(config: RunConfig, table: ClassAttributes, graph: GraphInputs | None) -> dict[str, ClassStates]:
    """What makes vectors of each source's states of classes."""
    from kgzsl.model.class_states import GivenStates

    states: dict[str, ClassStates] = {}
    for source, rows in table.states.items():
        if source != "gnn":
            states[source] = GivenStates(rows.shape[1])
        elif graph is not None:
            from kgzsl.model.graph_encoder import GraphConfig
            from kgzsl.model.graph_states import GraphStates

            sizes = config.model
            told = (sizes.graph_network, sizes.graph_dim, sizes.graph_layers, sizes.graph_bases, sizes.dropout)
            states[source] = GraphStates(graph, GraphConfig(*told))
    return states


def save_encoders(config: RunConfig, model: ZeroShotClassifier, tokenizer: Any, folder: Path) -> None:
    """What is needed beside the weights to build a model again: the tokenizer, and pretrained encoders' shapes."""
    from kgzsl.train.checkpoint import write_text

    tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"))
    if config.model.text_encoder:
        tokenizer.save_pretrained(folder / "text_encoder")
        model.text_encoder.transformer.config.save_pretrained(folder / "text_encoder")
    if config.model.image_encoder:
        encoder: Any = model.image_encoder
        encoder.backbone.config.save_pretrained(folder / "image_encoder")
        write_text(folder / "image_encoder" / "preprocessor_config.json", encoder.preprocessing.to_json())


def save_inputs(data: Dataset, folder: Path) -> None:
    """What a run keeps of its input: its split, what its ontology asserts, strengths and states where it has some."""
    from kgzsl.train.checkpoint import write_bytes, write_json, write_text

    write_bytes(folder / ASSERTED, asserted_by(data.ontology).to_bytes())
    write_json(folder / "split.json", data.split.to_dict())
    write_states(data.states, folder)
    if data.graph is not None:
        write_graph(data.graph, folder)
    if data.strengths is not None:
        write_text(folder / STRENGTHS, data.strengths.to_csv())


def with_saved_encoders(config: RunConfig, folder: Path) -> RunConfig:
    """A saved run's configuration with its own copies in the place of pretrained encoders, which may be gone."""
    names = ("image_encoder", "text_encoder")
    copies: dict[str, Any] = {name: str(folder / name) for name in names if getattr(config.model, name)}
    return replace(config, model=replace(config.model, **copies))


def build_baseline(
    config: RunConfig, attributes: ClassAttributes, *, split: ZeroShotSplit, channels: int | None
) -> BaselineClassifier:
    """A baseline with fresh weights.

    Args:
        config: the run.
        attributes: its class attributes.
        split: its classes.
        channels: width of patch features; None for images as pixels.
    """
    import torch

    from kgzsl.model.baselines import GivenTokens, MeanToken, NamedClassifier
    from kgzsl.model.image_encoder import PixelEncoder

    if config.model.kind.startswith("clip"):
        from kgzsl.model.baselines.dual_encoder import DualImages

        encoder = DualImages(config.baseline.dual_encoder)
        images = MeanToken(encoder, width=encoder.channels)
    elif channels is None:
        torch.manual_seed(config.train.seed)
        images = MeanToken(PixelEncoder(config.model), width=config.model.stages[-1])
    else:
        images = MeanToken(GivenTokens(), width=channels)
    if config.model.kind in ATTRIBUTE_BASELINES:
        return attribute_classifier(images, attributes)
    return NamedClassifier(images, classes=(*split.seen, *split.unseen))


def attribute_classifier(images: MeanToken, attributes: ClassAttributes) -> AttributeClassifier:
    """A classifier of as many attributes and states as describe the classes, on features of images."""
    from kgzsl.model.baselines import AttributeClassifier

    dims = {source: table.shape[1] for source, table in attributes.states.items()}
    return AttributeClassifier(images, attributes=len(attributes.attributes), states=dims, silent=attributes.silent)


def need_baseline(config: RunConfig) -> None:
    """What a baseline asks of a run file."""
    kind, problems = config.model.kind, []
    if kind in BASELINES:
        fixes = {"image_encoder": "give it as data.backbone", "text_encoder": "leave it out"}
        if kind.startswith("clip"):
            fixes["image_encoder"] = "give the model as baseline.dual_encoder"
        problems = [
            Problem(f"model.{name} with model.kind = {kind!r}", expected="an encoder that does not learn", fix=fix)
            for name, fix in fixes.items()
            if getattr(config.model, name)
        ]
    if kind.startswith("clip"):
        fix = "leave it out: the dual encoder reads images itself, scaled to data.size"
        problems += [
            Problem(f"data.{name} with model.kind = {kind!r}", expected="images as pixels", fix=fix)
            for name in ("backbone", "features")
            if getattr(config.data, name)
        ]
        if not config.baseline.dual_encoder:
            fix = "set baseline.dual_encoder"
            problems.append(Problem(f"model.kind = {kind!r} without a model", expected="a CLIP or alike", fix=fix))
    if problems:
        raise ConfigError(problems)


def unused(config: RunConfig) -> list[Problem]:
    """Keys of ``[train]`` that a run file changes and that its kind of model does not read."""
    kind = config.model.kind
    keys = UNUSED if kind == "duet-compat" else ("keep_epochs", "tensorboard") if kind in BASELINES else ()
    plain = type(config.train)()
    return [
        Problem(f"train.{key} = {getattr(config.train, key)!r} is not used with model.kind = {kind!r}")
        for key in keys
        if getattr(config.train, key) != getattr(plain, key)
    ]


def need_compat(config: RunConfig) -> None:
    """What the compat model asks of a run file."""
    from kgzsl.model.compat_classifier import PATCH

    size, frozen = config.data.size, bool(config.data.backbone or config.data.features)
    problems = [
        Problem(f"{key} with model.kind = 'duet-compat'", expected=expected, fix=fix)
        for key, wrong, expected, fix in (
            ("model.image_encoder", config.model.image_encoder, "an encoder of its own", "leave it out"),
            ("model.text_encoder", config.model.text_encoder, "a text encoder of the ontology's words", "leave it out"),
            (f"data.size = {size}", not frozen and size % PATCH, f"a multiple of {PATCH}", "change it"),
        )
        if wrong
    ]
    if problems:
        raise ConfigError(problems)


def _build_compat(
    config: RunConfig, attributes: ClassAttributes, tokenizer: Any, skeleton: str, *, channels: int | None
) -> Any:
    """The compat model with fresh weights. Numbers before words are CUB's, and no run is on CUB's texts."""
    import torch

    from kgzsl.model.compat_classifier import CompatClassifier, small_shape
    from kgzsl.model.departures import Departures
    from kgzsl.model.text_encoder import tokenize

    count = len(attributes.attributes)
    size, vocabulary = config.data.size, len(tokenizer)
    shape = small_shape(config.model, size=size, vocabulary=vocabulary, attributes=count, channels=channels)
    torch.manual_seed(config.train.seed)
    departures = replace(Departures.without(config.model.without_departures), index_in_word=False)
    return CompatClassifier(shape, tokenize(tokenizer, [skeleton]), departures)


def compat_method(data: Dataset, tokenizer: Any) -> Any:
    """How the compat model trains: prompts of the ontology's properties and values."""
    from kgzsl.train.compat_loop import CompatMethod
    from kgzsl.train.compat_texts import text_pieces

    phrases = [phrase.split(" : ", 1) for phrase in attribute_phrases(data.attributes, data.ontology)]
    columns: dict[str, list[int]] = {}
    for column, (aspect, _) in enumerate(phrases):
        columns.setdefault(aspect, []).append(column)
    groups = np.zeros(len(phrases), dtype=np.int64)
    for number, members in enumerate(columns.values()):
        groups[members] = number
    return CompatMethod(text_pieces(tokenizer, columns, names=[value for _, value in phrases], limit=512), groups)


def promise_of(ontology: Ontology, attributes: ClassAttributes, split: ZeroShotSplit) -> dict[str, str]:
    """Hashes of what a run is trained on; a checkpoint is good for these alone."""
    return {"ontology": ontology.digest, "attributes": attributes.digest, "split": split.digest}
