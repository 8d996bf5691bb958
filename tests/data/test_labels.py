"""Label space: columns and masks of classes."""

from __future__ import annotations

import pytest

from kgzsl.data.labels import LabelSpace
from kgzsl.errors import SplitError


def test_columns_keep_the_order_asked_for_and_repeat() -> None:
    space = LabelSpace(("a", "b", "c"))
    assert space.columns(["c", "a", "c"]).tolist() == [2, 0, 2]
    assert space.columns(iter("b")).tolist() == [1]
    assert space.columns([]).dtype == "int64"
    assert len(space) == 3


def test_mask_is_over_columns() -> None:
    assert LabelSpace(("a", "b", "c")).mask(["c", "a"]).tolist() == [True, False, True]
    assert not LabelSpace(("a", "b")).mask([]).any()


def test_every_unknown_class_is_named() -> None:
    with pytest.raises(SplitError) as caught:
        LabelSpace(("zebra", "horse")).columns(["zebar", "horse", "hrose"])
    assert [p.got.split(";")[0] for p in caught.value.problems] == [
        "no score column for zebar",
        "no score column for hrose",
    ]
    assert "did you mean zebra?" in str(caught.value)
