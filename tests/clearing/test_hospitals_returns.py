"""Payments that a bank returns: nothing of them was paid, and the next payment has all of it."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from medsettle import errors
from medsettle.clearing.hospitals.advances import Advance, advance, equal_instalments
from medsettle.clearing.hospitals.bank import returned
from medsettle.clearing.hospitals.batches import pay
from medsettle.clearing.hospitals.declarations import Status, declaration
from medsettle.clearing.hospitals.deductions import (
    ClaimDeduction,
    Code,
    deduct,
    deduct_from_institution,
)
from medsettle.clearing.hospitals.holds import free, hold
from medsettle.clearing.hospitals.reports import report
from medsettle.clearing.hospitals.slices import instant, month
from medsettle.clearing.hospitals.status import Stage, claim_status, verify
from medsettle.clearing.hospitals.store import HospitalStore
from medsettle.clearing.matching.book import RecordKind
from medsettle.core.dates import day_number

from tests.clearing.hospital_claims import (
    BY,
    CLEARING,
    MARCH,
    NEXT,
    PAYER,
    POOL,
    another_because,
    application,
    because,
    cancel,
    cleared,
    opened,
    record,
    reviewed,
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
    batch = pay(store, day, PAYER)
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


def test_a_month_that_came_back_is_not_paid(store: HospitalStore) -> None:
    """95.00 came back: the claim is reviewed and its declaration cleared, until they are paid."""
    cleared(store, record(1))
    ((first, _),) = _pay(store)
    stages = [claim_status(store, "S1").stage]
    returned(store, first, CLEARING, _CLOSED)
    stages.append(claim_status(store, "S1").stage)
    assert Status.CLEARED is declaration(store, "D1").status
    _pay(store, _LATER)
    stages.append(claim_status(store, "S1").stage)

    assert [Stage.MONTH_PAID, Stage.REVIEWED, Stage.MONTH_PAID] == stages
    steps = declaration(store, "D1").steps
    assert [40, 50, 60, 50, 60] == [int(each.status) for each in steps[3:]]
    assert "the account is closed" == steps[-2].reason


def test_a_claim_of_which_its_month_left_nothing_is_paid(store: HospitalStore) -> None:
    """Of 100.00 with 60.00 paid at once the rest is deducted; with 60.00 returned it is not."""
    report(store, [record(1)], BY)
    instant(store, terms(), NEXT, BY)
    ((first, _),) = _pay(store, NEXT)
    what = ClaimDeduction(Code.REVIEW, 4_000, day_number(NEXT))
    deduct(store, "S1", "pooled_fund", what, because("not indicated"))
    reviewed(store, application(10_000))
    month(store, terms(), MARCH, CLEARING, BY)
    stages = [claim_status(store, "S1").stage]
    returned(store, first, CLEARING, _CLOSED)
    stages.append(claim_status(store, "S1").stage)
    _pay(store, _LATER)

    assert [Stage.MONTH_PAID, Stage.REVIEWED] == stages
    assert Stage.MONTH_PAID is claim_status(store, "S1").stage


@pytest.mark.parametrize("next_fen", [1_000, 1_500, 10_000])
def test_what_a_claim_has_too_much_after_a_return_comes_back_next(
    store: HospitalStore, next_fen: int
) -> None:
    """Of 100.00 an inspection took 30.00; the payment came back, and the claim fell by 90.00.

    It is worth 10.00, and 5.00 of them are held. In the next payment 100.00 less 5.00 and 30.00
    wait, and all 65.00 of it are taken back: the claim has 30.00 where 5.00 are due. Payments that
    follow take the 25.00 too much before anything else. In all, the hospital has at every moment
    what is due of its claims less the inspection, and nothing while that is below 0.
    """
    cleared(store, record(1))
    what = ClaimDeduction(Code.INSPECTION, 3_000, day_number(CLEARING))
    deduct_from_institution(store, "H1", POOL, what, because("no records kept"))
    ((payment, fen),) = _pay(store)
    assert 10_000 - 500 - 3_000 == fen
    returned(store, payment, CLEARING, _CLOSED)
    less = record(9, -9_000) | {"settlement": "A9", "kind": RecordKind.ADJUST, "original": "S1"}
    report(store, [less], BY)
    assert [0] == [again for _, again in _pay(store, CLEARING)]
    part = store.part("S1", "pooled_fund")
    assert (3_000, 500) == (part.paid_fen, part.due_fen)

    cleared(store, record(2, next_fen), declaration="D2")
    due_fen = next_fen - next_fen // 20
    assert [max(0, due_fen - 2_500)] == [again for _, again in _pay(store, _LATER)]
    part = store.part("S1", "pooled_fund")
    assert max(500, 3_000 - due_fen) == part.paid_fen
    cleared(store, record(3, 10_000), declaration="D3")
    _pay(store, date(2026, 6, 20))
    paid = [store.part(f"S{each}", "pooled_fund").paid_fen for each in (1, 2, 3)]
    assert [500, due_fen, 9_500] == paid
    ((in_all,),) = store.rows(
        "select sum(fen) from payments where payment not in (select payment from returns)"
    )
    assert 500 + due_fen + 9_500 - 3_000 == in_all


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
    free(store, "S2", another_because("it was theirs"))
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
    free(store, "S1", another_because("it was theirs"))
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
