"""Prompts and graphs of a run's classes under edits, and the margin as a function of what they are made of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from kgzsl import api
from kgzsl.api import restating as module
from kgzsl.api.knowledge import prompts_of
from kgzsl.api.reading import read_texts, typed_graph
from kgzsl.api.restating import Restating, state_columns, states_under
from kgzsl.api.rewiring import Wiring
from kgzsl.api.worlds import RunWorlds
from kgzsl.ontology import Edit, Fact, Ontology, edited
from kgzsl.ontology.change import change_of
from kgzsl.ontology.vocabulary import RDFS, SKOS

SEMANTICS = {"source": ["fused"], "language_model": "words", "facts": ["properties", "hierarchy"]}
DEFINED = 'skos:definition "without corners"'


@pytest.fixture(scope="module")
def defined(toys: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The toys, of which one attribute has a definition that is a fact."""
    world = toys.copy(tmp_path_factory.mktemp("defined") / "world")
    text = world.ontology.read_text(encoding="utf-8")
    text += f"@prefix skos: <http://www.w3.org/2004/02/skos/core#> .\n:Round {DEFINED} .\n"
    world.ontology.write_text(text, encoding="utf-8")
    profile = world.folder / "profile.toml"
    profile.write_text(f'name = "toys"\nclasses = "declared"\nannotations_as_facts = ["{SKOS.definition}"]\n')
    return world


@pytest.fixture(scope="module")
def run(defined: Any, tmp_path_factory: pytest.TempPathFactory) -> api.Run:
    """A run by attributes, prompts, embeddings and a graph network."""
    told = {"files": [str(defined.ontology)], "profile": str(defined.folder / "profile.toml")}
    config = defined.config(ontology=told, semantics=SEMANTICS, model={"graph_dim": 16}, train={"gate": False})
    return api.fit(config, tmp_path_factory.mktemp("runs") / "fused")


def without(run: api.Run, *facts: Fact) -> Ontology:
    return edited(run.ontology, Edit(remove=facts))


def asserted(run: api.Run) -> list[Fact]:
    return run.ontology.facts(status="asserted")


def texts_of(restating: Restating, ontology: Ontology, classes: Any) -> list[str]:
    """What an edited ontology says of classes."""
    return restating._texts((ontology, change_of(restating.run.ontology, ontology)), classes)


def rewired(wiring: Wiring, ontology: Ontology) -> tuple[np.ndarray, np.ndarray]:
    """The edges that the facts of an edited ontology are."""
    return wiring.under(wiring.rewired(ontology, change_of(wiring.run.ontology, ontology)))


def changed(run: api.Run, ontology: Ontology, source: str) -> set[str]:
    """Labels of the classes whose states an edit changes at all."""
    found = states_under(run, ontology, run.space.classes)[source]
    other = (found != Restating(run).states([run.ontology], run.space.classes)[source][0]).any(1)
    return {run.ontology.label(iri) for iri, differs in zip(run.space.classes, other, strict=True) if differs}


def test_what_is_not_edited_keeps_its_bits(run: api.Run) -> None:
    """Also where the same is said by another ontology, and of a class that another class's fact is taken from."""
    classes = run.space.classes
    again = edited(run.ontology, Edit())
    found = Restating(run).states([run.ontology, again], classes)
    assert found.keys() == run.attributes.states.keys() == {"prompt", "kge", "gnn"}
    for source in ("prompt", "kge"):
        for states in found[source]:
            np.testing.assert_array_equal(states, run.attributes.states[source])
    np.testing.assert_array_equal(*found["gnn"])
    told = api.describe(run)
    for source, columns in state_columns(run, {s: t[0] for s, t in found.items()}).items():
        np.testing.assert_allclose(columns, told.vectors[:, told.blocks[source]], atol=1e-6)


def test_a_fact_that_is_gone_leaves_the_prompts_that_said_it(run: api.Run, toys: Any) -> None:
    size = next(f for f in asserted(run) if f.key[:2] == (toys.iri("red disc"), toys.iri("") + "hasSize"))
    assert changed(run, without(run, size), "prompt") == {"red disc"}
    shape = next(f for f in asserted(run) if f.subject == toys.iri("disc") and f.object == toys.iri("round"))
    discs = {"red disc", "green disc", "blue disc", "yellow disc"}
    assert changed(run, without(run, shape), "prompt") == discs
    assert changed(run, without(run, shape), "kge") == set()


def test_the_rest_of_a_prompt_stays(run: api.Run) -> None:
    """Whatever is taken away, the rest is said as it was: no fact is worth more because another class lost it."""
    restating = Restating(run)
    before = {iri: restating.prompt(iri) for iri in run.space.classes}
    for fact in asserted(run):
        ontology = without(run, fact)
        for iri, text in zip(run.space.classes, texts_of(restating, ontology, run.space.classes), strict=True):
            kept = [span for span in before[iri].spans if ontology.find(span.fact) is not None]
            places = [text.find(before[iri].text[span.start : span.end]) for span in kept]
            assert -1 not in places
            if len(kept) == len(before[iri].spans):
                assert text == before[iri].text
            gone = [span for span in before[iri].spans if ontology.find(span.fact) is None]
            for words in {before[iri].text[s.start : s.end] for s in gone}:
                others = [before[iri].text[s.start : s.end] for s in kept]
                assert words not in text or any(words in other for other in [*others, run.ontology.label(iri)])


def test_states_are_those_of_the_text_as_the_run_reads_it(run: api.Run, toys: Any) -> None:
    restating = Restating(run)
    iri = toys.iri("red disc")
    ontology = without(run, *(f for f in asserted(run) if f.subject == iri))
    assert texts_of(restating, ontology, [iri]) == ["It."]
    raw = read_texts(["It."], run.config)
    found = restating.states([ontology], [iri])["prompt"][0]
    np.testing.assert_array_equal(found, restating.standard.standardized(raw))
    # And the run's own states are those of its own texts.
    texts = [prompt.text for prompt in prompts_of(run.config, run.ontology, run.space.classes)]
    raw = read_texts(texts, run.config)
    np.testing.assert_array_equal(restating.standard.standardized(raw), run.attributes.states["prompt"])


@pytest.mark.parametrize("hops", [1, 2, 3])
def test_what_is_said_of_other_things_is_said_again(run: api.Run, toys: Any, hops: int) -> None:
    """As far as prompts go: to what a class leads to, and on from there."""
    facts = (*run.config.semantics.facts, "literals")
    semantics = replace(run.config.semantics, prompt_hops=hops, facts=facts)
    restating, classes = Restating(replace(run, config=replace(run.config, semantics=semantics))), run.space.classes
    before = [restating.prompt(iri).text for iri in classes]
    discs = ["disc" in run.ontology.label(iri) for iri in classes]
    said = " Round is described as follows: without corners."
    assert [said in text for text in before] == [disc and hops > 1 for disc in discs]
    assert texts_of(restating, edited(run.ontology, Edit()), classes) == before
    definition = next(f for f in asserted(run) if f.predicate == SKOS.definition)
    assert texts_of(restating, without(run, definition), classes) == [text.replace(said, "") for text in before]
    shape = next(f for f in asserted(run) if f.subject == toys.iri("disc") and f.object == toys.iri("round"))
    assert not any(said in text for text in texts_of(restating, without(run, shape), classes))


def test_a_fact_that_is_new_comes_in(run: api.Run, toys: Any) -> None:
    iri = toys.iri("green box")
    large = Fact(iri, f"{toys.iri('')}hasSize", toys.iri("large"))
    ontology = edited(run.ontology, Edit(add=(large,)))
    (text,) = texts_of(Restating(run), ontology, [iri])
    assert "has a large and a small size" in text or "has a small and a large size" in text
    assert changed(run, ontology, "prompt") == {"green box"}
    assert "green box" in changed(run, ontology, "gnn")


def test_every_text_is_read_once_and_every_graph_encoded_once(
    run: api.Run, toys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    encoded: list[Any] = []
    honest, encode = module.read_texts, Restating._encode
    monkeypatch.setattr(module, "read_texts", lambda texts, *a, **k: read.extend(texts) or honest(texts, *a, **k))
    monkeypatch.setattr(Restating, "_encode", lambda *given: encoded.append(1) or encode(*given))
    restating, iri = Restating(run), toys.iri("red disc")
    facts = [f for f in asserted(run) if f.subject == iri]
    ontologies = [run.ontology, *(without(run, fact) for fact in facts), *(without(run, fact) for fact in facts)]
    classes = [iri, toys.iri("blue box")]
    found = restating.states(ontologies, classes)
    again = restating.states(ontologies, classes)
    assert len(read) == len(set(read)) == len(facts)
    assert len(encoded) == len(facts)
    for source, states in found.items():
        np.testing.assert_array_equal(states, again[source])
        np.testing.assert_array_equal(states[1 : 1 + len(facts)], states[1 + len(facts) :])


def test_vectors_under_edits_have_states_under_edits(either: api.Run) -> None:
    classes, restating = either.space.classes[:3], Restating(either)
    facts = [f for f in asserted(either) if f.predicate != SKOS.definition]
    ontologies = [either.ontology, *(without(either, *some) for some in (facts[:1], facts[2:9], facts[::2]))]
    told = api.describe(either)
    vectors = np.repeat(told.vectors[None, :3], len(ontologies), axis=0)
    found = restating.restate(vectors, ontologies, classes)
    np.testing.assert_allclose(found[0], told.vectors[:3], atol=1e-6)
    count = len(either.attributes.attributes)
    np.testing.assert_array_equal(found[:, :, :count], vectors[:, :, :count])
    for source, columns in state_columns(either, restating.states(ontologies, classes)).items():
        np.testing.assert_array_equal(found[:, :, told.blocks[source]], columns)


def test_worlds_have_them(run: api.Run, toys: Any) -> None:
    """Scores under edits are by what prompts and the graph say then, not by what they said."""
    classes = (toys.iri("red disc"), toys.iri("blue box"))
    size = next(f for f in asserted(run) if f.key[:2] == (classes[0], f"{toys.iri('')}hasSize"))
    large = Fact(toys.iri("green box"), f"{toys.iri('')}hasSize", toys.iri("large"))
    edits = [Edit(), Edit(remove=(size,)), Edit(add=(large,))]
    told = api.describe(run)
    rows = [run.space.classes.index(iri) for iri in classes]
    vectors = RunWorlds(run).vectors(edits, classes)
    np.testing.assert_allclose(vectors[0], told.vectors[rows], atol=1e-6)
    states = Restating(run).states([edited(run.ontology, edit) for edit in edits], classes)
    for source, columns in state_columns(run, states).items():
        np.testing.assert_allclose(vectors[:, :, told.blocks[source]], columns, atol=1e-6)
    assert np.abs(vectors[1, 0, told.blocks["prompt"]] - vectors[0, 0, told.blocks["prompt"]]).max() > 1e-3
    found = api.explain(run, question_image(0), speaking_for=classes[0], against=classes[1], method="ablation")
    share = next(one.contribution for one in found.every if one.fact.key == size.key)
    asked = question(run, 0, speaking_for=classes[0], against=classes[1])
    margin = (vectors[1, 0] - vectors[1, 1]) @ asked.evidence + asked.offset
    assert share == pytest.approx(asked.margin - margin, abs=1e-5)


# ---- the graph -----------------------------------------------------------------------


def by_hand(run: api.Run, ontology: Ontology) -> np.ndarray:
    """Standardized states of the run's classes by the network over the whole graph of an ontology, made anew."""
    states: Any = run.model.classes.states["gnn"]  # type: ignore[union-attr, index]
    own, other = typed_graph(run.config, run.ontology), typed_graph(run.config, ontology)
    names = {number: iri for iris in other.numbers.values() for iri, number in iris.items()}
    edges = []
    for start, end, kind in zip(*other.edge_index.tolist(), other.edge_type.tolist(), strict=True):
        half = other.relations // 2
        name = own.names.index(other.names[kind % half])
        edges.append((own.number(names[start]), own.number(names[end]), name + own.relations // 2 * (kind >= half)))
    table = torch.tensor(edges)
    with torch.inference_mode():
        measure = states.measure()
        found = states.encoder(states.features, table[:, :2].T, table[:, 2])
        rows = [own.number(iri) for iri in run.space.classes]
        return ((found[rows] - measure.center) / measure.length).numpy()


def test_edges_of_facts_that_are_gone_leave_the_graph(run: api.Run) -> None:
    np.testing.assert_allclose(
        by_hand(run, run.ontology), Restating(run).states([run.ontology], run.space.classes)["gnn"][0], atol=1e-5
    )
    facts = asserted(run)
    for some in [facts[:1], facts[3:9], facts[::3], [f for f in facts if f.predicate == RDFS.subClassOf]]:
        ontology = without(run, *(f for f in some if f.predicate != SKOS.definition))
        found = states_under(run, ontology, run.space.classes)["gnn"]
        np.testing.assert_allclose(found, by_hand(run, ontology), atol=1e-5)


def test_edges_of_new_facts_come_in(run: api.Run, toys: Any) -> None:
    added = Fact(toys.iri("box"), f"{toys.iri('')}hasMainColor", toys.iri("blue"))
    ontology = edited(run.ontology, Edit(remove=tuple(asserted(run)[5:7]), add=(added,)))
    found = states_under(run, ontology, run.space.classes)["gnn"]
    np.testing.assert_allclose(found, by_hand(run, ontology), atol=1e-5)


def test_the_edges_of_facts_are_those_of_the_network(run: api.Run) -> None:
    wiring = Wiring(run)
    states: Any = run.model.classes.states["gnn"]  # type: ignore[union-attr, index]
    told = torch.cat([states.edge_index, states.edge_type[None]]).T.tolist()
    assert {tuple(edge) for edge in told} == set(zip(*wiring.edges[0].tolist(), wiring.edges[1].tolist(), strict=True))
    facts = wiring.facts_of(*wiring.edges)
    assert all(facts)
    assert {row for rows in facts for row in rows} == set(np.flatnonzero(wiring.of_facts[:, 0] >= 0).tolist())
    for state, other in zip(rewired(wiring, edited(run.ontology, Edit())), wiring.edges, strict=True):
        np.testing.assert_array_equal(state, other)


def test_a_definition_that_is_gone_is_read_no_more(run: api.Run, toys: Any) -> None:
    definition = next(f for f in asserted(run) if f.predicate == SKOS.definition)
    ontology = without(run, definition)
    discs = {label for label in toys.classes if label.endswith("disc")}
    assert changed(run, ontology, "gnn") >= discs
    # The graph has the same edges, and the definition alone made the difference.
    restating = Restating(run)
    assert restating._node_texts(ontology, change_of(run.ontology, ontology)) == {
        restating.wiring.numbers[toys.iri("round")]: "round"
    }
    for one, other in zip(rewired(restating.wiring, ontology), restating.wiring.edges, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("large", [False, True])
def test_a_large_graph_is_the_same(run: api.Run, monkeypatch: pytest.MonkeyPatch, large: bool) -> None:
    from kgzsl.data.neighbors import sampler
    from kgzsl.model import graph_states

    wiring = Wiring(run)
    if large:
        told = wiring.states.edge_index.numpy(), wiring.states.edge_type.numpy(), len(wiring.states.features)
        monkeypatch.setattr(wiring.states, "sampler", sampler(*told))
    assert isinstance(wiring.states.measure(), graph_states.Measure)
    ontology = without(run, *asserted(run)[:4])
    np.testing.assert_allclose(states_under(run, ontology, run.space.classes)["gnn"], by_hand(run, ontology), atol=1e-5)


# ---- classes that came after training ------------------------------------------------


@pytest.fixture(scope="module")
def grown(toys: Any, tmp_path_factory: pytest.TempPathFactory) -> api.Run:
    """A run to which a class was added, by prompts and a graph network."""
    folder = tmp_path_factory.mktemp("grown")
    fewer = toys.copy(folder / "world").forget("green box").say(unseen=["yellow disc"])
    semantics = SEMANTICS | {"source": ["attributes", "prompt", "gnn"]}
    config = fewer.config(semantics=semantics, model={"graph_dim": 16}, train={"gate": False})
    return api.add_classes(api.fit(config, folder / "run"), toys.ontology)


def test_an_added_class_is_described_again_too(grown: api.Run, toys: Any) -> None:
    assert grown.added == (toys.iri("green box"),)
    for source in ("prompt", "gnn"):
        assert changed(grown, edited(grown.ontology, Edit()), source) == set()
    green = next(f for f in asserted(grown) if f.subject == toys.iri("green box") and f.object == toys.iri("green"))
    for source in ("prompt", "gnn"):
        # Nothing leads from it to others: no other state changes.
        assert changed(grown, without(grown, green), source) == {"green box"}
    boxes = {label for label in toys.classes if label.endswith("box")}
    shape = next(f for f in asserted(grown) if f.subject == toys.iri("box") and f.object == toys.iri("square"))
    assert changed(grown, without(grown, shape), "prompt") == boxes
    assert changed(grown, without(grown, shape), "gnn") >= boxes


# ---- a language model ----------------------------------------------------------------


@pytest.fixture(scope="module")
def bert(toys: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small random BERT that knows the toys' words."""
    from transformers import BertConfig, BertModel

    from kgzsl.model.text_encoder import build_tokenizer

    folder = tmp_path_factory.mktemp("encoders") / "tiny-bert"
    tokenizer = build_tokenizer(["A red green blue yellow disc box has large small round square main color size . it"])
    torch.manual_seed(0)
    size = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}
    config = BertConfig(vocab_size=len(tokenizer), max_position_embeddings=64, **size)
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def cached(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KGZSL_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def read(toys: Any, bert: Path, cached: None, tmp_path_factory: pytest.TempPathFactory) -> api.Run:
    """A run whose prompts a language model reads, within a budget."""
    semantics = {"source": ["attributes", "prompt"], "language_model": str(bert), "facts": ["properties", "hierarchy"]}
    config = toys.config(semantics=semantics | {"token_budget": 40}, train={"gate": False})
    return api.fit(config, tmp_path_factory.mktemp("runs") / "read")


def test_a_language_model_reads_prompts_again(read: api.Run, toys: Any) -> None:
    restating, iri = Restating(read), toys.iri("red disc")
    size = next(f for f in asserted(read) if f.key[:2] == (iri, f"{toys.iri('')}hasSize"))
    ontology = without(read, size)
    assert changed(read, ontology, "prompt") == {"red disc"}
    raw = read_texts(texts_of(restating, ontology, [iri]), read.config)
    found = restating.states([ontology], [iri])["prompt"][0]
    np.testing.assert_array_equal(found, restating.standard.standardized(raw))
    assert "large" not in texts_of(restating, ontology, [iri])[0]


def test_a_budget_that_is_free_again_lets_in_what_was_left_out(read: api.Run, toys: Any) -> None:
    semantics = replace(read.config.semantics, token_budget=14)
    tight = Restating(replace(read, config=replace(read.config, semantics=semantics)))
    iri = toys.iri("red disc")
    before = tight.prompt(iri)
    whole = Restating(read).prompt(iri)
    assert len(before.spans) < len(whole.spans)
    gone = [span.fact for span in before.spans if span.fact.status == "asserted"]
    (text,) = texts_of(tight, without(read, *gone), [iri])
    left_out = [s for s in whole.spans if s.fact not in {span.fact for span in before.spans}]
    assert any(whole.text[s.start : s.end] in text for s in left_out)


# ---- the margin as a function of pieces ----------------------------------------------


def question(run: api.Run, seed: int = 0, **told: Any) -> Any:
    image = np.random.default_rng(seed).integers(0, 255, (32, 32, 3), dtype=np.uint8)
    return api.ask(run, image, **told)


@pytest.fixture(scope="module")
def linear(toys: Any, tmp_path_factory: pytest.TempPathFactory) -> api.Run:
    """A run of a published method that is linear in class attributes, by prompts too."""
    semantics = SEMANTICS | {"source": ["attributes", "prompt"]}
    config = toys.config(semantics=semantics, model={"kind": "ale"}, train={"gate": False, "epochs": 1})
    return api.fit(config, tmp_path_factory.mktemp("runs") / "linear")


TRAINED = {"a language model": "read", "an added class": "grown", "a baseline": "linear"}


@pytest.fixture(params=["compgcn", "rgcn", "gat", "lengths", *TRAINED])
def either(request: pytest.FixtureRequest) -> api.Run:
    """Runs with states of all kinds; of other graph networks, the fused one with random weights in the network."""
    from copy import deepcopy

    from kgzsl.model.graph_encoder import GraphEncoder

    if request.param in TRAINED:
        return request.getfixturevalue(TRAINED[request.param])
    own: api.Run = request.getfixturevalue("run")
    model: Any = deepcopy(own.model)
    if request.param == "lengths":
        model.classes.unit = True
    elif request.param != "compgcn":
        states = model.classes.states["gnn"]
        torch.manual_seed(0)
        config = replace(states.encoder.config, kind=request.param)
        states.encoder = GraphEncoder(config, width=states.features.shape[1], relations=2 * Wiring(own).half).eval()
    return replace(own, model=model)


def paths(asked: Any) -> Any:
    """The ways on which facts reach the margin, beside the attributes."""
    return asked.paths(asked.evidence, asked.explained, asked.rival)


def at(path: Any, presence: float) -> float:
    return path.share(torch.full((1, len(path.facts)), presence)).item()


def test_with_every_piece_it_is_the_share_of_the_margin(either: api.Run) -> None:
    for seed in range(3):
        asked = question(either, seed)
        difference = asked.evidence * (asked.vectors[asked.explained] - asked.vectors[asked.rival])
        ways = paths(asked)
        assert {path.source for path in ways} == {*asked.blocks} - {"kge"}
        for path in ways:
            share = difference[asked.blocks[path.source]].sum()
            assert at(path, 1) == pytest.approx(share, abs=1e-5 * max(1, abs(asked.margin)))
            assert at(path, 0) != pytest.approx(share, abs=1e-5)


def test_states_under_no_edit_stand_in_class_vectors(either: api.Run) -> None:
    told, states = api.describe(either), states_under(either, either.ontology, either.space.classes)
    for source, columns in state_columns(either, states).items():
        np.testing.assert_allclose(columns, told.vectors[:, told.blocks[source]], atol=1e-6)


def test_gradients_sum_to_the_margin(either: api.Run) -> None:
    for seed in range(2):
        found = api.explain(either, question_image(seed), method="gradient")
        assert found.gap is not None
        assert found.gap <= 0.05 * abs(found.margin)
        assert abs(found.completeness_gap) == pytest.approx(found.gap, abs=1e-9)
        assert found.warnings == ()
        alone = {one.fact: one.contribution for one in api.explain(either, question_image(seed)).every}
        assert any(abs(one.contribution - alone.get(one.fact, 0.0)) > 1e-4 for one in found.every)


def question_image(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (32, 32, 3), dtype=np.uint8)


@pytest.mark.parametrize("either", ["compgcn", "rgcn", "gat", "an added class"], indirect=True)
def test_an_edge_without_presence_is_gone(either: api.Run) -> None:
    """What is left without the edges of some facts is what the network says of the classes without these facts."""
    asked = question(either)
    path = next(path for path in paths(asked) if path.source == "gnn")
    ontology = without(either, *(f for f in asserted(either)[::4] if f.predicate != SKOS.definition))
    there = [any(ontology.find(fact) is not None for fact in facts) for facts in path.facts]
    assert not all(there)
    columns = state_columns(either, states_under(either, ontology, asked.classes))["gnn"]
    expected = asked.evidence[asked.blocks["gnn"]] @ (columns[0] - columns[1])
    assert path.share(torch.tensor([there]).float()).item() == pytest.approx(expected, abs=1e-5)


def test_a_span_without_presence_is_words_unknown(run: api.Run) -> None:
    """By the words of texts: the state of what is left of them."""
    asked, restating = question(run), Restating(run)
    path = next(path for path in paths(asked) if path.source == "prompt")
    texts = []
    for iri in asked.classes:
        prompt = restating.prompt(iri)
        inside = {k for span in prompt.spans for k in range(span.start, span.end)}
        texts.append("".join(" " if k in inside else letter for k, letter in enumerate(prompt.text)))
    states = restating.standard.standardized(read_texts(texts, run.config))
    columns = state_columns(run, {"prompt": states})["prompt"]
    expected = asked.evidence[asked.blocks["prompt"]] @ (columns[0] - columns[1])
    assert at(path, 0) == pytest.approx(expected, abs=1e-5)
    spans = [span.fact for iri in asked.classes for span in restating.prompt(iri).spans]
    assert list(path.facts) == [(fact,) for fact in spans]


def test_to_a_language_model_words_unknown_are_masks(read: api.Run, bert: Path) -> None:
    from kgzsl.data.texts import load_text_model

    asked, restating, model = question(read), Restating(read), load_text_model(bert)
    path = next(path for path in paths(asked) if path.source == "prompt")
    states = []
    for iri in asked.classes:
        prompt = restating.prompt(iri)
        told = model.tokenizer(prompt.text, return_offsets_mapping=True)
        tokens = [
            model.tokenizer.mask_token_id if any(a < s.end and s.start < b for s in prompt.spans) and a < b else token
            for token, (a, b) in zip(told["input_ids"], told["offset_mapping"], strict=True)
        ]
        states.append(model.states([tokens])[0])
    columns = state_columns(read, {"prompt": restating.standard.standardized(np.stack(states))})["prompt"]
    expected = asked.evidence[asked.blocks["prompt"]] @ (columns[0] - columns[1])
    assert at(path, 0) == pytest.approx(expected, abs=1e-5)


def test_runs_by_attributes_alone_have_no_other_paths(toy_run: api.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "captum.attr", None)
    assert paths(question(toy_run)) == ()
    found = api.explain(toy_run, question_image(0), method="gradient")
    assert found.gap is None
    assert abs(found.completeness_gap) < 1e-9
