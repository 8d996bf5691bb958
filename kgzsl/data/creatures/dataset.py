"""Write the benchmark's pictures as one folder, keep it in a cache, and load it."""

from __future__ import annotations

import csv
import hashlib
import itertools
import json
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kgzsl.data.cache import cache_folder
from kgzsl.data.creatures.appearance import FEATURES, Appearance, appearances
from kgzsl.data.creatures.render import RENDERER_VERSION, Box, render
from kgzsl.errors import DataError, Problem, SplitError, full_disk_said
from kgzsl.ontology import read_ontology

__all__ = ["Creatures", "cached", "draw", "generate", "load", "ontology_path", "read_looks", "trainval_rows"]

PARTS = ("trainval", "test_seen", "test_unseen")
_PROPERTIES = tuple(FEATURES)
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Looks:
    """The classes to draw: looks and labels by IRI, and which of them are seen."""

    appearances: dict[str, Appearance]
    labels: dict[str, str]
    seen: tuple[str, ...]
    unseen: tuple[str, ...]


@dataclass(frozen=True)
class Creatures:
    """The benchmark, loaded.

    Args:
        images: uint8, image x height x width x 3, mapped from the file.
        labels: for each image, the position of its class in ``class_iris``.
        part: for each image, ``trainval``, ``test_seen`` or ``test_unseen``.
        class_iris: the classes, seen ones first.
        class_labels: their labels, in the same order.
        seen: IRIs of the classes that have training images.
        unseen: IRIs of the classes that have none.
        box_table: image x property x (left, top, right, bottom); NaN where a part is absent.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    part: NDArray[np.str_]
    class_iris: tuple[str, ...]
    class_labels: tuple[str, ...]
    seen: tuple[str, ...]
    unseen: tuple[str, ...]
    box_table: NDArray[np.float32]

    def boxes(self, index: int) -> dict[str, Box]:
        """Where in one image each part was drawn.

        Returns:
            Local name of a visual property -> left, top, right, bottom as fractions of the
            image in [0, 1]; absent parts have none.
        """
        found = zip(_PROPERTIES, self.box_table[index].tolist(), strict=True)
        return {name: (box[0], box[1], box[2], box[3]) for name, box in found if box[0] == box[0]}


def ontology_path() -> Path:
    """Where ``creatures.ttl`` is: in a checkout beside the package, in an installation inside it.

    Raises:
        DataError: in neither place.
    """
    package = Path(__file__).resolve().parents[2]
    places = (package.parent / "ontologies" / "creatures.ttl", package / "ontologies" / "creatures.ttl")
    for place in places:
        if place.is_file():
            return place
    raise DataError(Problem("creatures.ttl is missing", f"{places[0]} or {places[1]}", "install kgzsl again"))


def read_looks(ontology: Path | None = None) -> Looks:
    """The looks of every class of the split that lies beside the ontology.

    Args:
        ontology: by default :func:`ontology_path`; the split of ``x.ttl`` is ``x_split.json``.

    Raises:
        SplitError: the split is missing or empty, or overlaps.
        DataError: the ontology leaves the looks of a class open.
    """
    path = ontology_path() if ontology is None else Path(ontology)
    seen, unseen = _read_split(path.with_name(f"{path.stem}_split.json"))
    entailed = read_ontology(path).entail()
    facts = [fact for polarity in ("positive", "negative") for fact in entailed.facts(polarity=polarity)]
    classes = (*seen, *unseen)
    return Looks(appearances(facts, classes=classes), {iri: entailed.label(iri) for iri in classes}, seen, unseen)


def generate(
    out: Path,
    *,
    ontology: Path | None = None,
    size: int = 64,
    train_per_class: int = 50,
    test_per_class: int = 20,
    seed: int = 0,
    processes: int = 1,
    png: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Draw the benchmark into a new folder, completely or not at all.

    The folder holds ``images.npy`` (uint8, image x height x width x 3), ``labels.csv``,
    ``boxes.npz``, ``split.json`` and ``meta.json``. Seen classes have train and test images,
    unseen classes test images only. The test images are the same for any ``train_per_class``,
    and all are the same for any number of processes.

    Args:
        out: the folder to make; it must not exist.
        ontology: what to draw; by default the creatures that come with kgzsl.
        size: width and height of an image in pixels, at least 16.
        train_per_class: training images of a seen class.
        test_per_class: test images of a class.
        seed: not negative; another seed gives other images.
        processes: how many processes draw.
        png: also write ``images/<class label>/<nnn>.png``.
        progress: is told how many images are done, and of how many.

    Returns:
        ``out``.

    Raises:
        DataError: ``out`` exists, or a number is out of range.
        FailureError: the disk is full; nothing is kept.
    """
    out = Path(out)
    _check(out, size=size, train_per_class=train_per_class, test_per_class=test_per_class, seed=seed)
    source = ontology_path() if ontology is None else Path(ontology)
    looks = read_looks(source)
    rows = list(_plan(looks, train_per_class, test_per_class, seed))
    meta = {
        "size": size,
        "train_per_class": train_per_class,
        "test_per_class": test_per_class,
        "seed": seed,
        "images": len(rows),
        "ontology": source.name,
        "ontology_sha256": _digest(source),
        "renderer_version": RENDERER_VERSION,
    }
    fix = "make room, or write to another disk: --out, and of the cache KGZSL_CACHE"
    with full_disk_said(out.parent, fix=fix):
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as temporary:
            folder = Path(temporary) / "data"
            folder.mkdir()
            _draw(folder, looks, rows, size=size, processes=processes, progress=progress)
            _write_tables(folder, looks, rows, meta)
            if png:
                _write_png(folder, looks, rows)
            try:
                folder.rename(out)
            except OSError as error:
                raise _taken(out) from error
    return out


def cached(
    size: int = 64,
    *,
    ontology: Path | None = None,
    train_per_class: int = 50,
    test_per_class: int = 20,
    seed: int = 0,
    progress: Progress | None = None,
) -> Path:
    """The folder that :func:`generate` makes, made once and kept in the user's cache.

    The cache is :func:`kgzsl.data.cache.cache_folder`; the folder's name follows from the parameters, the ontology and
    the renderer's version.
    """
    source = ontology_path() if ontology is None else Path(ontology)
    digest = _digest(source)
    key = json.dumps([RENDERER_VERSION, digest, size, train_per_class, test_per_class, seed])
    folder = cache_folder() / f"creatures-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
    if not folder.is_dir():
        try:
            generate(
                folder,
                ontology=source,
                size=size,
                train_per_class=train_per_class,
                test_per_class=test_per_class,
                seed=seed,
                progress=progress,
            )
        except DataError:
            if not folder.is_dir():  # else another process was faster, and its folder is complete
                raise
    return folder


def trainval_rows(*, train_per_class: int = 50, test_per_class: int = 20) -> dict[str, range]:
    """The rows that :func:`generate` gives to the training images of each seen class; nothing is drawn.

    Example:
        >>> rows = trainval_rows(train_per_class=3, test_per_class=2)
        >>> len(rows), [*rows.values()][:2]
        (80, [range(0, 3), range(5, 8)])
    """
    path = ontology_path()
    seen, _ = _read_split(path.with_name(f"{path.stem}_split.json"))
    each = train_per_class + test_per_class
    return {iri: range(n * each, n * each + train_per_class) for n, iri in enumerate(seen)}


def draw(row: int, *, size: int = 64, train_per_class: int = 50, test_per_class: int = 20) -> NDArray[np.uint8]:
    """One image of the benchmark without the folder: the bits of that row in what :func:`cached` makes.

    Args:
        row: from 0; see :func:`trainval_rows`.
        size: width and height in pixels.
        train_per_class: training images of a seen class.
        test_per_class: test images of a class.
    """
    looks = _looks(ontology_path())
    drawn = next(itertools.islice(_plan(looks, train_per_class, test_per_class, 0), row, None))
    return render(looks.appearances[drawn.iri], seed=drawn.seed, size=size).image


def load(path: Path) -> Creatures:
    """Open a folder that :func:`generate` made; the images stay on disk until they are read.

    Raises:
        DataError: the folder or one of its files is missing.
    """
    path = Path(path)
    names = ("images.npy", "labels.csv", "boxes.npz", "split.json")
    missing = [name for name in names if not (path / name).is_file()]
    if missing:
        fix = "`kgzsl data creatures --out DIR` makes one"
        raise DataError(Problem(f"no {', '.join(missing)}", "a folder of creatures", fix, path))
    with (path / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    split = json.loads((path / "split.json").read_text(encoding="utf-8"))
    iris = (*split["seen"], *split["unseen"])
    column, names_of = {iri: n for n, iri in enumerate(iris)}, {row["class_iri"]: row["class_label"] for row in rows}
    with np.load(path / "boxes.npz") as boxes:
        table = boxes["boxes"]
    return Creatures(
        images=np.load(path / "images.npy", mmap_mode="r"),
        labels=np.array([column[row["class_iri"]] for row in rows], dtype=np.int64),
        part=np.array([row["part"] for row in rows]),
        class_iris=iris,
        class_labels=tuple(names_of[iri] for iri in iris),
        seen=tuple(split["seen"]),
        unseen=tuple(split["unseen"]),
        box_table=table,
    )


@dataclass(frozen=True)
class _Row:
    """One image to draw."""

    iri: str
    part: str
    seed: tuple[int, int, int, int]


def _plan(looks: Looks, train: int, test: int, seed: int) -> Iterator[_Row]:
    """Every image, class by class; the seed is (seed, class, part, image)."""
    for n, iri in enumerate((*looks.seen, *looks.unseen)):
        parts = {"trainval": train, "test_seen": test} if n < len(looks.seen) else {"test_unseen": test}
        for part, count in parts.items():
            for k in range(count):
                yield _Row(iri, part, (seed, n, min(PARTS.index(part), 1), k))


def _draw(
    folder: Path, looks: Looks, rows: Sequence[_Row], *, size: int, processes: int, progress: Progress | None
) -> None:
    """Draw all images into the array file, one after the other, and write their boxes.

    Not through a memory map, where a full disk is a signal and no error.
    """
    boxes = np.full((len(rows), len(_PROPERTIES), 4), np.nan, dtype=np.float32)
    jobs = [(looks.appearances[row.iri], row.seed, size) for row in rows]
    pool = ProcessPoolExecutor(processes) if processes > 1 else None
    try:
        done = pool.map(_one, jobs, chunksize=64) if pool else map(_one, jobs)
        with (folder / "images.npy").open("wb") as file:
            layout = {"descr": "|u1", "fortran_order": False, "shape": (len(rows), size, size, 3)}
            np.lib.format.write_array_header_1_0(file, layout)
            for n, (image, box) in enumerate(done):
                file.write(image.astype(np.uint8, copy=False).tobytes())
                boxes[n] = box
                if progress and ((n + 1) % 100 == 0 or n + 1 == len(rows)):
                    progress(n + 1, len(rows))
    finally:
        if pool:
            pool.shutdown(cancel_futures=True)
    np.savez_compressed(folder / "boxes.npz", boxes=boxes, properties=np.array(_PROPERTIES))


def _one(job: tuple[Appearance, tuple[int, ...], int]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """One image and its boxes, property by property."""
    look, seed, size = job
    drawn = render(look, seed=seed, size=size)
    absent = (np.nan,) * 4
    return drawn.image, np.array([drawn.boxes.get(name, absent) for name in _PROPERTIES], dtype=np.float32)


def _write_tables(folder: Path, looks: Looks, rows: Sequence[_Row], meta: dict[str, object]) -> None:
    """Write labels, split and meta data."""
    with (folder / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["index", "class_iri", "class_label", "part", "seed"])
        for n, row in enumerate(rows):
            writer.writerow([n, row.iri, looks.labels[row.iri], row.part, " ".join(map(str, row.seed))])
    for name, content in (("split", {"seen": looks.seen, "unseen": looks.unseen}), ("meta", meta)):
        (folder / f"{name}.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _write_png(folder: Path, looks: Looks, rows: Sequence[_Row]) -> None:
    """Write every image as a file of its own, a folder for each class."""
    images = np.load(folder / "images.npy", mmap_mode="r")
    counts: dict[str, int] = {}
    for n, row in enumerate(rows):
        # a label is free text: nothing in it may lead out of the folder
        place = folder / "images" / re.sub(r"[^\w -]", "_", looks.labels[row.iri])
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(images[n]).save(place / f"{counts.get(row.iri, 0):03d}.png")
        counts[row.iri] = counts.get(row.iri, 0) + 1


def _check(out: Path, *, size: int, **counts: int) -> None:
    """Refuse what cannot be drawn, naming all that is wrong."""
    problems = [] if size >= 16 else [Problem(f"size is {size}", "at least 16 pixels")]
    for name, count in counts.items():
        low = 0 if name == "seed" else 1
        if count < low:
            problems.append(Problem(f"{name} is {count}", f"at least {low}"))
    if out.exists():
        problems += _taken(out).problems
    if problems:
        raise DataError(problems)


def _taken(out: Path) -> DataError:
    """The error of an output folder that is already there."""
    return DataError(Problem("it exists", "a new folder", "name another, or remove it", out))


@lru_cache(maxsize=1)
def _looks(ontology: Path) -> Looks:
    """What :func:`read_looks` reads, kept for the next image."""
    return read_looks(ontology)


def _read_split(path: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The seen and unseen classes of a split file."""
    try:
        split = json.loads(path.read_text(encoding="utf-8"))
        seen, unseen = tuple(split["seen"]), tuple(split["unseen"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SplitError(
            Problem(f"not a readable split ({error})", '{"seen": [IRI, ...], "unseen": [IRI, ...]}', file=path)
        ) from error
    both = sorted({*seen} & {*unseen})
    if both or not seen or not unseen:
        got = f"seen and unseen: {', '.join(both)}" if both else "no seen or no unseen classes"
        raise SplitError(Problem(got, "disjoint classes on both sides", file=path))
    return seen, unseen


def _digest(path: Path) -> str:
    """SHA-256 of the ontology and its split."""
    try:
        split = path.with_name(f"{path.stem}_split.json")
        return hashlib.sha256(path.read_bytes() + split.read_bytes()).hexdigest()
    except OSError as error:
        raise DataError(Problem(f"cannot be read ({error.strerror})", file=error.filename)) from error
