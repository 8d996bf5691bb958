"""Prompts as token tables, and the drawing of masked prompts from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from kgzsl.semantics import Attribute, Prompt

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["MaskedPrompts", "PromptTokens", "tokenize_prompts"]

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

    def draw(self, labels: Tensor, *, dropping: float, generator: torch.Generator) -> MaskedPrompts:
        """Prompts of the images' classes with one attribute masked and others dropped.

        Args:
            labels: class of each image.
            dropping: chance that any other attribute is left out.
            generator: source of randomness.

        Source: DUET (Chen et al., AAAI 2023): rare attributes are masked more often; attribute dropping.
        """
        tokens, mask, owner = self.tokens[labels], self.mask[labels], self.owner[labels]
        weights = self.weights[labels]
        able = weights.sum(1) > 0
        chosen = torch.multinomial(weights + (~able)[:, None], 1, generator=generator)
        masked = (owner == chosen) & able[:, None]
        dropped = torch.rand(weights.shape, generator=generator) < dropping
        gone = dropped.gather(1, owner.clamp(min=0)) & (owner != STRUCTURE) & ~masked
        return MaskedPrompts(
            tokens=tokens.masked_fill(masked, self.mask_token), mask=mask * ~gone, masked=masked, words=tokens[masked]
        )


@dataclass(frozen=True, eq=False)
class MaskedPrompts:
    """What masked attribute prediction is asked: see :meth:`PromptTokens.draw`.

    Args:
        tokens: ids with [MASK], ``(image, token)``.
        mask: 1 real, 0 padding or dropped.
        masked: where the masks stand.
        words: the true ids at the masks, ``(masked position,)``.
    """

    tokens: Tensor
    mask: Tensor
    masked: Tensor
    words: Tensor


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
