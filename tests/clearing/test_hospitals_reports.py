"""What is read in of books, and what institutions, months and targets come to."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from medsettle import errors, limits
from medsettle.clearing.book import RecordKind
from medsettle.clearing.hospital_batches import pay
from medsettle.clearing.hospital_deductions import ClaimDeduction, Code, deduct, deductions
from medsettle.clearing.hospital_reports import Reported, report
from medsettle.clearing.hospital_slices import instant
from medsettle.clearing.hospital_status import claim_status, statements, targets, verify
from medsettle.clearing.hospital_store import HospitalStore
from medsettle.core.dates import day_number

from tests.clearing.hospital_claims import (
    BY,
    MARCH,
    NEXT,
    because,
    cancel,
    opened,
    record,
    terms,
)


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[HospitalStore]:
    with opened(tmp_path) as store:
        yield store
        assert [] == verify(store)


def test_an_audit_deduction_of_a_book_is_taken_over_once(store: HospitalStore) -> None:
    """A negative row of the kind deduction becomes a review of its claim, however often read."""
    taken = cancel(record(1, 1_200), 1) | {"kind": RecordKind.DEDUCTION, "original": "S1"}
    first = report(store, [taken, record(1)], BY)
    again = report(store, [taken, record(1)], BY)

    assert (Reported(1, 0, 1), Reported(0, 2, 0)) == (first, again)
    assert [(Code.REVIEW, "S1", 1_200)] == [
        (each.code, each.claim, each.fen) for each in deductions(store)
    ]


def test_a_record_that_says_something_else_is_refused(store: HospitalStore) -> None:
    """Nothing of a book is recorded when one row differs; all faults are told with their rows."""
    report(store, [record(1)], BY)
    rows = [
        record(2),
        record(1, 10_001),
        cancel(record(7), 7),
        cancel(record(1, 10_001), 1),
        record(3, -5),
        record(4) | {"fund_total_fen": 9_999},
    ]
    with pytest.raises(errors.InvalidRequest) as refused:
        report(store, rows, BY)

    assert [
        "rows[1].settlement: is recorded with other amounts, day or original",
        "rows[2].original: 'S7' was never reported; report its day first",
        "rows[3].pooled_fund_fen: takes back 10001 fen, 10000 are declared",
        "rows[5].fund_total_fen: is 9999 fen, its funds come to 10000",
    ] == [line for line in sorted(map(str, refused.value.faults)) if "rows[4]" not in line]
    assert sum("rows[4]" in str(fault) for fault in refused.value.faults) == 4
    with pytest.raises(errors.NotFound):
        claim_status(store, "S2")


def test_a_month_tells_what_is_left(store: HospitalStore) -> None:
    """Of 300.00 declared, 160.00 paid at once of one, 100.00 deducted: the statement adds up."""
    report(store, [record(1, 10_000), record(2, 20_000)], BY)
    instant(store, terms(), NEXT, BY)
    pay(store, NEXT, BY)
    what = ClaimDeduction(Code.REVIEW, 10_000, day_number(NEXT))
    deduct(store, "S2", "pooled_fund", what, because("not indicated"))
    (found,) = statements(store, MARCH, "H1")

    assert (2, 30_000, 10_000, 0, 18_000, 0, 2_000) == (
        found.claims,
        found.declared_fen,
        found.deducted_fen,
        found.held_fen,
        found.paid_fen,
        found.waiting_fen,
        found.rest_fen,
    )


@pytest.mark.parametrize("instant_fen", [7_999, 8_000])
def test_the_target_is_met_exactly_at_80_percent(store: HospitalStore, instant_fen: int) -> None:
    """80.00 of 100.00 and four of five institutions meet it, a fen less does not."""
    rows = [
        record(number, fen, institution=f"H{number}")
        for number, fen in ((1, instant_fen - 3), (2, 1), (3, 1), (4, 1))
    ]
    # A pharmacy: no rule pays it at once.
    rows.append(record(5, 10_000 - instant_fen, institution="H5", clearing_class="41"))
    # A slice of a claim of 0.01 is 0.006, which is 0.01.
    report(store, rows, BY)
    instant(store, terms(), NEXT, BY)
    found = targets(store, MARCH)

    assert (10_000, instant_fen, 5, 4) == (
        found.fund_fen,
        found.instant_fund_fen,
        found.institutions,
        found.instant_institutions,
    )
    assert (instant_fen == 8_000) is found.met
    assert (instant_fen, 8_000) == (found.fund_bps, found.institutions_bps)
    assert not targets(store, MARCH, designated=6).met


def test_a_settlement_waits_for_its_slice_no_longer_than_the_bound(store: HospitalStore) -> None:
    """On the last day of the window it still gets one, on the next it waits for its month."""
    days = [limits.INSTANT_WINDOW_DAYS + more for more in (0, 1)]
    run = date(2026, 6, 30)
    rows = [record(each, record_date=run - timedelta(days=each)) for each in days]
    report(store, rows, BY)
    instant(store, terms(), run, BY)

    assert [6_000, 0] == [store.part(f"S{each}", "pooled_fund").approved_fen for each in days]
