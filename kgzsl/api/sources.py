"""Ontologies and data sets, as a run file names them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kgzsl.api.records import Dataset, Listener
from kgzsl.data.catalog import published_as
from kgzsl.data.creatures import cached, cached_decoys, load
from kgzsl.data.creatures import ontology_path as creatures_ontology
from kgzsl.data.decoding import read_picture
from kgzsl.data.images import ImageSet, cut_parts, find_images, middle_of, read_pixels, unreadable
from kgzsl.data.labels import LabelSpace
from kgzsl.data.layouts import list_images, ontology_text, published_strengths
from kgzsl.data.listing import Listing, Request, summarize
from kgzsl.data.rows import Rows, take_rows
from kgzsl.data.split import ZeroShotSplit, read_split
from kgzsl.errors import (
    ConfigError,
    ImageError,
    NoFactsError,
    Problem,
    SplitError,
    nearest,
)
from kgzsl.ontology import Ontology, parse_ontology, read_ontology
from kgzsl.ontology.external import with_external
from kgzsl.ontology.profile import Profile
from kgzsl.ontology.reading.endpoint import read_endpoint
from kgzsl.semantics import ClassAttributes, Strengths, class_attributes, read_strengths, with_strengths
from kgzsl.semantics.groups import groups_of
from kgzsl.semantics.node_text import DEFINITIONS

if TYPE_CHECKING:
    from PIL import Image

    from kgzsl.data.preprocessing import Preprocessing
    from kgzsl.ontology.ontology import Reasoner, Regime
    from kgzsl.train.run import RunConfig

__all__ = [
    "as_seen",
    "attributes_of",
    "creatures_ontology",
    "dataset_name",
    "image_size",
    "listing_of",
    "load_dataset",
    "load_endpoint",
    "load_ontology",
    "ontology_of",
    "overlap_of",
    "pixels_of",
    "read_for",
    "semantics_name",
    "shuffled",
    "strengths_source",
]

FEW = 7
"""So many names are told; of more, the number."""


def load_ontology(
    *files: str | Path,
    profile: str | Profile | None = None,
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
        profile: ``owl``, ``kzsl``, ``skos``, a profile in a ``.toml`` file, or a profile; detected when not given.
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
    ontology = ontology_of(config)
    published: tuple[str, ...] = ()
    if config.data.benchmark == "creatures":
        images, split = _creatures(config, listener)
    elif config.data.dataset:
        images, split, published = _published(config, ontology, listener)
    else:
        images, split = _folder(config, ontology, listener)
    if config.model.image_encoder:
        images = replace(images, backbone=_tuned_name(config))
    validation = "that the split names"
    if config.train.validation == "published":
        split = _with_validation(split, published or split.validation)
        validation = "published with the data set"
    elif not split.validation:
        split = split.cut_validation(fraction=config.train.validation_fraction, seed=config.train.seed)
        validation = "cut from the seen ones by the seed"
    strengths = _strengths_of(config)
    attributes = attributes_of(config, ontology, images.space, strengths=strengths, listener=listener)
    _need_facts(attributes)
    if config.semantics.shuffle:
        other = shuffled(images.space, split, seed=config.train.seed)
        images = replace(images, labels=other[images.labels])
    return Dataset(
        images=images,
        split=split,
        ontology=ontology,
        attributes=attributes,
        validation=validation,
        strengths=strengths,
    )


def attributes_of(
    config: RunConfig,
    ontology: Ontology,
    space: LabelSpace,
    *,
    strengths: Strengths | None = None,
    listener: Listener | None = None,
) -> ClassAttributes:
    """What a run file makes of the facts about its classes, and of strengths beside them.

    Args:
        config: the run.
        ontology: entailed.
        space: the classes.
        strengths: how much of the attributes classes have.
        listener: hears of strengths that match no attribute.

    Raises:
        DataError: all that is wrong with the strengths.
    """
    semantics = config.semantics
    facts = class_attributes(
        ontology, space.classes, world=semantics.world, numbers=semantics.numbers, facts=semantics.facts
    )
    if strengths is None:
        return facts
    table, unmatched = with_strengths(facts, strengths)
    if unmatched and listener is not None:
        known = sorted({ontology.label(a.filler) for a in facts.attributes if a.unit is None})
        names = [ontology.label(name) if name in ontology.labels else name for name in unmatched]
        told = [
            (f"no class has an attribute {name!r}: its strengths are not used", nearest(name, known)) for name in names
        ]
        listener.notice([Problem(got, fix=fix, file=strengths.file) for got, fix in told])
    return table


def strengths_source(config: RunConfig) -> str:
    """Where strengths of attributes are from: ``none``, ``published``, or a file.

    Example:
        >>> from kgzsl.train.run import parse_config
        >>> strengths_source(parse_config({"data": {"dataset": "CUB", "root": "cub"}}))
        'published'
    """
    generated = config.data.dataset and not config.ontology.files
    return config.semantics.strengths or ("published" if generated else "none")


def _strengths_of(config: RunConfig) -> Strengths | None:
    """Strengths of attributes that a run file asks for."""
    source, data = strengths_source(config), config.data
    if source == "none":
        return None
    if source != "published":
        return read_strengths(source)
    generated = not config.ontology.files
    found = data.dataset and published_strengths(Path(data.root), data.dataset, split=data.split, generated=generated)
    if not found:
        got, expected = 'semantics.strengths = "published" of data that have none', "a data set in the layout xlsa17"
        raise ConfigError(Problem(got, expected=expected, fix="give a file of strengths, or leave it out"))
    return found


def ontology_of(config: RunConfig) -> Ontology:
    """The ontology that a run file names, or the one that its data set brings."""
    files: tuple[str | Path, ...] = config.ontology.files
    if not files and config.data.benchmark == "creatures":
        files = (creatures_ontology(),)
    if files:
        if config.data.decoys:
            files = (*files, cached_decoys(*files, times=config.data.decoys))
        return read_for(config, *files)
    if config.data.dataset:
        data = config.data
        text = ontology_text(Path(data.root), data.dataset, split=data.split, features=data.features)
        if text is not None:
            return parse_ontology(text, profile="owl").entail(config.ontology.entail)
    raise ConfigError(Problem("no ontology", expected="ontology.files", fix="give --ontology FILE or [ontology] files"))


def read_for(config: RunConfig, *files: str | Path) -> Ontology:
    """Files as a run reads them: with definitions and other vocabularies where it asks for their facts.

    Raises:
        NoFactsError: a group of facts is asked for that the files have nothing of.
        ConfigError: a predicate is asked for that no external fact has.
    """
    groups, semantics = groups_of(config.semantics.facts), config.semantics
    ontology = load_ontology(*files, profile=config.ontology.profile, entail=config.ontology.entail)
    profile = ontology.profile
    if "literals" in groups:
        profile = replace(profile, annotations_as_facts=(*profile.annotations_as_facts, *DEFINITIONS))
        ontology = load_ontology(*files, profile=profile, entail=config.ontology.entail)
    if "external" in groups:
        everything = ontology
        if profile.scope != "all":
            everything = load_ontology(*files, profile=replace(profile, scope="all"), entail=config.ontology.entail)
        ontology = with_external(ontology, everything, hops=semantics.hops, predicates=semantics.predicates)
    return ontology


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
    listing = listing_of(config, ontology)
    if listing.features is not None:
        read = _Input(listing.features, listing.made_by)
        _report_skipped(listing.skipped, of=len(listing.names) + len(listing.skipped), listener=listener)
    else:
        keep = _readable(config, listing.files, listener, before=listing.skipped)
        listing = listing.take(keep)
        read = _read(config, listing.files, everything=listing.files, listener=listener)
    space = LabelSpace((*listing.split.seen, *listing.split.unseen))
    labels = space.columns(listing.classes)
    images = ImageSet(read.array, labels, np.array(listing.parts), listing.names, space, read.made_by, read.frozen)
    return images, listing.split, listing.validation


def listing_of(config: RunConfig, ontology: Ontology) -> Listing:
    """The images of a data set in a layout of the field; none of them is read."""
    data = config.data
    request = Request(
        root=Path(data.root),
        resolve=ontology.resolve,
        known=frozenset(ontology.classes),
        **{k: getattr(data, k) for k in ("dataset", "images", "split", "features", "classes", "skip_bad")},
    )
    return list_images(request, generated=not config.ontology.files)


def shuffled(space: LabelSpace, split: ZeroShotSplit, *, seed: int) -> np.ndarray:
    """Which class the images of every class are given to, seen among seen and unseen among unseen, by column."""
    random = np.random.default_rng(seed)
    other = np.arange(len(space))
    for group in (split.seen, split.unseen):
        circle = random.permutation(space.columns(group))
        other[circle] = np.roll(circle, 1)
    return other


def _creatures(config: RunConfig, listener: Listener) -> tuple[ImageSet, ZeroShotSplit]:
    """The embedded benchmark."""
    folder = cached(
        image_size(config),
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
    read = _read(config, paths, everything=everything, listener=listener)
    names, labels = tuple(map(str, paths)), space.columns(classes)
    images = ImageSet(read.array, labels, np.array(parts), names, space, read.made_by, read.frozen)
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


@dataclass(frozen=True, eq=False)
class _Input:
    """Pixels or patch features, what made them, and how many parameters that has."""

    array: np.ndarray | Rows
    made_by: str = "pixels"
    frozen: int = 0


def _read(config: RunConfig, paths: Sequence[Path], *, everything: Sequence[Path], listener: Listener) -> _Input:
    """Pixels or patch features of image files; features are cached for ``everything``."""
    try:
        if not config.data.backbone:
            return _Input(pixels_of(config, paths))
        from kgzsl.data.backbone import cached_features, load_backbone

        backbone = load_backbone(config.data.backbone, device=config.train.device)
        features = cached_features(everything, backbone, progress=listener.features)
    except ImageError as error:
        fix = "mend them, or set data.skip_bad = true to go on without them"
        raise ImageError(summarize(error.problems, "cannot be read", of=len(everything), fix=fix)) from None
    place = {path: row for row, path in enumerate(everything)}
    chosen = take_rows(features, np.array([place[path] for path in paths]))
    return _Input(chosen, backbone.name, backbone.parameters)


def pixels_of(config: RunConfig, paths: Sequence[str | Path]) -> np.ndarray:
    """Image files as pixels of the size that the model reads, uint8 ``(image, height, width, 3)``."""
    if config.model.image_encoder:
        return _preprocessing(config).read(paths)
    return read_pixels(paths, size=config.data.size)


def as_seen(config: RunConfig, image: str | Path) -> Image.Image:
    """What of an image file a run's model sees, upright and at the file's own resolution.

    Grounding maps and boxes lie over it: of an image that is not square, the ends are cut off.

    Raises:
        ImageError: not an image.
    """
    rgb = read_picture(image)
    source = config.data.backbone or config.model.image_encoder
    if not source:
        return middle_of(rgb)
    from kgzsl.data.preprocessing import read_preprocessing

    return read_preprocessing(source).view(rgb)


def image_size(config: RunConfig) -> int:
    """Side of the images that the model reads as pixels."""
    return _preprocessing(config).size if config.model.image_encoder else config.data.size


def _preprocessing(config: RunConfig) -> Preprocessing:
    """What a pretrained image encoder asks for."""
    from kgzsl.data.preprocessing import read_preprocessing

    return read_preprocessing(config.model.image_encoder)


def _tuned_name(config: RunConfig) -> str:
    """A pretrained image encoder and how much of it learns, for reports."""
    blocks = config.model.tuned_blocks
    tuned = {-1: "tuned", 0: "frozen"}.get(blocks, f"last {blocks} blocks tuned")
    return f"{Path(config.model.image_encoder).name}, {tuned}"


def _need_facts(attributes: ClassAttributes) -> None:
    """Every class needs a known attribute, or nothing can tell it."""
    empty = [iri for iri, known in zip(attributes.classes, attributes.known, strict=True) if not known.any()]
    if empty:
        fix = "state a fact of each in the ontology, or take them out of the split"
        raise NoFactsError(
            Problem(f"{attributes.ontology.label(iri)} ({iri}) has no fact about any attribute", fix=fix)
            for iri in empty
        )


def dataset_name(config: RunConfig) -> str:
    """Dataset and split in a word or two."""
    if config.data.benchmark:
        return config.data.benchmark
    if config.data.dataset:
        known = published_as(config.data.dataset)
        return known.name if known else Path(config.data.root).name
    name = config.data.split.partition(":")[2]
    return Path(config.data.images).parent.name + (f" {name}" if name else "")


def overlap_of(config: RunConfig) -> str:
    """Which unseen classes the backbone of a run was pretrained on, as the run file or the catalog declares it."""
    data = config.data
    trained_on, row = data.overlap, published_as(data.dataset)
    dual = config.baseline.dual_encoder if config.model.kind.startswith("clip") else ""
    if not (trained_on or data.backbone or data.features or config.model.image_encoder or dual):
        return "none: trained from nothing"
    if not trained_on and row and Path(data.features).name == "res101.mat":
        trained_on = "imagenet-1k"  # the published features are those of a ResNet-101 of ImageNet-1k
    if row and trained_on in row.pretraining:
        held = row.pretraining[trained_on]
        if not isinstance(held, str):
            held = ", ".join(held) if len(held) <= FEW else f"{len(held)} of the {row.unseen} unseen classes"
        return f"{held} ({trained_on})"
    return trained_on or "not declared"


def semantics_name(config: RunConfig) -> str:
    """What described the classes."""
    kind = "published" if config.data.dataset and not config.ontology.files else "KG"
    name = f"{kind} {' and '.join(config.semantics.facts)}"
    if config.semantics.source != ("attributes",):
        sources = config.semantics.sources
        model = Path(config.semantics.language_model).name
        name += f" by {', '.join(sources)}" + (f" ({model})" if {"prompt", "gnn"}.intersection(sources) else "")
    name += "" if strengths_source(config) == "none" else " with strengths"
    name += "" if config.ontology.entail == "el" else f", entailment {config.ontology.entail}"
    name += f", {config.data.decoys:g} x decoys" if config.data.decoys else ""
    name += " and numbers" if config.semantics.numbers else ""
    return name + (", shuffled" if config.semantics.shuffle else "")
