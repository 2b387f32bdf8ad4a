"""A month takes each record once, names where it comes from, and is whole or absent."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from medsettle import errors, limits
from medsettle.clearing.months.month import Month
from medsettle.clearing.months.months import MonthStore
from medsettle.clearing.notices.year_end import year_end

from tests.clearing.month_books import (
    APRIL,
    CARE,
    HOME,
    MARCH,
    MOMENT,
    TODAY,
    cancel,
    close,
    close_book,
    held,
    lines,
    row,
    store_in,
    write_book,
)
from tests.payments.killing import Acknowledge, run_until

JUNE = Month(2024, 6)
# Each closing starts a database.
pytestmark = pytest.mark.slow


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[MonthStore]:
    with store_in(tmp_path) as store:
        yield store


def _taken(store: MonthStore, month: Month) -> dict[str, str]:
    return {each["settlement"]: each["line_kind"] for each in lines(store, month)}


def test_a_month_takes_what_agrees_of_its_days(store: MonthStore) -> None:
    """Records of the month and earlier ones; not what comes after, nor what a difference holds."""
    first, last = row("S1", date(2024, 3, 1)), row("S2", date(2024, 3, 31))
    late, later = row("S3", date(2024, 2, 29)), row("S4", date(2024, 4, 1))
    opened = row("S5", date(2024, 3, 9))
    closed = close(
        store,
        MARCH,
        [first, last, late, later, opened, cancel(opened, "C5", date(2024, 3, 9))],
        ["S5"],
    )

    assert {"S1": "own", "S2": "own", "S3": "late"} == _taken(store, MARCH)
    assert {"S5": "open_difference", "C5": "open_difference"} == held(store, MARCH)
    assert (3, 18_000, 2) == (closed.lines, closed.owed_fen, closed.held)
    assert APRIL == store.open_month()


def test_a_difference_about_a_cleared_settlement_holds_its_refund(store: MonthStore) -> None:
    """The month of the settlement stays; what takes it back waits until the books agree."""
    old = row("S1", date(2024, 3, 1))
    book = [old, cancel(old, "C1", date(2024, 4, 2))]
    close(store, MARCH, book)
    close(store, APRIL, book, ["S1"])
    close(store, Month(2024, 5), book)

    assert ({}, {"C1": "open_difference"}) == (_taken(store, APRIL), held(store, APRIL))
    assert {"C1": "refund"} == _taken(store, Month(2024, 5))


def test_what_agrees_later_is_a_line_of_the_open_month(store: MonthStore) -> None:
    """It keeps the month it was made in, and the closed month does not change."""
    book = [row("S1", date(2024, 3, 1)), row("S2", date(2024, 3, 2))]
    close(store, MARCH, book, ["S2"])
    before = store.lines_file(MARCH).read_bytes()
    close(store, APRIL, [*book, row("S3", date(2024, 4, 30))])
    (late, own) = lines(store, APRIL)

    assert ("S2", "late", "2024-03", "2024-03", "2024-04") == (
        *(late["settlement"], late["line_kind"], late["origin_month"]),
        *(late["settlement_month"], late["clearing_month"]),
    )
    assert ("S3", "own") == (own["settlement"], own["line_kind"])
    assert before == store.lines_file(MARCH).read_bytes()


def test_a_refund_across_months_names_its_original(store: MonthStore) -> None:
    """The month payable of 1,050,000.00 and a refund of 8,500.00 come to 1,041,500.00.

    Source: `clearing.md` 3.5.
    """
    old = row("S1", date(2024, 3, 20), total_fen=900_000, pooled_fund=850_000)
    close(store, MARCH, [old])
    new = row("S2", date(2024, 4, 3), total_fen=110_000_000, pooled_fund=105_000_000)
    closed = close(store, APRIL, [old, new, cancel(old, "C1", date(2024, 4, 9))])
    refund = lines(store, APRIL)[0]

    assert 104_150_000 == closed.owed_fen
    assert {
        "settlement": "C1",
        "original": "S1",
        "line_kind": "refund",
        "origin_month": "2024-04",
        "settlement_month": "2024-03",
        "original_month": "2024-03",
        "original_cleared": "2024-03",
        "original_policy_digest": "invented-1",
        "original_catalogue_digest": "invented-2",
        "reason": "cancelled across months",
        "pooled_fund_fen": -850_000,
    }.items() <= refund.items()


def test_a_refund_in_january_belongs_to_both_years(store: MonthStore) -> None:
    """It is cleared in January, and moves the counters of the day of December that it takes back.

    Source: `clearing.md` 3.5.
    """
    old = row("S1", date(2023, 12, 30))
    december, january = Month(2023, 12), Month(2024, 1)
    close(store, december, [old])
    # The ledger records a cancel under the service day of its original.
    back = cancel(old, "C1", date(2024, 1, 4))
    close(store, january, [old, back])
    (line,) = lines(store, january)
    book = write_book(store.folder / "year.parquet", [old, back])
    ended = year_end(store, 2023, book, [], today=date(2024, 4, 1))

    assert ("2024-01", date(2023, 12, 30)) == (line["clearing_month"], line["counted_on"])
    assert (1, 6_000, 1, -6_000) == (
        *(ended.cleared, ended.cleared_fen),
        *(ended.taken_back, ended.taken_back_fen),
    )


def test_a_decision_gives_a_line_its_reason_and_approver(store: MonthStore) -> None:
    """Who approved a refund after its month was sealed, and why, stand in its line."""
    old = row("S1", date(2024, 3, 20))
    close(store, MARCH, [old])
    store.decide("C1", included=True, who="clerk B", reason="billed twice", moment=MOMENT)
    close(store, APRIL, [old, cancel(old, "C1", date(2024, 4, 9))])
    (line,) = lines(store, APRIL)

    assert ("billed twice", "clerk B") == (line["reason"], line["approver"])


@pytest.mark.parametrize(
    ("day", "expected"),
    [(date(2024, 2, 1), {}), (date(2024, 1, 31), {"S1": "too_late"})],
    ids=["two-months", "three-months"],
)
def test_two_months_late_is_the_latest(
    store: MonthStore, day: date, expected: dict[str, str]
) -> None:
    """A record of two months ago comes in, one of three waits for a decision. `clearing.md` 3.1."""
    close(store, APRIL, [row("S1", day)])

    assert expected == held(store, APRIL)


def test_somebody_decides_about_what_is_too_late(store: MonthStore) -> None:
    """Taken in, it is a line; left out, no later month has it; its refund goes with it."""
    one, other = row("S1", date(2023, 6, 1)), row("S2", date(2023, 6, 2))
    book = [one, other, cancel(one, "C1", date(2024, 3, 3)), cancel(other, "C2", date(2024, 4, 3))]
    close(store, MARCH, book)
    first = held(store, MARCH)
    store.decide("S1", included=False, who="clerk B", reason="a slip", moment=MOMENT)
    store.decide("S1", included=True, who="clerk B", reason="court order", moment=MOMENT)
    store.decide("S2", included=False, who="clerk B", reason="given up", moment=MOMENT)
    close(store, APRIL, book, late_months=1)

    assert {"S1": "too_late", "S2": "too_late", "C1": "with_original"} == first
    assert {"S1": "late", "C1": "refund"} == _taken(store, APRIL)
    assert {"S2": "left_out", "C2": "with_original"} == held(store, APRIL)


def test_nothing_of_the_book_is_passed_over_in_silence(store: MonthStore) -> None:
    """What stands twice, belongs to nothing or was changed after its month is held and told."""
    kept = row("S1", date(2024, 3, 1))
    twice = row("S2", date(2024, 3, 2))
    alone = cancel(row("S9", date(2024, 3, 1)), "C9", date(2024, 3, 3))
    close(store, MARCH, [kept, twice, twice, alone])
    changed = kept | {"pooled_fund_fen": 6_001, "fund_total_fen": 6_001}
    close(store, APRIL, [changed, twice, alone])

    assert {"S2": "duplicate", "C9": "original_unknown"} == held(store, MARCH)
    assert {"S1": "changed", "C9": "original_unknown"} == held(store, APRIL)
    assert {"S2": "late"} == _taken(store, APRIL)


def test_what_is_twice_and_alike_is_taken_once_where_somebody_decided(store: MonthStore) -> None:
    """No later month holds it as changed; rows that are unlike stay held, whatever was decided."""
    alike, unlike = row("S1", date(2024, 3, 1)), row("S2", date(2024, 3, 2))
    again = alike | {"record_time": MOMENT}
    dearer = row("S2", date(2024, 3, 2), total_fen=20_000)
    book = [alike, again, unlike, dearer]
    close(store, MARCH, book)
    for name in ("S1", "S2"):
        store.decide(name, included=True, who="clerk B", reason="billed once", moment=MOMENT)
    close(store, APRIL, book, ["S1"])
    first = held(store, APRIL)
    closed = close(store, Month(2024, 5), book)
    close(store, JUNE, book)

    assert {"S1": "open_difference", "S2": "duplicate"} == first
    assert (["S1"], 6_000) == ([*_taken(store, Month(2024, 5))], closed.owed_fen)
    assert ({}, {"S2": "duplicate"}) == (_taken(store, JUNE), held(store, JUNE))


@pytest.mark.parametrize(
    ("month", "today", "says"),
    [
        (MARCH, TODAY, "is closed"),
        (Month(2024, 2), TODAY, "was never closed, and 2024-03 was"),
        (Month(2024, 5), TODAY, "comes later; the open month is 2024-04"),
        (APRIL, date(2024, 4, 30), "close it after its last day"),
    ],
    ids=["again", "before-the-first", "skipped", "on-its-last-day"],
)
def test_months_are_closed_in_turn_and_when_they_are_over(
    store: MonthStore, month: Month, today: date, says: str
) -> None:
    """One is never closed twice, skipped, or closed before its end; the next day is soon enough."""
    close(store, MARCH, [row("S1", date(2024, 3, 1))])
    with pytest.raises(errors.Precondition, match=says):
        close(store, month, [], today=today)
    close(store, APRIL, [], today=date(2024, 5, 1))


def test_late_months_have_a_bound(store: MonthStore) -> None:
    """A centre may let records come in twelve months late and no more."""
    most = limits.LATE_MONTHS_MAX
    with pytest.raises(errors.InvalidRequest, match="late_months"):
        close(store, MARCH, [], late_months=most + 1)
    close(store, MARCH, [row("S1", date(2023, 3, 1))], late_months=most)

    assert {"S1": "late"} == _taken(store, MARCH)


def test_a_changed_file_of_a_month_is_not_read(store: MonthStore) -> None:
    """One bit of a closed month's lines, and it is told rather than used."""
    close(store, MARCH, [row("S1", date(2024, 3, 1))])
    file = store.lines_file(MARCH)
    content = bytearray(file.read_bytes())
    content[-20] ^= 1
    file.chmod(0o600)
    file.write_bytes(content)

    with pytest.raises(errors.StoreUnavailable, match="it was changed or damaged"):
        store.lines_file(MARCH)


def test_the_order_of_the_book_does_not_matter(tmp_path: Path) -> None:
    """The same records in another order and in several files give the same bytes."""
    rows = [row(f"S{number:04d}", date(2024, 3, 1 + number % 31)) for number in range(500)]
    found = []
    for name in ("a", "b"):
        Random(name).shuffle(rows)
        folder = tmp_path / name
        for at in range(0, 500, 125):
            write_book(folder / "book" / f"{at}.parquet", rows[at : at + 125])
        with store_in(folder) as store:
            close_book(store, folder / "book")
            found.append(store.lines_file(MARCH).read_bytes())

    assert found[0] == found[1]


def test_a_month_is_whole_or_absent_whenever_its_closing_is_killed(tmp_path: Path) -> None:
    """Killed before any step that reaches the disk; closing again writes the same bytes."""
    old = row("S0", date(2024, 2, 27))
    rows = [old, cancel(old, "C0", date(2024, 3, 2))]
    rows += [row(f"S{number}", date(2024, 3, 1 + number % 31)) for number in range(1, 60)]
    book = write_book(tmp_path / "book.parquet", rows)
    with store_in(tmp_path / "reference") as store:
        expected = _close(store, book)

    states = set()
    for step in count():
        folder = tmp_path / str(step)
        with store_in(folder):
            pass

        def act(acknowledge: Acknowledge, folder: Path = folder) -> None:
            with store_in(folder) as store:
                _close(store, book)
            acknowledge("closed")

        within = ("medsettle/clearing/", "medsettle/ledger/", "medsettle/durable")
        ended = run_until(step, act, within)
        with store_in(folder) as store:
            closed = [each.month for each in store.months()]
            assert closed in ([], [MARCH]), step
            states.add(
                (len(closed), (store.folder / "months" / "2024-03" / "lines.parquet").exists())
            )
            assert closed == [MARCH] or not ended.acknowledged, step
            found = store.lines_file(MARCH).read_bytes() if closed else _close(store, book)
            assert expected == found, step
            left = [*store.folder.rglob("*.tmp"), *store.folder.rglob(".spill-*")]
            assert closed or [] == left, step
        if not ended.killed:
            break
    # Nothing, the file without its month, and both were seen.
    assert {(0, False), (0, True), (1, True)} == states


def _close(store: MonthStore, book: Path) -> bytes:
    close_book(store, book)
    return store.lines_file(MARCH).read_bytes()


_DAYS = st.dates(date(2024, 1, 1), date(2024, 6, 30))


@st.composite
def _books(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Return settlements of half a year, some of them taken back, corrected or reduced later."""
    rows = []
    for number in range(draw(st.integers(1, 12))):
        day, fen = draw(_DAYS), draw(st.integers(0, 10**9))
        first = row(f"S{number}", day, total_fen=fen + 7, pooled_fund=fen, account=7)
        rows.append(first)
        then = draw(st.dates(day, date(2024, 6, 30)))
        what = draw(st.sampled_from(["nothing", "cancel", "adjust", "deduction"]))
        if what == "cancel":
            rows.append(cancel(first, f"C{number}", then))
        elif what != "nothing":
            less = row(f"A{number}", then, total_fen=0, pooled_fund=-draw(st.integers(0, fen)))
            rows.append(less | {"kind": what, "original": first["settlement"]})
    return rows


@given(rows=_books(), opened=st.sets(st.integers(0, 11)), data=st.data())
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_money_is_conserved_over_the_months(
    rows: list[dict[str, Any]],
    opened: set[int],
    data: st.DataObject,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Each record is in one month at most, and months and what is held come to the book's sum."""
    folder = tmp_path_factory.mktemp("months")
    names = [f"S{number}" for number in opened]
    with store_in(folder) as store:
        for number in range(4, 7):
            month = Month(2024, number)
            close(store, month, rows, names if data.draw(st.booleans()) else [], late_months=12)
        taken = [each for month in store.months() for each in lines(store, month.month)]
        left = held(store, Month(2024, 6))

    assert len(taken) == len({each["settlement"] for each in taken})
    assert {each["settlement"] for each in rows} == {
        *(each["settlement"] for each in taken),
        *left,
    }
    fen = {each["settlement"]: each["pooled_fund_fen"] + each["account_fen"] for each in rows}
    assert sum(fen.values()) == sum(month.owed_fen for month in _months(folder)) + sum(
        fen[name] for name in left
    )
    by_name = {each["settlement"]: each["clearing_month"] for each in taken}
    assert all(
        by_name[each["original"]] <= each["clearing_month"] for each in taken if each["original"]
    )


def _months(folder: Path) -> list[Any]:
    with store_in(folder) as store:
        return store.months()


def test_a_year_is_cleared_by_the_end_of_march(store: MonthStore) -> None:
    """What is not cleared is told with why, and is overdue from 1 April on. `clearing.md` 3.1."""
    done, opened = row("S1", date(2023, 12, 1)), row("S2", date(2023, 12, 2))
    gone, later = row("S3", date(2023, 6, 2)), row("S4", date(2024, 1, 1))
    book = write_book(store.folder / "year.parquet", [done, opened, gone, later])
    close(store, Month(2023, 12), [done])
    on_time = year_end(store, 2023, book, ["S2"], today=date(2024, 3, 31))
    overdue = year_end(store, 2023, book, [], today=date(2024, 4, 1))

    assert (False, True) == (on_time.overdue, overdue.overdue)
    assert (1, 6_000, date(2024, 3, 31)) == (overdue.cleared, overdue.cleared_fen, overdue.deadline)
    assert [(HOME, CARE, "open_difference", 1, 6_000), (HOME, CARE, "too_late", 1, 6_000)] == [
        (each.pooling_area, each.care_area, each.why, each.records, each.owed_fen)
        for each in on_time.not_cleared
    ]
    assert {"not_closed", "too_late"} == {each.why for each in overdue.not_cleared}
    assert not replace(overdue, unpaid=()).complete
