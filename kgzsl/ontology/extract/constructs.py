"""The one table of what each OWL construct becomes; the documentation prints it, and the tests walk it row by row."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CONSTRUCTS", "Construct", "as_markdown"]


@dataclass(frozen=True, slots=True)
class Construct:
    """One row.

    Args:
        construct: as OWL's functional syntax writes it.
        becomes: what it becomes here.
        example: in Turtle, about ``:C``, with the prefixes ``:``, ``owl:``, ``rdfs:`` and ``xsd:``.
        facts: (subject, predicate, object, polarity) that follow from the example, in local names.
        counted: the name under which ``inspect`` counts it, where it is not (wholly) used.
    """

    construct: str
    becomes: str
    example: str
    facts: tuple[tuple[str, str, str, str], ...] = ()
    counted: str = ""


def _r(kind: str, filler: str, property: str = ":p") -> str:
    return f"[ a owl:Restriction ; owl:onProperty {property} ; owl:{kind} {filler} ]"


_SOME_G = _r("someValuesFrom", ":G", ":q")
_HAS = (("C", "p", "F", "positive"),)
_LACKS = (("C", "p", "F", "negative"),)
_IS = (("C", "subClassOf", "D", "positive"),)
_ONE, _NONE = '"1"^^xsd:nonNegativeInteger', '"0"^^xsd:nonNegativeInteger'

CONSTRUCTS: tuple[Construct, ...] = (
    Construct("SubClassOf(C D)", "taxonomy", ":C rdfs:subClassOf :D .", _IS),
    Construct(
        "EquivalentClasses(C D)",
        "taxonomy, both ways",
        ":C owl:equivalentClass :D .",
        (*_IS, ("D", "subClassOf", "C", "positive")),
    ),
    Construct("ObjectSomeValuesFrom(p F)", "a fact", f":C rdfs:subClassOf {_r('someValuesFrom', ':F')} .", _HAS),
    Construct("ObjectHasValue(p f)", "a fact", f":C rdfs:subClassOf {_r('hasValue', ':F')} .", _HAS),
    Construct(
        "DataHasValue(p v)",
        "a fact with a literal; numbers are graded attributes",
        f":C rdfs:subClassOf {_r('hasValue', '7')} .",
        (("C", "p", "7", "positive"),),
    ),
    Construct(
        "ObjectMinCardinality(n p F), ObjectExactCardinality(n p F), n >= 1",
        "a fact",
        f":C rdfs:subClassOf [ a owl:Restriction ; owl:onProperty :p ; owl:minQualifiedCardinality {_ONE} ; "
        "owl:onClass :F ] .",
        _HAS,
    ),
    Construct(
        "ObjectMaxCardinality(0 p F), ObjectExactCardinality(0 p F)",
        "a negative fact",
        f":C rdfs:subClassOf [ a owl:Restriction ; owl:onProperty :p ; owl:maxQualifiedCardinality {_NONE} ; "
        "owl:onClass :F ] .",
        _LACKS,
    ),
    Construct(
        "ObjectMaxCardinality(n p F), n >= 1",
        "not used",
        f":C rdfs:subClassOf [ a owl:Restriction ; owl:onProperty :p ; owl:maxQualifiedCardinality {_ONE} ; "
        "owl:onClass :F ] .",
        counted="maxQualifiedCardinality",
    ),
    Construct(
        "ObjectIntersectionOf(D E)",
        "each part",
        f":C rdfs:subClassOf [ owl:intersectionOf ( :D {_r('someValuesFrom', ':F')} ) ] .",
        (*_IS, *_HAS),
    ),
    Construct(
        "ObjectComplementOf(D)",
        "a negative fact",
        f":C rdfs:subClassOf [ owl:complementOf {_r('someValuesFrom', ':F')} ] .",
        _LACKS,
    ),
    Construct(
        "ObjectUnionOf(D E) above a class",
        "alternatives: one of them is true",
        ":C rdfs:subClassOf [ owl:unionOf ( :D :E ) ] .",
        counted="unionOf",
    ),
    Construct(
        "ObjectUnionOf(D E) below a class",
        "taxonomy: each is below it",
        ":C owl:equivalentClass [ owl:unionOf ( :D :E ) ] .",
        (("D", "subClassOf", "C", "positive"), ("E", "subClassOf", "C", "positive")),
        counted="unionOf",
    ),
    Construct(
        "EquivalentClasses(C expression)",
        "facts of C, and a definition: what fulfills it is a C",
        f":C owl:equivalentClass [ owl:intersectionOf ( :D {_r('someValuesFrom', ':F')} ) ] . "
        f":E rdfs:subClassOf :D , {_r('someValuesFrom', ':F')} .",
        (*_HAS, ("E", "subClassOf", "C", "positive")),
    ),
    Construct(
        "SubClassOf(expression C)",
        "a definition",
        f"{_r('someValuesFrom', ':F')} rdfs:subClassOf :C . :E rdfs:subClassOf {_r('someValuesFrom', ':F')} .",
        (("E", "subClassOf", "C", "positive"),),
    ),
    Construct(
        "ObjectSomeValuesFrom(p expression)",
        "a fact for each named class above the expression",
        f":C rdfs:subClassOf {_r('someValuesFrom', f'[ owl:intersectionOf ( :F {_SOME_G} ) ]')} .",
        _HAS,
    ),
    Construct(
        "ObjectAllValuesFrom(p Nothing)",
        "a negative fact: it has none at all",
        f":C rdfs:subClassOf {_r('allValuesFrom', 'owl:Nothing')} . :D rdfs:subClassOf {_r('someValuesFrom', ':F')} .",
        _LACKS,
    ),
    Construct(
        "ObjectAllValuesFrom(p F)",
        "not used: it does not say that there is any",
        f":C rdfs:subClassOf {_r('allValuesFrom', ':F')} .",
        counted="allValuesFrom",
    ),
    Construct(
        "ObjectOneOf(a)",
        "as the individual, where it is one; else alternatives",
        f":C rdfs:subClassOf {_r('someValuesFrom', '[ owl:oneOf ( :F ) ]')} .",
        _HAS,
    ),
    Construct(
        "ObjectHasSelf(p), restrictions on an inverse property",
        "not used",
        f":C rdfs:subClassOf {_r('someValuesFrom', ':F', '[ owl:inverseOf :p ]')} .",
        counted="restriction on an inverse property",
    ),
    Construct(
        "DisjointClasses(C D), AllDisjointClasses",
        "disjointness, inherited",
        ":C owl:disjointWith :D . :E rdfs:subClassOf :C .",
        (("C", "subClassOf", "D", "negative"), ("E", "subClassOf", "D", "negative")),
    ),
    Construct(
        "DisjointUnion(C D E)",
        "taxonomy, disjointness and alternatives",
        ":C owl:disjointUnionOf ( :D :E ) .",
        (("D", "subClassOf", "C", "positive"), ("D", "subClassOf", "E", "negative")),
        counted="disjointUnionOf",
    ),
    Construct(
        "SubObjectPropertyOf(p q), EquivalentObjectProperties",
        "property hierarchy",
        f":p rdfs:subPropertyOf :q . :C rdfs:subClassOf {_r('someValuesFrom', ':F')} .",
        (("C", "q", "F", "positive"),),
    ),
    Construct(
        "SubObjectPropertyOf(ObjectPropertyChain(p q) r)",
        "property chain",
        f":r owl:propertyChainAxiom ( :p :q ) . :C rdfs:subClassOf {_r('someValuesFrom', ':D')} . "
        f":D rdfs:subClassOf {_r('someValuesFrom', ':F', ':q')} .",
        (("C", "r", "F", "positive"),),
    ),
    Construct(
        "TransitiveObjectProperty(p)",
        "property chain of p with itself",
        f":p a owl:TransitiveProperty . :C rdfs:subClassOf {_r('someValuesFrom', ':D')} . "
        f":D rdfs:subClassOf {_r('someValuesFrom', ':F')} .",
        _HAS,
    ),
    Construct(
        "InverseObjectProperties(p q), SymmetricObjectProperty",
        "plain triples read the other way round",
        ":p owl:inverseOf :q . :C :p :D .",
        (("D", "q", "C", "positive"),),
    ),
    Construct(
        "ObjectPropertyDomain(p D)", "not used: never a fact of a class", ":p rdfs:domain :D .", counted="domain"
    ),
    Construct("ObjectPropertyRange(p D)", "not used: never a fact of a class", ":p rdfs:range :D .", counted="range"),
    Construct(
        "FunctionalObjectProperty(p) and other characteristics",
        "not used",
        ":p a owl:FunctionalProperty .",
        counted="FunctionalProperty",
    ),
    Construct(
        "SameIndividual(a b), sameAs between classes",
        "identity",
        f":C rdfs:subClassOf {_r('hasValue', ':F')} . :F owl:sameAs :G . :G a owl:NamedIndividual .",
        (("C", "p", "G", "positive"),),
    ),
    Construct(
        "ClassAssertion(D a)",
        "who has the individual has something of its class",
        f":C rdfs:subClassOf {_r('hasValue', ':F')} . :F a :D .",
        (("C", "p", "D", "positive"),),
    ),
    Construct(
        "ObjectPropertyAssertion(p C F) about a class (punning)",
        "a fact",
        ":C :p :F . :F a owl:NamedIndividual .",
        _HAS,
    ),
    Construct(
        "NegativeObjectPropertyAssertion(p C F)",
        "a negative fact",
        "[] a owl:NegativePropertyAssertion ; owl:sourceIndividual :C ; owl:assertionProperty :p ; "
        "owl:targetIndividual :F .",
        _LACKS,
    ),
    Construct("AnnotationAssertion", "not used, unless the profile lists it as a fact", ':C rdfs:comment "a note" .'),
    Construct(
        "DatatypeRestriction, DataSomeValuesFrom(p datatype)",
        "not used",
        f":C rdfs:subClassOf {_r('someValuesFrom', 'xsd:integer')} .",
        counted="someValuesFrom with a datatype",
    ),
)


def as_markdown() -> str:
    """The table for the documentation."""
    rows = [f"| `{row.construct}` | {row.becomes} | {row.counted or '-'} |" for row in CONSTRUCTS]
    return "\n".join(["| OWL construct | becomes | counted by `inspect` as |", "|---|---|---|", *rows]) + "\n"
