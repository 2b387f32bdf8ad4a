"""In which columns the rows of one record differ, and what class follows from the columns."""

from collections.abc import Collection, Mapping, Sequence
from itertools import combinations
from operator import itemgetter
from typing import Final

from medsettle.clearing.matching.book import AMOUNTS, BOOK, OWN, SHARES, VERSIONS, RecordKind, Side
from medsettle.clearing.matching.classes import DifferenceClass
from medsettle.clearing.matching.odd_records import AT, Record, Records, Values
from medsettle.clearing.matching.standing import adds_up_to_zero

# Ids are compared as the records that they name; the kind is the same in all rows of a record.
_BY_ITSELF: Final = frozenset({"settlement", "original", "kind"})
_COMPARED: Final = tuple(column.name for column in BOOK if column.name not in OWN | _BY_ITSELF)
_picked: Final = itemgetter(*(AT[name] for name in _COMPARED))
_CLASSES: Final[tuple[tuple[DifferenceClass, frozenset[str]], ...]] = (
    (DifferenceClass.PERSON, frozenset({"person", "card", "credential_type"})),
    (DifferenceClass.AMOUNT, frozenset(column.name for column in AMOUNTS)),
    (DifferenceClass.SPLIT, frozenset(column.name for column in SHARES)),
    (
        DifferenceClass.FACT,
        frozenset(_COMPARED).union({"settlement", "original"})
        - {column.name for column in (*AMOUNTS, *SHARES, *VERSIONS)}
        - {"person", "card", "credential_type", "record_date"},
    ),
    (DifferenceClass.PERIOD, frozenset({"record_date"})),
    (DifferenceClass.VERSION, frozenset(column.name for column in VERSIONS)),
)


def differing_columns(found: Records, record: Record) -> tuple[str, ...]:
    """Return the columns in which two rows of a record have unlike values, in the order of `BOOK`.

    Rows of one book that has it twice are compared with one another too. Nulls are not compared.
    """
    rows = [
        _picked(found.rows[side][number]) for side, held in record.held.items() for number in held
    ]
    names = _unlike(rows)
    if len(set(record.ids.values())) > 1:
        names.add("settlement")
    if record.kind != RecordKind.SETTLE and _unlike_originals(found, record):
        names.add("original")
    return tuple(name for name in AT if name in names) if names else ()


def _unlike(rows: Sequence[Values]) -> set[str]:
    """Return the columns in which two of some rows have unlike values."""
    distinct = list(dict.fromkeys(rows))
    # Mostly two; by columns only where a book has one id very often.
    if len(distinct) <= len(Side):
        return {
            name
            for one, other in combinations(distinct, 2)
            for name, value, its in zip(_COMPARED, one, other, strict=True)
            if value != its and value is not None and its is not None
        }
    names = set()
    for name, values in zip(_COMPARED, zip(*distinct, strict=True), strict=True):
        if len({value for value in values if value is not None}) > 1:
            names.add(name)
    return names


def _unlike_originals(found: Records, record: Record) -> bool:
    stated = [
        found.original_at(record, side)
        for side, row in found.first_rows(record).items()
        if row[AT["original"]] is not None
    ]
    return any(each != stated[0] for each in stated[1:])


def class_of(differing: Collection[str]) -> DifferenceClass | None:
    """Return the class of records that differ in these columns, by precedence; None for none."""
    names = set(differing)
    return next((found for found, columns in _CLASSES if columns & names), None)


def columns_of(difference_class: DifferenceClass, differing: Collection[str]) -> list[str]:
    """Return those of the columns that a class is told for, in the order of `BOOK`."""
    own = dict(_CLASSES).get(difference_class, frozenset())
    return [column.name for column in BOOK if column.name in own and column.name in differing]


def mirrors(found: Records, cancel: Record, original: Record) -> bool:
    """Return whether a cancel differs just as its original does, so that both are told once."""
    own, others = differing_columns(found, cancel), differing_columns(found, original)
    both = [side for side in cancel.held if side in original.held]
    return set(own) <= set(others) and all(
        adds_up_to_zero(found, side, [original, cancel]) for side in both
    )


def who_differs(rows: Mapping[Side, Values], differing: Collection[str]) -> Side | None:
    """Return the one of three sides that two others, who agree, differ from; None if unclear."""
    places = [AT[name] for name in differing if name != "settlement"]

    def agree(one: Values, other: Values) -> bool:
        return all(one[at] == other[at] or None in {one[at], other[at]} for at in places)

    if len(rows) < len(Side):
        return None
    apart = [
        side for side in rows if agree(*(row for other, row in rows.items() if other is not side))
    ]
    return apart[0] if len(apart) == 1 else None
