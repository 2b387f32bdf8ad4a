"""Which lines are behind: money stands on them, and the year was not recalculated.

Prepayments are recalculated once a year. A line that cleared nothing in the months that count may
be missing from the table that a year was computed from, and its money would stand for ever. Source:
`clearing.md` §3.4.
"""

from dataclasses import dataclass
from datetime import date

from medsettle.clearing.months.calendar import ClearingCalendar, Step
from medsettle.clearing.prepayments.prepayment import Line
from medsettle.clearing.prepayments.store import PrepaymentStore, key_of
from medsettle.clearing.prepayments.terms import PrepaymentTerms
from medsettle.core.money import yuan_from_fen
from medsettle.ledger.side_file import rows_of, unavailable


@dataclass(frozen=True, slots=True)
class Behind:
    """A line that was not recalculated for `year`; `last` is the year it was, None for none."""

    line: Line
    year: int
    last: int | None
    standing_fen: int

    @property
    def reason(self) -> str:
        """What is to be done, in one sentence."""
        last = "never recalculated" if self.last is None else f"last recalculated for {self.last}"
        return (
            f"{last}, and {yuan_from_fen(self.standing_fen)} yuan stand; recalculate it for "
            f"{self.year}, with 0 for months that cleared nothing"
        )


def behind_on(store: PrepaymentStore, on: date, calendar: ClearingCalendar) -> list[Behind]:
    """Return the lines that are behind on a day: none until the notices of its year are due.

    Raises:
        NotFound: A line may be behind, and the calendar does not say when notices are due.
    """
    found = lines_behind(store, on.year, on)
    first = date(on.year, 1, 1)
    noticed = Step.PREPAYMENT_NOTICED
    return found if found and on > calendar.day_of(noticed, first, "prepayment") else []


def lines_behind(store: PrepaymentStore, year: int, on: date | None = None) -> list[Behind]:
    """Return the lines on which money stands that were not recalculated for a year, in order.

    Money stands that was paid until the day, or ever without one.
    """
    found = []
    for line in store.lines():
        with unavailable(store.path, "use"):
            sql = "select max(year) from requirements where insured = ? and care = ? and fund = ?"
            last = rows_of(store.connection, sql, *key_of(line))[0][0]
        standing_fen = store.standing_fen(line, on)
        if standing_fen and (last is None or last < year):
            found.append(Behind(line, year, last, standing_fen))
    return found


def recalculation_due(
    year: int, issued: date, terms: PrepaymentTerms, calendar: ClearingCalendar
) -> date:
    """Return until when notices of a yearly recalculation are to be paid.

    Who is late with them gives as long to pay as for an urgent increase.

    Raises:
        NotFound: The calendar does not say when prepayments of that year are paid.
    """
    due = calendar.day_of(Step.PREPAYMENT_PAID, date(year, 1, 1), "prepayment")
    return calendar.working_days.after(issued, terms.increase_days) if due < issued else due
