"""Working days: weekdays that are no holiday, and weekend days that are worked instead."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from medsettle.policy.card_terms import WorkingYear

_SATURDAY: Final = 5
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True)
class WorkingDays:
    """The working days of the years whose notice is known; of other years, all weekdays."""

    years: Mapping[int, WorkingYear]

    def known(self, year: int) -> bool:
        """Return whether the holidays of a year are known."""
        return year in self.years

    def is_working(self, day: date) -> bool:
        """Return whether a day is worked.

        >>> WorkingDays({}).is_working(date(2027, 1, 2))
        False
        """
        year = self.years.get(day.year)
        if day.weekday() >= _SATURDAY:
            return year is not None and day in year.days_worked
        return year is None or day not in year.days_off

    def after(self, day: date, count: int) -> date:
        """Return the working day that is `count` working days after a day, which is not counted.

        >>> WorkingDays({}).after(date(2027, 1, 1), 5)
        datetime.date(2027, 1, 8)
        """
        while count:
            day += _DAY
            count -= int(self.is_working(day))
        return day

    def on_or_after(self, day: date) -> date:
        """Return a day, or the next working day where it is none."""
        while not self.is_working(day):
            day += _DAY
        return day

    def on_or_before(self, day: date) -> date:
        """Return a day, or the working day before it where it is none."""
        while not self.is_working(day):
            day -= _DAY
        return day

    def unknown_between(self, first: date, last: date) -> tuple[int, ...]:
        """Return the years of a span of days whose holidays are not known."""
        return tuple(y for y in range(first.year, last.year + 1) if not self.known(y))
