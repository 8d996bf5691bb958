"""Tests of explanations, each with its question, its mark and a verdict; the measures are those of ``faithfulness``."""

from __future__ import annotations

from kgzsl.explain.checks.case import Case, Counted, Erased, Material, Moved, Retrained
from kgzsl.explain.checks.measuring import edit, erase
from kgzsl.explain.checks.outcome import Check, Finding, Outcome
from kgzsl.explain.checks.registry import CHECKS
from kgzsl.explain.checks.removal import CellRemoval, EditRemoval, Removal
from kgzsl.explain.checks.using import RETRAINED, Use, use_of

__all__ = [
    "CHECKS",
    "RETRAINED",
    "Case",
    "CellRemoval",
    "Check",
    "Counted",
    "EditRemoval",
    "Erased",
    "Finding",
    "Material",
    "Moved",
    "Outcome",
    "Removal",
    "Retrained",
    "Use",
    "edit",
    "erase",
    "use_of",
]
