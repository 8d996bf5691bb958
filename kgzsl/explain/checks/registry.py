"""The checks, in the order in which they are told."""

from __future__ import annotations

from kgzsl.explain.checks.adding_up import COMPLETENESS, PROVENANCE
from kgzsl.explain.checks.again import RANDOMIZED, STABLE
from kgzsl.explain.checks.erasing import COMPREHENSIVENESS, CURVES, EDITS, SUFFICIENCY
from kgzsl.explain.checks.outcome import Check
from kgzsl.explain.checks.planting import GROUNDING, PLANTED
from kgzsl.explain.checks.using import HONEST, RETRAINED

__all__ = ["CHECKS"]

CHECKS: dict[str, Check] = {
    check.name: check
    for check in (
        COMPLETENESS,
        *COMPREHENSIVENESS,
        *SUFFICIENCY,
        *CURVES,
        EDITS,
        *RETRAINED,
        *PLANTED,
        RANDOMIZED,
        *STABLE,
        *GROUNDING,
        PROVENANCE,
        HONEST,
    )
}
"""A further check needs a function of :class:`~kgzsl.explain.checks.case.Material`, and a place here."""
