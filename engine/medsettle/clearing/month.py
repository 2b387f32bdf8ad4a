"""A calendar month as it names periods of clearing: `2024-04`."""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Self

from medsettle import limits
from medsettle.core.dates import MONTHS_PER_YEAR
from medsettle.errors import Fault, InvalidRequest

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
        found = _TEXT.fullmatch(text)
        first, last = limits.SERVICE_YEAR_MIN, limits.SERVICE_YEAR_MAX
        if found is None or not first <= int(found[1]) <= last:
            shown = repr(text[: limits.VALUE_CHARS_SHOWN_MAX])
            raise InvalidRequest(
                [Fault("month", f"{shown} is no month of {first} to {last}; write it like 2024-04")]
            )
        return cls(int(found[1]), int(found[2]))

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

    def since(self, other: "Month") -> int:
        """Return how many months this one is later than another.

        >>> Month(2025, 1).since(Month(2024, 12))
        1
        """
        return (self.year - other.year) * MONTHS_PER_YEAR + self.month - other.month
