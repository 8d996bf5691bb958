"""``kgzsl query``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from kgzsl.cli.console import Json, listening, print_json, run_to_ask
from kgzsl.cli.ontology_query import answer_to_json, print_answer, query_text

__all__ = ["query"]


def query(
    run: Annotated[Path, typer.Argument(help="Run folder.", show_default=False)],
    sparql: Annotated[str, typer.Argument(help="SPARQL, or a file that ends in .rq.", show_default=False)],
    image: Annotated[
        list[Path] | None,
        typer.Option(help="An image file, or a folder of them; again for more.", show_default=False),
    ] = None,
    split: Annotated[
        Literal["test", "test_unseen", "test_seen"] | None,
        typer.Option(help="Images of the run's own data; test is both parts.", show_default=False),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=1, help="Images at most, evenly over all of them; all when not given.", show_default=False),
    ] = None,
    proofs: Annotated[
        bool, typer.Option("--proofs", help="Proofs of all facts, and not only of those in explanations.")
    ] = False,
    ontology: Annotated[Path | None, typer.Option(help="Where the run's ontology is now.", show_default=False)] = None,
    extended: Annotated[
        Path | None, typer.Option(help="An ontology with further classes, to know them too.", show_default=False)
    ] = None,
    json: Json = False,
) -> None:
    """SPARQL over a run: its ontology, its predictions for images, and the facts that drove them.

    The ontology is as in `kgzsl ontology query`, asserted and entailed. Under why: there are the run, its
    why:SeenClass and why:UnseenClass, and for each image (--image, --split) a why:Prediction and a why:Explanation with
    contributions, facts and proofs; docs/explaining.md lists the terms. An image in a folder that has the name of a
    class is why:labeled with it.

    Which facts of unseen classes drove most predictions; images taken for one class that are of another, and what
    spoke for it; entailed facts by the rule of their last step:

    \b
      kgzsl query runs/creatures --split test_unseen "SELECT ?says (COUNT(*) AS ?images) {
        ?e why:explained ?class ; why:contribution ?k . ?class a why:UnseenClass .
        ?k why:rank 1 ; why:fact/rdfs:label ?says
      } GROUP BY ?says ORDER BY DESC(?images) LIMIT 10"

    \b
      kgzsl query runs/creatures --split test "SELECT ?image ?says ?value {
        ?p why:predicted :YarrowPiper ; why:image ?i . ?i why:labeled :BasaltRammer ; rdfs:label ?image .
        ?e why:explains ?p ; why:contribution ?k . ?k why:value ?value ; why:fact/rdfs:label ?says
        FILTER(?value > 0)
      } ORDER BY ?image DESC(?value)"

    \b
      kgzsl query runs/creatures --proofs "SELECT ?rule (COUNT(*) AS ?facts) {
        ?fact why:status 'entailed' ; why:proof/why:rule ?rule
      } GROUP BY ?rule ORDER BY DESC(?facts)"

    Examples:

      kgzsl query runs/zoo question.rq --image pictures --json

      kgzsl query runs/zoo "DESCRIBE ?e { ?e a why:Explanation }" --image a.png --image b.png
    """
    from kgzsl import api
    from kgzsl.explain.rdf import NAMES
    from kgzsl.ontology.query import prefixes

    text = query_text(sparql)
    trained = run_to_ask(run, ontology=ontology, extended=extended, quiet=json)
    with listening(quiet=json) as listener:
        answer = api.query(
            trained, text, images=image or (), split=split, limit=limit, proofs=proofs, listener=listener
        )
    if json:
        print_json(answer_to_json(answer))
    else:
        print_answer(answer, trained.ontology, prefixes(trained.ontology) | NAMES)
