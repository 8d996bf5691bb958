"""The error tree: what is drawn is what there is, and problems read well."""

from __future__ import annotations

import re

import pytest

from kgzsl import errors
from kgzsl.errors import FailureError, InputError, KgzslError, Problem, SplitError, nearest

CLASSES = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, KgzslError)]


def test_the_drawn_tree_is_the_tree() -> None:
    above: list[str] = []
    drawn = {}
    for line in errors.__doc__.splitlines():
        found = re.match(r"    ([│├└─ ]*)(\w+Error)\b", line)
        if found:
            depth = len(found[1]) // 4
            above[depth:] = [found[2]]
            drawn[found[2]] = above[depth - 1] if depth else "Exception"
    assert drawn == {kind.__name__: kind.__mro__[1].__name__ for kind in CLASSES}


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_is_public_and_has_its_exit_status(kind: type[KgzslError]) -> None:
    assert kind.__name__ in errors.__all__
    assert kind.exit_status == (2 if issubclass(kind, InputError) else 1)
    assert issubclass(kind, (InputError, FailureError)) or kind is KgzslError


def test_an_error_carries_all_problems() -> None:
    error = SplitError(Problem(name, file="split.json", line=4) for name in ("one", "two"))
    assert [p.got for p in error.problems] == ["one", "two"]
    assert str(error) == "split.json:4: one\nsplit.json:4: two"
    assert SplitError("plain").problems == (Problem("plain"),)


def test_nearest_ignores_letter_case_and_says_how_to_list_names() -> None:
    assert nearest("ZEBAR", ["Zebra", "Horse"]) == "did you mean Zebra?"
    assert nearest("cat", ["cats", "cart"]).startswith("did you mean cats or cart")
    assert "kgzsl ontology inspect" in nearest("xyz", ["Zebra"])
