"""The one file that wires the floors: from an ontology and images to a model, a report and explanations.

Example:
    >>> from kgzsl import api
    >>> ontology = api.load_ontology(api.creatures_ontology())
    >>> len(ontology.leaves)
    100
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kgzsl.data.catalog import published_as
from kgzsl.data.creatures import cached, load
from kgzsl.data.creatures import ontology_path as creatures_ontology
from kgzsl.data.images import ImageSet, cut_parts, find_images, read_pixels, unreadable
from kgzsl.data.labels import LabelSpace
from kgzsl.data.layouts import list_images, ontology_text
from kgzsl.data.listing import Request, summarize
from kgzsl.data.split import ZeroShotSplit, read_split
from kgzsl.errors import (
    CheckpointError,
    ConfigError,
    DataError,
    ImageError,
    MismatchError,
    NoFactsError,
    OntologyError,
    Problem,
    RunError,
    SplitError,
    nearest,
)
from kgzsl.ontology import Fact, Ontology, parse_ontology, read_ontology
from kgzsl.ontology.reading.endpoint import read_endpoint
from kgzsl.semantics import ClassAttributes, attribute_phrases, class_attributes, class_prompt, template, verbalize

if TYPE_CHECKING:
    from kgzsl.evaluate import ZeroShotReport
    from kgzsl.explain.explanation import Explanation
    from kgzsl.model.classifier import ZeroShotClassifier
    from kgzsl.ontology.ontology import Reasoner, Regime
    from kgzsl.train.loop import EpochRecord
    from kgzsl.train.run import RunConfig, RunFolder

__all__ = [
    "BASELINES",
    "Dataset",
    "Listener",
    "Prediction",
    "Run",
    "baseline",
    "creatures_ontology",
    "evaluate",
    "explain",
    "fit",
    "load_dataset",
    "load_endpoint",
    "load_ontology",
    "load_run",
    "predict",
    "verbalizer",
]

HELD_OUT_EVERY = 10
"""Every tenth training image of a training class is held out while selecting: it plays the seen test images."""


def _nothing(*arguments: Any) -> None:
    """What a listener does by default."""


@dataclass(frozen=True)
class Listener:
    """What is called while long work goes on.

    Args:
        drawing: images of the benchmark: (done, all).
        features: images through the frozen backbone: (done, all).
        step: phase of training, step, steps of the phase.
        epoch: the record of an epoch.
        skipped: images that are left out, counted and named.
    """

    drawing: Callable[[int, int], None] = _nothing
    features: Callable[[int, int], None] = _nothing
    step: Callable[[str, int, int], None] = _nothing
    epoch: Callable[[EpochRecord], None] = _nothing
    skipped: Callable[[Sequence[Problem]], None] = _nothing


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images, split and semantics of the classes.

    Args:
        images: all images of the split's classes, with their parts.
        split: seen, unseen and validation classes.
        ontology: entailed.
        attributes: one row for each class of ``images.space``.
    """

    images: ImageSet
    split: ZeroShotSplit
    ontology: Ontology
    attributes: ClassAttributes


@dataclass(frozen=True, eq=False)
class Run:
    """A trained model with all that it needs to predict and explain.

    Args:
        config: what made it.
        ontology: entailed.
        attributes: one row for each class of ``space``.
        split: seen, unseen and validation classes.
        space: the classes in the order of the score columns, seen ones first.
        model: the classifier.
        gamma: taken off the scores of seen classes.
        facts: the content of ``run.json``.
        folder: where it is.
    """

    config: RunConfig
    ontology: Ontology
    attributes: ClassAttributes
    split: ZeroShotSplit
    space: LabelSpace
    model: ZeroShotClassifier
    gamma: float
    facts: Mapping[str, Any]
    folder: RunFolder


@dataclass(frozen=True)
class Prediction:
    """The best classes for one image.

    Args:
        image: its path.
        top: ``(IRI, label, score, unseen)``, best first; scores are calibrated logits.
    """

    image: str
    top: tuple[tuple[str, str, float, bool], ...] = field(default=())


def load_ontology(
    *files: str | Path,
    profile: str | None = None,
    entail: Regime = "el",
    format: str | None = None,
    catalog: str | Path | None = None,
    remote: bool = False,
    max_bytes: int | None = None,
    reasoner: Reasoner = "own",
    timeout: float = 600,
) -> Ontology:
    """Read files and folders as one ontology and derive what follows.

    Args:
        files: in any format of :func:`kgzsl.ontology.read_ontology`; ``-`` for standard input.
        profile: ``owl``, ``kzsl``, ``skos``, or a profile in a ``.toml`` file; detected when not given.
        entail: ``el``, ``rdfs`` or ``none``.
        format: name of the format, where the suffix does not tell.
        catalog: a folder in which ``owl:imports`` are looked for.
        remote: fetch imports that are missing from the network.
        max_bytes: what one file may hold after unpacking; 8 GiB if None.
        reasoner: ``own``, or ``hermit``, which needs a Java.
        timeout: seconds after which HermiT is ended.
    """
    ontology = read_ontology(
        *files, profile=profile or None, format=format, catalog=catalog, remote=remote, max_bytes=max_bytes
    )
    return ontology.entail(entail, reasoner=reasoner, timeout=timeout)


def load_endpoint(
    url: str,
    seeds: Sequence[str],
    *,
    hops: int = 1,
    profile: str | None = None,
    entail: Regime = "el",
    reasoner: Reasoner = "own",
    timeout: float = 600,
) -> Ontology:
    """Read the neighborhood of some terms from a SPARQL endpoint and derive what follows.

    Args:
        url: address of the endpoint.
        seeds: IRIs of the terms to start from.
        hops: how many triples away from a seed to go.
        profile: ``owl``, ``kzsl``, ``skos``, or a profile in a ``.toml`` file; detected when not given.
        entail: ``el``, ``rdfs`` or ``none``.
        reasoner: ``own``, or ``hermit``, which needs a Java.
        timeout: seconds after which HermiT is ended.
    """
    ontology = read_endpoint(url, seeds, hops=hops, profile=profile or None)
    return ontology.entail(entail, reasoner=reasoner, timeout=timeout)


def load_dataset(config: RunConfig, listener: Listener | None = None) -> Dataset:
    """Images, split and class attributes that a run file names.

    Raises:
        InputError: all that is wrong with split, images and classes.
    """
    listener = listener or Listener()
    ontology = _ontology_of(config)
    published: tuple[str, ...] = ()
    if config.data.benchmark == "creatures":
        images, split = _creatures(config, listener)
    elif config.data.dataset:
        images, split, published = _published(config, ontology, listener)
    else:
        images, split = _folder(config, ontology, listener)
    if config.train.validation == "published":
        split = _with_validation(split, published or split.validation)
    if not split.validation:
        split = split.cut_validation(fraction=config.train.validation_fraction, seed=config.train.seed)
    attributes = _attributes(config, ontology, images.space)
    _need_facts(attributes)
    if config.semantics.shuffle:
        images = _shuffled(images, split, seed=config.train.seed)
    return Dataset(images=images, split=split, ontology=ontology, attributes=attributes)


def _attributes(config: RunConfig, ontology: Ontology, space: LabelSpace) -> ClassAttributes:
    """What a run file makes of the facts about its classes."""
    semantics = config.semantics
    return class_attributes(ontology, space.classes, world=semantics.world, numbers=semantics.numbers)


def _ontology_of(config: RunConfig) -> Ontology:
    """The ontology that a run file names, or the one that its data set brings."""
    files = config.ontology.files or ((creatures_ontology(),) if config.data.benchmark == "creatures" else ())
    if files:
        return load_ontology(*files, profile=config.ontology.profile, entail=config.ontology.entail)
    if config.data.dataset:
        data = config.data
        text = ontology_text(Path(data.root), data.dataset, split=data.split, features=data.features)
        if text is not None:
            return parse_ontology(text, profile="owl").entail(config.ontology.entail)
    raise ConfigError(Problem("no ontology", expected="ontology.files", fix="give --ontology FILE or [ontology] files"))


def _with_validation(split: ZeroShotSplit, published: tuple[str, ...]) -> ZeroShotSplit:
    """The split with the validation classes that were published with it."""
    if not published:
        fix = 'set train.validation = "cut", which draws them by the seed'
        raise SplitError(Problem("no validation classes were published with these data", fix=fix))
    return replace(split, validation=published)


def _published(
    config: RunConfig, ontology: Ontology, listener: Listener
) -> tuple[ImageSet, ZeroShotSplit, tuple[str, ...]]:
    """A data set in a layout of the field, and its published validation classes."""
    data = config.data
    request = Request(
        root=Path(data.root),
        resolve=ontology.resolve,
        known=frozenset(ontology.classes),
        **{k: getattr(data, k) for k in ("dataset", "images", "split", "features", "classes", "skip_bad")},
    )
    listing = list_images(request, generated=not config.ontology.files)
    if listing.features is not None:
        array, backbone = listing.features, listing.made_by
        _report_skipped(listing.skipped, of=len(listing.names) + len(listing.skipped), listener=listener)
    else:
        keep = _readable(config, listing.files, listener, before=listing.skipped)
        listing = listing.take(keep)
        array, backbone = _array(config, listing.files, everything=listing.files, listener=listener)
    space = LabelSpace((*listing.split.seen, *listing.split.unseen))
    labels = space.columns(listing.classes)
    images = ImageSet(array, labels, np.array(listing.parts), listing.names, space, backbone)
    return images, listing.split, listing.validation


def _shuffled(images: ImageSet, split: ZeroShotSplit, *, seed: int) -> ImageSet:
    """Images of every class under the facts of another one, seen among seen and unseen among unseen."""
    random = np.random.default_rng(seed)
    other = np.arange(len(images.space))
    for group in (split.seen, split.unseen):
        circle = random.permutation(images.space.columns(group))
        other[circle] = np.roll(circle, 1)
    return replace(images, labels=other[images.labels])


def _creatures(config: RunConfig, listener: Listener) -> tuple[ImageSet, ZeroShotSplit]:
    """The embedded benchmark."""
    folder = cached(
        config.data.size,
        train_per_class=config.data.train_per_class,
        test_per_class=config.data.test_per_class,
        progress=listener.drawing,
    )
    data = load(folder)
    names = tuple(f"creatures/{i}" for i in range(len(data.labels)))
    images = ImageSet(data.images, data.labels, data.part, names, LabelSpace(data.class_iris))
    return images, ZeroShotSplit(seen=data.seen, unseen=data.unseen)


def _folder(config: RunConfig, ontology: Ontology, listener: Listener) -> tuple[ImageSet, ZeroShotSplit]:
    """A folder of images by class, with a split file."""
    missing = [name for name in ("images", "split") if not getattr(config.data, name)]
    if missing:
        raise ConfigError(
            Problem(f"no data.{name}", fix=f"give --{name} or [data] {name}, or [data] benchmark") for name in missing
        )
    files = find_images(config.data.images, resolve=ontology.resolve)
    path, _, name = config.data.split.partition(":")
    split = read_split(path, resolve=ontology.resolve, pictured=tuple(files), name=name or None)
    paths, classes, parts = cut_parts(files, split)
    space = LabelSpace((*split.seen, *split.unseen))
    # Features of the whole folder in one order, so that all splits of it share one cache.
    everything = sorted(path for found in files.values() for path in found)
    if config.data.skip_bad:
        everything = [everything[row] for row in _readable(config, everything, listener)]
        good = set(everything)
        rows = [row for row, path in enumerate(paths) if path in good]
        paths, classes, parts = ([group[row] for row in rows] for group in (paths, classes, parts))  # type: ignore
    array, backbone = _array(config, paths, everything=everything, listener=listener)
    images = ImageSet(array, space.columns(classes), np.array(parts), tuple(map(str, paths)), space, backbone)
    return images, split


def _readable(
    config: RunConfig, paths: Sequence[Path], listener: Listener, *, before: Sequence[Problem] = ()
) -> np.ndarray:
    """Rows of the image files that can be read, where ``data.skip_bad`` asks; else of all.

    Args:
        config: the run.
        paths: image files.
        listener: is told what is left out.
        before: images that were left out already.
    """
    bad = {problem.file: problem for problem in unreadable(paths)} if config.data.skip_bad else {}
    _report_skipped([*before, *bad.values()], of=len(paths) + len(before), listener=listener)
    return np.array([row for row, path in enumerate(paths) if path not in bad], dtype=np.int64)


def _report_skipped(skipped: Sequence[Problem], *, of: int, listener: Listener) -> None:
    """Tell which images are left out, if any."""
    if skipped:
        listener.skipped(summarize(skipped, "are left out", of=of))


def _array(
    config: RunConfig, paths: Sequence[Path], *, everything: Sequence[Path], listener: Listener
) -> tuple[np.ndarray, str]:
    """Pixels or patch features of image files, and what made them; features are cached for ``everything``."""
    try:
        if not config.data.backbone:
            return read_pixels(paths, size=config.data.size), "pixels"
        from kgzsl.data.backbone import cached_features, load_backbone

        backbone = load_backbone(config.data.backbone)
        features = cached_features(everything, backbone, progress=listener.features)
    except ImageError as error:
        fix = "mend them, or set data.skip_bad = true to go on without them"
        raise ImageError(summarize(error.problems, "cannot be read", of=len(everything), fix=fix)) from None
    place = {path: row for row, path in enumerate(everything)}
    return features[[place[path] for path in paths]], backbone.name


def _need_facts(attributes: ClassAttributes) -> None:
    """Every class needs a known attribute, or nothing can tell it."""
    empty = [iri for iri, known in zip(attributes.classes, attributes.known, strict=True) if not known.any()]
    if empty:
        fix = "state a fact of each in the ontology, or take them out of the split"
        raise NoFactsError(
            Problem(f"{attributes.ontology.label(iri)} ({iri}) has no fact about any attribute", fix=fix)
            for iri in empty
        )


def _need_images(trainval: ImageSet, data: Dataset) -> None:
    """Every seen class needs two images: one is held out to choose by."""
    counts = np.bincount(trainval.labels, minlength=len(trainval.space))
    few = [(iri, counts[column]) for column, iri in enumerate(trainval.space.classes) if counts[column] < 2]
    problems = [
        Problem(f"{data.ontology.label(iri)} ({iri}) has {count} training images", expected="2 or more")
        for iri, count in few
        if iri in data.split.seen
    ]
    if problems:
        raise DataError(problems)


def fit(config: RunConfig, folder: str | Path, *, listener: Listener | None = None) -> Run:
    """Train a model as a run file says, into a run folder.

    A killed run goes on after its last complete epoch when it is called again.

    Raises:
        InputError: anything that is wrong with ontology, images, split or folder; nothing was written.
        TrainingError: the loss is not finite.
    """
    import torch

    from kgzsl.train.checkpoint import save_weights, write_text
    from kgzsl.train.loop import TrainingSet
    from kgzsl.train.loop import fit as fit_model
    from kgzsl.train.masking import tokenize_prompts
    from kgzsl.train.run import RunFolder

    started = time.perf_counter()
    listener = listener or Listener()
    compat = config.model.preset == "duet-compat"
    if compat:
        _need_compat(config)
    data = load_dataset(config, listener)
    run_folder = RunFolder(Path(folder))
    promise = _promise(data.ontology, data.attributes, data.split)
    trainval = data.images.part("trainval")
    _need_images(trainval, data)
    seen = LabelSpace(data.split.seen)
    table = data.attributes.subset(data.split.seen)
    value, known = torch.from_numpy(table.value), torch.from_numpy(table.known)
    training = seen.mask(data.split.training)
    model, tokenizer = _build(config, data.attributes, data.ontology, split=data.split, array=data.images.array)
    run_folder.start(config, promise)
    tokenizer.backend_tokenizer.save(str(run_folder.path / "tokenizer.json"))
    write_text(run_folder.path / "split.json", _json(data.split.to_dict()))
    prompts = [class_prompt(iri, data.attributes, data.ontology) for iri in data.split.seen]
    columns = {attribute: column for column, attribute in enumerate(table.attributes)}
    labels = seen.columns(trainval.space.classes[i] for i in trainval.labels)
    held_out = _held_out(labels, training)
    training_set = TrainingSet(
        array=trainval.array,
        labels=labels,
        value=value,
        known=known,
        prompts=tokenize_prompts(prompts, tokenizer, columns=columns),
        training=training,
        held_out=held_out,
    )
    chosen = np.flatnonzero(held_out | ~training[labels])
    judged = (trainval.array[chosen], labels[chosen])
    validate = partial(_validate, images=judged[0], labels=judged[1], table=table, training=training)
    settle = validate
    if not compat:
        settle = partial(
            _settle,
            images=judged[0],
            labels=judged[1],
            table=table,
            training=training,
            gate=config.train.gate,
        )
    best = fit_model(
        model,
        training_set,
        config=config.train,
        folder=run_folder.path,
        validate=validate,
        method=_compat_method(data, tokenizer) if compat else None,
        settle=settle,
        on_epoch=listener.epoch,
        on_step=listener.step,
    )
    calibration = _calibrate(model, best, images=trainval.array[held_out], table=table)
    save_weights(run_folder.checkpoint, model, {"promise": promise})
    run_folder.finish(
        calibration=calibration,
        validation=dict(best),
        gate=_gates(model, data.attributes),
        backbone=data.images.backbone,
        patches=len(model.positions),
        channels=None if data.images.array.dtype == np.uint8 else data.images.array.shape[2],
        seconds=time.perf_counter() - started,
    )
    return load_run(run_folder.path)


def _promise(ontology: Ontology, attributes: ClassAttributes, split: ZeroShotSplit) -> dict[str, str]:
    """Hashes of what a run is trained on; a checkpoint is good for these alone."""
    return {"ontology": ontology.digest, "attributes": attributes.digest, "split": split.digest}


def _json(content: Any) -> str:
    """Indented JSON."""
    import json

    return json.dumps(content, indent=1, ensure_ascii=False)


def _frozen(config: RunConfig) -> bool:
    """Whether images come as features that do not change."""
    return bool(config.data.backbone or config.data.features)


def _held_out(labels: np.ndarray, training: np.ndarray) -> np.ndarray:
    """Mask over images: every tenth of a training class, at least one of each, plays the seen test images."""
    held_out = np.zeros(len(labels), dtype=bool)
    for label in np.flatnonzero(training):
        held_out[np.flatnonzero(labels == label)[::HELD_OUT_EVERY]] = True
    return held_out


def _build(
    config: RunConfig,
    attributes: ClassAttributes,
    ontology: Ontology,
    *,
    split: ZeroShotSplit,
    array: np.ndarray | None = None,
    saved: RunFolder | None = None,
) -> tuple[ZeroShotClassifier, Any]:
    """A classifier for these attributes with fresh weights, and its tokenizer (a saved one, or made from the words)."""
    import torch

    from kgzsl.model.class_encoder import ClassEncoder
    from kgzsl.model.classifier import Texts, ZeroShotClassifier
    from kgzsl.model.text_encoder import build_tokenizer, load_tokenizer, tokenize

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
    if config.model.preset == "duet-compat":
        return _build_compat(config, attributes, tokenizer, skeleton), tokenizer
    table = attributes.subset(split.training)
    names = list(attributes.properties)
    classes = ClassEncoder(
        torch.from_numpy(table.value),
        torch.from_numpy(table.known),
        torch.tensor([names.index(a.property) for a in attributes.attributes]),
        unit=config.model.unit_classes,
    )
    if saved is not None:
        facts = saved.state()
        patches, channels = facts["patches"], facts.get("channels")
    elif array is not None and array.ndim == 3:
        patches, channels = array.shape[1:]
    else:
        # The stem halves twice and every stage but the first once more, each time rounding up.
        patches, channels = math.ceil(config.data.size / 2 ** (len(config.model.stages) + 1)) ** 2, None
    torch.manual_seed(config.train.seed)
    model = ZeroShotClassifier(
        config.model,
        Texts(*tokenize(tokenizer, phrases), *tokenize(tokenizer, [skeleton])),
        classes=classes,
        vocabulary=len(tokenizer),
        patches=patches,
        channels=channels,
    )
    return model, tokenizer


def _need_compat(config: RunConfig) -> None:
    """What the compat model asks of a run file."""
    from kgzsl.model.compat_classifier import PATCH

    problems = [
        Problem(f"{key} with model.preset = 'duet-compat'", expected=expected, fix=fix)
        for key, wrong, expected, fix in (
            ("data.backbone", config.data.backbone, "images as pixels", "leave it out"),
            ("model.text_encoder", config.model.text_encoder, "a text encoder of the ontology's words", "leave it out"),
            (f"data.size = {config.data.size}", config.data.size % PATCH, f"a multiple of {PATCH}", "change it"),
        )
        if wrong
    ]
    if problems:
        raise ConfigError(problems)


def _build_compat(config: RunConfig, attributes: ClassAttributes, tokenizer: Any, skeleton: str) -> Any:
    """The compat model with fresh weights. Numbers before words are CUB's, and no run is on CUB's texts."""
    import torch

    from kgzsl.model.compat_classifier import CompatClassifier, small_shape
    from kgzsl.model.departures import Departures
    from kgzsl.model.text_encoder import tokenize

    count = len(attributes.attributes)
    shape = small_shape(config.model, size=config.data.size, vocabulary=len(tokenizer), attributes=count)
    torch.manual_seed(config.train.seed)
    return CompatClassifier(shape, tokenize(tokenizer, [skeleton]), Departures(index_in_word=False))


def _compat_method(data: Dataset, tokenizer: Any) -> Any:
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


def _evidence(model: ZeroShotClassifier, images: np.ndarray, *, batch: int = 128) -> np.ndarray:
    """Evidence ``(image, attribute)`` of images."""
    import torch

    model.eval()
    rows = [np.zeros((0, len(model.phrases)), dtype=np.float32)]
    with torch.inference_mode():
        text = model.encode_text()
        for start in range(0, len(images), batch):
            array = torch.from_numpy(np.ascontiguousarray(images[start : start + batch]))
            rows.append(model.encode_images(array, text).evidence.numpy())
    return np.concatenate(rows)


def _scores(model: ZeroShotClassifier, images: np.ndarray, table: ClassAttributes) -> np.ndarray:
    """Scores ``(image, class)`` of images for the rows of a table."""
    import torch

    with torch.inference_mode():
        classes = model.encode_classes(torch.from_numpy(table.value), torch.from_numpy(table.known))
        return model.scores(torch.from_numpy(_evidence(model, images)), classes).numpy()


def _validate(
    model: ZeroShotClassifier, *, images: np.ndarray, labels: np.ndarray, table: ClassAttributes, training: np.ndarray
) -> dict[str, float]:
    """Metrics with the validation classes in the place of the unseen ones."""
    from kgzsl.evaluate import ausuc, choose_gamma, czsl_accuracy, seen_unseen_curve

    scores = _scores(model, images, table)
    calibration = choose_gamma(scores, labels, ~training)
    return {
        "H": calibration.H,
        "T1": czsl_accuracy(scores[~training[labels]], labels[~training[labels]], np.flatnonzero(~training)),
        "AUSUC": ausuc(seen_unseen_curve(scores, labels, training)),
        "gamma": calibration.gamma,
        "spread": float(scores[training[labels]].std()),
    }


def _settle(
    model: ZeroShotClassifier,
    *,
    images: np.ndarray,
    labels: np.ndarray,
    table: ClassAttributes,
    training: np.ndarray,
    gate: bool,
) -> dict[str, float]:
    """Set the gate of the selected model by the validation classes; their metrics under it."""
    import torch

    from kgzsl.train.gate import fit_gate

    if gate:
        chosen = np.flatnonzero(~training[labels])
        gates = fit_gate(
            _evidence(model, images[chosen]),
            table.value[labels[chosen]],
            table.known[labels[chosen]],
            prior=model.classes.prior.numpy(),
            properties=model.classes.properties.numpy(),
            labels=labels[chosen],
        )
        model.classes.open_properties(torch.from_numpy(gates).float())
    return _validate(model, images=images, labels=labels, table=table, training=training)


def _gates(model: ZeroShotClassifier, attributes: ClassAttributes) -> dict[str, float]:
    """The gate of every property, by IRI."""
    columns = {attribute.property: column for column, attribute in enumerate(attributes.attributes)}
    return {iri: round(float(model.classes.gate[column]), 4) for iri, column in columns.items()}


def _calibrate(
    model: ZeroShotClassifier, best: Mapping[str, float], *, images: np.ndarray, table: ClassAttributes
) -> dict[str, Any]:
    """Gamma for the final model.

    Gamma is chosen for the selected checkpoint; training on with all seen classes widens the scores, so it
    is carried over in units of their spread over the held-out images.
    """
    spread = float(_scores(model, images, table).std()) if len(images) else best["spread"]
    ratio = spread / best["spread"] if best["spread"] > 0 else 1.0
    return {
        "gamma": best["gamma"] * ratio,
        "unit": "scores",
        "rule": "best H on validation classes cut from the seen ones, carried over by the spread of the scores",
        "gamma_at_selection": best["gamma"],
        "spread_ratio": ratio,
    }


def load_run(folder: str | Path, *, ontology: str | Path | None = None) -> Run:
    """Load a trained run.

    Args:
        folder: what :func:`fit` wrote.
        ontology: another place of the ontology that it was trained on.

    Raises:
        RunError: no run there, or not trained to its end.
        CheckpointError: truncated or foreign weights.
        MismatchError: the ontology or split is not the one that the run was trained on.
    """
    from kgzsl.train.checkpoint import load_weights
    from kgzsl.train.run import RunFolder, read_config

    run_folder = RunFolder(Path(folder))
    facts = run_folder.state()
    if not facts["complete"]:
        raise RunError(
            Problem("not trained to its end", file=folder, fix="run the same `kgzsl train` again: it goes on")
        )
    config = read_config(run_folder.path / "config.toml")
    if ontology:
        config = replace(config, ontology=replace(config.ontology, files=(str(ontology),)))
    entailed = _ontology_of(config)
    split = read_split(run_folder.path / "split.json", resolve=str)
    space = LabelSpace((*split.seen, *split.unseen))
    try:
        attributes = _attributes(config, entailed, space)
    except OntologyError as error:
        raise MismatchError([Problem("the ontology lacks classes of the run", file=folder), *error.problems]) from error
    promise = _promise(entailed, attributes, split)
    problems = [
        Problem(
            f"not the {part} that the run was trained on",
            expected=f"sha256 {facts['promise'][part][:12]}...",
            fix="give the right one with --ontology, or train again",
            file=folder,
        )
        for part in promise
        if promise[part] != facts["promise"][part]
    ]
    if problems:
        raise MismatchError(problems)
    model, _ = _build(config, attributes, entailed, split=split, saved=run_folder)
    if load_weights(run_folder.checkpoint, model).get("promise") != facts["promise"]:
        raise CheckpointError(Problem("the weights are those of another run", file=run_folder.checkpoint))
    model.eval()
    return Run(config, entailed, attributes, split, space, model, facts["calibration"]["gamma"], facts, run_folder)


def _dataset_of(run: Run, listener: Listener | None) -> Dataset:
    """The dataset that a run was trained on.

    Raises:
        MismatchError: the split, or the classes that have images, changed.
    """
    data = load_dataset(run.config, listener)
    if data.split.digest != run.split.digest:
        fix = "restore the split file and the folders of images, or train again"
        raise MismatchError(Problem("not the split that the run was trained on", fix=fix, file=run.folder.path))
    return data


def evaluate(run: Run, *, listener: Listener | None = None) -> ZeroShotReport:
    """Measure a run on its test images by the proposed protocol; written to ``report.json`` as well.

    Source: Xian et al., "Zero-Shot Learning - A Comprehensive Evaluation", TPAMI 2019: per-class
    accuracy, proposed split, T1, U, S, H. AUSUC: Chao et al., ECCV 2016.
    """
    from kgzsl.train.checkpoint import write_text

    data = _dataset_of(run, listener)
    test = data.images.take(data.images.parts != "trainval")
    scores = _scores(run.model, test.array, run.attributes)
    report = _report(
        run, scores, test.labels, gamma=run.gamma, backbone=run.facts["backbone"], seconds=run.facts["seconds"]
    )
    write_text(run.folder.path / "report.json", _json(report.to_dict()))
    return report


def _report(
    run: Run, scores: np.ndarray, labels: np.ndarray, *, gamma: float, backbone: str, seconds: float
) -> ZeroShotReport:
    """All measures of scores on the test images of a run."""
    from kgzsl.evaluate import ZeroShotReport, ausuc, best_h, czsl_accuracy, gzsl, per_class_accuracy, seen_unseen_curve

    seen = run.space.mask(run.split.seen)
    unseen_rows = ~seen[labels]
    result = gzsl(scores, labels, seen, gamma=gamma)
    curve = seen_unseen_curve(scores, labels, seen)
    accuracies = per_class_accuracy((scores - gamma * seen).argmax(1), labels, labels)
    return ZeroShotReport(
        dataset=_dataset_name(run.config),
        backbone=backbone,
        semantics=_semantics_name(run.config),
        selection_rule=run.facts["calibration"]["rule"],
        seed=run.config.train.seed,
        T1=czsl_accuracy(scores[unseen_rows], labels[unseen_rows], np.flatnonzero(~seen)),
        U=result.U,
        S=result.S,
        H=result.H,
        AUSUC=ausuc(curve),
        best_H=best_h(curve),
        gamma=gamma,
        gamma_unit=run.facts["calibration"]["unit"],
        per_class={run.ontology.label(run.space.classes[column]): a for column, a in accuracies.items()},
        seconds=seconds,
    )


BASELINES = ("ESZSL", "pixel ridge")
"""Names of the baselines of :func:`baseline`."""


def baseline(run: Run, name: str, *, listener: Listener | None = None) -> ZeroShotReport:
    """Measure a baseline on the images, split and class attributes of a run.

    ``ESZSL`` works on the mean patch token of the run's own image encoder (of the frozen backbone,
    where there is one); ``pixel ridge`` on pixels scaled down to 32 x 32: what is to be had without seeing shapes.
    Their hyperparameters and gamma are chosen on the run's validation classes.

    Source: Romera-Paredes and Torr, "An embarrassingly simple approach to zero-shot learning", ICML 2015.

    Raises:
        ConfigError: no such baseline, or pixels of a run on cached features.
    """
    from kgzsl.evaluate import ESZSL, RidgeToAttributes, choose_gamma

    if name not in BASELINES:
        raise ConfigError(Problem(f"no baseline {name!r}", expected=f"one of {', '.join(BASELINES)}"))
    started = time.perf_counter()
    data = _dataset_of(run, listener)
    features = _pooled(run, data.images) if name == "ESZSL" else _small_pixels(data.images)
    table = _unit_rows(run.attributes)
    train = np.flatnonzero(data.images.parts == "trainval")
    test = np.flatnonzero(data.images.parts != "trainval")
    labels = data.images.labels
    validation = run.space.mask(run.split.validation)
    seen = run.space.mask(run.split.seen)
    # Twice: without the validation classes for gamma, then with all seen classes.
    kind = ESZSL if name == "ESZSL" else RidgeToAttributes
    chosen = kind().fit_best(features[train], labels[train], table, validation_classes=np.flatnonzero(validation))
    strengths: dict[str, Any] = {"lam": chosen.lam}
    if isinstance(chosen, ESZSL):
        strengths["gamma"] = chosen.gamma
    fold = _held_out(labels[train], seen & ~validation)
    fitted = train[~fold & ~validation[labels[train]]]
    judged = train[fold | validation[labels[train]]]
    columns = np.flatnonzero(seen)
    trial = kind().fit(features[fitted], labels[fitted], table, **strengths).scores(features[judged], table)[:, columns]
    calibration = choose_gamma(trial, np.searchsorted(columns, labels[judged]), validation[columns])
    scores = chosen.scores(features[test], table)
    ratio = chosen.scores(features[train[fold]], table)[:, columns].std() / trial[~validation[labels[judged]]].std()
    return _report(
        run,
        scores,
        labels[test],
        gamma=calibration.gamma * float(ratio),
        backbone=run.facts["backbone"] if _frozen(run.config) or name != "ESZSL" else "encoder of the run",
        seconds=time.perf_counter() - started,
    )


def _pooled(run: Run, images: ImageSet, *, batch: int = 256) -> np.ndarray:
    """Mean patch token of every image, unit length: of the backbone, or of the run's own encoder."""
    import torch

    rows = []
    with torch.inference_mode():
        for start in range(0, len(images), batch):
            part = np.array(images.array[start : start + batch])
            tokens = (
                part.astype(np.float32)
                if images.array.ndim == 3
                else run.model.image_encoder(torch.from_numpy(part)).numpy()
            )
            rows.append(tokens.mean(1))
    pooled = np.concatenate(rows).astype(np.float64)
    return pooled / np.linalg.norm(pooled, axis=1, keepdims=True)


def _small_pixels(images: ImageSet) -> np.ndarray:
    """Pixels in [-1, 1] at 32 x 32 as one row an image."""
    if images.array.dtype != np.uint8:
        raise ConfigError(Problem("a run on cached features has no pixels", fix="run `pixel ridge` on a run on pixels"))
    step = max(1, images.array.shape[1] // 32)
    size = images.array.shape[1] // step * step
    blocks = images.array[:, :size, :size].reshape(len(images), size // step, step, size // step, step, 3)
    return blocks.mean((2, 4)).reshape(len(images), -1) / 127.5 - 1


def _unit_rows(attributes: ClassAttributes) -> np.ndarray:
    """Class attributes of unit length, what is unknown being 0."""
    table = np.where(attributes.known, attributes.value, 0).astype(np.float64)
    return table / np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-12)


def _dataset_name(config: RunConfig) -> str:
    """Dataset and split in a word or two."""
    if config.data.benchmark:
        return config.data.benchmark
    if config.data.dataset:
        known = published_as(config.data.dataset)
        return known.name if known else Path(config.data.root).name
    name = config.data.split.partition(":")[2]
    return Path(config.data.images).parent.name + (f" {name}" if name else "")


def _semantics_name(config: RunConfig) -> str:
    """What described the classes."""
    kind = "published attributes" if config.data.dataset and not config.ontology.files else "KG attributes"
    name = kind + ("" if config.ontology.entail == "el" else f", entailment {config.ontology.entail}")
    name += " and numbers" if config.semantics.numbers else ""
    return name + (", shuffled" if config.semantics.shuffle else "")


def predict(run: Run, images: Sequence[str | Path], *, top: int = 5) -> list[Prediction]:
    """Classify image files among all classes of the run, seen and unseen.

    Scores are calibrated: gamma is taken off those of seen classes.

    Raises:
        ImageError: every file that is not an image.
    """
    scores = _scores(run.model, _read_images(run, images), run.attributes) - run.gamma * run.space.mask(run.split.seen)
    unseen = set(run.split.unseen)
    predictions = []
    for path, row in zip(images, scores, strict=True):
        best = [(run.space.classes[c], float(row[c])) for c in np.argsort(-row, kind="stable")[:top]]
        named = tuple((iri, run.ontology.label(iri), score, iri in unseen) for iri, score in best)
        predictions.append(Prediction(str(path), named))
    return predictions


def _read_images(run: Run, images: Sequence[str | Path]) -> np.ndarray:
    """Image files as the run's model reads them."""
    if run.config.data.features:
        fix = "train on images (data.backbone), or give features of the same backbone as an array in Python"
        got = f"a run on the features of {run.config.data.features} reads no image files"
        raise ConfigError(Problem(got, expected="a run on images", fix=fix))
    if not run.config.data.backbone:
        return read_pixels(images, size=run.config.data.size)
    from kgzsl.data.backbone import load_backbone

    return load_backbone(run.config.data.backbone).features(images)


def explain(
    run: Run, image: str | Path | np.ndarray, *, against: str | None = None, name: str | None = None
) -> Explanation:
    """Which facts drove the prediction for one image.

    Args:
        run: a trained run.
        image: a file, or pixels (or patch features) as the run's model reads them.
        against: the rival class by IRI or label; by default the runner-up.
        name: what to call the image.

    Returns:
        Contributions that sum to the margin between the predicted class and the rival.

    Raises:
        ImageError: not an image.
        UnknownTermError: no such rival.
        SplitError: the rival is not a class of the run, or is the predicted class.
    """
    import torch

    from kgzsl.explain.margin import ImageEvidence, explain_margin

    array = image if isinstance(image, np.ndarray) else _read_images(run, [image])[0]
    rival_iri = None if against is None else _rival(run, against)
    model = run.model
    with torch.inference_mode():
        found = model.encode_images(torch.from_numpy(np.array(array))[None])
        vectors = model.encode_classes(torch.from_numpy(run.attributes.value), torch.from_numpy(run.attributes.known))
        scale = float(model.log_scale.exp())
        evidence = scale * found.evidence[0].double().numpy()
        shares = scale * (found.attention * found.local)[0].double().numpy()
        table = vectors.double().numpy()
    seen = run.space.mask(run.split.seen)
    scores = table @ evidence - run.gamma * seen
    order = np.argsort(-scores, kind="stable")
    predicted = int(order[0])
    rival = int(order[1]) if rival_iri is None else int(run.space.columns([rival_iri])[0])
    if rival == predicted:
        fix = "name another class with --against"
        raise SplitError(
            Problem(f"{run.ontology.label(run.space.classes[rival])} is the predicted class itself", fix=fix)
        )
    return explain_margin(
        ImageEvidence(
            image=name or str(image),
            evidence=evidence,
            shares=shares,
            predicted=table[predicted],
            rival=table[rival],
            offset=float(run.gamma) * (int(seen[rival]) - int(seen[predicted])),
        ),
        classes=(run.space.classes[predicted], run.space.classes[rival]),
        class_attributes=run.attributes,
        ontology=run.ontology,
        verbalize=verbalizer(run.ontology),
        top=tuple((run.space.classes[c], float(scores[c])) for c in order[:5]),
        unseen=frozenset(run.split.unseen),
    )


def verbalizer(ontology: Ontology) -> Callable[[Fact], str]:
    """Facts as phrases in the words of an ontology."""
    return partial(verbalize, ontology=ontology)


def _rival(run: Run, name: str) -> str:
    """The IRI of a class of the run, by IRI or label."""
    iri = run.ontology.resolve(name)
    if iri not in run.space.classes:
        known = [run.ontology.label(c) for c in run.space.classes]
        got = f"{name} is in the ontology, but not a class of this run"
        raise SplitError(Problem(got, fix=nearest(name, known)))
    return iri
