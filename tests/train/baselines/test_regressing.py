from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F

from kgzsl.model.baselines import GivenTokens, MeanToken, NamedClassifier
from kgzsl.model.baselines.class_graph import ClassGraph, DensePropagation, GraphConvolution
from kgzsl.train.baselines.config import BaselineConfig
from kgzsl.train.baselines.fitting import Lesson
from kgzsl.train.baselines.regressing import fit_graph
from kgzsl.train.baselines.softmax import softmax_weights


@pytest.mark.parametrize("network", [GraphConvolution, DensePropagation])
def test_weights_of_shown_classes_are_imitated(network: Any) -> None:
    torch.manual_seed(0)
    semantics = F.normalize(torch.randn(6, 6), dim=1)
    labels = torch.arange(4).repeat_interleave(20)
    features = F.normalize(semantics[labels] + 0.05 * torch.randn(80, 6), dim=1)
    alone = torch.arange(6)  # no node has a neighbor but itself
    graph = ClassGraph(tuple("abcdef"), semantics, alone, alone, torch.zeros(6, dtype=torch.long))
    shown = alone < 4
    model = NamedClassifier(MeanToken(GivenTokens(), width=6), classes=list("abcdef"))
    told = Lesson(features, labels, semantics, shown, ~shown, BaselineConfig(epochs=205, lr=0.01, hidden=32))
    losses = [c.figures["regression"] for c in fit_graph(model, told, graph=graph, network=network)]
    assert len(losses) == 21  # every ten steps, and the last
    target = F.normalize(softmax_weights(features, labels, classes=4), dim=1)
    assert ((model.vectors[:4] - target).norm(dim=1) < 0.2).all()
    assert model.vectors.norm(dim=1).tolist() == pytest.approx([1.0] * 6)
