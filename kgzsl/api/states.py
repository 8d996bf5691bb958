"""States of classes in a run folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kgzsl.api.records import States
from kgzsl.errors import CheckpointError, Problem
from kgzsl.ontology.whole import whole_file

if TYPE_CHECKING:
    from kgzsl.model.graph_states import GraphInputs

__all__ = ["read_graph", "read_states", "write_graph", "write_states"]

STATES = "states.safetensors"
"""Where a run folder has the states of its classes; a run that has none has no such file."""
GRAPH = "graph.safetensors"
"""Where it has the graph that its graph network reads."""


def write_states(states: Mapping[str, States], folder: Path) -> None:
    """Keep the states of a run's classes in its folder, and how they were standardized."""
    from safetensors.numpy import save_file

    if states:
        parts: dict[str, np.ndarray] = {}
        for source, s in states.items():
            parts |= {
                f"{source}.table": s.table,
                f"{source}.center": s.center,
                f"{source}.length": np.array([s.length]),
            }
        with whole_file(folder / STATES, force=True) as working:
            save_file(parts, working)


def read_states(folder: Path) -> dict[str, States]:
    """What :func:`write_states` kept; nothing where it kept nothing.

    Raises:
        CheckpointError: the file is damaged.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    file = folder / STATES
    if not file.is_file():
        return {}
    try:
        parts = load_file(file)
        sources = dict.fromkeys(name.partition(".")[0] for name in parts)
        return {
            source: States(parts[f"{source}.table"], parts[f"{source}.center"], float(parts[f"{source}.length"][0]))
            for source in sources
        }
    except (OSError, SafetensorError, KeyError, IndexError) as error:
        raise CheckpointError(Problem(f"states of classes cannot be read ({error})", file=file)) from None


def write_graph(graph: GraphInputs, folder: Path) -> None:
    """Keep the graph of a run in its folder."""
    from safetensors.numpy import save_file

    parts = {field.name: np.ascontiguousarray(getattr(graph, field.name)) for field in fields(graph)}
    with whole_file(folder / GRAPH, force=True) as working:
        save_file(parts, working)


def read_graph(folder: Path) -> GraphInputs | None:
    """What :func:`write_graph` kept; None where it kept nothing.

    Raises:
        CheckpointError: the file is damaged.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    from kgzsl.model.graph_states import GraphInputs

    file = folder / GRAPH
    if not file.is_file():
        return None
    try:
        parts: dict[str, Any] = load_file(file)
        parts["relations"] = int(parts["relations"].item())
        return GraphInputs(**{field.name: parts[field.name] for field in fields(GraphInputs)})
    except (OSError, SafetensorError, KeyError) as error:
        raise CheckpointError(Problem(f"the graph cannot be read ({error})", file=file)) from None
