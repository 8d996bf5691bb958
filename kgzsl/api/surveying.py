"""A whole set of images as a run's model sees it, for :mod:`kgzsl.explain.summary`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from kgzsl.api.asking import class_of, look, need_sum, read_ahead, reader_of, verbalizer
from kgzsl.api.describing import describe
from kgzsl.api.measuring import as_trained, dataset_of
from kgzsl.api.records import Listener, Run
from kgzsl.api.scoring import evidence_in_turn
from kgzsl.data.images import SUFFIXES, ImageSet, find_images, read_pixels
from kgzsl.data.rows import in_batches
from kgzsl.errors import ConfigError, DataError, ImageError, Problem, SplitError, nearest

if TYPE_CHECKING:
    from kgzsl.explain.survey import Survey

__all__ = ["Part", "survey"]

Part = Literal["test", "test_unseen", "test_seen", "trainval"]
"""Which images of a run's data: ``test`` is both parts of them."""
WORDS: dict[str, str] = {
    "test": "test images",
    "test_unseen": "test images of unseen classes",
    "test_seen": "test images of seen classes",
    "trainval": "training images",
}
BATCH = 32
"""So many images are looked at more closely at once: the shares of patches take room."""
SIDE = 256
"""Pictures of images whose pixels the model does not read are this large."""


@dataclass(frozen=True, eq=False)
class _Images:
    """Images to be surveyed.

    Args:
        source: what they are, in words.
        names: path or name of each.
        labels: row of each one's class in the run; -1 where nobody says.
        batches: all of them as the model reads them, one batch after the other.
        arrays: the same of some.
        picture: pixels of one, where there are any.
        notes: what to know of them.
    """

    source: str
    names: tuple[str, ...]
    labels: np.ndarray
    batches: Callable[[], Iterator[np.ndarray]]
    arrays: Callable[[Sequence[int]], np.ndarray]
    picture: Callable[[int], np.ndarray | None]
    notes: tuple[str, ...] = ()


def survey(
    run: Run,
    *,
    split: Part = "test",
    images: str | Path | None = None,
    of: str | None = None,
    limit: int | None = None,
    listener: Listener | None = None,
) -> Survey:
    """Look at a whole set of images once, to ask which facts drive the predictions for them.

    Args:
        run: a trained run.
        split: which images of its data set.
        images: a folder of other images instead: one folder for each class, named by label or by the IRI's local name,
            or image files of which nobody says what they show.
        of: name of a class whose images alone are looked at.
        limit: so many images at most, evenly over the classes.
        listener: hears how many images are done.

    Returns:
        What :func:`~kgzsl.explain.summary.overview`, :func:`~kgzsl.explain.summary.class_facts` and
        :func:`~kgzsl.explain.summary.confusion` are asked of.

    Raises:
        ConfigError: a kind of model whose scores are no sum over facts, no such split, or a limit below 1.
        DataError: no images; folders that name no class of the run.
        ImageError: every file that is not an image.
        UnknownTermError: no such class.
        SplitError: no class of the run.
    """
    from kgzsl.explain.survey import Survey

    need_sum(run)
    if split not in WORDS:
        fix = nearest(split, list(WORDS), otherwise="") or None
        raise ConfigError(Problem(f"there is no split {split!r}", expected=", ".join(WORDS), fix=fix))
    if limit is not None and limit < 1:
        raise ConfigError(Problem(f"a limit of {limit} images", expected="1 or more"))
    only = None if of is None else int(run.space.columns([class_of(run, of)])[0])
    listener = listener or Listener()
    told = _of_split(run, split, only, limit, listener) if images is None else _of_folder(run, images, only, limit)
    found = list(evidence_in_turn(run.model, _counted(told, listener)))
    scale = float(run.model.log_scale.detach().exp())
    described = describe(run)

    def shares(rows: Sequence[int], columns: Sequence[int]) -> np.ndarray:
        parts = []
        for start in range(0, len(rows), BATCH):
            some, asked = rows[start : start + BATCH], columns[start : start + BATCH]
            parts.append(look(run, list(told.arrays(some))).shares[np.arange(len(some)), asked])
        return np.concatenate(parts)

    result = Survey(
        source=told.source,
        images=told.names,
        labels=told.labels,
        evidence=scale * np.concatenate([evidence.double().cpu().numpy() for evidence in found]),
        vectors=described.vectors,
        offsets=described.offsets,
        gates=described.gates,
        attributes=run.attributes,
        ontology=run.ontology,
        verbalize=verbalizer(run.ontology),
        blocks=described.blocks,
        unseen=frozenset(run.split.unseen),
        notes=told.notes,
        picture=told.picture,
        look=shares,
    )
    if only is not None and not (result.explained == only).any():
        got = f"none of {len(told.names)} {told.source} is predicted as {run.ontology.label(run.space.classes[only])}"
        raise DataError(Problem(got, fix="put its images in a folder of its name to say that they are of it"))
    return result


def _counted(images: _Images, listener: Listener) -> Iterator[np.ndarray]:
    """Batches of images, while the listener hears how many are done."""
    done = 0
    for batch in images.batches():
        listener.reading(done, len(images.names))
        yield batch
        done += len(batch)
    listener.reading(done, len(images.names))


def _of_split(run: Run, split: Part, only: int | None, limit: int | None, listener: Listener) -> _Images:
    """Images of a run's data set."""
    data = dataset_of(as_trained(run), listener).images
    labels = run.space.columns(data.space.classes)[data.labels]
    wanted = data.parts != "trainval" if split == "test" else data.parts == split
    rows = np.flatnonzero(wanted if only is None else wanted & (labels == only))
    if not len(rows):
        raise DataError(_no_images(run, data, split, only))
    rows = _spread(rows, labels[rows], limit)
    chosen = data.take(rows)
    names = chosen.names
    notes = ["These are test images: an ontology that is changed after a look at them was selected on test."]
    if split == "trainval":
        notes = ["The model was trained on these images and sees more in them than in others."]
    if run.config.semantics.shuffle:
        notes.append("The run is a control: its classes have the facts of others.")
    return _Images(
        source=WORDS[split],
        names=names,
        labels=labels[rows],
        batches=lambda: in_batches(chosen.array),
        arrays=lambda some: np.array(chosen.array[np.asarray(some)]),
        picture=lambda row: _picture(run, chosen, row),
        notes=tuple(notes),
    )


def _no_images(run: Run, data: ImageSet, split: Part, only: int | None) -> Problem:
    """What is missing, and where images are."""
    if only is None:
        there = [part for part in WORDS if part in data.parts]
        return Problem(f"the run's data have no {WORDS[split]}", expected=f"--split {' or '.join(there)}")
    iri = run.space.classes[only]
    got = f"there are no {WORDS[split]} of {run.ontology.label(iri)}"
    if iri in run.added:
        return Problem(got, fix="it was added after training: give a folder with --images")
    own = data.parts[data.labels == data.space.columns([iri])[0]]
    there = [part for part in WORDS if part in own]
    return Problem(got, fix=f"--split {' or '.join(there)} has some" if there else "give a folder with --images")


def _picture(run: Run, images: ImageSet, row: int) -> np.ndarray | None:
    """Pixels of an image of a data set: those that the model reads, or of its file if there is one."""
    if images.array.dtype == np.uint8:
        return np.asarray(images.array[row])
    path = Path(images.names[row])
    if not path.is_file():
        return None
    try:
        if run.config.data.backbone:
            from kgzsl.data.preprocessing import read_preprocessing

            return read_preprocessing(run.config.data.backbone).read([path])[0]
        return read_pixels([path], size=SIDE)[0]
    except ImageError:
        return None


def _of_folder(run: Run, folder: str | Path, only: int | None, limit: int | None) -> _Images:
    """Images of a folder, by class or without."""
    folder = Path(folder)
    loose = sorted(p for p in folder.glob("*") if p.is_file() and p.suffix.lower() in SUFFIXES)
    if loose and any(p.suffix.lower() in SUFFIXES for p in folder.glob("*/**/*")):
        got = f"{len(loose)} images beside folders of images"
        raise DataError(Problem(got, expected="image files, or one folder of them for each class", file=folder))
    if loose:
        paths, labels = loose, np.full(len(loose), -1)
    else:
        found = find_images(folder, resolve=run.ontology.resolve)
        _need_classes(run, found, folder)
        paths = [path for files in found.values() for path in files]
        labels = run.space.columns([iri for iri, files in found.items() for _ in files])
    rows = np.arange(len(paths))
    if only is not None and not loose:
        rows = np.flatnonzero(labels == only)
        if not len(rows):
            got = f"no images of {run.ontology.label(run.space.classes[only])}"
            expected = f"a folder of that name beside {', '.join(sorted(p.name for p in folder.iterdir())[:3])}"
            raise DataError(Problem(got, expected=expected, file=folder))
    rows = _spread(rows, labels[rows], limit)
    chosen = [paths[row] for row in rows.tolist()]
    read, encode = reader_of(run)
    return _Images(
        source=f"images of {folder.name}",
        names=tuple(map(str, chosen)),
        labels=labels[rows],
        batches=lambda: (encode(pixels) for pixels in read_ahead(read, chosen)),
        arrays=lambda some: encode(read([chosen[row] for row in some])),
        picture=lambda row: read([chosen[row]])[0],
        notes=() if not loose else ("Nobody says what these images show: a class has those that are predicted as it.",),
    )


def _need_classes(run: Run, found: dict[str, list[Path]], folder: Path) -> None:
    """Every folder of images is of a class of the run."""
    known = [run.ontology.label(iri) for iri in run.space.classes]
    problems = [
        Problem(
            f"{run.ontology.label(iri)} is in the ontology, but not a class of this run",
            fix=nearest(run.ontology.label(iri), known, otherwise="take its folder away"),
            file=files[0].parent,
        )
        for iri, files in found.items()
        if iri not in run.space.classes
    ]
    if problems:
        raise SplitError(problems)


def _spread(rows: np.ndarray, labels: np.ndarray, limit: int | None) -> np.ndarray:
    """Some of the rows, evenly over the labels: of each the first, then of each the second, and so on."""
    if limit is None or limit >= len(rows):
        return rows
    order = np.argsort(labels, kind="stable")
    starts = np.r_[0, np.flatnonzero(np.diff(labels[order])) + 1]
    turn = np.empty(len(rows), dtype=np.int64)
    turn[order] = np.arange(len(rows)) - np.repeat(starts, np.diff(np.r_[starts, len(rows)]))
    return np.sort(rows[np.argsort(turn, kind="stable")[:limit]])
