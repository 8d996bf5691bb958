"""Where a map points, against where the thing is; and maps that know nothing of the picture."""

from __future__ import annotations

import numpy as np

__all__ = ["Box", "box_iou", "map_around"]

Box = tuple[float, float, float, float]
"""Left, top, right, bottom as fractions of the image."""

WIDTH = 0.15
"""Standard deviation of a map around a point, as a share of the image: about the size of a part."""


def box_iou(one: Box, other: Box) -> float:
    """Area that two boxes share over the area that they cover together, in [0, 1].

    Source: Everingham et al., "The PASCAL Visual Object Classes Challenge", IJCV 2010, equation 3.

    Example:
        >>> box_iou((0.0, 0.0, 0.5, 0.5), (0.25, 0.0, 0.75, 0.5))
        0.333...
    """
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(width, 0.0) * max(height, 0.0)
    areas = [(right - left) * (bottom - top) for left, top, right, bottom in (one, other)]
    together = sum(areas) - shared
    return shared / together if together > 0 else 0.0


def map_around(x: float, y: float, *, shape: tuple[int, int]) -> np.ndarray:
    """A map with a Gaussian hill at one place, whatever the picture: the prior of who expects the thing there.

    At the middle it is the center prior of Zhang et al., "Top-down Neural Attention by Excitation Backprop", ECCV 2016.

    Args:
        x: from the left, and
        y: from the top, as fractions of the image.
        shape: rows and columns.

    Returns:
        ``(rows, columns)``, summing to 1.

    Example:
        >>> map_around(0.75, 0.25, shape=(2, 2)).round(2).tolist()
        [[0.0, 0.99], [0.0, 0.0]]
    """
    rows, columns = ((np.arange(side) + 0.5) / side for side in shape)
    hill = np.exp(-((columns[None] - x) ** 2 + (rows[:, None] - y) ** 2) / (2 * WIDTH**2))
    return hill / hill.sum()
