"""Vectors of classes and other entities: KG embeddings of our own, and those that others made."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from kgzsl.data.matlab import read_matlab, strings
from kgzsl.errors import ConfigError, DataError, Problem, UnknownTermError
from kgzsl.ontology.whole import check_place, whole_file

__all__ = ["EntityVectors", "check_vectors_place", "read_vectors", "some_of", "write_vectors"]

SHOWN = 5
"""Of many names, so many are told."""
LIST = ".iris.txt"
"""Ending of the list of names beside vectors that do not bring their own, in the place of theirs."""
_METADATA = 'the tensor "vectors" and, under "kgzsl" in the metadata, the JSON object {"iris": [...]}'


@dataclass(frozen=True, eq=False)
class EntityVectors:
    """A vector for each of some entities.

    Args:
        iris: of the entities, each once.
        vectors: float32 ``(entity, dim)``, finite.
        about: how they were made, or where they are from; for people.
    """

    iris: tuple[str, ...]
    vectors: np.ndarray
    about: Mapping[str, str] = field(default_factory=dict)

    def of(self, iris: Sequence[str]) -> np.ndarray:
        """The vectors of some entities, float32 ``(entity, dim)``, in their order.

        Raises:
            DataError: entities that have none, all in one problem.

        Example:
            >>> vectors = EntityVectors(("ex:dog", "ex:cat"), np.array([[1, 2], [3, 4]], dtype=np.float32))
            >>> vectors.of(["ex:cat"]).tolist()
            [[3.0, 4.0]]
            >>> vectors.of(["ex:cat", "ex:owl", "ex:elk"])
            Traceback (most recent call last):
            kgzsl.errors.DataError: 2 of 3 entities have no vector: ex:owl and ex:elk
        """
        missing = [iri for iri in iris if iri not in self._rows]
        if missing:
            raise DataError(f"{len(missing):,} of {len(iris):,} entities have no vector: {some_of(missing)}")
        return self.vectors[[self._rows[iri] for iri in iris]]

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {iri: row for row, iri in enumerate(self.iris)}


def _unheard(problems: Sequence[Problem]) -> None:
    """What hears of oddities by default."""


def read_vectors(
    path: str | Path,
    *,
    iris: Sequence[str] | None = None,
    resolve: Callable[[str], str] | None = None,
    notice: Callable[[Sequence[Problem]], None] = _unheard,
) -> EntityVectors:
    """Read vectors from a file, with the names of its rows.

    - ``.safetensors``: as :func:`write_vectors` writes it: the tensor ``vectors``, and the names in the metadata.
    - ``.npy``: a matrix; the names stand in a list beside it, ``X.iris.txt`` for ``X.npy``, one a line.
    - ``.mat``: as K-ZSL ships them: ``embeddings`` (or ``o2v``), one row for each entity; the names are in the file
      (``wnids``), or in such a list, or else those of ``allclasses_names`` in the ``att_splits.mat`` beside it, in its
      order. A row of zeros is an entity that K-ZSL's graph lacked: it has no vector.

    Args:
        path: the file.
        iris: entities that are needed: the result has those and no others, in their order. None: all of the file.
        resolve: name to IRI, usually ``ontology.resolve``; a name that it does not know stays as it is.
        notice: hears of vectors that are read for nothing, because nobody asked for them.

    Raises:
        DataError: a file or a list that is missing or damaged, another number of names than of vectors, names that
            stand there twice, numbers that are not finite, entities without a vector.

    Source:
        Geng et al., "Benchmarking knowledge-driven zero-shot learning", J. Web Semantics 2023 (the files of K-ZSL).
    """
    path = Path(path)
    readers = {".safetensors": _read_safetensors, ".npy": _read_npy, ".mat": _read_mat}
    if path.suffix not in readers:
        raise DataError(Problem("no file of vectors by its ending", expected=", ".join(readers), file=path))
    if not path.is_file():
        raise DataError(Problem("there is no such file", expected="vectors of entities", file=path))
    names, matrix, about = readers[path.suffix](path)
    matrix = _checked(names, matrix, path)
    found = tuple(_resolved(name, resolve) for name in names)
    twice = _twice(names, found, path)
    if twice:
        raise DataError(twice)
    if path.suffix == ".mat":
        there = np.flatnonzero(np.any(matrix, axis=1))
        found, matrix = tuple(found[row] for row in there.tolist()), matrix[there]
    vectors = EntityVectors(found, matrix, about)
    return vectors if iris is None else _asked(vectors, iris, path, notice)


def check_vectors_place(path: str | Path, *, force: bool = False) -> None:
    """Raise what :func:`write_vectors` would, before the work that makes the vectors.

    Raises:
        ConfigError: as :func:`write_vectors`.
    """
    if Path(path).suffix != ".safetensors":
        raise ConfigError(Problem("vectors are not written in that format", expected="a .safetensors file", file=path))
    check_place(path, force=force)


def write_vectors(vectors: EntityVectors, path: str | Path, *, force: bool = False) -> None:
    """Write vectors as one safetensors file: no pickle, nothing is executed on loading.

    The tensor ``vectors`` is float32 (entity, dim). The file's metadata has one entry, ``kgzsl``, with JSON: ``iris``
    (in the order of the rows) and ``about``.

    Raises:
        ConfigError: another suffix than ``.safetensors``, or the file is there already and ``force`` is not given.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     one = EntityVectors(("ex:dog",), np.ones((1, 2), dtype=np.float32), {"model": "transe"})
        ...     write_vectors(one, f"{folder}/dog.safetensors")
        ...     again = read_vectors(f"{folder}/dog.safetensors")
        >>> again.iris, again.vectors.tolist(), again.about
        (('ex:dog',), [[1.0, 1.0]], {'model': 'transe'})
    """
    from safetensors.numpy import save_file

    check_vectors_place(path, force=force)
    # One entry: of several, safetensors writes another order each time.
    metadata = {"kgzsl": json.dumps({"iris": vectors.iris, "about": dict(vectors.about)}, ensure_ascii=False)}
    with whole_file(path, force=force) as working:
        save_file({"vectors": np.ascontiguousarray(vectors.vectors, dtype=np.float32)}, working, metadata)


def some_of(names: Sequence[str]) -> str:
    """Names in a sentence: all of a few, of many the first.

    Example:
        >>> some_of(["a", "b", "c"]), some_of("abcdefgh")
        ('a, b and c', 'a, b, c, d, e and 3 others')
    """
    rest = len(names) - SHOWN
    parts = [*names[:SHOWN], f"{rest:,} other{'s' * (rest > 1)}"] if rest > 0 else list(names)
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))


def _read_safetensors(path: Path) -> tuple[tuple[str, ...], np.ndarray, dict[str, str]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            content = json.loads((file.metadata() or {})["kgzsl"])
            iris, about = content["iris"], content.get("about", {})
            matrix = file.get_tensor("vectors")
        if not isinstance(iris, list) or not all(isinstance(iri, str) for iri in iris) or not isinstance(about, dict):
            raise ValueError("iris is no list of strings, or about is no object")
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(
            Problem(f"cannot be read as vectors ({error})", expected=_METADATA, fix="see kgzsl embed", file=path)
        ) from None
    return tuple(iris), matrix, {str(key): str(value) for key, value in about.items()}


def _read_npy(path: Path) -> tuple[tuple[str, ...], np.ndarray, dict[str, str]]:
    try:
        matrix = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(
            Problem(f"cannot be read as an array ({error})", expected="numbers that numpy.save wrote", file=path)
        ) from None
    names = _listed(path)
    if names is None:
        expected = f"{path.with_suffix(LIST).name} beside it, with the IRI of each row, one a line"
        raise DataError(Problem("nothing tells whose vectors these are", expected=expected, file=path))
    return names, matrix, {"file": path.name}


def _read_mat(path: Path) -> tuple[tuple[str, ...], np.ndarray, dict[str, str]]:
    read = read_matlab(path, needed=(), optional=("embeddings", "o2v", "wnids"))
    key = next((key for key in ("embeddings", "o2v") if key in read), None)
    if key is None:
        raise DataError(Problem("has no vectors", expected="the variable embeddings or o2v", file=path))
    listed = strings(read["wnids"]) if "wnids" in read else _listed(path)
    beside = path.with_name("att_splits.mat")
    if listed is None and beside.is_file():
        listed = strings(read_matlab(beside, needed=("allclasses_names",))["allclasses_names"])
    if listed is None:
        expected = (
            f"a variable wnids, or beside the file {path.with_suffix(LIST).name} (one name a line) or {beside.name}"
        )
        raise DataError(Problem("nothing tells whose vectors these are", expected=expected, file=path))
    return listed, read[key], {"file": path.name}


def _listed(path: Path) -> tuple[str, ...] | None:
    """The names in the list beside a file; None if there is no list."""
    file = path.with_suffix(LIST)
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise DataError(Problem(f"cannot be read ({error})", expected="text in UTF-8", file=file)) from None
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def _checked(names: Sequence[str], matrix: Any, path: Path) -> np.ndarray:
    """The matrix as float32; raises all that is wrong with it."""
    matrix = np.asarray(matrix)  # MATLAB's may be sparse: then it is no array of numbers
    if matrix.ndim != 2 or matrix.dtype.kind not in "fiu" or not matrix.size:
        shape = " x ".join(map(str, matrix.shape)) or "one number"
        expected = "a matrix of numbers, one row for each entity"
        raise DataError(Problem(f"vectors are {shape} of {matrix.dtype}", expected=expected, file=path))
    problems = []
    if len(names) != len(matrix):
        fix = "give one name for each row" + (
            "; the matrix may have to be transposed" if len(names) == matrix.shape[1] else ""
        )
        problems.append(Problem(f"{len(matrix):,} vectors, but {len(names):,} names", fix=fix, file=path))
    with np.errstate(over="ignore"):
        matrix = matrix.astype(np.float32)
    bad = np.flatnonzero(~np.isfinite(matrix).all(axis=1)).tolist()
    if bad:
        whose = some_of([names[row] if row < len(names) else f"row {row + 1}" for row in bad])
        got = f"{len(bad):,} of {len(matrix):,} vectors are not finite in 32 bits: {whose}"
        problems.append(Problem(got, expected="numbers", file=path))
    if problems:
        raise DataError(problems)
    return matrix


def _resolved(name: str, resolve: Callable[[str], str] | None) -> str:
    """The IRI that a name means, or the name where it means none."""
    try:
        return resolve(name) if resolve else name
    except UnknownTermError:
        return name


def _twice(names: Sequence[str], iris: Sequence[str], path: Path) -> list[Problem]:
    """Entities that two rows are of."""
    twice = [iri for iri, count in Counter(iris).items() if count > 1]
    if not twice:
        return []
    told = [
        " = ".join(dict.fromkeys((*(n for n, i in zip(names, iris, strict=True) if i == iri), iri))) for iri in twice
    ]
    got = f"more than one vector of {some_of(told)}"
    return [Problem(got, expected="each once", file=path)]


def _asked(
    vectors: EntityVectors, iris: Sequence[str], path: Path, notice: Callable[[Sequence[Problem]], None]
) -> EntityVectors:
    """The vectors of the entities that are asked for."""
    try:
        matrix = vectors.of(iris)
    except DataError as error:
        fix = "add them to the file, or take the classes out of the run"
        raise DataError(Problem(p.got, fix=fix, file=path) for p in error.problems) from None
    wanted = set(iris)
    extra = [iri for iri in vectors.iris if iri not in wanted]
    if extra:
        got = f"{len(extra):,} of {len(vectors.iris):,} vectors are of no class here and not used: {some_of(extra)}"
        notice([Problem(got, file=path)])
    return EntityVectors(tuple(iris), matrix, vectors.about)
