"""DUET as its published code computes it: the networks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kgzsl.errors import ConfigError, Problem
from kgzsl.model.cross_modal import CrossModalLayer, LayerShape
from kgzsl.model.departures import Departures

__all__ = ["CompatShape", "DuetCompat"]

CLASS_TOKEN = ("DeiTModel", "ViTModel")
"""Backbones of transformers that classify by the state of their first token."""


@dataclass(frozen=True)
class CompatShape:
    """What a :class:`DuetCompat` is made of; the published one is BERT-base with DeiT-B (AwA2, CUB) or Swin-B (SUN).

    Args:
        text: a transformers configuration of a BERT, as a dictionary.
        image: the same of an image classifier (DeiT, Swin, ViT ...), with its ``model_type``; or
            ``{"model_type": "features", "channels": ...}``, where images come as patch features of a frozen backbone.
        attributes: number of attributes.
        cross_layers: how often the one cross-modal layer is applied.
        heads: attention heads of that layer.
        feed: width of its feed-forward block.
        dropout: in it, on states and on attention weights, in [0, 1).
    """

    text: Mapping[str, Any]
    image: Mapping[str, Any]
    attributes: int
    cross_layers: int = 1
    heads: int = 12
    feed: int = 3072
    dropout: float = 0.1


class DuetCompat(nn.Module):
    """The published network: backbone, BERT, one LXMERT layer, and heads for attributes, words and contrast.

    ::

        v = W z + b            z: the backbone's class logits; one visual token          (image, 1, dim)
        t = BERT(prompt)                                                                (image, word, dim)
        t, v = layer(t, v)     cross attention, self attention, feed-forward; K times, the same weights
        p = W_a v_0 + b_a      predicted attributes                                     (image, attribute)
        s(x, c) = p(x) . a(c)  scores; a(c) is the class's attribute vector             (image, class)

    With ``Departures(logits_as_image=False)`` the visual tokens are the backbone's last states, the one that stands
    for the whole image first, as the paper's figure 2 has it. Which words the layer attends to is told by ``read``:
    all positions for the published code, the real words for the paper
    (:class:`~kgzsl.train.compat_objectives.Pairs`).

    Weights come under the names of the published code: :mod:`kgzsl.model.published`.

    Source: DUET (Chen et al., AAAI 2023), section "Method", and the code published with it. The layer is LXMERT's
    (Tan and Bansal, EMNLP 2019, section 2.2), shared with :class:`~kgzsl.model.classifier.ZeroShotClassifier`.

    Args:
        shape: sizes.
        departures: which departures from the paper to make.

    Example:
        >>> sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
        >>> image = {"model_type": "deit", "image_size": 16, "patch_size": 8, **sizes}
        >>> shape = CompatShape({"vocab_size": 30, **sizes}, image, attributes=5, heads=2, feed=16)
        >>> model = DuetCompat(shape).eval()
        >>> template = torch.tensor([[2, 7, 3]])
        >>> model.predicted_attributes(torch.zeros(4, 3, 16, 16), template, torch.ones_like(template)).shape
        torch.Size([4, 5])
    """

    def __init__(self, shape: CompatShape, departures: Departures | None = None) -> None:
        super().__init__()
        from transformers import BertConfig, BertModel

        self.departures = departures or Departures()
        self.cross_layers = shape.cross_layers
        text = BertConfig.from_dict(dict(shape.text))
        dim = int(text.hidden_size)
        self.text_encoder: nn.Module = BertModel(text, add_pooling_layer=False)
        self.image_encoder: nn.Module = _image_classifier(shape.image)
        backbone: Any = self.image_encoder.config
        width = backbone.num_labels if self.departures.logits_as_image else backbone.hidden_size
        self.image_projection = nn.Linear(width, dim)
        layer = LayerShape(
            dim,
            shape.heads,
            shape.feed,
            dropout=shape.dropout,
            attention_dropout=shape.dropout,
            eps=1e-12,
            shared_norm=True,
        )
        self.cross_modal = CrossModalLayer(layer)
        self.attribute_head = nn.Linear(dim, shape.attributes)
        self.word_head = nn.Sequential(
            nn.Linear(dim, dim), nn.GELU(), nn.LayerNorm(dim, eps=1e-12), nn.Linear(dim, int(text.vocab_size))
        )
        self.contrast_head = nn.Sequential(nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, dim))

    def encode_text(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Token ids and mask (1 real, 0 padding) to states ``(text, word, dim)``."""
        return self.text_encoder(input_ids=tokens, attention_mask=mask).last_hidden_state

    def class_logits(self, images: Tensor) -> Tensor:
        """The backbone's own class logits ``(image, backbone class)`` from ``(image, 3, height, width)``."""
        base: Any = self.image_encoder.base_model
        if type(base).__name__ not in CLASS_TOKEN:
            return self.image_encoder(pixel_values=images).logits
        classifier: Any = self.image_encoder.classifier
        return classifier(_class_token(base, images))

    def encode_images(self, images: Tensor) -> Tensor:
        """Visual tokens ``(image, token, dim)``: one from the class logits, or the patches."""
        if self.departures.logits_as_image:
            return self.image_projection(self.class_logits(images)).unsqueeze(1)
        states = self.image_encoder.base_model(pixel_values=images)  # type: ignore[operator]
        tokens, pooled = states.last_hidden_state, getattr(states, "pooler_output", None)
        # DeiT and ViT begin with a token for the whole image; Swin has a mean of its patches for it.
        return self.image_projection(tokens if pooled is None else torch.cat([pooled.unsqueeze(1), tokens], dim=1))

    def ground_words(self, words: Tensor, tokens: Tensor, read: Tensor, places: Tensor | None = None) -> Tensor:
        """Word states after the cross-modal layer, ``(image, word, dim)``.

        Args:
            words: ``(image, word, dim)``, from :meth:`encode_text`.
            tokens: ``(image, token, dim)``, from :meth:`encode_images`.
            read: which words are attended to, ``(image, word)``.
            places: the positions that are wanted, ``(image, place)``, where that is not all of them.
        """
        words, tokens = self._all_but_last(words, tokens, read)
        return self.cross_modal.ground_words(words, read, patches=tokens, places=places)

    def ground_tokens(self, words: Tensor, tokens: Tensor, read: Tensor) -> Tensor:
        """Visual tokens after the cross-modal layer, ``(image, token, dim)``; arguments as :meth:`ground_words`.

        Words and ``read`` can be of one text, ``(1, word, ...)``, for all images.
        """
        if self.cross_layers > 1:  # from the second layer on, words differ from image to image
            words, read = words.expand(len(tokens), -1, -1), read.expand(len(tokens), -1)
        words, tokens = self._all_but_last(words, tokens, read)
        return self.cross_modal.ground_patches(tokens, words=words, mask=read)

    def _all_but_last(self, words: Tensor, tokens: Tensor, read: Tensor) -> tuple[Tensor, Tensor]:
        """Words and tokens before the layer is applied for the last time."""
        layer = self.cross_modal
        for _ in range(self.cross_layers - 1):
            words, tokens = (
                layer.ground_words(words, read, patches=tokens),
                layer.ground_patches(tokens, words=words, mask=read),
            )
        return words, tokens

    def attributes(self, tokens: Tensor) -> Tensor:
        """Predicted attributes ``(image, attribute)`` from grounded visual tokens: a linear map of the first one."""
        return self.attribute_head(tokens[:, 0])

    def scores(self, predicted: Tensor, classes: Tensor) -> Tensor:
        """Logits ``(image, class)`` from predicted attributes and attribute vectors ``(class, attribute)``."""
        return predicted @ classes.T

    def words(self, words: Tensor) -> Tensor:
        """Scores over the vocabulary ``(image, word, vocabulary)`` from grounded words."""
        return self.word_head(words)

    def contrasted(self, words: Tensor, tokens: Tensor, read: Tensor, *, positions: Tensor) -> Tensor:
        """What attribute-level contrast compares, ``(pair, dim)``: the mean of an attribute's words, projected.

        Args:
            words: as :meth:`ground_words` has them; only those at ``positions`` are grounded.
            tokens: the same.
            read: the same.
            positions: where the attribute stands, boolean ``(pair, word)``.
        """
        most = max(1, int(positions.sum(1).max()))
        share, places = positions.to(words.dtype).topk(most, dim=1)
        share = share / share.sum(1, keepdim=True).clamp(min=1)
        grounded = self.ground_words(words, tokens, read, places)
        return self.contrast_head((share.unsqueeze(1) @ grounded).squeeze(1))

    def predicted_attributes(self, images: Tensor, template: Tensor, mask: Tensor) -> Tensor:
        """Predicted attributes ``(image, attribute)`` under the template, which is how images are classified.

        Args:
            images: ``(image, 3, height, width)``.
            template: token ids ``(1, word)``, the prompt without values.
            mask: its mask.
        """
        words = self.encode_template(template, mask, count=len(images))
        read = torch.ones_like(mask) if self.departures.padding_is_read else mask
        return self.attributes(self.ground_tokens(words, self.encode_images(images), read.expand(len(words), -1)))

    def encode_template(self, template: Tensor, mask: Tensor, *, count: int) -> Tensor:
        """The template's states: once for all images, or while training once an image, with dropout of its own."""
        rows = count if self.training else 1
        return self.encode_text(template.expand(rows, -1), mask.expand(rows, -1))


def _class_token(base: Any, images: Tensor) -> Tensor:
    """The state ``(image, dim)`` of a vision transformer's first token, for which alone the last block is computed."""
    states = base.embeddings(images)
    for layer in base.layers[:-1]:
        states = layer(states)
    last = base.layers[-1]
    attention, normed = last.attention, last.layernorm_before(states)
    query, key, value = (
        projection(read).unflatten(-1, (attention.num_attention_heads, -1)).transpose(1, 2)
        for projection, read in (
            (attention.q_proj, normed[:, :1]),
            (attention.k_proj, normed),
            (attention.v_proj, normed),
        )
    )
    dropout = attention.attention_dropout if attention.training else 0.0
    attended = F.scaled_dot_product_attention(query, key, value, dropout_p=dropout, scale=attention.scaling)
    token = states[:, :1] + last.dropout(attention.o_proj(attended.transpose(1, 2).flatten(2)))
    token = token + last.dropout(last.mlp(last.layernorm_after(token)))
    return base.layernorm(token).squeeze(1)


class _FrozenFeatures(nn.Module):
    """Patch features ``(image, patch, channel)`` as a backbone's states; their mean is its logits."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.config = SimpleNamespace(num_labels=channels, hidden_size=channels)

    @property
    def base_model(self) -> nn.Module:
        return self

    def forward(self, pixel_values: Tensor) -> SimpleNamespace:
        return SimpleNamespace(logits=pixel_values.mean(1), last_hidden_state=pixel_values)


def _image_classifier(config: Mapping[str, Any]) -> nn.Module:
    """An untrained image classifier of a transformers configuration."""
    if config["model_type"] == "features":
        return _FrozenFeatures(int(config["channels"]))
    from transformers import AutoConfig, AutoModelForImageClassification

    # A kind with several classifiers is told by its architecture; without one the first is taken.
    content = {"architectures": [], **{key: value for key, value in config.items() if key != "model_type"}}
    try:
        return AutoModelForImageClassification.from_config(AutoConfig.for_model(config["model_type"], **content))
    except (KeyError, ValueError) as error:
        expected = 'a transformers configuration with a model_type, such as "deit" or "swin"'
        raise ConfigError(Problem(f"no image classifier ({error})", expected=expected)) from error
