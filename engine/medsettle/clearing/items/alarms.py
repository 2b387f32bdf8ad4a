"""What a run raises an alarm for: days that stay unequal, and a burst of duplicates.

Source: `clearing.md` §2.4: three unequal days in a row, or a burst of class 9. How many duplicates
a burst is, it does not say; `limits.DUPLICATES_ALARM` is invented.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import TypeAlias

from medsettle import limits
from medsettle.clearing.items.sight import Sight
from medsettle.core.dates import date_of

DayCounts: TypeAlias = Mapping[int, tuple[int, int]]
"""By day number: how many differences, and how many of them duplicates. Equal days are absent."""


class UnequalDays:
    """The unequal days of the runs of one reconciliation, which are added in their order.

    Of two runs that have a day, the later one knows better if it looks at all that the earlier one
    looked at. Else each is a word on its part, and a day is as unequal as the worst of them says.
    """

    def __init__(self) -> None:
        """Begin without any run."""
        self._told: dict[int, list[tuple[Sight, tuple[int, int]]]] = {}

    def add(self, sight: Sight, first_day: int, last_day: int, counts: DayCounts) -> None:
        """Add a run: what it looked at, its first and last day, and its unequal ones."""
        for day in range(first_day, last_day + 1):
            if earlier := self._told.get(day):
                kept = [(seen, each) for seen, each in earlier if not sight.covers(seen)]
                self._told[day] = kept
        for day, each in counts.items():
            self._told.setdefault(day, []).append((sight, each))

    def counts(self) -> DayCounts:
        """Return the days that are unequal."""
        return {
            day: (max(each for _, (each, _) in told), max(each for _, (_, each) in told))
            for day, told in self._told.items()
            if told
        }


def alarms_of(unequal: DayCounts, first_day: int, last_day: int) -> tuple[str, ...]:
    """Return the alarms about the days of a run, in sentences.

    Args:
        unequal: The unequal days of all runs that stand, this one among them.
        first_day: Its first day.
        last_day: Its last day.

    >>> alarms_of({10: (1, 0), 11: (2, 0), 12: (1, 0)}, 12, 12)
    ('3 unequal days in a row, 1970-01-11 to 1970-01-13',)
    >>> alarms_of({10: (1, 0), 12: (1, 0)}, 12, 12)
    ()
    """
    found = []
    for day in sorted(unequal):
        if day - 1 in unequal:
            continue
        end = day
        while end + 1 in unequal:
            end += 1
        length = end - day + 1
        touches = day <= last_day and end >= first_day
        if length >= limits.UNEQUAL_DAYS_ALARM and touches:
            first, last = date_of(day), date_of(day) + timedelta(days=length - 1)
            found.append(f"{length} unequal days in a row, {first} to {last}")
    for day in range(first_day, last_day + 1):
        duplicates = unequal.get(day, (0, 0))[1]
        if duplicates >= limits.DUPLICATES_ALARM:
            found.append(f"{duplicates} duplicates on {date_of(day)}")
    return tuple(found)
