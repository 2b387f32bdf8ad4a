"""What stands of a settlement in each book, and which class of difference follows from it.

    absent    neither the settlement nor anything that takes it back
    stands    the settlement, and nothing that takes all of it back
    taken     the settlement and what takes it back; they add up to zero
    alone     what takes it back, without the settlement

A book in which it is absent and one in which it is taken say the same: nothing is owed.
"""

from collections.abc import Mapping
from enum import StrEnum

from medsettle.clearing.matching.book import AMOUNTS, SHARES, RecordKind, Side
from medsettle.clearing.matching.classes import DifferenceClass
from medsettle.clearing.matching.odd_records import AT, Record, Records

_AMOUNTS = tuple(AT[column.name] for column in (*AMOUNTS, *SHARES))


class State(StrEnum):
    """What a book has of a settlement."""

    ABSENT = "absent"
    STANDS = "stands"
    TAKEN = "taken"
    ALONE = "alone"


def states_of(found: Records, record: Record) -> dict[Side, State]:
    """Return the state of a settlement in every book that was compared.

    One cancel is enough, whether it takes back what was corrected or the settlement alone: a second
    one is a duplicate, and told as that.
    """
    belonging = found.belonging.get(record, [])
    cancels = [each for each in belonging if each.kind == RecordKind.CANCEL]
    adjusts = [each for each in belonging if each.kind == RecordKind.ADJUST]
    states = {}
    for side in found.sides:
        cancelled = any(side in each.held for each in cancels)
        if side not in record.held:
            states[side] = State.ALONE if cancelled else State.ABSENT
            continue
        nothing = any(
            adds_up_to_zero(found, side, [record, *taking, *corrections])
            for taking in (*([each] for each in cancels), cancels)
            for corrections in ([], adjusts)
            if any(side in each.held for each in taking)
        )
        states[side] = State.TAKEN if nothing else State.STANDS
    return states


def adds_up_to_zero(found: Records, side: Side, records: list[Record]) -> bool:
    """Return whether the first rows that a book has of some records leave nothing."""
    rows = [found.rows[side][record.held[side][0]] for record in records if side in record.held]
    for place in _AMOUNTS:
        values = [row[place] for row in rows]
        if sum(value for value in values if isinstance(value, int)) != 0:
            return False
    return True


def class_by_states(states: Mapping[Side, State]) -> DifferenceClass | None:
    """Return the class of a settlement that does not stand alike in all books.

    None where it does: it stands in all, or in none. See the table of `classify`.
    """
    stands = {side for side, state in states.items() if state is State.STANDS}
    taken = {side for side, state in states.items() if state in {State.TAKEN, State.ALONE}}
    absent = {side for side, state in states.items() if state is State.ABSENT}
    if not stands:
        # Nothing is owed anywhere, unless a book takes back what it never had.
        return _class_of_bare({side for side in states if states[side] is State.ALONE})
    if not taken:
        return _class_of_missing(stands, absent) if absent else None
    # The place of care has none, or only what takes it back; where its book is not compared, the
    # other one has only that: a reversal that stopped half way, and not a cancel on one side.
    alone = State.ALONE in states.values()
    half = states[Side.CARE] in {State.ABSENT, State.ALONE} if Side.CARE in states else alone
    if half and len(stands) == 1:
        return DifferenceClass.HALF_REVERSED
    return DifferenceClass.STATE


def _class_of_bare(alone: set[Side]) -> DifferenceClass | None:
    """Return the class of a settlement that is taken back everywhere, and missing at some."""
    if Side.CARE in alone:
        return DifferenceClass.NOT_CARE
    if Side.INSURED in alone:
        return DifferenceClass.NOT_INSURED
    return DifferenceClass.NOT_NATIONAL if alone else None


def _class_of_missing(holders: set[Side], lacking: set[Side]) -> DifferenceClass:
    """Return the class of a record that only the holders have, of the sides that were compared."""
    if holders == {Side.CARE}:
        return DifferenceClass.ONLY_CARE
    if Side.CARE in lacking:
        # Of two books, the one that is left may stand for the one that was not compared.
        alone = len(holders) == 1 and len(lacking) == 2
        return DifferenceClass.HALF_REVERSED if alone else DifferenceClass.NOT_CARE
    if Side.INSURED in lacking:
        return DifferenceClass.NOT_INSURED
    return DifferenceClass.NOT_NATIONAL
