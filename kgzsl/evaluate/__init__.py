"""Floor 5b: metrics, calibration and the report of a zero-shot run, by the field's protocol."""

from __future__ import annotations

from kgzsl.evaluate.calibration import Calibration, choose_gamma
from kgzsl.evaluate.compare import Compared, compare, comparison_records, comparison_table
from kgzsl.evaluate.metrics import (
    Curve,
    GzslAccuracy,
    ausuc,
    best_h,
    czsl_accuracy,
    gzsl,
    harmonic_mean,
    per_class_accuracy,
    pointing_game,
    seen_unseen_curve,
    top_k,
)
from kgzsl.evaluate.on_test import SelectedOnTest, select_on_test
from kgzsl.evaluate.report import Summary, ZeroShotReport, percent, summarize
from kgzsl.evaluate.worth import Worth, worth

__all__ = [
    "Calibration",
    "Compared",
    "Curve",
    "GzslAccuracy",
    "SelectedOnTest",
    "Summary",
    "Worth",
    "ZeroShotReport",
    "ausuc",
    "best_h",
    "choose_gamma",
    "compare",
    "comparison_records",
    "comparison_table",
    "czsl_accuracy",
    "gzsl",
    "harmonic_mean",
    "per_class_accuracy",
    "percent",
    "pointing_game",
    "seen_unseen_curve",
    "select_on_test",
    "summarize",
    "top_k",
    "worth",
]
