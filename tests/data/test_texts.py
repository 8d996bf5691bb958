"""Texts as states of a frozen language model, and their cache."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from kgzsl.data import texts as module
from kgzsl.data.texts import load_text_model, text_states
from kgzsl.errors import ConfigError

TEXTS = ["zebra", "zebra with stripes", "a horse that lives in savanna and has four legs", "newt", "horse", "spots"]


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small random BERT and its tokenizer."""
    return make_bert(tmp_path_factory.mktemp("texts") / "tiny-bert", seed=0)


def make_bert(folder: Path, *, seed: int) -> Path:
    from transformers import BertConfig, BertModel

    from kgzsl.model.text_encoder import build_tokenizer

    tokenizer = build_tokenizer(TEXTS)
    torch.manual_seed(seed)
    size = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}
    config = BertConfig(vocab_size=len(tokenizer), max_position_embeddings=40, **size)
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many texts went through the model, call by call."""
    honest, calls = module.TextModel.states, []

    def counted(model: module.TextModel, texts: list[list[int]]) -> np.ndarray:
        calls.append(len(texts))
        return honest(model, texts)

    monkeypatch.setattr(module.TextModel, "states", counted)
    return calls


def test_states_are_means_over_the_tokens_of_unit_length(bert: Path, tmp_path: Path) -> None:
    from transformers import AutoModel, AutoTokenizer

    states = text_states(TEXTS, bert, cache=tmp_path)
    encoded = AutoTokenizer.from_pretrained(bert)(TEXTS, padding=True, return_tensors="pt")
    with torch.no_grad():
        hidden = AutoModel.from_pretrained(bert).eval()(**encoded).last_hidden_state
    mask = encoded["attention_mask"][..., None]
    assert mask.min() == 0  # padded, which must not matter
    mean = F.normalize((hidden * mask).sum(1) / mask.sum(1), dim=1)
    assert states.dtype == np.float32
    assert np.allclose(states, mean.numpy(), atol=1e-6)
    assert np.allclose(np.linalg.norm(states, axis=1), 1)


def test_the_cache_gives_the_same_bits_in_any_order_and_only_what_is_missing_is_computed(
    bert: Path, tmp_path: Path, computed: list[int]
) -> None:
    some = text_states(TEXTS[:3], bert, cache=tmp_path)
    assert sum(computed) == 3
    every = text_states([*TEXTS[::-1], "zebra"], bert, cache=tmp_path)
    assert sum(computed) == len(TEXTS)
    assert np.array_equal(every[::-1][1:4], some)
    assert np.array_equal(every[-1], some[0])
    assert np.array_equal(text_states([*TEXTS[::-1], "zebra"], bert, cache=tmp_path), every)
    assert sum(computed) == len(TEXTS)
    assert text_states([], bert, cache=tmp_path).shape == (0, 16)
    elsewhere = text_states(TEXTS, bert, cache=tmp_path / "elsewhere")
    assert np.allclose(elsewhere, every[-2::-1], atol=1e-6)


def test_other_weights_have_their_own_states(bert: Path, tmp_path: Path) -> None:
    other = make_bert(tmp_path / "tiny-bert", seed=1)
    one = text_states(TEXTS, bert, cache=tmp_path / "cache")
    assert not np.allclose(text_states(TEXTS, other, cache=tmp_path / "cache"), one, atol=1e-3)
    assert np.array_equal(text_states(TEXTS, bert, cache=tmp_path / "cache"), one)


@pytest.mark.parametrize("damage", ["cut", "changed", "foreign"])
def test_a_damaged_file_is_computed_again(bert: Path, tmp_path: Path, computed: list[int], damage: str) -> None:
    states = text_states(TEXTS, bert, cache=tmp_path)
    (file,) = tmp_path.rglob("*.safetensors")
    content = bytearray(file.read_bytes())
    if damage == "changed":
        content[-3] ^= 1
    file.write_bytes({"cut": content[:-20], "changed": content, "foreign": b"something else"}[damage])
    assert np.allclose(text_states(TEXTS, bert, cache=tmp_path), states, atol=1e-6)
    assert sum(computed) == 2 * len(TEXTS)
    text_states(TEXTS, bert, cache=tmp_path)
    assert sum(computed) == 2 * len(TEXTS)


def test_a_killed_computation_goes_on_where_it_stopped(
    bert: Path, tmp_path: Path, computed: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PART", 2)

    def kill(done: int, count: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        text_states(TEXTS, bert, cache=tmp_path, progress=kill)
    seen: list[tuple[int, int]] = []
    text_states(TEXTS, bert, cache=tmp_path, progress=lambda done, count: seen.append((done, count)))
    assert seen[-1] == (2, 2)  # the first four are kept
    assert not list(tmp_path.rglob("*.part*"))


def test_long_texts_are_cut_as_the_model_reads_them(bert: Path, tmp_path: Path) -> None:
    long = "zebra " * 50
    a, b = text_states([long, long + "horse"], bert, cache=tmp_path)
    assert np.array_equal(a, b)


def test_the_cache_is_where_the_environment_says(bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KGZSL_CACHE", str(tmp_path / "own"))
    text_states(["zebra"], bert)
    assert len(list((tmp_path / "own" / "texts").rglob("*.safetensors"))) == 1


def test_what_is_no_text_model_is_refused(bert: Path, clip: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no text model at"):
        text_states(TEXTS, tmp_path / "nowhere", cache=tmp_path)
    with pytest.raises(ConfigError, match="CLIPModel, which does not read texts alone"):
        text_states(TEXTS, clip, cache=tmp_path)
    broken = make_bert(tmp_path / "broken", seed=0)
    for file in broken.glob("token*"):
        file.unlink()
    with pytest.raises(ConfigError, match="no tokenizer at"):
        text_states(TEXTS, broken, cache=tmp_path)


def test_states_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = make_bert(tmp_path / "nan", seed=0)
    weights = load_file(folder / "model.safetensors")
    weights["embeddings.LayerNorm.weight"].fill_(float("nan"))
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ConfigError, match="nan gives states that are no numbers"):
        text_states(TEXTS, folder, cache=tmp_path)


def test_a_real_language_model_knows_what_belongs_together(minilm: Path, tmp_path: Path) -> None:
    states = text_states(["zebra", "has stripes", "lives in the ocean", "dolphin"], "minilm", cache=tmp_path)
    near = states @ states.T
    assert states.shape == (4, 384)
    assert near[0, 1] == pytest.approx(0.41, abs=0.01)
    assert near[0, 1] > near[0, 2]
    assert near[3, 2] > near[3, 1]


def test_a_model_that_is_loaded_once_reads_many_times(bert: Path, tmp_path: Path, computed: list[int]) -> None:
    model = load_text_model(bert)
    states = text_states(TEXTS[:3], model, cache=tmp_path)
    np.testing.assert_array_equal(text_states(TEXTS[:3], bert, cache=tmp_path), states)
    assert sum(computed) == 3


def test_embeddings_in_the_place_of_tokens_are_the_same_text(bert: Path) -> None:
    model = load_text_model(bert)
    tokens = torch.tensor([model.tokens(TEXTS[2])])
    words = model.module.get_input_embeddings()
    torch.testing.assert_close(model.pooled(words(tokens)), model.pooled(tokens))
