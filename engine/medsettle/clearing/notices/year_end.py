"""Year end: all of a year is cleared by the end of the first quarter of the next.

Asked at any time, it says what is not: records of the year that no closed month has, by why,
months that hold some whose notices are not issued, and notices of such months, between the same two
provinces, that are not paid. Late records of a year are in months of the next, so it is what a
month holds that counts, and not when it was. What later months took back of the year is told beside
it: it is cleared in them, and lowers the counters of the year. Source: `clearing.md` 3.1, 3.5.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from medsettle import limits
from medsettle.clearing.months.book import OWED_SQL, reading
from medsettle.clearing.months.closing import Gathering, decide
from medsettle.clearing.months.month import Month
from medsettle.clearing.months.months import MonthStore
from medsettle.clearing.months.tables import PROVINCE_CHARS
from medsettle.clearing.notices.book import Notice, issued_months, notices
from medsettle.errors import Fault, InvalidRequest
from medsettle.ledger.scratch import scratch

if TYPE_CHECKING:
    import duckdb

NOT_CLOSED: Final = "not_closed"
"""Why a record is not cleared that the next month to be closed would take."""

_LAST_MONTH: Final = 12
_DEADLINE: Final = (3, 31)

# The months that hold records of a year between two provinces, with who pays whom.
_HELD_BY: Final = f"""
    select distinct clearing_month, left(pooling_area, {PROVINCE_CHARS}) as debtor,
      left(care_area, {PROVINCE_CHARS}) as creditor
    from closed where year(record_date) = ? and debtor <> creditor
"""  # noqa: S608 - our own names


@dataclass(frozen=True, slots=True)
class NotCleared:
    """Records of a pair of areas that no closed month has, and why: `Held` or `NOT_CLOSED`."""

    pooling_area: str
    care_area: str
    why: str
    records: int
    owed_fen: int


@dataclass(frozen=True, slots=True)
class YearEnd:
    """How far a year is cleared.

    `taken_back` counts lines of later months whose settlement counted in the year, and
    `taken_back_fen` is what they owe: below zero.
    """

    year: int
    deadline: date
    overdue: bool
    cleared: int
    cleared_fen: int
    not_cleared: tuple[NotCleared, ...]
    unissued: tuple[Month, ...]
    unpaid: tuple[Notice, ...]
    taken_back: int
    taken_back_fen: int

    @property
    def complete(self) -> bool:
        """Whether all of the year is cleared and paid."""
        return not self.not_cleared and not self.unissued and not self.unpaid


def year_end(
    store: MonthStore,
    year: int,
    book: Path,
    open_settlements: Iterable[str],
    *,
    today: date,
    late_months: int = limits.LATE_MONTHS_DEFAULT,
) -> YearEnd:
    """Return how far a year is cleared, by the book of the place of insurance.

    Raises:
        InvalidRequest: The year is out of bounds, or the book is faulty.
        StoreUnavailable: The disk failed.
    """
    first, last = limits.SERVICE_YEAR_MIN, limits.SERVICE_YEAR_MAX
    if not first <= year <= last:
        raise InvalidRequest([Fault("year", f"is {year}; expected {first} to {last}")])
    # Whether a record comes too late is asked of the month that would take it.
    following = max(store.open_month() or Month(year, _LAST_MONTH), Month(year, _LAST_MONTH))
    gathering = Gathering(
        month=following,
        book=book,
        open_settlements=frozenset(open_settlements),
        closed=store.lines_files(),
        decisions=store.decisions(),
        late_months=late_months,
    )
    with scratch(store.folder) as connection, reading(book):
        decide(connection, gathering)
        rows, (taken_back, taken_back_fen), held_by = _of_year(connection, year)
    cleared = [(count, fen) for _, _, state, count, fen in rows if state == "closed"]
    deadline = date(year + 1, *_DEADLINE)
    return YearEnd(
        year,
        deadline,
        today > deadline,
        sum(count for count, _ in cleared),
        sum(fen for _, fen in cleared),
        tuple(
            NotCleared(area, care, NOT_CLOSED if state == "take" else state, count, fen)
            for area, care, state, count, fen in rows
            if state != "closed"
        ),
        tuple(sorted({month for month, _, _ in held_by} - issued_months(store))),
        tuple(
            each
            for each in notices(store)
            if (each.month, each.debtor, each.creditor) in held_by
            and each.open_fen
            and each.replaced_by is None
        ),
        taken_back,
        taken_back_fen,
    )


def _of_year(
    connection: "duckdb.DuckDBPyConnection", year: int
) -> tuple[list[tuple[Any, ...]], tuple[int, int], set[tuple[Month, str, str]]]:
    """Return the records of a year by state, what was taken back of it later, and what holds it."""
    rows = connection.execute(
        f"select pooling_area, care_area, state, count(*), sum({OWED_SQL})::bigint "  # noqa: S608
        "from book join states using (settlement) where year(record_date) = ? "
        "group by 1, 2, 3 order by 1, 2, 3",
        [year],
    ).fetchall()
    ((taken_back, taken_back_fen),) = connection.execute(
        f"select count(*), coalesce(sum({OWED_SQL}), 0)::bigint from closed "  # noqa: S608
        "where original is not null and year(counted_on) = $year "
        "and left(clearing_month, 4)::int > $year",
        {"year": year},
    ).fetchall()
    held_by = {
        (Month.of(month), debtor, creditor)
        for month, debtor, creditor in connection.execute(_HELD_BY, [year]).fetchall()
    }
    return rows, (taken_back, taken_back_fen), held_by
