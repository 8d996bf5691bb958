"""The one floor that wires the others: from an ontology and images to a model, a report and explanations.

Example:
    >>> from kgzsl import api
    >>> ontology = api.load_ontology(api.creatures_ontology())
    >>> len(ontology.leaves)
    100
"""

from kgzsl.api.ablation import Ablation, ablate, settings_of
from kgzsl.api.adding import add_classes, drop_classes, keep_classes, with_kept_classes
from kgzsl.api.asking import ask, class_of, explain, explain_all, look, predict, verbalizer
from kgzsl.api.describing import describe
from kgzsl.api.embedding import EmbeddingReport, embed
from kgzsl.api.learned import picture_of
from kgzsl.api.measuring import BASELINES, baseline, evaluate
from kgzsl.api.protocol import fit_at_once, report_of, run_folders, runs_of_seeds
from kgzsl.api.querying import query, run_graph, write_turtle
from kgzsl.api.records import Dataset, Listener, Prediction, Run
from kgzsl.api.sources import as_seen, creatures_ontology, load_dataset, load_endpoint, load_ontology
from kgzsl.api.surveying import survey
from kgzsl.api.training import fit, load_run
from kgzsl.api.verified import Verification, verifications_of
from kgzsl.api.verifying import verify
from kgzsl.api.whatif import WhatIf, what_if

__all__ = [
    "BASELINES",
    "Ablation",
    "Dataset",
    "EmbeddingReport",
    "Listener",
    "Prediction",
    "Run",
    "Verification",
    "WhatIf",
    "ablate",
    "add_classes",
    "as_seen",
    "ask",
    "baseline",
    "class_of",
    "creatures_ontology",
    "describe",
    "drop_classes",
    "embed",
    "evaluate",
    "explain",
    "explain_all",
    "fit",
    "fit_at_once",
    "keep_classes",
    "load_dataset",
    "load_endpoint",
    "load_ontology",
    "load_run",
    "look",
    "picture_of",
    "predict",
    "query",
    "report_of",
    "run_folders",
    "run_graph",
    "runs_of_seeds",
    "settings_of",
    "survey",
    "verbalizer",
    "verifications_of",
    "verify",
    "what_if",
    "with_kept_classes",
    "write_turtle",
]
