"""A year is cleared once every record of it is in a notice that was paid. `clearing.md` 3.1."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from medsettle.clearing.months.month import Month
from medsettle.clearing.months.months import MonthStore
from medsettle.clearing.notices.notices import issue
from medsettle.clearing.notices.payments import Seen, register
from medsettle.clearing.notices.year_end import YearEnd, year_end

from tests.clearing.month_books import MOMENT, close, store_in, write_book
from tests.clearing.notices_made import DUE, SEEN_AT, bill, cleared

pytestmark = pytest.mark.slow

_DECEMBER, _JANUARY = Month(2023, 12), Month(2024, 1)
_OWN = bill("S1", date(2023, 12, 5), 1_000)
_LATE = bill("S2", date(2023, 12, 30), 300, care_area="979701")
_NEXT = bill("S3", date(2024, 1, 4), 70)
_INSIDE = bill("S4", date(2024, 1, 5), 5, care_area="999902")


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[MonthStore]:
    """Return a store with December, and January that holds a late record of December."""
    with store_in(tmp_path) as store:
        close(store, _DECEMBER, [_OWN])
        close(store, _JANUARY, [_OWN, _LATE, _NEXT, _INSIDE])
        yield store


def _ended(store: MonthStore, year: int = 2023) -> YearEnd:
    book = write_book(store.folder / "year.parquet", [_OWN, _LATE, _NEXT, _INSIDE])
    return year_end(store, year, book, [], today=date(2024, 3, 31))


def _pay(store: MonthStore, number: int) -> None:
    due_fen = cleared(store, number).due_fen
    register(store, number, due_fen, Seen(f"B{number}", DUE, "clerk C"), SEEN_AT)


def test_a_month_whose_notices_are_not_issued_is_not_paid(store: MonthStore) -> None:
    """Nothing is unpaid where no notice is, and nothing is paid either."""
    before = _ended(store)
    issue(store, _DECEMBER, who="clerk A", due_on=DUE, moment=MOMENT)
    _pay(store, 1)
    then = _ended(store)

    assert ((), (_DECEMBER, _JANUARY), False) == (before.unpaid, before.unissued, before.complete)
    assert ((), (), (_JANUARY,), False) == (
        *(then.not_cleared, then.unpaid, then.unissued),
        then.complete,
    )


def test_late_records_are_paid_in_months_of_the_next_year(store: MonthStore) -> None:
    """The notice of January that pays the record of December, and not the one beside it."""
    for month in (_DECEMBER, _JANUARY):
        issue(store, month, who="clerk A", due_on=DUE, moment=MOMENT)
    _pay(store, 1)
    late = _ended(store)
    (number,) = [each.number for each in late.unpaid]
    _pay(store, number)

    assert [("97", 300, False)] == [
        (each.creditor, each.open_fen, late.complete) for each in late.unpaid
    ]
    assert (2, 1_300, True) == (
        *(_ended(store).cleared, _ended(store).cleared_fen),
        _ended(store).complete,
    )
    assert [("98", 70)] == [
        (each.creditor, each.open_fen) for each in _ended(store, 2024).unpaid if each.debtor == "99"
    ]


def test_what_stays_inside_a_province_has_no_notice(tmp_path: Path) -> None:
    """A month of such records alone is not waited for."""
    with store_in(tmp_path) as store:
        close(store, _JANUARY, [_INSIDE])
        book = write_book(store.folder / "year.parquet", [_INSIDE])
        ended = year_end(store, 2024, book, [], today=date(2025, 3, 31))

    assert ((), True) == (ended.unissued, ended.complete)
