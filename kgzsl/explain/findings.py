"""What there is to say of facts over a whole set of images: results of :mod:`kgzsl.explain.summary`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from kgzsl.explain.survey import Survey
from kgzsl.ontology import Fact

__all__ = [
    "REASONS",
    "SIDES",
    "BlindFact",
    "ClassFacts",
    "Confusion",
    "Example",
    "FactMean",
    "Overview",
    "PropertyTotal",
    "UnusedFact",
]

SIDES = ("most", "least")
"""Of the images of a class, those that show a fact most, and those that show it least."""

REASONS: Mapping[str, str] = {
    "not seen": "images of the true class do not bear the difference out",
    "closed": "closed by the gate: images of held-out classes did not bear it out",
    "states": "the model is told states of classes alone, and no fact by itself",
    "not told": "the run uses no facts of its kind (semantics.facts)",
    "literal": "a literal that is in no column",
    "all alike": "all classes of the run agree in it",
    "rivals alike": "every class that it was held against agrees in it",
    "said by others": "where it would tell classes apart, another fact says so",
    "no evidence": "the evidence is 0 in every image",
    "more specific": "in no column of its own: more specific facts say it",
}
"""Why a fact adds nothing."""


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
