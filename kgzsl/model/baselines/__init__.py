"""Networks of the baselines: published methods of the field under the same protocol as DUET.

Whatever the method, an image becomes the mean of its tokens at unit length (:class:`MeanToken`), and what was learned
is a linear map from there. There are two faces of it, both with ``encode_images``, ``evidence`` and ``scores``:

- :class:`AttributeClassifier` (ESZSL, ALE, DeViSE): evidence of each attribute, and class vectors from class
  attributes, so that a class which was added later has a score, and a score is a sum over facts;
- :class:`NamedClassifier` (GCNZ, DGP, f-CLSWGAN, CLIP): a vector for each class that the run was trained for.
"""

from __future__ import annotations

from kgzsl.model.baselines.classifiers import AttributeClassifier, BaselineClassifier, NamedClassifier
from kgzsl.model.baselines.mean_token import GivenTokens, MeanToken

__all__ = ["AttributeClassifier", "BaselineClassifier", "GivenTokens", "MeanToken", "NamedClassifier"]
