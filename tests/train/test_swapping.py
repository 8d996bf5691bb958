"""Hard negatives in training: what is drawn, what is written, and what learns from it."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from kgzsl import api
from kgzsl.api import training as module
from kgzsl.model.text_encoder import build_tokenizer
from kgzsl.ontology import Fact
from kgzsl.semantics import Attribute, Prompt, Span, Swaps, class_attributes, fact_swaps
from kgzsl.train import duet
from kgzsl.train.masking import PromptTokens, tokenize_prompts
from kgzsl.train.objectives import swapped_fact
from kgzsl.train.swapping import SwapTable

SAID = {"color": ("red", "dark blue", "green"), "shape": ("round", "long"), "tail": ("fan tail",)}
ATTRIBUTES = tuple(Attribute(aspect, value) for aspect, values in SAID.items() for value in values)
COLUMN = {attribute.filler: k for k, attribute in enumerate(ATTRIBUTES)}
PROPERTIES = torch.tensor([0, 0, 0, 1, 1, 2])
CLASSES = ({"red", "green", "round"}, {"dark blue", "long", "fan tail"}, {"red", "long"})
# Without "blue": it falls into letters, so that an attribute has many pieces.
TOKENIZER = build_tokenizer(["color shape tail : red dark green round long fan , | ."])

TIGHT = 16
"""Tokens: room for the properties and the longest value, and for three short ones."""


def text(values: set[str]) -> str:
    return " | ".join(f"{aspect} : {','.join(v for v in own if v in values)}" for aspect, own in SAID.items()) + "."


def prompt(values: set[str]) -> Prompt:
    said, spans, end = text(values), [], 0
    for attribute in ATTRIBUTES:
        if attribute.filler in values:
            start = said.index(attribute.filler, end)
            end = start + len(attribute.filler)
            spans.append(Span(start, end, Fact("ex:c", attribute.property, attribute.filler), attribute))
    return Prompt(said, tuple(spans))


def tokenized(budget: int = 512) -> PromptTokens:
    columns = {attribute: k for k, attribute in enumerate(ATTRIBUTES)}
    return tokenize_prompts([prompt(c) for c in CLASSES], TOKENIZER, columns=columns, budget=budget)


def swaps(*triples: tuple[int, str, str, float]) -> Swaps:
    rows, stated, others, weights = zip(*triples, strict=True)
    columns = (np.array([COLUMN[name] for name in names]) for names in (stated, others))
    return Swaps(np.array(rows), *columns, np.array(weights))


TRIPLES = (
    (0, "red", "dark blue", 1.0),
    (0, "green", "dark blue", 1.0),
    (0, "round", "long", 1.0),
    (2, "red", "dark blue", 0.25),
    (2, "red", "green", 0.75),
)


def test_draws_follow_the_chance_of_the_attribute_and_the_weight_of_the_swap() -> None:
    table = SwapTable.of(swaps(*TRIPLES), tokenized().weights)
    labels = torch.arange(3).repeat_interleave(4000)
    drawn = table.draw(labels, generator=torch.Generator().manual_seed(0)).view(3, -1)
    assert (drawn[1] == -1).all()
    # Red is of two classes, the others of one: 1/2, 1 and 1.
    assert (drawn[0].bincount(minlength=5) / 4000).tolist() == pytest.approx([0.2, 0.4, 0.4, 0, 0], abs=0.03)
    assert (drawn[2].bincount(minlength=5) / 4000).tolist() == pytest.approx([0, 0, 0, 0.25, 0.75], abs=0.03)
    again = table.draw(labels, generator=torch.Generator().manual_seed(0))
    assert torch.equal(drawn.flatten(), again)


def test_what_no_prompt_names_is_not_drawn() -> None:
    weights = tokenized().weights.clone()
    weights[:, COLUMN["dark blue"]] = 0
    weights[0, COLUMN["round"]] = 0
    table = SwapTable.of(swaps(*TRIPLES), weights)
    assert table.others.tolist() == [COLUMN["green"]]
    assert table.draw(torch.tensor([0, 1, 2]), generator=torch.Generator()).tolist() == [-1, -1, 0]


def test_without_any_swap() -> None:
    table = SwapTable.of(Swaps(*(np.zeros(0, dtype=np.int64) for _ in range(3)), np.zeros(0)), tokenized().weights)
    assert table.draw(torch.tensor([0, 1]), generator=torch.Generator()).tolist() == [-1, -1]


@pytest.mark.parametrize("dropping", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("budget", [512, TIGHT])
def test_a_swapped_prompt_differs_in_one_value(dropping: float, budget: int) -> None:
    table = tokenized(budget)
    drawing = SwapTable.of(swaps(*TRIPLES), table.weights)
    labels = torch.tensor([0, 2]).repeat(60)
    drawn = drawing.draw(labels, generator=torch.Generator().manual_seed(1))
    stated, others = drawing.stated[drawn], drawing.others[drawn]
    written = table.write_swapped(
        labels,
        stated,
        others,
        apart=PROPERTIES[stated][:, None] == PROPERTIES,
        dropping=dropping,
        generator=torch.Generator().manual_seed(2),
    )
    assert written.tokens.shape[1] <= budget
    assert torch.equal(written.tokens, written.words)
    assert len(written.tokens) == 240
    kept, shorter = set(), set()
    for row in range(120):
        true, false = (written.tokens[k][written.mask[k] == 1].tolist() for k in (row, row + 120))
        one, other = ATTRIBUTES[stated[row]], ATTRIBUTES[others[row]]
        # What else the class has, under other properties alone, and the same in both.
        rest = [a.filler for a in ATTRIBUTES if a.filler in CLASSES[labels[row]] and a.property != one.property]
        subsets = [set(some) for n in range(len(rest) + 1) for some in combinations(rest, n)]
        ways = [w for w in subsets if TOKENIZER(text({one.filler, *w}))["input_ids"] == true]
        assert len(ways) == 1
        # A longer word may leave no room for the rest.
        same = [w for w in subsets if w == ways[0] or (budget == TIGHT and w < ways[0])]
        theirs = [w for w in same if TOKENIZER(text({other.filler, *w}))["input_ids"] == false]
        assert len(theirs) == 1
        shorter.add(theirs[0] != ways[0])
        kept.add(len(ways[0]) / len(rest))
        for k, attribute in ((row, one), (row + 120, other)):
            words = TOKENIZER(attribute.filler, add_special_tokens=False)["input_ids"]
            assert written.tokens[k][written.places[k]].tolist() == words
    assert (kept == {1.0}) == (dropping == 0.0)
    assert (kept == {0.0}) == (dropping == 1.0)
    assert (True in shorter) == (budget == TIGHT and dropping < 1.0)


def test_prompts_of_other_lengths_are_joined() -> None:
    table = tokenized()
    labels = torch.tensor([0, 1])
    generator = torch.Generator().manual_seed(0)
    hidden = torch.zeros(2, dtype=torch.bool)
    short = table.write(labels[1:], labels[1:], dropping=1.0, generator=generator, hidden=hidden[1:])
    long = table.write(labels, labels, dropping=0.0, generator=generator, hidden=hidden)
    for one, other in ((short, long), (long, short)):
        both = one.joined(other)
        assert both.tokens.shape == (3, long.tokens.shape[1])
        for k, (part, row) in enumerate([(p, r) for p in (one, other) for r in range(len(p.tokens))]):
            own = both.mask[k] == 1
            assert both.tokens[k][own].tolist() == part.tokens[row][part.mask[row] == 1].tolist()
            assert both.places[k].sum() == part.places[row].sum()
            assert not both.places[k][~own].any()


def test_the_objective_in_closed_form() -> None:
    true, swapped = torch.tensor([0.5, 0.9, 0.3]), torch.tensor([0.4, 0.1, 0.6])
    assert swapped_fact(true, swapped).item() == pytest.approx((0.1 + 0.0 + 0.5) / 3)
    assert swapped_fact(true, swapped, margin=1.0).item() == pytest.approx((0.9 + 0.2 + 1.3) / 3)
    assert swapped_fact(true, true - 0.2).item() == pytest.approx(0, abs=1e-7)


ALONE = {
    **dict.fromkeys(("masked_attribute", "attribute_contrast", "instance_contrast"), 0.0),
    **{"grounding_share": 1.0, "swapped_fact": 1.0, "asked": 1.0, "gate": False},
}


def losses(config: Any, folder: Path) -> list[dict[str, float]]:
    api.fit(config, folder)
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]


def test_the_loss_falls_on_toys(toys: Any, tmp_path: Path) -> None:
    config = toys.config(train=ALONE | {"epochs": 12, "refit_epochs": 0, "lr": 0.005})
    found = [record["swapped_fact"] for record in losses(config, tmp_path / "run")]
    # At first true and false fit alike, and the loss is the margin.
    assert found[0] == pytest.approx(0.2, abs=0.05)
    assert np.mean(found[-3:]) < 0.6 * found[0]


def test_every_negative_of_a_run_is_in_the_table(toys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int, int]] = []
    honest = PromptTokens.write_swapped

    def recorded(self: Any, labels: Any, attributes: Any, others: Any, **how: Any) -> Any:
        asked.extend(zip(labels.tolist(), attributes.tolist(), others.tolist(), strict=True))
        return honest(self, labels, attributes, others, **how)

    monkeypatch.setattr(PromptTokens, "write_swapped", recorded)
    config = toys.config(train=ALONE | {"epochs": 2, "refit_epochs": 1})
    run = api.fit(config, tmp_path / "run")
    table = class_attributes(run.ontology, run.split.seen)
    allowed = fact_swaps(table)
    known = set(zip(allowed.rows.tolist(), allowed.stated.tolist(), allowed.others.tolist(), strict=True))
    assert len(asked) > 50
    assert set(asked) <= known
    for row, _, other in set(asked):
        attribute = table.attributes[other]
        assert not run.ontology.facts(table.classes[row], attribute.property, attribute.filler, polarity="positive")


def test_the_gradient_reaches_the_grounding_layers(toys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the swapped facts alone: everything else weighs nothing."""
    seen: list[set[str]] = []
    honest = duet.DuetMethod.epoch

    def watched(self: Any, model: Any, *arguments: Any, **how: Any) -> Any:
        step = duet._Step.losses

        def alone(own: Any, batch: Any) -> Any:
            found = step(own, batch)
            names = dict(model.named_parameters())
            grads = torch.autograd.grad(
                found["swapped_fact"], list(names.values()), allow_unused=True, retain_graph=True
            )
            seen.append({n for n, g in zip(names, grads, strict=True) if g is not None and g.abs().sum() > 0})
            return found

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(duet._Step, "losses", alone)
            return honest(self, model, *arguments, **how)

    monkeypatch.setattr(duet.DuetMethod, "epoch", watched)
    api.fit(toys.config(train=ALONE | {"epochs": 1, "refit_epochs": 0}), tmp_path / "run")
    reached = set.union(*seen)
    for part in ("layers.0.cross", "layers.0.words", "layers.0.patches", "text_encoder", "image_encoder", "project"):
        assert any(name.startswith(part) for name in reached), part
    assert any(name.startswith("contrast_head") for name in reached)


def test_it_goes_together_with_all_others(toys: Any, tmp_path: Path) -> None:
    config = toys.config(train={"epochs": 2, "grounding_share": 1.0, "swapped_fact": 0.1, "batch_size": 8})
    found = losses(config, tmp_path / "run")[0]
    assert {"swapped_fact", "masked_attribute", "attribute_contrast"} <= found.keys()
    assert all(np.isfinite(v) for v in found.values() if isinstance(v, float))


def test_a_weight_of_zero_asks_nothing_and_draws_nothing(
    toys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The generator's draws stay, and with them the bits of all other losses."""
    plain = losses(toys.config(train={"grounding_share": 1.0}), tmp_path / "plain")

    def refused(*arguments: Any, **how: Any) -> Any:
        raise AssertionError("nothing is swapped")

    monkeypatch.setattr(module, "fact_swaps", refused)
    monkeypatch.setattr(SwapTable, "draw", refused)
    monkeypatch.setattr(PromptTokens, "write_swapped", refused)
    off = losses(toys.config(train={"grounding_share": 1.0, "swapped_fact": 0.0}), tmp_path / "off")
    assert off == plain
    assert not any("swapped_fact" in record for record in plain)


def test_the_same_seed_gives_the_same_bits(toys: Any, tmp_path: Path) -> None:
    one, two = (losses(toys.config(train=ALONE | {"epochs": 1}), tmp_path / name) for name in ("one", "two"))
    assert one == two


def test_nothing_known_to_be_absent(toys: Any, tmp_path: Path) -> None:
    """In the open world only what is denied can be swapped in: round for the boxes."""
    config = toys.config(semantics={"world": "open"}, train=ALONE | {"epochs": 1})
    assert "swapped_fact" in losses(config, tmp_path / "open")[0]
    (tmp_path / "bare").mkdir()
    bare = toys.copy(tmp_path / "bare" / "world").edit(
        " ,\n    [ a owl:Class ; owl:complementOf [ a owl:Restriction ; owl:onProperty :hasShape ;"
        " owl:someValuesFrom :Round ] ]",
        "",
    )
    config = bare.config(semantics={"world": "open"}, train=ALONE | {"epochs": 1})
    assert "swapped_fact" not in losses(config, tmp_path / "none")[0]
