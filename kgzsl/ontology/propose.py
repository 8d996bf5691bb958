"""A profile for an ontology that nobody described: what each predicate joins, and what that makes it look like."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Literal

from kgzsl.ontology.names import split_words
from kgzsl.ontology.profile import Profile
from kgzsl.ontology.reading.triples import Triples
from kgzsl.ontology.vocabulary import ANNOTATION, BUILT_IN, OWL, RDF, RDFS, SKOS, is_literal, lexical_form, local_name

__all__ = ["PredicateUse", "ProposedProfile", "Role", "propose", "propose_for_files"]

Role = Literal["taxonomy", "identity", "negative", "label", "alternative label", "attribute", "annotation", "none"]

_OBO = "http://www.geneontology.org/formats/oboInOwl#"
# Predicates whose meaning is published: nothing is to be guessed.
_KNOWN: dict[str, tuple[Role, str]] = {
    RDFS.subClassOf: ("taxonomy", "RDFS says so"),
    SKOS.broader: ("taxonomy", "SKOS says so"),
    SKOS.broaderTransitive: ("taxonomy", "SKOS says so"),
    SKOS.narrower: ("none", "the inverse of skos:broader"),
    SKOS.narrowerTransitive: ("none", "the inverse of skos:broaderTransitive"),
    OWL.equivalentClass: ("identity", "OWL says so"),
    OWL.sameAs: ("identity", "OWL says so"),
    SKOS.exactMatch: ("identity", "SKOS says so"),
    OWL.disjointWith: ("negative", "OWL says so"),
    SKOS.prefLabel: ("label", "SKOS says so"),
    RDFS.label: ("label", "RDFS says so"),
    "https://schema.org/name": ("label", "schema.org says so"),
    "http://schema.org/name": ("label", "schema.org says so"),
    SKOS.altLabel: ("alternative label", "SKOS says so"),
    SKOS.hiddenLabel: ("alternative label", "SKOS says so"),
    f"{_OBO}hasExactSynonym": ("alternative label", "OBO says so"),
    f"{_OBO}hasRelatedSynonym": ("alternative label", "OBO says so"),
    RDFS.comment: ("annotation", "RDFS says so"),
    RDFS.seeAlso: ("annotation", "RDFS says so"),
    RDFS.isDefinedBy: ("annotation", "RDFS says so"),
    "http://www.wikidata.org/prop/direct/P279": ("taxonomy", "Wikidata's 'subclass of'"),
    "http://www.wikidata.org/prop/direct/P31": ("taxonomy", "Wikidata's 'instance of'"),
}
# What the words of a predicate's name betray: between terms, and before text.
_LINK_WORDS: tuple[tuple[str, Role], ...] = (
    (r"(is )?(sub ?class|sub ?type|sub ?concept)( of)?|is a|is ?a|a kind of|(is )?kind of|instance of", "taxonomy"),
    (r"(has )?(broader|hypernym|parent|super ?class|super ?type)( \w+)?", "taxonomy"),
    (r"(is )?(same|equivalent|identical)( \w+)*|(exact|close) match", "identity"),
    (r"(is )?disjoint( \w+)*|lacks?( \w+)*|without( \w+)*|(has|is|does) (no|not)( \w+)*|not \w+( \w+)*", "negative"),
)
_TEXT_WORDS: tuple[tuple[str, Role], ...] = (
    (r"(\w+ )*(alt|alternative|alias|aka|synonym|synonyms|nick ?name|hidden|other)( \w+)*", "alternative label"),
    (r"(\w+ )*(label|name|title|caption)", "label"),
    (r"(\w+ )*(comment|note|definition|description|abstract|gloss|source|version|date|creator|id)", "annotation"),
)
_STRUCTURE = (str(RDF), str(OWL))
_NUMBERED = re.compile(r".*[#/]n\d+")
_ANNOTATES = "declared an annotation property, but "
_LONG = 60  # characters: names are shorter, and comments longer


@dataclass(frozen=True)
class PredicateUse:
    """How a predicate is used, and what that makes it look like.

    Args:
        predicate: its IRI.
        uses: number of triples with it, and of restrictions on it.
        joins: kinds of subject and object ("class -> text") with their numbers, the most frequent first.
        role: what it looks like.
        reason: why.
    """

    predicate: str
    uses: int
    joins: tuple[tuple[str, int], ...]
    role: Role
    reason: str


@dataclass(frozen=True)
class ProposedProfile:
    """A profile, and the reasons for it.

    Args:
        profile: to be saved with :func:`~kgzsl.ontology.profile.dump`, and mended.
        predicates: every predicate with the role that it looks like, the most used first.
        notes: why the other fields are as they are, and what to look at.
    """

    profile: Profile
    predicates: tuple[PredicateUse, ...]
    notes: tuple[str, ...] = ()

    def with_role(self, role: Role) -> tuple[str, ...]:
        """The predicates of a role, the most used first."""
        return tuple(use.predicate for use in self.predicates if use.role == role)


def propose_for_files(*paths: str | Path, name: str = "proposed") -> ProposedProfile:
    """A profile for the triples of some files; no profile is needed to read them.

    Raises:
        FormatError: a file is not what its suffix says.
        ParseError: malformed text.
    """
    triples = Triples()
    for path in paths:
        triples.read(Path(path))
    return propose(triples, name=name)


def propose(triples: Triples, *, name: str = "proposed") -> ProposedProfile:
    """A profile for some triples, from published meanings first, then names, then shapes.

    A predicate whose meaning RDFS, OWL, SKOS or OBO published has that. Of the others, those
    that lead to text are names or annotations, by their own name and the text's length; those
    between terms are taxonomy, identity or negative by their name, taxonomy where they
    order one kind of term without a cycle, several steps deep, and attributes otherwise.

    Args:
        triples: the triples.
        name: the name for the profile.

    Example:
        >>> from pathlib import Path
        >>> triples = Triples()
        >>> triples.parse(b'''@prefix : <http://e/#> .
        ... :zebra :kindOf :equine ; :commonName "zebra" ; :hasNo :horns ; :pattern :stripes .
        ... :equine :kindOf :animal .''', "Turtle", Path("text"))
        >>> found = propose(triples)
        >>> [(local_name(use.predicate), use.role) for use in sorted(found.predicates, key=lambda u: u.predicate)]
        [('commonName', 'label'), ('hasNo', 'negative'), ('kindOf', 'taxonomy'), ('pattern', 'attribute')]
    """
    seen = _look(triples)
    predicates = sorted({*seen.pairs, *seen.restricted})
    uses = [_use(triples.terms[p], p, seen, triples) for p in predicates if not triples.terms[p].startswith("_:")]
    uses.sort(key=lambda use: (-use.uses, use.predicate))
    return _assemble(uses, seen, triples, name)


@dataclass
class _Seen:
    """One pass over the triples: pairs by predicate, types of terms, properties of restrictions."""

    pairs: dict[int, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))
    types: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    restricted: Counter[int] = field(default_factory=Counter)
    ordered: bool = False  # by a predicate that is published as a taxonomy

    def kind(self, term: int, text: str) -> str:
        """What kind of term it is, in a word or two."""
        if is_literal(text):
            body = lexical_form(text)
            return "number" if re.fullmatch(r"[+-]?\d+(\.\d+)?", body) else "text"
        if text.startswith("_:"):
            return "expression"
        types = self.types.get(term, set())
        if types & {OWL.Class, RDFS.Class, SKOS.Concept}:
            return "class"
        if any(t.endswith("Property") for t in types):
            return "property"
        return "individual" if types else "term"


def _look(triples: Triples) -> _Seen:
    """All that the roles are guessed from."""
    seen = _Seen()
    terms = triples.terms
    for subject, predicate, object, *_ in triples:
        seen.pairs[predicate].append((subject, object))
        if terms[predicate] == RDF.type:
            seen.types[subject].add(terms[object])
        elif terms[predicate] == OWL.onProperty:
            seen.restricted[object] += 1
    seen.ordered = any(_KNOWN.get(terms[p], ("", ""))[0] == "taxonomy" for p in seen.pairs)
    return seen


def _use(iri: str, predicate: int, seen: _Seen, triples: Triples) -> PredicateUse:
    """How one predicate is used."""
    pairs = seen.pairs.get(predicate, [])
    terms = triples.terms
    joins = Counter(f"{seen.kind(s, terms[s])} -> {seen.kind(o, terms[o])}" for s, o in pairs)
    if seen.restricted[predicate]:
        joins["class -> restriction"] = seen.restricted[predicate]
    role, reason = _role(iri, predicate, pairs, seen, triples)
    ordered = tuple(sorted(joins.items(), key=lambda item: (-item[1], item[0])))
    return PredicateUse(iri, len(pairs) + seen.restricted[predicate], ordered, role, reason)


def _role(iri: str, predicate: int, pairs: list[tuple[int, int]], seen: _Seen, triples: Triples) -> tuple[Role, str]:
    """The role that a predicate looks like, and why."""
    if iri in _KNOWN:
        return _KNOWN[iri]
    if seen.restricted[predicate]:
        count = seen.restricted[predicate]
        return "attribute", f"{count:,} restriction{'s' * (count != 1)} on it"
    if iri.startswith(_STRUCTURE):
        return "none", "part of OWL's own syntax"
    if iri.startswith(ANNOTATION):
        return "annotation", "of a vocabulary that only annotates"
    if iri.startswith(BUILT_IN):
        return "none", "about properties"
    words = split_words(local_name(iri)).lower()
    if all(seen.kind(s, triples.terms[s]) == "property" for s, _ in pairs):
        return "annotation", "says something about properties, not about classes"
    literals = [lexical_form(triples.terms[o]) for _, o in pairs if is_literal(triples.terms[o])]
    if len(literals) * 2 > len(pairs):
        return _role_of_text(words, literals, pairs)
    return _role_of_link(words, [(s, o) for s, o in pairs if not is_literal(triples.terms[o])], predicate, seen)


def _role_of_text(words: str, literals: list[str], pairs: list[tuple[int, int]]) -> tuple[Role, str]:
    """A predicate that leads to text or numbers."""
    for pattern, role in _TEXT_WORDS:
        if re.fullmatch(pattern, words):
            return role, f"leads to text, and is called {words!r}"
    if all(re.fullmatch(r"[+-]?\d+(\.\d+)?", text) for text in literals):
        return "attribute", "leads to numbers"
    mean = sum(map(len, literals)) / len(literals)
    if mean > _LONG:
        return "annotation", f"leads to long text ({mean:.0f} characters on average)"
    several = len(pairs) > len({s for s, _ in pairs})
    if len(set(literals)) * 10 < len(literals) * 9:
        return "attribute", f"leads to few texts ({len(set(literals)):,}), each shared by several terms"
    return "annotation", f"leads to {'several texts' if several else 'a text of its own'} for each term"


def _role_of_link(words: str, pairs: list[tuple[int, int]], predicate: int, seen: _Seen) -> tuple[Role, str]:
    """A predicate that joins terms."""
    for pattern, role in _LINK_WORDS:
        if re.fullmatch(pattern, words):
            return role, f"joins terms, and is called {words!r}"
    depth = _depth(pairs)
    parents = len(pairs) / max(1, len({s for s, _ in pairs}))
    # Shape alone is weak: part-of orders terms, too. It counts where nothing else is the taxonomy.
    if depth >= 3 and parents < 1.5 and not seen.ordered and not re.search(r"\bpart\b", words):
        return "taxonomy", f"orders terms without a cycle, {depth} steps deep, {parents:.1f} above each"
    subjects, objects = {s for s, _ in pairs}, {o for _, o in pairs}
    declared = (
        "declared an annotation property, but " if OWL.AnnotationProperty in seen.types.get(predicate, ()) else ""
    )
    return "attribute", f"{declared}joins {len(subjects):,} terms to {len(objects):,} fillers"


def _depth(pairs: list[tuple[int, int]]) -> int:
    """The most steps one behind the other; 0 if there is a cycle."""
    up: dict[int, set[int]] = defaultdict(set)
    waiting: Counter[int] = Counter()
    for lower, upper in set(pairs):
        up[lower].add(upper)
        waiting[upper] += 1
    ready = {s: 0 for s, _ in pairs if not waiting[s]}
    depth, done, nodes = 0, 0, {t for pair in pairs for t in pair}
    todo = list(ready)
    while todo:
        here = todo.pop()
        done += 1
        depth = max(depth, ready[here])
        for upper in up.get(here, ()):
            ready[upper] = max(ready.get(upper, 0), ready[here] + 1)
            waiting[upper] -= 1
            if not waiting[upper]:
                todo.append(upper)
    return depth if done == len(nodes) else 0


def _assemble(uses: list[PredicateUse], seen: _Seen, triples: Triples, name: str) -> ProposedProfile:
    """The profile of the roles, and notes on the rest."""
    draft = ProposedProfile(Profile(name, "declared"), tuple(uses))
    declared = {t for t, kinds in seen.types.items() if kinds & {OWL.Class, RDFS.Class, SKOS.Concept}}
    numbered = not declared and any(_NUMBERED.fullmatch(term) for term in triples.terms)
    values: dict[str, object] = {"classes": "numbered" if numbered else "declared"}
    if numbered:
        notes = ["classes: no class is declared, and terms are numbered (n123, a123)"]
        values["inherits"] = False
        notes.append("inherits: numbered classes are K-ZSL's, whose facts describe a category and not each kind of it")
    else:
        notes = [f"classes: {len(declared):,} terms are declared as classes"]
        if not declared:
            notes.append("look at this: no term is a class, so nothing will be found until classes are declared")
    defaults = {f.name: getattr(draft.profile, f.name) for f in fields(Profile)}
    roles: dict[str, Role] = {"taxonomy": "taxonomy", "identity": "identity", "label": "label"}
    roles |= {"alternative": "alternative label", "negative": "negative"}
    for key, role in roles.items():
        found = draft.with_role(role)
        known = [p for p in defaults[key] if p in found]
        values[key] = (*known, *(p for p in found if p not in known)) or defaults[key]
        if set(found) <= set(defaults[key]):
            values[key] = defaults[key]
    annotations = tuple(u.predicate for u in uses if u.role == "attribute" and u.reason.startswith(_ANNOTATES))
    values["annotations_as_facts"] = annotations
    notes += _notes_on_labels(values, draft.with_role("label"), seen, triples)
    if not draft.with_role("attribute"):
        notes.append("look at this: no predicate looks like an attribute, so classes could not be told apart")
    return ProposedProfile(Profile(name, **values), tuple(uses), tuple(notes))  # type: ignore[arg-type]


def _notes_on_labels(values: dict[str, object], labels: tuple[str, ...], seen: _Seen, triples: Triples) -> list[str]:
    """Sets ``synonyms`` and ``language`` from the labels, and says why."""
    notes = []
    texts = [triples.terms[o] for p in labels for _, o in seen.pairs.get(triples.find(p), ())]
    texts = [text for text in texts if is_literal(text)]
    joined = sum(bool(re.search(r"\w_\w|\w,\s*\w", lexical_form(t))) and "_" in lexical_form(t) for t in texts)
    if texts and joined * 10 > len(texts):
        values["synonyms"] = True
        notes.append(f"synonyms: {joined:,} of {len(texts):,} labels hold names with underscores or commas")
    tags = Counter(t[t.rindex('"') + 2 :].lower().partition("-")[0] for t in texts if t[t.rindex('"') + 1 :][:1] == "@")
    if tags and "en" not in tags:
        values["language"] = tags.most_common(1)[0][0]
        notes.append(f"language: {tags[str(values['language'])]:,} labels are marked @{values['language']}, none @en")
    return notes
