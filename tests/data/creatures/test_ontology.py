"""The checked-in ontology: what it says, and that only entailment makes it complete."""

from __future__ import annotations

import json
from collections import Counter
from itertools import combinations
from types import ModuleType

import pytest

from kgzsl.data.creatures import FEATURES, ontology_path, read_looks
from kgzsl.ontology import Ontology, read_ontology


@pytest.fixture(scope="module")
def asserted() -> Ontology:
    return read_ontology(ontology_path())


@pytest.fixture(scope="module")
def entailed(asserted: Ontology) -> Ontology:
    return asserted.entail()


def local(iri: str) -> str:
    return iri.rsplit("#", 1)[-1]


def test_the_files_are_what_the_generator_writes(maker: ModuleType) -> None:
    assert ontology_path().read_text(encoding="utf-8") == maker.turtle()
    split = ontology_path().with_name("creatures_split.json")
    assert json.loads(split.read_text(encoding="utf-8")) == maker.split()


def test_looks_read_through_entailment_are_the_table(maker: ModuleType) -> None:
    looks = read_looks()
    read = {iri: dict(look.features) for iri, look in looks.appearances.items()}
    assert read == {iri: {p: look[p] for p in FEATURES} for iri, look in maker.table().items()}
    assert (len(looks.seen), len(looks.unseen)) == (80, 20)


def test_a_third_of_the_looks_is_inherited(maker: ModuleType) -> None:
    stated = [p in leaf.states for leaf in maker.leaves() for p in maker.VISUAL]
    assert 0 < sum(stated) <= len(stated) * 2 / 3


def test_most_visual_facts_of_a_leaf_are_entailed(maker: ModuleType, entailed: Ontology) -> None:
    leaves, visual = set(maker.table()), set(maker.VISUAL)
    facts = [f for f in entailed.facts(polarity="positive") if f.subject in leaves and local(f.predicate) in visual]
    assert sum(f.status == "entailed" for f in facts) > 0.8 * len(facts)
    assert sum(f.status == "asserted" for f in facts) > 0


def test_the_general_follows_from_the_special(entailed: Ontology, maker: ModuleType) -> None:
    red = {
        f.subject for f in entailed.facts(predicate=f"{maker.NAMESPACE}hasBodyColor", object=f"{maker.NAMESPACE}Red")
    }
    wanted = {iri for iri, look in maker.table().items() if look["hasBodyColor"] in ("Scarlet", "Crimson")}
    assert red & set(maker.table()) == wanted


def test_nothing_contradicts(entailed: Ontology) -> None:
    assert not entailed.report.contradictions


def test_every_term_has_a_label(asserted: Ontology) -> None:
    terms = (*asserted.classes, *asserted.attributes, *asserted.properties)
    bare = [t for t in terms if "creatures#" in t and t not in asserted.labels]
    assert not bare


def test_leaves_differ_in_three_properties(maker: ModuleType) -> None:
    table = maker.table()
    assert min(sum(a[p] != b[p] for p in FEATURES) for a, b in combinations(table.values(), 2)) >= 3


def test_what_an_unseen_class_has_can_be_learned(maker: ModuleType) -> None:
    table, split = maker.table(), maker.split()
    seen = Counter((p, f) for iri in split["seen"] for p, f in table[iri].items())
    needed = {(p, f) for iri in split["unseen"] for p, f in table[iri].items()}
    assert min(seen[cell] for cell in needed) >= 3
    assert len({cell for cell in seen if cell[1]}) >= 45


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("hasBodyColor", "Lemon"), ("livesIn", "DuneSea")),
        (("hasBodyColor", "Violet"), ("livesIn", "StarPlain")),
        (("hasPattern", "Spots"), ("hasEars", "LopEars")),
    ],
)
def test_pairs_go_together_in_seen_classes_alone(
    maker: ModuleType, one: tuple[str, str], other: tuple[str, str]
) -> None:
    def having(part: str) -> list[tuple[bool, bool]]:
        looks = [maker.table()[iri] for iri in maker.split()[part]]
        return [(look[one[0]] == one[1], look[other[0]] == other[1]) for look in looks]

    seen = [second for first, second in having("seen") if first]
    assert len(seen) >= 5
    assert sum(seen) >= 0.85 * len(seen)
    assert not any(first and second for first, second in having("unseen"))
    assert sum(first != second for first, second in having("unseen")) >= 4


def test_no_picture_shows_a_decoy(maker: ModuleType) -> None:
    decoys = {name for name, p in maker.PROPERTIES.items() if not p.visual}
    assert decoys == {"hasDiet", "hasSociality", "activeAt"}
    assert not decoys & set(FEATURES)
    # within a family the decoys vary: they do not follow from looks
    for family in {leaf.parent.name for leaf in maker.leaves()}:
        for p in decoys:
            assert len({leaf.states[p] for leaf in maker.leaves() if leaf.parent.name == family}) >= 2


def test_what_can_be_drawn_covers_the_ontology(maker: ModuleType) -> None:
    used = {p: {look[p] for look in maker.table().values()} - {None} for p in FEATURES}
    assert all(used[p] <= set(FEATURES[p].fillers) for p in FEATURES)
    assert {p: f.general for p, f in FEATURES.items()} == {p: maker.PROPERTIES[p].filler for p in FEATURES}
