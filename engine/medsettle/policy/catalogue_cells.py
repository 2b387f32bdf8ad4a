"""The cells of a catalogue: what each text may be, and what it means in exact integers.

Every function here reads one cell and raises ValueError with what was found and what to write.
"""

import re
from collections.abc import Sequence
from typing import Final

from medsettle import limits
from medsettle.core.codes import ITEM_CLASSES, LIST_TYPES
from medsettle.core.dates import day_number
from medsettle.policy import values
from medsettle.policy.vocabulary import suggestion

NO_CEILING: Final = limits.INT64_MAX
"""Ceiling of an item without one: no price lies above it. A ceiling of 0 pays nothing."""

NO_LIMIT: Final = limits.INT64_MAX
"""Limit on the amount or the quantity of an item without one."""

OPEN_END: Final = 2**31 - 1
"""End of an entry whose last day is not known yet."""

PPM_ONE: Final = 1_000_000
OVER_LIMIT_AS: Final = ("over_limit", "own_expense")

_ITEM_CODE = re.compile(rf"[0-9A-Z][0-9A-Z-]{{0,{limits.CODE_CHARS_MAX - 1}}}")
_CHARGE_TYPE = re.compile(r"\d{2,6}")
_DECIMAL = re.compile(r"(\d+)(?:\.(\d+))?")
_PERCENT_DECIMALS = 4
_YUAN_DECIMALS = 6
_FEN_DECIMALS = 2
_QUANTITY_DECIMALS = 4


def exact_scaled(text: str, decimals: int) -> int:
    """Return a decimal number times 10^decimals.

    Raises:
        ValueError: Not a plain number, or it has more decimals.

    >>> exact_scaled("12.5", 4)
    125000
    """
    found = _DECIMAL.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a number; write it like 12.5, the unit is in the header")
    whole, part = found[1], (found[2] or "").rstrip("0")
    if len(part) > decimals:
        raise ValueError(f"{text!r} has more than {decimals} decimals and would not be exact")
    return int(whole + part.ljust(decimals, "0"))


def item_code(text: str) -> str:
    """Return a national item code: capitals, digits and dashes."""
    if _ITEM_CODE.fullmatch(text) is None:
        bound = limits.CODE_CHARS_MAX
        raise ValueError(f"{text!r} is no item code; use 1 to {bound} of A-Z, 0-9 and -")
    return text


def item_name(text: str) -> str:
    """Return the name of an item."""
    if not text:
        raise ValueError("the name is missing; write the generic name")
    return text


def charge_type(text: str) -> str:
    """Return a charge type (med_chrgitm_type); provinces extend the list, so its form counts."""
    if _CHARGE_TYPE.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no charge type; write two to six digits, such as 09")
    return text


def _one_of(text: str, known: Sequence[str]) -> str:
    if text not in known:
        raise ValueError(f"{text!r} is no choice here; {suggestion(text, known)}")
    return text


def list_type(text: str) -> str:
    """Return a list type, such as 101 for drugs."""
    return _one_of(text, tuple(LIST_TYPES))


def item_class(text: str) -> int:
    """Return 1, 2 or 3 for class A, B or C."""
    return int(_one_of(text, tuple(ITEM_CLASSES)))


def over_limit_as(text: str) -> str:
    """Return how an excess over the ceiling is treated; empty where the item has no ceiling."""
    return _one_of(text, OVER_LIMIT_AS) if text else ""


def restricted(text: str) -> bool:
    """Return whether the item is in scope for approved uses only."""
    return _one_of(text, ("yes", "no")) == "yes"


def first_day(text: str) -> int:
    """Return the day number of a date."""
    return day_number(values.day(text))


def end_day(text: str) -> int:
    """Return the first day no longer valid; `OPEN_END` where it is not known."""
    return first_day(text) if text else OPEN_END


def ratio_ppm(text: str) -> int:
    """Return parts per million of a percentage up to 100."""
    ppm = exact_scaled(text, _PERCENT_DECIMALS)
    if ppm > PPM_ONE:
        raise ValueError(f"{text!r} percent is above 100; nobody pays more than the line")
    return ppm


def ceiling_e6(text: str) -> int:
    """Return micro-yuan of a ceiling; `NO_CEILING` for a blank, which is not a ceiling of 0."""
    if not text:
        return NO_CEILING
    ceiling = exact_scaled(text, _YUAN_DECIMALS)
    if ceiling > limits.UNIT_PRICE_E6_MAX:
        most = limits.UNIT_PRICE_E6_MAX // 10**_YUAN_DECIMALS
        raise ValueError(f"{text!r} yuan is above {most}; leave the cell blank for no ceiling")
    return ceiling


def price_above_e6(text: str) -> int:
    """Return micro-yuan of the unit price above which an entry counts; 0 for a blank."""
    return ceiling_e6(text) if text else 0


def line_limit_fen(text: str) -> int:
    """Return fen of the most that a line may be in scope for; `NO_LIMIT` for a blank."""
    if not text:
        return NO_LIMIT
    limit = exact_scaled(text, _FEN_DECIMALS)
    if limit > limits.LINE_AMOUNT_FEN_MAX:
        most = limits.LINE_AMOUNT_FEN_MAX // 10**_FEN_DECIMALS
        raise ValueError(f"{text!r} yuan is above {most}; leave the cell blank for no limit")
    return limit


def quantity_e4(text: str) -> int:
    """Return 1/10,000 of the units that are covered; `NO_LIMIT` for a blank."""
    if not text:
        return NO_LIMIT
    quantity = exact_scaled(text, _QUANTITY_DECIMALS)
    if quantity > limits.QUANTITY_E4_MAX:
        most = limits.QUANTITY_E4_MAX // 10**_QUANTITY_DECIMALS
        raise ValueError(f"{text!r} is above {most}; leave the cell blank for no limit")
    return quantity
