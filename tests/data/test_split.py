"""Splits: what is refused, what validation classes are, and how split files are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgzsl.data.split import ZeroShotSplit, read_split
from kgzsl.errors import SplitError, UnknownTermError

NAMES = st.lists(st.text("abcdefgh", min_size=1, max_size=3), min_size=4, max_size=20, unique=True)


@given(NAMES, st.floats(0.01, 1.5), st.integers(0, 5), st.randoms(use_true_random=False))
def test_validation_is_a_proper_part_of_seen_whatever_the_order(
    names: list[str], fraction: float, seed: int, r: Any
) -> None:
    *seen, unseen = names
    split = ZeroShotSplit(tuple(seen), (unseen,)).cut_validation(fraction=fraction, seed=seed)
    assert 1 <= len(split.validation) <= len(seen) - 2
    assert set(split.validation) < set(split.seen)
    assert set(split.training) | set(split.validation) == set(seen)
    assert not set(split.training) & set(split.validation)
    assert (split.seen, split.unseen) == (tuple(seen), (unseen,))
    shuffled = list(seen)
    r.shuffle(shuffled)
    other = ZeroShotSplit(tuple(shuffled), (unseen,)).cut_validation(fraction=fraction, seed=seed)
    assert other.validation == split.validation
    assert other.digest == split.digest


@given(NAMES)
def test_the_digest_tells_splits_apart(names: list[str]) -> None:
    one, other, *rest = names
    split = ZeroShotSplit((one, *rest), (other,))
    assert split.digest != ZeroShotSplit((other, *rest), (one,)).digest
    assert split.digest != split.cut_validation(seed=0).digest if len(rest) > 1 else True
    assert ZeroShotSplit(**{k: tuple(v) for k, v in split.to_dict().items()}) == split


@given(NAMES)
def test_overlap_is_refused(names: list[str]) -> None:
    with pytest.raises(SplitError, match=f"(?s)\\b{names[0]}\\b.*both seen and unseen"):
        ZeroShotSplit(seen=tuple(names), unseen=(names[0],))


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(SplitError) as caught:
        ZeroShotSplit(seen=("a", "b", "b"), unseen=("a", "c", "c"), validation=("x",))
    text = str(caught.value)
    assert len(caught.value.problems) == 4
    for part in ("seen names b more than once", "unseen names c", "a both seen and unseen", "classes x are not seen"):
        assert part in text


def test_some_seen_class_must_stay_for_training() -> None:
    with pytest.raises(SplitError, match="none is left for training"):
        ZeroShotSplit(seen=("a", "b", "c"), unseen=("z",), validation=("c", "b", "a"))


def test_too_few_classes_to_hold_any_out() -> None:
    with pytest.raises(SplitError, match="2 seen classes; expected 3 or more"):
        ZeroShotSplit(("a", "b"), ("z",)).cut_validation()
    with pytest.raises(SplitError, match="no seen class"):
        ZeroShotSplit((), ("z",))


def resolve(name: str) -> str:
    """Names of one letter are classes."""
    if len(name) != 1:
        raise UnknownTermError(f"the ontology has no {name!r}")
    return f"ex:{name.lower()}"


def written(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content, indent=1), encoding="utf-8")
    return path


def test_seen_classes_are_all_others_with_images_unless_they_are_named(tmp_path: Path) -> None:
    path = written(tmp_path / "split.json", {"unseen": ["Z"]})
    pictured = ("ex:c", "ex:z", "ex:a", "ex:b")
    assert read_split(path, resolve=resolve, pictured=pictured) == ZeroShotSplit(("ex:a", "ex:b", "ex:c"), ("ex:z",))
    path = written(path, {"seen": ["b", "a"], "unseen": ["z"], "validation": ["a"]})
    assert read_split(path, resolve=resolve, pictured=pictured) == ZeroShotSplit(("ex:b", "ex:a"), ("ex:z",), ("ex:a",))


def test_one_of_several_splits_by_name(tmp_path: Path) -> None:
    path = written(tmp_path / "split.json", {"splits": {"easy": {"unseen": ["z"]}, "hard": {"unseen": ["y"]}}})
    assert read_split(path, resolve=resolve, pictured=("ex:a",), name="hard").unseen == ("ex:y",)
    with pytest.raises(SplitError, match="several splits and no name; expected one of easy, hard"):
        read_split(path, resolve=resolve)
    with pytest.raises(SplitError, match="no split named 'odd'; expected one of easy, hard"):
        read_split(path, resolve=resolve, name="odd")
    with pytest.raises(SplitError, match="no split named 'easy'; expected a file with several splits"):
        read_split(written(path, {"unseen": ["z"]}), resolve=resolve, pictured=("ex:a",), name="easy")


def test_all_problems_of_a_split_file_with_their_lines(tmp_path: Path) -> None:
    content = '{\n "seen": [\n  "a",\n  "alpha"\n ],\n "unseen": [\n  "omega"\n ],\n "validation": "a"\n}'
    path = written(tmp_path / "split.json", content)
    with pytest.raises(SplitError) as caught:
        read_split(path, resolve=resolve)
    got = [(p.line, p.got) for p in caught.value.problems]
    assert got == [
        (4, "seen class 'alpha': the ontology has no 'alpha'"),
        (7, "unseen class 'omega': the ontology has no 'omega'"),
        (None, "'validation' is not a list of class names"),
    ]
    assert all(p.file == path for p in caught.value.problems)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "not JSON"),
        ('{"seen": [\n "a",\n]', "split.json:3: not JSON"),
        ("[1]", "a JSON list"),
        ("7", "expected {"),
        ('{"seen": ["a"]}', "no unseen class"),
        ('{"unseen": []}', "no unseen class"),
        ('{"unseen": [3]}', "'unseen' is not a list of class names"),
        ('{"seen": ["z"], "unseen": ["z"]}', "ex:z both seen and unseen"),
        ('{"splits": ["a"]}', "'splits' holds no splits by name"),
        ('{"splits": {"a": ["z"]}}', "'splits' holds no splits by name"),
    ],
)
def test_split_files_that_are_none(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(SplitError) as caught:
        read_split(written(tmp_path / "split.json", content), resolve=resolve, pictured=("ex:a",))
    assert message in str(caught.value)
    assert "split.json" in str(caught.value)


def test_no_split_file(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(SplitError, match=path.name):
            read_split(path, resolve=resolve)
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SplitError, match="not JSON"):
        read_split(tmp_path / "binary.json", resolve=resolve)
