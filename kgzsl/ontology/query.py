"""SPARQL over what an ontology asserts and entails, and from each answer back to its facts.

A query sees plain triples, class - property - filler, where OWL has restrictions, so that it
is short: ``SELECT ?class { ?class :hasPart :Hooves }``. Its default graph holds all positive
facts, asserted and entailed, the taxonomy (closed), and every name as ``rdfs:label``
(preferred) or ``skos:altLabel``. Named graphs hold parts of it:

- ``kgzsl:asserted`` and ``kgzsl:entailed``: positive facts by how they are known;
- ``kgzsl:negative``: what a class is stated or entailed to lack. It is no part of the
  default graph, because there a triple would read as its opposite.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

import numpy as np

from kgzsl.errors import ConfigError, ParseError, Problem
from kgzsl.ontology.axioms import is_anonymous
from kgzsl.ontology.facts import Fact
from kgzsl.ontology.ontology import Ontology
from kgzsl.ontology.vocabulary import OWL, RDF, RDFS, SKOS, XSD, is_literal, lexical_form

if TYPE_CHECKING:
    import pyoxigraph

__all__ = ["GRAPHS", "KGZSL", "Answer", "Row", "Sparql", "iri_node", "prefixes", "query", "term_node"]

KGZSL = "urn:kgzsl:"
"""Where the names of graphs and of all that has no IRI of its own begin."""
GRAPHS = {name: f"{KGZSL}{name}" for name in ("asserted", "entailed", "negative")}

# What is no keyword: IRIs, strings, comments, variables, local names. Left to right, longest first.
_OPAQUE = re.compile(
    r"""<[^<>"{}|^`\\\x00-\x20]*>"""
    r'''|"""(?:[^\\]|\\.)*?"""'''
    r"""|'''(?:[^\\]|\\.)*?'''"""
    r'''|"(?:[^"\\\n\r]|\\.)*"'''
    r"""|'(?:[^'\\\n\r]|\\.)*'"""
    r"""|\#[^\n\r]*"""
    r"""|[?$][A-Za-z0-9_]+"""
    r"""|:[A-Za-z0-9_-]+""",
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})")


@dataclass(frozen=True)
class Row:
    """One row of an answer.

    Args:
        values: variable -> IRI, or the lexical form of a literal; what is unbound is left out.
        facts: the facts that the query's triples became in this row; empty unless traced.
    """

    values: Mapping[str, str]
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True)
class Answer:
    """What a query found.

    Args:
        kind: ``select``, ``ask`` or ``construct`` (also for DESCRIBE).
        variables: names of the columns; ``subject``, ``predicate``, ``object`` for triples.
        rows: the rows; for ASK none, or one without values that holds the facts.
        boolean: the answer to ASK.
    """

    kind: Literal["select", "ask", "construct"]
    variables: tuple[str, ...]
    rows: tuple[Row, ...]
    boolean: bool | None = None


def prefixes(ontology: Ontology) -> dict[str, str]:
    """The prefixes that a query need not declare: ``:`` is the namespace of most classes.

    Example:
        >>> from kgzsl.ontology import parse_ontology
        >>> o = parse_ontology("@prefix : <http://e/#> . :Zebra a <http://www.w3.org/2002/07/owl#Class> .")
        >>> prefixes(o)[""], sorted(prefixes(o))
        ('http://e/#', ['', 'kgzsl', 'owl', 'rdf', 'rdfs', 'skos', 'xsd'])
    """
    known = {"rdf": str(RDF), "rdfs": str(RDFS), "owl": str(OWL), "skos": str(SKOS), "xsd": str(XSD), "kgzsl": KGZSL}
    spaces = Counter(_namespace(iri) for iri in (*ontology.classes, *ontology.attributes, *ontology.properties))
    return {"": min(spaces, key=lambda space: (-spaces[space], space))} | known if spaces else known


def query(ontology: Ontology, sparql: str, *, facts: bool = False) -> Answer:
    """Ask an ontology (entail it first: inherited facts count).

    Args:
        ontology: whom to ask.
        sparql: SELECT, ASK, CONSTRUCT or DESCRIBE; :func:`prefixes` need not be declared.
        facts: also trace each row to its facts.

    Raises:
        ParseError: malformed SPARQL; names the line.
        ConfigError: an update, or SERVICE, which would go to the network.

    Example:
        >>> from kgzsl.ontology import parse_ontology
        >>> o = parse_ontology('''@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
        ... @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . :hasPart a owl:ObjectProperty .
        ... :Equine a owl:Class ; :hasPart :Hooves . :Zebra a owl:Class ; rdfs:subClassOf :Equine .''').entail()
        >>> answer = query(o, "SELECT ?who { ?who :hasPart :Hooves } ORDER BY ?who", facts=True)
        >>> [(row.values["who"], row.facts[0].status) for row in answer.rows]
        [('http://e/#Equine', 'asserted'), ('http://e/#Zebra', 'entailed')]
    """
    return Sparql(ontology).query(sparql, facts=facts)


class Sparql:
    """An ontology ready for queries: its triples are loaded once, on the first one.

    Args:
        ontology: whom to ask.
        beside: further triples of the default graph.
        names: prefixes that a query need not declare, beside those of :func:`prefixes`.
    """

    def __init__(
        self, ontology: Ontology, *, beside: Iterable[pyoxigraph.Triple] = (), names: Mapping[str, str] | None = None
    ) -> None:
        self.ontology = ontology
        self.beside = beside
        self.prefixes = prefixes(ontology) | dict(names or {})

    def check(self, sparql: str) -> None:
        """Raise what :meth:`query` would of the query's text, before the triples are there."""
        import pyoxigraph

        _refuse(sparql)
        try:
            pyoxigraph.Store().query(sparql, prefixes=self.prefixes)
        except SyntaxError as error:
            raise _syntax(error) from error

    def query(self, sparql: str, *, facts: bool = False) -> Answer:
        """As :func:`query`."""
        import pyoxigraph

        _refuse(sparql)
        try:
            found = self._run(sparql)
            if isinstance(found, pyoxigraph.QueryBoolean):
                rows = self._traced_ask(sparql) if facts and bool(found) else ()
                return Answer("ask", (), rows, bool(found))
            if isinstance(found, pyoxigraph.QueryTriples):
                triples = tuple(self._triple(t, facts=facts) for t in found)
                return Answer("construct", ("subject", "predicate", "object"), triples)
            variables = tuple(v.value for v in found.variables)
            if re.search(
                r"\bSELECT\s+((DISTINCT|REDUCED)\s+)?\*", _masked(sparql), re.IGNORECASE
            ):  # the engine gives them in no order
                variables = tuple(sorted(variables))
            solutions = [self._values(solution, variables) for solution in found]
        except SyntaxError as error:
            raise _syntax(error) from error
        if not facts:
            return Answer("select", variables, tuple(map(Row, solutions)))
        trace = _Trace(self, sparql, variables)
        return Answer("select", variables, tuple(Row(values, trace.facts(values)) for values in solutions))

    def _run(self, sparql: str) -> Any:
        """What the engine answers."""
        return self._store.query(sparql, prefixes=self.prefixes)

    @cached_property
    def _store(self) -> pyoxigraph.Store:
        """The triples, in graphs by how they are known."""
        from pyoxigraph import DefaultGraph, NamedNode, Quad, Store

        ontology, c, terms = self.ontology, self.ontology.columns, self.ontology.terms
        graphs = {name: NamedNode(iri) for name, iri in GRAPHS.items()}
        # Facts of class expressions without a name are no one's to ask for.
        hidden = np.array([is_anonymous(term) for term in terms], dtype=bool)

        def quads() -> Iterator[Quad]:
            for row in np.flatnonzero(~(hidden[c.subject] | hidden[c.object])).tolist():
                subject, predicate = self._node(terms[c.subject[row]]), self._node(terms[c.predicate[row]])
                triple = (subject, predicate, self._node(terms[c.object[row]]))
                if c.negative[row]:
                    yield Quad(*triple, graphs["negative"])
                    continue
                yield Quad(*triple, DefaultGraph())
                yield Quad(*triple, graphs["entailed" if c.source[row] < 0 else "asserted"])
            for iri in {*ontology.classes, *ontology.attributes, *ontology.properties, *ontology.labels}:
                names = ontology.labels.get(iri) or (ontology.label(iri),)
                for k, name in enumerate(names):
                    predicate = NamedNode(SKOS.altLabel if k else RDFS.label)
                    yield Quad(self._node(iri), predicate, self._node(f'"{name}"^^{XSD.string}'), DefaultGraph())
            yield from (Quad(t.subject, t.predicate, t.object, DefaultGraph()) for t in self.beside)

        store = Store()
        store.bulk_extend(quads())
        return store

    @cached_property
    def _nodes(self) -> dict[str, Any]:
        """Term -> node; filled as terms are met."""
        return {}

    def _node(self, term: str) -> Any:
        """A term as the engine has it."""
        if term not in self._nodes:
            self._nodes[term] = term_node(term)
        return self._nodes[term]

    @cached_property
    def _term_of(self) -> dict[str, str]:
        """IRI as the engine has it -> term, where they differ."""
        return {node.value: term for term, node in self._nodes.items() if not is_literal(term) and node.value != term}

    def _text(self, node: Any) -> str:
        """A node as facts show it."""
        value = getattr(node, "value", None)
        return str(node) if value is None else self._term_of.get(value, value)

    def _values(self, solution: Any, variables: tuple[str, ...]) -> dict[str, str]:
        """The bound variables of a solution."""
        return {name: self._text(solution[name]) for name in variables if solution[name] is not None}

    def _triple(self, triple: Any, *, facts: bool) -> Row:
        """A constructed triple; its fact is the one that says the same, if there is one."""
        values = {k: self._text(getattr(triple, k)) for k in ("subject", "predicate", "object")}
        subject, predicate, object = values.values()
        return Row(values, tuple(self.ontology.facts(subject, predicate, object, polarity="positive")) if facts else ())

    def _traced_ask(self, sparql: str) -> tuple[Row, ...]:
        """The facts behind the first solution of ASK."""
        return (Row({}, _Trace(self, sparql, ()).facts({}, first=True)),)


def term_node(term: str) -> pyoxigraph.NamedNode | pyoxigraph.Literal:
    """A term of an ontology, an IRI or a literal, as a node of pyoxigraph.

    Example:
        >>> print(term_node("http://e/#odd name"), term_node('"12"^^http://www.w3.org/2001/XMLSchema#integer'))
        <http://e/#odd%20name> "12"^^<http://www.w3.org/2001/XMLSchema#integer>
    """
    import pyoxigraph

    if not is_literal(term):
        return iri_node(term)
    text, mark = lexical_form(term), term[term.rindex('"') + 1 :]
    datatype = pyoxigraph.NamedNode(mark[2:]) if mark.startswith("^^") else None
    return pyoxigraph.Literal(text, datatype=datatype, language=mark[1:] if mark.startswith("@") else None)


def iri_node(iri: str) -> pyoxigraph.NamedNode:
    """An IRI as a node of pyoxigraph; characters that are not allowed in one are percent-encoded."""
    import pyoxigraph

    try:
        return pyoxigraph.NamedNode(iri)
    except ValueError:
        encoded = quote(iri, safe="/:#?&=+,;@%~")
    try:
        return pyoxigraph.NamedNode(encoded)
    except ValueError:  # not even the beginning of one
        return pyoxigraph.NamedNode(f"{KGZSL}term:{encoded}")


class _Trace:
    """From the rows of one query to their facts: its pattern is solved again with all variables kept."""

    def __init__(self, engine: Sparql, sparql: str, variables: tuple[str, ...]) -> None:
        self.engine = engine
        self.patterns = tuple(_patterns(sparql, engine.prefixes))
        solutions = engine._run(_keep_all(sparql))
        every = tuple(v.value for v in solutions.variables)
        # A computed column (a count) is no variable of the pattern.
        self.shared = tuple(name for name in variables if name in every)
        self.solutions: dict[tuple[str | None, ...], list[dict[str, str]]] = defaultdict(list)
        for solution in solutions:
            values = engine._values(solution, every)
            self.solutions[self._key(values)].append(values)

    def _key(self, values: Mapping[str, str]) -> tuple[str | None, ...]:
        """What a row and the solutions behind it have in common."""
        return tuple(values.get(name) for name in self.shared)

    def facts(self, values: Mapping[str, str], *, first: bool = False) -> tuple[Fact, ...]:
        """The facts behind a row, in the order of the pattern."""
        fitting = self.solutions.get(self._key(values), [])
        found: dict[Fact, None] = {}
        for solution in fitting[: 1 if first else None]:
            for graph, triple in self.patterns:
                bound = [solution.get(t[1:]) if t.startswith("?") else t for t in triple]
                where = solution.get(graph[1:]) if graph.startswith("?") else graph
                if None not in bound:
                    polarity: Any = "negative" if where == GRAPHS["negative"] else "positive"
                    subject, predicate, object = bound
                    found |= dict.fromkeys(self.engine.ontology.facts(subject, predicate, object, polarity=polarity))
        return tuple(found)


def _masked(sparql: str) -> str:
    """The query with everything that is no keyword blanked out, letter for letter."""
    return _OPAQUE.sub(lambda found: " " * len(found[0]), sparql)


def _refuse(sparql: str) -> None:
    """Refuse what writes and what reaches out; in doubt, too: no name may look like SERVICE."""
    unescaped = _ESCAPE.sub(lambda found: chr(min(int(found[1] or found[2], 16), 0x10FFFF)), sparql)
    for text in (sparql, unescaped):
        masked = _masked(text).upper()
        if "SERVICE" in masked:
            got = "SERVICE would ask another machine"
            raise ConfigError(Problem(got, expected="a query over this ontology alone", fix="leave SERVICE out"))
        start = re.match(r"(?:\s|BASE|PREFIX|[A-Z0-9._-]*:)*", masked)
        word = re.match(r"[A-Z]+", masked[start.end() :] if start else masked)
        if word and word[0] in {"INSERT", "DELETE", "LOAD", "CLEAR", "CREATE", "DROP", "COPY", "MOVE", "ADD", "WITH"}:
            got = f"{word[0]} is an update, and an ontology does not change"
            raise ConfigError(Problem(got, expected="SELECT, ASK, CONSTRUCT or DESCRIBE"))


def _syntax(error: SyntaxError) -> ParseError:
    """The engine's complaint, short, with its line."""
    message = " ".join(str(error).split())
    place = re.match(r"error at (\d+):(\d+): ", message)
    message = message[place.end() :] if place else message
    if len(message) > 200:
        message = message[:200].rpartition(",")[0] + ", ..."
    column = f"column {place[2]}: " if place else ""
    problem = Problem(
        f"{column}{message}", fix="write a valid SPARQL query", file="query", line=int(place[1]) if place else None
    )
    return ParseError(problem)


def _keep_all(sparql: str) -> str:
    """``SELECT * WHERE {...}`` with the prologue and the pattern of a query, without its modifiers."""
    masked = _masked(sparql)
    start = re.search(r"\b(SELECT|ASK)\b(?!\s*:)", masked, flags=re.IGNORECASE)
    opening = masked.index("{", start.end() if start else 0)
    if re.search(r"\bFROM\b", masked[start.end() if start else 0 : opening], flags=re.IGNORECASE):
        raise ConfigError(Problem("a query with FROM cannot be traced to facts", fix="write GRAPH in the pattern"))
    depth = 0
    for position in range(opening, len(masked)):
        depth += {"{": 1, "}": -1}.get(masked[position], 0)
        if not depth:
            break
    return f"{sparql[: start.start() if start else 0]}SELECT * WHERE {sparql[opening : position + 1]}"


def _patterns(sparql: str, known: Mapping[str, str]) -> Iterator[tuple[str, tuple[str, str, str]]]:
    """The triple patterns that must (or may) hold: graph, and subject, predicate, object; variables as ``?x``."""
    from rdflib.plugins.sparql.algebra import translateQuery
    from rdflib.plugins.sparql.parser import parseQuery

    try:
        algebra = translateQuery(parseQuery(sparql), initNs=dict(known)).algebra
    except Exception as error:  # rdflib raises what its parser happens to raise
        got = "the query is answered, but cannot be traced to facts"
        raise ConfigError(Problem(got, fix="ask without the facts, or write it in SPARQL 1.1")) from error
    yield from _walk(algebra, "")


def _walk(node: Any, graph: str) -> Iterator[tuple[str, tuple[str, str, str]]]:
    """Patterns below a node of rdflib's algebra; what is excluded (MINUS, NOT EXISTS) is no reason for a row."""
    from rdflib import BNode, URIRef
    from rdflib.paths import MulPath
    from rdflib.term import Identifier, Variable

    def name(term: Any) -> str | None:
        if isinstance(term, MulPath) and isinstance(term.path, URIRef):
            return str(term.path)  # the taxonomy is closed: a path of it is one fact
        if not isinstance(term, Identifier) or isinstance(term, BNode):
            return None
        return f"?{term}" if isinstance(term, Variable) else str(term)

    if getattr(node, "name", "") == "BGP":
        for triple in node.triples:
            subject, predicate, object = map(name, triple)
            if subject is not None and predicate is not None and object is not None:
                yield graph, (subject, predicate, object)
    elif getattr(node, "name", "") == "Graph":
        yield from _walk(node.p, name(node.term) or graph)
    elif hasattr(node, "name"):
        for part in ("p", "p1", "p2"):
            if part in node and not (part == "p2" and node.name == "Minus"):
                yield from _walk(node[part], graph)


def _namespace(iri: str) -> str:
    """What stands before the local name."""
    return re.sub(r"[^#/:]*\Z", "", iri)
