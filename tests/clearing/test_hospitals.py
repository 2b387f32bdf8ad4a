"""What hospitals are paid: slices, deductions, reserves and payments add up to what is due."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from medsettle.clearing.hospital_batches import pay
from medsettle.clearing.hospital_deductions import (
    ClaimDeduction,
    Code,
    Taken,
    deduct,
    deductions,
)
from medsettle.clearing.hospital_reports import report
from medsettle.clearing.hospital_reserves import Assessment, assess
from medsettle.clearing.hospital_slices import instant, month
from medsettle.clearing.hospital_status import Stage, claim_status, verify
from medsettle.clearing.hospital_store import HospitalStore
from medsettle.core.dates import day_number

from tests.clearing.hospital_claims import (
    BY,
    CLEARING,
    DAY,
    MARCH,
    NEXT,
    application,
    because,
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


def _paid(store: HospitalStore, claim: str = "S1") -> tuple[int, int]:
    """Return paid to date and rest of the pool's part of a claim."""
    part = store.part(claim, "pooled_fund")
    return part.paid_fen, part.rest_fen


def test_a_claim_is_paid_in_slices(store: HospitalStore) -> None:
    """Of 100.00: 60.00 the next day, 35.00 with the month, 5.00 after the yearly assessment."""
    report(store, [record(1)], BY)
    seen = [(claim_status(store, "S1").stage, *_paid(store))]
    instant(store, terms(), NEXT, BY)
    pay(store, NEXT, BY)
    seen.append((claim_status(store, "S1").stage, *_paid(store)))
    reviewed(store, application(10_000))
    month(store, terms(), MARCH, CLEARING, BY)
    pay(store, CLEARING, BY)
    seen.append((claim_status(store, "S1").stage, *_paid(store)))
    year = Assessment("H1", 2026, "A", "director")
    assess(store, year, terms().on(DAY), date(2027, 2, 1), because("assessed"))
    pay(store, date(2027, 2, 1), BY)
    seen.append((claim_status(store, "S1").stage, *_paid(store)))

    assert [
        (Stage.REPORTED, 0, 10_000),
        (Stage.INSTANT_PAID, 6_000, 4_000),
        (Stage.MONTH_PAID, 9_500, 0),
        (Stage.RESERVE_RELEASED, 10_000, 0),
    ] == seen


def test_a_deduction_before_the_month_is_never_paid(store: HospitalStore) -> None:
    """Of 100.00 with 60.00 paid, 50.00 deducted: 40.00 are never paid, and 10.00 come back."""
    report(store, [record(1), record(2)], BY)
    instant(store, terms(), NEXT, BY)
    pay(store, NEXT, BY)
    what = ClaimDeduction(Code.REVIEW, 5_000, day_number(NEXT))
    deduct(store, "S1", "pooled_fund", what, because("not indicated"))
    before = deductions(store)[0].state
    reviewed(store, application(20_000))
    month(store, terms(), MARCH, CLEARING, BY)
    part = deductions(store)[0]
    batch = pay(store, CLEARING, BY)

    # 5 % of 50.00 cannot be withheld of a claim that was paid too much already.
    assert (Taken.NONE, Taken.PART, 4_000, 1_000) == (
        before,
        part.state,
        part.taken_fen,
        part.open_fen,
    )
    assert Taken.FULL is deductions(store)[0].state
    assert batch is not None
    assert [3_500 - 1_000] == [payment.fen for payment in batch.payments]
    assert (5_000, 0) == _paid(store)
    assert (9_500, 0) == _paid(store, "S2")
