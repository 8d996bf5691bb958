from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from kgzsl import api
from kgzsl.errors import ConfigError
from kgzsl.model.baselines import MeanToken, NamedClassifier
from kgzsl.model.baselines.dual_encoder import DualImages, class_texts, text_vectors


def test_scores_are_those_of_the_model_itself(clip: Path) -> None:
    from transformers import AutoTokenizer, CLIPImageProcessor, CLIPModel

    pixels = np.random.default_rng(0).integers(0, 256, (3, 24, 24, 3), dtype=np.uint8)
    texts = ["a photo of a red disc.", "a photo of a blue box."]
    model = CLIPModel.from_pretrained(clip).eval()
    values = CLIPImageProcessor.from_pretrained(clip)(list(pixels), return_tensors="pt")["pixel_values"]
    read = AutoTokenizer.from_pretrained(clip)(texts, padding="max_length", max_length=40, return_tensors="pt")
    with torch.no_grad():
        expected = model(
            input_ids=read["input_ids"], attention_mask=read["attention_mask"], pixel_values=values
        ).logits_per_image
    images = DualImages(str(clip))
    assert images.channels == 12
    own = NamedClassifier(MeanToken(images, width=12), classes=["ex:a", "ex:b"])
    own.vectors.copy_(text_vectors(str(clip), [[text] for text in texts]))
    with torch.no_grad():
        scores = own.scores(own.encode_images(torch.from_numpy(pixels)).evidence, own.vectors)
    assert torch.allclose(scores, expected, atol=1e-4)
    assert "vectors" in own.state_dict()
    assert len(own.state_dict()) == 1  # the dual encoder's weights are in no checkpoint


def save_siglip(kind: str, folder: Path) -> Path:
    """A small random SigLIP of 24 pixels (SigLIP 2: of 9 patches), its tokenizer and its image processor."""
    import transformers
    from tokenizers import normalizers

    from kgzsl.model.text_encoder import build_tokenizer

    tokenizer = build_tokenizer(["a photo of a red green blue disc box , which has round square as its shape ."])
    tokenizer.backend_tokenizer.normalizer = normalizers.NFC()  # leaves capitals, as the tokenizers of SigLIP 2 do
    torch.manual_seed(0)
    size = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}
    text = {**size, "vocab_size": len(tokenizer), "max_position_embeddings": 64, "projection_size": 16}
    image = {"num_patches": 9} if kind == "Siglip2" else {"image_size": 24}
    config = getattr(transformers, f"{kind}Config")(text_config=text, vision_config={**size, **image, "patch_size": 8})
    model = getattr(transformers, f"{kind}Model")(config)
    with torch.no_grad():  # random ones are too small to tell texts apart by their last token
        for parameter in model.parameters():
            parameter.normal_(std=0.3)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    processing = {"patch_size": 8, "max_num_patches": 9} if kind == "Siglip2" else {"size": {"height": 24, "width": 24}}
    getattr(transformers, f"{kind}ImageProcessor")(**processing).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("kind", ["Siglip", "Siglip2"])
def test_scores_of_a_siglip_are_its_own(kind: str, tmp_path: Path) -> None:
    from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

    folder = save_siglip(kind, tmp_path / "siglip")
    pixels = np.random.default_rng(0).integers(0, 256, (3, 24, 24, 3), dtype=np.uint8)
    texts = [
        "a photo of a red disc.",
        "a photo of a blue box.",
        "a photo of a round box, which has square as its shape.",
    ]
    model = AutoModel.from_pretrained(folder).eval()
    values = AutoImageProcessor.from_pretrained(folder)(list(pixels), return_tensors="pt")
    read = AutoTokenizer.from_pretrained(folder)(texts, padding="max_length", max_length=64, return_tensors="pt")
    with torch.no_grad():
        expected = model(input_ids=read["input_ids"], **values).logits_per_image
    images = DualImages(str(folder))
    assert images.channels == 16
    assert images.size == 24
    own = NamedClassifier(MeanToken(images, width=16), classes=["ex:a", "ex:b", "ex:c"])
    own.vectors.copy_(text_vectors(str(folder), [[text] for text in texts]))
    with torch.no_grad():
        scores = own.scores(own.encode_images(torch.from_numpy(pixels)).evidence, own.vectors)
    assert expected.std(1).min() > 1e-3
    torch.testing.assert_close(scores, expected, rtol=1e-4, atol=1e-4)
    # Names in capitals are read as all others.
    shouted = text_vectors(str(folder), [[text.upper()] for text in texts])
    assert torch.equal(shouted, own.vectors)


@pytest.mark.parametrize("kind", ["Siglip", "Siglip2"])
def test_a_run_with_a_siglip(toys: Any, kind: str, tmp_path: Path) -> None:
    folder = save_siglip(kind, tmp_path / "siglip")
    config = toys.config(model={"kind": "clip-facts"}, baseline={"dual_encoder": str(folder)})
    run = api.fit(config, tmp_path / "run")
    assert 0 <= api.evaluate(run).H <= 1
    assert len(api.predict(run, [next(toys.images.rglob("*.png"))])[0].top) == 5


def test_several_texts_score_their_mean(clip: Path) -> None:
    texts = ["a photo of a red disc.", "a photo of a blue box.", "a photo of a small round disc."]
    alone = text_vectors(str(clip), [[text] for text in texts])
    together = text_vectors(str(clip), [texts])
    assert torch.allclose(together[0], alone.mean(0), atol=1e-5)


def test_images_of_another_size_are_scaled(clip: Path) -> None:
    images = DualImages(str(clip))
    plain = torch.full((1, 48, 48, 3), 200, dtype=torch.uint8)
    with torch.no_grad():
        large, small = (F.normalize(images(p).flatten(1), dim=1) for p in (plain, plain[:, :24, :24]))
    assert torch.allclose(large, small, atol=1e-5)


def test_facts_are_said_one_by_one(toys: Any) -> None:
    attributes = api.load_dataset(toys.config()).attributes.subset([toys.iri("red disc")])
    (names,), (facts,) = (class_texts(attributes, facts=facts) for facts in (False, True))
    assert names == ("a photo of a red disc.",)
    assert "a photo of a red disc, which has a round shape." in facts
    assert all(text.startswith("a photo of a red disc, which ") for text in facts)
    assert len(facts) == 3  # color, shape and size; what is assumed or lacking is not said


def test_what_is_no_dual_encoder_is_refused(clip: Path, tmp_path: Path) -> None:
    from transformers import BertConfig, BertModel

    shape = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8}
    BertModel(BertConfig(vocab_size=20, **shape)).save_pretrained(tmp_path / "bert")
    with pytest.raises(ConfigError, match="is a BertModel; expected a dual encoder"):
        DualImages(str(tmp_path / "bert"))
    with pytest.raises(ConfigError, match="no dual encoder at"):
        DualImages(str(tmp_path / "none"))
    (tmp_path / "bare").mkdir()
    for name in ("config.json", "model.safetensors"):
        (tmp_path / "bare" / name).write_bytes((clip / name).read_bytes())
    with pytest.raises(ConfigError, match="no image processor at"):
        DualImages(str(tmp_path / "bare"))


def test_run_files_that_do_not_fit(toys: Any, clip: Path, tmp_path: Path) -> None:
    config = toys.config(model={"kind": "clip-names"}, data={"backbone": str(clip)})
    with pytest.raises(ConfigError) as caught:
        api.fit(config, tmp_path / "run")
    got = [problem.got for problem in caught.value.problems]
    assert got == ["data.backbone with model.kind = 'clip-names'", "model.kind = 'clip-names' without a model"]
    assert not (tmp_path / "run").exists()
