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
  Red
    Scarlet
    Crimson
  Blue
    Azure
    Navy
  Amber
  Lemon
  Emerald
  Violet
  Ivory
  Charcoal
Pattern
  Lines
    Stripes
    Bands
    Zigzag
  Spots
  Checks
BodyPart
  Ears
    UprightEars
      PointedEars
      LongEars
    RoundEars
    LopEars
  Horns
    PairedHorns
      Antlers
      RamHorns
      BullHorns
    SpikeHorn
  Tail
    BroadTail
      BushyTail
      FanTail
    ThinTail
      WhipTail
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
    "DryPlace": ("DuneSea", "RockValley", "StarPlain"),
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
# pattern's, and so is one after "in". After "|": diet, sociality, activity and the year of discovery, which no picture shows.
TAXONOMY = """
Burrowkin: no Wings, FourLegs
  Mumbler: RoundBody, RoundEars, BushyTail, Muzzle
    tindra: Azure, Stripes Ivory, SpikeHorn, RoundEyes, SnowField | Roots Solitary Midnight 1992
    willow: Emerald, no Pattern, Antlers, ThreeEyes, PineForest | Moss InHerds Noon 1972
    sorrel: Scarlet, no Pattern, no Horns, SlitEyes, PineForest | Nectar InPairs Midnight 1937
    flint *: Scarlet, Checks Lemon, RamHorns, ThreeEyes, ReedMarsh | Nectar Solitary Dawn 1928
  Delver: LongBody, no Horns, WhipTail, SlitEyes
    pindle: Emerald, Stripes Ivory, LongEars, no Snout, CoralReef | Nectar Solitary Midnight 1861
    murk: Scarlet, Spots Charcoal, RoundEars, Beak, CoralReef | Moss Solitary Noon 1966
    onda: Violet, Checks Ivory, LopEars, Muzzle, RockValley | Minnows InHerds Dawn 1864
    rushy *: Amber, Checks Charcoal, RoundEars, Trunk, PineForest | Roots InPairs Noon 1893
  Snuffler: BlockyBody, Trunk, no Tail, RoundEyes
    vesper: Violet, Stripes Ivory, no Ears, no Horns, SnowField | Moss Solitary Dawn 1884
    bellow: Scarlet, Stripes Charcoal, LongEars, no Horns, RockValley | Minnows Solitary Dawn 1981
    dusk: Scarlet, Stripes Lemon, RoundEars, no Horns, ReedMarsh | Moss InHerds Noon 1846
    fenna *: Scarlet, Checks Charcoal, no Ears, BullHorns, ReedMarsh | Nectar InHerds Midnight 1932
Skyborn: Wings, TwoLegs
  Glider =: BatWings, LongBody, WhipTail, PointedEars, in Ivory
    tallow: Crimson, Spots, no Horns, RoundEyes, no Snout, StarPlain | Moss Solitary Dawn 1989
    mossy: Amber, Spots, no Horns, SlitEyes, no Snout, DuneSea | Moss Solitary Dawn 1833
    lumen *: Amber, Spots, BullHorns, SlitEyes, Beak, SnowField | Minnows InPairs Midnight 1817
    kettle *: Scarlet, Stripes, no Horns, OneEye, Muzzle, PineForest | Nectar InPairs Midnight 1818
  Flitter: FeatherWings, RoundBody, Beak, FanTail, in Charcoal
    skerry: Azure, Bands, no Ears, SpikeHorn, ThreeEyes, SnowField | Moss Solitary Midnight 1827
    rowan: Emerald, Stripes, RoundEars, no Horns, OneEye, PineForest | Roots InHerds Dawn 1981
    umber: Violet, Zigzag, RoundEars, Antlers, SlitEyes, PineForest | Nectar InHerds Noon 1880
    ivy *: Amber, Spots, LongEars, SpikeHorn, SlitEyes, ReedMarsh | Moss InPairs Midnight 1829
  Piper =: InsectWings, TallBody, no Ears, OneEye
    lorrel: Azure, Bands Charcoal, BullHorns, CurledTail, Tusks, SnowField | Minnows InPairs Noon 1916
    hollow: Amber, Stripes Crimson, SpikeHorn, BushyTail, no Snout, DuneSea | Nectar Solitary Midnight 1932
    pepper: Lemon, Bands Charcoal, Antlers, CurledTail, no Snout, DuneSea | Roots InHerds Dawn 1998
    yarrow *: Azure, Stripes Lemon, BullHorns, no Tail, Beak, PineForest | Minnows Solitary Noon 1974
Crowned: Horns, RoundEyes
  Stalker: SpikeHorn, LongBody, FourLegs, ClubTail, Beak
    cinder =: Amber, Stripes Crimson, LongEars, BatWings, DuneSea | Minnows InHerds Noon 1924
    ferrin: Scarlet, Bands Ivory, PointedEars, FeatherWings, RockValley | Roots InHerds Noon 1811
    kelp: Emerald, Bands Ivory, LopEars, no Wings, ReedMarsh | Nectar Solitary Dawn 1842
    marrow *: Ivory, no Pattern, no Ears, FeatherWings, PineForest | Roots InPairs Dawn 1960
  Grazer =: Antlers, HumpedBody, FourLegs, Muzzle
    mistle: Ivory, Stripes Charcoal, no Ears, ClubTail, FeatherWings, PineForest | Minnows Solitary Dawn 1906
    drizzle: Navy, no Pattern, LongEars, FanTail, BatWings, ReedMarsh | Minnows Solitary Midnight 1924
    olun *: Emerald, Stripes Lemon, LopEars, FanTail, no Wings, DuneSea | Roots InPairs Dawn 1814
    brindle *: Violet, Stripes Charcoal, LopEars, no Tail, BatWings, SnowField | Roots InPairs Noon 1889
  Rammer: RamHorns, BlockyBody, TwoLegs, no Wings
    vorrin: Scarlet, Checks Charcoal, LopEars, WhipTail, Beak, PineForest | Roots InPairs Midnight 1865
    ember: Emerald, Zigzag Lemon, PointedEars, WhipTail, no Snout, RockValley | Moss Solitary Noon 1902
    thistle: Scarlet, Checks Charcoal, LopEars, no Tail, no Snout, StarPlain | Roots InHerds Noon 1930
    wren *: Violet, Bands Ivory, LopEars, FanTail, Tusks, StarPlain | Nectar InPairs Midnight 1990
Tidefolk: Flippers, no Ears
  Bobber: RoundBody, no Wings, Tusks, FanTail
    nettle: Crimson, Spots Ivory, BullHorns, SlitEyes, CoralReef | Roots InHerds Midnight 1978
    tamsy: Navy, no Pattern, BullHorns, RoundEyes, PineForest | Moss InHerds Noon 1901
    gossa: Emerald, Zigzag Ivory, BullHorns, ThreeEyes, PineForest | Nectar InPairs Midnight 1865
    quillo *: Lemon, no Pattern, Antlers, OneEye, PineForest | Minnows Solitary Noon 1984
  Wallower: HumpedBody, no Horns, SlitEyes, Trunk, no Wings, in Ivory
    ossa: Navy, Spots, no Tail, CoralReef | Roots InHerds Dawn 1963
    bramble: Scarlet, Spots, ClubTail, RockValley | Minnows InPairs Midnight 1865
    copper: Crimson, Stripes, FanTail, ReedMarsh | Nectar InHerds Noon 1895
    sable *: Amber, Bands, no Tail, StarPlain | Roots InPairs Dawn 1984
Skitterer: SixLegs, no Horns
  Scuttler: BlockyBody, no Wings, ThreeEyes, ClubTail
    garnet =: Azure, Stripes Lemon, no Ears, Muzzle, SnowField | Nectar InPairs Midnight 1975
    salla: Ivory, Zigzag Charcoal, RoundEars, Muzzle, StarPlain | Moss Solitary Midnight 1884
    juniper: Crimson, Stripes Ivory, RoundEars, Trunk, ReedMarsh | Moss InPairs Dawn 1847
    tarn *: Azure, Stripes Charcoal, LopEars, Tusks, RockValley | Nectar InHerds Dawn 1886
  Hopper: TallBody, LongEars, InsectWings, BushyTail, RoundEyes
    zephyr: Emerald, Spots Crimson, Trunk, CoralReef | Minnows InPairs Dawn 1995
    grell: Lemon, Stripes Charcoal, Tusks, PineForest | Roots Solitary Noon 1853
    wimble: Lemon, no Pattern, Muzzle, PineForest | Minnows InHerds Dawn 1945
    orrin *: Crimson, Stripes Lemon, Trunk, CoralReef | Nectar Solitary Noon 1834
Driftling: no Legs, no Snout
  Slider: LongBody, SlitEyes, no Wings, CurledTail, no Horns
    dapple: Lemon, Bands Charcoal, no Ears, CoralReef | Moss InPairs Midnight 1946
    puck =: Ivory, Checks Charcoal, LopEars, RockValley | Nectar InHerds Noon 1908
    jasper: Amber, Spots Charcoal, PointedEars, DuneSea | Minnows InHerds Dawn 1965
    hazel *: Emerald, Stripes Crimson, RoundEars, DuneSea | Roots InPairs Noon 1981
  Floater =: TallBody, FeatherWings, BullHorns, OneEye
    larkin *: Amber, Stripes Charcoal, no Ears, CurledTail, SnowField | Minnows Solitary Midnight 1833
    birch *: Navy, Stripes Ivory, no Ears, WhipTail, SnowField | Moss InPairs Noon 1960
    noddle * =: Amber, Zigzag Charcoal, LopEars, CurledTail, CoralReef | Minnows InHerds Dawn 1990
    plover *: Emerald, Stripes Crimson, PointedEars, FanTail, CoralReef | Moss InHerds Midnight 1869
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
    """The 60 classes that have images, in the order of the table."""
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
    if filler is None:
        return {
            "not some": f"[ a owl:Class ; owl:complementOf [ a owl:Restriction ; {on} ; owl:someValuesFrom :{general} ] ]",
            "only nothing": f"[ a owl:Restriction ; {on} ; owl:allValuesFrom owl:Nothing ]",
            "max": f'[ a owl:Restriction ; {on} ; owl:maxCardinality "0"^^xsd:nonNegativeInteger ]',
            "max qualified": f"[ a owl:Restriction ; {on} ; "
            f'owl:maxQualifiedCardinality "0"^^xsd:nonNegativeInteger ; owl:onClass :{general} ]',
        }[ABSENCE[prop]]
    if any(filler in members for members in INDIVIDUALS.values()):
        return f"[ a owl:Restriction ; {on} ; owl:hasValue :{filler} ]"
    return f"[ a owl:Restriction ; {on} ; owl:someValuesFrom :{filler} ]"


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
    places = {kind: "Habitat" for kind in PLACES}
    parents = filler_parents() | {"Habitat": None, "Sociality": None, "TimeOfDay": None} | places
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
    colors = [n for n, up in parents.items() if up in ("Color", "Red", "Blue") and n not in ("Red", "Blue")]
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
    rdfs:comment \"\"\"Sixty invented creatures. What it says of their looks causes what a picture of them shows;
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
