"""``kgzsl ontology profile``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kgzsl.cli.console import Force, Json, print_json, print_lines

__all__ = ["profile"]


def profile(
    files: Annotated[list[Path], typer.Argument(help="Ontology files, read as one.", show_default=False)],
    name: Annotated[str, typer.Option(help="A name for the profile.")] = "proposed",
    out: Annotated[Path | None, typer.Option(help="Write the profile there, too.", show_default=False)] = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Propose a profile for an unknown ontology, and say why: what each predicate joins and looks like.

    What is printed is TOML with the reasons as comments. Save it, mend it, and give it as
    --profile FILE.toml.

    Examples:

      kgzsl ontology profile animals.ttl

      kgzsl ontology profile animals.ttl --name animals --out animals.toml

      kgzsl ontology inspect animals.ttl --profile animals.toml
    """
    from kgzsl.ontology.profile import dump
    from kgzsl.ontology.propose import propose_for_files
    from kgzsl.ontology.whole import whole_file

    found = propose_for_files(*files, name=name)
    if json:
        predicates = [
            {"predicate": u.predicate, "uses": u.uses, "joins": dict(u.joins), "role": u.role, "reason": u.reason}
            for u in found.predicates
        ]
        lines = []
    else:
        lines = ["# role: uses of predicate, what it joins; why"]
        # What the profile is made of comes first.
        for use in sorted(found.predicates, key=lambda use: use.role in ("none", "annotation")):
            joins = ", ".join(f"{kinds} {count:,}" for kinds, count in use.joins[:2]) + ", ..." * (len(use.joins) > 2)
            lines.append(f"# {use.role}: {use.uses:,} of {use.predicate}, {joins}; {use.reason}")
        lines += ["#", *(f"# {note}" for note in found.notes), "", dump(found.profile)]
    if out is not None:
        with whole_file(out, force=force) as working:
            working.write_text("\n".join(lines) if lines else dump(found.profile), encoding="utf-8")
    if json:
        written = {} if out is None else {"out": str(out)}
        print_json({"profile": dump(found.profile), "predicates": predicates, "notes": list(found.notes)} | written)
    else:
        print_lines(["\n".join(lines).rstrip()])
