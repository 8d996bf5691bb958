"""The zero-shot classifier: images to attribute evidence, classes to attribute vectors, and their scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import torch
from torch import Tensor, nn

from kgzsl.model.class_encoder import ClassEncoder
from kgzsl.model.config import ModelConfig
from kgzsl.model.cross_modal import AttributeEvidence, CrossModalLayer, GroundingHead, LayerShape
from kgzsl.model.graph_states import GraphStates
from kgzsl.model.image_encoder import FeatureEncoder, PixelEncoder, PretrainedEncoder, grid_positions
from kgzsl.model.text_encoder import TextEncoder

__all__ = ["TextState", "Texts", "ZeroShotClassifier"]

INITIAL_LENGTH = 4.0
"""Mean length of a scaled class vector before training: wide enough for cross-entropy to learn from the start."""


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
        template: ``(1, token, dim)``; states of a graph network stand behind the words.
        mask: ``(1, token)``, 1 real, 0 padding.
    """

    attributes: Tensor
    template: Tensor
    mask: Tensor


class ZeroShotClassifier(nn.Module):
    """Scores classes by what the image shows of the attributes that the ontology gives them.

    ``scores(x, c) = scale * sum_a evidence_a(x) * vector_a(c)``: linear in the class's attributes, so
    a score is the sum of what each fact adds, and a class needs no image to be scored.

    Source: DUET (Chen et al., AAAI 2023): cross-modal grounding of attribute prompts in patches.
    Class scores as compatibility with attribute vectors: Romera-Paredes and Torr, ICML 2015.

    Args:
        config: sizes.
        texts: token ids that the text encoder reads.
        classes: what makes vectors of classes.
        vocabulary: number of tokens.
        patches: number of patches of an image; None: as many as a pretrained image encoder makes.
        channels: width of cached patch features; None for images as pixels.
        weights: False leaves pretrained encoders random, where a checkpoint is loaded over them.
    """

    def __init__(
        self,
        config: ModelConfig,
        texts: Texts,
        *,
        classes: ClassEncoder,
        vocabulary: int,
        patches: int | None,
        channels: int | None,
        weights: bool = True,
    ) -> None:
        super().__init__()
        self.image_encoder: PixelEncoder | FeatureEncoder | PretrainedEncoder
        if config.image_encoder:
            self.image_encoder = PretrainedEncoder(config, weights=weights)
            patches = self.image_encoder.patches
        else:
            self.image_encoder = PixelEncoder(config) if channels is None else FeatureEncoder(channels, config)
        width = int(self.image_encoder.channels)
        self.project = nn.Sequential(nn.Linear(width, config.dim), nn.LayerNorm(config.dim))
        self.text_encoder = TextEncoder(config, vocabulary=vocabulary, weights=weights)
        # Phrases share most of their words, and an encoder that has learned nothing gives them nearly the same
        # state. Centered and scaled over the attributes they differ from the start.
        self.spread = nn.BatchNorm1d(config.dim, affine=False)
        self.layers: list[CrossModalLayer] = nn.ModuleList(  # type: ignore[assignment]
            CrossModalLayer(LayerShape.of(config)) for _ in range(config.cross_layers)
        )
        self.grounding = GroundingHead(config, channels=width)
        self.word_head = self.text_encoder.word_head(config.dim)
        self.contrast_head = nn.Sequential(
            nn.Linear(config.dim, config.dim), nn.ReLU(), nn.Linear(config.dim, config.dim)
        )
        self.classes = classes
        # What an image shows of states has no place: they are of a class as a whole. They begin at nothing.
        self.sights: dict[str, nn.Linear] = nn.ModuleDict(  # type: ignore[assignment]
            {source: nn.Linear(width, states.dim, bias=False) for source, states in classes.states.items()}
        )
        for sight in self.sights.values():
            nn.init.zeros_(sight.weight)
        graphs = [states for states in classes.states.values() if isinstance(states, GraphStates)]
        self.graph_words = nn.Linear(graphs[0].dim, config.dim) if graphs else None
        self.log_scale = nn.Parameter((INITIAL_LENGTH / classes.length.clamp(min=1e-6)).log())
        self.positions: Tensor
        self.phrases: Tensor
        self.phrases_mask: Tensor
        self.template: Tensor
        self.template_mask: Tensor
        self.register_buffer("positions", grid_positions(int(patches or 0), config.dim))
        for name in ("phrases", "phrases_mask", "template", "template_mask"):
            self.register_buffer(name, getattr(texts, name))

    def pretrained(self) -> list[nn.Parameter]:
        """Weights that were not made here: they learn at a lower rate."""
        towers = [self.image_encoder.backbone] if isinstance(self.image_encoder, PretrainedEncoder) else []
        towers += [self.text_encoder.transformer] if self.text_encoder.pretrained else []
        return [parameter for tower in towers for parameter in tower.parameters()]

    def appearance(self) -> list[nn.Module]:
        """What says how each attribute looks in a patch, wherever the patch is."""
        own = [self.text_encoder, self.spread, self.grounding.detector, self.grounding.value, self.grounding.bias]
        return [*own, *self.sights.values()]

    def encode_text(self) -> TextState:
        """Attribute and template states; depends on no image."""
        phrases = self.text_encoder.fixed(self.phrases, self.phrases_mask)
        attributes = self.text_encoder.mean(phrases, self.phrases_mask)
        template, mask = self.text_encoder.fixed(self.template, self.template_mask), self.template_mask
        if self.graph_words is not None:
            # What the graph says of attributes stands behind the words, for patches to attend to.
            (graph,) = (states for states in self.classes.states.values() if isinstance(states, GraphStates))
            words = self.graph_words(graph.attributes())[None]
            template = torch.cat([template, words], dim=1)
            mask = torch.cat([mask, mask.new_ones(words.shape[:2])], dim=1)
        return TextState(attributes=self.spread(attributes), template=template, mask=mask)

    def encode_classes(
        self, value: Tensor, known: Tensor, states: Mapping[str, Tensor] = MappingProxyType({})
    ) -> Tensor:
        """Class vectors ``(class, attribute + dim)``: see :class:`~kgzsl.model.class_encoder.ClassEncoder`."""
        return self.classes(value, known, states)

    def ground(self, tokens: Tensor, text: TextState) -> Tensor:
        """Patch states ``(image, patch, dim)`` in the light of the template, from tokens of ``image_encoder``."""
        states = self._placed(tokens)
        for layer in self.layers:
            states = layer.ground_patches(states, words=text.template, mask=text.mask)
        return states

    def encode_tokens(self, tokens: Tensor, text: TextState) -> AttributeEvidence:
        """Evidence of each attribute in image tokens that ``image_encoder`` gave, and of states behind it."""
        return self.see(self.ground(tokens, text), tokens, text)

    def see(self, states: Tensor, tokens: Tensor, text: TextState) -> AttributeEvidence:
        """The same, of patches that were grounded already."""
        found = self.grounding(states, tokens, text.attributes)
        if not self.sights:
            return found
        whole = tokens.mean(1)
        evidence = torch.cat([found.evidence, *(sight(whole) for sight in self.sights.values())], dim=1)
        return replace(found, evidence=evidence)

    def encode_images(self, images: Tensor, text: TextState | None = None) -> AttributeEvidence:
        """Evidence of each attribute in each image.

        Args:
            images: pixels ``(image, height, width, 3)`` or patch features ``(image, patch, channel)``.
            text: what :meth:`encode_text` gave, where many batches share it.
        """
        return self.encode_tokens(self.image_encoder(images), text or self.encode_text())

    def scores(self, evidence: Tensor, classes: Tensor) -> Tensor:
        """Logits ``(image, class)`` from evidence ``(image, attribute)`` and class vectors ``(class, attribute)``."""
        return self.log_scale.exp() * evidence @ classes.T

    def attribute_logits(self, evidence: Tensor) -> Tensor:
        """Log odds that an image has each attribute: the evidence on top of the attribute's base rate."""
        return evidence[:, : len(self.classes.prior)] + self.classes.prior.clamp(0.01, 0.99).logit()

    def ground_words(self, tokens: Tensor, words: Tensor, mask: Tensor) -> Tensor:
        """Word states ``(pair, word, dim)`` of prompts in the light of an image each.

        ``word_head`` makes scores over the vocabulary of them, ``contrast_head`` the states that attribute-level
        contrast compares.

        Args:
            tokens: image tokens that ``image_encoder`` gave, ``(pair, patch, channel)``.
            words: ids ``(pair, word)``.
            mask: ``(pair, word)``, 1 real, 0 padding.
        """
        states = self.text_encoder(words, mask)
        patches = self._placed(tokens)
        for layer in self.layers:
            states = layer.ground_words(states, mask, patches=patches)
        return states

    @torch.inference_mode()
    def predict(self, images: Tensor, classes: Tensor) -> Tensor:
        """Index of the best candidate for each image; ``classes`` are the candidates' vectors."""
        return self.scores(self.encode_images(images).evidence, classes).argmax(1)

    def _placed(self, tokens: Tensor) -> Tensor:
        """Image tokens as states of the cross-modal layers, with their places, ``(image, patch, dim)``."""
        return self.project(tokens) + self.positions
