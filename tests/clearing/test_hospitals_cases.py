"""Claims paid by the case: the price stands until the claim is taken back, and no longer."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from medsettle import errors
from medsettle.clearing.hospitals.batches import pay
from medsettle.clearing.hospitals.cases import CasePrice, case_differences, price
from medsettle.clearing.hospitals.reports import report
from medsettle.clearing.hospitals.slices import month
from medsettle.clearing.hospitals.status import Stage, claim_status, verify
from medsettle.clearing.hospitals.store import HospitalStore
from medsettle.clearing.matching.book import RecordKind
from medsettle.clearing.months.month import Month

from tests.clearing.hospital_claims import (
    BY,
    CLEARING,
    MARCH,
    NEXT,
    PAYER,
    application,
    cancel,
    cleared,
    opened,
    record,
    reviewed,
    terms,
)

_LATER = date(2026, 5, 20)
_APRIL = Month(2026, 4)


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[HospitalStore]:
    with opened(tmp_path) as store:
        yield store
        assert [] == verify(store)


def _price(store: HospitalStore, fen: int) -> int:
    return price(store, CasePrice("S1", "pooled_fund", "40", fen), BY)


def _payments(store: HospitalStore, day: date) -> list[int]:
    batch = pay(store, day, PAYER)
    return [] if batch is None else [payment.fen for payment in batch.payments]


def _adjusted(number: int, fen: int) -> dict[str, Any]:
    return record(number, fen) | {
        "settlement": f"A{number}",
        "kind": RecordKind.ADJUST,
        "original": "S1",
    }


def _booked(store: HospitalStore, when: Month) -> list[tuple[int, int, int]]:
    return [
        (each.claims, each.receivable_fen, each.difference_fen)
        for each in case_differences(store, when)
    ]


@pytest.mark.parametrize("price_fen", [9_000, 10_000, 11_500])
def test_a_cancel_takes_the_price_back_too(store: HospitalStore, price_fen: int) -> None:
    """Whatever the case was priced at, nothing stands of the claim, and all that was paid returns.

    Of 300.00 of another claim 285.00 are paid, less 95 % of the price that had been paid.
    """
    row = record(1)
    report(store, [row], BY)
    assert price_fen - 10_000 == _price(store, price_fen)
    reviewed(store, application(10_000))
    month(store, terms(), MARCH, CLEARING, BY)
    paid_fen = price_fen - price_fen // 20
    assert [paid_fen] == _payments(store, CLEARING)
    taken = cancel(row, 1, date(2026, 4, 2))
    cleared(store, taken, record(2, 30_000), declaration="D2")

    part = store.part("S1", "pooled_fund")
    assert (0, 0) == (part.declared_fen, part.held_fen)
    assert Stage.TAKEN_BACK is claim_status(store, "S1").stage
    assert [28_500 - paid_fen] == _payments(store, _LATER)
    # Both differences are of April: the day of the price, and that of the cancel.
    assert [0] * (price_fen != 10_000) == [
        each.difference_fen for each in case_differences(store, _APRIL)
    ]
    assert (0, 1) == (report(store, [taken], BY).added, report(store, [taken], BY).known)


def test_a_price_told_after_the_month_is_paid(store: HospitalStore) -> None:
    """Of 15.00 more, 14.25 are paid by the next run of the month and 0.75 withheld, once."""
    cleared(store, record(1))
    assert [9_500] == _payments(store, CLEARING)
    _price(store, 11_500)
    (found,) = month(store, terms(), MARCH, _LATER, BY)
    assert (1, 1_500, 75) == (found.claims, found.slices_fen, found.withheld_fen)
    assert [1_425] == _payments(store, _LATER)
    part = store.part("S1", "pooled_fund")
    assert (11_500 - 575, 575, 0) == (part.paid_fen, part.held_fen, part.rest_fen)
    with pytest.raises(errors.NotFound):
        month(store, terms(), MARCH, _LATER, BY)


@pytest.mark.parametrize(("price_fen", "fen"), [(100, -9_900), (11_500, -500), (9_000, 700)])
def test_a_correction_leaves_the_price(store: HospitalStore, price_fen: int, fen: int) -> None:
    """What is computed more or less is the gain or loss of the place of care alone."""
    row = record(1)
    report(store, [row], BY)
    _price(store, price_fen)
    report(store, [_adjusted(2, fen)], BY)
    assert price_fen == store.part("S1", "pooled_fund").declared_fen
    # The price was told in April, the correction is of March: each has its own beside it.
    assert [(1, 10_000, price_fen - 10_000)] == _booked(store, _APRIL)
    assert [(1, fen, -fen)] == _booked(store, MARCH)

    report(store, [_adjusted(3, -fen), cancel(row, 1, NEXT)], BY)
    assert 0 == store.part("S1", "pooled_fund").declared_fen


def test_what_is_booked_later_changes_no_month_before_it(store: HospitalStore) -> None:
    """100.00 and 2.00 more are priced at 115.00 in April; 5.00 are added in May, June takes back.

    Each month has what changed in it: both columns of all together come to what stands.
    """
    row = record(1)
    report(store, [row, _adjusted(2, 200)], BY)
    _price(store, 11_500)
    april = [(1, 10_200, 1_300)]
    assert april == _booked(store, _APRIL)
    may, june = Month(2026, 5), Month(2026, 6)
    report(store, [_adjusted(3, 500) | {"record_date": may.first_day}], BY)
    assert (april, [(1, 500, -500)]) == (_booked(store, _APRIL), _booked(store, may))
    report(store, [cancel(row, 1, june.first_day)], BY)
    assert (april, [(1, 500, -500)]) == (_booked(store, _APRIL), _booked(store, may))
    assert ([(1, -10_000, -800)], []) == (_booked(store, june), _booked(store, MARCH))
    assert 700 == store.part("S1", "pooled_fund").declared_fen


def test_what_was_computed_is_what_can_be_taken_back(store: HospitalStore) -> None:
    """Priced at 1.00, all of the 100.00 can be taken back and not a fen more."""
    report(store, [record(1)], BY)
    _price(store, 100)
    with pytest.raises(errors.InvalidRequest, match="takes back 10001 fen, 10000 are declared"):
        report(store, [cancel(record(1, 10_001), 1)], BY)
    report(store, [cancel(record(1), 1)], BY)
    with pytest.raises(errors.Precondition, match="is priced already"):
        _price(store, 100)


def test_a_claim_that_was_cancelled_is_not_priced(store: HospitalStore) -> None:
    """Nor where a correction added something to it since: nothing would take the price back."""
    report(store, [record(1), cancel(record(1), 1)], BY)
    report(store, [_adjusted(2, 100)], BY)
    with pytest.raises(errors.Precondition, match="claim S1 was taken back"):
        _price(store, 50)
