"""Methods of explaining, by name."""

from __future__ import annotations

from kgzsl.errors import ConfigError, Problem, nearest
from kgzsl.explain.ablation import AblationMethod
from kgzsl.explain.gradient import GradientMethod
from kgzsl.explain.margin import MarginMethod
from kgzsl.explain.question import Method
from kgzsl.explain.shapley import ShapleyMethod

__all__ = ["METHODS", "method_of"]

METHODS: dict[str, Method] = {
    method.name: method for method in (MarginMethod(), AblationMethod(), ShapleyMethod(), GradientMethod())
}
"""A further method needs a class with ``name``, ``exact_for`` and ``explain``, and a place here."""


def method_of(name: str) -> Method:
    """The method of that name.

    Raises:
        ConfigError: there is none; says the nearest.

    Example:
        >>> method_of("margin").exact_for
        'what each fact adds to the margin with all other facts as they are'
    """
    if name not in METHODS:
        fix = nearest(name, list(METHODS), otherwise="") or None
        raise ConfigError(Problem(f"there is no method {name!r}", expected=", ".join(METHODS), fix=fix))
    return METHODS[name]
