"""Prompts as token tables, and the writing of masked prompts from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from kgzsl.semantics import Attribute, Prompt

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["PromptTokens", "WrittenPrompts", "tokenize_prompts"]

STRUCTURE = -1
"""Owner of tokens that belong to no attribute: property names, bars, special tokens."""


@dataclass(frozen=True, eq=False)
class PromptTokens:
    """One prompt for each class, tokenized once.

    Args:
        tokens: ids ``(class, token)``.
        mask: 1 real, 0 padding.
        owner: column of the attribute that a token belongs to, or -1 for structure.
        mask_token: id of [MASK].
        weights: ``(class, attribute)``, chance of each attribute to be masked; rows sum to 1, or to 0
            for a class without any attribute.
    """

    tokens: Tensor
    mask: Tensor
    owner: Tensor
    mask_token: int
    weights: Tensor

    def choose(self, labels: Tensor, *, generator: torch.Generator, able: Tensor | None = None) -> Tensor:
        """The attribute that each image is asked about, ``(image,)``; -1 for a class without any.

        Args:
            labels: class of each image.
            generator: source of randomness.
            able: attributes to choose from where an image has one of them, boolean ``(image, attribute)``.

        Source: DUET (Chen et al., AAAI 2023): rare attributes are masked more often.
        """
        weights = self.weights[labels]
        if able is not None:
            weights = torch.where((weights * able).sum(1, keepdim=True) > 0, weights * able, weights)
        none = weights.sum(1) == 0
        return torch.multinomial(weights + none[:, None], 1, generator=generator)[:, 0].masked_fill(none, STRUCTURE)

    def write(
        self, labels: Tensor, attributes: Tensor, *, dropping: float, generator: torch.Generator, hidden: Tensor
    ) -> WrittenPrompts:
        """Prompts of classes with one attribute kept, or hidden behind masks, and others dropped.

        Args:
            labels: class of each prompt.
            attributes: the one that is kept, ``(prompt,)``; -1 for none.
            dropping: chance that any other attribute is left out.
            generator: source of randomness.
            hidden: prompts that have [MASK] in the place of each token of the attribute, boolean ``(prompt,)``.
        """
        tokens, mask, owner = self.tokens[labels], self.mask[labels], self.owner[labels]
        there = (owner == attributes[:, None]) & (owner != STRUCTURE)
        dropped = torch.rand(self.weights[labels].shape, generator=generator) < dropping
        kept = (mask > 0) & ((owner == STRUCTURE) | there | ~dropped.gather(1, owner.clamp(min=0)))
        # What is dropped moves to the end and is cut: texts stay as short as what they say.
        order = torch.argsort((~kept).byte(), dim=1, stable=True)[:, : int(kept.sum(1).max())]
        tokens, there, kept = (table.gather(1, order) for table in (tokens, there, kept))
        shown = tokens.masked_fill(there & hidden[:, None], self.mask_token)
        return WrittenPrompts(tokens=shown, mask=kept.long(), places=there, words=tokens)


@dataclass(frozen=True, eq=False)
class WrittenPrompts:
    """Prompts of a step: see :meth:`PromptTokens.write`.

    Args:
        tokens: ids ``(prompt, token)``.
        mask: 1 real, 0 padding.
        places: where the attribute's tokens (or their masks) stand.
        words: ids without masks, ``(prompt, token)``.
    """

    tokens: Tensor
    mask: Tensor
    places: Tensor
    words: Tensor

    def to(self, device: torch.device) -> WrittenPrompts:
        """The same on a device."""
        return WrittenPrompts(*(getattr(self, field.name).to(device) for field in fields(self)))


def tokenize_prompts(
    prompts: Sequence[Prompt], tokenizer: PreTrainedTokenizerBase, *, columns: Mapping[Attribute, int], limit: int = 512
) -> PromptTokens:
    """Token table of class prompts, each token owned by the attribute whose span it lies in.

    Args:
        prompts: one for each class.
        tokenizer: a fast tokenizer (it knows the characters of each token).
        columns: attribute to column.
        limit: longest prompt in tokens; longer ones are cut.
    """
    encoded = tokenizer(
        [p.text for p in prompts], padding=True, truncation=True, max_length=limit, return_offsets_mapping=True
    )
    tokens = torch.tensor(encoded["input_ids"])
    owner = torch.full_like(tokens, STRUCTURE)
    for row, prompt in enumerate(prompts):
        starts = {}
        for span in prompt.spans:
            starts.update(dict.fromkeys(range(span.start, span.end), columns[span.attribute]))
        for position, (start, end) in enumerate(encoded["offset_mapping"][row]):
            if end > start:
                owner[row, position] = starts.get(start, STRUCTURE)
    present = torch.zeros(len(prompts), len(columns), dtype=torch.bool)
    for row in range(len(prompts)):
        present[row, owner[row][owner[row] >= 0].unique()] = True
    # Rare attributes carry the most: weight 1 / number of classes that have it, as DUET's LWRS.
    weights = present / present.sum(0).clamp(min=1)
    weights = weights / weights.sum(1, keepdim=True).clamp(min=1e-12)
    mask = torch.tensor(encoded["attention_mask"])
    return PromptTokens(tokens=tokens, mask=mask, owner=owner, mask_token=tokenizer.mask_token_id, weights=weights)
