"""Masked prompts: what is masked, what is dropped, and what always stays."""

from __future__ import annotations

from itertools import chain, combinations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kgzsl.model.text_encoder import build_tokenizer
from kgzsl.ontology import Fact
from kgzsl.semantics import Attribute, Prompt, Span
from kgzsl.train.masking import PromptTokens, WrittenPrompts, tokenize_prompts


def powerset(items: list[int]) -> list[tuple[int, ...]]:
    return list(chain.from_iterable(combinations(items, n) for n in range(len(items) + 1)))


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


# Without "blue": it falls into letters, so that an attribute has many pieces.
TOKENIZER = build_tokenizer(["color : red dark | pattern : striped, tail ."])
PROMPTS = (prompt("red", "dark blue", "tail"), prompt("red", "striped"), prompt())


@pytest.fixture(scope="module")
def table() -> PromptTokens:
    columns = {attribute: column for column, attribute in enumerate(ATTRIBUTES)}
    return tokenize_prompts(PROMPTS, TOKENIZER, columns=columns)


def test_tokens_belong_to_the_attribute_whose_words_they_are(table: PromptTokens) -> None:
    tokenizer = TOKENIZER
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
    chosen = table.choose(labels, generator=torch.Generator().manual_seed(0))
    assert (chosen.bincount(minlength=4) / 4000).tolist() == pytest.approx([0.2, 0.4, 0, 0.4], abs=0.03)
    able = torch.tensor([[True, False, True, True]]).expand(4000, -1)
    chosen = table.choose(labels, generator=torch.Generator().manual_seed(0), able=able)
    assert (chosen.bincount(minlength=4) / 4000).tolist() == pytest.approx([1 / 3, 0, 0, 2 / 3], abs=0.03)
    # Where none of a class's attributes is able, they are all.
    chosen = table.choose(labels, generator=torch.Generator().manual_seed(0), able=torch.zeros(4000, 4).bool())
    assert set(chosen.tolist()) == {0, 1, 3}
    assert table.choose(torch.tensor([2]), generator=torch.Generator()).tolist() == [-1]


def write(
    table: PromptTokens, labels: torch.Tensor, *, dropping: float, seed: int, hide: bool = True
) -> tuple[torch.Tensor, WrittenPrompts]:
    generator = torch.Generator().manual_seed(seed)
    chosen = table.choose(labels, generator=generator)
    hidden = torch.full_like(labels, hide, dtype=torch.bool)
    return chosen, table.write(labels, chosen, dropping=dropping, generator=generator, hidden=hidden)


@settings(max_examples=60)
@given(st.lists(st.integers(0, 2), min_size=1, max_size=6), st.floats(0, 1), st.integers(0, 10_000), st.booleans())
def test_one_attribute_is_masked_and_structure_stays(
    table: PromptTokens, rows: list[int], dropping: float, seed: int, hide: bool
) -> None:
    labels = torch.tensor(rows)
    chosen, written = write(table, labels, dropping=dropping, seed=seed, hide=hide)
    for row, label in enumerate(rows):
        kept = written.mask[row] == 1
        owner = table.owner[label][table.mask[label] == 1].tolist()
        tokens = table.tokens[label][table.mask[label] == 1].tolist()
        words = written.words[row][kept].tolist()
        # What is left is the prompt of a class that has some of the attributes, token by token.
        subsets = [
            {*those, *([int(chosen[row])] if chosen[row] >= 0 else [])}
            for those in powerset(sorted({k for k in owner if k >= 0}))
        ]
        assert words in [TOKENIZER(prompt(*(ATTRIBUTES[k].filler for k in s)).text)["input_ids"] for s in subsets]
        own = [t for t, k in zip(tokens, owner, strict=True) if k == chosen[row] and k >= 0]
        assert written.words[row][written.places[row]].tolist() == own
    assert (written.places & (written.mask == 0)).sum() == 0
    hidden = written.tokens[written.places]
    assert torch.equal(hidden, torch.full_like(hidden, table.mask_token) if hide else written.words[written.places])
    assert torch.equal(written.tokens[~written.places], written.words[~written.places])
    assert written.mask.any(0).all()  # no column of padding alone


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("budget", [512, 16])
def test_commas_stand_between_written_values_alone(seed: int, budget: int) -> None:
    said = {"color": ("red", "dark blue", "green", "gray"), "shape": ("round", "long")}
    attributes = [Attribute(aspect, value) for aspect, values in said.items() for value in values]

    def text(values: set[str]) -> str:
        return " | ".join(f"{aspect} : {','.join(v for v in own if v in values)}" for aspect, own in said.items()) + "."

    every = text({attribute.filler for attribute in attributes})
    spans = [Span(every.index(v), every.index(v) + len(v), Fact("ex:c", p, v), Attribute(p, v)) for p, v in _flat(said)]
    tokenizer = build_tokenizer(["color shape : red dark green gray round long , | ."])
    columns = {attribute: column for column, attribute in enumerate(attributes)}
    table = tokenize_prompts([Prompt(every, tuple(spans))], tokenizer, columns=columns, budget=budget)
    labels = torch.zeros(200, dtype=torch.long)
    kept = torch.randint(-1, 6, (200,), generator=torch.Generator().manual_seed(seed))
    hidden = torch.zeros(200, dtype=torch.bool)
    generator = torch.Generator().manual_seed(seed)
    written = table.write(labels, kept, dropping=0.6, generator=generator, hidden=hidden)
    assert int(table.mask.sum()) == 22
    assert written.tokens.shape[1] <= budget
    found = set()
    for row in range(200):
        words = written.words[row][written.mask[row] == 1].tolist()
        own = {a.filler for k, a in enumerate(attributes) if set(_tokens(table, k)) <= set(words)}
        assert words == tokenizer(text(own))["input_ids"], (own, tokenizer.decode(words))
        found.add(frozenset(own & {*said["color"]}))
    assert frozenset() in found  # the property stays
    assert {"dark blue", "gray"} in found  # the first value dropped, and one between


def _flat(said: dict[str, tuple[str, ...]]) -> list[tuple[str, str]]:
    return [(aspect, value) for aspect, values in said.items() for value in values]


def _tokens(table: PromptTokens, column: int) -> list[int]:
    return table.tokens[0][table.owner[0] == column].tolist()


@pytest.mark.parametrize(("dropping", "left"), [(0.0, 1.0), (1.0, 0.0), (0.5, 0.5)])
def test_the_chance_of_dropping(table: PromptTokens, dropping: float, left: float) -> None:
    labels = torch.zeros(3000, dtype=torch.long)
    chosen, written = write(table, labels, dropping=dropping, seed=0)
    for column in (0, 1, 3):
        word = table.tokens[0][table.owner[0] == column][0]
        there = ((written.words == word) & (written.mask == 1) & ~written.places).sum(1)
        structure = int(((table.tokens[0] == word) & (table.owner[0] == -1)).sum())
        others = chosen != column
        assert (there[others] - structure).float().mean().item() == pytest.approx(left, abs=0.04)


def test_a_draw_repeats_with_its_seed(table: PromptTokens) -> None:
    labels = torch.tensor([0, 1, 0, 1])
    (_, one), (_, two), (_, other) = (write(table, labels, dropping=0.5, seed=seed) for seed in (3, 3, 4))
    assert torch.equal(one.tokens, two.tokens)
    assert torch.equal(one.mask, two.mask)
    assert not (torch.equal(one.tokens, other.tokens) and torch.equal(one.mask, other.mask))


def test_rare_attributes_stay_more_often_in_a_prompt_that_is_too_long() -> None:
    tokenizer = build_tokenizer(["color : red dark blue | pattern : striped, tail ."])
    columns = {attribute: column for column, attribute in enumerate(ATTRIBUTES)}
    prompts = (prompt("red", "dark blue", "striped", "tail"), prompt("red"), prompt("red", "striped"))
    # Three properties have 11 tokens with the special ones, dark blue has 3 with its comma: one other value fits.
    table = tokenize_prompts(prompts, tokenizer, columns=columns, budget=15)
    assert int(table.mask[0].sum()) == 11 + 1 + 3 + 1 + 1
    labels = torch.zeros(3000, dtype=torch.long)
    written = table.write(
        labels,
        torch.full((3000,), 1),
        dropping=0.0,
        generator=torch.Generator().manual_seed(0),
        hidden=torch.zeros(3000, dtype=torch.bool),
    )
    assert written.tokens.shape[1] <= 15
    assert written.places.sum(1).unique().tolist() == [2]
    red, striped, tail = (
        (written.words == tokenizer.convert_tokens_to_ids(word)).sum(1).float().mean().item()
        for word in ("red", "striped", "tail")
    )
    # "tail" is a property as well. Of 3, 2 and 1 classes: weights 1/3, 1/2 and 1, between the lowest and the highest.
    assert (red, striped, tail - 1) == pytest.approx((0, 0.2, 0.8), abs=0.03)


def test_attributes_are_chosen_as_far_as_their_gates_are_open(table: PromptTokens) -> None:
    attributes = table.weights.shape[1]
    assert table.under(torch.ones(attributes)) is table
    closed = torch.ones(attributes)
    first = int(table.weights[0].argmax())
    closed[first] = 0
    under = table.under(closed)
    assert not under.weights[:, first].any()
    torch.testing.assert_close(under.weights.sum(1), (table.weights * closed > 0).any(1).float())
    assert not table.under(torch.zeros(attributes)).weights.any()
