"""A difference in one plain sentence, with amounts in yuan and the values of the books.

Tokens of persons and cards are not repeated: they stand in the rows.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Final

from medsettle.clearing.matching.at_risk import claim_of, whole_fen
from medsettle.clearing.matching.book import AMOUNTS, SHARES, Side
from medsettle.clearing.matching.classes import DifferenceClass
from medsettle.clearing.matching.comparing import columns_of
from medsettle.clearing.matching.found import Found
from medsettle.clearing.matching.odd_records import AT, Values
from medsettle.core.money import yuan_from_fen

_NAMES: Final = {Side.INSURED: "insurance", Side.CARE: "care", Side.NATIONAL: "the nation"}
_ORDER: Final = [column.name for column in (*SHARES, *AMOUNTS)]
_FEN: Final = set(_ORDER)
_TOKENS: Final = {"person", "card"}

_HINTS: Final = {
    DifferenceClass.NOT_INSURED: "insurance records it from the national copy, by the rules of "
    "the time of settlement",
    DifferenceClass.HALF_REVERSED: "a reversal stopped half way: finish it, and give back what was "
    "counted",
    DifferenceClass.NOT_NATIONAL: "the nation takes it over, or nobody clears it",
}


def explanation(
    found: Found, rows: Mapping[Side, Values], doubled: Sequence[Side], times: int
) -> str:
    """Return the sentence of a difference.

    Args:
        found: The difference.
        rows: The first row of the record at each side that has it.
        doubled: Sides whose books have its id more than once.
        times: How often at most.
    """
    row = next(iter(rows.values()))
    if found.difference_class is DifferenceClass.DUPLICATE:
        return _duplicate(found, row, doubled, times)
    if found.difference_class is DifferenceClass.STATE:
        return _state(found, row)
    if found.missing_at or not found.differing:
        return _missing(found, rows, row)
    return _differing(found, rows, row)


def _state(found: Found, row: Values) -> str:
    words = f"{_books(found.held_by)} took {_yuan(row)} back and {_books(found.missing_at)} did not"
    if Side.INSURED in found.held_by:
        return _sentence(f"{words}; what insurance took back is final, so the others complete it")
    return _sentence(f"{words}; it counts once insurance accepts the cancel")


def _missing(found: Found, rows: Mapping[Side, Values], row: Values) -> str:
    held = f"in the book of {_books(found.held_by)}"
    if found.missing_at:
        held += f" and not in that of {_books(found.missing_at)}"
    if found.difference_class is DifferenceClass.DEDUCTION:
        return f"A deduction of {_yuan(row)} is {held}."
    if found.difference_class in {DifferenceClass.AMOUNT, DifferenceClass.SPLIT}:
        moved = next((name for name in _ORDER if row[AT[name]]), _ORDER[0])
        return f"A correction of {_word(moved)} by {_value(moved, row[AT[moved]])} is {held}."
    if found.difference_class is DifferenceClass.HALF_REVERSED:
        held = f"left in the book of {_books(found.standing)} alone"
    return f"{_yuan(row)} are {held}: {_hint(found, rows)}."


def _differing(found: Found, rows: Mapping[Side, Values], row: Values) -> str:
    own = columns_of(found.difference_class, found.differing) or list(found.differing)
    if found.difference_class is DifferenceClass.PERSON:
        told = [_unlike(name, rows) for name in own if name not in _TOKENS]
        words = "; ".join([f"the books have another {' and '.join(map(_word, own))}", *told])
        return _sentence(f"{words}; {_yuan(row)} are held")
    more = len(found.differing) - 1
    words = _unlike(own[0], rows, found)
    if more:
        words += f", and {more} more column{'s differ' if more > 1 else ' differs'}"
    if found.difference_class is DifferenceClass.PERIOD:
        words += "; the day of insurance counts"
    elif not _FEN & set(found.differing):
        words += "; the amounts agree"
    return _sentence(words)


def _duplicate(found: Found, row: Values, doubled: Sequence[Side], times: int) -> str:
    if found.twin is None:
        return _sentence(f"{_books(doubled)} {_has(doubled)} it {times} times, with {_yuan(row)}")
    other = found.twin.record.settlement
    words = "at another place, so both may be real" if found.twin.elsewhere else "a second time"
    if found.record.kind == "cancel":
        words = "a second time"
    who = f"{_books(found.held_by)} {_has(found.held_by)}"
    return _sentence(f"{who} what {other} is {words}, with {_yuan(row)}")


def _hint(found: Found, rows: Mapping[Side, Values]) -> str:
    if not found.standing:
        return "everybody took it back, who never had it too, so it is recorded there"
    known = (row[AT["request_id"]] for side, row in sorted(rows.items(), key=_national_first))
    message_id = next((value for value in known if value is not None), None)
    if found.difference_class is DifferenceClass.ONLY_CARE:
        asked = f"message id {message_id}" if message_id else "the visit"
        return f"ask the nation by {asked}, and take it back if that has nothing"
    if found.difference_class is DifferenceClass.NOT_CARE:
        if message_id:
            return f"care takes it back by message id {message_id}, or records it if it was real"
        return "no message id is known, so insurance takes it back"
    return _HINTS[found.difference_class]


def _national_first(held: tuple[Side, Values]) -> bool:
    return held[0] is not Side.NATIONAL


def _unlike(name: str, rows: Mapping[Side, Values], found: Found | None = None) -> str:
    """Return a column with what each book has in it."""
    if name == "settlement" and found is not None:
        values: list[tuple[Side, str | None]] = [(side, found.record.ids[side]) for side in rows]
    else:
        values = [(side, _value(name, row[AT[name]])) for side, row in rows.items()]
    having: dict[str, list[Side]] = {}
    for side, value in values:
        if value is not None:
            having.setdefault(value, []).append(side)
    told = [f"{value} for {_books(sides)}" for value, sides in having.items()]
    return f"{_word(name)} is {' and '.join(told)}"


def _word(column: str) -> str:
    return column.removesuffix("_fen").replace("_", " ")


def _value(name: str, value: object) -> str | None:
    if value is None:
        return None
    if name in _FEN and isinstance(value, int):
        return f"{yuan_from_fen(value)} yuan"
    return value.isoformat() if isinstance(value, date) else str(value)


def _yuan(row: Values) -> str:
    total = row[AT["total_fen"]]
    claimed = yuan_from_fen(whole_fen([claim_of([row])]))
    if not isinstance(total, int):
        return f"{claimed} yuan of funds and accounts"
    return f"{yuan_from_fen(abs(total))} yuan ({claimed} of funds and accounts)"


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."


def _has(sides: Sequence[Side]) -> str:
    return "has" if len(sides) == 1 else "have"


def _books(sides: Iterable[Side]) -> str:
    names = [_NAMES[side] for side in sides]
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]
