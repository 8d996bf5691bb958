"""Texts as the words in them: what a language model has to be better than."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

import numpy as np

__all__ = ["word_states"]

DIM = 512


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
        for word in re.findall(r"\w+", text.lower()):
            number = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "little")
            states[row, number // 2 % DIM] += 1 if number % 2 else -1
    lengths = np.linalg.norm(states, axis=1, keepdims=True)
    found: np.ndarray = (states / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return found
