"""Words and patches attend to each other, and attributes find their evidence in patches."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from kgzsl.model.config import ModelConfig

__all__ = ["AttributeEvidence", "CrossModalLayer", "GroundingHead"]


class CrossModalLayer(nn.Module):
    """Cross attention, self attention and a feed-forward block, for words and for patches.

    One set of cross-attention weights serves both directions, and each branch can be computed
    alone: classification needs the patches only, masked attribute prediction the words only.

    Source: DUET (Chen et al., AAAI 2023), section "cross-modal semantic grounding"; the layer is
    that of LXMERT (Tan and Bansal, EMNLP 2019, section 2.2), with padding masked.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.cross = nn.MultiheadAttention(config.dim, config.heads, batch_first=True)
        self.words = _Branch(config)
        self.patches = _Branch(config)

    def ground_words(self, words: Tensor, mask: Tensor, *, patches: Tensor) -> Tensor:
        """Words ``(image, word, dim)`` after looking at the patches ``(image, patch, dim)``; mask 0 is padding."""
        seen, _ = self.cross(words, patches, patches, need_weights=False)
        return self.words(words, seen, padding=mask == 0)

    def ground_patches(self, patches: Tensor, *, words: Tensor, mask: Tensor) -> Tensor:
        """Patches ``(image, patch, dim)`` after looking at the words ``(1, word, dim)`` of the one prompt of all."""
        # Queries do not see each other, so the patches of all images can be the queries of one prompt.
        flat = patches.reshape(1, -1, patches.shape[-1])
        read, _ = self.cross(flat, words, words, key_padding_mask=mask == 0, need_weights=False)
        return self.patches(patches, read.view_as(patches))


class _Branch(nn.Module):
    """One side's residual blocks: what was read from the other side, self attention, feed-forward."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.attend = nn.MultiheadAttention(config.dim, config.heads, batch_first=True)
        self.feed = nn.Sequential(
            nn.Linear(config.dim, 2 * config.dim),
            nn.GELU(),
            nn.Dropout(config.dropout),
            nn.Linear(2 * config.dim, config.dim),
        )
        self.norms = nn.ModuleList(nn.LayerNorm(config.dim) for _ in range(3))
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, own: Tensor, other: Tensor, *, padding: Tensor | None = None) -> Tensor:
        """Own states and what they read from the other side, both ``(image, token, dim)``."""
        own = self.norms[0](own + self.dropout(other))
        attended, _ = self.attend(own, own, own, key_padding_mask=padding, need_weights=False)
        own = self.norms[1](own + self.dropout(attended))
        return self.norms[2](own + self.dropout(self.feed(own)))


@dataclass(frozen=True, eq=False)
class AttributeEvidence:
    """What the image shows of each attribute, and where.

    Args:
        evidence: ``(image, attribute)``; above 0 the image shows the attribute, more than its
            frequency among the training classes suggests; below 0 it shows the lack of it.
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
