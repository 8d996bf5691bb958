"""Which facts drive predictions over a whole set of images: what carries a class, what is behind a confusion, and what
is never used.

All figures are means over images of what :class:`~kgzsl.explain.margin.MarginMethod` says of each. An image's own class
is held against the best of all others, so that its margin is above 0 where the prediction is right.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence

import numpy as np
from scipy.special import stdtrit

from kgzsl.errors import ConfigError, DataError, Problem
from kgzsl.explain.findings import (
    REASONS,
    SIDES,
    BlindFact,
    ClassFacts,
    Confusion,
    Example,
    FactMean,
    Overview,
    PropertyTotal,
    UnusedFact,
)
from kgzsl.explain.survey import Contributions, Survey, contributions, shares_by_pair
from kgzsl.ontology import Fact

__all__ = ["class_facts", "confusion", "overview"]

CONFIDENCE = 0.95
EXAMPLES = 3
"""So many images that show a fact most, and as many that show it least."""
CLOSEST = 5
"""Where nothing was confused, so many images are looked at: those that came closest."""
TELLING = ("not seen", "closed", "states", "not told", "literal")
"""Reasons of facts that would tell two classes apart; what both agree in and what others say would not."""


def overview(survey: Survey) -> Overview:
    """Which facts drive predictions over all images of a survey.

    Source: global importance as the mean of absolute local contributions: Lundberg et al., "From local explanations to
    global understanding with explainable AI for trees", Nature Machine Intelligence 2020.

    Args:
        survey: of one image or more.

    Example:
        >>> from kgzsl.ontology import parse_ontology
        >>> from kgzsl.semantics import class_attributes, verbalize
        >>> o = parse_ontology('''@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
        ... :pattern a owl:ObjectProperty . :Deer a owl:Class ; :pattern :Spots .
        ... :Zebra a owl:Class ; :pattern :Stripes .''')
        >>> table, images = class_attributes(o, o.classes), ("a.png", "b.png")
        >>> evidence = np.array([[0.5, 2.0], [1.0, 0.0]])  # of spots and of stripes
        >>> looked_at = {"labels": np.array([1, 1]), "evidence": evidence, "vectors": table.value.astype(float)}
        >>> told = {"attributes": table, "ontology": o, "verbalize": lambda fact: verbalize(fact, o)}
        >>> found = overview(Survey("images", images, offsets=np.zeros(2), gates=np.ones(2), **looked_at, **told))
        >>> [(fact.verbalization, fact.contribution) for fact in found.classes[0].facts]
        [('has stripes as its pattern', 1.0)]
        >>> found.confusions[0].labels, found.confusions[0].culprit.contribution
        (('zebra', 'deer'), -1.0)
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
            verbalization=survey.told.verbalize(fact),
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
                blind.append(BlindFact(fact, survey.told.verbalize(fact), reason, shown))
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
        UnusedFact(fact, survey.told.verbalize(fact), _reason(survey, fact, pairs[row]))
        for row in sorted(pairs if of is None else {of})
        for fact in survey.told.of(row)
        if survey.told.number(fact) not in used
    )


def _reason(survey: Survey, fact: Fact, pairs: Collection[tuple[int, int]]) -> str:
    """Why a fact adds nothing where its class is held against these; a key of :data:`REASONS`."""
    table, column = survey.attributes, survey.told.column_of(fact)
    if column is None and fact.object not in survey.ontology.index:
        return "literal"
    if not table.tells(fact):
        return "not told"
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
