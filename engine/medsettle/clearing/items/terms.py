"""On which book an action is done, where the difference leaves no doubt, and whether it can be."""

from collections.abc import Sequence

from medsettle.clearing.items.item import RECORDS, Terms
from medsettle.clearing.matching.book import AMOUNTS, SHARES, RecordKind, Side
from medsettle.clearing.matching.classes import Action, DifferenceClass
from medsettle.core.settlement import Row
from medsettle.errors import Fault, InvalidRequest

_COMPARED = tuple(column.name for column in (*AMOUNTS, *SHARES))


def terms_of(difference: Row, action: Action, told: Terms | None) -> Terms:
    """Return the terms of an action: those that are told, or those that are the only ones.

    Args:
        difference: The row of the table of differences.
        action: What is proposed.
        told: What somebody said of them; None for nothing.

    Raises:
        InvalidRequest: They are not those of the action, or several sides come into question.
    """
    possible = sides_of(difference, action)
    if told is None and action not in RECORDS:
        told = Terms(Side(str(difference["owner"])))
    if told is None:
        # Copies of the nation follow what the others deliver, so it is not meant by itself. Which
        # of two amounts is wrong no book says, not even where two agree: somebody names the book.
        meant = [side for side in possible if side is not Side.NATIONAL] or possible
        if len(meant) != 1 or action is Action.ADJUST:
            raise _side_fault(action, possible)
        told = Terms(meant[0])
    if told.side not in possible:
        raise _side_fault(action, possible)
    if action is not Action.ADJUST:
        if told.like is not None or told.moves:
            raise InvalidRequest(
                [Fault("terms", f"{action} makes nothing alike and moves nothing")]
            )
        return told
    others = [side for side in _held_by(difference) if _differ(difference, told.side, side)]
    # The place of insurance decides, so what is adjusted is made to have what it has.
    like = told.like or (others[0] if others else None)
    if like not in others:
        listed = ", ".join(others) or "none"
        raise InvalidRequest([Fault("like", f"expected a side that has other amounts: {listed}")])
    return Terms(told.side, like, told.moves)


def terms_told(side: Side | None, like: Side | None, moves: list[str]) -> Terms | None:
    """Return the terms that somebody says in words; None where nothing is said.

    Raises:
        InvalidRequest: Something is moved or made alike, and the book is not named.
    """
    if side is None:
        if like is None and not moves:
            return None
        raise InvalidRequest([Fault("side", "name the book that is adjusted")])
    return Terms(side, like, tuple(map(_move, moves)))


def sides_of(difference: Row, action: Action) -> list[Side]:
    """Return on whose books an action can be done, the most obvious first."""
    held, missing = _held_by(difference), _sides(difference, "missing_at")
    if action is Action.INSERT:
        return missing
    if action is Action.REVERSE:
        standing = [side for side in held if standing_rows(difference, side)]
        twice = [side for side in standing if len(standing_rows(difference, side)) > 1]
        return twice if _is_duplicate(difference) else standing
    if action is Action.COMPLETE_CANCEL:
        taken_back = any(_taken_back(rows_at(difference, side)) for side in Side)
        standing = [side for side in Side if standing_rows(difference, side)]
        if taken_back and not standing:
            # The item is the negative record alone: its original stands where it is missing.
            return missing
        return standing
    if action is Action.ADJUST:
        first = held[0] if held else None
        unlike = [side for side in held if side is not first and _differ(difference, first, side)]
        return [*unlike, *([] if first is None else [first])] if len(held) > 1 else []
    return list(Side)


def rows_at(difference: Row, side: Side) -> list[Row]:
    """Return the rows that a side has of a difference; none where it has none."""
    rows = difference[f"{side}_rows"]
    assert isinstance(rows, list)
    return rows


def standing_rows(difference: Row, side: Side) -> list[Row]:
    """Return the settlements of a side that nothing in the difference takes back, oldest first."""
    rows = rows_at(difference, side)
    gone = {row["original"] for row in rows if row["kind"] == RecordKind.CANCEL}
    found = [
        row for row in rows if row["kind"] == RecordKind.SETTLE and row["settlement"] not in gone
    ]
    return sorted(found, key=lambda row: (str(row.get("record_time")), str(row["settlement"])))


def to_take_back(difference: Row, side: Side) -> list[Row]:
    """Return the settlements of a side that are taken back: of duplicates all but the first.

    Source: `clearing.md` §2.4, class 9: the first by the time of recording is kept.
    """
    standing = standing_rows(difference, side)
    return standing[1:] if _is_duplicate(difference) else standing


def _is_duplicate(difference: Row) -> bool:
    return difference["difference_class"] == DifferenceClass.DUPLICATE


def _taken_back(rows: Sequence[Row]) -> bool:
    return any(row["kind"] == RecordKind.CANCEL for row in rows)


def _held_by(difference: Row) -> list[Side]:
    return [side for side in Side if rows_at(difference, side)]


def _sides(difference: Row, name: str) -> list[Side]:
    listed = difference[name]
    assert isinstance(listed, list)
    return [side for side in Side if side in listed]


def _differ(difference: Row, one: Side | None, other: Side) -> bool:
    if one is None:
        return False
    (left, *_), (right, *_) = rows_at(difference, one), rows_at(difference, other)
    return any(
        left[name] is not None and right[name] is not None and left[name] != right[name]
        for name in _COMPARED
    )


def _side_fault(action: Action, possible: Sequence[Side]) -> InvalidRequest:
    listed = ", ".join(possible) or "none: propose something else"
    return InvalidRequest(
        [Fault("side", f"name the book on which to {action}; possible: {listed}")]
    )


def _move(text: str) -> tuple[str, int, int]:
    """Return (counter, period, delta) of a text such as `310.fund_paid/2026=-1000`."""
    name, slash, rest = text.rpartition("/")
    period, equals, delta = rest.partition("=")
    if not (slash and equals and name) or not period.isdigit() or not _is_whole(delta):
        text = f"{text!r} is no COUNTER/PERIOD=FEN, such as 310.fund_paid/2026=-1000"
        raise InvalidRequest([Fault("move", text)])
    return name, int(period), int(delta)


def _is_whole(text: str) -> bool:
    digits = text.removeprefix("-").removeprefix("+")
    return digits.isascii() and digits.isdigit()
