"""Nobody alone takes money of hospitals from terms to a payment."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import apsw
import pytest
from medsettle import errors
from medsettle.clearing.hospitals.advances import Advance, advance, equal_instalments
from medsettle.clearing.hospitals.appeals import lift
from medsettle.clearing.hospitals.approvals import supply
from medsettle.clearing.hospitals.batches import pay
from medsettle.clearing.hospitals.declarations import Status, declare, step
from medsettle.clearing.hospitals.deductions import ClaimDeduction, Code, deduct
from medsettle.clearing.hospitals.holds import free, hold
from medsettle.clearing.hospitals.reports import report
from medsettle.clearing.hospitals.reserves import Assessment, assess
from medsettle.clearing.hospitals.schema import FORM
from medsettle.clearing.hospitals.slices import instant, month
from medsettle.clearing.hospitals.store import Decision, HospitalStore
from medsettle.core.dates import day_number

from tests.clearing.hospital_claims import (
    BY,
    CLEARING,
    MARCH,
    MOMENT,
    NEXT,
    PAYER,
    POOL,
    REVIEWER,
    SUPPLIER,
    another_because,
    application,
    because,
    cleared,
    opened,
    record,
    reviewed,
    terms,
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[HospitalStore]:
    """Return a store with a claim of 100.00 yuan."""
    with opened(tmp_path) as store:
        report(store, [record(1)], BY)
        yield store


def _waits(store: HospitalStore) -> list[int]:
    return [fen for (fen,) in store.rows("select fen from movements order by number")]


@pytest.mark.parametrize(
    "status", [Status.ACCEPTED, Status.REVIEWING, Status.REVIEWED], ids=lambda each: each.name
)
def test_who_reviewed_does_not_approve_the_month(store: HospitalStore, status: Status) -> None:
    """One step of three is enough, in letters of any case; another approves all of it."""
    declare(store, application(10_000), BY)
    for each in (Status.ACCEPTED, Status.REVIEWING, Status.REVIEWED):
        step(store, "D1", each, Decision("Clerk", MOMENT) if each is status else REVIEWER)
    with pytest.raises(errors.Precondition, match=r"D1 was \w+.* by Clerk; somebody else"):
        month(store, terms(), MARCH, CLEARING, BY)
    assert [] == _waits(store)
    month(store, terms(), MARCH, CLEARING, PAYER)
    assert [10_000, -500] == _waits(store)


def test_what_comes_late_is_not_approved_by_who_reviewed(store: HospitalStore) -> None:
    """A claim freed after its month is of the declaration that somebody reviewed."""
    hold(store, "S1", because("card of another"))
    report(store, [record(2)], BY)
    reviewed(store, application(20_000))
    month(store, terms(), MARCH, CLEARING, BY)
    free(store, "S1", another_because("it was theirs"))
    with pytest.raises(errors.Precondition, match="D1 was accepted by reviewer"):
        month(store, terms(), MARCH, CLEARING, REVIEWER)
    assert 1 == len(month(store, terms(), MARCH, CLEARING, BY))


def test_a_review_before_a_rejection_decides_nothing(store: HospitalStore) -> None:
    """Opened again and reviewed by others, who accepted it first may approve its slices."""
    declare(store, application(10_000), BY)
    step(store, "D1", Status.ACCEPTED, BY)
    step(store, "D1", Status.REJECTED, because("sums are missing"))
    step(store, "D1", Status.APPLIED, because("they came"))
    for each in (Status.ACCEPTED, Status.REVIEWING, Status.REVIEWED):
        step(store, "D1", each, REVIEWER)
    month(store, terms(), MARCH, CLEARING, BY)
    assert [10_000, -500] == _waits(store)


@pytest.mark.parametrize("name", ["officer", "Officer"])
def test_who_supplied_terms_does_not_approve_by_them(store: HospitalStore, name: str) -> None:
    """Neither at once nor for the month; supplied again by another they are the first one's."""
    assert "officer" == supply(store, terms(), BY)
    reviewed(store, application(10_000))
    same = replace(SUPPLIER, by=name)
    with pytest.raises(errors.Precondition, match="were supplied by officer; somebody else"):
        instant(store, terms(), NEXT, same)
    with pytest.raises(errors.Precondition, match="were supplied by officer; somebody else"):
        month(store, terms(), MARCH, CLEARING, same)
    assert [] == _waits(store)


def test_terms_that_nobody_supplied_approve_nothing(tmp_path: Path) -> None:
    """Not by anybody, since who approves would bring them along."""
    with HospitalStore(tmp_path) as store:
        report(store, [record(1)], BY)
        with pytest.raises(errors.Precondition, match="nobody supplied these terms of 999901"):
            instant(store, terms(), NEXT, BY)
        supply(store, terms(), SUPPLIER)
        instant(store, terms(), NEXT, BY)
        assert [6_000] == _waits(store)


def _at_once(store: HospitalStore) -> None:
    instant(store, terms(), NEXT, BY)


def _of_a_month(store: HospitalStore) -> None:
    cleared(store)


def _lent(store: HospitalStore) -> None:
    back = equal_instalments(100, [date(2026, 5, 1)])
    what = Advance("H1", POOL, 100, CLEARING, "drugs", back)
    advance(store, what, terms().on(CLEARING), BY)


def _released(store: HospitalStore) -> None:
    cleared(store)
    pay(store, CLEARING, PAYER)
    year = Assessment("H1", 2026, "A", "clerk")
    assess(store, year, terms().on(CLEARING), CLEARING, because("assessed", by="other"))


def _restored(store: HospitalStore) -> None:
    cleared(store)
    what = ClaimDeduction(Code.REVIEW, 1_000, day_number(CLEARING))
    deduct(store, "S1", "pooled_fund", what, another_because("not indicated"))
    pay(store, CLEARING, PAYER)
    lift(store, 1, 1_000, because("appealed"))


@pytest.mark.parametrize("approve", [_at_once, _of_a_month, _lent, _released, _restored])
def test_who_approved_does_not_pay(
    store: HospitalStore, approve: Callable[[HospitalStore], None]
) -> None:
    """Whatever of a batch it was; and nothing of it is recorded."""
    approve(store)
    before = store.rows("select count(*) from batches")
    for name in ("clerk", "CLERK"):
        with pytest.raises(errors.Precondition, match="was approved by clerk; somebody else pays"):
            pay(store, CLEARING, Decision(name, MOMENT))
    assert before == store.rows("select count(*) from batches")
    assert pay(store, CLEARING, PAYER) is not None


def test_the_store_itself_asks_for_two(store: HospitalStore) -> None:
    """A batch of who approved is refused by the table, whatever program writes it."""
    instant(store, terms(), NEXT, BY)
    with (
        pytest.raises(errors.StoreUnavailable, match="somebody else than who approved pays"),
        store.change(),
    ):
        store.rows(
            "insert into payments values ('P', 1, 'H1', '999901', '310', 'pooled_fund', 6000)"
        )
        store.rows("insert into paid values (1, 'P')")
        store.rows("insert into batches values (1, 20000, 1, 6000, 'Clerk', 1)")


def test_who_holds_or_deducts_does_not_end_it(store: HospitalStore) -> None:
    """Another frees the claim and gives the deduction up."""
    hold(store, "S1", because("disputed"))
    with pytest.raises(errors.Precondition, match="S1 was put on hold by clerk; somebody else"):
        free(store, "S1", because("settled", by="Clerk"))
    free(store, "S1", another_because("settled"))
    what = ClaimDeduction(Code.REVIEW, 1_000, day_number(NEXT))
    number = deduct(store, "S1", "pooled_fund", what, because("not indicated"))
    with pytest.raises(errors.Precondition, match="deduction 1 was decided by clerk; somebody"):
        lift(store, number, 1_000, because("appealed", by="Clerk"))
    assert 1_000 == lift(store, number, 1_000, another_because("appealed")).lifted_fen


def test_a_store_of_before_is_carried_on(tmp_path: Path) -> None:
    """Its rows stay, what it approved is paid by anybody, and what is new by another."""
    with opened(tmp_path) as store:
        report(store, [record(1)], BY)
        instant(store, terms(), NEXT, BY)
        path = store.path
    old = apsw.Connection(str(path))
    old.execute(
        "drop trigger who_approved_does_not_pay; drop table terms; drop table approvals; "
        "pragma user_version = 1"
    )
    old.close()
    with opened(tmp_path) as store:
        assert (FORM.version,) == store.rows("pragma user_version")[0]
        assert pay(store, NEXT, BY) is not None
        report(store, [record(2)], BY)
        instant(store, terms(), NEXT, BY)
        with pytest.raises(errors.Precondition, match="was approved by clerk"):
            pay(store, NEXT, BY)
