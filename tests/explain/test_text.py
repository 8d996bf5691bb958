from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from kgzsl.explain.explanation import Counterfactual, Explanation, FactContribution
from kgzsl.explain.text import render_text, to_json
from kgzsl.explain.words import label_of, origin, would_be
from kgzsl.ontology.facts import Fact, Proof
from kgzsl.ontology.vocabulary import RDFS

EX = "http://example.org/creatures#"
Verbalize = Callable[[Fact], str]


def test_header_names_both_classes_and_who_is_unseen(explanation: Explanation, verbalize: Verbalize) -> None:
    text = render_text(explanation, verbalize=verbalize)
    assert text.startswith("Why zebra, not horse\n")
    assert "unseen   zebra: no image of it was in training" in text
    assert "unseen   horse" not in text
    assert "margin   +1.375 (scores) for zebra over horse" in text
    assert "method   exact decomposition\n" in text
    assert "answer" not in text


def test_warnings_stand_under_the_question(make_full: Callable[..., Explanation], verbalize: Verbalize) -> None:
    lines = render_text(make_full(), verbalize=verbalize).splitlines()
    assert lines[:2] == ["Why zebra, not horse", "  warning: the image shows two animals"]
    assert "  method   sampling, exact for nothing at all" in lines


def test_a_class_that_was_asked_for_is_not_called_the_answer(
    make_explanation: Callable[..., Explanation], verbalize: Verbalize
) -> None:
    asked = make_explanation(predicted=EX + "horse", rival=EX + "zebra", margin=-1.375)
    text = render_text(asked, verbalize=verbalize)
    assert text.startswith("Why not horse, but zebra\n")
    assert "answer   the model's answer is zebra; horse was asked for" in text


def test_what_a_method_sets_has_columns(make_full: Callable[..., Explanation], verbalize: Verbalize) -> None:
    lines = render_text(make_full(), verbalize=verbalize).splitlines()
    title = next(line for line in lines if line.strip().startswith("adds"))
    stripes = next(line for line in lines if "has as its pattern stripes" in line)
    for name, value in (("95%", "+0.700 to +1.100"), ("renormalized", "+0.650"), ("gate", "0.97")):
        assert stripes.index(value) + len(value) == title.index(name) + len(name)
    hooves = next(line for line in lines if "hooves" in line)
    assert hooves.endswith("entailed from Ungulate via inheritance; else entailed from Grazer via inheritance")
    assert any("Equid has part brown_coat" in line for line in lines)  # said of another class than the rival
    assert lines[
        lines.index("Learned from (seen classes that have the attribute, also where a fact denies it)") + 1
    ] == ("  has as its pattern stripes  okapi, tapir")


def test_it_says_what_is_only_assumed_because_of_a_fact(
    make_explanation: Callable[..., Explanation], verbalize: Verbalize
) -> None:
    plain = make_explanation()
    assert "assumed" not in render_text(plain, verbalize=verbalize)
    first = plain.facts[0]
    half = replace(plain, facts=(replace(first, assumed=first.contribution / 2), *plain.facts[1:]))
    lines = render_text(half, verbalize=verbalize).splitlines()
    title = next(line for line in lines if line.strip().startswith("adds"))
    row = next(line for line in lines if f"{first.contribution:+.3f}" in line)
    value = f"{first.contribution / 2:+.3f}"
    assert row.index(value) + len(value) == title.index("assumed") + len("assumed")
    assert any(line.startswith("Assumed: of what a fact adds") for line in lines)
    hardly = replace(plain, facts=(replace(first, assumed=first.contribution / 20), *plain.facts[1:]))
    assert render_text(hardly, verbalize=verbalize) == render_text(plain, verbalize=verbalize)


def test_groups_parts_and_counterfactual_are_told(make_full: Callable[..., Explanation], verbalize: Verbalize) -> None:
    text = render_text(make_full(), verbalize=verbalize)
    assert (
        "\nIt would be a horse if the ontology did not say that every zebra has stripes, "
        "but said that every zebra has a brown coat.\n"
        "  the margin would be -0.200; no smaller change of these facts does it\n"
    ) in text
    assert re.search(r"\+0\.500 +│█{10}  all that comes from Equid \(2 facts\)", text)
    assert re.search(r"-0\.250 +█{5}│ +all that “hasPart” says \(2 facts\)", text)
    assert "all that is entailed" not in text  # one fact is no group
    assert "\nRemainder: -0.080 calibration, +0.030 prompt\n" in text
    assert "misses the margin by 0.0125" in text


def test_the_counterfactual_is_a_sentence_whatever_it_changes(make_full: Callable[..., Explanation]) -> None:
    facts = tuple(Fact(EX + "zebra", EX + "hasPart", EX + name) for name in ("mane", "tail", "hooves"))
    sentences = ("A.", "B", "C.")
    said = []
    for removed in (0, 1, 3):
        change = Counterfactual(facts[:removed], facts[removed:], -1.0, False, sentences)
        said.append(would_be(make_full(rival="okapi", counterfactual=change), verbalize=str))
    assert said == [
        "It would be an okapi if the ontology said that A, that B and that C.",
        "It would be an okapi if the ontology did not say that A, but said that B and that C.",
        "It would be an okapi if the ontology did not say that A, nor that B, nor that C.",
    ]
    losing = make_full(margin=-1.0, counterfactual=Counterfactual(facts[:1], (), 0.5, False, ("A",)))
    assert would_be(losing, verbalize=str).startswith("It would be a zebra if")
    assert would_be(make_full(counterfactual=None), verbalize=str) == ""
    bare = Counterfactual(facts[:1], (), -1.0, False)
    assert "did not say that zebra has mane." in would_be(
        make_full(counterfactual=bare), verbalize=lambda fact: f"has {fact.object.removeprefix(EX)}"
    )


def test_what_does_not_add_up_is_not_added(make_explanation: Callable[..., Explanation], verbalize: Verbalize) -> None:
    text = render_text(make_explanation(additive=False, margin=9.0), verbalize=verbalize, top=2)
    assert re.search(r"\n +3 weaker facts\n", text)
    assert "They need not sum to the margin" in text
    assert "Sum:" not in text
    assert "completeness gap" not in text


def test_rows_stand_in_fixed_columns_and_carry_sign_bar_and_origin(
    explanation: Explanation, verbalize: Verbalize
) -> None:
    lines = render_text(explanation, verbalize=verbalize).splitlines()
    rows = [line for line in lines if "│" in line]
    assert len(rows) == 7
    assert len({line.index("│") for line in rows}) == 1
    assert "+0.912            │██████████  has as its pattern stripes  asserted in creatures.ttl" in rows[0]
    assert "+0.303            │███" in rows[1]
    assert "entailed from Ungulate via inheritance" in rows[1]
    assert re.search(r"-0\.240 +███│ +has part long_neck", rows[4])


def test_sum_line_adds_up(explanation: Explanation, verbalize: Verbalize) -> None:
    last = render_text(explanation, verbalize=verbalize).splitlines()[-1]
    left, right = last.split(" = ")
    parts = [float(number) for number in re.findall(r"[+-]\d+\.\d+", left)]
    assert parts == [1.116, 0.309, -0.05]
    assert right == "+1.375 (margin)"
    assert abs(sum(parts) - 1.375) < 2e-3


def test_a_gap_is_said(make_explanation: Callable[..., Explanation], verbalize: Verbalize) -> None:
    assert "+0.200 (completeness gap)" in render_text(make_explanation(margin=1.575), verbalize=verbalize)
    assert "completeness gap" not in render_text(make_explanation(), verbalize=verbalize)


def test_top_folds_the_weaker_facts_into_one_line(explanation: Explanation, verbalize: Verbalize) -> None:
    text = render_text(explanation, verbalize=verbalize, top=2)
    assert re.search(r"-0\.099 +3 weaker facts together", text)
    assert text.count("│") == 4


def test_without_facts_the_sum_still_stands(make_explanation: Callable[..., Explanation], verbalize: Verbalize) -> None:
    text = render_text(make_explanation(facts=(), rival_facts=(), remainder=1.375), verbalize=verbalize)
    assert "+1.375 (remainder) = +1.375 (margin)" in text
    assert "-0.000" not in render_text(make_explanation(remainder=-1e-9, margin=1.425), verbalize=verbalize)


def test_origin_of_a_subsumption_names_the_links(explanation: Explanation) -> None:
    links = [("zebra", "Equid"), ("Equid", "Ungulate")]
    leaves = [Proof(Fact(EX + a, RDFS.subClassOf, EX + b), "asserted") for a, b in links]
    proof = Proof(
        Fact(EX + "zebra", RDFS.subClassOf, EX + "Ungulate", status="entailed"), "transitivity", tuple(leaves)
    )
    assert origin(explanation, proof) == "entailed from zebra, Equid via transitivity"
    assert origin(explanation, leaves[0]) == "asserted"


def test_an_unlabelled_iri_shows_its_local_name(explanation: Explanation) -> None:
    assert label_of(explanation, EX + "Gnu") == "Gnu"


def test_json_is_complete_and_safe(
    make_explanation: Callable[..., Explanation], contribution: Callable[..., FactContribution], verbalize: Verbalize
) -> None:
    narrow = contribution("zebra", "stripes", np.float32(0.5), evidence=np.float32(1), at=(2, 2))  # numpy scalars
    content = json.loads(json.dumps(to_json(make_explanation(facts=(narrow,)), verbalize=verbalize)))
    one, inherited = content["facts"][0], content["rival_facts"][1]
    assert np.allclose(one["grounding"], narrow.grounding)
    assert one["box"] == list(narrow.box)
    assert inherited["grounding"] is None
    assert inherited["proof"]["rule"] == "inheritance"
    assert [p["phrase"] for p in inherited["proof"]["premises"]] == ["is a kind of Equid", "has part brown_coat"]
    assert inherited["proof"]["premises"][0]["premises"] == []
    assert content["unit"] == "scores"
    assert (one["gate"], one["renormalized"], one["interval"], one["other"], one["learned_from"]) == (
        *(None,) * 4,
        [],
    )
    assert (content["counterfactual"], content["gap"], content["groups"], content["parts"]) == (None, None, [], {})
    assert content["top"][0] == {"class": EX + "zebra", "score": 2.31, "unseen": True}
    total = sum(f["contribution"] for f in content["facts"] + content["rival_facts"])
    assert (
        abs(content["margin"] - total - content["remainder"] - content["completeness_gap"]) < 1e-6
    )  # one contribution is in single precision


def test_json_has_all_that_a_method_sets(make_full: Callable[..., Explanation], verbalize: Verbalize) -> None:
    content = json.loads(json.dumps(to_json(make_full(), verbalize=verbalize)))
    stripes, hooves, lacked, *_ = content["facts"]
    assert (stripes["gate"], stripes["renormalized"], stripes["interval"]) == (0.97, 0.65, [0.7, 1.1])
    assert stripes["learned_from"] == [
        {"class": EX + "okapi", "images": ["okapi/1.png", "okapi/2.png"]},
        {"class": EX + "tapir", "images": []},
    ]
    assert hooves["other"]["premises"][1]["fact"]["subject"] == EX + "Grazer"
    assert lacked["fact"]["polarity"] == "negative"
    assert content["exact_for"] == "nothing at all"
    assert content["additive"] is True
    assert content["gap"] == 0.0125
    assert content["parts"] == {"calibration": -0.08, "prompt": 0.03}
    assert content["warnings"] == ["the image shows two animals"]
    assert [g["kind"] for g in content["groups"]] == ["ancestor", "property", "entailed"]
    assert len(content["groups"][0]["facts"]) == 2
    change = content["counterfactual"]
    assert change["sentence"].startswith("It would be a horse if ")
    assert (change["margin"], change["smallest"], len(change["remove"]), len(change["add"])) == (-0.2, True, 1, 1)
