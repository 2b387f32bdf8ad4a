"""Which step of clearing is due on which day: the dated calendar of a scheme.

A step is due on a day of a month, quarter or year, or some days after another step. Nothing here is
fixed: `calendar.yaml` and `holidays.yaml` beside this module hold the published figures with their
sources, and a centre may give files of its own. Source: `clearing.md` §3.1.
"""

import re
from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from medsettle import limits
from medsettle.clearing.matching.classes import Term
from medsettle.clearing.months.working_days import WorkingDays
from medsettle.errors import NotFound
from medsettle.policy.vocabulary import quoted

MEDICAL: Final = "medical"
"""The calendar of basic medical insurance, asked where no other is named."""

_YEAR_MONTHS: Final = 12
_QUARTER_MONTHS: Final = 3
_LAST: Final = 0
_SURE_DAY_MAX: Final = 28


class Step(StrEnum):
    """A step of clearing, in the order of a month."""

    DAILY_MATCH = "daily_match"
    CLOSE_OF_DAYS = "close_of_days"
    """The place of insurance closes the reconciliation of all days."""
    HOSPITALS_DECLARE = "hospitals_declare"
    DECLARATION = "declaration"
    """The place of care has confirmed with its hospitals and declares into clearing."""
    TABLES_GENERATED = "tables_generated"
    CONFIRMED = "confirmed"
    NOTICES_ISSUED = "notices_issued"
    HANDED_TO_FINANCE = "handed_to_finance"
    TRANSFERRED = "transferred"
    REGISTERED = "registered"
    HOSPITALS_PAID_AIM = "hospitals_paid_aim"
    HOSPITALS_PAID = "hospitals_paid"
    LATEST_INCLUSION = "latest_inclusion"
    """The last day on which a late settlement of the month can still be taken into clearing."""
    MONTH_CLEARED = "month_cleared"
    QUARTER_CLEARED = "quarter_cleared"
    YEAR_CLEARED = "year_cleared"
    PREPAYMENT_NOTICED = "prepayment_noticed"
    PREPAYMENT_PAID = "prepayment_paid"


class DayOff(StrEnum):
    """Where a due day goes that is no working day."""

    STAY = "stay"
    NEXT = "next"
    PREVIOUS = "previous"


class Basis(StrEnum):
    """From where a due day is counted."""

    DAY = "T"
    MONTH = "M"
    QUARTER = "Q"
    YEAR = "Y"
    STEP = "step"


@dataclass(frozen=True, slots=True)
class Due:
    """When a step is due: what `text` says.

    `plus` counts days of `T`, months of `M` and `Q` (from the last month of the quarter), years of
    `Y`, and days after the step `after`. A `day` of 0 is the last of its month.
    """

    text: str
    basis: Basis
    plus: int
    month: int = 0
    day: int = _LAST
    after: str = ""
    working: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """A step with its due day, the text that states it and how far that can be trusted."""

    step: Step
    due: Due
    source: str
    confidence: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Version:
    """The steps of a calendar from a month on."""

    start: date
    day_off: DayOff
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class SchemeCalendar:
    """The calendar of one scheme through time."""

    name: str
    title: str
    versions: tuple[Version, ...]

    def on(self, month: date) -> Version:
        """Return the version for a month.

        Raises:
            NotFound: No version has begun by then.
        """
        first = month.replace(day=1)
        begun = [version for version in self.versions if version.start <= first]
        if not begun:
            raise NotFound(
                f"the calendar {quoted(self.name)} begins with {self.versions[0].start:%Y-%m}; "
                f"for {month:%Y-%m} add an earlier version to its file",
                calendar=self.name,
                month=f"{month:%Y-%m}",
            )
        return begun[-1]


@dataclass(frozen=True, slots=True)
class DueDate:
    """A step of one month with its day; `warning` is empty where nothing was assumed."""

    step: Step
    day: date
    rule: Rule
    warning: str


@dataclass(frozen=True)
class ClearingCalendar:
    """The calendars of all schemes, and the days on which people work."""

    schemes: Mapping[str, SchemeCalendar]
    working_days: WorkingDays

    def due_dates(self, month: date, scheme: str = MEDICAL) -> tuple[DueDate, ...]:
        """Return all steps of a month in the order of the file; a quarter's in each of its months.

        Args:
            month: Any day of the month of settlement. Steps of a day are those of its last day.
            scheme: The name of a calendar.

        Raises:
            NotFound: There is no such calendar, or none for that month.
        """
        _, last = month_span(month)
        return self._dated(last, scheme)

    def day_of(self, step: Step, month: date, scheme: str = MEDICAL) -> date:
        """Return the day on which a step of a month is due.

        Raises:
            NotFound: There is no such calendar for that month, or it has no such step.
        """
        return self._step_day(step, month_span(month)[1], scheme)

    def resolution_day(self, term: Term, record_date: date, scheme: str = MEDICAL) -> date | None:
        """Return until when a difference of a record is to be resolved; None for no day.

        Args:
            term: Of its class. What is monthly is due when the tables of the month are confirmed.
            record_date: The day of the place of insurance.
            scheme: The name of a calendar.

        Raises:
            NotFound: As `day_of`.
        """
        if term is Term.CASE:
            return None
        settled = record_date if term is Term.NEXT_DAY else month_span(record_date)[1]
        return self._step_day(_STEP_OF_TERM[term], settled, scheme)

    def _step_day(self, step: Step, settled: date, scheme: str) -> date:
        for due in self._dated(settled, scheme):
            if due.step is step:
                return due.day
        raise NotFound(
            f"the calendar {quoted(scheme)} has no step {step} in {settled:%Y-%m}; "
            "add it to its file",
            calendar=scheme,
            step=step.value,
        )

    def _dated(self, settled: date, scheme: str) -> tuple[DueDate, ...]:
        if scheme not in self.schemes:
            known = ", ".join(sorted(self.schemes))
            raise NotFound(
                f"there is no calendar {quoted(scheme)}; known are {known}", calendar=scheme
            )
        version = self.schemes[scheme].on(settled)
        found: dict[str, DueDate] = {}
        for rule in version.rules:
            start, day = self._fallen(rule.due, settled, found)
            moved = self._moved(day, version.day_off)
            looked_at = rule.due.working or version.day_off is not DayOff.STAY
            span = min(start, moved), max(day, moved)
            warning = self._warning(*span) if looked_at else ""
            inherited = found[rule.due.after].warning if rule.due.after else ""
            found[rule.step] = DueDate(rule.step, moved, rule, warning or inherited)
        return tuple(found.values())

    def _fallen(self, due: Due, settled: date, found: Mapping[str, DueDate]) -> tuple[date, date]:
        """Return from where a due day is counted, and where it falls."""
        if due.basis is Basis.STEP:
            start = found[due.after].day
            if due.working:
                return start, self.working_days.after(start, due.plus)
            return start, start + timedelta(days=due.plus)
        if due.basis is Basis.DAY:
            day = settled + timedelta(days=due.plus)
        elif due.basis is Basis.YEAR:
            day = day_in(settled.year + due.plus, due.month, due.day)
        else:
            month = settled.month
            if due.basis is Basis.QUARTER:
                month += -month % _QUARTER_MONTHS
            years, month = divmod(month - 1 + due.plus, _YEAR_MONTHS)
            day = day_in(settled.year + years, month + 1, due.day)
        return day, day

    def _moved(self, day: date, day_off: DayOff) -> date:
        if day_off is DayOff.NEXT:
            return self.working_days.on_or_after(day)
        return self.working_days.on_or_before(day) if day_off is DayOff.PREVIOUS else day

    def _warning(self, first: date, last: date) -> str:
        years = self.working_days.unknown_between(first, last)
        if not years:
            return ""
        listed = ", ".join(map(str, years))
        return f"the holidays of {listed} are not known, only weekends were left out; add them"


_STEP_OF_TERM: Final = {
    Term.NEXT_DAY: Step.DAILY_MATCH,
    Term.CLOSE_OF_DAYS: Step.CLOSE_OF_DAYS,
    Term.DECLARATION: Step.DECLARATION,
    Term.MONTHLY: Step.CONFIRMED,
}


def day_in(year: int, month: int, day: int) -> date:
    """Return a day of a month; 0 is the last.

    >>> day_in(2024, 2, 0)
    datetime.date(2024, 2, 29)
    """
    return date(year, month, day or monthrange(year, month)[1])


def month_span(month: date) -> tuple[date, date]:
    """Return the first and the last day of the month of a day."""
    return month.replace(day=1), day_in(month.year, month.month, _LAST)


_DAY_FORM = r"(?:day (?P<day>[0-9]{1,2})|(?P<last>last day))"
_FORMS = (
    r"(?P<basis>T)\+(?P<plus>[0-9]{1,4})",
    rf"(?P<basis>[MQ])\+(?P<plus>[0-9]{{1,4}}) {_DAY_FORM}",
    rf"(?P<basis>Y)\+(?P<plus>[0-9]{{1,4}}) month (?P<month>[0-9]{{1,2}}) {_DAY_FORM}",
    r"(?P<plus>[0-9]{1,4}) (?P<working>working )?days? after (?P<after>[a-z_]+)",
)


def due_of(text: str) -> Due:
    """Return when a step is due by its text.

    Raises:
        ValueError: The text has another form, or a number of it is out of bounds.

    >>> due_of("M+1 day 3").plus, due_of("5 working days after confirmed").working
    (1, True)
    """
    found = next(filter(None, (re.fullmatch(form, text) for form in _FORMS)), None)
    if found is None:
        raise ValueError(
            f"{quoted(text)} is no due day; write it like T+1, M+1 day 3, M+1 last day, "
            "Q+1 day 25, Y+1 month 3 last day or 5 working days after confirmed"
        )
    said = {"basis": Basis.STEP, "month": "0", "day": "0", "after": "", "working": None}
    said |= {key: value for key, value in found.groupdict().items() if value is not None}
    basis, plus = Basis(str(said["basis"])), int(str(said["plus"]))
    month, day = int(str(said["month"])), int(str(said["day"]))
    counts_days = basis in {Basis.DAY, Basis.STEP}
    most = limits.CALENDAR_DAYS_MAX if counts_days else limits.CALENDAR_MONTHS_MAX
    if plus > most:
        raise ValueError(f"{plus} in {quoted(text)} is above the bound of {most}; correct it")
    if basis is Basis.YEAR and not 1 <= month <= _YEAR_MONTHS:
        raise ValueError(f"{month} in {quoted(text)} is no month; 1 to 12 are")
    if "day" in found.groupdict() and found["day"] and not 1 <= day <= _SURE_DAY_MAX:
        raise ValueError(f"not each month has a day {day}; write 1 to 28, or `last day`")
    return Due(text, basis, plus, month, day, str(said["after"]), said["working"] is not None)
