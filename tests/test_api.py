"""From files to a run and back: what is refused, by which error, and what a run is still good for when files move."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from kgzsl import api, errors
from kgzsl.ontology.asserted import Asserted


def noise_for(*names: str) -> Callable[[Any], None]:
    def spoil(world: Any) -> None:
        for name in names:
            (world.images / name).write_text("no picture")

    return spoil


def with_validation(*names: str) -> Callable[[Any], None]:
    return lambda world: world.say(unseen=["green box", "yellow disc"], validation=list(names))


SEEN = ("red disc", "red box", "green disc", "blue disc", "blue box", "yellow box")
SPOILS: dict[str, tuple[Callable[[Any], Any], type[errors.KgzslError], tuple[str, ...]]] = {
    "missing ontology": (lambda w: w.ontology.unlink(), errors.FormatError, ("no such file",)),
    "empty ontology": (lambda w: w.ontology.write_text("\n"), errors.FormatError, ("the file is empty",)),
    "wrong format": (lambda w: w.ontology.write_bytes(b"PK\x03\x04 zip"), errors.FormatError, ("a ZIP archive",)),
    "malformed Turtle": (lambda w: w.edit(":Toy a", ":Toy : a"), errors.ParseError, ("toys.ttl:9",)),
    "no classes": (lambda w: w.ontology.write_text("<a:x> <a:y> <a:z> ."), errors.NoClassesError, ("no class",)),
    "unknown classes": (
        lambda w: w.say(unseen=["gren box", "yelow disc"]),
        errors.SplitError,
        ("did you mean green box", "did you mean yellow disc"),
    ),
    "an attribute in the split": (
        lambda w: w.say(unseen=["Round"]),
        errors.UnknownTermError,
        ("Round is not a class",),
    ),
    "overlap": (
        lambda w: w.say(seen=[*SEEN, "green box"], unseen=["green box", "red box"]),
        errors.SplitError,
        ("RedBox both seen and unseen",),
    ),
    "all seen classes for validation": (with_validation(*SEEN), errors.SplitError, ("none is left for training",)),
    "too few seen classes": (
        lambda w: w.say(seen=["red disc", "red box"], unseen=["green box"]),
        errors.SplitError,
        ("2 seen classes",),
    ),
    "no images": (lambda w: shutil.rmtree(w.images), errors.DataError, ("no such folder of images",)),
    "a folder of no class": (
        lambda w: (w.images / "BlueBox").rename(w.images / "BlueBx"),
        errors.DataError,
        ("did you mean blue box",),
    ),
    "a seen class without images": (
        lambda w: w.say(seen=[*SEEN, "toy"], unseen=["green box"]),
        errors.DataError,
        ("Toy has no image",),
    ),
    "files that are no images": (
        noise_for("red box/0.png", "GreenBox/1.png"),
        errors.ImageError,
        ("red box/0.png", "GreenBox/1.png"),
    ),
    "classes without a fact": (
        lambda w: (
            w.ontology.write_text(w.ontology.read_text() + ":Fog a owl:Class . :Mist a owl:Class ."),
            w.say(unseen=["Fog", "Mist", "green box"]),
        ),
        errors.NoFactsError,
        ("fog (http://toys.example/#Fog) has no fact", "mist (http://toys.example/#Mist)"),
    ),
}


@pytest.mark.parametrize("name", SPOILS)
def test_bad_input_is_refused_before_anything_is_written(toys: Any, tmp_path: Path, name: str) -> None:
    spoil, kind, messages = SPOILS[name]
    world = toys.copy(tmp_path / "world")
    spoil(world)
    with pytest.raises(kind) as caught:
        api.fit(world.config(), tmp_path / "out" / "run")
    assert caught.type is kind
    assert caught.value.exit_status == 2
    for message in messages:
        assert message in str(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("section", [{"model": {"text_encoder": "none/such"}}, {"data": {"backbone": "none/such"}}])
def test_a_missing_encoder_is_refused_before_anything_is_written(toys: Any, tmp_path: Path, section: Any) -> None:
    if "model" in section:
        section["model"]["text_encoder"] = str(tmp_path / "none")
    else:
        section["data"]["backbone"] = str(tmp_path / "none")
    with pytest.raises(errors.ConfigError, match="none"):
        api.fit(toys.config(**section), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_nothing_to_read() -> None:
    from kgzsl.train.run import RunConfig, parse_config

    with pytest.raises(errors.ConfigError, match="no ontology"):
        api.load_dataset(RunConfig())
    with pytest.raises(errors.ConfigError) as caught:
        api.load_dataset(parse_config({"ontology": {"files": [str(api.creatures_ontology())]}}))
    assert [p.got for p in caught.value.problems] == ["no data.images", "no data.split"]


def test_one_training_image_a_class_is_too_few(toys: Any, tmp_path: Path) -> None:
    world = toys.copy(tmp_path / "world")
    for folder in world.images.iterdir():
        for file in sorted(folder.iterdir())[1:]:
            file.unlink()
    with pytest.raises(errors.DataError, match="images"):
        api.fit(world.config(), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.fixture
def copied(toy_run: Any, tmp_path: Path) -> Path:
    return shutil.copytree(toy_run.folder.path, tmp_path / "run")


def weights(path: Path) -> dict[str, torch.Tensor]:
    return load_file(path)


def test_a_loaded_run_is_the_trained_one(toy_run: Any, toys: Any, copied: Path) -> None:
    run = api.load_run(copied)
    pictures = sorted(toys.images.rglob("*.png"))[::5]
    assert api.predict(run, pictures) == api.predict(toy_run, pictures)
    assert (run.gamma, run.split, run.space.classes) == (toy_run.gamma, toy_run.split, toy_run.space.classes)


@pytest.mark.parametrize(
    "missing", ["config.toml", "split.json", "tokenizer.json", "checkpoint.safetensors", "run.json"]
)
def test_a_run_folder_with_a_file_missing(copied: Path, missing: str) -> None:
    (copied / missing).unlink()
    with pytest.raises(errors.InputError, match=missing.replace("run.json", "no run here")):
        api.load_run(copied)


def test_weights_of_another_run_are_refused(toys: Any, copied: Path, tmp_path: Path) -> None:
    world = toys.copy(tmp_path / "world").say(unseen=["red box", "blue disc"])
    other = api.fit(world.config(train={"epochs": 1, "refit_epochs": 0}), tmp_path / "other")
    shutil.copy(other.folder.checkpoint, copied / "checkpoint.safetensors")
    with pytest.raises(errors.CheckpointError, match="another run"):
        api.load_run(copied)


EDITS = {
    "a name": (
        ('rdfs:label "blue disc"', 'rdfs:label "azure disc"'),
        ("not the ontology that the run was trained on: 1 name has changed (blue disc is now azure disc); expected",),
    ),
    "a fact": (
        (":hasSize ; owl:someValuesFrom :Large", ":hasSize ; owl:someValuesFrom :Small"),
        (
            ": 2 facts are gone (blue box has size large; red disc has size large), "
            "2 facts are new (blue box has size small; red disc has size small); expected",
            "not the attributes that",
        ),
    ),
    "all of a size": (
        (" ,\n    [ a owl:Restriction ; owl:onProperty :hasSize ; owl:someValuesFrom :Small ]", ""),
        ("6 facts are gone (blue disc has size small; green box has size small; green disc has", "; and 3 more)"),
    ),
    "a class": (
        (":BlueDisc a owl:Class", ":AzureDisc a owl:Class"),
        ("lacks classes", "blue disc is a kind of", "1 class is gone (blue disc), 1 class is new (blue disc)"),
    ),
    "an axiom": (
        (":Toy a owl:Class", ":hasColor a owl:TransitiveProperty . :Toy a owl:Class"),
        ("trained on: 1 axiom is new (has color property chain axiom <http://toys.example/#hasColor> o <",),
    ),
}


@pytest.mark.parametrize("edit", EDITS)
def test_of_an_edited_ontology_it_is_said_what_has_changed(toys: Any, toy_run: Any, tmp_path: Path, edit: str) -> None:
    (old, new), told = EDITS[edit]
    world = toys.copy(tmp_path / "world").edit(old, new)
    with pytest.raises(errors.MismatchError) as caught:
        api.load_run(toy_run.folder.path, ontology=world.ontology)
    for message in told:
        assert message in str(caught.value)


@pytest.mark.parametrize("kept", ["none", "damaged", "of another run"])
def test_without_what_the_ontology_asserted_a_run_loads_and_refuses_another(
    toys: Any, toy_run: Any, copied: Path, tmp_path: Path, kept: str
) -> None:
    file = copied / "asserted.jsonl.gz"
    if kept == "none":
        file.unlink()
    else:
        other = Asserted(classes=("ex:zebra",)).to_bytes()
        file.write_bytes(file.read_bytes()[:40] if kept == "damaged" else other)
    assert api.load_run(copied).gamma == toy_run.gamma
    world = toys.copy(tmp_path / "world").edit('rdfs:label "blue disc"', 'rdfs:label "azure disc"')
    with pytest.raises(errors.MismatchError, match="not the ontology that the run was trained on; expected sha256"):
        api.load_run(copied, ontology=world.ontology)


def test_a_run_finds_its_moved_ontology(toys: Any, tmp_path: Path) -> None:
    world = toys.copy(tmp_path / "world")
    run = api.fit(world.config(train={"epochs": 1, "refit_epochs": 0}), tmp_path / "run")
    expected = api.evaluate(run)
    moved = world.ontology.rename(tmp_path / "moved.ttl")
    with pytest.raises(errors.FormatError, match="no such file"):
        api.load_run(tmp_path / "run")
    assert api.evaluate(api.load_run(tmp_path / "run", ontology=moved)) == expected


def test_images_of_other_classes_than_the_run_was_trained_on(toys: Any, tmp_path: Path) -> None:
    """The split leaves out what is seen, so a new folder would silently make another class seen."""
    world = toys.copy(tmp_path / "world")
    hidden = (world.images / "BlueBox").rename(tmp_path / "BlueBox")
    run = api.fit(world.config(train={"epochs": 1, "refit_epochs": 0}), tmp_path / "run")
    hidden.rename(world.images / "BlueBox")
    for measure in (lambda: api.evaluate(run), lambda: api.baseline(run, "pixel ridge")):
        with pytest.raises(errors.MismatchError, match="split"):
            measure()
    assert not (tmp_path / "run" / "report.json").exists()


def test_nothing_to_measure_is_an_error_of_the_data(toys: Any, tmp_path: Path) -> None:
    world = toys.copy(tmp_path / "world")
    run = api.fit(world.config(train={"epochs": 1, "refit_epochs": 0}), tmp_path / "run")
    for folder in world.images.iterdir():
        for file in sorted(folder.iterdir())[4:]:
            file.unlink()
    for name in ("GreenBox", "YellowDisc"):
        shutil.rmtree(world.images / name)
    with pytest.raises(errors.DataError, match="no image"):
        api.evaluate(run)


def test_relative_paths_hold(toys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = toys.copy(tmp_path / "world")
    config = toys.config(train={"epochs": 1, "refit_epochs": 0})
    inside = tmp_path / "inside"
    inside.mkdir()
    monkeypatch.chdir(inside)
    config = replace(
        config,
        ontology=replace(config.ontology, files=("../world/toys.ttl",)),
        data=replace(config.data, images="../world/images", split="../world/split.json"),
    )
    run = api.fit(config, "runs/one")
    assert api.evaluate(run).dataset
    assert world.ontology.exists()


def test_a_report_is_written_as_it_is_returned(toys: Any, copied: Path) -> None:
    from kgzsl.evaluate import ZeroShotReport

    report = api.evaluate(api.load_run(copied))
    assert ZeroShotReport.from_dict(json.loads((copied / "report.json").read_text())) == report
    assert set(report.per_class) == set(toys.classes)
    assert min(report.U, report.S) <= report.H <= max(report.U, report.S)
    assert report.best_H >= report.H
    assert report.backbone == "pixels"


def test_predictions(toys: Any, toy_run: Any) -> None:
    pictures = [toys.images / "GreenBox" / "0.png", toys.images / "red disc" / "1.png"]
    every = api.predict(toy_run, pictures, top=99)
    assert [p.image for p in every] == [str(p) for p in pictures]
    assert [len(p.top) for p in every] == [8, 8]
    assert {row[0] for row in every[0].top} == set(toy_run.space.classes)
    assert {row[1] for row in every[0].top if row[3]} == {"green box", "yellow disc"}
    assert [row[2] for row in every[0].top] == sorted((row[2] for row in every[0].top), reverse=True)
    (alone,) = api.predict(toy_run, pictures[1:], top=2)
    assert [row[2] for row in alone.top] == pytest.approx([row[2] for row in every[1].top[:2]], abs=1e-5)
    assert api.predict(toy_run, []) == []
    with pytest.raises(errors.ImageError) as caught:
        api.predict(toy_run, [Path("a.png"), pictures[0], Path("b.png")])
    assert len(caught.value.problems) == 2


def test_calibration_is_taken_off_seen_classes_alone(toys: Any, toy_run: Any) -> None:
    picture = toys.images / "BlueBox" / "3.png"
    plain = api.predict(replace(toy_run, gamma=0.0), [picture], top=8)[0].top
    shifted = api.predict(replace(toy_run, gamma=0.25), [picture], top=8)[0].top
    before, after = ({row[0]: row[2] for row in top} for top in (plain, shifted))
    for iri, _, _, unseen in plain:
        assert before[iri] - after[iri] == pytest.approx(0.0 if unseen else 0.25, abs=1e-6)


def test_a_shuffled_run_is_explained_from_its_own_classes(toys: Any, tmp_path: Path) -> None:
    run = api.fit(toys.config(semantics={"shuffle": True}, train={"epochs": 1, "refit_epochs": 0}), tmp_path / "run")
    explanation = api.explain(run, toys.images / "BlueBox" / "3.png")
    assert abs(explanation.completeness_gap) < 1e-9


@pytest.mark.parametrize("world_kind", ["open", "closed"])
def test_explanations_add_up_under_every_world(toys: Any, tmp_path: Path, world_kind: str) -> None:
    config = toys.config(semantics={"world": world_kind}, train={"epochs": 1, "refit_epochs": 0})
    run = api.fit(config, tmp_path / "run")
    for picture in sorted(toys.images.rglob("0.png")):
        for rival in toys.classes:
            try:
                explanation = api.explain(run, picture, against=rival)
            except errors.SplitError:
                continue
            assert abs(explanation.completeness_gap) < 1e-9
            scores = {row[0]: row[2] for row in api.predict(run, [picture], top=8)[0].top}
            expected = scores[explanation.predicted] - scores[explanation.rival]
            assert explanation.margin == pytest.approx(expected, abs=1e-4)


def test_a_run_on_a_frozen_backbone_never_sees_test_features(
    toys: Any, vit: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, poison: Callable[[], None]
) -> None:
    monkeypatch.setenv("KGZSL_CACHE", str(tmp_path / "cache"))
    config = toys.config(data={"backbone": str(vit)})
    run = api.fit(config, tmp_path / "honest")
    assert (run.facts["backbone"], run.facts["channels"], run.facts["patches"]) == ("tiny-vit", 16, 9)
    picture = toys.images / "GreenBox" / "0.png"
    assert len(api.predict(run, [picture])[0].top) == 5
    assert abs(api.explain(run, picture).completeness_gap) < 1e-9
    assert api.evaluate(run).backbone == "tiny-vit"
    poison()
    other = api.fit(config, tmp_path / "poisoned")
    one, two = weights(run.folder.checkpoint), weights(other.folder.checkpoint)
    assert [k for k in one if not torch.equal(one[k], two[k])] == []
    assert other.gamma == run.gamma
    assert all(t.isfinite().all() for t in two.values())


def test_a_run_on_a_pretrained_text_encoder(toys: Any, tmp_path: Path) -> None:
    from transformers import BertConfig, BertModel

    from kgzsl.model.text_encoder import build_tokenizer

    tokenizer = build_tokenizer(["has color : red green blue yellow | shape : round square | size : large small"])
    shape = {"hidden_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    BertModel(BertConfig(vocab_size=len(tokenizer), **shape)).save_pretrained(tmp_path / "bert")
    tokenizer.save_pretrained(tmp_path / "bert")
    config = toys.config(model={"text_encoder": str(tmp_path / "bert")}, train={"epochs": 1, "refit_epochs": 0})
    run = api.fit(config, tmp_path / "run")
    assert run.model.text_encoder.transformer.config.hidden_size == 24
    picture = toys.images / "GreenBox" / "0.png"
    assert api.predict(api.load_run(tmp_path / "run"), [picture]) == api.predict(run, [picture])


@pytest.mark.parametrize(("size", "stages"), [(20, [8, 16]), (48, [8, 16, 16])])
def test_sizes_that_are_no_multiple_and_other_stages(toys: Any, tmp_path: Path, size: int, stages: list[int]) -> None:
    sections = {"data": {"size": size}, "model": {"stages": stages, "depths": [1] * len(stages)}}
    run = api.fit(toys.config(**sections, train={"epochs": 1, "refit_epochs": 0}), tmp_path / "run")
    assert len(api.predict(run, [toys.images / "GreenBox" / "0.png"])) == 1


def test_pictures_of_any_size_are_read(toys: Any, toy_run: Any, tmp_path: Path) -> None:
    Image.open(toys.images / "red disc" / "0.png").resize((96, 64)).convert("L").save(tmp_path / "gray.webp")
    assert len(api.predict(toy_run, [tmp_path / "gray.webp"])[0].top) == 5


def test_a_turned_photograph_is_predicted_explained_and_shown_upright(toys: Any, toy_run: Any, tmp_path: Path) -> None:
    upright = Image.open(toys.images / "red disc" / "0.png").resize((96, 64))
    upright.save(tmp_path / "upright.png")
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.png", exif=exif)
    one, other = (tmp_path / f"{name}.png" for name in ("upright", "turned"))
    assert [p.top for p in api.predict(toy_run, [one])] == [p.top for p in api.predict(toy_run, [other])]
    explained, again = (api.explain(toy_run, file, name="image") for file in (one, other))
    assert explained.margin == again.margin
    shown = api.as_seen(toy_run.config, other)
    assert shown.size == (64, 64)  # what the model saw of it
    assert shown.tobytes() == upright.crop((16, 0, 80, 64)).tobytes()


def test_a_run_on_numbers(toys: Any, toy_run: Any, tmp_path: Path) -> None:
    world = toys.copy(tmp_path / "world")
    names = [toys.iri(label).rpartition("#")[2] for label in toys.classes]
    facts = (
        f':{name} :hasWidth "{14 if name in ("RedDisc", "BlueBox") else 8 + k / 10} mm" .'
        for k, name in enumerate(names)
    )
    world.ontology.write_text(world.ontology.read_text() + ":hasWidth a owl:DatatypeProperty .\n" + "\n".join(facts))
    plain = api.load_dataset(world.config())
    assert plain.attributes.digest == toy_run.attributes.digest
    run = api.fit(world.config(semantics={"numbers": True}), tmp_path / "run")
    (width,) = set(run.attributes.attributes) - set(toy_run.attributes.attributes)
    assert (width.property, width.unit) == ("http://toys.example/#hasWidth", "m")
    column = run.attributes.attributes.index(width)
    assert 0 < run.attributes.value[:, column].mean() < 1
    report = api.evaluate(run)
    assert report.semantics == "KG properties and numbers"
    told = api.explain(run, world.images / "red disc" / "0.png")
    total = sum(f.contribution for f in (*told.facts, *told.rival_facts))
    assert total + told.remainder == pytest.approx(told.margin, abs=1e-5)
    (number,) = (f for f in (*told.facts, *told.rival_facts) if f.fact.predicate == width.property)
    assert re.fullmatch(r"has a width of [\d.]+ mm", number.verbalization)
    assert number.proof.rule == "asserted"
    assert api.load_run(run.folder.path).attributes.digest == run.attributes.digest


def test_a_run_on_the_hierarchy(toys: Any, toy_run: Any, tmp_path: Path) -> None:
    """Superclasses are attributes beside the others, down to explanations; a baseline sees the same columns."""
    config = toys.config(semantics={"facts": ["properties", "hierarchy"]})
    run = api.fit(config, tmp_path / "run")
    new = set(run.attributes.attributes) - set(toy_run.attributes.attributes)
    assert {(a.property.rpartition("#")[2], run.ontology.label(a.filler)) for a in new} == {
        ("subClassOf", "disc shaped toy"),
        ("subClassOf", "box shaped toy"),
    }
    assert api.evaluate(run).semantics == "KG properties and hierarchy"
    assert api.baseline(run, "ridge").semantics == "KG properties and hierarchy"
    told = api.explain(run, toys.images / "red disc" / "0.png", against="red box")
    kinds = [f for f in (*told.facts, *told.rival_facts) if f.fact.predicate.endswith("subClassOf")]
    assert {f.verbalization for f in kinds} <= {"is a kind of disc shaped toy", "is a kind of box shaped toy"}
    assert all(f.proof.rule == "asserted" for f in kinds)
    total = sum(f.contribution for f in (*told.facts, *told.rival_facts))
    assert total + told.remainder == pytest.approx(told.margin, abs=1e-5)
    assert set(run.facts["gate"]) == {a.property for a in run.attributes.attributes}
