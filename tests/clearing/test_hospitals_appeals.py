"""Deductions given up after an appeal: what was not taken is not, what was is paid again, once."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from medsettle import errors
from medsettle.clearing.hospitals.advances import Advance, advance, equal_instalments
from medsettle.clearing.hospitals.appeals import lift
from medsettle.clearing.hospitals.batches import pay
from medsettle.clearing.hospitals.deductions import (
    ClaimDeduction,
    Code,
    Taken,
    deduct,
    deduct_from_institution,
    deductions,
)
from medsettle.clearing.hospitals.remittances import Adjustment, remittance
from medsettle.clearing.hospitals.reports import report
from medsettle.clearing.hospitals.status import claim_status, verify
from medsettle.clearing.hospitals.store import HospitalStore
from medsettle.core.dates import day_number

from tests.clearing.hospital_claims import (
    BY,
    CLEARING,
    NEXT,
    PAYER,
    POOL,
    another_because,
    because,
    cancel,
    cleared,
    opened,
    record,
    terms,
)

_LATER = date(2026, 5, 20)
_APPEAL = another_because("records were found")


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[HospitalStore]:
    with opened(tmp_path) as store:
        yield store
        assert [] == verify(store)


def _deduct(store: HospitalStore, fen: int) -> int:
    what = ClaimDeduction(Code.REVIEW, fen, day_number(NEXT))
    return deduct(store, "S1", "pooled_fund", what, because("not indicated"))


def _payments(store: HospitalStore, day: date) -> list[int]:
    batch = pay(store, day, PAYER)
    return [] if batch is None else [payment.fen for payment in batch.payments]


def test_what_was_never_paid_is_paid_after_an_appeal(store: HospitalStore) -> None:
    """Of 100.00 with 30.00 deducted before the month, 20.00 are given up: they are paid alone."""
    report(store, [record(1)], BY)
    number = _deduct(store, 3_000)
    cleared(store)
    # 70.00 less the reserve of 3.50.
    assert [6_650] == _payments(store, CLEARING)
    found = lift(store, number, 2_000, _APPEAL)

    assert (3_000, 1_000, 2_000, 0, Taken.FULL) == (
        found.fen,
        found.taken_fen,
        found.lifted_fen,
        found.open_fen,
        found.state,
    )
    assert [2_000] == _payments(store, _LATER)
    part = store.part("S1", "pooled_fund")
    assert (8_650, 350, 0) == (part.paid_fen, part.held_fen, part.rest_fen)
    assert ("lifted", "deduction 1: records were found") in [
        (row.kind, row.why) for row in claim_status(store, "S1").ledger
    ]


def test_what_was_not_taken_is_given_up_first(store: HospitalStore) -> None:
    """Of 90.00 with 38.00 taken, 60.00 are given up: 52.00 are not taken, 8.00 are paid again."""
    cleared(store, record(1))
    pay(store, CLEARING, PAYER)
    number = _deduct(store, 9_000)
    cleared(store, record(2, 4_000), declaration="D2")
    assert [0] == _payments(store, _LATER)
    found = lift(store, number, 6_000, _APPEAL)

    assert (3_000, 6_000, 0) == (found.taken_fen, found.lifted_fen, found.open_fen)
    assert [800] == _payments(store, _LATER)
    assert 0 == store.part("S1", "pooled_fund").rest_fen


def test_a_deduction_of_an_institution_is_given_up_too(store: HospitalStore) -> None:
    """What was kept of a payment comes with the next one, as an adjustment of the same code."""
    cleared(store, record(1))
    what = ClaimDeduction(Code.INSPECTION, 700, day_number(CLEARING))
    number = deduct_from_institution(store, "H1", POOL, what, because("no records kept"))
    assert [8_800] == _payments(store, CLEARING)
    lift(store, number, 700, _APPEAL)
    batch = pay(store, _LATER, PAYER)

    assert batch is not None
    told = remittance(store, batch.payments[0].payment)
    assert (Adjustment(Code.INSPECTION, number, "no records kept", 700),) == told.adjustments
    assert Taken.NONE is deductions(store)[0].state


@pytest.mark.parametrize("above", [0, 1])
def test_no_more_is_given_up_than_stands(store: HospitalStore, above: int) -> None:
    """The last fen of a deduction can be given up, one more is refused with both amounts."""
    report(store, [record(1)], BY)
    number = _deduct(store, 3_000)
    lift(store, number, 1_000, _APPEAL)
    if above:
        with pytest.raises(errors.Precondition, match=r"20\.01 is above the 20\.00 of deduction 1"):
            lift(store, number, 2_001, _APPEAL)
    else:
        lift(store, number, 2_000, _APPEAL)
    assert (8_000 if above else 10_000) == store.part("S1", "pooled_fund").worth_fen


def test_nothing_is_restored_of_a_claim_that_was_taken_back(store: HospitalStore) -> None:
    """Its deduction was taken, and then all of it was cancelled: there is nothing to pay."""
    row = record(1)
    report(store, [row], BY)
    number = _deduct(store, 3_000)
    cleared(store)
    pay(store, CLEARING, PAYER)
    report(store, [cancel(row, 1)], BY)
    with pytest.raises(errors.Precondition, match=r"of its claim 0\.00 can be restored"):
        lift(store, number, 3_000, _APPEAL)


def test_other_refusals(store: HospitalStore) -> None:
    """No deduction of that number, no reason, less than a fen, and instalments of an advance."""
    report(store, [record(1)], BY)
    number = _deduct(store, 3_000)
    with pytest.raises(errors.NotFound, match="there is no deduction 9"):
        lift(store, 9, 1, _APPEAL)
    with pytest.raises(errors.InvalidRequest, match="reason"):
        lift(store, number, 1, BY)
    with pytest.raises(errors.InvalidRequest, match="fen: is 0, expected at least 1"):
        lift(store, number, 0, _APPEAL)
    back = equal_instalments(100, [date(2026, 7, 1)])
    lent = Advance("H1", POOL, 100, _LATER, "drugs", back)
    advance(store, lent, terms().on(_LATER), BY)
    with pytest.raises(errors.Precondition, match="takes advance 1 back and is not given up"):
        lift(store, 2, 1, _APPEAL)
