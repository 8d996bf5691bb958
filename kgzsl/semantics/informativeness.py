"""How much each fact says about which class it is, in bits."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np

from kgzsl.errors import ConfigError, Problem, UnknownTermError
from kgzsl.ontology import Ontology
from kgzsl.ontology.hierarchy import Table, TooLargeError

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["informativeness", "special_cases"]

_NOTHING = 1e-9
"""What sums of likenesses may miss zero by, as floats are rounded."""
_DIGITS = 6
"""To how many digits bits are given, so that names, by which terms are ordered, do not decide through rounding."""
_MOST_ABOVE = 50_000_000
"""How many pairs of a filler and what is above it are listed at most."""


def informativeness(ontology: Ontology, classes: Collection[str], rows: np.ndarray) -> np.ndarray:
    r"""What each fact says about its class, in bits: how well it separates the class from the others.

    For a class c with a fact of key k (its property, filler and polarity), among n classes of which n_k have k,

    .. math:: b = \frac{-\log_2 \tfrac12 (n_k / n + r)}{1 + e},
        \qquad r = \frac{\sum_{d \ne c, d \ni k} s(c, d)}{\sum_{d \ne c} s(c, d)}

    - *class frequency*: the rarer k, the more it says; what all classes share says nothing, 0 bits;
    - *confusability*: r is the share of c's look-alikes that have k too. The likeness s is the cosine of what
      two classes have, keys weighted by their inverse class frequency, k itself left out: stripes say more of a
      zebra among horses than among tigers. A class without look-alikes (whose denominator is 0) has r = n_k / n;
    - *depth*: e facts of c say a special case of this one, by the taxonomy of fillers or that of properties: that
      it is red says less beside that it is scarlet. Of absences the general ones imply the special ones.

    Args:
        ontology: entailed, where what follows counts too.
        classes: IRIs of the classes to tell apart.
        rows: bool (fact,): which facts count, for instance :func:`~kgzsl.semantics.groups.chosen`.

    Returns:
        Bits, float64 (fact,), at most 1 + log2(n); 0 for what is no fact of the classes in ``rows``.

    Raises:
        UnknownTermError: classes that the ontology does not have.
        ConfigError: no classes, or ``rows`` are no mask of the ontology's facts.

    Source: Sparck Jones, "A statistical interpretation of term specificity and its application in retrieval",
    Journal of Documentation 1972 (inverse frequency); weighting by look-alikes and depth is our own.

    Example:
        >>> from kgzsl.ontology import parse_ontology
        >>> o = parse_ontology('''@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
        ... :Zebra a owl:Class ; :pattern :Stripes ; :part :Tail . :Horse a owl:Class ; :part :Tail .
        ... :pattern a owl:ObjectProperty . :part a owl:ObjectProperty .''')
        >>> bits = informativeness(o, o.classes, np.ones(len(o.columns), dtype=bool))
        >>> [(o.label(o.fact(k).subject), o.label(o.fact(k).object), float(bits[k])) for k in range(3)]
        [('horse', 'tail', 0.0), ('zebra', 'tail', 0.0), ('zebra', 'stripes', 1.0)]
    """
    _check(ontology, classes, rows)
    c, worth = ontology.columns, np.zeros(len(ontology.columns))
    members = np.zeros(len(ontology.terms), dtype=bool)
    members[[ontology.index[iri] for iri in classes if iri in ontology.index]] = True
    taken = rows & members[c.subject]
    if taken.any():
        _, of = np.unique(c.subject[taken], return_inverse=True)
        _, key = _keys(ontology, taken)
        bits = _bits(of, key, len(set(classes)))
        worth[taken] = np.round(bits / (1 + special_cases(ontology, taken)[taken]), _DIGITS)
    return worth


def special_cases(ontology: Ontology, rows: np.ndarray) -> np.ndarray:
    """How many facts say a special case of each, of the same subject: that it is scarlet, of that it is red.

    A fact says a special case of another one where its filler is below the other's and its property too, or one of
    them is the same; of absences, where they are above.

    Args:
        ontology: where the taxonomies are.
        rows: bool (fact,): which facts count.

    Returns:
        int (fact,); 0 for what is not in ``rows``.

    Example:
        >>> from kgzsl.ontology import parse_ontology
        >>> o = parse_ontology('''@prefix : <http://e/#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
        ... :Fox a owl:Class ; :color :Scarlet . :color a owl:ObjectProperty .
        ... :Scarlet <http://www.w3.org/2000/01/rdf-schema#subClassOf> :Red .''').entail()
        >>> special = special_cases(o, np.ones(len(o.columns), dtype=bool))
        >>> [(o.label(fact.object), int(special[o.find(fact)])) for fact in o.facts("http://e/#Fox")]
        [('red', 1), ('scarlet', 0)]
    """
    from scipy.sparse import csr_array

    number = np.zeros(len(rows), dtype=np.int64)
    if not rows.any():
        return number
    _, of = np.unique(ontology.columns.subject[rows], return_inverse=True)
    keys, key = _keys(ontology, rows)
    has = csr_array((np.ones(len(of), dtype=np.int32), (of, key)), shape=(int(of.max()) + 1, len(keys)))
    number[rows] = np.asarray((has @ _implied(keys, ontology))[of, key]).ravel()
    return number


def _keys(ontology: Ontology, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Property, filler and polarity packed into one number: each once, sorted; and which of them each fact has."""
    c = ontology.columns
    pair = c.predicate[rows].astype(np.int64) * len(ontology.terms) + c.object[rows]
    return np.unique(pair * 2 + c.negative[rows], return_inverse=True)


def _check(ontology: Ontology, classes: Collection[str], rows: np.ndarray) -> None:
    """Raise what is wrong with the arguments."""
    if not classes:
        raise ConfigError(Problem("no classes to tell apart", expected="IRIs of classes"))
    known = set(ontology.classes)
    missing = [iri for iri in dict.fromkeys(classes) if iri not in known]
    if missing:
        raise UnknownTermError([Problem(f"{iri} is not a class of the ontology") for iri in missing])
    if rows.dtype != bool or rows.shape != ontology.columns.subject.shape:
        expected = f"a mask (bool) of the ontology's {len(ontology.columns)} facts"
        raise ConfigError(Problem(f"rows are {rows.dtype} of shape {rows.shape}", expected=expected))


def _bits(of: np.ndarray, key: np.ndarray, count: int) -> np.ndarray:
    """The formula's numerator, (entry,).

    Args:
        of: class of each entry, (entry,).
        key: its key, (entry,).
        count: how many classes there are.
    """
    having = np.bincount(key)
    share = having[key] / count
    weight = np.where(having > 1, np.log2(count / np.maximum(having, 1)), 0)
    # A key of one class alone is no likeness, but it is a difference: it counts in the length only.
    length = np.sqrt(np.bincount(of, weights=np.log2(1 / share) ** 2))
    x = np.divide(weight[key], length[of], out=np.zeros(len(key)), where=length[of] > 0)
    total, alike = _likeness(of, key, x, shared=(having > 1) & (weight > 0))
    r = np.divide(alike, total, out=share.copy(), where=total > _NOTHING).clip(0, 1)
    r[share == 1] = 1
    return np.log2(2 / (share + r))


def _likeness(of: np.ndarray, key: np.ndarray, x: np.ndarray, *, shared: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Likeness to all other classes, and to those that have the key too, both (entry,), the key itself left out.

    Of one key at a time: what its classes have, summed, times each of them. That takes as many steps as there are
    pairs of facts of one class, and never a matrix of classes by classes.

    Args:
        of: class of each entry.
        key: key of each entry.
        x: weight of each entry, in vectors of length 1.
        shared: bool (key,): which keys make some classes alike.
    """
    from scipy.sparse import csr_array

    column = np.cumsum(shared) - 1
    inside = shared[key]
    shape = (int(of.max()) + 1, int(shared.sum()))
    table = csr_array((x[inside], (of[inside], column[key[inside]])), shape=shape)
    sums = table.sum(axis=0)
    own = np.bincount(of, weights=x**2, minlength=shape[0])[of] - x**2
    common = np.zeros(len(key))
    common[inside] = x[inside] * sums[column[key[inside]]]
    total = (table @ sums)[of] - common - own
    alike = np.zeros(len(key))
    order = np.argsort(key, kind="stable")
    ends = np.searchsorted(key[order], np.arange(len(shared) + 1)).tolist()
    for k in np.flatnonzero(shared).tolist():
        entries = order[ends[k] : ends[k + 1]]
        part = table[of[entries]]
        alike[entries] = part @ part.sum(axis=0) - common[entries] - own[entries]
    return total, alike


def _implied(keys: np.ndarray, ontology: Ontology) -> csr_array:
    """Which key says a special case of which, 1 or 0, (key, key)."""
    from scipy.sparse import csr_array

    size = len(ontology.terms)
    pair, negative = np.divmod(keys, 2)
    predicate, object = np.divmod(pair, size)
    fillers, component = _above_fillers(np.unique(object), ontology), ontology.hierarchy.component
    properties = _above_properties(np.unique(predicate), ontology)
    at, filler = fillers.expand(object)
    also, property = properties.expand(predicate[at])
    at, filler = at[also], filler[also]
    general = (property * size + filler) * 2 + negative[at]
    found = np.searchsorted(keys, general).clip(max=len(keys) - 1)
    strict = (component[object[at]] != component[filler]) | (predicate[at] != property)
    real = strict & (keys[found] == general)
    special, general = at[real], found[real]
    # To lack the general is to lack each special case of it.
    lower = np.where(negative[special] == 1, general, special)
    upper = np.where(negative[special] == 1, special, general)
    return csr_array((np.ones(len(lower), dtype=np.int32), (lower, upper)), shape=(len(keys), len(keys)))


def _above_fillers(terms: np.ndarray, ontology: Ontology) -> Table:
    """What is above each of some fillers, they included; nothing but they, where a taxonomy is too large to list."""
    try:
        return ontology.hierarchy.closure(terms, limit=_MOST_ABOVE)
    except TooLargeError:
        return Table(terms, terms, len(ontology.terms))


def _above_properties(terms: np.ndarray, ontology: Ontology) -> Table:
    """What is above each of some properties, they included and those that equal them not."""
    _, links = ontology.links
    pairs = [(p, p) for p in terms.tolist()]
    for p in terms.tolist():
        equal = links.paths(p, upwards=False)
        pairs += [(p, up) for up in links.paths(p) if up not in equal]
    lower, upper = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return Table(lower, upper, len(ontology.terms))
