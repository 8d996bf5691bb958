"""Vectors of entities: what is read, what is refused, what is said of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
from safetensors.numpy import save_file

from kgzsl import api
from kgzsl.data.listing import read_table
from kgzsl.data.vectors import EntityVectors, read_vectors, write_vectors
from kgzsl.errors import ConfigError, DataError, Problem, UnknownTermError

IRIS = ("ex:dog", "ex:cat", "ex:owl")
MATRIX = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, -6.0]])


def cells(names: Any) -> np.ndarray:
    column = np.empty((len(names), 1), dtype=object)
    column[:, 0] = names
    return column


def npy(folder: Path, *, matrix: Any = MATRIX, names: Any = IRIS) -> Path:
    np.save(folder / "v.npy", matrix)
    (folder / "v.iris.txt").write_text("\n".join(names) + "\n", encoding="utf-8")
    return folder / "v.npy"


def mat(folder: Path, **variables: Any) -> Path:
    scipy.io.savemat(folder / "v.mat", variables)
    return folder / "v.mat"


def resolve(name: str) -> str:
    """As an ontology does: a local name in any letter case."""
    iri = name if name.startswith("ex:") else f"ex:{name.lower()}"
    if iri not in IRIS:
        raise UnknownTermError(f"the ontology has no {name!r}")
    return iri


def test_what_is_written_is_read_back_and_always_the_same_bytes(tmp_path: Path) -> None:
    vectors = EntityVectors(IRIS, MATRIX.astype(np.float32), {"model": "transe", "facts": "hierarchy", "seed": "0"})
    for name in ("a", "b"):
        write_vectors(vectors, tmp_path / f"{name}.safetensors")
    again = read_vectors(tmp_path / "a.safetensors")
    assert (again.iris, again.about) == (vectors.iris, vectors.about)
    assert again.vectors.dtype == np.float32
    assert np.array_equal(again.vectors, vectors.vectors)
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    assert {file.name for file in tmp_path.iterdir()} == {"a.safetensors", "b.safetensors"}


def test_nothing_is_written_over_unasked_nor_in_another_format(tmp_path: Path) -> None:
    vectors = EntityVectors(IRIS, MATRIX.astype(np.float32))
    write_vectors(vectors, tmp_path / "a.safetensors")
    with pytest.raises(ConfigError, match="there already"):
        write_vectors(vectors, tmp_path / "a.safetensors")
    write_vectors(vectors, tmp_path / "a.safetensors", force=True)
    with pytest.raises(ConfigError, match=r"expected a \.safetensors file"):
        write_vectors(vectors, tmp_path / "a.npy")
    with pytest.raises(ConfigError, match="folder is not there"):
        write_vectors(vectors, tmp_path / "none" / "a.safetensors")


def test_a_matrix_with_a_list_of_iris(tmp_path: Path) -> None:
    vectors = read_vectors(npy(tmp_path), iris=["ex:owl", "ex:dog", "ex:cat"])
    assert vectors.vectors.tolist() == [[5, -6], [1, 2], [3, 4]]
    assert vectors.iris == ("ex:owl", "ex:dog", "ex:cat")
    (tmp_path / "v.iris.txt").unlink()
    with pytest.raises(DataError, match=r"v\.npy: nothing tells whose vectors these are; expected v\.iris\.txt beside"):
        read_vectors(tmp_path / "v.npy")


def test_names_are_resolved_and_unknown_ones_stay(tmp_path: Path) -> None:
    path = npy(tmp_path, names=("Dog", "elk", "OWL"))
    assert read_vectors(path, resolve=resolve).iris == ("ex:dog", "elk", "ex:owl")
    path = npy(tmp_path, names=("Dog", "ex:dog", "OWL"))
    with pytest.raises(DataError, match="more than one vector of Dog = ex:dog; expected each once"):
        read_vectors(path, resolve=resolve)


def test_entities_without_a_vector_are_told_all_at_once(tmp_path: Path) -> None:
    wanted = ["ex:dog", *(f"ex:n{k}" for k in range(9))]
    message = (
        r"v\.npy: 9 of 10 entities have no vector: ex:n0, ex:n1, ex:n2, ex:n3, ex:n4 and 4 others; "
        "add them to the file"
    )
    with pytest.raises(DataError, match=message):
        read_vectors(npy(tmp_path), iris=wanted)


def test_vectors_that_nobody_asked_for_are_a_notice(tmp_path: Path) -> None:
    heard: list[Problem] = []
    vectors = read_vectors(npy(tmp_path), iris=["ex:cat"], notice=heard.extend)
    assert vectors.vectors.tolist() == [[3, 4]]
    assert [problem.got for problem in heard] == ["2 of 3 vectors are of no class here and not used: ex:dog and ex:owl"]
    read_vectors(tmp_path / "v.npy", iris=IRIS, notice=lambda problems: pytest.fail(str(problems)))


@pytest.mark.parametrize(
    ("matrix", "names", "message"),
    [
        (MATRIX, IRIS[:2], "3 vectors, but 2 names; give one name for each row; the matrix may have to be transposed"),
        (MATRIX, (*IRIS, "ex:elk"), "3 vectors, but 4 names; give one name for each row$"),
        (MATRIX * [[1, np.nan]], IRIS, "3 of 3 vectors are not finite in 32 bits: ex:dog, ex:cat and ex:owl"),
        (np.array([[1.0], [1e300], [2.0]]), IRIS, "1 of 3 vectors are not finite in 32 bits: ex:cat"),
        (MATRIX[:, 0], IRIS, "vectors are 3 of float64; expected a matrix of numbers, one row for each entity"),
        (np.zeros((0, 2)), (), "vectors are 0 x 2 of float64"),
        (MATRIX.astype(str), IRIS, "vectors are 3 x 2 of <U32"),
        (MATRIX, ("ex:dog", "ex:dog", "ex:owl"), "more than one vector of ex:dog"),
    ],
)
def test_matrices_and_names_that_do_not_fit(tmp_path: Path, matrix: Any, names: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_vectors(npy(tmp_path, matrix=matrix, names=names))


def test_all_that_is_wrong_with_one_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError) as told:
        read_vectors(npy(tmp_path, matrix=MATRIX * np.inf, names=IRIS[:1]))
    assert [problem.got for problem in told.value.problems] == [
        "3 vectors, but 1 names",
        "3 of 3 vectors are not finite in 32 bits: ex:dog, row 2 and row 3",
    ]


def test_files_that_are_none(tmp_path: Path) -> None:
    for name in ("a.safetensors", "a.npy", "a.mat"):
        with pytest.raises(DataError, match="there is no such file"):
            read_vectors(tmp_path / name)
        (tmp_path / name).write_bytes(b"something else")
        with pytest.raises(DataError, match=name.replace(".", r"\.")):
            read_vectors(tmp_path / name)
    (tmp_path / "a.pkl").write_bytes(b"something else")
    with pytest.raises(DataError, match=r"expected \.safetensors, \.npy, \.mat"):
        read_vectors(tmp_path / "a.pkl")
    np.save(tmp_path / "p.npy", np.array([{"code": "run me"}]), allow_pickle=True)
    with pytest.raises(DataError, match="cannot be read as an array"):
        read_vectors(tmp_path / "p.npy")
    npy(tmp_path)
    (tmp_path / "v.iris.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="expected text in UTF-8"):
        read_vectors(tmp_path / "v.npy")


def test_safetensors_without_what_is_needed(tmp_path: Path) -> None:
    file = tmp_path / "a.safetensors"
    matrix = MATRIX.astype(np.float32)
    for tensors, metadata in (
        ({"vectors": matrix}, None),
        ({"vectors": matrix}, {"kgzsl": "{"}),
        ({"vectors": matrix}, {"kgzsl": "[]"}),
        ({"vectors": matrix}, {"kgzsl": '{"iris": "ex:dog"}'}),
        ({"vectors": matrix}, {"kgzsl": '{"iris": [1, 2, 3]}'}),
        ({"other": matrix}, {"kgzsl": json.dumps({"iris": IRIS})}),
    ):
        save_file(tensors, file, metadata)
        with pytest.raises(DataError, match=r'cannot be read as vectors .* expected the tensor "vectors"'):
            read_vectors(file)
    save_file({"vectors": matrix}, file, {"kgzsl": json.dumps({"iris": IRIS})})
    assert read_vectors(file).iris == IRIS


def test_matlab_names_its_rows_itself_or_beside(tmp_path: Path) -> None:
    own = read_vectors(mat(tmp_path, embeddings=MATRIX, wnids=cells(["Dog", "Cat", "Owl"])), resolve=resolve)
    assert (own.iris, own.vectors.tolist()) == (IRIS, MATRIX.tolist())
    path = mat(tmp_path, o2v=MATRIX)
    with pytest.raises(DataError, match=r"expected a variable wnids, or beside the file v\.iris\.txt .* or att_splits"):
        read_vectors(path)
    scipy.io.savemat(tmp_path / "att_splits.mat", {"allclasses_names": cells(["owl", "dog", "cat"])})
    assert read_vectors(path, resolve=resolve, iris=["ex:dog"]).vectors.tolist() == [[3, 4]]
    (tmp_path / "v.iris.txt").write_text("ex:cat\nex:dog\nex:owl\n")
    assert read_vectors(path, resolve=resolve, iris=["ex:dog"]).vectors.tolist() == [[3, 4]]
    assert read_vectors(path).iris == ("ex:cat", "ex:dog", "ex:owl")
    with pytest.raises(DataError, match="expected the variable embeddings or o2v"):
        read_vectors(mat(tmp_path, att=MATRIX))


def test_a_row_of_zeros_is_no_vector_of_k_zsl(tmp_path: Path) -> None:
    path = mat(tmp_path, embeddings=MATRIX * [[1], [0], [1]], wnids=cells(IRIS))
    assert read_vectors(path).iris == ("ex:dog", "ex:owl")
    with pytest.raises(DataError, match="1 of 3 entities have no vector: ex:cat"):
        read_vectors(path, iris=IRIS)


def test_a_sparse_matrix_is_refused(tmp_path: Path) -> None:
    path = mat(tmp_path, embeddings=scipy.sparse.csc_matrix(MATRIX), wnids=cells(IRIS))
    with pytest.raises(DataError, match="expected a matrix of numbers"):
        read_vectors(path)


def test_vectors_of_the_classes_of_k_zsl(shared_data: Path, tmp_path: Path) -> None:
    awa = shared_data / "kzsl" / "AwA"
    ontology = api.load_ontology(awa / "KG-AwA.ttl", entail="none")
    names = [str(cell[0]) for cell in scipy.io.loadmat(awa / "att_splits.mat")["allclasses_names"].ravel()]
    (tmp_path / "att_splits.mat").write_bytes((awa / "att_splits.mat").read_bytes())
    matrix = np.random.default_rng(0).normal(size=(50, 100))
    table = read_table(awa / "class.json")
    path = mat(tmp_path, embeddings=matrix)
    classes = [ontology.resolve(table[name]) for name in reversed(names)]
    vectors = read_vectors(path, iris=classes, resolve=lambda name: ontology.resolve(table.get(name, name)))
    assert np.array_equal(vectors.vectors, matrix[::-1].astype(np.float32))
