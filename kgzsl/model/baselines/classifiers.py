"""What the baselines are once they are fitted: linear classifiers of the mean token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kgzsl.errors import Problem, SplitError
from kgzsl.model.baselines.mean_token import MeanToken
from kgzsl.model.cross_modal import AttributeEvidence

__all__ = ["AttributeClassifier", "BaselineClassifier", "Features", "NamedClassifier"]


@dataclass(frozen=True, eq=False)
class Features:
    """What a :class:`NamedClassifier` takes from images.

    Args:
        evidence: ``(image, channel + 1)``: the feature, and 1 for the bias.
    """

    evidence: Tensor


class AttributeClassifier(nn.Module):
    """Scores that are bilinear in an image's feature and a class's attributes: ``x W s``.

    ``x W`` is evidence of each attribute and ``s`` the class vector, as in
    :class:`~kgzsl.model.classifier.ZeroShotClassifier`, so a score is the sum of what each fact adds. The feature is a
    mean of patches (see :class:`MeanToken`), so that the evidence is a sum over them too, and an explanation can show
    where it came from.

    Source: the compatibility function of Akata et al., "Label-Embedding for Image Classification", TPAMI 2016,
    section 3.1.

    Args:
        images: makes features of images.
        attributes: number of attributes.
        states: dimensions of the classes' other states, by source; they stand behind the attributes.
        silent: whether states alone describe classes.

    Example:
        >>> from kgzsl.model.baselines import GivenTokens
        >>> model = AttributeClassifier(MeanToken(GivenTokens(), width=2), attributes=2)
        >>> _ = model.weights.data.copy_(torch.eye(2))
        >>> known = torch.ones(2, 2, dtype=torch.bool)
        >>> classes = model.encode_classes(torch.tensor([[2.0, 0.0], [0.0, 1.0]]), known)
        >>> model.scores(model.encode_images(torch.tensor([[[6.0, 8.0]]])).evidence, classes).round(decimals=4).tolist()
        [[0.6..., 0.8...]]
    """

    def __init__(
        self,
        images: MeanToken,
        *,
        attributes: int,
        states: Mapping[str, int] = MappingProxyType({}),
        silent: bool = False,
    ) -> None:
        super().__init__()
        self.images, self.sources, self.silent = images, tuple(states), silent
        self.weights = nn.Parameter(torch.zeros(images.width, attributes + sum(states.values())))
        self.log_scale: Tensor
        self.register_buffer("log_scale", torch.zeros(()), persistent=False)
        self.phrases = range(attributes)

    def encode_text(self) -> None:
        """Nothing: the method reads no text."""

    def encode_images(self, images: Tensor, text: object = None) -> AttributeEvidence:
        """Evidence of each attribute in each image: every patch has the same attention."""
        patches = self.images.patches(images)
        local = (patches @ self.weights).transpose(1, 2) * patches.shape[1]
        attention = torch.full_like(local, 1 / patches.shape[1])
        return AttributeEvidence(self.evidence(patches.sum(1)), attention, local)

    def evidence(self, features: Tensor) -> Tensor:
        """Evidence ``(image, attribute)`` from features ``(image, channel)``."""
        return features @ self.weights

    def encode_classes(
        self, value: Tensor, known: Tensor, states: Mapping[str, Tensor] = MappingProxyType({})
    ) -> Tensor:
        """Class attributes of unit length, ``(class, attribute)``; what is unknown counts as 0. States follow."""
        attributes = F.normalize(torch.where(known, value, 0.0), dim=1) * (not self.silent)
        return torch.cat([attributes, *(states[source] for source in self.sources)], dim=1)

    def scores(self, evidence: Tensor, classes: Tensor) -> Tensor:
        """Logits ``(image, class)`` from evidence and class vectors."""
        return evidence @ classes.T


class NamedClassifier(nn.Module):
    """A weight vector for each class by name, wherever it came from: ``w_c x + b_c``.

    Args:
        images: makes features of images.
        classes: IRIs, the rows of ``vectors``.

    Example:
        >>> from kgzsl.model.baselines import GivenTokens
        >>> model = NamedClassifier(MeanToken(GivenTokens(), width=2), classes=("ex:a", "ex:b"))
        >>> _ = model.vectors.copy_(torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.5]]))
        >>> evidence = model.encode_images(torch.tensor([[[6.0, 8.0]]])).evidence
        >>> model.scores(evidence, model.encode_names(["ex:b"])).round(decimals=4).tolist()
        [[1.2999...]]
    """

    def __init__(self, images: MeanToken, *, classes: Sequence[str]) -> None:
        super().__init__()
        self.images = images
        self.rows = {iri: row for row, iri in enumerate(classes)}
        self.vectors: Tensor
        self.register_buffer("vectors", torch.zeros(len(classes), images.width + 1))
        self.log_scale: Tensor
        self.register_buffer("log_scale", torch.zeros(()), persistent=False)
        self.phrases = range(images.width + 1)

    def encode_text(self) -> None:
        """Nothing: what there was to read is in the vectors."""

    def encode_images(self, images: Tensor, text: object = None) -> Features:
        """Features of images, and 1."""
        return Features(self.evidence(self.images(images)))

    def evidence(self, features: Tensor) -> Tensor:
        """Features ``(image, channel)`` with a 1 behind them, ``(image, channel + 1)``."""
        return F.pad(features, (0, 1), value=1.0)

    def encode_names(self, iris: Sequence[str]) -> Tensor:
        """Class vectors ``(class, channel + 1)``.

        Raises:
            SplitError: classes that the run was not trained for.
        """
        foreign = [iri for iri in iris if iri not in self.rows]
        if foreign:
            fix = "train again, or with a kind whose class vectors follow from class attributes (eszsl, ale, devise)"
            raise SplitError(Problem(f"no class vector for {iri}", fix=fix) for iri in foreign)
        return self.vectors[[self.rows[iri] for iri in iris]]

    def scores(self, evidence: Tensor, classes: Tensor) -> Tensor:
        """Logits ``(image, class)`` from evidence and class vectors."""
        return evidence @ classes.T


BaselineClassifier = AttributeClassifier | NamedClassifier
"""What a baseline is once it is fitted."""
