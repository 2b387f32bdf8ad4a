"""Values of charge lines as worked examples write them: signed amounts, units, unit prices."""

import re
from typing import Final

from medsettle import limits
from medsettle.policy import values
from medsettle.policy.vocabulary import quoted

UNITS_PATTERN: Final = r"-?[0-9]{1,20}(?:\.[0-9]{1,4})? ?[^0-9.\s]+"
PRICE_PATTERN: Final = r"[0-9]{1,20}(?:\.[0-9]{1,6})? ?(?:元|yuan)"
"""How units and unit prices are written, for the JSON Schema for editors."""

_UNITS: Final = r"(-?)([0-9]{1,20})(?:\.([0-9]{1,4}))? ?([^\W\d_]+)"
_PRICE: Final = r"([0-9]{1,20})(?:\.([0-9]{1,6}))? ?(?:元|yuan)"


def signed_amount_fen(text: str) -> int:
    """Return fen of an amount, negative for what a line takes back.

    Raises:
        ValueError: As `values.amount_fen`.

    >>> signed_amount_fen("-12.30元")
    -1230
    """
    if text.startswith("-"):
        return -values.amount_fen(text.removeprefix("-"))
    return values.amount_fen(text)


def units_e4(text: str) -> int:
    """Return 1/10,000 of units, of whatever kind, with up to four decimals.

    Raises:
        ValueError: No unit, not a number, or beyond the bound.

    >>> units_e4("3支"), units_e4("-0.5 days")
    (30000, -5000)
    """
    found = re.fullmatch(_UNITS, text)
    if found is None:
        raise ValueError(f"{quoted(text)} is no quantity of an item; write it like 3支 or -0.5天")
    sign, whole, part, _ = found.groups()
    units = int(whole + (part or "").ljust(4, "0"))
    if units > limits.QUANTITY_E4_MAX:
        most = limits.QUANTITY_E4_MAX // 10**4
        raise ValueError(f"{quoted(text)} is above {most}; correct it")
    return -units if sign else units


def price_e6(text: str) -> int:
    """Return micro-yuan of a unit price.

    Raises:
        ValueError: No unit, not a number, more than six decimals, or beyond the bound.

    >>> price_e6("0.0417元")
    41700
    """
    found = re.fullmatch(_PRICE, text)
    if found is None:
        raise ValueError(f"{quoted(text)} is no unit price; write it like 60元 or 0.0417元")
    price = int(found[1] + (found[2] or "").ljust(6, "0"))
    if price > limits.UNIT_PRICE_E6_MAX:
        most = limits.UNIT_PRICE_E6_MAX // 10**6
        raise ValueError(f"{quoted(text)} is above {most} yuan; correct it")
    return price
