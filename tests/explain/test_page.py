from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kgzsl.explain import page
from kgzsl.explain.explanation import Explanation, FactContribution
from kgzsl.explain.page import render_page, write_page
from kgzsl.ontology.facts import Fact

EX = "http://example.org/creatures#"
Verbalize = Callable[[Fact], str]
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


def test_elements_nest_and_ids_are_unique_and_found(html: str) -> None:
    reader = Reader(html)
    ids = [attributes["id"] for _, attributes in reader.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in reader.tags:
        for name in ("aria-labelledby", "aria-controls"):
            if name in attributes:
                assert attributes[name] in ids
        if "data-layer" in attributes:
            assert f"layer-{attributes['data-layer']}" in ids


def test_nothing_comes_from_outside(html: str) -> None:
    assert "http:" not in html
    assert "https:" not in html
    assert "url(" not in html
    assert "@import" not in html
    for tag, attributes in Reader(html).tags:
        assert tag not in ("link", "iframe", "object", "embed", "form")
        assert not {"href", "srcset"} & attributes.keys()
        assert (attributes.get("src") or "data:image/").startswith("data:image/")
    assert "default-src 'none'" in html


def test_embedded_pictures_decode(html: str) -> None:
    uris = [a["src"] for tag, a in Reader(html).tags if tag == "img"]
    assert len(uris) == 6  # the image and five maps
    sizes = []
    for uri in uris:
        with Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))) as picture:
            sizes.append((picture.mode, picture.size))
    assert sizes == [("RGB", (320, 320))] + 5 * [("RGBA", (96, 96))]


def test_it_says_what_matters(html: str) -> None:
    text = Reader(html).text
    assert "Why zebra, not horse" in text
    assert text.count("unseen: no image of it was in training") == 2  # zebra and okapi
    assert "has as its pattern stripes" in text
    assert "entailed from Ungulate via inheritance" in text
    assert "Equid is a kind of Ungulate" in text
    assert "exact decomposition" in text


def test_the_sum_is_printed_right(html: str) -> None:
    text = Reader(html).text
    rows = re.search(
        r"facts of zebra (\S+) facts of horse (\S+) remainder, no fact accounts for it (\S+) "
        r"margin of zebra over horse (\S+)",
        text,
    )
    assert rows is not None
    values = [float(v.replace("\u2212", "-")) for v in rows.groups()]
    assert values == [1.116, 0.309, -0.05, 1.375]
    assert sum(values[:3]) == pytest.approx(values[3], abs=2e-3)
    assert "completeness gap" not in text


def test_a_gap_gets_its_own_row(
    make_explanation: Callable[..., Explanation], image: np.ndarray, verbalize: Verbalize
) -> None:
    text = Reader(render_page(make_explanation(margin=1.575), image, verbalize=verbalize)).text
    assert "completeness gap of the method +0.200" in text


def test_labels_are_escaped_wherever_they_stand(
    make_explanation: Callable[..., Explanation], contribution: Callable[..., FactContribution], image: np.ndarray
) -> None:
    evil = "\"'><script>alert(1)</script>"
    labels = {EX + name: evil for name in ("zebra", "horse", "Equid")}
    fact = contribution("zebra", "mane", 1.0, evidence=0.0, ancestors=("Equid",), at=(1, 1))
    fact = FactContribution(fact.fact, evil, 1.0, 0.0, fact.proof, fact.grounding, fact.box)
    hostile = make_explanation(labels=labels, facts=(fact,), method=evil, image=f"/x/{evil}.png")
    html = render_page(hostile, image, verbalize=lambda fact: evil)
    assert "<script>alert" not in html
    assert [tag for tag, _ in Reader(html).tags].count("script") == 1
    assert "alert(1)" in Reader(html).text  # shown as text


def test_bars_point_to_the_side_that_a_fact_speaks_for(html: str) -> None:
    bars = [a for tag, a in Reader(html).tags if tag == "i" and a.get("class") in ("for", "against")]
    assert [a["class"] for a in bars] == ["for"] * 4 + ["against", "for", "against"]
    assert bars[0]["style"] == "width:50.00%"
    assert bars[4]["style"] == f"width:{50 * 0.24 / 0.912:.2f}%"


def test_grounded_facts_are_buttons_and_proofs_nest(html: str) -> None:
    reader = Reader(html)
    buttons = [a for tag, a in reader.tags if tag == "button"]
    assert len(buttons) == 5
    assert all(a["type"] == "button" and a["aria-pressed"] == "false" for a in buttons)
    assert reader.depth == 3  # provenance, its proof, and the proof of a premise
    assert all("alt" in a for tag, a in reader.tags if tag == "img")


def test_weaker_facts_are_folded_and_counted(
    make_explanation: Callable[..., Explanation],
    contribution: Callable[..., FactContribution],
    image: np.ndarray,
    verbalize: Verbalize,
) -> None:
    many = tuple(contribution("zebra", f"part{i}", 0.2 - 0.01 * i, evidence=1, at=(1, 1)) for i in range(11))
    html = render_page(make_explanation(facts=many, rival_facts=()), image, verbalize=verbalize)
    assert "3 weaker facts, together +0.330" in Reader(html).text
    assert html.count('class="layer"') == 8


def test_rival_beyond_the_best_five_is_still_listed(
    make_explanation: Callable[..., Explanation], image: np.ndarray, verbalize: Verbalize
) -> None:
    top = (*((EX + f"c{i}", 5.0 - i) for i in range(7)), (EX + "horse", -9.0), (EX + "tapir", -10.0))
    text = Reader(render_page(make_explanation(top=top), image, verbalize=verbalize)).text
    assert "c4" in text
    assert "c5" not in text
    assert "horse rival \u22129.00" in re.sub(r"\s+", " ", text)


def test_degenerate_explanations_render(
    make_explanation: Callable[..., Explanation], image: np.ndarray, verbalize: Verbalize
) -> None:
    bare = make_explanation(facts=(), rival_facts=(), top=(), unseen=frozenset(), remainder=1.375)
    text = Reader(render_page(bare, Image.fromarray(image).resize((2000, 30)), verbalize=verbalize)).text
    assert "Best classes" not in text
    assert "What the knowledge graph says" not in text


def test_same_explanation_gives_the_same_page(
    html: str, explanation: Explanation, image: np.ndarray, verbalize: Verbalize
) -> None:
    assert render_page(explanation, image, verbalize=verbalize) == html


def test_write_replaces_the_file_or_leaves_it(
    explanation: Explanation,
    image: np.ndarray,
    verbalize: Verbalize,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    target = tmp_path / "page.html"
    target.write_text("old", encoding="utf-8")

    def fail(self: Path, other: Path) -> Path:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(page.Path, "replace", fail)
        with pytest.raises(OSError, match="disk full"):
            write_page(target, explanation, image, verbalize=verbalize)
    assert target.read_text(encoding="utf-8") == "old"
    assert write_page(target, explanation, image, verbalize=verbalize) == target
    assert target.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert [p.name for p in tmp_path.iterdir()] == ["page.html"]
