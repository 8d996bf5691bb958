"""Facts about creatures that no picture shows, added to the ontology: to measure what a model makes of them.

Three kinds, all below :data:`NAMESPACE`, so that the planted truth stays known (:func:`is_decoy`):

- decoys that follow the taxonomy: stated of families and inherited, under properties that no picture shows. They look
  like good knowledge, and help to tell the seen classes by heart;
- noise, drawn class by class, under further properties that no picture shows;
- noise, drawn class by class, as further fillers of properties that pictures do show (a pattern that is never drawn):
  nothing that closes a whole property can keep it out.

Pictures are drawn from ``creatures.ttl`` alone and stay as they are.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from kgzsl.data.cache import cache_folder
from kgzsl.data.creatures.appearance import FEATURES
from kgzsl.errors import DataError, Problem, full_disk_said
from kgzsl.ontology import Fact, Ontology, read_ontology
from kgzsl.ontology.vocabulary import RDFS

__all__ = ["NAMESPACE", "cached_decoys", "decoys", "is_decoy"]

NAMESPACE = "https://kgzsl.github.io/creatures/decoys#"
"""Of every property and filler that is added."""

_Triple = tuple[str, str, str]
"""Class, property and filler that are to be added."""
_Words = Mapping[str, tuple[str, ...]]


def _words(table: Mapping[str, str]) -> _Words:
    """Local name of each property -> local names of its fillers."""
    return MappingProxyType({name: tuple(fillers.split()) for name, fillers in table.items()})


_OF_FAMILIES = _words(
    {
        "eats": "Barley Acorns Lichen Plankton Honey Thistles Berries Grubs",
        "sings": "Ballads Hums Trills Chants Whistles Lullabies Drones Clicks",
        "smellsOf": "Cinnamon Vinegar Resin Smoke Peppermint Leather Vanilla Sulfur",
        "sheds": "Scales Bristles Down Husks Dust Slime Flakes Needles",
        "fears": "Thunder Owls Fire Mirrors Silence Snakes Bells Floods",
        "hasMyth": "MoonThief RainBringer StarHerd StoneSleeper WindTwin DoorKeeper LampEater RoadMaker",
        "trades": "Salt Pebbles Amber Shells Twigs Wax Beads Ropes",
        "dreamsOf": "Voyages Feasts Storms Gardens Bridges Towers Islands Harbors",
    }
)
_OF_CLASSES = _words(
    {
        "collects": "Buttons Coins Feathers Keys Maps Marbles Nails Pearls Ribbons Seeds Spoons Stamps",
        "mimics": "Anvils Brooks Clocks Crickets Doors Drums Flutes Geese Kettles Saws Sleighs Wheels",
        "hasOmen": "Comet Eclipse Rainbow Frost Hail Echo Mirage Tremor Halo Landslide Whirlpool Drought",
        "countsBy": "Twos Threes Fours Fives Sixes Sevens Eights Nines Tens Elevens Twelves Scores",
    }
)
_OF_LOOKS = _words(
    {
        "hasBodyShape": "HourglassBody SpiralBody TaperedBody FlatBody CrescentBody WedgeBody RibbedBody TwistedBody",
        "hasBodyColor": "Teal Ochre Mauve Olive Indigo Salmon Khaki Maroon",
        "hasPattern": "Moire Marbling Rosettes Zigzags Swirls Freckles Chevrons Lattice",
        "hasPatternColor": "Silver Bronze Turquoise Amethyst Peach Cobalt Sienna Jade",
        "hasEars": "TuftedEars NotchedEars CuppedEars FringedEars PleatedEars ForkedEars HoodedEars VeinedEars",
        "hasHorns": "CorkscrewHorns KnobHorns PalmateHorns RidgedHorns SickleHorns BudHorns LyreHorns CrownHorns",
        "hasTail": "WhipTail PlumeTail PaddleTail RingedTail ForkTail StubTail StreamerTail SpadeTail",
        "hasLegs": "StiltLegs HoofedLegs FringedLegs JointedLegs ScaledLegs BowLegs SpringLegs ClawedLegs",
        "hasWings": "GlassWings ScallopWings LaceWings HookWings PetalWings SailWings LeafWings BarredWings",
        "hasEyes": "StalkEyes GoggleEyes HoodedEyes MirrorEyes MilkyEyes CrossEyes BeadEyes StarEyes",
        "hasSnout": "HookSnout SpoonSnout TubeSnout WhiskeredSnout FlatSnout PointedSnout CurvedSnout TwinSnout",
        "livesIn": "SaltFlat LavaField MistValley KelpGrove IceCave SandBank ThornHill ClayPit",
    }
)


def is_decoy(fact: Fact) -> bool:
    """Whether a fact, stated or entailed, is one of those that were added, or follows from them.

    The diet, sociality and activity that ``creatures.ttl`` itself tells are none: they are known by their properties,
    which are not in :data:`~kgzsl.data.creatures.appearance.FEATURES`.

    Example:
        >>> is_decoy(Fact("#Toad", "#hasPattern", f"{NAMESPACE}Moire"))
        True
        >>> is_decoy(Fact("#Toad", "#hasPattern", "#Spots"))
        False
    """
    return any(term.startswith(NAMESPACE) for term in (fact.subject, fact.predicate, fact.object))


def decoys(ontology: Ontology, times: float) -> str:
    """Decoys and noise for an ontology of creatures, as Turtle that is to be read with it.

    As many decoys as noise reach a creature of a family of five (one fact of a family speaks of five creatures), and
    half the noise is about looks. A creature that lacks a part gets no noise about it, so that nothing contradicts;
    what is added lies below nothing but the most general filler that the creature has anyway, so that nothing of the
    ontology's own terms follows from it. Which facts they are is decided by their hashes: the same
    ones for all runs, and those of a smaller ``times`` are among those of a larger.

    Args:
        ontology: the creatures, entailed.
        times: how many facts to add, in multiples of those that the ontology states about classes' properties.

    Raises:
        DataError: more than there are words for.
    """
    classes = set(ontology.classes)
    stated = sum(f.subject in classes and not ontology.is_taxonomy(f.predicate) for f in _asserted(ontology))
    leaves = ontology.leaves
    families = {f.object for f in _asserted(ontology, RDFS.subClassOf) if f.subject in leaves and f.object in classes}
    wanted = round(times * stated)
    of_families = round(wanted / 6)  # one of a family for each five of creatures
    of_classes = round((wanted - of_families) / 2)
    shown = _shown(ontology)
    added = [
        *_first(of_families, _under(families, _OF_FAMILIES), times),
        *_first(of_classes, _under(leaves, _OF_CLASSES), times),
        *_first(wanted - of_families - of_classes, _looks(ontology, leaves, shown), times),
    ]
    return _turtle(added, {filler: shown[name] for name, fillers in _OF_LOOKS.items() for filler in fillers})


def cached_decoys(*files: str | Path, times: float) -> Path:
    """The file of :func:`decoys` for the ontology in some files, kept in the user's cache.

    Raises:
        DataError: as :func:`decoys`.
        FailureError: the disk is full; nothing is kept.
    """
    text = decoys(read_ontology(*files).entail(), times)
    file = cache_folder() / f"creatures-decoys-{hashlib.sha256(text.encode()).hexdigest()[:16]}.ttl"
    if not file.is_file():
        with full_disk_said(file.parent, fix="make room, or set KGZSL_CACHE to another disk"):
            file.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".decoys-", dir=file.parent) as temporary:
                part = Path(temporary) / file.name
                part.write_text(text, encoding="utf-8")
                part.replace(file)
    return file


def _asserted(ontology: Ontology, predicate: str | None = None) -> list[Fact]:
    """Positive and negative facts that are stated."""
    return ontology.facts(predicate=predicate, status="asserted")


def _shown(ontology: Ontology) -> dict[str, tuple[str, str]]:
    """IRIs of every property that pictures show and of its most general filler, by the property's local name."""
    spaces = {iri.rpartition("#")[2]: iri.rpartition("#")[0] for iri in ontology.properties}
    missing = sorted(FEATURES.keys() - spaces.keys())
    if missing:
        raise DataError(Problem(f"no property {', '.join(missing)}", "an ontology of creatures"))
    return {name: (f"{spaces[name]}#{name}", f"{spaces[name]}#{look.general}") for name, look in FEATURES.items()}


def _under(classes: Iterable[str], words: _Words) -> list[_Triple]:
    """All that properties of one's own could say of classes."""
    return [
        (iri, f"{NAMESPACE}{name}", f"{NAMESPACE}{filler}")
        for iri in classes
        for name, fillers in words.items()
        for filler in fillers
    ]


def _looks(ontology: Ontology, leaves: Iterable[str], shown: Mapping[str, tuple[str, str]]) -> list[_Triple]:
    """All that could be said of looks that creatures have."""
    return [
        (iri, shown[name][0], f"{NAMESPACE}{filler}")
        for iri in leaves
        for name, fillers in _OF_LOOKS.items()
        if ontology.facts(iri, *shown[name], polarity="positive")
        for filler in fillers
    ]


def _first(count: int, triples: Sequence[_Triple], times: float) -> list[_Triple]:
    """As many of some triples, by the order of their hashes."""
    if not 0 <= count <= len(triples):
        raise DataError(Problem(f"{times} times as many decoys", f"{count} facts where {len(triples)} can be made"))
    return sorted(triples, key=lambda triple: hashlib.sha256("\t".join(triple).encode()).digest())[:count]


def _turtle(triples: Sequence[_Triple], above: Mapping[str, tuple[str, str]]) -> str:
    """Triples as restrictions of their classes, with their terms declared.

    Args:
        triples: class, property and filler.
        above: property and most general filler of a filler, by its local name.
    """
    lines = [
        f"@prefix : <{NAMESPACE}> .",
        "@prefix owl: <http://www.w3.org/2002/07/owl#> .",
        "@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .",
    ]
    terms = {(term, kind) for _, *pair in triples for term, kind in zip(pair, ("ObjectProperty", "Class"), strict=True)}
    for term, kind in sorted(terms):
        name = term.removeprefix(NAMESPACE)
        if name != term:
            below = f" ; rdfs:subClassOf <{above[name][1]}>" if name in above else ""
            lines.append(f':{name} a owl:{kind} ; rdfs:label "{_label(name)}"@en{below} .')
    for iri, property, filler in sorted(triples):
        restriction = f"[ a owl:Restriction ; owl:onProperty <{property}> ; owl:someValuesFrom <{filler}> ]"
        lines.append(f"<{iri}> rdfs:subClassOf {restriction} .")
    return "\n".join([*lines, ""])


def _label(name: str) -> str:
    """A label from a local name."""
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()
