"""Texts with units: amounts, rates, counts, ages and dates as a notice writes them.

Every number carries its unit, because a bare one is an accident by a factor of a hundred waiting
to happen: is `85` a rate, yuan or fen?
"""

import re
from datetime import date
from fractions import Fraction

from medsettle import limits
from medsettle.core.dates import YearStart
from medsettle.core.money import fen_from_yuan

_AMOUNT = re.compile(r"([\d,]+(?:\.\d+)?)\s*(元|yuan|万元)")
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)%")
_FRACTION = re.compile(r"(\d+)/(\d+)")
_COUNT = re.compile(r"(\d+)\s*(?:次|times)")
_AGE = re.compile(r"(\d+)\s*(?:岁|years)")
_FEN_PER_TEN_THOUSAND_YUAN = 1_000_000


def amount_fen(text: str) -> int:
    """Return fen of an amount with its unit.

    Raises:
        ValueError: No unit, not a number, or beyond the bound.

    >>> amount_fen("1,300元"), amount_fen("24万元"), amount_fen("0.01元")
    (130000, 24000000, 1)
    """
    found = _AMOUNT.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not an amount; write it with its unit, like 1300元")
    number, unit = found.groups()
    if unit != "万元":
        return fen_from_yuan(number)
    fen = Fraction(number.replace(",", "")) * _FEN_PER_TEN_THOUSAND_YUAN
    if fen.denominator != 1 or fen > limits.AMOUNT_FEN_MAX:
        raise ValueError(f"{text!r} is not a whole number of fen within the bound")
    return int(fen)


def rate(text: str) -> Fraction:
    """Return the exact fraction of a percentage or fraction.

    Raises:
        ValueError: No unit, not a number, above `RATE_MAX`, or finer than one millionth.

    >>> rate("85%"), rate("2/3")
    (Fraction(17, 20), Fraction(2, 3))
    """
    percent, fraction = _PERCENT.fullmatch(text), _FRACTION.fullmatch(text)
    if percent is not None:
        value = Fraction(percent[1]) / 100
    elif fraction is not None and int(fraction[2]):
        value = Fraction(int(fraction[1]), int(fraction[2]))
    else:
        raise ValueError(f"{text!r} is not a rate; write it like 85% or 2/3")
    if value > limits.RATE_MAX:
        raise ValueError(f"{text!r} is above {limits.RATE_MAX * 100}%")
    if value.denominator > limits.RATE_DENOMINATOR_MAX:
        finest = limits.RATE_DENOMINATOR_MAX
        raise ValueError(f"{text!r} is finer than 1/{finest} and would not be exact")
    return value


def count(text: str) -> int:
    """Return a number of times, such as `2次`.

    Raises:
        ValueError: No unit or not a number.
    """
    found = _COUNT.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a count; write it with its unit, like 2次")
    return int(found[1])


def age(text: str) -> int:
    """Return a number of years of age, such as `70岁`.

    Raises:
        ValueError: No unit, not a number, or beyond any person's age.
    """
    found = _AGE.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not an age; write it with its unit, like 70岁")
    if int(found[1]) > limits.AGE_YEARS_MAX:
        raise ValueError(f"{text!r} is above {limits.AGE_YEARS_MAX} years")
    return int(found[1])


def day(text: str) -> date:
    """Return a date written as 2024-05-01.

    Raises:
        ValueError: Not such a date, or outside the years medsettle serves.
    """
    try:
        value = date.fromisoformat(text) if len(text) == len("2024-05-01") else None
    except ValueError:
        value = None
    if value is None:
        raise ValueError(f"{text!r} is not a date; write it like 2024-05-01")
    if not limits.SERVICE_YEAR_MIN <= value.year <= limits.SERVICE_YEAR_MAX:
        span = f"{limits.SERVICE_YEAR_MIN} to {limits.SERVICE_YEAR_MAX}"
        raise ValueError(f"{text!r} lies outside the years {span}")
    return value


def year_start(text: str) -> YearStart:
    """Return the first day of a benefit year, such as `07-01`.

    Raises:
        ValueError: Not a month and day that every year has.
    """
    common_year = 2023
    try:
        start = date.fromisoformat(f"{common_year}-{text}")
    except ValueError:
        raise ValueError(f"{text!r} is no day of every year; write it like 07-01") from None
    return YearStart(start.month, start.day)
