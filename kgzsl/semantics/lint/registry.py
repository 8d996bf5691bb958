"""The table of all checks, and the function that runs them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from kgzsl.errors import Problem, SplitError, UnknownTermError
from kgzsl.ontology import Ontology
from kgzsl.semantics.attributes import World
from kgzsl.semantics.groups import DEFAULT
from kgzsl.semantics.lint import of_classes, of_facts, of_names, of_split
from kgzsl.semantics.lint.case import Case
from kgzsl.semantics.lint.finding import SEVERITIES, Ceiling, Finding, LintReport, Severity
from kgzsl.semantics.lint.found import Found

__all__ = ["CHECKS", "Check", "lint"]


class Check(NamedTuple):
    """One row of the table.

    Args:
        code: ZSL1: classes; ZSL2: what the seen classes teach; ZSL3: names; ZSL4: facts.
        severity: of all that it finds.
        title: what it looks for.
        why: how that hurts.
        fix: what to do.
        function: looks for it.
        split: whether it needs to know which classes are seen.
    """

    code: str
    severity: Severity
    title: str
    why: str
    fix: str
    function: Callable[[Case], Iterator[Found]]
    split: bool = False


CHECKS: tuple[Check, ...] = (
    Check(
        "ZSL101",
        "error",
        "class without a fact about any attribute",
        "nothing says what it looks like, so that its images can be recognized by chance alone",
        "state what it has, or leave it out of the classes",
        of_classes.undescribed,
    ),
    Check(
        "ZSL102",
        "warning",
        "classes that no attribute tells apart",
        "by attributes they get the same score on every image, so that at most one of each group is ever right",
        "state a fact in which they differ, or make one class of them",
        of_classes.alike,
    ),
    Check(
        "ZSL103",
        "note",
        "attribute of all classes",
        "it is no help in telling classes apart",
        "nothing, if it is true; if only some classes have it, state of the others that they lack it",
        of_classes.true_of_all,
    ),
    Check(
        "ZSL104",
        "note",
        "attribute of none of the classes",
        "only classes that are not examined have it: here it is a column without information",
        "nothing, if it is true; otherwise state which of the classes have it",
        of_classes.true_of_none,
    ),
    Check(
        "ZSL105",
        "warning",
        "few attributes for so many classes",
        "to name one of n classes takes log2(n) yes-no questions with faultless answers; twice that is little margin",
        "add attributes in which the classes differ",
        of_classes.too_few,
    ),
    Check(
        "ZSL106",
        "error",
        "attribute both stated and denied",
        "the class is half for and half against it, whatever the picture shows",
        "delete the wrong fact; `kgzsl ontology inspect FILE --class NAME` shows how both follow",
        of_classes.contradicted,
    ),
    Check(
        "ZSL107",
        "error",
        "class that nothing can be",
        "by the ontology it has no instance: its facts come from classes that exclude each other",
        "delete a superclass, the disjointness, or what leads to it; `kgzsl ontology prove` shows how it follows",
        of_classes.unsatisfiable,
    ),
    Check(
        "ZSL108",
        "warning",
        "cycle in the taxonomy",
        "terms that are each below the other mean the same, and share all facts that are inherited",
        "delete the wrong link; if they are the same, say so with equivalentClass",
        of_classes.cycles,
    ),
    Check(
        "ZSL109",
        "warning",
        "classes stated to be the same",
        "one thing under two names is no two classes: each is counted as an error for the other",
        "keep one of them, with the other's name as an alternative label",
        of_classes.same,
    ),
    Check(
        "ZSL201",
        "error",
        "unseen class that no attribute tells from another",
        "it has no images, so that attributes are all there is to tell it by: at most one of each group is ever right",
        "state a fact in which they differ, or take one of them out of the split",
        of_split.alike_unseen,
        split=True,
    ),
    Check(
        "ZSL202",
        "warning",
        "attribute of unseen classes that no seen class has",
        "no training image shows it: it cannot be learned",
        "make one of the classes that have it seen, or describe them by further attributes",
        of_split.never_seen,
        split=True,
    ),
    Check(
        "ZSL203",
        "warning",
        "attribute of all seen classes that an unseen one lacks",
        "every training image is an example of it and none a counterexample: it cannot be learned",
        "make a class without it seen",
        of_split.seen_in_all,
        split=True,
    ),
    Check(
        "ZSL204",
        "error",
        "unseen class without an attribute that is learned",
        "of all that it has, nothing differs among the seen classes: no image can speak for it",
        "add attributes that it shares with some of the seen classes, or make it seen",
        of_split.nothing_learned,
        split=True,
    ),
    Check(
        "ZSL205",
        "error",
        "unseen classes that only unlearned attributes tell apart",
        "in all that the seen classes can teach they are alike: what tells them apart is a guess from its words",
        "make seen a class that has the attributes in which they differ",
        of_split.alike_as_learned,
        split=True,
    ),
    Check(
        "ZSL206",
        "warning",
        "attributes that always go together, but not in unseen classes",
        "the training images cannot say which of them is which",
        "make a class seen that has one without the other",
        of_split.confounded,
        split=True,
    ),
    Check(
        "ZSL207",
        "warning",
        "attribute that mostly comes with another, but never in unseen classes",
        "a model that takes the other for it is right in training, and wrong on these classes",
        "make further classes seen that have it without the other",
        of_split.nearly_confounded,
        split=True,
    ),
    Check(
        "ZSL208",
        "note",
        "attribute of very few or nearly all seen classes",
        "with so few examples (or counterexamples) the class is learned and not the attribute",
        "make further classes seen that have it (or have it not)",
        of_split.imbalanced,
        split=True,
    ),
    Check(
        "ZSL209",
        "warning",
        "unseen class all of whose attributes another class has too",
        "every picture of the other class shows all that it has: only what it is known to lack tells them apart",
        "state an attribute that the other class lacks, or what it lacks itself",
        of_split.contained,
        split=True,
    ),
    Check(
        "ZSL301",
        "warning",
        "no label, and a code for a name",
        "prompts and explanations say the code; a text encoder makes nothing of it",
        "add rdfs:label or skos:prefLabel",
        of_names.nameless,
    ),
    Check(
        "ZSL302",
        "note",
        "no label",
        "its name is made from the IRI, which may not read as you would say it",
        "add rdfs:label or skos:prefLabel where the name is not right",
        of_names.unlabelled,
    ),
    Check(
        "ZSL303",
        "warning",
        "two terms of one label",
        "in prompts and explanations they cannot be told apart, and their name means neither",
        "give each a label of its own, or make one term of them",
        of_names.shared,
    ),
    Check(
        "ZSL304",
        "warning",
        "several names in one label",
        "a text encoder reads commas and underscores as they stand, and no name can be looked up",
        "one rdfs:label, the others as skos:altLabel; or read the file under profile kzsl, which splits them",
        of_names.joined,
    ),
    Check(
        "ZSL305",
        "note",
        "property without a rule for saying it",
        'it is said as "has X as its ..." or by its bare name, which may be no English',
        "give the property a label that reads as a verb, as 'has pattern' or 'lives in'",
        of_names.unverbalized,
    ),
    Check(
        "ZSL401",
        "warning",
        "facts that no class to recognize has",
        "they are about a term that is no such class and whose facts none inherits: they do nothing",
        "state them of the classes, or put classes below the term",
        of_facts.out_of_reach,
    ),
    Check(
        "ZSL402",
        "note",
        "attribute that no fact leads to",
        "it stands in the hierarchy of attributes, but no class has it or anything below it",
        "state which classes have it, or ignore it",
        of_facts.unreached,
    ),
    Check(
        "ZSL403",
        "warning",
        "property written in two ways",
        "classes that state the same under two properties have different attributes",
        "rename the first to the second, or state that they are equivalent properties",
        of_facts.twins,
    ),
    Check(
        "ZSL404",
        "warning",
        "axioms that were not understood",
        "what they say is in no fact, and so unknown to the model",
        "say it by 'some', 'value', 'min 1' or 'not', or accept the loss",
        of_facts.not_understood,
    ),
    Check(
        "ZSL405",
        "note",
        "axioms that are used in part, or say nothing of a class",
        "of a definition the facts are used, but no other class comes below it by having the parts; "
        "domains and ranges are not used",
        "nothing, unless facts are missing: then state them, or the subclasses, outright",
        of_facts.used_in_part,
    ),
    Check(
        "ZSL406",
        "note",
        "triples about terms outside the profile's scope",
        "they are about individuals or another vocabulary, and become no facts",
        "nothing, unless you meant them to describe the classes",
        of_facts.outside,
    ),
    Check(
        "ZSL407",
        "note",
        "numbers that are not used",
        "what is stated in numbers is no attribute unless it is asked for",
        "set semantics.numbers = true in the run file (here: --numbers), if pictures can show it",
        of_facts.not_used,
    ),
    Check(
        "ZSL408",
        "warning",
        "numbers in units that do not convert",
        "each kind of unit is an attribute of its own, in which classes with another unit are unknown",
        "state all numbers of the property in units of one kind",
        of_facts.incomparable,
    ),
)


def lint(
    ontology: Ontology,
    classes: Sequence[str] | None = None,
    *,
    seen: Iterable[str] | None = None,
    unseen: Iterable[str] | None = None,
    world: World = "pca",
    numbers: bool = False,
    facts: Sequence[str] = DEFAULT,
) -> LintReport:
    """What in an ontology stands in the way of zero-shot learning, before anything is trained.

    Every row of :data:`CHECKS` is applied. Without a split the checks of what the seen classes
    teach are left out (``LintReport.left_out``). Names change only the checks of names: other IRIs,
    or another order of the triples, give the same findings.

    Args:
        ontology: entailed, as :func:`~kgzsl.semantics.attributes.class_attributes` wants it.
        classes: IRIs of the classes to recognize; the classes of the split or, without one, the leaves
            if None. Classes of the split are always among them.
        seen: IRIs of the classes with training images; all that are not unseen if only ``unseen`` is given.
        unseen: IRIs of the classes without.
        world: what to make of that which is not stated, as in ``class_attributes``.
        numbers: whether numbers are attributes, as in ``class_attributes``.
        facts: groups of facts that describe classes, as in ``class_attributes``.

    Raises:
        UnknownTermError: names of classes that are not in the ontology.
        SplitError: a class is both seen and unseen, or one of the two sets is empty.
        ConfigError: there is no such world, or no such group of facts.

    Example:
        >>> from kgzsl.ontology import parse_ontology
        >>> o = parse_ontology('''@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
        ... :Zebra a owl:Class ; :pattern :Stripes . :Okapi a owl:Class ; :pattern :Stripes .
        ... :Fox a owl:Class . :pattern a owl:ObjectProperty .''').entail()
        >>> for found in lint(o).findings[:2]:
        ...     print(found.code, found.severity, found.message)
        ZSL101 error 1 of 3 classes have no fact about any attribute: fox
        ZSL102 warning okapi, zebra: the same attributes; at most 1 of these 2 classes can be right
        >>> print(lint(o).ceilings[0])
        2 of 3 (66.7 %)
    """
    case = replace(_case(ontology, classes, seen, unseen, world), numbers=numbers, facts=tuple(facts))
    split = bool(case.unseen)
    findings = [
        Finding(
            check.code,
            check.severity,
            check.title,
            found.message,
            check.why,
            check.fix,
            found.classes,
            found.attributes,
            found.facts,
            found.terms,
        )
        for check in CHECKS
        if split or not check.split
        for found in check.function(case)
    ]
    findings.sort(key=lambda f: (SEVERITIES.index(f.severity), f.code, f.classes, f.attributes, f.terms, f.message))
    return LintReport(
        findings=tuple(findings),
        ceilings=_ceilings(case),
        classes=len(case.classes),
        attributes=len(case.cells.attributes),
        seen=len(case.seen) if split else None,
        unseen=len(case.unseen) if split else None,
        world=world,
        left_out=() if split else tuple(check.code for check in CHECKS if check.split),
    )


def _case(
    ontology: Ontology,
    classes: Sequence[str] | None,
    seen: Iterable[str] | None,
    unseen: Iterable[str] | None,
    world: World,
) -> Case:
    """What is examined, checked."""
    without, given = set(unseen or ()), unseen is not None or seen is not None
    if seen is None:
        pool = ontology.leaves if classes is None else classes
        pictured = set(pool) - without if given else set()
    else:
        pictured = set(seen)
    every = set(classes or ()) | pictured | without if classes is not None or given else set(ontology.leaves)
    known = set(ontology.classes)
    missing = sorted(every - known)
    if missing:
        raise UnknownTermError([Problem(f"{iri} is not a class of the ontology") for iri in missing])
    both = sorted(pictured & without)
    if both:
        raise SplitError(Problem(f"{', '.join(both)} both seen and unseen", expected="disjoint sets"))
    if given and not (pictured and without):
        raise SplitError(Problem(f"no {'unseen' if pictured else 'seen'} class", expected="seen and unseen classes"))
    if ontology.regime == "none":  # contradictions among what is asserted are found by entailment alone
        ontology = ontology.entail("none")
    return Case(ontology, tuple(sorted(every)), tuple(sorted(pictured)), tuple(sorted(without)), world)


def _ceilings(case: Case) -> tuple[Ceiling, ...]:
    """The best per-class accuracies that the attributes allow."""
    found = [Ceiling("all", case.groups.count, len(case.classes))]
    if case.unseen:
        total = len(case.unseen)
        found.append(Ceiling("unseen", len(np.unique(case.groups.of[case.unseen_rows])), total))
        learned = case.cells.groups(case.unseen_rows, case.learned)
        found.append(Ceiling("unseen, learned", learned.count, total))
    return tuple(found)
