"""The names of the published code's parameters, and weights under them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from kgzsl.errors import CheckpointError, Problem

__all__ = ["from_published", "load_published", "published_names", "to_published"]

IGNORED = re.compile(r"bias|mask_bias|bert\.pooler\..*|.*\.position_ids|.*\.relative_position_index")
"""Stored by the published code and without a part in what it computes: constants, and a pooler that nothing reads."""
CROSS = {
    "cross.in_proj": "visual_attention.att.",
    "cross.out_proj": "visual_attention.output.dense",
    "words.norms.0": "visual_attention.output.LayerNorm",
    "patches.norms.0": "visual_attention.output.LayerNorm",
    **{
        f"{own}.{part}": published
        for own, side in (("words", "lang"), ("patches", "visn"))
        for part, published in (
            ("attend.in_proj", f"{side}_self_att.self."),
            ("attend.out_proj", f"{side}_self_att.output.dense"),
            ("norms.1", f"{side}_self_att.output.LayerNorm"),
            ("feed.0", f"{side}_inter.dense"),
            ("feed.3", f"{side}_output.dense"),
            ("norms.2", f"{side}_output.LayerNorm"),
        )
    },
}
RULES = (
    (r"^text_encoder\.", "bert."),
    (r"^image_encoder\.", "deit."),
    (r"^deit\.deit\.layers\.(\d+)\.attention\.([qkv])_proj", r"deit.deit.layers.\1.attention.attention.\2_proj"),
    (r"^deit\.deit\.layers\.", "deit.deit.encoder.layer."),
    (r"^(deit\.swin\..*)\.attention\.([qkv])_proj", r"\1.attention.self.\2_proj"),
    (
        r"^(deit\.swin\..*)\.relative_position_bias\.relative_position_bias_table",
        r"\1.self.relative_position_bias_table",
    ),
    (r"^(deit\..*)\.q_proj", r"\1.query"),
    (r"^(deit\..*)\.k_proj", r"\1.key"),
    (r"^(deit\..*)\.v_proj", r"\1.value"),
    (r"^(deit\..*)\.attention\.o_proj", r"\1.attention.output.dense"),
    (r"^(deit\..*)\.mlp\.fc1", r"\1.intermediate.dense"),
    (r"^(deit\..*)\.mlp\.fc2", r"\1.output.dense"),
    (r"^image_projection\.", "linear."),
    (r"^attribute_head\.", "fc_image."),
    (r"^word_head\.0\.", "cls.predictions.transform.dense."),
    (r"^word_head\.2\.", "cls.predictions.transform.LayerNorm."),
    (r"^word_head\.3\.weight", "cls.predictions.decoder.weight"),
    (r"^word_head\.3\.bias", "cls.predictions.bias"),
    (r"^contrast_head\.0\.", "contrast_proj.linear1."),
    (r"^contrast_head\.2\.", "contrast_proj.linear2."),
)


def published_names(own: str) -> tuple[str, ...]:
    """The published name of a tensor of :class:`~kgzsl.model.duet_compat.DuetCompat`.

    Returns:
        One name; three for the packed weights of an attention, whose parts are published one by one.

    Example:
        >>> published_names("attribute_head.weight")
        ('fc_image.weight',)
        >>> published_names("cross_modal.cross.in_proj_bias")[0]
        'lxmert_xlayer.visual_attention.att.query.bias'
    """
    if own.startswith("cross_modal."):
        part, kind = re.fullmatch(r"cross_modal\.(.*)[._](weight|bias)", own).groups()  # type: ignore[union-attr]
        published = f"lxmert_xlayer.{CROSS[part]}"
        if part.endswith("in_proj"):
            return tuple(f"{published}{name}.{kind}" for name in ("query", "key", "value"))
        return (f"{published}.{kind}",)
    for pattern, replacement in RULES:
        own = re.sub(pattern, replacement, own)
    return (own,)


def from_published(names: Iterable[str], tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors under own names, made of those under published names; names that miss a part are left out."""
    sources = {own: published_names(own) for own in names}
    return {
        own: torch.cat([tensors[part] for part in parts]) if len(parts) > 1 else tensors[parts[0]]
        for own, parts in sources.items()
        if all(part in tensors for part in parts)
    }


def to_published(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors (weights, or gradients) under published names: the inverse of :func:`from_published`.

    Example:
        >>> list(to_published({"image_projection.bias": torch.zeros(2)}))
        ['linear.bias']
    """
    named: dict[str, Tensor] = {}
    for own, tensor in tensors.items():
        parts = published_names(own)
        named.update(zip(parts, tensor.chunk(len(parts)), strict=True))
    return named


def load_published(model: nn.Module, tensors: Mapping[str, Any]) -> None:
    """Load weights that have the names of the published code.

    Args:
        model: a :class:`~kgzsl.model.duet_compat.DuetCompat`; it keeps its dtype.
        tensors: published name to tensor or array.

    Raises:
        CheckpointError: a tensor is missing, unknown or of another shape; the model is left as it was.
    """
    given = {name: torch.as_tensor(value) for name, value in tensors.items()}
    own = model.state_dict()
    wanted = {part for name in own for part in published_names(name)}
    # The bias of the word scores goes by two names in the published code.
    known = wanted | {"cls.predictions.decoder.bias"}
    problems = [Problem(f"no tensor {name}") for name in sorted(wanted - given.keys())]
    problems += [Problem(f"unknown tensor {n}") for n in sorted(given.keys() - known) if not IGNORED.fullmatch(n)]
    if not problems:
        loaded = from_published(own, given)
        problems = [
            Problem(
                f"tensor {' + '.join(published_names(name))} of shape {tuple(loaded[name].shape)}",
                expected=f"{tuple(tensor.shape)}",
            )
            for name, tensor in own.items()
            if loaded[name].shape != tensor.shape
        ]
    if problems:
        raise CheckpointError(problems[:8])
    model.load_state_dict(loaded)
