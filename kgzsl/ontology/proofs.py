"""Proofs: found on demand by walking back along the taxonomy, and replayed step by step."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from kgzsl.errors import Problem, UnknownTermError
from kgzsl.ontology.facts import Fact, Proof
from kgzsl.ontology.links import Links
from kgzsl.ontology.ontology import Ontology
from kgzsl.ontology.vocabulary import BUILT_IN, OWL, RDF, RDFS

__all__ = ["RULES", "prove", "replay"]

_BELOW = (RDFS.subClassOf, RDFS.subPropertyOf, RDF.type)
_MUTUAL = {
    OWL.equivalentClass: ("equivalence", RDFS.subClassOf),
    OWL.equivalentProperty: ("equivalence", RDFS.subPropertyOf),
    OWL.sameAs: ("identity", RDFS.subClassOf),
}


def prove(ontology: Ontology, fact: Fact) -> Proof:
    """A proof of a fact with the fewest links; of equally short ones, the first by IRI.

    Raises:
        UnknownTermError: the fact is neither asserted nor entailed.
    """
    row = ontology.find(fact)
    if row is None:
        fix = "the ontology is open-world: what it does not entail is unknown" + (
            "; call entail() first" if ontology.regime == "none" else ""
        )
        said = f"{fact.subject} {fact.predicate} {fact.object} ({fact.polarity})"
        raise UnknownTermError(Problem(f"not entailed: {said}", fix=fix))
    columns = ontology.columns
    if columns.source[row] >= 0:
        return Proof(ontology.fact(row), "asserted")
    subject, predicate, object = (int(c[row]) for c in (columns.subject, columns.predicate, columns.object))
    search = _Search(ontology)
    if ontology.terms[predicate] == RDFS.subPropertyOf:
        return search.chain(search.properties, subject, object)
    if ontology.terms[predicate].startswith(BUILT_IN):
        return search.chain(search.taxonomy, subject, object)
    return search.described(subject, predicate, object, negative=bool(columns.negative[row]))


class _Search:
    """Backward search over the asserted links of an ontology."""

    def __init__(self, ontology: Ontology) -> None:
        self.ontology = ontology
        self.taxonomy, self.properties = ontology.links

    def _fact(self, subject: int, predicate: int | str, object: int, *, negative: bool = False) -> Fact:
        """The fact as the ontology holds it; links that it does not list by themselves are entailed."""
        index, terms = self.ontology.index, self.ontology.terms
        name = terms[predicate] if isinstance(predicate, int) else predicate
        row = self.ontology.row(subject, index[name], object, negative=negative)
        if row is not None:
            return self.ontology.fact(row)
        return Fact(terms[subject], name, terms[object], "negative" if negative else "positive", "entailed")

    def chain(self, links: Links, lower: int, upper: int) -> Proof:
        """That one term is below another: one link, or a chain of them."""
        path = _path(links.paths(lower), upper)
        steps = tuple(self._link(links, one, other) for one, other in pairwise(path))
        if len(steps) == 1:
            return steps[0]
        # An individual is first "of a class"; whatever stands at the start names the whole chain.
        return Proof(self._fact(lower, steps[0].fact.predicate, upper), "subsumption", steps)

    def _link(self, links: Links, lower: int, upper: int) -> Proof:
        """That one term is directly below another."""
        predicate, reverse = links.up[lower][upper]
        pair = (upper, lower) if reverse else (lower, upper)
        asserted = Proof(self._fact(pair[0], predicate, pair[1]), "asserted")
        if self.ontology.terms[predicate] not in _MUTUAL:
            return asserted
        rule, below = _MUTUAL[self.ontology.terms[predicate]]
        return Proof(self._fact(lower, below, upper), rule, (asserted,))

    def described(self, subject: int, predicate: int, object: int, *, negative: bool) -> Proof:
        """That a class has (or lacks) something: from the nearest asserted fact that says so."""
        above: dict[int, int | None] = {subject: None}
        fillers: dict[int, int | None] = {object: None}
        if self.ontology.profile.inherits:
            above = self.taxonomy.paths(subject)
        # What is had spreads from special to general, what is lacked from general to special.
        if self.ontology.regime == "el":
            fillers = self.taxonomy.paths(object, upwards=negative)
        properties = self.properties.paths(predicate, upwards=negative)
        thing = self.ontology.index.get(OWL.Thing, -1)
        best: tuple[int, int, int, int] | None = None
        for holder in above:
            for p, f in self.ontology.described_by(holder, negative=negative):
                if p not in properties or (f not in fillers and not (negative and f == thing)):
                    continue
                length = len(_path(above, holder)) + len(_path(properties, p))
                length += 2 if f not in fillers else len(_path(fillers, f))
                best = min(best or (length, holder, p, f), (length, holder, p, f))
        if best is None:
            raise AssertionError("an entailed fact has an asserted one behind it")
        return self._derive(best[1:], (subject, predicate, object), negative=negative)

    def _derive(self, base: tuple[int, int, int], goal: tuple[int, int, int], *, negative: bool) -> Proof:
        """From an asserted fact to the goal: property first, then filler, then class."""
        holder, p, f = base
        subject, predicate, object = goal
        proof = Proof(self._fact(holder, p, f, negative=negative), "asserted")
        if p != predicate:
            lower, upper = (predicate, p) if negative else (p, predicate)
            link = self.chain(self.properties, lower, upper)
            proof = Proof(self._fact(holder, predicate, f, negative=negative), "property hierarchy", (link, proof))
        if f != object:
            lower, upper = (object, f) if negative else (f, object)
            everything = negative and f == self.ontology.index.get(OWL.Thing, -1)
            premises = (proof,) if everything else (self.chain(self.taxonomy, lower, upper), proof)
            fact = self._fact(holder, predicate, object, negative=negative)
            proof = Proof(fact, "filler generalization", premises)
        if holder != subject:
            link = self.chain(self.taxonomy, subject, holder)
            proof = Proof(self._fact(subject, predicate, object, negative=negative), "inheritance", (link, proof))
        return proof


def _path(before: dict[int, int | None], end: int) -> list[int]:
    """From the start of a breadth-first search to a term, both included."""
    path = [end]
    while (previous := before[path[-1]]) is not None:
        path.append(previous)
    return path[::-1]


def replay(proof: Proof, ontology: Ontology) -> bool:
    """Whether every step of a proof is a correct use of its rule, down to asserted facts.

    It relies on nothing that :func:`prove` does: each conclusion is derived anew from its
    premises, and each leaf looked up among the ontology's asserted facts.

    Example:
        >>> from kgzsl.ontology import parse_ontology
        >>> o = parse_ontology('''@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
        ... @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
        ... :Zebra a owl:Class ; rdfs:subClassOf :Horse . :Horse rdfs:subClassOf :Animal .''').entail()
        >>> proof = o.prove(o.facts(status="entailed")[0])
        >>> proof.rule, replay(proof, o)
        ('subsumption', True)
    """
    if proof.rule == "asserted":
        row = ontology.find(proof.fact)
        return not proof.premises and row is not None and bool(ontology.columns.source[row] >= 0)
    rule = RULES.get(proof.rule)
    if rule is None or not all(replay(premise, ontology) for premise in proof.premises):
        return False
    return rule(proof.fact, tuple(premise.fact for premise in proof.premises))


def _subsumption(conclusion: Fact, premises: tuple[Fact, ...]) -> bool:
    """A <= B, B <= C, ... so A <= C."""
    if len(premises) < 2 or any(p.polarity == "negative" or p.predicate not in _BELOW for p in premises):
        return False
    joined = all(a.object == b.subject for a, b in pairwise(premises))
    kinds = {p.predicate for p in premises[1:]}
    same = kinds == {RDFS.subPropertyOf if premises[0].predicate == RDFS.subPropertyOf else RDFS.subClassOf}
    expected = (premises[0].subject, premises[0].predicate, premises[-1].object, "positive")
    return joined and same and conclusion.key == expected


def _mutual(conclusion: Fact, premises: tuple[Fact, ...]) -> bool:
    """A = B, so A <= B and B <= A."""
    if len(premises) != 1 or premises[0].predicate not in _MUTUAL or premises[0].polarity == "negative":
        return False
    ends = (premises[0].subject, premises[0].object)
    below = _MUTUAL[premises[0].predicate][1]
    return conclusion.key in ((ends[0], below, ends[1], "positive"), (ends[1], below, ends[0], "positive"))


def _inheritance(conclusion: Fact, premises: tuple[Fact, ...]) -> bool:
    """C <= D and D has (or lacks) X, so C has (or lacks) X."""
    if len(premises) != 2 or not _is_link(premises[0], RDFS.subClassOf, RDF.type):
        return False
    link, fact = premises
    return fact.subject == link.object and conclusion.key == (link.subject, *fact.key[1:])


def _property_hierarchy(conclusion: Fact, premises: tuple[Fact, ...]) -> bool:
    """p <= q: who has (p, f) has (q, f); who lacks (q, f) lacks (p, f)."""
    if len(premises) != 2 or not _is_link(premises[0], RDFS.subPropertyOf):
        return False
    link, fact = premises
    start, end = (link.subject, link.object) if fact.polarity == "positive" else (link.object, link.subject)
    return fact.predicate == start and conclusion.key == (fact.subject, end, fact.object, fact.polarity)


def _filler_generalization(conclusion: Fact, premises: tuple[Fact, ...]) -> bool:
    """f <= g: who has (p, f) has (p, g); who lacks (p, g) lacks (p, f). Who lacks (p, Thing) lacks all."""
    if len(premises) == 1:
        fact = premises[0]
        empty = fact.object == OWL.Thing and fact.polarity == "negative"
        return empty and conclusion.key == (fact.subject, fact.predicate, conclusion.object, "negative")
    if len(premises) != 2 or not _is_link(premises[0], RDFS.subClassOf, RDF.type):
        return False
    link, fact = premises
    start, end = (link.subject, link.object) if fact.polarity == "positive" else (link.object, link.subject)
    return fact.object == start and conclusion.key == (fact.subject, fact.predicate, end, fact.polarity)


def _is_link(fact: Fact, *predicates: str) -> bool:
    """Whether a fact puts one term below another."""
    return fact.polarity == "positive" and fact.predicate in predicates


RULES: dict[str, Callable[[Fact, tuple[Fact, ...]], bool]] = {
    "equivalence": _mutual,
    "filler generalization": _filler_generalization,
    "identity": _mutual,
    "inheritance": _inheritance,
    "property hierarchy": _property_hierarchy,
    "subsumption": _subsumption,
}
