"""The ontology in owlready2, for its reasoners and its editing: the only file that imports it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from kgzsl.ontology.ontology import Ontology

__all__ = ["to_owlready2"]


def to_owlready2(ontology: Ontology) -> Any:
    """The ontology loaded into a private owlready2 ``World``.

    owlready2 reads neither Turtle nor N-Triples with Windows line ends, so the facts pass
    through a temporary N-Triples file; nothing is fetched from the network.

    Returns:
        The ``owlready2.Ontology``; its world is ``.world``.
    """
    import owlready2

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ontology.nt"
        path.write_bytes(ontology.to_rdflib().serialize(format="nt", encoding="utf-8").replace(b"\r\n", b"\n"))
        return owlready2.World().get_ontology(path.as_uri()).load(only_local=True)
