"""The zero-shot classifier: images to attribute evidence, classes to attribute vectors, and their scores."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kgzsl.model.config import ModelConfig
from kgzsl.model.cross_modal import AttributeEvidence, CrossModalLayer, GroundingHead
from kgzsl.model.image_encoder import FeatureEncoder, PixelEncoder, grid_positions
from kgzsl.model.text_encoder import TextEncoder

__all__ = ["TextState", "Texts", "ZeroShotClassifier"]


@dataclass(frozen=True, eq=False)
class Texts:
    """Token ids and masks (1 real, 0 padding) of what the text encoder reads for all classes.

    Args:
        phrases: ``(attribute, token)``, one phrase for each attribute.
        phrases_mask: the same shape.
        template: ``(1, token)``, the prompt without any value.
        template_mask: the same shape.
    """

    phrases: Tensor
    phrases_mask: Tensor
    template: Tensor
    template_mask: Tensor


@dataclass(frozen=True, eq=False)
class TextState:
    """What the text encoder made of the texts: computed once a step, whatever the number of images.

    Args:
        attributes: ``(attribute, dim)``.
        template: ``(1, token, dim)``.
    """

    attributes: Tensor
    template: Tensor


class ZeroShotClassifier(nn.Module):
    """Scores classes by what the image shows of the attributes that the ontology gives them.

    ``scores(x, c) = scale * sum_a evidence_a(x) * vector_a(c)``: linear in the class's attributes, so
    a score is the sum of what each fact adds, and a class needs no image to be scored.

    Source: DUET (Chen et al., AAAI 2023): cross-modal grounding of attribute prompts in patches.
    Class scores as compatibility with attribute vectors: Romera-Paredes and Torr, ICML 2015.

    Args:
        config: sizes.
        texts: token ids that the text encoder reads.
        prior: ``(attribute,)``, mean of each attribute over the training classes; stands for
            what is unknown of a class.
        vocabulary: number of tokens.
        patches: number of patches of an image.
        channels: width of cached patch features; None for images as pixels.
    """

    def __init__(
        self, config: ModelConfig, texts: Texts, *, prior: Tensor, vocabulary: int, patches: int, channels: int | None
    ) -> None:
        super().__init__()
        self.config = config
        self.image_encoder = PixelEncoder(config) if channels is None else FeatureEncoder(channels, config)
        self.text_encoder = TextEncoder(config, vocabulary=vocabulary)
        self.layers: list[CrossModalLayer] = nn.ModuleList(  # type: ignore[assignment]
            CrossModalLayer(config) for _ in range(config.cross_layers)
        )
        self.grounding = GroundingHead(config)
        self.word_head = nn.Linear(config.dim, self.text_encoder.vocabulary)
        self.log_scale = nn.Parameter(torch.zeros(()))
        self.positions: Tensor
        self.prior: Tensor
        self.phrases: Tensor
        self.phrases_mask: Tensor
        self.template: Tensor
        self.template_mask: Tensor
        self.register_buffer("positions", grid_positions(patches, config.dim))
        self.register_buffer("prior", prior.float())
        for name in ("phrases", "phrases_mask", "template", "template_mask"):
            self.register_buffer(name, getattr(texts, name))

    def encode_text(self) -> TextState:
        """Attribute and template states; depends on no image."""
        attributes = self.text_encoder.mean(self.text_encoder(self.phrases, self.phrases_mask), self.phrases_mask)
        return TextState(attributes=attributes, template=self.text_encoder(self.template, self.template_mask))

    def encode_classes(self, value: Tensor, known: Tensor) -> Tensor:
        """Class vectors ``(class, attribute)`` from attribute values in [0, 1] and what is known of them.

        The vector is the difference from the mean training class; what is unknown makes none.
        """
        return torch.where(known, value - self.prior, torch.zeros_like(value))

    def patches_of(self, images: Tensor) -> Tensor:
        """Patch tokens with their places, ``(image, patch, dim)``, before they meet any word."""
        return self.image_encoder(images) + self.positions

    def encode_patches(self, patches: Tensor, text: TextState) -> AttributeEvidence:
        """Evidence of each attribute in patches that :meth:`patches_of` gave."""
        for layer in self.layers:
            patches = layer.ground_patches(patches, words=text.template, mask=self.template_mask)
        return self.grounding(patches, text.attributes)

    def encode_images(self, images: Tensor, text: TextState | None = None) -> AttributeEvidence:
        """Evidence of each attribute in each image.

        Args:
            images: pixels ``(image, height, width, 3)`` or patch features ``(image, patch, channel)``.
            text: what :meth:`encode_text` gave, where many batches share it.
        """
        return self.encode_patches(self.patches_of(images), text or self.encode_text())

    def scores(self, evidence: Tensor, classes: Tensor) -> Tensor:
        """Logits ``(image, class)`` from evidence ``(image, attribute)`` and class vectors ``(class, attribute)``."""
        return self.log_scale.exp() * evidence @ classes.T

    def words_at_masks(self, patches: Tensor, tokens: Tensor, *, mask: Tensor, masked: Tensor) -> Tensor:
        """Scores over the vocabulary at the masked positions, ``(masked position, token)``.

        Args:
            patches: ``(image, patch, dim)`` from :meth:`patches_of`.
            tokens: ``(image, token)``, the prompts with [MASK] in place of an attribute.
            mask: ``(image, token)``, 1 real, 0 padding or dropped.
            masked: ``(image, token)`` boolean, where the masks stand.
        """
        words = self.text_encoder(tokens, mask)
        for layer in self.layers:
            words = layer.ground_words(words, mask, patches=patches)
        return self.word_head(words[masked])

    @torch.inference_mode()
    def predict(self, images: Tensor, classes: Tensor) -> Tensor:
        """Index of the best candidate for each image; ``classes`` are the candidates' vectors."""
        return self.scores(self.encode_images(images).evidence, classes).argmax(1)
