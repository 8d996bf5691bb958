"""What verification of a run's explanations found, kept in its folder and told under every explanation."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kgzsl.errors import Problem, RunError

if TYPE_CHECKING:
    from kgzsl.api.records import Run
    from kgzsl.explain.checks import Outcome
    from kgzsl.explain.explanation import Explanation

__all__ = ["VERIFIED", "Verification", "keep_verifications", "verifications_of", "with_warnings"]

VERIFIED = "verify.json"
"""Where a run folder has it; a run that was not verified has no such file."""


@dataclass(frozen=True)
class Verification:
    """What was found about one method on one run.

    Args:
        run: its folder.
        method: name of the method.
        images: how many were explained.
        classes: how many classes these are of.
        seed: of all that was drawn by chance.
        seconds: how long it took.
        removal: how facts were taken away, in words.
        use: whether the run has any use of its knowledge, in a sentence.
        outcomes: of every check.
    """

    run: str
    method: str
    images: int
    classes: int
    seed: int
    seconds: float
    removal: str
    use: str
    outcomes: tuple[Outcome, ...]

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """Checks that it failed."""
        return tuple(outcome for outcome in self.outcomes if outcome.verdict == "failed")

    @property
    def warnings(self) -> tuple[str, ...]:
        """A sentence for each check that it failed."""
        return tuple(
            f"{self.method} failed {outcome.name!r} on this run: {outcome.doubt} "
            f"({outcome.figure}; asked: {outcome.mark})."
            for outcome in self.failed
        )

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        own = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return own | {"outcomes": [outcome.to_dict() for outcome in self.outcomes]}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Verification:
        """From what :meth:`to_dict` gave."""
        from kgzsl.explain.checks import Outcome

        return cls(**{**content, "outcomes": tuple(map(Outcome.from_dict, content["outcomes"]))})


def keep_verifications(run: Run, found: Iterable[Verification]) -> Path:
    """Write what was found into the run's folder, beside what was found of other methods."""
    from kgzsl.train.checkpoint import write_json

    path = run.folder.path / VERIFIED
    every = {one.method: one for one in (*verifications_of(run), *found)}
    write_json(path, {"of": _training(run), "methods": [one.to_dict() for one in every.values()]})
    return path


def verifications_of(run: Run) -> tuple[Verification, ...]:
    """What :func:`keep_verifications` wrote; nothing of another training in the same folder.

    Raises:
        RunError: the file is damaged.
    """
    path = run.folder.path / VERIFIED
    if not path.is_file():
        return ()
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return tuple(map(Verification.from_dict, content["methods"])) if content["of"] == _training(run) else ()
    except (ValueError, KeyError, TypeError) as error:
        fix = "verify again, or delete it"
        raise RunError(Problem(f"{VERIFIED} is damaged ({error})", file=path, fix=fix)) from None


def with_warnings(explanation: Explanation, run: Run) -> Explanation:
    """An explanation that says what its method is known to fail on this run."""
    told = [text for one in verifications_of(run) if one.method == explanation.method for text in one.warnings]
    return replace(explanation, warnings=(*explanation.warnings, *told)) if told else explanation


def _training(run: Run) -> str:
    """What tells one training from another: sha256 of all that it noted down of itself."""
    noted = json.dumps(dict(run.facts), sort_keys=True, default=str)
    return hashlib.sha256(noted.encode()).hexdigest()
