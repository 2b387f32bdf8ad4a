"""How old what is unpaid is: bands of days after the day on which it was due.

The bands are our own: no text names any.
"""

from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Final

_LAST_DAYS: Final = (-1, 0, 30, 60, 90)


@dataclass(frozen=True, slots=True)
class Band:
    """Days after a due day, the first and the last; `last_days` is None for the last band."""

    first_days: int
    last_days: int | None


BANDS: Final = (
    *(Band(before + 1, last) for before, last in pairwise(_LAST_DAYS)),
    Band(_LAST_DAYS[-1] + 1, None),
)
"""Every band from young to old; the first is of what is not overdue."""


def overdue_days(due_on: date, on: date) -> int:
    """Return for how many days something is overdue; 0 until its day."""
    return max(0, (on - due_on).days)


def band_of(days: int) -> Band:
    """Return the band of something that is overdue for so many days.

    >>> band_of(30), band_of(91)
    (Band(first_days=1, last_days=30), Band(first_days=91, last_days=None))
    """
    return next(each for each in BANDS if each.last_days is None or days <= each.last_days)
