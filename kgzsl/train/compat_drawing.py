"""Steps of DUET drawn from its tables of chances: which texts and reference images go with a batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from kgzsl.model.departures import Departures
from kgzsl.train.compat_objectives import ContrastBatch, GroundingBatch, Pairs
from kgzsl.train.compat_sampling import SamplingTables
from kgzsl.train.compat_texts import Text, TextPieces, TextTable, stack_texts

__all__ = ["StepDrawer"]

Pair = tuple[int, Text]
"""Row of an image, and its text."""
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
        own: list[Pair] = []
        groups: list[list[Pair]] = []
        strength: list[float] = []
        both: list[float] = []
        for row, label in zip(rows.tolist(), self.labels[rows], strict=True):
            attribute = self._attribute(label, random)
            shown = self._shown(label, attribute, random)
            own.append((row, self.pieces.write(shown, attribute, masked=True)))
            strength.append(self.strength[label, attribute] if attribute >= 0 else 0.0)
            if attribute < 0 or not self.tables.candidates[label, attribute]:
                continue
            positive = self._draw(self.tables.positive[label, attribute], random)
            anchor = row, self._write(shown, attribute, masked=True)
            groups.append([anchor, *self._references((label, attribute, positive), random)])
            both.append(min(strength[-1], self.strength[positive, attribute]))
        pairs, table = self._pairs([own, *groups])
        count, length = len(own), max(len(text.tokens) for _, text in own)
        return GroundingBatch(
            pairs=pairs,
            words=table.words[pairs.text[:count], :length],
            masked=table.places[pairs.text[:count], :length],
            labels=torch.from_numpy(self.labels[rows]),
            strength=torch.tensor(strength, dtype=pairs.images.dtype),
            positions=table.places[pairs.text[count:]],
            contrast_strength=torch.tensor(both, dtype=pairs.images.dtype),
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

    def _references(self, drawn: tuple[int, int, int], random: np.random.Generator) -> list[Pair]:
        """Positive and four negatives of (class, attribute, positive class)."""
        label, attribute, positive = drawn
        found = [(self._image(positive, random), self._write(self._shown(positive, attribute, random), attribute))]
        chances = self.tables.negative[label, attribute]
        count = min(2, int((chances > 0).sum()))
        members = (self.groups == self.groups[attribute]) & ~self.present[label]
        for negative in random.choice(len(chances), size=count, replace=False, p=chances):
            for other in random.choice(np.flatnonzero(members & self.present[negative]), size=4 // count):
                row = self._image(negative, random)
                found.append((row, self.pieces.write(self._shown(negative, other, random), other)))
        return found

    def _pairs(self, groups: Sequence[Sequence[Pair]]) -> tuple[Pairs, TextTable]:
        """All pairs of groups that are padded to a length each; an anchor's image and text are the batch's own."""
        pairs = [pair for group in groups for pair in group]
        images = {row: place for place, row in enumerate(dict.fromkeys(row for row, _ in pairs))}
        texts = {text: place for place, text in enumerate(dict.fromkeys(text for _, text in pairs))}
        table, text = stack_texts(list(texts)), torch.tensor([texts[text] for _, text in pairs])
        if self.departures.padding_is_read:
            lengths = [max(len(text.tokens) for _, text in group) for group in groups for _ in group]
            read = (torch.arange(table.mask.shape[1]) < torch.tensor(lengths)[:, None]).long()
        else:
            read = table.mask[text]
        image = torch.tensor([images[row] for row, _ in pairs])
        loaded = self.load(np.array(list(images)))
        return Pairs(loaded, table.tokens, table.mask, read, image=image, text=text), table

    def _image(self, label: int, random: np.random.Generator) -> int:
        """A training image of a class."""
        return int(random.choice(self._rows[label]))

    @cached_property
    def _rows(self) -> dict[int, np.ndarray]:
        """The training images of each class."""
        return {label: np.flatnonzero(self.labels == label) for label in np.unique(self.labels).tolist()}

    @staticmethod
    def _draw(chances: np.ndarray | Sequence[float], random: np.random.Generator) -> int:
        """An index by chances that sum to 1."""
        return int(random.choice(len(chances), p=chances))
