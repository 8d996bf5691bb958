"""A beginning in closed form: the scores of ESZSL, seen by a model that looks everywhere alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from kgzsl import api
from kgzsl.model.class_encoder import ClassEncoder
from kgzsl.model.classifier import Texts, ZeroShotClassifier
from kgzsl.model.config import ModelConfig
from kgzsl.train.baselines.closed_form import EszslPath
from kgzsl.train.warm_start import STRENGTHS, warm_start

CLASSES, ATTRIBUTES, CHANNELS = 6, 5, 12
VALUE = torch.from_numpy(np.random.default_rng(0).integers(0, 2, (CLASSES, ATTRIBUTES))).float()
KNOWN = torch.ones(CLASSES, ATTRIBUTES, dtype=torch.bool)


def model(dim: int = 16) -> ZeroShotClassifier:
    """Fresh, but for one that looks at all patches alike."""
    torch.manual_seed(0)
    tokens = torch.arange(3, 3 + 2 * ATTRIBUTES).view(ATTRIBUTES, 2)
    texts = Texts(tokens, torch.ones_like(tokens), tokens[:1], torch.ones_like(tokens[:1]))
    made = ZeroShotClassifier(
        ModelConfig(dim=dim, heads=2, text_layers=1),
        texts,
        classes=ClassEncoder(VALUE, KNOWN, torch.arange(ATTRIBUTES)),
        vocabulary=20,
        patches=4,
        channels=CHANNELS,
    )
    torch.nn.init.zeros_(made.grounding.query.weight)
    torch.nn.init.zeros_(made.grounding.query.bias)
    return made.eval()


def images() -> tuple[np.ndarray, np.ndarray]:
    labels = np.repeat(np.arange(CLASSES), 5)
    return np.random.default_rng(1).normal(size=(len(labels), 4, CHANNELS)).astype(np.float16), labels


def scores(made: ZeroShotClassifier, array: np.ndarray) -> torch.Tensor:
    with torch.inference_mode():
        vectors = made.encode_classes(VALUE, KNOWN)
        return made.scores(made.encode_images(torch.from_numpy(array)).evidence, vectors)


def test_the_scores_are_those_of_eszsl() -> None:
    made, (array, labels) = model(), images()
    wanted = (1.0, 10.0)
    judged: list[float] = []

    def judge() -> float:
        judged.append(0.0)
        return float(
            divmod(len(judged) - 1, len(STRENGTHS)) == (STRENGTHS.index(wanted[0]), STRENGTHS.index(wanted[1]))
        )

    assert scores(made, array).abs().max() == 0
    vectors = made.encode_classes(VALUE, KNOWN)
    chosen = warm_start(made, array, labels, classes=vectors, judge=judge)
    assert tuple(chosen.values()) == wanted
    assert len(judged) == len(STRENGTHS) ** 2
    with torch.inference_mode():
        pooled = made.image_encoder(torch.from_numpy(array)).mean(1).double().numpy()
    size = np.sqrt((pooled**2).sum(1).mean())
    path = EszslPath(pooled / size, labels, vectors.double().numpy())
    expected = pooled / size @ path.solve(*wanted) @ vectors.double().numpy().T
    np.testing.assert_allclose(scores(made, array).numpy(), expected, atol=1e-4)


def test_of_equals_the_stronger_is_taken() -> None:
    made, (array, labels) = model(), images()
    chosen = warm_start(made, array, labels, classes=made.encode_classes(VALUE, KNOWN), judge=lambda: 0.5)
    assert chosen == {"ridge_images": STRENGTHS[-1], "ridge_classes": STRENGTHS[-1]}


def test_more_attributes_than_directions_share_what_there_is() -> None:
    made, (array, labels) = model(dim=4), images()
    warm_start(made, array, labels, classes=made.encode_classes(VALUE, KNOWN), judge=lambda: 0.5)
    found = scores(made, array)
    assert found.isfinite().all()
    assert (found.argmax(1).numpy() == labels).mean() > 1.5 / CLASSES


def test_a_run_on_features_begins_with_it(xlsa17: Any, tmp_path: Path) -> None:
    """With a learning rate of 0 the beginning is all there is."""
    still = {"lr": 0.0, "epochs": 1, "refit_epochs": 0}
    warm, cold = (
        api.fit(xlsa17.config(train=still | {"warm_start": begun}), tmp_path / begun) for begun in ("begin", "off")
    )
    assert warm.model.grounding.value.weight.abs().sum() > 0
    assert cold.model.grounding.value.weight.abs().sum() == 0
    assert warm.facts["validation"]["AUSUC"] > cold.facts["validation"]["AUSUC"]


@pytest.mark.parametrize("begun", ["begin", "keep", "off"])
def test_pixels_begin_with_nothing(toys: Any, tmp_path: Path, begun: str) -> None:
    still = {"lr": 0.0, "epochs": 1, "refit_epochs": 0, "warm_start": begun}
    run = api.fit(toys.config(train=still), tmp_path / "run")
    assert run.model.grounding.value.weight.abs().sum() == 0


@pytest.mark.parametrize("begun", ["begin", "keep"])
def test_what_is_kept_does_not_learn(xlsa17: Any, tmp_path: Path, begun: str) -> None:
    still = {"lr": 0.0, "epochs": 1, "refit_epochs": 0, "warm_start": begun}
    moving = still | {"refit_epochs": 1, "refit_lr": 0.01}
    before, after = (
        api.fit(xlsa17.config(train=train), tmp_path / str(k)).model.eval() for k, train in enumerate((still, moving))
    )

    def same(*names: str) -> bool:
        found = [[p for n, p in m.named_parameters() if n.startswith(names)] for m in (before, after)]
        assert found[0]
        return all(torch.equal(*pair) for pair in zip(*found, strict=True))

    kept = "text_encoder.", "grounding.detector", "grounding.value", "grounding.bias"
    assert same(*kept) is (begun == "keep")
    assert torch.equal(before.spread.running_mean, after.spread.running_mean) is (begun == "keep")
    assert not same("grounding.query", "grounding.key", "project.", "layers.")


def test_the_beginning_is_a_candidate(xlsa17: Any, tmp_path: Path) -> None:
    ruinous = {"lr": 10.0, "epochs": 1, "refit_epochs": 0, "warmup": 0.0}
    run = api.fit(xlsa17.config(train=ruinous), tmp_path / "run")
    still = api.fit(xlsa17.config(train=ruinous | {"lr": 0.0}), tmp_path / "still")
    records = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [record["epoch"] for record in records] == [0, 1]
    assert records[0]["validation"]["AUSUC"] >= records[1]["validation"]["AUSUC"]
    assert run.facts["validation"]["AUSUC"] == still.facts["validation"]["AUSUC"]
