"""Proofs: found on demand by walking back along the taxonomy, and replayed step by step."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from kgzsl.errors import Problem, UnknownTermError
from kgzsl.ontology.axioms import Chain, Definition, Mirror
from kgzsl.ontology.facts import Fact, Proof
from kgzsl.ontology.links import Links
from kgzsl.ontology.ontology import Ontology
from kgzsl.ontology.vocabulary import BUILT_IN, OWL, RDF, RDFS, lexical_form

__all__ = ["RULES", "prove", "replay"]

_BELOW = (RDFS.subClassOf, RDFS.subPropertyOf, RDF.type)
_MUTUAL = {
    OWL.equivalentClass: ("equivalence", RDFS.subClassOf),
    OWL.equivalentProperty: ("equivalence", RDFS.subPropertyOf),
    OWL.sameAs: ("identity", RDFS.subClassOf),
}


def prove(ontology: Ontology, fact: Fact) -> Proof:
    """A proof of a fact with the fewest links; of equally short ones, the first by IRI.

    A link or fact that an axiom added counts as one step where it is chosen, however long its own proof is.

    Raises:
        UnknownTermError: the fact is neither asserted nor entailed.
    """
    row = ontology.find(fact)
    goal = _ends(ontology, fact, row)
    if goal is None:
        fix = "the ontology is open-world: what it does not entail is unknown" + (
            "; call entail() first" if ontology.regime == "none" else ""
        )
        said = f"{fact.subject} {fact.predicate} {fact.object} ({fact.polarity})"
        raise UnknownTermError(Problem(f"not entailed: {said}", fix=fix))
    if row is not None and ontology.columns.source[row] >= 0:
        return Proof(ontology.fact(row), "asserted")
    subject, predicate, object, negative = goal
    if _by_hermit(ontology, goal):
        return Proof(ontology.fact(row), "hermit")  # type: ignore[arg-type]
    search = _Search(ontology)
    name = ontology.terms[predicate]
    if name == RDFS.subPropertyOf:
        return search.chain(search.properties, subject, object)
    if ontology.terms[object] == OWL.Nothing and not negative:
        return search.impossible(subject)
    if name.startswith(BUILT_IN) and not negative:
        return search.chain(search.taxonomy, subject, object)
    if name.startswith(BUILT_IN):
        return search.apart(subject, object)
    return search.described(subject, predicate, object, negative=negative)


def _ends(ontology: Ontology, fact: Fact, row: int | None) -> tuple[int, int, int, bool] | None:
    """A fact as indices of terms, if it is there; also a link of the taxonomy that was too many to be listed."""
    c, index = ontology.columns, ontology.index
    if row is not None:
        return int(c.subject[row]), int(c.predicate[row]), int(c.object[row]), bool(c.negative[row])
    ends = [index.get(t, -1) for t in (fact.subject, fact.predicate, fact.object)]
    link = fact.predicate == RDFS.subClassOf and fact.polarity == "positive"
    if not ontology.report.unlisted or not link or min(ends) < 0:
        return None
    above = ontology.hierarchy.reach([ends[0]])
    return (ends[0], ends[1], ends[2], False) if ends[2] in above and ends[0] != ends[2] else None


def _by_hermit(ontology: Ontology, goal: tuple[int, int, int, bool]) -> bool:
    """Whether HermiT alone derives a fact."""
    found = ontology.derived.by_hermit if ontology.derived is not None else frozenset()
    return ontology.reasoner == "hermit" and not goal[3] and goal[:3] in found


class _Search:
    """Backward search over asserted links and facts, and those that axioms added in rounds before a given one."""

    def __init__(self, ontology: Ontology, *, before: float = float("inf")) -> None:
        self.ontology = ontology
        self.taxonomy, self.properties = ontology.links
        derived = ontology.derived
        self.links = {} if derived is None else derived.links
        self.later = {link for link, (_, number) in self.links.items() if number >= before}
        if derived is not None:
            self.later |= {(s, o) for s, _, o in derived.by_hermit} - self.links.keys()
        facts = {} if derived is None else derived.facts
        self.added: dict[int, list[tuple[int, int]]] = {}
        for (s, p, f), (_, _, number) in facts.items():
            if number < before:
                self.added.setdefault(s, []).append((p, f))

    def above(self, term: int) -> dict[int, int | None]:
        """Everything above a term, each with the term before it."""
        return self.taxonomy.paths(term, without=self.later)

    def below(self, term: int) -> dict[int, int | None]:
        """Everything below a term, each with the term before it."""
        return self.taxonomy.paths(term, upwards=False, without=self.later)

    def _fact(self, subject: int, predicate: int | str, object: int, *, negative: bool = False) -> Fact:
        """The fact as the ontology holds it; links that it does not list by themselves are entailed."""
        index, terms = self.ontology.index, self.ontology.terms
        name = terms[predicate] if isinstance(predicate, int) else predicate
        row = self.ontology.row(subject, index.get(name, -1), object, negative=negative)
        if row is not None:
            return self.ontology.fact(row)
        object_name = lexical_form(terms[object])
        return Fact(terms[subject], name, object_name, "negative" if negative else "positive", "entailed")

    def chain(self, links: Links, lower: int, upper: int) -> Proof:
        """That one term is below another: one link, or a chain of them."""
        path = _path(links.paths(lower, without=self.later), upper)
        steps = tuple(self._link(links, one, other) for one, other in pairwise(path))
        if len(steps) == 1:
            return steps[0]
        # An individual is first "of a class"; whatever stands at the start names the whole chain.
        return Proof(self._fact(lower, steps[0].fact.predicate, upper), "subsumption", steps)

    def _link(self, links: Links, lower: int, upper: int) -> Proof:
        """That one term is directly below another."""
        predicate, reverse = links.up[lower][upper]
        if predicate < 0:
            return self._defined(lower, upper)
        pair = (upper, lower) if reverse else (lower, upper)
        asserted = Proof(self._fact(pair[0], predicate, pair[1]), "asserted")
        if self.ontology.terms[predicate] not in _MUTUAL:
            return asserted
        rule, below = _MUTUAL[self.ontology.terms[predicate]]
        return Proof(self._fact(lower, below, upper), rule, (asserted,))

    def _defined(self, lower: int, upper: int) -> Proof:
        """That a class is below another because it fulfills its definition."""
        number, when = self.links[lower, upper]
        definition = self.ontology.axioms.definitions[number]
        earlier = _Search(self.ontology, before=when)
        premises = [self._axiom(definition)]
        premises += [earlier.chain(earlier.taxonomy, lower, name) for name in definition.named if name != lower]
        thing = self.ontology.index.get(OWL.Thing, -1)
        for p, f in definition.has:
            premises.append(
                earlier.anything(lower, p) if f == thing else earlier.described(lower, p, f, negative=False)
            )
        return Proof(self._fact(lower, RDFS.subClassOf, upper), "definition", tuple(premises))

    def _axiom(self, axiom: Definition | Chain | Mirror) -> Proof:
        """An axiom as the end of a proof."""
        return Proof(axiom.fact(self.ontology.terms, self.ontology.report.files), "asserted")

    def anything(self, subject: int, predicate: int) -> Proof:
        """That a class has something under a property, whatever it is."""
        subs = self.properties.paths(predicate, upwards=False)
        for holder in self._holders(subject):
            for p, f in sorted(self._stated(holder, negative=False)):
                if p in subs:
                    return self.described(subject, predicate, f, negative=False)
        raise AssertionError("who has something has it by a stated fact")

    def _holders(self, subject: int) -> dict[int, int | None]:
        """The terms whose facts a term has, each with the one before it."""
        if self.ontology.profile.inherits:
            return self.above(subject)
        before: dict[int, int | None] = {subject: None}
        todo = [subject]
        for here in todo:  # grows while it is walked
            for there, (predicate, _) in sorted(self.taxonomy.up.get(here, {}).items()):
                if there not in before and predicate >= 0 and self.ontology.terms[predicate] in _MUTUAL:
                    before[there] = here
                    todo.append(there)
        return before

    def _stated(self, holder: int, *, negative: bool) -> list[tuple[int, int]]:
        """What is asserted of a term, or was added by an axiom."""
        pairs = self.ontology.described_by(holder, negative=negative)
        return pairs if negative else [*pairs, *self.added.get(holder, ())]

    def described(self, subject: int, predicate: int, object: int, *, negative: bool) -> Proof:
        """That a class has (or lacks) something: from the nearest stated fact that says so."""
        above = self._holders(subject)
        fillers: dict[int, int | None] = {object: None}
        # What is had spreads from special to general, what is lacked from general to special.
        if self.ontology.regime == "el":
            fillers = self.above(object) if negative else self.below(object)
        properties = self.properties.paths(predicate, upwards=negative)
        thing = self.ontology.index.get(OWL.Thing, -1)
        best: tuple[int, int, int, int] | None = None
        for holder in above:
            for p, f in self._stated(holder, negative=negative):
                if p not in properties or (f not in fillers and not (negative and f == thing)):
                    continue
                length = len(_path(above, holder)) + len(_path(properties, p))
                length += 2 if f not in fillers else len(_path(fillers, f))
                best = min(best or (length, holder, p, f), (length, holder, p, f))
        if best is None:
            raise AssertionError("an entailed fact has a stated one behind it")
        return self._derive(best[1:], (subject, predicate, object), negative=negative)

    def _derive(self, base: tuple[int, int, int], goal: tuple[int, int, int], *, negative: bool) -> Proof:
        """From a stated fact to the goal: property first, then filler, then class."""
        holder, p, f = base
        subject, predicate, object = goal
        proof = self._base(holder, p, f, negative=negative)
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

    def _base(self, holder: int, p: int, f: int, *, negative: bool) -> Proof:
        """A stated fact: asserted, or added by an axiom in an earlier round."""
        row = self.ontology.row(holder, p, f, negative=negative)
        if row is not None and self.ontology.columns.source[row] >= 0:
            return Proof(self.ontology.fact(row), "asserted")
        derived = self.ontology.derived
        axiom, middle, when = derived.facts[holder, p, f]  # type: ignore[union-attr]
        earlier = _Search(self.ontology, before=when)
        if isinstance(axiom, Mirror):
            premise = earlier._base(f, middle, holder, negative=False)
            here = axiom.property if p == axiom.inverse else axiom.inverse
            if middle not in self.properties.paths(here, upwards=False):
                here = axiom.inverse if here == axiom.property else axiom.property
            if middle != here:
                link = earlier.chain(earlier.properties, middle, here)
                premise = Proof(earlier._fact(f, here, holder), "property hierarchy", (link, premise))
            return Proof(self._fact(holder, p, f), "inverse", (self._axiom(axiom), premise))
        first = earlier.described(holder, axiom.first, middle, negative=False)
        second = earlier.described(middle, axiom.second, f, negative=False)
        return Proof(self._fact(holder, p, f), "property chain", (self._axiom(axiom), first, second))

    def apart(self, subject: int, other: int) -> Proof:
        """That a class is disjoint with another: by what is above it."""
        below = self.ontology.index[RDFS.subClassOf]
        for holder in self._holders(subject):
            for one, two in ((holder, other), (other, holder)):
                row = self.ontology.row(one, below, two, negative=True)
                if row is None or self.ontology.columns.source[row] < 0:
                    continue
                proof = Proof(self.ontology.fact(row), "asserted")
                if one != holder:
                    proof = Proof(self._fact(holder, below, other, negative=True), "disjointness", (proof,))
                if holder == subject:
                    return proof
                link = self.chain(self.taxonomy, subject, holder)
                return Proof(self._fact(subject, below, other, negative=True), "inheritance", (link, proof))
        raise AssertionError("disjointness is inherited from a stated one")

    def impossible(self, subject: int) -> Proof:
        """That a class cannot have an instance."""
        proof = self._impossible(subject, frozenset())
        if proof is None:
            raise AssertionError("an unsatisfiable class has a reason")
        return proof

    def _impossible(self, subject: int, trail: frozenset[int]) -> Proof | None:
        """The same, but for reasons that lead back to what is being proved."""
        premises = self._split(subject) or self._both(subject)
        if premises is None:
            derived = self.ontology.derived
            known = set() if derived is None else derived.impossible
            for holder in self.above(subject):
                for p, f in sorted(self._stated(holder, negative=False)):
                    if f in known and f not in trail and not self._plain(holder, p, f):
                        why = self._impossible(f, trail | {subject})
                        if why is not None:
                            premises = (self.described(subject, p, f, negative=False), why)
                            break
                if premises:
                    break
        nothing = self.ontology.index.get(OWL.Nothing, -1)
        if premises is None:
            return self.chain(self.taxonomy, subject, nothing) if nothing in self.above(subject) else None
        rule = "contradiction" if premises[-1].fact.object != OWL.Nothing else "impossible filler"
        return Proof(self._fact(subject, RDFS.subClassOf, nothing), rule, premises)

    def _plain(self, holder: int, p: int, f: int) -> bool:
        """Whether a fact was stated by a plain triple, or mirrors one."""
        row = self.ontology.row(holder, p, f, negative=False)
        if row is not None and self.ontology.columns.source[row] >= 0:
            return bool(self.ontology.columns.plain[row])
        derived = self.ontology.derived
        return derived is not None and isinstance(derived.facts.get((holder, p, f), (None,))[0], Mirror)

    def _split(self, subject: int) -> tuple[Proof, ...] | None:
        """Two disjoint classes above a class."""
        above, below = self.above(subject), self.ontology.index[RDFS.subClassOf]
        for one in above:
            for p, other in self.ontology.described_by(one, negative=True):
                if p == below and other in above:
                    links = tuple(self.chain(self.taxonomy, subject, t) for t in (one, other) if t != subject)
                    return (*links, Proof(self._fact(one, below, other, negative=True), "asserted"))
        return None

    def _both(self, subject: int) -> tuple[Proof, ...] | None:
        """Something that a class both has and lacks."""
        above = self.above(subject)
        thing = self.ontology.index.get(OWL.Thing, -1)
        has = [pair for holder in above for pair in self._stated(holder, negative=False)]
        for holder in above:
            for q, g in self.ontology.described_by(holder, negative=True):
                if self.ontology.terms[q].startswith(BUILT_IN):
                    continue
                subs = self.properties.paths(q, upwards=False)
                fillers = self.below(g) if self.ontology.regime == "el" else {g: None}
                for p, f in has:
                    if p in subs and (f in fillers or g == thing):
                        filler = f if g == thing else g
                        return tuple(self.described(subject, q, filler, negative=n) for n in (False, True))
        return None


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
        stated = row is not None and bool(ontology.columns.source[row] >= 0)
        return not proof.premises and (stated or ontology.axiom(proof.fact) is not None)
    if proof.rule == "hermit":
        row = ontology.find(proof.fact)
        goal = None if row is None else _ends(ontology, proof.fact, row)
        return not proof.premises and goal is not None and _by_hermit(ontology, goal)
    rule = RULES.get(proof.rule) or _WITH_AXIOM.get(proof.rule)
    if rule is None or not all(replay(premise, ontology) for premise in proof.premises):
        return False
    facts = tuple(premise.fact for premise in proof.premises)
    if proof.rule in RULES:
        return RULES[proof.rule](proof.fact, facts)
    axiom = ontology.axiom(facts[0]) if facts else None
    return axiom is not None and _WITH_AXIOM[proof.rule](ontology, axiom, proof.fact, facts[1:])


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


def _disjointness(conclusion: Fact, premises: tuple[Fact, ...]) -> bool:
    """No A is a B, so no B is an A."""
    if len(premises) != 1 or premises[0].polarity == "positive" or premises[0].predicate != RDFS.subClassOf:
        return False
    return conclusion.key == (premises[0].object, RDFS.subClassOf, premises[0].subject, "negative")


def _contradiction(conclusion: Fact, premises: tuple[Fact, ...]) -> bool:
    """C has and lacks the same; or C <= A, C <= B and no A is a B: so no C can be."""
    if conclusion.key[1:] != (RDFS.subClassOf, OWL.Nothing, "positive") or len(premises) < 2:
        return False
    *rest, last = premises
    if last.polarity == "positive":
        return False
    if last.predicate != RDFS.subClassOf:
        return [f.key for f in rest] == [(*last.key[:3], "positive")] and last.subject == conclusion.subject
    if not all(_is_link(f, RDFS.subClassOf, RDF.type) and f.subject == conclusion.subject for f in rest):
        return False
    return {last.subject, last.object} <= {conclusion.subject, *(f.object for f in rest)}


def _impossible_filler(conclusion: Fact, premises: tuple[Fact, ...]) -> bool:
    """C has some D, and no D can be: so no C can be."""
    if len(premises) != 2 or conclusion.key[1:] != (RDFS.subClassOf, OWL.Nothing, "positive"):
        return False
    has, nothing = premises
    same = has.subject == conclusion.subject and has.object == nothing.subject and has.polarity == "positive"
    return same and nothing.key[1:] == (RDFS.subClassOf, OWL.Nothing, "positive")


def _definition(ontology: Ontology, axiom: object, conclusion: Fact, premises: tuple[Fact, ...]) -> bool:
    """Whatever is an A and has (p, f) is a B; C <= A and C has (p, f), so C <= B."""
    if not isinstance(axiom, Definition) or any(f.polarity == "negative" for f in premises):
        return False
    terms, subject = ontology.terms, conclusion.subject
    links = {f.object for f in premises if f.subject == subject and f.predicate in _BELOW} | {subject}
    has = {(f.predicate, f.object) for f in premises if f.subject == subject}
    any_of = {p for p, _ in has}
    fulfilled = all(terms[n] in links for n in axiom.named) and all(
        terms[p] in any_of if terms[f] == OWL.Thing else (terms[p], lexical_form(terms[f])) in has for p, f in axiom.has
    )
    return fulfilled and conclusion.key[1:] == (RDFS.subClassOf, terms[axiom.then], "positive")


def _property_chain(ontology: Ontology, axiom: object, conclusion: Fact, premises: tuple[Fact, ...]) -> bool:
    """C has (p, D), D has (q, E), and p o q <= r: so C has (r, E)."""
    if not isinstance(axiom, Chain) or len(premises) != 2 or any(f.polarity == "negative" for f in premises):
        return False
    terms, (one, two) = ontology.terms, premises
    joined = one.object == two.subject and (one.predicate, two.predicate) == (terms[axiom.first], terms[axiom.second])
    return joined and conclusion.key == (one.subject, terms[axiom.then], two.object, "positive")


def _inverse(ontology: Ontology, axiom: object, conclusion: Fact, premises: tuple[Fact, ...]) -> bool:
    """x p y, and q is the inverse of p: so y q x."""
    if not isinstance(axiom, Mirror) or len(premises) != 1:
        return False
    terms, (fact,) = ontology.terms, premises
    ways = {(terms[axiom.property], terms[axiom.inverse]), (terms[axiom.inverse], terms[axiom.property])}
    turned = (fact.object, fact.subject) == (conclusion.subject, conclusion.object)
    return turned and (fact.predicate, conclusion.predicate) in ways


def _is_link(fact: Fact, *predicates: str) -> bool:
    """Whether a fact puts one term below another."""
    return fact.polarity == "positive" and fact.predicate in predicates


RULES: dict[str, Callable[[Fact, tuple[Fact, ...]], bool]] = {
    "contradiction": _contradiction,
    "disjointness": _disjointness,
    "equivalence": _mutual,
    "filler generalization": _filler_generalization,
    "identity": _mutual,
    "impossible filler": _impossible_filler,
    "inheritance": _inheritance,
    "property hierarchy": _property_hierarchy,
    "subsumption": _subsumption,
}
_WITH_AXIOM: dict[str, Callable[[Ontology, object, Fact, tuple[Fact, ...]], bool]] = {
    "definition": _definition,
    "inverse": _inverse,
    "property chain": _property_chain,
}
