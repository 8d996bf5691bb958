"""Write ``creatures.ttl`` and ``creatures_split.json`` beside this file.

The table below is the source of every fact: creatures, orders and families were invented
for kgzsl. Nothing is drawn at random, so the output is the same on every machine.

Run:
    python ontologies/make_creatures.py
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

NAMESPACE = "https://kgzsl.github.io/creatures#"

# Fillers, the general before the special: an indented name is a subclass of the one above it.
FILLERS = """
Shape
  RoundBody
  LongBody
  TallBody
  BlockyBody
  HumpedBody
Color
  Warm
    Red
      Scarlet
      Crimson
    Lemon
  Cool
    Emerald
    Azure
    Violet
  Plain
    Ivory
    Charcoal
Pattern
  Lines
    Stripes
    Bands
  Spots
  Checks
BodyPart
  Ears
    UprightEars
      RoundEars
      LongEars
    LopEars
  Horns
    PairedHorns
      Antlers
      BullHorns
    SpikeHorn
  Tail
    BroadTail
      BushyTail
      FanTail
    ThinTail
      CurledTail
      ClubTail
  Legs
    WalkingLegs
      TwoLegs
      FourLegs
      SixLegs
    Flippers
  Wings
    FeatherWings
    SkinWings
      BatWings
      InsectWings
  Eyes
    OneEye
    PairedEyes
      RoundEyes
      SlitEyes
    ThreeEyes
  Snout
    Beak
    Trunk
    Muzzle
    Tusks
Diet
  Moss
  Nectar
  Minnows
  Roots
"""

INDIVIDUALS = {
    "WetPlace": ("CoralReef", "ReedMarsh"),
    "DryPlace": ("DuneSea", "StarPlain"),
    "ColdPlace": ("SnowField",),
    "WoodedPlace": ("PineForest",),
    "Sociality": ("Solitary", "InPairs", "InHerds"),
    "TimeOfDay": ("Dawn", "Noon", "Midnight"),
}
PLACES = ("WetPlace", "DryPlace", "ColdPlace", "WoodedPlace")


@dataclass(frozen=True)
class Property:
    """A property: its most general filler, its super-property, and whether a picture shows it."""

    filler: str
    parent: str | None = None
    visual: bool = True
    functional: bool = False


PROPERTIES = {
    "hasBodyShape": Property("Shape", functional=True),
    "hasBodyColor": Property("Color", "hasColor", functional=True),
    "hasPattern": Property("Pattern", functional=True),
    "hasPatternColor": Property("Color", "hasColor", functional=True),
    "hasEars": Property("Ears", "hasPart"),
    "hasHorns": Property("Horns", "hasPart"),
    "hasTail": Property("Tail", "hasPart"),
    "hasLegs": Property("Legs", "hasPart"),
    "hasWings": Property("Wings", "hasPart"),
    "hasEyes": Property("Eyes", "hasPart"),
    "hasSnout": Property("Snout", "hasPart"),
    "livesIn": Property("Habitat"),
    "hasDiet": Property("Diet", visual=False),
    "hasSociality": Property("Sociality", visual=False),
    "activeAt": Property("TimeOfDay", visual=False),
}
SUPER_PROPERTIES = {"hasPart": "BodyPart", "hasColor": "Color"}
VISUAL = tuple(name for name, p in PROPERTIES.items() if p.visual)

# How each absence is written: OWL has several ways to say it, and a reader must know them all.
ABSENCE = {
    "hasPattern": "max",
    "hasPatternColor": "only nothing",
    "hasEars": "max qualified",
    "hasHorns": "not some",
    "hasTail": "not some",
    "hasLegs": "max qualified",
    "hasWings": "max",
    "hasSnout": "only nothing",
}

# order > family > leaf. What an ancestor states is not said again below it. "=" marks a class
# that is defined (owl:equivalentClass), "*" an unseen class. A color after a pattern is the
# pattern's, and so is one after "in". After "|", what no picture shows: diet, sociality, time of
# activity and the year of discovery.
TAXONOMY = """
Burrowkin: FourLegs
  Mumbler: Scarlet, Antlers, FanTail, OneEye
    tindra: RoundBody, Stripes Ivory, RoundEars, InsectWings, Trunk, PineForest | Roots InPairs Noon 1890
    willow: TallBody, Checks Ivory, no Ears, no Wings, Beak, PineForest | Moss InHerds Midnight 1968
    sorrel: BlockyBody, Bands Lemon, RoundEars, no Wings, Muzzle, CoralReef | Minnows Solitary Midnight 1880
    flint *: RoundBody, no Pattern, no Ears, InsectWings, Trunk, DuneSea | Minnows InHerds Noon 1810
    pindle: LongBody, Bands Charcoal, RoundEars, no Wings, Tusks, StarPlain | Minnows InPairs Midnight 1921
  Delver: LongBody, no Ears, InsectWings, Trunk
    murk =: Scarlet, Stripes Lemon, BullHorns, no Tail, SlitEyes, CoralReef | Roots InHerds Noon 1892
    onda: Violet, no Pattern, no Horns, CurledTail, RoundEyes, StarPlain | Nectar InHerds Dawn 1875
    rushy: Azure, no Pattern, BullHorns, FanTail, SlitEyes, SnowField | Roots Solitary Noon 1907
    tansy *: Scarlet, Checks Ivory, no Horns, CurledTail, OneEye, DuneSea | Moss InPairs Dawn 1842
    vole: Violet, Checks Ivory, BullHorns, CurledTail, ThreeEyes, StarPlain | Nectar InPairs Dawn 1845
  Snuffler: LongBody, in Charcoal, no Tail, no Snout
    vesper: Lemon, Bands, RoundEars, BullHorns, FeatherWings, SlitEyes, DuneSea | Moss InPairs Midnight 1863
    bellow: Lemon, Stripes, no Ears, no Horns, FeatherWings, OneEye, DuneSea | Nectar Solitary Midnight 1829
    dusk: Azure, Spots, LopEars, no Horns, InsectWings, SlitEyes, StarPlain | Roots InPairs Dawn 1985
    fenna *: Scarlet, Bands, LopEars, SpikeHorn, FeatherWings, SlitEyes, PineForest | Moss InPairs Midnight 1908
    marl: Azure, Spots, LopEars, Antlers, InsectWings, OneEye, PineForest | Minnows InPairs Noon 1948
  Lurker =: Emerald, in Charcoal, RoundEars, FeatherWings
    cobble: BlockyBody, Bands, BullHorns, BushyTail, RoundEyes, Beak, CoralReef | Moss InPairs Noon 1941
    hush: TallBody, Checks, no Horns, no Tail, OneEye, Beak, SnowField | Minnows InPairs Dawn 1987
    tarrow: RoundBody, Checks, no Horns, FanTail, RoundEyes, Muzzle, ReedMarsh | Minnows InPairs Noon 1872
    nim *: HumpedBody, Checks, SpikeHorn, FanTail, OneEye, Muzzle, StarPlain | Minnows InHerds Noon 1970
    sedge: RoundBody, Stripes, BullHorns, no Tail, RoundEyes, Muzzle, SnowField | Nectar InHerds Noon 1987
Skyborn: Wings
  Glider: Emerald, SpikeHorn, TwoLegs, OneEye
    tallow: LongBody, no Pattern, no Ears, FanTail, FeatherWings, Beak, SnowField | Moss InPairs Dawn 1838
    mossy: BlockyBody, no Pattern, RoundEars, ClubTail, BatWings, Muzzle, StarPlain | Minnows InPairs Dawn 1979
    lumen =: RoundBody, no Pattern, RoundEars, FanTail, InsectWings, Muzzle, CoralReef | Roots InHerds Dawn 1937
    kettle *: BlockyBody, Stripes Ivory, no Ears, no Tail, BatWings, Muzzle, CoralReef | Roots Solitary Noon 1912
    gale: LongBody, Stripes Ivory, RoundEars, no Tail, InsectWings, no Snout, DuneSea | Minnows InPairs Midnight 1893
  Flitter: FanTail, no Legs, OneEye, no Snout
    skerry: RoundBody, Azure, no Pattern, LopEars, no Horns, InsectWings, PineForest | Minnows Solitary Midnight 1914
    rowan: RoundBody, Emerald, Stripes Lemon, no Ears, SpikeHorn, FeatherWings, DuneSea | Minnows Solitary Midnight 1850
    umber: HumpedBody, Crimson, Checks Lemon, RoundEars, SpikeHorn, FeatherWings, StarPlain | Roots InHerds Noon 1942
    ivy *: LongBody, Azure, Spots Charcoal, RoundEars, BullHorns, InsectWings, CoralReef | Roots InHerds Noon 1956
    swale: BlockyBody, Scarlet, Spots Charcoal, LopEars, BullHorns, InsectWings, PineForest | Moss InPairs Noon 1912
  Piper =: LongBody, no Ears, no Horns, FourLegs
    lorrel: Scarlet, Stripes Ivory, FanTail, FeatherWings, ThreeEyes, Beak, CoralReef | Roots InPairs Dawn 1928
    hollow: Emerald, Stripes Charcoal, ClubTail, FeatherWings, RoundEyes, Muzzle, DuneSea | Nectar InPairs Dawn 1972
    pepper: Scarlet, no Pattern, ClubTail, InsectWings, RoundEyes, Tusks, PineForest | Minnows Solitary Noon 1979
    yarrow *: Violet, Bands Ivory, no Tail, BatWings, RoundEyes, no Snout, PineForest | Minnows InHerds Midnight 1901
    fife: Crimson, Stripes Ivory, ClubTail, BatWings, OneEye, Beak, CoralReef | Minnows Solitary Noon 1941
Crowned: Horns
  Stalker: in Ivory, no Ears, FeatherWings, OneEye
    cinder: TallBody, Emerald, Checks, SpikeHorn, BushyTail, Flippers, Muzzle, CoralReef | Moss InPairs Noon 1996
    ferrin: HumpedBody, Azure, Stripes, SpikeHorn, no Tail, SixLegs, Muzzle, DuneSea | Nectar Solitary Midnight 1852
    kelp: LongBody, Crimson, Stripes, SpikeHorn, BushyTail, TwoLegs, Muzzle, PineForest | Nectar Solitary Midnight 1860
    marrow *: LongBody, Azure, Bands, BullHorns, FanTail, FourLegs, Beak, DuneSea | Minnows Solitary Noon 1971
    thorn =: HumpedBody, Emerald, Bands, Antlers, FanTail, FourLegs, Tusks, PineForest | Moss InPairs Dawn 1929
  Grazer: RoundBody, Emerald, no Legs, Muzzle
    mistle: no Pattern, RoundEars, BullHorns, BushyTail, BatWings, RoundEyes, ReedMarsh | Minnows InPairs Dawn 1861
    drizzle: no Pattern, no Ears, SpikeHorn, FanTail, InsectWings, RoundEyes, CoralReef | Moss Solitary Noon 1932
    olun: Checks Ivory, RoundEars, SpikeHorn, ClubTail, FeatherWings, RoundEyes, CoralReef | Minnows InHerds Midnight 1972
    brindle *: no Pattern, LopEars, Antlers, FanTail, FeatherWings, RoundEyes, CoralReef | Moss Solitary Noon 1833
    heath: Checks Charcoal, RoundEars, BullHorns, no Tail, no Wings, SlitEyes, PineForest | Nectar Solitary Dawn 1867
  Rammer: in Ivory, LopEars, BushyTail, BatWings
    vorrin: HumpedBody, Crimson, Spots, BullHorns, SixLegs, SlitEyes, no Snout, SnowField | Nectar InPairs Noon 1823
    ember: BlockyBody, Scarlet, Stripes, Antlers, TwoLegs, SlitEyes, Beak, DuneSea | Moss Solitary Midnight 1953
    thistle: HumpedBody, Scarlet, Stripes, BullHorns, FourLegs, RoundEyes, Trunk, CoralReef | Roots Solitary Dawn 1856
    wren *: BlockyBody, Emerald, Checks, SpikeHorn, TwoLegs, RoundEyes, Trunk, DuneSea | Nectar InHerds Noon 1910
    basalt: RoundBody, Emerald, Bands, SpikeHorn, Flippers, ThreeEyes, no Snout, DuneSea | Minnows Solitary Midnight 1984
  Prancer =: BlockyBody, FanTail, no Wings, RoundEyes
    juno: Lemon, no Pattern, LopEars, BullHorns, FourLegs, no Snout, DuneSea | Roots InPairs Midnight 1968
    saffron: Azure, no Pattern, LopEars, Antlers, TwoLegs, Trunk, CoralReef | Nectar Solitary Midnight 1815
    clover: Lemon, Stripes Charcoal, LopEars, SpikeHorn, FourLegs, Trunk, DuneSea | Nectar InHerds Noon 1877
    tilly *: Lemon, Stripes Charcoal, no Ears, Antlers, SixLegs, no Snout, ReedMarsh | Nectar InHerds Noon 1858
    larch: Scarlet, no Pattern, RoundEars, SpikeHorn, FourLegs, Tusks, ReedMarsh | Minnows InHerds Midnight 1850
Tidefolk: Flippers
  Bobber: Scarlet, in Ivory, no Horns, Muzzle
    nettle: HumpedBody, Spots, LopEars, ClubTail, no Wings, RoundEyes, PineForest | Nectar InHerds Midnight 1819
    tamsy =: LongBody, Stripes, RoundEars, BushyTail, BatWings, ThreeEyes, SnowField | Minnows InHerds Noon 1934
    gossa: RoundBody, Bands, RoundEars, no Tail, BatWings, OneEye, PineForest | Nectar InHerds Midnight 1901
    quillo *: LongBody, Stripes, LopEars, FanTail, FeatherWings, ThreeEyes, SnowField | Minnows InPairs Dawn 1842
    brine: LongBody, Checks, LopEars, FanTail, InsectWings, ThreeEyes, ReedMarsh | Nectar Solitary Noon 1833
  Wallower: in Charcoal, Antlers, FanTail, SlitEyes
    ossa: TallBody, Lemon, Stripes, LopEars, InsectWings, Beak, DuneSea | Nectar Solitary Noon 1839
    bramble: LongBody, Azure, Bands, no Ears, InsectWings, Trunk, StarPlain | Roots Solitary Midnight 1993
    copper: RoundBody, Lemon, Stripes, RoundEars, no Wings, Tusks, DuneSea | Minnows InPairs Noon 1821
    sable *: RoundBody, Scarlet, Stripes, RoundEars, InsectWings, Beak, DuneSea | Minnows InPairs Noon 1965
    loam: LongBody, Scarlet, Bands, RoundEars, InsectWings, Tusks, PineForest | Moss InPairs Midnight 1949
  Paddler: Scarlet, LopEars, BatWings, Muzzle
    pearl: HumpedBody, Checks Charcoal, SpikeHorn, no Tail, ThreeEyes, DuneSea | Nectar InHerds Noon 1958
    cove: RoundBody, Bands Lemon, no Horns, BushyTail, OneEye, ReedMarsh | Moss InPairs Dawn 1963
    minnow: BlockyBody, Bands Ivory, BullHorns, no Tail, RoundEyes, CoralReef | Moss InHerds Midnight 1913
    dulse *: BlockyBody, no Pattern, SpikeHorn, FanTail, ThreeEyes, ReedMarsh | Moss InPairs Midnight 1968
    fathom: RoundBody, no Pattern, SpikeHorn, no Tail, RoundEyes, PineForest | Moss InPairs Midnight 1875
Skitterer: SixLegs
  Scuttler =: LongBody, in Ivory, BullHorns, no Wings
    garnet: Azure, Spots, LopEars, FanTail, SlitEyes, no Snout, StarPlain | Nectar InPairs Midnight 1987
    salla: Scarlet, Bands, no Ears, CurledTail, OneEye, Muzzle, StarPlain | Roots InPairs Noon 1839
    juniper: Scarlet, Stripes, RoundEars, ClubTail, OneEye, Beak, CoralReef | Nectar InPairs Midnight 1941
    tarn * =: Scarlet, Stripes, LopEars, FanTail, RoundEyes, no Snout, PineForest | Nectar InPairs Noon 1958
    rust: Scarlet, Stripes, LongEars, CurledTail, RoundEyes, Muzzle, PineForest | Roots InHerds Midnight 1906
  Hopper: Azure, LongEars, no Horns, ClubTail
    zephyr: LongBody, no Pattern, FeatherWings, OneEye, Muzzle, PineForest | Roots Solitary Noon 1940
    grell: RoundBody, Checks Lemon, FeatherWings, RoundEyes, Muzzle, SnowField | Nectar Solitary Midnight 1876
    wimble: RoundBody, Stripes Charcoal, no Wings, RoundEyes, Trunk, StarPlain | Roots InHerds Dawn 1936
    orrin *: LongBody, Stripes Charcoal, no Wings, OneEye, Beak, CoralReef | Minnows InPairs Midnight 1965
    quick: RoundBody, Stripes Ivory, no Wings, OneEye, Beak, PineForest | Moss InHerds Noon 1937
  Burr: BlockyBody, no Horns, OneEye, no Snout
    bur: Azure, Spots Lemon, LopEars, no Tail, BatWings, PineForest | Moss InPairs Noon 1939
    teasel: Violet, Spots Ivory, LopEars, FanTail, InsectWings, StarPlain | Minnows InHerds Dawn 1945
    pip: Scarlet, no Pattern, no Ears, BushyTail, BatWings, PineForest | Nectar InHerds Noon 1875
    crumb *: Scarlet, no Pattern, LopEars, FanTail, BatWings, StarPlain | Nectar Solitary Noon 1900
    bracken: Scarlet, Checks Ivory, RoundEars, no Tail, InsectWings, SnowField | Moss InHerds Dawn 1887
Driftling: no Legs
  Slider: Scarlet, no Ears, FeatherWings, Muzzle
    dapple: RoundBody, no Pattern, BullHorns, ClubTail, RoundEyes, StarPlain | Nectar Solitary Midnight 1947
    puck: BlockyBody, Stripes Charcoal, no Horns, CurledTail, SlitEyes, PineForest | Moss InHerds Dawn 1838
    jasper: LongBody, Stripes Ivory, SpikeHorn, no Tail, RoundEyes, PineForest | Nectar InHerds Midnight 1965
    hazel *: TallBody, no Pattern, no Horns, FanTail, RoundEyes, PineForest | Moss InHerds Noon 1908
    ribbon: TallBody, no Pattern, Antlers, BushyTail, RoundEyes, ReedMarsh | Minnows Solitary Dawn 1896
  Floater =: LongBody, in Ivory, FanTail, OneEye
    larkin =: Azure, Spots, LopEars, BullHorns, InsectWings, Tusks, PineForest | Minnows InHerds Noon 1940
    birch: Azure, Stripes, RoundEars, no Horns, FeatherWings, Muzzle, SnowField | Minnows InHerds Dawn 1840
    noddle: Scarlet, Spots, LopEars, no Horns, InsectWings, Beak, CoralReef | Minnows InHerds Midnight 1910
    plover *: Violet, Checks, RoundEars, Antlers, no Wings, Trunk, DuneSea | Moss InPairs Noon 1879
    wisp: Violet, Checks, LopEars, BullHorns, InsectWings, Beak, StarPlain | Minnows Solitary Noon 1978
  Dozer: RoundBody, BushyTail, RoundEyes, Beak
    moth: Violet, Stripes Ivory, LongEars, no Horns, no Wings, StarPlain | Minnows InPairs Midnight 1978
    lull: Azure, Spots Lemon, LopEars, BullHorns, InsectWings, DuneSea | Minnows InPairs Noon 1864
    ambler: Emerald, Stripes Ivory, LopEars, BullHorns, no Wings, PineForest | Roots Solitary Noon 1966
    pillow *: Emerald, Checks Lemon, no Ears, Antlers, no Wings, CoralReef | Moss Solitary Noon 1942
    fog: Violet, no Pattern, LongEars, SpikeHorn, no Wings, StarPlain | Roots Solitary Midnight 1900
"""


@dataclass(frozen=True)
class Creature:
    """A class of creatures and what it states itself: property -> filler, or None for an absence."""

    name: str
    label: str
    level: int
    parent: Creature | None
    states: dict[str, str | None]
    defined: bool = False
    unseen: bool = False
    year: str | None = None

    def complete(self) -> dict[str, str | None]:
        """What it states and inherits; the special overrides the general."""
        return {**(self.parent.complete() if self.parent else {}), **self.states}


def filler_parents() -> dict[str, str | None]:
    """Filler class -> the class above it, in the order of the text."""
    parents: dict[str, str | None] = {}
    path: list[str] = []
    for line in FILLERS.strip().splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        path[depth:] = [line.strip()]
        parents[line.strip()] = path[depth - 1] if depth else None
    return parents


def property_of() -> dict[str, str]:
    """Filler -> the property that it fills; a color outside a pattern is the body's."""
    parents = filler_parents()
    roots = {p.filler: name for name, p in reversed(PROPERTIES.items())}
    found = {}
    for name in parents:
        up: str | None = name
        while up is not None and up not in roots:
            up = parents[up]
        if up is not None:
            found[name] = roots[up]
    places = {place: "livesIn" for kind in PLACES for place in INDIVIDUALS[kind]}
    return found | places | {i: roots[kind] for kind in ("Sociality", "TimeOfDay") for i in INDIVIDUALS[kind]}


def creatures() -> list[Creature]:
    """The table, read: every order, family and leaf, ancestors first."""
    where = property_of()
    found: list[Creature] = []
    path: list[Creature] = []
    for line in TAXONOMY.strip().splitlines():
        level = (len(line) - len(line.lstrip())) // 2
        head, _, body = line.strip().partition(": ")
        name, *marks = head.split()
        looks, _, decoys = body.partition(" | ")
        *others, year = decoys.split() or [None]
        states: dict[str, str | None] = {}
        for token in looks.split(", ") + others:
            first, _, second = token.partition(" ")
            if first == "in":
                states["hasPatternColor"] = second
            elif first == "no":
                states[where[second]] = None
                if second == "Pattern":
                    states["hasPatternColor"] = None
            else:
                states[where[first]] = first
                if second:
                    states["hasPatternColor"] = second
        parent = path[level - 1] if level else None
        full = name.title() + parent.name if level == 2 and parent else name
        label = f"{name} {parent.label}" if level == 2 and parent else name.lower()
        path[level:] = [Creature(full, label, level, parent, states, "=" in marks, "*" in marks, year)]
        found.append(path[level])
    return found


def leaves() -> list[Creature]:
    """The 100 classes that have images, in the order of the table."""
    return [c for c in creatures() if c.level == 2]


def table() -> dict[str, dict[str, str | None]]:
    """Leaf IRI -> visual property -> filler, or None for an absence: what entailment must arrive at."""
    return {NAMESPACE + c.name: {p: c.complete()[p] for p in VISUAL} for c in leaves()}


def split() -> dict[str, list[str]]:
    """The IRIs of the seen and of the unseen classes."""
    return {
        "seen": [NAMESPACE + c.name for c in leaves() if not c.unseen],
        "unseen": [NAMESPACE + c.name for c in leaves() if c.unseen],
    }


def words(name: str) -> str:
    """A label from a CamelCase name."""
    return "".join(f" {c.lower()}" if c.isupper() else c for c in name).strip()


def restriction(prop: str, filler: str | None) -> str:
    """One restriction, on one line."""
    on = f"owl:onProperty :{prop}"
    general = PROPERTIES[prop].filler
    some = f"[ a owl:Restriction ; {on} ; owl:someValuesFrom :{filler or general} ]"
    if filler is None:
        return {
            "not some": f"[ a owl:Class ; owl:complementOf {some} ]",
            "only nothing": f"[ a owl:Restriction ; {on} ; owl:allValuesFrom owl:Nothing ]",
            "max": f'[ a owl:Restriction ; {on} ; owl:maxCardinality "0"^^xsd:nonNegativeInteger ]',
            "max qualified": f"[ a owl:Restriction ; {on} ; "
            f'owl:maxQualifiedCardinality "0"^^xsd:nonNegativeInteger ; owl:onClass :{general} ]',
        }[ABSENCE[prop]]
    if any(filler in members for members in INDIVIDUALS.values()):
        return f"[ a owl:Restriction ; {on} ; owl:hasValue :{filler} ]"
    return some


def members(names: list[str], *, indent: str = "        ") -> str:
    """The members of an RDF list, one a line."""
    return "".join(f"\n{indent}{name}" for name in names)


def creature_block(c: Creature) -> str:
    """One class: what defines it, then what else holds for it."""
    parent = f":{c.parent.name}" if c.parent else ":Creature"
    # A definition holds what the picture shows of it; its absences and decoys are not part of it.
    shown = {p: f for p, f in c.states.items() if f is not None and p in VISUAL} if c.defined else {}
    lines = [f":{c.name} a owl:Class", f'rdfs:label "{c.label}"@en']
    if shown:
        parts = members([parent, *(restriction(p, f) for p, f in shown.items())])
        lines.append(f"owl:equivalentClass [ a owl:Class ; owl:intersectionOf ({parts} ) ]")
    rest = [] if shown else [parent]
    rest += [restriction(p, f) for p, f in c.states.items() if p not in shown]
    if c.year:
        year = f'"{c.year}"^^xsd:integer'
        rest.append(f"[ a owl:Restriction ; owl:onProperty :discoveredIn ; owl:hasValue {year} ]")
    if rest:
        lines.append("rdfs:subClassOf " + " ,\n        ".join(rest))
    return " ;\n    ".join(lines) + " ."


def property_blocks() -> list[str]:
    """Every property, with what it ranges over and whether a picture shows it."""
    blocks = [
        ':visual a owl:AnnotationProperty ;\n    rdfs:label "is visible in a picture"@en .',
        ':discoveredIn a owl:DatatypeProperty ;\n    rdfs:label "discovered in"@en ;\n'
        "    rdfs:domain :Creature ;\n    rdfs:range xsd:integer ;\n"
        '    :visual "false"^^xsd:boolean .',
    ]
    for name, filler in SUPER_PROPERTIES.items():
        blocks.append(
            f':{name} a owl:ObjectProperty ;\n    rdfs:label "{words(name)}"@en ;\n'
            f'    rdfs:domain :Creature ;\n    rdfs:range :{filler} ;\n    :visual "true"^^xsd:boolean .'
        )
    for name, p in PROPERTIES.items():
        kind = "owl:ObjectProperty , owl:FunctionalProperty" if p.functional else "owl:ObjectProperty"
        above = f"    rdfs:subPropertyOf :{p.parent} ;\n" if p.parent else ""
        blocks.append(
            f':{name} a {kind} ;\n    rdfs:label "{words(name)}"@en ;\n{above}    rdfs:domain :Creature ;\n'
            f'    rdfs:range :{p.filler} ;\n    :visual "{str(p.visual).lower()}"^^xsd:boolean .'
        )
    return blocks


def filler_blocks() -> list[str]:
    """Every filler: classes, then the individuals."""
    roots = dict.fromkeys(("Habitat", "Sociality", "TimeOfDay"))
    parents = filler_parents() | roots | dict.fromkeys(PLACES, "Habitat")
    blocks = []
    for name, parent in parents.items():
        above = f" ;\n    rdfs:subClassOf :{parent}" if parent else ""
        blocks.append(f':{name} a owl:Class ;\n    rdfs:label "{words(name)}"@en{above} .')
    for kind, names in INDIVIDUALS.items():
        blocks += [f':{n} a owl:NamedIndividual , :{kind} ;\n    rdfs:label "{words(n)}"@en .' for n in names]
    return blocks


def disjointness() -> list[str]:
    """Nothing is of two orders, of two colors, or of two patterns."""
    parents = filler_parents()
    colors = [n for n, up in parents.items() if up in ("Red", "Warm", "Cool", "Plain") and n != "Red"]
    patterns = [n for n, up in parents.items() if up in ("Pattern", "Lines") and n != "Lines"]
    shapes = [n for n, up in parents.items() if up == "Shape"]
    groups = [[c.name for c in creatures() if c.level == 0], colors, patterns, shapes]
    blocks = [f"[] a owl:AllDisjointClasses ;\n    owl:members ({members([f':{n}' for n in g])} ) ." for g in groups]
    pairs = [("FeatherWings", "SkinWings"), ("WalkingLegs", "Flippers"), ("BroadTail", "ThinTail")]
    return blocks + [f":{a} owl:disjointWith :{b} ." for a, b in pairs]


def turtle() -> str:
    """The whole ontology as Turtle."""
    head = f"""# Written by make_creatures.py; edit its table, not this file.

@prefix : <{NAMESPACE}> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .

<{NAMESPACE[:-1]}> a owl:Ontology ;
    rdfs:label "creatures"@en ;
    rdfs:comment \"\"\"A hundred invented creatures. What it says of their looks causes what a picture of them shows;
diet, sociality, activity and year of discovery cause nothing. A family or an order states much of what
holds for a creature, so a creature's looks are complete only after entailment.\"\"\"@en ."""
    sections = [
        ("Properties", property_blocks()),
        ("Fillers", filler_blocks()),
        ("Disjointness", disjointness()),
        (
            "Creatures: order, family, leaf",
            [':Creature a owl:Class ;\n    rdfs:label "creature"@en .', *map(creature_block, creatures())],
        ),
    ]
    body = "".join(f"\n\n# {title}\n\n" + "\n\n".join(blocks) for title, blocks in sections)
    return head + body + "\n"


def check() -> None:
    """Refuse a table in which two creatures look alike or a creature's looks are not complete."""
    looks = table()
    for iri, look in looks.items():
        bare = [p for p in VISUAL if look[p] == PROPERTIES[p].filler]
        if bare:
            raise ValueError(f"{iri}: no special filler for {', '.join(bare)}")
    for one, other in combinations(looks, 2):
        if sum(looks[one][p] != looks[other][p] for p in VISUAL) < 3:
            raise ValueError(f"{one} and {other} differ in fewer than 3 properties")


def main() -> None:
    """Check the table and write both files."""
    check()
    folder = Path(__file__).resolve().parent
    (folder / "creatures.ttl").write_text(turtle(), encoding="utf-8")
    (folder / "creatures_split.json").write_text(json.dumps(split(), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
