"""Texts as the words in them: what a language model has to be better than."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

__all__ = ["DIM", "Word", "word_states", "words_of"]

DIM = 512
"""Dimensions of the states."""


class Word(NamedTuple):
    """A word of a text, and what it adds to the text's state before that is brought to unit length.

    Args:
        start: index of its first character.
        end: index after its last character.
        column: where it adds.
        sign: what it adds there, 1 or -1.
    """

    start: int
    end: int
    column: int
    sign: int


def word_states(texts: Sequence[str]) -> np.ndarray:
    """Texts as bags of words, each word a sign and a place that its letters alone decide; of unit length.

    Nothing is learned and nothing has to be kept: a text of a class that comes later is read in the same way.

    Source: Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", ICML 2009, section 2.

    Args:
        texts: of any language that puts spaces between words.

    Returns:
        float32 ``(text, 512)``.

    Example:
        >>> zebra, horse, whale = word_states(["has stripes and hooves", "has hooves", "swims in the sea"])
        >>> bool(zebra @ horse > 0.5), bool(abs(zebra @ whale) < 0.3)
        (True, True)
    """
    states = np.zeros((len(texts), DIM), dtype=np.float64)
    for row, text in enumerate(texts):
        for word in words_of(text):
            states[row, word.column] += word.sign
    lengths = np.linalg.norm(states, axis=1, keepdims=True)
    found: np.ndarray = (states / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return found


def words_of(text: str) -> Iterator[Word]:
    """The words of a text, in order.

    Example:
        >>> [(w.start, w.end, w.sign) for w in words_of("has Stripes")]
        [(0, 3, 1), (4, 11, -1)]
    """
    # Some letters are two in lower case.
    origin = [place for place, letter in enumerate(text) for _ in letter.lower()]
    for found in re.finditer(r"\w+", text.lower()):
        number = int.from_bytes(hashlib.sha256(found[0].encode()).digest()[:8], "little")
        place = origin[found.start()], origin[found.end() - 1] + 1
        yield Word(*place, number // 2 % DIM, 1 if number % 2 else -1)
