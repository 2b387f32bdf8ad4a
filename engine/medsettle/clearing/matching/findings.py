"""What is found about the records of odd rows: `classify` says in a table what is told of what."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from medsettle.clearing.matching.adjusted import ADDED, Adjusted
from medsettle.clearing.matching.at_risk import Claim, claim_of, gap_fen, whole_fen
from medsettle.clearing.matching.book import AMOUNTS, RecordKind, Side
from medsettle.clearing.matching.classes import DifferenceClass
from medsettle.clearing.matching.comparing import (
    class_of,
    columns_of,
    differing_columns,
    mirrors,
    who_differs,
)
from medsettle.clearing.matching.doubles import Doubles, doubled_at
from medsettle.clearing.matching.found import Found
from medsettle.clearing.matching.odd_records import AT, Record, Records
from medsettle.clearing.matching.standing import State, class_by_states, states_of

_CLEARED_BY: Final = frozenset({"pooling_area", "care_area", "insurance_type", "clearing_class"})
"""What decides who pays whom on which notice."""

_NOTHING: Final = frozenset[str]()
_AMOUNTS: Final = tuple(AT[column.name] for column in AMOUNTS)


def findings(records: Records) -> Iterator[Found]:
    """Yield what is found about each record: once, or not at all where the books agree."""
    doubles = Doubles(records)
    adjusted = Adjusted(records, doubles)
    for record in records.records:
        if doubled_at(record):
            risk_fen = whole_fen(_surplus(records, record))
            yield _about(records, record, DifferenceClass.DUPLICATE, risk_fen=risk_fen)
        elif record.kind == RecordKind.SETTLE:
            yield from _of_settlement(records, doubles, adjusted, record)
        elif adjusted.alike(record):
            yield from _compared(records, record, [record], ADDED)
        else:
            yield from _of_belonging(records, doubles, record)


def _of_settlement(
    records: Records, doubles: Doubles, adjusted: Adjusted, record: Record
) -> Iterator[Found]:
    states = states_of(records, record)
    standing = tuple(side for side, state in states.items() if state is State.STANDS)
    lacking = records.lacking(record)
    if standing:
        twin = doubles.twin_of(record)
        if twin is not None:
            risk_fen = whole_fen(_claims(records, [record]).values())
            found = _about(records, record, DifferenceClass.DUPLICATE, risk_fen=risk_fen)
            yield replace(found, twin=twin, shown=(twin.record,))
            return
    unlike = class_by_states(states)
    family = _family(records, doubles, adjusted, record)
    if unlike is None:
        # What was taken back where it stood, and never came to the others, is none of theirs.
        if not lacking:
            left_out = ADDED if adjusted.alike(record) else _NOTHING
            yield from _compared(records, record, family, left_out)
        return
    claims = _claims(records, family)
    risk_fen = gap_fen([claims.get(side) for side in records.sides])
    found = _about(records, record, unlike, risk_fen=risk_fen, shown=family)
    if unlike is DifferenceClass.STATE:
        taken = tuple(side for side, state in states.items() if state in {State.TAKEN, State.ALONE})
        found = replace(found, held_by=taken, missing_at=standing)
    yield replace(found, standing=standing)


def _of_belonging(records: Records, doubles: Doubles, record: Record) -> Iterator[Found]:
    """Yield what is found about a cancel, an adjustment or a deduction."""
    lacking = records.lacking(record)
    twin = doubles.twin_of(record)
    if twin is not None:
        risk_fen = whole_fen(_claims(records, [record]).values())
        found = _about(records, record, DifferenceClass.DUPLICATE, risk_fen=risk_fen)
        yield replace(found, twin=twin, shown=(twin.record,))
        return
    original = records.originals.get(record)
    if original is not None:
        # Where the settlement is missing too, what belongs to it is told with it.
        lacking = tuple(side for side in lacking if side in original.held)
    if not lacking:
        if original is None or not (
            record.kind == RecordKind.CANCEL and mirrors(records, record, original)
        ):
            yield from _compared(records, record, [record])
        return
    if record.kind == RecordKind.CANCEL:
        if original is None:
            yield from _state_by_cancels(records, doubles, record)
            return
        if class_by_states(states_of(records, original)) is not None:
            return
    risk_fen = whole_fen(_claims(records, [record]).values())
    found = _about(records, record, _class_of_correction(records, record), risk_fen=risk_fen)
    yield replace(found, missing_at=lacking)


def _state_by_cancels(records: Records, doubles: Doubles, record: Record) -> Iterator[Found]:
    """Yield the state of a settlement that is not odd itself, with the first of its cancels.

    Books may have taken it back under ids of their own that were not matched.
    """
    settlement = records.original_id(record)
    cancels = records.cancels[settlement]
    told = [each for each in cancels if not doubled_at(each) and doubles.twin_of(each) is None]
    taken = {side for each in cancels for side in each.held}
    standing = tuple(side for side in records.sides if side not in taken)
    if record is not told[0] or not standing:
        return
    risk_fen = max(whole_fen(_claims(records, [each]).values()) for each in told)
    found = _about(records, record, DifferenceClass.STATE, risk_fen=risk_fen, shown=cancels)
    yield replace(
        found,
        item=f"{RecordKind.SETTLE}:{settlement}",
        settlement=settlement,
        held_by=tuple(side for side in records.sides if side in taken),
        missing_at=standing,
        standing=standing,
    )


def _class_of_correction(records: Records, record: Record) -> DifferenceClass:
    """Return the class of what some books have beside a settlement and others have not."""
    if record.kind == RecordKind.DEDUCTION:
        return DifferenceClass.DEDUCTION
    rows = records.first_rows(record).values()
    moves = any(row[place] for row in rows for place in _AMOUNTS)
    return DifferenceClass.AMOUNT if moves else DifferenceClass.SPLIT


def _compared(
    records: Records,
    record: Record,
    family: Sequence[Record],
    left_out: frozenset[str] = _NOTHING,
) -> Iterator[Found]:
    """Yield how the rows of a record that the books have differ, if they do.

    What is `left_out` was made equal by an adjustment.
    """
    differing = tuple(name for name in differing_columns(records, record) if name not in left_out)
    unlike = class_of(differing)
    if unlike is None:
        return
    if record.kind == RecordKind.DEDUCTION:
        unlike = DifferenceClass.DEDUCTION
    claims = list(_claims(records, family).values())
    rows = records.first_rows(record)
    risk_fen = 0
    match unlike:
        case DifferenceClass.AMOUNT | DifferenceClass.SPLIT | DifferenceClass.DEDUCTION:
            risk_fen = gap_fen(claims)
        case DifferenceClass.PERSON:
            risk_fen = whole_fen(claims)
        case DifferenceClass.FACT if _CLEARED_BY & set(differing):
            risk_fen = whole_fen(claims)
        case DifferenceClass.PERIOD:
            months = {str(row[AT["record_date"]])[: len("YYYY-MM")] for row in rows.values()}
            own = _claims(records, [record]).values()
            risk_fen = whole_fen(own) if len(months) > 1 else 0
    found = _about(records, record, unlike, risk_fen=risk_fen, differing=differing)
    apart = who_differs(rows, columns_of(unlike, differing))
    # Who lacks it lacks what it belongs to as well, and that is told there.
    yield replace(found, odd_one_out=apart, missing_at=())


def _about(
    records: Records,
    record: Record,
    difference_class: DifferenceClass,
    *,
    risk_fen: int,
    shown: Sequence[Record] = (),
    differing: tuple[str, ...] | None = None,
) -> Found:
    return Found(
        record,
        difference_class,
        record.item,
        record.settlement,
        tuple(side for side in records.sides if side in record.held),
        records.lacking(record),
        differing_columns(records, record) if differing is None else differing,
        shown=tuple(shown),
        at_risk_fen=risk_fen,
    )


def _family(records: Records, doubles: Doubles, adjusted: Adjusted, record: Record) -> list[Record]:
    """Return a settlement, its cancels, and what else belongs to it where both are or neither.

    What a book lacks and is told as a difference of its own is left out; adjustments that make
    books equal are not told, and count.
    """
    everywhere = set(record.held)
    return [record] + [
        each
        for each in records.belonging.get(record, [])
        if (
            doubles.twin_of(each) is None
            if each.kind == RecordKind.CANCEL
            else everywhere <= set(each.held) or adjusted.alike(each)
        )
    ]


def _claims(records: Records, family: Sequence[Record]) -> dict[Side, Claim]:
    """Return what the first rows of some records claim together at each side that has any."""
    held = {
        side: [records.rows[side][each.held[side][0]] for each in family if side in each.held]
        for side in records.sides
    }
    return {side: claim_of(rows) for side, rows in held.items() if rows}


def _surplus(records: Records, record: Record) -> list[Claim]:
    """Return what the rows of a record claim beyond the first, by side."""
    return [
        claim_of(records.rows[side][number] for number in numbers[1:])
        for side, numbers in record.held.items()
        if len(numbers) > 1
    ]
