"""Runs with pretrained encoders: what learns, what is kept, and what can be wrong."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from kgzsl import api, errors

SHORT: dict[str, Any] = {"epochs": 2, "refit_epochs": 1, "batch_size": 16}


@pytest.fixture(scope="module")
def vision(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny DeiT of 24 pixels, whose images are cut out of 28."""
    from transformers import DeiTConfig, DeiTModel

    from kgzsl.data.preprocessing import Preprocessing

    folder = tmp_path_factory.mktemp("models") / "tiny-deit"
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}
    DeiTModel(DeiTConfig(**shape, image_size=24, patch_size=8), add_pooling_layer=False).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(Preprocessing(24, 28, (0.4,) * 3, (0.2,) * 3).to_json())
    return folder


@pytest.fixture(scope="module")
def language(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny RoBERTa with a tokenizer of bytes: its mask is not called [MASK]."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast, RobertaConfig, RobertaForMaskedLM

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(["has main color : red,green,blue,yellow | has shape : round,square"], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    names = {"bos": "<s>", "cls": "<s>", "pad": "<pad>", "eos": "</s>", "sep": "</s>", "unk": "<unk>", "mask": "<mask>"}
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, **{f"{role}_token": name for role, name in names.items()}
    )
    folder = tmp_path_factory.mktemp("models") / "tiny-roberta"
    torch.manual_seed(0)
    shape = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}
    RobertaForMaskedLM(RobertaConfig(vocab_size=len(fast), **shape)).save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder


@pytest.fixture
def picture(toys: Any) -> Path:
    return toys.images / "GreenBox" / "0.png"


def weights_of(source: Path) -> dict[str, torch.Tensor]:
    """The weights of a pretrained model by the names that they have in it."""
    from transformers import AutoModel

    model = AutoModel.from_pretrained(source)
    return {key: value for key, value in model.state_dict().items() if not key.startswith("pooler")}


def learned(run: api.Run, source: Path, prefix: str) -> set[str]:
    """Names of the weights of a pretrained model that a run changed."""
    after = load_file(run.folder.checkpoint)
    return {key for key, value in weights_of(source).items() if not torch.equal(after[prefix + key], value)}


def test_images_go_through_a_network_that_learns(
    toys: Any, vision: Path, tmp_path: Path, picture: Path, poisoned_test_images: None
) -> None:
    source = shutil.copytree(vision, tmp_path / "tiny-deit")
    config = toys.config(model={"image_encoder": str(source)}, train=SHORT)
    run = api.fit(config, tmp_path / "run")
    assert run.facts["backbone"] == "tiny-deit, tuned"
    assert run.facts["patches"] == 9
    assert len(learned(run, source, "image_encoder.backbone.")) > 30
    assert abs(api.explain(run, picture).completeness_gap) < 1e-9
    assert api.evaluate(run).backbone == "tiny-deit, tuned"
    expected = api.predict(run, [picture])
    # The run has all that it needs.
    shutil.rmtree(source)
    again = api.load_run(run.folder.path)
    assert api.predict(again, [picture]) == expected
    assert api.evaluate(again).to_dict() == api.evaluate(run).to_dict()


def test_test_images_change_nothing(toys: Any, vision: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    config = toys.config(model={"image_encoder": str(vision), "tuned_blocks": 1}, train=SHORT)
    honest = api.fit(config, tmp_path / "honest")
    request.getfixturevalue("poisoned_test_images")
    other = api.fit(config, tmp_path / "poisoned")
    one, two = load_file(honest.folder.checkpoint), load_file(other.folder.checkpoint)
    assert [key for key in one if not torch.equal(one[key], two[key])] == []
    assert honest.gamma == other.gamma


def test_images_are_read_at_the_size_of_the_encoder(toys: Any, vision: Path) -> None:
    data = api.load_dataset(toys.config(model={"image_encoder": str(vision)}, data={"size": 48}))
    assert data.images.array.shape[1:] == (24, 24, 3)
    drawn = {"benchmark": "creatures", "train_per_class": 2, "test_per_class": 1}
    from kgzsl.train.run import parse_config

    creatures = api.load_dataset(parse_config({"data": drawn, "model": {"image_encoder": str(vision)}}))
    assert creatures.images.array.shape[1:] == (24, 24, 3)
    assert creatures.images.backbone == "tiny-deit, tuned"


@pytest.mark.parametrize(
    ("model", "train", "changed"),
    [
        ({"tuned_blocks": 1}, {}, ("layers.1.", "layernorm.")),
        ({"tuned_blocks": 0}, {}, ()),
        ({"tuned_blocks": -1}, {"backbone_lr": 0.0}, ()),
    ],
)
def test_what_learns_is_what_was_said(
    toys: Any, vision: Path, tmp_path: Path, model: Any, train: Any, changed: tuple[str, ...]
) -> None:
    config = toys.config(model={"image_encoder": str(vision)} | model, train=SHORT | train)
    run = api.fit(config, tmp_path / "run")
    moved = learned(run, vision, "image_encoder.backbone.")
    assert moved == ({key for key in weights_of(vision) if key.startswith(changed)} if changed else set())


def test_a_killed_run_goes_on_with_the_same_bits(toys: Any, vision: Path, language: Path, tmp_path: Path) -> None:
    encoders = {"image_encoder": str(vision), "tuned_blocks": 1, "text_encoder": str(language), "tuned_text_blocks": 1}
    config = toys.config(model=encoders, train=SHORT)
    whole = api.fit(config, tmp_path / "whole")

    def kill(record: Any) -> None:
        if record.epoch == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        api.fit(config, tmp_path / "killed", listener=api.Listener(epoch=kill))
    resumed = api.fit(config, tmp_path / "killed")
    one, two = load_file(whole.folder.checkpoint), load_file(resumed.folder.checkpoint)
    assert [key for key in one if not torch.equal(one[key], two[key])] == []


@pytest.mark.parametrize(("blocks", "prefix"), [(0, "none"), (1, "encoder.layer.1.")])
def test_a_masked_language_model_of_another_kind_of_pieces(
    toys: Any, language: Path, tmp_path: Path, picture: Path, blocks: int, prefix: str
) -> None:
    source = shutil.copytree(language, tmp_path / "tiny-roberta")
    model = {"text_encoder": str(source), "tuned_text_blocks": blocks}
    run = api.fit(toys.config(model=model, train=SHORT | {"grounding_share": 1.0}), tmp_path / "run")
    moved = learned(run, source, "text_encoder.transformer.")
    assert bool(moved) == bool(blocks)
    assert all(key.startswith(prefix) for key in moved)
    lines = (run.folder.path / "metrics.jsonl").read_text()
    assert "masked_attribute" in lines
    expected = api.predict(run, [picture])
    shutil.rmtree(source)
    assert api.predict(api.load_run(run.folder.path), [picture]) == expected


def test_texts_and_classes_are_encoded_once_whatever_the_number_of_images(
    toys: Any, toy_run: api.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kgzsl.model.classifier import ZeroShotClassifier

    calls: list[str] = []
    for name in ("encode_text", "encode_classes", "encode_images"):
        real = getattr(ZeroShotClassifier, name)

        def counted(self: Any, *arguments: Any, name: str = name, real: Any = real) -> Any:
            calls.append(name)
            return real(self, *arguments)

        monkeypatch.setattr(ZeroShotClassifier, name, counted)
    pictures = sorted(toys.images.rglob("*.png"))
    predictions = api.predict(toy_run, [*pictures, *pictures, *pictures])
    assert [p.image for p in predictions] == [str(p) for p in pictures] * 3
    assert sorted(calls) == ["encode_classes", *["encode_images"] * 3, "encode_text"]
    assert [p.top for p in predictions[:64]] == [p.top for p in predictions[64:128]]
    assert api.predict(toy_run, []) == []


def test_every_bad_image_is_named_whichever_batch_it_is_in(toys: Any, toy_run: api.Run, tmp_path: Path) -> None:
    pictures = sorted(toys.images.rglob("*.png"))
    bad = [tmp_path / f"{k}.png" for k in range(3)]
    with pytest.raises(errors.ImageError) as caught:
        api.predict(toy_run, [*pictures, bad[0], *pictures, bad[1], bad[2]])
    assert [p.file for p in caught.value.problems] == bad


def refused(config: Any, folder: Path) -> str:
    """What is said of a run file, before anything was written."""
    with pytest.raises(errors.ConfigError) as caught:
        api.fit(config, folder)
    assert not folder.exists()
    assert caught.value.exit_status == 2
    return str(caught.value)


def test_encoders_that_exclude_each_other(toys: Any, vision: Path, tmp_path: Path) -> None:
    with pytest.raises(errors.ConfigError, match=r"model\.image_encoder and data.backbone; expected one of them"):
        toys.config(model={"image_encoder": str(vision)}, data={"backbone": str(vision)})
    compat = toys.config(model={"image_encoder": str(vision), "kind": "duet-compat"})
    assert "model.image_encoder with model.kind = 'duet-compat'" in refused(compat, tmp_path / "run")


@pytest.mark.parametrize("key", ["data.backbone", "model.image_encoder", "model.text_encoder"])
def test_a_hub_id_without_the_hub(toys: Any, tmp_path: Path, key: str) -> None:
    section, _, name = key.partition(".")
    said = refused(toys.config(**{section: {name: "nobody/no-model-of-that-name"}}), tmp_path / "run")
    for piece in ("nobody/no-model-of-that-name", "not to be had from the hub", "download the folder", "HF_HOME"):
        assert piece in said


@pytest.mark.parametrize("key", ["data.backbone", "model.image_encoder", "model.text_encoder"])
def test_a_folder_without_weights(toys: Any, vision: Path, language: Path, tmp_path: Path, key: str) -> None:
    section, _, name = key.partition(".")
    source = shutil.copytree(language if "text" in key else vision, tmp_path / "model")
    (source / "model.safetensors").unlink()
    said = refused(toys.config(**{section: {name: str(source)}}), tmp_path / "run")
    for piece in (str(source), "model.safetensors", "copied whole"):
        assert piece in said


@pytest.mark.parametrize("key", ["data.backbone", "model.image_encoder"])
def test_a_text_model_in_the_place_of_an_image_encoder(toys: Any, language: Path, tmp_path: Path, key: str) -> None:
    section, _, name = key.partition(".")
    said = refused(toys.config(**{section: {name: str(language)}}), tmp_path / "run")
    assert "RobertaModel, which reads no pixels; expected a vision model" in said


def test_weights_of_another_text_model(toys: Any, language: Path, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    source = shutil.copytree(language, tmp_path / "model")
    tensors = load_file(source / "model.safetensors")
    tensors.pop("roberta.encoder.layer.1.output.dense.weight")
    save_file(tensors, source / "model.safetensors", {"format": "pt"})
    said = refused(toys.config(model={"text_encoder": str(source)}), tmp_path / "run")
    assert "1 weights are missing" in said
    assert "encoder.layer.1.output.dense.weight" in said


def test_an_image_encoder_of_oblong_images(toys: Any, vision: Path, tmp_path: Path) -> None:
    source = shutil.copytree(vision, tmp_path / "model")
    (source / "preprocessor_config.json").write_text('{"size": {"height": 24, "width": 32}}')
    said = refused(toys.config(model={"image_encoder": str(source)}), tmp_path / "run")
    assert "reads images of 24 x 32 pixels; expected square images" in said


def test_an_image_encoder_of_an_oblong_grid(toys: Any, tmp_path: Path) -> None:
    from transformers import ViTConfig, ViTModel

    shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    config = ViTConfig(**shape, image_size=24, patch_size=[8, 12])
    ViTModel(config, add_pooling_layer=False).save_pretrained(tmp_path / "model")
    said = refused(toys.config(model={"image_encoder": str(tmp_path / "model")}), tmp_path / "run")
    assert "6 patches; expected a square grid of patches" in said


def test_a_budget_below_what_the_properties_take(toys: Any, tmp_path: Path) -> None:
    said = refused(toys.config(semantics={"token_budget": 8}), tmp_path / "run")
    assert re.search(r"a prompt of all properties and one value has (\d+) tokens; expected at most 8; raise", said)
    least = int(re.findall(r"has (\d+) tokens", said)[0])
    refused(toys.config(semantics={"token_budget": least - 1}), tmp_path / "run")
    run = api.fit(toys.config(semantics={"token_budget": least}, train=SHORT), tmp_path / "run")
    assert "masked_attribute" in (run.folder.path / "metrics.jsonl").read_text()


def test_the_checkpoint_of_another_kind_of_model(toys: Any, toy_run: api.Run, tmp_path: Path, vision: Path) -> None:
    folder = shutil.copytree(toy_run.folder.path, tmp_path / "run")
    file = folder / "config.toml"
    own = file.read_text()
    file.write_text(own.replace('kind = "duet"', 'kind = "duet-compat"'))
    with pytest.raises(errors.CheckpointError, match=r"checkpoint.safetensors: no tensor"):
        api.load_run(folder)
    shutil.copytree(vision, folder / "image_encoder")
    file.write_text(own.replace('image_encoder = ""', 'image_encoder = "tiny-deit"'))
    with pytest.raises(errors.CheckpointError, match=r"no tensor image_encoder\.backbone"):
        api.load_run(folder)


def test_pixels_and_files_give_the_same(toys: Any, vision: Path, tmp_path: Path, picture: Path) -> None:
    from kgzsl.data.preprocessing import read_preprocessing

    run = api.fit(toys.config(model={"image_encoder": str(vision)}, train=SHORT), tmp_path / "run")
    pixels = read_preprocessing(vision).read([picture])[0]
    told, other = (api.explain(run, image, name="it") for image in (picture, pixels))
    assert told.margin == pytest.approx(other.margin, abs=1e-6)
    assert [f.fact for f in told.facts] == [f.fact for f in other.facts]


@pytest.mark.parametrize("kind", ["eszsl", "gcnz", "clip-names"])
def test_a_baseline_with_an_encoder_that_learns(toys: Any, tmp_path: Path, kind: str) -> None:
    config = toys.config(
        model={"kind": kind, "image_encoder": "some/dino", "text_encoder": "some/bert"},
        baseline={"dual_encoder": "some/clip"},
    )
    with pytest.raises(errors.ConfigError) as caught:
        api.fit(config, tmp_path / "run")
    said = [str(p) for p in caught.value.problems]
    assert [text.partition(" ")[0] for text in said] == ["model.image_encoder", "model.text_encoder"]
    assert ("baseline.dual_encoder" if kind == "clip-names" else "data.backbone") in said[0]
    assert not (tmp_path / "run").exists()
