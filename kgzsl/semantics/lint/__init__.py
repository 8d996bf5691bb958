"""Lint for zero-shot learning: which classes cannot work, and why, before anything is trained."""

from __future__ import annotations

from kgzsl.semantics.lint.finding import SEVERITIES, Ceiling, Finding, LintReport, Severity
from kgzsl.semantics.lint.registry import CHECKS, Check, lint

__all__ = ["CHECKS", "SEVERITIES", "Ceiling", "Check", "Finding", "LintReport", "Severity", "lint"]
