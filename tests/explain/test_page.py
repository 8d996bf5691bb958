from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kgzsl.explain.explanation import (
    Counterfactual,
    Explanation,
    FactContribution,
    GroupContribution,
    LearnedFrom,
)
from kgzsl.explain.page import render_page, write_page
from kgzsl.ontology.facts import Fact

EX = "http://example.org/creatures#"
Verbalize = Callable[[Fact], str]
Make = Callable[..., Explanation]
VOID = {"meta", "img", "br", "link", "input", "hr"}


class Reader(HTMLParser):
    """Checks that elements nest, and keeps tags and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.depth = 0  # of nested proofs
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        self.depth = max(self.depth, self.open.count("details"))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


@pytest.fixture
def html(explanation: Explanation, image: np.ndarray, verbalize: Verbalize) -> str:
    return render_page(explanation, image, verbalize=verbalize)


@pytest.fixture
def full(make_full: Make, image: np.ndarray, verbalize: Verbalize) -> str:
    """Two rivals, and everything that a method can set."""
    pictures = {f"okapi/{k}.png": Image.new("RGB", (300, 200), (90 * k, 40, 40)) for k in (1, 2)}
    several = [make_full(), make_full("okapi", margin=0.4, additive=False)]
    return render_page(several, image, verbalize=verbalize, pictures=pictures)


@pytest.mark.parametrize("name", ["html", "full"])
def test_elements_nest_and_ids_are_unique_and_found(name: str, request: pytest.FixtureRequest) -> None:
    reader = Reader(request.getfixturevalue(name))
    ids = [attributes["id"] for _, attributes in reader.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in reader.tags:
        for key in ("aria-labelledby", "aria-controls", "data-layer"):
            if key in attributes:
                assert attributes[key] in ids
        if "href" in attributes and not (attributes["href"] or "").startswith("data:"):
            assert (attributes["href"] or "").removeprefix("#") in ids


@pytest.mark.parametrize("name", ["html", "full"])
def test_nothing_comes_from_outside(name: str, request: pytest.FixtureRequest) -> None:
    html = request.getfixturevalue(name)
    assert "http:" not in html
    assert "https:" not in html
    assert "url(" not in html
    assert "@import" not in html
    for tag, attributes in Reader(html).tags:
        assert tag not in ("link", "iframe", "object", "embed", "form")
        assert "srcset" not in attributes
        assert (attributes.get("src") or "data:image/").startswith("data:image/")
        assert (attributes.get("href") or "#").startswith(("#", "data:image/"))
    assert "default-src 'none'" in html


def decoded(uri: str | None) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode((uri or "").partition(",")[2])))


def test_embedded_pictures_decode(html: str) -> None:
    pictures = [decoded(a["src"]) for tag, a in Reader(html).tags if tag == "img"]
    assert [p.size for p in pictures] == [(320, 320)] + 5 * [(96, 96)]  # the image and five maps
    for layer in pictures[1:]:
        alpha = np.asarray(layer.convert("RGBA"))[..., 3]
        assert alpha.min() == 0
        assert alpha.max() > 150


def test_it_says_what_matters(html: str) -> None:
    text = Reader(html).text
    assert "Why zebra, not horse" in text
    assert text.count("unseen: no image of it was in training") == 2  # zebra and okapi
    assert "has as its pattern stripes" in text
    assert "entailed from Ungulate via inheritance" in text
    assert "Equid is a kind of Ungulate" in text
    assert "exact decomposition" in text
    assert "in the unit of scores" in text
    assert "Warning" not in text


def test_grounding_is_called_so_and_never_attribution(html: str) -> None:
    text = Reader(html).text
    assert "Grounding: where, not how much." in text
    assert "It is no attribution" in text
    assert text.count("attribution") == 1
    assert "attention" not in text.lower()


def test_the_sum_is_printed_right(html: str) -> None:
    text = Reader(html).text
    rows = re.search(
        r"facts of zebra (\S+) facts of horse (\S+) remainder, which no fact accounts for (\S+) "
        r"margin over horse (\S+)",
        text,
    )
    assert rows is not None
    values = [float(v.replace("\u2212", "-")) for v in rows.groups()]
    assert values == [1.116, 0.309, -0.05, 1.375]
    assert sum(values[:3]) == pytest.approx(values[3], abs=2e-3)
    assert "completeness gap" not in text


def test_the_bars_of_the_sum_arrive_at_the_margin(html: str) -> None:
    steps = re.findall(r'<i class="(for|against)" style="left:([\d.]+)%;width:([\d.]+)%"></i></span></td>', html)
    ends = [(float(left) + float(width), float(left), kind) for kind, left, width in steps]
    (one, other, rest, whole) = ends
    assert one[1] == whole[1] == 0
    assert other[1] == pytest.approx(one[0], abs=0.02)  # begins where the one before ends
    assert rest[2] == "against"
    assert rest[0] == pytest.approx(other[0], abs=0.02)
    assert rest[1] == pytest.approx(whole[0], abs=0.02)


def test_a_gap_gets_its_own_row(make_explanation: Make, image: np.ndarray, verbalize: Verbalize) -> None:
    text = Reader(render_page(make_explanation(margin=1.575), image, verbalize=verbalize)).text
    assert "completeness gap +0.200" in text


def test_everything_that_a_method_sets_is_shown(full: str) -> None:
    text = Reader(full).text
    for said in (
        "Warning the image shows two animals",
        "It would be a horse if the ontology did not say that every zebra has stripes, but said that every zebra has a "
        "brown coat. The margin would be \u22120.200 . No smaller change of these facts does it.",
        "Method sampling : exact for nothing at all. All numbers are in the unit of scores.",
        "misses the margin by 0.0125",
        "of it calibration \u22120.080",
        "of it prompt +0.030",
        "95% interval +0.700 to +1.100",
        "Renormalized +0.650",
        "Gate 0.97",
        "negative fact",
        "image bears it out; asserted in creatures.ttl",
        "follows twice",
        "entailed from Grazer via inheritance. This makes up for the loss of the first",
        "Equid has part brown_coat",  # said of another class than the rival
        "all that comes from Equid speaks for zebra: +0.500",
        "all that “hasPart” says speaks for horse: \u22120.250",
        "Learned from okapi tapir",
        "Learned from These have what it denies. pig",
    ):
        assert said in text, said


def test_what_is_not_set_is_not_mentioned(html: str) -> None:
    text = Reader(html).text
    for absent in ("interval", "renormalized", "gate", "learned", "together", "would be", "follows twice", "negative"):
        assert absent not in text.lower(), absent


def test_many_groups_are_folded(
    make_explanation: Make, explanation: Explanation, image: np.ndarray, verbalize: Verbalize
) -> None:
    facts = tuple(f.fact for f in explanation.facts)
    groups = tuple(GroupContribution("ancestor", f"{EX}c{k}", facts, 0.1 * (k - 5)) for k in range(11))
    text = Reader(render_page(make_explanation(groups=groups), image, verbalize=verbalize)).text
    names = re.findall(r"all that comes from c(\d+) |(\d) weaker groups", text)
    assert [a or b for a, b in names] == ["10", "9", "8", "7", "3", "2", "1", "0", "3", "6", "5", "4"]


def test_a_method_that_does_not_add_up_says_so(
    make_explanation: Make,
    contribution: Callable[..., FactContribution],
    image: np.ndarray,
    verbalize: Verbalize,
) -> None:
    told = make_explanation(additive=False, remainder=0.0)
    text = Reader(render_page(told, image, verbalize=verbalize)).text
    assert "Why it does not add up" in text
    assert "They need not sum to the margin" in text
    assert "How it adds up" not in text
    many = tuple(contribution("zebra", f"part{i}", 1.0, evidence=1) for i in range(11))
    folded = Reader(render_page(make_explanation(facts=many, additive=False), image, verbalize=verbalize)).text
    assert "3 weaker facts " in folded
    assert "together" not in folded  # what need not sum has no sum
    assert "completeness gap" not in text
    assert "remainder" not in text


def test_an_image_that_says_nothing_of_a_fact_neither_shows_nor_lacks_it(
    make_explanation: Make, contribution: Callable[..., FactContribution], image: np.ndarray, verbalize: Verbalize
) -> None:
    silent = contribution("zebra", "stripes", 0.5, evidence=0.0, at=(1, 1))
    html = render_page(make_explanation(facts=(silent,), rival_facts=()), image, verbalize=verbalize)
    assert "nothing of it was found" in html
    assert "In the image" not in html
    assert "lacks it" not in html
    assert "shows it" not in html


def test_a_fact_that_another_derivation_makes_up_for_names_both(
    make_explanation: Make, contribution: Callable[..., FactContribution], image: np.ndarray, verbalize: Verbalize
) -> None:
    derived = contribution("zebra", "hooves", 0, evidence=0, ancestors=("Equid",)).proof
    other = contribution("zebra", "hooves", 0, evidence=0, ancestors=("Grazer",)).proof
    stated = replace(contribution("Equid", "hooves", 0.0, evidence=0.0), proof=derived, other=other)
    text = Reader(render_page(make_explanation(facts=(stated,)), image, verbalize=verbalize)).text
    assert "Equid has part hooves" in text
    assert "+0.000 asserted in creatures.ttl follows twice" in text  # the fact is, what it proves is not
    assert "What it proves zebra has part hooves inheritance" in text
    assert "entailed from Grazer via inheritance. This makes up for the loss of the fact." in text


def test_a_class_that_was_asked_for_is_not_called_the_answer(
    make_explanation: Make, image: np.ndarray, verbalize: Verbalize
) -> None:
    asked = make_explanation(predicted=EX + "horse", rival=EX + "zebra", margin=-1.375)
    text = Reader(render_page(asked, image, verbalize=verbalize)).text
    assert "Why not horse, but zebra" in text
    assert "the model's answer is zebra; horse was asked for" in text
    assert "zebra answer, rival" in text
    assert "horse explained" in text


def test_several_rivals_share_pictures_scale_and_numbers_of_facts(full: str) -> None:
    reader = Reader(full)
    radios = [a for tag, a in reader.tags if tag == "input"]
    assert [a["data-title"] for a in radios] == ["Why zebra, not horse", "Why zebra, not okapi"]
    assert ["checked" in a for a in radios] == [True, False]
    parts = [a for _, a in reader.tags if "data-rival" in a]
    assert all(("hidden" in a) == (a["data-rival"] == "1") for a in parts)
    assert sum(tag == "h1" for tag, _ in reader.tags) == 1
    layers = [a for _, a in reader.tags if a.get("class") == "layer"]
    rows = [a for _, a in reader.tags if a.get("class") == "fact" and "data-layer" in a]
    assert len(layers) == 6
    assert len(rows) == 2 * 5 + 2  # the same facts of the zebra, with the same layers
    assert len({a["data-fact"] for a in rows}) == 7
    bars = [a["style"] for tag, a in reader.tags if tag == "i" and a.get("class") in ("for", "against")]
    assert f"width:{50 * 0.912 / 1.1:.2f}%" in bars  # the interval's end is the longest thing
    symbols = [a for tag, a in reader.tags if tag == "symbol"]
    uses = [a for tag, a in reader.tags if tag == "use"]
    assert len(symbols) == 2
    assert len(uses) == 4
    assert all(max(decoded(a["href"]).size) == 56 for tag, a in reader.tags if tag == "image")


def test_only_explanations_of_one_question_share_a_page(
    make_explanation: Make, image: np.ndarray, verbalize: Verbalize
) -> None:
    one = make_explanation()
    for several in ([], [one, one], [one, make_explanation(predicted=EX + "pig", rival=EX + "tapir")]):
        with pytest.raises(ValueError, match="one image and class"):
            render_page(several, image, verbalize=verbalize)


def test_training_images_are_asked_for_once_and_may_be_missing(
    make_full: Make, image: np.ndarray, verbalize: Verbalize
) -> None:
    asked = []

    def find(name: str) -> Image.Image | None:
        asked.append(name)
        return Image.new("RGB", (10, 20)) if name.endswith("2.png") else None

    html = render_page([make_full(), make_full("okapi")], image, verbalize=verbalize, pictures=find)
    assert asked == ["okapi/1.png", "okapi/2.png"]
    assert sum(tag == "use" for tag, _ in Reader(html).tags) == 2
    plain = render_page([make_full(), make_full("okapi")], image, verbalize=verbalize)
    assert "Learned from okapi tapir" in Reader(plain).text


def test_labels_are_escaped_wherever_they_stand(
    make_full: Make, contribution: Callable[..., FactContribution], image: np.ndarray
) -> None:
    evil = "\"'><script>alert(1)</script>"
    names = ("zebra", "horse", "Equid", "Grazer", "hasPart", "okapi", "tapir", "pig", "Ungulate")
    fact = contribution("zebra", "mane", 1.0, evidence=0.0, ancestors=("Equid",), at=(1, 1))
    fact = FactContribution(
        fact.fact,
        evil,
        1.0,
        0.0,
        fact.proof,
        fact.grounding,
        fact.box,
        other=fact.proof,
        learned_from=(LearnedFrom(evil),),
    )
    hostile = {
        "labels": {EX + name: evil for name in names},
        "facts": (fact,),
        "method": evil,
        "exact_for": evil,
        "image": f"/x/{evil}.png",
        "warnings": (evil,),
        "parts": {evil: 1.0},
        "groups": (GroupContribution(evil, EX + "zebra", (fact.fact,), 1.0),),
        "counterfactual": Counterfactual((fact.fact,), (), -1.0, False, (evil,)),
    }
    html = render_page([make_full(**hostile), make_full("okapi", **hostile)], image, verbalize=lambda fact: evil)
    assert "<script>alert" not in html
    assert [tag for tag, _ in Reader(html).tags].count("script") == 1
    assert "alert(1)" in Reader(html).text  # shown as text


def test_bars_point_to_the_side_that_a_fact_speaks_for(html: str) -> None:
    bars = re.findall(r'<span class="bar" aria-hidden="true"><i class="(\w+)" style="([^"]+)">', html)
    assert [side for side, _ in bars] == ["for"] * 4 + ["against", "for", "against"]
    assert bars[0][1] == "width:50.00%"
    assert bars[4][1] == f"width:{50 * 0.24 / 0.912:.2f}%"


def test_grounded_facts_are_buttons_and_proofs_nest(html: str) -> None:
    reader = Reader(html)
    buttons = [a for tag, a in reader.tags if tag == "button"]
    assert len(buttons) == 5
    assert all(a["type"] == "button" and a["aria-pressed"] == "false" for a in buttons)
    assert reader.depth == 3  # what is known of a fact, its proof, and the proof of a premise
    assert all("alt" in a for tag, a in reader.tags if tag == "img")


def test_weaker_facts_are_folded_and_counted(
    make_explanation: Make,
    contribution: Callable[..., FactContribution],
    image: np.ndarray,
    verbalize: Verbalize,
) -> None:
    many = tuple(contribution("zebra", f"part{i}", 0.2 - 0.01 * i, evidence=1, at=(1 + i / 3, 1)) for i in range(11))
    html = render_page(make_explanation(facts=many, rival_facts=()), image, verbalize=verbalize)
    assert "3 weaker facts, together +0.330" in Reader(html).text
    assert html.count('class="layer"') == 11


def test_rival_beyond_the_best_five_is_still_listed(
    make_explanation: Make, image: np.ndarray, verbalize: Verbalize
) -> None:
    top = (*((EX + f"c{i}", 5.0 - i) for i in range(7)), (EX + "horse", -9.0), (EX + "tapir", -10.0))
    text = Reader(render_page(make_explanation(top=top), image, verbalize=verbalize)).text
    assert "c4" in text
    assert "c5" not in text
    assert "horse rival \u22129.00" in text


def test_degenerate_explanations_render(make_explanation: Make, image: np.ndarray, verbalize: Verbalize) -> None:
    bare = make_explanation(facts=(), rival_facts=(), top=(), unseen=frozenset(), remainder=1.375)
    text = Reader(render_page(bare, Image.fromarray(image).resize((2000, 30)), verbalize=verbalize)).text
    assert "Best classes" not in text
    assert "What the knowledge graph says" not in text
    assert "Point at a fact" not in text


def test_same_explanation_gives_the_same_page(
    html: str, explanation: Explanation, image: np.ndarray, verbalize: Verbalize
) -> None:
    assert render_page(explanation, image, verbalize=verbalize) == html


def test_write_replaces_the_file_or_leaves_it(
    explanation: Explanation,
    image: np.ndarray,
    verbalize: Verbalize,
    tmp_path: Path,
    full_disk: Callable[[], Any],
) -> None:
    target = tmp_path / "page.html"
    target.write_text("old", encoding="utf-8")
    with full_disk(), pytest.raises(OSError, match="disk full"):
        write_page(target, explanation, image, verbalize=verbalize)
    assert target.read_text(encoding="utf-8") == "old"
    assert write_page(target, explanation, image, verbalize=verbalize) == target
    assert target.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert [p.name for p in tmp_path.iterdir()] == ["page.html"]


def test_a_page_for_a_photograph_and_four_rivals_stays_small(
    make_explanation: Make, contribution: Callable[..., FactContribution], verbalize: Verbalize
) -> None:
    random = np.random.default_rng(0)
    photograph = Image.fromarray(random.integers(0, 255, (150, 200, 3), dtype=np.uint8)).resize((2000, 1500))
    thumbs = {f"{k}.jpg": photograph.resize((400, 300)).rotate(k) for k in range(50)}

    def facts(subject: str) -> tuple[FactContribution, ...]:
        made = []
        for k in range(40):
            one = contribution(subject, f"part{k}", 1 - k / 30, evidence=1, ancestors=("Equid",), at=(k / 5, k % 7))
            learned = tuple(
                LearnedFrom(f"{EX}c{k % 25}", (f"{k}.jpg", f"{k + 10}.jpg")) for k in range(k % 25, k % 25 + 3)
            )
            made.append(replace(one, gate=0.9, renormalized=0.5, learned_from=learned))
        return tuple(made)

    rivals = ("horse", "tapir", "okapi", "pig")
    own = facts("zebra")
    several = [make_explanation(rival=EX + r, facts=own, rival_facts=facts(r), warnings=("w" * 99,)) for r in rivals]
    html = render_page(several, photograph, verbalize=verbalize, pictures=thumbs)
    assert len(html.encode()) < 1_000_000
    assert html.count("<symbol") > 30
