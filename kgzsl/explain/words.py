"""What every rendering of an explanation says in the same words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import PurePath

from kgzsl.explain.explanation import Explanation, FactContribution, GroupContribution
from kgzsl.ontology.facts import Fact, Proof
from kgzsl.ontology.vocabulary import RDF, RDFS, local_name
from kgzsl.semantics.verbalize import with_article

__all__ = [
    "UNIT",
    "UNSEEN_NOTE",
    "Verbalize",
    "answer_of",
    "assumed_of",
    "group_name",
    "known_as",
    "label_of",
    "method_words",
    "notes_of",
    "origin",
    "phrase_of",
    "sums",
    "title_of",
    "would_be",
]

Verbalize = Callable[[Fact], str]
"""A fact as a phrase without its subject."""

UNIT = "scores"
"""What margins and contributions are in: scores are logits, with calibration taken off."""
UNSEEN_NOTE = "no image of it was in training"
_NOTED = 0.1  # of a contribution: what less of it is assumed is not told
_NOT_ADDITIVE = (
    "Each contribution is what the margin loses without that fact alone, and all others in place. "
    "They need not sum to the margin: facts that make up for each other lose little one by one, "
    "and facts that need each other lose the same twice."
)
_NEGLIGIBLE = 5e-4  # a gap that is 0.000 when it is printed


def label_of(explanation: Explanation, iri: str) -> str:
    """The label of an IRI, or its local name."""
    return explanation.labels.get(iri) or local_name(iri)


def title_of(explanation: Explanation) -> tuple[str, str]:
    """The question in two parts: what it is about, and what it is held against.

    Example:
        >>> e = Explanation("a.png", "e:zebra", "e:horse", {}, 1.5, (), (), 1.5, "margin")
        >>> title_of(e)
        ('Why zebra,', 'not horse')
    """
    one, other = (label_of(explanation, iri) for iri in (explanation.predicted, explanation.rival))
    return (f"Why {one},", f"not {other}") if explanation.margin >= 0 else (f"Why not {one},", f"but {other}")


def answer_of(explanation: Explanation) -> str:
    """What the model answers, where it is not the class that is explained; else nothing."""
    best = explanation.top[0][0] if explanation.top else explanation.predicted
    if best == explanation.predicted:
        return ""
    answer, explained = (label_of(explanation, iri) for iri in (best, explanation.predicted))
    return f"the model's answer is {answer}; {explained} was asked for"


def method_words(explanation: Explanation) -> str:
    """The method, and what its numbers are exact for."""
    return f"{explanation.method}, exact for {explanation.exact_for}" if explanation.exact_for else explanation.method


def origin(explanation: Explanation, proof: Proof) -> str:
    """Where a fact comes from, in one line.

    Returns:
        ``"asserted"``, ``"asserted in birds.ttl"``, or ``"entailed from Felid via inheritance"``:
        the classes whose asserted facts the proof rests on, and its rules, last step last.
    """
    if proof.rule == "hermit":
        return "entailed by HermiT; no proof"
    if not proof.premises:
        source = proof.fact.source
        return f"asserted in {PurePath(source).name}" if source else "asserted"
    leaves = [fact for fact in proof.asserted() if fact.predicate != RDFS.subClassOf] or list(proof.asserted())
    subjects = dict.fromkeys(label_of(explanation, fact.subject) for fact in leaves)
    rules = dict.fromkeys(step.rule for step in proof.walk() if step.premises)
    return f"entailed from {', '.join(subjects)} via {', '.join(rules)}"


def known_as(explanation: Explanation, found: FactContribution) -> str:
    """Where a fact comes from; its proof may be that of what it is a premise of."""
    own = found.proof if found.proof.fact.key == found.fact.key else Proof(found.fact, "asserted")
    return origin(explanation, own)


def phrase_of(explanation: Explanation, found: FactContribution, owner: str, *, verbalize: Verbalize) -> str:
    """A fact as it stands among those of a class: with its subject where that is another one."""
    phrase = found.verbalization or verbalize(found.fact)
    subject = found.fact.subject
    return phrase if subject == owner else f"{label_of(explanation, subject)} {phrase}"


def group_name(explanation: Explanation, group: GroupContribution) -> str:
    """What makes several facts a group, in words."""
    label = label_of(explanation, group.iri) if group.iri else ""
    label = {RDFS.subClassOf: "is a kind of", RDF.type: "is an instance of"}.get(group.iri, label)
    return {
        "property": f"all that “{label}” says",
        "ancestor": f"all that comes from {label}",
        "entailed": "all that is entailed",
    }.get(group.kind, f"{group.kind} {label}".strip())


def would_be(explanation: Explanation, *, verbalize: Verbalize) -> str:
    """The counterfactual as a sentence; empty where there is none.

    "It would be a horse if the ontology did not say that every zebra has stripes, but said that it has a mane."
    """
    change = explanation.counterfactual
    if change is None:
        return ""
    facts = (*change.remove, *change.add)
    said = change.verbalizations or tuple(f"{label_of(explanation, f.subject)} {verbalize(f)}" for f in facts)
    said = tuple(sentence.rstrip(". ") for sentence in said)
    removed, added = said[: len(change.remove)], said[len(change.remove) :]
    parts = []
    if removed:
        parts.append("did not say that " + ", nor that ".join(removed))
    if added:
        parts.append("said that " + _listed([f"that {one}" for one in added]).removeprefix("that "))
    turned = explanation.rival if explanation.margin >= 0 else explanation.predicted
    return f"It would be {with_article(label_of(explanation, turned))} if the ontology {', but '.join(parts)}."


def sums(explanation: Explanation) -> list[tuple[str, float]]:
    """What the margin is made of: the facts of both classes, the remainder, and a gap where there is one.

    Of a method that is not additive there is nothing to sum, and the list is empty.
    """
    if not explanation.additive:
        return []
    one, other = (label_of(explanation, iri) for iri in (explanation.predicted, explanation.rival))
    parts = [
        (f"facts of {one}", sum(f.contribution for f in explanation.facts)),
        (f"facts of {other}", sum(f.contribution for f in explanation.rival_facts)),
        ("remainder", explanation.remainder),
    ]
    gap = explanation.completeness_gap
    if abs(gap) > _NEGLIGIBLE:
        parts.append(("completeness gap", gap))
    return parts


def notes_of(explanation: Explanation) -> list[str]:
    """What is to be known of the sum, in sentences."""
    notes = [] if explanation.additive else [_NOT_ADDITIVE]
    if explanation.gap is not None:
        notes.append(f"The method approximates: by its own account it misses the margin by {abs(explanation.gap):.3g}.")
    return notes


def assumed_of(found: FactContribution) -> float | None:
    """What of a contribution comes by what is only assumed because of the fact; None where that is hardly any."""
    return found.assumed if abs(found.assumed) >= _NOTED * abs(found.contribution) > 0 else None


def _listed(items: Sequence[str]) -> str:
    """Items with commas, the last one with "and"."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
