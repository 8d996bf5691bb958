"""Mirror and shift: whole pixels of the same image, the same for a seed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from kgzsl.train.augment import mirror_and_shift


def moved(images: torch.Tensor, *, seed: int = 0, reach: int = 4) -> torch.Tensor:
    return mirror_and_shift(images, generator=torch.Generator().manual_seed(seed), reach=reach)


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randint(0, 256, (20, 12, 12, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_shape_kind_and_determinism(images: torch.Tensor) -> None:
    before = images.clone()
    once = moved(images)
    assert (once.shape, once.dtype) == (images.shape, images.dtype)
    assert torch.equal(once, moved(images))
    assert not torch.equal(once, moved(images, seed=1))
    assert torch.equal(images, before)


def test_every_result_is_a_shift_of_the_image_or_its_mirror(images: torch.Tensor) -> None:
    results = moved(images, reach=2)
    offsets = []
    for image, result in zip(images.numpy(), results.numpy(), strict=True):
        fits = []
        for mirror in (False, True):
            padded = np.pad(image[:, ::-1] if mirror else image, ((2, 2), (2, 2), (0, 0)), mode="edge")
            fits += [
                (mirror, down, right)
                for down in range(5)
                for right in range(5)
                if np.array_equal(padded[down : down + 12, right : right + 12], result)
            ]
        assert len(fits) == 1
        offsets += fits
    # Both mirrored and not, and moved both ways.
    assert {mirror for mirror, _, _ in offsets} == {False, True}
    assert min(o[1] for o in offsets) < 2 < max(o[1] for o in offsets)
    assert min(o[2] for o in offsets) < 2 < max(o[2] for o in offsets)


def test_without_reach_it_only_mirrors(images: torch.Tensor) -> None:
    for image, result in zip(images, moved(images, reach=0), strict=True):
        assert torch.equal(result, image) or torch.equal(result, image.flip(1))
