"""``kgzsl ontology query``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kgzsl.cli.console import Entail, Json, Profile, Reasoner, ReasonerTimeout, print_json, print_lines
from kgzsl.errors import ConfigError, Problem

if TYPE_CHECKING:
    from kgzsl.ontology import Ontology
    from kgzsl.ontology.query import Answer, Row

__all__ = ["answer_to_json", "print_answer", "query", "query_text"]


def query(
    files: Annotated[list[Path], typer.Argument(help="Ontology files, read as one.", show_default=False)],
    sparql: Annotated[str, typer.Argument(help="SPARQL, or a file that ends in .rq.", show_default=False)],
    facts: Annotated[
        bool, typer.Option("--facts", help="Show the facts behind each row, and how they follow.")
    ] = False,
    profile: Profile = "",
    entail: Entail = "el",
    reasoner: Reasoner = "own",
    reasoner_timeout: ReasonerTimeout = 600,
    json: Json = False,
) -> None:
    """SELECT, ASK, CONSTRUCT and DESCRIBE over what is asserted and entailed.

    Facts are plain triples, class - property - filler, where OWL has restrictions. Names are
    rdfs:label (one for each term) and skos:altLabel, without language.

    Prefixes that need no declaration: ":" is the ontology's own namespace; rdf:, rdfs:, owl:,
    skos:, xsd:, kgzsl:.

    Graphs: GRAPH kgzsl:asserted { ... } and GRAPH kgzsl:entailed { ... } hold the positive
    facts by how they are known, GRAPH kgzsl:negative { ... } what classes lack; without GRAPH,
    all positive facts are asked. Updates and SERVICE are refused.

    Examples:

      kgzsl ontology query ontologies/creatures.ttl "SELECT ?c { ?c :hasHorns :Antlers }" --facts

      kgzsl ontology query animals.ttl "SELECT ?c { GRAPH kgzsl:negative { ?c :hasPart :Horns } }"

      kgzsl ontology query animals.ttl question.rq --json
    """
    from kgzsl import api
    from kgzsl.ontology.query import prefixes
    from kgzsl.ontology.query import query as ask

    found = api.load_ontology(*files, profile=profile, entail=entail, reasoner=reasoner, timeout=reasoner_timeout)
    answer = ask(found, query_text(sparql), facts=facts)
    if json:
        print_json(_to_json(answer, found, facts=facts))
        return
    if not facts or answer.kind == "ask":
        print_answer(answer, found, prefixes(found))
    if facts:
        print_lines(line for row in answer.rows for line in _with_facts(row, answer, found))


def print_answer(answer: Answer, found: Ontology, names: Mapping[str, str]) -> None:
    """An answer for people: true or false, or rows in columns; a row is one line however long, to be searched.

    Args:
        answer: what was found.
        found: whose terms it has.
        names: prefixes that shorten IRIs.
    """
    if answer.kind == "ask":
        print_lines([str(answer.boolean).lower()])
        return
    rows = [[_shown(row.values.get(name, ""), found, names) for name in answer.variables] for row in answer.rows]
    print_lines(_columns([list(answer.variables), *rows]))
    print_lines([f"{len(rows):,} row{'s' * (len(rows) != 1)}"])


def _columns(rows: list[list[str]]) -> list[str]:
    """Cells one below the other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def query_text(sparql: str) -> str:
    """The query itself, or what is in the file."""
    if not sparql.endswith(".rq"):
        return sparql
    try:
        return Path(sparql).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(Problem(f"the query cannot be read ({error})", expected="SPARQL", file=sparql)) from None


def _shown(value: str, found: Ontology, names: Mapping[str, str]) -> str:
    """A value for people: terms by name, and as a query would write them; numbers to six digits."""
    if re.fullmatch(r"-?\d+\.\d{6,}", value):
        return f"{float(value):.6g}"
    if "://" not in value and not value.startswith("urn:"):
        return value
    spaces = [(name, space) for name, space in names.items() if value.startswith(space)]
    name, space = max(spaces, key=lambda item: len(item[1]), default=("", ""))
    short = f"{name}:{value.removeprefix(space)}" if space else f"<{value}>"
    # Terms of RDF and OWL are known by their short names.
    return f"{found.label(value)} ({short})" if value in found.index and (not name or not space) else short


def _with_facts(row: Row, answer: Answer, found: Ontology) -> list[str]:
    """A row, and below it each fact with its argument."""
    from kgzsl.ontology.query import prefixes
    from kgzsl.semantics.argument import argument_lines

    names = prefixes(found)
    values = [f"{name} = {_shown(row.values[name], found, names)}" for name in answer.variables if name in row.values]
    lines = ["  ".join(values)] if values else []
    for fact in row.facts:
        lines += [f"    {line}" for line in argument_lines(found.prove(fact), found)]
    return lines


def answer_to_json(answer: Answer) -> dict[str, Any]:
    """The answer as dicts and lists."""
    rows = [{"values": dict(row.values)} for row in answer.rows]
    content = {"kind": answer.kind, "variables": list(answer.variables), "rows": rows}
    return content if answer.boolean is None else content | {"boolean": answer.boolean}


def _to_json(answer: Answer, found: Ontology, *, facts: bool) -> dict[str, Any]:
    """The same with the facts behind each row."""
    from kgzsl.semantics.argument import argument_to_json

    content = answer_to_json(answer)
    if facts:
        for told, row in zip(content["rows"], answer.rows, strict=True):
            told["facts"] = [argument_to_json(found.prove(fact), found) for fact in row.facts]
    return content
