"""What a creature looks like, read from what the ontology says about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from kgzsl.errors import DataError, Problem
from kgzsl.ontology.facts import Fact

__all__ = ["FEATURES", "Appearance", "Feature", "appearances"]


@dataclass(frozen=True)
class Feature:
    """What may fill a visual property.

    Args:
        general: local name of the most general filler, by which an absence is stated.
        fillers: local names of the fillers that can be drawn; none is a kind of another.
        optional: whether a creature may lack it.
    """

    general: str
    fillers: tuple[str, ...]
    optional: bool = True


_COLORS = ("Scarlet", "Crimson", "Lemon", "Emerald", "Azure", "Violet", "Ivory", "Charcoal")
_PLACES = ("CoralReef", "DuneSea", "PineForest", "SnowField", "ReedMarsh", "StarPlain")

#: Local name of each visual property -> what may fill it.
FEATURES: Mapping[str, Feature] = MappingProxyType(
    {
        "hasBodyShape": Feature("Shape", ("RoundBody", "LongBody", "TallBody", "BlockyBody", "HumpedBody"), False),
        "hasBodyColor": Feature("Color", _COLORS, False),
        "hasPattern": Feature("Pattern", ("Stripes", "Bands", "Spots", "Checks")),
        "hasPatternColor": Feature("Color", _COLORS),
        "hasEars": Feature("Ears", ("RoundEars", "LongEars", "LopEars")),
        "hasHorns": Feature("Horns", ("Antlers", "BullHorns", "SpikeHorn")),
        "hasTail": Feature("Tail", ("BushyTail", "FanTail", "CurledTail", "ClubTail")),
        "hasLegs": Feature("Legs", ("TwoLegs", "FourLegs", "SixLegs", "Flippers")),
        "hasWings": Feature("Wings", ("FeatherWings", "BatWings", "InsectWings")),
        "hasEyes": Feature("Eyes", ("OneEye", "RoundEyes", "SlitEyes", "ThreeEyes"), False),
        "hasSnout": Feature("Snout", ("Beak", "Trunk", "Muzzle", "Tusks")),
        "livesIn": Feature("Habitat", _PLACES, False),
    }
)


@dataclass(frozen=True)
class Appearance:
    """The looks of a creature: everything that a picture of it is drawn from.

    Args:
        features: local name of every visual property -> local name of its filler, or None
            for an absence. All properties of :data:`FEATURES` must be there.

    Raises:
        DataError: a property is missing or unknown, or a filler cannot be drawn.

    Example:
        >>> plain = Appearance({p: None if f.optional else f.fillers[0] for p, f in FEATURES.items()})
        >>> plain["hasBodyShape"], plain["hasTail"]
        ('RoundBody', None)
        >>> plain.but(hasTail="FanTail")["hasTail"]
        'FanTail'
    """

    features: Mapping[str, str | None]

    def __post_init__(self) -> None:
        """Check every feature, report all that is wrong."""
        problems = [
            Problem(f"{p!r} is no visual property", f"one of {', '.join(FEATURES)}")
            for p in self.features
            if p not in FEATURES
        ]
        for p, feature in FEATURES.items():
            filler = self.features.get(p)
            allowed = feature.fillers + ((None,) if feature.optional else ())
            if p not in self.features or filler not in allowed:
                problems.append(Problem(f"{p} is {filler!r}", f"one of {', '.join(map(str, allowed))}"))
        if problems:
            raise DataError(problems)
        object.__setattr__(self, "features", {p: self.features[p] for p in FEATURES})  # in one order

    def __getitem__(self, name: str) -> str | None:
        """The filler of a visual property, or None where it is absent."""
        return self.features[name]

    def but(self, **changes: str | None) -> Appearance:
        """The same looks with some features changed: what a counterfactual picture is drawn from."""
        return replace(self, features={**self.features, **changes})


def appearances(facts: Iterable[Fact], *, classes: Sequence[str] | None = None) -> dict[str, Appearance]:
    """The looks of every class, from its entailed facts.

    Of the fillers that a class has for one property (Scarlet, and Red because Scarlet is a
    kind of Red) the one that can be drawn is taken; a negative fact about the general filler
    is an absence.

    Args:
        facts: facts of both polarities, entailed ones included.
        classes: IRIs of the classes to read; by default every subject whose looks are
            complete, so that families, which leave some features open, are passed over.

    Returns:
        Class IRI -> looks, in the order of ``classes``, else of first mention.

    Raises:
        DataError: for a class of ``classes``, a feature is open or has several fillers.

    Example:
        >>> facts = [Fact("#Toad", f"#{p}", f"#{f.fillers[0]}") for p, f in FEATURES.items()]
        >>> facts += [Fact("#Toad", "#hasBodyColor", "#Red"), Fact("#Family", "#hasTail", "#FanTail")]
        >>> {iri: look["hasBodyColor"] for iri, look in appearances(facts).items()}
        {'#Toad': 'Scarlet'}
    """
    drawable: dict[str, dict[str, dict[str, None]]] = {}
    absent: dict[str, set[str]] = {}
    for fact in facts:
        name, filler = _local(fact.predicate), _local(fact.object)
        if name not in FEATURES:
            continue
        found = drawable.setdefault(fact.subject, {})
        if fact.polarity == "positive" and filler in FEATURES[name].fillers:
            found.setdefault(name, {})[filler] = None
        elif fact.polarity == "negative" and filler in (FEATURES[name].general, "Thing"):
            absent.setdefault(fact.subject, set()).add(name)

    looks: dict[str, Appearance] = {}
    problems: list[Problem] = []
    for iri in drawable if classes is None else classes:
        found, missing = drawable.get(iri, {}), absent.get(iri, set())
        wrong = [_unsettled(iri, name, list(found.get(name, {})), name in missing) for name in FEATURES]
        if not any(wrong):
            looks[iri] = Appearance({name: next(iter(found.get(name, {})), None) for name in FEATURES})
        problems += filter(None, wrong)
    if problems and classes is not None:
        raise DataError(problems)
    return looks


def _unsettled(iri: str, name: str, fillers: list[str], absent: bool) -> Problem | None:
    """What is wrong with one feature of one class, if anything."""
    if len(fillers) + absent == 1 and (fillers or FEATURES[name].optional):
        return None
    what = " and ".join(fillers + ["none"] * absent) or "neither a filler that can be drawn nor an absence"
    return Problem(
        f"{_local(iri)} {name}: {what}",
        f"exactly one of {', '.join(FEATURES[name].fillers)}" + (" or an absence" if FEATURES[name].optional else ""),
        "state it of the class or of an ancestor, and pass entailed facts",
    )


def _local(iri: str) -> str:
    """The part of an IRI after its last ``#`` or ``/``."""
    return iri.rsplit("#", 1)[-1].rsplit("/", 1)[-1]
