"""Checks of what the seen classes can teach of the unseen ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from kgzsl.semantics.lint.case import Case
from kgzsl.semantics.lint.found import Found
from kgzsl.semantics.lint.of_classes import alike_groups, alike_message

__all__ = [
    "alike_as_learned",
    "alike_unseen",
    "confounded",
    "contained",
    "imbalanced",
    "nearly_confounded",
    "never_seen",
    "nothing_learned",
    "seen_in_all",
]

RARE = 0.02
"""An attribute of at most this share of the seen classes (or of one) is rare; likewise for those without it."""

TOGETHER = 0.75
"""An attribute mostly comes with another where this share of its seen holders has the other too."""

USUAL = 0.5
"""An attribute of more than this share of the seen classes comes with most others anyway."""

SHOWN = 20
"""Of the classes that have all that an unseen class has, so many are listed; there may be thousands."""

COLUMNS = 1024
"""Columns that are compared with all others at a time."""


def alike_unseen(case: Case) -> Iterator[Found]:
    """Groups of classes that no attribute tells apart, an unseen one among them."""
    for rows in alike_groups(case, case.groups):
        classes = case.row_classes(rows.tolist())
        unseen = set(classes) & set(case.unseen)
        if unseen:
            yield Found(f"{alike_message(case, classes)} ({len(unseen):,} unseen)", classes=classes)


def never_seen(case: Case) -> Iterator[Found]:
    """Attributes of unseen classes that no seen class has."""
    for column in np.flatnonzero((case.seen_count == 0) & (case.unseen_count > 0)).tolist():
        classes = _unseen_with(case, column)
        message = f"{case.column_name(column)}: no seen class has it, {_counted(case, classes)}"
        yield Found(message, classes=classes, attributes=case.column_attributes([column]))


def seen_in_all(case: Case) -> Iterator[Found]:
    """Attributes that every seen class has, and some unseen class has not."""
    everywhere = (case.seen_count == len(case.seen)) & (case.unseen_count < len(case.unseen)) & ~case.learned
    for column in np.flatnonzero(everywhere).tolist():
        has = set(_unseen_with(case, column))
        classes = tuple(c for c in case.unseen if c not in has)
        message = f"{case.column_name(column)}: every seen class has it, {_counted(case, classes)} not"
        yield Found(message, classes=classes, attributes=case.column_attributes([column]))


def nothing_learned(case: Case) -> Iterator[Found]:
    """Unseen classes that have attributes, but not one in which the seen classes differ."""
    has = case.cells.has[case.unseen_rows]
    helpless = (has.getnnz(axis=1) > 0) & (has[:, np.flatnonzero(case.learned)].getnnz(axis=1) == 0)
    classes = tuple(c for c, yes in zip(case.unseen, helpless.tolist(), strict=True) if yes)
    if classes:
        message = f"{len(classes):,} of {len(case.unseen):,} unseen classes: {case.names(classes)}"
        yield Found(message, classes=classes)


def alike_as_learned(case: Case) -> Iterator[Found]:
    """Unseen classes that differ from each other only in attributes which seen classes cannot teach."""
    whole = case.cells.groups(case.unseen_rows)
    learned = case.cells.groups(case.unseen_rows, case.learned)
    for rows in learned.rows():
        if len(rows) > 1 and len(set(whole.of[rows].tolist())) > 1:
            classes = tuple(case.unseen[k] for k in rows.tolist())
            has = case.cells.has[case.unseen_rows[rows]].getnnz(axis=0)
            columns = np.flatnonzero(~case.learned & (has > 0) & (has < len(rows))).tolist()
            attributes = case.column_attributes(columns)
            by = f": only {case.attribute_names(attributes)} would tell them" if attributes else ""
            message = f"{case.names(classes)} are alike in all that is learned{by}"
            yield Found(message, classes=classes, attributes=attributes)


def confounded(case: Case) -> Iterator[Found]:
    """Attributes that the same seen classes have, and that come apart in unseen ones."""
    seen = case.cells.has[case.seen_rows].T.tocsr()
    together: dict[bytes, list[int]] = defaultdict(list)
    for column in np.flatnonzero(case.learned & ~case.cells.graded).tolist():
        holders = np.sort(seen.indices[seen.indptr[column] : seen.indptr[column + 1]])
        together[holders.tobytes()].append(column)
    for columns in together.values():
        if len(columns) > 1:
            some = case.unseen_has[:, columns].getnnz(axis=1)
            apart = (some > 0) & (some < len(columns))
            if apart.any():
                classes = tuple(c for c, yes in zip(case.unseen, apart.tolist(), strict=True) if yes)
                attributes = case.column_attributes(columns)
                share = f"the same {case.seen_count[columns[0]]:,} of {len(case.seen):,} seen classes have all of"
                message = f"{share} {case.attribute_names(attributes)}; they come apart in {case.names(classes)}"
                yield Found(message, classes=classes, attributes=attributes)


def nearly_confounded(case: Case) -> Iterator[Found]:
    """Attributes whose seen holders mostly have another attribute too, and whose unseen holders never have it."""
    seen = case.cells.has[case.seen_rows].astype(np.float32).tocsc()
    unseen = case.unseen_has.astype(np.float32)
    count, elsewhere = case.seen_count, case.unseen_count
    usual = count > USUAL * len(case.seen)
    for start in range(0, len(count), COLUMNS):
        block = slice(start, start + COLUMNS)
        both = (seen[:, block].T @ seen).toarray()
        near = (both >= TOGETHER * count[block, None]) & (count[block, None] >= 3) & ~usual[None, :]
        near &= (both < count[block, None]) | (both < count[None, :])  # of the same classes: another check's
        near &= ~(case.cells.graded[block, None] | case.cells.graded[None, :])
        near &= ((unseen[:, block].T @ unseen).toarray() == 0) & (elsewhere[block, None] > 0)
        for row, other in np.argwhere(near).tolist():
            yield _pair(case, start + row, other, int(both[row, other]))


def _pair(case: Case, column: int, other: int, both: int) -> Found:
    """What is said of an attribute that mostly comes with another."""
    attributes = case.column_attributes([column, other])
    name, companion = (case.attribute_name(a) for a in attributes)
    classes = _unseen_with(case, column)
    message = (
        f"{name}: {both:,} of the {int(case.seen_count[column]):,} seen classes with it have {companion} too, "
        f"no unseen class with it has ({case.names(classes)})"
    )
    return Found(message, classes=classes, attributes=attributes)


def imbalanced(case: Case) -> Iterator[Found]:
    """Attributes that very few seen classes have, or nearly all."""
    total = len(case.seen)
    few = max(1, int(RARE * total))
    if total < 4:
        return
    odd = case.learned & ~case.cells.graded & ((case.seen_count <= few) | (case.seen_count >= total - few))
    for column in np.flatnonzero(odd).tolist():
        count = int(case.seen_count[column])
        message = f"{case.column_name(column)}: {count:,} of {total:,} seen classes ({100 * count / total:.1f} %)"
        yield Found(message, attributes=case.column_attributes([column]))


def contained(case: Case) -> Iterator[Found]:
    """Unseen classes all of whose attributes another class has too, with more besides.

    Column by column the holders are packed into bits; those that have all attributes of a class are
    the conjunction of its columns, so that no pair of classes is looked at one by one.
    """
    has, lacks, degrees = case.cells.has, case.cells.lacks, case.cells.degrees
    numbers = set(np.flatnonzero(case.cells.graded).tolist())
    columns = has.tocsc()
    held = [np.packbits(columns[:, k : k + COLUMNS].T.toarray(), axis=1) for k in range(0, columns.shape[1], COLUMNS)]
    holders = np.vstack(held) if held else np.zeros((0, 0), dtype=np.uint8)
    sizes = has.getnnz(axis=1)
    for row in case.unseen_rows.tolist():
        own = has.indices[has.indptr[row] : has.indptr[row + 1]]
        if not len(own):
            continue
        bits = np.bitwise_and.reduce(holders[own], axis=0)
        for column in lacks.indices[lacks.indptr[row] : lacks.indptr[row + 1]].tolist():
            bits &= ~holders[column]  # a stated absence tells them apart
        candidates = _positions(bits)
        for column in numbers.intersection(own.tolist()):  # and so does another number
            same = degrees[candidates][:, [column]].toarray().ravel() == degrees[row, column]
            candidates = candidates[same]
        larger = candidates[sizes[candidates] > sizes[row]]
        if len(larger):
            others = case.row_classes(larger[:SHOWN].tolist())
            more = f" and {len(larger) - 3:,} more" if len(larger) > 3 else ""
            names = ", ".join(sorted(case.ontology.label(c) for c in others[:3])) + more
            message = f"{case.ontology.label(case.classes[row])}: all of its {len(own):,} attributes hold for {names}"
            yield Found(message, classes=(case.classes[row], *others))


def _positions(bits: np.ndarray) -> np.ndarray:
    """Positions of the bits that are set; most bytes are 0, so that only the others are unpacked."""
    places = np.flatnonzero(bits)
    byte, bit = np.nonzero(np.unpackbits(bits[places, None], axis=1))
    return 8 * places[byte] + bit


def _unseen_with(case: Case, column: int) -> tuple[str, ...]:
    """The unseen classes that have an attribute."""
    has = case.unseen_has
    return tuple(case.unseen[k] for k in sorted(has.indices[has.indptr[column] : has.indptr[column + 1]].tolist()))


def _counted(case: Case, classes: tuple[str, ...]) -> str:
    """How many unseen classes, and which."""
    number = f"{len(classes):,} unseen {'class has' if len(classes) == 1 else 'classes have'}"
    return f"{number} ({case.names(classes)})"
