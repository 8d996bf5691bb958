"""Predictions for images, and the facts that drove them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kgzsl.api.records import Prediction, Run
from kgzsl.api.scoring import class_vectors, scores_in_turn
from kgzsl.api.sources import pixels_of
from kgzsl.data.images import unreadable
from kgzsl.errors import (
    ConfigError,
    ImageError,
    Problem,
    SplitError,
    nearest,
)
from kgzsl.model.config import KINDS, NAMED_BASELINES
from kgzsl.ontology import Fact, Ontology
from kgzsl.semantics import verbalize

if TYPE_CHECKING:
    from kgzsl.explain.explanation import Explanation

__all__ = ["explain", "predict", "verbalizer"]


def predict(run: Run, images: Sequence[str | Path], *, top: int = 5) -> list[Prediction]:
    """Classify image files among all classes of the run: seen, unseen, and those added after training.

    Scores are calibrated: gamma is taken off those of seen classes.

    Raises:
        ImageError: every file that is not an image.
    """
    read, encode = _reader(run)
    ready = (encode(pixels) for pixels in _read_ahead(read, images))
    offset = run.gamma * run.space.mask(run.split.seen)
    turns = scores_in_turn(run.model, ready, run.attributes, added=len(run.added))
    rows = [row - offset for scores in turns for row in scores]
    unseen = set(run.split.unseen)
    predictions = []
    for path, row in zip(images, rows, strict=True):
        best = [(run.space.classes[c], float(row[c])) for c in np.argsort(-row, kind="stable")[:top]]
        named = tuple((iri, run.ontology.label(iri), score, iri in unseen) for iri, score in best)
        predictions.append(Prediction(str(path), named))
    return predictions


Read = Callable[[Sequence[str | Path]], np.ndarray]


def _reader(run: Run) -> tuple[Read, Callable[[np.ndarray], np.ndarray]]:
    """What decodes image files, and what makes of the pixels what the run's model reads."""
    if run.config.data.features:
        fix = "train on images (data.backbone), or give features of the same backbone as an array in Python"
        got = f"a run on the features of {run.config.data.features} reads no image files"
        raise ConfigError(Problem(got, expected="a run on images", fix=fix))
    if not run.config.data.backbone:
        return partial(pixels_of, run.config), lambda pixels: pixels
    from kgzsl.data.backbone import load_backbone

    backbone = load_backbone(run.config.data.backbone, device=run.model.log_scale.device)
    return backbone.preprocessing.read, backbone.encode


def _read_ahead(read: Read, images: Sequence[str | Path], *, batch: int = 64) -> Iterator[np.ndarray]:
    """Batches of decoded images; each is decoded while the network is busy with the one before.

    Raises:
        ImageError: every file that is not an image, of this batch and all that follow.
    """
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(read, images[:batch])
        for start in range(0, len(images), batch):
            try:
                pixels = coming.result()
            except ImageError as error:
                raise ImageError([*error.problems, *unreadable(images[start + batch :])]) from None
            coming = pool.submit(read, images[start + batch : start + 2 * batch])
            yield pixels


def explain(
    run: Run, image: str | Path | np.ndarray, *, against: str | None = None, name: str | None = None
) -> Explanation:
    """Which facts drove the prediction for one image.

    Args:
        run: a trained run.
        image: a file, or pixels (or patch features) as the run's model reads them.
        against: the rival class by IRI or label; by default the runner-up.
        name: what to call the image.

    Returns:
        Contributions that sum to the margin between the predicted class and the rival.

    Raises:
        ImageError: not an image.
        ConfigError: a kind of model whose class vectors are not made of facts.
        UnknownTermError: no such rival.
        SplitError: the rival is not a class of the run, or is the predicted class.
    """
    import torch

    from kgzsl.explain.margin import ImageEvidence, explain_margin
    from kgzsl.model.baselines import NamedClassifier

    if isinstance(run.model, NamedClassifier):
        told = ", ".join(kind for kind in KINDS if kind not in NAMED_BASELINES)
        got = f"a run of kind {run.config.model.kind}, whose scores are no sum over facts"
        raise ConfigError(Problem(got, expected=f"a run of kind {told}", file=run.folder.path))
    array = image if isinstance(image, np.ndarray) else _array(run, image)
    rival_iri = None if against is None else _rival(run, against)
    model = run.model
    with torch.inference_mode():
        found = model.encode_images(torch.from_numpy(np.array(array))[None].to(model.log_scale.device))
        vectors = class_vectors(model, run.attributes)
        scale = float(model.log_scale.exp())
        evidence = scale * found.evidence[0].double().cpu().numpy()
        shares = scale * (found.attention * found.local)[0].double().cpu().numpy()
        table = vectors.double().cpu().numpy()
    seen = run.space.mask(run.split.seen)
    old = len(run.space) - len(run.added)  # their scores keep their bits, whatever was added
    scores = np.concatenate([table[:old] @ evidence, table[old:] @ evidence]) - run.gamma * seen
    order = np.argsort(-scores, kind="stable")
    predicted = int(order[0])
    rival = int(order[1]) if rival_iri is None else int(run.space.columns([rival_iri])[0])
    if rival == predicted:
        fix = "name another class with --against"
        raise SplitError(
            Problem(f"{run.ontology.label(run.space.classes[rival])} is the predicted class itself", fix=fix)
        )
    return explain_margin(
        ImageEvidence(
            image=name or str(image),
            evidence=evidence,
            shares=shares,
            predicted=table[predicted],
            rival=table[rival],
            offset=float(run.gamma) * (int(seen[rival]) - int(seen[predicted])),
        ),
        classes=(run.space.classes[predicted], run.space.classes[rival]),
        class_attributes=run.attributes,
        ontology=run.ontology,
        verbalize=verbalizer(run.ontology),
        top=tuple((run.space.classes[c], float(scores[c])) for c in order[:5]),
        unseen=frozenset(run.split.unseen),
    )


def _array(run: Run, image: str | Path) -> np.ndarray:
    """An image file as the run's model reads it."""
    read, encode = _reader(run)
    return encode(read([image]))[0]


def verbalizer(ontology: Ontology) -> Callable[[Fact], str]:
    """Facts as phrases in the words of an ontology."""
    return partial(verbalize, ontology=ontology)


def _rival(run: Run, name: str) -> str:
    """The IRI of a class of the run, by IRI or label."""
    iri = run.ontology.resolve(name)
    if iri not in run.space.classes:
        known = [run.ontology.label(c) for c in run.space.classes]
        got = f"{name} is in the ontology, but not a class of this run"
        raise SplitError(Problem(got, fix=nearest(name, known)))
    return iri
