"""``kgzsl ontology``: what an ontology says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from kgzsl.cli import (
    ontology_diff,
    ontology_draw,
    ontology_export,
    ontology_lint,
    ontology_profile,
    ontology_prompt,
    ontology_prove,
    ontology_query,
    ontology_verbalize,
)
from kgzsl.cli.console import Entail, Json, Profile, Reasoner, ReasonerTimeout, console, print_json, print_table
from kgzsl.errors import ConfigError, Problem

__all__ = ["app"]

app = typer.Typer(help="Look into an ontology.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def ontology() -> None:
    """Look into an ontology."""


app.command("lint")(ontology_lint.lint)


@app.command()
def inspect(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Files and folders, read as one ontology; - is standard input.", show_default=False),
    ] = None,
    profile: Profile = "",
    entail: Entail = "el",
    reasoner: Reasoner = "own",
    reasoner_timeout: ReasonerTimeout = 600,
    class_: Annotated[str, typer.Option("--class", help="Show the facts of one class.")] = "",
    format: Annotated[str, typer.Option(help="Format, where the suffix does not tell: turtle, nt, obo ...")] = "",
    catalog: Annotated[Path | None, typer.Option(help="Folder in which imports are looked for.")] = None,
    remote: Annotated[bool, typer.Option("--remote", help="Fetch imports that are not in the catalog.")] = False,
    max_size: Annotated[str, typer.Option(help="What a file may hold after unpacking; 8G when not given.")] = "",
    endpoint: Annotated[str, typer.Option(help="SPARQL endpoint to read from, in place of files.")] = "",
    seed: Annotated[list[str] | None, typer.Option(help="IRI of a term to start from; repeatable.")] = None,
    hops: Annotated[int, typer.Option(help="How far from the seeds to go.", min=1)] = 1,
    json: Json = False,
) -> None:
    """Classes, attributes, facts asserted and entailed, and what was not understood.

    Examples:

      kgzsl ontology inspect ontologies/creatures.ttl

      kgzsl ontology inspect ontologies/creatures.ttl --class "tindra mumbler"

      kgzsl ontology inspect zoo/ --catalog imported/

      zcat zoo.nt.gz | kgzsl ontology inspect - --format nt

      kgzsl ontology inspect --endpoint https://example.org/sparql --seed http://example.org/Zebra --hops 2
    """
    from kgzsl import api
    from kgzsl.ontology.reading.limits import parse_size

    _check_sources(files or [], endpoint, seed or [])
    how: Any = {"profile": profile, "entail": entail, "reasoner": reasoner, "timeout": reasoner_timeout}
    if endpoint:
        found = api.load_endpoint(endpoint, seed or [], hops=hops, **how)
    else:
        found = api.load_ontology(
            *(files or []),
            **how,
            format=format or None,
            catalog=catalog,
            remote=remote,
            max_bytes=parse_size(max_size) if max_size else None,
        )
    summary = _summary(found)
    if class_:
        summary["facts"] = _facts_of(found, class_)
    if json:
        print_json(summary)
        return
    _show(summary)
    if class_:
        rows = [(f["verbalization"], f["status"], f["proof"]) for f in summary["facts"]]
        console.print()
        print_table(("fact", "status", "follows"), rows, title=class_)


app.command()(ontology_diff.diff)
app.command()(ontology_query.query)
app.command()(ontology_prove.prove)
app.command()(ontology_export.export)
app.command()(ontology_verbalize.verbalize)
app.command()(ontology_prompt.prompt)
app.command()(ontology_draw.draw)
app.command()(ontology_profile.profile)


def _check_sources(files: list[Path], endpoint: str, seeds: list[str]) -> None:
    """Either files or an endpoint."""
    if endpoint and files:
        raise ConfigError(Problem("both files and an endpoint", expected="one of them", fix="leave one out"))
    if seeds and not endpoint:
        raise ConfigError(Problem("--seed without --endpoint", fix="give --endpoint URL"))
    if not endpoint and not files:
        raise ConfigError(Problem("no file", expected="FILES or --endpoint URL", fix="kgzsl ontology inspect --help"))


def _summary(found: Any) -> dict[str, Any]:
    """What there is to say of an ontology, JSON-safe."""
    report = found.report
    return {
        "files": list(report.files),
        "formats": list(report.formats),
        "profile": report.profile,
        "profile_reason": report.reason,
        "triples": report.triples,
        "imports": list(report.imports),
        "missing_imports": list(report.missing_imports),
        "classes": len(found.classes),
        "leaves": len(found.leaves),
        "attributes": len(found.attributes),
        "properties": len(found.properties),
        "asserted": {found.label(p): n for p, n in report.asserted.items()},
        "entailed": {found.label(p): n for p, n in report.entailed.items()},
        "annotations": report.annotations,
        "external": report.external,
        "not_understood": dict(report.not_understood),
        "cycles": [[found.label(iri) for iri in cycle] for cycle in report.cycles],
        "contradictions": [
            {"class": found.label(c.subject), "property": found.label(c.predicate), "object": found.label(c.object)}
            for c in report.contradictions
        ],
        "unsatisfiable": [found.label(iri) for iri in report.unsatisfiable],
        "unlisted": report.unlisted,
        "alternatives": len(found.axioms.alternatives),
        "definitions": len(found.axioms.definitions),
        "chains": len(found.axioms.chains),
        "digest": found.digest,
    }


def _facts_of(found: Any, name: str) -> list[dict[str, Any]]:
    """Facts of a class with how each follows, asserted ones first."""
    from kgzsl.semantics import verbalize

    facts = sorted(
        found.facts(subject=found.resolve(name)), key=lambda f: (f.status, f.predicate, f.polarity, f.object)
    )
    return [
        {
            "subject": f.subject,
            "predicate": f.predicate,
            "object": f.object,
            "polarity": f.polarity,
            "status": f.status,
            "verbalization": verbalize(f, found),
            "proof": "" if f.status == "asserted" else _proof_line(found.prove(f), found),
        }
        for f in facts
    ]


def _proof_line(proof: Any, found: Any) -> str:
    """The last rule and the classes it passed through."""
    if proof.rule == "hermit":
        return "hermit: no proof"
    through = dict.fromkeys(found.label(f.subject) for f in proof.asserted())
    return f"{proof.rule}: {' > '.join(through)}"


def _show(summary: dict[str, Any]) -> None:
    """The summary for people."""
    rows = [
        ("files", ", ".join(summary["files"])),
        ("format", ", ".join(dict.fromkeys(summary["formats"]))),
        ("profile", f"{summary['profile']} ({summary['profile_reason']})"),
        ("triples", f"{summary['triples']:,}"),
        ("classes", f"{summary['classes']:,} ({summary['leaves']:,} leaves)"),
        ("attributes", f"{summary['attributes']:,} in {summary['properties']:,} properties"),
        ("annotations", f"{summary['annotations']:,}"),
        ("left out", f"{summary['external']:,} triples about terms outside the profile's scope"),
    ]
    print_table(("", ""), rows)
    console.print()
    names = sorted(summary["asserted"] | summary["entailed"])
    counts = [(n, f"{summary['asserted'].get(n, 0):,}", f"{summary['entailed'].get(n, 0):,}") for n in names]
    total = (sum(summary["asserted"].values()), sum(summary["entailed"].values()))
    counts.append(("all", f"{total[0]:,}", f"{total[1]:,}"))
    print_table(("facts", ">asserted", ">entailed"), counts)
    for title, items in (
        *([("imports", summary["imports"])] if summary["imports"] else []),
        ("missing imports", summary["missing_imports"]),
        ("not understood", [f"{n:,} x {name}" for name, n in summary["not_understood"].items()]),
        ("cycles in the taxonomy", [", ".join(cycle) for cycle in summary["cycles"]]),
        ("contradictions", [f"{c['class']}: {c['property']} {c['object']}" for c in summary["contradictions"]]),
        ("unsatisfiable classes", summary["unsatisfiable"]),
    ):
        console.print()
        if items:
            console.print(f"{title} ({len(items)})")
            for item in items[:20]:
                console.print(f"  {item}", soft_wrap=True, markup=False)
            if len(items) > 20:
                console.print(f"  and {len(items) - 20} more (--json has all)")
        else:
            console.print(f"{title}: none")
