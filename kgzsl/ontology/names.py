"""Names of terms: labels, and from a name back to its term."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping

from kgzsl.errors import Problem, UnknownTermError, nearest
from kgzsl.ontology.vocabulary import local_name

__all__ = ["Names", "resolve_all", "split_words"]


def split_words(name: str) -> str:
    """A local name as words in lower case; abbreviations stay together.

    Example:
        >>> split_words("HornedHorse"), split_words("has_body-part"), split_words("DNATest2")
        ('horned horse', 'has body part', 'DNA test2')
    """
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    words = re.split(r"[\s_+-]+", spaced.strip(" _+-"))
    return " ".join(w if len(w) > 1 and w.isupper() else w.lower() for w in words)


def resolve_all(resolve: Callable[[str], str], names: Iterable[str]) -> tuple[str, ...]:
    """The IRIs of several names, in their order.

    Raises:
        UnknownTermError: all names that mean no term, or several.
    """
    iris: list[str] = []
    problems: list[Problem] = []
    for name in names:
        try:
            iris.append(resolve(name))
        except UnknownTermError as error:
            problems += error.problems
    if problems:
        raise UnknownTermError(problems)
    return tuple(iris)


def _fold(name: str) -> str:
    """What makes two names alike: words without letter case, joined by one space."""
    return re.sub(r"[\s_+-]+", " ", name).strip().casefold()


class Names:
    """The names of an ontology's classes, attributes and properties.

    Args:
        iris: the terms that can be named.
        labels: term -> its names, the preferred one first.
    """

    def __init__(self, iris: Collection[str], labels: Mapping[str, tuple[str, ...]]) -> None:
        self._iris = iris
        self._labels = labels
        # Earlier tiers win: exact local name; label or local name; alternative label.
        self._tiers: tuple[dict[str, set[str]], ...] = (defaultdict(set), defaultdict(set), defaultdict(set))
        for iri in iris:
            local, names = local_name(iri), labels.get(iri, ())
            self._tiers[0][local].add(iri)
            for name in (local, split_words(local), *names[:1]):
                self._tiers[1][_fold(name)].add(iri)
            for name in names[1:]:
                self._tiers[2][_fold(name)].add(iri)

    def label(self, iri: str) -> str:
        """The preferred label, or the words of the local name."""
        names = self._labels.get(iri)
        return names[0] if names else split_words(local_name(iri))

    def resolve(self, name: str) -> str:
        """The one IRI that the name means.

        Raises:
            UnknownTermError: no term, or several, are called so.
        """
        if name in self._iris:
            return name
        for tier, key in zip(self._tiers, (name, _fold(name), _fold(name)), strict=True):
            found = sorted(tier.get(key, ()))
            if len(found) == 1:
                return found[0]
            if found:
                fix = f"use one of the IRIs {', '.join(found)}"
                raise UnknownTermError(Problem(f"{name!r} means {len(found)} terms", expected="one term", fix=fix))
        known = sorted({self.label(iri) for iri in self._iris})
        raise UnknownTermError(Problem(f"the ontology has no {name!r}", fix=nearest(name, known)))
