"""A calendar month as it names periods of clearing: `2024-04`."""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Self

from medsettle import limits
from medsettle.core.dates import MONTHS_PER_YEAR
from medsettle.errors import Fault, InvalidRequest
from medsettle.policy.vocabulary import quoted

_TEXT: Final = re.compile(r"(\d{4})-(0[1-9]|1[0-2])", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A month of a year; months are in order of time."""

    year: int
    month: int

    @classmethod
    def of(cls, text: str) -> Self:
        """Return the month of a text such as `2024-04`.

        Raises:
            InvalidRequest: It is none, or its year is out of bounds.

        >>> Month.of("2024-12").plus(2).text
        '2025-02'
        """
        try:
            first = month_of(text)
        except ValueError as error:
            raise InvalidRequest([Fault("month", str(error))]) from error
        return cls(first.year, first.month)

    @classmethod
    def of_day(cls, day: date) -> Self:
        """Return the month of a day."""
        return cls(day.year, day.month)

    @property
    def text(self) -> str:
        """The month as `2024-04`."""
        return f"{self.year:04d}-{self.month:02d}"

    @property
    def first_day(self) -> date:
        """Its first day."""
        return date(self.year, self.month, 1)

    @property
    def last_day(self) -> date:
        """Its last day."""
        return self.plus(1).first_day - timedelta(days=1)

    def plus(self, months: int) -> "Month":
        """Return the month so many months later, or earlier where negative."""
        year, month = divmod(self.year * MONTHS_PER_YEAR + self.month - 1 + months, MONTHS_PER_YEAR)
        return Month(year, month + 1)


def month_of(text: str) -> date:
    """Return the first day of a month written as 2026-03.

    Raises:
        ValueError: Not such a month, or outside the years that medsettle serves.
    """
    found = _TEXT.fullmatch(text)
    if found is None:
        raise ValueError(f"{quoted(text)} is no month; write it like 2026-03")
    first, last = limits.SERVICE_YEAR_MIN, limits.SERVICE_YEAR_MAX
    if not first <= int(found[1]) <= last:
        raise ValueError(f"{quoted(text)} lies outside the years {first} to {last}; correct it")
    return date(int(found[1]), int(found[2]), 1)
