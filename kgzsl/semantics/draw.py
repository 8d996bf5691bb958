"""A picture of one class: its superclasses above it, what it has and lacks around it, by property."""

from __future__ import annotations

import textwrap
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from kgzsl.errors import ConfigError, Problem
from kgzsl.ontology import Fact, Ontology
from kgzsl.ontology.vocabulary import OWL, RDFS
from kgzsl.ontology.whole import whole_file
from kgzsl.semantics.verbalize import aspect, value_phrase

if TYPE_CHECKING:
    import networkx
    from matplotlib.axes import Axes

__all__ = ["Box", "Line", "Picture", "draw", "lay_out", "shown_facts"]

Style = Literal["class", "superclass", "group", "asserted", "entailed", "negative"]

_WIDTH = 12.0  # inches; 1,200 pixels
_MARGIN, _GAP = 0.25, 0.14
_CARD = 4.55  # width of a group of attributes
_FONT = 11.0
_WRAP = {"class": 24, "superclass": 24, "group": 44}
_PILL_WRAP = 34
_PAD = {"class": (0.24, 0.16), "superclass": (0.16, 0.09), "group": (0.16, 0.1)}
_PILL_PAD = (0.12, 0.055)
_LEVEL = 0.3  # between two levels of superclasses
_DOT = 0.22  # what a line that only passes a level takes of it
_MARK = 0.22  # what the cross of a negative pill takes


@dataclass(frozen=True)
class Box:
    """Something with text, or a frame around some.

    Args:
        x: left edge in inches from the left.
        y: upper edge in inches from the top.
        width: in inches.
        height: in inches.
        text: what stands in it, wrapped.
        style: what it is.
        negative: whether it is about an absence.
        entailed: whether it is entailed.
    """

    x: float
    y: float
    width: float
    height: float
    text: str
    style: Style
    negative: bool = False
    entailed: bool = False

    def overlaps(self, other: Box) -> bool:
        """Whether two boxes share more than an edge."""
        apart = (
            self.x + self.width <= other.x + 1e-9
            or other.x + other.width <= self.x + 1e-9
            or self.y + self.height <= other.y + 1e-9
            or other.y + other.height <= self.y + 1e-9
        )
        return not apart


@dataclass(frozen=True)
class Line:
    """A line through some points, in inches from the upper left corner."""

    points: tuple[tuple[float, float], ...]
    negative: bool = False
    entailed: bool = False


@dataclass(frozen=True)
class Picture:
    """Where everything is.

    Args:
        boxes: class, superclasses, frames of groups, and attributes in them.
        lines: the taxonomy, and from the class to the groups.
        height: in inches.
        title: the heading.
        left_out: number of facts that are not shown because a shown one says more.
    """

    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    height: float
    title: str
    left_out: int


Measure = Callable[[str, float, bool], tuple[float, float]]


def shown_facts(class_iri: str, ontology: Ontology, *, everything: bool = False) -> tuple[list[Fact], int]:
    """What is to be drawn of a class's facts, and how many are left out.

    A fact that a shown one says better is left out: "has a body part" beside "has hooves", or
    "has no spiral horns" beside "has no horns". Of the taxonomy only the negative facts are here.

    Args:
        class_iri: the class.
        ontology: where its facts are.
        everything: leave nothing out.
    """
    facts = [f for f in ontology.facts(class_iri) if not ontology.is_taxonomy(f.predicate) or f.polarity == "negative"]
    if everything:
        return facts, 0
    _, properties = ontology.links

    def above(term: str, *, property: bool) -> set[str]:
        if property:
            return {ontology.terms[k] for k in properties.paths(ontology.index[term])}
        return {term, OWL.Thing, *ontology.superclasses(term)} if term in ontology.index else {term, OWL.Thing}

    pairs = {polarity: {(f.predicate, f.object) for f in facts if f.polarity == polarity} for polarity in _POLARITIES}
    implied: dict[str, set[tuple[str, str]]] = {polarity: set() for polarity in _POLARITIES}
    for polarity, said in pairs.items():
        for predicate, object in said:
            general = {(p, o) for p in above(predicate, property=True) for o in above(object, property=False)}
            general -= {(predicate, object)}
            if polarity == "positive":
                implied[polarity] |= general
            elif general & said:  # the more general absence says it
                implied[polarity].add((predicate, object))
    # Terms that equal each other imply each other, so that what is asserted stays in any case.
    kept = [f for f in facts if (f.predicate, f.object) not in implied[f.polarity] or f.status == "asserted"]
    return kept, len(facts) - len(kept)


_POLARITIES = ("positive", "negative")


def lay_out(class_iri: str, ontology: Ontology, measure: Measure, *, everything: bool = False) -> Picture:
    """Where everything goes: no two texts overlap, whatever their number and length.

    Args:
        class_iri: the class.
        ontology: where its facts are.
        measure: width and height in inches of a text of some lines, at a font size, bold or not.
        everything: show all facts, also those that a shown one says better.
    """
    facts, left_out = shown_facts(class_iri, ontology, everything=everything)
    above = _Ancestors(class_iri, ontology, measure)
    boxes, lines, y = above.place(top=0.75)
    groups: dict[tuple[bool, str], list[Fact]] = defaultdict(list)
    for fact in facts:
        groups[ontology.is_taxonomy(fact.predicate), fact.predicate].append(fact)
    ordered = sorted(groups.items(), key=lambda group: (group[0][0], aspect(group[0][1], ontology), group[0][1]))
    cards = [_Card(predicate, members, ontology, measure) for (_, predicate), members in ordered]
    # Half of the height goes left: the properties are read down the left, then down the right.
    sides: tuple[list[_Card], list[_Card]] = ([], [])
    total, used = sum(card.height + _GAP for card in cards), 0.0
    for card in cards:
        sides[int(used + card.height / 2 > total / 2)].append(card)
        used += card.height + _GAP
    top, bottom, middle = y + 0.35, y + 0.35, _WIDTH / 2
    for side, x, inner, trunk in (
        (sides[0], _MARGIN, _MARGIN + _CARD, middle - 0.45),
        (sides[1], _WIDTH - _MARGIN - _CARD, _WIDTH - _MARGIN - _CARD, middle + 0.45),
    ):
        here = top
        for card in side:
            boxes += card.place(x, here)
            level = here + 0.25
            lines.append(Line(((trunk, level), (inner, level)), card.negative, card.entailed))
            here += card.height + _GAP
        if side:
            lines.append(Line(((trunk, y), (trunk, here - _GAP - side[-1].height + 0.25))))
        bottom = max(bottom, here)
    boxes += _legend(measure, bottom + 0.15)
    title = textwrap.shorten(f"{ontology.label(class_iri)}: what is asserted and what follows", 110, placeholder=" ...")
    return Picture(tuple(boxes), tuple(lines), bottom + 0.65, title, left_out)


def _legend(measure: Measure, y: float) -> list[Box]:
    """What the styles mean, in one line at the bottom."""
    boxes, x = [], _MARGIN
    styles: tuple[Style, ...] = ("asserted", "entailed", "negative", "negative")
    for text, style in zip(("asserted", "entailed", "lacks, asserted", "lacks, entailed"), styles, strict=True):
        width, height = measure(text, _FONT - 1, False)
        width += 2 * _PILL_PAD[0] + _MARK * (style == "negative")
        boxes.append(Box(x, y, width, height + 2 * _PILL_PAD[1], text, style, style == "negative", "entailed" in text))
        x += width + 0.12
    return boxes


class _Card:
    """A group of attributes: the property's name, and a pill for each filler."""

    def __init__(self, predicate: str, facts: list[Fact], ontology: Ontology, measure: Measure) -> None:
        name = "is not a kind of" if predicate == RDFS.subClassOf else aspect(predicate, ontology)
        self.header = _wrap(name, _WRAP["group"])
        self.negative = all(f.polarity == "negative" for f in facts)
        self.entailed = all(f.status == "entailed" for f in facts)
        self.pills: list[Box] = []
        pad_x, pad_y = _PAD["group"]
        x, self.height = pad_x, pad_y + measure(self.header, _FONT, True)[1] + 0.08
        row = 0.0
        for fact in sorted(facts, key=lambda f: (f.polarity == "negative", f.status, value_phrase(f.object, ontology))):
            negative = fact.polarity == "negative"
            said = "any at all" if negative and fact.object == OWL.Thing else value_phrase(fact.object, ontology)
            text = _wrap(said, _PILL_WRAP)
            width, height = measure(text, _FONT - 1, False)
            width, height = width + 2 * _PILL_PAD[0] + _MARK * negative, height + 2 * _PILL_PAD[1]
            if x + width > _CARD - pad_x and x > pad_x:
                x, self.height, row = pad_x, self.height + row + 0.08, 0.0
            style: Style = "negative" if negative else fact.status
            self.pills.append(Box(x, self.height, width, height, text, style, negative, fact.status == "entailed"))
            x, row = x + width + 0.08, max(row, height)
        self.height += row + pad_y

    def place(self, x: float, y: float) -> list[Box]:
        """The frame and the pills at their place."""
        frame = Box(x, y, _CARD, self.height, self.header, "group", self.negative, self.entailed)
        pills = [
            Box(x + p.x, y + p.y, *(p.width, p.height, p.text, p.style, p.negative, p.entailed)) for p in self.pills
        ]
        return [frame, *pills]


class _Ancestors:
    """The class and all above it, in levels; links that skip a level pass it by a gap of their own."""

    def __init__(self, class_iri: str, ontology: Ontology, measure: Measure) -> None:
        self.class_iri, self.ontology, self.measure = class_iri, ontology, measure
        self.graph, level = _above(class_iri, ontology)
        self.levels: list[list[str]] = [[] for _ in range(max(level.values()) + 1)]
        for iri in sorted(level, key=lambda iri: (level[iri], iri)):
            self.levels[level[iri]].append(iri)
        self.steps: list[list[str]] = []  # every link as the places that it passes, upwards
        for lower, upper in sorted(self.graph.edges):
            if level[lower] < level[upper]:
                passing = [f"{lower} {upper} {k}" for k in range(level[lower] + 1, level[upper])]
                for k, name in enumerate(passing, start=level[lower] + 1):
                    self.levels[k].append(name)
                self.steps.append([lower, *passing, upper])

    def place(self, *, top: float) -> tuple[list[Box], list[Line], float]:
        """Boxes, lines, and the lower edge of the class."""
        boxes, points, y = [], {}, top
        order = self._ordered()
        for names in reversed(order):
            for row in self._rows(names):
                sizes = {name: self._size(name) for name in row}
                height = max(size[1] for size in sizes.values())
                x = (_WIDTH - sum(size[0] for size in sizes.values()) - 0.25 * (len(row) - 1)) / 2
                for name in row:
                    width, own = sizes[name]
                    points[name] = (x + width / 2, y, y + height)
                    if name in self.graph:
                        style: Style = "class" if name == self.class_iri else "superclass"
                        text = _wrap(self.ontology.label(name), _WRAP[style])
                        boxes.append(Box(x, y + (height - own) / 2, width, own, text, style))
                        points[name] = (x + width / 2, y + (height - own) / 2, y + (height + own) / 2)
                    x += width + 0.25
                y += height + _LEVEL
        lines = []
        for step in self.steps:
            path: list[tuple[float, float]] = []
            for name in step:
                x, upper, lower = points[name]
                path += [(x, lower), (x, upper)]
            lines.append(Line(tuple(path[1:-1])))
        return boxes, lines, y - _LEVEL

    def _size(self, name: str) -> tuple[float, float]:
        """Width and height of a place."""
        if name not in self.graph:
            return _DOT, 0.0
        style = "class" if name == self.class_iri else "superclass"
        size = _FONT + 3 if style == "class" else _FONT
        width, height = self.measure(_wrap(self.ontology.label(name), _WRAP[style]), size, style == "class")
        return width + 2 * _PAD[style][0], height + 2 * _PAD[style][1]

    def _ordered(self) -> list[list[str]]:
        """Each level sorted by where its lower neighbors are, so that few lines cross."""
        below = defaultdict(list)
        for step in self.steps:
            for lower, upper in pairwise(step):
                below[upper].append(lower)
        order = [list(self.levels[0])]
        for names in self.levels[1:]:
            place = {name: k / max(1, len(order[-1]) - 1) for k, name in enumerate(order[-1])}
            center = {n: [place.get(b, 0.5) for b in below[n]] or [0.5] for n in names}
            order.append(sorted(names, key=lambda n: (sum(center[n]) / len(center[n]), n)))
        return order

    def _rows(self, names: list[str]) -> list[list[str]]:
        """A level in as many rows as fit the width."""
        rows: list[list[str]] = [[]]
        x = 0.0
        for name in names:
            width = self._size(name)[0] + 0.25
            if rows[-1] and x + width > _WIDTH - 2 * _MARGIN:
                rows.append([])
                x = 0.0
            rows[-1].append(name)
            x += width
        return rows


def _above(class_iri: str, ontology: Ontology) -> tuple[networkx.DiGraph, dict[str, int]]:
    """The asserted taxonomy above a class without links that others imply, and the level of each term."""
    import networkx

    graph = ontology.class_graph().subgraph({class_iri, *ontology.superclasses(class_iri)} & set(ontology.classes))
    if networkx.is_directed_acyclic_graph(graph):
        graph = networkx.transitive_reduction(graph)
        level = {class_iri: 0}
        for iri in networkx.topological_sort(graph):
            for upper in graph.successors(iri):
                level[upper] = max(level.get(upper, 0), level.get(iri, 0) + 1)
        return graph, level
    # In a cycle nothing is above: the fewest steps from the class decide.
    level = dict(networkx.single_source_shortest_path_length(graph, class_iri))
    return graph.subgraph(level), level


def _wrap(text: str, width: int) -> str:
    """A text in lines; a word that is longer than a line is cut."""
    return "\n".join(textwrap.wrap(text, width)) or text


def draw(
    class_iri: str, ontology: Ontology, path: str | Path, *, everything: bool = False, force: bool = False
) -> Picture:
    """Draw a class's neighborhood as SVG or PNG, 1,200 pixels wide.

    Asserted facts are solid, entailed ones dashed; what a class lacks is red and crossed.

    Args:
        class_iri: the class.
        ontology: where its facts are.
        path: the picture; its suffix says the format.
        everything: show all facts, also those that a shown one says better.
        force: replace a file that is there.

    Raises:
        ConfigError: another suffix, or the file is there already.
    """
    path = Path(path)
    if path.suffix.lower() not in (".svg", ".png"):
        raise ConfigError(
            Problem(f"cannot draw {path.suffix or 'without a suffix'}", expected=".svg or .png", file=path)
        )
    if class_iri not in ontology.classes:
        raise ConfigError(Problem(f"{ontology.label(class_iri)} is no class", expected="a class to draw"))
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDTH, 1), dpi=100, facecolor="white")
    renderer = FigureCanvasAgg(figure).get_renderer()

    def measure(text: str, size: float, bold: bool) -> tuple[float, float]:
        artist = figure.text(0, 0, text, fontsize=size, fontweight="bold" if bold else "normal", parse_math=False)
        extent = artist.get_window_extent(renderer)
        artist.remove()
        return float(extent.width) / 100, max(float(extent.height), 17 * size / _FONT * (1 + text.count("\n"))) / 100

    picture = lay_out(class_iri, ontology, measure, everything=everything)
    figure.set_size_inches(_WIDTH, picture.height)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, _WIDTH)
    axes.set_ylim(picture.height, 0)
    axes.axis("off")
    _paint(axes, picture)
    metadata = {"Date": None} if path.suffix.lower() == ".svg" else {"Software": None}
    # The same ontology gives the same bytes.
    with whole_file(path, force=force) as working, matplotlib.rc_context({"svg.hashsalt": "kgzsl"}):
        figure.savefig(working, format=path.suffix.lower()[1:], dpi=100, metadata=metadata)
    return picture


_INK, _PALE, _RED = "#1f2933", "#9aa5b1", "#c81e1e"
_FACE = {
    "class": "#1d4e89",
    "superclass": "#e3ecf7",
    "group": "#f6f8fa",
    "asserted": "#dff3e4",
    "entailed": "#ffffff",
    "negative": "#fdeaea",
}
_EDGE = {"class": "#1d4e89", "superclass": "#1d4e89", "group": "#cbd2d9", "asserted": "#1e7a3c", "entailed": "#1e7a3c"}
_DASHES = (0, (4, 2.5))


def _paint(axes: Axes, picture: Picture) -> None:
    """Lines first, boxes over them."""
    axes.text(_MARGIN, 0.35, picture.title, fontsize=_FONT + 2, va="center", color=_INK, parse_math=False)
    for line in picture.lines:
        xs, ys = zip(*line.points, strict=True)
        style = _DASHES if line.entailed else "-"
        axes.plot(xs, ys, color=_RED if line.negative else "#616e7c", linewidth=1.3, linestyle=style, zorder=1)
    for box in picture.boxes:
        _paint_box(axes, box)
    _paint_note(axes, picture)


def _paint_box(axes: Axes, box: Box) -> None:
    """A frame, and its text."""
    from matplotlib.patches import FancyBboxPatch

    radius = {"group": 0.06, "class": 0.1, "superclass": 0.08}.get(box.style, 0.1)
    edge = _RED if box.style == "negative" else _EDGE[box.style]
    dashed = box.entailed and box.style in ("entailed", "negative")
    axes.add_patch(
        FancyBboxPatch(
            (box.x, box.y),
            box.width,
            box.height,
            boxstyle=f"round,pad=0,rounding_size={radius}",
            facecolor=_FACE[box.style],
            edgecolor=edge,
            linewidth=1.3,
            linestyle=_DASHES if dashed else "-",
            zorder=2 if box.style == "group" else 3,
        )
    )
    if box.style == "group":
        x, y = box.x + _PAD["group"][0], box.y + _PAD["group"][1]
        axes.text(x, y, box.text, fontsize=_FONT, fontweight="bold", va="top", color=_INK, zorder=4, parse_math=False)
        return
    size = {"class": _FONT + 3, "superclass": _FONT}.get(box.style, _FONT - 1)
    color = {"class": "white", "negative": _RED}.get(box.style, _INK)
    weight = "bold" if box.style == "class" else "normal"
    shift = _MARK / 2 if box.style == "negative" else 0.0
    center = (box.x + box.width / 2 + shift, box.y + box.height / 2)
    axes.text(
        *center, box.text, fontsize=size, fontweight=weight, ha="center", va="center_baseline", color=color, zorder=4,
        parse_math=False, multialignment="center",
    )  # fmt: skip
    if box.style == "negative":
        axes.plot([box.x + 0.17], [center[1]], marker="x", markersize=6, markeredgewidth=1.8, color=_RED, zorder=4)


def _paint_note(axes: Axes, picture: Picture) -> None:
    """What is not shown, after the legend."""
    legend = picture.boxes[-1]
    if picture.left_out:
        facts = "fact follows" if picture.left_out == 1 else "facts follow"
        note = f"{picture.left_out:,} more {facts} from these"
        axes.text(
            legend.x + legend.width + 0.2,
            legend.y + legend.height / 2,
            note,
            fontsize=_FONT - 1,
            va="center",
            color="#52606d",
            parse_math=False,
        )
