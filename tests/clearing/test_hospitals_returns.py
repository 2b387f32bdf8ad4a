"""Payments that a bank returns: nothing of them was paid, and the next payment has all of it."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from medsettle import errors
from medsettle.clearing.book import RecordKind
from medsettle.clearing.hospital_advances import Advance, advance, equal_instalments
from medsettle.clearing.hospital_bank import returned
from medsettle.clearing.hospital_batches import pay
from medsettle.clearing.hospital_deductions import (
    ClaimDeduction,
    Code,
    deduct_from_institution,
)
from medsettle.clearing.hospital_holds import free, hold
from medsettle.clearing.hospital_reports import report
from medsettle.clearing.hospital_slices import instant
from medsettle.clearing.hospital_status import Stage, claim_status, verify
from medsettle.clearing.hospital_store import HospitalStore
from medsettle.core.dates import day_number

from tests.clearing.hospital_claims import (
    BY,
    CLEARING,
    NEXT,
    POOL,
    because,
    cancel,
    cleared,
    opened,
    record,
    terms,
)

_LATER = date(2026, 5, 20)
_CLOSED = because("the account is closed")


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[HospitalStore]:
    with opened(tmp_path) as store:
        yield store
        assert [] == verify(store)


def _pay(store: HospitalStore, day: date = CLEARING) -> list[tuple[str, int]]:
    batch = pay(store, day, BY)
    return [] if batch is None else [(each.payment, each.fen) for each in batch.payments]


def test_what_came_back_is_paid_again(store: HospitalStore) -> None:
    """60.00 came back: nothing is paid to date until the next payment, of another id, has them."""
    report(store, [record(1)], BY)
    instant(store, terms(), NEXT, BY)
    ((first, fen),) = _pay(store)
    assert fen == returned(store, first, CLEARING, _CLOSED).fen
    assert (0, Stage.REPORTED) == (
        store.part("S1", "pooled_fund").paid_fen,
        claim_status(store, "S1").stage,
    )
    ((second, again),) = _pay(store, _LATER)

    assert (6_000, 6_000, True) == (fen, again, first != second)
    assert (6_000, Stage.INSTANT_PAID) == (
        store.part("S1", "pooled_fund").paid_fen,
        claim_status(store, "S1").stage,
    )
    assert [] == _pay(store, _LATER)


def test_what_was_taken_back_in_it_comes_along(store: HospitalStore) -> None:
    """190.00 less 95.00 of a cancelled claim: returned and paid again, it is 95.00 both times."""
    row = record(1)
    cleared(store, row)
    _pay(store)
    cleared(store, cancel(row, 1), record(2, 20_000), declaration="D2")
    ((payment, fen),) = _pay(store, _LATER)
    returned(store, payment, _LATER, _CLOSED)

    assert [(9_500, 9_500)] == [(fen, again) for _, again in _pay(store, _LATER)]


def test_more_is_taken_back_after_a_return(store: HospitalStore) -> None:
    """Of 60.00 paid 10.00 came back in a payment that was returned; then 20.00 more must."""
    report(store, [record(1)], BY)
    instant(store, terms(), NEXT, BY)
    _pay(store)
    report(store, [_less(1, 5_000), record(2)], BY)
    instant(store, terms(), NEXT, BY)
    ((payment, fen),) = _pay(store)
    returned(store, payment, CLEARING, _CLOSED)
    report(store, [_less(2, 2_000)], BY)
    ((_, again),) = _pay(store, _LATER)

    assert (5_000, 3_000) == (fen, again)
    part = store.part("S1", "pooled_fund")
    assert (3_000, 3_000, 0) == (part.declared_fen, part.paid_fen, part.rest_fen)


def _less(number: int, fen: int) -> dict[str, Any]:
    """Return a correction of the first claim."""
    row = record(number, -fen)
    return row | {"settlement": f"A{number}", "kind": RecordKind.ADJUST, "original": "S1"}


def test_what_there_is_no_money_for_waits(store: HospitalStore) -> None:
    """The claim that bore it is on hold, so nothing is paid; freed, both are in one payment."""
    row = record(1)
    cleared(store, row)
    _pay(store)
    cleared(store, cancel(row, 1), record(2, 20_000), declaration="D2")
    ((payment, _),) = _pay(store, _LATER)
    returned(store, payment, _LATER, _CLOSED)
    hold(store, "S2", because("disputed"))
    assert [] == _pay(store, _LATER)
    free(store, "S2", because("it was theirs"))
    assert [9_500] == [fen for _, fen in _pay(store, _LATER)]


def test_an_advance_bears_nothing_of_a_return(store: HospitalStore) -> None:
    """With the claim on hold that bore 7.00 of an inspection, the advance is paid whole."""
    cleared(store, record(1))
    what = ClaimDeduction(Code.INSPECTION, 700, day_number(CLEARING))
    deduct_from_institution(store, "H1", POOL, what, because("no records kept"))
    ((payment, fen),) = _pay(store)
    returned(store, payment, CLEARING, _CLOSED)
    hold(store, "S1", because("disputed"))
    on = date(2026, 5, 4)
    back = equal_instalments(3_000, [date(2026, 7, 1)])
    advance(store, Advance("H1", POOL, 3_000, on, "drugs", back), terms().on(on), BY)

    assert (8_800, [3_000]) == (fen, [each for _, each in _pay(store, _LATER)])
    free(store, "S1", because("it was theirs"))
    assert [8_800] == [each for _, each in _pay(store, _LATER)]


def test_a_payment_comes_back_once_and_only_if_it_went(store: HospitalStore) -> None:
    """A second return, one of a payment of 0, one of nothing and one without reason are refused."""
    row = record(1)
    report(store, [row, record(2, insurance_type="390")], BY)
    instant(store, terms(), NEXT, BY)
    report(store, [cancel(row, 1)], BY)
    (nothing, something) = _pay(store)
    returned(store, something[0], CLEARING, _CLOSED)

    with pytest.raises(errors.Precondition, match="came back before"):
        returned(store, something[0], CLEARING, _CLOSED)
    with pytest.raises(errors.Precondition, match="is of 0, so no bank has it"):
        returned(store, nothing[0], CLEARING, _CLOSED)
    with pytest.raises(errors.NotFound, match="there is no payment 'P9'"):
        returned(store, "P9", CLEARING, _CLOSED)
    with pytest.raises(errors.InvalidRequest, match="reason"):
        returned(store, something[0], CLEARING, BY)


def test_the_store_pays_a_movement_once(store: HospitalStore) -> None:
    """A second payment of what was paid, and a return of a payment of 0, are refused by it."""
    report(store, [record(1)], BY)
    instant(store, terms(), NEXT, BY)
    _pay(store)
    twice = pytest.raises(errors.StoreUnavailable, match="a movement is paid once")
    with twice, store.change():
        store.rows("insert into payments values ('P2', 2, 'H1', '999901', '310', 'pooled_fund', 1)")
        store.rows("insert into paid values (1, 'P2')")
