"""Facts that no picture shows: how many, of which kinds, and that nothing else changes."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from kgzsl import api
from kgzsl.api.sources import semantics_name
from kgzsl.data.creatures import FEATURES, appearances, cached_decoys, decoys, is_decoy, ontology_path, read_looks
from kgzsl.data.creatures.decoys import NAMESPACE
from kgzsl.errors import ConfigError, DataError
from kgzsl.ontology import Fact, Ontology, parse_ontology, read_ontology
from kgzsl.semantics import Attribute, class_attributes
from kgzsl.semantics.lint import lint
from kgzsl.train.run import parse_config


@pytest.fixture(scope="module")
def plain() -> Ontology:
    return read_ontology(ontology_path()).entail()


@pytest.fixture(scope="module")
def three(plain: Ontology) -> Ontology:
    """The creatures with three times as many decoys, entailed."""
    return extended(plain, 3.0)


def extended(ontology: Ontology, times: float) -> Ontology:
    return parse_ontology(ontology_path().read_text(encoding="utf-8") + decoys(ontology, times)).entail()


def stated(ontology: Ontology) -> list[Fact]:
    """What it states about classes' properties."""
    classes = set(ontology.classes)
    facts = ontology.facts(status="asserted")
    return [f for f in facts if f.subject in classes and not ontology.is_taxonomy(f.predicate)]


def local(iri: str) -> str:
    return iri.rpartition("#")[2]


@pytest.mark.parametrize("times", [0.0, 0.1, 1.0, 2.5])
def test_so_many_times_as_many_are_added(plain: Ontology, times: float) -> None:
    facts = stated(extended(plain, times))
    assert len(stated(plain)) == 1221
    assert sum(map(is_decoy, facts)) == round(times * 1221)
    assert [f.key for f in facts if not is_decoy(f)] == [f.key for f in stated(plain)]


def test_the_three_kinds(plain: Ontology, three: Ontology) -> None:
    added = [f for f in stated(three) if is_decoy(f)]
    leaves = set(read_looks().appearances)
    of_families = [f for f in added if f.subject not in leaves]
    looks = [f for f in added if local(f.predicate) in FEATURES]
    others = [f for f in added if f.subject in leaves and f.predicate.startswith(NAMESPACE)]
    # A sixth of 3663, of which each speaks of five creatures; the rest in halves.
    assert (len(of_families), len(others), len(looks)) == (610, 1526, 1527)
    parents = {f.object for iri in leaves for f in plain.facts(iri, status="asserted") if f.object in plain.classes}
    assert {f.subject for f in of_families} == parents
    assert {f.subject for f in looks} == {f.subject for f in others} == leaves
    assert {local(f.predicate) for f in looks} == set(FEATURES)
    assert {local(f.predicate) for f in of_families}.isdisjoint(local(f.predicate) for f in others)
    # What is said of a family holds for all of it, and is not the same for all families.
    inherited = [f for f in three.facts(status="entailed") if f.subject in leaves and is_decoy(f)]
    own = {(f.subject, f.predicate, f.object) for f in of_families}
    for fact in inherited:
        if fact.predicate.startswith(NAMESPACE):
            assert any((iri, fact.predicate, fact.object) in own for iri in three.superclasses(fact.subject))
    assert len({frozenset((p, o) for s, p, o in own if s == family) for family in parents}) == 20


def test_no_picture_shows_them_and_no_word_is_taken(plain: Ontology, three: Ontology) -> None:
    drawn = {filler for feature in FEATURES.values() for filler in feature.fillers}
    added = [t for t in (*three.classes, *three.attributes, *three.properties) if t.startswith(NAMESPACE)]
    assert not drawn & set(map(local, added))
    names = [three.label(iri) for iri in sorted({*added})]
    known = {plain.label(iri) for iri in (*plain.classes, *plain.attributes, *plain.properties)}
    assert len(set(names)) == len(names)
    assert not known & set(names)
    facts = three.facts()
    assert appearances(facts, classes=list(read_looks().appearances)) == read_looks().appearances


def test_nothing_of_its_own_follows_from_them(plain: Ontology, three: Ontology) -> None:
    """Facts without a term of the namespace are those of the plain ontology: ``is_decoy`` is right of entailed ones."""
    assert [f.key for f in three.facts() if not is_decoy(f)] == [f.key for f in plain.facts()]
    assert three.digest != plain.digest


def test_nothing_contradicts(three: Ontology) -> None:
    assert not three.report.contradictions
    assert not three.report.unsatisfiable
    # Who lacks a part has no decoy of it.
    lacks = {(f.subject, f.predicate) for f in three.facts(polarity="negative")}
    assert not [f for f in three.facts(polarity="positive") if is_decoy(f) and (f.subject, f.predicate) in lacks]


def test_lint_finds_nothing_wrong(three: Ontology) -> None:
    report = lint(three)
    assert (report.count("error"), report.count("warning")) == (0, 0)
    looks = read_looks()
    report = lint(three, seen=looks.seen, unseen=looks.unseen)
    # Noise goes together by chance now and then, as looks do in the plain ontology.
    assert {f.code for f in report.findings if f.severity != "note"} == {"ZSL207"}


def test_noise_is_no_help_and_decoys_tell_families(three: Ontology) -> None:
    table = class_attributes(three, tuple(read_looks().appearances))
    families = np.arange(100) // 5
    order = {iri: k for k, iri in enumerate(sorted(table.classes, key=lambda iri: three.superclasses(iri)))}
    rows = np.array([order[iri] for iri in table.classes]).argsort()
    value = table.value[rows]

    def alike(columns: list[int]) -> tuple[float, float]:
        """How often two classes agree, within a family and across."""
        equal = (value[:, None, columns] == value[None, :, columns]).mean(2)
        same = families[:, None] == families
        return float(equal[same & ~np.eye(100, dtype=bool)].mean()), float(equal[~same].mean())

    kinds: dict[str, list[int]] = {"eats": [], "collects": [], "hasPattern": []}
    for k, attribute in enumerate(table.attributes):
        if attribute.filler.startswith(NAMESPACE) and local(attribute.property) in kinds:
            kinds[local(attribute.property)].append(k)
    assert alike(kinds["eats"])[0] == 1.0
    assert alike(kinds["eats"])[1] < 0.7
    for noise in ("collects", "hasPattern"):
        within, across = alike(kinds[noise])
        assert abs(within - across) < 0.05


def test_fewer_are_some_of_more_and_the_order_of_triples_is_nothing(plain: Ontology) -> None:
    one, two = (set(decoys(plain, times).splitlines()) for times in (1.0, 2.0))
    assert one < two
    lines = ontology_path().read_text(encoding="utf-8").split("\n\n")
    backwards = parse_ontology("\n\n".join([lines[0], lines[1], *reversed(lines[2:])])).entail()
    assert decoys(backwards, 1.0) == decoys(plain, 1.0)


def test_more_than_there_are_words_for(plain: Ontology) -> None:
    with pytest.raises(DataError, match=r"9 times as many decoys; expected \d+ facts where 1280 can be made"):
        decoys(plain, 9)


def test_an_ontology_of_something_else() -> None:
    zoo = "@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> . :Zebra a owl:Class ."
    with pytest.raises(DataError, match="no property hasBodyColor, hasBodyShape"):
        decoys(parse_ontology(zoo).entail(), 1.0)


def test_the_file_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KGZSL_CACHE", str(tmp_path / "cache"))
    first = cached_decoys(ontology_path(), times=0.5)
    made = first.stat().st_mtime_ns
    assert cached_decoys(ontology_path(), times=0.5) == first
    assert first.stat().st_mtime_ns == made
    assert cached_decoys(ontology_path(), times=0.6) != first
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_a_run_with_decoys_has_the_same_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KGZSL_CACHE", str(tmp_path))
    data = {"benchmark": "creatures", "size": 16, "train_per_class": 2, "test_per_class": 1}
    plain, more, flat = (
        api.load_dataset(parse_config({"data": data | {"decoys": times}, "ontology": {"entail": entail}}))
        for times, entail in ((0, "el"), (3, "el"), (3, "none"))
    )
    assert len([folder for folder in tmp_path.iterdir() if folder.is_dir()]) == 1
    assert np.array_equal(plain.images.array, more.images.array)
    assert plain.split == more.split
    assert len(more.attributes.attributes) > 3 * len(plain.attributes.attributes)
    moire = Attribute("https://kgzsl.github.io/creatures#hasPattern", f"{NAMESPACE}Moire")
    assert moire in more.attributes.attributes
    # Which facts are added does not depend on what is derived from them.
    assert more.ontology.digest == flat.ontology.digest != plain.ontology.digest
    assert semantics_name(parse_config({"data": data | {"decoys": 3}})) == "KG properties, 3 x decoys"


def test_prompts_with_decoys_fit_the_budget(three: Ontology) -> None:
    from kgzsl.model.text_encoder import build_tokenizer
    from kgzsl.semantics import class_prompt
    from kgzsl.train.masking import tokenize_prompts

    seen = read_looks().seen
    table = class_attributes(three, seen)
    prompts = [class_prompt(iri, table, three) for iri in seen]
    tokenizer = build_tokenizer([p.text for p in prompts])
    columns = {attribute: k for k, attribute in enumerate(table.attributes)}
    # It raises where a prompt of all properties and one value has no room.
    present = tokenize_prompts(prompts, tokenizer, columns=columns, budget=256).weights > 0
    assert present.sum(1).min() > 60


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"decoys": 1.0}, 'data.decoys = 1 of other images; expected creatures; set data.benchmark = "creatures"'),
        ({"benchmark": "creatures", "decoys": -1}, "data.decoys = -1.0; expected at least 0"),
        ({"benchmark": "creatures", "decoys": True}, "data.decoys = True; expected float"),
    ],
)
def test_run_files_that_are_wrong(data: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config({"data": data})
    assert str(caught.value.problems[0]).startswith(told)


def test_what_no_picture_showed_before_is_told_apart(maker: ModuleType, plain: Ontology) -> None:
    diet = plain.facts(predicate=f"{maker.NAMESPACE}hasDiet")
    assert diet
    assert not any(map(is_decoy, diet))
