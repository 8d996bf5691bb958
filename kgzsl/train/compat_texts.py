"""DUET's prompts as token ids, put together from pieces that were tokenized once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from kgzsl.model.departures import Departures

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["Text", "TextPieces", "TextTable", "stack_texts", "template_tokens", "text_pieces"]

Ids = tuple[int, ...]


@dataclass(frozen=True)
class Text:
    """One prompt.

    Args:
        tokens: ids, with [MASK] where the attribute stands if it is masked.
        words: ids without any mask.
        place: first position of the attribute, and the one after its last.
    """

    tokens: Ids
    words: Ids
    place: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class TextPieces:
    """What prompts are made of: ``[CLS] group : name,name | group : . [SEP]``.

    Tokenizing a whole prompt gives the same ids, since no word crosses a border of these pieces.

    Args:
        groups: ids of "name of the group :", in order.
        members: attributes of each group, ascending.
        names: ids of each attribute's name.
        numbered: ids of each attribute's name with its number before it ("51white").
        start: id of [CLS].
        end: id of [SEP].
        comma: id of ",".
        bar: id of "|".
        stop: id of ".".
        mask: id of [MASK].
        limit: longest text, in tokens; longer ones are cut before [SEP].
    """

    groups: tuple[Ids, ...]
    members: tuple[tuple[int, ...], ...]
    names: tuple[Ids, ...]
    numbered: tuple[Ids, ...]
    start: int
    end: int
    comma: int
    bar: int
    stop: int
    mask: int
    limit: int

    def write(self, present: np.ndarray, attribute: int = -1, *, masked: bool = False, numbered: bool = False) -> Text:
        """The prompt of some attributes.

        Source: DUET (Chen et al., AAAI 2023), feature-to-sequence transformation.

        Args:
            present: boolean ``(attribute,)``.
            attribute: the one that is masked or contrasted; -1 for none.
            masked: write [MASK] in its place, once for each of its words.
            numbered: write it with its number before it, as the published code does for CUB's contrast.
        """
        tokens, words = [self.start], [self.start]
        place = (0, 0)
        said = present.tolist()  # a list is read faster, one entry at a time
        for number, (prefix, members) in enumerate(zip(self.groups, self.members, strict=True)):
            for line in (tokens, words):
                line.extend((self.bar, *prefix) if number else prefix)
            shown = [member for member in members if said[member]]
            for position, member in enumerate(shown):
                piece = self.numbered[member] if numbered and member == attribute else self.names[member]
                if position:
                    tokens.append(self.comma)
                    words.append(self.comma)
                if member == attribute:
                    place = (len(tokens), len(tokens) + len(piece))
                tokens.extend([self.mask] * len(piece) if masked and member == attribute else piece)
                words.extend(piece)
        room = self.limit - 1
        tokens, words = [*tokens, self.stop][:room], [*words, self.stop][:room]
        place = (min(place[0], room), min(place[1], room))
        return Text((*tokens, self.end), (*words, self.end), place)


def text_pieces(
    tokenizer: PreTrainedTokenizerBase, groups: Mapping[str, Sequence[int]], *, names: Sequence[str], limit: int = 150
) -> TextPieces:
    """The pieces of a data set's prompts.

    Args:
        tokenizer: of the text encoder, with [CLS], [SEP] and [MASK].
        groups: name of each group to its attributes; the order is that of the prompt.
        names: of the attributes.
        limit: published: 150 for AwA2 and SUN, 250 for CUB.

    Example:
        >>> from kgzsl.model.text_encoder import build_tokenizer
        >>> tokenizer = build_tokenizer(["color : red,blue | part : tail."])
        >>> pieces = text_pieces(tokenizer, {"color": [0, 1], "part": [2]}, names=["red", "blue", "tail"])
        >>> text = pieces.write(np.array([True, True, False]), 1, masked=True)
        >>> tokenizer.decode(text.tokens)
        '[CLS] color : red , [MASK] | part : . [SEP]'
    """

    def ids(text: str) -> Ids:
        return tuple(tokenizer(text, add_special_tokens=False)["input_ids"])

    special = tokenizer.cls_token_id, tokenizer.sep_token_id
    (comma,), (bar,), (stop,) = ids(","), ids("|"), ids(".")
    return TextPieces(
        groups=tuple(ids(f"{group} :") for group in groups),
        members=tuple(tuple(sorted(members)) for members in groups.values()),
        names=tuple(ids(name) for name in names),
        numbered=tuple(ids(f"{number}{name}") for number, name in enumerate(names)),
        start=special[0],
        end=special[1],
        comma=comma,
        bar=bar,
        stop=stop,
        mask=tokenizer.mask_token_id,
        limit=limit,
    )


def template_tokens(
    pieces: TextPieces, tokenizer: PreTrainedTokenizerBase, *, wording: str = "", departures: Departures
) -> Ids:
    """Ids of the prompt without values, which all images are classified under.

    Args:
        pieces: of the prompts.
        tokenizer: that they were made with.
        wording: a data set's own template, which the published code spells otherwise than its prompts.
        departures: whether to take that wording, where there is one.

    Example:
        >>> from kgzsl.model.text_encoder import build_tokenizer
        >>> tokenizer = build_tokenizer(["color : red | part : tail."])
        >>> pieces = text_pieces(tokenizer, {"color": [0], "part": [1]}, names=["red", "tail"])
        >>> for made in (Departures(), Departures.none()):
        ...     print(tokenizer.decode(template_tokens(pieces, tokenizer, wording="part: | color:", departures=made)))
        [CLS] part : | color : [SEP]
        [CLS] color : | part : . [SEP]
    """
    if wording and departures.template_wording:
        words = tokenizer(wording, add_special_tokens=False)["input_ids"]
        return (pieces.start, *words[: pieces.limit - 2], pieces.end)
    return pieces.write(np.zeros(len(pieces.names), dtype=bool)).tokens


@dataclass(frozen=True, eq=False)
class TextTable:
    """Several prompts, padded with 0, all ``(text, word)``.

    Args:
        tokens: ids.
        words: ids without masks.
        mask: 1 real, 0 padding.
        places: where the attribute stands, boolean.
    """

    tokens: Tensor
    words: Tensor
    mask: Tensor
    places: Tensor


def stack_texts(texts: Sequence[Text]) -> TextTable:
    """Several prompts as a table, padded to the longest.

    Example:
        >>> stack_texts([Text((2, 4), (2, 5), (1, 2)), Text((2, 6, 7), (2, 6, 7))]).mask.tolist()
        [[1, 1, 0], [1, 1, 1]]
    """
    length = max(len(text.tokens) for text in texts)
    shape = (len(texts), length)
    tokens, words, mask = (np.zeros(shape, dtype=np.int64) for _ in range(3))
    places = np.zeros(shape, dtype=bool)
    for row, text in enumerate(texts):
        tokens[row, : len(text.tokens)] = text.tokens
        words[row, : len(text.words)] = text.words
        mask[row, : len(text.tokens)] = 1
        places[row, slice(*text.place)] = True
    return TextTable(*map(torch.from_numpy, (tokens, words, mask, places)))
