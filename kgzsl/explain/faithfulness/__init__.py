"""Is an explanation faithful? The measures, each a function of arrays; :mod:`kgzsl.explain.checks` applies them.

An explanation is faithful as far as it says what the model did (Jacovi and Goldberg, ACL 2020), whether or not that is
what a person would have done. Nothing here looks at how an explanation was made.
"""

from __future__ import annotations

from kgzsl.explain.faithfulness.curves import curve_area, prefixes
from kgzsl.explain.faithfulness.erasure import comprehensiveness, ratio, sufficiency
from kgzsl.explain.faithfulness.interval import Interval, paired_interval
from kgzsl.explain.faithfulness.maps import Box, box_iou, map_around
from kgzsl.explain.faithfulness.matched import matched_facts
from kgzsl.explain.faithfulness.ranking import auroc, kendall_tau, precision_at_k, rank_correlation

__all__ = [
    "Box",
    "Interval",
    "auroc",
    "box_iou",
    "comprehensiveness",
    "curve_area",
    "kendall_tau",
    "map_around",
    "matched_facts",
    "paired_interval",
    "precision_at_k",
    "prefixes",
    "rank_correlation",
    "ratio",
    "sufficiency",
]
