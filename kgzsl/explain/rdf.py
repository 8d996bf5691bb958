"""Explanations as RDF: contributions, reified facts and their proofs, and from what run and image they come (PROV-O).

The terms are those of ``vocabulary.ttl`` beside this file, under the prefix ``why:``. Every node has an IRI that
depends on what it says alone: a fact or a proof that several explanations share is one node, and the same explanation
gives the same text. Grounding maps stay with the explanation; of them, the box around the peak is written.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import quote

from pyoxigraph import Literal, NamedNode, RdfFormat, Triple, serialize

from kgzsl.explain.explanation import Counterfactual, Explanation, FactContribution, GroupContribution
from kgzsl.ontology import Fact, FactKey, Ontology, Proof
from kgzsl.ontology.query import KGZSL, iri_node, prefixes, term_node
from kgzsl.ontology.vocabulary import BUILT_IN, RDF, RDFS, Namespace
from kgzsl.semantics import verbalize
from kgzsl.semantics.argument import say

__all__ = ["NAMES", "PROV", "WHY", "RdfWriter", "RunName", "to_turtle", "vocabulary"]

WHY = Namespace("https://kgzsl.github.io/vocabulary/why#")
PROV = Namespace("http://www.w3.org/ns/prov#")
NAMES = {"why": str(WHY), "prov": str(PROV)}
"""Prefixes beside those of an ontology (:func:`kgzsl.ontology.query.prefixes`)."""
UNIT = "scores"
"""What margins and contributions are counted in."""
ENTITY, ACTIVITY = NamedNode(PROV.Entity), NamedNode(PROV.Activity)

Node = NamedNode | Literal
Value = Node | str | float | bool | None


@dataclass(frozen=True)
class RunName:
    """The run that an explanation is of.

    Args:
        name: its folder.
        digest: of what it was trained on and how: runs of the same digest are the same.
        kind: of its model.
    """

    name: str
    digest: str
    kind: str = "duet"


def vocabulary() -> str:
    """The terms under ``why:``, each with a label and a comment, as Turtle.

    Example:
        >>> print(vocabulary())  # doctest: +ELLIPSIS
        # What explanations are written in as RDF; ...
        :gate a rdf:Property ; rdfs:domain :Contribution ; rdfs:range xsd:double ; rdfs:label "gate"@en ;
        ...
    """
    return files("kgzsl.explain").joinpath("vocabulary.ttl").read_text(encoding="utf-8")


def to_turtle(explanations: Iterable[Explanation], ontology: Ontology, *, run: RunName) -> str:
    """Explanations of one run as Turtle.

    Args:
        explanations: what to write.
        ontology: entailed; that of the run.
        run: which it is.
    """
    writer = RdfWriter(ontology, run)
    said: dict[Any, dict[NamedNode, list[Triple]]] = defaultdict(lambda: defaultdict(list))
    for triple in (*writer.run(), *(triple for one in explanations for triple in writer.explanation(one))):
        said[triple.subject][triple.predicate].append(triple)
    # All of a node stands together.
    ordered = [triple for by_predicate in said.values() for triples in by_predicate.values() for triple in triples]
    text = serialize(dict.fromkeys(ordered), format=RdfFormat.TURTLE, prefixes=prefixes(ontology) | NAMES) or b""
    lines = text.decode().splitlines(keepends=True)
    head = sum(line.startswith("@prefix") for line in lines)
    return "".join([*sorted(lines[:head]), *lines[head:]])


class RdfWriter:
    """Triples of one run's explanations; facts and proofs that were written before are not written again.

    Args:
        ontology: entailed; that of the run.
        run: which it is.
    """

    def __init__(self, ontology: Ontology, run: RunName) -> None:
        self.ontology = ontology
        self.named = run
        self.node = _hashed("run", run.digest)
        self._facts: set[FactKey] = set()
        self._proofs: dict[Proof, NamedNode] = {}
        self._proved: dict[FactKey, Proof] = {}
        self._labeled: set[str] = set()
        self._lessons: set[NamedNode] = set()

    # ---- what is told of -------------------------------------------------------------

    def run(self) -> Iterator[Triple]:
        """The run itself."""
        yield from _told(self.node, "Run", modelKind=self.named.kind)
        yield from _also(self.node, (RDF.type, ENTITY), (RDFS.label, self.named.name))

    def classes(self, kind: str, iris: Iterable[str]) -> Iterator[Triple]:
        """Classes of the run; ``kind`` is SeenClass or UnseenClass."""
        for iri in iris:
            yield from _told(iri_node(iri), kind)

    def image(self, name: str, *, labeled: str | None = None, split: str | None = None) -> Iterator[Triple]:
        """An image; by IRI the class that the data say it is of, and the part of the data that it is from."""
        told = None if labeled is None else iri_node(labeled)
        yield from _told(_image(name), "Image", labeled=told, split=split)
        yield from _also(_image(name), (RDF.type, ENTITY), (RDFS.label, name))

    def prediction(self, image: str, top: Iterable[tuple[str, float]]) -> Iterator[Triple]:
        """The best classes of an image, by IRI, with their scores; best first."""
        node = self._prediction(image)
        yield from _told(node, "Prediction", image=_image(image))
        yield from _also(node, (RDF.type, ENTITY), *((PROV.wasDerivedFrom, of) for of in (self.node, _image(image))))
        for rank, (iri, value) in enumerate(top, start=1):
            score = _below(node, f"score:{rank}")
            yield from _told(node, predicted=iri_node(iri) if rank == 1 else None, score=score)
            yield from _told(score, "Score", class_=iri_node(iri), value=value, rank=rank)

    def explanation(self, e: Explanation) -> Iterator[Triple]:
        """An explanation with its image and prediction, and the facts and proofs that it rests on."""
        node = _hashed("explanation", self.named.digest, e.image, e.method, e.predicted, e.rival)
        yield from self.image(e.image)
        if e.top:
            yield from self.prediction(e.image, e.top)
        for iri in sorted(e.labels.keys() - self._labeled):
            self._labeled.add(iri)
            if iri in self.ontology.index and not iri.startswith(("_:", *BUILT_IN)):
                yield from _also(iri_node(iri), (RDFS.label, e.labels[iri]))
        activity = _below(node, "activity")
        yield from _told(activity, "Explaining")
        yield from _also(activity, (RDF.type, ACTIVITY), (PROV.used, self.node), (PROV.used, _image(e.image)))
        one, other = (e.labels.get(iri, iri) for iri in (e.predicted, e.rival))
        yield from _also(node, (RDFS.label, f"Why {one}, not {other}"))
        yield from _also(node, (RDF.type, ENTITY), (PROV.wasGeneratedBy, activity))
        yield from _told(
            node,
            "Explanation",
            image=_image(e.image),
            explains=self._prediction(e.image) if e.top else None,
            explained=iri_node(e.predicted),
            rival=iri_node(e.rival),
            margin=e.margin,
            remainder=e.remainder,
            completenessGap=e.completeness_gap,
            gap=e.gap,
            unit=UNIT,
            method=e.method,
            exactFor=e.exact_for or None,
            additive=e.additive,
            warning=e.warnings,
        )
        for contribution in e.every:  # before any proof has them: in the explanation's words
            yield from self._facts_of([contribution.fact], phrase=contribution.verbalization)
        rivals = {id(one) for one in e.rival_facts}
        for rank, contribution in enumerate(e.every, start=1):
            own = _below(node, f"contribution:{rank}")
            yield from _told(node, contribution=own)
            yield from _told(own, rank=rank, side="rival" if id(contribution) in rivals else "explained")
            yield from self._contribution(own, contribution)
        for number, (kind, value) in enumerate(e.parts.items(), start=1):
            part = _below(node, f"part:{number}")
            yield from _told(node, part=part)
            yield from _told(part, "Part", kind=kind, value=value)
        for number, group in enumerate(e.groups, start=1):
            own = _below(node, f"group:{number}")
            yield from _told(node, group=own)
            yield from self._group(own, group)
        if e.counterfactual is not None:
            own = _below(node, "counterfactual")
            yield from _told(node, counterfactual=own)
            yield from self._counterfactual(own, e.counterfactual)

    def proof(self, proof: Proof) -> Iterator[Triple]:
        """A fact with its proof, and all that this rests on; once."""
        if self._proved.get(proof.fact.key) is proof:
            return
        self._proved[proof.fact.key] = proof
        yield from self._proof(proof)
        yield from _told(_fact(proof.fact.key), proof=self._proofs[proof])

    # ---- parts -----------------------------------------------------------------------

    def _contribution(self, node: NamedNode, one: FactContribution) -> Iterator[Triple]:
        """What one fact adds."""
        yield from self.proof(one.proof)
        low, high = one.interval or (None, None)
        yield from _told(
            node,
            "Contribution",
            fact=_fact(one.fact.key),
            value=one.contribution,
            evidence=one.evidence,
            gate=one.gate,
            renormalized=one.renormalized,
            assumed=one.assumed or None,
            low=low,
            high=high,
        )
        if one.box is not None:
            region = _below(node, "region")
            yield from _told(node, region=region)
            edges = zip(("left", "top", "right", "bottom"), one.box, strict=True)
            yield from _told(region, "Region", **dict(edges))
        if one.other is not None:
            yield from self._proof(one.other)
            yield from _told(node, otherProof=self._proofs[one.other])
        for told in one.learned_from:
            lesson = _hashed("lesson", self.named.digest, told.iri, *told.images)
            yield from _told(node, learnedFrom=lesson)
            if lesson not in self._lessons:
                self._lessons.add(lesson)
                yield from _told(lesson, "Lesson", class_=iri_node(told.iri), imageName=told.images)

    def _group(self, node: NamedNode, group: GroupContribution) -> Iterator[Triple]:
        """What several facts add together."""
        yield from self._facts_of(group.facts)
        about = iri_node(group.iri) if group.iri else None
        facts = tuple(_fact(fact.key) for fact in group.facts)
        yield from _told(node, "Group", kind=group.kind, about=about, value=group.contribution, fact=facts)

    def _counterfactual(self, node: NamedNode, found: Counterfactual) -> Iterator[Triple]:
        """What would turn the prediction."""
        yield from self._facts_of((*found.remove, *found.add))
        removes, adds = (tuple(_fact(fact.key) for fact in facts) for facts in (found.remove, found.add))
        yield from _told(node, "Counterfactual", margin=found.margin, smallest=found.smallest)
        yield from _told(node, removes=removes, adds=adds, verbalization=found.verbalizations)

    def _facts_of(self, facts: Iterable[Fact], *, phrase: str = "") -> Iterator[Triple]:
        """Facts, each once."""
        for fact in facts:
            if fact.key in self._facts:
                continue
            self._facts.add(fact.key)
            node = _fact(fact.key)
            yield from _told(
                node,
                "Fact",
                polarity=fact.polarity,
                status=fact.status,
                source=fact.source,
                strength=fact.strength if fact.strength < 1 else None,
                verbalization=phrase or verbalize(fact, self.ontology),
            )
            ends = ((RDF.subject, self._term(fact.subject)), (RDF.predicate, self._term(fact.predicate)))
            yield from _also(node, *ends, (RDF.object, self._object(fact)), (RDFS.label, say(fact, self.ontology)))

    def _proof(self, proof: Proof) -> Iterator[Triple]:
        """A proof and those of its premises, each once."""
        if proof in self._proofs:
            return
        for premise in proof.premises:
            yield from self._proof(premise)
        premises = tuple(self._proofs[premise] for premise in proof.premises)
        node = _hashed("proof", proof.rule, *proof.fact.key, *(premise.value for premise in premises))
        self._proofs[proof] = node
        yield from self._facts_of([proof.fact])
        yield from _told(node, "Proof", concludes=_fact(proof.fact.key), rule=proof.rule, premise=premises)

    # ---- nodes -----------------------------------------------------------------------

    def _prediction(self, image: str) -> NamedNode:
        """What the run takes an image for."""
        return _hashed("prediction", self.named.digest, image)

    def _term(self, term: str) -> Node:
        """A term of the ontology; of an expression without a name, which only proofs have, its text."""
        return Literal(term) if term.startswith(("_:", "<")) else term_node(term)

    def _object(self, fact: Fact) -> Node:
        """The filler of a fact: a term, or a literal with its datatype."""
        row = self.ontology.find(fact)
        if row is not None:
            return self._term(self.ontology.terms[self.ontology.columns.object[row]])
        named = fact.object in self.ontology.index or fact.object.startswith(BUILT_IN)
        return self._term(fact.object) if named else Literal(fact.object)


def _told(node: NamedNode, kind: str = "", /, **told: Value | tuple[Value, ...]) -> Iterator[Triple]:
    """What a node is and what is said of it by terms under ``why:``; None says nothing, several values stand alone."""
    if kind:
        yield Triple(node, _predicate(RDF.type), NamedNode(WHY + kind))
    for name, values in told.items():
        predicate = _predicate(WHY + name.rstrip("_"))
        for value in values if isinstance(values, tuple) else (values,):
            if value is not None:
                yield Triple(node, predicate, _value(value))


def _also(node: NamedNode, *pairs: tuple[str, Value]) -> Iterator[Triple]:
    """What is said of a node by terms of others."""
    return (Triple(node, _predicate(predicate), _value(value)) for predicate, value in pairs)


def _value(value: Any) -> Node:
    """A node as it is; text and numbers as literals, to the last bit."""
    if isinstance(value, (NamedNode, Literal)):
        return value
    return Literal(value if isinstance(value, (str, bool, int)) else float(value))


def _image(name: str) -> NamedNode:
    """The node of an image."""
    return NamedNode(f"{KGZSL}image:{quote(name)}")


@cache
def _fact(key: FactKey) -> NamedNode:
    """The node of a fact."""
    return _hashed("fact", *key)


@cache
def _predicate(iri: str) -> NamedNode:
    """A predicate, made once."""
    return NamedNode(iri)


def _hashed(kind: str, *parts: str) -> NamedNode:
    """A node whose name is of what makes it the same."""
    return NamedNode(f"{KGZSL}{kind}:{hashlib.sha256(chr(9).join(parts).encode()).hexdigest()[:16]}")


def _below(node: NamedNode, name: str) -> NamedNode:
    """A node that is a part of another."""
    return NamedNode(f"{node.value}:{name}")
