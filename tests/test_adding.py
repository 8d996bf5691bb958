"""Classes that are added after training."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kgzsl import api
from kgzsl.errors import (
    ConfigError,
    MismatchError,
    NoFactsError,
    OntologyError,
    Problem,
    SplitError,
    UnknownTermError,
)
from kgzsl.semantics import class_attributes

NEW = "green box"
KINDS = """
:Teal a owl:Class ; rdfs:label "teal" .
:TealBox a owl:Class ; rdfs:label "teal box" ; rdfs:subClassOf :Box ,
    [ a owl:Restriction ; owl:onProperty :hasMainColor ; owl:someValuesFrom :Teal ] ,
    [ a owl:Restriction ; owl:onProperty :hasSize ; owl:someValuesFrom :Small ] .
"""


@pytest.fixture(scope="module")
def world(toys: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The toys without one class, which is nowhere: not in the ontology, the split or the images."""
    return toys.copy(tmp_path_factory.mktemp("fewer") / "world").forget(NEW).say(unseen=["yellow disc"])


@pytest.fixture(scope="module")
def run(world: Any, tmp_path_factory: pytest.TempPathFactory) -> api.Run:
    return api.fit(world.config(), tmp_path_factory.mktemp("runs") / "fewer")


@pytest.fixture
def own(run: api.Run, tmp_path: Path) -> Path:
    """The same run in a folder that may be changed."""
    return Path(shutil.copytree(run.folder.path, tmp_path / "run"))


@pytest.fixture
def extend(toys: Any, tmp_path: Path) -> Callable[..., Path]:
    """Write all toys, and more, into a file."""

    def write(more: str = "", *, old: str = "", new: str = "") -> Path:
        text = toys.ontology.read_text(encoding="utf-8")
        assert old in text
        file = tmp_path / "extended.ttl"
        file.write_text(text.replace(old, new) + more, encoding="utf-8")
        return file

    return write


def pictures(toys: Any) -> list[Path]:
    return sorted(toys.images.glob("*/*.png"))


def grown(run: api.Run, *files: Path, **options: Any) -> tuple[api.Run, list[Problem]]:
    told: list[Problem] = []
    return api.add_classes(run, *files, listener=api.Listener(notice=told.extend), **options), told


def test_an_added_class_is_described_as_if_it_had_been_there(toys: Any, run: api.Run, toy_run: Any) -> None:
    more, told = grown(run, toys.ontology)
    assert told == []
    assert more.added == (toys.iri(NEW),)
    assert more.space.classes == (*run.space.classes, toys.iri(NEW))
    there = toy_run.attributes.subset(more.space.classes)
    assert there.attributes == more.attributes.attributes
    np.testing.assert_array_equal(there.value, more.attributes.value)
    np.testing.assert_array_equal(there.known, more.attributes.known)


def test_scores_of_the_other_classes_keep_their_bits(toys: Any, run: api.Run) -> None:
    more, _ = grown(run, toys.ontology)
    files = pictures(toys)
    before, after = (api.predict(r, files, top=len(r.space)) for r in (run, more))
    for one, other in zip(before, after, strict=True):
        assert {iri: score for iri, _, score, _ in one.top}.items() <= {iri: s for iri, _, s, _ in other.top}.items()
        assert [iri for iri, *_ in one.top] == [iri for iri, *_ in other.top if iri not in more.added]
    image = np.asarray(api.load_dataset(run.config).images.array[0])
    scores = [dict(api.explain(r, image, name="x").top) for r in (run, more)]
    assert all(scores[1].get(iri, score) == score for iri, score in scores[0].items())


def test_an_added_class_can_be_predicted_and_explained(toys: Any, run: api.Run) -> None:
    more, _ = grown(run, toys.ontology)
    files = sorted((toys.images / "GreenBox").glob("*.png"))
    found = api.predict(more, files, top=len(more.space))
    assert all(any(iri == toys.iri(NEW) and unseen for iri, _, _, unseen in p.top) for p in found)
    rival = NEW if found[0].top[0][0] != toys.iri(NEW) else "red disc"
    explanation = api.explain(more, files[0], against=rival)
    total = sum(f.contribution for f in (*explanation.facts, *explanation.rival_facts)) + explanation.remainder
    assert total == pytest.approx(explanation.margin, abs=1e-9)


def test_what_no_image_can_show_is_said(run: api.Run, extend: Callable[..., Path]) -> None:
    taste = (
        ':hasTaste a owl:ObjectProperty ; rdfs:label "has taste" . :GreenBox rdfs:subClassOf '
        "[ a owl:Restriction ; owl:onProperty :hasTaste ; owl:someValuesFrom :Sweet ] ."
    )
    more, told = grown(run, extend(KINDS + taste))
    assert [more.ontology.label(iri) for iri in more.added] == ["green box", "teal box"]
    assert [p.got for p in told] == [
        "green box: the run knows no class by 'has taste'; it is not used",
        "teal box: no class of the run has main color teal; it is not used",
    ]


def test_a_class_that_cannot_be_told_from_another(run: api.Run, extend: Callable[..., Path]) -> None:
    twin = KINDS.replace(":Teal ", ":Green ").replace("TealBox", "Twin").replace("teal box", "twin")
    _, told = grown(run, extend(twin.replace(':Green a owl:Class ; rdfs:label "teal" .', "")))
    assert [p.got for p in told] == [
        "twin cannot be told from green box: both are the same in all that the model recognizes"
    ]


def test_what_cannot_be_added(toys: Any, run: api.Run, extend: Callable[..., Path], tmp_path: Path, world: Any) -> None:
    red = ':RedDisc a owl:Class ; rdfs:label "red disc" ; rdfs:subClassOf :Disc ,\n    [ a owl:Restriction ; '
    color = "owl:onProperty :hasMainColor ; owl:someValuesFrom"
    changed = extend(old=f"{red}{color} :Red", new=f"{red}{color} :Blue")
    with pytest.raises(MismatchError, match="something else of red disc: has main color blue, has main color red") as e:
        grown(run, changed)
    assert "add facts of new classes alone" in str(e.value)
    part = tmp_path / "part.ttl"
    part.write_text(toys.ontology.read_text().split(":RedDisc")[0] + KINDS)
    with pytest.raises(MismatchError, match="lacks red disc") as lacking:
        grown(run, part)
    assert len(lacking.value.problems) == len(run.space)
    with pytest.raises(SplitError, match="no leaf class that the run's ontology does not have"):
        grown(run, world.ontology)
    with pytest.raises(SplitError, match="red disc is a class of the run already"):
        grown(run, toys.ontology, classes=["red disc"])
    with pytest.raises(UnknownTermError, match="did you mean green box"):
        grown(run, toys.ontology, classes=["gren box"])
    with pytest.raises(NoFactsError, match=r"blob \(.*\) has no fact about an attribute of the run"):
        grown(run, extend(':Blob a owl:Class ; rdfs:label "blob" .'))


def test_models_that_know_classes_by_what_is_said_and_by_name(toys: Any, world: Any, tmp_path: Path) -> None:
    told = api.fit(world.config(model={"kind": "eszsl"}), tmp_path / "eszsl")
    assert grown(told, toys.ontology)[0].added == (toys.iri(NEW),)
    named = api.fit(world.config(model={"kind": "gcnz"}), tmp_path / "gcnz")
    with pytest.raises(ConfigError, match="kind gcnz, which knows the classes that it was trained with"):
        grown(named, toys.ontology)


def test_the_commands(toys: Any, own: Path, kgzsl: Any, extend: Callable[..., Path]) -> None:
    picture = pictures(toys)[0]
    before = json.loads(kgzsl("predict", own, picture, "--top", 9, "--json").out)[0]["top"]
    once = kgzsl("predict", own, picture, "--top", 9, "--extended", toys.ontology, "--json")
    assert [row["label"] for row in json.loads(once.out)[0]["top"] if row not in before] == [NEW]
    file = extend(KINDS)
    done = kgzsl("classes", "add", own, "--ontology", file, "--class", NEW, "--class", "teal box")
    assert done.status == 0, done.err
    assert "no class of the run has main color teal" in done.err
    assert "2 classes added to 7" in done.out
    after = json.loads(kgzsl("predict", own, picture, "--top", 9, "--json").out)[0]["top"]
    assert {row["label"] for row in after if row not in before} == {NEW, "teal box"}
    assert [row for row in after if row in before] == before
    assert "added" in kgzsl("predict", own, picture, "--top", 9).out
    assert [row["label"] for row in json.loads(kgzsl("classes", "list", own, "--json").out)] == [NEW, "teal box"]
    assert kgzsl("evaluate", own, "--json").status == 0
    predicted = after[0]["label"]
    against = "teal box" if predicted != "teal box" else NEW
    assert against in kgzsl("explain", own, picture, "--against", against).out
    file.write_text(file.read_text().replace("someValuesFrom :Teal ]", "someValuesFrom :Green ]"))
    changed = kgzsl("predict", own, picture)
    assert changed.status == 2
    assert "has changed since" in changed.err
    file.unlink()
    assert "is gone" in kgzsl("predict", own, picture).err
    assert kgzsl("classes", "drop", own).out.strip() == "the run is as it was trained"
    assert json.loads(kgzsl("predict", own, picture, "--top", 9, "--json").out)[0]["top"] == before
    assert "no classes were added" in kgzsl("classes", "drop", own).out


def test_a_number_ranks_among_those_of_the_run(world: Any, tmp_path: Path) -> None:
    small = [f":{name} :weighs {n} .\n" for n, name in enumerate(("RedDisc", "BlueDisc", "RedBox", "BlueBox"))]
    weighs = ":weighs a owl:DatatypeProperty .\n" + "".join(small)
    copy = world.copy(tmp_path / "numbers")
    text = copy.ontology.read_text(encoding="utf-8")
    copy.ontology.write_text(text + weighs, encoding="utf-8")
    run = api.fit(copy.config(semantics={"numbers": True}), tmp_path / "run")
    (number,) = (a for a in run.attributes.attributes if a.unit is not None)
    extended = tmp_path / "extended.ttl"
    extended.write_text(text + weighs + KINDS + ":TealBox :weighs 1.5 .\n", encoding="utf-8")
    more, _ = grown(run, extended)
    column = more.attributes.attributes.index(number)
    old = len(run.space)
    np.testing.assert_array_equal(more.attributes.value[:old], run.attributes.value)
    assert more.attributes.value[old, column] == 0.5
    plain = class_attributes(more.ontology, run.space.classes, numbers=True, columns=run.attributes.attributes)
    assert (plain.value[:, column] != run.attributes.value[:, column]).any()


def test_an_ontology_that_is_not_there(own: Path, kgzsl: Any) -> None:
    done = kgzsl("classes", "add", own, "--ontology", "nowhere.ttl")
    assert done.status == 2
    assert "nowhere.ttl" in done.err
    with pytest.raises(OntologyError):
        api.add_classes(api.load_run(own), "nowhere.ttl")
