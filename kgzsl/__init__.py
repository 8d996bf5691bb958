"""kgzsl: zero-shot learning from a knowledge graph, with the facts behind each prediction.

Everything that most programs need is here; importing it loads no torch.

Example:
    >>> import kgzsl
    >>> ontology = kgzsl.load_ontology(kgzsl.creatures_ontology())
    >>> ontology.label(ontology.leaves[0])
    'ambler dozer'
"""

from __future__ import annotations

import importlib
from typing import Any

__all__ = [
    "Fact",
    "Ontology",
    "Proof",
    "RunConfig",
    "creatures_ontology",
    "evaluate",
    "explain",
    "fit",
    "load_dataset",
    "load_endpoint",
    "load_ontology",
    "load_run",
    "predict",
    "read_config",
]

__version__ = "0.1.0"

_HOMES = {
    "Fact": "kgzsl.ontology",
    "Ontology": "kgzsl.ontology",
    "Proof": "kgzsl.ontology",
    "RunConfig": "kgzsl.train.run",
    "read_config": "kgzsl.train.run",
}


def __getattr__(name: str) -> Any:
    """Load a public name from its floor on first use."""
    if name not in __all__:
        raise AttributeError(f"module 'kgzsl' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES.get(name, "kgzsl.api")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Public names."""
    return [*__all__, "__version__"]
