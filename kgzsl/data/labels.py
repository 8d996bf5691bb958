"""Which score column is which class: the only place that re-indexes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kgzsl.errors import SplitError, nearest

__all__ = ["LabelSpace"]


@dataclass(frozen=True)
class LabelSpace:
    """Classes in the order of the score columns.

    Args:
        classes: IRIs, each once.

    Example:
        >>> space = LabelSpace(("ex:horse", "ex:zebra"))
        >>> space.columns(["ex:zebra"]).tolist(), space.mask(["ex:zebra"]).tolist()
        ([1], [False, True])
    """

    classes: tuple[str, ...]

    @cached_property
    def _index(self) -> dict[str, int]:
        return {iri: column for column, iri in enumerate(self.classes)}

    def __len__(self) -> int:
        return len(self.classes)

    def columns(self, iris: Iterable[str]) -> np.ndarray:
        """Score columns of the given classes, in the given order.

        Raises:
            SplitError: a class is not in this space.
        """
        wanted = list(iris)
        missing = [iri for iri in wanted if iri not in self._index]
        if missing:
            raise SplitError(f"no score column for {iri}; {nearest(iri, self.classes)}" for iri in missing)
        return np.array([self._index[iri] for iri in wanted], dtype=np.int64)

    def mask(self, iris: Iterable[str]) -> np.ndarray:
        """Boolean over columns, True for the given classes."""
        mask = np.zeros(len(self.classes), dtype=bool)
        mask[self.columns(iris)] = True
        return mask
