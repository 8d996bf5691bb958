from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from kgzsl.explain.explanation import Explanation
from kgzsl.explain.overlay import as_picture, grounding_box, heat_layer, heat_overlay, overlay_strip, strongest

maps = arrays(np.float64, st.tuples(st.integers(1, 7), st.integers(1, 7)), elements=st.floats(0, 1))


def peak_map() -> np.ndarray:
    heat = np.full((8, 8), 0.01)
    heat[1, 6] = 1.0
    return heat


def test_small_images_are_enlarged_and_large_ones_kept() -> None:
    assert as_picture(np.zeros((64, 32, 3), dtype=np.uint8)).size == (160, 320)
    assert as_picture(Image.new("L", (500, 400))).size == (500, 400)
    with pytest.raises(ValueError, match="uint8"):
        as_picture(np.zeros((64, 64, 3)))


def test_heat_is_where_the_map_is(image: np.ndarray) -> None:
    layer = np.asarray(heat_layer(peak_map(), (320, 320))).astype(int)
    hot, cold = layer[60, 260], layer[260, 60]
    assert hot[3] > 150
    assert cold[3] == 0
    assert hot[:3].sum() > 500  # pale yellow at the top of the scale
    overlay = np.asarray(heat_overlay(image, peak_map())).astype(int)
    assert overlay.shape == (320, 320, 3)
    assert overlay[60, 260].sum() > overlay[260, 60].sum() + 100


def test_colors_grow_lighter_evenly() -> None:
    ramp = np.asarray(heat_layer(np.linspace(0, 1, 9)[None, :], (900, 10)).convert("L")).astype(int)[5]
    assert (np.diff(ramp[50:850:50]) > 0).all()


def test_a_flat_map_points_nowhere() -> None:
    assert not np.asarray(heat_layer(np.full((7, 7), 1 / 49), (64, 64)))[..., 3].any()


@given(maps)
def test_any_map_gives_a_layer_and_a_box_around_its_peak(heat: np.ndarray) -> None:
    assert heat_layer(heat, (20, 10)).size == (20, 10)
    left, top, right, bottom = grounding_box(heat)
    assert 0 <= left < right <= 1
    assert 0 <= top < bottom <= 1
    row, column = np.unravel_index(heat.argmax(), heat.shape)
    assert left <= (column + 0.5) / heat.shape[1] <= right
    assert top <= (row + 0.5) / heat.shape[0] <= bottom


def test_box_leaves_out_what_does_not_touch_the_peak() -> None:
    heat = np.zeros((5, 5))
    heat[0, 0], heat[0, 1], heat[1, 0], heat[3, 3] = 1.0, 0.9, 0.3, 0.9
    # As high as the peak or a fifth of it: half a cell more at most, and the other hill not at all.
    left, top, right, bottom = grounding_box(heat, cut=0.2)
    assert (left, top) == (0.0, 0.0)
    assert 0.4 <= right <= 0.5
    assert 0.2 <= bottom <= 0.4


def test_box_is_as_wide_as_what_is_shown() -> None:
    """A hill of one cell is shown as wide as to the middle of the next ones, nearly."""
    heat = np.zeros((5, 5))
    heat[2, 2] = 1.0
    assert grounding_box(heat, cut=0.2) == pytest.approx((0.32, 0.32, 0.68, 0.68))


@pytest.mark.parametrize("heat", [np.zeros(3), np.full((2, 2), np.nan), np.zeros((0, 3))])
def test_bad_maps_are_refused(heat: np.ndarray) -> None:
    for call in (grounding_box, lambda h: heat_layer(h, (4, 4))):
        with pytest.raises(ValueError, match="grounding map"):
            call(heat)


def test_strongest_keeps_both_directions(explanation: Explanation) -> None:
    values = [f.contribution for f in strongest(list(explanation.facts), 3)]
    assert values == [0.912, 0.303, -0.240]


def test_strip_holds_the_image_and_the_top_grounded_facts(
    explanation: Explanation, image: np.ndarray, tmp_path: Path
) -> None:
    widths = []
    for top in (0, 2, 99):
        path = overlay_strip(explanation, image, tmp_path / "strip.png", top=top)
        with Image.open(path) as strip:
            widths.append((strip.width - 12) // 332)
    assert widths == [1, 3, 6]  # five facts have a map
    assert [p.name for p in tmp_path.iterdir()] == ["strip.png"]
