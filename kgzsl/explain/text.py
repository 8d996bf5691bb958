"""An explanation in plain text for the terminal, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kgzsl.explain.explanation import Explanation, FactContribution
from kgzsl.explain.overlay import strongest
from kgzsl.explain.words import (
    UNIT,
    UNSEEN_NOTE,
    Verbalize,
    answer_of,
    assumed_of,
    group_name,
    known_as,
    label_of,
    method_words,
    notes_of,
    origin,
    phrase_of,
    sums,
    title_of,
    would_be,
)
from kgzsl.ontology.facts import Fact, Proof

__all__ = ["render_text", "to_json"]

ASSUMED = "Assumed: of what a fact adds, what it has because its class is taken to have no other value of its kind."
LEARNED = "Learned from (seen classes that have the attribute, also where a fact denies it)"
_HALF_BAR = 10  # characters on each side of a bar's axis


def render_text(explanation: Explanation, *, verbalize: Verbalize, top: int = 8) -> str:
    """The explanation as plain text: ranked facts with signed contributions, their origin, and the sum.

    Columns beside a fact are there where a method fills them: the 95% interval of a sampled contribution, how much
    of it is only assumed because of the fact, what the margin loses when the class vector is brought to its
    length again, and the gate, where it is not open.

    Args:
        explanation: what to render.
        verbalize: a fact as a phrase; used for facts that carry no verbalization.
        top: how many facts of each class, the strongest for or against; the rest is one line.

    Returns:
        Lines of text that end with a newline.
    """
    predicted, rival = (label_of(explanation, iri) for iri in (explanation.predicted, explanation.rival))
    lines = [" ".join(title_of(explanation)), *(f"  warning: {warning}" for warning in explanation.warnings), ""]
    lines.append(f"  image    {explanation.image}")
    lines.append(f"  margin   {_signed(explanation.margin)} ({UNIT}) for {predicted} over {rival}")
    lines.append(f"  method   {method_words(explanation)}")
    if answer := answer_of(explanation):
        lines.append(f"  answer   {answer}")
    for iri, label in ((explanation.predicted, predicted), (explanation.rival, rival)):
        if iri in explanation.unseen:
            lines.append(f"  unseen   {label}: {UNSEEN_NOTE}")
    if sentence := would_be(explanation, verbalize=verbalize):
        lines += ["", sentence, f"  {_change_note(explanation)}"]
    table = _Table(explanation, verbalize, top)
    for iri, facts in ((explanation.predicted, explanation.facts), (explanation.rival, explanation.rival_facts)):
        if facts:
            lines += ["", f"Facts of {label_of(explanation, iri)} (right: for {predicted}, left: for {rival})"]
            lines += table.lines(iri, facts)
    lines += [*table.learned(), *_group_lines(explanation, top), "", *_sum_lines(explanation), ""]
    return "\n".join(lines)


def to_json(explanation: Explanation, *, verbalize: Verbalize) -> dict[str, Any]:
    """The explanation as nested dicts and lists that ``json.dumps`` accepts as they are.

    Proofs nest as ``{"fact", "rule", "premises"}``; grounding maps are lists of rows. What a method does not set is
    null, or empty.
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

    def number(value: float | None) -> float | None:
        return None if value is None else float(value)

    def numbers(values: Sequence[float] | None) -> list[float] | None:
        return None if values is None else [float(value) for value in values]

    def entry(one: FactContribution) -> dict[str, Any]:
        return {
            "fact": fact(one.fact),
            "verbalization": one.verbalization or verbalize(one.fact),
            "contribution": float(one.contribution),
            "interval": numbers(one.interval),
            "renormalized": number(one.renormalized),
            "assumed": float(one.assumed),
            "evidence": float(one.evidence),
            "gate": number(one.gate),
            "origin": origin(explanation, one.proof),
            "proof": proof(one.proof),
            "other": None if one.other is None else proof(one.other),
            "grounding": None if one.grounding is None else one.grounding.astype(float).tolist(),
            "box": numbers(one.box),
            "learned_from": [{"class": told.iri, "images": list(told.images)} for told in one.learned_from],
        }

    change = explanation.counterfactual
    return {
        "image": explanation.image,
        "predicted": explanation.predicted,
        "rival": explanation.rival,
        "labels": dict(explanation.labels),
        "unit": UNIT,
        "margin": float(explanation.margin),
        "method": explanation.method,
        "exact_for": explanation.exact_for,
        "warnings": list(explanation.warnings),
        "facts": [entry(one) for one in explanation.facts],
        "rival_facts": [entry(one) for one in explanation.rival_facts],
        "remainder": float(explanation.remainder),
        "parts": {name: float(value) for name, value in explanation.parts.items()},
        "additive": explanation.additive,
        "gap": number(explanation.gap),
        "completeness_gap": float(explanation.completeness_gap),
        "groups": [
            {
                "kind": group.kind,
                "iri": group.iri,
                "contribution": float(group.contribution),
                "facts": [fact(one) for one in group.facts],
            }
            for group in explanation.groups
        ],
        "counterfactual": change
        and {
            "sentence": would_be(explanation, verbalize=verbalize),
            "remove": [fact(one) for one in change.remove],
            "add": [fact(one) for one in change.add],
            "verbalizations": list(change.verbalizations),
            "margin": float(change.margin),
            "smallest": change.smallest,
        },
        "top": [
            {"class": iri, "score": float(score), "unseen": iri in explanation.unseen} for iri, score in explanation.top
        ],
        "unseen": sorted(explanation.unseen),
    }


class _Table:
    """The strongest facts in columns, of one width for both classes."""

    def __init__(self, explanation: Explanation, verbalize: Verbalize, top: int) -> None:
        self.explanation, self.verbalize, self.top = explanation, verbalize, top
        every = explanation.every
        self.largest = max((abs(f.contribution) for f in every), default=0.0)
        # Title, text of a fact without it, and how wide: those that some fact has.
        self.columns = [
            (title, width, say)
            for title, width, say, there in (
                ("95%", 16, _interval, [f.interval for f in every]),
                ("assumed", 8, _assumed, [assumed_of(f) for f in every]),
                ("renormalized", 12, _renormalized, [f.renormalized for f in every]),
                ("gate", 4, _gate, [f.gate for f in every if f.gate is not None and round(f.gate, 2) < 1]),
            )
            if any(value is not None for value in there)
        ]
        self.shown: dict[str, list[FactContribution]] = {}

    def lines(self, iri: str, facts: Sequence[FactContribution]) -> list[str]:
        """The facts of a class, a title where there are columns to name, and one line for the rest."""
        shown = self.shown[iri] = strongest(list(facts), self.top)
        phrases = [phrase_of(self.explanation, f, iri, verbalize=self.verbalize) for f in shown]
        width = max((len(phrase) for phrase in phrases), default=0)
        lines = [
            "  ".join(
                (
                    f"  {_signed(fact.contribution):>8}",
                    _bar(fact.contribution, self.largest),
                    f"{phrase:<{width}}",
                    *(f"{say(fact):>{wide}}" for _, wide, say in self.columns),
                    self._known(fact),
                )
            )
            for fact, phrase in zip(shown, phrases, strict=True)
        ]
        blank = " " * (2 * _HALF_BAR + 1)
        if self.columns:
            titles = "  ".join(f"{title:>{wide}}" for title, wide, _ in self.columns)
            lines.insert(0, f"  {'adds':>8}  {blank}  {'':<{width}}  {titles}")
        left_out = len(facts) - len(shown)
        if left_out:
            rest = sum(f.contribution for f in facts) - sum(f.contribution for f in shown)
            noun = "fact" if left_out == 1 else "facts"
            # What need not sum has no sum.
            added, together = (_signed(rest), " together") if self.explanation.additive else ("", "")
            lines.append(f"  {added:>8}  {blank}  {left_out} weaker {noun}{together}")
        return lines

    def _known(self, found: FactContribution) -> str:
        """How a fact is known, and how else."""
        known = known_as(self.explanation, found)
        return f"{known}; else {origin(self.explanation, found.other)}" if found.other else known

    def learned(self) -> list[str]:
        """For the facts that were shown, the classes with training images that have their attribute."""
        rows = {
            phrase_of(self.explanation, fact, iri, verbalize=self.verbalize): [
                label_of(self.explanation, told.iri) for told in fact.learned_from
            ]
            for iri, facts in self.shown.items()
            for fact in facts
            if fact.learned_from
        }
        width = max(map(len, rows), default=0)
        lines = [f"  {phrase:<{width}}  {', '.join(classes)}" for phrase, classes in rows.items()]
        return ["", LEARNED, *lines] if rows else []


def _interval(found: FactContribution) -> str:
    """The 95% interval of a contribution."""
    return "" if found.interval is None else "{} to {}".format(*map(_signed, found.interval))


def _assumed(found: FactContribution) -> str:
    """What of a contribution is only assumed because of the fact."""
    return "" if (assumed := assumed_of(found)) is None else _signed(assumed)


def _renormalized(found: FactContribution) -> str:
    """What the margin loses when the rest is brought to its length."""
    return "" if found.renormalized is None else _signed(found.renormalized)


def _gate(found: FactContribution) -> str:
    """How much the model believes of what images show."""
    return "" if found.gate is None else f"{found.gate:.2f}"


def _change_note(explanation: Explanation) -> str:
    """What comes of the counterfactual."""
    change = explanation.counterfactual
    if change is None:
        return ""
    smallest = "; no smaller change of these facts does it" if change.smallest else ""
    return f"the margin would be {_signed(change.margin)}{smallest}"


def _group_lines(explanation: Explanation, top: int) -> list[str]:
    """Groups of facts, the strongest ones; one fact is no group."""
    several = [group for group in explanation.groups if len(group.facts) > 1]
    groups = sorted(several, key=lambda g: -abs(g.contribution))[:top]
    if not groups:
        return []
    largest = max(abs(group.contribution) for group in groups)
    lines = [
        f"  {_signed(group.contribution):>8}  {_bar(group.contribution, largest)}  "
        f"{group_name(explanation, group)} ({len(group.facts)} facts)"
        for group in groups
    ]
    return ["", "Facts taken away together", *lines]


def _bar(contribution: float, largest: float) -> str:
    """A bar to the right of the axis for positive values, to the left for negative ones."""
    length = round(_HALF_BAR * abs(contribution) / largest) if largest else 0
    bar = "█" * length
    left, right = ("", bar) if contribution >= 0 else (bar, "")
    return f"{left:>{_HALF_BAR}}│{right:<{_HALF_BAR}}"


def _sum_lines(explanation: Explanation) -> list[str]:
    """How the parts add up to the margin, or that they need not."""
    lines = []
    if parts := sums(explanation):
        total = " ".join(f"{_signed(value)} ({name})" for name, value in parts)
        lines.append(f"Sum: {total} = {_signed(explanation.margin)} (margin)")
    if explanation.parts:
        named = ", ".join(f"{_signed(value)} {name}" for name, value in explanation.parts.items())
        lines.append(f"Remainder: {named}")
    if any(assumed_of(found) is not None for found in explanation.every):
        lines.append(ASSUMED)
    return [*lines, *notes_of(explanation)]


def _signed(value: float) -> str:
    """Three decimals with a sign; never a negative zero."""
    return f"{round(value, 3) + 0.0:+.3f}"
