"""Declarations: sums are told where they differ, the chain is kept, and a month is paid once."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from medsettle import errors, limits
from medsettle.clearing.hospitals.batches import pay
from medsettle.clearing.hospitals.declarations import (
    Status,
    Sums,
    declaration,
    declare,
    describe_differences,
    step,
)
from medsettle.clearing.hospitals.reports import report
from medsettle.clearing.hospitals.slices import instant, month
from medsettle.clearing.hospitals.status import verify
from medsettle.clearing.hospitals.store import Decision, HospitalStore
from medsettle.clearing.months.month import Month

from tests.clearing.hospital_claims import (
    BY,
    CLEARING,
    MARCH,
    MOMENT,
    NEXT,
    PAYER,
    REVIEWER,
    application,
    because,
    cancel,
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


def test_a_declaration_goes_from_applied_to_paid(store: HospitalStore) -> None:
    """10 to 40 by people, 50 by the slices of the month, 60 by the payment, with who and when."""
    report(store, [record(1)], BY)
    reviewed(store, application(10_000))
    month(store, terms(), MARCH, CLEARING, BY)
    pay(store, CLEARING, PAYER)
    found = declaration(store, "D1")

    assert [10, 20, 30, 40, 50, 60] == [int(each.status) for each in found.steps]
    wanted = ["clerk", *["reviewer"] * 3, "clerk", "treasurer"]
    assert wanted == [each.by for each in found.steps]
    assert {int(MOMENT.timestamp()) * 10**6} == {each.create_time_us for each in found.steps}


def test_sums_are_compared_with_the_book(store: HospitalStore) -> None:
    """Each sum that differs is told with both numbers; a cancel of the month counts negative."""
    rows = [record(1, 10_000, account_fen=500), record(2, 20_000), record(3, 7_777)]
    report(store, [*rows, cancel(rows[2], 3)], BY)
    stated = Sums(3, 45_000, 0, 14_500, 30_001)
    found = declare(store, application(stated=stated), BY)

    # 1.5 of 300.00, and of its 150.00 in cash nothing was said to be an account's.
    assert Sums(2, 45_000, 500, 15_000, 30_000) == found.own
    assert {"persons": 1, "cash_fen": -500, "fund_fen": 1} == found.differences
    assert [
        "persons: stated 3, the book has 2 (1)",
        "cash: stated 145.00, the book has 150.00 (-5.00)",
        "fund: stated 300.01, the book has 300.00 (0.01)",
    ] == describe_differences(found)


def test_one_that_differs_is_accepted_with_a_reason(store: HospitalStore) -> None:
    """And paid is what the book has, not what was stated."""
    report(store, [record(1)], BY)
    declare(store, application(99_999), BY)
    with pytest.raises(errors.InvalidRequest, match="reason: expected 1 to 500 characters"):
        step(store, "D1", Status.ACCEPTED, REVIEWER)
    for status in (Status.ACCEPTED, Status.REVIEWING, Status.REVIEWED):
        step(store, "D1", status, because("a slip of the hospital", by="reviewer"))
    month(store, terms(), MARCH, CLEARING, BY)
    batch = pay(store, CLEARING, PAYER)

    assert batch is not None
    assert 9_500 == batch.sum_fen


def test_the_same_application_again_is_the_same(store: HospitalStore) -> None:
    """Its number with other sums is refused, and so is a second one of the month."""
    report(store, [record(1)], BY)
    first = declare(store, application(10_000), BY)
    assert first == declare(store, application(10_000), Decision("other", MOMENT))
    with pytest.raises(errors.ClearingRefused, match="D1 was applied for with other sums"):
        declare(store, application(10_001), BY)
    with pytest.raises(errors.ClearingRefused, match="2026-03 is applied for as D1; reject that"):
        declare(store, application(10_000, declaration="D2"), BY)
    with pytest.raises(errors.ClearingRefused, match="no record of H2 is left to declare"):
        declare(store, application(10_000, declaration="D3", institution="H2"), BY)


def test_records_are_declared_in_one_standing_declaration(store: HospitalStore) -> None:
    """One by insurance type takes its own, the next what is left, and none takes it twice."""
    report(store, [record(1), record(2, 300, insurance_type="390")], BY)
    residents = application(declaration="D1", insurance_type="390")
    everything = application(declaration="D2")
    again = application(declaration="D3", clearing_way="30")

    assert 300 == declare(store, residents, BY).own.fund_fen
    assert 10_000 == declare(store, everything, BY).own.fund_fen
    with pytest.raises(errors.ClearingRefused, match="no record of H1 is left"):
        declare(store, again, BY)


def test_only_the_days_and_the_month_of_an_application_are_covered(store: HospitalStore) -> None:
    """Days before and after are left out; a late cancel belongs to the month it was made in."""
    days = (date(2026, 3, 4), date(2026, 3, 5), date(2026, 3, 9), date(2026, 3, 10))
    rows = [record(day.day, record_date=day) for day in days]
    report(store, [*rows, cancel(rows[1], 5, date(2026, 4, 2))], BY)
    what = application(first=date(2026, 3, 5), last=date(2026, 3, 9))
    april = {"declaration": "D2", "month": Month(2026, 4)}
    days_of_april = {"first": date(2026, 4, 1), "last": date(2026, 4, 30)}

    assert (2, 20_000) == (
        declare(store, what, BY).records,
        declaration(store, "D1").own.fund_fen,
    )
    found = declare(store, application(**april, **days_of_april), BY)  # type: ignore[arg-type]
    assert (1, -1, -10_000) == (found.records, found.own.persons, found.own.fund_fen)


def test_a_wrong_rejection_is_reopened(store: HospitalStore) -> None:
    """With a reason, while nobody declared its records anew; its history keeps all of it."""
    report(store, [record(1)], BY)
    declare(store, application(10_000), BY)
    with pytest.raises(errors.InvalidRequest, match="reason"):
        step(store, "D1", Status.REJECTED, BY)
    step(store, "D1", Status.REJECTED, because("sums differ"))
    assert [] == instant(store, terms(), NEXT, BY)
    with pytest.raises(errors.InvalidRequest, match="reason"):
        step(store, "D1", Status.APPLIED, BY)
    step(store, "D1", Status.APPLIED, because("they do not"))
    assert [10, 70, 10] == [int(each.status) for each in declaration(store, "D1").steps]
    assert 6_000 == instant(store, terms(), NEXT, BY)[0].slices_fen

    step(store, "D1", Status.REJECTED, because("they do after all"))
    declare(store, application(10_000, declaration="D2"), BY)
    with pytest.raises(errors.ClearingRefused, match="2026-03 is applied for as D2; reject that"):
        step(store, "D1", Status.APPLIED, because("mistake"))


def test_records_declared_anew_keep_a_rejected_one_closed(store: HospitalStore) -> None:
    """Also where the new declaration is of another way, so that both could stand."""
    report(store, [record(1)], BY)
    declare(store, application(10_000), BY)
    step(store, "D1", Status.REJECTED, because("wrong way"))
    declare(store, application(10_000, declaration="D2", clearing_way="30"), BY)

    with pytest.raises(errors.ClearingRefused, match="record S1 of it is declared in D2 since"):
        step(store, "D1", Status.APPLIED, because("mistake"))


_CHAIN: tuple[tuple[Status, set[Status]], ...] = (
    (Status.APPLIED, {Status.ACCEPTED, Status.REJECTED}),
    (Status.ACCEPTED, {Status.REVIEWING, Status.REJECTED}),
    (Status.REVIEWING, {Status.REVIEWED, Status.REJECTED}),
    (Status.REVIEWED, {Status.REJECTED}),
    (Status.CLEARED, set()),
    (Status.PAID, set()),
    (Status.REJECTED, {Status.APPLIED}),
)


@pytest.mark.parametrize(
    ("at", "able"), _CHAIN, ids=lambda value: value.name if isinstance(value, Status) else ""
)
def test_the_chain_has_no_other_steps(tmp_path: Path, at: Status, able: set[Status]) -> None:
    """From each status, every step but those of the chain is refused and says what is possible."""
    for to in Status:
        with opened(tmp_path / str(to)) as store:
            report(store, [record(1)], BY)
            _take_to(store, at)
            if to in able:
                assert to is step(store, "D1", to, because("so")).status
                continue
            with pytest.raises(errors.ClearingRefused, match="does not become"):
                step(store, "D1", to, because("so"))
            assert at is declaration(store, "D1").status


def _take_to(store: HospitalStore, status: Status) -> None:
    if status < Status.REVIEWED or status is Status.REJECTED:
        declare(store, application(10_000), BY)
        for each in (Status.ACCEPTED, Status.REVIEWING):
            if each <= status < Status.CLEARED:
                step(store, "D1", each, because("so"))
        if status is Status.REJECTED:
            step(store, "D1", status, because("so"))
        return
    reviewed(store, application(10_000))
    if status >= Status.CLEARED:
        month(store, terms(), MARCH, CLEARING, BY)
    if status is Status.PAID:
        pay(store, CLEARING, PAYER)


def test_only_reviewed_declarations_are_cleared(store: HospitalStore) -> None:
    """A month without one is refused, and a second run has none."""
    report(store, [record(1)], BY)
    declare(store, application(10_000), BY)
    with pytest.raises(errors.NotFound, match="no declaration of 2026-03 is reviewed"):
        month(store, terms(), MARCH, CLEARING, BY)
    for status in (Status.ACCEPTED, Status.REVIEWING, Status.REVIEWED):
        step(store, "D1", status, REVIEWER)
    month(store, terms(), MARCH, CLEARING, BY)
    with pytest.raises(errors.NotFound):
        month(store, terms(), MARCH, CLEARING, BY)


@pytest.mark.parametrize("above", [0, 1])
def test_an_application_is_of_a_month_of_days(store: HospitalStore, above: int) -> None:
    """As many days as a statement has, one more is refused together with every other fault."""
    report(store, [record(1)], BY)
    first = date(2026, 3, 1)
    last = date.fromordinal(first.toordinal() + limits.STATEMENT_DAYS_MAX - 1 + above)
    what = replace(application(10_000), first=first, last=last)
    if not above:
        assert 1 == declare(store, what, BY).records
        return
    with pytest.raises(errors.InvalidRequest) as refused:
        declare(store, replace(what, clearing_way=""), BY)
    assert [
        "clearing_way: expected 1 to 50 characters",
        f"last: is {limits.STATEMENT_DAYS_MAX + 1} days from the first, expected 1 to 31",
    ] == [str(fault) for fault in refused.value.faults]


@pytest.mark.parametrize("above", [0, 1])
def test_a_decision_says_who_and_why_at_a_length(store: HospitalStore, above: int) -> None:
    """Names and reasons have bounds; a decision that passes one is refused with both."""
    report(store, [record(1)], BY)
    declare(store, application(10_000), BY)
    by = "x" * (limits.HOSPITAL_NAME_CHARS_MAX + above)
    reason = "y" * (limits.HOSPITAL_REASON_CHARS_MAX + above)
    decision = Decision(by, MOMENT, reason)
    if not above:
        assert Status.REJECTED is step(store, "D1", Status.REJECTED, decision).status
        return
    with pytest.raises(errors.InvalidRequest) as refused:
        step(store, "D1", Status.REJECTED, decision)
    assert ["by", "reason"] == [fault.path for fault in refused.value.faults]
