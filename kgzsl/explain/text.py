"""An explanation in plain text for the terminal, and as JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import PurePath
from typing import Any

from kgzsl.explain.explanation import Explanation, FactContribution
from kgzsl.explain.overlay import strongest
from kgzsl.ontology.facts import Fact, Proof
from kgzsl.ontology.vocabulary import RDFS, local_name

__all__ = ["label_of", "origin", "render_text", "to_json"]

Verbalize = Callable[[Fact], str]

UNSEEN_NOTE = "no image of it was in training"
_HALF_BAR = 10  # characters on each side of a bar's axis


def label_of(explanation: Explanation, iri: str) -> str:
    """The label of an IRI, or its local name."""
    return explanation.labels.get(iri) or local_name(iri)


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


def render_text(explanation: Explanation, *, verbalize: Verbalize, top: int = 8) -> str:
    """The explanation as plain text: ranked facts with signed contributions, their origin, and the sum.

    Args:
        explanation: what to render.
        verbalize: a fact as a phrase; used for facts that carry no verbalization.
        top: how many facts of each class, the strongest for or against; the rest is one line.

    Returns:
        Lines of text that end with a newline.
    """
    predicted, rival = label_of(explanation, explanation.predicted), label_of(explanation, explanation.rival)
    lines = [f"Why {predicted}, not {rival}", "", f"  image    {explanation.image}"]
    lines.append(f"  margin   {_signed(explanation.margin)} for {predicted} over {rival}")
    lines.append(f"  method   {explanation.method}")
    for iri, label in ((explanation.predicted, predicted), (explanation.rival, rival)):
        if iri in explanation.unseen:
            lines.append(f"  unseen   {label}: {UNSEEN_NOTE}")
    largest = max((abs(f.contribution) for f in (*explanation.facts, *explanation.rival_facts)), default=0.0)
    for name, facts in ((predicted, explanation.facts), (rival, explanation.rival_facts)):
        if facts:
            lines += ["", f"Facts of {name} (right: for {predicted}, left: for {rival})"]
            lines += _fact_lines(explanation, facts, verbalize=verbalize, top=top, largest=largest)
    return "\n".join([*lines, "", _sum_line(explanation), ""])


def to_json(explanation: Explanation, *, verbalize: Verbalize) -> dict[str, Any]:
    """The explanation as nested dicts and lists that ``json.dumps`` accepts as they are.

    Proofs nest as ``{"fact", "rule", "premises"}``; grounding maps are lists of rows.
    """

    def fact(one: Fact) -> dict[str, Any]:
        return {
            "subject": one.subject,
            "predicate": one.predicate,
            "object": one.object,
            "polarity": one.polarity,
            "status": one.status,
            "strength": float(one.strength),
            "source": one.source,
        }

    def proof(one: Proof) -> dict[str, Any]:
        premises = [proof(premise) for premise in one.premises]
        return {"fact": fact(one.fact), "phrase": verbalize(one.fact), "rule": one.rule, "premises": premises}

    def entry(one: FactContribution) -> dict[str, Any]:
        return {
            "fact": fact(one.fact),
            "verbalization": one.verbalization or verbalize(one.fact),
            "contribution": float(one.contribution),
            "evidence": float(one.evidence),
            "origin": origin(explanation, one.proof),
            "proof": proof(one.proof),
            "grounding": None if one.grounding is None else one.grounding.astype(float).tolist(),
            "box": None if one.box is None else [float(edge) for edge in one.box],
        }

    return {
        "image": explanation.image,
        "predicted": explanation.predicted,
        "rival": explanation.rival,
        "labels": dict(explanation.labels),
        "margin": float(explanation.margin),
        "method": explanation.method,
        "facts": [entry(one) for one in explanation.facts],
        "rival_facts": [entry(one) for one in explanation.rival_facts],
        "remainder": float(explanation.remainder),
        "completeness_gap": float(explanation.completeness_gap),
        "top": [
            {"class": iri, "score": float(score), "unseen": iri in explanation.unseen} for iri, score in explanation.top
        ],
        "unseen": sorted(explanation.unseen),
    }


def _fact_lines(
    explanation: Explanation, facts: Sequence[FactContribution], *, verbalize: Verbalize, top: int, largest: float
) -> list[str]:
    """The strongest facts in columns, and one line for the rest."""
    shown = strongest(list(facts), top)
    phrases = [fact.verbalization or verbalize(fact.fact) for fact in shown]
    width = max((len(phrase) for phrase in phrases), default=0)
    lines = [
        f"  {_signed(fact.contribution):>8}  {_bar(fact.contribution, largest)}  {phrase:<{width}}  "
        f"{origin(explanation, fact.proof)}"
        for fact, phrase in zip(shown, phrases, strict=True)
    ]
    left_out = len(facts) - len(shown)
    if left_out:
        rest = sum(f.contribution for f in facts) - sum(f.contribution for f in shown)
        noun = "fact" if left_out == 1 else "facts"
        lines.append(f"  {_signed(rest):>8}  {' ' * (2 * _HALF_BAR + 1)}  {left_out} weaker {noun} together")
    return lines


def _bar(contribution: float, largest: float) -> str:
    """A bar to the right of the axis for positive values, to the left for negative ones."""
    length = round(_HALF_BAR * abs(contribution) / largest) if largest else 0
    bar = "█" * length
    left, right = ("", bar) if contribution >= 0 else (bar, "")
    return f"{left:>{_HALF_BAR}}│{right:<{_HALF_BAR}}"


def _sum_line(explanation: Explanation) -> str:
    """How the parts add up to the margin."""
    parts = [
        (f"facts of {label_of(explanation, explanation.predicted)}", sum(f.contribution for f in explanation.facts)),
        (f"facts of {label_of(explanation, explanation.rival)}", sum(f.contribution for f in explanation.rival_facts)),
        ("remainder", explanation.remainder),
    ]
    gap = explanation.completeness_gap
    if abs(gap) > 5e-4:
        parts.append(("not accounted for", gap))
    total = " ".join(f"{_signed(value)} ({name})" for name, value in parts)
    return f"Sum: {total} = {_signed(explanation.margin)} (margin)"


def _signed(value: float) -> str:
    """Three decimals with a sign; never a negative zero."""
    return f"{round(value, 3) + 0.0:+.3f}"
