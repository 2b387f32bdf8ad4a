"""Money: int64 fen, integer rates, one rounding rule with a name.

No float touches an amount. A text such as `1300元` or `1,234.56` is read exactly or refused; a
rate such as `85%`, `10分点` or `2/3` becomes an exact fraction.
"""

import re
from enum import StrEnum
from fractions import Fraction
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from medsettle import limits

FenArray: TypeAlias = NDArray[np.int64]

FEN_PER_YUAN = 100
BPS: Final = 10_000
"""What a rate of this unit, a ten-thousandth, is a part of."""
E6_PER_FEN: Final = 10_000
"""Unit prices are told in millionths of a yuan."""

_DIGITS = r"\d+|\d{1,3}(?:,\d{3})+"
_AMOUNT = re.compile(rf"(-?)({_DIGITS})(?:\.(\d+))?")


class Rounding(StrEnum):
    """How an exact amount becomes whole fen. Amounts that are rounded are never negative.

    `HALF_UP` is what every published receipt shows; a negative settlement mirrors the rounded
    amounts of its original and is not rounded again.
    """

    HALF_UP = "half_up"
    DOWN = "down"
    UP = "up"


def fen_from_yuan(text: str) -> int:
    """Return the fen of a decimal number of yuan.

    Args:
        text: Digits with optional thousands commas and at most two decimals, such as `1,300.50`.

    Raises:
        ValueError: The text is not such a number, has a part of a fen, or is beyond the bound.

    >>> fen_from_yuan("1,300.5")
    130050
    >>> fen_from_yuan("0.01")
    1
    """
    found = _AMOUNT.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not an amount; write it like 1300.50")
    sign, whole, decimals = found.groups()
    decimals = decimals or ""
    if decimals[2:].strip("0"):
        raise ValueError(f"{text!r} has a part of a fen; amounts have two decimals")
    fen = int(whole.replace(",", "")) * FEN_PER_YUAN + int(decimals[:2].ljust(2, "0"))
    if fen > limits.AMOUNT_FEN_MAX:
        most = plain_yuan(limits.AMOUNT_FEN_MAX)
        raise ValueError(f"{text!r} yuan is above the bound of {most} yuan")
    return -fen if sign else fen


def yuan_from_fen(fen: int) -> str:
    """Return fen as a decimal number of yuan with two decimals and thousands commas.

    >>> yuan_from_fen(-123456789)
    '-1,234,567.89'
    """
    sign = "-" if fen < 0 else ""
    whole, part = divmod(abs(fen), FEN_PER_YUAN)
    return f"{sign}{whole:,}.{part:02d}"


def plain_yuan(fen: int) -> str:
    """Return fen as yuan without commas, as messages carry amounts.

    >>> plain_yuan(-123456789)
    '-1234567.89'
    """
    return yuan_from_fen(fen).replace(",", "")


def decimal(number: int, decimals: int) -> str:
    """Return a whole number of decimal parts as it is written.

    >>> decimal(120000, 4), decimal(48500000, 6)
    ('12', '48.5')
    """
    sign, digits = "-" if number < 0 else "", f"{abs(number):0{decimals + 1}d}"
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}".rstrip("0").rstrip(".")


def rate_text(rate: Fraction) -> str:
    """Return a rate as percent where that is exact in six decimals, else as a fraction.

    >>> rate_text(Fraction(85, 100)), rate_text(Fraction(955, 1000)), rate_text(Fraction(2, 3))
    ('85%', '95.5%', '2/3')
    """
    percent = rate * 100
    scaled = percent * 10**6
    if scaled.denominator != 1:
        return f"{rate.numerator}/{rate.denominator}"
    whole, part = divmod(scaled.numerator, 10**6)
    decimals = f"{part:06d}".rstrip("0")
    return f"{whole}.{decimals}%" if decimals else f"{whole}%"


def half_away(exact: Fraction) -> int:
    """Return the nearest whole number, halves away from zero.

    >>> half_away(Fraction(1, 2)), half_away(Fraction(-1, 2)), half_away(Fraction(-2, 3))
    (1, -1, -1)
    """
    size = abs(exact)
    whole = (2 * size.numerator + size.denominator) // (2 * size.denominator)
    return -whole if exact < 0 else whole


def rate_e4(rate: Fraction) -> int:
    """Return a rate with the four decimals of the national interface, half up, in 1/10,000.

    >>> rate_e4(Fraction(1, 10)), rate_e4(Fraction(1, 3)), rate_e4(Fraction(1, 20_000))
    (1000, 3333, 1)
    """
    return half_away(rate * 10_000)


def scaled_quotient(
    numerator: FenArray, multiplier: FenArray | int, divisor: int, rounding: Rounding
) -> FenArray:
    """Return `numerator * multiplier / divisor`, rounded, without passing int64 on the way.

    Args:
        numerator: Shape (n,), int64, >= 0.
        multiplier: Shape (n,) or scalar, int64, >= 0; `divisor * multiplier` fits int64.
        divisor: Greater than zero.
        rounding: What becomes of the part below one.

    Returns:
        Shape (n,), int64.

    The product is split into the whole quotient and its remainder, so that only
    `remainder * multiplier` is ever formed; floor((q*d + r)*m/d) = q*m + floor(r*m/d) exactly.

    >>> scaled_quotient(np.array([1, 150, 333]), 50, 100, Rounding.HALF_UP)
    array([  1,  75, 167])
    """
    # Nothing here is below zero, and NumPy divides unsigned numbers twice as fast as signed ones.
    by = np.uint64(divisor)
    whole: FenArray = (numerator.view(np.uint64) // by).view(np.int64)
    product: FenArray = (numerator - whole * divisor) * multiplier
    if rounding is Rounding.HALF_UP:
        product += divisor // 2
    elif rounding is Rounding.UP:
        product += divisor - 1
    unsigned = product.view(np.uint64)
    unsigned //= by
    product += whole * multiplier
    return product
