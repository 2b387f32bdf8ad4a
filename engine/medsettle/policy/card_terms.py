"""What an area says of its cards: the values of a `card.yaml`, checked."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta

from medsettle.core.cards import CardAction, CardKind, CardState, CardUse

_WEEKEND = 5
_YEAR_MONTHS = 12
_MONTH_DAYS_LEAST, _MONTH_DAYS_MOST = 28, 31


@dataclass(frozen=True, slots=True)
class Lapse:
    """After how many full days a temporary loss lapses by itself.

    `working` counts working days only; `next_day` counts from the day after the report.
    """

    days: int
    working: bool
    next_day: bool


@dataclass(frozen=True, slots=True)
class Validity:
    """For how long a temporary card counts: days, or months by the calendar."""

    count: int
    months: bool

    def end(self, issued: date) -> date:
        """Return the first day on which a card issued on a day no longer counts.

        A month ends before the day of its number, or before the last day of a month without one.

        >>> Validity(60, months=False).end(date(2024, 4, 1))
        datetime.date(2024, 5, 31)
        >>> Validity(6, months=True).end(date(2024, 8, 31))
        datetime.date(2025, 2, 28)
        """
        if not self.months:
            return issued + timedelta(days=self.count)
        years, month = divmod(issued.month - 1 + self.count, _YEAR_MONTHS)
        year, month = issued.year + years, month + 1
        return date(year, month, min(issued.day, monthrange(year, month)[1]))

    def can_outlast(self, other: "Validity") -> bool:
        """Return whether there is a day of issue from which this is longer than the other."""
        if self.months == other.months:
            return self.count > other.count
        if self.months:
            return self.count * _MONTH_DAYS_MOST > other.count
        return self.count > other.count * _MONTH_DAYS_LEAST


@dataclass(frozen=True, slots=True)
class TemporaryCards:
    """For how long a temporary card counts where its issue says nothing, and at most."""

    usual: Validity
    most: Validity


@dataclass(frozen=True, slots=True)
class CardTerms:
    """The terms of one area from a day on.

    `credentials` maps the codes of mdtrt_cert_type that the area accepts to what they present;
    None is a credential without a card. `lapse` is absent where a temporary loss never lapses,
    `temporary_cards` where the area issues none.
    """

    start: date
    credential_required: bool
    credentials: dict[str, CardKind | None]
    activated_by_issue: bool
    in_person: frozenset[CardAction]
    lapse: Lapse | None
    formal_loss_resumable: bool
    electronic_follows_card: bool
    uses: dict[CardState, frozenset[CardUse]]
    temporary_cards: TemporaryCards | None
    confidence: str


@dataclass(frozen=True, slots=True)
class WorkingYear:
    """Weekdays off and weekend days worked of one calendar year."""

    days_off: frozenset[date]
    days_worked: frozenset[date]


@dataclass(frozen=True, slots=True)
class CardRules:
    """The terms of one area through time, and the working days that its lapses count."""

    area: str
    versions: tuple[CardTerms, ...]
    working_years: dict[int, WorkingYear]

    def on(self, day: date) -> CardTerms | None:
        """Return the terms in force on a day; None before the first."""
        found = None
        for terms in self.versions:
            if terms.start <= day:
                found = terms
        return found

    def is_working(self, day: date) -> bool | None:
        """Return whether a day is a working day; None where its year is not stated."""
        year = self.working_years.get(day.year)
        if year is None:
            return None
        if day.weekday() >= _WEEKEND:
            return day in year.days_worked
        return day not in year.days_off

    def lapse_day(self, lapse: Lapse, reported: date) -> date | None:
        """Return the first day on which a loss reported on a day has lapsed.

        None where the days counted run into a year whose working days are not stated: the loss then
        stays until somebody resumes the card, which is the safe error.
        """
        day = reported + timedelta(days=int(lapse.next_day))
        left = lapse.days
        while True:
            counts = self.is_working(day) if lapse.working else True
            if counts is None:
                return None
            left -= int(counts)
            day += timedelta(days=1)
            if not left:
                return day
