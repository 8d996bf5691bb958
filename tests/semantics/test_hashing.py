"""Texts as the words in them, and where in a text each word is."""

from __future__ import annotations

import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kgzsl.semantics.hashing import DIM, word_states, words_of


@given(st.text(max_size=40))
def test_words_sum_to_the_state(text: str) -> None:
    words = list(words_of(text))
    total = np.zeros(DIM)
    for word in words:
        total[word.column] += word.sign
    length = np.linalg.norm(total)
    np.testing.assert_allclose(word_states([text])[0], total / (length or 1), atol=1e-6)
    # As many as there are, in order, wherever lower case takes more letters.
    assert len(words) == len(re.findall(r"\w+", text.lower()))
    assert [word.start for word in words] == sorted(word.start for word in words)


@given(st.lists(st.sampled_from(["Zebra", "stripes", "İstanbul", "ÄÖÜ", "x2"]), max_size=6))
def test_a_word_is_where_it_stands(names: list[str]) -> None:
    text = ", ".join(names)
    found = [text[word.start : word.end] for word in words_of(text)]
    assert "".join(found) == "".join(names)
