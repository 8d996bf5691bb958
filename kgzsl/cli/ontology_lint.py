"""``kgzsl ontology lint``: which classes cannot work, and why, before anything is trained."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from kgzsl.cli.console import Facts, Json, console, print_json, print_table

if TYPE_CHECKING:
    from kgzsl.ontology import Ontology
    from kgzsl.semantics.lint import Finding, LintReport

__all__ = ["lint"]

SHOWN = 4
"""Of the findings of one check, so many are shown to people."""

_CEILINGS = {
    "all": "all classes",
    "unseen": "unseen classes (CZSL)",
    "unseen, learned": "unseen classes, by attributes in which seen classes differ",
}


def lint(
    files: Annotated[list[Path], typer.Argument(help="Ontology files, read as one.", show_default=False)],
    split: Annotated[str, typer.Option(help="Split file, or FILE:NAME.", show_default=False)] = "",
    classes: Annotated[
        Literal["leaves", "all"] | None,
        typer.Option(help="Classes to recognize; those of the split or, without one, the leaves when not given."),
    ] = None,
    profile: Annotated[str, typer.Option(help="owl or kzsl; detected when not given.")] = "",
    facts: Facts = "properties",
    world: Annotated[Literal["open", "pca", "closed"], typer.Option(help="What to make of the unstated.")] = "pca",
    numbers: Annotated[bool, typer.Option("--numbers", help="Numbers (12 cm) are attributes too.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings count as errors.")] = False,
    json: Json = False,
) -> None:
    """Which classes cannot work in zero-shot learning, and why, before anything is trained.

    Exit status 1 if there is an error (with --strict: or a warning), else 0. What the seen classes can teach is
    checked where a split says which they are; one that names none means all leaves that are not unseen.

    Examples:

      kgzsl ontology lint ontologies/creatures.ttl

      kgzsl ontology lint ontologies/creatures.ttl --split ontologies/creatures_split.json --strict
    """
    from kgzsl import api
    from kgzsl.semantics.lint import lint as examine

    found = api.load_ontology(*files, profile=profile)
    groups = _groups(found, split)
    pool = {"leaves": found.leaves, "all": found.classes}[classes] if classes else None
    report = examine(found, pool, **groups, world=world, numbers=numbers, facts=facts.split(","))
    failed = report.failed(strict=strict)
    if json:
        print_json(_content(report, found, failed=failed))
    else:
        _show(report)
    if failed:
        raise typer.Exit(1)


def _groups(ontology: Ontology, split: str) -> dict[str, tuple[str, ...]]:
    """Seen and unseen classes of a split; a split that names no seen ones means all other leaves."""
    from kgzsl.data.split import read_split

    if not split:
        return {}
    path, _, name = split.partition(":")
    cut = read_split(path, resolve=ontology.resolve, pictured=ontology.leaves, name=name or None)
    return {"seen": cut.seen, "unseen": cut.unseen}


def _content(report: LintReport, ontology: Ontology, *, failed: bool) -> dict[str, Any]:
    """All of a report, JSON-safe."""
    return {
        "files": list(ontology.report.files),
        "profile": ontology.report.profile,
        "world": report.world,
        "classes": report.classes,
        "attributes": report.attributes,
        "seen": report.seen,
        "unseen": report.unseen,
        "ceilings": [
            {"of": c.of, "distinct": c.distinct, "classes": c.classes, "value": c.value} for c in report.ceilings
        ],
        "errors": report.count("error"),
        "warnings": report.count("warning"),
        "notes": report.count("note"),
        "failed": failed,
        "left_out": list(report.left_out),
        "findings": [_finding(f, ontology) for f in report.findings],
    }


def _finding(finding: Finding, ontology: Ontology) -> dict[str, Any]:
    """A finding with the label of every term, JSON-safe."""
    from kgzsl.semantics import verbalize

    def named(terms: Sequence[str]) -> list[dict[str, str]]:
        return [{"iri": term, "label": ontology.label(term)} for term in terms]

    return {
        "code": finding.code,
        "severity": finding.severity,
        "title": finding.title,
        "message": finding.message,
        "why": finding.why,
        "fix": finding.fix,
        "classes": named(finding.classes),
        "attributes": [{"property": a.property, "filler": a.filler} for a in finding.attributes],
        "facts": [
            {
                "subject": f.subject,
                "predicate": f.predicate,
                "object": f.object,
                "polarity": f.polarity,
                "status": f.status,
                "verbalization": verbalize(f, ontology),
            }
            for f in finding.facts
        ],
        "terms": named(finding.terms),
    }


def _show(report: LintReport) -> None:
    """The report for people: a table for each severity, the ceilings, and one line that sums it up."""
    from kgzsl.semantics.lint import SEVERITIES

    for severity in SEVERITIES:
        codes = sorted({f.code for f in report.findings if f.severity == severity})
        if codes:
            title = f"{severity}s ({report.count(severity):,})"
            print_table(
                ("code", "what and which", "why, and what to do"), map(_row, map(report.of, codes)), title=title
            )
    ceilings = [(f"  {_CEILINGS.get(c.of, c.of)}", c) for c in report.ceilings]
    print_table(("ceiling on per-class accuracy by these attributes", ""), ceilings)
    if report.left_out:
        left_out = f"{len(report.left_out)} checks ({report.left_out[0]} to {report.left_out[-1]}) were left out"
        console.print(f"\nno split: {left_out}; --split FILE says which classes are seen", soft_wrap=True)
    console.print(f"\n{_summary(report)}", soft_wrap=True)


def _row(findings: tuple[Finding, ...]) -> tuple[str, str, str]:
    """What one check found."""
    first = findings[0]
    lines = [f"- {f.message}" for f in findings[:SHOWN]]
    if len(findings) > SHOWN:
        lines.append(f"and {len(findings) - SHOWN:,} more (--json has all)")
    return first.code, "\n".join([f"{first.title}:", *lines, ""]), f"{first.why}.\nTo do: {first.fix}.\n"


def _summary(report: LintReport) -> str:
    """One line."""
    from kgzsl.semantics.lint import SEVERITIES

    split = "" if report.unseen is None else f" ({report.seen:,} seen, {report.unseen:,} unseen)"
    counts = ", ".join(f"{n:,} {s}{'' if n == 1 else 's'}" for s in SEVERITIES for n in [report.count(s)])
    return f"{counts}; {report.classes:,} classes{split}, {report.attributes:,} attributes, world {report.world}"
