"""Facts over a whole set of images, in worlds where the answer is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import t as student

from kgzsl.errors import ConfigError, DataError
from kgzsl.explain.findings import REASONS
from kgzsl.explain.margin import MarginMethod
from kgzsl.explain.question import Question
from kgzsl.explain.summary import class_facts, confusion, overview
from kgzsl.explain.survey import Survey, contributions
from kgzsl.ontology import Ontology, parse_ontology
from kgzsl.semantics import class_attributes, verbalize

ZOO = "http://zoo.example/#"
TEXT = """
@prefix : <http://zoo.example/#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
:pattern a owl:ObjectProperty . :part a owl:ObjectProperty . :diet a owl:ObjectProperty .
:color a owl:ObjectProperty . :coat a owl:ObjectProperty ; rdfs:subPropertyOf :color .
:found a owl:DatatypeProperty .
:Hoofed a owl:Class ; :part :Hooves .
:Zebra a owl:Class ; rdfs:subClassOf :Hoofed ; :pattern :Stripes ; :part :Mane ; :diet :Grass ; :coat :Black ;
    :found "1758" .
:Horse a owl:Class ; rdfs:subClassOf :Hoofed ; :pattern :Plain ; :part :Mane ; :diet :Hay ; :coat :Brown .
:Deer a owl:Class ; rdfs:subClassOf :Hoofed ; :pattern :Spots ; :part :Horns ; :diet :Grass ; :coat :Brown .
:Okapi a owl:Class ; rdfs:subClassOf :Hoofed ; :pattern :Stripes ; :part :Horns ; :coat :Brown .
"""
CLASSES = ("Zebra", "Horse", "Deer", "Okapi")


@pytest.fixture(scope="module")
def zoo() -> Ontology:
    return parse_ontology(TEXT).entail()


@pytest.fixture(scope="module")
def make(zoo: Ontology) -> Callable[..., Survey]:
    """A survey of images that show what is said of them, and nothing else: ``[("Zebra", {"Stripes": 2.0})]``."""

    def survey(images: list[tuple[str, dict[str, float]]], *, closed: tuple[str, ...] = (), **changes: Any) -> Survey:
        table = class_attributes(zoo, [ZOO + name for name in CLASSES], world=changes.pop("world", "pca"))
        column = {a.filler.removeprefix(ZOO): k for k, a in enumerate(table.attributes)}
        gates = np.ones(len(column))
        gates[[column[name] for name in closed]] = 0
        evidence = np.zeros((len(images), len(column)))
        for row, (_, shown) in enumerate(images):
            for name, value in shown.items():
                evidence[row, column[name]] = value
        described = {
            "source": "test images",
            "images": tuple(f"pictures/{row}.png" for row in range(len(images))),
            "labels": np.array([CLASSES.index(label) if label else -1 for label, _ in images]),
            "evidence": evidence,
            "vectors": gates * np.where(table.known, table.degree, 0).astype(np.float64),
            "offsets": np.zeros(len(CLASSES)),
            "gates": gates,
            "attributes": table,
            "ontology": zoo,
            "verbalize": lambda fact: verbalize(fact, zoo),
        }
        return Survey(**(described | changes))

    return survey


@pytest.fixture
def random_survey(make: Callable[..., Survey]) -> Callable[..., Survey]:
    """Images of which each shows some of everything, under calibration and with states of classes beside the facts."""

    def survey(seed: int, world: str, count: int = 40) -> Survey:
        random = np.random.default_rng(seed)
        plain = make([(CLASSES[k % 4], {}) for k in range(count)], world=world)
        width = len(plain.attributes.attributes)
        return replace(
            plain,
            evidence=random.normal(size=(count, width + 3)),
            vectors=np.hstack([plain.vectors - 0.3 * plain.attributes.known, random.normal(size=(4, 3))]),
            offsets=np.array([0.4, 0.4, 0.0, 0.0]),
            blocks={"prompt": slice(width, width + 3)},
        )

    return survey


def question(survey: Survey, row: int, explained: int, rival: int) -> Question:
    """The same image as a single one is asked about."""
    return Question(
        image=survey.images[row],
        evidence=survey.evidence[row],
        shares=np.zeros((len(survey.gates), 4)),
        vectors=survey.vectors,
        offsets=survey.offsets,
        explained=explained,
        rival=rival,
        attributes=survey.attributes,
        ontology=survey.ontology,
        worlds=None,  # type: ignore[arg-type]
        verbalize=survey.verbalize,
        gates=survey.gates,
        blocks=survey.blocks,
    )


def said(facts: Any) -> list[str]:
    """Facts in a word each: "Zebra part Mane"."""
    terms = ((f.fact.subject, f.fact.predicate, f.fact.object) for f in facts)
    return [" ".join(term.rpartition("#")[2] for term in three) for three in terms]


@pytest.mark.parametrize("world", ["open", "pca", "closed"])
@pytest.mark.parametrize("seed", range(3))
def test_contributions_are_those_of_single_images(random_survey: Any, seed: int, world: str) -> None:
    survey = random_survey(seed, world)
    rows = np.arange(len(survey.images))
    found = contributions(survey, rows, survey.explained, survey.rivals)
    assert np.allclose(found.values.sum(1) + found.remainder, found.margins, rtol=0, atol=1e-12)
    for row in rows.tolist():
        told = MarginMethod().explain(question(survey, row, survey.explained[row], survey.rivals[row]))
        own = {fact: value for fact, value in zip(found.facts, found.values[row].tolist(), strict=True) if value}
        assert own == pytest.approx({f.fact: f.contribution for f in told.every if f.contribution}, abs=1e-9)
        assert told.margin == pytest.approx(found.margins[row], abs=1e-9)
        parts = {name: part[row] for name, part in found.parts.items() if part[row]}
        assert parts == pytest.approx(dict(told.parts), abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_means_of_a_class_add_up_to_its_mean_margin(random_survey: Any, seed: int) -> None:
    survey = random_survey(seed, "pca")
    for one in overview(survey).classes:
        total = sum(f.contribution for f in (*one.facts, *one.rival_facts))
        assert total == pytest.approx(one.margin - one.remainder, abs=1e-12)
        assert {f.fact.subject for f in one.facts} == {one.iri}
        assert one.iri not in {f.fact.subject for f in one.rival_facts}
        rows = np.flatnonzero(survey.labels == survey.attributes.classes.index(one.iri))
        others = np.delete(survey.scores[rows], survey.attributes.classes.index(one.iri), axis=1)
        own = survey.scores[rows, survey.attributes.classes.index(one.iri)]
        assert one.margin == pytest.approx((own - others.max(1)).mean(), abs=1e-12)
        assert sum(count for _, count in one.rivals) == len(one.rows) == 10
        assert {"calibration", "prompt"} >= set(one.parts)


@pytest.mark.parametrize("seed", range(3))
def test_means_of_a_confusion_add_up(random_survey: Any, seed: int) -> None:
    survey = random_survey(seed, "pca", count=80)
    confusions = overview(survey).confusions
    assert len(confusions) > 3
    for one in confusions:
        assert sum(f.contribution for f in one.facts) + one.remainder == pytest.approx(one.margin, abs=1e-12)
        assert one.margin < 0
        kinds = [f.fact for kind in (one.speaking, one.failing, one.standing) for f in kind]
        assert len(kinds) == len(set(kinds)) == len(one.facts)
        assert all(f.contribution < 0 and f.fact.subject == one.predicted for f in one.speaking)
        assert all(f.contribution >= 0 for f in one.standing)
        assert one.culprit is None or one.culprit.contribution == min(f.contribution for f in one.facts)
        counted = (survey.labels == survey.attributes.classes.index(one.true)) & (
            survey.predicted == survey.attributes.classes.index(one.predicted)
        )
        assert one.rows == tuple(np.flatnonzero(counted).tolist())


def test_a_class_that_one_fact_carries(make: Any) -> None:
    survey = make([("Zebra", {"Stripes": v, "Mane": 1.0}) for v in (1.0, 2.0, 6.0)])
    found = class_facts(survey, ZOO + "Zebra")
    # The okapi has stripes too, the horse a mane: whichever is next, the other fact sets the zebra apart.
    assert [(survey.ontology.label(iri), count) for iri, count in found.rivals] == [("okapi", 2), ("horse", 1)]
    assert dict(zip(said(found.facts), [f.contribution for f in found.facts], strict=True)) == pytest.approx(
        {"Zebra part Mane": 2 / 3, "Zebra pattern Stripes": 1 / 3}
    )
    alone = replace(
        survey,
        vectors=np.delete(survey.vectors, 3, 0),
        attributes=survey.attributes.subset(survey.attributes.classes[:3]),
        offsets=np.zeros(3),
    )
    found = class_facts(alone, ZOO + "Zebra")
    (stripes,) = found.facts
    assert said([stripes]) == ["Zebra pattern Stripes"]
    assert stripes.contribution == found.margin == 3.0
    half = student.ppf(0.975, 2) * np.std([1.0, 2.0, 6.0], ddof=1) / np.sqrt(3)
    assert stripes.interval == pytest.approx((3 - half, 3 + half))
    assert (stripes.at_work, stripes.shown, stripes.gate, found.right) == (1.0, 1.0, 1.0, 3)
    assert [(e.image, e.evidence) for e in stripes.most[:2]] == [("pictures/2.png", 6.0), ("pictures/1.png", 2.0)]
    assert stripes.least[0].image == "pictures/0.png"
    assert found.rival_facts == ()
    assert found.parts == {}


def test_one_image_has_no_interval(make: Any) -> None:
    (mane, *_) = class_facts(make([("Zebra", {"Stripes": 1.0, "Mane": 1.0})]), ZOO + "Zebra").facts
    assert mane.interval is None


def test_shown_of_an_absence_is_an_image_without_it(zoo: Ontology) -> None:
    text = TEXT.replace(
        ":pattern :Plain ;",
        ":pattern :Plain ; rdfs:subClassOf [ a owl:Class ; owl:complementOf "
        "[ a owl:Restriction ; owl:onProperty :part ; owl:someValuesFrom :Horns ] ] ;",
    )
    ontology = parse_ontology(text).entail()
    table = class_attributes(ontology, [ZOO + "Horse", ZOO + "Deer"])
    horns = next(k for k, a in enumerate(table.attributes) if a.filler == ZOO + "Horns")
    evidence = np.zeros((4, len(table.attributes)))
    evidence[:, horns] = [-3.0, -1.0, 2.0, -2.0]
    survey = Survey(
        "test images",
        ("a", "b", "c", "d"),
        np.zeros(4, dtype=int),
        evidence,
        np.where(table.known, table.degree - 0.5, 0).astype(float),
        np.zeros(2),
        np.ones(len(table.attributes)),
        table,
        ontology,
        lambda fact: verbalize(fact, ontology),
    )
    (no_horns,) = (f for f in class_facts(survey, ZOO + "Horse").facts if f.fact.subject == ZOO + "Horse")
    assert no_horns.fact.polarity == "negative"
    assert no_horns.contribution == 0.5  # the deer's horns have the other half
    assert no_horns.shown == 0.75
    assert [e.image for e in no_horns.most] == ["a", "d", "b"]


def test_a_confusion_by_one_fact(make: Any) -> None:
    """Zebras whose stripes do not show, and which seem to have horns, are taken for okapis."""
    right = [("Zebra", {"Stripes": 2.0, "Mane": 2.0, "Black": 1.0})] * 3
    wrong = [("Zebra", {"Stripes": 2.0, "Mane": 0.5, "Horns": 1.5 + k, "Black": -0.5}) for k in range(2)]
    near = [("Zebra", {"Stripes": 2.0, "Mane": 1.0, "Horns": 0.5}), ("Deer", {"Horns": 1.0, "Spots": 1.0})]
    survey = make([*right, *wrong, *near])
    (found,) = overview(survey).confusions
    assert (found.true, found.predicted, found.rows) == (ZOO + "Zebra", ZOO + "Okapi", (3, 4))
    assert found.happened
    assert (found.of, found.margin, found.closest, found.close) == (6, -2.0, -2.5, ("pictures/5.png",))
    assert said(found.speaking) == ["Okapi part Horns"]
    assert found.culprit == found.speaking[0]
    assert (found.culprit.contribution, found.culprit.usual) == (-2.0, pytest.approx(-0.125))
    assert said(found.failing) == ["Zebra coat Black", "Zebra part Mane"]
    assert [f.contribution for f in found.failing] == [-0.5, 0.5]
    assert [f.usual for f in found.failing] == pytest.approx([0.75, 1.75])
    assert found.standing == ()
    assert confusion(survey, ZOO + "Zebra", ZOO + "Okapi") == found


def test_what_would_tell_confused_classes_apart(make: Any) -> None:
    images = [("Horse", {"Spots": 2.0, "Plain": -1.0, "Mane": 0.5, "Horns": 0.2})] * 3
    found = confusion(make(images, closed=("Hay", "Grass")), ZOO + "Horse", ZOO + "Deer")
    told = dict(zip(said(found.blind), [f.reason for f in found.blind], strict=True))
    assert told == {
        "Deer pattern Spots": "not seen",
        "Horse pattern Plain": "not seen",
        "Deer part Horns": "not seen",
        "Horse diet Hay": "closed",
        "Deer diet Grass": "closed",
    }
    shown = dict(zip(said(found.blind), [f.shown for f in found.blind], strict=True))
    assert (shown["Deer pattern Spots"], shown["Horse pattern Plain"]) == (1.0, 0.0)


def test_calibration_alone_can_confuse(make: Any) -> None:
    images = [("Zebra", {"Stripes": 2.0, "Mane": 1.0})] * 2
    survey = make(images, offsets=np.array([1.5, 1.5, 0.0, 0.0]))
    (found,) = overview(survey).confusions
    assert found.predicted == ZOO + "Okapi"
    assert found.parts == {"calibration": -1.5}
    assert found.uncalibrated == 2
    assert found.culprit is None
    assert found.margin == -0.5


def test_a_confusion_that_never_happens_shows_the_closest(make: Any) -> None:
    survey = make([("Zebra", {"Stripes": 2.0, "Mane": 5.0 + k, "Black": 1.0}) for k in range(8)])
    assert overview(survey).confusions == ()
    found = confusion(survey, ZOO + "Zebra", ZOO + "Okapi")
    assert not found.happened
    assert found.rows == (0, 1, 2, 3, 4)
    assert (found.closest, found.margin, found.close) == (6.0, 8.0, ())
    assert said(found.standing) == ["Zebra part Mane", "Zebra coat Black"]
    assert found.speaking == ()
    (mane,) = (f for f in found.facts if f.fact.object == ZOO + "Mane")
    assert (mane.contribution, mane.usual) == (7.0, 11.0)


def test_facts_that_are_never_used_and_why(make: Any) -> None:
    images = [("Zebra", {"Stripes": 2.0, "Mane": 1.0}), ("Okapi", {"Stripes": 1.0, "Horns": 1.0})]
    survey = make(images, closed=("Grass", "Hay"))
    assert {survey.label(row) for row in (*survey.explained, *survey.rivals)} == {"zebra", "okapi"}
    unused = overview(survey).unused
    reasons = dict(zip(said(unused), [f.reason for f in unused], strict=True))
    assert reasons == {
        "Zebra subClassOf Hoofed": "not told",
        "Okapi subClassOf Hoofed": "not told",
        "Zebra part Hooves": "all alike",
        "Okapi part Hooves": "all alike",
        "Zebra diet Grass": "closed",
        "Zebra found 1758": "literal",
        "Zebra color Black": "more specific",
        "Okapi color Brown": "more specific",
        "Zebra coat Black": "no evidence",
        "Okapi coat Brown": "no evidence",
        "Zebra pattern Stripes": "rivals alike",
        "Okapi pattern Stripes": "rivals alike",
    }
    assert set(reasons.values()) < set(REASONS)
    # What a class of its own images uses and does not use is all that is said of it.
    for iri in (ZOO + "Zebra", ZOO + "Okapi"):
        own = class_facts(survey, iri)
        everything = {f.fact for f in (*own.facts, *own.unused)}
        assert everything == {f for f in survey.ontology.facts(iri) if not f.object.endswith("Thing")}
        assert not {f.fact for f in own.facts} & {f.fact for f in own.unused}


def test_a_model_that_is_told_states_alone_uses_no_fact(make: Any) -> None:
    survey = make([("Zebra", {"Stripes": 1.0})])
    width = len(survey.gates)
    silent = replace(
        survey,
        attributes=replace(survey.attributes, silent=True),
        gates=np.zeros(width),
        vectors=np.hstack([np.zeros((4, width)), np.eye(4)]),
        evidence=np.hstack([survey.evidence, [[3.0, 0.0, 1.0, 0.0]]]),
        blocks={"prompt": slice(width, width + 4)},
    )
    found = overview(silent)
    (zebra,) = found.classes
    assert (zebra.facts, zebra.parts, zebra.margin) == ((), {"prompt": 2.0}, 2.0)
    assert {f.reason for f in found.unused} == {"states", "not told", "literal", "more specific"}
    assert all(p.total == p.share == 0 for p in found.properties)


def test_what_properties_weigh(make: Any) -> None:
    images = [("Zebra", {"Mane": 2.0, "Black": -1.0}), ("Zebra", {"Mane": 2.0, "Black": 1.0}), ("Deer", {"Spots": 4.0})]
    found = overview(make(images))
    weights = {p.label: (p.total, p.contribution, p.facts) for p in found.properties}
    # A horse has a mane too: there the brown coat is unlike, and the image shows nothing of it.
    assert weights["pattern"] == pytest.approx((4 / 3, 4 / 3, 1))
    assert weights["coat"] == pytest.approx((2 / 3, 0.0, 1))
    assert weights["diet"] == (0.0, 0.0, 0)
    assert sum(p.share for p in found.properties) == pytest.approx(1)
    assert [p.total for p in found.properties] == sorted((p.total for p in found.properties), reverse=True)


def test_images_of_which_nobody_says_what_they_show(make: Any) -> None:
    images = [("", {"Stripes": 2.0, "Mane": 1.0})] * 2 + [("", {"Spots": 1.0, "Horns": 0.5})]
    found = overview(make(images))
    assert found.accuracy is None
    assert found.confusions == ()
    assert [(one.label, one.rows, one.right) for one in found.classes] == [
        ("zebra", (0, 1), None),
        ("deer", (2,), None),
    ]
    assert all(one.margin > 0 for one in found.classes)
    with pytest.raises(DataError, match="no image is known to be of zebra"):
        confusion(found.survey, ZOO + "Zebra", ZOO + "Deer")


def test_a_class_and_itself_are_not_confused(make: Any) -> None:
    with pytest.raises(ConfigError, match="zebra and itself"):
        confusion(make([("Zebra", {})]), ZOO + "Zebra", ZOO + "Zebra")


def test_how_often_what_is_predicted(make: Any) -> None:
    images = [("Zebra", {"Stripes": 2.0, "Mane": 1.0})] * 3 + [("Horse", {"Stripes": 1.0, "Mane": 1.0})]
    found = overview(make(images))
    assert found.counts == {(ZOO + "Zebra", ZOO + "Zebra"): 3, (ZOO + "Horse", ZOO + "Zebra"): 1}
    assert found.accuracy == 0.75


def test_results_are_written_as_json(random_survey: Any) -> None:
    import json

    survey = random_survey(0, "pca")
    found = overview(survey)
    content = json.loads(json.dumps(found.to_dict()))
    assert content["images"] == 40
    assert content["accuracy"] == found.accuracy
    first = content["classes"][0]["facts"][0]
    assert first["fact"]["subject"] == content["classes"][0]["class"]
    assert first["contribution"] == found.classes[0].facts[0].contribution
    assert first["most"][0]["image"].startswith("pictures/")
    assert content["confusions"][0]["count"] == len(content["confusions"][0]["images"])
    assert all(REASONS[one["reason"]] == one["because"] for one in content["unused"])
    assert json.dumps(class_facts(survey, ZOO + "Zebra").to_dict())
    assert json.dumps(confusion(survey, ZOO + "Zebra", ZOO + "Horse").to_dict())
