"""DUET's draws: chances are chances, for any classes; ties, empty classes and groups are no special case."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kgzsl.model.departures import Departures
from kgzsl.train.compat_sampling import attribute_frequency, class_distances, masking_chances, sampling_tables

PUBLISHED = Departures()


@settings(max_examples=60, deadline=None)
@given(
    strength=arrays(float, (5, 7), elements=st.sampled_from([0.0, 0.25, 0.5, 1.0])),
    present=arrays(bool, (5, 7)),
    groups=arrays(int, (7,), elements=st.integers(0, 2)),
    published=st.booleans(),
)
def test_chances_for_any_classes(
    strength: np.ndarray, present: np.ndarray, groups: np.ndarray, published: bool
) -> None:
    distances = class_distances(strength, departures=PUBLISHED if published else Departures.none())
    tables = sampling_tables(present, distances, groups=groups, frequency=attribute_frequency(present))
    for table in (tables.masking, tables.positive, tables.negative):
        assert np.isfinite(table).all()
        assert (table >= 0).all()
        total = table.sum(-1)
        assert ((np.abs(total - 1) < 1e-9) | (total == 0)).all()
    assert ((tables.masking > 0) <= present).all()
    assert (present.any(1) == (tables.masking.sum(1) > 0)).all()
    # A positive has the attribute; a negative lacks it, and has another one of its group.
    for c, a in zip(*np.nonzero(present), strict=True):
        assert present[tables.positive[c, a] > 0, a].all()
        negatives = np.flatnonzero(tables.negative[c, a])
        own = (groups == groups[a]) & present[c]
        assert not present[np.ix_(negatives, own)].any()
        assert present[negatives][:, (groups == groups[a]) & ~present[c]].any(1).all()
        assert (len(negatives) > 0) == (tables.candidates[c, a] > 0)
        assert len(negatives) <= tables.candidates[c, a]
    assert not tables.positive[~present].any()


def test_the_commonest_attribute_is_never_masked_unless_all_are_alike() -> None:
    present = np.array([[1, 1, 1], [1, 1, 0], [1, 0, 0]], dtype=bool)
    frequency = attribute_frequency(present)
    assert masking_chances(present, frequency)[0, 0] == 0
    assert masking_chances(present, frequency)[2].tolist() == [1.0, 0.0, 0.0]
    assert masking_chances(np.ones((1, 2), dtype=bool), np.array([0.5, 0.5])).tolist() == [[0.5, 0.5]]


def test_what_no_picture_shows_counts_as_common() -> None:
    present = np.ones((2, 2), dtype=bool)
    assert attribute_frequency(present, invisible=np.array([False, True])).tolist() == [0.5, 0.2]


@pytest.mark.parametrize("published", [True, False])
def test_own_class_as_a_positive(published: bool) -> None:
    departures = PUBLISHED if published else Departures.none()
    distances = class_distances(np.array([[0.0], [0.5], [2.0]]), departures=departures)
    assert (np.diag(distances) == published).all()
    tables = sampling_tables(
        np.ones((3, 1), dtype=bool), distances, groups=np.zeros(1, dtype=int), frequency=np.ones(1)
    )
    # Of three classes the farther two are kept: at distance 1 a class is among them where the others are nearer.
    assert (tables.positive[0, 0, 0] > 0) == published
    assert tables.positive[0, 0, 2] > 0
