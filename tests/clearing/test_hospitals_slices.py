"""Slices at their edges: what is left for a reserve, late corrections, and the last fen."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from medsettle.clearing.hospitals.batches import pay
from medsettle.clearing.hospitals.deductions import ClaimDeduction, Code, deduct
from medsettle.clearing.hospitals.reports import report
from medsettle.clearing.hospitals.reserves import Assessment, assess, reserves
from medsettle.clearing.hospitals.shares import parts_of
from medsettle.clearing.hospitals.slices import instant, month
from medsettle.clearing.hospitals.status import claim_status, verify
from medsettle.clearing.hospitals.store import HospitalStore
from medsettle.clearing.matching.book import RecordKind
from medsettle.clearing.months.month import Month
from medsettle.core.dates import day_number
from medsettle.core.money import Rounding

from tests.clearing.hospital_claims import (
    BY,
    CLEARING,
    MARCH,
    NEXT,
    PAYER,
    application,
    because,
    cancel,
    cleared,
    opened,
    record,
    reviewed,
    terms,
)


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[HospitalStore]:
    with opened(tmp_path) as store:
        yield store
        assert [] == verify(store)


def test_the_last_fen_goes_to_who_lost_most() -> None:
    """Of 0.3 and 0.9 fen, one fen together, the second loses more and gets it."""
    assert [0, 1] == parts_of([1, 3], 3_000, Rounding.HALF_UP)
    assert [0, 1, 1] == parts_of([1, 3, 2], 3_000, Rounding.UP)


def test_no_more_is_withheld_than_is_left(store: HospitalStore) -> None:
    """Of 62.00 with 60.00 paid at once, 5 % would be 3.10: 2.00 are left, and held."""
    report(store, [record(1)], BY)
    instant(store, terms(), NEXT, BY)
    pay(store, NEXT, PAYER)
    what = ClaimDeduction(Code.REVIEW, 3_800, day_number(NEXT))
    deduct(store, "S1", "pooled_fund", what, because("not indicated"))
    reviewed(store, application())
    (found,) = month(store, terms(), MARCH, CLEARING, BY)
    batch = pay(store, CLEARING, PAYER)

    assert (200, 200) == (found.slices_fen, found.withheld_fen)
    assert batch is not None
    assert [0] == [payment.fen for payment in batch.payments]
    part = store.part("S1", "pooled_fund")
    assert (6_000, 200, 0) == (part.paid_fen, part.held_fen, part.rest_fen)


def test_a_late_correction_has_a_reserve_of_its_own(store: HospitalStore) -> None:
    """10.00 more than the 100.00 that were cleared: 0.50 of them are withheld, and no more."""
    row = record(1)
    cleared(store, row)
    pay(store, CLEARING, PAYER)
    more = record(2, 1_000) | {"kind": RecordKind.ADJUST, "original": "S1"}
    cleared(store, more, declaration="D2")

    part = store.part("S1", "pooled_fund")
    assert (550, 10_450, 0) == (part.held_fen, part.approved_fen, part.rest_fen)


def test_a_slice_that_fell_pays_for_no_older_claim(store: HospitalStore) -> None:
    """Two claims are cancelled, one of them paid: the slice of the other does not settle it."""
    old, new = record(1), record(2)
    report(store, [old], BY)
    instant(store, terms(), NEXT, BY)
    pay(store, NEXT, PAYER)
    report(store, [new], BY)
    instant(store, terms(), NEXT, BY)
    report(store, [cancel(old, 1, NEXT), cancel(new, 2, NEXT)], BY)
    pay(store, NEXT, PAYER)

    assert [6_000, 0] == [store.part(f"S{each}", "pooled_fund").paid_fen for each in (1, 2)]
    assert {"instant": 6_000, "recovery": -6_000} == {
        row.kind: row.fen for row in claim_status(store, "S2").ledger if row.payment
    }


@pytest.mark.parametrize(
    ("grade", "released", "rest"), [("A", 500, 0), ("B", 400, 100), ("C", 0, 500)]
)
def test_reserve_withheld_after_the_assessment_follows_it(
    store: HospitalStore, grade: str, released: int, rest: int
) -> None:
    """Of 5.00 of a claim declared late the grade gives back as much as of the others."""
    cleared(store, record(1))
    pay(store, CLEARING, PAYER)
    year = Assessment("H1", 2026, grade, "director")
    assess(store, year, terms().on(NEXT), CLEARING, BY)
    pay(store, CLEARING, PAYER)
    cleared(store, record(2), record(3, record_date=date(2026, 3, 30)), declaration="D2")
    (account,) = reserves(store, 2026)
    batch = pay(store, date(2027, 2, 1), PAYER)

    assert (1_500, 3 * released, 3 * rest, 0) == (
        account.withheld_fen,
        account.released_fen,
        account.forfeited_fen,
        account.held_fen,
    )
    assert batch is not None
    assert 2 * (9_500 + released) == batch.sum_fen
    part = store.part("S2", "pooled_fund")
    assert (9_500 + released, 0) == (part.paid_fen, part.rest_fen)


def test_a_year_that_was_not_assessed_keeps_its_reserve(store: HospitalStore) -> None:
    """A late correction of the year before is settled; what is withheld of this year stays."""
    cleared(store, record(1, record_date=date(2026, 3, 2)))
    assess(store, Assessment("H1", 2026, "A", "director"), terms().on(NEXT), CLEARING, BY)
    day = date(2027, 1, 4)
    rows = [
        record(2, record_date=day),
        record(3, 1_000, record_date=day) | {"kind": RecordKind.ADJUST, "original": "S1"},
    ]
    report(store, rows, BY)
    january = Month(2027, 1)
    what = application(declaration="D2", month=january, first=day, last=date(2027, 1, 31))
    reviewed(store, what)
    month(store, terms(), january, date(2027, 2, 20), BY)

    assert [0, 500] == [store.part(f"S{each}", "pooled_fund").held_fen for each in (1, 2)]
    assert [550, 500] == [reserves(store, each)[0].withheld_fen for each in (2026, 2027)]


def test_an_account_names_its_assessment(store: HospitalStore) -> None:
    """Grade and who approved it stand with what was released and forfeited."""
    cleared(store, record(1))
    year = Assessment("H1", 2026, "B", "director")
    (found,) = assess(store, year, terms().on(NEXT), CLEARING, BY)

    assert ("B", "director") == (found.grade, found.approved_by)
