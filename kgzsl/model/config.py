"""What a model is made of, as written in a run file under ``[model]``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["ATTRIBUTE_BASELINES", "BASELINES", "KINDS", "NAMED_BASELINES", "ModelConfig"]

ATTRIBUTE_BASELINES = ("eszsl", "ale", "devise")
"""Baselines with scores linear in the class attributes: :class:`~kgzsl.model.baselines.AttributeClassifier`."""

NAMED_BASELINES = ("gcnz", "dgp", "f-clswgan", "clip-names", "clip-facts")
"""Baselines with a vector for each class of the run: :class:`~kgzsl.model.baselines.NamedClassifier`."""

BASELINES = (*ATTRIBUTE_BASELINES, *NAMED_BASELINES)

KINDS = ("duet", "duet-compat", *BASELINES)
"""Kinds of models."""


@dataclass(frozen=True)
class ModelConfig:
    """Sizes of the classifier; the defaults are the size ``tiny``, which trains from nothing on a CPU.

    Args:
        dim: width of patches, words and attributes in the cross-modal layers.
        heads: attention heads.
        text_layers: layers of the text encoder that is built from the ontology's words.
        cross_layers: cross-modal layers.
        stem: channels of the convolutional stem, for images as pixels.
        stages: channels of the residual stages after it.
        depths: residual blocks in each stage.
        dropout: in the cross-modal layers and on patch features, in [0, 1).
        image_encoder: a transformers vision model (folder or hub id) that images go through as pixels while
            training; empty: the small network of ``stem``, ``stages`` and ``depths``, or ``data.backbone``.
        tuned_blocks: how many of its last blocks (stages, where it has stages) learn; -1: all of it, 0: nothing.
        text_encoder: a transformers masked language model (folder, hub id, ``minilm``); empty: one of the ontology's
            words.
        tuned_text_blocks: how many of its last blocks learn; by default none, which keeps what it knows of words
            that only unseen classes have; -1: all of it.
        unit_classes: class vectors of length 1, so that classes with many facts do not outshout those with few.
        graph_network: with ``semantics.source = "gnn"``: ``compgcn``, ``rgcn`` or ``gat``
            (:class:`~kgzsl.model.graph_encoder.GraphEncoder`).
        graph_dim: width of its states.
        graph_layers: its layers: how many steps along facts a node sees.
        graph_bases: how many matrices or vectors its relations share.
        kind: one of :data:`KINDS`; ``duet-compat``: networks, losses and draws of DUET's published code;
            :data:`BASELINES`: published methods of the field, of which `docs/baselines.md` tells.
        without_departures: of ``duet-compat``: departures of the published code from the paper that are not made, by
            their names in :class:`~kgzsl.model.departures.Departures`, or ``all``; by default all are made.
    """

    dim: int = 96
    heads: int = 4
    text_layers: int = 2
    cross_layers: int = 1
    stem: int = 24
    stages: tuple[int, ...] = (48, 96)
    depths: tuple[int, ...] = (1, 1)
    dropout: float = 0.0
    image_encoder: str = ""
    tuned_blocks: int = -1
    text_encoder: str = ""
    tuned_text_blocks: int = 0
    unit_classes: bool = False
    graph_network: Literal["compgcn", "rgcn", "gat"] = "compgcn"
    graph_dim: int = 64
    graph_layers: int = 2
    graph_bases: int = 8
    kind: str = "duet"
    without_departures: tuple[str, ...] = ()
