"""Facts taken away and added: by ablation, by counterfactuals and by hand, against entailing all of it anew."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kgzsl import api
from kgzsl.api.whatif import edit_of
from kgzsl.api.worlds import RunWorlds
from kgzsl.errors import ConfigError, UnknownTermError
from kgzsl.explain.ablation import AblationMethod
from kgzsl.explain.counterfactual import Search, counterfactual
from kgzsl.explain.question import Question
from kgzsl.ontology import Edit, Fact, parse_ontology
from kgzsl.semantics import class_attributes

TOY = "http://toys.example/#"


@pytest.fixture
def picture(toys: Any) -> Path:
    return Path(toys.images / "red disc" / "0.png")


@pytest.fixture
def question(toy_run: Any, picture: Path) -> Question:
    return api.ask(toy_run, picture)


def one_at_a_time(run: Any, edits: list[Edit], classes: tuple[str, ...]) -> np.ndarray:
    """The whole ontology entailed again for each edit."""

    class Slow(RunWorlds):
        _copied = False  # type: ignore[assignment]

    return Slow(run).vectors(edits, classes)


def test_vectors_of_the_ontology_as_it_is_are_those_of_the_run(toy_run: Any, question: Question) -> None:
    found = RunWorlds(toy_run).vectors([Edit()], toy_run.space.classes)[0]
    np.testing.assert_array_equal(found, question.vectors)
    scores = RunWorlds(toy_run).scores(question.evidence[None], [Edit()], question.classes)[0, 0]
    np.testing.assert_allclose(scores[0] - scores[1] + question.offset, question.margin, atol=1e-9)


def test_many_edits_at_once_are_as_one_at_a_time(toy_run: Any, question: Question) -> None:
    worlds = RunWorlds(toy_run)
    basis = worlds.basis(question.classes)
    assert len(basis) >= 6
    edits = [Edit(remove=(fact,)) for fact in basis] + [Edit(remove=basis[:2])]
    edits.append(Edit(basis[:1], (Fact(question.classes[1], TOY + "hasMainColor", TOY + "Red"),)))
    found, expected = worlds.vectors(edits, question.classes), one_at_a_time(toy_run, edits, question.classes)
    np.testing.assert_allclose(found, expected, atol=1e-7)
    assert len({vectors.tobytes() for vectors in found}) > 4


def test_a_run_with_strengths_reads_what_an_edit_changes_and_no_more(toy_run: Any, question: Question) -> None:
    """What a removed fact said is no longer believed, whatever strength there was; all other strengths stay."""
    table = toy_run.attributes
    strength = np.where(table.value > 0.5, 0.8, 0.1).astype(np.float32)
    run = replace(toy_run, attributes=replace(table, strength=strength, known=np.ones_like(table.known)))
    iri = question.classes[0]
    row = table.classes.index(iri)
    fact = toy_run.ontology.facts(iri, TOY + "hasSize", status="asserted")[0]
    worlds = RunWorlds(run)
    before, after = (worlds.vectors([edit], [iri])[0, 0] for edit in (Edit(), Edit(remove=(fact,))))
    changed = [a.property for a, x, y in zip(table.attributes, before, after, strict=True) if x != y]
    assert set(changed) == {TOY + "hasSize"}
    column = next(k for k, a in enumerate(table.attributes) if (a.property, a.filler) == (fact.predicate, fact.object))
    assert table.value[row, column] == 1
    assert before[column] != 0
    assert after[column] == 0


def test_ablation_is_what_the_margin_loses(toy_run: Any, question: Question) -> None:
    told = AblationMethod().explain(question)
    assert told.method == "ablation"
    assert not told.additive
    assert told.margin == question.margin
    for one in told.every:
        assert one.fact.status == "asserted"
        vectors = one_at_a_time(toy_run, [Edit(remove=(one.fact,))], question.classes)[0]
        margin = float((vectors[0] - vectors[1]) @ question.evidence) + question.offset
        assert question.margin - margin == pytest.approx(one.contribution, abs=1e-6)
    assert [f.contribution for f in told.every] == sorted((f.contribution for f in told.every), reverse=True)
    kinds = {group.kind for group in told.groups}
    assert {"property", "ancestor", "entailed"} >= kinds >= {"property"}
    for group in told.groups:
        vectors = one_at_a_time(toy_run, [Edit(remove=group.facts)], question.classes)[0]
        margin = float((vectors[0] - vectors[1]) @ question.evidence) + question.offset
        assert question.margin - margin == pytest.approx(group.contribution, abs=1e-6)


class Linear:
    """A world whose class vectors are the attribute values, known ones less a half."""

    def __init__(self, ontology: Any, table: Any) -> None:
        self.own, self.table = ontology, table

    def basis(self, classes: Any) -> tuple[Fact, ...]:
        return tuple(self.own.facts(status="asserted"))

    def ontology(self, edit: Edit) -> Any:
        from kgzsl.ontology import edited

        return edited(self.own, edit)

    def vectors(self, edits: Any, classes: Any) -> np.ndarray:
        tables = [
            class_attributes(self.ontology(edit), classes, columns=self.table.attributes, world="open")
            for edit in edits
        ]
        return np.stack([np.where(t.known, t.value - 0.5, 0.0) for t in tables])

    def scores(self, evidence: np.ndarray, edits: Any, classes: Any) -> np.ndarray:
        return np.einsum("ea,kca->ekc", evidence, self.vectors(edits, classes))


def asked(text: str, evidence: dict[str, float]) -> Question:
    ontology = parse_ontology(
        "@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> . @prefix rdfs: "
        "<http://www.w3.org/2000/01/rdf-schema#> . :has a owl:ObjectProperty . "
        f":A a owl:Class . :B a owl:Class . {text}"
    ).entail()
    table = class_attributes(ontology, ["http://e/#A", "http://e/#B"], world="open")
    worlds = Linear(ontology, table)
    vectors = worlds.vectors([Edit()], table.classes)[0]
    shown = np.array([evidence.get(a.filler[-1], 0.0) for a in table.attributes])
    return Question(
        image="it",
        evidence=shown,
        shares=np.ones((len(shown), 4)) * shown[:, None] / 4,
        vectors=vectors,
        offsets=np.zeros(2),
        explained=0,
        rival=1,
        attributes=table,
        ontology=ontology,
        worlds=worlds,
        verbalize=lambda fact: f"has {fact.object[-1]}",
        gates=np.ones(len(shown)),
    )


def test_a_loss_that_another_derivation_makes_up_for_shows_both() -> None:
    told = AblationMethod().explain(
        asked(
            ":A rdfs:subClassOf :One , :Two . :One a owl:Class ; :has :f . :Two a owl:Class ; :has :f . :B :has :g .",
            {"f": 2.0, "g": -1.0},
        )
    )
    found = {(one.fact.subject[-3:], one.fact.object[-1]): one for one in told.every if one.fact.object.endswith("f")}
    made_up = [one for one in found.values() if one.other is not None]
    assert len(made_up) == 1
    (one,) = made_up
    assert one.contribution == 0
    ways = [{fact.subject[-3:] for fact in proof.asserted()} & {"One", "Two"} for proof in (one.proof, one.other)]
    assert ways[0] != ways[1]
    assert ways[0] | ways[1] == {"One", "Two"}
    together = {group.iri[-3:]: group.contribution for group in told.groups if group.kind == "property"}
    assert together["has"] == pytest.approx(told.margin)


def test_the_smallest_change_that_turns_it() -> None:
    """f alone is not enough, f and g are; h, which weighs nothing, is never taken."""
    question = asked(":A :has :f , :g , :h . :B :has :k .", {"f": 3.0, "g": 2.0, "h": 0.5, "k": 3.0})
    assert question.margin == pytest.approx(0.5 * (3 + 2 + 0.5 - 3))
    found = counterfactual(question)
    assert found is not None
    assert (len(found.remove), len(found.add), found.smallest) == (1, 0, True)
    assert found.remove[0].object == "http://e/#f"
    assert found.margin == pytest.approx(0.5 * (2 + 0.5 - 3))
    assert found.verbalizations == ("A has f",) or found.verbalizations == ("a has f",)
    far = asked(":A :has :f , :g , :h .  :B :has :k .", {"f": 3.0, "g": 3.0, "h": 0.5, "k": 0.2})
    both = counterfactual(far, Search(added=0))
    assert both is not None
    assert [len(both.remove), both.smallest] == [3, True]
    assert both.margin < 0 < far.margin


def test_an_addition_may_be_what_turns_it() -> None:
    question = asked(":A :has :f . :B :has :g . :C a owl:Class ; :has :k .", {"f": 2.0, "g": 1.0, "k": 4.0})
    found = counterfactual(question)
    assert found is not None
    assert (found.remove, [fact.object[-1] for fact in found.add]) == ((), ["k"])
    assert found.margin == pytest.approx(0.5 * (2 - 1 - 4))


def test_nothing_turns_what_rests_on_no_fact() -> None:
    question = asked(":A :has :f . :B :has :g .", {"f": 1.0, "g": 0.5})
    assert counterfactual(replace(question, offsets=np.array([0.0, 50.0]))) is None


def test_what_if_is_what_ablation_says(toy_run: Any, picture: Path) -> None:
    told = api.explain(toy_run, picture, method="ablation", turning=True)
    first = told.every[0]
    label = toy_run.ontology.label
    negative = "not " if first.fact.polarity == "negative" else ""
    one, property, filler = (f'"{label(term)}"' for term in first.fact.key[:3])
    statement = f"{one} {negative}{property} {filler}"
    if first.fact.predicate.endswith("subClassOf"):
        statement = f'{one} {negative}"is a" {filler}'
    found = api.what_if(toy_run, picture, remove=[statement])
    assert found.before.margin == pytest.approx(told.margin)
    assert found.before.margin - found.after.margin == pytest.approx(first.contribution, abs=1e-6)
    assert found.before.ranks == (1, 2)
    assert any(one for one in found.lost)
    if told.counterfactual is not None:
        edit = Edit(told.counterfactual.remove, told.counterfactual.add)
        vectors = one_at_a_time(toy_run, [edit], (told.predicted, told.rival))[0]
        seen = api.ask(toy_run, picture)
        assert float((vectors[0] - vectors[1]) @ seen.evidence) + seen.offset < 0


def wrong() -> Iterator[tuple[dict[str, list[str]], type[Exception], str]]:
    yield {}, ConfigError, "nothing to change"
    yield {"remove": ["red disc has shape round"]}, ConfigError, "is entailed and cannot be removed"
    yield {"remove": ["red disc has shape round"]}, ConfigError, "disc shaped toy has shape round"
    yield {"remove": ["red disc has size small"]}, ConfigError, "is no fact of the ontology"
    yield {"remove": ['"red dsc" hasSize Large']}, ConfigError, "did you mean red disc"
    yield {"add": ["red disc has size large"]}, ConfigError, "asserted already"
    yield {"remove": ["red disc"]}, ConfigError, "is no statement"


@pytest.mark.parametrize(("changes", "kind", "message"), wrong())
def test_what_cannot_be_changed(toy_run: Any, changes: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises((kind, UnknownTermError), match=message):
        edit_of(toy_run.ontology, **changes)


def test_all_that_is_wrong_with_statements_is_said_at_once(toy_run: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        edit_of(toy_run.ontology, remove=["red disc"], add=["blu box hasSize Large"])
    assert len(caught.value.problems) >= 2


def test_the_command(toy_run: Any, picture: Path, kgzsl: Any, tmp_path: Path) -> None:
    folder = shutil.copytree(toy_run.folder.path, tmp_path / "run")
    options = ("--remove", "red disc has main color red", "--add", "red disc has main color blue")
    done = kgzsl("whatif", folder, picture, *options, "--against", "blue disc")
    if "is the predicted class itself" in done.err:
        done = kgzsl("whatif", folder, picture, *options, "--against", "red box")
    assert done.status == 0, done.err
    for words in (
        "does not hold any more: red disc has red as its main color",
        "1 class of the run is",
        "as it is",
        "edited",
    ):
        assert words in done.out
    again = kgzsl("whatif", folder, picture, *options, "--retrain", "--json")
    assert again.status == 0, again.err
    content = json.loads(again.out)
    assert content["retrained"]["margin"] != content["after"]["margin"]
    assert Path(content["folder"]).is_dir()
    assert kgzsl("whatif", folder, picture, "--remove", "red disc has shape round").status == 2
