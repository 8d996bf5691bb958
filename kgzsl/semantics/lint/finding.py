"""What lint finds: findings, the ceilings that they imply, and the report of both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kgzsl.ontology import Fact
from kgzsl.semantics.attributes import Attribute, World

__all__ = ["SEVERITIES", "Ceiling", "Finding", "LintReport", "Severity"]

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
"""The worst first: what cannot work, what hurts, and what is worth a look."""


@dataclass(frozen=True)
class Finding:
    """One thing that stands in the way of zero-shot learning.

    Args:
        code: the check that found it, as in ``"ZSL101"``.
        severity: ``"error"``: some class cannot be recognized; ``"warning"``: accuracy is lost, or the
            ontology says other than was meant; ``"note"``: worth a look, often as it should be.
        title: what the check looks for.
        message: what was found, with its figures.
        why: how it hurts.
        fix: what to do.
        classes: IRIs of the classes concerned, sorted.
        attributes: the attributes concerned, sorted.
        facts: the facts concerned.
        terms: IRIs of other terms (properties, terms of a hierarchy), the suspect first where there is one.
    """

    code: str
    severity: Severity
    title: str
    message: str
    why: str
    fix: str
    classes: tuple[str, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    facts: tuple[Fact, ...] = ()
    terms: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ceiling:
    """The best per-class accuracy of any method that knows classes by these attributes, whatever the images.

    It gives classes with the same attributes the same score on every image, and so names the same one of
    them each time (or, drawing lots, each in its share). So the mean over classes of the within-class
    accuracy is at most the number of different descriptions over the number of classes.

    Args:
        of: which classes: ``"all"``, ``"unseen"`` (candidates are the unseen classes: CZSL), or
            ``"unseen, learned"``, where only attributes count in which the seen classes differ.
        distinct: number of different descriptions.
        classes: number of classes.

    Example:
        >>> Ceiling("all", 72, 80).value
        0.9
    """

    of: str
    distinct: int
    classes: int

    @property
    def value(self) -> float:
        """The ceiling, in [0, 1]."""
        return self.distinct / self.classes if self.classes else 1.0

    def __str__(self) -> str:
        """For people: ``72 of 80 (90.0 %)``."""
        return f"{self.distinct:,} of {self.classes:,} ({100 * self.value:.1f} %)"


@dataclass(frozen=True)
class LintReport:
    """All findings of one ontology, the worst first.

    Args:
        findings: sorted by severity, code and what they are about.
        ceilings: the best per-class accuracies possible.
        classes: number of classes examined.
        attributes: number of attributes (columns of the class attributes).
        seen: number of seen classes; None without a split.
        unseen: number of unseen classes; None without a split.
        world: what was made of that which is not stated, as in ``class_attributes``.
        left_out: codes of the checks that need a split, where there is none.
    """

    findings: tuple[Finding, ...]
    ceilings: tuple[Ceiling, ...]
    classes: int
    attributes: int
    seen: int | None
    unseen: int | None
    world: World
    left_out: tuple[str, ...] = ()

    def of(self, code: str) -> tuple[Finding, ...]:
        """The findings of one check."""
        return tuple(f for f in self.findings if f.code == code)

    def count(self, severity: Severity) -> int:
        """How many findings are so severe."""
        return sum(f.severity == severity for f in self.findings)

    @property
    def codes(self) -> tuple[str, ...]:
        """Codes of the checks that found something, sorted."""
        return tuple(sorted({f.code for f in self.findings}))

    def failed(self, *, strict: bool = False) -> bool:
        """Whether there is an error, or (``strict``) a warning."""
        return self.count("error") > 0 or (strict and self.count("warning") > 0)
