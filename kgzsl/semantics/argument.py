"""How a fact follows, step by step and in words; and of a fact that does not follow, what is known nearby."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from kgzsl.ontology import Fact, Ontology, Proof
from kgzsl.ontology.vocabulary import OWL, RDFS
from kgzsl.semantics.verbalize import sentence

__all__ = ["RULES_IN_WORDS", "Nearby", "argument_lines", "argument_to_json", "fact_to_json", "nearby", "say"]

# rule -> why its conclusion follows: from what is had, and from what is lacked
RULES_IN_WORDS: dict[str, tuple[str, str]] = {
    "subsumption": ("a kind of a kind is a kind", "a kind of a kind is a kind"),
    "equivalence": ("two that are equivalent are each a kind of the other",) * 2,
    "identity": ("two that are the same are each a kind of the other",) * 2,
    "inheritance": (
        "what every one of a class has, every kind of it has",
        "what none of a class has, no kind of it has",
    ),
    "property hierarchy": (
        "what is had in a special way is had in the general way",
        "what is not had in the general way is not had in any special way",
    ),
    "filler generalization": (
        "who has a special thing has the general thing",
        "who lacks the general thing lacks every special one",
    ),
    "definition": ("what fulfills the definition is of the class",) * 2,
    "property chain": ("who has something that has something has that by the chain",) * 2,
    "inverse": ("said from the other side by an inverse property",) * 2,
    "disjointness": ("if none of these is one of those, none of those is one of these",) * 2,
    "contradiction": ("what follows cannot be true together, so there can be none",) * 2,
    "impossible filler": ("it has something that there cannot be, so there can be none",) * 2,
}


@dataclass(frozen=True)
class Nearby:
    """What the ontology knows about a fact that it does not entail.

    Args:
        fact: the fact that is unknown.
        opposite: the fact with the other polarity, if that is entailed.
        same_property: what the class has or lacks under the property.
        same_filler: what joins the class and the filler under other properties.
        holders: classes of which the fact holds.
        superclasses: from which the class could have inherited it; none if the profile has no inheritance.
    """

    fact: Fact
    opposite: Fact | None
    same_property: tuple[Fact, ...]
    same_filler: tuple[Fact, ...]
    holders: tuple[str, ...]
    superclasses: tuple[str, ...]


def nearby(fact: Fact, ontology: Ontology) -> Nearby:
    """The premises that are there for a fact that does not follow.

    Example:
        >>> from kgzsl.ontology import parse_ontology
        >>> o = parse_ontology('''@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
        ... :hasPart a owl:ObjectProperty . :Zebra a owl:Class ; :hasPart :Hooves .
        ... :Bird a owl:Class ; :hasPart :Beak .''')
        >>> found = nearby(Fact("http://e/#Zebra", "http://e/#hasPart", "http://e/#Beak"), o)
        >>> found.holders, [f.object for f in found.same_property]
        (('http://e/#Bird',), ['http://e/#Hooves'])
    """
    other = "positive" if fact.polarity == "negative" else "negative"
    opposite = ontology.facts(fact.subject, fact.predicate, fact.object, polarity=other)  # type: ignore[arg-type]
    under = ontology.facts(fact.subject, fact.predicate)
    joined = ontology.facts(fact.subject, object=fact.object)
    classes = set(ontology.classes)
    holders = ontology.facts(predicate=fact.predicate, object=fact.object, polarity=fact.polarity)
    return Nearby(
        fact,
        opposite[0] if opposite else None,
        tuple(sorted((f for f in under if f.object != fact.object), key=lambda f: f.polarity == "negative")),
        tuple(f for f in joined if f.predicate != fact.predicate),
        tuple(f.subject for f in holders if f.subject in classes),
        ontology.superclasses(fact.subject) if ontology.profile.inherits else (),
    )


def say(fact: Fact, ontology: Ontology) -> str:
    """A fact as a sentence; links between properties are about the properties' names."""
    if fact.predicate in (RDFS.subPropertyOf, OWL.equivalentProperty):
        link = "is a special case of" if fact.predicate == RDFS.subPropertyOf else "is the same as"
        return f'"{ontology.label(fact.subject)}" {link} "{ontology.label(fact.object)}"'
    return sentence(fact, ontology)


def why(proof: Proof) -> str:
    """The reason for a proof's last step: a rule in words, or the file that states it."""
    if proof.rule == "hermit":
        return "entailed by HermiT; no proof"
    if not proof.premises:
        source = proof.fact.source
        return f"stated in {PurePath(source).name}" if source else "stated"
    if proof.rule not in RULES_IN_WORDS:
        return proof.rule
    return RULES_IN_WORDS[proof.rule][proof.fact.polarity == "negative"]


def argument_lines(proof: Proof, ontology: Ontology) -> list[str]:
    """A proof as an indented tree: each conclusion with its rule, its premises below it.

    Example:
        >>> from kgzsl.ontology import parse_ontology
        >>> o = parse_ontology('''@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
        ... @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . :hasPart a owl:ObjectProperty .
        ... :Equine a owl:Class ; :hasPart :Hooves . :Zebra a owl:Class ; rdfs:subClassOf :Equine .''').entail()
        >>> fact = Fact("http://e/#Zebra", "http://e/#hasPart", "http://e/#Hooves")
        >>> print(*argument_lines(o.prove(fact), o), sep="\\n")
        every zebra has hooves
        │  inheritance: what every one of a class has, every kind of it has
        ├─ every zebra is a kind of equine (stated in text)
        └─ every equine has hooves (stated in text)
    """
    if not proof.premises:
        return [f"{say(proof.fact, ontology)} ({why(proof)})"]
    reason = why(proof)
    lines = [say(proof.fact, ontology), f"│  {proof.rule}: {reason}" if reason != proof.rule else f"│  {proof.rule}"]
    for number, premise in enumerate(proof.premises, start=1):
        last = number == len(proof.premises)
        first, *rest = argument_lines(premise, ontology)
        lines.append(f"{'└─' if last else '├─'} {first}")
        lines += [f"{'   ' if last else '│  '}{line}" for line in rest]
    return lines


def fact_to_json(fact: Fact, ontology: Ontology) -> dict[str, Any]:
    """A fact with its sentence, JSON-safe."""
    return {
        "subject": fact.subject,
        "predicate": fact.predicate,
        "object": fact.object,
        "polarity": fact.polarity,
        "status": fact.status,
        "source": fact.source,
        "sentence": say(fact, ontology),
    }


def argument_to_json(proof: Proof, ontology: Ontology) -> dict[str, Any]:
    """A proof as nested dicts: ``fact``, ``rule``, ``why``, ``premises``."""
    premises = [argument_to_json(premise, ontology) for premise in proof.premises]
    return {"fact": fact_to_json(proof.fact, ontology), "rule": proof.rule, "why": why(proof), "premises": premises}
