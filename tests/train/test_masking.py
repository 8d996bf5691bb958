"""Masked prompts: what is masked, what is dropped, and what always stays."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kgzsl.model.text_encoder import build_tokenizer
from kgzsl.ontology import Fact
from kgzsl.semantics import Attribute, Prompt, Span
from kgzsl.train.masking import PromptTokens, tokenize_prompts

ATTRIBUTES = tuple(Attribute("p", f) for f in ("red", "dark blue", "striped", "tail"))
WORDS = {a: a.filler for a in ATTRIBUTES}


def prompt(*values: str) -> Prompt:
    """``color : red,dark blue | pattern : | tail : tail.`` with spans for the values."""
    text, spans = "", []
    for aspect, possible in (("color", ("red", "dark blue")), ("pattern", ("striped",)), ("tail", ("tail",))):
        text += f"{' | ' if text else ''}{aspect} : "
        for k, value in enumerate(v for v in possible if v in values):
            text += "," if k else ""
            fact = Fact("ex:c", "p", value)
            spans.append(Span(len(text), len(text) + len(value), fact, Attribute("p", value)))
            text += value
    return Prompt(text + ".", tuple(spans))


PROMPTS = (prompt("red", "dark blue", "tail"), prompt("red", "striped"), prompt())


@pytest.fixture(scope="module")
def table() -> PromptTokens:
    # Without "blue": it falls into letters, so that an attribute has many pieces.
    tokenizer = build_tokenizer(["color : red dark | pattern : striped, tail ."])
    columns = {attribute: column for column, attribute in enumerate(ATTRIBUTES)}
    return tokenize_prompts(PROMPTS, tokenizer, columns=columns)


def test_tokens_belong_to_the_attribute_whose_words_they_are(table: PromptTokens) -> None:
    tokenizer = build_tokenizer(["color : red dark | pattern : striped, tail ."])
    for row, prompt_ in enumerate(PROMPTS):
        for column, attribute in enumerate(ATTRIBUTES):
            own = table.tokens[row][table.owner[row] == column]
            stated = attribute in {span.attribute for span in prompt_.spans}
            words = tokenizer.tokenize(attribute.filler) if stated else []
            assert tokenizer.convert_ids_to_tokens(own.tolist()) == words
    # The aspect "tail" is structure, the value "tail" is not.
    tail = tokenizer.convert_tokens_to_ids("tail")
    assert table.owner[0][table.tokens[0] == tail].tolist() == [-1, 3]
    assert (table.owner[table.mask == 0] == -1).all()


def test_rare_attributes_are_masked_more_often(table: PromptTokens) -> None:
    assert table.weights[0].tolist() == pytest.approx([0.2, 0.4, 0, 0.4])
    assert table.weights[1].tolist() == pytest.approx([1 / 3, 0, 2 / 3, 0])
    assert table.weights[2].tolist() == [0, 0, 0, 0]
    labels = torch.zeros(4000, dtype=torch.long)
    drawn = table.draw(labels, dropping=0.5, generator=torch.Generator().manual_seed(0))
    share = torch.stack([(drawn.masked & (table.owner[0] == k)).any(1).float().mean() for k in range(4)])
    assert share.tolist() == pytest.approx([0.2, 0.4, 0, 0.4], abs=0.03)


@settings(max_examples=60)
@given(st.lists(st.integers(0, 2), min_size=1, max_size=6), st.floats(0, 1), st.integers(0, 10_000))
def test_one_attribute_is_masked_and_structure_stays(
    table: PromptTokens, rows: list[int], dropping: float, seed: int
) -> None:
    labels = torch.tensor(rows)
    drawn = table.draw(labels, dropping=dropping, generator=torch.Generator().manual_seed(seed))
    owner, tokens = table.owner[labels], table.tokens[labels]
    for row in range(len(rows)):
        masked = drawn.masked[row]
        chosen = owner[row][masked].unique().tolist()
        if rows[row] == 2:
            assert not masked.any()
        else:
            assert len(chosen) == 1
            assert chosen[0] >= 0
            # Every piece of it is masked, and it is there to be attended to.
            assert torch.equal(masked, owner[row] == chosen[0])
            assert (drawn.mask[row][masked] == 1).all()
        structure = owner[row] == -1
        assert torch.equal(drawn.mask[row][structure], table.mask[labels][row][structure])
        # An attribute is dropped whole or not at all.
        for column in set(owner[row][owner[row] >= 0].tolist()):
            assert drawn.mask[row][owner[row] == column].unique().numel() == 1
    assert (drawn.tokens[drawn.masked] == table.mask_token).all()
    assert torch.equal(drawn.tokens[~drawn.masked], tokens[~drawn.masked])
    assert torch.equal(drawn.words, tokens[drawn.masked])


@pytest.mark.parametrize(("dropping", "left"), [(0.0, 1.0), (1.0, 0.0), (0.5, 0.5)])
def test_the_chance_of_dropping(table: PromptTokens, dropping: float, left: float) -> None:
    labels = torch.zeros(3000, dtype=torch.long)
    drawn = table.draw(labels, dropping=dropping, generator=torch.Generator().manual_seed(0))
    for column in (0, 1, 3):
        own = table.owner[0] == column
        others = ~(drawn.masked & own).any(1)
        assert drawn.mask[others][:, own].float().mean().item() == pytest.approx(left, abs=0.04)


def test_a_draw_repeats_with_its_seed(table: PromptTokens) -> None:
    labels = torch.tensor([0, 1, 0, 1])
    one, two, other = (table.draw(labels, dropping=0.5, generator=torch.Generator().manual_seed(s)) for s in (3, 3, 4))
    assert torch.equal(one.tokens, two.tokens)
    assert torch.equal(one.mask, two.mask)
    assert not (torch.equal(one.tokens, other.tokens) and torch.equal(one.mask, other.mask))


def test_attributes_that_were_cut_off_are_never_chosen() -> None:
    tokenizer = build_tokenizer(["color : red dark | pattern : striped, tail ."])
    columns = {attribute: column for column, attribute in enumerate(ATTRIBUTES)}
    table = tokenize_prompts(PROMPTS[:1], tokenizer, columns=columns, limit=5)
    assert table.tokens.shape == (1, 5)
    assert table.weights[0].tolist() == [1, 0, 0, 0]
