"""Pictures are caused by looks: every feature changes the picture, where its box is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgzsl.data.creatures import FEATURES, Appearance, appearances, render
from kgzsl.errors import DataError
from kgzsl.ontology.facts import Fact

PLAIN = Appearance({p: None if f.optional else f.fillers[0] for p, f in FEATURES.items()})
DRESSED = Appearance({p: f.fillers[0] for p, f in FEATURES.items()})
LOOKS = st.builds(
    lambda chosen: Appearance(chosen),
    st.fixed_dictionaries(
        {p: st.sampled_from(f.fillers + ((None,) if f.optional else ())) for p, f in FEATURES.items()}
    ),
)


@settings(max_examples=40, deadline=None)
@given(look=LOOKS, seed=st.integers(0, 2**32), size=st.sampled_from([16, 32, 64]))
def test_any_looks_can_be_drawn(look: Appearance, seed: int, size: int) -> None:
    picture = render(look, seed=seed, size=size)
    assert picture.image.shape == (size, size, 3)
    assert picture.image.dtype == np.uint8
    assert np.array_equal(picture.image, render(look, seed=seed, size=size).image)
    for left, top, right, bottom in picture.boxes.values():
        assert 0 <= left <= right <= 1
        assert 0 <= top <= bottom <= 1


@settings(max_examples=40, deadline=None)
@given(look=LOOKS)
def test_boxes_are_those_of_the_parts_that_are_there(look: Appearance) -> None:
    expected = {p for p in FEATURES if look[p] is not None}
    if look["hasPattern"] is None:
        expected -= {"hasPatternColor"}
    if look["hasPatternColor"] is None:
        expected |= {"hasPatternColor"} & set(render(look, seed=1).boxes)
    assert set(render(look, seed=1).boxes) == expected


@pytest.mark.parametrize("name", [p for p in FEATURES if p not in ("livesIn", "hasBodyShape")])
def test_a_counterfactual_changes_the_picture_in_its_box_alone(name: str) -> None:
    fillers = FEATURES[name].fillers
    for seed in range(4):
        one = render(DRESSED.but(**{name: fillers[0]}), seed=seed)
        other = render(DRESSED.but(**{name: fillers[-1]}), seed=seed)
        rows, columns = np.nonzero((one.image != other.image).any(axis=2))
        if name == "hasBodyColor":  # skin is on every part
            assert len(rows) > 100
            continue
        assert len(rows) > 15
        (a, b, c, d), (e, f, g, h) = one.boxes[name], other.boxes[name]
        slack = 3 / 64  # outlines reach over the path
        assert min(a, e) - slack <= columns.min() / 64 <= columns.max() / 64 <= max(c, g) + slack
        assert min(b, f) - slack <= rows.min() / 64 <= rows.max() / 64 <= max(d, h) + slack


@pytest.mark.parametrize("name", FEATURES)
def test_every_filler_looks_different(name: str) -> None:
    images = [render(DRESSED.but(**{name: filler}), seed=3).image for filler in FEATURES[name].fillers]
    assert len({image.tobytes() for image in images}) == len(images)


def test_the_clutter_is_the_same_in_every_habitat() -> None:
    fewest = 64 * 64
    for seed in range(6):
        one = render(PLAIN.but(livesIn="SnowField"), seed=seed).image.astype(int)
        other = render(PLAIN.but(livesIn="DuneSea"), seed=seed).image.astype(int)
        fewest = min(fewest, int((np.abs(one - other).max(axis=2) > 0).sum()))
    assert fewest < 0.8 * 64 * 64  # the creature and the clutter stay


def test_another_seed_is_another_picture() -> None:
    assert not np.array_equal(render(PLAIN, seed=(0, 1)).image, render(PLAIN, seed=(0, 2)).image)


def test_all_that_is_wrong_with_looks_is_reported() -> None:
    with pytest.raises(DataError) as caught:
        Appearance({**PLAIN.features, "hasTail": "Rudder", "hasEyes": None, "hasHat": "TopHat"})
    assert [p.got for p in caught.value.problems] == [
        "'hasHat' is no visual property",
        "hasTail is 'Rudder'",
        "hasEyes is None",
    ]


def facts_of(look: Appearance) -> list[Fact]:
    positive = [Fact("#Toad", f"#{p}", f"#{f}") for p, f in look.features.items() if f]
    absent = [p for p, f in look.features.items() if f is None]
    return positive + [Fact("#Toad", f"#{p}", f"#{FEATURES[p].general}", "negative") for p in absent]


@settings(max_examples=30, deadline=None)
@given(look=LOOKS)
def test_looks_come_back_from_facts(look: Appearance) -> None:
    general = [Fact("#Toad", f"#{p}", f"#{FEATURES[p].general}") for p, f in look.features.items() if f]
    other = [Fact("#Toad", "#hasDiet", "#Moss"), Fact("#Toad", "#hasTail", "#FanTail", "negative")]
    assert appearances(facts_of(look) + general + other) == {"#Toad": look}


def test_open_and_contradicting_features_are_reported_together() -> None:
    facts = [f for f in facts_of(DRESSED) if f.predicate != "#hasTail"] + [Fact("#Toad", "#hasEyes", "#SlitEyes")]
    assert appearances(facts) == {}
    with pytest.raises(DataError) as caught:
        appearances(facts, classes=["#Toad"])
    assert len(caught.value.problems) == 2
    assert "Toad hasTail" in str(caught.value)
    assert "OneEye and SlitEyes" in str(caught.value)
