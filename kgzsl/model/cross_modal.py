"""Words and patches attend to each other, and attributes find their evidence in patches."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from kgzsl.model.config import ModelConfig

__all__ = ["AttributeEvidence", "CrossModalLayer", "GroundingHead", "LayerShape"]


@dataclass(frozen=True)
class LayerShape:
    """Sizes of a cross-modal layer.

    Args:
        dim: width of words and patches.
        heads: attention heads.
        feed: width of the feed-forward block.
        dropout: on what each block adds, in [0, 1).
        attention_dropout: on attention weights, in [0, 1).
        feed_dropout: inside the feed-forward block, in [0, 1).
        eps: of layer normalization.
        shared_norm: words and patches share the normalization after cross attention too.
    """

    dim: int
    heads: int
    feed: int
    dropout: float = 0.0
    attention_dropout: float = 0.0
    feed_dropout: float = 0.0
    eps: float = 1e-5
    shared_norm: bool = False

    @classmethod
    def of(cls, config: ModelConfig) -> LayerShape:
        """The shape that a classifier's layers have."""
        dropout = config.dropout
        return cls(config.dim, config.heads, 2 * config.dim, dropout=dropout, feed_dropout=dropout)


class CrossModalLayer(nn.Module):
    """Cross attention, self attention and a feed-forward block, for words and for patches.

    One set of cross-attention weights serves both directions, and each branch can be computed
    alone: classification needs the patches only, masked attribute prediction the words only.

    Source: DUET (Chen et al., AAAI 2023), section "cross-modal semantic grounding"; the layer is
    that of LXMERT (Tan and Bansal, EMNLP 2019, section 2.2), with padding masked.
    """

    def __init__(self, shape: LayerShape) -> None:
        super().__init__()
        self.cross = _attention(shape)
        self.words = _Branch(shape)
        self.patches = _Branch(shape)
        if shape.shared_norm:
            self.patches.norms[0] = self.words.norms[0]

    def ground_words(self, words: Tensor, mask: Tensor, *, patches: Tensor, places: Tensor | None = None) -> Tensor:
        """Words ``(image, word, dim)`` after looking at the patches ``(image, patch, dim)``; mask 0 is padding.

        With ``places``, positions ``(image, place)``, the words that stand there, ``(image, place, dim)``: the others
        are attended to, and their own states are not computed.
        """
        # A single patch has the whole attention of every word, so one query stands for all; dropout tells them apart.
        alike = patches.shape[1] == 1 and not self.training
        seen, _ = self.cross(patches if alike else words, patches, patches, need_weights=False)
        return self.words(words, seen, padding=mask == 0, places=places)

    def ground_patches(self, patches: Tensor, *, words: Tensor, mask: Tensor) -> Tensor:
        """Patches ``(image, patch, dim)`` after looking at words ``(image, word, dim)``, or at one text for all."""
        # Queries do not see each other, so the patches of all images can be the queries of one prompt.
        flat = patches.reshape(len(words), -1, patches.shape[-1])
        read, _ = self.cross(flat, words, words, key_padding_mask=mask == 0, need_weights=False)
        return self.patches(patches, read.view_as(patches))


class _Branch(nn.Module):
    """One side's residual blocks: what was read from the other side, self attention, feed-forward."""

    def __init__(self, shape: LayerShape) -> None:
        super().__init__()
        self.attend = _attention(shape)
        self.feed = nn.Sequential(
            nn.Linear(shape.dim, shape.feed),
            nn.GELU(),
            nn.Dropout(shape.feed_dropout),
            nn.Linear(shape.feed, shape.dim),
        )
        self.norms = nn.ModuleList(nn.LayerNorm(shape.dim, eps=shape.eps) for _ in range(3))
        self.dropout = nn.Dropout(shape.dropout)

    def forward(
        self, own: Tensor, other: Tensor, *, padding: Tensor | None = None, places: Tensor | None = None
    ) -> Tensor:
        """Own states and what they read from the other side, both ``(image, token, dim)``; at some places only."""
        own = self.norms[0](own + self.dropout(other))
        asking = own if places is None else own.take_along_dim(places.unsqueeze(-1), dim=1)
        attended, _ = self.attend(asking, own, own, key_padding_mask=padding, need_weights=False)
        own = self.norms[1](asking + self.dropout(attended))
        return self.norms[2](own + self.dropout(self.feed(own)))


def _attention(shape: LayerShape) -> nn.MultiheadAttention:
    """Attention of that shape, ``(image, token, dim)``."""
    return nn.MultiheadAttention(shape.dim, shape.heads, dropout=shape.attention_dropout, batch_first=True)


@dataclass(frozen=True, eq=False)
class AttributeEvidence:
    """What the image shows of each attribute, and where.

    Args:
        evidence: ``(image, attribute)``; above 0 the image shows the attribute, more than its
            frequency among the training classes suggests; below 0 it shows the lack of it. Of a classifier that
            reads other states of classes too, evidence of these stands behind it.
        attention: ``(image, attribute, patch)``, sums to 1 over the patches.
        local: ``(image, attribute, patch)``; ``evidence = (attention * local).sum(-1)``, so that
            ``attention * local`` is the exact share of each patch.
    """

    evidence: Tensor
    attention: Tensor
    local: Tensor


class GroundingHead(nn.Module):
    """Evidence of each attribute as an attention-weighted sum over the patches.

    For attribute ``a`` with text state ``t_a`` and patch ``p`` with image token ``f_p`` and state ``v_p``
    after the cross-modal layers::

        evidence_a = sum_p softmax_p(q(t_a) . k(v_p) / sqrt(d)) * (u(t_a) . w(f_p) / sqrt(d) + b(t_a))

    Where to look is decided with the whole picture in view (``v_p``), what is there by the patch alone
    (``f_p``): so a map points at the thing itself, and not at a patch that has heard of it. The weighted
    sum makes the map exact: no patch outside it contributed.

    All that is particular to an attribute comes from its text, so attributes that share words
    (scarlet body, scarlet pattern) share what was learned. ``w`` and ``b`` begin at 0: in directions that no
    training image has, and for what no training class teaches, the evidence stays 0.

    Args:
        config: width of states.
        channels: width of image tokens.
    """

    def __init__(self, config: ModelConfig, *, channels: int) -> None:
        super().__init__()
        self.query = nn.Linear(config.dim, config.dim)
        self.key = nn.Linear(config.dim, config.dim)
        self.detector = nn.Linear(config.dim, config.dim)
        self.value = nn.Linear(channels, config.dim)
        self.bias = nn.Linear(config.dim, 1)
        for layer in (self.value, self.bias):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        self.scale = config.dim**-0.5

    def forward(self, states: Tensor, tokens: Tensor, attributes: Tensor) -> AttributeEvidence:
        """Patch states ``(image, patch, dim)``, tokens ``(image, patch, channel)``, texts ``(attribute, dim)``."""
        attention = (self.query(attributes) @ self.key(states).transpose(1, 2) * self.scale).softmax(-1)
        local = self.detector(attributes) @ self.value(tokens).transpose(1, 2) * self.scale + self.bias(attributes)
        return AttributeEvidence(evidence=(attention * local).sum(-1), attention=attention, local=local)
