"""Which days were paid late and by how many days: beside the calendar and the terms, by hand."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from medsettle import errors
from medsettle.clearing.hospitals.bank import returned
from medsettle.clearing.hospitals.batches import pay
from medsettle.clearing.hospitals.holds import free, hold
from medsettle.clearing.hospitals.lateness import Late, Promises, late_payments
from medsettle.clearing.hospitals.reports import report
from medsettle.clearing.hospitals.slices import instant, month
from medsettle.clearing.hospitals.status import verify
from medsettle.clearing.hospitals.store import HospitalStore
from medsettle.clearing.matching.book import RecordKind
from medsettle.clearing.months.month import Month
from medsettle.clearing.months.read_calendar import load_calendar

from tests.clearing.hospital_claims import (
    BY,
    CLEARING,
    DAY,
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

# 20 working days after 10 April 2026: 14 to the end of April, then 6 to 9 May (1 to 5 are off and
# Saturday the 9th is worked, notice of 2025-11-04), 11 and 12 May.
_DUE = date(2026, 5, 12)


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[HospitalStore]:
    with opened(tmp_path) as store:
        yield store
        assert [] == verify(store)


def _promises(*, instant_slices: bool = True) -> Promises:
    return Promises(load_calendar(), terms() if instant_slices else None)


def _late(
    store: HospitalStore, today: date, *, what: Month | str = MARCH, instant_slices: bool = True
) -> list[tuple[str, date | None, int, int, int]]:
    """Return slice, day of payment, days, claims and fen of what is late."""
    found = late_payments(store, what, _promises(instant_slices=instant_slices), today)
    return [(each.slice, each.paid_on, each.days_late, each.claims, each.fen) for each in found]


@pytest.mark.parametrize(("paid_on", "days"), [(NEXT, 0), (date(2026, 3, 12), 1)])
def test_a_slice_is_late_from_the_day_after_its_own(
    store: HospitalStore, paid_on: date, days: int
) -> None:
    """Of 10 March, 60 % are due on the 11th: paid on the 12th it is a day late for ever."""
    report(store, [record(1), record(2, 20_000)], BY)
    instant(store, terms(), NEXT, BY)
    assert pay(store, paid_on, PAYER) is not None

    late = [("instant", paid_on, days, 2, 18_000)] if days else []
    assert late == _late(store, date(2026, 4, 1))
    assert [] == _late(store, date(2026, 4, 1), instant_slices=False)


def test_a_slice_that_is_not_paid_grows_older(store: HospitalStore) -> None:
    """Never approved, approved and waiting, or returned by the bank, it is late alike."""
    report(store, [record(1)], BY)
    found = [_late(store, NEXT), _late(store, date(2026, 3, 13))]
    instant(store, terms(), date(2026, 3, 13), BY)
    found.append(_late(store, date(2026, 3, 14)))
    batch = pay(store, date(2026, 3, 14), PAYER)
    assert batch is not None
    returned(store, batch.payments[0].payment, date(2026, 3, 15), because("account closed"))
    found.append(_late(store, date(2026, 3, 20)))

    assert [
        [],
        [("instant", None, 2, 1, 6_000)],
        [("instant", None, 3, 1, 6_000)],
        [("instant", None, 9, 1, 6_000)],
    ] == found


def test_of_what_fell_since_no_more_is_late_than_is_due(store: HospitalStore) -> None:
    """Of 60.00 approved of a claim of which 20.00 are left these wait; of a cancelled one, none."""
    rows = [record(1), record(2)]
    report(store, rows, BY)
    instant(store, terms(), NEXT, BY)
    less = record(3, -8_000) | {"kind": RecordKind.ADJUST, "original": "S1"}
    report(store, [less, cancel(rows[1], 2, NEXT)], BY)

    assert [("instant", None, 4, 1, 2_000)] == _late(store, date(2026, 3, 15))


def test_a_claim_too_small_for_a_slice_is_late_with_its_month(store: HospitalStore) -> None:
    """60 % of three claims of 0.01 are 0.02 together: the third has none, and none is awaited."""
    report(store, [record(each, 1) for each in (1, 2, 3)], BY)
    assert [("instant", None, 1, 2, 2)] == _late(store, date(2026, 3, 12))


def test_a_month_is_late_after_its_day(store: HospitalStore) -> None:
    """Due on 12 May: what is declared and not paid by then is late, and so it stays when paid."""
    report(store, [record(1)], BY)
    instant(store, terms(), NEXT, BY)
    pay(store, NEXT, PAYER)
    reviewed(store, application(10_000))
    assert [[], [("month", None, 1, 1, 4_000)]] == [
        _late(store, day) for day in (_DUE, date(2026, 5, 13))
    ]
    month(store, terms(), MARCH, _DUE, BY)
    # The reserve of 5.00 is not due.
    assert [("month", None, 3, 1, 3_500)] == _late(store, date(2026, 5, 15))
    pay(store, date(2026, 5, 18), PAYER)
    assert [("month", date(2026, 5, 18), 6, 1, 3_500)] == _late(store, date(2026, 6, 30))


def test_a_day_tells_whose_money_and_when_it_was_due(store: HospitalStore) -> None:
    """Two days of one fund are two rows; one claim alone is told as its day is."""
    other = date(2026, 3, 20)
    cleared(store, record(1), record(2, 2_000, record_date=other))
    pay(store, date(2026, 5, 14), PAYER)
    today = date(2026, 5, 31)
    found = late_payments(store, MARCH, _promises(), today)
    facts = {"institution": "H1", "fund": POOL, "slice": "month", "due": _DUE}
    paid = {"paid_on": date(2026, 5, 14), "days_late": 2, "claims": 1}

    assert [
        Late(day=DAY, fen=9_500, **facts, **paid),  # type: ignore[arg-type]
        Late(day=other, fen=1_900, **facts, **paid),  # type: ignore[arg-type]
    ] == found
    assert found[1:] == late_payments(store, "S2", _promises(), today)


def test_what_is_not_declared_or_disputed_is_not_late(store: HospitalStore) -> None:
    """Nothing of a month is owed before it is declared; a dispute has an age of its own."""
    report(store, [record(1)], BY)
    assert [] == _late(store, date(2026, 6, 30), instant_slices=False)
    hold(store, "S1", because("disputed"))
    reviewed(store, application(10_000))
    assert [] == _late(store, date(2026, 6, 30))
    free(store, "S1", another_because("it was theirs"))
    assert [] == _late(store, date(2026, 6, 30))


def test_a_late_correction_is_due_with_its_own_month(store: HospitalStore) -> None:
    """10.00 more of April are due 20 working days after 10 May: four whole weeks to 5 June."""
    cleared(store, record(1))
    pay(store, CLEARING, PAYER)
    april = date(2026, 4, 21)
    more = record(2, 1_000, record_date=april) | {"kind": RecordKind.ADJUST, "original": "S1"}
    report(store, [more], BY)
    assert [] == _late(store, date(2026, 6, 5))
    what = application(declaration="D2", month=Month(2026, 4), first=april, last=date(2026, 4, 30))
    reviewed(store, what)

    due = date(2026, 6, 5)
    assert [] == _late(store, due)
    assert [("month", None, 1, 1, 1_000)] == _late(store, date(2026, 6, 6))


def test_a_work_injury_fund_has_no_day(store: HospitalStore) -> None:
    """Its calendar says nothing of hospitals, so nothing is late by it."""
    cleared(store, record(1, insurance_type="410"))
    pay(store, date(2026, 7, 1), PAYER)
    assert [] == _late(store, date(2026, 7, 1))


def test_a_month_before_the_calendar_is_refused(store: HospitalStore) -> None:
    """With the month in which the calendar begins."""
    day = date(2022, 12, 10)
    report(store, [record(1, record_date=day)], BY)
    december = Month(2022, 12)
    reviewed(store, application(month=december, first=day, last=day))
    with pytest.raises(errors.NotFound, match="begins with 2023-01; for 2022-12 add an earlier"):
        _late(store, date(2026, 1, 1), what=december)
