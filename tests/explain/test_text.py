from __future__ import annotations

import json
import re
from collections.abc import Callable

import numpy as np

from kgzsl.explain.explanation import Explanation, FactContribution
from kgzsl.explain.text import label_of, origin, render_text, to_json
from kgzsl.ontology.facts import Fact, Proof
from kgzsl.ontology.vocabulary import RDFS

EX = "http://example.org/creatures#"
Verbalize = Callable[[Fact], str]


def test_header_names_both_classes_and_who_is_unseen(explanation: Explanation, verbalize: Verbalize) -> None:
    text = render_text(explanation, verbalize=verbalize)
    assert text.startswith("Why zebra, not horse\n")
    assert "unseen   zebra: no image of it was in training" in text
    assert "unseen   horse" not in text
    assert "exact decomposition" in text


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
    assert "+0.200 (not accounted for)" in render_text(make_explanation(margin=1.575), verbalize=verbalize)
    assert "not accounted for" not in render_text(make_explanation(), verbalize=verbalize)


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
    assert content["top"][0] == {"class": EX + "zebra", "score": 2.31, "unseen": True}
    total = sum(f["contribution"] for f in content["facts"] + content["rival_facts"])
    assert (
        abs(content["margin"] - total - content["remainder"] - content["completeness_gap"]) < 1e-6
    )  # one contribution is in single precision
