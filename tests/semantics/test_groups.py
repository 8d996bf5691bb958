"""Superclasses as attributes: which are columns, what each world makes of them, and the facts behind the cells."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kgzsl.errors import ConfigError, NoFactsError, OntologyError
from kgzsl.ontology import Ontology, parse_ontology, read_ontology
from kgzsl.ontology.vocabulary import RDFS
from kgzsl.semantics import Attribute, attribute_phrases, class_attributes, class_prompt
from kgzsl.semantics.groups import GROUPS, PRESETS, chosen, groups_of
from kgzsl.semantics.lint import lint

E = "http://e.example/#"
PETS = """
@prefix : <http://e.example/#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
:Being a owl:Class ; rdfs:subClassOf owl:Thing .
:Animal a owl:Class ; rdfs:subClassOf :Being .
:Chordate a owl:Class ; rdfs:subClassOf :Animal .
:Vertebrate a owl:Class ; rdfs:subClassOf :Chordate .
:Canine a owl:Class ; rdfs:subClassOf :Vertebrate .
:Dog a owl:Class ; rdfs:subClassOf :Canine .
:Husky a owl:Class ; rdfs:subClassOf :Dog , [ a owl:Restriction ; owl:onProperty :likes ; owl:someValuesFrom :Snow ] .
:Beagle a owl:Class ; rdfs:subClassOf :Dog .
:Carp a owl:Class ; rdfs:subClassOf :Fish .
:Fish a owl:Class ; rdfs:subClassOf :Vertebrate ; owl:disjointWith :Dog .
:Moss a owl:Class ; rdfs:subClassOf :Being .
:Rock a owl:Class .
:likes a owl:ObjectProperty .
"""
RUN = ("Husky", "Beagle", "Carp", "Moss")
KINDS = ("hierarchy", "negative")


def pets(regime: str = "el", extra: str = "") -> Ontology:
    return parse_ontology(PETS + extra).entail(regime)  # type: ignore[arg-type]


def cells(ontology: Ontology, classes: tuple[str, ...], world: str = "pca") -> dict[str, str]:
    """Superclass -> a mark for each class: 1 has it, 0 has not, ? unknown; small o is an assumed 0."""
    matrix = class_attributes(ontology, [E + c for c in classes], world=world, facts=KINDS)  # type: ignore[arg-type]
    marks = np.where(matrix.known, np.where(matrix.value == 1, "1", np.where(matrix.assumed, "o", "0")), "?")
    return {a.filler.removeprefix(E): "".join(marks[:, k]) for k, a in enumerate(matrix.attributes)}


def test_superclasses_are_columns_where_they_group_the_classes() -> None:
    # Not: Being (all share it), Animal and Chordate (the same as Vertebrate), Canine (the same as Dog).
    assert cells(pets(), RUN) == {"Vertebrate": "111o", "Dog": "110o", "Fish": "001o"}


@pytest.mark.parametrize(
    ("world", "vertebrate", "dog"),
    [("open", "111??", "11???"), ("pca", "111o?", "11oo?"), ("closed", "111oo", "11ooo")],
)
def test_worlds(world: str, vertebrate: str, dog: str) -> None:
    """A rock is said to be nothing at all, so that only the closed world knows what it is not."""
    apart = parse_ontology(PETS.replace(" ; owl:disjointWith :Dog", "")).entail()
    found = cells(apart, (*RUN, "Rock"), world)
    assert (found["Vertebrate"], found["Dog"]) == (vertebrate, dog)


def test_disjointness_is_known_in_the_open_world() -> None:
    assert cells(pets(), RUN, "open")["Dog"] == "110?"


def test_only_what_the_regime_entails_is_used() -> None:
    assert cells(pets("none"), RUN) == {"Being": "ooo1", "Dog": "11oo", "Fish": "oo1o"}


def test_a_class_with_others_below_it_is_of_its_own_kind() -> None:
    for world in ("open", "pca", "closed"):
        found = cells(pets(), ("Dog", "Husky", "Carp", "Rock", "Being"), world)
        assert found["Dog"][:2] == "11"
        assert found["Being"][:3] + found["Being"][4] == "1111"
    matrix = class_attributes(pets(), [E + c for c in ("Dog", "Husky", "Being", "Rock")], facts=["hierarchy"])
    dog = matrix.sources(E + "Dog", Attribute(RDFS.subClassOf, E + "Dog"))
    assert {f.object for f in dog} >= {E + "Canine", E + "Being"}
    assert {f.subject for f in dog} == {E + "Dog"}
    being = matrix.sources(E + "Being", Attribute(RDFS.subClassOf, E + "Being"))
    assert {f.object for f in being} == {E + "Being"}


def test_facts_and_proofs_stand_behind_every_cell() -> None:
    ontology = pets()
    matrix = class_attributes(ontology, [E + c for c in RUN], facts=KINDS)
    vertebrate = Attribute(RDFS.subClassOf, E + "Vertebrate")
    (fact,) = matrix.sources(E + "Husky", vertebrate)
    assert fact.key == (E + "Husky", RDFS.subClassOf, E + "Vertebrate", "positive")
    assert {f.object for f in ontology.prove(fact).asserted()} == {E + "Dog", E + "Canine", E + "Vertebrate"}
    assert {f.object for f in matrix.sources(E + "Moss", vertebrate)} == {E + "Being"}
    (denied,) = matrix.sources(E + "Carp", Attribute(RDFS.subClassOf, E + "Dog"))
    assert denied.polarity == "negative"


def test_prompts_say_what_a_class_is() -> None:
    ontology = pets()
    matrix = class_attributes(ontology, [E + c for c in RUN], facts=["attributes", "hierarchy"])
    prompt = class_prompt(E + "Husky", matrix, ontology)
    assert prompt.text == "likes : snow | is a : dog,vertebrate."
    assert [s.fact.object.removeprefix(E) for s in prompt.spans] == ["Snow", "Dog", "Vertebrate"]
    assert "is a : fish" in attribute_phrases(matrix, ontology)


def test_other_groups_keep_their_bits_and_the_order_of_names_does_not_matter() -> None:
    ontology, classes = pets(), [E + c for c in RUN]
    plain = class_attributes(ontology, classes)
    assert plain.digest == class_attributes(ontology, classes, facts=["properties"]).digest
    both = class_attributes(ontology, classes, facts=["hierarchy", "properties"])
    assert both.digest == class_attributes(ontology, classes, facts=["properties", "hierarchy"]).digest
    columns = [both.attributes.index(a) for a in plain.attributes]
    np.testing.assert_array_equal(both.value[:, columns], plain.value)
    np.testing.assert_array_equal(both.known[:, columns], plain.known)


def test_what_else_the_ontology_holds_changes_no_column_of_the_hierarchy() -> None:
    more = ":Corgi a owl:Class ; rdfs:subClassOf :Dog . :Shark a owl:Class ; rdfs:subClassOf :Chordate ."
    assert cells(pets(extra=more), RUN) == cells(pets(), RUN)


def test_some_rows_have_the_columns_of_all_with_among() -> None:
    ontology, classes = pets(), [E + c for c in RUN]
    whole = class_attributes(ontology, classes, facts=["hierarchy"])
    part = class_attributes(ontology, classes[:1], facts=["hierarchy"], among=classes)
    assert part.digest == whole.subset(classes[:1]).digest


def test_what_cannot_be_used() -> None:
    ontology, classes = pets(), [E + c for c in RUN]
    with pytest.raises(ConfigError, match="did you mean hierarchy") as caught:
        class_attributes(ontology, classes, facts=["hierachy", "attributes", "colors"])
    assert len(caught.value.problems) == 2
    with pytest.raises(ConfigError, match="no group of facts"):
        class_attributes(ontology, classes, facts=[])
    with pytest.raises(OntologyError, match="more links"):
        class_attributes(replace(ontology, report=replace(ontology.report, unlisted=1)), classes, facts=["hierarchy"])
    prefixes = PETS.partition(":Being")[0]
    kinds = ":A a owl:Class ; rdfs:subClassOf :B . :B a owl:Class . :C a owl:Class ; rdfs:subClassOf :B ."
    taxonomy = parse_ontology(prefixes + kinds).entail()
    with pytest.raises(NoFactsError, match=r"semantics\.facts"):
        class_attributes(taxonomy, [E + "A", E + "C"])
    with pytest.raises(NoFactsError, match="no superclass") as nothing:
        class_attributes(taxonomy, [E + "A", E + "C"], facts=["hierarchy"])
    assert "semantics.facts" not in str(nothing.value)


def test_lint_looks_at_the_groups_asked_for() -> None:
    classes = [E + c for c in RUN]
    assert lint(pets(), classes).attributes == 1
    report = lint(pets(), classes, facts=["hierarchy"])
    assert report.attributes == 3
    assert [f.classes for f in report.of("ZSL102")] == [(E + "Beagle", E + "Husky")]


def test_groups_are_what_a_run_file_may_name() -> None:
    assert list(GROUPS) == ["attributes", "attribute_hierarchy", "negative", "hierarchy", "literals", "external"]
    for preset, groups in PRESETS.items():
        assert set(groups) < set(GROUPS) or set(groups) == set(GROUPS)
        assert groups_of([preset]) == groups
    assert groups_of(["hierarchy", "logics", "att"]) == groups_of(["logics"])


COLORS = """
:hasColor a owl:ObjectProperty ; rdfs:subPropertyOf :looks . :looks a owl:ObjectProperty .
:Red a owl:Class ; rdfs:subClassOf :Warm . :Yellow a owl:Class ; rdfs:subClassOf :Warm . :Blue a owl:Class .
:Husky rdfs:subClassOf [ a owl:Restriction ; owl:onProperty :hasColor ; owl:someValuesFrom :Red ] .
:Carp rdfs:subClassOf [ a owl:Restriction ; owl:onProperty :hasColor ; owl:someValuesFrom :Yellow ] ,
    [ owl:complementOf [ a owl:Restriction ; owl:onProperty :hasColor ; owl:someValuesFrom :Blue ] ] .
:Dog rdfs:subClassOf [ a owl:Restriction ; owl:onProperty :hasColor ; owl:someValuesFrom :Blue ] .
"""


def colors(*facts: str) -> dict[str, str]:
    """Column -> husky and carp: 1 has it, 0 lacks it, ? unknown."""
    ontology = pets(extra=COLORS)
    matrix = class_attributes(ontology, [E + "Husky", E + "Carp"], world="open", facts=facts)
    marks = np.where(matrix.known, np.where(matrix.value == 1, "1", "0"), "?")
    names = [f"{a.property.removeprefix(E)} {a.filler.removeprefix(E)}" for a in matrix.attributes]
    return {name: "".join(marks[:, k]) for k, name in enumerate(names) if "Color" in name}


def test_each_group_adds_its_own_facts_and_takes_none_away() -> None:
    stated = {"hasColor Red": "1?", "hasColor Yellow": "?1", "hasColor Blue": "1?"}
    assert colors("attributes") == stated
    assert colors("attributes", "attribute_hierarchy") == stated | {"hasColor Warm": "11"}
    assert colors("properties") == stated | {"hasColor Warm": "11", "hasColor Blue": "10"}
    assert colors("basic") == colors("attributes", "attribute_hierarchy")
    assert colors("logics") == colors("properties")


def test_groups_share_no_fact_and_together_hold_all_about_classes_and_attributes() -> None:
    ontology = pets(extra=COLORS)
    held = np.stack([group(ontology) for group in GROUPS.values()])
    assert held.sum(0).max() == 1
    properties = np.array([t in set(ontology.properties) for t in ontology.terms])
    left = {f.key[1] for f in map(ontology.fact, np.flatnonzero(~held.any(0)).tolist())}
    assert properties.any()
    assert left <= {RDFS.subPropertyOf, RDFS.subClassOf}  # of attributes that are classes below nothing
    np.testing.assert_array_equal(chosen(ontology, ["logics"]), held.any(0))


def test_wordnet_describes_the_classes_of_tiny_imagenet(shared_data: Path) -> None:
    """Every column is a superclass of some classes and not of others, and what a cell says has a proof."""
    file = shared_data / "tiny-imagenet" / "wordnet.ttl"
    if not file.is_file():
        pytest.skip("Tiny-ImageNet is not among the real data")
    ontology = read_ontology(file).entail()
    matrix = class_attributes(ontology, ontology.leaves, facts=["hierarchy"])
    count = (matrix.value == 1).sum(0)
    assert matrix.value.shape == (200, 223)
    assert matrix.known.all()
    assert count.min() == 1
    assert count.max() < 200
    retriever = ontology.resolve("golden retriever")
    dog = Attribute(RDFS.subClassOf, ontology.resolve("domestic dog"))
    (fact,) = matrix.sources(retriever, dog)
    assert len(ontology.prove(fact).asserted()) == 4
    has = {a.filler for a, v in zip(matrix.attributes, matrix.value[matrix.classes.index(retriever)], strict=True) if v}
    assert has < set(ontology.superclasses(retriever))
