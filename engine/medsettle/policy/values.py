"""Texts with units: amounts, rates, counts, ages and dates as a notice writes them.

Every number carries its unit, because a bare one is an accident by a factor of a hundred waiting
to happen: is `85` a rate, yuan or fen?
"""

import re
from datetime import date
from fractions import Fraction
from typing import Final
from unicodedata import normalize

from medsettle import limits
from medsettle.core.dates import YearStart
from medsettle.core.money import rate_text, yuan_from_fen
from medsettle.policy.model import Unit
from medsettle.policy.vocabulary import quoted

_DIGITS = r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,20})"
NUMBER_PATTERN: Final = _DIGITS + r"(?:\.[0-9]{1,20})?"
AMOUNT_PATTERN: Final = NUMBER_PATTERN + " ?(?:元|yuan|万元)"
PERCENT_PATTERN: Final = r"[0-9]{1,20}(?:\.[0-9]{1,20})?%"
RATE_PATTERN: Final = PERCENT_PATTERN + "|[0-9]{1,20}/[0-9]{1,20}"
POINTS_PATTERN: Final = r"[+-]?[0-9]{1,20}(?:\.[0-9]{1,20})? ?(?:分点|百分点|个百分点|points)"
COUNT_PATTERN: Final = "[0-9]{1,20} ?(?:次|times)"
AGE_PATTERN: Final = "[0-9]{1,20} ?(?:岁|years)"
QUANTITY_PATTERN: Final = (
    "[0-9]{1,20} ?(?:天|人|次|年|月|岁|周|种|days|persons|times|years|months|weeks)"
)
ORDINAL_PATTERN: Final = "[1-9][0-9]{0,3}"
DAY_PATTERN: Final = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
YEAR_START_PATTERN: Final = "[0-9]{2}-[0-9]{2}"
"""How each kind of value is written; the JSON Schema for editors uses the same patterns."""

_FEN_PER_UNIT = {"元": 100, "yuan": 100, "万元": 1_000_000}
# Units as they are spoken, with the ones that notices print.
_SPOKEN_UNITS = {
    **dict.fromkeys(("块", "块钱", "圆", "RMB", "rmb", "CNY"), "元"),
    **dict.fromkeys(("万", "万块", "万块钱", "万圆"), "万元"),
}
_ABOVE = "以上|及以上|上不封顶|起|and above|above|and more"
_BELOW = "以下|以内|及以下|及以内|封顶|and below|or less"
# What a text may be instead of what was expected, nearest first.
_KINDS = (
    (NUMBER_PATTERN, "has no unit"),
    (AMOUNT_PATTERN, "is an amount"),
    (RATE_PATTERN, "is a rate"),
    (POINTS_PATTERN, "is a number of percentage points"),
    (COUNT_PATTERN, "is a count"),
    (AGE_PATTERN, "is an age"),
    (DAY_PATTERN, "is a date"),
)


def _refusal(text: str, pattern: str, wanted: str, example: str) -> ValueError:
    """Return the error that says what a text is and what stands there instead."""
    if "，" in text or "、" in text:
        return ValueError(f"{quoted(text)} has a wide comma, which separates nothing; write `, `")
    narrow = normalize("NFKC", text).strip()
    if narrow != text and re.fullmatch(pattern, narrow):
        return ValueError(f"{quoted(text)} has wide characters; write {narrow}")
    for other, what in _KINDS:
        if other != pattern and re.fullmatch(other, text):
            return ValueError(f"{quoted(text)} {what}; {wanted} is written like {example}")
    return ValueError(f"{quoted(text)} is not {wanted}; write it like {example}")


def amount_fen(text: str) -> int:
    """Return fen of an amount with its unit.

    Raises:
        ValueError: No unit, not a number, part of a fen, or beyond the bound.

    >>> amount_fen("1,300元"), amount_fen("24万元"), amount_fen("0.01元")
    (130000, 24000000, 1)
    """
    found = re.fullmatch(f"({NUMBER_PATTERN}) ?(元|yuan|万元)", text)
    if found is None:
        if re.fullmatch(NUMBER_PATTERN, text):
            raise ValueError(f"{quoted(text)} has no unit; write {text}元 if yuan are meant")
        if (printed := _printed_amount(text)) is not None:
            raise ValueError(f"{quoted(text)} is not how notices print amounts; write {printed}")
        raise _refusal(text, AMOUNT_PATTERN, "an amount", "1300元")
    number, unit = found.groups()
    fen = Fraction(number.replace(",", "")) * _FEN_PER_UNIT[unit]
    if fen.denominator != 1:
        raise ValueError(f"{quoted(text)} has a part of a fen; the smallest amount is 0.01元")
    if fen > limits.AMOUNT_FEN_MAX:
        most = yuan_from_fen(limits.AMOUNT_FEN_MAX)
        raise ValueError(f"{quoted(text)} is above the largest amount, {most}元; correct it")
    return int(fen)


def _printed_amount(text: str) -> str | None:
    """Return an amount with a spoken unit or a currency sign as notices print it.

    >>> _printed_amount("1万"), _printed_amount("¥900"), _printed_amount("900天")
    ('1万元', '900元', None)
    """
    found = re.fullmatch(f"([¥￥]?) ?({NUMBER_PATTERN}) ?([^0-9]*)", text)
    if found is None:
        return None
    sign, number, unit = found.groups()
    printed = "元" if sign and not unit else _SPOKEN_UNITS.get(unit)
    if printed is None and sign and unit in _FEN_PER_UNIT:
        printed = unit
    return None if printed is None else f"{number}{printed}"


def limit_fen(text: str) -> int:
    """Return fen of the upper limit of a band.

    Raises:
        ValueError: As for an amount, or words such as `以上` stand beside it.

    >>> limit_fen("3万元")
    3000000
    """
    found = re.fullmatch(rf"(?:above|over|up to)? ?(.*?) ?({_ABOVE}|{_BELOW})?", text)
    assert found is not None
    amount = found[1]
    if amount == text or re.fullmatch(AMOUNT_PATTERN, amount) is None:
        return amount_fen(text)
    if re.search(f"(?:{_BELOW}|up to)", text):
        raise ValueError(f"{quoted(text)} is said by its place among the limits; write {amount}")
    raise ValueError(
        f"{quoted(text)} has no upper limit; end the band before it with {amount}, and write "
        f"`open` (以上) for this one: [{amount}, open]"
    )


def rate(text: str) -> Fraction:
    """Return the exact fraction of a percentage or fraction.

    Raises:
        ValueError: No unit, not a number, above `RATE_MAX`, or finer than one millionth.

    >>> rate("85%"), rate("2/3")
    (Fraction(17, 20), Fraction(2, 3))
    """
    if re.fullmatch(RATE_PATTERN, text) is None:
        if re.fullmatch(NUMBER_PATTERN, text):
            percent = f"{text}% if percent are meant"
            whole = Fraction(text.replace(",", ""))
            share = f"{rate_text(whole)} if a part of one is meant, " if whole <= 1 else ""
            raise ValueError(f"{quoted(text)} has no unit; write {share}{percent}")
        raise _refusal(text, RATE_PATTERN, "a rate", "85% or 2/3")
    over, _, under = text.removesuffix("%").partition("/")
    if "/" in text and not int(under):
        raise ValueError(f"{quoted(text)} divides by 0; write a rate like 85% or 2/3")
    value = Fraction(over) / (int(under) if "/" in text else 100)
    if value > limits.RATE_MAX:
        most = f"{limits.RATE_MAX * 100}%"
        raise ValueError(f"{quoted(text)} is above {most}, the most a rate may be; correct it")
    if value.denominator > limits.RATE_DENOMINATOR_MAX:
        finest = f"{limits.RATE_DENOMINATOR_MAX:,}"
        raise ValueError(
            f"{quoted(text)} is finer than one part in {finest} and would not be exact; write what "
            "the notice prints, like 33.33% or 1/3"
        )
    return value


def points(text: str) -> Fraction:
    """Return the signed part of the whole that percentage points add to a rate.

    Raises:
        ValueError: No unit, not a number, more than the whole, or finer than one millionth.

    >>> points("2分点"), points("-10 points")
    (Fraction(1, 50), Fraction(-1, 10))
    """
    if re.fullmatch(POINTS_PATTERN, text) is None:
        raise _refusal(text, POINTS_PATTERN, "a number of percentage points", "2分点 or -10分点")
    value = Fraction(text.rstrip("个百分点points ")) / 100
    if abs(value) > 1:
        raise ValueError(f"{quoted(text)} is more than the whole rate; correct it")
    if value.denominator > limits.RATE_DENOMINATOR_MAX:
        finest = f"{limits.RATE_DENOMINATOR_MAX:,}"
        raise ValueError(f"{quoted(text)} is finer than one part in {finest}; correct it")
    return value


def points_text(value: Fraction) -> str:
    """Return points without their sign, as a notice prints them.

    >>> points_text(Fraction(-1, 40))
    '2.5'
    """
    return rate_text(abs(value)).removesuffix("%")


def cell_text(unit: Unit, cell: Fraction) -> str:
    """Return the value of a cell as a notice prints it.

    >>> cell_text(Unit.AMOUNT, Fraction(130000)), cell_text(Unit.POINTS, Fraction(-1, 10))
    ('1,300.00', '-10 points')
    """
    if unit is Unit.AMOUNT:
        return yuan_from_fen(int(cell))
    if unit is Unit.COUNT:
        return str(cell)
    if unit is Unit.POINTS:
        return f"{'-' if cell < 0 else '+'}{points_text(cell)} points"
    return rate_text(cell)


def count(text: str) -> int:
    """Return a number of times, such as `2次`.

    Raises:
        ValueError: No unit, not a number, or beyond the bound.
    """
    if re.fullmatch(COUNT_PATTERN, text) is None:
        raise _refusal(text, COUNT_PATTERN, "a count", "2次")
    value = int(text.rstrip("次times "))
    if value > limits.COUNTED_TIMES_MAX:
        raise ValueError(f"{quoted(text)} is above {limits.COUNTED_TIMES_MAX:,}; correct it")
    return value


def quantity(text: str) -> int:
    """Return a number of something, such as `90天` or `1人`.

    Raises:
        ValueError: No unit, not a number, or beyond the bound.

    >>> quantity("90天"), quantity("2 persons")
    (90, 2)
    """
    if re.fullmatch(QUANTITY_PATTERN, text) is None:
        raise _refusal(text, QUANTITY_PATTERN, "a quantity", "90天 or 1人")
    found = re.match("[0-9]+", text)
    assert found is not None
    value = int(found.group())
    if value > limits.QUANTITY_MAX:
        raise ValueError(f"{quoted(text)} is above {limits.QUANTITY_MAX:,}; correct it")
    return value


def ordinal(text: str) -> int:
    """Return which of several things is meant, counted from 1.

    Raises:
        ValueError: No such number.

    >>> ordinal("2")
    2
    """
    if re.fullmatch(ORDINAL_PATTERN, text) is None:
        raise ValueError(f"{quoted(text)} is not the number of a thing; count from 1 and write 2")
    return int(text)


def age(text: str) -> int:
    """Return a number of years of age, such as `70岁`.

    Raises:
        ValueError: No unit, not a number, or beyond any person's age.
    """
    if re.fullmatch(AGE_PATTERN, text) is None:
        raise _refusal(text, AGE_PATTERN, "an age", "70岁")
    value = int(text.rstrip("岁years "))
    if value > limits.AGE_YEARS_MAX:
        raise ValueError(f"{quoted(text)} is above {limits.AGE_YEARS_MAX} years; correct it")
    return value


def past_day(text: str) -> date:
    """Return a date of a life, such as of a retirement: as `day`, and a life earlier.

    Raises:
        ValueError: Not such a date, or before anybody alive was born.
    """
    return _day_from(text, limits.SERVICE_YEAR_MIN - limits.AGE_YEARS_MAX)


def day(text: str) -> date:
    """Return a date written as 2024-05-01.

    Raises:
        ValueError: Not such a date, or outside the years medsettle serves.
    """
    return _day_from(text, limits.SERVICE_YEAR_MIN)


def _day_from(text: str, first: int) -> date:
    try:
        value = date.fromisoformat(text) if re.fullmatch(DAY_PATTERN, text) else None
    except ValueError:
        value = None
    if value is None:
        raise ValueError(f"{quoted(text)} is not a date; write it like 2024-05-01")
    if not first <= value.year <= limits.SERVICE_YEAR_MAX:
        span = f"{first} to {limits.SERVICE_YEAR_MAX}"
        raise ValueError(f"{quoted(text)} lies outside the years {span}; correct it")
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
        start = None
    if start is None or re.fullmatch(YEAR_START_PATTERN, text) is None:
        raise ValueError(f"{quoted(text)} is no day of every year; write it like 07-01")
    return YearStart(start.month, start.day)
