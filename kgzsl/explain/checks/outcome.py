"""What a check found: a figure beside its baseline, and a verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal

from kgzsl.explain.checks.case import Material

__all__ = ["Check", "Finding", "Outcome", "Verdict"]

Verdict = Literal["passed", "failed", "not applicable"]


@dataclass(frozen=True)
class Finding:
    """What was measured.

    Args:
        passed: whether it reaches the mark.
        figure: in words and numbers.
        baseline: the same of what knows nothing; empty where there is no such thing.
        numbers: for programs; only finite ones.
    """

    passed: bool
    figure: str
    baseline: str = ""
    numbers: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True)
class Check:
    """One test of explanations.

    Args:
        name: short, unique.
        asks: the question that it answers.
        mark: what it takes to pass.
        measure: what was found or, as text, why it cannot be asked.
        doubt: what a reader of an explanation is told where it failed: what not to trust.
    """

    name: str
    asks: str
    mark: str
    measure: Callable[[Material], Finding | str]
    doubt: str

    def judge(self, material: Material) -> Outcome:
        """The verdict."""
        found = material.missing.get(self.name) or (self.measure(material) if material.cases else "no images")
        if isinstance(found, str):
            return Outcome(self.name, self.asks, self.mark, "not applicable", reason=found)
        verdict: Verdict = "passed" if found.passed else "failed"
        doubt = "" if found.passed else self.doubt
        outcome = Outcome(self.name, self.asks, self.mark, verdict, doubt=doubt)
        return replace(outcome, figure=found.figure, baseline=found.baseline, numbers=dict(found.numbers))


@dataclass(frozen=True)
class Outcome:
    """A check's verdict.

    Args:
        name: of the check.
        asks: see :class:`Check`.
        mark: see :class:`Check`.
        verdict: passed, failed, or not applicable: a check that could not be asked is never passed.
        figure: see :class:`Finding`, as are ``baseline`` and ``numbers``.
        reason: why it is not applicable.
        doubt: what not to trust, where it failed.
    """

    name: str
    asks: str
    mark: str
    verdict: Verdict
    figure: str = ""
    baseline: str = ""
    numbers: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    reason: str = ""
    doubt: str = ""

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__} | {"numbers": dict(self.numbers)}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Outcome:
        """From what :meth:`to_dict` gave."""
        return cls(**content)
