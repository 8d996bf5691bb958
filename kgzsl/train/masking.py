"""Prompts as token tables, and the writing of masked prompts from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from kgzsl.errors import ConfigError, Problem
from kgzsl.semantics import Attribute, Prompt
from kgzsl.train.pruning import priorities, within_budget

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
        parts: the same, but a comma of its own before a value belongs to it.
        mask_token: id of [MASK].
        weights: ``(class, attribute)``, chance of each attribute to be masked; rows sum to 1, or to 0
            for a class without any attribute.
        budget: longest prompt that is given out.
        words: tokens of each attribute that some prompt names, as they stand first in a property,
            ``(attribute, token)``; -1 is padding.
    """

    tokens: Tensor
    mask: Tensor
    owner: Tensor
    parts: Tensor
    mask_token: int
    weights: Tensor
    budget: int
    words: Tensor

    def under(self, gate: Tensor) -> PromptTokens:
        """The same prompts, in which attributes are chosen as far as their gates ``(attribute,)`` are open."""
        if bool((gate == 1).all()):
            return self
        weights = self.weights * gate
        return replace(self, weights=weights / weights.sum(1, keepdim=True).clamp(min=1e-12))

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
        """Prompts of classes within the budget: one attribute kept, or hidden behind masks, and others dropped.

        Commas stand between the values that are written. Where a tokenizer has comma and word in one token, that
        stays with the word.

        Args:
            labels: class of each prompt.
            attributes: the one that is kept, ``(prompt,)``; -1 for none.
            dropping: chance that any other attribute is left out.
            generator: source of randomness.
            hidden: prompts that have [MASK] in the place of each token of the attribute, boolean ``(prompt,)``.
        """
        table = _Table(*(table[labels] for table in (self.tokens, self.mask, self.owner, self.parts)))
        dropped = torch.rand(self.weights[labels].shape, generator=generator) < dropping
        priority = self._priority(labels, table, generator=generator)
        return self._written(table, attributes, dropped=dropped, priority=priority, hidden=hidden)

    def write_swapped(
        self,
        labels: Tensor,
        attributes: Tensor,
        others: Tensor,
        *,
        dropping: float,
        generator: torch.Generator,
        apart: Tensor,
    ) -> WrittenPrompts:
        """Prompts of classes as they are, and behind them the same ones with another attribute in the place of one.

        A prompt and its swapped one leave out the same other attributes (but for what a longer word has no room for),
        and all of those in ``apart``: what else is said of the property would tell which is false without a look at
        the image.

        Args:
            labels: class of each prompt.
            attributes: one that the class's prompt names, ``(prompt,)``.
            others: the one whose words stand in its place, ``(prompt,)``.
            dropping: chance that any other attribute is left out.
            generator: source of randomness.
            apart: attributes that are left out whatever the chance, boolean ``(prompt, attribute)``: all others of the
                property at least.
        """
        table = _Table(*(table[labels] for table in (self.tokens, self.mask, self.owner, self.parts)))
        dropped = (torch.rand(self.weights[labels].shape, generator=generator) < dropping) | apart
        # Both from the same list of words, so that nothing but the value sets them apart.
        swapped = [table.with_words(attributes, self.words[shown]) for shown in (attributes, others)]
        both = _Table(*(torch.cat([getattr(t, field.name) for t in swapped]) for field in fields(_Table)))
        priority = self._priority(labels, both, generator=generator)
        return self._written(
            both,
            attributes.repeat(2),
            dropped=dropped.repeat(2, 1),
            priority=None if priority is None else priority.repeat(2, 1),
            hidden=torch.zeros(2 * len(labels), dtype=torch.bool),
        )

    def _priority(self, labels: Tensor, table: _Table, *, generator: torch.Generator) -> Tensor | None:
        """In which order attributes are kept, ``(prompt, attribute)``; None where no prompt can be too long."""
        if table.tokens.shape[1] <= self.budget:
            return None
        return priorities(self.weights[labels], generator=generator)

    def _written(
        self, table: _Table, attributes: Tensor, *, dropped: Tensor, priority: Tensor | None, hidden: Tensor
    ) -> WrittenPrompts:
        """Prompts without what is dropped, and within the budget; see :meth:`write`."""
        tokens, mask, owner, parts = table.tokens, table.mask, table.owner, table.parts
        there = (owner == attributes[:, None]) & (owner != STRUCTURE) & (mask > 0)
        # Structure, and the attribute in question, whose number is that of structure where there is none.
        always = (parts == STRUCTURE) | (parts == attributes[:, None])
        kept = (mask > 0) & (always | ~dropped.gather(1, parts.clamp(min=0)))
        if priority is not None:
            priority[attributes >= 0, attributes[attributes >= 0]] = torch.inf
            kept = within_budget(kept, parts, priority, budget=self.budget)
        kept &= ~_leading_commas(kept, owner, parts)
        # What is dropped moves to the end and is cut: texts stay as short as what they say.
        order = torch.argsort((~kept).byte(), dim=1, stable=True)[:, : int(kept.sum(1).max())]
        tokens, there, kept = (table.gather(1, order) for table in (tokens, there, kept))
        shown = tokens.masked_fill(there & hidden[:, None], self.mask_token)
        return WrittenPrompts(tokens=shown, mask=kept.long(), places=there, words=tokens)


@dataclass(frozen=True, eq=False)
class _Table:
    """Tokens of some prompts, all ``(prompt, token)``; see :class:`PromptTokens`."""

    tokens: Tensor
    mask: Tensor
    owner: Tensor
    parts: Tensor

    def with_words(self, attributes: Tensor, words: Tensor) -> _Table:
        """The same prompts with other words in the place of an attribute's, and as its own, without a comma before.

        Args:
            attributes: one that each prompt names, ``(prompt,)``.
            words: tokens, ``(prompt, token)``; -1 is padding.
        """
        own = self.parts == attributes[:, None]
        count, length = words.shape
        # The new words come behind the first of the old tokens, which are no longer real.
        step = length + 1
        places = torch.arange(own.shape[1]).expand(count, -1) * step
        behind = own.byte().argmax(1, keepdim=True) * step + 1 + torch.arange(length)
        order = torch.cat([places, behind], dim=1).argsort(dim=1)

        def joined(before: Tensor, new: Tensor) -> Tensor:
            return torch.cat([before, new], dim=1).gather(1, order)

        theirs = attributes[:, None].expand_as(words)
        return _Table(
            tokens=joined(self.tokens, words.clamp(min=0)),
            mask=joined(self.mask * ~own, (words >= 0).long()),
            owner=joined(self.owner, theirs),
            parts=joined(self.parts, theirs),
        )


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

    def joined(self, others: WrittenPrompts) -> WrittenPrompts:
        """These and behind them other prompts, all padded to the longest."""
        width = max(self.tokens.shape[1], others.tokens.shape[1])
        pairs = ((getattr(self, field.name), getattr(others, field.name)) for field in fields(self))
        return WrittenPrompts(*(torch.cat([F.pad(t, (0, width - t.shape[1])) for t in pair]) for pair in pairs))


def _leading_commas(kept: Tensor, owner: Tensor, parts: Tensor) -> Tensor:
    """Commas with no value of their property kept before them, boolean ``(prompt, token)``.

    Example:
        >>> owner, parts = torch.tensor([[-1, 0, -1, 1, -1, 2]]), torch.tensor([[-1, 0, 1, 1, 2, 2]])  # : a , b , c
        >>> _leading_commas(parts != 0, owner, parts).int().tolist()
        [[0, 0, 1, 0, 0, 0]]
    """
    values = (kept & (owner != STRUCTURE)).cumsum(1)
    # How many there were at the last structure, which is where the values of a property begin.
    before = values.masked_fill(parts != STRUCTURE, 0).cummax(1).values
    return (parts != owner) & (values == before)


def tokenize_prompts(
    prompts: Sequence[Prompt],
    tokenizer: PreTrainedTokenizerBase,
    *,
    columns: Mapping[Attribute, int],
    budget: int = 512,
) -> PromptTokens:
    """Token table of class prompts, each token owned by the attribute whose span it lies in.

    Args:
        prompts: one for each class.
        tokenizer: a fast tokenizer (it knows the characters of each token).
        columns: attribute to column.
        budget: longest prompt to give out, in tokens with the special ones; attributes leave longer ones.

    Raises:
        ConfigError: prompts whose properties and longest value alone have more tokens.
    """
    encoded = tokenizer([p.text for p in prompts], padding=True, return_offsets_mapping=True)
    tokens = torch.tensor(encoded["input_ids"])
    mask = torch.tensor(encoded["attention_mask"])
    owner, parts = (torch.full_like(tokens, STRUCTURE) for _ in range(2))
    for row, prompt in enumerate(prompts):
        places: dict[int, int] = {}
        commas: dict[int, int] = {}
        for span in prompt.spans:
            if span.attribute is None:
                continue
            places.update(dict.fromkeys(range(span.start, span.end), columns[span.attribute]))
            if prompt.text[span.start - 1] == ",":
                commas[span.start - 1] = columns[span.attribute]
        for position, (start, end) in enumerate(encoded["offset_mapping"][row]):
            # Tokens of byte-level and unigram tokenizers begin with the space before the word.
            within = range(start, end)
            owner[row, position] = next((places[c] for c in within if c in places), STRUCTURE)
            if owner[row, position] == STRUCTURE:
                parts[row, position] = next((commas[c] for c in within if c in commas), STRUCTURE)
            else:  # a comma in one token with a word of a value
                parts[row, position] = owner[row, position]
    present = torch.zeros(len(prompts), len(columns), dtype=torch.bool)
    for row in range(len(prompts)):
        present[row, owner[row][owner[row] >= 0].unique()] = True
    _need_room(mask, parts, present, budget=budget)
    # Rare attributes carry the most: weight 1 / number of classes that have it, as DUET's LWRS.
    weights = present / present.sum(0).clamp(min=1)
    weights = weights / weights.sum(1, keepdim=True).clamp(min=1e-12)
    words = _words(prompts, tokenizer, columns=columns)
    return PromptTokens(
        tokens, mask, owner, parts, mask_token=tokenizer.mask_token_id, weights=weights, budget=budget, words=words
    )


def _words(
    prompts: Sequence[Prompt], tokenizer: PreTrainedTokenizerBase, *, columns: Mapping[Attribute, int]
) -> Tensor:
    """Tokens of each attribute's words in the first prompt that names it, ``(attribute, token)``; -1 is padding."""
    named: dict[int, str] = {}
    for prompt in prompts:
        for span in prompt.spans:
            if span.attribute is not None:
                named.setdefault(columns[span.attribute], prompt.text[span.start : span.end])
    # As behind a property: what a tokenizer makes of a word hangs on the space before it.
    texts = [f": {words}" for words in named.values()]
    own: list[list[int]] = []
    if texts:
        encoded = tokenizer(texts, add_special_tokens=False, return_offsets_mapping=True)
        pairs = zip(encoded["input_ids"], encoded["offset_mapping"], strict=True)
        own = [[t for t, (_, end) in zip(tokens, places, strict=True) if end > 2] for tokens, places in pairs]
    words = torch.full((len(columns), max(map(len, own), default=0)), -1)
    for column, tokens in zip(named, own, strict=True):
        words[column, : len(tokens)] = torch.tensor(tokens)
    return words


def _need_room(mask: Tensor, parts: Tensor, present: Tensor, *, budget: int) -> None:
    """In every prompt the masked attribute stays, whichever it is, with all that belongs to no attribute."""
    owned = (mask > 0) & (parts >= 0)
    cost = torch.zeros(present.shape, dtype=torch.long).scatter_add(1, parts.clamp(min=0), owned.long())
    longest = int((((mask > 0) & ~owned).sum(1) + cost.amax(1)).max()) if present.shape[1] else 0
    if longest > budget:
        fix = "raise semantics.token_budget, take a text encoder of longer texts, or state facts of fewer properties"
        got = f"a prompt of all properties and one value has {longest} tokens"
        raise ConfigError(Problem(got, expected=f"at most {budget}", fix=fix))
