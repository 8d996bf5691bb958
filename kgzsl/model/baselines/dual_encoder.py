"""Zero-shot classification with a dual encoder of images and texts: class names, or verbalized facts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kgzsl.data.pretrained import load_pretrained
from kgzsl.errors import ConfigError, Problem
from kgzsl.semantics import ClassAttributes, verbalize

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = ["DualImages", "class_texts", "text_vectors"]


def class_texts(attributes: ClassAttributes, *, facts: bool) -> tuple[tuple[str, ...], ...]:
    """What is said of each class: "a photo of a zebra.", or the same with each stated fact in turn.

    Source: Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", ICML 2021,
    section 3.1.4; with facts: Menon and Vondrick, "Visual Classification via Description from Large Language Models",
    ICLR 2023, here with descriptions from the ontology.

    Args:
        attributes: one row for each class.
        facts: whether to say facts, ``"a photo of a zebra, which has stripes as its pattern."``; a class of which
            nothing is stated is called by its name alone.

    Example:
        >>> from kgzsl.ontology import parse_ontology
        >>> from kgzsl.semantics import class_attributes
        >>> o = parse_ontology('''@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
        ... :Zebra a owl:Class ; :hasPattern :Stripes . :Okapi a owl:Class . :hasPattern a owl:ObjectProperty .''')
        >>> class_texts(class_attributes(o, o.classes), facts=True)
        (('a photo of an okapi.',), ('a photo of a zebra, which has stripes as its pattern.',))
    """
    ontology = attributes.ontology
    stated = (attributes.value > 0.5) & attributes.known & ~attributes.assumed
    texts = []
    for row, iri in enumerate(attributes.classes):
        name = ontology.label(iri)
        start = f"a photo of {'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"
        sources = (attributes.sources(iri, attributes.attributes[k])[0] for k in np.flatnonzero(stated[row]).tolist())
        said = [f"{start}, which {verbalize(fact, ontology)}." for fact in sources] if facts else []
        texts.append(tuple(said) or (f"{start}.",))
    return tuple(texts)


class DualImages(nn.Module):
    """Images to their one embedding by the image side of a frozen CLIP, SigLIP or alike, which no run saves.

    Those of SigLIP 2 that take any shape (NaFlex) read a square of as many patches as their processor allows.

    Args:
        source: a transformers folder or hub id.

    Raises:
        ConfigError: no model there that embeds images and texts, or no image processor.
    """

    def __init__(self, source: str) -> None:
        super().__init__()
        model = _load(source)
        processing = _part(source, "AutoImageProcessor", "image processor")
        size = getattr(processing, "crop_size", None) or getattr(processing, "size", None)
        self.patch = 0
        if size:
            self.size = int(size["height"] if "height" in size else size["shortest_edge"])
        else:
            self.patch = int(processing.patch_size)
            self.size = math.isqrt(processing.max_num_patches) * self.patch
        self.mean = torch.tensor(processing.image_mean)
        self.deviation = torch.tensor(processing.image_std)
        # In a tuple and no submodule: the weights are those of the folder, and in no checkpoint.
        self.held = (model,)
        with torch.inference_mode():
            self.channels = int(self._embedded(torch.zeros(1, 3, self.size, self.size)).shape[1])

    def forward(self, images: Tensor) -> Tensor:
        """uint8 ``(image, height, width, 3)`` to ``(image, 1, channel)``."""
        pixels = images.permute(0, 3, 1, 2).float()
        if pixels.shape[2] != self.size:
            pixels = F.interpolate(pixels, size=(self.size, self.size), mode="bicubic", antialias=True).clamp(0, 255)
        self.held[0].to(images.device)  # no submodule goes with the others to the GPU
        mean, deviation = (values.to(images.device).view(-1, 1, 1) for values in (self.mean, self.deviation))
        values = (pixels / 255 - mean) / deviation
        return self._embedded(values)[:, None]

    def _embedded(self, values: Tensor) -> Tensor:
        """Normalized pixels ``(image, 3, size, size)`` to embeddings ``(image, channel)``."""
        embed = self.held[0].get_image_features
        if not self.patch:
            return _embedding(embed(values))
        count, side = len(values), self.size // self.patch
        patches = values.reshape(count, 3, side, self.patch, side, self.patch).permute(0, 2, 4, 3, 5, 1)
        patches = patches.reshape(count, side * side, -1)
        mask = torch.ones(patches.shape[:2], dtype=torch.long, device=values.device)
        shapes = torch.full((count, 2), side, device=values.device)
        return _embedding(embed(patches, pixel_attention_mask=mask, spatial_shapes=shapes))


def text_vectors(source: str, texts: Sequence[Sequence[str]]) -> Tensor:
    """Class vectors ``(class, channel + 1)``: of each class the mean embedding of its texts, times the learned scale.

    The embeddings have unit length before and their mean has not, so that a score is the mean of the texts' scores.
    The last column is the model's bias, which SigLIP has and CLIP has not.

    Args:
        source: a transformers folder or hub id.
        texts: one text or several for each class.
    """
    model, tokenizer = _load(source), _part(source, "AutoTokenizer", "tokenizer")
    limit = min(model.config.text_config.max_position_embeddings, 512)
    # SigLIP was trained on texts in lower case that are padded to the limit, and reads the padding; CLIP masks it.
    sigmoid = model.config.model_type.startswith("siglip")
    inputs = ("input_ids",) if sigmoid else ("input_ids", "attention_mask")
    rows = []
    with torch.inference_mode():
        for own in texts:
            said = [text.lower() if sigmoid else text for text in own]
            read = tokenizer(said, padding="max_length", truncation=True, max_length=limit, return_tensors="pt")
            asked = {k: v for k, v in read.items() if k in inputs}
            rows.append(F.normalize(_embedding(model.get_text_features(**asked)), dim=1).mean(0))
        bias = float(getattr(model, "logit_bias", 0.0))
        return F.pad(torch.stack(rows) * model.logit_scale.exp(), (0, 1), value=bias)


def _load(source: str) -> Any:
    """The frozen model, or an error where it is none of both images and texts."""
    model: PreTrainedModel
    model, missing = load_pretrained(source, what="dual encoder")
    wanted = ("get_image_features", "get_text_features", "logit_scale")
    lacking = [name for name in wanted if not hasattr(model, name)]
    if lacking or missing:
        got = f"{source} is a {type(model).__name__}" + (f" without weights {sorted(missing)[0]}" if missing else "")
        raise ConfigError(Problem(got, expected="a dual encoder of images and texts such as CLIP or SigLIP"))
    return model.eval().requires_grad_(False)


def _part(source: str, kind: str, what: str) -> Any:
    """An image processor or tokenizer."""
    import transformers

    try:
        return getattr(transformers, kind).from_pretrained(source)
    except Exception as error:  # of a folder without one, transformers raises whatever comes first
        raise ConfigError(Problem(f"no {what} at {source} ({error})", expected="that of the dual encoder")) from error


def _embedding(output: Any) -> Tensor:
    """The embedding itself: some versions of transformers give it bare, some as the pooled output."""
    return output if isinstance(output, Tensor) else output.pooler_output
