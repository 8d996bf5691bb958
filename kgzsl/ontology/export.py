"""An ontology in other programs' formats: Turtle, K-ZSL's table, GraphML."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kgzsl.errors import OntologyError, Problem
from kgzsl.ontology.axioms import is_anonymous
from kgzsl.ontology.facts import Fact
from kgzsl.ontology.ontology import Ontology
from kgzsl.ontology.query import prefixes
from kgzsl.ontology.vocabulary import BUILT_IN, OWL, RDF, RDFS, SKOS, XSD, is_literal, lexical_form
from kgzsl.ontology.whole import whole_file

if TYPE_CHECKING:
    import networkx

__all__ = ["fact_graph", "to_kzsl_table", "to_turtle", "write_graphml", "write_kzsl_table", "write_turtle"]

# Of K-ZSL's tables, whose prefixes are declared nowhere.
_TABLE_PREFIXES = {
    "http://www.semanticweb.org/ontologies/AwA#": "AwA",
    "http://www.semanticweb.org/ontologies/ImNet-A#": "ImNet-A",
    "http://www.semanticweb.org/ontologies/ImNet-O#": "ImNet-O",
    "http://www.semanticweb.org/ontologies/ConceptNet#": "cn",
    str(RDFS): "rdfs",
    str(OWL): "owl",
}


def to_turtle(ontology: Ontology) -> str:
    """All facts as OWL in Turtle, a class after the other, entailed ones marked by a comment.

    A positive fact becomes ``subClassOf [some]`` (``[value]`` for a literal or an individual),
    a negative one ``subClassOf [complementOf ...]``: read under the owl profile, the same
    facts come back, all of them asserted. Where links lead out to terms that the ontology does not
    describe (K-ZSL's ``sameAs``), that profile reads those as classes, too.

    Example:
        >>> from kgzsl.ontology import parse_ontology
        >>> o = parse_ontology('''@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
        ... :hasPart a owl:ObjectProperty . :Zebra a owl:Class ; :hasPart :Hooves .''')
        >>> print(to_turtle(o))  # doctest: +ELLIPSIS
        @prefix : <http://e/#> .
        ...
        :Zebra a owl:Class ;
            rdfs:subClassOf [ a owl:Restriction ; owl:onProperty :hasPart ; owl:someValuesFrom :Hooves ] .
        ...
    """
    known = {name: iri for name, iri in prefixes(ontology).items() if name != "kgzsl"}
    writer = _Turtle(ontology, known)
    head = "".join(f"@prefix {name}: {_bracketed(iri)} .\n" for name, iri in known.items())
    return head + "".join(writer.blocks())


class _Turtle:
    """Terms and facts in Turtle."""

    def __init__(self, ontology: Ontology, known: dict[str, str]) -> None:
        self.ontology = ontology
        # The longest namespace first: one may begin with another.
        self.known = sorted(known.items(), key=lambda item: -len(item[1]))
        self.individuals = {f.subject for f in ontology.facts(predicate=RDF.type)}
        c, terms = ontology.columns, ontology.terms
        pairs = zip(c.predicate.tolist(), c.object.tolist(), strict=True)
        self.literal_properties = {terms[p] for p, o in pairs if is_literal(terms[o])}

    def blocks(self) -> Iterator[str]:
        """One block for each term, classes before attributes before properties before all others."""
        c, terms = self.ontology.columns, self.ontology.terms
        rows: dict[str, list[int]] = defaultdict(list)
        for row in range(len(c)):
            if not is_anonymous(terms[c.subject[row]]):
                rows[terms[c.subject[row]]].append(row)
        ontology = self.ontology
        kinds = {
            p: OWL.DatatypeProperty if p in self.literal_properties else OWL.ObjectProperty for p in ontology.properties
        }
        kinds = dict.fromkeys((*ontology.classes, *ontology.attributes), OWL.Class) | kinds
        kinds |= dict.fromkeys(self.individuals, OWL.NamedIndividual)
        for iri in (*kinds, *sorted({*rows, *ontology.labels} - kinds.keys())):
            lines = [(f"a {self.term(kinds[iri])}", False)] if iri in kinds else []
            for k, name in enumerate(ontology.labels.get(iri, ())):
                lines.append((f"{self.term(SKOS.altLabel if k else RDFS.label)} {_quoted(name)}", False))
            for row in sorted(rows.get(iri, ()), key=lambda row: (c.source[row] < 0, row)):
                lines.append((self.statement(row), bool(c.source[row] < 0)))
            if not lines:
                continue
            ends = [" ;"] * (len(lines) - 1) + [" ."]
            text = "\n    ".join(
                f"{line}{end}{'  # entailed' if entailed else ''}"
                for (line, entailed), end in zip(lines, ends, strict=True)
            )
            yield f"\n{self.term(iri)} {text}\n"
        yield from (f"\n{axiom} .\n" for axiom in (*self.axioms(), *self.degrees()))

    def axioms(self) -> Iterator[str]:
        """Definitions, chains, inverse and symmetric properties."""
        axioms, terms = self.ontology.axioms, self.ontology.terms
        for d in axioms.definitions:
            if not is_anonymous(terms[d.then]):
                yield f"{self.conjunction(d.named, d.has)} rdfs:subClassOf {self.node(d.then)}"
        parts = {c.then: c for c in axioms.chains if is_anonymous(terms[c.then])}

        def flat(property: int) -> str:
            chain = parts.get(property)
            return self.node(property) if chain is None else f"{flat(chain.first)} {flat(chain.second)}"

        for c in axioms.chains:
            if c.first == c.second == c.then:
                yield f"{self.node(c.then)} a owl:TransitiveProperty"
            elif not is_anonymous(terms[c.then]):
                yield f"{self.node(c.then)} owl:propertyChainAxiom ( {flat(c.first)} {flat(c.second)} )"
        for m in axioms.mirrors:
            symmetric = m.property == m.inverse
            said = "a owl:SymmetricProperty" if symmetric else f"owl:inverseOf {self.node(m.inverse)}"
            yield f"{self.node(m.property)} {said}"

    def degrees(self) -> Iterator[str]:
        """Degrees of facts as annotations of their axioms."""
        c = self.ontology.columns
        for row in np.flatnonzero(c.strength < 1).tolist():
            predicate, object = self.statement(row).split(" ", 1)
            yield (
                f"[ a owl:Axiom ; owl:annotatedSource {self.node(int(c.subject[row]))} ; "
                f"owl:annotatedProperty {predicate} ; owl:annotatedTarget {object} ; "
                f"<https://kgzsl.github.io/vocabulary#strength> {float(c.strength[row]):.6g} ]"
            )
            if object.startswith("_:"):
                yield f"{object} {self.expression(row)[2:-2]}"

    def node(self, term: int) -> str:
        """A term; an expression without a name by its parts."""
        name = self.ontology.terms[term]
        if not is_anonymous(name):
            return self.term(name)
        definition = next(d for d in self.ontology.axioms.definitions if d.then == term)
        return self.conjunction(definition.named, definition.has)

    def conjunction(self, named: tuple[int, ...], has: tuple[tuple[int, int], ...]) -> str:
        """All of these together."""
        parts = [*map(self.node, named), *(self.restriction(p, f) for p, f in has)]
        return parts[0] if len(parts) == 1 else f"[ a owl:Class ; owl:intersectionOf ( {' '.join(parts)} ) ]"

    def restriction(self, property: int, filler: int) -> str:
        """``property some filler``, or ``value``."""
        name = self.ontology.terms[filler]
        kind = OWL.hasValue if is_literal(name) or name in self.individuals else OWL.someValuesFrom
        return f"[ a owl:Restriction ; owl:onProperty {self.node(property)} ; {self.term(kind)} {self.node(filler)} ]"

    def statement(self, row: int) -> str:
        """Predicate and object of a fact."""
        c, terms = self.ontology.columns, self.ontology.terms
        predicate, negative = terms[c.predicate[row]], bool(c.negative[row])
        if predicate.startswith(BUILT_IN):
            return f"{self.term(OWL.disjointWith if negative else predicate)} {self.node(int(c.object[row]))}"
        if terms[c.subject[row]] in self.individuals and not negative:
            return f"{self.term(predicate)} {self.node(int(c.object[row]))}"
        # What has a degree needs a name, so that the degree can be said of it.
        return f"rdfs:subClassOf {f'_:fact{row}' if c.strength[row] < 1 else self.expression(row)}"

    def expression(self, row: int) -> str:
        """What a fact says of its class, as a class expression."""
        c = self.ontology.columns
        said = self.restriction(int(c.predicate[row]), int(c.object[row]))
        return f"[ a owl:Class ; owl:complementOf {said} ]" if c.negative[row] else said

    def term(self, term: str) -> str:
        """A term, abbreviated where it can be."""
        if is_literal(term):
            text, mark = term[1 : term.rindex('"')], term[term.rindex('"') + 1 :]
            if mark.startswith("@"):
                return _quoted(text) + mark
            return _quoted(text) + ("" if mark[2:] == XSD.string else f"^^{self.term(mark[2:])}")
        for name, space in self.known:
            local = term.removeprefix(space)
            if term.startswith(space) and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", local):
                return f"{name}:{local}"
        return _bracketed(term)


def _quoted(text: str) -> str:
    """A string of Turtle."""
    for plain, escaped in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
        text = text.replace(plain, escaped)
    return f'"{text}"'


def _bracketed(iri: str) -> str:
    """An IRI in full; what Turtle does not allow in one is escaped."""
    return "<" + re.sub(r'[\x00-\x20<>"{}|^`\\]', lambda found: f"\\u{ord(found[0]):04X}", iri) + ">"


def to_kzsl_table(ontology: Ontology) -> str:
    r"""Asserted facts and names as K-ZSL's table: ``Subject<TAB>Relation<TAB>Object``.

    A class that lacks an attribute is ``owl:disjointWith`` it: the property comes back when
    the table is read, from the classes that have the attribute.

    Raises:
        OntologyError: IRIs outside of K-ZSL's namespaces (the table cannot declare any), or
            names and literals that the table's cells cannot hold; all at once.

    Example:
        >>> from kgzsl.ontology import parse_ontology
        >>> table = "Subject\tRelation\tObject\nAwA:n1\tAwA:hasColor\tAwA:a2\nAwA:n1\trdfs:label\tblue_whale"
        >>> print(to_kzsl_table(parse_ontology(table, format="K-ZSL table", profile="kzsl")).expandtabs(16))
        Subject         Relation        Object
        AwA:n1          AwA:hasColor    AwA:a2
        AwA:n1          rdfs:label      blue_whale
    """
    problems: dict[str, Problem] = {}

    def name(iri: str) -> str:
        for space, prefix in _TABLE_PREFIXES.items():
            if iri.startswith(space) and re.fullmatch(r"[^\t\r\n]+", iri.removeprefix(space)):
                return f"{prefix}:{iri.removeprefix(space)}"
        space = re.sub(r"[^#/:]*\Z", "", iri)
        got = f"a K-ZSL table cannot hold the IRIs of {space}, such as {iri}"
        problems.setdefault(space, Problem(got, expected=f"only {', '.join(_TABLE_PREFIXES)}", fix="export to turtle"))
        return iri

    attributes = set(ontology.attributes)
    values = {lexical_form(term) for term in ontology.terms if is_literal(term)}
    rows: dict[tuple[str, str, str], None] = {}
    for fact in ontology.facts(status="asserted"):
        negative = fact.polarity == "negative"
        if negative and fact.object not in attributes and not fact.predicate.startswith(BUILT_IN):
            got = f"a K-ZSL table cannot say that {fact.subject} lacks {fact.object}, which is no attribute"
            problems[got] = Problem(got, fix="export to turtle")
        if fact.object in values:
            got = f"a K-ZSL table cannot hold the value {fact.object!r} of {fact.subject}"
            problems[got] = Problem(got, fix="export to turtle")
            continue
        predicate = OWL.disjointWith if negative else fact.predicate
        rows[name(fact.subject), name(predicate), name(fact.object)] = None
    for iri, names in sorted(ontology.labels.items()):
        for text in names:
            if re.search(r"[,_\t\r\n]", text):
                got = f"a K-ZSL table cannot hold the name {text!r}"
                problems[got] = Problem(got, expected="no comma or underscore", fix="export to turtle")
        rows[name(iri), "rdfs:label", ", ".join(text.replace(" ", "_") for text in names)] = None
    if problems:
        listed = list(problems.values())
        more = [Problem(f"and {len(listed) - 8} more like these")] if len(listed) > 8 else []
        raise OntologyError(listed[:8] + more)
    return "".join("\t".join(row) + "\n" for row in [("Subject", "Relation", "Object"), *rows])


def fact_graph(ontology: Ontology) -> networkx.MultiDiGraph:
    """Classes and attributes as nodes, all facts between them as edges, for programs that draw graphs.

    Nodes have ``label`` and ``kind`` (class, attribute); edges ``predicate`` (IRI), ``label``,
    ``polarity`` and ``status``. Every edge's key is its own, as GraphML wants it.
    """
    import networkx

    graph = networkx.MultiDiGraph()
    for kind, iris in (("class", ontology.classes), ("attribute", ontology.attributes)):
        graph.add_nodes_from((iri, {"label": _for_xml(ontology.label(iri)), "kind": kind}) for iri in iris)
    inside = [fact for fact in ontology.facts() if fact.subject in graph and fact.object in graph]
    for number, fact in enumerate(inside):
        graph.add_edge(fact.subject, fact.object, key=f"e{number}", **_edge(fact, ontology))
    return graph


def _for_xml(text: str) -> str:
    """A text without the control characters that XML cannot hold."""
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", " ", text)


def _edge(fact: Fact, ontology: Ontology) -> dict[str, str]:
    """What an edge says."""
    label = _for_xml(ontology.label(fact.predicate))
    return {
        "predicate": fact.predicate,
        "label": f"not {label}" if fact.polarity == "negative" else label,
        "polarity": fact.polarity,
        "status": fact.status,
    }


def write_turtle(ontology: Ontology, path: str | Path, *, force: bool = False) -> None:
    """Write :func:`to_turtle`'s text, whole or not at all."""
    _write(to_turtle(ontology), path, force=force)


def write_kzsl_table(ontology: Ontology, path: str | Path, *, force: bool = False) -> None:
    """Write :func:`to_kzsl_table`'s text, whole or not at all."""
    _write(to_kzsl_table(ontology), path, force=force)


def write_graphml(ontology: Ontology, path: str | Path, *, force: bool = False) -> None:
    """Write :func:`fact_graph` as GraphML, whole or not at all."""
    import networkx

    with whole_file(path, force=force) as working:
        networkx.write_graphml_xml(fact_graph(ontology), working)


def _write(text: str, path: str | Path, *, force: bool) -> None:
    """A text file, whole or not at all."""
    with whole_file(path, force=force) as working:
        working.write_text(text, encoding="utf-8")
