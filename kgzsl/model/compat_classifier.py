"""The compat network with the face of a zero-shot classifier: pixels in, evidence and class vectors out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kgzsl.model.config import ModelConfig
from kgzsl.model.cross_modal import AttributeEvidence
from kgzsl.model.departures import Departures
from kgzsl.model.duet_compat import CompatShape, DuetCompat

__all__ = ["CompatClassifier", "TemplateState", "UnitClasses", "small_shape"]

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's pixels in [0, 1], as in the backbones that DUET was published with."""
PATCH = 8
BACKBONE_CLASSES = 1000


def small_shape(
    config: ModelConfig, *, size: int, vocabulary: int, attributes: int, channels: int | None = None
) -> CompatShape:
    """A DeiT and a BERT of a run file's sizes, which train from nothing; class logits as many as ImageNet has.

    Args:
        config: sizes.
        size: side of the images in pixels, a multiple of 8.
        vocabulary: number of tokens.
        attributes: number of attributes.
        channels: width of patch features of a frozen backbone, which then stands for the DeiT; None for pixels.
    """
    common = {
        "hidden_size": config.dim,
        "num_hidden_layers": config.text_layers,
        "num_attention_heads": config.heads,
        "intermediate_size": 2 * config.dim,
        "hidden_dropout_prob": config.dropout,
        "attention_probs_dropout_prob": config.dropout,
    }
    grid = {"model_type": "deit", "image_size": size, "patch_size": PATCH, "num_labels": BACKBONE_CLASSES}
    pixels = {**grid, **common, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    return CompatShape(
        {"vocab_size": vocabulary, **common},
        pixels if channels is None else {"model_type": "features", "channels": channels},
        attributes=attributes,
        cross_layers=max(1, config.cross_layers),
        heads=config.heads,
        feed=2 * config.dim,
        dropout=config.dropout,
    )


class UnitClasses(nn.Module):
    """Class vectors as DUET has them: attribute values of length 1; what is unknown counts as 0.

    Args:
        attributes: number of attributes.
    """

    def __init__(self, attributes: int) -> None:
        super().__init__()
        self.gate: Tensor
        self.register_buffer("gate", torch.ones(attributes))

    def forward(self, value: Tensor, known: Tensor) -> Tensor:
        """Vectors ``(class, attribute)`` from values in [0, 1] and what is known of them.

        Example:
            >>> UnitClasses(2)(torch.tensor([[3.0, 4.0]]), torch.tensor([[True, True]])).tolist()
            [[0.6000000238418579, 0.800000011920929]]
        """
        given = torch.where(known, value, 0.0)
        return given / given.norm(dim=1, keepdim=True).clamp(min=1e-12)


@dataclass(frozen=True, eq=False)
class TemplateState:
    """The template's word states ``(1, word, dim)``: computed once, whatever the number of images."""

    words: Tensor


class CompatClassifier(nn.Module):
    """:class:`~kgzsl.model.duet_compat.DuetCompat` where a :class:`~kgzsl.model.classifier.ZeroShotClassifier` stands.

    A score is a sum over attributes here too, so explanations split it into facts exactly; but with one token for the
    whole image, they cannot say where in the image anything was seen.

    Args:
        shape: sizes of the network.
        template: token ids and mask ``(1, word)`` of the prompt without values.
        departures: which departures from the paper to make.

    Example:
        >>> shape = small_shape(ModelConfig(dim=8, heads=2), size=16, vocabulary=30, attributes=5)
        >>> model = CompatClassifier(shape, (torch.tensor([[2, 7, 3]]), torch.ones(1, 3))).eval()
        >>> model.encode_images(torch.zeros(4, 16, 16, 3, dtype=torch.uint8)).evidence.shape
        torch.Size([4, 5])
    """

    def __init__(
        self, shape: CompatShape, template: tuple[Tensor, Tensor], departures: Departures | None = None
    ) -> None:
        super().__init__()
        self.network = DuetCompat(shape, departures)
        self.classes = UnitClasses(shape.attributes)
        self.template: Tensor
        self.template_mask: Tensor
        self.log_scale: Tensor
        self.mean: Tensor
        self.deviation: Tensor
        self.register_buffer("template", template[0])
        self.register_buffer("template_mask", template[1])
        self.register_buffer("log_scale", torch.zeros(()))
        self.register_buffer("mean", torch.tensor(MEAN))
        self.register_buffer("deviation", torch.tensor(DEVIATION))
        self.phrases = range(shape.attributes)
        self.positions = range(1)

    def pixels(self, images: Tensor) -> Tensor:
        """uint8 ``(image, height, width, 3)`` to what the backbone reads, ``(image, 3, height, width)``.

        Patch features ``(image, patch, channel)`` stay what they are.
        """
        if images.ndim == 3:
            return images.float()
        return ((images.float() / 255 - self.mean) / self.deviation).permute(0, 3, 1, 2)

    def encode_text(self) -> TemplateState:
        """The template's states; depends on no image."""
        return TemplateState(self.network.encode_text(self.template, self.template_mask))

    def encode_classes(self, value: Tensor, known: Tensor, states: Mapping[str, Tensor] | None = None) -> Tensor:
        """Class vectors ``(class, attribute)``; of other states of classes the published code knows nothing."""
        return self.classes(value, known)

    def image_encoder(self, images: Tensor) -> Tensor:
        """Visual tokens ``(image, token, dim)`` before the cross-modal layer."""
        return self.network.encode_images(self.pixels(images))

    def encode_images(self, images: Tensor, text: TemplateState | None = None) -> AttributeEvidence:
        """Predicted attributes of images, as evidence of one patch that is the whole image."""
        words = (text or self.encode_text()).words
        padding = self.network.departures.padding_is_read
        read = torch.ones_like(self.template_mask) if padding else self.template_mask
        evidence = self.network.attributes(self.network.ground_tokens(words, self.image_encoder(images), read))
        return AttributeEvidence(evidence, torch.ones_like(evidence)[..., None], evidence[..., None])

    def scores(self, evidence: Tensor, classes: Tensor) -> Tensor:
        """Logits ``(image, class)`` from evidence ``(image, attribute)`` and class vectors."""
        return self.network.scores(evidence, classes)
