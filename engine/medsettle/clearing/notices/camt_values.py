"""Amounts and days as ISO 20022 writes them, and what the entries of a statement add up to."""

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from medsettle.core.money import FEN_PER_YUAN

# ActiveOrHistoricCurrencyAndAmount: 18 digits, five of them decimals, and no sign.
_AMOUNT: Final = re.compile(r"(\d{1,18})(?:\.(\d{1,5}))?", re.ASCII)
_DATE: Final = re.compile(r"(\d{4}-\d\d-\d\d)(?:T.*)?", re.ASCII | re.DOTALL)

_UNIT_DIGITS: Final = 5
_UNITS_PER_FEN: Final = 10**_UNIT_DIGITS // FEN_PER_YUAN


class Direction(StrEnum):
    """Which way money moved on the account, reversals included."""

    CREDIT = "credit"
    DEBIT = "debit"


@dataclass(slots=True)
class Totals:
    """What the entries of a statement add up to, in units of 1/100,000."""

    count: int = 0
    credit_count: int = 0
    debit_count: int = 0
    credit: int = 0
    debit: int = 0
    booked: int = 0

    def add(self, units: int, direction: Direction, *, booked: bool) -> None:
        """Add one entry."""
        self.count += 1
        if direction is Direction.CREDIT:
            self.credit_count, self.credit = self.credit_count + 1, self.credit + units
        else:
            self.debit_count, self.debit = self.debit_count + 1, self.debit + units
        if booked:
            self.booked += units if direction is Direction.CREDIT else -units


def units_of(text: str) -> int | None:
    """Return an amount in units of 1/100,000, as fine as ISO 20022 writes; None for none."""
    found = _AMOUNT.fullmatch(text)
    if found is None:
        return None
    return int(found[1]) * 10**_UNIT_DIGITS + int((found[2] or "").ljust(_UNIT_DIGITS, "0"))


def fen_of(units: int) -> int | None:
    """Return the fen of units; None where they are no whole number of them."""
    fen, part = divmod(units, _UNITS_PER_FEN)
    return None if part else fen


def shown(units: int) -> str:
    """Return units as a decimal number with two decimals or as many as it takes."""
    sign = "-" if units < 0 else ""
    whole, part = divmod(abs(units), 10**_UNIT_DIGITS)
    decimals = f"{part:05d}".rstrip("0").ljust(2, "0")
    return f"{sign}{whole}.{decimals}"


def day_of(text: str) -> date | None:
    """Return the day of an ISO date or moment as it is written; None for none."""
    found = _DATE.fullmatch(text)
    try:
        return None if found is None else date.fromisoformat(found[1])
    except ValueError:
        return None
