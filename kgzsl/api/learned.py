"""What a fact may have been learned from: seen classes that have its attribute, and training images of theirs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

from kgzsl.api.records import Run
from kgzsl.api.sources import image_size, listing_of, shuffled
from kgzsl.data.creatures import draw, trainval_rows
from kgzsl.data.decoding import read_picture
from kgzsl.data.images import cut_parts, find_images
from kgzsl.errors import ImageError, KgzslError, Problem
from kgzsl.ontology import Fact
from kgzsl.semantics import Attribute

if TYPE_CHECKING:
    from PIL import Image

    from kgzsl.explain.explanation import LearnedFrom

__all__ = ["learned_from", "picture_of"]

CLASSES, IMAGES = 3, 2
"""Of a fact so many classes are named, and of a class so many images."""
HAS = 0.5
"""A class of this degree or more has an attribute."""
CREATURES = "creatures/"
"""Before the row of an image of the benchmark, in its name."""


@dataclass(frozen=True, eq=False)
class _Training:
    """Names of a run's training images: some of each class, and all."""

    examples: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    names: frozenset[str] = frozenset()


_LISTED: WeakKeyDictionary[Run, _Training] = WeakKeyDictionary()


def learned_from(run: Run) -> Callable[[Fact], tuple[LearnedFrom, ...]]:
    """What tells of a fact which classes with training images have its attribute.

    Those that have it most, by IRI where they have it alike; three at most, with two of their training images each,
    where the run knows files of them. No image is read, and test images are not even named. Of a fact that denies
    something these are the classes that have it: there the model learned what it looks like.
    """
    from kgzsl.explain.explanation import LearnedFrom

    table, seen = run.attributes, set(run.split.seen)
    columns = {attribute: column for column, attribute in enumerate(table.attributes)}
    rows = [row for row, iri in enumerate(table.classes) if iri in seen]
    degree = np.where(table.known[rows], table.degree[rows], 0.0)
    iris = np.array([table.classes[row] for row in rows])

    def found(fact: Fact) -> tuple[LearnedFrom, ...]:
        column = columns.get(Attribute(fact.predicate, fact.object))
        if column is None:
            return ()
        order = np.lexsort((iris, -degree[:, column]))[:CLASSES]
        chosen = [str(iris[k]) for k in order if degree[k, column] >= HAS]
        return tuple(LearnedFrom(iri, _training(run).examples.get(iri, ())) for iri in chosen)

    return found


def picture_of(run: Run, name: str) -> Image.Image | None:
    """A training image of a run by the name that :class:`~kgzsl.explain.explanation.LearnedFrom` has of it.

    Args:
        run: a trained run.
        name: a file, or the name of an image of the benchmark, which is drawn.

    Returns:
        The picture upright as RGB; None where its file is no longer there or cannot be read.

    Raises:
        ImageError: no training image of the run.
    """
    from PIL import Image

    if name not in _training(run).names:
        raise ImageError(Problem(f"{name} is no training image of the run", file=run.folder.path))
    data = run.config.data
    if data.benchmark == "creatures":
        counts = {"train_per_class": data.train_per_class, "test_per_class": data.test_per_class}
        return Image.fromarray(draw(int(name.removeprefix(CREATURES)), size=image_size(run.config), **counts))
    try:
        return read_picture(name)
    except ImageError:
        return None


def _training(run: Run) -> _Training:
    """The training images of a run, listed once; none where they are not on this machine any more."""
    if run not in _LISTED:
        try:
            named = _named(run)
        except (KgzslError, OSError):
            named = {}
        examples = {iri: tuple(names[:IMAGES]) for iri, names in named.items()}
        _LISTED[run] = _Training(examples, frozenset(name for names in named.values() for name in names))
    return _LISTED[run]


def _named(run: Run) -> dict[str, list[str]]:
    """Names of the training images of each class; of precomputed features there are no files."""
    data = run.config.data
    named: dict[str, list[str]] = defaultdict(list)
    if data.benchmark == "creatures":
        rows = trainval_rows(train_per_class=data.train_per_class, test_per_class=data.test_per_class)
        named |= {iri: [f"{CREATURES}{row}" for row in those] for iri, those in rows.items()}
    elif data.dataset and not data.features:
        listing = listing_of(run.config, run.ontology)
        for name, iri, part in zip(listing.names, listing.classes, listing.parts, strict=True):
            if part == "trainval":
                named[iri].append(name)
    elif data.images and not data.dataset:
        paths, classes, parts = cut_parts(find_images(data.images, resolve=run.ontology.resolve), run.split)
        for path, iri, part in zip(paths, classes, parts, strict=True):
            if part == "trainval":
                named[iri].append(str(path))
    if run.config.semantics.shuffle:
        other = shuffled(run.space, run.split, seed=run.config.train.seed)
        given = dict(zip(run.space.classes, (run.space.classes[k] for k in other), strict=True))
        named = {given[iri]: names for iri, names in named.items()}
    return dict(named)
