"""The classifier: shapes, exactness of grounding, and what a score may not depend on."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from beartype import beartype
from jaxtyping import Float, jaxtyped
from torch import Tensor

from kgzsl.model.class_encoder import ClassEncoder
from kgzsl.model.classifier import Texts, ZeroShotClassifier
from kgzsl.model.config import ModelConfig
from kgzsl.model.cross_modal import AttributeEvidence, CrossModalLayer, GroundingHead, LayerShape
from kgzsl.model.image_encoder import FeatureEncoder, PixelEncoder, grid_positions
from kgzsl.model.text_encoder import build_tokenizer, tokenize

SMALL = ModelConfig(dim=16, heads=2, text_layers=1, stem=8, stages=(8, 16), depths=(1, 1))
PHRASES = ("color : red", "color : dark blue", "shape : round", "shape : square", "size : large")
TEMPLATE = "color : | shape : | size : ."
VALUE = torch.tensor([[1.0, 0, 1, 0, 1], [0, 1, 0, 1, 0], [1, 0, 0, 1, 0]])
KNOWN = torch.tensor([[True] * 5, [True, True, True, True, False], [True] * 5])
PROPERTIES = torch.tensor([0, 0, 1, 1, 2])


@jaxtyped(typechecker=beartype)
def check_evidence(
    evidence: Float[Tensor, "image attribute"],
    attention: Float[Tensor, "image attribute patch"],
    local: Float[Tensor, "image attribute patch"],
) -> tuple[int, ...]:
    """The three shapes fit one another."""
    return tuple(attention.shape)


Make = Callable[..., ZeroShotClassifier]


@pytest.fixture(scope="module")
def make() -> Make:
    tokenizer = build_tokenizer([*PHRASES, TEMPLATE])

    def build(*, patches: int = 16, channels: int | None = None, config: ModelConfig = SMALL) -> ZeroShotClassifier:
        torch.manual_seed(0)
        texts = Texts(*tokenize(tokenizer, PHRASES), *tokenize(tokenizer, [TEMPLATE]))
        classes = ClassEncoder(VALUE, KNOWN, PROPERTIES, unit=config.unit_classes)
        model = ZeroShotClassifier(
            config, texts, classes=classes, vocabulary=len(tokenizer), patches=patches, channels=channels
        )
        for layer in (model.grounding.value, model.grounding.bias):
            # A fresh head finds nothing anywhere: something to look at.
            torch.nn.init.normal_(layer.weight)
        return model.eval()

    return build


def pixels(count: int, size: int = 32) -> Tensor:
    return torch.randint(0, 256, (count, size, size, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(("images", "patches", "channels"), [(pixels(3), 16, None), (torch.randn(3, 9, 7), 9, 7)])
def test_shapes(make: Make, images: Tensor, patches: int, channels: int | None) -> None:
    model = make(patches=patches, channels=channels)
    with torch.inference_mode():
        text = model.encode_text()
        assert text.attributes.shape == (5, 16)
        found = model.encode_images(images, text)
        assert check_evidence(found.evidence, found.attention, found.local) == (3, 5, patches)
        scores = model.scores(found.evidence, model.encode_classes(VALUE, KNOWN))
    assert scores.shape == (3, 3)
    assert scores.isfinite().all()
    assert model.predict(images, model.encode_classes(VALUE, KNOWN)).tolist() == scores.argmax(1).tolist()


def test_the_grounding_map_is_exact(make: Make) -> None:
    with torch.inference_mode():
        found = make().encode_images(pixels(4))
    torch.testing.assert_close(found.attention.sum(-1), torch.ones(4, 5))
    assert (found.attention >= 0).all()
    torch.testing.assert_close((found.attention * found.local).sum(-1), found.evidence)


def test_scores_are_linear_in_the_class_vector(make: Make) -> None:
    model = make()
    evidence, vectors = torch.randn(2, 5), torch.randn(3, 5)
    with torch.inference_mode():
        model.log_scale.fill_(0.7)
        torch.testing.assert_close(
            model.scores(evidence, vectors), float(torch.tensor(0.7).exp()) * evidence @ vectors.T
        )


def test_an_image_is_scored_alone(make: Make) -> None:
    model, images = make(), pixels(5)
    vectors = model.encode_classes(VALUE, KNOWN)
    with torch.inference_mode():
        together = model.scores(model.encode_images(images).evidence, vectors)
        for k in range(5):
            alone = model.scores(model.encode_images(images[k : k + 1]).evidence, vectors)
            torch.testing.assert_close(alone[0], together[k], rtol=1e-4, atol=1e-5)


def test_a_class_is_scored_alone_and_in_any_order(make: Make) -> None:
    model, images = make(), pixels(2)
    with torch.inference_mode():
        evidence = model.encode_images(images).evidence
        every = model.scores(evidence, model.encode_classes(VALUE, KNOWN))
        for columns in ([2, 0, 1], [1], [0, 2]):
            some = model.scores(evidence, model.encode_classes(VALUE[columns], KNOWN[columns]))
            torch.testing.assert_close(some, every[:, columns], rtol=1e-5, atol=1e-6)


def test_text_depends_on_no_image_and_padding_of_the_template_is_not_read(make: Make) -> None:
    model = make()
    with torch.inference_mode():
        before = model.encode_images(pixels(2))
        pad = torch.full((1, 3), 9)
        model.template = torch.cat([model.template, pad], dim=1)
        model.template_mask = torch.cat([model.template_mask, torch.zeros_like(pad)], dim=1)
        after = model.encode_images(pixels(2))
    torch.testing.assert_close(after.evidence, before.evidence)


def test_words_are_read_in_the_light_of_their_image(make: Make) -> None:
    model = make()
    tokens = model.template.expand(2, -1)
    with torch.inference_mode():
        patches = model.image_encoder(pixels(2))
        states = model.ground_words(patches, tokens, torch.ones_like(tokens))
        assert states.shape == (*tokens.shape, SMALL.dim)
        assert not torch.allclose(states[0], states[1])
        # A word that is masked out is not read: what stands there changes nothing elsewhere.
        mask = torch.ones_like(tokens)
        mask[:, 5] = 0
        changed = tokens.clone()
        changed[:, 5] = 3
        others = torch.arange(tokens.shape[1]) != 5
        one, other = (model.ground_words(patches, words, mask)[:, others] for words in (tokens, changed))
        torch.testing.assert_close(one, other)
        assert not torch.allclose(model.ground_words(patches, changed, torch.ones_like(mask))[:, others], one)


def test_every_weight_of_the_classifying_road_is_trained(make: Make) -> None:
    model = make().train()
    patches = model.image_encoder(pixels(4))
    found = model.encode_tokens(patches, model.encode_text())
    scores = model.scores(found.evidence, model.encode_classes(VALUE, KNOWN))
    tokens = model.template.expand(4, -1)
    states = model.ground_words(patches, tokens, torch.ones_like(tokens))
    words = model.word_head(states[tokens == tokens[0, 1]])
    # log_softmax: a plain sum has no gradient where a softmax or a norm makes sums constant.
    loss = scores.log_softmax(1)[:, 0].sum() + words.log_softmax(1)[:, 0].sum()
    loss = loss + model.contrast_head(states.mean(1)).square().sum()
    loss.backward()
    idle = [name for name, p in model.named_parameters() if p.requires_grad and p.grad is None]
    assert idle == []
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)


def test_a_fresh_model_finds_nothing_anywhere(make: Make) -> None:
    model = make()
    fresh = GroundingHead(SMALL, channels=16).eval()
    with torch.inference_mode():
        tokens, text = model.image_encoder(pixels(2)), model.encode_text()
        found = fresh(torch.randn(2, 16, 16), tokens, text.attributes)
    assert (found.evidence == 0).all()
    # ... and is as sure of an attribute as its frequency among the training classes allows.
    odds = model.attribute_logits(found.evidence).sigmoid()
    torch.testing.assert_close(odds[0], model.classes.prior.clamp(0.01, 0.99))


def test_phrases_have_different_states_before_training(make: Make) -> None:
    states = make().train().encode_text().attributes
    similarity = torch.nn.functional.cosine_similarity(states[:, None], states[None], dim=-1)
    assert similarity[~torch.eye(5, dtype=torch.bool)].mean() < 0.1


def test_what_is_seen_in_a_patch_does_not_depend_on_the_others(make: Make) -> None:
    """Where to look may depend on the whole picture, what is there may not."""
    model = make(patches=9, channels=7)
    images = torch.randn(2, 9, 7)
    images[1, 0] = images[0, 0]
    with torch.inference_mode():
        found = model.encode_images(images)
    torch.testing.assert_close(found.local[0, :, 0], found.local[1, :, 0])
    assert not torch.allclose(found.attention[0, :, 0], found.attention[1, :, 0], atol=1e-6)


def test_a_layer_serves_both_directions_with_one_cross_attention() -> None:
    torch.manual_seed(0)
    layer = CrossModalLayer(LayerShape.of(SMALL)).eval()
    words, patches = torch.randn(2, 6, 16), torch.randn(2, 9, 16)
    mask = torch.ones(2, 6)
    mask[1, 4:] = 0
    with torch.inference_mode():
        grounded = layer.ground_words(words, mask, patches=patches)
        assert grounded.shape == words.shape
        alone = layer.ground_words(words[1:, :4], mask[1:, :4], patches=patches[1:])
        torch.testing.assert_close(grounded[1:, :4], alone)
        # One prompt serves the patches of all images, each image for itself; padding is not read.
        read = layer.ground_patches(patches, words=words[1:], mask=mask[1:])
        torch.testing.assert_close(layer.ground_patches(patches[:1], words=words[1:, :4], mask=mask[1:, :4]), read[:1])
    assert [n for n, _ in layer.named_parameters() if n.endswith("in_proj_weight")] == [
        "cross.in_proj_weight",
        "words.attend.in_proj_weight",
        "patches.attend.in_proj_weight",
    ]


@pytest.mark.parametrize(
    ("size", "stages", "depths", "side"), [(32, (8, 16), (1, 1), 4), (64, (8, 16, 16), (1, 1, 2), 4)]
)
def test_pixels_become_a_grid_of_tokens(size: int, stages: tuple[int, ...], depths: tuple[int, ...], side: int) -> None:
    encoder = PixelEncoder(ModelConfig(dim=16, stem=8, stages=stages, depths=depths)).eval()
    with torch.inference_mode():
        tokens = encoder(pixels(2, size))
        assert tokens.shape == (2, side**2, 16)
        torch.testing.assert_close(encoder(pixels(2, size).float()), tokens)


def test_tokens_keep_their_place() -> None:
    """A bright spot in the lower left corner changes the token there the most."""
    torch.manual_seed(0)
    encoder = PixelEncoder(SMALL).eval()
    dark = torch.zeros(1, 64, 64, 3, dtype=torch.uint8)
    spot = dark.clone()
    spot[:, 56:, :8] = 255
    with torch.inference_mode():
        change = (encoder(spot) - encoder(dark)).norm(dim=-1)[0]
    assert int(change.argmax()) == 7 * 8


def test_half_precision_features_are_read() -> None:
    encoder = FeatureEncoder(7, SMALL).eval()
    features = torch.randn(2, 9, 7).half()
    with torch.inference_mode():
        assert encoder(features).dtype == torch.float32
        torch.testing.assert_close(encoder(features), encoder(features.float()))


def test_every_place_of_the_grid_has_its_own_code() -> None:
    codes = grid_positions(49, 32)
    distances = torch.cdist(codes, codes) + 9 * torch.eye(49)
    assert distances.min() > 0.1
    for patches, dim in ((48, 32), (49, 30)):
        with pytest.raises(ValueError, match="square grid"):
            grid_positions(patches, dim)


def test_evidence_is_a_record() -> None:
    record = AttributeEvidence(torch.zeros(1, 2), torch.zeros(1, 2, 3), torch.zeros(1, 2, 3))
    with pytest.raises(AttributeError):
        record.evidence = torch.ones(1, 2)  # type: ignore[misc]
