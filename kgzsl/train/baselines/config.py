"""What can be said of a baseline in a run file, under ``[baseline]``."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["BaselineConfig"]


@dataclass(frozen=True)
class BaselineConfig:
    """Settings of the baselines; each kind reads those that concern it, and ``[train]`` gives seed and batch size.

    Args:
        epochs: passes over the training images at most (ale, devise, f-clswgan), or steps over the graph (gcnz, dgp);
            how many of them is chosen on validation classes. 0: as many as the kind was tuned to.
        lr: learning rate of Adam. 0: the kind's own.
        hidden: width of hidden layers (gcnz, dgp, f-clswgan).
        synthesized: features made for each class without images (f-clswgan).
        dual_encoder: a transformers folder or hub id of a CLIP, SigLIP or alike (clip-names, clip-facts).
    """

    epochs: int = 0
    lr: float = 0.0
    hidden: int = 256
    synthesized: int = 100
    dual_encoder: str = ""
