"""Which images of a batch are positives and negatives of an attribute, by what the graph says of their classes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["ReferenceTables", "References", "class_distances"]


@dataclass(frozen=True, eq=False)
class References:
    """Positives and negatives of some anchors, as rows of the batch.

    Args:
        anchors: places among the anchors that were asked about, ``(anchor,)``: those that have both.
        positives: rows of the batch, ``(anchor,)``.
        negatives: rows of the batch, ``(anchor, negative)``.
        rivals: the attribute that each negative shows in the place of the anchor's, ``(anchor, negative)``.
        usable: boolean ``(anchor, negative)``; others are padding.
    """

    anchors: Tensor
    positives: Tensor
    negatives: Tensor
    rivals: Tensor
    usable: Tensor


@dataclass(frozen=True, eq=False)
class ReferenceTables:
    """What decides, computed once: ``S^2 + 3 S A`` numbers for S classes and A attributes.

    For an anchor of class c and an attribute a of it, an image of class d is

    - a positive with chance in proportion to ``D(c, d)^2`` where d has a: what distant classes share is the attribute;
    - a negative with chance in proportion to ``1 / D(c, d)^2`` where d is known to lack a and has a rival: another
      attribute of the same property, which c is known to lack. Near classes differ in little else.

    What is unknown of a class makes it neither. References come from the batch, so that no image is encoded twice.

    Source: DUET (Chen et al., AAAI 2023), its weighted sampling of positive and negative references; there from all
    images of a class, the farther (nearer) half of the classes alone.

    Args:
        present: attributes that the prompt of a class names, boolean ``(class, attribute)``.
        lacking: attributes that a class is known to lack, the same shape.
        distance: between classes, ``(class, class)``, above 0 off the diagonal.
        properties: number of each attribute's property, ``(attribute,)``.
    """

    present: Tensor
    lacking: Tensor
    distance: Tensor
    properties: Tensor

    @classmethod
    def of(cls, value: Tensor, known: Tensor, *, present: Tensor, properties: Tensor) -> ReferenceTables:
        """Tables from attribute values and what is known of them, ``(class, attribute)``."""
        return cls(present, known & ~present & (value < 0.5), class_distances(value, known), properties)

    def able(self, labels: Tensor, batch: Tensor) -> Tensor:
        """Attributes that have both a positive and a negative in a batch, boolean ``(anchor, attribute)``.

        Args:
            labels: class of each anchor.
            batch: class of each image of the batch.
        """
        other = (batch[None, :] != labels[:, None]).float()
        positive = other @ self.present[batch].float() > 0
        negative = other @ self.lacking[batch].float() > 0
        return self.present[labels] & positive & negative

    def draw(
        self, labels: Tensor, attributes: Tensor, *, batch: Tensor, negatives: int, generator: torch.Generator
    ) -> References:
        """A positive and some negatives for each anchor that has them.

        Args:
            labels: class of each anchor.
            attributes: the attribute that each is asked about.
            batch: class of each image of the batch.
            negatives: how many at most.
            generator: source of randomness.

        Example:
            Class 1 shares attribute 0 with class 0, class 2 has its rival, attribute 1.

            >>> value = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
            >>> tables = ReferenceTables.of(
            ...     value, torch.ones(3, 2, dtype=torch.bool), present=value > 0, properties=torch.tensor([0, 0]))
            >>> zero = torch.tensor([0])
            >>> generator = torch.Generator().manual_seed(0)
            >>> drawn = tables.draw(zero, zero, batch=torch.tensor([0, 1, 2]), negatives=1, generator=generator)
            >>> drawn.positives.tolist(), drawn.negatives.tolist(), drawn.rivals.tolist()
            ([1], [[2]], [[1]])
        """
        square = self.distance[labels][:, batch].square()
        other = batch[None, :] != labels[:, None]
        shared = self.present[batch][:, attributes].T & other
        alike = self.properties[attributes][:, None] == self.properties
        rivals = (alike & self.lacking[labels])[:, None, :] & self.present[batch]
        rival = self.lacking[batch][:, attributes].T & other & rivals.any(2)
        anchors = (shared.any(1) & rival.any(1)).nonzero()[:, 0]
        if not len(anchors):
            none = anchors.new_zeros(0, negatives)
            return References(anchors, anchors, none, none, none.bool())
        square, rivals = square[anchors], rivals[anchors]
        # Floored, so that classes with the same attributes can be drawn where there is nothing else.
        positives = torch.multinomial(shared[anchors] * square.clamp(min=1e-6), 1, generator=generator)[:, 0]
        chances = rival[anchors] / square.clamp(min=1e-6)
        count = min(negatives, chances.shape[1])
        # Those with chance 0 are drawn last: without replacement every row needs as many chances as draws.
        drawn = torch.multinomial(chances / chances.amax(1, keepdim=True) + 1e-12, count, generator=generator)
        usable = rival[anchors].gather(1, drawn)
        shown = rivals[torch.arange(len(anchors), device=anchors.device)[:, None], drawn].float()
        chosen = torch.multinomial((shown + ~usable[..., None]).flatten(0, 1), 1, generator=generator)
        return References(anchors, positives, drawn, chosen.view_as(drawn), usable)


def class_distances(value: Tensor, known: Tensor) -> Tensor:
    """Mean absolute difference over the attributes that are known of both classes, ``(class, class)``; 1 without any.

    Example:
        >>> class_distances(torch.tensor([[1.0, 0.0], [1.0, 1.0]]), torch.ones(2, 2, dtype=torch.bool)).tolist()
        [[0.0, 0.5], [0.5, 0.0]]
    """
    distances = value.new_ones(len(value), len(value))
    for row in range(len(value)):  # one row at a time: a class at a time of memory
        both = known[row] & known
        difference = ((value[row] - value).abs() * both).sum(1)
        distances[row] = torch.where(both.any(1), difference / both.sum(1).clamp(min=1), 1.0)
    return distances
