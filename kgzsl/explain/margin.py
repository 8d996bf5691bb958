"""The exact decomposition of a margin over facts.

A score is linear in the class vector, ``scale * sum_a evidence_a * vector_a``, so the margin between two
classes is a sum over the attributes in which they differ. Each attribute's share goes to the facts
that set the two classes apart in it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kgzsl.explain.explanation import Explanation, FactContribution
from kgzsl.explain.overlay import grounding_box
from kgzsl.ontology import Fact, Ontology
from kgzsl.semantics import Attribute, ClassAttributes

__all__ = ["ImageEvidence", "explain_margin"]

METHOD = "margin (exact)"


@dataclass(frozen=True, eq=False)
class ImageEvidence:
    """What a model saw in one image and how it scores two classes from it.

    Args:
        image: name of the image.
        evidence: ``(attribute,)``, scaled so that ``scores = vectors @ evidence``; that of classes' other states
            (prompts, embeddings, graphs) stands behind it, and so it does in the vectors.
        shares: ``(attribute, patch)``: the evidence's exact shares by patch (they sum to it).
        predicted: vector of the predicted class, ``(attribute,)``.
        rival: vector of the rival, ``(attribute,)``.
        offset: what is added to the margin besides: the difference in calibration.
    """

    image: str
    evidence: np.ndarray
    shares: np.ndarray
    predicted: np.ndarray
    rival: np.ndarray
    offset: float = 0.0


def explain_margin(
    seen: ImageEvidence,
    *,
    classes: tuple[str, str],
    class_attributes: ClassAttributes,
    ontology: Ontology,
    verbalize: Callable[[Fact], str],
    top: tuple[tuple[str, float], ...] = (),
    unseen: frozenset[str] = frozenset(),
) -> Explanation:
    """Facts that set a predicted class apart from its rival, with their exact shares of the margin.

    The share of attribute ``a`` is ``evidence_a * (predicted_a - rival_a)``. It belongs to what the
    predicted class states of ``a``; where it states nothing (the cell is unknown, or absent only by
    assumption), to what the rival states; where neither states anything, to the facts that made the
    assumption. Several facts of one cell share it evenly. Attributes in which the two classes agree
    add nothing, whatever the image shows.

    With strengths (:attr:`~kgzsl.semantics.ClassAttributes.degree`) the vectors hold degrees in the place of 0 and 1.
    A score is linear in the vector all the same, so that shares are as exact: a fact has the share of the degree to
    which it holds. Where neither class states anything and strengths set them apart, no fact says so, not even by
    assumption: that share is part of the remainder.

    Args:
        seen: evidence of the image and the two class vectors.
        classes: IRIs of the predicted class and of the rival.
        class_attributes: cells and the facts behind them; its rows hold both classes.
        ontology: the entailed ontology, for proofs.
        verbalize: a fact as a phrase.
        top: best classes with their scores.
        unseen: classes without training images.

    Returns:
        Contributions sum to the margin but for the remainder: ``offset``, shares of strengths without a fact, and those
        of other states of the classes, of which no fact has a share of its own.
    """
    shares = seen.evidence * (seen.predicted - seen.rival)
    count = len(class_attributes.attributes)
    contribution: dict[Fact, float] = defaultdict(float)
    columns: dict[Fact, list[int]] = defaultdict(list)
    remainder = seen.offset + float(shares[count:].sum())
    for column in np.flatnonzero(shares[:count]).tolist():
        facts = _responsible(class_attributes, classes, class_attributes.attributes[column])
        for fact in facts:
            contribution[fact] += float(shares[column]) / len(facts)
            columns[fact].append(column)
        if not facts:
            remainder += float(shares[column])
    ranked = sorted(contribution, key=lambda f: (-contribution[f], f.key))
    made = {
        fact: FactContribution(
            fact=fact,
            verbalization=verbalize(fact),
            contribution=contribution[fact],
            evidence=float(seen.evidence[columns[fact]].sum()),
            proof=ontology.prove(fact),
            **_grounding(seen.shares[columns[fact]]),
        )
        for fact in ranked
    }
    margin = float(shares.sum()) + seen.offset
    iris = {*classes, *(iri for iri, _ in top), *(term for f in ranked for term in f.key[:3])}
    return Explanation(
        image=seen.image,
        predicted=classes[0],
        rival=classes[1],
        labels={iri: ontology.label(iri) for iri in sorted(iris)},
        margin=margin,
        facts=tuple(made[f] for f in ranked if f.subject == classes[0]),
        rival_facts=tuple(made[f] for f in ranked if f.subject != classes[0]),
        remainder=remainder,
        method=METHOD,
        top=top,
        unseen=unseen,
    )


def _responsible(attributes: ClassAttributes, classes: tuple[str, str], attribute: Attribute) -> tuple[Fact, ...]:
    """The facts that set two classes apart in one attribute; none where strengths alone do."""
    column = attributes.attributes.index(attribute)
    cells, told = [], False
    for iri in classes:
        row = attributes.classes.index(iri)
        stated = bool(attributes.known[row, column] and not attributes.assumed[row, column])
        cells.append((not stated, attributes.sources(iri, attribute)))
        told |= bool(attributes.degree[row, column] != attributes.value[row, column])
    # Stated cells before assumed ones, the predicted class before the rival.
    for unstated, facts in sorted(cells, key=lambda cell: cell[0]):
        if facts and not (unstated and told):
            return facts
    if attributes.strength is not None:
        return ()
    raise ValueError(f"classes {classes} differ in {attribute}, but no fact says so")


def _grounding(shares: np.ndarray) -> dict:
    """Map and box of where the evidence was found; the sign of the evidence decides which patches count."""
    total = shares.sum(0)
    signed = np.clip(total if total.sum() >= 0 else -total, 0, None)
    side = round(len(signed) ** 0.5)
    if side * side != len(signed) or signed.sum() == 0:
        return {}
    grid = (signed / signed.sum()).reshape(side, side)
    return {"grounding": grid, "box": grounding_box(grid)}
