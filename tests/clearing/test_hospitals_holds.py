"""Claims in dispute: they wait, everything else is paid, and once they are free they catch up."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from medsettle import errors
from medsettle.clearing.hospitals.batches import pay
from medsettle.clearing.hospitals.declarations import Status, declaration
from medsettle.clearing.hospitals.holds import (
    Confirmation,
    Confirmed,
    Held,
    confirm,
    free,
    held,
    hold,
)
from medsettle.clearing.hospitals.reports import report
from medsettle.clearing.hospitals.slices import instant, month
from medsettle.clearing.hospitals.status import Stage, claim_status, verify
from medsettle.clearing.hospitals.store import HospitalStore

from tests.clearing.hospital_claims import (
    BY,
    CLEARING,
    MARCH,
    NEXT,
    PAYER,
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
_DISPUTE = because("card of another person")


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[HospitalStore]:
    with opened(tmp_path) as store:
        yield store
        assert [] == verify(store)


def _payments(store: HospitalStore, day: date) -> list[int]:
    batch = pay(store, day, PAYER)
    return [] if batch is None else [payment.fen for payment in batch.payments]


def test_a_dispute_stops_one_claim_and_no_other(store: HospitalStore) -> None:
    """Of two claims one is on hold: the other is paid; freed, it gets its month by the next run."""
    report(store, [record(1), record(2, 20_000)], BY)
    hold(store, "S1", _DISPUTE)
    assert [12_000] == [each.slices_fen for each in instant(store, terms(), NEXT, BY)]
    reviewed(store, application(30_000))
    month(store, terms(), MARCH, CLEARING, BY)
    assert [19_000] == _payments(store, CLEARING)
    found = claim_status(store, "S1")
    assert (Stage.REVIEWED, True, 10_000) == (found.stage, found.on_hold, found.parts[0].rest_fen)
    assert Status.PAID is declaration(store, "D1").status
    with pytest.raises(errors.NotFound):
        month(store, terms(), MARCH, _LATER, BY)

    free(store, "S1", another_because("it was theirs"))
    (late,) = month(store, terms(), MARCH, _LATER, BY)
    assert (1, 10_000, 500) == (late.claims, late.slices_fen, late.withheld_fen)
    assert [9_500] == _payments(store, _LATER)
    assert Stage.MONTH_PAID is claim_status(store, "S1").stage


def test_what_was_approved_waits(store: HospitalStore) -> None:
    """Approved before the dispute, it is in no payment until the claim is free."""
    report(store, [record(1)], BY)
    instant(store, terms(), NEXT, BY)
    hold(store, "S1", _DISPUTE)
    assert [] == _payments(store, NEXT)
    free(store, "S1", another_because("it was theirs"))
    assert [6_000] == _payments(store, NEXT)


def test_what_waits_of_a_cancelled_claim_is_not_taken_of_others(store: HospitalStore) -> None:
    """It was never paid, so the other claim gets all of its own; freed, both rows come to 0."""
    row = record(1)
    report(store, [row, record(2)], BY)
    instant(store, terms(), NEXT, BY)
    hold(store, "S1", _DISPUTE)
    report(store, [cancel(row, 1, NEXT)], BY)
    assert [6_000] == _payments(store, NEXT)
    free(store, "S1", another_because("it is gone"))
    assert [0] == _payments(store, NEXT)
    assert 0 == store.part("S1", "pooled_fund").paid_fen


def test_what_was_paid_comes_back_in_a_dispute_too(store: HospitalStore) -> None:
    """A cancelled claim on hold with 95.00 paid gives them back out of the next payment."""
    row = record(1)
    cleared(store, row)
    pay(store, CLEARING, PAYER)
    hold(store, "S1", _DISPUTE)
    cleared(store, cancel(row, 1), record(2, 20_000), declaration="D2")

    assert [19_000 - 9_500] == _payments(store, _LATER)


def test_disputes_have_an_age_and_money(store: HospitalStore) -> None:
    """Since when, by whom and why, what waits of it and what is left; it is told once."""
    report(store, [record(1), record(2)], BY)
    instant(store, terms(), NEXT, BY)
    hold(store, "S1", _DISPUTE)
    since = date(2026, 4, 20)
    found = Held(
        claim="S1",
        institution="H1",
        since=since,
        age_days=30,
        decided_by="clerk",
        reason="card of another person",
        waiting_fen=6_000,
        rest_fen=4_000,
    )

    assert [found] == held(store, since + timedelta(days=30))
    with pytest.raises(errors.Precondition, match="claim S1 is on hold already"):
        hold(store, "S1", _DISPUTE)
    with pytest.raises(errors.Precondition, match="claim S2 is not on hold"):
        free(store, "S2", _DISPUTE)
    with pytest.raises(errors.NotFound, match="claim 'S9' was never reported"):
        hold(store, "S9", _DISPUTE)
    with pytest.raises(errors.InvalidRequest, match="reason"):
        hold(store, "S2", BY)
    free(store, "S1", another_because("it was theirs"))
    assert [] == held(store, since)


def test_what_is_not_confirmed_is_on_hold_until_it_is(store: HospitalStore) -> None:
    """Told again nothing changes, a dispute of somebody else stays, and unknown ids are counted."""
    report(store, [record(1), record(2), record(3)], BY)
    hold(store, "S3", _DISPUTE)
    first = [
        Confirmation("S1", confirmed=False, message="M1"),
        Confirmation("S2", confirmed=True, message="M1"),
        Confirmation("S3", confirmed=True, message="M1"),
        Confirmation("S9", confirmed=True, message="M1"),
    ]
    assert Confirmed(held=1, freed=0, same=2, unknown=1) == confirm(store, first, BY)
    assert Confirmed(held=0, freed=0, same=3, unknown=1) == confirm(store, first, BY)
    assert ["3261 M1: not confirmed"] == [
        each.reason for each in held(store, CLEARING) if each.claim == "S1"
    ]
    free(store, "S3", another_because("it was theirs"))
    assert Confirmed(held=0, freed=0, same=3, unknown=1) == confirm(store, first, BY)
    hold(store, "S3", _DISPUTE)
    second = [Confirmation("S1", confirmed=True, message="M2")]
    assert Confirmed(held=0, freed=1, same=0, unknown=0) == confirm(store, second, BY)
    assert ["S3"] == [each.claim for each in held(store, CLEARING)]


def test_a_refusal_puts_on_hold_once(store: HospitalStore) -> None:
    """Freed by somebody since, told again it stays free; refused anew, it is on hold again."""
    report(store, [record(1)], BY)
    refused = Confirmation("S1", confirmed=False, message="M1")
    confirm(store, [refused], BY)
    free(store, "S1", another_because("looked at with the hospital"))
    assert Confirmed(held=0, freed=0, same=1, unknown=0) == confirm(store, [refused], BY)
    assert [] == held(store, CLEARING)
    anew = Confirmation("S1", confirmed=False, message="M2")
    assert Confirmed(held=1, freed=0, same=0, unknown=0) == confirm(store, [anew], BY)


def test_a_refusal_counts_once_a_dispute_ends(store: HospitalStore) -> None:
    """Told while somebody else disputed the claim it was not taken over; now it is."""
    report(store, [record(1)], BY)
    hold(store, "S1", _DISPUTE)
    refused = Confirmation("S1", confirmed=False, message="M1")
    confirm(store, [refused], BY)
    free(store, "S1", another_because("it was theirs"))
    assert Confirmed(held=1, freed=0, same=0, unknown=0) == confirm(store, [refused], BY)


def test_a_refusal_that_was_undone_frees(store: HospitalStore) -> None:
    """Told by 3262; a dispute of somebody else, and a refusal by another message, stay."""
    report(store, [record(1), record(2), record(3)], BY)
    hold(store, "S2", _DISPUTE)
    names = ("S1", "S2", "S3")
    first = [Confirmation(each, confirmed=False, message="M1") for each in names]
    confirm(store, first, BY)
    undone = [replace(each, undone=True) for each in first]
    anew = Confirmation("S3", confirmed=False, message="M2")
    assert Confirmed(held=0, freed=1, same=2, unknown=0) == confirm(store, [*undone, anew], BY)
    assert [("S2", "card of another person"), ("S3", "3261 M2: not confirmed")] == [
        (each.claim, each.reason) for each in held(store, CLEARING)
    ]
    assert Confirmed(held=0, freed=0, same=3, unknown=0) == confirm(store, [*undone, anew], BY)
    both = [*undone, replace(anew, undone=True)]
    assert Confirmed(held=0, freed=1, same=2, unknown=0) == confirm(store, both, BY)
    assert ["S2"] == [each.claim for each in held(store, CLEARING)]


def test_a_reason_that_looks_like_a_message_is_none(store: HospitalStore) -> None:
    """Somebody who cites the refusal of a hospital disputes the claim himself."""
    report(store, [record(1)], BY)
    hold(store, "S1", because("3261 M1: not confirmed"))
    told = Confirmation("S1", confirmed=True, message="M2")
    assert Confirmed(held=0, freed=0, same=1, unknown=0) == confirm(store, [told], BY)
