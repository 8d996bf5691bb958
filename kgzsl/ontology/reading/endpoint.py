"""A SPARQL endpoint: the neighborhood of some terms, from a knowledge graph that stays where it is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import urlencode

from kgzsl.errors import ConfigError, FailureError, Problem
from kgzsl.ontology.ontology import Ontology
from kgzsl.ontology.profile import Profile
from kgzsl.ontology.reading.limits import MIB
from kgzsl.ontology.reading.network import asked
from kgzsl.ontology.reading.triples import Triples
from kgzsl.ontology.vocabulary import BUILT_IN, RDF, RDFS, SKOS, XSD

__all__ = ["EndpointLimits", "read_endpoint"]

_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20<>\"{}|^`\\]+")
_VARIABLE = re.compile(r"\?(\w+)")
_ANSWER = 256 * MIB
_TERMS_A_QUERY = 50
_FACTS = "SELECT ?s ?p ?o WHERE {{ VALUES ?s {{ {terms} }} ?s ?p ?o . FILTER(!isBlank(?o)) }} ORDER BY ?s ?p ?o"
# Blank nodes have no name that a second query could use: what they say must come with them.
_EXPRESSIONS = (
    "SELECT ?s ?p ?b ?q ?o WHERE {{ VALUES ?s {{ {terms} }} ?s ?p ?b . FILTER(isBlank(?b)) ?b ?q ?o }} "
    "ORDER BY ?s ?p ?b ?q ?o"
)
# What the outermost terms are and are called, so that the neighborhood does not end in bare IRIs.
_NAMES = (
    "SELECT ?s ?p ?o WHERE {{ VALUES ?s {{ {terms} }} VALUES ?p {{ {predicates} }} ?s ?p ?o . "
    "FILTER(!isBlank(?o)) }} ORDER BY ?s ?p ?o"
)
_NAMING = (RDF.type, RDFS.label, SKOS.prefLabel, RDFS.subPropertyOf)


@dataclass(frozen=True)
class EndpointLimits:
    """How much is asked of an endpoint.

    Args:
        triples: most triples to take; more is an error, not a silent cut.
        page: rows a query (``LIMIT``); endpoints cut answers off at some number, often 10,000.
        timeout: seconds to wait for an answer.
    """

    triples: int = 100_000
    page: int = 5_000
    timeout: float = 30.0


def read_endpoint(
    url: str,
    seeds: Sequence[str],
    hops: int = 1,
    *,
    profile: str | Profile | None = None,
    limits: EndpointLimits | None = None,
) -> Ontology:
    """Read the neighborhood of some terms as an ontology.

    From the seeds, triples are followed from subject to object ``hops`` times; of the terms
    reached last, and of the properties met on the way, only type and names are taken. Class
    expressions (blank nodes) are taken one level deep: restrictions with a named filler.

    Args:
        url: address of the endpoint, http or https.
        seeds: IRIs of the terms to start from.
        hops: how many triples away from a seed to go.
        profile: ``"owl"``, ``"kzsl"`` or a profile of your own; detected if None.
        limits: how much to ask of the endpoint.

    Raises:
        ConfigError: no seed, a seed that is not an IRI, or more triples than the limit.
        FailureError: the endpoint is down, slow, or does not answer with SPARQL results in JSON.
        NoClassesError: not one class was found.

    Example:
        >>> read_endpoint("https://query.example.org/sparql", ["http://e/Zebra"], hops=2)  # doctest: +SKIP
    """
    from kgzsl.ontology.read import _build

    endpoint = _Endpoint(url, limits or EndpointLimits())
    _check(url, seeds, hops)
    triples = Triples()
    triples.files.append(url)
    triples.formats.append("SPARQL endpoint")
    asked_for: set[str] = set()
    frontier = list(dict.fromkeys(seeds))
    for _ in range(hops):
        asked_for.update(frontier)
        rows = [row for terms in _groups(frontier) for row in endpoint.neighbors(terms)]
        for row in rows:
            triples.add(*row)
        frontier = _unasked((object for _, _, object in rows), asked_for)
    edge = _unasked((triples.terms[t] for triple in triples for t in triple[:3]), asked_for)
    for terms in _groups(edge):
        for row in endpoint.names(terms):
            triples.add(*row)
    return _build(triples, profile)


def _unasked(terms: Iterable[str], asked_for: set[str]) -> list[str]:
    """The IRIs among some terms that were not asked for yet, without those of RDF and OWL themselves."""
    found = dict.fromkeys(t for t in terms if t not in asked_for and not t.startswith(BUILT_IN))
    return [term for term in found if _IRI.fullmatch(term)]


def _check(url: str, seeds: Sequence[str], hops: int) -> None:
    """Everything that is wrong with what the user asked for."""
    problems = []
    if not seeds:
        problems.append(Problem("no seed", expected="IRIs of terms to start from", fix="give --seed IRI", file=url))
    for seed in seeds:
        if not _IRI.fullmatch(seed):
            problems.append(Problem(f"seed {seed!r} is not an IRI", expected="such as http://example.org/Zebra"))
    if hops < 1:
        problems.append(Problem(f"{hops} hops", expected="1 or more"))
    if problems:
        raise ConfigError(problems)


@dataclass
class _Endpoint:
    """Queries, page by page, with all that can go wrong."""

    url: str
    limits: EndpointLimits
    taken: int = 0

    def neighbors(self, terms: Sequence[str]) -> Iterator[tuple[str, str, str]]:
        """All triples of some subjects, and those of the blank nodes that they lead to."""
        for row in self._rows(_FACTS.format(terms=_iris(terms))):
            yield _term(row["s"]), _term(row["p"]), _term(row["o"])
        for term in terms:
            # One page: a server may name a blank node anew in every answer.
            for row in self._rows(_EXPRESSIONS.format(terms=_iris([term])), pages=1):
                blank = _term(row["b"])
                yield _term(row["s"]), _term(row["p"]), blank
                yield blank, _term(row["q"]), _term(row["o"])

    def names(self, terms: Sequence[str]) -> Iterator[tuple[str, str, str]]:
        """Types and names of some subjects."""
        for row in self._rows(_NAMES.format(terms=_iris(terms), predicates=_iris(_NAMING))):
            yield _term(row["s"]), _term(row["p"]), _term(row["o"])

    def _rows(self, query: str, pages: int | None = None) -> Iterator[Mapping[str, Any]]:
        """The rows of a query, page by page."""
        page = self.limits.page
        offset = 0
        while pages is None or offset < pages * page:
            rows = self._ask(f"{query} LIMIT {page} OFFSET {offset}")
            self.taken += len(rows)
            if self.taken > self.limits.triples:
                got, fix = f"more than {self.limits.triples:,} triples", "go fewer hops, or take fewer seeds"
                raise ConfigError(Problem(got, fix=f"{fix}, or raise the limit", file=self.url))
            yield from rows
            if len(rows) < page:
                return
            offset += page

    def _ask(self, query: str) -> list[Mapping[str, Any]]:
        """One query's bindings."""
        accept = "application/sparql-results+json, application/json;q=0.9"
        fix = "check the address, or try later"
        body = urlencode({"query": query}).encode()
        with asked(self.url, accept=accept, fix=fix, timeout=self.limits.timeout, data=body) as answer:
            blocks, size = [], 0
            while block := answer.read(65536):
                blocks.append(block)
                size += len(block)
                if size > _ANSWER:
                    raise FailureError(
                        Problem("an answer of more than 256 MiB", fix="take smaller pages", file=self.url)
                    )
            text = b"".join(blocks)
        names = _VARIABLE.findall(query.partition("WHERE")[0])
        expected = "SPARQL results in JSON"
        try:
            rows = json.loads(text)["results"]["bindings"]
            return [{name: _checked(row[name]) for name in names} for row in rows]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            head = " ".join(text[:200].decode("utf-8", "replace").split())[:80]
            got = f"it answered {answer.kind}: {head!r}" if text else "it answered nothing"
            raise FailureError(Problem(got, expected=expected, fix=fix, file=self.url)) from error


def _checked(value: Any) -> Mapping[str, Any]:
    """A value that is a term; TypeError or KeyError if it is none."""
    if not isinstance(value["value"], str) or not isinstance(value["type"], str):
        raise TypeError(value)
    return value


def _term(value: Mapping[str, Any]) -> str:
    """A value of SPARQL's JSON as :class:`~kgzsl.ontology.reading.triples.Triples` writes it."""
    text = str(value["value"])
    if value["type"] == "uri":
        return text
    if value["type"] == "bnode":
        return f"_:0.{text}"
    language = value.get("xml:lang")
    return f'"{text}"@{language}' if language else f'"{text}"^^{value.get("datatype") or XSD.string}'


def _iris(terms: Iterable[str]) -> str:
    """Terms as SPARQL writes them."""
    return " ".join(f"<{term}>" for term in terms)


def _groups(terms: Iterable[str]) -> Iterator[list[str]]:
    """Terms in groups that fit into a query."""
    rest = iter(terms)
    while group := list(islice(rest, _TERMS_A_QUERY)):
        yield group
