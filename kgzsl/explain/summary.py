"""Which facts drive predictions over a whole set of images: what carries a class, what is behind a confusion, and what
is never used.

All figures are means over images of what :class:`~kgzsl.explain.margin.MarginMethod` says of each. An image's own class
is held against the best of all others, so that its margin is above 0 where the prediction is right.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import stdtrit

from kgzsl.errors import ConfigError, DataError, Problem
from kgzsl.explain.survey import Contributions, Survey, contributions, shares_by_pair
from kgzsl.ontology import Fact

__all__ = [
    "REASONS",
    "BlindFact",
    "ClassFacts",
    "Confusion",
    "FactMean",
    "Overview",
    "PropertyTotal",
    "UnusedFact",
    "class_facts",
    "confusion",
    "overview",
]

CONFIDENCE = 0.95
SIDES = ("most", "least")
EXAMPLES = 3
"""So many images that show a fact most, and as many that show it least."""
CLOSEST = 5
"""Where nothing was confused, so many images are looked at: those that came closest."""

REASONS: Mapping[str, str] = {
    "not seen": "images of the true class do not bear the difference out",
    "closed": "closed by the gate: images of held-out classes did not bear it out",
    "states": "the model is told states of classes alone, and no fact by itself",
    "not told": "the run is not told of its property (semantics.facts)",
    "literal": "a literal that is in no column",
    "all alike": "all classes of the run agree in it",
    "rivals alike": "every class that it was held against agrees in it",
    "said by others": "where it would tell classes apart, another fact says so",
    "no evidence": "the evidence is 0 in every image",
    "more specific": "in no column of its own: more specific facts say it",
}
"""Why a fact adds nothing."""
TELLING = ("not seen", "closed", "states", "not told", "literal")
"""Reasons of facts that would tell two classes apart; what both agree in and what others say would not."""


@dataclass(frozen=True)
class Example:
    """An image, and how much it shows of a fact.

    Args:
        row: its place in the survey.
        image: its name.
        evidence: the image's evidence of the fact's attribute.
    """

    row: int
    image: str
    evidence: float


@dataclass(frozen=True)
class FactMean:
    """What one fact adds to the margins of some images, on average.

    Args:
        fact: the fact.
        verbalization: the fact as a phrase.
        contribution: mean over the images of its share of the margin, in the unit of ``scores``; above 0 it speaks for
            the class that is explained.
        interval: 95 % interval of the mean over images (Student's t); None for a single image.
        at_work: share of the images in which it sets the class apart from its rival.
        shown: share of the images that show it: with evidence of its attribute above 0 or, of an absence, below 0; None
            where it has no attribute of its own.
        gate: how much the model believes of what images show of it.
        usual: its mean over the images of the class that are predicted right; None where that is not asked.
        most: of a class's own facts, the images that show it most (of an absence: with the least evidence of its
            attribute).
        least: those that show it least.
    """

    fact: Fact
    verbalization: str
    contribution: float
    interval: tuple[float, float] | None
    at_work: float
    shown: float | None
    gate: float | None
    usual: float | None = None
    most: tuple[Example, ...] = ()
    least: tuple[Example, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        content = asdict(self) | {"interval": None if self.interval is None else list(self.interval)}
        for side in SIDES:
            del content[side]
            if examples := getattr(self, side):
                content[side] = [{"image": e.image, "evidence": e.evidence} for e in examples]
        return content


@dataclass(frozen=True)
class UnusedFact:
    """A fact that added nothing to any margin.

    Args:
        fact: the fact.
        verbalization: the fact as a phrase.
        reason: a key of :data:`REASONS`.
    """

    fact: Fact
    verbalization: str
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"because": REASONS[self.reason]}


@dataclass(frozen=True)
class BlindFact(UnusedFact):
    """A fact of one of two confused classes that would tell them apart, if the model used it.

    Args:
        shown: share of the images of the true class that show it; None where it has no attribute.
    """

    shown: float | None = None


@dataclass(frozen=True)
class ClassFacts:
    """What carries a class.

    Args:
        iri: the class.
        label: what it is called.
        unseen: whether it had no image in training.
        rows: places of its images in the survey; where nobody says whose they are, of those predicted as it.
        right: how many are predicted right; None where nobody says.
        margin: mean over the images of its score less that of the best other class.
        parts: what of it no fact accounts for, by where it comes from: "calibration", or a source of states.
        facts: its own facts, largest mean contribution first.
        rival_facts: facts of its rivals that it is told apart by, in the same order.
        rivals: the classes that it was held against, and in how many images, most frequent first.
        unused: facts of it that added nothing in any of these images.
    """

    iri: str
    label: str
    unseen: bool
    rows: tuple[int, ...]
    right: int | None
    margin: float
    parts: Mapping[str, float]
    facts: tuple[FactMean, ...]
    rival_facts: tuple[FactMean, ...]
    rivals: tuple[tuple[str, int], ...]
    unused: tuple[UnusedFact, ...]

    @property
    def remainder(self) -> float:
        """The part of the margin that no fact accounts for."""
        return float(sum(self.parts.values()))

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "class": self.iri,
            "label": self.label,
            "unseen": self.unseen,
            "images": len(self.rows),
            "right": self.right,
            "margin": self.margin,
            "parts": dict(self.parts),
            "facts": [fact.to_dict() for fact in self.facts],
            "rival_facts": [fact.to_dict() for fact in self.rival_facts],
            "rivals": [{"class": iri, "images": count} for iri, count in self.rivals],
            "unused": [fact.to_dict() for fact in self.unused],
        }


@dataclass(frozen=True)
class Confusion:
    """What is behind images of one class that are taken for another.

    Contributions are to the margin of the true class over the other, so that below 0 they speak for the other.

    Args:
        true: IRI of the class that the images are of.
        predicted: IRI of the class that they are taken for.
        labels: label of both.
        rows: places in the survey of the images that are looked at: of those that are confused or, where none is,
            those that came closest.
        images: their names.
        happened: whether any image is confused.
        close: images that are not confused, but with the other class next, and as near to it as the confused ones are
            to the true class, on average; their names.
        of: how many images the true class has.
        margin: mean over ``rows`` of the true class's score less that of the other.
        closest: the smallest margin of all images of the true class.
        parts: what of ``margin`` no fact accounts for, by where it comes from: "calibration", or a source of states.
        uncalibrated: how many of ``rows`` would be predicted right if calibration took nothing off any score.
        speaking: facts of the other class that speak for it, the strongest first.
        failing: facts of the true class that speak against it, or for it less than half as much as in images that are
            predicted right.
        standing: facts of either that speak for the true class.
        blind: facts that would tell the two apart and are closed, not told to the model, or not seen.
    """

    true: str
    predicted: str
    labels: tuple[str, str]
    rows: tuple[int, ...]
    images: tuple[str, ...]
    happened: bool
    close: tuple[str, ...]
    of: int
    margin: float
    closest: float
    parts: Mapping[str, float]
    uncalibrated: int
    speaking: tuple[FactMean, ...]
    failing: tuple[FactMean, ...]
    standing: tuple[FactMean, ...]
    blind: tuple[BlindFact, ...]

    @property
    def facts(self) -> tuple[FactMean, ...]:
        """All facts, those that speak most for the other class first."""
        every = (*self.speaking, *self.failing, *self.standing)
        return tuple(sorted(every, key=lambda f: (f.contribution, f.fact.key)))

    @property
    def remainder(self) -> float:
        """The part of the margin that no fact accounts for."""
        return float(sum(self.parts.values()))

    @property
    def culprit(self) -> FactMean | None:
        """The fact that speaks most for the other class; None where none does."""
        return next((fact for fact in self.facts[:1] if fact.contribution < 0), None)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "true": self.true,
            "predicted": self.predicted,
            "labels": list(self.labels),
            "happened": self.happened,
            "images": list(self.images),
            "close": list(self.close),
            "of": self.of,
            "margin": self.margin,
            "closest": self.closest,
            "parts": dict(self.parts),
            "uncalibrated": self.uncalibrated,
            **{kind: [fact.to_dict() for fact in getattr(self, kind)] for kind in ("speaking", "failing")},
            "standing": [fact.to_dict() for fact in self.standing],
            "blind": [fact.to_dict() for fact in self.blind],
        }


@dataclass(frozen=True)
class PropertyTotal:
    """How much all facts of one property move margins.

    Args:
        iri: the property.
        label: what it is called.
        total: mean over images of the sum of its facts' absolute contributions.
        contribution: mean over images of the sum of its facts' contributions.
        share: of the total of all properties, in [0, 1].
        facts: how many facts of it contribute in some image.
        gate: mean gate of its attributes; 1 where it has none of its own.
    """

    iri: str
    label: str
    total: float
    contribution: float
    share: float
    facts: int
    gate: float


@dataclass(frozen=True, eq=False)
class Overview:
    """Which facts drive predictions over all images of a survey.

    Args:
        survey: the images.
        classes: what carries each class that has images, in the order of the run's classes.
        confusions: all pairs of classes that are confused, most frequent first.
        properties: by how much they move margins, most first.
        unused: facts of classes that came up, as an image's own or as a rival, that added nothing to any margin.
    """

    survey: Survey
    classes: tuple[ClassFacts, ...]
    confusions: tuple[Confusion, ...]
    properties: tuple[PropertyTotal, ...]
    unused: tuple[UnusedFact, ...]

    @property
    def accuracy(self) -> float | None:
        """Share of the images that are predicted right; None where nobody says whose they are."""
        labeled = self.survey.labels >= 0
        if not labeled.any():
            return None
        return float((self.survey.predicted == self.survey.labels)[labeled].mean())

    @cached_property
    def counts(self) -> dict[tuple[str, str], int]:
        """How many images of a class are predicted as a class: ``(true, predicted)``, right ones too."""
        known = self.survey.labels >= 0
        pairs = zip(self.survey.labels[known].tolist(), self.survey.predicted[known].tolist(), strict=True)
        names = self.survey.attributes.classes
        return {(names[one], names[other]): count for (one, other), count in sorted(Counter(pairs).items())}

    def to_dict(self) -> dict[str, Any]:
        """For JSON; facts of rivals and what a class does not use are in the dictionary of the class itself."""
        left_out = {"rival_facts", "unused"}
        classes = [{k: v for k, v in one.to_dict().items() if k not in left_out} for one in self.classes]
        return {
            "images": len(self.survey.images),
            "of": self.survey.source,
            "accuracy": self.accuracy,
            "notes": list(self.survey.notes),
            "classes": classes,
            "confusions": [one.to_dict() | {"count": len(one.rows)} for one in self.confusions],
            "properties": [asdict(one) for one in self.properties],
            "unused": [one.to_dict() for one in self.unused],
        }


def overview(survey: Survey) -> Overview:
    """Which facts drive predictions over all images of a survey.

    Args:
        survey: of one image or more.
    """
    rows = np.arange(len(survey.images))
    names = survey.attributes.classes
    classes = [class_facts(survey, names[row]) for row in np.unique(survey.explained).tolist()]
    wrong = (survey.labels >= 0) & (survey.labels != survey.predicted)
    pairs = Counter(zip(survey.labels[wrong].tolist(), survey.predicted[wrong].tolist(), strict=True))
    confused = [confusion(survey, names[one], names[other]) for (one, other), _ in sorted(pairs.items())]
    confused.sort(key=lambda c: -len(c.rows))
    return Overview(survey, tuple(classes), tuple(confused), _properties(survey, rows), _unused(survey, rows))


def class_facts(survey: Survey, iri: str) -> ClassFacts:
    """What carries a class: its facts by their mean contribution to the margin over its images' best rivals.

    The means of all facts and the remainder add up to the mean margin.

    Args:
        survey: the images, of which some are of the class (or predicted as it, where nobody says whose they are).
        iri: the class.
    """
    row = survey.attributes.classes.index(iri)
    rows = np.flatnonzero(survey.explained == row)
    rivals = survey.rivals[rows]
    found = contributions(survey, rows, survey.explained[rows], rivals)
    means = _means(survey, found, rows, examples=True)
    at_work = [k for k in means if means[k].at_work]
    ranked = sorted(at_work, key=lambda k: (-means[k].contribution, means[k].fact.key))
    labeled = bool((survey.labels[rows] >= 0).all())
    names = survey.attributes.classes
    return ClassFacts(
        iri=iri,
        label=survey.label(row),
        unseen=iri in survey.unseen,
        rows=tuple(rows.tolist()),
        right=int((survey.predicted[rows] == row).sum()) if labeled else None,
        margin=float(found.margins.mean()),
        parts={name: float(part.mean()) for name, part in found.parts.items()},
        facts=tuple(means[k] for k in ranked if found.own[k]),
        rival_facts=tuple(means[k] for k in ranked if not found.own[k]),
        rivals=tuple((names[k], count) for k, count in Counter(rivals.tolist()).most_common()),
        unused=_unused(survey, rows, of=row),
    )


def confusion(survey: Survey, true: str, predicted: str) -> Confusion:
    """What is behind images of one class that are taken for another.

    Args:
        survey: the images, of which some are labeled as the first class.
        true: IRI of the class that images are of.
        predicted: IRI of the class that they are taken for.

    Raises:
        ConfigError: both are the same.
        DataError: no image is labeled as the first.
    """
    one, other = (survey.attributes.classes.index(iri) for iri in (true, predicted))
    if one == other:
        raise ConfigError(Problem(f"{survey.label(one)} and itself", expected="two classes"))
    every = np.flatnonzero(survey.labels == one)
    if not len(every):
        got, expected = f"no image is known to be of {survey.label(one)}", "images in a folder for each class"
        raise DataError(Problem(got, expected=expected))
    found = contributions(survey, every, np.full(len(every), one), np.full(len(every), other))
    right, confused = survey.predicted[every] == one, survey.predicted[every] == other
    happened = bool(confused.any())
    near = right & (survey.rivals[every] == other)
    if happened:
        chosen, close = confused, near & (found.margins <= -found.margins[confused].mean())
    else:
        chosen, close = np.zeros_like(right), np.zeros_like(right)
        chosen[np.argsort(found.margins, kind="stable")[:CLOSEST]] = True
    usual = found.values[right & ~chosen].mean(0) if (right & ~chosen).any() else None
    means = _means(survey, found, every, chosen=chosen, usual=usual)
    at_work = [k for k in means if found.values[:, k].any()]
    order = sorted(at_work, key=lambda k: (means[k].contribution, means[k].fact.key))
    speaking = [k for k in order if not found.own[k] and means[k].contribution < 0]
    failing = [k for k in order if found.own[k] and means[k].contribution < max(0.0, (means[k].usual or 0.0) / 2)]
    standing = [k for k in reversed(order) if k not in {*speaking, *failing}]
    return Confusion(
        true=true,
        predicted=predicted,
        labels=(survey.label(one), survey.label(other)),
        rows=tuple(every[chosen].tolist()),
        images=tuple(survey.images[row] for row in every[chosen]),
        happened=happened,
        close=tuple(survey.images[row] for row in every[close]),
        of=len(every),
        margin=float(found.margins[chosen].mean()),
        closest=float(found.margins.min()),
        parts={name: float(part[chosen].mean()) for name, part in found.parts.items()},
        uncalibrated=int(((survey.scores + survey.offsets)[every[chosen]].argmax(1) == one).sum()),
        speaking=tuple(means[k] for k in speaking),
        failing=tuple(means[k] for k in failing),
        standing=tuple(means[k] for k in standing),
        blind=_blind(survey, found, every, one=one, other=other),
    )


def _means(
    survey: Survey,
    found: Contributions,
    rows: np.ndarray,
    *,
    chosen: np.ndarray | None = None,
    usual: np.ndarray | None = None,
    examples: bool = False,
) -> dict[int, FactMean]:
    """Every fact's mean over some images, by its place in what was found.

    Args:
        survey: the images.
        found: contributions in ``rows``.
        rows: images of the survey.
        chosen: mask over them: which count; by default all.
        usual: float64 ``(fact,)``: means over other images, to compare with.
        examples: whether to say of own facts which images show them most and least.
    """
    values = found.values if chosen is None else found.values[chosen]
    rows = rows if chosen is None else rows[chosen]
    count, mean, at_work = len(values), values.mean(0).tolist(), (values != 0).mean(0).tolist()
    half = None
    if count > 1:
        half = float(stdtrit(count - 1, 0.5 + CONFIDENCE / 2)) * values.std(0, ddof=1) / np.sqrt(count)
    columns = [survey.told.column_of(fact) for fact in found.facts]
    about = [k for k, column in enumerate(columns) if column is not None]
    evidence = _shown(survey, [found.facts[k] for k in about], rows)
    shown = dict(zip(about, (evidence > 0).mean(0).tolist(), strict=True))
    wanted = [number for number, k in enumerate(about) if examples and found.own[k]]
    ends = {about[k]: _ends(survey, rows, columns[about[k]], evidence[:, k]) for k in wanted}
    return {
        k: FactMean(
            fact=fact,
            verbalization=survey.told.phrase(fact),
            contribution=mean[k],
            interval=None if half is None else (float(mean[k] - half[k]), float(mean[k] + half[k])),
            at_work=at_work[k],
            shown=shown.get(k),
            gate=None if column is None else float(survey.gates[column]),
            usual=None if usual is None else float(usual[k]),
            **ends.get(k, {}),
        )
        for k, (fact, column) in enumerate(zip(found.facts, columns, strict=True))
    }


def _ends(survey: Survey, rows: np.ndarray, column: int | None, shown: np.ndarray) -> dict[str, tuple[Example, ...]]:
    """The images that show a fact most and least; ``shown`` says how much each does."""
    order = rows[np.argsort(-shown, kind="stable")].tolist()
    sides = zip(SIDES, (order[:EXAMPLES], order[: -EXAMPLES - 1 : -1]), strict=True)
    return {
        side: tuple(Example(row, survey.images[row], float(survey.evidence[row, column])) for row in there)
        for side, there in sides
    }


def _shown(survey: Survey, facts: Sequence[Fact], rows: np.ndarray) -> np.ndarray:
    """How much images show facts, ``(image, fact)``: evidence of their attributes, turned round for an absence."""
    columns = np.array([survey.told.column_of(fact) for fact in facts], dtype=np.intp)
    signs = np.array([1.0 if fact.polarity == "positive" else -1.0 for fact in facts])
    return survey.evidence[np.ix_(rows, columns)] * signs


def _blind(survey: Survey, found: Contributions, rows: np.ndarray, *, one: int, other: int) -> tuple[BlindFact, ...]:
    """Facts that would tell two classes apart, but do not in images of the first."""
    mean = dict(zip(found.facts, found.values.mean(0).tolist(), strict=True))
    said = [{f.key[1:]: f for f in survey.told.of(row)} for row in (one, other)]
    blind = []
    for own, rest in (said, said[::-1]):
        for key in sorted(own.keys() - rest.keys()):
            fact, column = own[key], survey.told.column_of(own[key])
            if mean.get(fact, 0.0) > 0:
                continue
            reason = "not seen" if fact in mean else _reason(survey, fact, [(one, other)])
            if reason in TELLING:
                shown = None if column is None else float((_shown(survey, [fact], rows) > 0).mean())
                blind.append(BlindFact(fact, survey.told.phrase(fact), reason, shown))
    return tuple(sorted(blind, key=lambda f: (list(REASONS).index(f.reason), mean.get(f.fact, 0.0), f.fact.key)))


def _unused(survey: Survey, rows: np.ndarray, *, of: int | None = None) -> tuple[UnusedFact, ...]:
    """Facts that add nothing to the margins of some images: of the class in a row, or of all that come up in them."""
    used: set[int] = set()
    pairs: dict[int, set[tuple[int, int]]] = defaultdict(set)
    for pair in shares_by_pair(survey, rows, survey.explained[rows], survey.rivals[rows]):
        for row in (pair.one, pair.other):
            pairs[row].add((pair.one, pair.other))
        used.update(pair.apart.facts[pair.values.any(0)].tolist())
    return tuple(
        UnusedFact(fact, survey.told.phrase(fact), _reason(survey, fact, pairs[row]))
        for row in sorted(pairs if of is None else {of})
        for fact in survey.told.of(row)
        if survey.told.number(fact) not in used
    )


def _reason(survey: Survey, fact: Fact, pairs: Collection[tuple[int, int]]) -> str:
    """Why a fact adds nothing where its class is held against these; a key of :data:`REASONS`."""
    table, column = survey.attributes, survey.told.column_of(fact)
    if column is None and fact.object not in survey.ontology.index:
        return "literal"
    if column is None:
        return "more specific" if survey.told.has(fact.predicate) else "not told"
    if table.silent:
        return "states"
    if survey.gates[column] == 0:
        return "closed"
    if survey.told.alike[column]:
        return "all alike"
    apart = [survey.told.apart(*pair) for pair in pairs]
    if not any(one.difference[column] for one in apart):
        return "rivals alike"
    return "no evidence" if any(survey.told.number(fact) in one.facts for one in apart) else "said by others"


def _properties(survey: Survey, rows: np.ndarray) -> tuple[PropertyTotal, ...]:
    """How much the facts of each property move margins."""
    absolute: dict[int, float] = defaultdict(float)
    signed: dict[int, float] = defaultdict(float)
    for pair in shares_by_pair(survey, rows, survey.explained[rows], survey.rivals[rows]):
        sums = zip(
            pair.apart.facts.tolist(), np.abs(pair.values).sum(0).tolist(), pair.values.sum(0).tolist(), strict=True
        )
        for number, weight, value in sums:
            absolute[number] += weight / len(rows)
            signed[number] += value / len(rows)
    total: dict[str, float] = dict.fromkeys(survey.attributes.properties, 0.0)
    told: dict[str, list[int]] = defaultdict(list)
    for number in (number for number, weight in absolute.items() if weight):
        predicate = survey.told.facts[number].predicate
        total[predicate] = total.get(predicate, 0.0) + absolute[number]
        told[predicate].append(number)
    columns: dict[str, list[int]] = defaultdict(list)
    for k, attribute in enumerate(survey.attributes.attributes):
        columns[attribute.property].append(k)
    everything = sum(total.values()) or 1.0
    return tuple(
        PropertyTotal(
            iri=iri,
            label=survey.ontology.label(iri),
            total=value,
            contribution=sum(signed[number] for number in told[iri]),
            share=value / everything,
            facts=len(told[iri]),
            gate=float(survey.gates[columns[iri]].mean()) if columns[iri] else 1.0,
        )
        for iri, value in sorted(total.items(), key=lambda pair: (-pair[1], pair[0]))
    )
