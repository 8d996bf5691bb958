"""Steps of DUET drawn from its tables of chances: which texts and reference images go with a batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from kgzsl.model.departures import Departures
from kgzsl.train.compat_objectives import ContrastBatch, GroundingBatch, Pairs, padded
from kgzsl.train.compat_sampling import SamplingTables
from kgzsl.train.compat_texts import Text, TextPieces, stack_texts

__all__ = ["StepDrawer"]

TRIES = 3
"""An attribute without any negative is drawn again, up to three draws in all."""


@dataclass(frozen=True, eq=False)
class StepDrawer:
    """Draws both kinds of steps.

    Args:
        tables: chances.
        pieces: of the prompts.
        present: boolean ``(seen class, attribute)``.
        strength: in [0, 1], ``(seen class, attribute)``.
        groups: number of each attribute's group.
        labels: class of each training image; references are drawn from these images alone, so that no test
            image is ever one (the published code draws from all images of the class).
        load: rows to images ``(image, 3, height, width)``.
        dropping: chance that an attribute other than the drawn one leaves a prompt.
        departures: padding and numbers in words.
    """

    tables: SamplingTables
    pieces: TextPieces
    present: np.ndarray
    strength: np.ndarray
    groups: np.ndarray
    labels: np.ndarray
    load: Callable[[np.ndarray], Tensor]
    dropping: float = 0.5
    departures: Departures = field(default_factory=Departures)

    def grounding(self, rows: np.ndarray, random: np.random.Generator) -> GroundingBatch:
        """A step of cross-modal semantic grounding for some training images."""
        labels = self.labels[rows]
        drawn = [self._attribute(label, random) for label in labels]
        shown = [self._shown(label, a, random) for label, a in zip(labels, drawn, strict=True)]
        texts = stack_texts([self.pieces.write(s, a, masked=True) for s, a in zip(shown, drawn, strict=True)])
        images = self.load(rows)
        groups: list[Pairs] = []
        places: list[Tensor] = []
        weights: list[float] = []
        for place, (label, attribute) in enumerate(zip(labels, drawn, strict=True)):
            if attribute < 0 or not self.tables.candidates[label, attribute]:
                continue
            positive = self._draw(self.tables.positive[label, attribute], random)
            anchor = self._write(shown[place], attribute, masked=True)
            group, table = self._group(images[place], anchor, (label, attribute, positive), random)
            groups.append(group)
            places.append(table)
            weights.append(min(self.strength[label, attribute], self.strength[positive, attribute]))
        length = max((group.tokens.shape[1] for group in groups), default=0)
        own = [self.strength[c, a] if a >= 0 else 0.0 for c, a in zip(labels, drawn, strict=True)]
        return GroundingBatch(
            pairs=Pairs.of(images, texts.tokens, texts.mask, departures=self.departures),
            words=texts.words,
            masked=texts.places,
            labels=torch.from_numpy(labels),
            strength=torch.tensor(own, dtype=images.dtype),
            contrast=Pairs.join(groups) if groups else None,
            positions=padded(places, length) if groups else torch.zeros(0, 0, dtype=torch.bool),
            contrast_strength=torch.tensor(weights, dtype=images.dtype),
        )

    def contrast(
        self, rows: np.ndarray, random: np.random.Generator, *, template: tuple[Tensor, Tensor], whole: bool = True
    ) -> ContrastBatch:
        """A step of contrast between images; ``whole`` is False for a last, smaller batch, which has no contrast."""
        labels = self.labels[rows]
        others = self.load(np.array([self._image(label, random) for label in labels])) if whole else None
        return ContrastBatch(self.load(rows), torch.from_numpy(labels), others, *template)

    def _attribute(self, label: int, random: np.random.Generator) -> int:
        """The attribute to mask, or -1 for a class without any."""
        attribute = -1
        for _ in range(TRIES if self.tables.masking[label].any() else 0):
            attribute = self._draw(self.tables.masking[label], random)
            if self.tables.candidates[label, attribute]:
                break
        return attribute

    def _shown(self, label: int, attribute: int, random: np.random.Generator) -> np.ndarray:
        """The class's attributes, others than the drawn one dropped by chance."""
        kept = self.present[label] & (random.random(self.present.shape[1]) >= self.dropping)
        if attribute >= 0:
            kept[attribute] = True
        return kept

    def _write(self, shown: np.ndarray, attribute: int, *, masked: bool = False) -> Text:
        """Anchor's or positive's text."""
        return self.pieces.write(shown, attribute, masked=masked, numbered=self.departures.index_in_word)

    def _group(
        self, image: Tensor, anchor: Text, drawn: tuple[int, int, int], random: np.random.Generator
    ) -> tuple[Pairs, Tensor]:
        """Anchor, positive and four negatives of (class, attribute, positive class), and where the attributes stand."""
        label, attribute, positive = drawn
        texts = [anchor, self._write(self._shown(positive, attribute, random), attribute)]
        rows = [self._image(positive, random)]
        chances = self.tables.negative[label, attribute]
        count = min(2, int((chances > 0).sum()))
        members = (self.groups == self.groups[attribute]) & ~self.present[label]
        for negative in random.choice(len(chances), size=count, replace=False, p=chances):
            for other in random.choice(np.flatnonzero(members & self.present[negative]), size=4 // count):
                texts.append(self.pieces.write(self._shown(negative, other, random), other))
                rows.append(self._image(negative, random))
        table = stack_texts(texts)
        images = torch.cat([image[None], self.load(np.array(rows))])
        return Pairs.of(images, table.tokens, table.mask, departures=self.departures), table.places

    def _image(self, label: int, random: np.random.Generator) -> int:
        """A training image of a class."""
        return int(random.choice(np.flatnonzero(self.labels == label)))

    @staticmethod
    def _draw(chances: np.ndarray | Sequence[float], random: np.random.Generator) -> int:
        """An index by chances that sum to 1."""
        return int(random.choice(len(chances), p=chances))
