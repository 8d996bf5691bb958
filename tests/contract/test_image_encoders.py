"""Every family of vision models, tiny and random: frozen as a backbone, and as the encoder of a model that learns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from kgzsl.data.backbone import PatchBackbone, load_backbone
from kgzsl.data.preprocessing import Preprocessing
from kgzsl.errors import ConfigError
from kgzsl.model.config import ModelConfig
from kgzsl.model.image_encoder import PretrainedEncoder

SIZE = 64
PLAIN: dict[str, Any] = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2, "image_size": SIZE}
WIDE = PLAIN | {"intermediate_size": 64, "patch_size": 16}
WINDOWS: dict[str, Any] = {"image_size": SIZE, "patch_size": 4, "embed_dim": 16, "depths": [2, 2], "num_heads": [2, 2]}
STAGES: dict[str, Any] = {"hidden_sizes": [8, 16, 16, 32], "depths": [1, 1, 1, 2]}
TEXT: dict[str, Any] = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}


@dataclass(frozen=True)
class Family:
    """What is known of a family: its configuration's name and arguments, and what must come out.

    Args:
        config: class of transformers.
        arguments: of the class.
        grid: patches of a row.
        channels: of a patch.
        in_front: tokens before the patches.
        blocks: the list that holds the blocks.
        last: what a tuned last block brings along: prefixes of parameters.
        maps: whether there are attention maps.
    """

    config: str
    arguments: dict[str, Any]
    grid: int = 4
    channels: int = 32
    in_front: int = 0
    blocks: str = "encoder.layer"
    last: tuple[str, ...] = ("layernorm",)
    maps: bool = True


FAMILIES = {
    "vit": Family("ViTConfig", WIDE, in_front=1, blocks="layers"),
    "deit": Family("DeiTConfig", WIDE, in_front=2, blocks="layers"),
    "dinov2": Family("Dinov2Config", PLAIN | {"patch_size": 16, "mlp_ratio": 2}, in_front=1),
    # 1 + 4 tokens before 4 patches: the largest square that the sequence has room for would be 3 x 3.
    "dinov2, registers": Family(
        "Dinov2WithRegistersConfig",
        PLAIN | {"patch_size": 32, "mlp_ratio": 2, "num_register_tokens": 4},
        grid=2,
        in_front=5,
    ),
    "dinov3": Family(
        "DINOv3ViTConfig", WIDE | {"num_register_tokens": 4}, in_front=5, blocks="model.layer", last=("norm",)
    ),
    "dinov3, convolutional": Family(
        "DINOv3ConvNextConfig",
        STAGES | {"image_size": SIZE},
        grid=2,
        in_front=1,
        blocks="model.stages",
        last=("layer_norm",),
        maps=False,
    ),
    "clip, vision": Family("CLIPVisionConfig", WIDE, in_front=1, blocks="encoder.layers", last=("post_layernorm",)),
    "clip": Family(
        "CLIPConfig",
        {"vision_config": WIDE, "text_config": TEXT | {"vocab_size": 50, "bos_token_id": 1, "eos_token_id": 2}},
        in_front=1,
        blocks="encoder.layers",
        last=("post_layernorm",),
    ),
    "siglip, vision": Family("SiglipVisionConfig", WIDE, blocks="encoder.layers", last=("post_layernorm",)),
    "siglip": Family(
        "SiglipConfig",
        {"vision_config": WIDE, "text_config": TEXT | {"vocab_size": 50, "bos_token_id": 1, "eos_token_id": 2}},
        blocks="encoder.layers",
        last=("post_layernorm",),
    ),
    "beit": Family("BeitConfig", WIDE, in_front=1, blocks="layers", last=()),
    "swin": Family("SwinConfig", WINDOWS | {"window_size": 4}, grid=8, blocks="encoder.layers"),
    "swinv2": Family("Swinv2Config", WINDOWS | {"window_size": 4}, grid=8, blocks="encoder.layers"),
    "mobilenetv2": Family(
        "MobileNetV2Config",
        {"image_size": SIZE, "depth_multiplier": 0.25},
        grid=2,
        channels=1280,
        blocks="layer",
        last=("conv_1x1",),
        maps=False,
    ),
    "convnext": Family("ConvNextConfig", STAGES | {"image_size": SIZE}, grid=2, blocks="encoder.stages", maps=False),
    "convnextv2": Family(
        "ConvNextV2Config", STAGES | {"image_size": SIZE}, grid=2, blocks="encoder.stages", maps=False
    ),
    "resnet": Family(
        "ResNetConfig", STAGES | {"embedding_size": 8}, grid=2, blocks="encoder.stages", last=(), maps=False
    ),
}
families = pytest.mark.parametrize("name", FAMILIES)
Saved = Callable[[str], Path]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Saved:
    """The folder of a family's model, with random weights and its preprocessing."""
    import transformers

    folders: dict[str, Path] = {}

    def folder(name: str) -> Path:
        if name not in folders:
            torch.manual_seed(1)
            family = FAMILIES[name]
            model = transformers.AutoModel.from_config(getattr(transformers, family.config)(**family.arguments))
            folders[name] = tmp_path_factory.mktemp("model")
            model.save_pretrained(folders[name])
            stated = Preprocessing(SIZE, SIZE, (0.5,) * 3, (0.25,) * 3).to_json()
            (folders[name] / "preprocessor_config.json").write_text(stated)
        return folders[name]

    return folder


def encoder(folder: Path, **changes: Any) -> PretrainedEncoder:
    torch.manual_seed(0)
    return PretrainedEncoder(ModelConfig(dim=16, image_encoder=str(folder), **changes))


def pixels(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, SIZE, SIZE, 3), dtype=np.uint8)


def lit(size: int, grid: int, place: int) -> np.ndarray:
    """A gray image in which the square of one patch is white."""
    side = size // grid
    row, column = divmod(place, grid)
    image = np.full((1, size, size, 3), 100, dtype=np.uint8)
    image[:, row * side : (row + 1) * side, column * side : (column + 1) * side] = 255
    return image


@families
def test_a_frozen_backbone_gives_its_patches_row_by_row(saved: Saved, name: str) -> None:
    family, backbone = FAMILIES[name], load_backbone(saved(name))
    assert backbone.in_front == family.in_front
    assert backbone.encode(pixels(2)).shape == (2, family.grid**2, family.channels)
    assert not any(p.requires_grad for p in backbone.module.parameters())
    if name in ("mobilenetv2", "resnet"):  # with random weights they see no places, but they give a map
        values = backbone.preprocessing.normalize(torch.from_numpy(pixels(2)))
        with torch.inference_mode():
            hidden = backbone.module(pixel_values=values).last_hidden_state.half()
        assert np.array_equal(backbone.encode(pixels(2))[:, 2], hidden[:, :, 1, 0])
        return
    assert found_places(backbone, family.grid) == list(range(family.grid**2))


@pytest.mark.parametrize("name", ["mobilenet_v2_imagenet", "mobilenet_v2_inat_birds"])
def test_real_weights_give_their_patches_row_by_row(shared_data: Path, name: str) -> None:
    backbone = load_backbone(shared_data / "backbones" / name)
    # They see far: what moves most is the patch or one beside it.
    found = np.array(found_places(backbone, 7))
    apart = np.abs(np.stack(np.divmod(found, 7)) - np.stack(np.divmod(np.arange(49), 7))).max(0)
    assert (apart <= 1).sum() >= 47


def found_places(backbone: PatchBackbone, grid: int) -> list[int]:
    """The patch that moves most when the square of each is lit."""
    side = backbone.preprocessing.size
    dark = backbone.encode(np.full((1, side, side, 3), 100, dtype=np.uint8)).astype(float)
    moved = (np.linalg.norm(backbone.encode(lit(side, grid, p)) - dark, axis=-1)[0] for p in range(grid**2))
    return [int(changes.argmax()) for changes in moved]


@families
def test_alone_and_in_a_batch_an_image_is_the_same(saved: Saved, name: str) -> None:
    backbone, images = load_backbone(saved(name)), pixels(3)
    alone = np.concatenate([backbone.encode(image[None]) for image in images])
    np.testing.assert_allclose(backbone.encode(images), alone, atol=2e-2, rtol=1e-2)


@families
def test_the_encoder_sees_what_the_backbone_sees(saved: Saved, name: str) -> None:
    family, model = FAMILIES[name], encoder(saved(name)).eval()
    assert (model.patches, model.channels) == (family.grid**2, family.channels)
    with torch.inference_mode():
        tokens = model(torch.from_numpy(pixels(2)))
        features = torch.from_numpy(load_backbone(saved(name)).encode(pixels(2))).float()
        normal = torch.nn.functional.layer_norm(features, [family.channels])
    torch.testing.assert_close(tokens, normal, atol=3e-2, rtol=1e-2)


@families
def test_the_last_block_learns_and_what_comes_after_it(saved: Saved, name: str) -> None:
    family, model = FAMILIES[name], encoder(saved(name), tuned_blocks=1)
    names = [key for key, _ in model.backbone.named_parameters()]
    count = len(model.backbone.get_submodule(family.blocks))  # type: ignore[arg-type]
    wanted = tuple(f"{prefix}." for prefix in (f"{family.blocks}.{count - 1}", *family.last))
    tuned = {key for key, p in model.backbone.named_parameters() if p.requires_grad}
    assert tuned == {key for key in names if key.startswith(wanted)}
    assert all(any(key.startswith(prefix) for key in names) for prefix in wanted)


@families
def test_all_of_it_learns_or_nothing(saved: Saved, name: str) -> None:
    kinds = [encoder(saved(name), tuned_blocks=blocks).train() for blocks in (-1, 0)]
    tuned, frozen = ({key for key, p in kind.backbone.named_parameters() if p.requires_grad} for kind in kinds)
    unused = {key for key, _ in kinds[0].backbone.named_parameters() if key.startswith(("pooler", "head"))}
    assert tuned == {key for key, _ in kinds[0].backbone.named_parameters()} - unused
    assert not frozen
    assert not any(module.training for module in kinds[1].backbone.modules())
    kinds[0](torch.from_numpy(pixels(2))).square().sum().backward()
    gradients = [p for p in kinds[0].backbone.parameters() if p.grad is not None]
    assert len(gradients) > len(tuned) / 2


@families
def test_more_blocks_than_there_are(saved: Saved, name: str) -> None:
    with pytest.raises(ConfigError, match=r"model.tuned_blocks = 40; expected at most \d+, or -1"):
        encoder(saved(name), tuned_blocks=40)


@families
def test_attention_maps_are_there_or_it_is_said(saved: Saved, name: str) -> None:
    family, images = FAMILIES[name], pixels(2)
    backbone = load_backbone(saved(name), eager=True)
    if not family.maps:
        with pytest.raises(ConfigError, match="gives no attention maps"):
            backbone.attention_maps(images)
        return
    maps = backbone.attention_maps(images)
    assert len(maps) > 1
    for layer in maps:
        torch.testing.assert_close(layer.sum(-1), torch.ones(layer.shape[:-1]))
    if "swin" not in name:  # whose maps are those of windows
        tokens = family.grid**2 + family.in_front
        assert {layer.shape for layer in maps} == {(2, 2, tokens, tokens)}


def test_fused_attention_keeps_no_maps_and_this_is_said(saved: Saved) -> None:
    backbone = load_backbone(saved("vit"))
    with pytest.raises(ConfigError, match=r"gives no attention maps.*eager=True"):
        backbone.attention_maps(pixels(1))


def test_frozen_batch_statistics_stay_while_others_move(saved: Saved) -> None:
    model = encoder(saved("resnet"), tuned_blocks=1).train()
    before = {key: value.clone() for key, value in model.backbone.named_buffers() if "running" in key}
    model(torch.from_numpy(pixels(4)))
    moved = {key for key, value in model.backbone.named_buffers() if "running" in key and (value != before[key]).any()}
    assert moved == {key for key in before if key.startswith("encoder.stages.3.")}
    assert moved


def test_what_has_no_weights_goes_with_the_block_that_it_stands_in(saved: Saved) -> None:
    model = encoder(saved("vit"), tuned_blocks=1).train()
    layers: Any = model.backbone.get_submodule("layers")
    dropouts = [[m.training for m in layer.modules() if isinstance(m, torch.nn.Dropout)] for layer in layers]
    assert dropouts[0]
    assert [set(kinds) for kinds in dropouts] == [{False}, {False}, {True}]


def test_without_its_weights_the_shape_is_enough(saved: Saved, tmp_path: Path) -> None:
    whole = encoder(saved("deit")).eval()
    for file in ("config.json", "preprocessor_config.json"):
        (tmp_path / file).write_bytes((saved("deit") / file).read_bytes())
    with pytest.raises(ConfigError, match=r"no image encoder at .*model\.safetensors"):
        encoder(tmp_path)
    shape = PretrainedEncoder(ModelConfig(dim=16, image_encoder=str(tmp_path)), weights=False).eval()
    shape.load_state_dict(whole.state_dict())
    with torch.inference_mode():
        assert torch.equal(shape(torch.from_numpy(pixels(1))), whole(torch.from_numpy(pixels(1))))


@families
def test_images_of_another_size_are_read_or_refused_with_both_sizes(saved: Saved, tmp_path: Path, name: str) -> None:
    for file in ("config.json", "model.safetensors"):
        (tmp_path / file).symlink_to(saved(name) / file)
    (tmp_path / "preprocessor_config.json").write_text(Preprocessing(96, 96, (0.5,) * 3, (0.25,) * 3).to_json())
    makers = (load_backbone, encoder)
    if name in ("vit", "deit", "clip", "clip, vision", "siglip", "siglip, vision"):
        for make in makers:
            with pytest.raises(
                ConfigError, match=r"scales images to 96 x 96 pixels, but its model reads 64 x 64 alone"
            ):
                make(tmp_path)
    else:
        assert load_backbone(tmp_path).encode(np.zeros((1, 96, 96, 3), dtype=np.uint8)).shape[0] == 1
        assert encoder(tmp_path).channels == FAMILIES[name].channels


@pytest.mark.parametrize("make", [load_backbone, encoder])
def test_a_model_of_images_in_pieces(tmp_path: Path, make: Callable[[Path], Any]) -> None:
    from transformers import AutoModel, Siglip2VisionConfig

    shape = {name: value for name, value in WIDE.items() if name != "image_size"}
    AutoModel.from_config(Siglip2VisionConfig(**shape, num_patches=16)).save_pretrained(tmp_path)
    said = r"is a Siglip2VisionModel, which needs pixel_attention_mask and spatial_shapes beside the pixels; exp"
    with pytest.raises(ConfigError, match=said):
        make(tmp_path)


def test_weights_in_half_precision_become_whole(saved: Saved, tmp_path: Path) -> None:
    import transformers

    transformers.AutoModel.from_pretrained(saved("vit")).half().save_pretrained(tmp_path)
    backbone: PatchBackbone = load_backbone(tmp_path)
    assert {p.dtype for p in backbone.module.parameters()} == {torch.float32}
