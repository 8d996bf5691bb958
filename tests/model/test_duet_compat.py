"""The compat model apart from its reference: weights under published names, shapes, options, errors."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from kgzsl.errors import CheckpointError, ConfigError
from kgzsl.model.departures import Departures
from kgzsl.model.duet_compat import CompatShape, DuetCompat
from kgzsl.model.published import load_published, published_names, to_published

SIZES = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
IMAGES: dict[str, dict[str, Any]] = {
    "deit": {"model_type": "deit", "image_size": 16, "patch_size": 8, "num_labels": 5, **SIZES},
    "swin": {
        "model_type": "swin",
        "image_size": 16,
        "patch_size": 2,
        "embed_dim": 4,
        "depths": [1, 1],
        "num_heads": [1, 2],
        "window_size": 4,
        "num_labels": 5,
    },
}


def build(kind: str = "deit", departures: Departures | None = None, **sizes: Any) -> DuetCompat:
    torch.manual_seed(0)
    shape = CompatShape({"vocab_size": 30, **SIZES}, IMAGES[kind], attributes=3, **{"heads": 2, "feed": 16, **sizes})
    return DuetCompat(shape, departures).eval()


def predicted(model: DuetCompat, images: torch.Tensor) -> torch.Tensor:
    template = torch.tensor([[2, 7, 9, 3]])
    return model.predicted_attributes(images, template, torch.ones_like(template))


@pytest.mark.parametrize("kind", IMAGES)
def test_weights_go_out_and_come_back_under_published_names(kind: str) -> None:
    model, other = build(kind), build(kind)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(1.0)
    named = {name: value.clone() for name, value in to_published(other.state_dict()).items()}
    load_published(model, named)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters(), strict=True))
    assert to_published(model.state_dict()).keys() == named.keys()


def test_names_are_of_three_parts_where_weights_are_packed() -> None:
    assert published_names("cross_modal.words.attend.in_proj_weight") == tuple(
        f"lxmert_xlayer.lang_self_att.self.{part}.weight" for part in ("query", "key", "value")
    )
    assert published_names("cross_modal.words.norms.0.bias") == published_names("cross_modal.patches.norms.0.bias")


def test_what_the_published_code_stores_beside_its_weights_is_passed_over() -> None:
    model = build()
    extra = {"bias": torch.tensor(1), "bert.pooler.dense.bias": torch.zeros(8), "mask_bias": torch.zeros(3)}
    load_published(model, to_published(model.state_dict()) | extra)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fc_image.bias": None}, "no tensor fc_image.bias"),
        ({"fc_image.scale": torch.zeros(1)}, "unknown tensor fc_image.scale"),
        ({"fc_image.bias": torch.zeros(7)}, r"tensor fc_image.bias of shape \(7,\)"),
    ],
)
def test_weights_that_do_not_fit_leave_the_model_as_it_was(change: dict[str, Any], message: str) -> None:
    model = build()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    named = {k: v + 1.0 for k, v in to_published(model.state_dict()).items()} | change
    with pytest.raises(CheckpointError, match=message):
        load_published(model, {k: v for k, v in named.items() if v is not None})
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


@pytest.mark.parametrize("kind", IMAGES)
@pytest.mark.parametrize("layers", [1, 3])
def test_patches_instead_of_logits(kind: str, layers: int) -> None:
    images = torch.rand(2, 3, 16, 16)
    published, paper = (build(kind, d, cross_layers=layers) for d in (Departures(), Departures.none()))
    assert published.encode_images(images).shape == (2, 1, 8)
    # DeiT: two special tokens and 2 x 2 patches; Swin: a mean and 4 x 4 patches after one merge.
    assert paper.encode_images(images).shape == (2, {"deit": 6, "swin": 17}[kind], 8)
    for model in (published, paper):
        together = predicted(model, images)
        assert together.shape == (2, 3)
        assert torch.allclose(together[:1], predicted(model, images[:1]), atol=1e-6)


def test_further_layers_share_their_weights() -> None:
    one, three = build(cross_layers=1), build(cross_layers=3)
    assert one.state_dict().keys() == three.state_dict().keys()
    images = torch.rand(2, 3, 16, 16)
    assert not torch.allclose(predicted(one, images), predicted(three, images))


def test_an_attribute_without_a_place_is_no_nan() -> None:
    words, tokens, nowhere = torch.rand(1, 4, 8), torch.rand(1, 1, 8), torch.zeros(1, 4, dtype=torch.bool)
    assert build().contrasted(words, tokens, torch.ones(1, 4), positions=nowhere).isfinite().all()


@pytest.mark.parametrize("layers", [1, 2])
def test_words_are_grounded_at_their_places_as_if_all_were(layers: int) -> None:
    model = build(cross_layers=layers).double()
    torch.manual_seed(0)
    words, tokens = torch.rand(2, 5, 8).double(), torch.rand(2, 1, 8).double()
    read, places = torch.tensor([[1, 1, 1, 1, 0], [1, 1, 1, 1, 1]]), torch.tensor([[2, 0], [4, 4]])
    everywhere = model.ground_words(words, tokens, read)
    some = model.ground_words(words, tokens, read, places)
    assert torch.allclose(some, everywhere.take_along_dim(places.unsqueeze(-1), dim=1), atol=1e-12)
    positions = torch.tensor([[1, 0, 1, 0, 0], [0, 0, 0, 0, 1]]).bool()
    means = torch.stack([state[where].mean(0) for state, where in zip(everywhere, positions, strict=True)])
    contrasted = model.contrasted(words, tokens, read, positions=positions)
    assert torch.allclose(contrasted, model.contrast_head(means), atol=1e-12)


def test_one_visual_token_is_asked_once_but_for_dropout() -> None:
    model = build(dropout=0.5).double()
    words, tokens = torch.rand(1, 3, 8).double(), torch.rand(1, 1, 8).double()
    asked, _ = model.cross_modal.cross(words, tokens, tokens, need_weights=False)
    grounded = model.cross_modal.words(words, asked, padding=torch.zeros(1, 3, dtype=torch.bool))
    assert torch.allclose(model.ground_words(words, tokens, torch.ones(1, 3)), grounded, atol=1e-12)
    model.train()
    model.cross_modal.words.eval()
    model.cross_modal.words.attend = AddNothing()  # so that words differ by cross attention alone
    alike = model.ground_words(words[:, :1].expand(-1, 9, -1), tokens, torch.ones(1, 9))
    assert not torch.allclose(alike[:, 0], alike[:, 1:].mean(1))


class AddNothing(torch.nn.Module):
    def forward(self, asking: torch.Tensor, *rest: Any, **options: Any) -> tuple[torch.Tensor, None]:
        return torch.zeros_like(asking), None


@pytest.mark.parametrize("kind", [*IMAGES, "vit"])
def test_the_last_block_is_computed_for_the_class_token_alone(kind: str) -> None:
    image = IMAGES.get(kind, IMAGES["deit"] | {"model_type": kind})
    shape = CompatShape({"vocab_size": 30, **SIZES}, image, attributes=3, heads=2)
    model = DuetCompat(shape).double().eval()
    images = torch.rand(2, 3, 16, 16).double()
    whole, short = model.image_encoder(pixel_values=images).logits, model.class_logits(images)
    assert torch.allclose(short, whole, atol=1e-12)
    gradients = [
        torch.autograd.grad(logits.square().sum(), list(model.image_encoder.parameters())) for logits in (whole, short)
    ]
    assert all(torch.allclose(a, b, atol=1e-12) for a, b in zip(*gradients, strict=True))


def test_while_training_every_image_has_its_own_dropout_in_the_template() -> None:
    model = build()
    template = torch.tensor([[2, 7, 9, 3]])
    assert len(model.encode_template(template, torch.ones_like(template), count=4)) == 1
    states = model.train().encode_template(template, torch.ones_like(template), count=4)
    assert not torch.equal(states[0], states[1])


def test_no_such_backbone() -> None:
    with pytest.raises(ConfigError, match="no image classifier"):
        DuetCompat(CompatShape({"vocab_size": 30, **SIZES}, {"model_type": "no such"}, attributes=3))
