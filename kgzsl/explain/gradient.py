"""What facts add to a margin by its gradients, along the way from nothing being said to all of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from kgzsl.errors import ConfigError, Problem
from kgzsl.explain.explanation import Explanation
from kgzsl.explain.margin import Shares, contribution_of, explanation_of
from kgzsl.explain.question import Path, Question
from kgzsl.ontology import Fact

__all__ = ["GradientMethod", "GradientSettings", "Integral", "attribute_shares", "integrated"]

OTHERS = "other facts"
"""The part of the margin that is of facts which are not listed."""
LARGE = 0.05
"""A gap of a larger share of the margin is told."""


@dataclass(frozen=True)
class GradientSettings:
    """How closely integrals are approximated.

    Args:
        steps: points of Gauss-Legendre quadrature to begin with; doubled while the gap is larger than wanted.
        most: points at most.
        gap: what is wanted: the gap of all integrals together, as a share of the margin.
        listed: facts at most, those that add or take away most; a graph has edges of thousands.
    """

    steps: int = 32
    most: int = 512
    gap: float = 0.01
    listed: int = 200


@dataclass(frozen=True, eq=False)
class Integral:
    """Integrated gradients of one path.

    Args:
        shares: what each piece adds, float64 ``(piece,)``.
        start: the share of the margin when no piece is present.
        end: the share when all are.
        gap: what is missing from, or too much in, the sum of the shares.
        steps: points that it took.
    """

    shares: np.ndarray
    start: float
    end: float
    gap: float
    steps: int


@dataclass(frozen=True)
class GradientMethod:
    """Integrated gradients of the margin, of all that facts reach it through.

    What a piece adds is the integral of the margin's derivative with respect to its presence ``t_p``, on the straight
    way from nothing to all of it: ``c_p = integral of dm/dt_p (t, ..., t) dt from 0 to 1``. Pieces are

    - cells of the matrix of attributes. A cell that is not present is unknown, and its entry in the class vector is 0,
      which is also what the mean training class has there;
    - spans of prompts and edges of a graph, where classes have states of them (:class:`~kgzsl.explain.question.Path`).

    Presences are weights of embeddings, cells and edges, so that this is the integrated gradient with respect to these,
    summed over what belongs together. A fact has what comes through all its pieces. Cells belong to facts as they do in
    ``margin``; likewise what is said of both classes is told of the explained one.

    Contributions and remainder are the margin but for the gap of the quadrature. The remainder is what is there without
    any fact: calibration, embeddings, the words of prompts around the facts, the texts of the graph's nodes; and of a
    large graph, in which thousands of facts add a little each, the sum over those that are not listed.

    Source: Sundararajan, Taly and Yan, "Axiomatic Attribution for Deep Networks", ICML 2017, eq. 1, proposition 1.

    Args:
        settings: of the integrals.

    Raises:
        ConfigError: classes have states of prompts or a graph, and captum, which integrates, is not installed.
    """

    settings: GradientSettings = field(default_factory=GradientSettings)
    name: str = "gradient"
    exact_for: str = "what comes through attributes; through prompts and graphs it is approximated"

    def explain(self, question: Question) -> Explanation:
        """The facts of both classes, and what else prompts and graphs say, ranked by what they add."""
        of_cells = Shares(question, attribute_shares(question))
        shares = of_cells.total
        parts = {"calibration": question.offset} if question.offset else {}
        if of_cells.alone:
            parts["strengths"] = of_cells.alone
        ways = question.paths(question.evidence, question.explained, question.rival)
        paths = {path.source: path for path in ways}
        difference = question.evidence * (question.vectors[question.explained] - question.vectors[question.rival])
        wanted = self.settings.gap * abs(question.margin) / max(len(paths), 1)
        warnings: list[str] = []
        for source, block in question.blocks.items():
            own = float(difference[block].sum())
            if source not in paths:
                parts |= {source: own} if own else {}
                continue
            found = integrated(paths[source], self.settings, wanted=wanted)
            warnings += _warnings(found, own, source=source, large=LARGE * abs(question.margin))
            parts[source] = found.start
            for facts, share in zip(paths[source].facts, found.shares.tolist(), strict=True):
                for fact in facts:
                    shares[_owner(question, fact)] += share / len(facts)
                if not facts:
                    parts[source] += share
        ranked = sorted(((f, v) for f, v in shares.items() if v), key=lambda one: (-abs(one[1]), one[0].key))
        if others := ranked[self.settings.listed :]:
            parts[OTHERS] = sum(value for _, value in others)
        made = [
            replace(contribution_of(question, fact, value, of_cells.stated[fact]), assumed=of_cells.assumed[fact])
            for fact, value in ranked[: self.settings.listed]
        ]
        gap = abs(question.margin - sum(one.contribution for one in made) - sum(parts.values())) if paths else None
        told = explanation_of(question, made, method=self.name, exact_for=self.exact_for, parts=parts, gap=gap)
        return replace(told, warnings=tuple(warnings))


def _warnings(found: Integral, share: float, *, source: str, large: float) -> list[str]:
    """What is wrong with an integral.

    Args:
        found: the integral.
        share: what the source adds to the margin.
        source: of the states.
        large: what is too much.
    """
    told = []
    if found.gap > large:
        told.append(f"{source}: gradients miss {found.gap:.3g} of the margin after {found.steps} steps")
    if (other := abs(found.end - share)) > large:
        # The words of prompts change with the version that writes them, the states of a run do not.
        told.append(f"{source}: facts are put otherwise than when the run was trained, which misses {other:.3g}")
    return told


def attribute_shares(question: Question) -> np.ndarray:
    """Integrated gradients of the margin with respect to the presence of each cell of the two classes.

    The entry of a present cell in a class vector is ``t (t s / ||t s|| - c)``, with weighted values ``s`` and the
    center ``c``; without lengths, ``t v``. On the way from all cells unknown to all as they are its gradient does not
    change, so that one point is the integral: with ``x = e s / ||s||`` of evidence ``e``, a cell adds
    ``2 x_a - (sum of x) s_a^2 / ||s||^2 - e_a c_a``; without lengths, ``e_a v_a``.

    Returns:
        float64 ``(2, attribute)``: of the explained class, and of the rival with its sign in the margin. Both together
        sum to what attributes add to the margin.
    """
    count = len(question.attributes.attributes)
    evidence, rows = question.evidence[:count], [question.explained, question.rival]
    shares = evidence * question.vectors[rows, :count]
    if question.scaled is not None and question.centers is not None:
        known, scaled = question.attributes.known[rows], question.scaled[rows]
        # With the center taken off again, of what is known: the value over the length, under the gate.
        plain = np.where(known, shares + evidence * question.centers, 0.0)
        squares = np.square(scaled)
        weights = squares / np.maximum(squares.sum(1, keepdims=True), 1e-12)
        shares = shares + plain - plain.sum(1, keepdims=True) * weights
    signed: np.ndarray = shares * np.array([[1.0], [-1.0]])
    return signed


def integrated(path: Path, settings: GradientSettings, *, wanted: float) -> Integral:
    """Integrated gradients of one path from no piece present to all.

    Args:
        path: the function.
        settings: how many points.
        wanted: a gap that is small enough, in the unit of scores.

    Raises:
        ConfigError: captum is not installed.
    """
    import torch

    with torch.no_grad():
        start, end = path.share(torch.tensor([[0.0], [1.0]]).expand(2, len(path.facts))).double().tolist()
    if not path.facts:
        return Integral(np.zeros(0), start, end, 0.0, 0)
    method = _integrated_gradients()(path.share)
    steps = settings.steps
    while True:
        whole = torch.ones(1, len(path.facts), dtype=torch.float64)
        shares = method.attribute(whole, n_steps=steps, internal_batch_size=min(steps, 16))[0].detach().numpy()
        gap = abs(end - start - float(shares.sum()))
        if gap <= wanted or 2 * steps > settings.most:
            return Integral(shares.astype(np.float64), start, end, gap, steps)
        steps *= 2


def _integrated_gradients() -> Any:
    """Captum's integrated gradients.

    Raises:
        ConfigError: captum is not installed.
    """
    try:
        from captum.attr import IntegratedGradients
    except ImportError:
        fix = "pip install 'kgzsl[explain]', or explain by another method"
        raise ConfigError(Problem("gradients of prompts and graphs without captum", fix=fix)) from None
    return IntegratedGradients


def _owner(question: Question, fact: Fact) -> Fact:
    """The fact that something is told under: of what both classes are said to be, that of the explained class."""
    if fact.subject == question.classes[1]:
        row = question.ontology.find(replace(fact, subject=question.classes[0]))
        if row is not None:
            return question.ontology.fact(row)
    return fact
