"""The class x attribute matrix: columns, worlds, sources, and K-ZSL's published matrix."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from kgzsl.errors import ConfigError, NoFactsError, UnknownTermError
from kgzsl.ontology import Ontology, parse_ontology, read_ontology
from kgzsl.semantics import Attribute, class_attributes

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
Z = "http://zoo.example/#"
AWA = "http://www.semanticweb.org/ontologies/AwA#"


@pytest.fixture(scope="module")
def zoo() -> Ontology:
    return read_ontology(GOLDEN / "zoo.ttl").entail()


def cell(ontology: Ontology, name: str, property: str, filler: str, world: str) -> tuple[float, bool, bool]:
    matrix = class_attributes(ontology, ontology.classes, world=world)  # type: ignore[arg-type]
    row = matrix.classes.index(Z + name)
    column = matrix.attributes.index(Attribute(Z + property, Z + filler))
    return float(matrix.value[row, column]), bool(matrix.known[row, column]), bool(matrix.assumed[row, column])


def test_columns_say_something_new_and_nothing_of_the_taxonomy_or_years(zoo: Ontology) -> None:
    matrix = class_attributes(zoo, zoo.leaves)
    short = {(a.property.removeprefix(Z), a.filler.removeprefix(Z)) for a in matrix.attributes}
    assert short == {
        ("hasBodyColor", "Brown"),
        ("hasBodyColor", "Color"),
        ("hasBodyColor", "White"),
        ("hasDiet", "Grass"),
        ("hasHorns", "SpiralHorns"),
        ("hasPart", "Hooves"),
        ("hasPattern", "Stripes"),
        ("livesIn", "Savanna"),
    }
    assert matrix.attributes == tuple(sorted(matrix.attributes))
    assert matrix.literals == 1


def test_columns_do_not_depend_on_the_classes_asked_for(zoo: Ontology) -> None:
    assert class_attributes(zoo, [Z + "Horse"]).attributes == class_attributes(zoo, zoo.leaves).attributes


@pytest.mark.parametrize(
    ("name", "property", "filler", "open_world", "pca", "closed"),
    [
        ("Zebra", "hasPattern", "Stripes", (1, True, False), (1, True, False), (1, True, False)),
        ("Zebra", "hasPart", "Hooves", (1, True, False), (1, True, False), (1, True, False)),
        ("Horse", "hasPattern", "Stripes", (0, True, False), (0, True, False), (0, True, False)),
        ("Zebra", "hasHorns", "SpiralHorns", (0, True, False), (0, True, False), (0, True, False)),
        ("Zebra", "hasBodyColor", "Brown", (0, False, False), (0, True, True), (0, True, True)),
        ("Zebra", "hasDiet", "Grass", (0, False, False), (0, False, False), (0, True, True)),
        ("Cryptid", "hasPart", "Hooves", (0, False, False), (0, False, False), (0, True, True)),
    ],
)
def test_worlds(zoo: Ontology, name: str, property: str, filler: str, open_world, pca, closed) -> None:
    assert cell(zoo, name, property, filler, "open") == open_world
    assert cell(zoo, name, property, filler, "pca") == pca
    assert cell(zoo, name, property, filler, "closed") == closed


def test_sources_are_the_facts_behind_a_cell(zoo: Ontology) -> None:
    matrix = class_attributes(zoo, zoo.leaves)
    (stated,) = matrix.sources(Z + "Zebra", Attribute(Z + "hasPattern", Z + "Stripes"))
    assert (stated.object, stated.status) == (Z + "Stripes", "asserted")
    (denied,) = matrix.sources(Z + "Horse", Attribute(Z + "hasPattern", Z + "Stripes"))
    assert denied.polarity == "negative"
    assumed = matrix.sources(Z + "Zebra", Attribute(Z + "hasBodyColor", Z + "Brown"))
    assert {f.object for f in assumed} == {Z + "White"}  # and not that it has some color
    assert matrix.sources(Z + "Cryptid", Attribute(Z + "hasPart", Z + "Hooves")) == ()
    with pytest.raises(UnknownTermError):
        matrix.sources(Z + "Zebra", Attribute(Z + "hasPattern", Z + "Spots"))


def test_facts_of_groups_that_were_not_asked_for_are_behind_no_cell() -> None:
    ontology = parse_ontology(f"""@prefix : <{Z}> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
        @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
        :shape a owl:ObjectProperty . :Animal a owl:Class . :Round a owl:Thing .
        :Hare a owl:Class ; rdfs:subClassOf :Animal ; :shape :Lean .
        :Toad a owl:Class ; rdfs:subClassOf :Animal ; :shape :Round .
        [] a owl:NegativePropertyAssertion ;
            owl:sourceIndividual :Hare ; owl:assertionProperty :shape ; owl:targetIndividual :Round .""")
    round = Attribute(Z + "shape", Z + "Round")
    everything, positive = (
        class_attributes(ontology, (Z + "Hare", Z + "Toad"), facts=facts) for facts in (["properties"], ["attributes"])
    )
    (denied,) = everything.sources(Z + "Hare", round)
    assert denied.polarity == "negative"
    (because,) = positive.sources(Z + "Hare", round)
    assert (because.polarity, because.object) == ("positive", Z + "Lean")


def test_a_conflict_is_half_and_reported() -> None:
    text = (
        GOLDEN / "zoo.ttl"
    ).read_text() + ":Zebra owl:disjointWith [ owl:onProperty :hasPattern ; owl:someValuesFrom :Stripes ] ."
    ontology = parse_ontology(text).entail()
    stripes = Attribute(Z + "hasPattern", Z + "Stripes")
    matrix = class_attributes(ontology, ontology.leaves)
    assert matrix.conflicts == ((Z + "Zebra", stripes),)
    assert len(matrix.sources(Z + "Zebra", stripes)) == 2


def test_subset_keeps_columns_and_cells(zoo: Ontology) -> None:
    matrix = class_attributes(zoo, zoo.leaves)
    part = matrix.subset([Z + "Zebra", Z + "Antelope"])
    assert part.attributes == matrix.attributes
    np.testing.assert_array_equal(part.value[0], matrix.value[matrix.classes.index(Z + "Zebra")])
    np.testing.assert_array_equal(part.known, class_attributes(zoo, part.classes).known)
    assert part.digest == class_attributes(zoo, part.classes).digest != matrix.digest
    with pytest.raises(UnknownTermError, match="Unicorn"):
        matrix.subset([Z + "Unicorn"])


def test_what_cannot_be_built(zoo: Ontology) -> None:
    with pytest.raises(UnknownTermError) as caught:
        class_attributes(zoo, [Z + "Unicorn", Z + "Zebra", Z + "Griffin"])
    assert len(caught.value.problems) == 2
    with pytest.raises(ConfigError, match="flat"):
        class_attributes(zoo, zoo.leaves, world="flat")  # type: ignore[arg-type]
    bare = parse_ontology("<http://e/#A> a <http://www.w3.org/2002/07/owl#Class> .")
    with pytest.raises(NoFactsError, match="1 classes"):
        class_attributes(bare, bare.classes)


@pytest.mark.parametrize("entailed", [False, True])
def test_kg_awa_gives_the_published_matrix(shared_data: Path, entailed: bool) -> None:
    from scipy.io import loadmat

    folder = shared_data / "kzsl" / "AwA"
    ontology = read_ontology(folder / "KG-AwA.ttl", profile="kzsl")
    ontology = ontology.entail() if entailed else ontology
    published = loadmat(folder / "binaryAtt_splits.mat")
    groups = json.loads((folder / "class.json").read_text()).values()
    iris = {name: AWA + identifier for group in groups for identifier, name in group.items()}
    classes = [iris[str(name[0][0])] for name in published["allclasses_names"]]
    matrix = class_attributes(ontology, classes)
    by_filler = {a.filler: k for k, a in enumerate(matrix.attributes)}
    columns = [by_filler[f"{AWA}a{k:03d}"] for k in range(1, 86)]
    np.testing.assert_array_equal(matrix.value[:, columns], published["att"].T)
    assert matrix.value[:, columns].sum() == 1562
    assert matrix.conflicts == ()
    assert len(matrix.attributes) == (100 if entailed else 85)
    names = [line.split("\t")[1].strip() for line in (folder / "attribute.txt").read_text().splitlines()]
    assert [ontology.label(matrix.attributes[k].filler) for k in columns[:3]] == names[:3]


def test_creatures_are_told_apart_by_their_attributes() -> None:
    path = Path(__file__).resolve().parents[2] / "ontologies" / "creatures.ttl"
    if not path.exists():
        pytest.skip("ontologies/creatures.ttl is not there")
    ontology = read_ontology(path).entail()
    matrix = class_attributes(ontology, ontology.leaves)
    assert len(np.unique(matrix.value, axis=0)) == 100
    assert matrix.known.all()
    assert matrix.conflicts == ()
    assert not any(a.property.endswith(("#hasPart", "#hasColor", "#discoveredIn")) for a in matrix.attributes)
