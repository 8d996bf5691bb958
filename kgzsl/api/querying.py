"""A run as one RDF graph: what its ontology says, what it takes images for, and the facts that drove it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from kgzsl.api.asking import ask, look, need_sum, read_ahead, reader_of
from kgzsl.api.measuring import as_trained, dataset_of
from kgzsl.api.records import Listener, Run
from kgzsl.api.scoring import scores_in_turn
from kgzsl.data.images import SUFFIXES
from kgzsl.data.images import Part as ImagePart
from kgzsl.data.rows import in_batches
from kgzsl.errors import ConfigError, DataError, Problem, UnknownTermError
from kgzsl.ontology.query import Answer, Sparql

if TYPE_CHECKING:
    from pyoxigraph import Triple

    from kgzsl.explain.explanation import Explanation
    from kgzsl.explain.rdf import RdfWriter, RunName

__all__ = ["Part", "query", "run_graph", "run_name", "write_turtle"]

Part = Literal["test", "test_unseen", "test_seen"]
"""Which images of a run's own data; ``test`` is both parts."""
TOP = 5
"""So many classes of a prediction are told."""
BATCH = 32
"""So many images are encoded at once: what each patch shows of each attribute takes room."""


def query(
    run: Run,
    sparql: str,
    *,
    images: Sequence[str | Path] = (),
    split: Part | None = None,
    limit: int | None = None,
    proofs: bool = False,
    listener: Listener | None = None,
) -> Answer:
    """Ask a run by SPARQL: over its ontology, its predictions for some images, and the facts that drove them.

    The default graph has all of :func:`kgzsl.ontology.query.query`, and under ``why:`` (:mod:`kgzsl.explain.rdf`) the
    run, its seen and unseen classes, and for each image a prediction and an explanation by the method ``margin``.

    Args:
        run: a trained run.
        sparql: SELECT, ASK, CONSTRUCT or DESCRIBE.
        images: files, or folders of them; an image in a folder that has the name of a class is labeled with it.
        split: images of the run's own data.
        limit: so many images at most, evenly over all of them.
        proofs: also the proofs of all facts of the ontology, and not only of those that explanations rest on.
        listener: hears how many images are done, and what cannot be explained.

    Raises:
        ParseError: malformed SPARQL; says the line and the column. No image is looked at before.
        ConfigError: an update, or SERVICE.
        DataError: a folder or a part of the data without images.
        ImageError: every file that is not an image.

    Example::

        api.query(run, "SELECT ?image { ?p why:predicted :FlintMumbler ; why:image ?image }", split="test_unseen")
    """
    from kgzsl.explain.rdf import NAMES

    Sparql(run.ontology, names=NAMES).check(sparql)
    graph = run_graph(run, images=images, split=split, limit=limit, proofs=proofs, listener=listener)
    return graph.query(sparql)


def run_graph(
    run: Run,
    *,
    images: Sequence[str | Path] = (),
    split: Part | None = None,
    limit: int | None = None,
    proofs: bool = False,
    listener: Listener | None = None,
) -> Sparql:
    """The graph of :func:`query`, to be asked several times."""
    from kgzsl.explain.rdf import NAMES, RdfWriter

    if limit is not None and limit < 1:
        raise ConfigError(Problem(f"a limit of {limit} images", expected="1 or more"))
    listener = listener or Listener()
    writer = RdfWriter(run.ontology, run_name(run))
    triples = [*writer.run(), *writer.classes("SeenClass", run.split.seen)]
    triples += writer.classes("UnseenClass", run.split.unseen)
    shown = _of_data(run, split, listener) if split else []
    if images:
        shown.append(_of_files(run, images, but=frozenset(name for some in shown for name in some.names)))
    triples += chain.from_iterable(_of_images(run, writer, _limited(shown, limit), listener))
    if proofs:
        triples += (triple for fact in run.ontology.facts() for triple in writer.proof(run.ontology.prove(fact)))
    return Sparql(run.ontology, beside=triples, names=NAMES)


def run_name(run: Run) -> RunName:
    """What a run is called in RDF: by what came out of its training, wherever its folder is."""
    from kgzsl.explain.rdf import RunName

    made = {key: run.facts.get(key) for key in ("promise", "validation", "calibration")}
    digest = hashlib.sha256(json.dumps(made, sort_keys=True).encode()).hexdigest()
    return RunName(str(run.folder.path), digest, run.config.model.kind)


def write_turtle(run: Run, explanations: Sequence[Explanation], path: str | Path) -> Path:
    """Write explanations of a run as Turtle, whole or not at all; a file that is there is replaced."""
    from kgzsl.explain.rdf import to_turtle
    from kgzsl.ontology.whole import whole_file

    text = to_turtle(explanations, run.ontology, run=run_name(run))
    with whole_file(path, force=True) as working:
        working.write_text(text, encoding="utf-8")
    return Path(path)


@dataclass(frozen=True, eq=False)
class _Shown:
    """Images of one source.

    Args:
        names: path or name of each.
        labels: IRI of the class that each is of; None where nobody says.
        part: of the run's data, if they are from there.
        batches: some of them, by their positions, as the run's model reads them.
    """

    names: tuple[str, ...]
    labels: tuple[str | None, ...]
    part: str | None
    batches: Callable[[np.ndarray], Iterator[np.ndarray]]


def _of_data(run: Run, split: Part, listener: Listener) -> list[_Shown]:
    """Images of a run's own data, by part."""
    data = dataset_of(as_trained(run), listener).images

    def shown(part: ImagePart) -> _Shown:
        images = data.part(part)
        labels = tuple(images.space.classes[column] for column in images.labels)
        return _Shown(images.names, labels, part, lambda rows: in_batches(images.take(rows).array, size=BATCH))

    parts: tuple[ImagePart, ...] = ("test_unseen", "test_seen") if split == "test" else (split,)
    found = [shown(part) for part in parts]
    if not any(some.names for some in found):
        got = f"the run's data have no images for {split}"
        raise DataError(Problem(got, expected=f"one of {', '.join(sorted(set(data.parts.tolist())))}"))
    return found


def _of_files(run: Run, images: Sequence[str | Path], *, but: frozenset[str]) -> _Shown:
    """Images of files and folders, but for those of some names."""
    labels: dict[Path, str | None] = {}
    problems = []
    for path in map(Path, images):
        if not path.is_dir():
            labels.setdefault(path, None)
            continue
        found = sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
        labels |= {p: _class_called(run, p.parent.name) for p in found}
        if not found:
            problems.append(Problem("no images in this folder", file=path, expected="image files, in folders or not"))
    if problems:
        raise DataError(problems)
    paths = [path for path in labels if str(path) not in but]

    def batches(rows: np.ndarray) -> Iterator[np.ndarray]:
        read, encode = reader_of(run)
        return (encode(pixels) for pixels in read_ahead(read, [paths[row] for row in rows], batch=BATCH))

    return _Shown(tuple(map(str, paths)), tuple(labels[path] for path in paths), None, batches)


def _class_called(run: Run, name: str) -> str | None:
    """The class of the run that a folder is named by, if it is."""
    try:
        iri = run.ontology.resolve(name)
    except UnknownTermError:
        return None
    return iri if iri in run.space.classes else None


def _limited(shown: Sequence[_Shown], limit: int | None) -> list[tuple[_Shown, np.ndarray]]:
    """Of every source which images: all of them, or so many, evenly over all."""
    ends = np.cumsum([0, *(len(some.names) for some in shown)])
    count = int(ends[-1]) if limit is None else min(limit, int(ends[-1]))
    chosen = np.linspace(0, ends[-1] - 1, count).round().astype(int)
    return [
        (some, chosen[(chosen >= start) & (chosen < end)] - start)
        for some, (start, end) in zip(shown, pairwise(ends), strict=True)
    ]


def _of_images(
    run: Run, writer: RdfWriter, chosen: Sequence[tuple[_Shown, np.ndarray]], listener: Listener
) -> Iterator[Iterator[Triple]]:
    """Of every image what the data say of it, what the run takes it for, and why."""
    batches = _in_batches(chosen, listener)
    try:
        need_sum(run)
    except ConfigError as error:
        if chosen:
            listener.notice([replace(p, got=f"predictions without explanations: {p.got}") for p in error.problems])
        for some, row, top in _predicted(run, batches):
            yield writer.image(some.names[row], labeled=some.labels[row], split=some.part)
            yield writer.prediction(some.names[row], top)
        return
    for some, row, explanation in _explained(run, batches):
        yield writer.image(some.names[row], labeled=some.labels[row], split=some.part)
        yield writer.explanation(explanation)


_Batch = tuple[_Shown, list[int], np.ndarray]


def _in_batches(chosen: Sequence[tuple[_Shown, np.ndarray]], listener: Listener) -> Iterator[_Batch]:
    """Images with their positions, one batch after the other, while the listener hears how many are done."""
    done, total = 0, sum(len(rows) for _, rows in chosen)
    for some, rows in chosen:
        left = rows.tolist()
        for arrays in some.batches(rows) if left else ():
            listener.reading(done, total)
            yield some, left[: len(arrays)], arrays
            left, done = left[len(arrays) :], done + len(arrays)
    if total:
        listener.reading(done, total)


def _explained(run: Run, batches: Iterator[_Batch]) -> Iterator[tuple[_Shown, int, Explanation]]:
    """Every image's explanation: why the predicted class, and not the runner-up."""
    from kgzsl.explain.methods import method_of

    method, question = method_of("margin"), None
    for some, rows, arrays in batches:
        if question is None:  # but for the image it is the same for all
            question = ask(run, arrays[0])
        seen = look(run, list(arrays))
        for row, evidence, shares in zip(rows, seen.evidence, seen.shares, strict=True):
            own = replace(question, image=some.names[row], evidence=evidence, shares=shares)
            best, second = np.argsort(-own.scores, kind="stable")[:2].tolist()
            yield some, row, method.explain(replace(own, explained=best, rival=second))


def _predicted(run: Run, batches: Iterator[_Batch]) -> Iterator[tuple[_Shown, int, list[tuple[str, float]]]]:
    """Every image's best classes with their calibrated scores."""
    told: list[tuple[_Shown, list[int]]] = []

    def arrays() -> Iterator[np.ndarray]:
        for some, rows, array in batches:
            told.append((some, rows))
            yield array

    offset = run.gamma * run.space.mask(run.split.seen)
    for scores in scores_in_turn(run.model, arrays(), run.attributes, added=len(run.added)):
        some, rows = told.pop()
        for row, own in zip(rows, scores - offset, strict=True):
            best = np.argsort(-own, kind="stable")[:TOP].tolist()
            yield some, row, [(run.space.classes[column], float(own[column])) for column in best]
