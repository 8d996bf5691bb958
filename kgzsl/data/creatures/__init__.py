"""The embedded benchmark: invented creatures whose pictures are caused by an ontology's facts.

A hundred classes, 80 seen and 20 unseen, are described by ``creatures.ttl``; :func:`generate`
draws them. Since nothing but the facts (and chance) decides what a picture shows, it is known
which facts a right explanation may name, and where in the picture each of them is.
"""

from __future__ import annotations

from kgzsl.data.creatures.appearance import FEATURES, Appearance, appearances
from kgzsl.data.creatures.dataset import (
    Creatures,
    cached,
    draw,
    generate,
    load,
    ontology_path,
    read_looks,
    trainval_rows,
)
from kgzsl.data.creatures.decoys import cached_decoys, decoys, is_decoy
from kgzsl.data.creatures.render import RENDERER_VERSION, Rendered, render
from kgzsl.data.creatures.sheet import contact_sheet

__all__ = [
    "FEATURES",
    "RENDERER_VERSION",
    "Appearance",
    "Creatures",
    "Rendered",
    "appearances",
    "cached",
    "cached_decoys",
    "contact_sheet",
    "decoys",
    "draw",
    "generate",
    "is_decoy",
    "load",
    "ontology_path",
    "read_looks",
    "render",
    "trainval_rows",
]
