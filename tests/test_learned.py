"""What facts may have been learned from: named without a look at any image, and never a test image."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kgzsl import api
from kgzsl.api.learned import learned_from
from kgzsl.data.creatures import generate, load
from kgzsl.errors import ImageError
from kgzsl.ontology import Fact

TOY = "http://toys.example/#"


def fact(filler: str, property: str = "hasMainColor", **changes: Any) -> Fact:
    return Fact(TOY + "GreenBox", TOY + property, TOY + filler, **changes)


def training_names(config: Any) -> dict[str, set[str]]:
    """The training images of each class, as a run finds them."""
    images = api.load_dataset(config).images
    names = defaultdict(set)
    for name, label, part in zip(images.names, images.labels, images.parts, strict=True):
        if part == "trainval":
            names[images.space.classes[label]].add(name)
    return names


def configured(run: api.Run, world: Any, **data: Any) -> api.Run:
    """The same run, as if it had been trained on other files."""
    config = replace(run.config, data=replace(world.config().data, **data))
    return replace(run, config=config)


@pytest.fixture(params=["folder", "shuffled", "xlsa17"])
def run(request: pytest.FixtureRequest, toys: Any, toy_run: api.Run, xlsa17: Any) -> api.Run:
    if request.param == "xlsa17":
        return configured(toy_run, xlsa17, features="")
    shuffle = request.param == "shuffled"
    config = toys.config()
    return replace(toy_run, config=replace(config, semantics=replace(config.semantics, shuffle=shuffle)))


def test_seen_classes_that_have_it_and_training_images_of_theirs(run: api.Run) -> None:
    truth, told = training_names(run.config), learned_from(run)
    seen = set(run.split.seen)
    for attribute in run.attributes.attributes:
        column = run.attributes.attributes.index(attribute)
        have = [
            iri
            for row, iri in enumerate(run.attributes.classes)
            if iri in seen and run.attributes.known[row, column] and run.attributes.degree[row, column] >= 0.5
        ]
        found = told(Fact(TOY + "GreenBox", attribute.property, attribute.filler))
        assert [one.iri for one in found] == sorted(have)[:3]
        for one in found:
            assert len(one.images) == 2
            assert set(one.images) <= truth[one.iri]


def test_what_has_it_most_comes_first(toy_run: api.Run) -> None:
    table = toy_run.attributes
    strength = table.value.copy()
    column = next(k for k, a in enumerate(table.attributes) if a.filler == TOY + "Square")
    for name, value in (("RedBox", 0.6), ("BlueBox", 0.9), ("YellowBox", 0.3), ("GreenBox", 1.0)):
        strength[table.classes.index(TOY + name), column] = value
    run = replace(toy_run, attributes=replace(table, strength=strength))
    found = learned_from(run)(fact("Square", "hasShape"))
    assert [one.iri for one in found] == [TOY + "BlueBox", TOY + "RedBox"]  # a green box has no training image


def test_a_denied_fact_was_learned_where_it_holds(toy_run: api.Run) -> None:
    told = learned_from(toy_run)
    assert told(fact("Round", "hasShape", polarity="negative")) == told(fact("Round", "hasShape"))
    assert told(fact("Round", "hasShape"))
    assert told(fact("Toy", "isMadeOf")) == ()  # no attribute of the run


def test_no_image_is_read_for_an_explanation(toys: Any, toy_run: api.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    honest = Image.open

    def open_(path: Any, *arguments: Any, **options: Any) -> Any:
        opened.append(str(path))
        return honest(path, *arguments, **options)

    monkeypatch.setattr(Image, "open", open_)
    picture = toys.images / "GreenBox" / "0.png"
    explanation = api.explain(toy_run, picture)
    assert opened == [str(picture)]
    name = next(name for f in explanation.every for told in f.learned_from for name in told.images)
    assert api.picture_of(toy_run, name).size == (24, 24)
    assert opened == [str(picture), name]


def test_only_training_images_are_given_out(toys: Any, toy_run: api.Run) -> None:
    names = set().union(*training_names(toy_run.config).values())
    every = {str(path) for path in toys.images.rglob("*.png")}
    assert every > names
    for name in every:
        if name in names:
            assert api.picture_of(toy_run, name).mode == "RGB"
        else:
            with pytest.raises(ImageError, match="no training image of the run"):
                api.picture_of(toy_run, name)


def test_a_training_photograph_is_shown_upright(toys: Any, toy_run: api.Run, tmp_path: Path) -> None:
    run = configured(toy_run, toys.copy(tmp_path / "world"))
    (name, _) = learned_from(run)(fact("Red"))[0].images
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (30, 20)).save(name, exif=exif)
    assert api.picture_of(run, name).size == (20, 30)


def test_images_that_are_gone_are_not_missed(toys: Any, toy_run: api.Run, tmp_path: Path) -> None:
    world = toys.copy(tmp_path / "world")
    run = configured(toy_run, world)
    (name, _) = learned_from(run)(fact("Red"))[0].images
    Path(name).write_text("no picture")
    assert api.picture_of(run, name) is None
    Path(name).unlink()
    assert api.picture_of(run, name) is None
    moved = configured(toy_run, world, images=str(tmp_path / "nowhere"))
    found = learned_from(moved)(fact("Red"))
    assert [(one.iri, one.images) for one in found] == [(TOY + "RedBox", ()), (TOY + "RedDisc", ())]


def test_of_precomputed_features_classes_are_named_alone(toy_run: api.Run, xlsa17: Any) -> None:
    found = learned_from(configured(toy_run, xlsa17))(fact("Red"))
    assert [(one.iri, one.images) for one in found] == [(TOY + "RedBox", ()), (TOY + "RedDisc", ())]


def test_images_of_the_benchmark_are_drawn(toy_run: api.Run, tmp_path: Path) -> None:
    counts = {"size": 16, "train_per_class": 2, "test_per_class": 1}
    data = load(generate(tmp_path / "creatures", **counts))
    config = replace(toy_run.config.data, benchmark="creatures", images="", split="", **counts)
    run = replace(toy_run, config=replace(toy_run.config, data=config))
    for row in (0, 1, 3, 7, len(data.part) - 1):
        name = f"creatures/{row}"
        if data.part[row] == "trainval":
            assert np.array_equal(np.asarray(api.picture_of(run, name)), data.images[row])
        else:
            with pytest.raises(ImageError):
                api.picture_of(run, name)


def test_several_rivals_cost_one_look(toys: Any, toy_run: api.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from kgzsl.api import asking

    looks = []
    honest = asking.look
    monkeypatch.setattr(asking, "look", lambda *a: looks.append(a) or honest(*a))
    picture = toys.images / "GreenBox" / "0.png"
    several = api.explain_all(toy_run, picture, rivals=4)
    assert len(looks) == 1
    order = [row[0] for row in api.predict(toy_run, [picture], top=5)[0].top]
    assert [e.predicted for e in several] == [order[0]] * 4
    assert [e.rival for e in several] == order[1:]
    for one in several:
        alone = api.explain(toy_run, picture, against=one.rival)
        assert one.margin == alone.margin
        assert [(f.fact, f.contribution) for f in one.every] == [(f.fact, f.contribution) for f in alone.every]
    last = order[-1]
    asked = api.explain_all(toy_run, picture, rivals=99, against=last, speaking_for=order[2])
    assert asked[0].rival == last
    assert {e.predicted for e in asked} == {order[2]}
    assert [e.rival for e in asked[1:3]] == order[:2]
    assert len(asked) == len(toy_run.space) - 1


def test_the_command_writes_a_page_for_several_rivals(
    toys: Any, toy_run: api.Run, tmp_path: Path, kgzsl: Callable[..., Any]
) -> None:
    import json

    run, picture, page = toy_run.folder.path, toys.images / "GreenBox" / "0.png", tmp_path / "page.html"
    options = ("--for", "red box", "--against", "blue disc", "--html", page, "--turning", "--json")
    told = json.loads(kgzsl("explain", run, picture, *options).out)
    assert (told["predicted"], told["rival"]) == (TOY + "RedBox", TOY + "BlueDisc")
    assert len(told["rivals"]) == 2
    for one in (told, *told["rivals"]):
        assert one["counterfactual"]["sentence"].startswith("It would be a ")
        assert one["counterfactual"]["margin"] * one["margin"] < 0
    text = page.read_text(encoding="utf-8")
    assert text.count('name="rival"') == 3
    assert "<use href=" in text  # what facts were learned from
    assert page.stat().st_size < 1_000_000
    alone = json.loads(kgzsl("explain", run, picture, "--json").out)
    assert alone["rivals"] == []
    assert alone["facts"][0]["learned_from"][0]["images"]
    assert "Learned from" in kgzsl("explain", run, picture).out
    wrong = kgzsl("explain", run, picture, "--method", "margn")
    assert wrong.status == 2
    assert "did you mean margin" in wrong.err
