"""``kgzsl verify``: what is measured on a run, what is kept of it, and what explanations say of it afterwards."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from kgzsl import api, errors
from kgzsl.api.asked_again import reordered, under_other_names, under_own_names, with_shuffled_weights
from kgzsl.api.retraining import Grounds, edited_config, grounds_of, retrain
from kgzsl.api.verifying import _evenly
from kgzsl.explain.checks import CHECKS, Case, Retrained
from kgzsl.explain.explanation import Explanation
from kgzsl.explain.methods import METHODS
from kgzsl.ontology import Edit, parse_ontology, renamed

IMAGES = 6


@pytest.fixture(scope="module")
def run(toy_run: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A copy of the toy run, to write into."""
    return api.load_run(shutil.copytree(toy_run.folder.path, tmp_path_factory.mktemp("verified") / "run"))


@pytest.fixture(scope="module")
def found(run: Any) -> api.Verification:
    (one,) = api.verify(run, images=IMAGES)
    return one


def test_every_check_has_a_verdict(found: api.Verification) -> None:
    assert [outcome.name for outcome in found.outcomes] == list(CHECKS)
    assert (found.method, found.images, found.classes) == ("margin", IMAGES, 2)
    verdicts = {outcome.name: outcome.verdict for outcome in found.outcomes}
    # What is exact is exact on any run, and what nobody knows of photographs is not claimed.
    for name in ("completeness", "provenance", "renamed IRIs"):
        assert verdicts[name] == "passed"
    for name in ("planted@5", "pointing game", "order of facts", "other seeds", "retrained without", "honest null"):
        assert verdicts[name] == "not applicable"
    assert all(outcome.reason for outcome in found.outcomes if outcome.verdict == "not applicable")
    assert "chance 50.0 %" in found.use


def test_it_is_the_same_again(run: Any, found: api.Verification) -> None:
    told: list[tuple[str, int, int]] = []
    (again,) = api.verify(run, images=IMAGES, progress=lambda *step: told.append(step))
    assert replace(again, seconds=found.seconds) == found
    for name in dict.fromkeys(name for name, *_ in told):
        steps = [(done, total) for one, done, total in told if one == name]
        assert steps == sorted(steps)
        assert steps[-1][0] == steps[-1][1]


def test_it_is_kept_in_the_folder_and_told_under_explanations(run: Any, found: api.Verification, toys: Any) -> None:
    api.verify(run, images=IMAGES)
    (kept,) = api.verifications_of(run)
    assert replace(kept, seconds=found.seconds) == found
    picture = toys.images / "GreenBox" / "0.png"
    before = api.explain(run, picture)
    assert len(before.warnings) == len(found.failed)
    bad = replace(found.outcomes[0], verdict="failed", figure="off by 2", doubt="sums are wrong")
    path = run.folder.path / "verify.json"
    content = json.loads(path.read_text())
    content["methods"][0]["outcomes"][0] = bad.to_dict()
    path.write_text(json.dumps(content))
    (warning, *_) = api.explain(run, picture).warnings
    assert warning == f"margin failed 'completeness' on this run: sums are wrong (off by 2; asked: {bad.mark})."
    # Of another training in this folder, and of another method, nothing was found.
    assert api.explain(replace(run, facts={**run.facts, "seconds": -1.0}), picture).warnings == ()
    content["methods"][0]["method"] = "other"
    path.write_text(json.dumps(content))
    assert api.explain(run, picture).warnings == ()
    path.write_text("{}")
    with pytest.raises(errors.RunError, match=r"verify\.json is damaged"):
        api.explain(run, picture)
    path.unlink()


def test_what_was_found_of_other_methods_stays(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    api.verify(run, images=IMAGES)
    monkeypatch.setitem(METHODS, "double", Doubled())
    (one,) = api.verify(run, images=IMAGES, methods=["double"])
    assert {v.method for v in api.verifications_of(run)} == {"margin", "double"}
    (completeness,) = (outcome for outcome in one.outcomes if outcome.name == "completeness")
    assert completeness.verdict == "failed"
    (run.folder.path / "verify.json").unlink()


@pytest.mark.parametrize("method", METHODS)
def test_every_method_adds_up_and_knows_its_facts(run: Any, method: str) -> None:
    (one,) = api.verify(run, images=2, methods=[method])
    verdicts = {outcome.name: outcome.verdict for outcome in one.outcomes}
    assert verdicts["provenance"] == verdicts["renamed IRIs"] == "passed"
    assert verdicts["completeness"] == ("not applicable" if method == "ablation" else "passed")
    assert one.removal.startswith("asserted facts" if method in ("ablation", "shapley") else "facts of the two classes")
    (run.folder.path / "verify.json").unlink()


class Doubled:
    """Contributions that are twice what they are."""

    name, exact_for = "double", "nothing"

    def explain(self, question: Any) -> Any:
        one = METHODS["margin"].explain(question)
        facts, rival_facts = (
            tuple(replace(f, contribution=2 * f.contribution) for f in group) for group in (one.facts, one.rival_facts)
        )
        return replace(one, facts=facts, rival_facts=rival_facts, method=self.name)


def test_a_method_that_depends_on_names_is_found_out(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Spelled(Doubled):
        name = "spelled"

        def explain(self, question: Any) -> Any:
            one = METHODS["margin"].explain(question)
            facts = (replace(f, contribution=float(sum(map(ord, f.fact.object)) % 89)) for f in one.facts)
            return replace(one, facts=tuple(facts), method=self.name)

    monkeypatch.setitem(METHODS, "spelled", Spelled())
    (one,) = api.verify(run, images=IMAGES, methods=["spelled"])
    verdicts = {outcome.name: outcome.verdict for outcome in one.outcomes}
    assert (verdicts["renamed IRIs"], verdicts["random weights"]) == ("failed", "failed")


def test_other_seeds(run: Any, toys: Any, toy_run: Any, xlsa17: Any, tmp_path: Path) -> None:
    (same,) = api.verify(run, images=IMAGES, others=[toy_run])
    outcome = next(outcome for outcome in same.outcomes if outcome.name == "other seeds")
    assert (outcome.verdict, outcome.numbers["tau"]) == ("passed", 1.0)
    foreign = api.fit(xlsa17.config(train={"epochs": 1, "refit_epochs": 0}), tmp_path / "foreign")
    with pytest.raises(errors.MismatchError) as caught:
        api.verify(run, images=IMAGES, others=[foreign])
    assert {p.got.split()[2] for p in caught.value.problems} == {"classes", "attributes", "kind"}


def test_images_are_drawn_evenly_over_the_classes() -> None:
    labels = np.repeat([7, 3, 5], [10, 2, 6])
    rows = _evenly(np.arange(18), labels, 9)
    assert Counter(labels[rows].tolist()) == {5: 4, 7: 3, 3: 2}
    assert rows.tolist() == sorted(rows.tolist())
    assert _evenly(np.arange(10, 18), labels, 99).tolist() == list(range(10, 18))


def test_what_no_method_explains(toys: Any, toy_run: Any, run: Any, tmp_path: Path) -> None:
    with pytest.raises(errors.ConfigError, match="no method 'margn'"):
        api.verify(run, methods=["margn"])
    named = api.fit(toys.config(model={"kind": "dgp"}, train={"epochs": 1}), tmp_path / "named")
    with pytest.raises(errors.ConfigError, match="no sum over facts"):
        api.verify(named, images=IMAGES)


def test_features_without_pictures(xlsa17: Any, tmp_path: Path) -> None:
    run = api.fit(xlsa17.config(model={"kind": "eszsl"}), tmp_path / "run")
    (one,) = api.verify(run, images=IMAGES)
    verdicts = {outcome.name: outcome.verdict for outcome in one.outcomes}
    assert (verdicts["completeness"], verdicts["pointing game"]) == ("passed", "not applicable")


def test_a_run_on_shuffled_facts_is_judged_as_one(toys: Any, tmp_path: Path) -> None:
    run = api.fit(toys.config(semantics={"shuffle": True}), tmp_path / "run")
    (one,) = api.verify(run, images=IMAGES)
    outcome = next(outcome for outcome in one.outcomes if outcome.name == "honest null")
    assert outcome.verdict == ("passed" if "NOT USED" in one.use else "failed")
    assert "p = " in outcome.figure


# ---- asked again ---------------------------------------------------------------------


def test_other_names_change_no_cell_and_come_back(toy_run: Any) -> None:
    other, old = under_other_names(toy_run, seed=3)
    own = toy_run.attributes
    assert not set(other.space.classes) & set(toy_run.space.classes)
    assert [old[iri] for iri in other.space.classes] == list(toy_run.space.classes)
    for cells in ("value", "known", "assumed"):
        assert np.array_equal(getattr(other.attributes, cells), getattr(own, cells))
    # Another order of the names is another order of the facts.
    ranked = [old[iri] for iri in sorted(old)]
    assert ranked != sorted(ranked)
    for iri in toy_run.space.classes:
        new = next(name for name, was in old.items() if was == iri)
        assert other.ontology.label(new) == toy_run.ontology.label(iri)
        keys = {tuple(old.get(end, end) for end in fact.key) for fact in other.ontology.facts(new)}
        assert keys == {fact.key for fact in toy_run.ontology.facts(iri)}


def test_facts_under_their_own_names(toy_run: Any, toys: Any) -> None:
    other, old = under_other_names(toy_run, seed=3)
    picture = toys.images / "GreenBox" / "0.png"
    one, two = api.explain(toy_run, picture), under_own_names(api.explain(other, picture), old)
    assert {f.fact.key: f.contribution for f in one.every} == {f.fact.key: f.contribution for f in two.every}


DEFINED = """@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
:has a owl:ObjectProperty . :Horse a owl:Class ; :has :Mane , :Wings . :Pig a owl:Class ; :has :Tail .
:Pegasus a owl:Class ; owl:equivalentClass [ a owl:Class ; owl:intersectionOf (
    [ a owl:Restriction ; owl:onProperty :has ; owl:someValuesFrom :Wings ]
    [ a owl:Restriction ; owl:onProperty :has ; owl:someValuesFrom :Mane ] ) ] ."""


def test_a_renamed_ontology_entails_the_same() -> None:
    ontology = parse_ontology(DEFINED).entail()
    names = {"http://e/#Horse": "urn:9", "http://e/#Wings": "urn:1", "http://e/#has": "urn:5"}
    other = renamed(ontology, names)
    back = {new: iri for iri, new in names.items()}
    keys = {tuple(back.get(end, end) for end in fact.key) for iri in other.classes for fact in other.facts(iri)}
    assert keys == {fact.key for iri in ontology.classes for fact in ontology.facts(iri)}
    assert (
        "http://e/#Horse",
        "http://www.w3.org/2000/01/rdf-schema#subClassOf",
        "http://e/#Pegasus",
        "positive",
    ) in keys
    assert other.label("urn:9") == "horse"
    with pytest.raises(errors.ConfigError, match="one name"):
        renamed(ontology, {"http://e/#Horse": "http://e/#Pig"})


def test_shuffled_weights_are_the_same_numbers_elsewhere(toy_run: Any) -> None:
    other = with_shuffled_weights(toy_run, seed=0)
    moved = 0
    for (name, own), new in zip(toy_run.model.named_parameters(), other.model.parameters(), strict=True):
        assert own.detach().flatten().sort().values.equal(new.detach().flatten().sort().values), name
        moved += not own.equal(new)
    assert moved > 10


def test_prompts_are_read_in_another_order(toys: Any, toy_run: Any, tmp_path: Path) -> None:
    assert reordered(toy_run, seed=0) is None
    semantics = {"source": ["attributes", "prompt"], "language_model": "words", "facts": ["properties", "hierarchy"]}
    run = api.fit(toys.config(semantics=semantics), tmp_path / "run")
    other = reordered(run, seed=0)
    assert other is not None
    # Words have no order: of these, nothing changes.
    np.testing.assert_allclose(other.attributes.states["prompt"], run.attributes.states["prompt"], atol=1e-6)
    (one,) = api.verify(run, images=2)
    outcome = next(outcome for outcome in one.outcomes if outcome.name == "order of facts")
    assert (outcome.verdict, outcome.numbers["tau"]) == ("passed", 1.0)


# ---- trained afresh ------------------------------------------------------------------


@pytest.fixture
def cases(toy_run: Any, toys: Any) -> list[Case]:
    """Images of the unseen classes, all rightly predicted: explained as what they are."""
    asked = [
        (label, picture)
        for label, folder in (("green box", "GreenBox"), ("yellow disc", "YellowDisc"))
        for picture in sorted((toys.images / folder).iterdir())[:3]
    ]
    return [
        Case(
            api.ask(toy_run, picture, speaking_for=label, against="red box"),
            api.explain(toy_run, picture, speaking_for=label, against="red box"),
            toys.iri(label),
        )
        for label, picture in asked
    ]


def test_what_to_take_away(toy_run: Any, cases: list[Case]) -> None:
    cases = [replace(case, explanation=in_favor(case.explanation)) for case in cases]
    (grounds,) = grounds_of(toy_run, cases, degree=lambda fact: 1, random=np.random.default_rng(0))
    assert {grounds.iri, grounds.given_to} == set(toy_run.split.unseen)
    assert grounds.first
    assert not {f.key for f in grounds.first} & {f.key for f in grounds.random}
    for fact in (*grounds.first, *grounds.random):
        assert toy_run.ontology.find(fact) is not None
        assert fact.status == "asserted"
    plain, graft = grounds.edit("first", graft=False), grounds.edit("first", graft=True)
    assert plain == Edit(remove=grounds.first)
    assert {fact.subject for fact in graft.add} == {grounds.given_to}
    assert {fact.key[1:] for fact in graft.add} == {fact.key[1:] for fact in grounds.first}


def in_favor(explanation: Explanation) -> Explanation:
    """As if all facts of the class had spoken for it."""
    facts = tuple(replace(found, contribution=abs(found.contribution)) for found in explanation.facts)
    return replace(explanation, facts=facts)


def test_nothing_to_take_away_is_a_reason(toy_run: Any, tmp_path: Path) -> None:
    told = retrain(toy_run, (), folder=tmp_path, seeds=1, jobs=1, progress=lambda *step: None)
    assert isinstance(told, str)
    assert not list(tmp_path.iterdir())


def test_terms_that_the_ontology_only_links_to_are_no_classes_of_an_edited_one(tmp_path: Path) -> None:
    """K-ZSL's classes are the same as terms of ConceptNet, which have their names."""
    (tmp_path / "config.toml").write_text('[ontology]\nfiles = ["zoo.ttl"]\nprofile = "kzsl"\n')
    prefixes = "@prefix : <http://z/#> . @prefix cn: <http://cn/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> ."
    facts = """:n1 :p :a1, :a2 ; rdfs:label "Horse" ; owl:sameAs cn:horse . :n2 :p :a2 ; rdfs:label "Zebra" .
        :a1 rdfs:label "mane" . :a2 rdfs:label "stripes" . cn:horse rdfs:label "horse" ; cn:likes cn:hay ."""
    rdfs = "@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> ."
    ontology = parse_ontology(f"{prefixes} {rdfs} {facts}", profile="kzsl").entail()
    stub: Any = SimpleNamespace(folder=SimpleNamespace(path=tmp_path), ontology=ontology)
    (fact,) = ontology.facts("http://z/#n2", "http://z/#p")
    config = edited_config(stub, Edit(remove=(fact,)), tmp_path / "edited")
    again = api.load_ontology(*config.ontology.files, profile=config.ontology.profile)
    assert again.resolve("horse") == "http://z/#n1"
    assert again.classes == ontology.classes
    assert not again.facts("http://z/#n2", "http://z/#p")


def test_what_training_afresh_gave_is_judged(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def trained(run: Any, grounds: Any, **told: Any) -> Any:
        asked.update(told)
        return tuple(Retrained(seed, 0.5, 0.1 + seed / 100, 0.1, 0.3) for seed in range(told["seeds"]))

    monkeypatch.setattr("kgzsl.api.verifying.train_afresh", trained)
    (one,) = api.verify(run, images=IMAGES, retrain=3, jobs=2)
    verdicts = {outcome.name: outcome.verdict for outcome in one.outcomes}
    assert (verdicts["retrained without"], verdicts["retrained grafted"]) == ("passed", "failed")
    assert (asked["seeds"], asked["jobs"], asked["folder"]) == (3, 2, run.folder.path / "verify" / "margin")
    monkeypatch.setattr("kgzsl.api.verifying.train_afresh", lambda *arguments, **told: "for a reason")
    (other,) = api.verify(run, images=IMAGES, retrain=3)
    reasons = {outcome.reason for outcome in other.outcomes if outcome.name.startswith("retrained")}
    assert reasons == {"for a reason"}
    (run.folder.path / "verify.json").unlink()


@pytest.mark.slow
def test_trained_afresh(toys: Any, tmp_path: Path) -> None:
    """Each training reads its own ontology; complete ones are kept and not repeated."""
    run = api.fit(toys.config(train={"epochs": 2, "refit_epochs": 0}), tmp_path / "run")
    iri, other = toys.iri("green box"), toys.iri("yellow disc")
    color, size = (
        next(f for f in run.ontology.facts(iri, status="asserted") if f.predicate.endswith(name))
        for name in ("hasMainColor", "hasSize")
    )
    grounds = (Grounds(iri, (color,), (size,), other),)
    steps: list[tuple[str, int, int]] = []
    told = {"folder": tmp_path / "afresh", "seeds": 1, "jobs": 2}
    (found,) = retrain(run, grounds, **told, progress=lambda *step: steps.append(step))
    assert steps[0] == ("training afresh", 0, 5)
    assert steps[-1] == ("training afresh", 5, 5)
    for fall in (found.without, found.without_random, found.grafted, found.grafted_random):
        assert -1 <= fall <= 1
    steps.clear()
    assert retrain(run, grounds, **told, progress=lambda *step: steps.append(step)) == (found,)
    assert steps == [("training afresh", 5, 5)]
    given = replace(color, subject=other)
    for name, held, taken in (("full", True, False), ("without", False, False), ("grafted", False, True)):
        (folder,) = (tmp_path / "afresh").glob(f"{name}-????????")
        ontology = api.load_run(folder / "seed-0").ontology
        assert [ontology.find(fact) is not None for fact in (color, size, given)] == [held, True, taken]


# ---- the command ---------------------------------------------------------------------


def test_the_command(run: Any, kgzsl: Any, found: api.Verification) -> None:
    done = kgzsl("verify", run.folder.path, "--images", IMAGES)
    assert done.status == 0, done.err
    for outcome in found.outcomes:
        line = next(line for line in done.out.splitlines() if line.startswith(outcome.name))
        assert outcome.verdict in line
        assert (outcome.figure or outcome.reason) in line
        assert outcome.mark in line
    assert found.use in done.out
    assert "explaining (margin)" in done.err
    told = kgzsl("verify", run.folder.path, "--images", IMAGES, "--json", "--strict")
    (one,) = json.loads(told.out)["verifications"]
    assert one | {"seconds": 0} == found.to_dict() | {"seconds": 0}
    assert told.status == (1 if found.failed else 0)
    assert told.err == ""
    (run.folder.path / "verify.json").unlink()


def test_strict_is_a_status(run: Any, kgzsl: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(METHODS, "double", Doubled())
    command = ("verify", run.folder.path, "--images", 2, "--method", "double")
    assert kgzsl(*command).status == 0
    assert kgzsl(*command, "--strict").status == 1
    assert kgzsl("verify", run.folder.path / "none").status == 2
