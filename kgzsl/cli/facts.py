"""``kgzsl facts``: which facts drive predictions over a whole set of images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from kgzsl.cli.console import Json, console, listening, print_json, print_table, run_to_ask

if TYPE_CHECKING:
    from kgzsl.explain.findings import ClassFacts, Confusion, FactMean, Overview, UnusedFact
    from kgzsl.explain.survey import Survey

__all__ = ["facts"]

CLASSES = 25
"""So many classes are listed, those with the smallest margins."""
CONFUSIONS = 15
"""So many confusions are listed."""
NAMED = 3
"""Of what is alike, so many are named."""


def facts(
    run: Annotated[Path, typer.Argument(help="Run folder.", show_default=False)],
    class_: Annotated[
        str, typer.Option("--class", metavar="C", help="What carries this class.", show_default=False)
    ] = "",
    confusion: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="A B", help="What is behind images of A that are taken for B.", show_default=False),
    ] = None,
    split: Annotated[
        Literal["test", "test_unseen", "test_seen", "trainval"], typer.Option(help="Which images of the run's data.")
    ] = "test",
    images: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Other images instead: a folder for each class, or loose.", show_default=False
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=1, help="Images at most, evenly over the classes; all when not given.", show_default=False),
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="Facts to show in each table.")] = 12,
    html: Annotated[Path | None, typer.Option(help="Write a self-contained page.", show_default=False)] = None,
    ontology: Annotated[Path | None, typer.Option(help="Where the run's ontology is now.", show_default=False)] = None,
    extended: Annotated[
        Path | None, typer.Option(help="An ontology with further classes, to know them too.", show_default=False)
    ] = None,
    json: Json = False,
) -> None:
    """Which facts of the ontology drive the predictions for a whole set of images.

    Over all classes: the most telling facts of each, the confusions and the facts behind them, how much each property
    weighs, and which facts are never used, and why. Contributions are means over images, in the unit of the scores:
    to the margin of an image's class over the best other one.

    Examples:

      kgzsl facts runs/creatures --html facts.html

      kgzsl facts runs/creatures --class "tindra mumbler" --split trainval

      kgzsl facts runs/creatures --confusion "drizzle grazer" "brindle grazer"
    """
    from kgzsl import api
    from kgzsl.errors import ConfigError, Problem
    from kgzsl.explain import summary
    from kgzsl.explain.findings import ClassFacts, Confusion, Overview

    if class_ and confusion:
        raise ConfigError(Problem("--class and --confusion", expected="one of them"))
    trained = run_to_ask(run, ontology=ontology, extended=extended, quiet=json)
    of = confusion[0] if confusion else class_ or None
    other = api.class_of(trained, confusion[1]) if confusion else None
    with listening(quiet=json) as listener:
        seen = api.survey(trained, split=split, images=images, of=of, limit=limit, listener=listener)
    found: Overview | ClassFacts | Confusion
    if confusion and other:
        found = summary.confusion(seen, api.class_of(trained, confusion[0]), other)
    elif class_:
        found = summary.class_facts(seen, api.class_of(trained, class_))
    else:
        found = summary.overview(seen)
    written = {}
    if html is not None:
        from kgzsl.explain.facts_page import write_facts_page

        if isinstance(found, Overview):
            page = write_facts_page(html, found, name=run.resolve().name)
        else:
            page = write_facts_page(html, summary.overview(seen), name=run.resolve().name, chosen=found)
        written["html"] = str(page)
    if json:
        print_json(found.to_dict() | written)
        return
    if isinstance(found, Confusion):
        _show_confusion(seen, found, top=top)
    elif isinstance(found, ClassFacts):
        _show_class(seen, found, top=top)
    else:
        _show_overview(found, top=top)
    for note in seen.notes:
        console.print(note, soft_wrap=True)
    for kind, path in written.items():
        console.print(f"{kind}: {path}", soft_wrap=True)


def _show_overview(found: Overview, *, top: int) -> None:
    """Four tables."""
    survey, count = found.survey, len(found.survey.images)
    right = "" if found.accuracy is None else f", {100 * found.accuracy:.1f} % predicted right"
    classes = found.classes[0].label if len(found.classes) == 1 else f"{len(found.classes)} classes"
    console.print(f"{count} {survey.source}, {classes}{right}\n", soft_wrap=True)
    weakest = sorted(found.classes, key=lambda c: c.margin)
    columns: tuple[str, ...] = ("class", ">images", ">right", ">margin", "most telling facts")
    print_table(columns, map(_class_row, weakest[:CLASSES]), title="Smallest margins first", wide=True)
    if len(weakest) > CLASSES:
        console.print(f"and {len(weakest) - CLASSES} classes with larger margins: --class, --html or --json has them")
    if found.confusions:
        console.print()
        columns = ("images of", "taken for", ">how many", ">calibration", "fact most responsible")
        rows = [_confusion_row(survey, pair) for pair in found.confusions[:CONFUSIONS]]
        print_table(columns, rows, title="Confusions", wide=True)
        if len(found.confusions) > CONFUSIONS:
            console.print(f"and {len(found.confusions) - CONFUSIONS} more pairs of classes")
    console.print()
    columns = ("property", ">share", ">weight", ">for the class", ">facts", ">gate")
    totals = [
        (p.label, f"{100 * p.share:.1f} %", f"{p.total:.3f}", _signed(p.contribution, 3), p.facts, f"{p.gate:.2f}")
        for p in found.properties
    ]
    print_table(columns, totals, title="How much the facts of each property move margins")
    console.print()
    _show_unused(survey, found.unused, of_many=True)


def _class_row(one: ClassFacts) -> tuple[str, ...]:
    """A class and the facts that carry it most."""
    leading = " · ".join(f"{_signed(f.contribution)} {f.verbalization}" for f in one.facts[:NAMED])
    name = f"{one.label} (unseen)" if one.unseen else one.label
    return name, str(len(one.rows)), "" if one.right is None else str(one.right), _signed(one.margin), leading


def _confusion_row(survey: Survey, pair: Confusion) -> tuple[str, ...]:
    """Two classes, how often they are confused, and by what."""
    culprit, calibration = pair.culprit, pair.parts.get("calibration", 0.0)
    said = f"{_signed(culprit.contribution)} {_whose(survey, culprit)}" if culprit else ""
    return (*pair.labels, f"{len(pair.rows)} of {pair.of}", _signed(calibration) if calibration else "", said)


def _show_class(survey: Survey, found: ClassFacts, *, top: int) -> None:
    """What carries a class."""
    right = "" if found.right is None else f", {found.right} of them predicted right"
    console.print(f"{found.label}: {len(found.rows)} {survey.source}{right}", soft_wrap=True)
    rivals = ", ".join(f"{survey.ontology.label(iri)} ({count})" for iri, count in found.rivals[:NAMED])
    more = f" and {len(found.rivals) - NAMED} more" if len(found.rivals) > NAMED else ""
    console.print(f"mean margin {_signed(found.margin)}; best other class: {rivals}{more}\n", soft_wrap=True)
    _show_facts(survey, found.facts, title=f"Facts of {found.label}", top=top)
    if found.rival_facts:
        console.print()
        _show_facts(survey, found.rival_facts, title="Facts of the other classes", top=top, whose=True)
    console.print()
    console.print(_sum(found.facts, found.rival_facts, found.parts, found.margin), soft_wrap=True)
    console.print()
    _show_unused(survey, found.unused, of_many=False)


def _show_confusion(survey: Survey, found: Confusion, *, top: int) -> None:
    """What is behind a confusion."""
    one, other = found.labels
    if found.happened:
        console.print(f"{len(found.rows)} of {found.of} {survey.source} of {one} are taken for {other}", soft_wrap=True)
        if found.close:
            console.print(f"{len(found.close)} more came as close to it and are predicted right", soft_wrap=True)
    else:
        console.print(f"no image of {one} among {found.of} {survey.source} is taken for {other}", soft_wrap=True)
        console.print(f"below are the {len(found.rows)} that came closest", soft_wrap=True)
    console.print(f"mean margin of {one} over {other} {_signed(found.margin)}, smallest {_signed(found.closest)}")
    if found.uncalibrated and found.happened:
        got = f"{found.uncalibrated} would be predicted right if calibration took nothing off seen classes"
        console.print(got, soft_wrap=True)
    for kind, title in (
        ("speaking", f"Facts of {other} that speak for it"),
        ("failing", f"Facts of {one} that fail to speak for it"),
        ("standing", f"Facts that speak for {one} all the same"),
    ):
        listed: tuple[FactMean, ...] = getattr(found, kind)
        if listed:
            console.print()
            compared = "when right" if found.happened else "in the others"
            _show_facts(survey, listed, title=title, top=top, whose=kind == "standing", other=compared)
    console.print()
    console.print(_sum(found.facts, (), found.parts, found.margin), soft_wrap=True)
    if found.blind:
        from kgzsl.explain.findings import REASONS

        console.print()
        rows = [
            (f"{survey.ontology.label(f.fact.subject)} {f.verbalization}", REASONS[f.reason], _share(f.shown))
            for f in found.blind[:top]
        ]
        print_table(
            ("fact", "why it does not", ">shown"), rows, title="Would tell the two apart, but do not", wide=True
        )
    console.print()


def _show_facts(
    survey: Survey, listed: Sequence[FactMean], *, title: str, top: int, whose: bool = False, other: str = ""
) -> None:
    """Facts with their means; the weakest are one line."""
    shown = sorted(listed, key=lambda f: -abs(f.contribution))[:top]
    shown = [fact for fact in listed if fact in shown]
    usual = bool(other) and any(fact.usual is not None for fact in shown)
    examples = any(fact.most for fact in shown)
    rows = []
    for fact in shown:
        interval = "" if fact.interval is None else " ".join(_signed(end) for end in fact.interval)
        told = (_share(fact.at_work), _share(fact.shown), "" if fact.gate is None else f"{fact.gate:.2f}")
        compared = ("" if fact.usual is None else _signed(fact.usual),) if usual else ()
        ends = (_example(fact),) if examples else ()
        said = _whose(survey, fact) if whose else fact.verbalization
        rows.append((_signed(fact.contribution), interval, *compared, *told, said, *ends))
    columns = (">mean", "95 %", *([f">{other}"] if usual else []), ">at work", ">shown", ">gate", "fact")
    print_table((*columns, *(["most, least"] if examples else [])), rows, title=title, wide=True)
    if (rest := len(listed) - len(shown)) > 0:
        left = sum(fact.contribution for fact in listed) - sum(fact.contribution for fact in shown)
        console.print(f"{_signed(left)}  {rest} weaker {'fact' if rest == 1 else 'facts'} together")


def _show_unused(survey: Survey, unused: Sequence[UnusedFact], *, of_many: bool) -> None:
    """Facts that are never used, by reason."""
    from kgzsl.explain.findings import REASONS

    rows = []
    for reason, because in REASONS.items():
        there = [fact for fact in unused if fact.reason == reason]
        if there:
            names = _counted(survey.ontology.label(f.fact.predicate) for f in there) if of_many else _listed(there)
            rows.append((len(there), because, names))
    if rows:
        columns = (">facts", "why", "properties" if of_many else "which")
        print_table(columns, rows, title="Never used", wide=True)
        console.print()


def _listed(facts: Sequence[UnusedFact]) -> str:
    """Some facts in words, and how many more there are."""
    more = f" and {len(facts) - NAMED} more" if len(facts) > NAMED else ""
    return ", ".join(fact.verbalization for fact in facts[:NAMED]) + more


def _counted(names: Iterable[str]) -> str:
    """The most frequent names, with how often they occur."""
    found = Counter(names).most_common()
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return ", ".join(f"{name} ({count})" for name, count in found[:NAMED]) + more


def _sum(own: Iterable[FactMean], rivals: Iterable[FactMean], parts: Mapping[str, float], margin: float) -> str:
    """How the means add up to the mean margin."""
    sums = [("facts", sum(f.contribution for f in (*own, *rivals))), *parts.items()]
    return "Sum: " + " ".join(f"{_signed(value)} ({name})" for name, value in sums) + f" = {_signed(margin)} (margin)"


def _whose(survey: Survey, fact: FactMean) -> str:
    """A fact in words, with its subject."""
    return f"{survey.ontology.label(fact.fact.subject)} {fact.verbalization}"


def _example(fact: FactMean) -> str:
    """The image that shows a fact most, and the one that shows it least."""
    return ", ".join(Path(side[0].image).name for side in (fact.most, fact.least) if side)


def _share(value: float | None) -> str:
    """In percent; nothing where there is none."""
    return "" if value is None else f"{100 * value:.0f} %"


def _signed(value: float, digits: int = 2) -> str:
    """Fixed decimals with a sign; never a negative zero."""
    return f"{round(value, digits) + 0.0:+.{digits}f}"
