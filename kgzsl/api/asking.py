"""Predictions for images, and the facts that drove them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kgzsl.api.describing import describe
from kgzsl.api.learned import learned_from
from kgzsl.api.records import Prediction, Run
from kgzsl.api.scoring import scores_in_turn
from kgzsl.api.sources import pixels_of
from kgzsl.api.verified import with_warnings
from kgzsl.api.worlds import RunWorlds
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
    from kgzsl.explain.question import Question

__all__ = [
    "Sight",
    "ask",
    "class_of",
    "explain",
    "explain_all",
    "look",
    "need_sum",
    "predict",
    "read_ahead",
    "reader_of",
    "verbalizer",
]


def predict(run: Run, images: Sequence[str | Path], *, top: int = 5) -> list[Prediction]:
    """Classify image files among all classes of the run: seen, unseen, and those added after training.

    Scores are calibrated: gamma is taken off those of seen classes.

    Raises:
        ImageError: every file that is not an image.
    """
    read, encode = reader_of(run)
    ready = (encode(pixels) for pixels in read_ahead(read, images))
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


def reader_of(run: Run) -> tuple[Read, Callable[[np.ndarray], np.ndarray]]:
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


def read_ahead(read: Read, images: Sequence[str | Path], *, batch: int = 64) -> Iterator[np.ndarray]:
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
    run: Run,
    image: str | Path | np.ndarray,
    *,
    against: str | None = None,
    speaking_for: str | None = None,
    method: str = "margin",
    turning: bool = False,
    name: str | None = None,
) -> Explanation:
    """Which facts drove the prediction for one image.

    Args:
        run: a trained run.
        image: a file, or pixels (or patch features) as the run's model reads them.
        against: the rival class by IRI or label; by default the runner-up.
        speaking_for: the class to explain, by IRI or label; by default the predicted one. Its rival is then the
            predicted one by default.
        method: one of :data:`kgzsl.explain.methods.METHODS`.
        turning: whether to look for the smallest change of the ontology that would turn the prediction.
        name: what to call the image.

    Returns:
        Contributions to the margin between the class that is explained and its rival. It warns of what the method is
        known to fail on this run (:func:`kgzsl.api.verify`).

    Raises:
        ImageError: not an image.
        ConfigError: a kind of model whose class vectors are not made of facts, or no such method.
        UnknownTermError: no such class.
        SplitError: no class of the run, or the rival is the explained class.
    """
    return explain_all(
        run,
        image,
        rivals=1,
        against=against,
        speaking_for=speaking_for,
        method=method,
        turning=turning,
        name=name,
    )[0]


def explain_all(
    run: Run,
    image: str | Path | np.ndarray,
    *,
    rivals: int = 3,
    against: str | None = None,
    speaking_for: str | None = None,
    method: str = "margin",
    turning: bool = False,
    name: str | None = None,
) -> tuple[Explanation, ...]:
    """The class of :func:`explain` held against several rivals, one explanation each; the image is encoded once.

    Args:
        run: a trained run.
        image: as :func:`explain` has it.
        rivals: how many, if there are so many other classes: the one of ``against``, then those that score best.
        against: the first rival by IRI or label; by default the runner-up.
        speaking_for: the class to explain, by IRI or label; by default the predicted one.
        method: one of :data:`kgzsl.explain.methods.METHODS`.
        turning: whether to look for the smallest change of the ontology that would turn each of them.
        name: what to call the image.

    Raises:
        KgzslError: as :func:`explain` does.
    """
    from kgzsl.explain.counterfactual import counterfactual
    from kgzsl.explain.methods import method_of

    chosen = method_of(method)
    asked = _asked(run, image, rivals=rivals, against=against, speaking_for=speaking_for, name=name)
    told = ((with_warnings(chosen.explain(question), run), question) for question in asked)
    return tuple(replace(one, counterfactual=counterfactual(question)) if turning else one for one, question in told)


def ask(
    run: Run,
    image: str | Path | np.ndarray,
    *,
    against: str | None = None,
    speaking_for: str | None = None,
    name: str | None = None,
) -> Question:
    """The question that methods answer: see :func:`explain`."""
    return _asked(run, image, rivals=1, against=against, speaking_for=speaking_for, name=name)[0]


def _asked(
    run: Run,
    image: str | Path | np.ndarray,
    *,
    rivals: int,
    against: str | None,
    speaking_for: str | None,
    name: str | None,
) -> list[Question]:
    """One question for each rival."""
    from kgzsl.api.differentiable import paths_of
    from kgzsl.explain.question import Question

    seen = look(run, [image])
    told = describe(run)
    scores = (told.vectors * seen.evidence[0]).sum(1) - told.offsets
    order = np.argsort(-scores, kind="stable").tolist()
    explained = order[0] if speaking_for is None else _row(run, speaking_for)
    others = [c for c in order if c != explained]
    if against is not None:
        first = _row(run, against)
        if first == explained:
            whose = "the predicted class" if speaking_for is None else "the class to explain"
            got = f"{run.ontology.label(run.space.classes[first])} is {whose} itself"
            raise SplitError(Problem(got, fix="name another class with --against"))
        others = [first, *(c for c in others if c != first)]
    question = Question(
        image=name or str(image),
        evidence=seen.evidence[0],
        shares=seen.shares[0],
        vectors=told.vectors,
        offsets=told.offsets,
        explained=explained,
        rival=others[0],
        attributes=run.attributes,
        ontology=run.ontology,
        worlds=RunWorlds(run),
        verbalize=verbalizer(run.ontology),
        gates=told.gates,
        blocks=told.blocks,
        unseen=frozenset(run.split.unseen),
        scaled=told.scaled,
        centers=told.centers,
        learned_from=learned_from(run),
        paths=partial(paths_of, run),
    )
    return [replace(question, rival=rival) for rival in others[: max(1, rivals)]]


@dataclass(frozen=True, eq=False)
class Sight:
    """What a run's model saw in images.

    Args:
        evidence: float64 ``(image, attribute + dim)``, scaled so that ``scores = vectors @ evidence``.
        shares: float64 ``(image, attribute, patch)``.
    """

    evidence: np.ndarray
    shares: np.ndarray


def look(run: Run, images: Sequence[str | Path | np.ndarray]) -> Sight:
    """What a run's model sees in some images, files or arrays; encoded once.

    Raises:
        ImageError: every file that is not an image.
        ConfigError: a kind of model whose scores are no sum over facts.
    """
    import torch

    need_sum(run)
    arrays = np.stack([image if isinstance(image, np.ndarray) else _array(run, image) for image in images])
    model: Any = run.model
    with torch.inference_mode():
        found = model.encode_images(torch.from_numpy(arrays).to(model.log_scale.device))
        scale = float(model.log_scale.exp())
        evidence = scale * found.evidence.double().cpu().numpy()
        shares = scale * (found.attention * found.local).double().cpu().numpy()
    return Sight(evidence, shares)


def need_sum(run: Run) -> None:
    """Only a model whose scores are a sum over facts can be asked which of them drove it.

    Raises:
        ConfigError: a run of another kind; says which can, and by what methods.
    """
    from kgzsl.explain.methods import METHODS
    from kgzsl.model.baselines import NamedClassifier

    if isinstance(run.model, NamedClassifier):
        told = ", ".join(kind for kind in KINDS if kind not in NAMED_BASELINES)
        got = f"a run of kind {run.config.model.kind}, whose scores are no sum over facts"
        fix = f"train one of these kinds: no method ({', '.join(METHODS)}) explains the others"
        raise ConfigError(Problem(got, expected=f"a run of kind {told}", fix=fix, file=run.folder.path))


def _array(run: Run, image: str | Path) -> np.ndarray:
    """An image file as the run's model reads it."""
    read, encode = reader_of(run)
    return encode(read([image]))[0]


@lru_cache(maxsize=4)
def verbalizer(ontology: Ontology) -> Callable[[Fact], str]:
    """Facts as phrases in the words of an ontology, each put together once, whatever it is said of."""
    phrases: dict[tuple[str, ...], str] = {}

    def say(fact: Fact) -> str:
        said = fact.key[1:]
        if said not in phrases:
            phrases[said] = verbalize(fact, ontology)
        return phrases[said]

    return say


def class_of(run: Run, name: str) -> str:
    """The IRI of a class of the run, by IRI or label.

    Raises:
        UnknownTermError: no term of the ontology, or several, are called so.
        SplitError: not a class of the run.
    """
    iri = run.ontology.resolve(name)
    if iri not in run.space.classes:
        known = [run.ontology.label(c) for c in run.space.classes]
        got = f"{name} is in the ontology, but not a class of this run"
        raise SplitError(Problem(got, fix=nearest(name, known)))
    return iri


def _row(run: Run, name: str) -> int:
    """The row of a class of the run, by IRI or label."""
    return int(run.space.columns([class_of(run, name)])[0])
